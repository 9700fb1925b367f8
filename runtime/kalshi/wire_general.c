/* The general way through the decoder: any key order and spelling that JSON allows. The key that the table expects next
 * is compared first, so the usual order costs one comparison a key, and any other order a search.
 *
 * A known key given twice is an error: which one counts would be a guess, about money. null is absence. */
#include <stdlib.h>

#include "base/decimal.h"
#include "kalshi/wire_internal.h"
#include "kalshi/wire_json.h"
#include "kalshi/wire_schema.h"

typedef struct reader {
  kl_json j; /* first */
  kl_decoder *d;
  kl_event *ev;
  const char *msg;       /* "msg" stood before "type": its value, still to be read */
  const kl_field *wrong; /* the field that an error is about, or NULL */
  bool typed;
} reader;

/* n bytes of p against the zero-padded field.quoted or its inside; 1 <= n. Touches p[0..7] at least. */
static inline bool same(const char *p, const char *key, size_t n) {
  uint64_t differ = kl_load8(p) ^ kl_load8(key);
  if (n <= 8) return differ << (64 - 8 * n) == 0;
  if (differ) return false;
  for (size_t i = 8; i + 8 < n; i += 8)
    if (kl_load8(p + i) != kl_load8(key + i)) return false;
  return kl_load8(p + n - 8) == kl_load8(key + n - 8);
}

/* The key at p, in any spelling: its field, or NULL in *hit where it is unknown. The search starts at `next`. Behind
 * the colon. */
static const char *any_key(reader *r, const char *p, const kl_field *fields, uint32_t n, uint32_t next,
                           const kl_field **hit) {
  kl_str key;
  if (!kl_json_at(&r->j, p, '"')) return kl_json_fail(&r->j, p, "expected a key");
  p = kl_json_string(&r->j, p, &key);
  if (!p) return NULL;
  *hit = NULL;
  for (uint32_t i = 0; i < n; i++) {
    const kl_field *f = &fields[next + i < n ? next + i : next + i - n];
    if (f->len == key.n && same(key.p, f->quoted + 1, f->len)) {
      *hit = f;
      break;
    }
  }
  p = kl_json_space(&r->j, p);
  return kl_json_at(&r->j, p, ':') ? p + 1 : kl_json_fail(&r->j, p, "expected ':'");
}

/* A string that holds a decimal number. */
static const char *any_decimal(reader *r, const char *p, int places, const char *what, int64_t *out) {
  kl_str s;
  if (!kl_json_at(&r->j, p, '"')) return kl_json_fail(&r->j, p, what);
  const char *after = kl_json_string(&r->j, p, &s);
  if (!after) return NULL;
  return kl_decimal_parse(s.p, s.n, places, out) ? after : kl_json_fail(&r->j, p, what);
}

static inline const char *price(reader *r, const char *p, int64_t *out) {
  static const char what[] = "expected a price from \"0\" to \"1\" with at most four decimals, in quotes";
  if (KL_LIKELY(*p == '"')) {
    const char *after = kl_json_usual_price(p + 1, out);
    if (KL_LIKELY(after != NULL)) return after;
  }
  const char *after = any_decimal(r, p, KL_PRICE_PLACES, what, out);
  return after && (*out < 0 || *out > KL_PRICE_ONE) ? kl_json_fail(&r->j, p, what) : after;
}

static inline const char *count(reader *r, const char *p, bool may_be_negative, int64_t *out) {
  if (KL_LIKELY(*p == '"')) {
    bool negative = may_be_negative && p[1] == '-';
    const char *after = kl_json_usual_count(p + 1 + negative, out);
    if (KL_LIKELY(after != NULL)) {
      if (negative) *out = -*out;
      return after;
    }
  }
  const char *after = any_decimal(r, p, KL_COUNT_PLACES, "expected a count with at most two decimals, in quotes", out);
  return after && *out < 0 && !may_be_negative ? kl_json_fail(&r->j, p, "expected a count that is not negative")
                                               : after;
}

