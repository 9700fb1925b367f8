/* JSON values written as text in unusual but valid ways, to try the decoder's general way. */
#ifndef WIRE_JSON_TEXT_H
#define WIRE_JSON_TEXT_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"

enum { SHUFFLED = 1, SPACED = 2, ESCAPED = 4, WITH_UNKNOWN = 8 };

static uint64_t random_state = 0x9e3779b97f4a7c15;
static inline uint32_t random_below(uint32_t n) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (uint32_t)((random_state >> 32) * n >> 32);
}

static void write_space(kl_buf *b, int style) {
  static const char spaces[] = " \n\t\r";
  if (!(style & SPACED)) return;
  for (uint32_t n = random_below(3); n > 0; n--)
    kl_buf_char(b, spaces[random_below(4)]);
}

static void write_string(kl_buf *b, const char *s, int style) {
  if (!(style & ESCAPED)) {
    kl_buf_json_cstr(b, s);
    return;
  }
  kl_buf_char(b, '"');
  for (; *s; s++) {
    if (random_below(4) == 0 || *s == '"' || *s == '\\') {
      kl_buf_printf(b, random_below(2) ? "\\u%04x" : "\\u%04X", (unsigned)(unsigned char)*s);
    } else {
      kl_buf_char(b, *s);
    }
  }
  kl_buf_char(b, '"');
}

static void write_unknown(kl_buf *b) {
  static const char *const members[] = {
      "\"a_new_key\":{\"a\":[1,-2.5e-3,null,true,{\"b\":\"\\\"\\u00e9 \\ud83d\\ude00\"},[]],\"sid\":-1,\"sid\":{}},",
      "\"sid2\":18446744073709551616,",
      "\"\":false,",
      "\"market_ticker_\":\"\xe2\x82\xac\",",
      "\"self_trade_prevention_type_that_is_longer\":[[[\"[\"]]],",
      "\"typ\":0,"};
  kl_buf_str(b, members[random_below(sizeof members / sizeof *members)]);
}

static void write_json(kl_buf *b, json_t *v, int style) {
  write_space(b, style);
  if (json_is_object(v)) {
    const char *keys[64];
    size_t n = 0;
    const char *key;
    json_t *child;
    json_object_foreach(v, key, child) keys[n++] = key;
    for (size_t i = n; (style & SHUFFLED) && i > 1; i--) {
      uint32_t j = random_below((uint32_t)i);
      const char *t = keys[i - 1];
      keys[i - 1] = keys[j];
      keys[j] = t;
    }
    kl_buf_char(b, '{');
    for (size_t i = 0; i < n; i++) {
      if (i) kl_buf_char(b, ',');
      write_space(b, style);
      if ((style & WITH_UNKNOWN) && random_below(3) == 0) write_unknown(b);
      write_string(b, keys[i], style);
      write_space(b, style);
      kl_buf_char(b, ':');
      write_json(b, json_object_get(v, keys[i]), style);
    }
    kl_buf_char(b, '}');
  } else if (json_is_array(v)) {
    kl_buf_char(b, '[');
    for (size_t i = 0; i < json_array_size(v); i++) {
      if (i) kl_buf_char(b, ',');
      write_json(b, json_array_get(v, i), style);
    }
    write_space(b, style);
    kl_buf_char(b, ']');
  } else if (json_is_string(v)) {
    write_string(b, json_string_value(v), style);
  } else if (json_is_integer(v)) {
    kl_buf_int(b, json_integer_value(v));
  } else if (json_is_real(v)) {
    kl_buf_printf(b, "%.17g", json_real_value(v));
  } else {
    kl_buf_str(b, json_is_true(v) ? "true" : json_is_false(v) ? "false" : "null");
  }
  write_space(b, style);
}

#endif
