#include "cli/real_orders.h"

#include <string.h>

#include "base/log.h"

void kl_limits_list(const kl_limit_values *v, kl_buf *out) {
  size_t begin = out->len;
  for (int l = 0; l < KL_LIMITS; l++) {
    if (!(v->set & 1u << l)) continue;
    if (out->len > begin) kl_buf_str(out, ", ");
    if (l == KL_LIMIT_SELF_CROSS)
      kl_buf_printf(out, "%s=%s", kl_limit_table[l].name, v->value[l] ? "true" : "false");
    else
      kl_buf_printf(out, "%s=%.10g", kl_limit_table[l].name, kl_limit_number((kl_limit)l, v->value[l]));
  }
}

void kl_real_orders_begin(kl_desk *d, const char *env) {
  kl_limit_values account;
  bool any = false;
  kl_buf list = {0};
  kl_risk_configured(kl_desk_risk(d), KL_RISK_ACCOUNT, &account);
  for (kl_party *p = kl_desk_party_next(d, NULL); p; p = kl_desk_party_next(d, p)) {
    kl_limit_values own;
    kl_risk_configured(kl_desk_risk(d), kl_party_risk(p), &own);
    any = any || own.set != 0;
  }
  kl_limits_list(&account, &list);
  if (list.len && !list.failed)
    kl_log_info("kalua", "orders on %s are real; limits of the account: %.*s", env, (int)list.len, list.data);
  else if (any)
    kl_log_info("kalua", "orders on %s are real; scripts have limits, the account has none", env);
  else
    kl_log_warn("kalua",
                "orders on %s are real, and nothing limits what is ordered, held or lost: "
                "--risk max_exposure=DOLLARS,max_daily_loss=DOLLARS",
                env);
  kl_buf_free(&list);
}

void kl_real_orders_end(kl_desk *d, const char *env, const char *killed_by, bool kept) {
  for (kl_party *p = kl_desk_party_next(d, NULL); p; p = kl_desk_party_next(d, p)) {
    kl_desk_counts n;
    kl_desk_counts_get(d, p, &n);
    size_t left = n.resting + n.pending + n.unknown;
    if (left == 0) continue;
    kl_buf name = {0};
    kl_log_escape(&name, kl_party_name(p), strlen(kl_party_name(p)));
    kl_log_warn("kalua", "%.*s leaves %zu order%s on %s%s; %s`kalua kill --env %s` cancels all orders", (int)name.len,
                name.failed ? "" : name.data, left, left == 1 ? "" : "s", env,
                n.resting == left ? "" : ", not all of them for certain",
                kept ? "its next start goes on with what is left, " : "", killed_by);
    kl_buf_free(&name);
  }
}
