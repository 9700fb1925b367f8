/* The functions of `string` that search, repeat and take formats. Those of Lua can work for longer than the universe
 * exists; these end with their task's time, and otherwise do the same. */
#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "script/bounded.h"
#include "script/guard.h"
#include "script/pattern.h"

enum { MAX_FORMAT = 1 << 16, MAX_FORMAT_VALUES = 1000, COPY = 1 << 20 };

/* ---- positions ---- */

/* The place where a search begins, from 1: a negative one counts from the end. May be beyond the end. */
static size_t start_of(lua_State *L, int arg, size_t n) {
  lua_Integer at = luaL_optinteger(L, arg, 1);
  if (at > 0) return (size_t)at;
  return at == 0 || at < -(lua_Integer)n ? 1 : n - (size_t)-at + 1;
}

/* ---- find and match ---- */

static bool is_text(const char *pattern, size_t n) {
  static const char special[256] = {
      ['^'] = 1, ['$'] = 1, ['*'] = 1, ['+'] = 1, ['?'] = 1, ['.'] = 1, ['('] = 1, ['['] = 1, ['%'] = 1, ['-'] = 1};
  for (size_t i = 0; i < n; i++)
    if (special[(unsigned char)pattern[i]]) return false;
  return true;
}

static int push_range(lua_State *L, const char *text, const char *from, const char *to) {
  lua_pushinteger(L, from - text + 1);
  lua_pushinteger(L, to - text);
  return 2;
}

static int search(lua_State *L, bool find) {
  size_t n, pattern_len;
  const char *text = luaL_checklstring(L, 1, &n), *pattern = luaL_checklstring(L, 2, &pattern_len);
  size_t start = start_of(L, 3, n) - 1;
  const char *from = NULL, *to = NULL;
  if (start > n) {
    lua_pushnil(L);
    return 1;
  }
  if (find && (lua_toboolean(L, 4) || is_text(pattern, pattern_len))) {
    kl_work b = kl_work_of(L);
    from = kl_find_plain(&b, text + start, n - start, pattern, pattern_len);
    if (from) return push_range(L, text, from, from + pattern_len);
    lua_pushnil(L);
    return 1;
  }
  kl_match m;
  kl_match_init(&m, L, text, n, pattern, pattern_len);
  if (*pattern == '^') {
    from = text + start;
    to = kl_match_at(&m, from, pattern + 1);
  } else {
    to = kl_match_from(&m, text + start, pattern, &from);
  }
  if (!to) {
    lua_pushnil(L);
    return 1;
  }
  if (!find) return kl_match_push(&m, from, to);
  return push_range(L, text, from, to) + kl_match_push(&m, NULL, NULL);
}

static int l_find(lua_State *L) { return search(L, true); }
static int l_match(lua_State *L) { return search(L, false); }

/* ---- gmatch ---- */

typedef struct {
  kl_match m;
  const char *at;      /* where the next search begins; NULL: nowhere */
  const char *last_to; /* the end of the last match */
  const char *pattern;
} walk;

/* The next match that does not end where the last one did: an empty one behind it is a part of that. */
static const char *next_match(kl_match *m, const char *at, const char *last_to, const char *pattern,
                              const char **from) {
  const char *to = kl_match_from(m, at, pattern, from);
  while (to && to == last_to)
    to = *from < m->text_end ? kl_match_from(m, *from + 1, pattern, from) : NULL;
  return to;
}

static int gmatch_next(lua_State *L) {
  walk *w = lua_touserdata(L, lua_upvalueindex(3));
  const char *from;
  w->m.work = kl_work_of(L);
  const char *to = w->at ? next_match(&w->m, w->at, w->last_to, w->pattern, &from) : NULL;
  if (!to) return 0;
  w->at = w->last_to = to;
  return kl_match_push(&w->m, from, to);
}

