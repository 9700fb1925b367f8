/* Where settings come from: an option, else the environment, else `.env` in the current folder. */
#ifndef KL_SETTINGS_H
#define KL_SETTINGS_H

#include <stdbool.h>

#include "base/error.h"

typedef struct kl_settings kl_settings;

/* Reads the file at `path` if it exists. False with `e` (kind "config", naming the line) when it cannot be read or
 * understood. */
bool kl_settings_load(kl_settings **out, const char *path, kl_error *e);
void kl_settings_free(kl_settings *s); /* wipes the values; takes NULL */

/* `option` if it is not NULL, else the environment variable, else the file's value; NULL when none is set or it is
 * empty. Borrowed until kl_settings_free. */
const char *kl_settings_get(const kl_settings *s, const char *option, const char *variable);

/* Overwrites the value of `variable` everywhere (also in the process's environment) and removes it. */
void kl_settings_wipe(kl_settings *s, const char *variable);

#endif
