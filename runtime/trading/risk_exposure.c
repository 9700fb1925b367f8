/* What may be lost at worst: of a market for either outcome, of an event over its outcomes, of everything. Sums are
 * kept as they change; nothing here walks over orders or markets. */
#include <stdlib.h>

#include "trading/risk_impl.h"

static kl_count magnitude(kl_count n) { return n < 0 ? -n : n; }

/* The loss when the market settles against those who hold what `side` buys: their contracts pay nothing, those of the
 * other side a dollar. At worst all orders of `side` are filled and none of the other. */
static kl_money loss(const kl_risk_cell *c, kl_side side) {
  kl_count held = side == KL_BID ? c->position : -c->position, ordered = c->reserved[side];
  if (held >= 0) return c->cost + c->reserved_cost[side];
  kl_count shut = -held; /* contracts that gain */
  if (ordered > shut) return kl_risk_levels_dearest(&c->levels[side], ordered - shut, ordered, c->reserved_cost[side]);
  /* What is left of the gain once the orders have closed their part. */
  kl_wide gain = (kl_wide)shut * KL_PRICE_ONE - c->cost;
  return -kl_narrow(gain * (shut - ordered) / shut);
}

kl_money kl_risk_cell_exposure(const kl_risk_cell *c) {
  kl_money worse = c->at_no > c->at_yes ? c->at_no : c->at_yes;
  return worse > 0 ? worse : 0;
}

void kl_risk_cell_fill(kl_risk_cell *c, kl_side side, kl_price yes, kl_count count) {
  bool opposite = side == KL_BID ? c->position < 0 : c->position > 0;
  kl_count before = magnitude(c->position), closed = !opposite ? 0 : count < before ? count : before;
  if (closed > 0) c->cost -= (kl_money)((kl_wide)c->cost * closed / before);
  c->cost += kl_risk_own(side, yes) * (count - closed);
  c->position += side == KL_BID ? count : -count;
  /* Beyond what can be counted nothing is admitted any more. */
  if (c->position > KL_RISK_COUNT_MAX) c->position = KL_RISK_COUNT_MAX;
  if (c->position < -KL_RISK_COUNT_MAX) c->position = -KL_RISK_COUNT_MAX;
  if (c->cost > KL_RISK_COST_MAX) c->cost = KL_RISK_COST_MAX;
}

/* ---- events ---- */

static kl_money most(const kl_risk_event_part *e) { return e->leaves > 1 ? e->more[1] : e->leaves ? e->more[0] : 0; }

/* A tree of one leaf has it at 0, any other its root at 1 and its leaves from `leaves` on. */
static void set_leaf(kl_risk_event_part *e, uint32_t slot, kl_money v) {
  if (e->leaves <= 1) {
    e->more[0] = v;
    return;
  }
  uint32_t i = e->leaves + slot;
  e->more[i] = v;
  for (i /= 2; i > 0; i /= 2) {
    kl_money a = e->more[2 * i], b = e->more[2 * i + 1], m = a > b ? a : b;
    if (e->more[i] == m) return;
    e->more[i] = m;
  }
}

static bool room(kl_risk_event_part *e, uint32_t slot) {
  if (slot < e->leaves) return true;
  uint32_t leaves = e->leaves ? e->leaves : 1;
  while (leaves <= slot)
    leaves *= 2;
  kl_money *more = calloc(2 * (size_t)leaves, sizeof *more);
  if (!more) return false;
  kl_risk_event_part old = *e;
  e->more = more;
  e->leaves = leaves;
  for (uint32_t i = 0; i < old.leaves; i++)
    set_leaf(e, i, old.leaves == 1 ? old.more[0] : old.more[old.leaves + i]);
  free(old.more);
  return true;
}

static kl_money event_loss(const kl_risk_event *e, const kl_risk_event_part *part) {
  kl_wide worst = part->worst;
  if (e->exclusive) worst = part->at_no + (most(part) > 0 ? most(part) : 0);
  return worst > 0 ? kl_narrow(worst) : 0;
}

static void count_event(kl_risk *r, kl_risk_party *p, uint32_t event) {
  kl_risk_event_part *part = p->parts[event];
  p->exposure -= part->counted;
  part->counted = event_loss(&r->events[event], part);
  p->exposure += part->counted;
}

