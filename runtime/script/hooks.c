#include "script/hooks.h"

#include "script/guard.h"
#include "script/internal.h"

static void look_at_call(lua_State *L, lua_Debug *ar, kl_task *t) {
  if (t->guarded) kl_guard_call(L, ar);
  if (ar->event == LUA_HOOKTAILCALL) kl_debug_tail_call(L, t);
}

static bool looks_at_lines(const kl_task *t) { return t->script->keeper->looks_at_lines || kl_debug_steps(t); }

static void hook(lua_State *L, lua_Debug *ar) {
  kl_task *t = kl_task_current(L);
  /* Left over from a task that has ended, or one that nobody looks at any more. */
  if (!t || !kl_needs_hook(t)) {
    kl_hooks_set(L, t);
    return;
  }
  switch (ar->event) {
  case LUA_HOOKCOUNT:
    if (t->broken) kl_watch_break(L); /* may suspend: nothing can follow */
    break;
  case LUA_HOOKLINE:
    t->yielded = false;
    if (t->script->keeper->coverage) kl_coverage_line(t->script->keeper->coverage, L, ar);
    if (looks_at_lines(t))
      kl_debug_line(L, ar, t); /* the same */
    else if (!t->script->keeper->coverage)
      kl_hooks_set(L, t);
    break;
  default:
    look_at_call(L, ar, t);
  }
}

/* A function that was suspended by a hook skips one event when it goes on, and would skip a later one where there is no
 * hook then: so it is given one until it is called. At the instruction where a task is broken no line can be looked at:
 * what was suspended once must not be again. */
static int mask_for(const kl_task *t) {
  int mask = 0;
  if (t->broken) mask |= LUA_MASKCOUNT;
  if (!t->broken && (t->yielded || looks_at_lines(t) || t->script->keeper->coverage)) mask |= LUA_MASKLINE;
  if (t->guarded || kl_debug_steps_over(t)) mask |= LUA_MASKCALL;
  return mask;
}

void kl_hooks_set(lua_State *co, const kl_task *t) {
  int mask = t ? mask_for(t) : 0;
  if (lua_gethook(co) == hook && lua_gethookmask(co) == mask && !(mask & LUA_MASKCOUNT)) return;
  lua_sethook(co, mask ? hook : NULL, mask, mask & LUA_MASKCOUNT ? 1 : 0);
}
