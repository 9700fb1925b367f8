/* The limits themselves: what is measured is compared, and a refusal says the numbers. */
#include <stdio.h>
#include <string.h>

#include "trading/risk_impl.h"

typedef struct kl_text {
  char s[40];
} kl_text;

static const char *count_text(kl_count v, kl_text *t) {
  kl_risk_format(t->s, sizeof t->s, v, KL_COUNT_PLACES);
  return t->s;
}
static const char *money_text(kl_wide v, kl_text *t) {
  kl_risk_format(t->s, sizeof t->s, kl_narrow(v), KL_MONEY_PLACES);
  return t->s;
}
static const char *price_text(kl_price v, kl_text *t) {
  kl_risk_format(t->s, sizeof t->s, v, KL_PRICE_PLACES);
  return t->s;
}
static const char *seconds_text(int64_t ms, kl_text *t) {
  kl_risk_format(t->s, sizeof t->s, ms, 3);
  return t->s;
}
static const char *limit_text(const kl_risk_party *p, kl_limit l, kl_text *t) {
  if (l == KL_LIMIT_SELF_CROSS) return "false";
  kl_risk_format(t->s, sizeof t->s, p->effective.value[l], kl_limit_table[l].places);
  return t->s;
}

/* The sentence is "NAME: `what`, and LIMIT is N". */
static bool refuse(kl_risk_party *p, kl_limit l, const char *what, kl_error *e) {
  kl_text limit;
  p->refused_by = l;
  kl_error_coded(e, KL_ERR_RISK, kl_limit_table[l].name, "%.63s: %s, and %s is %s%s", p->name, what,
                 kl_limit_table[l].name, limit_text(p, l, &limit), l == KL_LIMIT_MARKET_SHARE ? " percent" : "");
  return false;
}

static bool has(const kl_risk_party *p, kl_limit l) { return p->effective.set >> l & 1; }

static const char *verb(const kl_risk_ask *a) { return a->fresh ? "an order" : "a change"; }

/* Some 500 characters of text are made only for who is refused. */
#define REFUSE(l, ...)                                                                                                 \
  do {                                                                                                                 \
    char what_[400];                                                                                                   \
    snprintf(what_, sizeof what_, __VA_ARGS__);                                                                        \
    return refuse(p, l, what_, e);                                                                                     \
  } while (0)

/* ---- what does not depend on what is held ---- */

static bool check_size(kl_risk *r, kl_risk_party *p, const kl_risk_ask *a, kl_error *e) {
  kl_text t1, t2, t3;
  if (has(p, KL_LIMIT_ORDER_COUNT) && a->count > a->old_count && a->count > p->effective.value[KL_LIMIT_ORDER_COUNT])
    REFUSE(KL_LIMIT_ORDER_COUNT, "%s for %s contracts in %s is too large", verb(a), count_text(a->count, &t1),
           r->markets[a->market].ticker);
  if (has(p, KL_LIMIT_ORDER_COST)) {
    const kl_risk_cell *c = kl_risk_cell_get(p, a->market);
    kl_count closable = c ? (a->side == KL_BID ? -c->position : c->position) - c->reserved[a->side] + a->old_count : 0;
    kl_count opening = closable <= 0 ? a->count : closable < a->count ? a->count - closable : 0;
    kl_money cost = opening * a->own, limit = p->effective.value[KL_LIMIT_ORDER_COST];
    bool larger = a->count > a->old_count || a->own > a->old_own;
    if (larger && cost > limit)
      REFUSE(KL_LIMIT_ORDER_COST, "%s for %s at %s in %s costs %s dollars", verb(a), count_text(a->count, &t1),
             price_text(a->yes, &t2), r->markets[a->market].ticker, money_text(cost, &t3));
  }
  return true;
}

static bool check_rates(kl_risk_party *p, const kl_risk_ask *a, kl_error *e) {
  kl_text t1, t2;
  int64_t orders = kl_risk_rate_now(&p->orders, a->now_ns), contracts = kl_risk_rate_now(&p->contracts, a->now_ns);
  if (has(p, KL_LIMIT_ORDER_RATE) && orders >= p->effective.value[KL_LIMIT_ORDER_RATE]) {
    bool forever = p->effective.value[KL_LIMIT_ORDER_RATE] == 0;
    char what[120];
    snprintf(what, sizeof what, "%lld orders and changes within the last second", (long long)orders);
    refuse(p, KL_LIMIT_ORDER_RATE, what, e);
    if (e) e->retryable = !forever;
    return false;
  }
  kl_count more = a->count > a->old_count ? a->count - a->old_count : 0;
  kl_count rate = p->effective.value[KL_LIMIT_CONTRACT_RATE];
  if (has(p, KL_LIMIT_CONTRACT_RATE) && more > 0 && (kl_wide)contracts + more > rate) {
    char what[200];
    snprintf(what, sizeof what, "%s for %s would make %s contracts within a second", verb(a), count_text(more, &t1),
             count_text(kl_narrow((kl_wide)contracts + more), &t2));
    refuse(p, KL_LIMIT_CONTRACT_RATE, what, e);
    if (e) e->retryable = more <= rate;
    return false;
  }
  return true;
}

