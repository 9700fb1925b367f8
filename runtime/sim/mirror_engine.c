/* The others' orders in the engines of the views. At a level where own orders stand the crowd is always as it should
 * be, with its place in the queue; elsewhere it is brought up to date before somebody looks. */
#include <string.h>

#include "sim/mirror_impl.h"

/* ---- one level of one engine ---- */

typedef struct looking {
  kl_mirror *m;
  uint32_t crowd;
  kl_count crowd_sum;
  bool own, full; /* own orders stand there; no memory for the queue */
} looking;

static bool see_own(void *data, const kl_order *o) {
  looking *k = data;
  k->own = o->user != k->crowd;
  return !k->own;
}

bool kl_m_attended(const kl_mirror *m, kl_mirror_view v, const kl_m_level *l) {
  looking k = {.crowd = m->views[v].crowd};
  if (!kl_m_engaged(l->market)) return false;
  kl_exchange_each_at(l->market->m[v], kl_m_outcome(l->side), kl_m_own(l->side, l->price), see_own, &k);
  return k.own;
}

static bool add_up(void *data, const kl_order *o) {
  looking *k = data;
  if (o->user == k->crowd) k->crowd_sum += o->remaining;
  return true;
}

kl_count kl_m_standing(const kl_mirror *m, kl_mirror_view v, const kl_m_level *l) {
  looking k = {.crowd = m->views[v].crowd};
  kl_exchange_each_at(l->market->m[v], kl_m_outcome(l->side), kl_m_own(l->side, l->price), add_up, &k);
  return k.crowd_sum;
}

static bool collect(void *data, const kl_order *o) {
  looking *k = data;
  kl_mirror *m = k->m;
  kl_m_item *queue = kl_m_grown(m->queue, &m->cap_queue, m->n_queue + 1, sizeof *queue);
  k->full = !queue;
  if (!queue) return false;
  m->queue = queue;
  kl_m_item *item = &queue[m->n_queue++];
  *item = (kl_m_item){.remaining = o->remaining, .filled = o->filled, .crowd = o->user == k->crowd};
  memcpy(item->id, o->id, sizeof item->id);
  return true;
}

/* The orders of a level into m->queue; false: out of memory. */
static bool read_queue(kl_mirror *m, kl_mirror_view v, const kl_m_level *l) {
  looking k = {.m = m, .crowd = m->views[v].crowd};
  m->n_queue = 0;
  kl_exchange_each_at(l->market->m[v], kl_m_outcome(l->side), kl_m_own(l->side, l->price), collect, &k);
  return !k.full;
}

static bool running(const kl_mirror *m, kl_mirror_view v, const kl_market *market) {
  return market->status == KL_MARKET_ACTIVE &&
         kl_exchange_pause_of(m->views[v].x, market->exchange_index, NULL) == KL_RUNNING;
}

kl_count kl_m_wanted(const kl_mirror *m, kl_mirror_view v, const kl_m_level *l) {
  if (l->market->stale) return kl_m_attended(m, v, l) ? l->v[v].shown : 0;
  return kl_m_positive(l->live - l->printed - l->v[v].gone - l->v[v].crossing) + l->v[v].held;
}

/* A request of the model that may need money. */
static kl_exchange_result create(kl_mirror *m, kl_mirror_view v, const kl_order_request *r, kl_order_outcome *out) {
  kl_exchange *x = m->views[v].x;
  kl_exchange_result result = kl_exchange_create(x, m->now_us, r, out);
  if (result == KL_X_INSUFFICIENT_BALANCE &&
      kl_m_refill(x, r->user, 0, kl_exchange_market(x, r->ticker)->exchange_index))
    result = kl_exchange_create(x, m->now_us, r, out);
  if (result != KL_X_OK && result != KL_X_POST_ONLY_CROSS) m->counts.refused++;
  return result;
}

/* n more contracts at the end of the queue; false: not now. */
static bool add(kl_mirror *m, kl_mirror_view v, kl_m_level *l, kl_count n) {
  kl_exchange *x = m->views[v].x;
  const char *ticker = l->market->m[v]->ticker;
  kl_order_outcome out;
  if (!read_queue(m, v, l)) return false;
  const kl_m_item *last = m->n_queue ? &m->queue[m->n_queue - 1] : NULL;
  if (last && last->crowd) {
    kl_amend_request a = {.user = m->views[v].crowd,
                          .order_id = last->id,
                          .ticker = ticker,
                          .side = l->side,
                          .price = l->price,
                          .count = last->filled + last->remaining + n};
    if (kl_exchange_amend(x, m->now_us, &a, &out) == KL_X_OK) {
      l->v[v].shown += out.order->status == KL_ORDER_RESTING ? n : -last->remaining;
      return out.order->status == KL_ORDER_RESTING;
    }
  }
  kl_order_request r = {
      .user = m->views[v].crowd, .ticker = ticker, .side = l->side, .price = l->price, .count = n, .post_only = true};
  if (create(m, v, &r, &out) != KL_X_OK) return false;
  l->v[v].shown += n;
  return true;
}

