/* The pattern matching of Lua 5.4, with a bound: a match that takes long is ended by the watchdog. */
#ifndef KL_PATTERN_H
#define KL_PATTERN_H

#include "script/bounded.h"

/* The texts are borrowed for as long as the match; both are followed by a NUL, as those of Lua are. */
enum { KL_CAPTURES_MAX = 32 }; /* as in Lua */

typedef struct kl_match {
  kl_work work;
  const char *text, *text_end, *pattern_end;
  int depth; /* how much deeper it may nest */
  int level; /* of captures, open ones too */
  struct {
    const char *from;
    ptrdiff_t len; /* or KL_CAPTURE_OPEN, KL_CAPTURE_PLACE */
  } captures[KL_CAPTURES_MAX];
} kl_match;

enum { KL_CAPTURE_OPEN = -1, KL_CAPTURE_PLACE = -2 };

void kl_match_init(kl_match *m, lua_State *L, const char *text, size_t n, const char *pattern, size_t pattern_len);
/* Tries `pattern` (without the anchor) at `at`; the end of what matched, or NULL. */
const char *kl_match_at(kl_match *m, const char *at, const char *pattern); /* raises */
/* The same at the first place from `at` on where it matches; *from is that place. */
const char *kl_match_from(kl_match *m, const char *at, const char *pattern, const char **from); /* raises */
/* Capture i from 0; without captures number 0 is the whole match, `from` to `to`. Returns its length and where it
 * begins, or KL_CAPTURE_PLACE with its place pushed as an integer. */
ptrdiff_t kl_match_capture(kl_match *m, int i, const char *from, const char *to, const char **begin); /* raises */
/* Pushes all captures, or the whole match where there are none and `from` is not NULL; their count. */
int kl_match_push(kl_match *m, const char *from, const char *to); /* raises */

/* The first place of a needle in a text, NULL when it is not there; the time is linear. */
const char *kl_find_plain(kl_work *b, const char *text, size_t n, const char *needle, size_t needle_len); /* raises */

#endif
