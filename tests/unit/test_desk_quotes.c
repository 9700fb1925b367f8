/* Quotes, their acceptance, block trades, and orders of others: what limits let through of them, and whose fills they
 * are. */
#include "unit/desk_world.h"

static struct {
  char rfq[512], quote[1024], block[1024]; /* rows that reads show; "": 404 */
  const char *post;                        /* the answer to a quote or a proposal; NULL: a good one */
  int posts, puts, deletes;
} talk;

static const char *communications(const char *request) {
  if (!strstr(request, "/trade-api/v2/communications/")) return NULL;
  if (is(request, "POST")) {
    talk.posts++;
    return talk.post ? talk.post
           : strstr(request, "block-trade") != NULL
               ? json_answer(201, "{\"block_trade_proposal_id\":\"b%d\"}", talk.posts)
               : json_answer(201, "{\"id\":\"q%d\"}", talk.posts);
  }
  if (is(request, "PUT")) talk.puts++;
  if (is(request, "DELETE")) talk.deletes++;
  if (!is(request, "GET")) return "HTTP/1.1 204 X\r\n\r\n";
  if (is(request, GET "/communications/quotes?"))
    return json_answer(200, "{\"quotes\":[%s],\"cursor\":\"\"}", talk.quote);
  if (is(request, GET "/communications/block"))
    return json_answer(200, "{\"block_trade_proposals\":[%s],\"cursor\":\"\"}", talk.block);
  const char *row = strstr(request, "quotes/") ? talk.quote : talk.rfq;
  if (!row[0]) return json_answer(404, REFUSED("not_found"));
  return json_answer(200, "{\"%s\":%s}", row == talk.rfq ? "rfq" : "quote", row);
}

static int begin_talk(void **state) {
  set_up(state);
  memset(&talk, 0, sizeof talk);
  int rc = begin_with("max_position=15");
  world.also = communications;
  return rc;
}

static int begin_free(void **state) {
  set_up(state);
  memset(&talk, 0, sizeof talk);
  int rc = begin_with(NULL);
  world.also = communications;
  return rc;
}

static void account_loads(void) {
  kl_error e;
  if (!kl_desk_watch_account(desk, &e)) fail_msg("%s", e.message);
  channels_open();
}

static void show_rfq(const char *contracts, const char *cost) {
  snprintf(talk.rfq, sizeof talk.rfq,
           "{\"id\":\"r1\",\"creator_id\":\"c\",\"market_ticker\":\"T\",\"contracts_fp\":\"%s\","
           "\"target_cost_dollars\":\"%s\",\"status\":\"open\",\"created_ts\":\"2026-01-01T00:00:00Z\"}",
           contracts, cost);
}

static void show_quote(const char *id, const char *status, const char *more) {
  snprintf(talk.quote, sizeof talk.quote,
           "{\"id\":\"%s\",\"rfq_id\":\"r1\",\"market_ticker\":\"T\",\"contracts_fp\":\"10.00\",\"yes_bid_dollars\":"
           "\"0.4000\",\"no_bid_dollars\":\"0.5500\",\"status\":\"%s\"%s}",
           id, status, more);
}

static outcome ask(const char *method, const char *operation, const char *path, const char *body) {
  outcome o = {0};
  kl_error e;
  kl_call_request r = {.op = kl_operation_find(operation),
                       .method = method,
                       .path = path,
                       .body = body,
                       .body_len = body ? strlen(body) : 0};
  if (!kl_desk_call(desk, maker, 3, &r, on_answer, &o, &e)) {
    o.calls = 1;
    o.failed = true;
    o.error = e;
    return o;
  }
  if (!link_peer.ws) account_loads();
  UNTIL(o.calls);
  return o;
}

static outcome quote(const char *rfq, const char *yes, const char *no) {
  char body[256];
  snprintf(body, sizeof body, "{\"rfq_id\":\"%s\",\"yes_bid\":\"%s\",\"no_bid\":\"%s\",\"rest_remainder\":false}", rfq,
           yes, no);
  return ask("POST", "create_quote", "/communications/quotes", body);
}

