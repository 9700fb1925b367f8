/* An exchange that is saved and made anew again and again is the same as one that never stopped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "exchange/internal.h"

#define START INT64_C(1790000000000000)

static uint64_t random_state;

static uint64_t random_next(void) {
  uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}
static int64_t below(int64_t n) { return (int64_t)(random_next() % (uint64_t)n); }
static bool chance(int64_t in_thousand) { return below(1000) < in_thousand; }

/* ---- a file in memory ---- */

static const size_t sizes[KL_SAVED_KINDS] = {
    sizeof(kl_saved_totals), sizeof(kl_saved_series),  sizeof(kl_saved_event),   sizeof(kl_saved_market),
    sizeof(kl_saved_user),   sizeof(kl_saved_account), sizeof(kl_saved_holding), sizeof(kl_saved_client_id),
    sizeof(kl_saved_order),  sizeof(kl_saved_fill),    sizeof(kl_saved_trade),   sizeof(kl_saved_settlement)};

typedef struct file {
  unsigned char *rows[KL_SAVED_KINDS];
  size_t n[KL_SAVED_KINDS], cap[KL_SAVED_KINDS];
} file;

static unsigned char *row(const file *f, int kind, size_t i) { return f->rows[kind] + i * sizes[kind]; }

static uint64_t number_of(const file *f, int kind, size_t i) {
  uint64_t n;
  memcpy(&n, row(f, kind, i), sizeof n);
  return n;
}

/* Where the number is or belongs. */
static size_t place_of(const file *f, int kind, uint64_t number) {
  size_t i = f->n[kind];
  while (i > 0 && number_of(f, kind, i - 1) >= number)
    i--;
  return i;
}

static void put(void *data, kl_saved_kind kind, const void *record) {
  file *f = data;
  uint64_t number;
  memcpy(&number, record, sizeof number);
  assert_true(number > 0);
  size_t i = place_of(f, kind, number);
  if (i == f->n[kind] || number_of(f, kind, i) != number) {
    unsigned char *grown = kl_x_grown(f->rows[kind], &f->cap[kind], f->n[kind] + 1, sizes[kind]);
    assert_non_null(grown);
    f->rows[kind] = grown;
    memmove(row(f, kind, i + 1), row(f, kind, i), (f->n[kind] - i) * sizes[kind]);
    f->n[kind]++;
  }
  memcpy(row(f, kind, i), record, sizes[kind]);
  memcpy(row(f, kind, i), &number, sizeof number);
}

static void drop(void *data, kl_saved_kind kind, uint64_t number) {
  file *f = data;
  size_t i = place_of(f, kind, number);
  if (i == f->n[kind] || number_of(f, kind, i) != number) return;
  f->n[kind]--;
  memmove(row(f, kind, i), row(f, kind, i + 1), (f->n[kind] - i) * sizes[kind]);
}

static void save(kl_exchange *x, file *f) {
  kl_exchange_writer w = {f, put, drop};
  assert_true(kl_exchange_save(x, &w));
  assert_false(kl_exchange_changed(x));
}

static void file_free(file *f) {
  for (int k = 0; k < KL_SAVED_KINDS; k++)
    free(f->rows[k]);
  memset(f, 0, sizeof *f);
}

/* ---- two exchanges ---- */

enum { USERS = 6, SYNTHETIC = 5, MARKETS = 5 };

enum { GROUPS_MOST = 400 };

typedef struct world {
  kl_exchange *x;
  kl_order_group groups[GROUPS_MOST]; /* as a module keeps them */
  size_t n_groups;
  uint64_t heard; /* a hash of everything that the sink was told */
} world;

static void hear(world *w, const char *text) { w->heard = w->heard * 31 + kl_hash_bytes(text, strlen(text)); }

static void on_level(void *data, const kl_market *m, kl_outcome side, kl_price price, kl_count delta,
                     const kl_order *by) {
  char text[200];
  (void)snprintf(text, sizeof text, "l %s %d %d %d %s", m->ticker, (int)side, (int)price, (int)delta, by->id);
  hear(data, text);
}
static void on_trade(void *data, const kl_trade *t) {
  char text[200];
  (void)snprintf(text, sizeof text, "t %s %s %d %d", t->id, t->market->ticker, (int)t->yes_price, (int)t->count);
  hear(data, text);
}
static void on_fill(void *data, const kl_fill *f) {
  char text[200];
  (void)snprintf(text, sizeof text, "f %s %u %lld %lld", f->order_id, f->user, (long long)f->fee,
                 (long long)f->post_position);
  hear(data, text);
}
static void on_order(void *data, const kl_order *o) {
  char text[200];
  (void)snprintf(text, sizeof text, "o %s %d %d %lld %lld", o->id, (int)o->status, (int)o->reason,
                 (long long)o->remaining, (long long)o->updated_us);
  hear(data, text);
}
static void on_position(void *data, uint32_t user, int subaccount, const kl_position *p) {
  char text[200];
  (void)snprintf(text, sizeof text, "p %u %d %s %lld %lld", user, subaccount, p->market->ticker, (long long)p->position,
                 (long long)p->realized);
  hear(data, text);
}
static void on_market(void *data, const kl_market *m, const char *type) {
  char text[200];
  (void)snprintf(text, sizeof text, "m %s %s", m->ticker, type);
  hear(data, text);
}

