/* What keeps one script from being in the way of the others: what it holds at one time, the memory outside of Lua that
 * waits for it, its log lines and its orders. The ceilings are kl_limits (script/script.h); what would pass one is an
 * error of kind "limit" in that very call. Everything on the loop thread. */
#ifndef KL_SCRIPT_LIMITS_H
#define KL_SCRIPT_LIMITS_H

#include "script/script.h"

/* The ceilings with every 0 replaced by its default; order_rate stays 0 where there is none. */
kl_limits kl_limits_filled(const kl_limits *l);

/* ---- slots: what a script holds at one time, counted for each version of it ---- */

typedef enum { KL_SLOT_TIMER, KL_SLOT_SOCKET, KL_SLOT_HANDLE, KL_SLOT_KINDS } kl_slot_kind;

/* One of these, for as long as the thing it is for lives: a part of its struct. Zeroed: none is taken. */
typedef struct kl_slot {
  kl_script *script;
  kl_slot_kind kind;
} kl_slot;

/* For the running script, `*p` holding none. Take it before anything is allocated. `call` is what the script called:
 * "task.sleep". */
void kl_slot_take(lua_State *L, kl_slot *p, kl_slot_kind kind, const char *call); /* raises */
/* The same in two parts, for who has to let go of something before it raises. */
bool kl_slot_try(kl_script *s, kl_slot *p, kl_slot_kind kind);
int kl_slot_refuse(lua_State *L, kl_slot_kind kind, const char *call); /* raises */
void kl_slot_release(kl_slot *p);                                      /* harmless when repeated */
/* Raises what kl_await would raise here ("cancelled", or that Lua cannot be suspended at this place): for calls that
 * are about to allocate for a wait. */
void kl_check_await(lua_State *L); /* raises */

/* ---- memory outside of Lua that waits for a script, or that it handed over and that has not left: messages, bodies;
 * shared by the versions of a strategy ---- */

typedef struct kl_meter kl_meter;
/* Borrowed; valid until the memory of the last script that shares it goes, in kl_host_close. */
kl_meter *kl_script_meter(kl_script *s);

/* How much of it one thing takes. Zeroed with the meter set: nothing. Without a meter everything is allowed. */
typedef struct kl_charge {
  kl_meter *meter;
  size_t n;
} kl_charge;
/* From now on it takes n bytes. False when that would pass the ceiling: then nothing has changed. Less than before is
 * always possible. */
bool kl_charge_set(kl_charge *c, size_t n);
/* Fills `e` (kind "limit") for something of n bytes that was refused. `what`: "the answer of get_markets". */
void kl_charge_refused(const kl_charge *c, size_t n, const char *what, kl_error *e);

/* ---- rates; shared by the versions of a strategy ---- */

/* Whether a line of `n` bytes of this script may go to the log now; where not, it is counted, and told once a second
 * how many there were. Long lines count as several. */
bool kl_script_may_log(kl_script *s, size_t n);
/* `n` orders are about to be sent by the running script: raises when they are more than --order-rate has room for; then
 * none is counted. `call` as above. */
void kl_script_count_orders(lua_State *L, size_t n, const char *call); /* raises */

#endif
