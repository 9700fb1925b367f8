/* The language of faults, and what rules say about requests and messages, with a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/faults.h"
#include "sim/session.h"

#define MS INT64_C(1000)
#define S INT64_C(1000000)

static const kl_fault_who nobody = {0}, first = {1, "11111111-0000-4000-8000-000000000001"}, second = {2, "k2"};

static kl_sim_faults *made(const char *spec) {
  kl_error e = {0};
  kl_sim_faults *f = kl_sim_faults_new(7);
  assert_non_null(f);
  if (!kl_sim_faults_add(f, spec, 0, false, NULL, &e)) fail_msg("%s: %s", spec, e.message);
  return f;
}

static kl_fault_verdict request_of(kl_sim_faults *f, const char *operation, const char *path, const kl_fault_who *who,
                                   int64_t now) {
  const kl_operation *op = kl_operation_find(operation);
  kl_fault_verdict v;
  assert_non_null(op);
  kl_sim_faults_request(f, op, false, op->method, path ? path : op->path, who, now, &v);
  return v;
}

static kl_fault_kind end_of(kl_sim_faults *f, const char *operation, int64_t now) {
  return request_of(f, operation, NULL, &nobody, now).end;
}

static kl_fault_fate message_of(kl_sim_faults *f, int channel, int64_t now) {
  kl_fault_fate fate;
  kl_sim_faults_message(f, channel, &first, now, &fate);
  return fate;
}

/* ---- reading ---- */

