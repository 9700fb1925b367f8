/* kalshi.book: a market's order book as a script sees it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "base/json_fields.h"
#include "bindings/book_handle.h"
#include "bindings/check.h"
#include "bindings/inspect.h"
#include "bindings/rest.h"
#include "script/guard.h"

/* ---- waiting ---- */

struct kl_book_wait {
  kl_wait wait;      /* first */
  kl_list link;      /* in the handle's waits */
  kl_book_handle *h; /* NULL once the handle's memory went */
  bool opening, opened, expired, timed;
  kl_slot slot;  /* of the timer */
  uint64_t seen; /* changes that the waiting one has seen */
  kl_timer timer;
};
typedef struct kl_book_wait book_wait;

static void handle_close(kl_book_handle *h);

static void wait_freed(uv_handle_t *t) { free(t->data); }

static void wait_drop(kl_wait *w) {
  book_wait *bw = (book_wait *)w;
  kl_list_remove(&bw->link);
  if (bw->opening && !bw->opened && bw->h) handle_close(bw->h); /* given up before the first snapshot */
  kl_slot_release(&bw->slot);
  if (bw->timed) {
    kl_timer_close(&bw->timer, wait_freed);
  } else if (bw->h && !bw->h->spare) {
    bw->h->spare = bw; /* the next one then allocates nothing */
  } else {
    free(bw);
  }
}

static void wait_describe(const kl_wait *w, kl_buf *out) {
  const book_wait *bw = (const book_wait *)w;
  kl_buf_printf(out, "%s %s", bw->opening ? "the first snapshot of" : "book", bw->h ? bw->h->ticker : "?");
  if (bw->timed) kl_wait_left(out, &bw->timer);
}

static void wait_expired(uv_timer_t *t) {
  book_wait *bw = t->data;
  bw->expired = true;
  kl_complete(&bw->wait);
}

static void on_changed(kl_book_watcher *w, kl_feed_book *b) {
  kl_book_handle *h = w->data;
  for (kl_list *n = h->waits.next; n != &h->waits; n = n->next) {
    book_wait *bw = KL_CONTAINER(n, book_wait, link);
    if (bw->opening ? b->ready || b->failed : kl_script_live(h->script)) kl_complete(&bw->wait);
  }
}

/* Raises what the feed said of a book that it gave up. */
static void raise_failed(lua_State *L, const kl_feed_book *b) {
  kl_error e = b->error;
  kl_raise(L, &e);
}

static int await_change(lua_State *L, kl_book_handle *h, double timeout, bool opening, uint64_t seen,
                        int (*push)(lua_State *, kl_wait *)) {
  kl_slot slot = {0};
  if (timeout >= 0) {
    kl_check_await(L);
    kl_slot_take(L, &slot, KL_SLOT_TIMER, "book:wait");
  }
  book_wait *bw = h->spare ? h->spare : malloc(sizeof *bw);
  if (!bw) {
    kl_slot_release(&slot);
    return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory to wait for the book of %s", h->ticker);
  }
  h->spare = NULL;
  memset(bw, 0, sizeof *bw);
  bw->wait.push = push;
  bw->wait.drop = wait_drop;
  bw->wait.describe = wait_describe;
  bw->wait.kind = opening ? KL_WAIT_START : KL_WAIT_EVENT;
  bw->h = h;
  bw->slot = slot;
  bw->opening = opening;
  bw->seen = seen;
  if (timeout >= 0) {
    kl_timer_init(kl_script_loop(kl_script_of(L)), &bw->timer, kl_script_clock(kl_script_of(L)));
    bw->timer.uv.data = bw;
    bw->timed = true;
    kl_timer_start(&bw->timer, wait_expired, (uint64_t)ceil(timeout * 1e3), 0); /* cannot fail: it is not closing */
  }
  kl_list_append(&h->waits, &bw->link);
  return kl_await(L, &bw->wait);
}

/* ---- life ---- */

static void handle_close(kl_book_handle *h) {
  if (h->adopted) {
    h->adopted = false;
    kl_script_disown(&h->member);
  }
  if (!h->book) return;
  kl_feed_book *b = h->book;
  h->book = NULL;
  kl_slot_release(&h->slot);
  kl_feed_unwatch(&h->watcher);
  kl_book_deltas_end(h);
  for (kl_list *n = h->waits.next; n != &h->waits; n = n->next)
    kl_complete(&KL_CONTAINER(n, book_wait, link)->wait);
  kl_feed_book_release(h->feed, b);
}

