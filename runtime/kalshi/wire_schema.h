/* The fields of the messages that the wire decoder knows, as tables. */
#ifndef KL_WIRE_SCHEMA_H
#define KL_WIRE_SCHEMA_H

#include <stdint.h>

#include "kalshi/wire.h"

/* What a field's value is, and so where it goes in kl_event. */
typedef enum {
  KL_F_SKIP, /* known, not wanted */
  KL_F_TYPE,
  KL_F_MSG,
  KL_F_STR,
  KL_F_PRICE, /* 0 to 1 dollar */
  KL_F_COUNT, /* not negative */
  KL_F_SIGNED_COUNT,
  KL_F_MONEY,
  KL_F_UINT,
  KL_F_INT,
  KL_F_INT32,
  KL_F_BOOL,
  KL_F_OUTCOME,
  KL_F_SIDE,
  KL_F_YES_LEVELS,
  KL_F_NO_LEVELS
} kl_field_kind;

enum {
  KL_F_REQUIRED = 1,
  KL_F_NULLABLE = 2 /* a required key whose value may be null */
};

typedef struct kl_field {
  char quoted[32]; /* `"key":`, zeros behind it */
  uint8_t len;     /* of the key alone */
  uint8_t kind;
  uint8_t flags;
  uint16_t offset; /* in kl_event */
  uint32_t has;
} kl_field;

typedef struct kl_schema {
  const char *name;
  const kl_field *fields; /* of "msg"; NULL: "msg" is checked as JSON and passed over */
  uint32_t n;
  uint32_t envelope; /* required fields at the outermost level */
} kl_schema;

/* Bits of the outermost level's fields. */
enum { KL_E_TYPE = 1 << 0, KL_E_ID = 1 << 1, KL_E_SID = 1 << 2, KL_E_SEQ = 1 << 3, KL_E_MSG = 1 << 4 };
enum { KL_ENVELOPE_FIELDS = 6 };

/* Fields that every message may have at its outermost level. */
extern const kl_field kl_wire_envelope[KL_ENVELOPE_FIELDS];

/* By kl_event_type. */
extern const kl_schema kl_wire_schemas[];

kl_event_type kl_wire_type_of(kl_str name);

#endif
