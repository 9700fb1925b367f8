/* The limits against a model that knows only a list of orders and positions and computes everything from it anew:
 * random orders, changes, fills in any order, ends and settlements of several parties get the same verdicts, and
 * whatever has been filled, nothing that was limited is exceeded. `test_risk_model STEPS SEED` runs longer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "trading/risk.h"

enum { PARTIES = 4, MARKETS = 9, EVENTS = 3, ORDERS = 60 };

typedef struct {
  kl_risk_slot slot; /* what kl_risk keeps */
  bool open;
  uint32_t party, market;
  kl_side side;
  kl_price yes, changed_yes; /* of a change on its way; 0: none */
  kl_count left, changed_left;
  bool traded;
} model_order;

typedef struct {
  kl_count position;
  kl_money cost;
} model_holding;

static kl_risk *r;
static model_order orders[ORDERS];
static model_holding held[PARTIES][MARKETS];
static kl_limit_values limits[PARTIES];
static uint32_t trades[PARTIES];
static struct {
  int64_t ns;
  uint32_t party;
  kl_count contracts;
} sent[100000];
static size_t n_sent;
static int64_t now, day;
static uint64_t state;

/* Events 0 and 1 exclude, 2 does not; the last market's event is not known. */
static int event_of(int market) { return market == MARKETS - 1 ? -1 : market % EVENTS; }
static bool exclusive(int event) { return event < 2; }

static uint64_t rnd(uint64_t n) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (state >> 11) % n;
}

/* ---- the model ---- */

static bool of(uint32_t party, const model_order *o) { return o->open && (party == 0 || o->party == party); }
static kl_price own(kl_side side, kl_price yes) { return side == KL_BID ? yes : KL_PRICE_ONE - yes; }
static kl_price worst_own(const model_order *o) {
  kl_price p = own(o->side, o->yes);
  kl_price q = o->changed_yes ? own(o->side, o->changed_yes) : 0;
  return p > q ? p : q;
}
static kl_count worst_left(const model_order *o) {
  return o->changed_yes && o->changed_left > o->left ? o->changed_left : o->left;
}

static int dearest_first(const void *a, const void *b) {
  const kl_price *x = a, *y = b;
  return (x[0] < y[0]) - (x[0] > y[0]);
}

static kl_count ordered(uint32_t party, int market, kl_side side) {
  kl_count n = 0;
  for (int i = 0; i < ORDERS; i++)
    if (of(party, &orders[i]) && orders[i].market == (uint32_t)market && orders[i].side == side)
      n += worst_left(&orders[i]);
  return n;
}

/* The loss when the market settles against holders of what `side` buys. */
static kl_money loss(uint32_t party, int market, kl_side side) {
  const model_holding *h = &held[party][market];
  int64_t list[ORDERS][2];
  size_t n = 0;
  kl_count sum = 0;
  for (int i = 0; i < ORDERS; i++) {
    const model_order *o = &orders[i];
    if (!of(party, o) || o->market != (uint32_t)market || o->side != side) continue;
    list[n][0] = worst_own(o);
    list[n][1] = worst_left(o);
    sum += list[n++][1];
  }
  qsort(list, n, sizeof *list, dearest_first);
  kl_count here = side == KL_BID ? h->position : -h->position;
  kl_count shut = here < 0 ? -here : 0;
  if (sum <= shut && shut > 0) return -(kl_money)(((__int128)shut * KL_PRICE_ONE - h->cost) * (shut - sum) / shut);
  kl_money cost = here > 0 ? h->cost : 0;
  kl_count opening = sum - shut;
  for (size_t i = 0; i < n && opening > 0; i++) {
    kl_count m = list[i][1] < opening ? list[i][1] : opening;
    cost += m * list[i][0];
    opening -= m;
  }
  return cost;
}

static kl_money max(kl_money a, kl_money b) { return a > b ? a : b; }

static kl_money market_loss(uint32_t party, int market) {
  return max(0, max(loss(party, market, KL_BID), loss(party, market, KL_ASK)));
}

