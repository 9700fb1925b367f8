#include "cli/web_token.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/state_folder.h"

enum { TOKEN_BYTES = 32 };

static bool failed(const char *path, const char *what, kl_error *e) {
  kl_error_set(e, KL_ERR_CONFIG, "the token of --web: cannot %s %.400s: %s", what, path, strerror(errno));
  return false;
}

static bool is_token(const char *s) {
  return strlen(s) == KL_WEB_TOKEN_SIZE - 1 && s[strspn(s, "0123456789abcdef")] == '\0';
}

/* ENOENT in errno where there is none, with `e` untouched. */
static bool read_file(const char *path, char out[KL_WEB_TOKEN_SIZE], kl_error *e) {
  struct stat st;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) {
    if (errno == ENOENT) return false;
    return failed(path, "open", e);
  }
  bool ok = fstat(fd, &st) == 0;
  if (!ok) (void)failed(path, "look at", e);
  if (ok && (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077))) {
    ok = false;
    kl_error_set(
        e, KL_ERR_CONFIG,
        "the token of --web: others can read or change %.400s (mode %03o): remove it, and the next start makes "
        "a new one",
        path, (unsigned)(st.st_mode & 0777));
  }
  if (ok) {
    ssize_t n = read(fd, out, KL_WEB_TOKEN_SIZE - 1);
    char more[2];
    out[n > 0 ? n : 0] = '\0';
    ssize_t rest = read(fd, more, sizeof more); /* a newline at most */
    ok = is_token(out) && (rest == 0 || (rest == 1 && more[0] == '\n'));
    if (!ok)
      kl_error_set(
          e, KL_ERR_CONFIG,
          "the token of --web: %.400s does not hold 64 hex digits: remove it, and the next start makes a new one",
          path);
  }
  close(fd);
  errno = EEXIST;
  return ok;
}

/* Written beside it and linked into its place, so that two processes that start at once agree on one. */
static bool make_file(const char *path, kl_error *e) {
  unsigned char bytes[TOKEN_BYTES];
  char text[KL_WEB_TOKEN_SIZE + 1], beside[PATH_MAX];
  if (RAND_bytes(bytes, sizeof bytes) != 1) {
    kl_error_set(e, KL_ERR_INTERNAL, "the token of --web: OpenSSL has no random numbers");
    return false;
  }
  for (size_t i = 0; i < sizeof bytes; i++)
    snprintf(text + 2 * i, 3, "%02x", bytes[i]);
  text[KL_WEB_TOKEN_SIZE - 1] = '\n';
  OPENSSL_cleanse(bytes, sizeof bytes);
  snprintf(beside, sizeof beside, "%.3900s.%ld", path, (long)getpid());
  (void)unlink(beside); /* of a process of that number that was killed */
  int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return failed(beside, "make", e);
  bool ok = write(fd, text, KL_WEB_TOKEN_SIZE) == KL_WEB_TOKEN_SIZE && fsync(fd) == 0;
  ok = close(fd) == 0 && ok;
  if (!ok) (void)failed(beside, "write", e);
  if (ok && link(beside, path) != 0 && errno != EEXIST) ok = failed(path, "make", e);
  (void)unlink(beside);
  OPENSSL_cleanse(text, sizeof text);
  return ok;
}

bool kl_web_token_get(char out[KL_WEB_TOKEN_SIZE], kl_error *e) {
  char path[PATH_MAX];
  if (!kl_state_path(path, sizeof path, "web-token", true)) return failed(path, "make the folder of", e);
  bool ok = read_file(path, out, e);
  if (!ok && errno == ENOENT) ok = make_file(path, e) && read_file(path, out, e);
  if (ok) kl_log_redact(out);
  return ok;
}
