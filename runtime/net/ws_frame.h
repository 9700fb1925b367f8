/* The frames of RFC 6455 without sockets: the bytes of a connection in, whole messages out. Client side. */
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
  /* May be NULL. A text message in one frame that was not looked at yet. True: taken, which it may be only when it is
   * valid UTF-8, as those know who have read every byte; false: it is checked as any other and goes to `message`. */
  bool (*unchecked)(void *data, const char *p, size_t n);
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

/* Parts of it, for a message that is written in pieces: the head of a frame, into at least KL_WS_HEAD_MAX bytes, and
 * `n` bytes of payload masked into `to`, the first of which is the `at`-th of the frame. */
enum { KL_WS_HEAD_MAX = 14 };
size_t kl_ws_write_head(uint8_t *to, int opcode, uint64_t n, const uint8_t mask[4]);
void kl_ws_mask(void *to, const void *from, size_t n, const uint8_t mask[4], size_t at);

/* Whether a close frame may have this code: RFC 6455, 7.4, and IANA's registry. */
bool kl_ws_is_close_code(unsigned code);

#endif
