#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "auth/key.h"

/* Signals that end or stop the process would leave the terminal without echo. While the prompt is open they are written
 * into a pipe that the prompt waits for beside the terminal, so it does not matter which thread gets them. Afterwards
 * the terminal is put right and the signal sent again. */
static const int caught[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
enum { CAUGHT = sizeof caught / sizeof caught[0] };

static int signal_pipe[2] = {-1, -1}; /* open during a prompt, of which there is one at a time */

static void note_signal(int number) {
  int keep = errno;
  unsigned char byte = (unsigned char)number;
  if (write(signal_pipe[1], &byte, 1) < 0) {
    /* full: a signal is waiting to be seen already */
  }
  errno = keep;
}

static void catch_signals(struct sigaction old[CAUGHT]) {
  struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  for (int i = 0; i < CAUGHT; i++) {
    (void)sigaction(caught[i], NULL, &old[i]);
    bool ignored = !(old[i].sa_flags & SA_SIGINFO) && old[i].sa_handler == SIG_IGN;
    if (!ignored) (void)sigaction(caught[i], &action, NULL);
  }
}

static void release_signals(const struct sigaction old[CAUGHT]) {
  for (int i = 0; i < CAUGHT; i++)
    (void)sigaction(caught[i], &old[i], NULL);
}

static bool write_text(int fd, const char *s) {
  for (size_t n = strlen(s); n > 0;) {
    ssize_t w = write(fd, s, n);
    if (w < 0 && errno == EINTR) continue;
    if (w <= 0) return false;
    s += w;
    n -= (size_t)w;
  }
  return true;
}

/* One line without its newline. -1 at the end of input, on an error and when it does not fit; *number is set when a
 * signal came first. */
static int read_line(int tty, char *out, size_t cap, int *number) {
  size_t n = 0;
  bool fits = true;
  for (;;) {
    struct pollfd ready[2] = {{.fd = tty, .events = POLLIN}, {.fd = signal_pipe[0], .events = POLLIN}};
    if (poll(ready, 2, -1) < 0) {
      if (errno == EINTR) continue;
      return -1;
    }
    unsigned char byte;
    if (ready[1].revents && read(signal_pipe[0], &byte, 1) == 1) {
      *number = byte;
      return -1;
    }
    if (!ready[0].revents) continue;
    ssize_t r = read(tty, &byte, 1);
    if (r < 0 && errno == EINTR) continue;
    if (r <= 0) return -1;
    if (byte == '\n') break;
    fits = fits && n + 1 < cap;
    if (fits) out[n++] = (char)byte;
  }
  if (!fits) return -1;
  out[n] = 0;
  return (int)n;
}

static int ask(int tty, const char *prompt, char *out, size_t cap, int *number) {
  struct termios normal;
  if (tcgetattr(tty, &normal) != 0) return -1;
  struct sigaction old[CAUGHT];
  catch_signals(old);
  struct termios silent = normal;
  silent.c_lflag &= ~(tcflag_t)ECHO;
  silent.c_lflag |= ICANON | ISIG | ECHONL;
  int n = -1;
  if (tcsetattr(tty, TCSAFLUSH, &silent) == 0) {
    if (write_text(tty, prompt)) n = read_line(tty, out, cap, number);
    while (tcsetattr(tty, TCSAFLUSH, &normal) != 0 && errno == EINTR) {
    }
  }
  release_signals(old);
  unsigned char byte;
  while (read(signal_pipe[0], &byte, 1) == 1)
    *number = byte; /* came too late for read_line */
  return *number ? -1 : n;
}

int kl_passphrase_from_tty(void *data, const char *prompt, char *out, size_t cap) {
  (void)data;
  if (cap == 0) return -1;
  int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  if (tty < 0) return -1;
  int n = -1;
  if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) == 0) {
    int number;
    do {
      number = 0;
      n = ask(tty, prompt, out, cap, &number);
      if (n < 0) OPENSSL_cleanse(out, cap);
      if (number) (void)kill(getpid(), number);
    } while (number == SIGTSTP); /* stopped and continued: ask again */
    close(signal_pipe[0]);
    close(signal_pipe[1]);
    signal_pipe[0] = signal_pipe[1] = -1;
  }
  close(tty);
  return n;
}
