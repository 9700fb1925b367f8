/* Who looks changes nothing: inputs that are not armed, of people who try to. */
#include "prompt_bed.h"

/* What can be changed, with functions of the script's own and of C at every place where Lua calls one by itself. */
#define SCRIPT                                                                                                         \
  "local task, kalua, json, bus = require 'task', require 'kalua', require 'json', require 'bus'\n"                    \
  "counter, box, names = 0, {3, 1, 2}, {a = 1}\n"                                                                      \
  "kalua.state.level = 1\n"                                                                                            \
  "local hidden = 0\n"                                                                                                 \
  "function bump() counter = counter + 1; return counter end\n"                                                        \
  "function closure() hidden = hidden + 1; return hidden end\n"                                                        \
  "function pure(x) return x end\n"                                                                                    \
  "local events = {'__index', '__newindex', '__call', '__concat', '__len', '__eq', '__lt', '__le', '__unm', "          \
  "'__add',\n"                                                                                                         \
  "  '__sub', '__mul', '__div', '__mod', '__pow', '__idiv', '__band', '__bor', '__bxor', '__shl', '__shr', "           \
  "'__bnot',\n"                                                                                                        \
  "  '__tostring', '__pairs', '__close'}\n"                                                                            \
  "local function with(fn)\n"                                                                                          \
  "  local mt = {}\n"                                                                                                  \
  "  for _, event in ipairs(events) do mt[event] = fn end\n"                                                           \
  "  return mt\n"                                                                                                      \
  "end\n"                                                                                                              \
  "mine = setmetatable({}, with(bump))\n"                                                                              \
  "other = setmetatable({}, getmetatable(mine))\n"                                                                     \
  "insert = setmetatable({}, with(table.insert))\n"                                                                    \
  "remove = setmetatable({9, 8, 7}, with(table.remove))\n"                                                             \
  "set = setmetatable({}, with(rawset))\n"                                                                             \
  "move = setmetatable({}, with(table.move))\n"                                                                        \
  "lib = {upper = string.upper, insert = table.insert}\n"                                                              \
  "string.trim = function(s) counter = counter + 1; return s end\n"                                                    \
  "string.lower = bump\n"                                                                                              \
  "math.floor = bump\n"                                                                                                \
  "generator = coroutine.wrap(function() while true do counter = counter + 1; coroutine.yield(1) end end)\n"           \
  "thread = coroutine.create(bump)\n"                                                                                  \
  "channel = task.channel(10)\n"                                                                                       \
  "channel:send(1)\n"                                                                                                  \
  "sub = bus.listen 'news'\n"                                                                                          \
  "worker = task.spawn(function() task.sleep(60) end)\n"                                                               \
  "failing = task.spawn(function() task.sleep(60); error 'nobody' end)\n"                                              \
  "math.randomseed(1)\n"                                                                                               \
  "local function flat(t)\n"                                                                                           \
  "  local out = {}\n"                                                                                                 \
  "  for k, v in next, t do out[#out + 1] = tostring(k) .. '=' .. (type(v) == 'table' and 'table' or tostring(v)) "    \
  "end\n"                                                                                                              \
  "  table.sort(out)\n"                                                                                                \
  "  return table.concat(out, ' ')\n"                                                                                  \
  "end\n"                                                                                                              \
  "function snapshot()\n"                                                                                              \
  "  local parts = {}\n"                                                                                               \
  "  for _, t in ipairs{_G, box, names, mine, insert, remove, set, move, lib, kalua.state, string, table, math,\n"     \
  "    getmetatable(mine), getmetatable(set), task, kalua, json} do\n"                                                 \
  "    local mt = getmetatable(t)\n"                                                                                   \
  "    parts[#parts + 1] = flat(t) .. tostring(mt)\n"                                                                  \
  "  end\n"                                                                                                            \
  "  return table.concat(parts, '\\n') .. hidden .. worker:status() .. coroutine.status(thread) .. "                   \
  "kalua.stats().tasks\n"                                                                                              \
  "end\n"                                                                                                              \
  "while true do task.sleep(60) end\n"

static char *snapshot(prompt_bed *b) {
  armed(b, "snapshot()");
  assert_int_equal(b->t.end.status, KL_EVALUATION_VALUE);
  char *text = strdup(b->t.shown.data);
  assert_non_null(text);
  return text;
}

