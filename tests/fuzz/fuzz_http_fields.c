/* The header lines of an answer as curl hands them over, and the redirect that they may hold. */
#include <stdlib.h>
#include <string.h>

#include "net/http_internal.h"
#include "net/redirect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok) {
  if (!ok) abort();
}

/* What is followed is an address that a call may have, and never goes from https to http. */
static void check_redirect(kl_http_call *c, const char *from) {
  kl_http_response res;
  kl_redirect next;
  kl_error e;
  kl_url u;
  kl_http_call_response(c, &res);
  if (kl_redirect_read(&next, "POST", from, &res, &e) != 1) return;
  check(kl_url_parse(&u, KL_URL_HTTP, next.url, NULL));
  check(u.tls || strncmp(from, "https", 5) != 0);
  check(!strchr(next.url, '#') && !strpbrk(next.url, " \r\n"));
  kl_url_free(&u);
  free(next.url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  kl_http *h = calloc(1, sizeof *h);
  kl_http_call *c = calloc(1, sizeof *c);
  char *text = malloc(size ? size : 1);
  check(h && c && text);
  if (size) memcpy(text, data, size);
  kl_list_init(&h->fresh);
  kl_list_init(&c->fresh);
  c->h = h;
  for (size_t at = 0; at < size;) { /* a line at a time, its end included, in memory of its own */
    const char *end = memchr(text + at, '\n', size - at);
    size_t n = end ? (size_t)(end - text) + 1 - at : size - at;
    char *line = malloc(n);
    check(line != NULL);
    memcpy(line, text + at, n);
    size_t taken = kl_http_on_header(line, 1, n, c);
    free(line);
    if (taken != n) break;
    at += n;
  }
  kl_http_response res;
  kl_http_call_response(c, &res);
  kl_http_field f;
  for (size_t at = 0; kl_http_head_next(&res.head, &at, &f);)
    check(!memchr(f.value, '\r', f.value_len) && !memchr(f.value, '\n', f.value_len) &&
          !memchr(f.value, 0, f.value_len));
  check_redirect(c, "https://a.test/x/y?z");
  check_redirect(c, "http://127.0.0.1:8080/");
  kl_buf_free(&c->fields);
  free(c);
  free(h);
  free(text);
  return 0;
}
