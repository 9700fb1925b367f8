#include "sim/rfq_makers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exchange/saved.h"
#include "sim/random.h"

enum {
  MAKERS = 3,
  ASKERS = 2,
  TASKS_MOST = 20000, /* requests that are watched, times makers: who asks beyond that finds no maker */
  COMBOS = 8,         /* that are kept open for askers, made at the start from the seed */
  KEPT_ORDERS = 500,
  KEPT_FILLS = 100
};
/* Far more than they can lose. */
#define DEPOSIT (INT64_C(1000000000) * KL_MONEY_ONE)
/* Seconds of the world. */
static const double ask_every_s = 20, choose_after_s = 4, give_up_after_s = 25;

/* A maker's business with one request. */
typedef struct task {
  kl_uuid rfq, quote; /* quote "": none yet */
  int maker;
  int64_t due_us; /* of its next look */
  double fair;    /* when it quoted */
} task;

typedef struct asker {
  uint32_t user;
  kl_uuid rfq; /* "": none open */
  int64_t chooses_us, gives_up_us;
  kl_outcome side; /* that it wants to buy */
} asker;

struct kl_sim_rfq_makers {
  kl_sim_rfq_makers_options o;
  kl_sim_random random;
  uint32_t users[MAKERS];
  asker askers[ASKERS];
  task *tasks;
  size_t n, cap;
  int64_t asks_us;
};

static const kl_market *new_combo(kl_sim_rfq_makers *m, int64_t now_us, uint32_t user);
static void take_up(kl_sim_rfq_makers *m, int64_t now_us, const kl_sim_rfq *r);

static int64_t in_s(const kl_sim_rfq_makers *m, int64_t from_us, double seconds) {
  return from_us + (int64_t)(seconds / m->o.speed * 1e6);
}

kl_sim_rfq_makers *kl_sim_rfq_makers_new(const kl_sim_rfq_makers_options *o, int64_t now_us) {
  kl_sim_rfq_makers *m = calloc(1, sizeof *m);
  if (!m) return NULL;
  m->o = *o;
  m->random = kl_sim_random_new(o->seed, 3301);
  bool ok = true;
  for (int i = 0; ok && i < MAKERS + ASKERS; i++) {
    uint32_t user = kl_exchange_synthetic_at(o->x, KL_SYNTHETIC_QUOTER, (size_t)i);
    bool is_new = user == UINT32_MAX;
    if (is_new) user = kl_exchange_add_user(o->x, DEPOSIT);
    ok = user != UINT32_MAX;
    if (!ok) break;
    if (is_new) kl_exchange_set_synthetic(o->x, user, KL_SYNTHETIC_QUOTER);
    if (is_new) kl_exchange_keep(o->x, user, KEPT_ORDERS, KEPT_FILLS);
    if (i < MAKERS)
      m->users[i] = user;
    else
      m->askers[i - MAKERS].user = user;
  }
  m->asks_us = in_s(m, now_us, ask_every_s / 4);
  for (int i = 0; ok && i < 4 * COMBOS && kl_sim_combos_count(o->combos) < COMBOS; i++)
    (void)new_combo(m, now_us, m->askers[0].user);
  for (const kl_sim_rfq *r = NULL; ok && (r = kl_sim_rfq_before(o->rfqs, r));)
    if (r->open) take_up(m, now_us, r);
  if (ok) return m;
  kl_sim_rfq_makers_free(m);
  return NULL;
}

void kl_sim_rfq_makers_free(kl_sim_rfq_makers *m) {
  if (!m) return;
  free(m->tasks);
  free(m);
}

size_t kl_sim_rfq_makers_count(const kl_sim_rfq_makers *m) { return m ? MAKERS : 0; }
uint32_t kl_sim_rfq_maker_user(const kl_sim_rfq_makers *m, size_t i) { return m->users[i]; }