static bool check_day(kl_risk_party *p, const kl_risk_ask *a, kl_error *e) {
  kl_text t1;
  kl_wide lost = (kl_wide)p->forgiven - p->profit_today;
  if (has(p, KL_LIMIT_DAILY_LOSS) && lost > p->effective.value[KL_LIMIT_DAILY_LOSS])
    REFUSE(KL_LIMIT_DAILY_LOSS, "%s dollars were lost today%s", money_text(lost, &t1),
           p->forgiven ? " since it was let go on" : "");
  if (!a->fresh) return true;
  uint64_t trades = (uint64_t)p->trades_today + p->open - p->traded_open;
  if (has(p, KL_LIMIT_DAILY_TRADES) && trades >= (uint64_t)p->effective.value[KL_LIMIT_DAILY_TRADES])
    REFUSE(KL_LIMIT_DAILY_TRADES, "%llu orders of today filled or may still fill", (unsigned long long)trades);
  if (has(p, KL_LIMIT_OPEN_ORDERS) && p->open >= p->effective.value[KL_LIMIT_OPEN_ORDERS])
    REFUSE(KL_LIMIT_OPEN_ORDERS, "%u orders rest or are on their way", p->open);
  return true;
}

static bool check_book(kl_risk *r, kl_risk_party *p, const kl_risk_ask *a, kl_error *e) {
  static const kl_risk_view nothing = {0};
  const kl_risk_view *v = a->view ? a->view : &nothing;
  const char *ticker = r->markets[a->market].ticker;
  kl_text t1, t2, t3;
  if (has(p, KL_LIMIT_PRICE_DISTANCE)) {
    if (!v->has_book) REFUSE(KL_LIMIT_PRICE_DISTANCE, "no book of %s is there to compare the price with", ticker);
    kl_price away = 2 * a->yes - v->bid - v->ask; /* twice, for the middle may be between two prices */
    if (away < 0) away = -away;
    if (away > 2 * p->effective.value[KL_LIMIT_PRICE_DISTANCE]) {
      kl_risk_format(t1.s, sizeof t1.s, (v->bid + v->ask) * 5, KL_PRICE_PLACES + 1);
      kl_risk_format(t2.s, sizeof t2.s, away * 5, KL_PRICE_PLACES + 1);
      REFUSE(KL_LIMIT_PRICE_DISTANCE, "%s at %s is %s dollars away from the middle of %s's book, %s", verb(a),
             price_text(a->yes, &t3), t2.s, ticker, t1.s);
    }
  }
  if (has(p, KL_LIMIT_BOOK_AGE)) {
    if (!v->has_book) REFUSE(KL_LIMIT_BOOK_AGE, "no book of %s is there", ticker);
    if (v->book_age_ms > p->effective.value[KL_LIMIT_BOOK_AGE])
      REFUSE(KL_LIMIT_BOOK_AGE, "the book of %s was known to be right %s seconds ago", ticker,
             seconds_text(v->book_age_ms, &t1));
  }
  if (has(p, KL_LIMIT_CLOCK_SKEW)) {
    if (!v->has_skew) REFUSE(KL_LIMIT_CLOCK_SKEW, "how far the clocks are apart is not known yet");
    int64_t skew = v->skew_ms < 0 ? -v->skew_ms : v->skew_ms;
    if (skew > p->effective.value[KL_LIMIT_CLOCK_SKEW])
      REFUSE(KL_LIMIT_CLOCK_SKEW, "the exchange's clock and this one are %s seconds apart", seconds_text(skew, &t1));
  }
  return true;
}

static bool check_cross(kl_risk *r, kl_risk_party *p, const kl_risk_ask *a, kl_error *e) {
  if (!has(p, KL_LIMIT_SELF_CROSS) || p->effective.value[KL_LIMIT_SELF_CROSS]) return true;
  const kl_risk_cell *c = kl_risk_cell_get(r->parties[KL_RISK_ACCOUNT], a->market);
  kl_side other = a->side == KL_BID ? KL_ASK : KL_BID;
  kl_price best = c ? kl_risk_levels_best(&c->levels[other]) : 0;
  /* They cross when both together are worth a dollar or more. */
  if (!c || c->levels[other].n == 0 || best + a->own < KL_PRICE_ONE) return true;
  kl_text t1, t2;
  REFUSE(KL_LIMIT_SELF_CROSS, "%s at %s would cross an own %s at %s in %s", a->side == KL_BID ? "a bid" : "an ask",
         price_text(a->yes, &t1), other == KL_BID ? "bid" : "ask", price_text(kl_risk_own(other, best), &t2),
         r->markets[a->market].ticker);
}

