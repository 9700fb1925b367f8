#include "cli/app.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "bindings/shadow.h"
#include "bindings/tty.h"
#include "cli/account.h"
#include "cli/exchange_address.h"
#include "cli/notify.h"
#include "cli/output.h"
#include "cli/settings.h"
#include "cli/shadow.h"
#include "cli/summary.h"
#include "control/control.h"
#include "prompt/prompt.h"
#include "script/state_file.h"

/* The scripts' state, the embedded exchange beside it, and what SQLite keeps beside each. */
enum { STATE_SCRIPTS, STATE_EXCHANGE, STATE_NAMES = 4 };
static const char *const state_suffixes[STATE_NAMES] = {"", ".exchange", "-journal", ".exchange-wal"};

enum { WRITES_GRACE_MS = 5000, STOP_GRACE_MS = 3000, SUMMARY_TIMEOUT_MS = 3000, READER_PATIENCE_MS = 3000 };

struct kl_app {
  kl_environment environment; /* first: bindings get the app as their environment */
  kl_connect_options o;       /* borrowed texts */
  kl_settings *settings;
  uv_loop_t loop;
  kl_sim *sim;
  kl_key *key;
  kl_session *session;
  kl_http *http; /* of the scripts */
  kl_host *host;
  kl_state_file *state_file;      /* NULL: none */
  char *state_names[STATE_NAMES]; /* of the files that --state means; owned, NULL: none */
  kl_control *control;            /* NULL where `kalua ps` does not show it */
  kl_prompt *prompt;              /* on it */
  uv_signal_t on_int, on_term, on_hup;
  uv_timer_t deadline;
  uv_prepare_t turn;
  kl_notifier *notifier; /* NULL when systemd does not listen */
  size_t reloading;      /* reloads of a SIGHUP that are not over */
  bool status_changed;
  kl_output *output; /* of print */
  char rest_url[256], ws_url[256], env_name[8];
  char key_id[128];
  char key_origin[320];
  const char *ca_file;
  int interrupts; /* signals so far */
  int exit_code;
  bool prefix, tool_errors;
  bool quiet;      /* what is said goes to the control socket only: a prompt shows it */
  bool strategies; /* what runs is the user's: it is watched, reloaded, and may be started again */
  bool had_terminal;
  bool loop_open, handles_open;
  bool stdout_broken;
  int64_t started_ns, started_ms;
  uint64_t script_errors;
  kl_account_snapshot before;
  kl_expectations *expectations;
  const char *secret_files[3 + STATE_NAMES]; /* no script gets them: NULL-terminated */
};

static kl_app *app_of(void *data) { return data; }

/* ---- scripts ---- */

/* Nothing is left beside which they could run. */
static void stop_shadows(kl_app *a, const kl_strategy *of) {
  for (kl_shadow *s = kl_shadow_next(&a->environment, NULL); s; s = kl_shadow_next(&a->environment, s))
    if (kl_shadow_strategy(s, KL_ACTOR_OLD) == of)
      kl_strategy_stop(kl_shadow_strategy(s, KL_ACTOR_NEW), KL_STOP_EXIT, false);
}

static void strategy_ended(void *data, kl_strategy *g, kl_script *s, bool failed) {
  kl_app *a = app_of(data);
  bool shadow = kl_strategy_shadow_of(g) != NULL; /* its errors are its own */
  a->status_changed = true;
  stop_shadows(a, g);
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
  kl_control_said(a->control, kl_strategy_name(g), "error", message, strlen(message));
  if (traceback && *traceback) kl_control_said(a->control, kl_strategy_name(g), "error", traceback, strlen(traceback));
  if (a->quiet) return;
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
  kl_app *a = app_of(data);
  kl_control_said(a->control, kl_script_name(s), "print", text, n);
  if (!a->quiet) kl_output_line(a->output, s, a->prefix ? kl_script_name(s) : NULL, text, n);
}

static bool print_room(void *data, kl_script *s) { return kl_output_has_room(app_of(data)->output, s); }

