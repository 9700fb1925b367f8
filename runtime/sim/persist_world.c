#include "sim/persist_world.h"

#include <stdlib.h>
#include <string.h>

#include "exchange/saved.h"
#include "sim/rolling.h"
#include "sim/world_process.h"

enum { WORDS = sizeof((kl_sim_process *)NULL)->u / 8, SERIES = sizeof((kl_sim_world *)NULL)->next / 4 };
_Static_assert(sizeof((kl_sim_process *)NULL)->u == (size_t)WORDS * 8, "the state of a process is whole words");

typedef struct world_row {
  uint64_t number; /* 1 */
  int64_t start_us;
  uint64_t made, step;
  int64_t next[SERIES];
  int64_t random; /* of the asset */
  kl_sim_asset asset;
} world_row;

#define T(name, member) KL_SIM_FIELD(world_row, name, member)
static const kl_sim_field world_fields[] = {T("number", number),
                                            T("start_us", start_us),
                                            T("made", made),
                                            T("step", step),
                                            T("next", next),
                                            T("random", random),
                                            T("t", asset.t),
                                            T("log_price", asset.log_price),
                                            T("last_jump", asset.last_jump),
                                            T("jumps", asset.jumps)};
#undef T

typedef struct event_row {
  uint64_t number; /* its serial, and one */
  char ticker[sizeof((kl_market_event *)NULL)->ticker];
  kl_sim_event e;
  int64_t random;
  kl_sim_process p;
  int64_t state[WORDS]; /* the process's own, which only its kind understands */
} event_row;

#define T(name, member) KL_SIM_FIELD(event_row, name, member)
static const kl_sim_field event_fields[] = {
    T("number", number),       T("ticker", ticker),       T("kind", e.kind),       T("complete", e.complete),
    T("activity", e.activity), T("start_us", e.start_us), T("end_us", e.end_us),   T("series", e.series),
    T("step", e.step),         T("jumps", e.jumps),       T("stirred", e.stirred), T("followed", e.followed),
    T("stage", e.stage),       T("stage_us", e.stage_us), T("random", random),     T("t", p.t),
    T("start", p.start),       T("end", p.end),           T("over", p.over),       T("state", state)};
#undef T

typedef struct market_row {
  uint64_t number; /* of the market */
  uint64_t event;  /* number of the row */
  kl_sim_claim claim;
} market_row;

#define T(name, member) KL_SIM_FIELD(market_row, name, member)
static const kl_sim_field market_fields[] = {T("number", number), T("event", event), T("low", claim.low),
                                             T("high", claim.high), T("contender", claim.contender)};
#undef T

static const kl_sim_table world_table = {"world", world_fields, sizeof world_fields / sizeof *world_fields,
                                         sizeof(world_row)};
static const kl_sim_table event_table = {"world_events", event_fields, sizeof event_fields / sizeof *event_fields,
                                         sizeof(event_row)};
static const kl_sim_table market_table = {"world_markets", market_fields, sizeof market_fields / sizeof *market_fields,
                                          sizeof(market_row)};

struct kl_sim_world_rows {
  kl_sim_rows world, events, markets;
  uint64_t saved;     /* events up to this serial have their markets in the file */
  int64_t settled_us; /* the latest that one was settled, as it was last saved */
};

kl_sim_world_rows *kl_sim_world_rows_open(kl_sim_store *st) {
  kl_sim_world_rows *r = calloc(1, sizeof *r);
  if (r && kl_sim_rows_open(&r->world, st, &world_table) && kl_sim_rows_open(&r->events, st, &event_table))
    (void)kl_sim_rows_open(&r->markets, st, &market_table);
  return r;
}

void kl_sim_world_rows_close(kl_sim_world_rows *r) {
  if (!r) return;
  kl_sim_rows_close(&r->world);
  kl_sim_rows_close(&r->events);
  kl_sim_rows_close(&r->markets);
  free(r);
}

/* ---- saving ---- */

static void put_event(kl_sim_world_rows *r, const kl_sim_event *e) {
  kl_sim_process p = *e->process;
  event_row row = {.number = e->serial + 1, .e = *e, .random = (int64_t)p.random.state, .p = p};
  if (e->kind == KL_SIM_CRYPTO) p.u.crypto.asset = NULL; /* there is one, of the world */
  memcpy(row.state, &p.u, sizeof row.state);
  memcpy(row.ticker, e->event->ticker, sizeof row.ticker);
  kl_sim_rows_put(&r->events, &row);
}

static void put_markets(kl_sim_world_rows *r, const kl_sim_world *w, const kl_sim_event *e) {
  for (size_t i = 0; i < e->event->n_markets; i++) {
    const kl_market *m = e->event->markets[i];
    if (m->index < w->cap_markets && w->markets[m->index].market == m)
      kl_sim_rows_put(&r->markets, &(market_row){kl_market_number(m), e->serial + 1, w->markets[m->index].claim});
  }
}

