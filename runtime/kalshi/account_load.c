/* Reading the account over REST. The channels are live first, so nothing is missed: what happened before is in the
 * lists once the exchange's reads are newer than the moment the channels were live, what happens after is told by
 * channel. Reads lag behind by about a second, and GET /exchange/user_data_timestamp says how far. Whatever a list says
 * is only taken where nothing newer is known (own_orders.h, account_positions.c). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "kalshi/account_internal.h"

#define MS INT64_C(1000000)

enum {
  PATIENCE_MS = 5000, /* then what there is is read, and read again once it is fresh */
  BLIND_MS = 3000,    /* how long to wait where the exchange does not say how fresh its reads are */
  PAUSE_FIRST_MS = 100,
  PAUSE_MOST_MS = 1000,
  RETRY_FIRST_MS = 500, /* after a read that failed */
  RETRY_MOST_MS = 30000,
  PAGE = 1000,
  ORDER_PAGES = 201, /* of 200,000 resting orders */
  POSITION_PAGES = 500,
  FILL_PAGES = KL_FILLS_KEPT / PAGE,
  ROUNDS = 6, /* of looking up an order that one read shows resting and another does not */
  ROUND_MS = 500,
  MISSED_SLACK_S = 120,     /* how much earlier than it was last right fills are looked for */
  BALANCE_SETTLE_MS = 2000, /* a read is final only when it began so long after the last event */
  SPOKEN_SLACK_MS = 60000   /* a list that is read while all is well is not older than this */
};

static void step_on(kl_account *a);
static void begin_lists(kl_account *a);
static void begin_positions(kl_account *a);

/* ---- asking ---- */

static void failed(kl_account *a, const char *what, const kl_error *e);

static void drop(kl_chain *c) {
  if (c->call) kl_call_cancel(c->call);
  c->call = NULL;
}

static bool ask(kl_account *a, kl_chain *c, kl_call_cb cb, const char *operation, const char *path, const char *query) {
  kl_error e;
  kl_call_request r = {.op = kl_operation_find(operation), .path = path, .query = query};
  c->a = a;
  c->call = kl_session_call(a->s, &r, cb, c, &e);
  if (!c->call) failed(a, operation, &e);
  return c->call != NULL;
}

/* One page of a list; `filter` is in front of what all have. */
static void ask_page(kl_account *a, kl_chain *c, kl_call_cb cb, const char *operation, const char *path,
                     const char *filter) {
  kl_buf query = {0};
  kl_buf_printf(&query, "%slimit=%d", filter, (int)PAGE);
  if (c->cursor[0]) kl_buf_query(&query, "cursor", c->cursor);
  kl_error e;
  if (query.failed) {
    kl_error_set(&e, KL_ERR_INTERNAL, "not enough memory");
    failed(a, operation, &e);
  } else {
    ask(a, c, cb, operation, path, query.data);
  }
  kl_buf_free(&query);
}

/* The answer as an object with an array `rows` (NULL: none is needed); fails the load where it is none. */
static json_t *read_answer(kl_chain *c, const char *what, const char *rows, const kl_http_response *res,
                           const kl_error *e) {
  c->call = NULL;
  if (e) {
    failed(c->a, what, e);
    return NULL;
  }
  json_t *root = json_loadb(res->body, res->body_len, 0, NULL);
  if (json_is_object(root) && (!rows || json_is_array(json_object_get(root, rows)))) return root;
  json_decref(root);
  kl_error odd;
  kl_error_coded(&odd, KL_ERR_PROTOCOL, "answer_unreadable",
                 "%s answered %d with something else than it is described with: %.80s", what, res->status, res->body);
  failed(c->a, what, &odd);
  return NULL;
}

/* Whether there is another page, which `c->cursor` then names. */
static bool another_page(kl_chain *c, const char *what, const json_t *root, unsigned most) {
  const char *cursor = json_string_value(json_object_get(root, "cursor"));
  bool more = cursor && cursor[0] && strcmp(cursor, c->cursor) != 0 && strlen(cursor) < sizeof c->cursor;
  c->pages++;
  if (more && c->pages >= most) {
    more = false;
    if (most > 1) kl_log_warn("account", "%s goes on after %u pages, which is all that is read of it", what, most);
  }
  snprintf(c->cursor, sizeof c->cursor, "%s", more ? cursor : "");
  if (!more) c->done = true;
  return more;
}

static void row_is_odd(const char *what, const json_t *row) {
  char *text = json_dumps(row, JSON_COMPACT);
  kl_log_warn("account", "a row of %s is not as it is described, and left out: %.200s", what, text ? text : "");
  free(text);
}

