/* What the files of a session share: session.c (its life), account_limits.c (tiers and costs), call_new.c and call.c
 * (one REST call), order_route.c (to which shard), lost_write.c (writes without an answer), account.c (what the
 * account has), hot_path.c (orders find everything ready). Private to
 * these.
 */
#ifndef KL_SESSION_IMPL_H
#define KL_SESSION_IMPL_H

#include "auth/ready.h"
#include "auth/signer.h"
#include "base/timer.h"
#include "kalshi/book_audit.h"
#include "kalshi/limiter.h"
#include "kalshi/own_orders.h"
#include "kalshi/session.h"

/* Bounds of the exchange's clock minus ours, in ms, from `Date` headers and from times of matching in answers. A header
 * has a resolution of a second, so one answer says little; the intersection over many is narrow. */
typedef struct kl_clock_bounds {
  bool known;
  int64_t low, high;
} kl_clock_bounds;

/* An answer with this Date came; the request left at `sent_ms` and the answer was here at `received_ms` (our clock).
 * Bounds that contradict it (a clock was set) are dropped; so are all with `restart`. */
void kl_clock_bounds_add(kl_clock_bounds *b, int64_t date_ms, int64_t sent_ms, int64_t received_ms, bool restart);
/* The same from a time of matching `at_ms` in an answer's body, exact to the millisecond. It only makes bounds better
 * that headers gave: one that is seconds away from them is some other time, or none. */
void kl_clock_bounds_refine(kl_clock_bounds *b, int64_t at_ms, int64_t sent_ms, int64_t received_ms);
/* The offset to use: 0 while that is possible, the middle otherwise. */
int64_t kl_clock_bounds_offset(const kl_clock_bounds *b);

typedef struct kl_hot_path kl_hot_path;
typedef struct kl_lost_write kl_lost_write;

struct kl_session {
  uv_loop_t *loop;
  char *env, *rest_url, *base_path, *key_id;
  kl_key *key;
  bool live, read_only;
  bool stepped;
  bool impatient; /* see kl_session_impatient */
  const kl_clock *clock;
  kl_http *http;
  kl_feed *feed;
  kl_limiter limiter;
  kl_timer pump; /* when the next ticket has its tokens */
  kl_list calls;
  size_t writes;
  size_t reads_under_way; /* being signed or sent */
  kl_hot_path *hot;
  kl_own_orders *own;
  kl_book_audit *audit; /* NULL: none */
  kl_account *account;  /* feeds `own` */

  bool limits_known;
  int64_t limits_asked_ns; /* 0: not yet */
  bool limits_asking;
  kl_request_counts *requests; /* of the operations, in the order of the table, and one more; owned */
  kl_session_times times;
  uint16_t *costs; /* of the operations, in the order of the table: by the table, then as the exchange says */
  double default_cost;
  char tier[32];
  kl_clock_bounds bounds;
  kl_session_stats stats;
  uint64_t random;

  bool closing;
  size_t open; /* handles and parts still to close */
  void (*closed)(void *);
  void *closed_data;
};

typedef enum {
  KL_CALL_HELD,    /* until the account's limits are known: it may never fit */
  KL_CALL_WAITING, /* for tokens */
  KL_CALL_SIGNING,
  KL_CALL_SENDING,
  KL_CALL_PAUSING,    /* before another try */
  KL_CALL_LOOKING_UP, /* its answer was lost */
  KL_CALL_FAILED      /* could not be sent; told from the timer */
} kl_call_state;

/* Whether a write may be repeated without harm when nobody knows whether it happened. */
typedef enum {
  KL_REPEAT_NEVER, /* it is looked up, or its outcome is unknown */
  KL_REPEAT_SAFE,  /* it sets a state: twice is as once */
  KL_REPEAT_GONE   /* it removes something: once done, a second one answers 404 */
} kl_repeat;
kl_repeat kl_operation_repeat(const kl_operation *op); /* op NULL: never */

struct kl_call {
  kl_list link;
  kl_session *s;
  kl_ticket ticket;
  kl_timer timer; /* the pause, or the deadline while nothing is on its way */
  kl_call_state state;

  const kl_operation *op; /* NULL for a path that the table does not know */
  char name[64];          /* for messages */
  char method[8];
  char *path, *query, *body;
  size_t body_len;
  kl_bucket bucket;
  bool write;
  bool anonymous; /* not signed, not billed */
  kl_repeat repeat;
  uint32_t items;

  int64_t deadline_ns, queued_ns, left_ns; /* the latter two: when it last began to wait for tokens, and was sent */
  int attempt;
  bool clock_corrected;
  bool sent;         /* something of it may have reached the exchange */
  bool lost;         /* an answer to it was lost */
  bool told_unknown; /* somebody waited until the time was over; the look-up goes on */
  bool unrouted;     /* a write of an order that names neither shard nor market, which is not known here */
  bool refused;      /* and then it was refused, which is looked into: `error` is the refusal */
  int64_t timestamp_ms, sent_ms, first_sent_ms;
  kl_count total_before; /* of the order that it decreases, when it first left; -1: not known */
  kl_sign_job *job;
  kl_http_call *http;
  kl_lost_write *lookup;
  kl_error error; /* of KL_CALL_FAILED; why the answer was lost */

  kl_call_cb cb; /* NULL: nobody waits any more */
  bool given_up; /* whoever made it wants to know its end only: it is not sent again */
  bool left;     /* who made it has been replaced: it goes on as if somebody waited */
  void *data;
};

/* session.c: one part less to wait for before the session is gone. */
void kl_session_part_closed(kl_session *s);

/* account_limits.c */
bool kl_session_costs_init(kl_session *s); /* and what is counted of the operations; false when out of memory */
double kl_session_cost(const kl_session *s, const kl_operation *op, uint32_t items);
/* Asks for tier and costs once they begin to matter (a bucket is half empty), or now. Quiet when they are known, being
 * asked for, or were asked for in vain within the last minute. */
void kl_session_ask_limits(kl_session *s, bool now);
/* Takes over the answers of GetAccountApiLimits and GetAccountEndpointCosts, whoever asked. */
void kl_session_take_answer(kl_session *s, const kl_operation *op, const char *body, size_t n);
/* Whether a call can ever have its tokens; false with "validation" and the number of orders that would fit. */
bool kl_session_fits(const kl_session *s, const kl_call *c, kl_error *e);

/* call.c: lets go what has its tokens, and sets the timer for the rest. */
void kl_session_pump(kl_session *s);
/* call.c: a call that call_new.c built begins its way. */
void kl_call_begin(kl_call *c);
/* call.c: the calls that were held until the limits are known go on. */
void kl_session_release_held(kl_session *s);
/* call.c: ends every call with an error of kind "closed". */
void kl_session_abort_calls(kl_session *s);

#endif
