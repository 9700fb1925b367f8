#include "script/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "script/internal.h"

enum { PROC_FILES = 0x9fa0 }; /* PROC_SUPER_MAGIC of linux/magic.h */

/* Registry keys: a table of real paths that may be read and written, one of those that may only be read, and the
 * identities of the host's secret files. */
static const char write_key = 0, read_key = 0, secret_key = 0;

typedef struct {
  dev_t device;
  ino_t file;
} identity;

typedef struct {
  size_t n;
  identity of[];
} identities;

/* ---- errors ---- */

static int refuse(kl_path_error *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int refuse(kl_path_error *e, const char *fmt, ...) {
  *e = (kl_path_error){.refused = true};
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(e->text, sizeof e->text, fmt, ap);
  va_end(ap);
  return -1;
}

static int failure(kl_path_error *e, const char *path, int code, const char *why) {
  *e = (kl_path_error){.code = code};
  snprintf(e->text, sizeof e->text, "%.300s: %s", path, why ? why : strerror(code));
  return -1;
}

/* ---- names ---- */

static bool below(const char *path, const char *folder) {
  size_t n = strlen(folder);
  while (n > 1 && folder[n - 1] == '/')
    n--;
  return strncmp(path, folder, n) == 0 && (path[n] == 0 || path[n] == '/' || n == 1);
}

/* Where the path is or would be: the real path of as much of it as there is, and the rest as it is written. False for
 * one that is too long, or whose rest has "..". */
static bool place(const char *path, char out[PATH_MAX]) {
  if (realpath(path, out)) return true;
  char whole[PATH_MAX];
  size_t n = strlen(path);
  if (path[0] != '/') { /* relative ones have an end to stop at, too */
    if (!getcwd(whole, sizeof whole) || strlen(whole) + n + 2 > sizeof whole) return false;
    (void)snprintf(whole + strlen(whole), sizeof whole - strlen(whole), "/%s", path);
    n = strlen(whole);
  } else {
    if (n >= sizeof whole) return false;
    memcpy(whole, path, n + 1);
  }
  size_t cut = n;
  for (;;) {
    while (cut > 0 && whole[cut - 1] != '/')
      cut--;
    while (cut > 0 && whole[cut - 1] == '/')
      cut--;
    if (cut == 0) {
      memcpy(out, "/", 2);
      break;
    }
    char kept = whole[cut];
    whole[cut] = 0;
    bool there = realpath(whole, out) != NULL;
    whole[cut] = kept;
    if (there) break;
  }
  size_t used = strcmp(out, "/") == 0 ? 0 : strlen(out);
  for (const char *p = whole + cut; *p;) {
    p += strspn(p, "/");
    size_t part = strcspn(p, "/");
    if (part == 0) break;
    if (part == 2 && p[0] == '.' && p[1] == '.') return false;
    if (part == 1 && p[0] == '.') {
      p += part;
      continue;
    }
    if (used + part + 2 > PATH_MAX) return false;
    out[used++] = '/';
    memcpy(out + used, p, part);
    used += part;
    out[used] = 0;
    p += part;
  }
  return true;
}

/* Where an open descriptor is, as the kernel names it. */
static bool where_is(int fd, char out[PATH_MAX]) {
  char link[48];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, out, PATH_MAX - 1);
  if (n < 0) return false;
  out[n] = 0;
  return true;
}

/* ---- permissions ---- */

static bool has_read_only_end(const char *path, size_t n) { return n > 3 && strcmp(path + n - 3, ":ro") == 0; }

static void note_folders(lua_State *L, const char *const *fs) {
  lua_newtable(L);
  lua_newtable(L); /* written read */
  for (; fs && *fs; fs++) {
    char path[PATH_MAX], real[PATH_MAX];
    size_t n = strlen(*fs);
    bool only_read = has_read_only_end(*fs, n);
    if (only_read) n -= 3;
    if (n == 0 || n >= sizeof path) continue;
    memcpy(path, *fs, n);
    path[n] = 0;
    if (!place(path, real)) continue;
    int table = only_read ? -1 : -2;
    lua_Integer last = (lua_Integer)lua_rawlen(L, table);
    lua_pushstring(L, real);
    lua_rawseti(L, table - 1, last + 1);
  }
  lua_rawsetp(L, LUA_REGISTRYINDEX, &read_key);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &write_key);
}

