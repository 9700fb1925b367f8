#include "net/tls.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"

/* ---- certificate stores, shared by the process ---- */

/* One SSL_CTX per ca_file, kept for good: there are one or two in a process. Identified by what the file is, too, so
 * that one replaced on disk is read again. */
typedef struct store {
  struct store *next;
  char *ca_file; /* NULL: the system's */
  struct stat stat;
  SSL_CTX *ctx;
} store;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static store *stores;

static bool same_file(const struct stat *a, const struct stat *b) {
  return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
         a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* What OpenSSL says about the last failure on this thread. */
static const char *openssl_reason(char *out, size_t cap) {
  unsigned long code = ERR_get_error();
  const char *reason = code ? ERR_reason_error_string(code) : NULL;
  if (reason)
    snprintf(out, cap, "%s", reason);
  else if (code)
    ERR_error_string_n(code, out, cap);
  else
    snprintf(out, cap, "no reason given");
  ERR_clear_error();
  return out;
}

static SSL_CTX *load_context(const char *ca_file, kl_error *e) {
  /* Offering HTTP/1.1 keeps servers that prefer HTTP/2 from choosing it: WebSocket needs the former here. */
  static const unsigned char alpn[] = "\x08http/1.1";
  char reason[160];
  ERR_clear_error();
  SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
  if (!ctx || !SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) ||
      SSL_CTX_set_alpn_protos(ctx, alpn, sizeof alpn - 1) != 0) {
    kl_error_set(e, KL_ERR_INTERNAL, "TLS cannot be set up: %s", openssl_reason(reason, sizeof reason));
    SSL_CTX_free(ctx);
    return NULL;
  }
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
  SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION);
  int ok = ca_file ? SSL_CTX_load_verify_file(ctx, ca_file) : SSL_CTX_set_default_verify_paths(ctx);
  if (ok) {
    ERR_clear_error();
    return ctx;
  }
  openssl_reason(reason, sizeof reason);
  if (ca_file)
    kl_error_coded(e, KL_ERR_CONFIG, "ca_file_wrong",
                   "the CA file '%s' has no certificates that can be used (%s): --ca takes a PEM file", ca_file,
                   reason);
  else
    kl_error_coded(e, KL_ERR_CONFIG, "ca_file_wrong",
                   "the system's CA certificates cannot be loaded (%s): name a PEM file with --ca", reason);
  SSL_CTX_free(ctx);
  return NULL;
}

static bool stat_file(const char *ca_file, struct stat *st, kl_error *e) {
  memset(st, 0, sizeof *st);
  if (!ca_file || stat(ca_file, st) == 0) return true;
  kl_error_coded(e, KL_ERR_CONFIG, "ca_file_wrong", "the CA file '%s' cannot be read: %s; check --ca", ca_file,
                 strerror(errno));
  return false;
}

static store *find_locked(const char *ca_file) {
  store *s = stores;
  while (s && !(ca_file ? s->ca_file && !strcmp(s->ca_file, ca_file) : !s->ca_file))
    s = s->next;
  return s;
}

static store *add_locked(const char *ca_file) {
  store *s = calloc(1, sizeof *s);
  if (s && ca_file && !(s->ca_file = strdup(ca_file))) {
    free(s);
    return NULL;
  }
  if (!s) return NULL;
  s->next = stores;
  stores = s;
  return s;
}

/* A reference to the context of ca_file, loaded if need be. NULL with `e`. */
static SSL_CTX *get_context(const char *ca_file, kl_error *e) {
  struct stat st;
  if (!stat_file(ca_file, &st, e)) return NULL;
  SSL_CTX *ctx = NULL;
  pthread_mutex_lock(&lock);
  store *s = find_locked(ca_file);
  if (!s && !(s = add_locked(ca_file))) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for TLS");
  } else if (s->ctx && same_file(&s->stat, &st)) {
    ctx = s->ctx;
  } else if ((ctx = load_context(ca_file, e))) {
    SSL_CTX_free(s->ctx);
    s->ctx = ctx;
    s->stat = st;
  }
  if (ctx) SSL_CTX_up_ref(ctx);
  pthread_mutex_unlock(&lock);
  return ctx;
}

