/* Order writes, version 2: create, cancel, amend, decrease, and the batches. */
#include <stdio.h>
#include <string.h>

#include "base/decimal.h"
#include "sim/body.h"
#include "sim/eligible.h"
#include "sim/fcm.h"
#include "sim/json_out.h"
#include "sim/mirror_door.h"
#include "sim/routes.h"
#include "sim/shards.h"

/* What is wrong with a request that could be read. */
typedef struct refusal {
  kl_exchange_result result; /* KL_X_OK: nothing */
  kl_sim_details details;    /* "": those of the result */
  kl_sim_denial denial;      /* with a code: the account may not, whatever the engine would say */
} refusal;

static bool refuse(refusal *r, kl_exchange_result result, const char *details) {
  r->result = result;
  snprintf(r->details, sizeof r->details, "%s", details);
  return false;
}

static void answer_refusal(kl_sim_response *rs, const refusal *r) {
  if (r->denial.code) {
    kl_sim_fail(rs, r->denial.status, r->denial.code, r->denial.message, r->denial.details);
    return;
  }
  kl_sim_fail(rs, kl_sim_status_of(r->result), kl_exchange_error_code(r->result), kl_exchange_error_message(r->result),
              r->details[0] ? r->details : kl_exchange_error_details(r->result));
}

/* A decimal string of dollars or contracts. More decimals than the unit has are off its grid. */
static bool read_decimal(const char *text, int places, kl_exchange_result off_grid, const char *key, int64_t *out,
                         refusal *r) {
  kl_sim_details details;
  size_t n = text ? strlen(text) : 0;
  if (n > 0 && kl_decimal_parse(text, n, places, out)) return true;
  int64_t finer;
  if (n > 0 && kl_decimal_parse(text, n, 12, &finer)) return refuse(r, off_grid, "");
  snprintf(details, sizeof details, n ? "%s is not a decimal number" : "%s is required", key);
  return refuse(r, KL_X_INVALID_PARAMETERS, details);
}

static bool read_side(const char *text, kl_side *out, refusal *r) {
  if (text && !strcmp(text, "bid")) {
    *out = KL_BID;
  } else if (text && !strcmp(text, "ask")) {
    *out = KL_ASK;
  } else {
    return refuse(r, KL_X_INVALID_PARAMETERS, text ? "side must be bid or ask" : "side is required");
  }
  return true;
}

/* ---- create ---- */

/* A create request as read from JSON; strings are borrowed from it. */
typedef struct create_fields {
  const char *ticker, *client_order_id, *side, *count, *price, *tif, *stp, *group;
  int64_t expiration_s, subaccount, exchange_index;
  bool has_expiration, post_only, reduce_only, cancel_on_pause;
} create_fields;

static bool read_create(const json_t *o, create_fields *f, kl_sim_details details) {
  const json_t *expiration;
  if (!json_is_object(o)) {
    snprintf(details, KL_SIM_DETAILS_MOST, "orders: expected objects");
    return false;
  }
  if (!kl_sim_body_text(o, "ticker", &f->ticker, details) ||
      !kl_sim_body_text(o, "client_order_id", &f->client_order_id, details) ||
      !kl_sim_body_text(o, "side", &f->side, details) || !kl_sim_body_text(o, "count", &f->count, details) ||
      !kl_sim_body_text(o, "price", &f->price, details) || !kl_sim_body_text(o, "time_in_force", &f->tif, details) ||
      !kl_sim_body_text(o, "self_trade_prevention_type", &f->stp, details) ||
      !kl_sim_body_text(o, "order_group_id", &f->group, details) ||
      !kl_sim_body_field(o, "expiration_time", KL_SIM_INTEGER, &expiration, details) ||
      !kl_sim_body_int(o, "expiration_time", 0, &f->expiration_s, details) ||
      !kl_sim_body_int(o, "subaccount", 0, &f->subaccount, details) ||
      !kl_sim_body_int(o, "exchange_index", -1, &f->exchange_index, details) ||
      !kl_sim_body_bool(o, "post_only", &f->post_only, details) ||
      !kl_sim_body_bool(o, "reduce_only", &f->reduce_only, details) ||
      !kl_sim_body_bool(o, "cancel_order_on_pause", &f->cancel_on_pause, details))
    return false;
  f->has_expiration = expiration != NULL;
  return true;
}

