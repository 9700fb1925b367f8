/* A desk that goes on with the orders of an earlier run, by a real journal. */
#include <unistd.h>

#include "trading/journal_impl.h"
#include "unit/desk_world.h"

static char folder[64], path[128];

static int begin_kept(void **state) {
  snprintf(folder, sizeof folder, "/tmp/kl-recover-XXXXXX");
  if (!mkdtemp(folder)) return -1;
  snprintf(path, sizeof path, "%s/orders.db", folder);
  set_up(state);
  begin_exchange();
  return 0;
}

static int end_kept(void **state) {
  char command[128];
  int result = end_world(state);
  snprintf(command, sizeof command, "rm -rf %s", folder);
  return system(command) || result;
}

static void keep_order(kl_order_journal *j, const char *client_id, const char *id) {
  kl_desk_order o = {.side = KL_BID,
                     .yes_price = 4200,
                     .count = 1000,
                     .filled = 1000,
                     .status = KL_DESK_FILLED,
                     .created_ms = now_ms(),
                     .updated_ms = now_ms()};
  snprintf(o.client_id, sizeof o.client_id, "%s", client_id);
  snprintf(o.id, sizeof o.id, "%s", id);
  snprintf(o.ticker, sizeof o.ticker, "T");
  kl_order_journal_intent(j, &o, "maker one", false, NULL, NULL);
  kl_order_journal_update(j, &o);
}

static const char *one_fill(const char *request) {
  if (!is(request, GET "/portfolio/fills?")) return NULL;
  return json_answer(200, "{\"fills\":[{\"fill_id\":\"f1\",\"trade_id\":\"t1\",\"order_id\":\"o1\",\"ticker\":\"T\","
                          "\"market_ticker\":\"T\",\"outcome_side\":\"yes\",\"book_side\":\"bid\",\"side\":\"yes\","
                          "\"action\":\"buy\",\"count_fp\":\"10.00\",\"yes_price_dollars\":\"0.4200\","
                          "\"no_price_dollars\":\"0.5800\",\"fee_cost\":\"0.0100\",\"is_taker\":false,\"ts\":1,"
                          "\"created_time\":\"2026-11-26T00:00:00Z\"}],\"cursor\":\"\"}");
}

/* An exchange that gives an id twice: the journal has two orders where the desk has one, which is looked for once. */
static void two_orders_of_one_id_are_one(void **state) {
  (void)state;
  kl_order_journal *j;
  kl_error e;
  int closed = 0;
  if (!kl_order_journal_open(&loop, path, &j, &e)) fail_msg("%s", e.message);
  keep_order(j, "maker-g1-a", "o1");
  keep_order(j, "maker-g1-b", "o1");
  kl_order_journal_close(j, note_desk_closed, &closed);
  UNTIL(closed);
  world.also = one_fill;
  alarm(20); /* a loop that does not end is no test that fails, but one that stays */
  open_with(NULL, path, 0);
  assert_false(kl_list_empty(&desk->missing));
  UNTIL(kl_list_empty(&desk->missing));
  alarm(0);
  assert_non_null(kl_desk_find(desk, "o1"));
  assert_int_equal(kl_desk_find(desk, "o1")->seen, 1000);
}

/* ---- a clock that is wrong ---- */

static void open_desk(void) { open_with(NULL, path, 0); }

/* As a process leaves it that is killed before its create is answered. */
static void keep_pending(const char *client_id) {
  kl_order_journal *j;
  kl_error e;
  int closed = 0;
  if (!kl_order_journal_open(&loop, path, &j, &e)) fail_msg("%s", e.message);
  kl_desk_order o = {.side = KL_BID, .yes_price = 4200, .count = 1000, .remaining = 1000, .created_ms = now_ms()};
  snprintf(o.client_id, sizeof o.client_id, "%s", client_id);
  snprintf(o.ticker, sizeof o.ticker, "T");
  kl_order_journal_intent(j, &o, "maker one", false, NULL, NULL);
  kl_order_journal_close(j, note_desk_closed, &closed);
  UNTIL(closed);
}

static int64_t min_ts_of_look_up(void) {
  for (size_t i = 0; i < peer.count; i++) {
    const char *since = strstr(peer.requests[i], "min_ts=");
    if (since && is(peer.requests[i], GET "/portfolio/orders?")) return strtoll(since + 7, NULL, 10);
  }
  return 0;
}

