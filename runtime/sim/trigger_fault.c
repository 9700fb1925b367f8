/* Triggers that are faults: strikes at once, and rules for what comes. */
#include <stdio.h>
#include <string.h>

#include "sim/trigger_impl.h"

/* " user U" for the end of a rule, or nothing; false after refusing. */
static bool user_condition(kl_sim_trigger_call *c, char *out, size_t cap) {
  bool ok;
  const kl_sim_account *a = kl_sim_trigger_user(c, &ok);
  out[0] = '\0';
  if (a) snprintf(out, cap, " user %d", (int)(a - c->s->accounts) + 1);
  return ok;
}

bool kl_sim_trigger_rule(kl_sim_trigger_call *c, const char *spec, const char *what) {
  unsigned id;
  kl_error e = {0};
  if (!kl_sim_faults_put(c->s, spec, true, &id, &e)) return kl_sim_trigger_refuse(c, 400, "%s", e.message);
  kl_sim_field_int(c->out, "rule", id);
  kl_sim_field_str(c->out, "spec", spec);
  return kl_sim_trigger_done(c, "%s (rule %u: %.200s)", what, id, spec);
}

/* ---- connections ---- */

static kl_fault_kind moment_of(const kl_sim_trigger_call *c, int64_t *value) {
  const kl_sim_trigger_value *code = kl_sim_trigger_value_of(c, "code"), *count = kl_sim_trigger_value_of(c, "count");
  const char *name = c->kind->name;
  *value = 0;
  if (!strcmp(name, "gap")) {
    *value = count->text ? count->number : 1;
    return KL_FAULT_GAP;
  }
  if (!strcmp(name, "stall")) {
    *value = kl_sim_trigger_value_of(c, "for")->number;
    return KL_FAULT_STALL;
  }
  if (!strcmp(name, "end")) {
    *value = code->text ? code->number : 25;
    return KL_FAULT_END;
  }
  if (!strcmp(name, "reset")) return KL_FAULT_RESET;
  *value = code->number;
  return code->text ? KL_FAULT_CLOSE : KL_FAULT_DISCONNECT;
}

/* A bit for each channel that is meant. */
static uint32_t channels_of(const kl_sim_trigger_call *c) {
  const char *name = kl_sim_trigger_value_of(c, "channel")->text;
  if (!name) return (UINT32_C(1) << KL_CH_COUNT) - 1;
  for (int i = 0; i < KL_CH_COUNT; i++)
    if (!strcmp(name, kl_sim_channels[i].name)) return UINT32_C(1) << i;
  return UINT32_C(1) << KL_CH_COUNT; /* answers */
}

bool kl_sim_trigger_moment(kl_sim_trigger_call *c) {
  bool ok;
  int64_t value;
  kl_fault_kind kind = moment_of(c, &value);
  bool of_subs = kind == KL_FAULT_GAP || kind == KL_FAULT_END;
  uint32_t channels = channels_of(c);
  const kl_sim_account *a = kl_sim_trigger_user(c, &ok);
  if (!ok) return false;
  if (kind == KL_FAULT_CLOSE && (value < 1000 || value > 4999))
    return kl_sim_trigger_refuse(c, 400, "code is a close code from 1000 to 4999");
  if (of_subs && channels >> KL_CH_COUNT)
    return kl_sim_trigger_refuse(c, 400, "answers to commands are no channel that is numbered");
  size_t n = kl_sim_strike(c->s, kind, channels, a ? a->pub.key_id : "", value);
  if (n == 0)
    return kl_sim_trigger_refuse(c, 409, of_subs ? "no client is subscribed to that" : "no client has a WebSocket");
  kl_sim_field_int(c->out, of_subs ? "subscriptions" : "connections", (int64_t)n);
  switch (kind) {
  case KL_FAULT_GAP:
    return kl_sim_trigger_done(c, "the next number of %zu subscriptions skips %lld", n, (long long)value);
  case KL_FAULT_END:
    return kl_sim_trigger_done(c, "%zu subscriptions ended with error %lld", n, (long long)value);
  case KL_FAULT_STALL:
    return kl_sim_trigger_done(c, "%zu connections hear nothing for %s", n, kl_sim_trigger_value_of(c, "for")->text);
  case KL_FAULT_RESET:
    return kl_sim_trigger_done(c, "%zu connections are reset", n);
  case KL_FAULT_CLOSE:
    return kl_sim_trigger_done(c, "%zu connections are closed with code %lld", n, (long long)value);
  default:
    return kl_sim_trigger_done(c, "%zu connections are cut", n);
  }
}

