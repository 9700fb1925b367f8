/* Triggers about money: deposits, withdrawals, fees. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "sim/fee_changes.h"
#include "sim/transfers.h"
#include "sim/trigger_impl.h"

static bool fund(kl_sim_trigger_call *c, bool in) {
  const kl_money cent = KL_MONEY_ONE / 100, most = INT64_C(1000000000) * KL_MONEY_ONE;
  const char *text = kl_sim_trigger_value_of(c, "amount")->text, *shard = kl_sim_trigger_value_of(c, "shard")->text;
  kl_money amount;
  kl_uuid id;
  bool ok;
  const kl_sim_account *a = kl_sim_trigger_user(c, &ok);
  if (!ok) return false;
  if (!a) a = &c->s->accounts[0];
  if (!kl_decimal_parse(text, strlen(text), KL_MONEY_PLACES, &amount) || amount < cent || amount % cent != 0 ||
      amount > most)
    return kl_sim_trigger_refuse(c, 400, "amount is dollars and whole cents, up to a billion, not \"%.40s\"", text);
  int index = shard ? (int)strtol(shard, NULL, 10) : 0;
  kl_exchange_result result =
      in ? kl_sim_deposit(c->s, a->user, index, amount, &id) : kl_sim_withdraw(c->s, a->user, index, amount, &id);
  if (result != KL_X_OK) return kl_sim_trigger_refuse_result(c, result);
  kl_sim_field_str(c->out, "id", id);
  kl_sim_field_int(c->out, "exchange_index", index);
  kl_sim_field_money4(c->out, "balance", kl_exchange_balance(c->s->x, a->user, 0, index));
  return kl_sim_trigger_done(c, "%s dollars were %s exchange_index %d", text, in ? "deposited on" : "withdrawn from",
                             index);
}

bool kl_sim_trigger_deposit(kl_sim_trigger_call *c) { return fund(c, true); }
bool kl_sim_trigger_withdraw(kl_sim_trigger_call *c) { return fund(c, false); }

/* The type that is named; NULL: none is. */
static const kl_fee_type *read_type(const kl_sim_trigger_call *c) {
  static const kl_fee_type types[] = {KL_FEE_QUADRATIC, KL_FEE_QUADRATIC_MAKER, KL_FEE_QUADRATIC_COMBO_MAKER,
                                      KL_FEE_FLAT};
  const char *text = kl_sim_trigger_value_of(c, "type")->text;
  for (size_t i = 0; text && i < sizeof types / sizeof *types; i++)
    if (!strcmp(text, kl_sim_fee_name(types[i]))) return &types[i];
  return NULL;
}

bool kl_sim_trigger_fees(kl_sim_trigger_call *c) {
  kl_sim *s = c->s;
  const char *event = kl_sim_trigger_value_of(c, "event")->text, *series = kl_sim_trigger_value_of(c, "series")->text;
  const kl_sim_trigger_value *multiplier = kl_sim_trigger_value_of(c, "multiplier");
  const kl_fee_type *type = read_type(c);
  int64_t ppm = 0, at = s->now_us + kl_sim_trigger_value_of(c, "in")->number;
  bool kept;
  if (!event == !series) return kl_sim_trigger_refuse(c, 400, "fees wants event= or series=, one of them");
  if (multiplier->text) {
    if (!(multiplier->real >= 0 && multiplier->real <= 1000))
      return kl_sim_trigger_refuse(c, 400, "multiplier is 0 to 1000, not %.40s", multiplier->text);
    ppm = (int64_t)llround(multiplier->real * 1000000);
  }
  if (event) {
    kl_market_event *e = kl_exchange_event(s->x, event);
    if (!e) return kl_sim_trigger_refuse(c, 404, "there is no event \"%.64s\"", event);
    kept = kl_sim_fee_change_event(s, e, type, multiplier->text ? &ppm : NULL, at);
    kl_sim_field_str(c->out, "event", e->ticker);
  } else {
    kl_series *x = kl_exchange_series(s->x, series);
    if (!x) return kl_sim_trigger_refuse(c, 404, "there is no series \"%.64s\"", series);
    if (!type && !multiplier->text) return kl_sim_trigger_refuse(c, 400, "a series wants type= or multiplier=");
    kl_fee_schedule fees = {type ? *type : x->fee_type, multiplier->text ? ppm : x->fee_multiplier_ppm};
    kept = kl_sim_fee_change_series(s, x, fees, at);
    kl_sim_field_str(c->out, "series", x->ticker);
  }
  if (!kept) return kl_sim_trigger_refuse(c, 409, "not enough memory for the change");
  return kl_sim_trigger_done(c, at > s->now_us ? "the change of fees is scheduled" : "the fees are changed");
}
