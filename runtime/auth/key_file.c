#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/internal.h"
#include "base/log.h"

/* Pages for the text of a key: kept out of swap and core dumps where the system allows, overwritten on release. One
 * byte more than the largest file, to see that a file is larger. */
enum { PAGES = KL_KEY_FILE_MAX + 4096 };

static char *take_pages(void) {
  void *p = mmap(NULL, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return NULL;
  /* Best effort both: RLIMIT_MEMLOCK may be zero. */
  (void)mlock(p, PAGES);
  (void)madvise(p, PAGES, MADV_DONTDUMP);
  return p;
}

static void give_back_pages(char *p) {
  OPENSSL_cleanse(p, PAGES);
  (void)munmap(p, PAGES);
}

static bool refuse_open(const char *path, int why, kl_error *e) {
  if ((why == ENOENT || why == ENOTDIR) && !strncmp(path, "~/", 2)) {
    kl_error_coded(e, KL_ERR_CONFIG, "key_not_found",
                   "%s: no such file; here nothing stands in for ~: write the whole path of the private key file",
                   path);
  } else if (why == ENOENT || why == ENOTDIR) {
    kl_error_coded(e, KL_ERR_CONFIG, "key_not_found",
                   "%s: no such file; name the private key file with --key FILE or KALSHI_PRIVATE_KEY_PATH", path);
  } else if (why == EACCES || why == EPERM) {
    kl_error_coded(e, KL_ERR_CONFIG, "key_unreadable",
                   "%s: no permission to read the private key; run as its owner, or as the owner: chmod 600 %s", path,
                   path);
  } else if (why == EISDIR) {
    kl_error_coded(e, KL_ERR_CONFIG, "key_unreadable", "%s: a folder, not a private key; name the file in it", path);
  } else {
    char text[128];
    kl_error_coded(e, KL_ERR_CONFIG, "key_unreadable",
                   "%s: the private key cannot be read: %s; check the path and the disk", path,
                   strerror_r(why, text, sizeof text));
  }
  return false;
}

static void warn_of_readers(const char *path, const struct stat *s) {
  if (S_ISREG(s->st_mode) && (s->st_mode & (S_IRWXG | S_IRWXO)) != 0)
    kl_log_warn("auth",
                "%s: others can get at this private key (mode %04o); run: chmod 600 %s (kalua explain key_too_open)",
                path, (unsigned)(s->st_mode & 07777), path);
}

/* Reads to the end, or to one byte beyond the largest size. -1 with errno on an error. */
static ssize_t read_key(int fd, char *out) {
  size_t n = 0;
  while (n <= KL_KEY_FILE_MAX) {
    ssize_t r = read(fd, out + n, KL_KEY_FILE_MAX + 1 - n);
    if (r < 0 && errno == EINTR) continue;
    if (r < 0) return -1;
    if (r == 0) break;
    n += (size_t)r;
  }
  return (ssize_t)n;
}

/* The text of a key file in pages of its own (give_back_pages); NULL after refusing. */
static char *read_file(const char *path, size_t *n, struct stat *s, kl_error *e) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) {
    (void)refuse_open(path, errno, e);
    return NULL;
  }
  char *text = NULL;
  ssize_t got = -1;
  if (fstat(fd, s) == 0) {
    text = take_pages();
    if (text) got = read_key(fd, text);
  }
  int why = errno;
  (void)close(fd);
  if (got >= 0) {
    *n = (size_t)got;
    return text;
  }
  if (text) give_back_pages(text);
  (void)refuse_open(path, why, e);
  return NULL;
}

bool kl_key_load_file(const char *path, kl_passphrase_fn ask, void *data, kl_key **out, kl_error *e) {
  struct stat s;
  size_t n;
  char *text = read_file(path, &n, &s, e);
  if (!text) return false;
  bool ok = kl_key_load_pem(text, n, path, ask, data, out, e);
  if (ok) warn_of_readers(path, &s);
  give_back_pages(text);
  return ok;
}

