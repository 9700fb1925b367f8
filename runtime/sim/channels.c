#include "sim/channels.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sim/json_out.h"
#include "sim/lag.h"
#include "sim/lifecycle_channel.h"
#include "sim/mirror_door.h"
#include "sim/order_groups.h"

/* What the last ticker message of a market said. */
typedef struct kl_sim_quote {
  kl_price bid, ask, last;
  kl_count bid_size, ask_size, volume, open_interest;
  bool dirty;
} kl_sim_quote;

static kl_sim *sim_of(void *data) { return data; }

/* The time of what is going on, as text: it is the same for many messages. */
static const char *now_text(kl_sim *s) {
  if (s->text_us != s->now_us) {
    kl_time_rfc3339(s->text, sizeof s->text, s->now_us, 6);
    s->text_us = s->now_us;
  }
  return s->text;
}

/* Room for the quotes of so many markets; false, with the old ones untouched, when out of memory. */
static bool reserve_quotes(kl_sim *s, size_t markets) {
  size_t cap = s->n_quotes ? s->n_quotes : 64;
  if (markets <= s->n_quotes) return true;
  while (cap < markets)
    cap *= 2;
  uint32_t *dirty = realloc(s->dirty, cap * sizeof *dirty);
  if (dirty) s->dirty = dirty;
  kl_sim_quote *quotes = dirty ? realloc(s->quotes, cap * sizeof *quotes) : NULL;
  if (!quotes) return false;
  memset(quotes + s->n_quotes, 0, (cap - s->n_quotes) * sizeof *quotes);
  s->quotes = quotes;
  s->n_quotes = cap;
  return true;
}

static void mark_dirty(kl_sim *s, const kl_market *m) {
  if (m->index >= s->n_quotes && !reserve_quotes(s, m->index + 1)) {
    kl_log_error("sim", "no memory for the ticker of %s", m->ticker);
    return;
  }
  if (s->quotes[m->index].dirty) return;
  s->quotes[m->index].dirty = true;
  s->dirty[s->n_dirty++] = m->index;
}

#define EACH_SESSION(s, c)                                                                                             \
  for (kl_list *at_ = (s)->sessions.next, *next_ = at_->next;                                                          \
       at_ != &(s)->sessions && ((c) = KL_CONTAINER(at_, kl_sim_session, link)); at_ = next_, next_ = at_->next)

/* ---- book ---- */

static void delta_body(kl_sim *s, kl_buf *b, const kl_market *m, kl_outcome side, kl_price price, kl_count delta,
                       const kl_order *own) {
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "market_ticker", m->ticker);
  kl_sim_field_str(b, "market_id", m->id);
  kl_sim_field_price(b, "price_dollars", price);
  kl_sim_field_count(b, "delta_fp", delta);
  kl_sim_field_str(b, "side", kl_sim_outcome_name(side));
  if (own && own->client_order_id[0]) kl_sim_field_str(b, "client_order_id", own->client_order_id);
  if (own && own->subaccount) kl_sim_field_int(b, "subaccount", own->subaccount);
  kl_sim_field_str(b, "ts", now_text(s));
  kl_sim_field_int(b, "ts_ms", s->now_us / 1000);
  kl_buf_char(b, '}');
}

static void on_level(void *data, const kl_market *m, kl_outcome side, kl_price price, kl_count delta,
                     const kl_order *by) {
  kl_sim *s = sim_of(data);
  kl_sim_session *c;
  kl_sim_payload *made[2][2] = {{NULL, NULL}, {NULL, NULL}}; /* by own order, by convention of the NO side */
  if (s->traders) kl_sim_traders_count_level(s->traders);
  mark_dirty(s, m);
  EACH_SESSION(s, c) {
    kl_sim_sub *sub = c->subs[KL_CH_BOOK];
    if (!sub || !kl_sim_sub_wants(sub, m->index)) continue;
    bool own = by && kl_sim_session_sees(c, by->user, by->subaccount), turned = sub->use_yes_price && side == KL_NO;
    kl_sim_payload **p = &made[own][turned];
    if (!*p) {
      kl_buf b = {0};
      delta_body(s, &b, m, side, turned ? KL_PRICE_ONE - price : price, delta, own ? by : NULL);
      *p = kl_sim_payload_new("orderbook_delta", &b);
      kl_buf_free(&b);
    }
    kl_sim_session_send(c, sub, *p, 0);
  }
  for (int i = 0; i < 4; i++)
    kl_sim_payload_release(made[i / 2][i % 2]);
}

