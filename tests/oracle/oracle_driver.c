/* Random commands to the matching engine, and what it did: lines for oracle.mjs, which does the same in another
 * language and compares.
 *
 *   oracle_driver COMMANDS SEED PRECISION
 *
 * A command is followed by what it caused ("t": a trade, "o": an order changed or ended) and by its result ("="). Every
 * so often, after "dump": each level, account and position. Prices are 1e-4 dollar, counts 1e-2 contract, money 1e-6
 * dollar, times microseconds, orders numbered in order of their commands. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "exchange/exchange.h"
#include "sim/random.h"

enum { USERS = 8, SUBACCOUNTS = 2, OPEN_MARKETS = 4, REMEMBERED = 600, DUMP_EVERY = 2000, SETTLE_EVERY = 40000 };

typedef struct known_order {
  uint64_t number;
  kl_uuid id;
  uint32_t user;
  int subaccount;
  kl_market *market;
  kl_side side;
  kl_price price;
  kl_count count;
} known_order;

static struct {
  kl_exchange *x;
  kl_sim_random random;
  int64_t now;
  uint64_t commands; /* so far; the number of the order that a "new" makes */
  kl_map *numbers;   /* order id to number + 1 */
  known_order recent[REMEMBERED];
  kl_market *markets[OPEN_MARKETS];
  kl_price middle[OPEN_MARKETS];
  unsigned made; /* markets */
  bool paused;
} w;

static uint32_t below(uint32_t n) { return kl_sim_below(&w.random, n); }
static bool chance(double p) { return kl_sim_uniform(&w.random) < p; }

static void die(const char *what) {
  fprintf(stderr, "oracle_driver: %s\n", what);
  exit(1);
}

/* The number of an order; one that was not heard of is what the command under way makes. */
static uint64_t number_of(const char *id) {
  uintptr_t n = (uintptr_t)kl_map_get(w.numbers, id, 36);
  if (n) return n - 1;
  if (!kl_map_set(w.numbers, id, 36, (void *)(uintptr_t)(w.commands + 1))) die("out of memory");
  return w.commands;
}

static const char *reason_of(const kl_order *o) {
  if (o->reason == KL_REASON_CANCEL) return "Cancel";
  const char *name = kl_update_reason_name(o->reason);
  return name ? name : "-";
}

static struct {
  kl_fill maker;
  uint64_t maker_number;
  bool have_maker;
} match;

static void on_fill(void *data, const kl_fill *f) {
  (void)data;
  uint64_t n = number_of(f->order_id);
  if (!f->is_taker) {
    match.maker = *f;
    match.maker_number = n;
    match.have_maker = true;
    return;
  }
  if (!match.have_maker) die("a taker's fill came without its maker's");
  match.have_maker = false;
  printf("t %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n",
         match.maker_number, n, f->yes_price, f->count, match.maker.fee, f->fee, match.maker.post_position,
         f->post_position);
}

static void on_order(void *data, const kl_order *o) {
  static const char *const status[] = {"resting", "canceled", "executed"};
  (void)data;
  printf("o %" PRIu64 " %s %" PRId64 " %" PRId64 " %s\n", number_of(o->id), status[o->status], o->filled, o->remaining,
         reason_of(o));
}

static void result(kl_exchange_result r) { printf("= %s\n", kl_exchange_error_code(r)); }

/* ---- markets ---- */

static void add_market(int place) {
  static const char *const structures[] = {"linear_cent", "deci_cent", "tapered_deci_cent",
                                           "center_deci_edge_centi_cent", "center_half_edge_quint_cent"};
  kl_series s = {.fee_type = (kl_fee_type)below(4), .fee_multiplier_ppm = chance(0.7) ? 1000000 : 250000 * below(6)};
  if (s.fee_type == KL_FEE_FLAT) s.fee_multiplier_ppm = 1000 * below(20);
  kl_market_event e = {0};
  kl_market m = {.created_us = w.now, .open_us = w.now};
  snprintf(s.ticker, sizeof s.ticker, "S%u", w.made);
  snprintf(e.ticker, sizeof e.ticker, "S%u-E", w.made);
  snprintf(m.ticker, sizeof m.ticker, "S%u-E-M", w.made);
  kl_price_structure(structures[below(5)], &m);
  e.series = kl_exchange_add_series(w.x, &s);
  m.event = e.series ? kl_exchange_add_event(w.x, &e) : NULL;
  w.markets[place] = m.event ? kl_exchange_add_market(w.x, &m) : NULL;
  if (!w.markets[place]) die("no market");
  w.middle[place] = 500 + (kl_price)below(9000);
  w.made++;
  printf("market %" PRIu32 " %d %" PRId64, w.markets[place]->index, (int)s.fee_type, s.fee_multiplier_ppm);
  for (int i = 0; i < m.n_bands; i++)
    printf(" %" PRId64 ":%" PRId64 ":%" PRId64, m.bands[i].start, m.bands[i].end, m.bands[i].step);
  putchar('\n');
}

