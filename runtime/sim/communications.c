#include "sim/communications.h"

#include <string.h>

#include <jansson.h>

#include "base/log.h"
#include "exchange/saved.h"
#include "sim/block_trades.h"
#include "sim/combos.h"
#include "sim/http.h"
#include "sim/json_out.h"
#include "sim/persist.h"
#include "sim/random.h"
#include "sim/rfq_makers.h"
#include "sim/rolling.h"

void kl_sim_communications_id(const kl_sim *s, uint32_t user, char out[65]) {
  static const char digits[] = "0123456789abcdef";
  kl_sim_random r = kl_sim_random_new(s->o.seed ^ user, 3300);
  for (int i = 0; i < 64; i++)
    out[i] = digits[kl_sim_below(&r, 16)];
  out[64] = '\0';
}

void kl_sim_fail_refusal(kl_sim_response *rs, const kl_sim_refusal *r) {
  kl_sim_fail(rs, r->status, r->code, r->message, r->details);
}

/* ---- REST objects ---- */

void kl_sim_json_rfq(kl_buf *b, const kl_sim *s, const kl_sim_rfq *r, uint32_t viewer) {
  char creator[65];
  kl_sim_communications_id(s, r->user, creator);
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "id", r->id);
  kl_sim_field_str(b, "creator_id", creator);
  kl_sim_field_str(b, "market_ticker", r->market->ticker);
  kl_sim_field_count(b, "contracts_fp", r->contracts);
  if (r->target_cost) {
    kl_sim_field_money(b, "target_cost_dollars", r->target_cost);
    kl_sim_field_bool(b, "target_cost_excludes_fees", r->target_excludes_fees);
  }
  kl_sim_field_str(b, "status", r->open ? "open" : "closed");
  kl_sim_field_time(b, "created_ts", r->created_us);
  kl_sim_field_time(b, "updated_ts", r->updated_us);
  kl_sim_json_combo(b, r->market);
  kl_sim_field_bool(b, "rest_remainder", r->rest_remainder);
  if (!r->open) {
    kl_sim_field_time(b, "cancelled_ts", r->closed_us);
    kl_sim_field_str(b, "cancellation_reason", r->reason);
  }
  if (r->user == viewer) {
    kl_sim_field_str(b, "creator_user_id", kl_exchange_user_id(s->x, r->user));
    kl_sim_field_int(b, "creator_subaccount", r->subaccount);
  }
  kl_buf_char(b, '}');
}

static void time_if(kl_buf *b, const char *key, int64_t us) {
  if (us) kl_sim_field_time(b, key, us);
}

void kl_sim_json_quote(kl_buf *b, const kl_sim *s, const kl_sim_rfq_quote *q, uint32_t viewer) {
  const kl_sim_rfq *r = q->rfq;
  bool was_accepted = q->accepted_us != 0;
  kl_outcome shown = was_accepted ? q->accepted : q->bids[KL_YES] ? KL_YES : KL_NO;
  char id[65];
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "id", q->id);
  kl_sim_field_str(b, "rfq_id", r->id);
  kl_sim_communications_id(s, q->user, id);
  kl_sim_field_str(b, "creator_id", id);
  kl_sim_communications_id(s, r->user, id);
  kl_sim_field_str(b, "rfq_creator_id", id);
  kl_sim_field_str(b, "market_ticker", r->market->ticker);
  kl_sim_field_count(b, "contracts_fp", q->contracts[shown]);
  kl_sim_field_price(b, "yes_bid_dollars", q->bids[KL_YES]);
  kl_sim_field_price(b, "no_bid_dollars", q->bids[KL_NO]);
  kl_sim_field_time(b, "created_ts", q->created_us);
  kl_sim_field_time(b, "updated_ts", q->updated_us);
  kl_sim_field_str(b, "status", kl_quote_status_name(q->status));
  if (was_accepted) kl_sim_field_str(b, "accepted_side", kl_sim_outcome_name(q->accepted));
  time_if(b, "accepted_ts", q->accepted_us);
  time_if(b, "confirmed_ts", q->confirmed_us);
  time_if(b, "executed_ts", q->executed_us);
  time_if(b, "cancelled_ts", q->cancelled_us);
  kl_sim_field_bool(b, "rest_remainder", q->rest_remainder);
  kl_sim_field_bool(b, "post_only", q->post_only);
  if (q->reason) kl_sim_field_str(b, "cancellation_reason", q->reason);
  if (r->target_cost) {
    kl_sim_field_money(b, "rfq_target_cost_dollars", r->target_cost);
    kl_sim_field_bool(b, "target_cost_excludes_fees", r->target_excludes_fees);
  }
  if (q->bids[KL_YES]) kl_sim_field_count(b, "yes_contracts_fp", q->contracts[KL_YES]);
  if (q->bids[KL_NO]) kl_sim_field_count(b, "no_contracts_fp", q->contracts[KL_NO]);
  if (q->user == viewer) {
    kl_sim_field_str(b, "creator_user_id", kl_exchange_user_id(s->x, q->user));
    kl_sim_field_int(b, "creator_subaccount", q->subaccount);
    if (q->order[0]) kl_sim_field_str(b, "creator_order_id", q->order);
  }
  if (r->user == viewer) {
    kl_sim_field_str(b, "rfq_creator_user_id", kl_exchange_user_id(s->x, r->user));
    kl_sim_field_int(b, "rfq_creator_subaccount", r->subaccount);
    if (q->rfq_order[0]) kl_sim_field_str(b, "rfq_creator_order_id", q->rfq_order);
  }
  kl_buf_char(b, '}');
}

