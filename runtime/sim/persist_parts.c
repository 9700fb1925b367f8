#include "sim/persist_parts.h"

#include <stdlib.h>
#include <string.h>

#include "exchange/saved.h"
#include "sim/persist_world.h"

/* What the synthetic past of a market is made from. */
typedef struct past_row {
  uint64_t number; /* of the market */
  bool past;
  double fair;
} past_row;

#define T(name, member) KL_SIM_FIELD(past_row, name, member)
static const kl_sim_field past_fields[] = {T("number", number), T("past", past), T("fair", fair)};
#undef T

/* A minute since the start. */
typedef struct candle_row {
  uint64_t number;              /* of the market, shifted, and the minute since 1970 at whose end it is */
  int bid[4], ask[4], price[4]; /* open, low, high, close */
  kl_count volume, open_interest;
  kl_money cost;
} candle_row;

enum { MINUTE_BITS = 26 };

#define T(name, member) KL_SIM_FIELD(candle_row, name, member)
static const kl_sim_field candle_fields[] = {T("number", number),
                                             T("bid_open", bid[0]),
                                             T("bid_low", bid[1]),
                                             T("bid_high", bid[2]),
                                             T("bid_close", bid[3]),
                                             T("ask_open", ask[0]),
                                             T("ask_low", ask[1]),
                                             T("ask_high", ask[2]),
                                             T("ask_close", ask[3]),
                                             T("price_open", price[0]),
                                             T("price_low", price[1]),
                                             T("price_high", price[2]),
                                             T("price_close", price[3]),
                                             T("volume", volume),
                                             T("open_interest", open_interest),
                                             T("cost", cost)};
#undef T

static const kl_sim_table past_table = {"pasts", past_fields, sizeof past_fields / sizeof *past_fields,
                                        sizeof(past_row)};
static const kl_sim_table candle_table = {"candles", candle_fields, sizeof candle_fields / sizeof *candle_fields,
                                          sizeof(candle_row)};

struct kl_sim_parts {
  kl_sim_store *st;
  kl_sim_rows pasts, candles;
  sqlite3_stmt *drop_candles;
  kl_sim_world_rows *world;
  const kl_exchange *x;
};

kl_sim_parts *kl_sim_parts_open(kl_sim_store *st) {
  kl_sim_parts *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  p->st = st;
  if (kl_sim_rows_open(&p->pasts, st, &past_table) && kl_sim_rows_open(&p->candles, st, &candle_table))
    p->drop_candles = kl_sim_store_prepare(st, "DELETE FROM candles WHERE number >= ?1 AND number < ?2");
  p->world = kl_sim_world_rows_open(st);
  if (p->world) return p;
  kl_sim_parts_close(p);
  return NULL;
}

void kl_sim_parts_close(kl_sim_parts *p) {
  if (!p) return;
  kl_sim_rows_close(&p->pasts);
  kl_sim_rows_close(&p->candles);
  sqlite3_finalize(p->drop_candles);
  kl_sim_world_rows_close(p->world);
  free(p);
}

/* ---- saving ---- */

static uint64_t number_at(const kl_sim_parts *p, uint32_t market) {
  return kl_market_number(kl_exchange_market_by_index(p->x, market));
}

static uint64_t candle_number(uint64_t market, int64_t end_s) {
  return market << MINUTE_BITS | ((uint64_t)(end_s / 60) & ((UINT64_C(1) << MINUTE_BITS) - 1));
}

static void put_past(void *data, uint32_t market, bool past, double fair) {
  kl_sim_parts *p = data;
  kl_sim_rows_put(&p->pasts, &(past_row){number_at(p, market), past, fair});
}

static void spread(int out[4], const kl_sim_ohlc *o) {
  out[0] = o->open;
  out[1] = o->low;
  out[2] = o->high;
  out[3] = o->close;
}

static kl_sim_ohlc gathered(const int in[4]) {
  return (kl_sim_ohlc){(int16_t)in[0], (int16_t)in[1], (int16_t)in[2], (int16_t)in[3]};
}

static void put_candle(void *data, uint32_t market, const kl_sim_candle *k) {
  kl_sim_parts *p = data;
  candle_row row = {.number = candle_number(number_at(p, market), k->end_s),
                    .volume = k->volume,
                    .open_interest = k->open_interest,
                    .cost = k->cost};
  spread(row.bid, &k->bid);
  spread(row.ask, &k->ask);
  spread(row.price, &k->price);
  kl_sim_rows_put(&p->candles, &row);
}

