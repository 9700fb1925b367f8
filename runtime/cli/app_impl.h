/* What the files of the app share: app.c (scripts, signals, running, the summary), app_open.c (how it all is set up and
 * ends). */
#ifndef KL_APP_IMPL_H
#define KL_APP_IMPL_H

#include "bindings/expect.h"
#include "cli/account.h"
#include "cli/app.h"
#include "cli/notify.h"
#include "cli/output.h"
#include "cli/profile.h"
#include "cli/settings.h"
#include "paper/live_account.h"
#include "prompt/prompt.h"
#include "script/state_file.h"
#include "trading/desk.h"

/* The scripts' state, the embedded exchange and the paper account beside it, and what SQLite keeps beside each. */
enum { STATE_SCRIPTS, STATE_EXCHANGE, STATE_PAPER, STATE_NAMES = 6 };

/* One account that is traded on: its session, its desk and what belongs to both. The first is that of the command, the
 * others those of profiles that scripts have connected to (accounts.c). */
typedef struct kl_app_account {
  struct kl_app_account *next; /* in order of their opening */
  kl_app *app;
  kl_place *place;       /* for bindings: the environment's, or `own` */
  kl_place own;          /* of a profile's */
  kl_profile profile;    /* of a profile's; without a name of the first */
  kl_settings *settings; /* of .env and the environment; of the first */
  kl_key *key;           /* NULL: none */
  bool embedded;         /* it is on the embedded exchange */
  bool killed;           /* `kalua kill` has stopped trading there */
  kl_session *session;
  kl_paper_exchange *paper; /* NULL: orders are what they are */
  kl_session *account;      /* of its account; NULL: `session` has the account */
  kl_desk *desk;            /* that the scripts' orders go through */
  kl_limit_values risk;     /* of the account */
  char rest_url[256], ws_url[256], env_name[8];
  int64_t feed_away_ns; /* monotonic: since when a connection of its feed is missing that is wanted; 0: none is */
  char shown[64];       /* the environment as people are told of it, and the profile */
  char key_id[128];
  char key_origin[320];
  const char *ca_file;
  kl_account_snapshot before, after;
  int64_t orders, fills;   /* at the end; -1: not known */
  char paper_state[1024];  /* "": none */
  char journal_path[1024]; /* of orders; "": none */
  /* While it is opened. */
  uv_work_t work;
  bool in_pool;                               /* it is read */
  kl_profile fresh;                           /* what was */
  kl_call *asking;                            /* for the keys of an account, */
  struct kl_app_account *asked;               /* of this one, */
  void (*compared)(struct kl_app_account *x); /* and who wants to know */
  kl_live_reading *reading;
  kl_list waiters; /* of kl_place_waiter.link */
  bool ok;
  kl_error error;
} kl_app_account;

/* What a script may order that is about to start; it holds on each account. */
typedef struct kl_app_limit {
  struct kl_app_limit *next;
  kl_limit_values risk;
  kl_count order_group;
  char name[];
} kl_app_limit;

enum { SECRETS_MOST = 512 };

struct kl_app {
  kl_environment environment; /* first: bindings get the app as their environment */
  kl_connect_options o;       /* borrowed texts */
  uv_loop_t loop;
  kl_sim *sim;
  kl_app_account first;    /* that of the command; behind it those that are open */
  kl_app_account *opening; /* those of profiles that are not open yet */
  kl_limit_values limits;  /* of every account, beside its own */
  kl_app_limit *script_limits;
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
  kl_output *output;                /* of print */
  const kl_app_listener *listener;  /* NULL: none */
  int interrupts;                   /* signals so far */
  int64_t interrupted_ns;           /* when the last one of them came; 0: none */
  int holds;                        /* kl_app_hold */
  struct kl_monitoring *monitoring; /* NULL: nothing is measured */
  bool shows;                       /* kl_app_show_status */
  bool resume;                      /* kl_app_resume */
  int exit_code;
  bool prefix, tool_errors;
  bool quiet;      /* what is said goes to the control socket only: a prompt shows it */
  bool strategies; /* what runs is the user's: it is watched, reloaded, and may be started again */
  bool had_terminal;
  bool loop_open, handles_open;
  bool stdout_broken;
  bool killed;          /* `kalua kill` has stopped trading */
  char listed[160];     /* what `kalua ps` shows as the environment: with the profiles that are open */
  bool closing;         /* no account is opened any more */
  bool halting;         /* a script, at the accounts that have not halted it themselves */
  char killed_why[160]; /* said to the desks of accounts that are opened yet; "": nothing */
  int64_t started_ns, started_ms, opened_ms;
  uint64_t script_errors;
  kl_expectations *expectations;
  char web_token_path[1024];                  /* "": there is no such place */
  const char *secret_files[SECRETS_MOST + 1]; /* no script gets them: owned, NULL-terminated */
  size_t n_secrets;
  char stores[1024]; /* the folder of the scripts' stores; the same */
};

