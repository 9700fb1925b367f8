#include "trading/order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "failing_memory.h"

static char logged[512];
static void tap(void *data, kl_log_level level, const char *source, const char *text, size_t n) {
  (void)data;
  (void)source;
  if (level == KL_LOG_ERROR) snprintf(logged, sizeof logged, "%.*s", (int)n, text);
}

static kl_error refusal(void) {
  kl_error e;
  kl_error_coded(&e, KL_ERR_HTTP, "insufficient_balance", "create_order answered 400: not enough money");
  return e;
}

static void the_order_has_a_copy(void **state) {
  (void)state;
  kl_desk_order o = {.error = NULL};
  kl_error e = refusal();
  kl_desk_order_set_error(&o, &e);
  memset(&e, 0, sizeof e);
  assert_string_equal(o.error->code, "insufficient_balance");
  e = refusal();
  e.status = 400;
  kl_desk_order_set_error(&o, &e); /* in place of the other */
  assert_int_equal(o.error->status, 400);
  kl_desk_order_set_error(&o, NULL);
  assert_null(o.error);
  kl_desk_order_set_error(&o, NULL);
}

static void without_memory_it_says_so_and_the_log_has_it(void **state) {
  (void)state;
  kl_desk_order o = {.client_id = "maker-7"};
  kl_error e = refusal();
  kl_log_tap(tap, NULL);
  allocations_left = 1;
  kl_desk_order_set_error(&o, &e);
  kl_log_tap(NULL, NULL);
  assert_true(failed);
  assert_string_equal(o.error->kind, KL_ERR_INTERNAL);
  assert_non_null(strstr(o.error->message, "the log says"));
  assert_non_null(strstr(logged, "maker-7"));
  assert_non_null(strstr(logged, "not enough money"));
  kl_desk_order_set_error(&o, &e); /* there is memory again */
  assert_string_equal(o.error->kind, KL_ERR_HTTP);
  kl_desk_order_set_error(&o, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_order_has_a_copy),
      cmocka_unit_test(without_memory_it_says_so_and_the_log_has_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
