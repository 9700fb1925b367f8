/* Deals are read from the exchange: the terms of one that is about to be made, and how those stand that something is
 * reserved for, until they have ended. That something is not there counts only some seconds after it was written. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "kalshi/json_member.h"
#include "trading/desk_quotes.h"

enum {
  PAUSE_LEAST_MS = 100,
  PAUSE_MOST_MS = 10000,
  SETTLE_MS = 5000,    /* a write whose answer is missing may take as long, and reads may lag */
  ACCEPTED_MS = 60000, /* by then a quote that was accepted has been confirmed */
  AT_ONCE = 4,         /* look-ups under way */
  HOLD_TRIES = 5,      /* then a fill that nobody knows is of somebody else */
  PAGES_MOST = 20,
  NAMELESS_TRIES = 8, /* executed, and its order is not told */
  LOOKUP_TIMEOUT_MS = 5000
};

void kl_deal_later(kl_desk_deal *q, int64_t ms) {
  bool needed = q->state != KL_DEAL_NEW && (kl_deal_reserved(q) || q->holds || q->doubt);
  q->pause_ns = (ms < PAUSE_LEAST_MS ? PAUSE_LEAST_MS : ms) * KL_DESK_MS;
  q->next_ns = needed && q->state != KL_DEAL_OVER ? kl_desk_now_ns(q->d) + ms * KL_DESK_MS : INT64_MAX;
  if (needed) kl_desk_tick(q->d);
}

/* It stands as before. */
static void again(kl_desk_deal *q) {
  int64_t ms = q->pause_ns * 2 / KL_DESK_MS;
  if (q->holds && ++q->holding > HOLD_TRIES) {
    q->holds = false;
    kl_desk_hold_fills(q->d, false);
  }
  if (q->state != KL_DEAL_OVER) kl_deal_later(q, ms > PAUSE_MOST_MS ? PAUSE_MOST_MS : ms);
}

static bool is_settled(const kl_desk_deal *q) { return kl_desk_now_ns(q->d) - q->since_ns > SETTLE_MS * KL_DESK_MS; }

/* ---- what a quote says ---- */

static void read_count(const json_t *row, const char *name, kl_count *out) {
  kl_count n;
  if (kl_member_fixed(row, name, KL_COUNT_PLACES, &n) && n > *out) *out = n;
}

/* Of a quote that is to be accepted or confirmed: what it comes to. */
static bool read_quote_terms(kl_desk_deal *q, const json_t *row, kl_error *e) {
  const char *side = kl_member_text(row, "accepted_side");
  if (q->kind == KL_DEAL_QUOTE && side[0]) {
    q->has_taken = true;
    q->taken = side[0] == 'n' ? KL_NO : KL_YES;
  }
  q->subaccount = (int32_t)json_integer_value(
      json_object_get(row, q->kind == KL_DEAL_QUOTE ? "creator_subaccount" : "rfq_creator_subaccount"));
  q->rfq_count = q->rfq_cost = 0;
  read_count(row, "contracts_fp", &q->rfq_count);
  (void)kl_member_fixed(row, "rfq_target_cost_dollars", KL_MONEY_PLACES, &q->rfq_cost);
  if (!kl_member_copy(row, "market_ticker", q->ticker, sizeof q->ticker) ||
      !kl_member_fixed(row, "yes_bid_dollars", KL_PRICE_PLACES, &q->bids[KL_YES]) ||
      !kl_member_fixed(row, "no_bid_dollars", KL_PRICE_PLACES, &q->bids[KL_NO]) || q->bids[KL_YES] < 0 ||
      q->bids[KL_NO] < 0 || q->bids[KL_YES] >= KL_PRICE_ONE || q->bids[KL_NO] >= KL_PRICE_ONE || q->rfq_cost < 0) {
    kl_error_coded(e, KL_ERR_PROTOCOL, "limit_data_missing", "quote %.64s cannot be read, and limits compare with it",
                   q->id);
    return false;
  }
  (void)kl_member_copy(row, "rfq_id", q->rfq_id, sizeof q->rfq_id);
  q->count[kl_deal_side(q, KL_YES)] = q->count[kl_deal_side(q, KL_NO)] = q->rfq_count;
  read_count(row, "yes_contracts_fp", &q->count[kl_deal_side(q, KL_YES)]);
  read_count(row, "no_contracts_fp", &q->count[kl_deal_side(q, KL_NO)]);
  return kl_deal_terms(q, e);
}

