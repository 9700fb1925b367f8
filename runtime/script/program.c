/* A program that was started: its process, its pipe, what waits for it. No Lua here but for the waits. */
#include "script/program.h"

#include <errno.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "script/internal.h"

enum { KILL_AFTER_MS = 2000, READ_AHEAD = 256 << 10 };

typedef struct {
  uv_write_t req; /* first */
  kl_program *p;
  size_t n;
  char data[];
} write_request;

/* ---- waits ---- */

static void wake(kl_program *p, kl_program_event what) {
  kl_program_wait *w = p->waits[what];
  if (!w) return;
  if (what == KL_PROGRAM_EXIT) {
    w->exit_code = p->exit_code;
    w->signal = p->signal;
  }
  kl_complete(&w->wait);
}

static void drop(kl_wait *wait) {
  kl_program_wait *w = (kl_program_wait *)wait;
  if (w->p) {
    w->p->waits[w->what] = NULL;
    if (w->owns && !w->p->exited) kl_program_stop(w->p);
  }
  free(w);
}

static void describe(const kl_wait *wait, kl_buf *out) {
  static const char *const words[] = {[KL_PROGRAM_EXIT] = "the end of a program",
                                      [KL_PROGRAM_DATA] = "what a program writes",
                                      [KL_PROGRAM_DRAINED] = "a program to read"};
  kl_buf_str(out, words[((const kl_program_wait *)wait)->what]);
}

kl_program_wait *kl_program_wait_new(kl_program *p, kl_program_event what, int (*push)(lua_State *, kl_wait *)) {
  kl_program_wait *w = calloc(1, sizeof *w);
  if (!w) return NULL;
  w->wait.push = push;
  w->wait.drop = drop;
  w->wait.describe = describe;
  w->p = p;
  w->what = what;
  p->waits[what] = w;
  return w;
}

/* ---- the end ---- */

static void free_when_over(kl_program *p) {
  if (p->handles > 0 || p->held) return;
  for (size_t i = 0; i < KL_PROGRAM_EVENTS; i++)
    if (p->waits[i]) p->waits[i]->p = NULL;
  if (p->count) --*p->count;
  kl_script_disown(&p->member);
  kl_buf_free(&p->in);
  free(p);
}

static void handle_closed(uv_handle_t *h) {
  kl_program *p = h->data;
  p->handles--;
  free_when_over(p);
}

static void close_handle(void *handle) {
  if (!uv_is_closing(handle)) uv_close(handle, handle_closed);
}

void kl_program_close_pipe(kl_program *p) {
  if (!p->has_pipe || uv_is_closing((uv_handle_t *)&p->pipe)) return;
  close_handle(&p->pipe);
  p->end = true; /* who waits for more must not wait for ever */
  if (!p->out_error) p->out_error = EPIPE;
  wake(p, KL_PROGRAM_DATA);
  wake(p, KL_PROGRAM_DRAINED);
}

void kl_program_release(kl_program *p) {
  p->held = false;
  kl_program_close_pipe(p);
  free_when_over(p);
}

static void end_for_good(uv_timer_t *timer) {
  const kl_program *p = timer->data;
  if (!p->exited) kill(-p->process.pid, SIGKILL);
}

void kl_program_stop(kl_program *p) {
  if (p->exited || uv_is_closing((uv_handle_t *)&p->timer)) return;
  kill(-p->process.pid, SIGTERM); /* the whole session of it */
  uv_timer_start(&p->timer, end_for_good, KILL_AFTER_MS, 0);
}

static void exited(uv_process_t *process, int64_t status, int signal) {
  kl_program *p = process->data;
  p->exited = true;
  p->exit_code = (int)status;
  p->signal = signal;
  wake(p, KL_PROGRAM_EXIT);
  close_handle(process);
  close_handle(&p->timer);
  if (!p->held && !p->finishing) kl_program_close_pipe(p);
}

/* The script ends, and what it started with it. */
static void member_close(kl_member *m) {
  kl_program *p = KL_CONTAINER(m, kl_program, member);
  p->count = NULL; /* its memory goes with the script */
  kl_program_stop(p);
  kl_program_close_pipe(p);
}

/* ---- the start ---- */

/* The environment without what leads to the key; the texts are those of environ. NULL when out of memory. */
static char **environment(const kl_script *s) {
  size_t n = 0, kept = 0;
  while (environ[n])
    n++;
  char **copy = calloc(n + 1, sizeof *copy);
  for (size_t i = 0; copy && i < n; i++) {
    bool secret = false;
    for (const char *const *v = s->host->o.secret_variables; v && *v && !secret; v++) {
      size_t len = strlen(*v);
      secret = strncmp(environ[i], *v, len) == 0 && environ[i][len] == '=';
    }
    if (!secret) copy[kept++] = environ[i];
  }
  return copy;
}

