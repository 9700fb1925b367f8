/* What writes into a store. A version that is not live yet writes when it takes over. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bindings/check.h"
#include "bindings/store.h"

#define BATCH_META "store.Batch"

enum { BATCH_MOST = 10000, BATCH_BYTES_MOST = 16 << 20, KEPT_MOST = 1000000000 };

static int hold_or(lua_State *L, lua_KFunction now) {
  return kl_may_pretend(L) ? now(L, LUA_OK, 0) : kl_hold(L, 0, now);
}

static int true_answer(lua_State *L, kl_store_wait *w) {
  (void)w;
  lua_pushboolean(L, true);
  return 1;
}

static int bool_answer(lua_State *L, kl_store_wait *w) {
  lua_pushboolean(L, w->call->n_rows && w->call->rows[0].value.integer != 0);
  return 1;
}

/* ---- arguments, of functions and of batches: the key is argument 1 ---- */

static void check_value(lua_State *L, int idx, const char *function, const char *instead) {
  char what[80];
  if (!lua_isnoneornil(L, idx)) return;
  snprintf(what, sizeof what, "a value, not nil (%s)", instead);
  kl_bad_argument(L, idx, function, what);
}

static int64_t check_kept(lua_State *L, int idx, const char *function) {
  int whole = 0;
  if (lua_isnoneornil(L, idx)) return 0;
  lua_Integer n = lua_type(L, idx) == LUA_TNUMBER ? lua_tointegerx(L, idx, &whole) : 0;
  if (!whole || n < 1 || n > KEPT_MOST) kl_bad_argument(L, idx, function, "how many items are kept, 1 or more");
  return n;
}

/* ---- set, delete, add, append, clear ---- */

/* (key, value) or (list, value, kept): one operation with a value. */
static int write_value(lua_State *L, kl_store_verb verb, const char *what, int64_t n,
                       int (*answer)(lua_State *, kl_store_wait *)) {
  size_t len;
  kl_store_op *op;
  kl_store_value v;
  const char *key = lua_tolstring(L, 1, &len);
  kl_store_handle *h = kl_store_begin(L);
  kl_store_read_value(L, 2, h, what, &v);
  kl_store_call *c = kl_store_call_of(verb, key, len, &op);
  if (c && !kl_store_add_value(c, h, &v)) {
    kl_store_call_free(c);
    c = NULL;
  }
  if (c) {
    op->value = v;
    op->n = n;
  }
  return kl_store_await(L, h, c, answer);
}

static int write_key(lua_State *L, kl_store_verb verb, int (*answer)(lua_State *, kl_store_wait *)) {
  size_t len;
  kl_store_op *op;
  const char *key = lua_tolstring(L, 1, &len);
  kl_store_handle *h = kl_store_begin(L);
  return kl_store_await(L, h, kl_store_call_of(verb, key, len, &op), answer);
}

static int set_now(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  return write_value(L, KL_STORE_SET, "store.set: the value", 0, true_answer);
}

static int delete_now(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  return write_key(L, KL_STORE_DELETE, bool_answer);
}

static int add_now(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  return write_value(L, KL_STORE_ADD, "store.add: the number", 0, kl_store_push_first);
}

static int append_now(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  return write_value(L, KL_STORE_APPEND, "store.append: the value", lua_tointeger(L, 3), kl_store_push_first);
}

static int clear_now(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  return write_key(L, KL_STORE_CLEAR, kl_store_push_first);
}

/* store.set(key, value) */
static int l_set(lua_State *L) {
  size_t n;
  kl_store_check_key(L, 1, "store.set", &n);
  check_value(L, 2, "store.set", "store.delete removes a key");
  lua_settop(L, 2);
  return hold_or(L, set_now);
}

static int by_key(lua_State *L, const char *function, lua_KFunction now) {
  size_t n;
  kl_store_check_key(L, 1, function, &n);
  lua_settop(L, 1);
  return hold_or(L, now);
}

/* store.delete(key): whether it was there. */
static int l_delete(lua_State *L) { return by_key(L, "store.delete", delete_now); }
/* store.clear(list): how many there were. */
static int l_clear(lua_State *L) { return by_key(L, "store.clear", clear_now); }

/* store.add(key, n): the sum. */
static int l_add(lua_State *L) {
  size_t n;
  kl_store_check_key(L, 1, "store.add", &n);
  kl_check_type(L, 2, LUA_TNUMBER, "store.add");
  lua_settop(L, 2);
  return hold_or(L, add_now);
}

