/* What the files of the ledger share: desk_portfolio.c (its life, fills, the account's rows), desk_days.c (profit and
 * trades of the day), desk_marks.c (what contracts are worth), desk_payouts.c (markets that settle). Private to these.
 */
#ifndef KL_DESK_PORTFOLIO_IMPL_H
#define KL_DESK_PORTFOLIO_IMPL_H

#include "base/map.h"
#include "base/timer.h"
#include "trading/desk_portfolio.h"

#define KL_LEDGER_S INT64_C(1000000000)

/* A party's, or the account's. */
typedef struct kl_ledger_book {
  kl_list link;            /* in kl_ledger.books; the account's is the first */
  kl_party *party;         /* NULL: the account */
  kl_portfolio *portfolio; /* borrowed */
  uint32_t risk;
  bool begun; /* what was before this run is in it */
  /* desk_days.c */
  int64_t day;       /* 0: none yet */
  bool based;        /* `base` is known */
  kl_money base;     /* profit at the beginning of the day */
  kl_money realized; /* less fees, at the beginning of the day: while `base` is not known */
  bool worth;        /* it was valued once, so that its drawdowns are known */
  bool pardon;       /* a person lets it go on: what it has lost is forgiven as soon as that is known */
} kl_ledger_book;

/* A market in which somebody holds contracts. */
typedef struct kl_ledger_market {
  kl_list link;
  kl_ledger *l;
  char ticker[64];
  uint64_t turn;    /* of the tick that found it held */
  int64_t since_ns; /* held, as far as is known here */
  /* desk_marks.c */
  bool subscribed, told;
  kl_price bid, ask, last;
  kl_price mark; /* -1: not known */
  /* desk_payouts.c */
  kl_market_waiter waiter;
  bool waits;
  int64_t want_ns;        /* when it is asked for next */
  int64_t hurry_until_ns; /* it is about to settle, or has */
  int64_t looked_ns;
  kl_call *call; /* of its settlement, where the market is not to be had */
  bool lost;     /* neither is: said once */
} kl_ledger_market;

/* Where the account's row and the portfolio differ. */
typedef struct kl_ledger_doubt {
  kl_list link;
  kl_holding ours;
  kl_account_position theirs;
  int64_t since_ns; /* neither has changed since */
  uint64_t turn;
} kl_ledger_doubt;

struct kl_ledger {
  kl_desk *d;
  kl_session *session, *market_session;
  kl_order_journal *journal;
  kl_list books;
  kl_ledger_book account;
  kl_map *markets;
  kl_list held;
  uint64_t turn;
  kl_timer *tick;  /* owned; freed when it is closed */
  int64_t next_ns; /* of the look of each second */
  bool soon;       /* a look before it is under way */
  kl_desk_listener listener;
  kl_account_listener account_listener;
  kl_map *seen;      /* fills: "trade/order" */
  kl_list seen_list; /* the oldest first */
  size_t n_seen;
  kl_list doubts;
  int64_t begun_ns; /* of the account */
  int64_t balance_ns;
  kl_feed_sub *ticker_sub, *lifecycle_sub;
  int64_t sub_again_ns, life_again_ns; /* after a refusal */
};

int64_t kl_ledger_now_ns(const kl_ledger *l);
int64_t kl_ledger_now_ms(const kl_ledger *l); /* the exchange's */

void kl_ledger_tick(kl_ledger *l); /* once a second; also for tests */

/* desk_portfolio.c: the risk library hears of the book's position there. */
void kl_ledger_tell_risk(kl_ledger *l, const kl_ledger_book *b, const char *ticker);
kl_ledger_market *kl_ledger_market_of(kl_ledger *l, const char *ticker); /* NULL: not held */

/* desk_marks.c */
void kl_ledger_marks_tick(kl_ledger *l); /* after `held` was brought up to date */
void kl_ledger_marks_apply(kl_ledger *l);
void kl_ledger_marks_stop(kl_ledger *l);

/* desk_payouts.c */
void kl_ledger_payouts_tick(kl_ledger *l);
/* It may have settled: it is looked at now and often for a while. */
void kl_ledger_hurry(kl_ledger *l, kl_ledger_market *m);
void kl_ledger_market_stop(kl_ledger_market *m); /* asks for nothing any more */
void kl_ledger_payouts_stop(kl_ledger *l);
/* The markets of one book that earlier runs have seen settle, before `until_ms`. False when out of memory. */
bool kl_ledger_settle_noted(const kl_ledger *l, const kl_ledger_book *b, int64_t until_ms);

/* desk_days.c */
/* Two whole numbers with a space between them, as the notes in the journal are. False, with nothing written, when it is
 * something else. */
bool kl_ledger_read_pair(const char *text, int64_t *first, int64_t *second);
/* The book's portfolio is that of the beginning of today: what comes from now on is of today. */
void kl_ledger_day_begins(kl_ledger *l, kl_ledger_book *b);
/* Something of before today became known only now. */
void kl_ledger_day_correct(kl_ledger_book *b, kl_money profit);
void kl_ledger_days_tick(kl_ledger *l);
bool kl_ledger_valued(const kl_ledger *l, const kl_ledger_book *b);
int64_t kl_ledger_day_start_ms(const kl_ledger *l);
/* So many different orders have filled today. */
void kl_ledger_day_trades(kl_ledger *l, const kl_ledger_book *b, uint32_t trades);

#endif
