#include <stdlib.h>

#include "script/internal.h"

const char kl_await_mark = 0;

bool kl_is_marked(lua_State *co) {
  if (lua_gettop(co) > 0 && lua_touserdata(co, -1) == (const void *)&kl_await_mark) return true;
  return kl_is_unmarked(co);
}

kl_task *kl_task_current(lua_State *L) { return kl_script_of(L)->current; }

void kl_check_cancelled(lua_State *L) {
  kl_task *t = kl_task_current(L);
  if (t && t->cancelled) kl_raise_cancelled(L, t->cancelled);
}

static int cannot_wait(lua_State *L) {
  return luaL_error(L, "cannot wait here, inside a C function that cannot be suspended: use task.spawn");
}

static bool can_wait(lua_State *L) {
  kl_script *s = kl_script_of(L);
  return s->current && !s->no_wait && lua_isyieldable(L);
}

static int await_k(lua_State *L, int status, lua_KContext ctx) {
  kl_task *t = kl_task_current(L);
  kl_wait *w = (kl_wait *)ctx;
  (void)status;
  if (t->wait != w) return kl_raise_cancelled(L, t->cancelled ? t->cancelled : "the wait was dropped"); /* w is freed */
  if (t->cancelled) {
    t->wait = NULL;
    w->drop(w);
    return kl_raise_cancelled(L, t->cancelled);
  }
  int n = w->push(L, w); /* if it raises, the next wait or the end of the task drops w */
  t->wait = NULL;
  w->drop(w);
  return n;
}

bool kl_can_await(lua_State *L) {
  const kl_task *t = kl_task_current(L);
  return can_wait(L) && !t->cancelled && !t->broken;
}

void kl_check_await(lua_State *L) {
  kl_watch_check(L);
  kl_check_cancelled(L);
  if (!can_wait(L)) cannot_wait(L);
}

void kl_wait_begin(kl_task *t, kl_wait *w) {
  if (t->wait) {
    kl_wait *old = t->wait;
    t->wait = NULL;
    old->drop(old);
  }
  kl_list_remove(&t->ready); /* only the end of this wait may wake it */
  w->task = t;
  t->wait = w;
  kl_script *s = t->script;
  if (s->starting && w->kind == KL_WAIT_EVENT) t->held = true;
  t->waited = true;
  if (w->kind == KL_WAIT_INNER && !w->timed && !t->prompt) { /* who typed an input can end its wait */
    t->inner = true;
    if (++s->n_inner == s->n_tasks) kl_script_touch(s);
  }
}

int kl_await(lua_State *L, kl_wait *w) {
  kl_task *t = kl_task_current(L);
  if (!can_wait(L) || t->cancelled || t->broken) {
    w->drop(w);
    kl_watch_check(L);
    kl_check_cancelled(L);
    return cannot_wait(L);
  }
  kl_wait_begin(t, w);
  lua_pushlightuserdata(L, (void *)(uintptr_t)&kl_await_mark);
  return lua_yieldk(L, 1, (lua_KContext)w, await_k);
}

void kl_complete(kl_wait *w) {
  if (w->task) kl_ready(w->task);
}

bool kl_script_is_shadow(const kl_script *s) { return s->strategy && s->strategy->o.shadow_of; }

bool kl_may_pretend(lua_State *L) {
  const kl_script *s = kl_script_of(L);
  return s->live || (s->for_swap && s->current && s->current->exempt);
}

bool kl_may_act(lua_State *L) {
  const kl_script *s = kl_script_of(L);
  if (kl_script_is_shadow(s))
    kl_raise_coded(
        L, KL_ERR_SHADOW, "shadow_no_effect",
        "this is a shadow of %s, which changes nothing outside: it writes no files, starts no programs, and sends "
        "nothing to other servers",
        s->strategy->o.shadow_of->name);
  return kl_may_pretend(L);
}

static int held_push(lua_State *L, kl_wait *w) {
  (void)L;
  (void)w;
  return 0;
}

bool kl_is_hold(const kl_wait *w) { return w->push == held_push; }

static void held_drop(kl_wait *w) { free(w); }
static void held_describe(const kl_wait *w, kl_buf *out) {
  (void)w;
  kl_buf_str(out, "its version to take over");
}
int kl_await_held_lua(lua_State *L) { return kl_await(L, lua_touserdata(L, 1)); }

int kl_hold(lua_State *L, lua_KContext ctx, lua_KFunction k) {
  kl_wait *w = calloc(1, sizeof *w);
  if (!w) return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory to wait");
  *w = (kl_wait){.push = held_push, .drop = held_drop, .describe = held_describe};
  lua_pushcfunction(L, kl_await_held_lua);
  lua_pushlightuserdata(L, w);
  lua_callk(L, 1, 0, ctx, k);
  return k(L, LUA_OK, ctx);
}

static int yield_k(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  kl_check_cancelled(L);
  return 0;
}

int kl_yield_to(lua_State *L, lua_KContext ctx, lua_KFunction k) {
  kl_check_cancelled(L);
  kl_watch_check(L);
  if (!can_wait(L)) return cannot_wait(L);
  kl_ready(kl_task_current(L));
  lua_pushlightuserdata(L, (void *)(uintptr_t)&kl_await_mark);
  return lua_yieldk(L, 1, ctx, k);
}

int kl_yield(lua_State *L) { return kl_yield_to(L, 0, yield_k); }

bool kl_stretched(lua_State *L) { return kl_watch_stretched(kl_script_of(L)->host) && can_wait(L); }