bool kl_key_file_look(const char *path, kl_key_file *out, kl_error *e) {
  static const char mark[] = "ENCRYPTED";
  struct stat s;
  size_t n;
  char *text = read_file(path, &n, &s, e);
  if (!text) return false;
  *out = (kl_key_file){.mode = (unsigned)(s.st_mode & 07777),
                       .regular = S_ISREG(s.st_mode),
                       .mine = s.st_uid == geteuid(),
                       .encrypted = memmem(text, n, mark, sizeof mark - 1) != NULL};
  give_back_pages(text);
  return true;
}

bool kl_public_key_load_file(const char *path, kl_passphrase_fn ask, void *data, kl_public_key **out, bool *is_private,
                             kl_error *e) {
  static const char mark[] = "PUBLIC KEY-----";
  struct stat s;
  size_t n;
  char *text = read_file(path, &n, &s, e);
  if (!text) return false;
  bool ok;
  *is_private = !memmem(text, n, mark, sizeof mark - 1);
  if (*is_private) {
    kl_key *k = NULL;
    ok = kl_key_load_pem(text, n, path, ask, data, &k, e);
    if (ok) {
      *out = kl_public_key_of(k);
      kl_key_release(k);
      ok = *out != NULL;
      if (!ok) kl_error_set(e, KL_ERR_INTERNAL, "%s: not enough memory for the key", path);
    }
  } else {
    kl_error own = {0};
    ok = kl_public_key_load_pem(text, n, out, &own);
    if (!ok) kl_error_coded(e, own.kind, own.code, "%s: %s", path, own.message);
  }
  give_back_pages(text);
  return ok;
}

static bool write_all(int fd, const char *p, size_t n) {
  while (n > 0) {
    ssize_t w = write(fd, p, n);
    if (w < 0 && errno == EINTR) continue;
    if (w < 0) return false;
    p += w;
    n -= (size_t)w;
  }
  return true;
}

static bool refuse_write(const char *path, int why, kl_error *e) {
  char text[128];
  kl_error_set(e, KL_ERR_CONFIG, "%s: the key file cannot be written: %s; %s", path, strerror_r(why, text, sizeof text),
               why == EEXIST ? "remove it first or choose another name" : "check the folder and the disk");
  return false;
}

/* PKCS#8 in memory that is overwritten when freed; NULL when there is none. */
static BIO *encode(const kl_key *k, char **text, long *n) {
  BIO *bio = BIO_new(BIO_s_secmem());
  bool encoded = bio && PEM_write_bio_PKCS8PrivateKey(bio, k->pkey, NULL, NULL, 0, NULL, NULL) == 1;
  *n = encoded ? BIO_get_mem_data(bio, text) : 0;
  ERR_clear_error();
  if (*n > 0) return bio;
  BIO_free(bio);
  return NULL;
}

bool kl_key_throwaway_pem(const kl_key *k, char *out, size_t cap, kl_error *e) {
  char *text = NULL;
  long n;
  BIO *bio = encode(k, &text, &n);
  bool fits = bio && (size_t)n < cap;
  if (fits) {
    memcpy(out, text, (size_t)n);
    out[n] = '\0';
  } else {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory to encode a key");
  }
  BIO_free(bio);
  return fits;
}

bool kl_key_write_file(const kl_key *k, const char *path, kl_error *e) {
  char *text = NULL;
  long n;
  BIO *bio = encode(k, &text, &n);
  if (!bio) {
    kl_error_set(e, KL_ERR_INTERNAL, "%s: not enough memory to encode the key", path);
    return false;
  }
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
  if (fd < 0) {
    int why = errno;
    BIO_free(bio);
    return refuse_write(path, why, e);
  }
  bool ok = write_all(fd, text, (size_t)n);
  int why = errno;
  if (close(fd) != 0 && ok) {
    ok = false;
    why = errno;
  }
  BIO_free(bio);
  if (ok) return true;
  (void)unlink(path); /* ours: it was created just now */
  return refuse_write(path, why, e);
}
