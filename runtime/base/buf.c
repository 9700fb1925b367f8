#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"

void kl_buf_free(kl_buf *b) {
  free(b->data);
  memset(b, 0, sizeof *b);
}

void kl_buf_clear(kl_buf *b) {
  b->len = 0;
  b->failed = false;
  if (b->data) b->data[0] = 0;
}

bool kl_buf_reserve(kl_buf *b, size_t extra) {
  if (b->failed) return false;
  if (b->cap > b->len && extra < b->cap - b->len) return true;
  size_t need;
  if (__builtin_add_overflow(b->len, extra, &need) || need > (b->most ? b->most : SIZE_MAX / 2 - 1)) {
    b->failed = true;
    return false;
  }
  need++;
  size_t cap = b->cap ? b->cap : 64;
  while (cap < need)
    cap *= 2;
  char *grown = realloc(b->data, cap);
  if (!grown) {
    b->failed = true;
    return false;
  }
  b->data = grown;
  b->cap = cap;
  b->data[b->len] = 0;
  return true;
}

void kl_buf_add(kl_buf *b, const void *p, size_t n) {
  if (!kl_buf_reserve(b, n)) return;
  if (n) memcpy(b->data + b->len, p, n);
  b->len += n;
  b->data[b->len] = 0;
}

void kl_buf_str(kl_buf *b, const char *s) { kl_buf_add(b, s, strlen(s)); }

void kl_buf_char(kl_buf *b, char c) {
  if (!kl_buf_reserve(b, 1)) return;
  b->data[b->len++] = c;
  b->data[b->len] = 0;
}

static void vprint(kl_buf *b, const char *fmt, va_list ap) {
  if (!kl_buf_reserve(b, 0)) return;
  va_list again;
  va_copy(again, ap);
  size_t room = b->cap - b->len;
  int n = vsnprintf(b->data + b->len, room, fmt, ap);
  if (n >= 0 && (size_t)n >= room) {
    b->data[b->len] = 0;
    if (kl_buf_reserve(b, (size_t)n)) n = vsnprintf(b->data + b->len, b->cap - b->len, fmt, again);
  }
  va_end(again);
  if (n < 0) b->failed = true;
  if (b->failed) {
    b->data[b->len] = 0;
  } else {
    b->len += (size_t)n;
  }
}

void kl_buf_printf(kl_buf *b, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  vprint(b, fmt, ap);
  va_end(ap);
}

void kl_buf_decimal(kl_buf *b, int64_t v, int places) {
  char text[32];
  kl_buf_add(b, text, kl_decimal_format(text, sizeof text, v, places));
}

void kl_buf_int(kl_buf *b, int64_t v) { kl_buf_decimal(b, v, 0); }

/* Length of the UTF-8 sequence at the start of s, 0 when there is no valid one. RFC 3629: no overlong forms, no
 * surrogates, nothing beyond U+10FFFF. */
static size_t utf8_length(const unsigned char *s, size_t n) {
  if (s[0] < 0x80) return 1;
  size_t want = s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : s[0] < 0xF5 ? 4 : 0;
  if (want == 0 || want > n) return 0;
  for (size_t i = 1; i < want; i++) {
    if ((s[i] & 0xC0) != 0x80) return 0;
  }
  if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF0 && s[1] < 0x90) ||
      (s[0] == 0xF4 && s[1] > 0x8F))
    return 0;
  return want;
}

static void add_escape(kl_buf *b, unsigned char c) {
  static const char hex[] = "0123456789abcdef";
  char text[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
  size_t n = 2;
  switch (c) {
  case '"':
  case '\\':
    text[1] = (char)c;
    break;
  case '\b':
    text[1] = 'b';
    break;
  case '\f':
    text[1] = 'f';
    break;
  case '\n':
    text[1] = 'n';
    break;
  case '\r':
    text[1] = 'r';
    break;
  case '\t':
    text[1] = 't';
    break;
  default:
    n = sizeof text;
  }
  kl_buf_add(b, text, n);
}

void kl_buf_json_string(kl_buf *b, const char *s, size_t n) {
  const unsigned char *p = (const unsigned char *)s;
  kl_buf_char(b, '"');
  size_t i = 0, plain = 0; /* plain: start of the bytes that need no change */
  while (i < n && !b->failed) {
    unsigned char c = p[i];
    if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
      i++;
      continue;
    }
    size_t length = c < 0x80 ? 0 : utf8_length(p + i, n - i);
    if (length > 0) {
      i += length;
      continue;
    }
    kl_buf_add(b, s + plain, i - plain);
    if (c < 0x80) {
      add_escape(b, c);
    } else {
      kl_buf_str(b, "\xEF\xBF\xBD");
    }
    plain = ++i;
  }
  if (n > plain) kl_buf_add(b, s + plain, n - plain);
  kl_buf_char(b, '"');
}

void kl_buf_json_cstr(kl_buf *b, const char *s) { kl_buf_json_string(b, s, strlen(s)); }

void kl_buf_json_item(kl_buf *list, const char *fmt, ...) {
  kl_buf text = {0};
  va_list ap;
  va_start(ap, fmt);
  vprint(&text, fmt, ap);
  va_end(ap);
  if (list->len && list->data[list->len - 1] != '[') kl_buf_char(list, ',');
  if (text.failed)
    list->failed = true;
  else
    kl_buf_json_string(list, text.data, text.len);
  kl_buf_free(&text);
}

void kl_buf_json_decimal(kl_buf *b, int64_t v, int places) {
  kl_buf_char(b, '"');
  kl_buf_decimal(b, v, places);
  kl_buf_char(b, '"');
}

void kl_buf_json_key(kl_buf *b, const char *key) {
  kl_buf_json_cstr(b, key);
  kl_buf_char(b, ':');
}

void kl_buf_percent(kl_buf *b, const char *s, size_t n, bool slashes) {
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)s[i];
    bool plain = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '-' || c == '.' || c == '_' ||
                 c == '~' || (slashes && c == '/');
    if (plain)
      kl_buf_char(b, (char)c);
    else
      kl_buf_printf(b, "%%%02X", c);
  }
}

void kl_buf_query(kl_buf *b, const char *name, const char *value) {
  kl_buf_printf(b, "&%s=", name);
  kl_buf_percent(b, value, strlen(value), false);
}
