#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/explain.h"
#include "base/log.h"
#include "script/guard.h"
#include "script/hooks.h"
#include "script/internal.h"
#include "script/scope.h"

#define TASK_TYPE "task.Task"

void kl_task_add_methods(lua_State *L, const luaL_Reg *methods) {
  luaL_getmetatable(L, TASK_TYPE); /* mt */
  lua_newtable(L);                 /* mt index */
  luaL_setfuncs(L, methods, 0);
  lua_setfield(L, -2, "__index"); /* mt */
  lua_pop(L, 1);
}

void kl_task_set_picture(lua_State *L, lua_CFunction picture) {
  luaL_getmetatable(L, TASK_TYPE); /* mt */
  lua_pushcfunction(L, picture);
  lua_setfield(L, -2, "__picture");
  lua_pop(L, 1);
}

kl_task *kl_task_test(lua_State *L, int idx) { return luaL_testudata(L, idx, TASK_TYPE); }
kl_task *kl_task_check(lua_State *L, int idx) { return luaL_checkudata(L, idx, TASK_TYPE); }

bool kl_task_ended(const kl_task *t) { return t->status > KL_TASK_RUNNING; }

kl_task_status kl_task_get_status(const kl_task *t) {
  if (kl_task_ended(t)) return t->status;
  return t == t->script->current ? KL_TASK_RUNNING : KL_TASK_WAITING;
}

uint64_t kl_task_id(const kl_task *t) { return t->id; }

kl_task *kl_task_find(const kl_script *s, uint64_t id) {
  for (kl_list *n = s->tasks.next; n != &s->tasks; n = n->next) {
    kl_task *t = KL_CONTAINER(n, kl_task, link);
    if (t->id == id) return t;
  }
  return NULL;
}

/* ---- birth ---- */

/* Notes the line of the script that spawns. */
static void note_place(lua_State *L, kl_task *t) {
  lua_Debug ar;
  const kl_task *by = t->script->current;
  if (kl_find_place(L, &ar)) {
    t->line = ar.currentline;
    memcpy(t->source, ar.short_src, sizeof t->source);
  } else if (by) {
    t->line = by->line;
    memcpy(t->source, by->source, sizeof t->source);
  }
}

/* A script has modules by `require` alone, a prompt without: who comes from there has forgotten it. (err), which may be
 * replaced. */
static void name_module(lua_State *L) {
  static const char nil_global[] = "a nil value (global '";
  const char *text = lua_type(L, 1) == LUA_TSTRING ? lua_tostring(L, 1) : NULL;
  const char *at = text ? strstr(text, nil_global) : NULL;
  char name[16];
  if (!at || sscanf(at + sizeof nil_global - 1, "%15[a-z]')", name) != 1 || !kl_scope_has_module(name)) return;
  lua_pushfstring(L, "%s; local %s = require \"%s\" is missing", text, name, name);
  lua_replace(L, 1);
}

/* The message handler of a task: the traceback is read while the stack is intact. */
static int trace_error(lua_State *L) {
  kl_task *t = kl_task_current(L);
  lua_settop(L, 1);
  if (t->resetting || (t->cancelled && kl_is_cancelled_error(L, 1))) return 1;
  name_module(L);
  luaL_traceback(L, L, NULL, 1); /* err trace */
  if (t->line > 0) {
    lua_pushfstring(L, "%s\n\tspawned at %s:%d", lua_tostring(L, -1), t->source, t->line);
    lua_replace(L, -2);
  }
  kl_task_join_trace(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, t->ref); /* err trace task */
  lua_insert(L, 2);                          /* err task trace */
  lua_setiuservalue(L, 2, KL_UV_TRACE);      /* err task */
  lua_settop(L, 1);
  return 1;
}

void kl_tasks_open(lua_State *L) {
  luaL_newmetatable(L, TASK_TYPE);
  lua_pushliteral(L, TASK_TYPE);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
  static const lua_CFunction called[] = {trace_error, kl_await_held_lua, kl_await_room_lua};
  for (size_t i = 0; i < sizeof called / sizeof called[0]; i++) { /* by functions of ours, in any task */
    lua_pushcfunction(L, called[i]);
    kl_guard_allow(L, -1);
    lua_pop(L, 1);
  }
}

