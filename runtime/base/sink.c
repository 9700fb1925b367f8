#include "base/sink.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>

enum {
  KEPT_MAX = 1 << 20,
  LOOK_MS = 200, /* the thread looks whether it shall end */
  PAUSE_MS = 10, /* where poll says ready and a write says not */
};

void kl_sink_open(kl_sink *s, int fd) {
  pthread_mutex_lock(&s->lock);
  kl_outlet_open(&s->out, fd);
  s->open = true;
  s->failing = false;
  pthread_mutex_unlock(&s->lock);
}

/* Under the lock. True when nothing is kept any more; else errno says why. */
static bool write_kept(kl_sink *s) {
  if (s->kept.len == 0) return true;
  size_t done = kl_outlet_put_all(&s->out, s->kept.data, s->kept.len);
  int why = errno;
  memmove(s->kept.data, s->kept.data + done, s->kept.len - done);
  s->kept.len -= done;
  errno = why;
  return s->kept.len == 0;
}

static bool wait_until_writable(int fd, int ms) {
  struct pollfd p = {.fd = fd, .events = POLLOUT};
  return poll(&p, 1, ms) > 0;
}

static void *write_on(void *arg) {
  kl_sink *s = arg;
  pthread_mutex_lock(&s->lock);
  while (!s->quit) {
    if (s->kept.len == 0 || s->failing) {
      pthread_cond_wait(&s->news, &s->lock);
      continue;
    }
    int fd = s->out.fd;
    pthread_mutex_unlock(&s->lock);
    bool ready = wait_until_writable(fd, LOOK_MS);
    pthread_mutex_lock(&s->lock);
    size_t before = s->kept.len;
    if (!ready || s->quit || write_kept(s)) continue;
    s->failing = errno != EAGAIN;
    if (s->failing || s->kept.len < before) continue;
    pthread_mutex_unlock(&s->lock);
    nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
    pthread_mutex_lock(&s->lock);
  }
  pthread_mutex_unlock(&s->lock);
  return NULL;
}

/* Under the lock. Where there is no thread to be had, the next write tries again. */
static void wake_thread(kl_sink *s) {
  if (!s->has_thread) {
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old); /* it takes no signals of the process */
    s->has_thread = pthread_create(&s->thread, NULL, write_on, s) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
  }
  pthread_cond_signal(&s->news);
}

/* Under the lock. */
static bool keep(kl_sink *s, const char *p, size_t n) {
  kl_buf_add(&s->kept, p, n);
  if (!s->kept.failed) return true;
  s->kept.failed = false; /* what was kept before is whole */
  return false;
}

/* Under the lock. */
static bool put_line(kl_sink *s, const char *p, size_t n, bool *cut) {
  s->failing = false;
  if (!write_kept(s)) {
    if (errno != EAGAIN) {
      s->failing = true;
      return false;
    }
    bool fits = s->kept.len + n <= KEPT_MAX && keep(s, p, n);
    wake_thread(s);
    errno = EAGAIN;
    return fits;
  }
  size_t done = kl_outlet_put_all(&s->out, p, n);
  if (done == n) return true;
  int why = errno;
  if (done == 0 && why != EAGAIN) {
    errno = why;
    return false;
  }
  bool kept = keep(s, p + done, n - done);
  if (!kept && cut) *cut = done > 0;
  s->failing = why != EAGAIN;
  if (kept && !s->failing) wake_thread(s);
  errno = ENOMEM;
  return kept || done > 0;
}

bool kl_sink_write(kl_sink *s, const char *p, size_t n, bool *cut) {
  pthread_mutex_lock(&s->lock);
  bool taken = put_line(s, p, n, cut);
  int why = errno;
  pthread_mutex_unlock(&s->lock);
  errno = why;
  return taken;
}

size_t kl_sink_close(kl_sink *s, int patience_ms) {
  if (!s->open) return 0;
  pthread_mutex_lock(&s->lock);
  s->quit = true;
  bool joins = s->has_thread;
  pthread_cond_signal(&s->news);
  pthread_mutex_unlock(&s->lock);
  if (joins) pthread_join(s->thread, NULL);
  for (int silent_ms = 0; !write_kept(s) && errno == EAGAIN && silent_ms < patience_ms; silent_ms += PAUSE_MS) {
    size_t before = s->kept.len;
    if (wait_until_writable(s->out.fd, PAUSE_MS) && write_kept(s)) break;
    if (s->kept.len < before) silent_ms = 0;
  }
  size_t lines = 0;
  for (size_t i = 0; i < s->kept.len; i++)
    lines += s->kept.data[i] == '\n';
  kl_buf_free(&s->kept);
  kl_outlet_close(&s->out);
  s->open = s->has_thread = s->quit = s->failing = false;
  return lines;
}
