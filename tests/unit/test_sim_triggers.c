/* Triggers that go by schedule, where they touch the rules that they come from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/fault_doors.h"
#include "sim/impl.h"
#include "sim/triggers.h"

/* A rule that has done what it can is dropped when another is added: also by its own trigger. */
static void a_scheduled_trigger_may_add_a_rule(void **state) {
  (void)state;
  const char *words[] = {"spec=trigger:429 count=2 from 0s", NULL};
  kl_sim_options o = {.seed = 3, .markets = 1, .quiet = true};
  kl_error e = {0};
  kl_buf answer = {0};
  kl_sim *s = kl_sim_make(&o, &e);
  if (!s) fail_msg("%s", e.message);
  for (int i = 0; i < 3; i++) {
    kl_buf_clear(&answer);
    if (!kl_sim_trigger_run(s, "fault", words, &answer, &e)) fail_msg("%s", e.message);
    kl_sim_faults_tick(s);
  }
  assert_int_equal(kl_sim_faults_count(s->faults), 3); /* of 429: the scheduled ones are done and gone */
  kl_buf_free(&answer);
  kl_sim_stop(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_scheduled_trigger_may_add_a_rule)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
