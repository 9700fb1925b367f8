#include "sim/json_out.h"

#include <string.h>

#include "sim/archive.h"
#include "sim/targets.h"

void kl_sim_field_price(kl_buf *b, const char *key, kl_price value) {
  kl_sim_key(b, key);
  kl_buf_json_decimal(b, value, KL_PRICE_PLACES);
}

void kl_sim_field_count(kl_buf *b, const char *key, kl_count value) {
  kl_sim_key(b, key);
  kl_buf_json_decimal(b, value, KL_COUNT_PLACES);
}

void kl_sim_field_money(kl_buf *b, const char *key, kl_money value) {
  kl_sim_key(b, key);
  kl_buf_json_decimal(b, value, KL_MONEY_PLACES);
}

void kl_sim_field_money4(kl_buf *b, const char *key, kl_money value) {
  kl_sim_key(b, key);
  kl_buf_json_decimal(b, value / 100, 4);
}

void kl_sim_field_time(kl_buf *b, const char *key, int64_t us) {
  char text[40];
  kl_time_rfc3339(text, sizeof text, us, 6);
  kl_sim_field_str(b, key, text);
}

const char *kl_sim_outcome_name(kl_outcome o) { return o == KL_YES ? "yes" : "no"; }

/* Both vocabularies of direction. Orders made by V2 read back as side yes, action buy (bid) or sell (ask). */
static void direction(kl_buf *b, kl_side side) {
  kl_sim_field_str(b, "side", "yes");
  kl_sim_field_str(b, "action", side == KL_BID ? "buy" : "sell");
  kl_sim_field_str(b, "outcome_side", kl_sim_outcome_name(kl_sim_outcome(side)));
  kl_sim_field_str(b, "book_side", kl_sim_side_name(side));
}

void kl_sim_field_ppm(kl_buf *b, const char *key, int64_t ppm) {
  kl_sim_key(b, key);
  if (ppm % 1000000 == 0) {
    kl_buf_int(b, ppm / 1000000);
  } else {
    kl_buf_decimal(b, ppm, 6);
  }
}

const char *kl_sim_fee_name(kl_fee_type t) {
  switch (t) {
  case KL_FEE_QUADRATIC_MAKER:
    return "quadratic_with_maker_fees";
  case KL_FEE_QUADRATIC_COMBO_MAKER:
    return "quadratic_with_combo_maker_fees";
  case KL_FEE_FLAT:
    return "flat";
  default:
    return "quadratic";
  }
}

void kl_sim_fee_override_fields(kl_buf *b, const kl_fee_type *type, const int64_t *multiplier_ppm) {
  kl_sim_key(b, "fee_type_override");
  if (type)
    kl_buf_json_cstr(b, kl_sim_fee_name(*type));
  else
    kl_buf_str(b, "null");
  if (multiplier_ppm) {
    kl_sim_field_ppm(b, "fee_multiplier_override", *multiplier_ppm);
  } else {
    kl_sim_key(b, "fee_multiplier_override");
    kl_buf_str(b, "null");
  }
}

void kl_sim_json_sources(kl_buf *b) {
  kl_sim_key(b, "settlement_sources");
  kl_buf_str(b, "[{\"name\":\"Kalua exchange simulator\",\"url\":\"https://example.org/settlement\"}]");
}

/* What is known of a product beyond the fields that all have. */
static void product_metadata(kl_buf *b, const kl_series *series) {
  kl_sim_subject about;
  kl_sim_subject_of(series, &about);
  kl_sim_key(b, "product_metadata");
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "cadence", series->frequency);
  if (about.competition[0]) kl_sim_field_str(b, "competition", about.competition);
  if (about.scope[0]) kl_sim_field_str(b, "scope", about.scope);
  kl_buf_char(b, '}');
}

int64_t kl_sim_event_updated_us(const kl_market_event *e) {
  int64_t last = 0;
  for (size_t i = 0; i < e->n_markets; i++)
    if (e->markets[i]->updated_us > last) last = e->markets[i]->updated_us;
  return last;
}

