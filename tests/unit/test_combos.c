/* Combos: which legs go together, and how they end. */
#include "exchange_world.h"
#include "sim/combos.h"

typedef struct bench {
  world *w;
  kl_sim_combos *c;
  const kl_sim_collection *all, *sports;
  kl_market *games[2][2], *above[3]; /* two exclusive games of two teams, three nested strikes */
} bench;

static kl_market *add(kl_exchange *x, kl_market_event *e, const char *suffix, double floor_strike) {
  kl_market m = {.event = e, .created_us = START, .close_us = START + 3600 * SECOND, .settlement_timer_s = 60};
  (void)snprintf(m.ticker, sizeof m.ticker, "%s-%s", e->ticker, suffix);
  (void)snprintf(m.yes_sub_title, sizeof m.yes_sub_title, "%s", suffix);
  m.has_floor = floor_strike > 0;
  m.floor_strike = floor_strike;
  return kl_exchange_add_market(x, &m);
}

static kl_market_event *event(kl_exchange *x, const char *series, const char *category, const char *ticker,
                              bool exclusive) {
  kl_series s = {.fee_multiplier_ppm = 1000000};
  kl_market_event e = {.mutually_exclusive = exclusive};
  (void)snprintf(s.ticker, sizeof s.ticker, "%s", series);
  (void)snprintf(s.category, sizeof s.category, "%s", category);
  (void)snprintf(e.ticker, sizeof e.ticker, "%s", ticker);
  e.series = kl_exchange_series(x, series);
  if (!e.series) e.series = kl_exchange_add_series(x, &s);
  return kl_exchange_add_event(x, &e);
}

static int bench_setup(void **state) {
  bench *b = calloc(1, sizeof *b);
  b->w = world_new();
  kl_exchange *x = b->w->x;
  b->c = kl_sim_combos_new(x, START, (kl_sim_combos_sink){0});
  b->sports = kl_sim_collection_find(b->c, "KXMVESPORTSMULTIGAMEEXTENDED-R");
  b->all = kl_sim_collection_find(b->c, "KXMVECROSSCATEGORY-SHARD1-R");
  for (int i = 0; i < 2; i++) {
    kl_market_event *e = event(x, "KXGAME", "Sports", i ? "KXGAME-2" : "KXGAME-1", true);
    b->games[i][0] = add(x, e, "A", 0);
    b->games[i][1] = add(x, e, "B", 0);
  }
  kl_market_event *e = event(x, "KXBTCD", "Crypto", "KXBTCD-1", false);
  b->above[0] = add(x, e, "T1", 90);
  b->above[1] = add(x, e, "T2", 100);
  b->above[2] = add(x, e, "T3", 110);
  *state = b;
  return 0;
}

static int bench_teardown(void **state) {
  bench *b = *state;
  kl_sim_combos_free(b->c);
  bool conserved = world_free(b->w);
  free(b);
  return conserved ? 0 : -1;
}
#define BENCH(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)

static kl_sim_leg_name leg(const kl_market *m, kl_outcome side) {
  return (kl_sim_leg_name){m->ticker, m->event->ticker, side};
}

static const kl_sim_combo *make(bench *b, const kl_sim_leg_name *legs, size_t n) {
  const kl_sim_combo *out = NULL;
  kl_sim_combo_refusal why;
  if (!kl_sim_combo_create(b->c, b->w->now, ANN, b->all, legs, n, &out, &why)) fail_msg("refused: %s", why.text);
  return out;
}

static void refused(bench *b, const kl_sim_collection *k, const kl_sim_leg_name *legs, size_t n, const char *code) {
  const kl_sim_combo *out = NULL;
  kl_sim_combo_refusal why;
  assert_false(kl_sim_combo_create(b->c, b->w->now, ANN, k, legs, n, &out, &why));
  assert_string_equal(why.refusal.code, code);
  assert_int_equal(kl_sim_combos_count(b->c), 0);
}

