/* Private keys and signatures. The parsed key lives behind this header and nowhere else: nothing here returns the
 * material of a key that is signed with (kl_key_pair_new makes one for somebody else), and no error names it. Signed
 * text and headers: Kalshi "API keys" guide; RSASSA-PSS, SHA-256, MGF1-SHA256, salt as long as the digest, or Ed25519
 * over the same text. */
#ifndef KL_KEY_H
#define KL_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

typedef struct kl_key kl_key;

enum { KL_SIGNATURE_MAX = 1400 }; /* base64 of an 8192-bit RSA signature, with the NUL */

/* Asks a person for a passphrase: writes at most cap-1 bytes and a NUL, returns the length or -1 when none can be had
 * (no terminal, interrupted). Called at most three times. */
typedef int (*kl_passphrase_fn)(void *data, const char *prompt, char *out, size_t cap);

/* Reads a PEM private key (PKCS#1, PKCS#8, encrypted or not; RSA of 2048 bits or more, or Ed25519). `ask` may be NULL:
 * an encrypted key is then an error. Each way to fail has its own message; kind "config". The key is retained once. */
bool kl_key_load_file(const char *path, kl_passphrase_fn ask, void *data, kl_key **out, kl_error *e);
bool kl_key_load_pem(const char *pem, size_t n, const char *origin, kl_passphrase_fn ask, void *data, kl_key **out,
                     kl_error *e);
/* What can be said of the file of a key without opening the key. */
typedef struct kl_key_file {
  unsigned mode;  /* permission bits */
  bool regular;   /* a file, and not a pipe or a device */
  bool mine;      /* of the user who runs this */
  bool encrypted; /* it takes a passphrase */
} kl_key_file;
/* False with `e` (kind "config") where kl_key_load_file could not read it either. */
bool kl_key_file_look(const char *path, kl_key_file *out, kl_error *e);
/* The passphrase prompt on the controlling terminal, echo off. */
int kl_passphrase_from_tty(void *data, const char *prompt, char *out, size_t cap);

/* A fresh key for the embedded exchange; bits for RSA, or 0 for Ed25519. */
bool kl_key_generate(int bits, kl_key **out, kl_error *e);
/* Writes the private key as PKCS#8 PEM to a new file of mode 0600 (for `kalua sim`'s throw-away key only). */
bool kl_key_write_file(const kl_key *k, const char *path, kl_error *e);
/* The same text, for the state file of `kalua sim` only. The caller wipes it. */
bool kl_key_throwaway_pem(const kl_key *k, char *out, size_t cap, kl_error *e);

kl_key *kl_key_retain(kl_key *k);
void kl_key_release(kl_key *k);           /* takes NULL; the last one wipes the key */
const char *kl_key_type(const kl_key *k); /* "RSA" or "Ed25519" */
int kl_key_bits(const kl_key *k);

/* Signs `text`; writes base64 with padding and a NUL. Safe from any thread at once. Takes 0.25 ms for RSA-2048: not on
 * the loop. */
bool kl_key_sign(const kl_key *k, const char *text, size_t n, char out[KL_SIGNATURE_MAX], kl_error *e);

/* The other end: a public key that verifies. */
typedef struct kl_public_key kl_public_key;
bool kl_public_key_load_pem(const char *pem, size_t n, kl_public_key **out, kl_error *e);
/* The public key in a PEM file, or the public half of the private key there; *is_private says which it was. `ask` as
 * for kl_key_load_file. */
bool kl_public_key_load_file(const char *path, kl_passphrase_fn ask, void *data, kl_public_key **out, bool *is_private,
                             kl_error *e);
kl_public_key *kl_public_key_of(const kl_key *k); /* NULL when out of memory */
void kl_public_key_release(kl_public_key *k);
const char *kl_public_key_type(const kl_public_key *k);      /* "RSA" or "Ed25519" */
bool kl_public_key_pem(const kl_public_key *k, kl_buf *out); /* appends it as PEM; false when out of memory */
bool kl_public_key_verify(const kl_public_key *k, const char *text, size_t n, const char *signature_base64);

/* A new pair for a client of the exchange simulator: the private key is appended to `private_pem` as PEM (RSA: PKCS#1,
 * Ed25519: PKCS#8) and kept nowhere. `bits` as for kl_key_generate; RSA takes a tenth of a second: not on the loop. */
bool kl_key_pair_new(int bits, kl_buf *private_pem, kl_public_key **out, kl_error *e);

/* The text that is signed: timestamp, method, path without its query. Returns its length (0 when it does not fit). */
size_t kl_signed_text(char *out, size_t cap, int64_t timestamp_ms, const char *method, const char *path);

/* Forbids core dumps and reading this process by others of the same user (PR_SET_DUMPABLE, RLIMIT_CORE). Called once at
 * start, before a key is read. */
void kl_auth_harden_process(void);

#endif
