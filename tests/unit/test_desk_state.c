/* The state of an order follows from what was said of it, in whatever order that came: lives of an order, told by
 * answer, channel, fills and list in every order of arrival, twice over, come to the same record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "trading/desk_impl.h"

/* One thing that is said. */
typedef struct {
  enum { NEWS, FILL, ANSWERED, CHANGED } what; /* answered: the create is; changed: an amend is */
  kl_desk_news n;
  kl_price price;
  kl_count count;
  kl_money fee;
} said;

enum { T = 1000000 };

#define BASE .left_over = -1, .exchange_index = -1

static said answer(int ts, kl_own_status s, kl_count filled, kl_count remaining) {
  return (said){.what = ANSWERED,
                .n = {.by = KL_BY_ANSWER,
                      .ts_ms = T + ts,
                      .status = s,
                      .has_filled = true,
                      .filled = filled,
                      .total = s == KL_OWN_RESTING ? filled + remaining : 0,
                      .covers = filled,
                      .cost = filled * 4201, /* rounded */
                      .fees = filled,
                      .id = "X",
                      BASE}};
}

static said row(kl_desk_source by, int ts, kl_own_status s, kl_count filled, kl_count remaining, kl_price price,
                kl_money cost, kl_money fees, const char *reason) {
  return (said){.what = NEWS,
                .n = {.by = by,
                      .ts_ms = T + ts,
                      .status = s,
                      .has_filled = true,
                      .filled = filled,
                      .total = s == KL_OWN_RESTING ? filled + remaining : 0,
                      .yes_price = price,
                      .covers = filled,
                      .cost = cost,
                      .fees = fees,
                      .id = "X",
                      .reason = reason,
                      BASE}};
}

static said fill(int ts, kl_price price, kl_count count, kl_money fee) {
  return (said){.what = FILL, .n = {.ts_ms = T + ts}, .price = price, .count = count, .fee = fee};
}

static said amended(int ts, kl_price price, kl_count total, kl_count remaining) {
  return (said){.what = CHANGED,
                .n = {.by = KL_BY_ANSWER,
                      .ts_ms = T + ts,
                      .status = KL_OWN_RESTING,
                      .has_filled = true,
                      .filled = total - remaining,
                      .total = total,
                      .yes_price = price,
                      BASE}};
}

static said canceled(int ts, kl_count left_over) {
  return (said){.what = NEWS,
                .n = {.by = KL_BY_ANSWER,
                      .ts_ms = T + ts,
                      .status = KL_OWN_CANCELED,
                      .left_over = left_over,
                      .exchange_index = -1}};
}

/* A GTC bid for 10 contracts at 0.42 that is on its way. */
static kl_desk_entry *begin(kl_desk_tif tif, bool changing) {
  kl_desk_entry *x = calloc(1, sizeof *x);
  assert_non_null(x);
  x->o.side = KL_BID;
  x->o.yes_price = 4200;
  x->o.count = 1000;
  x->o.tif = tif;
  x->creating = 1;
  x->changing = changing;
  kl_desk_entry_begin(x);
  assert_int_equal(x->o.status, KL_DESK_PENDING);
  assert_int_equal(x->o.remaining, 1000);
  return x;
}

static void check_sound(const kl_desk_entry *x) {
  const kl_desk_order *o = &x->o;
  assert_true(o->filled >= 0 && o->filled <= o->count);
  assert_true(o->seen <= o->filled);
  assert_true(o->remaining >= 0);
  if (kl_desk_status_final(o->status)) assert_int_equal(o->remaining, 0);
  if (!kl_desk_status_final(o->status)) assert_int_equal(o->filled + o->remaining, o->count);
  assert_true(kl_desk_entry_left(x) >= 0);
}

static void say(kl_desk_entry *x, const said *s) {
  kl_count filled = x->o.filled;
  kl_desk_status before = x->o.status;
  if (s->what == FILL)
    (void)kl_desk_entry_fill(x, s->price, s->count, s->fee, s->n.ts_ms);
  else
    (void)kl_desk_entry_tell(x, &s->n);
  if (s->what == ANSWERED) x->creating = 0;
  if (s->what == CHANGED) x->changing = 0;
  (void)kl_desk_entry_settle(x);
  check_sound(x);
  /* Nothing un-fills but the exact word of a cancel, and what the exchange said has ended never rests again. */
  if (!x->end_counted) assert_true(x->o.filled >= filled || x->filled_derived > 0);
  if (before == KL_DESK_CANCELED || (before == KL_DESK_FILLED && x->end))
    assert_true(kl_desk_status_final(x->o.status));
  /* Fills are told once each by those who know them; all else may be told twice. */
  if (s->what == FILL) return;
  kl_desk_order once = x->o;
  assert_false(kl_desk_entry_tell(x, &s->n));
  assert_memory_equal(&once, &x->o, sizeof once);
}