/* What is looked for among the exchange's orders was made at a time of the exchange's clock. */
static void an_order_is_looked_for_by_the_exchanges_clock(void **state) {
  (void)state;
  world.off_ms = -3600 * 1000; /* ours is an hour ahead */
  world.create = keep(0, json_answer(401, REFUSED("header_timestamp_expired")));
  open_desk();
  static outcome o;
  kl_order_intent i = bid();
  kl_desk_order *x = place(&i, &o); /* the first request, so nothing has told of the clock yet */
  UNTIL(world.creates == 1);
  world.create = DROP; /* it was taken, and nobody hears of it */
  UNTIL(world.creates == 2);
  show_row(x->client_id, "resting", "0.00", "10.00");
  UNTIL(o.calls);
  UNTIL(x->status == KL_DESK_RESTING);
  assert_true(min_ts_of_look_up() > 0 && min_ts_of_look_up() * 1000 <= now_ms());
  kl_desk_order *y = NULL; /* and the next one is of that clock from the beginning */
  kl_error e;
  world.create = NULL;
  if (!kl_desk_place(desk, maker, 3, &i, &y, on_answer, &o, NULL, &e)) fail_msg("%s", e.message);
  assert_true(llabs(y->created_ms - now_ms()) < 3000);
  UNTIL(o.calls == 2);
  kl_desk_order_release(y);
  kl_desk_order_release(x);
}

/* Our clock is behind: reads from before the start of this process look as if they were of later. */
static void reads_are_fresh_by_the_exchanges_clock(void **state) {
  (void)state;
  keep_pending("maker-g1-a");
  world.off_ms = 3600 * 1000;
  world.ahead_ms = -60 * 1000;
  open_desk();
  kl_desk_order *x = kl_desk_find(desk, "maker-g1-a");
  assert_non_null(x);
  UNTIL(min_ts_of_look_up());
  for (int i = 0; i < 20; i++)
    uv_run(&loop, UV_RUN_ONCE);
  assert_int_equal(x->status, KL_DESK_UNKNOWN);
  world.ahead_ms = 2000;
  UNTIL(x->status == KL_DESK_REJECTED);
}

/* Ours is ahead: what is looked up is known all the same, and not in an hour. */
static void nothing_waits_for_a_clock_that_is_ahead(void **state) {
  (void)state;
  world.off_ms = -3600 * 1000;
  keep_pending("maker-g1-a");
  world.ahead_ms = 2000;
  open_desk();
  kl_desk_order *x = kl_desk_find(desk, "maker-g1-a");
  assert_non_null(x);
  UNTIL(x->status == KL_DESK_REJECTED);
}

/* ---- lists that are not whole ---- */

static int lists_read;
static const char *odd_list, *odd_history; /* NULL: as ever */

static const char *odd_lists(const char *request) {
  world.ahead_ms = 2000;
  if (odd_list && is(request, GET "/portfolio/orders?")) {
    lists_read++;
    return odd_list;
  }
  if (!odd_history || !is(request, GET "/historical/orders?")) return NULL;
  lists_read++;
  return odd_history;
}

/* Two looks have found it nowhere, and it may be there all the same; a whole list says that it is not. */
static void is_looked_for_until_the_list_is_whole(const char *list, const char *history) {
  lists_read = 0;
  odd_list = list;
  odd_history = history;
  keep_pending("maker-g1-a");
  world.also = odd_lists;
  open_desk();
  kl_desk_order *x = kl_desk_find(desk, "maker-g1-a");
  assert_non_null(x);
  UNTIL(lists_read >= 2 || x->status != KL_DESK_UNKNOWN);
  run_for(50);
  assert_int_equal(x->status, KL_DESK_UNKNOWN);
  odd_list = odd_history = NULL;
  UNTIL(x->status == KL_DESK_REJECTED);
  close_desk();
}

#define ROW_OF(client_id)                                                                                              \
  "{\"order_id\":\"o1\",\"client_order_id\":" client_id ",\"ticker\":\"T\",\"status\":\"resting\"}"

