/* The accounts of profiles: opened when a script first connects to one, kept until the process ends. What takes its
 * time (files, keys) is done by a thread of the pool, and what the exchange is asked is waited for by the loop. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/app_impl.h"
#include "cli/breaker.h"
#include "cli/monitoring.h"
#include "cli/paper_mode.h"
#include "cli/real_orders.h"

/* ---- the end of an opening ---- */

static void tell(kl_app_account *x, const kl_error *e) {
  while (!kl_list_empty(&x->waiters)) {
    kl_place_waiter *w = KL_CONTAINER(x->waiters.next, kl_place_waiter, link);
    kl_list_remove(&w->link);
    w->done(w->data, e ? NULL : x->place, e);
  }
}

static void unlink_opening(kl_app_account *x) {
  kl_app_account **at = &x->app->opening;
  while (*at != x)
    at = &(*at)->next;
  *at = x->next;
  x->next = NULL;
}

static void forget(kl_app_account *x) {
  unlink_opening(x);
  tell(x, &x->error);
  kl_key_release(x->key);
  kl_profile_close(&x->profile);
  free(x);
}

static void market_gone(void *data) { forget(data); }

static void account_gone(void *data) {
  kl_app_account *x = data;
  x->account = NULL;
  kl_paper_exchange_close(x->paper);
  x->paper = NULL;
  kl_session_close(x->session, market_gone, x);
}

/* It could not be opened: x->error says why. The next who connects tries again. */
static void fail(kl_app_account *x) {
  if (x->account)
    kl_session_close(x->account, account_gone, x);
  else if (x->session)
    kl_session_close(x->session, market_gone, x);
  else
    forget(x);
}

static void desk_gone(void *data) {
  ((kl_app_account *)data)->desk = NULL;
  fail(data);
}

/* ---- limits ---- */

/* Of the account: what its profile sets, and what it leaves open as the first account has it; of these and those of the
 * command line and the project the tighter one. */
static bool choose_limits(kl_app_account *x) {
  kl_limit_values flags = {0};
  const kl_limit_values *first = &x->app->first.risk;
  for (size_t i = 0; i < x->app->o.risk.n; i++)
    if (!kl_limits_parse(x->app->o.risk.items[i], &flags, &x->error)) return false;
  x->risk = x->profile.risk;
  for (int i = 0; i < KL_LIMITS; i++)
    if (!(x->risk.set >> i & 1)) x->risk.value[i] = first->value[i];
  x->risk.set |= first->set;
  kl_limits_tighten(&x->risk, &flags);
  kl_limits_tighten(&x->risk, &x->app->limits);
  return true;
}

static bool limit_scripts(kl_app_account *x) {
  for (const kl_app_limit *l = x->app->script_limits; l; l = l->next)
    if (!kl_breaker_limit_on(x->desk, l->name, &l->risk, l->order_group, x->app->resume, &x->error)) return false;
  return true;
}

/* ---- the listing ---- */

void kl_app_account_list(kl_app_account *x) {
  if (!kl_app_real(x)) return; /* a paper account has no orders on the account that its key is of */
  char key_path[PATH_MAX], ca_path[PATH_MAX], file[PATH_MAX];
  const char *key_of = x->profile.name[0] ? x->profile.key_path
                                          : kl_settings_get(x->settings, x->app->o.key_path, "KALSHI_PRIVATE_KEY_PATH");
  const kl_listed_account account = {.env = x->env_name,
                                     .rest_url = x->rest_url,
                                     .ca_file = x->ca_file ? realpath(x->ca_file, ca_path) : NULL,
                                     .key_id = x->key_id,
                                     .key_path = key_of ? realpath(key_of, key_path) : NULL,
                                     .profile = x->profile.name[0] ? x->profile.name : NULL,
                                     .settings = x->profile.in_file ? realpath(x->profile.file, file) : NULL};
  kl_control_account(x->app->control, &account);
}

/* ---- the steps ---- */

static bool desk_opens(kl_app_account *x) {
  return choose_limits(x) && kl_app_desk_open(x, &x->error) && limit_scripts(x) &&
         kl_monitoring_join(x->app, x, &x->error);
}

