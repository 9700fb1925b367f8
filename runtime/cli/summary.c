#include "cli/summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/decimal.h"

static bool cash_known(const kl_summary *s) { return s->before.cash_known && s->after.cash_known; }
static bool position_known(const kl_summary *s) { return s->before.positions_known && s->after.positions_known; }

/* "+12.30" or "-0.05". */
static const char *signed_decimal(char *out, size_t cap, int64_t v, int places) {
  char digits[40];
  kl_decimal_format(digits, sizeof digits, v, places);
  snprintf(out, cap, "%s%s", v > 0 ? "+" : "", digits);
  return out;
}

void kl_summary_print(const kl_summary *s) {
  char a[48], b[48], c[48];
  fprintf(stderr, "-- summary --\n  time      %.1f s\n  messages  %" PRIu64 "\n", s->seconds, s->messages);
  if (s->orders >= 0) fprintf(stderr, "  orders    %" PRId64 "\n", s->orders);
  if (s->fills >= 0) fprintf(stderr, "  fills     %" PRId64 "\n", s->fills);
  if (cash_known(s)) {
    kl_decimal_format(b, sizeof b, s->before.cash, KL_MONEY_PLACES);
    kl_decimal_format(c, sizeof c, s->after.cash, KL_MONEY_PLACES);
    /* Four decimals are what the exchange keeps; the two behind them are always zero. */
    b[strlen(b) - 2] = c[strlen(c) - 2] = 0;
    fprintf(stderr, "  cash      %s dollars (%s to %s)\n",
            signed_decimal(a, sizeof a, (s->after.cash - s->before.cash) / 100, 4), b, c);
  }
  if (position_known(s)) {
    kl_decimal_format(b, sizeof b, s->after.contracts, KL_COUNT_PLACES);
    kl_decimal_format(c, sizeof c, s->after.portfolio_cents, 2);
    fprintf(stderr, "  position  %s contracts (now %s, worth %s dollars)\n",
            signed_decimal(a, sizeof a, s->after.contracts - s->before.contracts, KL_COUNT_PLACES), b, c);
  }
  fprintf(stderr, "  errors    %" PRIu64 "\n", s->errors);
}

/* The value of a metric; false when it is not known. */
static bool metric(const kl_summary *s, const char *name, double *out) {
  if (!strcmp(name, "seconds")) {
    *out = s->seconds;
  } else if (!strcmp(name, "messages")) {
    *out = (double)s->messages;
  } else if (!strcmp(name, "errors")) {
    *out = (double)s->errors;
  } else if (!strcmp(name, "orders") && s->orders >= 0) {
    *out = (double)s->orders;
  } else if (!strcmp(name, "fills") && s->fills >= 0) {
    *out = (double)s->fills;
  } else if (!strcmp(name, "cash_change") && cash_known(s)) {
    *out = kl_decimal_to_double(s->after.cash - s->before.cash, KL_MONEY_PLACES);
  } else if (!strcmp(name, "position_change") && position_known(s)) {
    *out = kl_decimal_to_double(s->after.contracts - s->before.contracts, KL_COUNT_PLACES);
  } else {
    return false;
  }
  return true;
}

static bool holds(double value, const char *op, double limit) {
  if (!strcmp(op, "<")) return value < limit;
  if (!strcmp(op, "<=")) return value <= limit;
  if (!strcmp(op, ">")) return value > limit;
  if (!strcmp(op, ">=")) return value >= limit;
  return value == limit;
}

bool kl_summary_check(const kl_summary *s, const kl_expectations *x) {
  bool all = true;
  for (size_t i = 0; i < kl_expectations_count(x); i++) {
    const kl_expectation *t = kl_expectations_at(x, i);
    double value;
    if (!metric(s, t->metric, &value)) {
      fprintf(stderr, "kalua: %s expected %s %s %.10g, but the exchange did not tell it\n", t->script, t->metric, t->op,
              t->value);
      all = false;
    } else if (!holds(value, t->op, t->value)) {
      fprintf(stderr, "kalua: %s expected %s %s %.10g, and it is %.10g\n", t->script, t->metric, t->op, t->value,
              value);
      all = false;
    }
  }
  return all;
}
