#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

#include "bindings/json.h"

static lua_State *L;

static int set_up(void **state) {
  (void)state;
  L = luaL_newstate();
  *(void **)lua_getextraspace(L) = NULL; /* no script: bindings alone */
  luaL_openlibs(L);
  luaL_requiref(L, "json", luaopen_kl_json, 1);
  lua_pop(L, 1);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  lua_close(L);
  return 0;
}

static void lua_holds(const char *chunk) {
  if (luaL_dostring(L, chunk) != LUA_OK) {
    if (lua_istable(L, -1)) lua_getfield(L, -1, "message");
    fail_msg("%s", lua_tostring(L, -1));
  }
  lua_settop(L, 0);
}

static bool reads(const char *text, size_t n) {
  char why[KL_JSON_MESSAGE] = "";
  int top = lua_gettop(L);
  /* An exact copy on the heap, so that a read past the end is seen. */
  char *copy = test_malloc(n ? n : 1);
  memcpy(copy, text, n);
  bool ok = kl_json_read(L, copy, n, NULL, false, why);
  test_free(copy);
  assert_int_equal(lua_gettop(L), ok ? top + 1 : top);
  if (!ok) assert_true(why[0] != '\0');
  lua_settop(L, top);
  return ok;
}

static void whole_numbers_become_integers_and_long_ones_stay_exact(void **state) {
  (void)state;
  lua_holds(
      "local t = json.decode '[1, 1.0, 1e3, -0, 9007199254740993, 9223372036854775807, -9223372036854775808, 0.5]'\n"
      "for i = 1, 7 do assert(math.type(t[i]) == 'integer', i) end\n"
      "assert(t[1] == 1 and t[2] == 1 and t[3] == 1000 and t[4] == 0)\n"
      "assert(t[5] == 9007199254740993 and t[6] == math.maxinteger and t[7] == math.mininteger)\n"
      "assert(t[8] == 0.5)\n"
      "assert(math.type(json.decode '92233720368547758080') == 'float')");
}

static void strings_keep_their_escapes_and_bytes(void **state) {
  (void)state;
  lua_holds("assert(json.decode [[\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"]] == 'a\"\\\\/\\b\\f\\n\\r\\tA')\n"
            "assert(json.decode [[\"\\u00e9\\u20ac\\ud83d\\ude00\\u0000\"]] == 'é€😀\\0')\n"
            "assert(json.decode [[\"\\ud83d x\"]] == '\\u{fffd} x')\n"
            "assert(json.decode [[\"\\ud83d\\u0041\"]] == '\\u{fffd}A')\n"
            "assert(json.decode '\"é\"' == 'é')");
}

static void null_is_the_sentinel_or_absent(void **state) {
  (void)state;
  lua_holds("local t = json.decode '{\"a\":null,\"b\":[null,1]}'\n"
            "assert(t.a == json.null and t.b[1] == json.null and t.b[2] == 1)");
  char why[KL_JSON_MESSAGE];
  static const char text[] = "{\"a\":null,\"b\":1}";
  assert_true(kl_json_read(L, text, sizeof text - 1, NULL, true, why));
  assert_int_equal(lua_getfield(L, -1, "a"), LUA_TNIL);
  lua_settop(L, 0);
}

static void a_shape_turns_fixed_point_strings_into_numbers(void **state) {
  (void)state;
  static const char text[] =
      "{\"market\":{\"ticker\":\"0.42\",\"yes_bid_dollars\":\"0.4200\",\"volume_fp\":\"1000000000.25\","
      "\"no_bid_dollars\":\"1.0000\",\"yes_ask_dollars\":\"odd\",\"last_price_dollars\":null,"
      "\"price_ranges\":[{\"start\":\"0.0000\",\"end\":\"1.0000\",\"step\":\"0.0100\"}]}}";
  const kl_shape *shape = kl_operation_find("get_market")->answer;
  char why[KL_JSON_MESSAGE];
  assert_true(kl_json_read(L, text, sizeof text - 1, shape, true, why));
  lua_setglobal(L, "answer");
  lua_holds("local m = answer.market\n"
            "assert(m.ticker == '0.42' and m.yes_bid_dollars == 0.42 and m.volume_fp == 1000000000.25)\n"
            "assert(math.type(m.no_bid_dollars) == 'float' and m.no_bid_dollars == 1)\n"
            "assert(m.yes_ask_dollars == 'odd' and m.last_price_dollars == nil)\n"
            "assert(m.price_ranges[1].step == 0.01)");
}

