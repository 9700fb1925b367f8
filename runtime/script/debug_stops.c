/* What the hook of lines does: finds out whether a task stops here, and suspends it. A task is suspended from within
 * the hook, so nothing of ours is called when it goes on, and there is no mark on the stack of the coroutine that it
 * stopped in (kl_task.unmarked). What coroutines are outside of that one passes the suspension on as it does for a wait
 * (script/coroutine.c). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script/debug_impl.h"
#include "script/frames.h"
#include "script/hooks.h"

const char *const kl_debug_why_names[KL_DEBUG_WHY_COUNT] = {
    [KL_DEBUG_BREAK] = "break", [KL_DEBUG_STEP] = "step", [KL_DEBUG_PAUSE] = "pause", [KL_DEBUG_LOOP] = "loop"};

/* ---- the wait ---- */

/* The hook that suspends has no continuation: this is not called. */
static int push(lua_State *L, kl_wait *w) {
  (void)L;
  (void)w;
  return 0;
}

static void free_stop(kl_stop *stop) {
  kl_list_remove(&stop->link);
  kl_buf_free(&stop->names);
  free(stop->file);
  free(stop->error);
  free(stop);
}

/* It is over for the clients. */
static void end_stop(kl_stop *stop, const char *because) {
  if (stop->ended) return;
  stop->ended = true;
  kl_debugger *d = stop->debugger;
  kl_debug_stop out;
  kl_stop_describe(stop, &out);
  for (kl_list *n = d->clients.next, *next; stop->told && n != &d->clients; n = next) {
    kl_debug_client *c = KL_CONTAINER(n, kl_debug_client, link);
    next = n->next;
    if (c->went_on) c->went_on(c, &out, because);
  }
}

static void drop(kl_wait *w) {
  kl_stop *stop = (kl_stop *)w;
  end_stop(stop, "it was cancelled, or its script ends");
  free_stop(stop);
}

/* A task that was stopped in a loop would come to no wait that could raise. */
static bool cancel(kl_wait *w) {
  if (((kl_stop *)w)->why == KL_DEBUG_LOOP) w->task->broken = KL_BROKEN_TIME;
  return false;
}

static void describe(const kl_wait *w, kl_buf *out) {
  const kl_stop *stop = (const kl_stop *)w;
  kl_buf_printf(out, "a debugger, at %s:%d", stop->file, stop->line);
  if (stop->breakpoint) kl_buf_printf(out, " (breakpoint %d)", stop->breakpoint);
}

kl_stop *kl_stop_of(const kl_task *t) { return t->wait && t->wait->push == push ? (kl_stop *)t->wait : NULL; }
bool kl_debug_is_stopped(const kl_task *t) { return kl_stop_of(t) != NULL; }

kl_stop *kl_stop_find(const kl_debugger *d, uint64_t task) {
  for (const kl_list *n = d->stops.next; n != &d->stops; n = n->next) {
    kl_stop *stop = KL_CONTAINER(n, kl_stop, link);
    if (stop->task == task && !stop->ended) return stop;
  }
  return NULL;
}

void kl_stop_end(kl_stop *stop, const char *because) {
  end_stop(stop, because);
  kl_complete(&stop->wait);
}

static bool is_client(const kl_debugger *d, const kl_debug_client *c) {
  for (const kl_list *n = d->clients.next; n != &d->clients; n = n->next)
    if (KL_CONTAINER(n, kl_debug_client, link) == c) return true;
  return false;
}

/* Somebody is left for it, or comes for it. */
static bool is_wanted(kl_debugger *d, const kl_stop *stop) {
  if (stop->why == KL_DEBUG_LOOP) return d->n_on_loop > 0;
  if (stop->stays || kl_break_find(d, stop->breakpoint)) return true;
  return stop->client && is_client(d, stop->client);
}

void kl_stops_leave(kl_debugger *d, const kl_debug_client *c) {
  for (kl_list *n = d->stops.next, *next; n != &d->stops; n = next) {
    kl_stop *stop = KL_CONTAINER(n, kl_stop, link);
    next = n->next;
    if (stop->client == c) stop->client = NULL;
    if (!is_wanted(d, stop)) kl_stop_end(stop, "who had stopped it has gone");
  }
}

/* ---- tasks ---- */

kl_debug_task *kl_debug_task_for(kl_task *t) {
  if (!t->debug) t->debug = calloc(1, sizeof *t->debug);
  return t->debug;
}

void kl_debug_task_over(kl_task *t) {
  free(t->debug);
  t->debug = NULL;
  t->unmarked = NULL;
  kl_list_remove(&t->bare);
}

void kl_debug_resumes(kl_task *t) {
  kl_stop *stop = kl_stop_of(t);
  if (!stop) return;
  t->wait = NULL;
  stop->wait.task = NULL;
  drop(&stop->wait);
}

