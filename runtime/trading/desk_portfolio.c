#include "trading/desk_portfolio.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "base/log.h"
#include "trading/desk_portfolio_impl.h"

enum {
  TICK_MS = 1000,
  LOOK_MS = 50,      /* from a fill to the look at what was lost; many fills have one */
  SEEN_KEPT = 65536, /* fills that are known, so that none counts twice */
  ASK_S = 3,         /* a difference from the account's rows: did the market settle? */
  DOUBT_S = 10,      /* and then the rows count */
  SETTLING_S = 15    /* after the first load differences are no news: fill and row may have crossed it */
};

int64_t kl_ledger_now_ns(const kl_ledger *l) { return kl_mono_ns(kl_session_clock(l->session)); }
int64_t kl_ledger_now_ms(const kl_ledger *l) { return kl_session_timestamp_ms(l->session); }

/* ---- books ---- */

static kl_ledger_book *book_of(const kl_ledger *l, const kl_party *p) {
  for (kl_list *n = l->books.next; n != &l->books; n = n->next) {
    kl_ledger_book *b = KL_CONTAINER(n, kl_ledger_book, link);
    if (b->party == p) return b;
  }
  return NULL;
}

static const char *name_of(const kl_ledger_book *b) { return b->party ? kl_party_name(b->party) : "the account"; }

void kl_ledger_tell_risk(kl_ledger *l, const kl_ledger_book *b, const char *ticker) {
  kl_risk *risk = kl_desk_risk(l->d);
  kl_money cost;
  if (!risk) return;
  uint32_t market = kl_risk_market(risk, ticker);
  if (market == UINT32_MAX) return;
  kl_count position = kl_portfolio_position(b->portfolio, ticker, &cost);
  kl_risk_position(risk, b->risk, market, position, cost);
}

/* ---- fills ---- */

typedef struct seen {
  kl_list link;
  uint32_t n;
  char key[];
} seen;

/* False when it is known already. */
static bool is_new(kl_ledger *l, const kl_account_fill *f) {
  char key[130];
  size_t a = strlen(f->trade_id), b = strlen(f->order_id), n = a + 1 + b;
  memcpy(key, f->trade_id, a);
  key[a] = '/';
  memcpy(key + a + 1, f->order_id, b);
  if (kl_map_get(l->seen, key, n)) return false;
  if (l->n_seen == SEEN_KEPT) {
    seen *old = KL_CONTAINER(l->seen_list.next, seen, link);
    (void)kl_map_remove(l->seen, old->key, old->n);
    kl_list_remove(&old->link);
    free(old);
    l->n_seen--;
  }
  seen *s = malloc(sizeof *s + n);
  if (s && kl_map_set(l->seen, key, n, s)) {
    s->n = (uint32_t)n;
    memcpy(s->key, key, n);
    kl_list_append(&l->seen_list, &s->link);
    l->n_seen++;
  } else {
    free(s);
  }
  return true;
}

static void count_fill(kl_ledger_book *b, const kl_account_fill *f) {
  if (!kl_portfolio_fill(b->portfolio, f->ticker, f->subaccount, f->side, f->yes_price, f->count, f->fee, f->ts_ms))
    kl_log_error("portfolio", "not enough memory: trade %s of order %s is missing in the books of %s", f->trade_id,
                 f->order_id, name_of(b));
}

static void begin_account(kl_ledger *l);
static void look_soon(kl_ledger *l);

static void on_fill(void *data, kl_party *p, const kl_account_fill *f) {
  kl_ledger *l = data;
  if (!is_new(l, f)) return;
  look_soon(l);
  /* What came before the account's rows were loaded is in them. */
  begin_account(l);
  if (l->account.begun) {
    count_fill(&l->account, f);
    kl_ledger_tell_risk(l, &l->account, f->ticker);
  }
  kl_ledger_book *b = p ? book_of(l, p) : NULL;
  if (!b) return;
  count_fill(b, f);
  kl_ledger_tell_risk(l, b, f->ticker);
}

/* ---- a party's earlier fills ---- */

typedef struct loading {
  kl_ledger *l;
  kl_ledger_book *b;
  int64_t today_ms;
  bool today, failed;
  kl_map *orders; /* that filled today */
} loading;