/* What came of a reload: on the terminal, or as a line of the log where that is for machines. */
static void announce(void *data, kl_strategy *g, bool bad, const char *text, const char *traceback) {
  kl_app *a = app_of(data);
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
  kl_notifier_status(a->notifier, "%zu of %zu scripts run on %s", run, n, a->env_name);
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

static void output_has_room(void *data) {
  kl_app *a = app_of(data);
  kl_host_print_room(a->host);
  check_output(a);
}

static void interrupted(uv_signal_t *h, int signum) {
  kl_app *a = h->data;
  (void)signum;
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
    size_t pending = kl_session_writes_pending(a->session);
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
  kl_app *a = app_of(data);
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
static void look_again(uv_timer_t *h) { (void)h; }

/* ---- opening ---- */

static bool start_exchange(kl_app *a, kl_error *e) {
  kl_sim_options so = {.seed = (uint64_t)a->o.seed,
                       .markets = (int)a->o.markets,
                       .speed = a->o.speed,
                       .rate = a->o.rate,
                       .quick_keys = a->o.quick,
                       .tier = a->o.tier,
                       .faults = a->o.faults,
                       .state = a->state_names[STATE_EXCHANGE],
                       .title = "embedded in a running script"};
  kl_error why = {0};
  if (a->o.faults && !kl_sim_faults_check(a->o.faults, &why)) {
    kl_error_set(e, "usage", "--%s", why.message);
    return false;
  }
  if (!kl_sim_start(&so, &a->sim, e)) return false;
  snprintf(a->rest_url, sizeof a->rest_url, "%s", kl_sim_rest_url(a->sim));
  snprintf(a->ws_url, sizeof a->ws_url, "%s", kl_sim_ws_url(a->sim));
  const kl_sim_user *user = kl_sim_user_at(a->sim, 0);
  snprintf(a->key_id, sizeof a->key_id, "%s", user->key_id);
  snprintf(a->key_origin, sizeof a->key_origin, "throw-away key of the embedded exchange");
  a->key = kl_key_retain(user->key);
  return true;
}

static bool load_key(kl_app *a, kl_error *e) {
  const char *id = kl_settings_get(a->settings, a->o.key_id, "KALSHI_API_KEY_ID");
  const char *path = kl_settings_get(a->settings, a->o.key_path, "KALSHI_PRIVATE_KEY_PATH");
  const char *pem = kl_settings_get(a->settings, NULL, "KALSHI_PRIVATE_KEY");
  bool ok = true;
  if (path) {
    snprintf(a->key_origin, sizeof a->key_origin, "%s", path);
    ok = kl_key_load_file(path, kl_passphrase_from_tty, NULL, &a->key, e);
  } else if (pem) {
    snprintf(a->key_origin, sizeof a->key_origin, "KALSHI_PRIVATE_KEY");
    ok = kl_key_load_pem(pem, strlen(pem), "KALSHI_PRIVATE_KEY", kl_passphrase_from_tty, NULL, &a->key, e);
  }
  if (!ok) return false;
  if (a->key && !id) {
    kl_error_set(e, KL_ERR_CONFIG, "a private key is given but no key id: set KALSHI_API_KEY_ID or --key-id");
    return false;
  }
  if (id && !a->key) {
    kl_error_set(e, KL_ERR_CONFIG, "a key id is given but no private key: set KALSHI_PRIVATE_KEY_PATH or --key");
    return false;
  }
  if (id) {
    if (strlen(id) >= sizeof a->key_id || strpbrk(id, " \t\r\n")) {
      kl_error_set(e, KL_ERR_CONFIG, "the key id must be one word of at most %zu characters", sizeof a->key_id - 1);
      return false;
    }
    snprintf(a->key_id, sizeof a->key_id, "%s", id);
  }
  return true;
}

static void settle(kl_app *a, bool embedded) {
  kl_settings_wipe(a->settings, "KALSHI_PRIVATE_KEY"); /* also where it was not needed */
  if (a->o.settled) a->o.settled(a->o.settled_data, embedded);
}

static bool choose_exchange(kl_app *a, kl_error *e) {
  kl_exchange_address x;
  if (!kl_exchange_address_choose(&a->o, a->settings, &x, e)) return false;
  memcpy(a->env_name, x.env, sizeof a->env_name);
  a->ca_file = x.ca_file;
  if (x.embedded) {
    settle(a, true);
    return start_exchange(a, e);
  }
  memcpy(a->rest_url, x.rest_url, sizeof a->rest_url);
  memcpy(a->ws_url, x.ws_url, sizeof a->ws_url);
  if (!load_key(a, e)) return false;
  settle(a, false);
  return true;
}

/* A signature made ahead is one that somebody else could use within its second, so with real money it is asked for. */
enum { PRESIGN_DEFAULT_MS = 1000 };
static int presign_ms(const kl_app *a) {
  if (a->o.presign_ms >= 0) return (int)a->o.presign_ms;
  return strcmp(a->env_name, "prod") != 0 ? PRESIGN_DEFAULT_MS : 0;
}

static bool open_log(kl_app *a, kl_error *e) {
  const char *name = kl_settings_get(a->settings, a->o.log_level, "KALUA_LOG");
  if (!name) name = a->o.log_default;
  kl_log_level level = KL_LOG_INFO;
  if (name && !kl_log_level_parse(name, &level)) {
    kl_error_set(e, KL_ERR_CONFIG, "unknown log level \"%.40s\": error, warn, info, debug or trace", name);
    return false;
  }
  const char *file = a->o.log_file ? a->o.log_file : a->o.quiet ? "/dev/null" : NULL;
  if (kl_log_open(level, a->o.log_json, file)) return true;
  kl_error_set(e, KL_ERR_CONFIG, "cannot open the log file %.200s: %s", file, strerror(errno));
  return false;
}

static bool open_handles(kl_app *a, kl_error *e) {
  uv_signal_init(&a->loop, &a->on_int);
  uv_signal_init(&a->loop, &a->on_term);
  uv_signal_init(&a->loop, &a->on_hup);
  uv_timer_init(&a->loop, &a->deadline);
  uv_prepare_init(&a->loop, &a->turn);
  a->on_int.data = a->on_term.data = a->on_hup.data = a->deadline.data = a->turn.data = a;
  a->handles_open = true;
  static const char *const secret_variables[] = {"KALSHI_PRIVATE_KEY", "KALSHI_PRIVATE_KEY_PATH", NULL};
  size_t n = 0;
  const char *key = kl_settings_get(a->settings, a->o.key_path, "KALSHI_PRIVATE_KEY_PATH");
  if (key) a->secret_files[n++] = key;
  for (int i = 0; i < STATE_NAMES && a->state_names[i]; i++)
    a->secret_files[n++] = a->state_names[i]; /* other scripts' states, and the keys of the embedded exchange */
  a->secret_files[n] = ".env";
  kl_host_options ho = {.clock = kl_clock_real(),
                        .data = a,
                        .secret_files = a->secret_files,
                        .secret_variables = secret_variables,
                        .modules = kl_modules,
                        .grace_ms = STOP_GRACE_MS,
                        .state_file = a->state_file,
                        .strategy_ended = strategy_ended,
                        .announce = announce,
                        .print = print_line,
                        .print_room = print_room};
  a->output = kl_output_new(&a->loop, output_has_room, a);
  a->host = kl_host_new(&a->loop, &ho);
  if (!a->host || !a->output) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
    return false;
  }
  return true;
}

/* The scripts' file is looked at before anything is started beside it. */
static bool open_state(kl_app *a, kl_error *e) {
  for (int i = 0; i < STATE_NAMES && a->o.state; i++) {
    size_t n = strlen(a->o.state) + strlen(state_suffixes[i]) + 1;
    a->state_names[i] = malloc(n);
    if (!a->state_names[i]) {
      kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
      return false;
    }
    snprintf(a->state_names[i], n, "%s%s", a->o.state, state_suffixes[i]);
  }
  if (!a->o.state || !a->o.keeps_state) return true;
  signal(SIGXFSZ, SIG_IGN); /* a file at the limit of its size is an error like a full disk */
  return kl_state_file_open(&a->loop, a->o.state, &a->state_file, e);
}

bool kl_app_save(kl_app *a, kl_error *e) { return kl_state_file_flush(a->state_file, e); }

bool kl_app_open(const kl_connect_options *o, const char *version, kl_app **out, kl_error *e) {
  kl_auth_harden_process();
  signal(SIGPIPE, SIG_IGN);
  kl_app *a = calloc(1, sizeof *a);
  if (!a) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
    return false;
  }
  a->o = *o;
  a->quiet = o->quiet;
  a->started_ns = kl_mono_ns(kl_clock_real());
  a->expectations = kl_expectations_new();
  bool ok = kl_connect_options_check(o, e) && kl_settings_load(&a->settings, ".env", e) && open_log(a, e);
  if (ok) {
    /* The host reads it from the environment, which wins. */
    const char *modules = kl_settings_get(a->settings, NULL, "KALUA_PATH");
    if (modules) setenv("KALUA_PATH", modules, 0);
    a->loop_open = uv_loop_init(&a->loop) == 0;
    if (!a->loop_open) kl_error_set(e, KL_ERR_INTERNAL, "no event loop: are too many files open?");
    if (a->loop_open) a->notifier = kl_notifier_open(&a->loop);
    ok = a->loop_open && open_state(a, e) && choose_exchange(a, e);
    if (!ok) kl_settings_wipe(a->settings, "KALSHI_PRIVATE_KEY");
    ok = ok && open_handles(a, e);
  }
  if (ok) {
    kl_session_options so = {.env = a->env_name,
                             .rest_url = a->rest_url,
                             .ws_url = a->ws_url,
                             .ca_file = a->ca_file,
                             .key_id = a->key ? a->key_id : NULL,
                             .key = a->key,
                             .live = o->live,
                             .presign_ms = presign_ms(a),
                             .audit_ms = o->audit_s * 1000,
                             .clock = kl_clock_real(),
                             .user_agent = "kalua/" KL_VERSION};
    a->session = kl_session_new(&a->loop, &so, e);
    if (a->session)
      a->http = kl_http_new(&a->loop, &(kl_http_options){.ca_file = a->ca_file, .user_agent = so.user_agent}, e);
    ok = a->http != NULL;
  }
  if (!ok) {
    kl_app_close(a);
    return false;
  }
  a->environment = (kl_environment){.session = a->session,
                                    .http = a->http,
                                    .ca_file = a->ca_file,
                                    .env = a->env_name,
                                    .version = version,
                                    .expectations = a->expectations};
  *out = a;
  return true;
}