/* Each is refused, and has changed nothing. */
static void refused(const char *const *inputs, size_t n) {
  prompt_bed b;
  bed_begin(&b, SCRIPT);
  char *before = snapshot(&b);
  for (size_t i = 0; i < n; i++) {
    const char *is = looks(&b, inputs[i]);
    if (strncmp(is, "error: permission: ", 19) != 0) fail_msg("%s\ngave %s", inputs[i], is);
    assert_contains(is, ":arm first");
    char *after = snapshot(&b);
    if (strcmp(before, after) != 0) fail_msg("%s\nchanged %s\nto %s", inputs[i], before, after);
    free(after);
  }
  free(before);
  assert_string_equal(world_out(&b.w), "");
  bed_end(&b);
}

#define REFUSED(...)                                                                                                   \
  do {                                                                                                                 \
    static const char *const inputs[] = {__VA_ARGS__};                                                                 \
    refused(inputs, sizeof inputs / sizeof inputs[0]);                                                                 \
  } while (0)

static void statements(void **state) {
  (void)state;
  REFUSED("counter = 1", "local x = 1", "box[1] = 2", "names.a = nil", "kalua.state.level = 2", "bump = nil", "do end",
          "if true then counter = 1 end", "for i = 1, 3 do end", "function bump() end",
          "goto x ::x::", "local t <close> = mine", "_ = 1", "_ENV = {}", "string.rep = nil", "return 1");
}

static void functions_of_its_own(void **state) {
  (void)state;
  REFUSED("(function() counter = 1 end)()", "(function(...) return ... end)(1)", "{function() counter = 1 end}",
          "pcall(function() counter = 1 end)", "table.sort({2, 1}, function(a, b) counter = 1; return a < b end)",
          "string.gsub('a', '.', function() counter = 1 end)", "setmetatable({}, {__index = function() end})");
}

static void functions_of_the_script(void **state) {
  (void)state;
  REFUSED("bump()", "closure()", "pure(1)", "generator()", "('x'):trim()", "('X'):lower()", "math.floor(1)",
          "string.lower('X')", "select(2, pcall(bump)).x == 1 or bump()", "select(2, pcall(bump)) + mine",
          "box[bump()]", "{bump()}", "'x' .. bump()", "bump() and 1", "#{closure()}", "_ENV.bump()", "_G['bump']()",
          "worker.await and bump()");
}

static void functions_that_change(void **state) {
  (void)state;
  REFUSED("rawset(names, 'a', 2)", "table.insert(box, 1)", "table.remove(box)", "table.sort(box)",
          "table.move(box, 1, 3, 2)", "setmetatable(box, {})", "setmetatable(_G, nil)", "lib.insert(box, 1)",
          "load('counter = 1')", "load('counter = 1')()", "require 'task'", "dofile 'x'", "loadfile 'x'",
          "coroutine.wrap(bump)", "coroutine.create(bump)", "coroutine.resume(thread)", "coroutine.close(thread)",
          "coroutine.yield()", "xpcall(bump, bump)", "math.random()", "math.randomseed(2)", "io.open('x', 'w')",
          "io.write('x')", "os.remove('x')", "os.rename('x', 'y')", "os.execute('true')", "os.getenv('HOME')",
          "os.exit()", "os.time(names)", "os.time{year = 2020, month = 1, day = 1}", "task.spawn(bump)",
          "task.sleep(0)", "task.yield()", "task.every(1, bump)", "task.all{bump}", "task.race{bump}",
          "task.timeout(1, bump)", "task.channel(1)", "channel:recv()", "channel:send(1)", "channel:close()",
          "worker:cancel()", "worker:await()", "failing:await()", "sub:messages()", "sub:close()",
          "bus.send('news', 1)", "bus.listen('news')", "kalua.save()", "kalua.on_stop(bump)", "kalua.on_error(bump)",
          "kalua.expect{orders = '<1'}", "kalua.migrate(1, bump)", "log.info('x')", "('x'):gmatch('x')()");
}

