/* The loop thread puts entries into a queue; a thread takes all that is there and writes it in one transaction. Two
 * connections: the thread's, and one of the loop thread for the few reads. */
#include "trading/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "trading/desk.h"
#include "trading/journal_impl.h"

#define NS INT64_C(1000000000)
#define MS INT64_C(1000000)

enum {
  BATCH_MS = 20,       /* how long an entry that nobody waits for waits for others */
  RETRY_MS = 1000,     /* after a write that failed */
  QUEUE_MOST = 200000, /* entries that wait while nothing can be written */
  PRUNE_EVERY_S = 3600,
  KEPT_DAYS = 30
};

bool kl_journal_no_memory(kl_error *e) {
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the order journal");
  return false;
}

sqlite3_stmt *kl_journal_prepare(sqlite3 *db, const char *path, const char *sql, kl_error *e) {
  sqlite3_stmt *q = NULL;
  if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK) (void)kl_journal_file_broke(db, path, "reading", e);
  return q;
}

/* ---- queues ---- */

static void push(kl_journal_queue *q, kl_journal_entry *x) {
  x->next = NULL;
  if (q->last)
    q->last->next = x;
  else
    q->first = x;
  q->last = x;
  q->n++;
}

static void append(kl_journal_queue *to, kl_journal_queue *from) {
  if (!from->first) return;
  if (to->last)
    to->last->next = from->first;
  else
    to->first = from->first;
  to->last = from->last;
  to->n += from->n;
  *from = (kl_journal_queue){0};
}

static void free_entry(kl_journal_entry *x) {
  if (x->kind == KL_ENTRY_NOTE) free(x->note.value);
  free(x);
}

static void free_queue(kl_journal_queue *q) {
  for (kl_journal_entry *x = q->first, *next; x; x = next) {
    next = x->next;
    free_entry(x);
  }
  *q = (kl_journal_queue){0};
}

/* ---- the thread ---- */

bool kl_journal_step(kl_order_journal *j, sqlite3_stmt *q, kl_error *e) {
  bool ok = sqlite3_step(q) == SQLITE_DONE || kl_journal_file_broke(j->db, j->path, "writing", e);
  sqlite3_reset(q);
  sqlite3_clear_bindings(q); /* they point into an entry */
  return ok;
}

static bool write_note(kl_order_journal *j, const char *key, const char *value, kl_error *e) {
  sqlite3_stmt *q = value ? j->put_note : j->drop_note;
  sqlite3_bind_text(q, 1, key, -1, SQLITE_STATIC);
  if (value) {
    sqlite3_bind_text(q, 2, value, -1, SQLITE_STATIC);
    sqlite3_bind_int64(q, 3, kl_journal_note_sum(key, value));
  }
  return kl_journal_step(j, q, e);
}

/* A transaction that changes nothing is not written, and brings nothing of what was committed before it to the disk. */
static bool write_flush(kl_order_journal *j, kl_error *e) {
  char value[32];
  snprintf(value, sizeof value, "%" PRId64, kl_wall_us(kl_clock_real()));
  return write_note(j, "flushed", value, e);
}

static bool write_entry(kl_order_journal *j, const kl_journal_entry *x, kl_error *e) {
  static const kl_journal_statement statements[] = {
      [KL_ENTRY_INTENT] = KL_JOURNAL_INSERT, [KL_ENTRY_UPDATE] = KL_JOURNAL_UPDATE};
  switch (x->kind) {
  case KL_ENTRY_INTENT:
  case KL_ENTRY_UPDATE:
    kl_journal_bind_row(j->statements[statements[x->kind]], statements[x->kind], &x->row);
    return kl_journal_step(j, j->statements[statements[x->kind]], e);
  case KL_ENTRY_FILL:
    kl_journal_bind_fill(j->statements[KL_JOURNAL_FILL], &x->fill);
    return kl_journal_step(j, j->statements[KL_JOURNAL_FILL], e);
  case KL_ENTRY_NOTE:
    return write_note(j, x->note.key, x->note.value, e);
  case KL_ENTRY_FLUSH:
    return !x->sync || write_flush(j, e);
  }
  return true;
}

