#include "bindings/shadow.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/decimal.h"
#include "bindings/rest.h"
#include "bindings/shadow_orders.h"
#include "kalshi/account.h"

struct kl_shadow {
  kl_shadow *next;
  kl_environment *env;
  kl_strategy *sides[KL_ACTORS];
  kl_paper paper[KL_ACTORS];
  kl_comparison *comparison;
  uint64_t numbers; /* of orders and groups that were made up */
};

/* ---- start and end ---- */

int64_t kl_shadow_now_us(void) { return kl_mono_ns(kl_clock_real()) / 1000; }

kl_strategy *kl_shadow_strategy(const kl_shadow *s, kl_actor who) { return s->sides[who]; }
const kl_comparison *kl_shadow_comparison(const kl_shadow *s) { return s->comparison; }
kl_shadow *kl_shadow_next(const kl_environment *env, const kl_shadow *after) {
  return after ? after->next : env->shadows;
}

static void shadow_free(kl_shadow *s) {
  for (int who = 0; who < KL_ACTORS; who++)
    kl_paper_close(&s->paper[who]);
  kl_comparison_free(s->comparison);
  free(s);
}

void kl_shadows_free(kl_shadow *first) {
  while (first) {
    kl_shadow *next = first->next;
    shadow_free(first);
    first = next;
  }
}

static bool ended(const kl_strategy *g) {
  kl_strategy_status status;
  kl_strategy_status_get(g, &status);
  return status.phase == KL_STRATEGY_ENDED;
}

static bool ends(const kl_strategy *g) {
  kl_strategy_status status;
  kl_strategy_status_get(g, &status);
  return status.stopping || status.phase == KL_STRATEGY_ENDED;
}

bool kl_shadow_may_start(const kl_environment *env, const kl_strategy *of, kl_error *e) {
  for (const kl_shadow *s = env->shadows; s; s = s->next) {
    if (s->sides[KL_ACTOR_OLD] != of || ended(s->sides[KL_ACTOR_NEW])) continue;
    kl_error_set(e, KL_ERR_VALIDATION, "%s has a shadow that runs: end it with `kalua shadow %s --stop`",
                 kl_strategy_name(of), kl_strategy_name(of));
    return false;
  }
  return true;
}

bool kl_shadow_start(kl_environment *env, kl_host *h, kl_strategy *of, const kl_strategy_options *o, kl_shadow **out,
                     kl_error *e) {
  if (!kl_shadow_may_start(env, of, e)) return false;
  kl_shadow *s = calloc(1, sizeof *s);
  bool ok = s && kl_paper_open(&s->paper[KL_ACTOR_OLD]) && kl_paper_open(&s->paper[KL_ACTOR_NEW]);
  if (s) s->comparison = kl_comparison_new(KL_SHADOW_WINDOW_MS * INT64_C(1000));
  if (!ok || !s->comparison) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for a shadow of %s", kl_strategy_name(of));
    if (s) shadow_free(s);
    return false;
  }
  kl_strategy_options so = *o;
  so.shadow_of = of;
  s->env = env;
  s->sides[KL_ACTOR_OLD] = of;
  if (!kl_strategy_start(h, &so, &s->sides[KL_ACTOR_NEW], e)) {
    shadow_free(s);
    return false;
  }
  kl_error none = {0}; /* without a key there are no orders to know of */
  if (env->session) (void)kl_account_start(kl_session_account(env->session), &none);
  kl_shadow **end = &env->shadows;
  while (*end)
    end = &(*end)->next;
  *end = *out = s;
  return true;
}

kl_shadow *kl_shadow_here(lua_State *L, kl_actor *who) {
  const kl_environment *env = kl_environment_of(L);
  if (!env->shadows) return NULL;
  const kl_strategy *g = kl_script_strategy(kl_script_of(L));
  kl_shadow *found = NULL; /* the newest: one that has ended is history */
  for (kl_shadow *s = env->shadows; g && s; s = s->next) {
    if (s->sides[KL_ACTOR_NEW] != g && (s->sides[KL_ACTOR_OLD] != g || ended(s->sides[KL_ACTOR_NEW]))) continue;
    *who = s->sides[KL_ACTOR_NEW] == g ? KL_ACTOR_NEW : KL_ACTOR_OLD;
    found = s;
  }
  return found;
}

