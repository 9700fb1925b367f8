#include "sim/indices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/reference.h"
#include "sim/subjects.h"
#include "sim/value_channels.h"

struct kl_sim_indices {
  kl_sim_index list[KL_SIM_INDICES_MOST];
  size_t n;
  kl_sim_sources sources;
};

struct kl_sim_indices *kl_sim_indices_new(void) {
  return calloc(1, sizeof(struct kl_sim_indices));
}

void kl_sim_indices_free(struct kl_sim_indices *x) {
  if (!x) return;
  for (size_t i = 0; i < x->n; i++)
    kl_sim_history_free(x->list[i].history);
  kl_sim_sources_free(&x->sources);
  free(x);
}

/* The index of a coin, made when it is new; NULL when there are too many or memory is out. */
static kl_sim_index *index_of(kl_sim *s, struct kl_sim_indices *x, const char *coin) {
  for (size_t i = 0; i < x->n; i++)
    if (!strcmp(x->list[i].coin, coin)) return &x->list[i];
  if (x->n == KL_SIM_INDICES_MOST) return NULL;
  kl_sim_history_options o = {.seed = s->o.seed,
                              .stream = 3400 + x->n,
                              .step_ms = KL_SIM_INDEX_STEP_MS,
                              .hours = KL_SIM_INDEX_HOURS,
                              .rough = 0.00008, /* of the price, in a second: about 40 percent a year */
                              .relative = true};
  kl_sim_index *made = &x->list[x->n];
  *made = (kl_sim_index){.history = kl_sim_history_new(&o)};
  if (!made->history) return NULL;
  snprintf(made->coin, sizeof made->coin, "%s", coin);
  snprintf(made->underlying, sizeof made->underlying, "Crypto.%.15s/USD", coin);
  if (!strcmp(coin, "BTC")) {
    snprintf(made->id, sizeof made->id, "BRTI");
  } else {
    snprintf(made->id, sizeof made->id, "%.15sUSD_RTI", coin);
  }
  x->n++;
  return made;
}

static size_t slot_of(kl_sim *s, const kl_sim_subject *about) {
  struct kl_sim_indices *x = s->reference->indices;
  const kl_sim_index *of = index_of(s, x, about->place);
  return of ? (size_t)(of - x->list) : SIZE_MAX;
}

void kl_sim_indices_tick(kl_sim *s) {
  struct kl_sim_indices *x = s->reference->indices;
  bool seen[KL_SIM_INDICES_MOST] = {false};
  int64_t now_ms = s->now_us / 1000;
  kl_sim_sources_sync(s, &x->sources, KL_SIM_ABOUT_CRYPTO, slot_of);
  for (size_t i = 0; i < x->sources.n; i++) {
    size_t slot = x->sources.list[i].slot;
    kl_sim_index *of = &x->list[slot];
    const kl_sim_event *e = seen[slot] ? NULL : kl_sim_world_event(&s->world, x->sources.list[i].event);
    kl_sim_observation now;
    if (!e) continue;
    kl_sim_world_observe(&s->world, e, &now);
    if (now.over) continue;
    seen[slot] = true;
    if (!kl_sim_history_put(of->history, now_ms, now.value)) continue;
    kl_sim_tell_index(s, slot, of, kl_sim_history_newest_ms(of->history));
    int64_t second = kl_sim_history_newest_ms(of->history) / 1000;
    if (second == of->told_s) continue;
    of->told_s = second;
    kl_sim_tell_index_second(s, slot, of, second);
  }
}

size_t kl_sim_indices_count(const struct kl_sim_indices *x) { return x->n; }
const kl_sim_index *kl_sim_index_at(const struct kl_sim_indices *x, size_t i) { return i < x->n ? &x->list[i] : NULL; }

const kl_sim_index *kl_sim_index_of_coin(const struct kl_sim_indices *x, const char *coin) {
  for (size_t i = 0; i < x->n; i++)
    if (!strcmp(x->list[i].coin, coin)) return &x->list[i];
  return NULL;
}

const kl_sim_index *kl_sim_index_find(const struct kl_sim_indices *x, const char *id) {
  for (size_t i = 0; i < x->n; i++)
    if (!strcmp(x->list[i].id, id) || !strcmp(x->list[i].underlying, id)) return &x->list[i];
  return NULL;
}

void kl_sim_index_text(char out[32], double value) { snprintf(out, 32, "%.*f", value < 1 ? 6 : 2, value); }

/* The value of a whole second as it was published; false when it is not known. */
static bool published(const kl_sim_index *x, int64_t at_s, double *out) {
  char text[32];
  if (!kl_sim_history_at(x->history, at_s * 1000, out)) return false;
  kl_sim_index_text(text, *out);
  *out = strtod(text, NULL);
  return true;
}

/* The mean of the values of the seconds in [from, to]. */
static kl_sim_index_average mean(const kl_sim_index *x, int64_t from_s, int64_t to_s) {
  kl_sim_index_average out = {0};
  for (int64_t t = from_s; t <= to_s; t++) {
    double v;
    if (!published(x, t, &v)) continue;
    out.value += v;
    out.count++;
  }
  if (out.count > 0) out.value /= out.count;
  return out;
}

kl_sim_index_average kl_sim_index_average_60s(const kl_sim_index *x, int64_t at_s) {
  kl_sim_index_average out = mean(x, at_s - 60, at_s - 1);
  if (out.count == 0) published(x, at_s, &out.value);
  out.start_ms = (at_s - 60) * 1000;
  out.end_ms = at_s * 1000;
  return out;
}

bool kl_sim_index_average_quarter(const kl_sim_index *x, int64_t at_s, kl_sim_index_average *out) {
  enum { QUARTER_S = 900 };
  int64_t close_s = (at_s + QUARTER_S - 1) / QUARTER_S * QUARTER_S;
  if (at_s <= close_s - 60) return false;
  *out = mean(x, close_s - 59, at_s);
  out->start_ms = (close_s - 60) * 1000;
  out->end_ms = at_s * 1000 + 1; /* the value at this instant counts */
  return true;
}
