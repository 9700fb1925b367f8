/* The text of --faults: an error names a rule and a column within the text; what is read can be read again from the
 * texts of its rules, and its values lie within what the language allows. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/faults.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_rule(const kl_fault_rule *r) {
  kl_sim_random random = kl_sim_random_new(1, 40);
  kl_fault_rule *again;
  size_t n;
  kl_error e = {0};
  if (r->scope == 0 || r->kind == KL_FAULT_NONE) abort();
  if (!(r->probability > 0 && r->probability <= 1)) abort();
  if (r->every && (r->every < 100000 || r->on >= r->every)) abort();
  for (int i = 0; i < 20; i++) {
    int64_t us = kl_dist_sample(&r->dist, &random);
    if (us < 0 || us > KL_DIST_MOST_US) abort();
  }
  if (!kl_fault_spec_parse(r->text, &again, &n, &e) || n != 1 || again[0].kind != r->kind) abort();
  kl_fault_rules_free(again, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  kl_error e = {0};
  kl_fault_rule *rules;
  size_t n;
  char *text = malloc(size + 1);
  if (!text) return 0;
  memcpy(text, data, size);
  text[size] = '\0';
  if (kl_fault_spec_parse(text, &rules, &n, &e)) {
    if (n > KL_FAULT_RULES_MOST) abort();
    for (size_t i = 0; i < n; i++)
      check_rule(&rules[i]);
    kl_fault_rules_free(rules, n);
  } else {
    unsigned rule;
    size_t column;
    if (rules || n) abort();
    if (sscanf(e.message, "faults, rule %u, column %zu:", &rule, &column) == 2) {
      if (rule == 0 || column == 0 || column > strlen(text) + 1) abort();
    } else if (!strstr(e.message, "longer than")) {
      abort();
    }
  }
  free(text);
  return 0;
}
