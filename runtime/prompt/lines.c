#include "prompt/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "prompt/reader.h"

struct kl_input_lines {
  kl_key_reader *reader;
  void (*ready)(void *data);
  void *data;
  kl_buf buf;
  size_t taken, looked; /* bytes of buf that were given out; that have no newline from there on */
  bool ended;
  int why;
};

static void on_bytes(void *data, const char *p, size_t n, int why) {
  kl_input_lines *l = data;
  if (n == 0) {
    l->ended = true;
    l->why = why;
  } else {
    kl_buf_add(&l->buf, p, n);
    if (l->buf.failed) {
      l->ended = true;
      l->why = ENOMEM;
    } else if (!memchr(l->buf.data + l->buf.len - n, '\n', n) && l->buf.len - l->taken <= KL_LINES_MAX) {
      return;
    }
  }
  kl_key_reader_stop(l->reader);
  l->ready(l->data);
}

kl_input_lines *kl_input_lines_new(uv_loop_t *loop, int fd, void (*ready)(void *data), void *data) {
  kl_input_lines *l = calloc(1, sizeof *l);
  if (!l) return NULL;
  l->ready = ready;
  l->data = data;
  l->reader = kl_key_reader_new(loop, fd, on_bytes, l);
  if (l->reader && kl_buf_reserve(&l->buf, 0)) return l;
  kl_key_reader_close(l->reader);
  free(l);
  return NULL;
}

static kl_input_lines_state fail(kl_input_lines *l, int why, const char **p, size_t *n) {
  l->ended = true;
  l->why = why;
  *p = why == EFBIG ? "a line of standard input is longer than 16 MB" : strerror(why);
  *n = strlen(*p);
  return KL_LINES_FAILED;
}

static kl_input_lines_state give(kl_input_lines *l, size_t length, size_t end, const char **p, size_t *n) {
  *p = l->buf.data + l->taken;
  *n = length > 0 && (*p)[length - 1] == '\r' ? length - 1 : length;
  l->taken += length + end;
  l->looked = l->taken;
  return KL_LINES_LINE;
}

kl_input_lines_state kl_input_lines_take(kl_input_lines *l, const char **p, size_t *n) {
  if (l->taken > 0 && l->taken >= l->buf.len / 2) { /* each byte is moved at most once */
    memmove(l->buf.data, l->buf.data + l->taken, l->buf.len - l->taken);
    l->buf.len -= l->taken;
    l->looked -= l->taken;
    l->taken = 0;
  }
  size_t left = l->buf.len - l->taken;
  const char *end = memchr(l->buf.data + l->looked, '\n', l->buf.len - l->looked);
  if (end) return give(l, (size_t)(end - (l->buf.data + l->taken)), 1, p, n);
  l->looked = l->buf.len;
  if (l->why) return fail(l, l->why, p, n);
  if (left > KL_LINES_MAX) return fail(l, EFBIG, p, n);
  if (l->ended) return left > 0 ? give(l, left, 0, p, n) : KL_LINES_END;
  kl_key_reader_start(l->reader);
  return KL_LINES_LATER;
}

void kl_input_lines_close(kl_input_lines *l) {
  if (!l) return;
  kl_key_reader_close(l->reader);
  kl_buf_free(&l->buf);
  free(l);
}
