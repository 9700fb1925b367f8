#include "sim/http.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void error_fields(kl_buf *b, const char *code, const char *message, const char *details) {
  kl_buf_str(b, "{\"code\":");
  kl_buf_json_cstr(b, code);
  kl_buf_str(b, ",\"message\":");
  kl_buf_json_cstr(b, message);
  if (details) {
    kl_buf_str(b, ",\"details\":");
    kl_buf_json_cstr(b, details);
  }
  kl_buf_char(b, '}');
}

void kl_sim_fail(kl_sim_response *rs, int status, const char *code, const char *message, const char *details) {
  rs->status = status;
  kl_buf_clear(&rs->body);
  kl_buf_str(&rs->body, "{\"error\":");
  error_fields(&rs->body, code, message, details);
  kl_buf_char(&rs->body, '}');
}

void kl_sim_fail_state(kl_sim_response *rs) {
  kl_sim_fail(rs, 503, "service_unavailable", "service unavailable", "the simulator cannot write its state file");
}

int kl_sim_status_of(kl_exchange_result r) {
  switch (r) {
  case KL_X_NOT_FOUND:
  case KL_X_GROUP_NOT_FOUND:
  case KL_X_NO_SUBACCOUNT:
    return 404;
  case KL_X_EXISTS:
  case KL_X_LOCKED:
    return 409;
  case KL_X_NOMEM:
    return 500;
  case KL_X_EXCHANGE_PAUSED:
    return 503;
  default:
    return 400;
  }
}

void kl_sim_fail_result(kl_sim_response *rs, kl_exchange_result r) {
  kl_sim_fail(rs, kl_sim_status_of(r), kl_exchange_error_code(r), kl_exchange_error_message(r),
              kl_exchange_error_details(r));
}

void kl_sim_fail_body(kl_sim_response *rs, const char *details) {
  rs->status = 400;
  kl_buf_clear(&rs->body);
  error_fields(&rs->body, "bad_request", "bad request", details);
}

void kl_sim_fail_query(const kl_sim_request *rq, kl_sim_response *rs, const char *what) {
  char text[256];
  snprintf(text, sizeof text, "Parameter validation failed for %s: %s", rq->op->id, what);
  rs->status = 400;
  kl_buf_clear(&rs->body);
  kl_buf_str(&rs->body, "{\"msg\":");
  kl_buf_json_cstr(&rs->body, text);
  kl_buf_char(&rs->body, '}');
}

/* ---- the query ---- */

const char *kl_sim_arg_get(const kl_sim_request *rq, const char *key) {
  for (size_t i = 0; i < rq->n_args; i++)
    if (!strcmp(rq->args[i].key, key)) return rq->args[i].value[0] ? rq->args[i].value : NULL;
  return NULL;
}

bool kl_sim_arg_int(const kl_sim_request *rq, kl_sim_response *rs, const char *key, int64_t min, int64_t max,
                    int64_t fallback, int64_t *out) {
  const char *text = kl_sim_arg_get(rq, key);
  char what[128];
  *out = fallback;
  if (!text) return true;
  char *end = NULL;
  errno = 0;
  long long v = strtoll(text, &end, 10);
  if (errno == 0 && *end == '\0' && end != text && text[0] != ' ' && v >= min && v <= max) {
    *out = v;
    return true;
  }
  snprintf(what, sizeof what, "%s %s", key, errno == 0 && *end == '\0' ? "out of range" : "is not an integer");
  kl_sim_fail_query(rq, rs, what);
  return false;
}

bool kl_sim_arg_bool(const kl_sim_request *rq, kl_sim_response *rs, const char *key, bool *out) {
  /* What Go's strconv.ParseBool takes, which reads queries there: Python's requests writes True. */
  static const char *const words[] = {"false", "true", "0", "1", "False", "True", "FALSE", "TRUE", "f", "t", "F", "T"};
  const char *text = kl_sim_arg_get(rq, key);
  char what[128];
  *out = false;
  if (!text) return true;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if (strcmp(text, words[i]) != 0) continue;
    *out = i % 2 == 1;
    return true;
  }
  snprintf(what, sizeof what, "%s is not a boolean", key);
  kl_sim_fail_query(rq, rs, what);
  return false;
}

