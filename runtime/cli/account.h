/* What the exchange says of the account, for the end summary of `kalua run`. */
#ifndef KL_CLI_ACCOUNT_H
#define KL_CLI_ACCOUNT_H

#include "base/units.h"
#include "kalshi/session.h"

typedef struct kl_account_snapshot {
  bool cash_known, positions_known;
  kl_money cash;
  kl_count contracts; /* held over all markets, without sign: */
  kl_count no;        /* those of NO among them */
  int64_t portfolio_cents;
} kl_account_snapshot;

/* Reads balance and positions in the background into *out, which must stay until the session is closed. */
void kl_account_read(kl_session *s, kl_account_snapshot *out);

/* Counts rows of a paged list of one's own ("get_orders", "get_fills") since `min_ts` seconds; runs the loop until it
 * is done or `timeout_ms` passed. -1 when it could not be told. */
int64_t kl_account_count(kl_session *s, uv_loop_t *loop, const char *operation, int64_t min_ts, int timeout_ms);
/* Runs the loop until balance and positions are read, or failed, or `timeout_ms` passed. */
void kl_account_read_wait(kl_session *s, uv_loop_t *loop, kl_account_snapshot *out, int timeout_ms);

#endif
