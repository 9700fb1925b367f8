#include "cli/profile.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/breaker.h"
#include "cli/exchange_address.h"

#define PREFIX ".env."

static const char *get(const kl_profile *p, const char *variable) {
  return p->settings ? kl_settings_get(p->settings, NULL, variable) : NULL;
}

/* Says of which profile it is. */
static bool explain(const kl_profile *p, const kl_error *why, kl_error *e) {
  kl_error_coded(e, why->kind, why->code, "profile %s (%s): %s", p->name, p->file, why->message);
  return false;
}

/* ---- the file ---- */

/* Who reads a pipe or a device may wait for ever, and with it the end of the process, or `kalua kill`. */
static bool is_waited_for(const char *path, struct stat *st) {
  return stat(path, st) == 0 && !S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode);
}

static bool read_file(kl_profile *p, kl_error *e) {
  struct stat st = {0};
  kl_error why = {0};
  bool waits = is_waited_for(p->file, &st);
  p->there = st.st_mode != 0;
  if (waits) {
    kl_error_coded(&why, KL_ERR_CONFIG, "settings_unreadable", "cannot read %s: it is a pipe or a device, no file",
                   p->file);
    return explain(p, &why, e);
  }
  if (!kl_settings_load_apart(&p->settings, p->file, &why)) return explain(p, &why, e);
  if (p->there && S_ISREG(st.st_mode) && (st.st_mode & (S_IRWXG | S_IRWXO)))
    kl_log_warn("kalua", "others can get at %s, which says how to trade on an account (mode %04o); run: chmod 600 %s",
                p->file, (unsigned)(st.st_mode & 07777), p->file);
  kl_settings_warn(p->settings, p->file);
  return true;
}

static bool no_file(const kl_profile *p, const kl_profile_base *base, kl_error *e) {
  char here[512];
  if (!getcwd(here, sizeof here)) snprintf(here, sizeof here, "the folder that kalua was started in");
  kl_error_coded(e, KL_ERR_CONFIG, "profile_missing",
                 "there is no profile %s: write a file %s in %.300s with KALSHI_API_KEY_ID=… and "
                 "KALSHI_PRIVATE_KEY_PATH=… of that account, and KALSHI_ENV=… where it is not on %s",
                 p->name, p->file, here, base->env);
  return false;
}

/* ---- which exchange ---- */

static bool choose_exchange(kl_profile *p, const kl_profile_base *base, kl_error *e) {
  const char *env = get(p, "KALSHI_ENV"), *rest = get(p, "KALSHI_REST_URL"), *ws = get(p, "KALSHI_WS_URL");
  const char *ca = get(p, "KALUA_CA");
  if (!rest && !ws && (!env || !strcmp(env, base->env))) { /* that of the process */
    p->embedded = base->sim != NULL;
    snprintf(p->env, sizeof p->env, "%s", base->env);
    snprintf(p->rest_url, sizeof p->rest_url, "%s", base->rest_url);
    snprintf(p->ws_url, sizeof p->ws_url, "%s", base->ws_url);
    p->ca_file = ca ? ca : base->ca_file;
    return true;
  }
  const kl_connect_options o = {.env = env ? env : base->env, .rest_url = rest, .ws_url = ws, .ca_file = ca};
  kl_exchange_address x;
  kl_error why = {0};
  if (!kl_exchange_address_choose(&o, p->settings, &x, &why)) return explain(p, &why, e);
  if (x.embedded) {
    kl_error_coded(e, KL_ERR_CONFIG, "profile_no_exchange",
                   "profile %s (%s): it is of an embedded exchange, and this process, on %s, has none: give "
                   "KALSHI_REST_URL and KALSHI_WS_URL, or another KALSHI_ENV",
                   p->name, p->file, base->env);
    return false;
  }
  memcpy(p->env, x.env, sizeof p->env);
  memcpy(p->rest_url, x.rest_url, sizeof p->rest_url);
  memcpy(p->ws_url, x.ws_url, sizeof p->ws_url);
  p->ca_file = ca;
  return true;
}

/* ---- the key ---- */

