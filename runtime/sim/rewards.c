#include "sim/rewards.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sim/incentives.h"
#include "sim/json_out.h"
#include "sim/reference.h"
#include "sim/transfers.h"

typedef struct earner {
  uint32_t user;
  double shares; /* sum over the looks, 1 for the whole of both sides */
} earner;

/* A programme with an account in it. */
typedef struct programme {
  kl_uuid id;
  int64_t pay_us, reward;
  int shard;
  double seconds;  /* that it lasts */
  earner *earners; /* owned */
  size_t n, cap;
} programme;

struct kl_sim_rewards {
  programme *list; /* owned */
  size_t n, cap;
};

struct kl_sim_rewards *kl_sim_rewards_new(void) {
  return calloc(1, sizeof(struct kl_sim_rewards));
}

void kl_sim_rewards_free(struct kl_sim_rewards *r) {
  if (!r) return;
  for (size_t i = 0; i < r->n; i++)
    free(r->list[i].earners);
  free(r->list);
  free(r);
}

/* ---- the state file ---- */

static const char store_kind[] = "reward";

static void keep(kl_sim *s, const programme *p) {
  kl_buf b = {0};
  if (!s->store) return;
  kl_buf_char(&b, '{');
  kl_sim_field_int(&b, "pay", p->pay_us);
  kl_sim_field_int(&b, "reward", p->reward);
  kl_sim_field_int(&b, "shard", p->shard);
  kl_buf_printf(&b, ",\"seconds\":%.17g,\"earners\":[", p->seconds);
  for (size_t i = 0; i < p->n; i++)
    kl_buf_printf(&b, "%s[%u,%.17g]", i ? "," : "", (unsigned)p->earners[i].user, p->earners[i].shares);
  kl_buf_str(&b, "]}");
  kl_sim_store_put(s->store, store_kind, p->id, &b);
  kl_buf_free(&b);
}

/* ---- looking ---- */

/* One side of a book. */
typedef struct look {
  const kl_sim_incentive *of;
  kl_price best;
  kl_count left; /* of the target */
  double all;
  earner found[16]; /* accounts with contracts that count; more of them share one programme hardly ever */
  size_t n;
  const kl_sim *s;
} look;

static bool is_account(const kl_sim *s, uint32_t user) {
  for (int i = 0; i < s->n_accounts; i++)
    if (s->accounts[i].user == user) return true;
  return false;
}

static bool count_order(void *data, const kl_order *o) {
  look *l = data;
  kl_price away = o->price > l->best ? o->price - l->best : l->best - o->price;
  kl_count count = o->remaining < l->left ? o->remaining : l->left;
  double score = (double)count * pow(l->of->discount_bps / 10000.0, (double)away / 100);
  l->left -= count;
  l->all += score;
  if (is_account(l->s, o->user)) {
    size_t i = 0;
    while (i < l->n && l->found[i].user != o->user)
      i++;
    if (i < sizeof l->found / sizeof *l->found) {
      if (i == l->n) l->found[l->n++] = (earner){.user = o->user};
      l->found[i].shares += score;
    }
  }
  return l->left > 0;
}

static programme *add_programme(struct kl_sim_rewards *r, const programme *like) {
  if (r->n == r->cap) {
    size_t cap = r->cap ? r->cap * 2 : 8;
    programme *grown = realloc(r->list, cap * sizeof *grown);
    if (!grown) return NULL;
    r->list = grown;
    r->cap = cap;
  }
  r->list[r->n] = *like;
  return &r->list[r->n++];
}

static programme *programme_of(struct kl_sim_rewards *r, const kl_sim_incentive *of) {
  for (size_t i = 0; i < r->n; i++)
    if (!strcmp(r->list[i].id, of->id)) return &r->list[i];
  programme made = {.pay_us = of->pay_us,
                    .reward = of->reward,
                    .shard = of->market->exchange_index,
                    .seconds = (double)(of->end_us - of->start_us) / 1e6};
  memcpy(made.id, of->id, sizeof made.id);
  return add_programme(r, &made);
}

