#include "cli/app.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "bindings/shadow.h"
#include "bindings/tty.h"
#include "cli/app_impl.h"
#include "cli/breaker.h"
#include "cli/kill.h"
#include "cli/monitoring.h"
#include "cli/real_orders.h"
#include "cli/shadow.h"
#include "cli/status_line.h"
#include "cli/summary.h"
#include "cli/trading_notes.h"
#include "cli/trading_view.h"

enum { SUMMARY_TIMEOUT_MS = 3000, READER_PATIENCE_MS = 3000, ONE_PRESS_MS = 100 };

/* ---- scripts ---- */

/* Nothing is left beside which they could run. */
static void stop_shadows(kl_app *a, const kl_strategy *of) {
  for (kl_shadow *s = kl_shadow_next(&a->environment, NULL); s; s = kl_shadow_next(&a->environment, s))
    if (kl_shadow_strategy(s, KL_ACTOR_OLD) == of)
      kl_strategy_stop(kl_shadow_strategy(s, KL_ACTOR_NEW), KL_STOP_EXIT, false);
}

static void strategy_ended(void *data, kl_strategy *g, kl_script *s, bool failed) {
  kl_app *a = kl_app_of(data);
  bool shadow = kl_strategy_shadow_of(g) != NULL; /* its errors are its own */
  a->status_changed = true;
  stop_shadows(a, g);
  if (a->listener) {
    kl_strategy_status told;
    kl_strategy_status_get(g, &told);
    const char *why = s && kl_script_error(s) ? kl_script_error(s) : told.last_error;
    a->listener->ended(a->listener->data, g, failed ? why : NULL, failed && s ? kl_script_traceback(s) : NULL);
    return;
  }
  if (a->exit_code == KL_EXIT_OK && kl_breaker_open(a, g)) a->exit_code = KL_EXIT_FAILED;
  if (s && !shadow) {
    kl_script_stats stats;
    kl_script_stats_get(s, &stats);
    a->script_errors += stats.errors;
  }
  if (!failed) return;
  kl_strategy_status status;
  kl_strategy_status_get(g, &status);
  const char *message = s ? kl_script_error(s) : status.last_error, *traceback = s ? kl_script_traceback(s) : NULL;
  const char *kind = s ? kl_script_error_kind(s) : NULL;
  int code = kl_exit_code_of(kind);
  if (a->exit_code == KL_EXIT_OK && !shadow) a->exit_code = code;
  kl_output_flush(a->output);
  if (a->tool_errors && kind && !strcmp(kind, KL_ERR_BROKEN_PIPE)) return; /* as with print: nobody wants more */
  if (!message) message = "failed";
  if (!a->tool_errors && (a->o.log_json || a->o.log_file)) { /* what is logged is told over the control socket, too */
    kl_buf fields = {0};
    kl_log_text(&fields, "kind", kind);
    kl_log_number(&fields, "generation", status.generation);
    kl_log_text(&fields, "traceback", traceback);
    kl_log_write_with(KL_LOG_ERROR, kl_strategy_name(g), fields, "%s", message);
  } else {
    kl_control_said(a->control, kl_strategy_name(g), "error", message, strlen(message));
  }
  if (traceback && *traceback) kl_control_said(a->control, kl_strategy_name(g), "error", traceback, strlen(traceback));
  if (a->quiet || (!a->tool_errors && a->o.log_json && !a->o.log_file)) return;
  if (a->tool_errors && code == KL_EXIT_USAGE) {
    const char *text = strstr(message, ": "); /* behind the kind */
    kl_cli_usage(kl_strategy_name(g), "%s", text ? text + 2 : message);
  } else if (a->tool_errors) {
    kl_stderr_printf("kalua: %s\n", message);
  } else {
    kl_stderr_printf("kalua: %s: %s\n", kl_strategy_name(g), message);
    if (traceback && *traceback) kl_stderr_printf("%s\n", traceback);
  }
}

static void print_line(void *data, kl_script *s, const char *text, size_t n) {
  kl_app *a = kl_app_of(data);
  if (a->listener) {
    a->listener->print(a->listener->data, s, text, n);
    return;
  }
  kl_control_said(a->control, kl_script_name(s), "print", text, n);
  if (!a->quiet) kl_output_line(a->output, s, a->prefix ? kl_script_name(s) : NULL, text, n);
}

