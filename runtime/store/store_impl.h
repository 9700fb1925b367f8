/* What the files of the store share: store.c (calls between the loop and the threads), store_file.c (opening, what goes
 * wrong), store_ops.c (what a call does), store_turn.c. */
#ifndef KL_STORE_IMPL_H
#define KL_STORE_IMPL_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "base/list.h"
#include "base/map.h"
#include "store/store.h"

typedef enum {
  KL_STORE_Q_GET,
  KL_STORE_Q_PUT,
  KL_STORE_Q_DROP,
  KL_STORE_Q_EACH,
  KL_STORE_Q_KEYS,
  KL_STORE_Q_NEXT_LIST,
  KL_STORE_Q_LAST,
  KL_STORE_Q_LAST_N,
  KL_STORE_Q_TRIM,
  KL_STORE_Q_COUNT_LIST,
  KL_STORE_Q_COUNT,
  KL_STORE_Q_FORGET,
  KL_STORE_Q_PAGES,
  KL_STORE_Q_FREE_PAGES,
  KL_STORE_Q_SAVE,
  KL_STORE_Q_RELEASE,
  KL_STORE_Q_BACK,
  KL_STORE_QUERIES
} kl_store_query;

typedef struct kl_store_queue {
  kl_store_call *first, *last;
  size_t n, bytes; /* of what they hold */
} kl_store_queue;

/* The database of a store; its thread's alone. */
typedef struct kl_store_db {
  const char *path; /* "": in memory */
  bool layered;     /* writes go into a layer, and the file at `path` is only read */
  bool based;       /* that file is there */
  sqlite3 *db;      /* NULL: not open */
  sqlite3_stmt *queries[KL_STORE_QUERIES];
  /* By this the file was looked at. It stays open: closing it would take all locks of the process on that file, also
   * those of a layer over it. 0: none. */
  int claimed;
  dev_t device;
  ino_t inode;
  int64_t page_size;
  int64_t until_ns;            /* how long another process is waited for; 0: not at all */
  atomic_int_fast64_t *end_ns; /* 0, or when the store has to be through with everything */
} kl_store_db;

struct kl_stores {
  uv_loop_t *loop;
  char *folder;   /* owned; NULL: in memory */
  kl_map *by_key; /* of those that can be found */
  kl_list stores; /* of kl_store.link */
  size_t n, pending;
  uv_async_t told; /* keeps the loop only while calls are under way */
  kl_list ending;  /* of kl_store_turn.link: they end in the next turn of the loop */
  uv_prepare_t turn;
  int handles;
};

struct kl_store {
  kl_list link; /* in kl_stores.stores */
  kl_stores *all;
  char *key, *path, *label;
  bool layered, listed; /* listed: found by its key */
  size_t refs;
  size_t pending; /* calls that are not over */
  kl_map *turns;  /* by key, the one whose turn it is; NULL: there never was one */
  bool has_thread;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  /* under the lock */
  kl_store_queue in, done;
  bool ending, gone;
  atomic_int_fast64_t end_ns;
  kl_store_db db; /* the thread's */
};

/* ---- store_turn.c ---- */

void kl_store_turns_end(kl_stores *all); /* of kl_stores.ending */

/* ---- store_file.c ---- */

typedef enum { KL_STORE_OPEN, KL_STORE_ABSENT, KL_STORE_FAILED } kl_store_opened;
/* Opens it, or looks that it is still the file at its path. Without `make` a file that is not there is not made, and
 * that is KL_STORE_ABSENT. */
kl_store_opened kl_store_db_open(kl_store_db *d, bool make, kl_error *e);
void kl_store_db_close(kl_store_db *d);
/* Fills `e` with what SQLite has said last; false. */
bool kl_store_db_broke(const kl_store_db *d, const char *doing, kl_error *e);
bool kl_store_db_damaged(const kl_store_db *d, const char *what, kl_error *e);
bool kl_store_db_run(kl_store_db *d, const char *sql, const char *doing, kl_error *e);
/* The statement, ready to be bound; NULL with `e`. */
sqlite3_stmt *kl_store_db_query(kl_store_db *d, kl_store_query q, kl_error *e);

/* ---- store_ops.c ---- */

/* Does all calls of the list, and gives each its answer or its error. The thread's. */
void kl_store_do(kl_store_db *d, kl_store_call *first);
/* Forgets the answer. */
void kl_store_call_again(kl_store_call *c);

#endif
