#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/runtime_folder.h"
#include "base/state_folder.h"
#include "cli/doctor_impl.h"
#include "control/listing.h"

/* ---- disk ---- */

enum { LITTLE_MB = 200, NOTHING_MB = 10 };

/* The folder of `path`, or the nearest above it that is there already. */
static void nearest_folder(char folder[PATH_MAX], const char *path) {
  char copy[PATH_MAX];
  snprintf(copy, sizeof copy, "%s", path);
  do {
    snprintf(folder, PATH_MAX, "%s", dirname(copy));
    snprintf(copy, sizeof copy, "%s", folder);
  } while (access(folder, F_OK) != 0 && errno == ENOENT && strcmp(folder, "/") != 0 && strcmp(folder, ".") != 0);
}

/* Whether a file can be written there; false after it was told why not. *free_mb is what the disk has left. */
static bool writable(kl_report *r, const char *path, const char *what, bool needed, int64_t *free_mb) {
  char folder[PATH_MAX], text[PATH_MAX + 128];
  struct statvfs v;
  nearest_folder(folder, path);
  bool there = access(path, F_OK) == 0;
  if (access(there ? path : folder, there ? W_OK : W_OK | X_OK) != 0 || statvfs(folder, &v) != 0) {
    snprintf(text, sizeof text, "%s cannot be written: %s: %s", what, there ? path : folder, strerror(errno));
    kl_report_add(r, &(kl_check){.state = needed ? KL_CHECK_WRONG : KL_CHECK_NOTE,
                                 .name = "disk",
                                 .text = text,
                                 .remedy = "give this user the right to write there, or name another place",
                                 .kind = needed ? KL_ERR_CONFIG : NULL});
    return false;
  }
  *free_mb = (int64_t)((uint64_t)v.f_bavail * v.f_frsize >> 20);
  if (*free_mb >= LITTLE_MB) return true;
  bool none = needed && *free_mb < NOTHING_MB;
  snprintf(text, sizeof text, "%" PRId64 " MB are left in %s, where %s goes", *free_mb, folder, what);
  kl_report_add(r, &(kl_check){.state = none ? KL_CHECK_WRONG : KL_CHECK_NOTE,
                               .name = "disk",
                               .text = text,
                               .remedy = "make room: an order that cannot be journaled is not sent",
                               .kind = none ? KL_ERR_CONFIG : NULL,
                               .fields = json_pack("{s:I}", "free_mb", (json_int_t)*free_mb)});
  return false;
}

static void disk(kl_report *r, const kl_connect_options *o, bool keeps) {
  char state[PATH_MAX];
  int64_t free_mb = 0, other = 0;
  if (!kl_state_path(state, sizeof state, "orders", false)) {
    kl_report_add(r, &(kl_check){.state = keeps ? KL_CHECK_WRONG : KL_CHECK_NOTE,
                                 .name = "disk",
                                 .text = "nobody says where journals of orders go",
                                 .remedy = "set HOME or XDG_STATE_HOME",
                                 .kind = keeps ? KL_ERR_CONFIG : NULL});
    return;
  }
  bool ok = writable(r, state, "the journal of orders", keeps, &free_mb);
  if (o->state) ok = writable(r, o->state, "the state of --state", true, &other) && ok;
  if (o->log_file) ok = writable(r, o->log_file, "the log", true, &other) && ok;
  if (!ok) return;
  char text[PATH_MAX + 64];
  snprintf(text, sizeof text, "%" PRId64 " MB free for journals in %s", free_mb, dirname(state));
  kl_report_add(
      r, &(kl_check){.name = "disk", .text = text, .fields = json_pack("{s:I}", "free_mb", (json_int_t)free_mb)});
}

/* ---- descriptors, memory ---- */

/* What the process itself has open, with room: its sockets to the exchange, files, the watcher, the prompt. */
enum { OWN_FILES = 128 };

