/* Numbers from the wire: whatever parses is written back and read again as itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *s, size_t n, int places) {
  int64_t v = 0, again = 0;
  char out[32];
  if (!kl_decimal_parse(s, n, places, &v)) return;
  size_t length = kl_decimal_format(out, sizeof out, v, places);
  if (length == 0 || strlen(out) != length) abort();
  if (!kl_decimal_parse(out, length, places, &again) || again != v) abort();
}

static void check_double(const uint8_t *data, int places) {
  double d = 0;
  int64_t v = 0, again = 0;
  memcpy(&d, data, sizeof d);
  if (!kl_decimal_from_double(d, places, &v)) return;
  double back = kl_decimal_to_double(v, places);
  if (!(back - d <= 1e-9 && d - back <= 1e-9)) abort();
  if (!kl_decimal_from_double(back, places, &again)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  int places = data[0] % 22 - 1;
  check_text((const char *)data + 1, size - 1, places);
  if (size > sizeof(double)) check_double(data + 1, places);
  return 0;
}
