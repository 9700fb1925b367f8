/* Form of an image, all numbers little-endian:
 *
 *     4 bytes       "KLI" and the version
 *     8 bytes       checksum of all bytes behind it
 *     4 bytes       number of tables
 *     ...           the value
 *     ...           the contents of each table, in the order in which they were first met
 *     8 bytes each  for each table: its array entries, and its other entries with the highest bit set when it has a
 * mark
 *
 * A table within a value is its number, so tables need no nesting: neither writing nor reading recurses, and cycles,
 * sharing and depth are all the same. The contents of a table are the values of its array part, then keys and
 * values. A text of LONG_TEXT bytes and more that comes again is the place of its first time: many may share
 * one, and the image should not be many times the memory. */
#include "script/image.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "script/internal.h"

enum { VERSION = 1, CHECKED_FROM = 12, HEAD = 16, SIZES = 8, LONG_TEXT = 64, LOOK_EVERY = 0x8000 };
enum { MARK_SHIFT = 30 };
static const uint32_t max_entries = (UINT32_C(1) << MARK_SHIFT) - 1;

/* A change of the form or of kl_hash_bytes is a new version. */
static const uint8_t beginning[4] = {'K', 'L', 'I', VERSION};

/* The first byte of a value. Short texts have their length in it, small integers their value. */
enum {
  AS_NIL,
  AS_FALSE,
  AS_TRUE,
  AS_FLOAT,     /* 8 bytes */
  AS_INTEGER,   /* zigzag varint */
  AS_TEXT,      /* varint length, bytes */
  AS_SAME_TEXT, /* varint place of an AS_TEXT, from the start of the image */
  AS_TABLE,     /* varint number */
  AS_NULL,
  AS_SHORT_TEXT = 0x80,
  AS_SMALL_INTEGER = 0xC0
};

/* Marks and their metatables, each the key of the other: a registry table under this key. */
static const char marks_key = 0;

#define WRITER_META "kalua.image"

/* ---- marks ---- */

static void push_marks(lua_State *L) {
  luaL_checkstack(L, 4, NULL);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &marks_key) == LUA_TTABLE) return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &marks_key);
}

void kl_image_set_mark(lua_State *L, kl_image_mark mark) {
  push_marks(L);        /* meta marks */
  lua_insert(L, -2);    /* marks meta */
  lua_pushvalue(L, -1); /* marks meta meta */
  lua_pushinteger(L, mark);
  lua_rawset(L, -4); /* marks meta */
  lua_rawseti(L, -2, mark);
  lua_pop(L, 1);
}

void kl_image_push_mark(lua_State *L, kl_image_mark mark) {
  push_marks(L);
  if (lua_rawgeti(L, -1, mark) != LUA_TTABLE) {
    lua_pop(L, 1);
    lua_createtable(L, 0, 2);
    /* Scripts may give the table another metatable but not reach into this one: a __gc there would be one of all that
     * are to come. */
    lua_pushliteral(L, "json.array");
    lua_setfield(L, -2, "__metatable");
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, "__replaceable");
    lua_pushvalue(L, -1);
    kl_image_set_mark(L, mark);
  }
  lua_replace(L, -2);
}

/* A long value is work without an instruction of Lua, so the watchdog is asked here. */
static void look(lua_State *L) {
  if (kl_script_of(L)) kl_watch_check(L);
}

/* ---- writing ---- */

typedef enum { PLACE_ROOT, PLACE_INDEX, PLACE_KEY, PLACE_AS_KEY } place_kind;

/* Where a value stands. */
typedef struct {
  uint64_t key;   /* PLACE_INDEX: the index; PLACE_KEY: where the key stands in the image */
  uint32_t table; /* that it stands in */
  place_kind kind;
} place;

typedef struct {
  place place; /* where it was first met */
  uint32_t array, hash;
} met_table;

typedef struct {
  const void *p; /* NULL: free */
  uint64_t id;
} met_slot;

/* Memory of a writing, in a userdata of Lua's, so that it is released whatever is raised. */
typedef struct {
  met_slot *slots; /* by address: the number of a table, the place of a long text */
  size_t n_slots, used;
  met_table *tables;
  size_t n_tables, room;
  /* of the running call */
  lua_State *L;
  kl_buf *out;
  size_t from; /* where the image begins in `out` */
  const char *root;
  int list; /* stack index of the Lua table that has the tables by number, from 1 */
  uint32_t steps;
} writer;

