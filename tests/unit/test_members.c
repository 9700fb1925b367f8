/* Fields and methods of values for the prompt: never a script's code, and always an end, whatever the tables are. */
#include <unistd.h>

#include "prompt/members.h"

#include "script_world.h"

/* A path is separated by blanks; an integer is one. The first name is a global. */
static json_t *path_of(const char *text) {
  json_t *path = json_array();
  while (*text) {
    size_t n = strcspn(text, " ");
    char *end;
    long long number = strtoll(text, &end, 10);
    json_array_append_new(path, end == text + n ? json_integer(number) : json_stringn(text, n));
    text += n + (text[n] == ' ');
  }
  return path;
}

/* members(path, method, prefix): the answer as JSON text. */
static int l_members(lua_State *L) {
  json_t *path = path_of(luaL_checkstring(L, 1));
  size_t prefix_len = 0;
  const char *prefix = luaL_optlstring(L, 3, NULL, &prefix_len);
  kl_members_wish wish = {.method = lua_toboolean(L, 2), .prefix = prefix, .prefix_len = prefix_len};
  kl_members m;
  kl_buf out = {0};
  lua_pushglobaltable(L);
  for (size_t i = 0; i < json_array_size(path); i++)
    kl_members_step(L, json_array_get(path, i));
  kl_buf_char(&out, '{');
  kl_members_self(L, &out);
  kl_members_begin(&m, &out, &wish);
  kl_members_walk(&m, L);
  kl_members_end(&m);
  kl_buf_char(&out, '}');
  assert_false(out.failed);
  lua_pushlstring(L, out.data, out.len);
  kl_buf_free(&out);
  json_decref(path);
  return 1;
}

/* An object as those of the runtime are whose fields are found by a function. */
static int l_trap(lua_State *L) { return luaL_error(L, "code was run"); }

static int l_object(lua_State *L) {
  static const luaL_Reg methods[] = {{"wait", l_trap}, {NULL, NULL}};
  static const char *const fields[] = {"ticker", "string", "seq", "number", NULL};
  lua_newuserdatauv(L, 1, 0);
  if (luaL_newmetatable(L, "test.Object")) {
    kl_set_fields(L, methods, fields);
    lua_pushcfunction(L, l_trap);
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, "test.Object");
    lua_setfield(L, -2, "__metatable");
  }
  lua_setmetatable(L, -2);
  return 1;
}

