/* Triggers about markets and the exchange as a whole. */
#include <stdio.h>
#include <string.h>

#include "base/decimal.h"
#include "sim/trigger_impl.h"

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

bool kl_sim_trigger_pause(kl_sim_trigger_call *c) {
  if (!kl_sim_trigger_value_of(c, "market")->text) return state_rule(c, "pause", "trading is paused");
  if (kl_sim_trigger_value_of(c, "for")->text)
    return kl_sim_trigger_refuse(c, 400, "for= goes without market=: a market is paused until resume");
  kl_market *m = kl_sim_trigger_market(c, "market");
  if (!m) return false;
  kl_exchange_result result = kl_exchange_set_active(c->s->x, c->s->now_us, m, false);
  if (result != KL_X_OK) return kl_sim_trigger_refuse(c, 409, "%s is %s", m->ticker, kl_market_status_name(m->status));
  kl_sim_field_str(c->out, "market", m->ticker);
  return kl_sim_trigger_done(c, "trading in %s is paused", m->ticker);
}

bool kl_sim_trigger_resume(kl_sim_trigger_call *c) {
  kl_sim *s = c->s;
  if (kl_sim_trigger_value_of(c, "market")->text) {
    kl_market *m = kl_sim_trigger_market(c, "market");
    if (!m) return false;
    kl_exchange_result result = kl_exchange_set_active(s->x, s->now_us, m, true);
    if (result != KL_X_OK)
      return kl_sim_trigger_refuse(c, 409, "%s is %s", m->ticker, kl_market_status_name(m->status));
    kl_sim_field_str(c->out, "market", m->ticker);
    return kl_sim_trigger_done(c, "%s is active again; orders that rested are canceled", m->ticker);
  }
  size_t n = 0;
  for (size_t i = kl_sim_faults_count(s->faults); i > 0; i--) {
    const kl_sim_fault *f = kl_sim_faults_at(s->faults, i - 1);
    if (f->passing && kl_fault_is_window(&f->rule) && f->rule.kind != KL_FAULT_CLOCK)
      n += kl_sim_faults_clear(s->faults, f->id);
  }
  kl_sim_faults_tick(s);
  kl_sim_field_int(c->out, "ended", (int64_t)n);
  if (s->fault_pause || s->outage)
    return kl_sim_trigger_done(c, "ended %zu; a rule of --faults still holds the exchange up (clear takes it out)", n);
  return kl_sim_trigger_done(c, n ? "the exchange runs" : "the exchange was running");
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

static bool ended(kl_sim_trigger_call *c, const kl_market *m, kl_exchange_result result, const char *what) {
  char value[32];
  if (result == KL_X_INVALID_PARAMETERS)
    return kl_sim_trigger_refuse(c, 409, "%s is %s already", m->ticker, kl_market_status_name(m->status));
  if (result == KL_X_INVALID_PRICE) return kl_sim_trigger_refuse(c, 409, "%s has another result already", m->ticker);
  if (result != KL_X_OK) return kl_sim_trigger_refuse_result(c, result);
  kl_sim_field_str(c->out, "market", m->ticker);
  kl_sim_field_str(c->out, "status", kl_market_status_name(m->status));
  kl_sim_field_price(c->out, "value", m->settlement);
  kl_decimal_format(value, sizeof value, m->settlement, KL_PRICE_PLACES);
  return kl_sim_trigger_done(c, "%s is %s: YES is worth %s", m->ticker, what, value);
}

bool kl_sim_trigger_determine(kl_sim_trigger_call *c) {
  kl_price value;
  kl_market *m = kl_sim_trigger_market(c, "market");
  if (!m || !read_result(c, &value)) return false;
  return ended(c, m, kl_exchange_determine(c->s->x, c->s->now_us, m, value), "determined");
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
  return ended(c, m, kl_exchange_settle(c->s->x, c->s->now_us, m, value), "settled");
}