/* A secret file that is moved or replaced later is known by what it was, too. */
static void note_secrets(lua_State *L) {
  const char *const *files = kl_script_of(L)->host->o.secret_files;
  size_t n = 0;
  while (files && files[n])
    n++;
  identities *list = lua_newuserdatauv(L, sizeof *list + n * sizeof *list->of, 0);
  list->n = 0;
  for (size_t i = 0; i < n; i++) {
    struct stat st;
    if (stat(files[i], &st) == 0) list->of[list->n++] = (identity){st.st_dev, st.st_ino};
  }
  lua_rawsetp(L, LUA_REGISTRYINDEX, &secret_key);
}

void kl_paths_note(lua_State *L) {
  const kl_permissions allow = kl_script_permissions(kl_script_of(L));
  note_folders(L, allow.fs);
  note_secrets(L);
}

bool kl_paths_any(lua_State *L) {
  const kl_permissions allow = kl_script_permissions(kl_script_of(L));
  return allow.all || (allow.fs && *allow.fs);
}

static bool in_list(lua_State *L, const void *key, const char *real) {
  bool found = false;
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, key) == LUA_TTABLE) {
    for (lua_Integer i = 1; !found && lua_rawgeti(L, -1, i) == LUA_TSTRING; i++) {
      found = below(real, lua_tostring(L, -1));
      lua_pop(L, 1);
    }
    if (!found) lua_pop(L, 1); /* the nil behind the last */
  }
  lua_pop(L, 1);
  return found;
}

static bool allowed(lua_State *L, const char *real, bool writing) {
  if (kl_script_permissions(kl_script_of(L)).all) return true;
  return in_list(L, &write_key, real) || (!writing && in_list(L, &read_key, real));
}

/* What is refused names the flag that gives it; `real` is NULL where the place is not known. */
static int refuse_path(lua_State *L, const char *path, const char *real, bool writing, kl_path_error *e) {
  if (writing && real && in_list(L, &read_key, real))
    return refuse(e, "the script may only read the file %.300s: run it with --allow-fs PATH, without \":ro\"", path);
  return refuse(e,
                "the script may not use the file %.300s: run it with --allow-fs PATH, where PATH is the file or a "
                "folder above it",
                path);
}

static bool is_secret(lua_State *L, const struct stat *st) {
  bool found = false;
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &secret_key) == LUA_TUSERDATA) {
    const identities *list = lua_touserdata(L, -1);
    for (size_t i = 0; i < list->n && !found; i++)
      found = list->of[i].device == st->st_dev && list->of[i].file == st->st_ino;
  }
  lua_pop(L, 1);
  struct stat now;
  for (const char *const *f = kl_script_of(L)->host->o.secret_files; !found && f && *f; f++)
    found = stat(*f, &now) == 0 && now.st_dev == st->st_dev && now.st_ino == st->st_ino;
  return found;
}

/* `real` is in the folder that no script gets; or, with `whole`, is one above it, with which it would go. */
static bool is_in_secret_folder(lua_State *L, const char *real, bool whole) {
  const char *folder = kl_script_of(L)->host->o.secret_folder;
  char there[PATH_MAX];
  return folder && place(folder, there) && (below(real, there) || (whole && below(there, real)));
}

/* `real` has the name of a file of settings in the working folder, whether there is one yet or not: written by a script
 * it would say on which account, and by which limits, is traded. */
static bool is_settings(lua_State *L, const char *real) {
  const char *settings = kl_script_of(L)->host->o.secret_settings, *name = strrchr(real, '/');
  char here[PATH_MAX];
  if (!settings || !name || !getcwd(here, sizeof here)) return false;
  size_t n = strlen(settings), folder = (size_t)(name - real), len = strlen(here);
  if (strncmp(name + 1, settings, n) != 0 || (name[n + 1] != 0 && name[n + 1] != '.')) return false;
  return len == 1 ? folder == 0 : folder == len && strncmp(real, here, len) == 0;
}

