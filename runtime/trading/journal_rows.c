#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "trading/journal_impl.h"

typedef enum { TEXT, I64, I32, U32, SIDE, BOOLEAN } column_kind;

typedef struct {
  const char *name;
  column_kind kind;
  size_t offset, size;
  int64_t most; /* of an integer from 0 up; 0: any */
} column;

#define MEMBER(type, member) offsetof(type, member), sizeof(((type *)NULL)->member)

static const column wanted_columns[] = {
    {"client_id", TEXT, MEMBER(kl_journal_wanted, client_id), 0},
    {"created_ms", I64, MEMBER(kl_journal_wanted, created_ms), 0},
    {"run", I64, MEMBER(kl_journal_wanted, run), 0},
    {"party", TEXT, MEMBER(kl_journal_wanted, party), 0},
    {"generation", U32, MEMBER(kl_journal_wanted, generation), UINT32_MAX},
    {"ticker", TEXT, MEMBER(kl_journal_wanted, ticker), 0},
    {"side", I32, MEMBER(kl_journal_wanted, side), KL_ASK},
    {"on_no", I32, MEMBER(kl_journal_wanted, on_no), 1},
    {"tif", I32, MEMBER(kl_journal_wanted, tif), KL_DESK_FOK},
    {"post_only", I32, MEMBER(kl_journal_wanted, post_only), 1},
    {"reduce_only", I32, MEMBER(kl_journal_wanted, reduce_only), 1},
    {"subaccount", I32, MEMBER(kl_journal_wanted, subaccount), INT32_MAX},
};

static const column known_columns[] = {
    {"id", TEXT, MEMBER(kl_journal_known, id), 0},
    {"status", I32, MEMBER(kl_journal_known, status), KL_DESK_REJECTED},
    {"yes_price", I64, MEMBER(kl_journal_known, yes_price), 0},
    {"count", I64, MEMBER(kl_journal_known, count), 0},
    {"filled", I64, MEMBER(kl_journal_known, filled), 0},
    {"remaining", I64, MEMBER(kl_journal_known, remaining), 0},
    {"cost", I64, MEMBER(kl_journal_known, cost), 0},
    {"fees", I64, MEMBER(kl_journal_known, fees), 0},
    {"seen", I64, MEMBER(kl_journal_known, seen), 0},
    {"group_id", TEXT, MEMBER(kl_journal_known, group_id), 0},
    {"exchange_index", I32, MEMBER(kl_journal_known, exchange_index), INT32_MAX},
    {"reason", TEXT, MEMBER(kl_journal_known, reason), 0},
    {"error_code", TEXT, MEMBER(kl_journal_known, error_code), 0},
    {"error", TEXT, MEMBER(kl_journal_known, error), 0},
    {"updated_ms", I64, MEMBER(kl_journal_known, updated_ms), 0},
    {"expiration_ms", I64, MEMBER(kl_journal_known, expiration_ms), 0},
    {"changed_ms", I64, MEMBER(kl_journal_known, changed_ms), 0},
};

#define FILL(member) offsetof(kl_journal_fill_row, fill.member), sizeof(((kl_account_fill *)NULL)->member)

static const column fill_columns[] = {
    {"trade_id", TEXT, FILL(trade_id), 0},
    {"order_id", TEXT, FILL(order_id), 0},
    {"client_id", TEXT, FILL(client_order_id), 0},
    {"party", TEXT, MEMBER(kl_journal_fill_row, party), 0},
    {"ticker", TEXT, FILL(ticker), 0},
    {"side", SIDE, FILL(side), KL_ASK},
    {"yes_price", I64, FILL(yes_price), 0},
    {"count", I64, FILL(count), 0},
    {"fee", I64, FILL(fee), 0},
    {"is_taker", BOOLEAN, FILL(is_taker), 1},
    {"ts_ms", I64, FILL(ts_ms), 0},
    {"subaccount", I32, FILL(subaccount), INT32_MAX},
    {"exchange_index", I32, FILL(exchange_index), INT32_MAX},
};

typedef struct {
  const column *columns;
  size_t n;
  const char *sum; /* the column behind them that has their checksum */
} group;

