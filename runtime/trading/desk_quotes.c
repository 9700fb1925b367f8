/* Deals: reserved when they are sent, ended when nothing can follow any more, and an order's record once the exchange
 * has made one of them. */
#include "trading/desk_quotes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "kalshi/json_member.h"

enum {
  UNRESERVED_MOST = 4096, /* deals without a reservation: the newest are kept, to know whose fills are theirs */
  FIRST_MS = 2000,
  BOUND_FIRST_MS = 1000,
  DOUBT_FIRST_MS = 300,
  HURRY_MS = 500,
  STRAYS_S = 300 /* a quote executes within a minute of its acceptance */
};

/* ---- life ---- */

kl_desk_deal *kl_deal_new(kl_desk *d, kl_party *p, uint32_t generation, kl_deal_kind kind) {
  kl_desk_deal *q = calloc(1, sizeof *q);
  if (!q) return NULL;
  q->d = d;
  q->party = p;
  q->generation = generation;
  q->kind = kind;
  q->refs = 1;
  q->next_ns = INT64_MAX;
  kl_list_init(&q->link);
  return q;
}

void kl_desk_deal_release(kl_desk_deal *q) {
  if (!q || --q->refs) return;
  if (q->call) kl_call_cancel(q->call);
  kl_desk_deal_release(q->before);
  free(q);
}

kl_desk_deal *kl_deal_find(const kl_desk *d, kl_deal_kind kind, const char *id) {
  for (kl_list *n = d->deals.prev; id[0] && n != &d->deals; n = n->prev) {
    kl_desk_deal *q = KL_CONTAINER(n, kl_desk_deal, link);
    if (q->kind == kind && !strcmp(q->id, id)) return q;
  }
  return NULL;
}

bool kl_deal_reserved(const kl_desk_deal *q) { return q->slot[KL_BID].open || q->slot[KL_ASK].open; }

bool kl_deal_size_of_rfq(kl_desk_deal *q) {
  for (kl_list *n = q->d->deals.prev; n != &q->d->deals; n = n->prev) {
    const kl_desk_deal *other = KL_CONTAINER(n, kl_desk_deal, link);
    if (other->kind != KL_DEAL_QUOTE || !other->ticker[0] || strcmp(other->rfq_id, q->rfq_id) != 0) continue;
    if (!other->rfq_count && !other->rfq_cost) continue;
    q->rfq_count = other->rfq_count;
    q->rfq_cost = other->rfq_cost;
    memcpy(q->ticker, other->ticker, sizeof q->ticker);
    return true;
  }
  return false;
}

/* The quoter's bid for an outcome that is accepted makes the quoter long of it, and the requester of the other. */
kl_side kl_deal_side(const kl_desk_deal *q, kl_outcome accepted) {
  return (accepted == KL_YES) == (q->kind == KL_DEAL_QUOTE) ? KL_BID : KL_ASK;
}

/* How many contracts the requester can buy at most, at what is left of a dollar by the quoter's bid; fees only make it
 * fewer. */
static kl_count worst_count(const kl_desk_deal *q, kl_price bid) {
  kl_price own = KL_PRICE_ONE - bid;
  kl_count by_cost = q->rfq_cost / own + (q->rfq_cost % own != 0);
  return q->rfq_count > by_cost ? q->rfq_count : by_cost;
}

bool kl_deal_terms(kl_desk_deal *q, kl_error *e) {
  static const kl_count most = INT64_MAX / KL_PRICE_ONE / 4;
  for (int outcome = KL_YES; outcome <= KL_NO; outcome++) {
    kl_price bid = q->bids[outcome];
    if (!bid || (q->has_taken && q->taken != (kl_outcome)outcome)) continue;
    kl_side side = kl_deal_side(q, (kl_outcome)outcome);
    q->yes[side] = outcome == KL_YES ? bid : KL_PRICE_ONE - bid;
    if (!q->count[side]) q->count[side] = worst_count(q, bid);
    if (q->count[side] > 0 && q->count[side] <= most) continue;
    kl_error_set(e, KL_ERR_VALIDATION, "the size of the request for quote %.64s cannot be read", q->rfq_id);
    return false;
  }
  if (q->yes[KL_BID] || q->yes[KL_ASK]) {
    q->sized = true;
    return true;
  }
  kl_error_set(e, KL_ERR_VALIDATION, "quote %.64s declines the side that is to be taken", q->id);
  return false;
}

