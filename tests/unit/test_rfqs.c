/* Requests for quote and quotes, state by state, with the time passed in. */
#include "exchange_world.h"
#include "sim/random.h"
#include "sim/rfqs.h"

typedef struct desk {
  world *w;
  kl_sim_rfqs *r;
  kl_market *combo;
  char log[8192];
} desk;

static void say(desk *d, const char *what, const char *state) {
  size_t n = strlen(d->log);
  (void)snprintf(d->log + n, sizeof d->log - n, "%s%s:%s", n ? " " : "", what, state);
}
static void on_rfq(void *data, const kl_sim_rfq *q) { say(data, "rfq", q->open ? "open" : q->reason); }
static void on_quote(void *data, const kl_sim_rfq_quote *q) {
  say(data, "quote", q->status == KL_QUOTE_CANCELLED ? q->reason : kl_quote_status_name(q->status));
}
static void on_forgotten(void *data, bool quote, const char *id) {
  (void)id;
  say(data, quote ? "quote" : "rfq", "forgotten");
}

static desk *desk_at(double speed) {
  desk *d = calloc(1, sizeof *d);
  d->w = world_new();
  d->combo = add_market(d->w->x, "KXMVE-C", "center_deci_edge_centi_cent", KL_FEE_QUADRATIC_COMBO_MAKER, 0, 0);
  d->r = kl_sim_rfqs_new(d->w->x, 1, speed, (kl_sim_rfqs_sink){d, on_rfq, on_quote, on_forgotten});
  return d;
}
static int desk_setup(void **state) {
  *state = desk_at(1);
  return 0;
}
static int desk_teardown(void **state) {
  desk *d = *state;
  kl_sim_rfqs_free(d->r);
  bool conserved = world_free(d->w);
  free(d);
  return conserved ? 0 : -1;
}
#define DESK(f) cmocka_unit_test_setup_teardown(f, desk_setup, desk_teardown)

static kl_sim_rfq_request wanted(const char *ticker, kl_count contracts) {
  return (kl_sim_rfq_request){.user = ANN, .ticker = ticker, .contracts = contracts};
}

static const kl_sim_rfq *ask(desk *d, kl_sim_rfq_request q) {
  const kl_sim_rfq *rfq = NULL;
  const kl_sim_refusal *no = kl_sim_rfq_create(d->r, d->w->now, &q, &rfq);
  if (no) fail_msg("the RFQ was refused: %s", no->code);
  return rfq;
}

static const kl_sim_refusal *try_quote(desk *d, uint32_t user, const char *rfq_id, kl_price yes, kl_price no,
                                       const kl_sim_rfq_quote **out) {
  kl_sim_quote_request q = {.user = user, .rfq_id = rfq_id, .bids = {yes, no}};
  return kl_sim_quote_create(d->r, d->w->now, &q, out);
}

static const kl_sim_rfq_quote *offer(desk *d, uint32_t user, const kl_sim_rfq *rfq, kl_price yes, kl_price no) {
  const kl_sim_rfq_quote *quote = NULL;
  const kl_sim_refusal *refused = try_quote(d, user, rfq->id, yes, no, &quote);
  if (refused) fail_msg("the quote was refused: %s", refused->details ? refused->details : refused->code);
  return quote;
}

static void take(desk *d, const kl_sim_rfq_quote *q, kl_outcome side) {
  assert_null(kl_sim_quote_accept(d->r, d->w->now, q->rfq->user, q->rfq->id, q->id, side));
}
static void confirm(desk *d, const kl_sim_rfq_quote *q) {
  assert_null(kl_sim_quote_confirm(d->r, d->w->now, q->user, q->rfq->id, q->id));
}
static void after(desk *d, int64_t us) {
  d->w->now += us;
  kl_sim_rfqs_tick(d->r, d->w->now);
}

static void refused(const kl_sim_refusal *r, int status, const char *code) {
  assert_non_null(r);
  assert_int_equal(r->status, status);
  assert_string_equal(r->code, code);
}

static kl_count held(const desk *d, uint32_t user, const kl_market *m) {
  const kl_position *p;
  for (size_t i = 0; (p = kl_exchange_position_at(d->w->x, user, 0, i)); i++)
    if (p->market == m) return p->position;
  return 0;
}

