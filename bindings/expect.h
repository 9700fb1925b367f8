/* Thresholds that scripts set with kalua.expect and the command checks at the end. */
#ifndef KL_EXPECT_H
#define KL_EXPECT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct kl_expectation {
  char script[64];
  const char *metric; /* one of kl_expectation_metrics */
  const char *op;     /* "<", "<=", ">", ">=", "==" */
  double value;
} kl_expectation;

typedef struct kl_expectations kl_expectations;

kl_expectations *kl_expectations_new(void); /* NULL when out of memory */
void kl_expectations_free(kl_expectations *x);
bool kl_expectations_add(kl_expectations *x, const kl_expectation *e); /* copies; false when out of memory */
size_t kl_expectations_count(const kl_expectations *x);
const kl_expectation *kl_expectations_at(const kl_expectations *x, size_t i);

/* NULL-terminated. Up to "position_change" they are of the whole account since the start, from "profit" on of the
 * script that expects them. */
extern const char *const kl_expectation_metrics[];

/* Reads "<200" or ">= 0.5"; false when it is not of that form. op points at static text. */
bool kl_expectation_parse(const char *text, const char **op, double *value);

#endif
