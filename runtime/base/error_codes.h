/* Of lua/stdlib/cli/errors/, made at build time by runtime/base/error_codes.lua. */
#ifndef KL_ERROR_CODES_H
#define KL_ERROR_CODES_H

#include <stddef.h>

/* What an error without a code says, and the code of its entry. */
typedef struct kl_error_saying {
  const char *says, *code;
} kl_error_saying;

extern const char *const kl_error_codes[]; /* with an entry of their own, which is no kind; in order, ignoring case */
extern const size_t kl_error_code_count;
extern const kl_error_saying kl_error_sayings[]; /* longest first */
extern const size_t kl_error_saying_count;

#endif
