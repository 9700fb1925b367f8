/* Ranks, order groups, pauses and the life of markets, as the matching engine has them. */
#include "unit/exchange_world.h"

/* ---- orders that rank last ---- */

static const kl_order *place_behind(world *w, uint32_t user, kl_side side, kl_price price, kl_count count) {
  kl_order_request r = request(user, side, price, count);
  r.behind = true;
  assert_int_equal(send_order(w, r), KL_X_OK);
  return w->out.order;
}

static void orders_behind_let_later_ones_of_their_price_go_first(void **state) {
  world *w = *state;
  const kl_order *behind = place_behind(w, BOB, KL_ASK, 5000, 100);
  const kl_order *second = place_behind(w, CAT, KL_ASK, 5000, 100);
  const kl_order *late = place(w, CAT, KL_ASK, 5000, 100);
  const kl_order *worse = place(w, CAT, KL_ASK, 5100, 100);
  assert_int_equal(kl_exchange_queue_position(w->x, late), 0);
  assert_int_equal(kl_exchange_queue_position(w->x, behind), 100);
  assert_int_equal(kl_exchange_queue_position(w->x, second), 200);
  place(w, ANN, KL_BID, 5000, 150);
  assert_int_equal(late->status, KL_ORDER_EXECUTED);
  assert_int_equal(behind->remaining, 50);
  assert_int_equal(second->remaining, 100);
  const kl_order *later = place(w, CAT, KL_ASK, 5000, 100);
  assert_int_equal(kl_exchange_queue_position(w->x, behind), 100);
  place(w, ANN, KL_BID, 5100, 250);
  assert_int_equal(later->status, KL_ORDER_EXECUTED);
  assert_int_equal(behind->status, KL_ORDER_EXECUTED);
  assert_int_equal(second->status, KL_ORDER_EXECUTED);
  assert_int_equal(worse->status, KL_ORDER_RESTING);
}

static void a_larger_order_stays_behind(void **state) {
  world *w = *state;
  const kl_order *behind = place_behind(w, BOB, KL_BID, 4000, 100);
  assert_int_equal(amend(w, behind, 4000, 300), KL_X_OK);
  const kl_order *late = place(w, CAT, KL_BID, 4000, 100);
  assert_int_equal(kl_exchange_queue_position(w->x, behind), 100);
  assert_int_equal(amend(w, late, 4000, 200), KL_X_OK);
  assert_int_equal(kl_exchange_queue_position(w->x, late), 0);
  assert_int_equal(amend(w, behind, 4100, 300), KL_X_OK);
  const kl_order *moved = place(w, CAT, KL_BID, 4100, 50);
  assert_int_equal(kl_exchange_queue_position(w->x, moved), 0);
  assert_int_equal(kl_exchange_queue_position(w->x, behind), 50);
}

/* ---- order groups ---- */

static const kl_order_group *new_group(world *w, uint32_t user, kl_count limit) {
  const kl_order_group *g = NULL;
  assert_int_equal(kl_exchange_group_create(w->x, w->now, user, 0, 0, limit, &g), KL_X_OK);
  assert_non_null(g);
  return g;
}

static kl_group_key key_of(const kl_order_group *g) { return (kl_group_key){g->user, g->subaccount, g->shard, g->id}; }

static kl_exchange_result send_in(world *w, const kl_order_group *g, kl_side side, kl_price price, kl_count count) {
  kl_order_request r = request(g->user, side, price, count);
  r.order_group_id = g->id;
  return send_order(w, r);
}

static const kl_order *place_in(world *w, const kl_order_group *g, kl_side side, kl_price price, kl_count count) {
  assert_int_equal(send_in(w, g, side, price, count), KL_X_OK);
  return w->out.order;
}

static size_t resting_in(const kl_order_group *g) {
  size_t n = 0;
  for (const kl_order *o = NULL; (o = kl_exchange_group_order_next(g, o));)
    n++;
  return n;
}

