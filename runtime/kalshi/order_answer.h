/* The exchange's answer to a write of one order, read in one pass: what look-ups and the hot path need of it. Every
 * order passes here, so it makes no tree and allocates nothing. */
#ifndef KL_ORDER_ANSWER_H
#define KL_ORDER_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/units.h"

typedef struct kl_order_answer {
  char order_id[64];        /* "" where absent or longer */
  char client_order_id[80]; /* the same */
  bool has_filled, has_remaining;
  kl_count filled, remaining; /* fill_count, remaining_count */
  int64_t ts_ms;              /* of matching; 0 where absent */
} kl_order_answer;

/* False when the n bytes are no JSON object. Unknown members are checked and passed, a member of another form than
 * expected counts as absent. */
bool kl_order_answer_read(const char *body, size_t n, kl_order_answer *out);

#endif
