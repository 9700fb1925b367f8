/* How one version of a strategy takes the place of another: for strategy.c. */
#ifndef KL_RELOAD_H
#define KL_RELOAD_H

#include "script/internal.h"

/* A version became the one that runs: counters, times, hash. */
void kl_reload_made_live(kl_strategy *g, kl_script *s);
/* Watches the files of what runs and of what failed, where that is wanted; none once the strategy has ended. */
void kl_reload_watch(kl_strategy *g);
/* The state of the version that runs, or what is kept of the last one. */
bool kl_reload_capture(kl_strategy *g, kl_buf *out, int *schema, kl_error *e);
/* Has a reload done; `done` (may be NULL) is told. False with `e` when memory is out. */
bool kl_reload_want(kl_strategy *g, kl_reload_done *done, void *data, kl_error *e);
/* The version that ran has ended: no probation any more. A try that is under way goes on. */
void kl_reload_live_is_gone(kl_strategy *g);
/* Ends a try that is under way and the probation; who asked is told `e`. */
void kl_reload_give_up(kl_strategy *g, const kl_error *e);
/* The version that ran ended while another one started, and that one failed. */
void kl_strategy_nothing_runs(kl_strategy *g);
/* Remembers it as the last error. */
void kl_strategy_note_error(kl_strategy *g, const char *text, const char *code); /* code NULL: none */
void kl_strategy_forgive(kl_strategy *g); /* a mistake in files that have been mended is no mistake any more */
static inline const char *kl_strategy_code_of(const kl_error *e) { return e->code[0] ? e->code : e->kind; }

/* ---- promotions (promote.c): a try with another file, g->promoting ---- */

/* It came to nothing; does nothing where there is none. */
void kl_promotion_end(kl_strategy *g);
/* It came about: the file is that of the strategy. */
void kl_promotion_take(kl_strategy *g);
/* The version that runs again may be of another file than the one that failed: then that is the strategy's, and true.
 */
bool kl_promotion_undo(kl_strategy *g);

#endif
