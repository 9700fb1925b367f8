#include "sim/persist.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sim/persist_parts.h"
#include "sim/persist_tables.h"

enum { PEM_MOST = 4096 };

/* The options that made the world, and when. */
typedef struct simulator_row {
  uint64_t number; /* 1 */
  uint64_t seed;
  int markets;
  bool quiet;
  int past_markets;
  double speed;
  int64_t start_us;
} simulator_row;

#define T(name, member) KL_SIM_FIELD(simulator_row, name, member)
static const kl_sim_field simulator_fields[] = {T("number", number),
                                                T("seed", seed),
                                                T("markets", markets),
                                                T("quiet", quiet),
                                                T("past_markets", past_markets),
                                                T("speed", speed),
                                                T("start_us", start_us)};
#undef T

typedef struct member_row {
  uint64_t number; /* of the account, and one */
  uint32_t user;
  char key_id[sizeof((kl_sim_user *)NULL)->key_id];
  char private_key[PEM_MOST]; /* "": somebody else has it */
} member_row;

#define T(name, member) KL_SIM_FIELD(member_row, name, member)
static const kl_sim_field member_fields[] = {T("number", number), T("user", user), T("key_id", key_id),
                                             T("private_key", private_key)};
#undef T

static const kl_sim_table simulator_table = {"simulator", simulator_fields,
                                             sizeof simulator_fields / sizeof *simulator_fields, sizeof(simulator_row)};
static const kl_sim_table member_table = {"members", member_fields, sizeof member_fields / sizeof *member_fields,
                                          sizeof(member_row)};

struct kl_sim_persist {
  kl_sim_rows engine[KL_SAVED_KINDS];
  kl_sim_rows simulator, members;
  kl_sim_parts *parts; /* world and candlesticks */
  bool resumes;
  bool other; /* it is of paper trading, or is not, unlike this simulator */
  int n_own;  /* members whose private keys are in the file */
  bool begun; /* what changes is written */
};

static bool store_failed(const kl_sim *s, kl_error *e) {
  const kl_error *why = kl_sim_store_error(s->store);
  if (why) *e = *why;
  return false;
}

static bool no_memory(kl_error *e) {
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the state of the simulator");
  return false;
}

/* ---- opening ---- */

static bool take_options(void *data, const void *record) {
  kl_sim *s = data;
  const simulator_row *r = record;
  s->o.seed = r->seed;
  s->o.markets = r->markets;
  s->o.speed = r->speed;
  s->start_us = r->start_us;
  s->had_past = !r->quiet;
  s->past_markets = r->past_markets;
  s->persist->resumes = true;
  if ((r->markets == 0) != (s->o.mirror != NULL)) s->persist->other = true;
  return r->markets > 0 || r->quiet || kl_sim_store_damaged(s->store, "its world has no markets");
}

/* Members with keys of their own come first, then those whose keys others have. */
static bool count_member(void *data, const void *record) {
  kl_sim *s = data;
  kl_sim_persist *p = s->persist;
  const member_row *r = record;
  bool own = r->private_key[0] != '\0';
  if (r->number != (uint64_t)s->n_saved + 1 || (own && p->n_own < s->n_saved))
    return kl_sim_store_damaged(s->store, "a member is missing");
  s->n_saved++;
  p->n_own += own;
  return true;
}

static bool read_members(kl_sim *s) {
  member_row *row = calloc(1, sizeof *row);
  if (!row) return false;
  bool ok = kl_sim_rows_each(&s->persist->members, row, count_member, s);
  explicit_bzero(row, sizeof *row);
  free(row);
  int own = s->persist->n_own;
  /* The file gets more members with keys of their own as long as none is behind them. */
  if (s->n_saved > own || s->o.users < own) s->o.users = own;
  s->n_accounts = s->o.users + s->o.n_known;
  if (s->n_accounts < s->n_saved) s->n_accounts = s->n_saved; /* refused when the keys are looked for */
  return ok;
}

