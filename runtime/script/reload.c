/* How one version takes the place of another: its start runs beside the live one; then, between two events, that one
 * rests and the new one goes on with its queues, books and state. Until the probation is over the old one can return.
 *
 * What a start reads takes time, and the live version works meanwhile. When that has changed its state, or when it has
 * on_stop handlers, which may, the first build was a rehearsal: the version is built once more from the state as it is
 * then, with the answers that the rehearsal got. */
#include "script/reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "script/rehearsal.h"

enum { PROBATION_TICKS = 10, CHECK_TICKS = 20, TEXT_MAX = 900 };

static int64_t now_ns(void) { return kl_mono_ns(kl_clock_real()); }
static double ms_since(int64_t then_ns) { return (double)(now_ns() - then_ns) / 1e6; }

static void begin(kl_strategy *g);

/* ---- telling ---- */

static void announce(kl_strategy *g, bool bad, const char *text, const char *traceback) {
  const kl_host_options *o = &g->host->o;
  if (o->announce) {
    o->announce(o->data, g, bad, text, traceback);
    return;
  }
  kl_log_write(bad ? KL_LOG_ERROR : KL_LOG_INFO, g->name, "%s", text);
}

static void tell(kl_strategy *g, kl_list *waiters, const kl_error *e) {
  kl_list told;
  kl_list_move(&told, waiters);
  while (!kl_list_empty(&told)) {
    kl_reload_waiter *w = KL_CONTAINER(told.next, kl_reload_waiter, link);
    kl_list_remove(&w->link);
    w->done(w->data, g, e);
    free(w);
  }
}

/* ---- files ---- */

static const kl_sources *last_tried(const kl_strategy *g) {
  if (g->attempt.next) return &g->attempt.next->sources;
  if (g->has_failed_files) return &g->failed_files;
  return g->live ? &g->live->sources : NULL;
}

static void files_changed(void *data) {
  kl_strategy *g = data;
  const kl_sources *last = last_tried(g);
  if (g->stopping || (last && kl_sources_unchanged(last))) return;
  if (last == &g->failed_files && g->live && kl_sources_unchanged(&g->live->sources)) {
    g->has_failed_files = false;
    kl_strategy_forgive(g);
    char text[TEXT_MAX];
    snprintf(text, sizeof text, "the files are those of generation %d again, which goes on", g->live->generation);
    announce(g, false, text, NULL);
    return;
  }
  kl_error e = {0};
  if (!kl_strategy_reload(g, NULL, NULL, &e)) kl_log_error(g->name, "%s", e.message);
}

static size_t add_paths(const char **paths, size_t n, const kl_sources *s) {
  for (size_t i = 0; s && i < s->n; i++)
    if (s->items[i].watched) paths[n++] = s->items[i].path;
  return n;
}

void kl_reload_watch(kl_strategy *g) {
  if (!g->o.watch || g->host->closing) return;
  if (!g->watch) g->watch = kl_file_watch_new(g->host->loop, files_changed, g);
  const kl_sources *live = g->live ? &g->live->sources : NULL;
  const kl_sources *failed = g->has_failed_files ? &g->failed_files : NULL;
  bool over = !g->live && !g->attempt.next && g->ended == KL_STRATEGY_ENDED;
  size_t room = over ? 0 : (live ? live->n : 0) + (failed ? failed->n : 0);
  const char **paths = calloc(room + 1, sizeof *paths);
  kl_error e = {0};
  bool ok = g->watch && paths;
  if (ok && !over) ok = kl_file_watch_set(g->watch, paths, add_paths(paths, add_paths(paths, 0, live), failed), &e);
  if (ok && over) ok = kl_file_watch_set(g->watch, paths, 0, &e);
  free(paths);
  if (!ok) {
    kl_log_warn(g->name, "its files are not watched, use `kalua reload`: %s", e.kind ? e.message : "not enough memory");
    return;
  }
  /* What changed between reading a file and watching it was seen by nobody. */
  const kl_sources *last = last_tried(g);
  if (!over && last && !kl_sources_unchanged(last)) files_changed(g);
}

/* ---- state ---- */

