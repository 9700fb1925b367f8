/* Strategies: what runs, what happens when it fails, and what can be asked of it. How one version takes the place of
 * another is in reload.c. */
#include "script/strategy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "script/internal.h"
#include "script/reload.h"

enum { BACKOFF_FIRST_MS = 1000, BACKOFF_MAX_MS = 60000, HEALTHY_MS = 60000, DEFAULT_PROBATION_MS = 10000 };
enum { DEFAULT_START_MS = 10000 };

const char *const kl_on_failure_names[KL_FAILED_COUNT] = {"stop", "restart", "last-good"};
const char *const kl_strategy_phase_names[] = {
    [KL_STRATEGY_RUNNING] = "running", [KL_STRATEGY_RELOADING] = "reloading", [KL_STRATEGY_PROBATION] = "probation",
    [KL_STRATEGY_PAUSED] = "paused",   [KL_STRATEGY_WAITING] = "waiting",     [KL_STRATEGY_ENDED] = "ended"};

/* ---- reading ---- */

const char *kl_strategy_name(const kl_strategy *g) { return g->name; }
kl_strategy *kl_strategy_shadow_of(const kl_strategy *g) { return g->o.shadow_of; }
const kl_strategy_options *kl_strategy_get_options(const kl_strategy *g) { return &g->o; }
kl_script *kl_strategy_script(kl_strategy *g) { return g->live; }

kl_strategy *kl_strategy_next(kl_host *h, const kl_strategy *g) {
  const kl_list *next = g ? g->link.next : h->strategies.next;
  return next == &h->strategies ? NULL : KL_CONTAINER(next, kl_strategy, link);
}

void kl_strategy_observe(kl_strategy *g, kl_strategy_observer *o) { kl_list_append(&g->observers, &o->link); }
void kl_strategy_unobserve(kl_strategy_observer *o) { kl_list_remove(&o->link); }

void kl_strategy_tell(kl_strategy *g) {
  kl_list told;
  kl_list_move(&told, &g->observers);
  while (!kl_list_empty(&told)) { /* one that is told may leave */
    kl_strategy_observer *o = KL_CONTAINER(told.next, kl_strategy_observer, link);
    kl_list_remove(&o->link);
    kl_list_append(&g->observers, &o->link);
    o->changed(o, g, g->live);
  }
}

static kl_strategy_phase phase_of(const kl_strategy *g) {
  if (!g->live) return g->attempt.next ? KL_STRATEGY_RELOADING : g->ended;
  if (g->paused) return KL_STRATEGY_PAUSED;
  if (g->attempt.next) return KL_STRATEGY_RELOADING;
  return g->previous ? KL_STRATEGY_PROBATION : KL_STRATEGY_RUNNING;
}

void kl_strategy_status_get(const kl_strategy *g, kl_strategy_status *out) {
  *out = (kl_strategy_status){.phase = phase_of(g),
                              .name = g->name,
                              .path = g->o.script.path,
                              .generation = g->live ? g->live->generation : g->last_generation,
                              .started_ms = g->started_ms,
                              .version_started_ms = g->version_started_ms,
                              .reloads = g->reloads,
                              .refused = g->refused,
                              .rolled_back = g->rolled_back,
                              .restarts = g->restarts,
                              .failed = g->failed,
                              .stopping = g->stopping};
  memcpy(out->hash, g->hash, sizeof out->hash);
  memcpy(out->last_error, g->last_error, sizeof out->last_error);
  memcpy(out->last_code, g->last_code, sizeof out->last_code);
  if (g->live) kl_script_stats_get(g->live, &out->script);
}

/* ---- versions that begin without another one beside them ---- */

/* With the source of `snapshot`, or of the disk. */
static bool start_version(kl_strategy *g, const kl_sources *snapshot, kl_error *e) {
  const kl_version v = {.strategy = g,
                        .keeper = g->keeper,
                        .name = g->name,
                        .generation = g->last_generation + 1,
                        .snapshot = snapshot,
                        .image = &g->image,
                        .schema = g->schema,
                        .tried = &g->failed_files};
  kl_sources_free(&g->failed_files);
  g->has_failed_files = false;
  kl_script *s = kl_script_prepare(g->host, &g->o.script, &v, 0, e);
  if (!s) return false;
  if (!kl_script_begin(s, &v, e)) {
    g->has_failed_files = true;
    kl_reload_watch(g);
    return false;
  }
  kl_reload_made_live(g, s);
  kl_reload_watch(g);
  return true;
}

/* ---- the end of the version that runs ---- */

void kl_strategy_note_error(kl_strategy *g, const char *text, const char *code) {
  snprintf(g->last_code, sizeof g->last_code, "%s", code ? code : "");
  snprintf(g->last_error, sizeof g->last_error, "%s", text ? text : "");
  g->error_of_reload = false;
}

void kl_strategy_forgive(kl_strategy *g) {
  if (g->error_of_reload) kl_strategy_note_error(g, NULL, NULL);
}

