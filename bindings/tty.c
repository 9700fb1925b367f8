#include "bindings/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { DEFAULT_ROWS = 24, DEFAULT_COLUMNS = 80, PIPE_SIZE = 1 << 20 };

static const int fatal_signals[] = {SIGHUP, SIGQUIT, SIGABRT, SIGSEGV, SIGBUS, SIGTERM};
enum { FATAL_SIGNALS = sizeof fatal_signals / sizeof fatal_signals[0] };

/* Of the process, for signal handlers. */
static struct {
  volatile sig_atomic_t on;
  bool has_modes, exits;
  struct termios modes; /* of standard input, as they were */
  const kl_tty_way *way;
  int kept_fd;   /* what was written to standard error meanwhile; -1: it is not kept */
  int stderr_fd; /* standard error as it was */
  struct sigaction fatal[FATAL_SIGNALS];
} taken = {.kept_fd = -1, .stderr_fd = -1};

bool kl_tty_taken(void) { return __atomic_load_n(&taken.on, __ATOMIC_SEQ_CST); }
int kl_tty_stderr(void) { return taken.kept_fd; }

/* To a terminal that takes nothing for half a second (stopped by Ctrl-S, say) nothing is written: an end must not hang.
 */
static void write_all(int fd, const char *p, size_t n) {
  struct pollfd ready = {.fd = fd, .events = POLLOUT};
  while (n > 0 && poll(&ready, 1, 500) != 0) {
    ssize_t w = write(fd, p, n);
    if (w < 0 && errno == EINTR) continue;
    if (w <= 0) return;
    p += w;
    n -= (size_t)w;
  }
}

static void tell_kept(void) {
  char chunk[4096];
  off_t at = 0;
  bool file = taken.way->errors == KL_TTY_STDERR_KEPT;
  dup2(taken.stderr_fd, STDERR_FILENO);
  close(taken.stderr_fd);
  for (ssize_t n;
       (n = file ? pread(taken.kept_fd, chunk, sizeof chunk, at) : read(taken.kept_fd, chunk, sizeof chunk)) > 0;
       at += n)
    write_all(STDERR_FILENO, chunk, (size_t)n);
  close(taken.kept_fd);
  taken.kept_fd = taken.stderr_fd = -1;
}

static void on_fatal(int number);

/* `fatal`: the signal whose handler is running; 0: none. */
static void give_back(int fatal) {
  if (!__atomic_exchange_n(&taken.on, 0, __ATOMIC_SEQ_CST)) return;
  write_all(STDOUT_FILENO, taken.way->leave, strlen(taken.way->leave));
  if (fatal) write_all(STDOUT_FILENO, "\r\n", 2); /* what is told of it begins a line */
  if (taken.has_modes) tcsetattr(STDIN_FILENO, TCSANOW, &taken.modes);
  if (taken.kept_fd >= 0) tell_kept();
  for (size_t i = 0; i < FATAL_SIGNALS; i++) {
    struct sigaction now;
    /* Who has put a handler in place meanwhile keeps it. */
    if (fatal_signals[i] == fatal || (sigaction(fatal_signals[i], NULL, &now) == 0 && now.sa_handler == on_fatal))
      sigaction(fatal_signals[i], &taken.fatal[i], NULL);
  }
}

void kl_tty_restore(void) { give_back(0); }

/* Then as if this handler had not been there. */
static void on_fatal(int number) {
  int keep = errno;
  give_back(number);
  raise(number);
  errno = keep;
}

static void keep_stderr(const kl_tty_way *way) {
  int ends[2] = {-1, -1};
  if (way->errors == KL_TTY_STDERR_LEFT || !isatty(STDERR_FILENO)) return;
  if (way->errors == KL_TTY_STDERR_READ) {
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return; /* nobody shall wait for who reads it, who may be the same */
    (void)fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE);
  } else {
    ends[0] = memfd_create("stderr", MFD_CLOEXEC);
    ends[1] = ends[0];
    if (ends[0] >= 0 && fcntl(ends[0], F_SETFL, O_APPEND) != 0) {
      close(ends[0]);
      return;
    }
  }
  taken.kept_fd = ends[0];
  taken.stderr_fd = taken.kept_fd < 0 ? -1 : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  bool ok = taken.stderr_fd >= 0 && dup2(ends[1], STDERR_FILENO) == STDERR_FILENO;
  if (ends[1] != ends[0]) close(ends[1]);
  if (ok) return;
  if (taken.kept_fd >= 0) close(taken.kept_fd);
  if (taken.stderr_fd >= 0) close(taken.stderr_fd);
  taken.kept_fd = taken.stderr_fd = -1;
}

bool kl_tty_take(const kl_tty_way *way) {
  if (kl_tty_taken()) return false;
  fflush(stdout);
  taken.way = way;
  taken.has_modes = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &taken.modes) == 0;
  keep_stderr(way);
  if (!taken.exits) atexit(kl_tty_restore);
  taken.exits = true;
  /* Before anything is changed: a fatal signal may end another thread at any moment. */
  __atomic_store_n(&taken.on, 1, __ATOMIC_SEQ_CST);
  for (size_t i = 0; i < FATAL_SIGNALS; i++) {
    struct sigaction action = {.sa_handler = on_fatal, .sa_flags = (int)SA_RESETHAND};
    sigaction(fatal_signals[i], NULL, &taken.fatal[i]);
    /* Who handles these ends, or reads its scripts again, in its own way. */
    bool others = taken.fatal[i].sa_handler != SIG_DFL && (fatal_signals[i] == SIGTERM || fatal_signals[i] == SIGHUP);
    if (taken.fatal[i].sa_handler != SIG_IGN && !others) sigaction(fatal_signals[i], &action, NULL);
  }
  if (taken.has_modes) {
    struct termios modes = taken.modes;
    way->modes(&modes);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &modes);
  }
  write_all(STDOUT_FILENO, way->enter, strlen(way->enter));
  return true;
}

void kl_tty_suspend(const kl_tty_way *way) {
  struct sigaction ours, usual = {.sa_handler = SIG_DFL};
  kl_tty_restore();
  sigaction(SIGTSTP, &usual, &ours);
  raise(SIGTSTP);
  sigaction(SIGTSTP, &ours, NULL);
  kl_tty_take(way);
}

void kl_tty_size(int *rows, int *columns) {
  struct winsize size = {0};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) memset(&size, 0, sizeof size);
  *rows = size.ws_row ? size.ws_row : DEFAULT_ROWS;
  *columns = size.ws_col ? size.ws_col : DEFAULT_COLUMNS;
}