void kl_sim_send_snapshot(kl_sim_session *c, kl_sim_sub *sub, const kl_market *m, int64_t id) {
  kl_buf b = {0};
  kl_buf_char(&b, '{');
  kl_sim_field_str(&b, "market_ticker", m->ticker);
  kl_sim_field_str(&b, "market_id", m->id);
  if (kl_exchange_levels(m, KL_YES) > 0) {
    kl_sim_key(&b, "yes_dollars_fp");
    kl_sim_json_levels(&b, m, KL_YES, 0, sub->use_yes_price);
  }
  if (kl_exchange_levels(m, KL_NO) > 0) {
    kl_sim_key(&b, "no_dollars_fp");
    kl_sim_json_levels(&b, m, KL_NO, 0, sub->use_yes_price);
  }
  kl_buf_char(&b, '}');
  kl_sim_payload *p = kl_sim_payload_new("orderbook_snapshot", &b);
  kl_buf_free(&b);
  kl_sim_session_send(c, sub, p, id);
  kl_sim_payload_release(p);
}

/* ---- ticker ---- */

static kl_sim_payload *ticker_payload(kl_sim *s, const kl_market *m) {
  kl_price bid, ask;
  kl_count bid_size, ask_size;
  kl_buf b = {0};
  kl_exchange_top(m, &bid, &bid_size, &ask, &ask_size);
  kl_buf_char(&b, '{');
  kl_sim_field_str(&b, "market_ticker", m->ticker);
  kl_sim_field_str(&b, "market_id", m->id);
  kl_sim_field_price(&b, "price_dollars", m->last_price);
  kl_sim_field_price(&b, "yes_bid_dollars", bid);
  kl_sim_field_price(&b, "yes_ask_dollars", ask);
  kl_sim_field_count(&b, "volume_fp", m->volume);
  kl_sim_field_count(&b, "open_interest_fp", m->open_interest);
  kl_sim_field_int(&b, "dollar_volume", m->dollar_volume / KL_MONEY_ONE);
  kl_sim_field_int(&b, "dollar_open_interest", m->dollar_open_interest / KL_MONEY_ONE);
  kl_sim_field_count(&b, "yes_bid_size_fp", bid_size);
  kl_sim_field_count(&b, "yes_ask_size_fp", ask_size);
  kl_sim_field_count(&b, "last_trade_size_fp", m->last_size);
  kl_sim_field_int(&b, "ts", s->now_us / 1000000);
  kl_sim_field_int(&b, "ts_ms", s->now_us / 1000);
  kl_sim_field_str(&b, "time", now_text(s));
  kl_buf_char(&b, '}');
  kl_sim_payload *p = kl_sim_payload_new("ticker", &b);
  kl_buf_free(&b);
  return p;
}

void kl_sim_send_ticker(kl_sim_session *c, kl_sim_sub *sub, const kl_market *m) {
  kl_sim_payload *p = ticker_payload(c->sim, m);
  kl_sim_session_send(c, sub, p, 0);
  kl_sim_payload_release(p);
}

/* Whether the ticker says anything new; remembers what it says. */
static bool ticker_changed(kl_sim_quote *q, const kl_market *m) {
  kl_sim_quote now = {.last = m->last_price, .volume = m->volume, .open_interest = m->open_interest};
  kl_exchange_top(m, &now.bid, &now.bid_size, &now.ask, &now.ask_size);
  bool same = q->bid == now.bid && q->ask == now.ask && q->last == now.last && q->bid_size == now.bid_size &&
              q->ask_size == now.ask_size && q->volume == now.volume && q->open_interest == now.open_interest;
  *q = now;
  return !same;
}