static void today_begins(loading *x) {
  if (x->today) return;
  x->today = true;
  x->failed = !kl_ledger_settle_noted(x->l, x->b, x->today_ms) || x->failed;
  kl_ledger_day_begins(x->l, x->b);
}

static void on_earlier_fill(void *data, const kl_account_fill *f) {
  loading *x = data;
  if (!is_new(x->l, f)) return;
  if (f->ts_ms >= x->today_ms) {
    today_begins(x);
    (void)kl_map_set(x->orders, f->order_id, strlen(f->order_id), x);
  }
  count_fill(x->b, f);
}

static void tell_risk_of_all(kl_ledger *l, const kl_ledger_book *b) {
  for (const kl_holding *h = NULL; (h = kl_portfolio_next(b->portfolio, h));)
    if (h->position != 0) kl_ledger_tell_risk(l, b, h->ticker);
}

static bool load(kl_ledger *l, kl_ledger_book *b, kl_error *e) {
  loading x = {.l = l, .b = b, .today_ms = kl_ledger_day_start_ms(l), .orders = kl_map_new()};
  bool good = x.orders && (!l->journal || kl_order_journal_fills(l->journal, name_of(b), on_earlier_fill, &x, e));
  if (good) {
    today_begins(&x);
    x.failed = !kl_ledger_settle_noted(l, b, INT64_MAX) || x.failed;
    good = !x.failed;
  }
  if (!x.orders || x.failed) kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for what %s has traded", name_of(b));
  if (good) {
    kl_portfolio_restart(b->portfolio);
    b->begun = true;
    tell_risk_of_all(l, b);
    kl_ledger_day_trades(l, b, (uint32_t)kl_map_count(x.orders));
  }
  kl_map_free(x.orders);
  return good;
}

bool kl_ledger_party(kl_ledger *l, kl_party *p, kl_error *e) {
  kl_ledger_book *b = book_of(l, p);
  if (b) return true;
  b = calloc(1, sizeof *b);
  if (!b) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the portfolio of %s", kl_party_name(p));
    return false;
  }
  b->party = p;
  b->portfolio = kl_party_portfolio(p);
  b->risk = kl_party_risk(p);
  if (!load(l, b, e)) {
    free(b);
    return false;
  }
  kl_list_append(&l->books, &b->link);
  return true;
}

/* ---- the account's rows ---- */

static void take_row(kl_ledger *l, const kl_account_position *row) {
  kl_holding h = {.subaccount = row->subaccount,
                  .position = row->position,
                  .cost = row->exposure,
                  .realized = row->realized,
                  .fees = row->fees,
                  .mark = -1,
                  .updated_ms = row->updated_ms};
  memcpy(h.ticker, row->ticker, sizeof h.ticker);
  if (!kl_portfolio_set(l->account.portfolio, &h))
    kl_log_error("portfolio", "not enough memory: the account's position in %s is missing", row->ticker);
  kl_ledger_tell_risk(l, &l->account, row->ticker);
}

/* Different orders of today, as far as the account's fills reach. */
static uint32_t orders_of_today(const kl_ledger *l) {
  kl_map *orders = kl_map_new();
  int64_t since_ms = kl_ledger_day_start_ms(l);
  for (const kl_account_fill *f = NULL; orders && (f = kl_account_fill_next(kl_session_account(l->session), f));) {
    if (f->ts_ms < since_ms) break;
    (void)kl_map_set(orders, f->order_id, strlen(f->order_id), orders);
  }
  uint32_t n = orders ? (uint32_t)kl_map_count(orders) : 0;
  kl_map_free(orders);
  return n;
}

/* Once the account is loaded its portfolio begins with what the exchange says. */
static void begin_account(kl_ledger *l) {
  const kl_account *a = kl_session_account(l->session);
  kl_account_status status;
  if (l->account.begun) return;
  kl_account_status_get(a, &status);
  if (!status.loaded) return;
  l->account.begun = true;
  l->begun_ns = kl_ledger_now_ns(l);
  for (const kl_account_position *row = NULL; (row = kl_account_position_next(a, row));)
    take_row(l, row);
  kl_portfolio_restart(l->account.portfolio);
  kl_ledger_day_begins(l, &l->account);
  kl_ledger_day_trades(l, &l->account, orders_of_today(l));
}

