/* The one error value of the runtime. C functions return false and fill it; bindings raise it as the error object of
 * the scripts. Never holds a secret. */
#ifndef KL_ERROR_H
#define KL_ERROR_H

#include <stdbool.h>

/* Kinds, as scripts see them in `err.kind`. Static strings, compared by content. */
#define KL_ERR_HTTP "http"
#define KL_ERR_NETWORK "network"
#define KL_ERR_TIMEOUT "timeout"
#define KL_ERR_AUTH "auth"
#define KL_ERR_RATE_LIMIT "rate_limit"
#define KL_ERR_WS "ws"
#define KL_ERR_VALIDATION "validation"
#define KL_ERR_CANCELLED "cancelled"
#define KL_ERR_CLOSED "closed"
#define KL_ERR_OVERFLOW "overflow"
#define KL_ERR_LIMIT "limit"       /* a ceiling of the script: it would hold or do too much */
#define KL_ERR_RISK "risk"         /* a risk limit; `code` is its name, or "halted" */
#define KL_ERR_CONFIG "config"     /* credentials or configuration; exit code 3 */
#define KL_ERR_PROTOCOL "protocol" /* the other side sent what it must not */
#define KL_ERR_PERMISSION "permission"
#define KL_ERR_PAPER "paper"             /* it cannot be done in paper trading */
#define KL_ERR_SHADOW "shadow"           /* a shadow has no effect outside, and no answer can be made up */
#define KL_ERR_INTERNAL "internal"       /* out of memory and the like */
#define KL_ERR_BROKEN_PIPE "broken_pipe" /* what reads the output of a command has gone */

/* Of a request that got no answer: whether the server may have got it. */
typedef enum { KL_SENT_UNSAID, KL_SENT_NO, KL_SENT_MAYBE } kl_sent;

typedef struct kl_error {
  const char *kind; /* one of the above; NULL while there is no error */
  int status;       /* HTTP status or WebSocket error code, 0 where none */
  bool retryable;   /* the same call may succeed later without a change, and repeating it is safe */
  kl_sent sent;     /* by net/http.h */
  char code[64];    /* the situation, or the exchange's own code; "" where there is no more to say than the kind */
  char operation[64];
  char message[640]; /* one line: what, where, what to do */
} kl_error;

/* Fills `e` (NULL is allowed) with a kind and a formatted message; clears the other fields. */
void kl_error_set(kl_error *e, const char *kind, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same with a code: a word that stays what it is over versions, for a situation that the catalogue of
 * lua/stdlib/cli/errors/ explains. */
void kl_error_coded(kl_error *e, const char *kind, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Gives an error another code, "" for none; what is longer than the field is cut. NULL is allowed. */
void kl_error_code(kl_error *e, const char *code);

#endif
