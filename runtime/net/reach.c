#include "net/reach.h"

#include <curl/curl.h>
#include <netdb.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "net/http_internal.h"

struct kl_reach {
  pthread_mutex_t mutex; /* of `refs` and `done` */
  int refs;              /* the thread, and who started it */
  bool done;
  kl_url url;
  char *ca_file;
  int timeout_ms;
  kl_reach_facts facts; /* the thread's until it is done */
};

static void let_go(kl_reach *r, bool done) {
  pthread_mutex_lock(&r->mutex);
  r->done = r->done || done;
  int left = --r->refs;
  pthread_mutex_unlock(&r->mutex);
  if (left) return;
  pthread_mutex_destroy(&r->mutex);
  kl_url_free(&r->url);
  free(r->ca_file);
  free(r);
}

/* ---- the name ---- */

static void resolve(kl_reach *r) {
  kl_reach_facts *f = &r->facts;
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *all = NULL;
  int64_t began_ns = kl_mono_ns(kl_clock_real());
  int rc = getaddrinfo(r->url.host, NULL, &hints, &all);
  if (!r->url.is_ip) f->resolve_us = (kl_mono_ns(kl_clock_real()) - began_ns) / 1000;
  f->resolved = rc == 0;
  if (rc != 0) snprintf(f->resolve_error, sizeof f->resolve_error, "%s", gai_strerror(rc));
  for (struct addrinfo *a = all; a; a = a->ai_next) {
    if (f->addresses++ == 0)
      getnameinfo(a->ai_addr, a->ai_addrlen, f->address, sizeof f->address, NULL, 0, NI_NUMERICHOST);
  }
  if (all) freeaddrinfo(all);
}

/* ---- TLS ---- */

static int facts_slot = -1; /* of an SSL_CTX: the kl_reach_facts that its handshake is for */
static pthread_once_t slot_once = PTHREAD_ONCE_INIT;
static void take_slot(void) { facts_slot = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL); }

static void read_certificate(const X509 *cert, kl_reach_facts *f) {
  struct tm end;
  const X509_NAME *issuer = X509_get_issuer_name(cert);
  X509_NAME *name = X509_NAME_dup(issuer);
  char common[128] = "";
  if (name && X509_NAME_get_text_by_NID(name, NID_organizationName, f->issuer, sizeof f->issuer) < 0) f->issuer[0] = 0;
  if (name && X509_NAME_get_text_by_NID(name, NID_commonName, common, sizeof common) > 0) {
    size_t n = strlen(f->issuer);
    snprintf(f->issuer + n, sizeof f->issuer - n, "%s%s", n ? " " : "", common);
  }
  X509_NAME_free(name);
  if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &end) == 1) f->ends_ms = (int64_t)timegm(&end) * 1000;
}

static void shaken_hands(const SSL *ssl, int where, int result) {
  (void)result;
  if (!(where & SSL_CB_HANDSHAKE_DONE)) return;
  kl_reach_facts *f = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), facts_slot);
  if (!f) return;
  X509 *cert = SSL_get1_peer_certificate(ssl);
  snprintf(f->tls_version, sizeof f->tls_version, "%s", SSL_get_version(ssl));
  if (cert) read_certificate(cert, f);
  X509_free(cert);
}

static CURLcode take_context(CURL *easy, void *context, void *data) {
  (void)easy;
  if (facts_slot < 0 || SSL_CTX_set_ex_data(context, facts_slot, data) != 1) return CURLE_OUT_OF_MEMORY;
  SSL_CTX_set_info_callback(context, shaken_hands);
  return CURLE_OK;
}

