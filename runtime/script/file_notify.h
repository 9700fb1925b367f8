/* Following file names through folders and links with inotify: what file_watch.c builds on. All watches of a loop share
 * one descriptor, since a user has few (fs.inotify.max_user_instances: 128). Everything runs on the loop thread. */
#ifndef KL_FILE_NOTIFY_H
#define KL_FILE_NOTIFY_H

#include <uv.h>

#include "base/list.h"

typedef struct kl_notify kl_notify;
typedef struct kl_trail kl_trail;
typedef struct kl_place kl_place;

typedef enum {
  KL_TOLD_WRITING,   /* somebody has it open and wrote */
  KL_TOLD_WRITTEN,   /* complete: closed after writing, or moved to its name */
  KL_TOLD_NEW,       /* it, or a folder on the way to it, was created: may be complete or not */
  KL_TOLD_ELSEWHERE, /* the name may lead to another file, or to none */
  KL_TOLD_NEAR,      /* another file came into its folder */
  KL_TOLD_LOST       /* events were lost: anything may have happened */
} kl_told;

/* A name that is followed: embedded, zeroed, in who wants to know. */
struct kl_trail {
  kl_list link; /* of all */
  kl_place *places;
  const char *path; /* absolute, borrowed */
  void (*told)(kl_trail *t, kl_told what);
  enum { KL_TRAIL_GOOD, KL_TRAIL_MOVED, KL_TRAIL_NEW } stale;
  uint64_t closed_at; /* number of the event that told of a close by name */
  bool blind;         /* not all of it can be watched: look at it yourself now and then */
  bool link_end;      /* the last part of the path is a symbolic link */
};

/* That of the loop, retained. NULL when memory is out; without inotify every trail is blind. */
kl_notify *kl_notify_get(uv_loop_t *loop);
void kl_notify_release(kl_notify *n);
/* Tells what has happened until now, without waiting for the loop. */
void kl_notify_read(kl_notify *n);

/* Follows `path` from now on; `told` is called from the loop and from kl_notify_read, and may not drop trails. */
void kl_trail_start(kl_notify *n, kl_trail *t, const char *path, void (*told)(kl_trail *t, kl_told what));
void kl_trail_drop(kl_notify *n, kl_trail *t);

#endif
