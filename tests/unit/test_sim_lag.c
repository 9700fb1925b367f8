/* What reads that lag show: whose it is, and what is forgotten on the way. */
#include "exchange_world.h"
#include "sim/lag.h"

typedef struct desk {
  world *w;
  kl_sim sim;
  kl_sim_account accounts[2];
} desk;

/* The second account is a later user of the exchange: synthetic ones came between, as after a restart with --users. */
static int desk_setup(void **state) {
  desk *d = calloc(1, sizeof *d);
  d->w = world_new();
  d->accounts[0].user = ANN;
  d->accounts[1].user = CAT;
  d->sim.x = d->w->x;
  d->sim.now_us = d->w->now;
  d->sim.accounts = d->accounts;
  d->sim.n_accounts = 2;
  d->sim.o.read_lag_ms = 1000;
  d->sim.lag = kl_sim_lag_new(&d->sim);
  assert_non_null(d->sim.lag);
  *state = d;
  return 0;
}

static int desk_teardown(void **state) {
  desk *d = *state;
  kl_sim_lag_free(d->sim.lag);
  bool conserved = world_free(d->w);
  free(d);
  return conserved ? 0 : -1;
}
#define DESK(f) cmocka_unit_test_setup_teardown(f, desk_setup, desk_teardown)

static void deposit(desk *d, uint32_t user) {
  d->sim.now_us += SECOND;
  assert_int_equal(kl_exchange_deposit(d->w->x, user, 0, 0, DOLLARS(5)), KL_X_OK);
  kl_sim_lag_money(d->sim.lag, user);
  kl_sim_lag_settle(d->sim.lag);
}

static void balances_of_every_account_lag_and_of_nobody_else(void **state) {
  desk *d = *state;
  for (uint32_t user = ANN; user <= CAT; user++) {
    kl_money before = kl_exchange_balance(d->w->x, user, 0, 0);
    deposit(d, user);
    assert_int_equal(kl_sim_shown_balance(&d->sim, user, 0, 0), user == BOB ? before + DOLLARS(5) : before);
    d->sim.now_us += SECOND;
    assert_int_equal(kl_sim_shown_balance(&d->sim, user, 0, 0), before + DOLLARS(5));
  }
}

/* Another market gets the index of one that was forgotten. */
static void a_position_is_not_shown_as_that_of_a_forgotten_market(void **state) {
  desk *d = *state;
  kl_market old = *d->w->m, next = *d->w->m;
  (void)snprintf(next.ticker, sizeof next.ticker, "NEXT");
  next.serial++;
  kl_position p = {.market = &old, .position = 300};
  kl_sim_lag_position(d->sim.lag, ANN, 0, &p);
  d->sim.now_us += 60 * SECOND;
  kl_sim_lag_forget(d->sim.lag, &old);
  kl_position q = {.market = &next, .position = 100};
  kl_sim_lag_position(d->sim.lag, ANN, 0, &q);
  assert_null(kl_sim_lag_shown_position(d->sim.lag, ANN, 0, &q)); /* not there yet */
  d->sim.now_us += SECOND;
  assert_ptr_equal(kl_sim_lag_shown_position(d->sim.lag, ANN, 0, &q), &q);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      DESK(balances_of_every_account_lag_and_of_nobody_else),
      DESK(a_position_is_not_shown_as_that_of_a_forgotten_market),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