static void each_mistake_is_told_with_its_place(void **state) {
  static const struct {
    const char *spec, *told;
  } bad[] = {
      {"create_order", "rule 1, column 1: a rule is TARGET:FAULT"},
      {"create_order:", "column 14: a fault is missing"},
      {":drop", "column 1: a target is missing"},
      {"create_order,:drop", "column 14: a target is missing"},
      {"creat_order:lose-after=1%", "column 1: unknown target \"creat_order\"; did you mean create_order?"},
      {"create_order:lose-aftr=1%", "column 14: unknown fault \"lose-aftr\"; did you mean lose-after?"},
      {"ws:lose-after", "lose-after does not go with this target"},
      {"create_order:drop", "drop does not go with this target"},
      {"ws/tikcer:drop", "column 4: unknown channel \"tikcer\"; did you mean ticker?"},
      {"ws,create_order:latency=1ms", "column 4: one rule is about REST, or ws"},
      {"create_order:lose-after=0%", "above 0%"},
      {"create_order:lose-after=101%", "up to 100%"},
      {"create_order:lose-after=1% 2%", "column 28: a second probability"},
      {"create_order:lose-after=1", "column 25: lose-after takes no value but a probability"},
      {"create_order:lose-after=", "column 25: nothing behind"},
      {"create_order:fail-before=200", "a status from 400 to 599"},
      {"*:latency", "latency needs a time"},
      {"*:latency=50", "expected a time like 20ms"},
      {"*:latency=25h", "expected a time like 20ms"},
      {"*:latency=gamma(1ms)", "unknown distribution"},
      {"*:latency=uniform(5ms,1ms)", "column 23: the range runs backwards"},
      {"*:latency=uniform(5ms", "the parenthesis is not closed"},
      {"*:latency=lognormal(5ms,80ms)", "lognormal takes the median and a percentile"},
      {"*:latency=lognormal(5ms,p40=80ms)", "must be above p50"},
      {"*:latency=lognormal(5ms,p99=2ms)", "must be longer"},
      {"*:latency=percentiles(p50=5ms,p40=9ms)", "column 31: percentiles must rise"},
      {"*:slow=20", "slow needs bytes a second"},
      {"ws:gap=0", "gap takes how many"},
      {"ws:end=7", "10 or 25"},
      {"ws/answers:gap", "answers to commands are not numbered"},
      {"*:429 next", "\"next\" needs a whole number"},
      {"*:429 next 0", "\"next\" needs a whole number"},
      {"*:429 next 3 next 4", "\"next\" is there twice"},
      {"*:429 evry 3s", "column 7: unknown word \"evry\"; did you mean every?"},
      {"*:429 every 30", "\"every\" needs a time"},
      {"*:429 every 1ms", "\"every\" needs a time"},
      {"*:429 every 3s for 3s", "\"for\" must be shorter"},
      {"exchange:pause 5%", "is a state"},
      {"exchange:pause every 5s", "needs \"for\""},
      {"exchange:clock=90s", "with its sign"},
      {"trigger:pause=1", "expected the kind of a trigger"},
      {"trigger:pause 5%", "takes from and every only"},
      {"PATCH /markets:429", "behind GET, POST, PUT or DELETE"},
      {"*:429;\n ;*:bogus", "rule 2, column 12"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    kl_fault_rule *rules;
    size_t n;
    kl_error e = {0};
    assert_false(kl_fault_spec_parse(bad[i].spec, &rules, &n, &e));
    if (!strstr(e.message, bad[i].told)) fail_msg("%s: %s", bad[i].spec, e.message);
    assert_string_equal(e.kind, KL_ERR_CONFIG);
  }
}

static void what_is_written_is_what_is_read(void **state) {
  static const char spec[] =
      "create_order , CancelOrderV2: lose-after=0.5%  next 3 skip 2 from 1.5s every 30s for 200ms "
      "user 2\n*:latency=lognormal(5ms,p99=80ms);ws:close=1012 every 30s;"
      "exchange:clock=-90s;trigger:settle market=X result=yes from 1m";
  kl_fault_rule *r;
  size_t n;
  kl_error e = {0};
  (void)state;
  if (!kl_fault_spec_parse(spec, &r, &n, &e)) fail_msg("%s", e.message);
  assert_int_equal(n, 5);
  assert_int_equal(r[0].n_targets, 2);
  assert_string_equal(r[0].targets[1].op->name, "cancel_order");
  assert_true(r[0].probability > 0.00499 && r[0].probability < 0.00501);
  assert_int_equal(r[0].next, 3);
  assert_int_equal(r[0].skip, 2);
  assert_int_equal(r[0].from, 1500 * MS);
  assert_int_equal(r[0].every, 30 * S);
  assert_int_equal(r[0].on, 200 * MS);
  assert_string_equal(r[0].user, "2");
  assert_string_equal(r[1].text, "*:latency=lognormal(5ms,p99=80ms)");
  assert_int_equal(r[2].value, 1012);
  assert_true(kl_fault_is_moment(&r[2]));
  assert_int_equal(r[3].value, -90 * S);
  assert_string_equal(r[4].arguments[0], "settle");
  assert_string_equal(r[4].arguments[2], "result=yes");
  assert_null(r[4].arguments[3]);
  kl_fault_rules_free(r, n);
  assert_true(kl_fault_spec_parse(" ;\n", &r, &n, &e));
  assert_int_equal(n, 0);
}

static void durations_are_read_and_written(void **state) {
  static const struct {
    const char *text;
    int64_t us;
  } times[] = {{"200us", 200},  {"20ms", 20 * MS}, {"1.5s", 1500 * MS},
               {"0.25ms", 250}, {"2m", 120 * S},   {"24h", 86400 * S}};
  int64_t us;
  char text[32];
  (void)state;
  for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
    assert_true(kl_duration_parse(times[i].text, strlen(times[i].text), &us));
    assert_int_equal(us, times[i].us);
  }
  assert_false(kl_duration_parse("1", 1, &us));
  assert_false(kl_duration_parse("-1s", 3, &us));
  assert_false(kl_duration_parse("s", 1, &us));
  assert_false(kl_duration_parse("0.5us", 5, &us));
  kl_duration_format(text, sizeof text, 1500 * MS);
  assert_string_equal(text, "1.5s");
  kl_duration_format(text, sizeof text, 250);
  assert_string_equal(text, "250us");
}

/* ---- distributions ---- */

static int compare(const void *a, const void *b) {
  const int64_t *x = a, *y = b;
  return (*x > *y) - (*x < *y);
}

/* The percentile of 20,000 samples lies where the text says, within a tenth. */
static void check_percentile(const char *text, double p, double want_us) {
  enum { N = 20000 };
  static int64_t v[N];
  kl_dist d;
  size_t at;
  char why[200];
  kl_sim_random r = kl_sim_random_new(1, 40);
  if (!kl_dist_parse(text, strlen(text), &d, &at, why, sizeof why)) fail_msg("%s: %s", text, why);
  for (int i = 0; i < N; i++)
    v[i] = kl_dist_sample(&d, &r);
  qsort(v, N, sizeof *v, compare);
  double got = (double)v[(int)(p * N)];
  if (got < want_us * 0.9 || got > want_us * 1.1) fail_msg("%s: p%g is %.0f us", text, p * 100, got);
}