static void release_slots(kl_desk_deal *q) {
  kl_risk_time(q->d->risk, kl_desk_now_ns(q->d));
  kl_risk_release(q->d->risk, &q->slot[KL_BID]);
  kl_risk_release(q->d->risk, &q->slot[KL_ASK]);
}

void kl_deal_narrow(kl_desk_deal *q, kl_side side) {
  kl_side other = side == KL_BID ? KL_ASK : KL_BID;
  kl_risk_time(q->d->risk, kl_desk_now_ns(q->d));
  kl_risk_release(q->d->risk, &q->slot[other]);
  q->yes[other] = 0;
}

static void unhold(kl_desk_deal *q) {
  if (!q->holds) return;
  q->holds = false;
  kl_desk_hold_fills(q->d, false);
}

static void forget_before(kl_desk_deal *q) {
  kl_desk_deal_release(q->before);
  q->before = NULL;
}

/* It was kept before it was sent, and has no answer yet. */
static bool is_on_its_way(const kl_desk_deal *q) { return q->state == KL_DEAL_NEW && !kl_list_empty(&q->link); }

/* True: it was listed, and the reference of the list is the caller's now. */
static bool end(kl_desk_deal *q) {
  bool listed = !kl_list_empty(&q->link), bound = q->state == KL_DEAL_BOUND || is_on_its_way(q);
  if (q->state == KL_DEAL_OVER) return false;
  release_slots(q);
  q->state = KL_DEAL_OVER;
  q->next_ns = INT64_MAX;
  kl_list_remove(&q->link);
  forget_before(q);
  unhold(q);
  if (bound) kl_deals_keep(q->d, q->party);
  return listed;
}

void kl_deal_end(kl_desk_deal *q) {
  if (end(q)) kl_desk_deal_release(q);
}

/* For who has a reference of their own, so that q stays. */
static void end_held(kl_desk_deal *q) {
  if (end(q)) q->refs--; /* never the last */
}

/* Without limits nothing ends them: the oldest are forgotten. */
static void thin_out(kl_desk *d) {
  size_t n = 0;
  for (kl_list *at = d->deals.prev, *next; at != &d->deals; at = next) {
    kl_desk_deal *q = KL_CONTAINER(at, kl_desk_deal, link);
    next = at->prev;
    if (!kl_deal_reserved(q) && q->state != KL_DEAL_NEW && ++n > UNRESERVED_MOST) kl_deal_end(q);
  }
}

static void enlist(kl_desk_deal *q) {
  if (!kl_list_empty(&q->link)) return;
  q->refs++;
  kl_list_append(&q->d->deals, &q->link);
  thin_out(q->d);
}

void kl_deal_adopt(kl_desk_deal *q) {
  q->state = KL_DEAL_BOUND;
  q->kept = true;
  enlist(q);
}

/* ---- a quote in the place of an earlier one ---- */

/* The quote of the party that the new one will replace: what both may come to is not added up. */
static kl_desk_deal *earlier_of(const kl_desk_deal *q) {
  for (kl_list *n = q->d->deals.prev; q->kind == KL_DEAL_QUOTE && n != &q->d->deals; n = n->prev) {
    kl_desk_deal *o = KL_CONTAINER(n, kl_desk_deal, link);
    if (o->kind == KL_DEAL_QUOTE && o->state == KL_DEAL_OPEN && !o->doubt && o->party == q->party &&
        o->subaccount == q->subaccount && kl_deal_reserved(o) && !strcmp(o->rfq_id, q->rfq_id))
      return o;
  }
  return NULL;
}

static void take_over(kl_desk_deal *q) {
  q->before = earlier_of(q);
  if (!q->before) return;
  q->before->refs++;
  memcpy(q->slot, q->before->slot, sizeof q->slot);
  memset(q->before->slot, 0, sizeof q->slot);
}

