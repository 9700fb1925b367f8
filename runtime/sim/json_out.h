/* The exchange's objects as JSON, for REST answers and for WebSocket messages. */
#ifndef KL_SIM_JSON_OUT_H
#define KL_SIM_JSON_OUT_H

#include "base/json_fields.h"
#include "sim/impl.h"

static inline void kl_sim_key(kl_buf *b, const char *key) { kl_json_key(b, key); }
static inline void kl_sim_field_str(kl_buf *b, const char *key, const char *value) { kl_json_field_str(b, key, value); }
static inline void kl_sim_field_int(kl_buf *b, const char *key, int64_t value) { kl_json_field_int(b, key, value); }
static inline void kl_sim_field_bool(kl_buf *b, const char *key, bool value) { kl_json_field_bool(b, key, value); }
void kl_sim_field_price(kl_buf *b, const char *key, kl_price value);  /* "0.4200" */
void kl_sim_field_count(kl_buf *b, const char *key, kl_count value);  /* "12.25" */
void kl_sim_field_money(kl_buf *b, const char *key, kl_money value);  /* "4.900000" */
void kl_sim_field_money4(kl_buf *b, const char *key, kl_money value); /* "4.9000", truncated */
void kl_sim_field_ppm(kl_buf *b, const char *key, int64_t ppm);       /* a number: 0.500000, or 2 */
void kl_sim_field_time(kl_buf *b, const char *key, int64_t us);       /* RFC 3339 with microseconds */

void kl_sim_field_number(kl_buf *b, const char *key, double value);

const char *kl_sim_outcome_name(kl_outcome o);      /* "yes" */
const char *kl_sim_result_name(const kl_market *m); /* "yes", "no", "scalar", or "" before it is determined */
const char *kl_sim_fee_name(kl_fee_type t);         /* "quadratic" */
/* `"fee_type_override":…,"fee_multiplier_override":…`, null where there is none. */
void kl_sim_fee_override_fields(kl_buf *b, const kl_fee_type *type, const int64_t *multiplier_ppm);
static inline kl_outcome kl_sim_outcome(kl_side s) { return s == KL_BID ? KL_YES : KL_NO; }
static inline const char *kl_sim_side_name(kl_side s) { return s == KL_BID ? "bid" : "ask"; }

/* REST objects. */
void kl_sim_json_series(kl_buf *b, const kl_sim *s, const kl_series *series, bool with_volume, bool with_metadata);
void kl_sim_json_event(kl_buf *b, const kl_sim *s, const kl_market_event *e, bool with_markets);
/* When what describes the event or one of its markets changed last. */
int64_t kl_sim_event_updated_us(const kl_market_event *e);
void kl_sim_json_market(kl_buf *b, const kl_market *m);
/* The collection and the legs of a combo, as fields; nothing for another market. */
void kl_sim_json_combo(kl_buf *b, const kl_market *m);
void kl_sim_json_book(kl_buf *b, const kl_market *m, size_t depth); /* {"yes_dollars":…}; depth 0: all */
void kl_sim_json_trade(kl_buf *b, const kl_trade *t);
void kl_sim_json_order(kl_buf *b, const kl_sim *s, const kl_order *o);
void kl_sim_json_fill(kl_buf *b, const kl_fill *f);
void kl_sim_json_position(kl_buf *b, const kl_position *p);
void kl_sim_json_settlement(kl_buf *b, const kl_settlement *st);
/* `"settlement_sources":[…]`. */
void kl_sim_json_sources(kl_buf *b);
void kl_sim_json_price_ranges(kl_buf *b, const kl_market *m);
/* `custom_strike` as a field of a market about a structured target, true then; nothing for another market. `key`: where
 * the name of its participant goes, of 32 bytes, or NULL. */
bool kl_sim_json_custom_strike(kl_buf *b, const kl_market *m, char *key);
/* One side of a book, ascending: [["0.3700","120.00"],…]. With `yes_price` a NO level is given as one dollar less its
 * price. */
void kl_sim_json_levels(kl_buf *b, const kl_market *m, kl_outcome side, size_t depth, bool yes_price);

#endif
