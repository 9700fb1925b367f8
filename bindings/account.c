/* kalshi.orders, positions, fills, balance: the account from memory. The first call starts keeping it and waits for the
 * first load; all others answer at once. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "bindings/account.h"
#include "bindings/inspect.h"
#include "bindings/options.h"
#include "bindings/rest.h"
#include "bindings/sessions.h"
#include "script/script.h"
#include "trading/desk_portfolio.h"

enum { FIRST_LOAD_MS = 30000, ID_MAX = sizeof((kl_account_fill *)0)->order_id };

typedef int (*answer_fn)(lua_State *L, const kl_place *at, kl_account *a); /* the options are at index 1 */

/* ---- waiting for the first load ---- */

typedef struct account_wait {
  kl_wait wait; /* first */
  kl_account_waiter waiter;
  kl_timer timer;
  const kl_place *at;
  answer_fn answer;
  bool failed;
  kl_error error;
} account_wait;

static void wait_freed(uv_handle_t *h) { free(h->data); }

static void wait_drop(kl_wait *wait) {
  account_wait *w = (account_wait *)wait;
  kl_account_leave(&w->waiter);
  kl_timer_close(&w->timer, wait_freed);
}

static int wait_push(lua_State *L, kl_wait *wait) {
  const account_wait *w = (account_wait *)wait;
  if (w->failed) {
    kl_error e = w->error;
    return kl_raise(L, &e);
  }
  return w->answer(L, w->at, kl_session_account(kl_account_session(w->at)));
}

static void wait_describe(const kl_wait *wait, kl_buf *out) {
  kl_buf_str(out, "the account's first load");
  kl_wait_left(out, &((const account_wait *)wait)->timer);
}

static void wait_done(void *data, const kl_error *e) {
  account_wait *w = data;
  if (e) {
    w->failed = true;
    w->error = *e;
  }
  kl_complete(&w->wait);
}

static void wait_timed_out(uv_timer_t *t) {
  account_wait *w = t->data;
  kl_feed_status feed;
  kl_feed_status_get(kl_session_feed(kl_account_session(w->at)), &feed);
  kl_error_coded(
      &w->error, KL_ERR_TIMEOUT, "account_unread",
      "the account could not be read within %d seconds (%s%s); it is tried further", FIRST_LOAD_MS / 1000,
      feed.connected ? "the feed is connected" : "the feed is not connected: ", feed.connected ? "" : feed.last_error);
  w->error.retryable = true;
  w->failed = true;
  kl_complete(&w->wait);
}

int kl_account_answer(lua_State *L, answer_fn fn) {
  const kl_place *at = kl_place_of(L);
  kl_account *a = kl_session_account(kl_account_session(at));
  kl_account_status status;
  kl_error e;
  if (!kl_account_start(a, &e)) return kl_raise(L, &e);
  kl_account_status_get(a, &status);
  if (status.loaded) {
    kl_check_cancelled(L);
    return fn(L, at, a);
  }
  account_wait *w = calloc(1, sizeof *w);
  if (!w) return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory to wait for the account");
  w->wait.push = wait_push;
  w->wait.drop = wait_drop;
  w->wait.describe = wait_describe;
  w->wait.kind = KL_WAIT_START;
  w->at = at;
  w->answer = fn;
  w->waiter.data = w;
  w->waiter.done = wait_done;
  kl_timer_init(kl_script_loop(kl_script_of(L)), &w->timer, kl_script_clock(kl_script_of(L)));
  w->timer.uv.data = w;
  kl_timer_start(&w->timer, wait_timed_out, FIRST_LOAD_MS, 0);
  kl_account_await(a, &w->waiter);
  return kl_await(L, &w->wait);
}

/* ---- rows ---- */

void kl_row_text(lua_State *L, const char *name, const char *text) {
  if (!text[0]) return;
  lua_pushstring(L, text);
  lua_setfield(L, -2, name);
}

void kl_row_fixed(lua_State *L, const char *name, int64_t v, int places) {
  lua_pushnumber(L, kl_decimal_to_double(v, places));
  lua_setfield(L, -2, name);
}

void kl_row_integer(lua_State *L, const char *name, int64_t v) {
  lua_pushinteger(L, v);
  lua_setfield(L, -2, name);
}

