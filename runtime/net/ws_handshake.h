/* The opening handshake of RFC 6455, section 4, without sockets. Client side: subprotocols can be offered, extensions
 * are not. */
#ifndef KL_WS_HANDSHAKE_H
#define KL_WS_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

/* Whether a caller's "Name: value" line may go into a handshake: one line, a name, and not one of the fields that the
 * handshake itself sets. */
bool kl_ws_handshake_header_ok(const char *line);
/* Whether a text is a list of subprotocols as the header has it, "v2.feed, v1.feed": tokens, none twice. */
bool kl_ws_handshake_protocols_ok(const char *list);

/* Appends the request. `key` is 16 random bytes; `headers` are further "Name: value" lines, NULL-terminated;
 * `protocols` is NULL where none are offered. What must not go into a request sets out->failed. */
void kl_ws_write_handshake(kl_buf *out, const char *host, const char *path, const uint8_t key[16],
                           const char *const *headers, const char *protocols);

typedef struct kl_ws_answer {
  int64_t date_ms;      /* of its Date header; 0 where there is none */
  const char *protocol; /* the one that the server chose, borrowed from the answer, not NUL-terminated; NULL: none */
  size_t protocol_len;
} kl_ws_answer;

/* Reads the server's answer to a request with this key and these protocols: 0 incomplete, >0 its length in bytes (the
 * rest is WebSocket), -1 refused: `e` then has kind "http", the HTTP status and, as message, what the body says (which
 * may be partial); or kind "protocol" for an answer that breaks the standard. `a` may be NULL. */
long kl_ws_read_handshake(const char *p, size_t n, const uint8_t key[16], const char *protocols, kl_ws_answer *a,
                          kl_error *e);
/* For an answer that refuses the handshake: whether its body is still on the way, so that waiting for more bytes may
 * give a better message. */
bool kl_ws_handshake_body_pending(const char *p, size_t n);

#endif
