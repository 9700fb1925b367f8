/* The world as a whole: its clock, its events and what time does to them. */
#include "sim/world.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sim/world_process.h"

/* World time from the end of a process to its determination. */
static const double determination_s = 5;
enum { SWEEP_STEPS = 50 }; /* in so many steps every process is moved at least once */

/* ---- time ---- */

int64_t kl_sim_world_wall_us(const kl_sim_world *w, double world_s) {
  return w->o.now_us + (int64_t)llround(world_s / w->o.speed * 1e6);
}

uint64_t kl_sim_world_step_at(const kl_sim_world *w, int64_t wall_us) {
  double world_s = (double)(wall_us - w->o.now_us) / 1e6 * w->o.speed;
  return world_s > 0 ? (uint64_t)(world_s / w->step_s) : 0;
}

static double world_time(const kl_sim_world *w) { return (double)w->step * w->step_s; }

/* ---- processes ---- */

/* Moves a process to a time, at most to its end. */
static void move(kl_sim_event *e, double t) {
  kl_sim_process *p = e->process;
  if (p->over || t <= p->t) return;
  bool ends = t >= p->end;
  double jump = p->type->advance(p, ends ? p->end : t);
  if (ends) p->over = true;
  if (p->over) {
    e->stirred = 0.1;
    e->jumps++;
  } else if (jump > 0.05) {
    e->stirred = 0.4 * jump;
    e->jumps++;
  }
}

static void follow(const kl_sim_world *w, kl_sim_event *e) {
  if (e->step == w->step) return;
  e->step = w->step;
  move(e, world_time(w));
}

static void find_next_end(kl_sim_world *w) {
  w->next_end_s = INFINITY;
  for (size_t i = 0; i < w->n_events; i++) {
    const kl_sim_process *p = w->events[i]->process;
    if (!p->over && p->end < w->next_end_s) w->next_end_s = p->end;
  }
}

/* Processes that share something end at their own time, in order, before anything moves past it. */
static void end_processes(kl_sim_world *w, double t) {
  while (w->next_end_s <= t) {
    double at = w->next_end_s;
    for (size_t i = 0; i < w->n_events; i++)
      if (w->events[i]->process->end <= at) move(w->events[i], at);
    find_next_end(w);
  }
}

void kl_sim_world_step(kl_sim_world *w, uint64_t step) {
  if (step <= w->step || w->n_events == 0) return;
  uint64_t steps = step - w->step < SWEEP_STEPS ? step - w->step : SWEEP_STEPS;
  w->step = step;
  end_processes(w, world_time(w));
  for (size_t i = (size_t)(w->n_events * steps / SWEEP_STEPS) + 1; i > 0; i--) {
    w->sweep = (w->sweep + 1) % w->n_events;
    follow(w, w->events[w->sweep]);
  }
}

static const kl_sim_market *find(const kl_sim_world *w, const kl_market *m) {
  return m->index < w->cap_markets && w->markets[m->index].market == m ? &w->markets[m->index] : NULL;
}

double kl_sim_world_view(const kl_sim_world *w, const kl_market *m) {
  const kl_sim_market *k = find(w, m);
  if (!k) return 0.5;
  double p = k->event->process->type->fair(k->event->process, &k->claim);
  return p < 0 ? 0 : p > 1 ? 1 : p;
}

double kl_sim_world_fair(kl_sim_world *w, const kl_market *m) {
  const kl_sim_market *k = find(w, m);
  if (k) follow(w, k->event);
  return kl_sim_world_view(w, m);
}

void kl_sim_world_observe(const kl_sim_world *w, const kl_sim_event *e, kl_sim_observation *out) {
  const kl_sim_process *p = e->process;
  (void)w;
  *out = (kl_sim_observation){.kind = e->kind, .extreme = -INFINITY, .started = p->t >= p->start, .over = p->over};
  p->type->observe(p, out);
}

kl_sim_event *kl_sim_world_event(const kl_sim_world *w, const kl_market_event *event) {
  const kl_sim_market *k = event->n_markets > 0 ? find(w, event->markets[0]) : NULL;
  return k ? k->event : NULL;
}