static bool read_rfq(kl_desk_deal *q, const json_t *row, kl_error *e) {
  read_count(row, "contracts_fp", &q->rfq_count);
  (void)kl_member_fixed(row, "target_cost_dollars", KL_MONEY_PLACES, &q->rfq_cost);
  if (!kl_member_copy(row, "market_ticker", q->ticker, sizeof q->ticker) || q->rfq_cost < 0) {
    kl_error_coded(e, KL_ERR_PROTOCOL, "limit_data_missing",
                   "the request for quote %.64s cannot be read, and limits compare with it", q->rfq_id);
    return false;
  }
  return kl_deal_terms(q, e);
}

static void take_executed(kl_desk_deal *q, const json_t *row) {
  const char *id = kl_member_text(row, q->kind == KL_DEAL_QUOTE ? "creator_order_id" : "rfq_creator_order_id");
  const char *side = kl_member_text(row, "accepted_side");
  kl_outcome accepted = side[0] == 'n' ? KL_NO : KL_YES;
  if (!q->ticker[0]) (void)kl_member_copy(row, "market_ticker", q->ticker, sizeof q->ticker);
  if (id[0] && side[0]) {
    kl_price bid = 0;
    kl_count count = 0;
    (void)kl_member_fixed(row, accepted == KL_YES ? "yes_bid_dollars" : "no_bid_dollars", KL_PRICE_PLACES, &bid);
    read_count(row, accepted == KL_YES ? "yes_contracts_fp" : "no_contracts_fp", &count);
    read_count(row, "contracts_fp", &count);
    if (!kl_deal_execute(q, kl_deal_side(q, accepted), id, NULL, accepted == KL_YES ? bid : KL_PRICE_ONE - bid, count))
      again(q);
  } else if (++q->tries < NAMELESS_TRIES) {
    again(q);
  } else {
    kl_log_warn("desk",
                "quote %s was executed, and the exchange does not tell the order: the account's position has it",
                q->id);
    kl_deal_end(q);
  }
}

static void take_quote(kl_desk_deal *q, const json_t *row) {
  const char *status = kl_member_text(row, "status"), *side = kl_member_text(row, "accepted_side");
  bool under_way = !strcmp(status, "accepted") || !strcmp(status, "confirmed");
  if (!strcmp(status, "cancelled")) {
    kl_deal_end(q);
  } else if (!strcmp(status, "executed")) {
    take_executed(q, row);
  } else if (under_way) {
    q->doubt = false;
    if (!strcmp(status, "confirmed")) { /* from here on nothing goes back */
      q->state = KL_DEAL_BOUND;
      if (side[0]) kl_deal_narrow(q, kl_deal_side(q, side[0] == 'n' ? KL_NO : KL_YES));
    }
    again(q);
  } else if (q->kind == KL_DEAL_QUOTE) {
    if (is_settled(q)) {
      q->doubt = false;
      q->state = KL_DEAL_OPEN;
    }
    again(q);
  } else if (is_settled(q) && (q->doubt || kl_desk_now_ns(q->d) - q->since_ns > ACCEPTED_MS * KL_DESK_MS)) {
    kl_deal_end(q); /* the acceptance has not happened, or the quoter did not confirm */
  } else {
    again(q);
  }
}

/* A quote whose answer was lost: of the account's quotes of the request the one that says the same. */
static void take_quotes(kl_desk_deal *q, const json_t *root) {
  const json_t *row;
  size_t i;
  json_array_foreach(json_object_get(root, "quotes"), i, row) {
    kl_price bids[2] = {0, 0};
    char id[64];
    if (!kl_member_copy(row, "id", id, sizeof id) || kl_deal_find(q->d, KL_DEAL_QUOTE, id)) continue;
    if (!kl_member_fixed(row, "yes_bid_dollars", KL_PRICE_PLACES, &bids[KL_YES]) ||
        !kl_member_fixed(row, "no_bid_dollars", KL_PRICE_PLACES, &bids[KL_NO]) ||
        memcmp(bids, q->bids, sizeof bids) != 0 || !strcmp(kl_member_text(row, "status"), "cancelled"))
      continue;
    memcpy(q->id, id, sizeof id);
    kl_deal_made(q);
    take_quote(q, row);
    return;
  }
  if (is_settled(q))
    kl_deal_undone(q);
  else
    again(q);
}

