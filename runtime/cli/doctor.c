/* kalua doctor: looks at the set-up from the outside in, and says what to do about what is wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/breaker.h"
#include "cli/doctor_impl.h"
#include "cli/project.h"
#include "cli/real_orders.h"
#include "cli/tool.h"
#include "trading/kill_mark.h"

/* Those of the account in the kalua.lua of this folder, which `kalua run` takes. False: none, and nothing is said. */
static bool project_limits(kl_report *r) {
  static const char *const file = "kalua.lua";
  const kl_project_flags flags = {0};
  kl_project *p = NULL;
  kl_error e = {0};
  kl_buf list = {0};
  if (access(file, F_OK) != 0) return false;
  if (!kl_project_load(&file, 1, &flags, &p, &e)) {
    kl_report_add(r, &(kl_check){.state = KL_CHECK_WRONG, .name = "risk", .text = e.message, .kind = e.kind});
    return true;
  }
  kl_limits_list(kl_project_account_risk(p), &list);
  bool some = list.len && !list.failed;
  if (some) kl_report_say(r, "risk", "limits of the account, by kalua.lua: %.*s", (int)list.len, list.data);
  kl_buf_free(&list);
  kl_project_free(p);
  return some;
}

/* What stands between scripts and orders on this account. */
static void trading(kl_report *r, kl_app *app) {
  char why[160];
  kl_limit_values limits;
  kl_buf list = {0};
  if (kl_kill_mark_read(why, sizeof why))
    kl_report_add(r, &(kl_check){.state = KL_CHECK_NOTE, .name = "trading", .text = why});
  kl_risk_configured(kl_desk_risk(kl_app_environment(app)->place.desk), KL_RISK_ACCOUNT, &limits);
  kl_limits_list(&limits, &list);
  if (list.len && !list.failed)
    kl_report_say(r, "risk", "limits of the account: %.*s", (int)list.len, list.data);
  else if (!project_limits(r))
    kl_report_add(r, &(kl_check){.state = KL_CHECK_NOTE,
                                 .name = "risk",
                                 .text = "the account has no limits of yours",
                                 .remedy = "before you trade, set --risk or KALUA_RISK, or account_risk in kalua.lua"});
  kl_buf_free(&list);
}

static void say_error(kl_report *r, const char *name, const kl_error *e) {
  kl_report_add(r, &(kl_check){.state = KL_CHECK_WRONG, .name = name, .text = e->message, .kind = e->kind});
}

/* Where the key is what is wrong, the rest can be looked at without it. */
static kl_app *open_app(kl_report *r, kl_connect_options *o) {
  kl_app *app = NULL;
  kl_error e = {0}, other = {0};
  if (kl_app_open(o, KL_VERSION, &app, &e)) return app;
  o->keyless = true;
  if (kl_app_open(o, KL_VERSION, &app, &other)) {
    say_error(r, "key", &e);
    return app;
  }
  say_error(r, "configuration", &e);
  return NULL;
}

/* ---- profiles ---- */

enum { PROFILES_MOST = 100, PROFILE_WORDS = 2 };

/* Those of this folder; of those that can be asked the words for the part in Lua: name and key id. */
typedef struct profiles {
  char names[PROFILES_MOST][KL_PROFILE_NAME + 1];
  char words[PROFILES_MOST * PROFILE_WORDS][KL_LISTED_NAME];
  size_t n, n_words, left_out;
} profiles;

static void note_profile(void *data, const char *name) {
  profiles *all = data;
  if (all->n < PROFILES_MOST)
    snprintf(all->names[all->n++], sizeof *all->names, "%s", name);
  else
    all->left_out++;
}

static int by_name(const void *a, const void *b) { return strcmp(a, b); }

static void look_at_profiles(kl_report *r, profiles *all, const kl_profile_base *base) {
  kl_profiles_each(note_profile, all);
  qsort(all->names, all->n, sizeof *all->names, by_name);
  for (size_t i = 0; i < all->n; i++) {
    char(*word)[KL_LISTED_NAME] = &all->words[all->n_words];
    if (!kl_doctor_profile(r, base, all->names[i], word[1], sizeof word[1])) continue;
    snprintf(word[0], sizeof word[0], "%s", all->names[i]);
    all->n_words += PROFILE_WORDS;
  }
  if (all->left_out)
    kl_report_add(r, &(kl_check){.state = KL_CHECK_NOTE,
                                 .name = "profiles",
                                 .text = "there are more than a hundred files .env.NAME here; not all were looked at",
                                 .remedy = "start it in a folder with fewer"});
}

