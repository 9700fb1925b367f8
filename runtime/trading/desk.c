#include "trading/desk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "trading/desk_impl.h"
#include "trading/desk_portfolio.h"
#include "trading/lease.h"
#include "trading/seat_belt.h"

enum { TICK_MS = 50 };

int64_t kl_desk_now_ns(const kl_desk *d) { return kl_mono_ns(d->clock); }
int64_t kl_desk_now_ms(const kl_desk *d) { return kl_session_timestamp_ms(d->session); }
int64_t kl_desk_ms_of(const kl_desk *d, int64_t ns) {
  return kl_desk_now_ms(d) - (kl_desk_now_ns(d) - ns) / KL_DESK_MS;
}

/* ---- time ---- */

static void soon(uv_timer_t *t) {
  kl_desk *d = t->data;
  kl_desk_writes_over(d);
  kl_desk_alls_over(d);
}

void kl_desk_soon(kl_desk *d) {
  if (!d->closing) kl_timer_start(&d->soon, soon, 0, 0);
}

static void tick(uv_timer_t *t) {
  kl_desk *d = t->data;
  kl_desk_writes_tick(d);
  kl_desk_doubts_tick(d);
  kl_desk_missing_tick(d);
  kl_desk_alls_tick(d);
  kl_desk_deals_tick(d);
  kl_leases_tick(d);
  if (!kl_desk_writes_wait(d) && kl_list_empty(&d->doubts) && kl_list_empty(&d->missing) && kl_list_empty(&d->alls) &&
      kl_list_empty(&d->leases) && !kl_desk_deals_wait(d))
    kl_timer_stop(&d->tick);
}

void kl_desk_tick(kl_desk *d) {
  if (!d->closing && !kl_timer_active(&d->tick)) kl_timer_start(&d->tick, tick, TICK_MS, TICK_MS);
}

/* ---- parties ---- */

static kl_party *party_new(kl_desk *d, const char *name) {
  size_t n = strlen(name);
  kl_party *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  p->d = d;
  p->name = strdup(name);
  p->portfolio = kl_portfolio_new();
  p->risk = kl_risk_add_party(d->risk, name);
  p->belt = d->o.group_limit;
  kl_list_init(&p->orders);
  kl_list_init(&p->link);
  if (!p->name || !p->portfolio || !p->risk || !kl_map_set(d->party_names, name, n, p)) {
    kl_portfolio_free(p->portfolio);
    free(p->name);
    free(p);
    return NULL;
  }
  kl_list_append(&d->parties, &p->link);
  kl_desk_halt_kept(p);
  kl_error e;
  if (!kl_ledger_party(d->ledger, p, &e)) kl_desk_halt_unread(p, "what it traded before", &e);
  kl_desk_deals_kept(p);
  return p;
}

kl_party *kl_desk_party_find(const kl_desk *d, const char *name) {
  return d ? kl_map_get(d->party_names, name, strlen(name)) : NULL;
}

kl_party *kl_desk_party(kl_desk *d, const char *name) {
  kl_party *p = kl_desk_party_find(d, name);
  return p ? p : party_new(d, name);
}

kl_party *kl_desk_party_next(const kl_desk *d, const kl_party *after) {
  const kl_list *n = after ? after->link.next : d->parties.next;
  return n == &d->parties ? NULL : KL_CONTAINER(n, kl_party, link);
}

const char *kl_party_name(const kl_party *p) { return p->name; }
uint32_t kl_party_risk(const kl_party *p) { return p->risk; }
kl_portfolio *kl_party_portfolio(kl_party *p) { return p->portfolio; }
const char *kl_party_halted(const kl_party *p) { return p->halted[0] ? p->halted : NULL; }

void kl_desk_halt(kl_desk *d, const char *why) { snprintf(d->halted, sizeof d->halted, "%s", why); }

void kl_party_belt(kl_party *p, kl_count group_limit) {
  kl_count all = p->d->o.group_limit;
  p->belt = !all || (group_limit && group_limit < all) ? group_limit : all;
}

void kl_desk_trigger(kl_desk *d) { kl_belts_trigger(d, NULL); }
void kl_desk_tidy(kl_desk *d) { kl_belts_tidy(d); }

