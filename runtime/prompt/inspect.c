#include "prompt/inspect.h"

#include <string.h>

#include "base/clock.h"
#include "base/json_fields.h"
#include "bindings/inspect.h"
#include "prompt/portrait.h"
#include "script/debugger.h"

/* A name may be any constant of the source. */
enum { NAME_SHOWN = 100, WAIT_SHOWN = 300 };

static void field_text(kl_buf *b, const char *key, const char *text, size_t most) {
  size_t n = strlen(text);
  if (n > most) {
    for (n = most; n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80;)
      n--;
  }
  kl_json_key(b, key);
  kl_buf_json_string(b, text, n);
}

/* ---- frames ---- */

/* Chunk names of the program's own modules have no file. */
static void add_frame(kl_buf *b, const kl_frame *f) {
  kl_json_field_int(b, "level", f->level);
  kl_json_field_str(b, "what", f->ar.what);
  if (f->ar.name) field_text(b, "name", f->ar.name, NAME_SHOWN);
  kl_json_field_str(b, "file", f->ar.short_src);
  if (f->ar.currentline > 0) kl_json_field_int(b, "line", f->ar.currentline);
  if (f->ar.istailcall) kl_json_field_bool(b, "tail", true);
}

static void add_frames(kl_buf *b, kl_task *t, int most) {
  kl_frames it;
  kl_frame f;
  int n = 0;
  kl_json_key(b, "frames");
  kl_buf_char(b, '[');
  for (kl_frames_begin(&it, t); n < most && kl_frames_next(&it, &f); n++) {
    kl_buf_str(b, n > 0 ? ",{" : "{");
    add_frame(b, &f);
    kl_buf_char(b, '}');
  }
  kl_buf_char(b, ']');
  if (n == most && kl_frames_next(&it, &f)) kl_json_field_bool(b, "more_frames", true);
}

/* ---- tasks ---- */

static const char *status_name(const kl_task *t) {
  if (kl_task_get_status(t) == KL_TASK_RUNNING) return "running";
  return kl_debug_is_stopped(t) ? "stopped" : kl_task_is_ready(t) ? "ready" : "waiting";
}

static void add_task(kl_buf *b, kl_task *t, const kl_inspect_tasks *o) {
  int line;
  const char *file = kl_task_place(t, &line);
  kl_buf waits = {0};
  kl_json_field_int(b, "id", (int64_t)kl_task_id(t));
  if (kl_task_is_main(t)) kl_json_field_bool(b, "main", true);
  if (kl_task_is_input(t)) kl_json_field_bool(b, "prompt", true);
  kl_json_field_str(b, "status", status_name(t));
  if (file) {
    kl_json_key(b, "place");
    kl_buf place = {0};
    kl_buf_printf(&place, "%s:%d", file, line);
    kl_buf_json_cstr(b, place.data ? place.data : "");
    kl_buf_free(&place);
  }
  kl_task_describe_wait(t, &waits);
  field_text(b, "waits", waits.data ? waits.data : "", WAIT_SHOWN);
  kl_buf_free(&waits);
  if (kl_task_id(t) == o->selected_task) kl_json_field_int(b, "selected", o->selected);
  add_frames(b, t, o->frames);
}

static void no_task(uint64_t id, kl_error *e) {
  kl_error_coded(e, KL_ERR_VALIDATION, "no_such_task", "there is no task %llu, or it has ended",
                 (unsigned long long)id);
}

bool kl_inspect_write_tasks(kl_script *s, const kl_inspect_tasks *o, kl_buf *out, kl_error *e) {
  kl_script_stats stats;
  kl_script_stats_get(s, &stats);
  if (o->task && !kl_task_find(s, o->task)) {
    no_task(o->task, e);
    return false;
  }
  size_t n = 0;
  uint64_t last = 0;
  bool more = false;
  kl_json_key(out, "tasks");
  kl_buf_char(out, '[');
  for (kl_task *t = kl_task_next(s, NULL); t; t = kl_task_next(s, t)) {
    uint64_t id = kl_task_id(t);
    if (o->task ? id != o->task : id <= o->after) continue;
    more = n == o->n;
    if (more) break;
    kl_buf_str(out, n++ > 0 ? ",{" : "{");
    add_task(out, t, o);
    kl_buf_char(out, '}');
    last = id;
  }
  kl_buf_char(out, ']');
  kl_json_field_int(out, "total", (int64_t)stats.tasks);
  if (more) kl_json_field_int(out, "next", (int64_t)last);
  return true;
}