/* ---- differences ---- */

static bool same_ours(const kl_holding *a, const kl_holding *b) {
  return a->position == b->position && a->cost == b->cost && a->realized == b->realized && a->fees == b->fees;
}

static bool same_theirs(const kl_account_position *a, const kl_account_position *b) {
  return a->position == b->position && a->exposure == b->exposure && a->realized == b->realized && a->fees == b->fees;
}

static bool agree(const kl_holding *h, const kl_account_position *row) {
  return h->position == row->position && h->cost == row->exposure && h->realized == row->realized &&
         h->fees == row->fees;
}

static kl_ledger_doubt *doubt_of(kl_ledger *l, const char *ticker, int32_t subaccount) {
  for (kl_list *n = l->doubts.next; n != &l->doubts; n = n->next) {
    kl_ledger_doubt *x = KL_CONTAINER(n, kl_ledger_doubt, link);
    if (x->ours.subaccount == subaccount && !strcmp(x->ours.ticker, ticker)) return x;
  }
  return NULL;
}

static kl_money apart(kl_money a, kl_money b) { return a > b ? a - b : b - a; }

static void take_over(kl_ledger *l, const kl_holding *ours, const kl_account_position *theirs) {
  char a[4][32], b[4][32];
  const int64_t mine[4] = {ours->position, ours->cost, ours->realized, ours->fees};
  const int64_t its[4] = {theirs->position, theirs->exposure, theirs->realized, theirs->fees};
  kl_money most = 0;
  for (int i = 0; i < 4; i++) {
    (void)kl_decimal_format(a[i], sizeof a[i], mine[i], i ? KL_MONEY_PLACES : KL_COUNT_PLACES);
    (void)kl_decimal_format(b[i], sizeof b[i], its[i], i ? KL_MONEY_PLACES : KL_COUNT_PLACES);
    if (i && apart(mine[i], its[i]) > most) most = apart(mine[i], its[i]);
  }
  bool news = kl_ledger_now_ns(l) - l->begun_ns > SETTLING_S * KL_LEDGER_S;
  bool large = ours->position != theirs->position || most >= KL_MONEY_ONE / 100;
  kl_log_write(news && large ? KL_LOG_ERROR : KL_LOG_DEBUG, "portfolio",
               "%s: the exchange has position %s, cost %s, realized %s, fees %s; from fills it is position %s, cost "
               "%s, realized %s, fees %s. The exchange's count from now on",
               theirs->ticker, b[0], b[1], b[2], b[3], a[0], a[1], a[2], a[3]);
  take_row(l, theirs);
}

static void look_at(kl_ledger *l, const kl_holding *ours, const kl_account_position *theirs) {
  int64_t now = kl_ledger_now_ns(l);
  kl_ledger_doubt *x = doubt_of(l, theirs->ticker, theirs->subaccount);
  if (agree(ours, theirs)) return;
  if (!x) {
    x = calloc(1, sizeof *x);
    if (!x) return;
    kl_list_append(&l->doubts, &x->link);
    x->since_ns = now;
  } else if (!same_ours(&x->ours, ours) || !same_theirs(&x->theirs, theirs)) {
    x->since_ns = now;
  }
  x->ours = *ours;
  x->theirs = *theirs;
  x->turn = l->turn;
  kl_ledger_market *m = kl_ledger_market_of(l, theirs->ticker);
  if (m && theirs->position == 0 && now - x->since_ns >= ASK_S * KL_LEDGER_S) kl_ledger_hurry(l, m);
  if (now - x->since_ns < DOUBT_S * KL_LEDGER_S) return;
  kl_holding mine = *ours;
  take_over(l, &mine, theirs);
}

