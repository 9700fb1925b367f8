#include "script/file_watch.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "script/file_notify.h"

enum {
  QUIET_MS = 1,        /* after the one change of one file */
  BULK_QUIET_MS = 30,  /* after one of several: a checkout, a copy of a folder */
  BULK_MS = 500,       /* all of them, at most */
  BULK_AGAIN_MS = 100, /* so soon after a report another file belongs to several */
  UNCLOSED_MS = 300,   /* since the last write to a file that is not closed */
  WRITING_MS = 10000,  /* a file that is written to and not closed, at most */
  LOOK_MS = 1000       /* at what cannot be watched */
};

/* What tells one content of a name from another, as far as that can be known without reading it. */
typedef struct kl_look {
  bool there;
  dev_t dev;
  ino_t ino;
  off_t size;
  struct timespec written;
  nlink_t links;
} kl_look;

typedef struct kl_watched {
  kl_trail trail; /* first */
  kl_file_watch *watch;
  char *path;      /* owned */
  kl_look seen;    /* when it was last reported, or set */
  kl_look pending; /* of a blind one: at the last look */
  bool changed;    /* since the last report */
  bool writing;    /* and not closed */
  bool written;    /* and closed */
  bool reported;   /* in the last report */
} kl_watched;

struct kl_file_watch {
  uv_loop_t *loop;
  kl_notify *notify;
  void (*on_change)(void *data);
  void *data;
  kl_watched **files;
  size_t n;
  uv_timer_t quiet, look;
  uv_fs_t stat;   /* of one blind file after the other */
  size_t looked;  /* its index */
  bool looking;   /* it is under way */
  bool look_anew; /* the files were replaced meanwhile */
  bool bulk;
  uint64_t first_ms, last_ms; /* loop time of changes not yet reported; first 0: none */
  uint64_t reported_ms;
  bool closing;
  int open_handles;
};

/* ---- looking ---- */

static kl_look look_at(const char *path) {
  struct stat st;
  if (stat(path, &st) != 0 || S_ISDIR(st.st_mode)) return (kl_look){0};
  return (kl_look){.there = true,
                   .dev = st.st_dev,
                   .ino = st.st_ino,
                   .size = st.st_size,
                   .written = st.st_mtim,
                   .links = st.st_nlink};
}

static bool same(const kl_look *a, const kl_look *b) {
  if (!a->there || !b->there) return a->there == b->there;
  return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->written.tv_sec == b->written.tv_sec &&
         a->written.tv_nsec == b->written.tv_nsec;
}

/* ---- changes ---- */

static void on_quiet(uv_timer_t *t);
static void on_look(uv_timer_t *t);

static void look_if_blind(kl_file_watch *w, const kl_watched *f) {
  if (f->trail.blind && !uv_is_active((uv_handle_t *)&w->look)) uv_timer_start(&w->look, on_look, LOOK_MS, LOOK_MS);
}

static void wake_at(kl_file_watch *w, uint64_t at_ms) {
  uint64_t now = uv_now(w->loop);
  uv_timer_start(&w->quiet, on_quiet, at_ms > now ? at_ms - now : 0, 0);
}

static uint64_t quiet_until(const kl_file_watch *w) {
  uint64_t quiet = w->last_ms + (w->bulk ? BULK_QUIET_MS : QUIET_MS), end = w->first_ms + BULK_MS;
  return quiet < end ? quiet : end;
}

/* Something happened to it now. */
static void note(kl_watched *f) {
  kl_file_watch *w = f->watch;
  uint64_t now = uv_now(w->loop);
  if (!w->first_ms) {
    w->first_ms = now ? now : 1;
    if (w->reported_ms && now - w->reported_ms < BULK_AGAIN_MS && !f->reported) w->bulk = true;
  } else if (!f->changed) {
    w->bulk = true; /* a second file */
  }
  f->changed = true;
  w->last_ms = now;
  wake_at(w, quiet_until(w));
}

static void told(kl_trail *t, kl_told what) {
  kl_watched *f = (kl_watched *)t;
  kl_file_watch *w = f->watch;
  kl_look now;
  switch (what) {
  case KL_TOLD_WRITING:
    f->writing = true;
    note(f);
    break;
  case KL_TOLD_WRITTEN:
    if (f->changed && f->written) w->bulk = true; /* twice: who knows how often */
    f->writing = false;
    f->written = true;
    note(f);
    break;
  case KL_TOLD_NEW:
  case KL_TOLD_ELSEWHERE:
    look_if_blind(w, f);
    now = look_at(f->path);
    if (same(&now, &f->seen) && !f->changed) break;
    /* A second name for what exists is complete. */
    if (what == KL_TOLD_NEW && now.there && now.links == 1) f->writing = true;
    if (!now.there) f->writing = false;
    if (!f->changed) note(f);
    break;
  case KL_TOLD_NEAR:
    if (!w->first_ms) break;
    w->bulk = true;
    w->last_ms = uv_now(w->loop);
    wake_at(w, quiet_until(w));
    break;
  case KL_TOLD_LOST:
    w->bulk = true;
    note(f);
    break;
  }
}

