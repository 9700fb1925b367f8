/* What the files of triggers share. */
#ifndef KL_SIM_TRIGGER_IMPL_H
#define KL_SIM_TRIGGER_IMPL_H

#include "sim/fault_doors.h"
#include "sim/json_out.h"
#include "sim/triggers.h"

typedef struct kl_sim_trigger_value {
  const char *text; /* NULL: not given */
  int64_t number;   /* in the unit of its type: kl_count, kl_price, microseconds, a kl_side, a channel */
  double real;
} kl_sim_trigger_value;

struct kl_sim_trigger_call {
  kl_sim *s;
  const kl_sim_trigger_kind *kind;
  kl_sim_trigger_value values[KL_SIM_TRIGGER_ARGS_MOST];
  char texts[KL_SIM_TRIGGER_ARGS_MOST][1024];
  kl_buf *out; /* an open JSON object */
  char message[320];
  kl_error *e;
};

/* An argument by its name, which the kind must have. */
const kl_sim_trigger_value *kl_sim_trigger_value_of(const kl_sim_trigger_call *c, const char *name);
/* Refuses: returns false. Status 400, 404 or 409. */
bool kl_sim_trigger_refuse(kl_sim_trigger_call *c, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
bool kl_sim_trigger_refuse_result(kl_sim_trigger_call *c, kl_exchange_result r);
/* What was done, for people: returns true. */
bool kl_sim_trigger_done(kl_sim_trigger_call *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The account that `user=` names: a number from 1, or a key id. NULL where it is not given, and after refusing (then
 * *ok is false). */
const kl_sim_account *kl_sim_trigger_user(kl_sim_trigger_call *c, bool *ok);
/* The market of an argument; NULL after refusing. */
kl_market *kl_sim_trigger_market(kl_sim_trigger_call *c, const char *name);

/* trigger_trade.c */
bool kl_sim_trigger_fill(kl_sim_trigger_call *c);
bool kl_sim_trigger_trade(kl_sim_trigger_call *c);
bool kl_sim_trigger_quote(kl_sim_trigger_call *c);
bool kl_sim_trigger_cancel(kl_sim_trigger_call *c);

/* trigger_market.c */
bool kl_sim_trigger_pause(kl_sim_trigger_call *c);
bool kl_sim_trigger_resume(kl_sim_trigger_call *c);
bool kl_sim_trigger_maintenance(kl_sim_trigger_call *c);
bool kl_sim_trigger_determine(kl_sim_trigger_call *c);
bool kl_sim_trigger_close(kl_sim_trigger_call *c);
bool kl_sim_trigger_dispute(kl_sim_trigger_call *c);
bool kl_sim_trigger_amend(kl_sim_trigger_call *c);
bool kl_sim_trigger_settle(kl_sim_trigger_call *c);
bool kl_sim_trigger_news(kl_sim_trigger_call *c);
bool kl_sim_trigger_structure(kl_sim_trigger_call *c);
bool kl_sim_trigger_strike(kl_sim_trigger_call *c);

/* trigger_money.c */
bool kl_sim_trigger_deposit(kl_sim_trigger_call *c);
bool kl_sim_trigger_withdraw(kl_sim_trigger_call *c);
bool kl_sim_trigger_fees(kl_sim_trigger_call *c);

/* trigger_fault.c */
bool kl_sim_trigger_moment(kl_sim_trigger_call *c);  /* gap, disconnect, reset, stall, end */
bool kl_sim_trigger_message(kl_sim_trigger_call *c); /* drop, vanish, duplicate */
bool kl_sim_trigger_delay(kl_sim_trigger_call *c);
bool kl_sim_trigger_429(kl_sim_trigger_call *c);
bool kl_sim_trigger_lose(kl_sim_trigger_call *c);
bool kl_sim_trigger_fail(kl_sim_trigger_call *c);
bool kl_sim_trigger_fault(kl_sim_trigger_call *c);
bool kl_sim_trigger_clear(kl_sim_trigger_call *c);
/* Adds a passing rule and says so. */
bool kl_sim_trigger_rule(kl_sim_trigger_call *c, const char *spec, const char *what);

#endif
