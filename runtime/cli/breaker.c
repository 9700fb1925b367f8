#include "cli/breaker.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/app_impl.h"
#include "trading/desk_portfolio.h"

bool kl_limits_read(const kl_text_list *flags, const kl_settings *s, kl_limit_values *out, kl_error *e) {
  const char *variable = kl_settings_get(s, NULL, "KALUA_RISK");
  kl_error why;
  *out = (kl_limit_values){0};
  if (variable && !kl_limits_parse(variable, out, &why)) {
    kl_error_coded(e, KL_ERR_CONFIG, why.code, "KALUA_RISK: %s", why.message);
    return false;
  }
  for (size_t i = 0; i < flags->n; i++)
    if (!kl_limits_parse(flags->items[i], out, e)) return false;
  return true;
}

void kl_breaker_limit_account(kl_app *a, const kl_limit_values *v) {
  kl_limits_tighten(&a->limits, v);
  for (kl_app_account *x = kl_app_account_next(a, NULL); x; x = kl_app_account_next(a, x)) {
    kl_risk *r = kl_desk_risk(x->desk);
    kl_limit_values all;
    kl_risk_configured(r, KL_RISK_ACCOUNT, &all);
    kl_limits_tighten(&all, v);
    kl_risk_configure(r, KL_RISK_ACCOUNT, &all);
  }
}

/* A person wants it to go on. */
static void lift(kl_desk *d, kl_party *p) {
  kl_party_resume(p);
  kl_ledger_forgive(kl_desk_ledger(d), p);
}

bool kl_breaker_limit_on(kl_desk *d, const char *name, const kl_limit_values *v, kl_count order_group, bool resume,
                         kl_error *e) {
  kl_party *p = kl_desk_party(d, name);
  if (!p) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
    return false;
  }
  kl_risk_configure(kl_desk_risk(d), kl_party_risk(p), v);
  kl_party_belt(p, order_group);
  if (kl_party_halted(p) && resume)
    lift(d, p);
  else if (kl_party_halted(p))
    kl_log_warn(name,
                "it starts halted, and can only cancel; once you know why, `kalua start %s --resume`, or `kalua run "
                "--resume` in place of this start, lets it go on",
                name);
  return true;
}

/* For accounts to come. */
static bool remember(kl_app *a, const char *name, const kl_limit_values *v, kl_count order_group, kl_error *e) {
  kl_app_limit *l = a->script_limits;
  while (l && strcmp(l->name, name) != 0)
    l = l->next;
  if (!l) {
    size_t n = strlen(name) + 1;
    l = calloc(1, sizeof *l + n);
    if (!l) {
      kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
      return false;
    }
    memcpy(l->name, name, n);
    l->next = a->script_limits;
    a->script_limits = l;
  }
  l->risk = *v;
  l->order_group = order_group;
  return true;
}

bool kl_breaker_limit(kl_app *a, const char *name, const kl_limit_values *v, kl_count order_group, bool resume,
                      kl_error *e) {
  if (!a->first.desk || (!v->set && !order_group && a->environment.tool)) return true;
  if (!remember(a, name, v, order_group, e)) return false;
  for (kl_app_account *x = kl_app_account_next(a, NULL); x; x = kl_app_account_next(a, x))
    if (!kl_breaker_limit_on(x->desk, name, v, order_group, resume, e)) return false;
  return true;
}

static kl_party *party_of(kl_app_account *x, const kl_strategy *g) {
  return x->desk && !kl_strategy_shadow_of(g) ? kl_desk_party(x->desk, kl_strategy_name(g)) : NULL;
}

/* Why it may send nothing but cancels, at one account or another; NULL: it may. */
static const char *halted(kl_app *a, const kl_strategy *g) {
  for (kl_app_account *x = kl_app_account_next(a, NULL); x; x = kl_app_account_next(a, x)) {
    const kl_party *p = party_of(x, g);
    if (p && kl_party_halted(p)) return kl_party_halted(p);
  }
  return NULL;
}

void kl_breaker_stop_in(kl_host *h, kl_party *p, const char *why) {
  for (kl_strategy *g = kl_strategy_next(h, NULL); g; g = kl_strategy_next(h, g)) {
    if (p && strcmp(kl_strategy_name(g), kl_party_name(p)) != 0) continue;
    kl_log_error(
        kl_strategy_name(g),
        "stopped by its breaker: %s. Once you know why, `kalua start %s --resume` lets it go on; when this process "
        "has ended, `kalua run --resume`",
        why, kl_strategy_name(g));
    kl_strategy_stop(g, KL_STOP_EXIT, false);
  }
}

/* What has halted it at one account halts it at all. Its end is the caller's. */
static void halt_elsewhere(kl_app *a, const char *name, const char *why) {
  a->halting = true;
  for (kl_app_account *x = kl_app_account_next(a, NULL); x; x = kl_app_account_next(a, x)) {
    kl_party *p = x->desk ? kl_desk_party(x->desk, name) : NULL;
    if (p && !kl_party_halted(p)) kl_party_halt(p, why);
  }
  a->halting = false;
}

void kl_breaker_join(kl_app *a) {
  for (const kl_app_limit *l = a->script_limits; l; l = l->next) {
    const char *why = NULL;
    for (kl_app_account *x = kl_app_account_next(a, NULL); x && !why; x = kl_app_account_next(a, x)) {
      const kl_party *p = x->desk ? kl_desk_party(x->desk, l->name) : NULL;
      if (p) why = kl_party_halted(p);
    }
    if (why) halt_elsewhere(a, l->name, why);
  }
}

void kl_breaker_stop(void *data, kl_party *p, const char *why) {
  kl_app *a = data;
  if (a->halting) return; /* at the other accounts, too */
  if (p) halt_elsewhere(a, kl_party_name(p), why);
  kl_breaker_stop_in(a->host, p, why);
}

bool kl_breaker_runs_in(kl_host *h, const kl_party *p) {
  for (kl_strategy *g = kl_strategy_next(h, NULL); g; g = kl_strategy_next(h, g)) {
    kl_strategy_status s;
    if (kl_strategy_shadow_of(g) || strcmp(kl_strategy_name(g), kl_party_name(p)) != 0) continue;
    kl_strategy_status_get(g, &s);
    if (s.phase == KL_STRATEGY_RUNNING || s.phase == KL_STRATEGY_RELOADING || s.phase == KL_STRATEGY_PROBATION)
      return true;
  }
  return false;
}

bool kl_breaker_runs(void *data, const kl_party *p) { return kl_breaker_runs_in(kl_app_host(data), p); }

bool kl_breaker_open(kl_app *a, const kl_strategy *g) { return halted(a, g) != NULL; }

bool kl_breaker_may_start(void *data, kl_strategy *g, bool resume, bool *lifted, kl_error *e) {
  kl_app *a = data;
  const char *why = halted(a, g);
  *lifted = false;
  if (!why) return true;
  if (!resume) {
    kl_error_coded(e, KL_ERR_RISK, "halted",
                   "%s is halted: %.300s; once you know why, `kalua start %s --resume` lets it go on",
                   kl_strategy_name(g), why, kl_strategy_name(g));
    return false;
  }
  for (kl_app_account *x = kl_app_account_next(a, NULL); x; x = kl_app_account_next(a, x)) {
    kl_party *p = party_of(x, g);
    if (p && kl_party_halted(p)) lift(x->desk, p);
  }
  *lifted = true;
  return true;
}