static int open_probe(lua_State *L) {
  static const luaL_Reg functions[] = {{"members", l_members}, {"object", l_object}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}

/* show(…): the answer's own type, then its items by name, then "more". */
#define SHOW                                                                                                           \
  "local probe, json = require 'probe', require 'json'\n"                                                              \
  "local function ask(...) return json.decode(probe.members(...)) end\n"                                               \
  "local function show(...)\n"                                                                                         \
  "  local a, seen, lines = ask(...), {}, {}\n"                                                                        \
  "  for _, i in ipairs(a.items) do\n"                                                                                 \
  "    if not seen[i.name] then lines[#lines + 1] = i.name .. ':' .. i.type .. (i.text and '=' .. i.text or '') end\n" \
  "    seen[i.name] = true\n"                                                                                          \
  "  end\n"                                                                                                            \
  "  table.sort(lines)\n"                                                                                              \
  "  print(a.type .. (a.name and ' ' .. a.name or '') .. ': ' .. table.concat(lines, ', ') .. (a.more and ' …' or "  \
  "''))\n"                                                                                                             \
  "end\n"

static void gives_types_and_short_texts(void **state) {
  (void)state;
  runs(SHOW "quote = { bid = 0.42, count = 10, ok = true, name = 'KXTEMP', list = { 1, 2, 3 }, one = { 1 },\n"
            "  empty = {}, fn = print, two_lines = 'a\\nb', long = ('x'):rep(60), wide = ('é'):rep(30) }\n"
            "show 'quote'",
       "table: bid:number=0.42, count:number=10, empty:table, fn:function, list:table=3 values, "
       "long:string=\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…\", name:string=\"KXTEMP\", ok:boolean=true, "
       "one:table=1 value, two_lines:string=\"a b\", wide:string=\"éééééééééééééééééééé…\"\n");
}

static void follows_paths(void **state) {
  (void)state;
  runs(SHOW "t = { rows = { { ticker = 'A' }, { ticker = 'B', deep = { x = 1 } } }, [5] = { five = true } }\n"
            "show 't rows 2' show 't rows 2 deep' show 't 5' show 't rows 3' show 'nobody' show 't rows x y'",
       "table: deep:table, ticker:string=\"B\"\ntable: x:number=1\ntable: five:boolean=true\nnil: \nnil: \nnil: \n");
}

static void follows_tables_behind_index(void **state) {
  (void)state;
  runs(SHOW "local Base = { __name = 'Base', stop = print, kind = 'base' } Base.__index = Base\n"
            "local Maker = setmetatable({ quote = print, kind = 'maker' }, Base) Maker.__index = Maker\n"
            "m = setmetatable({ ticker = 'A' }, Maker)\n"
            "show 'm' show('m', true) show 'm stop' show('m', false, 'k')",
       "table: kind:string=\"maker\", quote:function, stop:function, ticker:string=\"A\"\n"
       "table: quote:function, stop:function\nfunction: \ntable: kind:string=\"maker\"\n");
}

static void knows_objects_of_the_runtime(void **state) {
  (void)state;
  runs(SHOW "o = probe.object() held = { o = o }\n"
            "show 'o' show('o', true) show 'o ticker' show 'held'\n"
            "t = require 'task'.spawn(function() end) show('t', true) s = 'text' show 's' show('s', true, 'up')",
       "userdata test.Object: seq:number, ticker:string, wait:function\n"
       "userdata test.Object: wait:function\nnil: \ntable: o:userdata=test.Object\n"
       "userdata task.Task: await:function, cancel:function, status:function\nstring: \nstring: upper:function\n");
}

static void runs_no_code(void **state) {
  (void)state;
  runs(SHOW
       "local function trap() error 'code was run' end\n"
       "local all = { __index = trap, __pairs = trap, __len = trap, __tostring = trap, __call = trap, __eq = trap,\n"
       "  __concat = trap, __name = trap }\n"
       "t = setmetatable({ own = 1, inner = setmetatable({}, all), [setmetatable({}, all)] = 2 }, all)\n"
       "show 't' show 't inner' show 't missing'\n"
       "u = setmetatable({}, { __index = setmetatable({ far = 1 }, all) }) show 'u' show 'u nothing'",
       "table: inner:table, own:number=1\ntable: \nnil: \ntable: far:number=1\nnil: \n");
}

static void chains_that_end_nowhere_end(void **state) {
  (void)state;
  runs(SHOW "a = { x = 1 } b = setmetatable({ y = 2 }, { __index = a }) setmetatable(a, { __index = b })\n"
            "show 'a' show 'a nobody'\n"
            "self = setmetatable({ z = 3 }, {}) getmetatable(self).__index = self show 'self' show 'self a b c'\n"
            "deep = {} for i = 1, 1000 do deep = setmetatable({}, { __index = deep }) end show 'deep' show 'deep q'",
       "table: x:number=1, y:number=2\nnil: \ntable: z:number=3\nnil: \ntable: \nnil: \n");
}

static void hides_what_nobody_writes(void **state) {
  (void)state;
  runs(
      SHOW
      "t = { __index = 1, _mine = 2, [''] = 3, [('n'):rep(201)] = 4, ['a\\0b'] = 5, ['\\xff'] = 6, ['two words'] = 7,\n"
      "  [1] = 8, [true] = 9, ['\\27[2J'] = 10, ['é'] = 11 }\n"
      "show 't'",
      "table: _mine:number=2, two words:number=7, é:number=11\n");
}

static void large_tables_are_looked_at_in_part(void **state) {
  (void)state;
  runs("local probe, json = require 'probe', require 'json'\n"
       "local function ask(...) return json.decode(probe.members(...)) end\n"
       "many = {} for i = 1, 10000 do many[('field_%05d'):format(i)] = i end\n"
       "local a = ask 'many' print(#a.items, a.more)\n"
       "a = ask('many', false, 'field_012') print(#a.items, a.more)\n"
       /* Behind a million of values. */
       "list = {} for i = 1, 1000000 do list[i] = i end list.name = 'long'\n"
       "a = ask 'list' print(a.items[1].name, a.more)\n"
       /* Names and values that make the answer long. */
       "wide = {} for i = 1, 2000 do wide[('n'):rep(190) .. i] = ('\\u{1F600}'):rep(50) end\n"
       "local text = probe.members 'wide' print(#text < 200000, json.decode(text).more)\n"
       "odd = {} for i = 1, 200000 do odd[-i] = i end print(ask 'odd'.more)",
       "2000\ttrue\n100\tfalse\nname\ttrue\ntrue\ttrue\ntrue\n");
}

int main(void) {
  world_modules_add("probe", open_probe);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gives_types_and_short_texts),
      cmocka_unit_test(follows_paths),
      cmocka_unit_test(follows_tables_behind_index),
      cmocka_unit_test(knows_objects_of_the_runtime),
      cmocka_unit_test(runs_no_code),
      cmocka_unit_test(chains_that_end_nowhere_end),
      cmocka_unit_test(hides_what_nobody_writes),
      cmocka_unit_test(large_tables_are_looked_at_in_part),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
