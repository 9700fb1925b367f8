/* One HTTP call: its curl handle and what it makes of the answer. The loop's part is http.c. */
#ifndef KL_HTTP_INTERNAL_H
#define KL_HTTP_INTERNAL_H

#include <curl/curl.h>

#include "base/list.h"
#include "net/http.h"
#include "net/url.h"

struct kl_http_call {
  kl_list link;
  kl_http *h;
  kl_http_cb cb;
  void *data;
  bool told; /* the callback was called, or is being called */

  CURL *easy;
  kl_url url;
  struct curl_slist *headers;
  char *body; /* sent */
  kl_buf answer;
  size_t max_body;
  bool too_long, out_of_memory;
  int64_t timeout_ms;
  int64_t started_ns, date_ms;

  bool repeatable;    /* GET and HEAD: sending it twice does no harm */
  bool connected;     /* a connection was ready to take the request */
  bool repeat_denied; /* curl wanted to send it a second time */
  long sent_before;   /* bytes that curl had counted as sent at that moment */
  char curl_text[CURL_ERROR_SIZE];
};

/* Builds the call, ready for curl_multi_add_handle. Everything is copied. NULL with `e`. */
kl_http_call *kl_http_call_new(const kl_http_request *r, const char *ca_file, const char *user_agent, kl_error *e);
void kl_http_call_free(kl_http_call *c);

/* Whether some of the request may have reached the server. */
bool kl_http_call_sent(kl_http_call *c);
/* Why it failed. */
void kl_http_call_error(kl_http_call *c, CURLcode rc, kl_error *e);
/* The answer; borrows from the call. */
void kl_http_call_response(kl_http_call *c, kl_http_response *res);

#endif
