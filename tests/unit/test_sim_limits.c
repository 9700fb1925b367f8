/* The simulator's rate limits: the buckets alone, with a clock of the test's own, and what a client sees of them. */
#include "sim_client.h"

#include "sim/limits.h"

#define SECOND INT64_C(1000000000)

static kl_sim_limits full(const char *tier) {
  kl_sim_limits l;
  const kl_sim_tier *t = kl_sim_tier_find(tier);
  assert_non_null(t);
  kl_sim_limits_init(&l, t, SECOND);
  return l;
}

/* How many takes of `cost` succeed in a row at one moment. */
static int takes(kl_sim_limits *l, bool write, int64_t shard, uint32_t cost, int64_t at) {
  int n = 0;
  while (kl_sim_limits_take(l, write, shard, cost, at))
    n++;
  return n;
}

static void a_full_bucket_holds_three_seconds_and_refills_at_the_rate_of_its_tier(void **state) {
  static const struct {
    const char *tier;
    int read, write;
  } documented[] = {{"basic", 200, 100},     {"advanced", 300, 300}, {"expert", 600, 600},     {"premier", 1200, 1200},
                    {"paragon", 2400, 2400}, {"prime", 4800, 4800},  {"prestige", 12000, 9600}};
  (void)state;
  for (size_t i = 0; i < sizeof documented / sizeof *documented; i++) {
    kl_sim_limits l = full(documented[i].tier);
    assert_int_equal(takes(&l, false, 0, 10, SECOND), documented[i].read * 3 / 10);
    assert_int_equal(takes(&l, true, 0, 10, SECOND), documented[i].write * 3 / 10);
    assert_int_equal(takes(&l, false, 0, 10, 2 * SECOND), documented[i].read / 10);
    assert_int_equal(takes(&l, true, 0, 10, 2 * SECOND), documented[i].write / 10);
    assert_int_equal(takes(&l, true, 0, 10, 600 * SECOND), documented[i].write * 3 / 10); /* never more than full */
  }
  assert_null(kl_sim_tier_find("gold"));
}

static void the_refill_is_continuous(void **state) {
  (void)state;
  kl_sim_limits l = full("basic");
  takes(&l, true, 0, 10, SECOND);
  /* 10 tokens at 100 a second: after exactly a tenth of a second, however often it is asked meanwhile. */
  for (int64_t ms = 1; ms < 100; ms++)
    assert_false(kl_sim_limits_take(&l, true, 0, 10, SECOND + ms * 1000000));
  assert_true(kl_sim_limits_take(&l, true, 0, 10, SECOND + 100 * INT64_C(1000000)));
}

static void a_cost_is_taken_whole_or_not_at_all(void **state) {
  (void)state;
  kl_sim_limits l = full("basic");
  assert_false(kl_sim_limits_take(&l, true, 0, 301, SECOND));
  assert_true(kl_sim_limits_take(&l, true, 0, 300, SECOND));
}

static void each_shard_has_a_write_bucket_of_its_own(void **state) {
  (void)state;
  kl_sim_limits l = full("basic");
  assert_int_equal(takes(&l, true, 1, 10, SECOND), 30);
  assert_int_equal(takes(&l, true, KL_SIM_SHARDS_MOST, 10, SECOND), 30);
  /* To be routed, shard 0 and a shard that there is not: the common one. */
  assert_true(kl_sim_limits_take(&l, true, -1, 290, SECOND));
  assert_true(kl_sim_limits_take(&l, true, KL_SIM_SHARDS_MOST + 1, 10, SECOND));
  assert_false(kl_sim_limits_take(&l, true, 0, 1, SECOND));
  assert_int_equal(takes(&l, true, 2, 10, SECOND), 30);
  assert_int_equal(takes(&l, false, 1, 10, SECOND), 60);
}

/* ---- as a client sees them ---- */

static kl_sim *basic(void) {
  return sim_open((kl_sim_options){.seed = 1, .markets = 12, .users = 2, .quiet = true, .tier = "basic"});
}

static uint64_t refused(const kl_sim *s) {
  kl_sim_stats st;
  kl_sim_stats_get(s, &st);
  return st.rate_limited;
}

static int status_of(const kl_sim *s, int user, const char *method, const char *path, const char *body) {
  sim_answer a = sim_call(s, user < 0 ? NULL : kl_sim_user_at(s, user), method, path, body);
  int status = a.status;
  if (status == 429) {
    assert_string_equal(sim_text(a.body, "error"), "too many requests");
    assert_null(strstr(a.head, "Retry-After"));
  }
  sim_answer_free(&a);
  return status;
}

/* A batch of `n` creates or cancels of orders that do not exist, sized to its cost. */
static int batch(const kl_sim *s, int user, const char *method, int n) {
  kl_buf b = {0};
  kl_buf_str(&b, "{\"orders\":[");
  for (int i = 0; i < n; i++)
    kl_buf_str(&b, i ? ",{\"order_id\":\"x\"}" : "{\"order_id\":\"x\"}");
  kl_buf_str(&b, "]}");
  int status = status_of(s, user, method, "/portfolio/events/orders/batched", b.data);
  kl_buf_free(&b);
  return status;
}

