/* The profit of the day. At midnight it begins with what everything is worth then. A process that starts in the middle
 * of a day takes the beginning from the journal, where an earlier one has written it; where none has, what was realized
 * since midnight counts, and of what is still held the change of worth from now on. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/decimal.h"
#include "base/log.h"
#include "base/new_york.h"
#include "trading/desk_portfolio_impl.h"

enum { PATIENCE_S = 10 }; /* for the first mark of a market */

static int64_t today(const kl_ledger *l) { return kl_new_york_day(kl_ledger_now_ms(l) / 1000); }

int64_t kl_ledger_day_start_ms(const kl_ledger *l) { return kl_new_york_midnight(kl_ledger_now_ms(l) / 1000) * 1000; }

static kl_portfolio_totals totals_of(const kl_ledger_book *b) {
  kl_portfolio_totals t;
  kl_portfolio_totals_get(b->portfolio, &t);
  return t;
}

static kl_money realized_of(const kl_ledger_book *b) {
  kl_portfolio_totals t = totals_of(b);
  return t.realized - t.fees;
}

/* ---- what outlives the process ---- */

bool kl_ledger_read_pair(const char *text, int64_t *first, int64_t *second) {
  const char *space = strchr(text, ' ');
  int64_t a, b;
  if (!space || !kl_decimal_parse(text, (size_t)(space - text), 0, &a) ||
      !kl_decimal_parse(space + 1, strlen(space + 1), 0, &b))
    return false;
  *first = a;
  *second = b;
  return true;
}

static void key_of(const kl_ledger_book *b, char *out, size_t cap) {
  (void)snprintf(out, cap, "day:%s", b->party ? kl_party_name(b->party) : "");
}

static void forgiven_key_of(const kl_ledger_book *b, char *out, size_t cap) {
  (void)snprintf(out, cap, "forgiven:%s", b->party ? kl_party_name(b->party) : "");
}

static void write_note(const kl_ledger *l, const kl_ledger_book *b) {
  char key[300], value[64];
  if (!l->journal) return;
  key_of(b, key, sizeof key);
  (void)snprintf(value, sizeof value, "%" PRId64 " %" PRId64, b->day, b->base);
  kl_order_journal_note(l->journal, key, value);
}

static bool read_note(const kl_ledger *l, const kl_ledger_book *b, kl_money *base) {
  char key[300], value[64];
  int64_t day, v;
  key_of(b, key, sizeof key);
  if (!l->journal || !kl_order_journal_noted(l->journal, key, value, sizeof value)) return false;
  if (!kl_ledger_read_pair(value, &day, &v) || day != b->day) return false;
  *base = v;
  return true;
}

/* ---- the beginning ---- */

static void set_base(kl_ledger *l, kl_ledger_book *b, kl_money base) {
  b->based = true;
  b->base = base;
  write_note(l, b);
}

/* What a person has let go is so for the rest of the day, whichever process it is. */
static void read_forgiven(const kl_ledger *l, const kl_ledger_book *b) {
  char key[300], value[64];
  int64_t day, profit;
  forgiven_key_of(b, key, sizeof key);
  if (!l->journal || !kl_desk_risk(l->d) || !kl_order_journal_noted(l->journal, key, value, sizeof value)) return;
  if (kl_ledger_read_pair(value, &day, &profit) && day == b->day)
    kl_risk_forgive(kl_desk_risk(l->d), b->risk, day, profit);
}

void kl_ledger_day_begins(kl_ledger *l, kl_ledger_book *b) {
  b->day = today(l);
  read_forgiven(l, b);
  b->realized = realized_of(b);
  b->based = read_note(l, b, &b->base);
  /* Of what the account had before, only what the parties did is known to be of today. */
  for (kl_list *n = b->link.next; !b->party && n != &l->books; n = n->next) {
    const kl_ledger_book *party = KL_CONTAINER(n, kl_ledger_book, link);
    b->realized -= realized_of(party) - party->realized;
  }
  if (totals_of(b).open > 0) return;
  b->worth = true; /* nothing is held, so nothing has to be valued first */
  if (!b->based) set_base(l, b, b->realized);
}

void kl_ledger_day_correct(kl_ledger_book *b, kl_money profit) {
  if (!b->based) b->realized += profit;
}

void kl_ledger_day_trades(kl_ledger *l, const kl_ledger_book *b, uint32_t trades) {
  kl_risk *risk = kl_desk_risk(l->d);
  kl_risk_state state;
  if (!risk) return;
  kl_risk_state_get(risk, b->risk, &state);
  if (trades > state.trades_today) kl_risk_trades(risk, b->risk, today(l), trades);
}

