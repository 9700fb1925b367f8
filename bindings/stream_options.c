/* The arguments of kalshi.subscribe. */
#include <limits.h>
#include <string.h>

#include "bindings/stream_options.h"
#include "script/script.h"

#define WHERE "kalshi.subscribe"

const char *const *kl_stream_strings(lua_State *L, int idx, const char *what) {
  if (lua_type(L, idx) != LUA_TTABLE) {
    kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_type", "%s must be a list of strings, not %s", what,
                   luaL_typename(L, idx));
  }
  size_t n = lua_rawlen(L, idx), keys = 0;
  for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1))
    keys++;
  if (keys != n)
    kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_type", "%s must be a list: a table with the keys 1 to n", what);
  const char **list = lua_newuserdatauv(L, (n + 1) * sizeof *list, 0);
  for (size_t i = 0; i < n; i++) {
    if (lua_rawgeti(L, idx, (lua_Integer)i + 1) != LUA_TSTRING) {
      kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_type", "%s[%d] must be a string, not %s", what, (int)i + 1,
                     luaL_typename(L, -1));
    }
    size_t length;
    list[i] = lua_tolstring(L, -1, &length);
    if (strlen(list[i]) != length)
      kl_raise_coded(L, KL_ERR_VALIDATION, "malformed_value", "%s[%d] holds a zero byte", what, (int)i + 1);
    lua_pop(L, 1);
  }
  list[n] = NULL;
  return list;
}

/* What selects, in a list or alone. */
static const struct {
  const char *list, *one;
  kl_feed_key key;
} selectors[] = {
    {"market_tickers", "market_ticker", KL_KEY_TICKER},
    {"market_ids", "market_id", KL_KEY_MARKET_ID},
    {"index_ids", NULL, KL_KEY_INDEX},
    {"underlying_tickers", NULL, KL_KEY_UNDERLYING},
};
enum { N_SELECTORS = sizeof selectors / sizeof selectors[0] };

static const char *const options[] = {"channels",
                                      "market_tickers",
                                      "market_ticker",
                                      "market_ids",
                                      "market_id",
                                      "index_ids",
                                      "underlying_tickers",
                                      "send_initial_snapshot",
                                      "use_yes_price",
                                      "user_filter",
                                      "shard_factor",
                                      "shard_key",
                                      "raw"};

static void check_keys(lua_State *L, int idx) {
  const size_t n = sizeof options / sizeof *options;
  for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
    const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
    size_t i = 0;
    while (key && i < n && strcmp(options[i], key) != 0)
      i++;
    if (key && i < n) continue;
    const char *near = key ? kl_nearest(key, options, n) : NULL;
    kl_raise_coded(L, KL_ERR_VALIDATION, "unknown_option", WHERE ": there is no option %s%s%s%s",
                   key ? key : "without a name", near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
  }
}