static void ended(kl_strategy *g, kl_script *s) {
  kl_strategy_tidy(g);
  g->ended = KL_STRATEGY_ENDED;
  kl_timer_stop(&g->timer);
  kl_reload_watch(g);
  kl_script_drop_prepared(g->spare);
  g->spare = NULL;
  kl_host *h = g->host;
  if (h->o.strategy_ended) h->o.strategy_ended(h->o.data, g, s, g->failed);
}

static void start_later(kl_strategy *g, const char *why);

static void restart(uv_timer_t *timer) {
  kl_strategy *g = timer->data;
  kl_error e = {0};
  bool last_good = g->o.on_failure == KL_FAILED_LAST_GOOD && g->good.n > 0;
  if (start_version(g, last_good ? &g->good : NULL, &e)) {
    g->restarts++;
    kl_log_info(g->name, "started again, generation %d%s", g->last_generation,
                last_good ? ": the last good version" : "");
    return;
  }
  kl_strategy_note_error(g, e.message, kl_strategy_code_of(&e));
  kl_buf why = {0};
  kl_buf_printf(&why, "not started again: %s", e.message);
  start_later(g, why.failed ? e.message : why.data);
  kl_buf_free(&why);
}

/* `why` NULL: it has been told. One line, since it may come again and again. */
static void start_later(kl_strategy *g, const char *why) {
  int64_t wait = BACKOFF_FIRST_MS;
  for (int i = 0; i < g->failures && wait < BACKOFF_MAX_MS; i++)
    wait *= 2;
  if (wait > BACKOFF_MAX_MS) wait = BACKOFF_MAX_MS;
  g->failures++;
  g->ended = KL_STRATEGY_WAITING;
  if (why)
    kl_log_error(g->name, "%s; it is started again in %d s", why, (int)(wait / 1000));
  else
    kl_log_warn(g->name, "it is started again in %d s", (int)(wait / 1000));
  uv_update_time(g->host->loop);
  kl_timer_start(&g->timer, restart, (uint64_t)wait, 0);
  uv_ref((uv_handle_t *)&g->timer.uv); /* it is all that the loop goes on for */
}

void kl_strategy_closing(kl_script *s) {
  kl_strategy *g = s->strategy;
  if (s != g->live) return;
  kl_error e = {0};
  if (!kl_reload_capture(g, &g->image, &g->schema, &e)) {
    kl_log_error(g->name, "%s; its last state is lost", e.message);
    kl_strategy_note_error(g, e.message, kl_strategy_code_of(&e));
    return;
  }
  kl_saver_put(g, &g->image, s->generation, g->schema);
}

static bool is_healthy(const kl_strategy *g) {
  return kl_mono_ns(g->host->o.clock) - g->version_started_ns > (int64_t)HEALTHY_MS * 1000000;
}

/* What is wrong stays wrong for as long as the process runs, as it has read its settings: the key is missing, or was
 * refused at the first start. One that is refused later has been a good one, and may be again. */
static bool is_for_good(const kl_strategy *g, const kl_script *s) {
  static const char *const refused[] = {"authentication_error", "feed_key_refused"};
  const char *code = kl_script_error_code(s);
  bool first = g->restarts == 0 && g->reloads == 0 && !is_healthy(g);
  if (!code) return false;
  for (size_t i = 0; first && i < sizeof refused / sizeof *refused; i++)
    if (!strcmp(code, refused[i])) return true;
  return !strcmp(code, "key_missing");
}

void kl_strategy_version_ended(kl_script *s) {
  kl_strategy *g = s->strategy;
  if (s != g->live) return;
  g->live = NULL;
  g->paused = false;
  kl_reload_live_is_gone(g);
  if (s->failed) kl_strategy_note_error(g, s->error, kl_script_error_code(s));
  if (is_healthy(g)) g->failures = 0;
  bool taken = g->attempt.next && !g->stopping; /* the one that starts takes over */
  bool again = s->failed && !g->stopping && g->o.on_failure != KL_FAILED_STOP && !is_for_good(g, s);
  const char *error = s->error ? s->error : "failed";
  if (s->failed && taken) kl_log_error(g->name, "%s", error);
  if (again && !taken) {
    start_later(g, error);
  } else if (!taken) {
    g->failed = s->failed;
    ended(g, s);
  }
  kl_strategy_tell(g);
  kl_script_discard(s);
}

void kl_strategy_nothing_runs(kl_strategy *g) {
  if (!g->stopping && g->o.on_failure != KL_FAILED_STOP) {
    start_later(g, NULL);
    return;
  }
  g->failed = true;
  ended(g, NULL);
}

/* ---- what can be asked of a strategy ---- */

void kl_strategy_stop(kl_strategy *g, kl_stop_reason why, bool now) {
  bool only_starts = !g->live && g->attempt.next;
  g->stopping = true;
  kl_error e = {0};
  kl_error_coded(&e, KL_ERR_CLOSED, "not_running", "%s is stopping", g->name);
  kl_reload_give_up(g, &e);
  if (g->live) {
    g->paused = false;
    if (!g->live->live) kl_version_go_live(g->live);
    kl_script_stop(g->live, why, now);
  } else if (g->ended == KL_STRATEGY_WAITING || only_starts) {
    ended(g, NULL);
  }
}