/* A string that must be one of two words. */
static const char *choice(reader *r, const char *p, const char *zero, const char *one, const char *what, bool *out) {
  kl_str s;
  if (!kl_json_at(&r->j, p, '"')) return kl_json_fail(&r->j, p, what);
  const char *after = kl_json_string(&r->j, p, &s);
  if (!after) return NULL;
  *out = kl_str_is(s, one, strlen(one));
  return *out || kl_str_is(s, zero, strlen(zero)) ? after : kl_json_fail(&r->j, p, what);
}

static bool grow_levels(reader *r, int side) {
  kl_decoder *d = r->d;
  uint32_t cap = d->levels_cap[side] ? d->levels_cap[side] * 2 : 16;
  kl_level *grown = realloc(d->levels[side], cap * sizeof *grown);
  if (!grown) {
    r->j.no_memory = true;
    return false;
  }
  d->levels[side] = grown;
  d->levels_cap[side] = cap;
  d->allocations++;
  return true;
}

/* The separator at p, or NULL. */
static const char *expect(reader *r, const char *p, char c, const char *what) {
  p = kl_json_space(&r->j, p);
  return kl_json_at(&r->j, p, c) ? kl_json_space(&r->j, p + 1) : kl_json_fail(&r->j, p, what);
}

/* `["0.4200","54.00"]` in the spelling of the exchange; NULL for any other. Touches no more than the 24 bytes whose
 * presence the caller has checked, and 4 behind them. */
static inline const char *usual_level(const char *p, int64_t *at, int64_t *size) {
  if (p[0] != '[' || p[1] != '"') return NULL;
  p = kl_json_usual_price(p + 2, at);
  if (!p || p[0] != ',' || p[1] != '"') return NULL;
  p = kl_json_usual_count(p + 2, size);
  return p && *p == ']' ? p + 1 : NULL;
}

static const char *any_level(reader *r, const char *p, int64_t *at, int64_t *size) {
  static const char what[] = "expected a level: [\"price\",\"count\"]";
  p = expect(r, p, '[', what);
  if (!p) return NULL;
  p = price(r, p, at);
  if (!p) return NULL;
  p = expect(r, p, ',', what);
  if (!p) return NULL;
  p = count(r, p, false, size);
  if (!p) return NULL;
  p = kl_json_space(&r->j, p);
  return kl_json_at(&r->j, p, ']') ? p + 1 : kl_json_fail(&r->j, p, what);
}

static const char *levels(reader *r, const char *p, int side) {
  uint32_t n = 0;
  p = expect(r, p, '[', "expected an array of levels");
  if (!p) return NULL;
  if (!kl_json_at(&r->j, p, ']')) {
    for (;;) {
      int64_t at, size;
      const char *after = r->j.end - p >= 24 ? usual_level(p, &at, &size) : NULL;
      if (KL_UNLIKELY(!after)) after = any_level(r, p, &at, &size);
      if (!after) return NULL;
      if (KL_UNLIKELY(n == r->d->levels_cap[side]) && !grow_levels(r, side))
        return kl_json_fail(&r->j, p, "out of memory for the levels");
      r->d->levels[side][n++] = (kl_level){(int32_t)at, size};
      p = kl_json_space(&r->j, after);
      if (kl_json_at(&r->j, p, ']')) break;
      p = expect(r, p, ',', "expected ',' or ']'");
      if (!p) return NULL;
    }
  }
  r->ev->snapshot.levels[side] = r->d->levels[side];
  r->ev->snapshot.n[side] = n;
  return p + 1;
}

static const char *object(reader *r, const char *p, const kl_field *fields, uint32_t n);

/* The value of "type": with it the message has its shape. */
static const char *type_name(reader *r, const char *p) {
  if (!kl_json_at(&r->j, p, '"')) return kl_json_fail(&r->j, p, "expected a string");
  p = kl_json_string(&r->j, p, &r->ev->type_name);
  if (!p) return NULL;
  r->ev->type = kl_wire_type_of(r->ev->type_name);
  r->typed = true;
  return p;
}

static const char *msg(reader *r, const char *p) {
  const kl_schema *s = &kl_wire_schemas[r->ev->type];
  if (r->typed && s->fields) return object(r, p, s->fields, s->n);
  r->msg = p;
  return kl_json_skip(&r->j, p, 1);
}

