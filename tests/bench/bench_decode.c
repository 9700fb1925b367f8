/* What decoding and applying cost, in memory: nanoseconds of a message for each way through the decoder and for the
 * book, over a feed made here (100 markets, 20 to 60 levels a side, the mix of a busy session). Best of several rounds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "kalshi/book.h"
#include "kalshi/wire_internal.h"

enum { MARKETS = 100, MESSAGES = 16000, ROUNDS = 101 };

typedef struct feed {
  kl_buf text;
  size_t *end; /* of each message */
  size_t n;
} feed;

static uint64_t random_state = 0x2545f4914f6cdd1d;
static uint32_t random_below(uint32_t n) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (uint32_t)((random_state >> 32) * n >> 32);
}

static void die(const char *what) {
  fprintf(stderr, "bench_decode: %s\n", what);
  exit(1);
}

static void feed_init(feed *f, size_t n) {
  memset(f, 0, sizeof *f);
  f->end = calloc(n, sizeof *f->end);
  if (!f->end) die("out of memory");
}

static void feed_end(feed *f) { f->end[f->n++] = f->text.len; }

static void feed_free(feed *f) {
  kl_buf_free(&f->text);
  free(f->end);
}

#define MARKET "\"market_ticker\":\"KXBENCH-26NOV%02d-T%d.5\",\"market_id\":\"30ebe0c2-d075-4992-9896-9ab2e8d350%02d\""

/* A walk that keeps every level between nothing and its first size, so that no delta is out of step. */
static void make_deltas(feed *f, bool usual) {
  static int64_t size[MARKETS][2][100];
  memset(size, 0, sizeof size);
  feed_init(f, MESSAGES);
  for (int i = 0; i < MESSAGES; i++) {
    int market = (int)random_below(MARKETS), side = (int)random_below(2);
    int cents = 48 - (int)(random_below(40) * random_below(40) / 40);
    int64_t *at = &size[market][side][cents], change = (int64_t)(1 + random_below(30000)) * 100;
    if (*at) change = random_below(3) ? -*at : -(int64_t)random_below((uint32_t)*at / 100) * 100 - 100;
    *at += change;
    if (usual) {
      kl_buf_printf(&f->text, "{\"type\":\"orderbook_delta\",\"sid\":1,\"seq\":%d,\"msg\":{" MARKET, i + 1, market % 28,
                    market, market);
    } else {
      kl_buf_printf(&f->text, "{\"sid\":1,\"seq\":%d,\"type\":\"orderbook_delta\",\"msg\":{" MARKET, i + 1, market % 28,
                    market, market);
    }
    kl_buf_printf(&f->text,
                  ",\"price_dollars\":\"0.%02d00\",\"delta_fp\":\"%lld.00\",\"side\":\"%s\","
                  "\"ts\":\"2026-09-15T14:30:01.%06dZ\",\"ts_ms\":%lld}}\n",
                  cents, (long long)change / 100, side ? "no" : "yes", i, 1789482601250LL + i);
    feed_end(f);
  }
}

static void make_tickers(feed *f) {
  feed_init(f, MESSAGES);
  for (int i = 0; i < MESSAGES; i++) {
    int market = (int)random_below(MARKETS), cents = 10 + (int)random_below(80);
    kl_buf_printf(
        &f->text,
        "{\"type\":\"ticker\",\"sid\":2,\"msg\":{" MARKET ",\"price_dollars\":\"0.%d00\",\"yes_bid_dollars\":"
        "\"0.%d00\",\"yes_ask_dollars\":\"0.%d00\",\"volume_fp\":\"%d.00\",\"open_interest_fp\":\"9120.25\","
        "\"dollar_volume\":9221,\"dollar_open_interest\":4560,\"yes_bid_size_fp\":\"45.50\",\"yes_ask_size_fp\":"
        "\"18.00\",\"last_trade_size_fp\":\"25.00\",\"ts\":1789482600,\"ts_ms\":%lld,\"time\":"
        "\"2026-09-15T14:30:00.088512Z\"}}\n",
        market % 28, market, market, cents, cents, cents + 1, i, 1789482601250LL + i);
    feed_end(f);
  }
}

static void make_trades(feed *f) {
  feed_init(f, MESSAGES);
  for (int i = 0; i < MESSAGES; i++) {
    int market = (int)random_below(MARKETS), cents = 10 + (int)random_below(80);
    kl_buf_printf(&f->text,
                  "{\"type\":\"trade\",\"sid\":3,\"seq\":%d,\"msg\":{\"trade_id\":\"b4fd9106-b09e-4687-aec4-%012d\","
                  "\"market_ticker\":\"KXBENCH-26NOV%02d-T%d.5\",\"yes_price_dollars\":\"0.%d00\",\"no_price_dollars\":"
                  "\"0.%d00\",\"count_fp\":\"12.25\",\"taker_side\":\"yes\",\"taker_outcome_side\":\"yes\","
                  "\"taker_book_side\":\"bid\",\"is_block_trade\":false,\"ts\":1789482600,\"ts_ms\":%lld}}\n",
                  i, i, market % 28, market, cents, 100 - cents, 1789482601250LL + i);
    feed_end(f);
  }
}

enum { SNAPSHOTS = 2000, SNAPSHOT_LEVELS = 40 };
static void make_snapshots(feed *f) {
  feed_init(f, SNAPSHOTS);
  for (int i = 0; i < SNAPSHOTS; i++) {
    int market = i % MARKETS;
    kl_buf_printf(&f->text, "{\"type\":\"orderbook_snapshot\",\"sid\":1,\"seq\":%d,\"msg\":{" MARKET, i + 1,
                  market % 28, market, market);
    for (int side = 0; side < 2; side++) {
      kl_buf_str(&f->text, side ? "],\"no_dollars_fp\":[" : ",\"yes_dollars_fp\":[");
      for (int k = 1; k <= SNAPSHOT_LEVELS; k++)
        kl_buf_printf(&f->text, "%s[\"0.%02d00\",\"%u.00\"]", k > 1 ? "," : "", k, 1 + random_below(30000));
    }
    kl_buf_str(&f->text, "]}}\n");
    feed_end(f);
  }
}