static void more_than_the_limit_cancels_the_rest_and_refuses_new_ones(void **state) {
  world *w = *state;
  const kl_order_group *g = new_group(w, BOB, 200);
  const kl_order *first = place_in(w, g, KL_ASK, 5000, 200), *second = place_in(w, g, KL_ASK, 5100, 300),
                 *third = place_in(w, g, KL_BID, 3000, 100), *other = place(w, BOB, KL_ASK, 5200, 100);
  assert_string_equal(first->order_group_id, g->id);
  place(w, ANN, KL_BID, 5000, 200); /* the limit itself is allowed */
  assert_int_equal(first->status, KL_ORDER_EXECUTED);
  assert_false(g->triggered);
  assert_int_equal(kl_exchange_group_volume(w->x, g), 200);
  w->log[0] = '\0';
  place(w, ANN, KL_BID, 5300, 150); /* trips at 5100, and takes what is left elsewhere */
  assert_true(g->triggered);
  assert_int_equal(second->filled, 150);
  assert_int_equal(second->status, KL_ORDER_CANCELED);
  assert_int_equal(second->reason, KL_REASON_GROUP);
  assert_null(kl_update_reason_name(second->reason));
  assert_int_equal(third->status, KL_ORDER_CANCELED);
  assert_int_equal(other->status, KL_ORDER_RESTING);
  assert_int_equal(resting_in(g), 0);
  assert_string_equal(w->log, "level:no:4900:-150:1 trade:5100:150:bid fill:1:maker:-350 fill:0:taker:350 "
                              "order:1:resting:150:Trade position:1/0:-350 position:0/0:350 "
                              "level:no:4900:-150:1 order:1:canceled:0:- level:yes:3000:-100:1 "
                              "order:1:canceled:0:- group:1:triggered order:0:executed:0:Trade");
  assert_int_equal(send_in(w, g, KL_ASK, 6000, 100), KL_X_GROUP_TRIGGERED);
  w->now += 60 * SECOND; /* time does not reset it */
  assert_int_equal(send_in(w, g, KL_ASK, 6000, 100), KL_X_GROUP_TRIGGERED);
  kl_group_key k = key_of(g);
  assert_int_equal(kl_exchange_group_reset(w->x, w->now, &k), KL_X_OK);
  assert_int_equal(send_in(w, g, KL_ASK, 6000, 100), KL_X_OK);
}

static void the_order_that_trips_fills_first(void **state) {
  world *w = *state;
  const kl_order_group *g = new_group(w, ANN, 100);
  place(w, BOB, KL_ASK, 5000, 200);
  place(w, CAT, KL_ASK, 5100, 200);
  const kl_order *o = place_in(w, g, KL_BID, 5100, 500);
  assert_int_equal(o->filled, 400); /* not cut at the limit */
  assert_int_equal(o->status, KL_ORDER_CANCELED);
  assert_int_equal(o->reason, KL_REASON_GROUP);
  assert_int_equal(w->out.filled, 400);
  assert_int_equal(w->out.remaining, 0);
  assert_true(g->triggered);
}

static void the_window_rolls_over_fifteen_seconds(void **state) {
  world *w = *state;
  const kl_order_group *g = new_group(w, BOB, 200);
  const kl_order *o = place_in(w, g, KL_ASK, 5000, 1000);
  place(w, ANN, KL_BID, 5000, 150);
  w->now += 10 * SECOND;
  place(w, ANN, KL_BID, 5000, 50);
  assert_int_equal(kl_exchange_group_volume(w->x, g), 200);
  w->now += 5 * SECOND - 1;
  (void)kl_exchange_tick(w->x, w->now);
  assert_int_equal(kl_exchange_group_volume(w->x, g), 200);
  w->now += 1; /* the first fill is fifteen seconds old */
  (void)kl_exchange_tick(w->x, w->now);
  assert_int_equal(kl_exchange_group_volume(w->x, g), 50);
  place(w, ANN, KL_BID, 5000, 150);
  assert_false(g->triggered);
  assert_int_equal(o->status, KL_ORDER_RESTING);
  place(w, ANN, KL_BID, 5000, 1);
  assert_true(g->triggered);
  assert_int_equal(o->status, KL_ORDER_CANCELED);
}

