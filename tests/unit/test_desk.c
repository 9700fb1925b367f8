/* The desk: the life of orders, and what limits let through. */
#include "unit/desk_world.h"

#include "kalshi/account_internal.h"

/* ---- a life without trouble ---- */

typedef struct {
  kl_order_watcher w;
  int changes;
} watch;
static void note_change(kl_order_watcher *w, const kl_desk_order *o) {
  (void)o;
  ((watch *)w->data)->changes++;
}

static void an_order_lives(void **state) {
  (void)state;
  outcome o = {0};
  watch seen = {.w = {.data = &seen, .changed = note_change}};
  kl_order_intent i = bid();
  kl_desk_order *x = place(&i, &o);
  kl_desk_watch(x, &seen.w);
  assert_true(is(x->client_id, "maker_one-g3-"));
  assert_ptr_equal(kl_desk_find(desk, x->client_id), x);
  channels_open();
  UNTIL(o.calls);
  assert_false(o.failed);
  assert_int_equal(x->status, KL_DESK_RESTING);
  assert_string_equal(x->id, "o1");
  assert_int_equal(x->writes, 0);
  assert_ptr_equal(kl_desk_find(desk, "o1"), x);
  say_fill("t1", "o1", "", "4.00");
  assert_int_equal(x->filled, 400);
  assert_int_equal(x->cost, 400 * 4200);
  assert_int_equal(x->fees, 10000);
  say_fill("t1", "o1", "", "4.00"); /* twice */
  say_order("o1", x->client_id, "resting", "4.00", "6.00", "Trade");
  assert_int_equal(x->filled, 400);
  assert_int_equal(x->remaining, 600);
  world.cancel =
      keep(0, json_answer(200, "{\"order_id\":\"o1\",\"reduced_by\":\"6.00\",\"ts_ms\":%lld}", (long long)now_ms()));
  o = cancel(x);
  assert_false(o.failed);
  assert_int_equal(x->status, KL_DESK_CANCELED);
  assert_int_equal(x->filled, 400);
  assert_true(seen.changes >= 3);
  kl_desk_counts c;
  kl_desk_counts_get(desk, maker, &c);
  assert_int_equal(c.placed, 1);
  assert_int_equal(c.fills, 1);
  assert_int_equal(c.resting + c.pending + c.unknown, 0);
  kl_desk_unwatch(&seen.w);
  kl_desk_order_release(x);
}

static void fills_come_before_the_answer(void **state) {
  (void)state;
  outcome o = {0};
  kl_error e;
  world.create = HANG;
  kl_order_intent i = bid();
  kl_desk_order *x = place(&i, &o);
  UNTIL(world.creates);
  if (!kl_desk_watch_account(desk, &e)) fail_msg("%s", e.message);
  channels_open();
  say_fill("t1", "o1", x->client_id, "4.00");
  assert_string_equal(x->id, "o1");
  assert_int_equal(x->filled, 400);
  say_fill("t2", "o1", x->client_id, "6.00");
  assert_int_equal(x->status, KL_DESK_FILLED);
  assert_int_equal(o.calls, 0);
  close_desk();
  assert_int_equal(o.calls, 1);
  kl_desk_order_release(x);
}

static void a_refusal_says_why(void **state) {
  (void)state;
  outcome o = {0};
  world.create = keep(0, json_answer(400, "{\"error\":{\"code\":\"invalid_order\",\"message\":\"no\",\"details\":"
                                          "\"post only cross\"}}"));
  kl_order_intent i = bid();
  kl_desk_order *x = place(&i, &o);
  UNTIL(o.calls);
  assert_true(o.failed);
  assert_int_equal(x->status, KL_DESK_REJECTED);
  assert_string_equal(x->reason, "invalid_order");
  assert_string_equal(x->error->code, "invalid_order");
  kl_desk_order_release(x);
}

/* ---- cancels ---- */

static void a_cancel_waits_for_a_pending_order(void **state) {
  (void)state;
  outcome o = {0}, c = {0};
  kl_error e;
  world.create = HANG;
  kl_order_intent i = bid();
  kl_desk_order *x = place(&i, &o);
  UNTIL(world.creates);
  if (!kl_desk_watch_account(desk, &e)) fail_msg("%s", e.message);
  channels_open();
  assert_true(kl_desk_cancel(desk, x, on_answer, &c, NULL, &e));
  run_for(30);
  assert_int_equal(world.cancels, 0);
  say_order("o1", x->client_id, "resting", "0.00", "10.00", "");
  UNTIL(c.calls);
  assert_int_equal(world.cancels, 1);
  assert_false(c.failed);
  assert_int_equal(x->status, KL_DESK_CANCELED);
  close_desk();
  kl_desk_order_release(x);
}

