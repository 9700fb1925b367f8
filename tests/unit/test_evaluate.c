/* Inputs of a prompt: how they are compiled, what their names mean, how they end. */
#include "prompt_bed.h"
#include "script/look.h"

#define LOOP "local task = require 'task'\nwhile true do task.sleep(0.002) end\n"

typedef struct {
  const char *source, *outcome;
} expected;

/* In one session, in order. */
static void check(prompt_bed *b, const expected *list, size_t n) {
  for (size_t i = 0; i < n; i++) {
    const char *is = armed(b, list[i].source);
    if (strcmp(is, list[i].outcome) != 0) fail_msg("%s\ngave %s\nnot  %s", list[i].source, is, list[i].outcome);
  }
}

#define CHECK(b, list) check(b, list, sizeof list / sizeof list[0])

static void expressions_statements_and_what_is_unfinished(void **state) {
  (void)state;
  static const expected list[] = {
      {"1 + 1", "value: 2"},
      {"1, 'a', nil, true", "value: 1, a, nil, true"},
      {"", "value"},
      {"  -- nothing", "value"},
      {"1 -- one", "value: 1"},
      {"return 3", "value: 3"},
      {"x = 4", "value"},
      {"x", "value: 4"},
      {"x ==", "more"},
      {"1 +", "more"},
      {"f(", "more"},
      {"for i = 1, 2 do", "more"},
      {"do local y = 1", "more"},
      {"x = [[a", "more"},
      {"x = 'a\\", "more"},
      {"x = 'a", "error: prompt:1: unfinished string near ''a'"},
      {"1 +* 2", "error: prompt:1: unexpected symbol near '*'"},
      {"y = ) 2", "error: prompt:1: unexpected symbol near ')'"},
      {"y = 1\nz = = 2\n", "error: prompt:2: unexpected symbol near '='"},
      {"if x then\n  return 'yes'\nend", "value: yes"},
      {"x = 5; return x, x + 1", "value: 5, 6"},
      {"(function(...) return select('#', ...) end)(1, nil)", "value: 2"},
      {"goto out\nlocal q = 1\n::out::", "value"},
      {"error('no', 0)", "error: no"},
  };
  prompt_bed b;
  bed_begin(&b, LOOP);
  CHECK(&b, list);
  bed_end(&b);
}

static void local_variables_of_an_input_stay(void **state) {
  (void)state;
  static const expected list[] = {
      {"local x, y = 1, 2", "value"},
      {"x, y", "value: 1, 2"},
      {"local x = 10 -- again", "value"},
      {"x + y", "value: 12"},
      {"x = x + 1", "value"},
      {"x", "value: 11"},
      {"rawget(_G, 'x')", "value: nil"}, /* none of the script's */
      {"local function twice(v) return 2 * v end", "value"},
      {"twice(x)", "value: 22"},
      {"do local inner = 1 end", "value"},
      {"inner", "value: nil"},
      {"for i = 1, 3 do local j = i end", "value"},
      {"i, j", "value: nil, nil"},
      {"local z", "value"},
      {"z = 7", "value"},
      {"z, rawget(_G, 'z')", "value: 7, nil"},
      {"local a <close> = nil\nlocal b <const> = x", "value"},
      {"a, b", "value: nil, 11"},
      {"local f = print", "value"}, /* what takes the variables is no call of this */
      {"f == print", "value: true"},
      {"local lost = 1; return lost", "value: 1"},
      {"lost", "value: nil"},
      {"local bad = 1; error('stop', 0)", "error: stop"},
      {"bad", "value: nil"},
      {"local _ENV = {}", "value"},
      {"x", "value: 11"},
  };
  prompt_bed b;
  bed_begin(&b, LOOP);
  CHECK(&b, list);
  bed_end(&b);
}