static void groups_are_triggered_lowered_reset_and_deleted_by_hand(void **state) {
  world *w = *state;
  const kl_order_group *g = new_group(w, BOB, 500);
  kl_group_key k = key_of(g);
  const kl_order *o = place_in(w, g, KL_ASK, 5000, 1000);
  place(w, ANN, KL_BID, 5000, 300);
  w->log[0] = '\0';
  assert_int_equal(kl_exchange_group_set_limit(w->x, w->now, &k, 300), KL_X_OK);
  assert_int_equal(o->status, KL_ORDER_RESTING);
  assert_int_equal(kl_exchange_group_set_limit(w->x, w->now, &k, 299), KL_X_OK);
  assert_int_equal(o->status, KL_ORDER_CANCELED);
  assert_string_equal(w->log, "group:1:limit_updated group:1:limit_updated level:no:5000:-700:1 "
                              "order:1:canceled:0:- group:1:triggered");
  assert_int_equal(kl_exchange_group_reset(w->x, w->now, &k), KL_X_OK);
  assert_int_equal(kl_exchange_group_volume(w->x, g), 0);
  place_in(w, g, KL_ASK, 5000, 100);
  w->log[0] = '\0';
  assert_int_equal(kl_exchange_group_trigger(w->x, w->now, &k), KL_X_OK);
  assert_int_equal(kl_exchange_group_trigger(w->x, w->now, &k), KL_X_OK);
  assert_string_equal(w->log, "level:no:5000:-100:1 order:1:canceled:0:- group:1:triggered");
  assert_int_equal(kl_exchange_group_reset(w->x, w->now, &k), KL_X_OK);
  o = place_in(w, g, KL_ASK, 5000, 100);
  char id[37];
  memcpy(id, g->id, sizeof id);
  k.id = id;
  assert_int_equal(kl_exchange_group_delete(w->x, w->now, &k), KL_X_OK);
  assert_int_equal(o->status, KL_ORDER_CANCELED);
  assert_string_equal(o->order_group_id, id);
  assert_null(kl_exchange_group(w->x, BOB, id));
  assert_null(kl_exchange_group_next(w->x, BOB, NULL));
  assert_int_equal(kl_exchange_group_delete(w->x, w->now, &k), KL_X_NOT_FOUND);
  kl_order_request r = request(BOB, KL_ASK, 5000, 100);
  r.order_group_id = id;
  assert_int_equal(send_order(w, r), KL_X_GROUP_NOT_FOUND);
}

static void a_group_is_of_one_user_subaccount_and_shard(void **state) {
  world *w = *state;
  const kl_order_group *g = new_group(w, BOB, 500), *on_two;
  kl_order_request r = request(ANN, KL_ASK, 5000, 100);
  r.order_group_id = g->id;
  assert_int_equal(send_order(w, r), KL_X_GROUP_NOT_FOUND);
  r.user = BOB;
  r.subaccount = 3;
  assert_int_equal(kl_exchange_group_create(w->x, w->now, BOB, 3, 0, 500, NULL), KL_X_NO_SUBACCOUNT);
  assert_int_equal(kl_exchange_open_subaccount(w->x, BOB, 3, 0), KL_X_OK);
  assert_int_equal(send_order(w, r), KL_X_GROUP_NOT_FOUND);
  assert_int_equal(kl_exchange_group_create(w->x, w->now, BOB, 0, 2, 500, &on_two), KL_X_OK);
  r.subaccount = 0;
  r.order_group_id = on_two->id;
  assert_int_equal(send_order(w, r), KL_X_GROUP_NOT_FOUND);
  kl_group_key k = key_of(g);
  k.shard = 2;
  assert_int_equal(kl_exchange_group_trigger(w->x, w->now, &k), KL_X_NOT_FOUND);
  k = key_of(g);
  k.subaccount = 1;
  assert_int_equal(kl_exchange_group_reset(w->x, w->now, &k), KL_X_NOT_FOUND);
  assert_ptr_equal(kl_exchange_group_next(w->x, BOB, NULL), g);
  assert_ptr_equal(kl_exchange_group_next(w->x, BOB, g), on_two);
  assert_null(kl_exchange_group_next(w->x, BOB, on_two));
  assert_null(kl_exchange_group_next(w->x, ANN, NULL));
  assert_int_equal(kl_exchange_group_create(w->x, w->now, BOB, 64, 0, 500, NULL), KL_X_INVALID_PARAMETERS);
  assert_int_equal(kl_exchange_group_create(w->x, w->now, BOB, 0, 4, 500, NULL), KL_X_INVALID_PARAMETERS);
  assert_int_equal(kl_exchange_group_create(w->x, w->now, BOB, 0, 0, 99, NULL), KL_X_INVALID_PARAMETERS);
  assert_int_equal(kl_exchange_group_create(w->x, w->now, BOB, 0, 0, 100000001, NULL), KL_X_INVALID_PARAMETERS);
}