/* The cancel finds nothing: how it ended is looked up, and the cancel has what it wanted. */
static void a_cancel_of_a_gone_order_finds_out(void **state) {
  (void)state;
  kl_desk_order *x = resting();
  world.cancel = keep(0, json_answer(404, REFUSED("not_found")));
  show_row(x->client_id, "executed", "10.00", "0.00");
  outcome o = cancel(x);
  assert_false(o.failed);
  assert_int_equal(x->status, KL_DESK_FILLED);
  assert_int_equal(x->filled, 1000);
  o = cancel(x); /* of a final one: at once, and nothing is sent */
  assert_false(o.failed);
  assert_int_equal(world.cancels, 1);
  kl_desk_order_release(x);
}

/* A change that comes too late ends when it is known how the order ended, so that whoever asked for it can say. */
static void a_change_of_a_gone_order_finds_out(void **state) {
  (void)state;
  kl_desk_order *x = resting();
  outcome o = {0};
  kl_error e;
  world.amend = keep(0, json_answer(404, REFUSED("not_found")));
  show_row(x->client_id, "executed", "10.00", "0.00");
  assert_true(kl_desk_amend(desk, x, 4300, 0, on_answer, &o, NULL, &e));
  UNTIL(o.calls);
  assert_true(o.failed);
  assert_int_equal(o.error.status, 404);
  assert_int_equal(x->status, KL_DESK_FILLED);
  assert_int_equal(x->filled, 1000);
  assert_int_equal(x->writes, 0);
  kl_desk_order_release(x);
}

/* The same, when the exchange was wrong: the order rests, and the error is what it was. */
static void a_change_that_finds_nothing_of_a_resting_order_fails(void **state) {
  (void)state;
  kl_desk_order *x = resting();
  outcome o = {0};
  kl_error e;
  world.amend = keep(0, json_answer(404, REFUSED("not_found")));
  show_row(x->client_id, "resting", "0.00", "10.00");
  assert_true(kl_desk_amend(desk, x, 4300, 0, on_answer, &o, NULL, &e));
  UNTIL(o.calls);
  assert_int_equal(o.error.status, 404);
  assert_int_equal(x->status, KL_DESK_RESTING);
  world.amend = NULL;
  o = (outcome){0};
  assert_true(kl_desk_amend(desk, x, 4300, 0, on_answer, &o, NULL, &e));
  UNTIL(o.calls);
  assert_false(o.failed);
  kl_desk_order_release(x);
}

static void what_was_not_sent_is_taken_back(void **state) {
  (void)state;
  outcome o = {0};
  kl_error e;
  kl_order_intent i = bid();
  kl_desk_order *x = place(&i, &o); /* waits for the account, since a limit compares with it */
  assert_int_equal(world.creates, 0);
  outcome c = {0};
  assert_true(kl_desk_cancel(desk, x, on_answer, &c, NULL, &e));
  UNTIL(o.calls && c.calls);
  assert_true(o.failed);
  assert_string_equal(o.error.code, "not_sent");
  assert_false(c.failed);
  assert_int_equal(x->status, KL_DESK_REJECTED);
  assert_string_equal(x->reason, "not_sent");
  run_for(20);
  assert_int_equal(world.creates, 0);
  kl_desk_order_release(x);
}

/* ---- what is not known ---- */

static kl_desk_order *lost(void) {
  outcome o = {0};
  kl_error e;
  kl_desk_write *w;
  kl_desk_order *x;
  kl_order_intent i = bid();
  world.create = HANG;
  assert_true(kl_desk_place(desk, maker, 3, &i, &x, on_answer, &o, &w, &e));
  UNTIL(world.creates);
  kl_call_cancel(w->call); /* as if its time were over while it is looked up */
  w->call = NULL;
  kl_error_set(&e, KL_ERR_TIMEOUT, "no answer came");
  snprintf(e.code, sizeof e.code, "outcome_unknown");
  kl_desk_answered(w, NULL, &e);
  kl_desk_write_fail(w, &e);
  assert_int_equal(x->status, KL_DESK_UNKNOWN);
  UNTIL(o.calls);
  kl_desk_counts c;
  kl_desk_counts_get(desk, NULL, &c);
  assert_int_equal(c.unknown, 1);
  return x;
}

static void a_lost_order_is_found(void **state) {
  (void)state;
  kl_desk_order *x = lost();
  show_row(x->client_id, "resting", "4.00", "6.00");
  UNTIL(x->status == KL_DESK_RESTING);
  assert_string_equal(x->id, "o1");
  assert_int_equal(x->filled, 400);
  kl_desk_order_release(x);
}

