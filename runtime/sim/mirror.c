/* The fill model as a whole: its exchanges, markets and their lives. */
#include "sim/mirror.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exchange/saved.h"
#include "sim/mirror_impl.h"

/* Ten billion dollars, the largest deposit. */
static const kl_money OTHERS = INT64_C(10000000000000000);
enum { KEEP_ORDERS = 1000, KEEP_FILLS = 16 }; /* of the others: nobody looks at them */

const char *kl_mirror_view_name(kl_mirror_view v) {
  static const char *const names[KL_VIEWS] = {"estimate", "pessimistic", "optimistic"};
  return names[v];
}

/* The i-th user that stands for others: there already in an exchange that was restored. UINT32_MAX: out of memory. */
static uint32_t other_user(kl_exchange *x, size_t i) {
  uint32_t user = kl_exchange_synthetic_at(x, KL_SYNTHETIC_TRADER, i);
  if (user != UINT32_MAX) return user;
  user = kl_exchange_add_user(x, OTHERS);
  if (user == UINT32_MAX) return user;
  kl_exchange_set_synthetic(x, user, KL_SYNTHETIC_TRADER);
  kl_exchange_keep(x, user, KEEP_ORDERS, KEEP_FILLS);
  return user;
}

static bool prepare_view(kl_m_view *v) {
  v->crowd = v->x ? other_user(v->x, 0) : UINT32_MAX;
  v->taker = v->x ? other_user(v->x, 1) : UINT32_MAX;
  return v->crowd != UINT32_MAX && v->taker != UINT32_MAX;
}

static int64_t or_default(int64_t given, int64_t usual) { return given > 0 ? given : usual; }

kl_mirror *kl_mirror_new(kl_exchange *x, const kl_mirror_options *o) {
  kl_mirror *m = calloc(1, sizeof *m);
  if (!m) return NULL;
  m->wait_us[KL_M_FALL] = m->wait_us[KL_M_PRINT] = or_default(o->window_us, 250000);
  m->wait_us[KL_M_CROSS] = or_default(o->linger_us, 250000);
  m->wait_us[KL_M_TAKEN] = or_default(o->forget_us, 1000000);
  kl_list_init(&m->engaged);
  kl_list_init(&m->order_list);
  for (int kind = 0; kind < KL_M_NOTES; kind++)
    kl_list_init(&m->waiting[kind]);
  m->markets = kl_map_new();
  m->orders = kl_map_new();
  m->groups = kl_map_new();
  m->views[KL_VIEW_ESTIMATE].x = x;
  bool ok = m->markets && m->orders && m->groups;
  for (int v = 0; v < KL_VIEWS; v++) {
    kl_exchange_options options = {.seed = o->seed + (uint64_t)v, .balance_precision = o->balance_precision};
    options.keep_trades = options.keep_market_trades = 100;
    if (v != KL_VIEW_ESTIMATE) m->views[v].x = kl_exchange_new(&options);
    ok = ok && prepare_view(&m->views[v]);
  }
  if (ok) return m;
  kl_mirror_free(m);
  return NULL;
}

static void free_values(kl_map *map) {
  size_t cursor = 0, n;
  const char *key;
  void *value;
  while (map && kl_map_next(map, &cursor, &key, &n, &value))
    free(value);
  kl_map_free(map);
}

void kl_mirror_free(kl_mirror *m) {
  if (!m) return;
  size_t cursor = 0, n;
  const char *key;
  void *value;
  while (m->markets && kl_map_next(m->markets, &cursor, &key, &n, &value))
    kl_m_market_free(m, value);
  kl_map_free(m->markets);
  free_values(m->orders);
  free_values(m->groups);
  for (int v = 0; v < KL_VIEWS; v++)
    if (v != KL_VIEW_ESTIMATE) kl_exchange_free(m->views[v].x);
  free(m->users);
  free(m->queue);
  free(m);
}

bool kl_mirror_is_other(const kl_mirror *m, uint32_t user) {
  return user == m->views[KL_VIEW_ESTIMATE].crowd || user == m->views[KL_VIEW_ESTIMATE].taker;
}

kl_exchange *kl_mirror_exchange(const kl_mirror *m, kl_mirror_view v) { return m->views[v].x; }

kl_m_market *kl_m_market_of(const kl_mirror *m, const char *ticker) {
  return ticker ? kl_map_get(m->markets, ticker, strlen(ticker)) : NULL;
}

bool kl_mirror_has(const kl_mirror *m, const char *ticker) { return kl_m_market_of(m, ticker) != NULL; }

void kl_m_engage(kl_mirror *m, kl_m_market *mk) {
  if (!kl_m_engaged(mk)) kl_list_append(&m->engaged, &mk->engaged);
}

