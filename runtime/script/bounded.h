/* The bound of C functions that scripts call: how a loop whose length a script chooses ends with the watchdog's error.
 */
#ifndef KL_BOUNDED_H
#define KL_BOUNDED_H

#include <limits.h>

#include "script/script.h"

/* A loop counts its steps (some nanoseconds each) down with kl_spend and is ended when its task is to be broken. It
 * must hold nothing then that is not Lua's. */
typedef struct kl_work {
  lua_State *L;
  int left;
} kl_work;

enum { KL_WORK_STEPS = 4096 };

static inline kl_work kl_work_of(lua_State *L) { return (kl_work){L, KL_WORK_STEPS}; }

static inline void kl_spend(kl_work *b, size_t steps) { /* raises, or suspends for good */
  b->left -= steps < INT_MAX / 2 ? (int)steps : INT_MAX / 2;
  if (b->left > 0) return;
  b->left = KL_WORK_STEPS;
  kl_check_time(b->L);
}

/* The functions of `string` and `table` whose work the ones of Lua do not bound; they replace fields of the table at
 * the top of L. What they do otherwise is the same, to the texts of their errors. */
void kl_bounded_string_open(lua_State *L); /* raises */
void kl_bounded_table_open(lua_State *L);  /* raises */
/* load(chunk, name, mode, env): text only, whatever the mode says. */
int kl_bounded_load(lua_State *L);
/* As luaL_loadbufferx of a text does; one that takes too long ends the running task, and where none runs it fails after
 * the time that the script's tasks have. One that is ended so, or for want of memory, gives another status than
 * LUA_ERRSYNTAX, which is about the text. */
int kl_load_text(lua_State *L, const char *text, size_t n, const char *chunk_name);
/* The same where no task runs, with a time of its own, of kl_thread_cpu_ns. */
int kl_load_text_until(lua_State *L, const char *text, size_t n, const char *chunk_name, int64_t until_ns);

#endif
