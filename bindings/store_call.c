/* A call to a store as something that a task waits for, and values on their way. */
#include "bindings/store.h"

#include <stdlib.h>
#include <string.h>

#include "bindings/check.h"
#include "bindings/rest.h"
#include "script/image.h"
#include "script/strategy.h"

enum { SCRATCH_KEPT = 64 << 10 };

__attribute__((noreturn)) static void no_memory(lua_State *L) {
  kl_raisef(L, KL_ERR_INTERNAL, "not enough memory for the store");
  abort(); /* the call above does not return */
}

kl_stores *kl_environment_stores(kl_environment *env, uv_loop_t *loop) {
  if (!env->stores) env->stores = kl_stores_new(loop, env->store);
  return env->stores;
}

/* ---- which store ---- */

/* A shadow sees the stores of the one that it is of, and writes into a layer of its own. */
static kl_store *store_of(lua_State *L, kl_store_handle *h) {
  if (h->store) return h->store;
  kl_script *s = kl_script_of(L);
  kl_stores *all = kl_environment_stores(kl_environment_of(L), kl_script_loop(s));
  if (!all) no_memory(L);
  bool shadow = kl_script_is_shadow(s);
  kl_error e;
  h->store = kl_stores_take(all, h->shared ? h->name : kl_name_here(L), h->shared, shadow ? kl_script_owner(s) : 0, &e);
  if (!h->store) kl_raise(L, &e);
  return h->store;
}

const char *kl_store_check_key(lua_State *L, int idx, const char *function, size_t *n) {
  if (lua_type(L, idx) == LUA_TTABLE)
    kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_type",
                   "%s: argument %d must be a string, not a table: functions of a store are called with a dot",
                   function, idx);
  const char *key = kl_check_text(L, idx, function, n);
  if (*n == 0 || *n > KL_STORE_KEY_MOST)
    kl_raise_coded(L, KL_ERR_VALIDATION, "malformed_value", "%s: a key has 1 to %d bytes, not %zu", function,
                   KL_STORE_KEY_MOST, *n);
  return key;
}

/* ---- waiting ---- */

static int push(lua_State *L, kl_wait *w) {
  kl_store_wait *sw = (kl_store_wait *)w;
  if (sw->call->error.kind) {
    kl_error e = sw->call->error;
    return kl_raise(L, &e);
  }
  return sw->answer(L, sw);
}

/* A call that is under way goes on: what was to be written is. */
static void drop(kl_wait *w) {
  kl_store_wait *sw = (kl_store_wait *)w;
  if (sw->under_way)
    sw->call->data = NULL;
  else
    kl_store_call_free(sw->call);
  kl_store_turn_end(sw->turn);
  (void)kl_charge_set(&sw->charge, 0);
  free(sw);
}

static void describe(const kl_wait *w, kl_buf *out) {
  kl_buf_printf(out, "the store %s", kl_store_label(((const kl_store_wait *)w)->store));
}

/* Who is next goes on behind this one, with what it has made of the value. */
static void answered(kl_store_wait *w) {
  kl_store_turn *turn = w->turn;
  w->under_way = false;
  w->turn = NULL;
  kl_complete(&w->wait);
  kl_store_turn_end_soon(turn);
}

static void done(kl_store_call *c) {
  kl_store_wait *w = c->data;
  if (!w) {
    kl_store_call_free(c);
    return;
  }
  size_t n = c->out.cap + c->cap_rows * sizeof *c->rows;
  /* What was written is written, and may not be taken for undone. */
  if (!kl_charge_set(&w->charge, n) && !kl_store_call_writes(c))
    kl_charge_refused(&w->charge, n, "what was read from the store", &c->error);
  answered(w);
}

static bool hand_over(kl_store_wait *w, kl_error *e) {
  w->under_way = kl_store_submit(w->store, w->call, e);
  return w->under_way;
}

/* Within the end of another turn. */
static void turn_has_come(void *data) {
  kl_store_wait *w = data;
  if (!hand_over(w, &w->call->error)) answered(w);
}

kl_store_handle *kl_store_begin(lua_State *L) {
  kl_store_handle *h = lua_touserdata(L, lua_upvalueindex(1));
  kl_check_await(L);
  (void)store_of(L, h);
  if (h->scratch.cap > SCRATCH_KEPT) kl_buf_free(&h->scratch);
  return h;
}

