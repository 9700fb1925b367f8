#include "script/state_file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/database_file.h"
#include "base/log.h"
#include "base/map.h"

enum {
  APPLICATION = 0x4b414c54, /* "KALT": what the header of the file says of its owner */
  SIMULATOR = 0x4b414c53,   /* that of kalua sim */
  VERSION = 1               /* of the table and of the images in it */
};

static const char table[] = "CREATE TABLE states(name TEXT PRIMARY KEY, generation INTEGER NOT NULL, schema INTEGER "
                            "NOT NULL, hash TEXT NOT NULL,"
                            " saved_us INTEGER NOT NULL, image BLOB NOT NULL, sum INTEGER NOT NULL)";

typedef struct row {
  char *name; /* owned */
  kl_saved_state about;
  void *image; /* owned */
  size_t n;
  void *old;        /* that the thread still reads; owned, freed when it is done */
  uint64_t put;     /* number of the last put; 0: as it was read */
  uint64_t written; /* the put that is on the disk */
  struct row *next;
} row;

/* What the thread writes of a row. */
typedef struct {
  row *row;
  kl_saved_state about;
  const void *image;
  size_t n;
  uint64_t put;
} entry;

struct kl_state_file {
  uv_loop_t *loop;
  sqlite3 *db; /* the thread's while `busy` */
  char *path;
  kl_map *rows; /* by name */
  row *first;
  kl_list waiters;
  uint64_t puts;
  uv_work_t work;
  bool busy;
  entry *entries; /* of the work under way; owned */
  size_t n_entries;
  kl_error error; /* of the last work, kind NULL when it went well; written by the thread while busy */
  char told[sizeof((kl_error *)NULL)->message]; /* the error that the log has; "" */
  int64_t took_us, thread_took_us;
};

const char *kl_state_file_path(const kl_state_file *f) { return f->path; }
int64_t kl_state_file_took_us(const kl_state_file *f) { return f->took_us; }

/* ---- what goes wrong ---- */

static const char *advice(int code) {
  switch (code & 0xff) {
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return ": another process uses it; end that one, or name another file (--state)";
  case SQLITE_FULL:
    return ": no space is left on its disk";
  case SQLITE_READONLY:
  case SQLITE_CANTOPEN:
  case SQLITE_PERM:
    return ": it and its folder must be writable";
  case SQLITE_NOTADB:
  case SQLITE_CORRUPT:
    return ": it is damaged; go back to a copy of it, or name a new file (--state)";
  case SQLITE_TOOBIG:
    return ": a state may have a gigabyte at the most";
  default:
    return "";
  }
}

static bool broke(const kl_state_file *f, const char *doing, kl_error *e) {
  int code = f->db ? sqlite3_extended_errcode(f->db) : SQLITE_NOMEM;
  kl_error_coded(e, code == SQLITE_NOMEM ? KL_ERR_INTERNAL : KL_ERR_CONFIG, "state_file_unusable",
                 "state file %.300s: %s failed (%.120s)%s", f->path, doing,
                 f->db ? sqlite3_errmsg(f->db) : "out of memory", advice(code));
  return false;
}

static bool damaged(const kl_state_file *f, const char *what, kl_error *e) {
  kl_error_coded(e, KL_ERR_CONFIG, "state_file_damaged",
                 "state file %.300s is damaged: %.120s; go back to a copy of it, or name a new file (--state)", f->path,
                 what);
  return false;
}

static bool no_memory(kl_error *e) {
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the state file");
  return false;
}

static bool run_text(const kl_state_file *f, const char *sql, const char *doing, kl_error *e) {
  return sqlite3_exec(f->db, sql, NULL, NULL, NULL) == SQLITE_OK || broke(f, doing, e);
}

/* ---- rows ---- */