/* ---- requests ---- */

static void a_request_has_one_size_and_one_market(void **state) {
  desk *d = *state;
  const kl_sim_rfq *rfq;
  kl_sim_rfq_request q = wanted("NOPE", 100);
  refused(kl_sim_rfq_create(d->r, d->w->now, &q, &rfq), 400, "invalid_parameters");
  q = wanted("M", 0);
  refused(kl_sim_rfq_create(d->r, d->w->now, &q, &rfq), 400, "invalid_parameters");
  q = wanted("M", 100);
  q.target_cost = DOLLARS(5);
  refused(kl_sim_rfq_create(d->r, d->w->now, &q, &rfq), 400, "invalid_parameters");
  q = wanted("M", -100);
  refused(kl_sim_rfq_create(d->r, d->w->now, &q, &rfq), 400, "invalid_parameters");
  kl_exchange_set_active(d->w->x, d->w->now, d->w->m, false);
  q = wanted("M", 100);
  refused(kl_sim_rfq_create(d->r, d->w->now, &q, &rfq), 400, "MARKET_INACTIVE");
  assert_string_equal(d->log, "");
}

static void one_request_a_market_unless_it_is_replaced(void **state) {
  desk *d = *state;
  const kl_sim_rfq *first = ask(d, wanted("M", 100)), *second;
  kl_sim_rfq_request q = wanted("M", 200);
  refused(kl_sim_rfq_create(d->r, d->w->now, &q, &second), 409, "rfq_already_exists");
  ask(d, wanted("KXMVE-C", 100));
  q.user = BOB;
  assert_null(kl_sim_rfq_create(d->r, d->w->now, &q, &second)); /* another account may */
  q.user = ANN;
  q.replace = true;
  offer(d, CAT, first, 4000, 5000);
  d->log[0] = '\0';
  assert_null(kl_sim_rfq_create(d->r, d->w->now, &q, &second));
  assert_string_equal(d->log, "rfq:replaced quote:rfq_closed rfq:open");
  assert_false(first->open);
  assert_string_not_equal(first->id, second->id);
  assert_int_equal(kl_sim_rfqs_open(d->r), 3);
}

static void only_the_creator_deletes(void **state) {
  desk *d = *state;
  const kl_sim_rfq *rfq = ask(d, wanted("M", 100));
  refused(kl_sim_rfq_delete(d->r, d->w->now, BOB, rfq->id), 404, "not_found");
  refused(kl_sim_rfq_delete(d->r, d->w->now, ANN, "nothing"), 404, "not_found");
  assert_null(kl_sim_rfq_delete(d->r, d->w->now, ANN, rfq->id));
  refused(kl_sim_rfq_delete(d->r, d->w->now, ANN, rfq->id), 400, "RFQ_CLOSED");
  const kl_sim_rfq_quote *quote;
  refused(try_quote(d, BOB, rfq->id, 4000, 0, &quote), 400, "RFQ_CLOSED");
  assert_ptr_equal(kl_sim_rfq_find(d->r, rfq->id), rfq);
}

static void a_hundred_requests_are_the_most(void **state) {
  desk *d = *state;
  char ticker[16];
  const kl_sim_rfq *rfq;
  for (int i = 0; i < 101; i++) {
    (void)snprintf(ticker, sizeof ticker, "M%d", i);
    add_market(d->w->x, ticker, "linear_cent", KL_FEE_QUADRATIC, 0, 0);
    kl_sim_rfq_request q = wanted(ticker, 100);
    const kl_sim_refusal *no = kl_sim_rfq_create(d->r, d->w->now, &q, &rfq);
    if (i < 100)
      assert_null(no);
    else
      refused(no, 400, "invalid_parameters");
  }
}

static void a_closed_market_ends_its_requests(void **state) {
  desk *d = *state;
  const kl_sim_rfq *rfq = ask(d, wanted("M", 100));
  const kl_sim_rfq_quote *quote = offer(d, BOB, rfq, 4000, 5000);
  kl_exchange_determine(d->w->x, d->w->now, d->w->m, KL_PRICE_ONE);
  after(d, 1);
  assert_false(rfq->open);
  assert_string_equal(rfq->reason, "expired");
  assert_int_equal(quote->status, KL_QUOTE_CANCELLED);
}

