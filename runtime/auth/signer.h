/* Signatures from the loop: the work is done in libuv's thread pool, the answer comes back on the loop. */
#ifndef KL_SIGNER_H
#define KL_SIGNER_H

#include <uv.h>

#include "auth/key.h"

/* `signature` is valid during the call; NULL with an error. */
typedef void (*kl_sign_cb)(void *data, const char *signature, const kl_error *e);
typedef struct kl_sign_job kl_sign_job;

/* Signs timestamp, method and path (a query is cut off). The key is retained for the time. NULL when out of memory,
 * and then `cb` is not called. */
kl_sign_job *kl_sign_start(uv_loop_t *loop, kl_key *key, int64_t timestamp_ms, const char *method, const char *path,
                           kl_sign_cb cb, void *data);
/* `cb` will not be called any more. Call it only before `cb` was. */
void kl_sign_cancel(kl_sign_job *job);

#endif
