/* Fields of a JSON object that is being written into a buffer. */
#ifndef KL_JSON_FIELDS_H
#define KL_JSON_FIELDS_H

#include "base/buf.h"

/* `"key":` with a leading comma when `b` is not empty and does not end in an opening bracket. `key` needs no escapes.
 */
void kl_json_key(kl_buf *b, const char *key);
void kl_json_field_str(kl_buf *b, const char *key, const char *value);
void kl_json_field_int(kl_buf *b, const char *key, int64_t value);
void kl_json_field_bool(kl_buf *b, const char *key, bool value);

#endif
