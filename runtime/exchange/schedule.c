/* A binary heap of alarms, earliest first. Orders know their place in it, so one that ends early leaves at once. */
#include "exchange/internal.h"

static bool before(const kl_x_alarm *a, const kl_x_alarm *b) {
  if (a->at != b->at) return a->at < b->at;
  if (a->kind != b->kind) return a->kind < b->kind;
  return a->tie < b->tie;
}

static void put(kl_x_schedule *s, size_t i, kl_x_alarm a) {
  s->heap[i] = a;
  if (a.order) a.order->alarm = i;
}

static void rise(kl_x_schedule *s, size_t i, kl_x_alarm a) {
  while (i > 0 && before(&a, &s->heap[(i - 1) / 2])) {
    put(s, i, s->heap[(i - 1) / 2]);
    i = (i - 1) / 2;
  }
  put(s, i, a);
}

static void sink(kl_x_schedule *s, size_t i, kl_x_alarm a) {
  for (;;) {
    size_t child = 2 * i + 1;
    if (child >= s->n) break;
    if (child + 1 < s->n && before(&s->heap[child + 1], &s->heap[child])) child++;
    if (!before(&s->heap[child], &a)) break;
    put(s, i, s->heap[child]);
    i = child;
  }
  put(s, i, a);
}

bool kl_x_schedule_reserve(kl_x_schedule *s, size_t n) {
  if (s->n + n <= s->cap) return true;
  kl_x_alarm *heap = kl_x_grown(s->heap, &s->cap, s->n + n, sizeof *heap);
  if (!heap) return false;
  s->heap = heap;
  return true;
}

void kl_x_schedule_add(kl_x_schedule *s, kl_x_alarm a) {
  s->n++;
  rise(s, s->n - 1, a);
}

void kl_x_schedule_remove(kl_x_schedule *s, size_t i) {
  if (s->heap[i].order) s->heap[i].order->alarm = SIZE_MAX;
  s->n--;
  if (i == s->n) return;
  kl_x_alarm last = s->heap[s->n];
  if (i > 0 && before(&last, &s->heap[(i - 1) / 2]))
    rise(s, i, last);
  else
    sink(s, i, last);
}
