/* A name leads through folders and links to a file; each part of it is a place: an entry of a folder that is watched.
 * Of every folder only appearing entries are watched, of the last one also closing and going. The file itself is
 * watched for writes: asking the folder for them would wake the loop for each line of a log beside the script. */
#include "script/file_notify.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/log.h"
#include "base/map.h"

enum { MAX_LINKS = 40, READ_SIZE = 16384, MAX_READS = 64 };

#define STEP_EVENTS (IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_MASK_ADD)
#define FOLDER_EVENTS (STEP_EVENTS | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_DELETE | IN_EXCL_UNLINK)
#define FILE_EVENTS (IN_MODIFY | IN_CLOSE_WRITE | IN_DONT_FOLLOW | IN_MASK_ADD)

/* A watched folder or file of the kernel's. */
typedef struct kl_mark {
  int wd; /* -1: the kernel has let go of it */
  size_t refs;
  kl_list places;
} kl_mark;

struct kl_place {
  kl_list on_mark;
  kl_place *next; /* of the same trail */
  kl_mark *mark;  /* retained */
  kl_trail *trail;
  bool last;   /* the file, or where it would be */
  char name[]; /* of the entry; "" for the watched file itself */
};

struct kl_notify {
  kl_notify *next;
  uv_loop_t *loop;
  uv_poll_t poll;
  int fd; /* -1 without inotify */
  size_t refs;
  uint64_t events;
  uint32_t moved; /* cookie of the last watched entry that was moved away */
  kl_map *marks;  /* wd to kl_mark */
  kl_list trails;
  bool said, stale;
};

static _Thread_local kl_notify *all;

/* ---- marks ---- */

static void say_blind(kl_notify *n, const char *path, int why) {
  if (n->said) return;
  n->said = true;
  const char *help = why == ENOSPC   ? "; raise fs.inotify.max_user_watches (sysctl)"
                     : why == EMFILE ? "; raise fs.inotify.max_user_instances (sysctl)"
                                     : "";
  kl_log_warn("watch",
              "changes of files are looked for once a second, for the system does not tell them%s%.300s (%s)%s",
              *path ? " of " : "", path, why ? strerror(why) : "a network or user-space file system", help);
}

static kl_mark *mark_of(const kl_notify *n, int wd) { return kl_map_get(n->marks, (const char *)&wd, sizeof wd); }

static void mark_forget(kl_notify *n, kl_mark *m) {
  if (m->wd < 0) return;
  kl_map_remove(n->marks, (const char *)&m->wd, sizeof m->wd);
  m->wd = -1;
}

static void mark_release(kl_notify *n, kl_mark *m) {
  if (--m->refs > 0) return;
  if (m->wd >= 0) inotify_rm_watch(n->fd, m->wd);
  mark_forget(n, m);
  free(m);
}

/* Retained; NULL with errno. */
static kl_mark *mark_get(kl_notify *n, const char *path, uint32_t events) {
  if (n->fd < 0) {
    errno = EMFILE;
    return NULL;
  }
  int wd = inotify_add_watch(n->fd, path, events);
  if (wd < 0) return NULL;
  kl_mark *m = mark_of(n, wd);
  if (!m) {
    m = calloc(1, sizeof *m);
    if (!m || !kl_map_set(n->marks, (const char *)&wd, sizeof wd, m)) {
      free(m);
      inotify_rm_watch(n->fd, wd);
      errno = ENOMEM;
      return NULL;
    }
    m->wd = wd;
    kl_list_init(&m->places);
  }
  m->refs++;
  return m;
}

/* ---- places ---- */

static void places_free(kl_notify *n, kl_place *p) {
  while (p) {
    kl_place *next = p->next;
    kl_list_remove(&p->on_mark);
    mark_release(n, p->mark);
    free(p);
    p = next;
  }
}

/* False with errno. */
static bool place_add(kl_notify *n, kl_trail *t, const char *watched, const char *name, bool last) {
  uint32_t events = !*name ? FILE_EVENTS : last ? FOLDER_EVENTS : STEP_EVENTS;
  kl_mark *m = mark_get(n, watched, events);
  if (!m) return false;
  size_t len = strlen(name);
  kl_place *p = calloc(1, sizeof *p + len + 1);
  if (!p) {
    mark_release(n, m);
    errno = ENOMEM;
    return false;
  }
  p->mark = m;
  p->trail = t;
  p->last = last;
  memcpy(p->name, name, len + 1);
  kl_list_append(&m->places, &p->on_mark);
  p->next = t->places;
  t->places = p;
  return true;
}

/* Whose changes the kernel does not see, as others make them. From linux/magic.h, and those it lacks. */
static bool is_remote(const char *path) {
  static const unsigned long types[] = {
      0x6969,     /* NFS */
      0xFF534D42, /* CIFS */
      0xFE534D42, /* SMB2 */
      0x517B,     /* SMB */
      0x65735546, /* FUSE: sshfs, folders of the host in virtual machines */
      0x01021997, /* 9P: those of Windows in WSL */
      0x5346414F, /* AFS */
      0x73757245, /* Coda */
      0x00C36400, /* Ceph */
      0x786f4256, /* VirtualBox shared folders */
  };
  struct statfs fs;
  if (statfs(path, &fs) != 0) return false;
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    if (((unsigned long)fs.f_type & 0xFFFFFFFF) == types[i]) return true;
  }
  return false;
}

