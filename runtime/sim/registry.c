#include "sim/registry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "sim/impl.h"
#include "sim/json_out.h"

enum { FILE_MOST = 4096 };

/* The folder's path; made where it is not there and `make` is set. False with errno when it is not there, or somebody
 * else could put files into it. */
static bool folder_of(char *out, size_t cap, bool make) {
  const char *base = getenv("XDG_RUNTIME_DIR");
  struct stat st;
  if (base && *base) {
    snprintf(out, cap, "%s/kalua", base);
  } else {
    base = getenv("TMPDIR");
    snprintf(out, cap, "%s/kalua-%u", base && *base ? base : "/tmp", (unsigned)geteuid());
  }
  if (make && mkdir(out, 0700) != 0 && errno != EEXIST) return false;
  if (lstat(out, &st) != 0) return false;
  if (S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 077)) return true;
  errno = EPERM;
  return false;
}

/* ---- of the simulator ---- */

static bool write_all(int fd, const kl_buf *b) {
  size_t done = 0;
  while (done < b->len) {
    ssize_t n = write(fd, b->data + done, b->len - done);
    if (n <= 0) return false;
    done += (size_t)n;
  }
  return true;
}

void kl_sim_registry_add(kl_sim *s) {
  char folder[400], fresh[460];
  kl_buf b = {0};
  s->listed_fd = -1;
  bool ok = folder_of(folder, sizeof folder, true);
  snprintf(fresh, sizeof fresh, "%s/sim-%ld-%d.new", folder, (long)getpid(), s->port);
  snprintf(s->listed, sizeof s->listed, "%s/sim-%ld-%d.json", folder, (long)getpid(), s->port);
  kl_buf_char(&b, '{');
  kl_sim_field_str(&b, "rest_url", s->rest_url);
  kl_sim_field_str(&b, "ca_path", s->ca_path);
  kl_sim_field_str(&b, "title", s->o.title);
  kl_sim_field_int(&b, "pid", getpid());
  kl_sim_field_int(&b, "started_ms", kl_wall_ms(kl_clock_real()));
  kl_buf_str(&b, "}\n");
  /* Under its name it is complete, and locked. */
  if (ok) s->listed_fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  ok = ok && s->listed_fd >= 0 && !b.failed && write_all(s->listed_fd, &b) &&
       flock(s->listed_fd, LOCK_EX | LOCK_NB) == 0 && rename(fresh, s->listed) == 0;
  kl_buf_free(&b);
  if (ok) return;
  kl_log_warn("sim", "not listed in %s: %s; `kalua trigger` finds it by --rest-url %s", folder, strerror(errno),
              s->rest_url);
  s->listed[0] = '\0';
  if (s->listed_fd < 0) return;
  unlink(fresh);
  close(s->listed_fd);
}

void kl_sim_registry_remove(kl_sim *s) {
  if (!s->listed[0]) return;
  unlink(s->listed);
  close(s->listed_fd);
  s->listed[0] = '\0';
}

/* ---- of those who look for one ---- */

static void copy_text(char *out, size_t cap, const json_t *o, const char *key) {
  const char *text = json_string_value(json_object_get(o, key));
  snprintf(out, cap, "%s", text ? text : "");
}

/* What a file says; false when it is nobody's any more (it is removed then), or cannot be read. */
static bool read_file(int folder, const char *name, kl_sim_listed *out) {
  char text[FILE_MOST];
  int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return false;
  if (flock(fd, LOCK_SH | LOCK_NB) == 0) {
    unlinkat(folder, name, 0);
    close(fd);
    return false;
  }
  ssize_t n = read(fd, text, sizeof text);
  close(fd);
  json_t *o = n > 0 ? json_loadb(text, (size_t)n, 0, NULL) : NULL;
  *out = (kl_sim_listed){.pid = json_integer_value(json_object_get(o, "pid")),
                         .started_ms = json_integer_value(json_object_get(o, "started_ms"))};
  copy_text(out->rest_url, sizeof out->rest_url, o, "rest_url");
  copy_text(out->ca_path, sizeof out->ca_path, o, "ca_path");
  copy_text(out->title, sizeof out->title, o, "title");
  json_decref(o);
  return out->rest_url[0] != '\0';
}

static int by_start(const void *a, const void *b) {
  const kl_sim_listed *x = a, *y = b;
  return (x->started_ms > y->started_ms) - (x->started_ms < y->started_ms);
}

bool kl_sim_registry_list(kl_sim_listed **out, size_t *n) {
  char path[400];
  bool ok = true;
  *out = NULL;
  *n = 0;
  DIR *d = folder_of(path, sizeof path, false) ? opendir(path) : NULL;
  for (struct dirent *f = d ? readdir(d) : NULL; f; f = readdir(d)) {
    size_t length = strlen(f->d_name);
    if (length < 5 || strcmp(f->d_name + length - 5, ".json") != 0) continue;
    kl_sim_listed *grown = realloc(*out, (*n + 1) * sizeof *grown);
    ok = grown != NULL;
    if (!ok) break;
    *out = grown;
    if (read_file(dirfd(d), f->d_name, &grown[*n])) ++*n;
  }
  if (d) closedir(d);
  if (*n > 1) qsort(*out, *n, sizeof **out, by_start);
  return ok;
}
