#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/database_file.h"
#include "base/state_folder.h"
#include "trading/journal_impl.h"

enum {
  BUSY_MS = 5000,          /* how long another process may write */
  CHECKED_WHOLE = 32 << 20 /* bytes up to which indexes are compared with their tables at the start */
};

/* ---- what goes wrong ---- */

static const char *advice(int code) {
  switch (code & 0xff) {
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return ": another process keeps it locked; end that one";
  case SQLITE_FULL:
    return ": no space is left on its disk; make room";
  case SQLITE_READONLY:
  case SQLITE_CANTOPEN:
  case SQLITE_PERM:
    return ": it and its folder must be writable";
  case SQLITE_IOERR:
    return ": its disk fails, is full, or cannot be shared (network folders)";
  case SQLITE_NOTADB:
  case SQLITE_CORRUPT:
    return ": it is damaged; see what rests on the exchange, then move it away, and a new one is made";
  default:
    return "";
  }
}

bool kl_journal_file_broke(sqlite3 *db, const char *path, const char *doing, kl_error *e) {
  int code = db ? sqlite3_extended_errcode(db) : SQLITE_NOMEM;
  kl_error_coded(e, code == SQLITE_NOMEM ? KL_ERR_INTERNAL : KL_ERR_CONFIG, "journal_unusable",
                 "order journal %.300s: %s failed (%.120s)%s", path, doing, db ? sqlite3_errmsg(db) : "out of memory",
                 advice(code));
  return false;
}

bool kl_journal_file_damaged(const char *path, const char *what, kl_error *e) {
  kl_error_coded(
      e, KL_ERR_CONFIG, "journal_damaged",
      "order journal %.300s is damaged: %.120s; see what rests on the exchange, then move it away, and a new "
      "one is made",
      path, what);
  return false;
}

bool kl_journal_file_run(sqlite3 *db, const char *path, const char *sql, const char *doing, kl_error *e) {
  return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK || kl_journal_file_broke(db, path, doing, e);
}

/* ---- whose file it is ---- */

static bool unusable(const char *path, const char *what, int why, kl_error *e) {
  kl_error_coded(e, KL_ERR_CONFIG, "journal_unusable", "order journal %.300s%s: %s", path, what, strerror(why));
  return false;
}

/* The file exists afterwards, with nobody else allowed to read it. */
static bool claim(const char *path, int64_t *size, kl_error *e) {
  kl_database_file f = {.application = KL_JOURNAL_APPLICATION, .version = KL_JOURNAL_VERSION};
  if (!kl_make_folders(path)) return unusable(path, ": its folder cannot be made", errno, e);
  switch (kl_database_claim(path, O_RDWR | O_CREAT, &f)) {
  case KL_DATABASE_OURS:
    close(f.fd);
    *size = f.size;
    return true;
  case KL_DATABASE_UNOPENED:
    return unusable(path, " cannot be opened for writing", f.why, e);
  case KL_DATABASE_UNREADABLE:
    return unusable(path, " cannot be read", f.why, e);
  case KL_DATABASE_EXPOSED:
    return unusable(path, " may be read by others, which cannot be changed", f.why, e);
  case KL_DATABASE_NO_FILE:
    kl_error_coded(e, KL_ERR_CONFIG, "journal_unusable", "order journal %.300s is not a regular file", path);
    return false;
  case KL_DATABASE_FOREIGN:
    kl_error_coded(e, KL_ERR_CONFIG, "journal_damaged",
                   "%.300s is no order journal, or is damaged: move it away, and a new one is made; what rests on the "
                   "exchange is then not known to be a script's",
                   path);
    return false;
  case KL_DATABASE_OTHER_FORM:
    kl_error_coded(e, KL_ERR_CONFIG, "journal_newer",
                   "order journal %.300s was written in form %" PRIu32 ", and this Kalua knows form %d: %s", path,
                   f.version, KL_JOURNAL_VERSION,
                   f.version > KL_JOURNAL_VERSION ? "use the newer Kalua that wrote it" : "it is too old");
    return false;
  }
  return false;
}

/* ---- opening ---- */

