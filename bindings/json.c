/* Module `json`. Not lua-cjson at run time: that reads every number as a double, so an id of 17 digits would come out
 * as another one, and fixed-point strings would need a second walk. One pass here does both. */
#include "bindings/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "base/error.h"
#include "bindings/check.h"
#include "script/guard.h"
#include "script/image.h"
#include "script/script.h"

/* json.null is the light userdata NULL, as lua-cjson has it: it can be copied from one state to another. */
void kl_json_push_null(lua_State *L) { lua_pushlightuserdata(L, NULL); }
bool kl_json_is_null(lua_State *L, int idx) { return lua_islightuserdata(L, idx) && !lua_touserdata(L, idx); }

/* json.empty_array: what `{}` cannot say. Its address is also where the registry keeps the metatable of the empty
 * arrays that were decoded, which makes them come out as arrays again, also from another state. */
static const char empty_array_mark = 0;

static void push_mark(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &empty_array_mark) == LUA_TTABLE) return;
  lua_pop(L, 1);
  kl_image_push_mark(L, KL_MARK_ARRAY);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &empty_array_mark);
}

void kl_json_mark_empty_array(lua_State *L) {
  push_mark(L);
  lua_setmetatable(L, -2);
}

static bool is_marked(lua_State *L, int idx) {
  if (!lua_getmetatable(L, idx)) return false;
  push_mark(L);
  bool same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return same;
}

/* ---- reading ---- */

enum { CHECK_EVERY = 1024 /* values, between two looks at the time */ };

typedef struct {
  lua_State *L;
  const char *start, *p, *end;
  bool null_absent;
  int values;
  char *why;
} reader;

static bool bad(reader *r, const char *at, const char *what) {
  snprintf(r->why, KL_JSON_MESSAGE, "%s at byte %zu", what, (size_t)(at - r->start) + 1);
  return false;
}

static void skip_blank(reader *r) {
  while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\r' || *r->p == '\t'))
    r->p++;
}

static bool is_digit(const reader *r) { return r->p < r->end && *r->p >= '0' && *r->p <= '9'; }

static bool read_digits(reader *r) {
  if (!is_digit(r)) return bad(r, r->p, "a number without its digits");
  while (is_digit(r))
    r->p++;
  return true;
}

/* Pushes a float, or the integer it is equal to. */
static void push_number(lua_State *L, double v) {
  if (v == floor(v) && fabs(v) < 9007199254740992.0)
    lua_pushinteger(L, (lua_Integer)v);
  else
    lua_pushnumber(L, v);
}

/* Grammar of RFC 8259. Integers that fit 64 bits stay exact. */
static bool read_number(reader *r) {
  const char *from = r->p;
  bool negative = *r->p == '-', whole = true;
  if (negative) r->p++;
  const char *digits = r->p;
  if (!read_digits(r)) return false;
  if (*digits == '0' && r->p - digits > 1) return bad(r, digits, "a number with a leading zero");
  uint64_t v = 0, limit = (uint64_t)INT64_MAX + (negative ? 1U : 0U);
  for (const char *d = digits; d < r->p && whole; d++) {
    uint64_t digit = (uint64_t)(*d - '0');
    if (v > (limit - digit) / 10) whole = false;
    v = v * 10 + digit;
  }
  if (r->p < r->end && *r->p == '.') {
    whole = false;
    r->p++;
    if (!read_digits(r)) return false;
  }
  if (r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
    whole = false;
    r->p++;
    if (r->p < r->end && (*r->p == '+' || *r->p == '-')) r->p++;
    if (!read_digits(r)) return false;
  }
  if (whole) {
    lua_pushinteger(r->L, negative ? (lua_Integer)(0 - v) : (lua_Integer)v);
    return true;
  }
  lua_pushlstring(r->L, from, (size_t)(r->p - from));
  double d = lua_tonumber(r->L, -1);
  lua_pop(r->L, 1);
  if (!isfinite(d)) return bad(r, from, "a number beyond the range of a double");
  push_number(r->L, d);
  return true;
}