static void say(const kl_app_account *x) {
  kl_buf limits = {0};
  kl_limits_list(&x->risk, &limits);
  const char *what = x->embedded ? "of the embedded exchange" : x->paper ? "on paper" : "orders are real";
  if (limits.len && !limits.failed)
    kl_log_info("kalua", "connected to account %s: %s, %s; limits: %.*s", x->profile.name, x->env_name, what,
                (int)limits.len, limits.data);
  else
    kl_log_write(kl_app_real(x) && !strcmp(x->env_name, "prod") ? KL_LOG_WARN : KL_LOG_INFO, "kalua",
                 "connected to account %s: %s, %s; nothing limits what is ordered there", x->profile.name, x->env_name,
                 what);
  kl_buf_free(&limits);
}

/* Its sessions are there. */
static void finish(kl_app_account *x) {
  kl_app *a = x->app;
  kl_app_account **end = &a->first.next;
  if (!desk_opens(x)) {
    if (x->desk)
      kl_desk_close(x->desk, desk_gone, x); /* it has sent nothing */
    else
      fail(x);
    return;
  }
  unlink_opening(x);
  while (*end)
    end = &(*end)->next;
  *end = x;
  kl_app_account_show(x);
  kl_app_heed_kill(a);
  if (a->killed_why[0]) kl_desk_halt(x->desk, a->killed_why);
  size_t listed = strlen(a->listed);
  if (listed) snprintf(a->listed + listed, sizeof a->listed - listed, ", %s", x->profile.name);
  kl_breaker_join(a);
  kl_app_account_list(x);
  kl_account_read(kl_app_session_of(x), &x->before); /* for the summary */
  say(x);
  tell(x, NULL);
}

/* The exchange has said whose it is, where it could. Nothing is waited for from here on, so that whoever asks later
 * finds it among those that are open. */
static void compared(kl_app_account *x) {
  if (x->error.kind)
    fail(x);
  else
    finish(x);
}

static void compare(kl_app_account *x) {
  if (!kl_app_account_compare(x, compared)) finish(x);
}

static void live_read(void *data, const kl_live_account *live) {
  kl_app_account *x = data;
  x->reading = NULL;
  if (kl_paper_mode_begin(&x->app->o, &x->app->loop, x->session, live, x->paper_state[0] ? x->paper_state : NULL,
                          &x->paper, &x->account, &x->error))
    compare(x);
  else
    fail(x);
}

/* Two desks of one account would each know half of what is ordered there. */
static bool is_not_of(kl_app_account *x, const kl_app_account *all) {
  for (const kl_app_account *y = all; y; y = y->next) {
    if (!kl_app_accounts_comparable(x, y) || strcmp(x->key_id, y->key_id) != 0) continue;
    kl_error_coded(&x->error, KL_ERR_CONFIG, "account_twice",
                   "profile %s (%s) has the API key %s, with which this process trades already: %s%s", x->profile.name,
                   x->profile.file, x->key_id, y->profile.name[0] ? "profile " : "it is the account of `kalshi` itself",
                   y->profile.name);
    return false;
  }
  return true;
}

/* Neither is it open, nor being opened. */
static bool is_another(kl_app_account *x) { return is_not_of(x, &x->app->first) && is_not_of(x, x->app->opening); }

/* Files beside those that --state means are the profile's. */
static bool choose_files(kl_app_account *x, bool paper) {
  char state[1000];
  const char *base = x->app->o.state;
  if (x->profile.there && !kl_app_hide(x->app, x->profile.file, &x->error)) return false;
  if (x->profile.key_path && !kl_app_hide(x->app, x->profile.key_path, &x->error)) return false;
  int n = base ? snprintf(state, sizeof state, "%s.%s", base, x->profile.name) : 0;
  if (n < 0 || (size_t)n >= sizeof state) {
    kl_error_coded(&x->error, KL_ERR_CONFIG, "journal_unusable", "--state: the path is too long");
    return false;
  }
  if (base && paper) {
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    snprintf(x->paper_state, sizeof x->paper_state, "%s.paper", state);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
      char name[sizeof x->paper_state + 8];
      snprintf(name, sizeof name, "%s%s", x->paper_state, suffixes[i]);
      if (!kl_app_hide(x->app, name, &x->error)) return false;
    }
  }
  return kl_app_journal_choose(x, paper, !base ? NULL : paper ? x->paper_state : state, &x->error);
}