static int body_end(lua_State *L, int status, lua_KContext ctx) {
  kl_task *t = kl_task_current(L);
  (void)ctx;
  if (t->broken && status == LUA_ERRMEM) kl_watch_push_error(L, t, L); /* memory was refused for that */
  if (t->guarded) kl_guard_set(L, false);
  kl_watch_done(t); /* a task that was broken may now end in peace */
  lua_remove(L, 1); /* the message handler */
  if (status == LUA_OK || status == LUA_YIELD) {
    t->status = KL_TASK_DONE;
  } else {
    t->status = t->cancelled && kl_is_cancelled_error(L, -1) ? KL_TASK_CANCELLED : KL_TASK_FAILED;
  }
  return lua_gettop(L);
}

static int cancelled_at_birth(lua_State *L) { return kl_raise_cancelled(L, kl_task_current(L)->cancelled); }

/* What the thread of a task runs: the function and its arguments under a protected call that may be suspended, so that
 * closing variables may wait even while an error is on its way out. */
static int body(lua_State *L) {
  kl_task *t = kl_task_current(L);
  if (t->cancelled) {
    lua_settop(L, 0);
    lua_pushcfunction(L, cancelled_at_birth);
  }
  lua_pushcfunction(L, trace_error);
  lua_insert(L, 1);
  return body_end(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 1, 0, body_end), 0);
}

kl_task *kl_task_spawn(lua_State *L, int nargs) {
  kl_script *s = kl_script_of(L);
  int fn = lua_gettop(L) - nargs;
  if (s->phase >= KL_PHASE_CANCEL) {
    kl_raise_coded(L, KL_ERR_CLOSED, "script_stopping", "the script is stopping, it cannot start tasks any more");
    return NULL;
  }
  luaL_checktype(L, fn, LUA_TFUNCTION);
  kl_limit_tasks(L);
  luaL_checkstack(L, 4, NULL);
  kl_task *t = lua_newuserdatauv(L, sizeof *t, KL_UV_COUNT); /* fn args object */
  memset(t, 0, sizeof *t);
  t->script = s;
  t->nargs = nargs;
  t->id = ++s->last_task_id;
  kl_list_init(&t->link);
  kl_list_init(&t->ready);
  kl_list_init(&t->joiners);
  kl_list_init(&t->bare);
  luaL_setmetatable(L, TASK_TYPE);
  t->co = lua_newthread(L);               /* fn args object thread */
  kl_hooks_set(t->co, NULL);              /* a new thread inherits the hook of a task that is being broken */
  lua_setiuservalue(L, -2, KL_UV_THREAD); /* fn args object */
  lua_insert(L, fn);                      /* object fn args */
  if (!lua_checkstack(t->co, nargs + 4)) luaL_error(L, "too many arguments for a task");
  note_place(L, t);
  lua_pushvalue(L, fn);
  t->ref = luaL_ref(L, LUA_REGISTRYINDEX);
  t->exempt = s->for_swap;
  /* From here on nothing raises. */
  lua_pushcfunction(t->co, body);
  lua_xmove(L, t->co, nargs + 1); /* object */
  kl_list_append(&s->tasks, &t->link);
  s->n_tasks++;
  kl_ready(t);
  return t;
}

/* It is not only another task any more that can wake it. */
static void leave_inner(kl_task *t) {
  if (!t->inner) return;
  t->inner = false;
  t->script->n_inner--;
}

bool kl_task_runs_paused(const kl_task *t) {
  const kl_strategy *g = t->script->strategy;
  return t->prompt && g && g->paused && g->live == t->script;
}