void kl_sim_world_rows_save(kl_sim_world_rows *r, const kl_sim_world *w) {
  world_row row = {.number = 1,
                   .start_us = w->o.now_us,
                   .made = w->made,
                   .step = w->step,
                   .random = (int64_t)w->asset->random.state,
                   .asset = *w->asset};
  for (int i = 0; i < SERIES; i++)
    row.next[i] = w->next[i];
  kl_sim_rows_put(&r->world, &row);
  int64_t settled_us = r->settled_us;
  for (size_t i = 0; i < w->n_events; i++) {
    const kl_sim_event *e = w->events[i];
    bool is_new = e->serial >= r->saved;
    if (is_new) put_markets(r, w, e);
    if (is_new || e->stage != KL_SIM_SETTLED || e->stage_us > r->settled_us) put_event(r, e);
    if (e->stage == KL_SIM_SETTLED && e->stage_us > settled_us) settled_us = e->stage_us;
  }
  r->settled_us = settled_us;
  r->saved = w->made;
}

void kl_sim_world_rows_forget(kl_sim_world_rows *r, const kl_market *m) {
  kl_sim_rows_drop(&r->markets, kl_market_number(m));
}

void kl_sim_world_rows_forget_event(kl_sim_world_rows *r, const kl_sim_event *e) {
  kl_sim_rows_drop(&r->events, e->serial + 1);
}

/* ---- loading ---- */

static bool load_world(void *data, const void *record) {
  kl_sim *s = data;
  const world_row *r = record;
  kl_sim_world_options o = kl_sim_rolling_options(s);
  o.now_us = r->start_us;
  if (!kl_sim_world_begin(&s->world, s->x, &o)) return false;
  kl_sim_world *w = &s->world;
  w->made = r->made;
  w->step = r->step;
  for (int i = 0; i < SERIES; i++)
    w->next[i] = (uint32_t)r->next[i];
  *w->asset = r->asset;
  w->asset->random.state = (uint64_t)r->random;
  return true;
}

static const kl_sim_process_type *type_of(kl_sim_kind kind) {
  static const kl_sim_process_type *const types[] = {&kl_sim_weather_type, &kl_sim_sports_type,  &kl_sim_crypto_type,
                                                     &kl_sim_poll_type,    &kl_sim_economy_type, NULL};
  const kl_sim_process_type *const *t = types;
  while (*t && (*t)->kind != kind)
    t++;
  return *t;
}

static bool load_event(void *data, const void *record) {
  kl_sim *s = data;
  const event_row *r = record;
  kl_market_event *event = kl_exchange_event(s->x, r->ticker);
  const kl_sim_process_type *type = type_of(r->e.kind);
  if (!s->world.asset || !event || !type || r->e.series >= kl_sim_calendar_series())
    return kl_sim_store_damaged(s->store, "an event of the world is missing or of no kind");
  kl_sim_event *e = malloc(sizeof *e);
  kl_sim_process *p = malloc(sizeof *p);
  if (e && p) {
    *e = r->e;
    *p = r->p;
    p->type = type;
    p->random.state = (uint64_t)r->random;
    memcpy(&p->u, r->state, sizeof p->u);
    if (e->kind == KL_SIM_CRYPTO) p->u.crypto.asset = s->world.asset;
    e->event = event;
    e->serial = r->number - 1;
    e->process = p;
    if (kl_sim_world_take(&s->world, e)) return true;
  }
  free(e);
  free(p);
  return false;
}

static bool load_market(void *data, const void *record) {
  kl_sim *s = data;
  kl_sim_world *w = &s->world;
  const market_row *r = record;
  kl_market *m = kl_exchange_market_numbered(s->x, r->number);
  kl_sim_event *e = NULL;
  for (size_t i = 0; !e && m && i < w->n_events; i++)
    if (w->events[i]->serial + 1 == r->event && w->events[i]->event == m->event) e = w->events[i];
  if (!e) return kl_sim_store_damaged(s->store, "a market of the world is missing");
  kl_sim_market *place = kl_sim_world_place(w, m);
  if (!place) return false;
  *place = (kl_sim_market){m, e, r->claim};
  return true;
}

bool kl_sim_world_rows_load(kl_sim_world_rows *r, kl_sim *s) {
  world_row world;
  event_row event;
  market_row market;
  bool ok = kl_sim_rows_each(&r->world, &world, load_world, s) && kl_sim_rows_each(&r->events, &event, load_event, s) &&
            kl_sim_rows_each(&r->markets, &market, load_market, s);
  if (ok && !s->world.asset) ok = kl_sim_store_damaged(s->store, "it has no world");
  r->saved = s->world.made;
  return ok;
}
