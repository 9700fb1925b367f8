/* What the readers of the account share: waiting for its first load, fields of rows. */
#ifndef KL_BINDINGS_ACCOUNT_H
#define KL_BINDINGS_ACCOUNT_H

#include "bindings/bindings.h"
#include "kalshi/account.h"

/* Answers with `fn` once the account was read, the options being checked and at index 1. The first call begins to keep
 * it and waits; all others answer at once. For the end of a function of a kalshi table. Raises. */
int kl_account_answer(lua_State *L, int (*fn)(lua_State *L, const kl_place *at, kl_account *a));

/* Fields of the table at the top. A text that is empty and a time that is 0 are left out. All raise. */
void kl_row_text(lua_State *L, const char *name, const char *text);
void kl_row_fixed(lua_State *L, const char *name, int64_t v, int places);
void kl_row_integer(lua_State *L, const char *name, int64_t v);
void kl_row_time(lua_State *L, const char *name, int64_t ms);

/* What a position is worth, as fields of the table at the top: `outcome_side`, `average_price`, `mark` and
 * `unrealized_pnl`; the last two where `mark` (of YES; -1: none) is known. */
void kl_row_value(lua_State *L, kl_count position, kl_money cost, kl_price mark);

#endif
