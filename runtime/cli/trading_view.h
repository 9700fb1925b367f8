/* What each script has traded, as numbers for people: the status rows and the end summary. */
#ifndef KL_TRADING_VIEW_H
#define KL_TRADING_VIEW_H

#include "base/buf.h"
#include "kalshi/session.h"
#include "trading/desk.h"

/* Of one script. */
typedef struct kl_traded {
  char name[64];
  const char *halted; /* NULL: it may trade; borrowed from the desk */
  kl_desk_counts counts;
  kl_portfolio_totals totals;
  kl_risk_state risk;
} kl_traded;

void kl_traded_get(kl_desk *d, kl_party *p, kl_traded *out);
/* Whether it has ever ordered anything, or holds something. */
bool kl_traded_anything(const kl_traded *t);

/* What is around them. */
typedef struct kl_trading_place {
  kl_desk *desk;
  kl_session *market, *account; /* where they read, and where they trade; the same but for paper */
  const char *env;              /* "prod", "prod, paper" */
  size_t scripts;               /* that run */
} kl_trading_place;

/* Appends the status rows: one of the exchange, one for each of the first few scripts that have traded. */
void kl_status_rows(const kl_trading_place *where, kl_buf *out, int columns);
/* Appends a table of those that have traded, with a heading; nothing where none has. */
void kl_traded_table(kl_desk *d, kl_buf *out);

/* "+12.30": dollars to the cent, to four places where that is not all of it, or 0.00. */
const char *kl_money_text(char *out, size_t cap, kl_money v, bool sign);

#endif