static void on_group(void *data, const kl_order_group *g, const char *type) {
  world *w = data;
  char text[200];
  (void)snprintf(text, sizeof text, "g %s %s", g->id, type);
  hear(w, text);
  size_t i = 0;
  while (i < w->n_groups && strcmp(w->groups[i].id, g->id) != 0)
    i++;
  if (!strcmp(type, "deleted")) {
    memmove(&w->groups[i], &w->groups[i + 1], (--w->n_groups - i) * sizeof *w->groups);
    return;
  }
  assert_true(i < GROUPS_MOST);
  w->groups[i] = *g;
  if (i == w->n_groups) w->n_groups++;
}

static void new_exchange(world *w, bool journal) {
  kl_exchange_options o = {.seed = 5, .keep_trades = 60, .keep_market_trades = 20, .journal = journal};
  o.sink = (kl_exchange_sink){.data = w,
                              .level = on_level,
                              .trade = on_trade,
                              .fill = on_fill,
                              .order = on_order,
                              .position = on_position,
                              .market = on_market,
                              .group = on_group};
  w->x = kl_exchange_new(&o);
  assert_non_null(w->x);
}

/* Everything that anybody can see, and what decides what comes next. */
static void dump(const kl_exchange *x, kl_buf *b) {
  kl_buf_printf(b, "random %llu seq %llu now %lld paused %d%d fees %lld deposits %lld transit %lld\n",
                (unsigned long long)x->random, (unsigned long long)x->seq, (long long)x->now, (int)x->shards[0].pause,
                (int)x->shards[1].pause, (long long)x->fees, (long long)x->deposits, (long long)x->transit);
  for (size_t i = 0; i < x->n_series; i++)
    kl_buf_printf(b, "series %s %lld %d %lld\n", x->series[i]->ticker, (long long)x->series[i]->volume,
                  (int)x->series[i]->fee_type, (long long)x->series[i]->fee_multiplier_ppm);
  for (size_t i = 0; i < x->n_events; i++)
    kl_buf_printf(b, "event %s %s %zu %d %d\n", x->events[i]->ticker, x->events[i]->title, x->events[i]->n_markets,
                  x->events[i]->has_fee_type, (int)x->events[i]->fee_type);
  for (size_t i = 0; i < x->n_markets; i++) {
    const kl_market *m = x->markets[i];
    kl_buf_printf(b,
                  "market %s %s %u %d close %lld last %lld %lld prev %lld %lld %lld vol %lld %lld oi %lld %lld %lld at "
                  "%lld %lld value %lld %lld %lld %lld %s %d %lld %s %s %d %f open %lld latest %lld\n",
                  m->ticker, m->id, m->index, (int)m->status, (long long)m->close_us, (long long)m->last_price,
                  (long long)m->last_size, (long long)m->previous_price, (long long)m->previous_bid,
                  (long long)m->previous_ask, (long long)m->volume, (long long)m->volume_24h,
                  (long long)m->open_interest, (long long)m->dollar_volume, (long long)m->dollar_open_interest,
                  (long long)m->last_trade_us, (long long)m->updated_us, (long long)m->settlement,
                  (long long)m->determined_us, (long long)m->settled_us, (long long)m->settle_us, m->price_structure,
                  m->n_bands, (long long)m->bands[0].step, m->yes_sub_title, m->strike_type, m->has_floor,
                  m->floor_strike, (long long)m->open_us, (long long)m->latest_expiration_us);
    for (int side = KL_BID; side <= KL_ASK; side++) {
      const kl_x_ladder *l = &kl_x_book_of(m)->sides[side];
      for (size_t k = 0; k < l->n; k++) {
        kl_buf_printf(b, " level %lld %lld:", (long long)l->levels[k]->price, (long long)l->levels[k]->total);
        for (const kl_list *q = l->levels[k]->queue.next; q != &l->levels[k]->queue; q = q->next)
          kl_buf_printf(b, " %s", KL_CONTAINER(q, kl_x_order, queue)->o.id);
        kl_buf_char(b, '\n');
      }
    }
    const kl_trade *t;
    for (size_t k = 0; (t = kl_exchange_trade_at(x, m, k)); k++)
      kl_buf_printf(b, " trade %s %lld %lld %d %lld\n", t->id, (long long)t->yes_price, (long long)t->count,
                    (int)t->taker_side, (long long)t->ts_us);
  }
  const kl_trade *t;
  for (size_t k = 0; (t = kl_exchange_trade_at(x, NULL, k)); k++)
    kl_buf_printf(b, "trade %s %s\n", t->id, t->market->ticker);
  for (size_t i = 0; i < x->n_accounts; i++) {
    const kl_x_account *a = x->accounts[i];
    kl_buf_printf(b, "account %u %d %d cash %lld held %lld returned %lld %d%d%d\n", a->user, a->subaccount, a->shard,
                  (long long)a->cash, (long long)a->held, (long long)a->returned, a->open, a->locked, a->netting);
    for (size_t k = 0; k < a->n_holdings; k++) {
      const kl_x_holding *h = a->holdings[k];
      const kl_position *p = &h->p;
      kl_buf_printf(b, " position %s %lld %lld %lld %lld %lld %lld %lld at %lld promised %lld closers",
                    p->market->ticker, (long long)p->position, (long long)p->cost, (long long)p->realized,
                    (long long)p->fees, (long long)p->position_fees, (long long)p->traded, (long long)p->volume,
                    (long long)p->updated_us, (long long)h->promised);
      for (const kl_list *q = h->closers.next; q != &h->closers; q = q->next)
        kl_buf_printf(b, " %s", KL_CONTAINER(q, kl_x_order, closer)->o.id);
      kl_buf_char(b, '\n');
    }
  }
  for (uint32_t u = 0; u < x->n_users; u++) {
    kl_buf_printf(b, "user %s live", x->users[u]->id);
    for (const kl_list *q = x->users[u]->live.next; q != &x->users[u]->live; q = q->next)
      kl_buf_printf(b, " %s", KL_CONTAINER(q, kl_x_order, live)->o.id);
    kl_buf_char(b, '\n');
    for (const kl_order_group *g = NULL; (g = kl_exchange_group_next(x, u, g));) {
      kl_buf_printf(b, " group %s %lld %d volume %lld:", g->id, (long long)g->limit, g->triggered,
                    (long long)kl_exchange_group_volume(x, g));
      for (const kl_order *o = NULL; (o = kl_exchange_group_order_next(g, o));)
        kl_buf_printf(b, " %s", o->id);
      kl_buf_char(b, '\n');
    }
    const kl_order *o;
    for (size_t i = 0; (o = kl_exchange_order_at(x, u, i)); i++) {
      const kl_x_order *own = o->priv;
      kl_buf_printf(
          b,
          " order %s %s %s %d %lld %lld %lld %lld tif %d stp %d %d%d%d%d sub %d exp %lld st %d %d at %lld %lld "
          "cost %lld %lld fees %lld %lld seq %llu closing %lld held %lld acc %lld ahead %lld\n",
          o->id, o->client_order_id, o->market->ticker, (int)o->side, (long long)o->price, (long long)o->initial,
          (long long)o->filled, (long long)o->remaining, (int)o->tif, (int)o->stp, o->post_only, o->reduce_only,
          o->cancel_on_pause, o->behind, o->subaccount, (long long)o->expiration_us, (int)o->status, (int)o->reason,
          (long long)o->created_us, (long long)o->updated_us, (long long)o->taker_cost, (long long)o->maker_cost,
          (long long)o->taker_fees, (long long)o->maker_fees, (unsigned long long)o->seq, (long long)own->closing,
          (long long)own->held, (long long)own->accumulator, (long long)kl_exchange_queue_position(x, o));
    }
    if (x->users[u]->synthetic) continue;
    const kl_fill *f;
    for (size_t i = 0; (f = kl_exchange_fill_at(x, u, i)); i++)
      kl_buf_printf(b, " fill %s %s %s %lld %lld fee %lld pos %lld at %lld sub %d side %d taker %d order %d\n",
                    f->trade_id, f->order_id, f->market->ticker, (long long)f->yes_price, (long long)f->count,
                    (long long)f->fee, (long long)f->post_position, (long long)f->ts_us, f->subaccount, (int)f->side,
                    f->is_taker, f->order != NULL);
    const kl_settlement *s;
    for (size_t i = 0; (s = kl_exchange_settlement_at(x, u, i)); i++)
      kl_buf_printf(b, " settled %s %d %lld %lld %lld %lld %lld %lld at %lld\n", s->market->ticker, s->subaccount,
                    (long long)s->yes_count, (long long)s->no_count, (long long)s->yes_cost, (long long)s->no_cost,
                    (long long)s->revenue, (long long)s->fees, (long long)s->settled_us);
  }
}

