#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/internal.h"

/* RSASSA-PSS: SHA-256, MGF1 with SHA-256, salt as long as the digest (RFC 8017, 8.1). Ed25519 signs the text itself and
 * takes no settings (RFC 8032). */
static bool set_padding(EVP_PKEY_CTX *c) {
  return EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PSS_PADDING) > 0 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(c, RSA_PSS_SALTLEN_DIGEST) > 0 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(c, EVP_sha256()) > 0;
}

bool kl_auth_sign_raw(EVP_PKEY *pkey, bool rsa, const char *text, size_t n, unsigned char *signature, size_t *length) {
  EVP_MD_CTX *c = EVP_MD_CTX_new(); /* one per call: a context belongs to one thread */
  EVP_PKEY_CTX *settings = NULL;
  bool ok = c && EVP_DigestSignInit(c, &settings, rsa ? EVP_sha256() : NULL, NULL, pkey) > 0 &&
            (!rsa || set_padding(settings)) && EVP_DigestSign(c, signature, length, (const unsigned char *)text, n) > 0;
  EVP_MD_CTX_free(c);
  ERR_clear_error();
  return ok;
}

bool kl_auth_verify_raw(EVP_PKEY *pkey, bool rsa, const char *text, size_t n, const unsigned char *signature,
                        size_t length) {
  EVP_MD_CTX *c = EVP_MD_CTX_new();
  EVP_PKEY_CTX *settings = NULL;
  bool ok = c && EVP_DigestVerifyInit(c, &settings, rsa ? EVP_sha256() : NULL, NULL, pkey) > 0 &&
            (!rsa || set_padding(settings)) &&
            EVP_DigestVerify(c, signature, length, (const unsigned char *)text, n) == 1;
  EVP_MD_CTX_free(c);
  ERR_clear_error();
  return ok;
}

bool kl_key_sign(const kl_key *k, const char *text, size_t n, char out[KL_SIGNATURE_MAX], kl_error *e) {
  unsigned char signature[KL_RSA_BITS_MAX / 8];
  size_t length = sizeof signature;
  if (!kl_auth_sign_raw(k->pkey, k->rsa, text, n, signature, &length)) {
    kl_error_set(e, KL_ERR_INTERNAL, "OpenSSL could not sign with the %s key; is there enough memory?", kl_key_type(k));
    return false;
  }
  _Static_assert(KL_SIGNATURE_MAX > (sizeof signature + 2) / 3 * 4, "the base64 fits with its NUL");
  EVP_EncodeBlock((unsigned char *)out, signature, (int)length);
  return true;
}

static int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Standard alphabet with padding and nothing else (RFC 4648, 4); bits behind the last byte must be zero, so that a
 * signature has one spelling. Returns the count of bytes, 0 when it is not that or does not fit. */
static size_t decode_base64(const char *s, unsigned char *out, size_t cap) {
  size_t n = strlen(s);
  if (n == 0 || n % 4 != 0 || n / 4 > cap / 3 + 1) return 0;
  size_t padding = s[n - 1] != '=' ? 0 : s[n - 2] != '=' ? 1 : 2;
  size_t digits = n - padding, length = 0;
  uint32_t bits = 0;
  for (size_t i = 0; i < digits; i++) {
    int v = base64_value(s[i]);
    if (v < 0) return 0;
    bits = bits << 6 | (uint32_t)v;
    if (i % 4 == 0) continue;
    if (length == cap) return 0;
    out[length++] = (unsigned char)(bits >> (6 - 2 * (i % 4)));
  }
  uint32_t unused = padding == 0 ? 0 : padding == 1 ? 3 : 15;
  return (bits & unused) == 0 ? length : 0;
}

/* ---- many verifications with one RSA key ---- */

struct kl_auth_verifier {
  EVP_MD_CTX *digest;
  EVP_PKEY_CTX *rsa;
};

void kl_auth_verifier_free(kl_auth_verifier *v) {
  if (!v) return;
  EVP_MD_CTX_free(v->digest);
  EVP_PKEY_CTX_free(v->rsa);
  free(v);
}

static kl_auth_verifier *new_verifier(EVP_PKEY *pkey) {
  kl_auth_verifier *v = malloc(sizeof *v);
  EVP_MD *sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
  if (v) *v = (kl_auth_verifier){.digest = EVP_MD_CTX_new(), .rsa = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL)};
  bool ok = v && sha256 && v->digest && v->rsa && EVP_DigestInit_ex(v->digest, sha256, NULL) > 0 &&
            EVP_PKEY_verify_init(v->rsa) > 0 && set_padding(v->rsa) &&
            EVP_PKEY_CTX_set_signature_md(v->rsa, sha256) > 0;
  EVP_MD_free(sha256); /* the contexts have references of their own */
  if (ok) return v;
  kl_auth_verifier_free(v);
  return NULL;
}

static bool verify_rsa(kl_public_key *k, const char *text, size_t n, const unsigned char *signature, size_t length) {
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned hash_length;
  kl_auth_verifier *v = atomic_exchange(&k->ready, NULL);
  if (!v) v = new_verifier(k->pkey);
  bool ok = v && EVP_DigestInit_ex(v->digest, NULL, NULL) > 0 && EVP_DigestUpdate(v->digest, text, n) > 0 &&
            EVP_DigestFinal_ex(v->digest, hash, &hash_length) > 0 &&
            EVP_PKEY_verify(v->rsa, signature, length, hash, hash_length) == 1;
  kl_auth_verifier_free(atomic_exchange(&k->ready, v)); /* another thread's, when two were at it */
  ERR_clear_error();
  return ok;
}

bool kl_public_key_verify(const kl_public_key *k, const char *text, size_t n, const char *signature_base64) {
  unsigned char signature[KL_RSA_BITS_MAX / 8];
  size_t length = decode_base64(signature_base64, signature, sizeof signature);
  if (length == 0) return false;
  return k->rsa ? verify_rsa((kl_public_key *)k, text, n, signature, length)
                : kl_auth_verify_raw(k->pkey, false, text, n, signature, length);
}

size_t kl_signed_text(char *out, size_t cap, int64_t timestamp_ms, const char *method, const char *path) {
  size_t length = strcspn(path, "?");
  int n = length < 1 << 20 ? snprintf(out, cap, "%lld%s%.*s", (long long)timestamp_ms, method, (int)length, path) : -1;
  return n > 0 && (size_t)n < cap ? (size_t)n : 0;
}
