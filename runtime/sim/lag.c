#include "sim/lag.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum { SUBACCOUNTS = 64, KEY_MOST = 48 };

/* What something was before it changed. */
typedef struct change {
  struct change *after; /* of anything */
  struct change *next;  /* of the same thing */
  int64_t us;
  char key[KEY_MOST];
  bool existed;
  _Alignas(max_align_t) unsigned char before[];
} change;

struct kl_sim_lag {
  const kl_sim *s;
  change *oldest, *newest;
  kl_map *first; /* key to the oldest change of it */
  kl_map *last;  /* key to a copy of what it is now */
  size_t n_users;
  struct reader {
    bool account; /* others have nobody who reads */
    bool dirty;   /* its balances may have changed */
  } * readers;    /* by user of the exchange, up to the last account's */
  bool any_dirty, told;
};

kl_sim_lag *kl_sim_lag_new(const kl_sim *s) {
  kl_sim_lag *l = calloc(1, sizeof *l);
  if (!l) return NULL;
  l->s = s;
  l->first = kl_map_new();
  l->last = kl_map_new();
  for (int i = 0; i < s->n_accounts; i++)
    if (s->accounts[i].user >= l->n_users) l->n_users = (size_t)s->accounts[i].user + 1;
  l->readers = calloc(l->n_users + 1, sizeof *l->readers);
  if (!l->first || !l->last || !l->readers) {
    kl_sim_lag_free(l);
    return NULL;
  }
  for (int i = 0; i < s->n_accounts; i++)
    l->readers[s->accounts[i].user].account = true;
  kl_sim_lag_all_money(l);
  kl_sim_lag_settle(l);
  return l;
}

bool kl_sim_lag_add(kl_sim_lag *l, uint32_t user) {
  if (!l) return true;
  size_t n = (size_t)user + 1;
  if (n > l->n_users) {
    struct reader *more = realloc(l->readers, (n + 1) * sizeof *more);
    if (!more) return false;
    memset(more + l->n_users, 0, (n + 1 - l->n_users) * sizeof *more);
    l->readers = more;
    l->n_users = n;
  }
  l->readers[user].account = true;
  kl_sim_lag_money(l, user);
  return true;
}

void kl_sim_lag_free(kl_sim_lag *l) {
  size_t cursor = 0, n;
  const char *key;
  void *value;
  if (!l) return;
  for (change *c = l->oldest, *after; c; c = after) {
    after = c->after;
    free(c);
  }
  while (l->last && kl_map_next(l->last, &cursor, &key, &n, &value))
    free(value);
  kl_map_free(l->first);
  kl_map_free(l->last);
  free(l->readers);
  free(l);
}

static int64_t shown_until(const kl_sim_lag *l) { return l->s->now_us - l->s->o.read_lag_ms * 1000; }

/* Forgets changes that are shown by now. */
static void prune(kl_sim_lag *l) {
  int64_t until = shown_until(l);
  while (l->oldest && l->oldest->us <= until) {
    change *c = l->oldest;
    if (c->next)
      (void)kl_map_set(l->first, c->key, strlen(c->key), c->next); /* the key is there: nothing is allocated */
    else
      (void)kl_map_remove(l->first, c->key, strlen(c->key));
    l->oldest = c->after;
    if (!l->oldest) l->newest = NULL;
    free(c);
  }
}

/* Out of memory: this change is shown at once. */
static void give_up(kl_sim_lag *l) {
  if (!l->told) kl_log_error("sim", "not enough memory for --read-lag: some reads do not lag");
  l->told = true;
}

static bool note_change(kl_sim_lag *l, const char *key, const void *before, size_t size) {
  size_t n = strlen(key);
  change *c = calloc(1, sizeof *c + size);
  if (!c) return false;
  c->us = l->s->now_us;
  snprintf(c->key, sizeof c->key, "%s", key);
  c->existed = before != NULL;
  if (before) memcpy(c->before, before, size);
  change *at = kl_map_get(l->first, key, n);
  while (at && at->next)
    at = at->next;
  if (!at && !kl_map_set(l->first, key, n, c)) {
    free(c);
    return false;
  }
  if (at) at->next = c;
  if (l->newest)
    l->newest->after = c;
  else
    l->oldest = c;
  l->newest = c;
  return true;
}

/* Something is now so; `ended`: it will not change again. */
static void record(kl_sim_lag *l, const char *key, const void *now, size_t size, bool ended) {
  size_t n = strlen(key);
  prune(l);
  void *last = kl_map_get(l->last, key, n);
  if (last && !memcmp(last, now, size)) return;
  if (!note_change(l, key, last, size)) give_up(l);
  if (ended) {
    free(kl_map_remove(l->last, key, n));
    return;
  }
  if (!last) {
    last = malloc(size);
    if (!last || !kl_map_set(l->last, key, n, last)) {
      free(last);
      give_up(l);
      return;
    }
  }
  memcpy(last, now, size);
}

