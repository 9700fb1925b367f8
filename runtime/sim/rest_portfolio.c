/* What an account has: balance, positions, fills, settlements, orders. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/archive.h"
#include "sim/json_out.h"
#include "sim/lag.h"
#include "sim/routes.h"

/* Whether the shard is meant by a filter, in which -1 stands for all. */
static bool on_shard(int64_t filter, int shard) { return filter == -1 || filter == shard; }

static void get_balance(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  int subaccount;
  int64_t index;
  if (!kl_sim_arg_subaccount(rq, rs, 0, &subaccount)) return;
  if (!kl_sim_arg_int(rq, rs, "exchange_index", 0, INT32_MAX, -1, &index)) return;
  uint32_t user = rq->account->user;
  /* A shard that does not exist holds nothing. */
  int shard = index < KL_EXCHANGE_SHARDS ? (int)index : KL_EXCHANGE_SHARDS;
  kl_money balance = kl_sim_shown_balance(s, user, subaccount, shard);
  kl_buf *b = &rs->body;
  kl_buf_char(b, '{');
  kl_sim_field_int(b, "balance", balance / 10000);
  kl_sim_field_money4(b, "balance_dollars", balance);
  kl_sim_field_int(b, "portfolio_value", kl_exchange_portfolio_value(s->x, user, subaccount, shard) / 10000);
  kl_sim_field_int(b, "updated_ts", (s->now_us - s->o.read_lag_ms * 1000) / 1000000);
  if (rq->key->subaccount < 0) { /* a key that is locked to a subaccount is not told */
    kl_sim_key(b, "balance_breakdown");
    kl_buf_char(b, '[');
    for (int i = 0; i < KL_EXCHANGE_SHARDS; i++) {
      if (!on_shard(index, i)) continue;
      kl_buf_str(b, i && index < 0 ? ",{" : "{");
      kl_sim_field_int(b, "exchange_index", i);
      kl_sim_field_money4(b, "balance", kl_sim_shown_balance(s, user, subaccount, i));
      kl_buf_char(b, '}');
    }
    kl_buf_char(b, ']');
  }
  kl_buf_char(b, '}');
}

/* What resting orders hold, over all subaccounts. */
static void get_resting_order_value(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_buf *b = &rs->body;
  kl_money held[KL_EXCHANGE_SHARDS] = {0}, sum = 0;
  for (int i = 0; i < KL_EXCHANGE_SHARDS; i++) {
    for (int k = 0; k < 64; k++)
      held[i] += kl_exchange_held(s->x, rq->account->user, k, i);
    sum += held[i];
  }
  kl_buf_char(b, '{');
  kl_sim_field_int(b, "total_resting_order_value", sum / 10000);
  kl_sim_key(b, "resting_order_value_breakdown");
  kl_buf_char(b, '[');
  for (int i = 0; i < KL_EXCHANGE_SHARDS; i++) {
    kl_buf_str(b, i ? ",{" : "{");
    kl_sim_field_int(b, "exchange_index", i);
    kl_sim_field_money4(b, "balance", held[i]);
    kl_buf_char(b, '}');
  }
  kl_buf_str(b, "]}");
}

/* ---- positions ---- */

typedef struct position_filter {
  int64_t index; /* -1: all shards */
  const char *ticker, *events;
  bool by_position, by_traded;
  bool settled, unsettled; /* which are wanted */
  bool historical;         /* of the historical tier */
} position_filter;

static bool position_fits(const kl_sim *s, const kl_position *p, const position_filter *f) {
  if (p->volume == 0 && p->traded == 0) return false; /* an order alone is no position */
  if (!(p->market->status == KL_MARKET_FINALIZED ? f->settled : f->unsettled)) return false;
  if (kl_sim_archived_market(s, p->market) != f->historical) return false;
  if (!on_shard(f->index, p->market->exchange_index)) return false;
  if (f->ticker && strcmp(f->ticker, p->market->ticker) != 0) return false;
  if (!kl_sim_in_list(f->events, p->market->event->ticker)) return false;
  return (!f->by_position || p->position != 0) && (!f->by_traded || p->traded != 0);
}

/* The order of positions: an event is in one piece, also where markets of it were made between those of others. By the
 * numbers that never come again: a market's index does. */
static int compare_markets(uint64_t event, uint64_t market, uint64_t other_event, uint64_t other_market) {
  if (event != other_event) return event < other_event ? -1 : 1;
  return market < other_market ? -1 : market > other_market;
}

static int by_market(const void *a, const void *b) {
  const kl_market *x = (*(const kl_position *const *)a)->market, *y = (*(const kl_position *const *)b)->market;
  return compare_markets(x->event->serial, x->serial, y->event->serial, y->serial);
}