void kl_sim_channels_flush(kl_sim *s) {
  kl_sim_session *c;
  for (size_t i = 0; i < s->n_dirty; i++) {
    uint32_t index = s->dirty[i];
    const kl_market *m = kl_exchange_market_by_index(s->x, index);
    kl_sim_candles_quote(s->candles, m, s->now_us);
    if (!ticker_changed(&s->quotes[index], m)) continue;
    kl_sim_payload *p = NULL;
    EACH_SESSION(s, c) {
      kl_sim_sub *sub = c->subs[KL_CH_TICKER];
      if (!sub || !kl_sim_sub_wants(sub, index)) continue;
      if (!p) p = ticker_payload(s, m);
      kl_sim_session_send(c, sub, p, 0);
    }
    kl_sim_payload_release(p);
  }
  s->n_dirty = 0;
}

void kl_sim_channels_forget(kl_sim *s, const kl_market *m) {
  kl_sim_session *c;
  EACH_SESSION(s, c) {
    for (int ch = 0; ch < KL_CH_COUNT; ch++)
      if (c->subs[ch]) kl_sim_sub_remove(c->subs[ch], m->index);
  }
  if (m->index < s->n_quotes) s->quotes[m->index] = (kl_sim_quote){0};
}

/* ---- trades, fills, orders, positions ---- */

static void on_trade(void *data, const kl_trade *t) {
  kl_sim *s = sim_of(data);
  kl_sim_session *c;
  kl_sim_payload *p = NULL;
  kl_sim_count(&s->counters.trades);
  if (s->candles) kl_sim_candles_trade(s->candles, t);
  mark_dirty(s, t->market);
  EACH_SESSION(s, c) {
    kl_sim_sub *sub = c->subs[KL_CH_TRADE];
    if (!sub || !kl_sim_sub_wants(sub, t->market->index)) continue;
    if (!p) {
      kl_buf b = {0};
      const char *outcome = kl_sim_outcome_name(kl_sim_outcome(t->taker_side));
      kl_buf_char(&b, '{');
      kl_sim_field_str(&b, "trade_id", t->id);
      kl_sim_field_str(&b, "market_ticker", t->market->ticker);
      kl_sim_field_price(&b, "yes_price_dollars", t->yes_price);
      kl_sim_field_price(&b, "no_price_dollars", KL_PRICE_ONE - t->yes_price);
      kl_sim_field_count(&b, "count_fp", t->count);
      kl_sim_field_str(&b, "taker_side", outcome);
      kl_sim_field_str(&b, "taker_outcome_side", outcome);
      kl_sim_field_str(&b, "taker_book_side", kl_sim_side_name(t->taker_side));
      kl_sim_field_bool(&b, "is_block_trade", t->block);
      kl_sim_field_int(&b, "ts", t->ts_us / 1000000);
      kl_sim_field_int(&b, "ts_ms", t->ts_us / 1000);
      kl_buf_char(&b, '}');
      p = kl_sim_payload_new("trade", &b);
      kl_buf_free(&b);
    }
    kl_sim_session_send(c, sub, p, 0);
  }
  kl_sim_payload_release(p);
}

/* Whether any session of the user wants the channel's messages of the market: most users have none. */
static bool anyone(kl_sim *s, kl_sim_channel ch, uint32_t user, int subaccount, const kl_market *m) {
  kl_sim_session *c;
  EACH_SESSION(s, c)
  if (kl_sim_session_sees(c, user, subaccount) && c->subs[ch] && kl_sim_sub_wants(c->subs[ch], m->index)) return true;
  return false;
}

/* Sends a body to all sessions of the user; frees the body. */
static void tell_user(kl_sim *s, kl_sim_channel ch, uint32_t user, int subaccount, const kl_market *m, const char *type,
                      kl_buf *b) {
  kl_sim_session *c;
  kl_sim_payload *p = kl_sim_payload_new(type, b);
  kl_buf_free(b);
  EACH_SESSION(s, c) {
    kl_sim_sub *sub = c->subs[ch];
    if (kl_sim_session_sees(c, user, subaccount) && sub && kl_sim_sub_wants(sub, m->index))
      kl_sim_session_send(c, sub, p, 0);
  }
  kl_sim_payload_release(p);
}