/* ---- markets ---- */

/* The market in one exchange, with its event and series; NULL: it is not taken. */
static kl_market *market_in(kl_exchange *x, const kl_mirror_market_info *i) {
  kl_market *market = kl_exchange_market(x, i->market->ticker);
  if (market) return market;
  kl_series *series = kl_exchange_series(x, i->series->ticker);
  if (!series) series = kl_exchange_add_series(x, i->series);
  if (!series) return NULL;
  kl_market_event *event = kl_exchange_event(x, i->event->ticker);
  if (!event) {
    kl_market_event e = *i->event;
    e.series = series;
    event = kl_exchange_add_event(x, &e);
  }
  if (!event) return NULL;
  kl_market fresh = *i->market;
  fresh.event = event;
  fresh.legs = NULL; /* a combo is a market like others here: its result is told */
  fresh.n_legs = 0;
  fresh.settlement_timer_s = 0; /* the live exchange says when it settles */
  fresh.settle_us = 0;
  fresh.volume_before = fresh.volume;
  fresh.open_interest_before = fresh.open_interest;
  return kl_exchange_add_market(x, &fresh);
}

static bool same_fees(kl_fee_schedule a, kl_fee_schedule b) {
  return a.type == b.type && a.multiplier_ppm == b.multiplier_ppm;
}

static bool update_fees(kl_exchange *x, int64_t now_us, kl_market_event *e, const kl_mirror_market_info *i) {
  kl_fee_schedule now = {i->series->fee_type, i->series->fee_multiplier_ppm};
  kl_series *series = kl_exchange_series(x, e->series->ticker);
  bool ok = true;
  if (!same_fees(now, (kl_fee_schedule){series->fee_type, series->fee_multiplier_ppm}))
    ok = kl_exchange_set_series_fees(x, now_us, series, now) == KL_X_OK;
  const kl_market_event *live = i->event;
  bool type = e->has_fee_type == live->has_fee_type && (!live->has_fee_type || e->fee_type == live->fee_type);
  bool multiplier = e->has_fee_multiplier == live->has_fee_multiplier &&
                    (!live->has_fee_multiplier || e->fee_multiplier_ppm == live->fee_multiplier_ppm);
  if (type && multiplier) return ok;
  return kl_exchange_set_event_fees(x, now_us, e, live->has_fee_type ? &live->fee_type : NULL,
                                    live->has_fee_multiplier ? &live->fee_multiplier_ppm : NULL) == KL_X_OK &&
         ok;
}

static bool update_grid(kl_exchange *x, int64_t now_us, kl_market *market, const kl_market *live) {
  bool known = live->n_bands > 0 || *live->price_structure;
  if (!known || market->status > KL_MARKET_CLOSED) return true;
  if (strcmp(market->price_structure, live->price_structure) == 0 &&
      (live->n_bands == 0 || (live->n_bands == market->n_bands &&
                              memcmp(live->bands, market->bands, (size_t)live->n_bands * sizeof *live->bands) == 0)))
    return true;
  return kl_exchange_set_structure(x, now_us, market, live->price_structure, live->bands, live->n_bands) == KL_X_OK;
}

static bool update_times(kl_exchange *x, int64_t now_us, kl_market *market, const kl_market *live) {
  market->expected_expiration_us = live->expected_expiration_us;
  market->latest_expiration_us = live->latest_expiration_us;
  if (live->close_us <= now_us || live->close_us == market->close_us || market->status > KL_MARKET_CLOSED) return true;
  return kl_exchange_set_close(x, now_us, market, live->close_us) == KL_X_OK;
}

static bool update_strikes(kl_exchange *x, int64_t now_us, kl_market *market, const kl_market *live) {
  if (market->status == KL_MARKET_FINALIZED) return true;
  if (strcmp(market->yes_sub_title, live->yes_sub_title) == 0 && market->has_floor == live->has_floor &&
      market->has_cap == live->has_cap && (!live->has_floor || market->floor_strike == live->floor_strike) &&
      (!live->has_cap || market->cap_strike == live->cap_strike))
    return true;
  kl_market_metadata d = {live->yes_sub_title, live->strike_type,  live->has_floor,
                          live->has_cap,       live->floor_strike, live->cap_strike};
  return kl_exchange_set_metadata(x, now_us, market, &d) == KL_X_OK;
}

/* Its place in the model, once it is in all exchanges. */
static kl_m_market *insert(kl_mirror *m, const kl_mirror_market_info *i) {
  kl_m_market *mk = calloc(1, sizeof *mk);
  if (!mk) return NULL;
  kl_list_init(&mk->dirty);
  kl_list_init(&mk->engaged);
  mk->stale = true;
  mk->last = i->market->last_price;
  for (int v = 0; v < KL_VIEWS; v++)
    mk->m[v] = kl_exchange_market(m->views[v].x, i->market->ticker);
  if (kl_map_set(m->markets, i->market->ticker, strlen(i->market->ticker), mk)) return mk;
  free(mk);
  return NULL;
}