bool kl_sim_persist_open(kl_sim *s, kl_error *e) {
  if (!s->o.state) return true;
  if (!kl_sim_store_open(s->o.state, &s->store, e)) return false;
  kl_sim_persist *p = s->persist = calloc(1, sizeof *p);
  if (!p) return no_memory(e);
  bool ok = kl_sim_rows_open(&p->simulator, s->store, &simulator_table) &&
            kl_sim_rows_open(&p->members, s->store, &member_table);
  for (int i = 0; ok && i < KL_SAVED_KINDS; i++)
    ok = kl_sim_rows_open(&p->engine[i], s->store, &kl_sim_engine_tables[i]);
  if (ok) {
    p->parts = kl_sim_parts_open(s->store);
    ok = p->parts && !kl_sim_store_error(s->store);
  }
  simulator_row row;
  ok = ok && kl_sim_rows_each(&p->simulator, &row, take_options, s);
  if (ok && p->other) {
    kl_error_set(e, KL_ERR_CONFIG, "state file %.250s is of %s: name another one", s->o.state,
                 s->o.mirror ? "an exchange and not of paper trading" : "paper trading");
    return false;
  }
  ok = ok && (!p->resumes || read_members(s));
  if (ok) return true;
  return kl_sim_store_error(s->store) ? store_failed(s, e) : no_memory(e);
}

void kl_sim_persist_close(kl_sim *s) {
  kl_sim_persist *p = s->persist;
  if (p) {
    kl_sim_rows_close(&p->simulator);
    kl_sim_rows_close(&p->members);
    for (int i = 0; i < KL_SAVED_KINDS; i++)
      kl_sim_rows_close(&p->engine[i]);
    kl_sim_parts_close(p->parts);
    free(p);
  }
  kl_sim_store_close(s->store);
  s->persist = NULL;
  s->store = NULL;
}

bool kl_sim_persist_resumes(const kl_sim *s) { return s->persist && s->persist->resumes; }

uint64_t kl_sim_persist_seed(const kl_sim *s) {
  return kl_sim_persist_resumes(s) ? s->o.seed ^ (uint64_t)s->now_us : s->o.seed;
}

/* ---- loading ---- */

typedef struct loading {
  kl_sim *s;
  kl_saved_kind kind;
  kl_error error;
} loading;

/* Says in which file the thing is that makes no sense. */
static bool explain(kl_sim *s, const loading *l, kl_error *e) {
  if (l->error.kind && strcmp(l->error.kind, KL_ERR_CONFIG) != 0) {
    *e = l->error;
    return false;
  }
  if (l->error.kind) (void)kl_sim_store_damaged(s->store, "%s", l->error.message);
  return store_failed(s, e);
}

static bool load_member(void *data, const void *record) {
  loading *l = data;
  const member_row *r = record;
  kl_sim_account *a = &l->s->accounts[r->number - 1];
  if (!kl_exchange_user_id(l->s->x, r->user)) return kl_sim_store_damaged(l->s->store, "a member is no user");
  a->user = r->user;
  memcpy(a->pub.key_id, r->key_id, sizeof a->pub.key_id);
  return true;
}

/* A member whose key was brought along has its place: the same key must be there again. */
static bool find_known(loading *l, int place, const char *key_id) {
  kl_sim *s = l->s;
  int i = place;
  while (i < s->o.n_known && strcmp(s->known[i].id, key_id) != 0)
    i++;
  if (i >= s->o.n_known) {
    kl_error_set(&l->error, KL_ERR_VALIDATION,
                 "state file %.250s has an account with the key %s: name that key again, as when the file was made",
                 s->o.state, key_id);
    return false;
  }
  kl_sim_known_key moved = s->known[i];
  s->known[i] = s->known[place];
  s->known[place] = moved;
  return true;
}

static bool load_key(void *data, const void *record) {
  loading *l = data;
  const member_row *r = record;
  size_t n = strlen(r->private_key);
  if (n == 0) return find_known(l, (int)r->number - 1 - l->s->o.users, r->key_id);
  return kl_key_load_pem(r->private_key, n, l->s->o.state, NULL, NULL, &l->s->accounts[r->number - 1].pub.key,
                         &l->error);
}

bool kl_sim_persist_load_keys(kl_sim *s, kl_error *e) {
  if (!kl_sim_persist_resumes(s)) return true;
  loading l = {.s = s};
  member_row *row = calloc(1, sizeof *row);
  if (!row) return no_memory(e);
  bool ok = kl_sim_rows_each(&s->persist->members, row, load_key, &l);
  explicit_bzero(row, sizeof *row);
  free(row);
  return ok || explain(s, &l, e);
}

