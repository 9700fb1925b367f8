/* How a script ends: on_stop handlers one after the other, then every task is cancelled, then a grace, then what is
 * left is cut off. Every end goes this way: of its own accord, by an error, stopped from outside. */
#include <string.h>

#include "base/log.h"
#include "script/internal.h"

static const char *const reasons[] = {[KL_STOP_EXIT] = "exit", [KL_STOP_ERROR] = "error", [KL_STOP_RELOAD] = "reload"};

static int64_t now_ns(const kl_script *s) { return kl_mono_ns(s->host->o.clock); }

void kl_script_touch(kl_script *s) {
  if (s->phase == KL_PHASE_ENDED || !kl_list_empty(&s->todo)) return;
  kl_list_append(&s->host->todo, &s->todo);
  kl_host_wake(s->host);
}

void kl_script_stop(kl_script *s, kl_stop_reason why, bool now) {
  if (s->phase == KL_PHASE_ENDED) return;
  if (!s->stop) {
    s->why = why;
    s->at_once = now;
  }
  s->stop = true;
  if (now) s->now = true;
  kl_script_touch(s);
}

void kl_script_finish(kl_script *s) {
  if (s->phase == KL_PHASE_ENDED) return;
  if (s->strategy && !s->discarded) kl_strategy_closing(s);
  s->live = false;
  s->phase = KL_PHASE_CANCEL; /* nothing new starts */
  kl_watch_pass(s->host);     /* closing variables run, maybe out of a timer */
  while (!kl_list_empty(&s->tasks))
    kl_task_reset(KL_CONTAINER(s->tasks.next, kl_task, link));
  while (!kl_list_empty(&s->members)) {
    kl_member *m = KL_CONTAINER(s->members.prev, kl_member, link);
    kl_list_remove(&m->link);
    m->close(m);
  }
  lua_close(s->L);
  s->L = NULL;
  kl_timer_stop(&s->timer);
  kl_list_remove(&s->todo);
  kl_limits_end(s);
  s->phase = KL_PHASE_ENDED;
  kl_host *h = s->host;
  if (--h->running == 0 && !h->closing) uv_unref((uv_handle_t *)&h->check);
}

static void finish(kl_script *s) {
  kl_host *h = s->host;
  kl_script_finish(s);
  if (s->strategy)
    kl_strategy_version_ended(s);
  else if (h->o.script_ended)
    h->o.script_ended(h->o.data, s, s->failed);
}

/* ---- cancelling ---- */

static void grace_over(uv_timer_t *timer) { finish(timer->data); }

static void cancel_all(kl_script *s) {
  s->phase = KL_PHASE_CANCEL;
  for (kl_list *n = s->tasks.next; n != &s->tasks && !s->at_once; n = n->next)
    kl_task_cancel(KL_CONTAINER(n, kl_task, link), "the script is stopping");
  kl_timer_sleep(&s->timer, grace_over, (uint64_t)s->host->o.grace_ms);
}

/* ---- handlers ---- */

/* Protected: (script). Starts the next handler; s->handler stays NULL when there is none. */
static int start_handler(lua_State *L) {
  kl_script *s = lua_touserdata(L, 1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &kl_on_stop_key);
  if (lua_rawgeti(L, -1, s->next_handler) != LUA_TFUNCTION) return 0;
  s->next_handler++;
  lua_pushstring(L, reasons[s->why]);
  s->handler = kl_task_spawn(L, 1);
  return 0;
}

static void next_handler(kl_script *s);

static void handler_over(uv_timer_t *timer) {
  kl_script *s = timer->data;
  if (s->handler) {
    kl_log_error(s->name, "on_stop handler %d did not end in time and was cancelled", s->next_handler - 1);
    s->errors++;
    kl_task *t = s->handler;
    s->handler = NULL;
    kl_task_cancel(t, "the time for on_stop is over");
  }
  next_handler(s);
}

/* Its handlers run no longer; at its end, should it come to that, they run again. What they started rests with all
 * else. */
static void leave_swap(kl_script *s) {
  kl_timer_stop(&s->timer);
  s->for_swap = false;
  s->phase = KL_PHASE_RUN;
  s->next_handler = 1;
  kl_version_suspend(s);
}