bool kl_reload_capture(kl_strategy *g, kl_buf *out, int *schema, kl_error *e) {
  if (g->live) {
    bool has = false;
    kl_buf image = {0};
    int its = 0;
    bool ok = kl_version_capture(g->live, &image, &its, &has, e);
    if (ok && has) {
      kl_buf_free(out);
      *out = image;
      *schema = its;
      return true;
    }
    kl_buf_free(&image);
    if (!ok) return false;
  }
  if (out == &g->image) return true;
  kl_buf_clear(out);
  if (g->image.len) kl_buf_add(out, g->image.data, g->image.len);
  *schema = g->schema;
  if (!out->failed) return true;
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for kalua.state");
  return false;
}

/* ---- probation ---- */

static bool copy_sources(kl_sources *to, const kl_sources *from) {
  kl_sources copy = {0};
  bool ok = true;
  size_t n;
  for (size_t i = 0; ok && i < from->n; i++)
    ok = kl_sources_read(&copy, from, from->items[i].path, &n) || !from->items[i].text;
  if (!ok) {
    kl_sources_free(&copy);
    return false;
  }
  kl_sources_free(to);
  *to = copy;
  return true;
}

static void stop_probation(kl_strategy *g) {
  kl_timer_stop(&g->timer);
  if (!g->previous) return;
  if (g->stopping) g->previous->replaced = false; /* nothing is sent any more that waits */
  kl_script_discard(g->previous);
  g->previous = NULL;
}

/* With those modules of the program that the next version is likely to ask for, too. */
static kl_script *prepare(kl_strategy *g, const char *path, kl_error *e) {
  const kl_version v = {.strategy = g, .keeper = g->keeper, .name = g->name};
  kl_script_options o = g->o.script;
  o.path = path;
  return kl_script_prepare(g->host, &o, &v, g->live ? g->live->modules : 0, e);
}

static void roll_back(kl_strategy *g, const char *why, const char *traceback);

static void tick(uv_timer_t *timer) {
  kl_strategy *g = timer->data;
  kl_script *s = g->live;
  if (!s || !s->live) return; /* paused: its probation is the time in which it runs */
  g->ticks++;
  if (!g->spare) g->spare = prepare(g, g->o.script.path, NULL);
  if (s->n_checks && g->ticks >= CHECK_TICKS) {
    if (g->previous) {
      roll_back(g, "a check of kalua.on_probation did not end", NULL);
      return;
    }
  } else if (g->ticks <= PROBATION_TICKS) {
    if (g->previous) kl_version_check(s);
    return;
  } else if (s->n_checks) {
    return;
  }
  stop_probation(g);
  if (!copy_sources(&g->good, &s->sources)) kl_log_warn(g->name, "not enough memory to keep the last good version");
  kl_log_debug(g->name, "generation %d has outlived its probation", s->generation);
}

static void start_probation(kl_strategy *g) {
  g->ticks = 0;
  if (g->o.probation_ms < 0) {
    stop_probation(g);
    return;
  }
  uint64_t every = (uint64_t)g->o.probation_ms / PROBATION_TICKS;
  uv_update_time(g->host->loop);
  kl_timer_start(&g->timer, tick, every ? every : 1, every ? every : 1);
  uv_unref((uv_handle_t *)&g->timer.uv);
}

void kl_reload_made_live(kl_strategy *g, kl_script *s) {
  g->live = s;
  if (s->generation > g->last_generation) g->last_generation = s->generation;
  g->version_started_ns = kl_mono_ns(g->host->o.clock);
  g->version_started_ms = kl_wall_ms(g->host->o.clock);
  kl_sources_hash(&s->sources, g->hash);
  if (!g->previous) start_probation(g);
  kl_strategy_tell(g);
}

void kl_reload_live_is_gone(kl_strategy *g) {
  stop_probation(g);
  if (g->attempt.next) kl_script_touch(g->attempt.next);
}

/* ---- the end of a try ---- */

