#include "sim/store.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/database_file.h"
#include "sim/store_file.h"

enum {
  APPLICATION = 0x4b414c53, /* "KALS": what the header of the file says of its owner */
  VERSION = 1,              /* of the tables */
  PAGES_OF_LOG = 4000       /* the log is copied into the file when it has grown to this, 16 MiB */
};

struct kl_sim_store {
  sqlite3 *db;
  char *path;
  sqlite3_stmt *begin, *commit, *put, *remove;
  bool pending, failed;
  bool fresh; /* it had no tables when it was opened */
  kl_error error;
};

/* ---- what goes wrong ---- */

sqlite3 *kl_sim_store_db(kl_sim_store *st) { return st->db; }
const char *kl_sim_store_path(const kl_sim_store *st) { return st->path; }
const kl_error *kl_sim_store_error(const kl_sim_store *st) { return st && st->failed ? &st->error : NULL; }

static const char *advice(int code) {
  switch (code & 0xff) {
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return ": it is in use by another process; one simulator at a time has it";
  case SQLITE_FULL:
    return ": no space is left on its disk";
  case SQLITE_READONLY:
  case SQLITE_CANTOPEN:
  case SQLITE_PERM:
    return ": it and its folder must be writable";
  case SQLITE_NOTADB:
  case SQLITE_CORRUPT:
    return ": it is damaged; go back to a copy of it, or name a new file";
  default:
    return "";
  }
}

static bool set_failed(kl_sim_store *st, const char *kind, const char *text) {
  if (st->failed) return false;
  st->failed = true;
  kl_error_set(&st->error, kind, "%s", text);
  return false;
}

bool kl_sim_store_broke(kl_sim_store *st, const char *doing) {
  char text[600];
  int code = st->db ? sqlite3_extended_errcode(st->db) : SQLITE_NOMEM;
  (void)snprintf(text, sizeof text, "state file %.300s: %s failed (%s)%s", st->path, doing,
                 st->db ? sqlite3_errmsg(st->db) : "out of memory", advice(code));
  return set_failed(st, code == SQLITE_NOMEM ? KL_ERR_INTERNAL : KL_ERR_CONFIG, text);
}

bool kl_sim_store_damaged(kl_sim_store *st, const char *fmt, ...) {
  char what[240], text[600];
  va_list ap;
  va_start(ap, fmt);
  (void)vsnprintf(what, sizeof what, fmt, ap);
  va_end(ap);
  (void)snprintf(text, sizeof text, "state file %.250s is damaged: %.200s; go back to a copy of it, or name a new file",
                 st->path, what);
  return set_failed(st, KL_ERR_CONFIG, text);
}

/* ---- statements ---- */

sqlite3_stmt *kl_sim_store_prepare(kl_sim_store *st, const char *sql) {
  sqlite3_stmt *q = NULL;
  if (st->failed) return NULL;
  if (sqlite3_prepare_v3(st->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &q, NULL) != SQLITE_OK)
    (void)kl_sim_store_broke(st, "reading its tables");
  return q;
}

static bool step(kl_sim_store *st, sqlite3_stmt *q, const char *doing) {
  bool ok = q && sqlite3_step(q) == SQLITE_DONE;
  if (!ok) (void)kl_sim_store_broke(st, doing); /* before the reset, which may change what SQLite says */
  sqlite3_reset(q);
  return ok;
}

bool kl_sim_store_run(kl_sim_store *st, sqlite3_stmt *q) {
  if (st->failed || !q) return false;
  if (!st->pending) {
    if (!step(st, st->begin, "writing")) return false;
    st->pending = true;
  }
  return step(st, q, "writing");
}

bool kl_sim_store_pending(const kl_sim_store *st) { return st && st->pending; }

bool kl_sim_store_commit(kl_sim_store *st) {
  if (!st) return true;
  if (!st->failed && st->pending && step(st, st->commit, "writing")) st->pending = false;
  return !st->failed;
}

/* ---- checksums ---- FNV-1a: a step is a bijection, so no single changed byte goes unseen. */

void kl_sim_sum_add(kl_sim_sum *s, const void *p, size_t n) {
  const unsigned char *bytes = p;
  for (size_t i = 0; i < n; i++)
    s->h = (s->h ^ bytes[i]) * UINT64_C(0x100000001b3);
}

int64_t kl_sim_sum_end(const kl_sim_sum *s) { return (int64_t)(s->h ^ UINT64_C(0xcbf29ce484222325)); }

static int64_t sum_of_object(const char *kind, const char *id, const char *json, size_t n) {
  kl_sim_sum s = {0};
  kl_sim_sum_add(&s, kind, strlen(kind) + 1);
  kl_sim_sum_add(&s, id, strlen(id) + 1);
  kl_sim_sum_add(&s, json, n);
  return kl_sim_sum_end(&s);
}

