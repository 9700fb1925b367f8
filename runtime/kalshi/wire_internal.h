/* The two ways through the wire decoder, apart: for kl_wire_decode, and for the tests that hold one against the other.
 * Whatever the fast way accepts, the general way accepts with the same event. */
#ifndef KL_WIRE_INTERNAL_H
#define KL_WIRE_INTERNAL_H

#include "kalshi/wire.h"

enum { KL_WIRE_TYPES = KL_EV_POSITION + 1 };

/* Bits of a message's fields by their place in its table. */
typedef struct kl_field_masks {
  uint32_t required;
  uint32_t strings; /* "" where absent */
} kl_field_masks;

struct kl_decoder {
  char *scratch; /* strings that had escapes */
  size_t scratch_cap;
  kl_level *levels[2];
  uint32_t levels_cap[2];
  kl_field_masks masks[KL_WIRE_TYPES];
  uint64_t allocations;
};

/* Fills the masks of a new decoder from the tables. */
void kl_wire_prepare(kl_decoder *d);

/* Any message; kl_wire_decode describes it. */
bool kl_wire_decode_general(kl_decoder *d, const char *p, size_t n, kl_event *ev, kl_error *e);

#endif
