/* What calls do in the database: several in one transaction, each for itself within it. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "store/store_impl.h"

/* Rows and bytes of one answer of KL_STORE_EACH and its like. */
enum { PAGE_ROWS = 512, PAGE_BYTES = 1 << 20 };

/* One call as it is done. */
typedef struct {
  kl_store_db *d;
  kl_store_call *c;
  bool broken; /* SQLite failed: the transaction is to be given up */
} doing;

static bool broke(doing *x, const char *what) {
  x->broken = true;
  return kl_store_db_broke(x->d, what, &x->c->error);
}

static bool no_memory(doing *x) {
  kl_error_set(&x->c->error, KL_ERR_INTERNAL, "not enough memory for what the store is asked for");
  return false;
}

/* ---- the answer ---- */

void kl_store_call_again(kl_store_call *c) {
  c->error = (kl_error){0};
  kl_buf_clear(&c->out);
  c->n_rows = 0;
  c->changed = c->more = false;
}

static kl_store_row *add_row(doing *x) {
  kl_store_call *c = x->c;
  if (c->n_rows == c->cap_rows) {
    size_t want = c->cap_rows ? c->cap_rows * 2 : 4;
    kl_store_row *grown = realloc(c->rows, want * sizeof *grown);
    if (!grown) {
      (void)no_memory(x);
      return NULL;
    }
    c->rows = grown;
    c->cap_rows = want;
  }
  kl_store_row *r = &c->rows[c->n_rows++];
  *r = (kl_store_row){0};
  return r;
}

static bool add_number(doing *x, int64_t n) {
  kl_store_row *r = add_row(x);
  if (r) r->value = (kl_store_value){.kind = KL_STORE_INTEGER, .integer = n};
  return r != NULL;
}

static bool keep_bytes(doing *x, const void *p, size_t n, size_t *at) {
  kl_buf *out = &x->c->out;
  *at = out->len;
  if (n) kl_buf_add(out, p, n);
  return !out->failed || no_memory(x);
}

/* ---- statements ---- */

static sqlite3_stmt *query(doing *x, kl_store_query which) {
  sqlite3_stmt *q = kl_store_db_query(x->d, which, &x->c->error);
  if (!q) x->broken = true;
  return q;
}

static void end(sqlite3_stmt *q) {
  sqlite3_reset(q);
  sqlite3_clear_bindings(q); /* they point into the call */
}

static void bind_bytes(sqlite3_stmt *q, int i, const void *p, size_t n) {
  sqlite3_bind_blob64(q, i, n ? p : "", n, SQLITE_STATIC);
}

static const char *in(const doing *x, size_t at) { return x->c->in.data + at; }

static void bind_key(const doing *x, sqlite3_stmt *q, int i, const kl_store_op *op) {
  bind_bytes(q, i, in(x, op->key), op->key_n);
}

/* Runs a statement that has no rows. */
static bool run(doing *x, sqlite3_stmt *q, const char *what) {
  bool ok = sqlite3_step(q) == SQLITE_DONE || broke(x, what);
  end(q);
  return ok;
}

/* The first column of its one row; 0 where that is NULL. */
static bool ask(doing *x, sqlite3_stmt *q, int64_t *out) {
  bool ok = sqlite3_step(q) == SQLITE_ROW || broke(x, "reading");
  *out = ok ? sqlite3_column_int64(q, 0) : 0;
  end(q);
  return ok;
}

static bool simple(doing *x, kl_store_query which) {
  sqlite3_stmt *q = query(x, which);
  return q && run(x, q, "writing");
}

/* ---- rows ---- */

static uint64_t bits_of(double d) {
  uint64_t bits;
  memcpy(&bits, &d, sizeof bits);
  return bits;
}