static void a_user_has_a_hundred_thousand_groups_at_most(void **state) {
  world *w = *state;
  kl_exchange *x = kl_exchange_new(&(kl_exchange_options){.seed = 1}); /* without a sink that keeps a log */
  assert_int_equal(kl_exchange_add_user(x, 0), ANN);
  assert_int_equal(kl_exchange_add_user(x, 0), BOB);
  for (int i = 0; i < 100000; i++)
    assert_int_equal(kl_exchange_group_create(x, w->now, ANN, 0, 0, 100, NULL), KL_X_OK);
  assert_int_equal(kl_exchange_group_create(x, w->now, ANN, 0, 0, 100, NULL), KL_X_TOO_MANY_GROUPS);
  assert_int_equal(kl_exchange_group_create(x, w->now, BOB, 0, 0, 100, NULL), KL_X_OK);
  kl_group_key k = key_of(kl_exchange_group_next(x, ANN, NULL));
  assert_int_equal(kl_exchange_group_delete(x, w->now, &k), KL_X_OK);
  assert_int_equal(kl_exchange_group_create(x, w->now, ANN, 0, 0, 100, NULL), KL_X_OK);
  kl_exchange_free(x);
}

/* A fill-or-kill may not count on orders that go when their group is triggered halfway. */
static void a_fill_or_kill_sees_the_trigger_coming(void **state) {
  world *w = *state;
  const kl_order_group *g = new_group(w, BOB, 100);
  const kl_order *first = place_in(w, g, KL_ASK, 5000, 200), *second = place_in(w, g, KL_ASK, 5000, 200);
  place_as(w, ANN, KL_BID, 5000, 300, KL_TIF_FOK, KL_STP_MAKER);
  assert_int_equal(w->out.filled, 0);
  assert_int_equal(first->remaining, 200);
  place_as(w, ANN, KL_BID, 5000, 200, KL_TIF_FOK, KL_STP_MAKER);
  assert_int_equal(w->out.filled, 200);
  assert_int_equal(second->status, KL_ORDER_CANCELED);
}

static void an_amended_order_stays_in_its_group(void **state) {
  world *w = *state;
  const kl_order_group *g = new_group(w, BOB, 100);
  const kl_order *o = place_in(w, g, KL_ASK, 6000, 200), *rest = place_in(w, g, KL_ASK, 7000, 200);
  assert_int_equal(amend(w, o, 6100, 300), KL_X_OK);
  assert_int_equal(resting_in(g), 2);
  place(w, ANN, KL_BID, 5000, 150);
  assert_int_equal(amend(w, o, 5000, 300), KL_X_OK); /* trades, trips, and does not rest */
  assert_int_equal(w->out.filled, 150);
  assert_int_equal(w->out.remaining, 0);
  assert_int_equal(o->reason, KL_REASON_GROUP);
  assert_int_equal(rest->status, KL_ORDER_CANCELED);
  assert_true(g->triggered);
}

/* Back after a restart: the group watches the same orders and has not forgotten what filled just now. */
static void a_restored_group_goes_on(void **state) {
  world *w = *state;
  const kl_order_group *g = new_group(w, BOB, 200);
  const kl_order *o = place_in(w, g, KL_ASK, 5000, 1000);
  place(w, ANN, KL_BID, 5000, 120);
  kl_order_group saved = *g;
  assert_int_equal(kl_exchange_group_restore(w->x, &saved), KL_X_EXISTS);
  memcpy(saved.id, "9a2bd8b1-c4fe-4a0a-9a58-7b0f3d27a9c5", sizeof saved.id);
  memcpy(((kl_order *)o)->order_group_id, saved.id, sizeof saved.id); // NOLINT: as a restart would find it
  assert_int_equal(kl_exchange_group_restore(w->x, &saved), KL_X_OK);
  const kl_order_group *back = kl_exchange_group(w->x, BOB, saved.id);
  assert_int_equal(resting_in(back), 1);
  assert_int_equal(kl_exchange_group_volume(w->x, back), 120);
  place(w, ANN, KL_BID, 5000, 81);
  assert_true(back->triggered);
  assert_int_equal(o->status, KL_ORDER_CANCELED);
}

