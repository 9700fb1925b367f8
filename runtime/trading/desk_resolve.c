/* Orders whose state is not known are looked up until it is: by the exchange's id where that is known, else in the list
 * of orders by our own. That something is not there counts only once the exchange's reads are known to be newer than
 * the doubt. Sources: Kalshi "Orders" (client_order_id is unique for ever), GET /exchange/user_data_timestamp. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "kalshi/account_rows.h"
#include "trading/desk_impl.h"

enum {
  PAUSE_FIRST_MS = 200,
  PAUSE_MOST_MS = 30000,
  ALONE_MS = 2000,  /* of orders read one by one: then how fresh reads are, and what has no name, comes first again */
  SETTLE_MS = 5000, /* a write whose answer is missing may sit in a queue for as long */
  SETTLE_ENDED_MS = 1000,
  BLIND_MS = 10000, /* how old reads may be where the exchange does not say */
  SLACK_S = 60,     /* between our clock and the exchange's */
  PAGES_MOST = 50,
  PAGE = 1000,
  LOOKUP_TIMEOUT_MS = 5000
};

typedef enum { LOOK_FRESH, LOOK_LIST, LOOK_ORDER, LOOK_HISTORY, LOOK_FILLS } look_step;

struct kl_desk_look {
  kl_desk *d;
  kl_call *call;
  look_step step;
  bool blind;       /* the exchange does not say how fresh its reads are */
  int64_t as_of_ms; /* reads that begin now show all until then */
  int64_t began_ns; /* what becomes due later is another look's */
  int64_t alone_ns; /* when the first order was read alone; 0: not yet */
  char cursor[512];
  unsigned pages;
  bool cut;         /* some of the list that is being read could not be: what it does not show may be there */
  bool whole;       /* the list of orders was read to its end */
  kl_desk_entry *x; /* that is being looked up; retained */
  kl_count filled;  /* of its fills */
  kl_money cost, fees;
};

static void next(kl_desk *d);

void kl_desk_doubt(kl_desk_entry *x) {
  kl_desk *d = x->d;
  if (!kl_list_empty(&x->doubt_link) || d->closing) return;
  kl_list_append(&d->doubts, &x->doubt_link);
  x->doubt_since_ns = kl_desk_now_ns(d);
  x->doubt_pause_ms = PAUSE_FIRST_MS;
  x->doubt_next_ns = kl_desk_now_ns(d) + x->doubt_pause_ms * KL_DESK_MS;
  kl_desk_tick(d);
}

void kl_desk_doubt_anew(kl_desk_entry *x) {
  kl_list_remove(&x->doubt_link);
  kl_desk_doubt(x);
}

static void later(kl_desk_entry *x) {
  x->doubt_pause_ms = x->doubt_pause_ms * 2 > PAUSE_MOST_MS ? PAUSE_MOST_MS : x->doubt_pause_ms * 2;
  x->doubt_next_ns = kl_desk_now_ns(x->d) + x->doubt_pause_ms * KL_DESK_MS;
}

static bool is_due(const kl_desk_entry *x) {
  return (x->d->look ? x->d->look->began_ns : kl_desk_now_ns(x->d)) >= x->doubt_next_ns;
}

/* The first that is due, of those with a name at the exchange or of those without. */
static kl_desk_entry *due(const kl_desk *d, bool named) {
  for (kl_list *n = d->doubts.next; n != &d->doubts; n = n->next) {
    kl_desk_entry *x = KL_CONTAINER(n, kl_desk_entry, doubt_link);
    if ((x->o.id[0] != 0) == named && is_due(x)) return x;
  }
  return NULL;
}

/* ---- what is found ---- */

