#include "control/listing.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json_fields.h"
#include "base/runtime_folder.h"

#define PREFIX "run-"
#define SUFFIX ".json"
#define NAMES_LOCK "names.lock"

enum { FILE_MOST = 1 << 20, LOCK_TRIES = 200, LOCK_PAUSE_MS = 5, BASE_MAX = KL_LISTED_NAME - 24 };

struct kl_listing {
  int folder, fd;
  char path[4096];
  char file[64], socket[64];
  int64_t started_ms;
  char **names; /* owned */
  size_t n_names;
  kl_listed_account *accounts; /* owned, with their texts */
  size_t n_accounts;
};

/* The texts of an account, by the names that they have in the file. */
enum { ACCOUNT_FIELDS = 7 };
static const char *const account_keys[ACCOUNT_FIELDS] = {"env",      "rest_url", "ca_file", "key_id",
                                                         "key_path", "profile",  "settings"};
static void account_texts(kl_listed_account *a, const char **out[ACCOUNT_FIELDS]) {
  const char **texts[ACCOUNT_FIELDS] = {&a->env,      &a->rest_url, &a->ca_file, &a->key_id,
                                        &a->key_path, &a->profile,  &a->settings};
  memcpy(out, texts, sizeof texts);
}

static void account_free(kl_listed_account *a) {
  const char **texts[ACCOUNT_FIELDS];
  account_texts(a, texts);
  for (size_t i = 0; i < ACCOUNT_FIELDS; i++)
    free((char *)(uintptr_t)*texts[i]);
  *a = (kl_listed_account){0};
}

static void accounts_free(kl_listed_account *all, size_t n) {
  for (size_t i = 0; i < n; i++)
    account_free(&all[i]);
  free(all);
}

/* A new one at the end; NULL when memory is out. */
static kl_listed_account *account_add(kl_listed_account **all, size_t *n) {
  kl_listed_account *grown = realloc(*all, (*n + 1) * sizeof *grown);
  if (!grown) return NULL;
  *all = grown;
  grown[*n] = (kl_listed_account){0};
  return &grown[(*n)++];
}

/* ---- of a process that runs ---- */

static void write_listing(const kl_listing *l, kl_buf *b) {
  kl_buf_char(b, '{');
  kl_json_key(b, "accounts");
  kl_buf_char(b, '[');
  for (size_t k = 0; k < l->n_accounts; k++) {
    const char **texts[ACCOUNT_FIELDS];
    account_texts(&l->accounts[k], texts);
    kl_buf_str(b, k ? ",{" : "{");
    for (size_t i = 0; i < ACCOUNT_FIELDS; i++)
      if (*texts[i]) kl_json_field_str(b, account_keys[i], *texts[i]);
    kl_buf_char(b, '}');
  }
  kl_buf_char(b, ']');
  kl_json_field_int(b, "pid", getpid());
  kl_json_field_int(b, "started_ms", l->started_ms);
  kl_json_field_str(b, "socket", l->socket);
  kl_json_key(b, "names");
  kl_buf_char(b, '[');
  for (size_t i = 0; i < l->n_names; i++) {
    if (i > 0) kl_buf_char(b, ',');
    kl_buf_json_cstr(b, l->names[i]);
  }
  kl_buf_str(b, "]}\n");
}

static bool list_it(kl_listing *l) {
  kl_buf b = {0};
  write_listing(l, &b);
  bool ok = !b.failed;
  if (!ok) {
    errno = ENOMEM;
  } else if (l->fd >= 0) {
    ok = kl_runtime_relist(l->folder, l->file, b.data, b.len, &l->fd);
  } else {
    l->fd = kl_runtime_list(l->folder, l->file, b.data, b.len);
    ok = l->fd >= 0;
  }
  int why = errno;
  kl_buf_free(&b);
  errno = why;
  return ok;
}

static void set_error(kl_error *e, const char *path, int why) {
  kl_error_coded(e, KL_ERR_CONFIG, "runtime_folder_unusable", "the folder of running scripts, %.300s: %s", path,
                 why == EPERM ? "it must belong to this user and be closed to others" : strerror(why));
}