static void on_fill(void *data, const kl_fill *f) {
  kl_sim *s = sim_of(data);
  if (s->traders) kl_sim_traders_fill(s->traders, f);
  if (!anyone(s, KL_CH_FILL, f->user, f->subaccount, f->market)) return;
  kl_buf b = {0};
  const char *outcome = kl_sim_outcome_name(kl_sim_outcome(f->side));
  kl_buf_char(&b, '{');
  kl_sim_field_str(&b, "trade_id", f->trade_id);
  kl_sim_field_str(&b, "order_id", f->order_id);
  if (f->order && f->order->client_order_id[0]) kl_sim_field_str(&b, "client_order_id", f->order->client_order_id);
  kl_sim_field_str(&b, "market_ticker", f->market->ticker);
  kl_sim_field_int(&b, "exchange_index", f->market->exchange_index);
  kl_sim_field_bool(&b, "is_taker", f->is_taker);
  kl_sim_field_str(&b, "side", "yes");
  kl_sim_field_price(&b, "yes_price_dollars", f->yes_price);
  kl_sim_field_count(&b, "count_fp", f->count);
  kl_sim_field_money(&b, "fee_cost", f->fee);
  kl_sim_field_str(&b, "action", f->side == KL_BID ? "buy" : "sell");
  kl_sim_field_str(&b, "outcome_side", outcome);
  kl_sim_field_str(&b, "book_side", kl_sim_side_name(f->side));
  kl_sim_field_int(&b, "ts", f->ts_us / 1000000);
  kl_sim_field_int(&b, "ts_ms", f->ts_us / 1000);
  kl_sim_field_count(&b, "post_position_fp", f->post_position);
  kl_sim_field_str(&b, "purchased_side", outcome);
  if (f->subaccount) kl_sim_field_int(&b, "subaccount", f->subaccount);
  kl_buf_char(&b, '}');
  tell_user(s, KL_CH_FILL, f->user, f->subaccount, f->market, "fill", &b);
}

static void on_order(void *data, const kl_order *o) {
  static const char *const status[] = {
      [KL_ORDER_RESTING] = "resting", [KL_ORDER_CANCELED] = "canceled", [KL_ORDER_EXECUTED] = "executed"};
  kl_sim *s = sim_of(data);
  kl_sim_lag_order(s->lag, o);
  kl_mirror *mirror = kl_sim_mirror_of(s);
  if (mirror && !kl_mirror_is_other(mirror, o->user) && o->status == KL_ORDER_CANCELED && o->reason == KL_REASON_CANCEL)
    kl_mirror_canceled(mirror, s->now_us, o);
  if (!anyone(s, KL_CH_ORDERS, o->user, o->subaccount, o->market)) return;
  const char *reason = kl_update_reason_name(o->reason);
  kl_buf b = {0};
  kl_buf_char(&b, '{');
  kl_sim_field_str(&b, "order_id", o->id);
  kl_sim_field_str(&b, "user_id", kl_exchange_user_id(s->x, o->user));
  kl_sim_field_str(&b, "ticker", o->market->ticker);
  kl_sim_field_int(&b, "exchange_index", o->market->exchange_index);
  kl_sim_field_str(&b, "status", status[o->status]);
  kl_sim_field_str(&b, "side", "yes");
  kl_sim_field_bool(&b, "is_yes", true);
  kl_sim_field_str(&b, "outcome_side", kl_sim_outcome_name(kl_sim_outcome(o->side)));
  kl_sim_field_str(&b, "book_side", kl_sim_side_name(o->side));
  kl_sim_field_price(&b, "yes_price_dollars", o->price);
  kl_sim_field_count(&b, "fill_count_fp", o->filled);
  kl_sim_field_count(&b, "remaining_count_fp", o->remaining);
  kl_sim_field_count(&b, "initial_count_fp", o->initial);
  kl_sim_field_money(&b, "taker_fill_cost_dollars", o->taker_cost);
  kl_sim_field_money(&b, "maker_fill_cost_dollars", o->maker_cost);
  kl_sim_field_money(&b, "taker_fees_dollars", o->taker_fees);
  kl_sim_field_money(&b, "maker_fees_dollars", o->maker_fees);
  kl_sim_field_str(&b, "client_order_id", o->client_order_id);
  if (o->order_group_id[0]) kl_sim_field_str(&b, "order_group_id", o->order_group_id);
  kl_sim_field_str(&b, "self_trade_prevention_type", o->stp == KL_STP_MAKER ? "maker" : "taker_at_cross");
  kl_sim_field_time(&b, "created_time", o->created_us);
  kl_sim_field_time(&b, "last_update_time", o->updated_us);
  if (o->expiration_us) {
    kl_sim_field_time(&b, "expiration_time", o->expiration_us);
    kl_sim_field_int(&b, "expiration_ts_ms", o->expiration_us / 1000);
  }
  kl_sim_field_int(&b, "created_ts_ms", o->created_us / 1000);
  kl_sim_field_int(&b, "last_updated_ts_ms", o->updated_us / 1000);
  if (reason) kl_sim_field_str(&b, "last_update_reason", reason);
  if (o->subaccount) kl_sim_field_int(&b, "subaccount_number", o->subaccount);
  kl_buf_char(&b, '}');
  tell_user(s, KL_CH_ORDERS, o->user, o->subaccount, o->market, "user_order", &b);
}

