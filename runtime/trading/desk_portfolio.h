/* What trading has come to, of the account and of each party, kept up to date: fills as the desk tells them, those of
 * earlier runs from the journal, payouts of markets that settle, marks from the feed; and for the account the
 * exchange's own rows, which count where they differ. It tells the risk library of all that no order of the desk
 * accounts for, and halts a party whose loss of the day is a breach. Loop thread only. */
#ifndef KL_DESK_PORTFOLIO_H
#define KL_DESK_PORTFOLIO_H

#include "trading/desk.h"

typedef struct kl_ledger kl_ledger;

/* Belongs to the desk, which is complete but for this. `journal` may be NULL. NULL when out of memory. */
kl_ledger *kl_ledger_new(kl_desk *d, kl_session *session, kl_session *market_session, kl_order_journal *journal);
void kl_ledger_free(kl_ledger *l); /* before the sessions, the journal and the portfolios go; takes NULL */

/* A party has come into being: what it held and traded before is taken from the journal, before its first order. False
 * with `e` when the journal cannot be read. */
bool kl_ledger_party(kl_ledger *l, kl_party *p, kl_error *e);
/* Marks as they are now and the account's rows, instead of those of the last second: for whoever reads a portfolio. */
void kl_ledger_value(kl_ledger *l);

/* A day, which begins at midnight in New York. */
typedef struct kl_ledger_today {
  kl_money profit; /* realized, unrealized, fees taken off, since the day began or, where that is not known, since its
                      first order in it */
  bool valued;     /* every open position has a mark, or none is to be had */
} kl_ledger_today;
kl_ledger_today kl_ledger_today_get(kl_ledger *l, const kl_party *p); /* NULL: of the account */

/* A person lets the party go on after a loss: its loss of the day, and the account's, are counted from here, also by
 * the next process. */
void kl_ledger_forgive(kl_ledger *l, const kl_party *p);

/* Of the desk: desk.h does not say. */
kl_ledger *kl_desk_ledger(kl_desk *d);

#endif