double kl_sim_world_news(kl_sim_world *w, const kl_market *m, double size) {
  const kl_sim_market *k = find(w, m);
  if (!k) return 0;
  kl_sim_event *e = k->event;
  follow(w, e);
  kl_sim_process *p = e->process;
  if (p->over) return 0;
  double before = kl_sim_world_view(w, m), best = -INFINITY, chosen = size;
  kl_sim_asset asset = *w->asset;
  kl_sim_process kept = *p;
  /* A range gains by a move towards it, whichever way that is. */
  for (int way = 0; way < 2; way++) {
    double by = way ? -size : size;
    p->type->news(p, &k->claim, by);
    double gain = (kl_sim_world_view(w, m) - before) * (size < 0 ? -1 : 1);
    if (gain > best) {
      best = gain;
      chosen = by;
    }
    *p = kept;
    *w->asset = asset;
  }
  p->type->news(p, &k->claim, chosen);
  double change = kl_sim_world_view(w, m) - before;
  e->stirred = fabs(change);
  e->jumps++;
  return change;
}

/* ---- events ---- */

kl_sim_market *kl_sim_world_place(kl_sim_world *w, const kl_market *m) {
  if (m->index >= w->cap_markets) {
    size_t cap = w->cap_markets ? w->cap_markets : 64;
    while (cap <= m->index)
      cap *= 2;
    kl_sim_market *grown = realloc(w->markets, cap * sizeof *grown);
    if (!grown) return NULL;
    memset(grown + w->cap_markets, 0, (cap - w->cap_markets) * sizeof *grown);
    w->markets = grown;
    w->cap_markets = cap;
  }
  return &w->markets[m->index];
}

/* Room for one more event. */
static bool reserve_event(kl_sim_world *w) {
  if (w->n_events < w->cap_events) return true;
  size_t cap = w->cap_events ? w->cap_events * 2 : 16;
  kl_sim_event **grown = realloc((void *)w->events, cap * sizeof(kl_sim_event *));
  if (!grown) return false;
  w->events = grown;
  w->cap_events = cap;
  return true;
}

bool kl_sim_world_take(kl_sim_world *w, kl_sim_event *e) {
  if (!reserve_event(w)) return false;
  w->events[w->n_events++] = e;
  if (!e->process->over && e->process->end < w->next_end_s) w->next_end_s = e->process->end;
  return true;
}

static kl_sim_event *add_event(kl_sim_world *w, uint32_t series, size_t most) {
  kl_sim_event *e = reserve_event(w) ? kl_sim_calendar_add(w, series, most) : NULL;
  if (e) (void)kl_sim_world_take(w, e); /* there is room */
  return e;
}

bool kl_sim_world_begin(kl_sim_world *w, kl_exchange *x, const kl_sim_world_options *o) {
  *w = (kl_sim_world){.o = *o, .x = x, .next_end_s = INFINITY};
  if (w->o.speed <= 0) w->o.speed = 1;
  w->step_s = KL_SIM_STEP_MS / 1000.0 * (w->o.speed > KL_SIM_FINE_SPEED ? w->o.speed / KL_SIM_FINE_SPEED : 1);
  w->asset = malloc(sizeof *w->asset);
  if (w->asset) kl_sim_asset_begin(w->asset, w->o.seed, 95000);
  return w->asset != NULL;
}

bool kl_sim_world_build(kl_sim_world *w, kl_exchange *x, const kl_sim_world_options *o, kl_error *e) {
  static const uint32_t from_the_start = 7;
  bool ok = kl_sim_world_begin(w, x, o);
  size_t made = 0, target = (size_t)w->o.markets;
  /* One more series joins in every round, so that larger worlds have more of them. */
  for (uint32_t round = 0; ok && made < target; round++) {
    uint32_t n = from_the_start + round, most = (uint32_t)kl_sim_calendar_series();
    for (uint32_t i = 0; ok && i < (n < most ? n : most) && made < target; i++) {
      const kl_sim_event *added = add_event(w, i, target - made);
      ok = added;
      if (ok) made += added->event->n_markets;
    }
  }
  if (!ok) kl_error_set(e, KL_ERR_INTERNAL, "the simulator could not make its markets: not enough memory");
  return ok;
}

void kl_sim_world_free(kl_sim_world *w) {
  for (size_t i = 0; i < w->n_events; i++) {
    free(w->events[i]->process);
    free(w->events[i]);
  }
  free((void *)w->events);
  free(w->markets);
  free(w->asset);
  memset(w, 0, sizeof *w);
}

/* ---- what time does to events ---- */

/* The outcome of an event that someone closed before its process came to an end: it is played to the end apart. */
static void play_out(kl_sim_world *w, kl_sim_event *e) {
  kl_sim_asset asset = *w->asset;
  if (e->kind == KL_SIM_SPORTS) {
    while (!e->process->over)
      move(e, e->process->t + 600);
  } else {
    move(e, e->process->end);
  }
  *w->asset = asset;
  find_next_end(w);
}

static bool all_closed(const kl_sim_event *e) {
  for (size_t i = 0; i < e->event->n_markets; i++)
    if (e->event->markets[i]->status < KL_MARKET_CLOSED) return false;
  return true;
}