/* It is known how it stands. */
static void known(kl_desk_entry *x, const kl_own_order *row) {
  kl_desk_order_retain(&x->o);
  kl_list_remove(&x->doubt_link);
  x->unsure = x->lost = x->change_lost = false;
  if (row->status == KL_OWN_RESTING) x->vanished = false;
  kl_log_write_with(KL_LOG_INFO, "desk", kl_desk_log_of(&x->o), "order %s, which was looked up, is %s", x->o.client_id,
                    row->status == KL_OWN_RESTING ? "resting" : kl_own_status_name(row->status));
  kl_desk_entry_told_row(x, row, KL_BY_LIST);
  (void)kl_desk_entry_settle(x);
  kl_desk_entry_changed(x);
  kl_desk_order_release(&x->o);
}

/* Reads show all that was before the doubt. */
static bool is_fresh(const struct kl_desk_look *l, const kl_desk_entry *x, int64_t settle_ms) {
  return l->as_of_ms >= kl_desk_ms_of(x->d, x->doubt_since_ns) + settle_ms;
}

/* The connections of a process that ended have ended with it. */
static int64_t settle_ms(const kl_desk_entry *x) { return x->earlier ? SETTLE_ENDED_MS : SETTLE_MS; }

static void take_order(struct kl_desk_look *l, kl_desk_entry *x, const kl_own_order *row) {
  if (row->status == KL_OWN_RESTING && !is_fresh(l, x, x->change_lost ? settle_ms(x) : 0))
    later(x); /* as it was before, maybe */
  else
    known(x, row);
}

/* The list was read to its end, and it is not there. */
static void take_absent(struct kl_desk_look *l, kl_desk_entry *x) {
  kl_error e;
  if (!is_fresh(l, x, settle_ms(x))) {
    later(x);
    return;
  }
  kl_error_set(&e, KL_ERR_NETWORK,
               "order %s did not reach the exchange: its answer was lost, and no order there has its client_order_id; "
               "it may be sent again",
               x->o.client_id);
  e.retryable = true;
  kl_error_code(&e, "not_done");
  kl_log_info("desk", "%s", e.message);
  x->lost = false;
  kl_list_remove(&x->doubt_link);
  if (kl_desk_entry_reject(x, &e)) kl_desk_entry_changed(x);
}

/* The exchange does not show it any more, so it has ended; its fills say how. */
static void take_fills(struct kl_desk_look *l, kl_desk_entry *x) {
  kl_desk_news n = {.by = KL_BY_LIST,
                    .ts_ms = x->o.updated_ms,
                    .status = l->filled >= x->total ? KL_OWN_EXECUTED : KL_OWN_CANCELED,
                    .has_filled = true,
                    .filled = l->filled,
                    .left_over = -1,
                    .covers = l->filled,
                    .cost = l->cost,
                    .fees = l->fees,
                    .reason = "gone",
                    .exchange_index = -1};
  kl_list_remove(&x->doubt_link);
  x->unsure = x->lost = x->change_lost = false;
  if (l->filled > x->o.seen) x->o.seen = l->filled; /* nobody will tell of them any more */
  x->fill_cost = l->cost;
  x->fill_fees = l->fees;
  kl_desk_entry_told(x, &n);
}

/* ---- asking ---- */

static void stop(kl_desk *d) {
  struct kl_desk_look *l = d->look;
  d->look = NULL;
  if (!l) return;
  if (l->call) kl_call_cancel(l->call);
  if (l->x) kl_desk_order_release(&l->x->o);
  free(l);
}

/* Nothing could be read: all of them wait for longer. */
static void give_up(kl_desk *d, const char *why) {
  kl_log_debug("desk", "orders could not be looked up: %s", why);
  for (kl_list *n = d->doubts.next; n != &d->doubts; n = n->next) {
    kl_desk_entry *x = KL_CONTAINER(n, kl_desk_entry, doubt_link);
    if (is_due(x)) later(x);
  }
  stop(d);
}

static void answered(void *data, const kl_http_response *res, const kl_error *e);

static void ask(kl_desk *d, const char *operation, const char *path, const kl_buf *query) {
  struct kl_desk_look *l = d->look;
  kl_error e;
  kl_call_request r = {.op = kl_operation_find(operation),
                       .path = path,
                       .query = query ? query->data : NULL,
                       .timeout_ms = LOOKUP_TIMEOUT_MS};
  if (query && query->failed) {
    give_up(d, "not enough memory");
    return;
  }
  l->call = kl_session_call(d->session, &r, answered, d, &e);
  if (!l->call) give_up(d, e.message);
}