/* Whether an order for so many contracts is let through; it does not stay. */
static bool room_for(kl_side side, kl_count count) {
  kl_order_intent i = bid();
  kl_error e;
  kl_desk_order *x = NULL;
  kl_desk_write *w;
  outcome o = {0};
  i.side = side;
  i.count = count;
  if (!kl_desk_place(desk, maker, 3, &i, &x, on_answer, &o, &w, &e)) {
    assert_string_equal(e.code, "max_position");
    return false;
  }
  UNTIL(o.calls);
  assert_false(o.failed);
  cancel(x);
  kl_desk_order_release(x);
  return true;
}

static void refused(const outcome *o, const char *code) {
  assert_true(o->failed);
  assert_string_equal(o->error.kind, KL_ERR_RISK);
  assert_string_equal(o->error.code, code);
}

static kl_money exposure(void) {
  kl_risk_state s;
  kl_risk_state_get(kl_desk_risk(desk), kl_party_risk(maker), &s);
  return s.exposure;
}

static void both_bids_of_a_quote_are_counted(void **state) {
  (void)state;
  show_rfq("10.00", "0.0000");
  outcome o = quote("r1", "0.4000", "0.5500");
  assert_false(o.failed);
  assert_int_equal(asked(GET "/communications/rfqs/r1"), 1);
  assert_false(room_for(KL_BID, 501));
  assert_false(room_for(KL_ASK, 501));
  assert_true(room_for(KL_BID, 500));
  assert_true(room_for(KL_ASK, 500));
  show_rfq("6.00", "0.0000");
  o = quote("r2", "0.4000", "0");
  refused(&o, "max_position");
  o = quote("r3", "0", "0.5500");
  refused(&o, "max_position");
  assert_int_equal(talk.posts, 1);
  o = ask("DELETE", "delete_rfq_quote", "/communications/rfqs/r1/quotes/q1", NULL);
  assert_false(o.failed);
  assert_true(room_for(KL_BID, 1500));
  assert_int_equal(exposure(), 0);
}

/* At 0.40 for YES the requester pays 0.60 for a NO: 4 dollars are 6.67 contracts at most; at 0.55 for NO, 8.89. */
static void a_target_cost_counts_with_what_it_can_buy(void **state) {
  (void)state;
  show_rfq("0.00", "4.0000");
  outcome o = quote("r1", "0.4000", "0.5500");
  assert_false(o.failed);
  assert_false(room_for(KL_BID, 834));
  assert_true(room_for(KL_BID, 833));
  assert_false(room_for(KL_ASK, 612));
  assert_true(room_for(KL_ASK, 611));
}

static void a_quote_in_place_of_another_is_not_added(void **state) {
  (void)state;
  show_rfq("10.00", "0.0000");
  outcome o = quote("r1", "0.4000", "0.5500");
  o = quote("r1", "0.4100", "0");
  assert_false(o.failed);
  assert_int_equal(asked(GET "/communications/rfqs/r1"), 1); /* its size is known */
  assert_false(room_for(KL_BID, 501));
  assert_true(room_for(KL_ASK, 1500)); /* declined now */
  assert_int_equal(exposure(), 1000 * 4100);
  talk.post = keep(0, json_answer(400, REFUSED("RFQ_CLOSED")));
  o = quote("r1", "0.4400", "0.5000"); /* refused: the one before is as it was */
  assert_true(o.failed);
  assert_true(room_for(KL_ASK, 1500));
  assert_false(room_for(KL_BID, 501));
  assert_int_equal(exposure(), 1000 * 4100);
}

