#include "prompt/portrait.h"

#include <limits.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bindings/bindings.h"
#include "net/utf8.h"
#include "prompt/table_keys.h"
#include "script/image.h"
#include "script/script.h"

const kl_portrait_limits kl_portrait_draw = {
    .depth = 6, .rows = 1000, .nodes = 10000, .text = 4000, .size = 512 * 1024};
const kl_portrait_limits kl_portrait_whole = {
    .depth = 100, .rows = INT_MAX, .nodes = SIZE_MAX, .text = SIZE_MAX, .size = (size_t)16 << 20};

enum {
  FEWEST_STEPS = 10000, /* entries of tables that are looked at in all, to count and to sort them */
  COUNTED = 1000,       /* of a table that is not opened */
  NAMED = 5000,         /* functions that are given the names of modules */
  NAME_MAX_LEN = 100,
  DEEP = 3,          /* from this depth on texts are cut sooner: of a list's rows only the begin is looked at */
  DEEP_SHARE = 8,    /* so much sooner */
  PLACE_LEVELS = 20, /* of a coroutine */
  TIME_EVERY = 4096  /* values, between two looks at the time */
};

typedef struct {
  lua_State *L;
  const kl_portrait_limits *limits;
  kl_buf *out;
  size_t from;         /* where the portraits begin in `out` */
  size_t nodes, steps; /* left */
  lua_Integer last_id; /* of a table or userdata */
  int seen;            /* stack index of a table: those shown, with their numbers */
  int names;           /* stack index of a table: functions and their names; nil until one is needed */
} painter;

static void value(painter *p, int idx, int depth);

__attribute__((noreturn)) static void no_memory(lua_State *L) {
  kl_raisef(L, KL_ERR_INTERNAL, "not enough memory to show a value");
  abort(); /* the call above does not return */
}

static bool full(const painter *p) { return p->nodes == 0 || p->out->len - p->from >= p->limits->size; }

/* ---- texts and numbers ---- */

/* At most `most` bytes of a text, without the part of a character at the end. */
static size_t cut_text(const char *s, size_t n, size_t most) {
  if (n <= most) return n;
  size_t kept = most;
  for (int i = 0; i < 3 && kept > 0 && ((unsigned char)s[kept] & 0xc0) == 0x80; i++)
    kept--;
  return ((unsigned char)s[kept] & 0xc0) == 0x80 ? most : kept;
}

static void base64(painter *p, const char *s, size_t n) {
  enum { PART = 3 << 12 }; /* a multiple of three: no padding in between */
  kl_buf_char(p->out, '"');
  for (size_t at = 0; at < n; at += PART) {
    size_t part = n - at < PART ? n - at : PART;
    if (!kl_buf_reserve(p->out, (part + 2) / 3 * 4 + 1)) no_memory(p->L);
    p->out->len +=
        (size_t)EVP_EncodeBlock((unsigned char *)p->out->data + p->out->len, (const unsigned char *)s + at, (int)part);
  }
  kl_buf_char(p->out, '"');
}

static void string(painter *p, const char *s, size_t n, int depth) {
  size_t most = depth >= DEEP ? p->limits->text / DEEP_SHARE : p->limits->text;
  size_t used = p->out->len - p->from, room = p->limits->size > used ? p->limits->size - used : 0;
  if (most > room) most = room;
  size_t kept = cut_text(s, n, most);
  bool valid = kl_utf8_valid(s, kept);
  if (valid && kept == n) {
    kl_buf_json_string(p->out, s, n);
    return;
  }
  kl_buf_str(p->out, valid ? "{\"s\":" : "{\"b\":");
  if (valid)
    kl_buf_json_string(p->out, s, kept);
  else
    base64(p, s, kept);
  if (kept < n) kl_buf_printf(p->out, ",\"len\":%zu", n);
  kl_buf_char(p->out, '}');
}

/* A name that is not to be long; whatever its bytes are. */
static void name_text(painter *p, const char *s, size_t n) {
  kl_buf_json_string(p->out, s, cut_text(s, n, NAME_MAX_LEN));
}

