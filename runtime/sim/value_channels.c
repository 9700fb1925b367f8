#include "sim/value_channels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/json_out.h"
#include "sim/reference.h"

static const char *list_key(kl_sim_channel ch) { return ch == KL_CH_PYTH ? "underlying_tickers" : "index_ids"; }

static const char *name_on(const kl_sim_index *x, kl_sim_channel ch) {
  return ch == KL_CH_PYTH ? x->underlying : x->id;
}

/* The coins of the fast feed. Source: Kalshi, CF Benchmarks value feed. */
static bool is_fast(const kl_sim_index *x) {
  static const char *const coins[] = {"BTC", "ETH", "SOL", "XRP", "DOGE"};
  for (size_t i = 0; i < sizeof coins / sizeof *coins; i++)
    if (!strcmp(coins[i], x->coin)) return true;
  return false;
}

static bool is_on(const kl_sim_index *x, kl_sim_channel ch) { return ch != KL_CH_CF_FAST || is_fast(x); }

/* ---- choosing ---- */

static kl_sim_values_result check_list(const json_t *list) {
  size_t i;
  const json_t *v;
  if (!list || json_is_null(list)) return KL_VALUES_NO_IDS;
  if (!json_is_array(list)) return KL_VALUES_PARAMETER;
  json_array_foreach(list, i, v) {
    if (!json_is_string(v)) return KL_VALUES_PARAMETER;
  }
  return json_array_size(list) > 0 ? KL_VALUES_OK : KL_VALUES_NO_IDS;
}

kl_sim_values_result kl_sim_values_check(kl_sim_channel ch, const json_t *params) {
  kl_sim_values_result r = check_list(json_object_get(params, list_key(ch)));
  return r == KL_VALUES_NO_IDS ? KL_VALUES_OK : r;
}

/* The numbers of the indices that a list names, as bits; "all" is every one, also those that are still to come. */
static uint32_t bits_of(const kl_sim *s, kl_sim_channel ch, const json_t *list, bool *all) {
  const struct kl_sim_indices *x = s->reference->indices;
  uint32_t bits = 0;
  size_t i;
  const json_t *v;
  json_array_foreach(list, i, v) {
    const char *name = json_string_value(v);
    if (!strcmp(name, "all")) *all = true;
    for (size_t k = 0; k < kl_sim_indices_count(x); k++)
      if (is_on(kl_sim_index_at(x, k), ch) && !strcmp(name, name_on(kl_sim_index_at(x, k), ch))) bits |= 1u << k;
  }
  return bits;
}

void kl_sim_values_choose(const kl_sim *s, kl_sim_sub *sub, const json_t *params) {
  bool all = false;
  sub->values |= bits_of(s, sub->channel, json_object_get(params, list_key(sub->channel)), &all);
  if (all) sub->all_values = true;
}

static bool chosen(const kl_sim_sub *sub, size_t index) { return sub->all_values || (sub->values >> index & 1); }

/* ---- answers ---- */

static void start(kl_buf *b, const char *type, int64_t id, kl_sim_sub *sub) {
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "type", type);
  if (id) kl_sim_field_int(b, "id", id);
  kl_sim_field_int(b, "sid", sub->sid);
  kl_sim_field_int(b, "seq", (int64_t)++sub->seq);
}

/* The names of the channel's indices, or of the chosen ones only; ends the answer and queues it. */
static void finish(kl_sim_session *c, kl_buf *b, const kl_sim_sub *sub, bool only_chosen) {
  const struct kl_sim_indices *x = c->sim->reference->indices;
  bool any = false;
  kl_buf_str(b, ",\"msg\":{\"");
  kl_buf_str(b, list_key(sub->channel));
  kl_buf_str(b, "\":[");
  for (size_t i = 0; i < kl_sim_indices_count(x); i++) {
    const kl_sim_index *index = kl_sim_index_at(x, i);
    if (!is_on(index, sub->channel) || (only_chosen && !chosen(sub, i))) continue;
    if (any) kl_buf_char(b, ',');
    any = true;
    kl_buf_json_cstr(b, name_on(index, sub->channel));
  }
  kl_buf_str(b, "]}}");
  kl_sim_session_send_text(c, b);
  kl_buf_free(b);
}

kl_sim_values_result kl_sim_values_update(kl_sim_session *c, kl_sim_sub *sub, const char *action, const json_t *params,
                                          int64_t id) {
  static const char *const lists[KL_CH_COUNT] = {
      [KL_CH_CF] = "cfbenchmarks_value_indexlist",
      [KL_CH_CF_FAST] = "cfbenchmarks_value_5hz_indexlist",
      [KL_CH_PYTH] = "pyth_value_underlying_list",
  };
  bool pyth = sub->channel == KL_CH_PYTH, all = false;
  bool add = !strcmp(action, pyth ? "subscribe_underlyings" : "subscribe_indices");
  kl_buf b = {0};
  if (!strcmp(action, pyth ? "underlying_list" : "indexlist")) {
    start(&b, lists[sub->channel], id, sub);
    finish(c, &b, sub, false);
    return KL_VALUES_OK;
  }
  if (!add && strcmp(action, pyth ? "unsubscribe_underlyings" : "unsubscribe_indices") != 0)
    return KL_VALUES_UNSUPPORTED;
  const json_t *list = json_object_get(params, list_key(sub->channel));
  kl_sim_values_result r = check_list(list);
  if (r != KL_VALUES_OK) return r;
  uint32_t bits = bits_of(c->sim, sub->channel, list, &all);
  if (add) {
    sub->values |= bits;
    if (all) sub->all_values = true;
  } else if (all) {
    sub->values = 0;
    sub->all_values = false;
  } else {
    /* All but these: from now on those that there are. */
    if (sub->all_values && bits) sub->values = UINT32_MAX;
    if (bits) sub->all_values = false;
    sub->values &= ~bits;
  }
  start(&b, "ok", id, sub);
  finish(c, &b, sub, true);
  return KL_VALUES_OK;
}