/* Which of the crowd's contracts in m->queue go. */
static void choose(kl_mirror *m, kl_mirror_view v, kl_count n, kl_m_cause cause) {
  kl_count total = 0, before = 0;
  bool in_proportion = cause == KL_M_CANCELED && v == KL_VIEW_ESTIMATE;
  for (size_t i = 0; i < m->n_queue; i++)
    total += m->queue[i].crowd ? m->queue[i].remaining : 0;
  for (size_t i = 0; i < m->n_queue; i++) {
    kl_m_item *item = &m->queue[v == KL_VIEW_OPTIMISTIC || in_proportion ? i : m->n_queue - 1 - i];
    if (!item->crowd) continue;
    kl_count after = before + item->remaining;
    if (in_proportion)
      item->take = (kl_count)((__int128)n * after / total) - (kl_count)((__int128)n * before / total);
    else
      item->take = kl_m_least(kl_m_positive(n - before), item->remaining);
    before = after;
  }
}

static void take_away(kl_mirror *m, kl_mirror_view v, kl_m_level *l, kl_count n, kl_m_cause cause) {
  const kl_m_view *view = &m->views[v];
  if (!read_queue(m, v, l)) return;
  choose(m, v, n, cause);
  for (size_t i = 0; i < m->n_queue; i++) {
    const kl_m_item *item = &m->queue[i];
    if (item->take <= 0) continue;
    if (kl_exchange_decrease(view->x, m->now_us, view->crowd, 0, item->id, item->take, -1, NULL) == KL_X_OK)
      l->v[v].shown -= item->take;
  }
}

void kl_m_fit(kl_mirror *m, kl_mirror_view v, kl_m_level *l, kl_m_cause cause) {
  kl_count wanted = kl_m_wanted(m, v, l), shown = l->v[v].shown;
  if (shown == wanted) return;
  bool done = running(m, v, l->market->m[v]);
  if (done && shown > wanted) take_away(m, v, l, shown - wanted, cause);
  if (done && shown < wanted) done = add(m, v, l, wanted - shown);
  if (!done) kl_m_soil(l);
}

void kl_m_fit_or_soil(kl_mirror *m, kl_mirror_view v, kl_m_level *l, kl_m_cause cause) {
  if (kl_m_attended(m, v, l))
    kl_m_fit(m, v, l, cause);
  else
    kl_m_soil(l);
}

void kl_m_let_go(kl_mirror_view v, kl_m_level *l) {
  if (l->v[v].held == 0) return;
  for (kl_list *i = l->notes.next; i != &l->notes; i = i->next)
    KL_CONTAINER(i, kl_m_note, at_level)->held &= ~(1U << v);
  l->v[v].held = 0;
}

void kl_m_settle(kl_mirror *m, kl_m_market *mk) {
  /* What goes, goes first: so nothing that is over keeps out what has come. */
  for (kl_list *i = mk->dirty.next; i != &mk->dirty; i = i->next) {
    kl_m_level *l = KL_CONTAINER(i, kl_m_level, dirty);
    for (int v = 0; v < KL_VIEWS; v++) {
      if (!kl_m_attended(m, (kl_mirror_view)v, l)) kl_m_let_go((kl_mirror_view)v, l);
      if (l->v[v].shown > kl_m_wanted(m, (kl_mirror_view)v, l)) kl_m_fit(m, (kl_mirror_view)v, l, KL_M_CANCELED);
    }
  }
  kl_list work;
  kl_list_move(&work, &mk->dirty);
  for (kl_list *i = work.next, *next; i != &work; i = next) {
    next = i->next;
    kl_m_level *l = KL_CONTAINER(i, kl_m_level, dirty);
    kl_list_remove(&l->dirty);
    for (int v = 0; v < KL_VIEWS; v++)
      kl_m_fit(m, (kl_mirror_view)v, l, KL_M_CANCELED);
    kl_m_prune(l);
  }
}

/* ---- sides ---- */

/* Whether a level is as good as `limit` for somebody who takes it. */
static bool reaches(const kl_m_level *l, kl_price limit, bool equal) {
  return kl_m_better(l->side, l->price, limit) || (equal && l->price == limit);
}

static void clear(kl_mirror *m, kl_mirror_view v, kl_m_level *l) {
  const kl_m_view *view = &m->views[v];
  kl_m_soil(l);
  if (!running(m, v, l->market->m[v]) || !read_queue(m, v, l)) return;
  for (size_t i = 0; i < m->n_queue; i++) {
    const kl_m_item *item = &m->queue[i];
    if (item->crowd && kl_exchange_cancel(view->x, m->now_us, view->crowd, 0, item->id, NULL, NULL) == KL_X_OK)
      l->v[v].shown -= item->remaining;
  }
}

