/* Faults at the doors: what server.c and session.c ask for each request and message, and what comes by schedule. */
#ifndef KL_SIM_FAULT_DOORS_H
#define KL_SIM_FAULT_DOORS_H

#include "sim/faults.h"
#include "sim/http.h"
#include "sim/session.h"

/* Rules from a specification, with the triggers that it names checked. `passing`: see kl_sim_faults_add. */
bool kl_sim_faults_put(kl_sim *s, const char *spec, bool passing, unsigned *first, kl_error *e);

/* What befalls a request, or the handshake of a WebSocket. All zero: nothing. */
void kl_sim_fault_judge(kl_sim *s, const kl_sim_request *rq, bool handshake, kl_fault_verdict *out);
/* The answer that a verdict of FAIL_… or LIMIT gives in place of any other. */
void kl_sim_fault_answer(kl_sim_response *rs, const kl_fault_verdict *v);
/* What befalls a message of a channel (KL_CH_COUNT: an answer to a command). */
void kl_sim_fault_message(kl_sim_session *c, int channel, kl_fault_fate *out);

/* A strike at once at all connections of the users that the filter names, for faults that can be moments: GAP, STALL,
 * DISCONNECT, CLOSE, RESET, END. `channels` has a bit for each: connections that have none of them are left alone (0:
 * all connections); `value` is that of a rule, of STALL microseconds. Returns how many connections were struck, of GAP
 * and END how many subscriptions. */
size_t kl_sim_strike(kl_sim *s, kl_fault_kind kind, uint32_t channels, const char *user, int64_t value);

/* Ten times a second: moments that have come, windows that begin and end. */
void kl_sim_faults_tick(kl_sim *s);

#endif
