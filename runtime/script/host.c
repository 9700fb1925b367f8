#include <stdlib.h>
#include <string.h>

#include "script/internal.h"

enum { DEFAULT_GRACE_MS = 3000 };

static void take(kl_list *from, kl_list *to, const kl_script *s, bool of_it) {
  for (kl_list *n = from->next, *next; n != from; n = next) {
    next = n->next;
    if ((KL_CONTAINER(n, kl_task, ready)->script == s) != of_it) continue;
    kl_list_remove(n);
    kl_list_append(to, n);
  }
}

/* The tasks of `s` have held the loop: what is left of a pass waits for the next one, the other scripts' first. */
static void put_back(kl_host *h, kl_list *pass, const kl_script *s) {
  kl_list later, own;
  kl_list_move(&later, &h->ready);
  kl_list_init(&own);
  take(pass, &h->ready, s, false);
  take(&later, &h->ready, s, false);
  take(pass, &own, s, true);
  take(&later, &own, s, true);
  take(&own, &h->ready, s, true);
  kl_host_wake(h);
}

/* It was stopped without any time to end, and is closed in this turn: what its tasks would do of that is nobody's wish.
 */
static bool is_over(const kl_script *s) {
  return s->at_once && s->phase == KL_PHASE_RUN && !s->starting && !s->failed && !s->for_swap;
}

/* Runs right after the poll: what the loop's callbacks made ready is resumed. A task that becomes ready meanwhile waits
 * for the next pass, so that the loop gets its turn; and for that a pass ends early when it takes long: many tasks that
 * each run as long as they may would keep everything else waiting for all of them, the end of their script too. */
static void drain(uv_check_t *check) {
  kl_host *h = check->data;
  kl_list pass, untidy;
  kl_list_move(&untidy, &h->tidying);
  kl_list_move(&pass, &h->ready);
  if (!kl_list_empty(&pass)) kl_watch_pass(h);
  while (!kl_list_empty(&pass)) {
    kl_task *t = KL_CONTAINER(pass.next, kl_task, ready);
    kl_script *s = t->script;
    kl_list_remove(&t->ready);
    if (is_over(s)) continue;
    kl_task_resume(t);
    if (!kl_list_empty(&pass) && kl_watch_pass_is_long(h)) put_back(h, &pass, s);
  }
  kl_evaluations_tell(h);
  kl_list_move(&pass, &h->todo);
  if (!kl_list_empty(&pass)) kl_watch_pass(h);
  while (!kl_list_empty(&pass)) {
    kl_script *s = KL_CONTAINER(pass.next, kl_script, todo);
    kl_list_remove(&s->todo);
    kl_script_step(s);
  }
  kl_list_move(&pass, &h->wanted);
  if (!kl_list_empty(&pass)) kl_watch_pass(h);
  while (!kl_list_empty(&pass)) {
    kl_strategy *g = KL_CONTAINER(pass.next, kl_strategy, wanted);
    kl_list_remove(&g->wanted);
    kl_strategy_step(g);
  }
  while (!kl_list_empty(&untidy))
    kl_strategy_tidy(KL_CONTAINER(untidy.next, kl_strategy, tidying));
  if (!h->closing && kl_list_empty(&h->ready) && kl_list_empty(&h->todo) && kl_list_empty(&h->wanted) &&
      kl_list_empty(&h->tidying))
    uv_idle_stop(&h->idle);
}

/* Active while something is ready: the loop then does not sleep in its poll. */
static void idle(uv_idle_t *handle) { (void)handle; }

void kl_host_wake(kl_host *h) {
  if (!h->closing) uv_idle_start(&h->idle, idle);
}

kl_host *kl_host_new(uv_loop_t *loop, const kl_host_options *o) {
  kl_host *h = calloc(1, sizeof *h);
  if (!h) return NULL;
  h->loop = loop;
  h->o = *o;
  if (!h->o.clock) h->o.clock = kl_clock_real();
  if (h->o.grace_ms <= 0) h->o.grace_ms = DEFAULT_GRACE_MS;
  kl_list_init(&h->scripts);
  kl_list_init(&h->ready);
  kl_list_init(&h->todo);
  kl_list_init(&h->strategies);
  kl_list_init(&h->wanted);
  kl_list_init(&h->printers);
  kl_list_init(&h->tidying);
  kl_list_init(&h->dropping);
  kl_list_init(&h->inputs);
  const char *path = getenv("KALUA_PATH");
  h->module_path = path ? strdup(path) : NULL;
  if ((path && !h->module_path) || !kl_watch_open(h)) {
    free(h->module_path);
    free(h);
    return NULL;
  }
  uv_check_init(loop, &h->check);
  uv_idle_init(loop, &h->idle);
  uv_timer_init(loop, &h->tell);
  h->check.data = h->idle.data = h->tell.data = h;
  h->open_handles = 3;
  kl_saver_open(h);
  uv_check_start(&h->check, drain);
  uv_unref((uv_handle_t *)&h->check); /* keeps the loop alive only while scripts run */
  uv_unref((uv_handle_t *)&h->tell);
  return h;
}

void kl_host_release(kl_host *h) {
  if (--h->open_handles > 0) return;
  while (!kl_list_empty(&h->scripts)) {
    kl_script *s = KL_CONTAINER(h->scripts.next, kl_script, link);
    kl_list_remove(&s->link);
    kl_script_free(s);
  }
  kl_embedded_free(h);
  free(h->module_path);
  void (*closed)(void *) = h->o.closed;
  void *data = h->o.data;
  free(h);
  if (closed) closed(data);
}

static void handle_closed(uv_handle_t *handle) { kl_host_release(handle->data); }

void kl_host_close(kl_host *h) {
  if (!h || h->closing) return;
  h->closing = true;
  while (!kl_list_empty(&h->strategies))
    kl_strategy_close(KL_CONTAINER(h->strategies.next, kl_strategy, link));
  for (kl_list *n = h->scripts.next; n != &h->scripts; n = n->next) {
    kl_script *s = KL_CONTAINER(n, kl_script, link);
    kl_script_finish(s);
    s->timer.uv.data = h;
    h->open_handles++;
    kl_timer_close(&s->timer, handle_closed);
  }
  kl_watch_close(h);
  uv_close((uv_handle_t *)&h->check, handle_closed);
  uv_close((uv_handle_t *)&h->idle, handle_closed);
  uv_close((uv_handle_t *)&h->tell, handle_closed);
  uv_close((uv_handle_t *)&h->save_timer, handle_closed);
}

uv_loop_t *kl_host_loop(const kl_host *h) { return h->loop; }
size_t kl_host_running(const kl_host *h) { return h->running; }

bool kl_host_at_rest(const kl_host *h) {
  return kl_list_empty(&h->ready) && kl_list_empty(&h->todo) && kl_list_empty(&h->wanted) && kl_list_empty(&h->tidying);
}

const char *kl_host_busy(const kl_host *h) {
  return kl_list_empty(&h->ready) ? NULL : KL_CONTAINER(h->ready.next, const kl_task, ready)->script->name;
}

struct kl_coverage *kl_host_coverage(const kl_host *h) {
  return h->o.coverage;
}
