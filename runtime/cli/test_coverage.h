/* What `kalua test` says of the lines that ran. */
#ifndef KL_CLI_TEST_COVERAGE_H
#define KL_CLI_TEST_COVERAGE_H

#include "base/buf.h"
#include "script/coverage.h"

/* A table: a row for each file with its share of lines that ran, and the others as ranges. */
void kl_test_coverage_table(kl_buf *out, kl_coverage *c);
/* The format of lcov, which genhtml and editors read. */
void kl_test_coverage_lcov(kl_buf *out, kl_coverage *c);

#endif