static bool read_tif(const char *text, kl_tif *out, refusal *r) {
  static const char *const names[] = {
      [KL_TIF_GTC] = "good_till_canceled", [KL_TIF_IOC] = "immediate_or_cancel", [KL_TIF_FOK] = "fill_or_kill"};
  for (int i = 0; text && i < 3; i++) {
    if (strcmp(names[i], text) != 0) continue;
    *out = (kl_tif)i;
    return true;
  }
  return refuse(r, KL_X_INVALID_PARAMETERS,
                text ? "time_in_force must be good_till_canceled, immediate_or_cancel or fill_or_kill"
                     : "time_in_force is required");
}

static bool read_stp(const char *text, kl_stp *out, refusal *r) {
  if (text && !strcmp(text, "taker_at_cross")) {
    *out = KL_STP_TAKER_AT_CROSS;
  } else if (text && !strcmp(text, "maker")) {
    *out = KL_STP_MAKER;
  } else {
    return refuse(r, KL_X_INVALID_PARAMETERS,
                  text ? "self_trade_prevention_type must be taker_at_cross or maker"
                       : "self_trade_prevention_type is required");
  }
  return true;
}

/* Where a request cannot go: an order or a market is looked for on one shard only. */
static bool refuse_shard(refusal *r, int64_t exchange_index, const char *ticker) {
  char details[KL_SIM_DETAILS_MOST];
  if (exchange_index == -1 && !ticker)
    snprintf(details, sizeof details, "not on exchange_index 0: name the exchange_index or the market_ticker");
  else if (exchange_index == -1)
    details[0] = '\0';
  else
    snprintf(details, sizeof details, "not on exchange_index %lld", (long long)exchange_index);
  return refuse(r, KL_X_NOT_FOUND, details);
}

static bool check_create(kl_sim *s, const create_fields *f, uint32_t user, kl_order_request *q, refusal *r) {
  *q = (kl_order_request){.user = user,
                          .ticker = f->ticker,
                          .client_order_id = f->client_order_id,
                          .post_only = f->post_only,
                          .reduce_only = f->reduce_only,
                          .cancel_on_pause = f->cancel_on_pause,
                          .order_group_id = f->group};
  if (!f->ticker || !*f->ticker) return refuse(r, KL_X_INVALID_PARAMETERS, "ticker is required");
  if (!read_side(f->side, &q->side, r) || !read_tif(f->tif, &q->tif, r) || !read_stp(f->stp, &q->stp, r) ||
      !read_decimal(f->price, KL_PRICE_PLACES, KL_X_INVALID_PRICE, "price", &q->price, r) ||
      !read_decimal(f->count, KL_COUNT_PLACES, KL_X_INVALID_SIZE, "count", &q->count, r))
    return false;
  if (f->client_order_id && strlen(f->client_order_id) > 64)
    return refuse(r, KL_X_INVALID_PARAMETERS, "client_order_id: at most 64 characters");
  if (f->subaccount < 0 || f->subaccount > 63) return refuse(r, KL_X_INVALID_PARAMETERS, "subaccount must be 0 to 63");
  q->subaccount = (int)f->subaccount;
  const kl_market *m = kl_exchange_market(s->x, f->ticker);
  if (f->exchange_index < -1) return refuse(r, KL_X_INVALID_PARAMETERS, "exchange_index must be -1 or more");
  if (m && !kl_sim_shard_reaches(f->exchange_index, f->ticker, m)) return refuse_shard(r, f->exchange_index, f->ticker);
  if (!f->has_expiration) return true;
  if (q->tif != KL_TIF_GTC)
    return refuse(r, KL_X_INVALID_PARAMETERS, "expiration_time goes with good_till_canceled only");
  if (f->expiration_s <= 0) return refuse(r, KL_X_EXPIRED, "");
  if (f->expiration_s > INT64_C(100000000000))
    return refuse(r, KL_X_INVALID_PARAMETERS, "expiration_time is in seconds, not in milliseconds");
  q->expiration_us = f->expiration_s * 1000000;
  return true;
}