/* ---- closing ---- */

static void session_closed(void *data) { app_of(data)->session = NULL; }
static void http_closed(void *data) { app_of(data)->http = NULL; }

static void close_leftover(uv_handle_t *h, void *data) {
  (void)data;
  if (!uv_is_closing(h)) uv_close(h, NULL);
}

static void wait_for_writes(kl_app *a) {
  int64_t until = kl_mono_ns(kl_clock_real()) + (int64_t)WRITES_GRACE_MS * 1000000;
  uv_timer_start(&a->deadline, look_again, 50, 50); /* wakes the loop to look at the clock */
  while (kl_session_writes_pending(a->session) && kl_mono_ns(kl_clock_real()) < until && a->interrupts < 2) {
    uv_run(&a->loop, UV_RUN_ONCE);
  }
  uv_timer_stop(&a->deadline);
  size_t pending = kl_session_writes_pending(a->session);
  if (pending) {
    kl_log_error("kalua", "%zu orders or cancels are still without an answer; look at get_orders before trading on",
                 pending);
  }
}

/* Nothing runs any more that others could see or change. */
static void close_control(kl_app *a) {
  kl_prompt_close(a->prompt);
  a->prompt = NULL;
  kl_control_close(a->control);
  a->control = NULL;
}

void kl_app_close(kl_app *a) {
  if (!a) return;
  close_control(a);
  if (a->session) {
    wait_for_writes(a);
    kl_session_close(a->session, session_closed, a);
    if (a->http) kl_http_close(a->http, http_closed, a);
    while (a->session || a->http)
      uv_run(&a->loop, UV_RUN_ONCE);
  }
  if (a->host) kl_host_close(a->host);
  kl_notifier_close(a->notifier);
  (void)kl_state_file_close(a->state_file, NULL); /* the log has what went wrong */
  kl_output_close(a->output);
  if (a->loop_open) {
    if (a->handles_open) {
      uv_close((uv_handle_t *)&a->on_int, NULL);
      uv_close((uv_handle_t *)&a->on_term, NULL);
      uv_close((uv_handle_t *)&a->on_hup, NULL);
      uv_close((uv_handle_t *)&a->deadline, NULL);
      uv_close((uv_handle_t *)&a->turn, NULL);
    }
    uv_run(&a->loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&a->loop) != 0) {
      kl_log_warn("kalua", "handles were left open at exit");
      uv_walk(&a->loop, close_leftover, NULL);
      uv_run(&a->loop, UV_RUN_DEFAULT);
      uv_loop_close(&a->loop);
    }
  }
  kl_cli_flush_output();
  for (int i = 0; i < STATE_NAMES; i++)
    free(a->state_names[i]);
  if (a->sim) kl_sim_stop(a->sim);
  kl_key_release(a->key);
  kl_settings_free(a->settings);
  kl_expectations_free(a->expectations);
  kl_bus_free(a->environment.bus);
  kl_shadows_free(a->environment.shadows);
  if (a->o.log_file && kl_log_lost()) {
    fprintf(stderr, "kalua: %" PRIu64 " lines of the log are lost: %s could not be written; is the disk full?\n",
            kl_log_lost(), a->o.log_file);
  }
  kl_log_close();
  free(a);
}