/* The shortest text that reads back as the same float, and as a float. */
static void number(painter *p, double v) {
  char text[48];
  if (isnan(v)) {
    snprintf(text, sizeof text, "nan");
  } else if (isinf(v)) {
    snprintf(text, sizeof text, v > 0 ? "inf" : "-inf");
  } else {
    for (int digits = 15; digits <= 17; digits++) {
      snprintf(text, sizeof text, "%.*g", digits, v);
      if (strtod(text, NULL) == v) break;
    }
    if (!strpbrk(text, ".e")) strncat(text, ".0", 3);
  }
  kl_buf_printf(p->out, "{\"n\":\"%s\"}", text);
}

/* ---- functions and coroutines ---- */

/* Notes functions of the table at the top under its name; with `c_only` those of Lua are left out. */
static void name_members(painter *p, const char *module, bool c_only, size_t *left) {
  lua_State *L = p->L;
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) { /* … module key value */
    if (*left == 0) {
      lua_pop(L, 2);
      return;
    }
    --*left;
    if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TFUNCTION) continue;
    if (c_only && !lua_iscfunction(L, -1)) continue;
    lua_pushvalue(L, -1);
    bool known = lua_rawget(L, p->names) != LUA_TNIL;
    lua_pop(L, 1);
    if (known) continue;
    lua_pushvalue(L, -1);
    if (module)
      lua_pushfstring(L, "%s.%s", module, lua_tostring(L, -3));
    else
      lua_pushvalue(L, -3);
    lua_rawset(L, p->names);
  }
}

/* What functions of the runtime are called: those among the globals, and those of the modules. */
static void collect_names(painter *p) {
  lua_State *L = p->L;
  size_t left = NAMED;
  const int top = lua_gettop(L);
  lua_newtable(L);
  lua_replace(L, p->names);
  lua_pushglobaltable(L);
  name_members(p, NULL, true, &left);
  lua_pop(L, 1);
  lua_pushliteral(L, LUA_LOADED_TABLE);
  if (lua_rawget(L, LUA_REGISTRYINDEX) == LUA_TTABLE) {
    for (lua_pushnil(L); left > 0 && lua_next(L, -2); lua_pop(L, 1)) {
      left--;
      if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TTABLE) continue;
      if (strcmp(lua_tostring(L, -2), LUA_GNAME) == 0) continue;
      name_members(p, lua_tostring(L, -2), false, &left);
    }
  }
  lua_settop(L, top);
}

static void function(painter *p, int idx) {
  lua_State *L = p->L;
  lua_Debug ar;
  lua_pushvalue(L, idx);
  lua_getinfo(L, ">S", &ar);
  bool c = *ar.what == 'C';
  kl_buf_str(p->out, "{\"fn\":");
  bool named = false;
  if (c || *ar.source != '@') { /* a function of a file is told apart by its place */
    lua_pushvalue(L, idx);
    size_t n;
    named = lua_rawget(L, p->names) == LUA_TSTRING;
    const char *name = named ? lua_tolstring(L, -1, &n) : NULL;
    if (name) name_text(p, name, n);
    lua_pop(L, 1);
  }
  if (!named && c) {
    kl_buf_str(p->out, "\"?\"");
  } else if (!named) {
    char place[LUA_IDSIZE + 16];
    snprintf(place, sizeof place, "%s:%d", ar.short_src, ar.linedefined);
    kl_buf_json_cstr(p->out, place);
  }
  kl_buf_str(p->out, c ? ",\"c\":true}" : "}");
}

static const char *coroutine_status(lua_State *L, lua_State *co) {
  lua_Debug ar;
  if (co == L) return "running";
  if (lua_status(co) == LUA_YIELD) return "suspended";
  if (lua_status(co) != LUA_OK) return "dead";
  if (lua_getstack(co, 0, &ar)) return "normal";
  return lua_gettop(co) == 0 ? "dead" : "suspended";
}