static void member_close(kl_member *m) {
  kl_book_handle *h = KL_CONTAINER(m, kl_book_handle, member);
  h->adopted = false; /* the scope has unlinked it */
  handle_close(h);
}

/* The version is live: who missed a change looks now. */
static void member_live(kl_member *m) {
  kl_book_handle *h = KL_CONTAINER(m, kl_book_handle, member);
  for (kl_list *n = h->waits.next; n != &h->waits; n = n->next) {
    book_wait *bw = KL_CONTAINER(n, book_wait, link);
    if (!bw->opening && (!h->book || h->book->failed || h->book->changes != bw->seen)) kl_complete(&bw->wait);
  }
}

static void member_describe(const kl_member *m, kl_buf *out) {
  const kl_book_handle *h = KL_CONTAINER(m, kl_book_handle, member);
  kl_json_field_str(out, "kind", "book");
  kl_json_field_str(out, "ticker", h->ticker);
  if (!h->book) return;
  kl_json_field_bool(out, "ready", h->book->ready);
  kl_json_field_bool(out, "stale", h->book->stale);
  if (h->book->failed) kl_json_field_str(out, "error", h->book->error.message);
  kl_json_field_int(out, "changes", (int64_t)h->book->changes);
  kl_json_key(out, "age");
  kl_buf_printf(out, "%.3f", h->book->ready ? kl_feed_book_age(h->feed, h->book) : 0.0);
}

static int l_close(lua_State *L) {
  handle_close(kl_check_self(L, KL_BOOK_META, "book", "close"));
  return 0;
}

static int l_gc(lua_State *L) {
  kl_book_handle *h = luaL_checkudata(L, 1, KL_BOOK_META);
  handle_close(h);
  while (!kl_list_empty(&h->waits)) {
    book_wait *bw = KL_CONTAINER(h->waits.next, book_wait, link);
    bw->h = NULL;
    kl_list_remove(&bw->link);
  }
  free(h->spare);
  h->spare = NULL;
  return 0;
}

static int push_opened(lua_State *L, kl_wait *w) { /* ticker handle */
  book_wait *bw = (book_wait *)w;
  kl_book_handle *h = bw->h;
  if (!h || !h->book) return kl_raise_coded(L, KL_ERR_CLOSED, "handle_closed", "the book was closed while it opened");
  if (h->book->failed) raise_failed(L, h->book); /* and the drop of the wait closes the handle */
  bw->opened = true;
  h->seen = h->book->changes;
  lua_settop(L, 2);
  return 1;
}

int kl_book_open_lua(lua_State *L) {
  if (lua_type(L, 1) != LUA_TSTRING) {
    return kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_type", "kalshi.book: the ticker must be a string, not %s",
                          luaL_typename(L, 1));
  }
  size_t n;
  const char *ticker = lua_tolstring(L, 1, &n);
  if (strlen(ticker) != n)
    return kl_raise_coded(L, KL_ERR_VALIDATION, "malformed_value", "kalshi.book: the ticker holds a zero byte");
  kl_error e;
  kl_place *at = kl_place_of(L);
  kl_script *s = kl_script_of(L);
  lua_settop(L, 1);
  kl_book_handle *h = lua_newuserdatauv(L, sizeof *h, 0); /* ticker handle */
  memset(h, 0, sizeof *h);
  kl_list_init(&h->waits);
  kl_list_init(&h->queues);
  h->script = s;
  h->member.close = member_close;
  h->member.live = member_live;
  h->member.describe = member_describe;
  h->feed = kl_session_feed(at->session);
  h->place = at;
  luaL_setmetatable(L, KL_BOOK_META);
  kl_slot_take(L, &h->slot, KL_SLOT_HANDLE, "kalshi.book");
  h->book = kl_feed_book_open(h->feed, ticker, &e);
  if (!h->book) {
    kl_slot_release(&h->slot);
    return kl_raise(L, &e);
  }
  memcpy(h->ticker, h->book->ticker, sizeof h->ticker);
  h->watcher.data = h;
  h->watcher.changed = on_changed;
  kl_feed_watch(h->book, &h->watcher);
  kl_script_adopt(s, &h->member);
  h->adopted = true;
  if (h->book->ready) {
    kl_check_cancelled(L);
    h->seen = h->book->changes;
    return 1;
  }
  return await_change(L, h, -1, true, 0, push_opened);
}

