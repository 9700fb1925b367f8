/* What generate.lua writes beside the tables that operation.h declares. Private to operation.c and the generated file.
 */
#ifndef KL_OPERATION_TABLES_H
#define KL_OPERATION_TABLES_H

#include "kalshi/operation.h"

typedef struct kl_message_entry {
  const char *type;
  const kl_shape *msg;
} kl_message_entry;

/* Sorted by type. */
extern const kl_message_entry kl_message_shapes[];
extern const size_t kl_message_shape_count;

#endif