/* ---- pauses ---- */

static void a_trading_pause_stops_placing_and_amending_only(void **state) {
  world *w = *state;
  const kl_order *same, *a = place(w, ANN, KL_BID, 4000, 300), *b = place(w, ANN, KL_BID, 4100, 100);
  kl_exchange_set_paused(w->x, w->now, true);
  assert_int_equal(send_order(w, request(BOB, KL_ASK, 6000, 100)), KL_X_PAUSED);
  assert_int_equal(amend(w, a, 4200, 300), KL_X_PAUSED);
  assert_int_equal(amend(w, a, 4000, 200), KL_X_PAUSED);
  assert_int_equal(kl_exchange_decrease(w->x, w->now, ANN, 0, a->id, 100, -1, &same), KL_X_OK);
  assert_int_equal(cancel(w, b), KL_X_OK);
  assert_int_equal(kl_exchange_cancel_all(w->x, w->now, ANN, -1), 1);
  kl_exchange_set_paused(w->x, w->now, false);
  assert_int_equal(send_order(w, request(BOB, KL_ASK, 6000, 100)), KL_X_OK);
}

static void in_an_exchange_pause_nothing_works(void **state) {
  world *w = *state;
  const kl_order *same, *o = place(w, ANN, KL_BID, 4000, 300);
  const kl_order_group *g = new_group(w, ANN, 500);
  kl_group_key k = key_of(g);
  int64_t resume;
  assert_true(kl_exchange_set_pause(w->x, w->now, KL_ALL_SHARDS, KL_EXCHANGE_PAUSE, w->now + 60 * SECOND));
  assert_int_equal(kl_exchange_pause_of(w->x, 3, &resume), KL_EXCHANGE_PAUSE);
  assert_int_equal(resume, w->now + 60 * SECOND);
  assert_int_equal(send_order(w, request(BOB, KL_ASK, 6000, 100)), KL_X_EXCHANGE_PAUSED);
  assert_int_equal(amend(w, o, 4000, 200), KL_X_EXCHANGE_PAUSED);
  assert_int_equal(cancel(w, o), KL_X_EXCHANGE_PAUSED);
  assert_int_equal(kl_exchange_decrease(w->x, w->now, ANN, 0, o->id, 100, -1, &same), KL_X_EXCHANGE_PAUSED);
  assert_int_equal(kl_exchange_cancel_all(w->x, w->now, ANN, -1), 0);
  assert_int_equal(kl_exchange_group_trigger(w->x, w->now, &k), KL_X_EXCHANGE_PAUSED);
  assert_int_equal(kl_exchange_group_create(w->x, w->now, ANN, 0, 0, 500, NULL), KL_X_EXCHANGE_PAUSED);
  assert_int_equal(o->status, KL_ORDER_RESTING);
  assert_int_equal(kl_exchange_send(w->x, ANN, 0, 0, DOLLARS(1)), KL_X_EXCHANGE_PAUSED);
  assert_true(kl_exchange_set_pause(w->x, w->now, 0, KL_RUNNING, 0));
  assert_int_equal(kl_exchange_send(w->x, ANN, 0, 0, DOLLARS(1)), KL_X_OK);
  assert_int_equal(kl_exchange_arrive(w->x, ANN, 0, 1, DOLLARS(1)), KL_X_EXCHANGE_PAUSED); /* it waits */
  assert_true(kl_exchange_set_pause(w->x, w->now, KL_ALL_SHARDS, KL_RUNNING, 0));
  assert_int_equal(kl_exchange_arrive(w->x, ANN, 0, 1, DOLLARS(1)), KL_X_OK);
  assert_int_equal(cancel(w, o), KL_X_OK);
}

