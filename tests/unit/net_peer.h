/* A server for the tests of the network clients, on the client's own loop: it listens on 127.0.0.1, plain or with TLS,
 * and does what the test's callback says with what comes in. */
#ifndef NET_PEER_H
#define NET_PEER_H

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

#include "base/buf.h"

typedef struct peer peer;

typedef struct peer_conn {
  uv_tcp_t tcp;
  peer *p;
  struct peer_conn *next;
  int number; /* of this connection, from 1 */
  kl_buf in;  /* what came and was not taken yet */
  SSL *ssl;
  bool closing;
  char raw[65536];
} peer_conn;

struct peer {
  uv_loop_t *loop;
  uv_tcp_t listener;
  int port;
  int accepted;
  int ended; /* connections that the client ended */
  SSL_CTX *tls;
  peer_conn *conns;
  void (*on_data)(peer_conn *c); /* more bytes are in c->in */
  void *data;
};

static inline void peer_conn_closed(uv_handle_t *h) {
  peer_conn *c = h->data;
  kl_buf_free(&c->in);
  SSL_free(c->ssl);
  free(c);
}

static inline void peer_hang_up(peer_conn *c) {
  if (c->closing) return;
  c->closing = true;
  for (peer_conn **at = &c->p->conns; *at; at = &(*at)->next) {
    if (*at == c) {
      *at = c->next;
      break;
    }
  }
  uv_close((uv_handle_t *)&c->tcp, peer_conn_closed);
}

static inline void peer_written(uv_write_t *w, int rc) {
  (void)rc;
  free(w->data);
  free(w);
}

static inline void peer_write_raw(peer_conn *c, const void *p, size_t n) {
  uv_write_t *w = malloc(sizeof *w);
  char *copy = malloc(n ? n : 1);
  assert_non_null(w);
  assert_non_null(copy);
  memcpy(copy, p, n);
  w->data = copy;
  uv_buf_t b = uv_buf_init(copy, (unsigned)n);
  assert_int_equal(uv_write(w, (uv_stream_t *)&c->tcp, &b, 1, peer_written), 0);
}

static inline void peer_flush_tls(peer_conn *c) {
  char *p;
  long n = BIO_get_mem_data(SSL_get_wbio(c->ssl), &p);
  if (n > 0) peer_write_raw(c, p, (size_t)n);
  (void)BIO_reset(SSL_get_wbio(c->ssl));
}

static inline void peer_write(peer_conn *c, const void *p, size_t n) {
  if (c->closing || n == 0) return;
  if (!c->ssl) {
    peer_write_raw(c, p, n);
    return;
  }
  assert_int_equal(SSL_write(c->ssl, p, (int)n), (int)n);
  peer_flush_tls(c);
}

static inline void peer_say(peer_conn *c, const char *text) { peer_write(c, text, strlen(text)); }

/* Ends the connection after all that was written has gone out. */
static inline void peer_shut(uv_shutdown_t *r, int rc) {
  (void)rc;
  peer_hang_up(r->data);
  free(r);
}
static inline void peer_finish(peer_conn *c) {
  uv_shutdown_t *r = malloc(sizeof *r);
  assert_non_null(r);
  r->data = c;
  if (uv_shutdown(r, (uv_stream_t *)&c->tcp, peer_shut) != 0) {
    free(r);
    peer_hang_up(c);
  }
}

static inline void peer_alloc(uv_handle_t *h, size_t n, uv_buf_t *b) {
  peer_conn *c = h->data;
  (void)n;
  *b = uv_buf_init(c->raw, sizeof c->raw);
}

static inline void peer_decrypt(peer_conn *c, size_t n) {
  char plain[4096];
  int got;
  BIO_write(SSL_get_rbio(c->ssl), c->raw, (int)n);
  while ((got = SSL_read(c->ssl, plain, sizeof plain)) > 0)
    kl_buf_add(&c->in, plain, (size_t)got);
  peer_flush_tls(c);
}

static inline void peer_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b) {
  peer_conn *c = s->data;
  (void)b;
  if (n < 0) {
    c->p->ended++;
    peer_hang_up(c);
    return;
  }
  if (n == 0) return;
  size_t before = c->in.len;
  if (c->ssl)
    peer_decrypt(c, (size_t)n);
  else
    kl_buf_add(&c->in, c->raw, (size_t)n);
  if (c->in.len > before && c->p->on_data) c->p->on_data(c);
}

