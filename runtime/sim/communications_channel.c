/* The channel `communications`: requests go to everybody, quotes to their two parties, each with its own subaccount.
 * Source: Kalshi, WebSocket "Communications". */
#include <string.h>

#include "sim/communications.h"
#include "sim/json_out.h"

/* Whether the subscription's part of the markets has this one. */
static bool in_shard(const kl_sim_sub *sub, const kl_market *m) {
  return sub->shard_factor == 0 || kl_hash_bytes(m->ticker, strlen(m->ticker)) % sub->shard_factor == sub->shard_key;
}

static kl_sim_payload *finish(kl_buf *b, const char *type) {
  kl_buf_char(b, '}');
  kl_sim_payload *p = kl_sim_payload_new(type, b);
  kl_buf_free(b);
  return p;
}

static kl_sim_payload *rfq_payload(const kl_sim *s, const kl_sim_rfq *r) {
  char creator[65];
  kl_buf b = {0};
  kl_sim_communications_id(s, r->user, creator);
  kl_buf_char(&b, '{');
  kl_sim_field_str(&b, "id", r->id);
  kl_sim_field_str(&b, "creator_id", creator);
  kl_sim_field_str(&b, "market_ticker", r->market->ticker);
  kl_sim_field_str(&b, "event_ticker", r->market->event->ticker);
  if (r->contracts) kl_sim_field_count(&b, "contracts_fp", r->contracts);
  if (r->target_cost) kl_sim_field_money(&b, "target_cost_dollars", r->target_cost);
  kl_sim_field_time(&b, r->open ? "created_ts" : "deleted_ts", r->open ? r->created_us : r->closed_us);
  if (r->open) kl_sim_json_combo(&b, r->market);
  return finish(&b, r->open ? "rfq_created" : "rfq_deleted");
}

void kl_sim_tell_rfq(kl_sim *s, const kl_sim_rfq *r) {
  kl_sim_payload *p = NULL;
  for (kl_list *at = s->sessions.next, *next; at != &s->sessions; at = next) {
    kl_sim_session *c = KL_CONTAINER(at, kl_sim_session, link);
    kl_sim_sub *sub = c->subs[KL_CH_COMMUNICATIONS];
    next = at->next;
    if (!sub || !in_shard(sub, r->market) || (sub->own_only && c->account->user != r->user)) continue;
    if (!p) p = rfq_payload(s, r);
    kl_sim_session_send(c, sub, p, 0);
  }
  kl_sim_payload_release(p);
}

static kl_sim_payload *quote_payload(const kl_sim *s, const kl_sim_rfq_quote *q, bool quoter) {
  const kl_sim_rfq *r = q->rfq;
  int subaccount = quoter ? q->subaccount : r->subaccount;
  char id[65];
  kl_buf b = {0};
  kl_buf_char(&b, '{');
  kl_sim_field_str(&b, "quote_id", q->id);
  kl_sim_field_str(&b, "rfq_id", r->id);
  kl_sim_communications_id(s, q->user, id);
  kl_sim_field_str(&b, "quote_creator_id", id);
  kl_sim_communications_id(s, r->user, id);
  kl_sim_field_str(&b, "rfq_creator_id", id);
  kl_sim_field_str(&b, "market_ticker", r->market->ticker);
  if (q->status == KL_QUOTE_EXECUTED) {
    kl_sim_field_str(&b, "order_id", quoter ? q->order : q->rfq_order);
    kl_sim_field_str(&b, "client_order_id", quoter ? q->client_order_id : "");
    kl_sim_field_time(&b, "executed_ts", q->executed_us);
  } else {
    kl_sim_field_str(&b, "event_ticker", r->market->event->ticker);
    kl_sim_field_price(&b, "yes_bid_dollars", q->bids[KL_YES]);
    kl_sim_field_price(&b, "no_bid_dollars", q->bids[KL_NO]);
    if (q->status == KL_QUOTE_ACCEPTED) {
      kl_sim_field_str(&b, "accepted_side", kl_sim_outcome_name(q->accepted));
      /* Only of a request by size: as seen on the exchange. */
      if (r->contracts) kl_sim_field_count(&b, "contracts_accepted_fp", q->contracts[q->accepted]);
    }
    if (q->bids[KL_YES]) kl_sim_field_count(&b, "yes_contracts_offered_fp", q->contracts[KL_YES]);
    if (q->bids[KL_NO]) kl_sim_field_count(&b, "no_contracts_offered_fp", q->contracts[KL_NO]);
    if (r->target_cost) kl_sim_field_money(&b, "rfq_target_cost_dollars", r->target_cost);
    if (q->status == KL_QUOTE_OPEN) kl_sim_field_time(&b, "created_ts", q->created_us);
  }
  if (subaccount) kl_sim_field_int(&b, "subaccount", subaccount);
  return finish(&b, q->status == KL_QUOTE_OPEN       ? "quote_created"
                    : q->status == KL_QUOTE_ACCEPTED ? "quote_accepted"
                                                     : "quote_executed");
}

void kl_sim_tell_quote(kl_sim *s, const kl_sim_rfq_quote *q) {
  kl_sim_payload *made[2] = {NULL, NULL}; /* for the requester, for the quoter */
  if (q->status == KL_QUOTE_CONFIRMED || q->status == KL_QUOTE_CANCELLED) return; /* the wire has no message for them */
  for (kl_list *at = s->sessions.next, *next; at != &s->sessions; at = next) {
    kl_sim_session *c = KL_CONTAINER(at, kl_sim_session, link);
    kl_sim_sub *sub = c->subs[KL_CH_COMMUNICATIONS];
    bool quoter = c->account->user == q->user;
    next = at->next;
    if (!sub || !in_shard(sub, q->rfq->market)) continue;
    if (quoter ? !kl_sim_session_sees(c, q->user, q->subaccount)
               : !kl_sim_session_sees(c, q->rfq->user, q->rfq->subaccount))
      continue;
    if (!made[quoter]) made[quoter] = quote_payload(s, q, quoter);
    kl_sim_session_send(c, sub, made[quoter], 0);
  }
  kl_sim_payload_release(made[0]);
  kl_sim_payload_release(made[1]);
}
