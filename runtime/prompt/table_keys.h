/* The keys of a table in order: numbers, then texts, then booleans, then others as they come. */
#ifndef KL_TABLE_KEYS_H
#define KL_TABLE_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include <lua.h>

/* A key of a table, small enough to be sorted. Texts are kept by the table. */
typedef struct {
  enum { KL_KEY_NUMBER, KL_KEY_TEXT, KL_KEY_BOOLEAN, KL_KEY_OTHER } kind;
  bool whole;    /* KL_KEY_NUMBER: an integer, in `i` too */
  lua_Number d;  /* KL_KEY_NUMBER */
  lua_Integer i; /* KL_KEY_NUMBER, KL_KEY_BOOLEAN, KL_KEY_OTHER: its place in the list of others */
  const char *s; /* KL_KEY_TEXT */
  size_t n;
} kl_table_key;

/* The key at the top, popped. Objects are put into the list of others at stack index `others`, which has *n_others. */
kl_table_key kl_table_key_take(lua_State *L, int others, lua_Integer *n_others);
/* Pushes it again. */
void kl_table_key_push(lua_State *L, const kl_table_key *k, int others);

/* The k lowest keys of any number of them: a heap with the highest at its top. */
typedef struct {
  kl_table_key *keys;
  size_t n, room;
} kl_lowest_keys;

/* Takes a copy of the key, unless there are `room` lower ones; whether it was taken. */
bool kl_lowest_keys_offer(kl_lowest_keys *l, const kl_table_key *k);
/* Puts them in order, the lowest first; then no more may be offered. */
void kl_lowest_keys_sort(kl_lowest_keys *l);

#endif