/* ---- locals ---- */

/* Of each variable of a frame: what a person looks at first; the whole of one is a matter of evaluating its name. */
static const kl_portrait_limits of_local = {.depth = 3, .rows = 20, .nodes = 500, .text = 200, .size = 16 << 10};

typedef struct locals {
  const kl_frame *f;
  kl_buf *out;
  bool any;
} locals;

/* The value at the top of L, popped. */
static void add_local(lua_State *L, locals *k, const char *name, const char *kind) {
  kl_buf_str(k->out, k->any ? ",{" : "{");
  k->any = true;
  field_text(k->out, "name", name, NAME_SHOWN);
  kl_json_field_str(k->out, "kind", kind);
  kl_json_key(k->out, "value");
  size_t at = k->out->len;
  kl_portrait_write(L, 1, &of_local, k->out);
  lua_pop(L, 1);
  /* A list of one value: without its brackets it is the value. */
  if (!k->out->failed) {
    memmove(k->out->data + at, k->out->data + at + 1, k->out->len - at - 1);
    k->out->len -= 2;
    k->out->data[k->out->len] = 0;
  }
  kl_buf_char(k->out, '}');
}

/* Protected: (locals). What the compiler keeps for itself has a name in parentheses. */
static int write_locals(lua_State *L) {
  locals *k = lua_touserdata(L, 1);
  lua_State *co = k->f->co;
  lua_Debug ar = k->f->ar;
  const char *name;
  luaL_checkstack(L, 8, NULL);
  if (!lua_checkstack(co, 2)) return luaL_error(L, "the stack of the task is full: its variables cannot be read");
  for (int i = 1; (name = kl_debug_local(co, &ar, i)); i++) {
    lua_xmove(co, L, 1);
    if (name[0] == '(')
      lua_pop(L, 1);
    else
      add_local(L, k, name, "local");
  }
  for (int i = 1; ar.isvararg && lua_getlocal(co, &ar, -i); i++) {
    char number[32];
    lua_xmove(co, L, 1);
    snprintf(number, sizeof number, "...[%d]", i);
    add_local(L, k, number, "vararg");
  }
  lua_getinfo(co, "f", &ar);
  lua_xmove(co, L, 1); /* fn */
  bool c = lua_iscfunction(L, -1);
  for (int i = 1; !c && (name = lua_getupvalue(L, -1, i)); i++) {
    if (!*name || !strcmp(name, "_ENV"))
      lua_pop(L, 1);
    else
      add_local(L, k, name, "upvalue");
  }
  return 0;
}

bool kl_inspect_write_locals(kl_script *s, uint64_t task, int level, kl_buf *out, kl_buf *frame, kl_error *e) {
  kl_frame f;
  kl_task *t = kl_task_find(s, task);
  if (!t) {
    no_task(task, e);
    return false;
  }
  if (level == KL_FRAME_USUAL) level = kl_task_usual_frame(t);
  if (!kl_task_frame(t, level, &f)) {
    kl_task_no_frame(t, level, e);
    return false;
  }
  locals k = {.f = &f, .out = out};
  kl_buf_char(out, '[');
  if (!kl_script_look(s, write_locals, &k, e)) return false;
  kl_buf_char(out, ']');
  add_frame(frame, &f);
  return true;
}

/* ---- figures ---- */

static void field_seconds(kl_buf *b, const char *key, int64_t ns) {
  kl_json_key(b, key);
  kl_buf_decimal(b, ns / 1000, 6);
}

static void add_pair(kl_buf *b, const char *key, int64_t used, int64_t most) {
  kl_json_key(b, key);
  kl_buf_printf(b, "[%lld,%lld]", (long long)used, (long long)most);
}

