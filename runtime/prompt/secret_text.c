#include "prompt/secret_text.h"

#include <string.h>
#include <strings.h>

enum {
  BASE64_MIN = 40, /* of all three kinds of characters */
  HEX_MIN = 64,
  WORD_MIN = 12,  /* without quotes, after a name that tells */
  BEARER_MIN = 8, /* characters of what follows it */
  JWT_MIN = 24,
  NAME_MOST = 64, /* of a name, its end is looked at; of the first line of a PEM block */
};

/* Where a secret is within a text: from `at`, n bytes; n is 0 where there is none. */
typedef struct span {
  size_t at, n;
} span;

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
static bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
static bool is_letter(char c) { return is_upper(c) || is_lower(c); }
static bool is_name(char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '-'; }
static bool is_base64(char c) { return is_letter(c) || is_digit(c) || c == '+' || c == '/' || c == '=' || c == '_'; }
static bool is_token(char c) { return is_base64(c) || c == '-' || c == '.' || c == '~'; }
static bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
static bool is_giving(char c) { return c == '=' || c == ':' || c == '~'; }
static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static size_t run(const char *p, const char *end, bool (*of)(char)) {
  size_t n = 0;
  while (p + n < end && of(p[n]))
    n++;
  return n;
}

static bool begins(const char *p, const char *end, const char *word) {
  size_t n = strlen(word);
  return (size_t)(end - p) >= n && !strncasecmp(p, word, n);
}

/* -----BEGIN … PRIVATE KEY----- up to its end, or that of the text. */
static size_t pem_at(const char *p, const char *end) {
  static const char begin[] = "-----BEGIN ", key[] = "PRIVATE KEY-----", last[] = "-----END ";
  if (!begins(p, end, begin)) return 0;
  size_t line = (size_t)(end - p) < NAME_MOST ? (size_t)(end - p) : NAME_MOST;
  const char *line_end = memchr(p, '\n', line);
  const char *name = memmem(p, line_end ? (size_t)(line_end - p) : line, key, sizeof key - 1);
  if (!name) return 0;
  name += sizeof key - 1;
  const char *tail = memmem(name, (size_t)(end - name), last, sizeof last - 1);
  const char *over = tail ? memmem(tail, (size_t)(end - tail), key, sizeof key - 1) : NULL;
  return (size_t)((over ? over + sizeof key - 1 : end) - p);
}

/* A run that nobody would type by hand. */
static size_t long_run_at(const char *p, const char *end) {
  size_t n = run(p, end, is_hex);
  if (n >= HEX_MIN && (p + n == end || !is_base64(p[n]))) return n;
  n = begins(p, end, "eyJ") ? run(p, end, is_token) : 0;
  if (n >= JWT_MIN) return n;
  bool digit = false, upper = false, lower = false;
  n = run(p, end, is_base64);
  for (size_t i = 0; i < n; i++) {
    digit = digit || is_digit(p[i]);
    upper = upper || is_upper(p[i]);
    lower = lower || is_lower(p[i]);
  }
  return n >= BASE64_MIN && digit && upper && lower ? n : 0;
}

static bool tells(const char *name, size_t n) {
  static const char *const words[] = {"secret",     "passw",      "passphrase",    "token",       "api_key",
                                      "api-key",    "apikey",     "private_key",   "private-key", "privatekey",
                                      "access_key", "credential", "authorization", "cookie"};
  for (size_t i = n > NAME_MOST ? n - NAME_MOST : 0; i < n; i++)
    for (size_t k = 0; k < sizeof words / sizeof words[0]; k++)
      if (begins(name + i, name + n, words[k])) return true;
  return false;
}

/* The inside of a string that begins at p. */
static span quoted(const char *p, const char *end) {
  span s = {0};
  if (p == end) return s;
  if (*p == '"' || *p == '\'') {
    s.at = 1;
    while (p + s.at + s.n < end && p[s.at + s.n] != *p && p[s.at + s.n] != '\n')
      s.n += p[s.at + s.n] == '\\' && p + s.at + s.n + 1 < end ? 2 : 1;
  } else if (begins(p, end, "[[")) {
    const char *over = memmem(p, (size_t)(end - p), "]]", 2);
    s = (span){.at = 2, .n = (size_t)((over ? over : end) - p) - 2};
  }
  return s;
}

/* The value that is given to the name of n bytes at p, counted from p. */
static span value_of(const char *p, size_t n, const char *end) {
  const char *q = p + n;
  while (q < end && (is_blank(*q) || *q == '"' || *q == '\'' || *q == ']'))
    q++;
  if (q == end || !is_giving(*q)) return (span){0};
  while (q < end && (is_blank(*q) || is_giving(*q)))
    q++;
  span s = quoted(q, end);
  if (!s.n) {
    bool digit = false, letter = false;
    size_t word = run(q, end, is_base64);
    for (size_t i = 0; i < word; i++) {
      digit = digit || is_digit(q[i]);
      letter = letter || is_letter(q[i]);
    }
    if (word >= WORD_MIN && digit && letter &&
        (q + word == end || (q[word] != '(' && q[word] != '.' && q[word] != '[')))
      s.n = word;
  }
  s.at += (size_t)(q - p);
  return s;
}

/* The first secret of a word that begins at p; counted from p. */
static span named_at(const char *p, const char *end) {
  size_t n = run(p, end, is_name);
  if (n == 6 && begins(p, end, "bearer") && p + n < end && is_blank(p[n])) {
    size_t at = n + run(p + n, end, is_blank), token = run(p + at, end, is_token);
    if (token >= BEARER_MIN) return (span){.at = at, .n = token};
  }
  return n > 0 && tells(p, n) ? value_of(p, n, end) : (span){0};
}

static bool walk(kl_buf *out, const char *text, size_t n) {
  const char *end = text + n, *kept = text;
  bool found = false;
  for (const char *p = text; p < end;) {
    bool begin = p == text || !is_name(p[-1]);
    span s = {.n = *p == '-' ? pem_at(p, end) : 0};
    if (!s.n && begin) s = named_at(p, end);
    if (!s.n && (p == text || !is_base64(p[-1]))) s = (span){.n = long_run_at(p, end)};
    if (!s.n) {
      p++;
      continue;
    }
    found = true;
    if (!out) return true;
    kl_buf_add(out, kept, (size_t)(p - kept) + s.at);
    kl_buf_str(out, "[secret]");
    kept = p = p + s.at + s.n;
  }
  if (out) kl_buf_add(out, kept, (size_t)(end - kept));
  return found;
}

bool kl_secret_mask(kl_buf *out, const char *text, size_t n) { return walk(out, text, n); }
bool kl_secret_found(const char *text, size_t n) { return walk(NULL, text, n); }
