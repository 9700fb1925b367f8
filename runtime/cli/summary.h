/* The end summary of `kalua run` and the thresholds of kalua.expect. */
#ifndef KL_SUMMARY_H
#define KL_SUMMARY_H

#include "bindings/expect.h"
#include "cli/account.h"

typedef struct kl_summary {
  double seconds;
  uint64_t messages, errors;
  int64_t orders, fills; /* -1: not known */
  kl_account_snapshot before, after;
} kl_summary;

/* Prints it to stderr. */
void kl_summary_print(const kl_summary *s);
/* Checks every expectation, says on stderr which were missed; true when none was. */
bool kl_summary_check(const kl_summary *s, const kl_expectations *x);

#endif
