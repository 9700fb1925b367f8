/* What the files of this room share. Nobody outside includes it: it is where the private key can be seen. */
#ifndef KL_AUTH_INTERNAL_H
#define KL_AUTH_INTERNAL_H

#include <openssl/evp.h>
#include <stdatomic.h>

#include "auth/key.h"

enum { KL_RSA_BITS_MIN = 2048, KL_RSA_BITS_MAX = 8192 };
enum { KL_KEY_FILE_MAX = 64 * 1024 };

struct kl_key {
  atomic_int refs;
  EVP_PKEY *pkey; /* owned */
  bool rsa;       /* else Ed25519 */
};

/* What one verification at a time needs. To set it up takes as long as a good part of the verification. */
typedef struct kl_auth_verifier kl_auth_verifier;

struct kl_public_key {
  EVP_PKEY *pkey; /* owned */
  bool rsa;
  _Atomic(kl_auth_verifier *) ready; /* of the last verification; NULL: some thread is using it, or there was none */
};

void kl_auth_verifier_free(kl_auth_verifier *v); /* takes NULL */

/* Whether a key is of a type and size that Kalshi takes; says which in *rsa. The error's text begins with origin. */
bool kl_auth_accept(const EVP_PKEY *pkey, const char *origin, bool *rsa, kl_error *e);

/* Wraps a private key after one signature of it was verified. Takes pkey, also when it fails. */
bool kl_auth_adopt(EVP_PKEY *pkey, const char *origin, kl_key **out, kl_error *e);

/* Verifies one signature as raw bytes. */
bool kl_auth_verify_raw(EVP_PKEY *pkey, bool rsa, const char *text, size_t n, const unsigned char *signature,
                        size_t length);
/* Signs; *length is the room on entry and the length of the signature after. False when OpenSSL refuses. */
bool kl_auth_sign_raw(EVP_PKEY *pkey, bool rsa, const char *text, size_t n, unsigned char *signature, size_t *length);

#endif
