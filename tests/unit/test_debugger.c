/* Breakpoints and steps: what stops is one task, at the line it was asked for, and everything else runs on. */
#include "strategy_bed.h"

#include "script/code_lines.h"
#include "script/debugger.h"
#include "script/frames.h"
#include "script/look.h"

typedef struct {
  kl_debug_client client; /* first */
  kl_buf events;          /* a line each */
  uint64_t task;          /* stopped last */
  int line;
  size_t stops;
  kl_strategy *auto_g; /* goes on at once with auto_how; NULL: it does not */
  kl_debug_how auto_how;
  kl_buf lines; /* of all stops, with blanks between them */
} person;

static void stopped(kl_debug_client *c, const kl_debug_stop *stop) {
  person *p = (person *)c;
  const char *slash = strrchr(stop->file, '/');
  p->task = stop->task;
  p->line = stop->line;
  p->stops++;
  kl_buf_printf(&p->events, "%s %s:%d", kl_debug_why_names[stop->why], slash ? "s.lua" : stop->file, stop->line);
  if (stop->breakpoint) kl_buf_printf(&p->events, " #%d", stop->breakpoint);
  if (stop->error) kl_buf_printf(&p->events, " (%s)", stop->error);
  kl_buf_char(&p->events, '\n');
  kl_buf_printf(&p->lines, "%d ", stop->line);
  kl_error e = {0};
  if (!p->auto_g) return;
  kl_frame outer;
  kl_task *t = kl_task_find(kl_strategy_script(p->auto_g), p->task);
  if (p->auto_how == KL_STEP_OUT && !kl_task_frame(t, 1, &outer)) p->auto_how = KL_STEP_INTO; /* else it is all over */
  bool ok = p->auto_how == KL_STEP_NONE ? kl_debug_continue(p->auto_g, p->task, &e)
                                        : kl_debug_step(p->auto_g, c, p->task, p->auto_how, &e);
  assert_true(ok);
}

static void went_on(kl_debug_client *c, const kl_debug_stop *stop, const char *why) {
  (void)stop;
  if (why) kl_buf_printf(&((person *)c)->events, "went on: %s\n", why);
}

static void note(kl_debug_client *c, const char *text) { kl_buf_printf(&((person *)c)->events, "note: %s\n", text); }

static void arrive(person *p, bed *b) {
  memset(p, 0, sizeof *p);
  p->client = (kl_debug_client){.stopped = stopped, .went_on = went_on, .note = note};
  assert_true(kl_debug_attach(b->g, &p->client));
}

static void leave(person *p) {
  kl_debug_detach(&p->client);
  kl_buf_free(&p->events);
  kl_buf_free(&p->lines);
}

static const char *base(const bed *b) { return strrchr(b->path, '/') + 1; }

static int set_break(bed *b, person *p, int line, const char *condition) {
  kl_breakpoint out;
  kl_error e = {0};
  if (!kl_debug_break(b->g, p ? &p->client : NULL, base(b), line, condition, false, &out, &e))
    fail_msg("%s", e.message);
  return out.id;
}

static void step(bed *b, person *p, kl_debug_how how) {
  kl_error e = {0};
  size_t before = p->stops;
  if (!kl_debug_step(b->g, &p->client, p->task, how, &e)) fail_msg("%s", e.message);
  for (int i = 0; i < 10000 && p->stops == before; i++)
    uv_run(&b->w.loop, UV_RUN_ONCE);
  if (p->stops == before) fail_msg("no stop: %s", text_of(&p->events));
}

static void go_on(bed *b, person *p) {
  kl_error e = {0};
  if (!kl_debug_continue(b->g, p->task, &e)) fail_msg("%s", e.message);
}

/* Steps until nothing stops any more, and returns the lines. */
static void walk(const char *script, int first, kl_debug_how how, const char *lines) {
  bed b;
  person p;
  open_bed(&b);
  start(&b, script, (kl_strategy_options){0});
  arrive(&p, &b);
  set_break(&b, &p, first, NULL);
  run_until(&b, &p.events, "break");
  kl_error e = {0};
  assert_true(kl_debug_unbreak(b.g, 0, &e));
  for (size_t before = 0; before != p.stops;) {
    before = p.stops;
    if (!kl_debug_step(b.g, &p.client, p.task, how, &e)) fail_msg("%s", e.message);
    for (int i = 0; i < 300 && p.stops == before && !b.ended; i++)
      uv_run(&b.w.loop, UV_RUN_ONCE);
  }
  assert_string_equal(text_of(&p.lines), lines);
  if (b.failed) fail_msg("it failed");
  if (!b.ended) finish(&b);
  leave(&p);
  close_bed(&b);
}

/* ---- lines ---- */

