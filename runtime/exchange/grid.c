#include <stdio.h>
#include <string.h>

#include "exchange/internal.h"

typedef struct structure {
  const char *name;
  kl_price edge;  /* where the center begins; it ends at one dollar minus this */
  kl_price outer; /* step of the edges */
  kl_price inner; /* step of the center */
} structure;

static const structure structures[] = {
    {"linear_cent", 0, 100, 100},
    {"deci_cent", 0, 10, 10},
    {"tapered_deci_cent", 1000, 10, 100},
    {"center_whole_edge_half_cent", 1000, 50, 100},
    {"center_whole_edge_quint_cent", 1000, 20, 100},
    {"center_half_edge_half_cent", 1000, 50, 50},
    {"center_half_edge_quint_cent", 1000, 20, 50},
    {"center_half_edge_deci_cent", 1000, 10, 50},
    {"center_quint_edge_quint_cent", 1000, 20, 20},
    {"center_quint_edge_deci_cent", 1000, 10, 20},
    {"center_centi_edge_centi_cent", 0, 1, 1},
    {"center_deci_edge_centi_cent", 100, 1, 10},
};

bool kl_price_structure(const char *name, kl_market *m) {
  for (size_t i = 0; i < sizeof structures / sizeof *structures; i++) {
    const structure *s = &structures[i];
    if (strcmp(s->name, name) != 0) continue;
    (void)snprintf(m->price_structure, sizeof m->price_structure, "%s", s->name);
    m->n_bands = 0;
    if (s->edge > 0) m->bands[m->n_bands++] = (kl_price_band){0, s->edge, s->outer};
    m->bands[m->n_bands++] = (kl_price_band){s->edge, KL_PRICE_ONE - s->edge, s->inner};
    if (s->edge > 0) m->bands[m->n_bands++] = (kl_price_band){KL_PRICE_ONE - s->edge, KL_PRICE_ONE, s->outer};
    return true;
  }
  return false;
}

bool kl_x_valid_bands(const kl_price_band *bands, int n) {
  if (n < 1 || n > (int)(sizeof((kl_market *)NULL)->bands / sizeof *bands)) return false;
  for (int i = 0; i < n; i++) {
    const kl_price_band *b = &bands[i];
    if (b->step <= 0 || b->start < 0 || b->start > b->end || b->end > KL_PRICE_ONE) return false;
  }
  return true;
}

bool kl_price_on_grid(const kl_market *m, kl_price p) {
  if (p <= 0 || p >= KL_PRICE_ONE) return false;
  for (int i = 0; i < m->n_bands; i++) {
    const kl_price_band *b = &m->bands[i];
    if (p >= b->start && p <= b->end && (p - b->start) % b->step == 0) return true;
  }
  return false;
}

/* Nearly always both neighbours are in the band that p is in, and nothing in another one is nearer. */
static bool snap_inside(const kl_price_band *b, kl_price p, kl_price *out) {
  if (p < b->start || p > b->end) return false;
  kl_price below = p - (p - b->start) % b->step, above = below + b->step;
  if (below <= 0 || above > b->end || above >= KL_PRICE_ONE) return false;
  *out = p - below <= above - p ? below : above;
  return true;
}

kl_price kl_price_snap(const kl_market *m, kl_price p) {
  kl_price best = -1, distance = 0;
  for (int i = 0; i < m->n_bands; i++)
    if (snap_inside(&m->bands[i], p, &best)) return best;
  for (int i = 0; i < m->n_bands; i++) {
    const kl_price_band *b = &m->bands[i];
    kl_price in = p < b->start ? b->start : p > b->end ? b->end : p;
    kl_price below = in - (in - b->start) % b->step;
    kl_price candidates[4] = {below - b->step, below, below + b->step, below + 2 * b->step};
    for (int j = 0; j < 4; j++) {
      kl_price d = candidates[j] < p ? p - candidates[j] : candidates[j] - p;
      if (!kl_price_on_grid(m, candidates[j])) continue;
      if (best < 0 || d < distance || (d == distance && candidates[j] < best)) {
        best = candidates[j];
        distance = d;
      }
    }
  }
  return best;
}
