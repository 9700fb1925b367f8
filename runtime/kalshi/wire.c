#include "kalshi/wire.h"

#include <stdlib.h>

#include "kalshi/wire_internal.h"
#include "kalshi/wire_json.h"

enum { FIRST_LEVELS = 128 };

kl_decoder *kl_decoder_new(void) {
  kl_decoder *d = calloc(1, sizeof *d);
  if (!d) return NULL;
  for (int side = 0; side < 2; side++) {
    d->levels[side] = malloc(FIRST_LEVELS * sizeof *d->levels[side]);
    if (!d->levels[side]) {
      kl_decoder_free(d);
      return NULL;
    }
    d->levels_cap[side] = FIRST_LEVELS;
  }
  d->allocations = 3;
  kl_wire_prepare(d);
  return d;
}

void kl_decoder_free(kl_decoder *d) {
  if (!d) return;
  free(d->scratch);
  free(d->levels[KL_YES]);
  free(d->levels[KL_NO]);
  free(d);
}

uint64_t kl_decoder_allocations(const kl_decoder *d) { return d->allocations; }

/* The fixed parts of today's orderbook_delta. */
#define HEAD "{\"type\":\"orderbook_delta\",\"sid\":"
#define SEQ ",\"seq\":"
#define TICKER ",\"msg\":{\"market_ticker\":\""
#define MARKET_ID "\",\"market_id\":\""
#define PRICE "\",\"price_dollars\":\""
#define DELTA ",\"delta_fp\":\"" /* the price's quote is read with it */
#define SIDE ",\"side\":\""      /* likewise */
#define CLIENT_ORDER_ID ",\"client_order_id\":\""
#define SUBACCOUNT ",\"subaccount\":"
#define TS ",\"ts\":\""
#define TS_MS ",\"ts_ms\":"
#define SENDING_TS_MS ",\"sending_ts_ms\":"

#define LEN(lit) ((ptrdiff_t)sizeof(lit) - 1)
#define STARTS(p, lit) (memcmp((p), (lit), sizeof(lit) - 1) == 0)
/* With a check of the end, for parts that may be absent. */
#define NEXT(p, end, lit) ((end) - (p) >= LEN(lit) && STARTS(p, lit))

/* What must at least follow a part, so that one check of the end behind each part of varying length is enough. */
enum {
  AFTER_SIDE = LEN("}}"),
  AFTER_DELTA = LEN(SIDE "no\"") + AFTER_SIDE,
  AFTER_MARKET_ID = LEN(PRICE "0.0000\"" DELTA "0.00\"") + AFTER_DELTA,
  AFTER_TICKER = LEN(MARKET_ID) + AFTER_MARKET_ID,
  AFTER_SEQ = LEN(TICKER) + AFTER_TICKER,
  AFTER_SID = LEN(SEQ "1") + AFTER_SEQ,
  SHORTEST = LEN(HEAD "1") + AFTER_SID,
  UUID = 36
};

/* The text of a string up to its closing quote, which is where the result points. */
static inline const char *plain_string(const char *p, const char *end, ptrdiff_t after, kl_str *out) {
  const char *close = kl_json_plain(p, end);
  if (KL_UNLIKELY(end - close < after || *close != '"')) return NULL;
  out->p = p;
  out->n = (uint32_t)(close - p);
  return close;
}

/* The same for a market's id, as long as the exchange's ids are: where its end is guessed and checked, the loads behind
 * it need not wait for the search. */
static inline const char *uuid_string(const char *p, const char *end, ptrdiff_t after, kl_str *out) {
  _Static_assert(AFTER_MARKET_ID >= UUID, "the caller has checked that so many bytes follow");
  bool plain = !(kl_json_stops(p) | kl_json_stops(p + 16) | kl_json_stops(p + UUID - 16));
  if (KL_UNLIKELY(end - p < UUID + after || !plain || p[UUID] != '"')) return plain_string(p, end, after, out);
  out->p = p;
  out->n = UUID;
  return p + UUID;
}

static inline const char *short_uint(const char *p, const char *end, ptrdiff_t after, int64_t *out) {
  p = kl_json_short_uint(p, end, out);
  return KL_LIKELY(p && end - p >= after) ? p : NULL;
}