/* ---- quotes ---- */

static void a_quote_keeps_to_the_grid_and_to_a_dollar(void **state) {
  desk *d = *state;
  const kl_sim_rfq *rfq = ask(d, wanted("M", 100));
  const kl_sim_rfq_quote *q;
  refused(try_quote(d, BOB, "nothing", 4000, 5000, &q), 404, "not_found");
  refused(try_quote(d, ANN, rfq->id, 4000, 5000, &q), 400, "invalid_parameters");
  refused(try_quote(d, BOB, rfq->id, 0, 0, &q), 400, "invalid_parameters");
  refused(try_quote(d, BOB, rfq->id, 4050, 0, &q), 400, "invalid_parameters");
  refused(try_quote(d, BOB, rfq->id, 10000, 0, &q), 400, "invalid_parameters");
  refused(try_quote(d, BOB, rfq->id, -100, 0, &q), 400, "invalid_parameters");
  refused(try_quote(d, BOB, rfq->id, 5000, 5100, &q), 400, "invalid_parameters");
  assert_null(try_quote(d, BOB, rfq->id, 5000, 5000, &q));
  assert_int_equal(q->contracts[KL_YES], 100);
  assert_null(try_quote(d, CAT, rfq->id, 0, 5000, &q));
  assert_int_equal(q->contracts[KL_YES], 0);
  assert_int_equal(q->contracts[KL_NO], 100);
}

static void a_quote_must_be_paid_for(void **state) {
  desk *d = *state;
  const kl_sim_rfq *rfq = ask(d, wanted("M", 200000)); /* two thousand contracts */
  const kl_sim_rfq_quote *q;
  refused(try_quote(d, BOB, rfq->id, 6000, 0, &q), 400, "INSUFFICIENT_BALANCE");
  refused(try_quote(d, BOB, rfq->id, 100, 9800, &q), 400, "INSUFFICIENT_BALANCE");
  assert_null(try_quote(d, BOB, rfq->id, 4000, 0, &q));
  /* The requester would pay 0.60 for each of them. */
  refused(kl_sim_quote_accept(d->r, d->w->now, ANN, rfq->id, q->id, KL_YES), 400, "INSUFFICIENT_BALANCE");
}

static void a_newer_quote_replaces_the_makers_own(void **state) {
  desk *d = *state;
  const kl_sim_rfq *rfq = ask(d, wanted("M", 100));
  const kl_sim_rfq_quote *old = offer(d, BOB, rfq, 4000, 5000), *other = offer(d, CAT, rfq, 4100, 5000);
  const kl_sim_rfq_quote *fresh = offer(d, BOB, rfq, 4200, 5000);
  assert_int_equal(old->status, KL_QUOTE_CANCELLED);
  assert_string_equal(old->reason, "replaced");
  assert_int_equal(other->status, KL_QUOTE_OPEN);
  refused(kl_sim_quote_accept(d->r, d->w->now, ANN, rfq->id, old->id, KL_YES), 400, "invalid_parameters");
  take(d, fresh, KL_YES);
}

static void a_target_cost_is_spent_with_its_fees(void **state) {
  desk *d = *state;
  kl_sim_rfq_request q = wanted("KXMVE-C", 0);
  q.target_cost = DOLLARS(10);
  const kl_sim_rfq *rfq = ask(d, q);
  /* As seen on the exchange: ten dollars at 0.255, with a taker's fee, are 37.27 contracts. */
  assert_int_equal(offer(d, BOB, rfq, 0, 7450)->contracts[KL_NO], 3727);
  assert_int_equal(offer(d, BOB, rfq, 7450, 0)->contracts[KL_YES], 3727);
  q.target_excludes_fees = q.replace = true;
  rfq = ask(d, q);
  assert_int_equal(offer(d, BOB, rfq, 0, 7450)->contracts[KL_NO], 3921);
  q.target_cost = 1000;
  rfq = ask(d, q);
  const kl_sim_rfq_quote *quote;
  refused(try_quote(d, BOB, rfq->id, 0, 1000, &quote), 400, "invalid_parameters"); /* not a hundredth of one */
}