static void event_positions(kl_buf *b, const kl_position *const *rows, size_t n) {
  kl_sim_key(b, "event_positions");
  kl_buf_char(b, '[');
  for (size_t i = 0; i < n;) {
    const kl_market_event *e = rows[i]->market->event;
    kl_money cost = 0, realized = 0, fees = 0;
    kl_count shares = 0;
    if (i) kl_buf_char(b, ',');
    for (; i < n && rows[i]->market->event == e; i++) {
      cost += rows[i]->cost;
      realized += rows[i]->realized;
      fees += rows[i]->fees;
      shares += rows[i]->position < 0 ? -rows[i]->position : rows[i]->position;
    }
    kl_buf_char(b, '{');
    kl_sim_field_str(b, "event_ticker", e->ticker);
    kl_sim_field_money(b, "total_cost_dollars", cost);
    kl_sim_field_count(b, "total_cost_shares_fp", shares);
    kl_sim_field_money(b, "event_exposure_dollars", cost);
    kl_sim_field_money(b, "realized_pnl_dollars", realized);
    kl_sim_field_money(b, "fees_paid_dollars", fees);
    kl_buf_char(b, '}');
  }
  kl_buf_char(b, ']');
}

static bool read_count_filter(const kl_sim_request *rq, kl_sim_response *rs, position_filter *f) {
  const char *list = kl_sim_arg_get(rq, "count_filter");
  f->by_position = list && kl_sim_in_list(list, "position");
  f->by_traded = list && kl_sim_in_list(list, "total_traded");
  if (!list || (size_t)f->by_position + f->by_traded == kl_sim_list_count(list)) return true;
  kl_sim_fail_query(rq, rs, "count_filter takes position and total_traded");
  return false;
}

/* Which of the two kinds are asked for; only settled ones are historical. */
static bool read_settlement_status(const kl_sim_request *rq, kl_sim_response *rs, position_filter *f) {
  const char *status = f->historical ? "settled" : kl_sim_arg_get(rq, "settlement_status");
  bool all = status && !strcmp(status, "all");
  f->settled = all || (status && !strcmp(status, "settled"));
  f->unsettled = all || !status || !strcmp(status, "unsettled");
  if (f->settled || f->unsettled) return true;
  kl_sim_fail_query(rq, rs, "settlement_status must be one of all, unsettled, settled");
  return false;
}

void kl_sim_list_positions(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs, bool historical) {
  position_filter f = {
      .ticker = kl_sim_arg_get(rq, "ticker"), .events = kl_sim_arg_get(rq, "event_ticker"), .historical = historical};
  int subaccount;
  int64_t limit;
  char last[48];
  if (!kl_sim_arg_int(rq, rs, "limit", 1, 1000, 100, &limit) || !kl_sim_arg_subaccount(rq, rs, 0, &subaccount) ||
      !kl_sim_arg_int(rq, rs, "exchange_index", 0, INT32_MAX, -1, &f.index) || !read_count_filter(rq, rs, &f) ||
      !read_settlement_status(rq, rs, &f))
    return;
  size_t n = 0, cap = 0;
  const kl_position **rows = NULL;
  uint64_t event = 0, market = 0; /* of the last row of the page before */
  bool resumed = kl_sim_cursor_read(rq, 'p', last, sizeof last);
  if (resumed) {
    char *slash;
    event = strtoull(last, &slash, 10);
    market = *slash ? strtoull(slash + 1, NULL, 10) : 0;
  }
  for (size_t i = 0;; i++) {
    const kl_position *p = kl_exchange_position_at(s->x, rq->account->user, subaccount, i);
    if (!p) break;
    p = kl_sim_lag_shown_position(s->lag, rq->account->user, subaccount, p);
    if (!p || !position_fits(s, p, &f)) continue;
    if (resumed && compare_markets(p->market->event->serial, p->market->serial, event, market) <= 0) continue;
    if (n == cap) {
      cap = cap ? cap * 2 : 64;
      const kl_position **grown = realloc((void *)rows, cap * sizeof(const kl_position *));
      if (!grown) {
        free((void *)rows);
        kl_sim_fail(rs, 500, "internal_error", "the simulator is out of memory", NULL);
        return;
      }
      rows = grown;
    }
    rows[n++] = p;
  }
  if (n > 1) qsort((void *)rows, n, sizeof(const kl_position *), by_market);
  bool more = n > (size_t)limit;
  if (more) n = (size_t)limit;
  kl_buf *b = &rs->body;
  kl_buf_str(b, "{\"market_positions\":[");
  for (size_t i = 0; i < n; i++) {
    if (i) kl_buf_char(b, ',');
    kl_sim_json_position(b, rows[i]);
  }
  kl_buf_char(b, ']');
  event_positions(b, rows, n);
  kl_sim_key(b, "cursor");
  if (more && n > 0) {
    const kl_market *end = rows[n - 1]->market;
    snprintf(last, sizeof last, "%" PRIu64 "/%" PRIu64, end->event->serial, end->serial);
    kl_sim_cursor_write(b, 'p', last);
  } else {
    kl_buf_str(b, "\"\"");
  }
  kl_buf_char(b, '}');
  free((void *)rows);
}

