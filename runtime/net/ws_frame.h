/* RFC 6455 without sockets: the bytes of a connection in, whole messages out. Client side. Used by the feed's own
 * WebSocket client, its tests and its fuzz target. */
#ifndef KL_WS_FRAME_H
#define KL_WS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

enum { KL_WS_CONTINUATION = 0, KL_WS_TEXT = 1, KL_WS_BINARY = 2, KL_WS_CLOSE = 8, KL_WS_PING = 9, KL_WS_PONG = 10 };

typedef struct kl_ws_parser kl_ws_parser;

typedef struct kl_ws_handler {
  void *data;
  /* A whole text or binary message, valid during the call. A message in one frame that lies whole in the input is
   * handed over in place, without a copy. At least 16 readable bytes follow it in memory. */
  void (*message)(void *data, int opcode, const char *p, size_t n);
  /* Ping, pong or close (payload as on the wire). */
  void (*control)(void *data, int opcode, const char *p, size_t n);
} kl_ws_handler;

kl_ws_parser *kl_ws_parser_new(const kl_ws_handler *h, size_t max_message); /* NULL when out of memory */
void kl_ws_parser_free(kl_ws_parser *p);
void kl_ws_parser_reset(kl_ws_parser *p);

/* The parser's own read buffer: *room bytes may be written at the returned address, then kl_ws_parser_feed says how
 * many were. NULL when out of memory. */
char *kl_ws_parser_buffer(kl_ws_parser *p, size_t want, size_t *room);
/* False on a violation of the protocol; e->status is the close code to send (1002, 1007, 1009) and e->kind "protocol".
 * The parser then takes nothing more. Handlers may call kl_ws_parser_stop to have the rest of the input kept back. */
bool kl_ws_parser_feed(kl_ws_parser *p, size_t n, kl_error *e);
void kl_ws_parser_stop(kl_ws_parser *p);

/* Appends a masked frame to `out`; `mask` is 4 random bytes. */
void kl_ws_write_frame(kl_buf *out, int opcode, const void *payload, size_t n, const uint8_t mask[4]);

/* The opening handshake. `key` is 16 random bytes; `headers` are further "Name: value" lines, NULL-terminated. */
void kl_ws_write_handshake(kl_buf *out, const char *host, const char *path, const uint8_t key[16],
                           const char *const *headers);
/* Reads the server's answer: 0 incomplete, >0 its length in bytes (the rest is WebSocket), -1 refused: `e` then has the
 * HTTP status and, as message, what the body says (body may be partial). `date_ms` (may be NULL) gets its Date header.
 */
long kl_ws_read_handshake(const char *p, size_t n, const uint8_t key[16], int64_t *date_ms, kl_error *e);

#endif
