#include "control/operations.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json_fields.h"
#include "base/list.h"

enum { LOGS_DEFAULT = 100, LOGS_MAX = 1000000 };

/* A call that waits until a strategy has ended. */
typedef struct end_wait {
  kl_list link;
  kl_control_call *call;
  kl_strategy *strategy;
  int64_t since_ns;
} end_wait;

/* A call that reads lines. */
typedef struct reading {
  kl_list link;
  kl_operations *o;
  kl_control_call *call;
  char *name;     /* owned; NULL: of all */
  uint64_t after; /* number of the last line that was given */
  uint64_t told;  /* lines that were dropped up to there are no news */
  bool follow, full;
} reading;

struct kl_operations {
  kl_host *host;
  const char *env;
  kl_lines *lines;
  kl_list ends, readings;
  atomic_size_t n_readings;
  kl_operations_may_start *may_start; /* NULL: always */
  void *may_start_data;
  kl_operations_notes *notes; /* NULL: there are none */
  void *notes_data;
  uv_prepare_t prepare; /* looks after `ends` in each turn of the loop */
};

static int64_t now_ns(void) { return kl_mono_ns(kl_clock_real()); }

static void field_ms(kl_buf *b, int64_t since_ns) {
  kl_json_key(b, "ms");
  kl_buf_decimal(b, (now_ns() - since_ns) / 1000, 3);
}

/* ---- ps ---- */

static void add_status(kl_buf *b, const kl_operations *o, const kl_strategy *g) {
  kl_strategy_status s;
  kl_strategy_status_get(g, &s);
  if (b->data[b->len - 1] != '[') kl_buf_char(b, ',');
  kl_buf_char(b, '{');
  kl_json_field_str(b, "name", s.name);
  kl_json_field_int(b, "pid", getpid());
  kl_json_field_str(b, "env", o->env);
  kl_json_key(b, "path");
  if (s.path)
    kl_buf_json_cstr(b, s.path);
  else
    kl_buf_str(b, "null");
  kl_json_field_str(b, "phase", kl_strategy_phase_names[s.phase]);
  kl_json_field_bool(b, "failed", s.failed);
  kl_json_field_int(b, "generation", s.generation);
  kl_json_field_str(b, "hash", s.hash);
  kl_json_field_int(b, "started_ms", s.started_ms);
  kl_json_field_int(b, "version_started_ms", s.version_started_ms);
  kl_json_field_int(b, "reloads", (int64_t)s.reloads);
  kl_json_field_int(b, "refused", (int64_t)s.refused);
  kl_json_field_int(b, "rolled_back", (int64_t)s.rolled_back);
  kl_json_field_int(b, "restarts", (int64_t)s.restarts);
  kl_json_field_int(b, "tasks", (int64_t)s.script.tasks);
  kl_json_field_int(b, "memory", (int64_t)s.script.memory);
  kl_json_field_int(b, "memory_peak", (int64_t)s.script.memory_peak);
  kl_json_field_int(b, "errors", (int64_t)s.script.errors);
  kl_json_field_str(b, "last_error", s.last_error);
  kl_json_key(b, "notes");
  kl_buf_char(b, '[');
  if (o->notes) o->notes(o->notes_data, g, b);
  kl_buf_char(b, ']');
  kl_buf_char(b, '}');
}

static void run_ps(void *data, kl_control_call *call, const json_t *fields) {
  kl_operations *o = data;
  kl_buf b = {0};
  (void)fields;
  kl_json_key(&b, "strategies");
  kl_buf_char(&b, '[');
  for (kl_strategy *g = kl_strategy_next(o->host, NULL); g && !b.failed; g = kl_strategy_next(o->host, g))
    add_status(&b, o, g);
  kl_buf_char(&b, ']');
  kl_control_answer(call, &b);
}

/* ---- one strategy ---- */

static kl_strategy *find(const kl_operations *o, const char *name) {
  kl_strategy *g = kl_strategy_next(o->host, NULL);
  while (g && strcmp(kl_strategy_name(g), name) != 0)
    g = kl_strategy_next(o->host, g);
  return g;
}

