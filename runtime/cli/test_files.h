/* Which files `kalua test` runs. */
#ifndef KL_CLI_TEST_FILES_H
#define KL_CLI_TEST_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

typedef struct kl_test_files {
  char **items; /* owned; each path once, in the order in which they run */
  size_t n, cap;
} kl_test_files;

/* The files named, and of folders those of them and below (4 levels, none that begin with a dot, no node_modules) whose
 * names are X_test.lua or test_X.lua; with no name those here, in tests/ and in test/. False with `e` when something
 * named is not there, or memory is out. */
bool kl_test_files_find(const char *const *names, size_t n, kl_test_files *out, kl_error *e);
void kl_test_files_free(kl_test_files *files);

#endif