static void globals_are_the_scripts(void **state) {
  (void)state;
  prompt_bed b;
  bed_begin(&b, "local task = require 'task'\nlevel = 1\nlocal last\nwhile true do\n"
                "  if level ~= last then print('level', level); last = level end\n  task.sleep(0.002)\nend\n");
  assert_string_equal(armed(&b, "level"), "value: 1");
  assert_string_equal(armed(&b, "level = 2"), "value");
  assert_string_equal(armed(&b, "require('task').sleep(0.05); return level"), "value: 2");
  assert_contains(world_out(&b.w), "level\t2");
  bed_end(&b);
}

static void the_last_value_and_modules_have_names(void **state) {
  (void)state;
  static const expected list[] = {
      {"_", "value: nil"},
      {"6 * 7, 1", "value: 42, 1"},
      {"_ + 1", "value: 43"},
      {"_", "value: 43"},
      {"x = 1", "value"},
      {"nil", "value: nil"},
      {"_", "value: 43"}, /* nothing is no value to go on with */
      {"error('no', 0)", "error: no"},
      {"_", "value: 43"},
      {"task == require 'task', json == require 'json'", "value: true, true"},
      {"json.encode{1, 2}", "value: [1,2]"},
      {"rawget(_G, 'json')", "value: nil"}, /* not as a global of the script's */
      {"'kalshi and ws'", "value: kalshi and ws"},
      {"kalshi", "value: nil"}, /* this host has none */
      {"log", "value: the script's own"},
  };
  prompt_bed b;
  bed_begin(&b, "log = \"the script's own\"\n" LOOP);
  CHECK(&b, list);
  bed_end(&b);
}

/* A script may refuse globals that it does not know. */
static void a_metatable_of_the_globals_is_respected(void **state) {
  (void)state;
  static const expected list[] = {
      {"known", "value: 1"},
      {"unknown", "error: s:2: no global unknown"},
      {"local mine = 3", "value"},
      {"mine, task ~= nil", "value: 3, true"},
      {"made = 2", "error: s:3: no new global made"},
  };
  prompt_bed b;
  bed_begin(&b, "known = 1; setmetatable(_G, {\n"
                "  __index = function(_, k) error('no global ' .. k, 1) end,\n"
                "  __newindex = function(_, k) error('no new global ' .. k, 1) end})\n" LOOP);
  CHECK(&b, list);
  bed_end(&b);
}

static void what_it_prints_is_its_own(void **state) {
  (void)state;
  prompt_bed b;
  bed_begin(&b, "local task = require 'task'\nwhile true do task.sleep(0.002); print('tick') end\n");
  assert_string_equal(armed(&b, "for i = 1, 3 do print('mine', i); task.sleep(0.01) end"), "value");
  assert_string_equal(b.t.printed.data, "mine\t1\nmine\t2\nmine\t3\n");
  assert_true(b.t.end.waited);
  assert_contains(world_out(&b.w), "tick");
  assert_lacks(world_out(&b.w), "mine");
  assert_string_equal(armed(&b, "1"), "value: 1");
  assert_false(b.t.end.waited);
  bed_end(&b);
}

/* It waits where it prints, while the script goes on. */
static void it_prints_no_faster_than_somebody_reads(void **state) {
  (void)state;
  prompt_bed b;
  bed_begin(&b, "local task = require 'task'\nwhile true do task.sleep(0.002); print('tick') end\n");
  type_in(b.v, &b.t, "print 'first'\nprint 'second'\nreturn 1", true);
  b.t.full = true;
  kl_buf_clear(&b.w.out);
  while (!strstr(world_out(&b.w), "tick\ntick"))
    uv_run(&b.w.loop, UV_RUN_ONCE);
  assert_int_equal(b.t.ends, 0);
  assert_int_equal(b.t.printed.len, 0);
  b.t.full = false;
  kl_host_print_room(b.w.host);
  run_to_end(&b.w, &b.t);
  assert_string_equal(b.t.printed.data, "first\nsecond\n");
  bed_end(&b);
}