/* The optional fields behind "side", in the exchange's order. */
static const char *usual_delta_options(const char *p, const char *end, kl_event *ev) {
  kl_str ts;
  int64_t v;
  if (NEXT(p, end, CLIENT_ORDER_ID)) {
    p = plain_string(p + LEN(CLIENT_ORDER_ID), end, 1 + AFTER_SIDE, &ev->delta.client_order_id);
    if (!p) return NULL;
    p++;
  }
  if (NEXT(p, end, SUBACCOUNT)) {
    p = short_uint(p + LEN(SUBACCOUNT), end, AFTER_SIDE, &v);
    if (!p || v > INT32_MAX) return NULL;
    ev->subaccount = (int32_t)v;
    ev->has |= KL_HAS_SUBACCOUNT;
  }
  if (NEXT(p, end, TS)) {
    p = plain_string(p + LEN(TS), end, 1 + AFTER_SIDE, &ts);
    if (!p) return NULL;
    p++;
  }
  if (NEXT(p, end, TS_MS)) {
    p = short_uint(p + LEN(TS_MS), end, AFTER_SIDE, &ev->ts_ms);
    if (!p) return NULL;
    ev->has |= KL_HAS_TS;
  }
  return p;
}

bool kl_wire_decode_usual_delta(const char *p, size_t n, kl_event *ev) {
  if (n < SHORTEST || n > UINT32_MAX || !STARTS(p, HEAD)) return false;
  const char *const end = p + n;
  ev->type = KL_EV_DELTA;
  ev->has = KL_HAS_SID | KL_HAS_SEQ;
  ev->type_name = (kl_str){p + LEN("{\"type\":\""), LEN("orderbook_delta")};
  ev->id = 0;
  ev->ts_ms = 0;
  ev->sending_ts_ms = 0;
  ev->subaccount = 0;
  ev->exchange_index = 0;
  ev->delta.client_order_id = (kl_str){"", 0};

  p = short_uint(p + LEN(HEAD), end, AFTER_SID, &ev->sid);
  if (KL_UNLIKELY(!p || !STARTS(p, SEQ))) return false;
  p = short_uint(p + LEN(SEQ), end, AFTER_SEQ, &ev->seq);
  if (KL_UNLIKELY(!p || !STARTS(p, TICKER))) return false;
  p = plain_string(p + LEN(TICKER), end, AFTER_TICKER, &ev->ticker);
  if (KL_UNLIKELY(!p || !STARTS(p, MARKET_ID))) return false;
  p = uuid_string(p + LEN(MARKET_ID), end, AFTER_MARKET_ID, &ev->market_id);
  if (KL_UNLIKELY(!p || !STARTS(p, PRICE))) return false;
  p = kl_json_usual_price(p + LEN(PRICE), &ev->delta.price);
  if (KL_UNLIKELY(!p || !STARTS(p, DELTA))) return false;
  p += LEN(DELTA);
  bool negative = *p == '-';
  p = kl_json_usual_count(p + negative, &ev->delta.delta);
  if (KL_UNLIKELY(!p || end - p < AFTER_DELTA || !STARTS(p, SIDE))) return false;
  if (negative) ev->delta.delta = -ev->delta.delta;
  p += LEN(SIDE);
  if (STARTS(p, "yes\"")) {
    ev->delta.side = KL_YES;
    p += LEN("yes\"");
  } else if (STARTS(p, "no\"")) {
    ev->delta.side = KL_NO;
    p += LEN("no\"");
  } else {
    return false;
  }
  p = usual_delta_options(p, end, ev);
  if (KL_UNLIKELY(!p || end - p < AFTER_SIDE || *p != '}')) return false;
  p++;
  if (NEXT(p, end, SENDING_TS_MS)) {
    p = kl_json_short_uint(p + LEN(SENDING_TS_MS), end, &ev->sending_ts_ms);
    if (!p) return false;
    ev->has |= KL_HAS_SENDING_TS;
  }
  if (KL_UNLIKELY(p >= end || *p != '}')) return false;
  p++;
  return p == end || (end - p == 1 && *p == '\n');
}

bool kl_wire_decode(kl_decoder *d, const char *p, size_t n, kl_event *ev, kl_error *e) {
  if (KL_LIKELY(kl_wire_decode_usual_delta(p, n, ev))) return true;
  return kl_wire_decode_general(d, p, n, ev, e);
}
