/* What every connecting command sets up: configuration, key, the embedded exchange, the session, scripts, signals; and
 * how it all ends. */
#ifndef KL_APP_H
#define KL_APP_H

#include <uv.h>

#include "bindings/bindings.h"
#include "cli/cli.h"
#include "cli/connect_options.h"
#include "cli/profile.h"
#include "control/control.h"
#include "paper/paper.h"
#include "script/strategy.h"
#include "sim/sim.h"

typedef struct kl_app kl_app;

/* Reads .env and the environment, opens the log, loads the key, starts the embedded exchange where `env` is sim and no
 * URL is given, opens the session. On failure nothing is left open. */
bool kl_app_open(const kl_connect_options *o, const char *version, kl_app **out, kl_error *e);
/* After kl_app_run, when the strategies have ended: what is not in the state file yet is written. False with `e` when
 * that fails. */
bool kl_app_save(kl_app *a, kl_error *e);
/* Closes everything in order and frees; waits up to 5 s for writes in flight. */
void kl_app_close(kl_app *a);

uv_loop_t *kl_app_loop(kl_app *a);
kl_session *kl_app_session(kl_app *a);
const kl_sim *kl_app_sim(const kl_app *a);  /* NULL without the embedded exchange */
kl_paper_exchange *kl_app_paper(kl_app *a); /* NULL: orders are no paper */
const char *kl_app_env(const kl_app *a);
const char *kl_app_rest_url(const kl_app *a);
const char *kl_app_ws_url(const kl_app *a);
kl_key *kl_app_key(const kl_app *a);        /* NULL without one; borrowed */
const char *kl_app_key_id(const kl_app *a); /* "" without a key */
/* That orders go to. */
kl_session *kl_app_account_session(kl_app *a);
/* The account session of the i-th account, of the command first and then of profiles that are open; NULL past the last.
 */
kl_session *kl_app_account_session_at(kl_app *a, size_t i);
/* What profiles leave open is as this has it; borrowed. */
kl_profile_base kl_app_profile_base(const kl_app *a);
const char *kl_app_key_origin(const kl_app *a); /* where the key came from; NULL without one */

/* Starts a script from a file (`path`; its name is the file's without .lua, with -2 and so on where that is taken) or
 * from an embedded module (`module` not NULL, under `name`) with arguments. */
bool kl_app_start(kl_app *a, const char *path, const char *module, const char *name, char *const *args, kl_error *e);
/* The same with all options; `env`, `watch` and a missing name are filled in. */
bool kl_app_start_strategy(kl_app *a, const kl_strategy_options *o, kl_error *e);
/* The same with risk limits and an order group (contracts in 15 s; 0: none) of its own. */
bool kl_app_start_limited(kl_app *a, const kl_strategy_options *o, const kl_limit_values *risk, kl_count order_group,
                          kl_error *e);
/* Starts `o` as the shadow of a strategy that was started, under the name of that one with "+shadow" behind it; `env`
 * and `watch` are filled in. */
bool kl_app_start_shadow(kl_app *a, kl_strategy *of, const kl_strategy_options *o, kl_error *e);
/* What the scripts run in. */
kl_environment *kl_app_environment(kl_app *a);
/* The strategies that were started, as kl_strategy_next. */
kl_strategy *kl_app_strategy_next(kl_app *a, const kl_strategy *g);
/* What the command line says for every script; borrowed texts. */
void kl_app_strategy_options(const kl_app *a, kl_strategy_options *out);
/* Somebody who is told what scripts print and how they end, in place of the terminal and of the exit code. */
typedef struct kl_app_listener {
  void *data;
  void (*print)(void *data, kl_script *s, const char *text, size_t n);
  /* `message` NULL: it did not fail; `traceback` may be NULL. Borrowed. */
  void (*ended)(void *data, kl_strategy *g, const char *message, const char *traceback);
} kl_app_listener;
/* Borrowed until kl_app_close; before the first script is started. */
void kl_app_set_listener(kl_app *a, const kl_app_listener *l);
/* Signals so far that asked for the end. */
int kl_app_interrupts(const kl_app *a);
/* Runs the loop until all scripts ended, a signal came or `seconds` (0: no limit) passed; then stops the rest. Returns
 * the exit code: of the first failed script, 130 after a signal. */
int kl_app_run(kl_app *a, double seconds);
/* kl_app_run has status rows at the bottom of a terminal. */
void kl_app_show_status(kl_app *a);
/* Stops what runs, as a first Ctrl-C does. */
void kl_app_stop(kl_app *a);
/* Whether a strategy runs, or will again. */
bool kl_app_running(const kl_app *a);
/* As a second Ctrl-C: all stop at once, without their on_stop handlers, and kl_app_run returns 130. */
void kl_app_kill(kl_app *a);
/* kl_app_run does not return while it is held, though nothing runs any more. */
void kl_app_hold(kl_app *a);
void kl_app_release(kl_app *a);
kl_host *kl_app_host(kl_app *a);
kl_control *kl_app_control(kl_app *a); /* NULL before kl_app_show, or where there is none */
/* Instead of kl_app_run: stops at once what was started. */
void kl_app_abandon(kl_app *a);
/* The scripts are the body of a command: their errors are told like those of C, without name and traceback. */
void kl_app_tool_errors(kl_app *a, bool on);
/* What runs are strategies of the user's, not the body of a command: before the first is started. */
void kl_app_strategies(kl_app *a);
/* `kalua ps` shows what runs, also from other terminals: before the first is started. A part of kl_app_strategies. */
void kl_app_show(kl_app *a);
/* Prefix the output of each script with its name. */
void kl_app_prefix_output(kl_app *a, bool on);

/* Scripts that a breaker has halted go on: before the first is started. */
void kl_app_resume(kl_app *a);
/* Where orders are real on prod: the log says what limits them. Once all scripts have started. */
void kl_app_say_real(kl_app *a);
/* Logs which orders are left on an exchange. Prints the end summary to stderr (time, messages, orders, fills, cash,
 * position, errors; the account's part by the exchange's own record); returns KL_EXIT_EXPECT when a threshold of
 * kalua.expect was missed, else KL_EXIT_OK. With `quiet` it only checks the thresholds. */
int kl_app_summary(kl_app *a, bool quiet);

#endif