static void a_shard_pauses_alone(void **state) {
  world *w = *state;
  kl_order_request r = request(ANN, KL_BID, 4000, 300);
  r.cancel_on_pause = true;
  assert_int_equal(send_order(w, r), KL_X_OK);
  const kl_order *o = w->out.order;
  assert_true(kl_exchange_set_pause(w->x, w->now, 2, KL_TRADING_PAUSE, 0));
  assert_int_equal(o->status, KL_ORDER_RESTING);
  place(w, BOB, KL_ASK, 6000, 100);
  assert_false(kl_exchange_paused(w->x));
  assert_true(kl_exchange_set_pause(w->x, w->now, 0, KL_EXCHANGE_PAUSE, 0));
  assert_int_equal(o->status, KL_ORDER_CANCELED);
  assert_string_equal(kl_update_reason_name(o->reason), "HaltCancel");
  assert_true(kl_exchange_paused(w->x));
  assert_false(kl_exchange_set_pause(w->x, w->now, 4, KL_TRADING_PAUSE, 0));
}

/* More than ten thousand take more than one call. */
static void cancel_all_takes_ten_thousand_at_a_time(void **state) {
  (void)state;
  kl_exchange *x = kl_exchange_new(&(kl_exchange_options){.seed = 1});
  (void)add_market(x, "M", "linear_cent", KL_FEE_QUADRATIC, 0, 0);
  assert_int_equal(kl_exchange_add_user(x, DOLLARS(1000)), ANN);
  kl_order_request r = request(ANN, KL_BID, 100, 1);
  for (int i = 0; i < 10500; i++)
    assert_int_equal(kl_exchange_create(x, START, &r, NULL), KL_X_OK);
  assert_int_equal(kl_exchange_cancel_all(x, START, ANN, -1), 10000);
  assert_int_equal(kl_exchange_cancel_all(x, START, ANN, -1), 500);
  kl_exchange_free(x);
}

/* ---- the life of a market ---- */

static void a_market_may_close_early_and_reopen(void **state) {
  world *w = *state;
  kl_market *m = add_market(w->x, "E", "linear_cent", KL_FEE_QUADRATIC, 0, w->now + 100 * SECOND);
  kl_order_request r = request(ANN, KL_BID, 4000, 300);
  r.ticker = "E";
  assert_int_equal(send_order(w, r), KL_X_OK);
  const kl_order *o = w->out.order;
  w->log[0] = '\0';
  assert_int_equal(kl_exchange_set_close(w->x, w->now, m, w->now + 200 * SECOND), KL_X_OK);
  assert_string_equal(w->log, "close_date_updated");
  w->now += 150 * SECOND; /* past the first date */
  (void)kl_exchange_tick(w->x, w->now);
  assert_int_equal(m->status, KL_MARKET_ACTIVE);
  w->log[0] = '\0';
  assert_int_equal(kl_exchange_set_close(w->x, w->now, m, w->now), KL_X_OK);
  assert_int_equal(m->status, KL_MARKET_CLOSED);
  assert_int_equal(m->close_us, w->now);
  assert_string_equal(kl_update_reason_name(o->reason), "CloseCancel");
  assert_string_equal(w->log, "level:yes:4000:-300:0 order:0:canceled:0:CloseCancel close_date_updated");
  assert_int_equal(cancel(w, o), KL_X_MARKET_INACTIVE);
  assert_int_equal(kl_exchange_set_close(w->x, w->now, m, w->now), KL_X_INVALID_PARAMETERS);
  w->log[0] = '\0';
  assert_int_equal(kl_exchange_set_close(w->x, w->now, m, w->now + 50 * SECOND), KL_X_OK);
  assert_string_equal(w->log, "close_date_updated activated");
  assert_int_equal(send_order(w, r), KL_X_OK);
  assert_int_equal(cancel(w, o), KL_X_NOT_FOUND);
  w->log[0] = '\0';
  w->now += 50 * SECOND;
  (void)kl_exchange_tick(w->x, w->now);
  assert_int_equal(m->status, KL_MARKET_CLOSED);
  assert_null(strstr(w->log, "close_date")); /* closing by time is not told */
}

