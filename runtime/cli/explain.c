/* kalua explain: what an error means and what to do, from the catalogue of lua/stdlib/cli/errors/. It needs no
 * exchange, no key and no settings, so that it answers when those are what is wrong. */
#include <lualib.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/tool.h"

/* ---- modules ---- */

/* A searcher of `require`: the modules of this program. */
static int find_embedded(lua_State *L) {
  const kl_embedded *m = kl_embedded_find(luaL_checkstring(L, 1));
  if (!m) return 0;
  lua_pushfstring(L, "=kalua/%s.lua", m->name);
  if (luaL_loadbufferx(L, m->text, m->len, lua_tostring(L, -1), "t") != LUA_OK) lua_error(L);
  return 1;
}

static void only_embedded_modules(lua_State *L) {
  lua_getglobal(L, LUA_LOADLIBNAME);
  lua_createtable(L, 1, 0);
  lua_pushcfunction(L, find_embedded);
  lua_rawseti(L, -2, 1);
  lua_setfield(L, -2, "searchers");
  lua_pop(L, 1);
}

/* ---- the answer ---- */

typedef struct request {
  const kl_text_list *words;
  bool json;
  bool found;
  char wrong[512]; /* why nothing was */
} request;

static int columns(void) {
  struct winsize size;
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

/* Protected: (request). */
static int answer(lua_State *L) {
  request *r = lua_touserdata(L, 1);
  luaL_openlibs(L);
  only_embedded_modules(L);
  lua_getglobal(L, "require");
  lua_pushliteral(L, "cli.explain");
  lua_call(L, 1, 1);
  lua_createtable(L, (int)r->words->n, 0);
  for (size_t i = 0; i < r->words->n; i++) {
    lua_pushstring(L, r->words->items[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_createtable(L, 0, 3);
  if (isatty(STDOUT_FILENO)) {
    lua_pushinteger(L, columns());
    lua_setfield(L, -2, "width");
  }
  lua_pushboolean(L, isatty(STDOUT_FILENO) && kl_tool_colour());
  lua_setfield(L, -2, "bold");
  lua_pushboolean(L, r->json);
  lua_setfield(L, -2, "json");
  lua_call(L, 2, 3);
  size_t n;
  const char *text = luaL_checklstring(L, -3, &n);
  fwrite(text, 1, n, stdout);
  r->found = lua_toboolean(L, -2);
  snprintf(r->wrong, sizeof r->wrong, "%s", luaL_optstring(L, -1, ""));
  return 0;
}

int kl_command_explain(int argc, char **argv) {
  static const char usage[] =
      "usage: kalua explain [CODE]\n\n"
      "What an error means, why it happens and what to do about it. CODE stands at the end of error\n"
      "lines; an HTTP status (401), a number of the feed (\"ws 8\"), an exit code (\"exit 3\") and a whole\n"
      "line in quotes are understood, too. Without CODE all are listed.\n";
  kl_text_list words = {0};
  request r = {.words = &words};
  const kl_opt own[] = {{"json", KL_OPT_FLAG, &r.json, NULL, "JSON: an object, or an array of all", 0, 0},
                        {NULL, KL_OPT_FLAG, NULL, NULL, NULL, 0, 0}};
  int code = kl_opts_parse("explain", usage, (const kl_opt *const[]){own, NULL}, argc, argv, &words, NULL);
  if (code < 0) {
    code = KL_EXIT_FAILED;
    lua_State *L = luaL_newstate();
    if (!L) {
      fputs("kalua: not enough memory\n", stderr);
    } else {
      lua_pushcfunction(L, answer);
      lua_pushlightuserdata(L, &r);
      if (lua_pcall(L, 1, 0, 0) != LUA_OK)
        fprintf(stderr, "kalua: explain: %s\n", lua_tostring(L, -1));
      else if (!r.found)
        fprintf(stderr, "kalua: %s\n", r.wrong);
      else
        code = KL_EXIT_OK;
      lua_close(L);
    }
  }
  kl_text_list_free(&words);
  return code;
}