/* What is shown of something that is now `now`. */
static const void *shown(kl_sim_lag *l, const char *key, const void *now) {
  prune(l);
  const change *c = kl_map_get(l->first, key, strlen(key));
  return !c ? now : c->existed ? c->before : NULL;
}

static bool watched(const kl_sim_lag *l, uint32_t user) { return l && user < l->n_users && l->readers[user].account; }

void kl_sim_lag_order(kl_sim_lag *l, const kl_order *o) {
  if (!watched(l, o->user)) return;
  record(l, o->id, o, sizeof *o, o->status != KL_ORDER_RESTING);
  kl_sim_lag_money(l, o->user);
}

/* By the serial of the market: its index is another one's when it is forgotten. */
static void position_key(char out[KEY_MOST], uint32_t user, int subaccount, const kl_market *m) {
  snprintf(out, KEY_MOST, "p/%u/%d/%llu", user, subaccount, (unsigned long long)m->serial);
}

void kl_sim_lag_position(kl_sim_lag *l, uint32_t user, int subaccount, const kl_position *p) {
  char key[KEY_MOST];
  if (!watched(l, user)) return;
  position_key(key, user, subaccount, p->market);
  record(l, key, p, sizeof *p, false);
  kl_sim_lag_money(l, user);
}

void kl_sim_lag_money(kl_sim_lag *l, uint32_t user) {
  if (!watched(l, user)) return;
  l->readers[user].dirty = l->any_dirty = true;
}

void kl_sim_lag_forget(kl_sim_lag *l, const kl_market *m) {
  char key[KEY_MOST];
  for (int i = 0; l && i < l->s->n_accounts; i++) {
    for (int k = 0; k < SUBACCOUNTS; k++) {
      position_key(key, l->s->accounts[i].user, k, m);
      free(kl_map_remove(l->last, key, strlen(key)));
    }
  }
}

void kl_sim_lag_all_money(kl_sim_lag *l) {
  for (int i = 0; l && i < l->s->n_accounts; i++)
    kl_sim_lag_money(l, l->s->accounts[i].user);
}

static void balance_key(char out[KEY_MOST], uint32_t user, int subaccount, int shard) {
  snprintf(out, KEY_MOST, "b/%u/%d/%d", user, subaccount, shard);
}

void kl_sim_lag_settle(kl_sim_lag *l) {
  char key[KEY_MOST];
  if (!l || !l->any_dirty) return;
  l->any_dirty = false;
  for (int i = 0; i < l->s->n_accounts; i++) {
    uint32_t user = l->s->accounts[i].user;
    if (!l->readers[user].dirty) continue;
    l->readers[user].dirty = false;
    for (int k = 0; k < SUBACCOUNTS; k++) {
      for (int shard = 0; shard < KL_EXCHANGE_SHARDS; shard++) {
        kl_money balance = kl_exchange_balance(l->s->x, user, k, shard);
        balance_key(key, user, k, shard);
        if (balance || kl_map_get(l->last, key, strlen(key))) record(l, key, &balance, sizeof balance, false);
      }
    }
  }
}

const kl_order *kl_sim_lag_shown_order(kl_sim_lag *l, const kl_order *o) {
  return watched(l, o->user) ? shown(l, o->id, o) : o;
}

const kl_position *kl_sim_lag_shown_position(kl_sim_lag *l, uint32_t user, int subaccount, const kl_position *p) {
  char key[KEY_MOST];
  if (!watched(l, user)) return p;
  position_key(key, user, subaccount, p->market);
  return shown(l, key, p);
}

kl_money kl_sim_lag_shown_balance(kl_sim_lag *l, uint32_t user, int subaccount, int shard, kl_money balance) {
  char key[KEY_MOST];
  if (!watched(l, user)) return balance;
  balance_key(key, user, subaccount, shard);
  const kl_money *was = shown(l, key, &balance);
  return was ? *was : 0;
}

bool kl_sim_lag_shows(const kl_sim_lag *l, int64_t us) { return !l || us <= shown_until(l); }

kl_money kl_sim_shown_balance(kl_sim *s, uint32_t user, int subaccount, int shard) {
  kl_money sum = 0;
  if (!s->lag) return kl_exchange_balance(s->x, user, subaccount, shard);
  for (int i = 0; i < KL_EXCHANGE_SHARDS; i++)
    if (shard == KL_ALL_SHARDS || shard == i)
      sum += kl_sim_lag_shown_balance(s->lag, user, subaccount, i, kl_exchange_balance(s->x, user, subaccount, i));
  return sum;
}
