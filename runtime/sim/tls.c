#include "sim/tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum { DAYS_VALID = 30 };

static bool add_extension(X509 *cert, int nid, const char *value) {
  X509V3_CTX ctx;
  X509V3_set_ctx_nodb(&ctx);
  X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
  X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
  bool ok = ext && X509_add_ext(cert, ext, -1) == 1;
  X509_EXTENSION_free(ext);
  return ok;
}

static bool fill(X509 *cert, EVP_PKEY *key, int64_t now_us) {
  time_t now = (time_t)(now_us / 1000000);
  X509_NAME *name = X509_get_subject_name(cert);
  return X509_set_version(cert, 2) == 1 && ASN1_INTEGER_set_int64(X509_get_serialNumber(cert), now_us) == 1 &&
         X509_time_adj_ex(X509_getm_notBefore(cert), -1, 0, &now) &&
         X509_time_adj_ex(X509_getm_notAfter(cert), DAYS_VALID, 0, &now) && X509_set_pubkey(cert, key) == 1 &&
         X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"Kalua exchange simulator", -1, -1,
                                    0) == 1 &&
         X509_set_issuer_name(cert, name) == 1 &&
         add_extension(cert, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost") &&
         add_extension(cert, NID_basic_constraints, "critical,CA:TRUE") &&
         add_extension(cert, NID_subject_key_identifier, "hash") && X509_sign(cert, key, EVP_sha256()) > 0;
}

static bool write_file(kl_sim *s, X509 *cert, kl_error *e) {
  const char *base = getenv("TMPDIR");
  snprintf(s->ca_folder, sizeof s->ca_folder, "%s/kalua-ca-XXXXXX", base && *base ? base : "/tmp");
  if (!mkdtemp(s->ca_folder)) {
    kl_error_set(e, KL_ERR_CONFIG, "cannot make the folder %s for the simulator's certificate: %s", s->ca_folder,
                 strerror(errno));
    s->ca_folder[0] = '\0';
    return false;
  }
  snprintf(s->ca_path, sizeof s->ca_path, "%s/ca.pem", s->ca_folder);
  FILE *f = fopen(s->ca_path, "we");
  bool ok = f && PEM_write_X509(f, cert) == 1;
  if (f && fclose(f) != 0) ok = false;
  if (!ok) kl_error_set(e, KL_ERR_CONFIG, "cannot write the simulator's certificate to %s", s->ca_path);
  return ok;
}

bool kl_sim_tls_make(kl_sim *s, kl_error *e) {
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *cert = X509_new();
  bool made = key && cert && fill(cert, key, s->start_us);
  int cert_len = made ? i2d_X509(cert, &s->tls_cert) : -1;
  int key_len = made ? i2d_PrivateKey(key, &s->tls_key) : -1;
  made = cert_len > 0 && key_len > 0;
  if (made) {
    s->tls_cert_len = (size_t)cert_len;
    s->tls_key_len = (size_t)key_len;
  } else {
    kl_error_set(e, KL_ERR_INTERNAL, "OpenSSL could not make a certificate for the simulator");
  }
  bool ok = made && write_file(s, cert, e);
  X509_free(cert);
  EVP_PKEY_free(key);
  return ok;
}

void kl_sim_tls_free(kl_sim *s) {
  if (s->ca_path[0]) unlink(s->ca_path);
  if (s->ca_folder[0]) rmdir(s->ca_folder);
  OPENSSL_free(s->tls_cert);
  OPENSSL_clear_free(s->tls_key, s->tls_key_len);
}