/* What YES is worth: of a combo the product of its legs. */
static double fair_of(const kl_sim_rfq_makers *m, const kl_market *market) {
  if (market->n_legs == 0) return m->o.fair(m->o.data, market);
  double product = 1;
  for (size_t i = 0; i < market->n_legs; i++) {
    const kl_leg *leg = &market->legs[i];
    double p = leg->market->settlement >= 0 ? (double)leg->market->settlement / KL_PRICE_ONE
                                            : m->o.fair(m->o.data, leg->market);
    product *= leg->side == KL_YES ? p : 1 - p;
  }
  return product;
}

/* ---- makers ---- */

/* NULL: nobody answers this one. */
static task *watch(kl_sim_rfq_makers *m, const kl_sim_rfq *r, int maker) {
  if (m->n == m->cap) {
    size_t cap = m->cap ? m->cap * 2 : 64;
    task *grown = m->n < TASKS_MOST ? realloc(m->tasks, cap * sizeof *grown) : NULL;
    if (!grown) return NULL;
    m->tasks = grown;
    m->cap = cap;
  }
  task *t = &m->tasks[m->n++];
  *t = (task){.maker = maker, .due_us = in_s(m, r->created_us, 0.1 + 0.9 * kl_sim_uniform(&m->random))};
  memcpy(t->rfq, r->id, sizeof t->rfq);
  return t;
}

void kl_sim_rfq_makers_hear(kl_sim_rfq_makers *m, const kl_sim_rfq *r) {
  if (!m || !r->open) return;
  for (int i = 0; i < MAKERS; i++)
    if (m->users[i] != r->user && kl_sim_below(&m->random, 10) != 0) (void)watch(m, r, i);
}

/* A request that was open when an earlier run ended: whose quote was accepted goes on with it, the others quote anew.
 */
static void take_up(kl_sim_rfq_makers *m, int64_t now_us, const kl_sim_rfq *r) {
  kl_sim_rfq_makers_hear(m, r);
  for (const kl_list *n = r->quotes.next; n != &r->quotes; n = n->next) {
    const kl_sim_rfq_quote *q = KL_CONTAINER(n, kl_sim_rfq_quote, in_rfq);
    if (q->status != KL_QUOTE_ACCEPTED && q->status != KL_QUOTE_CONFIRMED) continue;
    for (int i = 0; i < MAKERS; i++) {
      task *t = m->users[i] == q->user ? watch(m, r, i) : NULL;
      if (!t) continue;
      memcpy(t->quote, q->id, sizeof t->quote);
      t->fair = fair_of(m, r->market);
    }
  }
  for (int i = 0; i < ASKERS; i++) {
    asker *a = &m->askers[i];
    if (a->user != r->user || a->rfq[0]) continue;
    memcpy(a->rfq, r->id, sizeof a->rfq);
    a->side = KL_YES;
    a->chooses_us = in_s(m, now_us, choose_after_s);
    a->gives_up_us = in_s(m, now_us, give_up_after_s);
  }
}

/* The highest price on the grid that pays no more than `at` for the outcome; 0: there is none. */
static kl_price bid_at(const kl_market *market, kl_outcome side, double at) {
  kl_price own = (kl_price)floor(at * KL_PRICE_ONE);
  if (own <= 0) return 0;
  kl_price yes = kl_price_snap(market, side == KL_YES ? own : KL_PRICE_ONE - own);
  kl_price got = side == KL_YES ? yes : KL_PRICE_ONE - yes;
  if (got > own) { /* the grid's neighbour below */
    kl_price step = 1;
    for (int i = 0; i < market->n_bands; i++)
      if (yes >= market->bands[i].start && yes <= market->bands[i].end) step = market->bands[i].step;
    got -= step;
    yes = side == KL_YES ? got : KL_PRICE_ONE - got;
  }
  return got > 0 && got < KL_PRICE_ONE && kl_price_on_grid(market, yes) ? got : 0;
}