static int64_t rounded(int64_t v, int64_t by) { return (v + by / 2) / by; }

/* The averages of what was filled: price and fee for one contract. */
static void average_fields(kl_buf *b, const kl_order_outcome *out) {
  if (out->filled <= 0) return;
  kl_sim_field_price(b, "average_fill_price", rounded(out->fill_cost, out->filled));
  kl_sim_field_price(b, "average_fee_paid", rounded(out->fees, out->filled));
}

static void created_fields(kl_buf *b, const kl_sim *s, const kl_order_outcome *out) {
  kl_sim_field_str(b, "order_id", out->order->id);
  if (out->order->client_order_id[0]) kl_sim_field_str(b, "client_order_id", out->order->client_order_id);
  kl_sim_field_count(b, "fill_count", out->filled);
  kl_sim_field_count(b, "remaining_count", out->remaining);
  average_fields(b, out);
  kl_sim_field_int(b, "ts_ms", s->now_us / 1000);
}

/* With --post-only-throttle: whether the account's post-only orders have crossed too often to be taken now. */
static bool throttled(const kl_sim *s, kl_sim_account *a, const kl_order_request *q) {
  int most = s->o.post_only_throttle;
  return q->post_only && most > 0 && kl_sim_limits_crosses_often(&a->limits, most, kl_mono_ns(s->clock));
}

/* False with *r when there is no order. */
static bool create_one(kl_sim *s, kl_sim_account *a, const kl_order_request *q, kl_order_outcome *out, refusal *r) {
  const kl_market *m = kl_exchange_market(s->x, q->ticker);
  int most = s->o.post_only_throttle;
  if (m && !kl_sim_may_order(s, a, m, q, &r->denial)) return false;
  r->result = kl_exchange_create(s->x, s->now_us, q, out);
  if (r->result == KL_X_POST_ONLY_CROSS && most > 0) kl_sim_limits_crossed(&a->limits, most, kl_mono_ns(s->clock));
  if (r->result != KL_X_OK) return false;
  kl_sim_count(&s->counters.orders);
  if (s->mirror) kl_mirror_created(kl_sim_mirror_of(s), s->now_us, q, out->order);
  return true;
}

static void create_order(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_sim_details details;
  create_fields f = {0};
  kl_order_request q;
  kl_order_outcome out = {0};
  refusal r = {.result = KL_X_OK};
  json_t *root = kl_sim_body_read(rq, rs);
  if (!root) return;
  if (!read_create(root, &f, details)) {
    kl_sim_fail_body(rs, details);
  } else if (!check_create(s, &f, rq->account->user, &q, &r)) {
    answer_refusal(rs, &r);
  } else if (throttled(s, rq->account, &q)) {
    kl_sim_too_many(s, rs);
  } else if (!create_one(s, rq->account, &q, &out, &r)) {
    answer_refusal(rs, &r);
  } else {
    rs->status = 201;
    kl_buf_char(&rs->body, '{');
    created_fields(&rs->body, s, &out);
    kl_buf_char(&rs->body, '}');
  }
  json_decref(root);
}

/* ---- batches ---- */

static void error_field(kl_buf *b, const char *code, const char *message, const char *details) {
  kl_sim_key(b, "error");
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "code", code);
  kl_sim_field_str(b, "message", message);
  if (details) kl_sim_field_str(b, "details", details);
  kl_buf_char(b, '}');
}

