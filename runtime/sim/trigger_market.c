/* Triggers about markets and the exchange as a whole. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/decimal.h"
#include "sim/trigger_impl.h"

static const double NEWS_SIZE = 2; /* standard deviations, where none are given */

/* ---- pauses ---- */

/* A state of the exchange is a rule, so that it ends by itself where a time is given. */
static bool state_rule(kl_sim_trigger_call *c, const char *state, const char *what) {
  const char *length = kl_sim_trigger_value_of(c, "for")->text;
  char spec[128];
  snprintf(spec, sizeof spec, "exchange:%s%s%.60s", state, length ? " for " : "", length ? length : "");
  if (!kl_sim_trigger_rule(c, spec, what)) return false;
  kl_sim_faults_tick(c->s);
  return true;
}

/* One market or one shard; false after refusing. */
static bool set_one(kl_sim_trigger_call *c, bool runs) {
  kl_sim *s = c->s;
  const kl_sim_trigger_value *shard = kl_sim_trigger_value_of(c, "shard");
  if (shard->text && kl_sim_trigger_value_of(c, "market")->text)
    return kl_sim_trigger_refuse(c, 400, "either market= or shard=");
  if (kl_sim_trigger_value_of(c, "for")->text)
    return kl_sim_trigger_refuse(c, 400, "for= goes for the exchange as a whole: a market or a shard waits for resume");
  if (shard->text) {
    (void)kl_exchange_set_pause(s->x, s->now_us, (int)shard->number, runs ? KL_RUNNING : KL_TRADING_PAUSE, 0);
    kl_sim_field_int(c->out, "shard", shard->number);
    return runs ? kl_sim_trigger_done(c, "shard %s runs", shard->text)
                : kl_sim_trigger_done(c, "trading on shard %s is paused", shard->text);
  }
  kl_market *m = kl_sim_trigger_market(c, "market");
  if (!m) return false;
  kl_exchange_result result = kl_exchange_set_active(s->x, s->now_us, m, runs);
  if (result != KL_X_OK) return kl_sim_trigger_refuse(c, 409, "%s is %s", m->ticker, kl_market_status_name(m->status));
  kl_sim_field_str(c->out, "market", m->ticker);
  kl_sim_field_str(c->out, "status", kl_market_status_name(m->status));
  return runs ? kl_sim_trigger_done(c, "%s is active; orders that rested in a pause are canceled", m->ticker)
              : kl_sim_trigger_done(c, "trading in %s is paused", m->ticker);
}

static bool about_one(const kl_sim_trigger_call *c) {
  return kl_sim_trigger_value_of(c, "market")->text || kl_sim_trigger_value_of(c, "shard")->text;
}

bool kl_sim_trigger_pause(kl_sim_trigger_call *c) {
  return about_one(c) ? set_one(c, false) : state_rule(c, "pause", "trading is paused");
}

bool kl_sim_trigger_resume(kl_sim_trigger_call *c) {
  kl_sim *s = c->s;
  size_t n = 0;
  if (about_one(c)) return set_one(c, true);
  for (size_t i = kl_sim_faults_count(s->faults); i > 0; i--) {
    const kl_sim_fault *f = kl_sim_faults_at(s->faults, i - 1);
    if (f->passing && kl_fault_is_window(&f->rule) && f->rule.kind != KL_FAULT_CLOCK)
      n += kl_sim_faults_clear(s->faults, f->id);
  }
  kl_sim_faults_tick(s);
  kl_sim_field_int(c->out, "ended", (int64_t)n);
  if (s->fault_pause != KL_RUNNING || s->outage)
    return kl_sim_trigger_done(c, "a rule of --faults still holds the exchange up: clear takes it out");
  (void)kl_exchange_set_pause(s->x, s->now_us, KL_ALL_SHARDS, KL_RUNNING, 0);
  return kl_sim_trigger_done(c, "the exchange runs");
}

bool kl_sim_trigger_maintenance(kl_sim_trigger_call *c) {
  return state_rule(c, "maintenance", "the exchange is under maintenance");
}

