#include "bindings/writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/outlet.h"

enum { WRITE_AT = 16384 }; /* so much does not wait for the end of the turn */

struct kl_writer {
  kl_outlet out;
  bool waits; /* for the other side: `ready` is running */
  kl_buf buf;
  size_t sent; /* of buf */
  int error;
  uv_prepare_t turn; /* runs while there is something to write and nothing to wait for */
  uv_poll_t ready;   /* on an epoll descriptor around fd: a uv_poll_t on fd itself would make it non-blocking for all */
  int epoll_fd;      /* -1: it needs no waiting */
  int open_handles;
  void (*progress)(void *data);
  void *data;
};

static void wait_for_reader(kl_writer *w, bool on);

void kl_writer_flush(kl_writer *w) {
  if (!w->error && w->sent < w->buf.len) {
    w->sent += kl_outlet_put_all(&w->out, w->buf.data + w->sent, w->buf.len - w->sent);
    if (w->sent < w->buf.len && errno != EAGAIN) w->error = errno;
  }
  if (w->sent == w->buf.len) {
    kl_buf_clear(&w->buf);
    w->sent = 0;
  }
  uv_prepare_stop(&w->turn);
  wait_for_reader(w, !w->error && w->buf.len > 0);
}

static void went(kl_writer *w) {
  kl_writer_flush(w);
  if (w->progress) w->progress(w->data);
}

static void turn_ends(uv_prepare_t *h) { went(h->data); }

static void is_ready(uv_poll_t *h, int status, int events) {
  (void)status;
  (void)events;
  went(h->data);
}

static void wait_for_reader(kl_writer *w, bool on) {
  if (on == w->waits) return;
  w->waits = on;
  if (w->epoll_fd < 0) { /* nothing tells when it takes more: each turn of the loop asks again */
    if (on) uv_prepare_start(&w->turn, turn_ends);
    w->waits = false;
  } else if (on) {
    uv_poll_start(&w->ready, UV_READABLE, is_ready);
  } else {
    uv_poll_stop(&w->ready);
  }
}

kl_writer *kl_writer_new(uv_loop_t *loop, int fd, void (*progress)(void *data), void *data) {
  kl_writer *w = calloc(1, sizeof *w);
  if (!w) return NULL;
  w->progress = progress;
  w->data = data;
  kl_outlet_open(&w->out, fd);
  uv_prepare_init(loop, &w->turn);
  w->turn.data = w;
  w->open_handles = 1;
  struct epoll_event writable = {.events = EPOLLOUT};
  w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (w->epoll_fd >= 0 && (epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, w->out.fd, &writable) != 0 ||
                           uv_poll_init(loop, &w->ready, w->epoll_fd) != 0)) {
    close(w->epoll_fd); /* a file */
    w->epoll_fd = -1;
  }
  if (w->epoll_fd >= 0) {
    w->ready.data = w;
    w->open_handles++;
  }
  return w;
}

bool kl_writer_add(kl_writer *w, const char *p, size_t n) {
  if (w->error) return false;
  if (w->sent && w->sent >= w->buf.len / 2) { /* each byte is moved at most once */
    memmove(w->buf.data, w->buf.data + w->sent, w->buf.len - w->sent);
    w->buf.len -= w->sent;
    w->sent = 0;
  }
  kl_buf_add(&w->buf, p, n);
  if (w->buf.failed) {
    w->error = ENOMEM;
    return false;
  }
  if (w->waits) return true;
  if (w->buf.len - w->sent >= WRITE_AT) {
    kl_writer_flush(w);
  } else {
    uv_prepare_start(&w->turn, turn_ends);
  }
  return !w->error;
}

const char *kl_writer_pending(const kl_writer *w, size_t *n) {
  *n = w->buf.len - w->sent;
  return *n ? w->buf.data + w->sent : "";
}

bool kl_writer_cut(const kl_writer *w) { return w->sent > 0 && w->sent < w->buf.len; }

int kl_writer_error(const kl_writer *w) { return w->error; }

static void handle_closed(uv_handle_t *h) {
  kl_writer *w = h->data;
  if (--w->open_handles > 0) return;
  if (w->epoll_fd >= 0) close(w->epoll_fd);
  kl_outlet_close(&w->out);
  kl_buf_free(&w->buf);
  free(w);
}

void kl_writer_close(kl_writer *w) {
  if (!w) return;
  w->progress = NULL;
  uv_close((uv_handle_t *)&w->turn, handle_closed);
  if (w->epoll_fd >= 0) uv_close((uv_handle_t *)&w->ready, handle_closed);
}
