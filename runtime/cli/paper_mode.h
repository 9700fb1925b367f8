/* `--paper`, and prod without --live: when orders are paper, and what the process has for it. */
#ifndef KL_PAPER_MODE_H
#define KL_PAPER_MODE_H

#include "cli/connect_options.h"
#include "paper/live_account.h"
#include "paper/paper.h"

/* Whether what runs with these options trades on paper in an environment, that of any account. */
bool kl_paper_mode_of(const kl_connect_options *o, const char *env);
/* The same, once the options are looked at: false with `e` (kind "usage") where the options contradict each other, or
 * the command has no paper trading. */
bool kl_paper_mode_choose(const kl_connect_options *o, const char *env, bool *paper, kl_error *e);

/* Starts paper trading beside the session `market`, and opens the session of its account. `state` may be NULL. On
 * failure nothing is left open. */
bool kl_paper_mode_open(const kl_connect_options *o, uv_loop_t *loop, kl_session *market, const char *state,
                        kl_paper_exchange **paper, kl_session **account, kl_error *e);
/* The same with what was read of the live account before: the loop is not run. */
bool kl_paper_mode_begin(const kl_connect_options *o, uv_loop_t *loop, kl_session *market, const kl_live_account *live,
                         const char *state, kl_paper_exchange **paper, kl_session **account, kl_error *e);

#endif
