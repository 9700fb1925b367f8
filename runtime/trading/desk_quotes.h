/* Deals: what is agreed with one other member, by a quote or a block trade. An order may follow from each, which the
 * exchange makes; until it is known whether, what it may come to is reserved like an order. A quote of ours has a slot
 * for each of its bids, since either may be accepted; one that we accept, and a block trade, has one. Private to the
 * desk. */
#ifndef KL_DESK_QUOTES_H
#define KL_DESK_QUOTES_H

#include "trading/desk_impl.h"

typedef enum { KL_DEAL_QUOTE, KL_DEAL_ACCEPT, KL_DEAL_BLOCK } kl_deal_kind;

typedef enum {
  KL_DEAL_NEW,   /* its write has no answer yet */
  KL_DEAL_OPEN,  /* a quote that executes only when we confirm it */
  KL_DEAL_BOUND, /* it may become an order by what others do */
  KL_DEAL_OVER
} kl_deal_state;

typedef struct kl_desk_deal {
  kl_list link; /* kl_desk.deals, from its answer on, or from when it is looked up or sent, if an order may follow */
  kl_desk *d;
  kl_party *party; /* whose fills it will have */
  uint32_t generation;
  unsigned refs;
  kl_deal_kind kind;
  kl_deal_state state;
  char id[64]; /* of the quote or the proposal; "" until known */
  char rfq_id[64], ticker[64];
  int32_t subaccount;
  kl_count rfq_count; /* that was asked for; 0: as many as rfq_cost buys */
  kl_money rfq_cost;
  bool sized; /* what follows, and ticker, is known */
  kl_outcome taken;
  bool has_taken;
  kl_price bids[2]; /* by kl_outcome, of a quote; 0: declined */
  /* By our side: what may be bought and sold. */
  kl_price yes[2]; /* 0: nothing */
  kl_count count[2];
  kl_risk_slot slot[2];
  struct kl_desk_deal *before; /* the quote that this one replaces, whose slots it has taken over; retained */
  bool doubt;                  /* the answer was lost, or refused what may have happened before */
  int64_t since_ns;            /* of the last write of it */
  int64_t next_ns, pause_ns;   /* when it is looked up; INT64_MAX: not */
  int64_t looked_ns;
  unsigned tries;
  bool proposed; /* a block trade, by us */
  bool kept;     /* of an earlier run */
  bool holds;    /* fills of unknown orders, since one may be of this */
  unsigned holding;
  kl_call *call; /* of a look-up */
  char cursor[512];
  unsigned pages;
  bool failed; /* its terms could not be read */
  kl_error error;
} kl_desk_deal;

/* desk_quotes.c */
kl_desk_deal *kl_deal_new(kl_desk *d, kl_party *p, uint32_t generation, kl_deal_kind kind); /* retained once */
kl_desk_deal *kl_deal_find(const kl_desk *d, kl_deal_kind kind, const char *id);
/* The size of a request that a quote of this process was for. */
bool kl_deal_size_of_rfq(kl_desk_deal *q);
bool kl_deal_reserved(const kl_desk_deal *q); /* anything is */
/* From `bids` and the size: yes and count. False with `e` (kind "validation"). */
bool kl_deal_terms(kl_desk_deal *q, kl_error *e);
/* Only this side of ours may still follow. */
void kl_deal_narrow(kl_desk_deal *q, kl_side side);
/* Nothing can follow from it any more. */
void kl_deal_end(kl_desk_deal *q);
/* It has an id, and is the desk's. */
void kl_deal_made(kl_desk_deal *q);
/* It was made by an earlier run, and may become an order. */
void kl_deal_adopt(kl_desk_deal *q);
/* It did not happen: what it has taken over from an earlier quote goes back to that. */
void kl_deal_undone(kl_desk_deal *q);
/* It has become that order. NULL when out of memory. */
kl_desk_entry *kl_deal_execute(kl_desk_deal *q, kl_side side, const char *order_id, const char *client_id,
                               kl_price yes_price, kl_count count);
kl_side kl_deal_side(const kl_desk_deal *q, kl_outcome accepted);

/* desk_quotes_look.c */
bool kl_deal_ask(kl_desk_deal *q, kl_error *e); /* the terms of a new one, or how a known one stands */
void kl_deal_later(kl_desk_deal *q, int64_t ms);

/* desk_quotes_kept.c */
void kl_deals_keep(kl_desk *d, kl_party *p); /* those of the party have changed */

#endif
