/* Files that are to be SQLite databases of Kalua's, looked at by their first bytes before SQLite may touch them: one
 * that is somebody else's, or of another version, is left as it is. */
#ifndef KL_DATABASE_FILE_H
#define KL_DATABASE_FILE_H

#include <stdint.h>
#include <sys/types.h>

typedef enum {
  KL_DATABASE_OURS,       /* or nothing stands in it yet, as a kill may leave it while it is made */
  KL_DATABASE_UNOPENED,   /* `why` is errno */
  KL_DATABASE_UNREADABLE, /* the same */
  KL_DATABASE_NO_FILE,    /* a folder, a pipe, a device */
  KL_DATABASE_FOREIGN,    /* of `owner`; 0: no database, or nobody's */
  KL_DATABASE_OTHER_FORM, /* ours, of `version` */
  KL_DATABASE_EXPOSED     /* others may read it, and by `why` that cannot be changed */
} kl_database_state;

typedef struct kl_database_file {
  uint32_t application, version; /* as SQLite's application_id and user_version: asked for, then what the file has */
  int fd;                        /* the caller's to close, where it is ours; else -1 */
  int why;                       /* errno */
  int64_t size;
  dev_t device;
  ino_t inode;
} kl_database_file;

/* Opens the file at `path` with the flags of open(2), made with mode 0600 where O_CREAT is among them, and looks at it:
 * only its owner may read it afterwards. `f` has application and version. */
kl_database_state kl_database_claim(const char *path, int flags, kl_database_file *f);
/* The same of a file that is open already. */
kl_database_state kl_database_look(int fd, kl_database_file *f);

#endif