/* A billion dollars at a hundredth of a cent each: more contracts than any order may have. */
static void a_target_cost_that_nobody_could_trade_is_refused(void **state) {
  desk *d = *state;
  const kl_sim_rfq_quote *quote;
  kl_sim_rfq_request q = wanted("KXMVE-C", 0);
  q.target_cost = DOLLARS(1000000000);
  q.target_excludes_fees = true;
  const kl_sim_rfq *rfq = ask(d, q);
  refused(try_quote(d, BOB, rfq->id, 9999, 0, &quote), 400, "INSUFFICIENT_BALANCE");
  refused(try_quote(d, BOB, rfq->id, 0, 9999, &quote), 400, "INSUFFICIENT_BALANCE");
}

static void a_quote_is_of_its_request(void **state) {
  desk *d = *state;
  const kl_sim_rfq *rfq = ask(d, wanted("M", 100)), *other = ask(d, wanted("KXMVE-C", 100));
  const kl_sim_rfq_quote *q = offer(d, BOB, rfq, 4000, 5000);
  refused(kl_sim_quote_accept(d->r, d->w->now, ANN, other->id, q->id, KL_YES), 404, "not_found");
  refused(kl_sim_quote_accept(d->r, d->w->now, BOB, rfq->id, q->id, KL_YES), 404, "not_found");
  refused(kl_sim_quote_confirm(d->r, d->w->now, BOB, other->id, q->id), 404, "not_found");
  refused(kl_sim_quote_delete(d->r, d->w->now, CAT, rfq->id, q->id), 404, "not_found");
  assert_null(kl_sim_quote_find(d->r, other->id, q->id));
  assert_ptr_equal(kl_sim_quote_find(d->r, NULL, q->id), q);
  assert_null(kl_sim_quote_accept(d->r, d->w->now, ANN, NULL, q->id, KL_YES)); /* the older way, by its id alone */
}

/* ---- the way to the book ---- */

static void executes_after_the_timer(void **state) {
  desk *d = *state;
  const kl_sim_rfq *rfq = ask(d, wanted("M", 1000));
  const kl_sim_rfq_quote *q = offer(d, BOB, rfq, 4000, 5500), *other = offer(d, CAT, rfq, 3900, 5400);
  d->log[0] = '\0';
  take(d, q, KL_YES);
  refused(kl_sim_quote_accept(d->r, d->w->now, ANN, rfq->id, other->id, KL_YES), 400, "invalid_parameters");
  after(d, 30 * SECOND - 1);
  confirm(d, q);
  after(d, 15 * SECOND - 1);
  assert_int_equal(q->status, KL_QUOTE_CONFIRMED);
  after(d, 1);
  assert_string_equal(d->log, "quote:accepted quote:confirmed quote:executed rfq:executed quote:rfq_closed");
  assert_int_equal(other->status, KL_QUOTE_CANCELLED);
  assert_int_equal(q->executed_us - q->confirmed_us, 15 * SECOND);
  /* The maker's YES bid was taken: the maker is long YES at 0.40, the requester long NO at 0.60. */
  assert_int_equal(held(d, BOB, d->w->m), 1000);
  assert_int_equal(held(d, ANN, d->w->m), -1000);
  const kl_order *o = kl_exchange_order(d->w->x, BOB, q->order);
  assert_string_equal(o->client_order_id, q->client_order_id);
  assert_memory_equal(q->client_order_id, "quote:", 6);
  assert_string_equal(q->client_order_id + 15, q->id);
  assert_non_null(kl_exchange_order(d->w->x, ANN, q->rfq_order));
  const kl_trade *t = kl_exchange_trade_at(d->w->x, d->w->m, 0);
  assert_int_equal(t->yes_price, 4000);
}

