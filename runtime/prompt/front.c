#include "prompt/front.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "prompt/front_impl.h"
#include "script/script.h"

/* Drawing is bounded; this is only against mistakes. */
enum { CPU_MS = 30000, MEMORY_MB = 1024 };

kl_front *kl_front_of(lua_State *L) { return kl_script_data(kl_script_of(L)); }

static void script_ended(void *data, kl_script *s, bool failed) {
  kl_front *f = data;
  if (!failed) return;
  const char *trace = kl_script_traceback(s);
  f->code = 1;
  fprintf(stderr, "kalua: the prompt failed: %s\n", kl_script_error(s));
  if (trace && *trace) fprintf(stderr, "%s\n", trace);
}

static bool start(kl_host *h, kl_error *e) {
  const kl_embedded *m = kl_embedded_find("prompt.main");
  if (!m) {
    kl_error_set(e, KL_ERR_INTERNAL, "the module prompt.main is not in this program");
    return false;
  }
  kl_script *s;
  kl_script_options so = {.source = m->text,
                          .name = "prompt.main",
                          .env = "sim",
                          .memory_cap = (size_t)MEMORY_MB << 20,
                          .cpu_ms = CPU_MS,
                          .allow = {.all = true}};
  return kl_script_start(h, &so, &s, e);
}

static void close_leftover(uv_handle_t *h, void *data) {
  (void)data;
  if (!uv_is_closing(h)) uv_close(h, NULL);
}

int kl_front_run(const kl_front_options *o) {
  signal(SIGPIPE, SIG_IGN); /* a reader that has gone is an error of the write */
  static const luaL_Reg modules[] = {{"json", luaopen_kl_json},
                                     {"task", luaopen_kl_task},
                                     {"log", luaopen_kl_log},
                                     {"prompt.link", luaopen_kl_prompt_link},
                                     {"prompt.terminal", luaopen_kl_prompt_terminal},
                                     {"prompt.catalog", luaopen_kl_prompt_catalog},
                                     {"prompt.files", luaopen_kl_prompt_files},
                                     {NULL, NULL}};
  kl_front f = {.environment = {.place.env = "sim", .version = KL_VERSION, .tool = true}, .o = o};
  kl_host_options ho = {.clock = kl_clock_real(), .data = &f, .modules = modules, .script_ended = script_ended};
  uv_loop_t loop;
  kl_error e;
  if (uv_loop_init(&loop) != 0) {
    close(o->fd);
    fputs("kalua: no event loop for the prompt\n", stderr);
    return 1;
  }
  kl_host *h = kl_host_new(&loop, &ho);
  kl_error_set(&e, KL_ERR_INTERNAL, "not enough memory for the prompt");
  if (h && start(h, &e)) {
    while (kl_host_running(h) > 0)
      uv_run(&loop, UV_RUN_ONCE);
  } else {
    close(o->fd);
    fprintf(stderr, "kalua: %s\n", e.message);
    f.code = 1;
  }
  if (h) kl_host_close(h);
  uv_run(&loop, UV_RUN_DEFAULT);
  if (uv_loop_close(&loop) != 0) {
    kl_log_warn("kalua", "handles of the prompt were left open");
    uv_walk(&loop, close_leftover, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
  }
  return f.code;
}
