#include "prompt/debug_ops.h"

#include <inttypes.h>
#include <string.h>

#include "base/json_fields.h"
#include "prompt/internal.h"
#include "script/debugger.h"

enum { AROUND_MOST = 500, LINE_SHOWN = 500, FILES_MOST = 500 };

/* ---- events ---- */

static void add_stop(kl_buf *b, const kl_debug_stop *stop) {
  kl_json_field_int(b, "task", (int64_t)stop->task);
  kl_json_field_int(b, "generation", stop->generation);
  kl_json_field_str(b, "why", kl_debug_why_names[stop->why]);
  kl_json_field_str(b, "file", stop->file);
  kl_json_field_int(b, "line", stop->line);
  if (stop->breakpoint) kl_json_field_int(b, "breakpoint", stop->breakpoint);
  if (stop->error) kl_json_field_str(b, "error", stop->error);
}

static void stopped(kl_debug_client *c, const kl_debug_stop *stop) {
  kl_buf b = {0};
  add_stop(&b, stop);
  kl_prompt_session_event(KL_CONTAINER(c, kl_prompt_session, debug), "stopped", &b);
}

static void went_on(kl_debug_client *c, const kl_debug_stop *stop, const char *why) {
  kl_buf b = {0};
  kl_json_field_int(&b, "task", (int64_t)stop->task);
  kl_json_field_int(&b, "generation", stop->generation);
  if (why) kl_json_field_str(&b, "text", why);
  kl_prompt_session_event(KL_CONTAINER(c, kl_prompt_session, debug), "went_on", &b);
}

static void note(kl_debug_client *c, const char *text) {
  kl_buf b = {0};
  kl_json_field_str(&b, "text", text);
  kl_prompt_session_event(KL_CONTAINER(c, kl_prompt_session, debug), "note", &b);
}

void kl_prompt_debug_begin(kl_prompt_session *s) {
  s->debug = (kl_debug_client){.stopped = stopped, .went_on = went_on, .note = note};
  (void)kl_debug_attach(s->strategy, &s->debug); /* without memory it hears of nothing */
}

void kl_prompt_debug_end(kl_prompt_session *s) { kl_debug_detach(&s->debug); }

/* ---- requests ---- */

static void refuse(kl_control_call *call, const kl_error *e) { kl_control_refuse(call, e, NULL); }

/* The session, where it is armed; NULL after a refusal. */
static kl_prompt_session *armed(kl_control_call *call, const json_t *fields, const char *what) {
  kl_error e = {0};
  kl_prompt_session *s = kl_prompt_session_of(call, fields, &e);
  if (s && kl_prompt_session_may(s, what, &e)) return s;
  refuse(call, &e);
  return NULL;
}

/* An integer from `least`; false with `e`. Absent is 0, where that is allowed. */
static bool integer(const json_t *fields, const char *op, const char *key, int64_t least, int64_t *out, kl_error *e) {
  const json_t *v = json_object_get(fields, key);
  *out = json_integer_value(v);
  if (v ? json_is_integer(v) && *out >= least && *out <= INT32_MAX : least == 0) return true;
  kl_error_set(e, KL_ERR_VALIDATION, "%s: `%s` is an integer from %" PRId64, op, key, least);
  return false;
}

/* An action of an armed session is done or not: the answer, and what is told of it. */
static void finish(kl_control_call *call, kl_prompt_session *s, const char *op, const char *text, bool ok,
                   const kl_error *e) {
  kl_prompt_session_journal(s, op, text, strlen(text), ok ? "ok" : "error", -1);
  if (ok)
    kl_control_answer(call, NULL);
  else
    refuse(call, e);
}

/* ---- breakpoints ---- */

static void add_break(kl_buf *b, const kl_breakpoint *bp) {
  kl_json_field_int(b, "breakpoint", bp->id); /* "id" is that of the request */
  kl_json_field_str(b, "file", bp->file);
  kl_json_field_int(b, "line", bp->line);
  kl_json_field_int(b, "wanted", bp->wanted);
  if (bp->condition) kl_json_field_str(b, "condition", bp->condition);
  kl_json_field_bool(b, "once", bp->once);
  kl_json_field_bool(b, "stays", bp->stays);
  kl_json_field_int(b, "hits", (int64_t)bp->hits);
  kl_json_field_int(b, "passed", (int64_t)bp->passed);
}

