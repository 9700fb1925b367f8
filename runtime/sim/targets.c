#include "sim/targets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/reference.h"

struct kl_sim_targets {
  kl_sim_target **list; /* owned */
  size_t n, cap;
  uint64_t mark; /* of the events that were taken up */
  kl_map *by_id;
};

struct kl_sim_targets *kl_sim_targets_new(void) {
  struct kl_sim_targets *t = calloc(1, sizeof *t);
  if (!t) return NULL;
  t->by_id = kl_map_new();
  if (t->by_id) return t;
  free(t);
  return NULL;
}

void kl_sim_targets_free(struct kl_sim_targets *t) {
  if (!t) return;
  for (size_t i = 0; i < t->n; i++)
    free(t->list[i]);
  free(t->list);
  kl_map_free(t->by_id);
  free(t);
}

/* The contender that a market names, by the end of its ticker; NULL when it names none: a number decides it. */
static const char *contender(const kl_market *m, const kl_sim_subject *about) {
  if (!about->target_type[0] || m->has_floor || m->has_cap) return NULL;
  const char *dash = strrchr(m->ticker, '-');
  return dash && dash[1] ? dash + 1 : NULL;
}

static void make_id(const kl_sim_subject *about, const char *code, kl_uuid id) {
  char name[160];
  snprintf(name, sizeof name, "%s/%s/%s", about->target_type, about->competition, code);
  kl_sim_name_uuid("structured_target", name, id);
}

bool kl_sim_target_of(const kl_market *m, kl_uuid id, char type[32]) {
  kl_sim_subject about;
  kl_sim_subject_of(m->event->series, &about);
  const char *code = contender(m, &about);
  if (!code) return false;
  make_id(&about, code, id);
  memcpy(type, about.target_type, sizeof about.target_type);
  return true;
}

static bool take(struct kl_sim_targets *t, const kl_market *m, const kl_sim_subject *about) {
  kl_uuid id;
  const char *code = contender(m, about);
  if (!code) return true;
  make_id(about, code, id);
  if (kl_map_get(t->by_id, id, strlen(id))) return true;
  if (t->n == t->cap) {
    size_t cap = t->cap ? t->cap * 2 : 16;
    kl_sim_target **grown = realloc(t->list, cap * sizeof(kl_sim_target *));
    if (!grown) return false;
    t->list = grown;
    t->cap = cap;
  }
  kl_sim_target *made = calloc(1, sizeof *made);
  if (!made) return false;
  memcpy(made->id, id, sizeof made->id);
  snprintf(made->name, sizeof made->name, "%s", m->yes_sub_title);
  snprintf(made->code, sizeof made->code, "%s", code);
  memcpy(made->type, about->target_type, sizeof made->type);
  memcpy(made->competition, about->competition, sizeof made->competition);
  made->created_us = m->created_us;
  if (!kl_map_set(t->by_id, id, strlen(id), made)) {
    free(made);
    return false;
  }
  t->list[t->n++] = made;
  return true;
}

bool kl_sim_targets_sync(kl_sim *s) {
  struct kl_sim_targets *t = s->reference->targets;
  size_t n = kl_exchange_event_count(s->x);
  uint64_t mark = kl_sim_events_mark(s);
  if (t->mark == mark) return true;
  for (size_t i = 0; i < n; i++) {
    const kl_market_event *e = kl_exchange_event_at(s->x, i);
    kl_sim_subject about;
    if (!e) continue;
    kl_sim_subject_of(e->series, &about);
    for (size_t k = 0; about.target_type[0] && k < e->n_markets; k++)
      if (!take(t, e->markets[k], &about)) return false;
  }
  t->mark = mark;
  return true;
}

size_t kl_sim_targets_count(const struct kl_sim_targets *t) { return t->n; }

const kl_sim_target *kl_sim_target_at(const struct kl_sim_targets *t, size_t i) { return i < t->n ? t->list[i] : NULL; }

const kl_sim_target *kl_sim_target_find(const struct kl_sim_targets *t, const char *id) {
  return kl_map_get(t->by_id, id, strlen(id));
}