bool kl_mirror_market(kl_mirror *m, int64_t now_us, const kl_mirror_market_info *i) {
  kl_m_advance(m, now_us);
  kl_m_market *mk = kl_m_market_of(m, i->market->ticker);
  bool ok = true;
  for (int v = 0; v < KL_VIEWS; v++) {
    kl_exchange *x = m->views[v].x;
    kl_market *market = market_in(x, i);
    if (!market) return false;
    ok = update_fees(x, now_us, market->event, i) && ok;
    ok = update_grid(x, now_us, market, i->market) && ok;
    ok = update_times(x, now_us, market, i->market) && ok;
    ok = update_strikes(x, now_us, market, i->market) && ok;
  }
  if (!mk) mk = insert(m, i);
  if (!mk) return false;
  kl_mirror_status(m, now_us, i->market->ticker, i->market->status, i->market->settlement);
  return ok;
}

/* ---- their lives ---- */

/* An open market closes, whatever its time. */
static void close_market(kl_exchange *x, int64_t now_us, kl_market *market) {
  if (market->status < KL_MARKET_CLOSED) (void)kl_exchange_set_close(x, now_us, market, now_us);
}

static void determine(kl_exchange *x, int64_t now_us, kl_market *market, kl_price value) {
  if (market->status == KL_MARKET_INITIALIZED) close_market(x, now_us, market);
  if (market->status < KL_MARKET_DETERMINED)
    (void)kl_exchange_determine(x, now_us, market, value);
  else if (market->status != KL_MARKET_FINALIZED)
    (void)kl_exchange_amend_result(x, now_us, market, value);
}

static void dispute(kl_exchange *x, int64_t now_us, kl_market *market, kl_price value) {
  if (market->status < KL_MARKET_DETERMINED) determine(x, now_us, market, value);
  (void)kl_exchange_dispute(x, now_us, market);
}

static void finalize(kl_exchange *x, int64_t now_us, kl_market *market, kl_price value) {
  if (market->status == KL_MARKET_FINALIZED) return;
  determine(x, now_us, market, value); /* another result than before amends, and a dispute ends */
  (void)kl_exchange_settle(x, now_us, market, value);
}

/* A market that was thought to open or close at another time. */
static void activate(kl_exchange *x, int64_t now_us, kl_market *market) {
  if (market->status == KL_MARKET_INACTIVE) (void)kl_exchange_set_active(x, now_us, market, true);
  if (market->status == KL_MARKET_INITIALIZED) { /* its alarm finds it open */
    market->open_us = market->updated_us = now_us;
    market->status = KL_MARKET_ACTIVE;
  }
  /* It is active past its time of closing: the live exchange moved that and will say to when. */
  static const int64_t day_us = INT64_C(86400000000);
  if (market->status == KL_MARKET_CLOSED) (void)kl_exchange_set_close(x, now_us, market, now_us + day_us);
}

static void change_status(kl_exchange *x, int64_t now_us, kl_market *market, kl_market_status s, kl_price value) {
  bool result = value >= 0 && value <= KL_PRICE_ONE;
  if (market->status == KL_MARKET_FINALIZED || (s > KL_MARKET_CLOSED && !result)) return;
  switch (s) {
  case KL_MARKET_INITIALIZED:
    return;
  case KL_MARKET_ACTIVE:
    activate(x, now_us, market);
    return;
  case KL_MARKET_INACTIVE:
    if (market->status != KL_MARKET_INACTIVE) activate(x, now_us, market);
    (void)kl_exchange_set_active(x, now_us, market, false);
    return;
  case KL_MARKET_CLOSED:
    close_market(x, now_us, market);
    return;
  case KL_MARKET_DISPUTED:
    dispute(x, now_us, market, value);
    return;
  case KL_MARKET_DETERMINED:
  case KL_MARKET_AMENDED:
    determine(x, now_us, market, value);
    return;
  case KL_MARKET_FINALIZED:
    finalize(x, now_us, market, value);
    return;
  }
}

void kl_mirror_status(kl_mirror *m, int64_t now_us, const char *ticker, kl_market_status s, kl_price settlement) {
  kl_m_advance(m, now_us);
  kl_m_market *mk = kl_m_market_of(m, ticker);
  if (!mk) return;
  for (int v = 0; v < KL_VIEWS; v++) {
    (void)kl_exchange_tick(m->views[v].x, now_us);
    change_status(m->views[v].x, now_us, mk->m[v], s, settlement);
  }
  kl_m_cleared(m, mk);
}

