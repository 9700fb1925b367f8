#include "base/index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "failing_memory.h"

typedef struct {
  int number;
  char name[24];
} thing;

enum { THINGS = 5000 };
static thing things[THINGS];

static kl_index *made(void) {
  kl_index *x = kl_index_new(offsetof(thing, name));
  assert_non_null(x);
  for (int i = 0; i < THINGS; i++) {
    things[i].number = i;
    snprintf(things[i].name, sizeof things[i].name, "%s-%d", i % 3 ? "KXSHORT" : "K", i);
  }
  return x;
}

static void an_empty_one_has_nothing(void **state) {
  (void)state;
  kl_index *x = made();
  assert_null(kl_index_get(x, "a"));
  kl_index_remove(x, &things[0]);
  assert_int_equal(kl_index_count(x), 0);
  kl_index_free(x);
  kl_index_free(NULL);
}

static void a_later_thing_takes_the_place(void **state) {
  (void)state;
  kl_index *x = made();
  thing first = {1, "same"}, second = {2, "same"}, empty = {3, ""};
  assert_true(kl_index_put(x, &first));
  assert_true(kl_index_put(x, &second));
  assert_true(kl_index_put(x, &empty));
  assert_int_equal(kl_index_count(x), 2);
  assert_ptr_equal(kl_index_get(x, "same"), &second);
  assert_ptr_equal(kl_index_get(x, ""), &empty);
  kl_index_remove(x, &first); /* it is not there any more */
  assert_ptr_equal(kl_index_get(x, "same"), &second);
  kl_index_remove(x, &second);
  assert_null(kl_index_get(x, "same"));
  assert_int_equal(kl_index_count(x), 1);
  kl_index_free(x);
}

static void check(const kl_index *x, const bool *in) {
  size_t n = 0;
  for (int i = 0; i < THINGS; i++) {
    assert_ptr_equal(kl_index_get(x, things[i].name), in[i] ? &things[i] : NULL);
    n += in[i];
  }
  assert_int_equal(kl_index_count(x), n);
}

static void thousands_come_and_go(void **state) {
  (void)state;
  static bool in[THINGS];
  kl_index *x = made();
  unsigned random = 7;
  for (int round = 0; round < 20; round++) {
    for (int i = 0; i < 3000; i++) {
      random = random * 1103515245 + 12345;
      int at = (int)((random >> 8) % THINGS);
      if (in[at])
        kl_index_remove(x, &things[at]);
      else
        assert_true(kl_index_put(x, &things[at]));
      in[at] = !in[at];
    }
    check(x, in);
  }
  kl_index_free(x);
}

static void without_memory_it_is_as_it_was(void **state) {
  (void)state;
  static bool in[THINGS];
  kl_index *x = made();
  int refused = 0;
  for (int i = 0; i < THINGS; i++) {
    allocations_left = 1;
    in[i] = kl_index_put(x, &things[i]);
    if (in[i]) continue;
    refused++;
    assert_null(kl_index_get(x, things[i].name));
    if (i) assert_ptr_equal(kl_index_get(x, things[i - 1].name), &things[i - 1]);
    allocations_left = 0;
    in[i] = kl_index_put(x, &things[i]);
    assert_true(in[i]);
  }
  allocations_left = 0;
  assert_true(refused > 5);
  check(x, in);
  kl_index_free(x);
}

static void what_is_reserved_needs_no_memory(void **state) {
  (void)state;
  kl_index *x = made();
  assert_true(kl_index_reserve(x, 1000));
  allocations_left = 1;
  for (int i = 0; i < 1000; i++)
    assert_true(kl_index_put(x, &things[i]));
  allocations_left = 0;
  assert_int_equal(kl_index_count(x), 1000);
  kl_index_free(x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_empty_one_has_nothing),
      cmocka_unit_test(a_later_thing_takes_the_place),
      cmocka_unit_test(thousands_come_and_go),
      cmocka_unit_test(without_memory_it_is_as_it_was),
      cmocka_unit_test(what_is_reserved_needs_no_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