static void metamethods(void **state) {
  (void)state;
  REFUSED("mine.x", "mine()", "mine .. 'x'", "'x' .. mine", "#mine", "mine == other", "mine ~= other", "mine < other",
          "mine <= other", "-mine", "mine + 1", "1 - mine", "mine * 2", "mine / 2", "mine % 2", "mine ^ 2", "mine // 2",
          "mine & 1", "mine | 1", "mine ~ 1", "mine << 1", "mine >> 1", "~mine", "tostring(mine)", "pairs(mine)",
          "string.format('%s', mine)", "print(mine)", "table.concat(mine)", "table.unpack(mine, 1, 2)",
          "string.gsub('abc', '%w', mine)", "ipairs(mine) and table.concat(mine, ',', 1, 2)", "error(mine.x)",
          "rawequal(mine.x, 1)", "mine:method()", "next(mine.y or {})", "getmetatable(mine).__index(mine, 1)",
          "getmetatable(mine).__call()");
}

/* C functions in their place: each could change the table that it is given. */
static void functions_of_c_as_metamethods(void **state) {
  (void)state;
  REFUSED("insert .. 1", "insert + 1", "insert(1)", "insert.x", "#remove", "-remove", "remove()", "~remove",
          "tostring(remove)", "string.format('%s', remove)", "set.x", "set('a', 1)", "move(1, 2, 3)", "pairs(remove)",
          "string.gsub('x', 'x', set)");
}

static void an_error_that_is_caught_has_changed_nothing(void **state) {
  (void)state;
  static const char *const inputs[] = {"pcall(rawset, names, 'a', 2)", "pcall(bump)",
                                       "pcall(pcall, bump)",           "pcall(table.sort, box)",
                                       "pcall(error, mine)",           "select('#', pcall(task.spawn, bump))",
                                       "pcall(setmetatable, box, {})", "pcall(string.gsub, 'a', 'a', bump)",
                                       "pcall(load, 'counter = 1')"};
  prompt_bed b;
  bed_begin(&b, SCRIPT);
  char *before = snapshot(&b);
  for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
    looks(&b, inputs[i]);
    char *after = snapshot(&b);
    if (strcmp(before, after) != 0) fail_msg("%s\nchanged %s\nto %s", inputs[i], before, after);
    free(after);
  }
  free(before);
  bed_end(&b);
}

static void what_only_looks_is_allowed(void **state) {
  (void)state;
  static const struct {
    const char *input, *outcome;
  } allowed[] = {
      {"counter, #box, names.a", "value: 0, 3, 1"},
      {"", "value"},
      {"-- nothing", "value"},
      {"box[1] + box[2] * 2 == 5 and 'yes' or 'no'", "value: yes"},
      {"{1, 2, x = 3}.x", "error: prompt:1: <eof> expected near '.'"},
      {"({1, 2, x = 3}).x", "value: 3"},
      {"table.concat(box, ',')", "value: 3,1,2"},
      {"table.unpack(box)", "value: 3, 1, 2"},
      {"select('#', 1, 2), type(bump), tostring(1), tonumber('7')", "value: 2, function, 1, 7"},
      {"('abc'):upper():rep(2, '-')", "value: ABC-ABC"},
      {"#('x'):rep(100000)", "value: 100000"}, /* does not fit on the C stack */
      {"string.format('%5.2f|%s', 1.5, true)", "value:  1.50|true"},
      {"'10' + 1, -'2', '6' // 4", "value: 11, -2, 1"},
      {"(string.gsub('hello', 'l', {l = 'L'}))", "value: heLLo"},
      {"('k=v'):match '(%w+)=(%w+)'", "value: k, v"},
      {"'function', [[function]], 1 -- function", "value: function, function, 1"},
      {"functional", "value: nil"},
      {"math.max(1, 3), math.type(1), math.ceil(1.5)", "value: 3, integer, 2"},
      {"utf8.len('h\xC3\xA9'), utf8.char(72)", "value: 2, H"},
      {"next(names)", "value: a, 1"},
      {"rawget(mine, 'x'), rawlen(remove), rawequal(mine, mine)", "value: nil, 3, true"},
      {"rawget(getmetatable(mine), '__index') == bump", "value: true"},
      {"worker:status(), coroutine.status(thread)", "value: waiting, suspended"},
      {"kalua.state.level, kalua.generation", "value: 1, 1"},
      {"kalua.now() > 0, os.time() > 0, os.clock() >= 0, #os.date('%Y')", "value: true, true, true, 4"},
      {"json.encode{a = 1}, json.decode('[1]')[1]", "value: {\"a\":1}, 1"},
      {"bus.last 'news', table.concat(bus.channels())", "value: nil, news"},
      {"tostring(sub)", "value: subscription to news of the bus"},
      {"pcall(error, 'x')", "value: false, x"},
      {"assert(1)", "value: 1"},
      {"error('no', 0)", "error: no"},
      {"(1)()", "error: prompt:1: attempt to call a number value"},
      {"nosuch.x", "error: prompt:1: attempt to index a nil value (global 'nosuch')"},
      {"kalua.nosuch", "value: nil"},
      {"collectgarbage 'count' > 0", "value: true"},
      {"debug.traceback(thread) ~= nil", "value: true"},
      {"_", "value: true"},
  };
  prompt_bed b;
  bed_begin(&b, SCRIPT);
  char *before = snapshot(&b);
  for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
    const char *is = looks(&b, allowed[i].input);
    if (strcmp(is, allowed[i].outcome) != 0) fail_msg("%s\ngave %s\nnot  %s", allowed[i].input, is, allowed[i].outcome);
  }
  char *after = snapshot(&b);
  assert_string_equal(before, after);
  free(before);
  free(after);
  assert_string_equal(looks(&b, "print(counter, 'seen')"), "value");
  assert_string_equal(b.t.printed.data, "0\tseen\n");
  bed_end(&b);
}

