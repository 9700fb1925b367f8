#include "sim/transfers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sim/json_out.h"
#include "sim/random.h"

enum {
  STREAM = 31,
  KEEP = 20000,          /* moves of a kind; up to a quarter more */
  ON_THE_WAY_US = 300000 /* a transfer between shards */
};
static const int64_t REBALANCE_US = 10000000;

typedef struct moves {
  kl_sim_money_move *list; /* oldest first */
  size_t n, cap;
} moves;

typedef struct owner {
  kl_sim_allocation allocation;
  bool funded; /* its first deposits are entered */
} owner;

struct kl_sim_transfers {
  moves of[KL_SIM_MONEY_KINDS];
  owner *owners; /* by user */
  size_t n_owners;
  kl_map *client_ids; /* "user/id" */
  kl_sim_random random;
  size_t n_pending;
  int64_t rebalanced_us;
};

void kl_sim_transfers_id(kl_sim *s, kl_uuid out) { kl_sim_uuid(&s->transfers->random, out); }

/* Room for the user; NULL when out of memory. */
static owner *owner_of(kl_sim_transfers *t, uint32_t user) {
  if (user >= t->n_owners) {
    size_t n = t->n_owners ? t->n_owners : 16;
    while (n <= user)
      n *= 2;
    owner *grown = realloc(t->owners, n * sizeof *grown);
    if (!grown) return NULL;
    memset(grown + t->n_owners, 0, (n - t->n_owners) * sizeof *grown);
    t->owners = grown;
    t->n_owners = n;
  }
  return &t->owners[user];
}

/* ---- the state file ---- */

static void put_move(kl_sim *s, const kl_sim_money_move *m) {
  kl_buf b = {0};
  kl_buf_char(&b, '{');
  kl_sim_field_int(&b, "kind", m->kind);
  kl_sim_field_int(&b, "user", m->user);
  kl_sim_field_int(&b, "from", m->from);
  kl_sim_field_int(&b, "to", m->to);
  kl_sim_field_int(&b, "from_shard", m->from_shard);
  kl_sim_field_int(&b, "to_shard", m->to_shard);
  kl_sim_field_int(&b, "amount", m->amount);
  kl_sim_field_bool(&b, "pending", m->pending);
  kl_sim_field_int(&b, "created_us", m->created_us);
  kl_sim_field_int(&b, "due_us", m->due_us);
  kl_buf_char(&b, '}');
  kl_sim_store_put(s->store, "money", m->id, &b);
  kl_buf_free(&b);
}

static int64_t number(const json_t *o, const char *key) { return json_integer_value(json_object_get(o, key)); }

/* Room for one more move; false when out of memory. The oldest that are done go when there are too many. */
static bool reserve(kl_sim *s, kl_sim_money_kind kind) {
  moves *m = &s->transfers->of[kind];
  if (m->n > KEEP + KEEP / 4) {
    size_t kept = 0, drop = m->n - KEEP;
    for (size_t i = 0; i < m->n; i++) {
      if (i < drop && !m->list[i].pending)
        kl_sim_store_delete(s->store, "money", m->list[i].id);
      else
        m->list[kept++] = m->list[i];
    }
    m->n = kept;
  }
  if (m->n < m->cap) return true;
  size_t cap = m->cap ? m->cap * 2 : 16;
  kl_sim_money_move *grown = realloc(m->list, cap * sizeof *grown);
  if (!grown) return false;
  m->list = grown;
  m->cap = cap;
  return true;
}

static void load_move(void *data, const char *id, const json_t *o) {
  kl_sim *s = data;
  kl_sim_money_move m = {.kind = (kl_sim_money_kind)number(o, "kind"),
                         .user = (uint32_t)number(o, "user"),
                         .from = (int)number(o, "from"),
                         .to = (int)number(o, "to"),
                         .from_shard = (int)number(o, "from_shard"),
                         .to_shard = (int)number(o, "to_shard"),
                         .amount = number(o, "amount"),
                         .pending = json_is_true(json_object_get(o, "pending")),
                         .created_us = number(o, "created_us"),
                         .due_us = number(o, "due_us")};
  if (m.kind >= KL_SIM_MONEY_KINDS || strlen(id) >= sizeof m.id) return;
  memcpy(m.id, id, strlen(id) + 1);
  owner *w = owner_of(s->transfers, m.user);
  if (!w || !reserve(s, m.kind)) return;
  if (m.kind == KL_SIM_DEPOSIT) w->funded = true;
  moves *list = &s->transfers->of[m.kind];
  list->list[list->n++] = m;
  s->transfers->n_pending += m.pending;
}