static void earn(programme *p, uint32_t user, double share) {
  size_t i = 0;
  while (i < p->n && p->earners[i].user != user)
    i++;
  if (i == p->cap) {
    size_t cap = p->cap ? p->cap * 2 : 4;
    earner *grown = realloc(p->earners, cap * sizeof *grown);
    if (!grown) return; /* this second is not counted for this account */
    p->earners = grown;
    p->cap = cap;
  }
  if (i == p->n) p->earners[p->n++] = (earner){.user = user};
  p->earners[i].shares += share;
}

static void look_at(kl_sim *s, const kl_sim_incentive *of) {
  struct kl_sim_rewards *r = s->reference->rewards;
  programme *p = NULL;
  for (int side = KL_YES; side <= KL_NO; side++) {
    kl_price best;
    kl_count size;
    look l = {.of = of, .left = of->target, .s = s};
    if (!kl_exchange_level(of->market, (kl_outcome)side, 0, &best, &size)) continue;
    l.best = side == KL_YES ? best : KL_PRICE_ONE - best;
    kl_exchange_each_resting(of->market, (kl_outcome)side, count_order, &l);
    for (size_t i = 0; l.all > 0 && i < l.n; i++) {
      if (!p) p = programme_of(r, of);
      if (p) earn(p, l.found[i].user, l.found[i].shares / l.all / 2);
    }
  }
  if (p) keep(s, p);
}

static void load(void *data, const char *id, const json_t *o) {
  kl_sim *s = data;
  const json_t *list = json_object_get(o, "earners"), *one;
  size_t i, n = strlen(id);
  programme p = {.pay_us = json_integer_value(json_object_get(o, "pay")),
                 .reward = json_integer_value(json_object_get(o, "reward")),
                 .shard = (int)json_integer_value(json_object_get(o, "shard")),
                 .seconds = json_number_value(json_object_get(o, "seconds"))};
  if (n >= sizeof p.id || !(p.seconds > 0)) return;
  memcpy(p.id, id, n + 1);
  programme *made = add_programme(s->reference->rewards, &p);
  json_array_foreach(list, i, one) {
    uint32_t user = (uint32_t)json_integer_value(json_array_get(one, 0));
    if (made && kl_exchange_user_id(s->x, user)) earn(made, user, json_number_value(json_array_get(one, 1)));
  }
}

bool kl_sim_rewards_load(kl_sim *s, kl_error *e) {
  if (kl_sim_store_each(s->store, store_kind, load, s)) return true;
  *e = *kl_sim_store_error(s->store);
  return false;
}

/* ---- paying ---- */

static void pay(kl_sim *s, const programme *p) {
  for (size_t i = 0; i < p->n; i++) {
    kl_uuid id;
    /* Every second of the period counts, also those without an order. Whole cents. */
    double share = fmin(p->earners[i].shares / p->seconds, 1);
    kl_money amount = (kl_money)floor(share * (double)p->reward / 100) * 10000;
    if (amount <= 0) continue;
    kl_exchange_result result = kl_sim_deposit(s, p->earners[i].user, p->shard, amount, &id);
    if (result != KL_X_OK)
      kl_log_error("sim", "the reward of programme %s was not paid: %s", p->id, kl_exchange_error_message(result));
  }
}

void kl_sim_rewards_second(kl_sim *s) {
  struct kl_sim_rewards *r = s->reference->rewards;
  size_t kept = 0;
  for (size_t i = 0; i < kl_exchange_market_count(s->x); i++) {
    const kl_market *m = kl_exchange_market_at(s->x, i);
    kl_sim_incentive of;
    if (m && m->status == KL_MARKET_ACTIVE && kl_sim_incentive_of(s, m, 2, &of) && of.status == KL_SIM_RUNNING)
      look_at(s, &of);
  }
  for (size_t i = 0; i < r->n; i++) {
    programme *p = &r->list[i];
    if (s->now_us < p->pay_us) {
      r->list[kept++] = *p;
      continue;
    }
    pay(s, p);
    kl_sim_store_delete(s->store, store_kind, p->id);
    free(p->earners);
  }
  r->n = kept;
}
