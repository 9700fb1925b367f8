/* What the live exchange says of books and trades. */
#include <string.h>

#include "sim/mirror_impl.h"

static bool valid(kl_price price) { return price > 0 && price < KL_PRICE_ONE; }

/* ---- levels ---- */

/* What own orders took of a level is no more than the level has; and with it go those whose place we had. */
static void bound_gone(kl_m_level *l) {
  kl_count shows = kl_m_positive(l->live - l->printed);
  for (int v = 0; v < KL_VIEWS; v++)
    l->v[v].gone = shows > 0 ? kl_m_least(l->v[v].gone, shows) : 0;
}

/* In the optimistic view whatever happens at a level shows that it is renewed. */
static void renew(kl_m_level *l, kl_count n) {
  kl_count *gone = &l->v[KL_VIEW_OPTIMISTIC].gone;
  *gone = kl_m_positive(*gone - n); /* never below zero in this view */
}

static void rise(kl_mirror *m, kl_m_level *l, kl_count n) {
  l->live += n;
  renew(l, n);
  if (!kl_m_engaged(l->market)) {
    kl_m_soil(l);
    return;
  }
  for (int i = 0; i < KL_VIEWS; i++) {
    kl_mirror_view v = (kl_mirror_view)i;
    kl_count k = kl_m_least(n, kl_m_positive(l->live - l->printed - l->v[v].gone - l->v[v].crossing));
    if (k > 0 && kl_m_crosses(m, v, l)) {
      if (v == KL_VIEW_PESSIMISTIC)
        (void)kl_m_note_add(m, l, KL_M_CROSS, k, 0); /* without memory post-only keeps it away from own orders */
      else
        kl_m_cross(m, v, l, k, true);
    }
    kl_m_fit_or_soil(m, v, l, KL_M_CANCELED);
  }
}

static void fall(kl_mirror *m, kl_m_level *l, kl_count n) {
  n = kl_m_least(n, l->live);
  l->live -= n;
  renew(l, n);
  if (!kl_m_engaged(l->market)) {
    bound_gone(l);
    kl_m_soil(l);
    return;
  }
  kl_count explained = kl_m_notes_take(m, l, KL_M_PRINT, n, false), left = n - explained;
  if (explained > 0) m->counts.explained++;
  bound_gone(l);
  kl_count shows = kl_m_positive(l->live - l->printed - l->v[KL_VIEW_PESSIMISTIC].gone);
  (void)kl_m_notes_take(m, l, KL_M_CROSS, l->v[KL_VIEW_PESSIMISTIC].crossing - shows, true);
  unsigned held = 0;
  for (int v = 0; v < KL_VIEWS; v++)
    if (kl_m_attended(m, (kl_mirror_view)v, l)) held |= 1U << v;
  /* Where own orders stand the crowd keeps these contracts until it is known what became of them. */
  if (left > 0) (void)kl_m_note_add(m, l, KL_M_FALL, left, held);
  for (int v = 0; v < KL_VIEWS; v++)
    kl_m_fit_or_soil(m, (kl_mirror_view)v, l, KL_M_CANCELED);
}

void kl_mirror_level(kl_mirror *m, int64_t now_us, const char *ticker, kl_outcome side, kl_price own, kl_count delta) {
  kl_m_advance(m, now_us);
  kl_m_market *mk = kl_m_market_of(m, ticker);
  if (!mk || mk->stale || delta == 0 || !valid(own)) return;
  m->counts.levels++;
  kl_side s = side == KL_YES ? KL_BID : KL_ASK;
  kl_price price = kl_m_own(s, own);
  kl_m_level *l = delta > 0 ? kl_m_level_get(mk, s, price) : kl_m_level_find(mk, s, price);
  if (!l) return;
  if (delta > 0)
    rise(m, l, delta);
  else
    fall(m, l, -delta);
  kl_m_prune(l);
}