static kl_money event_loss(uint32_t party, int event) {
  kl_money no = 0, sum = 0, worst = 0;
  for (int m = 0; m < MARKETS; m++) {
    if (event_of(m) != event) continue;
    no += loss(party, m, KL_BID);
    sum += market_loss(party, m);
  }
  if (!exclusive(event)) return sum;
  worst = no;
  for (int m = 0; m < MARKETS; m++)
    if (event_of(m) == event) worst = max(worst, no - loss(party, m, KL_BID) + loss(party, m, KL_ASK));
  return max(0, worst);
}

static kl_money event_of_market_loss(uint32_t party, int market) {
  return event_of(market) < 0 ? market_loss(party, market) : event_loss(party, event_of(market));
}

static kl_money all_loss(uint32_t party) {
  kl_money sum = market_loss(party, MARKETS - 1);
  for (int e = 0; e < EVENTS; e++)
    sum += event_loss(party, e);
  return sum;
}

static kl_count position(uint32_t party, int market, kl_side side) {
  kl_count p = held[party][market].position;
  return (side == KL_BID ? p : -p) + ordered(party, market, side);
}

static bool has(uint32_t party, kl_limit l) { return limits[party].set >> l & 1; }
static int64_t limit(uint32_t party, kl_limit l) { return limits[party].value[l]; }

static uint32_t open_orders(uint32_t party, bool untraded) {
  uint32_t n = 0;
  for (int i = 0; i < ORDERS; i++)
    if (of(party, &orders[i]) && !(untraded && orders[i].traded)) n++;
  return n;
}

/* Of the party within the second before now, to 10 ms. */
static void rate(uint32_t party, int64_t *n, kl_count *contracts) {
  *n = *contracts = 0;
  for (size_t i = n_sent; i-- > 0;) {
    if (now / 10000000 - sent[i].ns / 10000000 > 100) break;
    if (party && sent[i].party != party) continue;
    (*n)++;
    *contracts += sent[i].contracts;
  }
}

typedef struct {
  kl_count position;
  kl_money market, event, all;
} measures;

static void measure(uint32_t party, const model_order *o, measures *m) {
  m->position = position(party, (int)o->market, o->side);
  m->market = market_loss(party, (int)o->market);
  m->event = event_of_market_loss(party, (int)o->market);
  m->all = all_loss(party);
}

/* What does not depend on the reservation; KL_LIMITS: nothing is against it. */
static kl_limit order_limit(uint32_t party, const model_order *o, kl_price yes, kl_count count, bool fresh) {
  kl_count before = fresh ? 0 : worst_left(o);
  kl_price price = own(o->side, yes), price_before = fresh ? price : worst_own(o);
  if (fresh && has(party, KL_LIMIT_DAILY_TRADES) &&
      trades[party] + open_orders(party, true) >= limit(party, KL_LIMIT_DAILY_TRADES))
    return KL_LIMIT_DAILY_TRADES;
  if (fresh && has(party, KL_LIMIT_OPEN_ORDERS) && open_orders(party, false) >= limit(party, KL_LIMIT_OPEN_ORDERS))
    return KL_LIMIT_OPEN_ORDERS;
  if (has(party, KL_LIMIT_ORDER_COUNT) && count > before && count > limit(party, KL_LIMIT_ORDER_COUNT))
    return KL_LIMIT_ORDER_COUNT;
  kl_count closable = -(position(party, (int)o->market, o->side) - before);
  kl_count opening = closable > 0 ? count - closable : count;
  if (has(party, KL_LIMIT_ORDER_COST) && (count > before || price > price_before) &&
      opening * price > limit(party, KL_LIMIT_ORDER_COST))
    return KL_LIMIT_ORDER_COST;
  int64_t n;
  kl_count contracts;
  rate(party, &n, &contracts);
  if (has(party, KL_LIMIT_ORDER_RATE) && n >= limit(party, KL_LIMIT_ORDER_RATE)) return KL_LIMIT_ORDER_RATE;
  if (has(party, KL_LIMIT_CONTRACT_RATE) && count > before &&
      contracts + count - before > limit(party, KL_LIMIT_CONTRACT_RATE))
    return KL_LIMIT_CONTRACT_RATE;
  if (has(party, KL_LIMIT_SELF_CROSS) && !limit(party, KL_LIMIT_SELF_CROSS))
    for (int i = 0; i < ORDERS; i++)
      if (orders[i].open && orders[i].market == o->market && orders[i].side != o->side && worst_left(&orders[i]) > 0 &&
          worst_own(&orders[i]) + price >= KL_PRICE_ONE)
        return KL_LIMIT_SELF_CROSS;
  return KL_LIMITS;
}

