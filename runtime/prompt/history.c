#include "prompt/history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/state_folder.h"
#include "prompt/secret_text.h"
#include "prompt/text.h"

/* A file of more than FILE_MAX bytes is cut down to its newest half. */
enum {
  ENTRIES_MAX = 5000,
  FILE_MAX = 2 << 20,
  ENTRY_MAX = 64 << 10,
  PATH_CAP = 4096,
  LOCK_TRIES = 50,
  LOCK_WAIT_MS = 5
};

typedef struct entry {
  char *text;
  size_t n;
} entry;

struct kl_history {
  entry *entries; /* a ring of ENTRIES_MAX */
  size_t first, count;
  char *path; /* NULL: it is kept nowhere */
};

kl_history *kl_history_new(void) {
  kl_history *h = calloc(1, sizeof *h);
  if (h) h->entries = calloc(ENTRIES_MAX, sizeof *h->entries);
  if (h && h->entries) return h;
  free(h);
  return NULL;
}

void kl_history_free(kl_history *h) {
  if (!h) return;
  for (size_t i = 0; i < ENTRIES_MAX; i++)
    free(h->entries[i].text);
  free(h->entries);
  free(h->path);
  free(h);
}

size_t kl_history_count(const kl_history *h) { return h->count; }

const char *kl_history_at(const kl_history *h, size_t i, size_t *n) {
  const entry *e = &h->entries[(h->first + i) % ENTRIES_MAX];
  *n = e->n;
  return e->text;
}

/* True when there is a new entry. */
static bool push(kl_history *h, const char *p, size_t n) {
  size_t last = 0;
  const char *newest = h->count ? kl_history_at(h, h->count - 1, &last) : NULL;
  if (newest && last == n && memcmp(newest, p, n) == 0) return false;
  char *copy = malloc(n + 1);
  if (!copy) return false;
  memcpy(copy, p, n);
  copy[n] = 0;
  if (h->count == ENTRIES_MAX) {
    free(h->entries[h->first].text);
    h->entries[h->first].text = NULL;
    h->first = (h->first + 1) % ENTRIES_MAX;
    h->count--;
  }
  h->entries[(h->first + h->count++) % ENTRIES_MAX] = (entry){copy, n};
  return true;
}

/* ---- the file: an entry a line, with \n for a newline and \\ for a backslash ---- */

bool kl_history_path(char *path, size_t cap) {
  const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
  int n = state && *state == '/' ? snprintf(path, cap, "%s/kalua/history", state)
          : home && *home        ? snprintf(path, cap, "%s/.local/state/kalua/history", home)
                                 : -1;
  return n > 0 && (size_t)n < cap;
}

static void doze(void) {
  struct timespec wait = {.tv_nsec = LOCK_WAIT_MS * 1000000};
  nanosleep(&wait, NULL);
}

static bool same_file(int fd, const char *path) {
  struct stat here, there;
  return fstat(fd, &here) == 0 && stat(path, &there) == 0 && here.st_ino == there.st_ino && here.st_dev == there.st_dev;
}

/* Opens and locks the file that is there under this name. -1 with errno. */
static int open_locked(const char *path) {
  for (int tries = 0; tries < LOCK_TRIES; tries++) {
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
    if (fd < 0) return -1;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
      if (same_file(fd, path)) return fd;
    } else if (errno != EWOULDBLOCK &&
               errno != EINTR) { /* a file system without locks: one write is one piece anyway */
      return fd;
    } else {
      doze();
    }
    close(fd); /* another prompt has it, or has put a new one in its place */
  }
  errno = EWOULDBLOCK;
  return -1;
}

static void add_escaped(kl_buf *b, const char *p, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (p[i] == '\n') {
      kl_buf_str(b, "\\n");
    } else if (p[i] == '\\') {
      kl_buf_str(b, "\\\\");
    } else {
      kl_buf_char(b, p[i]);
    }
  }
  kl_buf_char(b, '\n');
}