static void show_difference(const kl_buf *a, const kl_buf *b) {
  size_t i = 0, line = 0;
  while (i < a->len && i < b->len && a->data[i] == b->data[i]) {
    if (a->data[i] == '\n') line = i + 1;
    i++;
  }
  print_error("there:  %.*s\nshould: %.*s\n", (int)strcspn(b->data + line, "\n"), b->data + line,
              (int)strcspn(a->data + line, "\n"), a->data + line);
}

static void check_same(const kl_exchange *a, const kl_exchange *b) {
  kl_buf one = {0}, two = {0};
  dump(a, &one);
  dump(b, &two);
  assert_false(one.failed || two.failed);
  if (one.len != two.len || memcmp(one.data, two.data, one.len) != 0) show_difference(&one, &two);
  assert_int_equal(one.len, two.len);
  assert_memory_equal(one.data, two.data, one.len);
  kl_buf_free(&one);
  kl_buf_free(&two);
}

static bool restore(kl_exchange *x, const file *f, kl_error *e) {
  for (int kind = 0; kind < KL_SAVED_KINDS; kind++)
    for (size_t i = 0; i < f->n[kind]; i++)
      if (!kl_exchange_restore(x, (kl_saved_kind)kind, row(f, kind, i), e)) return false;
  return kl_exchange_restored(x, e);
}

/* Ends the exchange and makes it anew from the file. */
static void restart(world *w, file *f) {
  kl_error e = {0};
  save(w->x, f);
  kl_exchange_free(w->x);
  new_exchange(w, true);
  if (!restore(w->x, f, &e)) fail_msg("%s", e.message);
  for (size_t i = 0; i < w->n_groups; i++)
    assert_int_equal(kl_exchange_group_restore(w->x, &w->groups[i]), KL_X_OK);
  assert_int_equal(kl_exchange_conservation(w->x), 0);
}

