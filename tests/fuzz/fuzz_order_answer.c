/* The answer to an order write. What is taken must be JSON to jansson too, and the other way round for objects. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "kalshi/order_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  kl_order_answer a;
  if (size > 4096) return 0;
  bool taken = kl_order_answer_read((const char *)data, size, &a);
  if (!memchr(a.order_id, 0, sizeof a.order_id) || !memchr(a.client_order_id, 0, sizeof a.client_order_id)) abort();
  json_t *root = json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL);
  if (json_is_object(root) && !taken) {
    /* jansson nests deeper than we do. */
    size_t depth = 0, most = 0;
    for (size_t i = 0; i < size; i++) {
      if (data[i] == '{' || data[i] == '[') depth++;
      if (data[i] == '}' || data[i] == ']') depth--;
      if (depth > most && depth < size) most = depth;
    }
    if (most < 60) abort();
  }
  json_decref(root);
  return 0;
}