static void item_error(kl_buf *b, const refusal *r) {
  const kl_sim_denial *d = &r->denial;
  if (d->code) {
    error_field(b, d->code, d->message, d->details);
  } else {
    error_field(b, kl_exchange_error_code(r->result), kl_exchange_error_message(r->result),
                r->details[0] ? r->details : kl_exchange_error_details(r->result));
  }
}

/* The array `orders` of a batch, with its tokens taken; NULL after answering. It is paid for as a whole: that is what
 * "the size scales with the write budget" comes to. */
static json_t *read_batch(kl_sim *s, const json_t *root, const kl_sim_request *rq, kl_sim_response *rs) {
  json_t *orders = json_object_get(root, "orders");
  if (orders && !json_is_null(orders) && !json_is_array(orders)) {
    kl_sim_fail_body(rs, "orders: expected an array");
    return NULL;
  }
  size_t n = json_array_size(orders);
  if (n == 0) {
    refusal r = {KL_X_INVALID_PARAMETERS, "orders is required and may not be empty", {0}};
    answer_refusal(rs, &r);
    return NULL;
  }
  return kl_sim_charge(s, rq, rs, n) ? orders : NULL;
}

static void create_orders(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_sim_details details;
  json_t *root = kl_sim_body_read(rq, rs), *item;
  if (!root) return;
  json_t *orders = read_batch(s, root, rq, rs);
  size_t i;
  bool ok = orders != NULL;
  create_fields f = {0};
  /* The whole body is decoded before anything is done. */
  json_array_foreach(orders, i, item) {
    if (!ok) break;
    ok = read_create(item, &f, details);
    if (!ok) kl_sim_fail_body(rs, details);
  }
  if (ok) {
    rs->status = 201;
    kl_buf_str(&rs->body, "{\"orders\":[");
    json_array_foreach(orders, i, item) {
      kl_order_request q;
      kl_order_outcome out = {0};
      refusal r = {.result = KL_X_OK};
      kl_buf_str(&rs->body, i ? ",{" : "{");
      bool read = read_create(item, &f, details) && check_create(s, &f, rq->account->user, &q, &r);
      bool too_many = read && throttled(s, rq->account, &q);
      if (read && !too_many && create_one(s, rq->account, &q, &out, &r)) {
        created_fields(&rs->body, s, &out);
      } else {
        if (f.client_order_id && *f.client_order_id) kl_sim_field_str(&rs->body, "client_order_id", f.client_order_id);
        if (too_many)
          error_field(&rs->body, "too_many_requests", "too many requests", "post-only orders cross too often");
        else
          item_error(&rs->body, &r);
      }
      kl_buf_char(&rs->body, '}');
    }
    kl_buf_str(&rs->body, "]}");
  }
  json_decref(root);
}

typedef struct cancel_fields {
  const char *order_id, *market_ticker;
  int64_t subaccount, exchange_index;
} cancel_fields;

static bool read_cancel(const json_t *o, cancel_fields *f, kl_sim_details details) {
  if (!json_is_object(o)) {
    snprintf(details, KL_SIM_DETAILS_MOST, "orders: expected objects");
    return false;
  }
  return kl_sim_body_text(o, "order_id", &f->order_id, details) &&
         kl_sim_body_text(o, "market_ticker", &f->market_ticker, details) &&
         kl_sim_body_int(o, "subaccount", 0, &f->subaccount, details) &&
         kl_sim_body_int(o, "exchange_index", -1, &f->exchange_index, details);
}

/* The order is where the request goes: on that shard, and of that market where one is named. */
static bool is_there(kl_sim *s, uint32_t user, const char *order_id, int64_t exchange_index, const char *ticker,
                     refusal *r) {
  if (exchange_index < -1) return refuse(r, KL_X_INVALID_PARAMETERS, "exchange_index must be -1 or more");
  const kl_order *o = kl_exchange_order(s->x, user, order_id);
  if (!o || (ticker && strcmp(ticker, o->market->ticker) != 0)) return refuse(r, KL_X_NOT_FOUND, "");
  return kl_sim_shard_reaches(exchange_index, ticker, o->market) || refuse_shard(r, exchange_index, ticker);
}