static void the_no_side_mirrors_it(void **state) {
  desk *d = *state;
  const kl_sim_rfq_quote *q = offer(d, BOB, ask(d, wanted("M", 1000)), 4000, 5500);
  take(d, q, KL_NO);
  confirm(d, q);
  after(d, 15 * SECOND);
  assert_int_equal(held(d, BOB, d->w->m), -1000);
  assert_int_equal(held(d, ANN, d->w->m), 1000);
  assert_int_equal(kl_exchange_trade_at(d->w->x, d->w->m, 0)->yes_price, 4500);
}

static void combos_are_quicker(void **state) {
  desk *d = *state;
  const kl_sim_rfq *rfq = ask(d, wanted("KXMVE-C", 1000));
  const kl_sim_rfq_quote *q = offer(d, BOB, rfq, 4000, 5500);
  take(d, q, KL_YES);
  after(d, 3 * SECOND - 1);
  assert_int_equal(q->status, KL_QUOTE_ACCEPTED);
  confirm(d, q);
  after(d, SECOND - 1);
  assert_int_equal(q->status, KL_QUOTE_CONFIRMED);
  after(d, 1);
  assert_int_equal(q->status, KL_QUOTE_EXECUTED);
  assert_int_equal(held(d, BOB, d->combo), 1000);
}

static void speed_shortens_the_windows(void **state) {
  (void)state;
  desk *d = desk_at(10);
  const kl_sim_rfq *rfq = ask(d, wanted("M", 1000));
  const kl_sim_rfq_quote *q = offer(d, BOB, rfq, 4000, 5500);
  take(d, q, KL_YES);
  after(d, 3 * SECOND - 1);
  assert_int_equal(q->status, KL_QUOTE_ACCEPTED);
  confirm(d, q);
  after(d, 1500000);
  assert_int_equal(q->status, KL_QUOTE_EXECUTED);
  void *s = d;
  assert_int_equal(desk_teardown(&s), 0);
}

static void without_a_confirmation_the_request_goes_on(void **state) {
  desk *d = *state;
  const kl_sim_rfq *rfq = ask(d, wanted("M", 1000));
  const kl_sim_rfq_quote *q = offer(d, BOB, rfq, 4000, 5500), *other = offer(d, CAT, rfq, 3900, 5500);
  take(d, q, KL_YES);
  d->w->now += 30 * SECOND;
  refused(kl_sim_quote_confirm(d->r, d->w->now, BOB, rfq->id, q->id), 400, "invalid_parameters"); /* a moment late */
  assert_int_equal(q->status, KL_QUOTE_CANCELLED);
  assert_string_equal(q->reason, "not_confirmed");
  assert_true(rfq->open);
  take(d, other, KL_YES);
  confirm(d, other);
  after(d, 15 * SECOND);
  assert_int_equal(other->status, KL_QUOTE_EXECUTED);
  assert_int_equal(held(d, CAT, d->w->m), 1000);
}

static void once_confirmed_nobody_withdraws(void **state) {
  desk *d = *state;
  const kl_sim_rfq *rfq = ask(d, wanted("M", 1000)), *again;
  const kl_sim_rfq_quote *q = offer(d, BOB, rfq, 4000, 5500), *more;
  take(d, q, KL_YES);
  refused(try_quote(d, BOB, rfq->id, 4100, 0, &more), 400, "invalid_parameters");
  confirm(d, q);
  refused(kl_sim_quote_delete(d->r, d->w->now, BOB, rfq->id, q->id), 400, "invalid_parameters");
  refused(kl_sim_rfq_delete(d->r, d->w->now, ANN, rfq->id), 400, "invalid_parameters");
  kl_sim_rfq_request replacing = wanted("M", 5);
  replacing.replace = true;
  refused(kl_sim_rfq_create(d->r, d->w->now, &replacing, &again), 400, "invalid_parameters");
  refused(kl_sim_quote_confirm(d->r, d->w->now, BOB, rfq->id, q->id), 400, "invalid_parameters");
  after(d, 15 * SECOND);
  assert_int_equal(q->status, KL_QUOTE_EXECUTED);
  refused(kl_sim_quote_delete(d->r, d->w->now, BOB, rfq->id, q->id), 400, "invalid_parameters");
  refused(kl_sim_quote_accept(d->r, d->w->now, ANN, rfq->id, q->id, KL_NO), 400, "RFQ_CLOSED");
}

