#include "script/pattern.h"

#include <ctype.h>
#include <string.h>

/* How deep Lua lets a match nest before it calls the pattern too complex. */
enum { MAX_DEPTH = 200, STRETCH = 1 << 15 };

static unsigned char byte(const char *p) { return (unsigned char)*p; }

/* ---- one character ---- */

/* %a, %d and their kin; a capital letter is the complement, what is no letter of a class is itself. */
static bool in_class(unsigned char c, unsigned char name) {
  int is;
  switch (name | 0x20) {
  case 'a':
    is = isalpha(c);
    break;
  case 'c':
    is = iscntrl(c);
    break;
  case 'd':
    is = isdigit(c);
    break;
  case 'g':
    is = isgraph(c);
    break;
  case 'l':
    is = islower(c);
    break;
  case 'p':
    is = ispunct(c);
    break;
  case 's':
    is = isspace(c);
    break;
  case 'u':
    is = isupper(c);
    break;
  case 'w':
    is = isalnum(c);
    break;
  case 'x':
    is = isxdigit(c);
    break;
  case 'z': /* from the times when a pattern could not hold a NUL */
    is = c == 0;
    break;
  default:
    return c == name;
  }
  return (is != 0) == ((name & 0x20) != 0);
}

/* `set` is its "[", `last` its "]". */
static bool in_set(unsigned char c, const char *set, const char *last) {
  const char *p = set + 1;
  bool found = true;
  if (*p == '^') {
    found = false;
    p++;
  }
  while (p < last) {
    if (*p == '%') {
      if (in_class(c, byte(p + 1))) return found;
      p += 2;
    } else if (p[1] == '-' && p + 2 < last) {
      if (byte(p) <= c && c <= byte(p + 2)) return found;
      p += 3;
    } else {
      if (byte(p) == c) return found;
      p++;
    }
  }
  return !found;
}

/* Where the single-character item that begins at p ends. */
static const char *item_end(kl_match *m, const char *p) {
  if (*p == '%') {
    if (p + 1 == m->pattern_end) luaL_error(m->work.L, "malformed pattern (ends with '%%')");
    return p + 2;
  }
  if (*p != '[') return p + 1;
  const char *q = p + 1;
  if (*q == '^') q++;
  do { /* a "]" that comes first stands for itself */
    if (q == m->pattern_end) luaL_error(m->work.L, "malformed pattern (missing ']')");
    q += *q == '%' && q + 1 < m->pattern_end ? 2 : 1;
  } while (*q != ']');
  kl_spend(&m->work, (size_t)(q - p) / 8);
  return q + 1;
}

/* Whether the character at `at` (there is one) is one of the item. */
static inline bool is_item(const char *at, const char *item, const char *end) {
  switch (*item) {
  case '.':
    return true;
  case '%':
    return in_class(byte(at), byte(item + 1));
  case '[':
    return in_set(byte(at), item, end - 1);
  default:
    return *at == *item;
  }
}

/* The end of the longest run of characters of the item. */
static const char *run_of(kl_match *m, const char *at, const char *item, const char *end) {
  const char *stop = m->text_end, *from = at;
  switch (*item) {
  case '.':
    return stop;
  case '[':
    for (size_t cost = (size_t)(end - item) / 8 + 1; at < stop && in_set(byte(at), item, end - 1); at++)
      kl_spend(&m->work, cost);
    return at;
  case '%':
    while (at < stop && in_class(byte(at), byte(item + 1))) {
      if (++at - from < STRETCH) continue;
      kl_spend(&m->work, STRETCH);
      from = at;
    }
    break;
  default:
    while (at < stop && *at == *item)
      at++;
  }
  kl_spend(&m->work, (size_t)(at - from) / 4);
  return at;
}

/* ---- captures ---- */

static int closed_capture(kl_match *m, char digit) {
  int i = digit - '1';
  if (i < 0 || i >= m->level || m->captures[i].len == KL_CAPTURE_OPEN)
    luaL_error(m->work.L, "invalid capture index %%%d", i + 1);
  return i;
}

static const char *match(kl_match *m, const char *at, const char *p);

static const char *open_capture(kl_match *m, const char *at, const char *p, ptrdiff_t len) {
  if (m->level == KL_CAPTURES_MAX) luaL_error(m->work.L, "too many captures");
  m->captures[m->level].from = at;
  m->captures[m->level].len = len;
  m->level++;
  const char *to = match(m, at, p);
  if (!to) m->level--;
  return to;
}