static void descriptors(kl_report *r, const kl_connect_options *o) {
  struct rlimit l;
  char text[200], remedy[96];
  if (getrlimit(RLIMIT_NOFILE, &l) != 0) return;
  int64_t sockets = o->limits.sockets > 0 ? o->limits.sockets : 64, needed = sockets + OWN_FILES;
  int64_t has = l.rlim_cur == RLIM_INFINITY || l.rlim_cur > INT32_MAX ? INT32_MAX : (int64_t)l.rlim_cur;
  bool enough = has >= needed;
  snprintf(text, sizeof text, "%" PRId64 " may be open%s", has,
           enough ? "" : ", and a script with all the sockets it may have needs more");
  snprintf(remedy, sizeof remedy, "ulimit -n %" PRId64 ", or a smaller --max-sockets", needed > 1024 ? needed : 1024);
  kl_report_add(r,
                &(kl_check){.state = enough ? KL_CHECK_OK : KL_CHECK_NOTE,
                            .name = "files",
                            .text = text,
                            .remedy = enough ? NULL : remedy,
                            .fields = json_pack("{s:I, s:I}", "most", (json_int_t)has, "needed", (json_int_t)needed)});
}

/* In MB; -1 where the system does not say. */
static int64_t available_memory(void) {
  FILE *f = fopen("/proc/meminfo", "r");
  static const char label[] = "MemAvailable:";
  char line[128];
  long long kb = -1;
  if (!f) return -1;
  while (kb < 0 && fgets(line, sizeof line, f))
    if (!strncmp(line, label, sizeof label - 1)) kb = strtoll(line + sizeof label - 1, NULL, 10);
  fclose(f);
  return kb < 0 ? -1 : kb / 1024;
}

static void memory(kl_report *r, const kl_connect_options *o) {
  int64_t mb = available_memory();
  char text[200];
  if (mb < 0) return;
  bool enough = mb >= o->memory_mb;
  snprintf(text, sizeof text, "%" PRId64 " MB available, and a script may take %" PRId64 " MB", mb, o->memory_mb);
  kl_report_add(
      r,
      &(kl_check){.state = enough ? KL_CHECK_OK : KL_CHECK_NOTE,
                  .name = "memory",
                  .text = text,
                  .remedy = enough ? NULL : "end what you do not need, or give --mem: the system may kill the process",
                  .fields = json_pack("{s:I}", "available_mb", (json_int_t)mb)});
}

void kl_doctor_machine(kl_report *r, const kl_connect_options *o, bool keeps) {
  disk(r, o, keeps);
  descriptors(r, o);
  memory(r, o);
}

/* ---- other processes ---- */

static bool same(const char *a, const char *b) { return a && b && !strcmp(a, b); }

void kl_doctor_processes(kl_report *r, const char *env, const char *key_id) {
  char path[PATH_MAX], text[PATH_MAX + sizeof(kl_error)];
  kl_listed *all = NULL;
  size_t n = 0, beside = 0;
  kl_error e = {0};
  int folder = kl_runtime_folder_open(path, sizeof path, true);
  if (folder < 0 || !kl_listed_all(&all, &n, &e)) {
    snprintf(text, sizeof text, "%s: %s", path, folder < 0 ? strerror(errno) : e.message);
    if (folder >= 0) close(folder);
    kl_report_add(
        r, &(kl_check){.state = KL_CHECK_NOTE,
                       .name = "processes",
                       .text = text,
                       .remedy = "`kalua ps`, `kalua kill` and `kalua attach` find no process without a folder of your "
                                 "own: set XDG_RUNTIME_DIR to one that only you can enter"});
    return;
  }
  close(folder);
  kl_buf names = {0};
  for (size_t i = 0; i < n; i++) {
    const kl_listed_account *k = all[i].accounts, *end = k + all[i].n_accounts;
    while (k < end && (!same(k->key_id, key_id) || !same(k->env, env)))
      k++;
    if (!*key_id || k == end) continue;
    beside++;
    kl_buf_printf(&names, "%s%s (%" PRId64 ")", names.len ? ", " : "", all[i].n_names ? all[i].names[0] : "a process",
                  all[i].pid);
  }
  kl_listed_free(all, n);
  json_t *fields = json_pack("{s:I, s:I}", "running", (json_int_t)n, "same_account", (json_int_t)beside);
  if (beside) {
    snprintf(text, sizeof text, "%.400s trade%s on this account", names.failed ? "others" : names.data,
             beside == 1 ? "s" : "");
    kl_report_add(r, &(kl_check){.state = KL_CHECK_NOTE,
                                 .name = "processes",
                                 .text = text,
                                 .remedy = "budget and money are shared, and each counts its risk limits alone; one "
                                           "`kalua run` with several scripts counts them together",
                                 .fields = fields});
  } else {
    snprintf(text, sizeof text, "%zu of this user run%s, none on this account", n, n == 1 ? "s" : "");
    kl_report_add(r, &(kl_check){.name = "processes", .text = text, .fields = fields});
  }
  kl_buf_free(&names);
}
