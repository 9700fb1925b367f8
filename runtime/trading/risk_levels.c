/* What is reserved on one side of a market, by price: a sorted array, the dearest at the end, where most happens. */
#include <stdlib.h>
#include <string.h>

#include "trading/risk_impl.h"

bool kl_risk_levels_reserve(kl_risk_levels *l) {
  if (l->n < l->cap) return true;
  uint32_t cap = l->cap ? l->cap * 2 : 8;
  kl_risk_level *v = realloc(l->v, cap * sizeof *v);
  if (!v) return false;
  l->v = v;
  l->cap = cap;
  return true;
}

/* The first whose price is not below. */
static uint32_t place(const kl_risk_levels *l, kl_price own) {
  uint32_t low = 0, high = l->n;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (l->v[middle].own < own)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

void kl_risk_levels_add(kl_risk_levels *l, kl_price own, kl_count delta) {
  uint32_t i = place(l, own);
  bool there = i < l->n && l->v[i].own == own;
  if (there) {
    l->v[i].count += delta;
    if (l->v[i].count > 0) return;
    memmove(&l->v[i], &l->v[i + 1], (l->n - i - 1) * sizeof *l->v);
    l->n--;
  } else if (delta > 0 && l->n < l->cap) {
    memmove(&l->v[i + 1], &l->v[i], (l->n - i) * sizeof *l->v);
    l->v[i] = (kl_risk_level){own, delta};
    l->n++;
  }
}

kl_money kl_risk_levels_dearest(const kl_risk_levels *l, kl_count count, kl_count all, kl_money all_cost) {
  kl_money sum = 0;
  kl_count cheap = all - count;
  if (cheap < count) { /* the shorter way: all less the cheapest */
    for (uint32_t i = 0; i < l->n && cheap > 0; i++) {
      kl_count n = l->v[i].count < cheap ? l->v[i].count : cheap;
      sum += l->v[i].own * n;
      cheap -= n;
    }
    return all_cost - sum;
  }
  for (uint32_t i = l->n; i > 0 && count > 0; i--) {
    kl_count n = l->v[i - 1].count < count ? l->v[i - 1].count : count;
    sum += l->v[i - 1].own * n;
    count -= n;
  }
  return sum;
}
