/* Whether two events say the same, for those that both ways of the decoder can give. */
#ifndef WIRE_SAME_H
#define WIRE_SAME_H

#include <string.h>

#include "kalshi/wire.h"

static inline bool same_str(kl_str a, kl_str b) { return a.n == b.n && memcmp(a.p, b.p, a.n) == 0; }

/* What every event has. */
static inline bool same_envelope(const kl_event *a, const kl_event *b) {
  return a->type == b->type && a->has == b->has && same_str(a->type_name, b->type_name) && a->id == b->id &&
         a->sid == b->sid && a->seq == b->seq && a->ts_ms == b->ts_ms && a->sending_ts_ms == b->sending_ts_ms &&
         same_str(a->ticker, b->ticker) && same_str(a->market_id, b->market_id) && a->subaccount == b->subaccount &&
         a->exchange_index == b->exchange_index;
}

static inline bool same_delta(const kl_event *a, const kl_event *b) {
  return same_envelope(a, b) && a->type == KL_EV_DELTA && a->delta.price == b->delta.price &&
         a->delta.delta == b->delta.delta && a->delta.side == b->delta.side &&
         same_str(a->delta.client_order_id, b->delta.client_order_id);
}

static inline bool same_ticker(const kl_event *a, const kl_event *b) {
  return same_envelope(a, b) && a->type == KL_EV_TICKER && a->ticker_.price == b->ticker_.price &&
         a->ticker_.yes_bid == b->ticker_.yes_bid && a->ticker_.yes_ask == b->ticker_.yes_ask &&
         a->ticker_.yes_bid_size == b->ticker_.yes_bid_size && a->ticker_.yes_ask_size == b->ticker_.yes_ask_size &&
         a->ticker_.last_trade_size == b->ticker_.last_trade_size && a->ticker_.volume == b->ticker_.volume &&
         a->ticker_.open_interest == b->ticker_.open_interest && a->ticker_.dollar_volume == b->ticker_.dollar_volume &&
         a->ticker_.dollar_open_interest == b->ticker_.dollar_open_interest;
}

static inline bool same_trade(const kl_event *a, const kl_event *b) {
  return same_envelope(a, b) && a->type == KL_EV_TRADE && same_str(a->trade.trade_id, b->trade.trade_id) &&
         a->trade.yes_price == b->trade.yes_price && a->trade.no_price == b->trade.no_price &&
         a->trade.count == b->trade.count && a->trade.taker_outcome == b->trade.taker_outcome &&
         a->trade.taker_side == b->trade.taker_side && a->trade.is_block_trade == b->trade.is_block_trade;
}

/* An event of a type that has a way of its own. */
static inline bool same_usual(const kl_event *a, const kl_event *b) {
  return same_delta(a, b) || same_ticker(a, b) || same_trade(a, b);
}

#endif