/* ---- what a block trade says ---- */

/* Our sides of it: by our user id, else those that have not agreed yet. */
static void read_sides(kl_desk_deal *q, const json_t *row, bool ours[2]) {
  const char *self = q->d->user_id;
  ours[KL_BID] = !strcmp(self, kl_member_text(row, "buyer_user_id"));
  ours[KL_ASK] = !strcmp(self, kl_member_text(row, "seller_user_id"));
  if (ours[KL_BID] || ours[KL_ASK]) return;
  ours[KL_BID] = !json_is_true(json_object_get(row, "buyer_accepted"));
  ours[KL_ASK] = !json_is_true(json_object_get(row, "seller_accepted"));
  if (!ours[KL_BID] && !ours[KL_ASK]) ours[KL_BID] = ours[KL_ASK] = true;
}

static bool read_block_terms(kl_desk_deal *q, const json_t *row, kl_error *e) {
  kl_price yes = json_integer_value(json_object_get(row, "price_centi_cents"));
  kl_count n = json_integer_value(json_object_get(row, "centicount"));
  bool ours[2];
  if (!kl_member_copy(row, "market_ticker", q->ticker, sizeof q->ticker) || yes <= 0 || yes >= KL_PRICE_ONE || n <= 0 ||
      n > INT64_MAX / KL_PRICE_ONE / 4) {
    kl_error_coded(e, KL_ERR_PROTOCOL, "limit_data_missing",
                   "block trade %.64s cannot be read, and limits compare with it", q->id);
    return false;
  }
  read_sides(q, row, ours);
  for (int side = KL_BID; side <= KL_ASK; side++) {
    q->yes[side] = ours[side] ? yes : 0;
    q->count[side] = ours[side] ? n : 0;
  }
  q->sized = true;
  return true;
}

static bool has_expired(const kl_desk_deal *q, const json_t *row) {
  const char *text = kl_member_text(row, "expiration_ts");
  int64_t us;
  return kl_time_parse_rfc3339(text, strlen(text), &us) && us / 1000 + SETTLE_MS < kl_desk_now_ms(q->d);
}

/* Of whose order fills have come. */
static kl_side side_by_fill(const kl_desk *d, const json_t *row) {
  const char *order = kl_member_text(row, "seller_order_id");
  for (const kl_list *n = d->strays.next; n != &d->strays; n = n->next)
    if (!strcmp(KL_CONTAINER(n, const kl_desk_stray, link)->fill.order_id, order)) return KL_ASK;
  return KL_BID;
}

static void take_block(kl_desk_deal *q, const json_t *row, bool proposed) {
  const char *status = kl_member_text(row, "status");
  kl_side side = q->sized ? (q->yes[KL_BID] ? KL_BID : KL_ASK) : side_by_fill(q->d, row);
  bool ours[2];
  if (proposed) (void)kl_member_copy(row, "proposer_user_id", q->d->user_id, sizeof q->d->user_id);
  read_sides(q, row, ours);
  if (ours[KL_BID] != ours[KL_ASK]) {
    side = ours[KL_BID] ? KL_BID : KL_ASK;
    kl_deal_narrow(q, side);
  }
  const char *order = kl_member_text(row, side == KL_BID ? "buyer_order_id" : "seller_order_id");
  if (kl_member_text(row, "executed_ts")[0] && order[0]) {
    if (!q->ticker[0]) (void)kl_member_copy(row, "market_ticker", q->ticker, sizeof q->ticker);
    if (!kl_deal_execute(q, side, order, NULL, json_integer_value(json_object_get(row, "price_centi_cents")),
                         json_integer_value(json_object_get(row, "centicount"))))
      again(q);
    return;
  }
  bool ended = !strcmp(status, "expired") || !strcmp(status, "cancelled") || !strcmp(status, "canceled") ||
               !strcmp(status, "rejected") || !strcmp(status, "declined") || has_expired(q, row);
  /* What we have accepted, and is pending still, has not happened. */
  bool not_done = q->doubt && !proposed && is_settled(q) && !strcmp(status, "pending");
  if (ended || not_done)
    kl_deal_end(q);
  else
    again(q);
}

