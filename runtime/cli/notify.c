#include "cli/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

enum { SEND_MS = 500, TEXT_CAP = 256 };

struct kl_notifier {
  uv_timer_t alive;
  int fd;
  struct sockaddr_un to;
  socklen_t to_len;
  uint64_t alive_ms; /* half of the watchdog's time; 0: it has none */
  bool said, stopping;
};

/* Waits for half a second at most: a manager that does not read is no reason not to trade. */
static void tell(kl_notifier *n, const char *text) {
  ssize_t sent;
  do {
    sent = sendto(n->fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&n->to, n->to_len);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0 || n->said) return;
  n->said = true;
  kl_log_warn("kalua", "systemd cannot be told what goes on (NOTIFY_SOCKET): %s", strerror(errno));
}

/* A path, or '@' and a name in the abstract namespace. */
static bool address(kl_notifier *n, const char *text) {
  size_t len = strlen(text);
  n->to.sun_family = AF_UNIX;
  if ((*text != '/' && *text != '@') || len < 2 || len >= sizeof n->to.sun_path) return false;
  memcpy(n->to.sun_path, text, len);
  if (*text == '@') n->to.sun_path[0] = 0;
  n->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (*text == '/'));
  return true;
}

static bool connect_to(kl_notifier *n, const char *text) {
  if (!address(n, text)) {
    kl_log_warn("kalua", "NOTIFY_SOCKET is neither a path nor @ and a name: systemd is told nothing");
    return false;
  }
  n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (n->fd < 0) {
    kl_log_warn("kalua", "systemd is told nothing, for there is no socket: %s", strerror(errno));
    return false;
  }
  const struct timeval patience = {.tv_usec = SEND_MS * 1000};
  setsockopt(n->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  return true;
}

/* Half of WATCHDOG_USEC in milliseconds; 0 where there is none, or where it is meant for another process. */
static uint64_t watchdog_ms(void) {
  const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
  if (!usec || (pid && strtoll(pid, NULL, 10) != getpid())) return 0;
  char *end = NULL;
  errno = 0;
  unsigned long long us = strtoull(usec, &end, 10);
  if (errno || end == usec || *end || us == 0) return 0;
  uint64_t ms = us / 2000;
  return ms ? ms : 1;
}

kl_notifier *kl_notifier_open(uv_loop_t *loop) {
  const char *text = getenv("NOTIFY_SOCKET");
  kl_notifier *n = text && *text ? calloc(1, sizeof *n) : NULL;
  if (n && !connect_to(n, text)) {
    free(n);
    n = NULL;
  }
  if (n) {
    n->alive_ms = watchdog_ms();
    uv_timer_init(loop, &n->alive);
    uv_unref((uv_handle_t *)&n->alive); /* it holds no loop */
    n->alive.data = n;
  }
  unsetenv("NOTIFY_SOCKET");
  unsetenv("WATCHDOG_USEC");
  unsetenv("WATCHDOG_PID");
  return n;
}

static void on_alive(uv_timer_t *t) { tell(t->data, "WATCHDOG=1"); }

void kl_notifier_ready(kl_notifier *n) {
  if (!n || n->stopping) return; /* a reload that the end cuts off is over, too */
  tell(n, "READY=1");
  if (!n->alive_ms || uv_is_active((uv_handle_t *)&n->alive)) return;
  tell(n, "WATCHDOG=1");
  uv_timer_start(&n->alive, on_alive, n->alive_ms, n->alive_ms);
}

void kl_notifier_reloading(kl_notifier *n) {
  if (!n || n->stopping) return;
  char text[64];
  snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, kl_mono_ns(kl_clock_real()) / 1000);
  tell(n, text);
}

void kl_notifier_stopping(kl_notifier *n) {
  if (!n || n->stopping) return;
  n->stopping = true;
  tell(n, "STOPPING=1");
}

void kl_notifier_status(kl_notifier *n, const char *fmt, ...) {
  if (!n) return;
  char text[TEXT_CAP] = "STATUS=";
  size_t len = strlen(text);
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text + len, sizeof text - len, fmt, ap);
  va_end(ap);
  for (char *c = text; *c; c++)
    if (*c == '\n' || *c == '\r') *c = ' ';
  tell(n, text);
}

static void closed(uv_handle_t *h) { free(h->data); }

void kl_notifier_close(kl_notifier *n) {
  if (!n) return;
  close(n->fd);
  uv_close((uv_handle_t *)&n->alive, closed);
}
