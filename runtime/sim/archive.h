/* The historical tier: what settled, traded or ended longer ago than a cutoff is only under /historical. Nothing is
 * moved in memory; the cutoff advances, and every list shows one side of it. Markets, their candlesticks and positions
 * move by whole events. Source: Kalshi, "Historical data".
 *
 * A past of settled events is made at the start, so that there is something to look back on. */
#ifndef KL_SIM_ARCHIVE_H
#define KL_SIM_ARCHIVE_H

#include "sim/impl.h"

/* NULL when out of memory. */
kl_sim_archive *kl_sim_archive_new(kl_sim *s);
void kl_sim_archive_free(kl_sim_archive *a); /* takes NULL */
/* Trades and settles events of the series that there are, on dates before now: called before the exchange is told any
 * time. False when out of memory. */
bool kl_sim_archive_past(kl_sim *s);
/* Moves the cutoffs on. */
void kl_sim_archive_second(kl_sim *s);
/* The market goes, and another may get its index. */
void kl_sim_archive_forget(kl_sim *s, const kl_market *m);

int64_t kl_sim_archive_markets_us(const kl_sim *s); /* events that settled before it are historical */
int64_t kl_sim_archive_trades_us(const kl_sim *s);  /* trades, fills, and ended orders before it are */

bool kl_sim_archived_market(const kl_sim *s, const kl_market *m);
bool kl_sim_archived_order(const kl_sim *s, const kl_order *o); /* a resting one never is */
static inline bool kl_sim_archived_trade(const kl_sim *s, int64_t ts_us) { return ts_us < kl_sim_archive_trades_us(s); }

/* A market by ticker unless it is historical; NULL. */
kl_market *kl_sim_live_market(const kl_sim *s, const char *ticker);

#endif
