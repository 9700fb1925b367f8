/* The server's answer to the handshake, whole and cut off anywhere. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/ws_frame.h"
#include "net/ws_handshake.h"

static const uint8_t key[16] = "the sample nonce";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *p = (const char *)data;
  kl_error e = {0};
  int64_t date;
  long rc = kl_ws_read_handshake(p, size, key, &date, &e);
  if (rc > (long)size || (rc < 0 && (!e.kind || !e.message[0]))) abort();
  (void)kl_ws_handshake_body_pending(p, size);
  if (rc <= 0) return 0;
  /* An accepted answer is accepted at its last byte, not before, and whatever follows. */
  if (kl_ws_read_handshake(p, (size_t)rc, key, NULL, NULL) != rc) abort();
  for (size_t n = 0; n < (size_t)rc; n++) {
    if (kl_ws_read_handshake(p, n, key, NULL, NULL) != 0) abort();
  }
  return 0;
}
