/* The file of a store: whose it is, by its first bytes before SQLite may touch it; what goes wrong, in words. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/database_file.h"
#include "base/log.h"
#include "base/state_folder.h"
#include "store/store_impl.h"

#define MS INT64_C(1000000)

enum {
  APPLICATION = 0x4b6c5374, /* "KlSt" */
  VERSION = 1,
  BUSY_MS = 5000, /* how long another process may write */
  BUSY_STEP_MS = 5
};

/* A value has list 0 and n 0; an item of a list has list 1 and its number. The sum is over the whole row. */
#define COLUMNS "list, name, n, kind, number, image, sum"
static const char schema[] = "CREATE TABLE entries (list INTEGER NOT NULL, name BLOB NOT NULL, n INTEGER NOT NULL, "
                             "kind INTEGER NOT NULL, number INTEGER NOT NULL, image BLOB, sum INTEGER NOT NULL, "
                             "UNIQUE (list, name, n))";

/* The layer over a file that is only read: the same statements work on the view. */
static const char layer[] =
    "CREATE TEMP TABLE layer (list INTEGER NOT NULL, name BLOB NOT NULL, n INTEGER NOT NULL, kind INTEGER, number "
    "INTEGER, image BLOB, sum INTEGER, gone INTEGER NOT NULL, UNIQUE (list, name, n));";
static const char triggers[] =
    "CREATE TEMP TRIGGER put INSTEAD OF INSERT ON entries BEGIN INSERT OR REPLACE INTO layer VALUES (NEW.list, "
    "NEW.name, NEW.n, NEW.kind, NEW.number, NEW.image, NEW.sum, 0); END;"
    "CREATE TEMP TRIGGER take INSTEAD OF DELETE ON entries BEGIN INSERT OR REPLACE INTO layer VALUES (OLD.list, "
    "OLD.name, OLD.n, NULL, NULL, NULL, NULL, 1); END;";
#define OF_LAYER "SELECT " COLUMNS " FROM temp.layer WHERE gone = 0"
#define OF_BASE                                                                                                        \
  "SELECT " COLUMNS " FROM base.entries AS b WHERE NOT EXISTS (SELECT 1 FROM temp.layer AS l WHERE l.list = b.list "   \
  "AND l.name = b.name AND l.n = b.n)"

#define VALUES "SELECT n, kind, number, image, sum, name FROM entries WHERE list = "
#define KEYS "list = 0 AND name >= ?1 AND name < ?2 AND n = 0 ORDER BY name LIMIT ?3"
static const char *const queries[KL_STORE_QUERIES] = {
    [KL_STORE_Q_GET] = VALUES "?1 AND name = ?2 AND n = ?3",
    [KL_STORE_Q_PUT] = "INSERT OR REPLACE INTO entries (" COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [KL_STORE_Q_DROP] = "DELETE FROM entries WHERE list = ?1 AND name = ?2 AND n = ?3",
    [KL_STORE_Q_EACH] = VALUES "0 AND " KEYS,
    [KL_STORE_Q_KEYS] = "SELECT name FROM entries WHERE " KEYS,
    [KL_STORE_Q_NEXT_LIST] = "SELECT min(name) FROM entries WHERE list = 1 AND name >= ?1 AND name < ?2",
    [KL_STORE_Q_LAST] = VALUES "1 AND name = ?1 ORDER BY n DESC LIMIT ?2",
    [KL_STORE_Q_LAST_N] = "SELECT max(n) FROM entries WHERE list = 1 AND name = ?1",
    [KL_STORE_Q_TRIM] = "DELETE FROM entries WHERE list = 1 AND name = ?1 AND n <= ?2",
    [KL_STORE_Q_COUNT_LIST] = "SELECT count(*) FROM entries WHERE list = 1 AND name = ?1",
    [KL_STORE_Q_COUNT] = "SELECT count(*) FROM entries WHERE list = 0",
    [KL_STORE_Q_FORGET] = "DELETE FROM entries",
    [KL_STORE_Q_PAGES] = "PRAGMA main.page_count",
    [KL_STORE_Q_FREE_PAGES] = "PRAGMA main.freelist_count",
    [KL_STORE_Q_SAVE] = "SAVEPOINT call",
    [KL_STORE_Q_RELEASE] = "RELEASE call",
    [KL_STORE_Q_BACK] = "ROLLBACK TO call"};

/* ---- what goes wrong ---- */

static const char *label(const kl_store_db *d) { return d->path[0] ? d->path : "in memory"; }

