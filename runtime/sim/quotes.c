#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/rfqs_impl.h"

/* Seconds that a quoter has to confirm, and that pass from there to the execution. */
enum { CONFIRM_S = 30, CONFIRM_SHORT_S = 3, EXECUTE_S = 15, EXECUTE_SHORT_S = 1 };
enum { CONFIRM_LEAST_US = 400000 }; /* however fast the world is, a program must have the time to answer */

static const char invalid[] = "invalid_parameters", invalid_text[] = "invalid parameters";

static const kl_sim_refusal own_rfq = {400, invalid, invalid_text, "an RFQ of this account's own"};
static const kl_sim_refusal off_grid = {400, invalid, invalid_text,
                                        "yes_bid and no_bid must be 0 or prices on the market's grid"};
static const kl_sim_refusal both_declined = {400, invalid, invalid_text, "yes_bid and no_bid cannot both be 0"};
static const kl_sim_refusal above_one = {400, invalid, invalid_text, "yes_bid and no_bid are more than one dollar"};
static const kl_sim_refusal buys_nothing = {400, invalid, invalid_text,
                                            "the RFQ's target cost buys no contract at these prices"};
static const kl_sim_refusal is_accepted = {400, invalid, invalid_text, "the quote was accepted: confirm or delete it"};
static const kl_sim_refusal is_confirmed = {400, invalid, invalid_text,
                                            "the quote is confirmed: it can no longer be withdrawn"};
static const kl_sim_refusal not_open = {400, invalid, invalid_text, "the quote is no longer open"};
static const kl_sim_refusal not_accepted = {400, invalid, invalid_text, "the quote is not waiting for a confirmation"};
static const kl_sim_refusal other_under_way = {400, invalid, invalid_text,
                                               "another quote of this RFQ was accepted and is under way"};
static const kl_sim_refusal declined = {400, invalid, invalid_text, "the quote declines this side"};

const char *kl_quote_status_name(kl_quote_status s) {
  static const char *const names[] = {"open", "accepted", "confirmed", "executed", "cancelled"};
  return names[s];
}

static void tell(const kl_sim_rfqs *r, const kl_sim_rfq_quote *q) {
  if (r->sink.quote) r->sink.quote(r->sink.data, q);
}

kl_sim_rfq_quote *kl_quote_under_way(const kl_sim_rfq *q) {
  for (const kl_list *n = q->quotes.next; n != &q->quotes; n = n->next) {
    kl_sim_rfq_quote *quote = KL_CONTAINER(n, kl_sim_rfq_quote, in_rfq);
    if (quote->status == KL_QUOTE_ACCEPTED || quote->status == KL_QUOTE_CONFIRMED) return quote;
  }
  return NULL;
}

/* ---- the end ---- */

void kl_quote_cancel(kl_sim_rfqs *r, int64_t now_us, kl_sim_rfq_quote *q, const char *reason) {
  q->status = KL_QUOTE_CANCELLED;
  q->reason = reason;
  q->cancelled_us = q->updated_us = now_us;
  q->due_us = 0;
  kl_list_remove(&q->state);
  kl_list_append(&r->cancelled, &q->state);
  r->n_cancelled++;
  tell(r, q);
}

void kl_quote_forget(kl_sim_rfqs *r, kl_sim_rfq_quote *q) {
  if (r->sink.forgotten) r->sink.forgotten(r->sink.data, true, q->id);
  kl_map_remove(r->quotes, q->id, strlen(q->id));
  if (q->status == KL_QUOTE_CANCELLED) r->n_cancelled--;
  kl_list_remove(&q->all);
  kl_list_remove(&q->in_rfq);
  kl_list_remove(&q->state);
  free(q);
}

static const char *failure(kl_exchange_result result) {
  switch (result) {
  case KL_X_POST_ONLY_CROSS:
    return "post_only_cross";
  case KL_X_INSUFFICIENT_BALANCE:
    return "insufficient_balance";
  case KL_X_MARKET_INACTIVE:
    return "market_inactive";
  case KL_X_PAUSED:
    return "trading_paused";
  default:
    return "not_executed";
  }
}