/* Over all of a row, so that what the disk has changed is not taken for a value. */
static int64_t sum_of(int list, const void *name, size_t name_n, int64_t n, int kind, int64_t number, const void *image,
                      size_t image_n) {
  uint64_t parts[6] = {(uint64_t)list,   kl_hash_bytes(name, name_n),
                       (uint64_t)n,      (uint64_t)kind,
                       (uint64_t)number, kl_hash_bytes(image_n ? image : "", image_n)};
  return (int64_t)kl_hash_bytes(parts, sizeof parts);
}

/* The columns n, kind, number, image, sum, name of a row become a value; the image goes into the answer. */
static bool take_value(doing *x, sqlite3_stmt *q, int list, kl_store_value *v) {
  int64_t n = sqlite3_column_int64(q, 0), number = sqlite3_column_int64(q, 2);
  int kind = sqlite3_column_int(q, 1);
  const void *image = sqlite3_column_blob(q, 3), *name = sqlite3_column_blob(q, 5);
  size_t image_n = (size_t)sqlite3_column_bytes(q, 3), name_n = (size_t)sqlite3_column_bytes(q, 5);
  bool known = kind == KL_STORE_IMAGE || kind == KL_STORE_INTEGER || kind == KL_STORE_FLOAT;
  if (!known || sum_of(list, name_n ? name : "", name_n, n, kind, number, image, image_n) != sqlite3_column_int64(q, 4))
    return kl_store_db_damaged(x->d, "a value does not match its checksum", &x->c->error);
  *v = (kl_store_value){.kind = (kl_store_kind)kind, .n = image_n};
  if (kind == KL_STORE_INTEGER) v->integer = number;
  if (kind == KL_STORE_FLOAT) memcpy(&v->real, &number, sizeof v->real);
  return keep_bytes(x, image, image_n, &v->at);
}

/* The value of the key; kind 0: there is none. */
static bool read_value(doing *x, const kl_store_op *op, kl_store_value *v) {
  sqlite3_stmt *q = query(x, KL_STORE_Q_GET);
  *v = (kl_store_value){0};
  if (!q) return false;
  sqlite3_bind_int(q, 1, 0);
  bind_key(x, q, 2, op);
  sqlite3_bind_int(q, 3, 0);
  int rc = sqlite3_step(q);
  bool ok = rc == SQLITE_DONE || (rc == SQLITE_ROW ? take_value(x, q, 0, v) : broke(x, "reading"));
  end(q);
  return ok;
}

static bool put(doing *x, int list, const kl_store_op *op, int64_t n, const kl_store_value *v) {
  sqlite3_stmt *q = query(x, KL_STORE_Q_PUT);
  if (!q) return false;
  bool image = v->kind == KL_STORE_IMAGE;
  int64_t number = v->kind == KL_STORE_FLOAT ? (int64_t)bits_of(v->real) : v->integer;
  const char *key = in(x, op->key), *bytes = image ? in(x, v->at) : "";
  size_t bytes_n = image ? v->n : 0;
  if (image) number = 0;
  sqlite3_bind_int(q, 1, list);
  bind_key(x, q, 2, op);
  sqlite3_bind_int64(q, 3, n);
  sqlite3_bind_int(q, 4, v->kind);
  sqlite3_bind_int64(q, 5, number);
  if (image) bind_bytes(q, 6, bytes, bytes_n);
  sqlite3_bind_int64(q, 7, sum_of(list, key, op->key_n, n, v->kind, number, bytes, bytes_n));
  return run(x, q, "writing");
}

static bool drop(doing *x, const kl_store_op *op) {
  sqlite3_stmt *q = query(x, KL_STORE_Q_DROP);
  if (!q) return false;
  sqlite3_bind_int(q, 1, 0);
  bind_key(x, q, 2, op);
  sqlite3_bind_int(q, 3, 0);
  return run(x, q, "writing");
}

/* ---- reading ---- */

static bool do_get(doing *x, const kl_store_op *op) {
  kl_store_value v;
  if (!read_value(x, op, &v)) return false;
  kl_store_row *r = v.kind ? add_row(x) : NULL;
  if (r) r->value = v;
  return !v.kind || r;
}

