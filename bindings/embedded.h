/* Modules that are written in Lua above a core in C: how they are run, and what each of them needs of C. */
#ifndef KL_BINDINGS_EMBEDDED_H
#define KL_BINDINGS_EMBEDDED_H

#include <lua.h>

/* Runs lua/stdlib/NAME.lua with the `nargs` values at the top of the stack, which are replaced by its one result. */
void kl_embedded_call(lua_State *L, const char *name, int nargs); /* raises */

/* core.error(kind, message, status, retryable) -> an error object, with the place of the script */
int kl_embedded_error_lua(lua_State *L);
/* core.nearest(name, names) -> the one that was most likely meant, or nil */
int kl_embedded_nearest_lua(lua_State *L);
/* Module `library`: { error, nearest }, the core of modules that are written in Lua and need nothing else of C. */
int luaopen_kl_library(lua_State *L);

#endif
