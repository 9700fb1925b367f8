#include "net/redirect.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/url.h"

/* The absolute address, owned; NULL when there is none. */
static char *resolve(const char *url, const char *location, bool *out_of_memory) {
  char *text = NULL, *own = NULL;
  CURLU *u = curl_url();
  *out_of_memory = !u;
  if (u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
      curl_url_set(u, CURLUPART_URL, location, CURLU_URLENCODE | CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
      curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK &&
      curl_url_get(u, CURLUPART_URL, &text, 0) == CURLUE_OK) {
    own = strdup(text);
    *out_of_memory = !own;
    curl_free(text);
  }
  curl_url_cleanup(u);
  return own;
}

static bool same_origin(const kl_url *a, const kl_url *b) {
  return a->tls == b->tls && a->port == b->port && !strcasecmp(a->host, b->host);
}

static bool check_way(const kl_url *from, const char *next, kl_redirect *out, kl_error *e) {
  kl_url to;
  kl_error why = {0};
  if (!kl_url_parse(&to, KL_URL_HTTP, next, &why)) {
    kl_error_coded(e, KL_ERR_PROTOCOL, "redirect_refused", "'%s' redirects to where it is not followed: %s",
                   from->authority, why.message);
    return false;
  }
  bool ok = to.tls || !from->tls;
  if (!ok)
    kl_error_coded(e, KL_ERR_PROTOCOL, "redirect_refused",
                   "'%s' redirects from https to http ('%s'), which is not followed", from->authority, to.authority);
  out->other_origin = !same_origin(from, &to);
  kl_url_free(&to);
  return ok;
}

static bool read_location(kl_redirect *out, const kl_url *from, const char *url, const char *location, kl_error *e) {
  bool out_of_memory;
  out->url = resolve(url, location, &out_of_memory);
  if (out->url) return check_way(from, out->url, out, e);
  if (out_of_memory)
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory to follow '%s'", from->authority);
  else
    kl_error_coded(e, KL_ERR_PROTOCOL, "redirect_refused", "'%s' redirects to something that is no address: '%.200s'",
                   from->authority, strchr(location, '@') ? "…" : location);
  return false;
}

int kl_redirect_read(kl_redirect *out, const char *method, const char *url, const kl_http_response *res, kl_error *e) {
  int status = res->status;
  bool head = !strcmp(method, "HEAD"), post = !strcmp(method, "POST");
  *out = (kl_redirect){.to_get = (status == 303 && !head) || (post && (status == 301 || status == 302))};
  if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308) return 0;
  kl_http_field f = {0};
  size_t at = 0;
  bool found = false;
  while (!found && kl_http_head_next(&res->head, &at, &f))
    found = kl_http_field_is(&f, "Location");
  if (!found) return 0;
  char *location = strndup(f.value, f.value_len);
  kl_url from = {0};
  bool ok = location && kl_url_parse(&from, KL_URL_HTTP, url, e);
  if (!location) kl_error_set(e, KL_ERR_INTERNAL, "not enough memory to follow a redirect");
  ok = ok && read_location(out, &from, url, location, e);
  kl_url_free(&from);
  free(location);
  if (ok) return 1;
  free(out->url);
  out->url = NULL;
  return -1;
}
