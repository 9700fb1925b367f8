/* Watching the files of a script: one call for each save, as soon as the file is complete, however an editor or a
 * deployment does it: written in place, truncated first, replaced by a rename, links or folders switched. Uses inotify,
 * and looks once a second at what inotify cannot see. Everything runs on the loop thread. */
#ifndef KL_FILE_WATCH_H
#define KL_FILE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/error.h"

typedef struct kl_file_watch kl_file_watch;

/* `changed` is called from the loop, at least once after each change of a watched file and once for changes that belong
 * together. It is a reason to read the files and compare what they say: a file that was only touched reports too, and
 * one that stays missing or empty for half a second. It may set other files and close the watch. NULL when memory is
 * out. */
kl_file_watch *kl_file_watch_new(uv_loop_t *loop, void (*changed)(void *data), void *data);
/* Replaces the set of watched files; those that stay keep what is known of them. Paths are copied; relative ones are
 * taken from the working directory of now. A file, and folders on the way to it, need not exist yet. What changed
 * before a path was set is not reported: compare what was read with the file once after setting it. False, with the old
 * set still watched, when memory is out or a path is too long. */
bool kl_file_watch_set(kl_file_watch *w, const char *const *paths, size_t n, kl_error *e);
/* Nothing is called any more; frees itself when the loop has closed its handles. Takes NULL. */
void kl_file_watch_close(kl_file_watch *w);

#endif
