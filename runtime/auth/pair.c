/* Keys for somebody else: the pair of a new API key, and public keys as text. */
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "auth/internal.h"

static bool take_text(BIO *bio, bool written, kl_buf *out) {
  char *text = NULL;
  long n = bio && written ? BIO_get_mem_data(bio, &text) : 0;
  if (n > 0) kl_buf_add(out, text, (size_t)n);
  BIO_free(bio);
  ERR_clear_error();
  return n > 0 && !out->failed;
}

bool kl_key_pair_new(int bits, kl_buf *private_pem, kl_public_key **out, kl_error *e) {
  kl_key *k = NULL;
  if (!kl_key_generate(bits, &k, e)) return false;
  kl_public_key *public_key = kl_public_key_of(k);
  BIO *bio = BIO_new(BIO_s_secmem()); /* overwritten when freed */
  /* RSA keys as the exchange gives them, PKCS#1; there is no such form of the others. */
  bool written = bio && (k->rsa ? PEM_write_bio_PrivateKey_traditional(bio, k->pkey, NULL, NULL, 0, NULL, NULL) == 1
                                : PEM_write_bio_PKCS8PrivateKey(bio, k->pkey, NULL, NULL, 0, NULL, NULL) == 1);
  bool ok = take_text(bio, written, private_pem) && public_key;
  kl_key_release(k);
  if (ok) {
    *out = public_key;
    return true;
  }
  kl_public_key_release(public_key);
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for a new key");
  return false;
}

bool kl_public_key_pem(const kl_public_key *k, kl_buf *out) {
  BIO *bio = BIO_new(BIO_s_mem());
  return take_text(bio, bio && PEM_write_bio_PUBKEY(bio, k->pkey) == 1, out);
}

const char *kl_public_key_type(const kl_public_key *k) { return k->rsa ? "RSA" : "Ed25519"; }
