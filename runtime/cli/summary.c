#include "cli/summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/decimal.h"
#include "base/log.h"
#include "cli/trading_view.h"

static bool cash_known(const kl_summary *s) { return s->before.cash_known && s->after.cash_known; }
static bool position_known(const kl_summary *s) { return s->before.positions_known && s->after.positions_known; }

/* "+12.30" or "-0.05". */
static const char *signed_decimal(char *out, size_t cap, int64_t v, int places) {
  char digits[40];
  kl_decimal_format(digits, sizeof digits, v, places);
  snprintf(out, cap, "%s%s", v > 0 ? "+" : "", digits);
  return out;
}

/* Cash falls by what orders hold that rest. At most: one that closes a position holds nothing. */
static void print_held(const kl_summary *s) {
  char held[48];
  kl_money most = 0;
  size_t n = 0;
  for (kl_desk_order *o = s->desk ? kl_desk_next(s->desk, NULL, NULL) : NULL; o; o = kl_desk_next(s->desk, NULL, o)) {
    if (o->status != KL_DESK_RESTING || o->renewed) continue;
    most += (o->side == KL_BID ? o->yes_price : KL_PRICE_ONE - o->yes_price) * o->remaining;
    n++;
  }
  if (!n) return;
  kl_stderr_printf("  held      up to %s dollars of that by %zu order%s still resting, until filled or canceled\n",
                   kl_money_text(held, sizeof held, most, false), n, n == 1 ? "" : "s");
}

/* A position below zero in a script is one of NO. */
static void print_position(const kl_summary *s) {
  char change[48], yes[48], no[48], worth[48];
  kl_decimal_format(yes, sizeof yes, s->after.contracts - s->after.no, KL_COUNT_PLACES);
  kl_decimal_format(no, sizeof no, s->after.no, KL_COUNT_PLACES);
  kl_decimal_format(worth, sizeof worth, s->after.portfolio_cents, 2);
  kl_stderr_printf("  position  %s YES and %s NO%s, worth %s dollars (%s contracts since the start)\n", yes, no,
                   s->after.no ? " (YES that was sold)" : "", worth,
                   signed_decimal(change, sizeof change, s->after.contracts - s->before.contracts, KL_COUNT_PLACES));
}

/* Of paper orders, each with its bounds: pessimistic and optimistic. */
static void print_paper(const kl_summary *s) {
  const kl_mirror_total *e = &s->report.view[KL_VIEW_ESTIMATE], *low = &s->report.view[KL_VIEW_PESSIMISTIC],
                        *high = &s->report.view[KL_VIEW_OPTIMISTIC];
  char a[48], b[48], c[48];
  if (!s->paper_known) {
    kl_stderr_printf("  paper     not known: the paper exchange does not answer\n");
    return;
  }
  if (s->report.resumed) {
    kl_money profit =
        s->after.cash - s->before.cash + (s->after.portfolio_cents - s->before.portfolio_cents) * (KL_MONEY_ONE / 100);
    if (cash_known(s))
      kl_stderr_printf(
          "  profit    %s dollars with positions at market, since the start; no bounds, as it was not the first\n",
          signed_decimal(a, sizeof a, profit / 100, 4));
    return;
  }
  kl_decimal_format(a, sizeof a, e->contracts, KL_COUNT_PLACES);
  kl_decimal_format(b, sizeof b, low->contracts, KL_COUNT_PLACES);
  kl_decimal_format(c, sizeof c, high->contracts, KL_COUNT_PLACES);
  kl_stderr_printf("  filled    %s contracts (%s if pessimistic, %s if optimistic)\n", a, b, c);
  kl_stderr_printf("  profit    %s dollars (%s if pessimistic, %s if optimistic), after fees\n",
                   signed_decimal(a, sizeof a, e->profit / 100, 4), signed_decimal(b, sizeof b, low->profit / 100, 4),
                   signed_decimal(c, sizeof c, high->profit / 100, 4));
  if (low->stranded == 0 && high->stranded == 0) return;
  kl_decimal_format(b, sizeof b, low->stranded, KL_COUNT_PLACES);
  kl_decimal_format(c, sizeof c, high->stranded, KL_COUNT_PLACES);
  kl_stderr_printf("  stranded  %s contracts if pessimistic, %s if optimistic: the more, the less the bounds say\n", b,
                   c);
}

