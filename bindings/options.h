/* The one table of named options that a function takes. Everything wrong is an error of kind "validation" that names
 * the function and the option. `function` is for messages: "kalshi.order". */
#ifndef KL_BINDINGS_OPTIONS_H
#define KL_BINDINGS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lua.h>

/* A word that people try, and the option that they mean by it; `say` in place of that option where there is none. */
typedef struct kl_option_slip {
  const char *word, *option, *say;
} kl_option_slip;

/* The table at `idx` (or nothing) becomes a table there, above which is nothing, and it has no other keys than these.
 * `slips` may be NULL, and ends with a NULL word. */
void kl_options_check(lua_State *L, int idx, const char *function, const char *const *keys, size_t n,
                      const kl_option_slip *slips); /* raises */
/* Text without a zero byte, shorter than `cap`; NULL where it is absent. It stays on the stack, as nil where absent. */
const char *kl_option_text(lua_State *L, int idx, const char *function, const char *name, size_t cap); /* raises */
/* `preset` where it is absent. */
bool kl_option_flag(lua_State *L, int idx, const char *function, const char *name, bool preset); /* raises */
/* A finite number from `least` to `most`. False where it is absent. */
bool kl_option_number(lua_State *L, int idx, const char *function, const char *name, lua_Number least, lua_Number most,
                      lua_Number *out); /* raises */
/* The same of whole numbers. */
bool kl_option_integer(lua_State *L, int idx, const char *function, const char *name, lua_Integer least,
                       lua_Integer most, lua_Integer *out); /* raises */
/* A number, or its text, on the grid of 10^-places. False where it is absent. */
bool kl_option_fixed(lua_State *L, int idx, const char *function, const char *name, int places,
                     int64_t *out); /* raises */

#endif