static void a_lost_order_is_not_there(void **state) {
  (void)state;
  kl_desk_order *x = lost();
  run_for(500); /* reads that are no newer than the loss say nothing */
  assert_int_equal(x->status, KL_DESK_UNKNOWN);
  world.ahead_ms = 6000;
  UNTIL(x->status == KL_DESK_REJECTED);
  assert_string_equal(x->error->code, "not_done");
  assert_true(x->error->retryable);
  kl_desk_order_release(x);
}

/* ---- limits ---- */

static bool may_order(kl_count count) {
  kl_error e;
  outcome o = {0};
  kl_desk_order *y = NULL;
  kl_order_intent i = bid();
  i.count = count;
  bool ok = kl_desk_place(desk, maker, 3, &i, &y, on_answer, &o, NULL, &e);
  if (!ok) {
    assert_string_equal(e.code, "max_position");
    return false;
  }
  UNTIL(o.calls);
  kl_desk_order_release(y);
  return true;
}

static kl_desk_write *amend(kl_desk_order *x, kl_count total, outcome *o) {
  kl_error e;
  kl_desk_write *w = NULL;
  if (!kl_desk_amend(desk, x, 0, total, on_answer, o, &w, &e)) fail_msg("%s", e.message);
  return w;
}

static void take_call(kl_desk_write *w) {
  assert_non_null(w->call);
  kl_call_cancel(w->call);
  w->call = NULL;
}

/* As if its time were over, and nobody could say what became of it. */
static void lose(kl_desk_write *w, outcome *o) {
  kl_error e;
  take_call(w);
  kl_error_set(&e, KL_ERR_TIMEOUT, "no answer came");
  snprintf(e.code, sizeof e.code, "outcome_unknown");
  kl_desk_answered(w, NULL, &e);
  kl_desk_write_fail(w, &e);
  UNTIL(o->calls);
}

static void be_answered(kl_desk_write *w, const char *body) {
  kl_http_response res = {.status = 200, .body = body, .body_len = strlen(body)};
  take_call(w);
  kl_desk_answered(w, &res, NULL);
  kl_desk_write_end(w, 200, body, strlen(body));
}

/* Its cancel was looked up, so it is canceled; what was filled before is told later, and stays reserved until then. */
static void a_cancel_that_was_looked_up_frees_nothing_by_itself(void **state) {
  (void)state;
  kl_desk_order *x = resting();
  kl_error e;
  outcome c = {0};
  world.cancel =
      keep(0, json_answer(200, "{\"order_id\":\"o1\",\"reduced_by\":\"10.00\",\"ts_ms\":%lld,\"resolved\":true}",
                          (long long)now_ms()));
  assert_true(kl_desk_cancel(desk, x, on_answer, &c, NULL, &e));
  UNTIL(world.cancels && !kl_list_empty(&((kl_desk_entry *)x)->doubt_link));
  assert_false(kl_desk_status_final(x->status)); /* nor is it claimed that nothing was filled */
  assert_false(may_order(600));
  show_row(x->client_id, "canceled", "6.00", "0.00");
  UNTIL(c.calls);
  assert_false(c.failed);
  assert_int_equal(x->status, KL_DESK_CANCELED);
  assert_int_equal(x->filled, 600);
  assert_false(may_order(1000));
  say_fill("t1", "o1", "", "6.00");
  assert_false(may_order(1000));
  assert_true(may_order(900));
  kl_desk_order_release(x);
}

/* It may still be on its way when reads show that nothing has changed. */
static void a_lost_amend_stays_reserved(void **state) {
  (void)state;
  kl_desk_order *x = resting();
  outcome o = {0};
  lose(amend(x, 1400, &o), &o);
  show_row(x->client_id, "resting", "0.00", "10.00");
  run_for(700);
  assert_false(may_order(500));
  world.ahead_ms = 7000;
  UNTIL(!((kl_desk_entry *)x)->unsure);
  assert_int_equal(x->count, 1000);
  assert_true(may_order(500));
  kl_desk_order_release(x);
}

/* What is read for the first does not tell of the second, which was sent later. */
static void two_lost_amends_are_two_doubts(void **state) {
  (void)state;
  kl_desk_order *x = resting();
  outcome o = {0}, p = {0};
  lose(amend(x, 1200, &o), &o);
  run_for(50);
  int64_t later = kl_desk_now_ns(desk);
  assert_true(((kl_desk_entry *)x)->doubt_since_ns < later);
  lose(amend(x, 1400, &p), &p);
  assert_true(((kl_desk_entry *)x)->doubt_since_ns >= later);
  assert_false(may_order(200));
  kl_desk_order_release(x);
}