static void cancel_one(kl_sim *s, uint32_t user, const cancel_fields *f, kl_count *reduced, const kl_order **order,
                       refusal *r) {
  if (is_there(s, user, f->order_id, f->exchange_index, f->market_ticker, r))
    r->result = kl_exchange_cancel(s->x, s->now_us, user, (int)f->subaccount, f->order_id, reduced, order);
}

static void canceled_fields(kl_buf *b, const kl_sim *s, const kl_order *o, kl_count reduced) {
  kl_sim_field_str(b, "order_id", o->id);
  if (o->client_order_id[0]) kl_sim_field_str(b, "client_order_id", o->client_order_id);
  kl_sim_field_count(b, "reduced_by", reduced);
  kl_sim_field_int(b, "ts_ms", s->now_us / 1000);
}

static void cancel_orders(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_sim_details details;
  json_t *root = kl_sim_body_read(rq, rs), *item;
  if (!root) return;
  json_t *orders = read_batch(s, root, rq, rs);
  size_t i;
  bool ok = orders != NULL;
  cancel_fields f = {0};
  json_array_foreach(orders, i, item) {
    if (!ok) break;
    ok = read_cancel(item, &f, details);
    if (!ok) kl_sim_fail_body(rs, details);
  }
  if (ok) {
    kl_buf_str(&rs->body, "{\"orders\":[");
    json_array_foreach(orders, i, item) {
      const kl_order *o = NULL;
      kl_count reduced = 0;
      refusal r = {.result = KL_X_OK};
      kl_buf_str(&rs->body, i ? ",{" : "{");
      if (!read_cancel(item, &f, details) || !f.order_id || !*f.order_id) {
        refuse(&r, KL_X_INVALID_PARAMETERS, "order_id is required");
      } else if (f.subaccount < 0 || f.subaccount > 63) {
        refuse(&r, KL_X_INVALID_PARAMETERS, "subaccount must be 0 to 63");
      } else {
        cancel_one(s, rq->account->user, &f, &reduced, &o, &r);
      }
      if (r.result == KL_X_OK && o) {
        canceled_fields(&rs->body, s, o, reduced);
      } else {
        kl_sim_field_str(&rs->body, "order_id", f.order_id ? f.order_id : "");
        kl_sim_field_count(&rs->body, "reduced_by", 0);
        item_error(&rs->body, &r);
      }
      kl_buf_char(&rs->body, '}');
    }
    kl_buf_str(&rs->body, "]}");
  }
  json_decref(root);
}

/* ---- one order ---- */

static void cancel_order(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  cancel_fields f = {.order_id = rq->params[0], .market_ticker = kl_sim_arg_get(rq, "market_ticker")};
  int subaccount;
  const kl_order *o = NULL;
  kl_count reduced = 0;
  if (!kl_sim_arg_subaccount(rq, rs, 0, &subaccount) ||
      !kl_sim_arg_int(rq, rs, "exchange_index", -1, INT32_MAX, -1, &f.exchange_index))
    return;
  f.subaccount = subaccount;
  refusal r = {.result = KL_X_OK};
  cancel_one(s, rq->account->user, &f, &reduced, &o, &r);
  if (r.result != KL_X_OK || !o) {
    answer_refusal(rs, &r);
    return;
  }
  kl_buf_char(&rs->body, '{');
  canceled_fields(&rs->body, s, o, reduced);
  kl_buf_char(&rs->body, '}');
}