void kl_sim_json_series(kl_buf *b, const kl_sim *s, const kl_series *series, bool with_volume, bool with_metadata) {
  const char *const *tags = kl_sim_world_tags(series->ticker);
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "ticker", series->ticker);
  kl_sim_field_str(b, "frequency", series->frequency);
  kl_sim_field_str(b, "title", series->title);
  kl_sim_field_str(b, "category", series->category);
  kl_sim_key(b, "tags");
  kl_buf_char(b, '[');
  for (size_t i = 0; tags[i]; i++) {
    if (i) kl_buf_char(b, ',');
    kl_buf_json_cstr(b, tags[i]);
  }
  kl_buf_char(b, ']');
  kl_sim_json_sources(b);
  kl_sim_field_str(b, "contract_url", "https://example.org/contract.pdf");
  kl_sim_field_str(b, "contract_terms_url", "https://example.org/terms.pdf");
  kl_sim_field_str(b, "fee_type", kl_sim_fee_name(series->fee_type));
  kl_sim_field_ppm(b, "fee_multiplier", series->fee_multiplier_ppm);
  kl_sim_key(b, "additional_prohibitions");
  kl_buf_str(b, "[]");
  kl_sim_key(b, "categories");
  kl_buf_char(b, '[');
  kl_buf_json_cstr(b, series->category);
  kl_buf_char(b, ']');
  kl_sim_field_int(b, "exchange_index", series->exchange_index);
  if (with_volume) kl_sim_field_count(b, "volume_fp", series->volume);
  if (with_metadata) product_metadata(b, series);
  kl_sim_field_time(b, "last_updated_ts", s->start_us);
  kl_buf_char(b, '}');
}

void kl_sim_json_event(kl_buf *b, const kl_sim *s, const kl_market_event *ev, bool with_markets) {
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "event_ticker", ev->ticker);
  kl_sim_field_str(b, "series_ticker", ev->series->ticker);
  kl_sim_field_str(b, "sub_title", ev->sub_title);
  kl_sim_field_str(b, "title", ev->title);
  kl_sim_field_str(b, "collateral_return_type", ev->mutually_exclusive ? "MECNET" : "");
  kl_sim_field_bool(b, "mutually_exclusive", ev->mutually_exclusive);
  kl_sim_field_str(b, "category", ev->series->category);
  if (ev->n_markets > 0) kl_sim_field_time(b, "strike_date", ev->markets[0]->close_us);
  if (with_markets) {
    kl_sim_key(b, "markets");
    kl_buf_char(b, '[');
    /* Events stay where they are; their markets move to the historical tier together. */
    for (size_t i = 0; i < ev->n_markets && !kl_sim_archived_market(s, ev->markets[0]); i++) {
      if (i) kl_buf_char(b, ',');
      kl_sim_json_market(b, ev->markets[i]);
    }
    kl_buf_char(b, ']');
  }
  kl_sim_json_sources(b);
  product_metadata(b, ev->series);
  kl_sim_field_time(b, "last_updated_ts", ev->n_markets ? kl_sim_event_updated_us(ev) : s->start_us);
  if (ev->has_fee_type) kl_sim_field_str(b, "fee_type_override", kl_sim_fee_name(ev->fee_type));
  if (ev->has_fee_multiplier) kl_sim_field_ppm(b, "fee_multiplier_override", ev->fee_multiplier_ppm);
  kl_sim_field_int(b, "exchange_index", ev->series->exchange_index);
  kl_buf_char(b, '}');
}

void kl_sim_json_price_ranges(kl_buf *b, const kl_market *m) {
  kl_buf_char(b, '[');
  for (int i = 0; i < m->n_bands; i++) {
    if (i) kl_buf_char(b, ',');
    kl_buf_char(b, '{');
    kl_sim_field_price(b, "start", m->bands[i].start);
    kl_sim_field_price(b, "end", m->bands[i].end);
    kl_sim_field_price(b, "step", m->bands[i].step);
    kl_buf_char(b, '}');
  }
  kl_buf_char(b, ']');
}

const char *kl_sim_result_name(const kl_market *m) {
  if (m->settlement < 0) return "";
  return m->settlement == KL_PRICE_ONE ? "yes" : m->settlement == 0 ? "no" : "scalar";
}

void kl_sim_field_number(kl_buf *b, const char *key, double v) {
  kl_sim_key(b, key);
  kl_buf_printf(b, "%.10g", v);
}