typedef struct {
  kl_desk_status status;
  kl_count filled, count;
  kl_price price;
  kl_money cost, fees;
  const char *reason;
} outcome;

static void check_outcome(const kl_desk_entry *x, const outcome *want, const char *name) {
  const kl_desk_order *o = &x->o;
  bool same = o->status == want->status && o->filled == want->filled && o->count == want->count &&
              o->yes_price == want->price && o->cost == want->cost && o->fees == want->fees &&
              !strcmp(o->reason, want->reason) && !strcmp(o->id, "X");
  if (!same)
    fail_msg("%s: %s, %lld of %lld at %lld, cost %lld, fees %lld, \"%s\"", name, kl_desk_status_name(o->status),
             (long long)o->filled, (long long)o->count, (long long)o->yes_price, (long long)o->cost, (long long)o->fees,
             o->reason);
}

enum { MOST = 8 };

/* Every order of arrival. */
static size_t permute(const char *name, kl_desk_tif tif, bool changing, said *all, size_t n, size_t at,
                      const outcome *want) {
  if (at == n) {
    kl_desk_entry *x = begin(tif, changing);
    for (size_t i = 0; i < n; i++)
      say(x, &all[i]);
    check_outcome(x, want, name);
    free(x);
    return 1;
  }
  size_t orders = 0;
  for (size_t i = at; i < n; i++) {
    said s = all[i];
    memmove(all + at + 1, all + at, (i - at) * sizeof *all);
    all[at] = s;
    orders += permute(name, tif, changing, all, n, at + 1, want);
    memmove(all + at, all + at + 1, (i - at) * sizeof *all);
    all[i] = s;
  }
  return orders;
}

static void rests_and_fills(void **state) {
  (void)state;
  said all[] = {answer(0, KL_OWN_RESTING, 0, 1000),
                row(KL_BY_CHANNEL, 0, KL_OWN_RESTING, 0, 1000, 4200, 0, 0, ""),
                row(KL_BY_CHANNEL, 5, KL_OWN_RESTING, 400, 600, 4200, 400 * 4200, 70, "Trade"),
                fill(5, 4200, 400, 70),
                fill(9, 4200, 600, 110),
                row(KL_BY_CHANNEL, 9, KL_OWN_EXECUTED, 1000, 0, 4200, 1000 * 4200, 180, "Trade"),
                row(KL_BY_LIST, 5, KL_OWN_RESTING, 400, 600, 4200, 400 * 4200, 70, "")};
  outcome want = {KL_DESK_FILLED, 1000, 1000, 4200, 1000 * 4200, 180, "Trade"};
  assert_int_equal(permute("rests and fills", KL_DESK_GTC, false, all, 7, 0, &want), 5040);
}

static void fills_alone_end_it(void **state) {
  (void)state;
  said all[] = {fill(1, 4100, 300, 10), fill(2, 4200, 300, 20), fill(3, 4200, 400, 30),
                answer(3, KL_OWN_EXECUTED, 1000, 0)};
  outcome want = {KL_DESK_FILLED, 1000, 1000, 4200, 300 * 4100 + 700 * 4200, 60, ""};
  permute("fills alone", KL_DESK_GTC, false, all, 4, 0, &want);
}

static void is_canceled_with_a_part_filled(void **state) {
  (void)state;
  said all[] = {answer(0, KL_OWN_RESTING, 0, 1000),
                row(KL_BY_CHANNEL, 0, KL_OWN_RESTING, 0, 1000, 4200, 0, 0, ""),
                fill(5, 4200, 400, 70),
                row(KL_BY_CHANNEL, 5, KL_OWN_RESTING, 400, 600, 4200, 400 * 4200, 70, "Trade"),
                canceled(9, 600),
                row(KL_BY_CHANNEL, 9, KL_OWN_CANCELED, 400, 0, 4200, 400 * 4200, 70, ""),
                row(KL_BY_LIST, 9, KL_OWN_CANCELED, 400, 0, 4200, 400 * 4200, 70, "")};
  outcome want = {KL_DESK_CANCELED, 400, 1000, 4200, 400 * 4200, 70, ""};
  permute("canceled", KL_DESK_GTC, false, all, 7, 0, &want);
}

