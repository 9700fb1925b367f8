/* The answers of a start, told again to the next build of the same version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "script/rehearsal.h"

static void put(kl_rehearsal *r, const char *key, const char *answer) {
  kl_rehearsal_put(r, key, strlen(key), answer, strlen(answer));
}

static void assert_told(kl_rehearsal *r, const char *key, const char *answer) {
  size_t n = 0;
  const void *told = kl_rehearsal_take(r, key, strlen(key), &n);
  if (!answer) {
    assert_null(told);
    return;
  }
  assert_non_null(told);
  assert_int_equal(n, strlen(answer));
  if (n) assert_memory_equal(told, answer, n);
  assert_int_equal((uintptr_t)told % _Alignof(max_align_t), 0);
}

static void answers_are_told_once_in_order_to_each_further_build(void **state) {
  (void)state;
  kl_rehearsal *r = kl_rehearsal_new();
  assert_non_null(r);
  put(r, "a", "first");
  assert_told(r, "a", NULL); /* asking twice is asking twice */
  put(r, "a", "second");
  put(r, "b", "");
  put(r, "ab", "other");
  for (int build = 0; build < 2; build++) {
    kl_rehearsal_rewind(r);
    assert_told(r, "ab", "other");
    assert_told(r, "a", "first");
    assert_told(r, "a", "second");
    assert_told(r, "a", NULL);
    assert_told(r, "b", "");
    assert_told(r, "c", NULL);
  }
  put(r, "c", "new");
  assert_told(r, "c", NULL);
  kl_rehearsal_rewind(r);
  assert_told(r, "c", "new");
  assert_told(r, "a", "first"); /* what was not taken can be, too */
  kl_rehearsal_free(r);
  kl_rehearsal_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(answers_are_told_once_in_order_to_each_further_build)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
