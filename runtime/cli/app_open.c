#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/state_folder.h"
#include "bindings/metric_store.h"
#include "bindings/shadow.h"
#include "cli/app_impl.h"
#include "cli/breaker.h"
#include "cli/exchange_address.h"
#include "cli/monitoring.h"
#include "cli/paper_mode.h"
#include "store/store.h"
#include "trading/kill_mark.h"

static const char *const state_suffixes[STATE_NAMES] = {"",         ".exchange",     ".paper",
                                                        "-journal", ".exchange-wal", ".paper-wal"};

enum { WRITES_GRACE_MS = 5000, STOP_GRACE_MS = 3000 };

/* ---- opening ---- */

static bool start_exchange(kl_app *a, kl_error *e) {
  kl_sim_options so = {.seed = (uint64_t)a->o.seed,
                       .markets = (int)a->o.markets,
                       .speed = a->o.speed,
                       .rate = a->o.rate,
                       .quick_keys = true, /* nobody outside gets one */
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
  a->first.embedded = true;
  snprintf(a->first.rest_url, sizeof a->first.rest_url, "%s", kl_sim_rest_url(a->sim));
  snprintf(a->first.ws_url, sizeof a->first.ws_url, "%s", kl_sim_ws_url(a->sim));
  const kl_sim_user *user = kl_sim_user_at(a->sim, 0);
  snprintf(a->first.key_id, sizeof a->first.key_id, "%s", user->key_id);
  snprintf(a->first.key_origin, sizeof a->first.key_origin, "throw-away key of the embedded exchange");
  a->first.key = kl_key_retain(user->key);
  return true;
}

static bool load_key(kl_app *a, kl_error *e) {
  const char *id = kl_settings_get(a->first.settings, a->o.key_id, "KALSHI_API_KEY_ID");
  const char *path = kl_settings_get(a->first.settings, a->o.key_path, "KALSHI_PRIVATE_KEY_PATH");
  const char *pem = kl_settings_get(a->first.settings, NULL, "KALSHI_PRIVATE_KEY");
  bool ok = true;
  if (a->o.key) {
    snprintf(a->first.key_origin, sizeof a->first.key_origin, "%s", path ? path : "KALSHI_PRIVATE_KEY");
    a->first.key = kl_key_retain(a->o.key);
  } else if (path) {
    snprintf(a->first.key_origin, sizeof a->first.key_origin, "%s", path);
    ok = kl_key_load_file(path, kl_passphrase_from_tty, NULL, &a->first.key, e);
  } else if (pem) {
    snprintf(a->first.key_origin, sizeof a->first.key_origin, "KALSHI_PRIVATE_KEY");
    ok = kl_key_load_pem(pem, strlen(pem), "KALSHI_PRIVATE_KEY", kl_passphrase_from_tty, NULL, &a->first.key, e);
  }
  if (!ok) return false;
  if (a->first.key && !id) {
    kl_error_coded(e, KL_ERR_CONFIG, "key_id_missing",
                   "a private key is given but no key id: set KALSHI_API_KEY_ID or --key-id");
    return false;
  }
  if (id && !a->first.key) {
    kl_error_coded(e, KL_ERR_CONFIG, "private_key_missing",
                   "a key id is given but no private key: set KALSHI_PRIVATE_KEY_PATH or --key");
    return false;
  }
  if (id) {
    if (strlen(id) >= sizeof a->first.key_id || strpbrk(id, " \t\r\n")) {
      kl_error_coded(e, KL_ERR_CONFIG, "key_id_malformed", "the key id must be one word of at most %zu characters",
                     sizeof a->first.key_id - 1);
      return false;
    }
    snprintf(a->first.key_id, sizeof a->first.key_id, "%s", id);
  }
  return true;
}

static void settle(kl_app *a, bool embedded) {
  kl_settings_wipe(a->first.settings, "KALSHI_PRIVATE_KEY"); /* also where it was not needed */
  if (a->o.settled) a->o.settled(a->o.settled_data, embedded);
}

static bool choose_exchange(kl_app *a, kl_error *e) {
  kl_exchange_address x;
  if (!kl_exchange_address_choose(&a->o, a->first.settings, &x, e)) return false;
  memcpy(a->first.env_name, x.env, sizeof a->first.env_name);
  a->first.ca_file = x.ca_file;
  if (x.embedded) {
    if (x.key_unused) {
      kl_log_warn("kalua", "this is the exchange inside the process, and your key is not used, since no environment is "
                           "named: --env demo or --env prod (or KALSHI_ENV) is that of the key, --env sim is this one");
    }
    settle(a, true);
    return start_exchange(a, e);
  }
  memcpy(a->first.rest_url, x.rest_url, sizeof a->first.rest_url);
  memcpy(a->first.ws_url, x.ws_url, sizeof a->first.ws_url);
  if (!a->o.keyless && !load_key(a, e)) return false;
  settle(a, false);
  return true;
}

static bool open_log(kl_app *a, kl_error *e) {
  const char *name = kl_settings_get(a->first.settings, a->o.log_level, "KALUA_LOG");
  if (!name) name = a->o.log_default;
  kl_log_level level = KL_LOG_INFO;
  if (name && !kl_log_level_parse(name, &level)) {
    kl_error_coded(e, KL_ERR_CONFIG, "log_level_unknown",
                   "unknown log level \"%.40s\": error, warn, info, debug or trace", name);
    return false;
  }
  const char *file = a->o.log_file ? a->o.log_file : a->o.quiet ? "/dev/null" : NULL;
  if (kl_log_open(level, a->o.log_json, file)) return true;
  kl_error_coded(e, KL_ERR_CONFIG, "log_file_unusable", "cannot open the log file %.200s: %s", file, strerror(errno));
  return false;
}

bool kl_app_hide(kl_app *a, const char *path, kl_error *e) {
  for (size_t i = 0; i < a->n_secrets; i++)
    if (!strcmp(a->secret_files[i], path)) return true;
  char *copy = a->n_secrets < SECRETS_MOST ? strdup(path) : NULL;
  if (!copy) {
    kl_error_set(e, KL_ERR_INTERNAL, "%.300s cannot be kept from scripts: %s", path,
                 a->n_secrets < SECRETS_MOST ? "not enough memory" : "there are too many such files");
    return false;
  }
  a->secret_files[a->n_secrets++] = copy;
  return true;
}

typedef struct hiding {
  kl_app *app;
  bool ok;
  kl_error *e;
} hiding;

/* Whether a script ever connects to it or not. */
static void hide_profile(void *data, const char *name) {
  hiding *h = data;
  char path[4096];
  snprintf(path, sizeof path, ".env.%s", name);
  h->ok = h->ok && kl_app_hide(h->app, path, h->e);
  if (kl_profile_key_path(name, path, sizeof path)) h->ok = h->ok && kl_app_hide(h->app, path, h->e);
}

/* What no script gets, whatever it is allowed: keys, other scripts' states and orders, the keys of the embedded
 * exchange. */
static bool hide_files(kl_app *a, kl_error *e) {
  const char *key = kl_settings_get(a->first.settings, a->o.key_path, "KALSHI_PRIVATE_KEY_PATH");
  bool ok = (!key || kl_app_hide(a, key, e)) && kl_app_hide(a, ".env", e);
  for (int i = 0; ok && i < STATE_NAMES && a->state_names[i]; i++)
    ok = kl_app_hide(a, a->state_names[i], e);
  if (ok && kl_state_path(a->web_token_path, sizeof a->web_token_path, "web-token", false))
    ok = kl_app_hide(a, a->web_token_path, e);
  if (!kl_state_path(a->stores, sizeof a->stores, "store", false)) a->stores[0] = 0;
  hiding h = {a, ok, e};
  kl_profiles_each(hide_profile, &h);
  return h.ok;
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
  kl_host_options ho = {.clock = kl_clock_real(),
                        .secret_files = a->secret_files,
                        .secret_folder = a->stores[0] ? a->stores : NULL,
                        .secret_settings = ".env",
                        .secret_variables = secret_variables,
                        .modules = kl_modules,
                        .coverage = a->o.coverage,
                        .grace_ms = STOP_GRACE_MS,
                        .state_file = a->state_file};
  kl_app_listen(a, &ho);
  a->output = kl_output_new(&a->loop, kl_app_output_has_room, a);
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

/* Who says --live means to trade. */
static bool may_be_live(const kl_app *a, kl_error *e) {
  if (a->first.key || !a->o.live || !a->o.trades || strcmp(a->first.env_name, "prod") != 0) return true;
  kl_error_coded(e, KL_ERR_CONFIG, "key_missing",
                 "--live sends orders, which needs an API key of prod: give --key-id and --key (KALSHI_API_KEY_ID, "
                 "KALSHI_PRIVATE_KEY_PATH)");
  return false;
}

void kl_app_heed_kill(kl_app *a) {
  char why[sizeof a->killed_why];
  for (kl_app_account *x = kl_app_account_next(a, NULL); x; x = kl_app_account_next(a, x)) {
    if (!kl_app_real(x) || x->killed || !kl_kill_mark_read(why, sizeof why)) continue;
    x->killed = true;
    kl_desk_halt(x->desk, why);
    if (!a->killed) kl_log_warn("kalua", "%s", why);
    a->killed = true;
  }
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
  a->first.app = a;
  a->first.place = &a->environment.place;
  kl_list_init(&a->first.waiters);
  a->quiet = o->quiet;
  a->started_ns = kl_mono_ns(kl_clock_real());
  a->opened_ms = kl_wall_ms(kl_clock_real());
  a->expectations = kl_expectations_new();
  bool paper = false;
  bool ok = kl_connect_options_check(o, e) && kl_settings_load(&a->first.settings, ".env", e) &&
            kl_limits_read(&o->risk, a->first.settings, &a->first.risk, e) && open_log(a, e);
  if (ok) {
    kl_settings_warn(a->first.settings, ".env");
    /* The host reads it from the environment, which wins. */
    const char *modules = kl_settings_get(a->first.settings, NULL, "KALUA_PATH");
    if (modules) setenv("KALUA_PATH", modules, 0);
    a->loop_open = uv_loop_init(&a->loop) == 0;
    if (!a->loop_open) kl_error_set(e, KL_ERR_INTERNAL, "no event loop: are too many files open?");
    if (a->loop_open) a->notifier = kl_notifier_open(&a->loop);
    ok = a->loop_open && open_state(a, e) && choose_exchange(a, e) &&
         kl_paper_mode_choose(o, a->first.env_name, &paper, e) && may_be_live(a, e) && hide_files(a, e) &&
         kl_app_journal_choose(&a->first, paper, paper ? a->state_names[STATE_PAPER] : a->o.state, e);
    if (!ok) kl_settings_wipe(a->first.settings, "KALSHI_PRIVATE_KEY");
    ok = ok && open_handles(a, e);
  }
  if (ok) {
    if (kl_app_session_open(&a->first, paper, e))
      a->http =
          kl_http_new(&a->loop, &(kl_http_options){.ca_file = a->first.ca_file, .user_agent = "kalua/" KL_VERSION}, e);
    ok = a->http != NULL;
  }
  if (ok && paper)
    ok = kl_paper_mode_open(o, &a->loop, a->first.session, a->state_names[STATE_PAPER], &a->first.paper,
                            &a->first.account, e);
  ok = ok && kl_app_desk_open(&a->first, e);
  if (!ok) {
    kl_app_close(a);
    return false;
  }
  kl_app_account_show(&a->first);
  a->environment = (kl_environment){.place = a->environment.place,
                                    .http = a->http,
                                    .ca_file = a->first.ca_file,
                                    .version = version,
                                    .store = paper ? "paper" : a->first.env_name,
                                    .expectations = a->expectations,
                                    .collect = kl_monitoring_collect,
                                    .collect_data = a,
                                    .connect = kl_app_connect,
                                    .next_place = kl_app_next_place,
                                    .connect_data = a};
  *out = a;
  return true;
}

/* ---- closing ---- */

static void http_closed(void *data) { kl_app_of(data)->http = NULL; }

static void close_leftover(uv_handle_t *h, void *data) {
  (void)data;
  if (!uv_is_closing(h)) uv_close(h, NULL);
}

static bool writes_pending(kl_app *a) {
  size_t n = kl_app_writes_pending(a);
  for (kl_app_account *x = kl_app_account_next(a, NULL); x; x = kl_app_account_next(a, x))
    if (x->desk) n += kl_desk_writes_pending(x->desk);
  return n > 0;
}

void kl_app_await_writes(kl_app *a) {
  int64_t until = kl_mono_ns(kl_clock_real()) + (int64_t)WRITES_GRACE_MS * 1000000;
  kl_app_turn_often(a);
  while (writes_pending(a) && kl_mono_ns(kl_clock_real()) < until && a->interrupts < 2) {
    uv_run(&a->loop, UV_RUN_ONCE);
  }
  uv_timer_stop(&a->deadline);
}

static void wait_for_writes(kl_app *a) {
  kl_app_await_writes(a);
  size_t pending = kl_app_writes_pending(a);
  if (pending) {
    kl_log_error("kalua", "%zu orders or cancels are still without an answer; look at get_orders before trading on",
                 pending);
  }
}

void kl_app_close_control(kl_app *a) {
  kl_prompt_close(a->prompt);
  a->prompt = NULL;
  kl_control_close(a->control);
  a->control = NULL;
}

/* What was listened to goes on to do nothing: the process ends, with the exit code that it has, and is not ended by the
 * second press while it writes down what it knows. */
static void close_signal(uv_signal_t *h) {
  int number = uv_is_active((uv_handle_t *)h) ? h->signum : 0;
  sigset_t one, before;
  sigemptyset(&one);
  if (number) sigaddset(&one, number);
  (void)pthread_sigmask(SIG_BLOCK, &one, &before); /* closing it brings the default back, for a moment */
  uv_close((uv_handle_t *)h, NULL);
  if (number) signal(number, SIG_IGN);
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void kl_app_close(kl_app *a) {
  if (!a) return;
  kl_monitoring_close(a);
  kl_app_close_control(a);
  kl_app_accounts_stop(a);
  if (a->first.session) {
    wait_for_writes(a);
    if (!writes_pending(a)) {
      for (kl_app_account *x = kl_app_account_next(a, NULL); x; x = kl_app_account_next(a, x))
        if (x->desk) kl_desk_tidy(x->desk);
      wait_for_writes(a);
    }
    kl_app_accounts_close(a);
    if (a->http) kl_http_close(a->http, http_closed, a);
    while (a->http)
      uv_run(&a->loop, UV_RUN_ONCE);
  }
  if (a->host) kl_host_close(a->host);
  kl_stores_close(a->environment.stores);
  kl_notifier_close(a->notifier);
  (void)kl_state_file_close(a->state_file, NULL); /* the log has what went wrong */
  kl_output_close(a->output);
  if (a->loop_open) {
    if (a->handles_open) {
      close_signal(&a->on_int);
      close_signal(&a->on_term);
      close_signal(&a->on_hup);
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
  kl_expectations_free(a->expectations);
  kl_bus_free(a->environment.bus);
  kl_metric_store_free(a->environment.metrics);
  kl_shadows_free(a->environment.shadows);
  kl_app_accounts_free(a);
  for (size_t i = 0; i < a->n_secrets; i++)
    free((char *)(uintptr_t)a->secret_files[i]);
  if (a->o.log_file && kl_log_lost()) {
    fprintf(stderr, "kalua: %" PRIu64 " lines of the log are lost: %s could not be written; is the disk full?\n",
            kl_log_lost(), a->o.log_file);
  }
  kl_log_close();
  free(a);
}
