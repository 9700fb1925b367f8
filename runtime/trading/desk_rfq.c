/* Quotes, acceptances and block trades as raw operations: what a write is for, from its path and body. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kalshi/json_member.h"
#include "trading/desk_quotes.h"

typedef struct rfq_kind {
  const char *id;
  kl_deal_step step;
  kl_deal_kind kind;
  int rfq_at, id_at; /* segments of the path; 0: none */
} rfq_kind;

static const rfq_kind kinds[] = {
    {"CreateQuote", KL_DEAL_MADE, KL_DEAL_QUOTE, 0, 0},
    {"AcceptRFQQuote", KL_DEAL_MADE, KL_DEAL_ACCEPT, 3, 5},
    {"AcceptQuote", KL_DEAL_MADE, KL_DEAL_ACCEPT, 0, 3},
    {"ConfirmRFQQuote", KL_DEAL_CONFIRMED, KL_DEAL_QUOTE, 3, 5},
    {"ConfirmQuote", KL_DEAL_CONFIRMED, KL_DEAL_QUOTE, 0, 3},
    {"DeleteRFQQuote", KL_DEAL_ENDED, KL_DEAL_QUOTE, 3, 5},
    {"DeleteQuote", KL_DEAL_ENDED, KL_DEAL_QUOTE, 0, 3},
    {"ProposeBlockTrade", KL_DEAL_MADE, KL_DEAL_BLOCK, 0, 0},
    {"AcceptBlockTradeProposal", KL_DEAL_MADE, KL_DEAL_BLOCK, 0, 3},
};

static const rfq_kind *kind_of(const kl_operation *op) {
  for (size_t i = 0; op && i < sizeof kinds / sizeof kinds[0]; i++)
    if (!strcmp(op->id, kinds[i].id)) return &kinds[i];
  return NULL;
}

bool kl_desk_rfq_reads(const kl_operation *op) { return kind_of(op) != NULL; }

/* Orders by ways that ended long ago, whose bodies are not read. */
static bool is_legacy_order(const kl_operation *op) {
  static const char *const ids[] = {"CreateOrder", "AmendOrder", "BatchCreateOrders"};
  for (size_t i = 0; op && i < sizeof ids / sizeof ids[0]; i++)
    if (!strcmp(op->id, ids[i])) return true;
  return false;
}

/* Of an operation that is not in the table nobody knows what it does. */
static bool is_unknown(const kl_desk_write *w) { return !w->op && w->method && strcmp(w->method, "DELETE") != 0; }

/* ---- reading ---- */

/* It stands in paths as it is. */
static bool is_plain(const char *id) { return !strpbrk(id, "/%?#& \""); }

/* Segment `at` of a path, from 1. False where there is none, or not a plain id. */
static bool segment(const char *path, int at, char out[64]) {
  while (at > 0 && (path = strchr(path, '/'))) {
    path++;
    at--;
  }
  size_t n = path ? strcspn(path, "/") : 0;
  if (!n || n >= 64) return false;
  memcpy(out, path, n);
  out[n] = 0;
  return is_plain(out);
}

static bool read_quote(kl_desk_deal *q, const json_t *body) {
  bool read = kl_member_copy(body, "rfq_id", q->rfq_id, sizeof q->rfq_id) &&
              kl_member_fixed(body, "yes_bid", KL_PRICE_PLACES, &q->bids[KL_YES]) &&
              kl_member_fixed(body, "no_bid", KL_PRICE_PLACES, &q->bids[KL_NO]);
  q->subaccount = (int32_t)json_integer_value(json_object_get(body, "subaccount"));
  return read && is_plain(q->rfq_id) && q->bids[KL_YES] >= 0 && q->bids[KL_NO] >= 0 && q->bids[KL_YES] < KL_PRICE_ONE &&
         q->bids[KL_NO] < KL_PRICE_ONE;
}

static bool read_acceptance(kl_desk_deal *q, const json_t *body) {
  const char *side = json_string_value(json_object_get(body, "accepted_side"));
  q->has_taken = side && (!strcmp(side, "yes") || !strcmp(side, "no"));
  q->taken = q->has_taken && side[0] == 'n' ? KL_NO : KL_YES;
  return q->has_taken;
}