/* ---- arguments ---- */

kl_book_handle *kl_book_handle_check(lua_State *L, const char *method) {
  kl_book_handle *h = luaL_testudata(L, 1, KL_BOOK_META);
  if (!h) {
    kl_raise_coded(L, KL_ERR_VALIDATION, "called_with_dot", "book:%s: call it with a colon, on a book", method);
  } else if (!h->book) {
    kl_raise_coded(L, KL_ERR_CLOSED, "handle_closed", "book:%s: this book is closed", method);
  }
  return h;
}

static const kl_book *check(lua_State *L, const char *method) { return kl_book_handle_check(L, method)->book->book; }

kl_outcome kl_book_arg_side(lua_State *L, int idx, const char *method) {
  if (lua_isnoneornil(L, idx)) return KL_YES;
  const char *side = lua_type(L, idx) == LUA_TSTRING ? lua_tostring(L, idx) : NULL;
  if (side && !strcmp(side, "yes")) return KL_YES;
  if (side && !strcmp(side, "no")) return KL_NO;
  kl_raise_coded(L, KL_ERR_VALIDATION, "unknown_value", "book:%s: the side must be \"yes\" or \"no\", not %s", method,
                 side ? side : luaL_typename(L, idx));
  return KL_YES;
}

static double arg_number(lua_State *L, int idx, const char *method, const char *what) {
  if (lua_type(L, idx) != LUA_TNUMBER) {
    kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_type", "book:%s: the %s must be a number, not %s", method, what,
                   luaL_typename(L, idx));
  }
  return lua_tonumber(L, idx);
}

/* A price in dollars on the grid, from `least` to 1 - `least`. */
static kl_price arg_price(lua_State *L, int idx, const char *method, const char *what, kl_price least) {
  double v = arg_number(L, idx, method, what);
  int64_t price = 0;
  if (!kl_decimal_from_double(v, KL_PRICE_PLACES, &price)) {
    kl_raise_coded(L, KL_ERR_VALIDATION, "price_off_grid", "book:%s: %s %.14g is not a multiple of 0.0001 dollar",
                   method, what, v);
  }
  if (price < least || price > KL_PRICE_ONE - least) {
    kl_raise_coded(L, KL_ERR_VALIDATION, "price_out_of_range", "book:%s: %s %.14g is not between %s dollar", method,
                   what, v, least ? "0.0001 and 0.9999" : "0 and 1");
  }
  return price;
}

static size_t arg_levels(lua_State *L, int idx, const char *method, size_t none) {
  if (lua_isnoneornil(L, idx)) return none;
  int whole = 0;
  lua_Integer n = lua_type(L, idx) == LUA_TNUMBER ? lua_tointegerx(L, idx, &whole) : 0;
  if (!whole || n < 1) {
    kl_raise_coded(L, KL_ERR_VALIDATION, "out_of_range",
                   "book:%s: the number of levels must be a whole number of 1 or more, not %s", method,
                   lua_type(L, idx) == LUA_TNUMBER ? lua_tostring(L, idx) : luaL_typename(L, idx));
  }
  return (size_t)n;
}

static void push_price(lua_State *L, kl_price p) { lua_pushnumber(L, kl_decimal_to_double(p, KL_PRICE_PLACES)); }
static void push_count(lua_State *L, kl_count c) { lua_pushnumber(L, kl_decimal_to_double(c, KL_COUNT_PLACES)); }

/* ---- readers ---- */

static int push_best(lua_State *L, bool found, kl_price price, kl_count count) {
  if (!found) {
    lua_pushnil(L);
    return 1;
  }
  push_price(L, price);
  push_count(L, count);
  return 2;
}

static int l_best_bid(lua_State *L) {
  const kl_book *b = check(L, "best_bid");
  kl_price p = 0;
  kl_count c = 0;
  bool found = kl_book_best_bid(b, kl_book_arg_side(L, 2, "best_bid"), &p, &c);
  return push_best(L, found, p, c);
}