static inline kl_app *kl_app_of(void *data) { return data; }

/* That of orders and the account. */
static inline kl_session *kl_app_account_of(const kl_app *a) {
  return a->first.account ? a->first.account : a->first.session;
}
static inline kl_session *kl_app_session_of(const kl_app_account *x) { return x->account ? x->account : x->session; }
/* Its orders are on an exchange that outlives the process. */
static inline bool kl_app_real(const kl_app_account *x) { return x->desk && x->key && !x->embedded && !x->paper; }

/* ---- app.c ---- */

/* What the scripts say and how they end comes here. */
void kl_app_listen(kl_app *a, kl_host_options *out);
void kl_app_output_has_room(void *app); /* of a->output */
/* The loop turns every 50 ms until a->deadline is stopped: whoever waits looks at the clock in between. */
void kl_app_turn_often(kl_app *a);

/* ---- app_open.c ---- */

/* The account of the command and those of profiles that are open, in this order: NULL begins, NULL ends. */
kl_app_account *kl_app_account_next(kl_app *a, const kl_app_account *after);
/* Runs the loop until the writes under way are answered, for a few seconds at most. */
void kl_app_await_writes(kl_app *a);
/* Nothing is sent where `kalua kill` has stopped trading. */
void kl_app_heed_kill(kl_app *a);
/* Nothing runs any more that others could see or change. */
void kl_app_close_control(kl_app *a);
/* No script gets the file, whatever it is allowed. False with `e`. */
bool kl_app_hide(kl_app *a, const char *path, kl_error *e);

/* ---- account_open.c: what the first and the others have in common ---- */

/* That of the market: of an account whose exchange and key are known. */
bool kl_app_session_open(kl_app_account *x, bool paper, kl_error *e);
/* Where its orders are kept; `state` as --state has it, or NULL. Hides those files from scripts. */
bool kl_app_journal_choose(kl_app_account *x, bool paper, const char *state, kl_error *e);
/* Its desk, with the limits of the account and of the scripts. */
bool kl_app_desk_open(kl_app_account *x, kl_error *e);
/* What people are told of it, and what bindings see. */
void kl_app_account_show(kl_app_account *x);
/* Writes of all accounts that are not answered. */
size_t kl_app_writes_pending(kl_app *a);
/* Closes desks and sessions of all, running the loop. */
void kl_app_accounts_close(kl_app *a);
/* Frees what is left of them, after the host. */
void kl_app_accounts_free(kl_app *a);

/* ---- account_same.c ---- */

/* Both have keys of one exchange, and neither has failed. */
bool kl_app_accounts_comparable(const kl_app_account *x, const kl_app_account *y);
/* Asks the exchange whether x, whose session is open, is an account that is open or being opened. `compared` comes from
 * the loop within some seconds; then x->error says which it is, or has no kind where it is another one, or nobody
 * knows, which is logged. False: there is nothing to ask, and `compared` does not come. */
bool kl_app_account_compare(kl_app_account *x, void (*compared)(kl_app_account *x));

/* ---- accounts.c ---- */

/* For kl_environment.connect, with the app as `data`. */
bool kl_app_connect(void *data, const char *profile, kl_place_waiter *w, kl_place **out, kl_error *e);
/* For kl_environment.next_place. */
kl_place *kl_app_next_place(void *data, const kl_place *after);
/* Nothing is opened any more; runs the loop until that is so. */
void kl_app_accounts_stop(kl_app *a);
/* Says to `kalua kill` of other processes what it trades on; where that cannot be, the log has it. */
void kl_app_account_list(kl_app_account *x);

#endif
