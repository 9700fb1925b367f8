/* Single fields of a raw message, for the few that the decoder leaves alone. */
#include <string.h>

#include "kalshi/feed_internal.h"

/* The end of the string that begins at s[i] == '"': the index behind its closing quote, n when there is none. */
static size_t string_end(const char *s, size_t n, size_t i) {
  for (i++; i < n; i++) {
    if (s[i] == '\\') {
      i++;
    } else if (s[i] == '"') {
      return i + 1;
    }
  }
  return n;
}

static size_t space_end(const char *s, size_t n, size_t i) {
  while (i < n && (s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r'))
    i++;
  return i;
}

/* The end of the value that begins at s[i]. */
static size_t value_end(const char *s, size_t n, size_t i) {
  int depth = 0;
  while (i < n) {
    switch (s[i]) {
    case '"':
      i = string_end(s, n, i);
      if (!depth) return i;
      continue;
    case '{':
    case '[':
      depth++;
      break;
    case '}':
    case ']':
      if (!depth) return i;
      if (!--depth) return i + 1;
      break;
    case ',':
      if (!depth) return i;
      break;
    default:
      break;
    }
    i++;
  }
  return n;
}

/* The member `key` of the object that begins at s[0] == '{'. */
static bool find_member(const char *s, size_t n, const char *key, kl_str *value) {
  size_t key_len = strlen(key), i = 0;
  if (!n || s[0] != '{') return false;
  for (i = 1; i < n;) {
    i = space_end(s, n, i);
    if (i >= n || s[i] != '"') return false;
    size_t end = string_end(s, n, i);
    bool hit = end - i == key_len + 2 && !memcmp(s + i + 1, key, key_len);
    i = space_end(s, n, end);
    if (i >= n || s[i] != ':') return false;
    i = space_end(s, n, i + 1);
    end = value_end(s, n, i);
    if (hit) {
      while (end > i && (s[end - 1] == ' ' || s[end - 1] == '\t' || s[end - 1] == '\n' || s[end - 1] == '\r'))
        end--;
      *value = (kl_str){s + i, (uint32_t)(end - i)};
      return true;
    }
    i = space_end(s, n, end);
    if (i >= n || s[i] != ',') return false;
    i++;
  }
  return false;
}

bool kl_feed_scan_msg(const char *raw, size_t n, const char *key, kl_str *value) {
  kl_str msg;
  size_t start = space_end(raw, n, 0);
  return find_member(raw + start, n - start, "msg", &msg) && find_member(msg.p, msg.n, key, value);
}

bool kl_feed_scan_unquote(kl_str value, kl_str *out) {
  if (value.n < 2 || value.p[0] != '"' || value.p[value.n - 1] != '"') return false;
  *out = (kl_str){value.p + 1, value.n - 2};
  return true;
}

bool kl_feed_scan_string(kl_str *array, kl_str *out) {
  const char *quote = array->n ? memchr(array->p, '"', array->n) : NULL;
  if (!quote) return false;
  size_t at = (size_t)(quote - array->p), end = string_end(array->p, array->n, at);
  if (end < at + 2) return false;
  *out = (kl_str){quote + 1, (uint32_t)(end - at - 2)};
  *array = (kl_str){array->p + end, (uint32_t)(array->n - end)};
  return true;
}

int64_t kl_feed_scan_number(const char *raw, size_t n, const char *key) {
  const char *at = memmem(raw, n, key, strlen(key));
  if (!at) return 0;
  size_t i = space_end(raw, n, (size_t)(at - raw) + strlen(key));
  if (i >= n || raw[i] != ':') return 0;
  int64_t number = 0;
  for (i = space_end(raw, n, i + 1); i < n && raw[i] >= '0' && raw[i] <= '9' && number < INT64_C(1000000000000000); i++)
    number = number * 10 + (raw[i] - '0');
  return number;
}