static void cancel_all(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  int subaccount;
  if (!kl_sim_arg_subaccount(rq, rs, -1, &subaccount)) return;
  bool any = false;
  for (int shard = 0; shard < KL_EXCHANGE_SHARDS; shard++)
    any = any || kl_exchange_pause_of(s->x, shard, NULL) != KL_EXCHANGE_PAUSE;
  if (!any) {
    kl_sim_fail_result(rs, KL_X_EXCHANGE_PAUSED);
    return;
  }
  kl_exchange_cancel_all(s->x, s->now_us, rq->account->user, subaccount);
  rs->status = 204;
}

/* An amendment is looked at as an order for what it wants more; one that wants less or the same is always allowed. */
static bool may_amend(const kl_sim *s, const kl_sim_account *a, const kl_order *o, const kl_amend_request *q,
                      refusal *r) {
  kl_order_request more = {.side = o->side, .price = q->price, .subaccount = o->subaccount};
  more.count = q->count - o->filled - (q->price == o->price ? o->remaining : 0);
  return more.count <= 0 || kl_sim_may_order(s, a, o->market, &more, &r->denial);
}

static void amend_order(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_sim_details details;
  const char *side = NULL, *price = NULL, *count = NULL;
  int64_t exchange_index = -1;
  int subaccount;
  refusal r = {.result = KL_X_OK};
  kl_order_outcome out = {0};
  if (!kl_sim_arg_subaccount(rq, rs, 0, &subaccount)) return;
  kl_amend_request q = {.user = rq->account->user, .subaccount = subaccount, .order_id = rq->params[0]};
  json_t *root = kl_sim_body_read(rq, rs);
  if (!root) return;
  if (!kl_sim_body_text(root, "ticker", &q.ticker, details) || !kl_sim_body_text(root, "side", &side, details) ||
      !kl_sim_body_text(root, "price", &price, details) || !kl_sim_body_text(root, "count", &count, details) ||
      !kl_sim_body_text(root, "client_order_id", &q.client_order_id, details) ||
      !kl_sim_body_text(root, "updated_client_order_id", &q.updated_client_order_id, details) ||
      !kl_sim_body_int(root, "exchange_index", -1, &exchange_index, details)) {
    kl_sim_fail_body(rs, details);
    json_decref(root);
    return;
  }
  bool ok = q.ticker || refuse(&r, KL_X_INVALID_PARAMETERS, "ticker is required");
  ok = ok && read_side(side, &q.side, &r) &&
       read_decimal(price, KL_PRICE_PLACES, KL_X_INVALID_PRICE, "price", &q.price, &r) &&
       read_decimal(count, KL_COUNT_PLACES, KL_X_INVALID_SIZE, "count", &q.count, &r);
  ok = ok && (!q.updated_client_order_id || strlen(q.updated_client_order_id) <= 64 ||
              refuse(&r, KL_X_INVALID_PARAMETERS, "updated_client_order_id: at most 64 characters"));
  const kl_order *there = ok ? kl_exchange_order(s->x, q.user, q.order_id) : NULL;
  /* The ticker routes; one that is not the order's is told by the engine. */
  ok = ok && (exchange_index >= -1 || refuse(&r, KL_X_INVALID_PARAMETERS, "exchange_index must be -1 or more"));
  ok = ok && (!there || exchange_index == -1 || exchange_index == there->market->exchange_index ||
              refuse_shard(&r, exchange_index, q.ticker));
  ok = ok && (!there || may_amend(s, rq->account, there, &q, &r));
  if (ok) r.result = kl_exchange_amend(s->x, s->now_us, &q, &out);
  if (ok && r.result == KL_X_OK && s->mirror) kl_mirror_amended(kl_sim_mirror_of(s), s->now_us, &q, out.order);
  json_decref(root);
  if (!ok || r.result != KL_X_OK) {
    answer_refusal(rs, &r);
    return;
  }
  kl_buf *b = &rs->body;
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "order_id", out.order->id);
  if (out.order->client_order_id[0]) kl_sim_field_str(b, "client_order_id", out.order->client_order_id);
  if (out.changed) kl_sim_field_count(b, "remaining_count", out.remaining);
  if (out.filled > 0) kl_sim_field_count(b, "fill_count", out.filled);
  average_fields(b, &out);
  kl_sim_field_int(b, "ts_ms", s->now_us / 1000);
  kl_buf_char(b, '}');
}