void kl_journal_roll_back(kl_order_journal *j) {
  if (!sqlite3_get_autocommit(j->db)) sqlite3_exec(j->db, "ROLLBACK", NULL, NULL, NULL);
}

/* One transaction, which waits for the disk where somebody waits for it. */
static bool write_batch(kl_order_journal *j, const kl_journal_queue *batch, kl_error *e) {
  bool sync = false;
  for (const kl_journal_entry *x = batch->first; x; x = x->next)
    sync = sync || x->sync;
  if (sync != j->full_sync) {
    if (!kl_journal_file_run(j->db, j->path, sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL",
                             "writing", e))
      return false;
    j->full_sync = sync;
  }
  bool ok = kl_journal_file_run(j->db, j->path, "BEGIN IMMEDIATE", "writing", e);
  for (const kl_journal_entry *x = batch->first; x && ok; x = x->next)
    ok = write_entry(j, x, e);
  ok = ok && kl_journal_file_run(j->db, j->path, "COMMIT", "writing", e);
  if (!ok) kl_journal_roll_back(j);
  return ok;
}

/* Ended orders of long ago, a few at a time. */
static void prune(kl_order_journal *j) {
  kl_error e;
  int64_t now = kl_mono_ns(kl_clock_real());
  pthread_mutex_lock(&j->lock);
  bool due = j->prune_more || !j->pruned_ns || now - j->pruned_ns >= PRUNE_EVERY_S * NS;
  due = due && !j->in.first;
  if (due) {
    j->pruned_ns = now;
    /* A row that goes while it stands in the log would come back after a kill, as one that was never answered. */
    kl_journal_log_empty(&j->log);
  }
  pthread_mutex_unlock(&j->lock);
  if (!due) return;
  sqlite3_bind_int64(j->prune, 1, kl_wall_ms(kl_clock_real()) - KEPT_DAYS * INT64_C(86400000));
  j->prune_more = kl_journal_step(j, j->prune, &e) && sqlite3_changes(j->db) >= KL_JOURNAL_PRUNE_ROWS;
}

/* Whoever waits is told; the rest is gone when it was written, and else goes back into the queue, in front. */
static void settle(kl_order_journal *j, kl_journal_queue *batch, bool ok, const kl_error *e) {
  kl_journal_queue over = {0}, again = {0};
  for (kl_journal_entry *x = batch->first, *next; x; x = next) {
    next = x->next;
    if (x->written)
      push(&over, x);
    else if (ok)
      free_entry(x);
    else
      push(&again, x);
  }
  *batch = (kl_journal_queue){0};
  bool telling = over.first || ok != !j->error.kind;
  append(ok ? &j->done : &j->failed, &over);
  j->error = ok ? (kl_error){0} : *e;
  if (!ok) {
    append(&again, &j->in);
    j->in = again;
    while (j->in.n > QUEUE_MOST) {
      kl_journal_entry *x = j->in.first;
      j->in.first = x->next;
      j->in.n--;
      j->lost++;
      free_entry(x);
    }
  }
  if (telling) uv_async_send(&j->told);
}

static void wait_for(kl_order_journal *j, int64_t ms) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  int64_t ns = until.tv_nsec + ms * MS;
  until.tv_sec += (time_t)(ns / NS);
  until.tv_nsec = (long)(ns % NS);
  (void)pthread_cond_timedwait(&j->wake, &j->lock, &until);
}

/* Until there is something to write now. Under the lock. False: no more comes. */
static bool await_entries(kl_order_journal *j) {
  while (!j->in.first && !j->ending) {
    pthread_mutex_unlock(&j->lock);
    prune(j);
    bool more = j->prune_more;
    pthread_mutex_lock(&j->lock);
    if (!j->in.first && !j->ending) wait_for(j, more ? 50 : PRUNE_EVERY_S * INT64_C(1000));
  }
  int64_t until = kl_mono_ns(kl_clock_real()) + (j->error.kind ? RETRY_MS : BATCH_MS) * MS, now;
  while (!j->sync && !j->ending && (now = kl_mono_ns(kl_clock_real())) < until)
    wait_for(j, (until - now) / MS + 1);
  return j->in.first != NULL;
}