/* ---- reading ---- */

uv_loop_t *kl_app_loop(kl_app *a) { return &a->loop; }
kl_session *kl_app_session(kl_app *a) { return a->session; }
const kl_sim *kl_app_sim(const kl_app *a) { return a->sim; }
const char *kl_app_env(const kl_app *a) { return a->env_name; }
const char *kl_app_rest_url(const kl_app *a) { return a->rest_url; }
const char *kl_app_ws_url(const kl_app *a) { return a->ws_url; }
const char *kl_app_key_origin(const kl_app *a) { return a->key ? a->key_origin : NULL; }
void kl_app_tool_errors(kl_app *a, bool on) { a->tool_errors = on; }
void kl_app_prefix_output(kl_app *a, bool on) { a->prefix = on; }
void kl_app_strategies(kl_app *a) {
  a->strategies = true;
  kl_app_show(a);
}
void kl_app_show(kl_app *a) {
  if (a->control) return;
  a->control = kl_control_open(&a->loop, a->host, a->env_name);
  if (!kl_control_add(a->control, kl_shadow_ops, a))
    kl_log_warn("kalua", "`kalua shadow` does not work here: not enough memory");
  a->prompt =
      kl_prompt_open(a->control, a->host, a->env_name, !a->sim && strcmp(a->env_name, "sim") == 0 ? a->rest_url : NULL);
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
  if (kl_control_name(a->control, base, out)) return;
  snprintf(out, KL_LISTED_NAME, "%s", base);
  for (size_t i = 2; name_taken(a, out); i++)
    snprintf(out, KL_LISTED_NAME, "%.*s-%zu", (int)n, base, i);
}

