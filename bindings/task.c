/* Module `task`: spawn, sleep, every, and what a task object can do. */
#include "bindings/task.h"

#include <math.h>
#include <stdlib.h>

#include "bindings/bindings.h"
#include "bindings/check.h"
#include "script/limits.h"

static const double MAX_SECONDS = 1e6;

/* From `least` to a million. */
static lua_Number check_seconds(lua_State *L, int idx, const char *function, double least, const char *what) {
  lua_Number seconds = lua_type(L, idx) == LUA_TNUMBER ? lua_tonumber(L, idx) : -1;
  if (!(seconds >= least && seconds <= MAX_SECONDS)) kl_bad_argument(L, idx, function, what); /* NaN too */
  return seconds;
}

uint64_t kl_check_seconds(lua_State *L, int idx, const char *function) {
  return (uint64_t)ceil(check_seconds(L, idx, function, 0, "0 to a million seconds") * 1e3);
}

/* ---- sleep ---- */

typedef struct {
  kl_wait wait; /* first */
  kl_slot slot;
  uv_timer_t timer;
} sleep_wait;

static void sleep_closed(uv_handle_t *h) { free(h->data); }
static void sleep_drop(kl_wait *w) {
  sleep_wait *s = (sleep_wait *)w;
  kl_slot_release(&s->slot);
  uv_close((uv_handle_t *)&s->timer, sleep_closed);
}
static void sleep_fired(uv_timer_t *h) { kl_complete(&((sleep_wait *)h->data)->wait); }

static int sleep_push(lua_State *L, kl_wait *w) {
  (void)L;
  (void)w;
  return 0;
}

static int sleep_ms(lua_State *L, uint64_t ms) {
  if (ms == 0) return kl_yield(L);
  kl_slot slot;
  kl_check_await(L);
  kl_slot_take(L, &slot, KL_SLOT_TIMER, "task.sleep");
  sleep_wait *s = calloc(1, sizeof *s);
  if (!s) {
    kl_slot_release(&slot);
    return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory");
  }
  s->slot = slot;
  s->wait = (kl_wait){.push = sleep_push, .drop = sleep_drop};
  uv_loop_t *loop = kl_script_loop(kl_script_of(L));
  uv_timer_init(loop, &s->timer);
  s->timer.data = s;
  uv_update_time(loop);                              /* the loop's own idea of now is as old as its last poll */
  uv_timer_start(&s->timer, sleep_fired, ms + 1, 0); /* its clock ticks in whole milliseconds: never too short */
  return kl_await(L, &s->wait);
}

static int l_sleep(lua_State *L) { return sleep_ms(L, kl_check_seconds(L, 1, "task.sleep")); }
static int l_yield(lua_State *L) { return kl_yield(L); }

/* ---- spawn and every ---- */

static int l_spawn(lua_State *L) {
  kl_check_type(L, 1, LUA_TFUNCTION, "task.spawn");
  kl_task_spawn(L, lua_gettop(L) - 1);
  return 1;
}

static double monotonic(lua_State *L) { return (double)kl_mono_ns(kl_script_clock(kl_script_of(L))) / 1e9; }

/* Sleeps until a time of the monotonic clock. */
static int sleep_until(lua_State *L) {
  double left = lua_tonumber(L, 1) - monotonic(L);
  return sleep_ms(L, left > 0 ? (uint64_t)ceil(left * 1e3) : 0);
}

enum { EVERY_SLEEPS, EVERY_CALLS, EVERY_CALLED };
enum { INTERVAL = 1, CALLBACK, DUE };

/* The body of task.every; stack: interval, function, time of the next call. */
static int every_step(lua_State *L, int status, lua_KContext step) {
  (void)status;
  for (;;) {
    lua_settop(L, DUE);
    if (step == EVERY_SLEEPS) {
      lua_pushcfunction(L, sleep_until);
      lua_pushvalue(L, DUE);
      lua_callk(L, 1, 0, EVERY_CALLS, every_step);
      step = EVERY_CALLS;
    } else if (step == EVERY_CALLS) {
      lua_pushvalue(L, CALLBACK);
      lua_callk(L, 0, 0, EVERY_CALLED, every_step);
      step = EVERY_CALLED;
    } else {
      /* A call that took longer than the interval: the ones it was in the way of are left out, not made up for. */
      double interval = lua_tonumber(L, INTERVAL), due = lua_tonumber(L, DUE) + interval;
      double late = monotonic(L) - due;
      if (late > 0) due += ceil(late / interval) * interval;
      lua_pushnumber(L, due);
      lua_replace(L, DUE);
      step = EVERY_SLEEPS;
    }
  }
  return 0;
}

