/* The way of an order made short: signatures made ahead (auth/ready.h) for the paths that orders take, and a connection
 * that is open, encrypted and recently used when the decision to send is made. Begins by itself once orders are written
 * or the feed is up, and ends by itself when nobody trades any more. */
#ifndef KL_HOT_PATH_H
#define KL_HOT_PATH_H

#include "kalshi/order_answer.h"
#include "kalshi/session_impl.h"

/* With `presign_ms` 0 no signature is made ahead. NULL when out of memory. */
kl_hot_path *kl_hot_path_new(kl_session *s, int presign_ms);
void kl_hot_path_close(kl_hot_path *h, void (*closed)(void *), void *data);

/* A write is about to be signed: gives a signature that is ready for it, and has the next ones made. `path` is the
 * whole one. */
bool kl_hot_path_signature(kl_hot_path *h, const kl_call *c, const char *path, int64_t *timestamp_ms,
                           char signature[KL_SIGNATURE_MAX]);
/* A write was answered with a success; `answer` is what that says of an order. One that rests may have to be canceled
 * soon. */
void kl_hot_path_answered(kl_hot_path *h, const kl_call *c, const kl_order_answer *answer);
/* Bytes came over the connection. */
void kl_hot_path_traffic(kl_hot_path *h);

#endif
