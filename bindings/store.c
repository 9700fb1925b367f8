/* Module `store`: a small database of a strategy's own, kept on the disk (store/store.h). The module is the store of
 * the script's name; store.open gives one that scripts share. Each is a table of functions over a handle. */
#include "bindings/store.h"

#include <stdlib.h>
#include <string.h>

#include "bindings/check.h"
#include "script/guard.h"

#define HANDLE_META "store.Handle"
#define CURSOR_META "store.Cursor"

enum { NAME_MOST = 100, ITEMS_MOST = 1000000 };

/* ---- one value ---- */

/* The default is argument 2. */
static int get_answer(lua_State *L, kl_store_wait *w) {
  if (w->call->n_rows) return kl_store_push_first(L, w);
  lua_pushvalue(L, 2);
  return 1;
}

/* store.get(key [, default]) */
static int l_get(lua_State *L) {
  size_t n;
  kl_store_op *op;
  const char *key = kl_store_check_key(L, 1, "store.get", &n);
  lua_settop(L, 2);
  kl_store_handle *h = kl_store_begin(L);
  return kl_store_await(L, h, kl_store_call_of(KL_STORE_GET, key, n, &op), get_answer);
}

/* ---- several, in order ---- */

static const char *check_prefix(lua_State *L, int idx, const char *function, size_t *n) {
  *n = 0;
  bool all = lua_isnoneornil(L, idx) || (lua_type(L, idx) == LUA_TSTRING && lua_rawlen(L, idx) == 0);
  return all ? "" : kl_store_check_key(L, idx, function, n);
}

/* A loop over keys, page by page. */
typedef struct cursor {
  kl_store_call *page; /* owned; NULL before the first */
  size_t at;           /* its row that comes next */
  kl_charge charge;    /* of the page */
  size_t prefix_n;
  char prefix[KL_STORE_KEY_MOST];
} cursor;

static void leave_page(cursor *c) {
  kl_store_call_free(c->page);
  c->page = NULL;
  (void)kl_charge_set(&c->charge, 0);
}

static int cursor_gc(lua_State *L) {
  leave_page(luaL_checkudata(L, 1, CURSOR_META));
  return 0;
}

static int next_k(lua_State *L, int status, lua_KContext ctx);

static int page_answer(lua_State *L, kl_store_wait *w) {
  cursor *c = lua_touserdata(L, lua_upvalueindex(2));
  leave_page(c);
  c->page = w->call;
  c->at = 0;
  c->charge = w->charge;
  w->call = NULL;
  w->charge.n = 0;
  return next_k(L, LUA_OK, 0);
}

/* Keys and values, or keys alone, from behind the last row of a page, which may be NULL. */
static kl_store_call *page_call(kl_store_verb verb, const char *prefix, size_t n, const kl_store_call *last,
                                int64_t most) {
  kl_store_op *op;
  kl_store_call *c = kl_store_call_of(verb, prefix, n, &op);
  if (!c) return NULL;
  op->n = most;
  if (last && last->n_rows) {
    const kl_store_row *r = &last->rows[last->n_rows - 1];
    op->has_after = true;
    op->after_n = r->key_n;
    size_t at;
    if (!kl_store_call_bytes(c, last->out.data + r->key, r->key_n, &at)) {
      kl_store_call_free(c);
      return NULL;
    }
    op->after = at;
  }
  return c;
}

static int next_k(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  cursor *c = lua_touserdata(L, lua_upvalueindex(2));
  lua_settop(L, 0);
  if (c->page && c->at < c->page->n_rows) {
    kl_check_cancelled(L);
    const kl_store_row *r = &c->page->rows[c->at++];
    lua_pushlstring(L, c->page->out.data + r->key, r->key_n);
    kl_store_push_value(L, c->page, &r->value);
    return 2;
  }
  if (c->page && !c->page->more) {
    lua_pushnil(L);
    return 1;
  }
  kl_store_handle *h = kl_store_begin(L);
  return kl_store_await(L, h, page_call(KL_STORE_EACH, c->prefix, c->prefix_n, c->page, INT64_MAX), page_answer);
}

