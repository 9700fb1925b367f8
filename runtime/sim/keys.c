#include "sim/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/log.h"
#include "sim/fcm.h"
#include "sim/json_out.h"
#include "sim/random.h"
#include "sim/server.h"
#include "sim/session.h"

#define STORE_KIND "api_key"

enum { RANDOM_STREAM = 35 };

struct kl_sim_keys {
  kl_map *by_id;
  kl_list all; /* oldest first */
  kl_sim_random random;
};

/* By bit. */
static const char *const scope_names[] = {
    "read",         "write",           "read::block_trade_accept",  "read::portfolio_balance",
    "write::trade", "write::transfer", "write::block_trade_accept", "write::fcm_risk"};
enum { SCOPES = sizeof scope_names / sizeof *scope_names };

const char *kl_sim_scope_name(uint32_t bit) {
  for (uint32_t i = 0; i < SCOPES; i++)
    if (bit == UINT32_C(1) << i) return scope_names[i];
  return NULL;
}

uint32_t kl_sim_scope_of(const char *name) {
  for (uint32_t i = 0; i < SCOPES; i++)
    if (!strcmp(scope_names[i], name)) return UINT32_C(1) << i;
  return 0;
}

void kl_sim_json_scopes(kl_buf *b, uint32_t scopes) {
  bool any = false;
  kl_buf_char(b, '[');
  for (uint32_t i = 0; i < SCOPES; i++) {
    if (!(scopes >> i & 1)) continue;
    if (any) kl_buf_char(b, ',');
    any = true;
    kl_buf_json_cstr(b, scope_names[i]);
  }
  kl_buf_char(b, ']');
}

void kl_sim_key_release(kl_sim_api_key *k) {
  if (!k || --k->refs > 0) return;
  kl_public_key_release(k->verifier);
  free(k);
}

kl_sim_keys *kl_sim_keys_new(uint64_t seed) {
  kl_sim_keys *keys = calloc(1, sizeof *keys);
  if (!keys) return NULL;
  kl_list_init(&keys->all);
  keys->random = kl_sim_random_new(seed, RANDOM_STREAM);
  keys->by_id = kl_map_new();
  if (keys->by_id) return keys;
  free(keys);
  return NULL;
}

void kl_sim_keys_free(kl_sim_keys *keys) {
  if (!keys) return;
  for (kl_list *n = keys->all.next, *next; n != &keys->all; n = next) {
    next = n->next;
    kl_list_init(n); /* in no list, if a session still holds it */
    kl_sim_key_release(KL_CONTAINER(n, kl_sim_api_key, link));
  }
  kl_map_free(keys->by_id);
  free(keys);
}

kl_sim_api_key *kl_sim_keys_find(const kl_sim_keys *keys, const char *id) {
  return kl_map_get(keys->by_id, id, strlen(id));
}

const kl_sim_api_key *kl_sim_keys_next(const kl_sim_keys *keys, const kl_sim_account *owner,
                                       const kl_sim_api_key *last) {
  for (const kl_list *at = last ? last->link.next : keys->all.next; at != &keys->all; at = at->next) {
    const kl_sim_api_key *k = KL_CONTAINER(at, const kl_sim_api_key, link);
    if (!owner || k->owner == owner) return k;
  }
  return NULL;
}

kl_sim_api_key *kl_sim_keys_add(kl_sim_keys *keys, const kl_sim_api_key *like) {
  kl_sim_api_key *k = malloc(sizeof *k);
  if (!k) {
    kl_public_key_release(like->verifier);
    return NULL;
  }
  *k = *like;
  k->refs = 1;
  k->deleted = false;
  while (!k->id[0] || (!like->id[0] && kl_sim_keys_find(keys, k->id)))
    kl_sim_uuid(&keys->random, k->id);
  if (kl_sim_keys_find(keys, k->id) || !kl_map_set(keys->by_id, k->id, strlen(k->id), k)) {
    kl_sim_key_release(k);
    return NULL;
  }
  kl_list_append(&keys->all, &k->link);
  return k;
}

