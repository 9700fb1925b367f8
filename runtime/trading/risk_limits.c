/* The limits by name: their table, and how they are read, compared and written. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/decimal.h"
#include "kalshi/operation.h"
#include "trading/risk_impl.h"

/* A value beyond this is no limit; sums of such values still fit. */
#define VALUE_MAX INT64_C(1000000000000000000)

const kl_limit_info kl_limit_table[KL_LIMITS] = {
    [KL_LIMIT_ORDER_COUNT] = {"max_order_count", "contracts", 2, false, "contracts of one order"},
    [KL_LIMIT_ORDER_COST] = {"max_order_cost", "dollars", 6, false, "what one order costs at its price"},
    [KL_LIMIT_POSITION] = {"max_position", "contracts", 2, false,
                           "contracts held in one market, either way, with all that may still fill"},
    [KL_LIMIT_MARKET_EXPOSURE] = {"max_market_exposure", "dollars", 6, false, "what one market may lose at worst"},
    [KL_LIMIT_EVENT_EXPOSURE] = {"max_event_exposure", "dollars", 6, false,
                                 "what an event may lose at worst over its outcomes"},
    [KL_LIMIT_EXPOSURE] = {"max_exposure", "dollars", 6, false, "what everything may lose at worst"},
    [KL_LIMIT_MARKET_SHARE] = {"max_market_share", "percent", 4, false,
                               "what one market may lose at worst, in percent of the account's equity"},
    [KL_LIMIT_OPEN_ORDERS] = {"max_open_orders", "orders", 0, false, "orders that rest or are on their way"},
    [KL_LIMIT_ORDER_RATE] = {"max_orders_per_second", "orders", 0, false, "orders and changes within a second"},
    [KL_LIMIT_CONTRACT_RATE] = {"max_contracts_per_second", "contracts", 2, false, "contracts ordered within a second"},
    [KL_LIMIT_DAILY_LOSS] = {"max_daily_loss", "dollars", 6, false,
                             "loss of a day; a breach halts until a person lifts it"},
    [KL_LIMIT_DAILY_TRADES] = {"max_daily_trades", "orders", 0, false, "orders of a day that filled or may still fill"},
    [KL_LIMIT_MIN_BALANCE] = {"min_balance", "dollars", 6, true, "what is to be left of the balance"},
    [KL_LIMIT_PRICE_DISTANCE] = {"max_price_distance", "dollars", 4, false,
                                 "between an order's price and the middle of the book"},
    [KL_LIMIT_BOOK_AGE] = {"max_book_age", "seconds", 3, false, "since the book was known to be right"},
    [KL_LIMIT_CLOCK_SKEW] = {"max_clock_skew", "seconds", 3, false, "between the exchange's clock and ours"},
    [KL_LIMIT_SELF_CROSS] = {"self_cross", "", 0, false,
                             "false: no order crosses another one of the account, of whichever script"},
};

kl_limit kl_limit_find(const char *name, size_t n, kl_error *e) {
  const char *names[KL_LIMITS];
  char text[64];
  for (int i = 0; i < KL_LIMITS; i++) {
    names[i] = kl_limit_table[i].name;
    if (strlen(names[i]) == n && !memcmp(names[i], name, n)) return (kl_limit)i;
  }
  snprintf(text, sizeof text, "%.*s", (int)(n < 60 ? n : 60), name);
  const char *near = kl_nearest(text, names, KL_LIMITS);
  if (near) {
    kl_error_coded(e, KL_ERR_CONFIG, "limit_unknown", "no limit is called \"%s\"; did you mean %s?", text, near);
    return KL_LIMITS;
  }
  char all[480];
  size_t len = 0;
  for (int i = 0; i < KL_LIMITS; i++)
    len += (size_t)snprintf(all + len, sizeof all - len, "%s%s", i ? ", " : "", names[i]);
  kl_error_coded(e, KL_ERR_CONFIG, "limit_unknown", "no limit is called \"%s\"; there are %s", text, all);
  return KL_LIMITS;
}

/* ---- numbers ---- */

double kl_limit_number(kl_limit l, int64_t value) { return kl_decimal_to_double(value, kl_limit_table[l].places); }

size_t kl_risk_format(char *out, size_t cap, int64_t v, int places) {
  size_t n = kl_decimal_format(out, cap, v, places);
  if (places == 0) return n;
  while (out[n - 1] == '0')
    n--;
  if (out[n - 1] == '.') n--;
  out[n] = 0;
  return n;
}

const char *kl_limit_text(kl_limit l, int64_t value, char out[KL_LIMIT_TEXT_CAP]) {
  if (l == KL_LIMIT_SELF_CROSS) {
    snprintf(out, KL_LIMIT_TEXT_CAP, "%s", value ? "true" : "false");
    return out;
  }
  char number[32];
  kl_risk_format(number, sizeof number, value, kl_limit_table[l].places);
  snprintf(out, KL_LIMIT_TEXT_CAP, "%s %s", number, kl_limit_table[l].unit);
  return out;
}

