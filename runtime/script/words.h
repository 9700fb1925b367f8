/* The words of a Lua source, past its strings and comments: for what has to be known of an input before it is run. */
#ifndef KL_SCRIPT_WORDS_H
#define KL_SCRIPT_WORDS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct kl_words {
  const char *at, *end;
} kl_words;

static inline kl_words kl_words_of(const char *source, size_t n) { return (kl_words){source, source + n}; }
/* The next name or reserved word; borrowed from the source. False at its end. */
bool kl_words_next(kl_words *w, const char **word, size_t *n);
/* Whether this word is in the source. */
bool kl_words_has(const char *source, size_t n, const char *word);

#endif
