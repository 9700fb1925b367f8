#include "base/state_folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Makes the folder and those it is in. */
static bool make_folders(char *path) {
  for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    bool ok = mkdir(path, 0700) == 0 || errno == EEXIST;
    *slash = '/';
    if (!ok) return false;
  }
  return mkdir(path, 0700) == 0 || errno == EEXIST;
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
  bool ok = !make || make_folders(path);
  int why = errno;
  snprintf(path + folder, cap - (size_t)folder, "/%s", name);
  errno = why;
  return ok;
}
