/* A process with a script and the operations of its prompt, and a client that is a socket of the same process. */
#ifndef SESSION_BED_H
#define SESSION_BED_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "bindings/bindings.h"
#include "control/control.h"
#include "prompt/prompt.h"

/* Tasks that wait, a frame with variables, a coroutine, values of all kinds, loops for breakpoints. */
static const char session_script[] =
    "local task, kalua, json = require 'task', require 'kalua', require 'json'\n"
    "kalua.state.n = kalua.state.n or 0\n"
    "n, t, deep = 0, {1, 2, a = {b = {c = 1}}}, {}\n"
    "deep.deep, huge = deep, ('x'):rep(5000)\n"
    "odd = {[1.5] = 'a', [true] = json.null, [print] = '\\xff', [t] = t, nan = 0 / 0}\n"
    "channel = task.channel(4)\n"
    "local function step(i, ...)\n"
    "  local x, y = i, {i}\n"
    "  n = n + 1\n"
    "  return x + #y\n"
    "end\n"
    "task.spawn(function()\n"
    "  for i = 1, 1e9 do\n"
    "    step(i, 'v')\n"
    "    task.sleep(0.001)\n"
    "  end\n"
    "end)\n"
    "co = coroutine.wrap(function() local inside = 1; channel:recv(); return inside end)\n"
    "task.spawn(function() co() end)\n"
    "kalua.on_stop(function() n = -1 end)\n"
    "while true do task.sleep(60) end\n";

enum { TRIES = 20, TURNS = 4, MOST_TURNS = 60, CLOSING_TURNS = 100000 };

typedef struct {
  uv_loop_t loop;
  kl_host *host;
  kl_control *control;
  kl_prompt *prompt;
  kl_strategy *strategy;
  int fd; /* the client's end; -1: not connected */
  bool reads;
  int turns;
  char out[1 << 16]; /* the begin of a line that is not complete, or of a long one */
  size_t n;
} session_bed;

static inline void session_check(bool ok, const char *what) {
  if (ok) return;
  fprintf(stderr, "%s\n", what);
  abort();
}

static inline void session_check_line(const char *line, size_t n) {
  json_t *v = json_loadb(line, n, JSON_ALLOW_NUL, NULL);
  session_check(json_is_object(v), "an answer is no object of JSON");
  json_decref(v);
}

/* Lines that are longer than `out` are not looked at. */
static inline void session_take(session_bed *b, const char *p, size_t n) {
  for (const char *end; (end = memchr(p, '\n', n)); n -= (size_t)(end + 1 - p), p = end + 1) {
    size_t part = (size_t)(end - p);
    if (b->n + part <= sizeof b->out) {
      memcpy(b->out + b->n, p, part);
      session_check_line(b->out, b->n + part);
    }
    b->n = 0;
  }
  size_t room = sizeof b->out - b->n;
  memcpy(b->out + b->n, p, n < room ? n : room);
  b->n = n <= room ? b->n + n : sizeof b->out + 1;
}

static inline void session_disconnect(session_bed *b) {
  if (b->fd >= 0) close(b->fd);
  b->fd = -1;
  b->n = 0;
}

static inline void session_read_answers(session_bed *b) {
  static char chunk[1 << 16];
  ssize_t n;
  while (b->reads && b->fd >= 0 && (n = read(b->fd, chunk, sizeof chunk)) != -1) {
    if (n == 0)
      session_disconnect(b);
    else if (b->n <= sizeof b->out)
      session_take(b, chunk, (size_t)n);
    else { /* inside of a line that is too long */
      const char *end = memchr(chunk, '\n', (size_t)n);
      if (!end) continue;
      b->n = 0;
      session_take(b, end + 1, (size_t)(chunk + n - end - 1));
    }
  }
}

static inline void session_turn(session_bed *b) {
  if (b->turns++ >= MOST_TURNS) return;
  for (int i = 0; i < TURNS; i++)
    uv_run(&b->loop, UV_RUN_NOWAIT);
  session_read_answers(b);
}

static inline void session_reconnect(session_bed *b) {
  int pair[2];
  session_disconnect(b);
  b->reads = true;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) abort();
  b->fd = pair[1];
  if (!kl_control_adopt(b->control, pair[0])) abort();
}

static inline void session_send_line(session_bed *b, const char *p, size_t n) {
  for (size_t at = 0; at < n && b->fd >= 0;) {
    ssize_t w = write(b->fd, p + at, n - at);
    if (w > 0) at += (size_t)w;
    if (w < 0 && errno != EAGAIN) session_disconnect(b);
    if (w < 0 && b->turns >= MOST_TURNS) return;
    if (w < 0) session_turn(b);
  }
}

/* `memory`: as kl_host_options.memory. */
static inline void session_open(session_bed *b, void *(*memory)(void *, void *, size_t)) {
  static const luaL_Reg modules[] = {
      {"task", luaopen_kl_task}, {"json", luaopen_kl_json}, {"kalua", luaopen_kl_kalua}, {NULL, NULL}};
  static kl_environment environment = {.place.env = "sim", .version = "1"};
  kl_error e = {0};
  uv_loop_init(&b->loop);
  const kl_host_options o = {
      .clock = kl_clock_real(), .data = &environment, .modules = modules, .grace_ms = 1, .memory = memory};
  b->host = kl_host_new(&b->loop, &o);
  b->control = kl_control_open(&b->loop, b->host, "sim");
  b->prompt = kl_prompt_open(b->control, b->host, "sim", NULL);
  const kl_strategy_options so = {.script = {.source = session_script, .name = "s", .env = "sim", .cpu_ms = 40}};
  /* On a busy machine its compiling may take longer than it may. */
  bool ok = false;
  for (int i = 0; i < TRIES && !ok; i++)
    ok = kl_strategy_start(b->host, &so, &b->strategy, &e);
  session_check(b->prompt && ok, e.message);
}

static inline void session_close(session_bed *b) {
  int turns = 0;
  session_disconnect(b);
  for (kl_strategy *g = kl_strategy_next(b->host, NULL); g; g = kl_strategy_next(b->host, g))
    kl_strategy_stop(g, KL_STOP_EXIT, true);
  while (kl_host_running(b->host) > 0) {
    session_check(turns++ < CLOSING_TURNS, "the script does not end");
    uv_run(&b->loop, UV_RUN_ONCE);
  }
  kl_prompt_close(b->prompt);
  kl_control_close(b->control);
  kl_host_close(b->host);
  uv_run(&b->loop, UV_RUN_DEFAULT);
  session_check(uv_loop_close(&b->loop) == 0, "handles are left open");
}

static inline void session_act(session_bed *b, const char *line, size_t n) {
  kl_error e;
  switch (n ? *line : '~') {
  case '!':
    session_reconnect(b);
    break;
  case '~':
    session_turn(b);
    break;
  case '^':
    (void)kl_strategy_reload(b->strategy, NULL, NULL, &e);
    session_turn(b);
    break;
  case '_':
    b->reads = false;
    break;
  default:
    session_send_line(b, line, n);
    session_send_line(b, "\n", 1);
    session_turn(b);
  }
}

/* Nothing is kept of what is typed, and nobody finds it. */
static inline void session_apart(void) {
  setenv("XDG_STATE_HOME", "/dev/null", 1);
  setenv("XDG_RUNTIME_DIR", "/dev/null", 1);
  kl_log_open(KL_LOG_ERROR, false, "/dev/null");
}

#endif