static bool read_hex4(reader *r, unsigned *out) {
  if (r->end - r->p < 4) return bad(r, r->p, "an unfinished \\u escape");
  unsigned v = 0;
  for (int i = 0; i < 4; i++) {
    char c = *r->p++;
    unsigned digit;
    if (c >= '0' && c <= '9')
      digit = (unsigned)(c - '0');
    else if (c >= 'a' && c <= 'f')
      digit = (unsigned)(c - 'a') + 10;
    else if (c >= 'A' && c <= 'F')
      digit = (unsigned)(c - 'A') + 10;
    else
      return bad(r, r->p - 1, "a \\u escape that is not hexadecimal");
    v = v * 16 + digit;
  }
  *out = v;
  return true;
}

/* After `\u`. A surrogate without its partner becomes U+FFFD: one broken title must not cost the whole answer. */
static bool read_code_point(reader *r, char out[4], size_t *n) {
  unsigned c;
  if (!read_hex4(r, &c)) return false;
  if (c >= 0xd800 && c < 0xdc00 && r->end - r->p >= 6 && r->p[0] == '\\' && r->p[1] == 'u') {
    const char *back = r->p;
    unsigned low;
    r->p += 2;
    if (!read_hex4(r, &low)) return false;
    if (low >= 0xdc00 && low < 0xe000)
      c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    else
      r->p = back;
  }
  if (c >= 0xd800 && c < 0xe000) c = 0xfffd;
  if (c < 0x80) {
    out[0] = (char)c;
    *n = 1;
  } else if (c < 0x800) {
    out[0] = (char)(0xc0 | (c >> 6));
    out[1] = (char)(0x80 | (c & 0x3f));
    *n = 2;
  } else if (c < 0x10000) {
    out[0] = (char)(0xe0 | (c >> 12));
    out[1] = (char)(0x80 | ((c >> 6) & 0x3f));
    out[2] = (char)(0x80 | (c & 0x3f));
    *n = 3;
  } else {
    out[0] = (char)(0xf0 | (c >> 18));
    out[1] = (char)(0x80 | ((c >> 12) & 0x3f));
    out[2] = (char)(0x80 | ((c >> 6) & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    *n = 4;
  }
  return true;
}

/* The rest of a string that has escapes, from its first one on. */
static bool read_escaped(reader *r, const char *from) {
  luaL_Buffer b;
  const int top = lua_gettop(r->L);
  luaL_buffinit(r->L, &b);
  luaL_addlstring(&b, from, (size_t)(r->p - from));
  bool ok = true;
  while (ok && r->p < r->end && *r->p != '"') {
    char c = *r->p++;
    if ((unsigned char)c < 0x20) {
      ok = bad(r, r->p - 1, "a control character in a string");
    } else if (c != '\\') {
      luaL_addchar(&b, c);
    } else if (r->p == r->end) {
      break;
    } else {
      static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
      char escape = *r->p++;
      const char *known = escape ? strchr(names, escape) : NULL;
      char utf8[4];
      size_t n;
      if (known)
        luaL_addchar(&b, values[known - names]);
      else if (escape != 'u')
        ok = bad(r, r->p - 1, "an unknown escape in a string");
      else if ((ok = read_code_point(r, utf8, &n)))
        luaL_addlstring(&b, utf8, n);
    }
  }
  if (ok && r->p == r->end) ok = bad(r, r->p, "an unfinished string");
  if (!ok) {
    lua_settop(r->L, top);
    return false;
  }
  luaL_pushresult(&b);
  r->p++;
  return true;
}

/* Pushes a fixed-point text as the double nearest to it; false when it is something else. */
static bool push_fixed(lua_State *L, const char *s, size_t n) {
  const char *point = memchr(s, '.', n);
  size_t places = point ? (size_t)(s + n - point) - 1 : 0;
  int64_t v;
  if (places > 12 || !kl_decimal_parse(s, n, (int)places, &v)) return false;
  lua_pushnumber(L, kl_decimal_to_double(v, (int)places));
  return true;
}

static bool read_string(reader *r, const kl_shape *shape) {
  const char *from = ++r->p;
  while (r->p < r->end && *r->p != '"' && *r->p != '\\' && (unsigned char)*r->p >= 0x20)
    r->p++;
  if (r->p == r->end) return bad(r, r->p, "an unfinished string");
  if (*r->p == '\\') return read_escaped(r, from);
  if (*r->p != '"') return bad(r, r->p, "a control character in a string");
  size_t n = (size_t)(r->p++ - from);
  if (shape && shape->kind == KL_SHAPE_FIXED && push_fixed(r->L, from, n)) return true;
  lua_pushlstring(r->L, from, n);
  return true;
}

/* The shape of a field of an object; the field's name is the string on top of the stack. */
static const kl_shape *field_shape(lua_State *L, const kl_shape *shape) {
  if (!shape) return NULL;
  if (shape->kind == KL_SHAPE_MAP) return shape->item;
  if (shape->kind != KL_SHAPE_OBJECT) return NULL;
  const char *name = lua_tostring(L, -1);
  size_t low = 0, high = shape->n_fields;
  while (low < high) {
    size_t mid = (low + high) / 2;
    int order = strcmp(name, shape->fields[mid].name);
    if (order == 0) return shape->fields[mid].shape;
    if (order < 0)
      high = mid;
    else
      low = mid + 1;
  }
  return NULL;
}

static bool read_value(reader *r, const kl_shape *shape, int depth);

static bool read_object(reader *r, const kl_shape *shape, int depth) {
  lua_State *L = r->L;
  lua_newtable(L);
  r->p++;
  skip_blank(r);
  if (r->p < r->end && *r->p == '}') {
    r->p++;
    return true;
  }
  for (;;) {
    skip_blank(r);
    if (r->p == r->end || *r->p != '"') return bad(r, r->p, "a name in quotes was expected");
    if (!read_string(r, NULL)) return false;
    skip_blank(r);
    if (r->p == r->end || *r->p != ':') return bad(r, r->p, "a colon was expected");
    r->p++;
    const kl_shape *inner = field_shape(L, shape);
    if (!read_value(r, inner, depth)) return false;
    if (r->null_absent && kl_json_is_null(L, -1))
      lua_pop(L, 2);
    else
      lua_rawset(L, -3);
    skip_blank(r);
    if (r->p < r->end && *r->p == ',') {
      r->p++;
      continue;
    }
    if (r->p == r->end || *r->p != '}') return bad(r, r->p, "a comma or } was expected");
    r->p++;
    return true;
  }
}

/* A null in an array stays json.null in any case: leaving it out would move what follows. */
static bool read_array(reader *r, const kl_shape *shape, int depth) {
  const kl_shape *inner = shape && shape->kind == KL_SHAPE_ARRAY ? shape->item : NULL;
  lua_newtable(r->L);
  r->p++;
  skip_blank(r);
  if (r->p < r->end && *r->p == ']') {
    r->p++;
    kl_json_mark_empty_array(r->L);
    return true;
  }
  for (lua_Integer i = 1;; i++) {
    if (!read_value(r, inner, depth)) return false;
    lua_rawseti(r->L, -2, i);
    skip_blank(r);
    if (r->p < r->end && *r->p == ',') {
      r->p++;
      continue;
    }
    if (r->p == r->end || *r->p != ']') return bad(r, r->p, "a comma or ] was expected");
    r->p++;
    return true;
  }
}

static bool read_word(reader *r, const char *word) {
  size_t n = strlen(word);
  if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0) return bad(r, r->p, "an unknown word");
  r->p += n;
  return true;
}

/* Pushes one value. On failure the stack holds leftovers; the caller of all this cleans up. */
static bool read_value(reader *r, const kl_shape *shape, int depth) {
  skip_blank(r);
  if (r->p == r->end) return bad(r, r->p, "the text ends where a value was expected");
  if (depth >= KL_JSON_DEPTH) return bad(r, r->p, "nesting deeper than 100");
  if (!lua_checkstack(r->L, 8)) return bad(r, r->p, "not enough memory");
  if (++r->values % CHECK_EVERY == 0) kl_check_time(r->L);
  switch (*r->p) {
  case '{':
    return read_object(r, shape, depth + 1);
  case '[':
    return read_array(r, shape, depth + 1);
  case '"':
    return read_string(r, shape);
  case 't':
    if (!read_word(r, "true")) return false;
    lua_pushboolean(r->L, 1);
    return true;
  case 'f':
    if (!read_word(r, "false")) return false;
    lua_pushboolean(r->L, 0);
    return true;
  case 'n':
    if (!read_word(r, "null")) return false;
    kl_json_push_null(r->L);
    return true;
  default:
    if (*r->p != '-' && !is_digit(r)) return bad(r, r->p, "no JSON value");
    return read_number(r);
  }
}

bool kl_json_read(lua_State *L, const char *p, size_t n, const kl_shape *shape, bool null_absent,
                  char why[KL_JSON_MESSAGE]) {
  reader r = {.L = L, .start = p, .p = p, .end = p + n, .null_absent = null_absent, .why = why};
  int top = lua_gettop(L);
  bool ok = read_value(&r, shape, 0);
  if (ok) {
    skip_blank(&r);
    if (r.p != r.end) ok = bad(&r, r.p, "something after the end of the value");
  }
  if (!ok) {
    lua_settop(L, top);
    return false;
  }
  if (null_absent && kl_json_is_null(L, -1)) {
    lua_pop(L, 1);
    lua_pushnil(L);
  }
  return true;
}

void kl_json_decode(lua_State *L, const char *p, size_t n, const kl_shape *shape, bool null_absent) {
  char why[KL_JSON_MESSAGE];
  if (!kl_json_read(L, p, n, shape, null_absent, why))
    kl_raise_coded(L, KL_ERR_PROTOCOL, "not_json", "not JSON: %s", why);
}

/* ---- writing ---- */

typedef struct {
  const char *p;
  size_t n;
} key;

static int compare_keys(const void *a, const void *b) {
  const key *x = a, *y = b;
  size_t n = x->n < y->n ? x->n : y->n;
  int order = n ? memcmp(x->p, y->p, n) : 0;
  return order ? order : (x->n > y->n) - (x->n < y->n);
}

static bool write_value(lua_State *L, int idx, kl_buf *out, int depth, char *why);

static void write_float(kl_buf *out, double v) {
  if (v == floor(v) && fabs(v) < 9007199254740992.0) {
    kl_buf_int(out, (int64_t)v);
    return;
  }
  char text[40];
  for (int digits = 15; digits <= 17; digits++) { /* the shortest that reads back as the same number */
    snprintf(text, sizeof text, "%.*g", digits, v);
    if (strtod(text, NULL) == v) break;
  }
  kl_buf_str(out, text);
}

/* Counts the keys; false when the table is neither a list 1..n nor an object with string keys. */
static bool classify(lua_State *L, int idx, size_t *n, bool *list, char *why) {
  size_t strings = 0, others = 0;
  for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
    if (lua_type(L, -2) == LUA_TSTRING)
      strings++;
    else
      others++;
  }
  if (others == 0) {
    *n = strings;
    *list = strings == 0 && is_marked(L, idx);
    return true;
  }
  bool sequence = strings == 0;
  for (size_t i = 1; sequence && i <= others; i++) {
    sequence = lua_rawgeti(L, idx, (lua_Integer)i) != LUA_TNIL;
    lua_pop(L, 1);
  }
  if (!sequence) {
    snprintf(why, KL_JSON_MESSAGE,
             strings ? "a table with both names and other keys is neither an object nor an array"
                     : "a table whose keys are not 1 to n (a hole in a list?) is not an array");
    return false;
  }
  *n = others;
  *list = true;
  return true;
}

