#include "sim/forecast.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/reference.h"

bool kl_sim_slice_of(const kl_market *m, kl_sim_slice *out) {
  *out =
      (kl_sim_slice){.low = m->has_floor ? m->floor_strike : -INFINITY, .high = m->has_cap ? m->cap_strike : INFINITY};
  return m->has_floor || m->has_cap;
}

/* ---- the distribution ---- */

static int by_low(const void *a, const void *b) {
  const kl_sim_slice *x = a, *y = b;
  if (x->low != y->low) return x->low < y->low ? -1 : 1;
  return x->high < y->high ? -1 : x->high > y->high;
}

/* Masses one after the other: the share below each upper bound. */
static size_t cumulate(const kl_sim_slice *slices, size_t n, kl_sim_knot *out) {
  double sum = 0, below = 0;
  size_t k = 0;
  for (size_t i = 0; i < n; i++)
    sum += slices[i].p;
  if (!(sum > 0)) return 0;
  if (isfinite(slices[0].low)) out[k++] = (kl_sim_knot){slices[0].low, 0};
  for (size_t i = 0; i < n; i++) {
    below += slices[i].p / sum;
    /* A range ends where the next begins: "94,000 to 94,249.99" and "94,250 to …" leave no gap. */
    double end = i + 1 < n ? slices[i + 1].low : slices[i].high;
    if (isfinite(end)) out[k++] = (kl_sim_knot){end, below > 1 ? 1 : below};
  }
  return k;
}

static int by_place(const void *a, const void *b) {
  const kl_sim_knot *x = a, *y = b;
  return x->at < y->at ? -1 : x->at > y->at;
}

/* Averages neighbours that contradict each other, until the shares ascend (pool adjacent violators). */
static void make_ascend(kl_sim_knot *knots, size_t n) {
  for (size_t i = 1; i < n; i++) {
    size_t first = i;
    double sum = knots[i].below;
    while (first > 0 && knots[first - 1].below > sum / (double)(i - first + 1))
      sum += knots[--first].below;
    for (size_t j = first; first < i && j <= i; j++)
      knots[j].below = sum / (double)(i - first + 1);
  }
}

static size_t thresholds(const kl_sim_slice *slices, size_t n, kl_sim_knot *out) {
  size_t k = 0;
  for (size_t i = 0; i < n; i++) {
    if (isfinite(slices[i].low) && isfinite(slices[i].high)) continue; /* a range among thresholds fixes no share */
    bool above = isfinite(slices[i].low);
    out[k++] = (kl_sim_knot){above ? slices[i].low : slices[i].high, above ? 1 - slices[i].p : slices[i].p};
  }
  qsort(out, k, sizeof *out, by_place);
  make_ascend(out, k);
  return k;
}

size_t kl_sim_distribution(kl_sim_slice *slices, size_t n, bool exclusive, kl_sim_knot *out) {
  if (n == 0) return 0;
  if (!exclusive) return thresholds(slices, n, out);
  qsort(slices, n, sizeof *slices, by_low);
  return cumulate(slices, n, out);
}

/* Where the share q lies on the line between two knots. */
static double between(kl_sim_knot a, kl_sim_knot b, double q) {
  double share = b.below - a.below;
  return share > 0 ? a.at + (b.at - a.at) * (q - a.below) / share : a.at;
}

double kl_sim_percentile(const kl_sim_knot *knots, size_t n, double q) {
  kl_sim_knot first = knots[0], last = knots[n - 1];
  double alone = first.at != 0 ? fabs(first.at) / 100 : 1; /* one knot has no neighbour */
  if (q < first.below) {
    double width = n > 1 ? knots[1].at - first.at : alone;
    return between((kl_sim_knot){first.at - width, 0}, first, q);
  }
  if (q > last.below) {
    double width = n > 1 ? last.at - knots[n - 2].at : alone;
    return between(last, (kl_sim_knot){last.at + width, 1}, q);
  }
  for (size_t i = 1; i < n; i++)
    if (q <= knots[i].below) return between(knots[i - 1], knots[i], q);
  return last.at;
}

/* ---- numbers ---- */

kl_sim_number_style kl_sim_number_style_of(const kl_market_event *e) {
  kl_sim_number_style style = {"", "", 0};
  for (size_t i = 0; i < e->n_markets; i++) {
    const kl_market *m = e->markets[i];
    if (strchr(m->yes_sub_title, '$')) style.prefix = "$";
    if (strchr(m->yes_sub_title, '%')) style.suffix = "%";
    if (strstr(m->yes_sub_title, "°")) style.suffix = "°";
    double strikes[2] = {m->has_floor ? m->floor_strike : 0, m->has_cap ? m->cap_strike : 0};
    for (int k = 0; k < 2; k++) {
      while (style.decimals < 2 &&
             fabs(strikes[k] * pow(10, style.decimals) - round(strikes[k] * pow(10, style.decimals))) > 1e-6)
        style.decimals++;
    }
  }
  return style;
}