void kl_ready(kl_task *t) {
  if (kl_task_ended(t) || !kl_list_empty(&t->ready)) return;
  kl_script *s = t->script;
  leave_inner(t);
  if (s->live || (t->exempt && s->for_swap) || kl_task_runs_paused(t)) {
    kl_list_append(&s->host->ready, &t->ready);
    kl_host_wake(s->host);
  } else if (s->starting && !t->held) {
    kl_list_append(&s->start_ready, &t->ready);
    kl_script_touch(s);
  } else {
    kl_list_append(&s->resting, &t->ready);
  }
}

/* ---- cancelling ---- */

static void cancel(kl_task *t, const char *why, kl_reason *reason) {
  if (t->cancelled || kl_task_ended(t)) return;
  t->cancelled = why;
  t->reason = reason;
  if (reason) reason->refs++;
  kl_wait *w = t->wait;
  if (!w || (w->cancel && w->cancel(w))) return;
  t->wait = NULL;
  w->task = NULL;
  w->drop(w);
  t->held = false;
  kl_ready(t);
}

static void release(kl_reason *r) {
  if (r && --r->refs == 0) free(r);
}

void kl_task_cancel(kl_task *t, const char *why) { cancel(t, why, NULL); }
void kl_task_cancel_like(kl_task *t, const kl_task *by) { cancel(t, by->cancelled, by->reason); }

void kl_task_cancel_text(kl_task *t, const char *why) {
  if (t->cancelled || kl_task_ended(t)) return;
  size_t n = strlen(why) + 1;
  kl_reason *r = malloc(sizeof *r + n);
  if (!r) {
    cancel(t, "cancelled", NULL);
    return;
  }
  r->refs = 1;
  memcpy(r->text, why, n);
  cancel(t, r->text, r);
  release(r);
}

/* ---- the end ---- */

void kl_task_join(kl_task *t, kl_joiner *j) { kl_list_append(&t->joiners, &j->link); }
void kl_task_leave(kl_joiner *j) { kl_list_remove(&j->link); }

/* Copies a text into C memory; NULL stays NULL, as does one there is no memory for. */
static char *keep(const char *text) { return text ? strdup(text) : NULL; }

/* Each handler of on_error is a task of its own, so that it may wait. */
static void start_handlers(lua_State *L, int err) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &kl_on_error_key) != LUA_TTABLE) return;
  int handlers = lua_gettop(L);
  for (lua_Integer i = 1; lua_rawgeti(L, handlers, i) == LUA_TFUNCTION; i++) {
    lua_pushvalue(L, err);
    kl_task_spawn(L, 1)->quiet = true;
    lua_settop(L, handlers);
  }
}

static void log_lines(kl_script *s, const char *text) {
  while (text && *text) {
    size_t n = strcspn(text, "\n");
    if (kl_script_may_log(s, n)) kl_log_error(s->name, "%.*s", (int)n, text);
    text += n + (text[n] != 0);
  }
}

/* The error at index 1 only says that a handle is closed. Once the script has failed that is a consequence: its closing
 * variables have closed what other tasks were about to use, and the cause shall not stand behind it. */
static bool follows(lua_State *L) {
  const char *code = kl_error_value_code(L, 1);
  return code && !strcmp(code, "handle_closed");
}

