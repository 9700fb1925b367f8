/* Arguments of the functions that scripts call. A wrong one is an error object of kind "validation", as all errors of
 * the runtime are; the checks of lauxlib raise plain texts. */
#ifndef KL_BINDINGS_CHECK_H
#define KL_BINDINGS_CHECK_H

#include <lua.h>

/* Raises "task.sleep: argument 1 must be <what>, not <what it is>". Arguments of methods count without the object, but
 * `idx` is the place on the stack. */
int kl_bad_argument(lua_State *L, int idx, const char *function, const char *what); /* raises */
/* The argument must be of this type (LUA_TFUNCTION, …). */
void kl_check_type(lua_State *L, int idx, int type, const char *function); /* raises */
/* The argument as text, with its length; numbers are not taken for texts. Borrowed from the stack. */
const char *kl_check_text(lua_State *L, int idx, const char *function, size_t *n); /* raises */
/* The object of a method, with the metatable `type`; `class` is its name for people: "channel". */
void *kl_check_self(lua_State *L, const char *type, const char *class, const char *method); /* raises */

#endif