static void read_entry(kl_history *h, const char *p, size_t n, kl_buf *plain) {
  kl_buf_clear(plain);
  for (size_t i = 0; i < n; i++) {
    if (p[i] == '\\' && i + 1 < n && (p[i + 1] == 'n' || p[i + 1] == '\\')) {
      kl_buf_char(plain, p[++i] == 'n' ? '\n' : '\\');
    } else {
      kl_buf_char(plain, p[i]);
    }
  }
  kl_buf clean = {0};
  if (!plain->failed) kl_text_clean(&clean, plain->data ? plain->data : "", plain->len);
  if (!clean.failed && clean.len > 0) push(h, clean.data, clean.len);
  kl_buf_free(&clean);
}

/* All of a file, or its end from a whole line on where it is longer than `most`. */
static bool read_file(int fd, size_t most, kl_buf *out) {
  struct stat st;
  if (fstat(fd, &st) != 0) return false;
  off_t from = st.st_size > (off_t)most ? st.st_size - (off_t)most : 0;
  if (!kl_buf_reserve(out, (size_t)(st.st_size - from))) {
    errno = ENOMEM;
    return false;
  }
  char chunk[65536];
  for (off_t at = from;;) {
    ssize_t n = pread(fd, chunk, sizeof chunk, at);
    if (n < 0) return false;
    if (n == 0 || out->failed) break;
    kl_buf_add(out, chunk, (size_t)n);
    at += n;
  }
  if (from > 0 && out->len > 0) {
    const char *end = memchr(out->data, '\n', out->len);
    size_t cut = end ? (size_t)(end - out->data) + 1 : out->len;
    memmove(out->data, out->data + cut, out->len - cut);
    out->len -= cut;
  }
  return true;
}

static bool write_all(int fd, const char *p, size_t n) {
  while (n > 0) {
    ssize_t w = write(fd, p, n);
    if (w < 0 && errno == EINTR) continue;
    if (w <= 0) {
      if (w == 0) errno = EIO;
      return false;
    }
    p += w;
    n -= (size_t)w;
  }
  return true;
}

/* Puts the newest half in the place of the file, whose lock is held. When that fails, it stays as it is. */
static void shorten(int fd, const char *path) {
  char fresh[PATH_CAP], *real = realpath(path, NULL); /* which may be a link to it */
  kl_buf kept = {0};
  int length = snprintf(fresh, sizeof fresh, "%s.%ld.new", real ? real : path, (long)getpid());
  int to = real && length > 0 && length < PATH_CAP && read_file(fd, FILE_MAX / 2, &kept) && kept.len > 0
               ? open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)
               : -1;
  if (to >= 0) {
    if (!write_all(to, kept.data, kept.len) || rename(fresh, real) != 0) unlink(fresh);
    close(to);
  }
  kl_buf_free(&kept);
  free(real);
}

static bool fail(kl_history *h, const char *path, int why, kl_error *e) {
  kl_error_set(e, KL_ERR_CONFIG, "the history of inputs is not kept: %s: %s", path,
               why == EWOULDBLOCK ? "another program holds its lock" : strerror(why));
  free(h->path);
  h->path = NULL;
  return false;
}

bool kl_history_open(kl_history *h, const char *path, kl_error *e) {
  struct stat st;
  kl_buf all = {0}, plain = {0};
  (void)kl_make_folders(path); /* the open tells what is wrong */
  int fd = open_locked(path);
  if (fd < 0) return fail(h, path, errno, e);
  if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
    close(fd);
    return fail(h, path, EISDIR, e);
  }
  if (!S_ISREG(st.st_mode)) {
    close(fd);
    return true;
  }
  if (st.st_mode & 077) (void)fchmod(fd, 0600); /* what somebody else's file is like is theirs to say */
  bool ok = read_file(fd, FILE_MAX, &all);
  int why = errno;
  close(fd);
  if (!ok) {
    kl_buf_free(&all);
    return fail(h, path, why, e);
  }
  for (size_t at = 0; at < all.len;) {
    const char *line = all.data + at, *end = memchr(line, '\n', all.len - at);
    size_t n = end ? (size_t)(end - line) : all.len - at;
    read_entry(h, line, n, &plain);
    at += n + 1;
  }
  kl_buf_free(&all);
  kl_buf_free(&plain);
  h->path = strdup(path);
  return h->path ? true : fail(h, path, ENOMEM, e);
}