static void add_limits(kl_buf *b, const kl_script *s, const kl_script_stats *stats) {
  static const char *const names[] = {
      [KL_SLOT_TIMER] = "timers", [KL_SLOT_SOCKET] = "sockets", [KL_SLOT_HANDLE] = "handles"};
  const kl_script_options *o = kl_script_get_options(s);
  size_t bytes, ceiling;
  kl_json_key(b, "limits");
  kl_buf_char(b, '{');
  add_pair(b, "tasks", (int64_t)stats->tasks, o->limits.tasks);
  for (int kind = 0; kind < KL_SLOT_KINDS; kind++) {
    int64_t used, most;
    kl_script_slots(s, (kl_slot_kind)kind, &used, &most);
    add_pair(b, names[kind], used, most);
  }
  kl_script_queued(s, &bytes, &ceiling);
  add_pair(b, "queued", (int64_t)bytes, (int64_t)ceiling);
  kl_buf_char(b, '}');
}

typedef struct listing {
  kl_buf *out;
  size_t n, most;
} listing;

static void add_member(void *data, const kl_member *m) {
  listing *l = data;
  if (l->n++ >= l->most) return;
  kl_buf_str(l->out, l->n > 1 ? ",{" : "{");
  m->describe(m, l->out);
  kl_buf_char(l->out, '}');
}

enum { READINGS = 32 };

/* What it costs to measure one resume: two readings of the clock. */
static int64_t cost_ns(void) {
  int64_t began = kl_mono_ns(kl_clock_real()), now = began;
  for (int i = 0; i < READINGS; i++)
    now = kl_mono_ns(kl_clock_real());
  return (now - began) * 2 / READINGS;
}

static void add_run_time(kl_buf *b, const kl_strategy *g) {
  kl_run_time r;
  kl_strategy_run_time(g, &r);
  if (!r.on) return;
  kl_json_key(b, "run");
  kl_buf_char(b, '{');
  field_seconds(b, "seconds", kl_mono_ns(kl_clock_real()) - r.since_ns);
  field_seconds(b, "ran", r.ran_ns);
  field_seconds(b, "longest", r.longest_ns);
  kl_json_field_int(b, "resumes", (int64_t)r.resumes);
  kl_json_field_int(b, "cost_ns", cost_ns());
  kl_buf_char(b, '}');
}

static void add_version(kl_buf *b, kl_script *s, const kl_script_stats *stats, size_t most) {
  listing l = {.out = b, .most = most};
  kl_json_field_int(b, "memory", (int64_t)stats->memory);
  kl_json_field_int(b, "memory_peak", (int64_t)stats->memory_peak);
  kl_json_field_int(b, "memory_cap", (int64_t)kl_script_get_options(s)->memory_cap);
  kl_json_field_int(b, "resumes", (int64_t)stats->resumes);
  kl_json_field_int(b, "errors", (int64_t)stats->errors);
  kl_json_field_int(b, "tasks", (int64_t)stats->tasks);
  add_limits(b, s, stats);
  kl_json_key(b, "open");
  kl_buf_char(b, '[');
  kl_script_each_member(s, add_member, &l);
  kl_buf_char(b, ']');
  kl_json_field_int(b, "open_total", (int64_t)l.n);
  kl_inspect_kalshi(s, b);
}

void kl_inspect_strategy(kl_strategy *g, size_t most, kl_buf *out) {
  kl_strategy_status st;
  kl_strategy_status_get(g, &st);
  kl_script *s = kl_strategy_script(g);
  kl_json_field_str(out, "name", st.name);
  kl_json_field_str(out, "phase", kl_strategy_phase_names[st.phase]);
  kl_json_field_int(out, "generation", st.generation);
  kl_json_field_int(out, "now_ms", kl_wall_ms(kl_clock_real()));
  kl_json_field_int(out, "started_ms", st.started_ms);
  kl_json_field_int(out, "version_started_ms", st.version_started_ms);
  kl_json_field_int(out, "reloads", (int64_t)st.reloads);
  if (st.last_error[0]) kl_json_field_str(out, "last_error", st.last_error);
  add_run_time(out, g);
  if (s) add_version(out, s, &st.script, most);
}
