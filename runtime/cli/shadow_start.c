/* The option --shadow of `kalua run`. */
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/shadow.h"

enum { PATH_TEXT_MAX = 4096 };

/* One NEW=OLD. */
typedef struct pair {
  char young[PATH_TEXT_MAX];
  const char *old;
} pair;

static bool read_pair(const char *text, pair *out) {
  const char *equals = strchr(text, '=');
  if (!equals || equals == text || !equals[1] || (size_t)(equals - text) >= sizeof out->young) return false;
  snprintf(out->young, sizeof out->young, "%.*s", (int)(equals - text), text);
  out->old = equals + 1;
  return true;
}

static bool is_file(const char *path) {
  struct stat s;
  return stat(path, &s) == 0 && S_ISREG(s.st_mode);
}

static bool same_file(const char *a, const char *b) {
  struct stat x, y;
  return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static bool has_file(const kl_text_list *paths, const char *path) {
  for (size_t i = 0; i < paths->n; i++)
    if (same_file(paths->items[i], path)) return true;
  return false;
}

#define NEITHER "%s is neither a file nor the name of a script that is run here"

int kl_shadow_parse(const kl_text_list *shadows, kl_text_list *paths) {
  bool none = paths->n == 0;
  for (size_t i = 0; i < shadows->n; i++) {
    pair p;
    if (!read_pair(shadows->items[i], &p))
      return kl_cli_usage("run", "--shadow takes NEW=OLD, as in --shadow new.lua=old.lua, not \"%s\"",
                          shadows->items[i]);
    if (!is_file(p.young)) return kl_cli_usage("run", "--shadow: there is no file %s", p.young);
    if (same_file(p.young, p.old))
      return kl_cli_usage("run", "--shadow: %s and %s are the same file; copy it, and change the copy", p.young, p.old);
    if (!none || has_file(paths, p.old)) continue;
    if (!is_file(p.old) && !is_file("kalua.lua")) return kl_cli_usage("run", "--shadow: " NEITHER, p.old);
    if (is_file(p.old) && !kl_text_list_add(paths, p.old)) return kl_cli_usage("run", "--shadow: not enough memory");
  }
  return -1;
}

static bool means(const char *old, const kl_strategy_options *o) {
  if (o->script.name && !strcmp(o->script.name, old)) return true;
  return o->script.path && same_file(o->script.path, old);
}

/* How many scripts of the project OLD means; *at is the first. */
static size_t find(const kl_project *p, const char *old, size_t *at) {
  size_t found = 0;
  for (size_t i = kl_project_count(p); i-- > 0;) {
    if (!means(old, kl_project_get(p, i))) continue;
    *at = i;
    found++;
  }
  return found;
}

static bool add_paths(const kl_project *p, const kl_text_list *shadows, kl_text_list *paths, kl_error *e) {
  for (size_t i = 0; i < shadows->n; i++) {
    pair s;
    size_t at;
    if (!read_pair(shadows->items[i], &s) || find(p, s.old, &at) > 0) continue;
    if (!is_file(s.old)) {
      kl_error_set(e, "usage", "--shadow: " NEITHER, s.old);
      return false;
    }
    if (has_file(paths, s.old) || kl_text_list_add(paths, s.old)) continue;
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
    return false;
  }
  return true;
}

static bool compiles(const char *path, kl_error *e) {
  lua_State *L = luaL_newstate();
  bool ok = L && luaL_loadfilex(L, path, "t") == LUA_OK;
  if (!ok) kl_error_set(e, KL_ERR_VALIDATION, "%.500s", L ? lua_tostring(L, -1) : "not enough memory");
  if (L) lua_close(L);
  return ok;
}

static bool check(const kl_project *p, const kl_text_list *shadows, kl_error *e) {
  bool *taken = calloc(kl_project_count(p) + 1, sizeof *taken);
  bool ok = taken != NULL;
  if (!ok) kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
  for (size_t i = 0; ok && i < shadows->n; i++) {
    pair s;
    size_t at = 0;
    if (!read_pair(shadows->items[i], &s)) continue; /* said before */
    size_t n = find(p, s.old, &at);
    ok = n == 1 && !taken[at];
    if (n != 1)
      kl_error_set(e, "usage", "--shadow: %zu scripts are run from %s; say which by its name", n, s.old);
    else if (!ok)
      kl_error_set(e, "usage", "--shadow: %s has two shadows; it can have one at a time", s.old);
    taken[at] = true;
    ok = ok && compiles(s.young, e);
  }
  free(taken);
  return ok;
}

bool kl_shadow_project(kl_text_list *paths, const kl_text_list *shadows, const kl_project_flags *flags,
                       kl_project **out, kl_error *e) {
  size_t named = paths->n;
  if (!kl_project_load(paths->items, paths->n, flags, out, e)) return false;
  if (shadows->n == 0) return true;
  bool ok = add_paths(*out, shadows, paths, e);
  if (ok && paths->n > named) {
    kl_project_free(*out);
    ok = kl_project_load(paths->items, paths->n, flags, out, e);
    if (!ok) *out = NULL;
  }
  return ok && check(*out, shadows, e);
}

/* The strategy that was started from the entry, whose name has a number behind it where others have that. */
static kl_strategy *started(kl_app *a, const kl_strategy_options *o) {
  const char *name = o->script.name;
  size_t n = strlen(name);
  kl_strategy *numbered = NULL;
  for (kl_strategy *g = kl_app_strategy_next(a, NULL); g; g = kl_app_strategy_next(a, g)) {
    kl_strategy_status s;
    kl_strategy_status_get(g, &s);
    if (kl_strategy_shadow_of(g) || !s.path || strcmp(s.path, o->script.path) != 0) continue;
    if (!strcmp(s.name, name)) return g;
    if (!strncmp(s.name, name, n) && s.name[n] == '-') numbered = g;
  }
  return numbered;
}

bool kl_shadow_start_all(kl_app *a, const kl_project *p, const kl_text_list *shadows, kl_error *e) {
  for (size_t i = 0; i < shadows->n; i++) {
    pair s;
    size_t at = 0;
    if (!read_pair(shadows->items[i], &s) || find(p, s.old, &at) != 1) continue;
    kl_strategy_options o = *kl_project_get(p, at);
    kl_strategy *of = started(a, &o);
    o.script.path = s.young;
    if (!of) {
      kl_error_set(e, KL_ERR_INTERNAL, "--shadow: %s was not started", s.old);
      return false;
    }
    if (!kl_app_start_shadow(a, of, &o, e)) return false;
  }
  return true;
}
