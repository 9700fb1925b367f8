#include "net/http_head.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* End of the head (behind its empty line) or 0. */
static size_t find_end(const char *p, size_t n) {
  size_t i = 0;
  while (i + 4 <= n) {
    const char *cr = memchr(p + i, '\r', n - i - 3);
    if (!cr) return 0;
    i = (size_t)(cr - p);
    if (!memcmp(cr, "\r\n\r\n", 4)) return i + 4;
    i++;
  }
  return 0;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* "HTTP/1.1 101 Switching Protocols" */
static bool read_status_line(const char *p, size_t n, kl_http_head *h) {
  if (n < 12 || memcmp(p, "HTTP/1.", 7) != 0 || !is_digit(p[7]) || p[8] != ' ') return false;
  if (!is_digit(p[9]) || !is_digit(p[10]) || !is_digit(p[11]) || p[9] == '0') return false;
  if (n > 12 && p[12] != ' ') return false;
  h->status = (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
  h->reason = n > 13 ? p + 13 : p + n;
  h->reason_len = n > 13 ? n - 13 : 0;
  return true;
}

/* A header name: RFC 9110, 5.6.2. */
static bool is_token(const char *p, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (p[i] <= ' ' || p[i] > '~' || strchr("\"(),/:;<=>?@[\\]{}", p[i])) return false;
  }
  return n > 0;
}

static bool check_fields(const kl_http_head *h) {
  for (size_t at = 0; at < h->fields_len;) {
    const char *line = h->fields + at;
    const char *end = memchr(line, '\r', h->fields_len - at);
    if (!end || end[1] != '\n') return false;
    const char *colon = memchr(line, ':', (size_t)(end - line));
    if (!colon || !is_token(line, (size_t)(colon - line))) return false;
    if (memchr(line, '\n', (size_t)(end - line)) || memchr(line, 0, (size_t)(end - line))) return false;
    at += (size_t)(end - line) + 2;
  }
  return true;
}

/* What has come so far must be able to become a head: an answer that is not HTTP is told at once, not by a timeout. */
static bool may_become_head(const char *p, size_t n) {
  static const char start[] = "HTTP/1.";
  size_t m = n < sizeof start - 1 ? n : sizeof start - 1;
  return memcmp(p, start, m) == 0;
}

int kl_http_head_read(const char *p, size_t n, kl_http_head *h) {
  size_t skipped = 0;
  for (;;) {
    const char *at = p + skipped;
    size_t left = n - skipped;
    size_t most = KL_HTTP_HEAD_MAX - skipped;
    if (left && !may_become_head(at, left)) return -1;
    size_t len = find_end(at, left < most ? left : most);
    if (!len) return left >= most ? -1 : 0;
    size_t line = (size_t)((const char *)memchr(at, '\r', len) - at);
    if (at[line + 1] != '\n' || !read_status_line(at, line, h)) return -1;
    h->fields = at + line + 2;
    h->fields_len = len - line - 4;
    if (!check_fields(h)) return -1;
    h->len = skipped + len;
    if (h->status >= 200 || h->status == 101) return 1;
    skipped += len;
    if (skipped >= KL_HTTP_HEAD_MAX) return -1;
  }
}

bool kl_http_head_next(const kl_http_head *h, size_t *cursor, kl_http_field *f) {
  if (*cursor >= h->fields_len) return false;
  const char *line = h->fields + *cursor;
  const char *end = memchr(line, '\r', h->fields_len - *cursor);
  const char *colon = end ? memchr(line, ':', (size_t)(end - line)) : NULL;
  if (!colon) return false;
  const char *value = colon + 1;
  const char *stop = end;
  while (value < stop && (*value == ' ' || *value == '\t'))
    value++;
  while (stop > value && (stop[-1] == ' ' || stop[-1] == '\t'))
    stop--;
  *f = (kl_http_field){line, value, (size_t)(colon - line), (size_t)(stop - value)};
  *cursor += (size_t)(end - line) + 2;
  return true;
}

bool kl_http_field_is(const kl_http_field *f, const char *name) {
  return strlen(name) == f->name_len && !strncasecmp(f->name, name, f->name_len);
}

bool kl_http_field_has_token(const kl_http_field *f, const char *token) {
  size_t want = strlen(token);
  const char *p = f->value, *end = f->value + f->value_len;
  while (p < end) {
    const char *comma = memchr(p, ',', (size_t)(end - p));
    const char *stop = comma ? comma : end;
    const char *next = comma ? comma + 1 : end;
    while (p < stop && (*p == ' ' || *p == '\t'))
      p++;
    while (stop > p && (stop[-1] == ' ' || stop[-1] == '\t'))
      stop--;
    if ((size_t)(stop - p) == want && !strncasecmp(p, token, want)) return true;
    p = next;
  }
  return false;
}

bool kl_http_head_get(const kl_http_head *h, const char *name, char *out, size_t cap) {
  kl_http_field f;
  for (size_t cursor = 0; kl_http_head_next(h, &cursor, &f);) {
    if (!kl_http_field_is(&f, name)) continue;
    size_t n = f.value_len < cap - 1 ? f.value_len : cap - 1;
    memcpy(out, f.value, n);
    out[n] = 0;
    return true;
  }
  out[0] = 0;
  return false;
}

typedef struct {
  char *to;
  size_t len, cap;
} sink;

static void put(sink *s, const char *p, size_t n) {
  size_t room = s->cap - 1 - s->len;
  if (n > room) n = room;
  if (n) memcpy(s->to + s->len, p, n);
  s->len += n;
}

static bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

/* RFC 9112, 7.1. True when the last chunk is there, or when what is there makes no sense. */
static bool join_chunks(const char *p, size_t n, sink *s) {
  size_t at = 0;
  for (;;) {
    const char *nl = memchr(p + at, '\n', n - at);
    if (!nl) return false;
    char digits[17] = "";
    size_t d = 0;
    while (d < sizeof digits - 1 && is_hex(p[at + d])) {
      digits[d] = p[at + d];
      d++;
    }
    if (d == 0 || d == sizeof digits - 1) return true;
    size_t size = (size_t)strtoull(digits, NULL, 16);
    if (size == 0) return true;
    at = (size_t)(nl - p) + 1;
    size_t have = n - at;
    put(s, p + at, size < have ? size : have);
    if (size > have || have - size < 2) return false;
    at += size + 2;
  }
}

size_t kl_http_body_read(const kl_http_head *h, const char *p, size_t n, char *out, size_t cap, bool *whole) {
  sink s = {out, 0, cap};
  char value[64];
  const char *body = p + h->len;
  size_t have = n - h->len;
  *whole = false;
  if (h->status == 204 || h->status == 304) {
    *whole = true;
  } else if (kl_http_head_get(h, "Transfer-Encoding", value, sizeof value) && !strcasecmp(value, "chunked")) {
    *whole = join_chunks(body, have, &s);
  } else if (kl_http_head_get(h, "Content-Length", value, sizeof value) && is_digit(value[0])) {
    unsigned long long length = strtoull(value, NULL, 10);
    *whole = have >= length;
    put(&s, body, *whole ? (size_t)length : have);
  } else {
    put(&s, body, have);
  }
  out[s.len] = 0;
  return s.len;
}