void kl_row_time(lua_State *L, const char *name, int64_t ms) {
  if (ms <= 1) return;
  lua_pushnumber(L, (double)ms / 1e3);
  lua_setfield(L, -2, name);
}

static void set_direction(lua_State *L, kl_side side) {
  kl_row_text(L, "side", side == KL_BID ? "bid" : "ask");
  kl_row_text(L, "outcome_side", side == KL_BID ? "yes" : "no");
}

/* The contract's word where the exchange's is another. */
static const char *status_name(kl_own_status s) { return s == KL_OWN_EXECUTED ? "filled" : kl_own_status_name(s); }

static void push_order(lua_State *L, const kl_own_order *o) {
  kl_money cost = o->taker_cost + o->maker_cost;
  lua_createtable(L, 0, 20);
  kl_row_text(L, "order_id", o->order_id);
  kl_row_text(L, "client_order_id", o->client_order_id);
  kl_row_text(L, "ticker", o->ticker);
  set_direction(L, o->side);
  kl_row_fixed(L, "price", o->yes_price, KL_PRICE_PLACES);
  kl_row_text(L, "status", status_name(o->status));
  kl_row_fixed(L, "initial_count", o->initial, KL_COUNT_PLACES);
  kl_row_fixed(L, "fill_count", o->filled, KL_COUNT_PLACES);
  kl_row_fixed(L, "remaining_count", o->remaining, KL_COUNT_PLACES);
  if (o->filled == 0 || cost > 0) kl_row_fixed(L, "fees", o->taker_fees + o->maker_fees, KL_MONEY_PLACES);
  if (o->filled > 0 && cost > 0) {
    /* The cost is what was paid: of an ask the NO price. Rounded to what money is counted in. */
    kl_money paid = (kl_money)llround((double)cost * KL_COUNT_ONE / (double)o->filled);
    kl_row_fixed(L, "average_fill_price", o->side == KL_BID ? paid : KL_MONEY_ONE - paid, KL_MONEY_PLACES);
  }
  kl_row_time(L, "created_ts", o->created_ms);
  kl_row_time(L, "updated_ts", o->ts_ms);
  kl_row_time(L, "expiration_ts", o->expiration_ms);
  kl_row_text(L, "order_group_id", o->order_group_id);
  kl_row_text(L, "last_update_reason", o->reason);
  kl_row_integer(L, "subaccount", o->subaccount);
  kl_row_integer(L, "exchange_index", o->exchange_index);
}

static void push_fill(lua_State *L, const kl_account_fill *f, const kl_own_orders *orders) {
  const kl_own_order *order = f->client_order_id[0] ? NULL : kl_own_orders_by_id(orders, f->order_id);
  lua_createtable(L, 0, 14);
  kl_row_text(L, "trade_id", f->trade_id);
  kl_row_text(L, "order_id", f->order_id);
  kl_row_text(L, "client_order_id", order ? order->client_order_id : f->client_order_id);
  kl_row_text(L, "ticker", f->ticker);
  set_direction(L, f->side);
  kl_row_fixed(L, "price", f->yes_price, KL_PRICE_PLACES);
  kl_row_fixed(L, "count", f->count, KL_COUNT_PLACES);
  kl_row_fixed(L, "fee", f->fee, KL_MONEY_PLACES);
  lua_pushboolean(L, f->is_taker);
  lua_setfield(L, -2, "is_taker");
  if (f->has_post_position) kl_row_fixed(L, "post_position", f->post_position, KL_COUNT_PLACES);
  kl_row_time(L, "ts", f->ts_ms);
  kl_row_integer(L, "subaccount", f->subaccount);
  kl_row_integer(L, "exchange_index", f->exchange_index);
}

void kl_row_value(lua_State *L, kl_count position, kl_money cost, kl_price mark) {
  const kl_holding h = {.position = position, .cost = cost, .mark = mark};
  if (position == 0) return;
  kl_row_text(L, "outcome_side", position > 0 ? "yes" : "no");
  kl_row_fixed(L, "average_price", kl_holding_average(&h), KL_MONEY_PLACES);
  if (mark < 0) return;
  kl_row_fixed(L, "mark", mark, KL_PRICE_PLACES);
  kl_row_fixed(L, "unrealized_pnl", kl_holding_unrealized(&h), KL_MONEY_PLACES);
}

