/* FCM members: their subtraders, each an account of its own at the exchange, and the limits that the member sets them.
 * Source: Kalshi, "FCM" pages. The exchange takes a subtrader's orders over FIX only, from keys bound to it; there is
 * no FIX here, so such keys trade over REST instead. */
#ifndef KL_SIM_FCM_H
#define KL_SIM_FCM_H

#include "sim/http.h"

typedef struct kl_sim_subtrader {
  char id[KL_SIM_SUBTRADER_ID_MOST + 1]; /* the member's user id, an underscore, the suffix */
  kl_sim_account account;
  kl_sim_account *member;
  bool has_cap;
  kl_money cap; /* of net premium a day */
  char **blocked;
  size_t n_blocked;
} kl_sim_subtrader;

/* Whose tier and tokens hold for an account: a subtrader uses its member's. */
static inline kl_sim_account *kl_sim_payer(kl_sim_account *a) { return a->subtrader ? a->subtrader->member : a; }

/* NULL when out of memory. */
kl_sim_fcm *kl_sim_fcm_new(void);
void kl_sim_fcm_free(kl_sim_fcm *f); /* takes NULL */
/* Subtraders outlive the process, in the store. */
bool kl_sim_fcm_load(kl_sim *s, kl_error *e);

/* A member's subtrader by id; NULL: it has none such. */
kl_sim_subtrader *kl_sim_fcm_find(const kl_sim *s, const kl_sim_account *member, const char *id);
size_t kl_sim_fcm_count(const kl_sim *s);
kl_sim_subtrader *kl_sim_fcm_at(const kl_sim *s, size_t i); /* of any member, oldest first */
/* Makes one, with money of its own. NULL when out of memory. */
kl_sim_subtrader *kl_sim_fcm_add(kl_sim *s, kl_sim_account *member, const char *id);

void kl_sim_fcm_set_cap(kl_sim *s, kl_sim_subtrader *t, bool has_cap, kl_money cap);
bool kl_sim_fcm_is_blocked(const kl_sim_subtrader *t, const char *category);
bool kl_sim_fcm_block(kl_sim *s, kl_sim_subtrader *t, const char *category, bool blocked); /* false: out of memory */

/* What of a daily cap is used. */
typedef struct kl_sim_cap_use {
  kl_money executed; /* net premium of today's fills: what opened, less what closing and settling gave back */
  kl_money resting;  /* what resting orders cost at most, with fees */
  char date[11];     /* today in New York */
} kl_sim_cap_use;
void kl_sim_fcm_use(const kl_sim *s, const kl_sim_subtrader *t, kl_sim_cap_use *out);
/* What an order of `count` contracts would add to it. */
kl_money kl_sim_fcm_cost(const kl_sim *s, const kl_sim_subtrader *t, const kl_market *m, kl_side side, kl_price price,
                         kl_count count, int subaccount);

#endif