static void an_accepted_quote_may_still_be_withdrawn(void **state) {
  desk *d = *state;
  const kl_sim_rfq *rfq = ask(d, wanted("M", 1000));
  const kl_sim_rfq_quote *q = offer(d, BOB, rfq, 4000, 5500);
  take(d, q, KL_YES);
  assert_null(kl_sim_quote_delete(d->r, d->w->now, BOB, rfq->id, q->id));
  refused(kl_sim_quote_delete(d->r, d->w->now, BOB, rfq->id, q->id), 404, "not_found");
  q = offer(d, BOB, rfq, 4000, 5500);
  take(d, q, KL_YES);
  assert_null(kl_sim_rfq_delete(d->r, d->w->now, ANN, rfq->id));
  assert_string_equal(q->reason, "rfq_closed");
  refused(kl_sim_quote_confirm(d->r, d->w->now, BOB, rfq->id, q->id), 400, "RFQ_CLOSED");
}

static void a_declined_side_cannot_be_accepted(void **state) {
  desk *d = *state;
  const kl_sim_rfq_quote *q = offer(d, BOB, ask(d, wanted("M", 100)), 0, 5500);
  refused(kl_sim_quote_accept(d->r, d->w->now, ANN, NULL, q->id, KL_YES), 400, "invalid_parameters");
  take(d, q, KL_NO);
}

static void an_execution_that_fails_leaves_the_request_open(void **state) {
  desk *d = *state;
  const kl_sim_rfq *rfq = ask(d, wanted("M", 100000));
  const kl_sim_rfq_quote *q = offer(d, BOB, rfq, 4000, 5500);
  take(d, q, KL_YES);
  confirm(d, q);
  place(d->w, ANN, KL_BID, 500, 1500000); /* the requester's money is somewhere else by then */
  after(d, 15 * SECOND);
  assert_int_equal(q->status, KL_QUOTE_CANCELLED);
  assert_string_equal(q->reason, "insufficient_balance");
  assert_true(rfq->open);
  kl_exchange_cancel_all(d->w->x, d->w->now, ANN, -1);
  q = offer(d, BOB, rfq, 4000, 5500);
  take(d, q, KL_YES);
  confirm(d, q);
  kl_exchange_set_paused(d->w->x, d->w->now, true);
  after(d, 15 * SECOND);
  assert_string_equal(q->reason, "trading_paused");
}

static void ended_ones_are_kept_for_seven_days(void **state) {
  desk *d = *state;
  const int64_t day = 24 * 3600 * SECOND;
  const kl_sim_rfq *rfq = ask(d, wanted("M", 100)), *open = ask(d, wanted("KXMVE-C", 100));
  const kl_sim_rfq_quote *q = offer(d, BOB, open, 4000, 5500);
  kl_uuid rfq_id, quote_id;
  memcpy(rfq_id, rfq->id, sizeof rfq_id);
  memcpy(quote_id, q->id, sizeof quote_id);
  assert_null(kl_sim_rfq_delete(d->r, d->w->now, ANN, rfq->id));
  assert_null(kl_sim_quote_delete(d->r, d->w->now, BOB, open->id, q->id));
  after(d, 7 * day - 1);
  assert_non_null(kl_sim_rfq_find(d->r, rfq_id));
  assert_non_null(kl_sim_quote_find(d->r, NULL, quote_id));
  d->log[0] = '\0';
  after(d, 1);
  assert_string_equal(d->log, "rfq:forgotten quote:forgotten");
  assert_null(kl_sim_rfq_find(d->r, rfq_id));
  assert_null(kl_sim_quote_find(d->r, NULL, quote_id));
  assert_true(open->open);
}

static void lists_go_from_the_newest_to_the_oldest(void **state) {
  desk *d = *state;
  const kl_sim_rfq *a = ask(d, wanted("M", 100)), *b = ask(d, wanted("KXMVE-C", 100));
  assert_ptr_equal(kl_sim_rfq_before(d->r, NULL), b);
  assert_ptr_equal(kl_sim_rfq_before(d->r, b), a);
  assert_null(kl_sim_rfq_before(d->r, a));
  const kl_sim_rfq_quote *q = offer(d, BOB, a, 4000, 0), *p = offer(d, CAT, b, 4000, 0);
  assert_ptr_equal(kl_sim_quote_before(d->r, NULL), p);
  assert_ptr_equal(kl_sim_quote_before(d->r, p), q);
  assert_null(kl_sim_quote_before(d->r, q));
}

