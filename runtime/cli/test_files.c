#include "cli/test_files.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DEPTH = 4 };

static bool out_of_memory(kl_error *e) {
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
  return false;
}

static bool add(kl_test_files *files, const char *path, kl_error *e) {
  while (path[0] == '.' && path[1] == '/' && path[2])
    path += 2;
  for (size_t i = 0; i < files->n; i++)
    if (!strcmp(files->items[i], path)) return true;
  if (files->n == files->cap) {
    size_t cap = files->cap ? files->cap * 2 : 16;
    char **grown = realloc(files->items, cap * sizeof(char *));
    if (!grown) return out_of_memory(e);
    files->items = grown;
    files->cap = cap;
  }
  char *copy = strdup(path);
  if (!copy) return out_of_memory(e);
  files->items[files->n++] = copy;
  return true;
}

static bool is_test(const char *name) {
  size_t n = strlen(name);
  if (n < 5 || strcmp(name + n - 4, ".lua") != 0) return false;
  return strncmp(name, "test_", 5) == 0 || (n > 9 && strcmp(name + n - 9, "_test.lua") == 0);
}

static int is_wanted(const struct dirent *entry) {
  return entry->d_name[0] != '.' && strcmp(entry->d_name, "node_modules") != 0;
}

static bool look_into(kl_test_files *files, const char *folder, int depth, kl_error *e) {
  struct dirent **found;
  int n = scandir(folder, &found, is_wanted, alphasort);
  if (n < 0) {
    kl_error_set(e, "usage", "cannot read the folder %s: %s", folder, strerror(errno));
    return false;
  }
  bool ok = true;
  for (int i = 0; i < n; i++) {
    char path[PATH_MAX];
    struct stat st;
    bool here = !strcmp(folder, ".");
    int length = snprintf(path, sizeof path, "%s%s%s", here ? "" : folder, here ? "" : "/", found[i]->d_name);
    bool there = length > 0 && (size_t)length < sizeof path && stat(path, &st) == 0;
    if (ok && there && S_ISDIR(st.st_mode) && depth > 1) ok = look_into(files, path, depth - 1, e);
    if (ok && there && !S_ISDIR(st.st_mode) && is_test(found[i]->d_name)) ok = add(files, path, e);
    free(found[i]);
  }
  free(found);
  return ok;
}

static bool is_folder(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool take(kl_test_files *files, const char *name, kl_error *e) {
  char path[PATH_MAX];
  struct stat st;
  if (stat(name, &st) != 0) {
    kl_error_set(e, "usage", "cannot read %s: %s", name, strerror(errno));
    return false;
  }
  if (!S_ISDIR(st.st_mode)) return add(files, name, e);
  size_t n = strlen(name);
  while (n > 1 && name[n - 1] == '/')
    n--;
  snprintf(path, sizeof path, "%.*s", (int)n, name);
  return look_into(files, path, DEPTH, e);
}

bool kl_test_files_find(const char *const *names, size_t n, kl_test_files *out, kl_error *e) {
  static const char *const usual[] = {"tests", "test"};
  bool ok = true;
  *out = (kl_test_files){0};
  for (size_t i = 0; ok && i < n; i++)
    ok = take(out, names[i], e);
  if (n == 0) {
    ok = look_into(out, ".", 1, e);
    for (size_t i = 0; ok && i < sizeof usual / sizeof *usual; i++)
      if (is_folder(usual[i])) ok = look_into(out, usual[i], DEPTH, e);
  }
  if (!ok) kl_test_files_free(out);
  return ok;
}

void kl_test_files_free(kl_test_files *files) {
  for (size_t i = 0; i < files->n; i++)
    free(files->items[i]);
  free(files->items);
  *files = (kl_test_files){0};
}
