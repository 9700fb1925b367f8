/* The journal of orders: which orders this user has placed on an account, so that a process that starts again knows
 * them whatever ended the one before. A SQLite file per account, written by a thread of its own; several processes may
 * share one. Loop thread only. */
#ifndef KL_ORDER_JOURNAL_H
#define KL_ORDER_JOURNAL_H

#include <uv.h>

#include "kalshi/account.h"
#include "trading/order.h"

typedef struct kl_order_journal kl_order_journal;

/* Opens or makes the file (mode 0600, its folder 0700), and takes over what processes left behind that were killed.
 * False with `e` of kind "config" where it cannot be used (another program's, a newer Kalua's, damaged, not writable):
 * a journal is never silently left out or replaced. Ended orders that are older than 30 days go in the background;
 * fills stay. */
bool kl_order_journal_open(uv_loop_t *loop, const char *path, kl_order_journal **out, kl_error *e);
/* What was given is written; then `closed`, from the loop. */
void kl_order_journal_close(kl_order_journal *j, void (*closed)(void *data), void *data);

/* An order of an earlier run. */
typedef struct kl_journal_order {
  kl_desk_order order; /* party, error, risk, watchers and priv are not set */
  char party[256];
  bool own_run; /* this process has placed it itself */
} kl_journal_order;
/* Whose orders these are, "demo KEY": kept with the first orders. False with `e` when orders of another account stand
 * in the file that have not ended, which would be looked for on the wrong one. NULL asks nothing. */
bool kl_order_journal_account(kl_order_journal *j, const char *account, kl_error *e);
/* Those that had not ended when they were last written, or whose fills were not all told: in the order in which they
 * were placed. Orders of a process that still ran when the journal was opened are that one's business and left out. The
 * reads of the journal show what is in the file: what was given less than 20 ms ago may not be. `each` is called
 * within. */
bool kl_order_journal_open_orders(kl_order_journal *j, void (*each)(void *data, const kl_journal_order *o), void *data,
                                  kl_error *e);
/* Whose order that was; "" when the journal does not have it. By either id. */
bool kl_order_journal_party(kl_order_journal *j, const char *order_id, const char *client_id, char out[256]);

/* An order is about to be sent. With `sync` `written` is called from the loop once it is on the disk (or cannot be:
 * `e`, and then it is not in the journal). Without, it is with the operating system when this returns, so that a killed
 * process is no loss, and in the file within some 20 ms; `written` may then be NULL, and what goes wrong is logged,
 * kept in memory and tried again. */
typedef void kl_journal_written(void *data, const kl_error *e);
void kl_order_journal_intent(kl_order_journal *j, const kl_desk_order *o, const char *party, bool sync,
                             kl_journal_written *written, void *data);
/* What is known of it has changed. */
void kl_order_journal_update(kl_order_journal *j, const kl_desk_order *o);
/* `written` is called from the loop once all that was given before is with the operating system, with `sync` on the
 * disk; or cannot be: `e`, and then it is tried again like any other entry. */
void kl_order_journal_flush(kl_order_journal *j, bool sync, kl_journal_written *written, void *data);
/* A fill that is a party's; once each, by trade id and order id. */
void kl_order_journal_fill(kl_order_journal *j, const kl_account_fill *f, const char *party);
/* Fills of a party, oldest first, for its portfolio. */
bool kl_order_journal_fills(kl_order_journal *j, const char *party, void (*each)(void *data, const kl_account_fill *f),
                            void *data, kl_error *e);
/* The same of an order. */
bool kl_order_journal_order_fills(kl_order_journal *j, const char *order_id,
                                  void (*each)(void *data, const kl_account_fill *f), void *data, kl_error *e);
/* A word that outlives the process: "breaker:NAME", "group:NAME:SHARD", …; value NULL removes it. */
void kl_order_journal_note(kl_order_journal *j, const char *key, const char *value);
/* What it says, "" where there is none. False with `e` where that cannot be read; then `out` is "". */
bool kl_order_journal_read_note(kl_order_journal *j, const char *key, char *out, size_t cap, kl_error *e);
/* The same for notes without which it goes on: true where there is one; what goes wrong is logged. */
bool kl_order_journal_noted(kl_order_journal *j, const char *key, char *out, size_t cap);
/* It can be written no more (a full disk): what that means is said in `e`. */
bool kl_order_journal_broken(const kl_order_journal *j, kl_error *e);

size_t kl_order_journal_waiting(const kl_order_journal *j); /* entries that are not written yet */

#endif
