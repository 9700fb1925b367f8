#include "sim/faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STREAM = 40 };

struct kl_sim_faults {
  kl_sim_fault *items;
  size_t n, cap, n_messages; /* rules about messages as they come */
  kl_sim_random seeds;       /* of the rules, one after the other */
  unsigned last_id;
};

kl_sim_faults *kl_sim_faults_new(uint64_t seed) {
  kl_sim_faults *f = calloc(1, sizeof *f);
  if (f) f->seeds = kl_sim_random_new(seed, STREAM);
  return f;
}

void kl_sim_faults_free(kl_sim_faults *f) {
  if (!f) return;
  kl_sim_faults_clear(f, 0);
  free(f->items);
  free(f);
}

static bool about_messages(const kl_fault_rule *r) { return r->scope == KL_FAULT_ON_WS && !kl_fault_is_moment(r); }

bool kl_sim_faults_add(kl_sim_faults *f, const char *spec, int64_t now_us, bool passing, unsigned *first, kl_error *e) {
  kl_fault_rule *rules;
  size_t n;
  if (!kl_fault_spec_parse(spec, &rules, &n, e)) return false;
  if (passing) kl_sim_faults_sweep(f, now_us);
  if (f->n + n > KL_FAULT_RULES_MOST) {
    kl_error_set(e, KL_ERR_CONFIG, "faults: more than %d rules at a time", KL_FAULT_RULES_MOST);
    kl_fault_rules_free(rules, n);
    return false;
  }
  if (f->n + n > f->cap) {
    kl_sim_fault *grown = realloc(f->items, (f->n + n) * sizeof *grown);
    if (!grown) {
      kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
      kl_fault_rules_free(rules, n);
      return false;
    }
    f->items = grown;
    f->cap = f->n + n;
  }
  if (first) *first = f->last_id + 1;
  for (size_t i = 0; i < n; i++) {
    kl_sim_fault *item = &f->items[f->n++];
    *item = (kl_sim_fault){.rule = rules[i], .id = ++f->last_id, .passing = passing, .began_us = now_us, .period = -1};
    item->random = (kl_sim_random){kl_sim_next(&f->seeds)};
    if (about_messages(&rules[i])) f->n_messages++;
  }
  free(rules); /* their texts are the items' now */
  return true;
}

static void take_out(kl_sim_faults *f, size_t i) {
  if (about_messages(&f->items[i].rule)) f->n_messages--;
  kl_fault_rule_free(&f->items[i].rule);
  memmove(&f->items[i], &f->items[i + 1], (f->n - i - 1) * sizeof *f->items);
  f->n--;
}

size_t kl_sim_faults_clear(kl_sim_faults *f, unsigned id) {
  size_t gone = 0;
  for (size_t i = f->n; i > 0; i--) {
    if (id && f->items[i - 1].id != id) continue;
    take_out(f, i - 1);
    gone++;
  }
  return gone;
}

size_t kl_sim_faults_count(const kl_sim_faults *f) { return f->n; }
kl_sim_fault *kl_sim_faults_at(kl_sim_faults *f, size_t i) { return i < f->n ? &f->items[i] : NULL; }

/* ---- schedule ---- */

/* Whether the rule is in force at `t` microseconds after it began, and in which of its periods. */
static bool in_force(const kl_fault_rule *r, int64_t t, int64_t *period) {
  t -= r->from;
  if (t < 0) return false;
  *period = r->every ? t / r->every : 0;
  if (r->every) t %= r->every;
  return !r->on || t < r->on;
}

/* How many it may strike in a period; 0: any number. With "every" and no length it is one. */
static uint64_t most_of(const kl_fault_rule *r) { return r->next ? r->next : r->every && !r->on ? 1 : 0; }

static bool can_do_no_more(const kl_sim_fault *f, int64_t now_us) {
  const kl_fault_rule *r = &f->rule;
  if (r->every) return false;
  if (kl_fault_is_moment(r)) return f->fired > 0;
  return (most_of(r) && f->hits >= most_of(r)) || (r->on && now_us - f->began_us >= r->from + r->on);
}

void kl_sim_faults_sweep(kl_sim_faults *f, int64_t now_us) {
  for (size_t i = f->n; i > 0; i--) {
    const kl_sim_fault *item = &f->items[i - 1];
    if (item->passing && !item->on && can_do_no_more(item, now_us)) take_out(f, i - 1);
  }
}

/* Counts a match; whether it is struck. */
static bool strikes(kl_sim_fault *f, int64_t now_us) {
  const kl_fault_rule *r = &f->rule;
  int64_t period;
  if (!in_force(r, now_us - f->began_us, &period)) return false;
  if (period != f->period) {
    f->period = period;
    f->seen = f->hits = 0;
  }
  if (f->seen++ < r->skip) return false;
  if (most_of(r) && f->hits >= most_of(r)) return false;
  if (r->has_probability && kl_sim_uniform(&f->random) >= r->probability) return false;
  f->hits++;
  f->struck++;
  return true;
}

