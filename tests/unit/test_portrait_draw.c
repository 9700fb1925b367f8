/* A value, its portrait, the Lua that the prompt draws of it, and the value that this gives when it is loaded: always
 * an equal one. The values are made by chance. */
#include "script_world.h"

#include "bindings/json.h"
#include "prompt/portrait.h"

enum { VALUES = 5000, VALUES_OF_A_SEED = 20000 }; /* with KL_SEED, which is for a person to wait for */

static int l_portrait(lua_State *L) {
  lua_settop(L, 1);
  kl_buf *out = kl_push_buffer(L);
  lua_insert(L, 1);
  kl_portrait_write(L, 1, &kl_portrait_whole, out);
  lua_pushlstring(L, out->data, out->len);
  return 1;
}

static int open_probe(lua_State *L) {
  lua_pushcfunction(L, l_portrait);
  return 1;
}

static const char script[] =
    "local portrait, json, draw = require 'probe', require 'json', require 'prompt.draw'\n"
    "local seed, n = ...\n"
    "math.randomseed(seed)\n"
    "local random = math.random\n"
    "local words = { '', 'a', 'end', 'nil', 'ticker', 'yes_bid_dollars', 'a b', '1', ']]', '--[[', '\\\\', '\"', "
    "'\\0001', '\\n',\n"
    "  '\\xff', '\\xc3', 'ü', '日本', '\\u{202E}', '\\u{10FFFF}', '\\27[31m', ' ', '\\\\z ', 'x = {', '\\127', "
    "'\\r\\n' }\n"
    "local function text()\n"
    "  local kind = random(6)\n"
    "  if kind == 1 then return words[random(#words)] end\n"
    "  local parts = {}\n"
    "  for i = 1, kind == 2 and random(60) or random(6) do\n"
    "    parts[i] = kind == 3 and string.char(random(0, 255)) or random(3) == 1 and ' ' or words[random(#words)]\n"
    "  end\n"
    "  return table.concat(parts)\n"
    "end\n"
    "local numbers = { 0, -0.0, 1, -1, 0.42, 0.1 + 0.2, 1e15, 1e16, 1e100, 5e-324, 1.7976931348623157e308, 2^53, 2^63, "
    "-2^63,\n"
    "  math.mininteger, math.maxinteger, 1/0, -1/0, 0/0, 3.0, 1795660107.613, 1e-5, 123456789012345678 }\n"
    "local function number()\n"
    "  local kind = random(4)\n"
    "  if kind == 1 then return numbers[random(#numbers)] end\n"
    "  if kind == 2 then return random(0) end\n"
    "  if kind == 3 then return string.unpack('<d', string.pack('<i8', random(0))) end\n"
    "  return random(-200, 200) / 4\n"
    "end\n"
    "local shared\n"
    "local function value(depth)\n"
    "  local kind = random(10)\n"
    "  if kind == 1 then return random(2) == 1 end\n"
    "  if kind == 2 then return json.null end\n"
    "  if kind <= 4 or depth == 0 and kind <= 6 then return number() end\n"
    "  if kind <= 6 or depth == 0 then return text() end\n"
    "  if kind == 7 and #shared > 0 then return shared[random(#shared)] end\n"
    "  local t = {}\n"
    "  for i = 1, random(0, 4) do t[i] = value(depth - 1) end\n"
    "  if random(20) == 1 then for i = 1, 40 do t[i] = random(3) == 1 and number() or i end end\n"
    "  for _ = 1, random(0, 4) do\n"
    "    local key\n"
    "    local which = random(8)\n"
    "    if which == 1 then key = number() elseif which == 2 then key = random(2) == 1 elseif which == 3 then key = "
    "random(-3, 9)\n"
    "    elseif which == 4 then key = json.null else key = text() end\n"
    "    if key == key then t[key] = value(depth - 1) end\n"
    "  end\n"
    "  if random(3) == 1 then shared[#shared + 1] = t end\n"
    "  return t\n"
    "end\n"
    "local function same(a, b)\n"
    "  if type(a) ~= type(b) or math.type(a) ~= math.type(b) then return false end\n"
    "  if type(a) == 'number' then return a ~= a and b ~= b or a == b and (a ~= 0 or math.type(a) == 'integer' or 1 / "
    "a == 1 / b) end\n"
    "  if type(a) ~= 'table' then return a == b end\n"
    "  for k, v in next, a do if not same(v, rawget(b, k)) then return false end end\n"
    "  for k in next, b do if rawget(a, k) == nil then return false end end\n"
    "  return true\n"
    "end\n"
    "local env = { math = { huge = 1/0, mininteger = math.mininteger }, json = { null = json.null } }\n"
    "for i = 1, n do\n"
    "  shared = {}\n"
    "  local was = value(random(8) == 1 and 3 or random(0, 2))\n"
    "  local p = json.decode(portrait(was))[1]\n"
    "  local lua = draw.lua(p, { width = random(20, 120), ascii = random(2) == 1 })\n"
    "  local chunk, why = load('return ' .. lua, '=drawn', 't', env)\n"
    "  if not chunk then error(string.format('value %d of seed %d: %s in\\n%s', i, seed, why, lua)) end\n"
    "  local is = chunk()\n"
    "  if not same(was, is) then error(string.format('value %d of seed %d became\\n%s\\nfrom\\n%s', i, seed, lua, "
    "portrait(was))) end\n"
    "  if lua:find '[%z\\1-\\9\\11-\\31\\127]' then error(string.format('value %d of seed %d has control characters', "
    "i, seed)) end\n"
    "  if i % 100 == 0 then require('task').yield() end\n"
    "end\n";

static void test_what_is_drawn_loads_back_equal(void **state) {
  (void)state;
  const char *given = getenv("KL_SEED");
  kl_buf text = {0};
  kl_buf_printf(&text, "load([==========[%s]==========])(%s, %d)", script, given ? given : "7",
                given ? VALUES_OF_A_SEED : VALUES);
  world w;
  world_open(&w, 500);
  kl_script *s = world_start(&w, text.data);
  world_run(&w);
  if (w.failed) fail_msg("%s\n%s", kl_script_error(s), kl_script_traceback(s) ? kl_script_traceback(s) : "");
  world_close(&w);
  kl_buf_free(&text);
}

int main(void) {
  world_modules_add("probe", open_probe);
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_is_drawn_loads_back_equal)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
