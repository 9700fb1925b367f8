/* What is due when, by a clock that is moved by hand: an intrusive heap, so that starting something never fails. What
 * is due at the same time fires in the order in which it was started. */
#ifndef KL_TIMELINE_H
#define KL_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct kl_timed kl_timed;
struct kl_timed { /* zeroed: it does not wait */
  kl_timed *child, *next, *prev;
  int64_t due_us;
  uint64_t number; /* in the order of starts */
  bool waits;
  void (*fire)(kl_timed *); /* it waits no more, and may be added again, or freed */
};

typedef struct kl_timeline { /* zeroed: empty */
  kl_timed *root;
  uint64_t started;
} kl_timeline;

/* `t`, which does not wait, is due at that time of the wall. */
void kl_timeline_add(kl_timeline *l, kl_timed *t, int64_t due_us);
void kl_timeline_remove(kl_timeline *l, kl_timed *t); /* harmless where it does not wait */
/* When the next is due; INT64_MAX: nothing waits. */
int64_t kl_timeline_next(const kl_timeline *l);
/* Fires what is due and was started before this call, the earliest first; returns how many. */
size_t kl_timeline_fire(kl_timeline *l, int64_t now_us);

#endif
