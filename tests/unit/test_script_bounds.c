/* No call of a script works for longer than its task may, whatever it is given; and what the functions do that replace
 * those of Lua for that. */
#include "lua_twins.h"
#include "script_world.h"

static double seconds(void) { return (double)kl_mono_ns(kl_clock_real()) / 1e9; }

/* ---- the same as Lua ---- */

static uint64_t random_state = 88172645463325252U;

static size_t below(size_t n) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (size_t)(random_state >> 11) % n;
}

/* A text of some of the parts. */
static size_t put_together(char *out, size_t parts, const char *const *from, size_t count) {
  size_t n = 0;
  for (size_t i = 0; i < parts; i++) {
    const char *part = from[below(count)];
    size_t len = *part ? strlen(part) : 1; /* an empty one is a NUL */
    memcpy(out + n, part, len);
    n += len;
  }
  return n;
}

#define COUNT(list) (sizeof(list) / sizeof *(list))

static void matches_as_lua_does(void **state) {
  (void)state;
  static const char *const letters[] = {"a", "a", "a", "b", "b", "ab", "A", "1",   " ",
                                        "(", ")", "-", "]", "^", "%",  "",  "\xe4"};
  static const char *const items[] = {
      "a",  "b",    ".",    "%a",    "%A",    "%d",     "%s",   "%w",    "%p", "%x", "%u",   "%l",   "%c",  "%g",
      "%z", "[ab]", "[^a]", "[a-b]", "[%a-]", "[]]",    "[^]]", "[]-a]", "(",  ")",  "()",   "(a)",  "(.)", "(a*)",
      "%1", "%2",   "%b()", "%bab",  "%f[a]", "%f[%A]", "^",    "$",     "*",  "+",  "-",    "?",    "*",   "a*",
      ".-", "b?",   "",     "[",     "%",     "%0",     "%b",   "%f",    "%(", "[%", "[a-]", "[%]]", "]"};
  static const char *const replacements[] = {"x", "%0", "%1", "%2", "%%", "%", "y", "", "%9", "%a"};
  twins t;
  twins_open(&t, twins_of_patterns);
  char text[128], pattern[128], replacement[64];
  for (int i = 0; i < 12000; i++) {
    size_t quantifiers = 0;
    twin_text texts[3] = {{text, put_together(text, below(13), letters, COUNT(letters))},
                          {pattern, put_together(pattern, 1 + below(6), items, COUNT(items))},
                          {replacement, put_together(replacement, below(4), replacements, COUNT(replacements))}};
    for (size_t k = 0; k < texts[1].n; k++)
      quantifiers += strchr("*+-?", pattern[k]) != NULL;
    if (quantifiers > 4) continue;
    const char *why = twins_differ(&t, (lua_Integer)below(1000), texts, 3);
    if (why) fail_msg("\"%.*s\" in \"%.*s\": %s", (int)texts[1].n, pattern, (int)texts[0].n, text, why);
  }
  twins_close(&t);
}

static void finds_long_texts_as_lua_does(void **state) {
  (void)state;
  twins t;
  twins_open(&t, "local number = ...\n"
                 "local n, m = number % 100000, number // 100000 % 3000 + 1\n"
                 "local s = ('a'):rep(n) .. 'b' .. ('ab'):rep(n // 3)\n"
                 "local out = {}\n"
                 "for _, p in ipairs{ ('a'):rep(m) .. 'b', 'b' .. ('a'):rep(m), ('ab'):rep(m), 'bb', '', 'b' } do\n"
                 "  out[#out + 1] = tostring(s:find(p, 1, true)) .. ' ' .. tostring(s:find(p, -n // 2))\n"
                 "end\n"
                 "return table.concat(out, ',')");
  for (int i = 0; i < 60; i++) {
    const char *why = twins_differ(&t, (lua_Integer)below(300000000), NULL, 0);
    if (why) fail_msg("%s", why);
  }
  twins_close(&t);
}

