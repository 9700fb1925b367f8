/* What people type may hold what nobody else shall read: keys, tokens, passwords. What is kept of it, the history and
 * the journal, has these left out. */
#ifndef KL_PROMPT_SECRET_TEXT_H
#define KL_PROMPT_SECRET_TEXT_H

#include "base/buf.h"

/* Appends the text with what looks like a secret replaced by "[secret]": private keys in PEM; quoted values, and words
 * of letters with digits, that are given to a name like `token`, `api_key` or `password`; what follows "Bearer"; JSON
 * Web Tokens; long runs of base64 or of hexadecimal digits. True where something was replaced. */
bool kl_secret_mask(kl_buf *out, const char *text, size_t n);
/* Whether something would be. */
bool kl_secret_found(const char *text, size_t n);

#endif
