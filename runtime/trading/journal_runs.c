#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "trading/journal_impl.h"

bool kl_journal_is_live(const kl_order_journal *j, int64_t run) {
  char name[32];
  int n = snprintf(name, sizeof name, "%" PRId64, run);
  return kl_map_get(j->live, name, (size_t)n) != NULL;
}

typedef struct {
  kl_order_journal *j;
  kl_error *e;
} taking;

static bool take_row(void *data, const kl_journal_row *r) {
  taking *t = data;
  sqlite3_stmt *q = t->j->statements[KL_JOURNAL_INSERT];
  kl_journal_bind_row(q, KL_JOURNAL_INSERT, r);
  return kl_journal_step(t->j, q, t->e);
}

static bool note_live(kl_order_journal *j, int64_t run) {
  char name[32];
  int n = snprintf(name, sizeof name, "%" PRId64, run);
  return kl_map_set(j->live, name, (size_t)n, j);
}

/* Those that ended without a word: what they were about to send is taken over. */
static bool take_over(kl_order_journal *j, kl_error *e) {
  int64_t runs[256];
  size_t n = 0;
  sqlite3_stmt *q = kl_journal_prepare(j->db, j->path, "SELECT number FROM runs ORDER BY number LIMIT 256", e);
  if (!q) return false;
  int rc;
  while ((rc = sqlite3_step(q)) == SQLITE_ROW && n < sizeof runs / sizeof runs[0])
    runs[n++] = sqlite3_column_int64(q, 0);
  bool ok = rc == SQLITE_DONE || rc == SQLITE_ROW || kl_journal_file_broke(j->db, j->path, "reading", e);
  sqlite3_finalize(q);
  for (size_t i = 0; ok && i < n; i++) {
    if (kl_journal_log_alive(j->path, runs[i])) {
      ok = note_live(j, runs[i]) || kl_journal_no_memory(e);
      continue;
    }
    char sql[96];
    (void)snprintf(sql, sizeof sql, "DELETE FROM runs WHERE number = %" PRId64, runs[i]);
    taking t = {j, e};
    ok = kl_journal_log_read(j->path, runs[i], take_row, &t, e) &&
         kl_journal_file_run(j->db, j->path, sql, "writing", e);
    runs[i] = ok ? runs[i] : 0;
  }
  return ok;
}

/* The files of runs that are no more in the table. */
static void sweep(kl_order_journal *j) {
  for (int64_t run = j->run - 1, least = j->run > 256 ? j->run - 256 : 0; run > least; run--)
    if (!kl_journal_is_live(j, run)) kl_journal_log_remove(j->path, run);
}

bool kl_journal_begin_run(kl_order_journal *j, kl_error *e) {
  char sql[96];
  (void)snprintf(sql, sizeof sql, "INSERT INTO runs(started_ms) VALUES(%" PRId64 ")", kl_wall_ms(kl_clock_real()));
  bool ok = kl_journal_file_run(j->db, j->path, "PRAGMA synchronous = FULL; BEGIN IMMEDIATE", "writing", e) &&
            take_over(j, e) && kl_journal_file_run(j->db, j->path, sql, "writing", e);
  if (ok) {
    j->run = sqlite3_last_insert_rowid(j->db);
    ok =
        kl_journal_log_open(&j->log, j->path, j->run, e) && kl_journal_file_run(j->db, j->path, "COMMIT", "writing", e);
  }
  j->full_sync = true;
  if (ok)
    sweep(j);
  else
    kl_journal_roll_back(j);
  return ok;
}

bool kl_journal_prepare_all(kl_order_journal *j, kl_error *e) {
  for (int i = 0; i < KL_JOURNAL_STATEMENTS; i++) {
    kl_buf sql = {0};
    kl_journal_sql((kl_journal_statement)i, &sql);
    bool ok = !sql.failed || kl_journal_no_memory(e);
    if (ok) j->statements[i] = kl_journal_prepare(j->db, j->path, sql.data, e);
    kl_buf_free(&sql);
    if (!ok || !j->statements[i]) return false;
  }
  char text[160];
  (void)snprintf(text, sizeof text,
                 "DELETE FROM orders WHERE number IN (SELECT number FROM orders WHERE status >= 3 AND changed_ms < ?1"
                 " AND seen >= filled LIMIT %d)",
                 KL_JOURNAL_PRUNE_ROWS);
  j->prune = kl_journal_prepare(j->db, j->path, text, e);
  if (j->prune) j->drop_note = kl_journal_prepare(j->db, j->path, "DELETE FROM notes WHERE key = ?1", e);
  if (j->drop_note)
    j->put_note = kl_journal_prepare(j->db, j->path, "INSERT OR REPLACE INTO notes VALUES(?1, ?2, ?3)", e);
  return j->put_note != NULL;
}
