/* Plain data as bytes: it comes out of another state as it went in, what cannot cross is named by its path, and bytes
 * that are damaged do no harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <lualib.h>

#include "base/map.h"
#include "bindings/json.h"
#include "script/image.h"
#include "script/internal.h"

/* ---- two states, with memory that is counted and may fail ---- */

typedef struct {
  size_t used, peak, allocations, fail_at;
} meter;

static void *metered(void *ud, void *p, size_t old, size_t size) {
  meter *m = ud;
  if (!p) old = 0;
  if (size == 0) {
    free(p);
    m->used -= old;
    return NULL;
  }
  if (size > old && ++m->allocations == m->fail_at) return NULL;
  void *q = realloc(p, size);
  assert_non_null(q);
  m->used += size - old;
  if (m->used > m->peak) m->peak = m->used;
  return q;
}

typedef struct {
  lua_State *a, *b;
  meter ma, mb;
} pair;

/* write(value [, root]) -> bytes */
static int l_write(lua_State *L) {
  luaL_checkany(L, 1);
  const char *root = luaL_optstring(L, 2, "kalua.state");
  lua_settop(L, 2);
  kl_buf *out = kl_push_buffer(L);
  kl_image_write(L, 1, root, out);
  assert_int_equal(lua_gettop(L), 3);
  lua_pushlstring(L, out->data, out->len);
  kl_buf_free(out);
  return 1;
}

/* read(bytes) -> value */
static int l_read(lua_State *L) {
  size_t n;
  const char *p = luaL_checklstring(L, 1, &n);
  void *exact = malloc(n ? n : 1); /* so that the sanitizer sees a read past the end */
  assert_non_null(exact);
  memcpy(exact, p, n);
  lua_pushcfunction(L, l_read); /* something below the result */
  int top = lua_gettop(L);
  /* The copy must be freed whatever is raised. */
  kl_buf *keep = kl_push_buffer(L);
  keep->data = exact;
  kl_image_read(L, exact, n);
  assert_int_equal(lua_gettop(L), top + 2);
  kl_buf_free(keep);
  return 1;
}

/* through(bytes): read by the other state, and written there. */
static int l_through(lua_State *L) {
  lua_State *other = lua_touserdata(L, lua_upvalueindex(1));
  size_t n;
  const char *p = luaL_checklstring(L, 1, &n);
  lua_settop(other, 0);
  lua_pushcfunction(other, l_write);
  lua_pushcfunction(other, l_read);
  lua_pushlstring(other, p, n);
  if (lua_pcall(other, 1, 1, 0) != LUA_OK || lua_pcall(other, 1, 1, 0) != LUA_OK)
    return luaL_error(L, "%s", luaL_tolstring(other, -1, NULL));
  p = lua_tolstring(other, -1, &n);
  lua_pushlstring(L, p, n);
  lua_settop(other, 0);
  lua_gc(other, LUA_GCCOLLECT);
  return 1;
}

static const char same[] =
    "local function same(a, b, seen, back)\n"
    "  if type(a) ~= 'table' or type(b) ~= 'table' then\n"
    "    return a == b and math.type(a) == math.type(b) and type(a) == type(b)\n"
    "      and (a ~= 0 or math.type(a) == 'integer' or 1 / a == 1 / b) or a ~= a and b ~= b\n"
    "  end\n"
    "  if seen[a] or back[b] then return seen[a] == b and back[b] == a end\n"
    "  seen[a], back[b] = b, a\n"
    "  local named, n = {}, 0\n"
    "  for k in next, b do n = n + 1; if type(k) == 'table' then named[rawget(k, 'id')] = k end end\n"
    "  for k, v in next, a do\n"
    "    local other = k\n"
    "    if type(k) == 'table' then\n"
    "      other = named[rawget(k, 'id')]\n"
    "      if not same(k, other, seen, back) then return false end\n"
    "    end\n"
    "    if not same(v, rawget(b, other), seen, back) then return false end\n"
    "    n = n - 1\n"
    "  end\n"
    "  return n == 0\n"
    "end\n"
    "function equal(a, b) return same(a, b, {}, {}) end\n"
    "function crosses(v)\n"
    "  local first = write(v)\n"
    "  assert(first == write(v), 'the bytes of one value differ')\n"
    "  local back = read(through(first))\n"
    "  assert(equal(v, back), 'not what it was')\n"
    "  return back\n"
    "end\n"
    "function refused(v, ...)\n"
    "  local ok, e = pcall(write, v, ...)\n"
    "  assert(not ok, 'crossed')\n"
    "  assert(e.kind == 'validation', e.kind)\n"
    "  return e.message\n"
    "end\n"
    "function is(a, b) if a ~= b then error(tostring(a) .. ' is not ' .. tostring(b), 2) end end\n";

