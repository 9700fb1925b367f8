/* What the files of the journal share. journal.c has the queue, its thread and what is put into it; journal_read.c what
 * is read; journal_runs.c the processes that share a file, and what those leave behind that are killed; journal_file.c
 * the SQLite file; journal_rows.c what stands in a row; journal_log.c the orders that are not in the file yet. Private
 * to these and the tests. */
#ifndef KL_JOURNAL_IMPL_H
#define KL_JOURNAL_IMPL_H

#include <pthread.h>
#include <sqlite3.h>

#include "base/buf.h"
#include "base/map.h"
#include "trading/journal.h"

enum {
  KL_JOURNAL_APPLICATION = 0x4b414c4f, /* "KALO": what the header of the file says of its owner */
  KL_JOURNAL_VERSION = 1               /* of the tables, and of the logs beside the file */
};

/* ---- journal_rows.c ---- */

/* An order: what was wanted, which no change touches, and what has become of it. */
typedef struct kl_journal_wanted {
  char client_id[65], ticker[64], party[256];
  int64_t run; /* of the process that placed it */
  uint32_t generation;
  int32_t side, on_no, tif, post_only, reduce_only, subaccount;
  int64_t created_ms;
} kl_journal_wanted;

typedef struct kl_journal_known {
  char id[64], group_id[64], reason[32], error_code[64], error[200];
  int32_t status, exchange_index;
  int64_t yes_price, count, filled, remaining, cost, fees, seen;
  int64_t updated_ms, expiration_ms;
  int64_t changed_ms; /* our clock, when it was written */
} kl_journal_known;

typedef struct kl_journal_row {
  kl_journal_wanted wanted;
  kl_journal_known known;
} kl_journal_row;

typedef struct kl_journal_fill_row {
  kl_account_fill fill;
  char party[256];
} kl_journal_fill_row;

void kl_journal_row_of(const kl_desk_order *o, kl_journal_row *out); /* without run and party */
void kl_journal_order_of(const kl_journal_row *r,
                         kl_desk_order *out); /* without its error, party and what is reserved */

/* The tables, one statement after the other. */
void kl_journal_schema(kl_buf *sql);
typedef enum { KL_JOURNAL_INSERT, KL_JOURNAL_UPDATE, KL_JOURNAL_FILL, KL_JOURNAL_STATEMENTS } kl_journal_statement;
void kl_journal_sql(kl_journal_statement s, kl_buf *sql);
/* "SELECT every column FROM orders " or "… fills ", to which the caller adds. */
void kl_journal_select(bool fills, kl_buf *sql);
void kl_journal_bind_row(sqlite3_stmt *q, kl_journal_statement s, const kl_journal_row *r);
void kl_journal_bind_fill(sqlite3_stmt *q, const kl_journal_fill_row *r);
/* False when the row is not as it was written. */
bool kl_journal_read_row(sqlite3_stmt *q, kl_journal_row *out);
bool kl_journal_read_fill(sqlite3_stmt *q, kl_journal_fill_row *out);
int64_t kl_journal_note_sum(const char *key, const char *value);

/* A row as bytes, with its length and checksum in front, and back: what was read of `p`, 0 where there is no whole and
 * right one. */
void kl_journal_pack(const kl_journal_row *r, kl_buf *out);
size_t kl_journal_unpack(const char *p, size_t n, kl_journal_row *out);
bool kl_journal_is_half(const char *p, size_t n); /* it was not unpacked because its end is missing */

/* ---- journal_file.c ---- */

/* Makes the file where there is none, and refuses what is not a journal, of a newer version or damaged. */
bool kl_journal_file_open(const char *path, sqlite3 **out, kl_error *e);
/* Another connection to a file that is open already. */
bool kl_journal_file_again(const char *path, sqlite3 **out, kl_error *e);
bool kl_journal_file_run(sqlite3 *db, const char *path, const char *sql, const char *doing, kl_error *e);
/* What SQLite says of the last failure, and what to do. Returns false. */
bool kl_journal_file_broke(sqlite3 *db, const char *path, const char *doing, kl_error *e);
bool kl_journal_file_damaged(const char *path, const char *what, kl_error *e);

/* ---- journal_log.c ---- */

/* The orders that this process is about to send and that are not committed yet, as the operating system has them: they
 * survive a kill, and a commit takes them over. Two files in turn, so that one can be emptied while the other is
 * written. The first is locked while the process lives. */
typedef struct kl_journal_log {
  char *path; /* of the journal; owned */
  int64_t run;
  int fd[2];
  int at;         /* that is written to */
  size_t size[2]; /* bytes in each */
} kl_journal_log;

enum { KL_JOURNAL_LOG_TURN = 256 << 10 }; /* so large, the other one is taken */

