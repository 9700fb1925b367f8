/* Where the journal of orders is. */
#ifndef KL_JOURNAL_PATH_H
#define KL_JOURNAL_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

typedef struct kl_journal_account {
  const char *env;    /* "sim", "demo", "prod" */
  const char *key_id; /* "" or NULL: no key, so no orders */
  const char *state;  /* --state FILE; NULL: none */
  bool embedded;      /* the exchange ends with the process, unless there is `state` */
  bool paper;
} kl_journal_account;

/* The journal's path; "" where nothing is to outlive the process. With --state FILE it is FILE.orders; else on demo and
 * prod a file per API key in the folder for what outlives a process. False with `e` (kind "config") when that folder is
 * not known or cannot be made. */
bool kl_journal_path(const kl_journal_account *a, char *out, size_t cap, kl_error *e);

#endif
