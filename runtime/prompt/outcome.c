#include "prompt/outcome.h"

#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "base/json_fields.h"

const char *const kl_outcome_statuses[] = {[KL_EVALUATION_VALUE] = "value",
                                           [KL_EVALUATION_ERROR] = "error",
                                           [KL_EVALUATION_CANCELLED] = "cancelled",
                                           [KL_EVALUATION_MORE] = "more"};

void kl_outcome_free(kl_outcome_text *x) {
  kl_buf_free(&x->json);
  kl_buf_free(&x->trace);
}

static void note_kind(kl_outcome_text *x, lua_State *L) {
  x->kind[0] = 0;
  if (lua_type(L, -1) != LUA_TTABLE) return;
  luaL_checkstack(L, 1, NULL);
  lua_pushliteral(L, "kind");
  lua_rawget(L, -2);
  if (lua_type(L, -1) == LUA_TSTRING) snprintf(x->kind, sizeof x->kind, "%s", lua_tostring(L, -1));
  lua_pop(L, 1);
}

void kl_outcome_take(kl_outcome_text *x, lua_State *L, int n, const char *traceback,
                     const kl_portrait_limits *limits) { /* raises */
  kl_buf_clear(&x->json);
  kl_buf_clear(&x->trace);
  if (n == 1) note_kind(x, L);
  kl_portrait_write(L, n, limits, &x->json);
  if (traceback) kl_buf_str(&x->trace, traceback);
}

bool kl_outcome_is_shown(const kl_evaluation_end *end) {
  return (end->status == KL_EVALUATION_VALUE || end->status == KL_EVALUATION_ERROR) && !end->why;
}

void kl_outcome_write(kl_buf *b, const kl_outcome_text *x, const kl_evaluation_end *end) {
  kl_json_field_str(b, "status", kl_outcome_statuses[end->status]);
  kl_json_key(b, "ms");
  kl_buf_decimal(b, end->ns / 1000, 3);
  kl_json_field_bool(b, "waited", end->waited);
  if (end->status == KL_EVALUATION_VALUE) kl_json_field_int(b, "values", end->values);
  if (end->why) kl_json_field_str(b, "message", end->why);
  if (end->status == KL_EVALUATION_ERROR && x->kind[0]) kl_json_field_str(b, "kind", x->kind);
  if (x->trace.len) kl_json_field_str(b, "traceback", x->trace.data);
}