static void an_unreadable_request_is_not_quoted(void **state) {
  (void)state;
  outcome o = quote("r1", "0.4000", "0.5500"); /* 404 */
  assert_true(o.failed);
  assert_int_equal(o.error.status, 404);
  o = quote("r/1", "0.4000", "0.5500");
  assert_string_equal(o.error.kind, KL_ERR_VALIDATION);
  o = ask("POST", "create_quote", "/communications/quotes", "{\"rfq_id\":\"r1\",\"yes_bid\":0.4}");
  assert_string_equal(o.error.kind, KL_ERR_VALIDATION);
  assert_int_equal(talk.posts, 0);
  assert_int_equal(exposure(), 0);
}

static void confirm(const char *id) {
  char path[128];
  snprintf(path, sizeof path, "/communications/rfqs/r1/quotes/%s/confirm", id);
  outcome o = ask("PUT", "confirm_rfq_quote", path, "{}");
  assert_false(o.failed);
}

static void a_quote_that_executes_is_the_makers_order(void **state) {
  (void)state;
  show_rfq("10.00", "0.0000");
  outcome o = quote("r1", "0.4000", "0.5500");
  assert_false(o.failed);
  show_quote("q1", "accepted", ",\"accepted_side\":\"yes\"");
  confirm("q1");
  assert_int_equal(asked(GET "/communications/rfqs/r1/quotes"), 0); /* its terms are known */
  kl_desk_counts before, after;
  kl_desk_counts_get(desk, maker, &before);
  say_fill("t1", "o9", "quote:0123abcd:q1", "4.00");
  kl_desk_counts_get(desk, maker, &after);
  assert_int_equal(after.fills, before.fills + 1);
  kl_desk_order *x = kl_desk_find(desk, "o9");
  assert_non_null(x);
  assert_ptr_equal(x->party, maker);
  assert_string_equal(x->client_id, "quote:0123abcd:q1");
  assert_int_equal(x->yes_price, 4000);
  assert_int_equal(x->count, 1000);
  assert_int_equal(x->filled, 400);
  kl_money cost;
  assert_int_equal(kl_portfolio_position(kl_party_portfolio(maker), "T", &cost), 400);
  assert_false(room_for(KL_BID, 501)); /* 4 held, 6 may still fill */
  assert_true(room_for(KL_ASK, 1500)); /* the other bid is over */
  say_fill("t2", "o9", "quote:0123abcd:q1", "6.00");
  assert_int_equal(x->filled, 1000);
  assert_false(room_for(KL_BID, 501));
}

/* The look-up tells what no message did. */
static void how_a_quote_ended_is_looked_up(void **state) {
  (void)state;
  show_rfq("10.00", "0.0000");
  outcome o = quote("r1", "0.4000", "0.5500");
  show_quote("q1", "cancelled", "");
  UNTIL((kl_desk_deals_hurry(desk), exposure() == 0));
  o = quote("r1", "0.4000", "0.5500");
  assert_false(o.failed);
  show_quote("q2", "executed", ",\"accepted_side\":\"no\",\"creator_order_id\":\"o9\"");
  confirm("q2");
  UNTIL(kl_desk_find(desk, "o9") != NULL);
  kl_desk_order *x = kl_desk_find(desk, "o9");
  assert_int_equal(x->side, KL_ASK);
  assert_int_equal(x->yes_price, 4500);
  assert_true(room_for(KL_BID, 1500));
  assert_false(room_for(KL_ASK, 501));
}

static void a_confirmation_of_an_unknown_quote_is_compared(void **state) {
  (void)state;
  show_quote("q7", "accepted", ",\"accepted_side\":\"no\"");
  confirm("q7");
  assert_int_equal(asked(GET "/communications/rfqs/r1/quotes/q7"), 1);
  assert_false(room_for(KL_ASK, 501));
  assert_true(room_for(KL_BID, 1500));
  show_quote("q8", "accepted", ",\"accepted_side\":\"no\"");
  outcome o = ask("PUT", "confirm_rfq_quote", "/communications/rfqs/r1/quotes/q8/confirm", "{}");
  refused(&o, "max_position");
  assert_int_equal(talk.puts, 1);
}

