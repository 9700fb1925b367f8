/* Sessions in a process that has no memory for once, at each allocation in turn of what is asked of them, of its own
 * and of its script's: whatever the answers are, nothing is lost that was there, and all ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "failing_memory.h"
#include "session_bed.h"

static long left_of_script; /* as `allocations_left`, of the script's own */

static void *script_memory(void *data, void *p, size_t size) {
  (void)data;
  if (size > 0) return fails(&left_of_script) ? NULL : __real_realloc(p, size);
  free(p);
  return NULL;
}

static const char *const inputs[] = {
    "{\"id\":1,\"op\":\"prompt\",\"armed\":true}",
    "{\"id\":2,\"op\":\"eval\",\"session\":1,\"source\":\"x = {t, odd}; print(1); return x, deep\"}",
    "{\"id\":3,\"op\":\"eval\",\"session\":1,\"source\":\"local y = 1 error {kind = 'a'}\"}",
    "{\"id\":4,\"op\":\"eval\",\"session\":1,\"source\":\"if\"}",
    "{\"id\":5,\"op\":\"eval\",\"session\":1,\"source\":\"task.sleep(60)\"}",
    "{\"id\":6,\"op\":\"cancel\",\"call\":5}",
};
static const char *const looks[] = {
    "{\"id\":1,\"op\":\"prompt\"}",
    "{\"id\":2,\"op\":\"tasks\",\"session\":1}",
    "{\"id\":3,\"op\":\"locals\",\"session\":1,\"task\":2,\"frame\":1}",
    "{\"id\":4,\"op\":\"select\",\"session\":1,\"task\":2,\"frame\":1}",
    "{\"id\":5,\"op\":\"eval\",\"session\":1,\"source\":\"i, pcall(error)\"}",
    "{\"id\":6,\"op\":\"members\",\"session\":1,\"path\":[]}",
    "{\"id\":7,\"op\":\"inspect\",\"session\":1}",
    "{\"id\":8,\"op\":\"watch\",\"session\":1,\"source\":\"t\",\"every_ms\":50}",
    "{\"id\":9,\"op\":\"arm\",\"session\":1,\"on\":true}",
};
static const char *const stops[] = {
    "{\"id\":1,\"op\":\"prompt\",\"armed\":true}",
    "{\"id\":2,\"op\":\"break\",\"session\":1,\"file\":\"s\",\"line\":9,\"condition\":\"i > 0\",\"once\":true}",
    "~",
    "{\"id\":3,\"op\":\"step\",\"session\":1,\"task\":2,\"how\":\"over\"}",
    "~",
    "{\"id\":4,\"op\":\"breaks\",\"session\":1}",
    "{\"id\":5,\"op\":\"source\",\"session\":1,\"file\":\"s\",\"line\":9,\"around\":2}",
    "{\"id\":6,\"op\":\"suspend\",\"session\":1,\"task\":0}",
    "^",
    "{\"id\":7,\"op\":\"continue\",\"session\":1,\"task\":0}",
};

static const struct {
  const char *const *lines;
  size_t n;
} scenarios[] = {{inputs, sizeof inputs / sizeof *inputs},
                 {looks, sizeof looks / sizeof *looks},
                 {stops, sizeof stops / sizeof *stops}};

/* False once the scenario makes no allocation of that number. */
static bool try_with(size_t scenario, long *count, long n) {
  static session_bed b;
  memset(&b, 0, sizeof b);
  b.fd = -1;
  session_open(&b, script_memory);
  session_reconnect(&b);
  session_turn(&b);
  failed = false;
  *count = n;
  for (size_t i = 0; i < scenarios[scenario].n; i++)
    session_act(&b, scenarios[scenario].lines[i], strlen(scenarios[scenario].lines[i]));
  *count = 0;
  /* The next client is served as if nothing had been. */
  b.turns = 0;
  session_reconnect(&b);
  session_act(&b, looks[0], strlen(looks[0]));
  session_turn(&b);
  session_close(&b);
  return failed;
}

static void each_allocation_may_fail(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
    long n = 1;
    while (try_with(i, &allocations_left, n))
      n++;
    assert_in_range(n, 10, 2000);
  }
}

/* There are many of these: some are left out. */
static void each_allocation_of_the_script_may_fail(void **state) {
  (void)state;
  enum { ALL = 60, STEP = 7 };
  for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
    long n = 1;
    while (try_with(i, &left_of_script, n))
      n += n < ALL ? 1 : STEP;
    assert_true(n > 10);
  }
}

int main(void) {
  session_apart();
  const struct CMUnitTest tests[] = {cmocka_unit_test(each_allocation_may_fail),
                                     cmocka_unit_test(each_allocation_of_the_script_may_fail)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
