/* What the files of the desk share: desk.c (its life, parties, reading), desk_orders.c (the records and who tells of
 * them), desk_state.c (what a record makes of what it is told), desk_write.c (a write from its checks to its answer),
 * desk_place.c (the writes of kalshi.order), desk_raw.c and desk_rfq.c (those of the raw operations), desk_quotes.c,
 * desk_quotes_look.c and desk_quotes_kept.c (quotes and block trades, desk_quotes.h), desk_seek.c (orders of others
 * that are changed here), desk_answer.c (what answers say), desk_standstill.c (where nothing is traded), desk_check.c
 * (limits, and what they have to know), seat_belt.c (order groups), lease.c (orders that expire unless they are
 * renewed), desk_resolve.c (orders whose state is not known), desk_all.c (cancel all, halts), desk_recover.c (orders of
 * earlier runs). Private to these and the tests. */
#ifndef KL_DESK_IMPL_H
#define KL_DESK_IMPL_H

#include <jansson.h>

#include "base/buf.h"
#include "base/index.h"
#include "base/map.h"
#include "base/timer.h"
#include "kalshi/own_orders.h"
#include "trading/desk.h"

#define KL_DESK_MS INT64_C(1000000)

enum { KL_DESK_KEPT = 4096 }; /* ended orders that nobody holds: the newest stay to be found */

/* What the log said last of orders that were refused for one reason. */
typedef struct kl_desk_told {
  char reason[64];
  int64_t at_ns;      /* 0: nothing yet */
  uint64_t held_back; /* refusals since */
} kl_desk_told;

struct kl_party {
  kl_list link; /* kl_desk.parties */
  kl_desk *d;
  char *name;
  uint32_t risk;
  kl_portfolio *portfolio;
  kl_count belt;    /* contracts in 15 s of its order groups; 0: it has none */
  char halted[320]; /* why; "" while it may trade */
  bool deals_kept;  /* the journal has a note of quotes that may become orders */
  kl_list orders;   /* of kl_desk_entry.party_link, the newest at the end */
  kl_desk_counts counts;
  kl_desk_refusals refusals[24]; /* the last one is of all further reasons, "other" */
  size_t n_refusals;
  kl_desk_told told[16];
  kl_standstill standstills[8]; /* the newest last */
  size_t n_standstills;
};

/* ---- a record, and what the desk keeps beside it ---- */

typedef enum { KL_BY_NOBODY, KL_BY_LIST, KL_BY_ANSWER, KL_BY_CHANNEL } kl_desk_source; /* the later, the more trusted */

/* How large an order is, and at what price: what amends and decreases change. */
typedef struct kl_desk_terms {
  kl_count total;
  kl_price yes_price;
} kl_desk_terms;

enum { KL_DESK_REPLACED = 4 };

