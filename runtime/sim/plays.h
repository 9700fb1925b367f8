/* Play by play: what was seen of every game that is under way, kept as long as its event can be looked up. */
#ifndef KL_SIM_PLAYS_H
#define KL_SIM_PLAYS_H

#include "sim/impl.h"

typedef enum { KL_SIM_PLAY_BEGIN, KL_SIM_PLAY_PERIOD, KL_SIM_PLAY_SCORE, KL_SIM_PLAY_END } kl_sim_play_kind;

typedef struct kl_sim_play {
  int64_t at_us;
  kl_sim_play_kind kind;
  int16_t period, clock_s;
  int16_t score[2]; /* after it: away, home */
  int16_t points;   /* SCORE */
  int8_t side;      /* SCORE: 0 away, 1 home */
} kl_sim_play;

struct kl_sim_plays;
struct kl_sim_plays *kl_sim_plays_new(void);    /* NULL when out of memory */
void kl_sim_plays_free(struct kl_sim_plays *p); /* takes NULL */
/* Looks at all games. Every 100 ms: of what happened between two looks, only the sum is told. */
void kl_sim_plays_tick(kl_sim *s);

/* The plays of a game in order; *n is 0 when it has not begun. Borrowed until the next tick. */
const kl_sim_play *kl_sim_plays_of(const struct kl_sim_plays *p, const char *event_ticker, size_t *n);

#endif