static int place_of(const kl_market *m) {
  for (int i = 0; i < OPEN_MARKETS; i++)
    if (w.markets[i] == m) return i;
  return 0;
}

static kl_price some_price(int place, kl_side side) {
  const kl_market *m = w.markets[place];
  double edge = 150 * kl_sim_gauss(&w.random) - 60;
  kl_price p = w.middle[place] + (kl_price)(side == KL_BID ? edge : -edge);
  if (chance(0.01)) return p; /* mostly off the grid */
  p = kl_price_snap(m, p < 1 ? 1 : p > 9999 ? 9999 : p);
  return p < 0 ? 5000 : p;
}

static kl_count some_count(void) {
  if (chance(0.005)) return 0;
  if (chance(0.15)) return 1 + below(300);
  return 100 * (kl_count)(1 + below(chance(0.1) ? 2000 : 40));
}

/* ---- commands ---- */

static void create(void) {
  int place = (int)below(OPEN_MARKETS);
  kl_market *m = w.markets[place];
  if (chance(0.05)) w.middle[place] += (kl_price)(100 * kl_sim_gauss(&w.random));
  if (w.middle[place] < 100 || w.middle[place] > 9900) w.middle[place] = 5000;
  kl_order_request r = {.user = below(USERS),
                        .subaccount = chance(0.2) ? 1 : 0,
                        .ticker = m->ticker,
                        .side = chance(0.5) ? KL_BID : KL_ASK,
                        .stp = chance(0.5) ? KL_STP_MAKER : KL_STP_TAKER_AT_CROSS};
  r.price = some_price(place, r.side);
  r.count = some_count();
  r.tif = chance(0.75) ? KL_TIF_GTC : chance(0.6) ? KL_TIF_IOC : KL_TIF_FOK;
  r.post_only = chance(r.tif == KL_TIF_GTC ? 0.15 : 0.01);
  r.reduce_only = chance(r.tif == KL_TIF_IOC ? 0.3 : 0.003);
  r.cancel_on_pause = chance(0.1);
  if (chance(r.tif == KL_TIF_GTC ? 0.1 : 0.01)) r.expiration_us = w.now + (int64_t)below(40000000) - 400000;
  char client_id[32] = "";
  if (chance(0.1)) snprintf(client_id, sizeof client_id, "c%" PRIu64, w.commands - (chance(0.1) ? below(100) : 0));
  r.client_order_id = client_id;
  printf("new %" PRId64 " %" PRIu64 " %u %d %u %c %" PRId64 " %" PRId64 " %c %c %d %d %d %" PRId64 " %s\n", w.now,
         w.commands, r.user, r.subaccount, m->index, r.side == KL_BID ? 'b' : 'a', r.price, r.count,
         "gif"[r.tif == KL_TIF_GTC   ? 0
               : r.tif == KL_TIF_IOC ? 1
                                     : 2],
         r.stp == KL_STP_MAKER ? 'm' : 't', r.post_only, r.reduce_only, r.cancel_on_pause, r.expiration_us,
         *client_id ? client_id : "-");
  kl_order_outcome out;
  kl_exchange_result code = kl_exchange_create(w.x, w.now, &r, &out);
  if (code == KL_X_OK) {
    /* Mostly those that rest: the others only show that they are gone. */
    known_order *k = &w.recent[out.remaining || chance(0.1) ? below(REMEMBERED) : 0];
    *k = (known_order){.number = w.commands,
                       .user = r.user,
                       .subaccount = r.subaccount,
                       .market = m,
                       .side = r.side,
                       .price = r.price,
                       .count = r.count};
    memcpy(k->id, out.order->id, sizeof k->id);
    printf("= ok %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n", out.filled, out.remaining, out.fill_cost,
           out.fees);
  } else {
    result(code);
  }
  w.commands++;
}