static void lines_with_code(void **state) {
  static const char text[] = "#!/usr/bin/env kalua\n"
                             "\n"
                             "local a = 1 -- one\n"
                             "-- nothing\n"
                             "local function f(...)\n"
                             "  return function()\n"
                             "    return a\n"
                             "  end\n"
                             "end\n"
                             "local t = {\n"
                             "  1,\n"
                             "  f,\n"
                             "}\n"
                             "return t\n";
  (void)state;
  kl_code_lines lines;
  assert_true(kl_code_lines_of(text, sizeof text - 1, &lines));
  static const int next[][2] = {{0, 3}, {1, 3}, {3, 3},   {4, 7},   {6, 7}, {7, 7},
                                {8, 8}, {9, 9}, {13, 13}, {14, 14}, {15, 0}};
  for (size_t i = 0; i < sizeof next / sizeof next[0]; i++)
    assert_int_equal(kl_code_lines_next(&lines, next[i][0]), next[i][1]);
  kl_code_lines_free(&lines);
  assert_false(kl_code_lines_of("x = = 1", 7, &lines));
  /* far apart lines are kept in another way */
  kl_buf far = {0};
  kl_buf_str(&far, "local x = 1");
  for (int i = 0; i < 1000; i++)
    kl_buf_char(&far, '\n');
  kl_buf_str(&far, "x = 2\nx = 3\n");
  for (int i = 0; i < 500; i++)
    kl_buf_str(&far, "x = x + 1 x = x * 2 x = x - 3\n");
  assert_true(kl_code_lines_of(far.data, far.len, &lines));
  assert_int_equal(kl_code_lines_next(&lines, 2), 1001);
  assert_int_equal(kl_code_lines_next(&lines, 1002), 1002);
  assert_int_equal(kl_code_lines_next(&lines, 1400), 1400);
  kl_code_lines_free(&lines);
  kl_buf_free(&far);
}

static void says_where(void **state) {
  (void)state;
  static const struct {
    const char *text, *file, *condition;
    int line;
  } good[] = {{"a.lua:12", "a.lua", NULL, 12},
              {" lib/my own.lua:3 if x == ':4'", "lib/my own.lua", "x == ':4'", 3},
              {"C:a:7 if  y", "C:a", "y", 7}};
  static const char *const bad[] = {"",          "a.lua",      "a.lua:",       "a.lua:0",          ":3",
                                    "a.lua:3 x", "a.lua:3 if", "a.lua:3 iffy", "a.lua:99999999999"};
  char *file, *condition;
  int line;
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    kl_error e = {0};
    if (!kl_debug_parse(good[i].text, &file, &line, &condition, &e)) fail_msg("%s", e.message);
    assert_string_equal(file, good[i].file);
    assert_int_equal(line, good[i].line);
    if (good[i].condition)
      assert_string_equal(condition, good[i].condition);
    else
      assert_null(condition);
    free(file);
    free(condition);
  }
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    kl_error e = {0};
    if (kl_debug_parse(bad[i], &file, &line, &condition, &e)) fail_msg("\"%s\" was taken", bad[i]);
    assert_contains(e.message, "FILE:LINE if CONDITION");
  }
}

/* ---- stopping ---- */

static void stops_one_task(void **state) {
  bed b;
  person p;
  (void)state;
  open_bed(&b);
  start(&b,
        "local task = require 'task'\n"
        "task.spawn(function() for i = 1, 1e9 do task.sleep(0.005) if i > 3 then print 'other' end end end)\n"
        "for i = 1, 3 do\n"
        "  local double = i * 2\n"
        "  print('at ' .. double)\n"
        "end\n"
        "task.sleep(60)\n",
        (kl_strategy_options){0});
  arrive(&p, &b);
  int id = set_break(&b, &p, 5, NULL);
  run_until(&b, &b.w.out, "other");
  assert_string_equal(text_of(&p.events), "break s.lua:5 #1\n");
  assert_lacks(text_of(&b.w.out), "at 2");
  assert_true(kl_debug_is_stopped(kl_task_find(kl_strategy_script(b.g), p.task)));
  /* what the line before has set is there, and the line is right */
  kl_frame frame;
  assert_true(kl_task_frame(kl_task_find(kl_strategy_script(b.g), p.task), 0, &frame));
  assert_int_equal(frame.ar.currentline, 5);
  assert_true(lua_checkstack(frame.co, 2));
  assert_string_equal(kl_debug_local(frame.co, &frame.ar, 6), "double");
  assert_int_equal(lua_tointeger(frame.co, -1), 2);
  lua_pop(frame.co, 1);
  const char *none = kl_debug_local(frame.co, &frame.ar, 7);
  assert_true(!none || *none == '('); /* what is worked with has no name */
  if (none) lua_pop(frame.co, 1);
  go_on(&b, &p);
  run_until(&b, &b.w.out, "at 2");
  run_until(&b, &p.events, "#1\nbreak s.lua:5 #1\n");
  kl_breakpoint bp;
  assert_true(kl_debug_breakpoint(b.g, 0, &bp));
  assert_int_equal(bp.hits, 2);
  assert_int_equal(bp.id, id);
  kl_error e = {0};
  assert_true(kl_debug_unbreak(b.g, id, &e));
  assert_false(kl_debug_unbreak(b.g, id, &e));
  assert_string_equal(e.message, "there is no breakpoint 1");
  go_on(&b, &p);
  run_until(&b, &b.w.out, "at 6");
  assert_false(kl_debug_continue(b.g, p.task, &e));
  finish(&b);
  leave(&p);
  close_bed(&b);
}

