/* Two Lua states that run the same chunk: one with the libraries of Lua, one with ours in their place. */
#ifndef KL_LUA_TWINS_H
#define KL_LUA_TWINS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "script/bounded.h"

typedef struct {
  lua_State *stock, *ours;
} twins;

static void *twin_memory(void *data, void *p, size_t old, size_t size) {
  (void)data;
  (void)old;
  if (size > 0) return size < (size_t)1 << 28 ? realloc(p, size) : NULL;
  free(p);
  return NULL;
}

static lua_State *twin_new(const char *chunk) {
  lua_State *L = lua_newstate(twin_memory, NULL);
  if (!L) abort();
  *(void **)lua_getextraspace(L) = NULL; /* no script */
  luaL_openlibs(L);
  if (luaL_loadstring(L, chunk) != LUA_OK) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    abort();
  }
  return L;
}

/* The chunk stays at index 1 of both. */
static inline void twins_open(twins *t, const char *chunk) {
  t->stock = twin_new(chunk);
  t->ours = twin_new(chunk);
  lua_getglobal(t->ours, "string");
  kl_bounded_string_open(t->ours);
  lua_getglobal(t->ours, "table");
  kl_bounded_table_open(t->ours);
  lua_settop(t->ours, 1);
}

static inline void twins_close(twins *t) {
  lua_close(t->stock);
  lua_close(t->ours);
}

typedef struct {
  const char *p;
  size_t n;
} twin_text;

/* Runs the chunk in one; what it returns, a text, stays on the stack. */
static const char *twin_run(lua_State *L, lua_Integer number, const twin_text *texts, int n) {
  lua_settop(L, 1);
  lua_pushvalue(L, 1);
  lua_pushinteger(L, number);
  for (int i = 0; i < n; i++)
    lua_pushlstring(L, texts[i].p, texts[i].n);
  lua_pcall(L, n + 1, 1, 0);
  const char *text = lua_tostring(L, -1);
  return text ? text : "(no text)";
}

/* Runs the chunk with (number, texts...) in both; NULL when both give the same, else what they give. */
static inline const char *twins_differ(twins *t, lua_Integer number, const twin_text *texts, int n) {
  static char why[1000];
  const char *stock = twin_run(t->stock, number, texts, n), *ours = twin_run(t->ours, number, texts, n);
  if (strcmp(stock, ours) == 0) return NULL;
  size_t same = 0; /* from a little before where they part */
  while (stock[same] && stock[same] == ours[same])
    same++;
  same = same < 200 ? 0 : same - 200;
  snprintf(why, sizeof why, "%lld\nstock: %.450s\nours:  %.450s", (long long)number, stock + same, ours + same);
  return why;
}

/* Tries everything that has to do with patterns. `number` says where to begin and how many to replace. */
static const char twins_of_patterns[] =
    "local number, s, p, r = ...\n"
    "local init = number % 41 - 20\n"
    "local function show(ok, ...)\n"
    "  local out = { tostring(ok) }\n"
    "  for i = 1, select('#', ...) do out[i + 1] = ('%q'):format((select(i, ...))) end\n"
    "  return table.concat(out, ' ')\n"
    "end\n"
    "local all = {}\n"
    "local function try(f, ...) all[#all + 1] = show(pcall(f, ...)) end\n"
    "try(string.find, s, p) try(string.find, s, p, init) try(string.find, s, p, init, true)\n"
    "try(string.match, s, p, init)\n"
    "try(function()\n"
    "  local seen = {}\n"
    "  for a, b, c in string.gmatch(s, p, number % 3 > 0 and init or nil) do\n"
    "    seen[#seen + 1] = show(a, b, c)\n"
    "    if #seen == 50 then break end\n"
    "  end\n"
    "  return table.concat(seen, '|')\n"
    "end)\n"
    "try(string.gsub, s, p, r) try(string.gsub, s, p, r, init)\n"
    "try(string.gsub, s, p, { [r] = 'R', a = 1, b = false, [1] = 'one', [''] = 'empty', ab = {} })\n"
    "try(string.gsub, s, p, function(a, b)\n"
    "  if a == 'b' then return nil elseif b == 'a' then return {} end\n"
    "  return b or number\n"
    "end, number % 7)\n"
    "return table.concat(all, '\\n')";

#endif