/* ---- lists that are newest first ---- */

/* The filters and the place that fills, settlements and orders have in common. */
typedef struct list_query {
  int64_t limit, min_s, max_s, index;
  int subaccount; /* -1: all */
  const char *ticker, *events;
  kl_sim_place start;
} list_query;

static bool read_list_query(const kl_sim_request *rq, kl_sim_response *rs, char kind, list_query *q) {
  *q = (list_query){.ticker = kl_sim_arg_get(rq, "ticker"), .events = kl_sim_arg_get(rq, "event_ticker")};
  kl_sim_place_read(rq, kind, &q->start);
  if (kl_sim_list_count(q->events) > 10) {
    kl_sim_fail_query(rq, rs, "event_ticker: at most 10");
    return false;
  }
  return kl_sim_arg_int(rq, rs, "limit", 1, 1000, 100, &q->limit) &&
         kl_sim_arg_int(rq, rs, "min_ts", INT64_MIN, INT64_MAX, INT64_MIN, &q->min_s) &&
         kl_sim_arg_int(rq, rs, "max_ts", INT64_MIN, INT64_MAX, INT64_MAX, &q->max_s) &&
         kl_sim_arg_int(rq, rs, "exchange_index", 0, INT32_MAX, -1, &q->index) &&
         kl_sim_arg_subaccount(rq, rs, -1, &q->subaccount);
}

static bool row_fits(const list_query *q, const kl_market *m, int subaccount, int64_t us) {
  if (!on_shard(q->index, m->exchange_index) || (q->subaccount >= 0 && subaccount != q->subaccount)) return false;
  if ((q->ticker && strcmp(q->ticker, m->ticker) != 0) || !kl_sim_in_list(q->events, m->event->ticker)) return false;
  return us / 1000000 >= q->min_s && us / 1000000 <= q->max_s;
}

void kl_sim_list_fills(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs, bool historical) {
  const char *order_id = kl_sim_arg_get(rq, "order_id");
  list_query q;
  if (!read_list_query(rq, rs, 'f', &q)) return;
  q.events = NULL; /* fills have no such filter */
  uint32_t user = rq->account->user;
  const kl_fill *f;
  int64_t n = 0;
  bool more = false;
  kl_sim_place last = {0};
  kl_buf_str(&rs->body, "{\"fills\":[");
  for (size_t i = 0; (f = kl_exchange_fill_at(s->x, user, i)); i++) {
    /* An account is on one side of a trade only, since it cannot trade with itself. */
    if (kl_sim_place_skips(&q.start, f->trade_id, f->ts_us)) continue;
    if (kl_sim_archived_trade(s, f->ts_us) != historical || !kl_sim_lag_shows(s->lag, f->ts_us)) continue;
    if (!row_fits(&q, f->market, f->subaccount, f->ts_us) || (order_id && strcmp(order_id, f->order_id) != 0)) continue;
    more = n == q.limit;
    if (more) break;
    if (n++) kl_buf_char(&rs->body, ',');
    kl_sim_json_fill(&rs->body, f);
    kl_sim_place_set(&last, f->trade_id, f->ts_us);
  }
  kl_sim_place_end(&rs->body, 'f', more, &last);
}

static void get_settlements(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  list_query q;
  if (!read_list_query(rq, rs, 's', &q)) return;
  uint32_t user = rq->account->user;
  const kl_settlement *st;
  int64_t n = 0;
  bool more = false;
  char name[128];
  kl_sim_place last = {0};
  kl_buf_str(&rs->body, "{\"settlements\":[");
  for (size_t i = 0; (st = kl_exchange_settlement_at(s->x, user, i)); i++) {
    snprintf(name, sizeof name, "%s/%d", st->market->ticker, st->subaccount);
    if (kl_sim_place_skips(&q.start, name, st->settled_us)) continue;
    if (!row_fits(&q, st->market, st->subaccount, st->settled_us)) continue;
    more = n == q.limit;
    if (more) break;
    if (n++) kl_buf_char(&rs->body, ',');
    kl_sim_json_settlement(&rs->body, st);
    kl_sim_place_set(&last, name, st->settled_us);
  }
  kl_sim_place_end(&rs->body, 's', more, &last);
}