static inline void peer_accept(uv_stream_t *s, int rc) {
  peer *p = s->data;
  assert_int_equal(rc, 0);
  peer_conn *c = calloc(1, sizeof *c);
  assert_non_null(c);
  c->p = p;
  c->number = ++p->accepted;
  assert_int_equal(uv_tcp_init(p->loop, &c->tcp), 0);
  c->tcp.data = c;
  assert_int_equal(uv_accept(s, (uv_stream_t *)&c->tcp), 0);
  c->next = p->conns;
  p->conns = c;
  if (p->tls) {
    c->ssl = SSL_new(p->tls);
    assert_non_null(c->ssl);
    SSL_set_bio(c->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(c->ssl);
  }
  uv_read_start((uv_stream_t *)&c->tcp, peer_alloc, peer_read);
}

static inline void peer_open(peer *p, uv_loop_t *loop, void (*on_data)(peer_conn *)) {
  struct sockaddr_in a;
  int n = sizeof a;
  memset(p, 0, sizeof *p);
  p->loop = loop;
  p->on_data = on_data;
  assert_int_equal(uv_tcp_init(loop, &p->listener), 0);
  p->listener.data = p;
  uv_ip4_addr("127.0.0.1", 0, &a);
  assert_int_equal(uv_tcp_bind(&p->listener, (struct sockaddr *)&a, 0), 0);
  assert_int_equal(uv_listen((uv_stream_t *)&p->listener, 16, peer_accept), 0);
  assert_int_equal(uv_tcp_getsockname(&p->listener, (struct sockaddr *)&a, &n), 0);
  p->port = ntohs(a.sin_port);
}

static inline void peer_close(peer *p) {
  if (!uv_is_closing((uv_handle_t *)&p->listener)) uv_close((uv_handle_t *)&p->listener, NULL);
  while (p->conns)
    peer_hang_up(p->conns);
  SSL_CTX_free(p->tls);
  p->tls = NULL;
}

/* Gives the peer a self-signed certificate for `names` ("DNS:localhost,IP:127.0.0.1") and writes it as PEM to `path`,
 * a template for mkstemp. */
static inline void peer_use_tls(peer *p, const char *names, char *path) {
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *x = X509_new();
  assert_non_null(key);
  assert_non_null(x);
  X509_set_version(x, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
  X509_gmtime_adj(X509_getm_notBefore(x), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x), 3600);
  X509_set_pubkey(x, key);
  X509_NAME *name = X509_get_subject_name(x);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
  X509_set_issuer_name(x, name);
  X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
  assert_non_null(ext);
  X509_add_ext(x, ext, -1);
  X509_EXTENSION_free(ext);
  assert_true(X509_sign(x, key, EVP_sha256()) > 0);
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  FILE *f = fdopen(fd, "w");
  assert_non_null(f);
  assert_int_equal(PEM_write_X509(f, x), 1);
  fclose(f);
  p->tls = SSL_CTX_new(TLS_server_method());
  assert_non_null(p->tls);
  assert_int_equal(SSL_CTX_use_certificate(p->tls, x), 1);
  assert_int_equal(SSL_CTX_use_PrivateKey(p->tls, key), 1);
  X509_free(x);
  EVP_PKEY_free(key);
}

/* Length of the HTTP request at the front of c->in, its body included; 0 while it is not whole. */
static inline size_t peer_request(peer_conn *c) {
  char *end = c->in.data ? strstr(c->in.data, "\r\n\r\n") : NULL;
  if (!end) return 0;
  size_t head = (size_t)(end - c->in.data) + 4, body = 0;
  const char *length = strcasestr(c->in.data, "\r\nContent-Length:");
  if (length && length < end) body = (size_t)strtoul(length + 17, NULL, 10);
  return c->in.len >= head + body ? head + body : 0;
}

static inline void peer_take(peer_conn *c, size_t n) {
  memmove(c->in.data, c->in.data + n, c->in.len - n + 1);
  c->in.len -= n;
}

#endif