/* Amended to 14, then decreased by 5: 9 are left, whichever answer comes first. */
static void a_decrease_beside_an_amend_is_looked_up(void **state) {
  (void)state;
  kl_desk_order *x = resting();
  kl_error e;
  outcome a = {0}, b = {0};
  kl_desk_write *second = NULL, *first = amend(x, 1400, &a);
  assert_true(kl_desk_decrease(desk, x, 500, on_answer, &b, &second, &e));
  char body[128];
  snprintf(body, sizeof body, "{\"order_id\":\"o1\",\"remaining_count\":\"9.00\",\"ts_ms\":%lld}",
           (long long)now_ms() + 2);
  be_answered(second, body);
  snprintf(body, sizeof body, "{\"order_id\":\"o1\",\"remaining_count\":\"14.00\",\"ts_ms\":%lld}",
           (long long)now_ms() + 1);
  be_answered(first, body);
  UNTIL(a.calls && b.calls);
  assert_false(may_order(700));
  run_for(3);
  show_row(x->client_id, "resting", "0.00", "9.00");
  UNTIL(!((kl_desk_entry *)x)->unsure);
  assert_int_equal(x->count, 900);
  assert_false(may_order(700));
  assert_true(may_order(600));
  kl_desk_order_release(x);
}

/* All that was left is taken off: how much that was is not said. */
static void a_decrease_to_nothing_does_not_say_what_was_filled(void **state) {
  (void)state;
  kl_desk_order *x = resting();
  kl_error e;
  outcome o = {0};
  kl_desk_write *w = NULL;
  assert_true(kl_desk_decrease(desk, x, 800, on_answer, &o, &w, &e));
  char body[128];
  snprintf(body, sizeof body, "{\"order_id\":\"o1\",\"remaining_count\":\"0.00\",\"ts_ms\":%lld}", (long long)now_ms());
  be_answered(w, body);
  UNTIL(o.calls);
  assert_false(may_order(1000));
  show_row(x->client_id, "canceled", "6.00", "0.00");
  UNTIL(kl_desk_status_final(x->status));
  assert_int_equal(x->filled, 600);
  assert_false(may_order(1000));
  kl_desk_order_release(x);
}

/* Numbers at the ends of what can be written are numbers. */
static void odd_numbers_are_survived(void **state) {
  (void)state;
  static const char *const bodies[] = {"{\"reduce_by\":\"-92233720368547758.08\"}",
                                       "{\"reduce_to\":\"92233720368547758.07\"}",
                                       "{\"reduce_to\":\"-92233720368547758.08\"}"};
  kl_desk_order *x = resting();
  for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
    outcome o = {0};
    kl_error e;
    kl_call_request r = {.op = kl_operation_find("decrease_order"),
                         .path = "/portfolio/events/orders/o1/decrease",
                         .body = bodies[i],
                         .body_len = strlen(bodies[i])};
    assert_non_null(kl_desk_call(desk, maker, 3, &r, on_answer, &o, &e));
    UNTIL(o.calls);
  }
  outcome o = {0};
  world.create =
      keep(0, json_answer(201, "{\"order_id\":\"o9\",\"fill_count\":\"92233720368547758.07\",\"remaining_count\":"
                               "\"0.00\",\"average_fill_price\":\"9223372036854.77\",\"average_fee_paid\":"
                               "\"9223372036854.77\",\"ts_ms\":1}"));
  kl_order_intent i = bid();
  i.side = KL_ASK;
  kl_desk_order *y = place(&i, &o);
  UNTIL(o.calls);
  kl_desk_order_release(x);
  kl_desk_order_release(y);
}

/* ---- who is told may let go of others ---- */

typedef struct {
  kl_desk_listener l;
  kl_desk_order *held;
} holder;
static void let_go(void *data, kl_party *p, const kl_account_fill *f) {
  holder *h = data;
  (void)p;
  (void)f;
  kl_desk_order_release(h->held);
  h->held = NULL;
}

static kl_desk_order *ended(void) {
  kl_error e;
  kl_order_intent i = bid();
  kl_desk_entry *x = kl_desk_entry_new(desk, maker, 1, &i, &e);
  assert_non_null(x);
  kl_error_set(&e, KL_ERR_HTTP, "refused");
  assert_true(kl_desk_entry_reject(x, &e));
  kl_desk_entry_changed(x);
  return &x->o;
}