bool kl_task_unmark(kl_task *t, lua_State *co) {
  if (!t || t->unmarked != co) return false;
  t->unmarked = NULL;
  t->yielded = true;
  kl_list_remove(&t->bare);
  return true;
}

bool kl_is_unmarked(lua_State *co) {
  const kl_script *s = kl_script_of(co);
  for (const kl_list *n = s->bare.next; n != &s->bare; n = n->next)
    if (KL_CONTAINER(n, kl_task, bare)->unmarked == co) return true;
  return false;
}

/* ---- frames ---- */

/* The stop that the frame is the top of; NULL: another frame. */
static const kl_stop *stop_at(lua_State *co, const lua_Debug *ar) {
  const kl_script *s = kl_script_of(co);
  const kl_debugger *d = s ? kl_debugger_of(s) : NULL;
  for (const kl_list *n = d ? d->stops.next : NULL; n && n != &d->stops; n = n->next) {
    const kl_stop *stop = KL_CONTAINER(n, kl_stop, link);
    lua_Debug top;
    if (stop->co == co) return lua_getstack(co, 0, &top) && top.i_ci == ar->i_ci ? stop : NULL;
  }
  return NULL;
}

const char *kl_debug_local(lua_State *co, const lua_Debug *ar, int n) {
  const kl_stop *stop = n > 0 ? stop_at(co, ar) : NULL;
  if (!stop) return lua_getlocal(co, ar, n);
  size_t at = 0;
  for (int i = 1; i < n && at < stop->names.len; i++)
    at += strlen(stop->names.data + at) + 1;
  if (at >= stop->names.len || !lua_getlocal(co, ar, n)) return NULL;
  return stop->names.data + at;
}

void kl_debug_correct_line(lua_State *co, lua_Debug *ar) {
  const kl_stop *stop = stop_at(co, ar);
  if (stop) ar->currentline = stop->line;
}

static bool is_deeper(lua_State *L, int depth) {
  lua_Debug ar;
  return lua_getstack(L, depth, &ar);
}

/* ---- stopping ---- */

static bool can_stop(lua_State *L, const kl_task *t) {
  return lua_isyieldable(L) && !t->script->no_wait && !t->resetting && !t->prompt && t->script->phase < KL_PHASE_CANCEL;
}

static void note_names(lua_State *L, lua_Debug *ar, kl_buf *out) {
  const char *name;
  for (int i = 1; (name = lua_getlocal(L, ar, i)); i++) {
    lua_pop(L, 1);
    kl_buf_add(out, name, strlen(name) + 1);
  }
}

/* A stop of the running task at the line of `ar`; NULL when memory is out. */
static kl_stop *new_stop(kl_debugger *d, lua_State *L, lua_Debug *ar, kl_task *t, kl_debug_why why) {
  kl_stop *stop = calloc(1, sizeof *stop);
  if (!stop) return NULL;
  *stop = (kl_stop){.wait = {.push = push, .drop = drop, .cancel = cancel, .describe = describe},
                    .debugger = d,
                    .script = t->script,
                    .task = t->id,
                    .why = why,
                    .line = ar->currentline,
                    .nest = t->script->nest,
                    .co = L};
  kl_list_init(&stop->link);
  stop->file = strdup(ar->source[0] == '@' || ar->source[0] == '=' ? ar->source + 1 : ar->short_src);
  note_names(L, ar, &stop->names);
  if (stop->file && !stop->names.failed) return stop;
  free_stop(stop);
  return NULL;
}

/* Suspends the running task. */
static void suspend(lua_State *L, kl_task *t, kl_stop *stop) {
  kl_list_append(&stop->debugger->stops, &stop->link);
  if (t->debug) t->debug->how = KL_STEP_NONE;
  kl_wait_begin(t, &stop->wait);
  t->unmarked = L;
  kl_list_append(&t->script->bare, &t->bare);
  t->broken = KL_BROKEN_NOT; /* it has waited */
  lua_yield(L, 0);
}

/* ---- lines ---- */

/* A file of the strategy's own; fills in the fields of "S". */
static bool is_own(lua_State *L, lua_Debug *ar) {
  lua_getinfo(L, "S", ar);
  return ar->source[0] == '@' || !strcmp(ar->source, kl_script_of(L)->chunk);
}

static bool step_ends(lua_State *L, const kl_task *t) {
  const kl_debug_task *dt = t->debug;
  int nest = t->script->nest;
  if (dt->how == KL_STEP_INTO || nest < dt->nest) return true;
  if (nest > dt->nest) return false;
  if (L != dt->co) return true;
  return !is_deeper(L, dt->how == KL_STEP_OUT ? dt->depth - 1 : dt->depth);
}