/* As with `o`: what news of an order look at comes first, what is of a few orders or a few moments is behind it. */
typedef struct kl_desk_entry {
  kl_desk_order o;             /* first */
  kl_desk *d;                  /* NULL once the desk has gone */
  kl_list ended_link;          /* kl_desk.ended, while it is final and nobody holds it */
  kl_list doubt_link;          /* kl_desk.doubts, while it is to be looked up */
  kl_list after;               /* writes that wait for what becomes of it: kl_desk_write.after_link */
  struct kl_desk_entry *front; /* that goes on from it since its lease was renewed; retained */
  unsigned creating, changing; /* writes that are not answered */
  kl_desk_status counted;      /* the status that it is counted under */
  bool exists;                 /* the exchange has told of it */
  bool rests;                  /* and that it rests, or did */
  bool vanished;               /* it rests no longer, and how it ended is not known */
  bool lost;                   /* the outcome of its create is not known */
  bool nameless;               /* counted among those that the exchange may name yet */
  bool rejected;               /* refused, or known never to have reached the exchange */
  bool own_name;               /* the desk made its client id, so nobody else has it */
  bool earlier;                /* of an earlier run, or another process */
  bool unsure;                 /* a change of it has an unknown outcome, or its answer leaves open how it stands */
  bool change_lost;            /* the former: the change may still be on its way to the exchange */
  bool overlap;                /* changes of it were under way at the same time: which came first is not known */
  bool renewing;               /* it is being canceled, to be placed anew: it is no end */
  bool renewal;                /* it is what goes on from another one */
  bool end_counted;            /* its end was told of with how much was filled */
  /* What was said, from which `o` follows, in whatever order it came. */
  kl_own_status end; /* canceled or executed; unknown: it has not ended */
  kl_desk_source total_by, price_by, reason_by, end_by;
  kl_count total;                        /* as it was said last to rest, filled and remaining together */
  int64_t total_ms, price_ms, reason_ms; /* the exchange's time of what was said last; 0: as it was asked for */
  kl_count filled_told;                  /* the most that was said in so many words */
  kl_count filled_derived;               /* from what a cancel left over, until the word of its end is there */
  kl_money fill_cost, fill_fees;         /* of `o.seen` */
  kl_count told_covers;                  /* contracts that costs and fees were told of together */
  kl_money told_cost, told_fees;
  kl_count answer_covers; /* the same by the averages of an answer, which are rounded */
  char word[32];          /* the exchange's reason for the last change */
  /* Which of two came first is not for their times alone: these are to the millisecond, of more than one clock, and a
   * clock may step back. An answer is later than all that was known when its write was sent; and what the channel
   * repeats of the terms that an answer has replaced is older than the answer. */
  uint64_t terms; /* how often its terms have become others */
  unsigned n_replaced;
  kl_desk_terms replaced[KL_DESK_REPLACED]; /* by answers, until the channel has told of the last; the newest first */
  int64_t replaced_ms;                      /* by the exchange, when the last of them was */

  kl_money answer_cost, answer_fees;
  int64_t vanished_ms;
  char end_word[32];  /* the reason for its end, or of its refusal */
  int64_t created_ns; /* when it was made, unless it is `earlier` */
  kl_list link, party_link;
  kl_list missing_link; /* kl_desk.missing, while fills of it may have come that nobody was told of */
  int64_t missing_next_ns, missing_pause_ms;
  unsigned missing_tries;
  int64_t doubt_since_ns; /* when the doubt began */
  int64_t doubt_next_ns;  /* when it is looked up next */
  int64_t doubt_pause_ms;
  /* Of its intent, for seat_belt.c and lease.c. */
  bool belted; /* it goes into the group of its party's belt */
  bool stp_maker, cancel_on_pause, has_subaccount, sync;
  double lease_s;
  /* lease.c's */
  bool lease_asked;       /* its cancel is on its way */
  bool cancel_wanted;     /* somebody wants it to end */
  kl_list lease_link;     /* kl_desk.leases */
  int64_t lease_due_ns;   /* it is renewed from then on */
  int64_t lease_since_ns; /* when the renewal began that is under way */
  kl_count lease_left;    /* that the cancel took, by its answer; -1: not said */
  kl_count folded;        /* as far as `front` has it in `before` */
  kl_money folded_cost, folded_fees;
} kl_desk_entry;

/* What somebody says of an order. */
typedef struct kl_desk_news {
  kl_desk_source by;
  int64_t ts_ms; /* by the exchange; 0: not said */
  kl_own_status status;
  bool has_filled;
  kl_count filled;
  kl_count total;     /* filled and remaining together; 0: not said */
  kl_price yes_price; /* 0: not said */
  kl_count left_over; /* of a canceled one: what was canceled; -1: not said */
  kl_count covers;    /* contracts that cost and fees are of; 0: not said */
  kl_money cost, fees;
  uint64_t since;                     /* of the answer to a change: `terms` when that was sent, + 1; 0: not said */
  const char *id, *reason, *group_id; /* NULL or "": not said */
  int64_t expiration_ms;              /* 0: not said */
  int32_t exchange_index;             /* -1: not said */
} kl_desk_news;

/* The exchange's time of a moment of this process, by what is known of that clock now: before its first answer, that
 * clock was taken for ours, which may be wrong. */
int64_t kl_desk_ms_of(const kl_desk *d, int64_t ns);
/* The exchange has not made the order before; as far as is known. */
int64_t kl_desk_entry_since_ms(const kl_desk_entry *x);