static void release(writer *w) {
  free(w->slots);
  free(w->tables);
  w->slots = NULL;
  w->tables = NULL;
}

static int l_release(lua_State *L) {
  release(luaL_checkudata(L, 1, WRITER_META));
  return 0;
}

static writer *push_writer(lua_State *L) {
  writer *w = lua_newuserdatauv(L, sizeof *w, 0);
  memset(w, 0, sizeof *w);
  if (luaL_newmetatable(L, WRITER_META)) {
    lua_pushcfunction(L, l_release);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return w;
}

__attribute__((noreturn)) static void no_memory(lua_State *L) {
  kl_raisef(L, KL_ERR_INTERNAL, "not enough memory to copy plain data");
  abort(); /* the call above does not return */
}

static uint8_t *put_int(uint8_t *p, uint64_t v) {
  for (; v >= 0x80; v >>= 7)
    *p++ = (uint8_t)(v | 0x80);
  *p++ = (uint8_t)v;
  return p;
}

static void put_fixed(uint8_t *p, uint64_t v, int bytes) {
  for (int i = 0; i < bytes; i++)
    p[i] = (uint8_t)(v >> (8 * i));
}

/* Room for a value without the bytes of a text. */
static uint8_t *room(writer *w, size_t extra) {
  if (!kl_buf_reserve(w->out, extra + 16)) no_memory(w->L);
  return (uint8_t *)w->out->data + w->out->len;
}

static void put_end(writer *w, const uint8_t *end) { w->out->len = (size_t)(end - (uint8_t *)w->out->data); }

static size_t slot_of(const writer *w, const void *p) {
  size_t i = (size_t)(((uint64_t)(uintptr_t)p * 0x9E3779B97F4A7C15u) >> 20) & (w->n_slots - 1);
  while (w->slots[i].p && w->slots[i].p != p)
    i = (i + 1) & (w->n_slots - 1);
  return i;
}

static void grow_slots(writer *w) {
  met_slot *old = w->slots;
  size_t n = w->n_slots;
  met_slot *slots = calloc(n ? n * 2 : 64, sizeof *slots);
  if (!slots) no_memory(w->L);
  w->slots = slots;
  w->n_slots = n ? n * 2 : 64;
  for (size_t i = 0; i < n; i++)
    if (old[i].p) w->slots[slot_of(w, old[i].p)] = old[i];
  free(old);
}

/* Whether p was met before; remembered as `id` otherwise. */
static bool met(writer *w, const void *p, uint64_t *id) {
  if (w->used * 4 >= w->n_slots * 3) grow_slots(w);
  met_slot *s = &w->slots[slot_of(w, p)];
  if (s->p) {
    *id = s->id;
    return true;
  }
  s->p = p;
  s->id = *id;
  w->used++;
  return false;
}

__attribute__((noreturn)) static void fail(writer *w, int idx, place at);

static void put_text(writer *w, int idx) {
  size_t n;
  const char *text = lua_tolstring(w->L, idx, &n);
  uint8_t *p;
  if (n < LONG_TEXT) {
    p = room(w, n);
    *p++ = (uint8_t)(AS_SHORT_TEXT | n);
  } else {
    uint64_t id = w->out->len - w->from;
    if (met(w, lua_topointer(w->L, idx), &id)) {
      p = room(w, 0);
      *p++ = AS_SAME_TEXT;
      put_end(w, put_int(p, id));
      return;
    }
    p = room(w, n);
    *p++ = AS_TEXT;
    p = put_int(p, n);
  }
  memcpy(p, text, n);
  put_end(w, p + n);
}

/* Whether the table at idx may cross: it has no metatable, or one that is a mark. */
static bool may_cross(lua_State *L, int idx, uint32_t *mark) {
  *mark = 0;
  if (!lua_getmetatable(L, idx)) return true;
  push_marks(L);
  lua_insert(L, -2);
  lua_rawget(L, -2);
  *mark = (uint32_t)lua_tointeger(L, -1);
  lua_pop(L, 2);
  return *mark != 0;
}

static void put_table(writer *w, int idx, place at) {
  lua_State *L = w->L;
  uint64_t id = w->n_tables;
  if (!met(w, lua_topointer(L, idx), &id)) {
    if (w->n_tables == w->room) {
      size_t want = w->room ? w->room * 2 : 16;
      met_table *grown = want < UINT32_MAX ? realloc(w->tables, want * sizeof *grown) : NULL;
      if (!grown) no_memory(L);
      w->tables = grown;
      w->room = want;
    }
    w->tables[w->n_tables++] = (met_table){.place = at};
    lua_pushvalue(L, idx);
    lua_rawseti(L, w->list, (lua_Integer)w->n_tables);
  }
  uint8_t *p = room(w, 0);
  *p++ = AS_TABLE;
  put_end(w, put_int(p, id));
}

static void put_value(writer *w, int idx, place at) {
  lua_State *L = w->L;
  uint8_t *p;
  switch (lua_type(L, idx)) {
  case LUA_TNIL:
    p = room(w, 0);
    *p++ = AS_NIL;
    break;
  case LUA_TBOOLEAN:
    p = room(w, 0);
    *p++ = lua_toboolean(L, idx) ? AS_TRUE : AS_FALSE;
    break;
  case LUA_TNUMBER:
    p = room(w, 0);
    if (lua_isinteger(L, idx)) {
      lua_Integer v = lua_tointeger(L, idx);
      if (v >= 0 && v < 64) {
        *p++ = (uint8_t)(AS_SMALL_INTEGER | v);
        break;
      }
      *p++ = AS_INTEGER;
      p = put_int(p, (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0));
    } else {
      double v = lua_tonumber(L, idx);
      uint64_t bits;
      memcpy(&bits, &v, sizeof bits);
      *p++ = AS_FLOAT;
      put_fixed(p, bits, 8);
      p += 8;
    }
    break;
  case LUA_TSTRING:
    put_text(w, idx);
    return;
  case LUA_TTABLE:
    put_table(w, idx, at);
    return;
  case LUA_TLIGHTUSERDATA:
    if (!lua_touserdata(L, idx)) {
      p = room(w, 0);
      *p++ = AS_NULL;
      break;
    }
    fail(w, idx, at);
    return;
  default:
    fail(w, idx, at);
    return;
  }
  put_end(w, p);
}

/* The contents of the table at the top of the stack. */
static void put_contents(writer *w, uint32_t id) {
  lua_State *L = w->L;
  int t = lua_gettop(L);
  uint32_t mark;
  if (!may_cross(L, t, &mark)) fail(w, t, w->tables[id].place);
  uint32_t array = 0, hash = 0;
  lua_pushnil(L);
  while (lua_next(L, t)) { /* t key value */
    if (++w->steps % LOOK_EVERY == 0) look(L);
    if (hash == 0 && lua_isinteger(L, t + 1) && lua_tointeger(L, t + 1) == (lua_Integer)array + 1) {
      array++;
      put_value(w, t + 2, (place){.table = id, .kind = PLACE_INDEX, .key = array});
    } else {
      hash++;
      uint64_t key = w->out->len - w->from;
      put_value(w, t + 1, (place){.table = id, .kind = PLACE_AS_KEY});
      put_value(w, t + 2, (place){.table = id, .kind = PLACE_KEY, .key = key});
    }
    lua_settop(L, t + 1);
  }
  if (array > max_entries || hash > max_entries) no_memory(L);
  w->tables[id].array = array;
  w->tables[id].hash = hash | mark << MARK_SHIFT;
}

static void put_sizes(writer *w) {
  uint8_t *p = room(w, w->n_tables * SIZES);
  for (size_t i = 0; i < w->n_tables; i++, p += SIZES) {
    put_fixed(p, w->tables[i].array, 4);
    put_fixed(p + 4, w->tables[i].hash, 4);
  }
  put_end(w, p);
}

void kl_image_write(lua_State *L, int idx, const char *root, kl_buf *out) {
  idx = lua_absindex(L, idx);
  luaL_checkstack(L, 12, NULL);
  int top = lua_gettop(L);
  writer *w = push_writer(L);
  w->L = L;
  w->out = out;
  w->from = out->len;
  w->root = root;
  lua_newtable(L);
  w->list = lua_gettop(L);
  put_end(w, room(w, HEAD) + HEAD);
  put_value(w, idx, (place){.kind = PLACE_ROOT});
  for (size_t id = 0; id < w->n_tables; id++) {
    lua_rawgeti(L, w->list, (lua_Integer)id + 1);
    put_contents(w, (uint32_t)id);
    lua_settop(L, w->list);
  }
  put_sizes(w);
  uint8_t *head = (uint8_t *)out->data + w->from;
  memcpy(head, beginning, sizeof beginning);
  put_fixed(head + CHECKED_FROM, w->n_tables, 4);
  put_fixed(head + 4, kl_hash_bytes(head + CHECKED_FROM, out->len - w->from - CHECKED_FROM), 8);
  out->data[out->len] = 0;
  release(w);
  lua_settop(L, top);
}

/* ---- reading ---- */

typedef struct {
  lua_State *L;
  const uint8_t *start, *p, *end;
  uint32_t n_tables;
  int list;  /* stack index of the tables by number, from 1 */
  int texts; /* stack index of the long texts by place */
} reader;

__attribute__((noreturn)) static void damaged(const reader *r, const char *what) {
  kl_raise_coded(r->L, KL_ERR_VALIDATION, "state_file_damaged",
                 "these are not the bytes of plain data, or they were damaged: %s at byte %zu", what,
                 (size_t)(r->p - r->start));
  abort(); /* the call above does not return */
}

static uint64_t get_fixed(const uint8_t *p, int bytes) {
  uint64_t v = 0;
  for (int i = 0; i < bytes; i++)
    v |= (uint64_t)p[i] << (8 * i);
  return v;
}

static uint64_t get_int(reader *r) {
  uint64_t v = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (r->p == r->end) break;
    uint8_t b = *r->p++;
    if (shift == 63 && b > 1) break;
    v |= (uint64_t)(b & 0x7f) << shift;
    if (b < 0x80) return v;
  }
  damaged(r, "a number that does not end");
}