static void refuses_what_is_nowhere(void **state) {
  bed b;
  person p;
  kl_breakpoint out;
  (void)state;
  open_bed(&b);
  start(&b, HEAD "task.sleep(60)\n-- end\n", (kl_strategy_options){0});
  arrive(&p, &b);
  kl_error e = {0};
  assert_false(kl_debug_break(b.g, &p.client, "other.lua", 1, NULL, false, &out, &e));
  assert_contains(e.message, "no file other.lua is loaded; there is /tmp/kalua-strategy-");
  assert_false(kl_debug_break(b.g, &p.client, base(&b), 3, NULL, false, &out, &e));
  assert_contains(e.message, "has no code at line 3 or behind it");
  assert_false(kl_debug_break(b.g, &p.client, base(&b), 0, NULL, false, &out, &e));
  assert_false(kl_debug_break(b.g, &p.client, base(&b), 2, "x = 1", false, &out, &e));
  assert_contains(e.message, "the condition \"x = 1\" is no expression of Lua");
  assert_false(kl_debug_breakpoint(b.g, 0, &out));
  assert_true(kl_debug_break(b.g, &p.client, b.path, 1, NULL, false, &out, &e));
  assert_true(kl_debug_break(b.g, &p.client, base(&b), 1, NULL, false, &out, &e)); /* the same */
  assert_int_equal(out.id, 1);
  assert_false(kl_debug_breakpoint(b.g, 1, &out));
  finish(&b);
  leave(&p);
  close_bed(&b);
}

static void conditions_read_the_frame(void **state) {
  bed b;
  person p;
  (void)state;
  open_bed(&b);
  start(&b,
        "local task = require 'task'\n"
        "limit = 7 function change() limit = 8 return true end\n"
        "local up, t = 3, {n = 2}\n"
        "local function f(i)\n"
        "  local i = i * 10\n"
        "  return i + up, t\n"
        "end\n"
        "for i = 1, 20 do f(i) end\n"
        "print(limit)\n"
        "task.sleep(60)\n",
        (kl_strategy_options){0});
  arrive(&p, &b);
  set_break(&b, &p, 6, "i == (limit + up) * 10 and t.n == 2");
  set_break(&b, &p, 6, "i == 110 and t.missing.field");
  set_break(&b, &p, 6, "i == 120 and f(1)"); /* f is no variable of it */
  set_break(&b, &p, 6, "i == 130 and math.max(i, 1) == 130 and ('x'):upper() == 'X'");
  set_break(&b, &p, 6, "i == 140 and change()"); /* a function of the script's, which may change something */
  run_until(&b, &p.events, "#1\n");
  go_on(&b, &p);
  run_until(&b, &p.events, "#2");
  assert_contains(text_of(&p.events), "note: breakpoint 2: its condition \"i == 110 and t.missing.field\" failed at ");
  assert_contains(text_of(&p.events), "attempt to index a nil value (field 'missing')");
  go_on(&b, &p);
  run_until(&b, &p.events, "#3");
  assert_contains(text_of(&p.events), "attempt to call a nil value (global 'f')");
  go_on(&b, &p);
  run_until(&b, &p.events, "#4\n");
  go_on(&b, &p);
  run_until(&b, &p.events, "#5");
  assert_contains(text_of(&p.events), "(permission: change may change what the script does)");
  kl_error e = {0};
  assert_true(kl_debug_unbreak(b.g, 0, &e));
  go_on(&b, &p);
  run_until(&b, &b.w.out, "7\n"); /* it was only read */
  finish(&b);
  leave(&p);
  close_bed(&b);
}

static void conditions_are_bounded(void **state) {
  bed b;
  person p;
  (void)state;
  open_bed(&b);
  start(&b,
        "local task = require 'task'\n"
        "local t = setmetatable({}, {__index = function() while true do pcall(error) end end})\n"
        "local function f()\n"
        "  return t\n"
        "end\n"
        "f()\n"
        "task.sleep(60)\n",
        (kl_strategy_options){0});
  arrive(&p, &b);
  set_break(&b, &p, 4, "t.x");
  run_until(&b, &p.events, "break");
  assert_contains(text_of(&p.events), "note: breakpoint 1: its condition \"t.x\" failed");
  finish(&b);
  leave(&p);
  close_bed(&b);
}

/* ---- steps ---- */

static const char calls[] = "local task = require 'task'\n"
                            "local function g(x)\n"
                            "  x = x + 1\n"
                            "  return x\n"
                            "end\n"
                            "local function f(x)\n"
                            "  local y = g(x)\n"
                            "  y = y + g(y)\n"
                            "  return y\n"
                            "end\n"
                            "local a = f(1)\n"
                            "a = a + 1\n"
                            "print(a)\n";

static void steps_over_calls(void **state) {
  (void)state;
  walk(calls, 11, KL_STEP_OVER, "11 12 13 ");
  walk(calls, 7, KL_STEP_OVER, "7 8 9 12 13 ");
}

static void steps_into_calls(void **state) {
  (void)state;
  walk(calls, 11, KL_STEP_INTO, "11 7 3 4 8 3 4 9 12 13 ");
}

static void steps_out_of_calls(void **state) {
  (void)state;
  walk(calls, 3, KL_STEP_OUT, "3 8 12 ");
}

static void steps_through_loops(void **state) {
  (void)state;
  walk("for i = 1, 3 do\n  local x = i\n  x = x + 1\nend\nprint 'end'\n", 2, KL_STEP_OVER, "2 3 1 2 3 1 2 3 1 5 ");
  walk("local n = 0\nwhile n < 2 do n = n + 1 end\nprint(n)\n", 1, KL_STEP_OVER, "1 2 2 2 3 ");
}

static void steps_over_tail_calls(void **state) {
  (void)state;
  static const char text[] = "local function g(x)\n"
                             "  x = x + 1\n"
                             "  return x\n"
                             "end\n"
                             "local function f(x)\n"
                             "  local y = x\n"
                             "  return g(y)\n"
                             "end\n"
                             "local a = f(1)\n"
                             "print(a)\n";
  walk(text, 6, KL_STEP_OVER, "6 7 10 ");
  walk(text, 6, KL_STEP_INTO, "6 7 2 3 10 ");
  walk(text, 2, KL_STEP_OUT, "2 10 ");
}