/* What no permission gives: a file that is there, at `real`. */
static bool is_withheld(lua_State *L, const struct stat *st, const char *real) {
  return is_secret(L, st) || is_settings(L, real) || is_in_secret_folder(L, real, false);
}

static int refuse_secret(const char *path, kl_path_error *e) {
  return refuse(e, "%.300s holds a private key, settings or data of this program: no flag gives it to a script", path);
}

/* Of /proc a script may read what says how much of something is used; the rest shows memory, environments and open
 * files of processes, this one among them. */
static bool harmless_in_proc(const char *real) {
  static const char *const names[] = {"status", "stat", "statm", "loadavg", "meminfo", "uptime", "cpuinfo", "version"};
  const char *name = strrchr(real, '/');
  for (size_t i = 0; name && i < sizeof names / sizeof *names; i++)
    if (strcmp(name + 1, names[i]) == 0) return true;
  return false;
}

/* ---- opening ---- */

/* Opens again, for use, what `at` (O_PATH) stands for, once it is known to be allowed. */
static int reopen(lua_State *L, int at, const char *path, int flags, kl_path_error *e) {
  char real[PATH_MAX], self[48];
  struct stat st;
  struct statfs fs;
  bool writing = (flags & O_ACCMODE) != O_RDONLY;
  if (!where_is(at, real)) return failure(e, path, errno, "cannot be looked at: /proc is not there");
  if (!allowed(L, real, writing)) return refuse_path(L, path, real, writing, e);
  if (fstat(at, &st) != 0 || fstatfs(at, &fs) != 0) return failure(e, path, errno, NULL);
  if (is_withheld(L, &st, real)) return refuse_secret(path, e);
  if (S_ISREG(st.st_mode) && fs.f_type == PROC_FILES && (writing || !harmless_in_proc(real)))
    return refuse(e, "%.300s shows the inside of processes: no flag gives it to a script", path);
  if (st.st_nlink == 0) return failure(e, path, ENOENT, NULL);
  if (flags & O_EXCL) return failure(e, path, EEXIST, NULL);
  if (S_ISDIR(st.st_mode)) return failure(e, path, EISDIR, NULL);
  if (!S_ISREG(st.st_mode)) return failure(e, path, EINVAL, "not a regular file"); /* a pipe would stop every script */
  snprintf(self, sizeof self, "/proc/self/fd/%d", at);
  int fd = open(self, (flags & ~(O_CREAT | O_EXCL)) | O_CLOEXEC | O_NOCTTY);
  return fd >= 0 ? fd : failure(e, path, errno, NULL);
}

/* Opens the folder that `path` names something in, and checks that the script may change it there. Copies the name. */
static int open_parent(lua_State *L, const char *path, char name[NAME_MAX + 1], kl_path_error *e) {
  char folder[PATH_MAX], real[PATH_MAX];
  size_t n = strlen(path);
  while (n > 1 && path[n - 1] == '/')
    n--;
  size_t start = n;
  while (start > 0 && path[start - 1] != '/')
    start--;
  size_t len = n - start;
  bool dots = len == 0 || (path[start] == '.' && (len == 1 || (len == 2 && path[start + 1] == '.')));
  if (len > NAME_MAX || start >= sizeof folder) return failure(e, path, ENAMETOOLONG, NULL);
  memcpy(name, path + start, len);
  name[len] = 0;
  memcpy(folder, start ? path : ".", start ? start : 1);
  folder[start ? start : 1] = 0;
  int parent = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int why = errno;
  bool known = parent >= 0 ? where_is(parent, real) : place(folder, real);
  size_t used = known ? strlen(real) : 0;
  if (known && used + len + 2 <= sizeof real) snprintf(real + used, sizeof real - used, used == 1 ? "%s" : "/%s", name);
  if (!known || used + len + 2 > sizeof real || !allowed(L, real, true)) {
    if (parent >= 0) close(parent);
    return refuse_path(L, path, known ? real : NULL, true, e);
  }
  if (is_settings(L, real) || is_in_secret_folder(L, real, true)) {
    if (parent >= 0) close(parent);
    return refuse_secret(path, e);
  }
  if (parent >= 0 && dots) {
    close(parent);
    return failure(e, path, EINVAL, NULL);
  }
  return parent >= 0 ? parent : failure(e, path, why, NULL);
}

