/* Where settings come from: an option, else the environment, else `.env` in the current folder. */
#ifndef KL_SETTINGS_H
#define KL_SETTINGS_H

#include <stdbool.h>

#include "base/error.h"

typedef struct kl_settings kl_settings;

/* Reads the file at `path` if it exists. In the names of files ~/ at the beginning is $HOME. False with `e` (kind
 * "config", naming the line) when it cannot be read or understood. */
bool kl_settings_load(kl_settings **out, const char *path, kl_error *e);
/* The same for a file that stands for itself: the environment is not looked at. */
bool kl_settings_load_apart(kl_settings **out, const char *path, kl_error *e);
/* Says in the log which names of the file at `path` are nearly those of settings: such a line has no effect, and its
 * author believes it has. */
void kl_settings_warn(const kl_settings *s, const char *path);
void kl_settings_free(kl_settings *s); /* wipes the values; takes NULL */

/* `option` if it is not NULL, else the environment variable (not with kl_settings_load_apart), else the file's value;
 * NULL when none is set or it is empty. Borrowed until kl_settings_free. */
const char *kl_settings_get(const kl_settings *s, const char *option, const char *variable);

/* Where that value is from: "option", "environment", ".env", or NULL when none is set. `hidden` (may be NULL): .env has
 * another value, which counts for nothing. */
const char *kl_settings_origin(const kl_settings *s, const char *option, const char *variable, bool *hidden);

/* Overwrites the file's value of `variable`, and removes it. */
void kl_settings_drop(kl_settings *s, const char *variable);
/* Overwrites the value of `variable` everywhere (also in the process's environment) and removes it. */
void kl_settings_wipe(kl_settings *s, const char *variable);

#endif
