/* Stores: small databases of scripts, an SQLite file each, that hold values by key and lists of values. Each has a
 * thread of its own, which takes all calls that wait and does them in one transaction; a write is answered once it is
 * on the disk. Everything here is for the loop thread, and nothing of it does I/O but kl_stores_close. */
#ifndef KL_STORE_H
#define KL_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "base/error.h"

enum {
  KL_STORE_KEY_MOST = 512,        /* bytes of a key or of the name of a list */
  KL_STORE_VALUE_MOST = 1 << 20,  /* bytes of a value's image */
  KL_STORE_ANSWER_MOST = 16 << 20 /* bytes that one call reads */
};

/* ---- values ---- */

/* A number is kept as it is, to the bit; everything else as bytes that the store does not look into. */
typedef enum { KL_STORE_IMAGE = 1, KL_STORE_INTEGER, KL_STORE_FLOAT } kl_store_kind;

typedef struct kl_store_value {
  kl_store_kind kind; /* 0: there is none */
  int64_t integer;
  double real;
  size_t at, n; /* of an image: where its bytes are in the buffer of the call */
} kl_store_value;

/* ---- calls ---- */

typedef enum {
  KL_STORE_GET,    /* key: a row, or none */
  KL_STORE_EACH,   /* keys that begin with `key`, in order, behind `after`; at most n, and a bounded number of bytes */
  KL_STORE_KEYS,   /* the same without values */
  KL_STORE_LISTS,  /* the same of the names of lists */
  KL_STORE_LAST,   /* the newest n of the list `key`, newest first */
  KL_STORE_INFO,   /* three rows: bytes, keys, lists */
  KL_STORE_SET,    /* key, value */
  KL_STORE_DELETE, /* key; a row: 1 where it was there, 0 */
  KL_STORE_ADD,    /* key, value: a number; a row: the new value */
  KL_STORE_SWAP,   /* key, expected, value (none: delete): only where the value is still the expected one; else
                      `changed` is set, and there is a row with the value that it has, or none */
  KL_STORE_APPEND, /* list `key`, value; n: how many are kept, 0: all; a row: its number in the list */
  KL_STORE_CLEAR,  /* list `key`; a row: how many there were */
  KL_STORE_FORGET  /* everything */
} kl_store_verb;

typedef struct kl_store_op {
  kl_store_verb verb;
  size_t key, key_n;     /* in the call's `in` */
  size_t after, after_n; /* the same; KL_STORE_EACH and its like */
  bool has_after;
  kl_store_value value, expected;
  int64_t n;
  size_t rows, n_rows; /* of the call's rows; set when it is done */
} kl_store_op;

typedef struct kl_store_row {
  size_t key, key_n; /* in the call's `out`; where the answer has keys */
  kl_store_value value;
} kl_store_row;

/* One or several operations that are done together or not at all. */
typedef struct kl_store_call kl_store_call;
struct kl_store_call {
  kl_buf in; /* keys and images of the operations */
  kl_store_op *ops;
  size_t n_ops, cap_ops;
  size_t most; /* bytes that the store may have behind a write */
  /* Told from the loop, once, when it is done (or is not, by `error`); frees the call. */
  void (*done)(kl_store_call *);
  void *data; /* the caller's */
  /* the answer */
  kl_error error; /* kind NULL: none */
  kl_buf out;
  kl_store_row *rows;
  size_t n_rows, cap_rows;
  bool changed, more; /* of KL_STORE_SWAP; rows are left, of KL_STORE_EACH and its like */
  kl_store_call *next;
};

kl_store_call *kl_store_call_new(void);    /* NULL when out of memory */
void kl_store_call_free(kl_store_call *c); /* takes NULL */
/* One more operation, with its key copied; NULL when out of memory. Valid until the next one. */
kl_store_op *kl_store_call_add(kl_store_call *c, kl_store_verb verb, const void *key, size_t n);
/* Copies bytes for the call: true, and where they are in `in`. False when out of memory. */
bool kl_store_call_bytes(kl_store_call *c, const void *p, size_t n, size_t *at);
bool kl_store_call_writes(const kl_store_call *c);

/* ---- stores ---- */

typedef struct kl_stores kl_stores;
typedef struct kl_store kl_store;

/* All stores of a process. `folder`: "sim", "demo", …, below the folder for what outlives a process; NULL: in memory.
 * NULL when out of memory. */
kl_stores *kl_stores_new(uv_loop_t *loop, const char *folder);
/* Waits, for some seconds at most, until what was given is on the disk, tells all calls that are not over, and closes.
 * The memory goes when the loop has run once more. Takes NULL. */
void kl_stores_close(kl_stores *all);
/* Calls that are not over. */
size_t kl_stores_pending(const kl_stores *all);
/* What is in memory is empty again, also for calls that wait. */
void kl_stores_forget(kl_stores *all);

/* The one of this name. `shared`: of all scripts that name it, and not that of the script of this name. `layer` not 0:
 * what is written goes into a layer over it, of this number, that is thrown away when nobody holds it any more. The
 * caller holds it until kl_store_release. NULL with `e`. */
kl_store *kl_stores_take(kl_stores *all, const char *name, bool shared, uint64_t layer, kl_error *e);
void kl_store_release(kl_store *s); /* takes NULL */
/* Hands the call over. False with `e`: there is too much that waits, or no thread; then it is still the caller's. */
bool kl_store_submit(kl_store *s, kl_store_call *c, kl_error *e);
/* For messages: its path, or its name where it is in memory. */
const char *kl_store_label(const kl_store *s);

/* ---- turns: who reads a value to write what comes of it, one after the other for each key ---- */

typedef struct kl_store_turn kl_store_turn;
/* A turn for this key, which holds the store; NULL when out of memory. `*now`: it has come already, else `come` is
 * called once it has, from within kl_store_turn_end of the one before. */
kl_store_turn *kl_store_turn_new(kl_store *s, const char *key, size_t n, bool *now, void (*come)(void *data),
                                 void *data);
/* The turn is over, or is not waited for any more: frees it. Takes NULL. All of them before the store is closed. */
void kl_store_turn_end(kl_store_turn *t);
/* The same in the next turn of the loop, behind what the tasks do that are woken now. */
void kl_store_turn_end_soon(kl_store_turn *t);

#endif