static void is_a_market_of_its_own(void **state) {
  bench *b = *state;
  kl_sim_leg_name legs[] = {leg(b->games[0][0], KL_YES), leg(b->above[1], KL_NO)};
  const kl_market *m = make(b, legs, 2)->market;
  assert_memory_equal(m->ticker, "KXMVECROSSCATEGORY-SHARD1-S2026", 31);
  assert_int_equal(m->exchange_index, 1);
  assert_int_equal(m->status, KL_MARKET_ACTIVE);
  assert_string_equal(m->price_structure, "center_deci_edge_centi_cent");
  assert_int_equal(m->event->series->fee_type, KL_FEE_QUADRATIC_COMBO_MAKER);
  assert_string_equal(m->title, "no T2,yes A");
  assert_int_equal(m->n_legs, 2);
  assert_false(m->event->mutually_exclusive);
}

static void the_same_legs_are_the_same_combo_in_any_order(void **state) {
  bench *b = *state;
  kl_sim_leg_name one[] = {leg(b->games[0][0], KL_YES), leg(b->above[1], KL_NO)};
  kl_sim_leg_name two[] = {leg(b->above[1], KL_NO), leg(b->games[0][0], KL_YES)};
  kl_sim_leg_name three[] = {leg(b->above[1], KL_YES), leg(b->games[0][0], KL_YES)};
  kl_sim_leg_name none[] = {leg(b->games[1][0], KL_YES), leg(b->games[0][0], KL_YES)};
  const kl_sim_combo *a = make(b, one, 2), *other = make(b, three, 2), *found;
  kl_sim_combo_refusal why;
  assert_ptr_equal(make(b, two, 2), a);
  assert_ptr_not_equal(a, other);
  assert_ptr_equal(a->market->event, other->market->event); /* on the same events */
  assert_true(kl_sim_combo_look_up(b->c, b->w->now, b->all, two, 2, &found, &why));
  assert_ptr_equal(found, a);
  assert_false(kl_sim_combo_look_up(b->c, b->w->now, b->all, none, 2, &found, &why));
  assert_int_equal(why.refusal.status, 404);
}

static void legs_that_cannot_be_are_refused(void **state) {
  bench *b = *state;
  kl_sim_leg_name twice[] = {leg(b->games[0][0], KL_YES), leg(b->games[0][0], KL_YES)};
  refused(b, b->all, twice, 2, "duplicated_legs");
  kl_sim_leg_name both[] = {leg(b->games[0][0], KL_YES), leg(b->games[0][0], KL_NO)};
  refused(b, b->all, both, 2, "conflicting_leg_outcomes");
  kl_sim_leg_name winners[] = {leg(b->games[0][0], KL_YES), leg(b->games[0][1], KL_YES)};
  refused(b, b->all, winners, 2, "conflicting_leg_outcomes");
  kl_sim_leg_name nested[] = {leg(b->above[1], KL_YES), leg(b->above[0], KL_NO)}; /* above 100 and not above 90 */
  refused(b, b->all, nested, 2, "conflicting_leg_outcomes");
  refused(b, b->all, twice, 1, "invalid_market_combination");
  kl_sim_leg_name crypto[] = {leg(b->games[0][0], KL_YES), leg(b->above[1], KL_YES)};
  refused(b, b->sports, crypto, 2, "invalid_market_combination");
  kl_sim_leg_name unknown[] = {leg(b->games[0][0], KL_YES), {"NOPE", "NOPE", KL_YES}};
  refused(b, b->all, unknown, 2, "invalid_parameters");
  kl_sim_leg_name mixed[] = {leg(b->games[0][0], KL_YES), {b->above[0]->ticker, "KXGAME-1", KL_YES}};
  refused(b, b->all, mixed, 2, "invalid_parameters");
  kl_exchange_determine(b->w->x, b->w->now, b->games[1][0], 0);
  kl_sim_leg_name ended[] = {leg(b->games[0][0], KL_YES), leg(b->games[1][0], KL_NO)};
  refused(b, b->all, ended, 2, "invalid_market_combination");
  kl_sim_leg_name range[] = {leg(b->above[0], KL_YES), leg(b->above[2], KL_NO)}; /* between 90 and 110 */
  make(b, range, 2);
}