static kl_limit reserved_limit(uint32_t party, const model_order *o, const measures *before) {
  measures m;
  measure(party, o, &m);
  if (has(party, KL_LIMIT_POSITION) && m.position > before->position && m.position > limit(party, KL_LIMIT_POSITION))
    return KL_LIMIT_POSITION;
  if (has(party, KL_LIMIT_MARKET_EXPOSURE) && m.market > before->market &&
      m.market > limit(party, KL_LIMIT_MARKET_EXPOSURE))
    return KL_LIMIT_MARKET_EXPOSURE;
  if (has(party, KL_LIMIT_EVENT_EXPOSURE) && m.event > before->event && m.event > limit(party, KL_LIMIT_EVENT_EXPOSURE))
    return KL_LIMIT_EVENT_EXPOSURE;
  if (has(party, KL_LIMIT_EXPOSURE) && m.all > before->all && m.all > limit(party, KL_LIMIT_EXPOSURE))
    return KL_LIMIT_EXPOSURE;
  return KL_LIMITS;
}

/* `wanted` is what `o` would be. It is left in place when it may be. */
static kl_limit verdict(model_order *o, const model_order *wanted, kl_price yes, kl_count count, bool fresh) {
  const uint32_t who[2] = {wanted->party, 0};
  const model_order was = *o;
  model_order o_before = *o;
  if (fresh) o_before = *wanted;
  measures before[2];
  for (int i = 0; i < 2; i++) {
    kl_limit l = order_limit(who[i], &o_before, yes, count, fresh);
    if (l != KL_LIMITS) return l;
  }
  for (int i = 0; i < 2; i++)
    measure(who[i], &o_before, &before[i]);
  *o = *wanted;
  for (int i = 0; i < 2; i++) {
    kl_limit l = reserved_limit(who[i], o, &before[i]);
    if (l == KL_LIMITS) continue;
    *o = was;
    return l;
  }
  return KL_LIMITS;
}

static void note(uint32_t party, kl_count contracts) {
  if (n_sent == sizeof sent / sizeof *sent) n_sent = 0;
  sent[n_sent].ns = now;
  sent[n_sent].party = party;
  sent[n_sent++].contracts = contracts;
}

static void model_fill(model_order *o, kl_price yes, kl_count count) {
  const uint32_t who[2] = {o->party, 0};
  for (int i = 0; i < 2; i++) {
    model_holding *h = &held[who[i]][o->market];
    bool opposite = o->side == KL_BID ? h->position < 0 : h->position > 0;
    kl_count size = h->position < 0 ? -h->position : h->position;
    kl_count closed = !opposite ? 0 : count < size ? count : size;
    if (closed) h->cost -= (kl_money)((__int128)h->cost * closed / size);
    h->cost += own(o->side, yes) * (count - closed);
    h->position += o->side == KL_BID ? count : -count;
    if (!o->traded) trades[who[i]]++;
  }
  o->traded = true;
  o->left -= count;
  if (o->changed_yes) o->changed_left -= count;
}

/* ---- a step of both ---- */

static void agree(bool admitted, const kl_error *e, kl_limit expected, int step) {
  const char *code = admitted ? "admitted" : e->code;
  const char *wanted = expected == KL_LIMITS ? "admitted" : kl_limit_table[expected].name;
  if (strcmp(code, wanted) != 0) fail_msg("step %d: %s, and the model says %s: %s", step, code, wanted, e->message);
}

static void place(model_order *o, int step) {
  model_order wanted = {.open = true,
                        .party = 1 + (uint32_t)rnd(PARTIES - 1),
                        .market = (uint32_t)rnd(MARKETS),
                        .side = (kl_side)rnd(2),
                        .yes = 100 * (kl_price)(1 + rnd(99)),
                        .left = (kl_count)(1 + rnd(rnd(8) ? 2000 : 20000))};
  kl_error e = {0};
  kl_limit expected = verdict(o, &wanted, wanted.yes, wanted.left, true);
  kl_risk_slot slot = {0};
  bool ok = kl_risk_admit(r, wanted.party, wanted.market, wanted.side, wanted.yes, wanted.left, NULL, now, &slot, &e);
  agree(ok, &e, expected, step);
  if (!ok) return;
  o->slot = slot;
  note(o->party, o->left);
}