/* The text of the first row; "" when there is none. */
static bool ask_text(sqlite3 *db, const char *path, const char *sql, char *out, size_t cap, kl_error *e) {
  sqlite3_stmt *q = NULL;
  int rc = sqlite3_prepare_v2(db, sql, -1, &q, NULL);
  if (rc == SQLITE_OK) rc = sqlite3_step(q);
  const char *text = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(q, 0) : NULL;
  (void)snprintf(out, cap, "%s", text ? text : "");
  bool ok = rc == SQLITE_ROW || rc == SQLITE_DONE || kl_journal_file_broke(db, path, "reading", e);
  sqlite3_finalize(q);
  return ok;
}

bool kl_journal_file_again(const char *path, sqlite3 **out, kl_error *e) {
  *out = NULL;
  if (sqlite3_open_v2(path, out, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL) ==
      SQLITE_OK) {
    sqlite3_busy_timeout(*out, BUSY_MS);
    sqlite3_db_config(*out, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (kl_journal_file_run(*out, path,
                            "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;"
                            "PRAGMA synchronous = NORMAL",
                            "opening", e))
      return true;
  } else {
    (void)kl_journal_file_broke(*out, path, "opening", e);
  }
  sqlite3_close(*out);
  *out = NULL;
  return false;
}

static const char tables[] = "SELECT group_concat(sql, ';') FROM (SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL"
                             " AND name NOT LIKE 'sqlite_%' ORDER BY rowid)";

/* A new file gets its owner's mark and its tables in one transaction, by one process. Only then does it get the log of
 * SQLite beside it, so that the mark is in the file itself. */
static bool set_up(sqlite3 *db, const char *path, kl_error *e) {
  kl_buf schema = {0};
  char text[8192];
  if (!ask_text(db, path, tables, text, sizeof text, e)) return false;
  if (!text[0]) {
    kl_buf_printf(&schema, "PRAGMA application_id = %d; PRAGMA user_version = %d;", KL_JOURNAL_APPLICATION,
                  KL_JOURNAL_VERSION);
    kl_journal_schema(&schema);
    bool ok = !schema.failed && kl_journal_file_run(db, path, "BEGIN EXCLUSIVE", "opening", e) &&
              ask_text(db, path, tables, text, sizeof text, e);
    if (ok && !text[0]) ok = kl_journal_file_run(db, path, schema.data, "writing", e);
    ok = ok && kl_journal_file_run(db, path, "COMMIT", "writing", e);
    if (schema.failed) kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the order journal");
    kl_buf_free(&schema);
    if (!ok) return false;
  }
  if (!ask_text(db, path, "PRAGMA journal_mode = WAL", text, sizeof text, e)) return false;
  if (strcmp(text, "wal") != 0) {
    kl_error_coded(e, KL_ERR_CONFIG, "journal_unusable",
                   "order journal %.300s cannot be shared between processes where it is; name a folder of a local disk",
                   path);
    return false;
  }
  return true;
}

static bool check(sqlite3 *db, const char *path, int64_t size, kl_error *e) {
  kl_buf schema = {0};
  char text[8192];
  kl_journal_schema(&schema);
  bool ok = !schema.failed && ask_text(db, path, tables, text, sizeof text, e);
  if (schema.failed) kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the order journal");
  size_t n = schema.len ? schema.len - 1 : 0; /* the last semicolon */
  if (ok && (strlen(text) != n || memcmp(text, schema.data, n) != 0))
    ok = kl_journal_file_damaged(path, "its tables are not as this version of Kalua writes them", e);
  kl_buf_free(&schema);
  ok = ok && ask_text(db, path, size <= CHECKED_WHOLE ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)", text,
                      sizeof text, e);
  if (ok && strcmp(text, "ok") != 0) ok = kl_journal_file_damaged(path, text, e);
  return ok;
}

bool kl_journal_file_open(const char *path, sqlite3 **out, kl_error *e) {
  int64_t size;
  *out = NULL;
  if (!claim(path, &size, e) || !kl_journal_file_again(path, out, e)) return false;
  if (set_up(*out, path, e) && check(*out, path, size, e)) return true;
  sqlite3_close(*out);
  *out = NULL;
  return false;
}