/* ---- the state file ----
 * Kept are the requests and quotes of clients, and what synthetic parties have to do with them: a quote once it is
 * accepted, a request once it is quoted. What these do among themselves is not. */

static bool is_client(const kl_sim *s, uint32_t user) { return kl_exchange_synthetic(s->x, user) == KL_SYNTHETIC_NONE; }

static bool keeps_rfq(const kl_sim *s, const kl_sim_rfq *r) {
  if (is_client(s, r->user)) return true;
  for (const kl_list *n = r->quotes.next; n != &r->quotes; n = n->next)
    if (is_client(s, KL_CONTAINER(n, kl_sim_rfq_quote, in_rfq)->user)) return true;
  return false;
}

static void keep_rfq(kl_sim *s, const kl_sim_rfq *r) {
  kl_buf b = {0};
  kl_buf_char(&b, '{');
  kl_sim_field_int(&b, "user", r->user);
  kl_sim_field_int(&b, "subaccount", r->subaccount);
  kl_sim_field_str(&b, "market", r->market->ticker);
  kl_sim_field_int(&b, "contracts", r->contracts);
  kl_sim_field_int(&b, "target_cost", r->target_cost);
  kl_sim_field_bool(&b, "excludes_fees", r->target_excludes_fees);
  kl_sim_field_bool(&b, "rest", r->rest_remainder);
  kl_sim_field_bool(&b, "open", r->open);
  kl_sim_field_int(&b, "created", r->created_us);
  kl_sim_field_int(&b, "updated", r->updated_us);
  kl_sim_field_int(&b, "closed", r->closed_us);
  if (r->reason) kl_sim_field_str(&b, "reason", r->reason);
  kl_buf_char(&b, '}');
  kl_sim_store_put(s->store, "rfq", r->id, &b);
  kl_buf_free(&b);
}

static void on_rfq(void *data, const kl_sim_rfq *r) {
  kl_sim *s = data;
  kl_sim_tell_rfq(s, r);
  kl_sim_rfq_makers_hear(s->rfq_makers, r);
  if (s->store && keeps_rfq(s, r)) keep_rfq(s, r);
}

static void on_quote(void *data, const kl_sim_rfq_quote *q) {
  kl_sim *s = data;
  kl_sim_tell_quote(s, q);
  bool own = is_client(s, q->user);
  if (!s->store || !(own || (is_client(s, q->rfq->user) && q->accepted_us))) return;
  if (own && !is_client(s, q->rfq->user)) keep_rfq(s, q->rfq);
  kl_buf b = {0};
  kl_buf_char(&b, '{');
  kl_sim_field_str(&b, "rfq", q->rfq->id);
  kl_sim_field_int(&b, "user", q->user);
  kl_sim_field_int(&b, "subaccount", q->subaccount);
  kl_sim_field_int(&b, "yes_bid", q->bids[KL_YES]);
  kl_sim_field_int(&b, "no_bid", q->bids[KL_NO]);
  kl_sim_field_int(&b, "yes_contracts", q->contracts[KL_YES]);
  kl_sim_field_int(&b, "no_contracts", q->contracts[KL_NO]);
  kl_sim_field_bool(&b, "rest", q->rest_remainder);
  kl_sim_field_bool(&b, "post_only", q->post_only);
  kl_sim_field_int(&b, "status", q->status);
  kl_sim_field_int(&b, "accepted_side", q->accepted);
  kl_sim_field_int(&b, "created", q->created_us);
  kl_sim_field_int(&b, "updated", q->updated_us);
  kl_sim_field_int(&b, "accepted", q->accepted_us);
  kl_sim_field_int(&b, "confirmed", q->confirmed_us);
  kl_sim_field_int(&b, "executed", q->executed_us);
  kl_sim_field_int(&b, "cancelled", q->cancelled_us);
  kl_sim_field_int(&b, "due", q->due_us);
  kl_sim_field_str(&b, "order", q->order);
  kl_sim_field_str(&b, "rfq_order", q->rfq_order);
  kl_sim_field_str(&b, "client_order_id", q->client_order_id);
  if (q->reason) kl_sim_field_str(&b, "reason", q->reason);
  kl_buf_char(&b, '}');
  kl_sim_store_put(s->store, "quote", q->id, &b);
  kl_buf_free(&b);
}