static void execute(kl_sim_rfqs *r, int64_t now_us, kl_sim_rfq_quote *q) {
  kl_sim_rfq *rfq = q->rfq;
  kl_quote_trade t = {
      .ticker = rfq->market->ticker,
      .quoter_side = kl_sim_quoter_side(q->accepted),
      .price = kl_sim_quote_yes_price(q->accepted, q->bids[q->accepted]),
      .count = q->contracts[q->accepted],
      .quoter = {.user = q->user,
                 .subaccount = q->subaccount,
                 .client_order_id = q->client_order_id,
                 .rest_remainder = q->rest_remainder},
      .requester = {.user = rfq->user, .subaccount = rfq->subaccount, .rest_remainder = rfq->rest_remainder},
      .post_only = q->post_only};
  kl_cross_outcome out;
  kl_exchange_result result = kl_exchange_execute_quote(r->x, now_us, &t, &out);
  kl_side side = t.quoter_side, other = side == KL_BID ? KL_ASK : KL_BID;
  memcpy(q->order, out.orders[side], sizeof q->order);
  memcpy(q->rfq_order, out.orders[other], sizeof q->rfq_order);
  if (result != KL_X_OK) {
    kl_quote_cancel(r, now_us, q, failure(result));
    return;
  }
  q->status = KL_QUOTE_EXECUTED;
  q->executed_us = q->updated_us = now_us;
  q->due_us = 0;
  kl_list_remove(&q->state);
  tell(r, q);
  if (rfq->open) kl_rfq_close(r, now_us, rfq, "executed");
}

void kl_quotes_tick(kl_sim_rfqs *r, int64_t now_us) {
  for (;;) {
    kl_sim_rfq_quote *first = NULL;
    for (kl_list *n = r->live.next; n != &r->live; n = n->next) {
      kl_sim_rfq_quote *q = KL_CONTAINER(n, kl_sim_rfq_quote, state);
      if (!first || q->due_us < first->due_us) first = q;
    }
    if (!first || first->due_us > now_us) return;
    if (first->status == KL_QUOTE_CONFIRMED)
      execute(r, now_us, first);
    else
      kl_quote_cancel(r, now_us, first, "not_confirmed");
  }
}

/* ---- create ---- */

/* How many contracts the cost buys the requester at `own`, its price, of a side; fees are those of a taker. */
static kl_count count_of(const kl_sim_rfq *rfq, kl_price own) {
  if (rfq->contracts > 0) return rfq->contracts;
  kl_fee_schedule s = kl_exchange_fees(rfq->market->event);
  kl_count n = rfq->target_cost / own;
  if (rfq->target_excludes_fees || n == 0) return n;
  /* The fee is nearly proportional: one step of that comes close, from below or above by its rounding. */
  kl_money fee = kl_fee_trade(s.type, s.multiplier_ppm, true, own, n);
  n = (kl_count)((double)n * (double)rfq->target_cost / (double)(own * n + fee)) + 1;
  while (n > 0 && own * n + kl_fee_trade(s.type, s.multiplier_ppm, true, own, n) > rfq->target_cost)
    n--;
  return n;
}

static const kl_sim_refusal *check_bids(const kl_sim_rfqs *r, const kl_sim_quote_request *q, const kl_sim_rfq *rfq,
                                        kl_count counts[2]) {
  const kl_price *bids = q->bids;
  for (int side = KL_YES; side <= KL_NO; side++) {
    counts[side] = 0;
    if (bids[side] == 0) continue;
    if (!kl_price_on_grid(rfq->market, kl_sim_quote_yes_price((kl_outcome)side, bids[side]))) return &off_grid;
    counts[side] = count_of(rfq, KL_PRICE_ONE - bids[side]);
  }
  if (bids[KL_YES] == 0 && bids[KL_NO] == 0) return &both_declined;
  if (bids[KL_YES] + bids[KL_NO] > KL_PRICE_ONE) return &above_one;
  for (int side = KL_YES; side <= KL_NO; side++) {
    if (bids[side] == 0) continue;
    if (counts[side] == 0) return &buys_nothing;
    if (!kl_exchange_can_pay(r->x, q->user, q->subaccount, rfq->market, kl_sim_quoter_side((kl_outcome)side),
                             kl_sim_quote_yes_price((kl_outcome)side, bids[side]), counts[side], true))
      return &kl_rfq_insufficient_balance;
  }
  return NULL;
}

