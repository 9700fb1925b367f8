/* A session: one account (or none) on one environment. Owns the HTTP client, the key, the clock offset, the token
 * buckets and the feed; shared by all scripts of the process. Loop thread only. */
#ifndef KL_SESSION_H
#define KL_SESSION_H

#include <uv.h>

#include "auth/key.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "kalshi/feed.h"
#include "kalshi/operation.h"
#include "net/http.h"

typedef struct kl_session kl_session;
typedef struct kl_account kl_account;

typedef struct kl_session_options {
  const char *env;      /* "sim", "demo", "prod" */
  const char *rest_url; /* "https://host/trade-api/v2", no trailing slash */
  const char *ws_url;
  const char *ca_file;
  const char *key_id; /* NULL: unsigned calls only */
  kl_key *key;        /* retained */
  bool live;          /* without it no order goes to prod */
  bool read_only;     /* nothing is written there at all: paper trading's side of the market */
  bool filters_here;  /* see kl_feed_options */
  int presign_ms;     /* how old a signature made ahead for an order may get; 0: none is made ahead */
  int64_t audit_ms;   /* how often a live book is compared with REST; 0: never */
  const kl_clock *clock;
  bool stepped; /* nothing leaves and nothing that came is told but by kl_session_step: for tests (cli/stage.h) */
  const char *user_agent;
} kl_session_options;

/* A connection that is refused is tried again for a second only, where a person waits at a command: an exchange that
 * does not listen will hardly begin to. Otherwise as long as a call lasts. */
void kl_session_impatient(kl_session *s);

/* URLs of an environment, of the dedicated hosts; false for an unknown name and for "sim". */
bool kl_environment_urls(const char *env, const char **rest_url, const char **ws_url);

kl_session *kl_session_new(uv_loop_t *loop, const kl_session_options *o, kl_error *e);
/* Aborts what is under way, closes all handles; `closed` from the loop at the end. */
void kl_session_close(kl_session *s, void (*closed)(void *), void *data);

kl_feed *kl_session_feed(kl_session *s);       /* borrowed */
kl_account *kl_session_account(kl_session *s); /* borrowed; see account.h */
const char *kl_session_env(const kl_session *s);
bool kl_session_has_key(const kl_session *s);
/* Signs a WebSocket handshake or anything else on this session; see kl_sign_start. The headers are complete lines. */
int64_t kl_session_timestamp_ms(const kl_session *s);
uv_loop_t *kl_session_loop(const kl_session *s);       /* that it was made with */
const kl_clock *kl_session_clock(const kl_session *s); /* the same */

/* What a stepped session has sent and received over the open connections of its feed, and what is on its way. */
typedef struct kl_session_look {
  uint64_t commands, received;
  size_t links; /* open connections */
  size_t calls; /* requests that were sent and are not answered */
  bool busy;    /* something is about to leave: a signature is being made, a connection opened */
} kl_session_look;
void kl_session_look_at(const kl_session *s, kl_session_look *out);
/* One step: messages that came are told, or else a connection is opened, or else the next call leaves that has its
 * tokens. False: there was none of these. */
bool kl_session_step(kl_session *s);

typedef struct kl_call kl_call;

typedef struct kl_call_request {
  const kl_operation *op; /* NULL for a free-form call */
  const char *method;     /* for a free-form call */
  const char *path;       /* below /trade-api/v2, path parameters filled in, without query */
  const char *query;      /* "a=b&c=d", already encoded; NULL or "" for none */
  const char *body;       /* JSON; NULL for none */
  size_t body_len;
  uint32_t items;     /* orders in a batch, for the cost; 0 counts as 1 */
  bool routed;        /* `shard` says where a single order write goes */
  int64_t shard;      /* its exchange_index; -1: the exchange finds the shard by the ticker */
  uint64_t owner;     /* whose call it is, for fairness between scripts; 0: the session's own */
  bool urgent;        /* a read that orders wait for: goes before other reads */
  bool anonymous;     /* of a public read: not signed, and so not billed to the account */
  int64_t timeout_ms; /* 0: 30,000, all retries and waits for tokens included */
} kl_call_request;