static void run_break(void *data, kl_control_call *call, const json_t *fields) {
  (void)data;
  kl_prompt_session *s = armed(call, fields, "a breakpoint");
  if (!s) return;
  const char *file = json_string_value(json_object_get(fields, "file"));
  const char *condition = json_string_value(json_object_get(fields, "condition"));
  bool once = json_is_true(json_object_get(fields, "once"));
  int64_t line = 0;
  kl_breakpoint bp;
  kl_error e = {0};
  if (!file || !*file) kl_error_set(&e, KL_ERR_VALIDATION, "break: `file` is the name of a file of the strategy");
  bool ok = file && *file && integer(fields, "break", "line", 1, &line, &e) &&
            kl_debug_break(s->strategy, &s->debug, file, (int)line, condition, once, &bp, &e);
  kl_buf text = {0}, b = {0};
  kl_buf_printf(&text, "%s:%" PRId64 "%s%s",
                ok     ? bp.file
                : file ? file
                       : "",
                ok ? bp.line : line, condition ? " if " : "", condition ? condition : "");
  kl_prompt_session_journal(s, "break", text.data ? text.data : "", text.len, ok ? "ok" : "error", -1);
  if (ok) {
    kl_buf what = {0};
    kl_buf_printf(&what, "has breakpoint %d at %s", bp.id, text.data ? text.data : "?");
    kl_prompt_session_tell_others(s, what.data ? what.data : "has a breakpoint");
    kl_buf_free(&what);
    add_break(&b, &bp);
    kl_control_answer(call, &b);
  } else {
    refuse(call, &e);
  }
  kl_buf_free(&text);
}

static void run_breaks(void *data, kl_control_call *call, const json_t *fields) {
  (void)data;
  kl_error e = {0};
  kl_prompt_session *s = kl_prompt_session_of(call, fields, &e);
  if (!s) {
    refuse(call, &e);
    return;
  }
  kl_breakpoint bp;
  kl_debug_stop stop;
  kl_buf b = {0};
  kl_json_key(&b, "breakpoints");
  kl_buf_char(&b, '[');
  for (size_t i = 0; kl_debug_breakpoint(s->strategy, i, &bp); i++) {
    kl_buf_str(&b, i ? ",{" : "{");
    add_break(&b, &bp);
    kl_buf_char(&b, '}');
  }
  kl_buf_char(&b, ']');
  kl_json_key(&b, "stops");
  kl_buf_char(&b, '[');
  for (size_t i = 0; kl_debug_stop_at(s->strategy, i, &stop); i++) {
    kl_buf_str(&b, i ? ",{" : "{");
    add_stop(&b, &stop);
    kl_buf_char(&b, '}');
  }
  kl_buf_char(&b, ']');
  kl_json_field_bool(&b, "on_loop", s->debug.on_loop);
  kl_json_key(&b, "files");
  kl_buf_char(&b, '[');
  const char *path;
  for (size_t i = 0; i < FILES_MOST && (path = kl_debug_file(s->strategy, i)); i++) {
    if (i) kl_buf_char(&b, ',');
    kl_buf_json_cstr(&b, path);
  }
  kl_buf_char(&b, ']');
  kl_control_answer(call, &b);
}

static void run_unbreak(void *data, kl_control_call *call, const json_t *fields) {
  (void)data;
  kl_prompt_session *s = armed(call, fields, "removing a breakpoint");
  if (!s) return;
  int64_t id = 0;
  kl_error e = {0};
  bool all = json_is_true(json_object_get(fields, "all"));
  bool ok = (all || integer(fields, "unbreak", "breakpoint", 1, &id, &e)) && kl_debug_unbreak(s->strategy, (int)id, &e);
  char text[32];
  snprintf(text, sizeof text, all ? "all" : "%" PRId64, id);
  finish(call, s, "unbreak", text, ok, &e);
}

/* ---- going on ---- */

static void run_step(void *data, kl_control_call *call, const json_t *fields) {
  static const char *const hows[] = {[KL_STEP_INTO] = "into", [KL_STEP_OVER] = "over", [KL_STEP_OUT] = "out"};
  (void)data;
  kl_prompt_session *s = armed(call, fields, "a step");
  if (!s) return;
  const char *name = json_string_value(json_object_get(fields, "how"));
  kl_debug_how how = KL_STEP_NONE;
  for (int i = KL_STEP_INTO; name && i <= KL_STEP_OUT; i++)
    if (!strcmp(name, hows[i])) how = (kl_debug_how)i;
  kl_error e = {0};
  int64_t task = 0;
  if (how == KL_STEP_NONE) kl_error_set(&e, KL_ERR_VALIDATION, "step: `how` is \"into\", \"over\" or \"out\"");
  bool ok = how != KL_STEP_NONE && integer(fields, "step", "task", 1, &task, &e) &&
            kl_debug_step(s->strategy, &s->debug, (uint64_t)task, how, &e);
  char text[48];
  snprintf(text, sizeof text, "%s, task %" PRId64, how == KL_STEP_NONE ? "?" : hows[how], task);
  finish(call, s, "step", text, ok, &e);
}

/* What is done with one task, or with any for 0. */
static void with_task(kl_control_call *call, const json_t *fields, const char *op, const char *what, int64_t least,
                      bool (*act)(kl_prompt_session *s, uint64_t task, kl_error *e)) {
  kl_prompt_session *s = armed(call, fields, what);
  if (!s) return;
  kl_error e = {0};
  int64_t task = 0;
  bool ok = integer(fields, op, "task", least, &task, &e) && act(s, (uint64_t)task, &e);
  char text[32];
  snprintf(text, sizeof text, task ? "task %" PRId64 : "any task", task);
  finish(call, s, op, text, ok, &e);
}

