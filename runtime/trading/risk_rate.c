/* What happened within the last second: a ring of sums of 10 ms each. An amount is forgotten when the whole of its 10
 * ms is more than a second ago, so that no second whatever holds more than a limit. */
#include <string.h>

#include "trading/risk_impl.h"

int64_t kl_risk_rate_now(kl_risk_rate *r, int64_t now_ns) {
  int64_t slot = now_ns / KL_RATE_SLOT_NS;
  if (slot <= r->slot) return r->sum; /* a clock that goes back forgets nothing */
  if (slot - r->slot >= KL_RATE_SLOTS) {
    memset(r->in, 0, sizeof r->in);
    r->sum = 0;
    r->slot = slot;
    return 0;
  }
  while (r->slot < slot) {
    int64_t *oldest = &r->in[++r->slot % KL_RATE_SLOTS];
    r->sum -= *oldest;
    *oldest = 0;
  }
  return r->sum;
}

void kl_risk_rate_add(kl_risk_rate *r, int64_t amount) {
  r->in[r->slot % KL_RATE_SLOTS] += amount;
  r->sum += amount;
}
