/* Module `log`: log.info(message, fields) and fellows; one line each, with the script's name. */
#include "base/log.h"

#include <math.h>
#include <string.h>

#include "bindings/check.h"
#include "bindings/json.h"
#include "script/limits.h"

/* Sorts the n texts of the table at idx; by insertion, since lines with many fields are rare. */
static void sort_texts(lua_State *L, int idx, lua_Integer n) {
  for (lua_Integer i = 2; i <= n; i++) {
    lua_rawgeti(L, idx, i); /* text */
    lua_Integer k = i - 1;
    kl_check_time(L);
    for (; k >= 1; k--) {
      lua_rawgeti(L, idx, k); /* text other */
      if (!lua_compare(L, -2, -1, LUA_OPLT)) break;
      lua_rawseti(L, idx, k + 1); /* text */
    }
    if (k >= 1) lua_pop(L, 1);
    lua_rawseti(L, idx, k + 1); /* */
  }
}

enum { LINE_MAX_BYTES = 64 << 10, FIELDS_MAX = 200 };

/* What is behind the bound of a line is left out: it goes through many hands in C on its way into the log. */
static size_t cut(const kl_buf *line, size_t n) {
  size_t room = line->len < LINE_MAX_BYTES ? LINE_MAX_BYTES - line->len : 0;
  return n < room ? n : room;
}

/* Appends the value at the top as text, popped; in quotes where it would run into the next field. */
static void add_value(lua_State *L, kl_buf *out) {
  size_t n;
  const char *text = luaL_tolstring(L, -1, &n);
  n = cut(out, n);
  if (n == 0 || strpbrk(text, " =\"\n\t"))
    kl_buf_json_string(out, text, n);
  else
    kl_buf_add(out, text, n);
  lua_pop(L, 2);
}

/* Appends `,"fields":{…}` of the names in the table at 4 and the values in the one at 5: numbers and booleans as such,
 * everything else as text. What is behind the bound of a line is left out, whole fields. */
static void add_fields(lua_State *L, kl_buf *out, lua_Integer n) {
  kl_buf *one = kl_push_buffer(L);
  kl_buf_str(out, ",\"fields\":{");
  size_t start = out->len;
  for (lua_Integer i = 1; i <= n; i++) {
    size_t len;
    kl_buf_clear(one);
    lua_rawgeti(L, 4, i); /* … name */
    const char *key = lua_tolstring(L, -1, &len);
    if (len > LINE_MAX_BYTES) len = LINE_MAX_BYTES;
    kl_buf_json_string(one, key, len);
    kl_buf_char(one, ':');
    lua_rawget(L, 5); /* … value */
    lua_Number v = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
    if (lua_isinteger(L, -1))
      kl_buf_int(one, lua_tointeger(L, -1));
    else if (lua_type(L, -1) == LUA_TNUMBER && isfinite(v))
      kl_buf_printf(one, "%.14g", v);
    else if (lua_isboolean(L, -1))
      kl_buf_str(one, lua_toboolean(L, -1) ? "true" : "false");
    else {
      const char *text = luaL_tolstring(L, -1, &len);
      kl_buf_json_string(one, text, len < LINE_MAX_BYTES ? len : LINE_MAX_BYTES);
      lua_pop(L, 1);
    }
    lua_pop(L, 1);
    if (one->failed || out->len + one->len > LINE_MAX_BYTES) continue;
    if (out->len > start) kl_buf_char(out, ',');
    kl_buf_add(out, one->data, one->len);
  }
  kl_buf_char(out, '}');
}

/* Upvalue 1 is the level, upvalue 2 the function's name. Fields are appended as k=v, sorted by key, so that lines of
 * one place look alike. */
static int l_write(lua_State *L) {
  kl_log_level level = (kl_log_level)lua_tointeger(L, lua_upvalueindex(1));
  const char *name = lua_tostring(L, lua_upvalueindex(2));
  if (lua_isnone(L, 1)) return kl_bad_argument(L, 1, name, "a message");
  lua_settop(L, 2);
  if (!lua_isnil(L, 2)) kl_check_type(L, 2, LUA_TTABLE, name);
  if (!kl_log_enabled(level)) return 0;
  kl_script *s = kl_script_of(L);
  kl_buf *line = kl_push_buffer(L); /* message fields line */
  lua_newtable(L);                  /* message fields line keys */
  lua_newtable(L);                  /* message fields line keys values */
  lua_Integer n = 0;
  if (!lua_isnil(L, 2)) {
    for (lua_pushnil(L); lua_next(L, 2);) { /* … key value */
      if (n == FIELDS_MAX)
        return kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_arguments", "%s: more than %d fields in one line", name,
                              FIELDS_MAX);
      luaL_tolstring(L, -2, NULL);
      lua_pushvalue(L, -1);
      lua_rawseti(L, 4, ++n); /* … key value name */
      lua_insert(L, -2);
      lua_rawset(L, 5); /* … key */
    }
  }
  sort_texts(L, 4, n);
  size_t len;
  const char *text = luaL_tolstring(L, 1, &len);
  kl_buf_add(line, text, cut(line, len));
  lua_pop(L, 1);
  for (lua_Integer i = 1; i <= n && line->len < LINE_MAX_BYTES; i++) {
    lua_rawgeti(L, 4, i);
    kl_buf_char(line, ' ');
    const char *key = lua_tolstring(L, -1, &len);
    kl_buf_add(line, key, cut(line, len));
    kl_buf_char(line, '=');
    lua_rawget(L, 5);
    add_value(L, line);
  }
  if (line->len >= LINE_MAX_BYTES) kl_buf_str(line, "… (cut off: a line has at most 64 KiB)");
  if (line->failed) return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory for the line");
  if (kl_script_may_log(s, line->len)) {
    kl_buf *members = kl_push_buffer(L);
    if (n) add_fields(L, members, n);
    if (members->failed) return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory for the line");
    kl_script_log_with(s, level, members, line->data ? line->data : "", line->len);
    kl_buf_free(members);
  }
  kl_buf_free(line);
  return 0;
}

int luaopen_kl_log(lua_State *L) {
  static const struct {
    const char *name;
    kl_log_level level;
  } levels[] = {{"error", KL_LOG_ERROR}, {"warn", KL_LOG_WARN}, {"info", KL_LOG_INFO}, {"debug", KL_LOG_DEBUG}};
  lua_createtable(L, 0, 4);
  for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
    lua_pushinteger(L, levels[i].level);
    lua_pushfstring(L, "log.%s", levels[i].name);
    lua_pushcclosure(L, l_write, 2);
    lua_setfield(L, -2, levels[i].name);
  }
  return 1;
}