static void forget_changes(kl_file_watch *w) {
  w->first_ms = 0;
  w->bulk = false;
  for (size_t i = 0; i < w->n; i++) {
    kl_watched *f = w->files[i];
    f->reported = f->changed;
    f->changed = f->writing = f->written = false;
  }
}

/* When to look again at a file that is not complete; 0 for one that is. */
static uint64_t complete_at(kl_watched *f, const kl_look *now) {
  const kl_file_watch *w = f->watch;
  uint64_t at = 0;
  if (f->writing && now->there) {
    uint64_t end = w->first_ms + WRITING_MS;
    at = w->last_ms + UNCLOSED_MS;
    if (at > end) at = end;
  } else if (!now->there || now->size == 0) {
    at = w->first_ms + BULK_MS;
  } else if (f->trail.blind && !same(now, &f->pending)) { /* grows, where nothing tells of it */
    f->pending = *now;
    at = uv_now(w->loop) + BULK_QUIET_MS;
  }
  return at > uv_now(w->loop) ? at : 0;
}

static void on_quiet(uv_timer_t *t) {
  kl_file_watch *w = t->data;
  kl_notify_read(w->notify); /* the loop may have been late: what came meanwhile belongs to it */
  if (!w->first_ms) return;
  uint64_t again = quiet_until(w);
  if (again > uv_now(w->loop)) {
    wake_at(w, again);
    return;
  }
  again = 0;
  bool any = false;
  for (size_t i = 0; i < w->n; i++) {
    kl_watched *f = w->files[i];
    if (!f->changed) continue;
    kl_look now = look_at(f->path);
    if (!now.there && !f->seen.there) continue; /* came and went */
    any = true;
    uint64_t at = complete_at(f, &now);
    if (at > again) again = at;
  }
  if (again) {
    wake_at(w, again);
    return;
  }
  for (size_t i = 0; any && i < w->n; i++)
    w->files[i]->seen = w->files[i]->pending = look_at(w->files[i]->path);
  forget_changes(w);
  if (!any) return;
  w->reported_ms = uv_now(w->loop);
  w->on_change(w->data); /* may close or set: the last thing here */
}

/* ---- what cannot be watched ---- */

static void free_if_closed(kl_file_watch *w);
static void look_on(kl_file_watch *w);

static void on_stat(uv_fs_t *req) {
  kl_file_watch *w = req->data;
  kl_look now = {0};
  if (req->result == 0 && !S_ISDIR((mode_t)req->statbuf.st_mode)) {
    const uv_stat_t *st = &req->statbuf;
    now = (kl_look){.there = true,
                    .dev = (dev_t)st->st_dev,
                    .ino = (ino_t)st->st_ino,
                    .size = (off_t)st->st_size,
                    .written = {.tv_sec = st->st_mtim.tv_sec, .tv_nsec = st->st_mtim.tv_nsec}};
  }
  uv_fs_req_cleanup(req);
  w->looking = false;
  if (w->closing) {
    free_if_closed(w);
    return;
  }
  if (w->look_anew) return;
  kl_watched *f = w->files[w->looked++];
  if (!f->changed && !same(&now, &f->seen)) {
    f->pending = now;
    note(f);
  }
  look_on(w);
}

/* One after the other: a file server that hangs takes one of the few threads, not all. */
static void look_on(kl_file_watch *w) {
  while (w->looked < w->n && !w->files[w->looked]->trail.blind)
    w->looked++;
  if (w->looked == w->n) return;
  w->stat.data = w;
  w->looking = uv_fs_stat(w->loop, &w->stat, w->files[w->looked]->path, on_stat) == 0;
}

static bool any_blind(const kl_file_watch *w) {
  for (size_t i = 0; i < w->n; i++) {
    if (w->files[i]->trail.blind) return true;
  }
  return false;
}

static void on_look(uv_timer_t *t) {
  kl_file_watch *w = t->data;
  if (!any_blind(w)) uv_timer_stop(t);
  if (w->looking) return;
  w->looked = 0;
  w->look_anew = false;
  look_on(w);
}

