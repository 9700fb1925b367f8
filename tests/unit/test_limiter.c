#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kalshi/limiter.h"
#include "kalshi/session_impl.h"

static const int64_t second = 1000000000;

static const kl_bucket_set reads = KL_IN_BUCKET(KL_BUCKET_READ), writes = KL_IN_BUCKET(KL_BUCKET_WRITE);
static kl_limiter l;
static int64_t wait_ns;

static int set_up(void **state) {
  (void)state;
  kl_limiter_init(&l, 0);
  return 0;
}

static void queue(kl_ticket *t, double cost, kl_class class, kl_bucket_set buckets, uint64_t owner) {
  *t = (kl_ticket){.cost = cost, .class = class, .buckets = buckets, .owner = owner};
  kl_ticket_init(t);
  kl_limiter_enqueue(&l, t);
}

/* The next ticket, whose call is answered at once. */
static kl_ticket *next(int64_t now_ns) {
  kl_ticket *t = kl_limiter_next(&l, false, now_ns, &wait_ns);
  if (t) kl_limiter_settle(&l, t, now_ns);
  return t;
}

static void a_full_bucket_lets_calls_go_at_once_and_keeps_a_reserve(void **state) {
  (void)state;
  kl_ticket t[10];
  for (int i = 0; i < 10; i++)
    queue(&t[i], 10, KL_CLASS_WRITE, writes, 1);
  assert_int_equal(kl_limiter_waiting(&l), 10);
  for (int i = 0; i < 9; i++)
    assert_ptr_equal(next(0), &t[i]); /* 100 tokens, in order */
  assert_null(next(0));               /* 10 are left: the tenth and the reserve of 5 */
  assert_true(wait_ns > second / 20 - 2 && wait_ns <= second / 20 + 2);
  assert_null(next(wait_ns / 2));
  assert_ptr_equal(next(second / 20 + 10), &t[9]);
  assert_null(next(second));
  assert_int_equal(wait_ns, -1);
  assert_int_equal(kl_limiter_waiting(&l), 0);
}

/* The exchange's bucket is full until the calls arrive, and refills from then on: nobody knows when, but not before
 * they left and not after they were answered. */
static void a_bucket_refills_for_calls_that_were_answered(void **state) {
  (void)state;
  kl_ticket t[20];
  for (int i = 0; i < 20; i++)
    queue(&t[i], 10, KL_CLASS_WRITE, writes, 1);
  for (int i = 0; i < 9; i++)
    assert_ptr_equal(kl_limiter_next(&l, false, 0, &wait_ns), &t[i]);
  assert_true(kl_limiter_tokens(&l, writes, 0) == 10); /* held is as good as spent */
  assert_null(kl_limiter_next(&l, false, 0, &wait_ns));
  assert_null(kl_limiter_next(&l, false, second / 2, &wait_ns)); /* the 50 tokens may not be there */
  for (int i = 0; i < 9; i++)
    kl_limiter_settle(&l, &t[i], second / 2);
  kl_limiter_settle(&l, &t[0], second / 2); /* once is enough */
  assert_null(kl_limiter_next(&l, false, second / 2, &wait_ns));
  assert_ptr_equal(kl_limiter_next(&l, false, second * 55 / 100 + 10, &wait_ns), &t[9]);
  assert_null(kl_limiter_next(&l, false, second * 60 / 100, &wait_ns));
  /* In a steady flow those on their way cost nothing: the refill goes on meanwhile. */
  assert_ptr_equal(kl_limiter_next(&l, false, second * 65 / 100 + 20, &wait_ns), &t[10]);
  assert_ptr_equal(kl_limiter_next(&l, false, second * 75 / 100 + 30, &wait_ns), &t[11]);
  kl_limiter_drain(&l, writes, second * 80 / 100);
  assert_true(kl_limiter_tokens(&l, writes, second * 80 / 100) == 0);
}

static void a_steady_flow_gets_the_whole_rate(void **state) {
  (void)state;
  kl_ticket t[200];
  for (int i = 0; i < 200; i++)
    queue(&t[i], 10, KL_CLASS_WRITE, writes, 1);
  int sent = 0;
  int64_t now = 0;
  while (sent < 200) {
    while (next(now))
      sent++;
    now += wait_ns > 0 ? wait_ns : 0;
  }
  /* 2,000 tokens of which 100 were there: 19 seconds, and the reserve. */
  assert_true(now > 18990 * (second / 1000) && now < 19060 * (second / 1000));
}