static const char *boolean(reader *r, const char *p, bool *out) {
  if (r->j.end - p >= 4 && memcmp(p, "true", 4) == 0) {
    *out = true;
    return p + 4;
  }
  if (r->j.end - p >= 5 && memcmp(p, "false", 5) == 0) {
    *out = false;
    return p + 5;
  }
  return kl_json_fail(&r->j, p, "expected true or false");
}

/* The value at p, which is before the end, into its place in the event. */
static inline const char *value(reader *r, const char *p, const kl_field *f) {
  void *place = (char *)r->ev + f->offset;
  const char *after;
  int64_t v;
  bool b = false;
  switch ((kl_field_kind)f->kind) {
  case KL_F_SKIP:
    return *p == '"' ? kl_json_string(&r->j, p, &(kl_str){0}) : kl_json_skip(&r->j, p, 2);
  case KL_F_TYPE:
    return type_name(r, p);
  case KL_F_MSG:
    return msg(r, p);
  case KL_F_STR:
    return *p == '"' ? kl_json_string(&r->j, p, place) : kl_json_fail(&r->j, p, "expected a string");
  case KL_F_PRICE:
    return price(r, p, place);
  case KL_F_COUNT:
    return count(r, p, false, place);
  case KL_F_SIGNED_COUNT:
    return count(r, p, true, place);
  case KL_F_MONEY:
    return any_decimal(r, p, KL_MONEY_PLACES, "expected dollars with at most six decimals, in quotes", place);
  case KL_F_UINT:
    after = kl_json_int(&r->j, p, &v);
    if (after && v < 0) return kl_json_fail(&r->j, p, "expected an integer that is not negative");
    *(int64_t *)place = after ? v : 0;
    return after;
  case KL_F_INT:
    return kl_json_int(&r->j, p, place);
  case KL_F_INT32:
    after = kl_json_int(&r->j, p, &v);
    if (after && (v < INT32_MIN || v > INT32_MAX)) return kl_json_fail(&r->j, p, "an integer beyond 32 bits");
    *(int32_t *)place = after ? (int32_t)v : 0;
    return after;
  case KL_F_BOOL:
    return boolean(r, p, place);
  case KL_F_OUTCOME:
    after = choice(r, p, "yes", "no", "expected \"yes\" or \"no\"", &b);
    *(kl_outcome *)place = after && b ? KL_NO : KL_YES;
    return after;
  case KL_F_SIDE:
    after = choice(r, p, "bid", "ask", "expected \"bid\" or \"ask\"", &b);
    *(kl_side *)place = after && b ? KL_ASK : KL_BID;
    return after;
  case KL_F_YES_LEVELS:
    return levels(r, p, KL_YES);
  case KL_F_NO_LEVELS:
    return levels(r, p, KL_NO);
  }
  return NULL;
}

static const char *missing(reader *r, const char *p, const kl_field *fields, uint32_t absent) {
  r->wrong = &fields[__builtin_ctz(absent)];
  return kl_json_fail(&r->j, p, "a required field is absent or null");
}

/* Behind the object is known what it had: fills in "" and finds what lacks. */
static const char *finish(reader *r, const char *p, const kl_field *fields, uint32_t present) {
  if (fields == kl_wire_envelope) {
    uint32_t required = r->typed ? kl_wire_schemas[r->ev->type].envelope : KL_E_TYPE;
    return required & ~present ? missing(r, p, fields, required & ~present) : p;
  }
  const kl_field_masks *m = &r->d->masks[r->ev->type];
  if (KL_UNLIKELY(m->required & ~present)) return missing(r, p, fields, m->required & ~present);
  for (uint32_t absent = m->strings & ~present; absent; absent &= absent - 1)
    *(kl_str *)(void *)((char *)r->ev + fields[__builtin_ctz(absent)].offset) = (kl_str){"", 0};
  return p;
}

