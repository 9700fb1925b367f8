/* Compiling the texts of scripts. The time of Lua's parser is not linear in all texts (each label is compared with
 * those before it), so it gets a text piece by piece and is ended between two of them. */
#include <string.h>

#include "script/bounded.h"
#include "script/internal.h"

enum { PIECE = 512, READ_TEXT = 5 /* where the text that the script's reader gave is kept */ };

typedef struct {
  const char *text;
  size_t left;
  bool from_function; /* at index 1 */
  int64_t until_ns;   /* of kl_thread_cpu_ns, outside of tasks; 0: a task runs, which the watchdog sees to */
  bool given;         /* that time is the caller's, not the script's */
} source;

static void ask_function(lua_State *L, source *from) {
  luaL_checkstack(L, 2, "too many nested functions");
  lua_pushvalue(L, 1);
  lua_call(L, 0, 1);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return;
  }
  if (!lua_isstring(L, -1)) luaL_error(L, "reader function must return a string");
  lua_replace(L, READ_TEXT);
  from->text = lua_tolstring(L, READ_TEXT, &from->left);
}

static const char *next_piece(lua_State *L, void *data, size_t *n) {
  source *from = data;
  if (!from->until_ns)
    kl_check_time(L);
  else if (kl_thread_cpu_ns() > from->until_ns && from->given)
    luaL_error(L, "compiling took too long");
  else if (kl_thread_cpu_ns() > from->until_ns)
    luaL_error(L, "compiling took more than %d ms; raise --cpu-ms", kl_script_of(L)->o.cpu_ms);
  if (from->left == 0 && from->from_function) ask_function(L, from);
  const char *piece = from->text;
  *n = from->left < PIECE ? from->left : PIECE;
  from->text += *n;
  from->left -= *n;
  return piece;
}

static int compile(lua_State *L, source *from, const char *chunk_name) {
  const kl_script *s = kl_script_of(L);
  if (s && !s->current && !from->given) from->until_ns = kl_thread_cpu_ns() + (int64_t)s->o.cpu_ms * 1000000;
  int status = lua_load(L, next_piece, from, chunk_name, "t");
  if (status != LUA_OK) kl_check_time(L); /* inside of the parser that could only raise */
  return status;
}

int kl_load_text(lua_State *L, const char *text, size_t n, const char *chunk_name) {
  source from = {.text = text, .left = n};
  return compile(L, &from, chunk_name);
}

int kl_load_text_until(lua_State *L, const char *text, size_t n, const char *chunk_name, int64_t until_ns) {
  source from = {.text = text, .left = n, .until_ns = until_ns, .given = true};
  return compile(L, &from, chunk_name);
}

int kl_bounded_load(lua_State *L) {
  size_t n = 0;
  const char *text = lua_tolstring(L, 1, &n), *mode = luaL_optstring(L, 3, "t");
  bool has_env = !lua_isnone(L, 4);
  if (!strchr(mode, 't')) {
    lua_pushnil(L);
    lua_pushliteral(L, "only text can be loaded (mode \"t\"), no binary chunks");
    return 2;
  }
  source from = {.text = text, .left = n, .from_function = !text};
  const char *chunk_name = luaL_optstring(L, 2, text ? text : "=(load)");
  if (!text) luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, READ_TEXT);
  if (compile(L, &from, chunk_name) != LUA_OK) {
    lua_pushnil(L);
    lua_insert(L, -2);
    return 2;
  }
  if (has_env) {
    lua_pushvalue(L, 4);
    if (!lua_setupvalue(L, -2, 1)) lua_pop(L, 1);
  }
  return 1;
}