/* Over all that a row has: a bit that has flipped in the file is found when it is read. */
static int64_t sum_of(const char *name, const kl_saved_state *about, const void *image, size_t n) {
  char text[128];
  int k = snprintf(text, sizeof text, "%d %d %.16s %" PRId64 " %" PRIx64 " %" PRIx64, about->generation, about->schema,
                   about->hash, about->saved_us, kl_hash_bytes(name, strlen(name)), kl_hash_bytes(image, n));
  return (int64_t)kl_hash_bytes(text, (size_t)k);
}

static row *row_of(kl_state_file *f, const char *name, kl_error *e) {
  row *r = kl_map_get(f->rows, name, strlen(name));
  if (r) return r;
  r = calloc(1, sizeof *r);
  if (r) r->name = strdup(name);
  if (!r || !r->name || !kl_map_set(f->rows, name, strlen(name), r)) {
    if (r) free(r->name);
    free(r);
    (void)no_memory(e);
    return NULL;
  }
  r->next = f->first;
  f->first = r;
  return r;
}

const void *kl_state_file_get(const kl_state_file *f, const char *name, size_t *n, kl_saved_state *out) {
  const row *r = kl_map_get(f->rows, name, strlen(name));
  if (!r || !r->image) return NULL;
  *n = r->n;
  if (out) *out = r->about;
  return r->image;
}

/* ---- writing ---- */

static bool write_entry(const kl_state_file *f, sqlite3_stmt *q, const entry *w, kl_error *e) {
  sqlite3_bind_text(q, 1, w->row->name, -1, SQLITE_STATIC); /* a name does not change */
  sqlite3_bind_int(q, 2, w->about.generation);
  sqlite3_bind_int(q, 3, w->about.schema);
  sqlite3_bind_text(q, 4, w->about.hash, -1, SQLITE_STATIC);
  sqlite3_bind_int64(q, 5, w->about.saved_us);
  bool ok = sqlite3_bind_blob64(q, 6, w->image, w->n, SQLITE_STATIC) == SQLITE_OK;
  sqlite3_bind_int64(q, 7, sum_of(w->row->name, &w->about, w->image, w->n));
  ok = ok && sqlite3_step(q) == SQLITE_DONE;
  if (!ok) (void)broke(f, "writing", e); /* before the reset, which may change what SQLite says */
  sqlite3_reset(q);
  return ok;
}

/* One transaction; touches nothing but the database, the entries and the error. */
static bool write_all(kl_state_file *f, kl_error *e) {
  int64_t from = kl_mono_ns(kl_clock_real());
  sqlite3_stmt *q = NULL;
  if (!run_text(f, "BEGIN IMMEDIATE", "writing", e)) return false;
  bool ok = sqlite3_prepare_v2(f->db, "INSERT OR REPLACE INTO states VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)", -1, &q,
                               NULL) == SQLITE_OK ||
            broke(f, "writing", e);
  for (size_t i = 0; ok && i < f->n_entries; i++)
    ok = write_entry(f, q, &f->entries[i], e);
  sqlite3_finalize(q);
  ok = ok && run_text(f, "COMMIT", "writing", e);
  if (!ok && !sqlite3_get_autocommit(f->db)) sqlite3_exec(f->db, "ROLLBACK", NULL, NULL, NULL);
  f->thread_took_us = (kl_mono_ns(kl_clock_real()) - from) / 1000;
  return ok;
}

/* What has changed since it was written. False when memory is out. */
static bool collect(kl_state_file *f) {
  size_t n = 0;
  for (const row *r = f->first; r; r = r->next)
    n += r->put > r->written;
  f->n_entries = 0;
  f->entries = n ? calloc(n, sizeof *f->entries) : NULL;
  if (n && !f->entries) return false;
  for (row *r = f->first; r && f->entries; r = r->next) {
    if (r->put == r->written) continue;
    f->entries[f->n_entries++] = (entry){.row = r, .about = r->about, .image = r->image, .n = r->n, .put = r->put};
  }
  return true;
}

