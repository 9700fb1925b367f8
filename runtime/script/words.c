#include "script/words.h"

#include <ctype.h>
#include <string.h>

static bool is_name(char c) { return isalnum((unsigned char)c) || c == '_'; }

/* At a `[`: the level of the long bracket that opens there, or -1. */
static int long_level(const kl_words *w) {
  const char *p = w->at + 1;
  while (p < w->end && *p == '=')
    p++;
  return p < w->end && *p == '[' ? (int)(p - w->at - 1) : -1;
}

/* Behind the long bracket that opens at w->at. */
static void pass_long(kl_words *w, int level) {
  w->at += level + 2;
  for (; w->at < w->end; w->at++) {
    if (*w->at != ']') continue;
    const char *p = w->at + 1;
    while (p < w->end && *p == '=')
      p++;
    if (p < w->end && *p == ']' && p - w->at - 1 == level) {
      w->at = p + 1;
      return;
    }
  }
}

static void pass_quoted(kl_words *w) {
  char quote = *w->at++;
  while (w->at < w->end && *w->at != quote)
    w->at += *w->at == '\\' && w->at + 1 < w->end ? 2 : 1;
  if (w->at < w->end) w->at++;
}

static void pass_comment(kl_words *w) {
  w->at += 2;
  int level = w->at < w->end && *w->at == '[' ? long_level(w) : -1;
  if (level >= 0) {
    pass_long(w, level);
    return;
  }
  while (w->at < w->end && *w->at != '\n' && *w->at != '\r')
    w->at++;
}

/* 0x1p4, 1e5: the letters in them are no words. */
static void pass_number(kl_words *w) {
  while (w->at < w->end && (is_name(*w->at) || *w->at == '.'))
    w->at++;
}

bool kl_words_next(kl_words *w, const char **word, size_t *n) {
  while (w->at < w->end) {
    char c = *w->at;
    if (c == '-' && w->at + 1 < w->end && w->at[1] == '-') {
      pass_comment(w);
    } else if (c == '"' || c == '\'') {
      pass_quoted(w);
    } else if (c == '[' && long_level(w) >= 0) {
      pass_long(w, long_level(w));
    } else if (isdigit((unsigned char)c)) {
      pass_number(w);
    } else if (is_name(c)) {
      *word = w->at;
      while (w->at < w->end && is_name(*w->at))
        w->at++;
      *n = (size_t)(w->at - *word);
      return true;
    } else {
      w->at++;
    }
  }
  return false;
}

bool kl_words_has(const char *source, size_t n, const char *word) {
  kl_words w = kl_words_of(source, n);
  const char *found;
  for (size_t len; kl_words_next(&w, &found, &len);)
    if (len == strlen(word) && memcmp(found, word, len) == 0) return true;
  return false;
}