static void change(model_order *o, int step) {
  kl_price yes = 100 * (kl_price)(1 + rnd(99));
  kl_count left = (kl_count)(1 + rnd(3000));
  if (o->changed_yes || o->left == 0) return;
  model_order wanted = *o;
  wanted.changed_yes = yes;
  wanted.changed_left = left;
  kl_limit expected = KL_LIMITS;
  kl_count more = left > o->left ? left - o->left : 0;
  if (own(o->side, yes) <= own(o->side, o->yes) && left <= o->left)
    *o = wanted;
  else
    expected = verdict(o, &wanted, yes, left, false);
  kl_error e = {0};
  bool ok = kl_risk_admit_change(r, &o->slot, yes, left, NULL, now, &e);
  agree(ok, &e, expected, step);
  if (ok) note(o->party, more);
}

/* The change is answered, one way or the other. */
static void settle_change(model_order *o) {
  if (!o->changed_yes) return;
  if (rnd(2)) {
    o->yes = o->changed_yes;
    o->left = o->changed_left;
  }
  o->changed_yes = 0;
  kl_risk_set(r, &o->slot, o->yes, o->left);
}

static void fill(model_order *o) {
  kl_count most = o->left;
  if (o->changed_yes && o->changed_left < most) most = o->changed_left;
  if (most <= 0) return;
  kl_count n = rnd(3) ? (kl_count)(1 + rnd((uint64_t)most)) : most;
  kl_price better = rnd(2) ? 0 : 100 * (kl_price)rnd(10), yes = o->yes;
  if (o->side == KL_BID && yes > better) yes -= better;
  if (o->side == KL_ASK && yes + better < KL_PRICE_ONE) yes += better;
  kl_risk_fill(r, &o->slot, yes, n, 100);
  model_fill(o, yes, n);
}

static void end(model_order *o) {
  kl_risk_release(r, &o->slot);
  o->open = false;
}

/* Of one market everything: its orders end, its positions are gone. */
static void settle(int market) {
  for (int i = 0; i < ORDERS; i++)
    if (orders[i].open && orders[i].market == (uint32_t)market) end(&orders[i]);
  for (uint32_t p = 0; p < PARTIES; p++) {
    held[p][market] = (model_holding){0};
    kl_risk_position(r, p, (uint32_t)market, 0, 0);
  }
}

static void next_day(void) {
  day++;
  memset(trades, 0, sizeof trades);
  for (int i = 0; i < ORDERS; i++)
    orders[i].traded = false;
  kl_risk_profit(r, 1, day, 0);
}

static void same(int step) {
  for (uint32_t p = 0; p < PARTIES; p++) {
    kl_risk_state s;
    kl_risk_state_get(r, p, &s);
    kl_money expected = all_loss(p);
    if (s.exposure != expected)
      fail_msg("step %d: party %u may lose %lld, and the model says %lld", step, p, (long long)s.exposure,
               (long long)expected);
    assert_int_equal(s.open_orders, open_orders(p, false));
    assert_int_equal(s.trades_today, trades[p]);
    for (uint32_t m = 0; m < MARKETS; m++)
      assert_int_equal(kl_risk_event_exposure(r, p, m), event_of_market_loss(p, (int)m));
  }
}

/* What is held alone, without any order: no limit of it was ever exceeded. `rounded`: what closing has rounded. */
static void within(int step, kl_money rounded) {
  for (uint32_t p = 0; p < PARTIES; p++)
    for (int m = 0; m < MARKETS; m++) {
      kl_count n = held[p][m].position < 0 ? -held[p][m].position : held[p][m].position;
      if (has(p, KL_LIMIT_POSITION) && n > limit(p, KL_LIMIT_POSITION))
        fail_msg("step %d: party %u holds %lld", step, p, (long long)n);
      if (has(p, KL_LIMIT_MARKET_EXPOSURE)) assert_true(market_loss(p, m) <= limit(p, KL_LIMIT_MARKET_EXPOSURE));
      if (has(p, KL_LIMIT_EVENT_EXPOSURE) && rounded >= 0)
        assert_true(event_of_market_loss(p, m) <= limit(p, KL_LIMIT_EVENT_EXPOSURE) + rounded);
    }
}

