/* What the balance does not show yet. An order's collateral is off the balance from some time before the exchange tells
 * of the order, so a balance that was asked for well after that shows it; until then it is counted beside the balance.
 * What comes back (a cancel, a sale) is not counted until a balance shows it. */
#include "trading/risk_impl.h"

enum { TOGETHER_NS = 20000000 };
/* What is read may lag behind what is told. */
#define LAG_NS INT64_C(2000000000)

void kl_purse_init(kl_risk_purse *p) { p->first = p->next = 1; }

static kl_risk_told *told_at(kl_risk_purse *p, uint64_t number) { return &p->ring[number % KL_TOLD_CAP]; }

/* The number of what is told now. */
static uint64_t now_of(kl_risk_purse *p, int64_t now_ns) {
  if (p->next > p->first) {
    kl_risk_told *last = told_at(p, p->next - 1);
    if (now_ns - last->first_ns < TOGETHER_NS || p->next - p->first == KL_TOLD_CAP) {
      if (now_ns > last->last_ns) last->last_ns = now_ns;
      return p->next - 1;
    }
  }
  *told_at(p, p->next) = (kl_risk_told){.first_ns = now_ns, .last_ns = now_ns};
  return p->next++;
}

void kl_purse_balance(kl_risk_purse *p, kl_money balance, kl_money portfolio_value, int64_t asked_ns) {
  p->known = true;
  p->balance = balance;
  p->portfolio_value = portfolio_value;
  while (p->first < p->next && told_at(p, p->first)->last_ns + LAG_NS <= asked_ns)
    p->told -= told_at(p, p->first++)->sum;
}

/* What of the slot the balance does not show. */
static kl_money open_part(kl_risk_purse *p, kl_risk_slot *s) {
  if (s->settled_by && s->settled_by < p->first) s->unsettled = 0;
  return s->unsettled;
}

static void take_off(kl_risk_purse *p, kl_risk_slot *s, kl_money amount) {
  if (s->settled_by) {
    told_at(p, s->settled_by)->sum -= amount;
    p->told -= amount;
  } else {
    p->pending -= amount;
  }
  s->unsettled -= amount;
}

void kl_purse_hold(kl_risk_purse *p, kl_risk_slot *s, kl_money hold) {
  kl_money open = open_part(p, s), more = hold > s->hold ? hold - s->hold : 0;
  if (open > 0) take_off(p, s, open);
  s->settled_by = 0;
  s->unsettled = open + more;
  s->hold += more;
  p->pending += s->unsettled;
}

void kl_purse_tell(kl_risk_purse *p, kl_risk_slot *s, int64_t now_ns) {
  if (s->settled_by) return;
  kl_money open = s->unsettled;
  p->pending -= open;
  p->told += open;
  s->settled_by = now_of(p, now_ns);
  told_at(p, s->settled_by)->sum += open;
}

/* part / whole of the amount, rounded up. */
static kl_money share(kl_money amount, kl_count part, kl_count whole) {
  if (part >= whole) return amount;
  return kl_narrow(((kl_wide)amount * part + whole - 1) / whole);
}

void kl_purse_spend(kl_risk_purse *p, kl_risk_slot *s, kl_count count, kl_money cost, int64_t now_ns) {
  kl_money held = count > 0 ? share(s->hold, count, s->left) : 0;
  kl_money open = count > 0 ? share(open_part(p, s), count, s->left) : 0;
  s->hold -= held;
  if (open > 0) take_off(p, s, open);
  kl_money spent = open + (cost > held ? cost - held : 0);
  if (spent == 0) return;
  told_at(p, now_of(p, now_ns))->sum += spent;
  p->told += spent;
}

void kl_purse_shrink(kl_risk_purse *p, kl_risk_slot *s, kl_money hold) {
  if (hold >= s->hold) return;
  kl_money open = open_part(p, s);
  if (open > hold) take_off(p, s, open - hold);
  s->hold = hold;
}