bool kl_app_start_strategy(kl_app *a, const kl_strategy_options *o, kl_error *e) {
  char own[KL_LISTED_NAME];
  kl_strategy_options so = *o;
  name_script(a, so.script.name, so.script.path, own);
  so.script.name = own;
  so.script.env = a->env_name;
  so.watch = so.watch && a->strategies && !a->o.no_watch;
  kl_strategy *g = NULL;
  return kl_strategy_start(a->host, &so, &g, e);
}

bool kl_app_start_shadow(kl_app *a, kl_strategy *of, const kl_strategy_options *o, kl_error *e) {
  char wanted[KL_LISTED_NAME], own[KL_LISTED_NAME];
  kl_strategy_options so = *o;
  kl_shadow *s = NULL;
  if (!kl_shadow_may_start(&a->environment, of, e)) return false; /* before a name is taken */
  snprintf(wanted, sizeof wanted, "%.200s+shadow", kl_strategy_name(of));
  name_script(a, wanted, so.script.path, own);
  so.script.name = own;
  so.script.env = a->env_name;
  so.watch = so.watch && !a->o.no_watch;
  a->prefix = true; /* it says much the same as the other one */
  return kl_shadow_start(&a->environment, a->host, of, &so, &s, e);
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
    a->environment.tool = true;
  }
  return kl_app_start_strategy(a, &so, e);
}