enum { N_WANTED = sizeof wanted_columns / sizeof wanted_columns[0] };
enum { N_KNOWN = sizeof known_columns / sizeof known_columns[0] };
enum { N_FILL = sizeof fill_columns / sizeof fill_columns[0] };

static const group wanted = {wanted_columns, N_WANTED, "sum"};
static const group known = {known_columns, N_KNOWN, "known_sum"};
static const group fills = {fill_columns, N_FILL, "sum"};

/* ---- from and to orders ---- */

static void copy(char *to, size_t cap, const char *from) {
  size_t n = strnlen(from, cap - 1);
  memcpy(to, from, n);
  to[n] = 0;
}

#define COPY(to, from) copy(to, sizeof(to), from)

void kl_journal_row_of(const kl_desk_order *o, kl_journal_row *out) {
  memset(out, 0, sizeof *out);
  kl_journal_wanted *w = &out->wanted;
  kl_journal_known *k = &out->known;
  COPY(w->client_id, o->client_id);
  COPY(w->ticker, o->ticker);
  w->generation = o->generation;
  w->side = o->side;
  w->on_no = o->on_no;
  w->tif = o->tif;
  w->post_only = o->post_only;
  w->reduce_only = o->reduce_only;
  w->subaccount = o->subaccount;
  w->created_ms = o->created_ms;
  COPY(k->id, o->id);
  COPY(k->group_id, o->group_id);
  COPY(k->reason, o->reason);
  if (o->error) {
    COPY(k->error_code, o->error->code);
    COPY(k->error, o->error->message);
  }
  k->status = o->status;
  k->exchange_index = o->exchange_index;
  k->yes_price = o->yes_price;
  k->count = o->count;
  k->filled = o->filled;
  k->remaining = o->remaining;
  k->cost = o->cost;
  k->fees = o->fees;
  k->seen = o->seen;
  k->updated_ms = o->updated_ms;
  k->expiration_ms = o->expiration_ms;
}

void kl_journal_order_of(const kl_journal_row *r, kl_desk_order *out) {
  const kl_journal_wanted *w = &r->wanted;
  const kl_journal_known *k = &r->known;
  memset(out, 0, sizeof *out);
  COPY(out->client_id, w->client_id);
  COPY(out->ticker, w->ticker);
  out->generation = w->generation;
  out->side = (kl_side)w->side;
  out->on_no = w->on_no;
  out->tif = (kl_desk_tif)w->tif;
  out->post_only = w->post_only;
  out->reduce_only = w->reduce_only;
  out->subaccount = w->subaccount;
  out->created_ms = w->created_ms;
  COPY(out->id, k->id);
  COPY(out->group_id, k->group_id);
  COPY(out->reason, k->reason);
  out->status = (kl_desk_status)k->status;
  out->exchange_index = k->exchange_index;
  out->yes_price = k->yes_price;
  out->count = k->count;
  out->filled = k->filled;
  out->remaining = k->remaining;
  out->cost = k->cost;
  out->fees = k->fees;
  out->seen = k->seen;
  out->updated_ms = k->updated_ms;
  out->expiration_ms = k->expiration_ms;
}

/* ---- a column of a struct ---- */

static int64_t get_int(const column *c, const void *s) {
  const char *p = (const char *)s + c->offset;
  switch (c->kind) {
  case I64:
    return *(const int64_t *)(const void *)p;
  case I32:
    return *(const int32_t *)(const void *)p;
  case U32:
    return *(const uint32_t *)(const void *)p;
  case SIDE:
    return *(const kl_side *)(const void *)p;
  case BOOLEAN:
    return *(const bool *)(const void *)p;
  case TEXT:
    break;
  }
  return 0;
}

static bool set_int(const column *c, void *s, int64_t v) {
  char *p = (char *)s + c->offset;
  if (c->most && (v < 0 || v > c->most)) return false;
  switch (c->kind) {
  case I64:
    *(int64_t *)(void *)p = v;
    break;
  case I32:
    *(int32_t *)(void *)p = (int32_t)v;
    break;
  case U32:
    *(uint32_t *)(void *)p = (uint32_t)v;
    break;
  case SIDE:
    *(kl_side *)(void *)p = (kl_side)v;
    break;
  case BOOLEAN:
    *(bool *)(void *)p = v;
    break;
  case TEXT:
    return false;
  }
  return true;
}