/* ---- how fresh reads are ---- */

/* The exchange's time at which the channels were live, at the latest. */
static int64_t live_ms(const kl_account *a) {
  kl_session_stats stats;
  if (a->s->stepped) return a->ready_wall_ms; /* both run by one clock */
  kl_session_stats_get(a->s, &stats);
  return a->ready_wall_ms + stats.clock_offset_ms + (stats.clock_known ? stats.clock_error_ms : 0);
}

static void pause_for(kl_account *a, int64_t ms) {
  a->load.step = KL_LOAD_PAUSE;
  kl_timer_start(&a->pause, kl_load_pause_fired, (uint64_t)ms, 0);
}

static void fresh_answered(void *data, const kl_http_response *res, const kl_error *e) {
  kl_chain *c = data;
  kl_account *a = c->a;
  kl_load *l = &a->load;
  int64_t us, now = kl_account_now_ns(a);
  json_t *root = NULL;
  const char *text = NULL;
  c->call = NULL;
  if (e && e->status != 404 && e->status != 501) {
    failed(a, "get_user_data_timestamp", e);
    return;
  }
  if (!e) root = json_loadb(res->body, res->body_len, 0, NULL);
  text = json_string_value(json_object_get(root, "as_of_time"));
  if (text && kl_time_parse_rfc3339(text, strlen(text), &us)) {
    l->as_of_ms = us / 1000;
    l->fresh = l->as_of_ms >= live_ms(a);
  } else {
    l->fresh = now - a->ready_ns >= BLIND_MS * MS;
    l->as_of_ms = kl_session_timestamp_ms(a->s) - BLIND_MS;
  }
  json_decref(root);
  if (l->fresh || (now >= l->patience_ns && !a->loaded)) {
    begin_lists(a);
    return;
  }
  pause_for(a, l->pause_ms);
  l->pause_ms = l->pause_ms * 2 > PAUSE_MOST_MS ? PAUSE_MOST_MS : l->pause_ms * 2;
}

static void ask_fresh(kl_account *a) {
  a->load.step = KL_LOAD_FRESH;
  ask(a, &a->load.asking, fresh_answered, "GetUserDataTimestamp", "/exchange/user_data_timestamp", NULL);
}

/* ---- orders, fills, balance ---- */

static void orders_answered(void *data, const kl_http_response *res, const kl_error *e);
static void fills_answered(void *data, const kl_http_response *res, const kl_error *e);

static void ask_orders(kl_account *a) {
  ask_page(a, &a->load.orders, orders_answered, "GetOrders", "/portfolio/orders", "status=resting&");
}

static void orders_answered(void *data, const kl_http_response *res, const kl_error *e) {
  kl_chain *c = data;
  kl_account *a = c->a;
  json_t *root = read_answer(c, "get_orders", "orders", res, e);
  if (!root) return;
  const json_t *rows = json_object_get(root, "orders");
  for (size_t i = json_array_size(rows); i-- > 0;) { /* oldest first, as they would have been told */
    kl_own_order o;
    if (!kl_row_order(json_array_get(rows, i), &o)) {
      row_is_odd("get_orders", json_array_get(rows, i));
      continue;
    }
    o.listed = a->load.number;
    kl_account_saw_subaccount(a, o.subaccount);
    kl_account_tell_order(a, &o, KL_TOLD_BY_LIST);
  }
  bool more = another_page(c, "get_orders", root, ORDER_PAGES);
  json_decref(root);
  if (more)
    ask_orders(a);
  else
    step_on(a);
}

static void ask_fills(kl_account *a) {
  char since[48] = "";
  if (a->load.fills_to_bound && a->right_ms)
    snprintf(since, sizeof since, "min_ts=%" PRId64 "&", a->right_ms / 1000 - MISSED_SLACK_S);
  ask_page(a, &a->load.fills, fills_answered, "GetFills", "/portfolio/fills", since);
}

static void fills_answered(void *data, const kl_http_response *res, const kl_error *e) {
  kl_chain *c = data;
  kl_account *a = c->a;
  json_t *root = read_answer(c, "get_fills", "fills", res, e);
  if (!root) return;
  const json_t *rows = json_object_get(root, "fills");
  for (size_t i = json_array_size(rows); i-- > 0;) {
    kl_account_fill f;
    if (!kl_row_fill(json_array_get(rows, i), &f)) {
      row_is_odd("get_fills", json_array_get(rows, i));
      continue;
    }
    kl_account_saw_subaccount(a, f.subaccount);
    kl_account_tell_fill(a, &f);
  }
  bool more = another_page(c, "get_fills", root, a->load.fills_to_bound ? FILL_PAGES : 1);
  json_decref(root);
  if (more)
    ask_fills(a);
  else
    step_on(a);
}

