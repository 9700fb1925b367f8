#include "sim/eligible.h"

#include <stdio.h>
#include <string.h>

#include "sim/fcm.h"

/* Categories that need an attestation of where the client is. */
static bool needs_region(const char *category) {
  static const char *const names[] = {"Sports", "Elections", "Entertainment"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (!strcmp(names[i], category)) return true;
  return false;
}

static bool deny(kl_sim_denial *d, int status, const char *code, const char *message) {
  d->status = status;
  d->code = code;
  d->message = message;
  return false;
}

bool kl_sim_may_trade(const kl_sim *s, const kl_sim_account *a, const kl_market *m, kl_sim_denial *d) {
  const char *category = m->event->series->category;
  *d = (kl_sim_denial){0};
  if (s->region_expires_us && s->now_us >= s->region_expires_us && needs_region(category)) {
    snprintf(d->details, sizeof d->details, "the location attestation of this account's API keys lapsed: no %.48s",
             category);
    return deny(d, 403, "region_attestation_expired", "region attestation expired");
  }
  if (a->subtrader && kl_sim_fcm_is_blocked(a->subtrader, category)) {
    snprintf(d->details, sizeof d->details, "the FCM member blocks the category %.48s for this subtrader", category);
    return deny(d, 403, "category_blocked", "category blocked");
  }
  return true;
}

bool kl_sim_may_order(const kl_sim *s, const kl_sim_account *a, const kl_market *m, const kl_order_request *q,
                      kl_sim_denial *d) {
  kl_sim_cap_use use;
  if (!kl_sim_may_trade(s, a, m, d)) return false;
  if (!a->subtrader) return true;
  if (!a->subtrader->has_cap) {
    snprintf(d->details, sizeof d->details, "the FCM member has set no event-contract daily cap for this subtrader");
    return deny(d, 400, "event_contract_daily_cap_missing", "event contract daily cap missing");
  }
  kl_sim_fcm_use(s, a->subtrader, &use);
  kl_money cost = kl_sim_fcm_cost(s, a->subtrader, m, q->side, q->price, q->count, q->subaccount);
  if (use.executed + use.resting + cost <= a->subtrader->cap) return true;
  snprintf(d->details, sizeof d->details, "the order would bring the premium of %s above the cap", use.date);
  return deny(d, 400, "event_contract_daily_cap_exceeded", "event contract daily cap exceeded");
}
