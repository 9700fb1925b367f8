/* The orders of a shadow as objects: what kalshi.order gives there. Their state follows from what the shadow was
 * answered (shadow_answer.c), whoever asked: an object or a raw operation. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bindings/order.h"
#include "bindings/shadow_impl.h"

/* An order without a party: of no desk. */
typedef struct made_order {
  kl_desk_order o; /* first */
  kl_list link;    /* kl_shadow.made, the newest at the end; of itself once the shadow has gone */
} made_order;

static made_order *made_of(const kl_list *n) { return KL_CONTAINER(n, made_order, link); }

static void made_free(made_order *m) {
  kl_list_remove(&m->link);
  kl_desk_order_set_error(&m->o, NULL);
  free(m);
}

static void forget_if_unheld(made_order *m) {
  if (m->o.references > 0 || !kl_desk_status_final(m->o.status)) return;
  made_free(m);
}

void kl_shadow_release_order(kl_desk_order *o) {
  o->references--;
  made_order *m = (made_order *)o;
  if (kl_list_empty(&m->link)) /* the shadow has gone */
    o->status = kl_desk_status_final(o->status) ? o->status : KL_DESK_CANCELED;
  forget_if_unheld(m);
}

static void changed(kl_desk_order *o) {
  o->version++;
  o->updated_ms = kl_wall_ms(kl_clock_real());
  kl_list told; /* who is told may take itself and others away */
  kl_list_init(&told);
  kl_list_move(&told, &o->watchers);
  kl_list_init(&o->watchers);
  while (!kl_list_empty(&told)) {
    kl_order_watcher *w = KL_CONTAINER(told.next, kl_order_watcher, link);
    kl_list_remove(&w->link);
    kl_list_append(&o->watchers, &w->link);
    w->changed(w, o);
  }
}

/* ---- what became of them ---- */

/* The newest of that name, which it has from its create on. */
static const kl_paper_order *answered_as(const kl_paper *p, const char *client_id) {
  for (const kl_list *n = p->orders.prev; n != &p->orders; n = n->prev) {
    const kl_paper_order *o = KL_CONTAINER(n, kl_paper_order, link);
    if (!strcmp(o->client_order_id, client_id)) return o;
  }
  return NULL;
}

/* Every answer is made within the call that asks for it, so an order without one was never sent. */
static void refresh(kl_shadow *s, kl_desk_order *o) {
  const kl_paper *paper = &s->paper[KL_ACTOR_NEW];
  const kl_paper_order *p = o->id[0] ? kl_paper_find(paper, o->id) : answered_as(paper, o->client_id);
  if (!p && o->id[0]) return; /* older than all that is kept */
  kl_desk_status status = !p ? KL_DESK_REJECTED : p->ended ? KL_DESK_CANCELED : KL_DESK_RESTING;
  bool same = status == o->status && (!p || (p->price == o->yes_price && (p->ended || p->remaining == o->remaining)));
  if (same) return;
  o->status = status;
  if (!p) {
    kl_error e;
    kl_error_coded(&e, KL_ERR_CANCELLED, "not_sent", "the order was not sent: its task was cancelled");
    kl_desk_order_set_error(o, &e);
  } else {
    kl_paper_copy(o->id, sizeof o->id, p->id);
    o->yes_price = p->price;
    if (!p->ended) o->count = o->filled + p->remaining;
  }
  o->remaining = p && !p->ended ? p->remaining : 0;
  changed(o);
}

void kl_shadow_refresh_orders(kl_shadow *s) {
  for (kl_list *n = s->made.next, *next; n != &s->made; n = next) {
    made_order *m = made_of(n);
    m->o.references++; /* who is told may let go */
    if (!kl_desk_status_final(m->o.status)) refresh(s, &m->o);
    next = n->next;
    m->o.references--;
    forget_if_unheld(m);
  }
}

/* ---- making them ---- */