static void a_result_is_settled_by_its_timer_unless_disputed(void **state) {
  world *w = *state;
  kl_market *m = w->m;
  m->settlement_timer_s = 60;
  place(w, ANN, KL_BID, 4000, 100);
  place(w, BOB, KL_ASK, 4000, 100);
  kl_money before = balance(w, ANN);
  assert_int_equal(kl_exchange_dispute(w->x, w->now, m), KL_X_INVALID_PARAMETERS);
  assert_int_equal(kl_exchange_determine(w->x, w->now, m, KL_PRICE_ONE), KL_X_OK);
  assert_int_equal(m->settle_us, w->now + 60 * SECOND);
  w->now += 59 * SECOND;
  w->log[0] = '\0';
  assert_int_equal(kl_exchange_dispute(w->x, w->now, m), KL_X_OK);
  assert_string_equal(w->log, "disputed");
  w->now += 3600 * SECOND;
  (void)kl_exchange_tick(w->x, w->now);
  assert_int_equal(m->status, KL_MARKET_DISPUTED);
  assert_int_equal(kl_exchange_settle(w->x, w->now, m, KL_PRICE_ONE), KL_X_INVALID_PARAMETERS);
  w->log[0] = '\0';
  assert_int_equal(kl_exchange_amend_result(w->x, w->now, m, 0), KL_X_OK);
  assert_string_equal(w->log, "determined");
  assert_int_equal(m->status, KL_MARKET_AMENDED);
  assert_int_equal(m->settlement, 0);
  w->now += 60 * SECOND - 1;
  (void)kl_exchange_tick(w->x, w->now);
  assert_int_equal(m->status, KL_MARKET_AMENDED);
  assert_int_equal(balance(w, ANN), before); /* nothing is paid before */
  w->now += 1;
  (void)kl_exchange_tick(w->x, w->now);
  assert_int_equal(m->status, KL_MARKET_FINALIZED);
  assert_int_equal(m->settled_us, w->now);
  assert_int_equal(balance(w, ANN), before);
  assert_int_equal(position(w, BOB), 0);
  assert_int_equal(kl_exchange_amend_result(w->x, w->now, m, KL_PRICE_ONE), KL_X_INVALID_PARAMETERS);
}

static void a_rejected_dispute_keeps_the_result(void **state) {
  world *w = *state;
  kl_market *m = w->m;
  m->settlement_timer_s = 60;
  assert_int_equal(kl_exchange_determine(w->x, w->now, m, 2500), KL_X_OK);
  assert_int_equal(kl_exchange_dispute(w->x, w->now, m), KL_X_OK);
  w->log[0] = '\0';
  assert_int_equal(kl_exchange_amend_result(w->x, w->now, m, 2500), KL_X_OK);
  assert_string_equal(w->log, "dispute_rejected");
  assert_int_equal(m->status, KL_MARKET_DETERMINED);
  assert_int_equal(kl_exchange_dispute(w->x, w->now, m), KL_X_OK);
  assert_int_equal(kl_exchange_amend_result(w->x, w->now, m, 2500), KL_X_OK);
  w->now += 60 * SECOND;
  (void)kl_exchange_tick(w->x, w->now);
  assert_int_equal(m->status, KL_MARKET_FINALIZED);
}

static void settlement_timers_follow_the_speed(void **state) {
  (void)state;
  kl_exchange *x = kl_exchange_new(&(kl_exchange_options){.seed = 1, .speed = 60});
  kl_market *m = add_market(x, "F", "linear_cent", KL_FEE_QUADRATIC, 0, 0);
  m->settlement_timer_s = 60;
  assert_int_equal(kl_exchange_determine(x, START, m, 0), KL_X_OK);
  assert_int_equal(kl_exchange_tick(x, START), START + SECOND);
  (void)kl_exchange_tick(x, START + SECOND);
  assert_int_equal(m->status, KL_MARKET_FINALIZED);
  kl_exchange_free(x);
}

