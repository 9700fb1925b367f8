/* Rows of the exchange's lists as the account keeps them. All are false for a row without what it must have. */
#ifndef KL_ACCOUNT_ROWS_H
#define KL_ACCOUNT_ROWS_H

#include <jansson.h>

#include "kalshi/account.h"

bool kl_row_order(const json_t *row, kl_own_order *out);
bool kl_row_fill(const json_t *row, kl_account_fill *out);
bool kl_row_position(const json_t *row, kl_account_position *out); /* its subaccount is for the caller to set */
/* `locked`: the key is one subaccount's. */
bool kl_row_balance(const json_t *root, kl_account_balance *out, bool *locked);

#endif
