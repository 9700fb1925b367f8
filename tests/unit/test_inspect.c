/* What a session shows of a running strategy: tasks, local variables, figures. */
#include "script_world.h"

#include <jansson.h>

#include "prompt/inspect.h"
#include "strategy_bed.h"

static void run_turns(world *w, int n) {
  for (int i = 0; i < n; i++)
    uv_run(&w->loop, UV_RUN_NOWAIT);
}

static void stop(world *w, kl_script *s) {
  kl_script_stop(s, KL_STOP_EXIT, true);
  world_run(w);
  world_close(w);
}

/* The fields as an object, which they must be. */
static json_t *object_of(kl_buf *fields) {
  kl_buf b = {0};
  json_error_t why;
  kl_buf_printf(&b, "{%s}", fields->data ? fields->data : "");
  json_t *o = json_loads(b.data, JSON_REJECT_DUPLICATES, &why);
  if (!o) fail_msg("%s: %s", why.text, b.data);
  kl_buf_free(&b);
  kl_buf_free(fields);
  return o;
}

static json_t *tasks_of(kl_script *s, kl_inspect_tasks o) {
  kl_buf b = {0};
  kl_error e = {0};
  if (!kl_inspect_write_tasks(s, &o, &b, &e)) fail_msg("%s", e.message);
  return object_of(&b);
}

static const char *str_of(const json_t *o, const char *key) {
  const char *text = json_string_value(json_object_get(o, key));
  return text ? text : "(none)";
}
static long long number_of(const json_t *o, const char *key) { return json_integer_value(json_object_get(o, key)); }

static void tasks_are_listed_with_what_they_wait_for(void **state) {
  (void)state;
  world w;
  world_open(&w, 100);
  kl_script *s = world_start(&w, "local task = require 'task'\n"
                                 "local function wait(n)\n"
                                 "  task.sleep(n)\n"
                                 "  return 1\n"
                                 "end\n"
                                 "task.spawn(wait, 60)\n"
                                 "wait(30)\n"
                                 "return 2\n");
  run_turns(&w, 3);
  json_t *all = tasks_of(s, (kl_inspect_tasks){.n = 10, .frames = 8});
  json_t *list = json_object_get(all, "tasks"), *first = json_array_get(list, 0), *second = json_array_get(list, 1);
  assert_int_equal(json_array_size(list), 2);
  assert_int_equal(number_of(all, "total"), 2);
  assert_null(json_object_get(all, "next"));
  assert_true(json_is_true(json_object_get(first, "main")));
  assert_string_equal(str_of(first, "status"), "waiting");
  assert_int_equal(strncmp(str_of(first, "waits"), "sleep, ", 7), 0);
  assert_string_equal(str_of(first, "place"), "(none)");
  json_t *frames = json_object_get(first, "frames");
  assert_int_equal(json_array_size(frames), 3);
  assert_string_equal(str_of(json_array_get(frames, 0), "what"), "C");
  assert_string_equal(str_of(json_array_get(frames, 1), "name"), "wait");
  assert_int_equal(number_of(json_array_get(frames, 1), "line"), 3);
  assert_string_equal(str_of(json_array_get(frames, 2), "what"), "main");
  assert_int_equal(number_of(json_array_get(frames, 2), "level"), 2);
  assert_string_equal(str_of(second, "place"), "s:6");
  assert_int_equal(number_of(second, "id"), 2);
  json_decref(all);
  all = tasks_of(s, (kl_inspect_tasks){.n = 10, .frames = 1, .task = 2});
  list = json_object_get(all, "tasks");
  assert_int_equal(json_array_size(list), 1);
  assert_true(json_is_true(json_object_get(json_array_get(list, 0), "more_frames")));
  json_decref(all);
  kl_buf b = {0};
  kl_error e = {0};
  assert_false(kl_inspect_write_tasks(s, &(kl_inspect_tasks){.task = 7, .n = 1}, &b, &e));
  assert_string_equal(e.message, "there is no task 7, or it has ended");
  kl_buf_free(&b);
  stop(&w, s);
}

