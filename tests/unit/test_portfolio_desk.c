/* Portfolios kept up to date: fills of this run and of earlier ones, payouts, marks, the profit of the day. The desk is
 * the test's; journal, risk limits and what is known of markets are real, the exchange's answers are scripted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/new_york.h"
#include "trading/desk_portfolio_impl.h"
#include "unit/rest_peer.h"

#define GET "GET /trade-api/v2"
#define CONTRACTS(n) ((kl_count)(n)*KL_COUNT_ONE)
#define CENTS(n) ((kl_money)(n)*10000)
#define DAY_MS INT64_C(86400000)

/* ---- a desk ---- */

struct kl_party {
  const char *name;
  kl_portfolio *portfolio;
  uint32_t risk;
  char halted[320];
};

struct kl_desk {
  kl_risk *risk;
  kl_portfolio *portfolio;
  kl_market_infos *infos;
  kl_desk_listener *listener;
  kl_party parties[2];
};

static kl_desk desk;
static kl_ledger *ledger;
static kl_order_journal *journal;
static char folder[64], file[96];

kl_risk *kl_desk_risk(kl_desk *d) { return d->risk; }
kl_portfolio *kl_desk_portfolio(kl_desk *d) { return d->portfolio; }
kl_market_infos *kl_desk_markets(kl_desk *d) { return d->infos; }
void kl_desk_listen(kl_desk *d, kl_desk_listener *l) { d->listener = l; }
void kl_desk_unlisten(kl_desk_listener *l) { (void)l; }
const char *kl_party_name(const kl_party *p) { return p->name; }
kl_portfolio *kl_party_portfolio(kl_party *p) { return p->portfolio; }
uint32_t kl_party_risk(const kl_party *p) { return p->risk; }
void kl_party_halt(kl_party *p, const char *why) { snprintf(p->halted, sizeof p->halted, "%s", why); }
kl_party *kl_desk_party_next(const kl_desk *d, const kl_party *after) {
  const kl_party *next = after ? after + 1 : d->parties;
  return next < d->parties + 2 ? (kl_party *)(uintptr_t)next : NULL;
}

/* ---- the exchange ---- */

static struct {
  const char *last, *status, *value;
  bool gone; /* the market, and not its settlement */
} world;

