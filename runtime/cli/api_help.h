/* What `kalua api` says of the operations without asking anyone: from the compiled table alone. */
#ifndef KL_API_HELP_H
#define KL_API_HELP_H

#include "kalshi/operation.h"

/* By snake-case name or operationId, either with "legacy." before it; NULL when there is none. */
const kl_operation *kl_api_operation(const char *name);
/* All operations, one a line, the name first. */
void kl_api_print_list(void);
/* What the command line of an operation may hold: `name=` lines, and `name=value` where the values are known. */
void kl_api_print_words(const kl_operation *op);
void kl_api_print_help(const kl_operation *op);

#endif