void kl_sim_keys_delete(kl_sim *s, kl_sim_api_key *k) {
  kl_map_remove(s->keys->by_id, k->id, strlen(k->id));
  kl_sim_store_delete(s->store, STORE_KIND, k->id);
  kl_list_remove(&k->link);
  k->deleted = true;
  for (kl_list *at = s->sessions.next; at != &s->sessions; at = at->next) {
    kl_sim_session *c = KL_CONTAINER(at, kl_sim_session, link);
    if (c->key != k) continue;
    c->closing = true;
    kl_sim_server_wake(c);
  }
  kl_sim_key_release(k);
}

/* ---- the store ---- */

void kl_sim_keys_keep(kl_sim *s, const kl_sim_api_key *k) {
  kl_buf b = {0}, pem = {0};
  if (!s->store) return;
  b.failed = !kl_public_key_pem(k->verifier, &pem);
  kl_buf_char(&b, '{');
  kl_sim_field_str(&b, "name", k->name);
  kl_sim_field_int(&b, "owner", k->owner->user);
  kl_sim_field_int(&b, "subaccount", k->subaccount);
  if (k->account != k->owner) kl_sim_field_str(&b, "subtrader", k->account->subtrader->id);
  kl_sim_key(&b, "scopes");
  kl_sim_json_scopes(&b, k->scopes);
  if (pem.data) kl_sim_field_str(&b, "public_key", pem.data);
  kl_buf_char(&b, '}');
  kl_sim_store_put(s->store, STORE_KIND, k->id, &b);
  kl_buf_free(&b);
  kl_buf_free(&pem);
}

typedef struct loading {
  kl_sim *s;
  bool failed;
} loading;

static kl_sim_account *account_of_user(kl_sim *s, json_int_t user) {
  for (int i = 0; i < s->n_accounts; i++)
    if (s->accounts[i].user == (uint32_t)user) return &s->accounts[i];
  return NULL;
}

static void load_one(void *data, const char *id, const json_t *o) {
  loading *l = data;
  kl_sim_api_key like = {.subaccount = (int)json_integer_value(json_object_get(o, "subaccount"))};
  const char *pem = json_string_value(json_object_get(o, "public_key"));
  const char *name = json_string_value(json_object_get(o, "name"));
  const char *subtrader = json_string_value(json_object_get(o, "subtrader"));
  const json_t *v;
  size_t i;
  kl_error e = {0};
  like.owner = like.account = account_of_user(l->s, json_integer_value(json_object_get(o, "owner")));
  if (subtrader && like.owner) {
    kl_sim_subtrader *t = kl_sim_fcm_find(l->s, like.owner, subtrader);
    like.account = t ? &t->account : NULL;
  }
  json_array_foreach(json_object_get(o, "scopes"), i, v) if (json_is_string(v)) like.scopes |=
      kl_sim_scope_of(json_string_value(v));
  if (!like.account || !name || !pem) {
    kl_log_warn("sim", "the API key %s of the state file belongs to nobody that there is, and is left out", id);
    return;
  }
  snprintf(like.id, sizeof like.id, "%s", id);
  snprintf(like.name, sizeof like.name, "%s", name);
  if (!kl_public_key_load_pem(pem, strlen(pem), &like.verifier, &e) || !kl_sim_keys_add(l->s->keys, &like))
    l->failed = true;
}

bool kl_sim_keys_load(kl_sim *s, kl_error *e) {
  loading l = {.s = s};
  if (!kl_sim_store_each(s->store, STORE_KIND, load_one, &l)) {
    if (kl_sim_store_error(s->store)) *e = *kl_sim_store_error(s->store);
    return false;
  }
  if (l.failed) kl_error_set(e, KL_ERR_CONFIG, "the API keys of the state file could not be taken in");
  return !l.failed;
}
