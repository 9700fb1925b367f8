/* Key files: private and public, encrypted and broken. What loads must sign so that its public half verifies. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int answer(void *data, const char *prompt, char *out, size_t cap) {
  int *asked = data;
  if (!prompt || cap < 8 || ++*asked > 3) abort();
  memcpy(out, *asked == 1 ? "wrong" : "sesame", *asked == 1 ? 6 : 7);
  return *asked == 1 ? 5 : 6;
}

static void check_private(const char *pem, size_t size) {
  kl_error e = {0};
  kl_key *k = NULL;
  int asked = 0;
  if (!kl_key_load_pem(pem, size, "fuzz", answer, &asked, &k, &e)) {
    if (k || !e.kind || strncmp(e.message, "fuzz: ", 6) != 0) abort();
    return;
  }
  char signature[KL_SIGNATURE_MAX];
  kl_public_key *p = kl_public_key_of(k);
  if (!p || !kl_key_sign(k, "text", 4, signature, &e) || !kl_public_key_verify(p, "text", 4, signature)) abort();
  kl_public_key_release(p);
  kl_key_release(k);
}

static void check_public(const char *pem, size_t size) {
  kl_error e = {0};
  kl_public_key *p = NULL;
  if (!kl_public_key_load_pem(pem, size, &p, &e)) {
    if (p || !e.kind) abort();
    return;
  }
  if (kl_public_key_verify(p, "text", 4, "AAAA")) abort();
  kl_public_key_release(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  check_private((const char *)data, size);
  check_public((const char *)data, size);
  return 0;
}