/* One folder on the way. False when there is nothing to look for below it. */
static bool watch_step(kl_notify *n, kl_trail *t, const char *dir, const char *name, bool last) {
  if (place_add(n, t, dir, name, last)) return true;
  int why = errno;
  if (why == ENOENT || why == ENOTDIR || why == ELOOP)
    return false; /* gone since: the folder above tells when it is back */
  t->blind = true;
  /* A folder that may be passed but not listed: others are seen, so nobody needs to know. */
  if (why != EACCES || last) say_blind(n, dir, why);
  return true;
}

/* Takes the first part off `rest`. False at its end. */
static bool next_part(char *rest, char *part, size_t cap) {
  const char *from = rest + strspn(rest, "/");
  size_t n = strcspn(from, "/");
  if (n == 0 || n >= cap) return false;
  memcpy(part, from, n);
  part[n] = 0;
  memmove(rest, from + n, strlen(from + n) + 1);
  return true;
}

static void drop_last(char *dir) {
  char *slash = strrchr(dir, '/');
  if (slash) *slash = 0;
}

/* Puts a link's target in front of `rest`, and begins anew for one from the root. */
static bool enter_link(const char *entry, char *dir, char *rest) {
  char target[PATH_MAX];
  ssize_t n = readlink(entry, target, sizeof target);
  size_t have = strlen(rest);
  if (n <= 0 || (size_t)n + have + 2 > PATH_MAX) return false;
  memmove(rest + n + 1, rest, have + 1);
  memcpy(rest, target, (size_t)n);
  rest[n] = '/';
  if (target[0] == '/') *dir = 0;
  return true;
}

/* Each folder is watched before its entry is looked at, so nothing that changes meanwhile stays unseen. */
static void walk(kl_notify *n, kl_trail *t) {
  char dir[PATH_MAX] = "", rest[PATH_MAX], entry[PATH_MAX], part[NAME_MAX + 1];
  if ((size_t)snprintf(rest, sizeof rest, "%s", t->path) >= sizeof rest) return;
  t->link_end = false;
  int links = 0;
  while (next_part(rest, part, sizeof part)) {
    if (!strcmp(part, ".")) continue;
    if (!strcmp(part, "..")) {
      drop_last(dir);
      continue;
    }
    bool last = rest[strspn(rest, "/")] == 0;
    if (!watch_step(n, t, *dir ? dir : "/", part, last)) return;
    if (last && is_remote(*dir ? dir : "/")) {
      t->blind = true;
      say_blind(n, dir, 0);
    }
    if ((size_t)snprintf(entry, sizeof entry, "%s/%s", dir, part) >= sizeof entry) return;
    struct stat st;
    if (lstat(entry, &st) != 0) return;
    if (S_ISLNK(st.st_mode)) {
      if (++links > MAX_LINKS || !enter_link(entry, dir, rest)) return;
      t->link_end = t->link_end || last;
    } else if (S_ISDIR(st.st_mode)) {
      memcpy(dir, entry, sizeof dir);
    } else {
      if (!last || !S_ISREG(st.st_mode)) return;
      if (!place_add(n, t, entry, "", true) && errno != ENOENT && errno != EACCES) {
        t->blind = true;
        say_blind(n, entry, errno);
      }
      return;
    }
  }
}

static void follow(kl_notify *n, kl_trail *t) {
  kl_place *old = t->places;
  t->places = NULL;
  t->blind = false;
  walk(n, t);
  places_free(n, old); /* after the new ones, so that what both have stays watched all the time */
}

void kl_trail_start(kl_notify *n, kl_trail *t, const char *path, void (*told)(kl_trail *t, kl_told what)) {
  kl_list_append(&n->trails, &t->link);
  t->path = path;
  t->told = told;
  follow(n, t);
}

void kl_trail_drop(kl_notify *n, kl_trail *t) {
  kl_list_remove(&t->link);
  places_free(n, t->places);
  t->places = NULL;
}

/* ---- events ---- */

/* Its places are found anew when the events that are there have all been seen. */
static void lost_way(kl_notify *n, kl_trail *t, bool created) {
  if (created)
    t->stale = KL_TRAIL_NEW;
  else if (t->stale == KL_TRAIL_GOOD)
    t->stale = KL_TRAIL_MOVED;
  n->stale = true;
}

static void written(kl_trail *t) {
  if (t->stale == KL_TRAIL_NEW) t->stale = KL_TRAIL_MOVED; /* created, and complete by now */
  t->told(t, KL_TOLD_WRITTEN);
}

static void entry_event(kl_notify *n, const kl_place *p, uint32_t mask) {
  kl_trail *t = p->trail;
  if (mask & IN_CREATE) {
    lost_way(n, t, p->last || (mask & IN_ISDIR)); /* else it is a link */
    return;
  }
  if (mask & (IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)) lost_way(n, t, false);
  if (!p->last || (mask & IN_ISDIR)) return;
  if (mask & IN_MOVED_TO) written(t);
  if (mask & IN_CLOSE_WRITE) {
    t->closed_at = n->events;
    written(t);
  }
}