/* The strategy that a request names; NULL after a refusal. */
static kl_strategy *named(const kl_operations *o, kl_control_call *call, const json_t *fields) {
  const char *name = json_string_value(json_object_get(fields, "name"));
  kl_strategy *g = name ? find(o, name) : NULL;
  if (g) return g;
  kl_error e;
  if (name)
    kl_error_coded(&e, KL_ERR_VALIDATION, "no_such_script", "no script of this process is called \"%.100s\"", name);
  else
    kl_error_set(&e, KL_ERR_VALIDATION, "the request lacks `name`, that of a script");
  kl_control_refuse(call, &e, NULL);
  return NULL;
}

static kl_strategy_status status_of(const kl_strategy *g) {
  kl_strategy_status s;
  kl_strategy_status_get(g, &s);
  return s;
}

static void answer_generation(kl_control_call *call, const kl_strategy *g) {
  kl_buf b = {0};
  kl_json_field_int(&b, "generation", status_of(g).generation);
  kl_control_answer(call, &b);
}

/* ---- reload ---- */

typedef struct reload {
  kl_control_call *call;
  int64_t since_ns;
} reload;

static void reloaded(void *data, kl_strategy *g, const kl_error *e) {
  reload *r = data;
  kl_buf b = {0};
  kl_json_field_int(&b, "generation", status_of(g).generation);
  field_ms(&b, r->since_ns);
  if (e)
    kl_control_refuse(r->call, e, &b);
  else
    kl_control_answer(r->call, &b);
  free(r);
}

static void run_reload(void *data, kl_control_call *call, const json_t *fields) {
  kl_strategy *g = named(data, call, fields);
  if (!g) return;
  kl_error e = {0};
  reload *r = malloc(sizeof *r);
  if (!r) {
    kl_error_set(&e, KL_ERR_INTERNAL, "not enough memory");
  } else {
    *r = (reload){.call = call, .since_ns = now_ns()};
    if (kl_strategy_reload(g, reloaded, r, &e)) return;
  }
  free(r);
  kl_control_refuse(call, &e, NULL);
}

/* ---- stop, start, pause ---- */

static void end_wait_free(end_wait *w) {
  kl_list_remove(&w->link);
  free(w);
}

static void look_after_ends(kl_operations *o) {
  kl_list all;
  kl_list_move(&all, &o->ends);
  while (!kl_list_empty(&all)) {
    end_wait *w = KL_CONTAINER(all.next, end_wait, link);
    kl_strategy_status s = status_of(w->strategy);
    kl_list_remove(&w->link);
    kl_list_append(&o->ends, &w->link);
    if (s.phase != KL_STRATEGY_ENDED) continue;
    kl_buf b = {0};
    kl_json_field_bool(&b, "failed", s.failed);
    field_ms(&b, w->since_ns);
    kl_control_call *call = w->call;
    end_wait_free(w);
    kl_control_answer(call, &b);
  }
}

static void refuse_end(end_wait *w) {
  kl_control_call *call = w->call;
  kl_error e;
  kl_error_coded(&e, KL_ERR_CLOSED, "process_ended", "the process of %.100s ends", kl_strategy_name(w->strategy));
  end_wait_free(w);
  kl_control_refuse(call, &e, NULL);
}

static void each_turn(uv_prepare_t *h) {
  kl_operations *o = h->data;
  look_after_ends(o);
  if (kl_list_empty(&o->ends)) uv_prepare_stop(h);
}

static void run_stop(void *data, kl_control_call *call, const json_t *fields) {
  kl_operations *o = data;
  kl_strategy *g = named(o, call, fields);
  if (!g) return;
  end_wait *w = malloc(sizeof *w);
  if (!w) {
    kl_error e;
    kl_error_set(&e, KL_ERR_INTERNAL, "not enough memory");
    kl_control_refuse(call, &e, NULL);
    return;
  }
  *w = (end_wait){.call = call, .strategy = g, .since_ns = now_ns()};
  kl_list_init(&w->link);
  kl_list_append(&o->ends, &w->link);
  uv_prepare_start(&o->prepare, each_turn);
  kl_strategy_stop(g, KL_STOP_EXIT, json_is_true(json_object_get(fields, "now")));
}

