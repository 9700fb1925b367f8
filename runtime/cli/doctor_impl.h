/* What the files of `kalua doctor` share: doctor.c (the order of things), doctor_settings.c (what is configured, the
 * key), doctor_machine.c (what this machine has), doctor_reach.c (names, TLS, the first call). What is seen by talking
 * to the exchange is Lua (lua/stdlib/cli/doctor.lua). Each prints what it finds. */
#ifndef KL_DOCTOR_IMPL_H
#define KL_DOCTOR_IMPL_H

#include "bindings/report.h"
#include "cli/app.h"
#include "cli/exchange_address.h"
#include "cli/profile.h"
#include "cli/settings.h"

/* The libraries that this program runs with. */
void kl_doctor_versions(kl_report *r);
/* Where settings are from, and who else can read .env. */
void kl_doctor_settings(kl_report *r, const kl_settings *s, const kl_connect_options *o);
/* Which exchange, and whether its addresses look like it. */
void kl_doctor_address(kl_report *r, const kl_exchange_address *x);
/* The key that was loaded, NULL: none, and the file that it is in, NULL: none. */
void kl_doctor_key(kl_report *r, const kl_app *a, const char *path);

/* One profile of this folder: its file, its exchange, its key. True where its account can be asked, with its key id;
 * false after telling why not, or where the file is none of an account (.env.example). */
bool kl_doctor_profile(kl_report *r, const kl_profile_base *base, const char *profile, char *id, size_t cap);

/* `keeps`: orders are journaled there, so it has to be possible. */
void kl_doctor_machine(kl_report *r, const kl_connect_options *o, bool keeps);
/* Other processes of this user, on the same account. `key_id` may be "". */
void kl_doctor_processes(kl_report *r, const char *env, const char *key_id);

/* KL_EXIT_OK; what to end with where nothing more can be asked of the exchange, after that was told; or
 * KL_EXIT_INTERRUPTED. */
int kl_doctor_reach(kl_report *r, kl_app *a, const char *ca_file);

#endif
