#include "cli/trading_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/decimal.h"
#include "base/log.h"
#include "kalshi/feed.h"

enum { SCRIPTS_SHOWN = 5, NAME_WIDTH = 16, TABLE_NAME = 12 };

const char *kl_money_text(char *out, size_t cap, kl_money v, bool sign) {
  char digits[40];
  kl_money cents = v / 10000 + (v % 10000 >= 5000) - (v % 10000 <= -5000); /* to the nearest */
  kl_decimal_format(digits, sizeof digits, cents, 2);
  snprintf(out, cap, "%s%s", sign && cents > 0 ? "+" : "", digits);
  return out;
}

/* Contracts without places that are zero. */
static const char *count_text(char *out, size_t cap, kl_count v) {
  kl_decimal_format(out, cap, v, KL_COUNT_PLACES);
  size_t n = strlen(out);
  if (n > 3 && !strcmp(out + n - 3, ".00")) out[n - 3] = 0;
  return out;
}

void kl_traded_get(kl_desk *d, kl_party *p, kl_traded *out) {
  *out = (kl_traded){.halted = kl_party_halted(p)};
  snprintf(out->name, sizeof out->name, "%s", kl_party_name(p));
  kl_desk_counts_get(d, p, &out->counts);
  kl_portfolio_totals_get(kl_party_portfolio(p), &out->totals);
  kl_risk_state_get(kl_desk_risk(d), kl_party_risk(p), &out->risk);
}

bool kl_traded_anything(const kl_traded *t) {
  return t->counts.placed || t->counts.refused || t->totals.fills || t->totals.open || t->halted;
}

/* ---- status rows ---- */

static void add_exchange(const kl_trading_place *where, kl_buf *out) {
  kl_feed_status feed;
  kl_budget budget;
  char money[48];
  kl_feed_status_get(kl_session_feed(where->market), &feed);
  kl_session_budget(where->account, &budget);
  kl_buf_printf(out, "\033[7m %s \033[27m", where->env);
  if (feed.connected && feed.age >= 0)
    kl_buf_printf(out, "  feed %.1f s%s", feed.age, feed.late ? ", late" : "");
  else if (feed.connections_made)
    kl_buf_str(out, "  \033[31mfeed away\033[39m");
  if (feed.stale_books) kl_buf_printf(out, "  %" PRIu64 " books stale", feed.stale_books);
  kl_buf_printf(out, "  writes %.0f of %.0f", budget.write, budget.write_capacity);
  if (budget.waiting) kl_buf_printf(out, ", %zu wait", budget.waiting);
  if (!where->desk) {
    kl_buf_char(out, '\n');
    return;
  }
  kl_risk_state risk;
  kl_desk_counts counts;
  kl_risk_state_get(kl_desk_risk(where->desk), KL_RISK_ACCOUNT, &risk);
  kl_desk_counts_get(where->desk, NULL, &counts);
  kl_buf_printf(out, "  at risk %s", kl_money_text(money, sizeof money, risk.exposure, false));
  if (counts.unknown) kl_buf_printf(out, "  \033[31m%zu orders unknown\033[39m", counts.unknown);
  kl_buf_printf(out, "  %zu script%s\n", where->scripts, where->scripts == 1 ? "" : "s");
}

static void add_script(const kl_traded *t, kl_buf *out) {
  char a[48], b[48];
  const char *color = t->totals.profit > 0 ? "\033[32m" : t->totals.profit < 0 ? "\033[31m" : "";
  kl_buf name = {0};
  kl_log_escape(&name, t->name, strlen(t->name));
  kl_buf_printf(out, " %-*.*s %s%9s\033[39m", NAME_WIDTH, NAME_WIDTH, name.failed ? "" : name.data, color,
                kl_money_text(a, sizeof a, t->totals.profit, true));
  kl_buf_free(&name);
  if (t->halted) {
    kl_buf_printf(out, "  \033[31mhalted: %.120s\033[39m\n", t->halted);
    return;
  }
  kl_buf_printf(out, "  holds %s in %zu", count_text(a, sizeof a, t->totals.contracts), t->totals.open);
  kl_buf_printf(out, "  %zu open", t->counts.resting + t->counts.pending + t->counts.unknown);
  kl_buf_printf(out, "  %" PRIu64 " fills  fees %s", t->totals.fills,
                kl_money_text(b, sizeof b, t->totals.fees, false));
  if (t->counts.refused) kl_buf_printf(out, "  %" PRIu64 " refused", t->counts.refused);
  kl_buf_char(out, '\n');
}

void kl_status_rows(const kl_trading_place *where, kl_buf *out, int columns) {
  size_t shown = 0, more = 0;
  (void)columns;
  add_exchange(where, out);
  for (kl_party *p = where->desk ? kl_desk_party_next(where->desk, NULL) : NULL; p;
       p = kl_desk_party_next(where->desk, p)) {
    kl_traded t;
    kl_traded_get(where->desk, p, &t);
    if (!kl_traded_anything(&t)) continue;
    if (shown++ < SCRIPTS_SHOWN)
      add_script(&t, out);
    else
      more++;
  }
  if (more) kl_buf_printf(out, " and %zu more; kalua ps\n", more);
}

/* ---- the summary ---- */

static void add_line(const kl_traded *t, kl_buf *out) {
  char traded[48], fees[48], realized[48], unrealized[48], profit[48], drawdown[48];
  kl_buf name = {0};
  kl_log_escape(&name, t->name, strlen(t->name));
  kl_buf_printf(out, "  %-*.*s %6" PRIu64 " %5" PRIu64 " %7s %6s %8s %10s %8s %8s", TABLE_NAME, TABLE_NAME,
                name.failed ? "" : name.data, t->counts.placed, t->totals.fills,
                count_text(traded, sizeof traded, t->totals.traded),
                kl_money_text(fees, sizeof fees, t->totals.fees, false),
                kl_money_text(realized, sizeof realized, t->totals.realized, true),
                kl_money_text(unrealized, sizeof unrealized, t->totals.unrealized, true),
                kl_money_text(profit, sizeof profit, t->totals.profit, true),
                kl_money_text(drawdown, sizeof drawdown, t->totals.max_drawdown, false));
  kl_buf_free(&name);
  if (t->counts.refused) kl_buf_printf(out, "  %" PRIu64 " refused by limits", t->counts.refused);
  if (t->counts.rejected) kl_buf_printf(out, "  %" PRIu64 " rejected", t->counts.rejected);
  if (t->counts.unknown) kl_buf_printf(out, "  %zu unknown", t->counts.unknown);
  if (t->halted) kl_buf_printf(out, "  halted: %.120s", t->halted);
  kl_buf_char(out, '\n');
}

void kl_traded_table(kl_desk *d, kl_buf *out) {
  bool head = false;
  for (kl_party *p = kl_desk_party_next(d, NULL); p; p = kl_desk_party_next(d, p)) {
    kl_traded t;
    kl_traded_get(d, p, &t);
    if (!kl_traded_anything(&t)) continue;
    if (!head)
      kl_buf_printf(out, "  %-*s %6s %5s %7s %6s %8s %10s %8s %8s\n", TABLE_NAME, "script", "orders", "fills", "traded",
                    "fees", "realized", "unrealized", "profit", "drawdown");
    head = true;
    add_line(&t, out);
  }
}
