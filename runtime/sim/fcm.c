#include "sim/fcm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/new_york.h"
#include "sim/json_out.h"
#include "sim/store.h"

#define STORE_KIND "fcm_subtrader"

struct kl_sim_fcm {
  kl_sim_subtrader **all; /* oldest first */
  size_t n, cap;
};

kl_sim_fcm *kl_sim_fcm_new(void) { return calloc(1, sizeof(kl_sim_fcm)); }

static void free_subtrader(kl_sim_subtrader *t) {
  for (size_t i = 0; i < t->n_blocked; i++)
    free(t->blocked[i]);
  free((void *)t->blocked);
  free(t);
}

void kl_sim_fcm_free(kl_sim_fcm *f) {
  if (!f) return;
  for (size_t i = 0; i < f->n; i++)
    free_subtrader(f->all[i]);
  free((void *)f->all);
  free(f);
}

kl_sim_subtrader *kl_sim_fcm_find(const kl_sim *s, const kl_sim_account *member, const char *id) {
  for (size_t i = 0; i < s->fcm->n; i++)
    if (s->fcm->all[i]->member == member && !strcmp(s->fcm->all[i]->id, id)) return s->fcm->all[i];
  return NULL;
}

size_t kl_sim_fcm_count(const kl_sim *s) { return s->fcm->n; }
kl_sim_subtrader *kl_sim_fcm_at(const kl_sim *s, size_t i) { return s->fcm->all[i]; }

/* ---- what is remembered ---- */

static void keep(kl_sim *s, const kl_sim_subtrader *t) {
  kl_buf b = {0};
  if (!s->store) return;
  kl_buf_char(&b, '{');
  kl_sim_field_int(&b, "member", t->member->user);
  kl_sim_field_int(&b, "user", t->account.user);
  if (t->has_cap) kl_sim_field_int(&b, "cap", t->cap);
  kl_sim_key(&b, "blocked");
  kl_buf_char(&b, '[');
  for (size_t i = 0; i < t->n_blocked; i++) {
    if (i) kl_buf_char(&b, ',');
    kl_buf_json_cstr(&b, t->blocked[i]);
  }
  kl_buf_str(&b, "]}");
  kl_sim_store_put(s->store, STORE_KIND, t->id, &b);
  kl_buf_free(&b);
}

/* Room for one more in an array of pointers. */
static void *grown(void *data, size_t n, size_t *cap) {
  if (n < *cap) return data;
  size_t more = *cap ? *cap * 2 : 8;
  void *p = realloc(data, more * sizeof(void *));
  if (p) *cap = more;
  return p;
}

static kl_sim_subtrader *add(kl_sim *s, kl_sim_account *member, const char *id, uint32_t user) {
  kl_sim_fcm *f = s->fcm;
  void *all = grown((void *)f->all, f->n, &f->cap);
  if (all) f->all = all;
  kl_sim_subtrader *t = all ? calloc(1, sizeof *t) : NULL;
  if (!t) return NULL;
  snprintf(t->id, sizeof t->id, "%s", id);
  t->member = member;
  t->account = (kl_sim_account){.user = user, .subtrader = t};
  f->all[f->n++] = t;
  return t;
}

kl_sim_subtrader *kl_sim_fcm_add(kl_sim *s, kl_sim_account *member, const char *id) {
  uint32_t user = kl_exchange_add_user(s->x, KL_SIM_START_MONEY);
  kl_sim_subtrader *t = user == UINT32_MAX ? NULL : add(s, member, id, user);
  if (t) keep(s, t);
  return t;
}

void kl_sim_fcm_set_cap(kl_sim *s, kl_sim_subtrader *t, bool has_cap, kl_money cap) {
  t->has_cap = has_cap;
  t->cap = has_cap ? cap : 0;
  keep(s, t);
}

static size_t find_blocked(const kl_sim_subtrader *t, const char *category) {
  size_t i = 0;
  while (i < t->n_blocked && strcmp(t->blocked[i], category) != 0)
    i++;
  return i;
}

bool kl_sim_fcm_is_blocked(const kl_sim_subtrader *t, const char *category) {
  return find_blocked(t, category) < t->n_blocked;
}

static bool set_blocked(kl_sim_subtrader *t, const char *category, bool blocked) {
  size_t at = find_blocked(t, category);
  if (blocked && at == t->n_blocked) {
    char **more = realloc((void *)t->blocked, (t->n_blocked + 1) * sizeof *more);
    if (more) t->blocked = more;
    char *copy = more ? strdup(category) : NULL;
    if (!copy) return false;
    t->blocked[t->n_blocked++] = copy;
  } else if (!blocked && at < t->n_blocked) {
    free(t->blocked[at]);
    memmove((void *)&t->blocked[at], (void *)&t->blocked[at + 1], (t->n_blocked - at - 1) * sizeof *t->blocked);
    t->n_blocked--;
  }
  return true;
}