kl_program *kl_program_start(kl_script *s, const char *command, kl_program_pipe pipe, size_t *count, int *why) {
  kl_program *p = calloc(1, sizeof *p);
  char **env = p ? environment(s) : NULL;
  if (!env) {
    free(p);
    *why = ENOMEM;
    return NULL;
  }
  kl_list_init(&p->member.link);
  p->member.close = member_close;
  uv_loop_t *loop = s->host->loop;
  p->process.data = p->pipe.data = p->timer.data = p;
  p->handles = 2;
  uv_timer_init(loop, &p->timer);
  p->has_pipe = pipe != KL_PROGRAM_NO_PIPE;
  if (p->has_pipe) {
    uv_pipe_init(loop, &p->pipe, 0);
    p->handles++;
  }
  char *args[] = {(char[]){"sh"}, (char[]){"-c"}, (char *)(uintptr_t)command, NULL};
  uv_stdio_container_t own = {.flags =
                                  UV_CREATE_PIPE | (pipe == KL_PROGRAM_OUTPUT ? UV_WRITABLE_PIPE : UV_READABLE_PIPE),
                              .data.stream = (uv_stream_t *)&p->pipe};
  uv_stdio_container_t stdio[] = {{.flags = UV_IGNORE},
                                  {.flags = UV_INHERIT_FD, .data.fd = STDOUT_FILENO},
                                  {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO}};
  if (pipe == KL_PROGRAM_OUTPUT) stdio[STDOUT_FILENO] = own;
  if (pipe == KL_PROGRAM_INPUT) stdio[STDIN_FILENO] = own;
  /* A session of its own: it can be ended with all that it started, and has no terminal to type into. */
  uv_process_options_t o = {.exit_cb = exited,
                            .file = "/bin/sh",
                            .args = args,
                            .env = env,
                            .flags = UV_PROCESS_DETACHED,
                            .stdio_count = 3,
                            .stdio = stdio};
  close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC); /* also what this process was given by its parent */
  int status = uv_spawn(loop, &p->process, &o);
  free(env);
  if (status != 0) {
    *why = -status;
    p->exited = true;
    close_handle(&p->process);
    close_handle(&p->timer);
    kl_program_close_pipe(p);
    return NULL;
  }
  p->count = count;
  if (count) ++*count;
  kl_script_adopt(s, &p->member);
  return p;
}

/* ---- reading ---- */

static void allocate(uv_handle_t *h, size_t suggested, uv_buf_t *out) {
  kl_program *p = h->data;
  (void)suggested;
  bool room = kl_buf_reserve(&p->in, 16384);
  *out = uv_buf_init(room ? p->in.data + p->in.len : NULL, room ? (unsigned)(p->in.cap - p->in.len - 1) : 0);
}

static void got(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  kl_program *p = stream->data;
  (void)buf;
  if (n == 0) return;
  if (n > 0) {
    p->in.len += (size_t)n;
    p->in.data[p->in.len] = 0;
  } else {
    p->end = true;
    if (n != UV_EOF) p->in_error = (int)-n;
  }
  if (p->end || p->in.len - p->at >= p->wanted) {
    uv_read_stop(stream);
    p->reading = false;
  }
  wake(p, KL_PROGRAM_DATA);
}

void kl_program_read_on(kl_program *p, size_t wanted) {
  p->wanted = wanted > READ_AHEAD ? wanted : READ_AHEAD;
  if (p->reading || p->end || uv_is_closing((uv_handle_t *)&p->pipe)) return;
  p->reading = uv_read_start((uv_stream_t *)&p->pipe, allocate, got) == 0;
  if (!p->reading) p->end = true;
}

void kl_program_consume(kl_program *p, size_t n) {
  p->at += n;
  p->looked = 0;
  if (p->at == p->in.len) {
    if (p->in.cap > 4 * (size_t)READ_AHEAD)
      kl_buf_free(&p->in);
    else if (!p->reading)
      kl_buf_clear(&p->in);
    else
      p->in.len = 0;
    p->at = 0;
  } else if (p->at > READ_AHEAD) {
    memmove(p->in.data, p->in.data + p->at, p->in.len - p->at);
    p->in.len -= p->at;
    p->at = 0;
  }
}

/* ---- writing ---- */

static void written(uv_write_t *req, int status) {
  write_request *r = (write_request *)req;
  kl_program *p = r->p;
  p->pending -= r->n;
  if (status < 0 && status != UV_ECANCELED && !p->out_error) p->out_error = -status;
  free(r);
  wake(p, KL_PROGRAM_DRAINED);
}

bool kl_program_write(kl_program *p, const char *data, size_t n) {
  write_request *r = p->out_error ? NULL : malloc(sizeof *r + n);
  if (!r) {
    if (!p->out_error) p->out_error = ENOMEM;
    return false;
  }
  r->p = p;
  r->n = n;
  memcpy(r->data, data, n);
  uv_buf_t buf = uv_buf_init(r->data, (unsigned)n);
  int status = uv_write(&r->req, (uv_stream_t *)&p->pipe, &buf, 1, written);
  if (status < 0) {
    p->out_error = -status;
    free(r);
    return false;
  }
  p->pending += n;
  return true;
}

static void shut(uv_shutdown_t *req, int status) {
  kl_program *p = req->data;
  (void)status;
  kl_program_close_pipe(p);
}

void kl_program_finish_input(kl_program *p) {
  p->held = false;
  p->finishing = true;
  p->shutdown.data = p;
  if (uv_is_closing((uv_handle_t *)&p->pipe) || uv_shutdown(&p->shutdown, (uv_stream_t *)&p->pipe, shut) != 0)
    kl_program_close_pipe(p);
  free_when_over(p);
}
