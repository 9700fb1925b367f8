/* Properties of the fill model under random live books and trades: the crowd in all views is the live book, money and
 * books agree, the views are ordered, a place in the queue is never lost, and nothing fills that did not trade.
 *
 * KALUA_MIRROR_SEEDS=n runs n seeds. */
#include "mirror_bed.h"

enum { PRICES = 100, MOST_LATE = 256 };

/* A live exchange that only shows itself: counts in contracts by price in cents, never crossed. */
typedef struct stream {
  bed *b;
  uint64_t random;
  int book[2][PRICES];
  struct {
    int64_t at_us;
    int cents, count;
    kl_side taker;
  } late[MOST_LATE]; /* trades that are told later */
  size_t n_late;
  /* Since the order under test came. */
  kl_side side;
  int cents;
  int traded; /* at its price or through it */
  int crossed;
} stream;

static int below(stream *s, int n) {
  uint64_t z = (s->random += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return (int)((z ^ z >> 31) % (uint64_t)n);
}

/* The best price of a side; 0: none. */
static int best(const stream *s, kl_side side) {
  if (side == KL_BID) {
    for (int p = PRICES - 1; p > 0; p--)
      if (s->book[side][p]) return p;
  } else {
    for (int p = 1; p < PRICES; p++)
      if (s->book[side][p]) return p;
  }
  return 0;
}

static kl_side other(kl_side s) { return s == KL_BID ? KL_ASK : KL_BID; }
static bool at_or_through(const stream *s, int cents) {
  return s->side == KL_BID ? cents <= s->cents : cents >= s->cents;
}

static void change_level(stream *s, kl_side side, int cents, int delta) {
  s->book[side][cents] += delta;
  if (delta > 0 && side != s->side && at_or_through(s, cents)) s->crossed += delta;
  live(s->b, side, cents, delta);
}

static void tell_trade(stream *s, int cents, int count, kl_side taker) {
  if (taker != s->side && at_or_through(s, cents)) s->traded += count;
  /* Buyers at a price that crosses the order under test: it would have been first. */
  prints(s->b, cents, count, taker);
}

static void tell_late(stream *s, bool all) {
  while (s->n_late > 0 && (all || s->late[0].at_us <= s->b->now)) {
    tell_trade(s, s->late[0].cents, s->late[0].count, s->late[0].taker);
    memmove(s->late, s->late + 1, --s->n_late * sizeof *s->late);
  }
}

/* Somebody takes up to `count` from the book, down to the `levels`-th price. */
static void sweep(stream *s, kl_side taker, int count, int levels) {
  int order = below(s, 3); /* levels first, trades first, or trades later */
  kl_side side = other(taker);
  for (int i = 0; i < levels && count > 0; i++) {
    int p = best(s, side);
    if (!p) return;
    int n = s->book[side][p] < count ? s->book[side][p] : count;
    count -= n;
    if (order == 0 || order == 2) change_level(s, side, p, -n);
    if (order == 2 && s->n_late < MOST_LATE) {
      size_t k = s->n_late++;
      s->late[k].at_us = k > 0 && s->late[k - 1].at_us > s->b->now + 40 * MS ? s->late[k - 1].at_us
                                                                             : s->b->now + below(s, 5) * 10 * MS;
      if (k > 0 && s->late[k].at_us < s->late[k - 1].at_us) s->late[k].at_us = s->late[k - 1].at_us;
      s->late[k].cents = p;
      s->late[k].count = n;
      s->late[k].taker = taker;
    } else {
      tell_trade(s, p, n, taker);
    }
    if (order == 1) change_level(s, side, p, -n);
  }
}

static void random_live(stream *s) {
  kl_side side = (kl_side)below(s, 2);
  int what = below(s, 10), p = 45 + below(s, 11), n = 1 + below(s, 12);
  if (what < 5) {
    int opposite = best(s, other(side));
    bool crosses = opposite && (side == KL_BID ? p >= opposite : p <= opposite);
    if (!crosses) change_level(s, side, p, n);
  } else if (what < 8) {
    if (s->book[side][p] > 0) change_level(s, side, p, -(1 + below(s, s->book[side][p] < 9 ? s->book[side][p] : 9)));
  } else {
    sweep(s, side, 1 + n / 2, 1 + below(s, 2));
  }
}

typedef struct crowd {
  uint32_t me;
  kl_count sum;
} crowd;
static bool add_crowd(void *data, const kl_order *o) {
  crowd *c = data;
  if (o->user != c->me) c->sum += o->remaining;
  return true;
}

/* Once nothing is open any more, the crowd of the optimist is the live book to the contract: own orders took nothing
 * for good, and nobody is left in whose place they filled. */
static void check_crowd(stream *s) {
  bed *b = s->b;
  tell_late(s, true);
  for (int i = 0; i < 3; i++)
    pass(b, SECOND);
  kl_mirror_before(b->m, b->now, "M");
  const kl_market *m = kl_exchange_market(kl_mirror_exchange(b->m, OPT), "M");
  for (int side = KL_BID; side <= KL_ASK; side++) {
    for (int p = 1; p < PRICES; p++) {
      if (side == (int)s->side ? p == s->cents : at_or_through(s, p)) continue; /* own, or what would cross it */
      crowd c = {.me = 2};
      kl_price own = side == KL_BID ? p * 100 : KL_PRICE_ONE - p * 100;
      kl_exchange_each_at(m, side == KL_BID ? KL_YES : KL_NO, own, add_crowd, &c);
      if (c.sum != s->book[side][p] * ONE)
        fail_msg("%d at %d, live has %d", (int)c.sum, p, s->book[side][p] * (int)ONE);
    }
  }
}

static int resting_in_front(stream *s, kl_mirror_view v) { return in_front(s->b, v, s->side, s->cents); }

static int seeds_wanted(int usual) {
  const char *text = getenv("KALUA_MIRROR_SEEDS");
  return text && atoi(text) > 0 ? atoi(text) : usual;
}

static void check_one_order(uint64_t seed, int *differ) {
  stream s = {.b = bed_new(&(kl_mirror_options){.seed = seed}), .random = seed};
  bed *b = s.b;
  int front[KL_VIEWS];
  s.cents = s.side == KL_BID ? 1 : 99;
  empty_book(b);
  for (int i = 0; i < 100; i++)
    random_live(&s);
  tell_late(&s, true);
  pass(b, SECOND);
  s.side = (kl_side)below(&s, 2);
  int touch = best(&s, s.side), opposite = best(&s, other(s.side));
  s.cents = touch ? touch + (s.side == KL_BID ? -1 : 1) * (below(&s, 4) - 1) : 50;
  if (opposite && (s.side == KL_BID ? s.cents >= opposite : s.cents <= opposite))
    s.cents = opposite + (s.side == KL_BID ? -1 : 1);
  if (s.cents < 1 || s.cents > 99) s.cents = 50;
  s.traded = s.crossed = 0;
  const kl_order *o = order(b, s.side, s.cents, 1 + below(&s, 9));
  assert_int_equal(o->filled, 0);
  for (int v = 0; v < KL_VIEWS; v++)
    front[v] = resting_in_front(&s, (kl_mirror_view)v);
  for (int i = 0; i < 300; i++) {
    b->now += 10 * MS;
    tell_late(&s, false);
    random_live(&s);
    if (i % 5 == 0) kl_mirror_time(b->m, b->now);
    int pess = (int)total(b, PESS).contracts, est = (int)total(b, EST).contracts, opt = (int)total(b, OPT).contracts;
    if (pess > est || est > opt) fail_msg("seed %d step %d: fills %d %d %d", (int)seed, i, pess, est, opt);
    if (est > (s.traded + s.crossed) * ONE)
      fail_msg("seed %d step %d: %d filled, %d traded, %d crossed", (int)seed, i, est, s.traded, s.crossed);
    for (int v = 0; v < KL_VIEWS; v++) {
      int now = resting_in_front(&s, (kl_mirror_view)v);
      if (now > front[v]) fail_msg("seed %d step %d: %d in front, were %d", (int)seed, i, now, front[v]);
      if (now >= 0) front[v] = now;
    }
    if (i % 20 == 0) check_views(b);
    *differ += pess != opt;
  }
  check_crowd(&s);
  bed_free(b);
}

static void one_order_at_rest(void **state) {
  int seeds = seeds_wanted(60), differ = 0;
  (void)state;
  for (int seed = 1; seed <= seeds; seed++)
    check_one_order((uint64_t)seed, &differ);
  assert_true(differ > seeds * 10); /* in enough of the 300 steps of each, or nothing was tried */
}

/* ---- everything at once ---- */

static const kl_order *some_order(stream *s) {
  for (int tries = 0; tries < 5; tries++) {
    const kl_order *o = kl_exchange_order_at(s->b->x, s->b->me, (size_t)below(s, 12));
    if (o && o->status == KL_ORDER_RESTING) return o;
  }
  return NULL;
}

static void random_command(stream *s) {
  bed *b = s->b;
  const kl_order *o = some_order(s);
  int what = below(s, 10);
  if (what < 6 || !o) {
    kl_order_request r = {.side = (kl_side)below(s, 2), .price = (35 + below(s, 30)) * 100};
    r.count = (1 + below(s, 9)) * 50;
    r.tif = (kl_tif)(below(s, 4) == 0 ? 1 + below(s, 2) : 0);
    r.stp = (kl_stp)below(s, 2);
    r.post_only = r.tif == KL_TIF_GTC && below(s, 3) == 0;
    r.reduce_only = r.tif == KL_TIF_IOC && below(s, 3) == 0;
    if (r.tif == KL_TIF_GTC && below(s, 5) == 0) r.expiration_us = b->now + (1 + below(s, 100)) * 10 * MS;
    (void)enter(b, r);
  } else if (what < 7) {
    kl_mirror_before(b->m, b->now, "M"); /* time may have ended it */
    if (kl_exchange_cancel(b->x, b->now, b->me, 0, o->id, NULL, NULL) == KL_X_OK) kl_mirror_canceled(b->m, b->now, o);
  } else if (what < 9) {
    (void)change(b, o, 35 + below(s, 30), 1 + below(s, 9));
  } else {
    kl_mirror_before(b->m, b->now, "M");
    if (kl_exchange_decrease(b->x, b->now, b->me, 0, o->id, 1 + below(s, 300), -1, &o) == KL_X_OK)
      kl_mirror_decreased(b->m, b->now, o);
  }
}

static void send_snapshot(stream *s) {
  kl_mirror_rung rungs[2][PRICES];
  size_t n[2] = {0, 0};
  for (int side = KL_BID; side <= KL_ASK; side++)
    for (int p = 1; p < PRICES; p++)
      if (s->book[side][p])
        rungs[side][n[side]++] =
            (kl_mirror_rung){side == KL_BID ? p * 100 : KL_PRICE_ONE - p * 100, s->book[side][p] * ONE};
  const kl_mirror_rung *const levels[2] = {rungs[0], rungs[1]};
  kl_mirror_snapshot(s->b->m, s->b->now, "M", levels, n);
}

static void random_trouble(stream *s) {
  bed *b = s->b;
  switch (below(s, 6)) {
  case 0:
    kl_mirror_stale(b->m, b->now, "M", true);
    for (int i = below(s, 20); i > 0; i--)
      random_live(s);
    send_snapshot(s);
    return;
  case 1: /* levels of a market that is not as it was told */
    for (int i = 0; i < 3; i++)
      live(b, (kl_side)below(s, 2), 1 + below(s, 99), below(s, 20) - 10);
    send_snapshot(s);
    return;
  case 2:
    prints(b, 1 + below(s, 99), 1 + below(s, 20), (kl_side)below(s, 2));
    return;
  case 3:
    kl_mirror_status(b->m, b->now, "M", KL_MARKET_INACTIVE, -1);
    for (int i = below(s, 5); i > 0; i--)
      random_live(s);
    kl_mirror_status(b->m, b->now, "M", KL_MARKET_ACTIVE, -1);
    return;
  case 4:
    kl_mirror_pause(b->m, b->now, 0, KL_TRADING_PAUSE, 0);
    for (int i = below(s, 5); i > 0; i--)
      random_live(s);
    kl_mirror_pause(b->m, b->now, 0, KL_RUNNING, 0);
    return;
  default:
    pass(b, 2 * SECOND);
    return;
  }
}

/* What the views may have besides the live book: nothing that cannot be accounted for (kl_mirror_audit). */
static void anything_in_any_order(void **state) {
  int seeds = seeds_wanted(40);
  (void)state;
  for (int seed = 1; seed <= seeds; seed++) {
    stream s = {.b = bed_new(&(kl_mirror_options){.seed = (uint64_t)seed}), .random = (uint64_t)seed};
    empty_book(s.b);
    for (int i = 0; i < 600; i++) {
      s.b->now += below(&s, 30) * MS;
      tell_late(&s, false);
      int what = below(&s, 100);
      if (what < 75)
        random_live(&s);
      else if (what < 98)
        random_command(&s);
      else
        random_trouble(&s);
      if (i % 5 == 0) kl_mirror_time(s.b->m, s.b->now);
      if (i % 10 == 0) check_views(s.b);
    }
    kl_mirror_status(s.b->m, s.b->now, "M", KL_MARKET_FINALIZED, 100 * below(&s, 101));
    for (int v = 0; v < KL_VIEWS; v++) {
      kl_mirror_total t = total(s.b, (kl_mirror_view)v);
      assert_int_equal(t.open, 0);
      assert_int_equal(t.resting, 0);
      assert_int_equal(t.profit, t.realized - t.fees);
    }
    bed_free(s.b);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(one_order_at_rest), cmocka_unit_test(anything_in_any_order)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
