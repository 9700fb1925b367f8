/* For those who look into a running script: what it waits for in words, what it has open, how the session is. */
#ifndef KL_BINDINGS_INSPECT_H
#define KL_BINDINGS_INSPECT_H

#include "base/timer.h"
#include "bindings/bindings.h"
#include "script/script.h"

/* Appends ", 0.8 s left". */
void kl_wait_left(kl_buf *out, const kl_timer *t);
/* Appends ", since 0.3 s"; `since_ms` is a time of the loop (uv_now). */
void kl_wait_since(kl_buf *out, const uv_loop_t *loop, uint64_t since_ms);
/* Appends an address without its user, its query and its fragment, which may hold secrets; the begin of a long one. */
void kl_wait_url(kl_buf *out, const char *url);

/* Appends fields of a JSON object about the session of a script: feed, rest, budget, account. Nothing where it has no
 * session. */
void kl_inspect_kalshi(kl_script *s, kl_buf *out);

#endif