/* The transaction is over: who waited for what it wrote is told. */
static void settle(kl_state_file *f) {
  bool ok = !f->error.kind;
  f->took_us = f->thread_took_us;
  for (size_t i = 0; i < f->n_entries; i++) {
    row *r = f->entries[i].row;
    if (ok) r->written = f->entries[i].put;
    free(r->old);
    r->old = NULL;
  }
  free(f->entries);
  f->entries = NULL;
  f->n_entries = 0;
  if (!ok && strcmp(f->told, f->error.message) != 0) {
    kl_log_error("state", "%s; it is tried again", f->error.message);
    memcpy(f->told, f->error.message, sizeof f->told);
  } else if (ok && f->told[0]) {
    kl_log_info("state", "state file %s is written again", f->path);
    f->told[0] = 0;
  }
  uint64_t missing = UINT64_MAX; /* the first put that may not be on the disk */
  for (const row *r = f->first; r; r = r->next)
    if (r->put > r->written && r->written + 1 < missing) missing = r->written + 1;
  kl_list over;
  kl_list_init(&over);
  for (kl_list *n = f->waiters.next, *next; n != &f->waiters; n = next) {
    next = n->next;
    if (ok && KL_CONTAINER(n, kl_state_waiter, link)->until >= missing) continue;
    kl_list_remove(n);
    kl_list_append(&over, n);
  }
  kl_error why = f->error;
  while (!kl_list_empty(&over)) {
    kl_state_waiter *w = KL_CONTAINER(over.next, kl_state_waiter, link);
    kl_list_remove(&w->link);
    w->done(w, ok ? NULL : &why);
  }
}

static void work(uv_work_t *w) {
  kl_state_file *f = w->data;
  kl_error e = {0};
  (void)write_all(f, &e);
  f->error = e;
}

static void start(kl_state_file *f);

static void worked(uv_work_t *w, int status) {
  kl_state_file *f = w->data;
  (void)status;
  bool ok = !f->error.kind;
  f->busy = false;
  settle(f);
  if (ok) start(f); /* what was put meanwhile */
}

/* Without memory the rest stays for the next time. */
static void start(kl_state_file *f) {
  if (f->busy || !collect(f) || !f->n_entries) return;
  f->work.data = f;
  f->busy = uv_queue_work(f->loop, &f->work, work, worked) == 0;
  if (f->busy) return;
  free(f->entries);
  f->entries = NULL;
  f->n_entries = 0;
}

bool kl_state_file_put(kl_state_file *f, const char *name, const kl_saved_state *about, int64_t now_us, kl_buf *image,
                       kl_error *e) {
  row *r = !image->failed && image->data ? row_of(f, name, e) : NULL;
  if (!r) {
    kl_buf_free(image);
    return no_memory(e);
  }
  bool same = r->image && r->n == image->len && memcmp(r->image, image->data, r->n) == 0 &&
              r->about.generation == about->generation && r->about.schema == about->schema &&
              strncmp(r->about.hash, about->hash, sizeof r->about.hash) == 0;
  if (!same) {
    bool read = false; /* by the thread */
    for (size_t i = 0; f->busy && i < f->n_entries; i++)
      read = read || f->entries[i].image == r->image;
    if (read)
      r->old = r->image;
    else
      free(r->image);
    r->image = image->data;
    r->n = image->len;
    memset(image, 0, sizeof *image);
    r->about = *about;
    r->about.hash[sizeof r->about.hash - 1] = 0;
    r->about.saved_us = now_us;
    r->put = ++f->puts;
  }
  kl_buf_free(image);
  start(f);
  return true;
}

bool kl_state_file_wait(kl_state_file *f, kl_state_waiter *w) {
  bool missing = false;
  for (const row *r = f->first; r; r = r->next)
    missing = missing || r->put > r->written;
  kl_list_init(&w->link);
  if (!missing) return false;
  w->until = f->puts;
  kl_list_append(&f->waiters, &w->link);
  start(f);
  return true;
}

