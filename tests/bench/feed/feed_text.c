#include "feed_text.h"

#include <string.h>

/* A message without levels is far shorter, its ticker and ids included. */
enum { MESSAGE_MAX = 1024, LEVEL_MAX = 48 };

/* ---- plain text into memory that was reserved before ---- */

#define PUT(p, literal) (memcpy((p), literal, sizeof(literal) - 1), (p) + sizeof(literal) - 1)

static char *put_text(char *p, const char *text) {
  size_t n = strlen(text);
  memcpy(p, text, n);
  return p + n;
}

static char *put_uint(char *p, uint64_t v) {
  char digits[20];
  int n = 0;
  do
    digits[n++] = (char)('0' + v % 10);
  while (v /= 10);
  while (n)
    *p++ = digits[--n];
  return p;
}

static char *put_int(char *p, int64_t v) {
  if (v < 0) *p++ = '-';
  return put_uint(p, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

/* The last `n` digits, with zeros in front. */
static char *put_digits(char *p, int v, int n) {
  for (int i = n - 1; i >= 0; i--, v /= 10)
    p[i] = (char)('0' + v % 10);
  return p + n;
}

static char *put_price(char *p, int price) {
  *p++ = (char)('0' + price / SYNTHETIC_ONE);
  *p++ = '.';
  return put_digits(p, price % SYNTHETIC_ONE, 4);
}

static char *put_count(char *p, int64_t count) {
  if (count < 0) *p++ = '-';
  uint64_t v = count < 0 ? -(uint64_t)count : (uint64_t)count;
  p = put_uint(p, v / 100);
  *p++ = '.';
  return put_digits(p, (int)(v % 100), 2);
}

/* The day is fixed: a feed lasts less than four hours of its own time. */
static char *put_time(char *p, int64_t ms) {
  int second = (int)(ms / 1000 % 86400);
  p = PUT(p, "2026-11-22T");
  p = put_digits(p, second / 3600, 2);
  *p++ = ':';
  p = put_digits(p, second / 60 % 60, 2);
  *p++ = ':';
  p = put_digits(p, second % 60, 2);
  *p++ = 'Z';
  return p;
}

static int yes_price(int side, int price) { return side ? SYNTHETIC_ONE - price : price; }

static char *put_market(char *p, const synthetic_market *m) {
  p = PUT(p, "\"market_ticker\":\"");
  p = put_text(p, m->ticker);
  p = PUT(p, "\",\"market_id\":\"");
  p = put_text(p, m->uuid);
  return PUT(p, "\"");
}

/* ---- messages ---- */

static char *put_levels(char *p, const synthetic_market *m, int side) {
  if (!m->levels[side]) return p; /* an empty side has no key */
  p = side ? PUT(p, ",\"no_dollars_fp\":[") : PUT(p, ",\"yes_dollars_fp\":[");
  for (int price = 0; price < SYNTHETIC_PRICES; price++) {
    if (!m->count[side][price]) continue;
    p = PUT(p, "[\"");
    p = put_price(p, yes_price(side, price));
    p = PUT(p, "\",\"");
    p = put_count(p, m->count[side][price]);
    p = PUT(p, "\"],");
  }
  p[-1] = ']';
  return p;
}

void feed_put_snapshot(kl_buf *out, const synthetic_market *m, int64_t id, feed_position *at) {
  if (!kl_buf_reserve(out, MESSAGE_MAX + (size_t)(m->levels[0] + m->levels[1]) * LEVEL_MAX)) return;
  char *p = out->data + out->len;
  p = PUT(p, "{");
  if (id) {
    p = PUT(p, "\"id\":");
    p = put_int(p, id);
    p = PUT(p, ",");
  }
  p = PUT(p, "\"type\":\"orderbook_snapshot\",\"sid\":1,\"seq\":");
  p = put_int(p, ++at->seq_books);
  p = PUT(p, ",\"msg\":{");
  p = put_market(p, m);
  p = put_levels(p, m, 0);
  p = put_levels(p, m, 1);
  p = PUT(p, "}}");
  out->len = (size_t)(p - out->data);
}

static char *put_delta(char *p, const synthetic_event *e, feed_position *at) {
  p = PUT(p, "{\"type\":\"orderbook_delta\",\"sid\":1,\"seq\":");
  p = put_int(p, ++at->seq_books);
  p = PUT(p, ",\"msg\":{");
  p = put_market(p, e->market);
  p = PUT(p, ",\"price_dollars\":\"");
  p = put_price(p, yes_price(e->side, e->price));
  p = PUT(p, "\",\"delta_fp\":\"");
  p = put_count(p, e->count);
  p = e->side ? PUT(p, "\",\"side\":\"no\"") : PUT(p, "\",\"side\":\"yes\"");
  if (e->id[0]) {
    p = PUT(p, ",\"client_order_id\":\"");
    p = put_text(p, e->id);
    p = PUT(p, "\",\"subaccount\":0");
  }
  p = PUT(p, ",\"ts\":\"");
  p = put_time(p, at->ms);
  p = PUT(p, "\",\"ts_ms\":");
  p = put_int(p, at->ms);
  return PUT(p, "}}");
}

static char *put_ticker(char *p, const synthetic_market *m, const feed_position *at) {
  int bid = m->best[0] < 0 ? 0 : m->best[0];
  int ask = m->best[1] < 0 ? SYNTHETIC_ONE : SYNTHETIC_ONE - m->best[1];
  p = PUT(p, "{\"type\":\"ticker\",\"sid\":2,\"msg\":{");
  p = put_market(p, m);
  p = PUT(p, ",\"price_dollars\":\"");
  p = put_price(p, m->last);
  p = PUT(p, "\",\"yes_bid_dollars\":\"");
  p = put_price(p, bid);
  p = PUT(p, "\",\"yes_ask_dollars\":\"");
  p = put_price(p, ask);
  p = PUT(p, "\",\"volume_fp\":\"");
  p = put_count(p, m->volume);
  p = PUT(p, "\",\"open_interest_fp\":\"");
  p = put_count(p, m->open_interest);
  p = PUT(p, "\",\"dollar_volume\":");
  p = put_int(p, m->volume / 200);
  p = PUT(p, ",\"dollar_open_interest\":");
  p = put_int(p, m->open_interest / 200);
  p = PUT(p, ",\"yes_bid_size_fp\":\"");
  p = put_count(p, bid ? m->count[0][bid] : 0);
  p = PUT(p, "\",\"yes_ask_size_fp\":\"");
  p = put_count(p, ask < SYNTHETIC_ONE ? m->count[1][SYNTHETIC_ONE - ask] : 0);
  p = PUT(p, "\",\"last_trade_size_fp\":\"25.00\",\"ts\":");
  p = put_int(p, at->ms / 1000);
  p = PUT(p, ",\"ts_ms\":");
  p = put_int(p, at->ms);
  p = PUT(p, ",\"time\":\"");
  p = put_time(p, at->ms);
  return PUT(p, "\"}}");
}

static char *put_trade(char *p, const synthetic_event *e, feed_position *at) {
  p = PUT(p, "{\"type\":\"trade\",\"sid\":3,\"seq\":");
  p = put_int(p, ++at->seq_trade);
  p = PUT(p, ",\"msg\":{\"trade_id\":\"");
  p = put_text(p, e->id);
  p = PUT(p, "\",\"market_ticker\":\"");
  p = put_text(p, e->market->ticker);
  p = PUT(p, "\",\"yes_price_dollars\":\"");
  p = put_price(p, e->market->last);
  p = PUT(p, "\",\"no_price_dollars\":\"");
  p = put_price(p, SYNTHETIC_ONE - e->market->last);
  p = PUT(p, "\",\"count_fp\":\"");
  p = put_count(p, e->count);
  p = e->side ? PUT(p, "\",\"taker_side\":\"no\",\"taker_outcome_side\":\"no\",\"taker_book_side\":\"ask\"")
              : PUT(p, "\",\"taker_side\":\"yes\",\"taker_outcome_side\":\"yes\",\"taker_book_side\":\"bid\"");
  p = PUT(p, ",\"is_block_trade\":false,\"ts\":");
  p = put_int(p, at->ms / 1000);
  p = PUT(p, ",\"ts_ms\":");
  p = put_int(p, at->ms);
  return PUT(p, "}}");
}

void feed_put_event(kl_buf *out, const synthetic_event *e, feed_position *at) {
  if (e->kind == EVENT_SNAPSHOT) {
    feed_put_snapshot(out, e->market, 0, at);
    return;
  }
  if (!kl_buf_reserve(out, MESSAGE_MAX)) return;
  char *p = out->data + out->len;
  switch (e->kind) {
  case EVENT_DELTA:
    p = put_delta(p, e, at);
    break;
  case EVENT_TICKER:
    p = put_ticker(p, e->market, at);
    break;
  case EVENT_TRADE:
    p = put_trade(p, e, at);
    break;
  case EVENT_SNAPSHOT:
    break;
  }
  out->len = (size_t)(p - out->data);
}
