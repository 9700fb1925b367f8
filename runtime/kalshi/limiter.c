#include "kalshi/limiter.h"

#include <stddef.h>

static const double basic_rate[2] = {200, 100};
static const double reserve_seconds = 0.05;

static void bucket_refill(kl_token_bucket *b, int64_t now_ns) {
  if (now_ns > b->at_ns) b->tokens += (double)(now_ns - b->at_ns) * 1e-9 * b->rate;
  if (b->tokens > b->capacity) b->tokens = b->capacity;
  b->at_ns = now_ns;
}

kl_bucket_set kl_bucket_of_shard(int64_t shard) {
  return KL_IN_BUCKET(shard >= 1 && shard <= KL_SHARDS ? KL_BUCKET_WRITE + shard : KL_BUCKET_WRITE);
}

void kl_limiter_init(kl_limiter *l, int64_t now_ns) {
  for (int i = 0; i < KL_BUCKETS; i++) {
    kl_token_bucket *b = &l->buckets[i];
    b->tokens = b->capacity = b->rate = basic_rate[i == KL_BUCKET_READ ? KL_BUCKET_READ : KL_BUCKET_WRITE];
    b->held = 0;
    b->at_ns = now_ns;
  }
  for (int c = 0; c < KL_CLASSES; c++)
    kl_list_init(&l->queues[c]);
}

static void bucket_set(kl_token_bucket *b, double capacity, double rate, int64_t now_ns) {
  bucket_refill(b, now_ns);
  /* What was spent stays spent: the distance to a full bucket is what the exchange sees too. */
  b->tokens += capacity - b->capacity;
  b->capacity = capacity;
  b->rate = rate;
}

void kl_limiter_set(kl_limiter *l, kl_bucket which, double capacity, double rate, int64_t now_ns) {
  bucket_set(&l->buckets[which], capacity, rate, now_ns);
  for (int i = KL_BUCKET_WRITE + 1; which == KL_BUCKET_WRITE && i < KL_BUCKETS; i++)
    bucket_set(&l->buckets[i], capacity, rate, now_ns);
}

void kl_limiter_drain(kl_limiter *l, kl_bucket_set which, int64_t now_ns) {
  for (int i = 0; i < KL_BUCKETS; i++) {
    if (!(which & KL_IN_BUCKET(i))) continue;
    bucket_refill(&l->buckets[i], now_ns);
    if (l->buckets[i].tokens > l->buckets[i].held) l->buckets[i].tokens = l->buckets[i].held;
  }
}

double kl_limiter_tokens(const kl_limiter *l, kl_bucket_set which, int64_t now_ns) {
  double least = 0;
  bool any = false;
  for (int i = 0; i < KL_BUCKETS; i++) {
    if (!(which & KL_IN_BUCKET(i))) continue;
    kl_token_bucket b = l->buckets[i];
    bucket_refill(&b, now_ns);
    if (!any || b.tokens - b.held < least) least = b.tokens - b.held;
    any = true;
  }
  return least;
}

double kl_limiter_capacity(const kl_limiter *l, kl_bucket_set which) {
  double least = 0;
  bool any = false;
  for (int i = 0; i < KL_BUCKETS; i++) {
    if (!(which & KL_IN_BUCKET(i))) continue;
    if (!any || l->buckets[i].capacity < least) least = l->buckets[i].capacity;
    any = true;
  }
  return least;
}

/* ---- queues ---- */

static kl_ticket *ticket_of(kl_list *link) { return KL_CONTAINER(link, kl_ticket, link); }

void kl_ticket_init(kl_ticket *t) {
  kl_list_init(&t->link);
  kl_list_init(&t->behind);
  t->first = t->paid = false;
}

void kl_limiter_enqueue(kl_limiter *l, kl_ticket *t) {
  kl_list *queue = &l->queues[t->class];
  double least = 0;
  for (kl_list *n = queue->next; n != queue; n = n->next) {
    kl_ticket *first = ticket_of(n);
    if (first->owner == t->owner && first->buckets == t->buckets) {
      kl_list_append(&first->behind, &t->link);
      return;
    }
    if (n == queue->next || first->served < least) least = first->served;
  }
  /* Who had nothing queued has no claim on the past: it starts level with the least served. */
  t->first = true;
  t->served = least;
  kl_list_append(queue, &t->link);
}