/* ---- values ---- */

static bool anyone(const kl_sim *s, kl_sim_channel ch, size_t index) {
  for (const kl_list *at = s->sessions.next; at != &s->sessions; at = at->next) {
    const kl_sim_session *c = KL_CONTAINER(at, kl_sim_session, link);
    if (c->subs[ch] && chosen(c->subs[ch], index)) return true;
  }
  return false;
}

/* Sends a body to all who chose the index; frees it. */
static void tell(kl_sim *s, kl_sim_channel ch, size_t index, kl_buf *b) {
  kl_sim_payload *p = kl_sim_payload_new(kl_sim_channels[ch].name, b);
  kl_buf_free(b);
  for (kl_list *at = s->sessions.next, *next = at->next; at != &s->sessions; at = next, next = at->next) {
    kl_sim_session *c = KL_CONTAINER(at, kl_sim_session, link);
    if (c->subs[ch] && chosen(c->subs[ch], index)) kl_sim_session_send(c, c->subs[ch], p, 0);
  }
  kl_sim_payload_release(p);
}

static void field_value8(kl_buf *b, const char *key, double value) {
  char text[48];
  snprintf(text, sizeof text, "%.8f", value);
  kl_sim_field_str(b, key, text);
}

/* CF Benchmarks' own message, which is a text in ours. */
static void field_data(kl_buf *b, const char *type, const char *id, const char *value, int64_t at_ms) {
  char text[160];
  snprintf(text, sizeof text, "{%s%s%s\"id\":\"%s\",\"value\":\"%s\",\"time\":%lld}", type ? "\"type\":\"" : "",
           type ? type : "", type ? "\"," : "", id, value, (long long)at_ms);
  kl_sim_field_str(b, "data", text);
}

static void field_average(kl_buf *b, const char *key, const kl_sim_index_average *a) {
  kl_sim_key(b, key);
  kl_buf_char(b, '{');
  field_value8(b, "value", a->value);
  kl_sim_field_int(b, "window_size", a->count);
  kl_sim_field_int(b, "window_start_ts_ms", a->start_ms);
  kl_sim_field_int(b, "window_end_ts_exclusive", a->end_ms);
  kl_buf_char(b, '}');
}

void kl_sim_tell_index(kl_sim *s, size_t index, const kl_sim_index *x, int64_t at_ms) {
  char text[32];
  double value;
  if (!kl_sim_history_at(x->history, at_ms, &value)) return;
  kl_sim_index_text(text, value);
  if (is_fast(x) && anyone(s, KL_CH_CF_FAST, index)) {
    kl_buf b = {0};
    kl_buf_char(&b, '{');
    kl_sim_field_str(&b, "index_id", x->id);
    field_value8(&b, "value_usd", strtod(text, NULL));
    kl_sim_field_int(&b, "source_ts_ms", at_ms);
    kl_sim_field_int(&b, "received_at", s->now_us / 1000);
    field_data(&b, NULL, x->id, text, at_ms);
    kl_buf_char(&b, '}');
    tell(s, KL_CH_CF_FAST, index, &b);
  }
  if (at_ms % (2 * KL_SIM_INDEX_STEP_MS) == 0 && anyone(s, KL_CH_PYTH, index)) {
    kl_buf b = {0};
    kl_buf_char(&b, '{');
    kl_sim_field_str(&b, "underlying_ticker", x->underlying);
    field_value8(&b, "value_usd", value);
    kl_sim_field_int(&b, "source_ts_ms", at_ms);
    kl_sim_field_int(&b, "received_at", s->now_us / 1000);
    kl_buf_char(&b, '}');
    tell(s, KL_CH_PYTH, index, &b);
  }
}

void kl_sim_tell_index_second(kl_sim *s, size_t index, const kl_sim_index *x, int64_t at_s) {
  char text[32];
  double value;
  kl_sim_index_average average;
  if (!anyone(s, KL_CH_CF, index) || !kl_sim_history_at(x->history, at_s * 1000, &value)) return;
  kl_sim_index_text(text, value);
  kl_buf b = {0};
  kl_buf_char(&b, '{');
  kl_sim_field_str(&b, "index_id", x->id);
  kl_sim_field_int(&b, "received_at", s->now_us / 1000);
  field_data(&b, "value", x->id, text, at_s * 1000);
  average = kl_sim_index_average_60s(x, at_s);
  field_average(&b, "avg_60s_data", &average);
  if (kl_sim_index_average_quarter(x, at_s, &average)) field_average(&b, "last_60s_windowed_average_15min", &average);
  kl_buf_char(&b, '}');
  tell(s, KL_CH_CF, index, &b);
}