static void what_is_not_json_is_refused_with_its_place(void **state) {
  (void)state;
  static const char *const bad[] = {
      "",    " ",     "{",    "[1,", "[1,]", "{\"a\"}",    "{\"a\":}", "{a:1}",       "01",      "-",     "1.",
      ".5",  "1e",    "+1",   "tru", "nul",  "\"abc",      "\"\\x\"",  "\"\\u12g4\"", "\"\\u12", "[1] 2", "\"a\nb\"",
      "NaN", "1e999", "\"\\", "{,}", "[",    "{\"a\":1,}", "<html>",   "{1:2}",       "\xff",    "0x10"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    if (reads(bad[i], strlen(bad[i]))) fail_msg("accepted %s", bad[i]);
  lua_holds("local ok, e = pcall(json.decode, '{\"a\": bad}')\n"
            "assert(not ok and e.kind == 'validation' and e.message:find('byte 7', 1, true), e.message)");
}

static void depth_is_bounded(void **state) {
  (void)state;
  char text[4096];
  memset(text, '[', sizeof text);
  assert_false(reads(text, sizeof text));
  memset(text, '[', 100);
  memset(text + 100, ']', 100);
  assert_true(reads(text, 200));
  lua_holds("local t = {} t.t = t\n"
            "local ok, e = pcall(json.encode, t)\n"
            "assert(not ok and e.message:find('deeper', 1, true))");
}

static void values_survive_the_way_out_and_back(void **state) {
  (void)state;
  lua_holds("local function same(a, b)\n"
            "  if type(a) ~= 'table' then return a == b and math.type(a) == math.type(b) end\n"
            "  for k, v in pairs(a) do if not same(v, b[k]) then return false end end\n"
            "  for k in pairs(b) do if a[k] == nil then return false end end\n"
            "  return true\n"
            "end\n"
            "local t = { n = 1700000000000000, min = math.mininteger, max = math.maxinteger, f = 0.1, g = 1/3,\n"
            "  h = 1e300, s = 'a\"\\n\\0é', list = { 1, 'two', false, { x = {} } }, yes = true, null = json.null }\n"
            "assert(same(json.decode(json.encode(t)), t), json.encode(t))");
}

static void text_is_the_same_for_equal_tables(void **state) {
  (void)state;
  lua_holds(
      "assert(json.encode { b = 1, a = { 3, 2.0, 1.5 }, c = {} } == '{\"a\":[3,2,1.5],\"b\":1,\"c\":{}}')\n"
      "assert(json.encode { list = json.empty_array, null = json.null } == '{\"list\":[],\"null\":null}')\n"
      "assert(json.encode(1e15) == '1000000000000000' and json.encode(1234567890123456789) == '1234567890123456789')\n"
      "assert(json.encode(nil) == 'null' and json.encode 'x' == '\"x\"')");
}

static void what_json_cannot_hold_is_refused(void **state) {
  (void)state;
  lua_holds("for _, v in ipairs { print, 0/0, 1/0, -1/0, { 1, nil, 3 }, { 1, a = 2 }, { [1.5] = 1 }, { [true] = 1 },\n"
            "                     coroutine.create(print), io.stdout } do\n"
            "  local ok, e = pcall(json.encode, v)\n"
            "  assert(not ok and e.kind == 'validation', tostring(v))\n"
            "end\n"
            "assert(not pcall(json.encode)) assert(not pcall(json.decode)) assert(not pcall(json.decode, {}))");
}

static void a_buffer_goes_with_its_state(void **state) {
  (void)state;
  kl_buf *b = kl_push_buffer(L);
  kl_buf_str(b, "held by Lua"); /* the leak checker sees the rest */
  lua_settop(L, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(whole_numbers_become_integers_and_long_ones_stay_exact, set_up, tear_down),
      cmocka_unit_test_setup_teardown(strings_keep_their_escapes_and_bytes, set_up, tear_down),
      cmocka_unit_test_setup_teardown(null_is_the_sentinel_or_absent, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_shape_turns_fixed_point_strings_into_numbers, set_up, tear_down),
      cmocka_unit_test_setup_teardown(what_is_not_json_is_refused_with_its_place, set_up, tear_down),
      cmocka_unit_test_setup_teardown(depth_is_bounded, set_up, tear_down),
      cmocka_unit_test_setup_teardown(values_survive_the_way_out_and_back, set_up, tear_down),
      cmocka_unit_test_setup_teardown(text_is_the_same_for_equal_tables, set_up, tear_down),
      cmocka_unit_test_setup_teardown(what_json_cannot_hold_is_refused, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_buffer_goes_with_its_state, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