static void quote(kl_sim_rfq_makers *m, int64_t now_us, task *t, const kl_sim_rfq *r) {
  double fair = fair_of(m, r->market), edge = 0.004 + 0.012 * kl_sim_uniform(&m->random);
  if (r->market->n_legs) edge = 0.003 + (0.04 + 0.08 * kl_sim_uniform(&m->random)) * fair * (1 - fair);
  uint32_t declines = kl_sim_below(&m->random, 12); /* now and then a maker wants one side only */
  kl_sim_quote_request q = {.user = m->users[t->maker],
                            .rfq_id = r->id,
                            .bids = {declines == 0 ? 0 : bid_at(r->market, KL_YES, fair - edge),
                                     declines == 1 ? 0 : bid_at(r->market, KL_NO, 1 - fair - edge)}};
  const kl_sim_rfq_quote *made;
  t->fair = fair;
  t->due_us = in_s(m, now_us, 4 + 4 * kl_sim_uniform(&m->random));
  if (!kl_sim_quote_create(m->o.rfqs, now_us, &q, &made)) memcpy(t->quote, made->id, sizeof t->quote);
}

/* What the maker bids for the accepted side has become too much. */
static bool regrets(const kl_sim_rfq_makers *m, const task *t, const kl_sim_rfq_quote *q) {
  double moved = fair_of(m, q->rfq->market) - t->fair;
  return (q->accepted == KL_YES ? -moved : moved) > 0.05;
}

/* One look at a request; false when the business is over. */
static bool look(kl_sim_rfq_makers *m, int64_t now_us, task *t) {
  const kl_sim_rfq *r = kl_sim_rfq_find(m->o.rfqs, t->rfq);
  const kl_sim_rfq_quote *q = t->quote[0] ? kl_sim_quote_find(m->o.rfqs, t->rfq, t->quote) : NULL;
  if (!r || !r->open) return false;
  if (q && q->status == KL_QUOTE_ACCEPTED) { /* its answer is due at once: a combo leaves three seconds */
    if (now_us < in_s(m, q->accepted_us, 0.2)) return true;
    if (regrets(m, t, q))
      (void)kl_sim_quote_delete(m->o.rfqs, now_us, m->users[t->maker], NULL, t->quote);
    else
      (void)kl_sim_quote_confirm(m->o.rfqs, now_us, m->users[t->maker], NULL, t->quote);
    return true;
  }
  if (now_us < t->due_us || (q && q->status == KL_QUOTE_CONFIRMED)) return true;
  if (q && q->status == KL_QUOTE_OPEN && fabs(fair_of(m, r->market) - t->fair) < 0.004) {
    t->due_us = in_s(m, now_us, 2);
    return true;
  }
  quote(m, now_us, t, r);
  return true;
}

/* ---- askers ---- */

/* An open market of the world to put into a combo, and the side; NULL when the dice find none. */
static kl_market *some_leg(kl_sim_rfq_makers *m, kl_outcome *side) {
  size_t n = kl_exchange_market_count(m->o.x);
  for (int tries = 0; n > 0 && tries < 8; tries++) {
    kl_market *market = kl_exchange_market_at(m->o.x, kl_sim_below(&m->random, (uint32_t)n));
    if (market->n_legs || market->status != KL_MARKET_ACTIVE) continue;
    double p = fair_of(m, market);
    if (p < 0.15 || p > 0.85) continue;
    *side = p >= 0.5 ? KL_YES : KL_NO;
    return market;
  }
  return NULL;
}

static const kl_market *new_combo(kl_sim_rfq_makers *m, int64_t now_us, uint32_t user) {
  const kl_sim_collection *k = kl_sim_collection_at(m->o.combos, kl_sim_collections_count(m->o.combos) - 1);
  kl_sim_leg_name legs[3];
  const kl_sim_combo *made;
  kl_sim_combo_refusal why;
  size_t n = 2 + kl_sim_below(&m->random, 2);
  for (size_t i = 0; i < n; i++) {
    kl_market *market = some_leg(m, &legs[i].side);
    if (!market) return NULL;
    legs[i].market = market->ticker;
    legs[i].event = market->event->ticker;
  }
  /* Legs that contradict each other are refused: then nobody asks this time. */
  return kl_sim_combo_create(m->o.combos, now_us, user, k, legs, n, &made, &why) ? made->market : NULL;
}

