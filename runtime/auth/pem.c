#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/internal.h"

enum { LABEL_MAX = 48, PASSPHRASE_MAX = 1024, TRIES = 3 };

/* One "-----BEGIN label-----" to "-----END label-----" of a text. */
typedef struct {
  const char *start;
  size_t n; /* 0 when the END line is missing */
  char label[LABEL_MAX];
} pem_block;

/* Finds the first block at or behind *at, moves *at behind it. */
static bool next_block(const char **at, const char *end, pem_block *out) {
  static const char begin[] = "-----BEGIN ", dashes[] = "-----";
  for (;;) {
    const char *start = memmem(*at, (size_t)(end - *at), begin, sizeof begin - 1);
    if (!start) return false;
    const char *label = start + sizeof begin - 1, *p = label;
    while (p < end && p - label < LABEL_MAX - 1 && ((*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == ' '))
      p++;
    *at = p;
    if ((size_t)(end - p) < sizeof dashes - 1 || memcmp(p, dashes, sizeof dashes - 1) != 0) continue;
    memcpy(out->label, label, (size_t)(p - label));
    out->label[p - label] = 0;
    out->start = start;
    char last[LABEL_MAX + 16];
    int n = snprintf(last, sizeof last, "-----END %s-----", out->label);
    const char *stop = memmem(p, (size_t)(end - p), last, (size_t)n);
    out->n = stop ? (size_t)(stop + n - start) : 0;
    if (stop) *at = stop + n;
    return true;
  }
}

static bool ends_with(const char *s, const char *tail) {
  size_t n = strlen(s), m = strlen(tail);
  return n >= m && strcmp(s + n - m, tail) == 0;
}

static bool is_private(const char *label) { return ends_with(label, "PRIVATE KEY"); }
static bool is_public(const char *label) { return ends_with(label, "PUBLIC KEY"); }
static bool is_certificate(const char *label) { return ends_with(label, "CERTIFICATE"); }

static bool refuse(kl_error *e, const char *code, const char *origin, const char *what) {
  kl_error_coded(e, KL_ERR_CONFIG, code, "%s: %s", origin, what);
  return false;
}

static bool refuse_no_pem(const char *text, size_t n, const char *origin, kl_error *e) {
  size_t blank = 0;
  while (blank < n && strchr(" \t\r\n", text[blank]) && text[blank])
    blank++;
  if (blank == n)
    return refuse(e, "key_not_pem", origin, "there is nothing in it; put the key there as Kalshi gave it, PEM text");
  /* A DER key is a SEQUENCE with a length of two bytes, or of one for Ed25519. */
  if (n > 2 && text[0] == 0x30 && ((unsigned char)text[1] == 0x82 || (unsigned char)text[1] == n - 2))
    return refuse(e, "key_not_pem", origin,
                  "binary (DER), not PEM; convert it: openssl pkey -inform DER -in OLD -out NEW");
  if (!strcmp(origin, "KALSHI_PRIVATE_KEY") && !memchr(text, '\n', n))
    return refuse(e, "key_not_pem", origin,
                  "not a PEM key, and it is for the key itself; the name of a file goes into KALSHI_PRIVATE_KEY_PATH");
  return refuse(
      e, "key_not_pem", origin,
      "not a PEM key, the line -----BEGIN ... PRIVATE KEY----- is missing; use the private key as Kalshi gave "
      "it");
}

/* Finds the private key's block among what else may stand in the text. */
static bool find_private(const char *text, size_t n, const char *origin, pem_block *out, kl_error *e) {
  const char *at = text, *end = text + n;
  pem_block block, first = {0};
  while (next_block(&at, end, &block)) {
    if (!first.start) first = block;
    if (!is_private(block.label)) continue;
    if (strncmp(block.label, "OPENSSH", 7) == 0)
      return refuse(e, "key_not_pem", origin,
                    "an OpenSSH key, which is another format; convert an RSA key: ssh-keygen -p -m PKCS8 -f FILE, or "
                    "create a new one");
    if (block.n == 0)
      return refuse(e, "key_damaged", origin,
                    "the key is cut off, its -----END line is missing; copy the whole text again");
    *out = block;
    return true;
  }
  if (!first.start) return refuse_no_pem(text, n, origin, e);
  if (is_public(first.label))
    return refuse(e, "key_not_private", origin,
                  "a public key; requests are signed with the private key that belongs to it: name that one");
  if (is_certificate(first.label))
    return refuse(e, "key_not_private", origin, "a certificate; requests are signed with a private key: name that one");
  kl_error_coded(e, KL_ERR_CONFIG, "key_not_private",
                 "%s: holds a %s, not a private key; use the private key as Kalshi gave it", origin, first.label);
  return false;
}

typedef struct {
  const char *text; /* NULL: none yet */
  int n;
  bool wanted; /* the key is encrypted */
} passphrase;

static int give_passphrase(char *out, int cap, int writing, void *data) {
  passphrase *p = data;
  (void)writing;
  p->wanted = true;
  if (!p->text || p->n > cap) return -1;
  memcpy(out, p->text, (size_t)p->n);
  return p->n;
}

static EVP_PKEY *decode_private(const pem_block *block, passphrase *p) {
  BIO *bio = BIO_new_mem_buf(block->start, (int)block->n);
  EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey_ex(bio, NULL, give_passphrase, p, NULL, NULL) : NULL;
  BIO_free(bio);
  ERR_clear_error(); /* its texts are not for the log */
  return pkey;
}

static bool refuse_encrypted(const char *origin, const char *why, kl_error *e) {
  kl_error_coded(e, KL_ERR_CONFIG, "key_encrypted",
                 "%s: the key is encrypted and %s; start from a terminal, or use a copy without a passphrase: openssl "
                 "pkey -in OLD -out NEW",
                 origin, why);
  return false;
}

static bool decrypt(const pem_block *block, const char *origin, kl_passphrase_fn ask, void *data, EVP_PKEY **out,
                    kl_error *e) {
  if (!ask) return refuse_encrypted(origin, "there is no way to ask for its passphrase", e);
  char answer[PASSPHRASE_MAX], prompt[512];
  for (int attempt = 1; attempt <= TRIES && !*out; attempt++) {
    snprintf(prompt, sizeof prompt, "%sPassphrase of %s: ", attempt == 1 ? "" : "That was not it. ", origin);
    int n = ask(data, prompt, answer, sizeof answer);
    if (n < 0 || n >= (int)sizeof answer) {
      OPENSSL_cleanse(answer, sizeof answer);
      return refuse_encrypted(origin, "no passphrase was given", e);
    }
    passphrase p = {.text = answer, .n = n};
    *out = decode_private(block, &p);
    OPENSSL_cleanse(answer, sizeof answer);
  }
  if (*out) return true;
  kl_error_coded(e, KL_ERR_CONFIG, "key_passphrase_wrong",
                 "%s: the passphrase was wrong %d times, or the key is damaged or encrypted in a way that this OpenSSL "
                 "does not know; try again, or restore the key from a copy",
                 origin, TRIES);
  return false;
}

bool kl_key_load_pem(const char *pem, size_t n, const char *origin, kl_passphrase_fn ask, void *data, kl_key **out,
                     kl_error *e) {
  pem_block block = {0};
  if (n > KL_KEY_FILE_MAX)
    return refuse(e, "key_not_pem", origin, "larger than 64 KiB, so it is no key; use the private key file");
  if (!find_private(pem, n, origin, &block, e)) return false;
  passphrase none = {0};
  EVP_PKEY *pkey = decode_private(&block, &none);
  if (!pkey && none.wanted && !decrypt(&block, origin, ask, data, &pkey, e)) return false;
  if (!pkey)
    return refuse(e, "key_damaged", origin,
                  "the private key cannot be decoded, the text is damaged or has lost its line breaks; copy it again, "
                  "whole and unchanged");
  return kl_auth_adopt(pkey, origin, out, e);
}

static EVP_PKEY *decode_public(const pem_block *block) {
  BIO *bio = BIO_new_mem_buf(block->start, (int)block->n);
  EVP_PKEY *pkey = bio ? PEM_read_bio_PUBKEY_ex(bio, NULL, NULL, NULL, NULL, NULL) : NULL;
  BIO_free(bio);
  ERR_clear_error();
  return pkey;
}

bool kl_public_key_load_pem(const char *pem, size_t n, kl_public_key **out, kl_error *e) {
  static const char origin[] = "public key";
  const char *at = pem;
  pem_block block;
  if (n > KL_KEY_FILE_MAX)
    return refuse(e, "public_key_wrong", origin, "larger than 64 KiB, so it is no key; give a PEM public key");
  if (!next_block(&at, pem + n, &block))
    return refuse(e, "public_key_wrong", origin,
                  "not PEM, the line -----BEGIN PUBLIC KEY----- is missing; give a PEM public key");
  if (is_private(block.label))
    return refuse(e, "public_key_wrong", origin,
                  "this is a private key; keep it secret and give its public key: openssl pkey -pubout");
  if (!is_public(block.label)) {
    kl_error_coded(e, KL_ERR_CONFIG, "public_key_wrong", "%s: a %s is no public key; give a PEM public key", origin,
                   block.label);
    return false;
  }
  EVP_PKEY *pkey = block.n > 0 ? decode_public(&block) : NULL;
  if (!pkey)
    return refuse(e, "public_key_wrong", origin,
                  "cannot be decoded, the text is damaged or cut off; copy it again, whole");
  kl_public_key *k = malloc(sizeof *k);
  if (!k) {
    EVP_PKEY_free(pkey);
    kl_error_set(e, KL_ERR_INTERNAL, "%s: not enough memory", origin);
    return false;
  }
  k->pkey = pkey;
  atomic_init(&k->ready, NULL);
  if (!kl_auth_accept(pkey, origin, &k->rsa, e)) {
    kl_public_key_release(k);
    return false;
  }
  *out = k;
  return true;
}