void kl_mirror_pause(kl_mirror *m, int64_t now_us, int shard, kl_pause pause, int64_t resume_us) {
  kl_m_advance(m, now_us);
  for (int v = 0; v < KL_VIEWS; v++)
    (void)kl_exchange_set_pause(m->views[v].x, now_us, shard, pause, resume_us);
}

bool kl_mirror_retirable(const kl_mirror *m, const char *event_ticker) {
  for (int v = 0; v < KL_VIEWS; v++) {
    const kl_market_event *e = kl_exchange_event(m->views[v].x, event_ticker);
    if (!e || !kl_exchange_retirable(e)) return false;
  }
  return true;
}

bool kl_mirror_retire(kl_mirror *m, int64_t now_us, const char *event_ticker) {
  kl_m_advance(m, now_us);
  if (!kl_mirror_retirable(m, event_ticker)) return false;
  kl_market_event *events[KL_VIEWS];
  for (int v = 0; v < KL_VIEWS; v++)
    events[v] = kl_exchange_event(m->views[v].x, event_ticker);
  kl_m_count_fills(m);
  kl_m_retire_totals(m, events[KL_VIEW_ESTIMATE]);
  kl_m_forget_orders(m, events[KL_VIEW_ESTIMATE]);
  for (size_t i = 0; i < events[KL_VIEW_ESTIMATE]->n_markets; i++) {
    const char *ticker = events[KL_VIEW_ESTIMATE]->markets[i]->ticker;
    kl_m_market *mk = kl_map_remove(m->markets, ticker, strlen(ticker));
    if (mk) kl_m_market_free(m, mk);
  }
  for (int v = 0; v < KL_VIEWS; v++)
    (void)kl_exchange_retire_event(m->views[v].x, events[v]);
  return true;
}

/* ---- time ---- */

static bool stop_at_own(void *data, const kl_order *o) {
  bool *own = ((void **)data)[1];
  const kl_m_view *view = ((void **)data)[0];
  *own = o->user != view->crowd;
  return !*own;
}

/* Whether own orders rest in the market in any view. */
static bool has_own(kl_mirror *m, const kl_m_market *mk) {
  bool own = false;
  for (int v = 0; v < KL_VIEWS && !own; v++) {
    void *data[2] = {&m->views[v], &own};
    for (int side = KL_YES; side <= KL_NO && !own; side++)
      kl_exchange_each_resting(mk->m[v], (kl_outcome)side, stop_at_own, data);
  }
  return own;
}

/* Markets where no own order rests any more are only noted from now on. */
static void disengage(kl_mirror *m) {
  for (kl_list *i = m->engaged.next, *next; i != &m->engaged; i = next) {
    next = i->next;
    kl_m_market *mk = KL_CONTAINER(i, kl_m_market, engaged);
    if (m->now_us - mk->own_us > 2 * m->wait_us[KL_M_FALL] && !has_own(m, mk)) kl_list_remove(&mk->engaged);
  }
}

void kl_mirror_time(kl_mirror *m, int64_t now_us) {
  kl_m_advance(m, now_us);
  for (int v = 0; v < KL_VIEWS; v++)
    (void)kl_exchange_tick(m->views[v].x, m->now_us);
  kl_m_count_fills(m);
  if (m->now_us - m->looked_us < 1000000) return;
  m->looked_us = m->now_us;
  disengage(m);
}

void kl_mirror_counted(const kl_mirror *m, kl_mirror_counts *out) { *out = m->counts; }

const char *kl_mirror_audit(const kl_mirror *m, const char *ticker) {
  const kl_m_market *mk = kl_m_market_of(m, ticker);
  if (!mk) return "an unknown market";
  for (int v = 0; v < KL_VIEWS; v++) {
    for (int side = KL_BID; side <= KL_ASK; side++) {
      for (size_t i = 0; i < mk->sides[side].n; i++) {
        const kl_m_level *l = mk->sides[side].levels[i];
        if (l->live < 0 || l->printed < 0) return "a level below nothing";
        if ((v == KL_VIEW_OPTIMISTIC && l->v[v].gone < 0) || l->v[v].held < 0 || l->v[v].crossing < 0)
          return "a sum of a level below nothing";
        if (l->v[v].shown != kl_m_standing(m, (kl_mirror_view)v, l)) return "a crowd that is not what was put there";
        if (kl_list_empty(&l->dirty) && l->v[v].shown != kl_m_wanted(m, (kl_mirror_view)v, l))
          return "a crowd that is not the live book";
      }
    }
  }
  return NULL;
}
