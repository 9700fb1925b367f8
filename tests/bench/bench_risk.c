/* What the risk check costs, in memory: nanoseconds of admitting an order (all limits of its script and of the account
 * are set and none refuses it), of an order's whole life (admitted, changed, told, filled in part, ended), and of a
 * refusal with its text. With 1, 100 and 1,000 markets in events of up to 20, and 10,000 orders of ten scripts that
 * rest. Best and median of several rounds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "trading/risk.h"

enum { OPEN = 10000, PARTIES = 10, ROUNDS = 41, OPERATIONS = 5000, IN_EVENT = 20 };

static uint64_t random_state;
static uint32_t random_below(uint32_t n) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (uint32_t)((random_state >> 32) * n >> 32);
}

static void die(const char *what) {
  fprintf(stderr, "bench_risk: %s\n", what);
  exit(1);
}

static kl_risk *r;
static kl_risk_slot open_slots[OPEN], slots[OPERATIONS];
static int64_t now = 1000000000;
static kl_risk_view view = {.has_book = true, .bid = 4900, .ask = 5100, .book_age_ms = 3, .has_skew = true};
static uint32_t n_markets;

/* All of them, far away: every comparison is made. */
static const char wide[] = "max_order_count=1000,max_order_cost=1000,max_position=1000000,max_market_exposure=1000000,"
                           "max_event_exposure=10000000,max_exposure=100000000,max_market_share=99,"
                           "max_open_orders=100000,max_orders_per_second=1000000,max_contracts_per_second=100000000,"
                           "max_daily_loss=1000,max_daily_trades=10000000,min_balance=1,max_price_distance=0.5,"
                           "max_book_age=10,max_clock_skew=1,self_cross=false";

/* Bids below the middle and asks above it, on the steps of a tenth of a cent. */
static bool admit(kl_risk_slot *s, kl_error *e) {
  kl_side side = (kl_side)random_below(2);
  kl_price yes = side == KL_BID ? 100 + 10 * (kl_price)random_below(480) : 5100 + 10 * (kl_price)random_below(480);
  return kl_risk_admit(r, 1 + random_below(PARTIES), random_below(n_markets), side, yes,
                       100 * (kl_count)(1 + random_below(20)), &view, now, s, e);
}

static void set_up(uint32_t markets) {
  kl_error e;
  kl_limit_values v = {0};
  random_state = 0x2545f4914f6cdd1d;
  r = kl_risk_new();
  if (!r || !kl_limits_parse(wide, &v, &e)) die("no limits");
  kl_risk_configure(r, KL_RISK_ACCOUNT, &v);
  for (uint32_t i = 1; i <= PARTIES; i++) {
    if (kl_risk_add_party(r, "script") != i) die("no party");
    kl_risk_configure(r, i, &v);
  }
  n_markets = markets;
  for (uint32_t i = 0; i < markets; i++) {
    char ticker[32], event[32];
    snprintf(ticker, sizeof ticker, "KXBENCH-%u", i);
    snprintf(event, sizeof event, "KXEVENT-%u", i / IN_EVENT);
    if (kl_risk_market(r, ticker) != i || !kl_risk_market_event(r, i, event, i / IN_EVENT % 4 != 0)) die("no market");
  }
  kl_risk_money(r, INT64_C(1000000000000000), 0, 0);
  for (int i = 0; i < OPEN; i++) {
    now += 1000000;
    if (!admit(&open_slots[i], &e)) die(e.message);
    kl_risk_set(r, &open_slots[i], open_slots[i].price, open_slots[i].left);
  }
}

static int compare(const void *a, const void *b) {
  const double *x = a, *y = b;
  return (*x > *y) - (*x < *y);
}

static void print(const char *what, double *ns) {
  qsort(ns, ROUNDS, sizeof *ns, compare);
  printf("  %-34s %8.0f %8.0f\n", what, ns[ROUNDS / 2], ns[0]);
}

/* Of the processor, so that other work on the machine counts less. */
static int64_t ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void bench(uint32_t markets) {
  double admitted[ROUNDS], life[ROUNDS], refused[ROUNDS];
  kl_error e;
  set_up(markets);
  for (int round = 0; round < ROUNDS; round++) {
    int64_t began = ns();
    for (int i = 0; i < OPERATIONS; i++) {
      now += 100000;
      if (!admit(&slots[i], &e)) die(e.message);
    }
    admitted[round] = (double)(ns() - began) / OPERATIONS;
    for (int i = 0; i < OPERATIONS; i++)
      kl_risk_release(r, &slots[i]);

    began = ns();
    for (int i = 0; i < OPERATIONS; i++) {
      kl_risk_slot *s = &slots[0];
      now += 100000;
      if (!admit(s, &e)) die(e.message);
      kl_risk_set(r, s, s->price, s->left);
      kl_price nearer = s->price + (s->side == KL_BID ? 10 : -10);
      if (!kl_risk_admit_change(r, s, nearer, s->left, &view, now, &e)) die(e.message);
      kl_risk_set(r, s, nearer, s->left);
      kl_risk_fill(r, s, nearer, 10, 100);
      kl_risk_release(r, s);
    }
    life[round] = (double)(ns() - began) / OPERATIONS;

    began = ns();
    for (int i = 0; i < OPERATIONS; i++)
      if (kl_risk_admit(r, 1, random_below(n_markets), KL_BID, 5000, 1000000, &view, now, &slots[0], &e))
        die("not refused");
    refused[round] = (double)(ns() - began) / OPERATIONS;
  }
  printf("%u market%s, %d open orders of %d scripts\n", markets, markets == 1 ? "" : "s", OPEN, PARTIES);
  print("an order is checked and reserved", admitted);
  print("an order's life: six of these calls", life);
  print("an order is refused", refused);
  kl_risk_free(r);
}

int main(void) {
  printf("  %-34s %8s %8s\n", "ns", "median", "least");
  bench(1);
  bench(100);
  bench(1000);
  return 0;
}
