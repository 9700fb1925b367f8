#include "auth/signer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char path[] = "/trade-api/v2/portfolio/orders";
static const char signed_text[] = "1795380241005POST/trade-api/v2/portfolio/orders";

typedef struct {
  uv_loop_t loop;
  kl_key *key;
  kl_public_key *public_key;
} bench;

static int make_bench(void **state) {
  static bench b;
  kl_error e = {0};
  if (uv_loop_init(&b.loop) != 0 || !kl_key_generate(2048, &b.key, &e)) return -1;
  b.public_key = kl_public_key_of(b.key);
  *state = &b;
  return b.public_key ? 0 : -1;
}

/* No job may leave anything behind on the loop. */
static int close_bench(void **state) {
  bench *b = *state;
  kl_key_release(b->key);
  kl_public_key_release(b->public_key);
  return uv_loop_close(&b->loop);
}

typedef struct {
  const bench *bench;
  int calls, good;
  kl_sign_job *cancel_when_called; /* another job */
} receiver;

static void receive(void *data, const char *signature, const kl_error *e) {
  receiver *r = data;
  r->calls++;
  if (!e && signature && kl_public_key_verify(r->bench->public_key, signed_text, sizeof signed_text - 1, signature))
    r->good++;
  if (r->cancel_when_called) {
    kl_sign_cancel(r->cancel_when_called);
    r->cancel_when_called = NULL;
  }
}

static kl_sign_job *start(bench *b, const char *at, receiver *r) {
  kl_sign_job *job = kl_sign_start(&b->loop, b->key, INT64_C(1795380241005), "POST", at, receive, r);
  assert_non_null(job);
  return job;
}

static void a_signature_arrives_on_the_loop(void **state) {
  bench *b = *state;
  receiver r = {.bench = b};
  start(b, path, &r);
  assert_int_equal(r.calls, 0); /* never before the caller is back in the loop */
  assert_int_equal(uv_run(&b->loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(r.calls, 1);
  assert_int_equal(r.good, 1);
}

static void the_query_is_not_signed(void **state) {
  bench *b = *state;
  receiver r = {.bench = b};
  start(b, "/trade-api/v2/portfolio/orders?limit=5", &r);
  uv_run(&b->loop, UV_RUN_DEFAULT);
  assert_int_equal(r.good, 1);
}

static void the_longest_timestamp_fits(void **state) {
  bench *b = *state;
  receiver r = {.bench = b};
  assert_non_null(kl_sign_start(&b->loop, b->key, INT64_MIN, "POST", path, receive, &r));
  uv_run(&b->loop, UV_RUN_DEFAULT);
  assert_int_equal(r.calls, 1);
}

static void many_at_once_all_arrive(void **state) {
  bench *b = *state;
  receiver r = {.bench = b};
  for (int i = 0; i < 64; i++)
    start(b, path, &r);
  uv_run(&b->loop, UV_RUN_DEFAULT);
  assert_int_equal(r.calls, 64);
  assert_int_equal(r.good, 64);
}

static void a_cancelled_job_is_never_heard_of(void **state) {
  bench *b = *state;
  receiver r = {.bench = b}, wanted = {.bench = b};
  kl_sign_job *jobs[64];
  /* More than the pool has threads: some run already, the rest are taken out of the queue. */
  for (int i = 0; i < 64; i++)
    jobs[i] = start(b, path, i == 40 ? &wanted : &r);
  for (int i = 0; i < 64; i++) {
    if (i != 40) kl_sign_cancel(jobs[i]);
  }
  uv_run(&b->loop, UV_RUN_DEFAULT);
  assert_int_equal(r.calls, 0);
  assert_int_equal(wanted.good, 1);
}

static void a_job_done_but_not_delivered_can_be_cancelled(void **state) {
  bench *b = *state;
  receiver r = {.bench = b};
  kl_sign_job *job = start(b, path, &r);
  uv_sleep(50); /* signed by now; the answer waits for the loop */
  kl_sign_cancel(job);
  uv_run(&b->loop, UV_RUN_DEFAULT);
  assert_int_equal(r.calls, 0);
}

static void a_callback_may_cancel_another_job(void **state) {
  bench *b = *state;
  receiver first = {.bench = b}, second = {.bench = b};
  start(b, path, &first);
  uv_sleep(20);
  first.cancel_when_called = start(b, path, &second);
  uv_sleep(50); /* both are delivered in the same turn of the loop */
  uv_run(&b->loop, UV_RUN_DEFAULT);
  assert_int_equal(first.good, 1);
  assert_int_equal(second.calls, 0);
}

static void the_key_lives_as_long_as_a_job(void **state) {
  bench *b = *state;
  receiver r = {.bench = b};
  kl_key *own = b->key;
  for (int i = 0; i < 16; i++)
    start(b, path, &r);
  kl_key_release(own); /* the last reference of the owner */
  b->key = NULL;
  uv_run(&b->loop, UV_RUN_DEFAULT);
  assert_int_equal(r.good, 16);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_bench, close_bench)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_signature_arrives_on_the_loop),   TEST(the_query_is_not_signed),
      TEST(the_longest_timestamp_fits),        TEST(many_at_once_all_arrive),
      TEST(a_cancelled_job_is_never_heard_of), TEST(a_job_done_but_not_delivered_can_be_cancelled),
      TEST(a_callback_may_cancel_another_job), TEST(the_key_lives_as_long_as_a_job),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
