/* What somebody who only looks may type, by chance: whatever it is, nothing of the script is changed by it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "bindings/bindings.h"
#include "script/evaluate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Functions of the script and of C at every place where Lua calls one by itself; `changed()` sees what they did. */
static const char script[] = "local task = require 'task'\n"
                             "n, t, u = 0, {3, 1, 2}, {a = 1}\n"
                             "function f() n = n + 1; return n end\n"
                             "local events = {'__index', '__newindex', '__call', '__concat', '__len', '__eq', '__lt', "
                             "'__le', '__unm', '__add',\n"
                             "  '__tostring', '__pairs', '__close'}\n"
                             "local function with(fn)\n"
                             "  local mt = {}\n"
                             "  for _, event in ipairs(events) do mt[event] = fn end\n"
                             "  return mt\n"
                             "end\n"
                             "m, i, r, s = setmetatable({}, with(f)), setmetatable({}, with(table.insert)),\n"
                             "  setmetatable({9, 8}, with(table.remove)), setmetatable({}, with(rawset))\n"
                             "w = coroutine.wrap(function() while true do n = n + 1; coroutine.yield(n) end end)\n"
                             "local function flat(x)\n"
                             "  local out = {}\n"
                             "  for k, v in next, x do out[#out + 1] = tostring(k) .. (type(v) == 'number' and v or "
                             "rawlen(type(v) == 'table' and v "
                             "or {})) end\n"
                             "  table.sort(out)\n"
                             "  return table.concat(out, ' ')\n"
                             "end\n"
                             "local all = {_G, t, u, m, i, r, s, string, table, math}\n"
                             "local function shot()\n"
                             "  local out = {}\n"
                             "  for k, x in ipairs(all) do out[k] = flat(x) .. tostring(getmetatable(x)) end\n"
                             "  return table.concat(out, '|')\n"
                             "end\n"
                             "changed = false\n"
                             "local was = shot()\n"
                             "function changed() return shot() ~= was end\n"
                             "was = shot()\n"
                             "while true do task.sleep(60) end\n";

typedef struct {
  int ends;
  bool changed;
} outcome;

static void print(void *data, const char *text, size_t n) {
  (void)data;
  (void)text;
  (void)n;
}

static void show(void *data, lua_State *L, int n, const char *traceback) {
  outcome *o = data;
  (void)traceback;
  if (n == 1 && lua_isboolean(L, -1)) o->changed = lua_toboolean(L, -1);
}

static void ended(void *data, const kl_evaluation_end *end) {
  outcome *o = data;
  (void)end;
  o->ends++;
}

static uv_loop_t loop;
static kl_host *host;
static kl_evaluator *prompt;

static void open_script(void) {
  static const luaL_Reg modules[] = {{"task", luaopen_kl_task}, {"json", luaopen_kl_json}, {NULL, NULL}};
  static kl_environment environment = {.place.env = "sim", .version = "1"};
  kl_error e = {0};
  kl_script *s = NULL;
  kl_log_open(KL_LOG_ERROR, false, NULL);
  uv_loop_init(&loop);
  const kl_host_options o = {.clock = kl_clock_real(), .data = &environment, .modules = modules};
  host = kl_host_new(&loop, &o);
  const kl_script_options so = {.source = script, .name = "s", .env = "sim"};
  if (!kl_script_start(host, &so, &s, &e)) abort();
  for (int i = 0; i < 3; i++)
    uv_run(&loop, UV_RUN_NOWAIT);
  prompt = kl_evaluator_new(s, &e);
  if (!prompt) abort();
}

static outcome evaluate(const char *source, size_t n, bool armed) {
  outcome x = {0};
  const kl_evaluation_options o = {.source = source,
                                   .n = n,
                                   .armed = armed,
                                   .cpu_ms = armed ? 10000 : 0,
                                   .silent = true,
                                   .data = &x,
                                   .print = print,
                                   .show = show,
                                   .ended = ended};
  kl_evaluate(prompt, &o);
  while (!x.ends)
    uv_run(&loop, UV_RUN_ONCE);
  if (x.ends != 1) abort();
  return x;
}

static bool has_changed(void) {
  static const char question[] = "changed()";
  return evaluate(question, sizeof question - 1, true).changed;
}

/* What the question would not see could not be found. */
static void try_the_question(void) {
  static const char *const changes[][2] = {
      {"f()", "n = 0"}, {"t[4] = 1", "t[4] = nil"}, {"rawset(r, 2, nil)", "rawset(r, 2, 8)"}, {"w()", "n = 0"}};
  if (has_changed()) abort();
  for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
    evaluate(changes[i][0], strlen(changes[i][0]), true);
    if (!has_changed()) abort();
    evaluate(changes[i][1], strlen(changes[i][1]), true);
    if (has_changed()) abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (!host) {
    open_script();
    try_the_question();
  }
  evaluate((const char *)data, size, false);
  if (!has_changed()) return 0;
  fprintf(stderr, "it has changed something\n");
  abort();
}