static const char *close_capture(kl_match *m, const char *at, const char *p) {
  int i = m->level - 1;
  while (i >= 0 && m->captures[i].len != KL_CAPTURE_OPEN)
    i--;
  if (i < 0) luaL_error(m->work.L, "invalid pattern capture");
  m->captures[i].len = at - m->captures[i].from;
  const char *to = match(m, at, p);
  if (!to) m->captures[i].len = KL_CAPTURE_OPEN;
  return to;
}

/* ---- items that are more than one character ---- */

/* %1 to %9: the text of the capture again. */
static const char *again(kl_match *m, const char *at, char digit) {
  int i = closed_capture(m, digit);
  size_t n = (size_t)m->captures[i].len; /* that of a place is longer than any text */
  if (n > (size_t)(m->text_end - at)) return NULL;
  kl_spend(&m->work, n / 16);
  return memcmp(m->captures[i].from, at, n) == 0 ? at + n : NULL;
}

/* %bxy; p is behind the b. */
static const char *balanced(kl_match *m, const char *at, const char *p) {
  if (m->pattern_end - p < 2) luaL_error(m->work.L, "malformed pattern (missing arguments to '%%b')");
  if (*at != *p || at == m->text_end) return NULL;
  const char *from = at;
  for (size_t open = 1; ++at < m->text_end;) {
    if (*at == p[1]) {
      if (--open == 0) break;
    } else if (*at == *p) {
      open++;
    }
    if (at - from < STRETCH) continue;
    kl_spend(&m->work, STRETCH);
    from = at;
  }
  kl_spend(&m->work, (size_t)(at - from) / 2);
  return at < m->text_end ? at + 1 : NULL;
}

/* %f; p is at its set. Whether a run of the set's characters begins here. */
static bool at_frontier(kl_match *m, const char *at, const char *p, const char **end) {
  if (*p != '[') luaL_error(m->work.L, "missing '[' after '%%f' in pattern");
  *end = item_end(m, p);
  unsigned char before = at == m->text ? 0 : byte(at - 1);
  return !in_set(before, p, *end - 1) && in_set(byte(at), p, *end - 1);
}

/* ---- the match ---- */

/* A character that must be there: it stands for itself and may not be left out. */
static bool is_plain(const char *p) { return isalnum(byte(p)) && p[1] != '*' && p[1] != '?' && p[1] != '-'; }

static const char *match_longest(kl_match *m, const char *at, const char *item, const char *end) {
  const char *to = NULL, *p = end + 1, *last = run_of(m, at, item, end);
  if (p < m->pattern_end && is_plain(p) && m->depth > 0) { /* it need not be tried where it is not */
    for (; last >= at && !to; last--) {
      if (last < m->text_end && *last == *p)
        to = match(m, last, p);
      else
        m->work.left--;
    }
    kl_spend(&m->work, 0);
    return to;
  }
  for (; last >= at && !to; last--)
    to = match(m, last, p);
  return to;
}

static const char *match_shortest(kl_match *m, const char *at, const char *item, const char *end) {
  for (size_t cost = *item == '[' ? (size_t)(end - item) / 8 : 0;; at++) {
    const char *to = match(m, at, end + 1);
    if (to) return to;
    if (at == m->text_end || !is_item(at, item, end)) return NULL;
    kl_spend(&m->work, cost);
  }
}

/* The rest of the pattern from p on, at `at`. Items that can match in one way only are gone through in the loop; the
 * nesting is that of Lua, since it is what limits a pattern. */