static void a_new_grid_leaves_resting_orders_where_they_are(void **state) {
  world *w = *state;
  assert_int_equal(kl_exchange_set_structure(w->x, w->now, w->m, "deci_cent", NULL, 0), KL_X_OK);
  const kl_order *o = place(w, ANN, KL_BID, 4010, 300);
  w->log[0] = '\0';
  assert_int_equal(kl_exchange_set_structure(w->x, w->now, w->m, "linear_cent", NULL, 0), KL_X_OK);
  assert_string_equal(w->log, "price_level_structure_updated");
  assert_int_equal(o->status, KL_ORDER_RESTING);
  assert_int_equal(send_order(w, request(BOB, KL_BID, 4010, 100)), KL_X_INVALID_PRICE);
  assert_int_equal(amend(w, o, 4020, 300), KL_X_INVALID_PRICE);
  assert_int_equal(amend(w, o, 4010, 400), KL_X_INVALID_PRICE);
  assert_int_equal(amend(w, o, 4010, 200), KL_X_OK);
  assert_int_equal(o->remaining, 200);
  place(w, BOB, KL_ASK, 4000, 200); /* and it trades at its price */
  assert_int_equal(o->status, KL_ORDER_EXECUTED);
  assert_int_equal(kl_exchange_trade_at(w->x, w->m, 0)->yes_price, 4010);
  kl_price_band half = {0, KL_PRICE_ONE, 50}, bad = {500, 400, 10};
  assert_int_equal(kl_exchange_set_structure(w->x, w->now, w->m, "banded_centi_cent", &half, 1), KL_X_OK);
  assert_int_equal(send_order(w, request(BOB, KL_BID, 4050, 100)), KL_X_OK);
  assert_int_equal(kl_exchange_set_structure(w->x, w->now, w->m, "banded_centi_cent", &bad, 1), KL_X_INVALID_PRICE);
  assert_int_equal(kl_exchange_set_structure(w->x, w->now, w->m, "nope", NULL, 0), KL_X_INVALID_PARAMETERS);
}

static void metadata_changes_without_trades_do(void **state) {
  world *w = *state;
  int64_t before = w->m->updated_us;
  w->now += SECOND;
  place(w, ANN, KL_BID, 4000, 100);
  place(w, BOB, KL_ASK, 4000, 100);
  assert_int_equal(w->m->updated_us, before); /* a trade is no update of the market's description */
  w->log[0] = '\0';
  kl_market_metadata d = {.yes_sub_title = "Above 5", .strike_type = "greater", .has_floor = true, .floor_strike = 5};
  assert_int_equal(kl_exchange_set_metadata(w->x, w->now, w->m, &d), KL_X_OK);
  assert_string_equal(w->log, "metadata_updated");
  assert_string_equal(w->m->yes_sub_title, "Above 5");
  assert_int_equal(w->m->updated_us, w->now);
}

static void reactivation_cancels_what_rested(void **state) {
  world *w = *state;
  const kl_order *o = place(w, ANN, KL_BID, 4000, 100);
  assert_int_equal(kl_exchange_set_active(w->x, w->now, w->m, false), KL_X_OK);
  assert_int_equal(cancel(w, o), KL_X_MARKET_INACTIVE);
  assert_int_equal(o->status, KL_ORDER_RESTING);
  w->log[0] = '\0';
  assert_int_equal(kl_exchange_set_active(w->x, w->now, w->m, true), KL_X_OK);
  assert_string_equal(w->log, "level:yes:4000:-100:0 order:0:canceled:0:HaltCancel activated");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(orders_behind_let_later_ones_of_their_price_go_first),
      CASE(a_larger_order_stays_behind),
      CASE(more_than_the_limit_cancels_the_rest_and_refuses_new_ones),
      CASE(the_order_that_trips_fills_first),
      CASE(the_window_rolls_over_fifteen_seconds),
      CASE(groups_are_triggered_lowered_reset_and_deleted_by_hand),
      CASE(a_group_is_of_one_user_subaccount_and_shard),
      CASE(a_user_has_a_hundred_thousand_groups_at_most),
      CASE(a_fill_or_kill_sees_the_trigger_coming),
      CASE(an_amended_order_stays_in_its_group),
      CASE(a_restored_group_goes_on),
      CASE(a_trading_pause_stops_placing_and_amending_only),
      CASE(in_an_exchange_pause_nothing_works),
      CASE(a_shard_pauses_alone),
      CASE(cancel_all_takes_ten_thousand_at_a_time),
      CASE(a_market_may_close_early_and_reopen),
      CASE(a_result_is_settled_by_its_timer_unless_disputed),
      CASE(a_rejected_dispute_keeps_the_result),
      CASE(settlement_timers_follow_the_speed),
      CASE(a_new_grid_leaves_resting_orders_where_they_are),
      CASE(metadata_changes_without_trades_do),
      CASE(reactivation_cancels_what_rested),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
