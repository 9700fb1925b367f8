/* Rows of the exchange's lists as the account keeps them. Source: OpenAPI of the exchange: Order, Fill, MarketPosition,
 * GetBalanceResponse. */
#include <string.h>

#include "kalshi/account_internal.h"
#include "kalshi/json_member.h"

/* Nothing where the text is absent, and false where it is too long to be what it should. */
static bool text(const json_t *row, const char *name, char *out, size_t cap) {
  const json_t *v = json_object_get(row, name);
  size_t n = json_string_length(v);
  if (n >= cap) return false;
  if (n) memcpy(out, json_string_value(v), n);
  out[n] = 0;
  return true;
}

static bool count(const json_t *row, const char *name, kl_count *out) {
  return kl_member_fixed(row, name, KL_COUNT_PLACES, out);
}
static bool money(const json_t *row, const char *name, kl_money *out) {
  return kl_member_fixed(row, name, KL_MONEY_PLACES, out);
}
static bool price(const json_t *row, kl_price *out) {
  return kl_member_fixed(row, "yes_price_dollars", KL_PRICE_PLACES, out);
}

static int32_t small(const json_t *row, const char *name) {
  json_int_t v = json_integer_value(json_object_get(row, name));
  return v > 0 && v <= INT32_MAX ? (int32_t)v : 0;
}

static bool side(const json_t *row, kl_side *out) {
  const char *s = json_string_value(json_object_get(row, "book_side"));
  if (!s) return false;
  *out = strcmp(s, "ask") == 0 ? KL_ASK : KL_BID;
  return *out == KL_ASK || !strcmp(s, "bid");
}

bool kl_row_order(const json_t *row, kl_own_order *o) {
  memset(o, 0, sizeof *o);
  const json_t *status = json_object_get(row, "status");
  if (!json_is_string(status)) return false;
  o->status = kl_own_status_read(json_string_value(status), json_string_length(status));
  o->created_ms = kl_member_time_ms(row, "created_time");
  o->ts_ms = kl_member_time_ms(row, "last_update_time");
  if (o->ts_ms < o->created_ms) o->ts_ms = o->created_ms; /* an order that never changed may have no such time */
  o->expiration_ms = kl_member_time_ms(row, "expiration_time");
  o->subaccount = small(row, "subaccount_number");
  o->exchange_index = small(row, "exchange_index");
  return kl_member_copy(row, "order_id", o->order_id, sizeof o->order_id) &&
         kl_member_copy(row, "ticker", o->ticker, sizeof o->ticker) &&
         text(row, "client_order_id", o->client_order_id, sizeof o->client_order_id) &&
         text(row, "order_group_id", o->order_group_id, sizeof o->order_group_id) && side(row, &o->side) &&
         price(row, &o->yes_price) && count(row, "initial_count_fp", &o->initial) &&
         count(row, "fill_count_fp", &o->filled) && count(row, "remaining_count_fp", &o->remaining) &&
         money(row, "taker_fill_cost_dollars", &o->taker_cost) &&
         money(row, "maker_fill_cost_dollars", &o->maker_cost) && money(row, "taker_fees_dollars", &o->taker_fees) &&
         money(row, "maker_fees_dollars", &o->maker_fees);
}

bool kl_row_fill(const json_t *row, kl_account_fill *f) {
  memset(f, 0, sizeof *f);
  f->ts_ms = kl_member_time_ms(row, "created_time");
  if (!f->ts_ms) f->ts_ms = json_integer_value(json_object_get(row, "ts")) * 1000;
  f->is_taker = json_is_true(json_object_get(row, "is_taker"));
  f->subaccount = small(row, "subaccount_number");
  f->exchange_index = small(row, "exchange_index");
  return kl_member_copy(row, "trade_id", f->trade_id, sizeof f->trade_id) &&
         kl_member_copy(row, "order_id", f->order_id, sizeof f->order_id) &&
         (kl_member_copy(row, "market_ticker", f->ticker, sizeof f->ticker) ||
          kl_member_copy(row, "ticker", f->ticker, sizeof f->ticker)) &&
         side(row, &f->side) && price(row, &f->yes_price) && count(row, "count_fp", &f->count) &&
         money(row, "fee_cost", &f->fee);
}

bool kl_row_position(const json_t *row, kl_account_position *p) {
  memset(p, 0, sizeof *p);
  p->updated_ms = kl_member_time_ms(row, "last_updated_ts");
  if (!p->updated_ms) p->updated_ms = 1;
  return kl_member_copy(row, "ticker", p->ticker, sizeof p->ticker) && count(row, "position_fp", &p->position) &&
         money(row, "market_exposure_dollars", &p->exposure) && money(row, "realized_pnl_dollars", &p->realized) &&
         money(row, "fees_paid_dollars", &p->fees);
}

bool kl_row_balance(const json_t *root, kl_account_balance *b, bool *locked) {
  const json_t *cents = json_object_get(root, "balance"), *value = json_object_get(root, "portfolio_value");
  /* A key that is one subaccount's gets no breakdown by shard. */
  *locked = !json_is_array(json_object_get(root, "balance_breakdown"));
  if (!money(root, "balance_dollars", &b->balance)) {
    if (!json_is_integer(cents)) return false;
    b->balance = json_integer_value(cents) * 10000;
  }
  b->portfolio_value = json_integer_value(value) * 10000;
  return true;
}