static bool set_text(const column *c, void *s, const char *text, size_t n) {
  char *p = (char *)s + c->offset;
  if (n >= c->size || memchr(text, 0, n)) return false;
  memcpy(p, text, n);
  p[n] = 0;
  return true;
}

/* ---- checksums ---- FNV-1a: a step is a bijection, so no single changed byte goes unseen. */

static uint64_t mix(uint64_t h, const void *p, size_t n) {
  const unsigned char *bytes = p;
  for (size_t i = 0; i < n; i++)
    h = (h ^ bytes[i]) * UINT64_C(0x100000001b3);
  return h;
}

static const uint64_t SEED = UINT64_C(0xcbf29ce484222325);

static int64_t sum_of(const group *g, const void *s, uint64_t h) {
  for (size_t i = 0; i < g->n; i++) {
    const column *c = &g->columns[i];
    if (c->kind == TEXT) {
      const char *text = (const char *)s + c->offset;
      h = mix(h, text, strlen(text) + 1);
    } else {
      int64_t v = get_int(c, s);
      h = mix(h, &v, sizeof v);
    }
  }
  return (int64_t)h;
}

/* Without the client id, under which a renamed order is not found any more. */
static int64_t sum_of_known(const kl_journal_row *r) {
  return sum_of(&known, &r->known, mix(SEED, &r->wanted.created_ms, sizeof r->wanted.created_ms));
}

int64_t kl_journal_note_sum(const char *key, const char *value) {
  return (int64_t)mix(mix(SEED, key, strlen(key) + 1), value, strlen(value) + 1);
}

/* ---- SQL ---- */

static void add_columns(kl_buf *sql, const group *g, const char *before, const char *text_type, const char *int_type) {
  for (size_t i = 0; i < g->n; i++)
    kl_buf_printf(sql, "%s%s%s", before, g->columns[i].name, g->columns[i].kind == TEXT ? text_type : int_type);
  kl_buf_printf(sql, "%s%s%s", before, g->sum, int_type);
}

void kl_journal_schema(kl_buf *sql) {
  static const char text[] = " TEXT NOT NULL", integer[] = " INTEGER NOT NULL";
  kl_buf_str(sql, "CREATE TABLE orders(number INTEGER PRIMARY KEY");
  add_columns(sql, &wanted, ", ", text, integer);
  add_columns(sql, &known, ", ", text, integer);
  kl_buf_str(sql, ", UNIQUE(client_id, created_ms));"
                  "CREATE INDEX orders_id ON orders(id) WHERE id <> '';"
                  "CREATE INDEX orders_open ON orders(run) WHERE status < 3 OR seen < filled;"
                  "CREATE INDEX orders_ended ON orders(changed_ms) WHERE status >= 3;"
                  "CREATE TABLE fills(number INTEGER PRIMARY KEY");
  add_columns(sql, &fills, ", ", text, integer);
  kl_buf_str(sql, ", UNIQUE(order_id, trade_id));"
                  "CREATE INDEX fills_party ON fills(party, ts_ms, number);"
                  "CREATE TABLE notes(key TEXT PRIMARY KEY, value TEXT NOT NULL, sum INTEGER NOT NULL) WITHOUT ROWID;"
                  "CREATE TABLE runs(number INTEGER PRIMARY KEY AUTOINCREMENT, started_ms INTEGER NOT NULL);");
}

static void add_values(kl_buf *sql, size_t n) {
  kl_buf_str(sql, " VALUES(");
  for (size_t i = 0; i < n; i++)
    kl_buf_str(sql, i ? ",?" : "?");
  kl_buf_str(sql, ")");
}

/* The comma that add_columns puts in front of the first. */
static void drop_first(kl_buf *sql, size_t at) {
  if (!sql->failed) sql->data[at] = ' ';
}