static int l_best_ask(lua_State *L) {
  const kl_book *b = check(L, "best_ask");
  kl_price p = 0;
  kl_count c = 0;
  bool found = kl_book_best_ask(b, kl_book_arg_side(L, 2, "best_ask"), &p, &c);
  return push_best(L, found, p, c);
}

static bool both_best(const kl_book *b, kl_outcome view, kl_price *bid, kl_price *ask) {
  kl_count c;
  return kl_book_best_bid(b, view, bid, &c) && kl_book_best_ask(b, view, ask, &c);
}

static int l_spread(lua_State *L) {
  const kl_book *b = check(L, "spread");
  kl_price bid = 0, ask = 0;
  if (both_best(b, kl_book_arg_side(L, 2, "spread"), &bid, &ask)) {
    push_price(L, ask - bid);
  } else {
    lua_pushnil(L);
  }
  return 1;
}

static int l_mid(lua_State *L) {
  const kl_book *b = check(L, "mid");
  kl_price bid = 0, ask = 0;
  if (both_best(b, kl_book_arg_side(L, 2, "mid"), &bid, &ask)) {
    lua_pushnumber(L, (double)(bid + ask) / (2.0 * KL_PRICE_ONE)); /* one rounding: half a step has no place */
  } else {
    lua_pushnil(L);
  }
  return 1;
}

static int l_microprice(lua_State *L) {
  const kl_book *b = check(L, "microprice");
  double dollars = 0;
  if (kl_book_microprice(b, kl_book_arg_side(L, 2, "microprice"), &dollars)) {
    lua_pushnumber(L, dollars);
  } else {
    lua_pushnil(L);
  }
  return 1;
}

static int l_imbalance(lua_State *L) {
  const kl_book *b = check(L, "imbalance");
  size_t levels = arg_levels(L, 2, "imbalance", 1);
  lua_pushnumber(L, kl_book_imbalance(b, kl_book_arg_side(L, 3, "imbalance"), levels));
  return 1;
}

typedef bool (*level_at)(const kl_book *b, kl_outcome view, size_t i, kl_price *price, kl_count *count);

