/* Read-only evaluation: a task that is guarded calls nothing but functions that are known to change nothing. Since an
 * expression changes something by calling something only, that is enough: see docs/prompt.md. */
#ifndef KL_SCRIPT_GUARD_H
#define KL_SCRIPT_GUARD_H

#include "script/script.h"

/* A guarded task may call the function at idx of this state: it changes nothing, neither here nor elsewhere, and calls
 * nothing but by Lua's own means (which are looked at in turn). For bindings, when their module or type is made. Each
 * closure counts by itself. */
void kl_guard_allow(lua_State *L, int idx); /* raises */
/* The same for some fields of the table at idx: names separated by blanks; those that it has not are passed over. */
void kl_guard_allow_fields(lua_State *L, int idx, const char *names); /* raises */
/* The running task is guarded from now on, or not any more. */
void kl_guard_set(lua_State *L, bool on);
/* For the hook, at a call in a guarded task: raises kind "permission" unless the function is allowed. */
void kl_guard_call(lua_State *L, lua_Debug *ar); /* raises */

#endif
