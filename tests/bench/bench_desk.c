/* What an update of an order's record costs, in memory: nanoseconds from the account's row to the record, the limits
 * and whoever watches; of a fill; beside them a look-up of an order by its id, which is the least of it, and what the
 * account's own store takes for the same row. 10,000 orders rest, and the first 100 of
 * them are told of, or all. Best and median of several rounds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "trading/desk_impl.h"

enum { MOST = 10000, ROUNDS = 41 };

static kl_desk *desk;
static kl_own_order rows[MOST];
static kl_account_fill fills[MOST];
static uint64_t told, looked;

static void die(const char *what) {
  fprintf(stderr, "bench_desk: %s\n", what);
  exit(1);
}

static int64_t ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int compare(const void *a, const void *b) {
  const double *x = a, *y = b;
  return (*x > *y) - (*x < *y);
}

static void print(const char *what, double *each) {
  qsort(each, ROUNDS, sizeof *each, compare);
  printf("  %-44s %8.0f %8.0f\n", what, each[ROUNDS / 2], each[0]);
}

static void note_change(kl_order_watcher *w, const kl_desk_order *o) {
  (void)w;
  told += o->version;
}

static void set_up(uv_loop_t *loop, kl_order_watcher *watchers) {
  kl_error e;
  kl_session_options so = {.env = "sim",
                           .rest_url = "http://127.0.0.1:1/trade-api/v2",
                           .ws_url = "ws://127.0.0.1:1/trade-api/ws/v2",
                           .clock = kl_clock_real(),
                           .user_agent = "bench"};
  uv_loop_init(loop);
  kl_session *s = kl_session_new(loop, &so, &e);
  kl_desk_options o = {.loop = loop, .session = s, .clock = kl_clock_real()};
  if (!s || !kl_desk_open(&o, &desk, &e)) die(e.message);
  kl_party *p = kl_desk_party(desk, "bench");
  for (int i = 0; i < MOST; i++) {
    kl_desk_order kept = {.side = KL_BID, .yes_price = 4200, .count = 100000000, .status = KL_DESK_RESTING};
    snprintf(kept.ticker, sizeof kept.ticker, "KXBENCH-%d", i % 100);
    snprintf(kept.id, sizeof kept.id, "5d2f1c3a-8f0e-4c61-9b7e-2a4d6e8f%04x", i);
    snprintf(kept.client_id, sizeof kept.client_id, "bench-g1-abcdefghij%d", i);
    kl_desk_entry *x = kl_desk_adopt(desk, p, &kept, &e);
    if (!x) die(e.message);
    x->earlier = false; /* its fills are told by the feed alone */
    watchers[i] = (kl_order_watcher){.changed = note_change};
    kl_list_init(&watchers[i].link);
    kl_desk_watch(&x->o, &watchers[i]);
    rows[i] = (kl_own_order){.ts_ms = 1000,
                             .by = KL_TOLD_BY_CHANNEL,
                             .status = KL_OWN_RESTING,
                             .yes_price = 4200,
                             .initial = kept.count,
                             .remaining = kept.count};
    memcpy(rows[i].order_id, kept.id, sizeof kept.id);
    memcpy(rows[i].client_order_id, kept.client_id, sizeof kept.client_id);
    memcpy(rows[i].ticker, kept.ticker, sizeof kept.ticker);
    desk->account.order(desk, &rows[i]);
    fills[i] = (kl_account_fill){.yes_price = 4200, .count = 100, .fee = 7, .ts_ms = 1000};
    memcpy(fills[i].order_id, kept.id, sizeof kept.id);
    memcpy(fills[i].ticker, kept.ticker, sizeof kept.ticker);
  }
}

static void bench(kl_own_orders *own, int n) {
  double update[ROUNDS], fill[ROUNDS], floor_of[ROUNDS], store[ROUNDS];
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < n; i++) {
      rows[i].ts_ms++;
      rows[i].filled += 100;
      rows[i].remaining -= 100;
      rows[i].maker_cost += 420000;
    }
    int64_t began = ns();
    for (int i = 0; i < n; i++)
      looked += kl_desk_find(desk, rows[i].order_id) != NULL;
    floor_of[round] = (double)(ns() - began) / n;
    began = ns();
    for (int i = 0; i < n; i++)
      (void)kl_own_orders_tell(own, &rows[i], KL_TOLD_BY_CHANNEL);
    store[round] = (double)(ns() - began) / n;
    began = ns();
    for (int i = 0; i < n; i++)
      desk->account.order(desk, &rows[i]);
    update[round] = (double)(ns() - began) / n;
    /* Without the portfolios: what they take is not measured here. */
    kl_list listeners;
    kl_list_move(&listeners, &desk->listeners);
    kl_list_init(&desk->listeners);
    began = ns();
    for (int i = 0; i < n; i++)
      desk->account.fill(desk, &fills[i]);
    fill[round] = (double)(ns() - began) / n;
    kl_list_move(&desk->listeners, &listeners);
  }
  if (!looked || !told) die("orders are not found");
  printf("%d orders, ns of one\n  %-44s %8s %8s\n", n, "", "median", "least");
  print("looked up by its id", floor_of);
  print("a row, in the account's store", store);
  print("a row, in the record, with limits, watched", update);
  print("a fill, in the record, with limits, watched", fill);
}

int main(void) {
  static kl_order_watcher watchers[MOST];
  uv_loop_t loop;
  kl_own_orders *own = kl_own_orders_new();
  set_up(&loop, watchers);
  kl_own_orders_keep(own);
  bench(own, 100);
  bench(own, MOST);
  return 0; /* nothing is closed: the loop never ran */
}