void kl_operations_on_start(kl_operations *o, kl_operations_may_start *may, void *data) {
  o->may_start = may;
  o->may_start_data = data;
}

void kl_operations_on_notes(kl_operations *o, kl_operations_notes *notes, void *data) {
  o->notes = notes;
  o->notes_data = data;
}

static void run_start(void *data, kl_control_call *call, const json_t *fields) {
  kl_operations *o = data;
  kl_strategy *g = named(o, call, fields);
  kl_error e = {0};
  bool lifted = false, resume = json_is_true(json_object_get(fields, "resume"));
  if (!g) return;
  bool runs = status_of(g).phase != KL_STRATEGY_ENDED;
  bool ok = !o->may_start || o->may_start(o->may_start_data, g, resume, &lifted, &e);
  if (ok && runs && !lifted) {
    kl_error_coded(&e, KL_ERR_VALIDATION, "already_running",
                   "%.100s is running; `kalua reload` starts its source as it is now", kl_strategy_name(g));
    ok = false;
  }
  ok = ok && (runs || kl_strategy_start_again(g, &e));
  if (!ok) {
    kl_control_refuse(call, &e, NULL);
    return;
  }
  kl_buf b = {0};
  kl_json_field_int(&b, "generation", status_of(g).generation);
  kl_json_field_bool(&b, "resumed", runs);
  kl_control_answer(call, &b);
}

static void pause_it(kl_operations *o, kl_control_call *call, const json_t *fields, bool paused) {
  kl_strategy *g = named(o, call, fields);
  kl_error e = {0};
  if (!g) return;
  if (kl_strategy_pause(g, paused, &e))
    answer_generation(call, g);
  else
    kl_control_refuse(call, &e, NULL);
}

static void run_pause(void *data, kl_control_call *call, const json_t *fields) { pause_it(data, call, fields, true); }
static void run_resume(void *data, kl_control_call *call, const json_t *fields) { pause_it(data, call, fields, false); }

/* ---- logs ---- */

bool kl_operations_read(const kl_operations *o) { return atomic_load(&o->n_readings) > 0; }

static void reading_free(reading *r) {
  atomic_fetch_sub(&r->o->n_readings, 1);
  kl_list_remove(&r->link);
  free(r->name);
  free(r);
}

/* Whether one more may follow. */
static bool give_line(void *data, const kl_line *line) {
  reading *r = data;
  kl_buf b = {0};
  char when[40];
  kl_time_rfc3339(when, sizeof when, line->wall_us, 3);
  kl_json_field_int(&b, "number", (int64_t)line->number);
  kl_json_field_str(&b, "ts", when);
  kl_json_field_str(&b, "level", line->level);
  kl_json_field_str(&b, "source", line->source);
  kl_json_key(&b, "msg");
  kl_buf_json_string(&b, line->text, line->n);
  kl_control_event(r->call, "line", &b);
  r->full = !kl_control_has_room(r->call);
  return !r->full;
}

static void end_reading(reading *r) {
  kl_buf b = {0};
  kl_control_call *call = r->call;
  kl_json_field_int(&b, "after", (int64_t)r->after);
  reading_free(r);
  kl_control_answer(call, &b);
}

/* Gives what there is room for. */
static void go_on(reading *r) {
  r->full = !kl_control_has_room(r->call);
  if (r->full) return;
  uint64_t dropped = kl_lines_read(r->o->lines, r->name, &r->after, give_line, r);
  if (dropped > r->told) {
    r->told = dropped;
    kl_control_event(r->call, "lost", NULL);
  }
  if (!r->full && !r->follow) end_reading(r);
}

