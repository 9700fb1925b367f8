#include "cli/project.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "cli/project_impl.h"

static const char file_name[] = "kalua.lua";

static bool no_memory(kl_error *e) {
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
  return false;
}

void *kl_project_keep(kl_project *p, void *memory) {
  if (!memory) return NULL;
  void **grown = realloc(p->owned, (p->n_owned + 1) * sizeof *grown);
  if (!grown) {
    free(memory);
    return NULL;
  }
  p->owned = grown;
  return grown[p->n_owned++] = memory;
}

kl_project_item *kl_project_add(kl_project *p) {
  kl_project_item *grown = realloc(p->items, (p->n + 1) * sizeof *grown);
  if (!grown) return NULL;
  p->items = grown;
  grown[p->n] = (kl_project_item){.o.watch = true};
  return &grown[p->n++];
}

char *kl_project_path(kl_project *p, const char *dir, const char *name) {
  bool alone = *name == '/' || !strcmp(dir, ".");
  size_t n = strlen(dir) + strlen(name) + 2;
  char *out = malloc(n);
  if (out) snprintf(out, n, "%s%s%s", alone ? "" : dir, alone || dir[strlen(dir) - 1] == '/' ? "" : "/", name);
  return kl_project_keep(p, out);
}

/* ---- folders ---- */