static void get_text(reader *r, uint64_t n) {
  if (n > (uint64_t)(r->end - r->p)) damaged(r, "a text that does not end");
  lua_pushlstring(r->L, (const char *)r->p, (size_t)n);
  r->p += n;
}

/* Pushes the next value. */
static void get_value(reader *r) {
  lua_State *L = r->L;
  if (r->p == r->end) damaged(r, "a value is missing");
  const uint8_t *at = r->p;
  uint8_t as = *r->p++;
  if (as >= AS_SMALL_INTEGER) {
    lua_pushinteger(L, as & 0x3f);
    return;
  }
  if (as >= AS_SHORT_TEXT) {
    get_text(r, as & 0x3f);
    return;
  }
  uint64_t v;
  switch (as) {
  case AS_NIL:
    lua_pushnil(L);
    return;
  case AS_FALSE:
    lua_pushboolean(L, false);
    return;
  case AS_TRUE:
    lua_pushboolean(L, true);
    return;
  case AS_NULL:
    lua_pushlightuserdata(L, NULL);
    return;
  case AS_FLOAT: {
    if (r->end - r->p < 8) damaged(r, "a float that does not end");
    v = get_fixed(r->p, 8);
    r->p += 8;
    double d;
    memcpy(&d, &v, sizeof d);
    lua_pushnumber(L, d);
    return;
  }
  case AS_INTEGER:
    v = get_int(r);
    lua_pushinteger(L, (lua_Integer)(v >> 1 ^ (v & 1 ? UINT64_MAX : 0)));
    return;
  case AS_TEXT:
    get_text(r, get_int(r));
    lua_pushvalue(L, -1);
    lua_rawseti(L, r->texts, (lua_Integer)(at - r->start));
    return;
  case AS_SAME_TEXT:
    v = get_int(r);
    if (v >= (uint64_t)(r->end - r->start) || lua_rawgeti(L, r->texts, (lua_Integer)v) != LUA_TSTRING)
      damaged(r, "a text that comes again before it came");
    return;
  case AS_TABLE:
    v = get_int(r);
    if (v >= r->n_tables) damaged(r, "a table that does not exist");
    lua_rawgeti(L, r->list, (lua_Integer)v + 1);
    return;
  default:
    damaged(r, "an unknown kind of value");
  }
}

