/* What trading has come to: positions, average cost, profit and fees of the account and of each script, from fills and
 * settlements, in integers and by the exchange's own rules, so that the numbers equal the exchange's. A pure library.
 */
#ifndef KL_PORTFOLIO_H
#define KL_PORTFOLIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/units.h"

typedef struct kl_portfolio kl_portfolio; /* of one party, or of the account */

/* Settled holdings beyond the bound go, the oldest first; what they came to stays in the totals. */
enum { KL_FILLS_SORTED = 64, KL_HOLDINGS_SETTLED = 4096 };

typedef struct kl_holding {
  char ticker[64];
  int32_t subaccount;
  kl_count position; /* + YES, - NO */
  kl_money cost;     /* of the open position, at what was paid */
  kl_money realized; /* without fees */
  kl_money fees;
  kl_count bought, sold; /* of YES, ever */
  kl_price mark;         /* the YES price that it is valued at; -1: none known, and it is worth its cost */
  int64_t updated_ms;
  bool settled;
  kl_price settlement; /* of a settled one: what YES was paid */
} kl_holding;

typedef struct kl_portfolio_totals {
  kl_money realized, fees, unrealized;   /* unrealized: of those with a mark */
  kl_money cost;                         /* of what is open */
  kl_money profit;                       /* realized + unrealized - fees */
  kl_money peak, drawdown, max_drawdown; /* of profit, since the beginning or kl_portfolio_restart */
  kl_count contracts;                    /* held, without sign */
  kl_count traded;                       /* bought and sold, ever */
  uint64_t fills;
  size_t open; /* markets with a position */
} kl_portfolio_totals;

kl_portfolio *kl_portfolio_new(void); /* NULL when out of memory */
void kl_portfolio_free(kl_portfolio *p);
/* A fill: told once each. One that is told after a later one of the same market is put in its place, as far back as the
 * last KL_FILLS_SORTED; one of a market that has settled is paid out at once. False when out of memory, and then it is
 * not counted. */
bool kl_portfolio_fill(kl_portfolio *p, const char *ticker, int32_t subaccount, kl_side side, kl_price yes_price,
                       kl_count count, kl_money fee, int64_t ts_ms);
/* The market paid `yes_value` for each contract of YES, and one dollar minus it for NO: in whole cents, the rest is a
 * fee. Harmless when repeated. */
void kl_portfolio_settle(kl_portfolio *p, const char *ticker, kl_price yes_value, int64_t ts_ms);
/* The exchange says so; what was there is replaced, but for bought, sold and the mark where these are 0 and -1. False
 * when out of memory. */
bool kl_portfolio_set(kl_portfolio *p, const kl_holding *h);
/* What its contracts are worth from now on, in all subaccounts; -1: not known. Nothing where none are held. */
void kl_portfolio_mark(kl_portfolio *p, const char *ticker, kl_price yes_price);
/* Peak and drawdowns begin anew with the profit of now. */
void kl_portfolio_restart(kl_portfolio *p);
/* NULL: none. Borrowed until the next change. */
const kl_holding *kl_portfolio_get(const kl_portfolio *p, const char *ticker, int32_t subaccount);
/* All, in the order in which they were first heard of; NULL begins, NULL ends. */
const kl_holding *kl_portfolio_next(const kl_portfolio *p, const kl_holding *after);
/* Of all subaccounts together; `cost` may be NULL. */
kl_count kl_portfolio_position(const kl_portfolio *p, const char *ticker, kl_money *cost);
void kl_portfolio_totals_get(const kl_portfolio *p, kl_portfolio_totals *out);

/* Of one holding: what it would bring at its mark beyond its cost, 0 without one; and what a contract cost on average,
 * as a price of YES in 1e-6 dollar (what was paid for NO is one dollar minus it), -1 when none are held. */
kl_money kl_holding_unrealized(const kl_holding *h);
kl_money kl_holding_average(const kl_holding *h);

#endif
