/* kalua repl, and kalua -e: a prompt at the exchange. The prompt has a thread of its own and speaks to this one over a
 * socket, as `kalua attach` does from another process. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/app.h"
#include "prompt/front.h"
#include "prompt/prompt.h"

typedef struct repl {
  const char *script; /* NULL: none */
  kl_app *app;
  kl_front_options front;
  uv_async_t left;               /* the prompt has ended */
  atomic_bool has_left, listens; /* for it */
  pthread_t thread;
  int end;        /* of the prompt's socket, this side's; -1: there is no prompt */
  kl_error error; /* why */
  int code;       /* of the prompt */
} repl;

static void *run_front(void *data) {
  repl *r = data;
  r->code = kl_front_run(&r->front);
  atomic_store(&r->has_left, true);
  if (atomic_load(&r->listens)) uv_async_send(&r->left);
  return NULL;
}

static void prompt_left(uv_async_t *h) {
  repl *r = h->data;
  uv_close((uv_handle_t *)h, NULL);
  kl_app_stop(r->app);
}

static void interrupt(void *data) {
  const repl *r = data;
  kl_host_interrupt(kl_app_host(r->app));
}

/* With no script, the prompt is inside an empty one, which stays until it is told to end. */
static bool start_script(kl_app *app, const char *path, char *const *args, bool watch, kl_error *e) {
  kl_strategy_options so;
  kl_app_strategy_options(app, &so);
  so.script.path = path;
  so.script.args = args;
  so.script.stays = true;
  so.watch = watch && path;
  if (!path) {
    so.script.source = "";
    so.script.name = "repl";
  }
  return kl_app_start_strategy(app, &so, e);
}

/* The prompt begins while the exchange does: it waits for its first word. */
static void start_front(void *data, bool embedded) {
  repl *r = data;
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
    kl_error_set(&r->error, KL_ERR_INTERNAL, "no socket for the prompt: %s", strerror(errno));
    return;
  }
  r->front.fd = pair[1];
  r->front.foreseen = embedded && !r->script;
  int failed = pthread_create(&r->thread, NULL, run_front, r);
  if (!failed) {
    r->end = pair[0];
    return;
  }
  kl_error_set(&r->error, KL_ERR_INTERNAL, "no thread for the prompt: %s", strerror(failed));
  close(pair[0]);
  close(pair[1]);
}

static void listen_for_end(repl *r) {
  uv_async_init(kl_app_loop(r->app), &r->left, prompt_left);
  r->left.data = r;
  uv_unref((uv_handle_t *)&r->left);
  atomic_store(&r->listens, true);
  if (atomic_load(&r->has_left)) uv_async_send(&r->left);
}

/* Returns the exit code, unless the prompt has one. */
static int run(repl *r, kl_connect_options *o, char *const *args) {
  kl_error e = {0};
  o->settled = start_front;
  o->settled_data = r;
  bool open = kl_app_open(o, KL_VERSION, &r->app, &e);
  int end = r->end;
  if (!open && end >= 0) {
    shutdown(end, SHUT_RDWR); /* before the error is said: the prompt gives the terminal back */
    pthread_join(r->thread, NULL);
    close(end);
  }
  if (!open) return kl_cli_fail(&e);
  if (end < 0) {
    kl_app_close(r->app);
    return kl_cli_fail(&r->error);
  }
  kl_app_strategies(r->app);
  int code = KL_EXIT_OK, own = fcntl(end, F_DUPFD_CLOEXEC, 0);
  bool adopted = false;
  if (own < 0) {
    kl_error_set(&e, KL_ERR_INTERNAL, "no socket for the prompt: %s", strerror(errno));
    code = -1;
  } else if (!start_script(r->app, r->script, args, !o->no_watch, &e)) {
    code = -1;
  } else if (!(adopted = kl_control_adopt(kl_app_control(r->app), end))) {
    kl_error_set(&e, KL_ERR_INTERNAL, "not enough memory for the prompt");
    code = -1;
  }
  listen_for_end(r);
  if (code == KL_EXIT_OK)
    code = kl_app_run(r->app, 0);
  else
    kl_app_abandon(r->app);
  shutdown(adopted ? own : end, SHUT_WR); /* it reads what is there, and then the end */
  pthread_join(r->thread, NULL);
  if (own >= 0) close(own);
  if (!adopted) close(end);
  if (!uv_is_closing((uv_handle_t *)&r->left)) uv_close((uv_handle_t *)&r->left, NULL);
  if (code >= 0 && !kl_app_save(r->app, &e)) code = -1;
  if (code < 0) code = kl_cli_fail(&e);
  kl_app_close(r->app);
  return code;
}

int kl_command_repl(int argc, char **argv) {
  static const char usage[] =
      "usage: kalua repl [SCRIPT] [-- ARG...]\n"
      "       kalua -e EXPR\n\n"
      "A prompt at the exchange, where every call may wait; with a script, inside that one while it\n"
      "runs. :help and :tour are the way in. Without a terminal it reads standard input, and ends at\n"
      "the first input that fails.\n";
  repl r = {.front = {.local = true, .armed = true, .interrupt = interrupt, .data = &r}, .end = -1};
  kl_text_list inputs = {0}, paths = {0}, args = {0};
  kl_connect_options o;
  kl_opt connect[KL_CONNECT_OPT_COUNT];
  kl_connect_opts(&o, connect);
  o.log_default = "warn";
  o.quiet = o.keeps_state = o.trades = true;
  const kl_opt own[] = {{"e", KL_OPT_LIST, &inputs, "EXPR", "evaluate it, print its value, and end", 0, 0},
                        {"json", KL_OPT_FLAG, &r.front.json, NULL, "print values as JSON", 0, 0},
                        {"keep-going", KL_OPT_FLAG, &r.front.keep_going, NULL, "also after an input that failed", 0, 0},
                        {NULL, KL_OPT_FLAG, NULL, NULL, NULL, 0, 0}};
  int code = kl_opts_parse("repl", usage, (const kl_opt *const[]){own, connect, NULL}, argc, argv, &paths, &args);
  if (code < 0 && paths.n > 1) code = kl_cli_usage("repl", "one script at a time");
  if (code < 0) {
    r.front.inputs = inputs.items;
    r.script = paths.n ? paths.items[0] : NULL;
    code = run(&r, &o, (char *const *)args.items);
    if (code == KL_EXIT_OK) code = r.code;
  }
  kl_text_list_free(&inputs);
  kl_text_list_free(&paths);
  kl_text_list_free(&args);
  kl_connect_options_free(&o);
  return code;
}
