#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "auth/ready.h"

static uv_loop_t loop;
static kl_key *key;
static kl_public_key *public;
static kl_clock_virtual now;
static kl_ready *ready;

static int64_t stamp(void *data) {
  (void)data;
  return kl_wall_ms(&now.clock);
}

static void mark(void *data) { *(bool *)data = true; }

static int set_up(void **state) {
  (void)state;
  kl_error e;
  uv_loop_init(&loop);
  kl_clock_virtual_init(&now, INT64_C(1790000000000000));
  if (!kl_key_generate(2048, &key, &e)) return -1;
  public = kl_public_key_of(key);
  ready = kl_ready_new(&loop, key, &now.clock, 1000, stamp, NULL);
  return public && ready ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  bool closed = false;
  kl_ready_close(ready, mark, &closed);
  uv_run(&loop, UV_RUN_DEFAULT);
  kl_public_key_release(public);
  kl_key_release(key);
  return closed && uv_loop_close(&loop) == 0 ? 0 : -1;
}

/* Until the pool has done what was begun. The timer keeps no loop alive, so this ends. */
static void settle(void) { uv_run(&loop, UV_RUN_DEFAULT); }

static void advance_ms(int64_t ms) { kl_clock_virtual_advance(&now, ms * 1000); }

/* Lets the timer run for real, since it is the loop's. */
static void stopped(uv_timer_t *t) { uv_close((uv_handle_t *)t, NULL); }
static void run_for(uint64_t ms) {
  uv_timer_t t;
  uv_timer_init(&loop, &t);
  uv_timer_start(&t, stopped, ms, 0);
  uv_run(&loop, UV_RUN_DEFAULT);
}

static const char *const orders = "/trade-api/v2/portfolio/events/orders";

static bool take(const char *method, const char *path, int64_t *at) {
  char signature[KL_SIGNATURE_MAX] = "", text[256];
  if (!kl_ready_take(ready, method, path, at, signature)) return false;
  size_t n = kl_signed_text(text, sizeof text, *at, method, path);
  assert_true(kl_public_key_verify(public, text, n, signature));
  return true;
}

static void one_is_ready_once_it_was_wanted(void **state) {
  (void)state;
  int64_t at = 0;
  assert_false(take("POST", orders, &at));
  kl_ready_want(ready, "POST", orders, false);
  settle();
  advance_ms(700);
  assert_true(take("POST", orders, &at));
  assert_int_equal(at, kl_wall_ms(&now.clock) - 700);
  assert_false(take("DELETE", orders, &at));
  assert_false(take("POST", "/trade-api/v2/portfolio", &at));
}

static void each_is_used_once_and_the_next_follows(void **state) {
  (void)state;
  int64_t at = 0;
  kl_ready_want(ready, "POST", orders, false);
  settle();
  assert_true(take("POST", orders, &at));
  assert_false(take("POST", orders, &at));
  settle();
  assert_false(take("POST", orders, &at)); /* not begun while the request is on its way */
  advance_ms(5);
  kl_ready_refill(ready); /* it was answered */
  run_for(1);
  settle();
  assert_true(take("POST", orders, &at));
  assert_int_equal(at, kl_wall_ms(&now.clock));
}

static void one_that_is_too_old_is_never_given(void **state) {
  (void)state;
  int64_t at = 0;
  kl_ready_want(ready, "POST", orders, false);
  settle();
  advance_ms(1001);
  assert_false(take("POST", orders, &at));
  kl_ready_refill(ready);
  run_for(1);
  settle();
  assert_true(take("POST", orders, &at));
  assert_int_equal(at, kl_wall_ms(&now.clock));
}

static void it_is_renewed_before_it_is_too_old(void **state) {
  (void)state;
  int64_t at = 0;
  kl_ready_want(ready, "POST", orders, false);
  settle();
  for (int i = 0; i < 3; i++) {
    advance_ms(600);
    run_for(600); /* the timer looks every quarter of a second */
    settle();
  }
  assert_true(take("POST", orders, &at));
  assert_true(kl_wall_ms(&now.clock) - at < 600);
}

static void what_nobody_used_for_long_is_dropped(void **state) {
  (void)state;
  int64_t at = 0;
  kl_ready_want(ready, "POST", orders, false);
  settle();
  advance_ms(121000);
  run_for(600);
  assert_false(take("POST", orders, &at));
  settle();
  assert_false(take("POST", orders, &at)); /* not wanted any more: nothing was begun */
}

static void passing_ones_make_room_for_newer_ones_and_not_for_the_others(void **state) {
  (void)state;
  int64_t at = 0;
  kl_ready_want(ready, "POST", orders, false);
  for (int i = 0; i < 12; i++) {
    char path[128];
    snprintf(path, sizeof path, "%s/%d", orders, i);
    advance_ms(1);
    kl_ready_want(ready, "DELETE", path, true);
  }
  settle();
  assert_true(take("POST", orders, &at));
  char path[128];
  snprintf(path, sizeof path, "%s/3", orders);
  assert_false(take("DELETE", path, &at));
  snprintf(path, sizeof path, "%s/4", orders);
  assert_true(take("DELETE", path, &at));
  snprintf(path, sizeof path, "%s/11", orders);
  kl_ready_forget(ready, "DELETE", path);
  assert_false(take("DELETE", path, &at));
}

static void closing_while_one_is_being_made_is_quiet(void **state) {
  (void)state;
  kl_ready_want(ready, "POST", orders, false);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(one_is_ready_once_it_was_wanted),
      TEST(each_is_used_once_and_the_next_follows),
      TEST(one_that_is_too_old_is_never_given),
      TEST(it_is_renewed_before_it_is_too_old),
      TEST(what_nobody_used_for_long_is_dropped),
      TEST(passing_ones_make_room_for_newer_ones_and_not_for_the_others),
      TEST(closing_while_one_is_being_made_is_quiet),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
