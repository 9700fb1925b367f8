/* Money of accounts that moves outside of trades: deposits and withdrawals, transfers between subaccounts, transfers
 * between shards, which take a moment, and the target allocation, which makes such transfers by itself. */
#ifndef KL_SIM_TRANSFERS_H
#define KL_SIM_TRANSFERS_H

#include "sim/impl.h"

typedef struct kl_sim_transfers kl_sim_transfers;

typedef enum {
  KL_SIM_DEPOSIT,
  KL_SIM_WITHDRAWAL,
  KL_SIM_SUBACCOUNT_TRANSFER,
  KL_SIM_SHARD_TRANSFER,
  KL_SIM_MONEY_KINDS
} kl_sim_money_kind;

/* A move of money, as the lists show it. */
typedef struct kl_sim_money_move {
  kl_uuid id;
  kl_sim_money_kind kind;
  uint32_t user;
  int from, to; /* subaccounts */
  int from_shard, to_shard;
  kl_money amount;
  bool pending; /* on its way */
  int64_t created_us, due_us;
} kl_sim_money_move;

/* How much of each shard's money an automatic transfer leaves for resting orders. */
typedef enum { KL_SIM_RESERVE_SUM, KL_SIM_RESERVE_MAX, KL_SIM_RESERVE_NONE } kl_sim_reservation;

typedef struct kl_sim_allocation {
  bool listed[KL_EXCHANGE_SHARDS];
  int percent[KL_EXCHANGE_SHARDS]; /* all 0: off */
  kl_sim_reservation reservation;
} kl_sim_allocation;

/* Made after the accounts, whose first deposits it enters, and after what the state file says about the exchange. False
 * when out of memory or when the state file cannot be read. */
bool kl_sim_transfers_start(kl_sim *s, kl_error *e);
void kl_sim_transfers_free(kl_sim_transfers *t); /* takes NULL */
/* Completes transfers that are due and, every ten seconds, rebalances. */
void kl_sim_transfers_tick(kl_sim *s);

/* Each does what its name says and enters the move; KL_X_NOMEM changes nothing. *id gets the id of the move. */
kl_exchange_result kl_sim_deposit(kl_sim *s, uint32_t user, int shard, kl_money amount, kl_uuid *id);
kl_exchange_result kl_sim_withdraw(kl_sim *s, uint32_t user, int shard, kl_money amount, kl_uuid *id);
kl_exchange_result kl_sim_transfer_subaccounts(kl_sim *s, uint32_t user, int shard, int from, int to, kl_money amount,
                                               kl_uuid *id);
/* In steps that are not undone: to the primary account, over to the other shard (after a moment), to the subaccount.
 * When the last one cannot be done then, the money stays in the primary account. */
kl_exchange_result kl_sim_transfer_shards(kl_sim *s, uint32_t user, int from_shard, int from, int to_shard, int to,
                                          kl_money amount, kl_uuid *id);

/* The client's own id of a transfer is used once. False when the user used it before. */
bool kl_sim_transfers_fresh(const kl_sim *s, uint32_t user, const char *client_transfer_id);
void kl_sim_transfers_use(kl_sim *s, uint32_t user, const char *client_transfer_id);

/* The i-th move of a kind, newest first, of all users; NULL past the end. The last 20,000 or so are kept. */
const kl_sim_money_move *kl_sim_money_at(const kl_sim *s, kl_sim_money_kind kind, size_t i);

const kl_sim_allocation *kl_sim_allocation_of(const kl_sim *s, uint32_t user);
kl_exchange_result kl_sim_allocation_set(kl_sim *s, uint32_t user, const kl_sim_allocation *a);

/* Opens a subaccount, locks it, sets its netting: as the exchange does, and kept in the state file. */
kl_exchange_result kl_sim_subaccount_open(kl_sim *s, uint32_t user, int subaccount, int shard);
kl_exchange_result kl_sim_subaccount_lock(kl_sim *s, uint32_t user, int subaccount, int shard, bool locked);
/* On all shards where it is open, or on none. */
kl_exchange_result kl_sim_subaccount_net(kl_sim *s, uint32_t user, int subaccount, bool on);

/* An account that begins: what it has is entered as a deposit on each shard (once), and netting is on. Called for the
 * accounts of the start; for later ones by who makes them. False when out of memory. */
bool kl_sim_transfers_begin(kl_sim *s, uint32_t user);

/* A new id, from the seed. */
void kl_sim_transfers_id(kl_sim *s, kl_uuid out);

#endif