bool kl_risk_check_order(kl_risk *r, kl_risk_party *p, const kl_risk_ask *a, kl_error *e) {
  return check_day(p, a, e) && check_size(r, p, a, e) && check_rates(p, a, e) && check_book(r, p, a, e) &&
         check_cross(r, p, a, e);
}

/* ---- what does ---- */

static kl_count worst_position(const kl_risk_cell *c, kl_side side) {
  return (side == KL_BID ? c->position : -c->position) + c->reserved[side];
}

kl_count kl_risk_opening(const kl_risk_cell *c, kl_side side, kl_count count) {
  kl_count closable = count - worst_position(c, side);
  return closable <= 0 ? count : closable < count ? count - closable : 0;
}

void kl_risk_before_get(const kl_risk *r, const kl_risk_party *p, const kl_risk_ask *a, kl_risk_before *out) {
  const kl_risk_cell *c = kl_risk_cell_get(p, a->market);
  out->worst_position = worst_position(c, a->side);
  out->market = kl_risk_cell_exposure(c);
  out->event = kl_risk_event_loss(r, p, a->market);
  out->all = p->exposure;
}

static bool check_share(kl_risk *r, kl_risk_party *p, const kl_risk_ask *a, kl_money market, kl_error *e) {
  const kl_risk_purse *money = &r->purse;
  if (!money->known) REFUSE(KL_LIMIT_MARKET_SHARE, "the account's equity is not known yet");
  kl_wide equity = (kl_wide)money->balance + money->portfolio_value;
  if ((kl_wide)market * 1000000 <= equity * p->effective.value[KL_LIMIT_MARKET_SHARE]) return true;
  kl_text t1, t2, t3;
  REFUSE(KL_LIMIT_MARKET_SHARE, "%s for %s would put %s dollars at risk in %s, of an equity of %s", verb(a),
         count_text(a->count, &t1), money_text(market, &t2), r->markets[a->market].ticker, money_text(equity, &t3));
}

bool kl_risk_check_reserved(kl_risk *r, kl_risk_party *p, const kl_risk_ask *a, const kl_risk_before *b, kl_error *e) {
  const kl_risk_cell *c = kl_risk_cell_get(p, a->market);
  const char *ticker = r->markets[a->market].ticker;
  const int64_t *limit = p->effective.value;
  kl_text t1, t2, t3;
  kl_count worst = worst_position(c, a->side);
  if (has(p, KL_LIMIT_POSITION) && worst > b->worst_position && worst > limit[KL_LIMIT_POSITION])
    REFUSE(KL_LIMIT_POSITION, "%s for %s would make %s contracts in %s at worst", verb(a), count_text(a->count, &t1),
           count_text(worst, &t2), ticker);
  kl_money market = kl_risk_cell_exposure(c);
  if (market > b->market) {
    if (has(p, KL_LIMIT_MARKET_EXPOSURE) && market > limit[KL_LIMIT_MARKET_EXPOSURE])
      REFUSE(KL_LIMIT_MARKET_EXPOSURE, "%s for %s at %s would put %s dollars at risk in %s", verb(a),
             count_text(a->count, &t1), price_text(a->yes, &t2), money_text(market, &t3), ticker);
    if (has(p, KL_LIMIT_MARKET_SHARE) && !check_share(r, p, a, market, e)) return false;
  }
  kl_money event = kl_risk_event_loss(r, p, a->market);
  if (has(p, KL_LIMIT_EVENT_EXPOSURE) && event > b->event && event > limit[KL_LIMIT_EVENT_EXPOSURE]) {
    uint32_t of = r->markets[a->market].event;
    REFUSE(KL_LIMIT_EVENT_EXPOSURE, "%s for %s at %s in %s would put %s dollars at risk in %s", verb(a),
           count_text(a->count, &t1), price_text(a->yes, &t2), ticker, money_text(event, &t3),
           of == KL_RISK_NONE ? "its event" : r->events[of].ticker);
  }
  if (has(p, KL_LIMIT_EXPOSURE) && p->exposure > b->all && p->exposure > limit[KL_LIMIT_EXPOSURE])
    REFUSE(KL_LIMIT_EXPOSURE, "%s for %s at %s in %s would put %s dollars at risk in all", verb(a),
           count_text(a->count, &t1), price_text(a->yes, &t2), ticker, money_text(p->exposure, &t3));
  return true;
}

bool kl_risk_check_balance(kl_risk *r, kl_risk_party *p, const kl_risk_ask *a, kl_wide left, kl_error *e) {
  if (!r->purse.known) REFUSE(KL_LIMIT_MIN_BALANCE, "the balance is not known yet");
  if (left >= p->effective.value[KL_LIMIT_MIN_BALANCE]) return true;
  kl_text t1, t2, t3;
  REFUSE(KL_LIMIT_MIN_BALANCE, "%s for %s at %s in %s would leave %s dollars of the balance", verb(a),
         count_text(a->count, &t1), price_text(a->yes, &t2), r->markets[a->market].ticker, money_text(left, &t3));
}
