/* Money on its way between shards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/transfers.h"

static void a_transfer_waits_until_its_target_is_unlocked(void **state) {
  (void)state;
  kl_sim_options o = {.seed = 3, .markets = 12, .quiet = true};
  kl_error e = {0};
  kl_sim *s = kl_sim_make(&o, &e);
  if (!s) fail_msg("%s", e.message);
  uint32_t user = s->accounts[0].user;
  kl_money primary = kl_exchange_balance(s->x, user, 0, 2), amount = 5 * (kl_money)KL_MONEY_ONE;
  assert_int_equal(kl_exchange_open_subaccount(s->x, user, 1, 2), KL_X_OK);
  assert_int_equal(kl_sim_transfer_shards(s, user, 0, 0, 2, 1, amount, NULL), KL_X_OK);
  assert_int_equal(kl_exchange_lock_subaccount(s->x, s->now_us, user, 1, 2, true), KL_X_OK);
  s->now_us += 60000000;
  kl_sim_transfers_tick(s);
  assert_true(kl_sim_money_at(s, KL_SIM_SHARD_TRANSFER, 0)->pending);
  assert_int_equal(kl_exchange_balance(s->x, user, 0, 2), primary);
  assert_int_equal(kl_exchange_lock_subaccount(s->x, s->now_us, user, 1, 2, false), KL_X_OK);
  kl_sim_transfers_tick(s);
  assert_false(kl_sim_money_at(s, KL_SIM_SHARD_TRANSFER, 0)->pending);
  assert_int_equal(kl_exchange_balance(s->x, user, 0, 2), primary);
  assert_int_equal(kl_exchange_balance(s->x, user, 1, 2), amount);
  assert_int_equal(kl_exchange_conservation(s->x), 0);
  kl_sim_stop(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_transfer_waits_until_its_target_is_unlocked)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