/* Nor are the frames that run it in its traceback. */
static void an_error_is_the_inputs_alone(void **state) {
  (void)state;
  prompt_bed b;
  bed_begin(&b, "local kalua, task = require 'kalua', require 'task'\nkalua.on_error(function() print('handler') end)\n"
                "function broken(x)\n  return x.y\nend\nwhile true do task.sleep(0.002) end\n");
  assert_string_equal(armed(&b, "broken(nil)"), "error: s:4: attempt to index a nil value (local 'x')");
  assert_contains(b.t.trace.data, "stack traceback:\n\ts:4: in "); /* "function", or "global", by the version of Lua */
  assert_contains(b.t.trace.data, "'broken'\n\tprompt:1: in main chunk");
  assert_lacks(b.t.trace.data, "[C]");
  assert_string_equal(armed(&b, "local x = broken(nil)"), "error: s:4: attempt to index a nil value (local 'x')");
  assert_contains(b.t.trace.data, "'broken'\n\tprompt:1: in main chunk");
  assert_lacks(b.t.trace.data, "[C]");
  assert_string_equal(armed(&b, "error()"), "error: nil");
  assert_string_equal(armed(&b, "local t <close> = setmetatable({}, {__close = function() error('closing', 0) end})"),
                      "error: closing");
  assert_string_equal(armed(&b, "task.sleep(0.02); return 'alive'"), "value: alive");
  assert_lacks(world_out(&b.w), "handler");
  assert_string_equal(world_log(&b.w), "");
  bed_end(&b);
}

static void an_endless_loop_is_broken_and_nothing_else(void **state) {
  (void)state;
  prompt_bed b;
  bed_begin(&b, LOOP);
  const kl_evaluation_options o = {.source = "while true do pcall(error) end",
                                   .n = 30,
                                   .armed = true,
                                   .cpu_ms = 50,
                                   .data = &b.t,
                                   .print = told_print,
                                   .show = told_show,
                                   .ended = told_ended};
  kl_evaluate(b.v, &o);
  run_to_end(&b.w, &b.t);
  assert_contains(outcome_of(&b.t),
                  "error: prompt:1: ran for more than 50 ms without waiting, which is the limit of an");
  assert_string_equal(armed(&b, "1"), "value: 1");
  assert_string_equal(world_log(&b.w), "");
  bed_end(&b);
}

static void out_of_memory_is_an_error_of_the_input(void **state) {
  (void)state;
  prompt_bed b;
  bed_begin(&b, LOOP);
  assert_contains(armed(&b, "local t = {}; for i = 1, 9 do t[i] = ('x'):rep(3e8) end"), "not enough memory");
  assert_string_equal(armed(&b, "'alive'"), "value: alive");
  bed_end(&b);
}

/* What counts is the time in which it is compiled, not that in which the machine does something else. */
static void a_machine_that_stands_still_is_not_the_inputs_fault(void **state) {
  (void)state;
  prompt_bed b;
  bed_begin(&b, LOOP);
  typed_ms = SHORT_MS;
  b.w.still_at = b.w.allocations + 1;
  b.w.still_ms = 2 * SHORT_MS;
  assert_string_equal(looks(&b, "1 + 1"), "value: 2");
  assert_true(b.t.end.ns >= b.w.still_ms * INT64_C(1000000)); /* it did stand still */
  typed_ms = PATIENT_MS;
  bed_end(&b);
}

/* Wherever its compiling has to end, what ran shows its values and has left its variables behind. */
static void an_input_runs_as_a_whole_or_not_at_all(void **state) {
  (void)state;
  enum { VALUE = 1000 };
  static const struct { const char *source, *look; } inputs[] = {{"local kept = %zu", "kept"}, {"math.abs(%zu)", "_"}};
  prompt_bed b;
  bed_begin(&b, LOOP);
  for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
    bool failed = true;
    for (size_t n = 1; failed; n++) {
      char number[24], source[64], taken[64];
      snprintf(number, sizeof number, "%zu", VALUE + n);
      const char *at = strstr(inputs[i].source, "%zu");
      snprintf(source, sizeof source, "%.*s%s%s", (int)(at - inputs[i].source), inputs[i].source, number, at + 3);
      snprintf(taken, sizeof taken, "value: %s", number);
      b.w.fail_count = 2; /* Lua collects and tries again */
      b.w.fail_at = b.w.allocations + n;
      type_in(b.v, &b.t, source, true);
      failed = b.w.allocations >= b.w.fail_at;
      b.w.fail_at = 0;
      run_to_end(&b.w, &b.t);
      bool ran = b.t.end.status == KL_EVALUATION_VALUE;
      assert_true(ran || failed);
      if (ran) assert_string_equal(armed(&b, inputs[i].look), taken);
    }
  }
  bed_end(&b);
}

