/* A simulator as a stage: its owner puts markets and other people's orders there and moves its time (the option
 * `clock`), so that nothing happens by itself. For tests of strategies. Each call hands its work to the simulator's
 * thread and waits until it is done. */
#ifndef KL_SIM_STAGE_H
#define KL_SIM_STAGE_H

#include "base/buf.h"
#include "base/units.h"
#include "sim/sim.h"

/* How far the simulator is. Its owner compares: what clients have sent and it has not heard is on its way, and so is
 * what it has told and they have not received. */
typedef struct kl_sim_look {
  uint64_t heard;  /* WebSocket commands of open connections */
  uint64_t told;   /* frames to open connections, those included that leave now, but for what waits for its time */
  size_t sessions; /* WebSocket connections that stay open */
  size_t held;     /* HTTP requests that wait for their time, or are never answered */
  int64_t next_us; /* when it wants to be called next */
} kl_sim_look;

/* What is due by the clock's time happens, and then it is looked at. */
void kl_sim_stage_turn(kl_sim *s, kl_sim_look *out);

typedef struct kl_sim_stage_market {
  const char *ticker, *event_ticker, *series_ticker;
  const char *title;
  const char *structure; /* price level structure, "linear_cent" and so on */
  int64_t close_us;
  bool exclusive; /* its event's markets exclude each other; of the first market of an event */
} kl_sim_stage_market;

/* A market that is open from now on; series and event are made where there are none. False with `e`. */
bool kl_sim_stage_add(kl_sim *s, const kl_sim_stage_market *m, kl_error *e);

typedef struct kl_sim_stage_order {
  kl_side side;
  kl_price price; /* of YES */
  kl_count count;
} kl_sim_stage_order;

/* Orders of somebody else, who first cancels what he has in the market when `replace` is set. They trade with what they
 * cross, as any order does, and the rest of them rests. False with `e`, which says which order was refused. */
bool kl_sim_stage_orders(kl_sim *s, const char *ticker, const kl_sim_stage_order *orders, size_t n, bool replace,
                         kl_error *e);
/* As kl_sim_trigger_run. */
bool kl_sim_stage_trigger(kl_sim *s, const char *kind, const char *const *words, kl_buf *out, kl_error *e);

#endif