static void ask_list(kl_desk *d) {
  struct kl_desk_look *l = d->look;
  int64_t since_ms = INT64_MAX;
  const char *ticker = NULL;
  bool one = true;
  for (kl_list *n = d->doubts.next; n != &d->doubts; n = n->next) {
    const kl_desk_entry *x = KL_CONTAINER(n, kl_desk_entry, doubt_link);
    if (x->o.id[0]) continue;
    int64_t made_ms = kl_desk_entry_since_ms(x);
    if (made_ms < since_ms) since_ms = made_ms;
    one = one && (!ticker || !strcmp(ticker, x->o.ticker));
    ticker = x->o.ticker;
  }
  kl_buf query = {0};
  kl_buf_printf(&query, "limit=%d&min_ts=%" PRId64, (int)PAGE, since_ms / 1000 - SLACK_S);
  if (one && ticker) kl_buf_query(&query, "ticker", ticker);
  if (l->cursor[0]) kl_buf_query(&query, "cursor", l->cursor);
  ask(d, "GetOrders", "/portfolio/orders", &query);
  kl_buf_free(&query);
}

static void ask_order(kl_desk *d, kl_desk_entry *x) {
  struct kl_desk_look *l = d->look;
  char path[128];
  l->step = LOOK_ORDER;
  l->x = x;
  kl_desk_order_retain(&x->o);
  snprintf(path, sizeof path, "/portfolio/orders/%s", x->o.id);
  ask(d, "GetOrder", path, NULL);
}

/* One that ended long ago is in a list of its own. */
static void ask_history(kl_desk *d) {
  struct kl_desk_look *l = d->look;
  kl_buf query = {0};
  l->step = LOOK_HISTORY;
  kl_buf_printf(&query, "limit=%d&min_ts=%" PRId64, (int)PAGE, kl_desk_entry_since_ms(l->x) / 1000 - SLACK_S);
  kl_buf_query(&query, "ticker", l->x->o.ticker);
  if (l->cursor[0]) kl_buf_query(&query, "cursor", l->cursor);
  ask(d, "GetHistoricalOrders", "/historical/orders", &query);
  kl_buf_free(&query);
}

static void begin_list(struct kl_desk_look *l) {
  l->cursor[0] = 0;
  l->pages = 0;
  l->cut = false;
}

static void begin_history(kl_desk *d) {
  begin_list(d->look);
  ask_history(d);
}

static void ask_fills(kl_desk *d) {
  struct kl_desk_look *l = d->look;
  kl_buf query = {0};
  l->step = LOOK_FILLS;
  kl_buf_printf(&query, "limit=%d", (int)PAGE);
  kl_buf_query(&query, "order_id", l->x->o.id);
  if (l->cursor[0]) kl_buf_query(&query, "cursor", l->cursor);
  ask(d, "GetFills", "/portfolio/fills", &query);
  kl_buf_free(&query);
}

static void let_go(struct kl_desk_look *l) {
  kl_desk_order_release(&l->x->o);
  l->x = NULL;
}

/* False at the end of the list; and where it cannot be read on, which cuts it. */
static bool another_page(struct kl_desk_look *l, const json_t *root) {
  const json_t *v = json_object_get(root, "cursor");
  const char *cursor = json_string_value(v);
  bool ends = !v || json_is_null(v) || (cursor && !cursor[0]);
  bool more = !ends && cursor && strcmp(cursor, l->cursor) != 0 && strlen(cursor) < sizeof l->cursor;
  more = more && ++l->pages < PAGES_MOST;
  if (!ends && !more) {
    l->cut = true;
    kl_log_warn("desk", "a list in which orders are looked up cannot be read to its end: it is looked at again");
  }
  snprintf(l->cursor, sizeof l->cursor, "%s", more ? cursor : "");
  return more;
}

