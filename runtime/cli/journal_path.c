#include "cli/journal_path.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/state_folder.h"

enum { HASH_BYTES = 8 };

/* The key's id is no secret, but needs not stand in the name of a file, where it may have any characters. */
static bool file_name(const kl_journal_account *a, char *out, size_t cap) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  if (!EVP_Digest(a->key_id, strlen(a->key_id), digest, NULL, EVP_sha256(), NULL)) return false;
  int n = snprintf(out, cap, "orders/%s-", a->env);
  for (int i = 0; i < HASH_BYTES && n > 0 && (size_t)n < cap; i++)
    n += snprintf(out + n, cap - (size_t)n, "%02x", digest[i]);
  if (n > 0 && (size_t)n < cap) n += snprintf(out + n, cap - (size_t)n, ".db");
  return n > 0 && (size_t)n < cap;
}

bool kl_journal_path(const kl_journal_account *a, char *out, size_t cap, kl_error *e) {
  char name[64];
  out[0] = 0;
  if (!a->key_id || !a->key_id[0]) return true;
  if (a->state) {
    int n = snprintf(out, cap, "%s.orders", a->state);
    if (n > 0 && (size_t)n < cap) return true;
    kl_error_coded(e, KL_ERR_CONFIG, "journal_unusable", "--state: the path is too long");
    return false;
  }
  if (a->embedded || a->paper || !strcmp(a->env, "sim")) return true;
  if (!file_name(a, name, sizeof name)) {
    kl_error_set(e, KL_ERR_INTERNAL, "the name of the order journal cannot be made: OpenSSL has no SHA-256");
    return false;
  }
  if (kl_state_path(out, cap, name, true)) return true;
  kl_error_coded(
      e, KL_ERR_CONFIG, "journal_unusable",
      "the order journal %.300s cannot be made: %s; orders of this run would not be known after a restart: set "
      "XDG_STATE_HOME to a folder, or name a file with --state",
      out, strerror(errno));
  return false;
}