static void a_cancelled_input_ends(void **state) {
  (void)state;
  static const char *const endless[] = {"task.sleep(60)", "local ok, err = pcall(task.sleep, 60); task.sleep(60)",
                                        "while true do pcall(task.sleep, 60) end",
                                        "task.spawn(task.sleep, 0.01):await(); task.channel(1):recv()"};
  prompt_bed b;
  bed_begin(&b, LOOP);
  for (size_t i = 0; i < sizeof endless / sizeof endless[0]; i++) {
    typed_ms = i == 2 ? SHORT_MS : PATIENT_MS;
    kl_evaluation *x = type_in(b.v, &b.t, endless[i], true);
    assert_non_null(x);
    for (int k = 0; k < 20; k++)
      uv_run(&b.w.loop, UV_RUN_ONCE);
    assert_int_equal(b.t.ends, 0);
    kl_evaluation_cancel(x, "interrupted");
    run_to_end(&b.w, &b.t);
    typed_ms = PATIENT_MS;
    if (i == 2) /* it goes on and on, and is broken for that */
      assert_contains(outcome_of(&b.t), "ran for more than 200 ms");
    else
      assert_string_equal(outcome_of(&b.t), "cancelled: interrupted");
  }
  assert_string_equal(armed(&b, "1"), "value: 1");
  bed_end(&b);
}

/* Its closing variables run. */
static void a_prompt_that_goes_takes_its_inputs_with_it(void **state) {
  (void)state;
  prompt_bed b;
  kl_error e;
  bed_begin(&b, LOOP);
  type_in(b.v, &b.t, "local g <close> = setmetatable({}, {__close = function() closed = true end}); task.sleep(60)",
          true);
  for (int i = 0; i < 5; i++)
    uv_run(&b.w.loop, UV_RUN_ONCE);
  told other = {0};
  kl_evaluator *second = kl_evaluator_new(b.s, &e);
  assert_non_null(second);
  assert_string_equal(input(&b.w, second, &other, "closed", true), "value: nil");
  kl_evaluator_free(b.v, "the session has ended");
  assert_string_equal(outcome_of(&b.t), "cancelled: the session has ended"); /* at once */
  for (int i = 0; i < 5; i++)
    uv_run(&b.w.loop, UV_RUN_ONCE);
  assert_string_equal(input(&b.w, second, &other, "closed", true), "value: true");
  told_clear(&other);
  b.v = second;
  bed_end(&b);
}

static void two_prompts_do_not_see_each_others_variables(void **state) {
  (void)state;
  prompt_bed b;
  kl_error e;
  told other = {0};
  bed_begin(&b, LOOP);
  kl_evaluator *second = kl_evaluator_new(b.s, &e);
  armed(&b, "local x = 1");
  armed(&b, "'mine'");
  assert_string_equal(input(&b.w, second, &other, "x, _", true), "value: nil, nil");
  input(&b.w, second, &other, "local x = 2", true);
  assert_string_equal(armed(&b, "x, _"), "value: 1, mine");
  kl_evaluator_free(second, "gone");
  assert_string_equal(armed(&b, "x"), "value: 1");
  told_clear(&other);
  bed_end(&b);
}