bool kl_store_db_broke(const kl_store_db *d, const char *doing, kl_error *e) {
  int code = d->db ? sqlite3_extended_errcode(d->db) : SQLITE_NOMEM;
  const char *said = d->db ? sqlite3_errmsg(d->db) : "out of memory";
  switch (code & 0xff) {
  case SQLITE_NOMEM:
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the store %.300s", label(d));
    break;
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    kl_error_coded(e, KL_ERR_CONFIG, "store_locked",
                   "store %.300s: another process has kept it locked for %d seconds: end that one, or try again",
                   label(d), BUSY_MS / 1000);
    e->retryable = true;
    break;
  case SQLITE_FULL:
    kl_error_coded(e, KL_ERR_CONFIG, "store_no_space",
                   "store %.300s: no space is left on its disk: make room; what it held is still there", label(d));
    break;
  case SQLITE_NOTADB:
  case SQLITE_CORRUPT:
    (void)kl_store_db_damaged(d, said, e);
    break;
  case SQLITE_IOERR:
    kl_error_coded(e, KL_ERR_CONFIG, "store_unusable",
                   "store %.300s: %s failed (%.120s): its disk fails, is full, or files may not grow further (ulimit "
                   "-f)",
                   label(d), doing, said);
    break;
  default:
    kl_error_coded(e, KL_ERR_CONFIG, "store_unusable",
                   "store %.300s: %s failed (%.120s): it and its folder must be writable", label(d), doing, said);
  }
  return false;
}

bool kl_store_db_damaged(const kl_store_db *d, const char *what, kl_error *e) {
  kl_error_coded(e, KL_ERR_CONFIG, "store_damaged",
                 "store %.300s is damaged: %.120s; move it away, and a new one is made", label(d), what);
  return false;
}

static bool unusable(const kl_store_db *d, const char *what, int why, kl_error *e) {
  kl_error_coded(e, KL_ERR_CONFIG, "store_unusable", "store %.300s: %s: %s", label(d), what, strerror(why));
  return false;
}

bool kl_store_db_run(kl_store_db *d, const char *sql, const char *doing, kl_error *e) {
  return sqlite3_exec(d->db, sql, NULL, NULL, NULL) == SQLITE_OK || kl_store_db_broke(d, doing, e);
}

sqlite3_stmt *kl_store_db_query(kl_store_db *d, kl_store_query q, kl_error *e) {
  if (!d->queries[q]) {
    const char *sql = queries[q];
    if (d->layered && q == KL_STORE_Q_PAGES) sql = "PRAGMA temp.page_count";
    if (d->layered && q == KL_STORE_Q_FREE_PAGES) sql = "PRAGMA temp.freelist_count";
    if (sqlite3_prepare_v3(d->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &d->queries[q], NULL) != SQLITE_OK)
      (void)kl_store_db_broke(d, "reading", e);
  }
  return d->queries[q];
}

/* ---- whose file it is ---- */

static bool check_version(const kl_store_db *d, uint32_t version, kl_error *e) {
  if (version == VERSION) return true;
  kl_error_coded(e, KL_ERR_CONFIG, "store_newer",
                 "store %.300s was written in form %" PRIu32 ", and this Kalua knows form %d: %s", d->path, version,
                 VERSION, version > VERSION ? "use the newer Kalua that wrote it" : "it is too old");
  return false;
}

static void foreign(const kl_store_db *d, kl_error *e) {
  kl_error_coded(e, KL_ERR_CONFIG, "store_foreign",
                 "%.300s is no store of Kalua, or its beginning is damaged: move it away, and a new one is made",
                 d->path);
}

static bool explain(const kl_store_db *d, kl_database_state state, const kl_database_file *f, kl_error *e) {
  switch (state) {
  case KL_DATABASE_OURS:
    return true;
  case KL_DATABASE_UNOPENED:
    return unusable(d, f->why == ELOOP ? "it is a link" : "it cannot be opened", f->why, e);
  case KL_DATABASE_UNREADABLE:
    return unusable(d, "it cannot be read", f->why, e);
  case KL_DATABASE_EXPOSED:
    return unusable(d, "others may read it, which cannot be changed", f->why, e);
  case KL_DATABASE_NO_FILE:
    kl_error_coded(e, KL_ERR_CONFIG, "store_unusable", "store %.300s is not a regular file: move it away", d->path);
    return false;
  case KL_DATABASE_FOREIGN:
    foreign(d, e);
    return false;
  case KL_DATABASE_OTHER_FORM:
    return check_version(d, f->version, e);
  }
  return false;
}

/* A name in a folder is on the disk when the folder is. */
static void sync_folder(const char *path) {
  char folder[4096];
  const char *end = strrchr(path, '/');
  size_t n = end ? (size_t)(end - path) : 0;
  if (n == 0 || n >= sizeof folder) return;
  memcpy(folder, path, n);
  folder[n] = 0;
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  (void)fsync(fd);
  close(fd);
}

