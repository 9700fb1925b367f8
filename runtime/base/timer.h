/* Timers of what runs by a kl_clock: uv_timer_t where that is the system's, and entries of its timeline where it is
 * moved by hand. Time limits of the network are uv_timer_t: they are about the machine, whatever the clock says. */
#ifndef KL_TIMER_H
#define KL_TIMER_H

#include <uv.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/timeline.h"

typedef struct kl_timer {
  uv_timer_t uv; /* first: callbacks get it; its `data` is the owner's */
  const kl_clock *clock;
  kl_timed timed;
  uv_timer_cb cb;
  uint64_t repeat_ms;
} kl_timer;

static inline void kl_timer_fire(kl_timed *d) {
  kl_timer *t = KL_CONTAINER(d, kl_timer, timed);
  if (t->repeat_ms) kl_timeline_add(t->clock->line, d, d->due_us + (int64_t)t->repeat_ms * 1000);
  t->cb(&t->uv);
}

/* The clock is borrowed for as long as the timer lives. */
static inline void kl_timer_init(uv_loop_t *loop, kl_timer *t, const kl_clock *clock) {
  (void)uv_timer_init(loop, &t->uv);
  t->clock = clock;
  t->timed = (kl_timed){.fire = kl_timer_fire};
}

static inline void kl_timer_stop(kl_timer *t) {
  if (t->clock->line)
    kl_timeline_remove(t->clock->line, &t->timed);
  else
    (void)uv_timer_stop(&t->uv);
}

/* As uv_timer_start: does nothing with one that is closing, and else cannot fail. */
static inline void kl_timer_start(kl_timer *t, uv_timer_cb cb, uint64_t ms, uint64_t repeat_ms) {
  kl_timeline *line = t->clock->line;
  if (!line) {
    (void)uv_timer_start(&t->uv, cb, ms, repeat_ms);
    return;
  }
  if (uv_is_closing((const uv_handle_t *)&t->uv)) return;
  kl_timeline_remove(line, &t->timed);
  t->cb = cb;
  t->repeat_ms = repeat_ms;
  kl_timeline_add(line, &t->timed, kl_wall_us(t->clock) + (int64_t)ms * 1000);
}

/* Once, and by the clock itself never before `ms` have passed. */
static inline void kl_timer_sleep(kl_timer *t, uv_timer_cb cb, uint64_t ms) {
  if (!t->clock->line) uv_update_time(t->uv.loop);        /* the loop's own idea of now is as old as its last poll, */
  kl_timer_start(t, cb, t->clock->line ? ms : ms + 1, 0); /* and it ticks in whole milliseconds */
}

static inline bool kl_timer_active(const kl_timer *t) {
  return t->clock->line ? t->timed.waits : uv_is_active((const uv_handle_t *)&t->uv) != 0;
}

/* Milliseconds until it is due. */
static inline uint64_t kl_timer_left_ms(const kl_timer *t) {
  if (!t->clock->line) return uv_timer_get_due_in(&t->uv);
  int64_t left = t->timed.waits ? t->timed.due_us - kl_wall_us(t->clock) : 0;
  return left > 0 ? (uint64_t)left / 1000 : 0;
}

/* Stops it; `closed` comes from the loop. */
static inline void kl_timer_close(kl_timer *t, uv_close_cb closed) {
  kl_timer_stop(t);
  uv_close((uv_handle_t *)&t->uv, closed);
}

#endif
