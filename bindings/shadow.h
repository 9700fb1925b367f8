/* Shadows: a second strategy beside a first one, on the same events, whose writes to the exchange are noted and
 * answered here instead of sent. What the two do is compared. Loop thread only. */
#ifndef KL_SHADOW_H
#define KL_SHADOW_H

#include "bindings/args.h"
#include "bindings/comparison.h"
#include "script/strategy.h"
#include "trading/order.h"

/* Equal acts no further apart than that are one and the same. */
enum { KL_SHADOW_WINDOW_MS = 1000 };

/* Starts `o` as the shadow of `of`, as kl_strategy_start with shadow_of set; its name and permissions are those that
 * `o` gives. False with `e`: also where `of` has a shadow that runs. *out belongs to the environment, until
 * kl_shadows_free. */
bool kl_shadow_start(kl_environment *env, kl_host *h, kl_strategy *of, const kl_strategy_options *o, kl_shadow **out,
                     kl_error *e);
/* Whether `of` may get one: it has none that runs. False with `e`. */
bool kl_shadow_may_start(const kl_environment *env, const kl_strategy *of, kl_error *e);
/* Those of the environment, in order of their start, ended ones too: NULL begins, NULL ends. */
kl_shadow *kl_shadow_next(const kl_environment *env, const kl_shadow *after);
void kl_shadows_free(kl_shadow *first); /* takes NULL; after the host is closed */

kl_strategy *kl_shadow_strategy(const kl_shadow *s, kl_actor who);
const kl_comparison *kl_shadow_comparison(const kl_shadow *s);
int64_t kl_shadow_now_us(void); /* the clock of its acts */

/* ---- for bindings with effects outside ---- */

/* The shadow whose one side the running script is, with its orders of that account (NULL: that of the command); NULL
 * where it is neither. */
kl_shadow *kl_shadow_here(lua_State *L, kl_place *at, kl_actor *who); /* raises */
/* Notes something that is no call of the exchange. */
void kl_shadow_note(kl_shadow *s, kl_actor who, const char *operation, const char *subject);
/* The old one sent this write; `op` NULL: a call of no known operation. */
void kl_shadow_sent(kl_shadow *s, const kl_operation *op, const char *method, const kl_args *args);
/* That was answered, well: the ids of its orders. sent_us is in the time of kl_shadow_now_us. */
void kl_shadow_answered(kl_shadow *s, const kl_operation *op, int64_t sent_us, const char *body, size_t n);
/* The new one wants to send this write: it is noted, and `body` gets what the exchange would have said, as JSON text.
 * False with `e`: what it would have refused, or kind "shadow" where no answer can be made up. */
bool kl_shadow_answer(kl_shadow *s, const kl_operation *op, const char *method, const kl_args *args, kl_buf *body,
                      kl_error *e);
/* The order of this client id has got that id, by whatever way. */
void kl_shadow_learn(kl_shadow *s, const char *client_id, const char *id);

/* The new one's orders as objects, the newest first: NULL begins, NULL ends. Those without a party are of a shadow. */
kl_desk_order *kl_shadow_next_order(kl_shadow *s, const kl_desk_order *after);
/* One that is pending, until its create is answered by kl_shadow_answer. Not retained; NULL with `e` when memory is
 * out.
 */
kl_desk_order *kl_shadow_add_order(kl_shadow *s, const kl_order_intent *i, uint32_t generation, kl_error *e);
void kl_shadow_release_order(kl_desk_order *o); /* after a `references++` */

/* How long that takes: as the last write of the old one took. */
uint64_t kl_shadow_delay_ms(const kl_shadow *s);

#endif