/* store.append(list, value [, kept]): its number. */
static int l_append(lua_State *L) {
  size_t n;
  kl_store_check_key(L, 1, "store.append", &n);
  check_value(L, 2, "store.append", "a list has no holes");
  (void)check_kept(L, 3, "store.append");
  lua_settop(L, 3);
  return hold_or(L, append_now);
}

/* ---- update ---- */

static int swapped(lua_State *L, kl_store_wait *w);

/* The bytes of a value of an answer as the expected one of the next call. */
static bool expect(kl_store_call *c, kl_store_op *op, const kl_store_call *last) {
  if (!last->n_rows) return true;
  op->expected = last->rows[0].value;
  if (op->expected.kind != KL_STORE_IMAGE) return true;
  return kl_store_call_bytes(c, last->out.data + op->expected.at, op->expected.n, &op->expected.at);
}

/* What the value is, is known: the function says what comes in its place. It may not wait, so nothing of this process
 * but a plain write comes between; where somebody was faster, it is asked again. Who is next reads behind what is
 * written here. Stack: key, function. */
static int compute(lua_State *L, kl_store_wait *w) {
  size_t len;
  kl_store_op *op;
  kl_store_value v = {0};
  lua_settop(L, 2);
  lua_pushvalue(L, 2);
  (void)kl_store_push_first(L, w);
  lua_call(L, 1, 1); /* key function value */
  const char *key = lua_tolstring(L, 1, &len);
  kl_store_handle *h = kl_store_begin(L);
  if (!lua_isnil(L, 3)) kl_store_read_value(L, 3, h, "store.update: the result of the function", &v);
  kl_store_call *c = kl_store_call_of(KL_STORE_SWAP, key, len, &op);
  if (c && !(expect(c, op, w->call) && kl_store_add_value(c, h, &v))) {
    kl_store_call_free(c);
    c = NULL;
  }
  if (c) op->value = v;
  return kl_store_await(L, h, c, swapped);
}

static int swapped(lua_State *L, kl_store_wait *w) {
  if (w->call->changed) return compute(L, w);
  lua_settop(L, 3);
  return 1;
}

static int update_now(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  size_t n;
  kl_store_op *op;
  const char *key = lua_tolstring(L, 1, &n);
  kl_store_handle *h = kl_store_begin(L);
  return kl_store_await_turn(L, h, kl_store_call_of(KL_STORE_GET, key, n, &op), key, n, compute);
}

/* store.update(key, fn): what fn has made of the value. */
static int l_update(lua_State *L) {
  size_t n;
  kl_store_check_key(L, 1, "store.update", &n);
  kl_check_type(L, 2, LUA_TFUNCTION, "store.update");
  lua_settop(L, 2);
  return hold_or(L, update_now);
}

/* ---- batch ---- */

typedef struct {
  kl_store_call *call; /* owned; NULL once it went to the store */
  kl_store_handle *handle;
} batch;

static int batch_gc(lua_State *L) {
  batch *b = luaL_checkudata(L, 1, BATCH_META);
  kl_store_call_free(b->call);
  b->call = NULL;
  return 0;
}

/* One more operation, of the key at 1; with the value at 2. The batch is upvalue 1. */
static void add_op(lua_State *L, batch *b, kl_store_verb verb, int key_at, int value_at, int64_t n, const char *what) {
  size_t len;
  kl_store_value v = {0};
  const char *key = lua_tolstring(L, key_at, &len);
  kl_store_call *c = b->call;
  if (!c) {
    kl_raise_coded(L, KL_ERR_CLOSED, "handle_closed",
                   "this batch is over: what it writes has to be said within the function that store.batch calls");
    return;
  }
  if (value_at) kl_store_read_value(L, value_at, b->handle, what, &v);
  if (c->n_ops >= BATCH_MOST || c->in.len + len + v.n > BATCH_BYTES_MOST)
    kl_raise_coded(L, KL_ERR_LIMIT, "store_too_big",
                   "store.batch: more than %d operations or %d MiB at once: write them in several batches", BATCH_MOST,
                   BATCH_BYTES_MOST >> 20);
  kl_store_op *op = kl_store_call_add(c, verb, key, len);
  if (op && !kl_store_add_value(c, b->handle, &v)) {
    op = NULL;
    c->n_ops--; /* the function may catch the error, and the rest be written */
  }
  if (!op) {
    kl_raisef(L, KL_ERR_INTERNAL, "not enough memory for the store");
    return;
  }
  op->value = v;
  op->n = n;
}

static batch *batch_here(lua_State *L) { return lua_touserdata(L, lua_upvalueindex(1)); }

