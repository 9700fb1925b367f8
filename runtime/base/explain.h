/* What the catalogue of errors (lua/stdlib/cli/errors/) knows, as far as C needs it: which codes have an entry, and how
 * a line that is shown to people says so. The entries themselves are read by `kalua explain`. */
#ifndef KL_EXPLAIN_H
#define KL_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum { KL_HINT_CAP = 96 };

/* The code of an entry for an error: by its code, else by its HTTP status; NULL where its kind says all. Static. */
const char *kl_explained(const char *code, int http_status);
/* The same of an error that is only a text, as Lua raises them: by what it says. */
const char *kl_explained_text(const char *text);
/* " (kalua explain CODE)", or "" where there is no entry. Returns out. */
const char *kl_explain_hint(char out[KL_HINT_CAP], const char *code);
const char *kl_error_hint(char out[KL_HINT_CAP], const kl_error *e);
/* The code in the last such hint of a text. False where there is none; *code is borrowed from it. */
bool kl_explain_find(const char *text, size_t n, const char **code, size_t *len);

#endif
