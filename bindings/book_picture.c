/* What the prompt shows of a book: see prompt/portrait.h. */
#include "base/decimal.h"
#include "bindings/book_handle.h"

enum { SHOWN = 10 /* levels of each side */ };

typedef bool (*level_at)(const kl_book *b, kl_outcome view, size_t i, kl_price *price, kl_count *count);

static void set_number(lua_State *L, const char *name, int64_t v, int places) {
  lua_pushnumber(L, kl_decimal_to_double(v, places));
  lua_setfield(L, -2, name);
}

/* The best levels of a side as { {price, count}, … }, into the table at the top. */
static void set_levels(lua_State *L, const char *name, const kl_book *b, level_at at) {
  kl_price price;
  kl_count count;
  lua_newtable(L);
  for (size_t i = 0; i < SHOWN && at(b, KL_YES, i, &price, &count); i++) {
    lua_createtable(L, 2, 0);
    lua_pushnumber(L, kl_decimal_to_double(price, KL_PRICE_PLACES));
    lua_rawseti(L, -2, 1);
    lua_pushnumber(L, kl_decimal_to_double(count, KL_COUNT_PLACES));
    lua_rawseti(L, -2, 2);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_setfield(L, -2, name);
}

int kl_book_picture(lua_State *L) {
  const kl_book_handle *h = lua_touserdata(L, 1);
  luaL_checkstack(L, 6, NULL);
  lua_newtable(L);
  lua_pushliteral(L, "book");
  lua_setfield(L, -2, "type");
  lua_pushstring(L, h->ticker);
  lua_setfield(L, -2, "ticker");
  lua_pushboolean(L, !h->book);
  lua_setfield(L, -2, "closed");
  if (!h->book) return 1;
  const kl_feed_book *f = h->book;
  const kl_book *b = f->book;
  set_levels(L, "bids", b, kl_book_bid_at);
  set_levels(L, "asks", b, kl_book_ask_at);
  lua_pushinteger(L, (lua_Integer)kl_book_levels(b, KL_YES));
  lua_setfield(L, -2, "bid_levels");
  lua_pushinteger(L, (lua_Integer)kl_book_levels(b, KL_NO));
  lua_setfield(L, -2, "ask_levels");
  set_number(L, "bid_count", kl_book_depth(b, KL_YES, KL_PRICE_ONE), KL_COUNT_PLACES);
  set_number(L, "ask_count", kl_book_depth(b, KL_NO, KL_PRICE_ONE), KL_COUNT_PLACES);
  lua_pushinteger(L, (lua_Integer)f->seq);
  lua_setfield(L, -2, "seq");
  if (f->ts_ms) {
    lua_pushnumber(L, (double)f->ts_ms / 1e3);
    lua_setfield(L, -2, "ts");
  }
  lua_pushboolean(L, f->stale);
  lua_setfield(L, -2, "stale");
  lua_pushnumber(L, kl_feed_book_age(h->feed, f));
  lua_setfield(L, -2, "age");
  return 1;
}