static void get_contents(reader *r, uint32_t array, uint32_t hash) { /* table at the top */
  lua_State *L = r->L;
  int t = lua_gettop(L);
  uint32_t mark = hash >> MARK_SHIFT;
  if (mark > KL_MARK_ARRAY) damaged(r, "an unknown mark");
  if (mark) {
    kl_image_push_mark(L, mark);
    lua_setmetatable(L, t);
  }
  uint32_t steps = 0;
  for (uint32_t i = 1; i <= array; i++) {
    if (++steps % LOOK_EVERY == 0) look(L);
    get_value(r);
    lua_rawseti(L, t, i);
  }
  for (uint32_t i = 0; i < (hash & max_entries); i++) {
    if (++steps % LOOK_EVERY == 0) look(L);
    get_value(r);
    if (lua_isnil(L, -1) || (lua_type(L, -1) == LUA_TNUMBER && isnan(lua_tonumber(L, -1))))
      damaged(r, "a key that can be none");
    get_value(r);
    lua_rawset(L, t);
  }
}

void kl_image_read(lua_State *L, const void *p, size_t n) {
  luaL_checkstack(L, 16, NULL);
  const uint8_t *head = p;
  reader r = {.L = L, .start = head, .p = head, .end = head + n};
  if (n < HEAD || memcmp(head, beginning, 3) != 0) damaged(&r, "the beginning is missing");
  if (head[3] != VERSION) {
    kl_raise_coded(L, KL_ERR_VALIDATION, "state_file_newer",
                   "this plain data was written in form %d, which this program does not read: it reads %d", head[3],
                   VERSION);
  }
  if (get_fixed(head + 4, 8) != kl_hash_bytes(head + CHECKED_FROM, n - CHECKED_FROM))
    damaged(&r, "the checksum is wrong");
  r.n_tables = (uint32_t)get_fixed(head + CHECKED_FROM, 4);
  size_t body = n - HEAD;
  if (r.n_tables > body / SIZES) damaged(&r, "more tables than there is room for");
  body -= (size_t)r.n_tables * SIZES;
  r.p = head + HEAD;
  r.end = r.p + body;
  /* An entry takes a byte at the least, one with a key two: what was promised must be possible before memory is taken.
   */
  const uint8_t *sizes = r.end;
  uint64_t least = 0;
  for (size_t i = 0; i < r.n_tables; i++)
    least += get_fixed(sizes + i * SIZES, 4) + 2 * (get_fixed(sizes + i * SIZES + 4, 4) & max_entries);
  if (least > body) damaged(&r, "more entries than there is room for");
  lua_createtable(L, (int)r.n_tables, 0);
  r.list = lua_gettop(L);
  lua_newtable(L);
  r.texts = r.list + 1;
  for (size_t i = 0; i < r.n_tables; i++) {
    if (i % LOOK_EVERY == LOOK_EVERY - 1) look(L);
    lua_createtable(L, (int)get_fixed(sizes + i * SIZES, 4), (int)(get_fixed(sizes + i * SIZES + 4, 4) & max_entries));
    lua_rawseti(L, r.list, (lua_Integer)i + 1);
  }
  get_value(&r);
  for (size_t i = 0; i < r.n_tables; i++) {
    lua_rawgeti(L, r.list, (lua_Integer)i + 1);
    get_contents(&r, (uint32_t)get_fixed(sizes + i * SIZES, 4), (uint32_t)get_fixed(sizes + i * SIZES + 4, 4));
    lua_pop(L, 1);
  }
  if (r.p != r.end) damaged(&r, "bytes behind the end");
  lua_replace(L, r.list);
  lua_settop(L, r.list);
}