/* The answer to a cancel alone says how much had been filled, before anybody tells of fills. */
static void a_cancel_says_what_was_filled(void **state) {
  (void)state;
  kl_desk_entry *x = begin(KL_DESK_GTC, false);
  said a = answer(0, KL_OWN_RESTING, 0, 1000), c = canceled(9, 600), f = fill(5, 4200, 400, 70);
  say(x, &a);
  say(x, &c);
  assert_int_equal(x->o.status, KL_DESK_CANCELED);
  assert_int_equal(x->o.filled, 400);
  assert_int_equal(kl_desk_entry_left(x), 400); /* is still to be told, so it stays reserved */
  say(x, &f);
  assert_int_equal(x->o.filled, 400);
  assert_int_equal(x->o.cost, 400 * 4200);
  assert_int_equal(kl_desk_entry_left(x), 0);
  free(x);
}

static void is_amended_while_it_fills(void **state) {
  (void)state;
  said all[] = {answer(0, KL_OWN_RESTING, 0, 1000),
                fill(4, 4200, 300, 10),
                row(KL_BY_CHANNEL, 4, KL_OWN_RESTING, 300, 700, 4200, 300 * 4200, 10, "Trade"),
                amended(6, 4400, 2000, 1700),
                row(KL_BY_CHANNEL, 6, KL_OWN_RESTING, 300, 1700, 4400, 300 * 4200, 10, "Amend"),
                fill(8, 4400, 1700, 50),
                row(KL_BY_CHANNEL, 8, KL_OWN_EXECUTED, 2000, 0, 4400, 300 * 4200 + 1700 * 4400, 60, "Trade")};
  outcome want = {KL_DESK_FILLED, 2000, 2000, 4400, 300 * 4200 + 1700 * 4400, 60, "Trade"};
  permute("amended", KL_DESK_GTC, true, all, 7, 0, &want);
}

/* ---- what a script reads after its own change ---- */

static said told(int ts, kl_price price, kl_count filled, kl_count total) {
  return row(KL_BY_CHANNEL, ts, KL_OWN_RESTING, filled, total - filled, price, filled * price, 0, "Amend");
}

static void hear(kl_desk_entry *x, said s) { say(x, &s); }

/* An amend is sent, and `meanwhile` is told before its answer. */
static void amend(kl_desk_entry *x, int ts, kl_price price, kl_count total, const said *meanwhile) {
  said s = amended(ts, price, total, total - x->o.filled);
  s.n.since = x->terms + 1;
  if (meanwhile) hear(x, *meanwhile);
  hear(x, s);
}

static void check_terms(const kl_desk_entry *x, kl_price price, kl_count total) {
  assert_int_equal(x->o.yes_price, price);
  assert_int_equal(x->o.count, total);
  assert_int_equal(x->o.remaining, total - x->o.filled);
}

/* At 0.42, 12 contracts by an amend of millisecond 5. */
static kl_desk_entry *begin_amended(void) {
  kl_desk_entry *x = begin(KL_DESK_GTC, false);
  hear(x, answer(0, KL_OWN_RESTING, 0, 1000));
  hear(x, told(0, 4200, 0, 1000));
  amend(x, 5, 4200, 1200, NULL);
  check_terms(x, 4200, 1200);
  return x;
}

static void a_change_of_the_same_millisecond_shows(void **state) {
  (void)state;
  kl_desk_entry *x = begin_amended();
  said late = told(5, 4200, 0, 1200);
  amend(x, 5, 4300, 500, &late);
  check_terms(x, 4300, 500);
  free(x);
}

static void what_an_answer_has_replaced_does_not_come_back(void **state) {
  (void)state;
  for (int later = 0; later < 60; later += 20) { /* by the time that the message bears */
    kl_desk_entry *x = begin_amended();
    amend(x, 5, 4300, 500, NULL);
    amend(x, 6, 4400, 600, NULL);
    hear(x, told(5 + later, 4200, 0, 1200));
    check_terms(x, 4400, 600);
    hear(x, told(5 + later, 4200, 100, 1200)); /* and yet what it tells of a fill counts */
    assert_int_equal(x->o.filled, 100);
    check_terms(x, 4400, 600);
    hear(x, told(5 + later, 4300, 100, 500));
    check_terms(x, 4400, 600);
    hear(x, told(6 + later, 4400, 100, 600));
    check_terms(x, 4400, 600);
    free(x);
  }
}

