/* Paper trading: orders are filled by an exchange of our own inside this process (a simulator in mirror mode, reached
 * over its sockets like any other) by what the live exchange's market data shows. This brings it that data: a market is
 * mirrored from the moment an order for it is on its way. The live exchange sees reads and subscriptions only. Loop
 * thread. */
#ifndef KL_PAPER_H
#define KL_PAPER_H

#include "kalshi/session.h"
#include "sim/mirror_door.h"

typedef struct kl_paper_exchange kl_paper_exchange;

typedef struct kl_paper_exchange_options {
  uv_loop_t *loop;
  kl_session *market; /* of the live exchange, read-only; borrowed */
  /* How long a command takes to the exchange, one way, in ms; -1: half of what a read takes there and back, measured
   * now, or KL_PAPER_LATENCY_MS where it cannot be. */
  int64_t latency_ms;
  /* What the account has at first, over all shards; -1: what the live account has, or KL_PAPER_BALANCE where that
   * cannot be read or is nothing. It lies on the shards in the proportion of the live account's money. */
  kl_money balance;
  const char *state; /* the file in which the account is kept; NULL: it ends with the process */
} kl_paper_exchange_options;

enum { KL_PAPER_LATENCY_MS = 50 };
#define KL_PAPER_BALANCE (INT64_C(1000) * KL_MONEY_ONE)

/* Asks the live exchange what is needed of it, which runs the loop for a moment (at most 6 s), and starts the paper
 * exchange. False with `e`: there is no key to subscribe with, or the state file cannot be used. */
bool kl_paper_exchange_open(const kl_paper_exchange_options *o, kl_paper_exchange **out, kl_error *e);
/* The same with what was read of the live exchange before (kl_live_account_start): the loop is not run. */
struct kl_live_account;
bool kl_paper_exchange_begin(const kl_paper_exchange_options *o, const struct kl_live_account *live,
                             kl_paper_exchange **out, kl_error *e);
/* Gives back all that it has of the session `market` and stops the paper exchange, whose sessions must be closed
 * before. The loop has to run on until its handles are closed. Takes NULL. */
void kl_paper_exchange_close(kl_paper_exchange *p);

/* Where the paper exchange is, and with what key: for a session. Borrowed. */
const char *kl_paper_exchange_rest_url(const kl_paper_exchange *p);
const char *kl_paper_exchange_ws_url(const kl_paper_exchange *p);
const char *kl_paper_exchange_key_id(const kl_paper_exchange *p);
kl_key *kl_paper_exchange_key(const kl_paper_exchange *p);

/* One way. */
int64_t kl_paper_exchange_latency_us(const kl_paper_exchange *p);
/* What the account has come to in the three views; false when the paper exchange does not answer within a second. */
bool kl_paper_exchange_report(const kl_paper_exchange *p, kl_sim_mirror_report *out);

#endif
