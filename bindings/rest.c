#include "bindings/rest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bindings/inspect.h"
#include "bindings/json.h"
#include "bindings/sessions.h"
#include "bindings/shadow.h"
#include "script/limits.h"
#include "script/rehearsal.h"
#include "script/strategy.h"

kl_environment *kl_environment_of(lua_State *L) { return kl_script_data(kl_script_of(L)); }
kl_place *kl_place_of(lua_State *L) { return lua_touserdata(L, lua_upvalueindex(1)); }

typedef struct {
  kl_wait wait;  /* first */
  kl_call *call; /* at most one of both is set */
  kl_desk_write *write;
  kl_script *script;
  const kl_operation *op;
  char name[64];
  bool raw, text;
  bool failed;
  kl_error error;
  int status;
  kl_buf body;
  kl_buf key;        /* of the answer, in the record of a version that starts */
  kl_charge charge;  /* of the body that was sent, then of the answer's */
  kl_shadow *shadow; /* that is told of the answer; NULL: none */
  int64_t sent_us;   /* for that */
  uint64_t since_ms; /* of the loop: when it began */
} rest_wait;

static void rest_done(void *data, const kl_http_response *res, const kl_error *e) {
  rest_wait *w = data;
  w->call = NULL;
  w->write = NULL;
  if (e) {
    w->failed = true;
    w->error = *e;
  } else {
    w->status = res->status;
    if (w->wait.kind == KL_WAIT_START && !kl_charge_set(&w->charge, res->body_len)) {
      w->failed = true;
      kl_charge_refused(&w->charge, res->body_len, w->name, &w->error);
    } else {
      kl_buf_add(&w->body, res->body, res->body_len); /* of a write always: it has happened */
    }
    if (w->shadow && res->status < 300) kl_shadow_answered(w->shadow, w->op, w->sent_us, res->body, res->body_len);
    if (w->body.failed) {
      w->failed = true;
      kl_error_set(&w->error, KL_ERR_INTERNAL, "%s: not enough memory for the answer of %zu bytes", w->name,
                   res->body_len);
    }
  }
  kl_complete(&w->wait);
}

static void rest_drop(kl_wait *wait) {
  rest_wait *w = (rest_wait *)wait;
  if (w->write)
    kl_desk_leave(w->write, kl_script_replaced(w->script));
  else if (w->call && kl_script_replaced(w->script))
    kl_call_leave(w->call);
  else if (w->call)
    kl_call_cancel(w->call);
  (void)kl_charge_set(&w->charge, 0);
  kl_buf_free(&w->body);
  kl_buf_free(&w->key);
  free(w);
}

static void rest_describe(const kl_wait *wait, kl_buf *out) {
  const rest_wait *w = (const rest_wait *)wait;
  kl_buf_printf(out, "REST %s", w->name);
  kl_wait_since(out, kl_script_loop(w->script), w->since_ms);
}

static bool is_blank(const kl_buf *b) {
  for (size_t i = 0; i < b->len; i++)
    if (!strchr(" \t\r\n", b->data[i]) || !b->data[i]) return false;
  return true;
}

/* Pushes the answer. */
static int rest_result(lua_State *L, rest_wait *w) {
  if (w->text) {
    lua_pushlstring(L, w->body.data ? w->body.data : "", w->body.len);
    return 1;
  }
  if (is_blank(&w->body)) {
    /* A read without an answer is none: its fields would be missing far from here. */
    if (w->op && !strcmp(w->op->method, "GET")) {
      kl_error e;
      kl_error_coded(&e, KL_ERR_PROTOCOL, "answer_unreadable", "%s answered %d without a body", w->name, w->status);
      e.status = w->status;
      memcpy(e.operation, w->name, sizeof e.operation);
      return kl_raise(L, &e);
    }
    lua_newtable(L);
    return 1;
  }
  char why[KL_JSON_MESSAGE];
  const kl_shape *shape = w->op && !w->raw ? w->op->answer : NULL;
  if (!kl_json_read(L, w->body.data, w->body.len, shape, !w->raw, why)) {
    kl_error e;
    int shown = w->body.len < 60 ? (int)w->body.len : 60;
    kl_error_coded(&e, KL_ERR_PROTOCOL, "answer_unreadable",
                   "%s answered %d with something that is not JSON (%s): %.*s", w->name, w->status, why, shown,
                   w->body.data);
    e.status = w->status;
    memcpy(e.operation, w->name, sizeof e.operation);
    return kl_raise(L, &e);
  }
  return 1;
}

/* ---- the answers of a start ---- */