bool kl_listing_open(kl_listing **out, kl_error *e) {
  kl_listing *l = calloc(1, sizeof *l);
  if (!l) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
    return false;
  }
  l->fd = -1;
  l->started_ms = kl_wall_ms(kl_clock_real());
  /* The time tells processes apart that have the same number in containers of their own. */
  snprintf(l->file, sizeof l->file, PREFIX "%ld-%llx" SUFFIX, (long)getpid(), (unsigned long long)l->started_ms);
  snprintf(l->socket, sizeof l->socket, PREFIX "%ld-%llx.sock", (long)getpid(), (unsigned long long)l->started_ms);
  l->folder = kl_runtime_folder_open(l->path, sizeof l->path, true);
  if (l->folder >= 0) {
    *out = l;
    return true;
  }
  set_error(e, l->path, errno);
  kl_listing_close(l);
  return false;
}

bool kl_listing_publish(kl_listing *l, kl_error *e) {
  if (list_it(l)) return true;
  set_error(e, l->path, errno);
  return false;
}

bool kl_listing_account(kl_listing *l, const kl_listed_account *a) {
  kl_listed_account given = *a, copy = {0};
  const char **from[ACCOUNT_FIELDS], **to[ACCOUNT_FIELDS];
  bool ok = true;
  account_texts(&given, from);
  account_texts(&copy, to);
  for (size_t i = 0; i < ACCOUNT_FIELDS; i++) {
    if (!*from[i]) continue;
    *to[i] = strdup(*from[i]);
    ok = ok && *to[i];
  }
  kl_listed_account *place = ok ? account_add(&l->accounts, &l->n_accounts) : NULL;
  if (place)
    *place = copy;
  else
    account_free(&copy);
  return place != NULL;
}

bool kl_listing_in_place(const kl_listing *l) {
  struct stat folder, there, mine;
  return l->fd >= 0 && stat(l->path, &there) == 0 && fstat(l->folder, &folder) == 0 && there.st_ino == folder.st_ino &&
         fstat(l->fd, &mine) == 0 && mine.st_nlink > 0 && fstatat(l->folder, l->socket, &there, 0) == 0;
}

bool kl_listing_reopen(kl_listing *l, kl_error *e) {
  int folder = kl_runtime_folder_open(l->path, sizeof l->path, true);
  if (folder < 0) {
    set_error(e, l->path, errno);
    return false;
  }
  if (l->fd >= 0) kl_runtime_unlist(l->folder, l->file, l->fd);
  l->fd = -1;
  close(l->folder);
  l->folder = folder;
  return true;
}

void kl_listing_close(kl_listing *l) {
  if (!l) return;
  if (l->folder >= 0) {
    unlinkat(l->folder, l->socket, 0);
    if (l->fd >= 0) kl_runtime_unlist(l->folder, l->file, l->fd);
    close(l->folder);
  }
  for (size_t i = 0; i < l->n_names; i++)
    free(l->names[i]);
  free(l->names);
  accounts_free(l->accounts, l->n_accounts);
  free(l);
}

int kl_listing_folder(const kl_listing *l) { return l->folder; }
const char *kl_listing_path(const kl_listing *l) { return l->path; }
const char *kl_listing_socket(const kl_listing *l) { return l->socket; }

/* A path that is too long for an address is written in another way: through the descriptor of the folder. */
bool kl_listing_address(struct sockaddr_un *out, int folder, const char *path, const char *name) {
  *out = (struct sockaddr_un){.sun_family = AF_UNIX};
  int n = snprintf(out->sun_path, sizeof out->sun_path, "%s/%s", path, name);
  if (n >= 0 && (size_t)n < sizeof out->sun_path) return true;
  n = snprintf(out->sun_path, sizeof out->sun_path, "/proc/self/fd/%d/%s", folder, name);
  return n >= 0 && (size_t)n < sizeof out->sun_path;
}

/* ---- names ---- */

