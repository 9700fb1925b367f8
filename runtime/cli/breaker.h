/* Risk limits of the command line, and what becomes of a script whose breaker has opened: it is stopped, and only a
 * person starts it again. */
#ifndef KL_BREAKER_H
#define KL_BREAKER_H

#include "cli/app.h"
#include "cli/settings.h"

/* The account's limits: KALUA_RISK, and over that the values of --risk, limit by limit. False with `e`. */
bool kl_limits_read(const kl_text_list *flags, const kl_settings *s, kl_limit_values *out, kl_error *e);

/* Limits of each account beside those that it has, also of those to come: the tighter one holds. */
void kl_breaker_limit_account(kl_app *a, const kl_limit_values *v);
/* The same of a script at one desk: its limits, its order group. False with `e`. */
bool kl_breaker_limit_on(kl_desk *d, const char *name, const kl_limit_values *v, kl_count order_group, bool resume,
                         kl_error *e);
/* The limits of a strategy that is about to start under this name, and the contracts of its order group (0: none of its
 * own), at each account; with `resume` it goes on where it was halted. False with `e`. */
bool kl_breaker_limit(kl_app *a, const char *name, const kl_limit_values *v, kl_count order_group, bool resume,
                      kl_error *e);

/* For kl_desk_options.stop, with the app as `data`: ends the party's script (all of them where `p` is NULL), and
 * halts it at the other accounts. */
void kl_breaker_stop(void *data, kl_party *p, const char *why);
/* An account has been added: scripts that are halted at one are halted at all, and end no more than they have. */
void kl_breaker_join(kl_app *a);
/* The same for another host's scripts. */
void kl_breaker_stop_in(kl_host *h, kl_party *p, const char *why);
bool kl_breaker_runs_in(kl_host *h, const kl_party *p);
/* For kl_desk_options.runs, with the app as `data`. */
bool kl_breaker_runs(void *data, const kl_party *p);
/* Whether it has halted the strategy. */
bool kl_breaker_open(kl_app *a, const kl_strategy *g);
/* For kl_control_on_start, with the app as `data`. */
bool kl_breaker_may_start(void *data, kl_strategy *g, bool resume, bool *lifted, kl_error *e);

#endif
