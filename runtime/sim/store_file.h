/* The database under sim/store.h, for those who keep tables of their own in it. */
#ifndef KL_SIM_STORE_FILE_H
#define KL_SIM_STORE_FILE_H

#include <sqlite3.h>
#include <stdint.h>

#include "sim/store.h"

sqlite3 *kl_sim_store_db(kl_sim_store *st);
const char *kl_sim_store_path(const kl_sim_store *st);
/* Makes the table when the file is new; else it must be there, written exactly so. The text begins "CREATE TABLE
 * name(". */
bool kl_sim_store_table(kl_sim_store *st, const char *name, const char *sql);
/* NULL, and the store has failed, when it cannot be prepared. Owned: sqlite3_finalize. */
sqlite3_stmt *kl_sim_store_prepare(kl_sim_store *st, const char *sql);
/* Runs a bound statement that returns no rows, inside the transaction under way (which it begins when there is none),
 * and resets it. False once the store has failed. */
bool kl_sim_store_run(kl_sim_store *st, sqlite3_stmt *q);
/* Remembers what SQLite says last as the store's error, unless there is one. Returns false. */
bool kl_sim_store_broke(kl_sim_store *st, const char *doing);
/* The same for a file whose content makes no sense. Returns false. */
bool kl_sim_store_damaged(kl_sim_store *st, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A checksum over the values of a row: a bit that has flipped in the file is found when it is read. */
typedef struct kl_sim_sum {
  uint64_t h;
} kl_sim_sum;
void kl_sim_sum_add(kl_sim_sum *s, const void *p, size_t n);
int64_t kl_sim_sum_end(const kl_sim_sum *s);

#endif
