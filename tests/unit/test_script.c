#include "script_world.h"

static void runs_a_script_to_its_end(void **state) {
  (void)state;
  runs("print('hello', 1, nil, true)\nprint(2)", "hello\t1\tnil\ttrue\n2\n");
}

static void waits_in_the_main_chunk(void **state) {
  (void)state;
  runs("local task = require 'task'\n"
       "print(task.sleep(0.01))\n"
       "task.sleep(0)\n"
       "task.yield()\n"
       "print 'done'",
       "\ndone\n");
}

static void runs_tasks_in_the_order_of_their_birth(void **state) {
  (void)state;
  runs("local task = require 'task'\n"
       "for i = 1, 3 do task.spawn(function(a, b) print(a, b) task.sleep(0) print(a) end, i, -i) end\n"
       "print 'main'",
       "main\n1\t-1\n2\t-2\n3\t-3\n1\n2\n3\n");
}

static void gives_the_results_of_a_task_to_everybody_who_waits(void **state) {
  (void)state;
  runs("local task = require 'task'\n"
       "local t = task.spawn(function(...) task.sleep(0.005) return ... end, 1, nil, 3)\n"
       "for i = 1, 2 do task.spawn(function() print(i, t:await()) end) end\n"
       "print(t:await()) print(t:await()) print(t:status())",
       "1\tnil\t3\n1\tnil\t3\ndone\n1\t1\tnil\t3\n2\t1\tnil\t3\n");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(runs_a_script_to_its_end),
                                     cmocka_unit_test(waits_in_the_main_chunk),
                                     cmocka_unit_test(runs_tasks_in_the_order_of_their_birth),
                                     cmocka_unit_test(gives_the_results_of_a_task_to_everybody_who_waits)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