static void what_is_accepted_is_reserved_and_credited(void **state) {
  (void)state;
  show_quote("q1", "open", "");
  outcome o = ask("PUT", "accept_rfq_quote", "/communications/rfqs/r1/quotes/q1/accept", "{\"accepted_side\":\"yes\"}");
  assert_false(o.failed);
  assert_false(room_for(KL_ASK, 501)); /* the quoter buys YES */
  assert_true(room_for(KL_BID, 1500));
  o = ask("PUT", "accept_rfq_quote", "/communications/rfqs/r1/quotes/q2/accept", "{\"accepted_side\":\"yes\"}");
  refused(&o, "max_position");
  assert_int_equal(talk.puts, 1);
  show_quote("q1", "executed", ",\"accepted_side\":\"yes\",\"rfq_creator_order_id\":\"o9\"");
  kl_desk_counts c;
  say_fill("t1", "o9", "", "4.00"); /* of an order that nobody here knows */
  kl_desk_counts_get(desk, maker, &c);
  UNTIL(kl_desk_find(desk, "o9") != NULL);
  kl_desk_order *x = kl_desk_find(desk, "o9");
  assert_int_equal(x->side, KL_ASK);
  assert_int_equal(x->filled, 400);
  kl_desk_counts d;
  kl_desk_counts_get(desk, maker, &d);
  assert_int_equal(d.fills, c.fills + 1);
}

static void a_lost_quote_stays_counted_until_it_is_found(void **state) {
  (void)state;
  show_rfq("10.00", "0.0000");
  talk.post = keep(0, json_answer(504, REFUSED("timeout")));
  outcome o = quote("r1", "0.4000", "0.5500");
  assert_true(o.failed);
  assert_false(room_for(KL_BID, 501));
  run_for(500); /* the list does not show it, which says nothing yet */
  assert_false(room_for(KL_BID, 501));
  show_quote("q5", "open", "");
  UNTIL((kl_desk_deals_hurry(desk), asked(GET "/communications/rfqs/r1/quotes/q5") > 0)); /* found, and followed */
  show_quote("q5", "cancelled", "");
  UNTIL((kl_desk_deals_hurry(desk), exposure() == 0));
  assert_true(room_for(KL_BID, 1500));
}

static void block_trades_are_counted(void **state) {
  (void)state;
#define BLOCK                                                                                                          \
  "{\"buyer_user_id\":\"me\",\"seller_user_id\":\"you\",\"market_ticker\":\"T\",\"price_centi_cents\":4000,"           \
  "\"centicount\":1000,\"maker_side\":\"yes\",\"expiration_ts\":\"2099-01-01T00:00:00Z\"}"
  outcome o = ask("POST", "propose_block_trade", "/communications/block-trade-proposals", BLOCK);
  assert_false(o.failed);
  assert_false(room_for(KL_BID, 501)); /* which of both we are is not known yet */
  assert_false(room_for(KL_ASK, 501));
  o = ask("POST", "propose_block_trade", "/communications/block-trade-proposals", BLOCK);
  refused(&o, "max_position");
  snprintf(talk.block, sizeof talk.block,
           "{\"id\":\"b1\",\"proposer_user_id\":\"me\",\"buyer_user_id\":\"me\",\"seller_user_id\":\"you\","
           "\"market_ticker\":\"T\",\"price_centi_cents\":4000,\"centicount\":1000,\"maker_side\":\"yes\","
           "\"expiration_ts\":\"2099-01-01T00:00:00Z\",\"status\":\"pending\",\"created_ts\":\"\",\"updated_ts\":\"\","
           "\"buyer_accepted\":true,\"seller_accepted\":false}");
  UNTIL(room_for(KL_ASK, 1500));
  assert_false(room_for(KL_BID, 501));
  snprintf(talk.block, sizeof talk.block,
           "{\"id\":\"b2\",\"proposer_user_id\":\"you\",\"buyer_user_id\":\"me\",\"seller_user_id\":\"you\","
           "\"market_ticker\":\"T\",\"price_centi_cents\":4000,\"centicount\":600,\"maker_side\":\"yes\","
           "\"expiration_ts\":\"2099-01-01T00:00:00Z\",\"status\":\"pending\",\"created_ts\":\"\",\"updated_ts\":\"\","
           "\"buyer_accepted\":false,\"seller_accepted\":true}");
  o = ask("POST", "accept_block_trade_proposal", "/communications/block-trade-proposals/b2/accept", "{}");
  refused(&o, "max_position");
  o = ask("POST", "accept_block_trade_proposal", "/communications/block-trade-proposals/b3/accept", "{}");
  assert_true(o.failed);
  assert_string_equal(o.error.code, "not_found");
}