static void what_needs_the_whole_bucket_gets_it(void **state) {
  (void)state;
  kl_ticket all, more, small;
  queue(&all, 100, KL_CLASS_WRITE, writes, 1);
  assert_ptr_equal(next(0), &all);
  queue(&more, 150, KL_CLASS_WRITE, writes, 1);
  queue(&small, 2, KL_CLASS_WRITE, writes, 1);
  assert_null(next(second - 1000000));
  assert_ptr_equal(next(second), &more); /* dearer than the bucket: waits for a full one and leaves it in debt */
  assert_true(kl_limiter_tokens(&l, writes, second) < -49);
  assert_null(next(second));
}

static void reads_and_writes_have_budgets_of_their_own(void **state) {
  (void)state;
  kl_ticket w, w2, r;
  queue(&w, 100, KL_CLASS_WRITE, writes, 1);
  assert_ptr_equal(next(0), &w);
  queue(&w2, 10, KL_CLASS_WRITE, writes, 1);
  queue(&r, 10, KL_CLASS_READ, reads, 1);
  assert_ptr_equal(next(0), &r);
  assert_null(next(0));
}

static void a_cancel_passes_creates_and_a_create_passes_reads(void **state) {
  (void)state;
  kl_ticket read, create, cancel;
  queue(&read, 2, KL_CLASS_READ, writes, 1);
  queue(&create, 10, KL_CLASS_WRITE, writes, 1);
  queue(&cancel, 2, KL_CLASS_CANCEL, writes, 2);
  assert_ptr_equal(next(0), &cancel);
  assert_ptr_equal(next(0), &create);
  assert_ptr_equal(next(0), &read);
}

static void nobody_takes_the_tokens_that_a_cancel_saves_for(void **state) {
  (void)state;
  kl_ticket spent, batch, create, read;
  queue(&spent, 90, KL_CLASS_WRITE, writes, 1);
  assert_ptr_equal(next(0), &spent);
  queue(&batch, 60, KL_CLASS_CANCEL, writes, 1);
  queue(&create, 2, KL_CLASS_WRITE, writes, 1);
  queue(&read, 10, KL_CLASS_READ, reads, 1);
  assert_ptr_equal(next(second / 10), &read); /* draws from another bucket */
  assert_null(next(second / 10));
  assert_ptr_equal(next(second * 6 / 10), &batch);
}

static void a_shard_has_a_bucket_of_its_own(void **state) {
  (void)state;
  kl_ticket spent, here, there, routed, again;
  queue(&spent, 100, KL_CLASS_WRITE, kl_bucket_of_shard(0), 1);
  assert_ptr_equal(next(0), &spent);
  queue(&here, 10, KL_CLASS_WRITE, writes, 1);
  queue(&there, 60, KL_CLASS_WRITE, kl_bucket_of_shard(2), 1);
  assert_ptr_equal(next(0), &there);
  assert_null(next(0));
  kl_limiter_remove(&here);
  /* Found by ticker: the unscoped one pays, and any shard may. */
  queue(&routed, 10, KL_CLASS_WRITE, writes | KL_ALL_SHARDS, 1);
  assert_null(next(second / 10));
  assert_ptr_equal(next(second / 5), &routed);
  assert_true(kl_limiter_tokens(&l, kl_bucket_of_shard(3), second / 5) < 90.1);
  queue(&again, 10, KL_CLASS_WRITE, kl_bucket_of_shard(99), 1); /* beyond what is kept: the unscoped one */
  assert_null(next(second / 5));
  kl_limiter_set(&l, KL_BUCKET_WRITE, 600, 300, second / 5);
  assert_true(kl_limiter_capacity(&l, kl_bucket_of_shard(3)) == 600);
  assert_ptr_equal(next(second / 5), &again);
}

static void owners_share_by_cost(void **state) {
  (void)state;
  kl_ticket flood[40], other[4];
  queue(&flood[0], 90, KL_CLASS_READ, reads, 1);
  assert_ptr_equal(next(0), &flood[0]);
  for (int i = 0; i < 40; i++)
    queue(&flood[i], 20, KL_CLASS_READ, reads, 1);
  for (int i = 0; i < 4; i++)
    queue(&other[i], 10, KL_CLASS_READ, reads, 2);
  kl_limiter_drain(&l, reads, 0);
  int64_t now = 0;
  int seen[3] = {0};
  while (seen[2] < 4) {
    kl_ticket *t = next(now);
    if (t)
      seen[t->owner]++;
    else
      now += wait_ns;
  }
  assert_in_range(seen[1], 1, 3); /* 40 tokens for the one, at most 60 for the other, though it was here first */
}

