/* Error answers of the exchange, read into kl_error. Private to the session; kl_error_from_response is in session.h. */
#ifndef KL_RESPONSE_H
#define KL_RESPONSE_H

#include "base/error.h"

#include <stddef.h>

/* As kl_error_from_response, knowing what the answer says it is ("" or NULL: guess from the body). */
void kl_error_from_answer(kl_error *e, int status, const char *content_type, const char *body, size_t n,
                          const char *operation);

#endif
