/* A bounded queue of messages that wait for a script: in one piece of memory, without an allocation per message once
 * warm. A zeroed one with its limits set is valid and empty. */
#ifndef KL_BINDINGS_QUEUE_H
#define KL_BINDINGS_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "script/limits.h"

typedef struct kl_queue {
  size_t max_count, max_bytes; /* one message is taken however long it is */
  size_t count;
  uint64_t lost;    /* messages that found no room; the reader reports and zeroes it */
  kl_charge charge; /* of `cap`: give it the script's meter */
  bool crowded;     /* the script's other queues left no room: why some are lost; the reader zeroes it too */
  char *data;       /* from `head` to `tail`; owned */
  size_t cap, head, tail;
} kl_queue;

/* Ends the message about lost ones of a queue that was crowded. */
#define KL_QUEUE_CROWDED ", or all that waits for this script was more than --max-queued"

/* Copies a message in, with a tag of the owner's. Once one is lost, none is taken until the reader has been told: a
 * hole is where the error is. */
void kl_queue_put(kl_queue *q, intptr_t tag, const void *p, size_t n);
/* The same for one of n bytes that the caller writes to where the result points, at once. NULL: it is lost. */
char *kl_queue_add(kl_queue *q, intptr_t tag, size_t n);
/* The oldest message; false when there is none. The text is valid until the next put. */
bool kl_queue_take(kl_queue *q, intptr_t *tag, const char **p, size_t *n);
void kl_queue_free(kl_queue *q); /* keeps the limits */

#endif