/* ---- as it goes on ---- */

bool kl_ledger_valued(const kl_ledger *l, const kl_ledger_book *b) {
  int64_t now = kl_ledger_now_ns(l);
  if (!b->begun) return false;
  for (const kl_holding *h = NULL; (h = kl_portfolio_next(b->portfolio, h));) {
    if (h->position == 0 || h->mark >= 0) continue;
    const kl_ledger_market *m = kl_map_get(l->markets, h->ticker, strlen(h->ticker));
    if (!m || now - m->since_ns < PATIENCE_S * KL_LEDGER_S) return false;
  }
  return true;
}

static void halt(kl_ledger *l, const kl_ledger_book *b, kl_money profit) {
  kl_limit_values limits;
  char limit[KL_LIMIT_TEXT_CAP], lost[32], why[160];
  kl_risk_effective(kl_desk_risk(l->d), b->risk, &limits);
  (void)kl_decimal_format(lost, sizeof lost, -profit / 10000, 2);
  (void)snprintf(why, sizeof why, "%slost %s dollars today, and max_daily_loss is %s",
                 b->party ? "" : "the account has ", lost,
                 kl_limit_text(KL_LIMIT_DAILY_LOSS, limits.value[KL_LIMIT_DAILY_LOSS], limit));
  if (b->party) {
    kl_party_halt(b->party, why);
    return;
  }
  for (kl_party *p = NULL; (p = kl_desk_party_next(l->d, p));)
    kl_party_halt(p, why);
}

static void forgive(kl_ledger *l, kl_ledger_book *b) {
  char key[300], value[64];
  b->pardon = !b->based; /* then it is not known yet what there is to forgive */
  kl_money profit = kl_ledger_today_get(l, b->party).profit;
  if (!kl_desk_risk(l->d) || b->pardon) return;
  kl_risk_forgive(kl_desk_risk(l->d), b->risk, b->day, profit);
  if (!l->journal) return;
  forgiven_key_of(b, key, sizeof key);
  (void)snprintf(value, sizeof value, "%" PRId64 " %" PRId64, b->day, profit);
  kl_order_journal_note(l->journal, key, value);
}

static void look_at_day(kl_ledger *l, kl_ledger_book *b, int64_t day) {
  kl_portfolio_totals t = totals_of(b);
  if (b->day != day) {
    b->day = day;
    b->realized = t.realized - t.fees;
    b->based = false;
    if (b->worth) set_base(l, b, t.profit);
  }
  /* What was held when this began is valued first. What comes later counts at its cost until it has a mark: a loss is
   * seen, whatever else is bought. */
  if (!b->worth) {
    if (!kl_ledger_valued(l, b)) return;
    kl_portfolio_restart(b->portfolio);
    b->worth = true;
  }
  if (!b->based) set_base(l, b, b->realized + t.unrealized);
  if (b->pardon) forgive(l, b);
  kl_risk *risk = kl_desk_risk(l->d);
  if (risk && kl_risk_profit(risk, b->risk, day, t.profit - b->base)) halt(l, b, t.profit - b->base);
}

void kl_ledger_days_tick(kl_ledger *l) {
  int64_t day = today(l);
  for (kl_list *n = l->books.next; n != &l->books; n = n->next) {
    kl_ledger_book *b = KL_CONTAINER(n, kl_ledger_book, link);
    if (b->begun) look_at_day(l, b, day);
  }
}

void kl_ledger_forgive(kl_ledger *l, const kl_party *p) {
  for (kl_list *n = l->books.next; n != &l->books; n = n->next) {
    kl_ledger_book *b = KL_CONTAINER(n, kl_ledger_book, link);
    if (!b->party || b->party == p) forgive(l, b);
  }
}

kl_ledger_today kl_ledger_today_get(kl_ledger *l, const kl_party *p) {
  for (kl_list *n = l->books.next; n != &l->books; n = n->next) {
    const kl_ledger_book *b = KL_CONTAINER(n, kl_ledger_book, link);
    if (b->party != p) continue;
    kl_portfolio_totals t = totals_of(b);
    kl_money base = b->based ? b->base : b->realized + t.unrealized;
    return (kl_ledger_today){.profit = t.profit - base, .valued = kl_ledger_valued(l, b)};
  }
  return (kl_ledger_today){0};
}
