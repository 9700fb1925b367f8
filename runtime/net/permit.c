#include "net/permit.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_HOST = 253 };

typedef struct {
  char host[MAX_HOST + 1]; /* without brackets, wildcard and final dot */
  bool below;              /* "*." stood before it */
  long port;               /* 0: any */
} pattern;

static size_t without_dot(const char *host, size_t n) { return n > 1 && host[n - 1] == '.' ? n - 1 : n; }

static bool is_name(const char *p, size_t n) {
  if (n == 0 || n > MAX_HOST || *p == '.') return false;
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)p[i];
    if (c <= 0x20 || c == 0x7F || strchr("/?#@:[]*\\,", c)) return false;
    if (c == '.' && i + 1 < n && p[i + 1] == '.') return false;
  }
  return true;
}

static bool read_port(const char *p, long *port) {
  char *end;
  if (*p < '1' || *p > '9') return false;
  *port = strtol(p, &end, 10);
  return !*end && *port <= 65535;
}

/* "::1", "[::1]" and "[::1]:80". */
static bool read_v6(const char *text, pattern *out) {
  struct in6_addr a;
  size_t n = strlen(text);
  if (*text == '[') {
    const char *end = strchr(text, ']');
    if (!end || (end[1] && (end[1] != ':' || !read_port(end + 2, &out->port)))) return false;
    text++;
    n = (size_t)(end - text);
  }
  if (n == 0 || n > MAX_HOST) return false;
  memcpy(out->host, text, n);
  out->host[n] = 0;
  return inet_pton(AF_INET6, out->host, &a) == 1;
}

static bool read_pattern(const char *text, pattern *out) {
  *out = (pattern){.port = 0};
  const char *colon = strchr(text, ':');
  if (*text == '[' || (colon && strchr(colon + 1, ':'))) return read_v6(text, out);
  if (!strncmp(text, "*.", 2)) {
    out->below = true;
    text += 2;
  }
  size_t n = without_dot(text, colon ? (size_t)(colon - text) : strlen(text));
  if (!is_name(text, n) || (colon && !read_port(colon + 1, &out->port))) return false;
  memcpy(out->host, text, n);
  out->host[n] = 0;
  return true;
}

bool kl_permit_check(const char *text, kl_error *e) {
  pattern p;
  if (read_pattern(text, &p)) return true;
  kl_error_coded(e, KL_ERR_VALIDATION, "permission_malformed",
                 "'%.200s' names no host: it takes host, host:port, *.host or *.host:port, without https:// and path",
                 text);
  return false;
}

static bool same_v6(const char *a, const char *b) {
  struct in6_addr x, y;
  return inet_pton(AF_INET6, a, &x) == 1 && inet_pton(AF_INET6, b, &y) == 1 && !memcmp(&x, &y, sizeof x);
}

static bool matches(const pattern *p, const kl_url *u) {
  if (p->port && p->port != u->port) return false;
  if (strchr(u->host, ':')) return same_v6(p->host, u->host);
  size_t n = without_dot(u->host, strlen(u->host)), own = strlen(p->host);
  if (!p->below) return n == own && !strncasecmp(u->host, p->host, n);
  return !u->is_ip && n > own + 1 && u->host[n - own - 1] == '.' && !strncasecmp(u->host + n - own, p->host, own);
}

bool kl_permit_allows(const char *const *patterns, const kl_url *u) {
  for (; patterns && *patterns; patterns++) {
    pattern p;
    if (read_pattern(*patterns, &p) && matches(&p, u)) return true;
  }
  return false;
}
