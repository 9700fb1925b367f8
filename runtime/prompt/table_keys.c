#include "prompt/table_keys.h"

#include <string.h>

static int order(const kl_table_key *a, const kl_table_key *b) {
  if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
  if (a->kind == KL_KEY_TEXT) {
    size_t n = a->n < b->n ? a->n : b->n;
    int by_bytes = n ? memcmp(a->s, b->s, n) : 0;
    return by_bytes ? by_bytes : (a->n > b->n) - (a->n < b->n);
  }
  if (a->kind == KL_KEY_NUMBER) {
    if (a->d != b->d) return a->d < b->d ? -1 : 1;
    if (a->whole != b->whole) return a->whole ? -1 : 1;
    if (!a->whole) return 0;
  }
  return (a->i > b->i) - (a->i < b->i);
}

static void sink(kl_table_key *keys, size_t n, size_t at) {
  kl_table_key moved = keys[at];
  for (size_t child; (child = 2 * at + 1) < n; at = child) {
    if (child + 1 < n && order(&keys[child + 1], &keys[child]) > 0) child++;
    if (order(&keys[child], &moved) <= 0) break;
    keys[at] = keys[child];
  }
  keys[at] = moved;
}

bool kl_lowest_keys_offer(kl_lowest_keys *l, const kl_table_key *k) {
  if (l->n < l->room) {
    size_t at = l->n++;
    for (; at > 0 && order(&l->keys[(at - 1) / 2], k) < 0; at = (at - 1) / 2)
      l->keys[at] = l->keys[(at - 1) / 2];
    l->keys[at] = *k;
    return true;
  }
  if (l->room == 0 || order(k, &l->keys[0]) >= 0) return false;
  l->keys[0] = *k;
  sink(l->keys, l->n, 0);
  return true;
}

void kl_lowest_keys_sort(kl_lowest_keys *l) {
  for (size_t n = l->n; n > 1;) {
    n--;
    kl_table_key highest = l->keys[0];
    l->keys[0] = l->keys[n];
    l->keys[n] = highest;
    sink(l->keys, n, 0);
  }
}

kl_table_key kl_table_key_take(lua_State *L, int others, lua_Integer *n_others) {
  kl_table_key k = {.kind = KL_KEY_OTHER};
  switch (lua_type(L, -1)) {
  case LUA_TNUMBER:
    k.kind = KL_KEY_NUMBER;
    k.whole = lua_isinteger(L, -1);
    k.d = lua_tonumber(L, -1);
    k.i = k.whole ? lua_tointeger(L, -1) : 0;
    break;
  case LUA_TSTRING:
    k.kind = KL_KEY_TEXT;
    k.s = lua_tolstring(L, -1, &k.n);
    break;
  case LUA_TBOOLEAN:
    k.kind = KL_KEY_BOOLEAN;
    k.i = lua_toboolean(L, -1);
    break;
  default:
    k.i = ++*n_others;
    lua_pushvalue(L, -1);
    lua_rawseti(L, others, k.i);
    break;
  }
  lua_pop(L, 1);
  return k;
}

void kl_table_key_push(lua_State *L, const kl_table_key *k, int others) {
  switch (k->kind) {
  case KL_KEY_NUMBER:
    if (k->whole)
      lua_pushinteger(L, k->i);
    else
      lua_pushnumber(L, k->d);
    break;
  case KL_KEY_TEXT:
    lua_pushlstring(L, k->s, k->n);
    break;
  case KL_KEY_BOOLEAN:
    lua_pushboolean(L, k->i != 0);
    break;
  default:
    lua_rawgeti(L, others, k->i);
    break;
  }
}