void kl_mirror_snapshot(kl_mirror *m, int64_t now_us, const char *ticker, const kl_mirror_rung *const levels[2],
                        const size_t n[2]) {
  kl_m_advance(m, now_us);
  kl_m_market *mk = kl_m_market_of(m, ticker);
  if (!mk) return;
  m->counts.snapshots++;
  mk->stale = false;
  for (int side = KL_BID; side <= KL_ASK; side++) {
    for (size_t i = 0; i < mk->sides[side].n; i++)
      mk->sides[side].levels[i]->fresh = 0;
    for (size_t i = 0; i < n[side]; i++) {
      const kl_mirror_rung *r = &levels[side][i];
      if (!valid(r->price) || r->count <= 0) continue;
      kl_m_level *l = kl_m_level_get(mk, (kl_side)side, kl_m_own((kl_side)side, r->price));
      if (l) l->fresh += r->count;
    }
  }
  /* What goes, goes first: nothing that is over is crossed. */
  for (int rising = 0; rising < 2; rising++) {
    for (int side = KL_BID; side <= KL_ASK; side++) {
      for (size_t i = mk->sides[side].n; i-- > 0;) {
        kl_m_level *l = mk->sides[side].levels[i];
        kl_m_soil(l);
        if (rising && l->fresh > l->live) rise(m, l, l->fresh - l->live);
        if (!rising && l->fresh < l->live) fall(m, l, l->live - l->fresh);
      }
    }
  }
  for (int side = KL_BID; side <= KL_ASK; side++)
    for (size_t i = mk->sides[side].n; i-- > 0;)
      kl_m_prune(mk->sides[side].levels[i]);
}

void kl_mirror_stale(kl_mirror *m, int64_t now_us, const char *ticker, bool stale) {
  kl_m_advance(m, now_us);
  kl_m_market *mk = kl_m_market_of(m, ticker);
  if (!mk || mk->stale == stale) return;
  mk->stale = stale;
  for (int side = KL_BID; side <= KL_ASK; side++)
    for (size_t i = 0; i < mk->sides[side].n; i++)
      kl_m_soil(mk->sides[side].levels[i]);
}

/* ---- trades ---- */

/* Told before, within the window? Notes that it has been told now. */
static bool repeated(kl_mirror *m, const char *trade_id) {
  if (!trade_id || !*trade_id) return false;
  uint64_t hash = kl_hash_bytes(trade_id, strlen(trade_id));
  int64_t since = m->now_us - m->wait_us[KL_M_PRINT];
  for (size_t i = 1; i <= KL_M_TRADE_IDS; i++) {
    size_t at = (m->next_trade_id + KL_M_TRADE_IDS - i) % KL_M_TRADE_IDS;
    if (m->trade_ids[at].at_us < since || m->trade_ids[at].at_us == 0) break;
    if (m->trade_ids[at].hash == hash) return true;
  }
  m->trade_ids[m->next_trade_id].hash = hash;
  m->trade_ids[m->next_trade_id].at_us = m->now_us;
  m->next_trade_id = (m->next_trade_id + 1) % KL_M_TRADE_IDS;
  return false;
}

/* A trade of the live exchange, on the side of those who rested. */
typedef struct print {
  kl_m_level *level;
  kl_count count;
  kl_count late;           /* of it, fell before the last own order came: none of ours was there */
  kl_count seen[KL_VIEWS]; /* of it, fell before, and the crowd does not have it any more */
} print;

/* The worst price at which somebody rests and that is better than the level's. */
static bool better_limit(kl_mirror_view v, const kl_m_level *l, kl_price *limit) {
  kl_price own;
  kl_count count;
  bool found = false;
  for (size_t i = 0; kl_exchange_level(l->market->m[v], kl_m_outcome(l->side), i, &own, &count); i++) {
    kl_price price = kl_m_own(l->side, own);
    if (!kl_m_better(l->side, price, l->price)) break;
    *limit = price;
    found = true;
  }
  return found;
}

/* Contracts of this trade that would have met others first, whom our earlier fills left where they stood. */
static kl_count take_displaced(const kl_mirror *m, kl_mirror_view v, const print *p) {
  kl_m_displaced *d = &p->level->market->displaced[v][p->level->side];
  if (v == KL_VIEW_OPTIMISTIC || d->count == 0 || d->until_us < m->now_us) return 0;
  if (!kl_m_better(p->level->side, d->price, p->level->price)) return 0;
  kl_count n = kl_m_least(d->count, p->count);
  d->count -= n;
  return n;
}

/* Own orders filled n contracts that others traded live: those are still there, until the level has emptied, and then
 * they are what a trade at a worse price would have met. */
static void displace(const kl_mirror *m, kl_mirror_view v, kl_m_level *l, kl_count n) {
  kl_m_displaced *d = &l->market->displaced[v][l->side];
  if (v == KL_VIEW_OPTIMISTIC) return;
  l->v[v].gone -= n;
  if (l->live > l->printed) return;
  n = kl_m_positive(-l->v[v].gone);
  l->v[v].gone = 0;
  if (n == 0) return;
  if (d->until_us < m->now_us || kl_m_better(l->side, l->price, d->price)) d->count = 0;
  *d = (kl_m_displaced){l->price, d->count + n, m->now_us + m->wait_us[KL_M_PRINT]};
}