static void take_balance(kl_account *a, const json_t *root, int64_t asked_ns) {
  kl_account_balance b = {.read_ns = asked_ns};
  bool locked;
  if (kl_row_balance(root, &b, &locked)) {
    if (asked_ns >= a->balance.read_ns) a->balance = b;
    a->locked = locked && !a->many;
    if (!a->locked) a->home = 0;
  } else {
    row_is_odd("get_balance", root);
  }
}

static void balance_answered(void *data, const kl_http_response *res, const kl_error *e) {
  kl_chain *c = data;
  json_t *root = read_answer(c, "get_balance", NULL, res, e);
  if (!root) return;
  take_balance(c->a, root, c->a->load.began_ns);
  json_decref(root);
  c->done = true;
  step_on(c->a);
}

static void begin_lists(kl_account *a) {
  kl_load *l = &a->load;
  const kl_chain none = {.a = a};
  l->step = KL_LOAD_LISTS;
  l->began_ns = kl_account_now_ns(a);
  l->horizon_ns = l->reconciles ? a->ready_ns : l->began_ns - SPOKEN_SLACK_MS * MS;
  l->number++;
  l->orders = l->fills = l->positions = l->balance = none;
  l->orders.done = l->fills.done = !l->reconciles;
  l->fills_to_bound = a->reconciled_once;
  uint64_t number = l->number;
  ask(a, &l->balance, balance_answered, "GetBalance", "/portfolio/balance", NULL);
  if (l->reconciles && l->step == KL_LOAD_LISTS && l->number == number) ask_orders(a);
  if (l->reconciles && l->step == KL_LOAD_LISTS && l->number == number) ask_fills(a);
}

/* ---- positions ---- */

static void gone(void *data, const kl_account_position *p) {
  kl_account *a = data;
  kl_log_debug("account", "the position in %s is settled, or was closed unseen", p->ticker);
  kl_account_position_changed(a, p);
}

static void next_subaccount(kl_account *a);

static void positions_answered(void *data, const kl_http_response *res, const kl_error *e) {
  kl_chain *c = data;
  kl_account *a = c->a;
  kl_load *l = &a->load;
  json_t *root = read_answer(c, "get_positions", "market_positions", res, e);
  if (!root) return;
  const json_t *rows = json_object_get(root, "market_positions"), *row;
  int32_t which = a->locked ? a->home : __builtin_ctzll(l->subaccounts_left);
  size_t i;
  json_array_foreach(rows, i, row) {
    kl_account_position p;
    if (!kl_row_position(row, &p)) {
      row_is_odd("get_positions", row);
      continue;
    }
    p.subaccount = which;
    const kl_account_position *changed = kl_positions_list(&a->positions, &p, l->number, l->horizon_ns);
    if (changed) kl_account_position_changed(a, changed);
  }
  if (!another_page(c, "get_positions", root, POSITION_PAGES)) {
    l->subaccounts_left &= l->subaccounts_left - 1;
    *c = (kl_chain){.a = a};
  }
  json_decref(root);
  next_subaccount(a);
}

static void next_subaccount(kl_account *a) {
  kl_load *l = &a->load;
  char filter[32] = "";
  if (!l->subaccounts_left) {
    l->positions.done = true;
    kl_positions_sweep(&a->positions, l->number, l->horizon_ns, gone, a);
    step_on(a);
    return;
  }
  int which = __builtin_ctzll(l->subaccounts_left);
  if (which) snprintf(filter, sizeof filter, "subaccount=%d&", which); /* without: the key's own */
  ask_page(a, &l->positions, positions_answered, "GetPositions", "/portfolio/positions", filter);
}

static void subaccounts_answered(void *data, const kl_http_response *res, const kl_error *e) {
  kl_chain *c = data;
  kl_account *a = c->a;
  c->call = NULL;
  if (e && e->status != 403 && e->status != 404 && e->status != 501) {
    failed(a, "get_subaccount_balances", e);
    return;
  }
  if (e) {
    a->no_subaccounts = true;
    kl_log_debug("account", "which subaccounts there are is not told (%s): positions of those seen are read",
                 e->message);
  } else {
    json_t *root = json_loadb(res->body, res->body_len, 0, NULL);
    const json_t *rows = json_object_get(root, "subaccount_balances"), *row;
    size_t i;
    json_array_foreach(rows, i, row)
        kl_account_saw_subaccount(a, (int32_t)json_integer_value(json_object_get(row, "subaccount_number")));
    json_decref(root);
  }
  begin_positions(a);
}

