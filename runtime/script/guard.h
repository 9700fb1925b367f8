/* Read-only evaluation: a task that is guarded calls nothing but functions that are known to change nothing. Since an
 * expression changes something by calling something only, that is enough: see docs/prompt.md. */
#ifndef KL_SCRIPT_GUARD_H
#define KL_SCRIPT_GUARD_H

#include "script/script.h"

/* A guarded task may call the function at idx in this state: it changes nothing, neither here nor elsewhere, and calls
 * nothing but by Lua's own means (which are looked at in turn). For bindings, when their module or type is made. Of a C
 * function all closures are meant, whatever their upvalues. */
void kl_guard_allow(lua_State *L, int idx); /* raises */
/* The same for some fields of the table at idx: names separated by blanks; those that it has not are passed over. */
void kl_guard_allow_fields(lua_State *L, int idx, const char *names); /* raises */
/* For calls that change something only with some arguments: raises as a call that is not allowed does, in a guarded
 * task. `call`: "kalshi.call with POST". */
void kl_guard_refuse(lua_State *L, const char *call); /* raises */
/* The functions of Lua's libraries that change nothing, from the globals; once per state, before a script runs. */
void kl_guard_open(lua_State *L); /* raises */
/* What a guarded task may make the script's memory grow to, now. */
size_t kl_guard_cap(const kl_script *s);
/* The running task is guarded from now on, or not any more. */
void kl_guard_set(lua_State *L, bool on);
/* For the hook, at a call in a guarded task: raises kind "permission" unless the function is allowed. */
void kl_guard_call(lua_State *L, lua_Debug *ar); /* raises */

#endif