static void a_combo_of_combos_is_refused(void **state) {
  bench *b = *state;
  kl_sim_leg_name legs[] = {leg(b->games[0][0], KL_YES), leg(b->above[1], KL_NO)};
  const kl_market *m = make(b, legs, 2)->market;
  kl_sim_leg_name more[] = {leg(m, KL_YES), leg(b->games[1][0], KL_YES)};
  const kl_sim_combo *out;
  kl_sim_combo_refusal why;
  assert_false(kl_sim_combo_create(b->c, b->w->now, ANN, b->all, more, 2, &out, &why));
  assert_string_equal(why.refusal.code, "invalid_market_combination");
}

static void one_failed_leg_ends_it(void **state) {
  bench *b = *state;
  kl_sim_leg_name legs[] = {leg(b->games[0][0], KL_YES), leg(b->above[1], KL_NO)};
  kl_market *m = make(b, legs, 2)->market;
  kl_exchange_determine(b->w->x, b->w->now, b->games[0][0], 0);
  kl_sim_combos_tick(b->c, b->w->now);
  assert_int_equal(m->status, KL_MARKET_DETERMINED);
  assert_int_equal(m->settlement, 0);
  kl_exchange_tick(b->w->x, b->w->now + 60 * SECOND);
  assert_int_equal(m->status, KL_MARKET_FINALIZED);
}

static void all_legs_decide_it_and_scalars_are_multiplied(void **state) {
  bench *b = *state;
  kl_sim_leg_name legs[] = {leg(b->games[0][0], KL_YES), leg(b->above[1], KL_NO)};
  kl_market *m = make(b, legs, 2)->market;
  kl_exchange_determine(b->w->x, b->w->now, b->games[0][0], 6000);
  kl_sim_combos_tick(b->c, b->w->now);
  assert_int_equal(m->status, KL_MARKET_ACTIVE);
  kl_exchange_determine(b->w->x, b->w->now, b->above[1], 2500); /* its NO is worth 0.75 */
  kl_sim_combos_tick(b->c, b->w->now);
  assert_int_equal(m->settlement, 4500);
}

static void it_follows_a_dispute_and_an_amended_leg(void **state) {
  bench *b = *state;
  kl_sim_leg_name legs[] = {leg(b->games[0][0], KL_YES), leg(b->games[1][0], KL_YES)};
  kl_market *m = make(b, legs, 2)->market;
  kl_exchange_determine(b->w->x, b->w->now, b->games[0][0], KL_PRICE_ONE);
  kl_exchange_determine(b->w->x, b->w->now, b->games[1][0], KL_PRICE_ONE);
  kl_sim_combos_tick(b->c, b->w->now);
  assert_int_equal(m->settlement, KL_PRICE_ONE);
  kl_exchange_dispute(b->w->x, b->w->now, b->games[1][0]);
  kl_sim_combos_tick(b->c, b->w->now);
  assert_int_equal(m->status, KL_MARKET_DISPUTED);
  kl_exchange_tick(b->w->x, b->w->now + 600 * SECOND);
  assert_int_equal(m->status, KL_MARKET_DISPUTED);
  b->w->now += 600 * SECOND;
  kl_exchange_amend_result(b->w->x, b->w->now, b->games[1][0], 0);
  kl_sim_combos_tick(b->c, b->w->now);
  assert_int_equal(m->status, KL_MARKET_AMENDED);
  assert_int_equal(m->settlement, 0);
  kl_exchange_tick(b->w->x, b->w->now + 60 * SECOND);
  assert_int_equal(m->status, KL_MARKET_FINALIZED);
}

static void five_thousand_a_week_are_the_most(void **state) {
  bench *b = *state;
  kl_market_event *e = event(b->w->x, "KXMANY", "Sports", "KXMANY-1", false);
  char suffix[16];
  kl_market *many[101];
  for (int i = 0; i < 101; i++) {
    (void)snprintf(suffix, sizeof suffix, "M%d", i);
    many[i] = add(b->w->x, e, suffix, 0);
    b->w->log[0] = '\0';
  }
  int made = 0, full = 0;
  for (int i = 0; i < 101; i++) {
    for (int j = i + 1; j < 101; j++) {
      kl_sim_leg_name legs[] = {leg(many[i], KL_YES), leg(many[j], KL_YES)};
      const kl_sim_combo *out;
      kl_sim_combo_refusal why;
      b->w->log[0] = '\0';
      if (kl_sim_combo_create(b->c, b->w->now, ANN, b->all, legs, 2, &out, &why)) {
        made++;
      } else {
        assert_int_equal(why.refusal.status, 429);
        full++;
      }
    }
  }
  assert_int_equal(made, 5000);
  assert_int_equal(full, 50);
  kl_sim_leg_name legs[] = {leg(many[99], KL_YES), leg(many[100], KL_YES)};
  const kl_sim_combo *out;
  kl_sim_combo_refusal why;
  assert_false(kl_sim_combo_create(b->c, b->w->now, ANN, b->all, legs, 2, &out, &why));
  kl_sim_leg_name first[] = {leg(many[0], KL_YES), leg(many[1], KL_YES)};
  make(b, first, 2); /* an existing one is answered all the same */
  assert_true(kl_sim_combo_create(b->c, b->w->now, BOB, b->all, legs, 2, &out, &why));
}

