/* The file that keeps `kalua.state` of the strategies of a process over its end: an SQLite database with a row for each
 * name. What is put stays in memory, too, and goes to the disk on a thread of libuv's pool, one transaction at a time:
 * a process that is killed at any moment leaves the last state that was written, whole. Loop thread. */
#ifndef KL_STATE_FILE_H
#define KL_STATE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/list.h"

typedef struct kl_state_file kl_state_file;

/* Opens or creates the file, mode 0600, reads all that is in it, and locks it until it is closed. Refuses (kind
 * "config"), with a message of its own each, a file that is in use, is the simulator's, is something else, was written
 * by a newer version, is damaged, or cannot be read and written. */
bool kl_state_file_open(uv_loop_t *loop, const char *path, kl_state_file **out, kl_error *e);
/* Waits for what is being written, and writes the rest. False with `e` when something could not be written. Runs the
 * loop meanwhile. Takes NULL. */
bool kl_state_file_flush(kl_state_file *f, kl_error *e);
/* The same, and closes the file. */
bool kl_state_file_close(kl_state_file *f, kl_error *e);

typedef struct kl_saved_state {
  int generation;   /* of the version whose state it was */
  int schema;       /* as kalua.migrate has it */
  char hash[17];    /* of its source: up to 16 characters */
  int64_t saved_us; /* wall clock; set by kl_state_file_put */
} kl_saved_state;

/* The image (script/image.h) that was put last under this name, with what belongs to it; NULL when there is none.
 * Borrowed until the next put of the same name. */
const void *kl_state_file_get(const kl_state_file *f, const char *name, size_t *n, kl_saved_state *out);
/* Puts a state in the place of the one of that name, and has it written unless nothing has changed; also what could not
 * be written before is tried again. Takes the memory of `image` and zeroes it. `now_us` is the wall clock. False when
 * memory is out: then the state before it stays. */
bool kl_state_file_put(kl_state_file *f, const char *name, const kl_saved_state *about, int64_t now_us, kl_buf *image,
                       kl_error *e);

/* Somebody who waits until all that was put so far is on the disk. */
typedef struct kl_state_waiter kl_state_waiter;
struct kl_state_waiter {
  kl_list link;
  uint64_t until; /* of the file's own */
  /* It is (e NULL), or the file cannot be written. Unlinked before. */
  void (*done)(kl_state_waiter *, const kl_error *e);
};
/* False, and nothing is waited for: it is there already. */
bool kl_state_file_wait(kl_state_file *f, kl_state_waiter *w);
void kl_state_file_leave(kl_state_waiter *w); /* harmless when repeated */
const char *kl_state_file_path(const kl_state_file *f);
/* How long the last transaction took: who saves often should not save more often than the disk likes. */
int64_t kl_state_file_took_us(const kl_state_file *f);

#endif
