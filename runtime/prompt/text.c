#include "prompt/text.h"

#include <locale.h>
#include <pthread.h>
#include <string.h>
#include <wchar.h>

enum { REPLACEMENT = 0xFFFD, ZWJ = 0x200D, EMOJI_SELECTOR = 0xFE0F };

/* ---- characters ---- */

uint32_t kl_text_char(const char *p, size_t n, size_t *length) {
  const uint8_t *u = (const uint8_t *)p;
  uint32_t c = u[0];
  *length = 1;
  if (c < 0x80) return c;
  size_t need = c >= 0xC2 && c < 0xE0 ? 1 : c >= 0xE0 && c < 0xF0 ? 2 : c >= 0xF0 && c < 0xF5 ? 3 : 0;
  if (need == 0 || need >= n) return REPLACEMENT;
  c &= 0x3Fu >> need;
  for (size_t i = 1; i <= need; i++) {
    if ((u[i] & 0xC0u) != 0x80) return REPLACEMENT;
    c = c << 6 | (u[i] & 0x3Fu);
  }
  if (c < (need == 1 ? 0x80u : need == 2 ? 0x800u : 0x10000u) || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
    return REPLACEMENT;
  *length = need + 1;
  return c;
}

void kl_text_add(kl_buf *b, uint32_t c) {
  if (c < 0x80) {
    kl_buf_char(b, (char)c);
  } else if (c < 0x800) {
    kl_buf_char(b, (char)(0xC0 | c >> 6));
    kl_buf_char(b, (char)(0x80 | (c & 0x3F)));
  } else if (c < 0x10000) {
    kl_buf_char(b, (char)(0xE0 | c >> 12));
    kl_buf_char(b, (char)(0x80 | (c >> 6 & 0x3F)));
    kl_buf_char(b, (char)(0x80 | (c & 0x3F)));
  } else {
    kl_buf_char(b, (char)(0xF0 | c >> 18));
    kl_buf_char(b, (char)(0x80 | (c >> 12 & 0x3F)));
    kl_buf_char(b, (char)(0x80 | (c >> 6 & 0x3F)));
    kl_buf_char(b, (char)(0x80 | (c & 0x3F)));
  }
}

/* ---- columns ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static locale_t utf8_locale; /* 0: there is none */

static void open_locale(void) { utf8_locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0); }

static bool within(uint32_t c, const uint32_t (*ranges)[2], size_t count) {
  for (size_t i = 0; i < count; i++)
    if (c >= ranges[i][0] && c <= ranges[i][1]) return true;
  return false;
}

/* The large ranges, for a C library without C.UTF-8. */
static int rough_width(uint32_t c) {
  static const uint32_t none[][2] = {
      {0x300, 0x36F},   {0x483, 0x489},   {0x591, 0x5BD},   {0x610, 0x61A},   {0x64B, 0x65F},   {0x900, 0x902},
      {0xE31, 0xE31},   {0xE34, 0xE3A},   {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x200B, 0x200F}, {0x202A, 0x202E},
      {0x2060, 0x2064}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}, {0xE0000, 0xE01EF}};
  static const uint32_t two[][2] = {{0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0x33FF},   {0x3400, 0x4DBF},
                                    {0x4E00, 0x9FFF},   {0xA000, 0xA4CF},   {0xA960, 0xA97F},   {0xAC00, 0xD7A3},
                                    {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},
                                    {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};
  if (within(c, none, sizeof none / sizeof none[0])) return 0;
  return within(c, two, sizeof two / sizeof two[0]) ? 2 : 1;
}

int kl_text_width(uint32_t c) {
  if (c >= 0x20 && c < 0x7F) return 1;
  if (c < 0xA0) return 0;
  if (c < 0x300) return 1;
  pthread_once(&once, open_locale);
  if (!utf8_locale) return rough_width(c);
  locale_t before = uselocale(utf8_locale);
  int width = wcwidth((wchar_t)c);
  uselocale(before);
  return width < 0 ? 1 : width;
}

static bool is_skin(uint32_t c) { return c >= 0x1F3FB && c <= 0x1F3FF; }
static bool is_flag(uint32_t c) { return c >= 0x1F1E6 && c <= 0x1F1FF; }
/* What an emoji may be made of. */
static bool is_picture(uint32_t c) { return c == 0xA9 || c == 0xAE || (c >= 0x2190 && c < 0x2E80) || c >= 0x1F000; }

