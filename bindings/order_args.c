/* What kalshi.order and o:amend are given, read and checked before anything is sent. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/decimal.h"
#include "bindings/options.h"
#include "bindings/order.h"
#include "bindings/sessions.h"
#include "script/script.h"

static const char place[] = "kalshi.order";

static const char *const keys[] = {"ticker",
                                   "side",
                                   "action",
                                   "price",
                                   "count",
                                   "time_in_force",
                                   "post_only",
                                   "reduce_only",
                                   "self_trade_prevention_type",
                                   "cancel_order_on_pause",
                                   "expiration",
                                   "expires_in",
                                   "subaccount",
                                   "order_group_id",
                                   "client_order_id",
                                   "lease",
                                   "sync",
                                   "wait"};

static const kl_option_slip slips[] = {
    {"yes_price", NULL, "give `price` with side = \"yes\""},
    {"no_price", NULL, "give `price` with side = \"no\""},
    {"yes_price_dollars", NULL, "give `price` with side = \"yes\""},
    {"no_price_dollars", NULL, "give `price` with side = \"no\""},
    {"type", NULL, "every order is a limit order; to take what is there, time_in_force = \"ioc\" or orders.take"},
    {"limit", "price", NULL},
    {"limit_price", "price", NULL},
    {"size", "count", NULL},
    {"qty", "count", NULL},
    {"quantity", "count", NULL},
    {"amount", "count", NULL},
    {"contracts", "count", NULL},
    {"market", "ticker", NULL},
    {"market_ticker", "ticker", NULL},
    {"symbol", "ticker", NULL},
    {"tif", "time_in_force", NULL},
    {"stp", "self_trade_prevention_type", NULL},
    {"expiration_time", "expiration", NULL},
    {"expiration_ts", "expiration", NULL},
    {"expires", "expiration", NULL},
    {"client_id", "client_order_id", NULL},
    {"group", "order_group_id", NULL},
    {"group_id", "order_group_id", NULL},
    {NULL, NULL, NULL}};

/* One of these words, by its place; `none` where the option is absent. */
static int choice(lua_State *L, const char *name, const char *const *words, int n, int none) {
  const char *s = kl_option_text(L, 1, place, name, 64);
  if (!s) return none;
  for (int i = 0; i < n; i++)
    if (!strcmp(s, words[i])) return i;
  const char *near = kl_nearest(s, words, (size_t)n);
  char list[128] = "";
  size_t len = 0;
  for (int i = 0; i < n && len < sizeof list; i++)
    len += (size_t)snprintf(list + len, sizeof list - len, "%s\"%s\"", i ? (i + 1 < n ? ", " : " or ") : "", words[i]);
  if (near)
    kl_raise_coded(L, KL_ERR_VALIDATION, "unknown_value", "%s: %s must be %s; did you mean \"%s\"?", place, name, list,
                   near);
  return kl_raise_coded(L, KL_ERR_VALIDATION, "unknown_value", "%s: %s must be %s, not \"%.20s\"", place, name, list,
                        s);
}

/* ---- price ---- */

/* What somebody may have meant who wrote that as a price, for the message. */
static void check_price(lua_State *L, const char *function, kl_price price) {
  if (price > 0 && price < KL_PRICE_ONE) return;
  char is[32], cents[32];
  kl_decimal_short(is, price, KL_PRICE_PLACES, 0);
  if (price >= KL_PRICE_ONE && price < 100 * (kl_price)KL_PRICE_ONE && price % KL_PRICE_ONE == 0) {
    kl_decimal_short(cents, price / 100, KL_PRICE_PLACES, 2);
    kl_raise_coded(L, KL_ERR_VALIDATION, "price_out_of_range",
                   "%s: price must be above 0 and below 1 dollar, not %s: %s cents are %s", function, is, is, cents);
  }
  kl_raise_coded(L, KL_ERR_VALIDATION, "price_out_of_range", "%s: price must be above 0 and below 1 dollar, not %s",
                 function, is);
}