/* ---- objects ---- */

void kl_sim_store_put(kl_sim_store *st, const char *kind, const char *id, const kl_buf *json) {
  if (!st || st->failed) return;
  if (json->failed || !json->data) {
    (void)set_failed(st, KL_ERR_INTERNAL, "not enough memory for an object of the state file");
    return;
  }
  if (!st->put)
    st->put = kl_sim_store_prepare(st, "INSERT INTO objects(kind, id, json, sum) VALUES(?1, ?2, ?3, ?4)"
                                       " ON CONFLICT(kind, id) DO UPDATE SET json = excluded.json, sum = excluded.sum");
  if (!st->put) return;
  sqlite3_bind_text(st->put, 1, kind, -1, SQLITE_STATIC);
  sqlite3_bind_text(st->put, 2, id, -1, SQLITE_STATIC);
  sqlite3_bind_text64(st->put, 3, json->data, json->len, SQLITE_STATIC, SQLITE_UTF8);
  sqlite3_bind_int64(st->put, 4, sum_of_object(kind, id, json->data, json->len));
  kl_sim_store_run(st, st->put);
}

void kl_sim_store_delete(kl_sim_store *st, const char *kind, const char *id) {
  if (!st || st->failed) return;
  if (!st->remove) st->remove = kl_sim_store_prepare(st, "DELETE FROM objects WHERE kind = ?1 AND id = ?2");
  if (!st->remove) return;
  sqlite3_bind_text(st->remove, 1, kind, -1, SQLITE_STATIC);
  sqlite3_bind_text(st->remove, 2, id, -1, SQLITE_STATIC);
  kl_sim_store_run(st, st->remove);
}

static bool tell(kl_sim_store *st, sqlite3_stmt *q, const char *kind,
                 void (*one)(void *data, const char *id, const json_t *object), void *data) {
  const char *id = (const char *)sqlite3_column_text(q, 0), *text = (const char *)sqlite3_column_text(q, 1);
  size_t n = (size_t)sqlite3_column_bytes(q, 1);
  if (!id || !text || sqlite3_column_int64(q, 2) != sum_of_object(kind, id, text, n))
    return kl_sim_store_damaged(st, "an object \"%.40s\" does not match its checksum", kind);
  json_t *object = json_loadb(text, n, JSON_DECODE_ANY, NULL);
  if (!object) return kl_sim_store_damaged(st, "an object \"%.40s\" is not JSON", kind);
  one(data, id, object);
  json_decref(object);
  return true;
}

bool kl_sim_store_each(kl_sim_store *st, const char *kind,
                       void (*one)(void *data, const char *id, const json_t *object), void *data) {
  if (!st) return true;
  sqlite3_stmt *q = kl_sim_store_prepare(st, "SELECT id, json, sum FROM objects WHERE kind = ?1 ORDER BY number");
  if (!q) return false;
  sqlite3_bind_text(q, 1, kind, -1, SQLITE_STATIC);
  int rc;
  while ((rc = sqlite3_step(q)) == SQLITE_ROW && tell(st, q, kind, one, data))
    continue;
  if (rc != SQLITE_ROW && rc != SQLITE_DONE) (void)kl_sim_store_broke(st, "reading");
  sqlite3_finalize(q);
  return !st->failed;
}

/* ---- opening ---- */

static bool run_text(kl_sim_store *st, const char *sql, const char *doing) {
  return !st->failed && (sqlite3_exec(st->db, sql, NULL, NULL, NULL) == SQLITE_OK || kl_sim_store_broke(st, doing));
}

static bool unusable(const char *path, const char *what, int why, kl_error *e) {
  kl_error_set(e, KL_ERR_CONFIG, "state file %.300s %s: %s", path, what, strerror(why));
  return false;
}

/* The file exists afterwards, with nobody else allowed to read the keys in it. */
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
    return unusable(path, "holds keys and may be read by others, which cannot be changed", f.why, e);
  case KL_DATABASE_NO_FILE:
    kl_error_set(e, KL_ERR_CONFIG, "state file %.300s is not a regular file", path);
    return false;
  case KL_DATABASE_FOREIGN:
    kl_error_set(e, KL_ERR_CONFIG,
                 "%.300s is not a state file of the simulator: name another file, or a new one (--state)", path);
    return false;
  case KL_DATABASE_OTHER_FORM:
    kl_error_set(e, KL_ERR_CONFIG,
                 "state file %.300s has tables of version %" PRIu32 ", and this Kalua knows version %d: %s", path,
                 f.version, VERSION, f.version > VERSION ? "use the newer Kalua that wrote it" : "it is too old");
    return false;
  }
  return false;
}