static void steps_over_deep_recursion(void **state) {
  (void)state;
  walk("local function f(n)\n"
       "  if n == 0 then return 0 end\n"
       "  local r = f(n - 1)\n"
       "  return r + 1\n"
       "end\n"
       "local a = f(2000)\n"
       "print(a)\n",
       6, KL_STEP_OVER, "6 7 ");
}

static const char generators[] = "local function gen(n)\n"
                                 "  return coroutine.wrap(function()\n"
                                 "    for i = 1, n do\n"
                                 "      coroutine.yield(i)\n"
                                 "    end\n"
                                 "  end)\n"
                                 "end\n"
                                 "local sum = 0\n"
                                 "for i in gen(2) do\n"
                                 "  sum = sum + i\n"
                                 "end\n"
                                 "print(sum)\n";

static void steps_over_coroutines(void **state) {
  (void)state;
  walk(generators, 8, KL_STEP_OVER, "8 9 10 9 10 9 11 12 ");
}

static void steps_into_coroutines(void **state) {
  (void)state;
  walk(generators, 9, KL_STEP_INTO, "9 2 6 2 3 4 10 9 3 4 10 9 3 6 11 12 ");
}

static void steps_out_of_coroutines(void **state) {
  (void)state;
  walk(generators, 4, KL_STEP_OUT, "4 10 ");
  walk(generators, 4, KL_STEP_OVER, "4 10 9 10 9 11 12 ");
}

static void steps_over_errors(void **state) {
  (void)state;
  static const char text[] = "local function bad(n)\n"
                             "  if n == 0 then error 'bad' end\n"
                             "  return bad(n - 1) + 1\n"
                             "end\n"
                             "local ok = pcall(function()\n"
                             "  local x <close> = setmetatable({}, {__close = function()\n"
                             "    ok = true\n"
                             "  end})\n"
                             "  bad(5)\n"
                             "  print 'never'\n"
                             "end)\n"
                             "print(ok)\n";
  walk(text, 9, KL_STEP_OVER, "9 7 8 12 ");
  walk(text, 5, KL_STEP_OVER, "5 11 5 12 ");
  walk(text, 2, KL_STEP_OUT, "2 7 12 ");
}

static void steps_over_waits(void **state) {
  (void)state;
  walk("local task = require 'task'\n"
       "task.spawn(function() for _ = 1, 5 do task.sleep(0.001) end end)\n"
       "for _ = 1, 2 do\n"
       "  task.sleep(0.003)\n"
       "end\n"
       "print 'end'\n",
       4, KL_STEP_OVER, "4 3 4 3 6 ");
}

/* ---- where Lua cannot be suspended ---- */

static void passes_where_it_cannot_stop(void **state) {
  bed b;
  person p;
  (void)state;
  open_bed(&b);
  start(&b,
        "local task = require 'task'\n"
        "local t = {5, 3, 4, 1, 2}\n"
        "table.sort(t, function(x, y)\n"
        "  return x < y\n"
        "end)\n"
        "local s = string.gsub('abc', '.', function(c)\n"
        "  return c .. c\n"
        "end)\n"
        "print(table.concat(t), s)\n"
        "task.sleep(60)\n",
        (kl_strategy_options){0});
  arrive(&p, &b);
  set_break(&b, &p, 4, NULL);
  set_break(&b, &p, 7, NULL);
  run_until(&b, &b.w.out, "12345\taabbcc\n");
  assert_contains(text_of(&p.events), "note: breakpoint 1: task 1 cannot be stopped at ");
  char *second = strstr(text_of(&p.events), "note: breakpoint 1");
  assert_null(strstr(second + 1, "note: breakpoint 1")); /* once */
  assert_contains(text_of(&p.events), "note: breakpoint 2: task 1 cannot be stopped at ");
  assert_int_equal(p.stops, 0);
  kl_breakpoint bp;
  assert_true(kl_debug_breakpoint(b.g, 1, &bp));
  assert_int_equal(bp.hits, 3);
  assert_int_equal(bp.passed, 3);
  finish(&b);
  leave(&p);
  close_bed(&b);
}

/* ---- endings ---- */

static const char three[] = HEAD "local t = task.spawn(function()\n"
                                 "  local x <close> = setmetatable({}, {__close = function() print 'closed' end})\n"
                                 "  for i = 1, 1e9 do\n"
                                 "    kalua.state.n = i\n"
                                 "    task.sleep(0.001)\n"
                                 "  end\n"
                                 "end)\n"
                                 "kalua.on_stop(function() print 'stopped' end)\n"
                                 "t:await()\n";

static void the_script_ends_while_stopped(void **state) {
  bed b;
  person p;
  (void)state;
  open_bed(&b);
  start(&b, three, (kl_strategy_options){0});
  arrive(&p, &b);
  set_break(&b, &p, 5, NULL);
  run_until(&b, &p.events, "break");
  finish(&b);
  assert_string_equal(text_of(&b.w.out), "stopped\nclosed\n");
  assert_contains(text_of(&p.events), "went on: its script ends\n");
  leave(&p);
  close_bed(&b);
}

