/* Members of the JSON objects that the exchange sends and is sent: numbers are texts there, so that they are exact. */
#ifndef KL_JSON_MEMBER_H
#define KL_JSON_MEMBER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* The text called `name`, which belongs to `o`; "" where it is absent or no text. `o` may be NULL. */
const char *kl_member_text(const json_t *o, const char *name);
/* Copies it with its end. False, and `out` as it was, where it is absent, empty, or has no room in `cap` bytes. */
bool kl_member_copy(const json_t *o, const char *name, char *out, size_t cap);
/* A decimal in a text, in units of 10^-places. False where it is none, or has more places than that. */
bool kl_member_fixed(const json_t *o, const char *name, int places, int64_t *out);
/* A time as of RFC 3339, in milliseconds since 1970; 0 where it is none. */
int64_t kl_member_time_ms(const json_t *o, const char *name);

#endif