/* ---- the end of a market ---- */

/* "yes", "no" or dollars; false after refusing. */
static bool read_result(kl_sim_trigger_call *c, kl_price *out) {
  const char *text = kl_sim_trigger_value_of(c, "result")->text;
  if (!strcmp(text, "yes")) {
    *out = KL_PRICE_ONE;
  } else if (!strcmp(text, "no")) {
    *out = 0;
  } else if (!kl_decimal_parse(text, strlen(text), KL_PRICE_PLACES, out) || *out < 0 || *out > KL_PRICE_ONE) {
    return kl_sim_trigger_refuse(c, 400, "result is yes, no, or the value of YES in dollars from 0 to 1, not \"%.40s\"",
                                 text);
  }
  return true;
}

/* Tells how a market stands after a call that is not for every status. */
static bool ended(kl_sim_trigger_call *c, const kl_market *m, kl_exchange_result result) {
  char value[32];
  const char *status = kl_market_status_name(m->status);
  if (result == KL_X_INVALID_PARAMETERS)
    return kl_sim_trigger_refuse(c, 409, "%s is %s: it cannot be done now", m->ticker, status);
  if (result == KL_X_INVALID_PRICE) return kl_sim_trigger_refuse(c, 409, "%s has another result: amend it", m->ticker);
  if (result != KL_X_OK) return kl_sim_trigger_refuse_result(c, result);
  kl_sim_field_str(c->out, "market", m->ticker);
  kl_sim_field_str(c->out, "status", status);
  kl_sim_field_price(c->out, "value", m->settlement);
  kl_decimal_format(value, sizeof value, m->settlement, KL_PRICE_PLACES);
  return kl_sim_trigger_done(c, "%s is %s: YES is worth %s", m->ticker, status, value);
}

bool kl_sim_trigger_close(kl_sim_trigger_call *c) {
  const kl_sim_trigger_value *in = kl_sim_trigger_value_of(c, "in");
  kl_market *m = kl_sim_trigger_market(c, "market");
  if (!m) return false;
  kl_exchange_result result = kl_exchange_set_close(c->s->x, c->s->now_us, m, c->s->now_us + in->number);
  if (result != KL_X_OK) return kl_sim_trigger_refuse(c, 409, "%s is %s", m->ticker, kl_market_status_name(m->status));
  kl_sim_field_str(c->out, "market", m->ticker);
  kl_sim_field_str(c->out, "status", kl_market_status_name(m->status));
  kl_sim_field_time(c->out, "close_time", m->close_us);
  return in->text ? kl_sim_trigger_done(c, "%s closes in %s", m->ticker, in->text)
                  : kl_sim_trigger_done(c, "%s is closed", m->ticker);
}

bool kl_sim_trigger_determine(kl_sim_trigger_call *c) {
  kl_price value;
  kl_market *m = kl_sim_trigger_market(c, "market");
  if (!m || !read_result(c, &value)) return false;
  kl_exchange_result result = kl_exchange_determine(c->s->x, c->s->now_us, m, value);
  return ended(c, m, result);
}

bool kl_sim_trigger_dispute(kl_sim_trigger_call *c) {
  kl_market *m = kl_sim_trigger_market(c, "market");
  if (!m) return false;
  kl_exchange_result result = kl_exchange_dispute(c->s->x, c->s->now_us, m);
  return ended(c, m, result);
}

bool kl_sim_trigger_amend(kl_sim_trigger_call *c) {
  kl_price value;
  kl_market *m = kl_sim_trigger_market(c, "market");
  if (!m || !read_result(c, &value)) return false;
  kl_exchange_result result = kl_exchange_amend_result(c->s->x, c->s->now_us, m, value);
  return ended(c, m, result);
}

bool kl_sim_trigger_settle(kl_sim_trigger_call *c) {
  kl_price value;
  kl_market *m = kl_sim_trigger_market(c, "market");
  if (!m) return false;
  if (!kl_sim_trigger_value_of(c, "result")->text) {
    if (m->settlement < 0) return kl_sim_trigger_refuse(c, 409, "%s has no result yet: give result=", m->ticker);
    value = m->settlement;
  } else if (!read_result(c, &value)) {
    return false;
  }
  kl_exchange_result result = kl_exchange_settle(c->s->x, c->s->now_us, m, value);
  return ended(c, m, result);
}

