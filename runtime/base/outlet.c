#include "base/outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* A description of our own of the terminal or the pipe behind fd. -1: there is none to be had. */
static int reopen(int fd) {
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void kl_outlet_open(kl_outlet *o, int fd) {
  struct stat st;
  *o = (kl_outlet){.fd = fd, .own_fd = -1, .way = KL_OUTLET_PORTIONS};
  if (fstat(fd, &st) != 0) return;
  if (S_ISSOCK(st.st_mode)) {
    o->way = KL_OUTLET_SOCKET;
  } else if (S_ISREG(st.st_mode)) {
    o->way = KL_OUTLET_PLAIN;
  } else if (S_ISFIFO(st.st_mode) || isatty(fd)) {
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY) o->own_fd = reopen(fd);
    if (o->own_fd >= 0) {
      o->way = KL_OUTLET_PLAIN;
      o->fd = o->own_fd;
    }
  }
}

ssize_t kl_outlet_put(const kl_outlet *o, const char *p, size_t n) {
  if (o->way == KL_OUTLET_SOCKET) return send(o->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (o->way == KL_OUTLET_PORTIONS) {
    struct pollfd ready = {.fd = o->fd, .events = POLLOUT};
    if (poll(&ready, 1, 0) == 0) {
      errno = EAGAIN;
      return -1;
    }
    if (n > PIPE_BUF) n = PIPE_BUF;
  }
  return write(o->fd, p, n);
}

size_t kl_outlet_put_all(const kl_outlet *o, const char *p, size_t n) {
  size_t done = 0;
  while (done < n) {
    ssize_t w = kl_outlet_put(o, p + done, n - done);
    if (w > 0) {
      done += (size_t)w;
    } else if (w == 0) {
      errno = EIO;
      break;
    } else if (errno != EINTR) {
      if (errno == EWOULDBLOCK) errno = EAGAIN;
      break;
    }
  }
  return done;
}

void kl_outlet_close(kl_outlet *o) {
  if (o->own_fd >= 0) (void)close(o->own_fd);
  *o = (kl_outlet){.fd = -1, .own_fd = -1};
}
