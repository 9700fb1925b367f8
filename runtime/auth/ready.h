/* Signatures made ahead. A signature covers the time, the method and the path of a request but not its body, so for the
 * few paths that orders take one can be lying ready when the decision to send is made, and the quarter of a millisecond
 * that RSA takes is not in the order's way. Each is used once and never when it is older than the age given. Loop
 * thread only; the work is done in libuv's pool. */
#ifndef KL_READY_H
#define KL_READY_H

#include <uv.h>

#include "auth/key.h"
#include "base/clock.h"

typedef struct kl_ready kl_ready;

enum { KL_READY_AGE_MAX_MS = 4000 }; /* the exchange is known to accept 5 s */

/* `max_age_ms`: 1 to KL_READY_AGE_MAX_MS; they are renewed at half that age. `timestamp_ms` says what time to sign. The
 * key is retained. NULL when out of memory. */
kl_ready *kl_ready_new(uv_loop_t *loop, kl_key *key, const kl_clock *clock, int max_age_ms,
                       int64_t (*timestamp_ms)(void *data), void *data);
/* Takes NULL without a call; `closed` comes from the loop. */
void kl_ready_close(kl_ready *r, void (*closed)(void *), void *data);

/* From now on one for this request is kept ready, until two minutes passed without its use or, of `passing` ones, newer
 * ones took its place: at most 8 passing and 8 others are kept. The path is the whole one, without a query. */
void kl_ready_want(kl_ready *r, const char *method, const char *path, bool passing);
void kl_ready_forget(kl_ready *r, const char *method, const char *path);
/* Gives a signature that is young enough. False when none is ready. The next one is begun by the next kl_ready_refill,
 * or within a quarter of the age, and not here: the request that goes out now must not share its core with it. Takes
 * NULL. */
bool kl_ready_take(kl_ready *r, const char *method, const char *path, int64_t *timestamp_ms,
                   char signature[KL_SIGNATURE_MAX]);

/* A request was answered: from the loop's next turn on those that were used are made again. Takes NULL. */
void kl_ready_refill(kl_ready *r);

#endif