static void load_client_id(void *data, const char *id, const json_t *o) {
  kl_sim *s = data;
  (void)o;
  if (!kl_map_set(s->transfers->client_ids, id, strlen(id), s)) kl_log_error("sim", "no memory for a transfer's id");
}

static void load_allocation(void *data, const char *id, const json_t *o) {
  kl_sim *s = data;
  owner *w = owner_of(s->transfers, (uint32_t)strtoul(id, NULL, 10));
  if (!w) return;
  w->allocation.reservation = (kl_sim_reservation)number(o, "reservation");
  for (int i = 0; i < KL_EXCHANGE_SHARDS; i++) {
    const json_t *percent = json_array_get(json_object_get(o, "percent"), (size_t)i);
    w->allocation.listed[i] = percent && !json_is_null(percent);
    w->allocation.percent[i] = (int)json_integer_value(percent);
  }
}

static void put_subaccount(kl_sim *s, uint32_t user, int subaccount, int shard) {
  char id[48];
  kl_buf b = {0};
  snprintf(id, sizeof id, "%u/%d/%d", user, subaccount, shard);
  kl_buf_char(&b, '{');
  kl_sim_field_bool(&b, "locked", kl_exchange_locked(s->x, user, subaccount, shard));
  kl_sim_field_bool(&b, "netting", kl_exchange_netting(s->x, user, subaccount, shard));
  kl_buf_char(&b, '}');
  kl_sim_store_put(s->store, "subaccount", id, &b);
  kl_buf_free(&b);
}

static void load_subaccount(void *data, const char *id, const json_t *o) {
  kl_sim *s = data;
  char *end;
  uint32_t user = (uint32_t)strtoul(id, &end, 10);
  if (*end != '/') return;
  int subaccount = (int)strtol(end + 1, &end, 10);
  if (*end != '/') return;
  int shard = (int)strtol(end + 1, &end, 10);
  (void)kl_exchange_open_subaccount(s->x, user, subaccount, shard);
  (void)kl_exchange_set_netting(s->x, user, subaccount, shard, json_is_true(json_object_get(o, "netting")));
  (void)kl_exchange_lock_subaccount(s->x, s->now_us, user, subaccount, shard,
                                    json_is_true(json_object_get(o, "locked")));
}

/* ---- moves ---- */

/* Enters a move for which there is room. */
static void enter(kl_sim *s, kl_sim_money_move m, kl_uuid *id) {
  moves *list = &s->transfers->of[m.kind];
  kl_sim_transfers_id(s, m.id);
  m.created_us = s->now_us;
  if (!m.due_us) m.due_us = s->now_us;
  list->list[list->n++] = m;
  put_move(s, &m);
  if (id) memcpy(*id, m.id, sizeof m.id);
}

kl_exchange_result kl_sim_deposit(kl_sim *s, uint32_t user, int shard, kl_money amount, kl_uuid *id) {
  if (!reserve(s, KL_SIM_DEPOSIT)) return KL_X_NOMEM;
  kl_exchange_result result = kl_exchange_deposit(s->x, user, 0, shard, amount);
  if (result == KL_X_OK)
    enter(s, (kl_sim_money_move){.kind = KL_SIM_DEPOSIT, .user = user, .to_shard = shard, .amount = amount}, id);
  return result;
}

kl_exchange_result kl_sim_withdraw(kl_sim *s, uint32_t user, int shard, kl_money amount, kl_uuid *id) {
  if (!reserve(s, KL_SIM_WITHDRAWAL)) return KL_X_NOMEM;
  kl_exchange_result result = kl_exchange_withdraw(s->x, user, 0, shard, amount);
  if (result == KL_X_OK)
    enter(s, (kl_sim_money_move){.kind = KL_SIM_WITHDRAWAL, .user = user, .from_shard = shard, .amount = amount}, id);
  return result;
}