static void distributions_have_the_percentiles_they_name(void **state) {
  (void)state;
  check_percentile("20ms", 0.5, 20000);
  check_percentile("uniform(10ms,30ms)", 0.5, 20000);
  check_percentile("uniform(10ms,30ms)", 0.95, 29000);
  check_percentile("normal(20ms,4ms)", 0.5, 20000);
  check_percentile("normal(20ms,4ms)", 0.8413, 24000);
  check_percentile("exponential(10ms)", 0.5, 6931);
  check_percentile("lognormal(5ms,p99=80ms)", 0.5, 5000);
  check_percentile("lognormal(5ms,p99=80ms)", 0.99, 80000);
  check_percentile("pareto(5ms,p99=80ms)", 0.001, 5000);
  check_percentile("pareto(5ms,p99=80ms)", 0.99, 80000);
  check_percentile("percentiles(p50=5ms,p99=80ms,p100=2s)", 0.5, 5000);
  check_percentile("percentiles(p50=5ms,p99=80ms,p100=2s)", 0.25, 2500);
  check_percentile("percentiles(p50=5ms,p99=80ms,p100=2s)", 0.985, 79000);
}

/* ---- requests ---- */

static void rules_strike_what_they_name(void **state) {
  (void)state;
  kl_sim_faults *f = made("create_order:lose-after;writes:429;POST /portfolio/*/amend:cut;/markets/*:fail-before=502");
  assert_int_equal(end_of(f, "create_order", 0), KL_FAULT_LOSE_AFTER); /* the first rule that says how it ends */
  assert_int_equal(end_of(f, "cancel_order", 0), KL_FAULT_LIMIT);
  assert_int_equal(end_of(f, "get_balance", 0), KL_FAULT_NONE);
  kl_fault_verdict v = request_of(f, "get_market", "/markets/X", &nobody, 0);
  assert_int_equal(v.end, KL_FAULT_FAIL_BEFORE);
  assert_int_equal(v.status, 502);
  assert_int_equal(request_of(f, "get_markets", NULL, &nobody, 0).end, KL_FAULT_NONE);
  kl_sim_faults_request(f, NULL, true, "GET", "/ws/v2", &nobody, 0, &v); /* a handshake is none of them */
  assert_int_equal(v.end, KL_FAULT_NONE);
  kl_sim_faults_free(f);
}

static void latencies_add_up(void **state) {
  (void)state;
  kl_sim_faults *f = made("*:latency=20ms;create_order:latency=5ms;create_order:arrival=3ms;reads:slow=2kB/s");
  kl_fault_verdict v = request_of(f, "create_order", NULL, &nobody, 0);
  assert_int_equal(v.latency_us, 25 * MS);
  assert_int_equal(v.arrival_us, 3 * MS);
  assert_int_equal(v.rate, 0);
  assert_int_equal(request_of(f, "get_balance", NULL, &nobody, 0).rate, 2000);
  kl_sim_faults_free(f);
}

static void the_user_filter_takes_a_number_or_a_key(void **state) {
  (void)state;
  kl_sim_faults *f = made("*:429 user 2;*:cut user 11111111-0000-4000-8000-000000000001");
  assert_int_equal(request_of(f, "get_balance", NULL, &second, 0).end, KL_FAULT_LIMIT);
  assert_int_equal(request_of(f, "get_balance", NULL, &first, 0).end, KL_FAULT_CUT);
  assert_int_equal(request_of(f, "get_balance", NULL, &nobody, 0).end, KL_FAULT_NONE);
  kl_sim_faults_free(f);
}

static void the_next_few_after_some(void **state) {
  (void)state;
  kl_sim_faults *f = made("create_order:lose-after next 2 skip 1");
  for (int i = 0; i < 6; i++)
    assert_int_equal(end_of(f, "create_order", i), i == 1 || i == 2 ? KL_FAULT_LOSE_AFTER : KL_FAULT_NONE);
  assert_int_equal(kl_sim_faults_at(f, 0)->struck, 2);
  kl_sim_faults_free(f);
}

