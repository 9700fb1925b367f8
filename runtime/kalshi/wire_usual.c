/* The decoder's way for the messages that come most, in the key order and spelling of today. Every literal is verified;
 * whatever is another goes the general way. */
#include "kalshi/wire_internal.h"
#include "kalshi/wire_json.h"

/* The fixed parts of today's orderbook_delta, ticker and trade. */
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

/* What every event has. */
static inline void begin(kl_event *ev, kl_event_type type, const char *p, uint32_t type_len) {
  ev->type = type;
  ev->type_name = (kl_str){p + LEN("{\"type\":\""), type_len};
  ev->id = 0;
  ev->ts_ms = 0;
  ev->sending_ts_ms = 0;
  ev->subaccount = 0;
  ev->exchange_index = 0;
}

/* The end of a message, behind its "msg". */
static inline bool usual_end(const char *p, const char *end, kl_event *ev) {
  if (NEXT(p, end, SENDING_TS_MS)) {
    p = kl_json_short_ms(p + LEN(SENDING_TS_MS), end, &ev->sending_ts_ms);
    if (!p) return false;
    ev->has |= KL_HAS_SENDING_TS;
  }
  if (KL_UNLIKELY(p >= end || *p != '}')) return false;
  p++;
  return p == end || (end - p == 1 && *p == '\n');
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
    p = kl_json_short_ms(p + LEN(TS_MS), end, &ev->ts_ms);
    if (!p || end - p < AFTER_SIDE) return NULL;
    ev->has |= KL_HAS_TS;
  }
  return p;
}

static bool usual_delta(const char *p, size_t n, kl_event *ev) {
  if (n < SHORTEST || !STARTS(p, HEAD)) return false;
  const char *const end = p + n;
  begin(ev, KL_EV_DELTA, p, LEN("orderbook_delta"));
  ev->has = KL_HAS_SID | KL_HAS_SEQ;
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
  /* Which one it is cannot be foreseen: no branch. */
  bool yes = STARTS(p, "yes\""), no = STARTS(p, "no\"");
  if (KL_UNLIKELY(!(yes | no))) return false;
  ev->delta.side = (kl_outcome)no;
  p += LEN("yes\"") - no;
  p = usual_delta_options(p, end, ev);
  if (KL_UNLIKELY(!p || end - p < AFTER_SIDE || *p != '}')) return false;
  p++;
  return usual_end(p, end, ev);
}

/* ---- ticker and trade ---- */

static inline const char *part(const char *p, const char *end, const char *lit, ptrdiff_t n) {
  return KL_LIKELY(p && end - p >= n && memcmp(p, lit, (size_t)n) == 0) ? p + n : NULL;
}

/* A price and its closing quote; an ask where nothing is offered is one dollar. */
static inline const char *ticker_price(const char *p, const char *end, kl_price *out) {
  const char *after = kl_json_usual_price(p, out);
  if (KL_LIKELY(after != NULL)) return after;
  *out = KL_PRICE_ONE;
  return part(p, end, "1.0000\"", LEN("1.0000\""));
}

/* The parts of a message that is read in one go: p becomes NULL where the next one is another, and stays so. */
#define PART(lit) (p = part(p, end, lit, LEN(lit)))
#define EITHER(first, lit, other) (p = (first) ? part(p, end, lit, LEN(lit)) : part(p, end, other, LEN(other)))
#define TEXT(out) (p = p ? plain_string(p, end, 1, (out)) : NULL)
#define PRICE_IN(out) (p = p ? ticker_price(p, end, (out)) : NULL)
#define COUNT_IN(out) (p = p ? kl_json_usual_count(p, (out)) : NULL)
#define INTEGER(out) (p = p ? kl_json_short_uint(p, end, (out)) : NULL)
#define MILLISECONDS(out) (p = p ? kl_json_short_ms(p, end, (out)) : NULL)

/* {"type":…,"sid":…,"seq":…,"msg":{ behind the name of the type. */
static const char *usual_envelope(const char *p, const char *end, kl_event *ev) {
  ev->has = KL_HAS_SID | KL_HAS_TS;
  ev->seq = 0;
  PART("\",\"sid\":");
  INTEGER(&ev->sid);
  if (p && NEXT(p, end, SEQ)) {
    ev->has |= KL_HAS_SEQ;
    p += LEN(SEQ);
    INTEGER(&ev->seq);
  }
  return PART(",\"msg\":{");
}