static bool is_row_of(const kl_desk_deal *q, const json_t *row) {
  if (q->id[0]) return !strcmp(q->id, kl_member_text(row, "id"));
  kl_side side = q->yes[KL_BID] ? KL_BID : KL_ASK;
  char id[64];
  return kl_member_copy(row, "id", id, sizeof id) && !kl_deal_find(q->d, KL_DEAL_BLOCK, id) &&
         !strcmp(q->ticker, kl_member_text(row, "market_ticker")) &&
         !strcmp(kl_member_text(row, "status"), "pending") &&
         json_integer_value(json_object_get(row, "price_centi_cents")) == q->yes[side] &&
         json_integer_value(json_object_get(row, "centicount")) == q->count[side];
}

static const json_t *find_block(const kl_desk_deal *q, const json_t *root) {
  const json_t *row;
  size_t i;
  json_array_foreach(json_object_get(root, "block_trade_proposals"), i, row) if (is_row_of(q, row)) return row;
  return NULL;
}

static bool another_page(kl_desk_deal *q, const json_t *root) {
  const char *cursor = kl_member_text(root, "cursor");
  bool more =
      cursor[0] && strlen(cursor) < sizeof q->cursor && strcmp(cursor, q->cursor) != 0 && ++q->pages < PAGES_MOST;
  snprintf(q->cursor, sizeof q->cursor, "%s", more ? cursor : "");
  return more;
}

/* ---- asking ---- */

/* Its terms cannot be had, so it is not sent. */
static void fail(kl_desk_deal *q, const kl_error *e) {
  q->failed = true;
  q->error = *e;
}

static void take_terms(kl_desk_deal *q, const json_t *root, const kl_error *e) {
  const json_t *row;
  kl_error why;
  if (e) {
    kl_error_set(&why, e->kind, "%s could not be read, and limits compare with it: %.400s",
                 q->kind == KL_DEAL_BLOCK                ? "the block trade"
                 : q->kind == KL_DEAL_QUOTE && !q->id[0] ? "the request for quote"
                                                         : "the quote",
                 e->message);
    memcpy(why.code, e->code, sizeof why.code);
    why.status = e->status;
    why.retryable = e->retryable;
    fail(q, &why);
  } else if (q->kind == KL_DEAL_QUOTE && !q->id[0]) {
    if (!read_rfq(q, json_object_get(root, "rfq"), &why)) fail(q, &why);
  } else if (q->kind != KL_DEAL_BLOCK) {
    if (!read_quote_terms(q, json_object_get(root, "quote"), &why)) fail(q, &why);
  } else if ((row = find_block(q, root))) {
    if (!read_block_terms(q, row, &why)) fail(q, &why);
  } else if (!another_page(q, root)) {
    kl_error_coded(&why, KL_ERR_HTTP, "not_found",
                   "block trade %.64s is not among those that were proposed to this account", q->id);
    why.status = 404;
    fail(q, &why);
  } else if (!kl_deal_ask(q, &why)) {
    fail(q, &why);
  }
  if (!q->call) kl_desk_writes_look(q->d);
}

static void take_state(kl_desk_deal *q, const json_t *root, const kl_error *e) {
  kl_error why;
  q->looked_ns = kl_desk_now_ns(q->d);
  if (e && e->status == 404 && is_settled(q)) {
    kl_deal_end(q); /* quotes that are not there were canceled */
  } else if (e) {
    again(q);
  } else if (q->kind == KL_DEAL_BLOCK) {
    const json_t *row = find_block(q, root);
    if (row && !q->id[0]) {
      (void)kl_member_copy(row, "id", q->id, sizeof q->id);
      q->doubt = false;
    }
    if (row)
      take_block(q, row, q->proposed);
    else if (another_page(q, root) && kl_deal_ask(q, &why))
      return;
    else if (is_settled(q))
      kl_deal_end(q);
    else
      again(q);
  } else if (!q->id[0]) {
    take_quotes(q, root);
  } else {
    take_quote(q, json_object_get(root, "quote"));
  }
}