uint64_t kl_sim_fault_due(kl_sim_fault *f, int64_t now_us) {
  const kl_fault_rule *r = &f->rule;
  /* "every 30s" alone begins after 30 seconds, "from 0s every 30s" at once. */
  int64_t t = now_us - f->began_us - (r->every && !r->has_from ? r->every : r->from);
  uint64_t passed = t < 0 ? 0 : r->every ? (uint64_t)(t / r->every) + 1 : 1;
  uint64_t due = passed - f->fired;
  f->fired = passed;
  f->struck += due > 0;
  return due;
}

bool kl_sim_fault_is_on(const kl_sim_fault *f, int64_t now_us) {
  int64_t period;
  return in_force(&f->rule, now_us - f->began_us, &period);
}

int64_t kl_sim_fault_ends_us(const kl_sim_fault *f, int64_t now_us) {
  const kl_fault_rule *r = &f->rule;
  int64_t period;
  if (!r->on || !in_force(r, now_us - f->began_us, &period)) return INT64_MAX;
  return f->began_us + r->from + period * r->every + r->on;
}

int64_t kl_sim_fault_sample(kl_sim_fault *f) { return kl_dist_sample(&f->rule.dist, &f->random); }

/* ---- matching ---- */

bool kl_fault_who_matches(const char *filter, const kl_fault_who *who) {
  char number[16];
  if (!*filter) return true;
  if (who->key_id && !strcmp(filter, who->key_id)) return true;
  snprintf(number, sizeof number, "%d", who->user);
  return who->user > 0 && !strcmp(filter, number);
}

static bool target_matches(const kl_fault_target *t, const kl_operation *op, const char *method, const char *path) {
  switch (t->kind) {
  case KL_FAULT_TARGET_ALL:
    return true;
  case KL_FAULT_TARGET_READS:
    return op && op->bucket == KL_BUCKET_READ;
  case KL_FAULT_TARGET_WRITES:
    return op && op->bucket == KL_BUCKET_WRITE;
  case KL_FAULT_TARGET_OPERATION:
    return op == t->op;
  case KL_FAULT_TARGET_PATH:
    return (!t->method[0] || !strcmp(t->method, method)) && kl_fault_path_matches(t->pattern, path);
  }
  return false;
}

static bool request_matches(const kl_fault_rule *r, const kl_operation *op, bool handshake, const char *method,
                            const char *path, const kl_fault_who *who) {
  if (!kl_fault_who_matches(r->user, who)) return false;
  if (handshake) return r->scope == KL_FAULT_ON_HANDSHAKE;
  if (r->scope != KL_FAULT_ON_REST) return false;
  for (int i = 0; i < r->n_targets; i++)
    if (target_matches(&r->targets[i], op, method, path)) return true;
  return false;
}

void kl_sim_faults_request(kl_sim_faults *f, const kl_operation *op, bool handshake, const char *method,
                           const char *path, const kl_fault_who *who, int64_t now_us, kl_fault_verdict *out) {
  *out = (kl_fault_verdict){0};
  for (size_t i = 0; i < f->n; i++) {
    kl_sim_fault *item = &f->items[i];
    const kl_fault_rule *r = &item->rule;
    if (!request_matches(r, op, handshake, method, path, who) || !strikes(item, now_us)) continue;
    switch (r->kind) {
    case KL_FAULT_LATENCY:
      out->latency_us += kl_sim_fault_sample(item);
      break;
    case KL_FAULT_ARRIVAL:
      out->arrival_us += kl_sim_fault_sample(item);
      break;
    case KL_FAULT_SLOW:
      if (!out->rate || r->value < out->rate) out->rate = r->value;
      break;
    case KL_FAULT_REPEAT:
      out->repeat = true;
      out->rule = item->id;
      break;
    default: /* a request ends once: by the first rule that says how */
      if (out->end) break;
      out->end = r->kind;
      out->status = (int)r->value;
      out->rule = item->id;
    }
  }
}

bool kl_sim_faults_about_messages(const kl_sim_faults *f) { return f && f->n_messages > 0; }

void kl_sim_faults_message(kl_sim_faults *f, int channel, const kl_fault_who *who, int64_t now_us, kl_fault_fate *out) {
  *out = (kl_fault_fate){0};
  for (size_t i = 0; i < f->n; i++) {
    kl_sim_fault *item = &f->items[i];
    const kl_fault_rule *r = &item->rule;
    if (!about_messages(r) || !kl_fault_who_matches(r->user, who)) continue;
    if (!(r->channels >> channel & 1) || !strikes(item, now_us)) continue;
    if (r->kind != KL_FAULT_LATENCY && r->kind != KL_FAULT_SLOW) out->rule = item->id;
    switch (r->kind) {
    case KL_FAULT_LATENCY:
      out->latency_us += kl_sim_fault_sample(item);
      break;
    case KL_FAULT_SLOW:
      if (!out->rate || r->value < out->rate) out->rate = r->value;
      break;
    case KL_FAULT_DROP:
      out->drop = true;
      break;
    case KL_FAULT_VANISH:
      out->vanish = true;
      break;
    case KL_FAULT_DUPLICATE:
      out->duplicate = true;
      break;
    case KL_FAULT_CUT:
      out->cut = true;
      break;
    case KL_FAULT_GAP:
      out->gap += r->value;
      break;
    case KL_FAULT_STALL:
      out->stall_us = kl_sim_fault_sample(item);
      break;
    default:
      if (out->end) break;
      out->end = r->kind;
      out->code = (int)r->value;
    }
  }
}