static void set_limits(uint32_t p) {
  static const char *const some[] = {
      "max_order_count=15",          "max_order_cost=9",    "max_position=60",    "max_market_exposure=40",
      "max_event_exposure=70",       "max_exposure=150",    "max_open_orders=12", "max_orders_per_second=30",
      "max_contracts_per_second=90", "max_daily_trades=60", "self_cross=false"};
  static const char *const of_account[] = {"max_position=100", "max_market_exposure=70", "max_event_exposure=120",
                                           "max_exposure=300", "max_open_orders=30"};
  kl_error e;
  limits[p] = (kl_limit_values){0};
  const char *const *from = p ? some : of_account;
  size_t n = p ? sizeof some / sizeof *some : sizeof of_account / sizeof *of_account;
  for (size_t i = 0; i < n; i++)
    if (rnd(3)) assert_true(kl_limits_parse(from[i], &limits[p], &e));
  kl_risk_configure(r, p, &limits[p]);
}

static void run(int steps, uint64_t seed) {
  state = seed * 0x9E3779B97F4A7C15u + 1;
  memset(orders, 0, sizeof orders);
  memset(held, 0, sizeof held);
  memset(trades, 0, sizeof trades);
  n_sent = 0;
  now = 5000000000000;
  day = 20000;
  r = kl_risk_new();
  for (uint32_t p = 1; p < PARTIES; p++)
    assert_int_equal(kl_risk_add_party(r, "p"), p);
  for (uint32_t p = 0; p < PARTIES; p++)
    set_limits(p);
  kl_risk_profit(r, 1, day, 0);
  for (int m = 0; m < MARKETS; m++) {
    char ticker[16], event[16];
    snprintf(ticker, sizeof ticker, "KX%d", m);
    assert_int_equal(kl_risk_market(r, ticker), m);
    if (event_of(m) < 0 || m % 2) continue;
    snprintf(event, sizeof event, "KXE%d", event_of(m));
    assert_true(kl_risk_market_event(r, (uint32_t)m, event, exclusive(event_of(m))));
  }
  bool events_known = false;
  kl_money rounded = 0;
  for (int step = 0; step < steps; step++) {
    now += (int64_t)rnd(40000000);
    if (!events_known) { /* some become known after the first positions */
      events_known = true;
      for (int m = 1; m < MARKETS - 1; m += 2) {
        char event[16];
        snprintf(event, sizeof event, "KXE%d", event_of(m));
        assert_true(kl_risk_market_event(r, (uint32_t)m, event, exclusive(event_of(m))));
      }
    }
    model_order *o = &orders[rnd(ORDERS)];
    uint64_t what = rnd(100);
    if (!o->open && what < 70)
      place(o, step);
    else if (o->open && what < 40) {
      fill(o);
      rounded++;
    } else if (o->open && what < 60)
      change(o, step);
    else if (o->open && what < 80)
      settle_change(o);
    else if (o->open && what < 97)
      end(o);
    else if (what == 98 && rnd(20) == 0) {
      settle((int)rnd(MARKETS));
      rounded = -1000000; /* what a settled market would have won no longer covers the others of its event */
    } else if (what == 99 && rnd(20) == 0)
      next_day();
    if (step % 7 == 0) same(step);
    within(step, rounded);
  }
  for (int i = 0; i < ORDERS; i++)
    if (orders[i].open) end(&orders[i]);
  same(steps);
  kl_risk_free(r);
}

static int steps = 1200;
static uint64_t seed;

static void limits_decide_as_a_model_that_counts_anew(void **nothing) {
  (void)nothing;
  for (uint64_t s = seed ? seed : 1; s <= (seed ? seed : 6); s++)
    run(steps, s);
}

int main(int argc, char **argv) {
  if (argc > 1) steps = atoi(argv[1]);
  if (argc > 2) seed = strtoull(argv[2], NULL, 10);
  const struct CMUnitTest tests[] = {cmocka_unit_test(limits_decide_as_a_model_that_counts_anew)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
