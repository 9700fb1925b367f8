/* The queue of messages between the loop and a script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bindings/queue.h"

static void expect_next(kl_queue *q, int tag, const char *text) {
  intptr_t got = 0;
  const char *p = NULL;
  size_t n = 0;
  assert_true(kl_queue_take(q, &got, &p, &n));
  assert_int_equal(got, tag);
  assert_int_equal(n, strlen(text));
  assert_memory_equal(p, text, n);
}

static void expect_empty(kl_queue *q) {
  intptr_t tag;
  const char *p;
  size_t n;
  assert_false(kl_queue_take(q, &tag, &p, &n));
}

static void gives_back_what_was_put_in_its_order(void **state) {
  (void)state;
  kl_queue q = {.max_count = 100, .max_bytes = 1 << 20};
  unsigned next_in = 0, next_out = 0, seed = 1;
  char text[64];
  for (int turn = 0; turn < 20000; turn++) {
    seed = seed * 1103515245u + 12345u;
    if ((seed >> 16) % 3 && next_in - next_out < 100) {
      int n = snprintf(text, sizeof text, "%u%.*s", next_in, (int)((seed >> 20) % 40),
                       "........................................");
      kl_queue_put(&q, (intptr_t)(next_in++ % 7), text, (size_t)n);
    } else if (next_out < next_in) {
      intptr_t tag;
      const char *p;
      size_t n;
      assert_true(kl_queue_take(&q, &tag, &p, &n));
      assert_int_equal(tag, next_out % 7);
      assert_int_equal(strtoul(p, NULL, 10), next_out++);
    }
  }
  assert_int_equal(q.lost, 0);
  assert_int_equal(q.count, next_in - next_out);
  kl_queue_free(&q);
}

static void counts_what_finds_no_room_and_takes_nothing_behind_a_hole(void **state) {
  (void)state;
  kl_queue q = {.max_count = 2, .max_bytes = 1 << 20};
  kl_queue_put(&q, 1, "a", 1);
  kl_queue_put(&q, 1, "", 0);
  kl_queue_put(&q, 1, "c", 1);
  assert_int_equal(q.lost, 1);
  expect_next(&q, 1, "a");
  kl_queue_put(&q, 1, "d", 1); /* there is room, but c is missing before it */
  assert_int_equal(q.lost, 2);
  expect_next(&q, 1, "");
  expect_empty(&q);
  q.lost = 0;
  kl_queue_put(&q, 2, "e", 1);
  expect_next(&q, 2, "e");
  kl_queue_free(&q);
}

static void takes_one_message_however_long_but_no_second(void **state) {
  (void)state;
  kl_queue q = {.max_count = 10, .max_bytes = 1000};
  size_t n = 3 << 20;
  char *big = malloc(n + 1);
  assert_non_null(big);
  memset(big, 'x', n);
  big[n] = 0;
  kl_queue_put(&q, 3, big, n);
  kl_queue_put(&q, 3, "y", 1);
  assert_int_equal(q.lost, 1);
  expect_next(&q, 3, big);
  q.lost = 0;
  kl_queue_put(&q, 3, "y", 1);
  assert_true(q.cap < 1 << 20); /* the memory of the long one is given back */
  expect_next(&q, 3, "y");
  for (int i = 0; i < 10; i++)
    kl_queue_put(&q, i, big, 200);
  assert_in_range(q.count, 3, 5);
  assert_int_equal(q.lost, 10 - q.count);
  free(big);
  kl_queue_free(&q);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gives_back_what_was_put_in_its_order),
      cmocka_unit_test(counts_what_finds_no_room_and_takes_nothing_behind_a_hole),
      cmocka_unit_test(takes_one_message_however_long_but_no_second),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
