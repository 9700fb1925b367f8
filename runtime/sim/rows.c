#include "sim/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { I64S_MOST = 64, TEXT_OF_I64S = I64S_MOST * 21 };

static const char *const sql_types[] = {
    [KL_SIM_I64] = "INTEGER", [KL_SIM_I32] = "INTEGER", [KL_SIM_U32] = "INTEGER", [KL_SIM_BOOL] = "INTEGER",
    [KL_SIM_REAL] = "REAL",   [KL_SIM_TEXT] = "TEXT",   [KL_SIM_I64S] = "TEXT"};

static sqlite3_stmt *prepare_text(kl_sim_store *st, kl_buf *sql) {
  sqlite3_stmt *q = NULL;
  if (sql->failed)
    (void)kl_sim_store_broke(st, "preparing");
  else
    q = kl_sim_store_prepare(st, sql->data);
  kl_buf_free(sql);
  return q;
}

static bool make_table(kl_sim_store *st, const kl_sim_table *t) {
  kl_buf sql = {0};
  kl_buf_printf(&sql, "CREATE TABLE %s(%s INTEGER PRIMARY KEY", t->name, t->fields[0].name);
  for (size_t i = 1; i < t->n; i++)
    kl_buf_printf(&sql, ", \"%s\" %s NOT NULL", t->fields[i].name, sql_types[t->fields[i].type]);
  kl_buf_str(&sql, ", \"sum\" INTEGER NOT NULL)");
  bool ok = sql.failed ? kl_sim_store_broke(st, "preparing") : kl_sim_store_table(st, t->name, sql.data);
  kl_buf_free(&sql);
  return ok;
}

bool kl_sim_rows_open(kl_sim_rows *r, kl_sim_store *st, const kl_sim_table *t) {
  kl_buf sql = {0};
  *r = (kl_sim_rows){.st = st, .table = t};
  if (!make_table(st, t)) return false;
  kl_buf_printf(&sql, "INSERT OR REPLACE INTO %s VALUES(?1", t->name);
  for (size_t i = 1; i <= t->n; i++)
    kl_buf_printf(&sql, ",?%zu", i + 1);
  kl_buf_char(&sql, ')');
  r->put = prepare_text(st, &sql);
  kl_buf_printf(&sql, "DELETE FROM %s WHERE %s = ?1", t->name, t->fields[0].name);
  r->drop = prepare_text(st, &sql);
  return r->put && r->drop;
}

void kl_sim_rows_close(kl_sim_rows *r) {
  sqlite3_finalize(r->put);
  sqlite3_finalize(r->drop);
  *r = (kl_sim_rows){0};
}

/* ---- values ---- */

static int64_t integer(const kl_sim_field *f, const unsigned char *p) {
  int64_t wide;
  int32_t narrow;
  uint32_t positive;
  bool truth;
  switch (f->type) {
  case KL_SIM_I32:
    memcpy(&narrow, p, sizeof narrow);
    return narrow;
  case KL_SIM_U32:
    memcpy(&positive, p, sizeof positive);
    return positive;
  case KL_SIM_BOOL:
    memcpy(&truth, p, sizeof truth);
    return truth;
  default:
    memcpy(&wide, p, sizeof wide);
    return wide;
  }
}

/* False when the value does not fit the member. */
static bool set_integer(const kl_sim_field *f, unsigned char *p, int64_t v) {
  int32_t narrow = (int32_t)v;
  uint32_t positive = (uint32_t)v;
  bool truth = v == 1;
  switch (f->type) {
  case KL_SIM_I32:
    memcpy(p, &narrow, sizeof narrow);
    return narrow == v;
  case KL_SIM_U32:
    memcpy(p, &positive, sizeof positive);
    return positive == v;
  case KL_SIM_BOOL:
    memcpy(p, &truth, sizeof truth);
    return v == 0 || v == 1;
  default:
    memcpy(p, &v, sizeof v);
    return true;
  }
}

static int write_i64s(const kl_sim_field *f, const unsigned char *p, char *out) {
  int n = 0;
  for (size_t i = 0; i < f->size / 8; i++) {
    int64_t v;
    memcpy(&v, p + 8 * i, sizeof v);
    n += snprintf(out + n, (size_t)(TEXT_OF_I64S - n), i ? ",%" PRId64 : "%" PRId64, v);
  }
  return n;
}

static bool read_i64s(const kl_sim_field *f, unsigned char *p, const char *text) {
  char *end;
  for (size_t i = 0; i < f->size / 8; i++) {
    int64_t v = strtoll(text, &end, 10);
    bool last = i + 1 == f->size / 8;
    if (end == text || *end != (last ? '\0' : ',')) return false;
    memcpy(p + 8 * i, &v, sizeof v);
    text = end + 1;
  }
  return true;
}