static void a_stopped_task_is_cut_off(void **state) {
  bed b;
  person p;
  (void)state;
  open_bed(&b);
  start(&b, three, (kl_strategy_options){0});
  arrive(&p, &b);
  set_break(&b, &p, 5, NULL);
  run_until(&b, &p.events, "break");
  kl_strategy_stop(b.g, KL_STOP_EXIT, true);
  finish(&b);
  assert_contains(text_of(&p.events), "went on: ");
  leave(&p);
  close_bed(&b);
}

static void the_host_closes_while_stopped(void **state) {
  bed b;
  person p;
  (void)state;
  open_bed(&b);
  start(&b, generators, (kl_strategy_options){0});
  arrive(&p, &b);
  set_break(&b, &p, 4, NULL);
  run_until(&b, &p.events, "break");
  leave(&p);
  set_break(&b, NULL, 4, NULL);
  kl_host_close(b.w.host);
  uv_run(&b.w.loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&b.w.loop), 0);
  kl_expectations_free(b.w.environment.expectations);
  kl_buf_free(&b.w.out);
  kl_buf_free(&b.w.log);
  kl_log_close();
  unlink(b.w.log_path);
  unlink(b.path);
}

static void cancelled_while_stopped(void **state) {
  bed b;
  person p;
  (void)state;
  open_bed(&b);
  start(&b,
        HEAD "local t = task.spawn(function()\n"
             "  local n = 0\n"
             "  n = n + 1\n"
             "  print('goes on ' .. n)\n"
             "  task.sleep(60)\n"
             "end)\n"
             "task.sleep(0.03)\n"
             "t:cancel('enough')\n"
             "print(pcall(t.await, t))\n"
             "task.sleep(60)\n",
        (kl_strategy_options){0});
  arrive(&p, &b);
  set_break(&b, &p, 4, NULL);
  run_until(&b, &p.events, "break s.lua:4 #1\n");
  run_until(&b, &b.w.out, "goes on 1\nfalse\tcancelled: enough\n");
  assert_contains(text_of(&p.events), "went on: it was cancelled");
  finish(&b);
  leave(&p);
  close_bed(&b);
}

static void a_reload_lets_it_go(void **state) {
  bed b;
  person p;
  (void)state;
  open_bed(&b);
  start(&b, HEAD "local n = 0\nwhile true do\n  n = n + 1\n  task.sleep(0.001)\nend\n", (kl_strategy_options){0});
  arrive(&p, &b);
  set_break(&b, &p, 5, NULL);
  set_break(&b, &p, 4, "false");
  run_until(&b, &p.events, "break s.lua:5");
  assert_string_equal(reload(&b, HEAD "local n = 0\nwhile true do\n  n = n + 1\n  task.sleep(0.002)\nend\n"), "ok\n");
  assert_contains(text_of(&p.events), "went on: another version has taken over\n");
  assert_contains(text_of(&p.events), "note: breakpoint 1: line 5 of /tmp/kalua-strategy-");
  assert_contains(text_of(&p.events), "is another one now: task.sleep(0.002)\n");
  run_until(&b, &p.events, "break s.lua:5 #1\nwent on"); /* in the new version, before it has taken over */
  assert_int_equal(p.stops, 2);
  kl_buf_clear(&p.events);
  assert_string_equal(reload(&b, HEAD "while true do task.sleep(0.001) end\n"), "ok\n");
  assert_contains(text_of(&p.events), "has no code at line 5 or behind it\n");
  kl_breakpoint bp;
  assert_true(kl_debug_breakpoint(b.g, 0, &bp));
  assert_int_equal(bp.line, 0);
  run_for(&b, 20);
  kl_buf_clear(&p.events);
  assert_string_equal(reload(&b, HEAD "while true do\n\n\n  task.sleep(0.001)\nend\n"), "ok\n");
  run_until(&b, &p.events, "break s.lua:5 #1\n");
  finish(&b);
  leave(&p);
  close_bed(&b);
}

static void a_start_that_is_stopped_goes_live(void **state) {
  bed b;
  person p;
  (void)state;
  open_bed(&b);
  start(&b, HEAD "print 'one'\nlocal x = 1\nwhile true do task.sleep(0.001) end\n", (kl_strategy_options){0});
  run_until(&b, &b.w.out, "one");
  arrive(&p, &b);
  set_break(&b, &p, 3, NULL);
  assert_string_equal(reload(&b, HEAD "print 'two'\nlocal x = 2\nprint 'three'\nwhile true do task.sleep(0.001) end\n"),
                      "ok\n");
  run_until(&b, &p.events, "break s.lua:3");
  go_on(&b, &p);
  run_until(&b, &b.w.out, "three");
  finish(&b);
  leave(&p);
  close_bed(&b);
}

static void who_leaves_lets_go(void **state) {
  bed b;
  person p, q;
  (void)state;
  open_bed(&b);
  start(&b, HEAD "for i = 1, 1e9 do\n  print(i)\n  task.sleep(0.001)\nend\n", (kl_strategy_options){0});
  arrive(&p, &b);
  arrive(&q, &b);
  set_break(&b, &p, 3, NULL);
  set_break(&b, &q, 3, NULL);
  run_until(&b, &p.events, "break");
  assert_contains(text_of(&q.events), "break");
  leave(&p);
  run_for(&b, 20);
  assert_lacks(text_of(&b.w.out), "1"); /* the other one wants it, too */
  kl_debug_stop stop;
  assert_true(kl_debug_stop_at(b.g, 0, &stop));
  leave(&q);
  run_until(&b, &b.w.out, "5\n");
  kl_breakpoint bp;
  assert_false(kl_debug_breakpoint(b.g, 0, &bp));
  /* a step of who has gone stops nothing either */
  arrive(&p, &b);
  kl_error e = {0};
  assert_true(kl_debug_suspend(b.g, &p.client, 0, &e));
  run_until(&b, &p.events, "pause");
  assert_true(kl_debug_step(b.g, &p.client, p.task, KL_STEP_INTO, &e));
  leave(&p);
  kl_buf_clear(&b.w.out);
  run_until(&b, &b.w.out, "\n");
  finish(&b);
  close_bed(&b);
}

