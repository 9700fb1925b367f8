/* The desk: every order of every script passes here. It names the order, checks the risk limits, journals it, sends it,
 * and keeps its record from then on: from the answer to the write, from the private channels and from REST, in whatever
 * order these arrive. What it does not know it calls unknown, and finds out. Loop thread only.
 *
 * Order writes of the raw operations (create_order, batch_create_orders, amend_order, …) come the same way as those of
 * kalshi.order, so that limits hold for all and all are known. */
#ifndef KL_DESK_H
#define KL_DESK_H

#include <uv.h>

#include "kalshi/account.h"
#include "kalshi/session.h"
#include "trading/journal.h"
#include "trading/market_info.h"
#include "trading/order.h"
#include "trading/portfolio.h"
#include "trading/risk.h"

typedef struct kl_desk kl_desk;

typedef struct kl_desk_options {
  uv_loop_t *loop;
  kl_session *session;        /* that the orders go to (of paper: the paper exchange's); borrowed */
  kl_session *market_session; /* that tells of markets and books; the same but for paper; borrowed */
  const kl_clock *clock;
  const char *journal_path;    /* NULL: nothing outlives the process */
  const char *journal_account; /* whose orders these are: environment and key; NULL: as it is */
  bool journal_sync;           /* every order is on the disk before it is sent */
  kl_limit_values limits;      /* of the account */
  kl_count group_limit;        /* seat belt: orders of each script are in an order group of that many contracts in 15 s;
                                  0: none */
  double lease_s;              /* orders expire so soon unless they are renewed; 0: not leased */
  /* Whether the party's script runs, so that its leases are renewed. NULL: they all do. */
  bool (*runs)(void *data, const kl_party *p);
  void *runs_data;
  /* A breaker or kill tells its owner to stop a party's script (NULL: all). May be NULL. */
  void (*stop)(void *data, kl_party *p, const char *why);
  void *stop_data;
} kl_desk_options;

bool kl_desk_open(const kl_desk_options *o, kl_desk **out, kl_error *e);
/* Nothing is sent any more; callbacks that are due come with "closed". `closed` from the loop. */
void kl_desk_close(kl_desk *d, void (*closed)(void *data), void *data);

/* ---- parties: a strategy's side of the desk, which outlives its versions ---- */

/* Found by name or made; NULL when out of memory. Lives as long as the desk. */
kl_party *kl_desk_party(kl_desk *d, const char *name);
/* Found by name; NULL where there is none, or no desk. */
kl_party *kl_desk_party_find(const kl_desk *d, const char *name);
kl_party *kl_desk_party_next(const kl_desk *d, const kl_party *after);
const char *kl_party_name(const kl_party *p);
uint32_t kl_party_risk(const kl_party *p); /* its number in kl_risk */
kl_portfolio *kl_party_portfolio(kl_party *p);
/* NULL: it may trade. Else why not: a breaker, or a kill. Borrowed. */
const char *kl_party_halted(const kl_party *p);
/* It may send nothing but cancels, and what rests is canceled. A person lifts it: kl_party_resume. */
void kl_party_halt(kl_party *p, const char *why);
void kl_party_resume(kl_party *p);
/* The seat belt: its orders go into order groups of so many contracts in 15 s; the tighter of this and the desk's. 0:
 * as the desk says. */
enum { KL_BELT_WINDOW_S = 15, KL_BELT_MOST = 1000000 /* contracts, the exchange's own bound */ };
void kl_party_belt(kl_party *p, kl_count group_limit);

/* Nobody may send anything but cancels from now on, as long as the process runs. Cancels nothing by itself. */
void kl_desk_halt(kl_desk *d, const char *why);
/* Triggers the order groups of all seat belts: what rests in them is canceled, and nothing new gets in. */
void kl_desk_trigger(kl_desk *d);
/* The process ends in good order: order groups of seat belts in which nothing rests are deleted.
 * kl_desk_writes_pending tells when that is over. */
void kl_desk_tidy(kl_desk *d);

kl_risk *kl_desk_risk(kl_desk *d);
kl_portfolio *kl_desk_portfolio(kl_desk *d); /* of the account */
kl_session *kl_desk_session(kl_desk *d);
kl_market_infos *kl_desk_markets(kl_desk *d);

/* ---- placing ---- */

/* A client_order_id that nobody has had before: of the party, the generation, this run and a counter. */
void kl_desk_name(kl_desk *d, const kl_party *p, uint32_t generation, char out[65]);

typedef struct kl_desk_write kl_desk_write; /* a write that somebody waits for */
/* Once, from the loop, never from within. `answer` is the exchange's (or as if) and NULL with `e`. */
typedef void kl_desk_done(void *data, const kl_http_response *answer, const kl_error *e);
/* Nobody waits any more. What is on its way goes on; what still waits for tokens is not sent, and its order ends as
 * rejected with the code "not_sent". With `go_on` it is sent all the same. */
void kl_desk_leave(kl_desk_write *w, bool go_on);

/* Places an order. *out is retained for the caller (kl_desk_order_release), also when the exchange refuses it later.
 * False with `e` when it may not be sent: kind "risk", "validation", "permission", …; then there is no order. */
bool kl_desk_place(kl_desk *d, kl_party *p, uint32_t generation, const kl_order_intent *i, kl_desk_order **out,
                   kl_desk_done *done, void *data, kl_desk_write **w, kl_error *e);
