#include "script/hooks.h"

#include "script/guard.h"
#include "script/internal.h"

static void hook(lua_State *L, lua_Debug *ar) {
  const kl_task *t = kl_task_current(L);
  /* Left over from a task that has ended, or one that is not to be broken any more. */
  if (!t || (!t->broken && !t->guarded)) {
    kl_hooks_set(L, t);
    return;
  }
  if (t->broken && ar->event == LUA_HOOKCOUNT) {
    kl_watch_break(L); /* may suspend: nothing can follow */
    return;
  }
  if (t->guarded && (ar->event == LUA_HOOKCALL || ar->event == LUA_HOOKTAILCALL)) kl_guard_call(L, ar);
}

void kl_hooks_set(lua_State *co, const kl_task *t) {
  int mask = 0;
  if (t && t->broken) mask |= LUA_MASKCOUNT;
  if (t && t->guarded) mask |= LUA_MASKCALL;
  lua_sethook(co, mask ? hook : NULL, mask, mask & LUA_MASKCOUNT ? 1 : 0);
}
