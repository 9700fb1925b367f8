/* Profiles: further accounts, each described by a file `.env.NAME` in the folder in which kalua is started, in the form
 * and with the names of `.env`. Nothing of the process's own settings goes into one, but for the exchange where the
 * profile leaves that open. */
#ifndef KL_PROFILE_H
#define KL_PROFILE_H

#include "auth/key.h"
#include "bindings/bindings.h"
#include "cli/settings.h"
#include "sim/sim.h"
#include "trading/risk.h"

/* The exchange of the process; borrowed. */
typedef struct kl_profile_base {
  const char *env, *rest_url, *ws_url, *ca_file;
  kl_sim *sim; /* NULL: not embedded */
} kl_profile_base;

typedef struct kl_profile {
  char name[KL_PROFILE_NAME + 1];
  char file[KL_PROFILE_NAME + 8];
  bool there;            /* the file is */
  bool embedded;         /* a member of the embedded exchange, with a throw-away key */
  kl_settings *settings; /* of the file; without the key itself */
  char env[8], rest_url[256], ws_url[256];
  const char *ca_file; /* borrowed from the settings or the base; NULL: the system's store */
  char key_id[128], key_origin[320];
  kl_key *key;          /* retained */
  const char *key_path; /* borrowed from the settings; NULL: its text is in the file, or nowhere */
  bool in_file;         /* the key is in the file itself */
  kl_limit_values risk;
} kl_profile;

/* Reads the file, and the key that it names, which must not take a passphrase; without a file, on the embedded
 * exchange, the member of that name. From any thread but that of the embedded exchange, and takes its time. False with
 * `e` (kind "config"), which says what to write where; then there is nothing to close. */
bool kl_profile_read(const kl_profile_base *base, const char *name, kl_profile *out, kl_error *e);
void kl_profile_close(kl_profile *p);

/* Hands over the name of each profile that has a file here. */
void kl_profiles_each(void (*one)(void *data, const char *name), void *data);
/* The file of a profile's private key, as it is named there; false where there is none, or the file cannot be read. */
bool kl_profile_key_path(const char *name, char *out, size_t cap);

#endif
