/* Portraits of values: what another process is told of them, and that looking at a value runs none of its code. */
#include "script_world.h"

#include "bindings/json.h"
#include "prompt/portrait.h"

static world *now;  /* of the running test */
static size_t most; /* bytes of the next portrait's buffer; 0: no bound */
static const kl_portrait_limits small = {.depth = 2, .rows = 3, .nodes = 100, .text = 8, .size = 4096};

/* probe.draw(…), .whole(…), .small(…): the portrait of the values. */
static int show(lua_State *L, const kl_portrait_limits *limits) {
  int n = lua_gettop(L);
  kl_buf *out = kl_push_buffer(L);
  out->most = most;
  lua_insert(L, 1);
  kl_portrait_write(L, n, limits, out);
  assert_int_equal(lua_gettop(L), n + 1);
  lua_pushlstring(L, out->data, out->len);
  return 1;
}

static int l_draw(lua_State *L) { return show(L, &kl_portrait_draw); }
static int l_whole(lua_State *L) { return show(L, &kl_portrait_whole); }
static int l_small(lua_State *L) { return show(L, &small); }

/* The n-th allocation from here fails, and all behind it; 0: none. */
static int l_fail(lua_State *L) {
  lua_Integer n = luaL_checkinteger(L, 1);
  now->fail_at = n ? now->allocations + (size_t)n : 0;
  now->fail_count = SIZE_MAX / 2;
  return 0;
}

static int l_most(lua_State *L) {
  most = (size_t)luaL_checkinteger(L, 1);
  return 0;
}

/* A userdata with a picture, and one whose picture is no function of C. */
static int picture(lua_State *L) {
  lua_newtable(L);
  lua_pushliteral(L, "thing");
  lua_setfield(L, -2, "type");
  lua_pushvalue(L, 1);
  lua_setfield(L, -2, "self");
  return 1;
}

static int l_thing(lua_State *L) {
  lua_newuserdatauv(L, 1, 0);
  if (luaL_newmetatable(L, "test.Thing")) {
    lua_pushcfunction(L, picture);
    lua_setfield(L, -2, "__picture");
  }
  lua_setmetatable(L, -2);
  return 1;
}

static int l_blank(lua_State *L) {
  lua_newuserdatauv(L, 1, 0);
  return 1;
}

