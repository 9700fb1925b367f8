/* Structs as rows of a table: a description of its members makes the table, writes a struct as a row and reads it back,
 * with a checksum over all values. */
#ifndef KL_SIM_ROWS_H
#define KL_SIM_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "sim/store_file.h"

typedef enum {
  KL_SIM_I64,
  KL_SIM_I32,
  KL_SIM_U32, /* enums, too */
  KL_SIM_BOOL,
  KL_SIM_REAL,
  KL_SIM_TEXT, /* an array of char, with its NUL */
  KL_SIM_I64S  /* an array of int64_t, as text: 1,2,3 */
} kl_sim_field_type;

typedef struct kl_sim_field {
  const char *name;
  kl_sim_field_type type;
  uint32_t offset, size; /* in the struct */
} kl_sim_field;

#define KL_SIM_TYPE_OF(v)                                                                                              \
  _Generic((v), int64_t: KL_SIM_I64, uint64_t: KL_SIM_I64, int: KL_SIM_I32, unsigned: KL_SIM_U32, bool: KL_SIM_BOOL,   \
           double: KL_SIM_REAL, char *: KL_SIM_TEXT, int64_t *: KL_SIM_I64S)
/* A column `name` for a member of the struct. */
#define KL_SIM_FIELD(record, name, member)                                                                             \
  { name, KL_SIM_TYPE_OF(((record *)NULL)->member), offsetof(record, member), sizeof(((record *)NULL)->member) }

/* The first field is the row's number, an int64_t above zero, and its primary key. */
typedef struct kl_sim_table {
  const char *name;
  const kl_sim_field *fields;
  size_t n, size; /* of the struct */
} kl_sim_table;

typedef struct kl_sim_rows {
  kl_sim_store *st;
  const kl_sim_table *table;
  sqlite3_stmt *put, *drop;
} kl_sim_rows;

/* Makes or checks the table. False when the store has failed. */
bool kl_sim_rows_open(kl_sim_rows *r, kl_sim_store *st, const kl_sim_table *t);
void kl_sim_rows_close(kl_sim_rows *r);
/* Inserts or replaces a struct's row. What goes wrong makes the commit fail. */
void kl_sim_rows_put(kl_sim_rows *r, const void *record);
void kl_sim_rows_drop(kl_sim_rows *r, uint64_t number);
/* Reads all rows in order of their numbers into `record`, a struct's memory, and tells of each; false from `one` ends
 * it. False when the store has failed or `one` said so. */
bool kl_sim_rows_each(kl_sim_rows *r, void *record, bool (*one)(void *data, const void *record), void *data);

#endif