static int l_gmatch(lua_State *L) {
  size_t n, pattern_len;
  const char *text = luaL_checklstring(L, 1, &n), *pattern = luaL_checklstring(L, 2, &pattern_len);
  size_t start = start_of(L, 3, n) - 1;
  lua_settop(L, 2);
  walk *w = lua_newuserdatauv(L, sizeof *w, 0); /* text pattern walk: the upvalues keep the texts alive */
  kl_match_init(&w->m, L, text, n, pattern, pattern_len);
  w->at = start > n ? NULL : text + start;
  w->last_to = NULL;
  w->pattern = pattern;
  lua_pushcclosure(L, gmatch_next, 3);
  return 1;
}

/* ---- gsub ---- */

enum { REPLACEMENT = 3 };

/* Adds the text of the replacement, with what %0 to %9 stand for. */
static void add_text(kl_match *m, luaL_Buffer *b, const char *from, const char *to) {
  lua_State *L = m->work.L;
  size_t n;
  const char *text = lua_tolstring(L, REPLACEMENT, &n), *end = text + n;
  for (const char *p; (p = memchr(text, '%', (size_t)(end - text))); text = p + 2) {
    luaL_addlstring(b, text, (size_t)(p - text));
    kl_spend(&m->work, 2);
    if (p[1] == '%') {
      luaL_addchar(b, '%');
    } else if (p[1] == '0') {
      luaL_addlstring(b, from, (size_t)(to - from));
    } else if (isdigit((unsigned char)p[1])) {
      const char *begin;
      ptrdiff_t len = kl_match_capture(m, p[1] - '1', from, to, &begin);
      if (len == KL_CAPTURE_PLACE)
        luaL_addvalue(b);
      else
        luaL_addlstring(b, begin, (size_t)len);
    } else {
      luaL_error(L, "invalid use of '%c' in replacement string", '%');
    }
  }
  luaL_addlstring(b, text, (size_t)(end - text));
}

/* Adds what replaces a match; false when the match stays. */
static bool add_replacement(kl_match *m, luaL_Buffer *b, const char *from, const char *to, int type) {
  lua_State *L = m->work.L;
  if (type == LUA_TFUNCTION) {
    lua_pushvalue(L, REPLACEMENT);
    lua_call(L, kl_match_push(m, from, to), 1);
  } else if (type == LUA_TTABLE) {
    const char *begin;
    ptrdiff_t len = kl_match_capture(m, 0, from, to, &begin);
    if (len != KL_CAPTURE_PLACE) lua_pushlstring(L, begin, (size_t)len);
    lua_gettable(L, REPLACEMENT);
  } else {
    add_text(m, b, from, to);
    return true;
  }
  if (!lua_toboolean(L, -1)) {
    lua_pop(L, 1);
    luaL_addlstring(b, from, (size_t)(to - from));
    return false;
  }
  if (!lua_isstring(L, -1)) luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
  luaL_addvalue(b);
  return true;
}

static int l_gsub(lua_State *L) {
  size_t n, pattern_len;
  const char *text = luaL_checklstring(L, 1, &n), *pattern = luaL_checklstring(L, 2, &pattern_len);
  int type = lua_type(L, REPLACEMENT);
  lua_Integer max = luaL_optinteger(L, 4, (lua_Integer)n + 1), count = 0;
  luaL_argexpected(L, type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION || type == LUA_TTABLE,
                   REPLACEMENT, "string/function/table");
  bool anchor = *pattern == '^', changed = false;
  const char *at = text, *from = text, *last_to = NULL;
  luaL_Buffer b;
  kl_match m;
  kl_match_init(&m, L, text, n, pattern, pattern_len);
  luaL_buffinit(L, &b);
  while (count < max) {
    const char *to = anchor ? kl_match_at(&m, at, pattern + 1) : next_match(&m, at, last_to, pattern, &from);
    if (!to) break;
    luaL_addlstring(&b, at, (size_t)(from - at));
    count++;
    if (add_replacement(&m, &b, from, to, type)) changed = true;
    at = last_to = to;
    if (anchor) break;
  }
  if (changed) {
    luaL_addlstring(&b, at, (size_t)(m.text_end - at));
    luaL_pushresult(&b);
  } else {
    lua_pushvalue(L, 1); /* the same string, not an equal one */
  }
  lua_pushinteger(L, count);
  return 2;
}

