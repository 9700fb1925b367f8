/* Requests for quote, quotes and block trades as the doors show them: their JSON, their channel, and what is kept of
 * them in the state file. */
#ifndef KL_SIM_COMMUNICATIONS_H
#define KL_SIM_COMMUNICATIONS_H

#include "sim/rfqs.h"
#include "sim/session.h"

/* Makes s->combos, s->rfqs and s->blocks, loads what the state file has of them, and, unless it is quiet,
 * s->rfq_makers. After the world and the traders. False with `e`. */
bool kl_sim_communications_start(kl_sim *s, kl_error *e);
void kl_sim_communications_free(kl_sim *s);
/* What is due of all of them. */
void kl_sim_communications_tick(kl_sim *s);

/* Whether nothing here needs the event any more, so that it may be forgotten. */
bool kl_sim_communications_may_retire(const kl_sim *s, const kl_market_event *e);
/* Forgets what there is about the event's markets, before the exchange forgets them. */
void kl_sim_communications_forget(kl_sim *s, const kl_market_event *e);
/* Forgets combos that were settled before this time. */
void kl_sim_communications_retire(kl_sim *s, int64_t settled_by_us);

/* How a user is called in communications: 64 hexadecimal digits from the seed that tell nothing of the account. */
void kl_sim_communications_id(const kl_sim *s, uint32_t user, char out[65]);

/* REST objects. A party sees its own account, subaccount and order of them; `viewer` UINT32_MAX: nobody's. */
void kl_sim_json_rfq(kl_buf *b, const kl_sim *s, const kl_sim_rfq *r, uint32_t viewer);
void kl_sim_json_quote(kl_buf *b, const kl_sim *s, const kl_sim_rfq_quote *q, uint32_t viewer);

/* Answers a refusal. */
struct kl_sim_response;
void kl_sim_fail_refusal(struct kl_sim_response *rs, const kl_sim_refusal *r);

/* The sink of s->rfqs that tells the channel `communications` (communications_channel.c). */
void kl_sim_tell_rfq(kl_sim *s, const kl_sim_rfq *r);
void kl_sim_tell_quote(kl_sim *s, const kl_sim_rfq_quote *q);

#endif
