/* What can be written behind a name at the prompt: the fields and methods of live values, without running any code. */
#ifndef KL_PROMPT_MEMBERS_H
#define KL_PROMPT_MEMBERS_H

#include <lua.h>

#include "base/buf.h"
#include "control/server.h"

/* The operation `members` {session, path, method, prefix?} -> {type, name?, items:[{name, type, text?}], more}: the
 * string keys of the value that `path` (a list of names and integers; empty: the names that an input can begin with)
 * leads to. `type` and `name` are of that value itself: its Lua type, and the type of its userdata. `more`: there are
 * more than are given. */
extern const kl_control_op kl_prompt_members_ops[];

/* ---- the walk over values, for that operation ---- */

typedef struct kl_members_wish {
  const char *prefix; /* only names that begin so; NULL: all */
  size_t prefix_len;
  bool method; /* only what can be called behind a colon */
} kl_members_wish;

enum { KL_MEMBERS_MOST = 2000 }; /* names of one answer */

/* An answer that is being written. */
typedef struct kl_members {
  kl_buf *out; /* borrowed: the inside of a JSON object */
  kl_members_wish wish;
  size_t names, bytes; /* given so far */
  size_t steps;        /* entries looked at so far */
  bool more;
} kl_members;

/* Replaces the value at the top of L by the one that the next part of a path, a name or an integer, leads to in it; by
 * nil where that is nothing, or could only be found by running code. */
void kl_members_step(lua_State *L, const json_t *part); /* raises */
/* `type` and `name` of the value at the top. */
void kl_members_self(lua_State *L, kl_buf *out); /* raises */
/* The list is begun, filled, and ended. Its items may repeat a name: the first one counts, as the nearer. */
void kl_members_begin(kl_members *m, kl_buf *out, const kl_members_wish *wish);
/* One item, of the value at the top of L. */
void kl_members_add(kl_members *m, lua_State *L, const char *name, size_t n); /* raises */
/* One item whose value is not at hand. */
void kl_members_add_type(kl_members *m, const char *name, size_t n, const char *type);
/* All that can be written behind the value at the top of L. */
void kl_members_walk(kl_members *m, lua_State *L); /* raises */
void kl_members_end(kl_members *m);

#endif