/* `total`: filled (before its lease was renewed, too) and wanted together; 0: as it is. price 0: as it is. */
bool kl_desk_amend(kl_desk *d, kl_desk_order *o, kl_price yes_price, kl_count total, kl_desk_done *done, void *data,
                   kl_desk_write **w, kl_error *e);
bool kl_desk_decrease(kl_desk *d, kl_desk_order *o, kl_count by, kl_desk_done *done, void *data, kl_desk_write **w,
                      kl_error *e);
/* Of an order that is still pending it goes out once that is answered. */
bool kl_desk_cancel(kl_desk *d, kl_desk_order *o, kl_desk_done *done, void *data, kl_desk_write **w, kl_error *e);
/* Everything of the party that rests or may (NULL: of the account, by the exchange's own cancel-all, over and over
 * until nothing is left). `done` tells how many, and with `e` what may be left. False when out of memory: `done` is not
 * called, and nothing is canceled. */
bool kl_desk_cancel_all(kl_desk *d, kl_party *p, void (*done)(void *data, size_t canceled, const kl_error *e),
                        void *data);

/* A raw operation of a script, as kl_session_call; what is no order write passes through. The body may be completed
 * (client_order_id, order_group_id). NULL with `e` when it may not be sent. */
kl_desk_write *kl_desk_call(kl_desk *d, kl_party *p, uint32_t generation, const kl_call_request *r, kl_desk_done *done,
                            void *data, kl_error *e);

/* Writes that are not over, those included that wait for what limits need, and what kl_desk_tidy has begun; shutdown
 * waits for them. */
size_t kl_desk_writes_pending(const kl_desk *d);

/* ---- reading ---- */

kl_desk_order *kl_desk_order_retain(kl_desk_order *o);
void kl_desk_order_release(kl_desk_order *o); /* takes NULL */
/* The order group that it was placed with; "" where that was none, or the seat belt's. Of an order of an earlier run it
 * is not kept which of the two: "" while its party has a seat belt. Borrowed. */
const char *kl_desk_order_own_group(const kl_desk_order *o);
/* By the exchange's id or ours, also one that it had before its lease was renewed; NULL when the desk does not have it.
 * Borrowed until the loop runs on. */
kl_desk_order *kl_desk_find(kl_desk *d, const char *id);
/* Those of a party (NULL: of all), the newest first; NULL begins, NULL ends. */
kl_desk_order *kl_desk_next(const kl_desk *d, const kl_party *p, const kl_desk_order *after);
void kl_desk_watch(kl_desk_order *o, kl_order_watcher *w);
void kl_desk_unwatch(kl_order_watcher *w); /* harmless when repeated */

typedef struct kl_desk_counts {
  size_t pending, unknown, resting;
  uint64_t placed, filled, rejected, refused; /* ever in this run; refused: by limits */
  uint64_t fills;
} kl_desk_counts;
void kl_desk_counts_get(const kl_desk *d, const kl_party *p, kl_desk_counts *out); /* NULL: of all */

/* Why writes of a party were refused here: names of limits, "halted" and the like, kinds of errors. */
typedef struct kl_desk_refusals {
  char reason[64];
  uint64_t n;
} kl_desk_refusals;
/* How many reasons there are; borrowed until the loop runs on. */
size_t kl_party_refusals(const kl_party *p, const kl_desk_refusals **out);
/* Where a party's order was refused last since nothing is traded there; forgotten once an order or a fill of anybody
 * here goes through there, or after an hour. */
typedef struct kl_standstill {
  char ticker[64]; /* "": the whole exchange */
  char code[32];   /* the exchange's: MARKET_INACTIVE, trading_is_paused, exchange_is_paused */
  int64_t at_ms;   /* of the last refusal, by this machine's clock */
} kl_standstill;
/* How many there are, the newest last; borrowed until the loop runs on. */
size_t kl_party_standstills(kl_party *p, const kl_standstill **out);
/* "TICKER is paused or closed: the exchange refused an order 12 s ago (MARKET_INACTIVE)", into `out`, which it returns.
 */
const char *kl_standstill_text(char *out, size_t cap, const kl_standstill *s, int64_t now_ms);
/* Says in the log that an order was refused ("by limits"): of one reason at most once a minute. */
void kl_desk_say_refused(kl_party *p, const char *by, const kl_error *e);
/* From the call of a script to the exchange's answer to its write: waits for limits, for the journal, for tokens and
 * for a look-up of a lost answer are in it. Borrowed. */
typedef enum {
  KL_ANSWERS_CREATE,
  KL_ANSWERS_AMEND,
  KL_ANSWERS_DECREASE,
  KL_ANSWERS_CANCEL,
  KL_ANSWERS
} kl_desk_answers;
const kl_durations *kl_desk_answer_times(const kl_desk *d, kl_desk_answers which);
/* Entries that wait to be written to the journal; false where there is none. `e` as kl_order_journal_broken fills it,
 * its kind NULL where all is well. */
bool kl_desk_journal(const kl_desk *d, size_t *waiting, kl_error *e);

/* Somebody who is told of everything; any may be NULL. The owner embeds it. */
typedef struct kl_desk_listener {
  kl_list link;
  void *data;
  void (*order)(void *data, const kl_desk_order *o);
  void (*fill)(void *data, kl_party *p, const kl_account_fill *f); /* p NULL: of nobody here */
} kl_desk_listener;
void kl_desk_listen(kl_desk *d, kl_desk_listener *l);
void kl_desk_unlisten(kl_desk_listener *l);

#endif