void kl_risk_part_changed(kl_risk *r, kl_risk_party *p, uint32_t event) {
  if (p->parts && p->parts[event]) count_event(r, p, event);
}

kl_money kl_risk_event_loss(const kl_risk *r, const kl_risk_party *p, uint32_t market) {
  const kl_risk_cell *c = kl_risk_cell_get(p, market);
  uint32_t event = r->markets[market].event;
  if (event == KL_RISK_NONE) return c ? kl_risk_cell_exposure(c) : 0;
  return p->parts && p->parts[event] ? p->parts[event]->counted : 0;
}

/* ---- cells ---- */

/* Puts what the cell may lose into the sums, in place of what it was. */
static void take(kl_risk *r, kl_risk_party *p, uint32_t market, kl_risk_cell *c, kl_money at_no, kl_money at_yes) {
  kl_money before = kl_risk_cell_exposure(c), no_before = c->at_no;
  c->at_no = at_no;
  c->at_yes = at_yes;
  const kl_risk_market_row *m = &r->markets[market];
  if (m->event == KL_RISK_NONE) {
    p->exposure += (kl_wide)kl_risk_cell_exposure(c) - before;
    return;
  }
  kl_risk_event_part *part = p->parts[m->event];
  part->at_no += (kl_wide)at_no - no_before;
  part->worst += (kl_wide)kl_risk_cell_exposure(c) - before;
  set_leaf(part, m->slot, at_yes - at_no);
  count_event(r, p, m->event);
}

void kl_risk_cell_changed(kl_risk *r, kl_risk_party *p, uint32_t market, kl_risk_cell *c) {
  take(r, p, market, c, loss(c, KL_BID), loss(c, KL_ASK));
}

static bool part_of(kl_risk *r, kl_risk_party *p, uint32_t market) {
  const kl_risk_market_row *m = &r->markets[market];
  if (m->event == KL_RISK_NONE) return true;
  if (!p->parts) p->parts = calloc(r->cap_events, sizeof(kl_risk_event_part *));
  if (!p->parts) return false;
  kl_risk_event_part **part = &p->parts[m->event];
  if (!*part) *part = calloc(1, sizeof **part);
  return *part && room(*part, m->slot);
}

void kl_risk_cell_ahead(const kl_risk *r, const kl_risk_party *p, uint32_t market) {
  const kl_risk_market_row *m = &r->markets[market];
  const kl_risk_cell *c = kl_risk_cell_get(p, market);
  if (!c) return;
  __builtin_prefetch(c, 1);
  __builtin_prefetch((const char *)(c + 1) - 1, 1);
  const kl_risk_event_part *part = m->event != KL_RISK_NONE && p->parts ? p->parts[m->event] : NULL;
  if (!part) return;
  __builtin_prefetch(part, 1);
  __builtin_prefetch((const char *)(part + 1) - 1, 1);
  /* What they point at, as soon as they are there. */
  for (int side = 0; side < 2; side++)
    if (c->levels[side].n) __builtin_prefetch(&c->levels[side].v[c->levels[side].n - 1], 1);
  if (m->slot < part->leaves) __builtin_prefetch(&part->more[part->leaves > 1 ? part->leaves + m->slot : 0], 1);
}

kl_risk_cell *kl_risk_cell_of(kl_risk *r, kl_risk_party *p, uint32_t market) {
  if (!p->cells) p->cells = calloc(r->cap_markets, sizeof(kl_risk_cell *));
  if (!p->cells) return NULL;
  if (p->cells[market]) return p->cells[market];
  if (!part_of(r, p, market)) return NULL;
  return p->cells[market] = calloc(1, sizeof(kl_risk_cell));
}

void kl_risk_cell_out(kl_risk *r, kl_risk_party *p, uint32_t market) {
  kl_risk_cell *c = kl_risk_cell_get(p, market);
  if (c) take(r, p, market, c, 0, 0);
}

bool kl_risk_cell_in(kl_risk *r, kl_risk_party *p, uint32_t market) {
  kl_risk_cell *c = kl_risk_cell_get(p, market);
  if (!c) return true;
  if (!part_of(r, p, market)) return false;
  kl_risk_cell_changed(r, p, market, c);
  return true;
}
