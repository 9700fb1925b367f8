/* Looking into scripts between two resumes: tasks, frames, what they wait for and hold. */
#include "script_world.h"

#include "script/look.h"
#include "strategy_bed.h"

static void run_turns(world *w, int n) {
  for (int i = 0; i < n; i++)
    uv_run(&w->loop, UV_RUN_NOWAIT);
}

static kl_task *task_of(kl_script *s, uint64_t id) {
  kl_task *t = kl_task_find(s, id);
  if (!t) fail_msg("there is no task %d", (int)id);
  return t;
}

/* "0 what name line\n" of each frame, those of Lua with their line. */
static void frames_of(kl_task *t, kl_buf *out) {
  kl_frames it;
  kl_frame f;
  kl_buf_clear(out);
  for (kl_frames_begin(&it, t); kl_frames_next(&it, &f);)
    kl_buf_printf(out, "%d %s %s %d\n", f.level, f.ar.what, f.ar.name ? f.ar.name : "-", f.ar.currentline);
}

static void stop(world *w, kl_script *s) {
  kl_script_stop(s, KL_STOP_EXIT, true);
  world_run(w);
  world_close(w);
}

static void assert_waits(kl_script *s, uint64_t id, const char *begin, const char *end) {
  kl_buf b = {0};
  kl_task_describe_wait(task_of(s, id), &b);
  size_t n = strlen(end);
  if (!b.data || strncmp(b.data, begin, strlen(begin)) != 0 || b.len < n || strcmp(b.data + b.len - n, end) != 0)
    fail_msg("task %d waits for \"%s\", not \"%s…%s\"", (int)id, b.data ? b.data : "", begin, end);
  kl_buf_free(&b);
}

static void frames_lead_from_where_a_task_waits_to_its_begin(void **state) {
  (void)state;
  world w;
  kl_buf b = {0};
  world_open(&w, 100);
  kl_script *s = world_start(&w, "local task = require 'task'\n"
                                 "local function inner() task.sleep(60) end\n"
                                 "local function outer()\n"
                                 "  inner()\n"
                                 "  return 1\n"
                                 "end\n"
                                 "outer()\n"
                                 "return 2\n");
  frames_of(task_of(s, 1), &b); /* has not begun */
  assert_string_equal(b.data ? b.data : "", "");
  assert_waits(s, 1, "its first turn", "");
  run_turns(&w, 3);
  frames_of(task_of(s, 1), &b);
  assert_string_equal(b.data, "0 C sleep -1\n1 Lua inner 2\n2 Lua outer 4\n3 main - 7\n");
  assert_true(kl_task_is_main(task_of(s, 1)));
  assert_waits(s, 1, "sleep, ", " s left");
  kl_frame f;
  assert_true(kl_task_frame(task_of(s, 1), 2, &f));
  assert_string_equal(f.ar.name, "outer");
  assert_false(kl_task_frame(task_of(s, 1), 4, &f));
  assert_false(kl_task_frame(task_of(s, 1), -1, &f));
  kl_buf_free(&b);
  stop(&w, s);
}

/* Lua finds a frame by going there from the innermost one. Who asks for one goes there once, and not to each before it:
 * that would take minutes here. */
static void a_frame_far_outside_is_found_at_once(void **state) {
  (void)state;
  world w;
  world_open(&w, 100);
  kl_script *s = world_start(&w, "local task = require 'task'\n"
                                 "local function down(n)\n"
                                 "  if n == 0 then task.sleep(60) end\n"
                                 "  local x = down(n - 1)\n"
                                 "  return x\n"
                                 "end\n"
                                 "coroutine.wrap(function()\n"
                                 "  down(150000)\n"
                                 "end)()\n");
  run_turns(&w, 3);
  kl_frame f;
  for (int i = 0; i < 100; i++) {
    assert_true(kl_task_frame(task_of(s, 1), 150000, &f));
    assert_int_equal(f.ar.currentline, 4);
    assert_int_equal(f.level, 150000);
  }
  assert_true(kl_task_frame(task_of(s, 1), 150002, &f));
  assert_int_equal(f.ar.currentline, 8);
  assert_true(kl_task_frame(task_of(s, 1), 150004, &f));
  assert_string_equal(f.ar.what, "main");
  assert_int_equal(f.ar.currentline, 7);
  assert_false(kl_task_frame(task_of(s, 1), 150005, &f));
  stop(&w, s);
}

