/* The JSON reader behind every answer and behind json.decode, with and without a shape; and the writer on what it
 * read: a value that was read must be written, and read again as the same. */
#include <stdlib.h>
#include <string.h>

#include "bindings/json.h"

static int run(lua_State *L) {
  const char *p = lua_touserdata(L, 1);
  size_t n = (size_t)lua_tointeger(L, 2);
  const kl_operation *op = lua_touserdata(L, 3);
  char why[KL_JSON_MESSAGE];
  int top = lua_gettop(L);
  if (!kl_json_read(L, p, n, op ? op->answer : NULL, op != NULL, why)) {
    if (lua_gettop(L) != top || !why[0]) abort();
    return 0;
  }
  if (lua_gettop(L) != top + 1) abort();
  if (op) return 0;
  /* The first writing repairs what was not UTF-8; from then on nothing may change. */
  kl_buf *texts[3];
  for (int i = 0; i < 3; i++) {
    texts[i] = kl_push_buffer(L);
    if (!kl_json_write(L, -2, texts[i], why)) abort();
    if (!kl_json_read(L, texts[i]->data, texts[i]->len, NULL, false, why)) abort();
  }
  if (texts[1]->len != texts[2]->len || memcmp(texts[1]->data, texts[2]->data, texts[1]->len) != 0) abort();
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const shapes[] = {NULL, "get_markets", "get_market_orderbook", "get_market_candlesticks"};
  lua_State *L = luaL_newstate();
  *(void **)lua_getextraspace(L) = NULL; /* no script: bindings alone */
  if (!L) return 0;
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    lua_pushcfunction(L, run);
    lua_pushlightuserdata(L, (void *)(uintptr_t)data);
    lua_pushinteger(L, (lua_Integer)size);
    lua_pushlightuserdata(L, shapes[i] ? (void *)(uintptr_t)kl_operation_find(shapes[i]) : NULL);
    if (lua_pcall(L, 3, 0, 0) != LUA_OK) abort();
    lua_settop(L, 0);
  }
  lua_close(L);
  return 0;
}
