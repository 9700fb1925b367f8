#include "bindings/expect.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const kl_expectation_metrics[] = {"seconds",     "messages",        "orders", "fills",    "errors",
                                              "cash_change", "position_change", "profit", "realized", "unrealized",
                                              "fees",        "max_drawdown",    "traded", "held",     "refused",
                                              "rejected",    "unknown",         NULL};

struct kl_expectations {
  kl_expectation *items;
  size_t n;
};

kl_expectations *kl_expectations_new(void) { return calloc(1, sizeof(kl_expectations)); }

void kl_expectations_free(kl_expectations *x) {
  if (!x) return;
  free(x->items);
  free(x);
}

bool kl_expectations_add(kl_expectations *x, const kl_expectation *e) {
  kl_expectation *grown = realloc(x->items, (x->n + 1) * sizeof *grown);
  if (!grown) return false;
  grown[x->n++] = *e;
  x->items = grown;
  return true;
}

size_t kl_expectations_count(const kl_expectations *x) { return x ? x->n : 0; }
const kl_expectation *kl_expectations_at(const kl_expectations *x, size_t i) { return &x->items[i]; }

bool kl_expectation_parse(const char *text, const char **op, double *value) {
  static const char *const ops[] = {"<=", ">=", "==", "<", ">"}; /* the longer ones first */
  while (*text == ' ')
    text++;
  for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
    size_t n = strlen(ops[i]);
    if (strncmp(text, ops[i], n) != 0) continue;
    char *end;
    double v = strtod(text + n, &end);
    if (end == text + n || !isfinite(v)) return false;
    while (*end == ' ')
      end++;
    if (*end) return false;
    *op = ops[i];
    *value = v;
    return true;
  }
  return false;
}
