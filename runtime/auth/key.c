#include "auth/key.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "auth/internal.h"
#include "base/log.h"

bool kl_auth_accept(const EVP_PKEY *pkey, const char *origin, bool *rsa, kl_error *e) {
  if (EVP_PKEY_is_a(pkey, "ED25519")) {
    *rsa = false;
    return true;
  }
  if (!EVP_PKEY_is_a(pkey, "RSA")) {
    const char *type = EVP_PKEY_get0_type_name(pkey);
    kl_error_coded(e, KL_ERR_CONFIG, "key_wrong_type",
                   "%s: the type of this key is %s; Kalshi takes RSA keys of %d bits or more and Ed25519 keys", origin,
                   type ? type : "unknown", KL_RSA_BITS_MIN);
    return false;
  }
  *rsa = true;
  int bits = EVP_PKEY_get_bits(pkey);
  if (bits < KL_RSA_BITS_MIN) {
    kl_error_coded(e, KL_ERR_CONFIG, "key_wrong_type",
                   "%s: an RSA key of %d bits is too short to be safe; create a new key of %d bits or more", origin,
                   bits, KL_RSA_BITS_MIN);
    return false;
  }
  if (bits > KL_RSA_BITS_MAX) {
    kl_error_coded(e, KL_ERR_CONFIG, "key_wrong_type",
                   "%s: an RSA key of %d bits is too long to sign in time; use one of %d to %d bits", origin, bits,
                   KL_RSA_BITS_MIN, KL_RSA_BITS_MAX);
    return false;
  }
  return true;
}

/* A key with a changed bit would load and then be refused by the exchange with every request. */
static bool signs_correctly(EVP_PKEY *pkey, bool rsa) {
  static const char text[] = "kalua";
  unsigned char signature[KL_RSA_BITS_MAX / 8];
  size_t length = sizeof signature;
  return kl_auth_sign_raw(pkey, rsa, text, sizeof text - 1, signature, &length) &&
         kl_auth_verify_raw(pkey, rsa, text, sizeof text - 1, signature, length);
}

bool kl_auth_adopt(EVP_PKEY *pkey, const char *origin, kl_key **out, kl_error *e) {
  bool rsa = false;
  if (!kl_auth_accept(pkey, origin, &rsa, e)) {
    EVP_PKEY_free(pkey);
    return false;
  }
  if (!signs_correctly(pkey, rsa)) {
    kl_error_coded(e, KL_ERR_CONFIG, "key_damaged",
                   "%s: the key is damaged, its own signature does not verify; restore it from a copy or create a new "
                   "key",
                   origin);
    EVP_PKEY_free(pkey);
    return false;
  }
  kl_key *k = malloc(sizeof *k);
  if (!k) {
    kl_error_set(e, KL_ERR_INTERNAL, "%s: not enough memory for the key", origin);
    EVP_PKEY_free(pkey);
    return false;
  }
  atomic_init(&k->refs, 1);
  k->pkey = pkey;
  k->rsa = rsa;
  *out = k;
  return true;
}

bool kl_key_generate(int bits, kl_key **out, kl_error *e) {
  if (bits != 0 && (bits < KL_RSA_BITS_MIN || bits > KL_RSA_BITS_MAX)) {
    kl_error_set(e, KL_ERR_VALIDATION, "a key of %d bits cannot be made: RSA takes %d to %d, Ed25519 is 0", bits,
                 KL_RSA_BITS_MIN, KL_RSA_BITS_MAX);
    return false;
  }
  EVP_PKEY *pkey = bits ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
  ERR_clear_error();
  if (!pkey) {
    kl_error_set(e, KL_ERR_INTERNAL, "OpenSSL could not make a key of %d bits; is there enough memory?", bits);
    return false;
  }
  return kl_auth_adopt(pkey, "new key", out, e);
}

kl_key *kl_key_retain(kl_key *k) {
  atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
  return k;
}

void kl_key_release(kl_key *k) {
  if (!k || atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) != 1) return;
  EVP_PKEY_free(k->pkey); /* OpenSSL overwrites the private numbers before it frees them */
  free(k);
}

const char *kl_key_type(const kl_key *k) { return k->rsa ? "RSA" : "Ed25519"; }
int kl_key_bits(const kl_key *k) { return EVP_PKEY_get_bits(k->pkey); }

kl_public_key *kl_public_key_of(const kl_key *k) {
  /* Through its encoding: the copy holds nothing of the private half, which may then be wiped before it. */
  unsigned char *der = NULL;
  int n = i2d_PUBKEY(k->pkey, &der);
  const unsigned char *p = der;
  kl_public_key *public_key = malloc(sizeof *public_key);
  EVP_PKEY *pkey = n > 0 && public_key ? d2i_PUBKEY(NULL, &p, n) : NULL;
  OPENSSL_free(der);
  ERR_clear_error();
  if (!pkey) {
    free(public_key);
    return NULL;
  }
  public_key->pkey = pkey;
  public_key->rsa = k->rsa;
  atomic_init(&public_key->ready, NULL);
  return public_key;
}

void kl_public_key_release(kl_public_key *k) {
  if (!k) return;
  kl_auth_verifier_free(atomic_load(&k->ready));
  EVP_PKEY_free(k->pkey);
  free(k);
}

void kl_auth_harden_process(void) {
  const struct rlimit none = {0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0)
    kl_log_warn("auth", "core dumps could not be forbidden; a crash may write the key to disk");
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
    kl_log_warn("auth", "other processes of this user could not be kept from reading the memory of this one");
  /* OpenSSL keeps private numbers in this heap: locked in memory where the limit allows, out of core dumps, between
   * guard pages. A few hundred RSA keys fit. Without it the ordinary heap is used. */
  enum { HEAP = 1 << 20, SMALLEST = 16 };
  if (!CRYPTO_secure_malloc_initialized() && CRYPTO_secure_malloc_init(HEAP, SMALLEST) == 0)
    kl_log_warn("auth", "no memory could be set aside for the key; it is kept in the ordinary heap");
  ERR_clear_error();
}