static bool write_object(lua_State *L, int idx, size_t n, kl_buf *out, int depth, char *why) {
  key *keys = lua_newuserdatauv(L, (n ? n : 1) * sizeof *keys, 0); /* freed by Lua, also when it raises */
  size_t count = 0;
  for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1), count++)
    keys[count].p = lua_tolstring(L, -2, &keys[count].n);
  qsort(keys, n, sizeof *keys, compare_keys);
  kl_buf_char(out, '{');
  bool ok = true;
  for (size_t i = 0; ok && i < n; i++) {
    if (i) kl_buf_char(out, ',');
    kl_buf_json_string(out, keys[i].p, keys[i].n);
    kl_buf_char(out, ':');
    lua_pushlstring(L, keys[i].p, keys[i].n);
    lua_rawget(L, idx);
    ok = write_value(L, lua_gettop(L), out, depth, why);
    lua_pop(L, 1);
  }
  kl_buf_char(out, '}');
  lua_pop(L, 1);
  return ok && !out->failed;
}

static bool write_list(lua_State *L, int idx, size_t n, kl_buf *out, int depth, char *why) {
  kl_buf_char(out, '[');
  bool ok = true;
  for (size_t i = 1; ok && i <= n; i++) {
    if (i > 1) kl_buf_char(out, ',');
    lua_rawgeti(L, idx, (lua_Integer)i);
    ok = write_value(L, lua_gettop(L), out, depth, why);
    lua_pop(L, 1);
  }
  kl_buf_char(out, ']');
  return ok && !out->failed;
}