void kl_state_file_leave(kl_state_waiter *w) { kl_list_remove(&w->link); }

/* ---- opening ---- */

static bool unusable(const char *path, const char *what, int why, kl_error *e) {
  kl_error_coded(e, KL_ERR_CONFIG, "state_file_unusable", "state file %.300s %s: %s", path, what, strerror(why));
  return false;
}

static void say_foreign(const char *path, uint32_t owner, kl_error *e) {
  if (owner == SIMULATOR)
    kl_error_coded(
        e, KL_ERR_CONFIG, "state_file_foreign",
        "%.200s is the state file of a simulator, and --state names the one of the scripts: give another name; the "
        "embedded exchange keeps its own beside that, in NAME.exchange",
        path);
  else
    kl_error_coded(e, KL_ERR_CONFIG, "state_file_foreign",
                   "%.300s is not a state file of Kalua: name another file, or a new one (--state)", path);
}

/* The file exists afterwards, with nobody else allowed to read it. */
static bool claim(const char *path, kl_error *e) {
  kl_database_file f = {.application = APPLICATION, .version = VERSION};
  switch (kl_database_claim(path, O_RDWR | O_CREAT, &f)) {
  case KL_DATABASE_OURS:
    close(f.fd);
    return true;
  case KL_DATABASE_UNOPENED:
    return unusable(path, "cannot be opened for writing", f.why, e);
  case KL_DATABASE_UNREADABLE:
    return unusable(path, "cannot be read", f.why, e);
  case KL_DATABASE_EXPOSED:
    return unusable(path, "may be read by others, which cannot be changed", f.why, e);
  case KL_DATABASE_NO_FILE:
    kl_error_coded(e, KL_ERR_CONFIG, "state_file_unusable", "state file %.300s is not a regular file", path);
    return false;
  case KL_DATABASE_FOREIGN:
    say_foreign(path, f.application, e);
    return false;
  case KL_DATABASE_OTHER_FORM:
    kl_error_coded(e, KL_ERR_CONFIG, "state_file_newer",
                   "state file %.300s was written in form %" PRIu32 ", and this Kalua knows form %d: %s", path,
                   f.version, VERSION, f.version > VERSION ? "use the newer Kalua that wrote it" : "it is too old");
    return false;
  }
  return false;
}

/* The text of the first row; "" when there is none. */
static bool ask_text(const kl_state_file *f, const char *sql, char *out, size_t cap, kl_error *e) {
  sqlite3_stmt *q = NULL;
  int rc = sqlite3_prepare_v2(f->db, sql, -1, &q, NULL);
  if (rc == SQLITE_OK) rc = sqlite3_step(q);
  const char *text = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(q, 0) : NULL;
  (void)snprintf(out, cap, "%s", text ? text : "");
  bool ok = rc == SQLITE_ROW || rc == SQLITE_DONE || broke(f, "reading", e);
  sqlite3_finalize(q);
  return ok;
}

static bool take_row(kl_state_file *f, sqlite3_stmt *q, kl_error *e) {
  const char *name = (const char *)sqlite3_column_text(q, 0), *hash = (const char *)sqlite3_column_text(q, 3);
  const void *image = sqlite3_column_blob(q, 5);
  size_t n = (size_t)sqlite3_column_bytes(q, 5);
  kl_saved_state about = {.generation = sqlite3_column_int(q, 1),
                          .schema = sqlite3_column_int(q, 2),
                          .saved_us = sqlite3_column_int64(q, 4)};
  if (hash) (void)snprintf(about.hash, sizeof about.hash, "%s", hash);
  if (!name || !hash || !image || sqlite3_column_int64(q, 6) != sum_of(name, &about, image, n))
    return damaged(f, "a state does not match its checksum", e);
  row *r = row_of(f, name, e);
  if (!r) return false;
  r->image = malloc(n);
  if (!r->image) return no_memory(e);
  memcpy(r->image, image, n);
  r->n = n;
  r->about = about;
  return true;
}