static bool load_record(void *data, const void *record) {
  loading *l = data;
  return kl_exchange_restore(l->s->x, l->kind, record, &l->error);
}

bool kl_sim_persist_load(kl_sim *s, kl_error *e) {
  kl_sim_persist *p = s->persist;
  loading l = {.s = s};
  void *record = malloc(sizeof(kl_saved_market) > PEM_MOST * 2 ? sizeof(kl_saved_market) : PEM_MOST * 2);
  if (!record) return no_memory(e);
  bool ok = true;
  for (int kind = 0; ok && kind < KL_SAVED_KINDS; kind++) {
    l.kind = (kl_saved_kind)kind;
    ok = kl_sim_rows_each(&p->engine[kind], record, load_record, &l);
  }
  ok = ok && kl_exchange_restored(s->x, &l.error);
  ok = ok && kl_sim_rows_each(&p->members, record, load_member, &l);
  explicit_bzero(record, sizeof(member_row));
  free(record);
  return ok || explain(s, &l, e);
}

bool kl_sim_persist_load_parts(kl_sim *s, kl_error *e) {
  if (kl_sim_parts_load(s->persist->parts, s)) return true;
  return kl_sim_store_error(s->store) ? store_failed(s, e) : no_memory(e);
}

/* ---- saving ---- */

static void put_record(void *data, kl_saved_kind kind, const void *record) {
  kl_sim_persist *p = data;
  kl_sim_rows_put(&p->engine[kind], record);
}

static void drop_record(void *data, kl_saved_kind kind, uint64_t number) {
  kl_sim_persist *p = data;
  kl_sim_rows_drop(&p->engine[kind], number);
}

bool kl_sim_persist_begin(kl_sim *s, kl_error *e) {
  kl_sim_persist *p = s->persist;
  if (!p) return true;
  if (!p->resumes)
    kl_sim_rows_put(&p->simulator,
                    &(simulator_row){1, s->o.seed, s->o.markets, s->o.quiet, s->past_markets, s->o.speed, s->start_us});
  member_row *row = calloc(1, sizeof *row);
  if (!row) return no_memory(e);
  bool ok = true;
  for (int i = s->n_saved; ok && i < s->n_accounts - s->n_members; i++) {
    const kl_sim_account *a = &s->accounts[i];
    *row = (member_row){.number = (uint64_t)i + 1, .user = a->user};
    memcpy(row->key_id, a->pub.key_id, sizeof row->key_id);
    ok = !a->pub.key || kl_key_throwaway_pem(a->pub.key, row->private_key, sizeof row->private_key, e);
    if (ok) kl_sim_rows_put(&p->members, row);
  }
  explicit_bzero(row, sizeof *row);
  free(row);
  if (!ok) return false;
  p->begun = true;
  kl_sim_parts_save(p->parts, s);
  return kl_sim_persist_commit(s) || store_failed(s, e);
}

bool kl_sim_persist_pending(const kl_sim *s) {
  return s->persist && (kl_exchange_changed(s->x) || kl_sim_store_pending(s->store));
}

bool kl_sim_persist_commit(kl_sim *s) {
  kl_sim_persist *p = s->persist;
  if (!p || !p->begun) return true;
  if (kl_exchange_changed(s->x)) {
    kl_exchange_writer w = {p, put_record, drop_record};
    if (!kl_exchange_save(s->x, &w)) (void)kl_sim_store_damaged(s->store, "memory was short and it is not complete");
  }
  return kl_sim_store_commit(s->store);
}

void kl_sim_persist_forget(kl_sim *s, const kl_market *m) {
  if (s->persist && s->persist->begun) kl_sim_parts_forget(s->persist->parts, m);
}

void kl_sim_persist_forget_event(kl_sim *s, const kl_sim_event *e) {
  if (s->persist && s->persist->begun) kl_sim_parts_forget_event(s->persist->parts, e);
}

void kl_sim_persist_second(kl_sim *s) {
  if (s->persist && s->persist->begun) kl_sim_parts_save(s->persist->parts, s);
}