bool kl_sim_trigger_message(kl_sim_trigger_call *c) {
  const char *channel = kl_sim_trigger_value_of(c, "channel")->text;
  const kl_sim_trigger_value *count = kl_sim_trigger_value_of(c, "count");
  char spec[160], user[64];
  if (!user_condition(c, user, sizeof user)) return false;
  snprintf(spec, sizeof spec, "ws%s%.40s:%s next %lld%s", channel ? "/" : "", channel ? channel : "", c->kind->name,
           (long long)(count->text ? count->number : 1), user);
  return kl_sim_trigger_rule(c, spec, "for the next messages");
}

/* ---- requests ---- */

/* "TARGET:" of the arguments, or of a default. */
static const char *target_of(const kl_sim_trigger_call *c, const char *fallback) {
  const char *target = kl_sim_trigger_value_of(c, "target")->text;
  return target ? target : fallback;
}

static long long count_of(const kl_sim_trigger_call *c) {
  const kl_sim_trigger_value *count = kl_sim_trigger_value_of(c, "count");
  return count->text ? count->number : 1;
}

bool kl_sim_trigger_delay(kl_sim_trigger_call *c) {
  const kl_sim_trigger_value *count = kl_sim_trigger_value_of(c, "count"), *length = kl_sim_trigger_value_of(c, "for");
  char spec[1400], user[64], next[40] = "";
  if (!user_condition(c, user, sizeof user)) return false;
  if (count->text) snprintf(next, sizeof next, " next %lld", (long long)count->number);
  snprintf(spec, sizeof spec, "%.600s:latency=%.600s%s%s%.40s%s", target_of(c, "*"),
           kl_sim_trigger_value_of(c, "by")->text, next, length->text ? " for " : "", length->text ? length->text : "",
           user);
  return kl_sim_trigger_rule(c, spec, "what comes is late");
}

bool kl_sim_trigger_429(kl_sim_trigger_call *c) {
  char spec[800], user[64];
  if (!user_condition(c, user, sizeof user)) return false;
  snprintf(spec, sizeof spec, "%.600s:429 next %lld%s", target_of(c, "*"), count_of(c), user);
  return kl_sim_trigger_rule(c, spec, "the next requests are refused");
}

static const char *choice_of(const kl_sim_trigger_call *c, const char *name, const char *fallback) {
  const char *text = kl_sim_trigger_value_of(c, name)->text;
  return text ? text : fallback;
}

bool kl_sim_trigger_lose(kl_sim_trigger_call *c) {
  char spec[800], user[64];
  if (!user_condition(c, user, sizeof user)) return false;
  snprintf(spec, sizeof spec, "%.600s:%s-%s next %lld%s", target_of(c, "writes"), choice_of(c, "how", "lose"),
           choice_of(c, "when", "after"), count_of(c), user);
  return kl_sim_trigger_rule(c, spec, "the next answers are lost");
}

bool kl_sim_trigger_fail(kl_sim_trigger_call *c) {
  char spec[800], user[64];
  if (!user_condition(c, user, sizeof user)) return false;
  snprintf(spec, sizeof spec, "%.600s:fail-%s=%.20s next %lld%s", target_of(c, "*"), choice_of(c, "when", "before"),
           choice_of(c, "status", "503"), count_of(c), user);
  return kl_sim_trigger_rule(c, spec, "the next requests fail");
}

/* ---- rules ---- */

bool kl_sim_trigger_fault(kl_sim_trigger_call *c) {
  unsigned first;
  kl_error e = {0};
  if (!kl_sim_faults_put(c->s, kl_sim_trigger_value_of(c, "spec")->text, true, &first, &e))
    return kl_sim_trigger_refuse(c, 400, "%s", e.message);
  size_t all = kl_sim_faults_count(c->s->faults);
  unsigned last = all > 0 ? kl_sim_faults_at(c->s->faults, all - 1)->id : 0, n = last >= first ? last - first + 1 : 0;
  if (n == 0) return kl_sim_trigger_refuse(c, 400, "there is no rule in spec");
  kl_sim_field_int(c->out, "rule", first);
  kl_sim_field_int(c->out, "rules", n);
  kl_sim_faults_tick(c->s);
  if (n == 1) return kl_sim_trigger_done(c, "rule %u is in force", first);
  return kl_sim_trigger_done(c, "rules %u to %u are in force", first, last);
}

bool kl_sim_trigger_clear(kl_sim_trigger_call *c) {
  const kl_sim_trigger_value *id = kl_sim_trigger_value_of(c, "id");
  size_t n = kl_sim_faults_clear(c->s->faults, id->text ? (unsigned)id->number : 0);
  if (id->text && n == 0) return kl_sim_trigger_refuse(c, 404, "there is no rule %s", id->text);
  kl_sim_faults_tick(c->s);
  kl_sim_field_int(c->out, "cleared", (int64_t)n);
  return kl_sim_trigger_done(c, "%zu rules are gone", n);
}