static const known_order *some_order(void) {
  for (int i = 0; i < 20; i++) {
    const known_order *k = &w.recent[below(REMEMBERED)];
    if (k->market) return k;
  }
  return NULL;
}

static void amend(void) {
  const known_order *k = some_order();
  if (!k) return;
  bool mistaken = chance(0.01);
  kl_amend_request r = {.user = k->user,
                        .subaccount = k->subaccount,
                        .order_id = k->id,
                        .ticker = k->market->ticker,
                        .side = mistaken ? (k->side == KL_BID ? KL_ASK : KL_BID) : k->side,
                        .price = chance(0.4) ? k->price : some_price(place_of(k->market), k->side),
                        .count = chance(0.3) ? k->count : some_count()};
  printf("amend %" PRId64 " %" PRIu64 " %u %d %u %c %" PRId64 " %" PRId64 "\n", w.now, k->number, r.user, r.subaccount,
         k->market->index, r.side == KL_BID ? 'b' : 'a', r.price, r.count);
  kl_order_outcome out;
  kl_exchange_result code = kl_exchange_amend(w.x, w.now, &r, &out);
  if (code == KL_X_OK)
    printf("= ok %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n", out.filled, out.remaining, out.fill_cost,
           out.fees);
  else
    result(code);
}

static void decrease(void) {
  const known_order *k = some_order();
  if (!k) return;
  bool to = chance(0.4);
  kl_count n = some_count();
  printf("decrease %" PRId64 " %" PRIu64 " %u %d %" PRId64 " %" PRId64 "\n", w.now, k->number, k->user, k->subaccount,
         to ? -1 : n, to ? n : -1);
  result(kl_exchange_decrease(w.x, w.now, k->user, k->subaccount, k->id, to ? -1 : n, to ? n : -1, NULL));
}

static void cancel(void) {
  const known_order *k = some_order();
  if (!k) return;
  int subaccount = chance(0.02) ? 1 - k->subaccount : k->subaccount;
  printf("cancel %" PRId64 " %" PRIu64 " %u %d\n", w.now, k->number, k->user, subaccount);
  result(kl_exchange_cancel(w.x, w.now, k->user, subaccount, k->id, NULL, NULL));
}

static void cancel_all(void) {
  uint32_t user = below(USERS);
  int subaccount = chance(0.5) ? -1 : (int)below(SUBACCOUNTS);
  printf("all %" PRId64 " %u %d\n", w.now, user, subaccount);
  printf("= %zu\n", kl_exchange_cancel_all(w.x, w.now, user, subaccount));
}

static void pause_or_resume(void) {
  w.paused = !w.paused;
  printf("pause %" PRId64 " %d\n", w.now, w.paused);
  kl_exchange_set_paused(w.x, w.now, w.paused);
  result(KL_X_OK);
}

static void halt(int place) {
  kl_market *m = w.markets[place];
  bool active = m->status != KL_MARKET_ACTIVE;
  printf("active %" PRId64 " %u %d\n", w.now, m->index, active);
  result(kl_exchange_set_active(w.x, w.now, m, active));
}

static void transfer(void) {
  uint32_t user = below(USERS);
  int from = (int)below(SUBACCOUNTS);
  kl_money amount = (kl_money)below(30) * KL_MONEY_ONE + below(10000);
  printf("transfer %u %d %d %" PRId64 "\n", user, from, 1 - from, amount);
  result(kl_exchange_transfer(w.x, user, 0, from, 1 - from, amount));
}