static void tell_cannot(kl_debugger *d, const kl_task *t, const lua_Debug *ar, const char *what) {
  if (t->prompt)
    kl_debug_say(d, "%s: an input of a prompt came to %s:%d, which is not stopped; task.spawn(FUNCTION) is", what,
                 ar->short_src, ar->currentline);
  else if (t->script->phase >= KL_PHASE_CANCEL || t->resetting)
    kl_debug_say(d, "%s: task %llu came to %s:%d while its script ends, which is not stopped", what,
                 (unsigned long long)t->id, ar->short_src, ar->currentline);
  else
    kl_debug_say(d, "%s: task %llu cannot be stopped at %s:%d, inside of a C function that cannot be suspended", what,
                 (unsigned long long)t->id, ar->short_src, ar->currentline);
}

/* The stop of a breakpoint at this line, where its condition holds; NULL: none. */
static kl_stop *stop_of_break(kl_debugger *d, kl_break *b, lua_State *L, lua_Debug *ar, kl_task *t) {
  char *error = NULL;
  if (b->condition && kl_condition_evaluate(d, b, L, ar, &error) == KL_CONDITION_FALSE) return NULL;
  b->hits++;
  if (error && !b->told_failed)
    kl_debug_say(d, "breakpoint %d: its condition \"%s\" failed at %s:%d: %s", b->id, b->condition, ar->short_src,
                 ar->currentline, error);
  if (error) b->told_failed = true;
  kl_stop *stop = NULL;
  if (can_stop(L, t)) {
    stop = new_stop(d, L, ar, t, KL_DEBUG_BREAK);
    if (!stop) kl_debug_say(d, "breakpoint %d: there is not enough memory to stop there", b->id);
  } else {
    b->passed++;
    char what[32];
    snprintf(what, sizeof what, "breakpoint %d", b->id);
    if (!b->told_cannot) tell_cannot(d, t, ar, what);
    b->told_cannot = true;
  }
  if (!stop) {
    free(error);
    return NULL;
  }
  stop->error = error;
  stop->breakpoint = b->id;
  if (b->once) {
    stop->stays = b->stays;
    stop->client = b->n_clients ? b->clients[0] : NULL;
    kl_break_remove(d, b->id);
  }
  return stop;
}

static kl_stop *look_for_breaks(kl_debugger *d, lua_State *L, lua_Debug *ar, kl_task *t) {
  int line = ar->currentline;
  unsigned bit = (unsigned)line % LINE_BITS;
  if (!(d->lines[bit / 8] >> bit % 8 & 1)) return NULL;
  if (!is_own(L, ar)) return NULL;
  kl_stop *stop = NULL;
  for (size_t i = 0; i < d->n_breaks && !stop; i++) {
    kl_break *b = &d->breaks[i];
    if (b->line == line && b->file && !strcmp(ar->source + 1, b->file)) stop = stop_of_break(d, b, L, ar, t);
  }
  return stop;
}

static kl_stop *look_for_steps(kl_debugger *d, lua_State *L, lua_Debug *ar, kl_task *t) {
  kl_debug_task *dt = t->debug;
  bool steps = dt && dt->how != KL_STEP_NONE && step_ends(L, t);
  if ((!steps && !d->pause_any) || !is_own(L, ar)) return NULL;
  if (!can_stop(L, t)) {
    if (steps && !dt->skipped) tell_cannot(d, t, ar, dt->paused ? "suspend" : "step");
    if (steps) dt->skipped = true;
    return NULL;
  }
  kl_stop *stop = new_stop(d, L, ar, t, steps && !dt->paused ? KL_DEBUG_STEP : KL_DEBUG_PAUSE);
  if (!stop) return NULL;
  stop->client = steps ? dt->client : d->pause_client;
  if (!steps) {
    d->pause_any = false;
    d->pause_client = NULL;
    kl_debug_update(d);
  }
  return stop;
}

void kl_debug_line(lua_State *L, lua_Debug *ar, kl_task *t) {
  kl_debugger *d = kl_debugger_of(t->script);
  if (!d) return;
  kl_stop *stop = look_for_breaks(d, L, ar, t);
  if (!stop && (t->debug || d->pause_any)) stop = look_for_steps(d, L, ar, t);
  if (stop) suspend(L, t, stop);
}

/* A function that a step goes over has handed its place to another one: it is over when that one is. */
void kl_debug_tail_call(lua_State *L, kl_task *t) {
  kl_debug_task *dt = t->debug;
  if (!dt || dt->how != KL_STEP_OVER || t->script->nest != dt->nest || L != dt->co) return;
  if (!is_deeper(L, dt->depth)) dt->depth = kl_frame_count(L) - 1;
}

