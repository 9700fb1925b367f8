/* The reports for programs: TAP version 14, JSON, JUnit's XML. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json_fields.h"
#include "base/log.h"
#include "cli/test_results.h"

static void put(kl_buf *out) {
  if (out->data) fwrite(out->data, 1, out->len, stdout);
  fflush(stdout);
  kl_buf_free(out);
}

/* ---- TAP ---- */

/* In a description, `#` would begin a directive and `\` an escape. */
static void tap_name(kl_buf *out, const kl_test_result *r) {
  kl_buf name = {0}, safe = {0};
  kl_test_full_name(&name, r);
  kl_log_escape(&safe, name.data ? name.data : "", name.len);
  for (size_t i = 0; i < safe.len; i++) {
    if (safe.data[i] == '#' || safe.data[i] == '\\') kl_buf_char(out, '\\');
    kl_buf_char(out, safe.data[i]);
  }
  kl_buf_free(&name);
  kl_buf_free(&safe);
}

/* A string of JSON is one of YAML. */
static void tap_field(kl_buf *out, const char *key, const char *value) {
  if (!value || !*value) return;
  kl_buf_printf(out, "  %s: ", key);
  kl_buf_json_cstr(out, value);
  kl_buf_char(out, '\n');
}

static void tap_result(void *data, const kl_test_result *r, size_t number) {
  kl_buf out = {0};
  (void)data;
  if (number == 1) kl_buf_str(&out, "TAP version 14\n");
  kl_buf_printf(&out, "%sok %zu - ", r->outcome == KL_TEST_FAILED ? "not " : "", number);
  tap_name(&out, r);
  if (r->outcome == KL_TEST_PENDING) kl_buf_str(&out, " # SKIP pending");
  if (r->outcome == KL_TEST_LISTED) kl_buf_str(&out, " # SKIP listed");
  kl_buf_str(&out, "\n  ---\n");
  tap_field(&out, "file", r->file);
  kl_buf_printf(&out, "  duration_ms: %.3f\n", r->seconds * 1e3);
  if (r->outcome == KL_TEST_FAILED) {
    kl_buf_str(&out, "  severity: fail\n");
    tap_field(&out, "message", r->message);
    tap_field(&out, "detail", r->detail);
    if (r->place) {
      kl_buf_str(&out, "  at:\n  ");
      tap_field(&out, "file", r->place);
      kl_buf_printf(&out, "    line: %d\n", r->line);
    }
    tap_field(&out, "source", r->source);
    tap_field(&out, "calls", r->calls);
    tap_field(&out, "output", r->output.data);
  }
  kl_buf_str(&out, "  ...\n");
  put(&out);
}

static void tap_end(void *data, const kl_test_results *all) {
  kl_buf out = {0};
  (void)data;
  if (all->n == 0) kl_buf_str(&out, "TAP version 14\n");
  if (all->interrupted)
    kl_buf_str(&out, "Bail out! interrupted\n");
  else
    kl_buf_printf(&out, "1..%zu\n", all->n);
  put(&out);
}

const kl_test_reporter kl_test_tap_reporter = {NULL, tap_result, tap_end};

/* ---- JSON ---- */

static void json_field(kl_buf *out, const char *key, const char *value) {
  if (value) kl_json_field_str(out, key, value);
}

static void json_result(void *data, const kl_test_result *r, size_t number) {
  static const char *const words[] = {"passed", "failed", "pending", "listed"};
  kl_buf out = {0};
  (void)data;
  (void)number;
  kl_buf_char(&out, '{');
  kl_json_field_str(&out, "file", r->file);
  if (r->name[0]) {
    kl_json_field_str(&out, "group", r->group);
    kl_json_field_str(&out, "name", r->name);
  }
  kl_json_field_str(&out, "status", words[r->outcome]);
  kl_json_key(&out, "seconds");
  kl_buf_printf(&out, "%.6f", r->seconds);
  if (r->place) {
    kl_json_key(&out, "at");
    kl_buf_char(&out, '{');
    kl_json_field_str(&out, "file", r->place);
    kl_json_field_int(&out, "line", r->line);
    kl_buf_char(&out, '}');
  }
  json_field(&out, "source", r->source);
  json_field(&out, "message", r->message);
  json_field(&out, "detail", r->detail);
  json_field(&out, "calls", r->calls);
  if (r->output.len) json_field(&out, "output", r->output.data);
  kl_buf_str(&out, "}\n");
  put(&out);
}

const kl_test_reporter kl_test_json_reporter = {NULL, json_result, NULL};

