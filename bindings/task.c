/* Module `task`: spawn, sleep, every, and what a task object can do. */
#include "bindings/task.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bindings/bindings.h"
#include "bindings/check.h"
#include "bindings/inspect.h"
#include "bindings/json.h"
#include "script/guard.h"
#include "script/limits.h"
#include "script/look.h"

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
  kl_timer timer;
  double every; /* seconds between the calls of task.every; 0: it is none */
} sleep_wait;

static void sleep_closed(uv_handle_t *h) { free(h->data); }
static void sleep_drop(kl_wait *w) {
  sleep_wait *s = (sleep_wait *)w;
  kl_slot_release(&s->slot);
  kl_timer_close(&s->timer, sleep_closed);
}
static void sleep_fired(uv_timer_t *h) { kl_complete(&((sleep_wait *)h->data)->wait); }

static int sleep_push(lua_State *L, kl_wait *w) {
  (void)L;
  (void)w;
  return 0;
}

static void sleep_describe(const kl_wait *w, kl_buf *out) {
  const sleep_wait *s = (const sleep_wait *)w;
  if (s->every > 0)
    kl_buf_printf(out, "every %g s", s->every);
  else
    kl_buf_str(out, "sleep");
  kl_wait_left(out, &s->timer);
}

static int sleep_ms(lua_State *L, uint64_t ms, double every) {
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
  s->every = every;
  s->wait = (kl_wait){.push = sleep_push, .drop = sleep_drop, .describe = sleep_describe};
  kl_script *script = kl_script_of(L);
  kl_timer_init(kl_script_loop(script), &s->timer, kl_script_clock(script));
  s->timer.uv.data = s;
  kl_timer_sleep(&s->timer, sleep_fired, ms);
  return kl_await(L, &s->wait);
}

static int l_sleep(lua_State *L) { return sleep_ms(L, kl_check_seconds(L, 1, "task.sleep"), 0); }
static int l_yield(lua_State *L) { return kl_yield(L); }

/* ---- spawn and every ---- */

static int l_spawn(lua_State *L) {
  kl_check_type(L, 1, LUA_TFUNCTION, "task.spawn");
  kl_task_spawn(L, lua_gettop(L) - 1);
  return 1;
}

static double monotonic(lua_State *L) { return (double)kl_mono_ns(kl_script_clock(kl_script_of(L))) / 1e9; }

/* (time, interval): sleeps until that time of the monotonic clock. */
static int sleep_until(lua_State *L) {
  double left = lua_tonumber(L, 1) - monotonic(L);
  return sleep_ms(L, left > 0 ? (uint64_t)ceil(left * 1e3) : 0, lua_tonumber(L, 2));
}

/* ---- timers ---- */

#define TIMER_META "task.Timer"

/* When a timer is due, in seconds of the monotonic clock. One with a name is kept across the versions of a strategy. */
typedef struct due {
  kl_kept kept; /* first */
  double at, interval;
} due;

/* In the memory of the userdata. */
typedef struct timer {
  due *due;          /* NULL once it is over */
  kl_script *script; /* that holds it; NULL: one of its own, not kept */
} timer;

enum { NAME_MAX_LEN = 200, TIMER_KEY_MAX = NAME_MAX_LEN + 32 };

static void due_free(kl_kept *k) { free(k); }

/* The due time is given back; the next version that asks for it in time goes on with it. */
static int timer_close(lua_State *L) {
  timer *t = luaL_checkudata(L, 1, TIMER_META);
  due *d = t->due;
  t->due = NULL;
  if (d && t->script)
    kl_kept_release(t->script, &d->kept);
  else
    free(d);
  return 0;
}

/* Pushes a timer; the phase of a kept one is that of the version before. */
static void push_timer(lua_State *L, double interval, const char *name) {
  char key[TIMER_KEY_MAX];
  kl_script *s = kl_script_of(L);
  timer *t = lua_newuserdatauv(L, sizeof *t, 0);
  *t = (timer){0};
  luaL_setmetatable(L, TIMER_META);
  if (name) {
    snprintf(key, sizeof key, "every:%.17g:%s", interval, name);
    t->due = (due *)kl_kept_take(s, key);
    if (t->due) t->script = s;
  }
  if (t->due) return;
  t->due = calloc(1, sizeof *t->due);
  if (!t->due) {
    kl_raisef(L, KL_ERR_INTERNAL, "not enough memory for a timer");
    return;
  }
  t->due->kept.free = due_free;
  t->due->interval = interval;
  t->due->at = monotonic(L) + interval;
  if (!name) return;
  if (!kl_kept_add(s, &t->due->kept, key)) kl_raisef(L, KL_ERR_INTERNAL, "not enough memory for a timer");
  t->script = s;
}

enum { EVERY_SLEEPS, EVERY_WOKE, EVERY_CALLED };
enum { TIMER = 1, CALLBACK, EVERY_ARGS = CALLBACK };

/* The next call. What a call was in the way of is left out, not made up for. */
static void go_on(lua_State *L, due *d) {
  double late = monotonic(L) - d->at;
  if (late > 0) d->at += ceil(late / d->interval) * d->interval;
}

/* The body of task.every; stack: timer, function. The due time moves on before the call, so that a version that takes
 * over in the midst of it does not call again. */
