/* What the files of module `task` share. */
#ifndef KL_BINDINGS_TASK_H
#define KL_BINDINGS_TASK_H

#include "script/task.h"

/* Gives task objects their methods; for other modules whose functions return tasks. Harmless when repeated. */
void kl_task_register(lua_State *L); /* raises */
/* channel.c: registers the metatable; task.channel. */
void kl_channel_register(lua_State *L); /* raises */
int kl_channel_new_lua(lua_State *L);
/* group.c: task.all, task.race, task.timeout. */
int kl_group_all_lua(lua_State *L);
int kl_group_race_lua(lua_State *L);
int kl_group_timeout_lua(lua_State *L);

/* The argument as whole milliseconds, rounded up; raises when it is no number from 0 to a million seconds. */
uint64_t kl_check_seconds(lua_State *L, int idx, const char *function); /* raises */

#endif
