/* What comes over the control socket: the first byte says in what parts; lines, then requests. Whatever is taken is
 * written again as a request and must be the same. */
#include <stdlib.h>
#include <string.h>

#include "base/json_fields.h"
#include "control/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok) {
  if (!ok) abort();
}

static void check_request(const char *line, size_t n) {
  kl_control_request q, again;
  kl_error e = {0};
  if (!kl_control_request_parse(line, n, &q, &e)) {
    check(!q.fields && e.kind && e.message[0] && !strchr(e.message, '\n'));
    return;
  }
  check(q.id >= 0 && q.op[0] && json_is_object(q.fields));
  kl_buf b = {0};
  kl_control_write_request(&b, q.id, q.op, NULL);
  check(!b.failed && b.len > 1 && b.data[b.len - 1] == '\n' && memchr(b.data, '\n', b.len) == b.data + b.len - 1);
  check(kl_control_request_parse(b.data, b.len - 1, &again, &e));
  check(again.id == q.id && strcmp(again.op, q.op) == 0);
  kl_control_request_free(&again);
  kl_control_request_free(&q);
  kl_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  kl_control_reader r = {0};
  size_t part = data[0] ? data[0] : 4096, at = 1;
  int got = 0;
  while (at < size && got >= 0) {
    size_t n = size - at < part ? size - at : part;
    char *copy = malloc(n);
    check(copy != NULL);
    memcpy(copy, data + at, n);
    check(kl_control_reader_add(&r, copy, n));
    free(copy);
    at += n;
    const char *line;
    while ((got = kl_control_reader_next(&r, &line, &n)) > 0) {
      check(n > 0 && n <= KL_CONTROL_LINE_MAX && !memchr(line, '\n', n));
      check_request(line, n);
    }
    check(got >= 0 || kl_control_reader_partial(&r));
  }
  kl_control_reader_free(&r);
  return 0;
}