/* The message names what was called. */
static void a_refusal_says_what_it_refuses(void **state) {
  (void)state;
  static const char *const said[][2] = {
      {"bump()", "permission: bump may change what the script does: :arm first"},
      {"counter = 1", "permission: a statement may change what the script does: :arm first"},
      {"mine.x", "permission: the metamethod __index may change what the script does: :arm first"},
      {"pcall(bump) or error(select(2, pcall(bump)))", "permission: the function at s:5 may change"},
      {"(function() end)()", "permission: a function of its own may change what the script does: :arm first"},
  };
  prompt_bed b;
  bed_begin(&b, SCRIPT);
  for (size_t i = 0; i < sizeof said / sizeof said[0]; i++)
    assert_contains(looks(&b, said[i][0]), said[i][1]);
  bed_end(&b);
}

/* Nothing of the guard is left for the script's own tasks, nor for the next input. */
static void the_guard_ends_with_its_input(void **state) {
  (void)state;
  prompt_bed b;
  bed_begin(&b, "local task = require 'task'\nn = 0\nlocal function count() n = n + 1 end\n"
                "while true do task.sleep(0.002); count() end\n");
  looks(&b, "nosuch.x");
  looks(&b, "print(1)");
  looks(&b, "load('x')");
  assert_string_equal(armed(&b, "local was = n; task.sleep(0.05); return n > was"), "value: true");
  assert_string_equal(armed(&b, "rawset(_G, 'n', 0); return load('return 7')()"), "value: 7");
  bed_end(&b);
}

/* It can neither fill the script's memory nor hold it up. */
static void who_looks_takes_little(void **state) {
  (void)state;
  prompt_bed b;
  bed_begin(&b, "local task = require 'task'\nwhile true do task.sleep(0.002) end\n");
  assert_contains(looks(&b, "#('x'):rep(200e6)"), "not enough memory");
  assert_contains(looks(&b, "('x'):rep(10e6) .. ('y'):rep(15e6) .. ('z'):rep(15e6)"), "not enough memory");
  typed_ms = SHORT_MS;
  assert_contains(looks(&b, "('a'):rep(200):find(('.-'):rep(8) .. 'b')"), "ran for more than");
  typed_ms = PATIENT_MS;
  assert_string_equal(armed(&b, "#('x'):rep(100e6)"), "value: 100000000");
  /* Each label is compared with all before it. */
  kl_buf labels = {0};
  for (int i = 0; i < 100000; i++)
    kl_buf_printf(&labels, "::l%d:: x = 0\n", i);
  typed_ms = SHORT_MS;
  assert_string_equal(looks(&b, labels.data), "error: compiling took too long");
  typed_ms = PATIENT_MS;
  kl_buf_free(&labels);
  bed_end(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(statements),
      cmocka_unit_test(functions_of_its_own),
      cmocka_unit_test(functions_of_the_script),
      cmocka_unit_test(functions_that_change),
      cmocka_unit_test(metamethods),
      cmocka_unit_test(functions_of_c_as_metamethods),
      cmocka_unit_test(an_error_that_is_caught_has_changed_nothing),
      cmocka_unit_test(what_only_looks_is_allowed),
      cmocka_unit_test(a_refusal_says_what_it_refuses),
      cmocka_unit_test(the_guard_ends_with_its_input),
      cmocka_unit_test(who_looks_takes_little),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