kl_exchange_result kl_sim_transfer_subaccounts(kl_sim *s, uint32_t user, int shard, int from, int to, kl_money amount,
                                               kl_uuid *id) {
  if (!reserve(s, KL_SIM_SUBACCOUNT_TRANSFER)) return KL_X_NOMEM;
  kl_exchange_result result = kl_exchange_transfer(s->x, user, shard, from, to, amount);
  if (result == KL_X_OK)
    enter(s,
          (kl_sim_money_move){.kind = KL_SIM_SUBACCOUNT_TRANSFER,
                              .user = user,
                              .from = from,
                              .to = to,
                              .from_shard = shard,
                              .to_shard = shard,
                              .amount = amount},
          id);
  return result;
}

static bool is_open(const kl_sim *s, uint32_t user, int subaccount, int shard) {
  return kl_exchange_has_subaccount(s->x, user, subaccount, shard);
}

kl_exchange_result kl_sim_transfer_shards(kl_sim *s, uint32_t user, int from_shard, int from, int to_shard, int to,
                                          kl_money amount, kl_uuid *id) {
  if (from_shard < 0 || from_shard >= KL_EXCHANGE_SHARDS || to_shard < 0 || to_shard >= KL_EXCHANGE_SHARDS ||
      (from_shard == to_shard && from == to) || amount <= 0)
    return KL_X_INVALID_PARAMETERS;
  if (!is_open(s, user, from, from_shard) || !is_open(s, user, to, to_shard)) return KL_X_NO_SUBACCOUNT;
  if (!reserve(s, KL_SIM_SHARD_TRANSFER)) return KL_X_NOMEM;
  kl_exchange_result result = from ? kl_exchange_transfer(s->x, user, from_shard, from, 0, amount) : KL_X_OK;
  if (result == KL_X_OK) result = kl_exchange_send(s->x, user, 0, from_shard, amount);
  if (result != KL_X_OK) return result;
  s->transfers->n_pending++;
  enter(s,
        (kl_sim_money_move){.kind = KL_SIM_SHARD_TRANSFER,
                            .user = user,
                            .from = from,
                            .to = to,
                            .from_shard = from_shard,
                            .to_shard = to_shard,
                            .amount = amount,
                            .pending = true,
                            .due_us = s->now_us + ON_THE_WAY_US},
        id);
  return KL_X_OK;
}

/* A transfer that is due arrives; one to a locked account waits until that is unlocked. */
static void complete(kl_sim *s, kl_sim_money_move *m) {
  if (m->to && kl_exchange_locked(s->x, m->user, m->to, m->to_shard)) return;
  if (kl_exchange_arrive(s->x, m->user, 0, m->to_shard, m->amount) != KL_X_OK) return;
  if (m->to && kl_exchange_transfer(s->x, m->user, m->to_shard, 0, m->to, m->amount) != KL_X_OK)
    kl_log_error("sim", "no memory for a transfer to subaccount %d: its money is in the primary one", m->to);
  m->pending = false;
  s->transfers->n_pending--;
  put_move(s, m);
}

/* ---- the target allocation ---- */

/* The money of a shard that is divided: all but what is reserved for resting orders. */
static kl_money divided(const kl_sim *s, uint32_t user, int shard, kl_sim_reservation r) {
  kl_money balance = kl_exchange_balance(s->x, user, 0, shard), held = kl_exchange_held(s->x, user, 0, shard);
  if (r == KL_SIM_RESERVE_SUM) return balance;
  return balance + held - (r == KL_SIM_RESERVE_MAX ? kl_exchange_held_most(s->x, user, 0, shard) : 0);
}

static bool has_pending(const kl_sim *s, uint32_t user) {
  const moves *m = &s->transfers->of[KL_SIM_SHARD_TRANSFER];
  size_t left = s->transfers->n_pending;
  for (size_t i = m->n; i > 0 && left > 0; i--) {
    if (!m->list[i - 1].pending) continue;
    if (m->list[i - 1].user == user) return true;
    left--;
  }
  return false;
}