/* Exactly one of the two is set. A status of 400 or more comes as an error (kind "http", "auth", "rate_limit") with
 * code and message of the exchange. An order write whose answer was lost is looked up: it ends with an answer that has
 * `"resolved":true`, or with an error whose code is "not_done" (it did not happen, and may be sent again) or
 * "outcome_unknown" (it may have happened; not retryable). */
typedef void (*kl_call_cb)(void *data, const kl_http_response *res, const kl_error *e);

/* Waits for tokens, signs, sends. Retries with jittered exponential backoff on 429, 5xx and network errors where
 * repeating is safe: reads, and writes that set a state. A write of orders is sent again only when a look-up showed
 * that it had not happened. Never calls `cb` from within. NULL with `e` when it cannot be started. Copies all strings.
 */
kl_call *kl_session_call(kl_session *s, const kl_call_request *r, kl_call_cb cb, void *data, kl_error *e);
/* The callback will not be called. A read is aborted. A write that is under way or being looked up, and any DELETE,
 * goes on to its end, and what became of it is logged; another write that waits, also between two tries, is not sent.
 */
void kl_call_cancel(kl_call *c);
/* The same, but a write that still waits is sent all the same, and what became of it is logged. */
void kl_call_leave(kl_call *c);
/* Nobody wants it any more, but its owner wants to know what becomes of it. True: what was under way goes on, is looked
 * up where its answer is lost, is not sent again, and the callback comes. False: it was never sent, or is known not to
 * have happened; it is gone, without a callback. A DELETE always goes on. */
bool kl_call_give_up(kl_call *c);
/* Writes under way (also abandoned ones); shutdown waits for them. */
size_t kl_session_writes_pending(const kl_session *s);

typedef struct kl_budget {
  double read, write; /* tokens left now */
  double read_capacity, write_capacity, read_rate, write_rate;
  char tier[32];          /* "" until the account's limits are known */
  double shard_write[16]; /* write tokens of the shards from 1 up; [0] is `write` */
  size_t waiting;         /* calls that wait for tokens */
} kl_budget;
void kl_session_budget(kl_session *s, kl_budget *out);

typedef struct kl_session_stats {
  uint64_t calls, errors, retries, rate_limited;
  uint64_t lost;                     /* order writes whose answer was lost; what became of them: */
  uint64_t lost_done, lost_not_done; /* it had happened; it had not, and was sent again or reported */
  uint64_t lost_unknown;
  uint64_t presigned;         /* order writes that found their signature ready */
  uint64_t audits;            /* comparisons of a live book with REST, with a verdict */
  uint64_t audit_differences; /* books that were wrong */
  uint64_t audits_undecided;  /* without a verdict */
  int64_t clock_offset_ms;    /* exchange minus here */
  int64_t clock_error_ms;     /* how far off that may be */
  bool clock_known;
} kl_session_stats;
void kl_session_stats_get(const kl_session *s, kl_session_stats *out);

/* What became of the requests of one operation, each try counted. */
enum { KL_REQUEST_NO_ANSWER, KL_REQUEST_2XX, KL_REQUEST_3XX, KL_REQUEST_4XX, KL_REQUEST_5XX, KL_REQUEST_ENDS };
typedef struct kl_request_counts {
  uint64_t ends[KL_REQUEST_ENDS];
} kl_request_counts;
/* Of kl_operations[i]; with i = kl_operation_count those of paths that the table does not know. Borrowed. */
const kl_request_counts *kl_session_requests(const kl_session *s, size_t i);
typedef struct kl_session_times {
  kl_durations reads, writes; /* from leaving to the answer, each try */
  kl_durations waits;         /* for tokens */
} kl_session_times;
const kl_session_times *kl_session_times_get(const kl_session *s); /* borrowed */

/* Turns an error body of any of the four wire shapes into `e` (kind, status, code, message). */
void kl_error_from_response(kl_error *e, int status, const char *body, size_t n, const char *operation);
/* Whether the exchange has refused it, and so done nothing: by an answer of 4xx, or by one of 5xx that says that the
 * whole exchange is paused. After any other of 5xx nobody knows. */
bool kl_error_is_refusal(const kl_error *e);

#endif
