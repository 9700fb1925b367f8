#include "bindings/queue.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST = 4096, KEPT = 1 << 20 /* memory that stays when the queue is empty */ };

typedef struct header {
  size_t n;
  intptr_t tag;
} header;

static size_t room_of(size_t n) {
  return (sizeof(header) + n + sizeof(header) - 1) / sizeof(header) * sizeof(header); /* the next stays aligned */
}

static bool reserve(kl_queue *q, size_t n) {
  size_t held = q->tail - q->head;
  if (held && (held > q->max_bytes || n > q->max_bytes - held)) return false;
  if (!held) {
    q->head = q->tail = 0;
    if (q->cap > KEPT && n <= KEPT) kl_queue_free(q);
  }
  if (q->data && q->tail + n <= q->cap) return true;
  if (q->data && q->head && q->head >= held) { /* what was read makes room; each byte is moved at most once */
    memmove(q->data, q->data + q->head, held);
    q->head = 0;
    q->tail = held;
    if (held + n <= q->cap) return true;
  }
  size_t cap = q->cap ? q->cap : FIRST;
  while (cap < q->tail + n)
    cap *= 2;
  if (!kl_charge_set(&q->charge, cap)) {
    q->crowded = true;
    return false;
  }
  char *wide = realloc(q->data, cap);
  if (!wide) {
    (void)kl_charge_set(&q->charge, q->cap);
    return false;
  }
  q->data = wide;
  q->cap = cap;
  return true;
}

char *kl_queue_add(kl_queue *q, intptr_t tag, size_t n) {
  if (q->lost || q->count >= q->max_count || n > SIZE_MAX / 4 || !reserve(q, room_of(n))) {
    q->lost++;
    return NULL;
  }
  const header h = {.n = n, .tag = tag};
  char *at = q->data + q->tail;
  memcpy(at, &h, sizeof h);
  q->tail += room_of(n);
  q->count++;
  return at + sizeof h;
}

void kl_queue_put(kl_queue *q, intptr_t tag, const void *p, size_t n) {
  char *at = kl_queue_add(q, tag, n);
  if (at && n) memcpy(at, p, n);
}

bool kl_queue_take(kl_queue *q, intptr_t *tag, const char **p, size_t *n) {
  header h;
  if (!q->count) return false;
  memcpy(&h, q->data + q->head, sizeof h);
  *tag = h.tag;
  *p = q->data + q->head + sizeof h;
  *n = h.n;
  q->head += room_of(h.n);
  q->count--;
  return true;
}

void kl_queue_free(kl_queue *q) {
  free(q->data);
  (void)kl_charge_set(&q->charge, 0);
  q->data = NULL;
  q->cap = q->head = q->tail = q->count = 0;
}