/* One of the open combos; a new one when there are few. */
static const kl_market *something(kl_sim_rfq_makers *m, int64_t now_us, uint32_t user) {
  const kl_market *open[COMBOS];
  uint32_t n = 0;
  for (size_t i = kl_sim_combos_count(m->o.combos); i > 0 && n < COMBOS; i--) {
    const kl_market *market = kl_sim_combo_at(m->o.combos, i - 1)->market;
    if (market->status == KL_MARKET_ACTIVE) open[n++] = market;
  }
  return n == COMBOS ? open[kl_sim_below(&m->random, n)] : new_combo(m, now_us, user);
}

static void ask(kl_sim_rfq_makers *m, int64_t now_us, asker *a) {
  const kl_market *market = something(m, now_us, a->user);
  const kl_sim_rfq *made;
  if (!market) return;
  kl_sim_rfq_request q = {.user = a->user, .ticker = market->ticker};
  if (kl_sim_below(&m->random, 3) == 0)
    q.contracts = KL_COUNT_ONE * (5 + kl_sim_below(&m->random, 300));
  else
    q.target_cost = KL_MONEY_ONE * (5 + kl_sim_below(&m->random, 96));
  if (kl_sim_rfq_create(m->o.rfqs, now_us, &q, &made)) return;
  memcpy(a->rfq, made->id, sizeof a->rfq);
  a->side = kl_sim_below(&m->random, 5) == 0 ? KL_NO : KL_YES;
  a->chooses_us = in_s(m, now_us, choose_after_s);
  a->gives_up_us = in_s(m, now_us, give_up_after_s);
}

/* Takes the best open quote, when it costs no more than a fair price and a little. */
static void choose(kl_sim_rfq_makers *m, int64_t now_us, asker *a, const kl_sim_rfq *r) {
  kl_outcome quoted = a->side == KL_YES ? KL_NO : KL_YES; /* the quoter takes the other side */
  const kl_sim_rfq_quote *best = NULL;
  for (const kl_list *n = r->quotes.next; n != &r->quotes; n = n->next) {
    const kl_sim_rfq_quote *q = KL_CONTAINER(n, kl_sim_rfq_quote, in_rfq);
    if (q->status == KL_QUOTE_ACCEPTED || q->status == KL_QUOTE_CONFIRMED) return;
    if (q->status == KL_QUOTE_OPEN && q->bids[quoted] && (!best || q->bids[quoted] > best->bids[quoted])) best = q;
  }
  if (!best) return;
  double fair = fair_of(m, r->market), own = a->side == KL_YES ? fair : 1 - fair;
  if ((double)(KL_PRICE_ONE - best->bids[quoted]) / KL_PRICE_ONE > own * 1.1 + 0.02) return;
  (void)kl_sim_quote_accept(m->o.rfqs, now_us, a->user, r->id, best->id, quoted);
}

static void attend(kl_sim_rfq_makers *m, int64_t now_us, asker *a) {
  const kl_sim_rfq *r = a->rfq[0] ? kl_sim_rfq_find(m->o.rfqs, a->rfq) : NULL;
  if (!r || !r->open) {
    a->rfq[0] = '\0';
    return;
  }
  if (now_us >= a->gives_up_us) {
    if (!kl_sim_rfq_delete(m->o.rfqs, now_us, a->user, a->rfq)) a->rfq[0] = '\0';
    return;
  }
  if (now_us >= a->chooses_us) choose(m, now_us, a, r);
}

void kl_sim_rfq_makers_tick(kl_sim_rfq_makers *m, int64_t now_us) {
  if (!m) return;
  size_t kept = 0;
  for (size_t i = 0; i < m->n; i++) {
    task t = m->tasks[i];
    if (look(m, now_us, &t)) m->tasks[kept++] = t;
  }
  m->n = kept;
  for (int i = 0; i < ASKERS; i++)
    attend(m, now_us, &m->askers[i]);
  if (now_us < m->asks_us) return;
  m->asks_us = in_s(m, now_us, ask_every_s * (0.5 + kl_sim_uniform(&m->random)));
  for (int i = 0; i < ASKERS; i++) {
    if (m->askers[i].rfq[0]) continue;
    ask(m, now_us, &m->askers[i]);
    return;
  }
}