/* ---- requests, read ---- */

static bool is_op(const kl_operation *op, const char *name) { return op && !op->legacy && !strcmp(op->name, name); }

static void copy(char *out, size_t cap, const char *text) { snprintf(out, cap, "%s", text ? text : ""); }

static const char *text_field(const json_t *o, const char *name) { return json_string_value(json_object_get(o, name)); }

static bool fixed_field(const json_t *o, const char *name, int places, int64_t *out) {
  const json_t *v = json_object_get(o, name);
  if (json_is_string(v)) return kl_decimal_parse(json_string_value(v), json_string_length(v), places, out);
  return json_is_number(v) && kl_decimal_from_double(json_number_value(v), places, out);
}

/* The last part of the path that the operation's path has in braces: the id of what the call is about; "" where there
 * is none. */
static void path_id(const kl_operation *op, const kl_args *args, char *out, size_t cap) {
  const char *shape = op ? op->path : "", *path = args->path.data ? args->path.data : "";
  out[0] = 0;
  while (*shape && *path && *path != '?') {
    size_t n = strcspn(shape + 1, "/") + 1, m = strcspn(path + 1, "/?") + 1;
    if (shape[1] == '{') snprintf(out, cap, "%.*s", (int)m - 1, path + 1);
    shape += n;
    path += m;
  }
}

static void order_of_body(const json_t *o, kl_paper_order *out) {
  *out = (kl_paper_order){0};
  copy(out->client_order_id, sizeof out->client_order_id, text_field(o, "client_order_id"));
  copy(out->group, sizeof out->group, text_field(o, "order_group_id"));
  copy(out->ticker, sizeof out->ticker, text_field(o, "ticker"));
  copy(out->side, sizeof out->side, text_field(o, "side"));
  (void)fixed_field(o, "price", KL_PRICE_PLACES, &out->price);
  (void)fixed_field(o, "count", KL_COUNT_PLACES, &out->remaining);
}

/* The order that a side knows by this id: one of its own, or one of the account, which for the new one is one of paper
 * from then on. NULL where nobody knows it. */
static kl_paper_order *find_order(kl_shadow *s, kl_actor who, const char *id) {
  kl_paper_order *own = kl_paper_find(&s->paper[who], id);
  if (own || !s->env->session) return own;
  const kl_own_order *o = kl_own_orders_by_id(kl_account_orders(kl_session_account(s->env->session)), id);
  if (!o || !o->ts_ms || !o->ticker[0]) return NULL;
  kl_paper_order p = {.price = o->yes_price, .remaining = o->remaining, .ended = o->status != KL_OWN_RESTING};
  copy(p.id, sizeof p.id, id);
  copy(p.client_order_id, sizeof p.client_order_id, o->client_order_id);
  copy(p.group, sizeof p.group, o->order_group_id);
  copy(p.ticker, sizeof p.ticker, o->ticker);
  copy(p.side, sizeof p.side, o->side == KL_BID ? "bid" : "ask");
  return kl_paper_add(&s->paper[who], &p);
}

/* ---- noting ---- */

static void act_order(kl_act *a, const kl_paper_order *o) {
  copy(a->ticker, sizeof a->ticker, o->ticker);
  copy(a->side, sizeof a->side, o->side);
  if (o->price) kl_decimal_format(a->price, sizeof a->price, o->price, KL_PRICE_PLACES);
}

static void act_count(kl_act *a, kl_count count) {
  kl_decimal_format(a->count, sizeof a->count, count, KL_COUNT_PLACES);
}

/* What one does at its end is compared when the other comes to its end, too. */
static void note(kl_shadow *s, kl_actor who, const char *operation, kl_act *a) {
  if (ends(s->sides[KL_ACTOR_OLD]) != ends(s->sides[KL_ACTOR_NEW])) return;
  a->at_us = kl_shadow_now_us();
  a->wall_us = kl_wall_us(kl_clock_real());
  copy(a->operation, sizeof a->operation, operation);
  (void)kl_comparison_add(s->comparison, who, a); /* without memory it is counted */
}