static void file_event(const kl_notify *n, const kl_place *p, uint32_t mask) {
  if (mask & IN_MODIFY) p->trail->told(p->trail, KL_TOLD_WRITING);
  /* The folder told of the same one just before, unless it was opened by a name elsewhere. */
  if ((mask & IN_CLOSE_WRITE) && p->trail->closed_at + 1 != n->events) written(p->trail);
}

static void mark_event(kl_notify *n, kl_mark *m, const struct inotify_event *ev, const char *name) {
  uint32_t mask = ev->mask;
  bool gone = mask & (IN_IGNORED | IN_UNMOUNT | IN_DELETE_SELF | IN_MOVE_SELF), known = false;
  for (kl_list *i = m->places.next; i != &m->places; i = i->next) {
    const kl_place *p = KL_CONTAINER(i, kl_place, on_mark);
    if (gone)
      lost_way(n, p->trail, false);
    else if (!*p->name)
      file_event(n, p, mask);
    else if (!strcmp(p->name, name)) {
      known = true;
      if (mask & IN_MOVED_FROM) n->moved = ev->cookie;
      entry_event(n, p, mask);
    }
  }
  if (known || !(mask & (IN_CREATE | IN_MOVED_TO))) return;
  if ((mask & IN_MOVED_TO) && ev->cookie == n->moved) return; /* the backup of one that is watched, as vim makes it */
  for (kl_list *i = m->places.next; i != &m->places; i = i->next) {
    const kl_place *p = KL_CONTAINER(i, kl_place, on_mark);
    if (p->last) p->trail->told(p->trail, KL_TOLD_NEAR);
  }
}

static void find_anew(kl_notify *n) {
  n->stale = false;
  for (kl_list *i = n->trails.next; i != &n->trails; i = i->next) {
    kl_trail *t = KL_CONTAINER(i, kl_trail, link);
    if (t->stale == KL_TRAIL_GOOD) continue;
    bool created = t->stale == KL_TRAIL_NEW;
    t->stale = KL_TRAIL_GOOD;
    follow(n, t);
    t->told(t, created && !t->link_end ? KL_TOLD_NEW : KL_TOLD_ELSEWHERE);
  }
}

static void all_lost(kl_notify *n) {
  for (kl_list *i = n->trails.next; i != &n->trails; i = i->next) {
    kl_trail *t = KL_CONTAINER(i, kl_trail, link);
    lost_way(n, t, false);
    t->told(t, KL_TOLD_LOST);
  }
}

void kl_notify_read(kl_notify *n) {
  _Alignas(struct inotify_event) char buf[READ_SIZE];
  if (n->fd < 0) return;
  for (int reads = 0; reads < MAX_READS; reads++) { /* an end, however much goes on in a folder of others */
    ssize_t got = read(n->fd, buf, sizeof buf);
    if (got <= 0) break;
    for (const char *at = buf; at < buf + got;) {
      struct inotify_event ev;
      memcpy(&ev, at, sizeof ev);
      n->events++;
      kl_mark *m = ev.mask & IN_Q_OVERFLOW ? NULL : mark_of(n, ev.wd);
      if (ev.mask & IN_Q_OVERFLOW) all_lost(n);
      if (m) mark_event(n, m, &ev, ev.len ? at + sizeof ev : "");
      if (m && (ev.mask & IN_IGNORED)) mark_forget(n, m);
      at += sizeof ev + ev.len;
    }
  }
  if (n->stale) find_anew(n);
}

/* ---- one of a loop ---- */

static void on_readable(uv_poll_t *p, int status, int events) {
  (void)status;
  (void)events;
  kl_notify_read(p->data);
}

kl_notify *kl_notify_get(uv_loop_t *loop) {
  for (kl_notify *n = all; n; n = n->next) {
    if (n->loop != loop) continue;
    n->refs++;
    return n;
  }
  kl_notify *n = calloc(1, sizeof *n);
  kl_map *marks = kl_map_new();
  if (!n || !marks) {
    free(n);
    kl_map_free(marks);
    return NULL;
  }
  n->marks = marks;
  n->loop = loop;
  n->refs = 1;
  kl_list_init(&n->trails);
  n->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (n->fd < 0) {
    say_blind(n, "", errno);
  } else {
    uv_poll_init(loop, &n->poll, n->fd);
    n->poll.data = n;
    uv_poll_start(&n->poll, UV_READABLE, on_readable);
  }
  n->next = all;
  all = n;
  return n;
}

static void closed(uv_handle_t *h) {
  kl_notify *n = h->data;
  close(n->fd);
  free(n);
}

void kl_notify_release(kl_notify *n) {
  if (--n->refs > 0) return;
  kl_notify **at = &all;
  while (*at != n)
    at = &(*at)->next;
  *at = n->next;
  kl_map_free(n->marks);
  if (n->fd < 0)
    free(n);
  else
    uv_close((uv_handle_t *)&n->poll, closed);
}
