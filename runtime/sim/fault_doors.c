#include "sim/fault_doors.h"

#include <string.h>

#include "sim/journal.h"
#include "sim/server.h"
#include "sim/triggers.h"

#define ROOT "/trade-api/v2"

static int64_t mono_us(const kl_sim *s) { return kl_mono_ns(s->clock) / 1000; }

/* Who signs with a key: 1, 2, …; 0: nobody. */
static int number_of(const kl_sim *s, const kl_sim_account *a) { return a ? (int)(a - s->accounts) + 1 : 0; }

static kl_fault_who who_of_key(const kl_sim *s, const char *key_id) {
  const kl_sim_api_key *k = key_id ? kl_sim_keys_find(s->keys, key_id) : NULL;
  return (kl_fault_who){.user = number_of(s, k ? k->owner : NULL), .key_id = key_id};
}

static kl_fault_who who_of(const kl_sim_session *c) {
  return (kl_fault_who){.user = number_of(c->sim, c->key->owner), .key_id = c->key->id};
}

/* ---- rules ---- */

bool kl_sim_faults_check(const char *spec, kl_error *e) {
  kl_fault_rule *rules;
  size_t n;
  kl_error why = {0};
  if (!kl_fault_spec_parse(spec, &rules, &n, e)) return false;
  bool ok = true;
  for (size_t i = 0; ok && i < n; i++) {
    if (rules[i].scope != KL_FAULT_ON_TRIGGER) continue;
    ok = kl_sim_trigger_check(rules[i].arguments[0], (const char *const *)rules[i].arguments + 1, true, &why);
    if (!ok) kl_error_coded(e, KL_ERR_CONFIG, "faults_wrong", "faults, rule %zu: %s", i + 1, why.message);
  }
  kl_fault_rules_free(rules, n);
  return ok;
}

bool kl_sim_faults_put(kl_sim *s, const char *spec, bool passing, unsigned *first, kl_error *e) {
  return kl_sim_faults_check(spec, e) && kl_sim_faults_add(s->faults, spec, mono_us(s), passing, first, e);
}

/* ---- requests ---- */

void kl_sim_fault_judge(kl_sim *s, const kl_sim_request *rq, bool handshake, kl_fault_verdict *out) {
  *out = (kl_fault_verdict){0};
  if (s->outage) {
    out->end = KL_FAULT_FAIL_BEFORE;
    out->status = 503;
    return;
  }
  if (kl_sim_faults_count(s->faults) == 0) return;
  size_t root = sizeof ROOT - 1;
  const char *path = strncmp(rq->path, ROOT "/", root + 1) == 0 ? rq->path + root : rq->path;
  const kl_operation *op = kl_operation_match(rq->method, path);
  kl_fault_who who = who_of_key(s, rq->key_id);
  kl_sim_faults_request(s->faults, op, handshake, rq->method, path, &who, mono_us(s), out);
  if (!out->rule) return;
  kl_sim_touch(s);
  kl_sim_journal_add(s->journal, s->now_us, "fault", "%s: %s", out->end ? kl_fault_name(out->end) : "repeat",
                     handshake ? "handshake"
                     : op      ? op->name
                               : path);
}

void kl_sim_fault_answer(kl_sim_response *rs, const kl_fault_verdict *v) {
  kl_buf_free(&rs->body);
  *rs = (kl_sim_response){0};
  int status = v->end == KL_FAULT_LIMIT ? 429 : v->status;
  switch (status) {
  case 429:
    rs->status = 429;
    kl_buf_str(&rs->body, "{\"error\":\"too many requests\"}");
    return;
  case 502:
    kl_sim_fail(rs, 502, "bad_gateway", "bad gateway", NULL);
    return;
  case 503:
    kl_sim_fail(rs, 503, "service_unavailable", "service unavailable", NULL);
    return;
  case 504:
    kl_sim_fail(rs, 504, "gateway_timeout", "gateway timeout", NULL);
    return;
  default:
    if (status < 500) {
      kl_sim_fail(rs, status, "bad_request", "bad request", NULL);
    } else {
      kl_sim_fail(rs, status, "internal_server_error", "internal server error", NULL);
    }
  }
}

/* ---- messages and connections ---- */

static kl_fault_kind struck_by(const kl_fault_fate *f) {
  if (f->end) return f->end;
  if (f->drop) return KL_FAULT_DROP;
  if (f->vanish) return KL_FAULT_VANISH;
  if (f->gap) return KL_FAULT_GAP;
  if (f->stall_us) return KL_FAULT_STALL;
  return f->cut ? KL_FAULT_CUT : KL_FAULT_DUPLICATE;
}

void kl_sim_fault_message(kl_sim_session *c, int channel, kl_fault_fate *out) {
  kl_sim *s = c->sim;
  *out = (kl_fault_fate){0};
  if (!kl_sim_faults_about_messages(s->faults)) return;
  kl_fault_who who = who_of(c);
  kl_sim_faults_message(s->faults, channel, &who, mono_us(s), out);
  if (!out->rule) return;
  kl_sim_journal_add(s->journal, s->now_us, "fault", "%s: %s of user %d", kl_fault_name(struck_by(out)),
                     channel == KL_CH_COUNT ? "answer" : kl_sim_channels[channel].name, who.user);
}

/* The subscriptions of a connection on these channels. */
static size_t strike_subs(kl_sim_session *c, kl_fault_kind kind, uint32_t channels, int64_t value) {
  size_t n = 0;
  for (int i = 0; i < KL_CH_COUNT; i++) {
    kl_sim_sub *sub = c->subs[i];
    if (!sub || !(channels >> i & 1)) continue;
    if (kind == KL_FAULT_END) {
      kl_sim_session_end(c, sub, (int)value);
    } else if (kl_sim_channels[i].seq) {
      sub->seq += (uint64_t)value;
    } else {
      continue;
    }
    n++;
  }
  return n;
}

