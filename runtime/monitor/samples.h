/* A value over time in bounded memory: one sample a second for the last ten minutes, then one for ten seconds, one a
 * minute, one for ten minutes; together a hundred hours. A pure library: no clock of its own. */
#ifndef KL_SAMPLES_H
#define KL_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct kl_samples kl_samples;

enum { KL_SAMPLES_TIERS = 4, KL_SAMPLES_EACH = 600 };

kl_samples *kl_samples_new(void);    /* NULL when out of memory */
void kl_samples_free(kl_samples *s); /* takes NULL */
/* Adds the value of that time. One less than 900 ms behind the last, or before it (the clock was set), gives the last
 * its value only. What there is no memory for is left out. */
void kl_samples_add(kl_samples *s, int64_t wall_ms, int64_t value);
size_t kl_samples_count(const kl_samples *s);

/* Calls `each` for samples since `since_ms`, the oldest first: of those within `step_ms` of each other the last only
 * (0: all), and the newest always. */
void kl_samples_each(const kl_samples *s, int64_t since_ms, int64_t step_ms,
                     void (*each)(void *data, int64_t wall_ms, int64_t value), void *data);

#endif