/* A fill comes late for the oldest order that is kept, and whoever hears of it lets go of another one. */
static void an_order_that_is_told_of_stays_while_it_is(void **state) {
  (void)state;
  kl_desk_order *x = resting();
  show_row(x->client_id, "canceled", "0.00", "0.00");
  cancel(x);
  assert_int_equal(x->status, KL_DESK_CANCELED);
  holder h = {.l = {.data = &h, .fill = let_go}, .held = ended()};
  kl_desk_listen(desk, &h.l);
  kl_desk_order_release(x); /* the oldest */
  while (desk->n_ended < KL_DESK_KEPT)
    kl_desk_order_release(ended());
  say_fill("t1", "o1", "", "1.00");
  assert_null(h.held);
  assert_ptr_equal(kl_desk_find(desk, "o1"), x);
  assert_int_equal(x->filled, 100);
  kl_desk_unlisten(&h.l);
}

static void two_at_once_do_not_pass_a_limit(void **state) {
  (void)state;
  outcome a = {0}, b = {0};
  kl_order_intent i = bid();
  kl_desk_order *x = place(&i, &a), *y = place(&i, &b), *z = NULL; /* 20 contracts, and 15 may be held */
  channels_open();
  UNTIL(a.calls && b.calls);
  assert_false(a.failed);
  assert_true(b.failed);
  assert_string_equal(b.error.kind, KL_ERR_RISK);
  assert_string_equal(b.error.code, "max_position");
  assert_int_equal(x->status, KL_DESK_RESTING);
  assert_int_equal(y->status, KL_DESK_REJECTED);
  assert_int_equal(world.creates, 1);
  kl_error e;
  outcome o = {0};
  kl_desk_write *w;
  assert_false(kl_desk_amend(desk, x, 0, 1600, on_answer, &o, &w, &e)); /* up */
  assert_string_equal(e.code, "max_position");
  assert_true(kl_desk_amend(desk, x, 0, 1400, on_answer, &o, &w, &e));
  UNTIL(o.calls);
  cancel(x);
  o = (outcome){0};
  world.create = NULL;
  assert_true(kl_desk_place(desk, maker, 3, &i, &z, on_answer, &o, &w, &e)); /* there is room again */
  UNTIL(o.calls);
  assert_false(o.failed);
  kl_desk_order_release(x);
  kl_desk_order_release(y);
  kl_desk_order_release(z);
}

static void a_fill_stays_counted(void **state) {
  (void)state;
  kl_desk_order *x = resting();
  kl_error e;
  outcome o = {0};
  kl_desk_write *w;
  kl_desk_order *y = NULL;
  say_fill("t1", "o1", "", "10.00");
  assert_int_equal(x->status, KL_DESK_FILLED);
  kl_order_intent i = bid();
  i.count = 600;
  assert_false(kl_desk_place(desk, maker, 3, &i, &y, on_answer, &o, &w, &e));
  assert_string_equal(e.code, "max_position");
  assert_null(y);
  i.count = 500;
  assert_true(kl_desk_place(desk, maker, 3, &i, &y, on_answer, &o, &w, &e));
  UNTIL(o.calls);
  kl_desk_order_release(x);
  kl_desk_order_release(y);
}

static void a_halted_party_sends_nothing_but_cancels(void **state) {
  (void)state;
  kl_desk_order *x = resting();
  kl_error e;
  outcome o = {0};
  kl_desk_write *w;
  kl_desk_order *y = NULL;
  kl_order_intent i = bid();
  kl_party_halt(maker, "it lost too much");
  assert_false(kl_desk_place(desk, maker, 3, &i, &y, on_answer, &o, &w, &e));
  assert_string_equal(e.kind, KL_ERR_RISK);
  assert_string_equal(e.code, "halted");
  assert_non_null(strstr(e.message, "it lost too much"));
  assert_false(kl_desk_amend(desk, x, 4300, 0, on_answer, &o, &w, &e));
  UNTIL(x->status == KL_DESK_CANCELED); /* what rests is canceled */
  kl_party_resume(maker);
  assert_null(kl_party_halted(maker));
  assert_true(kl_desk_place(desk, maker, 3, &i, &y, on_answer, &o, &w, &e));
  UNTIL(o.calls);
  kl_desk_order_release(x);
  kl_desk_order_release(y);
}

/* ---- raw operations ---- */

static void a_raw_order_is_named_and_known(void **state) {
  (void)state;
  outcome o = {0};
  kl_error e;
  assert_true(raw("create_order", "/portfolio/events/orders", ORDER, &o, &e));
  UNTIL(o.calls);
  assert_false(o.failed);
  kl_desk_order *x = kl_desk_find(desk, "o1");
  assert_non_null(x);
  assert_int_equal(x->status, KL_DESK_RESTING);
  assert_non_null(strstr(world.last_body, x->client_id));
}

