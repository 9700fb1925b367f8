#include "trading/order.h"

#include <stdlib.h>

#include "base/log.h"

const char *kl_desk_status_name(kl_desk_status s) {
  static const char *const names[] = {
      [KL_DESK_PENDING] = "pending", [KL_DESK_UNKNOWN] = "unknown",   [KL_DESK_RESTING] = "resting",
      [KL_DESK_FILLED] = "filled",   [KL_DESK_CANCELED] = "canceled", [KL_DESK_REJECTED] = "rejected"};
  return names[s];
}

/* Of every order that there was no memory for the error of. */
static const kl_error no_memory = {
    .kind = KL_ERR_INTERNAL, .message = "the order was rejected, and there was no memory to keep why: the log says it"};

void kl_desk_order_set_error(kl_desk_order *o, const kl_error *e) {
  if (o->error != &no_memory) free((void *)(uintptr_t)o->error);
  o->error = NULL;
  if (!e) return;
  kl_error *copy = malloc(sizeof *copy);
  if (copy) {
    *copy = *e;
    o->error = copy;
    return;
  }
  o->error = &no_memory;
  kl_log_error("desk", "order %s was rejected: %s", o->client_id, e->message);
}
