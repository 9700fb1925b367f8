/* Which exchange a command talks to: by its options, the environment and .env, in that order. */
#ifndef KL_EXCHANGE_ADDRESS_H
#define KL_EXCHANGE_ADDRESS_H

#include "cli/connect_options.h"
#include "cli/settings.h"

typedef struct kl_exchange_address {
  char env[8];                     /* "sim", "demo", "prod" */
  bool embedded;                   /* the exchange inside this process: it has the addresses */
  bool key_unused;                 /* embedded because nobody named an environment, although there is a key */
  char rest_url[256], ws_url[256]; /* without a slash at the end */
  const char *ca_file;             /* borrowed from the options or settings; NULL: the system's store */
} kl_exchange_address;

/* False with `e` (kind "config" or "usage") for an unknown environment, for addresses that are none, that would send
 * keys unencrypted to another machine, or that are the real exchange's under another name. */
bool kl_exchange_address_choose(const kl_connect_options *o, const kl_settings *settings, kl_exchange_address *out,
                                kl_error *e);

#endif
