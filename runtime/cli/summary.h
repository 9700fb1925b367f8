/* The end summary of `kalua run` and the thresholds of kalua.expect. */
#ifndef KL_SUMMARY_H
#define KL_SUMMARY_H

#include "bindings/expect.h"
#include "cli/account.h"
#include "sim/mirror_door.h"
#include "trading/desk.h"

typedef struct kl_summary {
  const char *account; /* of a profile: only what is its own is printed; NULL: of the first */
  double seconds;
  uint64_t messages, errors;
  int64_t orders, fills; /* -1: not known */
  kl_account_snapshot before, after;
  bool paper, paper_known; /* orders were paper, and what came of them is known: */
  kl_sim_mirror_report report;
  kl_desk *desk; /* what the scripts have traded; NULL: nothing */
} kl_summary;

/* Prints it to stderr. */
void kl_summary_print(const kl_summary *s);
/* Checks every expectation, says on stderr which were missed; true when none was. */
bool kl_summary_check(const kl_summary *s, const kl_expectations *x);

#endif