/* What only the exchange can say. */
static int ask(kl_report *r, kl_app *app, const kl_connect_options *o, const profiles *all, const char *ca_file) {
  kl_error e = {0};
  int code = kl_doctor_reach(r, app, ca_file);
  if (code != KL_EXIT_OK) return code;
  char id[KL_LISTED_NAME];
  const kl_key *key = kl_app_key(app);
  snprintf(id, sizeof id, "id=%s", kl_app_key_id(app));
  const char *kind = key && strcmp(kl_key_type(key), "RSA") != 0 ? "kind=ed25519" : "kind=rsa";
  char *args[PROFILES_MOST * PROFILE_WORDS + 5] = {key ? id : "id=", (char *)(uintptr_t)kind,
                                                   o->keyless ? "keyless=1" : "keyless=", "--"};
  for (size_t i = 0; i < all->n_words; i++)
    args[4 + i] = (char *)(uintptr_t)all->words[i];
  kl_app_tool_errors(app, true);
  kl_app_environment(app)->report = r;
  if (kl_app_start(app, NULL, "cli.doctor", "doctor", args, &e)) return kl_app_run(app, 0);
  kl_app_abandon(app);
  return kl_cli_fail(&e);
}

static int examine(kl_report *r, kl_connect_options *o, kl_settings *s, profiles *all) {
  kl_exchange_address x;
  kl_error e = {0};
  kl_doctor_versions(r);
  kl_doctor_settings(r, s, o);
  bool known = kl_exchange_address_choose(o, s, &x, &e);
  kl_doctor_machine(r, o, known && strcmp(x.env, "sim") != 0);
  if (!known) {
    kl_settings_wipe(s, "KALSHI_PRIVATE_KEY");
    say_error(r, "environment", &e);
    return KL_EXIT_OK;
  }
  kl_doctor_address(r, &x);
  const char *path = x.embedded ? NULL : kl_settings_get(s, o->key_path, "KALSHI_PRIVATE_KEY_PATH");
  kl_app *app = open_app(r, o);
  kl_settings_wipe(s, "KALSHI_PRIVATE_KEY");
  kl_profile_base base = {x.env, x.rest_url, x.ws_url, x.ca_file, NULL};
  if (app) base = kl_app_profile_base(app);
  if (app && !o->keyless) kl_doctor_key(r, app, path);
  look_at_profiles(r, all, &base);
  if (!app) return KL_EXIT_OK;
  kl_doctor_processes(r, x.env, kl_app_key_id(app));
  if (kl_app_key(app) && !kl_app_sim(app)) trading(r, app);
  int code = ask(r, app, o, all, x.ca_file);
  kl_app_close(app);
  return code;
}

int kl_command_doctor(int argc, char **argv) {
  static const char usage[] =
      "usage: kalua doctor\n\n"
      "Looks at the set-up from the outside in: settings, key, machine, the way to the exchange, clock,\n"
      "account, stream. Each line is ok, a note, or wrong, and then says what to do. Nothing is changed.\n";
  bool json = false;
  kl_connect_options o;
  kl_opt connect[KL_CONNECT_OPT_COUNT];
  const kl_opt own[] = {
      {"json", KL_OPT_FLAG, &json, NULL, "one document: ok, environment, checks with their figures", 0, 0},
      {NULL, KL_OPT_FLAG, NULL, NULL, NULL, 0, 0}};
  kl_connect_opts(&o, connect);
  o.log_default = "error";
  int code = kl_opts_parse("doctor", usage, (const kl_opt *const[]){own, connect, NULL}, argc, argv, NULL, NULL);
  if (code < 0) {
    kl_settings *s = NULL;
    kl_error e = {0};
    kl_report *r = kl_report_new(json, !json && isatty(STDOUT_FILENO) && kl_tool_colour());
    profiles *all = calloc(1, sizeof *all);
    if (!r || !all) {
      kl_error_set(&e, KL_ERR_INTERNAL, "not enough memory");
      code = kl_cli_fail(&e);
    } else {
      const char *env = "sim";
      bool loaded = kl_settings_load(&s, ".env", &e);
      if (loaded) {
        env = kl_settings_get(s, o.env, "KALSHI_ENV");
        code = examine(r, &o, s, all);
      } else {
        kl_doctor_versions(r);
        say_error(r, ".env", &e);
        code = KL_EXIT_OK;
      }
      /* What was wrong first says with which code it ends. */
      if (code != KL_EXIT_INTERRUPTED && !kl_report_ok(r)) code = kl_exit_code_of(kl_report_kind(r));
      if (!kl_report_end(r, env ? env : "sim", code != KL_EXIT_INTERRUPTED) && code == KL_EXIT_OK)
        code = KL_EXIT_FAILED;
    }
    free(all);
    kl_settings_free(s);
    kl_report_free(r);
  }
  kl_connect_options_free(&o);
  return code;
}
