/* Lua as it is typed, not finished yet: its tokens, for colours, indentation and brackets. Pure; what is no Lua comes
 * out as signs. */
#ifndef KL_LUA_TEXT_H
#define KL_LUA_TEXT_H

#include <stdbool.h>
#include <stddef.h>

typedef enum kl_lua_kind {
  KL_LUA_NAME,
  KL_LUA_KEYWORD,
  KL_LUA_NUMBER,
  KL_LUA_STRING,
  KL_LUA_COMMENT,
  KL_LUA_SIGN
} kl_lua_kind;

/* Set text and n, zero the rest. */
typedef struct kl_lua_scan {
  const char *text;
  size_t n;
  kl_lua_kind kind; /* of the token */
  size_t from, to;
  bool open; /* a string or comment that has no end yet */
} kl_lua_scan;

/* The next token; false at the end. */
bool kl_lua_next(kl_lua_scan *s);

/* The line in which `at` lies is about to be left for a new one. *lead: blanks that it begins with; *want: how many it
 * should, once `end` or the like is seen at its begin; *next: how many the new one should. */
void kl_lua_indent(const char *text, size_t n, size_t at, size_t *lead, size_t *want, size_t *next);
/* The bracket at or before `at` and the one that belongs to it. */
bool kl_lua_brackets(const char *text, size_t n, size_t at, size_t *open, size_t *close);
/* The last argument of an input: the last string, number or dotted name, whatever closes behind it. */
void kl_lua_last_argument(const char *text, size_t n, size_t *from, size_t *to);

#endif
