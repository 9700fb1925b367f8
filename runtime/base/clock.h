/* Time. Nothing else in Kalua asks the operating system for it. A clock is an interface, so that virtual time runs the
 * same code as real time. */
#ifndef KL_CLOCK_H
#define KL_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct kl_clock kl_clock;
struct kl_clock {
  int64_t (*mono_ns)(const kl_clock *); /* monotonic, arbitrary origin */
  int64_t (*wall_us)(const kl_clock *); /* microseconds since the Unix epoch */
  struct kl_timeline *line; /* what waits for this clock to be moved (base/timer.h); NULL: time passes by itself */
};

/* The system's clock; static, never freed. */
const kl_clock *kl_clock_real(void);

/* Shorthands on a clock. */
int64_t kl_mono_ns(const kl_clock *c);
int64_t kl_wall_us(const kl_clock *c);
int64_t kl_wall_ms(const kl_clock *c);

/* The processor time that the calling thread has used, nanoseconds: what it waits for, and for a processor, does not
 * count. */
int64_t kl_thread_cpu_ns(void);

/* A clock moved by hand: wall_us starts at `wall_us`, mono_ns at 0. Needs no release. Any thread may read it. */
typedef struct kl_clock_virtual {
  kl_clock clock; /* first */
  _Atomic int64_t now_us;
  int64_t start_us;
} kl_clock_virtual;
void kl_clock_virtual_init(kl_clock_virtual *v, int64_t wall_us);
void kl_clock_virtual_advance(kl_clock_virtual *v, int64_t us);

/* RFC 3339 in UTC with `fraction` digits of a second (0, 3 or 6): "2026-09-15T14:30:00.402Z". Returns the length. */
size_t kl_time_rfc3339(char *out, size_t cap, int64_t wall_us, int fraction);
/* Reads such a time of n bytes, with any number of digits of a second (what is beyond microseconds is cut) and with "Z"
 * or an offset ("+01:00"). False on anything else, a day that does not exist included; *wall_us is then untouched. */
bool kl_time_parse_rfc3339(const char *s, size_t n, int64_t *wall_us);

#endif