static kl_sim_rfq_quote *link_quote(kl_sim_rfqs *r, const kl_sim_rfq_quote *value) {
  kl_sim_rfq_quote *q = malloc(sizeof *q);
  if (!q) return NULL;
  *q = *value;
  if (!kl_map_set(r->quotes, q->id, strlen(q->id), q)) {
    free(q);
    return NULL;
  }
  kl_list_init(&q->all);
  kl_list_init(&q->in_rfq);
  kl_list_init(&q->state);
  kl_list_append(&r->all_quotes, &q->all);
  kl_list_append(&q->rfq->quotes, &q->in_rfq);
  return q;
}

/* The maker's quote that a new one would replace: open or under way. */
static kl_sim_rfq_quote *earlier(const kl_sim_rfq *rfq, uint32_t user) {
  for (const kl_list *n = rfq->quotes.next; n != &rfq->quotes; n = n->next) {
    kl_sim_rfq_quote *q = KL_CONTAINER(n, kl_sim_rfq_quote, in_rfq);
    if (q->user == user && q->status < KL_QUOTE_EXECUTED) return q;
  }
  return NULL;
}

const kl_sim_refusal *kl_sim_quote_create(kl_sim_rfqs *r, int64_t now_us, const kl_sim_quote_request *q,
                                          const kl_sim_rfq_quote **out) {
  kl_sim_rfqs_tick(r, now_us);
  kl_sim_rfq *rfq = kl_rfq_get(r, q->rfq_id);
  if (!rfq) return &kl_rfq_not_found;
  if (!rfq->open) return &kl_rfq_closed;
  if (rfq->user == q->user) return &own_rfq;
  if (rfq->market->status != KL_MARKET_ACTIVE) return &kl_rfq_market_inactive;
  kl_sim_rfq_quote made = {.rfq = rfq,
                           .user = q->user,
                           .subaccount = q->subaccount,
                           .bids = {q->bids[KL_YES], q->bids[KL_NO]},
                           .rest_remainder = q->rest_remainder,
                           .post_only = q->post_only,
                           .created_us = now_us,
                           .updated_us = now_us};
  const kl_sim_refusal *refusal = check_bids(r, q, rfq, made.contracts);
  if (refusal) return refusal;
  kl_sim_rfq_quote *old = earlier(rfq, q->user);
  if (old && old->status == KL_QUOTE_ACCEPTED) return &is_accepted;
  if (old && old->status == KL_QUOTE_CONFIRMED) return &is_confirmed;
  kl_rfqs_make_id(r, made.id);
  snprintf(made.client_order_id, sizeof made.client_order_id, "quote:%08x:%s",
           (unsigned)kl_hash_bytes(rfq->id, strlen(rfq->id)) & 0xffffffffU, made.id);
  *out = link_quote(r, &made);
  if (!*out) return &kl_rfq_no_memory;
  if (old) kl_quote_cancel(r, now_us, old, "replaced");
  tell(r, *out);
  return NULL;
}

/* ---- what the parties do with it ---- */

static kl_sim_rfq_quote *get(const kl_sim_rfqs *r, const char *rfq_id, const char *quote_id) {
  kl_sim_rfq_quote *q = quote_id ? kl_map_get(r->quotes, quote_id, strlen(quote_id)) : NULL;
  return q && (!rfq_id || !strcmp(q->rfq->id, rfq_id)) ? q : NULL;
}

const kl_sim_refusal *kl_sim_quote_delete(kl_sim_rfqs *r, int64_t now_us, uint32_t user, const char *rfq_id,
                                          const char *quote_id) {
  kl_sim_rfqs_tick(r, now_us);
  kl_sim_rfq_quote *q = get(r, rfq_id, quote_id);
  if (!q || q->user != user || q->status == KL_QUOTE_CANCELLED) return &kl_rfq_not_found;
  if (q->status == KL_QUOTE_CONFIRMED) return &is_confirmed;
  if (q->status == KL_QUOTE_EXECUTED) return &not_open;
  kl_quote_cancel(r, now_us, q, "deleted");
  return NULL;
}