static void nests_as_deep_as_lua_does(void **state) {
  (void)state;
  twins t;
  twins_open(&t, "local number = ...\n"
                 "local s, out = ('a'):rep(number), {}\n"
                 "local function try(p) out[#out + 1] = tostring(select(2, pcall(string.find, s, p))) end\n"
                 "for _, item in ipairs{ 'a?', '(a)', '()', 'a', 'a-' } do try(item:rep(number)) end\n"
                 "try('b*' .. ('a?'):rep(number) .. 'b?')\n"
                 "if number < 12 then try(('a?'):rep(number) .. 'b') try(('a-'):rep(number) .. '$') end\n"
                 "for n = 196, 201 do\n"
                 "  try('^' .. ('a?'):rep(n) .. '.*') if number > 220 then try(('a?'):rep(n) .. '.*a') end\n"
                 "end\n"
                 "return table.concat(out, '\\n')");
  for (int i = 0; i < 240; i = i < 28 || i > 190 ? i + 1 : i + 40) {
    const char *why = twins_differ(&t, i, NULL, 0);
    if (why) fail_msg("%s", why);
  }
  twins_close(&t);
}

static void repeats_and_formats_as_lua_does(void **state) {
  (void)state;
  static const char *const values[] = {"", "a", "ab", "abc", "0123456789"};
  twins t;
  twins_open(&t, "local number, s, sep = ...\n"
                 "local n = number % 100 - 3\n"
                 "if number % 50 == 0 then n = math.maxinteger // (number % 7 + 1) end\n"
                 "if number % 50 == 1 then n = 70000 end\n"
                 "if s == '' and n > 1e6 then return '' end\n"
                 "local ok, text = pcall(string.rep, s, n, number % 3 > 0 and sep or nil)\n"
                 "if not ok and text:find 'memory' then return 'memory' end\n"
                 "local out = { text }\n"
                 "for _, f in ipairs{ '%d', '%5.2f %s', '%q', '%', '%y', '%d %d' } do\n"
                 "  out[#out + 1] = tostring(select(2, pcall(string.format, f, number % 2 > 0 and s or n, sep)))\n"
                 "end\n"
                 "local many = {} for i = 1, 1500 do many[i] = i end\n"
                 "if number % 20 == 0 then\n"
                 "  out[#out + 1] = string.format(('%5d%%|%s '):rep(700) .. s .. '%%', table.unpack(many))\n"
                 "  out[#out + 1] = string.format(('%-+5d%.3f'):rep(750), table.unpack(many))\n"
                 "end\n"
                 "for _, f in ipairs{ 'i4', 's1', '!8 i1 j', 'y', 'i17' } do\n"
                 "  out[#out + 1] = ('%q'):format(tostring(select(2, pcall(string.pack, f, 7, s))))\n"
                 "  out[#out + 1] = tostring(select(2, pcall(string.unpack, f, s)))\n"
                 "  out[#out + 1] = tostring(select(2, pcall(string.packsize, f)))\n"
                 "end\n"
                 "return table.concat(out, '\\n')");
  char text[32], sep[32];
  for (int i = 0; i < 400; i++) {
    twin_text texts[] = {{text, 0}, {sep, 0}};
    texts[0].n = put_together(text, 1, values + 1, COUNT(values) - 1) * below(2);
    texts[1].n = put_together(sep, 1, values + 1, COUNT(values) - 1) * below(2);
    const char *why = twins_differ(&t, i, texts, 2);
    if (why) fail_msg("%s", why);
  }
  twins_close(&t);
}

