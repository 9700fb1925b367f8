/* A request and its answer as the handlers see them; server.c does the sockets. */
#ifndef KL_SIM_HTTP_H
#define KL_SIM_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "kalshi/operation.h"
#include "sim/keys.h"
#include "sim/language.h"

enum {
  KL_SIM_PARAMS_MOST = 3,
  KL_SIM_BODY_MOST = 4 << 20, /* bytes */
  KL_SIM_ARGS_MOST = 256
};

typedef struct kl_sim_arg {
  const char *key, *value;
} kl_sim_arg;

/* All strings are borrowed from the connection for the time of the call. */
typedef struct kl_sim_request {
  const char *method;
  const char *path;                              /* from the host root, without the query */
  const char *key_id, *timestamp, *signature;    /* the headers; NULL when absent */
  const char *content_type;                      /* NULL when absent */
  const char *peer, *host, *origin, *fetch_site; /* for the paths of control.h; NULL when absent */
  kl_sim_language language;                      /* asked for by Accept-Language */
  const kl_sim_arg *args;                        /* the query, in order */
  size_t n_args;
  const char *body;
  size_t body_len;

  void *connection; /* server.c's */

  /* Filled in by the dispatch. */
  const kl_operation *op;
  char params[KL_SIM_PARAMS_MOST][128]; /* of the path, in its order */
  kl_sim_account *account;              /* who signed; NULL: nobody, or nobody needed to */
  kl_sim_api_key *key;                  /* with what; NULL like `account` */
  kl_sim_arg *completed_args;           /* of a locked key, see scopes.h */
  char *completed_body, locked[4];
} kl_sim_request;

typedef struct kl_sim_response {
  int status;
  kl_buf body; /* JSON */
  char location[512], allow[64];
  const char *type;    /* a literal; NULL: application/json */
  const char *headers; /* more of them, each with its line end; a literal, or NULL */
} kl_sim_response;

/* An answer that comes later: the handler that asks for one returns at once and leaves its response alone. */
typedef struct kl_sim_later kl_sim_later;
kl_sim_later *kl_sim_later_new(const kl_sim_request *rq); /* NULL: out of memory */
/* Sends it, unless the client has gone. Takes both. On the loop's thread. */
void kl_sim_later_answer(kl_sim_later *l, kl_sim_response *rs);

typedef void (*kl_sim_handler)(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs);

/* Answers a request: finds the operation, checks the signature and the limits, runs its handler. */
void kl_sim_dispatch(kl_sim *s, kl_sim_request *rq, kl_sim_response *rs);

/* Appends the answer as the text of HTTP/1.1 (RFC 9112); `now_us` is the time that its Date says. Head and body are one
 * text, since they mostly go out in one write: the library's own header functions want two. */
void kl_sim_http_render(kl_buf *out, const kl_sim_response *rs, const char *method, bool close_after, int64_t now_us);

/* The four error bodies of the exchange. `details` may be NULL. */
void kl_sim_fail(kl_sim_response *rs, int status, const char *code, const char *message, const char *details);
void kl_sim_fail_result(kl_sim_response *rs, kl_exchange_result r);
void kl_sim_fail_body(kl_sim_response *rs, const char *details); /* 400 bad_request: not JSON, or of the wrong type */
void kl_sim_fail_query(const kl_sim_request *rq, kl_sim_response *rs, const char *what); /* 400 of the validator */
void kl_sim_fail_state(kl_sim_response *rs); /* 503: the state file cannot be written */
int kl_sim_status_of(kl_exchange_result r);

/* ---- the query ---- */

/* The first value of a key; NULL when it is absent or empty. */
const char *kl_sim_arg_get(const kl_sim_request *rq, const char *key);
/* False after answering 400 when it is not an integer within [min, max]; `fallback` when absent. */
bool kl_sim_arg_int(const kl_sim_request *rq, kl_sim_response *rs, const char *key, int64_t min, int64_t max,
                    int64_t fallback, int64_t *out);
bool kl_sim_arg_bool(const kl_sim_request *rq, kl_sim_response *rs, const char *key, bool *out);
/* `subaccount`: `fallback` when absent. */
bool kl_sim_arg_subaccount(const kl_sim_request *rq, kl_sim_response *rs, int fallback, int *out);
/* Whether a comma-separated list holds a text; a NULL list holds everything. */
bool kl_sim_in_list(const char *list, const char *text);
size_t kl_sim_list_count(const char *list);

/* ---- pages ---- */

/* Cursors are opaque: a letter for the kind of list and what the last row is known by. */
void kl_sim_cursor_write(kl_buf *b, char kind, const char *last);
/* False when the query has none, or one that this list did not write: then the first page is meant. */
bool kl_sim_cursor_read(const kl_sim_request *rq, char kind, char *last, size_t cap);
/* For lists that are newest first, whose rows may go between two pages: where a page starts. */
typedef struct kl_sim_place {
  bool resumed; /* whether rows are still to be skipped */
  int64_t us;   /* of the last row of the page before, and what it is known by */
  char id[128];
} kl_sim_place;
void kl_sim_place_read(const kl_sim_request *rq, char kind, kl_sim_place *p);
/* Whether a row, looked at in order, was on a page before: all are up to the one that the cursor names or, when that
 * one has gone, up to the first that is older. */
bool kl_sim_place_skips(kl_sim_place *p, const char *id, int64_t us);
void kl_sim_place_set(kl_sim_place *p, const char *id, int64_t us);
/* The end of the array, the cursor of the place, empty when there is no more, and the end of the object. */
void kl_sim_place_end(kl_buf *b, char kind, bool more, const kl_sim_place *last);

/* For lists in order of creation: the number of the row where the page starts, and the field (`key`) with the cursor of
 * the row where the next one does, empty when there is no more. */
size_t kl_sim_page_start(const kl_sim_request *rq, char kind);
void kl_sim_page_end(kl_buf *b, const char *key, char kind, bool more, size_t next);

#endif