/* ---- the path to what cannot cross ---- */

enum { FIRST = 6, LAST = 6, KEY_SHOWN = 32 };

static bool is_name(const char *s, size_t n) {
  static const char *const words[] = {"and",      "break",  "do",   "else", "elseif", "end",  "false", "for",
                                      "function", "goto",   "if",   "in",   "local",  "nil",  "not",   "or",
                                      "repeat",   "return", "then", "true", "until",  "while"};
  if (n == 0 || (*s >= '0' && *s <= '9')) return false;
  for (size_t i = 0; i < n; i++) {
    char c = s[i];
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')) return false;
  }
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
    if (strlen(words[i]) == n && memcmp(words[i], s, n) == 0) return false;
  return true;
}

/* `.name`, or `["any text"]`; a long one is cut. */
static void name_text(kl_buf *b, const char *s, size_t n) {
  bool cut = n > KEY_SHOWN;
  bool plain = is_name(s, n);
  if (cut) {
    n = KEY_SHOWN;
    while (n > 0 && ((unsigned char)s[n] & 0xC0) == 0x80)
      n--;
  }
  kl_buf_str(b, plain ? "." : "[\"");
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)s[i];
    if (c < 0x20 || c == 0x7f)
      kl_buf_printf(b, "\\%d", c);
    else {
      if (c == '"' || c == '\\') kl_buf_char(b, '\\');
      kl_buf_char(b, (char)c);
    }
  }
  if (cut) kl_buf_str(b, "…");
  if (!plain) kl_buf_str(b, "\"]");
}