static void handles_tables_as_lua_does(void **state) {
  (void)state;
  twins t;
  /* Each access to the elements is noted, so that their order is compared too. */
  twins_open(
      &t,
      "local number = ...\n"
      "local state = number * 2654435761 % 4294967296\n"
      "local function below(n) state = (state * 1103515245 + 12345) % 2147483648 return state // 8 % n end\n"
      "local notes, inner = {}, {}\n"
      "local function note(...) notes[#notes + 1] = table.concat({ ... }, ' ') end\n"
      "local n = below(12)\n"
      "for i = 1, n do inner[i] = ({ i, below(5), 'x' .. below(9), 2.5 })[below(4) + 1] end\n"
      "if below(9) == 0 then inner[below(12)] = ({ true, {} })[1] end\n"
      "local claimed = below(4) > 0 and n or ({ 0, -1, math.maxinteger, math.mininteger, 3.5, 'x' })[below(6) + 1]\n"
      "local mt = { __index = function(_, k) note('get', k) return inner[k] end,\n"
      "  __newindex = function(_, k, v) note('set', k, tostring(v == nil and 'nil' or type(v))) inner[k] = v end,\n"
      "  __len = function() note('len') return claimed end }\n"
      "if below(15) == 0 then mt.__index = nil end if below(15) == 0 then mt.__newindex = nil end\n"
      "if below(15) == 0 then mt.__len = nil end\n"
      "local huge = claimed == math.maxinteger or claimed == math.mininteger\n"
      "local proxy = ({ setmetatable({}, mt), inner, inner, 7 })[below(4) + 1]\n"
      "if huge and proxy ~= inner then n = math.maxinteger end\n"
      "local function index() return ({ below(14) - 2, n, n + 1, 1, 'x', 1.5, '2', math.maxinteger })[below(8) + 1] "
      "end\n"
      "local function show(v) return type(v) == 'table' and 'table' or tostring(v) end\n"
      "local function try(f, ...)\n"
      "  local r = table.pack(pcall(f, ...))\n"
      "  if type(r[2]) == 'string' then r[2] = r[2]:gsub('#1 (to .table.remove. .position)', '#2 %1') end\n" /* a slip
                                                                                                                of 5.4.4
                                                                                                              */
      "  note(show(r[1]), r.n, show(r[2]))\n"
      "  for i = -2, 20 do note(show(inner[i])) end\n"
      "end\n"
      "local which = below(5)\n"
      "if which == 0 and not huge then\n"
      "  local c = below(6)\n"
      "  if c == 0 then try(table.insert, proxy) elseif c == 1 then try(table.insert, proxy, 1, 2, 3)\n"
      "  elseif c == 2 then try(table.insert, proxy, 'v') else try(table.insert, proxy, index(), 'v') end\n"
      "elseif which == 0 then try(table.insert, proxy, 'v')\n"
      "elseif which == 1 and not huge then\n"
      "  if below(2) == 0 then try(table.remove, proxy) else try(table.remove, proxy, index()) end\n"
      "elseif which == 2 then\n"
      "  local f = index() local e = f if type(f) == 'number' and below(6) > 0 then e = f + below(9) - 2 else e = 3 "
      "end\n"
      "  if type(f) == 'number' and f < 0 then e = f + below(4) end\n"
      "  try(table.move, proxy, f, e, index(), ({ proxy, inner, {}, 5 })[below(4) + 1])\n"
      "  if below(9) == 0 then try(table.move, proxy, 0, math.maxinteger, 1) end\n"
      "elseif which == 3 and not huge then\n"
      "  try(table.concat, proxy) try(table.concat, proxy, ', ', 1, below(5)) try(table.concat, proxy, '-', index(), "
      "3)\n"
      "  try(table.concat, proxy, {})\n"
      "else\n"
      "  local m = below(3) == 0 and 400 or below(30) local a, b = {}, {}\n"
      "  for i = 1, m do a[i] = below(below(2) == 0 and 5 or 1000) b[i] = { below(10), i } end\n"
      "  if below(3) == 0 then for i = 1, m do a[i] = i end end\n"
      "  if below(5) == 0 and m > 2 then a[2] = 'mixed' end\n"
      "  try(table.sort, a) for i = 1, m do note(a[i]) end\n"
      "  local orders = { function(x, y) return x[1] < y[1] end, function(x, y) return x[1] <= y[1] end,\n"
      "    function() return true end, function() return below(2) == 0 end, function(x, y) return x[1] > y[1] end,\n"
      "    function() error 'no' end, 7 }\n"
      "  try(table.sort, b, orders[below(7) + 1]) for i = 1, m do note(b[i][1], b[i][2]) end\n"
      "  if not huge then try(table.sort, proxy) else try(table.sort, setmetatable({}, mt)) end\n"
      "end\n"
      "return table.concat(notes, '\\n')");
  for (int i = 0; i < 2500; i++) {
    const char *why = twins_differ(&t, i, NULL, 0);
    if (why) fail_msg("%s", why);
  }
  twins_close(&t);
}

