/* What the files of the mirror's doors share: mirror_door.c (what is told), mirror_hold.c (who waits for it). */
#ifndef KL_SIM_MIRROR_DOOR_IMPL_H
#define KL_SIM_MIRROR_DOOR_IMPL_H

#include "base/map.h"
#include "sim/impl.h"
#include "sim/mirror_door.h"

/* A market that an order named. Of the simulator's thread. */
typedef struct kl_sim_mirrored {
  bool ready;
  bool asked;         /* and nothing was told since */
  int64_t missing_ns; /* when it was told that it cannot be had; 0: it was not */
  char why[160];      /* "": there is no such market */
} kl_sim_mirrored;

struct kl_sim_mirror {
  kl_mirror *model;
  kl_map *markets; /* kl_sim_mirrored by ticker */
  uv_async_t told;
  uv_timer_t clock;
  bool begun;
  kl_buf taken;       /* being taken in */
  int64_t retired_us; /* when it was looked for what has settled long ago */
  /* Between the threads. */
  pthread_mutex_t lock;
  pthread_cond_t reported;
  kl_buf queue;
  bool wants_report;
  kl_sim_mirror_report report;
};

/* Made when it is new; NULL: out of memory. */
kl_sim_mirrored *kl_sim_mirrored_of(struct kl_sim_mirror *m, const char *ticker);
/* Asks for a market unless it is there or asked for. */
void kl_sim_mirrored_want(kl_sim *s, kl_sim_mirrored *k, const char *ticker);

#endif