/* Takes KL_STREAM_STATUS out of the list. */
static bool check_channels(lua_State *L, const char **channels) {
  size_t known = 0, kept = 0;
  bool status = false;
  while (kl_channels[known])
    known++;
  if (!channels[0]) kl_raise_coded(L, KL_ERR_VALIDATION, "missing_parameter", WHERE ": channels is empty");
  for (size_t k = 0; channels[k]; k++) {
    if (!strcmp(channels[k], KL_STREAM_STATUS)) {
      status = true;
      continue;
    }
    size_t i = 0;
    while (i < known && strcmp(kl_channels[i], channels[k]) != 0)
      i++;
    if (i == known) {
      const char *near = kl_nearest(channels[k], kl_channels, known);
      kl_raise_coded(L, KL_ERR_VALIDATION, "unknown_channel", WHERE ": there is no channel \"%s\"%s%s%s", channels[k],
                     near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    channels[kept++] = channels[k];
  }
  channels[kept] = NULL;
  return status;
}

/* The key by which a channel is chosen when nothing is chosen. */
static kl_feed_key key_of(const char *channel) {
  const kl_channel *known = channel ? kl_channel_find(channel) : NULL;
  return known ? known->key : KL_KEY_TICKER;
}

static void read_selectors(lua_State *L, int idx, kl_stream_options *out) {
  const char *given = NULL;
  for (size_t i = 0; i < N_SELECTORS; i++) {
    const char *names[] = {selectors[i].list, selectors[i].one};
    for (size_t k = 0; k < 2 && names[k]; k++) {
      if (lua_getfield(L, idx, names[k]) == LUA_TNIL) {
        lua_pop(L, 1);
        continue;
      }
      if (given)
        kl_raise_coded(L, KL_ERR_VALIDATION, "contradicting_options", WHERE ": %s or %s, not both", given, names[k]);
      given = names[k];
      out->o.key = selectors[i].key;
      if (k == 1) {
        if (lua_type(L, -1) != LUA_TSTRING)
          kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_type", WHERE ": %s must be a string", names[k]);
        out->one[0] = lua_tostring(L, -1); /* anchored in the options */
        out->o.tickers = out->one;
        continue;
      }
      lua_pushfstring(L, WHERE ": %s", names[k]);
      out->o.tickers = kl_stream_strings(L, lua_gettop(L) - 1, lua_tostring(L, -1));
      if (!out->o.tickers[0] && i < 2) {
        kl_raise_coded(L, KL_ERR_VALIDATION, "missing_parameter", WHERE ": %s is empty; leave it out for all markets",
                       names[k]);
      }
    }
  }
  if (!given) out->o.key = key_of(out->o.channels[0]);
}

/* A flag; `none` where the option is absent. */
static bool read_flag(lua_State *L, int idx, const char *name, bool none) {
  int type = lua_getfield(L, idx, name);
  if (type != LUA_TNIL && type != LUA_TBOOLEAN) {
    kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_type", WHERE ": %s must be true or false", name);
  }
  bool v = type == LUA_TNIL ? none : lua_toboolean(L, -1);
  lua_pop(L, 1);
  return v;
}

static bool read_whole(lua_State *L, int idx, const char *name, int *out) {
  int whole = 0;
  int type = lua_getfield(L, idx, name);
  lua_Integer v = lua_tointegerx(L, -1, &whole);
  lua_pop(L, 1);
  if (type == LUA_TNIL) return false;
  if (type != LUA_TNUMBER || !whole || v < 0 || v > INT_MAX) {
    kl_raise_coded(L, KL_ERR_VALIDATION, "out_of_range", WHERE ": %s must be a whole number of 0 or more", name);
  }
  *out = (int)v;
  return true;
}

static void read_shard(lua_State *L, int idx, kl_feed_sub_options *o) {
  bool factor = read_whole(L, idx, "shard_factor", &o->shard_factor);
  bool key = read_whole(L, idx, "shard_key", &o->shard_key);
  if (factor != key || (factor && !o->shard_factor)) {
    kl_raise_coded(L, KL_ERR_VALIDATION, "contradicting_options",
                   WHERE ": shard_factor (1 to 100) and shard_key (0 to less than it) go together");
  }
}

void kl_stream_options_read(lua_State *L, int idx, kl_stream_options *out) {
  memset(out, 0, sizeof *out);
  if (lua_type(L, idx) != LUA_TTABLE) {
    kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_arguments",
                   WHERE " takes one table: {channels = {\"trade\"}, market_tickers = {…}}");
  }
  check_keys(L, idx);
  lua_getfield(L, idx, "channels");
  out->o.channels = kl_stream_strings(L, lua_gettop(L), WHERE ": channels");
  out->status = check_channels(L, (const char **)(uintptr_t)out->o.channels);
  read_selectors(L, idx, out);
  out->o.send_initial_snapshot = read_flag(L, idx, "send_initial_snapshot", false);
  out->o.no_levels_in_no_prices = !read_flag(L, idx, "use_yes_price", true);
  read_shard(L, idx, &out->o);
  int type = lua_getfield(L, idx, "raw");
  out->raw = type == LUA_TSTRING && !strcmp(lua_tostring(L, -1), "text");
  if (type != LUA_TNIL && !out->raw) {
    kl_raise_coded(L, KL_ERR_VALIDATION, "unknown_value",
                   WHERE ": raw must be \"text\" where it is given: messages as the exchange sent them");
  }
  type = lua_getfield(L, idx, "user_filter");
  const char *filter = type == LUA_TSTRING ? lua_tostring(L, -1) : type == LUA_TNIL ? "" : "?";
  if (*filter && strcmp(filter, "self") != 0) {
    kl_raise_coded(L, KL_ERR_VALIDATION, "unknown_value", WHERE ": user_filter must be \"self\" where it is given");
  }
  out->o.only_own_rfqs = *filter != '\0';
  if (out->status && !out->o.channels[0] && out->o.tickers) {
    kl_raise_coded(L, KL_ERR_VALIDATION, "contradicting_options",
                   WHERE ": channel " KL_STREAM_STATUS " is about the connection, not about markets");
  }
}