kl_risk *kl_desk_risk(kl_desk *d) { return d->risk; }
kl_portfolio *kl_desk_portfolio(kl_desk *d) { return d->portfolio; }
kl_session *kl_desk_session(kl_desk *d) { return d->session; }
kl_market_infos *kl_desk_markets(kl_desk *d) { return d->infos; }
kl_ledger *kl_desk_ledger(kl_desk *d) { return d->ledger; }

/* ---- reading ---- */

kl_desk_order *kl_desk_next(const kl_desk *d, const kl_party *p, const kl_desk_order *after) {
  const kl_desk_entry *x = (const kl_desk_entry *)after;
  if (p) {
    const kl_list *n = x ? x->party_link.prev : p->orders.prev;
    return n == &p->orders ? NULL : &KL_CONTAINER(n, kl_desk_entry, party_link)->o;
  }
  const kl_list *n = x ? x->link.prev : d->orders.prev;
  return n == &d->orders ? NULL : &KL_CONTAINER(n, kl_desk_entry, link)->o;
}

kl_buf kl_desk_log_of(const kl_desk_order *o) {
  kl_buf b = {0};
  kl_log_text(&b, "script", o->party ? o->party->name : NULL);
  kl_log_text(&b, "ticker", o->ticker);
  kl_log_text(&b, "client_order_id", o->client_id);
  kl_log_text(&b, "order_id", o->id);
  return b;
}

void kl_desk_refused(kl_party *p, const kl_error *e) {
  enum { MOST = sizeof p->refusals / sizeof *p->refusals };
  const char *reason = e->code[0] ? e->code : e->kind;
  size_t i = 0;
  p->d->counts.refused++;
  p->counts.refused++;
  while (i < p->n_refusals && strncmp(p->refusals[i].reason, reason, sizeof p->refusals[i].reason - 1) != 0)
    i++;
  if (i >= MOST - 1) {
    i = MOST - 1;
    reason = "other";
  }
  if (i >= p->n_refusals) {
    p->n_refusals = i + 1;
    snprintf(p->refusals[i].reason, sizeof p->refusals[i].reason, "%s", reason);
  }
  p->refusals[i].n++;
  kl_desk_say_refused(p, "by limits", e);
}

size_t kl_party_refusals(const kl_party *p, const kl_desk_refusals **out) {
  *out = p->refusals;
  return p->n_refusals;
}

const kl_durations *kl_desk_answer_times(const kl_desk *d, kl_desk_answers which) { return &d->answers[which]; }

bool kl_desk_journal(const kl_desk *d, size_t *waiting, kl_error *e) {
  *e = (kl_error){0};
  *waiting = 0;
  if (!d->journal) return false;
  *waiting = kl_order_journal_waiting(d->journal);
  (void)kl_order_journal_broken(d->journal, e);
  return true;
}

void kl_desk_counts_get(const kl_desk *d, const kl_party *p, kl_desk_counts *out) { *out = p ? p->counts : d->counts; }

size_t kl_desk_writes_pending(const kl_desk *d) {
  size_t n = kl_belts_pending(d);
  for (const kl_list *l = d->writes.next; l != &d->writes; l = l->next)
    n += KL_CONTAINER(l, const kl_desk_write, link)->state != KL_WRITE_OVER;
  return n;
}

/* ---- life ---- */

/* By a clock that is moved by hand, the same from run to run. */
static void draw_run(const kl_clock *clock, char out[11]) {
  static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
  unsigned char bytes[10];
  uint64_t now = (uint64_t)kl_wall_us(clock);
  if (clock->line)
    for (size_t i = 0; i < sizeof bytes; i++)
      bytes[i] = (unsigned char)(now >> (5 * i));
  else if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
    abort(); /* as little as this never falls short */
  for (int i = 0; i < 10; i++)
    out[i] = digits[bytes[i] & 31];
  out[10] = 0;
}

