/* Source: OpenAPI of the exchange: Market, EventData, Series. */
#include "trading/market_rows.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "kalshi/json_member.h"

/* The object under `name`; NULL with `e` for anything else. The whole is to be released. */
static const json_t *row_of(const char *body, size_t n, const char *name, json_t **root, kl_error *e) {
  *root = json_loadb(body, n, 0, NULL);
  const json_t *row = json_object_get(*root, name);
  if (json_is_object(row)) return row;
  kl_error_coded(e, KL_ERR_PROTOCOL, "answer_unreadable", "the answer has no %s: %.*s", name, (int)(n < 80 ? n : 80),
                 body);
  return NULL;
}

static bool lacks(const char *what, const char *name, kl_error *e) {
  kl_error_coded(e, KL_ERR_PROTOCOL, "answer_unreadable", "the answer's %s has no %s that could be read", what, name);
  return false;
}

/* Cut where it is longer, between two characters. */
static void title(const json_t *row, const char *name, char *out, size_t cap) {
  const json_t *v = json_object_get(row, name);
  const char *s = json_is_string(v) ? json_string_value(v) : "";
  size_t n = strlen(s);
  if (n >= cap) {
    n = cap - 1;
    while (n > 0 && ((unsigned char)s[n] & 0xC0) == 0x80)
      n--;
  }
  memcpy(out, s, n);
  out[n] = 0;
}

static bool price(const json_t *row, const char *name, kl_price *out) {
  return kl_member_fixed(row, name, KL_PRICE_PLACES, out);
}

static bool band(const json_t *row, kl_price_band *b) {
  return price(row, "start", &b->start) && price(row, "end", &b->end) && price(row, "step", &b->step) && b->step > 0 &&
         b->start >= 0 && b->end >= b->start && b->end <= KL_PRICE_ONE;
}

static bool bands(const json_t *row, kl_market_info *i) {
  const json_t *list = json_object_get(row, "price_ranges");
  kl_market named;
  i->n_bands = 0;
  if (json_array_size(list) > KL_INFO_BANDS) return false;
  for (size_t k = 0; k < json_array_size(list); k++)
    if (!band(json_array_get(list, k), &i->bands[i->n_bands++])) return false;
  if (i->n_bands > 0) return true;
  const char *structure = json_string_value(json_object_get(row, "price_level_structure"));
  if (!structure || !kl_price_structure(structure, &named)) return false;
  i->n_bands = named.n_bands;
  memcpy(i->bands, named.bands, (size_t)named.n_bands * sizeof *i->bands);
  return true;
}

static bool read_market(const json_t *row, kl_market_info *i, kl_error *e) {
  static const char what[] = "market";
  const json_t *result = json_object_get(row, "result");
  if (!kl_member_copy(row, "ticker", i->ticker, sizeof i->ticker)) return lacks(what, "ticker", e);
  if (!kl_member_copy(row, "event_ticker", i->event_ticker, sizeof i->event_ticker))
    return lacks(what, "event_ticker", e);
  if (!kl_member_copy(row, "status", i->status, sizeof i->status)) return lacks(what, "status", e);
  if (!bands(row, i)) return lacks(what, "price_ranges", e);
  if (json_string_length(result) >= sizeof i->result) return lacks(what, "result", e);
  memcpy(i->result, json_is_string(result) ? json_string_value(result) : "", json_string_length(result) + 1);
  i->open_ms = kl_member_time_ms(row, "open_time");
  i->close_ms = kl_member_time_ms(row, "close_time");
  i->expected_expiration_ms = kl_member_time_ms(row, "expected_expiration_time");
  i->settled_ms = kl_member_time_ms(row, "settlement_ts");
  i->settlement_timer_s = (int)json_integer_value(json_object_get(row, "settlement_timer_seconds"));
  i->exchange_index = (int32_t)json_integer_value(json_object_get(row, "exchange_index"));
  if (!price(row, "last_price_dollars", &i->last_price)) i->last_price = 0;
  if (!price(row, "settlement_value_dollars", &i->settlement))
    i->settlement = !strcmp(i->result, "yes") ? KL_PRICE_ONE : !strcmp(i->result, "no") ? 0 : -1;
  title(row, "title", i->title, sizeof i->title);
  title(row, "yes_sub_title", i->yes_sub_title, sizeof i->yes_sub_title);
  return true;
}

bool kl_market_row_read(kl_market_info *i, const char *body, size_t n, kl_error *e) {
  json_t *root;
  kl_market_info next = *i;
  const json_t *row = row_of(body, n, "market", &root, e);
  bool good = row && read_market(row, &next, e);
  json_decref(root);
  if (good) *i = next;
  return good;
}

/* ---- fees ---- */

/* False where it is absent, null, or none that is known. */
static bool fee_type(const json_t *row, const char *name, kl_fee_type *out) {
  static const char *const names[] = {[KL_FEE_QUADRATIC] = "quadratic",
                                      [KL_FEE_QUADRATIC_MAKER] = "quadratic_with_maker_fees",
                                      [KL_FEE_QUADRATIC_COMBO_MAKER] = "quadratic_with_combo_maker_fees",
                                      [KL_FEE_FLAT] = "flat"};
  const char *s = json_string_value(json_object_get(row, name));
  for (size_t k = 0; s && k < sizeof names / sizeof *names; k++) {
    if (strcmp(s, names[k]) != 0) continue;
    *out = (kl_fee_type)k;
    return true;
  }
  return false;
}

static bool multiplier(const json_t *row, const char *name, int64_t *ppm) {
  const json_t *v = json_object_get(row, name);
  double m = json_number_value(v);
  if (!json_is_number(v) || !(m >= 0 && m <= 1000)) return false;
  *ppm = llround(m * 1e6);
  return true;
}

bool kl_event_row_read(kl_event_row *r, const char *body, size_t n, kl_error *e) {
  json_t *root;
  kl_event_row next = {0};
  const json_t *row = row_of(body, n, "event", &root, e);
  bool good = row && (kl_member_copy(row, "series_ticker", next.series_ticker, sizeof next.series_ticker) ||
                      lacks("event", "series_ticker", e));
  if (good) {
    title(row, "title", next.title, sizeof next.title);
    next.exclusive = json_is_true(json_object_get(row, "mutually_exclusive"));
    next.has_fee_type = fee_type(row, "fee_type_override", &next.fee_type);
    next.has_fee_multiplier = multiplier(row, "fee_multiplier_override", &next.fee_multiplier_ppm);
    *r = next;
  }
  json_decref(root);
  return good;
}

bool kl_series_row_read(kl_series_row *r, const char *body, size_t n, kl_error *e) {
  json_t *root;
  const json_t *row = row_of(body, n, "series", &root, e);
  if (row) {
    kl_series_row_absent(r);
    (void)fee_type(row, "fee_type", &r->fee_type);
    (void)multiplier(row, "fee_multiplier", &r->fee_multiplier_ppm);
  }
  json_decref(root);
  return row != NULL;
}

void kl_event_row_absent(kl_event_row *r, const char *event_ticker) {
  *r = (kl_event_row){0};
  size_t n = strcspn(event_ticker, "-");
  if (n >= sizeof r->series_ticker) n = sizeof r->series_ticker - 1;
  memcpy(r->series_ticker, event_ticker, n);
}

void kl_series_row_absent(kl_series_row *r) {
  *r = (kl_series_row){.fee_type = KL_FEE_QUADRATIC, .fee_multiplier_ppm = 1000000};
}