/* idx is absolute. */
static bool write_value(lua_State *L, int idx, kl_buf *out, int depth, char *why) {
  kl_check_time(L);
  if (!lua_checkstack(L, 8)) {
    snprintf(why, KL_JSON_MESSAGE, "not enough memory");
    return false;
  }
  switch (lua_type(L, idx)) {
  case LUA_TNIL:
    kl_buf_str(out, "null");
    return true;
  case LUA_TBOOLEAN:
    kl_buf_str(out, lua_toboolean(L, idx) ? "true" : "false");
    return true;
  case LUA_TNUMBER:
    if (lua_isinteger(L, idx)) {
      kl_buf_int(out, lua_tointeger(L, idx));
      return true;
    }
    if (!isfinite(lua_tonumber(L, idx))) {
      snprintf(why, KL_JSON_MESSAGE, "JSON has no infinity and no NaN");
      return false;
    }
    write_float(out, lua_tonumber(L, idx));
    return true;
  case LUA_TSTRING: {
    size_t n;
    const char *s = lua_tolstring(L, idx, &n);
    kl_buf_json_string(out, s, n);
    return !out->failed; /* what is full need not be walked on */
  }
  case LUA_TLIGHTUSERDATA:
    if (kl_json_is_null(L, idx)) {
      kl_buf_str(out, "null");
      return true;
    }
    if (lua_touserdata(L, idx) == (const void *)&empty_array_mark) {
      kl_buf_str(out, "[]");
      return true;
    }
    break;
  case LUA_TTABLE: {
    size_t n;
    bool list;
    if (depth >= KL_JSON_DEPTH) {
      snprintf(why, KL_JSON_MESSAGE, "tables nested deeper than 100 (one that holds itself?)");
      return false;
    }
    if (!classify(L, idx, &n, &list, why)) return false;
    return list ? write_list(L, idx, n, out, depth + 1, why) : write_object(L, idx, n, out, depth + 1, why);
  }
  default:
    break;
  }
  snprintf(why, KL_JSON_MESSAGE, "JSON has no place for a %s", luaL_typename(L, idx));
  return false;
}