/* NULL where it is not known yet. */
static const kl_market_info *market_of(const kl_place *at, const char *ticker) {
  const kl_market_infos *markets = at->desk ? kl_desk_markets(at->desk) : NULL;
  return markets ? kl_market_info_get(markets, ticker) : NULL;
}

static int raise_off_grid(lua_State *L, const char *function, const char *price, const kl_market_info *info,
                          bool on_no) {
  char steps[KL_INFO_STEPS];
  kl_market_info_steps(info, steps);
  return kl_raise_coded(L, KL_ERR_VALIDATION, "price_off_grid",
                        "%s: price %s is off the grid of %s, whose steps are %s%s", function, price, info->ticker,
                        steps, on_no ? " of YES" : "");
}

void kl_order_check_grid(lua_State *L, const kl_place *at, const char *function, const char *ticker, kl_price yes_price,
                         bool on_no) {
  const kl_market_info *info = market_of(at, ticker);
  char price[32];
  if (!info || kl_market_info_on_grid(info, yes_price)) return;
  kl_decimal_short(price, on_no ? KL_PRICE_ONE - yes_price : yes_price, KL_PRICE_PLACES, 2);
  raise_off_grid(L, function, price, info, on_no);
}

/* The option `price`; false where it is absent. One between two prices of any market is told with the steps of this
 * one.
 */
static bool read_price_option(lua_State *L, const kl_place *at, int idx, const char *function, const char *ticker,
                              bool on_no, kl_price *out) {
  const kl_market_info *info = lua_getfield(L, idx, "price") == LUA_TNUMBER ? market_of(at, ticker) : NULL;
  double given = info ? lua_tonumber(L, -1) : 0;
  lua_pop(L, 1);
  if (info && given > 0 && given < 1 && !kl_decimal_from_double(given, KL_PRICE_PLACES, out)) {
    char text[40];
    snprintf(text, sizeof text, "%.15g", given);
    raise_off_grid(L, function, text, info, on_no);
  }
  return kl_option_fixed(L, idx, function, "price", KL_PRICE_PLACES, out);
}

/* ---- what it is ---- */

/* Side and action as people say them, to a side of the YES leg: who buys NO at q asks at 1 - q. */
static void read_direction(lua_State *L, kl_order_intent *i) {
  enum { YES, NO, BID, ASK };
  static const char *const sides[] = {"yes", "no", "bid", "ask"}, *const actions[] = {"buy", "sell"};
  int side = choice(L, "side", sides, 4, -1), action = choice(L, "action", actions, 2, -1);
  if (side < 0)
    kl_raise_coded(
        L, KL_ERR_VALIDATION, "missing_parameter",
        "%s: side is missing: \"yes\" or \"no\" with action \"buy\" (unless given) or \"sell\", or \"bid\" or "
        "\"ask\" for YES",
        place);
  if (side >= BID && action >= 0)
    kl_raise_coded(
        L, KL_ERR_VALIDATION, "contradicting_options",
        "%s: side \"%s\" says already that YES is %s; leave action out, or say side = \"yes\" or \"no\" with it", place,
        sides[side], side == BID ? "bought" : "sold");
  bool sell = side == ASK || action == 1;
  i->on_no = side == NO;
  i->side = sell != i->on_no ? KL_ASK : KL_BID;
}

/* Both prices of a contract make a dollar: who reads the book of YES and buys NO may have one in mind for the other,
 * but only he can tell. What is certainly wrong is told with both. */
static void read_price(lua_State *L, const kl_place *at, kl_order_intent *i) {
  kl_price price = 0;
  if (!read_price_option(L, at, 1, place, i->ticker, i->on_no, &price))
    kl_raise_coded(L, KL_ERR_VALIDATION, "missing_parameter", "%s: price is missing: dollars for a contract of %s",
                   place, i->on_no ? "NO, since side is \"no\"" : "YES");
  check_price(L, place, price);
  i->yes_price = i->on_no ? KL_PRICE_ONE - price : price;
  kl_order_check_grid(L, at, place, i->ticker, i->yes_price, i->on_no);
}