/* desk_state.c: pure, they tell nobody. True when the record has changed. */
void kl_desk_entry_begin(kl_desk_entry *x); /* `o` is filled in; pending, or as it was kept */
bool kl_desk_entry_tell(kl_desk_entry *x, const kl_desk_news *n);
/* A fill: each once. */
bool kl_desk_entry_fill(kl_desk_entry *x, kl_price yes_price, kl_count count, kl_money fee, int64_t ts_ms);
/* Its create was refused, or is known not to have happened. Nothing where the exchange has told of it. */
bool kl_desk_entry_reject(kl_desk_entry *x, const kl_error *e);
/* The outcome of its create is not known. */
bool kl_desk_entry_lose(kl_desk_entry *x);
/* What may follow from the end of a change of it. */
bool kl_desk_entry_settle(kl_desk_entry *x);
/* What of it may still be filled, as far as fills have not been told one by one. */
kl_count kl_desk_entry_left(const kl_desk_entry *x);
/* Somebody must look it up: nobody will tell by himself what has become of it. */
bool kl_desk_entry_doubtful(const kl_desk_entry *x);

/* ---- a market that orders go to ---- */

typedef struct kl_desk_market {
  kl_desk *d;
  char ticker[64];
  uint32_t risk; /* its number there; UINT32_MAX: none yet */
  bool event_told;
  kl_market_waiter info;
  bool info_wanted, info_failed;
  kl_feed_book *book; /* NULL: not needed */
  kl_book_watcher watcher;
  bool book_failed;
  kl_error error; /* of what failed */
  int64_t used_ns;
} kl_desk_market;

/* ---- a write ---- */

typedef enum {
  KL_WRITE_CREATE,
  KL_WRITE_AMEND,
  KL_WRITE_DECREASE,
  KL_WRITE_CANCEL,
  KL_WRITE_CANCEL_ALL,
  KL_WRITE_OTHER /* of no orders that are known here */
} kl_write_kind;

typedef enum {
  KL_WRITE_AFTER,   /* waits for what becomes of its order */
  KL_WRITE_CHECKED, /* waits for what its limits have to know */
  KL_WRITE_JOURNAL, /* waits for the file, or for the disk */
  KL_WRITE_SENT,    /* is the session's */
  KL_WRITE_LOOKED,  /* its order is gone, and how it ended is being looked up */
  KL_WRITE_OVER     /* is told in the loop's next turn */
} kl_write_state;

/* What a write does to a quote or a block trade. */
typedef enum {
  KL_DEAL_MADE,      /* quotes, accepts, proposes */
  KL_DEAL_CONFIRMED, /* a quote of ours, so that it may execute */
  KL_DEAL_ENDED      /* takes it back */
} kl_deal_step;

typedef struct kl_desk_item {
  kl_desk_entry *x; /* retained; NULL: not known here */
  kl_price price;   /* of an amend; 0: as it is */
  kl_count total;   /* of an amend or a decrease: as it is to be; 0: not known */
  bool counted;     /* among the order's unanswered writes */
  uint64_t since;   /* the order's `terms` when it was sent, + 1; 0: not yet */
} kl_desk_item;

struct kl_desk_write {
  kl_list link;       /* kl_desk.writes, or over */
  kl_list after_link; /* kl_desk_entry.after */
  kl_desk *d;
  kl_party *p;
  kl_write_kind kind;
  kl_write_state state;
  kl_desk_item one, *items; /* items points at `one`, or is owned */
  size_t n_items;
  struct kl_desk_deal *deal; /* of a quote or a block trade; retained */
  struct kl_desk_seek *seek; /* an amend of an order that is not known here; owned */
  char *renamed;             /* of an amend: the client id that the order has afterwards; NULL: as it is; owned */
  kl_deal_step deal_step;
  bool deal_admitted; /* what is reserved for the deal was reserved by this write */
  bool batch;
  bool single_answer; /* `batch` false: the answer is one order's */
  bool raw;           /* of a raw operation: it gets what the exchange answered */
  bool by_desk;       /* the desk's own, for cancel all and halts */
  bool renewal;       /* the order goes on from another one: refused, it stays as an end */
  bool lease;         /* lease.c's cancel */
  bool sync;          /* the journal first */
  bool kept_first;    /* what the journal was told of its deal has to be there before it is sent */
  bool has_body;
  bool routed; /* `shard` is set */
  size_t journal_left;

  const kl_operation *op;
  char *method; /* of a free-form call; owned */
  kl_buf path, query, body;
  int64_t shard;
  uint64_t owner;
  int64_t began_ns, deadline_ns;
  int64_t wait_until_ns; /* of KL_WRITE_CHECKED, _AFTER and _LOOKED */
  kl_call *call;
  uint32_t count; /* orders, for the cost */