static void add_market(kl_exchange *x, int number, int64_t now, int64_t close_us) {
  static const char *const grids[] = {"linear_cent", "deci_cent", "tapered_deci_cent"};
  static const kl_fee_type fees[] = {KL_FEE_QUADRATIC, KL_FEE_QUADRATIC_MAKER, KL_FEE_FLAT};
  kl_series s = {.fee_type = fees[number % 3],
                 .fee_multiplier_ppm = number % 3 == 2 ? 20000 : 1000000,
                 .exchange_index = number / 2 % 2};
  kl_market_event e = {.mutually_exclusive = true};
  kl_market m = {.created_us = now, .close_us = close_us, .settlement_timer_s = 5};
  /* Two markets each share an event. */
  (void)snprintf(s.ticker, sizeof s.ticker, "S%d", number / 2);
  (void)snprintf(e.ticker, sizeof e.ticker, "S%d-E", number / 2);
  (void)snprintf(e.title, sizeof e.title, "Event %d", number);
  (void)snprintf(m.ticker, sizeof m.ticker, "S%d-E-%d", number / 2, number % 2);
  assert_true(kl_price_structure(grids[number % 3], &m));
  e.series = kl_exchange_series(x, s.ticker);
  if (!e.series) e.series = kl_exchange_add_series(x, &s);
  m.event = kl_exchange_event(x, e.ticker);
  if (!m.event) m.event = kl_exchange_add_event(x, &e);
  assert_non_null(kl_exchange_add_market(x, &m));
}

static void add_users(kl_exchange *x, size_t keep) {
  for (uint32_t u = 0; u < USERS; u++) {
    assert_int_equal(kl_exchange_add_user(x, u < 2 ? 80000000 : INT64_C(10000000000)), u);
    kl_exchange_keep(x, u, keep, keep);
    for (int shard = 0; shard < 2; shard++) {
      assert_int_equal(kl_exchange_open_subaccount(x, u, 1, shard), KL_X_OK);
      assert_int_equal(kl_exchange_set_netting(x, u, (int)(u % 2), shard, true), KL_X_OK);
    }
  }
}

/* The pair to which everything is done. */
typedef struct pair {
  world a, b; /* b is made anew now and then */
  file f;
  int64_t now;
  int made; /* markets */
  bool groups;
} pair;

static kl_order *some_order(const pair *p) {
  const kl_x_user *u = p->a.x->users[below(USERS)];
  if (u->n_orders == 0) return NULL;
  int64_t back = below(u->n_orders < 12 ? (int64_t)u->n_orders : 12);
  return &u->orders[u->n_orders - 1 - (size_t)back]->o;
}

static void create(pair *p, const kl_market *m) {
  char name[32];
  (void)snprintf(name, sizeof name, "c%d", (int)below(3000));
  int64_t kind = below(10);
  kl_order_request q = {.user = (uint32_t)below(USERS),
                        .ticker = m->ticker,
                        .client_order_id = chance(400) ? name : NULL,
                        .side = chance(500) ? KL_BID : KL_ASK,
                        .price = kl_price_snap(m, 4000 + 300 * below(8) + below(300)),
                        .count = chance(300) ? 1 + below(40) : 100 * (1 + below(20)),
                        .tif = kind < 7   ? KL_TIF_GTC
                               : kind < 9 ? KL_TIF_IOC
                                          : KL_TIF_FOK,
                        .stp = chance(500) ? KL_STP_MAKER : KL_STP_TAKER_AT_CROSS,
                        .behind = chance(100),
                        .subaccount = chance(800) ? 0 : 1};
  if (q.tif == KL_TIF_GTC) {
    q.post_only = chance(300);
    q.cancel_on_pause = chance(300);
    if (chance(400)) q.expiration_us = p->now + below(9000000);
  }
  q.reduce_only = q.tif == KL_TIF_IOC && chance(300);
  if (p->groups && q.subaccount == 0 && m->exchange_index == 0 && chance(500)) {
    const kl_order_group *g = kl_exchange_group_next(p->a.x, q.user, NULL);
    if (g) q.order_group_id = g->id;
  }
  kl_order_outcome one, two;
  assert_int_equal(kl_exchange_create(p->a.x, p->now, &q, &one), kl_exchange_create(p->b.x, p->now, &q, &two));
  assert_int_equal(one.filled, two.filled);
  assert_int_equal(one.fees, two.fees);
  if (one.order) assert_string_equal(one.order->id, two.order->id);
}

static void change_group(pair *p) {
  uint32_t user = (uint32_t)below(USERS);
  const kl_order_group *g = kl_exchange_group_next(p->a.x, user, NULL);
  kl_uuid id = "";
  if (g) memcpy(id, g->id, sizeof id);
  kl_group_key k = {.user = user, .id = id};
  int64_t kind = g ? below(10) : 0;
  if (kind < 2) {
    kl_count limit = 100 * (1 + below(200));
    (void)kl_exchange_group_create(p->a.x, p->now, user, 0, 0, limit, NULL);
    (void)kl_exchange_group_create(p->b.x, p->now, user, 0, 0, limit, NULL);
  } else if (kind < 4) {
    kl_count limit = 100 * (1 + below(200));
    (void)kl_exchange_group_set_limit(p->a.x, p->now, &k, limit);
    (void)kl_exchange_group_set_limit(p->b.x, p->now, &k, limit);
  } else if (kind < 8) {
    (void)kl_exchange_group_reset(p->a.x, p->now, &k);
    (void)kl_exchange_group_reset(p->b.x, p->now, &k);
  } else {
    (void)kl_exchange_group_delete(p->a.x, p->now, &k);
    (void)kl_exchange_group_delete(p->b.x, p->now, &k);
  }
}