/* The exchange's clock has stepped back between two changes. */
static void a_change_shows_whatever_the_clock_says(void **state) {
  (void)state;
  kl_desk_entry *x = begin_amended();
  said late = told(5, 4200, 0, 1200);
  amend(x, -5000, 4300, 500, &late);
  check_terms(x, 4300, 500);
  hear(x, told(-5000, 4300, 0, 500));
  check_terms(x, 4300, 500);
  hear(x, told(-4000, 4300, 100, 500));
  check_terms(x, 4300, 500);
  free(x);
  x = begin_amended();
  amend(x, -5000, 4300, 500, NULL);
  hear(x, late);
  check_terms(x, 4300, 500);
  free(x);
}

/* Somebody else may change it, too: also to what it was before. */
static void a_change_by_others_shows(void **state) {
  (void)state;
  kl_desk_entry *x = begin_amended();
  amend(x, 6, 4300, 500, NULL);
  hear(x, told(6, 4300, 0, 500));
  hear(x, told(6, 4200, 0, 1200));
  check_terms(x, 4200, 1200);
  free(x);

  x = begin_amended();
  amend(x, 6, 4300, 500, NULL);
  hear(x, told(60000, 4200, 0, 1200)); /* the word of ours was lost */
  check_terms(x, 4200, 1200);
  free(x);

  x = begin_amended();
  said between = told(7, 4100, 0, 700), before = told(5, 4100, 0, 700);
  amend(x, 6, 4300, 500, &between);
  check_terms(x, 4100, 700);
  free(x);

  x = begin_amended();
  amend(x, 6, 4300, 500, &before);
  check_terms(x, 4300, 500);
  free(x);
}

/* It has filled as large as it was, and a change that is on its way may have made it larger. */
static void does_not_end_while_a_change_is_on_its_way(void **state) {
  (void)state;
  kl_desk_entry *x = begin(KL_DESK_GTC, true);
  said a = answer(0, KL_OWN_RESTING, 0, 1000), f = fill(4, 4200, 1000, 10), c = amended(5, 4200, 2000, 1000);
  say(x, &a);
  say(x, &f);
  assert_int_equal(x->o.status, KL_DESK_RESTING);
  say(x, &c);
  assert_int_equal(x->o.status, KL_DESK_RESTING);
  assert_int_equal(x->o.remaining, 1000);
  free(x);
}

static void what_is_immediate_ends_at_once(void **state) {
  (void)state;
  said ioc[] = {answer(0, KL_OWN_CANCELED, 400, 0), fill(0, 4200, 400, 70),
                row(KL_BY_CHANNEL, 0, KL_OWN_CANCELED, 400, 0, 4200, 400 * 4200, 70, "")};
  outcome want = {KL_DESK_CANCELED, 400, 1000, 4200, 400 * 4200, 70, "immediate_or_cancel"};
  permute("ioc", KL_DESK_IOC, false, ioc, 3, 0, &want);
  said crossed[] = {answer(0, KL_OWN_CANCELED, 0, 0),
                    row(KL_BY_CHANNEL, 0, KL_OWN_CANCELED, 0, 0, 4200, 0, 0, "SelfTradeCancel")};
  outcome self = {KL_DESK_CANCELED, 0, 1000, 4200, 0, 0, "SelfTradeCancel"};
  permute("self-trade", KL_DESK_IOC, false, crossed, 2, 0, &self);
}

static void ends_for_other_reasons(void **state) {
  (void)state;
  static const char *const reasons[] = {"ExpiryCancel", "CloseCancel",         "HaltCancel",
                                        "MarginCancel", "PostOnlyCrossCancel", "ReduceOnlyCancel"};
  for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
    said all[] = {answer(0, KL_OWN_RESTING, 0, 1000), row(KL_BY_CHANNEL, 0, KL_OWN_RESTING, 0, 1000, 4200, 0, 0, ""),
                  row(KL_BY_LIST, 7, KL_OWN_CANCELED, 0, 0, 4200, 0, 0, ""),
                  row(KL_BY_CHANNEL, 7, KL_OWN_CANCELED, 0, 0, 4200, 0, 0, reasons[i])};
    outcome want = {KL_DESK_CANCELED, 0, 1000, 4200, 0, 0, reasons[i]};
    permute(reasons[i], KL_DESK_GTC, false, all, 4, 0, &want);
  }
}