/* ---- the set ---- */

static void watched_free(kl_file_watch *w, kl_watched *f) {
  kl_trail_drop(w->notify, &f->trail);
  free(f->path);
  free(f);
}

static char *absolute(const char *path, kl_error *e) {
  char cwd[PATH_MAX] = "";
  if (*path != '/' && !getcwd(cwd, sizeof cwd)) {
    kl_error_set(e, KL_ERR_CONFIG, "%.300s: the working directory is gone", path);
    return NULL;
  }
  kl_buf out = {0};
  kl_buf_str(&out, cwd);
  if (*cwd) kl_buf_char(&out, '/');
  kl_buf_str(&out, path);
  if (!out.failed && out.len < PATH_MAX) return out.data;
  if (out.failed)
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
  else
    kl_error_set(e, KL_ERR_CONFIG, "%.300s...: the path is too long", path);
  kl_buf_free(&out);
  return NULL;
}

static kl_watched *find(kl_watched *const *files, size_t n, const char *path) {
  for (size_t i = 0; i < n; i++) {
    if (files[i] && !strcmp(files[i]->path, path)) return files[i];
  }
  return NULL;
}

static kl_watched *watched_new(kl_file_watch *w, char *path) {
  kl_watched *f = calloc(1, sizeof *f);
  if (!f) return NULL;
  f->watch = w;
  f->path = path;
  kl_trail_start(w->notify, &f->trail, path, told);
  f->seen = f->pending = look_at(path);
  return f;
}

/* Adds `path`, taken, to the first n of `files`: one that is watched already, or a new one. */
static bool add_path(kl_file_watch *w, kl_watched **files, size_t *n, char *path, kl_error *e) {
  kl_watched *f = find(files, *n, path);
  if (!f) {
    kl_watched *old = find(w->files, w->n, path);
    f = old ? old : watched_new(w, path);
    if (!f) kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
    if (f) files[(*n)++] = f;
    if (f && !old) return true;
  }
  free(path);
  return f != NULL;
}

bool kl_file_watch_set(kl_file_watch *w, const char *const *paths, size_t n, kl_error *e) {
  kl_watched **files = calloc(n ? n : 1, sizeof(kl_watched *)), **drop = w->files;
  size_t have = 0, dropped = w->n;
  bool ok = files != NULL;
  if (!ok) kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
  for (size_t i = 0; ok && i < n; i++) {
    char *path = absolute(paths[i], e);
    ok = path && add_path(w, files, &have, path, e);
  }
  kl_watched **kept = files;
  size_t n_kept = have;
  if (!ok) { /* then the new ones go again */
    drop = files;
    dropped = have;
    kept = w->files;
    n_kept = w->n;
  }
  for (size_t i = 0; i < dropped; i++) {
    if (!find(kept, n_kept, drop[i]->path)) watched_free(w, drop[i]);
  }
  free(drop);
  if (!ok) return false;
  w->files = files;
  w->n = have;
  w->look_anew = w->looking;
  bool pending = false;
  for (size_t i = 0; i < have; i++) {
    pending = pending || files[i]->changed;
    look_if_blind(w, files[i]);
  }
  if (!pending) w->first_ms = 0;
  return true;
}

kl_file_watch *kl_file_watch_new(uv_loop_t *loop, void (*changed)(void *data), void *data) {
  kl_file_watch *w = calloc(1, sizeof *w);
  kl_notify *n = w ? kl_notify_get(loop) : NULL;
  if (!n) {
    free(w);
    return NULL;
  }
  w->loop = loop;
  w->notify = n;
  w->on_change = changed;
  w->data = data;
  uv_timer_init(loop, &w->quiet);
  uv_timer_init(loop, &w->look);
  w->quiet.data = w->look.data = w;
  w->open_handles = 2;
  return w;
}

static void free_if_closed(kl_file_watch *w) {
  if (w->open_handles == 0 && !w->looking) free(w);
}

static void closed(uv_handle_t *h) {
  kl_file_watch *w = h->data;
  w->open_handles--;
  free_if_closed(w);
}

void kl_file_watch_close(kl_file_watch *w) {
  if (!w || w->closing) return;
  w->closing = true;
  for (size_t i = 0; i < w->n; i++)
    watched_free(w, w->files[i]);
  free(w->files);
  w->files = NULL;
  w->n = 0;
  kl_notify_release(w->notify);
  if (w->looking) uv_cancel((uv_req_t *)&w->stat);
  uv_close((uv_handle_t *)&w->quiet, closed);
  uv_close((uv_handle_t *)&w->look, closed);
}