static void settle(void) {
  int place = (int)below(OPEN_MARKETS);
  kl_market *m = w.markets[place];
  kl_price value = chance(0.4) ? KL_PRICE_ONE : chance(0.6) ? 0 : (kl_price)below(10001);
  printf("settle %" PRId64 " %u %" PRId64 "\n", w.now, m->index, value);
  result(kl_exchange_settle(w.x, w.now, m, value));
  for (int i = 0; i < REMEMBERED; i++)
    if (w.recent[i].market == m && chance(0.9)) w.recent[i].market = NULL;
  add_market(place);
}

static void dump(void) {
  puts("dump");
  for (int i = 0; i < OPEN_MARKETS; i++) {
    const kl_market *m = w.markets[i];
    for (int side = KL_YES; side <= KL_NO; side++) {
      kl_price price;
      kl_count count;
      for (size_t k = 0; kl_exchange_level(m, (kl_outcome)side, k, &price, &count); k++)
        printf("level %u %s %" PRId64 " %" PRId64 "\n", m->index, side == KL_YES ? "yes" : "no", price, count);
    }
    printf("stats %u %" PRId64 " %" PRId64 " %" PRId64 "\n", m->index, m->last_price, m->volume, m->open_interest);
  }
  for (uint32_t u = 0; u < USERS; u++)
    for (int s = 0; s < SUBACCOUNTS; s++) {
      const kl_position *p;
      printf("balance %u %d %" PRId64 "\n", u, s, kl_exchange_balance(w.x, u, s, 0));
      for (size_t i = 0; (p = kl_exchange_position_at(w.x, u, s, i)); i++)
        if (p->volume)
          printf("position %u %d %u %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n", u, s,
                 p->market->index, p->position, p->cost, p->realized, p->fees, p->volume);
    }
  if (kl_exchange_conservation(w.x) != 0) die("money is not conserved");
  puts("end");
}

static void one_command(void) {
  double kind = kl_sim_uniform(&w.random);
  w.now += chance(0.01) ? 1000000 : below(3000);
  if (w.paused && chance(0.05)) pause_or_resume();
  for (int i = 0; i < OPEN_MARKETS; i++)
    if (w.markets[i]->status != KL_MARKET_ACTIVE && chance(0.05)) halt(i);
  if (kind < 0.60)
    create();
  else if (kind < 0.72)
    amend();
  else if (kind < 0.80)
    decrease();
  else if (kind < 0.988)
    cancel();
  else if (kind < 0.989)
    cancel_all();
  else if (kind < 0.9893)
    pause_or_resume();
  else if (kind < 0.9895)
    halt((int)below(OPEN_MARKETS));
  else
    transfer();
}

int main(int argc, char **argv) {
  static char buffer[1 << 16];
  if (argc != 4) die("usage: oracle_driver COMMANDS SEED PRECISION");
  uint64_t total = strtoull(argv[1], NULL, 10), seed = strtoull(argv[2], NULL, 10);
  setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
  kl_exchange_options o = {.seed = seed,
                           .balance_precision = strtoll(argv[3], NULL, 10),
                           .keep_trades = 100,
                           .keep_market_trades = 100,
                           .sink = {.fill = on_fill, .order = on_order}};
  w.x = kl_exchange_new(&o);
  w.random = kl_sim_random_new(seed, 7);
  w.numbers = kl_map_new();
  w.now = INT64_C(1790000000000000);
  if (!w.x || !w.numbers) die("out of memory");
  printf("precision %" PRId64 "\n", o.balance_precision);
  for (int i = 0; i < USERS; i++) {
    kl_money deposit = (kl_money)(i < 3 ? 400 : 20000) * KL_MONEY_ONE;
    uint32_t user = kl_exchange_add_user(w.x, deposit);
    if (user == UINT32_MAX || kl_exchange_open_subaccount(w.x, user, 1, 0) != KL_X_OK) die("no user");
    kl_exchange_keep(w.x, user, 100000, 10);
    printf("user %u %" PRId64 "\n", user, deposit);
  }
  for (int i = 0; i < OPEN_MARKETS; i++)
    add_market(i);
  for (uint64_t i = 1; i <= total; i++) {
    one_command();
    if (i % SETTLE_EVERY == 0) settle();
    if (i % DUMP_EVERY == 0 || i == total) dump();
  }
  printf("orders %" PRIu64 "\n", w.commands);
  kl_map_free(w.numbers);
  kl_exchange_free(w.x);
  return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