static bool go_on(kl_prompt_session *s, uint64_t task, kl_error *e) { return kl_debug_continue(s->strategy, task, e); }

static bool suspend(kl_prompt_session *s, uint64_t task, kl_error *e) {
  return kl_debug_suspend(s->strategy, &s->debug, task, e);
}

static bool cancel(kl_prompt_session *s, uint64_t id, kl_error *e) {
  kl_script *script = kl_prompt_session_script(s);
  kl_task *t = script ? kl_task_find(script, id) : NULL;
  if (t && !kl_debug_is_stopped(t)) {
    kl_task_cancel(t, "by a prompt");
    return true;
  }
  if (kl_debug_cancel(s->strategy, id, e)) return true;
  kl_error_set(e, KL_ERR_VALIDATION, "there is no task %" PRIu64 ", or it has ended", id);
  return false;
}

static void run_continue(void *data, kl_control_call *call, const json_t *fields) {
  (void)data;
  with_task(call, fields, "continue", "going on", 0, go_on);
}

static void run_suspend(void *data, kl_control_call *call, const json_t *fields) {
  (void)data;
  with_task(call, fields, "suspend", "suspending a task", 0, suspend);
}

static void run_cancel_task(void *data, kl_control_call *call, const json_t *fields) {
  (void)data;
  with_task(call, fields, "cancel_task", "cancelling a task", 1, cancel);
}

static void run_on_loop(void *data, kl_control_call *call, const json_t *fields) {
  (void)data;
  const json_t *on = json_object_get(fields, "on");
  kl_prompt_session *s = armed(call, fields, "stopping loops");
  if (!s) return;
  kl_error e = {0};
  if (json_is_boolean(on))
    kl_debug_on_loop(&s->debug, json_is_true(on));
  else
    kl_error_set(&e, KL_ERR_VALIDATION, "on_loop: `on` is true or false");
  finish(call, s, "on_loop", json_is_true(on) ? "on" : "off", json_is_boolean(on), &e);
}

/* ---- sources ---- */

static void add_lines(kl_buf *b, const char *text, size_t n, int64_t first, int64_t last) {
  const char *p = text, *end = text + n;
  bool any = false;
  for (int64_t line = 1; p < end && line <= last; line++) {
    const char *stop = memchr(p, '\n', (size_t)(end - p));
    if (!stop) stop = end;
    if (line >= first) {
      size_t length = (size_t)(stop - p);
      if (length > 0 && p[length - 1] == '\r') length--;
      if (length > LINE_SHOWN) {
        for (length = LINE_SHOWN; length > 0 && ((unsigned char)p[length] & 0xC0) == 0x80;)
          length--;
      }
      if (any) kl_buf_char(b, ',');
      any = true;
      kl_buf_json_string(b, p, length);
    }
    p = stop + 1;
  }
}

static void run_source(void *data, kl_control_call *call, const json_t *fields) {
  (void)data;
  kl_error e = {0};
  const kl_prompt_session *s = kl_prompt_session_of(call, fields, &e);
  const char *file = json_string_value(json_object_get(fields, "file")), *path = NULL, *text = NULL;
  int64_t line = 0, around = 0;
  size_t n = 0;
  if (s && !file) kl_error_set(&e, KL_ERR_VALIDATION, "source: `file` is the name of a file of the strategy");
  if (s && file && integer(fields, "source", "line", 1, &line, &e) &&
      integer(fields, "source", "around", 0, &around, &e))
    text = kl_debug_source(s->strategy, file, &path, &n, &e);
  if (!text) {
    refuse(call, &e);
    return;
  }
  if (around > AROUND_MOST) around = AROUND_MOST;
  int64_t first = line > around ? line - around : 1;
  kl_buf b = {0};
  kl_json_field_str(&b, "file", path);
  kl_json_field_int(&b, "first", first);
  kl_json_key(&b, "lines");
  kl_buf_char(&b, '[');
  add_lines(&b, text, n, first, line + around);
  kl_buf_char(&b, ']');
  kl_control_answer(call, &b);
}

const kl_control_op kl_prompt_debug_ops[] = {{"break", run_break, NULL, NULL},
                                             {"breaks", run_breaks, NULL, NULL},
                                             {"unbreak", run_unbreak, NULL, NULL},
                                             {"step", run_step, NULL, NULL},
                                             {"continue", run_continue, NULL, NULL},
                                             {"suspend", run_suspend, NULL, NULL},
                                             {"cancel_task", run_cancel_task, NULL, NULL},
                                             {"on_loop", run_on_loop, NULL, NULL},
                                             {"source", run_source, NULL, NULL},
                                             {NULL, NULL, NULL, NULL}};