static int l_next(lua_State *L) { return kl_stretched(L) ? kl_yield_to(L, 0, next_k) : next_k(L, LUA_OK, 0); }

/* store.each([prefix]): an iterator over keys and values. */
static int l_each(lua_State *L) {
  size_t n;
  const char *prefix = check_prefix(L, 1, "store.each", &n);
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1)); /* prefix handle */
  cursor *c = lua_newuserdatauv(L, sizeof *c, 0);
  memset(c, 0, sizeof *c);
  c->charge.meter = kl_script_meter(kl_script_of(L));
  memcpy(c->prefix, prefix, n);
  c->prefix_n = n;
  luaL_setmetatable(L, CURSOR_META);
  lua_pushcclosure(L, l_next, 2);
  return 1;
}

/* Of store.keys and store.lists: 1 the prefix, 2 the limit, 3 the list so far. */
static int names_again(lua_State *L, kl_store_verb verb, const kl_store_call *last,
                       int (*answer)(lua_State *, kl_store_wait *)) {
  size_t n = 0;
  const char *prefix = lua_isnil(L, 1) ? "" : lua_tolstring(L, 1, &n);
  int64_t left = lua_isnil(L, 2) ? INT64_MAX : lua_tointeger(L, 2) - (int64_t)lua_rawlen(L, 3);
  kl_store_handle *h = kl_store_begin(L);
  return kl_store_await(L, h, page_call(verb, prefix, n, last, left), answer);
}

static int names_answer(lua_State *L, const kl_store_call *c, kl_store_verb verb,
                        int (*answer)(lua_State *, kl_store_wait *)) {
  lua_settop(L, 3);
  lua_Integer n = (lua_Integer)lua_rawlen(L, 3);
  for (size_t i = 0; i < c->n_rows; i++) {
    lua_pushlstring(L, c->out.data + c->rows[i].key, c->rows[i].key_n);
    lua_rawseti(L, 3, ++n);
  }
  return c->more ? names_again(L, verb, c, answer) : 1;
}

static int keys_answer(lua_State *L, kl_store_wait *w) { return names_answer(L, w->call, KL_STORE_KEYS, keys_answer); }
static int lists_answer(lua_State *L, kl_store_wait *w) {
  return names_answer(L, w->call, KL_STORE_LISTS, lists_answer);
}

static int names(lua_State *L, kl_store_verb verb, const char *function, int (*answer)(lua_State *, kl_store_wait *)) {
  size_t n;
  int whole = 1;
  (void)check_prefix(L, 1, function, &n);
  lua_settop(L, 2);
  if (!lua_isnil(L, 2) && (lua_type(L, 2) != LUA_TNUMBER || lua_tointegerx(L, 2, &whole) < 1 || !whole))
    return kl_bad_argument(L, 2, function, "how many at most, 1 or more");
  lua_newtable(L);
  return names_again(L, verb, NULL, answer);
}

/* store.keys([prefix [, limit]]), store.lists([prefix [, limit]]) */
static int l_keys(lua_State *L) { return names(L, KL_STORE_KEYS, "store.keys", keys_answer); }
static int l_lists(lua_State *L) { return names(L, KL_STORE_LISTS, "store.lists", lists_answer); }

/* ---- lists ---- */