static int b_set(lua_State *L) {
  size_t n;
  kl_store_check_key(L, 1, "batch.set", &n);
  check_value(L, 2, "batch.set", "batch.delete removes a key");
  add_op(L, batch_here(L), KL_STORE_SET, 1, 2, 0, "batch.set: the value");
  return 0;
}

static int add_by_key(lua_State *L, const char *function, kl_store_verb verb) {
  size_t n;
  kl_store_check_key(L, 1, function, &n);
  add_op(L, batch_here(L), verb, 1, 0, 0, NULL);
  return 0;
}

static int b_delete(lua_State *L) { return add_by_key(L, "batch.delete", KL_STORE_DELETE); }
static int b_clear(lua_State *L) { return add_by_key(L, "batch.clear", KL_STORE_CLEAR); }

static int b_add(lua_State *L) {
  size_t n;
  kl_store_check_key(L, 1, "batch.add", &n);
  kl_check_type(L, 2, LUA_TNUMBER, "batch.add");
  add_op(L, batch_here(L), KL_STORE_ADD, 1, 2, 0, "batch.add: the number");
  return 0;
}

static int b_append(lua_State *L) {
  size_t n;
  kl_store_check_key(L, 1, "batch.append", &n);
  check_value(L, 2, "batch.append", "a list has no holes");
  add_op(L, batch_here(L), KL_STORE_APPEND, 1, 2, check_kept(L, 3, "batch.append"), "batch.append: the value");
  return 0;
}

/* What each operation gives, in order. */
static int batch_answer(lua_State *L, kl_store_wait *w) {
  const kl_store_call *c = w->call;
  lua_createtable(L, (int)c->n_ops, 0);
  for (size_t i = 0; i < c->n_ops; i++) {
    const kl_store_op *op = &c->ops[i];
    if (op->verb == KL_STORE_SET || !op->n_rows)
      lua_pushboolean(L, op->verb == KL_STORE_SET);
    else if (op->verb == KL_STORE_DELETE)
      lua_pushboolean(L, c->rows[op->rows].value.integer != 0);
    else
      kl_store_push_value(L, c, &c->rows[op->rows].value);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

static void collect_table(lua_State *L, batch *b) {
  for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) { /* … key value */
    int top = lua_gettop(L);
    size_t n = 0;
    if (lua_type(L, top - 1) == LUA_TSTRING) (void)lua_tolstring(L, top - 1, &n);
    if (n == 0 || n > KL_STORE_KEY_MOST)
      kl_raise_coded(L, KL_ERR_VALIDATION, "malformed_value",
                     "store.batch: the keys of the table are texts of 1 to %d bytes, as store.set has them",
                     KL_STORE_KEY_MOST);
    add_op(L, b, KL_STORE_SET, top - 1, top, 0, "store.batch: a value");
  }
}

static int batch_now(lua_State *L, int status, lua_KContext ctx) {
  static const luaL_Reg functions[] = {{"set", b_set},       {"delete", b_delete}, {"add", b_add},
                                       {"append", b_append}, {"clear", b_clear},   {NULL, NULL}};
  (void)status;
  (void)ctx;
  kl_store_handle *h = kl_store_begin(L);
  batch *b = lua_newuserdatauv(L, sizeof *b, 0); /* what batch */
  *b = (batch){.handle = h};
  if (luaL_newmetatable(L, BATCH_META)) {
    lua_pushcfunction(L, batch_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushliteral(L, BATCH_META);
    lua_setfield(L, -2, "__metatable");
  }
  lua_setmetatable(L, 2);
  b->call = kl_store_call_new();
  if (!b->call) return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory for the store");
  if (lua_type(L, 1) == LUA_TTABLE) {
    collect_table(L, b);
  } else {
    lua_pushvalue(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, 2);
    luaL_setfuncs(L, functions, 1);
    lua_call(L, 1, 0);
  }
  kl_store_call *c = b->call;
  b->call = NULL;
  if (c->n_ops) return kl_store_await(L, h, c, batch_answer);
  kl_store_call_free(c);
  lua_newtable(L);
  return 1;
}

/* store.batch(fn or table): what each operation gives. */
static int l_batch(lua_State *L) {
  if (lua_type(L, 1) != LUA_TFUNCTION && lua_type(L, 1) != LUA_TTABLE)
    return kl_bad_argument(L, 1, "store.batch", "a function or a table of keys and values");
  lua_settop(L, 1);
  return hold_or(L, batch_now);
}

const luaL_Reg kl_store_writers[] = {{"set", l_set},     {"delete", l_delete}, {"add", l_add},     {"update", l_update},
                                     {"batch", l_batch}, {"append", l_append}, {"clear", l_clear}, {NULL, NULL}};