/* Whether the connection has one of these channels; those that name all want any connection. */
static bool has_any(const kl_sim_session *c, uint32_t channels) {
  uint32_t all = (UINT32_C(1) << KL_CH_COUNT) - 1;
  if ((channels & all) == all || !(channels & all)) return true;
  for (int i = 0; i < KL_CH_COUNT; i++)
    if (c->subs[i] && (channels >> i & 1)) return true;
  return false;
}

size_t kl_sim_strike(kl_sim *s, kl_fault_kind kind, uint32_t channels, const char *user, int64_t value) {
  size_t n = 0;
  for (kl_list *at = s->sessions.next, *next; at != &s->sessions; at = next) {
    next = at->next;
    kl_sim_session *c = KL_CONTAINER(at, kl_sim_session, link);
    kl_fault_who who = who_of(c);
    if (!kl_fault_who_matches(user, &who)) continue;
    if (kind == KL_FAULT_GAP || kind == KL_FAULT_END) {
      n += strike_subs(c, kind, channels, value);
      continue;
    }
    if (!has_any(c, channels)) continue;
    if (kind == KL_FAULT_STALL) {
      c->fault.quiet_ns = kl_mono_ns(c->sim->clock) + value * 1000;
    } else {
      c->fault.end = kind;
      c->fault.code = (int)value;
      kl_sim_server_wake(c);
    }
    n++;
  }
  return n;
}

/* ---- by schedule ---- */

/* A trigger may add rules, before which those go that can do no more: this one stays while its words are in use, though
 * its place may be another one afterwards. */
static void trigger_by_rule(kl_sim *s, kl_sim_fault *f) {
  const char *const *words = (const char *const *)f->rule.arguments;
  unsigned id = f->id;
  kl_buf answer = {0};
  kl_error e = {0};
  f->on = true;
  if (!kl_sim_trigger_run(s, words[0], words + 1, &answer, &e))
    kl_sim_journal_add(s->journal, s->now_us, "trigger", "%s, by schedule: %s", words[0], e.message);
  kl_buf_free(&answer);
  for (size_t i = 0; (f = kl_sim_faults_at(s->faults, i)); i++)
    if (f->id == id) f->on = false;
}

static void strike_by_rule(kl_sim *s, kl_sim_fault *f) {
  kl_fault_rule *r = &f->rule;
  if (r->scope != KL_FAULT_ON_TRIGGER) {
    int64_t value = r->kind == KL_FAULT_STALL ? kl_sim_fault_sample(f) : r->value;
    size_t n = kl_sim_strike(s, r->kind, r->channels, r->user, value);
    kl_sim_journal_add(s->journal, s->now_us, "fault", "%s: %zu struck", kl_fault_name(r->kind), n);
    return;
  }
  trigger_by_rule(s, f);
}

/* What the windows that are on ask for together. */
typedef struct asked {
  kl_pause pause;
  int64_t resume_us, clock_off_us;
  bool outage;
} asked;

static void begin_or_end(kl_sim *s, kl_sim_fault *f, bool on) {
  f->on = on;
  if (on) f->struck++;
  kl_sim_journal_add(s->journal, s->now_us, "fault", "%s %s", kl_fault_name(f->rule.kind), on ? "begins" : "is over");
  /* Connections are dropped when the doors go. 1012: the service restarts. */
  if (on && (f->rule.kind == KL_FAULT_MAINTENANCE || f->rule.kind == KL_FAULT_OUTAGE))
    kl_sim_strike(s, KL_FAULT_CLOSE, 0, "", 1012);
}

static void look_at_window(kl_sim *s, kl_sim_fault *f, int64_t now_us, asked *a) {
  bool on = kl_sim_fault_is_on(f, now_us);
  if (on != f->on) begin_or_end(s, f, on);
  if (!on) return;
  switch (f->rule.kind) {
  case KL_FAULT_CLOCK:
    a->clock_off_us += f->rule.value;
    return;
  case KL_FAULT_OUTAGE:
    a->outage = true;
    return;
  default: {
    kl_pause pause = f->rule.kind == KL_FAULT_PAUSE ? KL_TRADING_PAUSE : KL_EXCHANGE_PAUSE;
    int64_t ends_us = kl_sim_fault_ends_us(f, now_us);
    if (pause > a->pause) a->pause = pause;
    if (ends_us != INT64_MAX) a->resume_us = s->now_us + ends_us - now_us;
  }
  }
}

void kl_sim_faults_tick(kl_sim *s) {
  asked a = {.pause = KL_RUNNING};
  int64_t now_us = mono_us(s);
  /* A trigger may add and clear rules. */
  for (size_t i = 0; i < kl_sim_faults_count(s->faults); i++) {
    kl_sim_fault *f = kl_sim_faults_at(s->faults, i);
    if (kl_fault_is_window(&f->rule)) {
      look_at_window(s, f, now_us, &a);
    } else if (kl_fault_is_moment(&f->rule) && kl_sim_fault_due(f, now_us) > 0) {
      strike_by_rule(s, f);
    }
  }
  s->outage = a.outage;
  s->clock_off_us = a.clock_off_us;
  if (a.pause != s->fault_pause) {
    (void)kl_exchange_set_pause(s->x, s->now_us, KL_ALL_SHARDS, a.pause, a.resume_us);
    s->fault_pause = a.pause;
  }
  kl_sim_faults_sweep(s->faults, now_us);
}