/* Protected: (task) of an error that nobody took. */
static int report(lua_State *L) {
  kl_task *t = lua_touserdata(L, 1);
  kl_script *s = t->script;
  lua_settop(L, 0);
  lua_pushvalue(t->co, -1);
  lua_xmove(t->co, L, 1);                    /* err */
  lua_rawgeti(L, LUA_REGISTRYINDEX, t->ref); /* err object */
  lua_getiuservalue(L, 2, KL_UV_TRACE);      /* err object trace */
  kl_describe(L, 1, s->folder != NULL);      /* err object trace text */
  char hint[KL_HINT_CAP];
  lua_pushstring(L, kl_explain_hint(hint, kl_error_value_code(L, 1)));
  lua_concat(L, 2);
  const char *trace = lua_tostring(L, 3), *text = lua_tostring(L, 4);
  if (s->strategy) {
    free(s->late_error);
    free(s->late_trace);
    s->late_error = keep(text);
    s->late_trace = keep(trace);
  }
  if (t == s->main || (t == s->handler && !s->for_swap) || s->starting) {
    if (s->error && follows(L)) {
      kl_log_debug(s->name, "after its failure: %s", text);
      return 0;
    }
    if (s->error) {
      if (kl_script_may_log(s, strlen(text))) kl_log_error(s->name, "%s", text);
      log_lines(s, trace);
      return 0;
    }
    s->error = keep(text);
    s->traceback = keep(trace);
    if (lua_type(L, 1) == LUA_TTABLE) {
      lua_pushliteral(L, "kind");
      lua_rawget(L, 1);
      if (lua_type(L, -1) == LUA_TSTRING) s->error_kind = keep(lua_tostring(L, -1));
      lua_pushliteral(L, "code");
      lua_rawget(L, 1);
      if (lua_type(L, -1) == LUA_TSTRING) s->error_code = keep(lua_tostring(L, -1));
    }
    return 0;
  }
  if (kl_script_may_log(s, strlen(text)))
    kl_log_error(s->name, "%s: %s",
                 t->quiet          ? "error in an on_error handler"
                 : t == s->handler ? "error in an on_stop handler"
                                   : "error in a task that nobody awaits",
                 text);
  log_lines(s, trace);
  if (!t->quiet && s->phase < KL_PHASE_CANCEL) start_handlers(L, 1);
  return 0;
}

/* Runs as the last part of the task, so that the watchdog covers what an error's __tostring does. */
static void report_error(kl_task *t) {
  kl_script *s = t->script;
  s->errors++;
  t->broken = KL_BROKEN_NOT;
  kl_task *outer = s->current;
  s->current = t;
  kl_watch_begin(s, t, s->L);
  bool ok = kl_script_protected(s, report, t, "a task failed, and reporting its error failed too");
  kl_watch_end(s);
  kl_hooks_set(s->L, NULL);
  s->current = outer;
  if (t == s->main || (t == s->handler && !s->for_swap) || s->starting) {
    s->failed = true;
    if (!ok && !s->error) s->error = keep("it failed, and there was no memory left to say why");
  }
}

/* Protected: (task). */
static int reset_thread(lua_State *L) {
  kl_task *t = lua_touserdata(L, 1);
  bool suspended = lua_status(t->co) == LUA_YIELD;
  int status = lua_resetthread(t->co);
  if (!suspended || status == LUA_OK) return 0; /* of one that failed, the error is its own */
  lua_xmove(t->co, L, 1);
  kl_describe(L, -1, true);
  kl_log_error(t->script->name, "error in a closing variable of a task that was cut off: %s", lua_tostring(L, -1));
  return 0;
}

/* Closes what is left to be closed of a thread that cannot go on. */
static void reset(kl_task *t) {
  kl_script *s = t->script;
  t->broken = KL_BROKEN_NOT;
  t->resetting = true;
  kl_hooks_set(t->co, NULL);
  s->current = t;
  kl_watch_begin(s, t, t->co);
  kl_script_protected(s, reset_thread, t, NULL);
  kl_watch_end(s);
  s->current = NULL;
}

/* After this, `t` is valid only while its object is reachable from elsewhere. */
static void end(kl_task *t) {
  kl_script *s = t->script;
  kl_list_remove(&t->ready);
  kl_list_remove(&t->link);
  kl_debug_task_over(t);
  leave_inner(t);
  if (t->check) s->n_checks--;
  s->n_tasks--;
  if (s->n_tasks && s->n_inner == s->n_tasks) kl_script_touch(s);
  if (t->wait) {
    kl_wait *w = t->wait;
    t->wait = NULL;
    w->task = NULL;
    w->drop(w);
  }
  bool taken = false;
  while (!kl_list_empty(&t->joiners)) {
    kl_joiner *j = KL_CONTAINER(t->joiners.next, kl_joiner, link);
    kl_list_remove(&j->link);
    if (j->ended(j, t)) taken = true;
  }
  if (t->status == KL_TASK_FAILED && !taken) report_error(t);
  /* Scripts can reach the thread by coroutine.running; the mark keeps them from resuming what has ended. */
  if (!lua_checkstack(t->co, 2)) lua_settop(t->co, 0); /* kl_task_results notices */
  lua_pushlightuserdata(t->co, (void *)(uintptr_t)&kl_await_mark);
  kl_hooks_set(t->co, NULL);
  if (t == s->main) s->main = NULL;
  if (t == s->handler) s->handler = NULL;
  release(t->reason);
  t->reason = NULL;
  if (t->cancelled) t->cancelled = "the task has ended";
  kl_script_touch(s);
  luaL_unref(s->L, LUA_REGISTRYINDEX, t->ref);
}