/* What a market's life has besides trading. */
static void live(pair *p, kl_market *one, kl_market *two) {
  int64_t kind = below(6), close_us = p->now - 1 + below(40000000);
  kl_price value = 10000 * below(2);
  if (kind == 0) {
    assert_int_equal(kl_exchange_set_close(p->a.x, p->now, one, close_us),
                     kl_exchange_set_close(p->b.x, p->now, two, close_us));
  } else if (kind == 1) {
    assert_int_equal(kl_exchange_dispute(p->a.x, p->now, one), kl_exchange_dispute(p->b.x, p->now, two));
  } else if (kind == 2) {
    assert_int_equal(kl_exchange_amend_result(p->a.x, p->now, one, value),
                     kl_exchange_amend_result(p->b.x, p->now, two, value));
  } else if (kind == 3) {
    assert_int_equal(kl_exchange_set_structure(p->a.x, p->now, one, "deci_cent", NULL, 0),
                     kl_exchange_set_structure(p->b.x, p->now, two, "deci_cent", NULL, 0));
  } else if (kind == 4) {
    int shard = (int)below(2);
    kl_pause pause = kl_exchange_pause_of(p->a.x, shard, NULL) ? KL_RUNNING : KL_EXCHANGE_PAUSE;
    (void)kl_exchange_set_pause(p->a.x, p->now, shard, pause, p->now + 5);
    (void)kl_exchange_set_pause(p->b.x, p->now, shard, pause, p->now + 5);
  } else {
    kl_market_metadata d = {
        .yes_sub_title = "Another", .strike_type = "greater", .has_floor = true, .floor_strike = 2.5};
    assert_int_equal(kl_exchange_set_metadata(p->a.x, p->now, one, &d),
                     kl_exchange_set_metadata(p->b.x, p->now, two, &d));
  }
}

/* What money does besides trading. */
static void move_money(pair *p, kl_market *one) {
  uint32_t user = (uint32_t)below(USERS);
  int64_t kind = below(8), sub = below(3), shard = below(2);
  kl_money amount = 1 + below(20000000);
  int to = (int)below(3), from = (int)sub;
  bool on = chance(500);
  kl_fee_schedule fees = {chance(500) ? KL_FEE_QUADRATIC : KL_FEE_QUADRATIC_MAKER, 100000 * below(20)};
  kl_position_transfer t = {.user = user,
                            .from = from,
                            .to = to,
                            .ticker = one->ticker,
                            .side = chance(500) ? KL_YES : KL_NO,
                            .price = 100 * below(100),
                            .count = 1 + below(500)};
  kl_exchange_result results[2];
  for (int i = 0; i < 2; i++) {
    kl_exchange *x = i ? p->b.x : p->a.x;
    kl_market *m = kl_exchange_market(x, one->ticker);
    kl_series *s = kl_exchange_series(x, m->event->series->ticker);
    switch (kind) {
    case 0:
      results[i] = kl_exchange_open_subaccount(x, user, (int)sub, (int)shard);
      break;
    case 1:
      results[i] = kl_exchange_lock_subaccount(x, p->now, user, (int)sub, (int)shard, on);
      break;
    case 2:
      results[i] = kl_exchange_set_netting(x, user, (int)sub, (int)shard, on);
      break;
    case 3:
      results[i] = kl_exchange_send(x, user, (int)sub, (int)shard, amount);
      break;
    case 4:
      results[i] = kl_exchange_arrive(x, user, (int)sub, (int)shard, amount);
      break;
    case 5:
      results[i] = on ? kl_exchange_deposit(x, user, (int)sub, (int)shard, amount)
                      : kl_exchange_withdraw(x, user, (int)sub, (int)shard, amount);
      break;
    case 6:
      results[i] = on ? kl_exchange_set_series_fees(x, p->now, s, fees)
                      : kl_exchange_set_event_fees(x, p->now, m->event, &fees.type, NULL);
      break;
    default:
      results[i] = kl_exchange_transfer_position(x, p->now, &t);
    }
  }
  assert_int_equal(results[0], results[1]);
}

static void change(pair *p, const kl_order *o) {
  kl_uuid id;
  uint32_t user = o->user;
  int subaccount = o->subaccount;
  memcpy(id, o->id, sizeof id);
  int64_t kind = below(10);
  if (kind < 3) {
    assert_int_equal(kl_exchange_cancel(p->a.x, p->now, user, subaccount, id, NULL, NULL),
                     kl_exchange_cancel(p->b.x, p->now, user, subaccount, id, NULL, NULL));
  } else if (kind < 8) {
    char name[32];
    (void)snprintf(name, sizeof name, "c%d", (int)below(3000));
    kl_amend_request a = {.user = user,
                          .subaccount = subaccount,
                          .order_id = id,
                          .ticker = o->market->ticker,
                          .side = o->side,
                          .price = chance(500) ? o->price : kl_price_snap(o->market, 4000 + below(2400)),
                          .count = o->filled + 1 + below(3000),
                          .updated_client_order_id = chance(300) ? name : NULL};
    assert_int_equal(kl_exchange_amend(p->a.x, p->now, &a, NULL), kl_exchange_amend(p->b.x, p->now, &a, NULL));
  } else {
    kl_count to = below(o->remaining + 1);
    assert_int_equal(kl_exchange_decrease(p->a.x, p->now, user, subaccount, id, -1, to, NULL),
                     kl_exchange_decrease(p->b.x, p->now, user, subaccount, id, -1, to, NULL));
  }
}