static void on_forgotten(void *data, bool quote, const char *id) {
  kl_sim *s = data;
  kl_sim_store_delete(s->store, quote ? "quote" : "rfq", id);
}

static int64_t number(const json_t *o, const char *key) { return json_integer_value(json_object_get(o, key)); }
static bool flag(const json_t *o, const char *key) { return json_is_true(json_object_get(o, key)); }

/* Copies a text of at most cap - 1 characters; "" when it is absent. */
static void text(char *out, size_t cap, const json_t *o, const char *key) {
  const char *v = json_string_value(json_object_get(o, key));
  size_t n = v ? strnlen(v, cap - 1) : 0;
  if (n) memcpy(out, v, n);
  out[n] = '\0';
}

static void load_rfq(void *data, const char *id, const json_t *o) {
  kl_sim *s = data;
  const char *market = json_string_value(json_object_get(o, "market"));
  kl_sim_rfq r = {.user = (uint32_t)number(o, "user"),
                  .subaccount = (int)number(o, "subaccount"),
                  .market = market ? kl_exchange_market(s->x, market) : NULL,
                  .contracts = number(o, "contracts"),
                  .target_cost = number(o, "target_cost"),
                  .target_excludes_fees = flag(o, "excludes_fees"),
                  .rest_remainder = flag(o, "rest"),
                  .open = flag(o, "open"),
                  .created_us = number(o, "created"),
                  .updated_us = number(o, "updated"),
                  .closed_us = number(o, "closed"),
                  .reason = kl_sim_rfqs_reason(json_string_value(json_object_get(o, "reason")))};
  size_t n = strnlen(id, sizeof r.id - 1);
  memcpy(r.id, id, n);
  if (!r.open && !r.reason) r.reason = "expired";
  /* A market of an earlier start that this one does not have: the request is gone with it. */
  if (!kl_exchange_user_id(s->x, r.user) || !kl_sim_rfq_restore(s->rfqs, &r))
    kl_log_write(KL_LOG_WARN, "sim", "the RFQ %s of the state file is of no market here", id);
}

static void load_quote(void *data, const char *id, const json_t *o) {
  kl_sim *s = data;
  const char *rfq = json_string_value(json_object_get(o, "rfq"));
  kl_sim_rfq_quote q = {.user = (uint32_t)number(o, "user"),
                        .subaccount = (int)number(o, "subaccount"),
                        .bids = {number(o, "yes_bid"), number(o, "no_bid")},
                        .contracts = {number(o, "yes_contracts"), number(o, "no_contracts")},
                        .rest_remainder = flag(o, "rest"),
                        .post_only = flag(o, "post_only"),
                        .status = (kl_quote_status)number(o, "status"),
                        .accepted = (kl_outcome)number(o, "accepted_side"),
                        .created_us = number(o, "created"),
                        .updated_us = number(o, "updated"),
                        .accepted_us = number(o, "accepted"),
                        .confirmed_us = number(o, "confirmed"),
                        .executed_us = number(o, "executed"),
                        .cancelled_us = number(o, "cancelled"),
                        .due_us = number(o, "due"),
                        .reason = kl_sim_rfqs_reason(json_string_value(json_object_get(o, "reason")))};
  size_t n = strnlen(id, sizeof q.id - 1);
  memcpy(q.id, id, n);
  text(q.order, sizeof q.order, o, "order");
  text(q.rfq_order, sizeof q.rfq_order, o, "rfq_order");
  text(q.client_order_id, sizeof q.client_order_id, o, "client_order_id");
  bool known = q.status <= KL_QUOTE_CANCELLED && q.accepted <= KL_NO && kl_exchange_user_id(s->x, q.user);
  if (!rfq || !known || !kl_sim_quote_restore(s->rfqs, &q, rfq))
    kl_log_write(KL_LOG_WARN, "sim", "the quote %s of the state file is of no RFQ here", id);
}

/* ---- combos in the state file ---- */

static void on_combo(void *data, const kl_sim_combo *c) {
  kl_sim *s = data;
  if (!s->store) return;
  kl_buf b = {0};
  kl_buf_char(&b, '{');
  kl_sim_field_str(&b, "collection", c->collection->ticker);
  kl_sim_field_str(&b, "event", c->market->event->ticker);
  kl_sim_field_int(&b, "user", c->user);
  kl_sim_field_int(&b, "created", c->created_us);
  kl_sim_key(&b, "legs");
  kl_buf_char(&b, '[');
  for (size_t i = 0; i < c->n; i++) {
    kl_buf_str(&b, i ? ",{" : "{");
    kl_sim_field_str(&b, "market", c->legs[i].market->ticker);
    kl_sim_field_str(&b, "side", kl_sim_outcome_name(c->legs[i].side));
    kl_buf_char(&b, '}');
  }
  kl_buf_str(&b, "]}");
  kl_sim_store_put(s->store, "combo", c->market->ticker, &b);
  kl_buf_free(&b);
}