static const char *match(kl_match *m, const char *at, const char *p) {
  if (m->depth-- == 0) luaL_error(m->work.L, "pattern too complex");
  kl_spend(&m->work, 1);
  while (at && p != m->pattern_end) {
    const char *end;
    switch (*p) {
    case '(':
      at = p[1] == ')' ? open_capture(m, at, p + 2, KL_CAPTURE_PLACE) : open_capture(m, at, p + 1, KL_CAPTURE_OPEN);
      goto done;
    case ')':
      at = close_capture(m, at, p + 1);
      goto done;
    case '$':
      if (p + 1 != m->pattern_end) break;
      if (at != m->text_end) at = NULL;
      goto done;
    case '%':
      if (p[1] == 'b') {
        at = balanced(m, at, p + 2);
        p += 4;
        continue;
      }
      if (p[1] == 'f') {
        if (!at_frontier(m, at, p + 2, &end)) at = NULL;
        p = end;
        continue;
      }
      if (isdigit(byte(p + 1))) {
        at = again(m, at, p[1]);
        p += 2;
        continue;
      }
      break;
    default:
      break;
    }
    end = item_end(m, p);
    bool here = at < m->text_end && is_item(at, p, end);
    switch (*end) {
    case '?':
      if (here) {
        const char *to = match(m, at + 1, end + 1);
        if (to) {
          at = to;
          goto done;
        }
      }
      p = end + 1;
      break;
    case '*':
    case '-':
      if (here) {
        at = *end == '*' ? match_longest(m, at, p, end) : match_shortest(m, at, p, end);
        goto done;
      }
      p = end + 1;
      break;
    case '+':
      at = here ? match_longest(m, at + 1, p, end) : NULL;
      goto done;
    default:
      at = here ? at + 1 : NULL;
      p = end;
    }
  }
done:
  m->depth++;
  return at;
}

/* ---- for the functions of strings ---- */

void kl_match_init(kl_match *m, lua_State *L, const char *text, size_t n, const char *pattern, size_t pattern_len) {
  m->work = kl_work_of(L);
  m->text = text;
  m->text_end = text + n;
  m->pattern_end = pattern + pattern_len;
}

const char *kl_match_at(kl_match *m, const char *at, const char *pattern) {
  m->level = 0;
  m->depth = MAX_DEPTH;
  return match(m, at, pattern);
}

const char *kl_match_from(kl_match *m, const char *at, const char *pattern, const char **from) {
  bool plain = pattern < m->pattern_end && is_plain(pattern);
  for (;; at++) {
    if (plain) {
      at = memchr(at, *pattern, (size_t)(m->text_end - at));
      if (!at) return NULL;
    }
    const char *to = kl_match_at(m, at, pattern);
    if (to) {
      *from = at;
      return to;
    }
    if (at == m->text_end) return NULL;
  }
}

ptrdiff_t kl_match_capture(kl_match *m, int i, const char *from, const char *to, const char **begin) {
  if (i >= m->level) {
    if (i != 0) luaL_error(m->work.L, "invalid capture index %%%d", i + 1);
    *begin = from;
    return to - from;
  }
  ptrdiff_t len = m->captures[i].len;
  *begin = m->captures[i].from;
  if (len == KL_CAPTURE_OPEN) luaL_error(m->work.L, "unfinished capture");
  if (len == KL_CAPTURE_PLACE) lua_pushinteger(m->work.L, *begin - m->text + 1);
  return len;
}

int kl_match_push(kl_match *m, const char *from, const char *to) {
  int n = m->level == 0 && from ? 1 : m->level;
  luaL_checkstack(m->work.L, n, "too many captures");
  for (int i = 0; i < n; i++) {
    const char *begin;
    ptrdiff_t len = kl_match_capture(m, i, from, to, &begin);
    if (len != KL_CAPTURE_PLACE) lua_pushlstring(m->work.L, begin, (size_t)len);
  }
  return n;
}

/* ---- a text as it stands ---- */

/* By windows that overlap, so that a long search can be ended. memmem is linear for long needles, and looks at no more
 * than 256 bytes of a short one at a place. */
static const char *find_in_windows(kl_work *b, const char *text, size_t n, const char *needle, size_t needle_len) {
  size_t window = needle_len < STRETCH / 4 ? STRETCH : needle_len * 4;
  while (n >= needle_len) {
    size_t part = n < window ? n : window;
    const char *found = memmem(text, part, needle, needle_len);
    if (found) return found;
    if (part == n) return NULL;
    kl_spend(b, part / 4);
    part -= needle_len - 1;
    text += part;
    n -= part;
  }
  return NULL;
}

const char *kl_find_plain(kl_work *b, const char *text, size_t n, const char *needle, size_t needle_len) {
  if (needle_len == 0) return text;
  /* What begins like the needle is rare as a rule; where it is not, the second way is the faster one. */
  for (size_t tries = 32; tries > 0 && n >= needle_len; tries--) {
    const char *at = memchr(text, *needle, n - needle_len + 1);
    if (!at) return NULL;
    if (memcmp(at + 1, needle + 1, needle_len - 1) == 0) return at;
    n -= (size_t)(at + 1 - text);
    text = at + 1;
  }
  return find_in_windows(b, text, n, needle, needle_len);
}
