/* Lua gives a coroutine one hook. Several look at what runs: the watchdog breaks it, the guard of a prompt refuses
 * calls, the debugger stops at lines, coverage counts them. Which of them do is a matter of the running task; here
 * their needs become one hook. */
#ifndef KL_SCRIPT_HOOKS_H
#define KL_SCRIPT_HOOKS_H

#include "script/script.h"

/* Sets the hook that `co`, a coroutine which the task `t` runs or is about to run, needs; none where t is NULL or
 * nobody looks. To be called whenever that changes. Async-signal-safe, for the thread that runs `co`. */
void kl_hooks_set(lua_State *co, const kl_task *t);

#endif