/* Two users meet by a block trade or a quote. */
static void cross(pair *p, const kl_market *m) {
  uint32_t user = (uint32_t)below(USERS), other = (user + 1 + (uint32_t)below(USERS - 1)) % USERS;
  kl_side side = chance(500) ? KL_BID : KL_ASK;
  kl_block_trade block = {.ticker = m->ticker,
                          .price = kl_price_snap(m, 4000 + below(2400)),
                          .count = 1 + below(1000),
                          .buyer = {.user = user},
                          .seller = {.user = other},
                          .maker = side};
  kl_quote_trade quote = {.ticker = m->ticker,
                          .quoter_side = side,
                          .price = block.price,
                          .count = block.count,
                          .quoter = {.user = user, .rest_remainder = chance(500)},
                          .requester = {.user = other, .rest_remainder = chance(500)},
                          .post_only = chance(300)};
  kl_cross_outcome one, two;
  if (chance(500))
    assert_int_equal(kl_exchange_block_trade(p->a.x, p->now, &block, &one),
                     kl_exchange_block_trade(p->b.x, p->now, &block, &two));
  else
    assert_int_equal(kl_exchange_execute_quote(p->a.x, p->now, &quote, &one),
                     kl_exchange_execute_quote(p->b.x, p->now, &quote, &two));
}

/* Does the same to both. `rare`: something that is not an order, which much else would hide. */
static void step(pair *p, bool rare) {
  size_t i = kl_exchange_market_count(p->a.x) - 1 - (size_t)below(MARKETS);
  kl_market *one = kl_exchange_market_at(p->a.x, i), *two = kl_exchange_market_at(p->b.x, i);
  int64_t kind = below(rare ? 600 : 10000);
  const kl_order *o = some_order(p);
  p->now += below(20000);
  /* The old one still has the alarms of markets that have ended before their time. */
  assert_true(kl_exchange_tick(p->a.x, p->now) <= kl_exchange_tick(p->b.x, p->now));
  if (kind < 15) {
    kl_price value = chance(500) ? 10000 * below(2) : below(10001);
    assert_int_equal(kl_exchange_settle(p->a.x, p->now, one, value), kl_exchange_settle(p->b.x, p->now, two, value));
    int64_t close_us = chance(300) ? p->now + 1000000 * (1 + below(200)) : 0;
    add_market(p->a.x, p->made, p->now, close_us);
    add_market(p->b.x, p->made++, p->now, close_us);
  } else if (kind < 30) {
    (void)kl_exchange_determine(p->a.x, p->now, one, 10000);
    (void)kl_exchange_determine(p->b.x, p->now, two, 10000);
  } else if (kind < 60) {
    bool on = one->status != KL_MARKET_ACTIVE;
    (void)kl_exchange_set_active(p->a.x, p->now, one, on);
    (void)kl_exchange_set_active(p->b.x, p->now, two, on);
  } else if (kind < 80) {
    bool on = !kl_exchange_paused(p->a.x);
    kl_exchange_set_paused(p->a.x, p->now, on);
    kl_exchange_set_paused(p->b.x, p->now, on);
  } else if (kind < 120) {
    uint32_t user = (uint32_t)below(USERS);
    assert_int_equal(kl_exchange_cancel_all(p->a.x, p->now, user, -1),
                     kl_exchange_cancel_all(p->b.x, p->now, user, -1));
  } else if (kind < 250) {
    uint32_t user = (uint32_t)below(USERS);
    int shard = (int)below(2), from = (int)below(3), to = (int)below(3);
    kl_money amount = 1 + below(40000000);
    assert_int_equal(kl_exchange_transfer(p->a.x, user, shard, from, to, amount),
                     kl_exchange_transfer(p->b.x, user, shard, from, to, amount));
  } else if (kind < 260) {
    p->now += INT64_C(3600000000) * (1 + below(30)); /* hours go by, a day now and then */
  } else if (kind < 320) {
    live(p, one, two);
  } else if (kind < 420) {
    move_money(p, one);
  } else if (kind < 450) {
    cross(p, one);
  } else if (kind < 600 && p->groups) {
    change_group(p);
  } else if (kind < 4000 && o) {
    change(p, o);
  } else {
    create(p, one);
  }
}

static void a_restored_exchange_goes_on_as_if_nothing_had_happened(void **state) {
  (void)state;
  for (int pass = 0; pass < 3; pass++) {
    /* Few are kept, so that many are forgotten; or enough for the windows of order groups. */
    size_t keep = pass == 0 ? 40 : 20000;
    pair p = {.now = START, .groups = pass > 0};
    int restarts = 0;
    random_state = 41 + (uint64_t)pass;
    new_exchange(&p.a, false);
    new_exchange(&p.b, true);
    add_users(p.a.x, keep);
    add_users(p.b.x, keep);
    for (int i = 0; i < MARKETS; i++, p.made++) {
      add_market(p.a.x, i, p.now, 0);
      add_market(p.b.x, i, p.now, 0);
    }
    for (int i = 0; i < 12000; i++) {
      /* One change alone between two savings: one that is not noted has nothing else that brings it along. */
      bool alone = chance(10);
      if (alone) save(p.b.x, &p.f);
      step(&p, alone);
      assert_int_equal(p.a.heard, p.b.heard);
      if (chance(200)) save(p.b.x, &p.f);
      if (alone || chance(3)) {
        restart(&p.b, &p.f);
        restarts++;
        (void)kl_exchange_tick(p.a.x, p.now);
        (void)kl_exchange_tick(p.b.x, p.now); /* that time has passed alone is not saved */
        check_same(p.a.x, p.b.x);
      }
    }
    assert_true(restarts > 50);
    assert_true(p.f.n[KL_SAVED_TRADE] > 0 && p.f.n[KL_SAVED_TRADE] < 1000);
    assert_true(pass > 0 || p.f.n[KL_SAVED_ORDER] < USERS * 400);
    kl_exchange_free(p.a.x);
    kl_exchange_free(p.b.x);
    file_free(&p.f);
  }
}

