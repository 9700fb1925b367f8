#include "bindings/rest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bindings/json.h"
#include "script/script.h"

kl_environment *kl_environment_of(lua_State *L) { return kl_script_data(kl_script_of(L)); }

typedef struct {
  kl_wait wait; /* first */
  kl_call *call;
  const kl_operation *op;
  char name[64];
  bool raw, text;
  bool failed;
  kl_error error;
  int status;
  kl_buf body;
} rest_wait;

static void rest_done(void *data, const kl_http_response *res, const kl_error *e) {
  rest_wait *w = data;
  w->call = NULL;
  if (e) {
    w->failed = true;
    w->error = *e;
  } else {
    w->status = res->status;
    kl_buf_add(&w->body, res->body, res->body_len);
    if (w->body.failed) {
      w->failed = true;
      kl_error_set(&w->error, KL_ERR_INTERNAL, "%s: not enough memory for the answer of %zu bytes", w->name,
                   res->body_len);
    }
  }
  kl_complete(&w->wait);
}

static void rest_drop(kl_wait *wait) {
  rest_wait *w = (rest_wait *)wait;
  if (w->call) kl_call_cancel(w->call);
  kl_buf_free(&w->body);
  free(w);
}

static bool is_blank(const kl_buf *b) {
  for (size_t i = 0; i < b->len; i++)
    if (!strchr(" \t\r\n", b->data[i]) || !b->data[i]) return false;
  return true;
}

static int rest_push(lua_State *L, kl_wait *wait) {
  rest_wait *w = (rest_wait *)wait;
  if (w->failed) return kl_raise(L, &w->error);
  if (w->text) {
    lua_pushlstring(L, w->body.data ? w->body.data : "", w->body.len);
    return 1;
  }
  if (is_blank(&w->body)) {
    /* A read without an answer is none: its fields would be missing far from here. */
    if (w->op && !strcmp(w->op->method, "GET")) {
      kl_error e;
      kl_error_set(&e, KL_ERR_PROTOCOL, "%s answered %d without a body", w->name, w->status);
      e.status = w->status;
      memcpy(e.operation, w->name, sizeof e.operation);
      return kl_raise(L, &e);
    }
    lua_newtable(L);
    return 1;
  }
  char why[KL_JSON_MESSAGE];
  const kl_shape *shape = w->op && !w->raw ? w->op->answer : NULL;
  if (!kl_json_read(L, w->body.data, w->body.len, shape, !w->raw, why)) {
    kl_error e;
    int shown = w->body.len < 60 ? (int)w->body.len : 60;
    kl_error_set(&e, KL_ERR_PROTOCOL, "%s answered %d with something that is not JSON (%s): %.*s", w->name, w->status,
                 why, shown, w->body.data);
    e.status = w->status;
    memcpy(e.operation, w->name, sizeof e.operation);
    return kl_raise(L, &e);
  }
  return 1;
}

int kl_rest_await(lua_State *L, const kl_operation *op, const char *method, kl_args *args) {
  kl_environment *env = kl_environment_of(L);
  if (!lua_isyieldable(L)) /* before anything is sent */
    return kl_raisef(L, KL_ERR_VALIDATION, "%s waits for an answer, which is not possible here: use task.spawn",
                     op ? op->name : args->path.data);
  rest_wait *w = calloc(1, sizeof *w);
  if (!w) return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory");
  w->wait.push = rest_push;
  w->wait.drop = rest_drop;
  w->op = op;
  w->raw = args->raw;
  w->text = args->text;
  if (op)
    snprintf(w->name, sizeof w->name, "%s", op->name);
  else
    snprintf(w->name, sizeof w->name, "%.8s %.50s", method, args->path.data);
  kl_call_request r = {.op = op,
                       .method = method,
                       .path = args->path.data,
                       .query = args->query.data,
                       .body = args->has_body ? args->body.data : NULL,
                       .body_len = args->body.len,
                       .items = args->items,
                       .routed = args->routed,
                       .shard = args->shard,
                       .owner = (uintptr_t)kl_script_of(L),
                       .timeout_ms = args->timeout_ms};
  kl_error e;
  w->call = kl_session_call(env->session, &r, rest_done, w, &e);
  if (!w->call) {
    free(w);
    return kl_raise(L, &e);
  }
  kl_buf_free(&args->path); /* copied; the rest of the wait needs none of it */
  kl_buf_free(&args->query);
  kl_buf_free(&args->body);
  return kl_await(L, &w->wait);
}