  int status;
  bool failed;
  kl_desk_done *done;
  void *data;
  kl_error error;
  kl_buf answer;
};

typedef struct kl_desk_stray {
  kl_list link;
  kl_account_fill fill;
} kl_desk_stray;

struct kl_desk {
  char halted[320]; /* why nobody may send; "" while they may */
  uv_loop_t *loop;
  kl_session *session, *market_session;
  const kl_clock *clock;
  kl_desk_options o;
  kl_order_journal *journal;
  kl_risk *risk;
  kl_market_infos *infos;
  kl_portfolio *portfolio;
  struct kl_ledger *ledger; /* desk_portfolio.c's */
  kl_list parties;
  kl_map *party_names;

  kl_list orders; /* of kl_desk_entry.link, the newest at the end */
  kl_index *by_id, *by_client;
  kl_list ended;
  size_t n_ended;
  size_t nameless; /* orders that the exchange may have, and has not named yet */
  kl_list strays;  /* fills of orders that are not known, while some have no name yet */
  size_t n_strays;
  kl_map *known_fills; /* "trade/order" of orders of earlier runs, which are counted already; NULL: none */
  kl_desk_counts counts;
  kl_durations answers[KL_ANSWERS];
  char run[11];
  uint64_t counter;

  kl_list writes, over;        /* of kl_desk_write.link */
  kl_list doubts;              /* of kl_desk_entry.doubt_link */
  struct kl_desk_look *look;   /* desk_resolve.c's */
  kl_list missing;             /* of kl_desk_entry.missing_link */
  struct kl_desk_chase *chase; /* desk_recover.c's */
  kl_list alls;                /* desk_all.c's */
  kl_list deals;               /* desk_quotes.c's */
  char user_id[64];            /* of the account, where a block trade has told it */
  kl_list belts;               /* seat_belt.c's */
  kl_feed_sub *belt_sub;
  kl_list leases; /* of kl_desk_entry.lease_link */

  kl_account_listener account;
  kl_account_waiter loading;
  bool loading_waits, account_failed;
  kl_error account_error;
  kl_map *markets; /* of kl_desk_market */
  int64_t swept_ns;

  kl_list listeners;
  kl_timer soon, tick;
  bool closing;
  int open; /* handles and parts still to close */
  void (*closed)(void *data);
  void *closed_data;
};

/* desk.c */
int64_t kl_desk_now_ns(const kl_desk *d);
int64_t kl_desk_now_ms(const kl_desk *d);      /* the exchange's */
void kl_desk_tick(kl_desk *d);                 /* something waits for a time: the clock is looked at now and then */
kl_buf kl_desk_log_of(const kl_desk_order *o); /* for kl_log_write_with: script, ticker and the ids of the order */
void kl_desk_refused(kl_party *p, const kl_error *e); /* counts it, and says so */
void kl_desk_soon(kl_desk *d);                        /* somebody is to be told in the loop's next turn */

/* desk_standstill.c */
/* A write of the party in this market was refused: nothing where it says nothing of a pause. */
void kl_desk_standstill_refused(kl_party *p, const char *ticker, const kl_error *e);
/* An order was taken there, or filled. */
void kl_desk_standstill_over(kl_desk *d, const char *ticker);

/* desk_orders.c */
/* A record for an order that is about to be sent, or was by an earlier run. NULL with `e`: out of memory, or its client
 * id is taken. Retained once. */
kl_desk_entry *kl_desk_entry_new(kl_desk *d, kl_party *p, uint32_t generation, const kl_order_intent *i, kl_error *e);
/* For lease.c, of one that was canceled with `left` to be placed anew: `x` becomes that, under a name of its own, and
 * what there was of it lives on in the record that is returned. NULL with `e`: as it was. */