static void drop_attempt(kl_strategy *g) {
  kl_attempt *a = &g->attempt;
  kl_timer_stop(&g->start_timer);
  kl_script *second = a->second, *next = a->next, *rehearsal = a->rehearsal;
  kl_buf image = a->image; /* its memory is used again */
  *a = (kl_attempt){.image = image};
  if (second) kl_script_discard(second);
  if (next) kl_script_discard(next); /* before the rehearsal, whose sources it reads */
  if (rehearsal) kl_script_discard(rehearsal);
  if (g->live) kl_script_no_swap(g->live);
}

/* The next try, when one was asked for meanwhile. */
static void go_on(kl_strategy *g) {
  if (g->again && !g->stopping) begin(g);
}

static void keep_failed_files(kl_strategy *g, kl_script *s) {
  kl_sources_free(&g->failed_files);
  g->failed_files = s->sources;
  s->sources = (kl_sources){0};
  g->has_failed_files = true;
}

static void forget_failed_files(kl_strategy *g) {
  kl_sources_free(&g->failed_files);
  g->has_failed_files = false;
}

static void refuse(kl_strategy *g, const kl_error *e, const char *traceback) {
  kl_attempt *a = &g->attempt;
  char text[TEXT_MAX];
  const char *what = g->promoting ? "promoted" : "reloaded";
  if (g->live)
    snprintf(text, sizeof text, "not %s: %s (generation %d goes on)", what, e->message, g->live->generation);
  else
    snprintf(text, sizeof text, "not %s: %s", what, e->message);
  g->refused++;
  kl_strategy_note_error(g, g->live ? text : e->message, kl_strategy_code_of(e));
  g->error_of_reload = true;
  char *trace = traceback ? strdup(traceback) : NULL;
  kl_script *failed = a->rehearsal ? a->rehearsal : a->next;
  kl_list waiters;
  kl_list_move(&waiters, &g->waiters);
  if (a->next && failed == a->next)
    keep_failed_files(g, failed);
  else if (failed)
    g->has_failed_files = copy_sources(&g->failed_files, &failed->sources);
  if (g->promoting) forget_failed_files(g); /* their next change is nothing to this strategy */
  kl_promotion_end(g);
  drop_attempt(g);
  if (g->live && !g->live->live && !g->paused) kl_version_go_live(g->live);
  announce(g, true, text, trace);
  free(trace);
  kl_reload_watch(g);
  tell(g, &waiters, e);
  if (!g->live && !g->stopping && !g->again) kl_strategy_nothing_runs(g);
  go_on(g);
}

void kl_reload_give_up(kl_strategy *g, const kl_error *e) {
  g->again = false;
  kl_promotion_end(g);
  drop_attempt(g);
  stop_probation(g);
  tell(g, &g->waiters, e);
  tell(g, &g->waiters_again, e);
}

/* ---- back to the version before ---- */

static void roll_back(kl_strategy *g, const char *why, const char *traceback) {
  kl_script *bad = g->live;
  char text[TEXT_MAX];
  snprintf(text, sizeof text, "rolled back: %s (generation %d goes on again)", why, g->previous->generation);
  kl_strategy_note_error(g, text, kl_script_error_code(bad));
  g->error_of_reload = true;
  char *trace = traceback ? strdup(traceback) : NULL;
  if (g->attempt.next) { /* it began from the state of the version that goes */
    drop_attempt(g);
    g->again = true;
  }
  kl_timer_stop(&g->timer);
  g->live = g->previous;
  g->live->replaced = false;
  g->previous = NULL;
  g->rolled_back++;
  if (kl_promotion_undo(g))
    forget_failed_files(g);
  else
    keep_failed_files(g, bad);
  kl_version_suspend(bad);
  kl_reload_made_live(g, g->live);
  kl_version_go_live(g->live); /* takes what the other has not handled, which is still there */
  kl_script_discard(bad);
  announce(g, true, text, trace);
  free(trace);
  kl_reload_watch(g);
  go_on(g);
}

bool kl_strategy_takes_failure(kl_script *s) {
  kl_strategy *g = s->strategy;
  if (s != g->live || !g->previous || s->stop) return false;
  if (!s->failed && s->errors == 0) return false;
  if (s->failed && s->error)
    roll_back(g, s->error, s->traceback);
  else
    roll_back(g, s->late_error ? s->late_error : "it failed", s->late_trace);
  return true;
}