static made_order *made_new(kl_shadow *s, kl_error *e) {
  made_order *m = calloc(1, sizeof *m);
  if (!m) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for an order of a shadow");
    return NULL;
  }
  kl_list_init(&m->o.watchers);
  kl_list_init(&m->link);
  kl_list_append(&s->made, &m->link);
  return m;
}

kl_desk_order *kl_shadow_add_order(kl_shadow *s, const kl_order_intent *i, uint32_t generation, kl_error *e) {
  kl_shadow_refresh_orders(s);
  made_order *m = made_new(s, e);
  if (!m) return NULL;
  kl_desk_order *o = &m->o;
  if (i->client_id)
    kl_paper_copy(o->client_id, sizeof o->client_id, i->client_id);
  else
    snprintf(o->client_id, sizeof o->client_id, "shadow-g%u-%llu", generation, (unsigned long long)++s->names);
  kl_paper_copy(o->ticker, sizeof o->ticker, i->ticker);
  kl_paper_copy(o->group_id, sizeof o->group_id, i->group_id);
  o->generation = generation;
  o->side = i->side;
  o->on_no = i->on_no;
  o->yes_price = i->yes_price;
  o->count = o->remaining = i->count;
  o->tif = i->tif;
  o->post_only = i->post_only;
  o->reduce_only = i->reduce_only;
  o->subaccount = i->subaccount;
  o->created_ms = kl_wall_ms(kl_clock_real());
  o->expiration_ms = i->expiration_s * 1000;
  return o;
}

/* It begins with what the other has at that time, as with its state. */
void kl_shadow_copy_orders(kl_shadow *s) {
  kl_desk *d = s->at->desk;
  kl_party *p = d ? kl_desk_party(d, kl_strategy_name(s->sides[KL_ACTOR_OLD])) : NULL;
  for (const kl_desk_order *o = NULL; p && (o = kl_desk_next(d, p, o));) {
    kl_error e;
    if (!o->id[0] || kl_desk_status_final(o->status)) continue;
    kl_paper_order paper = {.price = o->yes_price, .filled = kl_order_filled(o), .remaining = o->remaining};
    kl_paper_copy(paper.id, sizeof paper.id, o->id);
    kl_paper_copy(paper.client_order_id, sizeof paper.client_order_id, o->client_id);
    kl_paper_copy(paper.group, sizeof paper.group, o->group_id);
    kl_paper_copy(paper.ticker, sizeof paper.ticker, o->ticker);
    kl_paper_copy(paper.side, sizeof paper.side, o->side == KL_BID ? "bid" : "ask");
    made_order *m = kl_paper_add(&s->paper[KL_ACTOR_NEW], &paper) ? made_new(s, &e) : NULL;
    if (!m) return; /* without memory it has fewer */
    kl_list link = m->link;
    m->o = *o;
    m->link = link;
    kl_paper_copy(m->o.group_id, sizeof m->o.group_id, kl_desk_order_own_group(o)); /* a shadow has no seat belt */
    kl_list_init(&m->o.watchers);
    m->o.party = NULL;
    m->o.priv = NULL;
    m->o.error = NULL;
    m->o.references = 0;
    m->o.writes = 0;
    m->o.risk = (kl_risk_slot){0};
    m->o.status = KL_DESK_RESTING;
    /* The newest come first there, and are at the end here. */
    kl_list_remove(&m->link);
    kl_list *first = s->made.next;
    kl_list_append(first, &m->link);
  }
}

/* ---- reading ---- */

kl_desk_order *kl_shadow_next_order(kl_shadow *s, const kl_desk_order *after) {
  const kl_list *n = after ? ((const made_order *)after)->link.prev : s->made.prev;
  return n == &s->made ? NULL : &made_of(n)->o;
}

void kl_shadow_forget_orders(kl_shadow *s) {
  for (kl_list *n = s->made.next, *next; n != &s->made; n = next) {
    made_order *m = made_of(n);
    next = n->next;
    kl_list_remove(&m->link);
    if (m->o.references == 0) made_free(m);
  }
}