static bool print_room(void *data, kl_script *s) { return kl_output_has_room(kl_app_of(data)->output, s); }

/* What came of a reload: on the terminal, or as a line of the log where that is for machines. */
static void announce(void *data, kl_strategy *g, bool bad, const char *text, const char *traceback) {
  kl_app *a = kl_app_of(data);
  a->status_changed = true;
  kl_output_flush(a->output);
  kl_log_level level = bad ? KL_LOG_ERROR : KL_LOG_INFO;
  if (a->o.log_json || a->o.log_file)
    kl_log_write(level, kl_strategy_name(g), "%s", text);
  else
    kl_control_said(a->control, kl_strategy_name(g), kl_log_level_name(level), text, strlen(text));
  if (traceback && *traceback)
    kl_control_said(a->control, kl_strategy_name(g), kl_log_level_name(level), traceback, strlen(traceback));
  if (a->quiet || (a->o.log_json && !a->o.log_file)) return;
  kl_stderr_printf("[%s] %s\n", kl_strategy_name(g), text);
  if (traceback && *traceback) kl_stderr_printf("%s\n", traceback);
}

static void stop_all(kl_app *a, bool now) {
  for (kl_strategy *g = kl_strategy_next(a->host, NULL); g; g = kl_strategy_next(a->host, g))
    kl_strategy_stop(g, KL_STOP_EXIT, now);
}

/* One of them runs, or will again. */
static bool something_runs(const kl_app *a) {
  kl_strategy_status status;
  for (kl_strategy *g = kl_strategy_next(a->host, NULL); g; g = kl_strategy_next(a->host, g)) {
    kl_strategy_status_get(g, &status);
    if (status.phase != KL_STRATEGY_ENDED) return true;
  }
  return false;
}

/* For `systemctl status`. */
static void tell_status(kl_app *a) {
  size_t n = 0, run = 0;
  kl_strategy_status status;
  for (kl_strategy *g = kl_strategy_next(a->host, NULL); g; g = kl_strategy_next(a->host, g)) {
    kl_strategy_status_get(g, &status);
    n++;
    run += status.phase != KL_STRATEGY_ENDED && status.phase != KL_STRATEGY_WAITING;
  }
  kl_notifier_status(a->notifier, "%zu of %zu scripts run on %s", run, n, a->first.shown);
  a->status_changed = false;
}

/* Where nothing can be printed any more, nobody is left to run for. */
static void check_output(kl_app *a) {
  int why = kl_output_error(a->output);
  if (!why || a->stdout_broken) return;
  a->stdout_broken = true;
  kl_cli_output_lost(why);
  if (a->exit_code == KL_EXIT_OK) a->exit_code = KL_EXIT_FAILED;
  stop_all(a, false);
}

static void turn_ends(uv_prepare_t *h) {
  kl_app *a = h->data;
  if (a->status_changed) tell_status(a);
  check_output(a);
}

void kl_app_output_has_room(void *data) {
  kl_app *a = kl_app_of(data);
  kl_host_print_room(a->host);
  check_output(a);
}

static void interrupted(uv_signal_t *h, int signum) {
  kl_app *a = h->data;
  int64_t now_ns = kl_mono_ns(kl_clock_real()), since_ns = now_ns - a->interrupted_ns;
  (void)signum;
  /* npm, make and `timeout` send it to the process and to its group, where a terminal has sent it already: nobody
   * presses a key twice so fast. */
  if (a->interrupts && a->interrupted_ns && since_ns < ONE_PRESS_MS * INT64_C(1000000)) return;
  a->interrupted_ns = now_ns;
  a->interrupts++;
  kl_notifier_stopping(a->notifier);
  /* The script, which would do it, is in no hurry. A prompt's thread is, and uses the terminal meanwhile. */
  if (a->interrupts > (a->quiet ? 2 : 1)) kl_tty_restore();
  if (a->interrupts == 1) {
    if (isatty(STDERR_FILENO) && !a->quiet) kl_stderr_printf("\nkalua: stopping; Ctrl-C again to stop at once\n");
    stop_all(a, false);
  } else if (a->interrupts == 2) {
    kl_stderr_printf("kalua: stopping at once\n");
    stop_all(a, true);
  } else {
    size_t pending = kl_app_writes_pending(a);
    if (pending)
      kl_stderr_printf("kalua: %zu orders are without an answer; look at get_orders before trading on\n", pending);
    _exit(KL_EXIT_INTERRUPTED);
  }
}

