#include "trading/kill_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/state_folder.h"

#define NAME "killed"

static void fail(kl_error *e, const char *what, const char *path, int why) {
  kl_error_coded(e, KL_ERR_CONFIG, "kill_mark_unusable", "the mark that trading is stopped cannot be %s: %.300s: %s",
                 what, path, strerror(why));
}

static bool write_durably(const char *path, const char *text, size_t n) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return false;
  bool ok = write(fd, text, n) == (ssize_t)n && fsync(fd) == 0;
  int why = errno;
  close(fd);
  errno = why;
  return ok;
}

/* So that the name is on the disk, too. */
static bool sync_folder(const char *path) {
  char folder[4096];
  snprintf(folder, sizeof folder, "%s", path);
  *strrchr(folder, '/') = 0;
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  bool ok = fsync(fd) == 0;
  int why = errno;
  close(fd);
  errno = why;
  return ok;
}

bool kl_kill_mark_set(kl_error *e) {
  char path[4096], fresh[4110], when[40], text[48];
  if (!kl_state_path(path, sizeof path, NAME, true)) {
    fail(e, "written", path, errno);
    return false;
  }
  snprintf(fresh, sizeof fresh, "%s.new", path);
  kl_time_rfc3339(when, sizeof when, kl_wall_us(kl_clock_real()), 0);
  snprintf(text, sizeof text, "%s\n", when);
  if (write_durably(fresh, text, strlen(text)) && rename(fresh, path) == 0 && sync_folder(path)) return true;
  fail(e, "written", path, errno);
  return false;
}

bool kl_kill_mark_clear(bool *was, kl_error *e) {
  char path[4096];
  bool ok = kl_state_path(path, sizeof path, NAME, false) && unlink(path) == 0;
  if (was) *was = ok;
  if (ok || errno == ENOENT) return true;
  fail(e, "taken away", path, errno);
  return false;
}

bool kl_kill_mark_read(char *why, size_t cap) {
  char path[4096], text[48] = "";
  if (!kl_state_path(path, sizeof path, NAME, false)) return false; /* no folder: it was never there */
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return false;
  ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
  if (fd >= 0) close(fd);
  text[n > 0 ? n : 0] = 0;
  text[strcspn(text, "\n")] = 0;
  snprintf(why, cap, "trading was stopped by `kalua kill`%s%s; `kalua kill --release` allows it again",
           text[0] ? " at " : "", text);
  return true;
}