/* A row that cannot be read: that the list does not show its order is not known. */
static void unreadable(struct kl_desk_look *l, const json_t *row) {
  const char *id = json_string_value(json_object_get(row, "order_id"));
  const char *client_id = json_string_value(json_object_get(row, "client_order_id"));
  kl_desk_entry *x = kl_desk_entry_of(l->d, id, client_id);
  bool doubted = x && !kl_list_empty(&x->doubt_link);
  if (client_id && !doubted) return; /* nobody looks for it */
  kl_log_warn("desk",
              "an order in a list of the exchange cannot be read (order_id %.64s, client_order_id %.64s): those "
              "that it may be are looked up again",
              id ? id : "not said", client_id ? client_id : "not said");
  if (doubted && x != l->x)
    later(x);
  else
    l->cut = true;
}

static void freshness(kl_desk *d, const json_t *root) {
  struct kl_desk_look *l = d->look;
  const char *text = json_string_value(json_object_get(root, "as_of_time"));
  int64_t us;
  if (text && kl_time_parse_rfc3339(text, strlen(text), &us))
    l->as_of_ms = us / 1000;
  else
    l->as_of_ms = kl_desk_now_ms(d) - BLIND_MS;
  next(d);
}

/* Those that did not stand in the list. */
static void take_rest(kl_desk *d) {
  struct kl_desk_look *l = d->look;
  l->step = LOOK_LIST;
  for (kl_desk_entry *x; (x = due(d, false));) {
    if (!l->whole) {
      later(x);
    } else if (x->earlier && is_fresh(l, x, settle_ms(x))) {
      l->x = x; /* it may be so long ago that it is history */
      kl_desk_order_retain(&x->o);
      begin_history(d);
      return;
    } else {
      take_absent(l, x);
    }
    if (d->look != l) return;
  }
  next(d);
}

static void list_page(kl_desk *d, const json_t *root) {
  struct kl_desk_look *l = d->look;
  const json_t *rows = json_object_get(root, "orders"), *one;
  size_t i;
  if (!json_is_array(rows)) {
    give_up(d, "the list of orders is no list");
    return;
  }
  json_array_foreach(rows, i, one) {
    kl_own_order row;
    if (!kl_row_order(one, &row)) {
      unreadable(l, one);
      continue;
    }
    kl_desk_entry *x = kl_desk_entry_of(d, row.order_id, row.client_order_id);
    if (x && !kl_list_empty(&x->doubt_link) && !kl_desk_is_older(x, &row)) take_order(l, x, &row);
    if (d->look != l) return; /* the desk was closed by whoever was told */
  }
  if (another_page(l, root)) {
    ask_list(d);
    return;
  }
  l->whole = !l->cut;
  take_rest(d);
}

static void one_order(kl_desk *d, const json_t *root, const kl_error *e) {
  struct kl_desk_look *l = d->look;
  kl_own_order row;
  if (e && is_fresh(l, l->x, settle_ms(l->x))) {
    begin_history(d);
    return;
  }
  if (!e && kl_row_order(json_object_get(root, "order"), &row))
    take_order(l, l->x, &row);
  else
    later(l->x);
  if (d->look != l) return;
  let_go(l);
  next(d);
}

static bool is_row_of(const kl_desk_entry *x, const kl_own_order *row) {
  if (x->o.id[0]) return !strcmp(x->o.id, row->order_id);
  return !strcmp(x->o.client_id, row->client_order_id) && !kl_desk_is_older(x, row);
}

/* What the history was read for, which had a name then or had none, is done with. */
static void end_history(kl_desk *d, bool named) {
  let_go(d->look);
  if (named)
    next(d);
  else
    take_rest(d);
}

