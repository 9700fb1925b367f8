/* The reader of plain data on any bytes, with and without a checksum that fits; and the writer on what was read: it
 * must be written, and read again as the same. */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "bindings/bindings.h"
#include "bindings/json.h"
#include "script/image.h"
#include "script/internal.h"

static size_t used;

/* More than the reader may take for its input is a finding, too. */
static void *limited(void *limit, void *p, size_t old, size_t size) {
  if (!p) old = 0;
  if (size == 0) {
    free(p);
    used -= old;
    return NULL;
  }
  if (size > old && used + (size - old) > *(size_t *)limit) abort();
  void *q = realloc(p, size);
  if (!q) abort();
  used += size - old;
  return q;
}

static int run(lua_State *L) {
  const void *p = lua_touserdata(L, 1);
  int top = lua_gettop(L);
  kl_image_read(L, p, (size_t)lua_tointeger(L, 2));
  if (lua_gettop(L) != top + 1) abort();
  /* The order of entries may change at the first reading, their number and size may not. */
  kl_buf *first = kl_push_buffer(L), *again = kl_push_buffer(L);
  kl_image_write(L, top + 1, "value", first);
  kl_image_read(L, first->data, first->len);
  kl_image_write(L, -1, "value", again);
  if (first->len < 16 || memcmp(first->data + 12, again->data + 12, 4) != 0) abort();
  /* Read in the order in which it was written, a table is filled as it was, so from then on nothing changes. */
  kl_image_read(L, again->data, again->len);
  kl_buf *last = kl_push_buffer(L);
  kl_image_write(L, -2, "value", last);
  if (last->len != again->len) abort();
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  unsigned char *copy = malloc(size ? size : 1);
  if (!copy) return 0;
  if (size) memcpy(copy, data, size);
  for (int fits = 0; fits < 2; fits++) {
    if (fits && size > 16) {
      memcpy(copy, "KLI\1", 4);
      uint64_t sum = kl_hash_bytes(copy + 12, size - 12);
      memcpy(copy + 4, &sum, sizeof sum);
    }
    size_t limit = 256 * 1024 + 200 * size;
    lua_State *L = lua_newstate(limited, &limit);
    if (!L) abort();
    *(void **)lua_getextraspace(L) = NULL; /* no script */
    lua_pushcfunction(L, run);
    lua_pushlightuserdata(L, copy);
    lua_pushinteger(L, (lua_Integer)size);
    if (lua_pcall(L, 2, 0, 0) != LUA_OK) {
      lua_getfield(L, -1, "kind");
      if (strcmp(lua_tostring(L, -1), KL_ERR_VALIDATION) != 0) abort();
    }
    lua_close(L);
  }
  free(copy);
  return 0;
}
