#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trading/journal_impl.h"

enum { PATH = 4200, MOST = 1 << 30 };

static bool name_of(char out[PATH], const char *path, int64_t run, int which) {
  int n = snprintf(out, PATH, "%s-run%" PRId64 "-%c", path, run, "ab"[which]);
  return n > 0 && n < PATH;
}

/* Of the open file, so that it ends with the process, and closing another descriptor of the file does not end it. */
static struct flock whole(void) { return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET}; }

/* Nothing of them is touched before they are known to be nobody's: where the journal was moved away, the process that
 * writes that one has files of these names. */
bool kl_journal_log_open(kl_journal_log *l, const char *path, int64_t run, kl_error *e) {
  char name[PATH];
  *l = (kl_journal_log){.path = strdup(path), .run = run, .fd = {-1, -1}};
  bool ok = l->path != NULL;
  errno = ENOMEM;
  for (int i = 0; i < 2 && ok; i++) {
    ok = name_of(name, path, run, i);
    if (!ok) errno = ENAMETOOLONG;
    if (ok) l->fd[i] = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    ok = ok && l->fd[i] >= 0;
  }
  struct flock lock = whole();
  bool ours = ok && fcntl(l->fd[0], F_OFD_SETLK, &lock) == 0;
  bool theirs = ok && !ours && (errno == EAGAIN || errno == EACCES);
  if (ours && ftruncate(l->fd[0], 0) == 0 && ftruncate(l->fd[1], 0) == 0) return true;
  kl_error_coded(e, KL_ERR_CONFIG, "journal_unusable",
                 "order journal %.300s: the file beside it for orders under way cannot be made: %s", path,
                 theirs ? "another process keeps it, which has this journal open or one that was moved away"
                        : strerror(errno));
  kl_journal_log_close(l, ours);
  return false;
}

void kl_journal_log_close(kl_journal_log *l, bool remove) {
  if (remove && l->path) kl_journal_log_remove(l->path, l->run);
  for (int i = 0; i < 2; i++) {
    if (l->fd[i] >= 0) close(l->fd[i]);
    l->fd[i] = -1;
  }
  free(l->path);
  l->path = NULL;
}

bool kl_journal_log_add(kl_journal_log *l, const char *p, size_t n) {
  ssize_t k;
  do
    k = write(l->fd[l->at], p, n);
  while (k < 0 && errno == EINTR);
  if (k > 0) l->size[l->at] += (size_t)k;
  if (k == (ssize_t)n) return true;
  int why = k < 0 ? errno : ENOSPC;
  /* What comes behind half a row would not be read. */
  if (k > 0 && ftruncate(l->fd[l->at], (off_t)(l->size[l->at] - (size_t)k)) == 0) l->size[l->at] -= (size_t)k;
  errno = why;
  return false;
}

void kl_journal_log_turn(kl_journal_log *l) {
  if (l->size[l->at] >= KL_JOURNAL_LOG_TURN && !l->size[!l->at]) l->at = !l->at;
}

void kl_journal_log_committed(kl_journal_log *l) {
  if (l->size[!l->at] && ftruncate(l->fd[!l->at], 0) == 0) l->size[!l->at] = 0;
}

void kl_journal_log_empty(kl_journal_log *l) {
  for (int i = 0; i < 2; i++)
    if (l->size[i] && ftruncate(l->fd[i], 0) == 0) l->size[i] = 0;
}

bool kl_journal_log_alive(const char *path, int64_t run) {
  char name[PATH];
  if (!name_of(name, path, run, 0)) return false;
  int fd = open(name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return false;
  struct flock lock = whole();
  bool alive = fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  close(fd);
  return alive;
}

void kl_journal_log_remove(const char *path, int64_t run) {
  char name[PATH];
  for (int i = 2; i-- > 0;)
    if (name_of(name, path, run, i)) (void)unlink(name);
}

static char *read_whole(int fd, size_t *n, kl_error *e, const char *name) {
  struct stat info;
  char *p = NULL;
  *n = 0;
  if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size <= MOST) p = malloc((size_t)info.st_size + 1);
  while (p && *n < (size_t)info.st_size) {
    ssize_t k = pread(fd, p + *n, (size_t)info.st_size - *n, (off_t)*n);
    if (k == 0) break;
    if (k < 0 && errno == EINTR) continue;
    if (k < 0) {
      free(p);
      p = NULL;
      break;
    }
    *n += (size_t)k;
  }
  if (!p)
    kl_error_coded(e, KL_ERR_CONFIG, "journal_unusable",
                   "%.300s, orders of a process that was killed, cannot be read: %s", name, strerror(errno));
  return p;
}

bool kl_journal_log_read(const char *path, int64_t run, bool (*each)(void *data, const kl_journal_row *r), void *data,
                         kl_error *e) {
  char name[PATH];
  for (int i = 0; i < 2; i++) {
    if (!name_of(name, path, run, i)) return true;
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT) continue;
    size_t n = 0;
    char *p = fd >= 0 ? read_whole(fd, &n, e, name) : NULL;
    if (fd >= 0)
      close(fd);
    else
      kl_error_coded(e, KL_ERR_CONFIG, "journal_unusable",
                     "%.300s, orders of a process that was killed, cannot be read: %s", name, strerror(errno));
    if (!p) return false;
    bool ok = true;
    size_t at = 0, k = 1;
    kl_journal_row row;
    for (; ok && at < n && (k = kl_journal_unpack(p + at, n - at, &row)); at += k)
      ok = each(data, &row);
    /* The last row may be half: its order was not sent. */
    if (ok && !k && !kl_journal_is_half(p + at, n - at)) ok = kl_journal_file_damaged(name, "a row of it", e);
    free(p);
    if (!ok) return false;
  }
  return true;
}
