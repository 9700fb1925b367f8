/* Which acts of two scripts are the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bindings/comparison.h"

enum { SECOND = 1000000 };

static void add(kl_comparison *c, kl_actor who, int64_t at_us, const char *operation, const char *price) {
  kl_act a = {.at_us = at_us};
  snprintf(a.operation, sizeof a.operation, "%s", operation);
  snprintf(a.price, sizeof a.price, "%s", price);
  snprintf(a.ticker, sizeof a.ticker, "KX");
  assert_true(kl_comparison_add(c, who, &a));
}

static void counts_are(const kl_comparison *c, int64_t now_us, uint64_t same, uint64_t old, uint64_t young,
                       uint64_t open) {
  kl_comparison_counts n;
  kl_comparison_count(c, now_us, &n);
  assert_int_equal(n.same, same);
  assert_int_equal(n.only[KL_ACTOR_OLD], old);
  assert_int_equal(n.only[KL_ACTOR_NEW], young);
  assert_int_equal(n.open, open);
}

/* The differences as "old 0.10 new 0.11 ". */
static void differences_are(const kl_comparison *c, int64_t now_us, const char *expected) {
  char text[400] = "";
  for (const kl_difference *d = kl_comparison_next(c, now_us, NULL); d; d = kl_comparison_next(c, now_us, d)) {
    size_t n = strlen(text);
    snprintf(text + n, sizeof text - n, "%s %s ", kl_difference_who(d) == KL_ACTOR_OLD ? "old" : "new",
             kl_difference_act(d)->price);
  }
  assert_string_equal(text, expected);
}

static void equal_acts_are_a_pair_whoever_is_first(void **state) {
  (void)state;
  kl_comparison *c = kl_comparison_new(SECOND);
  add(c, KL_ACTOR_OLD, 0, "create_order", "0.10");
  add(c, KL_ACTOR_NEW, 1000, "create_order", "0.10");
  add(c, KL_ACTOR_NEW, 2000, "cancel_order", "0.10");
  counts_are(c, 2000, 1, 0, 0, 1);
  add(c, KL_ACTOR_OLD, 2000 + SECOND, "cancel_order", "0.10"); /* the last moment */
  counts_are(c, INT64_MAX, 2, 0, 0, 0);
  differences_are(c, INT64_MAX, "");
  kl_comparison_free(c);
}

static void what_differs_or_comes_too_late_is_listed_once_that_is_certain(void **state) {
  (void)state;
  kl_comparison *c = kl_comparison_new(SECOND);
  add(c, KL_ACTOR_OLD, 0, "create_order", "0.10");
  add(c, KL_ACTOR_NEW, 10, "create_order", "0.11");
  counts_are(c, SECOND, 0, 0, 0, 2);
  differences_are(c, SECOND, "");
  counts_are(c, SECOND + 1, 0, 1, 0, 1);
  differences_are(c, SECOND + 1, "old 0.10 ");
  add(c, KL_ACTOR_NEW, SECOND + 1, "create_order", "0.10"); /* one microsecond too late */
  differences_are(c, INT64_MAX, "old 0.10 new 0.11 new 0.10 ");
  counts_are(c, INT64_MAX, 0, 1, 2, 0);
  kl_comparison_free(c);
}

static void each_act_is_in_one_pair_and_the_earliest_first(void **state) {
  (void)state;
  kl_comparison *c = kl_comparison_new(SECOND);
  add(c, KL_ACTOR_OLD, 0, "create_order", "0.10");
  add(c, KL_ACTOR_OLD, SECOND / 2, "create_order", "0.10");
  add(c, KL_ACTOR_NEW, SECOND, "create_order", "0.10"); /* to the first */
  add(c, KL_ACTOR_NEW, SECOND + SECOND / 2, "create_order", "0.10");
  add(c, KL_ACTOR_NEW, SECOND + SECOND / 2, "create_order", "0.10");
  counts_are(c, INT64_MAX, 2, 0, 1, 0);
  kl_comparison_free(c);
}

static void every_text_and_the_detail_count(void **state) {
  (void)state;
  kl_act base = {0};
  memset(base.operation, 'o', 3);
  for (int i = 0; i < 6; i++) {
    kl_comparison *c = kl_comparison_new(SECOND);
    kl_act other = base;
    char *const texts[] = {other.operation, other.ticker, other.side, other.price, other.count};
    if (i < 5)
      texts[i][0] = 'x';
    else
      other.detail = 1;
    assert_true(kl_comparison_add(c, KL_ACTOR_OLD, &base));
    assert_true(kl_comparison_add(c, KL_ACTOR_NEW, &other));
    counts_are(c, INT64_MAX, 0, 1, 1, 0);
    kl_comparison_free(c);
  }
}

static void all_are_counted_and_the_newest_kept(void **state) {
  (void)state;
  kl_comparison *c = kl_comparison_new(SECOND);
  char price[24];
  for (int i = 0; i < KL_DIFFERENCES_MAX + 7; i++) {
    snprintf(price, sizeof price, "%d", i);
    add(c, KL_ACTOR_OLD, (int64_t)i * 2 * SECOND, "create_order", price);
  }
  kl_comparison_counts n;
  kl_comparison_count(c, INT64_MAX, &n);
  assert_int_equal(n.only[KL_ACTOR_OLD], KL_DIFFERENCES_MAX + 7);
  assert_int_equal(n.kept, KL_DIFFERENCES_MAX);
  assert_string_equal(kl_difference_act(kl_comparison_next(c, INT64_MAX, NULL))->price, "7");
  kl_comparison_free(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(equal_acts_are_a_pair_whoever_is_first),
      cmocka_unit_test(what_differs_or_comes_too_late_is_listed_once_that_is_certain),
      cmocka_unit_test(each_act_is_in_one_pair_and_the_earliest_first),
      cmocka_unit_test(every_text_and_the_detail_count),
      cmocka_unit_test(all_are_counted_and_the_newest_kept),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