/* A file that is not there yet; its folder is. EEXIST when somebody else was faster, or it is a link into nowhere. */
static int create(lua_State *L, const char *path, int flags, kl_path_error *e) {
  char name[NAME_MAX + 1];
  if (path[0] && path[strlen(path) - 1] == '/') return failure(e, path, EISDIR, NULL);
  int parent = open_parent(L, path, name, e);
  if (parent < 0) return -1;
  int fd = openat(parent, name, (flags & ~O_TRUNC) | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  int why = errno;
  close(parent);
  return fd >= 0 ? fd : failure(e, path, why, NULL);
}

int kl_path_open(lua_State *L, const char *path, int flags, kl_path_error *e) {
  bool writing = (flags & O_ACCMODE) != O_RDONLY;
  luaL_checkstack(L, 4, NULL);
  for (int i = 0; i < 4; i++) {
    int at = open(path, O_PATH | O_CLOEXEC);
    if (at >= 0) {
      int fd = reopen(L, at, path, flags, e);
      close(at);
      return fd;
    }
    int why = errno;
    if (why == ENOENT && flags & O_CREAT) {
      int fd = create(L, path, flags, e);
      if (fd >= 0 || e->refused || e->code != EEXIST) return fd;
      continue;
    }
    /* Whether there is such a file is told only below what is allowed. */
    char real[PATH_MAX];
    bool known = place(path, real);
    if (!kl_script_permissions(kl_script_of(L)).all && (!known || !allowed(L, real, writing)))
      return refuse_path(L, path, known ? real : NULL, writing, e);
    return failure(e, path, why, NULL);
  }
  return failure(e, path, ELOOP, "a link to a file that is not there");
}

/* ---- removing and moving ---- */

static bool holds_secret(lua_State *L, int parent, const char *name) {
  struct stat st;
  return fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && is_secret(L, &st);
}

bool kl_path_remove(lua_State *L, const char *path, kl_path_error *e) {
  char name[NAME_MAX + 1];
  luaL_checkstack(L, 4, NULL);
  int parent = open_parent(L, path, name, e);
  if (parent < 0) return false;
  bool ok = false;
  if (holds_secret(L, parent, name)) {
    refuse_secret(path, e);
  } else {
    ok = unlinkat(parent, name, 0) == 0 || (errno == EISDIR && unlinkat(parent, name, AT_REMOVEDIR) == 0);
    if (!ok) failure(e, path, errno, NULL);
  }
  close(parent);
  return ok;
}

bool kl_path_rename(lua_State *L, const char *from, const char *to, kl_path_error *e) {
  char from_name[NAME_MAX + 1], to_name[NAME_MAX + 1];
  luaL_checkstack(L, 4, NULL);
  int a = open_parent(L, from, from_name, e);
  if (a < 0) return false;
  int b = open_parent(L, to, to_name, e);
  if (b < 0) {
    close(a);
    return false;
  }
  bool ok = false;
  if (holds_secret(L, a, from_name)) {
    refuse_secret(from, e);
  } else if (holds_secret(L, b, to_name)) {
    refuse_secret(to, e);
  } else {
    ok = renameat(a, from_name, b, to_name) == 0;
    if (!ok) failure(e, from, errno, NULL);
  }
  close(a);
  close(b);
  return ok;
}

/* ---- modules ---- */

bool kl_path_check_module(lua_State *L, const char *folder, const char *path, kl_path_error *e) {
  char real[PATH_MAX], real_folder[PATH_MAX];
  struct stat st;
  if (!realpath(path, real) || stat(real, &st) != 0) return true;
  luaL_checkstack(L, 4, NULL);
  if (is_withheld(L, &st, real)) {
    refuse_secret(path, e);
    return false;
  }
  if ((realpath(folder, real_folder) && below(real, real_folder)) || allowed(L, real, false)) return true;
  refuse(e,
         "the module %.200s is a link to a file outside of its folder: run the script with --allow-fs PATH of that "
         "file, or put its folder into KALUA_PATH",
         path);
  return false;
}
