/* Compares what two scripts do, act by act as they do it: an act of the one and an equal act of the other are a pair,
 * the earlier ones first, when they are no further apart than a window. What finds none within it is a difference.
 * Without a clock of its own, and without Lua. */
#ifndef KL_COMPARISON_H
#define KL_COMPARISON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { KL_ACTOR_OLD, KL_ACTOR_NEW, KL_ACTORS } kl_actor;

/* Equal are two with the same texts and the same detail. */
typedef struct kl_act {
  int64_t at_us;   /* monotonic; never before that of the act before */
  int64_t wall_us; /* to be shown */
  char operation[64];
  char ticker[64];
  char side[8];
  char price[24], count[24];
  uint64_t detail; /* a hash of whatever else makes it what it is */
} kl_act;

/* The newest differences are kept; all are counted. */
enum { KL_DIFFERENCES_MAX = 10000 };

typedef struct kl_comparison kl_comparison;
kl_comparison *kl_comparison_new(int64_t window_us); /* NULL when out of memory */
void kl_comparison_free(kl_comparison *c);           /* takes NULL */
/* False when memory is out: then the act is counted as a difference that is not kept. */
bool kl_comparison_add(kl_comparison *c, kl_actor who, const kl_act *act);

typedef struct kl_comparison_counts {
  uint64_t same;            /* pairs */
  uint64_t only[KL_ACTORS]; /* differences */
  uint64_t open;            /* acts that may still find their pair */
  uint64_t kept;            /* of the differences */
} kl_comparison_counts;
/* As of now_us, a time as in at_us; INT64_MAX: nothing will follow. */
void kl_comparison_count(const kl_comparison *c, int64_t now_us, kl_comparison_counts *out);

typedef struct kl_difference kl_difference;
/* The differences that are kept, in order of time: NULL begins, NULL ends. Borrowed until the next add. */
const kl_difference *kl_comparison_next(const kl_comparison *c, int64_t now_us, const kl_difference *after);
kl_actor kl_difference_who(const kl_difference *d);
const kl_act *kl_difference_act(const kl_difference *d);

#endif
