/* The operations `eval` and `select`: inputs of a session, and what comes of them. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_fields.h"
#include "prompt/internal.h"
#include "prompt/outcome.h"
#include "script/look.h"

/* ---- eval ---- */

/* What may wait for a client beyond what it has room for: a long line, and lines of an input that prints where it
 * cannot wait. Each byte may become six. */
enum { PRINTS_HELD = 512 << 10 };

typedef struct eval {
  kl_prompt_state state; /* first */
  kl_control_call *call;
  kl_prompt *prompt;
  kl_prompt_session *session; /* outlives it */
  kl_buf source;              /* for the journal */
  kl_evaluation *evaluation;
  const kl_portrait_limits *limits;
  kl_outcome_text outcome;
  size_t held, skipped; /* bytes printed since there was room; lines left out since then */
  bool cancelled;
} eval;

static void eval_show(void *data, lua_State *L, int n, const char *traceback) {
  eval *x = data;
  kl_outcome_take(&x->outcome, L, n, traceback, x->limits);
}

/* A long line in parts, of which all but the last say that there is more. */
static void send_print(const eval *x, const char *text, size_t n) {
  do {
    size_t part = kl_prompt_part(text, n);
    kl_buf b = {0};
    kl_json_key(&b, "text");
    kl_buf_json_string(&b, text, part);
    text += part;
    n -= part;
    if (n > 0) kl_json_field_bool(&b, "more", true);
    kl_control_event(x->call, "print", &b);
  } while (n > 0);
}

static void tell_skipped(eval *x) {
  char text[120];
  if (x->skipped == 0) return;
  int n =
      snprintf(text, sizeof text,
               "(%zu lines are left out: they were printed by a function in which an input cannot wait)", x->skipped);
  x->skipped = 0;
  send_print(x, text, (size_t)n);
}

static void eval_print(void *data, const char *text, size_t n) {
  eval *x = data;
  if (kl_control_has_room(x->call)) {
    tell_skipped(x);
    x->held = 0;
  } else if (x->held >= PRINTS_HELD) {
    x->skipped++;
    return;
  }
  size_t room = PRINTS_HELD - x->held, sent = n;
  if (sent > room)
    for (sent = room; sent > 0 && ((unsigned char)text[sent] & 0xC0) == 0x80;)
      sent--;
  x->held += sent;
  send_print(x, text, sent);
  if (sent == n) return;
  char more[80];
  int len = snprintf(more, sizeof more, "(%zu bytes more of this line are left out)", n - sent);
  x->held = PRINTS_HELD;
  send_print(x, more, (size_t)len);
}

static bool eval_room(void *data) {
  const eval *x = data;
  return x->cancelled || kl_control_has_room(x->call);
}

/* What was said until now comes before the answer. */
static void eval_ended(void *data, const kl_evaluation_end *as_told) {
  eval *x = data;
  kl_evaluation_end ended = *as_told, *end = &ended;
  if (x->cancelled) { /* whatever it made of that; nothing is sent any more that had to wait for room */
    ended.status = KL_EVALUATION_CANCELLED;
    if (!ended.why) ended.why = "cancelled";
  }
  kl_control_call *call = x->call;
  kl_buf answer = {0}, json = {0};
  if (end->status != KL_EVALUATION_MORE)
    kl_prompt_session_journal(x->session, "eval", x->source.data, x->source.len, kl_outcome_statuses[end->status],
                              end->ns);
  kl_buf_free(&x->source);
  bool shown = kl_outcome_is_shown(end);
  tell_skipped(x);
  kl_control_give_lines(x->prompt->control);
  kl_outcome_write(&answer, &x->outcome, end);
  if (shown) {
    json = x->outcome.json;
    x->outcome.json = (kl_buf){0};
  }
  kl_outcome_free(&x->outcome);
  free(x);
  kl_control_call_set(call, NULL);
  if (shown)
    kl_prompt_answer_parts(call, &json, &answer);
  else
    kl_control_answer(call, &answer);
}

