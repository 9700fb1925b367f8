#include "sim/rolling.h"

#include "sim/archive.h"
#include "sim/channels.h"
#include "sim/communications.h"
#include "sim/fee_changes.h"
#include "sim/lag.h"
#include "sim/persist.h"

/* How long a settled event can still be looked up: a day of the world, at least a minute of the wall's. */
static const double keep_world_s = 86400, keep_least_s = 60;

static void on_added(void *data, kl_sim_event *e) {
  kl_sim *s = data;
  if (s->traders) kl_sim_traders_add(s->traders, e, s->now_us);
}

void kl_sim_rolling_forget(kl_sim *s, const kl_market_event *e) {
  kl_sim_fee_changes_forget(s, e);
  kl_sim_communications_forget(s, e);
  kl_sim_channels_flush(s); /* nothing that waits may name the markets */
  for (size_t i = 0; i < e->n_markets; i++) {
    const kl_market *m = e->markets[i];
    kl_sim_channels_forget(s, m);
    kl_sim_candles_forget(s->candles, m);
    kl_sim_archive_forget(s, m);
    kl_sim_lag_forget(s->lag, m);
    kl_sim_persist_forget(s, m);
    if (s->traders) kl_sim_traders_forget(s->traders, m);
  }
}

static void on_retiring(void *data, kl_sim_event *e) {
  kl_sim_rolling_forget(data, e->event);
  kl_sim_persist_forget_event(data, e);
}

static bool may_retire(void *data, const kl_sim_event *e) { return kl_sim_communications_may_retire(data, e->event); }

static int64_t keep_us(const kl_sim *s) {
  double keep_s = keep_world_s / s->o.speed, historical_s = 2 * (double)s->o.history_s;
  if (keep_s < keep_least_s) keep_s = keep_least_s;
  if (keep_s < historical_s) keep_s = historical_s; /* as long in the historical tier as before */
  return (int64_t)(1e6 * keep_s);
}

kl_sim_world_options kl_sim_rolling_options(kl_sim *s) {
  return (kl_sim_world_options){.seed = s->o.seed,
                                .markets = s->o.markets,
                                .speed = s->o.speed,
                                .now_us = s->now_us,
                                .keep_us = keep_us(s),
                                .data = s,
                                .added = on_added,
                                .retiring = on_retiring,
                                .may_retire = may_retire};
}

void kl_sim_rolling_tick(kl_sim *s) {
  kl_sim_communications_retire(s, s->now_us - keep_us(s));
  kl_sim_world_settle(&s->world, s->now_us);
}
