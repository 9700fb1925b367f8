/* The check of a request's signature, as the exchange does it. Source: Kalshi, "API keys". */
#ifndef KL_SIM_AUTH_H
#define KL_SIM_AUTH_H

#include "sim/impl.h"

typedef enum {
  KL_SIM_AUTH_OK,
  KL_SIM_AUTH_MISSING, /* a header is not there */
  KL_SIM_AUTH_UNKNOWN_KEY,
  KL_SIM_AUTH_EXPIRED, /* the timestamp is too old, too new, or none */
  KL_SIM_AUTH_BAD_SIGNATURE
} kl_sim_auth_result;

/* Headers may be NULL. On OK *account is who signed. */
kl_sim_auth_result kl_sim_auth_check(kl_sim *s, const char *key_id, const char *timestamp, const char *signature,
                                     const char *method, const char *path, kl_sim_account **account);
/* The wire's words. *details may become NULL. */
const char *kl_sim_auth_code(kl_sim_auth_result r, const char **message, const char **details);

/* Makes the accounts with their keys (RSA-2048, several threads) and registers them as the exchange's first users.
 * Takes no lock: called before the thread runs. */
bool kl_sim_auth_make_keys(kl_sim *s, kl_error *e);
bool kl_sim_auth_register(kl_sim *s, kl_error *e);
void kl_sim_auth_free(kl_sim *s);

#endif
