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

#endif
