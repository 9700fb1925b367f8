/* Multivariate event collections and the markets made in them. Source: Kalshi, "multivariate" and
 * GET /events/multivariate. The two lookups are gone from the exchange since 2026; they are served for older clients.
 */
#include <string.h>

#include "sim/body.h"
#include "sim/combos.h"
#include "sim/communications.h"
#include "sim/json_out.h"
#include "sim/rfq_makers.h"
#include "sim/routes.h"

static void not_found(kl_sim_response *rs) { kl_sim_fail(rs, 404, "not_found", "not found", NULL); }

/* An event is of a collection from the start to the close of its last market. */
static bool is_open(const kl_market_event *e) {
  for (size_t i = 0; i < e->n_markets; i++)
    if (e->markets[i]->status < KL_MARKET_CLOSED) return true;
  return false;
}

static void quoters(kl_buf *b, const kl_sim *s) {
  char id[65];
  kl_sim_key(b, "active_quoters");
  kl_buf_char(b, '[');
  for (size_t i = 0; i < kl_sim_rfq_makers_count(s->rfq_makers); i++) {
    if (i) kl_buf_char(b, ',');
    kl_sim_communications_id(s, kl_sim_rfq_maker_user(s->rfq_makers, i), id);
    kl_buf_json_cstr(b, id);
  }
  kl_buf_char(b, ']');
}

static void json_collection(kl_buf *b, const kl_sim *s, const kl_sim_collection *k) {
  bool any = false;
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "collection_ticker", k->ticker);
  kl_sim_field_str(b, "series_ticker", k->series->ticker);
  kl_sim_field_int(b, "exchange_index", k->series->exchange_index);
  kl_sim_field_str(b, "title", k->title);
  kl_sim_field_str(b, "description", k->description);
  kl_sim_field_time(b, "open_date", k->open_us);
  kl_sim_field_time(b, "close_date", k->close_us);
  kl_sim_key(b, "associated_events");
  kl_buf_char(b, '[');
  for (size_t i = 0; i < kl_exchange_event_count(s->x); i++) {
    const kl_market_event *e = kl_exchange_event_at(s->x, i);
    if (!kl_sim_collection_takes(k, e) || !is_open(e)) continue;
    kl_buf_str(b, any ? ",{" : "{");
    any = true;
    kl_sim_field_str(b, "ticker", e->ticker);
    kl_sim_field_bool(b, "is_yes_only", false);
    kl_sim_key(b, "size_max");
    kl_buf_str(b, "null,\"size_min\":null");
    quoters(b, s);
    kl_buf_char(b, '}');
  }
  kl_buf_str(b, "],\"associated_event_tickers\":[");
  any = false;
  for (size_t i = 0; i < kl_exchange_event_count(s->x); i++) {
    const kl_market_event *e = kl_exchange_event_at(s->x, i);
    if (!kl_sim_collection_takes(k, e) || !is_open(e)) continue;
    if (any) kl_buf_char(b, ',');
    any = true;
    kl_buf_json_cstr(b, e->ticker);
  }
  kl_buf_char(b, ']');
  kl_sim_field_bool(b, "is_ordered", false);
  kl_sim_field_bool(b, "is_single_market_per_event", false);
  kl_sim_field_bool(b, "is_all_yes", false);
  kl_sim_field_int(b, "size_min", k->size_min);
  kl_sim_field_int(b, "size_max", k->size_max);
  kl_sim_field_str(
      b, "functional_description",
      "The resulting market only resolves to Yes if every associated market resolves to the selected side; "
      "scalar outcomes are multiplied.");
  kl_buf_char(b, '}');
}

static const char *collection_status(const kl_sim *s, const kl_sim_collection *k) {
  return s->now_us < k->open_us ? "unopened" : s->now_us < k->close_us ? "open" : "closed";
}

