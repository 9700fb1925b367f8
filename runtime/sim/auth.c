#include "sim/auth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/fcm.h"
#include "sim/keys.h"
#include "sim/members.h"
#include "sim/persist.h"
#include "sim/random.h"

enum { KEY_BITS = 2048, THREADS_MOST = 4 };

kl_sim_auth_result kl_sim_auth_check(kl_sim *s, const char *key_id, const char *timestamp, const char *signature,
                                     const char *method, const char *path, kl_sim_api_key **key) {
  if (!key_id || !timestamp || !signature || !*key_id || !*timestamp || !*signature) return KL_SIM_AUTH_MISSING;
  kl_sim_api_key *k = kl_sim_keys_find(s->keys, key_id);
  if (!k) return KL_SIM_AUTH_UNKNOWN_KEY;
  char *end = NULL;
  errno = 0;
  long long ms = strtoll(timestamp, &end, 10);
  int64_t now_ms = (s->now_us + s->clock_off_us) / 1000; /* as the clock of the doors has it */
  if (errno || *end || timestamp[0] < '0' || timestamp[0] > '9') return KL_SIM_AUTH_EXPIRED;
  if (ms < now_ms - s->o.max_clock_skew_ms || ms > now_ms + s->o.max_clock_skew_ms) return KL_SIM_AUTH_EXPIRED;
  char text[2048];
  size_t n = kl_signed_text(text, sizeof text, ms, method, path);
  if (n == 0 || !kl_public_key_verify(k->verifier, text, n, signature)) return KL_SIM_AUTH_BAD_SIGNATURE;
  *key = k;
  return KL_SIM_AUTH_OK;
}

const char *kl_sim_auth_code(kl_sim_auth_result r, const char **message, const char **details) {
  *details = NULL;
  switch (r) {
  case KL_SIM_AUTH_MISSING:
    *message = "signature is missing from headers";
    return "signature_is_missing_from_headers";
  case KL_SIM_AUTH_EXPIRED:
    *message = "header timestamp expired";
    return "header_timestamp_expired";
  default:
    *message = "authentication_error";
    *details = r == KL_SIM_AUTH_UNKNOWN_KEY ? "NOT_FOUND" : "INCORRECT_API_KEY_SIGNATURE";
    return "authentication_error";
  }
}

/* ---- keys ---- */

typedef struct key_work {
  kl_sim_account *accounts;
  int bits; /* 0: Ed25519 */
  int first, n, stride;
  bool ok;
  kl_error error;
} key_work;

static void *make_keys(void *data) {
  key_work *w = data;
  w->ok = true;
  for (int i = w->first; w->ok && i < w->n; i += w->stride)
    if (!w->accounts[i].pub.key) w->ok = kl_key_generate(w->bits, &w->accounts[i].pub.key, &w->error);
  return NULL;
}

bool kl_sim_auth_make_keys(kl_sim *s, kl_error *e) {
  key_work work[THREADS_MOST] = {0};
  pthread_t threads[THREADS_MOST];
  bool started[THREADS_MOST] = {false};
  int n = s->o.users < THREADS_MOST ? s->o.users : THREADS_MOST;
  bool ok = true;
  for (int i = 0; i < n; i++)
    work[i] = (key_work){
        .accounts = s->accounts, .bits = s->o.quick_keys ? 0 : KEY_BITS, .first = i, .n = s->o.users, .stride = n};
  for (int i = 1; i < n; i++)
    started[i] = pthread_create(&threads[i], NULL, make_keys, &work[i]) == 0;
  for (int i = 0; i < n; i++)
    if (!started[i]) make_keys(&work[i]);
  for (int i = 1; i < n; i++)
    if (started[i]) pthread_join(threads[i], NULL);
  for (int i = 0; i < n; i++) {
    if (work[i].ok || !ok) continue;
    if (e) *e = work[i].error;
    ok = false;
  }
  return ok;
}

bool kl_sim_auth_register(kl_sim *s, kl_error *e) {
  kl_sim_random r = kl_sim_random_new(s->o.seed, 3);
  int64_t now_ns = kl_mono_ns(s->clock);
  bool ok = true;
  for (int i = 0; ok && i < s->n_accounts; i++) {
    kl_sim_account *a = &s->accounts[i];
    kl_uuid id; /* drawn for saved ones, too, so that the next is not one of theirs */
    if (i < s->o.users) kl_sim_uuid(&r, id);
    kl_sim_limits_init(&a->limits, s->tier, now_ns);
    if (i < s->n_saved) continue;
    if (i < s->o.users)
      memcpy(a->pub.key_id, id, sizeof id);
    else
      memcpy(a->pub.key_id, s->known[i - s->o.users].id, sizeof a->pub.key_id);
    a->user = kl_exchange_add_user(s->x, s->o.mirror ? 0 : KL_SIM_START_MONEY);
    ok = a->user != UINT32_MAX;
    for (int shard = 0; ok && s->o.mirror && shard < KL_EXCHANGE_SHARDS; shard++)
      ok = s->o.mirror->start[shard] <= 0 ||
           kl_exchange_deposit(s->x, a->user, 0, shard, s->o.mirror->start[shard]) == KL_X_OK;
  }
  if (!ok) kl_error_set(e, KL_ERR_INTERNAL, "the simulator could not make its accounts: not enough memory");
  return ok;
}

bool kl_sim_auth_take_keys(kl_sim *s, kl_error *e) {
  s->keys = kl_sim_keys_new(kl_sim_persist_seed(s));
  s->fcm = kl_sim_fcm_new();
  if (!s->keys || !s->fcm) {
    kl_error_set(e, KL_ERR_INTERNAL, "the simulator could not keep its keys: not enough memory");
    return false;
  }
  s->accounts[0].fcm = s->o.fcm;
  for (int i = 0; i < s->n_accounts; i++) {
    kl_sim_account *a = &s->accounts[i];
    kl_sim_api_key like = {.owner = a, .account = a, .scopes = KL_SCOPE_FULL, .subaccount = -1};
    memcpy(like.id, a->pub.key_id, sizeof like.id);
    memcpy(like.name, "simulator", sizeof "simulator");
    if (kl_sim_keys_find(s->keys, like.id)) {
      kl_error_set(e, KL_ERR_CONFIG, "the key id %s is given twice: every user has one of its own", like.id);
      return false;
    }
    if (i < s->o.users) {
      like.verifier = kl_public_key_of(a->pub.key);
    } else {
      like.verifier = s->known[i - s->o.users].key;
      s->known[i - s->o.users].key = NULL;
    }
    if (like.verifier && kl_sim_keys_add(s->keys, &like)) continue;
    kl_error_set(e, KL_ERR_INTERNAL, "the simulator could not keep its keys: not enough memory");
    return false;
  }
  return kl_sim_members_load(s, e) && kl_sim_fcm_load(s, e) && kl_sim_keys_load(s, e);
}

void kl_sim_auth_free(kl_sim *s) {
  for (int i = 0; s->accounts && i < s->n_accounts; i++)
    kl_key_release(s->accounts[i].pub.key);
  for (int i = 0; s->known && i < s->o.n_known; i++)
    kl_public_key_release(s->known[i].key);
  free(s->known);
  free(s->accounts);
  kl_sim_keys_free(s->keys);
  kl_sim_fcm_free(s->fcm);
}