static lua_State *state_new(meter *m) {
  lua_State *L = lua_newstate(metered, m);
  assert_non_null(L);
  *(void **)lua_getextraspace(L) = NULL; /* no script */
  luaL_openlibs(L);
  kl_errors_open(L);
  luaL_requiref(L, "json", luaopen_kl_json, 1);
  lua_register(L, "write", l_write);
  lua_register(L, "read", l_read);
  return L;
}

static void open_pair(pair *p) {
  memset(p, 0, sizeof *p);
  p->a = state_new(&p->ma);
  p->b = state_new(&p->mb);
  lua_pushlightuserdata(p->a, p->b);
  lua_pushcclosure(p->a, l_through, 1);
  lua_setglobal(p->a, "through");
  assert_int_equal(luaL_dostring(p->a, same), LUA_OK);
  lua_settop(p->a, 0);
}

static void close_pair(pair *p) {
  lua_close(p->a);
  lua_close(p->b);
  assert_int_equal(p->ma.used, 0);
  assert_int_equal(p->mb.used, 0);
}

static void runs(const char *source) {
  pair p;
  open_pair(&p);
  if (luaL_dostring(p.a, source) != LUA_OK) fail_msg("%s", luaL_tolstring(p.a, -1, NULL));
  close_pair(&p);
}

/* ---- what crosses ---- */

static void every_scalar_crosses_bit_by_bit(void **state) {
  (void)state;
  runs("for _, v in ipairs{ 0, 1, 63, 64, -1, -64, 127, 128, math.maxinteger, math.mininteger, 0.0, -0.0, 1.0, 0.1,\n"
       "                    2^53, 5e-324, 1.7976931348623157e308, 1/0, -1/0, true, false, '', 'x', ('y'):rep(63),\n"
       "                    ('y'):rep(64), ('z'):rep(100000), '\\0\\255\\n', json.null } do\n"
       "  crosses(v); crosses{ v }; crosses{ k = v }\n"
       "  if v == v then crosses{ [v] = 1 } end\n"
       "end\n"
       "crosses(nil)\n"
       "local nans = { string.unpack('<d', '\\1\\2\\3\\4\\5\\6\\248\\127'), (string.unpack('<d', "
       "'\\0\\0\\0\\0\\0\\0\\248\\255')) }\n"
       "for _, v in ipairs(nans) do\n"
       "  is(string.pack('<d', read(through(write(v)))), string.pack('<d', v))\n"
       "end\n"
       "is(math.type(read(through(write(3)))), 'integer')\n"
       "is(math.type(read(through(write(3.0)))), 'float')\n");
}

static void cycles_and_sharing_stay_what_they_are(void **state) {
  (void)state;
  runs("local t = { name = 'a' } t.self = t; t[1] = { up = t } t[2] = t[1]; t[t] = t; t.id = 1\n"
       "local back = crosses(t)\n"
       "is(back.self, back); is(back[1], back[2]); is(back[1].up, back); is(back[back], back)\n"
       "local key = { id = 7 } crosses{ [key] = key, list = { key, key } }\n");
}

/* A long text is shared by all who hold it; its image is no longer than it is itself. */
static void a_long_text_is_written_once(void **state) {
  (void)state;
  runs("local text, t = ('long'):rep(25000), {}\n"
       "for i = 1, 1000 do t[i] = { text = text, [text] = i } end\n"
       "local bytes = write(t)\n"
       "assert(#bytes < 150000, #bytes)\n"
       "crosses(t)\n");
}

