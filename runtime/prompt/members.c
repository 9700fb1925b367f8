/* Fields and methods of values. The tables are a script's and may be made to mislead: nothing is called, chains end,
 * and however large a table is, only so many of its entries are looked at. */
#include "prompt/members.h"

#include <string.h>

#include <lauxlib.h>

#include "base/json_fields.h"
#include "net/utf8.h"

enum {
  MOST_STEPS = 50000,     /* entries of tables, a millisecond or two */
  MOST_BYTES = 160 << 10, /* of names and texts: an answer is one line of the control socket */
  LONGEST_NAME = 200,
  LONGEST_TEXT = 40, /* bytes of a string that are shown */
  LONGEST_CHAIN = 32 /* of __index */
};

/* ---- metatables, read raw ---- */

/* Pushes a field of the metatable of the value at idx; false, and nothing pushed, where there is none. */
static bool push_meta(lua_State *L, int idx, const char *field) {
  if (!lua_getmetatable(L, idx)) return false;
  lua_pushstring(L, field);
  lua_rawget(L, -2);
  lua_remove(L, -2);
  if (!lua_isnil(L, -1)) return true;
  lua_pop(L, 1);
  return false;
}

/* Puts the table that is asked when the value at the top has not got a field in its place; false where there is none,
 * or a function would be asked. */
static bool to_index(lua_State *L) {
  if (!push_meta(L, -1, "__index")) return false;
  bool table = lua_istable(L, -1);
  if (table)
    lua_remove(L, -2);
  else
    lua_pop(L, 1);
  return table;
}

void kl_members_step(lua_State *L, const json_t *part) {
  int value = lua_gettop(L);
  luaL_checkstack(L, 6, "no room to look at a value");
  for (int i = 0; i < LONGEST_CHAIN; i++) {
    if (lua_istable(L, -1)) {
      if (json_is_integer(part))
        lua_pushinteger(L, json_integer_value(part));
      else
        lua_pushlstring(L, json_string_value(part), json_string_length(part));
      lua_rawget(L, -2);
      if (!lua_isnil(L, -1)) {
        lua_replace(L, value);
        lua_settop(L, value);
        return;
      }
      lua_pop(L, 1);
    }
    if (i == 0) lua_pushvalue(L, value);
    if (!to_index(L)) break;
  }
  lua_settop(L, value - 1);
  lua_pushnil(L);
}

/* ---- types and short texts ---- */

/* The name of a type of userdata, or of a class, where its metatable says it. Borrowed from the metatable. */
static const char *type_name(lua_State *L, int idx) {
  if (!push_meta(L, idx, "__name")) return NULL;
  size_t n = 0;
  const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &n) : NULL;
  if (name && (n > LONGEST_NAME || strlen(name) != n || !kl_utf8_valid(name, n))) name = NULL;
  lua_pop(L, 1);
  return name;
}

/* In quotes, in one line, cut between two characters. */
static void add_string(kl_buf *out, const char *s, size_t n) {
  char text[LONGEST_TEXT + 8];
  size_t len = n, at = 0;
  if (len > LONGEST_TEXT)
    for (len = LONGEST_TEXT; len > LONGEST_TEXT - 4 && ((unsigned char)s[len] & 0xC0) == 0x80;)
      len--;
  text[at++] = '"';
  for (size_t i = 0; i < len; i++)
    text[at++] = (char)((unsigned char)s[i] < 0x20 || s[i] == 0x7F ? ' ' : s[i]);
  memcpy(text + at, "…\"", sizeof "…\"" - 1);
  if (len == n) text[at] = '"';
  kl_buf_json_string(out, text, at + (len == n ? 1 : sizeof "…\"" - 1));
}

/* `"text":` of the value at the top, where there is something short to say. */
static void add_text(lua_State *L, kl_buf *out) {
  size_t n;
  const char *s;
  switch (lua_type(L, -1)) {
  case LUA_TSTRING:
    kl_json_key(out, "text");
    s = lua_tolstring(L, -1, &n);
    add_string(out, s, n);
    break;
  case LUA_TNUMBER:
    lua_pushvalue(L, -1); /* a number is changed into its text */
    kl_json_field_str(out, "text", lua_tostring(L, -1));
    lua_pop(L, 1);
    break;
  case LUA_TBOOLEAN:
    kl_json_field_str(out, "text", lua_toboolean(L, -1) ? "true" : "false");
    break;
  case LUA_TTABLE:
    n = lua_rawlen(L, -1);
    s = type_name(L, -1);
    if (s) {
      kl_json_field_str(out, "text", s);
    } else if (n > 0) {
      kl_json_key(out, "text");
      kl_buf_printf(out, "\"%zu value%s\"", n, n == 1 ? "" : "s");
    }
    break;
  case LUA_TUSERDATA:
    s = type_name(L, -1);
    if (s) kl_json_field_str(out, "text", s);
    break;
  default:
    break;
  }
}