static void coroutine(painter *p, lua_State *co) {
  lua_Debug ar;
  kl_buf_printf(p->out, "{\"co\":\"%s\"", coroutine_status(p->L, co));
  for (int level = 0; level < PLACE_LEVELS && lua_getstack(co, level, &ar); level++) {
    lua_getinfo(co, "Sl", &ar);
    if (ar.currentline <= 0) continue;
    char place[LUA_IDSIZE + 16];
    snprintf(place, sizeof place, "%s:%d", ar.short_src, ar.currentline);
    kl_buf_str(p->out, ",\"at\":");
    kl_buf_json_cstr(p->out, place);
    break;
  }
  kl_buf_char(p->out, '}');
}

/* ---- tables ---- */

/* How a table is walked through: from 1 to `listed` it was shown, up to `n` it is a list. */
typedef struct {
  int idx;
  lua_Integer listed, n;
  bool cut; /* not all of it was looked at */
} walk;

/* Pushes where the walk begins. A list that is much longer than what may be looked at is skipped. */
static void begin_walk(painter *p, walk *w) {
  lua_pushnil(p->L);
  if (w->n < 0 || (uint64_t)w->n <= p->steps) return;
  w->cut = true;
  lua_pop(p->L, 1);
  lua_pushinteger(p->L, w->n);
  if (lua_rawgeti(p->L, w->idx, w->n) == LUA_TNIL) { /* no key to go on from */
    lua_pop(p->L, 2);
    lua_pushnil(p->L);
    return;
  }
  lua_pop(p->L, 1);
}

/* The next key that is not of the list, pushed above the one it comes after, which it replaces; false at the end, with
 * nothing left on the stack. */
static bool next_key(painter *p, walk *w) {
  lua_State *L = p->L;
  for (;;) {
    if (p->steps == 0) {
      w->cut = true;
      lua_pop(L, 1);
      return false;
    }
    p->steps--;
    if (!lua_next(L, w->idx)) return false;
    lua_pop(L, 1);
    if (!lua_isinteger(L, -1)) return true;
    lua_Integer i = lua_tointeger(L, -1);
    if (i < 1 || i > w->n) return true;
  }
}

/* The pairs that are not of the list: sorted, the first ones. */
static void pairs(painter *p, walk *w, int depth) {
  lua_State *L = p->L;
  const int top = lua_gettop(L);
  const size_t steps = p->steps;
  size_t room = (size_t)p->limits->rows, some = 0;
  if (room > p->nodes) room = p->nodes ? p->nodes : 1;
  walk first = *w;
  begin_walk(p, &first);
  while (some < room && next_key(p, &first))
    some++;
  if (some == room) lua_pop(L, 1); /* the key of the last turn */
  if (some == 0) {
    w->cut = first.cut;
    return;
  }
  kl_lowest_keys l = {.room = some};
  if (l.room > SIZE_MAX / sizeof *l.keys) no_memory(L);
  lua_newtable(L); /* others */
  const int others = top + 1;
  l.keys = lua_newuserdatauv(L, l.room * sizeof *l.keys, 0); /* others keys: Lua's, whatever is raised */
  lua_Integer n_others = 0;
  size_t count = 0;
  p->steps = steps; /* the first look was only for the room that it takes */
  begin_walk(p, w);
  for (; next_key(p, w); count++) {
    lua_pushvalue(L, -1);
    kl_table_key k = kl_table_key_take(L, others, &n_others);
    kl_lowest_keys_offer(&l, &k);
  }
  kl_lowest_keys_sort(&l);
  size_t shown = 0;
  kl_buf_str(p->out, ",\"h\":[");
  for (; shown < l.n && !full(p); shown++) {
    kl_buf_str(p->out, shown ? ",[" : "[");
    kl_table_key_push(L, &l.keys[shown], others); /* … key */
    p->nodes++;                                   /* a key is no value */
    value(p, lua_gettop(L), depth + 1);
    kl_buf_char(p->out, ',');
    lua_rawget(L, w->idx); /* … value */
    value(p, lua_gettop(L), depth + 1);
    lua_pop(L, 1);
    kl_buf_char(p->out, ']');
  }
  kl_buf_char(p->out, ']');
  if (count > shown) kl_buf_printf(p->out, ",\"nh\":%zu", count - shown);
  lua_settop(L, top);
}

