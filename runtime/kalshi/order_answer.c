#include "kalshi/order_answer.h"

#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "kalshi/wire_json.h"

enum { PADDING = 16, USUAL = 2048 }; /* wire_json.h looks that far behind the end */

static void take_text(kl_str s, char *out, size_t cap) {
  if (s.n == 0 || s.n >= cap) return;
  memcpy(out, s.p, s.n);
  out[s.n] = 0;
}

static void take_count(kl_str s, bool *has, kl_count *out) { *has = kl_decimal_parse(s.p, s.n, KL_COUNT_PLACES, out); }

static void take_string(kl_order_answer *a, kl_str key, kl_str value) {
  if (KL_STR_IS(key, "order_id"))
    take_text(value, a->order_id, sizeof a->order_id);
  else if (KL_STR_IS(key, "client_order_id"))
    take_text(value, a->client_order_id, sizeof a->client_order_id);
  else if (KL_STR_IS(key, "fill_count"))
    take_count(value, &a->has_filled, &a->filled);
  else if (KL_STR_IS(key, "remaining_count"))
    take_count(value, &a->has_remaining, &a->remaining);
}

/* One member, from its name on; returns what is behind it. */
static const char *read_member(kl_json *j, const char *p, kl_order_answer *a) {
  kl_str key, value;
  if (!kl_json_at(j, p, '"')) return NULL;
  if (!(p = kl_json_string(j, p, &key))) return NULL;
  p = kl_json_space(j, p);
  if (!kl_json_at(j, p, ':')) return NULL;
  p = kl_json_space(j, p + 1);
  if (kl_json_at(j, p, '"')) {
    if ((p = kl_json_string(j, p, &value))) take_string(a, key, value);
    return p;
  }
  if (KL_STR_IS(key, "ts_ms")) {
    const char *behind = kl_json_short_uint(p, j->end, &a->ts_ms);
    if (behind) return behind;
  }
  return kl_json_skip(j, p, 1);
}

static bool read_object(kl_json *j, kl_order_answer *a) {
  const char *p = kl_json_space(j, j->start);
  if (!kl_json_at(j, p, '{')) return false;
  p = kl_json_space(j, p + 1);
  bool more = !kl_json_at(j, p, '}');
  while (more) {
    p = read_member(j, p, a);
    if (!p) return false;
    p = kl_json_space(j, p);
    more = kl_json_at(j, p, ',');
    if (more)
      p = kl_json_space(j, p + 1);
    else if (!kl_json_at(j, p, '}'))
      return false;
  }
  return kl_json_space(j, p + 1) == j->end;
}

bool kl_order_answer_read(const char *body, size_t n, kl_order_answer *out) {
  char usual[USUAL + PADDING], *text = n <= USUAL ? usual : malloc(n + PADDING), *scratch = NULL;
  size_t scratch_cap = 0;
  uint64_t allocations = 0;
  memset(out, 0, sizeof *out);
  if (!text) return false;
  memcpy(text, body, n);
  memset(text + n, 0, PADDING);
  kl_json j = {
      .start = text, .end = text + n, .scratch = &scratch, .scratch_cap = &scratch_cap, .allocations = &allocations};
  bool ok = read_object(&j, out);
  free(scratch);
  if (text != usual) free(text);
  return ok;
}
