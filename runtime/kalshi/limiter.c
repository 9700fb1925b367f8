#include "kalshi/limiter.h"

static const double basic_rate[2] = {200, 100};

static void bucket_refill(kl_token_bucket *b, int64_t now_ns) {
  if (now_ns > b->at_ns) b->tokens += (double)(now_ns - b->at_ns) * 1e-9 * b->rate;
  if (b->tokens > b->capacity) b->tokens = b->capacity;
  b->at_ns = now_ns;
}

void kl_limiter_init(kl_limiter *l, int64_t now_ns) {
  for (int i = 0; i < 2; i++) {
    kl_token_bucket *b = &l->buckets[i];
    b->tokens = b->capacity = b->rate = basic_rate[i];
    b->at_ns = now_ns;
    for (int c = 0; c < KL_CLASSES; c++)
      kl_list_init(&b->queues[c]);
  }
}

void kl_limiter_set(kl_limiter *l, kl_bucket which, double capacity, double rate, int64_t now_ns) {
  kl_token_bucket *b = &l->buckets[which];
  bucket_refill(b, now_ns);
  /* What was spent stays spent: the distance to a full bucket is what the exchange sees too. */
  b->tokens += capacity - b->capacity;
  b->capacity = capacity;
  b->rate = rate;
}

void kl_limiter_drain(kl_limiter *l, kl_bucket which, int64_t now_ns) {
  kl_token_bucket *b = &l->buckets[which];
  bucket_refill(b, now_ns);
  if (b->tokens > 0) b->tokens = 0;
}

double kl_limiter_tokens(const kl_limiter *l, kl_bucket which, int64_t now_ns) {
  kl_token_bucket b = l->buckets[which];
  bucket_refill(&b, now_ns);
  return b.tokens;
}

void kl_limiter_enqueue(kl_limiter *l, kl_bucket which, kl_class class, kl_ticket *t) {
  kl_list_append(&l->buckets[which].queues[class], &t->link);
}

static kl_ticket *bucket_first(const kl_token_bucket *b) {
  for (int c = 0; c < KL_CLASSES; c++)
    if (!kl_list_empty(&b->queues[c])) return KL_CONTAINER(b->queues[c].next, kl_ticket, link);
  return NULL;
}

kl_ticket *kl_limiter_next(kl_limiter *l, int64_t now_ns, int64_t *wait_ns) {
  *wait_ns = -1;
  for (int i = 1; i >= 0; i--) { /* writes first */
    kl_token_bucket *b = &l->buckets[i];
    kl_ticket *t = bucket_first(b);
    if (!t) continue;
    bucket_refill(b, now_ns);
    double need = (t->cost < b->capacity ? t->cost : b->capacity) - b->tokens;
    /* A millionth of a token is rounding, not debt. */
    if (need <= 1e-6) {
      b->tokens -= t->cost;
      kl_list_remove(&t->link);
      return t;
    }
    int64_t wait = (int64_t)(need / b->rate * 1e9) + 1;
    if (*wait_ns < 0 || wait < *wait_ns) *wait_ns = wait;
  }
  return NULL;
}