static bool usual_ticker(const char *p, const char *end, kl_event *ev) {
  int64_t ts;
  kl_str time;
  begin(ev, KL_EV_TICKER, p, LEN("ticker"));
  p = usual_envelope(p + LEN("{\"type\":\"ticker"), end, ev);
  PART("\"market_ticker\":\"");
  TEXT(&ev->ticker);
  PART(MARKET_ID);
  TEXT(&ev->market_id);
  PART(PRICE);
  PRICE_IN(&ev->ticker_.price); /* its closing quote is read with it, here and below */
  PART(",\"yes_bid_dollars\":\"");
  PRICE_IN(&ev->ticker_.yes_bid);
  PART(",\"yes_ask_dollars\":\"");
  PRICE_IN(&ev->ticker_.yes_ask);
  PART(",\"volume_fp\":\"");
  COUNT_IN(&ev->ticker_.volume);
  PART(",\"open_interest_fp\":\"");
  COUNT_IN(&ev->ticker_.open_interest);
  PART(",\"dollar_volume\":");
  INTEGER(&ev->ticker_.dollar_volume);
  PART(",\"dollar_open_interest\":");
  INTEGER(&ev->ticker_.dollar_open_interest);
  PART(",\"yes_bid_size_fp\":\"");
  COUNT_IN(&ev->ticker_.yes_bid_size);
  PART(",\"yes_ask_size_fp\":\"");
  COUNT_IN(&ev->ticker_.yes_ask_size);
  PART(",\"last_trade_size_fp\":\"");
  COUNT_IN(&ev->ticker_.last_trade_size);
  PART(",\"ts\":");
  INTEGER(&ts);
  PART(TS_MS);
  MILLISECONDS(&ev->ts_ms);
  if (p && NEXT(p, end, ",\"time\":\"")) {
    p += LEN(",\"time\":\"");
    TEXT(&time);
    PART("\"");
  }
  return PART("}") && usual_end(p, end, ev);
}

static bool usual_trade(const char *p, const char *end, kl_event *ev) {
  kl_str side;
  int64_t ts;
  begin(ev, KL_EV_TRADE, p, LEN("trade"));
  p = usual_envelope(p + LEN("{\"type\":\"trade"), end, ev);
  if (!p || !(ev->has & KL_HAS_SEQ)) return false; /* the general way says that it lacks */
  ev->market_id = (kl_str){"", 0};
  PART("\"trade_id\":\"");
  TEXT(&ev->trade.trade_id);
  PART("\",\"market_ticker\":\"");
  TEXT(&ev->ticker);
  PART("\",\"yes_price_dollars\":\"");
  PRICE_IN(&ev->trade.yes_price);
  PART(",\"no_price_dollars\":\"");
  PRICE_IN(&ev->trade.no_price);
  PART(",\"count_fp\":\"");
  COUNT_IN(&ev->trade.count);
  PART(",\"taker_side\":\"");
  TEXT(&side);
  PART("\",\"taker_outcome_side\":\"");
  ev->trade.taker_outcome = p && *p == 'n' ? KL_NO : KL_YES;
  EITHER(ev->trade.taker_outcome == KL_YES, "yes\"", "no\"");
  PART(",\"taker_book_side\":\"");
  ev->trade.taker_side = p && *p == 'a' ? KL_ASK : KL_BID;
  EITHER(ev->trade.taker_side == KL_BID, "bid\"", "ask\"");
  PART(",\"is_block_trade\":");
  ev->trade.is_block_trade = p && *p == 't';
  EITHER(ev->trade.is_block_trade, "true", "false");
  PART(",\"ts\":");
  INTEGER(&ts);
  PART(TS_MS);
  MILLISECONDS(&ev->ts_ms);
  return PART("}") && usual_end(p, end, ev);
}

bool kl_wire_decode_usual(const char *p, size_t n, kl_event *ev) {
  if (KL_UNLIKELY(n < LEN("{\"type\":\"trade") || n > UINT32_MAX)) return false;
  const char *type = p + LEN("{\"type\":\"");
  if (KL_LIKELY(*type == 'o')) return usual_delta(p, n, ev);
  if (STARTS(p, "{\"type\":\"ticker")) return usual_ticker(p, p + n, ev);
  if (STARTS(p, "{\"type\":\"trade")) return usual_trade(p, p + n, ev);
  return false;
}