static void answered(void *data, const kl_http_response *res, const kl_error *e) {
  kl_desk_deal *q = data;
  q->call = NULL;
  kl_error odd;
  json_t *root = e ? NULL : json_loadb(res->body, res->body_len, 0, NULL);
  if (!e && !json_is_object(root)) {
    kl_error_set(&odd, KL_ERR_PROTOCOL, "the answer is no JSON object");
    e = &odd;
  }
  q->refs++;
  if (q->state == KL_DEAL_NEW)
    take_terms(q, root, e);
  else if (q->state != KL_DEAL_OVER)
    take_state(q, root, e);
  kl_desk_deal_release(q);
  json_decref(root);
}

static void put_path(kl_buf *path, kl_buf *query, const kl_desk_deal *q, const kl_operation **op) {
  if (q->kind == KL_DEAL_BLOCK) {
    *op = kl_operation_find("GetBlockTradeProposals");
    kl_buf_str(path, "/communications/block-trade-proposals");
    kl_buf_str(query, "limit=100");
    if (q->cursor[0]) kl_buf_query(query, "cursor", q->cursor);
  } else if (q->id[0] && q->rfq_id[0]) {
    *op = kl_operation_find("GetRFQQuote");
    kl_buf_printf(path, "/communications/rfqs/%s/quotes/%s", q->rfq_id, q->id);
  } else if (q->id[0]) {
    *op = kl_operation_find_legacy("get_quote");
    kl_buf_printf(path, "/communications/quotes/%s", q->id);
  } else if (q->state == KL_DEAL_NEW) {
    *op = kl_operation_find("GetRFQ");
    kl_buf_printf(path, "/communications/rfqs/%s", q->rfq_id);
  } else {
    *op = kl_operation_find("GetQuotes");
    kl_buf_str(path, "/communications/quotes");
    kl_buf_printf(query, "user_filter=self&rfq_id=%s", q->rfq_id);
  }
}

bool kl_deal_ask(kl_desk_deal *q, kl_error *e) {
  kl_buf path = {0}, query = {0};
  const kl_operation *op = NULL;
  put_path(&path, &query, q, &op);
  kl_call_request r = {.op = op,
                       .path = path.data,
                       .query = query.data,
                       .urgent = q->state == KL_DEAL_NEW,
                       .timeout_ms = LOOKUP_TIMEOUT_MS};
  q->next_ns = INT64_MAX;
  if (path.failed || query.failed)
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory to look up a quote");
  else
    q->call = kl_session_call(q->d->session, &r, answered, q, e);
  kl_buf_free(&path);
  kl_buf_free(&query);
  return q->call != NULL;
}

void kl_desk_deals_tick(kl_desk *d) {
  int64_t now = kl_desk_now_ns(d);
  int under_way = 0;
  if (d->closing) return;
  for (kl_list *n = d->deals.next; n != &d->deals; n = n->next)
    under_way += KL_CONTAINER(n, const kl_desk_deal, link)->call != NULL;
  for (kl_list *n = d->deals.next, *next; n != &d->deals && under_way < AT_ONCE; n = next) {
    kl_desk_deal *q = KL_CONTAINER(n, kl_desk_deal, link);
    kl_error e;
    next = n->next;
    if (q->call || q->next_ns > now) continue;
    q->cursor[0] = 0;
    q->pages = 0;
    if (kl_deal_ask(q, &e))
      under_way++;
    else
      again(q);
  }
}

bool kl_desk_deals_wait(const kl_desk *d) {
  for (const kl_list *n = d->deals.next; n != &d->deals; n = n->next)
    if (KL_CONTAINER(n, const kl_desk_deal, link)->next_ns != INT64_MAX) return true;
  return false;
}