static void each_order_of_a_batch_is_its_own(void **state) {
  (void)state;
  outcome o = {0};
  kl_error e;
  world.batch =
      keep(0, json_answer(201,
                          "{\"orders\":[{\"order_id\":\"b1\",\"fill_count\":\"0.00\",\"remaining_count\":"
                          "\"10.00\",\"ts_ms\":%lld},{\"error\":{\"code\":\"invalid_price\",\"message\":\"off "
                          "the grid\"}}]}",
                          (long long)now_ms()));
  assert_true(
      raw("batch_create_orders", "/portfolio/events/orders/batched", "{\"orders\":[" ORDER "," ORDER "]}", &o, &e));
  UNTIL(o.calls);
  assert_false(o.failed);
  kl_desk_order *second = kl_desk_next(desk, maker, NULL), *first = kl_desk_next(desk, maker, second);
  assert_string_equal(first->id, "b1");
  assert_int_equal(first->status, KL_DESK_RESTING);
  assert_int_equal(second->status, KL_DESK_REJECTED);
  assert_string_equal(second->reason, "invalid_price");
}

static void limits_hold_for_raw_orders(void **state) {
  (void)state;
  outcome o = {0};
  kl_error e;
  assert_false(raw("create_order", "/portfolio/events/orders", "{\"ticker\":\"T\",\"count\":10}", &o, &e));
  assert_string_equal(e.kind, KL_ERR_VALIDATION);
  assert_true(
      raw("batch_create_orders", "/portfolio/events/orders/batched", "{\"orders\":[" ORDER "," ORDER "]}", &o, &e));
  kl_error ignored;
  (void)kl_desk_watch_account(desk, &ignored);
  channels_open();
  UNTIL(o.calls);
  assert_true(o.failed);
  assert_string_equal(o.error.code, "max_position");
  assert_non_null(strstr(o.error.message, "order 2 of 2"));
  o = (outcome){0};
  /* What may become a position, and nobody knows of what size. */
  kl_call_request odd = {.method = "POST", .path = "/portfolio/events/orders%2f", .body = ORDER, .body_len = 1};
  assert_null(kl_desk_call(desk, maker, 3, &odd, on_answer, &o, &e));
  assert_string_equal(e.code, "unknown_size");
  for (size_t i = 0; i < peer.count; i++)
    assert_false(is(peer.requests[i], "POST"));
}

static void a_client_id_is_used_once(void **state) {
  (void)state;
  outcome o = {0}, p = {0};
  kl_error e;
  kl_desk_order *y = NULL;
  kl_desk_write *w;
  kl_order_intent i = bid();
  i.client_id = "mine";
  kl_desk_order *x = place(&i, &o);
  assert_false(kl_desk_place(desk, maker, 3, &i, &y, on_answer, &p, &w, &e));
  assert_string_equal(e.kind, KL_ERR_VALIDATION);
  UNTIL(o.calls);
  kl_desk_order_release(x);
}

/* ---- the feed goes away in every state ---- */

static void reconnect(void) {
  link_breaks(0);
  link_peer.ws = NULL;
  channels_open();
}

static void pending_over_a_disconnect(void **state) {
  (void)state;
  outcome o = {0};
  kl_error e;
  world.create = HANG;
  kl_order_intent i = bid();
  kl_desk_order *x = place(&i, &o);
  UNTIL(world.creates);
  if (!kl_desk_watch_account(desk, &e)) fail_msg("%s", e.message);
  channels_open();
  link_breaks(0);
  show_row(x->client_id, "resting", "4.00", "6.00");
  link_peer.ws = NULL;
  channels_open();
  UNTIL(x->status == KL_DESK_RESTING);
  assert_string_equal(x->id, "o1");
  assert_int_equal(x->filled, 400);
  assert_int_equal(x->writes, 1); /* its answer may still come */
  close_desk();
  kl_desk_order_release(x);
}

static void resting_over_a_disconnect(void **state) {
  (void)state;
  kl_desk_order *x = resting();
  show_row(x->client_id, "executed", "10.00", "0.00");
  reconnect();
  UNTIL(x->status == KL_DESK_FILLED);
  assert_int_equal(x->filled, 1000);
  kl_desk_order_release(x);
}

static void partly_filled_over_a_disconnect(void **state) {
  (void)state;
  kl_desk_order *x = resting();
  say_fill("t1", "o1", "", "4.00");
  show_row(x->client_id, "canceled", "6.00", "0.00");
  reconnect();
  UNTIL(x->status == KL_DESK_CANCELED);
  assert_int_equal(x->filled, 600);
  assert_int_equal(x->seen, 400);
  say_fill("t2", "o1", "", "2.00"); /* it is told of late, and changes nothing but what is seen */
  assert_int_equal(x->filled, 600);
  assert_int_equal(x->seen, 600);
  assert_int_equal(x->status, KL_DESK_CANCELED);
  kl_desk_order_release(x);
}