/* ---- synthetic users ---- */

static void resting_orders_of_synthetic_users_go_and_their_money_stays(void **state) {
  (void)state;
  world w = {0};
  file f = {0};
  new_exchange(&w, true);
  add_users(w.x, 40);
  kl_exchange_set_synthetic(w.x, SYNTHETIC, KL_SYNTHETIC_TRADER);
  add_market(w.x, 0, START, 0);
  kl_order_request ask = {.user = SYNTHETIC, .ticker = "S0-E-0", .side = KL_ASK, .price = 6000, .count = 1000};
  kl_order_request bid = {.user = 2, .ticker = "S0-E-0", .side = KL_BID, .price = 6000, .count = 300};
  kl_order_request low = {.user = 2, .ticker = "S0-E-0", .side = KL_BID, .price = 5000, .count = 300};
  assert_int_equal(kl_exchange_create(w.x, START, &ask, NULL), KL_X_OK);
  assert_int_equal(kl_exchange_create(w.x, START, &bid, NULL), KL_X_OK);
  assert_int_equal(kl_exchange_create(w.x, START, &low, NULL), KL_X_OK);
  kl_money before = kl_exchange_balance(w.x, SYNTHETIC, 0, 0);
  restart(&w, &f);
  assert_int_equal(kl_exchange_levels(kl_exchange_market_at(w.x, 0), KL_NO), 0);
  assert_int_equal(kl_exchange_levels(kl_exchange_market_at(w.x, 0), KL_YES), 1);
  assert_int_equal(kl_exchange_position_at(w.x, SYNTHETIC, 0, 0)->position, -300);
  assert_int_equal(kl_exchange_balance(w.x, SYNTHETIC, 0, 0), before + 700 * 4000);
  assert_int_equal(kl_exchange_synthetic_at(w.x, KL_SYNTHETIC_TRADER, 0), SYNTHETIC);
  assert_int_equal(kl_exchange_synthetic_at(w.x, KL_SYNTHETIC_TRADER, 1), UINT32_MAX);
  kl_exchange_free(w.x);
  file_free(&f);
}

static void what_was_due_while_it_was_down_is_done_at_the_start(void **state) {
  (void)state;
  world w = {0};
  file f = {0};
  new_exchange(&w, true);
  add_users(w.x, 40);
  add_market(w.x, 0, START, 0);
  add_market(w.x, 1, START, START + 5000000);
  kl_order_request one = {.user = 2, .ticker = "S0-E-0", .side = KL_BID, .price = 6000, .count = 300};
  kl_order_request two = {.user = 2, .ticker = "S0-E-1", .side = KL_BID, .price = 6000, .count = 300};
  one.expiration_us = START + 3000000;
  assert_int_equal(kl_exchange_create(w.x, START, &one, NULL), KL_X_OK);
  assert_int_equal(kl_exchange_create(w.x, START, &two, NULL), KL_X_OK);
  restart(&w, &f);
  kl_exchange_tick(w.x, START + 10000000);
  assert_int_equal(kl_exchange_order_at(w.x, 2, 1)->reason, KL_REASON_EXPIRY);
  assert_int_equal(kl_exchange_order_at(w.x, 2, 0)->reason, KL_REASON_CLOSE);
  assert_int_equal(kl_exchange_market_at(w.x, 1)->status, KL_MARKET_CLOSED);
  assert_int_equal(kl_exchange_balance(w.x, 2, 0, 0), INT64_C(10000000000));
  kl_exchange_free(w.x);
  file_free(&f);
}

static void a_market_that_time_has_opened_stays_open(void **state) {
  (void)state;
  world w = {0};
  file f = {0};
  new_exchange(&w, true);
  add_users(w.x, 40);
  add_market(w.x, 0, START, 0);
  kl_market later = {.event = kl_exchange_event(w.x, "S0-E"), .created_us = START, .open_us = START + 1000000};
  (void)snprintf(later.ticker, sizeof later.ticker, "S0-E-LATER");
  assert_true(kl_price_structure("linear_cent", &later));
  assert_non_null(kl_exchange_add_market(w.x, &later));
  kl_exchange_tick(w.x, START); /* an hour begins, which all markets note */
  restart(&w, &f);
  assert_int_equal(kl_exchange_market(w.x, "S0-E-LATER")->status, KL_MARKET_INITIALIZED);
  kl_exchange_tick(w.x, START + 2000000);
  restart(&w, &f);
  assert_int_equal(kl_exchange_market(w.x, "S0-E-LATER")->status, KL_MARKET_ACTIVE);
  assert_int_equal(kl_exchange_market(w.x, "S0-E-LATER")->updated_us, START + 2000000);
  kl_exchange_free(w.x);
  file_free(&f);
}

/* ---- damage ---- */

/* Restores a changed file, which must be refused for this reason. */
static void refused(const file *f, const char *because) {
  world w = {0};
  kl_error e = {0};
  new_exchange(&w, true);
  if (restore(w.x, f, &e)) fail_msg("taken, but: %s", because);
  if (!strstr(e.message, because)) print_error("%s\n", e.message);
  assert_non_null(strstr(e.message, because));
  kl_exchange_free(w.x);
}

