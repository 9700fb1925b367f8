/* API keys: who signs a request, and what the key may do. Several belong to one account. Source: Kalshi, "API keys". */
#ifndef KL_SIM_KEYS_H
#define KL_SIM_KEYS_H

#include "sim/impl.h"

/* Scopes; a parent grants what its children do. */
enum {
  KL_SCOPE_READ = 1 << 0,
  KL_SCOPE_WRITE = 1 << 1,
  KL_SCOPE_READ_BLOCK_TRADE_ACCEPT = 1 << 2,
  KL_SCOPE_READ_PORTFOLIO_BALANCE = 1 << 3,
  KL_SCOPE_WRITE_TRADE = 1 << 4,
  KL_SCOPE_WRITE_TRANSFER = 1 << 5,
  KL_SCOPE_WRITE_BLOCK_TRADE_ACCEPT = 1 << 6,
  KL_SCOPE_WRITE_FCM_RISK = 1 << 7,
  KL_SCOPE_FULL = KL_SCOPE_READ | KL_SCOPE_WRITE
};
/* The wire's word; NULL when no scope has this bit. */
const char *kl_sim_scope_name(uint32_t bit);
uint32_t kl_sim_scope_of(const char *name);          /* 0: there is no such scope */
void kl_sim_json_scopes(kl_buf *b, uint32_t scopes); /* ["read","write"] */

typedef struct kl_sim_api_key {
  char id[KL_SIM_KEY_ID_MOST + 1];
  char name[129];
  kl_sim_account *owner;   /* whose key it is */
  kl_sim_account *account; /* who it acts for: the owner, or the subtrader that it is bound to */
  kl_public_key *verifier;
  uint32_t scopes;
  int subaccount; /* that it is locked to; -1: none */
  unsigned refs;
  bool deleted;
  kl_list link;
} kl_sim_api_key;

/* Whether the key's holder may know of what is on this subaccount. */
static inline bool kl_sim_key_sees(const kl_sim_api_key *k, int subaccount) {
  return k->subaccount < 0 || k->subaccount == subaccount;
}
static inline kl_sim_api_key *kl_sim_key_retain(kl_sim_api_key *k) {
  k->refs++;
  return k;
}
void kl_sim_key_release(kl_sim_api_key *k); /* takes NULL */

/* NULL when out of memory. */
kl_sim_keys *kl_sim_keys_new(uint64_t seed);
void kl_sim_keys_free(kl_sim_keys *keys); /* takes NULL */

/* By id; borrowed until it is deleted. NULL: unknown, or deleted. */
kl_sim_api_key *kl_sim_keys_find(const kl_sim_keys *keys, const char *id);
/* The keys of an owner (NULL: of all), oldest first: the one after `last`, or the first when that is NULL. */
const kl_sim_api_key *kl_sim_keys_next(const kl_sim_keys *keys, const kl_sim_account *owner,
                                       const kl_sim_api_key *last);

/* Registers a key like this one, of which id (a new one when empty), name, owner, account, scopes, subaccount and
 * verifier are read. The verifier is taken, also on failure. NULL: out of memory, or the id is there already. */
kl_sim_api_key *kl_sim_keys_add(kl_sim_keys *keys, const kl_sim_api_key *like);
/* Refuses it from now on and ends the WebSocket connections that it opened. */
void kl_sim_keys_delete(kl_sim *s, kl_sim_api_key *k);

/* Keys that clients made outlive the process, in the store. */
void kl_sim_keys_keep(kl_sim *s, const kl_sim_api_key *k);
bool kl_sim_keys_load(kl_sim *s, kl_error *e);

#endif
