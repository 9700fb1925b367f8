/* Accounts of the app: session, journal, desk, and their end. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/app_impl.h"
#include "cli/breaker.h"
#include "cli/journal_path.h"

static const char *const journal_suffixes[] = {"", "-wal", "-shm"};

kl_app_account *kl_app_account_next(kl_app *a, const kl_app_account *after) { return after ? after->next : &a->first; }

/* ---- opening ---- */

/* A signature made ahead is one that somebody else could use within its second, so with real money it is asked for. */
enum { PRESIGN_DEFAULT_MS = 1000 };
static int presign_ms(const kl_app_account *x) {
  if (x->app->o.presign_ms >= 0) return (int)x->app->o.presign_ms;
  return strcmp(x->env_name, "prod") != 0 ? PRESIGN_DEFAULT_MS : 0;
}

bool kl_app_session_open(kl_app_account *x, bool paper, kl_error *e) {
  const kl_connect_options *o = &x->app->o;
  const kl_session_options so = {.env = x->env_name,
                                 .rest_url = x->rest_url,
                                 .ws_url = x->ws_url,
                                 .ca_file = x->ca_file,
                                 .key_id = x->key ? x->key_id : NULL,
                                 .key = x->key,
                                 .live = o->live,
                                 .read_only = paper,
                                 .presign_ms = presign_ms(x),
                                 .audit_ms = o->audit_s * 1000,
                                 .clock = kl_clock_real(),
                                 .user_agent = "kalua/" KL_VERSION};
  x->session = kl_session_new(&x->app->loop, &so, e);
  return x->session != NULL;
}

/* Orders of strategies outlive the process, those of tools and tests do not. */
bool kl_app_journal_choose(kl_app_account *x, bool paper, const char *state, kl_error *e) {
  char name[sizeof x->journal_path + 8];
  if (!x->app->o.keeps_state) return true;
  const kl_journal_account account = {
      .env = x->env_name, .key_id = x->key_id, .state = state, .embedded = x->embedded || paper};
  if (!kl_journal_path(&account, x->journal_path, sizeof x->journal_path, e)) return false;
  for (size_t i = 0; x->journal_path[0] && i < sizeof journal_suffixes / sizeof *journal_suffixes; i++) {
    snprintf(name, sizeof name, "%s%s", x->journal_path, journal_suffixes[i]);
    if (!kl_app_hide(x->app, name, e)) return false;
  }
  return true;
}

bool kl_app_desk_open(kl_app_account *x, kl_error *e) {
  kl_app *a = x->app;
  char account[sizeof x->env_name + sizeof x->key_id + 1];
  snprintf(account, sizeof account, "%s %s", x->env_name, x->key_id);
  const kl_desk_options o = {.loop = &a->loop,
                             .session = kl_app_session_of(x),
                             .market_session = x->session,
                             .clock = kl_clock_real(),
                             .journal_path = x->journal_path[0] ? x->journal_path : NULL,
                             .journal_account = account,
                             .limits = x->risk,
                             .stop = kl_breaker_stop,
                             .stop_data = a,
                             .group_limit = a->o.order_group * KL_COUNT_ONE,
                             .lease_s = a->o.lease_s,
                             .runs = kl_breaker_runs,
                             .runs_data = a,
                             .journal_sync = a->o.orders_sync};
  if (a->o.orders_sync && !x->journal_path[0] && a->o.keeps_state) {
    kl_error_set(e, "usage",
                 "--orders-sync: orders are not kept on the embedded exchange, or without a key; say with "
                 "--state FILE where");
    return false;
  }
  if (!kl_desk_open(&o, &x->desk, e)) return false;
  kl_app_heed_kill(a);
  return true;
}

void kl_app_account_show(kl_app_account *x) {
  const char *name = x->profile.name;
  snprintf(x->shown, sizeof x->shown, "%s%s%s%s", x->paper ? "paper/" : "", x->env_name, name[0] ? " " : "", name);
  *x->place = (kl_place){.profile = name[0] ? name : NULL,
                         .session = x->session,
                         .account_session = kl_app_session_of(x),
                         .desk = x->desk,
                         .env = x->env_name,
                         .wishes = x->place->wishes};
}

/* ---- the end ---- */

size_t kl_app_writes_pending(kl_app *a) {
  size_t n = 0;
  for (kl_app_account *x = kl_app_account_next(a, NULL); x; x = kl_app_account_next(a, x))
    if (x->session) n += kl_session_writes_pending(kl_app_session_of(x));
  return n;
}

static void session_closed(void *data) { ((kl_app_account *)data)->session = NULL; }
static void account_closed(void *data) { ((kl_app_account *)data)->account = NULL; }
static void desk_closed(void *data) { ((kl_app_account *)data)->desk = NULL; }

static void close_one(kl_app_account *x) {
  uv_loop_t *loop = &x->app->loop;
  if (x->desk) kl_desk_close(x->desk, desk_closed, x);
  while (x->desk)
    uv_run(loop, UV_RUN_ONCE);
  x->place->desk = NULL;
  if (x->account) kl_session_close(x->account, account_closed, x);
  while (x->account)
    uv_run(loop, UV_RUN_ONCE);
  kl_paper_exchange_close(x->paper);
  x->paper = NULL;
  if (x->session) kl_session_close(x->session, session_closed, x);
  while (x->session)
    uv_run(loop, UV_RUN_ONCE);
}

void kl_app_accounts_close(kl_app *a) {
  for (kl_app_account *x = kl_app_account_next(a, NULL); x; x = kl_app_account_next(a, x))
    close_one(x);
}

static void account_fini(kl_app_account *x) {
  kl_wishes_free(x->place ? x->place->wishes : NULL);
  kl_key_release(x->key);
  kl_settings_free(x->settings);
}

void kl_app_accounts_free(kl_app *a) {
  for (kl_app_account *x = a->first.next, *next; x; x = next) {
    next = x->next;
    account_fini(x);
    kl_profile_close(&x->profile);
    free(x);
  }
  account_fini(&a->first);
  for (kl_app_limit *l = a->script_limits, *next; l; l = next) {
    next = l->next;
    free(l);
  }
}
