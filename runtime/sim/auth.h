/* The check of a request's signature, as the exchange does it. Source: Kalshi, "API keys". */
#ifndef KL_SIM_AUTH_H
#define KL_SIM_AUTH_H

#include "sim/keys.h"

typedef enum {
  KL_SIM_AUTH_OK,
  KL_SIM_AUTH_MISSING, /* a header is not there */
  KL_SIM_AUTH_UNKNOWN_KEY,
  KL_SIM_AUTH_EXPIRED, /* the timestamp is too old, too new, or none */
  KL_SIM_AUTH_BAD_SIGNATURE
} kl_sim_auth_result;

/* Headers may be NULL. On OK *key is what signed, borrowed until it is deleted. */
kl_sim_auth_result kl_sim_auth_check(kl_sim *s, const char *key_id, const char *timestamp, const char *signature,
                                     const char *method, const char *path, kl_sim_api_key **key);
/* The wire's words. *details may become NULL. */
const char *kl_sim_auth_code(kl_sim_auth_result r, const char **message, const char **details);

/* The accounts of the start. They are registered as the exchange's first users, while their keys (RSA-2048, several
 * threads) are made; then the keys are taken in. All before the thread runs. */
bool kl_sim_auth_register(kl_sim *s, kl_error *e);
bool kl_sim_auth_make_keys(kl_sim *s, kl_error *e);
bool kl_sim_auth_take_keys(kl_sim *s, kl_error *e);
void kl_sim_auth_free(kl_sim *s);

#endif
