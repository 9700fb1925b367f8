/* The server's answer to the handshake, whole and cut off anywhere. The first byte says whether subprotocols were
 * offered; the rest is the answer. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/ws_handshake.h"

static const uint8_t key[16] = "the sample nonce";

static void check(const char *p, size_t size, const char *protocols) {
  kl_error e = {0};
  kl_ws_answer a;
  long rc = kl_ws_read_handshake(p, size, key, protocols, &a, &e);
  if (rc > (long)size || (rc < 0 && (!e.kind || !e.message[0]))) abort();
  (void)kl_ws_handshake_body_pending(p, size);
  if (rc <= 0) return;
  if (a.protocol) { /* one that was offered, and a part of the answer */
    char chosen[32] = {0};
    if (a.protocol < p || a.protocol + a.protocol_len > p + rc || a.protocol_len >= sizeof chosen) abort();
    memcpy(chosen, a.protocol, a.protocol_len);
    if (!protocols || (strcmp(chosen, "v2.feed") != 0 && strcmp(chosen, "v1.feed") != 0)) abort();
  }
  /* An accepted answer is accepted at its last byte, not before, and whatever follows. */
  if (kl_ws_read_handshake(p, (size_t)rc, key, protocols, NULL, NULL) != rc) abort();
  for (size_t n = 0; n < (size_t)rc; n++) {
    if (kl_ws_read_handshake(p, n, key, protocols, NULL, NULL) != 0) abort();
  }
}

/* Whether a text is a list of subprotocols is the same question as whether a request with it can be written. */
static void check_request(const char *p, size_t size) {
  kl_buf out = {0};
  char list[64] = {0};
  memcpy(list, p, size < sizeof list - 1 ? size : sizeof list - 1);
  bool ok = kl_ws_handshake_protocols_ok(list);
  kl_ws_write_handshake(&out, "h", "/", key, NULL, list);
  if (ok == out.failed) abort();
  if (ok && strpbrk(list, "\r\n")) abort();
  kl_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  const char *p = (const char *)data + 1;
  check(p, size - 1, data[0] & 1 ? "v2.feed, v1.feed" : NULL);
  check_request(p, size - 1);
  return 0;
}
