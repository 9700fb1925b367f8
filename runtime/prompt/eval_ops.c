/* The operations `eval`, `select` and `watch`: inputs of a session, and what comes of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_fields.h"
#include "prompt/internal.h"

enum { KIND_SIZE = 32, SECOND_NS = 1000000000 };

/* ---- what came of an input ---- */

typedef struct outcome {
  kl_buf json, trace;
  char kind[KIND_SIZE]; /* of an error object */
} outcome;

static void outcome_free(outcome *x) {
  kl_buf_free(&x->json);
  kl_buf_free(&x->trace);
}

static void note_kind(outcome *x, lua_State *L) {
  x->kind[0] = 0;
  if (lua_type(L, -1) != LUA_TTABLE) return;
  luaL_checkstack(L, 1, NULL);
  lua_pushliteral(L, "kind");
  lua_rawget(L, -2);
  if (lua_type(L, -1) == LUA_TSTRING) snprintf(x->kind, sizeof x->kind, "%s", lua_tostring(L, -1));
  lua_pop(L, 1);
}

static void outcome_take(outcome *x, lua_State *L, int n, const char *traceback,
                         const kl_portrait_limits *limits) { /* raises */
  kl_buf_clear(&x->json);
  kl_buf_clear(&x->trace);
  if (n == 1) note_kind(x, L);
  kl_portrait_write(L, n, limits, &x->json);
  if (traceback) kl_buf_str(&x->trace, traceback);
}

static const char *const statuses[] = {[KL_EVALUATION_VALUE] = "value",
                                       [KL_EVALUATION_ERROR] = "error",
                                       [KL_EVALUATION_CANCELLED] = "cancelled",
                                       [KL_EVALUATION_MORE] = "more"};

static void write_outcome(kl_buf *b, const outcome *x, const kl_evaluation_end *end) {
  kl_json_field_str(b, "status", statuses[end->status]);
  kl_json_key(b, "ms");
  kl_buf_decimal(b, end->ns / 1000, 3);
  kl_json_field_bool(b, "waited", end->waited);
  if (end->status == KL_EVALUATION_VALUE) kl_json_field_int(b, "values", end->values);
  if (end->why) kl_json_field_str(b, "message", end->why);
  if (end->status == KL_EVALUATION_ERROR && x->kind[0]) kl_json_field_str(b, "kind", x->kind);
  if (x->trace.len) kl_json_field_str(b, "traceback", x->trace.data);
}

/* ---- eval ---- */

typedef struct eval {
  kl_prompt_state state; /* first */
  kl_control_call *call;
  kl_prompt *prompt;
  kl_prompt_session *session; /* outlives it */
  kl_buf source;              /* for the journal */
  kl_evaluation *evaluation;
  const kl_portrait_limits *limits;
  outcome outcome;
  bool cancelled;
} eval;

static void eval_show(void *data, lua_State *L, int n, const char *traceback) {
  eval *x = data;
  outcome_take(&x->outcome, L, n, traceback, x->limits);
}

/* A long line in parts, of which all but the last say that there is more. */
static void eval_print(void *data, const char *text, size_t n) {
  const eval *x = data;
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
    kl_prompt_session_journal(x->session, "eval", x->source.data, x->source.len, statuses[end->status], end->ns);
  kl_buf_free(&x->source);
  bool shown = (end->status == KL_EVALUATION_VALUE || end->status == KL_EVALUATION_ERROR) && !end->why;
  kl_control_give_lines(x->prompt->control);
  write_outcome(&answer, &x->outcome, end);
  if (shown) {
    json = x->outcome.json;
    x->outcome.json = (kl_buf){0};
  }
  outcome_free(&x->outcome);
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

const kl_control_op kl_prompt_eval_ops[] = {{"eval", run_eval, cancel_eval, room_eval}, {NULL, NULL, NULL, NULL}};

void kl_prompt_end_watches(kl_prompt_session *s, const char *why) {
  (void)s;
  (void)why;
}