static bool load_key(kl_profile *p, kl_error *e) {
  const char *id = get(p, "KALSHI_API_KEY_ID"), *path = get(p, "KALSHI_PRIVATE_KEY_PATH"),
             *pem = get(p, "KALSHI_PRIVATE_KEY");
  kl_error why = {0};
  if (!id || (!path && !pem)) {
    kl_error_coded(e, KL_ERR_CONFIG,
                   id            ? "private_key_missing"
                   : path || pem ? "key_id_missing"
                                 : "key_missing",
                   "profile %s (%s): %s is missing there, without which nobody can trade on that account%s", p->name,
                   p->file, id ? "KALSHI_PRIVATE_KEY_PATH" : "KALSHI_API_KEY_ID",
                   id || path || pem ? "" : ", and so is KALSHI_PRIVATE_KEY_PATH");
    return false;
  }
  if (strlen(id) >= sizeof p->key_id || strpbrk(id, " \t\r\n")) {
    kl_error_coded(e, KL_ERR_CONFIG, "key_id_malformed",
                   "profile %s (%s): KALSHI_API_KEY_ID must be one word of at most %zu characters", p->name, p->file,
                   sizeof p->key_id - 1);
    return false;
  }
  snprintf(p->key_id, sizeof p->key_id, "%s", id);
  snprintf(p->key_origin, sizeof p->key_origin, "%s", path ? path : p->file);
  p->key_path = path;
  p->in_file = !path;
  struct stat st;
  if (path && is_waited_for(path, &st)) {
    kl_error_coded(&why, KL_ERR_CONFIG, "key_unreadable",
                   "%s: a pipe or a device, not a private key; name a file (KALSHI_PRIVATE_KEY_PATH)", path);
    return explain(p, &why, e);
  }
  /* Nobody can be asked for a passphrase: a prompt or the output of scripts may have the terminal. */
  bool ok = path ? kl_key_load_file(path, NULL, NULL, &p->key, &why)
                 : kl_key_load_pem(pem, strlen(pem), "KALSHI_PRIVATE_KEY", NULL, NULL, &p->key, &why);
  kl_settings_drop(p->settings, "KALSHI_PRIVATE_KEY");
  return ok || explain(p, &why, e);
}

static bool take_member(kl_profile *p, kl_sim *sim, kl_error *e) {
  char id[KL_SIM_KEY_ID_MOST + 1];
  kl_settings_drop(p->settings, "KALSHI_PRIVATE_KEY");
  if (!kl_sim_member(sim, p->name, id, &p->key, e)) return false;
  snprintf(p->key_id, sizeof p->key_id, "%s", id);
  snprintf(p->key_origin, sizeof p->key_origin, "throw-away key of the embedded exchange");
  return true;
}

static bool read_limits(kl_profile *p, kl_error *e) {
  const kl_text_list none = {0};
  kl_error why = {0};
  return kl_limits_read(&none, p->settings, &p->risk, &why) || explain(p, &why, e);
}

bool kl_profile_read(const kl_profile_base *base, const char *name, kl_profile *out, kl_error *e) {
  *out = (kl_profile){0};
  snprintf(out->name, sizeof out->name, "%s", name);
  snprintf(out->file, sizeof out->file, PREFIX "%s", name);
  bool ok = read_file(out, e) && (out->there || base->sim || no_file(out, base, e)) && read_limits(out, e) &&
            choose_exchange(out, base, e);
  ok = ok && (out->embedded ? take_member(out, base->sim, e) : load_key(out, e));
  if (!ok) kl_profile_close(out);
  return ok;
}

void kl_profile_close(kl_profile *p) {
  kl_key_release(p->key);
  kl_settings_free(p->settings);
  p->key = NULL;
  p->settings = NULL;
}

/* ---- those that there are ---- */

void kl_profiles_each(void (*one)(void *data, const char *name), void *data) {
  DIR *d = opendir(".");
  const struct dirent *entry;
  while (d && (entry = readdir(d)))
    if (!strncmp(entry->d_name, PREFIX, sizeof PREFIX - 1) && kl_profile_name_ok(entry->d_name + sizeof PREFIX - 1))
      one(data, entry->d_name + sizeof PREFIX - 1);
  if (d) closedir(d);
}

bool kl_profile_key_path(const char *name, char *out, size_t cap) {
  char file[KL_PROFILE_NAME + 8];
  kl_settings *s = NULL;
  kl_error none;
  struct stat st;
  snprintf(file, sizeof file, PREFIX "%s", name);
  if (is_waited_for(file, &st) || !kl_settings_load_apart(&s, file, &none)) return false;
  const char *path = kl_settings_get(s, NULL, "KALSHI_PRIVATE_KEY_PATH");
  bool fits = path && strlen(path) < cap;
  if (fits) memcpy(out, path, strlen(path) + 1);
  kl_settings_free(s);
  return fits;
}