static bool refuse(kl_limit l, const char *given, kl_error *e) {
  const kl_limit_info *i = &kl_limit_table[l];
  if (l == KL_LIMIT_SELF_CROSS)
    kl_error_coded(e, KL_ERR_CONFIG, "limit_value_wrong", "%s is to be true or false, and \"%.40s\" was given", i->name,
                   given);
  else if (i->places == 0)
    kl_error_coded(e, KL_ERR_CONFIG, "limit_value_wrong",
                   "%s is to be a whole number from 0, and \"%.40s\" was given (%s)", i->name, given, i->help);
  else
    kl_error_coded(e, KL_ERR_CONFIG, "limit_value_wrong",
                   "%s is to be a number of %s from 0 with at most %d decimals, and \"%.40s\" was given (%s)", i->name,
                   i->unit, i->places, given, i->help);
  return false;
}

static bool store(kl_limit_values *v, kl_limit l, int64_t value, const char *given, kl_error *e) {
  if (value < 0 || value > VALUE_MAX || (l == KL_LIMIT_SELF_CROSS && value > 1)) return refuse(l, given, e);
  v->value[l] = value;
  v->set |= UINT32_C(1) << l;
  return true;
}

bool kl_limits_set(kl_limit_values *v, kl_limit l, double number, kl_error *e) {
  char given[40];
  int64_t value;
  snprintf(given, sizeof given, "%.15g", number);
  if (!kl_decimal_from_double(number, kl_limit_table[l].places, &value)) return refuse(l, given, e);
  return store(v, l, value, given, e);
}

/* ---- text ---- */

/* Without blanks at both ends. */
static void trim(const char **s, size_t *n) {
  while (*n && (**s == ' ' || **s == '\t'))
    (*s)++, (*n)--;
  while (*n && ((*s)[*n - 1] == ' ' || (*s)[*n - 1] == '\t'))
    (*n)--;
}

static bool word(const char *s, size_t n, const char *want) { return strlen(want) == n && !memcmp(s, want, n); }

static bool parse_one(const char *s, size_t n, kl_limit_values *out, kl_error *e) {
  const char *equals = memchr(s, '=', n);
  if (!equals) {
    kl_error_coded(e, KL_ERR_CONFIG, "limit_value_wrong",
                   "a limit is NAME=VALUE, as in max_position=100, and \"%.*s\" is none", (int)(n < 80 ? n : 80), s);
    return false;
  }
  const char *name = s, *value = equals + 1;
  size_t name_n = (size_t)(equals - s), value_n = n - name_n - 1;
  trim(&name, &name_n);
  trim(&value, &value_n);
  kl_limit l = kl_limit_find(name, name_n, e);
  if (l == KL_LIMITS) return false;
  char given[48];
  snprintf(given, sizeof given, "%.*s", (int)(value_n < 40 ? value_n : 40), value);
  int64_t units = -1;
  if (l == KL_LIMIT_SELF_CROSS && (word(value, value_n, "false") || word(value, value_n, "no")))
    units = 0;
  else if (l == KL_LIMIT_SELF_CROSS && (word(value, value_n, "true") || word(value, value_n, "yes")))
    units = 1;
  else if (!kl_decimal_parse(value, value_n, kl_limit_table[l].places, &units))
    return refuse(l, given, e);
  return store(out, l, units, given, e);
}

bool kl_limits_parse(const char *text, kl_limit_values *out, kl_error *e) {
  kl_limit_values v = *out;
  for (const char *s = text;;) {
    size_t n = strcspn(s, ",");
    const char *one = s;
    size_t one_n = n;
    trim(&one, &one_n);
    if (!parse_one(one, one_n, &v, e)) return false;
    if (!s[n]) break;
    s += n + 1;
  }
  *out = v;
  return true;
}

/* ---- comparing ---- */

static bool tighter(kl_limit l, int64_t a, int64_t b) { return kl_limit_table[l].least ? a > b : a < b; }

void kl_limits_tighten(kl_limit_values *v, const kl_limit_values *by) {
  for (int i = 0; i < KL_LIMITS; i++) {
    uint32_t bit = UINT32_C(1) << i;
    if (!(by->set & bit)) continue;
    if (!(v->set & bit) || tighter((kl_limit)i, by->value[i], v->value[i])) v->value[i] = by->value[i];
    v->set |= bit;
  }
}

kl_limit kl_limits_wider(const kl_limit_values *v, const kl_limit_values *by) {
  for (int i = 0; i < KL_LIMITS; i++) {
    uint32_t bit = UINT32_C(1) << i;
    if (v->set & by->set & bit && tighter((kl_limit)i, v->value[i], by->value[i])) return (kl_limit)i;
  }
  return KL_LIMITS;
}

bool kl_limits_wish(const kl_limit_values *configured, kl_limit_values *wish, const kl_limit_values *more,
                    kl_error *e) {
  kl_limit_values in_force = *configured;
  kl_limits_tighten(&in_force, wish);
  kl_limit l = kl_limits_wider(&in_force, more);
  if (l == KL_LIMITS) {
    kl_limits_tighten(wish, more);
    return true;
  }
  char wanted[KL_LIMIT_TEXT_CAP], there[KL_LIMIT_TEXT_CAP];
  bool by_file = configured->set >> l & 1 && configured->value[l] == in_force.value[l];
  kl_error_coded(e, KL_ERR_VALIDATION, "limit_not_wider",
                 "%s cannot be made %s: it is %s, as %s, and a script may only make it tighter", kl_limit_table[l].name,
                 kl_limit_text(l, more->value[l], wanted), kl_limit_text(l, in_force.value[l], there),
                 by_file ? "configured" : "this version asked before");
  return false;
}