void kl_journal_sql(kl_journal_statement s, kl_buf *sql) {
  size_t at;
  switch (s) {
  case KL_JOURNAL_INSERT:
    kl_buf_str(sql, "INSERT OR IGNORE INTO orders(");
    at = sql->len;
    add_columns(sql, &wanted, ",", "", "");
    add_columns(sql, &known, ",", "", "");
    drop_first(sql, at);
    kl_buf_char(sql, ')');
    add_values(sql, N_WANTED + N_KNOWN + 2);
    break;
  case KL_JOURNAL_UPDATE:
    kl_buf_str(sql, "UPDATE orders SET(");
    at = sql->len;
    add_columns(sql, &known, ",", "", "");
    drop_first(sql, at);
    kl_buf_str(sql, ") = (");
    for (size_t i = 0; i < N_KNOWN + 1; i++)
      kl_buf_printf(sql, "%s?%zu", i ? "," : "", i + 1);
    /* One that was renamed is found by the exchange's id. */
    kl_buf_printf(sql, ") WHERE (client_id = ?%d AND created_ms = ?%d) OR (id = ?1 AND id <> '' AND created_ms = ?%d)",
                  N_KNOWN + 2, N_KNOWN + 3, N_KNOWN + 3);
    break;
  case KL_JOURNAL_FILL:
    kl_buf_str(sql, "INSERT OR IGNORE INTO fills(");
    at = sql->len;
    add_columns(sql, &fills, ",", "", "");
    drop_first(sql, at);
    kl_buf_char(sql, ')');
    add_values(sql, N_FILL + 1);
    break;
  case KL_JOURNAL_STATEMENTS:
    break;
  }
}

void kl_journal_select(bool of_fills, kl_buf *sql) {
  kl_buf_str(sql, "SELECT");
  size_t at = sql->len;
  if (of_fills) {
    add_columns(sql, &fills, ",", "", "");
  } else {
    add_columns(sql, &wanted, ",", "", "");
    add_columns(sql, &known, ",", "", "");
  }
  drop_first(sql, at);
  kl_buf_str(sql, of_fills ? " FROM fills " : " FROM orders ");
}

/* Texts are static: the row outlives the step. Returns the next parameter. */
static int bind_group(sqlite3_stmt *q, int at, const group *g, const void *s, int64_t sum) {
  for (size_t i = 0; i < g->n; i++) {
    const column *c = &g->columns[i];
    if (c->kind == TEXT)
      sqlite3_bind_text(q, at++, (const char *)s + c->offset, -1, SQLITE_STATIC);
    else
      sqlite3_bind_int64(q, at++, get_int(c, s));
  }
  sqlite3_bind_int64(q, at++, sum);
  return at;
}

void kl_journal_bind_row(sqlite3_stmt *q, kl_journal_statement s, const kl_journal_row *r) {
  int at = 1;
  if (s == KL_JOURNAL_INSERT) at = bind_group(q, at, &wanted, &r->wanted, sum_of(&wanted, &r->wanted, SEED));
  at = bind_group(q, at, &known, &r->known, sum_of_known(r));
  if (s == KL_JOURNAL_INSERT) return;
  sqlite3_bind_text(q, at++, r->wanted.client_id, -1, SQLITE_STATIC);
  sqlite3_bind_int64(q, at, r->wanted.created_ms);
}

void kl_journal_bind_fill(sqlite3_stmt *q, const kl_journal_fill_row *r) {
  (void)bind_group(q, 1, &fills, r, sum_of(&fills, r, SEED));
}

static bool read_group(sqlite3_stmt *q, int *at, const group *g, void *s, int64_t *sum) {
  for (size_t i = 0; i < g->n; i++) {
    const column *c = &g->columns[i];
    int k = (*at)++, type = sqlite3_column_type(q, k);
    if (c->kind == TEXT) {
      const char *text = type == SQLITE_TEXT ? (const char *)sqlite3_column_text(q, k) : NULL;
      if (!text || !set_text(c, s, text, (size_t)sqlite3_column_bytes(q, k))) return false;
    } else if (type != SQLITE_INTEGER || !set_int(c, s, sqlite3_column_int64(q, k))) {
      return false;
    }
  }
  if (sqlite3_column_type(q, *at) != SQLITE_INTEGER) return false;
  *sum = sqlite3_column_int64(q, (*at)++);
  return true;
}

