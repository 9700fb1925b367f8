/* The writes of both sides of a shadow: read, and noted for the comparison. */
#include "bindings/shadow_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/decimal.h"
#include "bindings/sessions.h"
#include "kalshi/account.h"

/* ---- reading ---- */

bool kl_shadow_is(const kl_operation *op, const char *name) { return op && !op->legacy && !strcmp(op->name, name); }

const char *kl_shadow_text(const json_t *o, const char *name) { return json_string_value(json_object_get(o, name)); }

bool kl_shadow_fixed(const json_t *o, const char *name, int places, int64_t *out) {
  const json_t *v = json_object_get(o, name);
  if (json_is_string(v)) return kl_decimal_parse(json_string_value(v), json_string_length(v), places, out);
  return json_is_number(v) && kl_decimal_from_double(json_number_value(v), places, out);
}

void kl_shadow_path_id(const kl_operation *op, const kl_args *args, char *out, size_t cap) {
  const char *shape = op ? op->path : "", *path = args->path.data ? args->path.data : "";
  out[0] = 0;
  while (*shape && *path && *path != '?') {
    size_t n = strcspn(shape + 1, "/") + 1, m = strcspn(path + 1, "/?") + 1;
    if (shape[1] == '{') snprintf(out, cap, "%.*s", (int)m - 1, path + 1);
    shape += n;
    path += m;
  }
}

void kl_shadow_read_order(const json_t *o, kl_paper_order *out) {
  *out = (kl_paper_order){0};
  kl_paper_copy(out->client_order_id, sizeof out->client_order_id, kl_shadow_text(o, "client_order_id"));
  kl_paper_copy(out->group, sizeof out->group, kl_shadow_text(o, "order_group_id"));
  kl_paper_copy(out->ticker, sizeof out->ticker, kl_shadow_text(o, "ticker"));
  kl_paper_copy(out->side, sizeof out->side, kl_shadow_text(o, "side"));
  (void)kl_shadow_fixed(o, "price", KL_PRICE_PLACES, &out->price);
  (void)kl_shadow_fixed(o, "count", KL_COUNT_PLACES, &out->remaining);
}

kl_paper_order *kl_shadow_order(kl_shadow *s, kl_actor who, const char *id) {
  kl_paper_order *own = kl_paper_find(&s->paper[who], id);
  if (own || !s->at->session) return own;
  const kl_own_order *o = kl_own_orders_by_id(kl_account_orders(kl_session_account(kl_account_session(s->at))), id);
  if (!o || !o->ts_ms || !o->ticker[0]) return NULL;
  kl_paper_order p = {
      .price = o->yes_price, .filled = o->filled, .remaining = o->remaining, .ended = o->status != KL_OWN_RESTING};
  kl_paper_copy(p.id, sizeof p.id, id);
  kl_paper_copy(p.client_order_id, sizeof p.client_order_id, o->client_order_id);
  kl_paper_copy(p.group, sizeof p.group, o->order_group_id);
  kl_paper_copy(p.ticker, sizeof p.ticker, o->ticker);
  kl_paper_copy(p.side, sizeof p.side, o->side == KL_BID ? "bid" : "ask");
  return kl_paper_add(&s->paper[who], &p);
}

json_t *kl_shadow_body(const kl_args *args) {
  return args->has_body ? json_loadb(args->body.data, args->body.len, 0, NULL) : NULL;
}

/* ---- noting ---- */

static void act_order(kl_act *a, const kl_paper_order *o) {
  kl_paper_copy(a->ticker, sizeof a->ticker, o->ticker);
  kl_paper_copy(a->side, sizeof a->side, o->side);
  if (o->price) kl_decimal_format(a->price, sizeof a->price, o->price, KL_PRICE_PLACES);
}

static void act_count(kl_act *a, kl_count count) {
  kl_decimal_format(a->count, sizeof a->count, count, KL_COUNT_PLACES);
}

/* What one does at its end is compared when the other comes to its end, too. */
static void note(kl_shadow *s, kl_actor who, const char *operation, kl_act *a) {
  if (kl_shadow_side_ends(s->sides[KL_ACTOR_OLD]) != kl_shadow_side_ends(s->sides[KL_ACTOR_NEW])) return;
  a->at_us = kl_shadow_now_us();
  a->wall_us = kl_wall_us(kl_clock_real());
  if (s->at->profile)
    snprintf(a->operation, sizeof a->operation, "%.32s: %.28s", s->at->profile, operation);
  else
    kl_paper_copy(a->operation, sizeof a->operation, operation);
  (void)kl_comparison_add(s->comparison, who, a); /* without memory it is counted */
}