static void says_its_tier(void **state) {
  (void)state;
  kl_sim *s = basic();
  sim_answer a = sim_call(s, kl_sim_user_at(s, 0), "GET", "/account/limits", NULL);
  assert_int_equal(a.status, 200);
  assert_string_equal(sim_text(a.body, "usage_tier"), "basic");
  assert_int_equal(json_integer_value(sim_at(a.body, "read.refill_rate")), 200);
  assert_int_equal(json_integer_value(sim_at(a.body, "read.bucket_capacity")), 600);
  assert_int_equal(json_integer_value(sim_at(a.body, "write.refill_rate")), 100);
  assert_int_equal(json_integer_value(sim_at(a.body, "write.bucket_capacity")), 300);
  sim_answer_free(&a);
  kl_sim_stop(s);
}

static void an_unknown_tier_is_an_error(void **state) {
  (void)state;
  kl_sim *s = NULL;
  kl_error e = {0};
  assert_false(kl_sim_start(&(kl_sim_options){.quiet = true, .markets = 1, .tier = "gold"}, &s, &e));
  assert_string_equal(e.kind, KL_ERR_CONFIG);
  assert_non_null(strstr(e.message, "gold"));
}

static void a_batch_that_does_not_fit_is_refused_whole_and_takes_nothing(void **state) {
  (void)state;
  kl_sim *s = basic();
  assert_int_equal(batch(s, 0, "DELETE", 151), 429); /* 302 tokens */
  assert_int_equal(refused(s), 1);
  assert_int_equal(batch(s, 0, "DELETE", 150), 200); /* the refused one took nothing */
  assert_int_equal(batch(s, 0, "DELETE", 140), 429);
  assert_int_equal(refused(s), 2);
  assert_int_equal(batch(s, 1, "POST", 31), 429); /* another account: 310 tokens of its own */
  assert_int_equal(batch(s, 1, "POST", 30), 201);
  kl_sim_stop(s);
}

/* The status of a call made right after the common write bucket was emptied. Tokens come in all the time: on a slow
 * machine enough for one more call may be there again, then once more. */
static int status_when_empty(const kl_sim *s, const char *method, const char *path, const char *body) {
  int status = 0;
  for (int i = 0; i < 50 && status != 429; i++) {
    for (int n = 150; n > 0; n /= 2)
      while (batch(s, 0, "DELETE", n) == 200)
        ;
    status = status_of(s, 0, method, path, body);
  }
  return status;
}

static void a_write_bills_the_shard_that_it_names(void **state) {
  (void)state;
  kl_sim *s = basic();
  static const char path[] = "/portfolio/events/orders";
  assert_int_equal(status_when_empty(s, "POST", path, "{\"ticker\":\"X\"}"), 429);
  assert_int_equal(status_when_empty(s, "POST", path, "{\"ticker\":\"X\",\"exchange_index\":0}"), 429);
  assert_int_equal(status_when_empty(s, "POST", path, "{\"ticker\":\"X\",\"exchange_index\":-1}"), 429);
  /* Orders on other shards have their tokens, and are told that nothing is there. */
  static const struct {
    const char *method, *path, *body;
    int status;
  } calls[] = {
      {"POST", path, "{\"ticker\":\"X\",\"exchange_index\":2}", 400},
      {"POST", "/portfolio/events/orders/x/amend", "{\"exchange_index\":2}", 400},
      {"POST", "/portfolio/events/orders/x/decrease", "{\"reduce_by\":\"1\",\"exchange_index\":3}", 404},
      {"DELETE", "/portfolio/events/orders/x?exchange_index=1", NULL, 404},
  };
  uint64_t before = refused(s);
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
    assert_int_equal(status_of(s, 0, calls[i].method, calls[i].path, calls[i].body), calls[i].status);
  assert_int_equal(refused(s), before);
  kl_sim_stop(s);
}

static void reads_take_tokens_of_who_signed_them(void **state) {
  (void)state;
  kl_sim *s = basic();
  /* 60 tens in a full bucket; a few more may have come in while they were asked for. */
  int served = 0;
  while (served < 200 && status_of(s, 0, "GET", "/exchange/status", NULL) == 200)
    served++;
  assert_true(served >= 60 && served < 200);
  assert_int_equal(status_of(s, -1, "GET", "/exchange/status", NULL), 200); /* unsigned: nobody's */
  assert_int_equal(status_of(s, 1, "GET", "/exchange/status", NULL), 200);
  assert_int_equal(status_of(s, 0, "DELETE", "/portfolio/events/orders/x", NULL), 404); /* writes have their own */
  kl_sim_stop(s);
}

static void a_wrong_signature_is_nobodys_where_none_is_needed(void **state) {
  (void)state;
  kl_sim *s = basic();
  kl_sim_user stranger = *kl_sim_user_at(s, 0);
  snprintf(stranger.key_id, sizeof stranger.key_id, "00000000-0000-4000-8000-000000000000");
  sim_answer a = sim_call(s, &stranger, "GET", "/exchange/status", NULL);
  assert_int_equal(a.status, 200);
  sim_answer_free(&a);
  kl_sim_stop(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_full_bucket_holds_three_seconds_and_refills_at_the_rate_of_its_tier),
      cmocka_unit_test(the_refill_is_continuous),
      cmocka_unit_test(a_cost_is_taken_whole_or_not_at_all),
      cmocka_unit_test(each_shard_has_a_write_bucket_of_its_own),
      cmocka_unit_test(says_its_tier),
      cmocka_unit_test(an_unknown_tier_is_an_error),
      cmocka_unit_test(a_batch_that_does_not_fit_is_refused_whole_and_takes_nothing),
      cmocka_unit_test(a_write_bills_the_shard_that_it_names),
      cmocka_unit_test(reads_take_tokens_of_who_signed_them),
      cmocka_unit_test(a_wrong_signature_is_nobodys_where_none_is_needed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