/* The thread ended in a way that body did not see: out of memory before or behind its protected call. */
static void end_unseen(kl_task *t) {
  reset(t);
  if (lua_gettop(t->co) == 0) lua_pushnil(t->co);
  t->results = lua_gettop(t->co);
  t->status = KL_TASK_FAILED;
  end(t);
}

/* Protected: (task) that was suspended by the watchdog. Its error goes into a user value until the thread is reset. */
static int describe_break(lua_State *L) {
  kl_task *t = lua_touserdata(L, 1);
  lua_State *co = t->broken_in ? t->broken_in : t->co;
  lua_rawgeti(L, LUA_REGISTRYINDEX, t->ref); /* t object */
  kl_watch_push_error(L, t, co);
  lua_setiuservalue(L, 2, KL_UV_RAISED);
  luaL_traceback(L, co, NULL, 0); /* t object trace */
  if (co != t->co) {
    luaL_traceback(L, t->co, "resumed by", 0);
    lua_pushfstring(L, "%s\n%s", lua_tostring(L, -2), lua_tostring(L, -1));
  }
  lua_setiuservalue(L, 2, KL_UV_TRACE);
  return 0;
}

/* Protected: (task). */
static int push_break(lua_State *L) {
  kl_task *t = lua_touserdata(L, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, t->ref);
  lua_getiuservalue(L, -1, KL_UV_RAISED);
  lua_xmove(L, t->co, 1);
  return 0;
}

/* The task ran too long and was suspended for that. Its closing variables get a time of their own. */
static void end_broken(kl_task *t) {
  kl_script *s = t->script;
  kl_script_protected(s, describe_break, t, "a task ran too long and was ended");
  reset(t);
  lua_settop(t->co, 0);
  if (!kl_script_protected(s, push_break, t, NULL)) lua_pushnil(t->co);
  t->results = 1;
  t->status = KL_TASK_FAILED;
  end(t);
}

static void resume(kl_task *t) {
  kl_script *s = t->script;
  int nargs = 0, n = 0;
  if (t->started) {
    if (!kl_task_unmark(t, t->co)) lua_pop(t->co, 1); /* the mark */
  } else {
    nargs = t->nargs + 1;
    t->started = true;
  }
  s->current = t;
  s->nest = 0;
  s->resumes++;
  if (t->guarded) s->cap = kl_guard_cap(s);
  bool timed = s->keeper->timing.time.on;
  int64_t began_ns = timed ? kl_timing_begin(s) : 0;
  kl_watch_begin(s, t, t->co);
  int status = lua_resume(t->co, s->L, nargs, &n);
  kl_watch_end(s);
  if (timed) kl_timing_end(s, began_ns);
  s->cap = s->o.memory_cap;
  s->current = NULL;
  if (status == LUA_YIELD && t->unmarked) {
    t->broken = KL_BROKEN_NOT; /* it was stopped in time */
  } else if (status == LUA_YIELD) {
    if (t->broken) {
      end_broken(t);
      return;
    }
    if (n == 1 && kl_is_marked(t->co)) return;
    /* A yield that is not ours lets the others run. */
    lua_pop(t->co, n);
    lua_pushlightuserdata(t->co, (void *)(uintptr_t)&kl_await_mark);
    kl_ready(t);
  } else if (status == LUA_OK) {
    t->results = n;
    end(t);
  } else {
    end_unseen(t);
  }
}

