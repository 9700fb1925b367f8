#include "sim/body.h"

#include <stdio.h>

json_t *kl_sim_body_read(const kl_sim_request *rq, kl_sim_response *rs) {
  json_error_t error;
  if (rq->body_len == 0) {
    kl_sim_fail_body(rs, "unexpected end of input");
    return NULL;
  }
  json_t *root = json_loadb(rq->body, rq->body_len, JSON_REJECT_DUPLICATES, &error);
  if (!root) {
    kl_sim_fail_body(rs, error.text);
    return NULL;
  }
  if (json_is_object(root)) return root;
  json_decref(root);
  kl_sim_fail_body(rs, "expected an object");
  return NULL;
}

json_t *kl_sim_body_read_optional(const kl_sim_request *rq, kl_sim_response *rs) {
  if (rq->body_len > 0) return kl_sim_body_read(rq, rs);
  json_t *empty = json_object();
  if (!empty) kl_sim_fail(rs, 500, "internal_error", "the simulator is out of memory", NULL);
  return empty;
}

static bool has_type(const json_t *v, kl_sim_json_type want) {
  switch (want) {
  case KL_SIM_STRING:
    return json_is_string(v);
  case KL_SIM_INTEGER:
    return json_is_integer(v);
  case KL_SIM_BOOLEAN:
    return json_is_boolean(v);
  case KL_SIM_ARRAY:
    return json_is_array(v);
  default:
    return json_is_object(v);
  }
}

bool kl_sim_body_field(const json_t *o, const char *key, kl_sim_json_type want, const json_t **out, kl_sim_details d) {
  static const char *const names[] = {"a string", "an integer", "a boolean", "an array", "an object"};
  const json_t *v = json_object_get(o, key);
  *out = json_is_null(v) ? NULL : v;
  if (!*out || has_type(*out, want)) return true;
  snprintf(d, KL_SIM_DETAILS_MOST, "%s: expected %s", key, names[want]);
  return false;
}

bool kl_sim_body_text(const json_t *o, const char *key, const char **out, kl_sim_details d) {
  const json_t *v;
  if (!kl_sim_body_field(o, key, KL_SIM_STRING, &v, d)) return false;
  *out = v ? json_string_value(v) : NULL;
  return true;
}

bool kl_sim_body_int(const json_t *o, const char *key, int64_t fallback, int64_t *out, kl_sim_details d) {
  const json_t *v;
  if (!kl_sim_body_field(o, key, KL_SIM_INTEGER, &v, d)) return false;
  *out = v ? (int64_t)json_integer_value(v) : fallback;
  return true;
}

bool kl_sim_body_bool(const json_t *o, const char *key, bool *out, kl_sim_details d) {
  const json_t *v;
  if (!kl_sim_body_field(o, key, KL_SIM_BOOLEAN, &v, d)) return false;
  *out = json_is_true(v);
  return true;
}