static void without_a_client_it_waits_for_one(void **state) {
  bed b;
  person p;
  kl_breakpoint out;
  kl_error e = {0};
  (void)state;
  open_bed(&b);
  start(&b, HEAD "for i = 1, 1e9 do\n  print(i)\n  task.sleep(0.001)\nend\n", (kl_strategy_options){0});
  set_break(&b, NULL, 3, "i == 3");
  assert_true(kl_debug_break(b.g, NULL, "later.lua", 3, NULL, false, &out, &e)); /* may be loaded one day */
  assert_int_equal(out.line, 0);
  run_until(&b, &b.w.out, "2\n");
  run_for(&b, 20);
  assert_lacks(text_of(&b.w.out), "3\n");
  assert_contains(world_log(&b.w), "is stopped at /tmp/kalua-strategy-");
  assert_contains(world_log(&b.w), "`kalua attach s` looks at it");
  arrive(&p, &b);
  assert_string_equal(text_of(&p.events), "break s.lua:3 #1\n");
  leave(&p); /* looking is not going on */
  run_for(&b, 10);
  assert_lacks(text_of(&b.w.out), "3\n");
  arrive(&p, &b);
  go_on(&b, &p);
  run_until(&b, &b.w.out, "5\n");
  leave(&p);
  assert_true(kl_debug_breakpoint(b.g, 0, &out));
  assert_true(out.stays);
  finish(&b);
  close_bed(&b);
}

/* ---- loops ---- */

static void a_loop_is_stopped(void **state) {
  bed b;
  person p;
  (void)state;
  open_bed(&b);
  start(&b,
        HEAD "local t = task.spawn(function()\n"
             "  local n = 0\n"
             "  while not enough do\n"
             "    n = n + 1\n"
             "  end\n"
             "  print('enough', n > 10)\n"
             "end)\n"
             "print(pcall(t.await, t))\n"
             "t = task.spawn(function() while true do local _ = ('x'):rep(1000):find('(.-)y') end end)\n"
             "print(pcall(t.await, t))\n"
             "task.sleep(60)\n",
        (kl_strategy_options){.script = {.cpu_ms = 60}});
  arrive(&p, &b);
  kl_debug_on_loop(&p.client, true);
  run_until(&b, &p.events, "loop");
  kl_frame frame;
  kl_task *t = kl_task_find(kl_strategy_script(b.g), p.task);
  assert_true(kl_task_frame(t, 0, &frame) && lua_checkstack(frame.co, 2));
  assert_string_equal(kl_debug_local(frame.co, &frame.ar, 1), "n");
  assert_true(lua_tointeger(frame.co, -1) > 0);
  lua_pop(frame.co, 1);
  go_on(&b, &p);
  kl_buf_clear(&p.events);
  run_until(&b, &p.events, "loop"); /* again */
  assert_true(lua_checkstack(frame.co, 2));
  lua_pushboolean(frame.co, 1);
  lua_setglobal(frame.co, "enough");
  go_on(&b, &p);
  run_until(&b, &b.w.out, "enough\ttrue\ntrue\n");
  kl_buf_clear(&p.events);
  run_until(&b, &p.events, "loop"); /* most of its time is in C */
  kl_error e = {0};
  assert_true(kl_debug_cancel(b.g, p.task, &e));
  run_until(&b, &b.w.out, "ran for more than 60 ms without waiting");
  finish(&b);
  leave(&p);
  close_bed(&b);
}

static void without_a_client_a_loop_is_broken(void **state) {
  bed b;
  person p;
  (void)state;
  open_bed(&b);
  start(&b,
        HEAD "local t = task.spawn(function() while true do end end)\n"
             "print(pcall(t.await, t))\n"
             "task.sleep(60)\n",
        (kl_strategy_options){.script = {.cpu_ms = 60}});
  arrive(&p, &b);
  kl_debug_on_loop(&p.client, true);
  run_until(&b, &p.events, "loop");
  leave(&p);
  run_until(&b, &b.w.out, "ran for more than 60 ms without waiting");
  finish(&b);
  close_bed(&b);
}

/* ---- many ---- */

static void thousands_of_hits(void **state) {
  bed b;
  person p;
  (void)state;
  open_bed(&b);
  start(&b,
        "local task = require 'task'\n"
        "local function gen()\n"
        "  for i = 1, 2000 do\n"
        "    coroutine.yield(i)\n"
        "  end\n"
        "end\n"
        "local t = {}\n"
        "for i in coroutine.wrap(gen) do\n"
        "  local ok, v = pcall(function() return {i} end)\n"
        "  t[#t + 1] = v[1]\n"
        "end\n"
        "for _, f in ipairs {math.max, math.min} do print(f(table.unpack(t))) end\n"
        "print(#t, collectgarbage 'count' < 4000)\n",
        (kl_strategy_options){0});
  arrive(&p, &b);
  p.auto_g = b.g;
  set_break(&b, &p, 4, NULL);
  set_break(&b, &p, 10, NULL);
  while (!b.ended)
    uv_run(&b.w.loop, UV_RUN_ONCE);
  assert_int_equal(p.stops, 4000);
  assert_string_equal(text_of(&b.w.out), "2000\n1\n2000\ttrue\n");
  leave(&p);
  close_bed(&b);
}