bool kl_journal_read_row(sqlite3_stmt *q, kl_journal_row *out) {
  int at = 0;
  int64_t sum, known_sum;
  memset(out, 0, sizeof *out);
  return read_group(q, &at, &wanted, &out->wanted, &sum) && sum == sum_of(&wanted, &out->wanted, SEED) &&
         read_group(q, &at, &known, &out->known, &known_sum) && known_sum == sum_of_known(out);
}

bool kl_journal_read_fill(sqlite3_stmt *q, kl_journal_fill_row *out) {
  int at = 0;
  int64_t sum;
  memset(out, 0, sizeof *out);
  return read_group(q, &at, &fills, out, &sum) && sum == sum_of(&fills, out, SEED);
}

/* ---- bytes ---- length of the rest and its checksum, 8 bytes each; then each column: 8 bytes of an integer, or the
 * length of a text in 2 bytes and the text. Least byte first. */

static void put_int(kl_buf *b, int64_t v, int bytes) {
  for (int i = 0; i < bytes; i++)
    kl_buf_char(b, (char)((uint64_t)v >> 8 * i));
}

static void pack_group(kl_buf *b, const group *g, const void *s) {
  for (size_t i = 0; i < g->n; i++) {
    const column *c = &g->columns[i];
    if (c->kind == TEXT) {
      const char *text = (const char *)s + c->offset;
      put_int(b, (int64_t)strlen(text), 2);
      kl_buf_str(b, text);
    } else {
      put_int(b, get_int(c, s), 8);
    }
  }
}

void kl_journal_pack(const kl_journal_row *r, kl_buf *out) {
  size_t from = out->len;
  put_int(out, 0, 8);
  put_int(out, 0, 8);
  pack_group(out, &wanted, &r->wanted);
  pack_group(out, &known, &r->known);
  if (out->failed) return;
  char *head = out->data + from;
  uint64_t n = out->len - from - 16, sum = mix(SEED, head + 16, (size_t)n);
  for (int i = 0; i < 8; i++) {
    head[i] = (char)(n >> 8 * i);
    head[8 + i] = (char)(sum >> 8 * i);
  }
}

static int64_t take_int(const char *p, int bytes) {
  uint64_t v = 0;
  for (int i = 0; i < bytes; i++)
    v |= (uint64_t)(unsigned char)p[i] << 8 * i;
  return (int64_t)v;
}

static const char *unpack_group(const char *p, const char *end, const group *g, void *s) {
  for (size_t i = 0; i < g->n && p; i++) {
    const column *c = &g->columns[i];
    size_t n = c->kind == TEXT ? 2 : 8;
    if ((size_t)(end - p) < n) return NULL;
    int64_t v = take_int(p, (int)n);
    p += n;
    if (c->kind != TEXT) {
      if (!set_int(c, s, v)) return NULL;
    } else {
      if (end - p < v || !set_text(c, s, p, (size_t)v)) return NULL;
      p += v;
    }
  }
  return p;
}

size_t kl_journal_unpack(const char *p, size_t n, kl_journal_row *out) {
  memset(out, 0, sizeof *out);
  if (n < 16) return 0;
  uint64_t rest = (uint64_t)take_int(p, 8);
  if (rest > n - 16 || (uint64_t)take_int(p + 8, 8) != mix(SEED, p + 16, (size_t)rest)) return 0;
  const char *end = p + 16 + rest, *at = unpack_group(p + 16, end, &wanted, &out->wanted);
  if (at) at = unpack_group(at, end, &known, &out->known);
  return at == end ? 16 + (size_t)rest : 0;
}

bool kl_journal_is_half(const char *p, size_t n) {
  return n < 16 || (n < sizeof(kl_journal_row) && (uint64_t)take_int(p, 8) > n - 16);
}
