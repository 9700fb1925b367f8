/* Members that come while the simulator runs, without memory at each allocation in turn: who is found has all that an
 * account needs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "failing_memory.h"
#include "sim/impl.h"
#include "sim/members.h"
#include "sim/transfers.h"

static size_t deposits(const kl_sim *s, uint32_t user) {
  size_t n = 0;
  const kl_sim_money_move *m;
  for (size_t i = 0; (m = kl_sim_money_at(s, KL_SIM_DEPOSIT, i)); i++)
    n += m->user == user;
  return n;
}

static void one_that_could_not_come_whole_has_not_come(void **state) {
  const kl_sim_options o = {.markets = 4, .seed = 7, .quiet = true, .read_lag_ms = 50};
  kl_error e = {0};
  kl_key *key = NULL;
  kl_sim *s = kl_sim_make(&o, &e);
  (void)state;
  if (!s || !kl_key_generate(0, &key, &e)) fail_msg("%s", e.message);
  long refused = 0;
  for (long which = 1;; which++) {
    char name[24];
    snprintf(name, sizeof name, "m%ld", which);
    int before = s->n_members;
    failed = false;
    allocations_left = which;
    const kl_sim_account *a = kl_sim_members_get(s, name, key, &e);
    allocations_left = 0;
    if (!a) {
      refused++;
      assert_int_equal(s->n_members, before);
      assert_string_equal(e.kind, KL_ERR_INTERNAL);
      a = kl_sim_members_get(s, name, key, &e);
    }
    if (!a) fail_msg("%s", e.message);
    assert_int_equal(deposits(s, a->user), KL_EXCHANGE_SHARDS);
    assert_ptr_equal(kl_sim_members_get(s, name, key, &e), a);
    if (!failed) break;
  }
  assert_true(refused > 3);
  kl_key_release(key);
  kl_sim_stop(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(one_that_could_not_come_whole_has_not_come)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