void kl_shadow_note(kl_shadow *s, kl_actor who, const char *operation, const char *subject) {
  kl_act a = {0};
  kl_paper_copy(a.ticker, sizeof a.ticker, subject);
  note(s, who, operation, &a);
}

/* Of an order that rests or once did; by its id alone where nobody knows it. */
static void note_cancel(kl_shadow *s, kl_actor who, const char *id, const char *ticker) {
  kl_act a = {0};
  const kl_paper_order *o = kl_shadow_order(s, who, id);
  if (o) {
    act_order(&a, o);
  } else {
    kl_paper_copy(a.ticker, sizeof a.ticker, ticker);
    a.detail = kl_hash_bytes(id, strlen(id));
  }
  note(s, who, "cancel_order", &a);
}

static void note_create(kl_shadow *s, kl_actor who, const json_t *body) {
  static const char *const more[] = {"time_in_force", "post_only", "reduce_only", "cancel_order_on_pause"};
  kl_act a = {0};
  kl_paper_order o;
  kl_shadow_read_order(body, &o);
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
  kl_shadow_read_order(body, &o);
  act_order(&a, &o);
  act_count(&a, o.remaining);
  note(s, who, "amend_order", &a);
}

static void note_decrease(kl_shadow *s, kl_actor who, const char *id, const json_t *body) {
  kl_act a = {0};
  kl_count n = 0;
  const kl_paper_order *o = kl_shadow_order(s, who, id);
  if (o) act_order(&a, o);
  if (kl_shadow_fixed(body, "reduce_to", KL_COUNT_PLACES, &n)) {
    act_count(&a, n);
    a.detail = 1; /* what it comes to, not by how much */
  } else if (kl_shadow_fixed(body, "reduce_by", KL_COUNT_PLACES, &n)) {
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
  kl_shadow_read_order(body, &o);
  act_order(&a, &o);
  kl_shadow_path_id(op, args, id, sizeof id);
  if (!a.ticker[0] && kl_shadow_text(body, "market_ticker"))
    kl_paper_copy(a.ticker, sizeof a.ticker, kl_shadow_text(body, "market_ticker"));
  else if (!a.ticker[0] && !group)
    kl_paper_copy(a.ticker, sizeof a.ticker, id);
  if (o.remaining || kl_shadow_fixed(body, "count_fp", KL_COUNT_PLACES, &o.remaining)) act_count(&a, o.remaining);
  if (kl_shadow_fixed(body, "contracts_limit_fp", KL_COUNT_PLACES, &n) ||
      kl_shadow_fixed(body, "contracts_limit", KL_COUNT_PLACES, &n))
    act_count(&a, n);
  else if (args->has_body && args->body.len)
    a.detail = hash_body(body);
  if (op)
    snprintf(name, sizeof name, "%s%s", op->legacy ? "legacy." : "", op->name);
  else
    snprintf(name, sizeof name, "%.8s %.50s", method, args->path.data ? args->path.data : "");
  note(s, who, name, &a);
}

void kl_shadow_note_request(kl_shadow *s, kl_actor who, const kl_operation *op, const char *method, const kl_args *args,
                            const json_t *body) {
  char id[80];
  kl_shadow_path_id(op, args, id, sizeof id);
  const json_t *orders = json_object_get(body, "orders"), *one;
  size_t i;
  if (kl_shadow_is(op, "create_order")) {
    note_create(s, who, body);
  } else if (kl_shadow_is(op, "cancel_order")) {
    note_cancel(s, who, id, NULL);
  } else if (kl_shadow_is(op, "amend_order")) {
    note_amend(s, who, body);
  } else if (kl_shadow_is(op, "decrease_order")) {
    note_decrease(s, who, id, body);
  } else if (kl_shadow_is(op, "batch_create_orders")) {
    json_array_foreach(orders, i, one) note_create(s, who, one);
  } else if (kl_shadow_is(op, "batch_cancel_orders")) {
    json_array_foreach(orders, i, one)
        note_cancel(s, who, kl_shadow_text(one, "order_id") ? kl_shadow_text(one, "order_id") : "",
                    kl_shadow_text(one, "market_ticker"));
  } else {
    note_other(s, who, op, method, args, body);
  }
}
