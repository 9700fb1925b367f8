/* What rfqs.c and quotes.c share. */
#ifndef KL_SIM_RFQS_IMPL_H
#define KL_SIM_RFQS_IMPL_H

#include "base/map.h"
#include "sim/random.h"
#include "sim/rfqs.h"

enum {
  KL_RFQ_OPEN_MOST = 100,       /* of a user; Kalshi's quota */
  KL_RFQ_CLOSED_KEPT = 20000,   /* of all users: a simulator that runs for weeks does not grow */
  KL_RFQ_CANCELLED_KEPT = 50000 /* quotes */
};

struct kl_sim_rfqs {
  kl_exchange *x;
  kl_sim_rfqs_sink sink;
  kl_sim_random random;
  double speed;
  kl_map *rfqs, *quotes; /* by id */
  kl_list all_rfqs, all_quotes;
  kl_list open, closed;    /* requests */
  kl_list live, cancelled; /* quotes: accepted or confirmed, and cancelled in the order of their end */
  size_t n_open, n_closed, n_cancelled;
};

extern const kl_sim_refusal kl_rfq_not_found, kl_rfq_closed, kl_rfq_no_memory, kl_rfq_market_inactive,
    kl_rfq_insufficient_balance;

/* An id that looks like a UUID of version 4 and that neither map has. */
void kl_rfqs_make_id(kl_sim_rfqs *r, kl_uuid out);
int64_t kl_rfqs_window(const kl_sim_rfqs *r, const kl_market *m, int64_t normal_s, int64_t short_s, int64_t least_us);
void kl_rfq_close(kl_sim_rfqs *r, int64_t now_us, kl_sim_rfq *q, const char *reason);
kl_sim_rfq *kl_rfq_get(const kl_sim_rfqs *r, const char *rfq_id);

/* quotes.c */
void kl_quotes_tick(kl_sim_rfqs *r, int64_t now_us);
void kl_quote_cancel(kl_sim_rfqs *r, int64_t now_us, kl_sim_rfq_quote *q, const char *reason);
void kl_quote_forget(kl_sim_rfqs *r, kl_sim_rfq_quote *q);
/* The quote of the request that is accepted or confirmed; NULL: none. */
kl_sim_rfq_quote *kl_quote_under_way(const kl_sim_rfq *q);

#endif