static void look_at_rows(kl_ledger *l) {
  const kl_account *a = kl_session_account(l->session);
  kl_account_status status;
  kl_account_status_get(a, &status);
  if (!l->account.begun || status.stale) return;
  for (const kl_account_position *row = NULL; (row = kl_account_position_next(a, row));) {
    const kl_holding *h = kl_portfolio_get(l->account.portfolio, row->ticker, row->subaccount);
    kl_holding none = {.subaccount = row->subaccount, .mark = -1};
    memcpy(none.ticker, row->ticker, sizeof none.ticker);
    if (h && h->settled && row->position == 0) continue;
    look_at(l, h ? h : &none, row);
  }
  /* Held by the fills, and no row has it. */
  for (const kl_holding *h = NULL; (h = kl_portfolio_next(l->account.portfolio, h));) {
    if (h->position == 0) continue;
    const kl_account_position *row = NULL;
    while ((row = kl_account_position_next(a, row)) &&
           (row->subaccount != h->subaccount || strcmp(row->ticker, h->ticker) != 0)) {
    }
    if (row) continue;
    kl_account_position flat = {.subaccount = h->subaccount, .realized = h->realized, .fees = h->fees};
    memcpy(flat.ticker, h->ticker, sizeof flat.ticker);
    look_at(l, h, &flat);
  }
  for (kl_list *n = l->doubts.next; n != &l->doubts;) {
    kl_ledger_doubt *x = KL_CONTAINER(n, kl_ledger_doubt, link);
    n = n->next;
    if (x->turn == l->turn) continue;
    kl_list_remove(&x->link);
    free(x);
  }
}

/* ---- what is held ---- */

kl_ledger_market *kl_ledger_market_of(kl_ledger *l, const char *ticker) {
  return kl_map_get(l->markets, ticker, strlen(ticker));
}

static void drop_market(kl_ledger *l, kl_ledger_market *m) {
  kl_ledger_market_stop(m);
  (void)kl_map_remove(l->markets, m->ticker, strlen(m->ticker));
  kl_list_remove(&m->link);
  free(m);
}

static void hold(kl_ledger *l, const char *ticker) {
  kl_ledger_market *m = kl_ledger_market_of(l, ticker);
  if (!m) {
    m = calloc(1, sizeof *m);
    if (!m || !kl_map_set(l->markets, ticker, strlen(ticker), m)) {
      free(m);
      return;
    }
    m->l = l;
    memcpy(m->ticker, ticker, strlen(ticker) + 1);
    m->mark = -1;
    m->since_ns = kl_ledger_now_ns(l);
    kl_list_init(&m->waiter.link);
    kl_list_append(&l->held, &m->link);
  }
  m->turn = l->turn;
}

static void find_held(kl_ledger *l) {
  for (kl_list *n = l->books.next; n != &l->books; n = n->next) {
    const kl_portfolio *p = KL_CONTAINER(n, kl_ledger_book, link)->portfolio;
    for (const kl_holding *h = NULL; (h = kl_portfolio_next(p, h));)
      if (h->position != 0) hold(l, h->ticker);
  }
}

static void drop_what_is_not_held(kl_ledger *l) {
  for (kl_list *n = l->held.next; n != &l->held;) {
    kl_ledger_market *m = KL_CONTAINER(n, kl_ledger_market, link);
    n = n->next;
    if (m->turn != l->turn) drop_market(l, m);
  }
}

/* ---- from second to second ---- */

static void look_at_money(kl_ledger *l) {
  kl_account_balance b = kl_account_balance_get(kl_session_account(l->session));
  kl_risk *risk = kl_desk_risk(l->d);
  if (!risk || b.read_ns == 0 || b.read_ns == l->balance_ns) return;
  l->balance_ns = b.read_ns;
  kl_risk_money(risk, b.balance, b.portfolio_value, b.read_ns);
}

void kl_ledger_tick(kl_ledger *l) {
  l->turn++;
  begin_account(l);
  look_at_money(l);
  find_held(l);
  kl_ledger_payouts_tick(l);
  kl_ledger_marks_tick(l);
  drop_what_is_not_held(l);
  look_at_rows(l);
  kl_ledger_marks_apply(l);
  kl_ledger_days_tick(l);
}

void kl_ledger_value(kl_ledger *l) {
  begin_account(l);
  find_held(l);
  kl_ledger_marks_apply(l);
}

/* Once a second, and between two of these when something was filled: what it cost may be the loss that halts. */
static void on_timer(uv_timer_t *t) {
  kl_ledger *l = t->data;
  int64_t now = kl_ledger_now_ns(l);
  l->soon = false;
  if (now >= l->next_ns) {
    l->next_ns = now + (int64_t)TICK_MS * 1000000;
    kl_ledger_tick(l);
  } else {
    kl_ledger_value(l);
    kl_ledger_days_tick(l);
  }
  int64_t left_ms = (l->next_ns - now) / 1000000;
  if (l->soon && left_ms > LOOK_MS) left_ms = LOOK_MS; /* filled meanwhile */
  kl_timer_start(l->tick, on_timer, left_ms > 1 ? (uint64_t)left_ms : 1, 0);
}

