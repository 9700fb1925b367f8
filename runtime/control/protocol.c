#include "control/protocol.h"

#include <string.h>

#include "base/json_fields.h"

/* Larger integers are not the same in every language. */
static const int64_t id_max = INT64_C(1) << 53;

/* ---- lines ---- */

void kl_control_reader_free(kl_control_reader *r) {
  kl_buf_free(&r->buf);
  *r = (kl_control_reader){0};
}

bool kl_control_reader_add(kl_control_reader *r, const char *p, size_t n) {
  if (r->at > 0) { /* what was read is no longer borrowed */
    memmove(r->buf.data, r->buf.data + r->at, r->buf.len - r->at);
    r->buf.len -= r->at;
    r->scanned -= r->at;
    r->at = 0;
  }
  kl_buf_add(&r->buf, p, n);
  return !r->buf.failed;
}

static bool is_blank(const char *p, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (!strchr(" \t\r", p[i]) || p[i] == 0) return false;
  return true;
}

int kl_control_reader_next(kl_control_reader *r, const char **line, size_t *n) {
  while (r->at < r->buf.len) {
    const char *begin = r->buf.data + r->at;
    const char *end = memchr(r->buf.data + r->scanned, '\n', r->buf.len - r->scanned);
    size_t length = end ? (size_t)(end - begin) : r->buf.len - r->at;
    if (length > KL_CONTROL_LINE_MAX) return -1;
    if (!end) {
      r->scanned = r->buf.len;
      return 0;
    }
    r->at += length + 1;
    r->scanned = r->at;
    if (is_blank(begin, length)) continue;
    *line = begin;
    *n = length;
    return 1;
  }
  return 0;
}

bool kl_control_reader_partial(const kl_control_reader *r) { return r->at < r->buf.len; }

/* ---- requests ---- */

bool kl_control_request_parse(const char *line, size_t n, kl_control_request *out, kl_error *e) {
  json_error_t where;
  json_t *fields = json_loadb(line, n, JSON_REJECT_DUPLICATES, &where);
  *out = (kl_control_request){.fields = fields};
  json_t *id = json_object_get(fields, "id");
  const char *op = json_string_value(json_object_get(fields, "op"));
  if (!fields) {
    kl_error_set(e, KL_ERR_VALIDATION, "not a line of JSON: %.100s", where.text);
  } else if (!json_is_object(fields)) {
    kl_error_set(e, KL_ERR_VALIDATION, "a request is a JSON object: {\"id\":1,\"op\":\"ps\"}");
  } else if (id && (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) > id_max)) {
    kl_error_set(e, KL_ERR_VALIDATION, "the id of a request is an integer from 0 to 2^53");
  } else if (!op || !*op || strlen(op) >= sizeof out->op) {
    kl_error_set(e, KL_ERR_VALIDATION, "a request names its operation: {\"id\":1,\"op\":\"ps\"}");
  } else {
    out->id = json_integer_value(id);
    memcpy(out->op, op, strlen(op) + 1);
    return true;
  }
  kl_control_request_free(out);
  return false;
}

void kl_control_request_free(kl_control_request *q) {
  json_decref(q->fields);
  *q = (kl_control_request){0};
}

/* ---- writing ---- */

static void finish(kl_buf *out, const kl_buf *fields) {
  if (fields && fields->len > 0) {
    kl_buf_char(out, ',');
    kl_buf_add(out, fields->data, fields->len);
  }
  if (fields && fields->failed) out->failed = true;
  kl_buf_str(out, "}\n");
}

static void begin(kl_buf *out, int64_t id) {
  kl_buf_str(out, "{\"id\":");
  kl_buf_int(out, id);
}

void kl_control_write_request(kl_buf *out, int64_t id, const char *op, const kl_buf *fields) {
  begin(out, id);
  kl_json_field_str(out, "op", op);
  finish(out, fields);
}

void kl_control_write_answer(kl_buf *out, int64_t id, const kl_buf *fields) {
  begin(out, id);
  kl_json_field_bool(out, "ok", true);
  finish(out, fields);
}

void kl_control_write_refusal(kl_buf *out, int64_t id, const kl_error *e, const kl_buf *fields) {
  begin(out, id);
  kl_json_field_bool(out, "ok", false);
  kl_json_key(out, "error");
  kl_buf_char(out, '{');
  kl_json_field_str(out, "kind", e->kind ? e->kind : KL_ERR_INTERNAL);
  kl_json_field_str(out, "message", e->message);
  kl_buf_char(out, '}');
  finish(out, fields);
}

void kl_control_write_event(kl_buf *out, int64_t id, const char *event, const kl_buf *fields) {
  begin(out, id);
  kl_json_field_str(out, "event", event);
  finish(out, fields);
}
