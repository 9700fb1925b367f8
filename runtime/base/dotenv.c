#include "base/dotenv.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  const char *at, *end;
  size_t line;
  char *out; /* where the next byte of the key or value goes; never more of them than of text */
  kl_error *e;
} parser;

static bool refuse(parser *p, size_t line, const char *what) {
  kl_error_coded(p->e, KL_ERR_CONFIG, "settings_wrong", "line %zu: %s", line, what);
  return false;
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }
static bool is_key_start(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; }
static bool is_key_char(char c) { return is_key_start(c) || (c >= '0' && c <= '9'); }

static void skip_blanks(parser *p) {
  while (p->at < p->end && is_blank(*p->at))
    p->at++;
}

/* Length of the line end here: 0 when there is none, 1 for LF, 2 for CRLF. */
static size_t line_end(const parser *p) {
  if (p->at < p->end && *p->at == '\n') return 1;
  if (p->end - p->at >= 2 && p->at[0] == '\r' && p->at[1] == '\n') return 2;
  return 0;
}

static bool at_line_end(const parser *p) { return p->at == p->end || line_end(p) > 0; }

static bool refuse_control(parser *p) {
  return refuse(p, p->line,
                *p->at == 0 ? "a NUL byte; the file must be text (UTF-8)"
                            : "a carriage return inside the line; save the file with LF or CRLF line ends");
}

/* Up to the end of the line, which is a comment. */
static bool skip_comment(parser *p) {
  for (; !at_line_end(p); p->at++) {
    if (*p->at == 0 || *p->at == '\r') return refuse_control(p);
  }
  return true;
}

static bool read_key(parser *p) {
  static const char export_word[] = "export";
  size_t n = sizeof export_word - 1;
  if ((size_t)(p->end - p->at) > n && memcmp(p->at, export_word, n) == 0 && is_blank(p->at[n])) {
    const char *start = p->at;
    p->at += n;
    skip_blanks(p);
    if (p->at < p->end && *p->at == '=') p->at = start; /* `export = x` sets a variable of that name */
  }
  if (p->at == p->end || !is_key_start(*p->at))
    return refuse(
        p, p->line,
        "expected NAME=VALUE, the name of letters, digits and _; put a value of several lines in double quotes");
  while (p->at < p->end && is_key_char(*p->at))
    *p->out++ = *p->at++;
  *p->out++ = 0;
  skip_blanks(p);
  if (p->at == p->end || *p->at != '=')
    return refuse(p, p->line,
                  "expected = after the name (letters, digits and _); put a value of several lines in double quotes");
  p->at++;
  return true;
}

static bool read_escape(parser *p) {
  static const char names[] = "nt\"\\", values[] = "\n\t\"\\";
  p->at++;
  const char *found = p->at < p->end && *p->at ? strchr(names, *p->at) : NULL;
  if (!found)
    return refuse(p, p->line,
                  "a backslash in double quotes must be one of \\n \\t \\\" \\\\; use single quotes for text as it is");
  *p->out++ = values[found - names];
  p->at++;
  return true;
}

static bool read_quoted(parser *p) {
  char quote = *p->at++;
  size_t opened = p->line;
  for (;;) {
    if (p->at == p->end) return refuse(p, opened, "the quote opened here is never closed; add the closing quote");
    size_t eol = line_end(p);
    if (eol > 0) {
      *p->out++ = '\n';
      p->at += eol;
      p->line++;
    } else if (*p->at == quote) {
      p->at++;
      return true;
    } else if (*p->at == 0 || *p->at == '\r') {
      return refuse_control(p);
    } else if (*p->at == '\\' && quote == '"') {
      if (!read_escape(p)) return false;
    } else {
      *p->out++ = *p->at++;
    }
  }
}

static bool read_bare(parser *p) {
  char *last = p->out; /* behind the last byte that is not a blank */
  bool after_blank = is_blank(p->at[-1]);
  for (; !at_line_end(p); p->at++) {
    if (*p->at == 0 || *p->at == '\r') return refuse_control(p);
    if (*p->at == '#' && after_blank) break;
    after_blank = is_blank(*p->at);
    *p->out++ = *p->at;
    if (!after_blank) last = p->out;
  }
  p->out = last;
  return true;
}

static bool read_value(parser *p) {
  skip_blanks(p);
  if (p->at < p->end && (*p->at == '"' || *p->at == '\'')) {
    if (!read_quoted(p)) return false;
    const char *closed = p->at;
    skip_blanks(p);
    bool comment = p->at < p->end && *p->at == '#' && p->at > closed;
    if (!comment && !at_line_end(p))
      return refuse(p, p->line, "text after the closing quote; only a comment may follow, behind a blank");
  } else if (!read_bare(p)) {
    return false;
  }
  *p->out++ = 0;
  return at_line_end(p) || skip_comment(p);
}

static bool parse(parser *p, char *copy, bool (*each)(void *, const char *, const char *), void *data) {
  for (; p->at < p->end; p->line++) {
    skip_blanks(p);
    if (p->at < p->end && *p->at == '#') {
      if (!skip_comment(p)) return false;
    } else if (!at_line_end(p)) {
      size_t line = p->line;
      p->out = copy;
      if (!read_key(p)) return false;
      char *value = p->out;
      if (!read_value(p)) return false;
      if (!each(data, copy, value)) {
        kl_error_set(p->e, KL_ERR_INTERNAL, "line %zu: %s could not be kept", line, copy);
        return false;
      }
    }
    p->at += line_end(p);
  }
  return true;
}

bool kl_dotenv_parse(const char *text, size_t n, bool (*each)(void *data, const char *key, const char *value),
                     void *data, kl_error *e) {
  size_t room = n + 2; /* an assignment and its two NULs; the = makes place for one of them */
  char *copy = malloc(room);
  if (!copy) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory to read %zu bytes of settings", n);
    return false;
  }
  parser p = {.at = text, .end = text + n, .line = 1, .e = e};
  if (n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) p.at += 3;
  bool ok = parse(&p, copy, each, data);
  explicit_bzero(copy, room);
  free(copy);
  return ok;
}