kl_desk_entry *kl_desk_entry_split(kl_desk_entry *x, kl_count left, kl_error *e);
/* Forgets one that was never sent. */
void kl_desk_entry_drop(kl_desk_entry *x);
/* The exchange's id of it has become known. The caller holds the record. False when out of memory. */
bool kl_desk_entry_name(kl_desk_entry *x, const char *id);
/* After a change: counts, limits, journal, watchers, listeners, those who wait. */
void kl_desk_entry_changed(kl_desk_entry *x);
/* It is told what is there, and the above when that changed anything. */
void kl_desk_entry_told(kl_desk_entry *x, const kl_desk_news *n);
void kl_desk_entry_told_row(kl_desk_entry *x, const kl_own_order *row, kl_desk_source by);
/* The row is of an order that had this client id before, when somebody uses it a second time. */
bool kl_desk_is_older(const kl_desk_entry *x, const kl_own_order *row);
kl_desk_entry *kl_desk_entry_of(kl_desk *d, const char *order_id, const char *client_id);
void kl_desk_orders_listen(kl_desk *d);
/* Orders are written from now on, so the account is kept. False with `e` where it cannot be. */
bool kl_desk_watch_account(kl_desk *d, kl_error *e);
void kl_desk_orders_free(kl_desk *d);
/* For desk_recover.c: an order of an earlier run under its party, in the state that it was kept in (pending becomes
 * unknown), which is then looked up. Its fills are those that kl_desk_know_fill names. */
kl_desk_entry *kl_desk_adopt(kl_desk *d, kl_party *p, const kl_desk_order *kept, kl_error *e);
bool kl_desk_know_fill(kl_desk *d, const kl_account_fill *f);
/* Fills of orders that are not known are kept while somebody holds them; each hold is ended once. */
void kl_desk_hold_fills(kl_desk *d, bool hold);
/* Fills that came before it was known that they are of this order. The caller holds the record. */
void kl_desk_claim_fills(kl_desk_entry *x);
/* An amend has given it another client id. */
void kl_desk_entry_rename(kl_desk_entry *x, const char *client_id);
/* A fill, whoever tells of it. */
void kl_desk_fill_told(kl_desk *d, const kl_account_fill *f);
/* desk_recover.c: takes over what the journal has. */
bool kl_desk_recover(kl_desk *d, kl_error *e);
void kl_desk_chase_fills(kl_desk_entry *x); /* some of its fills may have come that nobody was told of */
/* More was filled than it has been told fills of: they are read where they do not come by themselves. */
void kl_desk_await_fills(kl_desk_entry *x);
void kl_desk_missing_tick(kl_desk *d);
void kl_desk_missing_stop(kl_desk *d);

/* desk_check.c */
kl_desk_market *kl_desk_market_of(kl_desk *d, const char *ticker, kl_error *e);
typedef enum { KL_CHECK_READY, KL_CHECK_WAIT, KL_CHECK_REFUSED } kl_check;
/* Whether it is known; begins to read it. `need` is who needs that, for `e`. */
kl_check kl_desk_market_known(kl_desk_market *m, const char *need, kl_error *e);
/* Whether all that the limits of `w` have to know is there; begins to get what is not. */
kl_check kl_desk_check(kl_desk_write *w, kl_error *e);
/* The same of an order of `p` in a market. */
kl_check kl_desk_check_known(kl_desk *d, const kl_party *p, const char *ticker, kl_error *e);
/* What the limits of `p` compare with there. */
bool kl_desk_view(kl_desk *d, const kl_party *p, const char *ticker, kl_desk_market **m, kl_risk_view *v, kl_error *e);
/* Reserves what the write may come to. False with `e`: nothing of it is reserved. */
bool kl_desk_admit(kl_desk_write *w, kl_error *e);
/* Nothing of the write was sent: what kl_desk_admit reserved is as it was. */
void kl_desk_admit_undo(kl_desk_write *w);
/* An order of an earlier run is there, whatever the limits are: it counts against them. */
void kl_desk_reserve_kept(kl_desk_entry *x);
bool kl_desk_may_send(kl_desk *d, kl_party *p, kl_error *e); /* the party is not halted, the journal works */
void kl_desk_markets_free(kl_desk *d);

/* desk_write.c */
kl_desk_write *kl_desk_write_new(kl_desk *d, kl_party *p, kl_write_kind kind, size_t items, kl_error *e);
void kl_desk_write_free(kl_desk_write *w); /* one that never began */
/* Begins its way; calls nobody back. False with `e` when it may not be sent: then `w` is freed, and orders that it
 * would have made are gone. */