void kl_task_resume(kl_task *t) {
  kl_script *s = t->script;
  kl_debug_resumes(t);
  resume(t);
  if (s->keeper->debugger) kl_debug_tell(s);
}

/* Protected: (task). Says which task it is and where it waits. */
static int log_survivor(lua_State *L) {
  kl_task *t = lua_touserdata(L, 1);
  const kl_script *s = t->script;
  if (t == s->main)
    kl_log_error(s->name, "the main chunk did not end in time and was cut off");
  else
    kl_log_error(s->name, "%s spawned at %s:%d did not end in time and was cut off",
                 t == s->handler ? "an on_stop handler" : "a task", t->line > 0 ? t->source : "?", t->line);
  luaL_traceback(L, t->co, NULL, 0);
  log_lines(t->script, lua_tostring(L, -1));
  return 0;
}

void kl_task_reset(kl_task *t) {
  kl_script *s = t->script;
  bool asked = !s->at_once || t->cancelled;
  if (t->started && !s->discarded && !t->prompt && asked) {
    s->errors++;
    kl_script_protected(s, log_survivor, t, "a task did not end in time and was cut off");
  }
  if (!t->cancelled) t->cancelled = "the script was stopped";
  if (t->wait) {
    kl_wait *w = t->wait;
    t->wait = NULL;
    w->task = NULL;
    w->drop(w);
  }
  reset(t);
  lua_settop(t->co, 0);
  t->status = KL_TASK_CANCELLED;
  end(t);
}

/* ---- the outcome ---- */

void kl_task_join_trace(lua_State *L) { /* err trace */
  const kl_task *t = kl_task_current(L);
  if (!t) return;
  luaL_checkstack(L, 4, NULL);
  lua_rawgeti(L, LUA_REGISTRYINDEX, t->ref); /* err trace task */
  lua_getiuservalue(L, -1, KL_UV_RAISED);    /* err trace task raised */
  if (!lua_isnil(L, -1) && lua_rawequal(L, -1, -4)) {
    lua_getiuservalue(L, -2, KL_UV_RAISED_TRACE); /* err trace task raised earlier */
    lua_pushfstring(L, "%s\nraised again in\n%s", lua_tostring(L, -1), lua_tostring(L, -4));
    lua_replace(L, -5); /* err trace task raised earlier */
    lua_pop(L, 1);
  }
  lua_pop(L, 2);
}

void kl_task_note_trace(lua_State *L) { /* err trace */
  kl_task *t = kl_task_current(L);
  if (t && lua_type(L, -1) == LUA_TSTRING) {
    luaL_checkstack(L, 3, NULL);
    lua_rawgeti(L, LUA_REGISTRYINDEX, t->ref);    /* err trace task */
    lua_insert(L, -2);                            /* err task trace */
    lua_setiuservalue(L, -2, KL_UV_RAISED_TRACE); /* err task */
    lua_pushvalue(L, -2);                         /* err task err */
    lua_setiuservalue(L, -2, KL_UV_RAISED);       /* err task */
  }
  lua_pop(L, 1); /* err */
}

int kl_task_results(lua_State *L, int idx, int max) {
  kl_task *t = kl_task_check(L, idx);
  int n = t->status != KL_TASK_DONE ? 1 : max >= 0 && max < t->results ? max : t->results;
  if (lua_gettop(t->co) < t->results + 1 || t->results < n) /* reset, or out of memory: its thread is empty */
    return kl_raisef(L, KL_ERR_INTERNAL, "the results of the task were lost");
  idx = lua_absindex(L, idx);
  luaL_checkstack(L, n + 2, "too many results of a task");
  if (!lua_checkstack(t->co, n)) return luaL_error(L, "too many results of a task");
  for (int i = 0; i < n; i++)
    lua_pushvalue(t->co, i + 1);
  lua_xmove(t->co, L, n);
  if (t->status == KL_TASK_DONE) return n;
  lua_getiuservalue(L, idx, KL_UV_TRACE); /* err trace */
  kl_task_note_trace(L);                  /* err */
  return lua_error(L);
}