static void a_lost_answer_is_unknown_until_somebody_tells(void **state) {
  (void)state;
  kl_desk_entry *x = begin(KL_DESK_GTC, false);
  kl_error e;
  kl_error_set(&e, KL_ERR_NETWORK, "lost");
  x->creating = 0;
  assert_true(kl_desk_entry_lose(x));
  assert_int_equal(x->o.status, KL_DESK_UNKNOWN);
  assert_true(kl_desk_entry_doubtful(x));
  assert_int_equal(kl_desk_entry_left(x), 1000);
  said r = row(KL_BY_LIST, 3, KL_OWN_RESTING, 0, 1000, 4200, 0, 0, "");
  say(x, &r);
  assert_int_equal(x->o.status, KL_DESK_RESTING);
  assert_false(kl_desk_entry_doubtful(x));
  assert_false(kl_desk_entry_reject(x, &e)); /* it exists */
  said gone = {.what = NEWS, .n = {.by = KL_BY_LIST, .status = KL_OWN_UNKNOWN, BASE}};
  say(x, &gone);
  assert_int_equal(x->o.status, KL_DESK_UNKNOWN);
  said end = row(KL_BY_LIST, 9, KL_OWN_EXECUTED, 1000, 0, 4200, 1000 * 4200, 5, "");
  say(x, &end);
  assert_int_equal(x->o.status, KL_DESK_FILLED);
  free(x);
}

/* Money first: what was thought not to exist and is told of does. */
static void a_refused_order_that_is_told_of_exists(void **state) {
  (void)state;
  kl_desk_entry *x = begin(KL_DESK_GTC, false);
  kl_error e;
  kl_error_set(&e, KL_ERR_HTTP, "post only cross");
  snprintf(e.code, sizeof e.code, "INVALID_order");
  x->creating = 0;
  assert_true(kl_desk_entry_reject(x, &e));
  assert_int_equal(x->o.status, KL_DESK_REJECTED);
  assert_string_equal(x->o.reason, "invalid_order");
  assert_string_equal(x->o.error->message, "post only cross");
  assert_int_equal(kl_desk_entry_left(x), 0);
  said f = fill(3, 4200, 100, 1);
  say(x, &f);
  assert_int_equal(x->o.status, KL_DESK_RESTING);
  assert_null(x->o.error);
  assert_string_equal(x->o.reason, "");
  assert_int_equal(kl_desk_entry_left(x), 900);
  said c = row(KL_BY_CHANNEL, 9, KL_OWN_CANCELED, 100, 0, 4200, 0, 0, "");
  say(x, &c);
  assert_int_equal(x->o.status, KL_DESK_CANCELED);
  assert_string_equal(x->o.reason, ""); /* that it was refused is no reason for its end */
  free(x);
}

static void fills_of_a_canceled_order_are_counted(void **state) {
  (void)state;
  kl_desk_entry *x = begin(KL_DESK_GTC, false);
  said c = row(KL_BY_CHANNEL, 9, KL_OWN_CANCELED, 0, 0, 4200, 0, 0, ""), f = fill(8, 4200, 200, 3);
  say(x, &c);
  say(x, &f);
  assert_int_equal(x->o.status, KL_DESK_CANCELED);
  assert_int_equal(x->o.filled, 200);
  assert_int_equal(x->o.cost, 200 * 4200);
  free(x);
}

/* An ask pays one dollar less the YES price. */
static void costs_are_in_own_terms(void **state) {
  (void)state;
  kl_desk_entry *x = begin(KL_DESK_GTC, false);
  x->o.side = KL_ASK;
  said f = fill(8, 4200, 200, 3);
  say(x, &f);
  assert_int_equal(x->o.cost, 200 * 5800);
  free(x);
}

/* ---- lives at random ---- */

static uint64_t seed;
static uint32_t draw(uint32_t below) {
  seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)((seed >> 33) % below);
}

enum { LIFE_MOST = 64 };