static void what_was_saved_goes_on_where_it_was(void **state) {
  desk *d = *state;
  const kl_sim_rfq *rfq = ask(d, wanted("M", 1000));
  const kl_sim_rfq_quote *q = offer(d, BOB, rfq, 4000, 5500);
  take(d, q, KL_YES);
  confirm(d, q);
  kl_sim_rfqs *again = kl_sim_rfqs_new(d->w->x, 1, 1, (kl_sim_rfqs_sink){0});
  assert_false(kl_sim_quote_restore(again, q, rfq->id));
  assert_true(kl_sim_rfq_restore(again, rfq));
  assert_false(kl_sim_rfq_restore(again, rfq));
  assert_true(kl_sim_quote_restore(again, q, rfq->id));
  kl_sim_rfqs_tick(again, d->w->now + 15 * SECOND);
  assert_int_equal(kl_sim_quote_find(again, rfq->id, q->id)->status, KL_QUOTE_EXECUTED);
  assert_false(kl_sim_rfq_find(again, rfq->id)->open);
  assert_int_equal(held(d, BOB, d->w->m), 1000);
  /* The same seed makes the same ids: those that exist are passed over. */
  const kl_sim_rfq *fresh;
  kl_sim_rfq_request more = wanted("M", 7);
  assert_null(kl_sim_rfq_create(again, d->w->now + 15 * SECOND, &more, &fresh));
  assert_string_not_equal(fresh->id, rfq->id);
  kl_sim_rfqs_free(again);
}

static void a_market_takes_its_requests_with_it(void **state) {
  desk *d = *state;
  const kl_sim_rfq *rfq = ask(d, wanted("M", 100)), *other = ask(d, wanted("KXMVE-C", 100));
  const kl_sim_rfq_quote *q = offer(d, BOB, rfq, 4000, 5500);
  kl_uuid id;
  memcpy(id, rfq->id, sizeof id);
  take(d, q, KL_YES);
  confirm(d, q);
  kl_exchange_settle(d->w->x, d->w->now, d->w->m, 0);
  kl_sim_rfqs_retire(d->r, d->w->now, d->w->m);
  assert_null(kl_sim_rfq_find(d->r, id));
  assert_null(kl_sim_quote_before(d->r, NULL));
  assert_ptr_equal(kl_sim_rfq_before(d->r, NULL), other);
  after(d, 15 * SECOND);
  assert_int_equal(kl_sim_rfqs_open(d->r), 1);
}

/* ---- at random ---- */

