/* Requests for quote and quotes, by the endpoints that name the request and by the older ones that name the quote
 * alone. Source: Kalshi, "communications". */
#include <stdio.h>
#include <string.h>

#include "base/decimal.h"
#include "sim/body.h"
#include "sim/communications.h"
#include "sim/json_out.h"
#include "sim/routes.h"

static void refuse(kl_sim_response *rs, const char *details) {
  kl_sim_fail(rs, 400, "invalid_parameters", "invalid parameters", details);
}

static bool read_subaccount(const json_t *o, kl_sim_response *rs, int *out) {
  kl_sim_details d;
  int64_t v;
  if (!kl_sim_body_int(o, "subaccount", 0, &v, d)) {
    kl_sim_fail_body(rs, d);
    return false;
  }
  *out = (int)v;
  if (v >= 0 && v <= 63) return true;
  refuse(rs, "subaccount must be 0 to 63");
  return false;
}

/* A required boolean. */
static bool read_flag(const json_t *o, kl_sim_response *rs, const char *key, bool *out) {
  kl_sim_details d;
  if (!kl_sim_body_bool(o, key, out, d)) {
    kl_sim_fail_body(rs, d);
    return false;
  }
  if (json_is_boolean(json_object_get(o, key))) return true;
  snprintf(d, sizeof d, "%s is required", key);
  refuse(rs, d);
  return false;
}

/* A decimal text in units of 10^-places; absent: 0 and *given false. */
static bool read_decimal(const json_t *o, kl_sim_response *rs, const char *key, int places, int64_t *out, bool *given) {
  kl_sim_details d;
  const char *text;
  *out = 0;
  if (!kl_sim_body_text(o, key, &text, d)) {
    kl_sim_fail_body(rs, d);
    return false;
  }
  *given = text != NULL;
  if (!text || kl_decimal_parse(text, strlen(text), places, out)) return true;
  snprintf(d, sizeof d, "%s must be a decimal number of at most %d places", key, places);
  refuse(rs, d);
  return false;
}

static bool known_status(const char *status, const char *const *names) {
  if (!status) return true;
  for (; *names; names++)
    if (!strcmp(*names, status)) return true;
  return false;
}

static bool read_self(const kl_sim_request *rq, kl_sim_response *rs, const char *key, bool *out) {
  const char *text = kl_sim_arg_get(rq, key);
  char what[96];
  *out = text != NULL;
  if (!text || !strcmp(text, "self")) return true;
  snprintf(what, sizeof what, "%s must be self", key);
  kl_sim_fail_query(rq, rs, what);
  return false;
}

static void get_id(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  char id[65];
  kl_sim_communications_id(s, rq->account->user, id);
  kl_buf_char(&rs->body, '{');
  kl_sim_field_str(&rs->body, "communications_id", id);
  kl_buf_char(&rs->body, '}');
}

/* ---- requests ---- */

/* The one size of a request, given in any of its four spellings; false after answering. */
static bool read_size(const json_t *o, kl_sim_response *rs, kl_sim_rfq_request *q) {
  kl_sim_details d;
  int64_t whole, centi_cents;
  bool by_count, by_cost;
  if (!read_decimal(o, rs, "contracts_fp", KL_COUNT_PLACES, &q->contracts, &by_count) ||
      !read_decimal(o, rs, "target_cost_dollars", KL_MONEY_PLACES, &q->target_cost, &by_cost))
    return false;
  if (!kl_sim_body_int(o, "contracts", -1, &whole, d) ||
      !kl_sim_body_int(o, "target_cost_centi_cents", -1, &centi_cents, d)) {
    kl_sim_fail_body(rs, d);
    return false;
  }
  const int64_t most = INT64_C(1000000000);
  if (whole > most || centi_cents > most * 10000) {
    refuse(rs, "the size is too large");
    return false;
  }
  if ((whole >= 0 && by_count && q->contracts != whole * KL_COUNT_ONE) ||
      (centi_cents >= 0 && by_cost && q->target_cost != centi_cents * 100)) {
    refuse(rs, "contracts and contracts_fp, and the two target costs, must be the same");
    return false;
  }
  if (whole >= 0) q->contracts = whole * KL_COUNT_ONE;
  if (centi_cents >= 0) q->target_cost = centi_cents * 100;
  return true;
}