/* The first key that may come and the first that does not, by what it begins with and what was there before. Behind a
 * key the next one is that with a zero byte. */
typedef struct {
  char from[KL_STORE_KEY_MOST + 1], to[KL_STORE_KEY_MOST + 1];
  size_t from_n, to_n;
} range;

static void range_of(const doing *x, const kl_store_op *op, range *r) {
  const char *prefix = in(x, op->key);
  memcpy(r->from, prefix, op->key_n);
  r->from_n = op->key_n;
  if (op->has_after) {
    memcpy(r->from, in(x, op->after), op->after_n);
    r->from[op->after_n] = 0;
    r->from_n = op->after_n + 1;
  }
  memcpy(r->to, prefix, op->key_n);
  r->to_n = op->key_n;
  while (r->to_n > 0 && (unsigned char)r->to[r->to_n - 1] == 0xff)
    r->to_n--;
  if (r->to_n > 0) {
    r->to[r->to_n - 1] = (char)((unsigned char)r->to[r->to_n - 1] + 1);
    return;
  }
  memset(r->to, 0xff, sizeof r->to); /* longer than any key */
  r->to_n = sizeof r->to;
}

static bool add_key(doing *x, const void *name, size_t n, const kl_store_value *v) {
  kl_store_row *r = add_row(x);
  if (!r) return false;
  if (v) r->value = *v;
  r->key_n = n;
  return keep_bytes(x, name, n, &r->key);
}

static bool page_is_full(const doing *x) { return x->c->n_rows >= PAGE_ROWS || x->c->out.len >= PAGE_BYTES; }

static bool do_range(doing *x, const kl_store_op *op) {
  bool values = op->verb == KL_STORE_EACH;
  sqlite3_stmt *q = query(x, values ? KL_STORE_Q_EACH : KL_STORE_Q_KEYS);
  range r;
  if (!q) return false;
  range_of(x, op, &r);
  bind_bytes(q, 1, r.from, r.from_n);
  bind_bytes(q, 2, r.to, r.to_n);
  sqlite3_bind_int64(q, 3, op->n);
  bool ok = true;
  int rc = SQLITE_DONE;
  while (ok && !x->c->more && (rc = sqlite3_step(q)) == SQLITE_ROW) {
    kl_store_value v;
    int name = values ? 5 : 0;
    x->c->more = page_is_full(x);
    if (x->c->more) break;
    ok = !values || take_value(x, q, 0, &v);
    ok = ok && add_key(x, sqlite3_column_blob(q, name), (size_t)sqlite3_column_bytes(q, name), values ? &v : NULL);
  }
  if (ok && rc != SQLITE_DONE && rc != SQLITE_ROW) ok = broke(x, "reading");
  end(q);
  return ok;
}

/* The first list of the range: its name is in r->from then, which is behind it. */
static bool next_list(doing *x, range *r, bool *found) {
  sqlite3_stmt *q = query(x, KL_STORE_Q_NEXT_LIST);
  *found = false;
  if (!q) return false;
  bind_bytes(q, 1, r->from, r->from_n);
  bind_bytes(q, 2, r->to, r->to_n);
  bool ok = sqlite3_step(q) == SQLITE_ROW || broke(x, "reading");
  if (ok && sqlite3_column_type(q, 0) != SQLITE_NULL) {
    size_t len = (size_t)sqlite3_column_bytes(q, 0);
    *found = ok = len <= KL_STORE_KEY_MOST || kl_store_db_damaged(x->d, "a list with an endless name", &x->c->error);
    if (ok && len) memcpy(r->from, sqlite3_column_blob(q, 0), len);
    if (ok) r->from[len] = 0;
    if (ok) r->from_n = len + 1;
  }
  end(q);
  return ok;
}

static bool do_lists(doing *x, const kl_store_op *op) {
  range r;
  bool ok = true, found = true;
  range_of(x, op, &r);
  for (int64_t n = 0; ok && found && !x->c->more && n < op->n; n++) {
    ok = next_list(x, &r, &found);
    x->c->more = found && page_is_full(x);
    ok = ok && (!found || x->c->more || add_key(x, r.from, r.from_n - 1, NULL));
  }
  return ok;
}