static void without_limits_nothing_is_read(void **state) {
  (void)state;
  outcome o = quote("r1", "0.4000", "0.5500");
  assert_false(o.failed);
  confirm("q1");
  assert_int_equal(asked(GET "/communications"), 0);
  say_fill("t1", "o9", "quote:0123abcd:q1", "4.00");
  kl_money cost;
  assert_int_equal(kl_portfolio_position(kl_party_portfolio(maker), "T", &cost), 400);
  o = ask("PUT", "accept_rfq_quote", "/communications/rfqs/r1/quotes/q3/accept", "{\"accepted_side\":\"no\"}");
  assert_false(o.failed);
  assert_int_equal(asked(GET "/communications"), 0);
  show_quote("q3", "executed", ",\"accepted_side\":\"no\",\"rfq_creator_order_id\":\"o8\"");
  say_fill("t2", "o8", "", "3.00");
  UNTIL(kl_portfolio_position(kl_party_portfolio(maker), "T", &cost) == 700);
}

/* ---- orders of others ---- */

static outcome amend(const char *count, const char *more) {
  char body[256];
  snprintf(body, sizeof body, "{\"ticker\":\"T\",\"side\":\"bid\",\"price\":\"0.4200\",\"count\":\"%s\"%s}", count,
           more);
  return ask("POST", "amend_order", "/portfolio/events/orders/o1/amend", body);
}

static void an_order_of_another_program_is_sought(void **state) {
  (void)state;
  outcome o = amend("14.00", "");
  refused(&o, "unknown_order"); /* 404 */
  show_row("theirs", "resting", "4.00", "6.00");
  o = amend("30.00", "");
  refused(&o, "max_position");
  o = amend("14.00", ",\"updated_client_order_id\":\"ours\"");
  assert_false(o.failed);
  kl_desk_order *x = kl_desk_find(desk, "o1");
  assert_non_null(x);
  assert_ptr_equal(kl_desk_find(desk, "ours"), x);
  assert_null(kl_desk_find(desk, "theirs"));
  assert_string_equal(x->client_id, "ours");
  assert_ptr_equal(x->party, maker);
}

int main(void) {
  kl_log_set_level(KL_LOG_ERROR);
  const struct CMUnitTest tests[] = {
      IN(begin_talk, both_bids_of_a_quote_are_counted),
      IN(begin_talk, a_target_cost_counts_with_what_it_can_buy),
      IN(begin_talk, a_quote_in_place_of_another_is_not_added),
      IN(begin_talk, an_unreadable_request_is_not_quoted),
      IN(begin_talk, a_quote_that_executes_is_the_makers_order),
      IN(begin_talk, how_a_quote_ended_is_looked_up),
      IN(begin_talk, a_confirmation_of_an_unknown_quote_is_compared),
      IN(begin_talk, what_is_accepted_is_reserved_and_credited),
      IN(begin_talk, a_lost_quote_stays_counted_until_it_is_found),
      IN(begin_talk, block_trades_are_counted),
      IN(begin_free, without_limits_nothing_is_read),
      IN(begin_talk, an_order_of_another_program_is_sought),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