/* ---- rep ---- */

static int l_rep(lua_State *L) {
  size_t n, sep_len;
  const char *text = luaL_checklstring(L, 1, &n);
  lua_Integer count = luaL_checkinteger(L, 2);
  const char *sep = luaL_optlstring(L, 3, "", &sep_len);
  if (count <= 0) {
    lua_pushliteral(L, "");
    return 1;
  }
  size_t part = n + sep_len;
  if (part < n || part > INT_MAX / (size_t)count) return luaL_error(L, "resulting string too large");
  size_t total = part * (size_t)count - sep_len;
  luaL_Buffer b;
  char *out = luaL_buffinitsize(L, &b, total);
  size_t have = total < part ? total : part;
  memcpy(out, text, n);
  if (have > n) memcpy(out + n, sep, have - n);
  kl_work work = kl_work_of(L);
  while (have < total) { /* what is there, whole parts of it, once more */
    size_t more = have < COPY ? have : part > COPY ? part : COPY / part * part;
    if (more > total - have) more = total - have;
    memcpy(out + have, out, more);
    have += more;
    kl_spend(&work, more / 64);
  }
  luaL_pushresultsize(&b, total);
  return 1;
}

/* ---- formats ---- */

/* The function of Lua at upvalue 1 runs in the frame of the one that replaces it, so that errors name that. */
static int original(lua_State *L) { return lua_tocfunction(L, lua_upvalueindex(1))(L); }

/* With many values the function of Lua is called for some at a time. */
static int l_format(lua_State *L) {
  int top = lua_gettop(L);
  if (top <= MAX_FORMAT_VALUES) return original(L);
  size_t n;
  const char *format = luaL_checklstring(L, 1, &n);
  luaL_Buffer b;
  int used = 1;
  luaL_checkstack(L, MAX_FORMAT_VALUES + LUA_MINSTACK, "too many values to format");
  luaL_buffinit(L, &b);
  while (n > 0) {
    size_t part = 0;
    int values = 0;
    while (part < n && values < MAX_FORMAT_VALUES) {
      const char *percent = memchr(format + part, '%', n - part);
      if (!percent) {
        part = n;
        break;
      }
      part = (size_t)(percent - format) + 1;
      if (part < n && format[part] == '%') {
        part++;
        continue;
      }
      while (part < n && !isalpha((unsigned char)format[part])) /* flags, width and precision */
        part++;
      part += part < n;
      values++;
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushlstring(L, format, part);
    int given = values < top - used ? values : top - used;
    for (int i = 1; i <= given; i++)
      lua_pushvalue(L, used + i);
    lua_call(L, given + 1, 1);
    luaL_addvalue(&b);
    used += given;
    format += part;
    n -= part;
    kl_check_time(L);
  }
  luaL_pushresult(&b);
  return 1;
}

/* pack, packsize and unpack: their time is that of the format. */
static int l_packed(lua_State *L) {
  size_t n;
  luaL_checklstring(L, 1, &n);
  luaL_argcheck(L, n <= MAX_FORMAT, 1, "format longer than 64 KiB");
  return original(L);
}

/* ---- the library ---- */

void kl_bounded_string_open(lua_State *L) {
  static const luaL_Reg own[] = {{"find", l_find}, {"match", l_match}, {"gmatch", l_gmatch},
                                 {"gsub", l_gsub}, {"rep", l_rep},     {NULL, NULL}};
  static const luaL_Reg around[] = {
      {"format", l_format}, {"pack", l_packed}, {"packsize", l_packed}, {"unpack", l_packed}, {NULL, NULL}};
  luaL_setfuncs(L, own, 0);
  for (const luaL_Reg *f = around; f->name; f++) {
    lua_getfield(L, -1, f->name);
    kl_guard_allow(L, -1); /* it is called through the one that takes its place */
    lua_pushcclosure(L, f->func, 1);
    lua_setfield(L, -2, f->name);
  }
}
