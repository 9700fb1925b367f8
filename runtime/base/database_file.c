#include "base/database_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Places in the header of the file: https://sqlite.org/fileformat.html, 1.3. */
enum { PAGES = 28, USER_VERSION = 60, APPLICATION_ID = 68, HEADER = 100 };

static uint32_t big_endian(const unsigned char *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

kl_database_state kl_database_look(int fd, kl_database_file *f) {
  const uint32_t application = f->application, version = f->version;
  unsigned char head[HEADER];
  ssize_t n = pread(fd, head, sizeof head, 0);
  f->why = errno;
  if (n < 0) return KL_DATABASE_UNREADABLE;
  if (n == 0) return KL_DATABASE_OURS;
  bool database = (size_t)n == sizeof head && memcmp(head, "SQLite format 3", 16) == 0;
  f->application = database ? big_endian(head + APPLICATION_ID) : 0;
  f->version = database ? big_endian(head + USER_VERSION) : 0;
  bool blank = database && !f->application && !f->version && big_endian(head + PAGES) <= 1;
  if (blank) return KL_DATABASE_OURS;
  if (f->application != application) return KL_DATABASE_FOREIGN;
  return f->version == version ? KL_DATABASE_OURS : KL_DATABASE_OTHER_FORM;
}

static kl_database_state look_opened(int fd, kl_database_file *f) {
  struct stat info;
  if (fstat(fd, &info) != 0) {
    f->why = errno;
    return KL_DATABASE_UNREADABLE;
  }
  if (!S_ISREG(info.st_mode)) return KL_DATABASE_NO_FILE;
  f->size = info.st_size;
  f->device = info.st_dev;
  f->inode = info.st_ino;
  kl_database_state state = kl_database_look(fd, f);
  if (state != KL_DATABASE_OURS || !(info.st_mode & 077) || fchmod(fd, 0600) == 0) return state;
  f->why = errno;
  return KL_DATABASE_EXPOSED;
}

kl_database_state kl_database_claim(const char *path, int flags, kl_database_file *f) {
  f->fd = -1;
  int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK, 0600); /* who opens a pipe would wait for its other end */
  if (fd < 0) {
    f->why = errno;
    return KL_DATABASE_UNOPENED;
  }
  kl_database_state state = look_opened(fd, f);
  if (state == KL_DATABASE_OURS)
    f->fd = fd;
  else
    close(fd);
  return state;
}