static void an_owner_that_comes_late_does_not_catch_up(void **state) {
  (void)state;
  kl_ticket a[10], b[10];
  kl_limiter_set(&l, KL_BUCKET_READ, 10000, 10000, 0);
  for (int i = 0; i < 10; i++)
    queue(&a[i], 10, KL_CLASS_READ, reads, 1);
  for (int i = 0; i < 5; i++)
    assert_non_null(next(0));
  for (int i = 0; i < 10; i++)
    queue(&b[i], 10, KL_CLASS_READ, reads, 2);
  int first_four[3] = {0};
  for (int i = 0; i < 4; i++)
    first_four[next(0)->owner]++;
  assert_int_equal(first_four[1], 2);
  assert_int_equal(first_four[2], 2);
}

static void reads_can_be_held_while_orders_go_on(void **state) {
  (void)state;
  kl_ticket read, create;
  queue(&read, 10, KL_CLASS_READ, reads, 1);
  queue(&create, 10, KL_CLASS_WRITE, writes, 1);
  assert_ptr_equal(kl_limiter_next(&l, true, 0, &wait_ns), &create);
  assert_null(kl_limiter_next(&l, true, 0, &wait_ns));
  assert_int_equal(wait_ns, -1); /* nobody waits for tokens */
  assert_ptr_equal(next(0), &read);
}

static void a_ticket_can_leave_the_queue_wherever_it_stands(void **state) {
  (void)state;
  kl_ticket a, b, c, d;
  queue(&a, 10, KL_CLASS_READ, reads, 1);
  queue(&b, 10, KL_CLASS_READ, reads, 1);
  queue(&c, 10, KL_CLASS_READ, reads, 1);
  queue(&d, 10, KL_CLASS_READ, reads, 1);
  kl_limiter_remove(&a); /* the first: the next takes its place */
  kl_limiter_remove(&c); /* one behind it */
  kl_limiter_remove(&c);
  assert_ptr_equal(next(0), &b);
  assert_ptr_equal(next(0), &d);
  assert_null(next(0));
  kl_limiter_remove(&d);
}

static void the_exchanges_word_counts_and_what_was_spent_stays_spent(void **state) {
  (void)state;
  kl_ticket t;
  queue(&t, 60, KL_CLASS_WRITE, writes, 1);
  assert_ptr_equal(next(0), &t);
  kl_limiter_set(&l, KL_BUCKET_WRITE, 600, 300, 0);
  assert_true(kl_limiter_tokens(&l, writes, 0) > 539.9 && kl_limiter_tokens(&l, writes, 0) < 540.1);
  assert_true(kl_limiter_tokens(&l, writes, 10 * second) > 599.9);
  kl_limiter_drain(&l, writes, 10 * second);
  assert_true(kl_limiter_tokens(&l, writes, 10 * second) < 0.1);
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

static void a_time_of_matching_tells_more_than_a_date(void **state) {
  (void)state;
  kl_clock_bounds b = {0};
  kl_clock_bounds_refine(&b, 15307, 10000, 10012);
  assert_false(b.known); /* without a header it may be anything */
  kl_clock_bounds_add(&b, 15000, 10000, 10012, false);
  /* 5,300 ms ahead: sent at 10,000, matched at its 15,307, back at 10,012. */
  kl_clock_bounds_refine(&b, 15307, 10000, 10012);
  assert_int_equal(b.low, 5295);
  assert_int_equal(b.high, 5307);
  kl_clock_bounds_refine(&b, INT64_C(4066534414718485), 11000, 11012); /* some other time */
  kl_clock_bounds_refine(&b, 1789482602150, 11000, 11012);
  kl_clock_bounds_refine(&b, -5, 11000, 11012);
  assert_int_equal(b.low, 5295);
  kl_clock_bounds_refine(&b, 16340, 11000, 11012); /* the clocks have drifted apart */
  assert_int_equal(b.low, 5328);
  assert_int_equal(b.high, 5340);
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

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_full_bucket_lets_calls_go_at_once_and_keeps_a_reserve),
      TEST(a_bucket_refills_for_calls_that_were_answered),
      TEST(a_steady_flow_gets_the_whole_rate),
      TEST(what_needs_the_whole_bucket_gets_it),
      TEST(reads_and_writes_have_budgets_of_their_own),
      TEST(a_cancel_passes_creates_and_a_create_passes_reads),
      TEST(nobody_takes_the_tokens_that_a_cancel_saves_for),
      TEST(a_shard_has_a_bucket_of_its_own),
      TEST(owners_share_by_cost),
      TEST(an_owner_that_comes_late_does_not_catch_up),
      TEST(reads_can_be_held_while_orders_go_on),
      TEST(a_ticket_can_leave_the_queue_wherever_it_stands),
      TEST(the_exchanges_word_counts_and_what_was_spent_stays_spent),
      TEST(dates_within_their_second_say_nothing_of_an_offset),
      TEST(an_offset_is_narrowed_by_every_answer),
      TEST(a_time_of_matching_tells_more_than_a_date),
      TEST(a_clock_that_was_set_starts_anew),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
