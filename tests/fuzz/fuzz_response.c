/* Error answers: any bytes must give an error with a kind and one line of message. The first byte chooses the status,
 * the second whether the answer claims to be HTML. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kalshi/response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const int statuses[] = {400, 401, 403, 404, 409, 410, 429, 500, 502, 301};
  if (size < 2) return 0;
  int status = statuses[data[0] % (sizeof statuses / sizeof statuses[0])];
  const char *type = data[1] & 1 ? "text/html; charset=utf-8" : data[1] & 2 ? "application/json" : NULL;
  kl_error e;
  memset(&e, 0x55, sizeof e);
  kl_error_from_answer(&e, status, type, (const char *)data + 2, size - 2, data[1] & 4 ? "get_markets" : NULL);
  if (!e.kind || e.status != status || !e.message[0]) abort();
  if (!memchr(e.message, '\0', sizeof e.message) || !memchr(e.code, '\0', sizeof e.code)) abort();
  if (strpbrk(e.message, "\n\r\x1b")) abort();
  return 0;
}
