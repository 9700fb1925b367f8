#include "prompt/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json_fields.h"
#include "base/log.h"
#include "base/state_folder.h"
#include "prompt/secret_text.h"

enum {
  PATH_CAP = 4096,
  FILE_MOST = 5 << 20,
  PENDING_MOST = 4 << 20, /* bytes that wait for the disk */
  TEXT_MOST = 16 << 10,   /* of one input; its begin is kept */
  LOOKED_AT = 4 * TEXT_MOST,
  LOGGED_MOST = 200,
  PATIENCE_S = 1,
  FLAGS = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
};

struct kl_journal {
  pthread_mutex_t lock; /* guards what follows */
  pthread_cond_t news, done;
  kl_buf pending; /* complete lines */
  uint64_t lost;
  bool has_thread, quit, ended;
  bool failing;
  kl_error why;
  pthread_t thread;
  /* The thread's own. */
  char *given; /* path; NULL: the usual one */
  bool torn;   /* a line was written in part */
};

/* ---- who ---- */

void kl_prompt_client_get(const kl_control_call *call, kl_prompt_client *out) {
  char link[48], target[sizeof out->tty];
  *out = (kl_prompt_client){.pid = -1, .uid = -1};
  if (!kl_control_call_client(call, &out->pid, &out->uid)) return;
  /* The list of users may be on another machine. */
  const char *name = out->uid == 0 ? "root" : getenv("USER");
  if (name && (out->uid == 0 || out->uid == (int64_t)geteuid())) snprintf(out->user, sizeof out->user, "%s", name);
  snprintf(link, sizeof link, "/proc/%lld/fd/0", (long long)out->pid);
  ssize_t n = readlink(link, target, sizeof target - 1);
  if (n <= 0) return;
  target[n] = 0;
  if (!strncmp(target, "/dev/pts/", 9) || !strncmp(target, "/dev/tty", 8)) memcpy(out->tty, target, (size_t)n + 1);
}

void kl_prompt_client_name(const kl_prompt_client *c, kl_buf *out) {
  if (c->user[0])
    kl_buf_str(out, c->user);
  else
    kl_buf_printf(out, "user %lld", (long long)c->uid);
  if (c->tty[0]) kl_buf_printf(out, " on %s", c->tty);
  kl_buf_printf(out, " (process %lld)", (long long)c->pid);
}

/* ---- writing, on the thread ---- */

/* The file, at its end; a full one is put aside first. -1 with errno. */
static int open_file(const char *path) {
  char old[PATH_CAP + 2];
  struct stat now, there;
  for (int tries = 0; tries < 3; tries++) {
    int fd = open(path, FLAGS, 0600);
    if (fd < 0 || fstat(fd, &now) != 0 || !S_ISREG(now.st_mode) || now.st_size < FILE_MOST) return fd;
    /* Another process may be about to do the same: whoever holds the lock of the file that has the name does it. */
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && lstat(path, &there) == 0 && there.st_ino == now.st_ino &&
        there.st_dev == now.st_dev) {
      snprintf(old, sizeof old, "%s.1", path);
      if (rename(path, old) != 0) return fd; /* better too long than not at all */
    }
    close(fd);
  }
  return open(path, FLAGS, 0600);
}

/* One write for each line, so that lines of processes do not mix. False with errno. */
static bool write_lines(kl_journal *j, int fd, kl_buf *lines) {
  for (const char *p = lines->data, *end = p + lines->len; p < end;) {
    size_t n = (size_t)((const char *)memchr(p, '\n', (size_t)(end - p)) - p) + 1;
    ssize_t w;
    if (j->torn) { /* the rest of that line is missing: this one begins anew */
      if (write(fd, "\n", 1) != 1) return false;
      j->torn = false;
    }
    do
      w = write(fd, p, n);
    while (w < 0 && errno == EINTR);
    if (w < 0) return false;
    if ((size_t)w < n) {
      j->torn = w > 0;
      errno = ENOSPC;
      return false;
    }
    p += n;
  }
  return true;
}

static bool write_out(kl_journal *j, kl_buf *lines, kl_error *e) {
  char path[PATH_CAP];
  bool ok = true;
  if (j->given)
    snprintf(path, sizeof path, "%s", j->given);
  else
    ok = kl_state_path(path, sizeof path, "journal", true);
  int fd = ok ? open_file(path) : -1;
  ok = fd >= 0 && write_lines(j, fd, lines);
  if (!ok) kl_error_set(e, KL_ERR_INTERNAL, "%s: %s", path, strerror(errno));
  if (fd >= 0) close(fd);
  return ok;
}

static void *write_all(void *data) {
  kl_journal *j = data;
  kl_buf lines = {0};
  pthread_mutex_lock(&j->lock);
  while (!j->quit || j->pending.len > 0) {
    if (j->pending.len == 0) {
      pthread_cond_wait(&j->news, &j->lock);
      continue;
    }
    kl_error e = {0};
    kl_buf swap = lines;
    lines = j->pending;
    j->pending = swap;
    pthread_mutex_unlock(&j->lock);
    bool ok = write_out(j, &lines, &e);
    kl_buf_clear(&lines);
    pthread_mutex_lock(&j->lock);
    bool was = j->failing;
    j->failing = !ok;
    j->why = e;
    pthread_mutex_unlock(&j->lock); /* the log has a lock of its own */
    if (!ok && !was) kl_log_warn("kalua", "what is typed at prompts is not in the journal: %s", e.message);
    if (ok && was) kl_log_info("kalua", "the journal of prompts is written again; some of it is missing");
    pthread_mutex_lock(&j->lock);
  }
  j->ended = true;
  pthread_cond_signal(&j->done);
  pthread_mutex_unlock(&j->lock);
  kl_buf_free(&lines);
  return NULL;
}