static void desk_free(kl_desk *d) {
  kl_desk_orders_free(d);
  kl_desk_markets_free(d);
  kl_market_infos_free(d->infos);
  for (kl_list *n = d->parties.next, *next; n != &d->parties; n = next) {
    kl_party *p = KL_CONTAINER(n, kl_party, link);
    next = n->next;
    kl_list_remove(n);
    kl_portfolio_free(p->portfolio);
    free(p->name);
    free(p);
  }
  kl_map_free(d->party_names);
  kl_portfolio_free(d->portfolio);
  kl_risk_free(d->risk);
  free(d);
}

static bool make_parts(kl_desk *d, kl_error *e) {
  d->party_names = kl_map_new();
  d->by_id = kl_index_new(offsetof(kl_desk_entry, o.id));
  d->by_client = kl_index_new(offsetof(kl_desk_entry, o.client_id));
  d->markets = kl_map_new();
  d->risk = kl_risk_new();
  d->portfolio = kl_portfolio_new();
  d->infos = kl_market_infos_new(d->market_session);
  if (d->party_names && d->by_id && d->by_client && d->markets && d->risk && d->portfolio && d->infos) return true;
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
  return false;
}

static void all_closed(void *data) {
  kl_desk *d = data;
  void (*closed)(void *) = d->closed;
  void *closed_data = d->closed_data;
  d->journal = NULL;
  kl_desk_writes_over(d); /* that waited for the disk */
  desk_free(d);
  if (closed) closed(closed_data);
}

/* The journal goes last: it has what is told of writes that end now, too. */
static void handle_closed(uv_handle_t *h) {
  kl_desk *d = h->data;
  if (--d->open) return;
  kl_desk_writes_over(d);
  kl_desk_alls_over(d);
  if (d->journal)
    kl_order_journal_close(d->journal, all_closed, d);
  else
    all_closed(d);
}

bool kl_desk_open(const kl_desk_options *o, kl_desk **out, kl_error *e) {
  kl_desk *d = calloc(1, sizeof *d);
  if (!d) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
    return false;
  }
  d->o = *o;
  d->o.journal_path = NULL; /* borrowed for this call, and so is the next but for kl_desk_recover */
  d->loop = o->loop;
  d->session = o->session;
  d->market_session = o->market_session ? o->market_session : o->session;
  d->clock = o->clock;
  kl_list *const lists[] = {&d->parties,   &d->orders, &d->ended,   &d->strays, &d->writes, &d->over,  &d->doubts,
                            &d->listeners, &d->alls,   &d->missing, &d->deals,  &d->belts,  &d->leases};
  for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
    kl_list_init(lists[i]);
  draw_run(d->clock, d->run);
  if (!make_parts(d, e) || (o->journal_path && !kl_order_journal_open(o->loop, o->journal_path, &d->journal, e))) {
    desk_free(d);
    return false;
  }
  kl_risk_configure(d->risk, KL_RISK_ACCOUNT, &o->limits);
  kl_timer_init(d->loop, &d->soon, d->clock);
  kl_timer_init(d->loop, &d->tick, d->clock);
  d->soon.uv.data = d->tick.uv.data = d;
  kl_desk_orders_listen(d);
  d->ledger = kl_ledger_new(d, d->session, d->market_session, d->journal);
  if (!d->ledger) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
    kl_desk_close(d, NULL, NULL);
    return false;
  }
  if (d->journal && !kl_desk_recover(d, e)) {
    kl_desk_close(d, NULL, NULL);
    return false;
  }
  d->o.journal_account = NULL;
  *out = d;
  return true;
}

void kl_desk_close(kl_desk *d, void (*closed)(void *data), void *data) {
  d->closing = true;
  d->closed = closed;
  d->closed_data = data;
  kl_ledger_free(d->ledger);
  d->ledger = NULL;
  kl_account_unlisten(&d->account);
  if (d->loading_waits) kl_account_leave(&d->loading);
  kl_desk_doubts_stop(d);
  kl_desk_missing_stop(d);
  kl_desk_alls_stop(d);
  kl_desk_writes_close(d);
  kl_desk_deals_stop(d);
  kl_belts_close(d);
  d->open = 2;
  kl_timer_stop(&d->tick);
  kl_timer_close(&d->tick, handle_closed);
  kl_timer_close(&d->soon, handle_closed);
}