static int every_step(lua_State *L, int status, lua_KContext step) {
  (void)status;
  for (;;) {
    due *d = ((timer *)lua_touserdata(L, TIMER))->due;
    lua_settop(L, EVERY_ARGS);
    if (step == EVERY_SLEEPS) {
      lua_pushcfunction(L, sleep_until);
      lua_pushnumber(L, d->at);
      lua_pushnumber(L, d->interval);
      lua_callk(L, 2, 0, EVERY_WOKE, every_step);
      step = EVERY_WOKE;
    } else if (step == EVERY_WOKE) {
      if (!kl_may_pretend(L)) return kl_hold(L, EVERY_SLEEPS, every_step);
      step = EVERY_SLEEPS;
      if (d->at > monotonic(L)) continue; /* another version called meanwhile */
      d->at += d->interval;
      lua_pushvalue(L, CALLBACK);
      lua_callk(L, 0, 0, EVERY_CALLED, every_step);
      step = EVERY_CALLED;
    } else {
      go_on(L, d);
      step = EVERY_SLEEPS;
    }
  }
  return 0;
}

static int every_body(lua_State *L) {
  lua_toclose(L, TIMER);
  return every_step(L, LUA_OK, EVERY_SLEEPS);
}

/* The name in {keep = "name"} at idx; NULL where there is no table. It stays on the stack. */
static const char *kept_name(lua_State *L, int idx) {
  size_t n = 0;
  if (lua_isnoneornil(L, idx)) return NULL;
  kl_check_type(L, idx, LUA_TTABLE, "task.every");
  for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1))
    if (lua_type(L, -2) != LUA_TSTRING || strcmp(lua_tostring(L, -2), "keep") != 0)
      kl_raise_coded(L, KL_ERR_VALIDATION, "unknown_option", "task.every: the only option is keep = \"name\"");
  lua_getfield(L, idx, "keep");
  const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &n) : NULL;
  if (lua_isnil(L, -1)) return NULL;
  if (!name || n == 0 || n > NAME_MAX_LEN || strlen(name) != n)
    kl_raise_coded(L, KL_ERR_VALIDATION, "malformed_value", "task.every: keep is a name of 1 to %d bytes",
                   NAME_MAX_LEN);
  return name;
}

static int l_every(lua_State *L) {
  lua_Number seconds = check_seconds(L, 1, "task.every", 0.001, "0.001 to a million seconds");
  kl_check_type(L, 2, LUA_TFUNCTION, "task.every");
  lua_settop(L, 3);
  const char *name = kept_name(L, 3);
  lua_pushcfunction(L, every_body);
  push_timer(L, seconds, name);
  lua_pushvalue(L, 2);
  kl_task_spawn(L, EVERY_ARGS);
  return 1;
}

/* ---- await ---- */

static kl_task *check_self(lua_State *L, const char *method) {
  kl_task *t = kl_task_test(L, 1);
  if (!t) kl_raise_coded(L, KL_ERR_VALIDATION, "called_with_dot", "task:%s: call it with a colon, on a task", method);
  return t;
}

typedef struct {
  kl_wait wait; /* first */
  kl_joiner joiner;
  const kl_task *of; /* borrowed: the waiting frame holds its object */
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

static void join_describe(const kl_wait *w, kl_buf *out) {
  kl_buf_printf(out, "task %llu", (unsigned long long)kl_task_id(((const join_wait *)w)->of));
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
  if (t == kl_task_current(L)) return kl_raise_coded(L, KL_ERR_VALIDATION, "deadlock", "a task cannot wait for itself");
  join_wait *j = calloc(1, sizeof *j);
  if (!j) return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory");
  j->wait = (kl_wait){.push = join_push, .drop = join_drop, .describe = join_describe, .kind = KL_WAIT_INNER};
  j->of = t;
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

static const char *const status_names[] = {[KL_TASK_WAITING] = "waiting",
                                           [KL_TASK_RUNNING] = "running",
                                           [KL_TASK_DONE] = "done",
                                           [KL_TASK_FAILED] = "failed",
                                           [KL_TASK_CANCELLED] = "cancelled"};

static int l_status(lua_State *L) {
  lua_pushstring(L, status_names[kl_task_get_status(check_self(L, "status"))]);
  return 1;
}

/* For the prompt: see prompt/portrait.h. */
static int l_picture(lua_State *L) {
  const kl_task *t = kl_task_check(L, 1);
  int line = 0;
  luaL_checkstack(L, 4, NULL);
  lua_newtable(L);
  lua_pushliteral(L, "task");
  lua_setfield(L, -2, "type");
  lua_pushinteger(L, (lua_Integer)kl_task_id(t));
  lua_setfield(L, -2, "id");
  lua_pushstring(L, status_names[kl_task_get_status(t)]);
  lua_setfield(L, -2, "status");
  const char *place = kl_task_place(t, &line);
  if (place) {
    lua_pushfstring(L, "%s:%d", place, line);
    lua_setfield(L, -2, "spawned_at");
  }
  if (kl_task_get_status(t) != KL_TASK_WAITING) return 1;
  kl_buf *out = kl_push_buffer(L); /* … picture buffer */
  kl_task_describe_wait(t, out);
  if (out->len && !out->failed) {
    lua_pushlstring(L, out->data, out->len);
    lua_setfield(L, -3, "waits_for");
  }
  lua_pop(L, 1);
  return 1;
}

/* ---- the module ---- */

void kl_task_register(lua_State *L) {
  static const luaL_Reg methods[] = {{"await", l_await}, {"cancel", l_cancel}, {"status", l_status}, {NULL, NULL}};
  static const luaL_Reg timer_meta[] = {{"__gc", timer_close}, {"__close", timer_close}, {NULL, NULL}};
  kl_task_add_methods(L, methods);
  kl_task_set_picture(L, l_picture);
  lua_pushcfunction(L, l_status);
  kl_guard_allow(L, -1);
  lua_pop(L, 1);
  luaL_newmetatable(L, TIMER_META);
  luaL_setfuncs(L, timer_meta, 0);
  lua_pushliteral(L, TIMER_META);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
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