/* ---- life ---- */

kl_journal *kl_journal_new(const char *path) {
  kl_journal *j = calloc(1, sizeof *j);
  if (j && path) j->given = strdup(path);
  if (!j || (path && !j->given)) {
    free(j);
    return NULL;
  }
  pthread_condattr_t mono;
  pthread_condattr_init(&mono);
  pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
  pthread_mutex_init(&j->lock, NULL);
  pthread_cond_init(&j->news, NULL);
  pthread_cond_init(&j->done, &mono);
  pthread_condattr_destroy(&mono);
  return j;
}

static void drop(kl_journal *j) {
  pthread_mutex_destroy(&j->lock);
  pthread_cond_destroy(&j->news);
  pthread_cond_destroy(&j->done);
  kl_buf_free(&j->pending);
  free(j->given);
  free(j);
}

void kl_journal_free(kl_journal *j) {
  if (!j) return;
  if (!j->has_thread) {
    drop(j);
    return;
  }
  int64_t until = kl_mono_ns(kl_clock_real()) + (int64_t)PATIENCE_S * 1000000000;
  struct timespec at = {.tv_sec = (time_t)(until / 1000000000), .tv_nsec = (long)(until % 1000000000)};
  pthread_mutex_lock(&j->lock);
  j->quit = true;
  pthread_cond_signal(&j->news);
  while (!j->ended && pthread_cond_timedwait(&j->done, &j->lock, &at) != ETIMEDOUT) {
  }
  bool ended = j->ended;
  pthread_mutex_unlock(&j->lock);
  if (!ended) { /* the disk hangs: its memory is the thread's, which ends with the process */
    pthread_detach(j->thread);
    return;
  }
  pthread_join(j->thread, NULL);
  drop(j);
}

/* ---- entries ---- */

/* The begin of the text that is kept, without cutting a character of UTF-8. */
static size_t kept_of(const char *text, size_t n, size_t most) {
  if (n <= most) return n;
  while (most > 0 && ((unsigned char)text[most] & 0xC0) == 0x80)
    most--;
  return most;
}

static void write_entry(kl_buf *b, const kl_journal_entry *e, const kl_buf *text) {
  char when[40];
  const kl_prompt_client *c = e->client;
  kl_time_rfc3339(when, sizeof when, kl_wall_us(kl_clock_real()), 3);
  kl_buf_char(b, '{');
  kl_json_field_str(b, "ts", when);
  kl_json_field_str(b, "user", c->user);
  kl_json_field_int(b, "uid", c->uid);
  kl_json_field_int(b, "client", c->pid);
  kl_json_field_str(b, "tty", c->tty);
  kl_json_field_int(b, "pid", getpid());
  kl_json_field_str(b, "strategy", e->strategy);
  kl_json_field_str(b, "env", e->env);
  kl_json_field_bool(b, "armed", e->armed);
  kl_json_field_str(b, "op", e->op);
  size_t kept = kept_of(text->data ? text->data : "", text->len, TEXT_MOST);
  kl_json_key(b, "text");
  kl_buf_json_string(b, text->data ? text->data : "", kept);
  if (kept < text->len) kl_json_field_int(b, "cut", (int64_t)(text->len - kept));
  if (e->outcome) kl_json_field_str(b, "outcome", e->outcome);
  if (e->ns >= 0) {
    kl_json_key(b, "ms");
    kl_buf_decimal(b, e->ns / 1000, 3);
  }
  kl_buf_str(b, "}\n");
}

/* What changes a strategy from outside belongs among what it says itself. */
static void log_armed(const kl_journal_entry *e, const kl_buf *text) {
  kl_buf who = {0};
  kl_prompt_client_name(e->client, &who);
  size_t n = kept_of(text->data ? text->data : "", text->len, LOGGED_MOST);
  kl_log_info(e->strategy, "prompt of %s: %s%s%.*s%s%s%s", who.data ? who.data : "?", e->op, text->len ? " " : "",
              (int)n, text->data ? text->data : "", n < text->len ? "…" : "", e->outcome ? " -> " : "",
              e->outcome ? e->outcome : "");
  kl_buf_free(&who);
}

void kl_journal_put(kl_journal *j, const kl_journal_entry *e) {
  kl_buf text = {0}, line = {0};
  if (!j) return;
  /* Far more than is kept, so that no secret is cut in half, which may not look like one any more. */
  const char *given = e->text ? e->text : "";
  kl_secret_mask(&text, given, kept_of(given, e->text ? e->n : 0, LOOKED_AT));
  write_entry(&line, e, &text);
  pthread_mutex_lock(&j->lock);
  if (!j->has_thread && !line.failed) j->has_thread = pthread_create(&j->thread, NULL, write_all, j) == 0;
  bool taken = j->has_thread && !line.failed && j->pending.len + line.len <= PENDING_MOST &&
               kl_buf_reserve(&j->pending, line.len);
  j->pending.failed = false; /* the next one may find memory again */
  if (taken) kl_buf_add(&j->pending, line.data, line.len);
  bool tell = !taken && j->lost++ == 0;
  pthread_cond_signal(&j->news);
  pthread_mutex_unlock(&j->lock);
  if (tell) kl_log_warn("kalua", "what is typed at prompts is missing in the journal: the disk does not take it");
  if (e->armed) log_armed(e, &text);
  kl_buf_free(&text);
  kl_buf_free(&line);
}

bool kl_journal_failing(kl_journal *j, kl_error *e) {
  if (!j) return false;
  pthread_mutex_lock(&j->lock);
  bool failing = j->failing;
  *e = j->why;
  pthread_mutex_unlock(&j->lock);
  return failing;
}