static void create_rfq(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_sim_rfq_request q = {.user = rq->account->user};
  const char *subtrader = NULL;
  const kl_sim_rfq *made;
  kl_sim_details d;
  json_t *root = kl_sim_body_read(rq, rs);
  if (!root) return;
  bool ok = true;
  if (!kl_sim_body_text(root, "market_ticker", &q.ticker, d) ||
      !kl_sim_body_text(root, "subtrader_id", &subtrader, d) ||
      !kl_sim_body_bool(root, "replace_existing", &q.replace, d) ||
      !kl_sim_body_bool(root, "target_cost_excludes_fees", &q.target_excludes_fees, d)) {
    kl_sim_fail_body(rs, d);
    ok = false;
  } else if (!q.ticker || !*q.ticker) {
    refuse(rs, "market_ticker is required");
    ok = false;
  } else if (subtrader && *subtrader) {
    refuse(rs, "subtrader_id: this account has no subtraders");
    ok = false;
  }
  ok = ok && read_flag(root, rs, "rest_remainder", &q.rest_remainder) && read_subaccount(root, rs, &q.subaccount) &&
       read_size(root, rs, &q);
  if (ok) {
    const kl_sim_refusal *no = kl_sim_rfq_create(s->rfqs, s->now_us, &q, &made);
    if (no) {
      kl_sim_fail_refusal(rs, no);
    } else {
      rs->status = 201;
      kl_buf_char(&rs->body, '{');
      kl_sim_field_str(&rs->body, "id", made->id);
      kl_buf_char(&rs->body, '}');
    }
  }
  json_decref(root);
}

static void delete_rfq(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const kl_sim_refusal *no = kl_sim_rfq_delete(s->rfqs, s->now_us, rq->account->user, rq->params[0]);
  rs->status = 204;
  if (no) kl_sim_fail_refusal(rs, no);
}

static void get_rfq(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_sim_rfqs_tick(s->rfqs, s->now_us);
  const kl_sim_rfq *r = kl_sim_rfq_find(s->rfqs, rq->params[0]);
  if (!r) {
    kl_sim_fail(rs, 404, "not_found", "not found", NULL);
    return;
  }
  kl_buf_str(&rs->body, "{\"rfq\":");
  kl_sim_json_rfq(&rs->body, s, r, rq->account->user);
  kl_buf_char(&rs->body, '}');
}

static void get_rfqs(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  static const char *const statuses[] = {"open", "closed", NULL};
  const char *event = kl_sim_arg_get(rq, "event_ticker"), *market = kl_sim_arg_get(rq, "market_ticker");
  const char *status = kl_sim_arg_get(rq, "status"), *creator = kl_sim_arg_get(rq, "creator_user_id");
  uint32_t user = rq->account->user;
  int64_t limit, n = 0;
  int subaccount;
  bool self, more = false;
  kl_sim_place start, last = {0};
  if (!kl_sim_arg_int(rq, rs, "limit", 1, 100, 100, &limit) || !kl_sim_arg_subaccount(rq, rs, -1, &subaccount) ||
      !read_self(rq, rs, "user_filter", &self))
    return;
  if (!known_status(status, statuses)) {
    kl_sim_fail_query(rq, rs, "status must be one of open, closed");
    return;
  }
  kl_sim_rfqs_tick(s->rfqs, s->now_us);
  bool mine = self || subaccount >= 0 || (creator && !strcmp(creator, kl_exchange_user_id(s->x, user)));
  bool none = creator && strcmp(creator, kl_exchange_user_id(s->x, user)) != 0; /* accounts of others are not told */
  const kl_sim_rfq *r = NULL;
  kl_sim_place_read(rq, 'r', &start);
  kl_buf_str(&rs->body, "{\"rfqs\":[");
  while (!none && (r = kl_sim_rfq_before(s->rfqs, r))) {
    if (kl_sim_place_skips(&start, r->id, r->created_us)) continue;
    if ((mine && r->user != user) || (subaccount >= 0 && r->subaccount != subaccount) ||
        (market && strcmp(market, r->market->ticker) != 0) || (event && strcmp(event, r->market->event->ticker) != 0) ||
        (status && r->open != !strcmp(status, "open")))
      continue;
    more = n == limit;
    if (more) break;
    if (n++) kl_buf_char(&rs->body, ',');
    kl_sim_json_rfq(&rs->body, s, r, user);
    kl_sim_place_set(&last, r->id, r->created_us);
  }
  kl_sim_place_end(&rs->body, 'r', more, &last);
}

