#include "prompt/lua_text.h"

#include <string.h>

enum { STEP = 2, OPEN_MAX = 256 };

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static bool is_keyword(const char *p, size_t n) {
  static const char *const words[] = {"and",      "break",  "do",   "else", "elseif", "end",  "false", "for",
                                      "function", "goto",   "if",   "in",   "local",  "nil",  "not",   "or",
                                      "repeat",   "return", "then", "true", "until",  "while"};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
    if (strlen(words[i]) == n && memcmp(words[i], p, n) == 0) return true;
  return false;
}

/* The level of the long bracket at p, -1 where there is none. */
static int long_level(const char *p, size_t n) {
  size_t i = 1;
  if (n == 0 || p[0] != '[') return -1;
  while (i < n && p[i] == '=')
    i++;
  return i < n && p[i] == '[' ? (int)(i - 1) : -1;
}

/* Behind the end of a long string that begins at `at`; n where it has none. */
static size_t long_end(const char *p, size_t n, size_t at, int level, bool *open) {
  for (at += (size_t)level + 2; at < n; at++) {
    size_t i = at + 1;
    if (p[at] != ']') continue;
    while (i < n && p[i] == '=')
      i++;
    if (i < n && p[i] == ']' && i - at - 1 == (size_t)level) return i + 1;
  }
  *open = true;
  return n;
}

static size_t quoted_end(const char *p, size_t n, size_t at, bool *open) {
  char quote = p[at++];
  for (; at < n && p[at] != '\n'; at++) {
    if (p[at] == quote) return at + 1;
    if (p[at] == '\\' && at + 1 < n) at++;
  }
  *open = true;
  return at < n ? at : n;
}

static size_t number_end(const char *p, size_t n, size_t at) {
  bool hex = at + 1 < n && p[at] == '0' && (p[at + 1] == 'x' || p[at + 1] == 'X');
  for (at++; at < n; at++) {
    char before = p[at - 1];
    bool exponent = hex ? before == 'p' || before == 'P' : before == 'e' || before == 'E';
    bool sign = (p[at] == '+' || p[at] == '-') && exponent;
    bool dots = p[at] == '.' && at + 1 < n && p[at + 1] == '.';
    if (dots || !(is_letter(p[at]) || is_digit(p[at]) || p[at] == '.' || sign)) break;
  }
  return at;
}

static size_t comment_end(kl_lua_scan *s, size_t at) {
  int level = long_level(s->text + at + 2, s->n - at - 2);
  if (level >= 0) return long_end(s->text, s->n, at + 2, level, &s->open);
  const char *end = memchr(s->text + at, '\n', s->n - at);
  return end ? (size_t)(end - s->text) : s->n;
}

bool kl_lua_next(kl_lua_scan *s) {
  const char *p = s->text;
  size_t n = s->n, at = s->to;
  while (at < n && is_blank(p[at]))
    at++;
  s->from = s->to = at;
  s->open = false;
  if (at >= n) return false;
  char c = p[at];
  s->kind = KL_LUA_SIGN;
  s->to = at + 1;
  if (is_letter(c)) {
    while (s->to < n && (is_letter(p[s->to]) || is_digit(p[s->to])))
      s->to++;
    s->kind = is_keyword(p + at, s->to - at) ? KL_LUA_KEYWORD : KL_LUA_NAME;
  } else if (is_digit(c) || (c == '.' && at + 1 < n && is_digit(p[at + 1]))) {
    s->kind = KL_LUA_NUMBER;
    s->to = number_end(p, n, at);
  } else if (c == '"' || c == '\'') {
    s->kind = KL_LUA_STRING;
    s->to = quoted_end(p, n, at, &s->open);
  } else if (c == '-' && at + 1 < n && p[at + 1] == '-') {
    s->kind = KL_LUA_COMMENT;
    s->to = comment_end(s, at);
  } else if (c == '[' && long_level(p + at, n - at) >= 0) {
    s->kind = KL_LUA_STRING;
    s->to = long_end(p, n, at, long_level(p + at, n - at), &s->open);
  } else if (c & 0x80) { /* a whole character */
    while (s->to < n && ((unsigned char)p[s->to] & 0xC0) == 0x80)
      s->to++;
  }
  return true;
}

static bool is(const kl_lua_scan *s, const char *word) {
  size_t n = strlen(word);
  return s->to - s->from == n && memcmp(s->text + s->from, word, n) == 0;
}