static void remember(lua_State *L, const rest_wait *w) {
  kl_rehearsal *r = kl_script_rehearsal(kl_script_of(L));
  if (!r || !w->key.len) return;
  kl_buf answer = {0};
  kl_buf_add(&answer, &w->status, sizeof w->status);
  kl_buf_add(&answer, w->body.data, w->body.len);
  if (!answer.failed) kl_rehearsal_put(r, w->key.data, w->key.len, answer.data, answer.len);
  kl_buf_free(&answer);
}

/* What the version that starts was told when it asked this before; NULL where it did not. Leaves the key in `key`. */
static const char *recall(kl_rehearsal *r, kl_buf *key, const kl_place *at, const kl_args *args, size_t *n) {
  kl_buf_printf(key, "%s %s?%s", kl_place_name(at), args->path.data, args->query.data ? args->query.data : "");
  return key->failed ? NULL : kl_rehearsal_take(r, key->data, key->len, n);
}

static int rest_push(lua_State *L, kl_wait *wait) {
  rest_wait *w = (rest_wait *)wait;
  if (w->failed) return kl_raise(L, &w->error);
  remember(L, w);
  return rest_result(L, w);
}

/* ---- calls ---- */

/* Stack: … place operation method arguments, of a call that had to wait until the version is live. */
static int held_call(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  return kl_rest_await(L, lua_touserdata(L, -4), lua_touserdata(L, -3), lua_tostring(L, -2), lua_touserdata(L, -1));
}

static int hold(lua_State *L, kl_place *at, const kl_operation *op, const char *method, kl_args *args) {
  luaL_checkstack(L, 4, NULL);
  lua_pushlightuserdata(L, at);
  lua_pushlightuserdata(L, (void *)(uintptr_t)op);
  lua_pushstring(L, method);
  lua_pushlightuserdata(L, args);
  return kl_hold(L, 0, held_call);
}

/* ---- writes of a shadow ---- */

/* For an answer that was made up, and comes as late as one of the exchange would. */
typedef struct {
  kl_wait wait; /* first */
  kl_timer timer;
  rest_wait answer; /* of it the answer only */
} paper_wait;

static void paper_freed(uv_handle_t *timer) {
  paper_wait *p = timer->data;
  kl_buf_free(&p->answer.body);
  free(p);
}

static void paper_drop(kl_wait *wait) { kl_timer_close(&((paper_wait *)wait)->timer, paper_freed); }

static void paper_over(uv_timer_t *timer) { kl_complete(&((paper_wait *)timer->data)->wait); }

static int paper_push(lua_State *L, kl_wait *wait) {
  rest_wait *w = &((paper_wait *)wait)->answer;
  return w->failed ? kl_raise(L, &w->error) : rest_result(L, w);
}

static void paper_describe(const kl_wait *wait, kl_buf *out) {
  const paper_wait *p = (const paper_wait *)wait;
  kl_buf_printf(out, "the made-up answer of %s", p->answer.name);
  kl_wait_left(out, &p->timer);
}

static int shadow_await(lua_State *L, kl_shadow *s, const char *method, kl_args *args, const rest_wait *w) {
  paper_wait *p = calloc(1, sizeof *p);
  if (!p) return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory");
  p->wait = (kl_wait){.push = paper_push, .drop = paper_drop, .describe = paper_describe, .kind = KL_WAIT_EVENT};
  p->answer = *w;
  p->answer.status = 200;
  p->answer.failed = !kl_shadow_answer(s, w->op, method, args, &p->answer.body, &p->answer.error);
  uv_loop_t *loop = kl_script_loop(kl_script_of(L));
  kl_timer_init(loop, &p->timer, kl_script_clock(kl_script_of(L)));
  p->timer.uv.data = p;
  uv_update_time(loop);
  kl_timer_start(&p->timer, paper_over, kl_shadow_delay_ms(s), 0);
  return kl_await(L, &p->wait);
}

/* ---- whose ---- */

const char *kl_name_here(lua_State *L) {
  const kl_script *s = kl_script_of(L);
  const kl_strategy *g = kl_script_strategy(s), *of = g ? kl_strategy_shadow_of(g) : NULL;
  return of ? kl_strategy_name(of) : kl_script_name(s);
}

kl_party *kl_party_here(lua_State *L, const kl_place *at, uint32_t *generation) {
  kl_script_stats stats;
  if (!at->desk || kl_environment_of(L)->tool) return NULL;
  kl_script_stats_get(kl_script_of(L), &stats);
  *generation = (uint32_t)stats.generation;
  return kl_desk_party(at->desk, kl_name_here(L));
}

