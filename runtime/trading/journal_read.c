#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "trading/journal_impl.h"

static sqlite3_stmt *prepare_select(kl_order_journal *j, bool fills, const char *where, kl_error *e) {
  kl_buf sql = {0};
  kl_journal_select(fills, &sql);
  kl_buf_str(&sql, where);
  sqlite3_stmt *q = NULL;
  if (sql.failed)
    (void)kl_journal_no_memory(e);
  else
    q = kl_journal_prepare(j->reader, j->path, sql.data, e);
  kl_buf_free(&sql);
  return q;
}

bool kl_order_journal_open_orders(kl_order_journal *j, void (*each)(void *data, const kl_journal_order *o), void *data,
                                  kl_error *e) {
  sqlite3_stmt *q =
      prepare_select(j, false, "INDEXED BY orders_open WHERE status < 3 OR seen < filled ORDER BY number", e);
  bool ok = q != NULL;
  int rc = SQLITE_DONE;
  while (ok && (rc = sqlite3_step(q)) == SQLITE_ROW) {
    kl_journal_row row;
    kl_journal_order o;
    ok = kl_journal_read_row(q, &row) || kl_journal_file_damaged(j->path, "an order does not match its checksum", e);
    if (!ok || kl_journal_is_live(j, row.wanted.run)) continue;
    kl_journal_order_of(&row, &o.order);
    memcpy(o.party, row.wanted.party, sizeof o.party);
    o.own_run = row.wanted.run == j->run;
    each(data, &o);
  }
  if (ok && rc != SQLITE_DONE) ok = kl_journal_file_broke(j->reader, j->path, "reading", e);
  sqlite3_finalize(q);
  return ok;
}

bool kl_order_journal_account(kl_order_journal *j, const char *account, kl_error *e) {
  char known[256];
  if (!account) return true;
  if (!kl_order_journal_read_note(j, "account", known, sizeof known, e)) return false;
  if (known[0] && strcmp(known, account) != 0) {
    sqlite3_stmt *q = kl_journal_prepare(j->reader, j->path, "SELECT count(*) FROM orders WHERE status < 3", e);
    if (!q) return false;
    int rc = sqlite3_step(q);
    int64_t n = rc == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;
    bool ok = rc == SQLITE_ROW || kl_journal_file_broke(j->reader, j->path, "reading", e);
    sqlite3_finalize(q);
    if (ok && n) {
      kl_error_coded(e, KL_ERR_CONFIG, "journal_other_account",
                     "order journal %.200s is of another account (%.80s), and %" PRId64
                     " of its orders had not ended: use "
                     "that key and environment, or name another file (--state)",
                     j->path, known, n);
      ok = false;
    }
    if (!ok) return false;
  } else if (!strcmp(known, account)) {
    return true;
  }
  kl_order_journal_note(j, "account", account);
  return true;
}

/* The newest order that `where` finds by one text. */
static bool find_order(kl_order_journal *j, const char *where, const char *id, kl_journal_row *out) {
  kl_error e;
  sqlite3_stmt *q = prepare_select(j, false, where, &e);
  if (!q) return false;
  sqlite3_bind_text(q, 1, id, -1, SQLITE_STATIC);
  bool found = sqlite3_step(q) == SQLITE_ROW && kl_journal_read_row(q, out);
  sqlite3_finalize(q);
  return found;
}

bool kl_order_journal_party(kl_order_journal *j, const char *order_id, const char *client_id, char out[256]) {
  kl_journal_row row;
  out[0] = 0;
  bool found = order_id && order_id[0] && find_order(j, "WHERE id = ?1 AND id <> ''", order_id, &row);
  found = found || (client_id && client_id[0] &&
                    find_order(j, "WHERE client_id = ?1 ORDER BY number DESC LIMIT 1", client_id, &row));
  if (found) memcpy(out, row.wanted.party, sizeof row.wanted.party);
  return found;
}

static bool each_fill(kl_order_journal *j, const char *where, const char *text,
                      void (*each)(void *data, const kl_account_fill *f), void *data, kl_error *e) {
  sqlite3_stmt *q = prepare_select(j, true, where, e);
  bool ok = q != NULL;
  int rc = SQLITE_DONE;
  if (q) sqlite3_bind_text(q, 1, text, -1, SQLITE_STATIC);
  while (ok && (rc = sqlite3_step(q)) == SQLITE_ROW) {
    kl_journal_fill_row row;
    ok = kl_journal_read_fill(q, &row) || kl_journal_file_damaged(j->path, "a fill does not match its checksum", e);
    if (ok) each(data, &row.fill);
  }
  if (ok && rc != SQLITE_DONE) ok = kl_journal_file_broke(j->reader, j->path, "reading", e);
  sqlite3_finalize(q);
  return ok;
}

bool kl_order_journal_fills(kl_order_journal *j, const char *party, void (*each)(void *data, const kl_account_fill *f),
                            void *data, kl_error *e) {
  return each_fill(j, "WHERE party = ?1 ORDER BY ts_ms, number", party, each, data, e);
}

bool kl_order_journal_order_fills(kl_order_journal *j, const char *order_id,
                                  void (*each)(void *data, const kl_account_fill *f), void *data, kl_error *e) {
  return each_fill(j, "WHERE order_id = ?1 ORDER BY ts_ms, number", order_id, each, data, e);
}

bool kl_order_journal_read_note(kl_order_journal *j, const char *key, char *out, size_t cap, kl_error *e) {
  const char *late = kl_map_get(j->noted, key, strlen(key));
  (void)snprintf(out, cap, "%s", late ? late : "");
  if (late) return true;
  sqlite3_stmt *q = kl_journal_prepare(j->reader, j->path, "SELECT value, sum FROM notes WHERE key = ?1", e);
  if (!q) return false;
  sqlite3_bind_text(q, 1, key, -1, SQLITE_STATIC);
  int rc = sqlite3_step(q);
  const char *value = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(q, 0) : NULL;
  bool good = rc == SQLITE_DONE || (value && sqlite3_column_int64(q, 1) == kl_journal_note_sum(key, value));
  if (value && good) (void)snprintf(out, cap, "%s", value);
  if (!good && rc == SQLITE_ROW)
    (void)kl_journal_file_damaged(j->path, "a note does not match its checksum", e);
  else if (!good)
    (void)kl_journal_file_broke(j->reader, j->path, "reading", e);
  sqlite3_finalize(q);
  return good;
}

bool kl_order_journal_noted(kl_order_journal *j, const char *key, char *out, size_t cap) {
  kl_error e;
  if (kl_order_journal_read_note(j, key, out, cap, &e)) return out[0] != 0;
  kl_log_warn("journal", "the note %s is taken for absent: %s", key, e.message);
  return false;
}
