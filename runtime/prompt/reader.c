#include "prompt/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { CHUNK = 16384 };

struct kl_key_reader {
  int fd;
  kl_key_reader_fn *fn; /* NULL once closed */
  void *data;
  bool on, ended;
  int epoll_fd;   /* a uv_poll_t on fd itself would make it non-blocking for all; -1: fd is always ready */
  uv_poll_t poll; /* on epoll_fd */
  uv_idle_t idle; /* without one */
  int open_handles;
};

static void read_some(kl_key_reader *r) {
  char chunk[CHUNK];
  ssize_t n = read(r->fd, chunk, sizeof chunk);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  int why = n < 0 ? errno : 0;
  if (n <= 0) {
    kl_key_reader_stop(r);
    r->ended = true;
  }
  r->fn(r->data, chunk, n > 0 ? (size_t)n : 0, why);
}

static void on_ready(uv_poll_t *h, int status, int events) {
  kl_key_reader *r = h->data;
  (void)status;
  (void)events;
  if (r->on) read_some(r);
}

static void on_idle(uv_idle_t *h) {
  kl_key_reader *r = h->data;
  if (r->on) read_some(r);
}

kl_key_reader *kl_key_reader_new(uv_loop_t *loop, int fd, kl_key_reader_fn *fn, void *data) {
  kl_key_reader *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  *r = (kl_key_reader){.fd = fd, .fn = fn, .data = data};
  struct epoll_event readable = {.events = EPOLLIN};
  uv_idle_init(loop, &r->idle);
  r->idle.data = r;
  r->open_handles = 1;
  r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (r->epoll_fd >= 0 &&
      (epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, fd, &readable) != 0 || uv_poll_init(loop, &r->poll, r->epoll_fd) != 0)) {
    close(r->epoll_fd); /* a file, or nothing at all: then the read says so */
    r->epoll_fd = -1;
  }
  if (r->epoll_fd >= 0) {
    r->poll.data = r;
    r->open_handles++;
  }
  return r;
}

void kl_key_reader_start(kl_key_reader *r) {
  if (r->on || r->ended) return;
  r->on = true;
  if (r->epoll_fd >= 0) {
    uv_poll_start(&r->poll, UV_READABLE, on_ready);
  } else {
    uv_idle_start(&r->idle, on_idle);
  }
}

void kl_key_reader_stop(kl_key_reader *r) {
  if (!r->on) return;
  r->on = false;
  if (r->epoll_fd >= 0) {
    uv_poll_stop(&r->poll);
  } else {
    uv_idle_stop(&r->idle);
  }
}

static void handle_closed(uv_handle_t *h) {
  kl_key_reader *r = h->data;
  if (--r->open_handles > 0) return;
  if (r->epoll_fd >= 0) close(r->epoll_fd);
  free(r);
}

void kl_key_reader_close(kl_key_reader *r) {
  if (!r) return;
  kl_key_reader_stop(r);
  r->fn = NULL;
  uv_close((uv_handle_t *)&r->idle, handle_closed);
  if (r->epoll_fd >= 0) uv_close((uv_handle_t *)&r->poll, handle_closed);
}