/* Sends it, the writes of strategies through the desk. False with `e`. */
static bool send_out(lua_State *L, kl_place *at, rest_wait *w, kl_session *target, bool reads, const kl_call_request *r,
                     kl_error *e) {
  if (reads || !at->desk || kl_environment_of(L)->tool || target != kl_desk_session(at->desk)) {
    w->call = kl_session_call(target, r, rest_done, w, e);
    return w->call != NULL;
  }
  uint32_t generation = 0;
  kl_party *p = kl_party_here(L, at, &generation);
  if (p) w->write = kl_desk_call(at->desk, p, generation, r, rest_done, w, e);
  if (!p) kl_error_set(e, KL_ERR_INTERNAL, "%s: not enough memory", w->name);
  return w->write != NULL;
}

/* What takes orders back, or makes them smaller, which no ceiling of a script is in the way of. */
static bool takes_back(const kl_operation *op, const char *verb) {
  static const char *const others[] = {"DecreaseOrderV2", "TriggerOrderGroup"};
  bool yes = !strcmp(verb, "DELETE");
  for (size_t i = 0; op && i < sizeof others / sizeof others[0]; i++)
    yes = yes || !strcmp(op->id, others[i]);
  return yes;
}

int kl_rest_await(lua_State *L, kl_place *at, const kl_operation *op, const char *method, kl_args *args) {
  if (!lua_isyieldable(L)) /* before anything is sent */
    return kl_raise_coded(L, KL_ERR_VALIDATION, "cannot_yield_here",
                          "%s waits for an answer, which is not possible here: use task.spawn",
                          op ? op->name : args->path.data);
  const char *verb = op ? op->method : method;
  bool reads = !strcmp(verb, "GET");
  if (!reads && !kl_may_pretend(L)) return hold(L, at, op, method, args);
  kl_actor who = KL_ACTOR_OLD;
  kl_shadow *shadow = reads ? NULL : kl_shadow_here(L, at, &who);
  if (!reads && !shadow && kl_script_is_shadow(kl_script_of(L))) (void)kl_may_act(L); /* raises: it is nobody's */
  rest_wait now = {.script = kl_script_of(L), .op = op, .raw = args->raw, .text = args->text};
  now.wait.push = rest_push;
  now.wait.drop = rest_drop;
  now.wait.describe = rest_describe;
  now.wait.kind = reads ? KL_WAIT_START : KL_WAIT_EVENT;
  if (op)
    snprintf(now.name, sizeof now.name, "%s", op->name);
  else
    snprintf(now.name, sizeof now.name, "%.8s %.50s", method, args->path.data);
  kl_rehearsal *record = reads ? kl_script_rehearsal(kl_script_of(L)) : NULL;
  kl_buf *key = record ? kl_push_buffer(L) : NULL;
  size_t n = 0;
  const char *told = record ? recall(record, key, at, args, &n) : NULL;
  if (told) {
    memcpy(&now.status, told, sizeof now.status);
    now.body = (kl_buf){.data = (char *)(uintptr_t)told + sizeof now.status, .len = n - sizeof now.status};
    kl_check_cancelled(L);
    return rest_result(L, &now);
  }
  kl_check_await(L);
  kl_error e;
  kl_session *target = kl_session_for(at, op, verb, now.name, &e);
  if (!target) return kl_raise(L, &e);
  if (!reads && !takes_back(op, verb)) kl_script_count_orders(L, args->items ? args->items : 1, now.name);
  if (shadow && who == KL_ACTOR_NEW) return shadow_await(L, shadow, verb, args, &now);
  now.shadow = shadow;
  now.sent_us = shadow ? kl_shadow_now_us() : 0;
  rest_wait *w = malloc(sizeof *w);
  if (!w) return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory");
  *w = now;
  w->since_ms = uv_now(kl_script_loop(w->script));
  w->charge.meter = kl_script_meter(kl_script_of(L));
  kl_call_request r = {.op = op,
                       .method = method,
                       .path = args->path.data,
                       .query = args->query.data,
                       .body = args->has_body ? args->body.data : NULL,
                       .body_len = args->body.len,
                       .items = args->items,
                       .routed = args->routed,
                       .shard = args->shard,
                       .owner = kl_script_owner(kl_script_of(L)),
                       .timeout_ms = args->timeout_ms};
  bool sent = kl_charge_set(&w->charge, r.body_len);
  if (sent)
    sent = send_out(L, at, w, target, reads, &r, &e);
  else
    kl_charge_refused(&w->charge, r.body_len, w->name, &e);
  if (!sent) {
    rest_drop(&w->wait);
    return kl_raise(L, &e);
  }
  if (key) {
    w->key = *key; /* moved */
    *key = (kl_buf){0};
  }
  if (shadow) kl_shadow_sent(shadow, op, verb, args);
  kl_buf_free(&args->path); /* copied; the rest of the wait needs none of it */
  kl_buf_free(&args->query);
  kl_buf_free(&args->body);
  return kl_await(L, &w->wait);
}
