/* Runs a Lua program that has the modules prompt.terminal and task, and nothing else around it: terminal_bed PROGRAM.
 */
#include <signal.h>
#include <stdio.h>

#include "base/log.h"
#include "prompt/front_impl.h"
#include "script/script.h"

static bool any_failed;

static void script_ended(void *data, kl_script *s, bool failed) {
  (void)data;
  if (!failed) return;
  any_failed = true;
  fprintf(stderr, "%s\n", kl_script_error(s));
}

int main(int argc, char **argv) {
  static const luaL_Reg modules[] = {{"task", luaopen_kl_task},
                                     {"log", luaopen_kl_log},
                                     {"prompt.terminal", luaopen_kl_prompt_terminal},
                                     {NULL, NULL}};
  uv_loop_t loop;
  kl_environment environment = {.place.env = "sim", .version = "0"};
  kl_host_options o = {
      .clock = kl_clock_real(), .data = &environment, .modules = modules, .script_ended = script_ended};
  signal(SIGPIPE, SIG_IGN);
  if (argc != 2 || uv_loop_init(&loop) != 0) return 2;
  kl_host *h = kl_host_new(&loop, &o);
  kl_script *s;
  kl_error e = {0};
  kl_script_options so = {.source = argv[1], .name = "bed", .env = "sim", .cpu_ms = 60000, .allow = {.all = true}};
  if (!h || !kl_script_start(h, &so, &s, &e)) {
    fprintf(stderr, "%s\n", e.message);
    return 2;
  }
  while (kl_host_running(h) > 0)
    uv_run(&loop, UV_RUN_ONCE);
  kl_host_close(h);
  uv_run(&loop, UV_RUN_DEFAULT);
  return uv_loop_close(&loop) != 0 ? 3 : any_failed;
}