static void on_position(void *data, uint32_t user, int subaccount, const kl_position *p) {
  kl_sim *s = sim_of(data);
  kl_sim_lag_position(s->lag, user, subaccount, p);
  if (!anyone(s, KL_CH_POSITIONS, user, subaccount, p->market)) return;
  kl_buf b = {0};
  kl_buf_char(&b, '{');
  kl_sim_field_str(&b, "user_id", kl_exchange_user_id(s->x, user));
  kl_sim_field_str(&b, "market_ticker", p->market->ticker);
  kl_sim_field_count(&b, "position_fp", p->position);
  kl_sim_field_money(&b, "position_cost_dollars", p->cost);
  kl_sim_field_money(&b, "realized_pnl_dollars", p->realized);
  kl_sim_field_money(&b, "fees_paid_dollars", p->fees);
  kl_sim_field_money(&b, "position_fee_cost_dollars", p->position_fees);
  kl_sim_field_count(&b, "volume_fp", p->volume);
  if (subaccount) kl_sim_field_int(&b, "subaccount", subaccount);
  kl_buf_char(&b, '}');
  tell_user(s, KL_CH_POSITIONS, user, subaccount, p->market, "market_position", &b);
}

/* ---- markets, events, order groups ---- */

static void on_market(void *data, const kl_market *m, const char *event_type) {
  mark_dirty(data, m);
  kl_sim_tell_market(data, m, event_type);
}

static void on_event(void *data, const kl_market_event *e) { kl_sim_tell_event(data, e); }

static void on_group(void *data, const kl_order_group *g, const char *event_type) {
  const kl_sim *s = data;
  kl_sim_groups_keep(data, g, event_type);
  if (kl_sim_mirror_of(s)) kl_mirror_group(kl_sim_mirror_of(s), s->now_us, g, event_type);
  kl_sim_tell_group(data, g, event_type);
}

static void on_fees(void *data, const kl_market_event *e) { kl_sim_tell_fees(data, e); }

kl_exchange_sink kl_sim_channels_sink(kl_sim *s) {
  return (kl_exchange_sink){.data = s,
                            .level = on_level,
                            .trade = on_trade,
                            .fill = on_fill,
                            .order = on_order,
                            .position = on_position,
                            .market = on_market,
                            .event = on_event,
                            .group = on_group,
                            .fees = on_fees};
}

bool kl_sim_channels_init(kl_sim *s) { return reserve_quotes(s, kl_exchange_market_count(s->x)); }
