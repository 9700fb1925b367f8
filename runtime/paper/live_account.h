/* What paper trading takes from the live exchange at its start. */
#ifndef KL_LIVE_ACCOUNT_H
#define KL_LIVE_ACCOUNT_H

#include "exchange/exchange.h"
#include "kalshi/session.h"

typedef struct kl_live_account {
  bool has_balance;
  kl_money balance[KL_EXCHANGE_SHARDS]; /* by shard */
  bool fine;                            /* its balances go to 1/100 of a cent, as those of direct members do */
  char tier[32];                        /* "": not known */
  int64_t round_trip_us;                /* of a read on a warm connection, the best of a few; 0: not known */
  kl_error error;                       /* why something of it is not known; kind NULL: nothing went wrong */
} kl_live_account;

typedef struct kl_live_reading kl_live_reading;
/* `done` once, from the loop: all of it is read, or something has failed, after 14 seconds at most (each call has its
 * deadline). NULL with `e` when nothing can be asked. */
kl_live_reading *kl_live_account_start(kl_session *s, void (*done)(void *data, const kl_live_account *live), void *data,
                                       kl_error *e);
/* `done` will not be called. Takes NULL, and not after `done`. */
void kl_live_account_stop(kl_live_reading *r);
/* The same, running the loop until it is over. */
void kl_live_account_read(uv_loop_t *loop, kl_session *s, kl_live_account *out);

#endif
