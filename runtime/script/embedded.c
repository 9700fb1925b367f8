/* The modules that are written in Lua and embedded: compiled once a process, since every version of a strategy has a
 * Lua state of its own and compiling them would be a third of the time that a reload takes. */
#include <stdlib.h>
#include <string.h>

#include "script/internal.h"

static int keep(lua_State *L, const void *p, size_t n, void *data) {
  (void)L;
  kl_buf *out = data;
  kl_buf_add(out, p, n);
  return out->failed;
}

const kl_embedded *kl_embedded_find(const char *name) {
  for (size_t i = 0; i < kl_stdlib_count; i++)
    if (!strcmp(kl_stdlib[i].name, name)) return &kl_stdlib[i];
  return NULL;
}

void kl_embedded_load(lua_State *L, const kl_embedded *m, const char *chunk_name) {
  kl_host *h = kl_script_of(L)->host;
  if (!h->compiled) h->compiled = calloc(kl_stdlib_count, sizeof *h->compiled);
  kl_buf *made = h->compiled ? &h->compiled[m - kl_stdlib] : NULL;
  if (made && made->len) {
    if (luaL_loadbufferx(L, made->data, made->len, chunk_name, "b") != LUA_OK) lua_error(L);
    return;
  }
  if (luaL_loadbufferx(L, m->text, m->len, chunk_name, "t") != LUA_OK) lua_error(L);
  if (made && lua_dump(L, keep, made, 0) != 0) kl_buf_free(made);
}

void kl_embedded_free(kl_host *h) {
  for (size_t i = 0; h->compiled && i < kl_stdlib_count; i++)
    kl_buf_free(&h->compiled[i]);
  free(h->compiled);
}