static int open_probe(lua_State *L) {
  static const luaL_Reg functions[] = {{"draw", l_draw}, {"whole", l_whole}, {"small", l_small}, {"fail", l_fail},
                                       {"most", l_most}, {"thing", l_thing}, {"blank", l_blank}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}

#define PRELUDE "local p, json = require 'probe', require 'json'\n"

/* Runs a script with the probe. */
static void tries(const char *source) {
  world w;
  kl_buf text = {0};
  kl_buf_str(&text, PRELUDE);
  kl_buf_str(&text, source);
  world_open(&w, 500);
  now = &w;
  most = 0;
  kl_script *s = world_start(&w, text.data);
  world_run(&w);
  if (w.failed) fail_msg("%s\n%s", kl_script_error(s), kl_script_traceback(s) ? kl_script_traceback(s) : "");
  world_close(&w);
  kl_buf_free(&text);
}

static void shows(const char *values, const char *expected) {
  char source[4096];
  snprintf(source, sizeof source,
           "local got, want = p.draw(%s), [==[%s]==]\n"
           "if got ~= want then error('is ' .. got .. '\\nnot ' .. want) end",
           values, expected);
  tries(source);
}

static void test_plain_values(void **state) {
  (void)state;
  shows("", "[]");
  shows("nil, true, false, 1, -7, math.mininteger", "[null,true,false,1,-7,-9223372036854775808]");
  shows("0.42, 3.0, -0.0, 1e300, 0.1 + 0.2", "[{\"n\":\"0.42\"},{\"n\":\"3.0\"},{\"n\":\"-0.0\"},{\"n\":\"1e+300\"},"
                                             "{\"n\":\"0.30000000000000004\"}]");
  shows("1/0, -1/0, 0/0", "[{\"n\":\"inf\"},{\"n\":\"-inf\"},{\"n\":\"nan\"}]");
  shows("'', 'a\\n\"ü', 'a\\xff'", "[\"\",\"a\\n\\\"ü\",{\"b\":\"Yf8=\"}]");
  shows("json.null, json.empty_array", "[{\"null\":true},{\"p\":true}]");
}

static void test_tables(void **state) {
  (void)state;
  shows("{}", "[{\"t\":1}]");
  shows("{1, 'x', {true}}", "[{\"t\":1,\"a\":[1,\"x\",{\"t\":2,\"a\":[true]}]}]");
  shows("{b = 1, a = 2, [2.5] = 3, [-1] = 4, [true] = 5, 7}",
        "[{\"t\":1,\"a\":[7],\"h\":[[-1,4],[{\"n\":\"2.5\"},3],[\"a\",2],[\"b\",1],[true,5]]}]");
  /* a list ends where its first hole is, and what is behind it is said where it is */
  shows("{1, nil, 3}", "[{\"t\":1,\"a\":[1],\"h\":[[3,3]]}]");
  shows("json.decode '[]', json.decode '[1]'", "[{\"t\":1,\"a\":[]},{\"t\":2,\"a\":[1]}]");
}

static void test_cycles_and_shared_tables(void **state) {
  (void)state;
  shows("(function() local t = {} t.t = t return t, t end)()", "[{\"t\":1,\"h\":[[\"t\",{\"ref\":1}]]},{\"ref\":1}]");
  shows("(function() local t = {} t[t] = {t} return t end)()",
        "[{\"t\":1,\"h\":[[{\"ref\":1},{\"t\":2,\"a\":[{\"ref\":1}]}]]}]");
}

static void test_functions_and_coroutines(void **state) {
  (void)state;
  shows("print, json.encode, string.format",
        "[{\"fn\":\"print\",\"c\":true},{\"fn\":\"json.encode\",\"c\":true},{\"fn\":\"string.format\",\"c\":true}]");
  tries("local function f() end\n"
        "local got = p.draw({ f, { print } }, 1)\n"
        "assert(got:find('\"fn\":\"[^\"]+:2\"}') and got:find '\"fn\":\"print\",\"c\":true' and got:find ',1]$', got)");
  tries("local co = coroutine.create(function() coroutine.yield() end)\n"
        "local before = p.draw(co)\n"
        "coroutine.resume(co)\n"
        "local stopped = p.draw(co)\n"
        "coroutine.resume(co)\n"
        "assert(before == '[{\"co\":\"suspended\"}]', before)\n"
        "assert(stopped:find '^%[{\"co\":\"suspended\",\"at\":\"[^\"]+:2\"}%]$', stopped)\n"
        "assert(p.draw(co) == '[{\"co\":\"dead\"}]', p.draw(co))");
}

static void test_userdata_show_their_pictures(void **state) {
  (void)state;
  shows("p.thing()",
        "[{\"u\":\"test.Thing\",\"t\":1,\"v\":{\"t\":2,\"h\":[[\"self\",{\"ref\":1}],[\"type\",\"thing\"]]}}]");
  shows("p.blank()", "[{\"u\":\"userdata\",\"t\":1}]");
}

static void test_tasks_and_channels_show_what_they_wait_for(void **state) {
  (void)state;
  tries(
      "local task = require 'task'\n"
      "local ch = task.channel(4)\n"
      "ch:send(1)\n"
      "local empty = task.channel(0)\n"
      "local t = task.spawn(function() empty:recv() end)\n"
      "task.sleep(0.001)\n"
      "local got = p.draw(ch)\n"
      "assert(got == '[{\"u\":\"task.Channel\",\"t\":1,\"v\":{\"t\":2,\"h\":[[\"capacity\",4],[\"closed\",false],' ..\n"
      "  '[\"queued\",1],[\"receivers\",0],[\"senders\",0],[\"type\",\"channel\"]]}}]', got)\n"
      "assert(p.draw(empty):find '%[\"receivers\",1%]')\n"
      "got = p.draw(t)\n"
      "assert(got:find '%[\"id\",2%]' and got:find '%[\"status\",\"waiting\"%]' and got:find "
      "'%[\"spawned_at\",\"[^\"]+:6\"%]', got)\n"
      "assert(got:find '%[\"waits_for\",\"[^\"]+\"%]', got)\n"
      "empty:close()\n"
      "t:await()\n"
      "got = p.draw(t)\n"
      "assert(got:find '%[\"status\",\"done\"%]' and not got:find 'waits_for', got)");
}

static void test_errors_are_marked(void **state) {
  (void)state;
  tries("local ok, e = pcall(json.decode, '{')\n"
        "local got = p.draw(e)\n"
        "assert(got:find "
        "'^%[{\"t\":1,\"err\":true,\"h\":%[%[\"code\",\"not_json\"%],%[\"kind\",\"validation\"%],%[\"message\",\"json',"
        " got)\n"
        "assert(got:find '%[\"retryable\",false%],%[\"where\",\"', got)");
}

/* Metamethods of every kind are there, and none is called. */
static void test_no_code_of_the_value_runs(void **state) {
  (void)state;
  tries("local function never() error 'called' end\n"
        "local mt = { __index = never, __newindex = never, __pairs = never, __tostring = never, __len = never,\n"
        "  __eq = never, __lt = never, __call = never, __close = never, __picture = never, __name = 'kalshi.Book' }\n"
        "local t = setmetatable({ 1, x = 2 }, mt)\n"
        "local want = '[{\"t\":1,\"mt\":\"kalshi.Book\",\"a\":[1],\"h\":[[\"x\",2]]}]'\n"
        "assert(p.draw(t) == want, p.draw(t))\n"
        "mt.__metatable = 'hidden'\n"
        "assert(p.draw(t) == want)\n"
        "mt.__name = function() end\n"
        "assert(p.draw(t):find '\"mt\":true')\n"
        "mt.__name = ('n'):rep(1000000)\n"
        "assert(#p.draw(t) < 200)\n"
        "local keys = { [t] = t, [setmetatable({}, mt)] = 1 }\n"
        "assert(p.draw(keys))");
}

static void test_texts_are_cut(void **state) {
  (void)state;
  tries("local got = p.small('123456789', 'abcdefgüx', ('\\xff'):rep(10), '12345678')\n"
        "local want = "
        "[==[[{\"s\":\"12345678\",\"len\":9},{\"s\":\"abcdefg\",\"len\":10},{\"b\":\"//////////"
        "8=\",\"len\":10},\"12345678\"]]==]\n"
        "assert(got == want, got)\n"
        "local long = p.draw(('x'):rep(10000000))\n"
        "assert(#long < 5000 and long:find '\"len\":10000000}')\n"
        "assert(p.whole(('x'):rep(100000)) == '[\"' .. ('x'):rep(100000) .. '\"]')\n"
        "local bytes = ('\\x80\\xff\\0'):rep(33334)\n"
        "assert(p.whole(bytes) == '[{\"b\":\"' .. ('gP8A'):rep(33334) .. '\"}]')");
}

static void test_lists_pairs_and_depth_are_cut(void **state) {
  (void)state;
  tries("local got = p.small({1, 2, 3, 4, 5, e = 5, d = 4, c = 3, b = 2, a = 1, [9] = 0})\n"
        "local want = [==[[{\"t\":1,\"a\":[1,2,3],\"na\":2,\"h\":[[9,0],[\"a\",1],[\"b\",2]],\"nh\":3}]]==]\n"
        "assert(got == want, got)\n"
        "got = p.small({ { { 1, 2, x = 3 } } })\n"
        "assert(got == [==[[{\"t\":1,\"a\":[{\"t\":2,\"a\":[{\"t\":3,\"deep\":true,\"n\":3}]}]}]]==], got)\n"
        "local deep = {}\n"
        "for i = 1, 100000 do deep = { deep } end\n"
        "assert(#p.draw(deep) < 1000)\n"
        "assert(#p.whole(deep) < 5000)");
}

static void test_a_million_entries_are_bounded(void **state) {
  (void)state;
  tries("local list, names, both = {}, {}, { name = 'x' }\n"
        "for i = 1, 1000000 do list[i] = true both[i] = true end\n"
        "for i = 1, 200000 do names['k' .. i] = i end\n"
        "local got = p.draw(list)\n"
        "assert(got:find '^%[{\"t\":1,\"a\":%[true,true,' and got:find '\"na\":999000' and #got < 8000, got)\n"
        "got = p.draw(names)\n"
        "assert(#got < 40000 and got:find '\"cut\":true', got)\n"
        "assert(tonumber(got:match '\"nh\":(%d+)') > 5000)\n"
        "got = p.draw(both)\n"
        "assert(got:find '\"na\":999000' and #got < 8000)\n"
        "local many = {}\n"
        "for i = 1, 300 do many[i] = { list, names, { names, list, {}, ('x'):rep(100000) } } end\n"
        "assert(#p.draw(many, many, { many }) < 600000)\n"
        "local wide = {}\n"
        "for i = 1, 200 do wide[i] = {} for j = 1, 200 do wide[i][j] = { j } end end\n"
        "got = p.draw(wide)\n"
        "assert(#got < 600000 and got:find '\"na\":')");
}

/* Whole values are told whole, in order. */
static void test_whole(void **state) {
  (void)state;
  tries("local t = {}\n"
        "for i = 1, 5000 do t[i] = i t['k' .. i] = i t[i + 0.5] = i end\n"
        "local back = json.decode(p.whole(t))[1]\n"
        "assert(#back.a == 5000 and back.a[5000] == 5000 and #back.h == 10000 and not back.na and not back.nh)\n"
        "for i = 2, 10000 do\n"
        "  local a, b = back.h[i - 1][1], back.h[i][1]\n"
        "  if type(a) == 'table' and type(b) == 'table' then assert(tonumber(a.n) < tonumber(b.n))\n"
        "  elseif type(a) == 'string' then assert(a < b) end\n"
        "end");
}

/* Wherever memory ends, that is an error of the script, and nothing is lost of ours. */
static void test_memory_ends(void **state) {
  (void)state;
  tries(
      "local t = { 1, 2.5, 'x', { a = { b = { 'long enough to be no short string of Lua, which are kept once' } } },\n"
      "  print, coroutine.create(print), p.thing(), [true] = 1, [{}] = 2, [print] = 3, x = ('y'):rep(10000) }\n"
      "local want, failed = p.draw(t), 0\n"
      "for n = 1, 10000 do\n"
      "  collectgarbage 'count'\n"
      "  p.fail(n)\n"
      "  local ok, got = pcall(p.draw, t)\n"
      "  p.fail(0)\n"
      "  if ok then assert(#got == #want) break end\n"
      "  assert(tostring(got):find 'not enough memory', tostring(got))\n"
      "  failed = n\n"
      "end\n"
      "assert(failed > 10 and failed < 10000, failed)");
  tries("local t = { ('x'):rep(3000), { ('\\xff'):rep(3000) } }\n"
        "for _, n in ipairs{ 1, 100, 3500, 5000 } do\n"
        "  p.most(n)\n"
        "  local ok, e = pcall(p.draw, t)\n"
        "  assert(not ok and e.message:find 'not enough memory', tostring(e))\n"
        "end");
}

int main(void) {
  world_modules_add("probe", open_probe);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_plain_values),
      cmocka_unit_test(test_tables),
      cmocka_unit_test(test_cycles_and_shared_tables),
      cmocka_unit_test(test_functions_and_coroutines),
      cmocka_unit_test(test_userdata_show_their_pictures),
      cmocka_unit_test(test_tasks_and_channels_show_what_they_wait_for),
      cmocka_unit_test(test_errors_are_marked),
      cmocka_unit_test(test_no_code_of_the_value_runs),
      cmocka_unit_test(test_texts_are_cut),
      cmocka_unit_test(test_lists_pairs_and_depth_are_cut),
      cmocka_unit_test(test_a_million_entries_are_bounded),
      cmocka_unit_test(test_whole),
      cmocka_unit_test(test_memory_ends),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