static void run_eval(void *data, kl_control_call *call, const json_t *fields) {
  kl_error e = {0};
  kl_prompt_session *s = kl_prompt_session_of(call, fields, &e);
  kl_evaluator *v = s ? kl_prompt_session_evaluator(s, &e) : NULL;
  const json_t *source = json_object_get(fields, "source");
  const char *mode = json_string_value(json_object_get(fields, "mode"));
  const char *chunk = json_string_value(json_object_get(fields, "chunk"));
  eval *x = NULL;
  if (v && !json_is_string(source))
    kl_error_set(&e, KL_ERR_VALIDATION, "eval: `source` is a text");
  else if (v && !(x = calloc(1, sizeof *x)))
    kl_error_set(&e, KL_ERR_INTERNAL, "not enough memory to evaluate that");
  if (!x) {
    kl_control_refuse(call, &e, NULL);
    return;
  }
  *x = (eval){.state = KL_PROMPT_WORKS,
              .call = call,
              .prompt = data,
              .session = s,
              .limits = mode && strcmp(mode, "whole") == 0 ? &kl_portrait_whole : &kl_portrait_draw};
  kl_buf_add(&x->source, json_string_value(source), json_string_length(source));
  kl_control_call_set(call, x);
  const kl_evaluation_options o = {.source = json_string_value(source),
                                   .n = json_string_length(source),
                                   .chunk = chunk,
                                   .armed = s->armed,
                                   .silent = json_is_true(json_object_get(fields, "silent")),
                                   .data = x,
                                   .print = eval_print,
                                   .room = eval_room,
                                   .show = eval_show,
                                   .ended = eval_ended};
  kl_evaluation *evaluation = kl_evaluate(v, &o);
  if (evaluation) x->evaluation = evaluation;
}

static void cancel_eval(void *data, kl_control_call *call) {
  const kl_prompt_state *state = kl_control_call_get(call);
  if (!state || *state == KL_PROMPT_ANSWERS) {
    kl_prompt_parts_cancel(data, call);
    return;
  }
  eval *x = kl_control_call_get(call);
  x->cancelled = true; /* from now on there is never room */
  kl_evaluation_cancel(x->evaluation, "cancelled");
}

static void room_eval(void *data, kl_control_call *call) {
  const kl_prompt_state *state = kl_control_call_get(call);
  if (!state || *state == KL_PROMPT_ANSWERS) {
    kl_prompt_parts_room(data, call);
    return;
  }
  const eval *x = kl_control_call_get(call);
  kl_host_print_room(x->prompt->host);
}

/* ---- select ---- */

static void run_select(void *data, kl_control_call *call, const json_t *fields) {
  (void)data;
  kl_error e = {0};
  kl_prompt_session *s = kl_prompt_session_of(call, fields, &e);
  const json_t *task = json_object_get(fields, "task"), *frame = json_object_get(fields, "frame");
  bool wrong = !json_is_integer(task) || json_integer_value(task) < 0 || (frame && !json_is_integer(frame)) ||
               json_integer_value(frame) < 0 || json_integer_value(frame) > INT_MAX;
  kl_evaluator *v = s && !wrong ? kl_prompt_session_evaluator(s, &e) : NULL;
  if (s && wrong)
    kl_error_set(&e, KL_ERR_VALIDATION,
                 "select: `task` is the id of a task, or 0, and `frame` the level of one of its frames");
  uint64_t id = (uint64_t)json_integer_value(task);
  int level = frame ? (int)json_integer_value(frame) : KL_FRAME_USUAL;
  if (!v || !kl_evaluator_select(v, id, level, &e)) {
    kl_control_refuse(call, &e, NULL);
    return;
  }
  kl_buf b = {0};
  kl_json_field_int(&b, "task", (int64_t)id);
  if (kl_prompt_session_frame(s, &id, &level)) kl_json_field_int(&b, "frame", level);
  kl_control_answer(call, &b);
}

const kl_control_op kl_prompt_eval_ops[] = {
    {"eval", run_eval, cancel_eval, room_eval}, {"select", run_select, NULL, NULL}, {NULL, NULL, NULL, NULL}};