/* Of the account's portfolio; -1 where there is none. */
static kl_price mark_of(kl_desk *d, const kl_account_position *p) {
  const kl_holding *h = d ? kl_portfolio_get(kl_desk_portfolio(d), p->ticker, p->subaccount) : NULL;
  return h ? h->mark : -1;
}

static void push_position(lua_State *L, const kl_account_position *p, kl_price mark) {
  lua_createtable(L, 0, 11);
  kl_row_text(L, "ticker", p->ticker);
  kl_row_fixed(L, "position", p->position, KL_COUNT_PLACES);
  kl_row_fixed(L, "exposure", p->exposure, KL_MONEY_PLACES);
  kl_row_fixed(L, "realized_pnl", p->realized, KL_MONEY_PLACES);
  kl_row_fixed(L, "fees_paid", p->fees, KL_MONEY_PLACES);
  kl_row_time(L, "updated_ts", p->updated_ms);
  kl_row_integer(L, "subaccount", p->subaccount);
  kl_row_value(L, p->position, p->exposure, mark);
}

/* ---- orders ---- */

static const char *const statuses[] = {"resting", "filled", "canceled", "unknown", "all"};

static int newer_first(const void *a, const void *b) {
  const kl_own_order *x = *(const kl_own_order *const *)a, *y = *(const kl_own_order *const *)b;
  if (x->created_ms != y->created_ms) return x->created_ms > y->created_ms ? -1 : 1;
  return strcmp(x->order_id, y->order_id);
}