static void take_profile(kl_app_account *x) {
  const kl_profile *p = &x->profile;
  memcpy(x->env_name, p->env, sizeof x->env_name);
  memcpy(x->rest_url, p->rest_url, sizeof x->rest_url);
  memcpy(x->ws_url, p->ws_url, sizeof x->ws_url);
  memcpy(x->key_id, p->key_id, sizeof x->key_id);
  memcpy(x->key_origin, p->key_origin, sizeof x->key_origin);
  x->ca_file = p->ca_file;
  x->embedded = p->embedded;
  x->key = kl_key_retain(p->key);
}

static void was_read(uv_work_t *work, int status) {
  kl_app_account *x = work->data;
  kl_app *a = x->app;
  x->in_pool = false;
  if (x->ok) x->profile = x->fresh;
  if (status != 0 || a->closing) {
    if (!x->error.kind) kl_error_set(&x->error, KL_ERR_CLOSED, "the process ends");
    x->ok = false;
  }
  if (!x->ok) {
    fail(x);
    return;
  }
  take_profile(x);
  bool paper = kl_paper_mode_of(&a->o, x->env_name);
  if (!is_another(x) || !choose_files(x, paper) || !kl_app_session_open(x, paper, &x->error)) {
    fail(x);
    return;
  }
  if (!paper) {
    compare(x);
    return;
  }
  x->reading = kl_live_account_start(x->session, live_read, x, &x->error);
  if (!x->reading) fail(x);
}

/* On a thread of the pool. */
static void read_profile(uv_work_t *work) {
  kl_app_account *x = work->data;
  const kl_profile_base base = kl_app_profile_base(x->app);
  x->ok = kl_profile_read(&base, x->profile.name, &x->fresh, &x->error);
}

/* ---- connecting ---- */

static kl_app_account *find(kl_app_account *first, const char *profile) {
  kl_app_account *x = first;
  while (x && strcmp(x->profile.name, profile) != 0)
    x = x->next;
  return x;
}

static kl_app_account *account_new(kl_app *a, const char *profile, kl_error *e) {
  kl_app_account *x = calloc(1, sizeof *x);
  if (!x) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for another account");
    return NULL;
  }
  x->app = a;
  x->place = &x->own;
  x->work.data = x;
  kl_list_init(&x->waiters);
  snprintf(x->profile.name, sizeof x->profile.name, "%s", profile);
  if (uv_queue_work(&a->loop, &x->work, read_profile, was_read) != 0) {
    kl_error_set(e, KL_ERR_INTERNAL, "another account cannot be opened: no thread can be started");
    free(x);
    return NULL;
  }
  x->in_pool = true;
  x->next = a->opening;
  a->opening = x;
  return x;
}

bool kl_app_connect(void *data, const char *profile, kl_place_waiter *w, kl_place **out, kl_error *e) {
  kl_app *a = data;
  kl_app_account *x = find(a->first.next, profile);
  *out = x ? x->place : NULL;
  if (x || !w) return true;
  if (a->closing) {
    kl_error_set(e, KL_ERR_CLOSED, "the process ends");
    return false;
  }
  x = find(a->opening, profile);
  if (!x) x = account_new(a, profile, e);
  if (!x) return false;
  kl_list_append(&x->waiters, &w->link);
  return true;
}

kl_place *kl_app_next_place(void *data, const kl_place *after) {
  kl_app *a = data;
  kl_app_account *x = kl_app_account_next(a, NULL);
  while (after && x && x->place != after)
    x = x->next;
  if (after && x) x = x->next;
  return x ? x->place : NULL;
}

void kl_app_accounts_stop(kl_app *a) {
  a->closing = true;
  for (kl_app_account *x = a->opening, *next; x; x = next) {
    next = x->next;
    if (x->in_pool) (void)uv_cancel((uv_req_t *)&x->work); /* its end comes either way */
    if (!x->reading && !x->asking) continue;
    kl_live_account_stop(x->reading);
    if (x->asking) kl_call_cancel(x->asking);
    x->reading = NULL;
    x->asking = NULL;
    kl_error_set(&x->error, KL_ERR_CLOSED, "the process ends");
    fail(x);
  }
  while (a->opening)
    uv_run(&a->loop, UV_RUN_ONCE);
}