static void *work(void *data) {
  kl_order_journal *j = data;
  pthread_mutex_lock(&j->lock);
  while (await_entries(j)) {
    kl_journal_queue batch = j->in;
    kl_error e = {0};
    j->in = (kl_journal_queue){0};
    j->sync = false;
    kl_journal_log_turn(&j->log);
    pthread_mutex_unlock(&j->lock);
    bool ok = write_batch(j, &batch, &e);
    if (ok) kl_journal_log_committed(&j->log);
    pthread_mutex_lock(&j->lock);
    bool ending = j->ending;
    settle(j, &batch, ok, &e);
    if (!ok && ending) break;
  }
  pthread_mutex_unlock(&j->lock);
  return NULL;
}

/* ---- from the thread to the loop ---- */

static void tell(kl_journal_queue *q, const kl_error *e) {
  for (kl_journal_entry *x = q->first, *next; x; x = next) {
    next = x->next;
    x->written(x->data, e);
    free_entry(x);
  }
}

static void tell_all(kl_order_journal *j) {
  pthread_mutex_lock(&j->lock);
  kl_journal_queue done = j->done, failed = j->failed;
  kl_error e = j->error;
  j->done = j->failed = (kl_journal_queue){0};
  pthread_mutex_unlock(&j->lock);
  kl_journal_waiter spare[KL_JOURNAL_SPARE];
  size_t n = j->n_spare;
  memcpy(spare, j->spare, n * sizeof *spare);
  j->n_spare = 0;
  tell(&done, NULL);
  if (failed.first && !e.kind) /* it went well again since */
    kl_error_set(&e, KL_ERR_CONFIG, "order journal %.300s could not be written for a moment", j->path);
  tell(&failed, &e);
  kl_error none;
  (void)kl_journal_no_memory(&none);
  for (size_t i = 0; i < n; i++)
    spare[i].written(spare[i].data, &none);
}

static void log_state(kl_order_journal *j) {
  kl_error e;
  bool broken = kl_order_journal_broken(j, &e);
  if (broken && !j->warned)
    kl_log_warn("journal", "%s", e.message);
  else if (!broken && j->warned)
    kl_log_info("journal", "order journal %s is written again", j->path);
  j->warned = broken;
}

static void on_told(uv_async_t *h) {
  kl_order_journal *j = h->data;
  log_state(j);
  tell_all(j);
}

size_t kl_order_journal_waiting(const kl_order_journal *j) {
  kl_order_journal *m = (kl_order_journal *)(uintptr_t)j;
  pthread_mutex_lock(&m->lock);
  size_t n = j->in.n;
  pthread_mutex_unlock(&m->lock);
  return n;
}

bool kl_order_journal_broken(const kl_order_journal *j, kl_error *e) {
  kl_order_journal *m = (kl_order_journal *)(uintptr_t)j; /* the lock is no part of what is asked */
  pthread_mutex_lock(&m->lock);
  bool broken = j->error.kind != NULL;
  if (broken && e) {
    *e = j->error;
    size_t n = strlen(e->message);
    if (j->lost)
      (void)snprintf(e->message + n, sizeof e->message - n,
                     "; %" PRIu64 " changes of orders are not kept, and %zu wait", j->lost, j->in.n);
    else
      (void)snprintf(e->message + n, sizeof e->message - n,
                     "; it is tried again each second, and %zu changes of orders wait in memory: a restart before they "
                     "are written does not know them",
                     j->in.n);
  }
  pthread_mutex_unlock(&m->lock);
  return broken;
}

/* ---- from the loop to the thread ---- */

static kl_journal_entry *entry_new(kl_journal_entry_kind kind, size_t more) {
  static const size_t sizes[] = {[KL_ENTRY_INTENT] = offsetof(kl_journal_entry, row) + sizeof(kl_journal_row),
                                 [KL_ENTRY_UPDATE] = offsetof(kl_journal_entry, row) + sizeof(kl_journal_row),
                                 [KL_ENTRY_FILL] = offsetof(kl_journal_entry, fill) + sizeof(kl_journal_fill_row),
                                 [KL_ENTRY_NOTE] = offsetof(kl_journal_entry, note.key),
                                 [KL_ENTRY_FLUSH] = sizeof(kl_journal_entry)};
  size_t n = sizes[kind] + more;
  kl_journal_entry *x = malloc(n < sizeof *x ? sizeof *x : n);
  if (!x) return NULL;
  *x = (kl_journal_entry){.next = NULL};
  x->kind = kind;
  return x;
}