/* `root` is NULL where the exchange has no history. */
static void history_page(kl_desk *d, const json_t *root) {
  struct kl_desk_look *l = d->look;
  bool named = l->x->o.id[0];
  const json_t *rows = json_object_get(root, "orders"), *one;
  size_t i;
  if (root && !json_is_array(rows)) {
    give_up(d, "the list of orders of long ago is no list");
    return;
  }
  json_array_foreach(rows, i, one) {
    kl_own_order row;
    if (!kl_row_order(one, &row)) {
      unreadable(l, one);
      continue;
    }
    if (!is_row_of(l->x, &row)) continue;
    known(l->x, &row);
    if (d->look == l) end_history(d, named);
    return;
  }
  if (another_page(l, root)) {
    ask_history(d);
    return;
  }
  if (named && !l->cut) {
    begin_list(l);
    l->filled = l->cost = l->fees = 0;
    ask_fills(d);
    return;
  }
  if (l->cut)
    later(l->x);
  else
    take_absent(l, l->x);
  if (d->look == l) end_history(d, named);
}

static void fills_page(kl_desk *d, const json_t *root) {
  struct kl_desk_look *l = d->look;
  const json_t *rows = json_object_get(root, "fills"), *one;
  size_t i;
  if (!json_is_array(rows)) {
    give_up(d, "the list of fills is no list");
    return;
  }
  json_array_foreach(rows, i, one) {
    kl_account_fill f;
    if (!kl_row_fill(one, &f)) {
      l->cut = true;
      continue;
    }
    l->filled += f.count;
    l->cost += f.count * (f.side == KL_BID ? f.yes_price : KL_PRICE_ONE - f.yes_price);
    l->fees += f.fee;
  }
  if (another_page(l, root)) {
    ask_fills(d);
    return;
  }
  if (l->cut)
    later(l->x);
  else
    take_fills(l, l->x);
  if (d->look != l) return;
  let_go(l);
  next(d);
}

static void answered(void *data, const kl_http_response *res, const kl_error *e) {
  kl_desk *d = data;
  struct kl_desk_look *l = d->look;
  l->call = NULL;
  bool absent = e && e->status == 404;
  bool blind = l->step == LOOK_FRESH && e && (e->status == 404 || e->status == 501);
  bool none = absent && (l->step == LOOK_ORDER || l->step == LOOK_HISTORY);
  if (e && !blind && !none) {
    give_up(d, e->message);
    return;
  }
  json_t *root = e ? NULL : json_loadb(res->body, res->body_len, 0, NULL);
  if (!e && !json_is_object(root)) {
    json_decref(root);
    give_up(d, "the answer is no JSON object");
    return;
  }
  switch (l->step) {
  case LOOK_FRESH:
    freshness(d, root);
    break;
  case LOOK_LIST:
    list_page(d, root);
    break;
  case LOOK_ORDER:
    one_order(d, root, e);
    break;
  case LOOK_HISTORY:
    history_page(d, root);
    break;
  case LOOK_FILLS:
    fills_page(d, root);
    break;
  }
  json_decref(root);
}

/* The list once for all that have no name at the exchange, then the others one by one. */
static void next(kl_desk *d) {
  struct kl_desk_look *l = d->look;
  bool listed = l->step == LOOK_LIST;
  if (l->step == LOOK_FRESH) l->step = LOOK_LIST;
  if (!listed && l->step == LOOK_LIST && due(d, false)) {
    ask_list(d);
    return;
  }
  kl_desk_entry *x = due(d, true);
  int64_t now = kl_desk_now_ns(d);
  if (x && !l->alone_ns) l->alone_ns = now;
  if (x && now - l->alone_ns < ALONE_MS * KL_DESK_MS)
    ask_order(d, x);
  else
    stop(d);
}

void kl_desk_doubts_tick(kl_desk *d) {
  if (d->look || d->closing || (!due(d, true) && !due(d, false))) return;
  d->look = calloc(1, sizeof *d->look);
  if (!d->look) return;
  d->look->d = d;
  d->look->began_ns = kl_desk_now_ns(d);
  ask(d, "GetUserDataTimestamp", "/exchange/user_data_timestamp", NULL);
}

void kl_desk_doubts_stop(kl_desk *d) {
  stop(d);
  while (!kl_list_empty(&d->doubts))
    kl_list_remove(d->doubts.next);
}