static void read_count(lua_State *L, kl_order_intent *i) {
  if (!kl_option_fixed(L, 1, place, "count", KL_COUNT_PLACES, &i->count))
    kl_raise_coded(L, KL_ERR_VALIDATION, "missing_parameter", "%s: count is missing: how many contracts", place);
  char is[32];
  kl_decimal_short(is, i->count, KL_COUNT_PLACES, 2);
  if (i->count <= 0)
    kl_raise_coded(L, KL_ERR_VALIDATION, "count_out_of_range", "%s: count must be above 0, not %s", place, is);
  /* Times a price of one dollar it must still be money. */
  if (i->count > INT64_MAX / KL_PRICE_ONE / 16)
    kl_raise_coded(L, KL_ERR_VALIDATION, "count_out_of_range", "%s: count %s is more than any market has", place, is);
}

/* ---- how long ---- */

static double exchange_now(lua_State *L, const kl_place *at) {
  kl_session_stats stats;
  kl_session_stats_get(kl_account_session(at), &stats);
  return (double)(kl_wall_ms(kl_script_clock(kl_script_of(L))) + (stats.clock_known ? stats.clock_offset_ms : 0)) / 1e3;
}

static void read_times(lua_State *L, const kl_place *whose, kl_order_intent *i) {
  static const char *const forces[] = {
      "good_till_canceled", "immediate_or_cancel", "fill_or_kill", "gtc", "ioc", "fok"};
  i->tif = (kl_desk_tif)(choice(L, "time_in_force", forces, 6, 0) % 3);
  lua_Number at = 0, in = 0, lease = 0;
  bool has_at = kl_option_number(L, 1, place, "expiration", 0, 1e15, &at);
  bool has_in = kl_option_number(L, 1, place, "expires_in", 1, 1e9, &in);
  bool has_lease = kl_option_number(L, 1, place, "lease", KL_LEASE_LEAST, KL_LEASE_MOST, &lease);
  const char *limited = has_at ? "expiration" : has_in ? "expires_in" : has_lease ? "lease" : NULL;
  if (has_at && has_in)
    kl_raise_coded(L, KL_ERR_VALIDATION, "contradicting_options", "%s: give either expiration or expires_in", place);
  if (has_lease && (has_at || has_in))
    kl_raise_coded(L, KL_ERR_VALIDATION, "contradicting_options",
                   "%s: a lease is an expiration that is moved on and on: leave %s out", place, limited);
  if (limited && i->tif != KL_DESK_GTC)
    kl_raise_coded(L, KL_ERR_VALIDATION, "never_rests",
                   "%s: %s with time_in_force \"%s\": such an order never rests, so it cannot expire", place, limited,
                   kl_desk_tif_name(i->tif));
  if (i->post_only && i->tif != KL_DESK_GTC)
    kl_raise_coded(L, KL_ERR_VALIDATION, "never_rests",
                   "%s: post_only with time_in_force \"%s\": the one never takes, the other never rests", place,
                   kl_desk_tif_name(i->tif));
  double now = has_at || has_in ? exchange_now(L, whose) : 0;
  if (has_at && at > 1e11)
    kl_raise_coded(L, KL_ERR_VALIDATION, "expiration_wrong",
                   "%s: expiration %.15g is too far away; it is in seconds since 1970, not ms", place, at);
  if (has_at && floor(at) <= now)
    kl_raise_coded(L, KL_ERR_VALIDATION, "expiration_wrong",
                   "%s: expiration %.15g is %.0f s ago; it is in seconds since 1970, expires_in counts from now", place,
                   at, now - floor(at));
  if (has_at) i->expiration_s = (int64_t)floor(at);
  if (has_in) i->expiration_s = (int64_t)ceil(now + in);
  if (has_lease) i->lease_s = lease;
}