void kl_members_self(lua_State *L, kl_buf *out) {
  const char *name = lua_istable(L, -1) || lua_isuserdata(L, -1) ? type_name(L, -1) : NULL;
  kl_json_field_str(out, "type", luaL_typename(L, -1));
  if (name) kl_json_field_str(out, "name", name);
}

/* ---- the list ---- */

void kl_members_begin(kl_members *m, kl_buf *out, const kl_members_wish *wish) {
  *m = (kl_members){.out = out, .wish = *wish};
  kl_json_key(out, "items");
  kl_buf_char(out, '[');
}

void kl_members_end(kl_members *m) {
  kl_buf_char(m->out, ']');
  kl_json_field_bool(m->out, "more", m->more);
}

static bool is_full(const kl_members *m) { return m->names >= KL_MEMBERS_MOST || m->bytes >= MOST_BYTES; }

static bool is_wanted(const kl_members *m, const char *name, size_t n) {
  if (n == 0 || n > LONGEST_NAME || (n >= 2 && name[0] == '_' && name[1] == '_')) return false;
  if (n < m->wish.prefix_len || (m->wish.prefix_len && memcmp(name, m->wish.prefix, m->wish.prefix_len) != 0))
    return false;
  for (size_t i = 0; i < n; i++)
    if ((unsigned char)name[i] < 0x20 || name[i] == 0x7F) return false;
  return kl_utf8_valid(name, n);
}

/* Begins an item; false where it is not wanted, or there is no more room. */
static bool begin_item(kl_members *m, const char *name, size_t n, const char *type) {
  if (!is_wanted(m, name, n) || (m->wish.method && strcmp(type, "function") != 0)) return false;
  if (is_full(m)) {
    m->more = true;
    return false;
  }
  kl_buf *out = m->out;
  kl_buf_str(out, m->names++ ? ",{" : "{");
  kl_json_key(out, "name");
  kl_buf_json_string(out, name, n);
  kl_json_field_str(out, "type", type);
  return true;
}

void kl_members_add(kl_members *m, lua_State *L, const char *name, size_t n) {
  size_t before = m->out->len;
  if (!begin_item(m, name, n, luaL_typename(L, -1))) return;
  luaL_checkstack(L, 6, "no room to look at a value");
  add_text(L, m->out);
  kl_buf_char(m->out, '}');
  m->bytes += m->out->len - before;
}

void kl_members_add_type(kl_members *m, const char *name, size_t n, const char *type) {
  size_t before = m->out->len;
  if (!begin_item(m, name, n, type)) return;
  kl_buf_char(m->out, '}');
  m->bytes += m->out->len - before;
}

/* Goes through the string keys of the table below the top, from behind the key at the top, which is taken. */
static void walk_from(kl_members *m, lua_State *L, bool types) {
  while (m->steps < MOST_STEPS && lua_next(L, -2)) {
    m->steps++;
    if (lua_type(L, -2) == LUA_TSTRING) {
      size_t n;
      const char *name = lua_tolstring(L, -2, &n);
      if (!types)
        kl_members_add(m, L, name, n);
      else if (lua_type(L, -1) == LUA_TSTRING)
        kl_members_add_type(m, name, n, lua_tostring(L, -1));
    }
    lua_pop(L, 1);
  }
  if (m->steps >= MOST_STEPS) m->more = true;
}

/* The table at the top. Names come behind the values of a long list, and may come in between where Lua keeps some of
 * these elsewhere: first from the last value on, then, as far as the steps reach, from the first. */
static void walk_table(kl_members *m, lua_State *L) {
  int table = lua_gettop(L);
  size_t n = lua_rawlen(L, table);
  if (n > MOST_STEPS / 10) {
    lua_pushinteger(L, (lua_Integer)n);
    walk_from(m, L, false);
    lua_settop(L, table);
  }
  lua_pushnil(L);
  walk_from(m, L, false);
  lua_settop(L, table);
}

void kl_members_walk(kl_members *m, lua_State *L) {
  int value = lua_gettop(L);
  luaL_checkstack(L, 12, "no room to look at a value");
  /* What userdata answers by a function of ours. */
  if (lua_isuserdata(L, value) && push_meta(L, value, "__fields") && lua_istable(L, -1)) {
    lua_pushnil(L);
    walk_from(m, L, true);
  }
  lua_settop(L, value);
  lua_pushvalue(L, value);
  /* A string has methods; its fields nobody writes. */
  bool inside = lua_type(L, value) != LUA_TSTRING || m->wish.method;
  for (int i = 0; inside && i < LONGEST_CHAIN && m->steps < MOST_STEPS; i++) {
    if (lua_istable(L, -1)) walk_table(m, L);
    inside = to_index(L);
  }
  lua_settop(L, value);
}