static bool load(kl_state_file *f, kl_error *e) {
  sqlite3_stmt *q = NULL;
  int rc = sqlite3_prepare_v2(f->db, "SELECT name, generation, schema, hash, saved_us, image, sum FROM states", -1, &q,
                              NULL);
  bool ok = rc == SQLITE_OK || broke(f, "reading", e);
  while (ok && (rc = sqlite3_step(q)) == SQLITE_ROW)
    ok = take_row(f, q, e);
  if (ok && rc != SQLITE_DONE) ok = broke(f, "reading", e);
  sqlite3_finalize(q);
  return ok;
}

/* A new file gets its owner's mark and its table in one transaction. */
static bool set_up(kl_state_file *f, kl_error *e) {
  char text[sizeof table + 64], make[sizeof table + 160];
  sqlite3_extended_result_codes(f->db, 1);
  sqlite3_db_config(f->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  /* The lock is taken here and kept. In the journal's mode the file is whole by itself after each transaction, so that
   * a copy of it is a copy of the state; the disk is waited for. */
  if (!run_text(f,
                "PRAGMA locking_mode = EXCLUSIVE; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
                "PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY",
                "opening", e) ||
      !run_text(f, "BEGIN EXCLUSIVE; COMMIT", "opening", e) ||
      !ask_text(f, "SELECT group_concat(sql) FROM sqlite_schema WHERE sql IS NOT NULL", text, sizeof text, e))
    return false;
  if (!text[0]) {
    (void)snprintf(make, sizeof make, "BEGIN; PRAGMA application_id = %d; PRAGMA user_version = %d; %s; COMMIT",
                   APPLICATION, VERSION, table);
    return run_text(f, make, "writing", e);
  }
  if (strcmp(text, table) != 0) return damaged(f, "its table is not as this version of Kalua writes it", e);
  if (!ask_text(f, "PRAGMA quick_check(1)", text, sizeof text, e)) return false;
  return strcmp(text, "ok") == 0 ? load(f, e) : damaged(f, text, e);
}

static void free_file(kl_state_file *f) {
  sqlite3_close(f->db);
  for (row *r = f->first, *next; r; r = next) {
    next = r->next;
    free(r->name);
    free(r->image);
    free(r->old);
    free(r);
  }
  kl_map_free(f->rows);
  free(f->path);
  free(f);
}

bool kl_state_file_open(uv_loop_t *loop, const char *path, kl_state_file **out, kl_error *e) {
  *out = NULL;
  if (!*path) {
    kl_error_coded(e, KL_ERR_CONFIG, "state_file_unusable", "the state file needs a name (--state)");
    return false;
  }
  if (!claim(path, e)) return false;
  kl_state_file *f = calloc(1, sizeof *f);
  if (!f) return no_memory(e);
  f->loop = loop;
  kl_list_init(&f->waiters);
  f->path = strdup(path);
  f->rows = kl_map_new();
  bool ok = (f->path && f->rows) || no_memory(e);
  /* The loop thread and the thread that writes use it in turns. */
  ok = ok && (sqlite3_open_v2(path, &f->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                              NULL) == SQLITE_OK ||
              broke(f, "opening", e));
  if (ok && set_up(f, e)) {
    *out = f;
    return true;
  }
  free_file(f);
  return false;
}

bool kl_state_file_flush(kl_state_file *f, kl_error *e) {
  if (!f) return true;
  while (f->busy)
    uv_run(f->loop, UV_RUN_ONCE);
  kl_error why = {0};
  bool ok = collect(f) || no_memory(&why);
  if (ok && f->n_entries) {
    ok = write_all(f, &why);
    f->error = why;
    settle(f);
  }
  if (!ok && e) *e = why;
  return ok;
}

bool kl_state_file_close(kl_state_file *f, kl_error *e) {
  bool ok = kl_state_file_flush(f, e);
  if (f) free_file(f);
  return ok;
}
