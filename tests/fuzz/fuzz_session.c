/* What a client of the control socket asks of sessions inside a running script, and in what order: lines of JSON, and
 * between them what goes on beside. A line that begins with '!' connects anew, with '~' lets the loop turn, with '^'
 * reloads the script, with '_' stops reading. Whatever comes, each line of the answers is one object of JSON, no
 * client is left behind, and all ends when the process does. */
#include <stdint.h>

#include "unit/session_bed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static bool begun;
  if (!begun) {
    session_apart();
    begun = true;
  }
  session_bed *b = calloc(1, sizeof *b);
  if (!b) abort();
  b->fd = -1;
  session_open(b, NULL);
  session_reconnect(b);
  session_turn(b);
  const char *p = (const char *)data, *end = p + size;
  while (p < end && b->turns < MOST_TURNS) {
    const char *stop = memchr(p, '\n', (size_t)(end - p));
    if (!stop) stop = end;
    session_act(b, p, (size_t)(stop - p));
    p = stop + 1;
  }
  session_close(b);
  free(b);
  return 0;
}