static bool is_claimed(const kl_store_db *d) {
  struct stat info;
  return d->claimed > 0 && lstat(d->path, &info) == 0 && info.st_dev == d->device && info.st_ino == d->inode;
}

static void let_go(kl_store_db *d) {
  if (d->claimed > 0) close(d->claimed);
  d->claimed = 0;
}

/* The file is there afterwards, ours, and nobody else may read it. */
static kl_store_opened claim(kl_store_db *d, bool make, kl_error *e) {
  kl_database_file f = {.application = APPLICATION, .version = VERSION};
  if (is_claimed(d)) return explain(d, kl_database_look(d->claimed, &f), &f, e) ? KL_STORE_OPEN : KL_STORE_FAILED;
  if (make && !kl_make_folders(d->path)) {
    (void)unusable(d, "its folder cannot be made", errno, e);
    return KL_STORE_FAILED;
  }
  kl_database_state state = kl_database_claim(d->path, (make ? O_RDWR | O_CREAT : O_RDONLY) | O_NOFOLLOW, &f);
  if (state == KL_DATABASE_UNOPENED && !make && (f.why == ENOENT || f.why == ENOTDIR)) return KL_STORE_ABSENT;
  if (!explain(d, state, &f, e)) return KL_STORE_FAILED;
  if (!make && f.size == 0) { /* nobody has written yet */
    close(f.fd);
    return KL_STORE_ABSENT;
  }
  if (f.size == 0) sync_folder(d->path);
  let_go(d); /* of the file that was there before */
  d->claimed = f.fd;
  d->device = f.device;
  d->inode = f.inode;
  return KL_STORE_OPEN;
}

/* ---- opening ---- */

static void forget_queries(kl_store_db *d) {
  for (int i = 0; i < KL_STORE_QUERIES; i++) {
    sqlite3_finalize(d->queries[i]);
    d->queries[i] = NULL;
  }
}

/* The file stays claimed. */
static void leave(kl_store_db *d) {
  forget_queries(d);
  sqlite3_close(d->db);
  d->db = NULL;
  d->based = false;
  d->page_size = 0;
}

/* The text of the first row; "" when there is none. */
static bool ask_text(kl_store_db *d, const char *sql, char *out, size_t cap, kl_error *e) {
  sqlite3_stmt *q = NULL;
  int rc = sqlite3_prepare_v2(d->db, sql, -1, &q, NULL);
  if (rc == SQLITE_OK) rc = sqlite3_step(q);
  const char *text = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(q, 0) : NULL;
  (void)snprintf(out, cap, "%s", text ? text : "");
  bool ok = rc == SQLITE_ROW || rc == SQLITE_DONE || kl_store_db_broke(d, "reading", e);
  sqlite3_finalize(q);
  return ok;
}

/* Called while another process has the lock: whether to ask again. */
static int busy(void *data, int times) {
  const kl_store_db *d = data;
  (void)times;
  int64_t now = kl_mono_ns(kl_clock_real()), end = atomic_load(d->end_ns);
  if (now >= d->until_ns || (end && now >= end)) return 0;
  sqlite3_sleep(BUSY_STEP_MS);
  return 1;
}

static bool connect_to(kl_store_db *d, const char *path, kl_error *e) {
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (sqlite3_open_v2(path, &d->db, flags, NULL) != SQLITE_OK) return kl_store_db_broke(d, "opening", e);
  sqlite3_busy_handler(d->db, busy, d);
  sqlite3_db_config(d->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  return kl_store_db_run(d,
                         "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; "
                         "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 4194304",
                         "opening", e);
}

static bool ask_schema(kl_store_db *d, const char *of, char *out, size_t cap, kl_error *e) {
  char sql[200];
  (void)snprintf(sql, sizeof sql,
                 "SELECT group_concat(sql, ';') FROM (SELECT sql FROM %s.sqlite_schema WHERE sql IS NOT NULL AND name "
                 "NOT LIKE 'sqlite_%%' ORDER BY rowid)",
                 of);
  return ask_text(d, sql, out, cap, e);
}

/* A new file gets its mark and its table in one transaction, by one process. */
static bool set_up(kl_store_db *d, kl_error *e) {
  char text[1024], sql[sizeof schema + 100];
  if (!ask_schema(d, "main", text, sizeof text, e)) return false;
  if (!text[0]) {
    (void)snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %d; %s", APPLICATION, VERSION,
                   schema);
    bool ok = kl_store_db_run(d, "BEGIN EXCLUSIVE", "opening", e) && ask_schema(d, "main", text, sizeof text, e);
    if (ok && !text[0]) ok = kl_store_db_run(d, sql, "writing", e);
    ok = ok && kl_store_db_run(d, "COMMIT", "writing", e);
    if (!ok) return false;
  }
  if (!d->path[0]) return true;
  if (!ask_text(d, "PRAGMA journal_mode = WAL", text, sizeof text, e)) return false;
  if (strcmp(text, "wal") == 0) return true;
  kl_error_coded(e, KL_ERR_CONFIG, "store_unusable",
                 "store %.300s cannot be shared between processes where it is: set XDG_STATE_HOME to a folder of a "
                 "local disk",
                 d->path);
  return false;
}