static bool do_last(doing *x, const kl_store_op *op) {
  sqlite3_stmt *q = query(x, KL_STORE_Q_LAST);
  if (!q) return false;
  bind_key(x, q, 1, op);
  sqlite3_bind_int64(q, 2, op->n);
  bool ok = true;
  int rc = SQLITE_DONE;
  while (ok && (rc = sqlite3_step(q)) == SQLITE_ROW) {
    kl_store_value v;
    kl_store_row *r = NULL;
    ok = take_value(x, q, 1, &v) && (r = add_row(x));
    if (r) r->value = v;
    if (ok && x->c->out.len + x->c->n_rows * sizeof *r > KL_STORE_ANSWER_MOST) {
      kl_error_coded(&x->c->error, KL_ERR_LIMIT, "store_too_big",
                     "store.last: the newest %" PRId64 " items are more than %d MiB: ask for fewer", op->n,
                     KL_STORE_ANSWER_MOST >> 20);
      ok = false;
    }
  }
  if (ok && rc != SQLITE_DONE) ok = broke(x, "reading");
  end(q);
  return ok;
}

static bool used(doing *x, int64_t *out) {
  int64_t pages, unused;
  sqlite3_stmt *q = query(x, KL_STORE_Q_PAGES), *free_q = q ? query(x, KL_STORE_Q_FREE_PAGES) : NULL;
  if (!free_q || !ask(x, q, &pages) || !ask(x, free_q, &unused)) return false;
  *out = (pages - unused) * x->d->page_size;
  return true;
}

static bool do_info(doing *x, const kl_store_op *op) {
  int64_t bytes, keys, lists = 0;
  sqlite3_stmt *q = query(x, KL_STORE_Q_COUNT);
  bool ok = q && used(x, &bytes) && ask(x, q, &keys), found = true;
  range r;
  if (ok) range_of(x, op, &r);
  while (ok && found) {
    ok = next_list(x, &r, &found);
    lists += found;
  }
  return ok && add_number(x, bytes) && add_number(x, keys) && add_number(x, lists);
}

/* ---- writing ---- */

static bool add_up(doing *x, const kl_store_value *a, const kl_store_value *b, kl_store_value *sum) {
  if (a->kind == KL_STORE_INTEGER && b->kind == KL_STORE_INTEGER) {
    *sum = (kl_store_value){.kind = KL_STORE_INTEGER};
    if (!__builtin_add_overflow(a->integer, b->integer, &sum->integer)) return true;
    kl_error_coded(&x->c->error, KL_ERR_VALIDATION, "store_overflow",
                   "store.add: %" PRId64 " and %" PRId64 " are more than an integer holds: the value stays as it was",
                   a->integer, b->integer);
    return false;
  }
  double p = a->kind == KL_STORE_INTEGER ? (double)a->integer : a->real;
  double q = b->kind == KL_STORE_INTEGER ? (double)b->integer : b->real;
  *sum = (kl_store_value){.kind = KL_STORE_FLOAT, .real = p + q};
  return true;
}

static bool do_add(doing *x, const kl_store_op *op) {
  kl_store_value old, sum;
  if (!read_value(x, op, &old)) return false;
  if (old.kind == KL_STORE_IMAGE) {
    kl_error_coded(&x->c->error, KL_ERR_VALIDATION, "store_no_number",
                   "store.add: the value of \"%.*s\" is no number: store.set gives it one",
                   op->key_n > 80 ? 80 : (int)op->key_n, in(x, op->key));
    return false;
  }
  if (!old.kind)
    sum = op->value;
  else if (!add_up(x, &old, &op->value, &sum))
    return false;
  kl_store_row *r = put(x, 0, op, 0, &sum) ? add_row(x) : NULL;
  if (r) r->value = sum;
  return r != NULL;
}