/* ---- quotes ---- */

static void create_quote(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_sim_quote_request q = {.user = rq->account->user};
  const kl_sim_rfq_quote *made;
  bool yes = false, no = false;
  kl_sim_details d;
  json_t *root = kl_sim_body_read(rq, rs);
  if (!root) return;
  bool ok = kl_sim_body_text(root, "rfq_id", &q.rfq_id, d) && kl_sim_body_bool(root, "post_only", &q.post_only, d);
  if (!ok) kl_sim_fail_body(rs, d);
  ok = ok && read_decimal(root, rs, "yes_bid", KL_PRICE_PLACES, &q.bids[KL_YES], &yes) &&
       read_decimal(root, rs, "no_bid", KL_PRICE_PLACES, &q.bids[KL_NO], &no);
  if (ok && (!q.rfq_id || !yes || !no)) {
    refuse(rs, "rfq_id, yes_bid and no_bid are required");
    ok = false;
  }
  ok = ok && read_flag(root, rs, "rest_remainder", &q.rest_remainder) && read_subaccount(root, rs, &q.subaccount);
  if (ok) {
    const kl_sim_refusal *refused = kl_sim_quote_create(s->rfqs, s->now_us, &q, &made);
    if (refused) {
      kl_sim_fail_refusal(rs, refused);
    } else {
      rs->status = 201;
      kl_buf_char(&rs->body, '{');
      kl_sim_field_str(&rs->body, "id", made->id);
      kl_buf_char(&rs->body, '}');
    }
  }
  json_decref(root);
}

/* The ids of the path: of the request (NULL where the endpoint has none) and of the quote. */
typedef struct quote_path {
  const char *rfq_id, *quote_id;
} quote_path;

static quote_path path_of(const kl_sim_request *rq) {
  bool scoped = strstr(rq->op->path, "{rfq_id}") != NULL;
  return (quote_path){scoped ? rq->params[0] : NULL, rq->params[scoped ? 1 : 0]};
}

static void get_quote(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  quote_path p = path_of(rq);
  uint32_t user = rq->account->user;
  kl_sim_rfqs_tick(s->rfqs, s->now_us);
  const kl_sim_rfq_quote *q = kl_sim_quote_find(s->rfqs, p.rfq_id, p.quote_id);
  if (!q || (q->user != user && q->rfq->user != user)) {
    kl_sim_fail(rs, 404, "not_found", "not found", NULL);
    return;
  }
  kl_buf_str(&rs->body, "{\"quote\":");
  kl_sim_json_quote(&rs->body, s, q, user);
  kl_buf_char(&rs->body, '}');
}

static void delete_quote(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  quote_path p = path_of(rq);
  const kl_sim_refusal *no = kl_sim_quote_delete(s->rfqs, s->now_us, rq->account->user, p.rfq_id, p.quote_id);
  rs->status = 204;
  if (no) kl_sim_fail_refusal(rs, no);
}

static void accept_quote(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  quote_path p = path_of(rq);
  const char *side = NULL;
  kl_sim_details d;
  json_t *root = kl_sim_body_read(rq, rs);
  if (!root) return;
  if (!kl_sim_body_text(root, "accepted_side", &side, d)) {
    kl_sim_fail_body(rs, d);
  } else if (!side || (strcmp(side, "yes") != 0 && strcmp(side, "no") != 0)) {
    refuse(rs, "accepted_side must be yes or no");
  } else {
    const kl_sim_refusal *no = kl_sim_quote_accept(s->rfqs, s->now_us, rq->account->user, p.rfq_id, p.quote_id,
                                                   side[0] == 'y' ? KL_YES : KL_NO);
    rs->status = 204;
    if (no) kl_sim_fail_refusal(rs, no);
  }
  json_decref(root);
}

static void confirm_quote(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  quote_path p = path_of(rq);
  const kl_sim_refusal *no = kl_sim_quote_confirm(s->rfqs, s->now_us, rq->account->user, p.rfq_id, p.quote_id);
  rs->status = 204;
  if (no) kl_sim_fail_refusal(rs, no);
}

