#include "monitor/samples.h"

#include <stdlib.h>

enum { SAME_MS = 900 };

static const int64_t period_ms[KL_SAMPLES_TIERS] = {1000, 10 * 1000, 60 * 1000, 600 * 1000};

typedef struct sample {
  int64_t wall_ms, value;
} sample;

/* A ring, which has no memory before its first sample. */
typedef struct tier {
  sample *samples; /* owned */
  size_t first, count;
} tier;

struct kl_samples {
  tier tiers[KL_SAMPLES_TIERS];
};

kl_samples *kl_samples_new(void) { return calloc(1, sizeof(kl_samples)); }

void kl_samples_free(kl_samples *s) {
  if (!s) return;
  for (int i = 0; i < KL_SAMPLES_TIERS; i++)
    free(s->tiers[i].samples);
  free(s);
}

static sample *at(const tier *t, size_t i) { return &t->samples[(t->first + i) % KL_SAMPLES_EACH]; }

static void put(tier *t, sample x) {
  if (!t->samples) t->samples = malloc(KL_SAMPLES_EACH * sizeof *t->samples);
  if (!t->samples) return;
  if (t->count == KL_SAMPLES_EACH) {
    t->first = (t->first + 1) % KL_SAMPLES_EACH;
    t->count--;
  }
  *at(t, t->count++) = x;
}

void kl_samples_add(kl_samples *s, int64_t wall_ms, int64_t value) {
  for (int i = 0; i < KL_SAMPLES_TIERS; i++) {
    tier *t = &s->tiers[i];
    int64_t least = i ? period_ms[i] : SAME_MS;
    sample *last = t->count ? at(t, t->count - 1) : NULL;
    if (!last || wall_ms - last->wall_ms >= least) {
      put(t, (sample){wall_ms, value});
    } else if (i == 0) {
      last->value = value; /* its time stays, or values that come quickly would never get a place of their own */
    }
  }
}

size_t kl_samples_count(const kl_samples *s) {
  size_t n = 0;
  for (int i = 0; i < KL_SAMPLES_TIERS; i++)
    n += s->tiers[i].count;
  return n;
}

typedef struct walk {
  int64_t step_ms, group; /* of step_ms, that `held` belongs to */
  bool has;
  sample held;
  void (*each)(void *data, int64_t wall_ms, int64_t value);
  void *data;
} walk;

static void give(walk *w) {
  if (w->has) w->each(w->data, w->held.wall_ms, w->held.value);
  w->has = false;
}

static void offer(walk *w, const sample *x) {
  int64_t group = w->step_ms > 0 ? x->wall_ms / w->step_ms : x->wall_ms;
  if (w->has && group != w->group) give(w);
  w->held = *x;
  w->group = group;
  w->has = true;
}

void kl_samples_each(const kl_samples *s, int64_t since_ms, int64_t step_ms,
                     void (*each)(void *data, int64_t wall_ms, int64_t value), void *data) {
  walk w = {.step_ms = step_ms, .each = each, .data = data};
  for (int i = KL_SAMPLES_TIERS - 1; i >= 0; i--) {
    /* What a finer tier has, too, is left to that one. */
    int64_t until = i && s->tiers[i - 1].count ? at(&s->tiers[i - 1], 0)->wall_ms : INT64_MAX;
    for (size_t k = 0; k < s->tiers[i].count; k++) {
      const sample *x = at(&s->tiers[i], k);
      if (x->wall_ms >= until) break;
      if (x->wall_ms >= since_ms) offer(&w, x);
    }
  }
  give(&w);
}