static void a_schedule_has_windows_and_periods(void **state) {
  (void)state;
  kl_sim_faults *f = made("*:429 from 10s every 30s for 5s");
  static const struct {
    int at;
    bool struck;
  } times[] = {{0, false},  {9, false}, {10, true}, {14, true}, {15, false},
               {39, false}, {40, true}, {44, true}, {45, false}};
  for (size_t i = 0; i < sizeof times / sizeof *times; i++)
    assert_int_equal(end_of(f, "get_balance", times[i].at * S) == KL_FAULT_LIMIT, times[i].struck);
  kl_sim_faults_free(f);

  f = made("*:429 every 10s"); /* without a length: once in each period */
  assert_int_equal(end_of(f, "get_balance", 1 * S), KL_FAULT_LIMIT);
  assert_int_equal(end_of(f, "get_balance", 2 * S), KL_FAULT_NONE);
  assert_int_equal(end_of(f, "get_balance", 12 * S), KL_FAULT_LIMIT);
  kl_sim_faults_free(f);

  f = made("*:429 next 2 every 10s");
  int struck = 0;
  for (int i = 0; i < 30; i++)
    struck += end_of(f, "get_balance", i * S) == KL_FAULT_LIMIT;
  assert_int_equal(struck, 6);
  kl_sim_faults_free(f);
}

static void probabilities_come_out_and_repeat_with_the_seed(void **state) {
  enum { N = 20000 };
  (void)state;
  kl_sim_faults *f = made("create_order:lose-after=5%"), *again = made("create_order:lose-after=5%");
  kl_sim_faults *more = made("create_order:lose-after=5%;get_balance:429=50%");
  int struck = 0;
  for (int i = 0; i < N; i++) {
    bool hit = end_of(f, "create_order", i) != KL_FAULT_NONE;
    struck += hit;
    end_of(more, "get_balance", i); /* other rules and requests do not disturb it */
    assert_int_equal(hit, end_of(again, "create_order", i) != KL_FAULT_NONE);
    assert_int_equal(hit, end_of(more, "create_order", i) != KL_FAULT_NONE);
  }
  assert_in_range(struck, N / 20 - 150, N / 20 + 150);
  kl_sim_faults_free(f);
  kl_sim_faults_free(again);
  kl_sim_faults_free(more);
}

/* ---- messages ---- */

static void messages_by_channel(void **state) {
  (void)state;
  kl_sim_faults *f = made("ws/orderbook_delta:drop next 1;ws:latency=9ms;ws/answers:duplicate;ws:gap=3 50%");
  assert_true(kl_sim_faults_about_messages(f));
  assert_true(message_of(f, KL_CH_BOOK, 0).drop);
  assert_false(message_of(f, KL_CH_BOOK, 0).drop);
  kl_fault_fate answer = message_of(f, KL_CH_COUNT, 0);
  assert_true(answer.duplicate);
  assert_int_equal(answer.gap, 0);
  assert_int_equal(answer.latency_us, 9 * MS); /* of the whole connection, in its order */
  assert_false(message_of(f, KL_CH_TICKER, 0).duplicate);
  int64_t skipped = 0;
  for (int i = 0; i < 1000; i++)
    skipped += message_of(f, KL_CH_TICKER, 0).gap;
  assert_in_range(skipped, 3 * 420, 3 * 580);
  kl_sim_faults_free(f);

  f = made("ws/ticker:latency=9ms;*:429;ws:disconnect every 1s");
  assert_int_equal(message_of(f, KL_CH_BOOK, 0).latency_us, 0);
  assert_int_equal(message_of(f, KL_CH_BOOK, 5 * S).end, KL_FAULT_NONE); /* by its schedule, not by a message */
  kl_sim_faults_free(f);
  f = made("*:429");
  assert_false(kl_sim_faults_about_messages(f));
  kl_sim_faults_free(f);
}

/* ---- moments and windows ---- */

static void moments_come_once_each(void **state) {
  (void)state;
  kl_sim_faults *f = made("ws:disconnect every 10s;ws:reset from 5s;ws:close");
  kl_sim_fault *every = kl_sim_faults_at(f, 0), *once = kl_sim_faults_at(f, 1), *now = kl_sim_faults_at(f, 2);
  assert_int_equal(kl_sim_fault_due(now, 0), 1);
  assert_int_equal(kl_sim_fault_due(now, 100 * S), 0);
  assert_int_equal(kl_sim_fault_due(once, 4 * S), 0);
  assert_int_equal(kl_sim_fault_due(once, 5 * S), 1);
  assert_int_equal(kl_sim_fault_due(once, 50 * S), 0);
  assert_int_equal(kl_sim_fault_due(every, 9 * S), 0);
  assert_int_equal(kl_sim_fault_due(every, 10 * S), 1);
  assert_int_equal(kl_sim_fault_due(every, 11 * S), 0);
  assert_int_equal(kl_sim_fault_due(every, 45 * S), 3);
  assert_int_equal(every->struck, 2);
  kl_sim_faults_free(f);
}

