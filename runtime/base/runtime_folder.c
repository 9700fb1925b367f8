#include "base/runtime_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_CAP = 300 };

int kl_runtime_folder_open(char *path, size_t cap, bool make) {
  char own[4096];
  const char *base = getenv("XDG_RUNTIME_DIR");
  struct stat st;
  if (!path) {
    path = own;
    cap = sizeof own;
  }
  int n;
  if (base && *base) {
    n = snprintf(path, cap, "%s/kalua", base);
  } else {
    base = getenv("TMPDIR");
    n = snprintf(path, cap, "%s/kalua-%u", base && *base ? base : "/tmp", (unsigned)geteuid());
  }
  if (n < 0 || (size_t)n >= cap) {
    errno = ENAMETOOLONG;
    return -1;
  }
  if (make && mkdir(path, 0700) != 0 && errno != EEXIST) return -1;
  int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (folder < 0) {
    if (errno == ELOOP || errno == ENOTDIR || errno == EACCES) errno = EPERM;
    return -1;
  }
  if (fstat(folder, &st) == 0 && st.st_uid == geteuid() && !(st.st_mode & 077)) return folder;
  close(folder);
  errno = EPERM;
  return -1;
}

static bool write_all(int fd, const char *p, size_t n) {
  size_t done = 0;
  while (done < n) {
    ssize_t w = write(fd, p + done, n - done);
    if (w < 0 && errno == EINTR) continue;
    if (w <= 0) {
      if (w == 0) errno = EIO;
      return false;
    }
    done += (size_t)w;
  }
  return true;
}

int kl_runtime_list(int folder, const char *name, const void *p, size_t n) {
  char fresh[NAME_CAP];
  int length = snprintf(fresh, sizeof fresh, "%s.new", name);
  if (length < 0 || length >= NAME_CAP) {
    errno = ENAMETOOLONG;
    return -1;
  }
  int fd = openat(folder, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return -1;
  /* Under its name it is complete, and locked. */
  if (write_all(fd, p, n) && flock(fd, LOCK_EX | LOCK_NB) == 0 && renameat(folder, fresh, folder, name) == 0) return fd;
  int why = errno;
  unlinkat(folder, fresh, 0);
  close(fd);
  errno = why;
  return -1;
}

bool kl_runtime_relist(int folder, const char *name, const void *p, size_t n, int *fd) {
  int fresh = kl_runtime_list(folder, name, p, n);
  if (fresh < 0) return false;
  close(*fd);
  *fd = fresh;
  return true;
}

void kl_runtime_unlist(int folder, const char *name, int fd) {
  unlinkat(folder, name, 0);
  close(fd);
}

static bool fits(const char *name, const kl_runtime_visit *v) {
  size_t length = strlen(name), before = strlen(v->prefix), behind = strlen(v->suffix);
  return length >= before + behind && memcmp(name, v->prefix, before) == 0 &&
         strcmp(name + length - behind, v->suffix) == 0;
}

/* A file that was replaced between its opening and the look at its lock is not locked, and not the one of this name. */
static bool is_in_place(int folder, const char *name, int fd) {
  struct stat here, there;
  return fstat(fd, &here) == 0 && fstatat(folder, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
         here.st_ino == there.st_ino && here.st_dev == there.st_dev;
}

/* Whether the walk goes on. */
static bool visit(int folder, const char *name, const kl_runtime_visit *v, char *text) {
  int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return true;
  bool free_now = flock(fd, LOCK_SH | LOCK_NB) == 0;
  if (free_now && is_in_place(folder, name, fd)) {
    if (v->gone) v->gone(v->data, folder, name);
    unlinkat(folder, name, 0);
    close(fd);
    return true;
  }
  if (free_now) { /* replaced meanwhile: the new one is listed */
    close(fd);
    fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return true;
  }
  ssize_t n = read(fd, text, v->most);
  close(fd);
  if (n < 0) return true;
  text[n] = 0;
  return v->listed(v->data, name, text, (size_t)n);
}

bool kl_runtime_each(int folder, const kl_runtime_visit *v) {
  int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  char *text = malloc(v->most + 1);
  DIR *d = copy >= 0 && text ? fdopendir(copy) : NULL;
  int why = text ? errno : ENOMEM;
  if (!d) {
    if (copy >= 0) close(copy);
    free(text);
    errno = why;
    return false;
  }
  for (;;) {
    errno = 0;
    struct dirent *f = readdir(d);
    why = errno;
    if (!f) break;
    if (fits(f->d_name, v) && !visit(folder, f->d_name, v, text)) break;
  }
  closedir(d);
  free(text);
  errno = why;
  return why == 0;
}