static void decrease_order(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_sim_details details;
  const char *by = NULL, *to = NULL, *ticker = NULL;
  int64_t exchange_index = -1;
  int subaccount;
  kl_count reduce_by = -1, reduce_to = -1;
  refusal r = {.result = KL_X_OK};
  const kl_order *o = NULL;
  if (!kl_sim_arg_subaccount(rq, rs, 0, &subaccount)) return;
  json_t *root = kl_sim_body_read(rq, rs);
  if (!root) return;
  if (!kl_sim_body_text(root, "reduce_by", &by, details) || !kl_sim_body_text(root, "reduce_to", &to, details) ||
      !kl_sim_body_text(root, "market_ticker", &ticker, details) ||
      !kl_sim_body_int(root, "exchange_index", -1, &exchange_index, details)) {
    kl_sim_fail_body(rs, details);
    json_decref(root);
    return;
  }
  bool ok = !by != !to || refuse(&r, KL_X_INVALID_PARAMETERS, "exactly one of reduce_by and reduce_to is required");
  ok = ok && (!by || read_decimal(by, KL_COUNT_PLACES, KL_X_INVALID_SIZE, "reduce_by", &reduce_by, &r));
  ok = ok && (!to || read_decimal(to, KL_COUNT_PLACES, KL_X_INVALID_SIZE, "reduce_to", &reduce_to, &r));
  /* -1 is how the engine is told of the one that was not given: a client's own negative must not look like it. */
  ok = ok && (((!by || reduce_by > 0) && (!to || reduce_to >= 0)) || refuse(&r, KL_X_INVALID_SIZE, ""));
  uint32_t user = rq->account->user;
  ok = ok && is_there(s, user, rq->params[0], exchange_index, ticker, &r);
  if (ok) r.result = kl_exchange_decrease(s->x, s->now_us, user, subaccount, rq->params[0], reduce_by, reduce_to, &o);
  if (ok && r.result == KL_X_OK && s->mirror) kl_mirror_decreased(kl_sim_mirror_of(s), s->now_us, o);
  json_decref(root);
  if (r.result != KL_X_OK) {
    answer_refusal(rs, &r);
    return;
  }
  kl_buf_char(&rs->body, '{');
  kl_sim_field_str(&rs->body, "order_id", o->id);
  if (o->client_order_id[0]) kl_sim_field_str(&rs->body, "client_order_id", o->client_order_id);
  kl_sim_field_count(&rs->body, "remaining_count", o->remaining);
  kl_sim_field_int(&rs->body, "ts_ms", s->now_us / 1000);
  kl_buf_char(&rs->body, '}');
}

/* The order writes of version 1: still routed, and answered with 410. */
static void gone(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  (void)s;
  (void)rq;
  kl_sim_fail(rs, 410, "deprecated_v1_order_endpoint", "Please switch to the V2 endpoints",
              "use /trade-api/v2/portfolio/events/orders");
}

const kl_sim_route kl_sim_routes_orders[] = {
    {"CreateOrderV2", create_order, false},
    {"BatchCreateOrdersV2", create_orders, false},
    {"CancelOrderV2", cancel_order, false},
    {"BatchCancelOrdersV2", cancel_orders, false},
    {"CancelAllOrders", cancel_all, false},
    {"AmendOrderV2", amend_order, false},
    {"DecreaseOrderV2", decrease_order, false},
    {"CreateOrder", gone, false},
    {"CancelOrder", gone, false},
    {"AmendOrder", gone, false},
    {"DecreaseOrder", gone, false},
    {"BatchCreateOrders", gone, false},
    {"BatchCancelOrders", gone, false},
    {NULL, NULL, false},
};