static const char *a_fill_listed(const char *request) {
  if (!is(request, GET "/portfolio/fills?")) return NULL;
  return json_answer(200, "{\"fills\":[{\"fill_id\":\"f1\",\"trade_id\":\"t1\",\"order_id\":\"o1\",\"ticker\":\"T\","
                          "\"market_ticker\":\"T\",\"outcome_side\":\"yes\",\"book_side\":\"bid\",\"side\":\"yes\","
                          "\"action\":\"buy\",\"count_fp\":\"10.00\",\"yes_price_dollars\":\"0.4200\","
                          "\"no_price_dollars\":\"0.5800\",\"fee_cost\":\"0.0100\",\"is_taker\":false,\"ts\":1,"
                          "\"created_time\":\"2026-11-26T00:00:00Z\"}],\"cursor\":\"\"}");
}

/* The channel of fills has no numbers by which a missing one would show: that of orders says how many there were. */
static void a_fill_that_the_channel_lost_is_read(void **state) {
  (void)state;
  kl_desk_order *x = resting();
  const kl_account *a = kl_session_account(session);
  kl_account_status loaded = {0};
  kl_desk_counts c;
  UNTIL((kl_account_status_get(a, &loaded), loaded.loaded));
  world.also = a_fill_listed;
  say_order("o1", x->client_id, "executed", "10.00", "0.00", "Trade");
  assert_int_equal(x->status, KL_DESK_FILLED);
  assert_int_equal(x->seen, 0);
  assert_null(kl_account_fill_next(a, NULL));
  UNTIL(x->seen == 1000);
  assert_int_equal(x->filled, 1000);
  assert_int_equal(x->cost, 1000 * 4200);
  assert_int_equal(x->fees, 10000);
  assert_string_equal(kl_account_fill_next(a, NULL)->trade_id, "t1");
  say_fill("t1", "o1", "", "10.00"); /* it only was late */
  assert_int_equal(x->seen, 1000);
  kl_desk_counts_get(desk, maker, &c);
  assert_int_equal(c.fills, 1);
  kl_desk_order_release(x);
}

static void unknown_over_a_disconnect(void **state) {
  (void)state;
  kl_desk_order *x = lost();
  kl_error e;
  if (!kl_desk_watch_account(desk, &e)) fail_msg("%s", e.message);
  channels_open();
  show_row(x->client_id, "executed", "10.00", "0.00");
  reconnect();
  UNTIL(x->status == KL_DESK_FILLED);
  assert_string_equal(x->id, "o1");
  kl_desk_order_release(x);
}

static void final_over_a_disconnect(void **state) {
  (void)state;
  kl_desk_order *x = resting();
  cancel(x);
  uint64_t version = x->version;
  show_row(x->client_id, "resting", "0.00", "10.00"); /* a read that is old */
  reconnect();
  run_for(300);
  assert_int_equal(x->status, KL_DESK_CANCELED);
  assert_int_equal(x->version, version);
  kl_desk_order_release(x);
}

static int fills_asked_for;
static const char *a_fill_listed_and_counted(const char *request) {
  const char *answer = a_fill_listed(request);
  fills_asked_for += answer != NULL;
  return answer;
}

/* An account whose channels have ended tells nobody of a fill: it is read once they are there again. */
static void a_lost_fill_is_read_when_it_can_be_told(void **state) {
  (void)state;
  kl_desk_order *x = resting();
  kl_desk_entry *entry = (kl_desk_entry *)x;
  kl_account *a = kl_session_account(session);
  kl_account_status loaded = {0};
  UNTIL((kl_account_status_get(a, &loaded), loaded.loaded));
  fills_asked_for = 0;
  world.also = a_fill_listed_and_counted;
  say_order("o1", x->client_id, "executed", "10.00", "0.00", "Trade");
  assert_false(kl_list_empty(&entry->missing_link));
  a->started = false;
  entry->missing_next_ns = 0;
  run_for(300);
  assert_int_equal(fills_asked_for, 0);
  assert_int_equal(entry->missing_tries, 0);
  a->started = true;
  UNTIL(x->seen == 1000);
  kl_desk_order_release(x);
}

/* ---- its end ---- */