static bool has_terminal(void) {
  int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

static void reload_over(void *data, kl_strategy *g, const kl_error *e) {
  kl_app *a = kl_app_of(data);
  (void)g;
  (void)e; /* said already */
  if (--a->reloading == 0) kl_notifier_ready(a->notifier);
}

/* `kill -HUP` reloads; a terminal that was closed says the same signal and means the end. */
static void hung_up(uv_signal_t *h, int signum) {
  kl_app *a = h->data;
  if (a->had_terminal && !has_terminal()) {
    interrupted(h, signum);
    return;
  }
  if (a->reloading++ == 0) kl_notifier_reloading(a->notifier);
  for (kl_strategy *g = kl_strategy_next(a->host, NULL); g; g = kl_strategy_next(a->host, g)) {
    kl_error e = {0};
    a->reloading++;
    if (kl_strategy_reload(g, reload_over, a, &e)) continue;
    kl_log_warn(kl_strategy_name(g), "not reloaded: %s", e.message);
    a->reloading--;
  }
  reload_over(a, NULL, NULL); /* the signal itself */
}

static void time_is_up(uv_timer_t *h) { stop_all(h->data, false); }
static void turn(uv_timer_t *h) { (void)h; }
void kl_app_turn_often(kl_app *a) { uv_timer_start(&a->deadline, turn, 50, 50); }

void kl_app_listen(kl_app *a, kl_host_options *out) {
  out->data = a;
  out->strategy_ended = strategy_ended;
  out->announce = announce;
  out->print = print_line;
  out->print_room = print_room;
}

/* ---- reading ---- */

uv_loop_t *kl_app_loop(kl_app *a) { return &a->loop; }
kl_session *kl_app_session(kl_app *a) { return a->first.session; }
kl_session *kl_app_account_session(kl_app *a) { return kl_app_account_of(a); }
kl_session *kl_app_account_session_at(kl_app *a, size_t i) {
  kl_app_account *x = kl_app_account_next(a, NULL);
  while (x && i-- > 0)
    x = kl_app_account_next(a, x);
  return x ? kl_app_session_of(x) : NULL;
}
kl_profile_base kl_app_profile_base(const kl_app *a) {
  return (kl_profile_base){.env = a->first.env_name,
                           .rest_url = a->first.rest_url,
                           .ws_url = a->first.ws_url,
                           .ca_file = a->first.ca_file,
                           .sim = a->sim};
}
const char *kl_app_key_id(const kl_app *a) { return a->first.key_id; }
const kl_sim *kl_app_sim(const kl_app *a) { return a->sim; }
kl_paper_exchange *kl_app_paper(kl_app *a) { return a->first.paper; }
const char *kl_app_env(const kl_app *a) { return a->first.env_name; }
const char *kl_app_rest_url(const kl_app *a) { return a->first.rest_url; }
const char *kl_app_ws_url(const kl_app *a) { return a->first.ws_url; }
const char *kl_app_key_origin(const kl_app *a) { return a->first.key ? a->first.key_origin : NULL; }
kl_key *kl_app_key(const kl_app *a) { return a->first.key; }
int kl_app_interrupts(const kl_app *a) { return a->interrupts; }
void kl_app_set_listener(kl_app *a, const kl_app_listener *l) { a->listener = l; }
void kl_app_tool_errors(kl_app *a, bool on) { a->tool_errors = on; }
void kl_app_prefix_output(kl_app *a, bool on) { a->prefix = on; }
void kl_app_strategies(kl_app *a) {
  a->strategies = true;
  kl_app_show(a);
}
void kl_app_show(kl_app *a) {
  if (a->control) return;
  snprintf(a->listed, sizeof a->listed, "%s", a->first.shown);
  a->control = kl_control_open(&a->loop, a->host, a->listed);
  for (kl_app_account *x = kl_app_account_next(a, NULL); x; x = kl_app_account_next(a, x))
    kl_app_account_list(x);
  /* A `kalua kill` that ran since this process looked did not find it yet; one from now on does. */
  kl_app_heed_kill(a);
  if (!kl_control_add(a->control, kl_shadow_ops, a) || !kl_control_add(a->control, kl_kill_ops, a))
    kl_log_warn("kalua", "`kalua shadow` and `kalua kill` do not work here: not enough memory");
  kl_control_on_start(a->control, kl_breaker_may_start, a);
  kl_control_on_notes(a->control, kl_trading_notes, a);
  a->prompt = kl_prompt_open(a->control, a->host, a->first.shown,
                             !a->sim && strcmp(a->first.env_name, "sim") == 0 ? a->first.rest_url : NULL);
}

/* ---- running ---- */

static const kl_embedded *embedded(const char *name) {
  for (size_t i = 0; i < kl_stdlib_count; i++) {
    if (!strcmp(kl_stdlib[i].name, name)) return &kl_stdlib[i];
  }
  return NULL;
}

static bool name_taken(const kl_app *a, const char *name) {
  for (kl_strategy *g = kl_strategy_next(a->host, NULL); g; g = kl_strategy_next(a->host, g)) {
    if (!strcmp(kl_strategy_name(g), name)) return true;
  }
  return false;
}

/* The name given, or the file's without .lua; told apart from those that are there by -2, -3 and so on: also from those
 * of other processes, where this one is shown to them. */
static void name_script(kl_app *a, const char *name, const char *path, char out[KL_LISTED_NAME]) {
  char base[KL_LISTED_NAME];
  const char *slash = name ? NULL : strrchr(path, '/');
  const char *text = name ? name : slash ? slash + 1 : path;
  size_t n = strlen(text);
  if (!name && n > 4 && !strcmp(text + n - 4, ".lua")) n -= 4;
  if (n > sizeof base - 24) n = sizeof base - 24;
  snprintf(base, sizeof base, "%.*s", (int)n, text);
  if (!kl_control_name(a->control, base, out)) {
    snprintf(out, KL_LISTED_NAME, "%s", base);
    for (size_t i = 2; name_taken(a, out); i++)
      snprintf(out, KL_LISTED_NAME, "%.*s-%zu", (int)n, base, i);
  }
  if (!strcmp(out, base) || name_taken(a, base)) return;
  kl_log_warn("kalua",
              "a script of the name %s runs already, in another process: this one is %s, with orders and limits "
              "of its own (`kalua ps`)",
              base, out);
}

bool kl_app_start_limited(kl_app *a, const kl_strategy_options *o, const kl_limit_values *risk, kl_count order_group,
                          kl_error *e) {
  char own[KL_LISTED_NAME];
  kl_strategy_options so = *o;
  name_script(a, so.script.name, so.script.path, own);
  so.script.name = own;
  so.script.env = a->first.env_name;
  so.watch = so.watch && a->strategies && !a->o.no_watch;
  if (!kl_breaker_limit(a, own, risk, order_group, a->resume, e)) return false;
  kl_strategy *g = NULL;
  if (!kl_strategy_start(a->host, &so, &g, e)) return false;
  kl_monitoring_started(a, g);
  return true;
}

bool kl_app_start_strategy(kl_app *a, const kl_strategy_options *o, kl_error *e) {
  return kl_app_start_limited(a, o, &(kl_limit_values){0}, 0, e);
}

bool kl_app_start_shadow(kl_app *a, kl_strategy *of, const kl_strategy_options *o, kl_error *e) {
  char wanted[KL_LISTED_NAME], own[KL_LISTED_NAME];
  kl_strategy_options so = *o;
  kl_shadow *s = NULL;
  if (!kl_shadow_may_start(&a->environment, of, e)) return false; /* before a name is taken */
  snprintf(wanted, sizeof wanted, "%.200s+shadow", kl_strategy_name(of));
  name_script(a, wanted, so.script.path, own);
  so.script.name = own;
  so.script.env = a->first.env_name;
  so.watch = so.watch && !a->o.no_watch;
  a->prefix = true; /* it says much the same as the other one */
  if (!kl_shadow_start(&a->environment, a->host, of, &so, &s, e)) return false;
  kl_monitoring_started(a, kl_shadow_strategy(s, KL_ACTOR_NEW));
  return true;
}

kl_environment *kl_app_environment(kl_app *a) { return &a->environment; }
kl_strategy *kl_app_strategy_next(kl_app *a, const kl_strategy *g) { return kl_strategy_next(a->host, g); }

void kl_app_strategy_options(const kl_app *a, kl_strategy_options *out) {
  *out = (kl_strategy_options){.watch = true,
                               .probation_ms = a->strategies ? 0 : -1,
                               .script = {.memory_cap = (size_t)a->o.memory_mb << 20,
                                          .cpu_ms = (int)a->o.cpu_ms,
                                          .limits = a->o.limits,
                                          .allow = {.all = a->o.allow_all,
                                                    .run = a->o.allow_run,
                                                    .fs = a->o.allow_fs.items,
                                                    .net = a->o.allow_net.items,
                                                    .env = a->o.allow_env.items}}};
  out->script.limits.queued = a->o.queued_mb << 20;
  out->script.limits.store = a->o.store_mb << 20;
}

bool kl_app_start(kl_app *a, const char *path, const char *module, const char *name, char *const *args, kl_error *e) {
  kl_strategy_options so;
  kl_app_strategy_options(a, &so);
  so.script.path = path;
  so.script.name = name;
  so.script.args = args;
  if (module) {
    const kl_embedded *m = embedded(module);
    if (!m) {
      kl_error_set(e, KL_ERR_INTERNAL, "the module %s is not in this program", module);
      return false;
    }
    so.script.source = m->text;
    a->environment.tool = a->tool_errors; /* the body of a command, or a strategy that is shown */
  }
  return kl_app_start_strategy(a, &so, e);
}

void kl_app_stop(kl_app *a) { stop_all(a, false); }
bool kl_app_running(const kl_app *a) { return something_runs(a); }
void kl_app_hold(kl_app *a) { a->holds++; }
void kl_app_release(kl_app *a) { a->holds--; }
void kl_app_kill(kl_app *a) {
  if (a->interrupts < 2) a->interrupts = 2;
  snprintf(a->killed_why, sizeof a->killed_why, "trading was stopped by `kalua kill`");
  for (kl_app_account *x = kl_app_account_next(a, NULL); x; x = kl_app_account_next(a, x)) {
    if (!x->desk) continue;
    kl_desk_halt(x->desk, a->killed_why);
    kl_desk_trigger(x->desk);
  }
  stop_all(a, true);
}

kl_host *kl_app_host(kl_app *a) { return a->host; }
kl_control *kl_app_control(kl_app *a) { return a->control; }

void kl_app_abandon(kl_app *a) {
  stop_all(a, true);
  while (something_runs(a))
    uv_run(&a->loop, UV_RUN_ONCE);
}

/* What was printed goes out while somebody reads it. A reader that pauses, as a pager does, is waited for, unless the
 * process was told to stop. */
static void drain_output(kl_app *a) {
  kl_output_flush(a->output);
  size_t left = kl_output_pending(a->output);
  int64_t since_ms = kl_mono_ns(kl_clock_real()) / 1000000;
  kl_app_turn_often(a);
  while (kl_output_pending(a->output) && !kl_output_error(a->output) && a->interrupts < 2) {
    int64_t now_ms = kl_mono_ns(kl_clock_real()) / 1000000;
    if (kl_output_pending(a->output) < left) since_ms = now_ms;
    left = kl_output_pending(a->output);
    if (a->interrupts && now_ms - since_ms > READER_PATIENCE_MS) break;
    uv_run(&a->loop, UV_RUN_ONCE);
  }
  check_output(a);
}

void kl_app_show_status(kl_app *a) { a->shows = true; }

static void fill_rows(void *data, kl_buf *out, int columns) {
  kl_app *a = data;
  kl_trading_place where = {
      .desk = a->first.desk, .market = a->first.session, .account = kl_app_account_of(a), .env = a->first.shown};
  kl_strategy_status status;
  for (kl_strategy *g = kl_strategy_next(a->host, NULL); g; g = kl_strategy_next(a->host, g)) {
    kl_strategy_status_get(g, &status);
    where.scripts += status.phase != KL_STRATEGY_ENDED;
  }
  kl_status_rows(&where, out, columns);
  for (kl_app_account *x = a->first.next; x; x = x->next) {
    const kl_trading_place other = {.desk = x->desk,
                                    .market = x->session,
                                    .account = kl_app_session_of(x),
                                    .env = x->shown,
                                    .scripts = where.scripts};
    kl_status_rows(&other, out, columns);
  }
}

int kl_app_run(kl_app *a, double seconds) {
  a->started_ms = kl_wall_ms(kl_clock_real());
  if (a->first.key && !a->tool_errors)
    kl_account_read(kl_app_account_of(a), &a->first.before);       /* for the summary, which tools have not */
  if (!a->quiet) uv_signal_start(&a->on_int, interrupted, SIGINT); /* else it is the prompt's */
  uv_signal_start(&a->on_term, interrupted, SIGTERM);
  a->had_terminal = has_terminal();
  if (a->strategies) uv_signal_start(&a->on_hup, hung_up, SIGHUP);
  uv_prepare_start(&a->turn, turn_ends);
  if (seconds > 0) uv_timer_start(&a->deadline, time_is_up, (uint64_t)(seconds * 1e3), 0);
  kl_notifier_ready(a->notifier);
  tell_status(a);
  kl_status_line *rows = a->shows && !a->o.log_json ? kl_status_line_open(&a->loop, fill_rows, a) : NULL;
  while (something_runs(a) || a->holds)
    uv_run(&a->loop, UV_RUN_ONCE);
  kl_status_line_close(rows);
  kl_notifier_stopping(a->notifier);
  drain_output(a);
  kl_app_close_control(a);
  uv_timer_stop(&a->deadline);
  uv_prepare_stop(&a->turn);
  return a->interrupts ? KL_EXIT_INTERRUPTED : a->exit_code;
}

void kl_app_resume(kl_app *a) { a->resume = true; }

void kl_app_say_real(kl_app *a) {
  for (kl_app_account *x = kl_app_account_next(a, NULL); x; x = kl_app_account_next(a, x))
    if (kl_app_real(x) && !strcmp(x->env_name, "prod")) kl_real_orders_begin(x->desk, x->shown);
}

/* Real orders, and what is left of them: cancels of a breaker may be on their way. */
static void end_real_orders(kl_app *a) {
  bool any = false;
  for (kl_app_account *x = kl_app_account_next(a, NULL); x; x = kl_app_account_next(a, x))
    any = any || kl_app_real(x);
  if (any) kl_app_await_writes(a);
  for (kl_app_account *x = kl_app_account_next(a, NULL); x; x = kl_app_account_next(a, x))
    if (kl_app_real(x)) kl_real_orders_end(x->desk, x->shown, a->first.env_name, x->journal_path[0] != 0);
}

/* What the exchange says of it at the end. */
static void sum_up(kl_app_account *x, kl_summary *s) {
  kl_app *a = x->app;
  kl_session *own = kl_app_session_of(x);
  s->orders = s->fills = -1;
  s->desk = x->desk;
  if (x->key && a->interrupts < 2) {
    int64_t since = a->started_ms / 1000;
    s->orders = kl_account_count(own, &a->loop, "get_orders", since, SUMMARY_TIMEOUT_MS);
    s->fills = kl_account_count(own, &a->loop, "get_fills", since, SUMMARY_TIMEOUT_MS);
    kl_account_read_wait(own, &a->loop, &s->after, SUMMARY_TIMEOUT_MS);
  }
  s->before = x->before; /* of a short run it came only now */
  s->paper = x->paper != NULL;
  s->paper_known = s->paper && kl_paper_exchange_report(x->paper, &s->report);
}

/* Each further account, by its name. */
static void sum_up_others(kl_app *a) {
  for (kl_app_account *x = a->first.next; x; x = x->next) {
    kl_summary s = {.account = x->shown};
    sum_up(x, &s);
    kl_summary_print(&s);
  }
}

int kl_app_summary(kl_app *a, bool quiet) {
  end_real_orders(a);
  if (quiet && kl_expectations_count(a->expectations) == 0) return KL_EXIT_OK;
  kl_feed_status feed;
  kl_feed_status_get(kl_session_feed(a->first.session), &feed);
  kl_summary s = {.seconds = (double)(kl_mono_ns(kl_clock_real()) - a->started_ns) / 1e9,
                  .messages = feed.messages,
                  .errors = a->script_errors};
  sum_up(&a->first, &s);
  if (!quiet) kl_summary_print(&s);
  if (!quiet) sum_up_others(a);
  if (!quiet) kl_shadow_summary(&a->environment);
  return kl_summary_check(&s, a->expectations) ? KL_EXIT_OK : KL_EXIT_EXPECT;
}