static void many_tasks_come_in_pieces(void **state) {
  (void)state;
  world w;
  world_open(&w, 100);
  kl_script *s = world_start(&w, "local task = require 'task'\n"
                                 "for _ = 1, 249 do task.spawn(task.sleep, 60) end\n"
                                 "task.sleep(60)\n");
  run_turns(&w, 5);
  size_t seen = 0;
  int64_t after = 0;
  for (int pieces = 0; pieces < 3; pieces++) {
    json_t *all = tasks_of(s, (kl_inspect_tasks){.n = 100, .frames = 1, .after = (uint64_t)after});
    seen += json_array_size(json_object_get(all, "tasks"));
    assert_int_equal(number_of(all, "total"), 250);
    assert_int_equal(json_object_get(all, "next") != NULL, pieces < 2);
    after = number_of(all, "next");
    json_decref(all);
  }
  assert_int_equal(seen, 250);
  stop(&w, s);
}

/* "name kind value\n" of each variable. */
static char *locals_of(kl_script *s, uint64_t task, int level) {
  kl_buf list = {0}, frame = {0}, out = {0};
  kl_error e = {0};
  if (!kl_inspect_write_locals(s, task, level, &list, &frame, &e)) fail_msg("%s", e.message);
  json_t *all = json_loads(list.data, 0, NULL);
  if (!json_is_array(all)) fail_msg("%s", list.data);
  for (size_t i = 0; i < json_array_size(all); i++) {
    const json_t *v = json_array_get(all, i);
    char *value = json_dumps(json_object_get(v, "value"), JSON_COMPACT | JSON_ENCODE_ANY);
    kl_buf_printf(&out, "%s %s %s\n", str_of(v, "name"), str_of(v, "kind"), value);
    free(value);
  }
  json_decref(all);
  json_decref(object_of(&frame));
  kl_buf_free(&list);
  return out.data ? out.data : strdup("");
}

static void locals_of_a_frame_are_those_of_its_waiting_point(void **state) {
  (void)state;
  world w;
  world_open(&w, 100);
  kl_script *s = world_start(&w, "local sleep = require('task').sleep\n"
                                 "local quoted = { bid = 0.42 }\n"
                                 "local function f(a, ...)\n"
                                 "  local b = 2\n"
                                 "  for i, v in ipairs{ 'x' } do\n"
                                 "    local b = quoted\n"
                                 "    sleep(60)\n"
                                 "    local later = b\n"
                                 "  end\n"
                                 "  return b\n"
                                 "end\n"
                                 "f('\\xff', 1)\n"
                                 "return 1\n");
  run_turns(&w, 4);
  char *text = locals_of(s, 1, 1);
  assert_string_equal(text, "a local {\"b\":\"/w==\"}\n"
                            "b local 2\n"
                            "i local 1\n"
                            "v local \"x\"\n"
                            "b local {\"t\":1,\"h\":[[\"bid\",{\"n\":\"0.42\"}]]}\n"
                            "...[1] vararg 1\n"
                            "quoted upvalue {\"t\":1,\"h\":[[\"bid\",{\"n\":\"0.42\"}]]}\n"
                            "sleep upvalue {\"fn\":\"task.sleep\",\"c\":true}\n");
  free(text);
  stop(&w, s);
}

static void locals_are_read_inside_of_coroutines(void **state) {
  (void)state;
  world w;
  world_open(&w, 100);
  kl_script *s = world_start(&w, "local task = require 'task'\n"
                                 "local sleep = task.sleep\n"
                                 "local step = coroutine.wrap(function(c)\n"
                                 "  local inside = { c }\n"
                                 "  sleep(60)\n"
                                 "  return inside\n"
                                 "end)\n"
                                 "step(7)\n");
  run_turns(&w, 4);
  char *text = locals_of(s, 1, 1);
  assert_string_equal(text, "c local 7\n"
                            "inside local {\"t\":1,\"a\":[7]}\n"
                            "sleep upvalue {\"fn\":\"task.sleep\",\"c\":true}\n");
  free(text);
  text = locals_of(s, 1, 0); /* a function of C has no names */
  assert_string_equal(text, "");
  free(text);
  kl_buf list = {0}, frame = {0};
  kl_error e = {0};
  assert_false(kl_inspect_write_locals(s, 1, 9, &list, &frame, &e));
  assert_string_equal(e.message, "task 1 has no frame 9");
  assert_false(kl_inspect_write_locals(s, 9, 0, &list, &frame, &e));
  assert_string_equal(e.message, "there is no task 9, or it has ended");
  stop(&w, s);
}

