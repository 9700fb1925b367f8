/* Module `prompt.catalog`: what the exchange offers, as data and without a session, for completion and help. */
#include "bindings/bindings.h"
#include "bindings/describe.h"
#include "kalshi/channels.h"

static const char *const filters[] = {
    [KL_FILTER_NONE] = "none", [KL_FILTER_OPTIONAL] = "optional", [KL_FILTER_REQUIRED] = "required"};

static void set_text(lua_State *L, const char *key, const char *value) {
  lua_pushstring(L, value);
  lua_setfield(L, -2, key);
}

/* catalog.channels() -> { {name, about, filter, key}, … }: the channels of the feed. `filter` is "none", "optional" or
 * "required": whether one is chosen by a list of what `key` names, as "market_tickers". */
static int l_channels(lua_State *L) {
  lua_createtable(L, (int)kl_channel_count, 0);
  for (size_t i = 0; i < kl_channel_count; i++) {
    const kl_channel *c = &kl_channel_table[i];
    lua_createtable(L, 0, 4);
    set_text(L, "name", c->name);
    set_text(L, "about", c->about);
    set_text(L, "filter", filters[c->filter]);
    set_text(L, "key", kl_feed_key_words[c->key].param);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

int luaopen_kl_prompt_catalog(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"operations", kl_operations_lua}, {"describe", kl_describe_lua}, {"channels", l_channels}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