void kl_sim_list_orders(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs, bool historical) {
  static const char *const names[] = {
      [KL_ORDER_RESTING] = "resting", [KL_ORDER_CANCELED] = "canceled", [KL_ORDER_EXECUTED] = "executed"};
  const char *status = kl_sim_arg_get(rq, "status");
  list_query q;
  if (!read_list_query(rq, rs, 'o', &q)) return;
  int wanted = -1;
  for (int k = 0; status && k < 3; k++)
    if (!strcmp(names[k], status)) wanted = k;
  if (status && wanted < 0) {
    kl_sim_fail_query(rq, rs, "status must be one of resting, canceled, executed");
    return;
  }
  uint32_t user = rq->account->user;
  const kl_order *o;
  int64_t n = 0;
  bool more = false;
  kl_sim_place last = {0};
  kl_buf_str(&rs->body, "{\"orders\":[");
  for (size_t i = 0; (o = kl_exchange_order_at(s->x, user, i)); i++) {
    if (kl_sim_place_skips(&q.start, o->id, o->created_us)) continue;
    o = kl_sim_lag_shown_order(s->lag, o);
    if (!o || kl_sim_archived_order(s, o) != historical) continue;
    if (!row_fits(&q, o->market, o->subaccount, o->created_us) || (wanted >= 0 && (int)o->status != wanted)) continue;
    more = n == q.limit;
    if (more) break;
    if (n++) kl_buf_char(&rs->body, ',');
    kl_sim_json_order(&rs->body, s, o);
    kl_sim_place_set(&last, o->id, o->created_us);
  }
  kl_sim_place_end(&rs->body, 'o', more, &last);
}

static void get_positions(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_sim_list_positions(s, rq, rs, false);
}

static void get_fills(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) { kl_sim_list_fills(s, rq, rs, false); }

static void get_orders(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_sim_list_orders(s, rq, rs, false);
}

/* ---- one order ---- */

static const kl_order *find_order(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const kl_order *o = kl_exchange_order(s->x, rq->account->user, rq->params[0]);
  if (o) o = kl_sim_lag_shown_order(s->lag, o);
  if (o && !kl_sim_archived_order(s, o) && kl_sim_key_sees(rq->key, o->subaccount)) return o;
  kl_sim_fail(rs, 404, "not_found", "not found", NULL);
  return NULL;
}

static void get_order(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const kl_order *o = find_order(s, rq, rs);
  if (!o) return;
  kl_buf_str(&rs->body, "{\"order\":");
  kl_sim_json_order(&rs->body, s, o);
  kl_buf_char(&rs->body, '}');
}

static void get_queue_position(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const kl_order *o = find_order(s, rq, rs);
  if (!o) return;
  o = kl_exchange_order(s->x, rq->account->user, o->id); /* the queue does not lag */
  if (!o || o->status != KL_ORDER_RESTING) {
    kl_sim_fail(rs, 404, "not_found", "not found", NULL);
    return;
  }
  kl_buf_char(&rs->body, '{');
  kl_sim_field_count(&rs->body, "queue_position_fp", kl_exchange_queue_position(s->x, o));
  kl_buf_char(&rs->body, '}');
}

static void get_queue_positions(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const char *tickers = kl_sim_arg_get(rq, "market_tickers"), *event = kl_sim_arg_get(rq, "event_ticker");
  int subaccount;
  bool any = false;
  const kl_order *o;
  if (!tickers && !event) {
    kl_sim_fail_query(rq, rs, "market_tickers or event_ticker is required");
    return;
  }
  if (!kl_sim_arg_subaccount(rq, rs, 0, &subaccount)) return;
  kl_buf_str(&rs->body, "{\"queue_positions\":[");
  for (size_t i = 0; (o = kl_exchange_order_at(s->x, rq->account->user, i)); i++) {
    if (o->status != KL_ORDER_RESTING || o->subaccount != subaccount) continue;
    if (!kl_sim_in_list(tickers, o->market->ticker) || !kl_sim_in_list(event, o->market->event->ticker)) continue;
    kl_buf_str(&rs->body, any ? ",{" : "{");
    any = true;
    kl_sim_field_str(&rs->body, "order_id", o->id);
    kl_sim_field_str(&rs->body, "market_ticker", o->market->ticker);
    kl_sim_field_count(&rs->body, "queue_position_fp", kl_exchange_queue_position(s->x, o));
    kl_buf_char(&rs->body, '}');
  }
  kl_buf_str(&rs->body, "]}");
}

const kl_sim_route kl_sim_routes_portfolio[] = {
    {"GetBalance", get_balance, false},
    {"GetPortfolioRestingOrderTotalValue", get_resting_order_value, false},
    {"GetPositions", get_positions, false},
    {"GetFills", get_fills, false},
    {"GetSettlements", get_settlements, false},
    {"GetOrders", get_orders, false},
    {"GetOrder", get_order, false},
    {"GetOrderQueuePosition", get_queue_position, false},
    {"GetOrderQueuePositions", get_queue_positions, false},
    {NULL, NULL, false},
};