void kl_deal_undone(kl_desk_deal *q) {
  kl_desk_deal *o = q->before;
  kl_risk *r = q->d->risk;
  kl_risk_time(r, kl_desk_now_ns(q->d));
  for (int side = KL_BID; o && side <= KL_ASK; side++) {
    kl_risk_slot *s = &q->slot[side];
    if (!s->open || !o->yes[side] || o->state == KL_DEAL_OVER || o->slot[side].open) continue;
    kl_risk_restate(r, s, o->yes[side], o->count[side]);
    o->slot[side] = *s;
    memset(s, 0, sizeof *s);
  }
  forget_before(q);
  kl_deal_end(q);
}

void kl_deal_made(kl_desk_deal *q) {
  kl_desk_deal *o = q->before;
  q->before = NULL;
  q->doubt = false;
  if (o) {
    kl_risk_time(q->d->risk, kl_desk_now_ns(q->d));
    for (int side = KL_BID; side <= KL_ASK; side++) {
      if (q->yes[side])
        kl_risk_restate(q->d->risk, &q->slot[side], q->yes[side], q->count[side]);
      else
        kl_risk_release(q->d->risk, &q->slot[side]);
    }
    end_held(o);
    kl_desk_deal_release(o);
  }
  q->state = q->kind == KL_DEAL_QUOTE ? KL_DEAL_OPEN : KL_DEAL_BOUND;
  enlist(q);
  kl_deal_later(q, q->state == KL_DEAL_OPEN ? FIRST_MS : BOUND_FIRST_MS);
}

/* ---- the write ---- */

static bool covered(const kl_desk_write *w) {
  return w->deal_step == KL_DEAL_CONFIRMED && w->deal->state != KL_DEAL_NEW && kl_deal_reserved(w->deal);
}

kl_check kl_desk_deal_check(kl_desk_write *w, kl_error *e) {
  kl_desk_deal *q = w->deal;
  if (w->deal_step == KL_DEAL_ENDED || !kl_risk_needs(w->d->risk, w->p->risk) || covered(w)) return KL_CHECK_READY;
  if (q->failed) {
    *e = q->error;
    return KL_CHECK_REFUSED;
  }
  if (!q->sized && q->kind == KL_DEAL_QUOTE && w->deal_step == KL_DEAL_MADE && kl_deal_size_of_rfq(q) &&
      !kl_deal_terms(q, e))
    return KL_CHECK_REFUSED;
  if (!q->sized) return q->call || kl_deal_ask(q, e) ? KL_CHECK_WAIT : KL_CHECK_REFUSED;
  return kl_desk_check_known(w->d, w->p, q->ticker, e);
}

static bool admit_side(kl_desk_write *w, kl_side side, kl_error *e) {
  kl_desk_deal *q = w->deal;
  kl_desk *d = w->d;
  kl_desk_market *m;
  kl_risk_view v;
  int64_t now = kl_desk_now_ns(d);
  if (!q->yes[side]) return true;
  if (!kl_desk_view(d, w->p, q->ticker, &m, &v, e)) return false;
  if (q->slot[side].open)
    return kl_risk_admit_change(d->risk, &q->slot[side], q->yes[side], q->count[side], &v, now, e);
  return kl_risk_admit(d->risk, w->p->risk, m->risk, side, q->yes[side], q->count[side], &v, now, &q->slot[side], e);
}

static bool admit(kl_desk_write *w, kl_error *e) {
  kl_desk_deal *q = w->deal;
  if (covered(w) || !q->sized) return true;
  if (w->deal_step == KL_DEAL_MADE) take_over(q);
  if (admit_side(w, KL_BID, e) && admit_side(w, KL_ASK, e)) {
    w->deal_admitted = true;
    return true;
  }
  if (w->deal_step == KL_DEAL_MADE)
    kl_deal_undone(q);
  else
    release_slots(q);
  return false;
}

/* Once it is sent an order may follow from it, also when this process does not live to hear the answer. */
static void keep_first(kl_desk_write *w) {
  kl_desk_deal *q = w->deal;
  if ((w->deal_step == KL_DEAL_MADE && q->kind == KL_DEAL_QUOTE) || !q->id[0]) return;
  if (q->state == KL_DEAL_NEW)
    enlist(q);
  else
    q->state = KL_DEAL_BOUND;
  kl_deals_keep(w->d, q->party);
  w->kept_first = true;
}

bool kl_desk_deal_admit(kl_desk_write *w, kl_error *e) {
  if (w->deal_step == KL_DEAL_ENDED) return true;
  w->deal->since_ns = kl_desk_now_ns(w->d);
  if (!admit(w, e)) return false;
  keep_first(w);
  return true;
}

