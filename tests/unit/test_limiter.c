#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kalshi/limiter.h"
#include "kalshi/session_impl.h"

static const int64_t second = 1000000000;

static kl_ticket ticket(double cost) {
  kl_ticket t = {.cost = cost};
  return t;
}

static void a_full_bucket_lets_calls_go_at_once_until_it_is_empty(void **state) {
  (void)state;
  kl_limiter l;
  kl_limiter_init(&l, 0);
  kl_ticket t[11];
  int64_t wait;
  for (int i = 0; i < 11; i++) {
    t[i] = ticket(10);
    kl_list_init(&t[i].link);
    kl_limiter_enqueue(&l, KL_BUCKET_WRITE, KL_CLASS_WRITE, &t[i]);
  }
  for (int i = 0; i < 10; i++)
    assert_ptr_equal(kl_limiter_next(&l, 0, &wait), &t[i]); /* 100 tokens, in order */
  assert_null(kl_limiter_next(&l, 0, &wait));
  assert_true(wait > 0 && wait <= second / 10 + 2); /* 10 tokens at 100 a second */
  assert_null(kl_limiter_next(&l, wait / 2, &wait));
  assert_ptr_equal(kl_limiter_next(&l, second / 10 + 10, &wait), &t[10]);
  assert_null(kl_limiter_next(&l, second, &wait));
  assert_int_equal(wait, -1);
}

static void reads_and_writes_have_budgets_of_their_own(void **state) {
  (void)state;
  kl_limiter l;
  kl_limiter_init(&l, 0);
  kl_ticket w = ticket(100), w2 = ticket(10), r = ticket(10);
  int64_t wait;
  kl_limiter_enqueue(&l, KL_BUCKET_WRITE, KL_CLASS_WRITE, &w);
  assert_ptr_equal(kl_limiter_next(&l, 0, &wait), &w);
  kl_limiter_enqueue(&l, KL_BUCKET_WRITE, KL_CLASS_WRITE, &w2);
  kl_limiter_enqueue(&l, KL_BUCKET_READ, KL_CLASS_READ, &r);
  assert_ptr_equal(kl_limiter_next(&l, 0, &wait), &r);
  assert_null(kl_limiter_next(&l, 0, &wait));
}

static void a_cancel_passes_creates_and_a_create_passes_reads(void **state) {
  (void)state;
  kl_limiter l;
  kl_limiter_init(&l, 0);
  kl_ticket read = ticket(2), create = ticket(10), cancel = ticket(2);
  int64_t wait;
  kl_limiter_enqueue(&l, KL_BUCKET_WRITE, KL_CLASS_READ, &read);
  kl_limiter_enqueue(&l, KL_BUCKET_WRITE, KL_CLASS_WRITE, &create);
  kl_limiter_enqueue(&l, KL_BUCKET_WRITE, KL_CLASS_CANCEL, &cancel);
  assert_ptr_equal(kl_limiter_next(&l, 0, &wait), &cancel);
  assert_ptr_equal(kl_limiter_next(&l, 0, &wait), &create);
  assert_ptr_equal(kl_limiter_next(&l, 0, &wait), &read);
}

static void a_ticket_can_leave_the_queue(void **state) {
  (void)state;
  kl_limiter l;
  kl_limiter_init(&l, 0);
  kl_ticket a = ticket(10), b = ticket(10);
  int64_t wait;
  kl_limiter_enqueue(&l, KL_BUCKET_READ, KL_CLASS_READ, &a);
  kl_limiter_enqueue(&l, KL_BUCKET_READ, KL_CLASS_READ, &b);
  kl_list_remove(&a.link);
  assert_ptr_equal(kl_limiter_next(&l, 0, &wait), &b);
  assert_null(kl_limiter_next(&l, 0, &wait));
}