/* So that two processes that start at a time do not take the same name. -1 where somebody has held it for a second: no
 * name is worth waiting longer. */
static int lock_names(int folder) {
  int fd = openat(folder, NAMES_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  for (int i = 0; fd >= 0 && i < LOCK_TRIES; i++) {
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
    nanosleep(&(struct timespec){.tv_nsec = LOCK_PAUSE_MS * 1000000L}, NULL);
  }
  if (fd >= 0) close(fd);
  return -1;
}

/* Bytes of the UTF-8 character at p that has a place in a name; 0: none has. */
static size_t printable_at(const unsigned char *p) {
  size_t n = *p < 0x80                 ? 1
             : *p >= 0xC2 && *p < 0xE0 ? 2
             : *p >= 0xE0 && *p < 0xF0 ? 3
             : *p >= 0xF0 && *p < 0xF5 ? 4
                                       : 0;
  if (n == 1) return *p >= 0x20 && *p != 0x7F && *p != '/' ? 1 : 0;
  if (n == 0 || (*p == 0xC2 && p[1] < 0xA0)) return 0; /* C1 controls */
  if ((*p == 0xE0 && p[1] < 0xA0) || (*p == 0xED && p[1] >= 0xA0) || (*p == 0xF0 && p[1] < 0x90) ||
      (*p == 0xF4 && p[1] >= 0x90))
    return 0;
  for (size_t i = 1; i < n; i++)
    if ((p[i] & 0xC0) != 0x80) return 0; /* a NUL, too */
  return n;
}

static void clean_name(const char *wanted, char out[KL_LISTED_NAME]) {
  const unsigned char *p = (const unsigned char *)wanted;
  size_t len = 0;
  while (*p && len < BASE_MAX) {
    size_t n = printable_at(p);
    if (len + n > BASE_MAX) break;
    if (n == 0) {
      out[len++] = '_';
      p++;
    }
    for (size_t i = 0; i < n; i++)
      out[len++] = (char)*p++;
  }
  if (len == 0) out[len++] = '_';
  out[len] = 0;
}

static bool is_taken(const kl_listed *all, size_t n, const kl_listing *l, const char *name) {
  for (size_t i = 0; i < l->n_names; i++)
    if (strcmp(l->names[i], name) == 0) return true;
  for (size_t i = 0; i < n; i++) {
    for (size_t k = 0; k < all[i].n_names; k++)
      if (strcmp(all[i].names[k], name) == 0) return true;
  }
  return false;
}

static bool add_name(kl_listing *l, const char *name) {
  char **grown = realloc(l->names, (l->n_names + 1) * sizeof(char *));
  char *copy = grown ? strdup(name) : NULL;
  if (grown) l->names = grown;
  if (!copy) {
    errno = ENOMEM;
    return false;
  }
  grown[l->n_names++] = copy;
  return list_it(l);
}

bool kl_listing_name(kl_listing *l, const char *wanted, char out[KL_LISTED_NAME], kl_error *e) {
  char base[KL_LISTED_NAME];
  kl_listed *all = NULL;
  size_t n = 0;
  clean_name(wanted, base);
  memcpy(out, base, sizeof base);
  int lock = lock_names(l->folder);
  bool ok = kl_listed_all(&all, &n, e);
  for (unsigned i = 2; is_taken(all, n, l, out); i++)
    snprintf(out, KL_LISTED_NAME, "%.*s-%u", BASE_MAX, base, i);
  kl_listed_free(all, n);
  if (ok && !add_name(l, out)) {
    set_error(e, l->path, errno);
    ok = false;
  }
  if (lock >= 0) close(lock);
  return ok;
}

/* ---- of those who look for one ---- */

typedef struct found {
  kl_listed *all;
  size_t n;
  bool failed; /* memory */
} found;

/* Names that the object has; those that are no text are passed over. */
static bool copy_names(kl_listed *out, const json_t *names) {
  size_t n = json_array_size(names);
  out->names = calloc(n ? n : 1, sizeof(char *));
  for (size_t i = 0; out->names && i < n; i++) {
    const char *name = json_string_value(json_array_get(names, i));
    char *copy = name ? strdup(name) : NULL;
    if (name && !copy) return false;
    if (copy) out->names[out->n_names++] = copy;
  }
  return out->names != NULL;
}

static bool copy_account(kl_listed *out, const json_t *o) {
  const char **texts[ACCOUNT_FIELDS];
  kl_listed_account *a = account_add(&out->accounts, &out->n_accounts);
  if (!a) return false;
  account_texts(a, texts);
  for (size_t i = 0; i < ACCOUNT_FIELDS; i++) {
    const char *text = json_string_value(json_object_get(o, account_keys[i]));
    if (text && !(*texts[i] = strdup(text))) return false;
  }
  return true;
}

/* A process of an older version has one, beside its other fields. */
static bool copy_accounts(kl_listed *out, const json_t *o) {
  const json_t *all = json_object_get(o, "accounts"), *one;
  size_t i;
  if (!all && json_object_get(o, "key_id")) return copy_account(out, o);
  json_array_foreach(all, i, one) if (!copy_account(out, one)) return false;
  return true;
}

static bool add_found(void *data, const char *name, const char *text, size_t n) {
  found *f = data;
  (void)name;
  json_t *o = json_loadb(text, n, 0, NULL);
  const char *socket = json_string_value(json_object_get(o, "socket"));
  if (socket && !strchr(socket, '/')) {
    kl_listed *grown = realloc(f->all, (f->n + 1) * sizeof *grown);
    if (grown) {
      f->all = grown;
      kl_listed *one = &grown[f->n++];
      *one = (kl_listed){.pid = json_integer_value(json_object_get(o, "pid")),
                         .started_ms = json_integer_value(json_object_get(o, "started_ms")),
                         .socket = strdup(socket)};
      f->failed = !one->socket || !copy_names(one, json_object_get(o, "names")) || !copy_accounts(one, o);
    } else {
      f->failed = true;
    }
  }
  json_decref(o);
  return !f->failed;
}

/* The socket of a killed process goes with its file. */
static void remove_socket(void *data, int folder, const char *name) {
  char socket[80];
  (void)data;
  size_t n = strlen(name) - (sizeof SUFFIX - 1);
  if (n >= sizeof socket - sizeof ".sock") return;
  snprintf(socket, sizeof socket, "%.*s.sock", (int)n, name);
  unlinkat(folder, socket, 0);
}

static int by_start(const void *a, const void *b) {
  const kl_listed *x = a, *y = b;
  if (x->started_ms != y->started_ms) return x->started_ms > y->started_ms ? 1 : -1;
  return (x->pid > y->pid) - (x->pid < y->pid);
}

bool kl_listed_all(kl_listed **out, size_t *n, kl_error *e) {
  found f = {0};
  char path[4096];
  *out = NULL;
  *n = 0;
  int folder = kl_runtime_folder_open(path, sizeof path, false);
  if (folder < 0 && errno == ENOENT) return true;
  kl_runtime_visit v = {
      .prefix = PREFIX, .suffix = SUFFIX, .most = FILE_MOST, .listed = add_found, .gone = remove_socket, .data = &f};
  bool ok = folder >= 0 && kl_runtime_each(folder, &v);
  int why = f.failed ? ENOMEM : errno;
  if (folder >= 0) close(folder);
  if (!ok || f.failed) {
    set_error(e, path, why);
    kl_listed_free(f.all, f.n);
    return false;
  }
  if (f.n > 1) qsort(f.all, f.n, sizeof *f.all, by_start);
  *out = f.all;
  *n = f.n;
  return true;
}

void kl_listed_free(kl_listed *all, size_t n) {
  for (size_t i = 0; i < n; i++) {
    for (size_t k = 0; k < all[i].n_names; k++)
      free(all[i].names[k]);
    free(all[i].names);
    free(all[i].socket);
    accounts_free(all[i].accounts, all[i].n_accounts);
  }
  free(all);
}
