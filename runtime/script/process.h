/* Programs that a script starts, where --allow-run allows it: os.execute and io.popen, waiting in their task. */
#ifndef KL_SCRIPT_PROCESS_H
#define KL_SCRIPT_PROCESS_H

#include "script/script.h"

int kl_program_execute(lua_State *L); /* raises; os.execute */
int kl_program_popen(lua_State *L);   /* raises; io.popen */
/* Of the value at idx: 1 for an open handle of io.popen, 0 for a closed one, -1 for anything else. */
int kl_program_state(lua_State *L, int idx);
void kl_programs_open(lua_State *L); /* raises; registers the metatable of handles */

#endif