/* ---- the swap ---- */

void kl_strategy_tidy(kl_strategy *g) {
  if (kl_list_empty(&g->tidying)) return;
  kl_list_remove(&g->tidying);
  for (int i = 0; i < KL_GONE_MAX; i++) {
    if (g->gone[i]) kl_script_discard(g->gone[i]);
    g->gone[i] = NULL;
  }
  kl_reload_watch(g);
}

/* What can wait is done behind the first events of the new version: kl_strategy_tidy. */
static void swap(kl_strategy *g) {
  kl_attempt *a = &g->attempt;
  kl_strategy_tidy(g);
  kl_script *old = g->live, *next = a->next, *rehearsal = a->rehearsal;
  int64_t began = a->began_ns, paused = a->pause_ns;
  bool promoted = g->promoting != NULL;
  a->next = a->rehearsal = NULL;
  if (promoted) kl_promotion_take(g);
  if (old && old->live) kl_version_suspend(old);
  if (old) {
    old->replaced = true;
    kl_debug_let_go(old, "another version has taken over");
  }
  if (old && g->o.probation_ms >= 0 && !g->previous) {
    g->previous = old;
    old = NULL;
  }
  g->live = next;
  kl_version_go_live(next);
  kl_reload_made_live(g, next);
  start_probation(g);
  kl_strategy_forgive(g);
  g->reloads++;
  g->has_failed_files = false;
  kl_saver_put(g, &a->image, next->generation, a->schema);
  drop_attempt(g);
  char text[TEXT_MAX];
  if (promoted)
    snprintf(text, sizeof text, "promoted %.400s in %.1f ms, generation %d", g->o.script.path, ms_since(began),
             next->generation);
  else
    snprintf(text, sizeof text, "reloaded in %.1f ms, generation %d", ms_since(began), next->generation);
  announce(g, false, text, NULL);
  kl_log_debug(g->name, "the version before rested for %.2f ms", ms_since(paused));
  g->gone[0] = rehearsal;
  g->gone[1] = old;
  kl_list_append(&g->host->tidying, &g->tidying);
  kl_host_wake(g->host);
  kl_list waiters;
  kl_list_move(&waiters, &g->waiters);
  tell(g, &waiters, NULL);
  go_on(g);
}

/* ---- a try ---- */

static void look(kl_strategy *g);

static void start_timed_out(uv_timer_t *timer) {
  kl_strategy *g = timer->data;
  const kl_attempt *a = &g->attempt;
  const kl_script *s = a->second ? a->second : a->next;
  kl_error e = {0};
  kl_error_coded(&e, KL_ERR_TIMEOUT, "start_too_long", "its start has not ended after %.3g s: %s", g->o.start_ms / 1e3,
                 s && !kl_list_empty(&s->start_ready)
                     ? "it does not stop working, and waits for no event (task.yield and task.sleep(0) are none)"
                     : "it still waits for answers");
  refuse(g, &e, NULL);
}

/* A version that is compiled and has not run yet: of what the rehearsal read, or of what is on the disk. */
static kl_script *compiled(kl_strategy *g, kl_script *rehearsal, kl_error *e) {
  kl_version v = {.generation = g->last_generation + 1, .starting = true};
  kl_script *s = g->spare && !g->promoting ? g->spare : NULL;
  if (s)
    g->spare = NULL;
  else
    s = prepare(g, g->promoting ? g->promoting : g->o.script.path, e);
  if (!s) return NULL;
  if (rehearsal) {
    v.snapshot = &rehearsal->sources;
    v.rehearsal = rehearsal->rehearsal;
    rehearsal->rehearsal = NULL;
    kl_rehearsal_rewind(v.rehearsal);
  } else {
    kl_sources_free(&g->failed_files);
    g->has_failed_files = false;
    v.tried = &g->failed_files;
    v.rehearsal = kl_rehearsal_new();
  }
  if (!v.rehearsal) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory to start a script");
    kl_script_drop_prepared(s);
    return NULL;
  }
  if (kl_script_begin(s, &v, e)) return s;
  if (v.tried) g->has_failed_files = true;
  return NULL;
}

