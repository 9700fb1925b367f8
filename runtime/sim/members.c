#include "sim/members.h"

#include <stdlib.h>
#include <string.h>

#include "sim/json_out.h"
#include "sim/keys.h"
#include "sim/lag.h"
#include "sim/stage_impl.h"
#include "sim/store.h"
#include "sim/transfers.h"

#define STORE_KIND "named_member"
enum { PEM_MOST = 4096 };

/* One more account of the exchange's user, whose key goes by that id ("": a new one). `key` is retained. NULL when out
 * of memory, or when there are too many. */
static kl_sim_account *add(kl_sim *s, uint32_t user, const char *name, const char *key_id, kl_key *key) {
  if (!s->accounts || s->n_members >= KL_SIM_MEMBERS_MOST) return NULL;
  kl_sim_account *a = &s->accounts[s->n_accounts];
  *a = (kl_sim_account){.user = user};
  kl_sim_api_key like = {.owner = a, .account = a, .scopes = KL_SCOPE_FULL, .subaccount = -1};
  snprintf(like.id, sizeof like.id, "%s", key_id);
  snprintf(like.name, sizeof like.name, "%s", name);
  like.verifier = kl_public_key_of(key);
  const kl_sim_api_key *k = like.verifier ? kl_sim_keys_add(s->keys, &like) : NULL;
  if (!k) return NULL;
  memcpy(a->pub.key_id, k->id, sizeof a->pub.key_id);
  a->pub.key = kl_key_retain(key);
  kl_sim_limits_init(&a->limits, s->tier, kl_mono_ns(s->clock));
  s->n_accounts++;
  s->n_members++;
  return a;
}

static kl_sim_account *find(kl_sim *s, const char *name) {
  for (int i = s->n_accounts - s->n_members; i < s->n_accounts; i++) {
    const kl_sim_api_key *k = kl_sim_keys_find(s->keys, s->accounts[i].pub.key_id);
    if (k && !strcmp(k->name, name)) return &s->accounts[i];
  }
  return NULL;
}

/* ---- the store ---- */

static void keep(kl_sim *s, const char *name, const kl_sim_account *a, const char *pem) {
  kl_buf b = {0};
  if (!s->store) return;
  kl_buf_char(&b, '{');
  kl_sim_field_int(&b, "user", a->user);
  kl_sim_field_str(&b, "key_id", a->pub.key_id);
  kl_sim_field_str(&b, "private_key", pem);
  kl_buf_char(&b, '}');
  kl_sim_store_put(s->store, STORE_KIND, name, &b);
  if (b.data) explicit_bzero(b.data, b.len);
  kl_buf_free(&b);
}

typedef struct loading {
  kl_sim *s;
  bool failed;
} loading;

static void load_one(void *data, const char *name, const json_t *o) {
  loading *l = data;
  const char *pem = json_string_value(json_object_get(o, "private_key"));
  const char *key_id = json_string_value(json_object_get(o, "key_id"));
  uint32_t user = (uint32_t)json_integer_value(json_object_get(o, "user"));
  kl_key *key = NULL;
  kl_error e;
  bool ok = pem && key_id && kl_exchange_user_id(l->s->x, user) &&
            kl_key_load_pem(pem, strlen(pem), "the state file", NULL, NULL, &key, &e) &&
            add(l->s, user, name, key_id, key) && kl_sim_transfers_begin(l->s, user);
  kl_key_release(key);
  if (!ok) l->failed = true;
}

bool kl_sim_members_load(kl_sim *s, kl_error *e) {
  loading l = {.s = s};
  if (!kl_sim_store_each(s->store, STORE_KIND, load_one, &l)) {
    if (kl_sim_store_error(s->store)) *e = *kl_sim_store_error(s->store);
    return false;
  }
  if (l.failed) kl_error_set(e, KL_ERR_CONFIG, "the members of the state file could not be taken in");
  return !l.failed;
}

/* ---- while it runs ---- */

typedef struct wish {
  const char *name;
  kl_key *made;
  char *key_id;
  kl_key **key;
  bool ok;
  kl_error *e;
} wish;

/* The account comes last: once it can be found, there is all that it needs. */
static kl_sim_account *make(kl_sim *s, const char *name, kl_key *key, kl_error *e) {
  char pem[PEM_MOST] = "";
  if (s->n_members >= KL_SIM_MEMBERS_MOST) {
    kl_error_coded(e, KL_ERR_CONFIG, "too_many_accounts", "the embedded exchange has no more than %d further accounts",
                   (int)KL_SIM_MEMBERS_MOST);
    return NULL;
  }
  if (s->store && !kl_key_throwaway_pem(key, pem, sizeof pem, e)) return NULL;
  uint32_t user = kl_exchange_add_user(s->x, KL_SIM_START_MONEY);
  bool ready = user != UINT32_MAX && kl_sim_transfers_begin(s, user) && kl_sim_lag_add(s->lag, user);
  kl_sim_account *a = ready ? add(s, user, name, "", key) : NULL;
  if (a)
    keep(s, name, a, pem);
  else
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for an account of the embedded exchange");
  explicit_bzero(pem, sizeof pem);
  return a;
}

kl_sim_account *kl_sim_members_get(kl_sim *s, const char *name, kl_key *key, kl_error *e) {
  kl_sim_account *a = find(s, name);
  return a ? a : make(s, name, key, e);
}

static void come(kl_sim *s, void *data) {
  wish *w = data;
  const kl_sim_account *a = kl_sim_members_get(s, w->name, w->made, w->e);
  w->ok = a != NULL;
  if (!a) return;
  memcpy(w->key_id, a->pub.key_id, sizeof a->pub.key_id);
  *w->key = kl_key_retain(a->pub.key);
}

bool kl_sim_member(kl_sim *s, const char *name, char key_id[KL_SIM_KEY_ID_MOST + 1], kl_key **key, kl_error *e) {
  wish w = {.name = name, .key_id = key_id, .key = key, .e = e};
  if (!kl_key_generate(0, &w.made, e)) return false;
  kl_sim_stage_ask(s, come, &w);
  kl_key_release(w.made);
  return w.ok;
}
