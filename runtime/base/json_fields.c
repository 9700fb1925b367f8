#include "base/json_fields.h"

void kl_json_key(kl_buf *b, const char *key) {
  if (b->len > 0 && b->data[b->len - 1] != '{' && b->data[b->len - 1] != '[') kl_buf_char(b, ',');
  kl_buf_char(b, '"');
  kl_buf_str(b, key);
  kl_buf_str(b, "\":");
}

void kl_json_field_str(kl_buf *b, const char *key, const char *value) {
  kl_json_key(b, key);
  kl_buf_json_cstr(b, value);
}

void kl_json_field_int(kl_buf *b, const char *key, int64_t value) {
  kl_json_key(b, key);
  kl_buf_int(b, value);
}

void kl_json_field_bool(kl_buf *b, const char *key, bool value) {
  kl_json_key(b, key);
  kl_buf_str(b, value ? "true" : "false");
}