static void give(kl_order_journal *j, kl_journal_entry *x, const kl_buf *logged) {
  bool added = true;
  pthread_mutex_lock(&j->lock);
  if (logged) added = kl_journal_log_add(&j->log, logged->data, logged->len);
  int why = errno;
  bool first = !j->in.first;
  push(&j->in, x);
  bool sync = x->sync || x->kind == KL_ENTRY_NOTE || x->kind == KL_ENTRY_FLUSH;
  bool wake = first || (sync && !j->sync);
  j->sync = j->sync || sync;
  if (wake) pthread_cond_signal(&j->wake);
  pthread_mutex_unlock(&j->lock);
  if (!added)
    kl_log_warn("journal",
                "order journal %s: a file beside it cannot be written (%s): what is ordered in the %d ms "
                "before a kill may be forgotten",
                j->path, strerror(why), (int)BATCH_MS);
}

static void refuse(kl_order_journal *j, kl_journal_written *written, void *data) {
  if (!written) {
    kl_log_warn("journal", "there was no memory to journal an order: a restart would not know it");
    return;
  }
  if (j->n_spare < KL_JOURNAL_SPARE) {
    j->spare[j->n_spare++] = (kl_journal_waiter){written, data};
    uv_async_send(&j->told);
    return;
  }
  kl_error e; /* so many at once that there is no room to remember them until the loop runs on */
  (void)kl_journal_no_memory(&e);
  written(data, &e);
}

static void order_entry(kl_journal_entry *x, const kl_desk_order *o) {
  kl_journal_row_of(o, &x->row);
  x->row.known.changed_ms = kl_wall_ms(kl_clock_real());
}

void kl_order_journal_intent(kl_order_journal *j, const kl_desk_order *o, const char *party, bool sync,
                             kl_journal_written *written, void *data) {
  kl_buf logged = {0};
  kl_journal_entry *x = entry_new(KL_ENTRY_INTENT, 0);
  if (x) {
    order_entry(x, o);
    x->sync = sync;
    x->written = written;
    x->data = data;
    x->row.wanted.run = j->run;
    (void)snprintf(x->row.wanted.party, sizeof x->row.wanted.party, "%s", party);
    if (!sync) kl_journal_pack(&x->row, &logged);
  }
  if (!x || logged.failed) {
    kl_buf_free(&logged);
    free(x);
    refuse(j, written, data);
    return;
  }
  give(j, x, sync ? NULL : &logged);
  kl_buf_free(&logged);
}

void kl_order_journal_update(kl_order_journal *j, const kl_desk_order *o) {
  kl_journal_entry *x = entry_new(KL_ENTRY_UPDATE, 0);
  if (!x) return; /* the exchange says it again after a restart */
  order_entry(x, o);
  give(j, x, NULL);
}

void kl_order_journal_flush(kl_order_journal *j, bool sync, kl_journal_written *written, void *data) {
  kl_journal_entry *x = entry_new(KL_ENTRY_FLUSH, 0);
  if (!x) {
    refuse(j, written, data);
    return;
  }
  x->sync = sync;
  x->written = written;
  x->data = data;
  give(j, x, NULL);
}

void kl_order_journal_fill(kl_order_journal *j, const kl_account_fill *f, const char *party) {
  kl_journal_entry *x = entry_new(KL_ENTRY_FILL, 0);
  if (!x) return; /* the exchange has it */
  x->fill.fill = *f;
  (void)snprintf(x->fill.party, sizeof x->fill.party, "%s", party);
  give(j, x, NULL);
}

/* What the reader does not see yet. */
static bool remember_note(kl_order_journal *j, const char *key, const char *value) {
  char *copy = strdup(value ? value : "");
  if (!copy) return false;
  char *old = kl_map_get(j->noted, key, strlen(key));
  if (!kl_map_set(j->noted, key, strlen(key), copy)) {
    free(copy);
    return false;
  }
  free(old);
  return true;
}