void kl_sim_number_text(char *out, size_t cap, kl_sim_number_style style, double v) {
  char digits[48], grouped[64];
  int n = snprintf(digits, sizeof digits, "%.*f", style.decimals, fabs(v));
  int whole = style.decimals ? n - style.decimals - 1 : n, k = 0;
  for (int i = 0; i < n; i++) {
    if (i > 0 && i < whole && (whole - i) % 3 == 0) grouped[k++] = ',';
    grouped[k++] = digits[i];
  }
  grouped[k] = '\0';
  snprintf(out, cap, "%s%s%s%s", v < 0 ? "-" : "", style.prefix, grouped, style.suffix);
}

/* ---- marks ---- */

struct kl_sim_marks {
  uint16_t **by_market; /* KL_SIM_MARKS each; NULL until the first */
  size_t n;
  int64_t newest_s, oldest_s; /* times that have been taken; newest 0: none */
};

struct kl_sim_marks *kl_sim_marks_new(void) {
  return calloc(1, sizeof(struct kl_sim_marks));
}

void kl_sim_marks_free(struct kl_sim_marks *m) {
  if (!m) return;
  for (size_t i = 0; i < m->n; i++)
    free(m->by_market[i]);
  free(m->by_market);
  free(m);
}

static size_t place(int64_t at_s) { return (size_t)(at_s / KL_SIM_MARK_S % KL_SIM_MARKS); }

int kl_sim_middle2(kl_price bid, kl_price ask) { return bid <= 0 && ask >= KL_PRICE_ONE ? 0 : (int)(bid + ask); }

static uint16_t *marks_of(struct kl_sim_marks *marks, const kl_market *m) {
  if (m->index >= marks->n) {
    size_t n = marks->n ? marks->n : 64;
    while (n <= m->index)
      n *= 2;
    uint16_t **grown = realloc(marks->by_market, n * sizeof *grown);
    if (!grown) return NULL;
    memset(grown + marks->n, 0, (n - marks->n) * sizeof *grown);
    marks->by_market = grown;
    marks->n = n;
  }
  if (!marks->by_market[m->index]) marks->by_market[m->index] = calloc(KL_SIM_MARKS, sizeof(uint16_t));
  return marks->by_market[m->index];
}

void kl_sim_marks_tick(kl_sim *s) {
  struct kl_sim_marks *marks = s->reference->marks;
  int64_t at = s->now_us / 1000000 / KL_SIM_MARK_S * KL_SIM_MARK_S;
  if (at <= marks->newest_s) return;
  /* A pause of the machine leaves no mark: what stood there an hour ago must not be taken for one. */
  int64_t missed = marks->newest_s ? (at - marks->newest_s) / KL_SIM_MARK_S - 1 : 0;
  if (missed > KL_SIM_MARKS) missed = KL_SIM_MARKS;
  for (size_t i = 0; i < kl_exchange_market_count(s->x); i++) {
    const kl_market *m = kl_exchange_market_at(s->x, i);
    kl_sim_slice slice;
    kl_price bid, ask;
    kl_count bid_size, ask_size;
    if (!kl_sim_slice_of(m, &slice)) continue;
    if (m->status == KL_MARKET_FINALIZED) {
      if (m->index < marks->n) free(marks->by_market[m->index]);
      if (m->index < marks->n) marks->by_market[m->index] = NULL;
      continue;
    }
    uint16_t *of = marks_of(marks, m);
    if (!of) continue; /* out of memory: this market has no forecast of five seconds */
    for (int64_t k = 1; k <= missed; k++)
      of[place(at - k * KL_SIM_MARK_S)] = 0;
    kl_exchange_top(m, &bid, &bid_size, &ask, &ask_size);
    of[place(at)] = (uint16_t)kl_sim_middle2(bid, ask);
  }
  if (!marks->newest_s) marks->oldest_s = at;
  marks->newest_s = at;
  if (marks->oldest_s < at - (KL_SIM_MARKS - 1) * KL_SIM_MARK_S)
    marks->oldest_s = at - (KL_SIM_MARKS - 1) * KL_SIM_MARK_S;
}

int kl_sim_mark_at(const struct kl_sim_marks *marks, const kl_market *m, int64_t at_s) {
  if (!marks->newest_s || at_s > marks->newest_s || at_s < marks->oldest_s || at_s % KL_SIM_MARK_S != 0) return 0;
  if (m->index >= marks->n || !marks->by_market[m->index]) return 0;
  return marks->by_market[m->index][place(at_s)];
}
