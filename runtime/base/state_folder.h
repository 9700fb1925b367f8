/* The folder for what outlives a process and is of one user: $XDG_STATE_HOME/kalua, or else ~/.local/state/kalua. */
#ifndef KL_STATE_FOLDER_H
#define KL_STATE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

/* The path of the file `name` in that folder. The folder is made, mode 0700, where it is not there and `make` is set.
 * False with errno: ENOENT also where neither variable says where it is. `path` gets what there is to say for messages,
 * also on failure. */
bool kl_state_path(char *path, size_t cap, const char *name, bool make);
/* Makes the folders that the file at `path` is to be in, mode 0700, where they are not there. False with errno. */
bool kl_make_folders(const char *path);

#endif