static void a_call_dearer_than_the_bucket_waits_for_a_full_one_and_leaves_it_in_debt(void **state) {
  (void)state;
  kl_limiter l;
  kl_limiter_init(&l, 0);
  kl_ticket small = ticket(10), big = ticket(150);
  int64_t wait;
  kl_limiter_enqueue(&l, KL_BUCKET_WRITE, KL_CLASS_WRITE, &small);
  kl_limiter_enqueue(&l, KL_BUCKET_WRITE, KL_CLASS_WRITE, &big);
  assert_ptr_equal(kl_limiter_next(&l, 0, &wait), &small);
  assert_null(kl_limiter_next(&l, 0, &wait));
  assert_ptr_equal(kl_limiter_next(&l, second / 10 + 10, &wait), &big);
  assert_true(kl_limiter_tokens(&l, KL_BUCKET_WRITE, second / 10 + 10) < -49);
}

static void the_exchanges_word_counts_and_what_was_spent_stays_spent(void **state) {
  (void)state;
  kl_limiter l;
  kl_limiter_init(&l, 0);
  kl_ticket t = ticket(60);
  int64_t wait;
  kl_limiter_enqueue(&l, KL_BUCKET_WRITE, KL_CLASS_WRITE, &t);
  assert_ptr_equal(kl_limiter_next(&l, 0, &wait), &t);
  kl_limiter_set(&l, KL_BUCKET_WRITE, 600, 300, 0);
  assert_true(kl_limiter_tokens(&l, KL_BUCKET_WRITE, 0) > 539.9 && kl_limiter_tokens(&l, KL_BUCKET_WRITE, 0) < 540.1);
  assert_true(kl_limiter_tokens(&l, KL_BUCKET_WRITE, 10 * second) > 599.9);
  kl_limiter_drain(&l, KL_BUCKET_WRITE, 10 * second);
  assert_true(kl_limiter_tokens(&l, KL_BUCKET_WRITE, 10 * second) < 0.1);
}

static void dates_within_their_second_say_nothing_of_an_offset(void **state) {
  (void)state;
  kl_clock_bounds b = {0};
  assert_int_equal(kl_clock_bounds_offset(&b), 0);
  kl_clock_bounds_add(&b, 1000000, 1000100, 1000200, false); /* the header names the second we are in */
  assert_true(b.known);
  assert_int_equal(kl_clock_bounds_offset(&b), 0);
  kl_clock_bounds_add(&b, 1000000, 1000950, 1000990, false);
  assert_int_equal(kl_clock_bounds_offset(&b), 0);
}

static void an_offset_is_narrowed_by_every_answer(void **state) {
  (void)state;
  kl_clock_bounds b = {0};
  /* The exchange is 5,300 ms ahead: at our 10,000 it is at 15,300 and says 15,000. */
  kl_clock_bounds_add(&b, 15000, 10000, 10020, false);
  kl_clock_bounds_add(&b, 15000, 10600, 10680, false); /* its 15,900 to 15,980 */
  kl_clock_bounds_add(&b, 16000, 10710, 10720, false); /* its 16,010 to 16,020 */
  int64_t offset = kl_clock_bounds_offset(&b);
  assert_true(offset >= 5280 && offset <= 5400);
}

static void a_clock_that_was_set_starts_anew(void **state) {
  (void)state;
  kl_clock_bounds b = {0};
  kl_clock_bounds_add(&b, 15000, 10000, 10020, false);
  kl_clock_bounds_add(&b, 10000, 10500, 10520, false);
  assert_int_equal(kl_clock_bounds_offset(&b), 0);
  kl_clock_bounds_add(&b, 10000, 10100, 10120, true); /* agrees, but all that was known is in doubt */
  assert_int_equal(b.low, -120);
  assert_int_equal(b.high, 899);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_full_bucket_lets_calls_go_at_once_until_it_is_empty),
      cmocka_unit_test(reads_and_writes_have_budgets_of_their_own),
      cmocka_unit_test(a_cancel_passes_creates_and_a_create_passes_reads),
      cmocka_unit_test(a_ticket_can_leave_the_queue),
      cmocka_unit_test(a_call_dearer_than_the_bucket_waits_for_a_full_one_and_leaves_it_in_debt),
      cmocka_unit_test(the_exchanges_word_counts_and_what_was_spent_stays_spent),
      cmocka_unit_test(dates_within_their_second_say_nothing_of_an_offset),
      cmocka_unit_test(an_offset_is_narrowed_by_every_answer),
      cmocka_unit_test(a_clock_that_was_set_starts_anew),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