/* ---- all of it ---- */

void kl_order_wish_read(lua_State *L, kl_order_wish *out) {
  static const char *const preventions[] = {"taker_at_cross", "maker"};
  kl_order_intent *i = &out->intent;
  kl_place *at = out->place;
  *out = (kl_order_wish){.place = at};
  kl_options_check(L, 1, place, keys, sizeof keys / sizeof *keys, slips);
  i->ticker = kl_option_text(L, 1, place, "ticker", sizeof((kl_desk_order *)0)->ticker);
  if (!i->ticker)
    kl_raise_coded(L, KL_ERR_VALIDATION, "missing_parameter", "%s: ticker is missing: which market", place);
  read_direction(L, i);
  read_price(L, at, i);
  read_count(L, i);
  i->post_only = kl_option_flag(L, 1, place, "post_only", false);
  i->reduce_only = kl_option_flag(L, 1, place, "reduce_only", false);
  i->cancel_on_pause = kl_option_flag(L, 1, place, "cancel_order_on_pause", false);
  i->sync = kl_option_flag(L, 1, place, "sync", false);
  out->wait = kl_option_flag(L, 1, place, "wait", true);
  read_times(L, at, i);
  i->stp_maker = choice(L, "self_trade_prevention_type", preventions, 2, 0) == 1;
  lua_Integer subaccount = 0;
  i->has_subaccount = kl_option_integer(L, 1, place, "subaccount", 0, 63, &subaccount);
  i->subaccount = (int32_t)subaccount;
  i->group_id = kl_option_text(L, 1, place, "order_group_id", sizeof((kl_desk_order *)0)->group_id);
  i->client_id = kl_option_text(L, 1, place, "client_order_id", sizeof((kl_desk_order *)0)->client_id);
}

void kl_order_change_read(lua_State *L, const kl_order_handle *h, kl_price *yes_price, kl_count *total) {
  const kl_desk_order *o = h->order;
  static const char amend[] = "order:amend";
  static const char *const names[] = {"price", "count"};
  static const kl_option_slip words[] = {
      {"yes_price", NULL, "give `price`, in the terms in which the order was placed"},
      {"no_price", NULL, "give `price`, in the terms in which the order was placed"},
      {"size", "count", NULL},
      {"total", "count", NULL},
      {"remaining", NULL, "count is the whole size: what has filled and what is to be left"},
      {"remaining_count", NULL, "count is the whole size: what has filled and what is to be left"},
      {NULL, NULL, NULL}};
  kl_options_check(L, 2, amend, names, 2, words);
  *yes_price = 0;
  *total = 0;
  kl_price price = 0;
  if (read_price_option(L, h->place, 2, amend, o->ticker, o->on_no, &price)) {
    check_price(L, amend, price);
    *yes_price = kl_order_terms(o, price);
    kl_order_check_grid(L, h->place, amend, o->ticker, *yes_price, o->on_no);
  }
  if (kl_option_fixed(L, 2, amend, "count", KL_COUNT_PLACES, total)) {
    char wanted[32], filled[32];
    kl_decimal_short(wanted, *total, KL_COUNT_PLACES, 0);
    kl_decimal_short(filled, kl_order_filled(o), KL_COUNT_PLACES, 0);
    if (*total <= 0)
      kl_raise_coded(L, KL_ERR_VALIDATION, "count_out_of_range", "%s: count must be above 0, not %s: to end it, cancel",
                     amend, wanted);
    if (*total <= kl_order_filled(o))
      kl_raise_coded(L, KL_ERR_VALIDATION, "count_out_of_range",
                     "%s: count %s is the whole size, of which %s have filled already: to end the order, cancel it",
                     amend, wanted, filled);
  } else if (!price) {
    kl_raise_coded(L, KL_ERR_VALIDATION, "missing_parameter", "%s: say what changes: price, count or both", amend);
  }
}