static void a_list_that_is_none_shows_nothing(void **state) {
  (void)state;
  is_looked_for_until_the_list_is_whole(keep(0, json_answer(200, "{}")), NULL);
}

static void a_row_that_cannot_be_read_may_be_it(void **state) {
  (void)state;
  is_looked_for_until_the_list_is_whole(
      keep(0, json_answer(200, "{\"orders\":[%s],\"cursor\":\"\"}", ROW_OF("\"maker-g1-a\""))), NULL);
}

static void a_row_that_does_not_say_whose_it_is_may_be_it(void **state) {
  (void)state;
  is_looked_for_until_the_list_is_whole(keep(0, json_answer(200, "{\"orders\":[%s],\"cursor\":\"\"}", ROW_OF("7"))),
                                        NULL);
}

static void a_list_that_cannot_be_read_on_is_not_whole(void **state) {
  (void)state;
  is_looked_for_until_the_list_is_whole(keep(0, json_answer(200, "{\"orders\":[],\"cursor\":\"%0600d\"}", 7)), NULL);
}

static void the_same_of_what_is_history(void **state) {
  (void)state;
  is_looked_for_until_the_list_is_whole(NULL, keep(0, json_answer(200, "{}")));
}

static void a_row_of_history_that_cannot_be_read_may_be_it(void **state) {
  (void)state;
  is_looked_for_until_the_list_is_whole(
      NULL, keep(0, json_answer(200, "{\"orders\":[%s],\"cursor\":\"\"}", ROW_OF("\"maker-g1-a\""))));
}

static void history_that_cannot_be_read_on_is_not_whole(void **state) {
  (void)state;
  is_looked_for_until_the_list_is_whole(NULL, keep(0, json_answer(200, "{\"orders\":[],\"cursor\":\"%0600d\"}", 7)));
}

/* Rows of others say nothing of ours, whatever they look like. */
static void others_rows_are_not_waited_for(void **state) {
  (void)state;
  lists_read = 0;
  odd_list = keep(0, json_answer(200, "{\"orders\":[%s],\"cursor\":\"\"}", ROW_OF("\"another\"")));
  odd_history = NULL;
  keep_pending("maker-g1-a");
  world.also = odd_lists;
  open_desk();
  kl_desk_order *x = kl_desk_find(desk, "maker-g1-a");
  assert_non_null(x);
  UNTIL(x->status == KL_DESK_REJECTED);
}

/* ---- many that are looked up ---- */

static int read_alone;

/* Reads are too old until the first order was read, and each of these takes long. */
static const char *slow_and_old(const char *request) {
  world.ahead_ms = read_alone ? 2000 : -60 * 1000;
  if (is(request, GET "/portfolio/orders?")) return json_answer(200, "{\"orders\":[],\"cursor\":\"\"}");
  if (!is(request, GET "/portfolio/orders/")) return NULL;
  read_alone++;
  usleep(150 * 1000);
  return NULL;
}

static void keep_resting(kl_order_journal *j, const char *client_id, const char *id) {
  kl_desk_order o = {.side = KL_BID,
                     .yes_price = 4200,
                     .count = 1000,
                     .remaining = 1000,
                     .status = KL_DESK_RESTING,
                     .created_ms = now_ms()};
  snprintf(o.client_id, sizeof o.client_id, "%s", client_id);
  snprintf(o.id, sizeof o.id, "%s", id);
  snprintf(o.ticker, sizeof o.ticker, "T");
  kl_order_journal_intent(j, &o, "maker one", false, NULL, NULL);
}

/* Where all reads are older than the doubts, it is asked anew how old they are, and nobody is asked for again and again
 * meanwhile: an order without an id waits for no more than one round of the others. */
static void reads_that_are_too_old_are_not_gone_on_with(void **state) {
  (void)state;
  kl_order_journal *j;
  kl_error e;
  int closed = 0;
  read_alone = 0;
  keep_pending("maker-g1-d");
  if (!kl_order_journal_open(&loop, path, &j, &e)) fail_msg("%s", e.message);
  keep_resting(j, "maker-g1-a", "o1");
  keep_resting(j, "maker-g1-b", "o2");
  keep_resting(j, "maker-g1-c", "o3");
  keep_resting(j, "maker-g1-e", "o4");
  kl_order_journal_close(j, note_desk_closed, &closed);
  UNTIL(closed);
  show_row("maker-g1-a", "resting", "0.00", "10.00");
  world.also = slow_and_old;
  open_desk();
  kl_desk_order *x = kl_desk_find(desk, "maker-g1-d");
  assert_non_null(x);
  UNTIL(x->status == KL_DESK_REJECTED);
  assert_in_range(read_alone, 1, 6);
}