/* Pushes the metatable of ours with this mark. */
static bool has_mark(lua_State *L, kl_image_mark mark) { /* … metatable */
  kl_image_push_mark(L, mark);
  bool same = lua_rawequal(L, -1, -2);
  lua_pop(L, 1);
  return same;
}

/* What the metatable says, and whether it is that of an array of JSON. */
static bool metatable(painter *p, int idx) {
  lua_State *L = p->L;
  if (!lua_getmetatable(L, idx)) return false;
  bool array = has_mark(L, KL_MARK_ARRAY);
  if (!array && has_mark(L, KL_MARK_ERROR)) {
    kl_buf_str(p->out, ",\"err\":true");
  } else if (!array) {
    size_t n;
    lua_pushliteral(L, "__name");
    kl_buf_str(p->out, ",\"mt\":");
    if (lua_rawget(L, -2) == LUA_TSTRING) {
      const char *name = lua_tolstring(L, -1, &n);
      name_text(p, name, n);
    } else {
      kl_buf_str(p->out, "true");
    }
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return array;
}

/* The number of entries of a table that is not opened. */
static void closed_table(painter *p, int idx) {
  size_t n = 0;
  bool more = false;
  for (lua_pushnil(p->L); lua_next(p->L, idx); lua_pop(p->L, 1)) {
    if (n == COUNTED || p->steps == 0) {
      more = true;
      lua_pop(p->L, 2);
      break;
    }
    p->steps--;
    n++;
  }
  size_t length = lua_rawlen(p->L, idx);
  if (more && length > n) n = length;
  kl_buf_printf(p->out, ",\"deep\":true,\"n\":%zu%s", n, more ? ",\"cut\":true" : "");
}

static void open_table(painter *p, int idx, int depth, bool array) {
  lua_State *L = p->L;
  size_t length = lua_rawlen(L, idx), shown = 0;
  walk w = {.idx = idx};
  bool hole = false;
  if (length || array) kl_buf_str(p->out, ",\"a\":[");
  for (; shown < length && shown < (size_t)p->limits->rows && !full(p); shown++) {
    hole = lua_rawgeti(L, idx, (lua_Integer)shown + 1) == LUA_TNIL;
    if (!hole) {
      if (shown) kl_buf_char(p->out, ',');
      value(p, lua_gettop(L), depth + 1);
    }
    lua_pop(L, 1);
    if (hole) break; /* what follows are pairs: all that is shown is where it is shown */
  }
  if (length || array) kl_buf_char(p->out, ']');
  w.listed = (lua_Integer)shown;
  w.n = hole ? w.listed : (lua_Integer)length;
  if (w.n > w.listed) kl_buf_printf(p->out, ",\"na\":%lld", (long long)(w.n - w.listed));
  pairs(p, &w, depth);
  if (w.cut) kl_buf_str(p->out, ",\"cut\":true");
}

/* Whether it was shown before: then it is named; else it gets its number. */
static bool known(painter *p, int idx, lua_Integer *id) {
  lua_State *L = p->L;
  lua_pushvalue(L, idx);
  if (lua_rawget(L, p->seen) != LUA_TNIL) {
    kl_buf_printf(p->out, "{\"ref\":%lld}", (long long)lua_tointeger(L, -1));
    lua_pop(L, 1);
    return true;
  }
  lua_pop(L, 1);
  *id = ++p->last_id;
  lua_pushvalue(L, idx);
  lua_pushinteger(L, *id);
  lua_rawset(L, p->seen);
  return false;
}

static void table(painter *p, int idx, int depth) {
  lua_Integer id;
  if (known(p, idx, &id)) return;
  kl_buf_printf(p->out, "{\"t\":%lld", (long long)id);
  bool array = metatable(p, idx);
  if (depth >= p->limits->depth || full(p))
    closed_table(p, idx);
  else
    open_table(p, idx, depth, array);
  kl_buf_char(p->out, '}');
}

static void userdata(painter *p, int idx, int depth) {
  lua_State *L = p->L;
  lua_Integer id;
  if (known(p, idx, &id)) return;
  kl_buf_str(p->out, "{\"u\":");
  bool has_metatable = lua_getmetatable(L, idx);
  size_t n;
  if (has_metatable) lua_pushliteral(L, "__name");
  if (has_metatable && lua_rawget(L, -2) == LUA_TSTRING) {
    const char *name = lua_tolstring(L, -1, &n);
    name_text(p, name, n);
  } else {
    kl_buf_str(p->out, "\"userdata\"");
  }
  kl_buf_printf(p->out, ",\"t\":%lld", (long long)id);
  if (has_metatable) {
    lua_pop(L, 1);
    lua_pushliteral(L, "__picture");
    lua_rawget(L, -2); /* metatable picture */
    if (lua_iscfunction(L, -1)) {
      lua_pushvalue(L, idx);
      lua_call(L, 1, 1);
      kl_buf_str(p->out, ",\"v\":");
      value(p, lua_gettop(L), depth);
    }
    lua_pop(L, 2);
  }
  kl_buf_char(p->out, '}');
}

/* ---- all of them ---- */

/* idx is absolute. */
static void value(painter *p, int idx, int depth) {
  lua_State *L = p->L;
  luaL_checkstack(L, 16, "a value that is too deep to show");
  if (p->nodes) p->nodes--;
  if (p->nodes % TIME_EVERY == 0 && kl_script_of(L)) kl_check_time(L);
  size_t n;
  const char *s;
  switch (lua_type(L, idx)) {
  case LUA_TNIL:
    kl_buf_str(p->out, "null");
    break;
  case LUA_TBOOLEAN:
    kl_buf_str(p->out, lua_toboolean(L, idx) ? "true" : "false");
    break;
  case LUA_TNUMBER:
    if (lua_isinteger(L, idx))
      kl_buf_int(p->out, lua_tointeger(L, idx));
    else
      number(p, lua_tonumber(L, idx));
    break;
  case LUA_TSTRING:
    s = lua_tolstring(L, idx, &n);
    string(p, s, n, depth);
    break;
  case LUA_TLIGHTUSERDATA:
    kl_buf_str(p->out, kl_json_is_null(L, idx) ? "{\"null\":true}" : "{\"p\":true}");
    break;
  case LUA_TFUNCTION:
    if (lua_isnil(L, p->names)) collect_names(p);
    function(p, idx);
    break;
  case LUA_TTHREAD:
    coroutine(p, lua_tothread(L, idx));
    break;
  case LUA_TTABLE:
    table(p, idx, depth);
    break;
  default:
    userdata(p, idx, depth);
    break;
  }
  if (p->out->failed) no_memory(L);
}

void kl_portrait_write(lua_State *L, int n, const kl_portrait_limits *limits, kl_buf *out) {
  const int top = lua_gettop(L);
  luaL_checkstack(L, 16, "not enough memory to show a value");
  painter p = {.L = L, .limits = limits, .out = out, .from = out->len, .nodes = limits->nodes};
  p.steps = limits->nodes > FEWEST_STEPS ? limits->nodes : FEWEST_STEPS;
  lua_newtable(L);
  p.seen = top + 1;
  lua_pushnil(L);
  p.names = top + 2;
  kl_buf_char(out, '[');
  for (int i = 1; i <= n; i++) {
    if (i > 1) kl_buf_char(out, ',');
    value(&p, top - n + i, 0);
  }
  kl_buf_char(out, ']');
  if (out->failed) no_memory(L);
  lua_settop(L, top);
}