typedef struct quote_filter {
  bool by_me, for_me, none;
  const char *status, *rfq_id;
  int64_t min_s, max_s;
} quote_filter;

static bool read_quote_filter(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs, quote_filter *f) {
  static const char *const statuses[] = {"open", "accepted", "confirmed", "executed", "cancelled", NULL};
  const char *maker = kl_sim_arg_get(rq, "quote_creator_user_id"), *asker = kl_sim_arg_get(rq, "rfq_creator_user_id");
  const char *me = kl_exchange_user_id(s->x, rq->account->user);
  *f = (quote_filter){.status = kl_sim_arg_get(rq, "status"), .rfq_id = kl_sim_arg_get(rq, "rfq_id")};
  if (!read_self(rq, rs, "user_filter", &f->by_me) || !read_self(rq, rs, "rfq_user_filter", &f->for_me) ||
      !kl_sim_arg_int(rq, rs, "min_ts", INT64_MIN, INT64_MAX, INT64_MIN, &f->min_s) ||
      !kl_sim_arg_int(rq, rs, "max_ts", INT64_MIN, INT64_MAX, INT64_MAX, &f->max_s))
    return false;
  if (!known_status(f->status, statuses)) {
    kl_sim_fail_query(rq, rs, "status must be one of open, accepted, confirmed, executed, cancelled");
    return false;
  }
  f->by_me = f->by_me || (maker && !strcmp(maker, me));
  f->for_me = f->for_me || (asker && !strcmp(asker, me));
  f->none = (maker && strcmp(maker, me) != 0) || (asker && strcmp(asker, me) != 0) ||
            kl_sim_arg_get(rq, "rfq_creator_subtrader_id");
  return true;
}

static bool quote_fits(const kl_sim_rfq_quote *q, const quote_filter *f, uint32_t user) {
  int64_t updated = q->updated_us / 1000000;
  if (q->user != user && q->rfq->user != user) return false; /* of others nothing is told */
  if ((f->by_me && q->user != user) || (f->for_me && q->rfq->user != user)) return false;
  if (f->rfq_id && strcmp(f->rfq_id, q->rfq->id) != 0) return false;
  if (f->status && strcmp(f->status, kl_quote_status_name(q->status)) != 0) return false;
  return updated >= f->min_s && updated <= f->max_s;
}

static void get_quotes(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  uint32_t user = rq->account->user;
  quote_filter f;
  int64_t limit, n = 0;
  bool more = false;
  kl_sim_place start, last = {0};
  if (!kl_sim_arg_int(rq, rs, "limit", 1, 500, 500, &limit) || !read_quote_filter(s, rq, rs, &f)) return;
  kl_sim_rfqs_tick(s->rfqs, s->now_us);
  const kl_sim_rfq_quote *q = NULL;
  kl_sim_place_read(rq, 'q', &start);
  kl_buf_str(&rs->body, "{\"quotes\":[");
  while (!f.none && (q = kl_sim_quote_before(s->rfqs, q))) {
    if (kl_sim_place_skips(&start, q->id, q->created_us)) continue;
    if (!quote_fits(q, &f, user)) continue;
    more = n == limit;
    if (more) break;
    if (n++) kl_buf_char(&rs->body, ',');
    kl_sim_json_quote(&rs->body, s, q, user);
    kl_sim_place_set(&last, q->id, q->created_us);
  }
  kl_sim_place_end(&rs->body, 'q', more, &last);
}

const kl_sim_route kl_sim_routes_communications[] = {
    {"GetCommunicationsID", get_id, false},
    {"CreateRFQ", create_rfq, false},
    {"DeleteRFQ", delete_rfq, false},
    {"GetRFQ", get_rfq, false},
    {"GetRFQs", get_rfqs, false},
    {"CreateQuote", create_quote, false},
    {"GetQuotes", get_quotes, false},
    {"GetRFQQuote", get_quote, false},
    {"DeleteRFQQuote", delete_quote, false},
    {"AcceptRFQQuote", accept_quote, false},
    {"ConfirmRFQQuote", confirm_quote, false},
    {"GetQuote", get_quote, false},
    {"DeleteQuote", delete_quote, false},
    {"AcceptQuote", accept_quote, false},
    {"ConfirmQuote", confirm_quote, false},
    {NULL, NULL, false},
};