static void inputs_end_with_the_script(void **state) {
  (void)state;
  prompt_bed b;
  bed_begin(&b, LOOP);
  type_in(b.v, &b.t, "task.sleep(60)", true);
  uv_run(&b.w.loop, UV_RUN_NOWAIT);
  kl_script_stop(b.s, KL_STOP_EXIT, false);
  world_run(&b.w);
  assert_int_equal(b.t.ends, 1);
  assert_string_equal(outcome_of(&b.t), "cancelled: the script is stopping");
  assert_null(kl_evaluator_script(b.v));
  assert_string_equal(armed(&b, "1"), "cancelled: the script has ended");
  assert_string_equal(world_log(&b.w), "");
  kl_evaluator_free(b.v, "gone");
  told_clear(&b.t);
  world_close(&b.w);
}

/* Also one that does not want to. */
static void an_input_is_cut_off_with_the_script(void **state) {
  (void)state;
  prompt_bed b;
  bed_begin(&b, LOOP);
  type_in(b.v, &b.t, "while true do pcall(task.sleep, 60); task.yield() end", true);
  uv_run(&b.w.loop, UV_RUN_NOWAIT);
  kl_script_stop(b.s, KL_STOP_EXIT, true);
  world_run(&b.w);
  assert_int_equal(b.t.ends, 1);
  assert_int_equal(b.t.end.status, KL_EVALUATION_CANCELLED);
  assert_lacks(world_log(&b.w), "cut off"); /* that the input was is nobody's business */
  kl_evaluator_free(b.v, "gone");
  told_clear(&b.t);
  world_close(&b.w);
}

static void what_it_spawns_lives_on(void **state) {
  (void)state;
  prompt_bed b;
  bed_begin(&b, LOOP);
  assert_string_equal(
      armed(&b, "task.spawn(function() task.sleep(0.02); print('from the task'); later = true end)\nreturn 1"),
      "value: 1");
  assert_string_equal(armed(&b, "task.sleep(0.1); return later"), "value: true");
  assert_contains(world_out(&b.w), "from the task"); /* as the script's own */
  bed_end(&b);
}

/* All tasks wait for one another, but somebody sits at a prompt. */
static void an_input_that_waits_for_a_task_is_no_deadlock(void **state) {
  (void)state;
  prompt_bed b;
  bed_begin(&b, "local task = require 'task'\nc = task.channel(1)\ntask.sleep(0.02)\n"
                "task.spawn(function() print('both wait'); c:recv() end):await()\ntask.sleep(60)\n");
  kl_script_stats stats;
  kl_evaluation *x = type_in(b.v, &b.t, "task.channel(1):recv()", true);
  while (!strstr(world_out(&b.w), "both wait"))
    uv_run(&b.w.loop, UV_RUN_ONCE);
  for (int i = 0; i < 10; i++)
    uv_run(&b.w.loop, UV_RUN_NOWAIT);
  assert_int_equal(b.t.ends, 0);
  kl_script_stats_get(b.s, &stats);
  assert_int_equal(stats.errors, 0);
  told other = {0};
  assert_string_equal(input(&b.w, b.v, &other, "c:send(1)", true), "value");
  told_clear(&other);
  kl_evaluation_cancel(x, "interrupted");
  run_to_end(&b.w, &b.t);
  bed_end(&b);
}

#define FRAMES                                                                                                         \
  "local task = require 'task'\n"                                                                                      \
  "local up = 'upvalue'\n"                                                                                             \
  "quota = 'global'\n"                                                                                                 \
  "local function work(quota)\n"                                                                                       \
  "  local price, _ = 42, 'unused'\n"                                                                                  \
  "  task.sleep(wait or 60)\n"                                                                                         \
  "  print('done', price, quota, up)\n"                                                                                \
  "end\n"                                                                                                              \
  "local main = task.spawn(work, 'argument')\n"                                                                        \
  "while true do task.sleep(0.002) end\n"