void kl_shadow_note(kl_shadow *s, kl_actor who, const char *operation, const char *subject) {
  kl_act a = {0};
  copy(a.ticker, sizeof a.ticker, subject);
  note(s, who, operation, &a);
}

/* Of an order that rests or once did; by its id alone where nobody knows it. */
static void note_cancel(kl_shadow *s, kl_actor who, const char *id, const char *ticker) {
  kl_act a = {0};
  const kl_paper_order *o = find_order(s, who, id);
  if (o) {
    act_order(&a, o);
  } else {
    copy(a.ticker, sizeof a.ticker, ticker);
    a.detail = kl_hash_bytes(id, strlen(id));
  }
  note(s, who, "cancel_order", &a);
}

static void note_create(kl_shadow *s, kl_actor who, const json_t *body) {
  static const char *const more[] = {"time_in_force", "post_only", "reduce_only", "cancel_order_on_pause"};
  kl_act a = {0};
  kl_paper_order o;
  order_of_body(body, &o);
  act_order(&a, &o);
  act_count(&a, o.remaining);
  for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
    const json_t *v = json_object_get(body, more[i]);
    if (json_is_string(v)) a.detail = a.detail * 31 + kl_hash_bytes(json_string_value(v), json_string_length(v));
    if (json_is_true(v)) a.detail += UINT64_C(1) << (i + 8);
  }
  a.detail += (uint64_t)json_integer_value(json_object_get(body, "subaccount"));
  note(s, who, "create_order", &a);
}

static void note_amend(kl_shadow *s, kl_actor who, const json_t *body) {
  kl_act a = {0};
  kl_paper_order o;
  order_of_body(body, &o);
  act_order(&a, &o);
  act_count(&a, o.remaining);
  note(s, who, "amend_order", &a);
}

static void note_decrease(kl_shadow *s, kl_actor who, const char *id, const json_t *body) {
  kl_act a = {0};
  kl_count n = 0;
  const kl_paper_order *o = find_order(s, who, id);
  if (o) act_order(&a, o);
  if (fixed_field(body, "reduce_to", KL_COUNT_PLACES, &n)) {
    act_count(&a, n);
    a.detail = 1; /* what it comes to, not by how much */
  } else if (fixed_field(body, "reduce_by", KL_COUNT_PLACES, &n)) {
    act_count(&a, -n);
  }
  note(s, who, "decrease_order", &a);
}