const kl_sim_refusal *kl_sim_quote_accept(kl_sim_rfqs *r, int64_t now_us, uint32_t user, const char *rfq_id,
                                          const char *quote_id, kl_outcome side) {
  kl_sim_rfqs_tick(r, now_us);
  kl_sim_rfq_quote *q = get(r, rfq_id, quote_id);
  if (!q || q->rfq->user != user) return &kl_rfq_not_found;
  if (!q->rfq->open) return &kl_rfq_closed;
  if (q->status != KL_QUOTE_OPEN) return &not_open;
  if (kl_quote_under_way(q->rfq)) return &other_under_way;
  if (q->bids[side] == 0) return &declined;
  if (q->rfq->market->status != KL_MARKET_ACTIVE) return &kl_rfq_market_inactive;
  kl_side mine = kl_sim_quoter_side(side) == KL_BID ? KL_ASK : KL_BID;
  if (!kl_exchange_can_pay(r->x, user, q->rfq->subaccount, q->rfq->market, mine,
                           kl_sim_quote_yes_price(side, q->bids[side]), q->contracts[side], true))
    return &kl_rfq_insufficient_balance;
  q->status = KL_QUOTE_ACCEPTED;
  q->accepted = side;
  q->accepted_us = q->updated_us = now_us;
  q->due_us = now_us + kl_rfqs_window(r, q->rfq->market, CONFIRM_S, CONFIRM_SHORT_S, CONFIRM_LEAST_US);
  kl_list_append(&r->live, &q->state);
  tell(r, q);
  return NULL;
}

const kl_sim_refusal *kl_sim_quote_confirm(kl_sim_rfqs *r, int64_t now_us, uint32_t user, const char *rfq_id,
                                           const char *quote_id) {
  kl_sim_rfqs_tick(r, now_us);
  kl_sim_rfq_quote *q = get(r, rfq_id, quote_id);
  if (!q || q->user != user) return &kl_rfq_not_found;
  if (q->status != KL_QUOTE_ACCEPTED) return q->rfq->open ? &not_accepted : &kl_rfq_closed;
  if (!kl_exchange_can_pay(r->x, user, q->subaccount, q->rfq->market, kl_sim_quoter_side(q->accepted),
                           kl_sim_quote_yes_price(q->accepted, q->bids[q->accepted]), q->contracts[q->accepted], true))
    return &kl_rfq_insufficient_balance;
  q->status = KL_QUOTE_CONFIRMED;
  q->confirmed_us = q->updated_us = now_us;
  q->due_us = now_us + kl_rfqs_window(r, q->rfq->market, EXECUTE_S, EXECUTE_SHORT_S, 1);
  tell(r, q);
  return NULL;
}

/* ---- look-ups ---- */

const kl_sim_rfq_quote *kl_sim_quote_find(const kl_sim_rfqs *r, const char *rfq_id, const char *quote_id) {
  return get(r, rfq_id, quote_id);
}

const kl_sim_rfq_quote *kl_sim_quote_before(const kl_sim_rfqs *r, const kl_sim_rfq_quote *last) {
  const kl_list *n = last ? last->all.prev : r->all_quotes.prev;
  return n == &r->all_quotes ? NULL : KL_CONTAINER(n, kl_sim_rfq_quote, all);
}

bool kl_sim_quote_restore(kl_sim_rfqs *r, const kl_sim_rfq_quote *saved, const char *rfq_id) {
  kl_sim_rfq_quote value = *saved;
  value.rfq = kl_rfq_get(r, rfq_id);
  if (!value.rfq || get(r, NULL, value.id)) return false;
  kl_sim_rfq_quote *q = link_quote(r, &value);
  if (!q) return false;
  if (q->status == KL_QUOTE_ACCEPTED || q->status == KL_QUOTE_CONFIRMED) kl_list_append(&r->live, &q->state);
  if (q->status == KL_QUOTE_CANCELLED) {
    kl_list_append(&r->cancelled, &q->state);
    r->n_cancelled++;
  }
  return true;
}