/* What the exchange would say of a random life, by channel, fill, list and answer. */
static size_t live(said *all, outcome *want) {
  size_t n = 0;
  kl_count total = 1000, filled = 0;
  kl_price price = 4200;
  kl_money cost = 0, fees = 0;
  int ts = 0;
  all[n++] = answer(ts, KL_OWN_RESTING, 0, total);
  all[n++] = row(KL_BY_CHANNEL, ts, KL_OWN_RESTING, 0, total, price, 0, 0, "");
  *want = (outcome){.status = KL_DESK_RESTING, .reason = ""};
  while (n + 6 < LIFE_MOST && want->status == KL_DESK_RESTING && draw(12)) {
    ts += 1 + (int)draw(3);
    uint32_t what = draw(10);
    kl_count left = total - filled;
    if (what < 5) {
      kl_count c = 1 + draw((uint32_t)left);
      filled += c;
      cost += c * price;
      fees += 7;
      all[n++] = fill(ts, price, c, 7);
      bool over = filled == total;
      all[n++] = row(KL_BY_CHANNEL, ts, over ? KL_OWN_EXECUTED : KL_OWN_RESTING, filled, total - filled, price, cost,
                     fees, "Trade");
      if (over) want->status = KL_DESK_FILLED;
      want->reason = "Trade";
    } else if (what < 8) {
      price = 4000 + draw(500);
      total = filled + 1 + draw(2000);
      all[n++] = row(KL_BY_CHANNEL, ts, KL_OWN_RESTING, filled, total - filled, price, cost, fees, "Amend");
      said a = amended(ts, price, total, total - filled);
      a.what = NEWS;
      all[n++] = a;
      want->reason = "Amend";
    } else if (what == 8) {
      all[n++] = row(KL_BY_LIST, ts - 1, KL_OWN_RESTING, filled, total - filled, price, cost, fees, "");
      all[n - 1].n.ts_ms = all[n - 2].n.ts_ms; /* the time of the last change, which it shows */
      all[n - 1].n.total = all[n - 1].n.yes_price = 0;
    } else {
      all[n++] = row(KL_BY_CHANNEL, ts, KL_OWN_CANCELED, filled, 0, price, cost, fees, "ExpiryCancel");
      want->status = KL_DESK_CANCELED;
      want->reason = "ExpiryCancel";
    }
  }
  want->filled = filled;
  want->count = want->status == KL_DESK_FILLED ? filled : total;
  want->price = price;
  want->cost = cost;
  want->fees = fees;
  return n;
}

static void any_life_in_any_order(void **state) {
  (void)state;
  const char *many = getenv("KALUA_DESK_LIVES");
  int lives = many ? atoi(many) : 4000;
  for (int i = 0; i < lives; i++) {
    said all[LIFE_MOST];
    outcome want;
    seed = (uint64_t)i * 77 + 1;
    size_t n = live(all, &want);
    for (size_t k = n; k > 1; k--) {
      size_t j = draw((uint32_t)k);
      said s = all[k - 1];
      all[k - 1] = all[j];
      all[j] = s;
    }
    kl_desk_entry *x = begin(KL_DESK_GTC, false);
    for (size_t k = 0; k < n; k++)
      say(x, &all[k]);
    char name[32];
    snprintf(name, sizeof name, "life %d", i);
    check_outcome(x, &want, name);
    free(x);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rests_and_fills),
      cmocka_unit_test(fills_alone_end_it),
      cmocka_unit_test(is_canceled_with_a_part_filled),
      cmocka_unit_test(a_cancel_says_what_was_filled),
      cmocka_unit_test(is_amended_while_it_fills),
      cmocka_unit_test(a_change_of_the_same_millisecond_shows),
      cmocka_unit_test(what_an_answer_has_replaced_does_not_come_back),
      cmocka_unit_test(a_change_shows_whatever_the_clock_says),
      cmocka_unit_test(a_change_by_others_shows),
      cmocka_unit_test(does_not_end_while_a_change_is_on_its_way),
      cmocka_unit_test(what_is_immediate_ends_at_once),
      cmocka_unit_test(ends_for_other_reasons),
      cmocka_unit_test(a_lost_answer_is_unknown_until_somebody_tells),
      cmocka_unit_test(a_refused_order_that_is_told_of_exists),
      cmocka_unit_test(fills_of_a_canceled_order_are_counted),
      cmocka_unit_test(costs_are_in_own_terms),
      cmocka_unit_test(any_life_in_any_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