static void look_soon(kl_ledger *l) {
  if (l->soon) return;
  l->soon = true;
  if (kl_timer_left_ms(l->tick) > LOOK_MS) kl_timer_start(l->tick, on_timer, LOOK_MS, 0);
}

static void on_position(void *data, const kl_account_position *row) {
  kl_ledger *l = data;
  begin_account(l);
  /* Flat all at once: it may have settled. */
  kl_ledger_market *m = row->position == 0 ? kl_ledger_market_of(l, row->ticker) : NULL;
  if (m && kl_portfolio_position(l->account.portfolio, row->ticker, NULL) != 0) kl_ledger_hurry(l, m);
}

static void on_reconciled(void *data) {
  kl_ledger *l = data;
  begin_account(l);
  look_at_money(l);
}

/* ---- life ---- */

static void tick_closed(uv_handle_t *h) { free(h); }

kl_ledger *kl_ledger_new(kl_desk *d, kl_session *session, kl_session *market_session, kl_order_journal *journal) {
  kl_ledger *l = calloc(1, sizeof *l);
  if (!l) return NULL;
  *l = (kl_ledger){.d = d, .session = session, .market_session = market_session, .journal = journal};
  kl_list_init(&l->books);
  kl_list_init(&l->held);
  kl_list_init(&l->seen_list);
  kl_list_init(&l->doubts);
  kl_list_init(&l->listener.link);
  kl_list_init(&l->account_listener.link);
  l->account = (kl_ledger_book){.portfolio = kl_desk_portfolio(d), .risk = KL_RISK_ACCOUNT};
  kl_list_append(&l->books, &l->account.link);
  l->markets = kl_map_new();
  l->seen = kl_map_new();
  l->tick = calloc(1, sizeof *l->tick);
  if (l->tick) kl_timer_init(kl_session_loop(session), l->tick, kl_session_clock(session));
  if (!l->markets || !l->seen || !l->tick) {
    kl_ledger_free(l);
    return NULL;
  }
  l->tick->uv.data = l;
  l->next_ns = kl_ledger_now_ns(l) + (int64_t)TICK_MS * 1000000;
  kl_timer_start(l->tick, on_timer, TICK_MS, 0);
  uv_unref((uv_handle_t *)&l->tick->uv);
  l->listener.data = l->account_listener.data = l;
  l->listener.fill = on_fill;
  kl_desk_listen(d, &l->listener);
  l->account_listener.position = on_position;
  l->account_listener.reconciled = on_reconciled;
  kl_account_listen(kl_session_account(session), &l->account_listener);
  return l;
}

void kl_ledger_free(kl_ledger *l) {
  if (!l) return;
  kl_desk_unlisten(&l->listener);
  kl_account_unlisten(&l->account_listener);
  kl_ledger_marks_stop(l);
  kl_ledger_payouts_stop(l);
  if (l->tick) kl_timer_close(l->tick, tick_closed);
  for (kl_list *n = l->held.next, *after; n != &l->held; n = after) {
    after = n->next;
    drop_market(l, KL_CONTAINER(n, kl_ledger_market, link));
  }
  while (!kl_list_empty(&l->doubts)) {
    kl_ledger_doubt *x = KL_CONTAINER(l->doubts.next, kl_ledger_doubt, link);
    kl_list_remove(&x->link);
    free(x);
  }
  while (!kl_list_empty(&l->seen_list)) {
    seen *s = KL_CONTAINER(l->seen_list.next, seen, link);
    kl_list_remove(&s->link);
    free(s);
  }
  kl_list_remove(&l->account.link);
  while (!kl_list_empty(&l->books)) {
    kl_ledger_book *b = KL_CONTAINER(l->books.next, kl_ledger_book, link);
    kl_list_remove(&b->link);
    free(b);
  }
  kl_map_free(l->markets);
  kl_map_free(l->seen);
  free(l);
}