static void frames_go_through_coroutines_that_wait_inside(void **state) {
  (void)state;
  world w;
  kl_buf b = {0};
  world_open(&w, 100);
  kl_script *s = world_start(&w, "local task = require 'task'\n"
                                 "local function deep()\n"
                                 "  task.sleep(60)\n"
                                 "end\n"
                                 "local co = coroutine.create(function()\n"
                                 "  deep()\n"
                                 "  return 1\n"
                                 "end)\n"
                                 "local step = coroutine.wrap(function()\n"
                                 "  coroutine.resume(co)\n"
                                 "  return 1\n"
                                 "end)\n"
                                 "step()\n"
                                 "return 2\n");
  run_turns(&w, 3);
  for (int i = 0; i < 2; i++) { /* looking changes nothing */
    frames_of(task_of(s, 1), &b);
    assert_string_equal(b.data, "0 C sleep -1\n1 Lua deep 3\n2 Lua - 6\n"
                                "3 C resume -1\n4 Lua - 10\n"
                                "5 C step -1\n6 main - 13\n");
  }
  kl_buf_free(&b);
  stop(&w, s);
}

static void waits_are_told_in_words(void **state) {
  (void)state;
  world w;
  world_open(&w, 100);
  kl_script *s = world_start(&w, "local task = require 'task'\n"
                                 "local bus = require 'bus'\n"
                                 "local ch = task.channel(1)\n"
                                 "local function forever() task.sleep(60) end\n"
                                 "local t2 = task.spawn(forever)\n"
                                 "task.spawn(function() t2:await() end)\n"                                 /* 3 */
                                 "task.every(5, print)\n"                                                  /* 4 */
                                 "task.spawn(function() task.channel():recv() end)\n"                      /* 5 */
                                 "task.spawn(function() ch:send(1) ch:send(2) end)\n"                      /* 6 */
                                 "task.spawn(function() task.all{ forever, forever } end)\n"               /* 7 */
                                 "task.spawn(function() task.timeout(30, forever) end)\n"                  /* 8 */
                                 "task.spawn(function() for _ in bus.listen('a'):messages() do end end)\n" /* 9 */
                                 "task.sleep(60)\n");
  run_turns(&w, 6);
  assert_waits(s, 3, "task 2", "");
  assert_waits(s, 4, "every 5 s, ", " s left");
  assert_waits(s, 5, "a value from a channel", "");
  assert_waits(s, 6, "room in a channel that holds 1 of 1", "");
  assert_waits(s, 7, "tasks 10, 11 (task.all)", "");
  assert_waits(s, 8, "task 12 (task.timeout), ", " s left");
  assert_waits(s, 9, "messages of the bus channel a", "");
  int line;
  assert_null(kl_task_place(task_of(s, 1), &line));
  assert_string_equal(kl_task_place(task_of(s, 4), &line), "s");
  assert_int_equal(line, 7);
  stop(&w, s);
}

static void add_member(void *data, const kl_member *m) {
  kl_buf *b = data;
  kl_buf_char(b, '{');
  m->describe(m, b);
  kl_buf_char(b, '}');
}