/* A value on the stack of an instruction that takes all there is must survive a stop there. */
static void stops_between_values(void **state) {
  (void)state;
  walk("local function g(...)\n"
       "  return ...\n"
       "end\n"
       "local t = {\n"
       "  g(1, 2),\n"
       "  g(3,\n"
       "    4)\n"
       "}\n"
       "assert(\n"
       "  #t == 3,\n"
       "  g(\n"
       "    'wrong')\n"
       ")\n"
       "assert(t[3] == 4)\n",
       4, KL_STEP_INTO, "4 5 2 6 7 6 2 8 9 10 11 12 11 2 9 14 ");
}

static const char varied[] = HEAD "local out = {}\n"
                                  "local function say(...)\n"
                                  "  local t = {...}\n"
                                  "  for i = 1, #t do t[i] = tostring(t[i]) end\n"
                                  "  out[#out + 1] = table.concat(t, ' ')\n"
                                  "end\n"
                                  "local V = setmetatable({}, {__call = function(_, x) return setmetatable({x = x}, {\n"
                                  "  __add = function(a, b)\n"
                                  "    return a.x + b.x\n"
                                  "  end,\n"
                                  "  __lt = function(a, b) return a.x < b.x end,\n"
                                  "  __index = function(_, k)\n"
                                  "    return k .. '?'\n"
                                  "  end,\n"
                                  "  __close = function(a)\n"
                                  "    task.sleep(0.001)\n"
                                  "    say('closed', a.x)\n"
                                  "  end})\n"
                                  "end})\n"
                                  "local function sum(n, ...)\n"
                                  "  if n == 0 then return select('#', ...), ... end\n"
                                  "  return sum(n - 1, n, ...)\n"
                                  "end\n"
                                  "local function walk(n)\n"
                                  "  return coroutine.wrap(function(first)\n"
                                  "    local v <close> = V(n)\n"
                                  "    for i = 1, n do\n"
                                  "      first = coroutine.yield(i, first)\n"
                                  "      for j in walk(n - 1) do\n"
                                  "        coroutine.yield(i * 10 + j)\n"
                                  "      end\n"
                                  "    end\n"
                                  "  end)\n"
                                  "end\n"
                                  "say(sum(5, 'x'))\n"
                                  "for i, f in walk(3), 'a', 'b' do\n"
                                  "  say(i, tostring(f))\n"
                                  "end\n"
                                  "say(V(1) + V(2), tostring(V(1) < V(2)), V(1).key)\n"
                                  "say(pcall(function()\n"
                                  "  local a <close> = V(7)\n"
                                  "  local t = {V(3), V(1), V(2)}\n"
                                  "  table.sort(t, function(x, y)\n"
                                  "    return x < y\n"
                                  "  end)\n"
                                  "  say(t[1].x, t[2].x, t[3].x)\n"
                                  "  error((('1a'):rep(2):gsub('%d', function(c)\n"
                                  "    return c .. '!'\n"
                                  "  end)), 0)\n"
                                  "end))\n"
                                  "local ok, err = xpcall(function(...)\n"
                                  "  local n = ...\n"
                                  "  return n.missing.field\n"
                                  "end, function(m)\n"
                                  "  return 'handled ' .. #m\n"
                                  "end, {})\n"
                                  "say(tostring(ok), err)\n"
                                  "local ts = {}\n"
                                  "for i = 1, 3 do\n"
                                  "  ts[i] = task.spawn(function(k)\n"
                                  "    for _ = 1, k do\n"
                                  "      task.sleep(0.001)\n"
                                  "    end\n"
                                  "    return k * k\n"
                                  "  end, i)\n"
                                  "end\n"
                                  "for i = 1, 3 do say(ts[i]:await()) end\n"
                                  "local co = coroutine.create(function(...)\n"
                                  "  local a = {...}\n"
                                  "  while true do\n"
                                  "    a = {coroutine.yield(#a, a[#a])}\n"
                                  "    if #a == 0 then error('none') end\n"
                                  "  end\n"
                                  "end)\n"
                                  "for i = 3, 0, -1 do\n"
                                  "  local results = {coroutine.resume(co, table.unpack({1, 2, 3}, 1, i))}\n"
                                  "  say(tostring(results[1]), tostring(results[2]))\n"
                                  "end\n"
                                  "goto last\n"
                                  "do\n"
                                  "  say('never')\n"
                                  "end\n"
                                  "::last::\n"
                                  "print(table.concat(out, '\\n'))\n";

/* Runs it to its end, stepping at each stop as `how` says it for the first three stops, and again from the first. */
static size_t run_stepping(const kl_debug_how *how, kl_buf *out) {
  bed b;
  person p;
  kl_error e = {0};
  open_bed(&b);
  start(&b, varied, (kl_strategy_options){0});
  arrive(&p, &b);
  if (how) {
    assert_true(kl_debug_suspend(b.g, &p.client, 0, &e));
    p.auto_g = b.g;
  }
  while (!b.ended) {
    if (how) p.auto_how = how[p.stops % 3];
    uv_run(&b.w.loop, UV_RUN_ONCE);
  }
  if (b.failed) fail_msg("%s", status(&b).last_error);
  size_t stops = p.stops;
  kl_buf_str(out, text_of(&b.w.out));
  leave(&p);
  close_bed(&b);
  return stops;
}