void kl_sim_json_combo(kl_buf *b, const kl_market *m) {
  if (m->n_legs == 0) return;
  kl_sim_field_str(b, "mve_collection_ticker", m->collection);
  kl_sim_key(b, "mve_selected_legs");
  kl_buf_char(b, '[');
  for (size_t i = 0; i < m->n_legs; i++) {
    const kl_market *leg = m->legs[i].market;
    kl_buf_str(b, i ? ",{" : "{");
    kl_sim_field_str(b, "event_ticker", leg->event->ticker);
    kl_sim_field_str(b, "market_ticker", leg->ticker);
    kl_sim_field_str(b, "side", kl_sim_outcome_name(m->legs[i].side));
    if (leg->settlement >= 0) kl_sim_field_price(b, "yes_settlement_value_dollars", leg->settlement);
    kl_buf_char(b, '}');
  }
  kl_buf_char(b, ']');
}

bool kl_sim_json_custom_strike(kl_buf *b, const kl_market *m, char *key) {
  kl_uuid target;
  char type[32];
  if (strcmp(m->strike_type, "structured") != 0 || !kl_sim_target_of(m, target, type)) return false;
  kl_sim_key(b, "custom_strike");
  kl_buf_char(b, '{');
  kl_sim_field_str(b, type, target);
  kl_buf_char(b, '}');
  if (key) memcpy(key, type, sizeof type);
  return true;
}

void kl_sim_json_market(kl_buf *b, const kl_market *m) {
  kl_price bid, ask;
  kl_count bid_size, ask_size;
  kl_exchange_top(m, &bid, &bid_size, &ask, &ask_size);
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "ticker", m->ticker);
  kl_sim_field_str(b, "event_ticker", m->event->ticker);
  kl_sim_field_str(b, "market_type", "binary");
  kl_sim_field_str(b, "title", m->title);
  kl_sim_field_str(b, "yes_sub_title", m->yes_sub_title);
  kl_sim_field_str(b, "no_sub_title", m->no_sub_title);
  kl_sim_field_time(b, "created_time", m->created_us);
  kl_sim_field_time(b, "updated_time", m->updated_us);
  kl_sim_field_time(b, "open_time", m->open_us);
  kl_sim_field_time(b, "close_time", m->close_us);
  kl_sim_field_time(b, "latest_expiration_time", m->latest_expiration_us);
  kl_sim_field_time(b, "expected_expiration_time", m->expected_expiration_us);
  kl_sim_field_int(b, "settlement_timer_seconds", m->settlement_timer_s);
  kl_sim_field_str(b, "status", kl_market_status_name(m->status));
  kl_sim_field_price(b, "yes_bid_dollars", bid);
  kl_sim_field_count(b, "yes_bid_size_fp", bid_size);
  kl_sim_field_price(b, "yes_ask_dollars", ask);
  kl_sim_field_count(b, "yes_ask_size_fp", ask_size);
  kl_sim_field_price(b, "no_bid_dollars", KL_PRICE_ONE - ask);
  kl_sim_field_price(b, "no_ask_dollars", KL_PRICE_ONE - bid);
  kl_sim_field_price(b, "last_price_dollars", m->last_price);
  kl_sim_field_count(b, "volume_fp", m->volume);
  kl_sim_field_count(b, "volume_24h_fp", m->volume_24h);
  kl_sim_field_str(b, "result", kl_sim_result_name(m));
  kl_sim_field_bool(b, "can_close_early", true);
  kl_sim_field_count(b, "open_interest_fp", m->open_interest);
  kl_sim_field_price(b, "notional_value_dollars", KL_PRICE_ONE);
  kl_sim_field_price(b, "previous_yes_bid_dollars", m->previous_bid);
  kl_sim_field_price(b, "previous_yes_ask_dollars", m->previous_ask);
  kl_sim_field_price(b, "previous_price_dollars", m->previous_price);
  kl_sim_field_str(b, "expiration_value", kl_sim_result_name(m));
  kl_sim_field_str(b, "rules_primary", m->rules);
  kl_sim_field_str(b, "rules_secondary", "");
  kl_sim_field_str(b, "price_level_structure", m->price_structure);
  kl_sim_key(b, "price_ranges");
  kl_sim_json_price_ranges(b, m);
  kl_sim_field_int(b, "exchange_index", m->exchange_index);
  kl_sim_json_combo(b, m);
  if (m->strike_type[0]) kl_sim_field_str(b, "strike_type", m->strike_type);
  char participant[32];
  if (kl_sim_json_custom_strike(b, m, participant)) kl_sim_field_str(b, "primary_participant_key", participant);
  if (m->has_floor) kl_sim_field_number(b, "floor_strike", m->floor_strike);
  if (m->has_cap) kl_sim_field_number(b, "cap_strike", m->cap_strike);
  if (m->settlement >= 0) {
    kl_sim_field_price(b, "settlement_value_dollars", m->settlement);
    if (m->status == KL_MARKET_FINALIZED) kl_sim_field_time(b, "settlement_ts", m->settled_us);
  }
  kl_buf_char(b, '}');
}