static void swap_may_go_on(kl_script *s) {
  leave_swap(s);
  kl_strategy_handlers_ran(s);
}

void kl_script_no_swap(kl_script *s) {
  if (!s->for_swap) return;
  kl_task *t = s->handler;
  s->handler = NULL;
  leave_swap(s);
  if (t) kl_task_cancel(t, "the reload it runs for was given up");
}

void kl_script_before_swap(kl_script *s) {
  s->why = KL_STOP_RELOAD;
  s->for_swap = true;
  s->phase = KL_PHASE_HANDLERS;
  s->deadline_ns = now_ns(s) + (int64_t)s->host->o.grace_ms * 1000000;
  kl_script_touch(s);
}

/* Each handler gets an equal share of the time that is left, so that one that hangs leaves some to those behind it. */
static void next_handler(kl_script *s) {
  int64_t left_ms = (s->deadline_ns - now_ns(s)) / 1000000;
  int waiting = kl_count_handlers(s, &kl_on_stop_key) - s->next_handler + 1; /* a handler may add another one */
  if (waiting > 0 && left_ms > 0) {
    bool ok = kl_script_protected(s, start_handler, s, "an on_stop handler could not be started");
    if (ok && s->handler) {
      kl_timer_sleep(&s->timer, handler_over, (uint64_t)(left_ms / waiting));
      return;
    }
    s->errors++;
  } else if (waiting > 0) {
    kl_log_error(s->name, "%d on_stop handlers did not run: the time for them is over", waiting);
    s->errors++;
  }
  if (s->for_swap)
    swap_may_go_on(s);
  else
    cancel_all(s);
}

/* ---- deadlock ---- */

enum { DEADLOCK_TASKS = 10 };

/* Protected: (script). Says where its tasks wait. */
static int describe_deadlock(lua_State *L) {
  kl_script *s = lua_touserdata(L, 1);
  kl_buf trace = {0};
  int shown = 0;
  for (kl_list *n = s->tasks.next; n != &s->tasks && shown < DEADLOCK_TASKS; n = n->next, shown++) {
    const kl_task *t = KL_CONTAINER(n, kl_task, link);
    luaL_traceback(L, t->co, t == s->main ? "the main chunk waits" : "a task waits", 0);
    if (shown) kl_buf_char(&trace, '\n');
    kl_buf_str(&trace, lua_tostring(L, -1));
    lua_pop(L, 1);
  }
  s->traceback = trace.data;
  return 0;
}

/* Every task waits for another one, and nothing from outside can wake any: who stops the script could, if it has a
 * handler for that. */
static bool is_deadlocked(kl_script *s) {
  return s->n_tasks > 0 && !s->o.stays && s->n_inner == s->n_tasks && s->live && !s->stop && !s->failed &&
         kl_count_handlers(s, &kl_on_stop_key) == 0;
}

static void fail_of_deadlock(kl_script *s) {
  s->errors++;
  s->failed = true;
  if (s->error) return;
  s->error = strdup("deadlock: every task waits for another task, and nothing else can wake one of them");
  s->error_kind = strdup("deadlock");
  kl_script_protected(s, describe_deadlock, s, NULL);
}

/* ---- the way to the end ---- */

void kl_script_step(kl_script *s) {
  if (s->starting) {
    kl_strategy_start_step(s);
    return;
  }
  if (s->phase == KL_PHASE_RUN) {
    if (!s->live && !s->stop) return; /* suspended */
    if (is_deadlocked(s)) fail_of_deadlock(s);
    if (s->strategy && kl_strategy_takes_failure(s)) return;
    if (!s->stop && !s->failed && (s->n_tasks > 0 || s->o.stays)) return;
    if (s->failed && !s->stop) s->why = KL_STOP_ERROR;
    s->stop = true;
    kl_debug_let_go(s, "its script ends");
    s->phase = KL_PHASE_HANDLERS;
    s->deadline_ns = now_ns(s) + (int64_t)s->host->o.grace_ms * 1000000;
  }
  if (s->phase == KL_PHASE_HANDLERS) {
    if (s->now && !s->for_swap)
      cancel_all(s);
    else if (!s->handler)
      next_handler(s);
  }
  if (s->phase == KL_PHASE_CANCEL && (s->n_tasks == 0 || s->now)) finish(s);
}