void kl_m_hide(kl_mirror *m, kl_mirror_view v, kl_m_market *mk, kl_side side, kl_price price, bool equal,
               bool attended_too) {
  const kl_m_ladder *ladder = &mk->sides[side];
  for (size_t i = ladder->n; i-- > 0 && reaches(ladder->levels[i], price, equal);) {
    kl_m_level *l = ladder->levels[i];
    if (l->v[v].shown > 0 && (attended_too || !kl_m_attended(m, v, l))) clear(m, v, l);
  }
}

/* What was taken of the crowd on a side up to `limit`, level by level; `gone`: by own orders. */
static kl_count reread(kl_mirror *m, kl_mirror_view v, kl_m_market *mk, kl_side side, kl_price limit, bool gone) {
  const kl_m_ladder *ladder = &mk->sides[side];
  kl_count sum = 0;
  for (size_t i = ladder->n; i-- > 0 && reaches(ladder->levels[i], limit, true);) {
    kl_m_level *l = ladder->levels[i];
    if (l->v[v].shown == 0) continue;
    kl_count taken = l->v[v].shown - kl_m_standing(m, v, l);
    if (taken == 0) continue;
    l->v[v].shown -= taken;
    sum += taken;
    if (gone) {
      l->v[v].gone += taken;
      if (v == KL_VIEW_OPTIMISTIC && !kl_m_note_add(m, l, KL_M_TAKEN, taken, 0)) l->v[v].gone -= taken;
    }
    kl_m_soil(l);
  }
  return sum;
}

kl_count kl_m_take(kl_mirror *m, kl_mirror_view v, kl_m_market *mk, kl_side side, kl_price limit, kl_count n,
                   kl_count *own) {
  kl_order_outcome out;
  kl_order_request r = {.user = m->views[v].taker,
                        .ticker = mk->m[v]->ticker,
                        .side = side,
                        .price = limit,
                        .count = n,
                        .tif = KL_TIF_IOC};
  *own = 0;
  if (n <= 0 || !running(m, v, mk->m[v]) || create(m, v, &r, &out) != KL_X_OK) return 0;
  kl_count filled = out.filled;
  *own = filled - reread(m, v, mk, kl_m_other(side), limit, false);
  return filled;
}

void kl_m_absorb(kl_mirror *m, kl_mirror_view v, kl_m_market *mk, kl_side side, kl_price limit) {
  if (mk->m[v]->status == KL_MARKET_ACTIVE) (void)reread(m, v, mk, side, limit, true);
}

void kl_m_cleared(kl_mirror *m, kl_m_market *mk) {
  for (int side = KL_BID; side <= KL_ASK; side++) {
    for (size_t i = 0; i < mk->sides[side].n; i++) {
      kl_m_level *l = mk->sides[side].levels[i];
      for (int v = 0; v < KL_VIEWS; v++)
        l->v[v].shown = kl_m_standing(m, (kl_mirror_view)v, l);
      kl_m_soil(l);
    }
  }
}

/* ---- live orders that cross own ones ---- */

/* Whether the best order on the other side in the engine is one that this level's price meets. */
static bool meets(kl_mirror_view v, const kl_m_level *l) {
  kl_price bid, ask;
  kl_count bid_size, ask_size;
  kl_exchange_top(l->market->m[v], &bid, &bid_size, &ask, &ask_size);
  return l->side == KL_BID ? ask_size > 0 && ask <= l->price : bid_size > 0 && bid >= l->price;
}

bool kl_m_crosses(kl_mirror *m, kl_mirror_view v, kl_m_level *l) {
  kl_m_market *mk = l->market;
  kl_side other = kl_m_other(l->side);
  const kl_m_ladder *ladder = &mk->sides[other];
  if (!meets(v, l)) return false;
  /* The live book is never crossed: what the crowd has there is over. */
  kl_m_hide(m, v, mk, other, l->price, true, false);
  for (size_t i = ladder->n; i-- > 0 && reaches(ladder->levels[i], l->price, true);) {
    if (ladder->levels[i]->v[v].held == 0) continue;
    kl_m_let_go(v, ladder->levels[i]);
    kl_m_fit(m, v, ladder->levels[i], KL_M_CANCELED);
  }
  return meets(v, l);
}

void kl_m_cross(kl_mirror *m, kl_mirror_view v, kl_m_level *l, kl_count n, bool stay) {
  kl_count own;
  if (n <= 0 || !kl_m_crosses(m, v, l)) return;
  kl_count filled = kl_m_take(m, v, l->market, l->side, l->price, n, &own);
  if (!stay) return;
  l->v[v].gone += filled;
  if (v == KL_VIEW_OPTIMISTIC && filled > 0 && !kl_m_note_add(m, l, KL_M_TAKEN, filled, 0)) l->v[v].gone -= filled;
}