/* ---- a journal that cannot be read ---- */

static void damage(const char *sql) {
  kl_error e;
  sqlite3 *db = NULL;
  if (!kl_journal_file_again(path, &db, &e)) fail_msg("%s", e.message);
  assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_changes(db), 1);
  sqlite3_close(db);
}

/* What it has lost today, and what it holds, would not count against its limits. */
static void a_party_whose_fills_cannot_be_read_is_halted(void **state) {
  (void)state;
  kl_order_journal *j;
  kl_error e;
  int closed = 0;
  kl_account_fill f = {.side = KL_BID, .yes_price = 4200, .count = 1000, .ts_ms = now_ms()};
  snprintf(f.trade_id, sizeof f.trade_id, "t1");
  snprintf(f.order_id, sizeof f.order_id, "o1");
  snprintf(f.ticker, sizeof f.ticker, "T");
  if (!kl_order_journal_open(&loop, path, &j, &e)) fail_msg("%s", e.message);
  kl_order_journal_fill(j, &f, "maker one");
  kl_order_journal_close(j, note_desk_closed, &closed);
  UNTIL(closed);
  damage("UPDATE fills SET sum = sum + 1");
  open_desk();
  assert_non_null(kl_party_halted(maker));
  assert_non_null(strstr(kl_party_halted(maker), "what it traded before cannot be read"));
  assert_null(kl_party_halted(kl_desk_party(desk, "another")));
}

/* A note that cannot be read may say that it is halted; once a person resumes it, it says nothing. */
static void a_halt_that_cannot_be_read_is_one(void **state) {
  (void)state;
  kl_order_journal *j;
  kl_error e;
  int closed = 0;
  if (!kl_order_journal_open(&loop, path, &j, &e)) fail_msg("%s", e.message);
  kl_order_journal_note(j, "breaker:maker one", "lost too much");
  kl_order_journal_close(j, note_desk_closed, &closed);
  UNTIL(closed);
  damage("UPDATE notes SET sum = sum + 1 WHERE key = 'breaker:maker one'");
  open_desk();
  assert_non_null(kl_party_halted(maker));
  assert_non_null(strstr(kl_party_halted(maker), "whether an earlier run has halted it cannot be read"));
  assert_null(kl_party_halted(kl_desk_party(desk, "another")));
  kl_party_resume(maker);
  close_desk();
  open_desk();
  assert_null(kl_party_halted(maker));
}

/* ---- what has to be in the file before something is sent ---- */

static char wanted_sql[256], found_text[4096];

/* What the next process would find, when this one ended now. */
static void look_into_the_file(void) {
  kl_error e;
  sqlite3 *db = NULL;
  sqlite3_stmt *q = NULL;
  snprintf(found_text, sizeof found_text, "nothing");
  if (!kl_journal_file_again(path, &db, &e)) fail_msg("%s", e.message);
  assert_int_equal(sqlite3_prepare_v2(db, wanted_sql, -1, &q, NULL), SQLITE_OK);
  if (sqlite3_step(q) == SQLITE_ROW)
    snprintf(found_text, sizeof found_text, "%s", (const char *)sqlite3_column_text(q, 0));
  sqlite3_finalize(q);
  sqlite3_close(db);
}

static const char *looked_at_when_it_comes(const char *request) {
  bool amend = is(request, "POST") && strstr(request, "/amend"), deal = is(request, "PUT");
  if (amend || deal) look_into_the_file();
  return deal ? "HTTP/1.1 204 X\r\n\r\n" : NULL;
}

