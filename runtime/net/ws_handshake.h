/* What the client needs of the handshake beyond ws_frame.h. */
#ifndef KL_WS_HANDSHAKE_H
#define KL_WS_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>

/* For an answer that refuses the handshake: whether its body is still on the way, so that waiting for more bytes may
 * give a better message. */
bool kl_ws_handshake_body_pending(const char *p, size_t n);

/* Whether a caller's "Name: value" line may go into a handshake: one line, a name, and not one of the fields that the
 * handshake itself sets. */
bool kl_ws_handshake_header_ok(const char *line);

#endif
