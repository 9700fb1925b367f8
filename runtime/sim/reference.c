#include "sim/reference.h"

#include <stdlib.h>
#include <string.h>

#include "sim/forecast.h"
#include "sim/targets.h"

bool kl_sim_reference_open(kl_sim *s) {
  struct kl_sim_reference *r = calloc(1, sizeof *r);
  if (!r) return false;
  s->reference = r;
  r->targets = kl_sim_targets_new();
  r->marks = kl_sim_marks_new();
  return r->targets && r->marks;
}

void kl_sim_reference_free(kl_sim *s) {
  struct kl_sim_reference *r = s->reference;
  if (!r) return;
  kl_sim_targets_free(r->targets);
  kl_sim_marks_free(r->marks);
  free(r);
  s->reference = NULL;
}

uint64_t kl_sim_events_mark(const kl_sim *s) {
  size_t n = kl_exchange_event_count(s->x);
  const kl_market_event *last = n ? kl_exchange_event_at(s->x, n - 1) : NULL;
  return last ? kl_hash_bytes(last->ticker, strlen(last->ticker)) + n : n;
}

void kl_sim_reference_tick(kl_sim *s) { (void)s; }

void kl_sim_reference_second(kl_sim *s) { kl_sim_marks_tick(s); }
