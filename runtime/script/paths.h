/* Files of scripts: what the permissions of a script give it, looked at on the file that was opened and not on its
 * name, so that nothing changes between the look and the use. */
#ifndef KL_SCRIPT_PATHS_H
#define KL_SCRIPT_PATHS_H

#include "script/script.h"

typedef struct kl_path_error {
  bool refused; /* a permission is lacking: raise `text` as kind "permission"; otherwise a failure as any program has */
  int code;     /* errno; 0 when refused */
  char text[512];
} kl_path_error;

/* Notes the permissions of the script: where its allowed paths really are now, and which files it may never have. */
void kl_paths_note(lua_State *L); /* raises */
/* Whether the script has files at all. */
bool kl_paths_any(lua_State *L);

/* Opens a regular file as open(2) does (O_CREAT, O_EXCL, O_TRUNC and O_APPEND are known), never following a name out of
 * what is allowed, never waiting for a pipe or a device. The descriptor, closed in programs that are started; -1 with
 * `e`. `path` has no zero byte. */
int kl_path_open(lua_State *L, const char *path, int flags, kl_path_error *e);
/* Removes a file or an empty folder; moves one. */
bool kl_path_remove(lua_State *L, const char *path, kl_path_error *e);
bool kl_path_rename(lua_State *L, const char *from, const char *to, kl_path_error *e);

/* Whether the file `path`, found in `folder` as a module, may be one: it really is below that folder, or the script may
 * use it anyway, and it is no secret. A link in a folder of somebody else's could lead anywhere, and the message for
 * what is no Lua shows a piece of it. False with `e`; also true where there is no such file. */
bool kl_path_check_module(lua_State *L, const char *folder, const char *path, kl_path_error *e);

#endif