bool kl_tls_prepare(const char *ca_file, kl_error *e) {
  SSL_CTX *ctx = get_context(ca_file, e);
  SSL_CTX_free(ctx);
  return ctx != NULL;
}

bool kl_tls_prepared(const char *ca_file) {
  struct stat st;
  if (!stat_file(ca_file, &st, NULL)) return false;
  /* Another thread loads at this moment: not prepared, as far as the caller can tell without waiting. */
  if (pthread_mutex_trylock(&lock) != 0) return false;
  const store *s = find_locked(ca_file);
  bool ready = s && s->ctx && same_file(&s->stat, &st);
  pthread_mutex_unlock(&lock);
  return ready;
}

/* ---- a connection ---- */

struct kl_tls {
  SSL *ssl;
  BIO *in, *out; /* owned by ssl */
  char *host;
  const char *lent; /* input that was not used yet; behind what is held */
  size_t n_lent;
  kl_buf held; /* input that was not used when its owner wanted it back; from held_at */
  size_t held_at;
};

/* ---- input ---- */

/* OpenSSL's own BIO in memory copies what is put into it, and clears what it grows by. This one reads where the bytes
 * are. */
static BIO_METHOD *input_method;
static pthread_once_t input_once = PTHREAD_ONCE_INIT;

static int input_read(BIO *b, char *out, int room) {
  kl_tls *t = BIO_get_data(b);
  BIO_clear_retry_flags(b);
  size_t held = t->held.len - t->held_at, n = held ? held : t->n_lent;
  if (n == 0 || room <= 0) {
    BIO_set_retry_read(b);
    return -1;
  }
  if (n > (size_t)room) n = (size_t)room;
  memcpy(out, held ? t->held.data + t->held_at : t->lent, n);
  if (held) {
    t->held_at += n;
    if (t->held_at == t->held.len) {
      kl_buf_free(&t->held);
      t->held_at = 0;
    }
  } else {
    t->lent += n;
    t->n_lent -= n;
  }
  return (int)n;
}

static long input_control(BIO *b, int command, long number, void *pointer) {
  const kl_tls *t = BIO_get_data(b);
  (void)number;
  (void)pointer;
  if (command == BIO_CTRL_PENDING) return (long)(t->held.len - t->held_at + t->n_lent);
  return command == BIO_CTRL_FLUSH;
}

static void make_input_method(void) {
  input_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "bytes at hand");
  if (!input_method) return;
  BIO_meth_set_read(input_method, input_read);
  BIO_meth_set_ctrl(input_method, input_control);
}

static BIO *new_input(kl_tls *t) {
  pthread_once(&input_once, make_input_method);
  BIO *b = input_method ? BIO_new(input_method) : NULL;
  if (!b) return NULL;
  BIO_set_data(b, t);
  BIO_set_init(b, 1);
  return b;
}

bool kl_tls_input(kl_tls *t, const void *p, size_t n) {
  if (!kl_tls_input_end(t)) return false;
  t->lent = p;
  t->n_lent = n;
  return true;
}

bool kl_tls_input_end(kl_tls *t) {
  if (t->n_lent) kl_buf_add(&t->held, t->lent, t->n_lent);
  t->n_lent = 0;
  return !t->held.failed;
}

static bool set_host(SSL *ssl, const char *host) {
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host)) return true;
  ERR_clear_error();
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set1_host(ssl, host) && SSL_set_tlsext_host_name(ssl, host);
}