/* Connects and shakes hands; without `verify` whoever is there. */
static CURLcode shake_hands(kl_reach *r, bool verify, char why[CURL_ERROR_SIZE]) {
  char url[512];
  curl_off_t name_us = 0, connect_us = 0, tls_us = 0;
  CURL *easy = curl_easy_init();
  why[0] = 0;
  if (!easy) return CURLE_OUT_OF_MEMORY;
  snprintf(url, sizeof url, "https://%s/", r->url.authority);
  bool bad = !kl_http_set_trust(easy, r->ca_file);
  bad |= curl_easy_setopt(easy, CURLOPT_URL, url) != CURLE_OK;
  bad |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) != CURLE_OK;
  bad |= curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L) != CURLE_OK;
  bad |= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms) != CURLE_OK;
  bad |= curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) != CURLE_OK;
  bad |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, why) != CURLE_OK;
  bad |= curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, take_context) != CURLE_OK;
  bad |= curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, &r->facts) != CURLE_OK;
  if (r->url.loopback) bad |= curl_easy_setopt(easy, CURLOPT_PROXY, "") != CURLE_OK;
  if (!verify) bad |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L) != CURLE_OK;
  if (!verify) bad |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L) != CURLE_OK;
  CURLcode rc = bad ? CURLE_OUT_OF_MEMORY : curl_easy_perform(easy);
  curl_easy_getinfo(easy, CURLINFO_NAMELOOKUP_TIME_T, &name_us);
  curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connect_us);
  curl_easy_getinfo(easy, CURLINFO_APPCONNECT_TIME_T, &tls_us);
  if (connect_us > 0) r->facts.connect_us = connect_us > name_us ? connect_us - name_us : 1;
  if (tls_us > connect_us) r->facts.tls_us = tls_us - connect_us;
  curl_easy_cleanup(easy);
  return rc;
}

static void look(kl_reach *r) {
  kl_reach_facts *f = &r->facts;
  char why[CURL_ERROR_SIZE], other[CURL_ERROR_SIZE];
  if (!f->proxy[0]) resolve(r);
  if (!r->url.tls || (!f->proxy[0] && !f->resolved)) return;
  CURLcode rc = shake_hands(r, true, why);
  f->trusted = rc == CURLE_OK;
  if (f->trusted) return;
  snprintf(f->error, sizeof f->error, "%s", why[0] ? why : curl_easy_strerror(rc));
  /* Whose certificate it is says who is in between. */
  if (rc == CURLE_PEER_FAILED_VERIFICATION && !f->ends_ms) (void)shake_hands(r, false, other);
}

static atomic_int under_way;

bool kl_reach_under_way(void) { return atomic_load(&under_way) > 0; }

static void *run(void *data) {
  look(data);
  let_go(data, true);
  OPENSSL_thread_stop(); /* else at the end of the thread, when the process may be ending */
  atomic_fetch_sub(&under_way, 1);
  return NULL;
}

/* ---- for who waits ---- */

kl_reach *kl_reach_start(const kl_url *url, const char *ca_file, int timeout_ms, kl_error *e) {
  kl_url proxy = {0};
  pthread_t thread;
  pthread_once(&slot_once, take_slot);
  if (url->tls && !url->loopback && !kl_proxy_find(url, &proxy, e)) return NULL;
  kl_reach *r = calloc(1, sizeof *r);
  bool ok = r != NULL;
  if (ok) {
    pthread_mutex_init(&r->mutex, NULL);
    r->refs = 1;
    r->timeout_ms = timeout_ms;
    r->url = (kl_url){.host = strdup(url->host),
                      .authority = strdup(url->authority),
                      .port = url->port,
                      .tls = url->tls,
                      .loopback = url->loopback,
                      .is_ip = url->is_ip};
    r->ca_file = ca_file ? strdup(ca_file) : NULL;
    if (proxy.host) snprintf(r->facts.proxy, sizeof r->facts.proxy, "%s", proxy.authority);
    ok = r->url.host && r->url.authority && (!ca_file || r->ca_file);
  }
  kl_url_free(&proxy);
  if (ok) {
    r->refs = 2;
    atomic_fetch_add(&under_way, 1);
    ok = pthread_create(&thread, NULL, run, r) == 0;
    if (ok) {
      pthread_detach(thread);
    } else {
      atomic_fetch_sub(&under_way, 1);
      r->refs = 1;
    }
  }
  if (ok) return r;
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for a thread");
  if (r) let_go(r, false);
  return NULL;
}

bool kl_reach_done(kl_reach *r, kl_reach_facts *out) {
  pthread_mutex_lock(&r->mutex);
  bool done = r->done;
  pthread_mutex_unlock(&r->mutex);
  if (done) *out = r->facts;
  return done;
}

void kl_reach_release(kl_reach *r) {
  if (r) let_go(r, false);
}
