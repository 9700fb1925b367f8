/* Time. Nothing else in Kalua asks the operating system for it. A clock is an interface, so that virtual time runs the
 * same code as real time. */
#ifndef KL_CLOCK_H
#define KL_CLOCK_H

#include <stddef.h>
#include <stdint.h>

typedef struct kl_clock kl_clock;
struct kl_clock {
  int64_t (*mono_ns)(const kl_clock *); /* monotonic, arbitrary origin */
  int64_t (*wall_us)(const kl_clock *); /* microseconds since the Unix epoch */
};

/* The system's clock; static, never freed. */
const kl_clock *kl_clock_real(void);

/* Shorthands on a clock. */
int64_t kl_mono_ns(const kl_clock *c);
int64_t kl_wall_us(const kl_clock *c);
int64_t kl_wall_ms(const kl_clock *c);

/* A clock moved by hand: wall_us starts at `wall_us`, mono_ns at 0. Plain value; needs no release. */
typedef struct kl_clock_virtual {
  kl_clock clock; /* first */
  int64_t now_us;
  int64_t start_us;
} kl_clock_virtual;
void kl_clock_virtual_init(kl_clock_virtual *v, int64_t wall_us);
void kl_clock_virtual_advance(kl_clock_virtual *v, int64_t us);

/* RFC 3339 in UTC with `fraction` digits of a second (0, 3 or 6): "2026-09-15T14:30:00.402Z". Returns the length. */
size_t kl_time_rfc3339(char *out, size_t cap, int64_t wall_us, int fraction);

#endif
