/* Cancels every order of an account and looks whether any is left: by the exchange's own cancel-all, over and over,
 * since one call takes only so many and reads lag behind. Source: Kalshi "Cancel all orders" (10,000 a call), "Orders"
 * (reads lag behind acknowledgements). */
#ifndef KL_SWEEP_H
#define KL_SWEEP_H

#include <uv.h>

#include "kalshi/session.h"

typedef struct kl_sweep kl_sweep;

typedef struct kl_sweep_result {
  size_t found;   /* orders that were seen to rest, at least */
  size_t left;    /* that still do */
  kl_error error; /* kind NULL: nothing rests any more. Else why that is not so, or not known */
} kl_sweep_result;

/* `done` once, from the loop, at the latest `patience_ms` after it
 * last got on, and a bit. NULL when out of memory. The session must outlive it. */
kl_sweep *kl_sweep_start(kl_session *s, uv_loop_t *loop, int64_t patience_ms,
                         void (*done)(void *data, const kl_sweep_result *r), void *data);
/* `done` will not be called; cancels that are under way go on. Takes NULL, and not after `done`. */
void kl_sweep_stop(kl_sweep *w);

#endif