static bool all_final(const kl_sim_event *e) {
  for (size_t i = 0; i < e->event->n_markets; i++)
    if (e->event->markets[i]->status != KL_MARKET_FINALIZED) return false;
  return true;
}

static void determine(kl_sim_world *w, kl_sim_event *e, int64_t now_us) {
  if (!e->process->over) play_out(w, e);
  for (size_t i = 0; i < e->event->n_markets; i++) {
    kl_market *m = e->event->markets[i];
    if (m->status >= KL_MARKET_DETERMINED) continue; /* somebody else has decided it */
    kl_exchange_determine(w->x, now_us, m, kl_sim_world_view(w, m) > 0.5 ? KL_PRICE_ONE : 0);
  }
  e->stage = KL_SIM_DETERMINED;
  e->stage_us = now_us;
}

/* The next of the series takes the place of an event that can no longer be traded. */
static void make_next(kl_sim_world *w, kl_sim_event *e) {
  kl_sim_event *next = add_event(w, e->series, e->event->n_markets);
  e->followed = true;
  if (!next) {
    kl_log_error("sim", "no memory for an event after %s", e->event->ticker);
    return;
  }
  if (w->o.added) w->o.added(w->o.data, next);
}

static int64_t wall_span(const kl_sim_world *w, double world_s) { return (int64_t)(world_s / w->o.speed * 1e6); }

static void settle_event(kl_sim_world *w, kl_sim_event *e, int64_t now_us) {
  switch (e->stage) {
  case KL_SIM_OPEN: {
    bool closed = all_closed(e);
    int64_t end_us = e->process->over ? kl_sim_world_wall_us(w, e->process->end) : now_us;
    if (!closed && !e->process->over) return;
    if (closed && !e->process->over) {
      if (kl_sim_world_wall_us(w, fmin(e->process->end, 1e12)) <= now_us) return; /* the world's next step ends it */
      end_us = e->event->markets[0]->close_us;
    }
    if (!e->followed) make_next(w, e);
    if (now_us >= end_us + wall_span(w, determination_s)) determine(w, e, now_us);
    return;
  }
  case KL_SIM_DETERMINED:
    if (!all_final(e)) return; /* the exchange runs the settlement timers */
    e->stage = KL_SIM_SETTLED;
    e->stage_us = now_us;
    return;
  case KL_SIM_SETTLED:
    return;
  }
}

static bool due_to_go(const kl_sim_world *w, const kl_sim_event *e, int64_t now_us) {
  return w->o.keep_us > 0 && e->stage == KL_SIM_SETTLED && e->followed && now_us >= e->stage_us + w->o.keep_us &&
         kl_exchange_retirable(e->event) && (!w->o.may_retire || w->o.may_retire(w->o.data, e));
}

static void retire(kl_sim_world *w, kl_sim_event *e) {
  if (w->o.retiring) w->o.retiring(w->o.data, e);
  for (size_t i = 0; i < e->event->n_markets; i++)
    *kl_sim_world_place(w, e->event->markets[i]) = (kl_sim_market){0};
  kl_exchange_retire_event(w->x, e->event);
  free(e->process);
  free(e);
}

void kl_sim_world_settle(kl_sim_world *w, int64_t now_us) {
  size_t n = w->n_events, kept = 0; /* those that are added meanwhile are not due */
  for (size_t i = 0; i < n; i++)
    settle_event(w, w->events[i], now_us);
  for (size_t i = 0; i < w->n_events; i++) {
    if (due_to_go(w, w->events[i], now_us))
      retire(w, w->events[i]);
    else
      w->events[kept++] = w->events[i];
  }
  w->n_events = kept;
}

const char *const *kl_sim_world_tags(const char *series_ticker) {
  static const struct {
    const char *series;
    const char *tags[3];
  } table[] = {{"KXHIGHNY", {"Daily temperature", "NYC"}},
               {"KXHIGHCHI", {"Daily temperature", "Chicago"}},
               {"KXHIGHMIA", {"Daily temperature", "Miami"}},
               {"KXHIGHAUS", {"Daily temperature", "Austin"}},
               {"KXHIGHDEN", {"Daily temperature", "Denver"}},
               {"KXFED", {"Fed"}},
               {"KXBTC", {"BTC", "Hourly"}},
               {"KXBTCD", {"BTC"}},
               {"KXNBAGAME", {"Basketball"}},
               {"KXHOUSERACE", {"House"}},
               {"KXCPIYOY", {"Inflation"}}};
  static const char *const none[] = {NULL};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (!strcmp(table[i].series, series_ticker)) return table[i].tags;
  return none;
}