void kl_summary_print(const kl_summary *s) {
  char a[48], b[48], c[48];
  if (s->account)
    kl_stderr_printf("-- account %s --\n", s->account);
  else
    kl_stderr_printf("%s", s->paper ? "-- summary (paper) --\n" : "-- summary --\n");
  if (!s->account) kl_stderr_printf("  time      %.1f s\n  messages  %" PRIu64 "\n", s->seconds, s->messages);
  if (s->orders >= 0) kl_stderr_printf("  orders    %" PRId64 "\n", s->orders);
  if (s->fills >= 0) kl_stderr_printf("  fills     %" PRId64 "\n", s->fills);
  if (cash_known(s)) {
    kl_decimal_format(b, sizeof b, s->before.cash, KL_MONEY_PLACES);
    kl_decimal_format(c, sizeof c, s->after.cash, KL_MONEY_PLACES);
    /* Four decimals are what the exchange keeps; the two behind them are always zero. */
    b[strlen(b) - 2] = c[strlen(c) - 2] = 0;
    kl_stderr_printf("  cash      %s dollars (%s to %s)\n",
                     signed_decimal(a, sizeof a, (s->after.cash - s->before.cash) / 100, 4), b, c);
  }
  if (cash_known(s)) print_held(s);
  if (position_known(s)) print_position(s);
  if (s->paper) print_paper(s);
  if (!s->account) kl_stderr_printf("  errors    %" PRIu64 "\n", s->errors);
  kl_buf table = {0};
  if (s->desk) kl_traded_table(s->desk, &table);
  if (table.len && !table.failed) kl_stderr_printf("%.*s", (int)table.len, table.data);
  kl_buf_free(&table);
}

/* Of the script itself; one that has not traded has nothing of it all. */
static bool script_metric(const kl_summary *s, const char *script, const char *name, double *out) {
  kl_traded t = {0};
  kl_party *p = kl_desk_party_find(s->desk, script);
  if (p) kl_traded_get(s->desk, p, &t);
  const struct {
    const char *name;
    int64_t value;
    int places;
  } all[] = {{"profit", t.totals.profit, KL_MONEY_PLACES},
             {"realized", t.totals.realized, KL_MONEY_PLACES},
             {"unrealized", t.totals.unrealized, KL_MONEY_PLACES},
             {"fees", t.totals.fees, KL_MONEY_PLACES},
             {"max_drawdown", t.totals.max_drawdown, KL_MONEY_PLACES},
             {"traded", t.totals.traded, KL_COUNT_PLACES},
             {"held", t.totals.contracts, KL_COUNT_PLACES},
             {"refused", (int64_t)t.counts.refused, 0},
             {"rejected", (int64_t)t.counts.rejected, 0},
             {"unknown", (int64_t)t.counts.unknown, 0}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    if (strcmp(all[i].name, name) != 0) continue;
    *out = kl_decimal_to_double(all[i].value, all[i].places);
    return true;
  }
  return false;
}

/* The value of a metric; false when it is not known. */
static bool metric(const kl_summary *s, const char *script, const char *name, double *out) {
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
    return script_metric(s, script, name, out);
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
    if (!metric(s, t->script, t->metric, &value)) {
      kl_stderr_printf("kalua: %s expected %s %s %.10g, but the exchange did not tell it\n", t->script, t->metric,
                       t->op, t->value);
      all = false;
    } else if (!holds(value, t->op, t->value)) {
      kl_stderr_printf("kalua: %s expected %s %s %.10g, and it is %.10g\n", t->script, t->metric, t->op, t->value,
                       value);
      all = false;
    }
  }
  return all;
}