static bool opens(const kl_lua_scan *s) {
  if (s->kind == KL_LUA_SIGN) return is(s, "{") || is(s, "(") || is(s, "[");
  return s->kind == KL_LUA_KEYWORD &&
         (is(s, "do") || is(s, "then") || is(s, "function") || is(s, "repeat") || is(s, "else"));
}

static bool closes(const kl_lua_scan *s) {
  if (s->kind == KL_LUA_SIGN) return is(s, "}") || is(s, ")") || is(s, "]");
  return s->kind == KL_LUA_KEYWORD && (is(s, "end") || is(s, "until") || is(s, "else") || is(s, "elseif"));
}

/* ---- indentation ---- */

static size_t line_start(const char *p, size_t at) {
  while (at > 0 && p[at - 1] != '\n')
    at--;
  return at;
}

static size_t lead_of(const char *p, size_t n, size_t start) {
  size_t at = start;
  while (at < n && p[at] == ' ')
    at++;
  return at - start;
}

typedef struct line_facts {
  bool inside;  /* begins or ends inside of a string or comment */
  bool closer;  /* begins with what closes */
  size_t depth; /* opened and not closed in it */
} line_facts;

/* Of the line that begins at `start`, up to `end`. */
static line_facts look_at(const char *p, size_t start, size_t end) {
  kl_lua_scan s = {.text = p, .n = end};
  line_facts f = {0};
  bool first = true;
  while (kl_lua_next(&s)) {
    if (s.to <= start) continue;
    if (s.from < start || (s.open && s.kind != KL_LUA_SIGN)) f.inside = true;
    if (s.from < start) continue;
    if (first) f.closer = closes(&s);
    first = false;
    if (closes(&s) && f.depth > 0) f.depth--;
    if (opens(&s)) f.depth++;
  }
  return f;
}

void kl_lua_indent(const char *text, size_t n, size_t at, size_t *lead, size_t *want, size_t *next) {
  size_t start = line_start(text, at);
  *lead = *want = lead_of(text, n, start);
  *next = *lead;
  if (*lead > at - start) *next = at - start;
  line_facts f = look_at(text, start, at);
  if (f.inside || (n > 0 && text[0] == ':')) return;
  if (f.closer && start > 0 && *lead >= STEP) {
    size_t above = line_start(text, start - 1);
    line_facts a = look_at(text, above, start - 1);
    size_t given = lead_of(text, n, above) + (a.depth > 0 ? STEP : 0);
    if (!a.inside && *lead == given) *want = *lead - STEP;
  }
  *next = (*lead > at - start ? at - start : *want) + (f.depth > 0 ? STEP : 0);
}

/* ---- brackets ---- */

static bool is_bracket(const kl_lua_scan *s, bool opening) {
  return s->kind == KL_LUA_SIGN && (opening ? opens(s) : closes(s));
}

/* The open ones around a place, the innermost last. */
typedef struct open_brackets {
  size_t at[OPEN_MAX];
  size_t count; /* may be more than fit */
} open_brackets;

bool kl_lua_brackets(const char *text, size_t n, size_t at, size_t *open, size_t *close) {
  kl_lua_scan s = {.text = text, .n = n};
  open_brackets around = {0};
  bool found = false;
  while (!found && kl_lua_next(&s)) {
    if (is_bracket(&s, true)) {
      if (around.count < OPEN_MAX) around.at[around.count] = s.from;
      around.count++;
    } else if (is_bracket(&s, false) && around.count > 0) {
      around.count--;
      if (around.count >= OPEN_MAX) continue;
      *open = around.at[around.count];
      *close = s.from;
      /* Behind a closing one, or on an opening one. */
      found = *close + 1 == at || *open == at;
    }
  }
  return found;
}

/* ---- the last argument ---- */

void kl_lua_last_argument(const char *text, size_t n, size_t *from, size_t *to) {
  if (n > 0 && text[0] == ':') { /* a command: its last word */
    while (n > 0 && is_blank(text[n - 1]))
      n--;
    for (*to = *from = n; *from > 0 && !is_blank(text[*from - 1]);)
      --*from;
    return;
  }
  kl_lua_scan s = {.text = text, .n = n};
  bool dotted = false; /* a "." or ":" behind a name: the next name goes on with it */
  *from = *to = 0;
  while (kl_lua_next(&s)) {
    if (s.kind == KL_LUA_NAME || s.kind == KL_LUA_NUMBER || s.kind == KL_LUA_STRING) {
      if (!(dotted && s.kind == KL_LUA_NAME)) *from = s.from;
      *to = s.to;
      dotted = false;
    } else {
      dotted = (is(&s, ".") || is(&s, ":")) && *to == s.from && *to > 0;
    }
  }
}