static void arrays_with_holes_and_odd_keys_cross(void **state) {
  (void)state;
  runs("crosses{ 1, nil, 3 } crosses{ nil, nil, 3 } crosses{ [0] = 0, 1, 2, [-1] = 5, [2^53] = 1, [0.5] = 2, [true] = "
       "3 }\n"
       "local back = {} for i = 100, 1, -1 do back[i] = i end crosses(back)\n"
       "local sparse = {} for i = 1, 100 do sparse[i * i] = { i } end crosses(sparse)\n"
       "local cleared = {} for i = 1, 100 do cleared[i] = i end for i = 1, 99 do cleared[i] = nil end "
       "crosses(cleared)\n");
}

static void a_list_of_any_depth_crosses(void **state) {
  (void)state;
  runs("local t, n = nil, 1000000\n"
       "for i = 1, n do t = { t } end\n"
       "local bytes = write(t)\n"
       "t = nil; collectgarbage()\n"
       "local back, depth = read(bytes), 0\n"
       "while back do back, depth = back[1], depth + 1 end\n"
       "is(depth, n)\n");
}

static void empty_arrays_and_errors_stay_what_they_are(void **state) {
  (void)state;
  runs("local v = crosses{ list = json.decode '[]', none = json.null }\n"
       "is(json.encode(v), '{\"list\":[],\"none\":null}')\n"
       "local _, e = pcall(write, print)\n"
       "local back = crosses{ e, e }\n"
       "is(tostring(back[1]), tostring(e)); is(getmetatable(back[1]), 'kalua.error')\n");
}

/* Values of any shape, with shared tables, cycles and tables as keys. */
static void random_values_cross(void **state) {
  (void)state;
  runs("local random = math.random; math.randomseed(20, 26)\n"
       "local function scalar()\n"
       "  local kind = random(7)\n"
       "  if kind == 1 then return random(0) elseif kind == 2 then return random(-100, 100) elseif kind == 3 then "
       "return random()\n"
       "  elseif kind == 4 then return random(2) == 1 elseif kind == 5 then return ('x'):rep(random(0, 80)) .. "
       "random(9)\n"
       "  elseif kind == 6 then return random(100) / 1.0 else return json.null end\n"
       "end\n"
       "for round = 1, 400 do\n"
       "  local tables = {} for i = 1, random(40) do tables[i] = { id = i } end\n"
       "  local function value() if random(3) == 1 then return tables[random(#tables)] end return scalar() end\n"
       "  for _, t in ipairs(tables) do\n"
       "    for i = 1, random(0, 8) do t[i] = value() end\n"
       "    for _ = 1, random(0, 8) do\n"
       "      local k = value()\n"
       "      if k ~= 'id' then t[k] = value() end\n"
       "    end\n"
       "  end\n"
       "  crosses(tables[1]); crosses(tables)\n"
       "end\n");
}

/* ---- what does not ---- */

static void what_cannot_cross_is_named_by_its_path(void **state) {
  (void)state;
  runs("local keep = ' is not plain data: keep numbers, strings, booleans and tables of them'\n"
       "is(refused(print), 'kalua.state: a function' .. keep)\n"
       "is(refused({ books = { 1, 2, { refresh = print } } }), 'kalua.state.books[3].refresh: a function' .. keep)\n"
       "is(refused({ t = coroutine.create(print) }), 'kalua.state.t: a coroutine' .. keep)\n"
       "is(refused({ f = io.stdout }), 'kalua.state.f: a FILE*' .. keep)\n"
       "is(refused({ f = json.empty_array }), 'kalua.state.f: a pointer' .. keep)\n"
       "is(refused({ [print] = 1 }), 'kalua.state: a function as a key' .. keep)\n"
       "is(refused({ a = { [{ f = print }] = 1 } }), 'kalua.state.a{key}.f: a function' .. keep)\n"
       "is(refused({ a = { [{}] = { f = print } } }), 'kalua.state.a[table].f: a function' .. keep)\n"
       "is(refused({ a = setmetatable({}, { __index = {} }) }),\n"
       "   'kalua.state.a: a table with a metatable is not plain data: keep a plain table, and give it its metatable "
       "where it is used')\n"
       "is(refused(print, 'the value'), 'the value: a function' .. keep)\n");
}

