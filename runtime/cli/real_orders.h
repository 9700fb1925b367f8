/* What somebody whose orders are real should be told: at the start what bounds them, at the end what is left of them.
 */
#ifndef KL_REAL_ORDERS_H
#define KL_REAL_ORDERS_H

#include "base/buf.h"
#include "trading/desk.h"

/* Appends "max_exposure=500, self_cross=false"; nothing where there are none. */
void kl_limits_list(const kl_limit_values *v, kl_buf *out);
/* To the log: where orders go, and the account's limits; a warning where neither it nor a script has any. */
void kl_real_orders_begin(kl_desk *d, const char *env);
/* To the log: for each script the orders that it leaves behind. `killed_by`: the environment of the process, with which
 * `kalua kill` finds them. `kept`: they are in a journal. */
void kl_real_orders_end(kl_desk *d, const char *env, const char *killed_by, bool kept);

#endif
