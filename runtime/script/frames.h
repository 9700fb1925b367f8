/* Frames of a task that does not run, and their variables by their names. */
#ifndef KL_SCRIPT_FRAMES_H
#define KL_SCRIPT_FRAMES_H

#include "script/script.h"

/* How many functions are under way in a coroutine. */
int kl_frame_count(lua_State *co);
/* What tells its function from others, as lua_topointer does; NULL where the stack of `co` is full. */
const void *kl_frame_function(lua_State *co, const lua_Debug *ar);
/* Pushes the function of the frame on L. */
void kl_frame_push_function(lua_State *L, lua_State *co, const lua_Debug *ar); /* raises */
/* Pushes the value of a local variable (the innermost of that name) or an upvalue of the frame `ar` of `co` on L.
 * False, and nothing pushed, where it has none of that name. */
bool kl_frame_get(lua_State *L, lua_State *co, const lua_Debug *ar, const char *name); /* raises */
/* Gives it the value at the top of L, which is popped in any case. False where the frame has none of that name. */
bool kl_frame_set(lua_State *L, lua_State *co, const lua_Debug *ar, const char *name); /* raises */

#endif
