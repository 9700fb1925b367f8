/* Requests for quote and the quotes that answer them, through all their states. Knows no JSON and no clock: every call
 * gets the time, and does first what is due by then. Source: Kalshi, "Requests for quote". */
#ifndef KL_SIM_RFQS_H
#define KL_SIM_RFQS_H

#include "base/list.h"
#include "exchange/exchange.h"

typedef struct kl_sim_rfqs kl_sim_rfqs;

/* Why a call was refused, as the wire says it; texts are literals. */
typedef struct kl_sim_refusal {
  int status; /* HTTP */
  const char *code, *message;
  const char *details; /* NULL: none */
} kl_sim_refusal;

typedef struct kl_sim_rfq {
  kl_uuid id;
  uint32_t user;
  int subaccount;
  kl_market *market;
  kl_count contracts;   /* 0: as many as target_cost buys */
  kl_money target_cost; /* 0: none */
  bool target_excludes_fees, rest_remainder;
  bool open;
  int64_t created_us, updated_us, closed_us;
  const char *reason; /* of closing: "deleted", "replaced", "executed", "expired"; NULL while it is open */
  kl_list quotes;     /* kept ones, oldest first */
  kl_list all, state; /* state: among the open, or among the closed in the order of closing */
} kl_sim_rfq;

typedef enum {
  KL_QUOTE_OPEN,
  KL_QUOTE_ACCEPTED,
  KL_QUOTE_CONFIRMED,
  KL_QUOTE_EXECUTED,
  KL_QUOTE_CANCELLED
} kl_quote_status;
const char *kl_quote_status_name(kl_quote_status s);

typedef struct kl_sim_rfq_quote {
  kl_uuid id;
  kl_sim_rfq *rfq;
  uint32_t user;
  int subaccount;
  kl_price bids[2];      /* by kl_outcome; 0: declined */
  kl_count contracts[2]; /* by kl_outcome: how many a side is for; 0 where it is declined */
  bool rest_remainder, post_only;
  kl_quote_status status;
  kl_outcome accepted;
  int64_t created_us, updated_us, accepted_us, confirmed_us, executed_us, cancelled_us; /* 0: not yet */
  int64_t due_us;             /* of the confirmation while accepted, of the execution while confirmed */
  const char *reason;         /* of the cancellation; NULL: none */
  kl_uuid order, rfq_order;   /* of the quoter and of the requester, once executed */
  char client_order_id[65];   /* of the quoter's order */
  kl_list all, in_rfq, state; /* state: among the accepted and confirmed, or among the cancelled */
} kl_sim_rfq_quote;

/* Told of every change, after it. Any may be NULL; none may call back. */
typedef struct kl_sim_rfqs_sink {
  void *data;
  void (*rfq)(void *data, const kl_sim_rfq *r); /* created or closed */
  void (*quote)(void *data, const kl_sim_rfq_quote *q);
  void (*forgotten)(void *data, bool quote, const char *id); /* after the time that ended ones are kept */
} kl_sim_rfqs_sink;

/* `speed` shortens the windows of confirmation and execution. NULL: out of memory. */
kl_sim_rfqs *kl_sim_rfqs_new(kl_exchange *x, uint64_t seed, double speed, kl_sim_rfqs_sink sink);
void kl_sim_rfqs_free(kl_sim_rfqs *r); /* takes NULL */
/* What is due by now: confirmations that did not come, executions, requests whose market has closed, and the end of the
 * seven days. */
void kl_sim_rfqs_tick(kl_sim_rfqs *r, int64_t now_us);

/* Forgets all requests about a market, and their quotes, before the exchange forgets the market. */
void kl_sim_rfqs_retire(kl_sim_rfqs *r, int64_t now_us, const kl_market *m);

typedef struct kl_sim_rfq_request {
  uint32_t user;
  int subaccount;
  const char *ticker;
  kl_count contracts;   /* one of these two, the other 0 */
  kl_money target_cost; /* with the requester's fees, unless target_excludes_fees */
  bool target_excludes_fees, rest_remainder;
  bool replace; /* an open one of the user on this market, instead of being refused */
} kl_sim_rfq_request;

/* Each returns NULL when it was done. `out` is valid until the next tick. */
const kl_sim_refusal *kl_sim_rfq_create(kl_sim_rfqs *r, int64_t now_us, const kl_sim_rfq_request *q,
                                        const kl_sim_rfq **out);
const kl_sim_refusal *kl_sim_rfq_delete(kl_sim_rfqs *r, int64_t now_us, uint32_t user, const char *rfq_id);

typedef struct kl_sim_quote_request {
  uint32_t user;
  int subaccount;
  const char *rfq_id;
  kl_price bids[2]; /* by kl_outcome; 0 declines */
  bool rest_remainder, post_only;
} kl_sim_quote_request;

/* `rfq_id` NULL: the quote of that id, whatever it answers. */
const kl_sim_refusal *kl_sim_quote_create(kl_sim_rfqs *r, int64_t now_us, const kl_sim_quote_request *q,
                                          const kl_sim_rfq_quote **out);
const kl_sim_refusal *kl_sim_quote_delete(kl_sim_rfqs *r, int64_t now_us, uint32_t user, const char *rfq_id,
                                          const char *quote_id);
const kl_sim_refusal *kl_sim_quote_accept(kl_sim_rfqs *r, int64_t now_us, uint32_t user, const char *rfq_id,
                                          const char *quote_id, kl_outcome side);
const kl_sim_refusal *kl_sim_quote_confirm(kl_sim_rfqs *r, int64_t now_us, uint32_t user, const char *rfq_id,
                                           const char *quote_id);

/* Look-ups, NULL when unknown. */
const kl_sim_rfq *kl_sim_rfq_find(const kl_sim_rfqs *r, const char *rfq_id);
const kl_sim_rfq_quote *kl_sim_quote_find(const kl_sim_rfqs *r, const char *rfq_id, const char *quote_id);
/* The one created before `last`, the newest for NULL; NULL at the end. */
const kl_sim_rfq *kl_sim_rfq_before(const kl_sim_rfqs *r, const kl_sim_rfq *last);
const kl_sim_rfq_quote *kl_sim_quote_before(const kl_sim_rfqs *r, const kl_sim_rfq_quote *last);
size_t kl_sim_rfqs_open(const kl_sim_rfqs *r);

/* Whether a market's requests run on the short windows: combos. */
bool kl_sim_rfq_volatile(const kl_market *m);
/* What the requester pays for a contract when that side of the quote is accepted, and on which side of the book. */
static inline kl_side kl_sim_quoter_side(kl_outcome accepted) { return accepted == KL_YES ? KL_BID : KL_ASK; }
static inline kl_price kl_sim_quote_yes_price(kl_outcome accepted, kl_price bid) {
  return accepted == KL_YES ? bid : KL_PRICE_ONE - bid;
}

/* Puts back what was saved: all fields but the lists and `rfq` are taken from the argument, `reason` must be a literal
 * of kl_sim_rfqs_reason. False when the id exists, its market or request is unknown, or memory is out. */
bool kl_sim_rfq_restore(kl_sim_rfqs *r, const kl_sim_rfq *saved);
bool kl_sim_quote_restore(kl_sim_rfqs *r, const kl_sim_rfq_quote *saved, const char *rfq_id);
/* The literal that equals a text; NULL when it is none of the reasons. */
const char *kl_sim_rfqs_reason(const char *text);

#endif