/* The oldest first. */
static int last_answer(lua_State *L, kl_store_wait *w) {
  const kl_store_call *c = w->call;
  if (lua_isnil(L, 2)) return kl_store_push_first(L, w);
  lua_createtable(L, (int)c->n_rows, 0);
  for (size_t i = 0; i < c->n_rows; i++) {
    kl_store_push_value(L, c, &c->rows[c->n_rows - 1 - i].value);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

/* store.last(list [, n]) */
static int l_last(lua_State *L) {
  size_t n;
  int whole = 1;
  kl_store_op *op;
  const char *list = kl_store_check_key(L, 1, "store.last", &n);
  lua_settop(L, 2);
  lua_Integer most = lua_isnil(L, 2) ? 1 : lua_type(L, 2) == LUA_TNUMBER ? lua_tointegerx(L, 2, &whole) : 0;
  if (!whole || most < 1 || most > ITEMS_MOST)
    return kl_bad_argument(L, 2, "store.last", "how many at most, 1 to 1,000,000");
  kl_store_handle *h = kl_store_begin(L);
  kl_store_call *c = kl_store_call_of(KL_STORE_LAST, list, n, &op);
  if (c) op->n = most;
  return kl_store_await(L, h, c, last_answer);
}

/* ---- about it ---- */

static int info_answer(lua_State *L, kl_store_wait *w) {
  static const char *const fields[] = {"bytes", "keys", "lists"};
  const kl_store_call *c = w->call;
  lua_createtable(L, 0, 4);
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    lua_pushinteger(L, i < c->n_rows ? c->rows[i].value.integer : 0); /* none: nothing was ever written */
    lua_setfield(L, -2, fields[i]);
  }
  lua_pushinteger(L, (lua_Integer)c->most);
  lua_setfield(L, -2, "most");
  return 1;
}

/* store.info() */
static int l_info(lua_State *L) {
  kl_store_op *op;
  kl_store_handle *h = kl_store_begin(L);
  return kl_store_await(L, h, kl_store_call_of(KL_STORE_INFO, "", 0, &op), info_answer);
}

/* ---- the module ---- */

static int handle_gc(lua_State *L) {
  kl_store_handle *h = luaL_checkudata(L, 1, HANDLE_META);
  kl_store_release(h->store);
  h->store = NULL;
  kl_buf_free(&h->scratch);
  return 0;
}

/* Pushes the functions of a store; `name` NULL: that of the script. */
static void push_store(lua_State *L, const char *name) {
  static const luaL_Reg readers[] = {{"get", l_get},   {"each", l_each}, {"keys", l_keys}, {"lists", l_lists},
                                     {"last", l_last}, {"info", l_info}, {NULL, NULL}};
  size_t n = name ? strlen(name) : 0;
  lua_newtable(L);                                                 /* store */
  kl_store_handle *h = lua_newuserdatauv(L, sizeof *h + n + 1, 0); /* store handle */
  memset(h, 0, sizeof *h);
  h->shared = name != NULL;
  if (n) memcpy(h->name, name, n);
  h->name[n] = 0;
  luaL_setmetatable(L, HANDLE_META);
  lua_pushvalue(L, -2);
  lua_pushvalue(L, -2); /* store handle store handle */
  luaL_setfuncs(L, readers, 1);
  lua_pop(L, 1);
  lua_pushvalue(L, -2);
  lua_pushvalue(L, -2);
  luaL_setfuncs(L, kl_store_writers, 1);
  lua_pop(L, 2); /* store */
  kl_guard_allow_fields(L, -1, "get each keys lists last info");
}

/* store.open(name) */
static int l_open(lua_State *L) {
  size_t n;
  const char *name = kl_check_text(L, 1, "store.open", &n);
  if (n == 0 || n > NAME_MOST || strlen(name) != n)
    return kl_raise_coded(L, KL_ERR_VALIDATION, "malformed_value",
                          "store.open: the name of a store has 1 to %d bytes, none of them zero", NAME_MOST);
  push_store(L, name);
  return 1;
}

static void register_type(lua_State *L, const char *name, lua_CFunction gc) {
  luaL_newmetatable(L, name);
  lua_pushcfunction(L, gc);
  lua_setfield(L, -2, "__gc");
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}

int luaopen_kl_store(lua_State *L) {
  register_type(L, HANDLE_META, handle_gc);
  register_type(L, CURSOR_META, cursor_gc);
  push_store(L, NULL);
  lua_pushcfunction(L, l_open);
  lua_setfield(L, -2, "open");
  kl_guard_allow_fields(L, -1, "open");
  lua_pushcfunction(L, l_next);
  kl_guard_allow(L, -1);
  lua_pop(L, 1);
  return 1;
}
