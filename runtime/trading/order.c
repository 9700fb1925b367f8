#include "trading/order.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

const char *kl_desk_status_name(kl_desk_status s) {
  static const char *const names[] = {
      [KL_DESK_PENDING] = "pending", [KL_DESK_UNKNOWN] = "unknown",   [KL_DESK_RESTING] = "resting",
      [KL_DESK_FILLED] = "filled",   [KL_DESK_CANCELED] = "canceled", [KL_DESK_REJECTED] = "rejected"};
  return names[s];
}

static const char *const forces[] = {
    [KL_DESK_GTC] = "good_till_canceled", [KL_DESK_IOC] = "immediate_or_cancel", [KL_DESK_FOK] = "fill_or_kill"};

const char *kl_desk_tif_name(kl_desk_tif t) { return forces[t]; }

bool kl_desk_tif_read(const char *name, kl_desk_tif *out) {
  for (size_t i = 0; i < sizeof forces / sizeof forces[0]; i++) {
    if (strcmp(name, forces[i]) != 0) continue;
    *out = (kl_desk_tif)i;
    return true;
  }
  return false;
}

/* ---- bodies ---- */

static void put_text(kl_buf *b, const char *key, const char *value) {
  kl_buf_char(b, ',');
  kl_buf_json_key(b, key);
  kl_buf_json_cstr(b, value);
}

static void put_fixed(kl_buf *b, const char *key, int64_t value, int places) {
  kl_buf_char(b, ',');
  kl_buf_json_key(b, key);
  kl_buf_json_decimal(b, value, places);
}

static void put_integer(kl_buf *b, const char *key, int64_t value) {
  kl_buf_char(b, ',');
  kl_buf_json_key(b, key);
  kl_buf_int(b, value);
}

static void put_true(kl_buf *b, const char *key, bool on) {
  if (!on) return;
  kl_buf_char(b, ',');
  kl_buf_json_key(b, key);
  kl_buf_str(b, "true");
}

void kl_desk_put_create(kl_buf *b, const kl_order_intent *i, const char *client_id) {
  kl_buf_char(b, '{');
  kl_buf_json_key(b, "ticker");
  kl_buf_json_cstr(b, i->ticker);
  put_text(b, "side", i->side == KL_BID ? "bid" : "ask");
  put_fixed(b, "count", i->count, KL_COUNT_PLACES);
  put_fixed(b, "price", i->yes_price, KL_PRICE_PLACES);
  put_text(b, "time_in_force", kl_desk_tif_name(i->tif));
  put_text(b, "self_trade_prevention_type", i->stp_maker ? "maker" : "taker_at_cross");
  put_text(b, "client_order_id", client_id);
  put_true(b, "post_only", i->post_only);
  put_true(b, "reduce_only", i->reduce_only);
  put_true(b, "cancel_order_on_pause", i->cancel_on_pause);
  if (i->expiration_s) put_integer(b, "expiration_time", i->expiration_s);
  if (i->has_subaccount) put_integer(b, "subaccount", i->subaccount);
  if (i->group_id && i->group_id[0]) put_text(b, "order_group_id", i->group_id);
  kl_buf_char(b, '}');
}

void kl_desk_put_amend(kl_buf *b, const kl_desk_order *o, kl_price yes_price, kl_count count) {
  kl_buf_char(b, '{');
  kl_buf_json_key(b, "ticker");
  kl_buf_json_cstr(b, o->ticker);
  put_text(b, "side", o->side == KL_BID ? "bid" : "ask");
  put_fixed(b, "price", yes_price, KL_PRICE_PLACES);
  put_fixed(b, "count", count, KL_COUNT_PLACES);
  kl_buf_char(b, '}');
}

void kl_desk_put_decrease(kl_buf *b, const kl_desk_order *o, kl_count by) {
  kl_buf_char(b, '{');
  kl_buf_json_key(b, "reduce_by");
  kl_buf_json_decimal(b, by, KL_COUNT_PLACES);
  put_text(b, "market_ticker", o->ticker);
  kl_buf_char(b, '}');
}

/* ---- errors ---- */

/* Of every order that there was no memory for the error of. */
static const kl_error no_memory = {
    .kind = KL_ERR_INTERNAL, .message = "the order was rejected, and there was no memory to keep why: the log says it"};

void kl_desk_order_set_error(kl_desk_order *o, const kl_error *e) {
  if (o->error != &no_memory) free((void *)(uintptr_t)o->error);
  o->error = NULL;
  if (!e) return;
  kl_error *copy = malloc(sizeof *copy);
  if (copy) {
    *copy = *e;
    o->error = copy;
    return;
  }
  o->error = &no_memory;
  kl_log_error("desk", "order %s was rejected: %s", o->client_id, e->message);
}