static void every_kind_of_key_is_named(void **state) {
  (void)state;
  runs("local function path(k) return refused{ [k] = print }:match('^(.*): a function is') end\n"
       "is(path 'name_1', 'kalua.state.name_1')\n"
       "is(path 'end', 'kalua.state[\"end\"]')\n"
       "is(path '1st', 'kalua.state[\"1st\"]')\n"
       "is(path '', 'kalua.state[\"\"]')\n"
       "is(path 'a \"b\"\\n\\\\', 'kalua.state[\"a \\\\\"b\\\\\"\\\\10\\\\\\\\\"]')\n"
       "is(path(7), 'kalua.state[7]') is(path(1), 'kalua.state[1]') is(path(-7), 'kalua.state[-7]')\n"
       "is(path(1000000), 'kalua.state[1000000]') is(path(0.5), 'kalua.state[0.5]')\n"
       "is(path(true), 'kalua.state[true]') is(path(false), 'kalua.state[false]') is(path(json.null), "
       "'kalua.state[null]')\n"
       "is(path(('k'):rep(33)), 'kalua.state.' .. ('k'):rep(32) .. '…')\n"
       "is(path(('k'):rep(1000)), 'kalua.state.' .. ('k'):rep(32) .. '…')\n"
       "is(path(('ä'):rep(40)), 'kalua.state[\"' .. ('ä'):rep(16) .. '…\"]')\n"
       "local long = ('k'):rep(100)\n"
       "is(refused{ long, { [long] = print } }:match('^(.*): a function is'), 'kalua.state[2].' .. ('k'):rep(32) .. "
       "'…')\n"
       "local deep = print for i = 30, 1, -1 do deep = { ['k' .. i] = deep } end\n"
       "is(refused(deep):match('^(.*): a function is'),\n"
       "   'kalua.state.k1.k2.k3.k4.k5.k6….k25.k26.k27.k28.k29.k30')\n"
       "deep = print for i = 1, 12 do deep = { [('x'):rep(12 + i)] = deep } end\n"
       "assert(not refused(deep):find('…', 1, true))\n"
       "deep = print for i = 1, 100000 do deep = { deep } end\n"
       "is(refused(deep):match('^(.*): a function is'), 'kalua.state' .. ('[1]'):rep(6) .. '…' .. ('[1]'):rep(6))\n");
}

/* ---- damage ---- */

/* A state with something of everything, and its image. */
static const char sample[] =
    "local shared = { 1, 2.5, 'three' }\n"
    "local t = { name = 'maker', list = { shared, shared, {} }, [shared] = true, [-5] = 1 << 40, [0.5] = json.null,\n"
    "            text = ('long'):rep(20), none = json.decode '[]' }\n"
    "t.again = t.text; t.self = t\n"
    "return write(t)\n";

static void push_sample(pair *p) {
  if (luaL_dostring(p->a, sample) != LUA_OK) fail_msg("%s", luaL_tolstring(p->a, -1, NULL));
}

/* Reads in the state b. */
static bool reads(pair *p, const char *bytes, size_t n) {
  lua_settop(p->b, 0);
  lua_pushcfunction(p->b, l_read);
  lua_pushlstring(p->b, bytes, n);
  bool ok = lua_pcall(p->b, 1, 1, 0) == LUA_OK;
  if (ok) return true;
  lua_getfield(p->b, -1, "kind");
  assert_string_equal(lua_tostring(p->b, -1), "validation");
  lua_settop(p->b, 0);
  return false;
}