bool kl_sim_arg_subaccount(const kl_sim_request *rq, kl_sim_response *rs, int fallback, int *out) {
  int64_t v;
  if (!kl_sim_arg_int(rq, rs, "subaccount", 0, 63, fallback, &v)) return false;
  *out = (int)v;
  return true;
}

bool kl_sim_in_list(const char *list, const char *text) {
  if (!list) return true;
  size_t n = strlen(text);
  for (const char *p = list;; p++) {
    size_t item = strcspn(p, ",");
    if (item == n && !memcmp(p, text, n)) return true;
    p += item;
    if (!*p) return false;
  }
}

size_t kl_sim_list_count(const char *list) {
  size_t n = list ? 1 : 0;
  for (const char *p = list; p && *p; p++)
    n += *p == ',';
  return n;
}

/* ---- pages ---- */

void kl_sim_cursor_write(kl_buf *b, char kind, const char *last) {
  static const char digits[] = "0123456789abcdef";
  char prefix[2] = {kind, ':'};
  kl_buf_char(b, '"');
  for (size_t i = 0; i < 2 + strlen(last); i++) {
    unsigned char c = (unsigned char)(i < 2 ? prefix[i] : last[i - 2]);
    kl_buf_char(b, digits[c >> 4]);
    kl_buf_char(b, digits[c & 15]);
  }
  kl_buf_char(b, '"');
}

static int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool kl_sim_cursor_read(const kl_sim_request *rq, char kind, char *last, size_t cap) {
  const char *text = kl_sim_arg_get(rq, "cursor");
  size_t n = text ? strlen(text) : 0, len = 0;
  if (n < 6 || n % 2 != 0 || n / 2 - 2 >= cap) return false;
  for (size_t i = 0; i < n; i += 2) {
    int high = hex_value(text[i]), low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return false;
    char c = (char)(high * 16 + low);
    if ((i == 0 && c != kind) || (i == 2 && c != ':')) return false;
    if (i > 2) last[len++] = c;
  }
  last[len] = '\0';
  return true;
}

void kl_sim_place_read(const kl_sim_request *rq, char kind, kl_sim_place *p) {
  char last[160], *slash;
  *p = (kl_sim_place){.resumed = kl_sim_cursor_read(rq, kind, last, sizeof last)};
  if (!p->resumed) return;
  p->us = strtoll(last, &slash, 10);
  p->resumed = *slash == '/' && strlen(slash + 1) < sizeof p->id;
  if (p->resumed) memcpy(p->id, slash + 1, strlen(slash + 1) + 1);
}

bool kl_sim_place_skips(kl_sim_place *p, const char *id, int64_t us) {
  if (!p->resumed) return false;
  bool named = !strcmp(id, p->id);
  p->resumed = !named && us >= p->us;
  return named || p->resumed;
}

void kl_sim_place_set(kl_sim_place *p, const char *id, int64_t us) {
  p->us = us;
  snprintf(p->id, sizeof p->id, "%s", id);
}

void kl_sim_place_end(kl_buf *b, char kind, bool more, const kl_sim_place *last) {
  char text[160];
  kl_buf_str(b, "],\"cursor\":");
  if (more) {
    snprintf(text, sizeof text, "%" PRId64 "/%s", last->us, last->id);
    kl_sim_cursor_write(b, kind, text);
  } else {
    kl_buf_str(b, "\"\"");
  }
  kl_buf_char(b, '}');
}

size_t kl_sim_page_start(const kl_sim_request *rq, char kind) {
  char last[32];
  return kl_sim_cursor_read(rq, kind, last, sizeof last) ? strtoul(last, NULL, 10) : 0;
}

void kl_sim_page_end(kl_buf *b, const char *key, char kind, bool more, size_t next) {
  char text[32];
  kl_buf_str(b, ",\"");
  kl_buf_str(b, key);
  kl_buf_str(b, "\":");
  if (!more) {
    kl_buf_str(b, "\"\"");
    return;
  }
  snprintf(text, sizeof text, "%zu", next);
  kl_sim_cursor_write(b, kind, text);
}