static bool number_field(const json_t *fields, const char *key, int64_t most, int64_t *out) {
  json_t *v = json_object_get(fields, key);
  if (!v) return true;
  *out = json_integer_value(v);
  return json_is_integer(v) && *out >= 0 && *out <= most;
}

static void run_logs(void *data, kl_control_call *call, const json_t *fields) {
  kl_operations *o = data;
  kl_error e = {0};
  int64_t n = LOGS_DEFAULT, after = -1;
  if (json_object_get(fields, "name") && !named(o, call, fields)) return;
  if (!number_field(fields, "n", LOGS_MAX, &n) || !number_field(fields, "after", INT64_MAX, &after)) {
    kl_error_set(&e, KL_ERR_VALIDATION, "logs: `n` is an integer from 0 to %d, `after` one that an answer gave",
                 LOGS_MAX);
    kl_control_refuse(call, &e, NULL);
    return;
  }
  const char *name = json_string_value(json_object_get(fields, "name"));
  reading *r = calloc(1, sizeof *r);
  char *copy = name ? strdup(name) : NULL;
  if (!r || (name && !copy)) {
    free(r);
    free(copy);
    kl_error_set(&e, KL_ERR_INTERNAL, "not enough memory");
    kl_control_refuse(call, &e, NULL);
    return;
  }
  *r = (reading){.o = o, .call = call, .name = copy, .follow = json_is_true(json_object_get(fields, "follow"))};
  r->after = after >= 0 ? (uint64_t)after : kl_lines_last(o->lines, name, (size_t)n);
  r->told = after >= 0 ? (uint64_t)after : kl_lines_last(o->lines, name, 0);
  kl_list_init(&r->link);
  kl_list_append(&o->readings, &r->link);
  atomic_fetch_add(&o->n_readings, 1); /* before it reads: what is put from now on is news */
  kl_control_call_set(call, r);
  go_on(r);
}

static void cancel_logs(void *data, kl_control_call *call) {
  (void)data;
  end_reading(kl_control_call_get(call));
}

static void room_logs(void *data, kl_control_call *call) {
  (void)data;
  go_on(kl_control_call_get(call));
}

void kl_operations_lines(kl_operations *o) {
  kl_list all;
  kl_list_move(&all, &o->readings);
  while (!kl_list_empty(&all)) {
    reading *r = KL_CONTAINER(all.next, reading, link);
    kl_list_remove(&r->link);
    kl_list_append(&o->readings, &r->link);
    go_on(r);
  }
}

/* ---- all of it ---- */

const kl_control_op kl_operations_table[] = {{"ps", run_ps, NULL, NULL},
                                             {"reload", run_reload, NULL, NULL},
                                             {"stop", run_stop, NULL, NULL},
                                             {"start", run_start, NULL, NULL},
                                             {"pause", run_pause, NULL, NULL},
                                             {"resume", run_resume, NULL, NULL},
                                             {"logs", run_logs, cancel_logs, room_logs},
                                             {NULL, NULL, NULL, NULL}};

kl_operations *kl_operations_new(kl_host *host, uv_loop_t *loop, const char *env, kl_lines *lines) {
  kl_operations *o = calloc(1, sizeof *o);
  if (!o) return NULL;
  o->host = host;
  o->env = env;
  o->lines = lines;
  kl_list_init(&o->ends);
  kl_list_init(&o->readings);
  uv_prepare_init(loop, &o->prepare);
  o->prepare.data = o;
  return o;
}

static void free_operations(uv_handle_t *h) { free(h->data); }

void kl_operations_close(kl_operations *o) {
  if (!o) return;
  look_after_ends(o);
  for (kl_list *n = o->ends.next, *next; n != &o->ends; n = next) {
    next = n->next;
    refuse_end(KL_CONTAINER(n, end_wait, link));
  }
  kl_operations_lines(o);
  for (kl_list *n = o->readings.next, *next; n != &o->readings; n = next) {
    next = n->next;
    end_reading(KL_CONTAINER(n, reading, link));
  }
  uv_close((uv_handle_t *)&o->prepare, free_operations);
}