bool kl_sim_trigger_structure(kl_sim_trigger_call *c) {
  const char *name = kl_sim_trigger_value_of(c, "name")->text;
  kl_market *m = kl_sim_trigger_market(c, "market");
  kl_market known = {0};
  if (!m) return false;
  if (!kl_price_structure(name, &known))
    return kl_sim_trigger_refuse(c, 400,
                                 "there is no price structure \"%.40s\": linear_cent, deci_cent, "
                                 "tapered_deci_cent, … as markets name them",
                                 name);
  if (kl_exchange_set_structure(c->s->x, c->s->now_us, m, name, NULL, 0) != KL_X_OK)
    return kl_sim_trigger_refuse(c, 409, "%s is %s", m->ticker, kl_market_status_name(m->status));
  kl_sim_field_str(c->out, "market", m->ticker);
  kl_sim_field_str(c->out, "price_level_structure", m->price_structure);
  return kl_sim_trigger_done(c, "prices of %s are %s; orders that rest stay", m->ticker, name);
}

bool kl_sim_trigger_strike(kl_sim_trigger_call *c) {
  const kl_sim_trigger_value *type = kl_sim_trigger_value_of(c, "type"), *floor = kl_sim_trigger_value_of(c, "floor"),
                             *cap = kl_sim_trigger_value_of(c, "cap");
  kl_market *m = kl_sim_trigger_market(c, "market");
  if (!m) return false;
  kl_market_metadata d = {.yes_sub_title = kl_sim_trigger_value_of(c, "title")->text,
                          .strike_type = type->text ? type->text : m->strike_type,
                          .has_floor = floor->text || (!type->text && m->has_floor),
                          .floor_strike = floor->text ? floor->real : m->floor_strike,
                          .has_cap = cap->text || (!type->text && m->has_cap),
                          .cap_strike = cap->text ? cap->real : m->cap_strike};
  if (kl_exchange_set_metadata(c->s->x, c->s->now_us, m, &d) != KL_X_OK)
    return kl_sim_trigger_refuse(c, 409, "%s is %s, or the title is longer than 63 bytes", m->ticker,
                                 kl_market_status_name(m->status));
  kl_sim_field_str(c->out, "market", m->ticker);
  kl_sim_field_str(c->out, "yes_sub_title", m->yes_sub_title);
  return kl_sim_trigger_done(c, "the description of %s has changed", m->ticker);
}

/* ---- news ---- */

bool kl_sim_trigger_news(kl_sim_trigger_call *c) {
  const kl_sim_trigger_value *size = kl_sim_trigger_value_of(c, "size");
  kl_market *m = kl_sim_trigger_market(c, "market");
  if (!m) return false;
  if (size->text && (size->real == 0 || size->real < -10 || size->real > 10))
    return kl_sim_trigger_refuse(c, 400, "size is -10 to 10 and not 0");
  if (!kl_sim_world_event(&c->s->world, m->event))
    return kl_sim_trigger_refuse(c, 409, "nothing in the world decides %s: there is no news about it", m->ticker);
  double change = kl_sim_world_news(&c->s->world, m, size->text ? size->real : NEWS_SIZE);
  double now = kl_sim_world_view(&c->s->world, m);
  if (change == 0) return kl_sim_trigger_refuse(c, 409, "what %s is about is over, or as good as certain", m->ticker);
  kl_sim_field_str(c->out, "market", m->ticker);
  kl_sim_key(c->out, "change");
  kl_buf_printf(c->out, "%.6f", change);
  kl_sim_key(c->out, "probability");
  kl_buf_printf(c->out, "%.6f", now);
  return kl_sim_trigger_done(c, "the probability of %s %s by %.4f to %.4f", m->ticker, change > 0 ? "rises" : "falls",
                             fabs(change), now);
}