static void begin_positions(kl_account *a) {
  uint64_t numbered = a->subaccounts & ~UINT64_C(1);
  if (a->locked && !a->home && numbered) a->home = __builtin_ctzll(numbered);
  a->load.subaccounts_left = a->locked ? 1 : a->subaccounts | 1;
  next_subaccount(a);
}

static void ask_subaccounts(kl_account *a) {
  a->load.step = KL_LOAD_POSITIONS;
  if (a->locked || a->no_subaccounts)
    begin_positions(a);
  else
    ask(a, &a->load.asking, subaccounts_answered, "GetSubaccountBalances", "/portfolio/subaccounts/balances", NULL);
}

/* ---- orders that rest no longer ---- */

/* Resting here, and not in the list though it must have been: known from before it, and from before it was fresh. */
static bool has_vanished(const kl_load *l, const kl_own_order *o) {
  return o->listed != l->number && o->told_ns < l->began_ns && o->ts_ms <= l->as_of_ms;
}

static bool find_vanished(kl_account *a) {
  kl_load *l = &a->load;
  size_t n = 0;
  l->n_candidates = l->next_candidate = l->n_doubtful = 0;
  l->round = 0;
  for (const kl_own_order *o = NULL; (o = kl_own_orders_next(a->orders, true, o));)
    n += has_vanished(l, o);
  free(l->candidates);
  l->candidates = n ? malloc(n * sizeof *l->candidates) : NULL;
  if (n && !l->candidates) return false;
  for (const kl_own_order *o = NULL; n && (o = kl_own_orders_next(a->orders, true, o));)
    if (has_vanished(l, o)) memcpy(l->candidates[l->n_candidates++], o->order_id, sizeof o->order_id);
  for (size_t i = 0; i < l->n_candidates; i++)
    kl_account_order_vanished(a, l->candidates[i]);
  return true;
}

static void look_up_next(kl_account *a);

static void looked_up(void *data, const kl_http_response *res, const kl_error *e) {
  kl_chain *c = data;
  kl_account *a = c->a;
  const char *order_id = c->cursor;
  if (e && e->status == 404) {
    /* Gone to the history, which is kept elsewhere; how it ended stays unknown. */
    c->call = NULL;
    kl_log_info("account", "order %s rests no longer, and the exchange does not say how it ended", order_id);
  } else {
    json_t *root = read_answer(c, "get_order", NULL, res, e);
    kl_own_order o;
    if (!root) return;
    if (!kl_row_order(json_object_get(root, "order"), &o))
      row_is_odd("get_order", root);
    else if (o.status == KL_OWN_RESTING && a->load.round < ROUNDS)
      memcpy(a->load.candidates[a->load.n_doubtful++], order_id, sizeof o.order_id); /* a place that was looked up */
    else
      kl_account_tell_order(a, &o, KL_TOLD_BY_LIST);
    json_decref(root);
  }
  c->done = true;
  look_up_next(a);
}

static void look_up_next(kl_account *a) {
  kl_load *l = &a->load;
  bool busy = false;
  for (size_t i = 0; i < KL_LOOKUPS_AT_ONCE; i++) {
    kl_chain *c = &l->lookups[i];
    if (!c->call && l->next_candidate < l->n_candidates) {
      char path[128];
      *c = (kl_chain){.a = a};
      memcpy(c->cursor, l->candidates[l->next_candidate++], sizeof *l->candidates);
      snprintf(path, sizeof path, "/portfolio/orders/%.63s", c->cursor);
      if (!ask(a, c, looked_up, "GetOrder", path, NULL)) return;
    }
    busy = busy || c->call;
  }
  if (busy) return;
  if (l->n_doubtful) {
    /* The list, which is fresh, says otherwise: this read was not. */
    l->n_candidates = l->n_doubtful;
    l->next_candidate = l->n_doubtful = 0;
    l->round++;
    pause_for(a, ROUND_MS);
    return;
  }
  step_on(a);
}

/* ---- from step to step ---- */

static void finish(kl_account *a) {
  kl_load *l = &a->load;
  bool right = kl_account_is_live(a) && (l->fresh || !l->reconciles);
  l->step = KL_LOAD_IDLE;
  l->retry_ms = RETRY_FIRST_MS;
  free(l->candidates);
  l->candidates = NULL;
  l->n_candidates = 0;
  if (l->reconciles && !l->fresh && kl_account_is_live(a)) pause_for(a, PAUSE_MOST_MS); /* and all of it again */
  kl_account_load_done(a, right);
}