static int push_levels(lua_State *L, const char *method, bool asks) {
  const kl_book *b = check(L, method);
  size_t n = arg_levels(L, 2, method, SIZE_MAX);
  kl_outcome view = kl_book_arg_side(L, 3, method);
  level_at at = asks ? kl_book_ask_at : kl_book_bid_at;
  size_t held = kl_book_levels(b, asks ? (view == KL_YES ? KL_NO : KL_YES) : view);
  if (n > held) n = held;
  lua_createtable(L, (int)n, 0);
  for (size_t i = 0; i < n; i++) {
    kl_price p = 0;
    kl_count c = 0;
    if (!at(b, view, i, &p, &c)) break;
    lua_createtable(L, 2, 0);
    push_price(L, p);
    lua_rawseti(L, -2, 1);
    push_count(L, c);
    lua_rawseti(L, -2, 2);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

static int l_bids(lua_State *L) { return push_levels(L, "bids", false); }
static int l_asks(lua_State *L) { return push_levels(L, "asks", true); }

static int l_count_at(lua_State *L) {
  const kl_book *b = check(L, "count_at");
  kl_price price = arg_price(L, 2, "count_at", "price", 1);
  push_count(L, kl_book_count_at(b, kl_book_arg_side(L, 3, "count_at"), price));
  return 1;
}

static int l_depth(lua_State *L) {
  const kl_book *b = check(L, "depth");
  kl_price within = arg_price(L, 2, "depth", "distance", 0);
  push_count(L, kl_book_depth(b, kl_book_arg_side(L, 3, "depth"), within));
  return 1;
}

static int l_levels(lua_State *L) {
  const kl_book *b = check(L, "levels");
  lua_pushinteger(L, (lua_Integer)kl_book_levels(b, kl_book_arg_side(L, 2, "levels")));
  return 1;
}

/* book:sweep("buy", count, side) --> average price, filled, worst price; nil, 0, nil where nothing is offered. */
static int l_sweep(lua_State *L) {
  const kl_book *b = check(L, "sweep");
  const char *what = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  bool buy = !strcmp(what, "buy");
  if (!buy && strcmp(what, "sell") != 0) {
    return kl_raise_coded(L, KL_ERR_VALIDATION, "missing_parameter",
                          "book:sweep: say \"buy\" or \"sell\" first, then the count");
  }
  double v = arg_number(L, 3, "sweep", "count");
  int64_t count = 0;
  if (!kl_decimal_from_double(v, KL_COUNT_PLACES, &count) || count <= 0) {
    return kl_raise_coded(L, KL_ERR_VALIDATION, "count_off_grid",
                          "book:sweep: count %.14g is not a positive multiple of 0.01 contract", v);
  }
  kl_outcome view = kl_book_arg_side(L, 4, "sweep");
  kl_count filled = 0;
  kl_money cost = 0;
  kl_price worst = 0;
  kl_book_sweep(b, view, buy, count, &filled, &cost, &worst);
  if (!filled) {
    lua_pushnil(L);
    lua_pushnumber(L, 0);
    lua_pushnil(L);
    return 3;
  }
  lua_pushnumber(L, (double)cost / (double)filled / KL_PRICE_ONE); /* 1e-6 dollar over 1e-2 contract */
  push_count(L, filled);
  push_price(L, worst);
  return 3;
}

/* ---- changes ---- */

static int push_waited(lua_State *L, kl_wait *w) {
  book_wait *bw = (book_wait *)w;
  kl_book_handle *h = bw->h;
  if (!h || !h->book) return kl_raise_coded(L, KL_ERR_CLOSED, "handle_closed", "book:wait: this book is closed");
  if (h->book->failed) raise_failed(L, h->book);
  lua_pushboolean(L, h->book->changes != h->seen || !bw->expired);
  h->seen = h->book->changes;
  return 1;
}

static int l_wait(lua_State *L) {
  kl_book_handle *h = kl_book_handle_check(L, "wait");
  double timeout = -1;
  if (!lua_isnoneornil(L, 2)) {
    timeout = arg_number(L, 2, "wait", "timeout");
    if (!(timeout >= 0 && timeout <= 1e6)) {
      return kl_raise_coded(L, KL_ERR_VALIDATION, "out_of_range",
                            "book:wait: the timeout must be 0 to 1,000,000 seconds, not %.14g", timeout);
    }
  }
  if (h->book->failed) raise_failed(L, h->book);
  if (h->book->changes != h->seen && kl_script_live(h->script)) {
    kl_check_cancelled(L);
    h->seen = h->book->changes;
    lua_pushboolean(L, 1);
    return 1;
  }
  return await_change(L, h, timeout, false, h->seen, push_waited);
}

/* The next of book:changes(). Upvalue 1 is what it has seen, so that loops do not take changes from each other; upvalue
 * 2 the book, so that the iterator may also be called by hand. */
static int push_changed(lua_State *L, kl_wait *w) {
  kl_book_handle *h = ((book_wait *)w)->h;
  if (!h || !h->book) return 0; /* closed: the loop ends */
  if (h->book->failed) raise_failed(L, h->book);
  lua_pushinteger(L, (lua_Integer)h->book->changes);
  lua_replace(L, lua_upvalueindex(1));
  lua_pushvalue(L, lua_upvalueindex(2));
  return 1;
}

static int l_next_change(lua_State *L) {
  kl_book_handle *h = luaL_checkudata(L, lua_upvalueindex(2), KL_BOOK_META);
  book_wait now = {.h = h};
  uint64_t seen = (uint64_t)lua_tointeger(L, lua_upvalueindex(1));
  lua_settop(L, 0);
  if (!h->book || h->book->failed || (seen != h->book->changes && kl_script_live(h->script))) {
    kl_check_cancelled(L);
    return push_changed(L, &now.wait);
  }
  return await_change(L, h, -1, false, seen, push_changed);
}

/* The first turn comes at once, with the book as it is. */
static int l_changes(lua_State *L) {
  kl_book_handle_check(L, "changes");
  lua_pushinteger(L, -1);
  lua_pushvalue(L, 1);
  lua_pushcclosure(L, l_next_change, 2);
  return 1;
}

/* ---- fields ---- */

/* Upvalue 1 has the methods. `ts` is nil until a message carried the exchange's time. */
static int l_index(lua_State *L) {
  kl_book_handle *h = luaL_checkudata(L, 1, KL_BOOK_META);
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL || lua_type(L, 2) != LUA_TSTRING) return 1;
  const char *name = lua_tostring(L, 2);
  if (!strcmp(name, "ticker")) {
    lua_pushstring(L, h->ticker);
    return 1;
  }
  static const char *const names[] = {"seq", "ts", "stale", "age"};
  size_t i = 0;
  while (i < 4 && strcmp(name, names[i]) != 0)
    i++;
  if (i == 4) return 1;
  if (!h->book) return kl_raise_coded(L, KL_ERR_CLOSED, "handle_closed", "book.%s: this book is closed", name);
  const kl_feed_book *b = h->book;
  switch (i) {
  case 0:
    lua_pushinteger(L, (lua_Integer)b->seq);
    break;
  case 1:
    if (!b->ts_ms) return 1;
    lua_pushnumber(L, (double)b->ts_ms / 1e3);
    break;
  case 2:
    lua_pushboolean(L, b->stale);
    break;
  default:
    lua_pushnumber(L, kl_feed_book_age(h->feed, b));
    break;
  }
  return 1;
}

static size_t level_text(char *out, size_t cap, bool found, kl_price price, kl_count count) {
  if (!found) return (size_t)snprintf(out, cap, "-");
  char p[32], c[32];
  kl_decimal_format(p, sizeof p, price, KL_PRICE_PLACES);
  kl_decimal_format(c, sizeof c, count, KL_COUNT_PLACES);
  return (size_t)snprintf(out, cap, "%s x %s", p, c);
}

static int l_tostring(lua_State *L) {
  kl_book_handle *h = luaL_checkudata(L, 1, KL_BOOK_META);
  if (!h->book) {
    lua_pushfstring(L, "book %s (closed)", h->ticker);
    return 1;
  }
  char bid[80], ask[80];
  kl_price p = 0;
  kl_count c = 0;
  bool found = kl_book_best_bid(h->book->book, KL_YES, &p, &c);
  level_text(bid, sizeof bid, found, p, c);
  found = kl_book_best_ask(h->book->book, KL_YES, &p, &c);
  level_text(ask, sizeof ask, found, p, c);
  lua_pushfstring(L, "book %s %s / %s%s", h->ticker, bid, ask, h->book->stale ? " (stale)" : "");
  return 1;
}

void kl_book_register(lua_State *L) {
  static const luaL_Reg meta[] = {
      {"__gc", l_gc}, {"__close", l_close}, {"__tostring", l_tostring}, {"__picture", kl_book_picture}, {NULL, NULL}};
  static const luaL_Reg methods[] = {{"best_bid", l_best_bid},
                                     {"best_ask", l_best_ask},
                                     {"spread", l_spread},
                                     {"mid", l_mid},
                                     {"microprice", l_microprice},
                                     {"imbalance", l_imbalance},
                                     {"bids", l_bids},
                                     {"asks", l_asks},
                                     {"count_at", l_count_at},
                                     {"depth", l_depth},
                                     {"levels", l_levels},
                                     {"sweep", l_sweep},
                                     {"wait", l_wait},
                                     {"changes", l_changes},
                                     {"deltas", kl_book_deltas_lua},
                                     {"on_delta", kl_book_on_delta_lua},
                                     {"close", l_close},
                                     {NULL, NULL}};
  static const char *const fields[] = {"ticker", "string",  "seq", "number", "ts", "number",
                                       "stale",  "boolean", "age", "number", NULL};
  luaL_newmetatable(L, KL_BOOK_META); /* mt */
  luaL_setfuncs(L, meta, 0);
  kl_guard_allow_fields(L, -1, "__tostring");
  kl_set_fields(L, methods, fields);
  luaL_newlib(L, methods); /* mt methods */
  kl_guard_allow_fields(
      L, -1, "best_bid best_ask spread mid microprice imbalance bids asks count_at depth levels sweep"); /* no `wait` */
  lua_pushcclosure(L, l_index, 1);
  kl_guard_allow(L, -1);
  lua_setfield(L, -2, "__index"); /* mt */
  lua_pushliteral(L, KL_BOOK_META);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
  kl_book_deltas_register(L);
}
