/* What the simulator forgets of an event that goes is forgotten in its state file, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "exchange/saved.h"
#include "sim/persist.h"
#include "sim/rolling.h"
#include "sim/store_file.h"

static long long ask(kl_sim *s, const char *sql) {
  sqlite3_stmt *q = NULL;
  assert_int_equal(sqlite3_prepare_v2(kl_sim_store_db(s->store), sql, -1, &q, NULL), SQLITE_OK);
  int rc = sqlite3_step(q);
  long long n = rc == SQLITE_ROW ? sqlite3_column_int64(q, 0) : -1;
  assert_true(rc == SQLITE_ROW || rc == SQLITE_DONE);
  sqlite3_finalize(q);
  return n;
}

static void settle_all(kl_sim *s) {
  for (size_t i = 0; i < kl_exchange_market_count(s->x); i++) {
    kl_market *m = kl_exchange_market_at(s->x, i);
    if (m->status != KL_MARKET_FINALIZED) kl_exchange_settle(s->x, s->now_us, m, 0);
  }
}

static void what_goes_leaves_no_rows(void **state) {
  (void)state;
  /* Markets of the past stay. */
  static const char *const left[] = {"pasts WHERE number NOT IN (SELECT number FROM markets)",
                                     "candles WHERE (number >> 26) NOT IN (SELECT number FROM markets)",
                                     "world_markets", "world_events"};
  char folder[] = "/tmp/kalua-forget-XXXXXX", path[64], sql[256];
  assert_non_null(mkdtemp(folder));
  (void)snprintf(path, sizeof path, "%s/state", folder);
  kl_sim_options o = {.seed = 3, .markets = 12, .quiet = true, .state = path};
  kl_error e = {0};
  kl_sim *s = kl_sim_make(&o, &e);
  if (!s) fail_msg("%s", e.message);
  /* A minute of each market. */
  for (size_t i = 0; i < kl_exchange_market_count(s->x); i++) {
    (void)snprintf(sql, sizeof sql, "INSERT INTO candles VALUES(%lld, 1,1,1,1, 1,1,1,1, 1,1,1,1, 1,1,1, 0)",
                   (long long)kl_market_number(kl_exchange_market_at(s->x, i)) * (1 << 26) + 29900000);
    (void)ask(s, sql);
  }
  settle_all(s);
  for (size_t i = 0; i < s->world.n_events; i++) {
    s->world.events[i]->stage = KL_SIM_SETTLED;
    s->world.events[i]->stage_us = s->now_us - INT64_C(30) * 86400 * 1000000;
    s->world.events[i]->followed = true;
  }
  assert_true(ask(s, "SELECT count(*) FROM world_events") > 0);
  kl_sim_rolling_tick(s);
  assert_int_equal(s->world.n_events, 0);
  assert_true(kl_sim_persist_commit(s));
  for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", left[i]);
    if (ask(s, sql) != 0) fail_msg("rows are left in %s", left[i]);
  }
  kl_sim_stop(s);
  (void)unlink(path);
  (void)rmdir(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(what_goes_leaves_no_rows)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
