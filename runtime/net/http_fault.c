#include <stdio.h>
#include <string.h>

#include "net/http_internal.h"

static const char *curl_says(kl_http_call *c, CURLcode rc) {
  return c->curl_text[0] ? c->curl_text : curl_easy_strerror(rc);
}

static void describe_connect_failure(kl_http_call *c, CURLcode rc, kl_error *e) {
  long os = 0;
  curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &os);
  if (os)
    kl_error_coded(e, KL_ERR_NETWORK, "connection_failed",
                   "cannot connect to '%s': %s; is it running, and is the port right?", c->url.authority,
                   strerror((int)os));
  else
    kl_error_coded(e, KL_ERR_NETWORK, "connection_failed", "cannot connect to '%s': %s", c->url.authority,
                   curl_says(c, rc));
}

static void describe_timeout(kl_http_call *c, bool sent, kl_error *e) {
  const char *host = c->url.authority;
  if (c->head_whole && c->limit_passed)
    kl_error_coded(e, KL_ERR_TIMEOUT, "no_answer", "'%s' has sent nothing for %lld ms", host,
                   (long long)c->idle_timeout_ms);
  else if (sent && kl_http_call_streams(c) && !c->head_whole)
    kl_error_coded(e, KL_ERR_TIMEOUT, "no_answer", "no answer from '%s' within %lld ms", host,
                   (long long)c->head_timeout_ms);
  else if (sent)
    kl_error_coded(e, KL_ERR_TIMEOUT, "no_answer", "no whole answer from '%s' within %lld ms", host,
                   (long long)c->timeout_ms);
  else
    kl_error_coded(e, KL_ERR_TIMEOUT, "no_connection_in_time", "no connection to '%s' within %lld ms", host,
                   (long long)(kl_http_call_streams(c) ? c->head_timeout_ms : c->timeout_ms));
}

static void describe_own_abort(kl_http_call *c, kl_error *e) {
  if (c->too_long)
    kl_error_coded(e, KL_ERR_PROTOCOL, "answer_too_long", "the answer of '%s' is longer than the %zu bytes allowed",
                   c->url.authority, c->max_body);
  else if (c->no_room)
    kl_error_coded(e, KL_ERR_LIMIT, "queue_ceiling", "there is no room for the answer of '%s'", c->url.authority);
  else if (c->head_too_long)
    kl_error_coded(e, KL_ERR_PROTOCOL, "answer_too_long",
                   "the header fields of the answer of '%s' are longer than 256 KiB", c->url.authority);
  else if (c->out_of_memory)
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the answer of '%s'", c->url.authority);
  else
    kl_error_coded(e, KL_ERR_NETWORK, "connection_lost", "'%s' ended the connection without an answer",
                   c->url.authority);
}

static void describe(kl_http_call *c, CURLcode rc, bool sent, kl_error *e) {
  const char *host = c->url.authority, *says = curl_says(c, rc);
  switch (rc) {
  case CURLE_COULDNT_RESOLVE_HOST:
    kl_error_coded(e, KL_ERR_NETWORK, "host_not_found", "cannot find the host '%s': check the name and the network",
                   c->url.host);
    break;
  case CURLE_COULDNT_RESOLVE_PROXY:
    kl_error_coded(e, KL_ERR_NETWORK, "host_not_found",
                   "cannot find the proxy for '%s' (%s): check the proxy in the environment", host, says);
    break;
  case CURLE_COULDNT_CONNECT:
    describe_connect_failure(c, rc, e);
    break;
  case CURLE_OPERATION_TIMEDOUT:
    describe_timeout(c, sent, e);
    break;
  case CURLE_PEER_FAILED_VERIFICATION:
    kl_error_coded(e, KL_ERR_CONFIG, "certificate_untrusted",
                   "the certificate of '%s' is not trusted: %s; if an authority of your own signed it, name its "
                   "certificate with --ca FILE; if it is for another name, check the address",
                   host, says);
    break;
  case CURLE_SSL_CACERT_BADFILE:
    kl_error_coded(e, KL_ERR_CONFIG, "ca_file_wrong",
                   "the CA certificates cannot be loaded (%s): --ca takes a PEM file", says);
    break;
  case CURLE_SSL_CONNECT_ERROR:
    kl_error_coded(e, KL_ERR_NETWORK, "tls_failed", "TLS with '%s' failed: %s", host, says);
    break;
  case CURLE_FILESIZE_EXCEEDED:
    c->too_long = true;
    describe_own_abort(c, e);
    break;
  case CURLE_WRITE_ERROR:
  case CURLE_ABORTED_BY_CALLBACK:
    describe_own_abort(c, e);
    break;
  case CURLE_GOT_NOTHING:
    kl_error_coded(e, KL_ERR_NETWORK, "connection_lost", "'%s' ended the connection without an answer", host);
    break;
  case CURLE_PARTIAL_FILE:
    kl_error_coded(e, KL_ERR_NETWORK, "connection_lost", "'%s' ended the connection before its answer was complete",
                   host);
    break;
  case CURLE_OUT_OF_MEMORY: /* curl also says so of a header line that is longer than it takes */
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the call to '%s', or a header of its answer is too long",
                 host);
    break;
  case CURLE_UNSUPPORTED_PROTOCOL:
  case CURLE_WEIRD_SERVER_REPLY:
  case CURLE_BAD_CONTENT_ENCODING:
    kl_error_coded(e, KL_ERR_PROTOCOL, "answer_unreadable", "the answer of '%s' is not proper HTTP: %s", host, says);
    break;
  default:
    kl_error_coded(e, KL_ERR_NETWORK, "connection_lost", "the call to '%s' failed: %s", host, says);
  }
}

void kl_http_call_error(kl_http_call *c, kl_error *e) {
  bool sent = kl_http_call_sent(c);
  describe(c, c->rc, sent, e);
  bool passing = !strcmp(e->kind, KL_ERR_NETWORK) || !strcmp(e->kind, KL_ERR_TIMEOUT);
  e->retryable = passing && (!sent || c->repeatable);
  e->sent = sent ? KL_SENT_MAYBE : KL_SENT_NO;
}