static void step_on(kl_account *a) {
  kl_load *l = &a->load;
  kl_error e;
  switch (l->step) {
  case KL_LOAD_LISTS:
    if (l->orders.done && l->fills.done && l->balance.done) ask_subaccounts(a);
    break;
  case KL_LOAD_POSITIONS:
    if (!l->positions.done) break;
    l->step = KL_LOAD_LOOKUPS;
    if (!l->reconciles || !l->fresh) {
      finish(a);
    } else if (find_vanished(a)) {
      memset(l->lookups, 0, sizeof l->lookups);
      look_up_next(a);
    } else {
      kl_error_set(&e, KL_ERR_INTERNAL, "not enough memory for the orders to look up");
      failed(a, "get_order", &e);
    }
    break;
  case KL_LOAD_LOOKUPS:
    finish(a);
    break;
  case KL_LOAD_IDLE:
  case KL_LOAD_FRESH:
  case KL_LOAD_PAUSE:
    break;
  }
}

void kl_load_stop(kl_account *a) {
  kl_load *l = &a->load;
  kl_chain *const all[] = {&l->asking, &l->orders, &l->fills, &l->positions, &l->balance};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
    drop(all[i]);
  for (size_t i = 0; i < KL_LOOKUPS_AT_ONCE; i++)
    drop(&l->lookups[i]);
  if (a->timers) kl_timer_stop(&a->pause);
  free(l->candidates);
  l->candidates = NULL;
  l->n_candidates = 0;
  l->step = KL_LOAD_IDLE;
}

static void failed(kl_account *a, const char *what, const kl_error *e) {
  kl_load *l = &a->load;
  bool again = l->retry_ms > RETRY_FIRST_MS;
  kl_load_stop(a);
  if (a->s->closing) return;
  kl_log_write(again ? KL_LOG_DEBUG : KL_LOG_WARN, "account", "%s failed (%s); the account is read again in %.1f s",
               what, e->message, (double)l->retry_ms / 1e3);
  if (!l->reconciles) return; /* the next refresh comes by itself */
  pause_for(a, l->retry_ms);
  l->retry_ms = l->retry_ms * 2 > RETRY_MOST_MS ? RETRY_MOST_MS : l->retry_ms * 2;
  if (e->kind && !strcmp(e->kind, KL_ERR_AUTH)) kl_account_refused(a, e);
}

void kl_load_pause_fired(uv_timer_t *t) {
  kl_account *a = t->data;
  if (a->load.step != KL_LOAD_PAUSE) return;
  if (a->load.n_candidates) {
    a->load.step = KL_LOAD_LOOKUPS;
    look_up_next(a);
  } else if (kl_account_is_live(a))
    ask_fresh(a);
  else
    a->load.step = KL_LOAD_IDLE; /* it begins anew with the channels */
}

void kl_load_reconcile(kl_account *a) {
  kl_load *l = &a->load;
  kl_load_stop(a);
  if (!l->retry_ms) l->retry_ms = RETRY_FIRST_MS;
  l->reconciles = true;
  l->pause_ms = PAUSE_FIRST_MS;
  l->patience_ns = kl_account_now_ns(a) + PATIENCE_MS * MS;
  ask_fresh(a);
}

void kl_load_refresh(kl_account *a) {
  if (a->load.step != KL_LOAD_IDLE) return;
  a->load.reconciles = false;
  begin_lists(a);
}

/* ---- the balance alone ---- */

static void balance_again_answered(void *data, const kl_http_response *res, const kl_error *e) {
  kl_chain *c = data;
  c->call = NULL;
  if (e) {
    kl_log_debug("account", "the balance could not be read: %s", e->message);
    return;
  }
  json_t *root = json_loadb(res->body, res->body_len, 0, NULL);
  take_balance(c->a, root, c->a->balance_asked_ns);
  json_decref(root);
  if (c->a->balance_asked_ns >= c->a->balance_dirty_ns + BALANCE_SETTLE_MS * MS) c->a->balance_dirty_ns = 0;
}

void kl_load_balance(kl_account *a) {
  kl_error e;
  kl_call_request r = {.op = kl_operation_find("GetBalance"), .path = "/portfolio/balance"};
  if (a->balance_again.call) return;
  a->balance_asked_ns = kl_account_now_ns(a);
  a->balance_again.a = a;
  a->balance_again.call = kl_session_call(a->s, &r, balance_again_answered, &a->balance_again, &e);
  if (!a->balance_again.call) kl_log_debug("account", "the balance could not be asked for: %s", e.message);
}