/* Takes the call, which may be NULL. */
static kl_store_wait *new_wait(lua_State *L, const kl_store_handle *h, kl_store_call *c,
                               int (*answer)(lua_State *, kl_store_wait *)) {
  kl_script *s = kl_script_of(L);
  kl_error e;
  kl_store_wait *w = c ? calloc(1, sizeof *w) : NULL;
  if (!w) {
    kl_store_call_free(c);
    no_memory(L);
  }
  w->wait = (kl_wait){.push = push, .drop = drop, .describe = describe, .kind = KL_WAIT_START};
  w->answer = answer;
  w->store = h->store;
  w->call = c;
  w->charge.meter = kl_script_meter(s);
  c->done = done;
  c->data = w;
  c->most = (size_t)kl_limits_filled(&kl_script_get_options(s)->limits).store;
  if (kl_charge_set(&w->charge, c->in.cap)) return w;
  kl_charge_refused(&w->charge, c->in.cap, "what is to go to the store", &e);
  drop(&w->wait);
  kl_raise(L, &e);
  return NULL;
}

static int hand_over_and_await(lua_State *L, kl_store_wait *w) {
  kl_error e;
  if (hand_over(w, &e)) return kl_await(L, &w->wait);
  drop(&w->wait);
  return kl_raise(L, &e);
}

int kl_store_await(lua_State *L, kl_store_handle *h, kl_store_call *c, int (*answer)(lua_State *, kl_store_wait *)) {
  return hand_over_and_await(L, new_wait(L, h, c, answer));
}

int kl_store_await_turn(lua_State *L, kl_store_handle *h, kl_store_call *c, const char *key, size_t n,
                        int (*answer)(lua_State *, kl_store_wait *)) {
  kl_store_wait *w = new_wait(L, h, c, answer);
  bool now = false;
  w->turn = kl_store_turn_new(h->store, key, n, &now, turn_has_come, w);
  if (!w->turn) {
    drop(&w->wait);
    no_memory(L);
  }
  return now ? hand_over_and_await(L, w) : kl_await(L, &w->wait);
}

kl_store_call *kl_store_call_of(kl_store_verb verb, const void *key, size_t n, kl_store_op **op) {
  kl_store_call *c = kl_store_call_new();
  *op = c ? kl_store_call_add(c, verb, key, n) : NULL;
  if (*op) return c;
  kl_store_call_free(c);
  return NULL;
}

/* ---- values ---- */

void kl_store_read_value(lua_State *L, int idx, kl_store_handle *h, const char *what, kl_store_value *v) {
  *v = (kl_store_value){.kind = KL_STORE_IMAGE};
  if (lua_type(L, idx) == LUA_TNUMBER) {
    bool whole = lua_isinteger(L, idx) != 0;
    v->kind = whole ? KL_STORE_INTEGER : KL_STORE_FLOAT;
    if (whole)
      v->integer = lua_tointeger(L, idx);
    else
      v->real = lua_tonumber(L, idx);
    return;
  }
  kl_buf_clear(&h->scratch);
  kl_image_write(L, idx, what, &h->scratch);
  v->n = h->scratch.len;
  if (v->n <= KL_STORE_VALUE_MOST) return;
  kl_buf_free(&h->scratch);
  kl_raise_coded(L, KL_ERR_LIMIT, "store_too_big",
                 "%s takes %zu bytes, and a value of a store may have %d: keep it in parts, under keys of their own",
                 what, v->n, KL_STORE_VALUE_MOST);
}

bool kl_store_add_value(kl_store_call *c, const kl_store_handle *h, kl_store_value *v) {
  return v->kind != KL_STORE_IMAGE || kl_store_call_bytes(c, h->scratch.data, v->n, &v->at);
}

void kl_store_push_value(lua_State *L, const kl_store_call *c, const kl_store_value *v) {
  switch (v->kind) {
  case KL_STORE_INTEGER:
    lua_pushinteger(L, v->integer);
    return;
  case KL_STORE_FLOAT:
    lua_pushnumber(L, v->real);
    return;
  case KL_STORE_IMAGE:
    kl_image_read(L, c->out.data + v->at, v->n);
    return;
  }
  lua_pushnil(L);
}

int kl_store_push_first(lua_State *L, kl_store_wait *w) {
  if (w->call->n_rows)
    kl_store_push_value(L, w->call, &w->call->rows[0].value);
  else
    lua_pushnil(L);
  return 1;
}