static const char *json_answer(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static const char *json_answer(int status, const char *fmt, ...) {
  static char text[2048], body[1024];
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(body, sizeof body, fmt, ap);
  va_end(ap);
  snprintf(text, sizeof text, "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", status,
           n, body);
  return text;
}

static const char *choose(const char *request) {
  char ticker[64];
  if (sscanf(request, GET "/markets/%63s", ticker) == 1)
    return world.gone ? json_answer(404, "{\"error\":{\"code\":\"not_found\",\"message\":\"no\"}}")
                      : json_answer(200,
                                    "{\"market\":{\"ticker\":\"%s\",\"event_ticker\":\"E\",\"status\":\"%s\","
                                    "\"last_price_dollars\":\"%s\",\"price_level_structure\":\"linear_cent\"%s}}",
                                    ticker, world.status, world.last, world.value);
  if (!strncmp(request, GET "/events/", strlen(GET "/events/")))
    return json_answer(200, "{\"event\":{\"event_ticker\":\"E\",\"series_ticker\":\"S\"}}");
  if (!strncmp(request, GET "/series/", strlen(GET "/series/")))
    return json_answer(200, "{\"series\":{\"ticker\":\"S\",\"fee_type\":\"quadratic\",\"fee_multiplier\":1}}");
  if (sscanf(request, GET "/portfolio/settlements?ticker=%63[A-Z]", ticker) == 1)
    return json_answer(200,
                       "{\"settlements\":[{\"ticker\":\"%s\",\"market_result\":\"no\",\"revenue\":0,"
                       "\"settled_time\":\"2026-01-01T12:00:00Z\"}]}",
                       ticker);
  return NULL;
}

/* ---- life ---- */

static void open_ledger(void) {
  kl_error e;
  memset(&desk, 0, sizeof desk);
  desk.risk = kl_risk_new();
  desk.portfolio = kl_portfolio_new();
  desk.infos = kl_market_infos_new(session);
  desk.parties[0] = (kl_party){.name = "maker", .portfolio = kl_portfolio_new()};
  desk.parties[1] = (kl_party){.name = "other", .portfolio = kl_portfolio_new()};
  ledger = kl_ledger_new(&desk, session, session, journal);
  assert_non_null(ledger);
  for (int i = 0; i < 2; i++) {
    desk.parties[i].risk = kl_risk_add_party(desk.risk, desk.parties[i].name);
    if (!kl_ledger_party(ledger, &desk.parties[i], &e)) fail_msg("%s", e.message);
  }
}

static void close_ledger(void) {
  kl_ledger_free(ledger);
  kl_market_infos_free(desk.infos);
  kl_portfolio_free(desk.portfolio);
  kl_portfolio_free(desk.parties[0].portfolio);
  kl_portfolio_free(desk.parties[1].portfolio);
  kl_risk_free(desk.risk);
  ledger = NULL;
}

static void open_journal(void) {
  kl_error e;
  if (!kl_order_journal_open(&loop, file, &journal, &e)) fail_msg("%s", e.message);
}

static void closed_journal(void *data) { *(int *)data = 1; }

static void close_journal(void) {
  int closed = 0;
  if (journal) kl_order_journal_close(journal, closed_journal, &closed);
  if (journal) run_until(&closed);
  journal = NULL;
}

static int begin_world(void **state) {
  set_up(state);
  memset(&world, 0, sizeof world);
  world.last = "0.4200";
  world.status = "active";
  world.value = "";
  peer.choose = choose;
  snprintf(folder, sizeof folder, "/tmp/kalua-portfolio-XXXXXX");
  if (!mkdtemp(folder)) return -1;
  snprintf(file, sizeof file, "%s/orders.db", folder);
  start(true);
  return 0;
}

static int end_world(void **state) {
  char command[128];
  if (ledger) close_ledger();
  close_journal();
  int result = tear_down(state);
  snprintf(command, sizeof command, "rm -rf %s", folder);
  return system(command) || result;
}

static int64_t now_ms(void) { return kl_wall_ms(kl_clock_real()); }

static kl_account_fill fill_of(const char *trade, const char *ticker, kl_side side, kl_price price, kl_count count,
                               int64_t ts_ms) {
  kl_account_fill f = {.side = side, .yes_price = price, .count = count, .fee = CENTS(1), .ts_ms = ts_ms};
  snprintf(f.trade_id, sizeof f.trade_id, "%s", trade);
  snprintf(f.order_id, sizeof f.order_id, "order-%s", trade);
  snprintf(f.ticker, sizeof f.ticker, "%s", ticker);
  return f;
}

static void tell(kl_party *p, kl_account_fill f) { desk.listener->fill(desk.listener->data, p, &f); }

static kl_portfolio_totals totals(kl_party *p) {
  kl_portfolio_totals t;
  kl_portfolio_totals_get(p->portfolio, &t);
  return t;
}

#define UNTIL(condition)                                                                                               \
  do {                                                                                                                 \
    int tries_ = 0;                                                                                                    \
    while (!(condition) && tries_++ < 1000) {                                                                          \
      kl_ledger_tick(ledger);                                                                                          \
      run_for(10);                                                                                                     \
    }                                                                                                                  \
    assert_true(condition);                                                                                            \
  } while (0)

/* ---- tests ---- */

static void test_fills_are_valued_and_count_once(void **state) {
  (void)state;
  open_ledger();
  kl_party *maker = &desk.parties[0], *other = &desk.parties[1];
  tell(maker, fill_of("1", "A", KL_BID, 4000, CONTRACTS(10), now_ms()));
  tell(maker, fill_of("1", "A", KL_BID, 4000, CONTRACTS(10), now_ms()));
  tell(other, fill_of("2", "A", KL_ASK, 4500, CONTRACTS(4), now_ms()));
  tell(NULL, fill_of("3", "A", KL_ASK, 4500, CONTRACTS(4), now_ms()));
  assert_int_equal(totals(maker).contracts, CONTRACTS(10));
  assert_int_equal(totals(other).contracts, CONTRACTS(4));
  UNTIL(totals(maker).unrealized == CENTS(20)); /* the last trade was at 42 */
  assert_int_equal(totals(other).unrealized, CENTS(12));
  assert_int_equal(kl_ledger_today_get(ledger, maker).profit, CENTS(19));
  assert_true(kl_ledger_today_get(ledger, maker).valued);
}

static void test_a_loss_of_the_day_halts_the_party_alone(void **state) {
  (void)state;
  kl_limit_values limits = {0};
  kl_error e;
  open_ledger();
  assert_true(kl_limits_parse("max_daily_loss=5", &limits, &e));
  kl_risk_configure(desk.risk, desk.parties[0].risk, &limits);
  kl_risk_configure(desk.risk, desk.parties[1].risk, &limits);
  tell(&desk.parties[0], fill_of("1", "A", KL_BID, 5000, CONTRACTS(100), now_ms()));
  tell(&desk.parties[1], fill_of("2", "A", KL_BID, 5000, CONTRACTS(10), now_ms()));
  UNTIL(desk.parties[0].halted[0]);
  assert_string_equal(desk.parties[0].halted, "lost 8.01 dollars today, and max_daily_loss is 5 dollars");
  assert_string_equal(desk.parties[1].halted, "");
}

static void test_a_loss_is_seen_when_it_is_filled(void **state) {
  (void)state;
  kl_limit_values limits = {0};
  kl_error e;
  open_ledger();
  assert_true(kl_limits_parse("max_daily_loss=5", &limits, &e));
  kl_risk_configure(desk.risk, desk.parties[0].risk, &limits);
  ledger->next_ns += 3600 * KL_LEDGER_S; /* the look of each second does not come */
  tell(&desk.parties[0], fill_of("1", "A", KL_BID, 5000, CONTRACTS(100), now_ms()));
  tell(&desk.parties[0], fill_of("2", "A", KL_ASK, 4000, CONTRACTS(100), now_ms()));
  for (int i = 0; i < 1000 && !desk.parties[0].halted[0]; i++)
    run_for(10);
  assert_string_equal(desk.parties[0].halted, "lost 10.02 dollars today, and max_daily_loss is 5 dollars");
  /* The looks go on. */
  uint64_t turn = ledger->turn;
  ledger->next_ns = 0;
  tell(&desk.parties[1], fill_of("3", "A", KL_BID, 5000, CONTRACTS(1), now_ms()));
  for (int i = 0; i < 1000 && ledger->turn < turn + 2; i++)
    run_for(10);
  assert_true(ledger->turn >= turn + 2);
}

static void test_a_market_that_settles_is_paid_to_all(void **state) {
  (void)state;
  open_ledger();
  tell(&desk.parties[0], fill_of("1", "A", KL_BID, 4000, CONTRACTS(10), now_ms()));
  world.status = "finalized";
  world.value = ",\"result\":\"yes\",\"settlement_value_dollars\":\"1.0000\"";
  UNTIL(totals(&desk.parties[0]).open == 0);
  assert_int_equal(totals(&desk.parties[0]).realized, CENTS(600));
  assert_true(kl_portfolio_get(desk.parties[0].portfolio, "A", 0)->settled);
}

/* The market is in the history; what it paid stands in the account's settlements. */
static void test_a_market_that_is_not_shown_any_more(void **state) {
  (void)state;
  world.gone = true;
  open_ledger();
  tell(&desk.parties[0], fill_of("1", "OLD", KL_ASK, 4000, CONTRACTS(10), now_ms()));
  UNTIL(totals(&desk.parties[0]).open == 0);
  assert_int_equal(totals(&desk.parties[0]).realized, CENTS(400));
}

static void journal_fill(const char *trade, const char *ticker, kl_side side, kl_price price, int64_t ts_ms) {
  kl_account_fill f = fill_of(trade, ticker, side, price, CONTRACTS(10), ts_ms);
  kl_order_journal_fill(journal, &f, "maker");
}

static void test_what_was_before_comes_from_the_journal(void **state) {
  (void)state;
  int64_t today_ms = kl_new_york_midnight(now_ms() / 1000) * 1000;
  open_journal();
  journal_fill("1", "PAID", KL_BID, 4000, today_ms - 3 * DAY_MS);
  kl_order_journal_note(journal, "settled:PAID", "10000 1000000");
  journal_fill("2", "A", KL_BID, 3000, today_ms - DAY_MS);
  journal_fill("3", "A", KL_ASK, 5000, today_ms);
  close_journal();
  open_journal();
  open_ledger();
  kl_party *maker = &desk.parties[0];
  kl_portfolio_totals t = totals(maker);
  assert_int_equal(t.fills, 3);
  assert_int_equal(t.realized, CENTS(600) + CENTS(200));
  assert_int_equal(t.fees, CENTS(3));
  assert_int_equal(t.open, 0);
  assert_int_equal(totals(&desk.parties[1]).fills, 0);
  /* What was closed today is of today; the payout of long ago is not. */
  UNTIL(kl_ledger_today_get(ledger, maker).valued);
  assert_int_equal(kl_ledger_today_get(ledger, maker).profit, CENTS(200) - CENTS(1));
  kl_risk_state risk;
  kl_risk_state_get(desk.risk, maker->risk, &risk);
  assert_int_equal(risk.trades_today, 1);
  /* The journal has it, and whoever tells of it again says nothing new. */
  tell(maker, fill_of("3", "A", KL_ASK, 5000, CONTRACTS(10), today_ms));
  assert_int_equal(totals(maker).fills, 3);
}

/* The day begins where an earlier process of that day has noted it: what is held since yesterday has gained 12 cents a
 * contract since then, though nothing since the second process began. */
static void test_the_day_outlives_the_process(void **state) {
  (void)state;
  char note[64];
  open_journal();
  journal_fill("1", "A", KL_BID, 2500, kl_new_york_midnight(now_ms() / 1000) * 1000 - DAY_MS);
  close_journal();
  open_journal();
  world.last = "0.3000";
  open_ledger();
  UNTIL(kl_order_journal_noted(journal, "day:maker", note, sizeof note));
  assert_int_equal(kl_ledger_today_get(ledger, &desk.parties[0]).profit, 0);
  close_ledger();
  close_journal();
  world.last = "0.4200";
  open_journal();
  open_ledger();
  UNTIL(kl_ledger_today_get(ledger, &desk.parties[0]).valued);
  assert_int_equal(kl_ledger_today_get(ledger, &desk.parties[0]).profit, CENTS(120));
  assert_int_equal(totals(&desk.parties[0]).contracts, CONTRACTS(10));
}

#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, begin_world, end_world)

int main(void) {
  const struct CMUnitTest tests[] = {
      WORLD_TEST(test_fills_are_valued_and_count_once),     WORLD_TEST(test_a_loss_of_the_day_halts_the_party_alone),
      WORLD_TEST(test_a_loss_is_seen_when_it_is_filled),    WORLD_TEST(test_a_market_that_settles_is_paid_to_all),
      WORLD_TEST(test_a_market_that_is_not_shown_any_more), WORLD_TEST(test_what_was_before_comes_from_the_journal),
      WORLD_TEST(test_the_day_outlives_the_process),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