static void load_combo(void *data, const char *ticker, const json_t *o) {
  kl_sim *s = data;
  const char *collection = json_string_value(json_object_get(o, "collection"));
  const char *event = json_string_value(json_object_get(o, "event"));
  const json_t *list = json_object_get(o, "legs"), *item;
  kl_leg legs[KL_SIM_LEGS_MOST];
  size_t n = json_array_size(list), i;
  bool ok = collection && event && n <= KL_SIM_LEGS_MOST;
  json_array_foreach(list, i, item) {
    const char *market = json_string_value(json_object_get(item, "market"));
    const char *side = json_string_value(json_object_get(item, "side"));
    if (!ok) break;
    ok = market && side;
    if (ok) legs[i] = (kl_leg){kl_exchange_market(s->x, market), strcmp(side, "no") == 0 ? KL_NO : KL_YES};
  }
  if (!ok || !kl_sim_combo_restore(s->combos, collection, event, ticker, legs, n, (uint32_t)number(o, "user"),
                                   number(o, "created"), s->now_us))
    kl_log_write(KL_LOG_WARN, "sim", "the combo %s of the state file has legs that are no market here", ticker);
}

/* ---- start, tick, end ---- */

static double fair(void *data, const kl_market *m) {
  const kl_sim *s = data;
  return kl_sim_world_view(&s->world, m);
}

static bool no_memory(kl_error *e) {
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the exchange simulator");
  return false;
}

bool kl_sim_communications_start(kl_sim *s, kl_error *e) {
  kl_sim_rfqs_sink sink = {.data = s, .rfq = on_rfq, .quote = on_quote, .forgotten = on_forgotten};
  s->combos = kl_sim_combos_new(s->x, s->now_us, (kl_sim_combos_sink){.data = s, .made = on_combo});
  s->rfqs = kl_sim_rfqs_new(s->x, kl_sim_persist_seed(s), s->o.speed, sink);
  if (!s->combos || !s->rfqs) return no_memory(e);
  if (!kl_sim_store_each(s->store, "combo", load_combo, s) || !kl_sim_store_each(s->store, "rfq", load_rfq, s) ||
      !kl_sim_store_each(s->store, "quote", load_quote, s)) {
    *e = *kl_sim_store_error(s->store);
    return false;
  }
  if (!s->o.quiet) {
    kl_sim_rfq_makers_options o = {.x = s->x,
                                   .rfqs = s->rfqs,
                                   .combos = s->combos,
                                   .seed = kl_sim_persist_seed(s),
                                   .speed = s->o.speed,
                                   .fair = fair,
                                   .data = s};
    s->rfq_makers = kl_sim_rfq_makers_new(&o, s->now_us);
    if (!s->rfq_makers) return no_memory(e);
  }
  return kl_sim_blocks_start(s, e);
}

void kl_sim_communications_tick(kl_sim *s) {
  kl_sim_combos_tick(s->combos, s->now_us);
  kl_sim_rfqs_tick(s->rfqs, s->now_us);
  kl_sim_rfq_makers_tick(s->rfq_makers, s->now_us);
  kl_sim_blocks_tick(s);
}

bool kl_sim_communications_may_retire(const kl_sim *s, const kl_market_event *e) {
  return !s->combos || !kl_sim_combos_need(s->combos, e);
}

void kl_sim_communications_forget(kl_sim *s, const kl_market_event *e) {
  for (size_t i = 0; i < e->n_markets; i++) {
    if (s->rfqs) kl_sim_rfqs_retire(s->rfqs, s->now_us, e->markets[i]);
    if (s->blocks) kl_sim_blocks_retire(s, e->markets[i]);
  }
}

void kl_sim_communications_retire(kl_sim *s, int64_t settled_by_us) {
  kl_market_event *e;
  while ((e = kl_sim_combos_old(s->combos, settled_by_us))) {
    kl_sim_rolling_forget(s, e);
    for (size_t i = 0; i < e->n_markets; i++)
      kl_sim_store_delete(s->store, "combo", e->markets[i]->ticker);
    kl_sim_combos_retire(s->combos, e);
  }
}

void kl_sim_communications_free(kl_sim *s) {
  kl_sim_rfq_makers_free(s->rfq_makers);
  kl_sim_rfqs_free(s->rfqs);
  kl_sim_blocks_free(s->blocks);
  kl_sim_combos_free(s->combos);
}