typedef struct {
  kl_buf *out;
  char *why;
  bool ok;
} writer;

static int write_protected(lua_State *L) {
  writer *w = lua_touserdata(L, 2);
  lua_settop(L, 1);
  w->ok = write_value(L, 1, w->out, 0, w->why);
  return 0;
}

bool kl_json_write(lua_State *L, int idx, kl_buf *out, char why[KL_JSON_MESSAGE]) {
  writer w = {.out = out, .why = why, .ok = false};
  snprintf(why, KL_JSON_MESSAGE, "not enough memory");
  if (!lua_checkstack(L, 4)) return false;
  /* A table can be in a value many times over: the memory of the script, which the buffer is not counted in, is the
   * bound of the text. A state without a script is one of a test. */
  const kl_script *s = kl_script_of(L);
  size_t most = out->most, cap = s ? kl_script_get_options(s)->memory_cap : 0;
  if (!most) out->most = cap;
  idx = lua_absindex(L, idx);
  lua_pushcfunction(L, write_protected);
  lua_pushvalue(L, idx);
  lua_pushlightuserdata(L, &w);
  bool raised = lua_pcall(L, 2, 0, 0) != LUA_OK;
  if (raised) lua_pop(L, 1);
  if (out->failed && out->most)
    snprintf(why, KL_JSON_MESSAGE, "the text is longer than the %zu MB of memory that the script may have",
             out->most >> 20);
  out->most = most;
  return !raised && w.ok && !out->failed;
}