static bool ask_text(kl_sim_store *st, const char *sql, char *out, size_t cap) {
  sqlite3_stmt *q = kl_sim_store_prepare(st, sql);
  if (!q) return false;
  bool row = sqlite3_step(q) == SQLITE_ROW;
  if (!row) (void)kl_sim_store_broke(st, "reading");
  const char *text = row ? (const char *)sqlite3_column_text(q, 0) : NULL;
  (void)snprintf(out, cap, "%s", text ? text : "");
  sqlite3_finalize(q);
  return row;
}

bool kl_sim_store_table(kl_sim_store *st, const char *name, const char *sql) {
  if (st->failed) return false;
  sqlite3_stmt *q = kl_sim_store_prepare(st, "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1");
  if (!q) return false;
  sqlite3_bind_text(q, 1, name, -1, SQLITE_STATIC);
  int rc = sqlite3_step(q);
  const char *there = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(q, 0) : NULL;
  bool same = there && strcmp(there, sql) == 0;
  if (rc != SQLITE_ROW && rc != SQLITE_DONE) (void)kl_sim_store_broke(st, "reading its tables");
  sqlite3_finalize(q);
  if (st->failed || same) return !st->failed;
  if (rc == SQLITE_ROW || !st->fresh)
    return kl_sim_store_damaged(st, "its table \"%s\" is not as this version of Kalua writes it", name);
  sqlite3_stmt *make = kl_sim_store_prepare(st, sql);
  bool ok = kl_sim_store_run(st, make);
  sqlite3_finalize(make);
  return ok;
}

/* The owner's mark goes into a new file before the log is switched on, so that the first bytes always have it. */
static bool set_up(kl_sim_store *st) {
  static const char objects[] = "CREATE TABLE objects(number INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL,"
                                " json TEXT NOT NULL, sum INTEGER NOT NULL, UNIQUE(kind, id))";
  char text[128], pragma[160];
  sqlite3_extended_result_codes(st->db, 1);
  sqlite3_db_config(st->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  (void)snprintf(pragma, sizeof pragma, "PRAGMA wal_autocheckpoint = %d", PAGES_OF_LOG);
  /* The lock is taken with the first read, and kept. */
  if (!run_text(st, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON",
                "opening"))
    return false;
  if (!run_text(st, "BEGIN EXCLUSIVE; COMMIT", "opening")) return false;
  if (!ask_text(st, "SELECT count(*) FROM sqlite_schema", text, sizeof text)) return false;
  st->fresh = strcmp(text, "0") == 0;
  if (st->fresh) {
    char mark[96];
    (void)snprintf(mark, sizeof mark, "PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION, VERSION);
    if (!run_text(st, mark, "writing")) return false;
  }
  if (!ask_text(st, "PRAGMA journal_mode = WAL", text, sizeof text)) return false;
  if (strcmp(text, "wal") != 0) return kl_sim_store_damaged(st, "it cannot keep a log");
  /* A process that is killed loses nothing that it has written; the disk is waited for only when the log is copied. */
  if (!run_text(st, "PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536", "opening") ||
      !run_text(st, pragma, "opening"))
    return false;
  if (!st->fresh) {
    if (!ask_text(st, "PRAGMA quick_check(1)", text, sizeof text)) return false;
    if (strcmp(text, "ok") != 0) return kl_sim_store_damaged(st, "%.100s", text);
  }
  st->begin = kl_sim_store_prepare(st, "BEGIN IMMEDIATE");
  st->commit = kl_sim_store_prepare(st, "COMMIT");
  return st->begin && st->commit && kl_sim_store_table(st, "objects", objects);
}

bool kl_sim_store_open(const char *path, kl_sim_store **out, kl_error *e) {
  *out = NULL;
  if (!*path) {
    kl_error_set(e, KL_ERR_CONFIG, "the state file needs a name (--state)");
    return false;
  }
  if (!claim(path, e)) return false;
  kl_sim_store *st = calloc(1, sizeof *st);
  if (st) st->path = strdup(path);
  if (!st || !st->path) {
    free(st);
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the state file");
    return false;
  }
  int rc = sqlite3_open_v2(path, &st->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
  if (rc != SQLITE_OK) (void)kl_sim_store_broke(st, "opening");
  if (rc == SQLITE_OK && set_up(st)) {
    *out = st;
    return true;
  }
  *e = st->error;
  kl_sim_store_close(st);
  return false;
}

void kl_sim_store_close(kl_sim_store *st) {
  if (!st) return;
  if (st->pending) sqlite3_exec(st->db, "ROLLBACK", NULL, NULL, NULL);
  sqlite3_finalize(st->begin);
  sqlite3_finalize(st->commit);
  sqlite3_finalize(st->put);
  sqlite3_finalize(st->remove);
  sqlite3_close(st->db);
  free(st->path);
  free(st);
}
