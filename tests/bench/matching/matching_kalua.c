/* Kalua's matching engine on the bench's commands, with all that it does beside matching: accounts and their
 * collateral, fees, positions, the lists of orders, fills and trades, and with "ids" the client order ids, which it
 * never forgets: matching_kalua FILE MARKETS [ids] */
#include <string.h>

#include "exchange/exchange.h"
#include "flow_read.h"

enum { USERS = 64, KEPT = 500 };

typedef struct bench {
  flow_sum sum;
  uint32_t current; /* the order under way */
} bench;

/* Nothing is amended, so orders are numbered in order of arrival, from 1. */
static void on_fill(void *data, const kl_fill *f) {
  bench *b = data;
  if (f->is_taker) return;
  flow_trade(&b->sum, (uint32_t)f->order->seq - 1, b->current, (uint32_t)f->yes_price, (uint32_t)(f->count / 100));
}

static void die(const char *what) {
  fprintf(stderr, "matching_kalua: %s\n", what);
  exit(1);
}

static char *decimal(char *end, uint32_t n) {
  *--end = '\0';
  do
    *--end = (char)('0' + n % 10);
  while (n /= 10);
  return end;
}

int main(int argc, char **argv) {
  if (argc != 3 && argc != 4) die("usage: matching_kalua FILE MARKETS [ids]");
  size_t n;
  flow_command *all = flow_read(argv[1], &n);
  unsigned markets = (unsigned)strtoul(argv[2], NULL, 10);
  bench b = {.current = 0};
  int64_t now = INT64_C(1790000000000000);
  kl_exchange_options o = {.seed = 1, .sink = {.data = &b, .fill = on_fill}};
  kl_exchange *x = kl_exchange_new(&o);
  if (!x) die("out of memory");
  for (int u = 0; u < USERS; u++) {
    uint32_t user = kl_exchange_add_user(x, INT64_C(1000000000) * KL_MONEY_ONE);
    if (user == UINT32_MAX) die("no user");
    kl_exchange_keep(x, user, KEPT, KEPT); /* or the run would measure how fast new memory is had */
  }
  kl_series series = {.ticker = "KXBENCH", .fee_type = KL_FEE_QUADRATIC_MAKER, .fee_multiplier_ppm = 1000000};
  kl_market_event event = {.ticker = "KXBENCH-1", .series = kl_exchange_add_series(x, &series)};
  kl_market_event *e = kl_exchange_add_event(x, &event);
  const char **tickers = malloc(markets * sizeof *tickers);
  if (!e || !tickers) die("no event");
  for (unsigned i = 0; i < markets; i++) {
    kl_market m = {.event = e, .created_us = now, .open_us = now};
    snprintf(m.ticker, sizeof m.ticker, "KXBENCH-1-M%u", i);
    kl_market *added = kl_exchange_add_market(x, &m);
    if (!added) die("no market");
    tickers[i] = added->ticker;
  }
  kl_uuid *ids = calloc(n, sizeof *ids);
  if (!ids) die("out of memory");

  double start = flow_cpu();
  for (size_t i = 0; i < n; i++) {
    const flow_command *c = &all[i];
    now += 10;
    if (c->kind == FLOW_CANCEL) {
      if (ids[c->order][0]) kl_exchange_cancel(x, now, c->user, 0, ids[c->order], NULL, NULL);
      continue;
    }
    char text[16];
    kl_order_outcome out;
    b.current = c->order;
    kl_order_request r = {.user = c->user,
                          .ticker = tickers[c->market],
                          .client_order_id = argc == 4 ? decimal(text + sizeof text, c->order) : NULL,
                          .side = c->buys ? KL_BID : KL_ASK,
                          .price = c->price,
                          .count = 100 * (kl_count)c->count,
                          .tif = KL_TIF_GTC,
                          .stp = KL_STP_TAKER_AT_CROSS};
    if (kl_exchange_create(x, now, &r, &out) != KL_X_OK) die("an order was refused");
    if (out.remaining) memcpy(ids[c->order], out.order->id, sizeof ids[0]);
  }
  flow_report(n, flow_cpu() - start, &b.sum);
  if (kl_exchange_conservation(x) != 0) die("money is not conserved");
  kl_exchange_free(x);
  free(ids);
  free(tickers);
  free(all);
  return 0;
}