/* Its first part: it goes on in the next turn of the loop, so that events do not wait for the compiler. */
static void begin(kl_strategy *g) {
  kl_attempt *a = &g->attempt;
  kl_error e = {0};
  g->again = false;
  while (!kl_list_empty(&g->waiters_again)) { /* the files are read after they asked */
    kl_list *w = g->waiters_again.next;
    kl_list_remove(w);
    kl_list_append(&g->waiters, w);
  }
  kl_strategy_tidy(g);
  a->began_ns = now_ns();
  a->next = compiled(g, NULL, &e);
  if (!a->next) refuse(g, &e, NULL);
}

/* Runs a->next with the state as it is now. */
static void run(kl_strategy *g) {
  kl_attempt *a = &g->attempt;
  kl_error e = {0};
  a->runs = true;
  if (!kl_reload_capture(g, &a->image, &a->schema, &e) || !kl_version_give_state(a->next, &a->image, a->schema, &e)) {
    refuse(g, &e, NULL);
    return;
  }
  kl_version_run_start(a->next);
  look(g);
}

static void run_second(kl_strategy *g) {
  kl_attempt *a = &g->attempt;
  if (g->live && g->live->live) {
    a->pause_ns = now_ns();
    kl_version_suspend(g->live);
  }
  a->last = true;
  a->rehearsal = a->next;
  a->next = a->second;
  a->second = NULL;
  run(g);
}

void kl_strategy_handlers_ran(kl_script *s) {
  kl_strategy *g = s->strategy;
  if (!g->attempt.handlers || s != g->live) return;
  g->attempt.handlers = false;
  run_second(g);
}

/* The first build was a rehearsal. The live version goes on for a turn of the loop with what came while the second was
 * compiled. */
static void build_second(kl_strategy *g) {
  kl_attempt *a = &g->attempt;
  kl_error e = {0};
  a->second = compiled(g, a->next, &e);
  if (a->second)
    kl_script_touch(a->next);
  else
    refuse(g, &e, NULL);
}

static void go_on_with_second(kl_strategy *g) {
  kl_attempt *a = &g->attempt;
  if (!g->live || kl_count_handlers(g->live, &kl_on_stop_key) == 0) {
    run_second(g);
    return;
  }
  a->handlers = true;
  a->pause_ns = now_ns();
  kl_version_suspend(g->live);
  kl_script_before_swap(g->live);
}

/* 1: as it was carried over, 0: changed, -1: refused. */
static int state_is_unchanged(kl_strategy *g) {
  kl_attempt *a = &g->attempt;
  kl_buf now = {0};
  int schema = 0;
  kl_error e = {0};
  if (!kl_reload_capture(g, &now, &schema, &e)) {
    kl_buf_free(&now);
    refuse(g, &e, NULL);
    return -1;
  }
  bool same = now.len == a->image.len && schema == a->schema && (!now.len || !memcmp(now.data, a->image.data, now.len));
  kl_buf_free(&now);
  return same;
}

/* It is on its way out, by itself or by an error. */
static bool is_ending(const kl_script *s) {
  return s->stop || s->failed || (s->n_tasks == 0 && !s->o.stays) || s->phase != KL_PHASE_RUN;
}

/* What has become of the start. */
static void look(kl_strategy *g) {
  kl_attempt *a = &g->attempt;
  kl_script *s = a->next;
  kl_error e = {0};
  if (s->failed) {
    kl_error_set(&e, KL_ERR_VALIDATION, "%s", s->error ? s->error : "it failed");
    refuse(g, &e, s->traceback);
    return;
  }
  if (!kl_version_has_started(s)) {
    if (!a->last) a->waited = true;
    if (!kl_timer_active(&g->start_timer)) {
      uv_update_time(g->host->loop);
      kl_timer_start(&g->start_timer, start_timed_out, (uint64_t)g->o.start_ms, 0);
    }
    return;
  }
  kl_timer_stop(&g->start_timer);
  if (s->n_tasks == 0) {
    kl_error_coded(&e, KL_ERR_VALIDATION, "version_ends_at_once",
                   "the new version ends at once, nothing of it is left to run; `kalua stop %s` stops it", g->name);
    refuse(g, &e, NULL);
    return;
  }
  if (s->schema > s->declared) {
    kl_error_coded(&e, KL_ERR_VALIDATION, "state_schema",
                   "kalua.state is of schema %d, and the new version knows only %d: keep kalua.migrate(%d, …)",
                   s->schema, s->declared, s->schema - 1);
    refuse(g, &e, NULL);
    return;
  }
  if (!a->last && g->live && is_ending(g->live)) { /* its on_stop handlers come first, and what they leave behind */
    a->waited = true;
    return;
  }
  bool again = !a->last && g->live && kl_count_handlers(g->live, &kl_on_stop_key) > 0;
  if (!again && !a->last && a->waited) {
    int same = state_is_unchanged(g);
    if (same < 0) return;
    again = !same;
  }
  if (again) {
    build_second(g);
    return;
  }
  swap(g);
}

