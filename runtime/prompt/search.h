/* Looking for an earlier input while typing what is in it. Capitals count where one is looked for. Pure. */
#ifndef KL_PROMPT_SEARCH_H
#define KL_PROMPT_SEARCH_H

#include "base/buf.h"
#include "prompt/history.h"

/* Zeroed: none. */
typedef struct kl_search {
  bool on, forward, failed;
  kl_buf wanted;
  size_t at, place; /* the entry that was found, and where in it; `at` is the count of entries where none was */
  char *before;     /* the text that was there, its cursor, and its place in the history; owned */
  size_t before_n, before_cursor, before_at;
} kl_search;

void kl_search_begin(kl_search *s, const kl_history *h, const char *text, size_t n, size_t cursor, size_t at,
                     bool forward);
void kl_search_type(kl_search *s, const kl_history *h, uint32_t c);
void kl_search_paste(kl_search *s, const kl_history *h, const char *p, size_t n); /* up to the end of its line */
void kl_search_shorten(kl_search *s, const kl_history *h);                        /* by one character */
/* The next one that is older, or newer. */
void kl_search_again(kl_search *s, const kl_history *h, bool forward);
void kl_search_end(kl_search *s);

#endif