static void a_selected_frame_comes_first(void **state) {
  (void)state;
  static const expected list[] = {
      {"price, quota, up", "value: 42, argument, upvalue"},
      {"_", "value: 42"}, /* the prompt's own */
      {"local price = 1", "value"},
      {"price", "value: 42"},
      {"price = 43; up = 'set'; quota = 'changed'; fresh = 1", "value"},
      {"price, quota, up, rawget(_G, 'quota'), rawget(_G, 'fresh')", "value: 43, changed, set, global, 1"},
  };
  prompt_bed b;
  kl_error e = {0};
  uint64_t task;
  int level;
  bed_begin(&b, FRAMES);
  assert_string_equal(armed(&b, "price, quota, up"), "value: nil, global, nil");
  assert_false(kl_evaluator_select(b.v, 99, 1, &e));
  assert_contains(e.message, "no task 99");
  assert_false(kl_evaluator_select(b.v, 2, 99, &e));
  assert_contains(e.message, "task 2 has no frame 99");
  assert_false(kl_evaluator_selected(b.v, &task, &level));
  assert_true(kl_evaluator_select(b.v, 2, 1, &e));
  assert_true(kl_evaluator_selected(b.v, &task, &level));
  assert_int_equal(task, 2);
  assert_int_equal(level, 1);
  assert_string_equal(looks(&b, "price, quota, up"), "value: 42, argument, upvalue"); /* who looks sees it, too */
  CHECK(&b, list);
  assert_true(kl_evaluator_select(b.v, 0, 0, &e));
  assert_string_equal(armed(&b, "price, quota"), "value: 1, global");
  bed_end(&b);
}

static void a_frame_that_is_gone_is_not_mistaken_for_another(void **state) {
  (void)state;
  prompt_bed b;
  kl_error e = {0};
  uint64_t task;
  int level;
  bed_begin(&b, "wait = 0.05\n" FRAMES);
  assert_true(kl_evaluator_select(b.v, 2, 1, &e));
  assert_string_equal(armed(&b, "price = 44; return price"), "value: 44");
  while (!strstr(world_out(&b.w), "done"))
    uv_run(&b.w.loop, UV_RUN_ONCE);
  assert_contains(world_out(&b.w), "done\t44\targument\tupvalue");
  assert_contains(armed(&b, "price = 45"), "the frame that was selected is gone, task 2 has ended");
  assert_false(kl_evaluator_selected(b.v, &task, &level));
  assert_string_equal(armed(&b, "price"), "value: nil"); /* the input before was not run */
  bed_end(&b);
}

/* It waits where the test has sent it: in itself, or in a function that it calls. */
static void go(prompt_bed *b, const char *where) {
  char input[64];
  snprintf(input, sizeof input, "_G.wanted = '%s'", where);
  assert_string_equal(armed(b, input), "value");
  snprintf(input, sizeof input, "value: %s", where);
  while (strcmp(armed(b, "_G.is"), input) != 0)
    uv_run(&b->w.loop, UV_RUN_ONCE);
}

static void a_frame_stays_selected_while_it_calls_others(void **state) {
  (void)state;
  prompt_bed b;
  kl_error e = {0};
  uint64_t task;
  int level;
  bed_begin(&b, "local task = require 'task'\n"
                "local book = 'of the main chunk'\n"
                "wanted = 'outside'\n"
                "local function stay(where) is = where while wanted == where do task.sleep(0.001) end end\n"
                "local function down(n) if n == 0 then stay 'inside' else down(n - 1) end return n end\n"
                "while true do\n"
                "  if wanted == 'inside' then down(3) end\n"
                "  is = 'outside'\n"
                "  while wanted == is do task.sleep(0.001) end\n"
                "end\n");
  go(&b, "outside");
  assert_true(kl_evaluator_select(b.v, 1, KL_FRAME_USUAL, &e));
  assert_string_equal(armed(&b, "book"), "value: of the main chunk");
  assert_true(kl_evaluator_selected(b.v, &task, &level));
  assert_int_equal(level, 1);
  go(&b, "inside");
  assert_string_equal(armed(&b, "book"), "value: of the main chunk");
  assert_true(kl_evaluator_selected(b.v, &task, &level));
  assert_int_equal(level, 6); /* sleep, stay, four times down */
  assert_true(kl_evaluator_select(b.v, 1, KL_FRAME_USUAL, &e));
  assert_string_equal(armed(&b, "book = 'changed'; return book"), "value: changed");
  assert_true(kl_evaluator_select(b.v, 1, 2, &e)); /* this one goes */
  assert_string_equal(armed(&b, "n"), "value: 0");
  assert_true(kl_evaluator_select(b.v, 1, 6, &e));
  go(&b, "outside");
  assert_string_equal(armed(&b, "book"), "value: changed");
  go(&b, "inside");
  assert_true(kl_evaluator_select(b.v, 1, 2, &e));
  assert_string_equal(armed(&b, "_G.wanted = 'outside'"), "value");
  while (kl_evaluator_selected(b.v, &task, &level))
    uv_run(&b.w.loop, UV_RUN_ONCE);
  assert_contains(armed(&b, "n = 7"), "the frame that was selected is gone, task 1 has gone on");
  bed_end(&b);
}

