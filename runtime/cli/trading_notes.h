/* Why a script does not trade, for those who look at it from another terminal. */
#ifndef KL_TRADING_NOTES_H
#define KL_TRADING_NOTES_H

#include "base/buf.h"
#include "script/strategy.h"

/* For kl_control_on_notes, with the app as `data`: that it is halted, that `kalua kill` has stopped trading, and where
 * the exchange refuses its orders since nothing is traded there. */
void kl_trading_notes(void *data, const kl_strategy *g, kl_buf *list);

#endif
