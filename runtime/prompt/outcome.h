/* What came of an input, as a client of the control socket is told. */
#ifndef KL_PROMPT_OUTCOME_H
#define KL_PROMPT_OUTCOME_H

#include "prompt/portrait.h"
#include "script/evaluate.h"

enum { KL_KIND_SIZE = 32 };

/* Zeroed is empty. */
typedef struct kl_outcome_text {
  kl_buf json, trace;      /* the portraits; the traceback of an error */
  char kind[KL_KIND_SIZE]; /* of an error object; "" */
} kl_outcome_text;

extern const char *const kl_outcome_statuses[]; /* by kl_evaluation_status: "value" "error" "cancelled" "more" */

void kl_outcome_free(kl_outcome_text *x);
/* For kl_evaluation_options.show. */
void kl_outcome_take(kl_outcome_text *x, lua_State *L, int n, const char *traceback,
                     const kl_portrait_limits *limits); /* raises */
/* Whether the portraits are to be sent. */
bool kl_outcome_is_shown(const kl_evaluation_end *end);
/* The fields of the answer: status, ms, waited, values, message, kind, traceback. */
void kl_outcome_write(kl_buf *b, const kl_outcome_text *x, const kl_evaluation_end *end);

#endif
