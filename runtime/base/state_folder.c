#include "base/state_folder.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Makes the folder and those it is in. What says why it cannot be is the first that cannot. */
static bool make_all(char *folder) {
  int first = 0;
  for (char *slash = folder; (slash = strchr(slash + 1, '/'));) {
    *slash = 0;
    if (mkdir(folder, 0700) != 0 && errno != EEXIST && !first) first = errno;
    *slash = '/';
  }
  if (mkdir(folder, 0700) == 0 || errno == EEXIST) return true;
  if (errno == ENOENT && first) errno = first;
  return false;
}

bool kl_make_folders(const char *path) {
  char folder[PATH_MAX];
  const char *end = strrchr(path, '/');
  size_t n = end ? (size_t)(end - path) : 0;
  if (n == 0) return true;
  if (n >= sizeof folder) {
    errno = ENAMETOOLONG;
    return false;
  }
  memcpy(folder, path, n);
  folder[n] = 0;
  return make_all(folder);
}

bool kl_state_path(char *path, size_t cap, const char *name, bool make) {
  const char *base = getenv("XDG_STATE_HOME"), *below = "";
  if (!base || base[0] != '/') { /* what is not absolute is to be ignored: XDG Base Directory Specification */
    base = getenv("HOME");
    below = "/.local/state";
  }
  if (!base || base[0] != '/') {
    snprintf(path, cap, "$XDG_STATE_HOME/kalua/%s", name);
    errno = ENOENT;
    return false;
  }
  int folder = snprintf(path, cap, "%s%s/kalua", base, below);
  if (folder < 0 || (size_t)folder + 1 + strlen(name) >= cap) {
    errno = ENAMETOOLONG;
    return false;
  }
  bool ok = !make || make_all(path);
  int why = errno;
  snprintf(path + folder, cap - (size_t)folder, "/%s", name);
  errno = why;
  return ok;
}