/* Under its new name it is found by the exchange's id only. */
static void an_order_has_its_id_in_the_file_before_it_is_renamed(void **state) {
  (void)state;
  open_desk();
  world.also = looked_at_when_it_comes;
  snprintf(wanted_sql, sizeof wanted_sql, "SELECT id FROM orders");
  outcome o = {0}, p = {0};
  kl_error e;
  kl_order_intent i = bid();
  kl_desk_order *x = place(&i, &o);
  UNTIL(o.calls);
  if (!raw("AmendOrderV2", "/portfolio/events/orders/o1/amend",
           "{\"ticker\":\"T\",\"side\":\"bid\",\"price\":\"0.4200\",\"count\":\"20.00\","
           "\"updated_client_order_id\":\"another\"}",
           &p, &e))
    fail_msg("%s", e.message);
  UNTIL(p.calls);
  assert_false(p.failed);
  assert_string_equal(found_text, "o1");
  assert_string_equal(x->client_id, "another");
  kl_desk_order_release(x);
}

static outcome put(const char *operation, const char *where) {
  outcome o = {0};
  kl_error e;
  kl_call_request r = {.op = kl_operation_find(operation),
                       .method = "PUT",
                       .path = where,
                       .body = "{\"accepted_side\":\"yes\"}",
                       .body_len = 23};
  snprintf(found_text, sizeof found_text, "nobody has looked");
  if (!kl_desk_call(desk, maker, 3, &r, on_answer, &o, &e)) fail_msg("%s", e.message);
  UNTIL(o.calls);
  return o;
}

/* From then on it may become an order, whoever lives to hear the answer. */
static void a_deal_is_in_the_file_before_it_is_sent(void **state) {
  (void)state;
  open_desk();
  world.also = looked_at_when_it_comes;
  snprintf(wanted_sql, sizeof wanted_sql, "SELECT value FROM notes WHERE key = 'deals:maker one'");
  assert_false(put("AcceptRFQQuote", "/communications/rfqs/r1/quotes/q1/accept").failed);
  assert_non_null(strstr(found_text, "\"q1\""));
  assert_false(put("ConfirmRFQQuote", "/communications/rfqs/r2/quotes/q2/confirm").failed);
  assert_non_null(strstr(found_text, "\"q2\""));
  assert_non_null(strstr(found_text, "\"q1\""));
}

int main(void) {
  kl_log_set_level(KL_LOG_ERROR);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(two_orders_of_one_id_are_one, begin_kept, end_kept),
      cmocka_unit_test_setup_teardown(an_order_is_looked_for_by_the_exchanges_clock, begin_kept, end_kept),
      cmocka_unit_test_setup_teardown(reads_are_fresh_by_the_exchanges_clock, begin_kept, end_kept),
      cmocka_unit_test_setup_teardown(nothing_waits_for_a_clock_that_is_ahead, begin_kept, end_kept),
      cmocka_unit_test_setup_teardown(a_list_that_is_none_shows_nothing, begin_kept, end_kept),
      cmocka_unit_test_setup_teardown(a_row_that_cannot_be_read_may_be_it, begin_kept, end_kept),
      cmocka_unit_test_setup_teardown(a_row_that_does_not_say_whose_it_is_may_be_it, begin_kept, end_kept),
      cmocka_unit_test_setup_teardown(a_list_that_cannot_be_read_on_is_not_whole, begin_kept, end_kept),
      cmocka_unit_test_setup_teardown(the_same_of_what_is_history, begin_kept, end_kept),
      cmocka_unit_test_setup_teardown(a_row_of_history_that_cannot_be_read_may_be_it, begin_kept, end_kept),
      cmocka_unit_test_setup_teardown(history_that_cannot_be_read_on_is_not_whole, begin_kept, end_kept),
      cmocka_unit_test_setup_teardown(others_rows_are_not_waited_for, begin_kept, end_kept),
      cmocka_unit_test_setup_teardown(reads_that_are_too_old_are_not_gone_on_with, begin_kept, end_kept),
      cmocka_unit_test_setup_teardown(a_party_whose_fills_cannot_be_read_is_halted, begin_kept, end_kept),
      cmocka_unit_test_setup_teardown(a_halt_that_cannot_be_read_is_one, begin_kept, end_kept),
      cmocka_unit_test_setup_teardown(an_order_has_its_id_in_the_file_before_it_is_renamed, begin_kept, end_kept),
      cmocka_unit_test_setup_teardown(a_deal_is_in_the_file_before_it_is_sent, begin_kept, end_kept)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