static void random_runs_keep_money_and_states(void **state) {
  desk *d = *state;
  kl_sim_random random = kl_sim_random_new(33, 1);
  size_t executed = 0, cancelled = 0;
  for (int i = 0; i < 30000; i++) {
    uint32_t user = kl_sim_below(&random, 3);
    const char *ticker = kl_sim_below(&random, 2) ? "M" : "KXMVE-C";
    const kl_sim_rfq *rfq = kl_sim_rfq_before(d->r, NULL), *made;
    for (uint32_t k = kl_sim_below(&random, 4); k > 0 && rfq && kl_sim_rfq_before(d->r, rfq); k--)
      rfq = kl_sim_rfq_before(d->r, rfq);
    const kl_sim_rfq_quote *quote = kl_sim_quote_before(d->r, NULL), *answered;
    for (uint32_t k = kl_sim_below(&random, 4); k > 0 && quote && kl_sim_quote_before(d->r, quote); k--)
      quote = kl_sim_quote_before(d->r, quote);
    kl_outcome side = kl_sim_below(&random, 2) ? KL_YES : KL_NO;
    d->log[0] = d->w->log[0] = '\0';
    d->w->now += kl_sim_below(&random, 4000000);
    switch (kl_sim_below(&random, 8)) {
    case 0: {
      kl_sim_rfq_request q = {.user = user,
                              .ticker = ticker,
                              .rest_remainder = kl_sim_below(&random, 2),
                              .replace = kl_sim_below(&random, 4) == 0};
      if (kl_sim_below(&random, 2))
        q.contracts = 1 + kl_sim_below(&random, 30000);
      else
        q.target_cost = 1 + kl_sim_below(&random, 200000000);
      (void)kl_sim_rfq_create(d->r, d->w->now, &q, &made);
      break;
    }
    case 1:
      if (rfq && kl_sim_below(&random, 6) == 0) (void)kl_sim_rfq_delete(d->r, d->w->now, user, rfq->id);
      break;
    case 2:
    case 3: {
      kl_price yes = 100 * (kl_price)kl_sim_below(&random, 100), no = 9900 - yes;
      kl_sim_quote_request q = {.user = user,
                                .rfq_id = rfq ? rfq->id : "none",
                                .bids = {yes, no},
                                .rest_remainder = kl_sim_below(&random, 2),
                                .post_only = kl_sim_below(&random, 3) == 0};
      (void)kl_sim_quote_create(d->r, d->w->now, &q, &answered);
      break;
    }
    case 4:
      if (quote) (void)kl_sim_quote_accept(d->r, d->w->now, quote->rfq->user, NULL, quote->id, side);
      break;
    case 5:
      if (quote) (void)kl_sim_quote_confirm(d->r, d->w->now, quote->user, NULL, quote->id);
      break;
    case 6:
      if (quote && kl_sim_below(&random, 8) == 0) (void)kl_sim_quote_delete(d->r, d->w->now, user, NULL, quote->id);
      break;
    default: {
      kl_order_request o = {.user = user,
                            .ticker = ticker,
                            .side = side == KL_YES ? KL_BID : KL_ASK,
                            .price = 100 * (1 + (kl_price)kl_sim_below(&random, 99)),
                            .count = 1 + kl_sim_below(&random, 20000)};
      (void)kl_exchange_create(d->w->x, d->w->now, &o, NULL);
      if (kl_sim_below(&random, 3) == 0) kl_exchange_cancel_all(d->w->x, d->w->now, user, -1);
    }
    }
    if (strstr(d->log, "quote:executed")) executed++;
    if (strstr(d->log, "quote:not_confirmed") || strstr(d->log, "quote:insufficient")) cancelled++;
    assert_int_equal(kl_exchange_conservation(d->w->x), 0);
    for (uint32_t u = 0; u < 3; u++)
      assert_true(balance(d->w, u) >= 0);
  }
  assert_true(executed > 100);
  assert_true(cancelled > 100);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      DESK(a_request_has_one_size_and_one_market),
      DESK(one_request_a_market_unless_it_is_replaced),
      DESK(only_the_creator_deletes),
      DESK(a_hundred_requests_are_the_most),
      DESK(a_closed_market_ends_its_requests),
      DESK(a_quote_keeps_to_the_grid_and_to_a_dollar),
      DESK(a_quote_must_be_paid_for),
      DESK(a_newer_quote_replaces_the_makers_own),
      DESK(a_target_cost_is_spent_with_its_fees),
      DESK(a_target_cost_that_nobody_could_trade_is_refused),
      DESK(a_quote_is_of_its_request),
      DESK(executes_after_the_timer),
      DESK(the_no_side_mirrors_it),
      DESK(combos_are_quicker),
      cmocka_unit_test(speed_shortens_the_windows),
      DESK(without_a_confirmation_the_request_goes_on),
      DESK(once_confirmed_nobody_withdraws),
      DESK(an_accepted_quote_may_still_be_withdrawn),
      DESK(a_declined_side_cannot_be_accepted),
      DESK(an_execution_that_fails_leaves_the_request_open),
      DESK(ended_ones_are_kept_for_seven_days),
      DESK(lists_go_from_the_newest_to_the_oldest),
      DESK(what_was_saved_goes_on_where_it_was),
      DESK(a_market_takes_its_requests_with_it),
      DESK(random_runs_keep_money_and_states),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