static void name_place(const writer *w, kl_buf *b, place at) {
  if (at.kind == PLACE_INDEX) {
    kl_buf_printf(b, "[%llu]", (unsigned long long)at.key);
    return;
  }
  if (at.kind == PLACE_AS_KEY) {
    kl_buf_str(b, "{key}");
    return;
  }
  /* The key as it was written; a long text that came before stands elsewhere. */
  const uint8_t *image = (const uint8_t *)w->out->data + w->from;
  reader r = {.L = w->L, .start = image, .p = image + at.key, .end = (const uint8_t *)w->out->data + w->out->len};
  if (*r.p == AS_SAME_TEXT) {
    r.p++;
    r.p = image + get_int(&r);
  }
  uint8_t as = *r.p++;
  uint64_t v;
  if (as >= AS_SMALL_INTEGER) {
    kl_buf_printf(b, "[%d]", as & 0x3f);
  } else if (as >= AS_SHORT_TEXT) {
    name_text(b, (const char *)r.p, as & 0x3f);
  } else if (as == AS_TEXT) {
    v = get_int(&r);
    name_text(b, (const char *)r.p, (size_t)v);
  } else if (as == AS_INTEGER) {
    v = get_int(&r);
    kl_buf_printf(b, "[%lld]", (long long)(v >> 1 ^ (v & 1 ? UINT64_MAX : 0)));
  } else if (as == AS_FLOAT) {
    v = get_fixed(r.p, 8);
    double d;
    memcpy(&d, &v, sizeof d);
    kl_buf_printf(b, "[%.14g]", d);
  } else {
    kl_buf_str(b, as == AS_TRUE ? "[true]" : as == AS_FALSE ? "[false]" : as == AS_NULL ? "[null]" : "[table]");
  }
}

/* The root, the first and the last steps to the place. */
static void name_path(const writer *w, kl_buf *b, place at) {
  place steps[FIRST + LAST];
  size_t depth = 0;
  for (place p = at; p.kind != PLACE_ROOT; p = w->tables[p.table].place)
    depth++;
  size_t left = depth;
  for (place p = at; p.kind != PLACE_ROOT; p = w->tables[p.table].place) {
    left--; /* steps before this one */
    if (left < FIRST)
      steps[left] = p;
    else if (depth - left <= LAST)
      steps[FIRST + LAST - (depth - left)] = p;
  }
  kl_buf_str(b, w->root);
  for (size_t i = 0; i < depth; i++) {
    if (i == FIRST && depth > FIRST + LAST) {
      kl_buf_str(b, "…");
      i = depth - LAST;
    }
    name_place(w, b, steps[i < FIRST ? i : FIRST + LAST - (depth - i)]);
  }
}

static void fail(writer *w, int idx, place at) {
  lua_State *L = w->L;
  idx = lua_absindex(L, idx);
  char what[80];
  int type = lua_type(L, idx);
  const char *hint = "keep numbers, strings, booleans and tables of them";
  if (type == LUA_TTABLE) {
    snprintf(what, sizeof what, "a table with a metatable");
    hint = "keep a plain table, and give it its metatable where it is used";
  } else if (type == LUA_TUSERDATA && luaL_getmetafield(L, idx, "__name") == LUA_TSTRING) {
    snprintf(what, sizeof what, "a %.60s", lua_tostring(L, -1));
  } else {
    snprintf(what, sizeof what, "a %s",
             type == LUA_TTHREAD          ? "coroutine"
             : type == LUA_TLIGHTUSERDATA ? "pointer"
                                          : lua_typename(L, type));
  }
  bool as_key = at.kind == PLACE_AS_KEY;
  if (as_key) at = w->tables[at.table].place;
  kl_buf path = {0};
  name_path(w, &path, at);
  kl_error e;
  kl_error_coded(&e, KL_ERR_VALIDATION, "not_plain_data", "%s: %s%s is not plain data: %s",
                 path.data && !path.failed ? path.data : w->root, what, as_key ? " as a key" : "", hint);
  kl_buf_free(&path);
  kl_raise(L, &e);
  abort(); /* the call above does not return */
}