static void its_end_tells_who_waits(void **state) {
  (void)state;
  outcome o = {0};
  kl_order_intent i = bid();
  world.create = HANG;
  kl_desk_order *x = place(&i, &o);
  UNTIL(world.creates);
  close_desk();
  assert_int_equal(o.calls, 1);
  assert_string_equal(o.error.kind, KL_ERR_CLOSED);
  assert_string_equal(o.error.code, "outcome_unknown");
  assert_null(x->party); /* the record outlives the desk */
  kl_desk_order_release(x);
}

typedef struct {
  int calls;
  size_t canceled;
  bool failed;
} all_outcome;
static void note_all(void *data, size_t canceled, const kl_error *e) {
  all_outcome *o = data;
  o->calls++;
  o->canceled = canceled;
  o->failed = e != NULL;
}

static void all_are_canceled(void **state) {
  (void)state;
  kl_desk_order *x = resting(), *y;
  outcome o = {0};
  all_outcome all = {0};
  kl_order_intent i = bid();
  y = place(&i, &o);
  UNTIL(o.calls);
  assert_true(kl_desk_cancel_all(desk, maker, note_all, &all));
  assert_int_equal(all.calls, 0);
  UNTIL(all.calls);
  assert_int_equal(all.canceled, 2);
  assert_false(all.failed);
  assert_int_equal(x->status, KL_DESK_CANCELED);
  assert_int_equal(y->status, KL_DESK_CANCELED);
  all = (all_outcome){0};
  assert_true(kl_desk_cancel_all(desk, NULL, note_all, &all)); /* of the account, where nothing rests */
  UNTIL(all.calls);
  assert_false(all.failed);
  kl_desk_order_release(x);
  kl_desk_order_release(y);
}

static int resting_listed;
static const char *no_list_at_first(const char *request) {
  bool listed = is(request, GET "/portfolio/orders?") && strstr(request, "status=resting");
  return listed && ++resting_listed <= 2 ? json_answer(200, "{}") : NULL;
}

/* An answer without a list does not say that nothing rests. */
static void all_are_canceled_again_where_the_list_is_none(void **state) {
  (void)state;
  all_outcome all = {0};
  resting_listed = 0;
  world.also = no_list_at_first;
  assert_true(kl_desk_cancel_all(desk, NULL, note_all, &all));
  UNTIL(all.calls);
  assert_false(all.failed);
  assert_int_equal(resting_listed, 3); /* how many there are, and what is left: twice */
  assert_int_equal(world.cancels, 2);
}

int main(void) {
  kl_log_set_level(KL_LOG_ERROR);
  const struct CMUnitTest tests[] = {
      IN(begin_world, an_order_lives),
      IN(begin_world, fills_come_before_the_answer),
      IN(begin_world, a_refusal_says_why),
      IN(begin_world, a_cancel_waits_for_a_pending_order),
      IN(begin_world, a_cancel_of_a_gone_order_finds_out),
      IN(begin_world, a_change_of_a_gone_order_finds_out),
      IN(begin_world, a_change_that_finds_nothing_of_a_resting_order_fails),
      IN(begin_limited, what_was_not_sent_is_taken_back),
      IN(begin_world, a_lost_order_is_found),
      IN(begin_world, a_lost_order_is_not_there),
      IN(begin_limited, a_cancel_that_was_looked_up_frees_nothing_by_itself),
      IN(begin_limited, a_lost_amend_stays_reserved),
      IN(begin_limited, two_lost_amends_are_two_doubts),
      IN(begin_limited, a_decrease_beside_an_amend_is_looked_up),
      IN(begin_limited, a_decrease_to_nothing_does_not_say_what_was_filled),
      IN(begin_world, odd_numbers_are_survived),
      IN(begin_world, an_order_that_is_told_of_stays_while_it_is),
      IN(begin_limited, two_at_once_do_not_pass_a_limit),
      IN(begin_limited, a_fill_stays_counted),
      IN(begin_world, a_halted_party_sends_nothing_but_cancels),
      IN(begin_world, a_raw_order_is_named_and_known),
      IN(begin_world, each_order_of_a_batch_is_its_own),
      IN(begin_limited, limits_hold_for_raw_orders),
      IN(begin_world, a_client_id_is_used_once),
      IN(begin_world, pending_over_a_disconnect),
      IN(begin_world, resting_over_a_disconnect),
      IN(begin_world, partly_filled_over_a_disconnect),
      IN(begin_world, a_fill_that_the_channel_lost_is_read),
      IN(begin_world, a_lost_fill_is_read_when_it_can_be_told),
      IN(begin_world, unknown_over_a_disconnect),
      IN(begin_world, final_over_a_disconnect),
      IN(begin_world, its_end_tells_who_waits),
      IN(begin_world, all_are_canceled),
      IN(begin_world, all_are_canceled_again_where_the_list_is_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