/* Those from one number up to another. */
static void drop_range(kl_sim_parts *p, uint64_t from, uint64_t to) {
  if (!p->drop_candles) return;
  sqlite3_bind_int64(p->drop_candles, 1, (int64_t)from);
  sqlite3_bind_int64(p->drop_candles, 2, (int64_t)to);
  kl_sim_store_run(p->st, p->drop_candles);
}

static void drop_candles(void *data, uint32_t market, int64_t before_s) {
  kl_sim_parts *p = data;
  uint64_t number = number_at(p, market);
  drop_range(p, number << MINUTE_BITS, candle_number(number, before_s));
}

void kl_sim_parts_forget(kl_sim_parts *p, const kl_market *m) {
  uint64_t number = kl_market_number(m);
  drop_range(p, number << MINUTE_BITS, (number + 1) << MINUTE_BITS);
  kl_sim_rows_drop(&p->pasts, number);
  kl_sim_world_rows_forget(p->world, m);
}

void kl_sim_parts_save(kl_sim_parts *p, kl_sim *s) {
  p->x = s->x;
  kl_sim_candles_save(s->candles, &(kl_sim_candles_writer){p, put_past, put_candle, drop_candles});
  kl_sim_world_rows_save(p->world, &s->world);
}

void kl_sim_parts_forget_event(kl_sim_parts *p, const kl_sim_event *e) { kl_sim_world_rows_forget_event(p->world, e); }

/* ---- loading ---- */

static bool wrong(kl_sim *s, const char *what) {
  return kl_sim_store_damaged(s->store, "%s of a market makes no sense", what);
}

static bool load_past(void *data, const void *record) {
  kl_sim *s = data;
  const past_row *r = record;
  const kl_market *m = kl_exchange_market_numbered(s->x, r->number);
  if (!m) return true; /* forgotten with its event */
  if (!(r->fair > 0 && r->fair < 1)) return wrong(s, "the past");
  return kl_sim_candles_resume(s->candles, m, r->past, r->fair);
}

static bool prices(const int p[4]) {
  for (int i = 0; i < 4; i++)
    if (p[i] < 0 || p[i] > KL_PRICE_ONE) return false;
  return true;
}

static bool load_candle(void *data, const void *record) {
  kl_sim *s = data;
  const candle_row *r = record;
  const kl_market *m = kl_exchange_market_numbered(s->x, r->number >> MINUTE_BITS);
  if (!m) return true;
  if (!prices(r->bid) || !prices(r->ask) || !prices(r->price)) return wrong(s, "a candlestick");
  kl_sim_candle k = {.end_s = (int64_t)(r->number & ((UINT64_C(1) << MINUTE_BITS) - 1)) * 60,
                     .bid = gathered(r->bid),
                     .ask = gathered(r->ask),
                     .price = gathered(r->price),
                     .volume = r->volume,
                     .cost = r->cost,
                     .open_interest = r->open_interest};
  return kl_sim_candles_restore(s->candles, m, &k);
}

/* What belonged to events that were forgotten: rows of the second in which they went may have been left. */
static bool sweep(kl_sim_parts *p) {
  static const char *const sql[] = {"DELETE FROM pasts WHERE number NOT IN (SELECT number FROM markets)",
                                    "DELETE FROM candles WHERE (number >> 26) NOT IN (SELECT number FROM markets)",
                                    "DELETE FROM world_markets WHERE number NOT IN (SELECT number FROM markets)",
                                    "DELETE FROM world_events WHERE ticker NOT IN (SELECT ticker FROM events)"};
  bool ok = true;
  for (size_t i = 0; ok && i < sizeof sql / sizeof *sql; i++) {
    sqlite3_stmt *q = kl_sim_store_prepare(p->st, sql[i]);
    ok = kl_sim_store_run(p->st, q);
    sqlite3_finalize(q);
  }
  return ok;
}

bool kl_sim_parts_load(kl_sim_parts *p, kl_sim *s) {
  if (!sweep(p)) return false;
  past_row past;
  candle_row candle;
  return kl_sim_world_rows_load(p->world, s) && kl_sim_rows_each(&p->pasts, &past, load_past, s) &&
         kl_sim_rows_each(&p->candles, &candle, load_candle, s);
}