void kl_strategy_start_step(kl_script *s) {
  kl_strategy *g = s->strategy;
  kl_attempt *a = &g->attempt;
  if (s != a->next || a->handlers) return;
  if (!a->runs) {
    a->pause_ns = now_ns();
    run(g);
    return;
  }
  if (a->second) {
    if (!g->live || !is_ending(g->live)) go_on_with_second(g);
    return;
  }
  kl_version_run_start(s);
  look(g);
}

/* ---- asking for one ---- */

/* One that waits for its next start is started now. */
static void start_now(kl_strategy *g) {
  kl_error e = {0};
  char text[TEXT_MAX];
  bool ok = kl_strategy_start_again(g, &e);
  if (ok)
    snprintf(text, sizeof text, "started again, generation %d", g->live->generation);
  else
    snprintf(text, sizeof text, "not started again: %s", e.message);
  announce(g, !ok, text, NULL);
  tell(g, &g->waiters_again, ok ? NULL : &e);
}

/* It has ended or is about to: there is nothing to reload. */
static bool is_over(const kl_strategy *g, kl_error *e) {
  bool ended = !g->live && !g->attempt.next && g->ended == KL_STRATEGY_ENDED;
  if (ended)
    kl_error_coded(e, KL_ERR_CLOSED, "not_running", "%s does not run: `kalua start %s` starts it", g->name, g->name);
  else if (g->stopping)
    kl_error_coded(e, KL_ERR_CLOSED, "not_running", "%s is stopping", g->name);
  return ended || g->stopping;
}

void kl_strategy_step(kl_strategy *g) {
  kl_error e = {0};
  bool over = is_over(g, &e);
  if (over || g->paused) {
    if (!over) kl_error_coded(&e, KL_ERR_CLOSED, "paused", "%s is paused: resume it first", g->name);
    kl_promotion_end(g);
    tell(g, &g->waiters_again, &e);
    return;
  }
  if (g->attempt.last || g->attempt.handlers) {
    g->again = true;
    return;
  }
  if (!g->live && !g->attempt.next) {
    if (g->promoting) { /* it has ended since that was asked for */
      kl_error_coded(&e, KL_ERR_CLOSED, "not_running", "%s does not run", g->name);
      kl_promotion_end(g);
      tell(g, &g->waiters_again, &e);
    } else {
      start_now(g);
    }
    return;
  }
  drop_attempt(g);
  begin(g);
}

bool kl_reload_want(kl_strategy *g, kl_reload_done *done, void *data, kl_error *e) {
  if (done) {
    kl_reload_waiter *w = malloc(sizeof *w);
    if (!w) {
      kl_error_set(e, KL_ERR_INTERNAL, "not enough memory to reload %s", g->name);
      return false;
    }
    w->done = done;
    w->data = data;
    kl_list_init(&w->link);
    kl_list_append(&g->waiters_again, &w->link);
  }
  if (kl_list_empty(&g->wanted)) kl_list_append(&g->host->wanted, &g->wanted);
  kl_host_wake(g->host);
  return true;
}

bool kl_strategy_reload(kl_strategy *g, kl_reload_done *done, void *data, kl_error *e) {
  return !is_over(g, e) && kl_reload_want(g, done, data, e);
}