/* ---- what a script cannot do ---- */

/* Signals reach a program under the thread sanitizer only at calls into the C library, which these do not make. */
#if defined(__SANITIZE_THREAD__)
#define NEEDS_SIGNALS() skip()
#else
#define NEEDS_SIGNALS() ((void)0)
#endif

enum { LIMIT_MS = 40, LONG_S = 60 /* what some of these would take without a bound is years */ };

/* What is caught must not come back to the script, in whatever it is wrapped. */
static const char *const wrappings[][2] = {
    {"while true do pcall(function() ", " end) end"},
    {"while true do coroutine.wrap(function() ", " end)() end"},
    {"local function f() ", " end while true do xpcall(f, f) pcall(coroutine.resume, coroutine.create(f)) end"},
    {"table.sort({ 1, 2, 3 }, function() pcall(function() ", " end) error 'caught' end)"},
    {"('x'):gsub('x', function() ", " end)"},
};

/* The task with the call ends with the watchdog's error, while another script goes on. */
static void is_broken_in(const char *before, const char *call, const char *after) {
  world w;
  char source[2000];
  world_open(&w, 200);
  snprintf(source, sizeof source, "local task = require 'task';\n%s%s%s\nprint('went on')", before, call, after);
  kl_script_options o = {.source = source, .name = "bad", .cpu_ms = LIMIT_MS};
  kl_script_options good = {.source = "local task = require 'task' for i = 1, 20 do task.sleep(0.001) end print 'good'",
                            .name = "good",
                            .cpu_ms = 60000};
  kl_script *s, *other;
  kl_error e;
  if (!kl_script_start(w.host, &o, &s, &e) || !kl_script_start(w.host, &good, &other, &e)) fail_msg("%s", e.message);
  double start = seconds();
  world_run(&w);
  double took = seconds() - start;
  if (took > LONG_S) fail_msg("%g s for: %s", took, source);
  if (strcmp(world_out(&w), "good\n") != 0 || w.failed != 1) fail_msg("%s after: %s", world_out(&w), source);
  assert_contains(kl_script_error(s), ": ran for more than 40 ms without waiting");
  assert_contains(kl_script_error(s), "bad:");
  world_close(&w);
}

static void is_broken(const char *call) { is_broken_in("", call, ""); }

#define AS "local s = ('a'):rep(30000)\n"
#define EMPTY "local t = setmetatable({}, { __len = function() return 1 << 53 end })\n"

static void ends_matches_that_take_too_long(void **state) {
  (void)state;
  NEEDS_SIGNALS();
  is_broken(AS "s:find(('a?'):rep(30) .. ('a*'):rep(30) .. 'b')");
  is_broken(AS "s:match('.-.-.-.-b')");
  is_broken(AS "s:gsub('(.*)(.*)(.*)%1b', '')");
  is_broken(AS "for _ in s:gmatch('.*.*.*.*b') do end");
  is_broken("('('):rep(1000000):gsub('%b()', '')");
  is_broken(AS "s:rep(100):find('[' .. ('b'):rep(100000) .. ']')");
  is_broken(AS "s:rep(100):find('[^' .. ('b'):rep(100000) .. ']*b')");
  is_broken(AS "s:gsub('()b*', ('%2'):rep(10), 0) s:gsub('b*', ('%0'):rep(100000))");
}