static int every_body(lua_State *L) { return every_step(L, LUA_OK, EVERY_SLEEPS); }

static int l_every(lua_State *L) {
  lua_Number seconds = check_seconds(L, 1, "task.every", 0.001, "0.001 to a million seconds");
  kl_check_type(L, 2, LUA_TFUNCTION, "task.every");
  lua_pushcfunction(L, every_body);
  lua_pushnumber(L, seconds);
  lua_pushvalue(L, 2);
  lua_pushnumber(L, monotonic(L) + seconds);
  kl_task_spawn(L, 3);
  return 1;
}

/* ---- await ---- */

static kl_task *check_self(lua_State *L, const char *method) {
  kl_task *t = kl_task_test(L, 1);
  if (!t) kl_raisef(L, KL_ERR_VALIDATION, "task:%s: call it with a colon, on a task", method);
  return t;
}

typedef struct {
  kl_wait wait; /* first */
  kl_joiner joiner;
} join_wait;

static bool join_ended(kl_joiner *j, kl_task *t) {
  (void)t;
  kl_complete(&KL_CONTAINER(j, join_wait, joiner)->wait);
  return true;
}

static void join_drop(kl_wait *w) {
  join_wait *j = (join_wait *)w;
  kl_task_leave(&j->joiner);
  free(j);
}

static int join_push(lua_State *L, kl_wait *w) {
  (void)w;
  return kl_task_results(L, 1, -1);
}

static int l_await(lua_State *L) {
  kl_task *t = check_self(L, "await");
  lua_settop(L, 1);
  kl_check_cancelled(L);
  if (kl_task_ended(t)) return kl_task_results(L, 1, -1);
  if (t == kl_task_current(L)) return kl_raisef(L, KL_ERR_VALIDATION, "a task cannot wait for itself");
  join_wait *j = calloc(1, sizeof *j);
  if (!j) return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory");
  j->wait = (kl_wait){.push = join_push, .drop = join_drop, .kind = KL_WAIT_INNER};
  j->joiner.ended = join_ended;
  kl_list_init(&j->joiner.link);
  kl_task_join(t, &j->joiner);
  return kl_await(L, &j->wait);
}

static int l_cancel(lua_State *L) {
  kl_task *t = check_self(L, "cancel");
  const char *why = lua_isnoneornil(L, 2) ? NULL : kl_check_text(L, 2, "task:cancel", NULL);
  if (why)
    kl_task_cancel_text(t, why);
  else
    kl_task_cancel(t, "the task was cancelled");
  return 0;
}

static int l_status(lua_State *L) {
  static const char *const names[] = {[KL_TASK_WAITING] = "waiting",
                                      [KL_TASK_RUNNING] = "running",
                                      [KL_TASK_DONE] = "done",
                                      [KL_TASK_FAILED] = "failed",
                                      [KL_TASK_CANCELLED] = "cancelled"};
  lua_pushstring(L, names[kl_task_get_status(check_self(L, "status"))]);
  return 1;
}

/* ---- the module ---- */

void kl_task_register(lua_State *L) {
  static const luaL_Reg methods[] = {{"await", l_await}, {"cancel", l_cancel}, {"status", l_status}, {NULL, NULL}};
  kl_task_add_methods(L, methods);
}

int luaopen_kl_task(lua_State *L) {
  static const luaL_Reg functions[] = {{"spawn", l_spawn},
                                       {"sleep", l_sleep},
                                       {"yield", l_yield},
                                       {"every", l_every},
                                       {"timeout", kl_group_timeout_lua},
                                       {"all", kl_group_all_lua},
                                       {"race", kl_group_race_lua},
                                       {"channel", kl_channel_new_lua},
                                       {NULL, NULL}};
  kl_task_register(L);
  kl_channel_register(L);
  luaL_newlib(L, functions);
  return 1;
}