bool kl_journal_log_open(kl_journal_log *l, const char *path, int64_t run, kl_error *e);
/* The files go, too, when `remove` is set. */
void kl_journal_log_close(kl_journal_log *l, bool remove);
/* False, with errno, when it could not be added as a whole. */
bool kl_journal_log_add(kl_journal_log *l, const char *p, size_t n);
/* All that is in the files is being committed: what comes from now on goes to the other one. */
void kl_journal_log_turn(kl_journal_log *l);
/* It is committed: the file that nothing is added to any more is emptied. Of the thread that turns it, and not under
 * the lock, since whoever adds waits for no disk. */
void kl_journal_log_committed(kl_journal_log *l);
/* All that is in the files is committed, and nothing is being added. Under the lock, since nothing may be; once an
 * hour. */
void kl_journal_log_empty(kl_journal_log *l);
/* Whether the process of that run still lives. */
bool kl_journal_log_alive(const char *path, int64_t run);
/* What a run left behind, each row; false with `e` where it cannot be read. */
bool kl_journal_log_read(const char *path, int64_t run, bool (*each)(void *data, const kl_journal_row *r), void *data,
                         kl_error *e);
void kl_journal_log_remove(const char *path, int64_t run);

/* ---- journal.c ---- */

enum {
  KL_JOURNAL_SPARE = 64,       /* answers to those who wait that need no memory */
  KL_JOURNAL_PRUNE_ROWS = 2000 /* in one transaction */
};

typedef enum {
  KL_ENTRY_INTENT,
  KL_ENTRY_UPDATE,
  KL_ENTRY_FILL,
  KL_ENTRY_NOTE,
  KL_ENTRY_FLUSH /* somebody waits for what is before it */
} kl_journal_entry_kind;

typedef struct kl_journal_entry {
  struct kl_journal_entry *next;
  kl_journal_entry_kind kind;
  bool sync;
  kl_journal_written *written;
  void *data;
  union {
    kl_journal_row row;
    kl_journal_fill_row fill;
    struct {
      char *value; /* NULL: it goes */
      char key[];
    } note;
  };
} kl_journal_entry;

typedef struct {
  kl_journal_entry *first, *last;
  size_t n;
} kl_journal_queue;

/* Somebody who waited: what to tell. */
typedef struct {
  kl_journal_written *written;
  void *data;
} kl_journal_waiter;

struct kl_order_journal {
  uv_loop_t *loop;
  char *path;
  sqlite3 *reader; /* of the loop thread */
  kl_map *live;    /* runs whose process lived when this was opened; by their number as text */
  int64_t run;     /* ours */
  kl_map *noted;   /* notes on their way: owned texts; "" stands for none */
  uv_async_t told; /* the thread has something for the loop */
  kl_journal_waiter spare[KL_JOURNAL_SPARE]; /* whose entries there was no memory for */
  size_t n_spare;
  void (*closed)(void *data);
  void *closed_data;
  bool warned; /* that it cannot be written */

  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  /* Under the lock. */
  kl_journal_queue in;     /* to be written */
  kl_journal_queue done;   /* who waited for these is to be told */
  kl_journal_queue failed; /* the same, with `error` */
  bool sync;               /* somebody waits */
  bool ending;
  uint64_t lost;  /* entries that were given up */
  kl_error error; /* of the last write; kind NULL when it went well */
  kl_journal_log log;
  int64_t pruned_ns; /* when old rows were looked for last */

  /* The thread's. */
  sqlite3 *db;
  sqlite3_stmt *statements[KL_JOURNAL_STATEMENTS], *put_note, *drop_note, *prune;
  bool full_sync; /* synchronous = FULL is set */
  bool prune_more;
};

bool kl_journal_no_memory(kl_error *e); /* returns false */
/* Runs a statement of the thread's to its end, and resets it. */
bool kl_journal_step(kl_order_journal *j, sqlite3_stmt *q, kl_error *e);
/* What a transaction of the thread's connection had done so far, if one is open. */
void kl_journal_roll_back(kl_order_journal *j);
/* NULL with `e`. */
sqlite3_stmt *kl_journal_prepare(sqlite3 *db, const char *path, const char *sql, kl_error *e);

/* ---- journal_runs.c ---- */

/* The statements of the thread. */
bool kl_journal_prepare_all(kl_order_journal *j, kl_error *e);
/* This process becomes one of the runs, and those that are dead are taken over, in one transaction that is on the disk
 * before any of their files goes. Who opens it at the same moment waits. */
bool kl_journal_begin_run(kl_order_journal *j, kl_error *e);
/* Whether the process of that run lived when this journal was opened. */
bool kl_journal_is_live(const kl_order_journal *j, int64_t run);

#endif