static int64_t sum_of(const kl_sim_table *t, const unsigned char *record) {
  kl_sim_sum s = {0};
  for (size_t i = 0; i < t->n; i++) {
    const kl_sim_field *f = &t->fields[i];
    const unsigned char *p = record + f->offset;
    int64_t v;
    switch (f->type) {
    case KL_SIM_TEXT:
      kl_sim_sum_add(&s, p, strlen((const char *)p) + 1);
      break;
    case KL_SIM_I64S:
    case KL_SIM_REAL:
      kl_sim_sum_add(&s, p, f->size);
      break;
    default:
      v = integer(f, p);
      kl_sim_sum_add(&s, &v, sizeof v);
    }
  }
  return kl_sim_sum_end(&s);
}

/* ---- writing ---- */

void kl_sim_rows_put(kl_sim_rows *r, const void *record) {
  const kl_sim_table *t = r->table;
  if (!r->put) return;
  for (size_t i = 0; i < t->n; i++) {
    const kl_sim_field *f = &t->fields[i];
    const unsigned char *p = (const unsigned char *)record + f->offset;
    char text[TEXT_OF_I64S];
    double real;
    int column = (int)i + 1;
    switch (f->type) {
    case KL_SIM_TEXT:
      sqlite3_bind_text(r->put, column, (const char *)p, -1, SQLITE_STATIC);
      break;
    case KL_SIM_I64S:
      sqlite3_bind_text(r->put, column, text, write_i64s(f, p, text), SQLITE_TRANSIENT);
      break;
    case KL_SIM_REAL:
      memcpy(&real, p, sizeof real);
      sqlite3_bind_double(r->put, column, real);
      break;
    default:
      sqlite3_bind_int64(r->put, column, integer(f, p));
    }
  }
  sqlite3_bind_int64(r->put, (int)t->n + 1, sum_of(t, record));
  kl_sim_store_run(r->st, r->put);
}

void kl_sim_rows_drop(kl_sim_rows *r, uint64_t number) {
  if (!r->drop) return;
  sqlite3_bind_int64(r->drop, 1, (int64_t)number);
  kl_sim_store_run(r->st, r->drop);
}

/* ---- reading ---- */

static bool read_text(const kl_sim_field *f, unsigned char *p, sqlite3_stmt *q, int column) {
  const char *text = (const char *)sqlite3_column_text(q, column);
  size_t n = (size_t)sqlite3_column_bytes(q, column);
  if (!text || strlen(text) != n) return false;
  if (f->type == KL_SIM_I64S) return read_i64s(f, p, text);
  if (n >= f->size) return false;
  memcpy(p, text, n + 1);
  return true;
}

static bool read_row(const kl_sim_table *t, sqlite3_stmt *q, unsigned char *record) {
  memset(record, 0, t->size);
  for (size_t i = 0; i < t->n; i++) {
    const kl_sim_field *f = &t->fields[i];
    unsigned char *p = record + f->offset;
    int column = (int)i;
    bool ok;
    if (f->type == KL_SIM_TEXT || f->type == KL_SIM_I64S) {
      ok = read_text(f, p, q, column);
    } else if (f->type == KL_SIM_REAL) {
      double real = sqlite3_column_double(q, column);
      memcpy(p, &real, sizeof real);
      ok = true;
    } else {
      ok = sqlite3_column_type(q, column) == SQLITE_INTEGER && set_integer(f, p, sqlite3_column_int64(q, column));
    }
    if (!ok) return false;
  }
  return sqlite3_column_int64(q, (int)t->n) == sum_of(t, record);
}

bool kl_sim_rows_each(kl_sim_rows *r, void *record, bool (*one)(void *data, const void *record), void *data) {
  const kl_sim_table *t = r->table;
  kl_buf sql = {0};
  kl_buf_printf(&sql, "SELECT * FROM %s ORDER BY %s", t->name, t->fields[0].name);
  sqlite3_stmt *q = prepare_text(r->st, &sql);
  if (!q) return false;
  bool ok = true;
  int rc;
  while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
    ok = read_row(t, q, record);
    if (!ok)
      (void)kl_sim_store_damaged(r->st, "row %lld of \"%s\" does not match its checksum",
                                 (long long)sqlite3_column_int64(q, 0), t->name);
    ok = ok && one(data, record);
    if (!ok) break;
  }
  if (rc != SQLITE_ROW && rc != SQLITE_DONE) ok = kl_sim_store_broke(r->st, "reading");
  sqlite3_finalize(q);
  return ok;
}