/* ---- JUnit ---- */

/* XML 1.0 has no way to write most control characters, nor bytes that are no UTF-8. */
static void xml_text(kl_buf *out, const char *text) {
  size_t n = strlen(text);
  for (size_t i = 0; i < n;) {
    unsigned char c = (unsigned char)text[i];
    size_t length = kl_test_character(text + i, n - i);
    bool outside = length == 3 && (!memcmp(text + i, "\xEF\xBF\xBE", 3) || !memcmp(text + i, "\xEF\xBF\xBF", 3));
    if (!length || outside || (c < 0x20 && c != '\n' && c != '\t') || c == 0x7F) {
      kl_buf_str(out, "\xEF\xBF\xBD");
      i += length ? length : 1;
      continue;
    }
    switch (c) {
    case '&':
      kl_buf_str(out, "&amp;");
      break;
    case '<':
      kl_buf_str(out, "&lt;");
      break;
    case '>':
      kl_buf_str(out, "&gt;");
      break;
    case '"':
      kl_buf_str(out, "&quot;");
      break;
    case '\n':
      kl_buf_str(out, "&#10;");
      break;
    case '\t':
      kl_buf_str(out, "&#9;");
      break;
    default:
      kl_buf_add(out, text + i, length);
    }
    i += length;
  }
}

static void xml_attribute(kl_buf *out, const char *name, const char *value) {
  kl_buf_printf(out, " %s=\"", name);
  xml_text(out, value);
  kl_buf_char(out, '"');
}

static void junit_failure(kl_buf *out, const kl_test_result *r) {
  kl_buf_str(out, "      <failure");
  xml_attribute(out, "message", r->message ? r->message : "failed");
  xml_attribute(out, "type", "failure");
  kl_buf_char(out, '>');
  kl_buf text = {0};
  if (r->place) kl_buf_printf(&text, "%s:%d: %s\n", r->place, r->line, r->source ? r->source : "");
  if (r->message) kl_buf_printf(&text, "%s\n", r->message);
  if (r->detail) kl_buf_printf(&text, "%s\n", r->detail);
  if (r->calls) kl_buf_printf(&text, "called from\n%s\n", r->calls);
  if (text.data) xml_text(out, text.data);
  kl_buf_free(&text);
  kl_buf_str(out, "</failure>\n");
}

static void junit_case(kl_buf *out, const kl_test_result *r) {
  kl_buf name = {0};
  kl_test_full_name(&name, r);
  kl_buf_str(out, "    <testcase");
  xml_attribute(out, "name", name.data ? name.data : "");
  xml_attribute(out, "classname", r->file);
  kl_buf_printf(out, " time=\"%.3f\"", r->seconds);
  kl_buf_free(&name);
  bool empty = r->outcome == KL_TEST_PASSED && r->output.len == 0;
  kl_buf_str(out, empty ? "/>\n" : ">\n");
  if (empty) return;
  if (r->outcome == KL_TEST_FAILED) junit_failure(out, r);
  if (r->outcome == KL_TEST_PENDING) kl_buf_str(out, "      <skipped message=\"pending\"/>\n");
  if (r->output.len > 0) {
    kl_buf_str(out, "      <system-out>");
    xml_text(out, r->output.data);
    kl_buf_str(out, "</system-out>\n");
  }
  kl_buf_str(out, "    </testcase>\n");
}

void kl_test_junit(kl_buf *out, const kl_test_results *all) {
  kl_buf_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
  kl_buf_printf(out, "<testsuites tests=\"%zu\" failures=\"%zu\" errors=\"0\" time=\"%.3f\">\n", all->n, all->failed,
                all->seconds);
  for (size_t from = 0, to; from < all->n; from = to) {
    const char *file = all->items[from]->file;
    size_t failures = 0, skipped = 0;
    double seconds = 0;
    for (to = from; to < all->n && all->items[to]->file == file; to++) {
      failures += all->items[to]->outcome == KL_TEST_FAILED;
      skipped += all->items[to]->outcome == KL_TEST_PENDING;
      seconds += all->items[to]->seconds;
    }
    kl_buf_str(out, "  <testsuite");
    xml_attribute(out, "name", file);
    kl_buf_printf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\" time=\"%.3f\">\n", to - from,
                  failures, skipped, seconds);
    for (size_t i = from; i < to; i++)
      junit_case(out, all->items[i]);
    kl_buf_str(out, "  </testsuite>\n");
  }
  kl_buf_str(out, "</testsuites>\n");
}
