/* Whether an account that is opened is one that the process has already, under another key: the exchange lists to a key
 * all keys of its account. One that is locked to a subaccount, or may not read that, is refused the list; then those
 * that are open are asked for theirs. Two that are both refused are taken for two accounts: locked to different
 * subaccounts, each reaches nothing of the other. */
#include <jansson.h>
#include <string.h>

#include "base/log.h"
#include "cli/app_impl.h"

enum { TIMEOUT_MS = 4000, FORBIDDEN = 403 };

bool kl_app_accounts_comparable(const kl_app_account *x, const kl_app_account *y) {
  if (x == y || !x->key_id[0] || !y->key_id[0] || x->error.kind || y->error.kind) return false;
  if (strcmp(x->env_name, y->env_name) != 0) return false;
  /* Simulators are each an exchange of their own; a real one is the same by whatever URL it is reached. */
  return strcmp(x->env_name, "sim") != 0 || !strcmp(x->rest_url, y->rest_url);
}

static bool worth_asking(const kl_app_account *x, const kl_app_account *y) {
  return kl_app_accounts_comparable(x, y) && !(x->embedded && y->embedded);
}

/* A key of a subtrader is of an account of its own, though the member's list has it. */
static bool lists(const json_t *root, const char *key_id) {
  const json_t *row;
  size_t i;
  json_array_foreach(json_object_get(root, "api_keys"), i, row) {
    const char *id = json_string_value(json_object_get(row, "api_key_id"));
    if (id && !strcmp(id, key_id)) return !json_is_string(json_object_get(row, "fcm_subtrader_id"));
  }
  return false;
}

static void refuse(kl_app_account *x, const kl_app_account *y) {
  kl_error_coded(&x->error, KL_ERR_CONFIG, "account_twice",
                 "profile %s (%s): its API key %s is of the same account as that of %s%s, on which this process trades "
                 "already",
                 x->profile.name, x->profile.file, x->key_id, y->profile.name[0] ? "profile " : "`kalshi` itself",
                 y->profile.name);
}

static bool lists_any_of(kl_app_account *x, const json_t *root, const kl_app_account *all) {
  for (const kl_app_account *y = all; y; y = y->next) {
    if (!worth_asking(x, y) || !lists(root, y->key_id)) continue;
    refuse(x, y);
    return true;
  }
  return false;
}

static void not_known(const kl_app_account *x, const kl_error *e) {
  kl_log_warn("kalua",
              "whether profile %s (%s) is of an account that this process trades on already is not known: %s; if it "
              "is, limits hold on each of the two apart",
              x->profile.name, x->profile.file, e->message);
}

static bool ask_next(kl_app_account *x);

static void answered(void *data, const kl_http_response *res, const kl_error *e) {
  kl_app_account *x = data;
  json_t *root = res ? json_loadb(res->body, res->body_len, 0, NULL) : NULL;
  bool own = x->asked == x, refused = e && e->status == FORBIDDEN;
  x->asking = NULL;
  if (own && root && !lists_any_of(x, root, &x->app->first)) (void)lists_any_of(x, root, x->app->opening);
  if (!own && root && lists(root, x->key_id)) refuse(x, x->asked);
  json_decref(root);
  if (e && !refused) not_known(x, e);
  bool goes_on = own ? refused : !x->error.kind;
  if (!goes_on || !ask_next(x)) x->compared(x);
}

static bool ask(kl_app_account *x, kl_app_account *whom) {
  const kl_operation *op = kl_operation_find("GetApiKeys");
  const kl_call_request q = {.op = op, .path = op->path, .urgent = true, .timeout_ms = TIMEOUT_MS};
  kl_error e;
  x->asked = whom;
  x->asking = kl_session_call(whom->session, &q, answered, x, &e);
  if (!x->asking) not_known(x, &e);
  return x->asking != NULL;
}

/* Those that are being opened ask for themselves, and find x. */
static bool ask_next(kl_app_account *x) {
  kl_app_account *y = x->asked == x ? &x->app->first : x->asked->next;
  while (y && !worth_asking(x, y))
    y = y->next;
  return y && ask(x, y);
}

static bool any_worth_asking(const kl_app_account *x, const kl_app_account *all) {
  while (all && !worth_asking(x, all))
    all = all->next;
  return all != NULL;
}

bool kl_app_account_compare(kl_app_account *x, void (*compared)(kl_app_account *x)) {
  const kl_app *a = x->app;
  x->compared = compared;
  return (any_worth_asking(x, &a->first) || any_worth_asking(x, a->opening)) && ask(x, x);
}