void kl_desk_deal_undo(kl_desk_write *w) {
  kl_desk_deal *q = w->deal;
  if (q->state == KL_DEAL_NEW && q->call) {
    kl_call_cancel(q->call); /* its terms are not needed any more */
    q->call = NULL;
  }
  if (w->deal_admitted && w->deal_step == KL_DEAL_MADE)
    kl_deal_undone(q);
  else if (w->deal_admitted)
    release_slots(q);
  w->deal_admitted = false;
  if (is_on_its_way(q)) kl_deal_end(q);
}

/* ---- its answer ---- */

static void read_id(kl_desk_deal *q, const kl_http_response *res) {
  json_t *root = json_loadb(res->body, res->body_len, 0, NULL);
  if (!q->id[0] && !kl_member_copy(root, "id", q->id, sizeof q->id))
    (void)kl_member_copy(root, "block_trade_proposal_id", q->id, sizeof q->id);
  json_decref(root);
}

/* It may have happened: what is reserved for it stays until it is known. */
static void doubt(kl_desk_deal *q, kl_deal_step step) {
  q->doubt = true;
  q->state = q->kind == KL_DEAL_QUOTE && step == KL_DEAL_MADE ? KL_DEAL_OPEN : KL_DEAL_BOUND;
  enlist(q);
  kl_deal_later(q, DOUBT_FIRST_MS);
  if (!kl_deal_reserved(q) && !q->id[0])
    kl_deal_end(q); /* nothing depends on it, and nobody could name it */
  else if (q->state == KL_DEAL_BOUND)
    kl_deals_keep(q->d, q->party);
}

/* The exchange has refused it. What only sets a state may have been repeated, and the refusal may be of the second try.
 */
static bool never_was(const kl_desk_write *w, const kl_error *e) {
  bool refused = kl_error_is_refusal(e) && e->status != 408;
  if (!strcmp(e->code, "not_sent") || !strcmp(e->code, "not_done")) return true;
  return refused && w->deal_step == KL_DEAL_MADE && !w->deal->id[0];
}

void kl_desk_deal_answered(kl_desk_write *w, const kl_http_response *res, const kl_error *e) {
  kl_desk_deal *q = w->deal;
  q->since_ns = kl_desk_now_ns(w->d);
  if (q->state == KL_DEAL_OVER) return;
  if (w->deal_step == KL_DEAL_ENDED) {
    if (!e)
      kl_deal_end(q);
    else
      kl_deal_later(q, DOUBT_FIRST_MS);
    return;
  }
  if (e) {
    if (!never_was(w, e))
      doubt(q, w->deal_step);
    else if (w->deal_step == KL_DEAL_MADE)
      kl_deal_undone(q);
    else
      kl_desk_deal_undo(w);
    return;
  }
  if (w->deal_step == KL_DEAL_MADE) read_id(q, res);
  if (!q->id[0]) {
    doubt(q, w->deal_step);
    return;
  }
  if (q->state == KL_DEAL_NEW) kl_deal_made(q);
  if (w->deal_step == KL_DEAL_CONFIRMED) q->state = KL_DEAL_BOUND;
  if (q->state != KL_DEAL_BOUND) return;
  kl_deals_keep(w->d, q->party);
  kl_deal_later(q, BOUND_FIRST_MS);
}

/* ---- the order that follows ---- */

