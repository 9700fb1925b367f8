#include "sim/reference.h"

#include <stdlib.h>

#include "sim/forecast.h"
#include "sim/indices.h"
#include "sim/milestones.h"
#include "sim/plays.h"
#include "sim/rewards.h"
#include "sim/targets.h"
#include "sim/weather.h"

bool kl_sim_reference_open(kl_sim *s) {
  struct kl_sim_reference *r = calloc(1, sizeof *r);
  if (!r) return false;
  s->reference = r;
  r->targets = kl_sim_targets_new();
  r->milestones = kl_sim_milestones_new();
  r->indices = kl_sim_indices_new();
  r->weather = kl_sim_weather_new();
  r->plays = kl_sim_plays_new();
  r->rewards = kl_sim_rewards_new();
  r->marks = kl_sim_marks_new();
  return r->targets && r->milestones && r->indices && r->weather && r->plays && r->rewards && r->marks;
}

void kl_sim_reference_free(kl_sim *s) {
  struct kl_sim_reference *r = s->reference;
  if (!r) return;
  kl_sim_targets_free(r->targets);
  kl_sim_milestones_free(r->milestones);
  kl_sim_indices_free(r->indices);
  kl_sim_weather_free(r->weather);
  kl_sim_plays_free(r->plays);
  kl_sim_rewards_free(r->rewards);
  kl_sim_marks_free(r->marks);
  free(r);
  s->reference = NULL;
}

uint64_t kl_sim_events_mark(const kl_sim *s) {
  size_t n = kl_exchange_event_count(s->x);
  const kl_market_event *last = n ? kl_exchange_event_at(s->x, n - 1) : NULL;
  return last ? (last->serial + 1) << 24 | n : 0; /* events are only added behind it, with the next serial */
}

void kl_sim_sources_sync(kl_sim *s, kl_sim_sources *sources, kl_sim_about about,
                         size_t (*slot)(kl_sim *s, const kl_sim_subject *of)) {
  uint64_t mark = kl_sim_events_mark(s);
  if (mark == sources->mark) return;
  sources->n = 0;
  sources->mark = 0;
  for (size_t i = 0; i < kl_exchange_event_count(s->x); i++) {
    const kl_market_event *e = kl_exchange_event_at(s->x, i);
    kl_sim_subject of;
    if (!e) continue;
    kl_sim_subject_of(e->series, &of);
    size_t at = of.about == about ? slot(s, &of) : SIZE_MAX;
    if (at == SIZE_MAX) continue;
    if (sources->n == sources->cap) {
      size_t cap = sources->cap ? sources->cap * 2 : 16;
      kl_sim_source *grown = realloc(sources->list, cap * sizeof *grown);
      if (!grown) return;
      sources->list = grown;
      sources->cap = cap;
    }
    sources->list[sources->n++] = (kl_sim_source){e, at};
  }
  sources->mark = mark;
}

void kl_sim_sources_free(kl_sim_sources *sources) {
  free(sources->list);
  *sources = (kl_sim_sources){0};
}

void kl_sim_reference_begin(kl_sim *s) {
  kl_sim_reference_tick(s);
  kl_sim_marks_tick(s);
  kl_sim_weather_second(s);
}

void kl_sim_reference_tick(kl_sim *s) {
  kl_sim_indices_tick(s);
  kl_sim_plays_tick(s);
}

void kl_sim_reference_second(kl_sim *s) {
  kl_sim_marks_tick(s);
  kl_sim_weather_second(s);
  kl_sim_rewards_second(s);
}