size_t kl_cluster_next(const char *p, size_t n, size_t at) {
  size_t length;
  uint32_t c = kl_text_char(p + at, n - at, &length);
  at += length;
  if (c < 0x20 || c == 0x7F) return at;
  bool flag = is_flag(c), joined = false;
  while (at < n) {
    if (p[at] >= 0x20 && p[at] < 0x7F) return at;
    c = kl_text_char(p + at, n - at, &length);
    if (c < 0xA0) return at;
    if (flag && is_flag(c)) {
      flag = false; /* two make one */
    } else if (!(joined && is_picture(c)) && !is_skin(c) && kl_text_width(c) != 0) {
      return at;
    }
    joined = c == ZWJ;
    at += length;
  }
  return at;
}

/* Where a walk forward to `at` may begin: behind a newline or another ASCII character, or far enough away. */
static size_t safe_start(const char *p, size_t at) {
  size_t from = at;
  while (from > 0 && at - from < 256) {
    from--;
    if ((uint8_t)p[from] < 0x80) return from;
  }
  while (from > 0 && ((uint8_t)p[from] & 0xC0) == 0x80)
    from--;
  return from;
}

size_t kl_cluster_before(const char *p, size_t n, size_t at) {
  size_t from = safe_start(p, at);
  for (;;) {
    size_t next = kl_cluster_next(p, n, from);
    if (next >= at) return from;
    from = next;
  }
}

int kl_cluster_width(const char *p, size_t n, bool *sure) {
  size_t length;
  uint32_t c = kl_text_char(p, n, &length);
  int width = kl_text_width(c);
  *sure = length == n && width > 0 && c < 0x1F000;
  if (length == n) return width;
  if (is_flag(c)) return 2;
  for (size_t at = length; at < n; at += length) {
    c = kl_text_char(p + at, n - at, &length);
    if (c == EMOJI_SELECTOR || is_skin(c)) width = 2;
  }
  return width;
}

size_t kl_text_sgr(const char *p, size_t n) {
  if (n < 3 || p[0] != '\033' || p[1] != '[') return 0;
  for (size_t i = 2; i < n && i < 40; i++) {
    if (p[i] == 'm') return i + 1;
    if (!((p[i] >= '0' && p[i] <= '9') || p[i] == ';' || p[i] == ':')) return 0;
  }
  return 0;
}

size_t kl_text_columns(const char *p, size_t n) {
  size_t columns = 0;
  bool sure;
  for (size_t at = 0; at < n;) {
    size_t sgr = kl_text_sgr(p + at, n - at);
    size_t next = sgr ? at + sgr : kl_cluster_next(p, n, at);
    if (!sgr) columns += (size_t)kl_cluster_width(p + at, next - at, &sure);
    at = next;
  }
  return columns;
}

/* ---- nothing that moves the cursor ---- */

void kl_text_clean(kl_buf *b, const char *p, size_t n) {
  for (size_t at = 0; at < n;) {
    size_t length;
    uint32_t c = kl_text_char(p + at, n - at, &length);
    if (c == '\r') {
      if (at + 1 >= n || p[at + 1] != '\n') kl_buf_char(b, '\n');
    } else if (c == '\n' || c == '\t' || (c >= 0x20 && c < 0x7F) || (c > 0x9F && c != REPLACEMENT)) {
      kl_buf_add(b, p + at, length);
    } else {
      kl_text_add(b, REPLACEMENT);
    }
    at += length;
  }
}

void kl_text_show(kl_buf *b, const char *p, size_t n, bool colour, bool raw) {
  for (size_t at = 0; at < n;) {
    size_t plain = at;
    while (plain < n && p[plain] >= 0x20 && p[plain] < 0x7F)
      plain++;
    kl_buf_add(b, p + at, plain - at);
    at = plain;
    if (at >= n) break;
    size_t length, sgr = kl_text_sgr(p + at, n - at);
    uint32_t c = kl_text_char(p + at, n - at, &length);
    if (sgr) {
      length = sgr;
      if (colour) kl_buf_add(b, p + at, sgr);
    } else if (c == '\n' && raw) {
      kl_buf_str(b, "\r\n");
    } else if (c == '\r' && at + 1 < n && p[at + 1] == '\n') {
      /* the newline says it */
    } else if (c == '\n' || c == '\t' || (c > 0x9F && (c != REPLACEMENT || length > 1))) {
      kl_buf_add(b, p + at, length);
    } else { /* a control character, or no UTF-8 */
      for (size_t i = 0; i < length; i++)
        kl_buf_printf(b, "\\x%02x", (uint8_t)p[at + i]);
    }
    at += length;
  }
}