void kl_json_encode(lua_State *L, int idx, kl_buf *out) {
  char why[KL_JSON_MESSAGE];
  if (kl_json_write(L, idx, out, why)) return;
  kl_buf_free(out);
  kl_check_time(L);
  kl_raisef(L, KL_ERR_VALIDATION, "%s", why);
}

/* ---- the module ---- */

static int buffer_gc(lua_State *L) {
  kl_buf_free(lua_touserdata(L, 1));
  return 0;
}

kl_buf *kl_push_buffer(lua_State *L) {
  kl_buf *b = lua_newuserdatauv(L, sizeof *b, 0);
  memset(b, 0, sizeof *b);
  /* One text, named often, is much more as JSON. A state without a script is one of a fuzz target. */
  const kl_script *s = kl_script_of(L);
  b->most = s ? kl_script_get_options(s)->memory_cap : 0;
  if (luaL_newmetatable(L, "kalua.buffer")) {
    lua_pushcfunction(L, buffer_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return b;
}

static int l_decode(lua_State *L) {
  size_t n;
  const char *s = kl_check_text(L, 1, "json.decode", &n);
  char why[KL_JSON_MESSAGE];
  if (!kl_json_read(L, s, n, NULL, false, why))
    return kl_raise_coded(L, KL_ERR_VALIDATION, "not_json", "json.decode: %s", why);
  return 1;
}

static int l_encode(lua_State *L) {
  if (lua_isnone(L, 1)) return kl_bad_argument(L, 1, "json.encode", "a value");
  kl_buf *out = kl_push_buffer(L);
  char why[KL_JSON_MESSAGE];
  if (!kl_json_write(L, 1, out, why)) {
    kl_check_time(L); /* what was raised inside for that did not come out */
    return kl_raise_coded(L, KL_ERR_VALIDATION, "not_plain_data", "json.encode: %s", why);
  }
  lua_pushlstring(L, out->data, out->len);
  kl_buf_free(out);
  return 1;
}

int luaopen_kl_json(lua_State *L) {
  static const luaL_Reg functions[] = {{"decode", l_decode}, {"encode", l_encode}, {NULL, NULL}};
  luaL_newlib(L, functions);
  kl_guard_allow_fields(L, -1, "decode encode");
  lua_pushcfunction(L, write_protected);
  kl_guard_allow(L, -1);
  lua_pop(L, 1);
  kl_json_push_null(L);
  lua_setfield(L, -2, "null");
  lua_pushlightuserdata(L, (void *)(uintptr_t)&empty_array_mark);
  lua_setfield(L, -2, "empty_array");
  return 1;
}
