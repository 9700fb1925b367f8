#include "exchange/internal.h"

const char *kl_update_reason_name(kl_update_reason r) {
  switch (r) {
  case KL_REASON_TRADE:
    return "Trade";
  case KL_REASON_DECREASE:
    return "Decrease";
  case KL_REASON_AMEND:
    return "Amend";
  case KL_REASON_SELF_TRADE:
    return "SelfTradeCancel";
  case KL_REASON_EXPIRY:
    return "ExpiryCancel";
  case KL_REASON_CLOSE:
    return "CloseCancel";
  case KL_REASON_HALT:
    return "HaltCancel";
  case KL_REASON_POST_ONLY_CROSS:
    return "PostOnlyCrossCancel";
  case KL_REASON_REDUCE_ONLY:
    return "ReduceOnlyCancel";
  case KL_REASON_NONE:
  case KL_REASON_CANCEL:
  case KL_REASON_GROUP:
    break;
  }
  return NULL;
}

const char *kl_market_status_name(kl_market_status s) {
  static const char *const names[] = {"initialized", "active",   "inactive", "closed",
                                      "determined",  "disputed", "amended",  "finalized"};
  return (size_t)s < sizeof names / sizeof *names ? names[s] : "unknown";
}

typedef struct result_text {
  const char *code, *message, *details;
} result_text;

static result_text text_of(kl_exchange_result r) {
  switch (r) {
  case KL_X_OK:
    return (result_text){"ok", "ok", NULL};
  case KL_X_NOT_FOUND:
    return (result_text){"not_found", "not found", NULL};
  case KL_X_INVALID_PRICE:
    return (result_text){"invalid_price", "invalid price", "price is not on the market's grid"};
  case KL_X_INVALID_SIZE:
    return (result_text){"invalid_order_size", "invalid order size", NULL};
  case KL_X_POST_ONLY_CROSS:
    return (result_text){"invalid_order", "invalid order", "post only cross"};
  case KL_X_INSUFFICIENT_BALANCE:
    return (result_text){"insufficient_balance", "insufficient balance", NULL};
  case KL_X_MARKET_INACTIVE:
    return (result_text){"MARKET_INACTIVE", "market inactive", NULL};
  case KL_X_EXISTS:
    return (result_text){"order_already_exists", "order already exists", NULL};
  case KL_X_SIDE_MISMATCH:
    return (result_text){"order_side_mismatch", "order side mismatch", NULL};
  case KL_X_TICKER_MISMATCH:
    return (result_text){"order_ticker_mismatch", "order ticker mismatch", NULL};
  case KL_X_ID_MISMATCH:
    return (result_text){"order_id_and_client_order_id_mismatch", "order id and client order id mismatch", NULL};
  case KL_X_INVALID_PARAMETERS:
    return (result_text){"invalid_parameters", "invalid parameters", NULL};
  case KL_X_EXPIRED:
    return (result_text){"invalid_parameters", "invalid parameters", "expiration_time must be in the future"};
  case KL_X_PAUSED:
    return (result_text){"trading_is_paused", "trading is paused", NULL};
  case KL_X_EXCHANGE_PAUSED:
    return (result_text){"exchange_is_paused", "exchange is paused", NULL};
  case KL_X_GROUP_NOT_FOUND:
    return (result_text){"order_group_not_found", "order group not found",
                         "no order group of this subaccount and shard has this id"};
  case KL_X_GROUP_TRIGGERED:
    return (result_text){"exceeded_order_group_risk_limit", "exceeded order group risk limit",
                         "the order group was triggered: reset it first"};
  case KL_X_TOO_MANY_GROUPS:
    return (result_text){"too_many_order_groups", "too many order groups", "a user may have 100000 order groups"};
  case KL_X_TOO_MANY_ORDERS:
    return (result_text){"too_many_open_orders", "too many open orders", "a user may have 200000 open orders"};
  case KL_X_NO_SUBACCOUNT:
    return (result_text){"user_not_found", "Exchange user not found",
                         "the subaccount was never created on this exchange_index"};
  case KL_X_LOCKED:
    return (result_text){"subaccount_locked", "subaccount locked", "it is locked for a settlement advance"};
  case KL_X_NOMEM:
    break;
  }
  return (result_text){"internal_error", "internal error", "out of memory"};
}

const char *kl_exchange_error_code(kl_exchange_result r) { return text_of(r).code; }
const char *kl_exchange_error_message(kl_exchange_result r) { return text_of(r).message; }
const char *kl_exchange_error_details(kl_exchange_result r) { return text_of(r).details; }