/* Takes a first out of its queue; the next of its owner becomes first in its place, having been served `served`. */
static void promote(kl_ticket *t, double served) {
  kl_list *before = t->link.next;
  kl_list_remove(&t->link);
  t->first = false;
  if (kl_list_empty(&t->behind)) return;
  kl_ticket *heir = ticket_of(t->behind.next);
  kl_list_remove(&heir->link);
  kl_list_move(&heir->behind, &t->behind);
  heir->first = true;
  heir->served = served;
  kl_list_append(before, &heir->link);
}

void kl_limiter_remove(kl_ticket *t) {
  if (t->first)
    promote(t, t->served);
  else
    kl_list_remove(&t->link);
}

static double bucket_need(const kl_token_bucket *b, double cost) {
  double need = cost + b->rate * reserve_seconds;
  return need < b->capacity ? need : b->capacity;
}

/* How long until the ticket has its tokens in all its buckets, which are up to date; 0: now. */
static int64_t ticket_wait(const kl_limiter *l, const kl_ticket *t) {
  int64_t longest = 0;
  for (int i = 0; i < KL_BUCKETS; i++) {
    if (!(t->buckets & KL_IN_BUCKET(i))) continue;
    const kl_token_bucket *b = &l->buckets[i];
    double lack = bucket_need(b, t->cost) - (b->tokens - b->held);
    if (lack <= 1e-6) continue; /* a millionth of a token is rounding, not debt */
    int64_t wait = (int64_t)(lack / b->rate * 1e9) + 1;
    if (wait > longest) longest = wait;
  }
  return longest;
}

/* The least served first of a class that draws from none of the buckets in `taken`; those that must wait add theirs. */
static kl_ticket *choose(kl_limiter *l, kl_class class, kl_bucket_set *taken, int64_t *wait_ns) {
  kl_list *queue = &l->queues[class];
  for (;;) {
    kl_ticket *best = NULL;
    for (kl_list *n = queue->next; n != queue; n = n->next) {
      kl_ticket *t = ticket_of(n);
      if (!(t->buckets & *taken) && (!best || t->served < best->served)) best = t;
    }
    if (!best) return NULL;
    int64_t wait = ticket_wait(l, best);
    if (wait == 0) return best;
    if (*wait_ns < 0 || wait < *wait_ns) *wait_ns = wait;
    *taken |= best->buckets; /* nobody behind it may take what it saves for */
  }
}

kl_ticket *kl_limiter_next(kl_limiter *l, bool hold_reads, int64_t now_ns, int64_t *wait_ns) {
  kl_bucket_set taken = 0;
  *wait_ns = -1;
  for (int i = 0; i < KL_BUCKETS; i++)
    bucket_refill(&l->buckets[i], now_ns);
  for (int class = 0; class < KL_CLASSES; class ++) {
    if (class == KL_CLASS_READ && hold_reads) break;
    kl_ticket *t = choose(l, (kl_class) class, &taken, wait_ns);
    if (!t) continue;
    for (int i = 0; i < KL_BUCKETS; i++)
      if (t->buckets & KL_IN_BUCKET(i)) l->buckets[i].held += t->cost;
    t->paid = true;
    promote(t, t->served + t->cost);
    return t;
  }
  return NULL;
}

void kl_limiter_settle(kl_limiter *l, kl_ticket *t, int64_t now_ns) {
  for (int i = 0; t->paid && i < KL_BUCKETS; i++) {
    kl_token_bucket *b = &l->buckets[i];
    if (!(t->buckets & KL_IN_BUCKET(i))) continue;
    bucket_refill(b, now_ns);
    b->held -= t->cost;
    b->tokens -= t->cost;
  }
  t->paid = false;
}

size_t kl_limiter_waiting(const kl_limiter *l) {
  size_t n = 0;
  for (int c = 0; c < KL_CLASSES; c++)
    for (const kl_list *first = l->queues[c].next; first != &l->queues[c]; first = first->next) {
      n++;
      const kl_list *behind = &KL_CONTAINER(first, const kl_ticket, link)->behind;
      for (const kl_list *at = behind->next; at != behind; at = at->next)
        n++;
    }
  return n;
}