/* Sends what shards have above their share to those below it, in whole cents, as far as it is free. */
static void rebalance(kl_sim *s, uint32_t user, const kl_sim_allocation *a) {
  const kl_money cent = KL_MONEY_ONE / 100;
  kl_money over[KL_EXCHANGE_SHARDS], total = 0;
  for (int i = 0; i < KL_EXCHANGE_SHARDS; i++) {
    over[i] = divided(s, user, i, a->reservation);
    total += over[i];
  }
  for (int i = 0; i < KL_EXCHANGE_SHARDS; i++)
    over[i] -= total / 100 * a->percent[i];
  for (int i = 0; i < KL_EXCHANGE_SHARDS; i++) {
    for (int k = 0; k < KL_EXCHANGE_SHARDS && over[i] >= cent; k++) {
      kl_money amount = over[i] < -over[k] ? over[i] : -over[k], free = kl_exchange_balance(s->x, user, 0, i);
      if (amount > free) amount = free;
      amount -= amount % cent;
      if (amount <= 0 || kl_sim_transfer_shards(s, user, i, 0, k, 0, amount, NULL) != KL_X_OK) continue;
      over[i] -= amount;
      over[k] += amount;
    }
  }
}

static bool allocates(const kl_sim_allocation *a) {
  for (int i = 0; i < KL_EXCHANGE_SHARDS; i++)
    if (a->percent[i]) return true;
  return false;
}

const kl_sim_allocation *kl_sim_allocation_of(const kl_sim *s, uint32_t user) {
  static const kl_sim_allocation none;
  return user < s->transfers->n_owners ? &s->transfers->owners[user].allocation : &none;
}

kl_exchange_result kl_sim_allocation_set(kl_sim *s, uint32_t user, const kl_sim_allocation *a) {
  char id[16];
  owner *w = owner_of(s->transfers, user);
  if (!w) return KL_X_NOMEM;
  w->allocation = *a;
  kl_buf b = {0};
  snprintf(id, sizeof id, "%u", user);
  kl_buf_char(&b, '{');
  kl_sim_field_int(&b, "reservation", a->reservation);
  kl_sim_key(&b, "percent");
  kl_buf_char(&b, '[');
  for (int i = 0; i < KL_EXCHANGE_SHARDS; i++) {
    if (i) kl_buf_char(&b, ',');
    if (a->listed[i])
      kl_buf_int(&b, a->percent[i]);
    else
      kl_buf_str(&b, "null");
  }
  kl_buf_str(&b, "]}");
  kl_sim_store_put(s->store, "allocation", id, &b);
  kl_buf_free(&b);
  return KL_X_OK;
}

void kl_sim_transfers_tick(kl_sim *s) {
  kl_sim_transfers *t = s->transfers;
  moves *m = &t->of[KL_SIM_SHARD_TRANSFER];
  size_t left = t->n_pending;
  for (size_t i = m->n; i > 0 && left > 0; i--) {
    if (!m->list[i - 1].pending) continue;
    left--;
    if (m->list[i - 1].due_us <= s->now_us) complete(s, &m->list[i - 1]);
  }
  if (s->now_us - t->rebalanced_us < REBALANCE_US) return;
  t->rebalanced_us = s->now_us;
  for (uint32_t user = 0; user < t->n_owners; user++) {
    const kl_sim_allocation a = t->owners[user].allocation;
    if (allocates(&a) && !has_pending(s, user)) rebalance(s, user, &a);
  }
}

/* ---- client ids ---- */

static size_t client_key(char out[96], uint32_t user, const char *client_transfer_id) {
  int n = snprintf(out, 96, "%u/%.60s", user, client_transfer_id);
  return n < 0 ? 0 : (size_t)n;
}

bool kl_sim_transfers_fresh(const kl_sim *s, uint32_t user, const char *client_transfer_id) {
  char key[96];
  return !kl_map_get(s->transfers->client_ids, key, client_key(key, user, client_transfer_id));
}

void kl_sim_transfers_use(kl_sim *s, uint32_t user, const char *client_transfer_id) {
  char key[96];
  kl_buf b = {0};
  if (!kl_map_set(s->transfers->client_ids, key, client_key(key, user, client_transfer_id), s))
    kl_log_error("sim", "no memory for the id of transfer %s: it could be used again", client_transfer_id);
  kl_buf_str(&b, "{}");
  kl_sim_store_put(s->store, "client_transfer", key, &b);
  kl_buf_free(&b);
}

const kl_sim_money_move *kl_sim_money_at(const kl_sim *s, kl_sim_money_kind kind, size_t i) {
  const moves *m = &s->transfers->of[kind];
  return i < m->n ? &m->list[m->n - 1 - i] : NULL;
}