void kl_app_stop(kl_app *a) { stop_all(a, false); }

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
  uv_timer_start(&a->deadline, look_again, 50, 50);
  while (kl_output_pending(a->output) && !kl_output_error(a->output) && a->interrupts < 2) {
    int64_t now_ms = kl_mono_ns(kl_clock_real()) / 1000000;
    if (kl_output_pending(a->output) < left) since_ms = now_ms;
    left = kl_output_pending(a->output);
    if (a->interrupts && now_ms - since_ms > READER_PATIENCE_MS) break;
    uv_run(&a->loop, UV_RUN_ONCE);
  }
  check_output(a);
}

int kl_app_run(kl_app *a, double seconds) {
  a->started_ms = kl_wall_ms(kl_clock_real());
  if (a->key && !a->tool_errors) kl_account_read(a->session, &a->before); /* for the summary, which tools have not */
  if (!a->quiet) uv_signal_start(&a->on_int, interrupted, SIGINT);        /* else it is the prompt's */
  uv_signal_start(&a->on_term, interrupted, SIGTERM);
  a->had_terminal = has_terminal();
  if (a->strategies) uv_signal_start(&a->on_hup, hung_up, SIGHUP);
  uv_prepare_start(&a->turn, turn_ends);
  if (seconds > 0) uv_timer_start(&a->deadline, time_is_up, (uint64_t)(seconds * 1e3), 0);
  kl_notifier_ready(a->notifier);
  tell_status(a);
  while (something_runs(a))
    uv_run(&a->loop, UV_RUN_ONCE);
  kl_notifier_stopping(a->notifier);
  drain_output(a);
  close_control(a);
  uv_timer_stop(&a->deadline);
  uv_prepare_stop(&a->turn);
  return a->interrupts ? KL_EXIT_INTERRUPTED : a->exit_code;
}

int kl_app_summary(kl_app *a, bool quiet) {
  if (quiet && kl_expectations_count(a->expectations) == 0) return KL_EXIT_OK;
  kl_feed_status feed;
  kl_feed_status_get(kl_session_feed(a->session), &feed);
  kl_summary s = {.seconds = (double)(kl_mono_ns(kl_clock_real()) - a->started_ns) / 1e9,
                  .messages = feed.messages,
                  .errors = a->script_errors,
                  .orders = -1,
                  .fills = -1};
  if (a->key && a->interrupts < 2) {
    int64_t since = a->started_ms / 1000;
    s.orders = kl_account_count(a->session, &a->loop, "get_orders", since, SUMMARY_TIMEOUT_MS);
    s.fills = kl_account_count(a->session, &a->loop, "get_fills", since, SUMMARY_TIMEOUT_MS);
    kl_account_read_wait(a->session, &a->loop, &s.after, SUMMARY_TIMEOUT_MS);
  }
  s.before = a->before; /* of a short run it came only now */
  if (!quiet) kl_summary_print(&s);
  if (!quiet) kl_shadow_summary(&a->environment);
  return kl_summary_check(&s, a->expectations) ? KL_EXIT_OK : KL_EXIT_EXPECT;
}