kl_desk_entry *kl_deal_execute(kl_desk_deal *q, kl_side side, const char *order_id, const char *client_id,
                               kl_price yes_price, kl_count count) {
  kl_desk *d = q->d;
  kl_error e;
  kl_desk_order kept = {.side = side,
                        .status = KL_DESK_RESTING, /* which is looked up */
                        .generation = q->generation,
                        .created_ms = kl_desk_now_ms(d),
                        .subaccount = q->subaccount,
                        .yes_price = q->yes[side] ? q->yes[side] : yes_price,
                        .count = q->count[side] ? q->count[side] : count};
  static const char *const words[] = {"quote", "accepted", "block"};
  snprintf(kept.id, sizeof kept.id, "%s", order_id);
  snprintf(kept.ticker, sizeof kept.ticker, "%s", q->ticker);
  if (client_id && client_id[0])
    snprintf(kept.client_id, sizeof kept.client_id, "%.64s", client_id);
  else /* the exchange has none for it */
    snprintf(kept.client_id, sizeof kept.client_id, "%s:%.50s", words[q->kind], q->id);
  q->refs++;
  kl_desk_entry *x = kl_desk_adopt(d, q->party, &kept, &e);
  if (!x) {
    kl_log_error("desk", "order %s, which follows from %s, cannot be kept: %s", order_id, kept.client_id, e.message);
    kl_desk_deal_release(q);
    return NULL;
  }
  if (q->slot[side].open) { /* what is reserved goes over to the order, as it is */
    kl_risk_release(d->risk, &x->o.risk);
    x->o.risk = q->slot[side];
    memset(&q->slot[side], 0, sizeof q->slot[side]);
  }
  if (d->journal) kl_order_journal_intent(d->journal, &x->o, kl_party_name(q->party), false, NULL, NULL);
  kl_log_info("desk", "%s has become order %s of %s", kept.client_id, order_id, kl_party_name(q->party));
  kl_desk_order_retain(&x->o);
  kl_desk_claim_fills(x);
  if (q->kept) kl_desk_chase_fills(x);
  end_held(q);
  kl_desk_entry_changed(x);
  kl_desk_order_release(&x->o);
  kl_desk_deal_release(q);
  return x;
}

/* "quote:<8 hex>:<quote id>" is the client id of a quoter's order. */
static const char *quote_of(const char *client_id) {
  static const char word[] = "quote:";
  if (!client_id || strncmp(client_id, word, sizeof word - 1) != 0) return NULL;
  const char *id = strchr(client_id + sizeof word - 1, ':');
  return id && id[1] ? id + 1 : NULL;
}

kl_desk_entry *kl_desk_deal_order(kl_desk *d, const char *order_id, const char *client_id, const char *ticker,
                                  kl_side side, kl_price yes_price, kl_count count) {
  const char *id = quote_of(client_id);
  kl_desk_deal *q = id && order_id && order_id[0] ? kl_deal_find(d, KL_DEAL_QUOTE, id) : NULL;
  if (q && !q->ticker[0]) snprintf(q->ticker, sizeof q->ticker, "%s", ticker);
  return q ? kl_deal_execute(q, side, order_id, client_id, yes_price, count) : NULL;
}

/* ---- time ---- */

void kl_desk_deals_stray(kl_desk *d, const char *ticker) {
  int64_t now = kl_desk_now_ns(d);
  for (kl_list *n = d->deals.next, *next; n != &d->deals; n = next) {
    kl_desk_deal *q = KL_CONTAINER(n, kl_desk_deal, link);
    next = n->next;
    bool bound = q->state == KL_DEAL_BOUND;
    if ((!bound && q->state != KL_DEAL_NEW) || !q->id[0] || (q->ticker[0] && strcmp(q->ticker, ticker) != 0)) continue;
    if (bound && !kl_deal_reserved(q) && q->kind != KL_DEAL_BLOCK && now - q->since_ns > STRAYS_S * 1000 * KL_DESK_MS) {
      kl_deal_end(q); /* nobody looked it up, and it has executed long ago, or never will */
      continue;
    }
    if (!q->holds) kl_desk_hold_fills(d, true);
    q->holds = true;
    q->holding = 0;
    kl_deal_later(q, 0);
  }
}

void kl_desk_deals_hurry(kl_desk *d) {
  int64_t now = kl_desk_now_ns(d);
  for (kl_list *n = d->deals.next; n != &d->deals; n = n->next) {
    kl_desk_deal *q = KL_CONTAINER(n, kl_desk_deal, link);
    if (kl_deal_reserved(q) && !q->call && now - q->looked_ns > HURRY_MS * KL_DESK_MS) kl_deal_later(q, 0);
  }
}

void kl_desk_deals_stop(kl_desk *d) {
  for (kl_list *n = d->deals.next, *next; n != &d->deals; n = next) {
    kl_desk_deal *q = KL_CONTAINER(n, kl_desk_deal, link);
    next = n->next;
    if (q->call) kl_call_cancel(q->call);
    q->call = NULL;
    q->holds = false;
    kl_list_remove(n);
    kl_desk_deal_release(q);
  }
}