/* Without the names that each of the two gives its own things. */
static uint64_t hash_body(const json_t *body) {
  json_t *plain = json_copy((json_t *)(uintptr_t)body);
  (void)json_object_del(plain, "client_order_id"); /* where there is none, all the better */
  (void)json_object_del(plain, "order_group_id");
  char *text = plain ? json_dumps(plain, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
  uint64_t hash = text ? kl_hash_bytes(text, strlen(text)) : 0;
  free(text);
  json_decref(plain);
  return hash;
}

/* Anything else: what it is about, as far as the fields have the usual names, and a hash of its whole body. The ids of
 * order groups differ between the two, as those of orders do. */
static void note_other(kl_shadow *s, kl_actor who, const kl_operation *op, const char *method, const kl_args *args,
                       const json_t *body) {
  kl_act a = {0};
  kl_paper_order o;
  int64_t n;
  char id[80], name[64];
  bool group = op && !strcmp(op->tag, "order-groups");
  order_of_body(body, &o);
  act_order(&a, &o);
  path_id(op, args, id, sizeof id);
  if (!a.ticker[0] && text_field(body, "market_ticker"))
    copy(a.ticker, sizeof a.ticker, text_field(body, "market_ticker"));
  else if (!a.ticker[0] && !group)
    copy(a.ticker, sizeof a.ticker, id);
  if (o.remaining || fixed_field(body, "count_fp", KL_COUNT_PLACES, &o.remaining)) act_count(&a, o.remaining);
  if (fixed_field(body, "contracts_limit_fp", KL_COUNT_PLACES, &n) ||
      fixed_field(body, "contracts_limit", KL_COUNT_PLACES, &n))
    act_count(&a, n);
  else if (args->has_body && args->body.len)
    a.detail = hash_body(body);
  if (op)
    snprintf(name, sizeof name, "%s%s", op->legacy ? "legacy." : "", op->name);
  else
    snprintf(name, sizeof name, "%.8s %.50s", method, args->path.data ? args->path.data : "");
  note(s, who, name, &a);
}

/* Calls `one` for each order of a batch. */
static void note_request(kl_shadow *s, kl_actor who, const kl_operation *op, const char *method, const kl_args *args,
                         const json_t *body) {
  char id[80];
  path_id(op, args, id, sizeof id);
  const json_t *orders = json_object_get(body, "orders"), *one;
  size_t i;
  if (is_op(op, "create_order")) {
    note_create(s, who, body);
  } else if (is_op(op, "cancel_order")) {
    note_cancel(s, who, id, NULL);
  } else if (is_op(op, "amend_order")) {
    note_amend(s, who, body);
  } else if (is_op(op, "decrease_order")) {
    note_decrease(s, who, id, body);
  } else if (is_op(op, "batch_create_orders")) {
    json_array_foreach(orders, i, one) note_create(s, who, one);
  } else if (is_op(op, "batch_cancel_orders")) {
    json_array_foreach(orders, i, one) note_cancel(
        s, who, text_field(one, "order_id") ? text_field(one, "order_id") : "", text_field(one, "market_ticker"));
  } else {
    note_other(s, who, op, method, args, body);
  }
}

static json_t *body_of(const kl_args *args) {
  return args->has_body ? json_loadb(args->body.data, args->body.len, 0, NULL) : NULL;
}

/* ---- what the old one sends ---- */

/* Until the answer it is known by its client_order_id. */
static void keep_sent(kl_shadow *s, const json_t *body) {
  kl_paper_order o;
  order_of_body(body, &o);
  copy(o.id, sizeof o.id, o.client_order_id);
  if (o.id[0]) (void)kl_paper_add(&s->paper[KL_ACTOR_OLD], &o);
}

void kl_shadow_sent(kl_shadow *s, const kl_operation *op, const char *method, const kl_args *args) {
  json_t *body = body_of(args), *one;
  size_t i;
  note_request(s, KL_ACTOR_OLD, op, method, args, body);
  if (is_op(op, "create_order")) {
    keep_sent(s, body);
  } else if (is_op(op, "batch_create_orders")) {
    json_array_foreach(json_object_get(body, "orders"), i, one) keep_sent(s, one);
  } else if (is_op(op, "amend_order")) {
    char id[80];
    path_id(op, args, id, sizeof id);
    kl_paper_order *o = find_order(s, KL_ACTOR_OLD, id);
    if (o) (void)fixed_field(body, "price", KL_PRICE_PLACES, &o->price);
  }
  json_decref(body);
}

static void learn_id(kl_shadow *s, const json_t *answer) {
  const char *id = text_field(answer, "order_id"), *client = text_field(answer, "client_order_id");
  if (id && client) kl_paper_rename(&s->paper[KL_ACTOR_OLD], client, id);
}

void kl_shadow_answered(kl_shadow *s, const kl_operation *op, const char *body, size_t n) {
  bool single = is_op(op, "create_order");
  if (!single && !is_op(op, "batch_create_orders")) return;
  json_t *answer = json_loadb(body, n, 0, NULL), *one;
  size_t i;
  if (single)
    learn_id(s, answer);
  else
    json_array_foreach(json_object_get(answer, "orders"), i, one) learn_id(s, one);
  json_decref(answer);
}

/* ---- what the new one is answered ---- */

static void put_key(kl_buf *b, const char *key) {
  if (b->len && b->data[b->len - 1] != '{') kl_buf_char(b, ',');
  kl_buf_json_key(b, key);
}

static void put_text(kl_buf *b, const char *key, const char *text) {
  put_key(b, key);
  kl_buf_json_cstr(b, text);
}

static void put_fixed(kl_buf *b, const char *key, int64_t v) {
  put_key(b, key);
  kl_buf_json_decimal(b, v, KL_COUNT_PLACES);
}

/* What every answer about an order has. */
static void put_order(kl_buf *b, const kl_paper_order *o) {
  put_text(b, "order_id", o->id);
  if (o->client_order_id[0]) put_text(b, "client_order_id", o->client_order_id);
  put_key(b, "ts_ms");
  kl_buf_int(b, kl_wall_ms(kl_clock_real()));
}

static void no_memory(kl_error *e) { kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for an order of a shadow"); }

/* Rests where it is good till canceled; else it has ended, unfilled. */
static bool answer_create(kl_shadow *s, const json_t *body, kl_buf *b, kl_error *e) {
  kl_paper_order o;
  const char *force = text_field(body, "time_in_force");
  order_of_body(body, &o);
  snprintf(o.id, sizeof o.id, "shadow-%llu", (unsigned long long)++s->numbers);
  o.ended = force && strcmp(force, "good_till_canceled") != 0;
  if (o.ended) o.remaining = 0;
  if (!kl_paper_add(&s->paper[KL_ACTOR_NEW], &o)) {
    no_memory(e);
    return false;
  }
  kl_buf_char(b, '{');
  put_order(b, &o);
  put_fixed(b, "fill_count", 0);
  put_fixed(b, "remaining_count", o.remaining);
  kl_buf_char(b, '}');
  return true;
}

/* The order that a call changes; NULL with `e`: as the exchange says it of one that rests no more. */
static kl_paper_order *resting(kl_shadow *s, const kl_operation *op, const char *id, kl_error *e) {
  kl_paper_order *o = find_order(s, KL_ACTOR_NEW, id);
  if (o && !o->ended) return o;
  if (o) {
    kl_error_set(e, KL_ERR_HTTP, "%s answered 404 not_found", op->name);
    e->status = 404;
    copy(e->code, sizeof e->code, "not_found");
  } else {
    kl_error_set(
        e, KL_ERR_SHADOW,
        "%s was noted and not sent: this is a shadow, and no order %.80s is known whose answer could be made up",
        op->name, id);
  }
  copy(e->operation, sizeof e->operation, op->name);
  return NULL;
}

/* An order as the item of a batch: what is wrong with it is a part of the answer. */
static void put_cancelled(kl_buf *b, kl_paper_order *o, const char *id, const kl_error *e) {
  kl_buf_char(b, '{');
  if (o) {
    put_order(b, o);
    put_fixed(b, "reduced_by", o->remaining);
    o->remaining = 0;
    o->ended = true;
  } else {
    put_text(b, "order_id", id);
    put_fixed(b, "reduced_by", 0);
    put_key(b, "error");
    kl_buf_char(b, '{');
    put_text(b, "code", e->code[0] ? e->code : e->kind);
    put_text(b, "message", e->code[0] ? "not found" : e->message);
    kl_buf_char(b, '}');
  }
  kl_buf_char(b, '}');
}

static bool answer_amend(kl_paper_order *o, const json_t *body, kl_buf *b) {
  const char *renamed = text_field(body, "updated_client_order_id");
  (void)fixed_field(body, "price", KL_PRICE_PLACES, &o->price);
  (void)fixed_field(body, "count", KL_COUNT_PLACES, &o->remaining);
  if (renamed) copy(o->client_order_id, sizeof o->client_order_id, renamed);
  kl_buf_char(b, '{');
  put_order(b, o);
  put_fixed(b, "fill_count", 0);
  put_fixed(b, "remaining_count", o->remaining);
  kl_buf_char(b, '}');
  return true;
}

static bool answer_decrease(kl_paper_order *o, const json_t *body, kl_buf *b) {
  kl_count n = 0;
  if (fixed_field(body, "reduce_to", KL_COUNT_PLACES, &n))
    o->remaining = n < o->remaining ? n : o->remaining;
  else if (fixed_field(body, "reduce_by", KL_COUNT_PLACES, &n))
    o->remaining -= n;
  if (o->remaining < 0) o->remaining = 0;
  o->ended = o->remaining == 0;
  kl_buf_char(b, '{');
  put_order(b, o);
  put_fixed(b, "remaining_count", o->remaining);
  kl_buf_char(b, '}');
  return true;
}

static bool answer_one(kl_shadow *s, const kl_operation *op, const char *id, const json_t *body, kl_buf *b,
                       kl_error *e) {
  kl_paper_order *o = resting(s, op, id, e);
  if (!o) return false;
  if (is_op(op, "amend_order")) return answer_amend(o, body, b);
  if (is_op(op, "decrease_order")) return answer_decrease(o, body, b);
  put_cancelled(b, o, id, NULL);
  return true;
}

static bool answer_batch(kl_shadow *s, const kl_operation *op, const json_t *body, kl_buf *b, kl_error *e) {
  const json_t *one;
  size_t i;
  kl_buf_str(b, "{\"orders\":[");
  json_array_foreach(json_object_get(body, "orders"), i, one) {
    if (i) kl_buf_char(b, ',');
    if (is_op(op, "batch_create_orders")) {
      kl_buf item = {0};
      bool ok = answer_create(s, one, &item, e);
      kl_buf_add(b, item.data, item.len);
      kl_buf_free(&item);
      if (!ok) return false;
      continue;
    }
    const char *id = text_field(one, "order_id");
    if (!id) id = "";
    kl_error why = {0};
    put_cancelled(b, resting(s, op, id, &why), id, &why);
  }
  kl_buf_str(b, "]}");
  return true;
}

static bool answer_group(kl_shadow *s, const kl_operation *op, const char *id, const json_t *body, kl_buf *b) {
  if (is_op(op, "create_order_group")) {
    kl_buf_printf(b, "{\"order_group_id\":\"shadow-group-%llu\",\"subaccount\":%lld,\"exchange_index\":%lld}",
                  (unsigned long long)++s->numbers, (long long)json_integer_value(json_object_get(body, "subaccount")),
                  (long long)json_integer_value(json_object_get(body, "exchange_index")));
    return true;
  }
  if (is_op(op, "trigger_order_group") || is_op(op, "delete_order_group")) kl_paper_end(&s->paper[KL_ACTOR_NEW], id);
  kl_buf_str(b, "{}");
  return true;
}

static bool answer(kl_shadow *s, const kl_operation *op, const char *name, const kl_args *args, const json_t *body,
                   kl_buf *b, kl_error *e) {
  char id[80];
  path_id(op, args, id, sizeof id);
  if (is_op(op, "create_order")) return answer_create(s, body, b, e);
  if (is_op(op, "cancel_order") || is_op(op, "amend_order") || is_op(op, "decrease_order"))
    return answer_one(s, op, id, body, b, e);
  if (is_op(op, "batch_create_orders") || is_op(op, "batch_cancel_orders")) return answer_batch(s, op, body, b, e);
  if (is_op(op, "cancel_all_orders")) {
    kl_paper_end(&s->paper[KL_ACTOR_NEW], NULL);
    return true;
  }
  if (op && !op->legacy && !strcmp(op->tag, "order-groups")) return answer_group(s, op, id, body, b);
  kl_error_set(e, KL_ERR_SHADOW,
               "%s was noted and not sent: this is a shadow, and what the exchange would have answered cannot be known",
               name);
  copy(e->operation, sizeof e->operation, name);
  return false;
}

bool kl_shadow_answer(kl_shadow *s, const kl_operation *op, const char *method, const kl_args *args, kl_buf *b,
                      kl_error *e) {
  char name[64];
  if (op)
    copy(name, sizeof name, op->name);
  else
    snprintf(name, sizeof name, "%.8s %.50s", method, args->path.data);
  json_t *body = body_of(args);
  note_request(s, KL_ACTOR_NEW, op, method, args, body);
  bool ok = answer(s, op, name, args, body, b, e);
  json_decref(body);
  if (ok && b->failed) {
    no_memory(e);
    return false;
  }
  return ok;
}