bool kl_strategy_start_again(kl_strategy *g, kl_error *e) {
  if (g->live || g->attempt.next) {
    kl_error_coded(e, KL_ERR_VALIDATION, "already_running", "%s runs already", g->name);
    return false;
  }
  kl_timer_stop(&g->timer);
  bool was_stopping = g->stopping;
  g->stopping = false;
  if (start_version(g, NULL, e)) {
    g->failed = false;
    g->failures = 0;
    return true;
  }
  g->stopping = was_stopping;
  kl_strategy_note_error(g, e->message, kl_strategy_code_of(e));
  if (g->ended == KL_STRATEGY_WAITING) start_later(g, NULL);
  return false;
}

bool kl_strategy_pause(kl_strategy *g, bool paused, kl_error *e) {
  if (!g->live || g->stopping) {
    kl_error_coded(e, KL_ERR_VALIDATION, "not_running", "%s does not run: `kalua start %s` starts it", g->name,
                   g->name);
    return false;
  }
  if (g->attempt.next) {
    kl_error_coded(e, KL_ERR_VALIDATION, "being_reloaded", "%s is being reloaded; try again in a moment", g->name);
    return false;
  }
  if (paused == g->paused) return true;
  g->paused = paused;
  if (paused)
    kl_version_suspend(g->live);
  else
    kl_version_go_live(g->live);
  return true;
}

/* ---- birth and end ---- */

static bool name_it(kl_strategy *g) {
  const char *path = g->o.script.path;
  const char *slash = path ? strrchr(path, '/') : NULL;
  const char *file = slash ? slash + 1 : path ? path : "script";
  size_t n = strlen(file);
  if (n > 4 && strcmp(file + n - 4, ".lua") == 0) n -= 4;
  g->name = g->o.script.name ? strdup(g->o.script.name) : strndup(file, n);
  return g->name != NULL;
}

static void free_strategy(kl_strategy *g) {
  kl_options_free(&g->o.script);
  free(g->name);
  free(g->not_saved);
  free(g->promoting);
  kl_keeper_release(g->keeper);
  kl_buf_free(&g->image);
  kl_buf_free(&g->attempt.image);
  kl_sources_free(&g->good);
  kl_sources_free(&g->failed_files);
  free(g);
}

static void timer_closed(uv_handle_t *timer) {
  kl_strategy *g = timer->data;
  if (--g->open_timers > 0) return;
  kl_host *h = g->host;
  free_strategy(g);
  kl_host_release(h);
}

void kl_strategy_close(kl_strategy *g) {
  g->stopping = true;
  while (!kl_list_empty(&g->observers))
    kl_list_remove(g->observers.next);
  kl_error e = {0};
  kl_error_coded(&e, KL_ERR_CLOSED, "process_ending", "the program ends");
  kl_strategy_tidy(g);
  kl_reload_give_up(g, &e);
  if (g->live) {
    kl_script *s = g->live;
    kl_strategy_closing(s);
    g->live = NULL;
    kl_script_discard(s);
  }
  kl_script_drop_prepared(g->spare);
  g->spare = NULL;
  kl_file_watch_close(g->watch);
  g->watch = NULL;
  kl_list_remove(&g->link);
  kl_list_remove(&g->wanted);
  g->host->open_handles++;
  kl_timer_close(&g->start_timer, timer_closed);
  kl_timer_close(&g->timer, timer_closed);
}

bool kl_strategy_start(kl_host *h, const kl_strategy_options *o, kl_strategy **out, kl_error *e) {
  *out = NULL;
  kl_strategy *g = calloc(1, sizeof *g);
  if (!g) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory to start a script");
    return false;
  }
  g->host = h;
  g->o = *o;
  g->ended = KL_STRATEGY_ENDED;
  kl_list_init(&g->link);
  kl_list_init(&g->wanted);
  kl_list_init(&g->tidying);
  kl_list_init(&g->observers);
  kl_list_init(&g->waiters);
  kl_list_init(&g->waiters_again);
  if (!g->o.probation_ms) g->o.probation_ms = DEFAULT_PROBATION_MS;
  if (g->o.start_ms <= 0) g->o.start_ms = DEFAULT_START_MS;
  bool ok = kl_options_copy(&g->o.script, &o->script) && name_it(g);
  g->keeper = kl_keeper_new();
  if (!ok || !g->keeper) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory to start a script");
    free_strategy(g);
    return false;
  }
  kl_timer_init(h->loop, &g->timer, h->o.clock);
  kl_timer_init(h->loop, &g->start_timer, h->o.clock);
  g->timer.uv.data = g->start_timer.uv.data = g;
  g->open_timers = 2;
  g->started_ms = kl_wall_ms(h->o.clock);
  kl_list_append(&h->strategies, &g->link);
  bool begins = o->shadow_of ? kl_reload_capture(o->shadow_of, &g->image, &g->schema, e) : kl_saver_load(g, e);
  if (!begins || !start_version(g, NULL, e)) {
    kl_strategy_close(g);
    return false;
  }
  *out = g;
  return true;
}
