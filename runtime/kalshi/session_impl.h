/* What session.c and call.c share. Private to these two. */
#ifndef KL_SESSION_IMPL_H
#define KL_SESSION_IMPL_H

#include "kalshi/limiter.h"
#include "kalshi/session.h"

/* Bounds of the exchange's clock minus ours, in ms, from `Date` headers. They have a resolution of a second, so one
 * answer says little; the intersection over many is narrow. */
typedef struct kl_clock_bounds {
  bool known;
  int64_t low, high;
} kl_clock_bounds;

/* An answer with this Date came; the request left at `sent_ms` and the answer was here at `received_ms` (our clock).
 * Bounds that contradict it (a clock was set) are dropped; so are all with `restart`. */
void kl_clock_bounds_add(kl_clock_bounds *b, int64_t date_ms, int64_t sent_ms, int64_t received_ms, bool restart);
/* The offset to use: 0 while that is possible, the middle otherwise. */
int64_t kl_clock_bounds_offset(const kl_clock_bounds *b);

struct kl_session {
  uv_loop_t *loop;
  char *env, *rest_url, *base_path, *key_id;
  kl_key *key;
  bool live;
  const kl_clock *clock;
  kl_http *http;
  kl_feed *feed;
  kl_limiter limiter;
  uv_timer_t pump; /* when the next ticket has its tokens */
  kl_list calls;
  size_t writes;

  bool limits_known;
  int64_t limits_asked_ns; /* 0: not yet */
  char tier[32];
  kl_clock_bounds bounds;
  kl_session_stats stats;
  uint64_t random;

  bool closing;
  size_t open; /* handles and parts still to close */
  void (*closed)(void *);
  void *closed_data;
};

/* call.c: lets go what has its tokens, and sets the timer for the rest. */
void kl_session_pump(kl_session *s);
/* call.c: ends every call with an error of kind "closed". */
void kl_session_abort_calls(kl_session *s);
/* session.c: one part less to wait for before the session is gone. */
void kl_session_part_closed(kl_session *s);
/* session.c: the answer of GetAccountApiLimits. */
void kl_session_take_limits(kl_session *s, const char *body, size_t n);

#endif