static void get_collections(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const char *status = kl_sim_arg_get(rq, "status"), *event = kl_sim_arg_get(rq, "associated_event_ticker");
  const char *series = kl_sim_arg_get(rq, "series_ticker");
  const kl_market_event *e = event ? kl_exchange_event(s->x, event) : NULL;
  int64_t limit, n = 0;
  if (!kl_sim_arg_int(rq, rs, "limit", 1, 200, 200, &limit)) return;
  if (status && strcmp(status, "unopened") != 0 && strcmp(status, "open") != 0 && strcmp(status, "closed") != 0) {
    kl_sim_fail_query(rq, rs, "status must be one of unopened, open, closed");
    return;
  }
  size_t i = kl_sim_page_start(rq, 'k');
  bool more = false;
  kl_buf_str(&rs->body, "{\"multivariate_contracts\":[");
  for (; i < kl_sim_collections_count(s->combos); i++) {
    const kl_sim_collection *k = kl_sim_collection_at(s->combos, i);
    if ((series && strcmp(series, k->series->ticker) != 0) || (event && !(e && kl_sim_collection_takes(k, e))) ||
        (status && strcmp(status, collection_status(s, k)) != 0))
      continue;
    more = n == limit;
    if (more) break;
    if (n++) kl_buf_char(&rs->body, ',');
    json_collection(&rs->body, s, k);
  }
  kl_buf_char(&rs->body, ']');
  kl_sim_page_end(&rs->body, "cursor", 'k', more, i);
  kl_buf_char(&rs->body, '}');
}

static void get_collection(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const kl_sim_collection *k = kl_sim_collection_find(s->combos, rq->params[0]);
  if (!k) {
    not_found(rs);
    return;
  }
  kl_buf_str(&rs->body, "{\"multivariate_contract\":");
  json_collection(&rs->body, s, k);
  kl_buf_char(&rs->body, '}');
}

/* ---- by legs ---- */

static bool read_leg(const json_t *o, kl_sim_leg_name *out, kl_sim_details d) {
  const char *side = NULL;
  *out = (kl_sim_leg_name){0};
  if (!json_is_object(o)) {
    memcpy(d, "selected_markets: expected objects", sizeof "selected_markets: expected objects");
    return false;
  }
  if (!kl_sim_body_text(o, "market_ticker", &out->market, d) || !kl_sim_body_text(o, "event_ticker", &out->event, d) ||
      !kl_sim_body_text(o, "side", &side, d))
    return false;
  out->side = side && !strcmp(side, "no") ? KL_NO : KL_YES;
  if (out->market && out->event && side && (!strcmp(side, "yes") || !strcmp(side, "no"))) return true;
  memcpy(d, "selected_markets: market_ticker, event_ticker and side (yes or no) are required",
         sizeof "selected_markets: market_ticker, event_ticker and side (yes or no) are required");
  return false;
}

/* The combo that the body's legs mean; NULL after answering. */
static const kl_sim_combo *combo_of(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs, const json_t *root,
                                    bool create) {
  const kl_sim_collection *k = kl_sim_collection_find(s->combos, rq->params[0]);
  kl_sim_leg_name names[KL_SIM_LEGS_MOST + 1];
  const json_t *list, *item;
  kl_sim_details d;
  kl_sim_combo_refusal why;
  const kl_sim_combo *combo = NULL;
  size_t i;
  if (!k) {
    kl_sim_fail(rs, create ? 400 : 404, create ? "invalid_parameters" : "not_found",
                create ? "invalid parameters" : "not found", "no collection has this ticker");
    return NULL;
  }
  if (!kl_sim_body_field(root, "selected_markets", KL_SIM_ARRAY, &list, d)) {
    kl_sim_fail_body(rs, d);
    return NULL;
  }
  size_t n = json_array_size(list) > KL_SIM_LEGS_MOST + 1 ? KL_SIM_LEGS_MOST + 1 : json_array_size(list);
  json_array_foreach(list, i, item) {
    if (i == n) break;
    if (read_leg(item, &names[i], d)) continue;
    kl_sim_fail_body(rs, d);
    return NULL;
  }
  bool ok = create ? kl_sim_combo_create(s->combos, s->now_us, rq->account->user, k, names, n, &combo, &why)
                   : kl_sim_combo_look_up(s->combos, s->now_us, k, names, n, &combo, &why);
  if (ok) return combo;
  if (why.refusal.status == 429)
    kl_sim_too_many(s, rs);
  else
    kl_sim_fail_refusal(rs, &why.refusal);
  return NULL;
}

static void answer(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs, bool create) {
  bool with_market = false;
  kl_sim_details d;
  json_t *root = kl_sim_body_read(rq, rs);
  if (!root) return;
  const kl_sim_combo *combo = NULL;
  if (!kl_sim_body_bool(root, "with_market_payload", &with_market, d))
    kl_sim_fail_body(rs, d);
  else
    combo = combo_of(s, rq, rs, root, create);
  json_decref(root);
  if (!combo) return;
  kl_buf_char(&rs->body, '{');
  kl_sim_field_str(&rs->body, "event_ticker", combo->market->event->ticker);
  kl_sim_field_str(&rs->body, "market_ticker", combo->market->ticker);
  if (create && with_market) {
    kl_sim_key(&rs->body, "market");
    kl_sim_json_market(&rs->body, combo->market);
  }
  kl_buf_char(&rs->body, '}');
}