bool kl_debug_loop(lua_State *L, kl_task *t) {
  kl_debugger *d = kl_debugger_of(t->script);
  lua_Debug ar;
  if (!kl_debug_will_stop(L, t)) return false;
  if (!lua_getstack(L, 0, &ar) || !lua_getinfo(L, "Sl", &ar) || ar.currentline <= 0) return false;
  kl_stop *stop = new_stop(d, L, &ar, t, KL_DEBUG_LOOP);
  if (!stop) return false;
  suspend(L, t, stop);
  return true;
}

bool kl_debug_will_stop(lua_State *L, const kl_task *t) {
  const kl_debugger *d = kl_debugger_of(t->script);
  return d && d->n_on_loop > 0 && t->broken == KL_BROKEN_TIME && !t->cancelled && can_stop(L, t);
}

bool kl_debug_steps_over(const kl_task *t) { return t->debug && t->debug->how == KL_STEP_OVER; }
bool kl_debug_steps(const kl_task *t) { return t->debug && t->debug->how != KL_STEP_NONE; }

/* ---- asking for more ---- */

static kl_stop *stopped(kl_strategy *g, uint64_t task, kl_error *e) {
  kl_debugger *d = g->keeper->debugger;
  kl_stop *stop = d ? kl_stop_find(d, task) : NULL;
  if (!stop) kl_error_set(e, KL_ERR_VALIDATION, "task %llu is not stopped", (unsigned long long)task);
  return stop;
}

bool kl_debug_step(kl_strategy *g, kl_debug_client *c, uint64_t task, kl_debug_how how, kl_error *e) {
  kl_stop *stop = stopped(g, task, e);
  if (!stop) return false;
  kl_debug_task *dt = kl_debug_task_for(stop->wait.task);
  if (!dt) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for a step");
    return false;
  }
  *dt = (kl_debug_task){.how = how, .client = c, .co = stop->co, .depth = kl_frame_count(stop->co), .nest = stop->nest};
  kl_stop_end(stop, NULL);
  return true;
}

bool kl_debug_continue(kl_strategy *g, uint64_t task, kl_error *e) {
  kl_debugger *d = g->keeper->debugger;
  if (task != 0) {
    kl_stop *stop = stopped(g, task, e);
    if (stop) kl_stop_end(stop, NULL);
    return stop != NULL;
  }
  bool any = false;
  for (kl_list *n = d ? d->stops.next : NULL; n && n != &d->stops; n = n->next) {
    kl_stop *stop = KL_CONTAINER(n, kl_stop, link);
    if (stop->ended) continue;
    any = true;
    kl_stop_end(stop, NULL);
  }
  if (!any) kl_error_set(e, KL_ERR_VALIDATION, "no task is stopped");
  return any;
}

bool kl_debug_cancel(kl_strategy *g, uint64_t task, kl_error *e) {
  kl_stop *stop = stopped(g, task, e);
  if (!stop) return false;
  kl_task *t = stop->wait.task;
  if (t->cancelled) { /* already: nothing is to be raised once more */
    (void)cancel(&stop->wait);
    kl_stop_end(stop, NULL);
  } else {
    end_stop(stop, NULL);
    kl_task_cancel(t, "by a debugger");
  }
  return true;
}

bool kl_debug_suspend(kl_strategy *g, kl_debug_client *c, uint64_t task, kl_error *e) {
  kl_debugger *d = kl_debugger_for(g);
  kl_task *t = task && g->live ? kl_task_find(g->live, task) : NULL;
  if (task && !t) {
    kl_error_set(e, KL_ERR_VALIDATION, "there is no task %llu", (unsigned long long)task);
    return false;
  }
  if (t && kl_stop_of(t)) {
    kl_error_set(e, KL_ERR_VALIDATION, "task %llu is stopped already", (unsigned long long)task);
    return false;
  }
  kl_debug_task *dt = t ? kl_debug_task_for(t) : NULL;
  if (!d || (t && !dt)) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory to suspend a task");
    return false;
  }
  if (t) {
    *dt = (kl_debug_task){.how = KL_STEP_INTO, .paused = true, .client = c};
  } else {
    d->pause_any = true;
    d->pause_client = c;
    kl_debug_update(d);
  }
  return true;
}

bool kl_debug_stop_at(const kl_strategy *g, size_t i, kl_debug_stop *out) {
  const kl_debugger *d = g->keeper->debugger;
  for (const kl_list *n = d ? d->stops.next : NULL; n && n != &d->stops; n = n->next) {
    const kl_stop *stop = KL_CONTAINER(n, kl_stop, link);
    if (stop->ended || i-- > 0) continue;
    kl_stop_describe(stop, out);
    return true;
  }
  return false;
}

void kl_stop_describe(const kl_stop *stop, kl_debug_stop *out) {
  *out = (kl_debug_stop){.generation = stop->script->generation,
                         .task = stop->task,
                         .why = stop->why,
                         .file = stop->file,
                         .line = stop->line,
                         .breakpoint = stop->breakpoint,
                         .error = stop->error};
}