typedef bool decode_function(kl_decoder *d, const char *p, size_t n, kl_event *ev, kl_error *e);

/* Nanoseconds of a message. */
static double time_decode(const feed *f, decode_function *decode) {
  kl_decoder *d = kl_decoder_new();
  const kl_clock *clock = kl_clock_real();
  if (!d || f->text.failed) die("out of memory");
  int64_t best = INT64_MAX;
  for (int round = 0; round < ROUNDS; round++) {
    kl_event ev;
    kl_error e;
    size_t from = 0;
    int64_t start = kl_mono_ns(clock);
    for (size_t i = 0; i < f->n; from = f->end[i++])
      if (!decode(d, f->text.data + from, f->end[i] - from, &ev, &e)) die(e.message);
    int64_t took = kl_mono_ns(clock) - start;
    if (took < best) best = took;
  }
  kl_decoder_free(d);
  return (double)best / (double)f->n;
}

typedef struct change {
  int market;
  kl_outcome side;
  kl_price price;
  kl_count delta;
} change;

static kl_book *books[MARKETS];

static int market_of(const kl_event *ev) { /* the last two digits of the market's id */
  const char *digits = ev->market_id.p + ev->market_id.n - 2;
  return (digits[0] - '0') * 10 + digits[1] - '0';
}

static void empty_books(void) {
  for (int i = 0; i < MARKETS; i++) {
    if (!books[i]) books[i] = kl_book_new();
    if (!books[i]) die("out of memory");
    kl_book_clear(books[i]);
  }
}

static double time_apply(const feed *f) {
  change *changes = calloc(f->n, sizeof *changes);
  kl_decoder *d = kl_decoder_new();
  const kl_clock *clock = kl_clock_real();
  if (!changes || !d) die("out of memory");
  size_t from = 0;
  for (size_t i = 0; i < f->n; from = f->end[i++]) {
    kl_event ev;
    kl_error e;
    if (!kl_wire_decode(d, f->text.data + from, f->end[i] - from, &ev, &e)) die(e.message);
    changes[i] = (change){market_of(&ev), ev.delta.side, ev.delta.price, ev.delta.delta};
  }
  int64_t best = INT64_MAX;
  for (int round = 0; round < ROUNDS; round++) {
    empty_books();
    int64_t start = kl_mono_ns(clock);
    for (size_t i = 0; i < f->n; i++) {
      const change *c = &changes[i];
      if (kl_book_apply(books[c->market], c->side, c->price, c->delta) != KL_BOOK_OK) die("a delta out of step");
    }
    int64_t took = kl_mono_ns(clock) - start;
    if (took < best) best = took;
  }
  kl_decoder_free(d);
  free(changes);
  return (double)best / (double)f->n;
}

static double time_decode_and_apply(const feed *f) {
  kl_decoder *d = kl_decoder_new();
  const kl_clock *clock = kl_clock_real();
  if (!d) die("out of memory");
  int64_t best = INT64_MAX;
  for (int round = 0; round < ROUNDS; round++) {
    empty_books();
    kl_event ev;
    kl_error e;
    size_t from = 0;
    int64_t start = kl_mono_ns(clock);
    for (size_t i = 0; i < f->n; from = f->end[i++]) {
      if (!kl_wire_decode(d, f->text.data + from, f->end[i] - from, &ev, &e)) die(e.message);
      if (kl_book_apply(books[market_of(&ev)], ev.delta.side, ev.delta.price, ev.delta.delta) != KL_BOOK_OK)
        die("a delta out of step");
    }
    int64_t took = kl_mono_ns(clock) - start;
    if (took < best) best = took;
  }
  kl_decoder_free(d);
  return (double)best / (double)f->n;
}

static void row(const char *what, const feed *f, double ns) {
  double bytes = (double)f->text.len / (double)f->n;
  printf("%-46s %7.0f %9.1f %9.2f %8.2f\n", what, bytes, ns, 1e3 / ns, bytes / ns);
}

int main(void) {
  feed deltas, moved, tickers, trades, snapshots;
  make_deltas(&deltas, true);
  make_deltas(&moved, false);
  make_tickers(&tickers);
  make_trades(&trades);
  make_snapshots(&snapshots);
  printf("%-46s %7s %9s %9s %8s\n", "", "bytes", "ns/msg", "M msg/s", "GB/s");
  row("orderbook_delta, usual way", &deltas, time_decode(&deltas, kl_wire_decode));
  row("orderbook_delta, general way", &deltas, time_decode(&deltas, kl_wire_decode_general));
  row("orderbook_delta, type not first", &moved, time_decode(&moved, kl_wire_decode));
  row("ticker", &tickers, time_decode(&tickers, kl_wire_decode));
  row("trade", &trades, time_decode(&trades, kl_wire_decode));
  row("orderbook_snapshot, 2 x 40 levels", &snapshots, time_decode(&snapshots, kl_wire_decode));
  row("book: apply only", &deltas, time_apply(&deltas));
  row("orderbook_delta, usual way and apply", &deltas, time_decode_and_apply(&deltas));
  feed_free(&deltas);
  feed_free(&moved);
  feed_free(&tickers);
  feed_free(&trades);
  feed_free(&snapshots);
  for (int i = 0; i < MARKETS; i++)
    kl_book_free(books[i]);
  return 0;
}
