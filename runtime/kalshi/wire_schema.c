/* Transcribed from the exchange's AsyncAPI (messages). Each table stands in the order in which the exchange sends its
 * keys today. Fields that are known but not wanted are there to keep the place. */
#include "kalshi/wire_schema.h"

#include "kalshi/wire_internal.h"

enum { REQUIRED = KL_F_REQUIRED, NULLABLE = KL_F_NULLABLE };

#define FIELD(key, kind, flags, member, has)                                                                           \
  { "\"" key "\":", sizeof(key) - 1, KL_F_##kind, flags, offsetof(kl_event, member), has }
#define SKIPPED(key)                                                                                                   \
  { "\"" key "\":", sizeof(key) - 1, KL_F_SKIP, 0, 0, 0 }
#define TICKER FIELD("market_ticker", STR, REQUIRED, ticker, 0)
#define MARKET_ID FIELD("market_id", STR, REQUIRED, market_id, 0)
#define TS_MS(flags) FIELD("ts_ms", INT, flags, ts_ms, KL_HAS_TS)

const kl_field kl_wire_envelope[KL_ENVELOPE_FIELDS] = {
    FIELD("type", TYPE, REQUIRED, type_name, 0),
    FIELD("id", UINT, 0, id, KL_HAS_ID),
    FIELD("sid", UINT, 0, sid, KL_HAS_SID),
    FIELD("seq", UINT, 0, seq, KL_HAS_SEQ),
    FIELD("msg", MSG, 0, type, 0),
    FIELD("sending_ts_ms", INT, 0, sending_ts_ms, KL_HAS_SENDING_TS),
};

static const kl_field subscribed[] = {
    FIELD("channel", STR, REQUIRED, subscribed.channel, 0),
    FIELD("sid", UINT, REQUIRED, sid, KL_HAS_SID),
};

static const kl_field error[] = {
    FIELD("code", INT32, REQUIRED, error.code, 0),
    FIELD("msg", STR, REQUIRED, error.message, 0),
    FIELD("market_ticker", STR, 0, error.market_ticker, 0),
    SKIPPED("market_tickers"),
};

static const kl_field snapshot[] = {
    TICKER,
    MARKET_ID,
    FIELD("yes_dollars_fp", YES_LEVELS, 0, snapshot, 0),
    FIELD("no_dollars_fp", NO_LEVELS, 0, snapshot, 0),
};

static const kl_field delta[] = {
    TICKER,
    MARKET_ID,
    FIELD("price_dollars", PRICE, REQUIRED, delta.price, 0),
    FIELD("delta_fp", SIGNED_COUNT, REQUIRED, delta.delta, 0),
    FIELD("side", OUTCOME, REQUIRED, delta.side, 0),
    FIELD("client_order_id", STR, 0, delta.client_order_id, 0),
    FIELD("subaccount", INT32, 0, subaccount, KL_HAS_SUBACCOUNT),
    SKIPPED("ts"),
    TS_MS(0),
};

static const kl_field ticker[] = {
    TICKER,
    MARKET_ID,
    FIELD("price_dollars", PRICE, REQUIRED, ticker_.price, 0),
    FIELD("yes_bid_dollars", PRICE, REQUIRED, ticker_.yes_bid, 0),
    FIELD("yes_ask_dollars", PRICE, REQUIRED, ticker_.yes_ask, 0),
    FIELD("volume_fp", COUNT, REQUIRED, ticker_.volume, 0),
    FIELD("open_interest_fp", COUNT, REQUIRED, ticker_.open_interest, 0),
    FIELD("dollar_volume", INT, REQUIRED, ticker_.dollar_volume, 0),
    FIELD("dollar_open_interest", INT, REQUIRED, ticker_.dollar_open_interest, 0),
    FIELD("yes_bid_size_fp", COUNT, REQUIRED, ticker_.yes_bid_size, 0),
    FIELD("yes_ask_size_fp", COUNT, REQUIRED, ticker_.yes_ask_size, 0),
    FIELD("last_trade_size_fp", COUNT, REQUIRED, ticker_.last_trade_size, 0),
    SKIPPED("ts"),
    TS_MS(REQUIRED),
    SKIPPED("time"),
};

static const kl_field trade[] = {
    FIELD("trade_id", STR, REQUIRED, trade.trade_id, 0),
    TICKER,
    FIELD("yes_price_dollars", PRICE, REQUIRED, trade.yes_price, 0),
    FIELD("no_price_dollars", PRICE, REQUIRED, trade.no_price, 0),
    FIELD("count_fp", COUNT, REQUIRED, trade.count, 0),
    SKIPPED("taker_side"),
    FIELD("taker_outcome_side", OUTCOME, REQUIRED, trade.taker_outcome, 0),
    FIELD("taker_book_side", SIDE, REQUIRED, trade.taker_side, 0),
    FIELD("is_block_trade", BOOL, REQUIRED, trade.is_block_trade, 0),
    SKIPPED("ts"),
    TS_MS(REQUIRED),
};

static const kl_field fill[] = {
    FIELD("trade_id", STR, REQUIRED, fill.trade_id, 0),
    FIELD("order_id", STR, REQUIRED, fill.order_id, 0),
    FIELD("client_order_id", STR, 0, fill.client_order_id, 0),
    TICKER,
    FIELD("exchange_index", INT32, REQUIRED, exchange_index, KL_HAS_EXCHANGE_INDEX),
    FIELD("is_taker", BOOL, REQUIRED, fill.is_taker, 0),
    SKIPPED("side"),
    FIELD("yes_price_dollars", PRICE, REQUIRED, fill.yes_price, 0),
    FIELD("count_fp", COUNT, REQUIRED, fill.count, 0),
    FIELD("fee_cost", MONEY, REQUIRED, fill.fee, 0),
    SKIPPED("action"),
    FIELD("outcome_side", OUTCOME, REQUIRED, fill.outcome, 0),
    FIELD("book_side", SIDE, REQUIRED, fill.side, 0),
    SKIPPED("ts"),
    TS_MS(REQUIRED),
    FIELD("post_position_fp", SIGNED_COUNT, REQUIRED, fill.post_position, 0),
    SKIPPED("purchased_side"),
    FIELD("subaccount", INT32, 0, subaccount, KL_HAS_SUBACCOUNT),
};

static const kl_field user_order[] = {
    FIELD("order_id", STR, REQUIRED, user_order.order_id, 0),
    FIELD("user_id", STR, REQUIRED, user_order.user_id, 0),
    FIELD("ticker", STR, REQUIRED, ticker, 0),
    FIELD("exchange_index", INT32, REQUIRED, exchange_index, KL_HAS_EXCHANGE_INDEX),
    FIELD("status", STR, REQUIRED, user_order.status, 0),
    SKIPPED("side"),
    SKIPPED("is_yes"),
    FIELD("outcome_side", OUTCOME, REQUIRED, user_order.outcome, 0),
    FIELD("book_side", SIDE, REQUIRED, user_order.side, 0),
    FIELD("yes_price_dollars", PRICE, REQUIRED, user_order.yes_price, 0),
    FIELD("fill_count_fp", COUNT, REQUIRED, user_order.filled, 0),
    FIELD("remaining_count_fp", COUNT, REQUIRED, user_order.remaining, 0),
    FIELD("initial_count_fp", COUNT, REQUIRED, user_order.initial, 0),
    FIELD("taker_fill_cost_dollars", MONEY, REQUIRED, user_order.taker_fill_cost, 0),
    FIELD("maker_fill_cost_dollars", MONEY, REQUIRED, user_order.maker_fill_cost, 0),
    FIELD("taker_fees_dollars", MONEY, REQUIRED, user_order.taker_fees, 0),
    FIELD("maker_fees_dollars", MONEY, REQUIRED, user_order.maker_fees, 0),
    FIELD("client_order_id", STR, REQUIRED, user_order.client_order_id, 0),
    FIELD("order_group_id", STR, 0, user_order.order_group_id, 0),
    FIELD("self_trade_prevention_type", STR, 0, user_order.self_trade_prevention, 0),
    SKIPPED("created_time"),
    SKIPPED("last_update_time"),
    SKIPPED("expiration_time"),
    FIELD("expiration_ts_ms", INT, 0, user_order.expiration_ts_ms, KL_HAS_EXPIRATION),
    FIELD("created_ts_ms", INT, REQUIRED | NULLABLE, user_order.created_ts_ms, 0),
    FIELD("last_updated_ts_ms", INT, 0, user_order.updated_ts_ms, 0),
    FIELD("last_update_reason", STR, 0, user_order.last_update_reason, 0),
    FIELD("subaccount_number", INT32, 0, subaccount, KL_HAS_SUBACCOUNT),
};

static const kl_field position[] = {
    FIELD("user_id", STR, REQUIRED, position.user_id, 0),
    TICKER,
    FIELD("position_fp", SIGNED_COUNT, REQUIRED, position.position, 0),
    FIELD("position_cost_dollars", MONEY, REQUIRED, position.cost, 0),
    FIELD("realized_pnl_dollars", MONEY, REQUIRED, position.realized, 0),
    FIELD("fees_paid_dollars", MONEY, REQUIRED, position.fees, 0),
    FIELD("position_fee_cost_dollars", MONEY, REQUIRED, position.position_fees, 0),
    FIELD("volume_fp", COUNT, REQUIRED, position.volume, 0),
    FIELD("subaccount", INT32, 0, subaccount, KL_HAS_SUBACCOUNT),
};

#define FIELDS(table) table, sizeof(table) / sizeof *(table)
#define SCHEMA(name, table, ...)                                                                                       \
  { name, FIELDS(table), KL_E_TYPE | KL_E_MSG | (__VA_ARGS__) }

const kl_schema kl_wire_schemas[KL_WIRE_TYPES] = {
    [KL_EV_OTHER] = {"message", NULL, 0, KL_E_TYPE},
    [KL_EV_SUBSCRIBED] = SCHEMA("subscribed", subscribed, 0),
    [KL_EV_UNSUBSCRIBED] = {"unsubscribed", NULL, 0, KL_E_TYPE | KL_E_SID | KL_E_SEQ},
    [KL_EV_OK] = {"ok", NULL, 0, KL_E_TYPE},
    [KL_EV_ERROR] = SCHEMA("error", error, 0),
    [KL_EV_SNAPSHOT] = SCHEMA("orderbook_snapshot", snapshot, KL_E_SID | KL_E_SEQ),
    [KL_EV_DELTA] = SCHEMA("orderbook_delta", delta, KL_E_SID | KL_E_SEQ),
    [KL_EV_TICKER] = SCHEMA("ticker", ticker, KL_E_SID),
    [KL_EV_TRADE] = SCHEMA("trade", trade, KL_E_SID | KL_E_SEQ),
    [KL_EV_FILL] = SCHEMA("fill", fill, KL_E_SID),
    [KL_EV_USER_ORDER] = SCHEMA("user_order", user_order, KL_E_SID),
    [KL_EV_POSITION] = SCHEMA("market_position", position, KL_E_SID),
};

_Static_assert(sizeof user_order / sizeof *user_order <= 32, "the fields of a message fit the bits of a mask");

void kl_wire_prepare(kl_decoder *d) {
  for (int type = 0; type < KL_WIRE_TYPES; type++) {
    const kl_schema *s = &kl_wire_schemas[type];
    kl_field_masks m = {0, 0};
    for (uint32_t i = 0; i < s->n; i++) {
      if (s->fields[i].flags & REQUIRED) m.required |= 1u << i;
      if (s->fields[i].kind == KL_F_STR) m.strings |= 1u << i;
    }
    d->masks[type] = m;
  }
}

kl_event_type kl_wire_type_of(kl_str name) {
#define CASE(lit, type) return KL_STR_IS(name, lit) ? (type) : KL_EV_OTHER
  switch (name.n) {
  case 2:
    CASE("ok", KL_EV_OK);
  case 4:
    CASE("fill", KL_EV_FILL);
  case 5:
    if (KL_STR_IS(name, "trade")) return KL_EV_TRADE;
    CASE("error", KL_EV_ERROR);
  case 6:
    CASE("ticker", KL_EV_TICKER);
  case 10:
    if (KL_STR_IS(name, "user_order")) return KL_EV_USER_ORDER;
    CASE("subscribed", KL_EV_SUBSCRIBED);
  case 12:
    CASE("unsubscribed", KL_EV_UNSUBSCRIBED);
  case 15:
    if (KL_STR_IS(name, "orderbook_delta")) return KL_EV_DELTA;
    CASE("market_position", KL_EV_POSITION);
  case 18:
    CASE("orderbook_snapshot", KL_EV_SNAPSHOT);
  default:
    return KL_EV_OTHER;
  }
#undef CASE
}
