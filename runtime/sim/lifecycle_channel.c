#include "sim/lifecycle_channel.h"

#include <string.h>

#include "sim/json_out.h"

enum { MICROSECONDS = 1000000 };

static bool is_combo(const char *ticker) { return strncmp(ticker, "KXMVE", 5) == 0; }
static kl_sim_channel channel_of(const char *ticker) {
  return is_combo(ticker) ? KL_CH_COMBO_LIFECYCLE : KL_CH_LIFECYCLE;
}

/* Sends a body to all sessions that have the channel; about a group (NULL: about no group) to those that may know of
 * it. Frees the body. */
static void tell_sessions(kl_sim *s, kl_sim_channel ch, const kl_order_group *g, const char *type, kl_buf *b) {
  kl_sim_payload *p = kl_sim_payload_new(type, b);
  kl_buf_free(b);
  for (kl_list *i = s->sessions.next, *next; i != &s->sessions; i = next) {
    next = i->next;
    kl_sim_session *c = KL_CONTAINER(i, kl_sim_session, link);
    if (c->subs[ch] && (!g || kl_sim_session_sees(c, g->user, g->subaccount)))
      kl_sim_session_send(c, c->subs[ch], p, 0);
  }
  kl_sim_payload_release(p);
}

/* ---- markets ---- */

static void strikes(kl_buf *b, const kl_market *m) {
  if (m->strike_type[0]) kl_sim_field_str(b, "strike_type", m->strike_type);
  if (m->has_floor) kl_sim_field_number(b, "floor_strike", m->floor_strike);
  if (m->has_cap) kl_sim_field_number(b, "cap_strike", m->cap_strike);
  (void)kl_sim_json_custom_strike(b, m, NULL);
}

static void structure(kl_buf *b, const kl_market *m) {
  kl_sim_field_str(b, "price_level_structure", m->price_structure);
  if (is_combo(m->ticker)) return;
  kl_sim_key(b, "price_ranges");
  kl_sim_json_price_ranges(b, m);
}

static void created(kl_buf *b, const kl_market *m) {
  kl_sim_field_int(b, "open_ts", m->open_us / MICROSECONDS);
  kl_sim_field_int(b, "close_ts", m->close_us / MICROSECONDS);
  kl_sim_key(b, "additional_metadata");
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "name", m->yes_sub_title);
  kl_sim_field_str(b, "title", m->title);
  kl_sim_field_str(b, "yes_sub_title", m->yes_sub_title);
  kl_sim_field_str(b, "no_sub_title", m->no_sub_title);
  kl_sim_field_str(b, "rules_primary", m->rules);
  kl_sim_field_str(b, "rules_secondary", "");
  kl_sim_field_bool(b, "can_close_early", true);
  kl_sim_field_str(b, "event_ticker", m->event->ticker);
  kl_sim_field_int(b, "expected_expiration_ts", m->expected_expiration_us / MICROSECONDS);
  strikes(b, m);
  kl_buf_char(b, '}');
  structure(b, m);
}

static void activity(kl_buf *b, const kl_market *m) {
  kl_sim_field_bool(b, "is_deactivated", m->status == KL_MARKET_INACTIVE);
}

static void close_date(kl_buf *b, const kl_market *m) { kl_sim_field_int(b, "close_ts", m->close_us / MICROSECONDS); }

static void determined(kl_buf *b, const kl_market *m) {
  kl_sim_field_str(b, "result", kl_sim_result_name(m));
  kl_sim_field_price(b, "settlement_value", m->settlement);
  kl_sim_field_int(b, "determination_ts", m->determined_us / MICROSECONDS);
}

static void settled(kl_buf *b, const kl_market *m) { kl_sim_field_int(b, "settled_ts", m->settled_us / MICROSECONDS); }

static void metadata(kl_buf *b, const kl_market *m) {
  strikes(b, m);
  kl_sim_field_str(b, "yes_sub_title", m->yes_sub_title);
}

typedef struct message {
  const char *event_type;
  void (*fields)(kl_buf *b, const kl_market *m);
  bool combos; /* told of combos, too */
  bool shard;  /* says the shard */
} message;

static const message messages[] = {
    {"created", created, true, true},
    {"activated", activity, true, true},
    {"deactivated", activity, true, true},
    {"close_date_updated", close_date, true, true},
    {"determined", determined, true, true},
    {"settled", settled, true, true},
    {"price_level_structure_updated", structure, false, true},
    {"metadata_updated", metadata, false, false},
};

void kl_sim_tell_market(kl_sim *s, const kl_market *m, const char *event_type) {
  for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
    const message *t = &messages[i];
    if (strcmp(t->event_type, event_type) != 0) continue;
    if (is_combo(m->ticker) && !t->combos) return;
    kl_buf b = {0};
    kl_buf_char(&b, '{');
    kl_sim_field_str(&b, "event_type", event_type);
    kl_sim_field_str(&b, "market_ticker", m->ticker);
    if (t->shard) kl_sim_field_int(&b, "exchange_index", m->exchange_index);
    t->fields(&b, m);
    kl_buf_char(&b, '}');
    tell_sessions(s, channel_of(m->ticker), NULL, kl_sim_channels[channel_of(m->ticker)].name, &b);
    return;
  }
}

/* ---- events ---- */

void kl_sim_tell_event(kl_sim *s, const kl_market_event *e) {
  kl_buf b = {0};
  kl_buf_char(&b, '{');
  kl_sim_field_str(&b, "event_ticker", e->ticker);
  kl_sim_field_int(&b, "exchange_index", e->series->exchange_index);
  kl_sim_field_str(&b, "title", e->title);
  kl_sim_field_str(&b, "subtitle", e->sub_title);
  kl_sim_field_str(&b, "collateral_return_type", e->mutually_exclusive ? "MECNET" : "");
  kl_sim_field_str(&b, "series_ticker", e->series->ticker);
  kl_buf_char(&b, '}');
  tell_sessions(s, channel_of(e->ticker), NULL, "event_lifecycle", &b);
}

/* The channel of combos has no such message. */
void kl_sim_tell_fees(kl_sim *s, const kl_market_event *e) {
  kl_buf b = {0};
  if (channel_of(e->ticker) != KL_CH_LIFECYCLE) return;
  kl_buf_char(&b, '{');
  kl_sim_field_str(&b, "event_ticker", e->ticker);
  kl_sim_fee_override_fields(&b, e->has_fee_type ? &e->fee_type : NULL,
                             e->has_fee_multiplier ? &e->fee_multiplier_ppm : NULL);
  kl_buf_char(&b, '}');
  tell_sessions(s, KL_CH_LIFECYCLE, NULL, "event_fee_update", &b);
}

/* ---- order groups ---- */

void kl_sim_tell_group(kl_sim *s, const kl_order_group *g, const char *event_type) {
  kl_buf b = {0};
  kl_buf_char(&b, '{');
  kl_sim_field_str(&b, "event_type", event_type);
  kl_sim_field_str(&b, "order_group_id", g->id);
  if (!strcmp(event_type, "created") || !strcmp(event_type, "limit_updated"))
    kl_sim_field_count(&b, "contracts_limit_fp", g->limit);
  kl_sim_field_int(&b, "ts_ms", s->now_us / 1000);
  kl_buf_char(&b, '}');
  tell_sessions(s, KL_CH_GROUPS, g, kl_sim_channels[KL_CH_GROUPS].name, &b);
}