/* Which of both the account is stands in its user id, which is not known before the first one: then it may be either.
 */
static bool read_proposal(kl_desk_deal *q, const json_t *body) {
  char buyer[64] = "", seller[64] = "";
  const json_t *price = json_object_get(body, "price_centi_cents"), *count = json_object_get(body, "centicount");
  kl_price yes = json_integer_value(price);
  kl_count n = json_integer_value(count);
  if (!kl_member_copy(body, "market_ticker", q->ticker, sizeof q->ticker) || !json_is_integer(price) ||
      !json_is_integer(count) || yes <= 0 || yes >= KL_PRICE_ONE || n <= 0 || n > INT64_MAX / KL_PRICE_ONE / 4)
    return false;
  (void)kl_member_copy(body, "buyer_user_id", buyer, sizeof buyer);
  (void)kl_member_copy(body, "seller_user_id", seller, sizeof seller);
  const char *self = q->d->user_id;
  bool known = self[0] && (!strcmp(self, buyer) != !strcmp(self, seller));
  for (int side = KL_BID; side <= KL_ASK; side++) {
    if (known && strcmp(self, side == KL_BID ? buyer : seller) != 0) continue;
    q->yes[side] = yes;
    q->count[side] = n;
  }
  q->sized = q->proposed = true;
  return true;
}

static bool read_deal(kl_desk_deal *q, const rfq_kind *k, const char *path, const json_t *body) {
  if (k->rfq_at && !segment(path, k->rfq_at, q->rfq_id)) return false;
  if (k->id_at && !segment(path, k->id_at, q->id)) return false;
  if (k->step != KL_DEAL_MADE) return true;
  if (k->kind == KL_DEAL_QUOTE) return read_quote(q, body);
  if (k->kind == KL_DEAL_ACCEPT) return read_acceptance(q, body);
  return k->id_at || read_proposal(q, body);
}

/* ---- the write ---- */

static bool refuse(kl_desk_write *w, const kl_operation *op, kl_error *e) {
  if (is_legacy_order(op))
    kl_error_coded(e, KL_ERR_RISK, "unknown_size",
                   "legacy.%s was not sent, since limits are not compared with it: use kalshi.%s", op->name,
                   op->replaced_by ? op->replaced_by : "create_order");
  else
    kl_error_coded(e, KL_ERR_RISK, "unknown_size",
                   "%s was not sent: it may become a position, and how large a one is not known here, so it cannot be "
                   "compared with the limits that are in force",
                   op ? op->name : w->method);
  return false;
}

bool kl_desk_rfq_prepare(kl_desk_write *w, const kl_operation *op, const kl_call_request *r, uint32_t generation,
                         const json_t *body, kl_error *e) {
  kl_desk *d = w->d;
  const rfq_kind *k = kind_of(op);
  if (!k && !is_legacy_order(op) && !is_unknown(w)) return true;
  bool ends = k && k->step == KL_DEAL_ENDED;
  if (!ends && !kl_desk_may_send(d, w->p, e)) return false;
  bool limited = !ends && kl_risk_needs(d->risk, w->p->risk);
  if (!k) return !limited || refuse(w, op, e);
  kl_desk_deal *q = kl_deal_new(d, w->p, generation, k->kind);
  if (!q) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for %s", op->name);
    return false;
  }
  bool read = read_deal(q, k, r->path ? r->path : "", body);
  kl_desk_deal *known = read && k->step != KL_DEAL_MADE ? kl_deal_find(d, k->kind, q->id) : NULL;
  if (known && known->state == KL_DEAL_NEW) known = NULL; /* another write's, which may come to nothing */
  if (known || !read || ends) {
    kl_desk_deal_release(q);
    q = known;
    if (q) q->refs++;
  }
  if (!read && limited) {
    kl_error_coded(e, KL_ERR_VALIDATION, "limit_data_missing",
                   "%s was not sent: its ids, prices or size cannot be read, and limits have to be compared with them",
                   op->name);
    return false;
  }
  w->deal = q;
  w->deal_step = k->step;
  return true;
}