static void damage_at_every_byte_is_noticed(void **state) {
  (void)state;
  pair p;
  open_pair(&p);
  push_sample(&p);
  size_t n;
  const char *bytes = lua_tolstring(p.a, -1, &n);
  assert_true(reads(&p, bytes, n));
  char *bad = malloc(n + 1);
  assert_non_null(bad);
  for (size_t i = 0; i < n; i++) {
    for (int bit = 0; bit < 8; bit++) {
      memcpy(bad, bytes, n);
      bad[i] = (char)(bad[i] ^ (1 << bit));
      assert_false(reads(&p, bad, n));
    }
    assert_false(reads(&p, bytes, i));
  }
  memcpy(bad, bytes, n);
  bad[n] = 0;
  assert_false(reads(&p, bad, n + 1));
  free(bad);
  close_pair(&p);
}

/* With a checksum that fits, what is damaged is refused or is another value; it never takes much memory. */
static void damage_behind_the_checksum_does_no_harm(void **state) {
  (void)state;
  pair p;
  open_pair(&p);
  push_sample(&p);
  size_t n;
  const char *bytes = lua_tolstring(p.a, -1, &n);
  char *bad = malloc(n);
  assert_non_null(bad);
  for (size_t i = 12; i < n; i++) {
    for (int value = 0; value < 256; value += 3) {
      memcpy(bad, bytes, n);
      bad[i] = (char)value;
      uint64_t sum = kl_hash_bytes(bad + 12, n - 12);
      memcpy(bad + 4, &sum, sizeof sum);
      lua_gc(p.b, LUA_GCCOLLECT);
      size_t before = p.mb.peak = p.mb.used;
      (void)reads(&p, bad, n);
      assert_true(p.mb.peak - before < 30 * n + 1024);
      lua_settop(p.b, 0);
    }
  }
  free(bad);
  close_pair(&p);
}

static void another_form_is_told_as_such(void **state) {
  (void)state;
  runs("local bytes = write{ 1 }\n"
       "local ok, e = pcall(read, bytes:sub(1, 3) .. '\\9' .. bytes:sub(5))\n"
       "is(ok, false); is(e.kind, 'validation')\n"
       "is(e.message, 'this plain data was written in form 9, which this program does not read: it reads 1')\n");
}

/* ---- memory ---- */

static void every_allocation_may_fail(void **state) {
  (void)state;
  pair p;
  open_pair(&p);
  push_sample(&p);
  size_t n;
  const char *bytes = lua_tolstring(p.a, -1, &n);
  assert_true(reads(&p, bytes, n));
  lua_setglobal(p.b, "value"); /* lives on: it is what is written below */
  lua_getglobal(p.b, "value");
  for (int what = 0; what < 2; what++) {
    bool ok = false;
    for (size_t at = 1; !ok; at++) {
      assert_true(at < 10000);
      lua_settop(p.b, 0);
      lua_pushcfunction(p.b, what ? l_write : l_read);
      if (what)
        lua_getglobal(p.b, "value");
      else
        lua_pushlstring(p.b, bytes, n);
      lua_gc(p.b, LUA_GCCOLLECT);
      lua_gc(p.b, LUA_GCSTOP); /* Lua would collect and try again, which succeeds */
      p.mb.allocations = 0;
      p.mb.fail_at = at;
      int status = lua_pcall(p.b, 1, 1, 0);
      p.mb.fail_at = 0;
      lua_gc(p.b, LUA_GCRESTART);
      ok = status == LUA_OK && p.mb.allocations < at;
    }
  }
  close_pair(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_scalar_crosses_bit_by_bit),
      cmocka_unit_test(cycles_and_sharing_stay_what_they_are),
      cmocka_unit_test(a_long_text_is_written_once),
      cmocka_unit_test(arrays_with_holes_and_odd_keys_cross),
      cmocka_unit_test(a_list_of_any_depth_crosses),
      cmocka_unit_test(empty_arrays_and_errors_stay_what_they_are),
      cmocka_unit_test(random_values_cross),
      cmocka_unit_test(what_cannot_cross_is_named_by_its_path),
      cmocka_unit_test(every_kind_of_key_is_named),
      cmocka_unit_test(damage_at_every_byte_is_noticed),
      cmocka_unit_test(damage_behind_the_checksum_does_no_harm),
      cmocka_unit_test(another_form_is_told_as_such),
      cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
