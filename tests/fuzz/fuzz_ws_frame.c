/* The frame parser: the first byte says in what pieces the rest comes. Whatever the pieces, the same messages must come
 * out as when it comes at once. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/ws_frame.h"

typedef struct {
  uint64_t digest; /* of all that was handed over */
  size_t count;
} outcome;

static void mix(outcome *o, int opcode, const char *p, size_t n) {
  uint64_t d = o->digest ^ (uint64_t)opcode << 32 ^ n;
  for (size_t i = 0; i < n; i++)
    d = (d ^ (uint8_t)p[i]) * UINT64_C(0x100000001B3);
  o->digest = d;
  o->count++;
}

static void on_message(void *data, int opcode, const char *p, size_t n) {
  volatile char last = p[n + 15]; /* readable, by promise */
  (void)last;
  if (n > 5000 || (opcode != KL_WS_TEXT && opcode != KL_WS_BINARY)) abort();
  mix(data, opcode, p, n);
}

static void on_control(void *data, int opcode, const char *p, size_t n) {
  if (n > 125 || opcode < KL_WS_CLOSE || opcode > KL_WS_PONG) abort();
  mix(data, opcode, p, n);
}

static int run(const uint8_t *p, size_t n, size_t step, outcome *o) {
  const kl_ws_handler h = {.data = o, .message = on_message, .control = on_control};
  kl_ws_parser *parser = kl_ws_parser_new(&h, 5000);
  if (!parser) abort();
  int code = 0;
  for (size_t at = 0; at < n && !code; at += step) {
    size_t part = n - at < step ? n - at : step, room = 0;
    kl_error e;
    char *to = kl_ws_parser_buffer(parser, part, &room);
    if (!to || room < part) abort();
    memcpy(to, p + at, part);
    if (!kl_ws_parser_feed(parser, part, &e)) {
      code = e.status;
      if (code != 1002 && code != 1007 && code != 1009) abort();
    }
  }
  kl_ws_parser_free(parser);
  return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  outcome whole = {0}, pieces = {0};
  int code = run(data + 1, size - 1, size, &whole);
  if (run(data + 1, size - 1, (size_t)data[0] + 1, &pieces) != code) abort();
  if (whole.digest != pieces.digest || whole.count != pieces.count) abort();
  return 0;
}
