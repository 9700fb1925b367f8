/* The operation `watch`: an expression of a session that is evaluated again and again. */
#include <stdlib.h>
#include <string.h>

#include "base/json_fields.h"
#include "prompt/internal.h"
#include "prompt/outcome.h"

enum { EVERY_MS = 1000, EVERY_LEAST_MS = 50, EVERY_MOST_MS = 3600000, WATCHES_MOST = 8, SOURCE_MOST = 4096 };

typedef struct watch {
  kl_list link; /* in the session's watches */
  kl_prompt_session *session;
  kl_control_call *call;
  uv_timer_t timer;
  char *source;              /* owned */
  kl_evaluation *evaluation; /* NULL while none runs */
  kl_outcome_text outcome;
  kl_buf told; /* what was sent last */
  bool over;
} watch;

static void freed(uv_handle_t *h) {
  watch *w = h->data;
  kl_outcome_free(&w->outcome);
  kl_buf_free(&w->told);
  free(w->source);
  free(w);
}

/* Its evaluation, should one run, has to be told first. */
static void end_watch(watch *w, const char *why) {
  kl_control_call *call = w->call;
  kl_list_remove(&w->link);
  kl_control_call_set(call, NULL);
  w->over = true;
  if (w->evaluation) kl_evaluation_cancel(w->evaluation, why);
  uv_timer_stop(&w->timer);
  if (!w->evaluation) uv_close((uv_handle_t *)&w->timer, freed);
  kl_control_answer(call, NULL);
}

void kl_prompt_end_watches(kl_prompt_session *s, const char *why) {
  while (!kl_list_empty(&s->watches))
    end_watch(KL_CONTAINER(s->watches.next, watch, link), why);
}

/* Sends what it is now, unless that was sent last. `fields` is taken. */
static void tell(watch *w, const kl_buf *json, kl_buf *fields) {
  kl_control_call *call = w->call;
  kl_buf_clear(&w->told);
  kl_buf_add(&w->told, json->data, json->len);
  for (size_t at = 0; at < json->len;) {
    kl_buf part = {0};
    size_t n = kl_prompt_part(json->data + at, json->len - at);
    kl_json_key(&part, "text");
    kl_buf_json_string(&part, json->data + at, n);
    kl_control_event(call, "part", &part);
    at += n;
  }
  kl_control_event(call, "value", fields);
}

static bool is_same(const watch *w, const kl_buf *json) {
  return w->told.len == json->len && json->len > 0 && memcmp(w->told.data, json->data, json->len) == 0;
}

static void show(void *data, lua_State *L, int n, const char *traceback) {
  watch *w = data;
  kl_outcome_take(&w->outcome, L, n, traceback, &kl_portrait_draw);
}

/* What it prints is of no interest. */
static void print(void *data, const char *text, size_t n) {
  (void)data;
  (void)text;
  (void)n;
}

static void ended(void *data, const kl_evaluation_end *end) {
  watch *w = data;
  w->evaluation = NULL;
  if (w->over) {
    uv_close((uv_handle_t *)&w->timer, freed);
    return;
  }
  if (end->status == KL_EVALUATION_CANCELLED) return; /* another version takes over: the next turn asks that one */
  kl_buf fields = {0};
  kl_outcome_write(&fields, &w->outcome, end);
  if (!kl_outcome_is_shown(end)) { /* said in words, which are compared in place of a portrait */
    kl_buf_clear(&w->outcome.json);
    kl_buf_json_cstr(&w->outcome.json, end->status == KL_EVALUATION_MORE ? "it is not complete" : end->why);
  }
  if (is_same(w, &w->outcome.json))
    kl_buf_free(&fields);
  else
    tell(w, &w->outcome.json, &fields);
}

static void look(uv_timer_t *timer) {
  watch *w = timer->data;
  kl_error e = {0};
  if (w->evaluation || !kl_control_has_room(w->call)) return;
  kl_evaluator *v = kl_prompt_session_evaluator(w->session, &e);
  if (!v) return; /* nothing runs; the session has told that */
  const kl_evaluation_options o = {.source = w->source,
                                   .n = strlen(w->source),
                                   .silent = true,
                                   .data = w,
                                   .print = print,
                                   .show = show,
                                   .ended = ended};
  w->evaluation = kl_evaluate(v, &o);
}

static watch *new_watch(kl_prompt_session *s, kl_control_call *call, const char *source) {
  watch *w = calloc(1, sizeof *w);
  if (w) w->source = strdup(source);
  if (!w || !w->source) {
    free(w);
    return NULL;
  }
  w->session = s;
  w->call = call;
  uv_timer_init(kl_host_loop(s->prompt->host), &w->timer);
  uv_unref((uv_handle_t *)&w->timer);
  w->timer.data = w;
  kl_list_init(&w->link);
  kl_list_append(&s->watches, &w->link);
  return w;
}

static size_t count(const kl_prompt_session *s) {
  size_t n = 0;
  for (const kl_list *at = s->watches.next; at != &s->watches; at = at->next)
    n++;
  return n;
}

static void run_watch(void *data, kl_control_call *call, const json_t *fields) {
  (void)data;
  kl_error e = {0};
  kl_prompt_session *s = kl_prompt_session_of(call, fields, &e);
  const json_t *source = json_object_get(fields, "source"), *every = json_object_get(fields, "every_ms");
  json_int_t ms = every ? json_integer_value(every) : EVERY_MS;
  watch *w = NULL;
  if (s && (!json_is_string(source) || json_string_length(source) > SOURCE_MOST))
    kl_error_set(&e, KL_ERR_VALIDATION, "watch: `source` is an expression of at most %d bytes", SOURCE_MOST);
  else if (s && (ms < EVERY_LEAST_MS || ms > EVERY_MOST_MS))
    kl_error_set(&e, KL_ERR_VALIDATION, "watch: `every_ms` is an integer from %d to %d", EVERY_LEAST_MS, EVERY_MOST_MS);
  else if (s && count(s) >= WATCHES_MOST)
    kl_error_set(&e, KL_ERR_LIMIT, "watch: %d expressions are watched already; end one first", WATCHES_MOST);
  else if (s && !(w = new_watch(s, call, json_string_value(source))))
    kl_error_set(&e, KL_ERR_INTERNAL, "not enough memory");
  if (!w) {
    kl_control_refuse(call, &e, NULL);
    return;
  }
  kl_control_call_set(call, w);
  uv_timer_start(&w->timer, look, (uint64_t)ms, (uint64_t)ms);
  look(&w->timer);
}

static void cancel_watch(void *data, kl_control_call *call) {
  watch *w = kl_control_call_get(call);
  (void)data;
  if (w) end_watch(w, "it is not watched any more");
}

const kl_control_op kl_prompt_watch_ops[] = {{"watch", run_watch, cancel_watch, NULL}, {NULL, NULL, NULL, NULL}};