static void ends_walks_over_tables_that_claim_to_be_long(void **state) {
  (void)state;
  NEEDS_SIGNALS();
  is_broken("table.move({}, 1, 1 << 53, 1)");
  is_broken("table.move({}, 1, 1 << 53, 2)");
  is_broken("table.move({}, 1, 1 << 53, 1, {})");
  is_broken(EMPTY "table.insert(t, 1, nil)");
  is_broken(EMPTY "table.remove(t, 1)");
  is_broken("local function empty() while true do coroutine.yield '' end end\n"
            "table.concat(setmetatable({}, { __index = coroutine.wrap(empty) }), '', 1, 1 << 53)");
  is_broken("table.sort(setmetatable({}, { __index = rawlen, __newindex = rawlen,\n"
            "  __len = function() return (1 << 31) - 2 end }))");
  is_broken("local t = {} for i = 1, 1000 do t[i] = i end while true do table.sort(t, math.ult) end");
}

static void ends_what_is_loaded_when_it_takes_too_long(void **state) {
  (void)state;
  NEEDS_SIGNALS();
  is_broken("local p = {} for i = 1, 30000 do p[i] = '::a' .. i .. ':: x=1 ' end\n"
            "local f = 'local function f() ' .. table.concat(p) .. ' end\\n'\n"
            "task.yield() assert(load(f:rep(200)))");
  is_broken("local p = {} for i = 1, 30000 do p[i] = '::a' .. i .. ':: x=1 ' end\n"
            "local f = 'local function f() ' .. table.concat(p) .. ' end\\n'\n"
            "task.yield() assert(load(function() return f end))");
}

static void ends_json_that_takes_too_long(void **state) {
  (void)state;
  NEEDS_SIGNALS();
  is_broken("local t = { {} } for i = 1, 60 do t = { t, t } end require 'json'.encode(t)");
  is_broken("local t = {} for i = 1, 30000 do t[i] = '\"a\":1' end t = '{' .. table.concat(t, ',') .. '}'\n"
            "while true do require 'json'.decode('[' .. (t .. ','):rep(50) .. '1]') end");
}

/* What shares its parts can be of any length as text. */
static void writes_no_json_longer_than_its_memory(void **state) {
  (void)state;
  world w;
  world_open(&w, 200);
  kl_script_options o = {.source = "local s = ('x'):rep(1000000) local t = {} for i = 1, 40 do t[i] = s end\n"
                                   "print(select(2, pcall(require 'json'.encode, t)))",
                         .name = "s",
                         .memory_cap = 8 << 20,
                         .cpu_ms = 60000};
  kl_script *s;
  kl_error e;
  assert_true(kl_script_start(w.host, &o, &s, &e));
  world_run(&w);
  assert_string_equal(world_out(&w), "validation: json.encode: the text is longer than the 8 MB of memory that the "
                                     "script may have\n");
  world_close(&w);
}

/* A global for each of a million names, or a million frames, is nothing that an error looks through. */
static void raises_errors_in_huge_scripts_at_once(void **state) {
  (void)state;
  world w;
  world_open(&w, 200);
  kl_script_options o = {
      .source = "for i = 1, 100000 do _G['k' .. i] = print end\n"
                "local function deep(n) if n == 0 then return debug.traceback() end\n"
                "  return (deep(n - 1)) end\n"
                "local text = deep(30) for i = 1, 30 do text = deep(30) end\n"
                "print(text:match 'stack traceback' )\n"
                "local f = load 'local f, n, g = ... if n == 0 then return g() end return (f(f, n - 1, g))'\n"
                "print(f(f, 50000, function() return pcall(require 'task'.sleep, 'x') end))",
      .name = "s",
      .cpu_ms = 60000};
  kl_script *s;
  kl_error e;
  double start = seconds();
  assert_true(kl_script_start(w.host, &o, &s, &e));
  world_run(&w);
  if (w.failed) fail_msg("%s", kl_script_error(s));
  assert_string_equal(world_out(&w), "stack traceback\nfalse\n");
  assert_true(seconds() - start < 2 * LONG_S);
  world_close(&w);
}