void kl_order_journal_note(kl_order_journal *j, const char *key, const char *value) {
  size_t n = strlen(key) + 1;
  kl_journal_entry *x = entry_new(KL_ENTRY_NOTE, n);
  char *copy = value ? strdup(value) : NULL;
  if (!x || (value && !copy) || !remember_note(j, key, value)) {
    free(copy);
    free(x);
    kl_log_warn("journal", "there was no memory to journal the note %s", key);
    return;
  }
  memcpy(x->note.key, key, n);
  x->note.value = copy;
  give(j, x, NULL);
}

/* ---- life ---- */

static void free_journal(kl_order_journal *j) {
  for (int i = 0; i < KL_JOURNAL_STATEMENTS; i++)
    sqlite3_finalize(j->statements[i]);
  sqlite3_finalize(j->prune);
  sqlite3_finalize(j->put_note);
  sqlite3_finalize(j->drop_note);
  sqlite3_close(j->db);
  sqlite3_close(j->reader);
  size_t cursor = 0, n;
  const char *key;
  void *value;
  while (j->noted && kl_map_next(j->noted, &cursor, &key, &n, &value))
    free(value);
  kl_map_free(j->noted);
  kl_map_free(j->live);
  free_queue(&j->in);
  free(j->path);
  free(j);
}

static bool start_thread(kl_order_journal *j, kl_error *e) {
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&j->wake, &monotonic);
  pthread_condattr_destroy(&monotonic);
  pthread_mutex_init(&j->lock, NULL);
  if (pthread_create(&j->thread, NULL, work, j) == 0) return true;
  pthread_cond_destroy(&j->wake);
  pthread_mutex_destroy(&j->lock);
  kl_error_set(e, KL_ERR_INTERNAL, "order journal %.300s: there is no thread to write it", j->path);
  return false;
}

static void free_closed(uv_handle_t *h) {
  kl_order_journal *j = h->data;
  void (*closed)(void *data) = j->closed;
  void *data = j->closed_data;
  free_journal(j);
  if (closed) closed(data);
}

bool kl_order_journal_open(uv_loop_t *loop, const char *path, kl_order_journal **out, kl_error *e) {
  *out = NULL;
  kl_order_journal *j = calloc(1, sizeof *j);
  if (!j) return kl_journal_no_memory(e);
  j->loop = loop;
  j->log.fd[0] = j->log.fd[1] = -1;
  j->path = strdup(path);
  j->live = kl_map_new();
  j->noted = kl_map_new();
  bool ok = (j->path && j->live && j->noted) || kl_journal_no_memory(e);
  ok = ok && kl_journal_file_open(path, &j->db, e) && kl_journal_file_again(path, &j->reader, e) &&
       kl_journal_prepare_all(j, e) && kl_journal_begin_run(j, e);
  if (ok) {
    uv_async_init(loop, &j->told, on_told);
    j->told.data = j;
    ok = start_thread(j, e);
    if (!ok) {
      kl_journal_log_close(&j->log, true);
      uv_close((uv_handle_t *)&j->told, free_closed);
      return false;
    }
    *out = j;
    return true;
  }
  kl_journal_log_close(&j->log, true);
  free_journal(j);
  return false;
}

void kl_order_journal_close(kl_order_journal *j, void (*closed)(void *data), void *data) {
  char sql[96];
  pthread_mutex_lock(&j->lock);
  j->ending = true;
  pthread_cond_signal(&j->wake);
  pthread_mutex_unlock(&j->lock);
  pthread_join(j->thread, NULL);
  log_state(j);
  if (j->in.first)
    kl_log_error("journal", "%zu changes of orders could not be written to the order journal %s", j->in.n, j->path);
  tell_all(j);
  /* Everything is written: nobody has to look what this process left behind. */
  bool whole = !j->in.first && !j->lost;
  (void)snprintf(sql, sizeof sql, "DELETE FROM runs WHERE number = %" PRId64, j->run);
  whole = whole && sqlite3_exec(j->db, sql, NULL, NULL, NULL) == SQLITE_OK;
  kl_journal_log_close(&j->log, whole);
  pthread_cond_destroy(&j->wake);
  pthread_mutex_destroy(&j->lock);
  j->closed = closed;
  j->closed_data = data;
  uv_close((uv_handle_t *)&j->told, free_closed);
}
