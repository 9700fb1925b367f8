/* The folder in which running processes of this user find one another: $XDG_RUNTIME_DIR/kalua, or else kalua-UID in
 * $TMPDIR, which only this user can enter. A process that is listed there holds a lock on its file, which the system
 * takes back when it ends in whatever way: so files of processes that are gone are known by that. */
#ifndef KL_RUNTIME_FOLDER_H
#define KL_RUNTIME_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

/* Opens the folder; made where it is not there and `make` is set. -1 with errno when it is not there (ENOENT), or
 * somebody else owns it or could put files into it (EPERM). The descriptor is the caller's. `path` (may be NULL) gets
 * its name for messages, also on failure. */
int kl_runtime_folder_open(char *path, size_t cap, bool make);

/* Puts a file of mode 0600 with this content in place of `name`, complete and locked as soon as it is there under that
 * name. The descriptor holds the lock; close it after kl_runtime_unlist. -1 with errno. */
int kl_runtime_list(int folder, const char *name, const void *p, size_t n);
/* The same with another content. False with errno: then the old one is there still. *fd changes. */
bool kl_runtime_relist(int folder, const char *name, const void *p, size_t n, int *fd);
void kl_runtime_unlist(int folder, const char *name, int fd);

/* Calls fn for each listed file whose name begins with `prefix` and ends with `suffix`, with its content,
 * NUL-terminated and cut at `most` bytes; until it returns false. Files that nobody holds a lock on are given to `gone`
 * (may be NULL) and removed. False with errno when the folder could not be read to its end, or memory is out. */
typedef struct kl_runtime_visit {
  const char *prefix, *suffix;
  size_t most;
  bool (*listed)(void *data, const char *name, const char *text, size_t n);
  void (*gone)(void *data, int folder, const char *name);
  void *data;
} kl_runtime_visit;
bool kl_runtime_each(int folder, const kl_runtime_visit *v);

#endif
