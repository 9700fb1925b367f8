#include "kalshi/wire_json.h"

#include <stdlib.h>

const char *kl_json_fail(kl_json *j, const char *at, const char *what) {
  if (!j->error) {
    j->error = what;
    j->error_at = at < j->end ? at : j->end;
  }
  return NULL;
}

/* Length of the UTF-8 sequence at p, 0 when it is not one (RFC 3629: no overlong forms, no surrogates). */
static unsigned utf8_length(const char *p, const char *end) {
  const unsigned char *s = (const unsigned char *)p;
  size_t left = (size_t)(end - p);
  unsigned char c = s[0];
  unsigned n = c >= 0xc2 && c <= 0xdf ? 2 : (c & 0xf0) == 0xe0 ? 3 : c >= 0xf0 && c <= 0xf4 ? 4 : 0;
  if (n == 0 || left < n) return 0;
  for (unsigned i = 1; i < n; i++)
    if ((s[i] & 0xc0) != 0x80) return 0;
  if ((c == 0xe0 && s[1] < 0xa0) || (c == 0xed && s[1] > 0x9f)) return 0;
  if ((c == 0xf0 && s[1] < 0x90) || (c == 0xf4 && s[1] > 0x8f)) return 0;
  return n;
}

static char *utf8_write(char *o, uint32_t code) {
  if (code < 0x80) {
    *o++ = (char)code;
  } else if (code < 0x800) {
    *o++ = (char)(0xc0 | code >> 6);
    *o++ = (char)(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    *o++ = (char)(0xe0 | code >> 12);
    *o++ = (char)(0x80 | (code >> 6 & 0x3f));
    *o++ = (char)(0x80 | (code & 0x3f));
  } else {
    *o++ = (char)(0xf0 | code >> 18);
    *o++ = (char)(0x80 | (code >> 12 & 0x3f));
    *o++ = (char)(0x80 | (code >> 6 & 0x3f));
    *o++ = (char)(0x80 | (code & 0x3f));
  }
  return o;
}

/* `\uXXXX` at p. */
static bool hex4(const char *p, const char *end, uint32_t *out) {
  if (end - p < 6 || p[0] != '\\' || p[1] != 'u') return false;
  uint32_t v = 0;
  for (int i = 2; i < 6; i++) {
    char c = p[i];
    unsigned digit;
    if (c >= '0' && c <= '9') {
      digit = (unsigned)(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = (unsigned)(c - 'a') + 10;
    } else if (c >= 'A' && c <= 'F') {
      digit = (unsigned)(c - 'A') + 10;
    } else {
      return false;
    }
    v = v << 4 | digit;
  }
  *out = v;
  return true;
}

/* The escape at p, which is a backslash: its code point, and the position behind it; NULL when it is not one. */
static const char *escape(const char *p, const char *end, uint32_t *code) {
  if (end - p < 2) return NULL;
  switch (p[1]) {
  case '"':
  case '\\':
  case '/':
    *code = (uint32_t)p[1];
    return p + 2;
  case 'b':
    *code = '\b';
    return p + 2;
  case 'f':
    *code = '\f';
    return p + 2;
  case 'n':
    *code = '\n';
    return p + 2;
  case 'r':
    *code = '\r';
    return p + 2;
  case 't':
    *code = '\t';
    return p + 2;
  default:
    break;
  }
  uint32_t low;
  if (!hex4(p, end, code)) return NULL;
  if (*code < 0xd800 || *code > 0xdfff) return p + 6;
  if (*code > 0xdbff || !hex4(p + 6, end, &low) || low < 0xdc00 || low > 0xdfff) return NULL;
  *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
  return p + 12;
}

/* Room for everything that this text can unescape to: unescaping never makes it longer. The 16 bytes are those that
 * must follow any text. */
static bool reserve_scratch(kl_json *j) {
  size_t need = (size_t)(j->end - j->start) + 16;
  if (*j->scratch_cap >= need) return true;
  size_t cap = *j->scratch_cap ? *j->scratch_cap : 512;
  while (cap < need)
    cap *= 2;
  char *grown = realloc(*j->scratch, cap);
  if (!grown) return false;
  *j->scratch = grown;
  *j->scratch_cap = cap;
  ++*j->allocations;
  return true;
}

static const char *unescape(kl_json *j, const char *p, const char *close, kl_str *out) {
  if (!reserve_scratch(j)) {
    j->no_memory = true;
    return kl_json_fail(j, p, "out of memory for a string with escapes");
  }
  char *const first = *j->scratch + j->scratch_len;
  char *o = first;
  while (p < close) {
    if (*p != '\\') {
      *o++ = *p++;
      continue;
    }
    uint32_t code = 0;
    p = escape(p, close, &code);
    if (!p) return kl_json_fail(j, close, "expected an escape"); /* checked before; keeps the loop safe by itself */
    o = utf8_write(o, code);
  }
  out->p = first;
  out->n = (uint32_t)(o - first);
  j->scratch_len += out->n;
  return close + 1;
}

const char *kl_json_string_rest(kl_json *j, const char *open, kl_str *out) {
  const char *p = open + 1;
  bool escaped = false;
  for (;;) {
    p = kl_json_plain(p, j->end);
    if (p >= j->end) return kl_json_fail(j, open, "a string without its closing quote");
    unsigned char c = (unsigned char)*p;
    if (c == '"') break;
    if (c == '\\') {
      uint32_t code;
      const char *next = escape(p, j->end, &code);
      if (!next) return kl_json_fail(j, p, "an escape that JSON does not have, or half a surrogate pair");
      escaped = true;
      p = next;
    } else if (c < 0x20) {
      return kl_json_fail(j, p, "a control character in a string");
    } else {
      unsigned n = utf8_length(p, j->end);
      if (!n) return kl_json_fail(j, p, "bytes that are not UTF-8");
      p += n;
    }
  }
  if (!out) return p + 1;
  if (escaped) return unescape(j, open + 1, p, out);
  out->p = open + 1;
  out->n = (uint32_t)(p - open - 1);
  return p + 1;
}

static bool is_digit(const kl_json *j, const char *p) { return p < j->end && *p >= '0' && *p <= '9'; }

static const char *digits(const kl_json *j, const char *p) {
  while (is_digit(j, p))
    p++;
  return p;
}

/* A number by the grammar of RFC 8259, section 6. */
static const char *number(kl_json *j, const char *p) {
  const char *const start = p;
  if (kl_json_at(j, p, '-')) p++;
  if (!is_digit(j, p)) return kl_json_fail(j, start, "expected a number");
  if (*p == '0' && is_digit(j, p + 1)) return kl_json_fail(j, p, "a number with a leading zero");
  p = digits(j, p);
  if (kl_json_at(j, p, '.')) {
    if (!is_digit(j, p + 1)) return kl_json_fail(j, p, "a number without digits behind its point");
    p = digits(j, p + 1);
  }
  if (kl_json_at(j, p, 'e') || kl_json_at(j, p, 'E')) {
    p++;
    if (kl_json_at(j, p, '+') || kl_json_at(j, p, '-')) p++;
    if (!is_digit(j, p)) return kl_json_fail(j, p, "a number without digits in its exponent");
    p = digits(j, p);
  }
  return p;
}

/* The exponent of a number that `number` accepted, 0 where it has none; far outside the range of 64 bits it stays put.
 */
static int64_t exponent(const char *p, const char *end) {
  while (p < end && *p != 'e' && *p != 'E')
    p++;
  if (p == end) return 0;
  p++;
  bool negative = *p == '-';
  if (*p == '-' || *p == '+') p++;
  int64_t v = 0;
  for (; p < end; p++)
    if (v < INT64_C(1) << 40) v = v * 10 + (*p - '0');
  return negative ? -v : v;
}

const char *kl_json_int_any(kl_json *j, const char *p, int64_t *out) {
  const char *const start = p;
  if (!is_digit(j, p) && !kl_json_at(j, p, '-')) return kl_json_fail(j, p, "expected an integer");
  const char *const end = number(j, p);
  if (!end) return NULL;
  bool negative = *p == '-';
  p += negative;
  int64_t left = exponent(p, end); /* digits still before the decimal point */
  for (const char *q = p; q < end && *q >= '0' && *q <= '9'; q++)
    left++;
  const uint64_t limit = negative ? (uint64_t)1 << 63 : INT64_MAX;
  uint64_t v = 0;
  for (; p < end && *p != 'e' && *p != 'E'; p++) {
    if (*p == '.') continue;
    unsigned d = (unsigned)(*p - '0');
    if (left-- <= 0) {
      if (d) return kl_json_fail(j, start, "expected an integer, not a fraction");
    } else if (v > (limit - d) / 10) {
      return kl_json_fail(j, start, "an integer beyond 64 bits");
    } else {
      v = v * 10 + d;
    }
  }
  for (; left > 0 && v; left--) {
    if (v > limit / 10) return kl_json_fail(j, start, "an integer beyond 64 bits");
    v *= 10;
  }
  *out = negative ? (int64_t)(0 - v) : (int64_t)v;
  return end;
}

static const char *word(kl_json *j, const char *p, const char *text, size_t n) {
  if ((size_t)(j->end - p) < n || memcmp(p, text, n) != 0) return kl_json_fail(j, p, "expected a value");
  return p + n;
}

/* A key with its colon. */
static const char *key(kl_json *j, const char *p) {
  p = kl_json_space(j, p);
  if (!kl_json_at(j, p, '"')) return kl_json_fail(j, p, "expected a key");
  p = kl_json_string_rest(j, p, NULL);
  if (!p) return NULL;
  p = kl_json_space(j, p);
  return kl_json_at(j, p, ':') ? p + 1 : kl_json_fail(j, p, "expected ':'");
}

const char *kl_json_skip(kl_json *j, const char *p, unsigned depth) {
  const unsigned outside = depth;
  uint64_t objects = 0; /* bit d: the container at depth d is an object */
  for (;;) {
    p = kl_json_space(j, p);
    if (p >= j->end) return kl_json_fail(j, p, "expected a value");
    char c = *p;
    if (c == '{' || c == '[') {
      if (depth == KL_JSON_DEPTH) return kl_json_fail(j, p, "more than 64 levels of nesting");
      uint64_t bit = (uint64_t)1 << depth++;
      objects = c == '{' ? objects | bit : objects & ~bit;
      p = kl_json_space(j, p + 1);
      if (!kl_json_at(j, p, c == '{' ? '}' : ']')) {
        if (c == '{') p = key(j, p);
        if (!p) return NULL;
        continue;
      }
      p++;
      depth--;
    } else {
      p = c == '"'   ? kl_json_string_rest(j, p, NULL)
          : c == 't' ? word(j, p, "true", 4)
          : c == 'f' ? word(j, p, "false", 5)
          : c == 'n' ? word(j, p, "null", 4)
                     : number(j, p);
      if (!p) return NULL;
    }
    for (;; p++, depth--) { /* behind a value: close what ends here, stop at the next one */
      if (depth == outside) return p;
      bool object = objects >> (depth - 1) & 1;
      p = kl_json_space(j, p);
      if (kl_json_at(j, p, ',')) {
        p = object ? key(j, p + 1) : p + 1;
        if (!p) return NULL;
        break;
      }
      if (!kl_json_at(j, p, object ? '}' : ']'))
        return kl_json_fail(j, p, object ? "expected ',' or '}'" : "expected ',' or ']'");
    }
  }
}
