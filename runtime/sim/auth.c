#include "sim/auth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/random.h"

enum { KEY_BITS = 2048, THREADS_MOST = 4 };
#define DEPOSIT (INT64_C(10000) * KL_MONEY_ONE)

kl_sim_auth_result kl_sim_auth_check(kl_sim *s, const char *key_id, const char *timestamp, const char *signature,
                                     const char *method, const char *path, kl_sim_account **account) {
  if (!key_id || !timestamp || !signature || !*key_id || !*timestamp || !*signature) return KL_SIM_AUTH_MISSING;
  kl_sim_account *a = kl_map_get(s->keys, key_id, strlen(key_id));
  if (!a) return KL_SIM_AUTH_UNKNOWN_KEY;
  char *end = NULL;
  errno = 0;
  long long ms = strtoll(timestamp, &end, 10);
  int64_t now_ms = (s->now_us + s->clock_off_us) / 1000; /* as the clock of the doors has it */
  if (errno || *end || timestamp[0] < '0' || timestamp[0] > '9') return KL_SIM_AUTH_EXPIRED;
  if (ms < now_ms - s->o.max_clock_skew_ms || ms > now_ms + s->o.max_clock_skew_ms) return KL_SIM_AUTH_EXPIRED;
  char text[2048];
  size_t n = kl_signed_text(text, sizeof text, ms, method, path);
  if (n == 0 || !kl_public_key_verify(a->verifier, text, n, signature)) return KL_SIM_AUTH_BAD_SIGNATURE;
  *account = a;
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
  int first, n, stride;
  bool ok;
  kl_error error;
} key_work;

static void *make_keys(void *data) {
  key_work *w = data;
  w->ok = true;
  for (int i = w->first; w->ok && i < w->n; i += w->stride)
    w->ok = kl_key_generate(KEY_BITS, &w->accounts[i].pub.key, &w->error);
  return NULL;
}

bool kl_sim_auth_make_keys(kl_sim *s, kl_error *e) {
  key_work work[THREADS_MOST] = {0};
  pthread_t threads[THREADS_MOST];
  bool started[THREADS_MOST] = {false};
  int n = s->n_accounts < THREADS_MOST ? s->n_accounts : THREADS_MOST;
  bool ok = true;
  for (int i = 0; i < n; i++)
    work[i] = (key_work){.accounts = s->accounts, .first = i, .n = s->n_accounts, .stride = n};
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
  static const char digits[] = "0123456789abcdef";
  kl_sim_random r = kl_sim_random_new(s->o.seed, 3);
  int64_t now_ns = kl_mono_ns(kl_clock_real());
  s->keys = kl_map_new();
  bool ok = s->keys != NULL;
  for (int i = 0; ok && i < s->n_accounts; i++) {
    kl_sim_account *a = &s->accounts[i];
    for (int k = 0; k < 36; k++)
      a->pub.key_id[k] = k == 8 || k == 13 || k == 18 || k == 23 ? '-' : digits[kl_sim_below(&r, 16)];
    a->pub.key_id[14] = '4';
    a->pub.key_id[19] = digits[8 + kl_sim_below(&r, 4)];
    kl_sim_limits_init(&a->limits, s->tier, now_ns);
    a->user = kl_exchange_add_user(s->x, DEPOSIT);
    ok = a->user != UINT32_MAX && kl_map_set(s->keys, a->pub.key_id, 36, a);
  }
  if (!ok) kl_error_set(e, KL_ERR_INTERNAL, "the simulator could not make its accounts: not enough memory");
  return ok;
}

void kl_sim_auth_free(kl_sim *s) {
  for (int i = 0; s->accounts && i < s->n_accounts; i++) {
    kl_public_key_release(s->accounts[i].verifier);
    kl_key_release(s->accounts[i].pub.key);
  }
  free(s->accounts);
  kl_map_free(s->keys);
}