/* Whole or not at all. */
static bool append(int fd, const kl_buf *line) {
  struct stat st;
  char last = '\n';
  if (fstat(fd, &st) != 0) return false;
  if (st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) != 1) return false;
  if ((last == '\n' || write_all(fd, "\n", 1)) && write_all(fd, line->data, line->len)) return true;
  int why = errno;
  if (ftruncate(fd, st.st_size) == 0) errno = why;
  return false;
}

static bool keep(kl_history *h, const char *p, size_t n, kl_error *e) {
  kl_buf line = {0};
  add_escaped(&line, p, n);
  if (line.failed) {
    kl_buf_free(&line);
    return fail(h, h->path, ENOMEM, e);
  }
  int fd = open_locked(h->path);
  if (fd < 0 && errno == ENOENT) { /* its folder was removed */
    (void)kl_make_folders(h->path);
    fd = open_locked(h->path);
  }
  bool ok = fd >= 0 && append(fd, &line);
  int why = errno;
  struct stat st;
  if (ok && fstat(fd, &st) == 0 && st.st_size > FILE_MAX) shorten(fd, h->path);
  if (fd >= 0) close(fd);
  kl_buf_free(&line);
  return ok ? true : fail(h, h->path, why, e);
}

bool kl_history_add(kl_history *h, const char *p, size_t n, kl_error *e) {
  while (n > 0 && (p[n - 1] == '\n' || p[n - 1] == ' ' || p[n - 1] == '\t'))
    n--;
  if (n == 0 || !push(h, p, n)) return true;
  if (!h->path || n > ENTRY_MAX || !kl_history_keeps(p, n)) return true;
  return keep(h, p, n, e);
}

/* ---- what is not written to the disk ---- */

enum { UUID_LENGTH = 36, UUID_QUOTED = UUID_LENGTH + 2 };

static bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

static bool is_uuid(const char *p, size_t n) {
  if (n < UUID_LENGTH) return false;
  for (size_t i = 0; i < UUID_LENGTH; i++) {
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? p[i] != '-' : !is_hex(p[i])) return false;
  }
  return true;
}

static bool speaks_of_keys(const char *p, size_t n) {
  for (size_t i = 0; i + 3 <= n; i++)
    if (strncasecmp(p + i, "key", 3) == 0) return true;
  return false;
}

/* The id of an order is a UUID as that of a key is: it is a key's where the line speaks of keys, or says nothing else.
 */
static bool has_key_id(const char *p, size_t n) {
  for (size_t i = 0; i + UUID_LENGTH <= n; i++)
    if (is_uuid(p + i, n - i) && (n <= UUID_QUOTED || speaks_of_keys(p, n))) return true;
  return false;
}

/* key = "…", and names that end so. */
static bool gives_key(const char *p, size_t n) {
  for (size_t i = 0; i + 3 <= n; i++) {
    if (strncasecmp(p + i, "key", 3) != 0) continue;
    size_t at = i + 3;
    while (at < n && (p[at] == ' ' || p[at] == '\t' || p[at] == '"' || p[at] == '\'' || p[at] == ']'))
      at++;
    if (at >= n || p[at] != '=') continue;
    for (at++; at < n && (p[at] == ' ' || p[at] == '\t'); at++) {
    }
    if (at < n && (p[at] == '"' || p[at] == '\'' || p[at] == '[')) return true;
  }
  return false;
}

bool kl_history_keeps(const char *p, size_t n) {
  if (n == 0 || p[0] == ' ' || p[0] == '\t' || p[0] == '\n') return false;
  return !kl_secret_found(p, n) && !has_key_id(p, n) && !gives_key(p, n);
}