static bool is_folder(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_script(const struct dirent *d) {
  size_t n = strlen(d->d_name);
  return n > 4 && d->d_name[0] != '.' && !strcmp(d->d_name + n - 4, ".lua");
}

static bool add_script(kl_project *p, const char *path, kl_error *e) {
  kl_project_item *it = kl_project_add(p);
  if (!it) return no_memory(e);
  it->o.script.path = path;
  return true;
}

static int is_wanted(const struct dirent *d) { return is_script(d); }

static bool add_all_of(kl_project *p, const char *dir, kl_error *e) {
  struct dirent **found = NULL;
  int n = scandir(dir, &found, is_wanted, alphasort);
  if (n < 0) {
    kl_error_coded(e, KL_ERR_CONFIG, "project_unreadable", "cannot read the folder %.300s: %s", dir, strerror(errno));
    return false;
  }
  bool ok = true;
  size_t before = p->n;
  for (int i = 0; i < n; i++) {
    char *path = ok ? kl_project_path(p, dir, found[i]->d_name) : NULL;
    if (ok && !path) ok = no_memory(e);
    if (path && !is_folder(path)) ok = add_script(p, path, e);
    free(found[i]);
  }
  free(found);
  if (ok && p->n == before) {
    kl_error_coded(e, KL_ERR_CONFIG, "project_empty", "%.300s has neither a %s nor other scripts (*.lua)", dir,
                   file_name);
    return false;
  }
  return ok;
}

static bool add_project_file(kl_project *p, const char *path, kl_error *e) {
  const char *slash = strrchr(path, '/');
  const char **grown = realloc(p->files, (p->n_files + 1) * sizeof *grown);
  if (!grown) return no_memory(e);
  p->files = grown;
  p->files[p->n_files] = kl_project_keep(p, strdup(path));
  if (!p->files[p->n_files]) return no_memory(e);
  p->n_files++;
  char *dir = kl_project_keep(p, slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup("."));
  return dir ? kl_project_read(p, path, dir, e) : no_memory(e);
}

static bool add_path(kl_project *p, const char *path, kl_error *e) {
  const char *slash = strrchr(path, '/');
  if (!is_folder(path)) {
    if (!strcmp(slash ? slash + 1 : path, file_name)) return add_project_file(p, path, e);
    char *copy = kl_project_keep(p, strdup(path));
    return copy ? add_script(p, copy, e) : no_memory(e);
  }
  const char *file = kl_project_path(p, path, file_name);
  if (!file) return no_memory(e);
  return access(file, F_OK) == 0 ? add_project_file(p, file, e) : add_all_of(p, path, e);
}

/* ---- names ---- */

static const kl_project_item *named(const kl_project *p, const char *name) {
  for (size_t i = 0; i < p->n; i++) {
    const char *have = p->items[i].o.script.name;
    if (have && !strcmp(have, name)) return &p->items[i];
  }
  return NULL;
}

/* The file's name without .lua, told apart from those that are there by -2, -3 and so on. */
static const char *name_of(kl_project *p, const char *path) {
  const char *slash = strrchr(path, '/');
  const char *file = slash ? slash + 1 : path;
  size_t n = strlen(file);
  if (n > 4 && !strcmp(file + n - 4, ".lua")) n -= 4;
  char *name = malloc(n + 24);
  if (name) snprintf(name, n + 24, "%.*s", (int)n, file);
  for (size_t i = 2; name && named(p, name); i++)
    snprintf(name, n + 24, "%.*s-%zu", (int)n, file, i);
  return kl_project_keep(p, name);
}

static bool name_all(kl_project *p, kl_error *e) {
  for (size_t i = 0; i < p->n; i++) { /* those that have one come first */
    const kl_project_item *it = &p->items[i], *other = it->o.script.name ? named(p, it->o.script.name) : it;
    if (other == it) continue;
    kl_error_coded(e, KL_ERR_CONFIG, "project_name_taken", "%s: the name \"%s\" is that of %s, too", it->where,
                   it->o.script.name, other->where);
    return false;
  }
  for (size_t i = 0; i < p->n; i++) {
    kl_script_options *o = &p->items[i].o.script;
    if (!o->name) o->name = name_of(p, o->path);
    if (!o->name) return no_memory(e);
  }
  return true;
}

/* ---- flags ---- */

/* The items of both NULL-terminated lists; either may be NULL. */
static bool join(kl_project *p, const char *const *a, const char *const *b, const char *const **out, kl_error *e) {
  size_t n_a = 0, n_b = 0;
  while (a && a[n_a])
    n_a++;
  while (b && b[n_b])
    n_b++;
  const char **list = kl_project_keep(p, calloc(n_a + n_b + 1, sizeof *list));
  if (!list) return no_memory(e);
  if (n_a) memcpy(list, a, n_a * sizeof *list);
  if (n_b) memcpy(list + n_a, b, n_b * sizeof *list);
  *out = list;
  return true;
}

/* The numbers that are said. */
static void overrule(kl_strategy_options *o, const kl_strategy_options *all) {
#define SAID(field)                                                                                                    \
  if (all->field) o->field = all->field
  SAID(script.memory_cap);
  SAID(script.cpu_ms);
  SAID(script.limits.tasks);
  SAID(script.limits.timers);
  SAID(script.limits.sockets);
  SAID(script.limits.handles);
  SAID(script.limits.queued);
  SAID(script.limits.log_rate);
  SAID(script.limits.order_rate);
  SAID(probation_ms);
  SAID(start_ms);
#undef SAID
}

static bool apply(kl_project *p, kl_strategy_options *o, const kl_project_flags *f, kl_error *e) {
  const kl_strategy_options *all = &f->all;
  overrule(o, all);
  if (f->on_failure) o->on_failure = all->on_failure;
  o->watch = o->watch && all->watch;
  o->script.env = all->script.env;
  kl_permissions *allow = &o->script.allow;
  const kl_permissions *more = &all->script.allow;
  allow->all = allow->all || more->all;
  allow->run = allow->run || more->run;
  const char *const *args = NULL;
  bool ok = join(p, allow->fs, more->fs, &allow->fs, e) && join(p, allow->net, more->net, &allow->net, e) &&
            join(p, allow->env, more->env, &allow->env, e) &&
            join(p, (const char *const *)o->script.args, (const char *const *)all->script.args, &args, e);
  o->script.args = (char *const *)args;
  return ok;
}

/* ---- the whole ---- */

bool kl_project_load(const char *const *paths, size_t n, const kl_project_flags *flags, kl_project **out, kl_error *e) {
  kl_project *p = calloc(1, sizeof *p);
  if (!p) return no_memory(e);
  p->ports = (kl_monitoring_ports){-1, -1};
  bool ok = true;
  for (size_t i = 0; ok && i < n; i++)
    ok = add_path(p, paths[i], e);
  ok = ok && name_all(p, e);
  for (size_t i = 0; ok && i < p->n; i++)
    ok = apply(p, &p->items[i].o, flags, e);
  if (!ok) {
    kl_project_free(p);
    return false;
  }
  *out = p;
  return true;
}

void kl_project_free(kl_project *p) {
  if (!p) return;
  for (size_t i = 0; i < p->n_owned; i++)
    free(p->owned[i]);
  free(p->owned);
  free(p->items);
  free(p->files);
  free(p);
}

size_t kl_project_count(const kl_project *p) { return p->n; }
const kl_strategy_options *kl_project_get(const kl_project *p, size_t i) { return &p->items[i].o; }

const kl_limit_values *kl_project_risk(const kl_project *p, size_t i) { return &p->items[i].risk; }
kl_count kl_project_order_group(const kl_project *p, size_t i) { return p->items[i].order_group; }
const kl_limit_values *kl_project_account_risk(const kl_project *p) { return &p->account_risk; }
kl_monitoring_ports kl_project_ports(const kl_project *p) { return p->ports; }

size_t kl_project_files(const kl_project *p, const char *const **out) {
  *out = p->files;
  return p->n_files;
}

static void add_part(kl_buf *b, const char *separator, const char *text) {
  if (b->len) kl_buf_str(b, separator);
  kl_buf_str(b, text);
}

static void add_list(kl_buf *b, const char *what, const char *const *list) {
  if (!list || !*list) return;
  add_part(b, "; ", what);
  kl_buf_str(b, *list);
  while (*++list)
    add_part(b, ", ", *list);
}

void kl_project_log_permissions(const kl_project *p) {
  for (size_t i = 0; i < p->n; i++) {
    const kl_permissions *allow = &p->items[i].by_file;
    kl_buf b = {0};
    if (allow->all) {
      kl_buf_str(&b, "everything");
    } else {
      add_list(&b, "files below ", allow->fs);
      add_list(&b, "connections to ", allow->net);
      add_list(&b, "the environment variables ", allow->env);
      if (allow->run) add_part(&b, "; ", "programs");
    }
    if (b.data) kl_log_info(p->items[i].o.script.name, "allowed by %s: %s", p->items[i].where, b.data);
    kl_buf_free(&b);
  }
}