/* Whatever cannot be had, each input ends once and the script goes on. */
static void running_out_of_memory_anywhere(void **state) {
  (void)state;
  static const char *const sources[] = {"local a, b = {}, 'x' .. tostring({})\nlocal c = a", "error({}, 0)",
                                        "string.format('%s %s', {}, 1), task", "x ="};
  prompt_bed b;
  bed_begin(&b, LOOP);
  armed(&b, "1");
  for (size_t k = 0; k < sizeof sources / sizeof sources[0]; k++) {
    for (size_t n = 1; n < 60; n++) {
      b.w.fail_count = 1000; /* Lua collects and tries again */
      b.w.fail_at = b.w.allocations + n;
      type_in(b.v, &b.t, sources[k], true);
      for (int i = 0; b.t.ends == 0 && i < 3; i++)
        uv_run(&b.w.loop, UV_RUN_NOWAIT);
      b.w.fail_at = 0;
      run_to_end(&b.w, &b.t);
    }
  }
  assert_string_equal(armed(&b, "1"), "value: 1");
  kl_evaluator_free(b.v, "gone");
  kl_script_stop(b.s, KL_STOP_EXIT, true);
  world_run(&b.w);
  told_clear(&b.t);
  world_close(&b.w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(expressions_statements_and_what_is_unfinished),
      cmocka_unit_test(local_variables_of_an_input_stay),
      cmocka_unit_test(globals_are_the_scripts),
      cmocka_unit_test(the_last_value_and_modules_have_names),
      cmocka_unit_test(a_metatable_of_the_globals_is_respected),
      cmocka_unit_test(what_it_prints_is_its_own),
      cmocka_unit_test(it_prints_no_faster_than_somebody_reads),
      cmocka_unit_test(an_error_is_the_inputs_alone),
      cmocka_unit_test(an_endless_loop_is_broken_and_nothing_else),
      cmocka_unit_test(out_of_memory_is_an_error_of_the_input),
      cmocka_unit_test(a_machine_that_stands_still_is_not_the_inputs_fault),
      cmocka_unit_test(an_input_runs_as_a_whole_or_not_at_all),
      cmocka_unit_test(a_cancelled_input_ends),
      cmocka_unit_test(a_prompt_that_goes_takes_its_inputs_with_it),
      cmocka_unit_test(two_prompts_do_not_see_each_others_variables),
      cmocka_unit_test(inputs_end_with_the_script),
      cmocka_unit_test(an_input_is_cut_off_with_the_script),
      cmocka_unit_test(what_it_spawns_lives_on),
      cmocka_unit_test(an_input_that_waits_for_a_task_is_no_deadlock),
      cmocka_unit_test(a_selected_frame_comes_first),
      cmocka_unit_test(a_frame_that_is_gone_is_not_mistaken_for_another),
      cmocka_unit_test(a_frame_stays_selected_while_it_calls_others),
      cmocka_unit_test(running_out_of_memory_anywhere),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
