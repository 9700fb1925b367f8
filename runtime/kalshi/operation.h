/* The REST operations as data. The table is generated at build time from runtime/kalshi/spec/ by
 * runtime/kalshi/generate.lua; nothing here is written by hand. */
#ifndef KL_OPERATION_H
#define KL_OPERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One byte each: the table has a thousand entries. */
typedef enum { KL_IN_PATH, KL_IN_QUERY, KL_IN_BODY, KL_IN_ANSWER } __attribute__((packed)) kl_param_in;
typedef enum {
  KL_T_STRING,
  KL_T_INTEGER,
  KL_T_NUMBER,
  KL_T_BOOLEAN,
  KL_T_DOLLARS, /* a fixed-point string of dollars; scripts give a number */
  KL_T_COUNT,   /* a fixed-point string of contracts */
  KL_T_ARRAY,
  KL_T_OBJECT,
  KL_T_ANY
} __attribute__((packed)) kl_param_type;
typedef enum {
  KL_FORMAT_NONE,
  KL_FORMAT_INT32, /* of an integer */
  KL_FORMAT_INT64,
  KL_FORMAT_DOUBLE,    /* of a number */
  KL_FORMAT_DATE_TIME, /* of a string: RFC 3339 */
  KL_FORMAT_UUID
} __attribute__((packed)) kl_param_format;

/* A parameter, or a field of a body or of an answer. */
typedef struct kl_param kl_param;
struct kl_param {
  const char *name;
  const char *const *enums; /* NULL-terminated; NULL: free. Of an array: of its items */
  const char *preset;       /* what the exchange takes when it is left out, as text; NULL: not said */
  const char *about;        /* what it means, in our words; NULL: its name has to do */
  const char *pattern;      /* a regular expression for a string, or for the items of an array; NULL: none */
  /* Fields of an object, or of the objects in an array; NULL: free-form. Of an array of arrays, or a map of them: one
   * nameless field, the inner array. */
  const kl_param *fields;
  double min, max;                 /* of a number; of an array: how many items */
  uint32_t min_length, max_length; /* characters of a string, or of the items of an array; 0: no limit */
  uint16_t n_fields;
  kl_param_in in;
  kl_param_type type;
  kl_param_type item_type; /* of an array; of the values of a map */
  kl_param_format format;  /* of the value, or of the items of an array */
  bool required;
  bool nullable;
  bool deprecated;
  bool explode; /* query array: the key is repeated, otherwise commas; path: may hold slashes */
  bool map;     /* an object with any keys (in answers) */
  bool has_min, has_max;
};

/* Where in an answer the fixed-point strings are: a tree with only the branches that hold one. */
typedef struct kl_shape kl_shape;
typedef struct kl_shape_field {
  const char *name;
  const kl_shape *shape;
} kl_shape_field;
struct kl_shape {
  enum { KL_SHAPE_FIXED, KL_SHAPE_OBJECT, KL_SHAPE_ARRAY, KL_SHAPE_MAP } kind;
  uint16_t n_fields;
  const kl_shape_field *fields; /* OBJECT: sorted by name */
  const kl_shape *item;         /* ARRAY, MAP (object with any keys) */
};

typedef enum { KL_BUCKET_READ, KL_BUCKET_WRITE } kl_bucket;

/* Who answers in paper trading. */
typedef enum {
  KL_PAPER_LIVE,   /* the live exchange: a read of what is not the account's */
  KL_PAPER_PAPER,  /* the paper exchange: it is about the account, its orders and its money */
  KL_PAPER_REFUSED /* nobody: a write that the paper exchange cannot imitate and the live one must not see */
} kl_paper_way;

typedef struct kl_operation {
  const char *id;      /* "CreateOrderV2" */
  const char *name;    /* "create_order": snake case, V2 dropped */
  const char *method;  /* "POST" */
  const char *path;    /* "/portfolio/events/orders/{order_id}", below /trade-api/v2 */
  const char *tag;     /* the exchange's group: "orders" */
  const char *summary; /* what it does, in a sentence without its full stop */
  const char *status;  /* "current"; "deprecated", "removed"; "perps": of another description by now */
  bool legacy;         /* under kalshi.legacy */
  bool auth;
  kl_bucket bucket;
  uint16_t cost;      /* tokens */
  bool cost_per_item; /* times the number of orders in a batch */
  kl_paper_way paper;
  const char *rows;         /* field that holds a page's rows; NULL: not paged */
  const char *cursor_field; /* "cursor" or "next_cursor" */
  const char *replaced_by;  /* name of today's operation for a legacy one; NULL */
  const kl_param *params;   /* path parameters first, in the order of the path, then query, then body */
  uint16_t n_params;
  bool has_body;
  const kl_param *result; /* the answer, a nameless object; NULL: it has no content */
  const kl_shape *answer; /* where the fixed-point strings are in it; NULL: there are none */
} kl_operation;

extern const kl_operation kl_operations[];
extern const size_t kl_operation_count;
extern const char *const kl_operations_version; /* of the exchange's description that it is from: "3.30.0+" */

/* By snake-case name or operationId; NULL when unknown. Current ones win over legacy ones of the same name. */
const kl_operation *kl_operation_find(const char *name);
const kl_operation *kl_operation_find_legacy(const char *name);
/* By method and concrete path below /trade-api/v2 ("/markets/X"); NULL when none fits. */
const kl_operation *kl_operation_match(const char *method, const char *path);
/* The known operation name nearest to `name` (edit distance), for "did you mean"; NULL when nothing is near. */
const char *kl_operation_nearest(const char *name);
const char *kl_nearest(const char *name, const char *const *candidates, size_t n); /* the same for any list */
/* How many letters differ; SIZE_MAX for names further apart than `limit`, or of 96 letters and more. */
size_t kl_name_distance(const char *a, const char *b, size_t limit);

/* WebSocket payloads: the shape of `msg` of a message type; NULL when it holds none or the type is unknown. */
const kl_shape *kl_message_shape(const char *type);
/* Channels a client may subscribe to (NULL-terminated). */
extern const char *const kl_channels[];

#endif