static bool same_value(const doing *x, const kl_store_value *expected, const kl_store_value *is) {
  if (expected->kind != is->kind) return false;
  switch (is->kind) {
  case KL_STORE_INTEGER:
    return expected->integer == is->integer;
  case KL_STORE_FLOAT:
    return bits_of(expected->real) == bits_of(is->real);
  case KL_STORE_IMAGE:
    return expected->n == is->n && (!is->n || !memcmp(in(x, expected->at), x->c->out.data + is->at, is->n));
  }
  return true; /* neither is there */
}

static bool do_swap(doing *x, const kl_store_op *op) {
  kl_store_value is;
  if (!read_value(x, op, &is)) return false;
  if (same_value(x, &op->expected, &is)) {
    kl_buf_clear(&x->c->out);
    return op->value.kind ? put(x, 0, op, 0, &op->value) : !is.kind || drop(x, op);
  }
  x->c->changed = true;
  kl_store_row *r = is.kind ? add_row(x) : NULL;
  if (r) r->value = is;
  return !is.kind || r;
}

static bool do_delete(doing *x, const kl_store_op *op) {
  kl_store_value is;
  size_t before = x->c->out.len;
  bool damaged = !read_value(x, op, &is) && !x->broken;
  if (x->broken) return false;
  if (damaged) x->c->error = (kl_error){0}; /* that is a way to be rid of it */
  x->c->out.len = before;
  bool there = damaged || is.kind;
  return (!there || drop(x, op)) && add_number(x, there);
}

static bool trim(doing *x, const kl_store_op *op, int64_t up_to) {
  sqlite3_stmt *q = query(x, KL_STORE_Q_TRIM);
  if (!q) return false;
  bind_key(x, q, 1, op);
  sqlite3_bind_int64(q, 2, up_to);
  return run(x, q, "writing");
}

static bool do_append(doing *x, const kl_store_op *op) {
  sqlite3_stmt *q = query(x, KL_STORE_Q_LAST_N);
  int64_t last;
  if (!q) return false;
  bind_key(x, q, 1, op);
  if (!ask(x, q, &last)) return false;
  if (last < 0 || last == INT64_MAX)
    return kl_store_db_damaged(x->d, "a list with an item whose number cannot be", &x->c->error);
  if (!put(x, 1, op, last + 1, &op->value)) return false;
  return (!op->n || trim(x, op, last + 1 - op->n)) && add_number(x, last + 1);
}

static bool do_clear(doing *x, const kl_store_op *op) {
  sqlite3_stmt *q = query(x, KL_STORE_Q_COUNT_LIST);
  int64_t n;
  if (!q) return false;
  bind_key(x, q, 1, op);
  return ask(x, q, &n) && (!n || trim(x, op, INT64_MAX)) && add_number(x, n);
}

static bool do_op(doing *x, kl_store_op *op) {
  switch (op->verb) {
  case KL_STORE_GET:
    return do_get(x, op);
  case KL_STORE_EACH:
  case KL_STORE_KEYS:
    return do_range(x, op);
  case KL_STORE_LISTS:
    return do_lists(x, op);
  case KL_STORE_LAST:
    return do_last(x, op);
  case KL_STORE_INFO:
    return do_info(x, op);
  case KL_STORE_SET:
    return put(x, 0, op, 0, &op->value);
  case KL_STORE_DELETE:
    return do_delete(x, op);
  case KL_STORE_ADD:
    return do_add(x, op);
  case KL_STORE_SWAP:
    return do_swap(x, op);
  case KL_STORE_APPEND:
    return do_append(x, op);
  case KL_STORE_CLEAR:
    return do_clear(x, op);
  case KL_STORE_FORGET:
    return simple(x, KL_STORE_Q_FORGET);
  }
  return true;
}

/* ---- calls ---- */