static void what_a_script_holds_is_told(void **state) {
  (void)state;
  world w;
  kl_buf b = {0};
  world_open(&w, 100);
  kl_script *s = world_start(&w, "local task, bus = require 'task', require 'bus'\n"
                                 "Sub, Other = bus.listen 'a', bus.listen 'b'\n"
                                 "bus.send('b', 1) bus.send('b', 2)\n"
                                 "task.sleep(60)\n");
  run_turns(&w, 3);
  kl_script_each_member(s, add_member, &b);
  assert_string_equal(b.data, "{\"kind\":\"bus\",\"channel\":\"a\",\"queued\":0,\"most\":10000,\"lost\":0}"
                              "{\"kind\":\"bus\",\"channel\":\"b\",\"queued\":2,\"most\":10000,\"lost\":0}");
  int64_t used, most;
  kl_script_slots(s, KL_SLOT_HANDLE, &used, &most);
  assert_int_equal(used, 2);
  assert_int_equal(most, 20000);
  size_t bytes, ceiling;
  kl_script_queued(s, &bytes, &ceiling);
  assert_true(bytes > 0 && ceiling == (size_t)128 << 20);
  kl_buf_free(&b);
  stop(&w, s);
}

static int raise_text(lua_State *L) { return luaL_error(L, "no: %s", (const char *)lua_touserdata(L, 1)); }
static int take_memory(lua_State *L) {
  luaL_Buffer b;
  luaL_buffinitsize(L, &b, (size_t)1 << 30);
  return 0;
}

static void looking_is_protected(void **state) {
  (void)state;
  world w;
  world_open(&w, 100);
  kl_script *s = world_start(&w, "require 'task'.sleep(60)");
  kl_error e = {0};
  char text[] = "what was looked for";
  run_turns(&w, 3);
  assert_false(kl_script_look(s, raise_text, text, &e));
  assert_string_equal(e.message, "no: what was looked for");
  assert_false(kl_script_look(s, take_memory, NULL, &e));
  assert_string_equal(e.message, "not enough memory");
  kl_script_stop(s, KL_STOP_EXIT, true);
  world_run(&w);
  assert_false(kl_script_look(s, raise_text, text, &e));
  assert_string_equal(e.kind, KL_ERR_CLOSED);
  world_close(&w);
}

static void run_time_is_measured_while_somebody_looks(void **state) {
  (void)state;
  bed b;
  kl_run_time r;
  const char busy[] = "local task = require 'task'\n"
                      "while true do task.sleep(0.001) for i = 1, 20000 do end print 'turn' end\n";
  open_bed(&b);
  start(&b, busy, (kl_strategy_options){.probation_ms = -1});
  run_until(&b, &b.w.out, "turn");
  kl_strategy_run_time(b.g, &r);
  assert_false(r.on);
  assert_int_equal(r.resumes, 0);
  kl_strategy_measure(b.g, true);
  kl_strategy_measure(b.g, true);
  kl_buf_clear(&b.w.out);
  run_until(&b, &b.w.out, "turn\nturn");
  kl_strategy_measure(b.g, false); /* the other one looks still */
  kl_strategy_run_time(b.g, &r);
  assert_true(r.on && r.resumes >= 2 && r.ran_ns > 0 && r.longest_ns > 0 && r.longest_ns <= r.ran_ns);
  assert_string_equal(reload(&b, NULL), "ok\n"); /* goes on over versions */
  kl_run_time later;
  kl_buf_clear(&b.w.out);
  run_until(&b, &b.w.out, "turn");
  kl_strategy_run_time(b.g, &later);
  assert_true(later.resumes > r.resumes && later.since_ns == r.since_ns);
  kl_strategy_measure(b.g, false);
  kl_strategy_run_time(b.g, &r);
  assert_false(r.on);
  finish(&b);
  close_bed(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(frames_lead_from_where_a_task_waits_to_its_begin),
                                     cmocka_unit_test(a_frame_far_outside_is_found_at_once),
                                     cmocka_unit_test(frames_go_through_coroutines_that_wait_inside),
                                     cmocka_unit_test(waits_are_told_in_words),
                                     cmocka_unit_test(what_a_script_holds_is_told),
                                     cmocka_unit_test(looking_is_protected),
                                     cmocka_unit_test(run_time_is_measured_while_somebody_looks)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