#define ROW(f, kind, type, i) ((type *)(void *)row(f, kind, i))
/* Changes one member, sees it refused, and changes it back. */
#define WITH(member, value, because)                                                                                   \
  do {                                                                                                                 \
    __typeof__(member) kept_ = (member);                                                                               \
    (member) = (value);                                                                                                \
    refused(&f, because);                                                                                              \
    (member) = kept_;                                                                                                  \
  } while (0)

static void a_file_that_does_not_add_up_is_refused(void **state) {
  (void)state;
  world w = {0};
  file f = {0};
  new_exchange(&w, true);
  add_users(w.x, 40);
  add_market(w.x, 0, START, 0);
  add_market(w.x, 1, START, 0);
  kl_order_request ask = {.user = 3, .ticker = "S0-E-0", .side = KL_ASK, .price = 6000, .count = 1000};
  kl_order_request bid = {.user = 2, .ticker = "S0-E-0", .side = KL_BID, .price = 6000, .count = 300};
  kl_order_request low = {
      .user = 2, .ticker = "S0-E-0", .client_order_id = "a", .side = KL_BID, .price = 5000, .count = 300};
  kl_order_request sell = {.user = 2, .ticker = "S0-E-0", .side = KL_ASK, .price = 7000, .count = 200};
  assert_int_equal(kl_exchange_create(w.x, START, &ask, NULL), KL_X_OK);
  assert_int_equal(kl_exchange_create(w.x, START, &bid, NULL), KL_X_OK);
  assert_int_equal(kl_exchange_create(w.x, START, &low, NULL), KL_X_OK);
  assert_int_equal(kl_exchange_create(w.x, START, &sell, NULL), KL_X_OK);
  save(w.x, &f);
  kl_saved_totals *totals = ROW(&f, KL_SAVED_TOTALS, kl_saved_totals, 0);
  kl_saved_series *series = ROW(&f, KL_SAVED_SERIES, kl_saved_series, 0);
  kl_saved_market *market = ROW(&f, KL_SAVED_MARKET, kl_saved_market, 0);
  kl_saved_account *account = ROW(&f, KL_SAVED_ACCOUNT, kl_saved_account, 12);
  kl_saved_holding *holding = ROW(&f, KL_SAVED_HOLDING, kl_saved_holding, 0);
  kl_saved_order *resting = ROW(&f, KL_SAVED_ORDER, kl_saved_order, 0);
  kl_saved_order *lower = ROW(&f, KL_SAVED_ORDER, kl_saved_order, 2);
  kl_saved_order *closer = ROW(&f, KL_SAVED_ORDER, kl_saved_order, 3);
  assert_int_equal(account->user, 2);
  assert_int_equal(closer->closing, 200);
  WITH(totals->fees, totals->fees + 1, "the money does not add up: 1 millionths of a dollar too many");
  WITH(totals->precision, 3, "no such precision");
  WITH(totals->numbers, 5, "newer than the totals");
  WITH(totals->deposits, INT64_MIN, "out of range");
  WITH(series->s.exchange_index, 9, "shard");
  WITH(series->s.ticker[0], 'X', "its series is missing");
  WITH(market->m.n_bands, 0, "out of range");
  WITH(market->m.bands[0].step, 0, "price bands");
  WITH(market->m.status, KL_MARKET_CLOSED, "rests in a market");
  WITH(market->number, 1000, "newer than the totals");
  WITH(account->cash, -1, "account 13 has less than its orders need");
  WITH(account->cash, INT64_MAX, "out of range");
  WITH(account->shard, 1, "twice");
  WITH(account->user, 77, "no such user");
  WITH(holding->p.position, holding->p.position + 1, "do not add up to zero");
  WITH(holding->p.cost, holding->p.cost - 10, "the money does not add up: 10 millionths of a dollar too few");
  WITH(holding->market, 12345, "missing");
  WITH(resting->o.price, 10000, "out of range");
  WITH(resting->o.remaining, 0, "out of range");
  WITH(resting->o.remaining, resting->o.remaining + 100, "out of range");
  WITH(resting->o.status, 7, "out of range");
  WITH(resting->o.seq, lower->o.seq, "its place in the queue");
  WITH(resting->o.price, 4900, "crosses another");
  WITH(resting->o.id[5], 'x', "out of range");
  WITH(resting->account, account->number, "missing");
  WITH(closer->closing, 301, "out of range");
  WITH(lower->closing, 200, "close more than the position");
  WITH(lower->o.client_order_id[0], 'b', "its client order id is missing");
  WITH(lower->number, 1, "out of order");
  WITH(f.n[KL_SAVED_USER], 2, "no such user");
  WITH(f.n[KL_SAVED_TOTALS], 0, "no totals");
  WITH(f.n[KL_SAVED_ACCOUNT], 4, "missing");
  world whole = {0};
  kl_error e = {0};
  new_exchange(&whole, true);
  assert_true(restore(whole.x, &f, &e));
  kl_exchange_free(whole.x);
  kl_exchange_free(w.x);
  file_free(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_restored_exchange_goes_on_as_if_nothing_had_happened),
      cmocka_unit_test(resting_orders_of_synthetic_users_go_and_their_money_stays),
      cmocka_unit_test(what_was_due_while_it_was_down_is_done_at_the_start),
      cmocka_unit_test(a_market_that_time_has_opened_stays_open),
      cmocka_unit_test(a_file_that_does_not_add_up_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