static void windows_are_on_and_off(void **state) {
  (void)state;
  kl_sim_faults *f = made("exchange:maintenance from 10s every 60s for 5s;exchange:pause");
  const kl_sim_fault *window = kl_sim_faults_at(f, 0), *always = kl_sim_faults_at(f, 1);
  assert_false(kl_sim_fault_is_on(window, 9 * S));
  assert_true(kl_sim_fault_is_on(window, 12 * S));
  assert_int_equal(kl_sim_fault_ends_us(window, 12 * S), 15 * S);
  assert_false(kl_sim_fault_is_on(window, 15 * S));
  assert_true(kl_sim_fault_is_on(window, 71 * S));
  assert_int_equal(kl_sim_fault_ends_us(window, 71 * S), 75 * S);
  assert_true(kl_sim_fault_is_on(always, 0));
  assert_int_equal(kl_sim_fault_ends_us(always, 0), INT64_MAX);
  kl_sim_faults_free(f);
}

static void rules_come_and_go(void **state) {
  (void)state;
  kl_error e = {0};
  unsigned id = 0;
  kl_sim_faults *f = made("*:latency=1ms");
  assert_true(kl_sim_faults_add(f, "*:429 next 1;ws:drop next 1", 0, true, &id, &e));
  assert_int_equal(id, 2);
  assert_int_equal(end_of(f, "get_balance", 0), KL_FAULT_LIMIT);
  kl_sim_faults_sweep(f, 1); /* the spent one goes, the others stay */
  assert_int_equal(kl_sim_faults_count(f), 2);
  assert_true(kl_sim_faults_about_messages(f));
  assert_int_equal(kl_sim_faults_clear(f, 3), 1);
  assert_false(kl_sim_faults_about_messages(f));
  assert_int_equal(kl_sim_faults_clear(f, 3), 0);
  /* A specification is added whole or not at all. */
  assert_false(kl_sim_faults_add(f, "*:429;*:bogus", 0, true, NULL, &e));
  assert_int_equal(kl_sim_faults_count(f), 1);
  for (int i = 0; i < KL_FAULT_RULES_MOST - 1; i++)
    assert_true(kl_sim_faults_add(f, "*:429 next 1", 0, true, NULL, &e));
  assert_false(kl_sim_faults_add(f, "*:429", 0, true, NULL, &e));
  assert_non_null(strstr(e.message, "more than 64 rules"));
  kl_sim_faults_free(f);
}

static void paths_match_with_stars(void **state) {
  (void)state;
  assert_true(kl_fault_path_matches("/markets/*", "/markets/X"));
  assert_true(kl_fault_path_matches("*", "/markets/X"));
  assert_true(kl_fault_path_matches("/a/*/c*", "/a/b/b/c"));
  assert_false(kl_fault_path_matches("/markets/*", "/markets"));
  assert_false(kl_fault_path_matches("/a/*/c", "/a/b/cd"));
  assert_true(kl_fault_path_matches("/a**", "/a"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_mistake_is_told_with_its_place),
      cmocka_unit_test(what_is_written_is_what_is_read),
      cmocka_unit_test(durations_are_read_and_written),
      cmocka_unit_test(distributions_have_the_percentiles_they_name),
      cmocka_unit_test(rules_strike_what_they_name),
      cmocka_unit_test(latencies_add_up),
      cmocka_unit_test(the_user_filter_takes_a_number_or_a_key),
      cmocka_unit_test(the_next_few_after_some),
      cmocka_unit_test(a_schedule_has_windows_and_periods),
      cmocka_unit_test(probabilities_come_out_and_repeat_with_the_seed),
      cmocka_unit_test(messages_by_channel),
      cmocka_unit_test(moments_come_once_each),
      cmocka_unit_test(windows_are_on_and_off),
      cmocka_unit_test(rules_come_and_go),
      cmocka_unit_test(paths_match_with_stars),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