static void create_market(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) { answer(s, rq, rs, true); }
static void look_up(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) { answer(s, rq, rs, false); }

static void get_history(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const kl_sim_collection *k = kl_sim_collection_find(s->combos, rq->params[0]);
  int64_t seconds;
  bool any = false;
  if (!kl_sim_arg_int(rq, rs, "lookback_seconds", 1, 3600, 0, &seconds)) return;
  if (seconds != 10 && seconds != 60 && seconds != 300 && seconds != 3600) {
    kl_sim_fail_query(rq, rs, "lookback_seconds must be one of 10, 60, 300, 3600");
    return;
  }
  if (!k) {
    not_found(rs);
    return;
  }
  kl_buf *b = &rs->body;
  kl_buf_str(b, "{\"lookup_points\":[");
  for (size_t i = kl_sim_combos_count(s->combos); i > 0; i--) {
    const kl_sim_combo *c = kl_sim_combo_at(s->combos, i - 1);
    if (c->collection != k || c->looked_us < s->now_us - seconds * 1000000) continue;
    kl_buf_str(b, any ? ",{" : "{");
    any = true;
    kl_sim_field_str(b, "event_ticker", c->market->event->ticker);
    kl_sim_field_str(b, "market_ticker", c->market->ticker);
    kl_sim_key(b, "selected_markets");
    kl_buf_char(b, '[');
    for (size_t j = 0; j < c->n; j++) {
      kl_buf_str(b, j ? ",{" : "{");
      kl_sim_field_str(b, "market_ticker", c->legs[j].market->ticker);
      kl_sim_field_str(b, "event_ticker", c->legs[j].market->event->ticker);
      kl_sim_field_str(b, "side", kl_sim_outcome_name(c->legs[j].side));
      kl_buf_char(b, '}');
    }
    kl_buf_char(b, ']');
    kl_sim_field_time(b, "last_queried_ts", c->looked_us);
    kl_buf_char(b, '}');
  }
  kl_buf_str(b, "]}");
}

/* ---- events ---- */

static void get_events(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const char *series = kl_sim_arg_get(rq, "series_ticker"), *collection = kl_sim_arg_get(rq, "collection_ticker");
  const kl_sim_collection *k = collection ? kl_sim_collection_find(s->combos, collection) : NULL;
  int64_t limit, n = 0;
  bool nested, more = false;
  if (!kl_sim_arg_int(rq, rs, "limit", 1, 200, 100, &limit)) return;
  if (!kl_sim_arg_bool(rq, rs, "with_nested_markets", &nested)) return;
  if (series && collection) {
    kl_sim_fail_query(rq, rs, "series_ticker and collection_ticker exclude each other");
    return;
  }
  size_t i = kl_exchange_event_from(s->x, kl_sim_page_start(rq, 'v'));
  kl_buf_str(&rs->body, "{\"events\":[");
  for (; i < kl_exchange_event_count(s->x); i++) {
    const kl_market_event *e = kl_exchange_event_at(s->x, i);
    if (strncmp(e->ticker, "KXMVE", 5) != 0 || (series && strcmp(series, e->series->ticker) != 0) ||
        (collection && !(k && k->series == e->series)))
      continue;
    more = n == limit;
    if (more) break;
    if (n++) kl_buf_char(&rs->body, ',');
    kl_sim_json_event(&rs->body, s, e, nested);
  }
  kl_buf_char(&rs->body, ']');
  kl_sim_page_end(&rs->body, "cursor", 'v', more, more ? kl_exchange_event_at(s->x, i)->serial : 0);
  kl_buf_char(&rs->body, '}');
}

const kl_sim_route kl_sim_routes_combos[] = {
    {"GetMultivariateEventCollections", get_collections, false},
    {"GetMultivariateEventCollection", get_collection, false},
    {"CreateMarketInMultivariateEventCollection", create_market, false},
    {"GetMultivariateEventCollectionLookupHistory", get_history, false},
    {"LookupTickersForMarketInMultivariateEventCollection", look_up, false},
    {"GetMultivariateEvents", get_events, false},
    {NULL, NULL, false},
};
