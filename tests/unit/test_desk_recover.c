/* A desk that goes on with the orders of an earlier run, by a real journal. */
#include "unit/desk_world.h"

static char folder[64], path[128];

static int begin_kept(void **state) {
  snprintf(folder, sizeof folder, "/tmp/kl-recover-XXXXXX");
  if (!mkdtemp(folder)) return -1;
  snprintf(path, sizeof path, "%s/orders.db", folder);
  set_up(state);
  memset(&world, 0, sizeof world);
  memset(&link_peer, 0, sizeof link_peer);
  peer.choose = exchange;
  start(true);
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
  kl_desk_options o = {.loop = &loop, .session = session, .clock = kl_clock_real(), .journal_path = path};
  alarm(20); /* a loop that does not end is no test that fails, but one that stays */
  if (!kl_desk_open(&o, &desk, &e)) fail_msg("%s", e.message);
  assert_false(kl_list_empty(&desk->missing));
  UNTIL(kl_list_empty(&desk->missing));
  alarm(0);
  assert_non_null(kl_desk_find(desk, "o1"));
  assert_int_equal(kl_desk_find(desk, "o1")->seen, 1000);
}

int main(void) {
  kl_log_set_level(KL_LOG_ERROR);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(two_orders_of_one_id_are_one, begin_kept, end_kept)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