static void ends_calls_of_what_calls_itself(void **state) {
  (void)state;
  NEEDS_SIGNALS();
  is_broken("local t = setmetatable({}, {}) getmetatable(t).__call = t while true do pcall(t) end");
}

static void lets_nothing_catch_the_end(void **state) {
  (void)state;
  NEEDS_SIGNALS();
  for (size_t i = 0; i < COUNT(wrappings); i++) {
    is_broken_in(wrappings[i][0], "(('a'):rep(30000)):match('.-.-.-.-b')", wrappings[i][1]);
    is_broken_in(wrappings[i][0], "table.move({}, 1, 1 << 53, 1)", wrappings[i][1]);
  }
}

static void names_the_line_and_the_function(void **state) {
  (void)state;
  NEEDS_SIGNALS();
  world w;
  world_open(&w, 200);
  kl_script_options o = {.source = "local s = ('a'):rep(30000)\n"
                                   "local function scan()\n"
                                   "  return (s:match('.-.-.-b'))\n"
                                   "end\n"
                                   "scan()",
                         .name = "bad",
                         .cpu_ms = LIMIT_MS};
  kl_script *s;
  kl_error e;
  assert_true(kl_script_start(w.host, &o, &s, &e));
  world_run(&w);
  assert_contains(kl_script_error(s), "bad:3: ran for more than 40 ms");
  assert_contains(kl_script_traceback(s), "in function 'string.match'");
  assert_contains(kl_script_traceback(s), "bad:3: in local 'scan'");
  world_close(&w);
}

/* Those that have an end are no longer a matter of time. */
static void repeats_and_packs_within_bounds(void **state) {
  (void)state;
  double start = seconds();
  runs("print(#(''):rep(1 << 60), #(''):rep(1 << 60, ''), #('ab'):rep(1000000, 'c'))\n"
       "print(pcall(string.rep, 'x', 1 << 60))\n"
       "print(pcall(string.pack, (' '):rep(1000000)))\n"
       "print((('a'):rep(1000000)):find(('a'):rep(20000) .. 'b', 1, true))",
       "0\t0\t2999999\nfalse\tresulting string too large\n"
       "false\tbad argument #1 to 'string.pack' (format longer than 64 KiB)\nnil\n");
  assert_true(seconds() - start < LONG_S);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(matches_as_lua_does),
      cmocka_unit_test(finds_long_texts_as_lua_does),
      cmocka_unit_test(nests_as_deep_as_lua_does),
      cmocka_unit_test(repeats_and_formats_as_lua_does),
      cmocka_unit_test(handles_tables_as_lua_does),
      cmocka_unit_test(ends_matches_that_take_too_long),
      cmocka_unit_test(ends_walks_over_tables_that_claim_to_be_long),
      cmocka_unit_test(ends_what_is_loaded_when_it_takes_too_long),
      cmocka_unit_test(ends_json_that_takes_too_long),
      cmocka_unit_test(writes_no_json_longer_than_its_memory),
      cmocka_unit_test(raises_errors_in_huge_scripts_at_once),
      cmocka_unit_test(ends_calls_of_what_calls_itself),
      cmocka_unit_test(lets_nothing_catch_the_end),
      cmocka_unit_test(names_the_line_and_the_function),
      cmocka_unit_test(repeats_and_packs_within_bounds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
