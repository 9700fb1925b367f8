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

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(orders_behind_let_later_ones_of_their_price_go_first),
      CASE(a_larger_order_stays_behind),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