/* An object at p against a table of n fields. */
static const char *object(reader *r, const char *p, const kl_field *fields, uint32_t n) {
  kl_json *const j = &r->j;
  uint32_t seen = 0, present = 0, next = 0;
  p = expect(r, p, '{', "expected an object");
  if (!p) return NULL;
  if (kl_json_at(j, p, '}')) return finish(r, p + 1, fields, 0);
  for (;;) {
    const kl_field *f = &fields[next < n ? next : 0];
    size_t quoted = f->len + 3u;
    if (KL_LIKELY(j->end - p > (ptrdiff_t)quoted && same(p, f->quoted, quoted))) {
      p += quoted;
    } else {
      p = any_key(r, p, fields, n, next < n ? next : 0, &f);
      if (!p) return NULL;
    }
    p = kl_json_space(j, p);
    if (p >= j->end) return kl_json_fail(j, p, "expected a value");
    if (KL_LIKELY(f != NULL)) {
      next = (uint32_t)(f - fields) + 1;
      uint32_t bit = 1u << (next - 1);
      bool null = *p == 'n';
      r->wrong = f;
      if (KL_UNLIKELY(seen & bit || (!null && r->ev->has & f->has))) return kl_json_fail(j, p, "a field given twice");
      seen |= bit;
      if (KL_UNLIKELY(null)) {
        p = kl_json_skip(j, p, 0);
        if (f->flags & KL_F_NULLABLE) present |= bit;
      } else {
        p = value(r, p, f);
        present |= bit;
        r->ev->has |= f->has;
      }
      if (KL_UNLIKELY(!p)) return NULL;
      r->wrong = NULL;
    } else {
      p = kl_json_skip(j, p, fields == kl_wire_envelope ? 1 : 2);
      if (!p) return NULL;
    }
    p = kl_json_space(j, p);
    if (kl_json_at(j, p, ',')) {
      p = kl_json_space(j, p + 1);
    } else if (kl_json_at(j, p, '}')) {
      return finish(r, p + 1, fields, present);
    } else {
      return kl_json_fail(j, p, "expected ',' or '}'");
    }
  }
}

/* What the tables cannot say: an empty side of a book is absent; an order's message happened when the order changed. */
static void complete(const kl_decoder *d, kl_event *ev) {
  if (ev->type == KL_EV_SNAPSHOT) {
    for (int side = 0; side < 2; side++)
      if (!ev->snapshot.levels[side]) ev->snapshot.levels[side] = d->levels[side];
  } else if (ev->type == KL_EV_USER_ORDER) {
    ev->ts_ms = ev->user_order.updated_ts_ms ? ev->user_order.updated_ts_ms : ev->user_order.created_ts_ms;
    if (ev->ts_ms) ev->has |= KL_HAS_TS;
  }
}

static bool report(const reader *r, kl_error *e) {
  const kl_json *j = &r->j;
  const char *name = r->typed ? kl_wire_schemas[r->ev->type].name : "message";
  size_t at = (size_t)(j->error_at - j->start);
  const char *kind = j->no_memory ? KL_ERR_INTERNAL : KL_ERR_PROTOCOL;
  if (r->wrong)
    kl_error_set(e, kind, "exchange's %s, byte %zu, \"%.*s\": %s", name, at, (int)r->wrong->len, r->wrong->quoted + 1,
                 j->error);
  else
    kl_error_set(e, kind, "exchange's %s, byte %zu: %s", name, at, j->error);
  return false;
}

bool kl_wire_decode_general(kl_decoder *d, const char *p, size_t n, kl_event *ev, kl_error *e) {
  if (n > UINT32_MAX) {
    kl_error_set(e, KL_ERR_PROTOCOL, "exchange's message of %zu bytes is longer than any it may send (64 MiB)", n);
    return false;
  }
  memset(ev, 0, sizeof *ev);
  ev->ticker = ev->market_id = ev->type_name = (kl_str){"", 0};
  reader r = {.j = {.start = p,
                    .end = p + n,
                    .scratch = &d->scratch,
                    .scratch_cap = &d->scratch_cap,
                    .allocations = &d->allocations},
              .d = d,
              .ev = ev};
  p = object(&r, kl_json_space(&r.j, p), kl_wire_envelope, KL_ENVELOPE_FIELDS);
  if (!p) return report(&r, e);
  p = kl_json_space(&r.j, p);
  if (p != r.j.end) {
    kl_json_fail(&r.j, p, "bytes behind the message");
    return report(&r, e);
  }
  const kl_schema *s = &kl_wire_schemas[ev->type];
  if (KL_UNLIKELY(r.msg && s->fields) && !object(&r, r.msg, s->fields, s->n)) return report(&r, e);
  complete(d, ev);
  return true;
}
