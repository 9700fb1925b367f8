#include "sim/levels.h"

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "sim/json_out.h"

#define STORE_KIND "usage_level"

enum { REVIEW_EVERY_S = 3600, GRANT_S = 30 * 86400, EARNED = 5 };

/* Shares of twice the exchange's volume in 1/1,000,000, from Expert to Prestige. */
static const struct {
  const char *level;
  int earn, keep;
} shares[EARNED] = {{"expert", 750, 500},
                    {"premier", 1250, 1000},
                    {"paragon", 2500, 2000},
                    {"prime", 5000, 4000},
                    {"prestige", 10000, 8000}};

static const kl_sim_tier *better(const kl_sim_tier *a, const kl_sim_tier *b) { return b && b > a ? b : a; }

static void apply(kl_sim *s, kl_sim_account *a) {
  const kl_sim_tier *t = s->tier;
  if (a->levels.upgraded) t = better(t, kl_sim_tier_find("advanced"));
  t = better(t, a->levels.earned);
  kl_sim_limits_change(&a->limits, t, kl_mono_ns(s->clock));
}

static void keep(kl_sim *s, const kl_sim_account *a) {
  kl_buf b = {0};
  char id[16];
  if (!s->store) return;
  kl_buf_char(&b, '{');
  kl_sim_field_bool(&b, "upgraded", a->levels.upgraded);
  if (a->levels.earned) {
    kl_sim_field_str(&b, "earned", a->levels.earned->name);
    kl_sim_field_int(&b, "until", a->levels.earned_until_s);
  }
  kl_buf_char(&b, '}');
  snprintf(id, sizeof id, "%u", a->user);
  kl_sim_store_put(s->store, STORE_KIND, id, &b);
  kl_buf_free(&b);
}

static void load_one(void *data, const char *id, const json_t *o) {
  kl_sim *s = data;
  unsigned long user = strtoul(id, NULL, 10);
  const char *earned = json_string_value(json_object_get(o, "earned"));
  for (int i = 0; i < s->n_accounts; i++) {
    kl_sim_account *a = &s->accounts[i];
    if (a->user != user) continue;
    a->levels.upgraded = json_is_true(json_object_get(o, "upgraded"));
    a->levels.earned = earned ? kl_sim_tier_find(earned) : NULL;
    a->levels.earned_until_s = json_integer_value(json_object_get(o, "until"));
    apply(s, a);
  }
}

/* ---- volumes ---- */

static kl_count volume_of(const kl_sim *s, uint32_t user) {
  int64_t since_us = s->now_us - (int64_t)GRANT_S * 1000000;
  const kl_fill *f;
  kl_count sum = 0;
  for (size_t i = 0; (f = kl_exchange_fill_at(s->x, user, i)) && f->ts_us >= since_us; i++)
    sum += f->count;
  return sum;
}

static void count_volumes(kl_sim *s) {
  s->exchange_volume = 0;
  for (size_t i = 0; i < kl_exchange_market_count(s->x); i++)
    s->exchange_volume += kl_exchange_market_at(s->x, i)->volume;
  s->volumes_us = s->now_us;
  for (int i = 0; i < s->n_accounts; i++)
    s->accounts[i].levels.volume = volume_of(s, s->accounts[i].user);
}

bool kl_sim_levels_goal(const kl_sim *s, int i, kl_sim_goal *out) {
  if (i < 0 || i >= EARNED) return false;
  out->tier = kl_sim_tier_find(shares[i].level);
  out->earn = 2 * s->exchange_volume / 1000000 * shares[i].earn;
  out->keep = 2 * s->exchange_volume / 1000000 * shares[i].keep;
  return true;
}

/* The best level that the volume earns, or keeps when it is there. */
static const kl_sim_tier *deserved(const kl_sim *s, const kl_sim_account *a) {
  const kl_sim_tier *best = NULL;
  kl_sim_goal g;
  for (int i = 0; s->exchange_volume > 0 && kl_sim_levels_goal(s, i, &g); i++)
    if (a->levels.volume >= (g.tier == a->levels.earned ? g.keep : g.earn)) best = g.tier;
  return best;
}

static void review(kl_sim *s, kl_sim_account *a) {
  const kl_sim_tier *t = deserved(s, a);
  int64_t now_s = s->now_us / 1000000;
  bool expired = a->levels.earned && now_s >= a->levels.earned_until_s;
  /* A grant is not cut early: less volume only lets it run out. */
  if (t && (!a->levels.earned || t >= a->levels.earned || expired)) {
    a->levels.earned = t;
    a->levels.earned_until_s = now_s + GRANT_S;
  } else if (expired) {
    a->levels.earned = NULL;
  } else {
    return;
  }
  apply(s, a);
  keep(s, a);
}

bool kl_sim_levels_begin(kl_sim *s, kl_error *e) {
  count_volumes(s);
  if (kl_sim_store_each(s->store, STORE_KIND, load_one, s)) return true;
  if (kl_sim_store_error(s->store)) *e = *kl_sim_store_error(s->store);
  return false;
}

void kl_sim_levels_second(kl_sim *s) {
  if ((double)(s->now_us - s->volumes_us) * s->o.speed < REVIEW_EVERY_S * 1e6) return;
  count_volumes(s);
  for (int i = 0; i < s->n_accounts; i++)
    review(s, &s->accounts[i]);
}

bool kl_sim_levels_upgrade(kl_sim *s, kl_sim_account *a) {
  /* One of the last hundred orders must have come through the API. Here all have: the newest tells. */
  if (!kl_exchange_order_at(s->x, a->user, 0)) return false;
  a->levels.upgraded = true;
  apply(s, a);
  keep(s, a);
  return true;
}
