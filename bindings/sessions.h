/* To which session a call of a script goes: in paper trading markets are the live exchange's, orders and the account
 * those of the paper exchange. Otherwise there is one. */
#ifndef KL_BINDINGS_SESSIONS_H
#define KL_BINDINGS_SESSIONS_H

#include "bindings/bindings.h"

/* That of orders and the account. */
static inline kl_session *kl_account_session(const kl_place *p) {
  return p->account_session ? p->account_session : p->session;
}
/* Orders are filled on paper. */
static inline bool kl_paper_trading(const kl_place *p) { return kl_account_session(p) != p->session; }

/* That of a REST call; `op` NULL where no operation has its path. NULL with `e` (kind "paper") for a write that paper
 * trading has no counterpart of. */
kl_session *kl_session_for(const kl_place *at, const kl_operation *op, const char *method, const char *name,
                           kl_error *e);

/* What both have done and may do: the clock and the reads are those of the markets' session, the writes the account's.
 * `own` may be the same. */
void kl_sessions_budget(kl_session *markets, kl_session *own, kl_budget *out);
void kl_sessions_stats(const kl_session *markets, const kl_session *own, kl_session_stats *out);

#endif