void kl_sim_json_levels(kl_buf *b, const kl_market *m, kl_outcome side, size_t depth, bool yes_price) {
  size_t n = kl_exchange_levels(m, side);
  if (depth > 0 && depth < n) n = depth;
  bool turned = yes_price && side == KL_NO;
  kl_buf_char(b, '[');
  for (size_t k = 0; k < n; k++) {
    kl_price price;
    kl_count count;
    /* Ascending: own prices have the best last; turned into YES prices it comes first. */
    if (!kl_exchange_level(m, side, turned ? k : n - 1 - k, &price, &count)) continue;
    if (k) kl_buf_char(b, ',');
    kl_buf_char(b, '[');
    kl_buf_json_decimal(b, turned ? KL_PRICE_ONE - price : price, KL_PRICE_PLACES);
    kl_buf_char(b, ',');
    kl_buf_json_decimal(b, count, KL_COUNT_PLACES);
    kl_buf_char(b, ']');
  }
  kl_buf_char(b, ']');
}

void kl_sim_json_book(kl_buf *b, const kl_market *m, size_t depth) {
  kl_buf_str(b, "{\"yes_dollars\":");
  kl_sim_json_levels(b, m, KL_YES, depth, false);
  kl_buf_str(b, ",\"no_dollars\":");
  kl_sim_json_levels(b, m, KL_NO, depth, false);
  kl_buf_char(b, '}');
}

void kl_sim_json_trade(kl_buf *b, const kl_trade *t) {
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "trade_id", t->id);
  kl_sim_field_str(b, "ticker", t->market->ticker);
  kl_sim_field_count(b, "count_fp", t->count);
  kl_sim_field_price(b, "yes_price_dollars", t->yes_price);
  kl_sim_field_price(b, "no_price_dollars", KL_PRICE_ONE - t->yes_price);
  kl_sim_field_str(b, "taker_side", kl_sim_outcome_name(kl_sim_outcome(t->taker_side)));
  kl_sim_field_str(b, "taker_outcome_side", kl_sim_outcome_name(kl_sim_outcome(t->taker_side)));
  kl_sim_field_str(b, "taker_book_side", kl_sim_side_name(t->taker_side));
  kl_sim_field_time(b, "created_time", t->ts_us);
  kl_sim_field_bool(b, "is_block_trade", t->block);
  kl_buf_char(b, '}');
}

static const char *order_status(kl_order_status s) {
  return s == KL_ORDER_RESTING ? "resting" : s == KL_ORDER_CANCELED ? "canceled" : "executed";
}

