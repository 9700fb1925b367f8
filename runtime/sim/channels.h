/* What the exchange tells, made into messages of the channels: each content is built once and shared by all who get
 * it. */
#ifndef KL_SIM_CHANNELS_H
#define KL_SIM_CHANNELS_H

#include "sim/session.h"

/* The sink for kl_exchange_options. */
kl_exchange_sink kl_sim_channels_sink(kl_sim *s);
/* Once the markets are known; false when out of memory. `dirty` and `quotes` of the sim are freed with it. */
bool kl_sim_channels_init(kl_sim *s);
/* Sends the tickers that have changed since the last time, and samples the candles. */
void kl_sim_channels_flush(kl_sim *s);
/* The market goes: out of all subscriptions. Flushed just before. */
void kl_sim_channels_forget(kl_sim *s, const kl_market *m);

/* The first state of a market: its book (with `id` when asked for by a command), its ticker. */
void kl_sim_send_snapshot(kl_sim_session *c, kl_sim_sub *sub, const kl_market *m, int64_t id);
void kl_sim_send_ticker(kl_sim_session *c, kl_sim_sub *sub, const kl_market *m);

#endif
