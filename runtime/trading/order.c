#include "trading/order.h"

const char *kl_desk_status_name(kl_desk_status s) {
  static const char *const names[] = {
      [KL_DESK_PENDING] = "pending", [KL_DESK_UNKNOWN] = "unknown",   [KL_DESK_RESTING] = "resting",
      [KL_DESK_FILLED] = "filled",   [KL_DESK_CANCELED] = "canceled", [KL_DESK_REJECTED] = "rejected"};
  return names[s];
}