bool kl_desk_write_begin(kl_desk_write *w, kl_error *e);
/* The order of the write has become known: it counts among those that change it. */
void kl_desk_write_know(kl_desk_write *w, kl_desk_entry *x);
/* Something has come that writes wait for. */
void kl_desk_writes_look(kl_desk *d);
void kl_desk_writes_tick(kl_desk *d);
void kl_desk_writes_over(kl_desk *d);
bool kl_desk_writes_wait(const kl_desk *d); /* for a time */
void kl_desk_writes_close(kl_desk *d);
/* The order of a cancel has ended: it is answered as if it had been canceled, with nothing left to cancel. */
void kl_desk_write_end_canceled(kl_desk_write *w);
/* Its order is gone, and it ends once it is known how that ended; a change, with the error that it got. */
void kl_desk_write_look_up(kl_desk_write *w, const kl_error *e);
/* It ends with this answer, or error, in the loop's next turn. */
void kl_desk_write_end(kl_desk_write *w, int status, const char *body, size_t n);
void kl_desk_write_fail(kl_desk_write *w, const kl_error *e);
/* The order that it waits for has changed. */
void kl_desk_write_order_changed(kl_desk_write *w);
/* Not sent yet, it never will be: true. Else it goes on. */
bool kl_desk_write_take_back(kl_desk_write *w, const char *why);

/* desk_answer.c */
void kl_desk_answered(kl_desk_write *w, const kl_http_response *res, const kl_error *e);

/* desk_resolve.c */
void kl_desk_doubt(kl_desk_entry *x); /* it is looked up from now on, until it is known */
/* The same, and nothing that was read before now counts. */
void kl_desk_doubt_anew(kl_desk_entry *x);
void kl_desk_doubts_tick(kl_desk *d);
void kl_desk_doubts_stop(kl_desk *d);

/* desk_all.c */
void kl_desk_alls_look(kl_desk *d);
void kl_desk_alls_tick(kl_desk *d);
void kl_desk_alls_over(kl_desk *d);
void kl_desk_alls_stop(kl_desk *d);
void kl_desk_halt_kept(kl_party *p); /* as an earlier run has left it */
/* What the journal has of the party, and it must not trade without, cannot be read: it is halted, unless it is. */
void kl_desk_halt_unread(kl_party *p, const char *what, const kl_error *e);

/* desk_rfq.c: quotes and block trades, which may become positions. A write that was not prepared is no such one. False
 * with `e`: it may not be sent. */
bool kl_desk_rfq_prepare(kl_desk_write *w, const kl_operation *op, const kl_call_request *r, uint32_t generation,
                         const json_t *body, kl_error *e);
/* The body of that operation is read, so that what is checked has to be what is sent. */
bool kl_desk_rfq_reads(const kl_operation *op);

/* desk_quotes.c: for writes with a `deal`; as those of desk_check.c and desk_answer.c. */
kl_check kl_desk_deal_check(kl_desk_write *w, kl_error *e);
bool kl_desk_deal_admit(kl_desk_write *w, kl_error *e);
void kl_desk_deal_undo(kl_desk_write *w);
void kl_desk_deal_answered(kl_desk_write *w, const kl_http_response *res, const kl_error *e);
void kl_desk_deal_release(struct kl_desk_deal *q); /* takes NULL */
/* The record of an order that a quote has become, by its client id "quote:…:ID"; NULL when it is none. */
kl_desk_entry *kl_desk_deal_order(kl_desk *d, const char *order_id, const char *client_id, const char *ticker,
                                  kl_side side, kl_price yes_price, kl_count count);
/* A fill of an order that nobody knows: it may be of a deal whose order has no name here yet, and is kept meanwhile. */
void kl_desk_deals_stray(kl_desk *d, const char *ticker);
void kl_desk_deals_hurry(kl_desk *d); /* those that something is reserved for are looked up soon */
void kl_desk_deals_tick(kl_desk *d);
bool kl_desk_deals_wait(const kl_desk *d);
void kl_desk_deals_stop(kl_desk *d);
void kl_desk_deals_kept(kl_party *p); /* as an earlier run has left them */

/* desk_seek.c: an order of another program that is to be amended is looked up, and known from then on. */
bool kl_desk_seek_begin(kl_desk_write *w, const char *order_id, kl_error *e);
kl_check kl_desk_seek_check(kl_desk_write *w, kl_error *e);
void kl_desk_seek_free(struct kl_desk_seek *s); /* takes NULL */

/* desk_place.c: the last thing before a create is sent: what is put into its body, the seat belt's group and a lease's
 * end. */
bool kl_desk_complete(kl_desk_write *w, kl_error *e);
/* Places what kl_desk_entry_split has left of an order. False with `e`: it was not sent. */
bool kl_desk_place_again(kl_desk_entry *x, kl_error *e);

#endif
