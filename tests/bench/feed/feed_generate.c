/* Writes the synthetic feed of the bench: one message a line, and beside it what a client that read all of it right
 * must have counted. The same arguments give the same bytes.
 *
 *   feed_generate MARKETS MESSAGES PREFIX       writes PREFIX.ndjson and PREFIX.json
 *
 * The feed is a snapshot of each market, then the messages. After each delta a client that knows both a best YES bid B
 * and a best NO bid N counts a callback: `callbacks` + 1, `bids` + B, `spreads` + (10,000 - N) - B, in 1/10,000 dollar.
 * `checksum` is over all levels of all books at the end: see synthetic.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed_text.h"

enum { SEED = 1, MESSAGES_PER_MS = 20 };

typedef struct expectation {
  long long messages, snapshots, deltas, tickers, trades;
  long long callbacks, bids, spreads;
} expectation;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static FILE *create(const char *prefix, const char *suffix) {
  char path[4096];
  if (snprintf(path, sizeof path, "%s%s", prefix, suffix) >= (int)sizeof path) {
    fputs("feed_generate: the path is too long\n", stderr);
    exit(2);
  }
  FILE *f = fopen(path, "w");
  if (!f) die(path);
  return f;
}

static void write_line(FILE *f, kl_buf *line, expectation *x) {
  kl_buf_char(line, '\n');
  if (line->failed || fwrite(line->data, 1, line->len, f) != line->len) die("feed_generate: write");
  kl_buf_clear(line);
  x->messages++;
}

static void count_event(expectation *x, const synthetic_event *e) {
  const synthetic_market *m = e->market;
  switch (e->kind) {
  case EVENT_SNAPSHOT:
    x->snapshots++;
    return;
  case EVENT_TICKER:
    x->tickers++;
    return;
  case EVENT_TRADE:
    x->trades++;
    return;
  case EVENT_DELTA:
    x->deltas++;
    break;
  }
  if (m->best[0] < 0 || m->best[1] < 0) return;
  x->callbacks++;
  x->bids += m->best[0];
  x->spreads += SYNTHETIC_ONE - m->best[1] - m->best[0];
}

static void write_expectation(FILE *f, const expectation *x, const synthetic *s) {
  fprintf(f,
          "{\"markets\":%d,\"messages\":%lld,\"snapshots\":%lld,\"deltas\":%lld,\"tickers\":%lld,\"trades\":%lld,\n"
          "\"callbacks\":%lld,\"bids\":%lld,\"spreads\":%lld,\"checksum\":\"%08x\",\n\"tickers_of_markets\":[\n",
          s->n, x->messages, x->snapshots, x->deltas, x->tickers, x->trades, x->callbacks, x->bids, x->spreads,
          synthetic_checksum_all(s));
  for (int i = 0; i < s->n; i++)
    fprintf(f, "\"%s\"%s\n", s->markets[i].ticker, i + 1 < s->n ? "," : "");
  fputs("]}\n", f);
}

int main(int argc, char **argv) {
  long markets = argc == 4 ? strtol(argv[1], NULL, 10) : 0;
  long long messages = argc == 4 ? strtoll(argv[2], NULL, 10) : -1;
  if (markets < 1 || markets > 100000 || messages < 0) {
    fputs("usage: feed_generate MARKETS MESSAGES PREFIX\n", stderr);
    return 2;
  }
  synthetic s;
  if (!synthetic_init(&s, (int)markets, SEED)) die("feed_generate");
  FILE *f = create(argv[3], ".ndjson");
  expectation x = {0};
  feed_position at = {.ms = INT64_C(1795380241000)};
  kl_buf line = {0};
  for (int i = 0; i < s.n; i++) {
    feed_put_snapshot(&line, &s.markets[i], 0, &at);
    write_line(f, &line, &x);
    x.snapshots++;
  }
  for (long long i = 0; i < messages; i++) {
    synthetic_event e;
    if (i % MESSAGES_PER_MS == 0) at.ms++;
    synthetic_next(&s, &e);
    count_event(&x, &e);
    feed_put_event(&line, &e, &at);
    write_line(f, &line, &x);
  }
  if (fclose(f)) die("feed_generate: write");
  f = create(argv[3], ".json");
  write_expectation(f, &x, &s);
  if (fclose(f)) die("feed_generate: write");
  kl_buf_free(&line);
  synthetic_free(&s);
  return 0;
}