/* Whatever is stepped over or into, the script does what it does undisturbed. */
static void debugging_changes_nothing(void **state) {
  static const kl_debug_how ways[][3] = {{KL_STEP_INTO, KL_STEP_INTO, KL_STEP_INTO},
                                         {KL_STEP_OVER, KL_STEP_OVER, KL_STEP_OVER},
                                         {KL_STEP_INTO, KL_STEP_OVER, KL_STEP_INTO},
                                         {KL_STEP_INTO, KL_STEP_INTO, KL_STEP_OUT}};
  static const size_t least[] = {300, 30, 100, 50};
  (void)state;
  kl_buf plain = {0};
  assert_int_equal(run_stepping(NULL, &plain), 0);
  assert_contains(text_of(&plain), "6 1 2 3 4 5 x\n");
  assert_contains(text_of(&plain), "closed 3\n");
  for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
    kl_buf out = {0};
    size_t stops = run_stepping(ways[i], &out);
    if (stops < least[i]) fail_msg("way %zu: %zu stops", i, stops);
    assert_string_equal(text_of(&out), text_of(&plain));
    kl_buf_free(&out);
  }
  kl_buf_free(&plain);
}

static void a_coroutine_that_is_stopped_is_left_alone(void **state) {
  bed b;
  person p;
  (void)state;
  open_bed(&b);
  start(&b,
        HEAD "local co = coroutine.create(function()\n"
             "  local x = 1\n"
             "  x = x + 1\n"
             "  return x\n"
             "end)\n"
             "task.spawn(function() print('got', coroutine.resume(co)) end)\n"
             "task.sleep(0.01)\n"
             "print(coroutine.status(co), coroutine.resume(co))\n"
             "print(pcall(coroutine.close, co))\n"
             "task.sleep(60)\n",
        (kl_strategy_options){0});
  arrive(&p, &b);
  set_break(&b, &p, 4, NULL);
  run_until(&b, &b.w.out, "suspended\tfalse\tcannot resume a coroutine that waits");
  run_until(&b, &b.w.out, "false\tcannot close a coroutine that waits");
  assert_string_equal(text_of(&p.events), "break s.lua:4 #1\n");
  go_on(&b, &p);
  run_until(&b, &b.w.out, "got\ttrue\t2\n");
  finish(&b);
  leave(&p);
  close_bed(&b);
}

static void a_given_task_is_suspended(void **state) {
  bed b;
  person p;
  (void)state;
  open_bed(&b);
  start(&b,
        HEAD "task.spawn(function()\n"
             "  while true do\n"
             "    task.sleep(0.002)\n"
             "  end\n"
             "end)\n"
             "while true do\n"
             "  task.sleep(0.001)\n"
             "end\n",
        (kl_strategy_options){0});
  arrive(&p, &b);
  run_for(&b, 5);
  kl_error e = {0};
  assert_false(kl_debug_suspend(b.g, &p.client, 99, &e));
  assert_string_equal(e.message, "there is no task 99");
  assert_true(kl_debug_suspend(b.g, &p.client, 2, &e));
  run_until(&b, &p.events, "pause s.lua:");
  assert_int_equal(p.task, 2);
  assert_false(kl_debug_suspend(b.g, &p.client, 2, &e));
  assert_string_equal(e.message, "task 2 is stopped already");
  run_for(&b, 20);
  assert_int_equal(p.stops, 1);
  step(&b, &p, KL_STEP_OVER);
  assert_int_equal(p.task, 2);
  finish(&b);
  leave(&p);
  close_bed(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lines_with_code),
      cmocka_unit_test(says_where),
      cmocka_unit_test(stops_one_task),
      cmocka_unit_test(refuses_what_is_nowhere),
      cmocka_unit_test(conditions_read_the_frame),
      cmocka_unit_test(conditions_are_bounded),
      cmocka_unit_test(steps_over_calls),
      cmocka_unit_test(steps_into_calls),
      cmocka_unit_test(steps_out_of_calls),
      cmocka_unit_test(steps_through_loops),
      cmocka_unit_test(steps_over_tail_calls),
      cmocka_unit_test(steps_over_deep_recursion),
      cmocka_unit_test(steps_over_coroutines),
      cmocka_unit_test(steps_into_coroutines),
      cmocka_unit_test(steps_out_of_coroutines),
      cmocka_unit_test(steps_over_errors),
      cmocka_unit_test(steps_over_waits),
      cmocka_unit_test(passes_where_it_cannot_stop),
      cmocka_unit_test(the_script_ends_while_stopped),
      cmocka_unit_test(a_stopped_task_is_cut_off),
      cmocka_unit_test(the_host_closes_while_stopped),
      cmocka_unit_test(cancelled_while_stopped),
      cmocka_unit_test(a_reload_lets_it_go),
      cmocka_unit_test(a_start_that_is_stopped_goes_live),
      cmocka_unit_test(who_leaves_lets_go),
      cmocka_unit_test(without_a_client_it_waits_for_one),
      cmocka_unit_test(a_loop_is_stopped),
      cmocka_unit_test(without_a_client_a_loop_is_broken),
      cmocka_unit_test(thousands_of_hits),
      cmocka_unit_test(stops_between_values),
      cmocka_unit_test(debugging_changes_nothing),
      cmocka_unit_test(a_coroutine_that_is_stopped_is_left_alone),
      cmocka_unit_test(a_given_task_is_suspended),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
