#include "kalshi/wire.h"

#include <stdlib.h>
#include <string.h>

#include "kalshi/wire_internal.h"
#include "kalshi/wire_json.h"

enum { FIRST_LEVELS = 128 };

kl_decoder *kl_decoder_new(void) {
  kl_decoder *d = calloc(1, sizeof *d);
  if (!d) return NULL;
  for (int side = 0; side < 2; side++) {
    d->levels[side] = malloc(FIRST_LEVELS * sizeof *d->levels[side]);
    if (!d->levels[side]) {
      kl_decoder_free(d);
      return NULL;
    }
    d->levels_cap[side] = FIRST_LEVELS;
  }
  d->allocations = 3;
  kl_wire_prepare(d);
  return d;
}

void kl_decoder_free(kl_decoder *d) {
  if (!d) return;
  free(d->scratch);
  free(d->levels[KL_YES]);
  free(d->levels[KL_NO]);
  free(d);
}

uint64_t kl_decoder_allocations(const kl_decoder *d) { return d->allocations; }

bool kl_wire_decode(kl_decoder *d, const char *p, size_t n, kl_event *ev, kl_error *e) {
  if (KL_LIKELY(kl_wire_decode_usual(p, n, ev))) return true;
  return kl_wire_decode_general(d, p, n, ev, e);
}