void kl_sim_json_order(kl_buf *b, const kl_sim *s, const kl_order *o) {
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "order_id", o->id);
  kl_sim_field_str(b, "user_id", kl_exchange_user_id(s->x, o->user));
  kl_sim_field_str(b, "client_order_id", o->client_order_id);
  kl_sim_field_str(b, "ticker", o->market->ticker);
  direction(b, o->side);
  kl_sim_field_str(b, "type", "limit");
  kl_sim_field_str(b, "status", order_status(o->status));
  kl_sim_field_price(b, "yes_price_dollars", o->price);
  kl_sim_field_price(b, "no_price_dollars", KL_PRICE_ONE - o->price);
  kl_sim_field_count(b, "fill_count_fp", o->filled);
  kl_sim_field_count(b, "remaining_count_fp", o->remaining);
  kl_sim_field_count(b, "initial_count_fp", o->initial);
  kl_sim_field_money(b, "taker_fill_cost_dollars", o->taker_cost);
  kl_sim_field_money(b, "maker_fill_cost_dollars", o->maker_cost);
  kl_sim_field_money(b, "taker_fees_dollars", o->taker_fees);
  kl_sim_field_money(b, "maker_fees_dollars", o->maker_fees);
  if (o->expiration_us) {
    kl_sim_field_time(b, "expiration_time", o->expiration_us);
  } else {
    kl_sim_key(b, "expiration_time");
    kl_buf_str(b, "null");
  }
  kl_sim_field_time(b, "created_time", o->created_us);
  kl_sim_field_time(b, "last_update_time", o->updated_us);
  kl_sim_field_str(b, "self_trade_prevention_type", o->stp == KL_STP_MAKER ? "maker" : "taker_at_cross");
  if (o->order_group_id[0]) {
    kl_sim_field_str(b, "order_group_id", o->order_group_id);
  } else {
    kl_sim_key(b, "order_group_id");
    kl_buf_str(b, "null");
  }
  kl_sim_field_bool(b, "cancel_order_on_pause", o->cancel_on_pause);
  kl_sim_field_int(b, "subaccount_number", o->subaccount);
  kl_sim_field_int(b, "exchange_index", o->market->exchange_index);
  kl_buf_char(b, '}');
}

void kl_sim_json_fill(kl_buf *b, const kl_fill *f) {
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "fill_id", f->trade_id);
  kl_sim_field_str(b, "trade_id", f->trade_id);
  kl_sim_field_str(b, "order_id", f->order_id);
  kl_sim_field_str(b, "ticker", f->market->ticker);
  kl_sim_field_str(b, "market_ticker", f->market->ticker);
  kl_sim_field_int(b, "exchange_index", f->market->exchange_index);
  direction(b, f->side);
  kl_sim_field_count(b, "count_fp", f->count);
  kl_sim_field_price(b, "yes_price_dollars", f->yes_price);
  kl_sim_field_price(b, "no_price_dollars", KL_PRICE_ONE - f->yes_price);
  kl_sim_field_bool(b, "is_taker", f->is_taker);
  kl_sim_field_money(b, "fee_cost", f->fee);
  kl_sim_field_time(b, "created_time", f->ts_us);
  kl_sim_field_int(b, "subaccount_number", f->subaccount);
  kl_sim_field_int(b, "ts", f->ts_us / 1000000);
  kl_buf_char(b, '}');
}

void kl_sim_json_position(kl_buf *b, const kl_position *p) {
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "ticker", p->market->ticker);
  kl_sim_field_int(b, "exchange_index", p->market->exchange_index);
  kl_sim_field_money(b, "total_traded_dollars", p->traded);
  kl_sim_field_count(b, "position_fp", p->position);
  kl_sim_field_money(b, "market_exposure_dollars", p->cost);
  kl_sim_field_money(b, "realized_pnl_dollars", p->realized);
  kl_sim_field_money(b, "fees_paid_dollars", p->fees);
  kl_sim_field_time(b, "last_updated_ts", p->updated_us);
  kl_buf_char(b, '}');
}

void kl_sim_json_settlement(kl_buf *b, const kl_settlement *st) {
  const kl_market *m = st->market;
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "ticker", m->ticker);
  kl_sim_field_int(b, "exchange_index", m->exchange_index);
  kl_sim_field_str(b, "event_ticker", m->event->ticker);
  kl_sim_field_str(b, "market_result", kl_sim_result_name(m));
  kl_sim_field_count(b, "yes_count_fp", st->yes_count);
  kl_sim_field_money(b, "yes_total_cost_dollars", st->yes_cost);
  kl_sim_field_count(b, "no_count_fp", st->no_count);
  kl_sim_field_money(b, "no_total_cost_dollars", st->no_cost);
  kl_sim_field_int(b, "revenue", st->revenue / 10000);
  kl_sim_field_time(b, "settled_time", st->settled_us);
  kl_sim_field_money(b, "fee_cost", st->fees);
  kl_sim_field_int(b, "value", m->settlement < 0 ? 0 : m->settlement / 100);
  kl_buf_char(b, '}');
}
