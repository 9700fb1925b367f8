/* The rules that are in force, and what they say about each request and message. Pure but for its own state: no
 * sockets, and the time is an argument (microseconds of a clock that does not jump). The same seed, rules and order of
 * what comes give the same faults. server.c and session.c do what is said here, fault_doors.c what comes by schedule.
 */
#ifndef KL_SIM_FAULTS_H
#define KL_SIM_FAULTS_H

#include "base/buf.h"
#include "sim/fault_spec.h"

typedef struct kl_sim_faults kl_sim_faults;

/* A rule in force. */
typedef struct kl_sim_fault {
  kl_fault_rule rule;
  unsigned id;  /* 1, 2, … */
  bool passing; /* added while it runs: goes once it can do no more */
  int64_t began_us;
  kl_sim_random random; /* of its own, so that rules do not disturb each other */
  int64_t period;
  uint64_t seen, hits; /* in this period: that matched, that it struck */
  uint64_t fired;      /* moments that have passed */
  uint64_t struck;     /* ever */
  bool on;             /* of a window, as it was last told */
} kl_sim_fault;

kl_sim_faults *kl_sim_faults_new(uint64_t seed); /* NULL: out of memory */
void kl_sim_faults_free(kl_sim_faults *f);       /* takes NULL */

/* Adds the rules of a specification from now on; *first (may be NULL) gets the id of the first, the others follow.
 * False with `e` (kind "config") and nothing added. */
bool kl_sim_faults_add(kl_sim_faults *f, const char *spec, int64_t now_us, bool passing, unsigned *first, kl_error *e);
/* Takes a rule out, or all with id 0; returns how many. Windows that were on are told off by the next tick. */
size_t kl_sim_faults_clear(kl_sim_faults *f, unsigned id);
size_t kl_sim_faults_count(const kl_sim_faults *f);
kl_sim_fault *kl_sim_faults_at(kl_sim_faults *f, size_t i); /* borrowed until the next add, clear or sweep */
/* Drops the passing rules that can do no more. */
void kl_sim_faults_sweep(kl_sim_faults *f, int64_t now_us);

/* Whose request or connection it is. */
typedef struct kl_fault_who {
  int user;           /* 1, 2, …; 0: nobody known */
  const char *key_id; /* as sent; NULL: none */
} kl_fault_who;
/* Whether a rule's user filter ("": everybody) lets it through. */
bool kl_fault_who_matches(const char *filter, const kl_fault_who *who);

/* What happens to a request. */
typedef struct kl_fault_verdict {
  int64_t arrival_us; /* it is handled that much later */
  int64_t latency_us; /* its answer leaves that much later */
  int64_t rate;       /* bytes a second of its answer; 0: as fast as it goes */
  kl_fault_kind end;  /* LOSE_…, HANG_…, RESET_…, FAIL_…, LIMIT or CUT; NONE: it is answered */
  int status;         /* of FAIL_… */
  bool repeat;        /* it is handled twice, and the second answer is given */
  unsigned rule;      /* id of the one that says `end` or `repeat` */
} kl_fault_verdict;

/* `op` NULL: no operation has this method and path. `handshake`: of a WebSocket. */
void kl_sim_faults_request(kl_sim_faults *f, const kl_operation *op, bool handshake, const char *method,
                           const char *path, const kl_fault_who *who, int64_t now_us, kl_fault_verdict *out);

/* What happens to a message of a channel (its number; the count of channels: an answer to a command). */
typedef struct kl_fault_fate {
  int64_t latency_us;
  int64_t rate;
  int64_t gap;       /* numbers skipped before it */
  int64_t stall_us;  /* nothing is written for that long */
  kl_fault_kind end; /* DISCONNECT, CLOSE, RESET (of the connection) or END (of the subscription) */
  int code;          /* of CLOSE and END */
  bool drop, vanish, duplicate, cut;
  unsigned rule; /* id of the last one that struck */
} kl_fault_fate;

/* Whether any rule is about messages: the way of each message asks this first. NULL is false. */
bool kl_sim_faults_about_messages(const kl_sim_faults *f);
void kl_sim_faults_message(kl_sim_faults *f, int channel, const kl_fault_who *who, int64_t now_us, kl_fault_fate *out);

/* Moments of a rule that have passed since the last call: 0 or more (they are not made up for one by one). */
uint64_t kl_sim_fault_due(kl_sim_fault *f, int64_t now_us);
/* Whether a window is on. */
bool kl_sim_fault_is_on(const kl_sim_fault *f, int64_t now_us);
/* The fault's next value of its distribution. */
int64_t kl_sim_fault_sample(kl_sim_fault *f);
/* When the window that is on ends, on the same clock; INT64_MAX: never. */
int64_t kl_sim_fault_ends_us(const kl_sim_fault *f, int64_t now_us);

#endif