static int orders_answer(lua_State *L, const kl_place *at, kl_account *a) {
  (void)at;
  const kl_own_orders *all = kl_account_orders(a);
  const char *ticker = kl_option_text(L, 1, "kalshi.orders", "ticker", ID_MAX),
             *status = kl_option_text(L, 1, "kalshi.orders", "status", ID_MAX);
  if (!status) status = statuses[0];
  bool every = !strcmp(status, "all"), wanted[2]; /* of the resting ones: wanted[1] */
  size_t n = 0, most = 0;
  for (int resting = 0; resting < 2; resting++) {
    wanted[resting] = every || resting == !strcmp(status, statuses[0]);
    if (wanted[resting]) most += kl_own_orders_count(all, resting);
  }
  const kl_own_order **found = lua_newuserdatauv(L, (most ? most : 1) * sizeof(const kl_own_order *), 0); /* Lua's */
  for (int resting = 0; resting < 2; resting++) {
    for (const kl_own_order *o = NULL; wanted[resting] && (o = kl_own_orders_next(all, resting, o));) {
      if (!o->ts_ms || !o->ticker[0]) continue; /* only its id is known */
      if (ticker && strcmp(ticker, o->ticker) != 0) continue;
      if (every || !strcmp(status, status_name(o->status))) found[n++] = o;
    }
  }
  if (n > 1) qsort((void *)found, n, sizeof(const kl_own_order *), newer_first);
  lua_createtable(L, (int)n, 0);
  if (!n) kl_json_mark_empty_array(L);
  for (size_t i = 0; i < n; i++) {
    push_order(L, found[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

int kl_account_orders_lua(lua_State *L) {
  static const char *const keys[] = {"ticker", "status"};
  kl_options_check(L, 1, "kalshi.orders", keys, 2, NULL);
  kl_option_text(L, 1, "kalshi.orders", "ticker", ID_MAX);
  const char *status = kl_option_text(L, 1, "kalshi.orders", "status", ID_MAX);
  bool known = !status;
  for (size_t i = 0; !known && i < sizeof statuses / sizeof *statuses; i++)
    known = !strcmp(status, statuses[i]);
  if (!known)
    return kl_raise_coded(L, KL_ERR_VALIDATION, "unknown_value",
                          "kalshi.orders: status \"%.20s\": use resting, filled, canceled, unknown or all", status);
  lua_settop(L, 1);
  return kl_account_answer(L, orders_answer);
}

/* ---- fills ---- */

typedef struct fill_filter {
  const char *ticker, *order_id; /* NULL: all; on the stack */
  lua_Integer limit;
  lua_Number min_ts;
} fill_filter;

static const char fills[] = "kalshi.fills";

static fill_filter read_filter(lua_State *L) { /* raises */
  fill_filter f = {.limit = KL_FILLS_KEPT};
  (void)kl_option_integer(L, 1, fills, "limit", 1, 1000000000000000, &f.limit);
  (void)kl_option_number(L, 1, fills, "min_ts", 0, 1e15, &f.min_ts);
  f.ticker = kl_option_text(L, 1, fills, "ticker", ID_MAX);
  f.order_id = kl_option_text(L, 1, fills, "order_id", ID_MAX);
  return f;
}

static int fills_answer(lua_State *L, const kl_place *at, kl_account *a) {
  (void)at;
  const fill_filter want = read_filter(L);
  lua_Integer n = 0;
  lua_newtable(L);
  for (const kl_account_fill *f = NULL; n < want.limit && (f = kl_account_fill_next(a, f));) {
    if ((lua_Number)f->ts_ms < want.min_ts * 1e3) break;
    if (want.ticker && strcmp(want.ticker, f->ticker) != 0) continue;
    if (want.order_id && strcmp(want.order_id, f->order_id) != 0) continue;
    push_fill(L, f, kl_account_orders(a));
    lua_rawseti(L, -2, ++n);
  }
  if (!n) kl_json_mark_empty_array(L);
  return 1;
}

int kl_account_fills_lua(lua_State *L) {
  static const char *const keys[] = {"ticker", "order_id", "limit", "min_ts"};
  kl_options_check(L, 1, fills, keys, 4, NULL);
  (void)read_filter(L); /* before anything is waited for */
  lua_settop(L, 1);
  return kl_account_answer(L, fills_answer);
}

/* ---- positions ---- */

static int positions_answer(lua_State *L, const kl_place *at, kl_account *a) {
  kl_desk *d = at->desk;
  if (d) kl_ledger_value(kl_desk_ledger(d));
  const char *ticker = kl_option_text(L, 1, "kalshi.positions", "ticker", ID_MAX);
  lua_Integer n = 0;
  lua_newtable(L);
  for (const kl_account_position *p = NULL; (p = kl_account_position_next(a, p));) {
    if (ticker && strcmp(ticker, p->ticker) != 0) continue;
    push_position(L, p, mark_of(d, p));
    lua_rawseti(L, -2, ++n);
  }
  if (!n) kl_json_mark_empty_array(L);
  return 1;
}

int kl_account_positions_lua(lua_State *L) {
  static const char *const keys[] = {"ticker"};
  kl_options_check(L, 1, "kalshi.positions", keys, 1, NULL);
  kl_option_text(L, 1, "kalshi.positions", "ticker", ID_MAX);
  lua_settop(L, 1);
  return kl_account_answer(L, positions_answer);
}

/* ---- balance ---- */

static int balance_answer(lua_State *L, const kl_place *at, kl_account *a) {
  (void)at;
  lua_pushnumber(L, kl_decimal_to_double(kl_account_balance_get(a).balance, KL_MONEY_PLACES));
  return 1;
}

int kl_account_balance_lua(lua_State *L) {
  kl_options_check(L, 1, "kalshi.balance", NULL, 0, NULL);
  return kl_account_answer(L, balance_answer);
}

/* ---- status ---- */

void kl_account_push_status(lua_State *L, kl_session *s) {
  kl_account_status status;
  kl_account_status_get(kl_session_account(s), &status);
  if (!status.loaded && !status.started) {
    lua_pushnil(L);
    return;
  }
  lua_createtable(L, 0, 6);
  lua_pushboolean(L, status.stale);
  lua_setfield(L, -2, "stale");
  if (status.age >= 0) {
    lua_pushnumber(L, status.age);
    lua_setfield(L, -2, "age");
  }
  kl_row_integer(L, "resting", (int64_t)status.resting);
  kl_row_integer(L, "fills", (int64_t)status.fills);
  kl_row_integer(L, "positions", (int64_t)status.positions);
  kl_row_integer(L, "reconciled", (int64_t)status.reconciled);
}