static bool check(kl_store_db *d, const char *of, kl_error *e) {
  char text[1024], sql[64];
  if (!ask_schema(d, of, text, sizeof text, e)) return false;
  if (strcmp(text, schema) != 0)
    return kl_store_db_damaged(d, "its table is not as this version of Kalua writes it", e);
  (void)snprintf(sql, sizeof sql, "PRAGMA %s.quick_check(1)", of);
  if (!ask_text(d, sql, text, sizeof text, e)) return false;
  return strcmp(text, "ok") == 0 || kl_store_db_damaged(d, text, e);
}

/* The file under the layer. It may be open in this process, too, so it is looked at by SQLite alone: another descriptor
 * that is closed would take the locks of this process with it. */
static bool add_base(kl_store_db *d, kl_error *e) {
  char text[32];
  sqlite3_stmt *q = NULL;
  bool ok = sqlite3_prepare_v2(d->db, "ATTACH ?1 AS base", -1, &q, NULL) == SQLITE_OK &&
            sqlite3_bind_text(q, 1, d->path, -1, SQLITE_STATIC) == SQLITE_OK && sqlite3_step(q) == SQLITE_DONE;
  if (!ok) (void)kl_store_db_broke(d, "opening", e);
  sqlite3_finalize(q);
  if (!ok) return false;
  ok = ask_text(d, "PRAGMA base.application_id", text, sizeof text, e);
  if (ok && strtoll(text, NULL, 10) != APPLICATION) {
    foreign(d, e);
    ok = false;
  }
  ok = ok && ask_text(d, "PRAGMA base.user_version", text, sizeof text, e) &&
       check_version(d, (uint32_t)strtoul(text, NULL, 10), e);
  if (ok && check(d, "base", e)) {
    forget_queries(d); /* they are of the view as it was */
    d->based = kl_store_db_run(d, "DROP VIEW entries; CREATE TEMP VIEW entries AS " OF_LAYER " UNION ALL " OF_BASE,
                               "reading", e) &&
               kl_store_db_run(d, triggers, "reading", e);
  }
  if (!d->based) sqlite3_exec(d->db, "DETACH base", NULL, NULL, NULL);
  return d->based;
}

static kl_store_opened open_layered(kl_store_db *d, kl_error *e) {
  if (!d->db) {
    bool ok = connect_to(d, ":memory:", e) && kl_store_db_run(d, layer, "opening", e) &&
              kl_store_db_run(d, "CREATE TEMP VIEW entries AS " OF_LAYER, "opening", e) &&
              kl_store_db_run(d, triggers, "opening", e);
    if (!ok) return KL_STORE_FAILED;
  }
  if (d->based || !d->path[0]) return KL_STORE_OPEN;
  struct stat info;
  if (stat(d->path, &info) != 0 || info.st_size == 0) return KL_STORE_OPEN; /* it may come later */
  return add_base(d, e) ? KL_STORE_OPEN : KL_STORE_FAILED;
}

/* A file that was moved away, or removed, would be written to, and nobody would ever find that. */
static void look_after(kl_store_db *d) {
  struct stat info;
  if (!d->db || !d->path[0] || d->layered) return;
  if (stat(d->path, &info) == 0 && info.st_dev == d->device && info.st_ino == d->inode) return;
  kl_log_warn("store", "store %s is not the file any more that it was: it is opened anew", d->path);
  leave(d);
}

kl_store_opened kl_store_db_open(kl_store_db *d, bool make, kl_error *e) {
  d->until_ns = kl_mono_ns(kl_clock_real()) + BUSY_MS * MS;
  look_after(d);
  kl_store_opened is = KL_STORE_OPEN;
  char text[32];
  if (d->layered)
    is = open_layered(d, e);
  else if (!d->db && d->path[0])
    is = claim(d, make, e);
  if (is == KL_STORE_OPEN && !d->page_size) {
    bool ok = (d->db || connect_to(d, d->path[0] ? d->path : ":memory:", e)) &&
              (d->layered || (set_up(d, e) && check(d, "main", e))) &&
              ask_text(d, "PRAGMA page_size", text, sizeof text, e);
    if (!ok) is = KL_STORE_FAILED;
    if (ok) d->page_size = strtoll(text, NULL, 10);
  }
  if (is == KL_STORE_FAILED && !d->page_size) leave(d);
  return is;
}

void kl_store_db_close(kl_store_db *d) {
  leave(d);
  let_go(d);
}