kl_tls *kl_tls_new(const char *ca_file, const char *host, kl_error *e) {
  SSL_CTX *ctx = get_context(ca_file, e);
  if (!ctx) return NULL;
  kl_tls *t = calloc(1, sizeof *t);
  if (t) {
    t->host = strdup(host);
    t->ssl = SSL_new(ctx);
    t->in = new_input(t);
    t->out = BIO_new(BIO_s_mem());
  }
  SSL_CTX_free(ctx);
  if (!t || !t->host || !t->ssl || !t->in || !t->out || !set_host(t->ssl, host)) {
    kl_error_set(e, KL_ERR_INTERNAL, "TLS to '%s' cannot be set up: not enough memory, or the name is too long", host);
    if (t) {
      BIO_free(t->in);
      BIO_free(t->out);
      SSL_free(t->ssl);
      free(t->host);
      free(t);
    }
    return NULL;
  }
  SSL_set_bio(t->ssl, t->in, t->out);
  SSL_set_connect_state(t->ssl);
  return t;
}

void kl_tls_free(kl_tls *t) {
  if (!t) return;
  SSL_free(t->ssl);
  kl_buf_free(&t->held);
  free(t->host);
  free(t);
}

size_t kl_tls_output(kl_tls *t, const char **p) {
  char *data = NULL;
  long n = BIO_get_mem_data(t->out, &data);
  *p = data;
  return n > 0 ? (size_t)n : 0;
}

void kl_tls_output_done(kl_tls *t) { (void)BIO_reset(t->out); }

static void describe_failure(kl_tls *t, const char *doing, kl_error *e) {
  char reason[160];
  long verify = SSL_get_verify_result(t->ssl);
  openssl_reason(reason, sizeof reason);
  if (verify == X509_V_ERR_HOSTNAME_MISMATCH || verify == X509_V_ERR_IP_ADDRESS_MISMATCH) {
    kl_error_coded(e, KL_ERR_CONFIG, "certificate_untrusted",
                   "the certificate that the server at '%s' shows is for another name: check the address, or whether "
                   "something intercepts the connection",
                   t->host);
  } else if (verify != X509_V_OK) {
    kl_error_coded(e, KL_ERR_CONFIG, "certificate_untrusted",
                   "the certificate of '%s' is not trusted: %s; if an authority of your own signed it, name its "
                   "certificate with --ca FILE",
                   t->host, X509_verify_cert_error_string(verify));
  } else {
    kl_error_coded(e, KL_ERR_NETWORK, "tls_failed", "TLS with '%s' failed %s: %s", t->host, doing, reason);
  }
}

int kl_tls_handshake(kl_tls *t, kl_error *e) {
  ERR_clear_error();
  int rc = SSL_do_handshake(t->ssl);
  if (rc == 1) return 1;
  int why = SSL_get_error(t->ssl, rc);
  if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return 0;
  describe_failure(t, "in the handshake", e);
  return -1;
}

long kl_tls_read(kl_tls *t, char *p, size_t room, bool *ended, kl_error *e) {
  *ended = false;
  ERR_clear_error();
  int n = SSL_read(t->ssl, p, room > INT_MAX ? INT_MAX : (int)room);
  if (n > 0) return n;
  int why = SSL_get_error(t->ssl, n);
  if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return 0;
  if (why == SSL_ERROR_ZERO_RETURN) {
    *ended = true;
    return 0;
  }
  describe_failure(t, "while reading", e);
  return -1;
}

bool kl_tls_write(kl_tls *t, const void *p, size_t n, kl_error *e) {
  const char *at = p;
  while (n) {
    int part = n > 1 << 20 ? 1 << 20 : (int)n;
    ERR_clear_error();
    int rc = SSL_write(t->ssl, at, part);
    if (rc <= 0) {
      describe_failure(t, "while writing", e);
      return false;
    }
    at += rc;
    n -= (size_t)rc;
  }
  return true;
}

void kl_tls_shutdown(kl_tls *t) {
  ERR_clear_error();
  SSL_shutdown(t->ssl);
  ERR_clear_error();
}