static void a_saved_combo_comes_back_under_its_ticker(void **state) {
  bench *b = *state;
  kl_sim_leg_name names[] = {leg(b->games[0][0], KL_YES), leg(b->above[1], KL_NO)};
  const kl_sim_combo *a = make(b, names, 2);
  /* Into an exchange that has the market already, and into one that has not. */
  kl_sim_combos *again = kl_sim_combos_new(b->w->x, START, (kl_sim_combos_sink){0});
  assert_true(kl_sim_combo_restore(again, a->collection->ticker, a->market->event->ticker, a->market->ticker, a->legs,
                                   2, ANN, START, START));
  assert_ptr_equal(kl_sim_combo_at(again, 0)->market, a->market);
  assert_false(kl_sim_combo_restore(again, "NOPE", "E", "T", a->legs, 2, ANN, START, START));
  kl_leg other[] = {{b->games[1][0], KL_YES}, {b->above[1], KL_NO}};
  assert_true(
      kl_sim_combo_restore(again, a->collection->ticker, "KXMVE-OLD", "KXMVE-OLD-1", other, 2, ANN, START, START));
  assert_non_null(kl_exchange_market(b->w->x, "KXMVE-OLD-1"));
  /* The market borrows its legs from whoever holds it last. */
  kl_sim_combos *first = b->c;
  b->c = again;
  kl_sim_combos_free(first);
}

static void what_was_settled_long_ago_is_forgotten(void **state) {
  bench *b = *state;
  kl_sim_leg_name legs[] = {leg(b->games[0][0], KL_YES), leg(b->above[1], KL_NO)};
  kl_market *m = make(b, legs, 2)->market;
  char ticker[64];
  (void)snprintf(ticker, sizeof ticker, "%s", m->ticker);
  assert_true(kl_sim_combos_need(b->c, b->games[0][0]->event));
  assert_false(kl_sim_combos_need(b->c, b->games[1][0]->event));
  kl_exchange_determine(b->w->x, b->w->now, b->games[0][0], 0);
  kl_sim_combos_tick(b->c, b->w->now);
  assert_null(kl_sim_combos_old(b->c, b->w->now));
  b->w->now += 60 * SECOND;
  kl_exchange_tick(b->w->x, b->w->now);
  assert_null(kl_sim_combos_old(b->c, b->w->now - 1));
  kl_market_event *old = kl_sim_combos_old(b->c, b->w->now);
  assert_ptr_equal(old, m->event);
  kl_sim_combos_retire(b->c, old);
  assert_null(kl_exchange_market(b->w->x, ticker));
  assert_int_equal(kl_sim_combos_count(b->c), 0);
  assert_false(kl_sim_combos_need(b->c, b->games[0][0]->event));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      BENCH(is_a_market_of_its_own),
      BENCH(the_same_legs_are_the_same_combo_in_any_order),
      BENCH(legs_that_cannot_be_are_refused),
      BENCH(a_combo_of_combos_is_refused),
      BENCH(one_failed_leg_ends_it),
      BENCH(all_legs_decide_it_and_scalars_are_multiplied),
      BENCH(it_follows_a_dispute_and_an_amended_leg),
      BENCH(five_thousand_a_week_are_the_most),
      BENCH(what_was_settled_long_ago_is_forgotten),
      BENCH(a_saved_combo_comes_back_under_its_ticker),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