bool kl_sim_fcm_block(kl_sim *s, kl_sim_subtrader *t, const char *category, bool blocked) {
  if (!set_blocked(t, category, blocked)) return false;
  keep(s, t);
  return true;
}

typedef struct loading {
  kl_sim *s;
  bool failed;
} loading;

static void load_one(void *data, const char *id, const json_t *o) {
  loading *l = data;
  kl_sim *s = l->s;
  json_int_t member = json_integer_value(json_object_get(o, "member"));
  const json_t *cap = json_object_get(o, "cap"), *v;
  size_t k;
  for (int i = 0; i < s->n_accounts; i++) {
    if (!s->accounts[i].fcm || s->accounts[i].user != (uint32_t)member) continue;
    kl_sim_subtrader *t = add(s, &s->accounts[i], id, (uint32_t)json_integer_value(json_object_get(o, "user")));
    bool ok = t != NULL;
    if (t && cap) {
      t->has_cap = true;
      t->cap = json_integer_value(cap);
    }
    json_array_foreach(json_object_get(o, "blocked"), k, v) ok =
        ok && json_is_string(v) && set_blocked(t, json_string_value(v), true);
    if (!ok) l->failed = true;
    return;
  }
}

bool kl_sim_fcm_load(kl_sim *s, kl_error *e) {
  loading l = {.s = s};
  if (!kl_sim_store_each(s->store, STORE_KIND, load_one, &l)) {
    if (kl_sim_store_error(s->store)) *e = *kl_sim_store_error(s->store);
    return false;
  }
  if (l.failed) kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the subtraders in the state file");
  return !l.failed;
}

/* ---- the daily cap ---- */

static kl_count least(kl_count a, kl_count b) { return a < b ? a : b; }

/* Contracts of a signed position that a trade of this side closes. */
static kl_count closes(kl_count position, kl_side side) {
  kl_count other = side == KL_BID ? -position : position;
  return other > 0 ? other : 0;
}

/* A contract bought costs its own price; one that closes gives back what the other side is worth. */
static kl_money premium_of_fill(const kl_fill *f) {
  kl_price own = f->side == KL_BID ? f->yes_price : KL_PRICE_ONE - f->yes_price;
  kl_count before = f->post_position + (f->side == KL_BID ? -f->count : f->count);
  kl_count closed = least(closes(before, f->side), f->count);
  return (f->count - closed) * own - closed * (KL_PRICE_ONE - own);
}

static kl_money worst_cost(const kl_market *m, kl_side side, kl_price price, kl_count count) {
  const kl_series *series = m->event->series;
  kl_price own = side == KL_BID ? price : KL_PRICE_ONE - price;
  return own * count + kl_fee_trade(series->fee_type, series->fee_multiplier_ppm, true, price, count);
}

void kl_sim_fcm_use(const kl_sim *s, const kl_sim_subtrader *t, kl_sim_cap_use *out) {
  int64_t midnight_us = kl_new_york_midnight(s->now_us / 1000000) * 1000000;
  time_t day = (time_t)(midnight_us / 1000000 + 12 * 3600 - 5 * 3600);
  uint32_t user = t->account.user;
  struct tm tm = {0};
  const kl_fill *f;
  const kl_settlement *st;
  const kl_order *o;
  *out = (kl_sim_cap_use){0};
  gmtime_r(&day, &tm);
  strftime(out->date, sizeof out->date, "%Y-%m-%d", &tm);
  for (size_t i = 0; (f = kl_exchange_fill_at(s->x, user, i)) && f->ts_us >= midnight_us; i++)
    out->executed += premium_of_fill(f);
  for (size_t i = 0; (st = kl_exchange_settlement_at(s->x, user, i)) && st->settled_us >= midnight_us; i++)
    out->executed -= st->revenue;
  for (size_t i = 0; (o = kl_exchange_order_at(s->x, user, i)); i++)
    if (o->status == KL_ORDER_RESTING) out->resting += worst_cost(o->market, o->side, o->price, o->remaining);
}

kl_money kl_sim_fcm_cost(const kl_sim *s, const kl_sim_subtrader *t, const kl_market *m, kl_side side, kl_price price,
                         kl_count count, int subaccount) {
  const kl_position *p;
  kl_count closed = 0;
  for (size_t i = 0; (p = kl_exchange_position_at(s->x, t->account.user, subaccount, i)); i++)
    if (p->market == m) closed = least(closes(p->position, side), count);
  return worst_cost(m, side, price, count - closed);
}