static bool do_all(doing *x) {
  for (size_t i = 0; i < x->c->n_ops; i++) {
    kl_store_op *op = &x->c->ops[i];
    op->rows = x->c->n_rows;
    if (!do_op(x, op)) return false;
    op->n_rows = x->c->n_rows - op->rows;
  }
  return true;
}

/* More than it may have, and not less than before. */
static bool is_full(doing *x, int64_t before) {
  int64_t now;
  if (!used(x, &now)) return true;
  if (now <= before || (uint64_t)now <= x->c->most) return false;
  kl_error_coded(&x->c->error, KL_ERR_LIMIT, "store_full",
                 "store %.300s has its %zu MiB: delete what is not needed, keep lists short (store.append with a "
                 "third argument), or raise it by --max-store",
                 x->d->path[0] ? x->d->path : "in memory", x->c->most >> 20);
  return true;
}

/* Within a transaction. A call that fails by itself leaves nothing; false: the transaction is to be given up. */
static bool do_call(kl_store_db *d, kl_store_call *c) {
  doing x = {.d = d, .c = c};
  int64_t before = 0;
  kl_store_call_again(c);
  if (!kl_store_call_writes(c)) return do_all(&x) || !x.broken;
  if (!used(&x, &before) || !simple(&x, KL_STORE_Q_SAVE)) return false;
  if (do_all(&x) && !is_full(&x, before)) return simple(&x, KL_STORE_Q_RELEASE);
  if (x.broken) return false;
  kl_error why = c->error;
  bool ok = simple(&x, KL_STORE_Q_BACK) && simple(&x, KL_STORE_Q_RELEASE);
  if (ok) c->error = why;
  return ok;
}

static bool run_all(kl_store_db *d, kl_store_call *first, bool writes, kl_error *e) {
  if (!kl_store_db_run(d, writes ? "BEGIN IMMEDIATE" : "BEGIN", writes ? "writing" : "reading", e)) return false;
  bool ok = true;
  for (kl_store_call *c = first; c && ok; c = c->next) {
    ok = do_call(d, c);
    if (!ok) *e = c->error;
  }
  return ok && kl_store_db_run(d, "COMMIT", writes ? "writing" : "reading", e);
}

static void fail(kl_store_call *first, const kl_error *e) {
  for (kl_store_call *c = first; c; c = c->next) {
    kl_store_call_again(c);
    c->error = *e;
  }
}

/* Whether the failure is that of all calls that are written together: none of them may do better by itself. */
static bool is_for_all(const kl_store_db *d) {
  switch (d->db ? sqlite3_extended_errcode(d->db) & 0xff : SQLITE_NOMEM) {
  case SQLITE_FULL:
  case SQLITE_IOERR:
  case SQLITE_NOMEM:
  case SQLITE_TOOBIG:
    return false;
  default:
    return true;
  }
}

void kl_store_do(kl_store_db *d, kl_store_call *first) {
  kl_error e = {0};
  bool writes = false;
  if (!first) return;
  for (const kl_store_call *c = first; c && !writes; c = c->next)
    writes = kl_store_call_writes(c);
  switch (kl_store_db_open(d, writes, &e)) {
  case KL_STORE_FAILED:
    fail(first, &e);
    return;
  case KL_STORE_ABSENT: /* nothing was ever written: each finds nothing */
    for (kl_store_call *c = first; c; c = c->next) {
      kl_store_call_again(c);
      for (size_t i = 0; i < c->n_ops; i++)
        c->ops[i].rows = c->ops[i].n_rows = 0;
    }
    return;
  case KL_STORE_OPEN:
    break;
  }
  if (run_all(d, first, writes, &e)) return;
  bool all = is_for_all(d);
  if (!sqlite3_get_autocommit(d->db)) sqlite3_exec(d->db, "ROLLBACK", NULL, NULL, NULL);
  if (all || !first->next) {
    fail(first, &e);
  } else { /* one of them may be what does not fit */
    for (kl_store_call *c = first, *next; c; c = next) {
      next = c->next;
      c->next = NULL;
      kl_store_do(d, c);
      c->next = next;
    }
  }
}