/* The trade in one view: own orders at better prices first, then the queue at its price. */
static void meet(kl_mirror *m, kl_mirror_view v, const print *p) {
  kl_m_level *l = p->level;
  kl_m_market *mk = l->market;
  kl_side taker = kl_m_other(l->side);
  kl_price limit;
  kl_count own_better = 0, own = 0, met = 0;
  kl_count elsewhere = take_displaced(m, v, p);
  /* A trade at this price: nobody else was left at a better one, whatever the book still says. */
  kl_m_hide(m, v, mk, l->side, l->price, false, v == KL_VIEW_OPTIMISTIC);
  if (better_limit(v, l, &limit)) met = kl_m_take(m, v, mk, taker, limit, p->count - p->late - elsewhere, &own_better);
  kl_count rest = p->count - met - elsewhere - p->seen[v];
  if (rest > 0 && kl_m_attended(m, v, l)) (void)kl_m_take(m, v, mk, taker, l->price, rest, &own);
  displace(m, v, l, own_better + own);
  /* It took the last that others had: who sold may have wanted to sell more, which nobody sees. */
  if (v == KL_VIEW_OPTIMISTIC && l->live <= l->printed && kl_m_attended(m, v, l))
    (void)kl_m_take(m, v, mk, taker, l->price, p->count - p->late - p->seen[v], &own);
}

/* Levels of a side up to a price, where own orders stand, after a trade. */
static void fit_side(kl_mirror *m, kl_m_market *mk, kl_side side, kl_price price) {
  const kl_m_ladder *ladder = &mk->sides[side];
  for (size_t i = ladder->n; i-- > 0;) {
    kl_m_level *l = ladder->levels[i];
    if (kl_m_better(side, price, l->price)) break;
    for (int v = 0; v < KL_VIEWS; v++)
      kl_m_fit_or_soil(m, (kl_mirror_view)v, l, KL_M_REPLACED);
  }
}

/* Falls of the level that this trade explains. */
static void explain(kl_mirror *m, print *p) {
  kl_m_level *l = p->level;
  kl_count left = p->count;
  for (kl_list *i = l->notes.next, *next; i != &l->notes && left > 0; i = next) {
    next = i->next;
    kl_m_note *note = KL_CONTAINER(i, kl_m_note, at_level);
    if (note->kind != KL_M_FALL) continue;
    kl_count n = kl_m_least(note->count, left);
    left -= n;
    if (note->at_us < l->market->own_us) p->late += n;
    for (int v = 0; v < KL_VIEWS; v++)
      if (!(note->held & 1U << v)) p->seen[v] += n;
    kl_m_note_take(m, note, n);
    m->counts.explained++;
  }
  if (left == 0) return;
  if (l->market->stale) /* no fall will be told */
    l->live = kl_m_positive(l->live - left);
  else
    (void)kl_m_note_add(m, l, KL_M_PRINT, left, 0);
}

void kl_mirror_trade(kl_mirror *m, int64_t now_us, const char *ticker, kl_price yes, kl_count count, kl_side taker,
                     const char *trade_id) {
  kl_m_advance(m, now_us);
  kl_m_market *mk = kl_m_market_of(m, ticker);
  if (!mk || count <= 0 || !valid(yes)) return;
  m->counts.trades++;
  mk->last = yes;
  for (int v = 0; v < KL_VIEWS; v++)
    mk->m[v]->last_price = yes;
  if (!kl_m_engaged(mk)) return;
  if (repeated(m, trade_id)) {
    m->counts.repeated_trades++;
    return;
  }
  print p = {.level = kl_m_level_get(mk, kl_m_other(taker), yes), .count = count};
  if (!p.level) return;
  explain(m, &p);
  for (int v = 0; v < KL_VIEWS; v++)
    meet(m, (kl_mirror_view)v, &p);
  /* Somebody traded with what crosses an own order: we would have been first. */
  kl_count crossing = kl_m_notes_take(m, p.level, KL_M_CROSS, count, false);
  kl_m_cross(m, KL_VIEW_PESSIMISTIC, p.level, crossing, false);
  fit_side(m, mk, p.level->side, yes);
  kl_m_prune(p.level);
}