/* Looking may not run code of the script's, nor change what a variable is. */
static void looking_runs_no_code(void **state) {
  (void)state;
  world w;
  world_open(&w, 100);
  kl_script *s = world_start(&w, "local task = require 'task'\n"
                                 "local t = setmetatable({}, { __index = error, __pairs = error, __len = error,\n"
                                 "                             __tostring = error, __name = 'trap' })\n"
                                 "task.sleep(0.02)\n"
                                 "print(rawlen(t), next(t))\n");
  run_turns(&w, 3);
  for (int i = 0; i < 3; i++)
    free(locals_of(s, 1, 1));
  world_run(&w);
  assert_string_equal(world_out(&w), "0\tnil\n");
  assert_int_equal(w.failed, 0);
  world_close(&w);
}

static void figures_are_those_of_the_version_that_runs(void **state) {
  (void)state;
  bed b;
  kl_buf out = {0};
  open_bed(&b);
  start(&b,
        "local task, bus = require 'task', require 'bus'\n"
        "Subs = {}\n"
        "for i = 1, 5 do Subs[i] = bus.listen('c' .. i) end\n"
        "print 'up'\n"
        "task.sleep(60)\n",
        (kl_strategy_options){.probation_ms = -1});
  run_until(&b, &b.w.out, "up");
  run_turns(&b.w, 2);
  kl_inspect_strategy(b.g, 3, &out);
  json_t *o = object_of(&out);
  assert_string_equal(str_of(o, "name"), "s");
  assert_string_equal(str_of(o, "phase"), "running");
  assert_int_equal(number_of(o, "generation"), 1);
  assert_true(number_of(o, "memory") > 0 && number_of(o, "memory_peak") >= number_of(o, "memory"));
  assert_int_equal(number_of(o, "memory_cap"), 256 << 20);
  assert_int_equal(number_of(o, "tasks"), 1);
  json_t *limits = json_object_get(o, "limits");
  assert_int_equal(json_integer_value(json_array_get(json_object_get(limits, "handles"), 0)), 5);
  assert_int_equal(json_integer_value(json_array_get(json_object_get(limits, "timers"), 0)), 1);
  assert_int_equal(json_integer_value(json_array_get(json_object_get(limits, "tasks"), 1)), 20000);
  assert_int_equal(json_array_size(json_object_get(o, "open")), 3);
  assert_int_equal(number_of(o, "open_total"), 5);
  assert_string_equal(str_of(json_array_get(json_object_get(o, "open"), 2), "channel"), "c3");
  assert_null(json_object_get(o, "run"));
  assert_null(json_object_get(o, "feed")); /* there is no session here */
  json_decref(o);
  kl_strategy_measure(b.g, true);
  kl_inspect_strategy(b.g, 3, &out);
  o = object_of(&out);
  assert_true(json_is_object(json_object_get(o, "run")));
  json_decref(o);
  kl_strategy_measure(b.g, false);
  finish(&b);
  kl_inspect_strategy(b.g, 3, &out);
  o = object_of(&out);
  assert_string_equal(str_of(o, "phase"), "ended");
  json_decref(o);
  close_bed(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(tasks_are_listed_with_what_they_wait_for),
                                     cmocka_unit_test(many_tasks_come_in_pieces),
                                     cmocka_unit_test(locals_of_a_frame_are_those_of_its_waiting_point),
                                     cmocka_unit_test(locals_are_read_inside_of_coroutines),
                                     cmocka_unit_test(looking_runs_no_code),
                                     cmocka_unit_test(figures_are_those_of_the_version_that_runs)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
