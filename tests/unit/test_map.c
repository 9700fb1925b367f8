#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { KEYS = 5000 };
static int values[KEYS];

/* Short ones, ones of 36 to 42 characters, and long ones. */
static size_t key_of(char *out, size_t cap, int i) {
  int wide = i % 3 == 0 ? 1 : i % 3 == 1 ? 31 + i % 7 : 60;
  return (size_t)snprintf(out, cap, "KX%0*d-26", wide, i);
}

static void an_empty_map_has_nothing(void **state) {
  (void)state;
  kl_map *m = kl_map_new();
  assert_non_null(m);
  size_t cursor = 0;
  assert_null(kl_map_get(m, "a", 1));
  assert_null(kl_map_remove(m, "a", 1));
  assert_int_equal(kl_map_count(m), 0);
  assert_false(kl_map_next(m, &cursor, NULL, NULL, NULL));
  kl_map_free(m);
  kl_map_free(NULL);
}

static void keys_are_bytes_and_are_copied(void **state) {
  (void)state;
  kl_map *m = kl_map_new();
  char key[] = "abc";
  assert_true(kl_map_set(m, key, 3, &values[0]));
  assert_true(kl_map_set(m, "a\0b", 3, &values[1]));
  assert_true(kl_map_set(m, "a\0c", 3, &values[2]));
  assert_true(kl_map_set(m, NULL, 0, &values[3]));
  key[0] = 'x';
  assert_ptr_equal(kl_map_get(m, "abc", 3), &values[0]);
  assert_ptr_equal(kl_map_get(m, "a\0b", 3), &values[1]);
  assert_ptr_equal(kl_map_get(m, "a\0c", 3), &values[2]);
  assert_ptr_equal(kl_map_get(m, "", 0), &values[3]);
  assert_null(kl_map_get(m, "ab", 2));
  assert_null(kl_map_get(m, "abcd", 4));
  kl_map_free(m);
}

static void setting_again_replaces(void **state) {
  (void)state;
  kl_map *m = kl_map_new();
  assert_true(kl_map_set(m, "k", 1, &values[0]));
  assert_true(kl_map_set(m, "k", 1, &values[1]));
  assert_int_equal(kl_map_count(m), 1);
  assert_ptr_equal(kl_map_get(m, "k", 1), &values[1]);
  assert_ptr_equal(kl_map_remove(m, "k", 1), &values[1]);
  assert_null(kl_map_remove(m, "k", 1));
  assert_int_equal(kl_map_count(m), 0);
  kl_map_free(m);
}

/* The map against a plain array through a long random life. */
static void agrees_with_a_table_under_churn(void **state) {
  (void)state;
  kl_map *m = kl_map_new();
  bool *present = calloc(KEYS, sizeof *present);
  assert_non_null(present);
  size_t count = 0;
  uint32_t seed = 12345;
  for (int step = 0; step < 300000; step++) {
    seed = seed * 1664525u + 1013904223u;
    /* The upper half of the life keeps to few keys: runs form and are taken apart. */
    int i = (int)((seed >> 8) % (step < 100000 ? KEYS : 40));
    char key[96];
    size_t n = key_of(key, sizeof key, i);
    assert_ptr_equal(kl_map_get(m, key, n), present[i] ? &values[i] : NULL);
    if (seed & 0x80) {
      assert_true(kl_map_set(m, key, n, &values[i]));
      count += !present[i];
      present[i] = true;
    } else {
      assert_ptr_equal(kl_map_remove(m, key, n), present[i] ? &values[i] : NULL);
      count -= present[i];
      present[i] = false;
    }
    assert_int_equal(kl_map_count(m), count);
  }
  for (int i = 0; i < KEYS; i++) {
    char key[96];
    size_t n = key_of(key, sizeof key, i);
    assert_ptr_equal(kl_map_get(m, key, n), present[i] ? &values[i] : NULL);
  }
  free(present);
  kl_map_free(m);
}

static void iteration_meets_every_key_once(void **state) {
  (void)state;
  kl_map *m = kl_map_new();
  char key[96];
  for (int i = 0; i < KEYS; i++) {
    values[i] = 0;
    assert_true(kl_map_set(m, key, key_of(key, sizeof key, i), &values[i]));
  }
  size_t cursor = 0, n = 0, seen = 0;
  const char *k = NULL;
  void *v = NULL;
  while (kl_map_next(m, &cursor, &k, &n, &v)) {
    (*(int *)v)++;
    seen++;
    assert_int_equal(n, key_of(key, sizeof key, (int)((int *)v - values)));
    assert_string_equal(k, key);
  }
  assert_int_equal(seen, KEYS);
  for (int i = 0; i < KEYS; i++)
    assert_int_equal(values[i], 1);
  kl_map_free(m);
}

static void the_hash_depends_on_every_byte_and_the_length(void **state) {
  (void)state;
  char text[40];
  memset(text, 'a', sizeof text);
  for (size_t n = 0; n <= sizeof text; n++) {
    uint64_t h = kl_hash_bytes(text, n);
    assert_true(h == kl_hash_bytes(text, n));
    if (n > 0) assert_true(h != kl_hash_bytes(text, n - 1));
    for (size_t i = 0; i < n; i++) {
      text[i] ^= 1;
      assert_true(h != kl_hash_bytes(text, n));
      text[i] ^= 1;
    }
  }
  assert_true(kl_hash_bytes("a", 1) != kl_hash_bytes("a\0", 2));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_empty_map_has_nothing),       cmocka_unit_test(keys_are_bytes_and_are_copied),
      cmocka_unit_test(setting_again_replaces),         cmocka_unit_test(agrees_with_a_table_under_churn),
      cmocka_unit_test(iteration_meets_every_key_once), cmocka_unit_test(the_hash_depends_on_every_byte_and_the_length),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
