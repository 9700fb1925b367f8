/* What members of JSON objects say. */
#include <string.h>

#include "base/clock.h"
#include "base/decimal.h"
#include "kalshi/json_member.h"

const char *kl_member_text(const json_t *o, const char *name) {
  const char *s = json_string_value(json_object_get(o, name));
  return s ? s : "";
}

bool kl_member_copy(const json_t *o, const char *name, char *out, size_t cap) {
  const char *s = kl_member_text(o, name);
  size_t n = strlen(s);
  if (!n || n >= cap) return false;
  memcpy(out, s, n + 1);
  return true;
}

bool kl_member_fixed(const json_t *o, const char *name, int places, int64_t *out) {
  const json_t *v = json_object_get(o, name);
  return json_is_string(v) && kl_decimal_parse(json_string_value(v), json_string_length(v), places, out);
}

int64_t kl_member_time_ms(const json_t *o, const char *name) {
  const char *s = kl_member_text(o, name);
  int64_t us;
  return kl_time_parse_rfc3339(s, strlen(s), &us) ? us / 1000 : 0;
}