/* ---- subaccounts ---- */

kl_exchange_result kl_sim_subaccount_open(kl_sim *s, uint32_t user, int subaccount, int shard) {
  kl_exchange_result result = kl_exchange_open_subaccount(s->x, user, subaccount, shard);
  if (result != KL_X_OK) return result;
  (void)kl_exchange_set_netting(s->x, user, subaccount, shard, true);
  put_subaccount(s, user, subaccount, shard);
  return KL_X_OK;
}

kl_exchange_result kl_sim_subaccount_lock(kl_sim *s, uint32_t user, int subaccount, int shard, bool locked) {
  kl_exchange_result result = kl_exchange_lock_subaccount(s->x, s->now_us, user, subaccount, shard, locked);
  if (result == KL_X_OK) put_subaccount(s, user, subaccount, shard);
  return result;
}

kl_exchange_result kl_sim_subaccount_net(kl_sim *s, uint32_t user, int subaccount, bool on) {
  bool any = false;
  for (int i = 0; i < KL_EXCHANGE_SHARDS; i++) {
    any = any || is_open(s, user, subaccount, i);
    if (!on && kl_exchange_balance(s->x, user, subaccount, i) < kl_exchange_returned(s->x, user, subaccount, i))
      return KL_X_INSUFFICIENT_BALANCE;
  }
  for (int i = 0; i < KL_EXCHANGE_SHARDS; i++)
    if (kl_exchange_set_netting(s->x, user, subaccount, i, on) == KL_X_OK) put_subaccount(s, user, subaccount, i);
  return any ? KL_X_OK : KL_X_NO_SUBACCOUNT;
}

/* ---- start and end ---- */

bool kl_sim_transfers_begin(kl_sim *s, uint32_t user) {
  owner *w = owner_of(s->transfers, user);
  if (!w) return false;
  for (int i = 0; !w->funded && i < KL_EXCHANGE_SHARDS; i++) {
    kl_money amount = kl_exchange_balance(s->x, user, 0, i);
    if (!reserve(s, KL_SIM_DEPOSIT)) return false;
    if (amount <= 0) continue;
    enter(s, (kl_sim_money_move){.kind = KL_SIM_DEPOSIT, .user = user, .to_shard = i, .amount = amount}, NULL);
  }
  w->funded = true;
  for (int i = 0; i < KL_EXCHANGE_SHARDS; i++)
    (void)kl_exchange_set_netting(s->x, user, 0, i, true);
  return true;
}

bool kl_sim_transfers_start(kl_sim *s, kl_error *e) {
  kl_sim_transfers *t = s->transfers = calloc(1, sizeof *t);
  bool ok = t && (t->client_ids = kl_map_new()) != NULL;
  if (ok) {
    t->random = kl_sim_random_new(s->o.seed ^ (s->store ? (uint64_t)s->now_us : 0), STREAM);
    t->rebalanced_us = s->now_us;
    bool read = kl_sim_store_each(s->store, "money", load_move, s) &&
                kl_sim_store_each(s->store, "client_transfer", load_client_id, s) &&
                kl_sim_store_each(s->store, "allocation", load_allocation, s);
    for (int i = 0; read && ok && i < s->n_accounts; i++)
      ok = kl_sim_transfers_begin(s, s->accounts[i].user);
    read = read && kl_sim_store_each(s->store, "subaccount", load_subaccount, s);
    if (!read) {
      if (e) *e = *kl_sim_store_error(s->store);
      return false;
    }
    kl_money transit = 0;
    for (size_t i = 0; i < t->of[KL_SIM_SHARD_TRANSFER].n; i++)
      if (t->of[KL_SIM_SHARD_TRANSFER].list[i].pending) transit += t->of[KL_SIM_SHARD_TRANSFER].list[i].amount;
    kl_exchange_set_transit(s->x, transit);
  }
  if (!ok) kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the exchange simulator");
  return ok;
}

void kl_sim_transfers_free(kl_sim_transfers *t) {
  if (!t) return;
  for (int i = 0; i < KL_SIM_MONEY_KINDS; i++)
    free(t->of[i].list);
  free(t->owners);
  kl_map_free(t->client_ids);
  free(t);
}
