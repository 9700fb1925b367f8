/* What another process sends as portraits of values, drawn: any JSON. The drawing may fail, but it never holds what a
 * terminal obeys, nor takes for ever; and what could be drawn as Lua is Lua. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "bindings/bindings.h"
#include "script/evaluate.h"
#include "script/look.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* SGR codes are colours. U+0080 to U+009F are control characters, too. */
static const char script[] =
    "local json, task = require 'json', require 'task'\n"
    "local draw, names, values = require 'prompt.draw', require 'prompt.names', require 'prompt.values'\n"
    "local function clean(s, coloured)\n"
    "  if coloured then s = s:gsub('\\27%[[%d;]*m', '') end\n"
    "  local at = s:find '[%z\\1-\\9\\11-\\31\\127]' or s:find '\\xC2[\\x80-\\x9F]'\n"
    "  if at then error('it has a control character: ' .. s:sub(at, at + 20)) end\n"
    "  if not utf8.len(s) and utf8.len(text) then error 'it is not UTF-8' end\n"
    "end\n"
    "local function drawn(fn, ...)\n"
    "  local ok, s = pcall(fn, ...)\n"
    "  return ok and type(s) == 'string' and s\n"
    "end\n"
    "function try()\n"
    "  local ok, list = pcall(json.decode, text)\n"
    "  if not ok or type(list) ~= 'table' then return true end\n"
    "  for _, o in ipairs{ { width = 80 }, { width = 24, colour = true, rows = 3 }, { width = 200, ascii = true } } "
    "do\n"
    "    o.now, o.offset = 1764082800, 0\n"
    "    local s = drawn(draw.values, list, o)\n"
    "    if s then clean(s, o.colour) end\n"
    "    s = drawn(draw.error, list[1], 'stack traceback:\\n\\t[C]: in ?', o)\n"
    "    if s then clean(s, o.colour) end\n"
    "  end\n"
    "  drawn(draw.json, list)\n"
    "  pcall(names.learn, list[1])\n"
    "  local lua = drawn(draw.lua, list[1], { whole = true })\n"
    "  if lua and not lua:find '<' and not lua:find '%-%-' then assert(load('return ' .. lua)) end\n"
    "  return true\n"
    "end\n"
    "while true do task.sleep(3600) end\n";

typedef struct {
  int ends;
  bool fine;
  char why[400];
} outcome;

static void print(void *data, const char *text, size_t n) {
  (void)data;
  (void)text;
  (void)n;
}

static void show(void *data, lua_State *L, int n, const char *traceback) {
  outcome *o = data;
  (void)traceback;
  o->fine = n == 1 && lua_isboolean(L, -1) && lua_toboolean(L, -1);
  if (n == 1) snprintf(o->why, sizeof o->why, "%s", luaL_tolstring(L, -1, NULL));
  if (n == 1) lua_pop(L, 1);
}

static void ended(void *data, const kl_evaluation_end *end) {
  outcome *o = data;
  o->ends++;
  if (end->why) snprintf(o->why, sizeof o->why, "%s", end->why);
}

static uv_loop_t loop;
static kl_host *host;
static kl_script *running;
static kl_evaluator *prompt;

static void open_script(void) {
  static const luaL_Reg modules[] = {{"task", luaopen_kl_task},
                                     {"json", luaopen_kl_json},
                                     {"log", luaopen_kl_log},
                                     {"prompt.catalog", luaopen_kl_prompt_catalog},
                                     {NULL, NULL}};
  static kl_environment environment = {.place.env = "sim", .version = "1", .tool = true};
  kl_error e = {0};
  kl_log_open(KL_LOG_ERROR, false, NULL);
  uv_loop_init(&loop);
  const kl_host_options o = {.clock = kl_clock_real(), .data = &environment, .modules = modules};
  host = kl_host_new(&loop, &o);
  const kl_script_options so = {.source = script, .name = "s", .env = "sim", .cpu_ms = 20000};
  if (!kl_script_start(host, &so, &running, &e)) abort();
  for (int i = 0; i < 3; i++)
    uv_run(&loop, UV_RUN_NOWAIT);
  prompt = kl_evaluator_new(running, &e);
  if (!prompt) abort();
}

typedef struct {
  const char *p;
  size_t n;
} input;

/* Protected: (input). */
static int give(lua_State *L) {
  const input *x = lua_touserdata(L, 1);
  lua_pushlstring(L, x->p, x->n);
  lua_setglobal(L, "text");
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char source[] = "try()";
  if (!host) open_script();
  kl_error e = {0};
  outcome x = {0};
  if (!kl_script_look(running, give, &(input){(const char *)data, size}, &e)) abort();
  const kl_evaluation_options o = {.source = source,
                                   .n = sizeof source - 1,
                                   .armed = true,
                                   .silent = true,
                                   .data = &x,
                                   .print = print,
                                   .show = show,
                                   .ended = ended};
  kl_evaluate(prompt, &o);
  while (!x.ends)
    uv_run(&loop, UV_RUN_ONCE);
  if (x.fine) return 0;
  fprintf(stderr, "%s\n", x.why);
  abort();
}
