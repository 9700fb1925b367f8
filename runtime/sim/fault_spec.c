#include "sim/fault_spec.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "sim/session.h"

typedef enum {
  V_NONE,
  V_DIST,   /* a time or a distribution; required */
  V_RATE,   /* bytes a second; required */
  V_STATUS, /* 400 to 599; 503 when not said */
  V_COUNT,  /* 1 when not said */
  V_CODE,   /* of a close frame; 1001 when not said */
  V_END,    /* 10 or 25; 25 when not said */
  V_OFFSET  /* a time with its sign; required */
} value_kind;

static const struct fault {
  const char *name;
  kl_fault_kind kind;
  unsigned scopes;
  value_kind value;
} faults[] = {
    {"latency", KL_FAULT_LATENCY, KL_FAULT_ON_REST | KL_FAULT_ON_WS, V_DIST},
    {"arrival", KL_FAULT_ARRIVAL, KL_FAULT_ON_REST, V_DIST},
    {"slow", KL_FAULT_SLOW, KL_FAULT_ON_REST | KL_FAULT_ON_WS, V_RATE},
    {"lose-before", KL_FAULT_LOSE_BEFORE, KL_FAULT_ON_REST | KL_FAULT_ON_HANDSHAKE, V_NONE},
    {"lose-after", KL_FAULT_LOSE_AFTER, KL_FAULT_ON_REST, V_NONE},
    {"hang-before", KL_FAULT_HANG_BEFORE, KL_FAULT_ON_REST, V_NONE},
    {"hang-after", KL_FAULT_HANG_AFTER, KL_FAULT_ON_REST, V_NONE},
    {"reset-before", KL_FAULT_RESET_BEFORE, KL_FAULT_ON_REST | KL_FAULT_ON_HANDSHAKE, V_NONE},
    {"reset-after", KL_FAULT_RESET_AFTER, KL_FAULT_ON_REST, V_NONE},
    {"fail-before", KL_FAULT_FAIL_BEFORE, KL_FAULT_ON_REST | KL_FAULT_ON_HANDSHAKE, V_STATUS},
    {"fail-after", KL_FAULT_FAIL_AFTER, KL_FAULT_ON_REST, V_STATUS},
    {"429", KL_FAULT_LIMIT, KL_FAULT_ON_REST | KL_FAULT_ON_HANDSHAKE, V_NONE},
    {"repeat", KL_FAULT_REPEAT, KL_FAULT_ON_REST, V_NONE},
    {"cut", KL_FAULT_CUT, KL_FAULT_ON_REST | KL_FAULT_ON_WS, V_NONE},
    {"drop", KL_FAULT_DROP, KL_FAULT_ON_WS, V_NONE},
    {"vanish", KL_FAULT_VANISH, KL_FAULT_ON_WS, V_NONE},
    {"duplicate", KL_FAULT_DUPLICATE, KL_FAULT_ON_WS, V_NONE},
    {"gap", KL_FAULT_GAP, KL_FAULT_ON_WS, V_COUNT},
    {"stall", KL_FAULT_STALL, KL_FAULT_ON_WS, V_DIST},
    {"disconnect", KL_FAULT_DISCONNECT, KL_FAULT_ON_WS, V_NONE},
    {"close", KL_FAULT_CLOSE, KL_FAULT_ON_WS, V_CODE},
    {"reset", KL_FAULT_RESET, KL_FAULT_ON_WS, V_NONE},
    {"end", KL_FAULT_END, KL_FAULT_ON_WS, V_END},
    {"pause", KL_FAULT_PAUSE, KL_FAULT_ON_EXCHANGE, V_NONE},
    {"maintenance", KL_FAULT_MAINTENANCE, KL_FAULT_ON_EXCHANGE, V_NONE},
    {"outage", KL_FAULT_OUTAGE, KL_FAULT_ON_EXCHANGE, V_NONE},
    {"clock", KL_FAULT_CLOCK, KL_FAULT_ON_EXCHANGE, V_OFFSET},
};
enum { FAULTS = sizeof faults / sizeof *faults, WORD_MOST = 256 };

const char *kl_fault_name(kl_fault_kind k) {
  for (size_t i = 0; i < FAULTS; i++)
    if (faults[i].kind == k) return faults[i].name;
  return k == KL_FAULT_TRIGGER ? "trigger" : "";
}

bool kl_fault_is_moment(const kl_fault_rule *r) {
  if (r->scope == KL_FAULT_ON_TRIGGER) return true;
  bool can = r->kind == KL_FAULT_GAP || r->kind == KL_FAULT_STALL || r->kind == KL_FAULT_DISCONNECT ||
             r->kind == KL_FAULT_CLOSE || r->kind == KL_FAULT_RESET || r->kind == KL_FAULT_END;
  return can && r->scope == KL_FAULT_ON_WS && !r->has_probability && !r->next && !r->skip && !r->on;
}

bool kl_fault_path_matches(const char *pattern, const char *path) {
  const char *star = NULL, *back = NULL;
  while (*path) {
    if (*pattern == '*') {
      star = ++pattern;
      back = path;
    } else if (*pattern == *path) {
      pattern++;
      path++;
    } else if (star) {
      pattern = star;
      path = ++back;
    } else {
      return false;
    }
  }
  while (*pattern == '*')
    pattern++;
  return !*pattern;
}

/* ---- errors ---- */

/* A piece of the text, never NUL-terminated. */
typedef struct piece {
  const char *p;
  size_t n;
} piece;

typedef struct parser {
  const char *text; /* the whole */
  int rule;         /* 1, 2, … */
  kl_error *e;
} parser;

static bool fail_at(const parser *ps, const char *place, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The message names rule and column; nothing of the text beyond 60 bytes is repeated. */
static bool fail_at(const parser *ps, const char *place, const char *fmt, ...) {
  char what[400];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(what, sizeof what, fmt, ap);
  va_end(ap);
  kl_error_coded(ps->e, KL_ERR_CONFIG, "faults_wrong", "faults, rule %d, column %zu: %s", ps->rule,
                 (size_t)(place - ps->text) + 1, what);
  return false;
}

#define SHOWN(w) ((int)((w).n < 60 ? (w).n : 60)), (w).p

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }
static bool same(piece w, const char *text) { return strlen(text) == w.n && !memcmp(w.p, text, w.n); }
static piece trimmed(piece w) {
  while (w.n > 0 && is_blank(w.p[0]))
    w = (piece){w.p + 1, w.n - 1};
  while (w.n > 0 && is_blank(w.p[w.n - 1]))
    w.n--;
  return w;
}

/* The next word: up to a blank outside parentheses. Empty at the end. */
static piece next_word(piece *rest) {
  *rest = trimmed(*rest);
  size_t n = 0;
  for (int depth = 0; n < rest->n && (depth > 0 || !is_blank(rest->p[n])); n++)
    depth += rest->p[n] == '(' ? 1 : rest->p[n] == ')' && depth > 0 ? -1 : 0;
  piece w = {rest->p, n};
  *rest = (piece){rest->p + n, rest->n - n};
  return w;
}

/* "did you mean" for a word. */
static bool unknown(const parser *ps, piece w, const char *what, const char *const *names, size_t n) {
  char text[64];
  snprintf(text, sizeof text, "%.*s", SHOWN(w));
  const char *near = kl_nearest(text, names, n);
  if (near) return fail_at(ps, w.p, "unknown %s \"%s\"; did you mean %s?", what, text, near);
  return fail_at(ps, w.p, "unknown %s \"%s\"", what, text);
}

/* ---- targets ---- */

static bool add_scope(const parser *ps, kl_fault_rule *r, piece w, kl_fault_scope scope) {
  if (r->scope && r->scope != scope)
    return fail_at(ps, w.p, "one rule is about REST, or ws, or handshake, or exchange: write two rules");
  r->scope = scope;
  return true;
}

static bool add_channel(const parser *ps, kl_fault_rule *r, piece w) {
  const char *names[KL_CH_COUNT + 1];
  piece name = {w.p + 3, w.n - 3};
  for (int i = 0; i < KL_CH_COUNT; i++)
    names[i] = kl_sim_channels[i].name;
  names[KL_CH_COUNT] = "answers";
  for (int i = 0; i <= KL_CH_COUNT; i++) {
    if (!same(name, names[i])) continue;
    r->channels |= UINT32_C(1) << i;
    return add_scope(ps, r, w, KL_FAULT_ON_WS);
  }
  return unknown(ps, name, "channel", names, KL_CH_COUNT + 1);
}

static bool add_operation(const parser *ps, kl_fault_target *t, piece w) {
  char name[64];
  if (w.n >= sizeof name) return fail_at(ps, w.p, "unknown operation \"%.*s\"", SHOWN(w));
  snprintf(name, sizeof name, "%.*s", (int)w.n, w.p);
  t->kind = KL_FAULT_TARGET_OPERATION;
  t->op = kl_operation_find(name);
  if (t->op) return true;
  const char *near = kl_operation_nearest(name);
  if (near) return fail_at(ps, w.p, "unknown target \"%s\"; did you mean %s?", name, near);
  return fail_at(
      ps, w.p,
      "unknown target \"%s\": *, reads, writes, an operation, a path, ws, ws/CHANNEL, handshake, exchange or "
      "trigger",
      name);
}

/* "/portfolio/" and more, behind a method or not. */
static bool add_path(const parser *ps, kl_fault_target *t, piece method, piece path) {
  static const char *const methods[] = {"GET", "POST", "PUT", "DELETE"};
  size_t i = 0;
  t->kind = KL_FAULT_TARGET_PATH;
  if (method.n > 0) {
    while (i < 4 && !same(method, methods[i]))
      i++;
    if (i == 4) return fail_at(ps, method.p, "a path may stand behind GET, POST, PUT or DELETE");
    snprintf(t->method, sizeof t->method, "%s", methods[i]);
  }
  if (path.n == 0 || path.p[0] != '/')
    return fail_at(ps, path.p, "expected a path below /trade-api/v2, like /markets/*");
  if (path.n >= sizeof t->pattern)
    return fail_at(ps, path.p, "the path is longer than %zu bytes", sizeof t->pattern - 1);
  snprintf(t->pattern, sizeof t->pattern, "%.*s", (int)path.n, path.p);
  return true;
}

static bool add_target(const parser *ps, kl_fault_rule *r, piece w) {
  if (w.n == 0) return fail_at(ps, w.p, "a target is missing before \":\" or \",\"");
  if (same(w, "exchange")) return add_scope(ps, r, w, KL_FAULT_ON_EXCHANGE);
  if (same(w, "handshake")) return add_scope(ps, r, w, KL_FAULT_ON_HANDSHAKE);
  if (same(w, "trigger")) return add_scope(ps, r, w, KL_FAULT_ON_TRIGGER);
  if (same(w, "ws")) {
    r->channels |= (UINT32_C(1) << KL_CH_COUNT) - 1;
    return add_scope(ps, r, w, KL_FAULT_ON_WS);
  }
  if (w.n > 3 && !memcmp(w.p, "ws/", 3)) return add_channel(ps, r, w);
  if (!add_scope(ps, r, w, KL_FAULT_ON_REST)) return false;
  if (r->n_targets == KL_FAULT_TARGETS_MOST)
    return fail_at(ps, w.p, "more than %d targets in one rule", KL_FAULT_TARGETS_MOST);
  kl_fault_target *t = &r->targets[r->n_targets++];
  if (same(w, "*")) {
    t->kind = KL_FAULT_TARGET_ALL;
  } else if (same(w, "reads")) {
    t->kind = KL_FAULT_TARGET_READS;
  } else if (same(w, "writes")) {
    t->kind = KL_FAULT_TARGET_WRITES;
  } else {
    piece rest = w, first = next_word(&rest);
    rest = trimmed(rest);
    if (rest.n > 0) return add_path(ps, t, first, rest);
    return w.p[0] == '/' ? add_path(ps, t, (piece){w.p, 0}, w) : add_operation(ps, t, w);
  }
  return true;
}

static bool read_targets(const parser *ps, kl_fault_rule *r, piece list) {
  for (;;) {
    const char *comma = memchr(list.p, ',', list.n);
    size_t n = comma ? (size_t)(comma - list.p) : list.n;
    if (!add_target(ps, r, trimmed((piece){list.p, n}))) return false;
    if (!comma) return true;
    list = (piece){list.p + n + 1, list.n - n - 1};
  }
}

/* ---- values ---- */

static bool read_whole(piece w, int64_t min, int64_t max, int64_t *out) {
  int64_t v;
  if (!kl_decimal_parse(w.p, w.n, 0, &v) || memchr(w.p, '.', w.n) || v < min || v > max) return false;
  *out = v;
  return true;
}

static bool read_rate(piece w, int64_t *out) {
  static const struct {
    const char *name;
    int places;
  } suffixes[] = {{"kB/s", 3}, {"MB/s", 6}, {"B/s", 0}};
  for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
    size_t n = strlen(suffixes[i].name);
    if (w.n <= n || memcmp(w.p + w.n - n, suffixes[i].name, n) != 0) continue;
    int64_t v;
    if (!kl_decimal_parse(w.p, w.n - n, suffixes[i].places, &v) || v < 1 || v > INT64_C(1000000000000)) return false;
    *out = v;
    return true;
  }
  return false;
}

static bool read_offset(piece w, int64_t *out) {
  if (w.n < 2 || (w.p[0] != '+' && w.p[0] != '-') || !kl_duration_parse(w.p + 1, w.n - 1, out)) return false;
  if (w.p[0] == '-') *out = -*out;
  return true;
}

/* "1%", "0.01%": false when it is no percentage at all. */
static bool read_percent(const parser *ps, kl_fault_rule *r, piece w, bool *ok) {
  int64_t millionths;
  if (w.n < 2 || w.p[w.n - 1] != '%') return false;
  *ok = false;
  if (r->has_probability) {
    fail_at(ps, w.p, "a second probability");
  } else if (!kl_decimal_parse(w.p, w.n - 1, 6, &millionths) || millionths <= 0 || millionths > 100000000) {
    fail_at(ps, w.p, "a probability is a number above 0%% and up to 100%%, like 0.1%%");
  } else {
    r->probability = (double)millionths / 1e8;
    *ok = r->has_probability = true;
  }
  return true;
}

static bool read_dist(const parser *ps, kl_dist *out, piece w) {
  char why[200];
  size_t at = 0;
  if (kl_dist_parse(w.p, w.n, out, &at, why, sizeof why)) return true;
  return fail_at(ps, w.p + at, "%s", why);
}

/* `w` is what stands behind "=", or empty where there is no "=". */
static bool read_value(const parser *ps, kl_fault_rule *r, const struct fault *f, piece w, bool given) {
  bool ok = true;
  if (given && w.n == 0) return fail_at(ps, w.p, "nothing behind \"=\"");
  if (given && read_percent(ps, r, w, &ok)) {
    if (!ok) return false;
    given = false;
  }
  switch (f->value) {
  case V_NONE:
    if (given) return fail_at(ps, w.p, "%s takes no value but a probability, like %s=1%%", f->name, f->name);
    return true;
  case V_DIST:
    if (!given) return fail_at(ps, w.p, "%s needs a time: %s=20ms, or a distribution", f->name, f->name);
    return read_dist(ps, &r->dist, w);
  case V_RATE:
    if (given && read_rate(w, &r->value)) return true;
    return fail_at(ps, w.p, "%s needs bytes a second: %s=200B/s, 20kB/s, 1MB/s", f->name, f->name);
  case V_STATUS:
    r->value = 503;
    if (!given || read_whole(w, 400, 599, &r->value)) return true;
    return fail_at(ps, w.p, "%s takes a status from 400 to 599", f->name);
  case V_COUNT:
    r->value = 1;
    if (!given || read_whole(w, 1, 1000000, &r->value)) return true;
    return fail_at(ps, w.p, "%s takes how many numbers are skipped: %s=3", f->name, f->name);
  case V_CODE:
    r->value = 1001;
    if (!given || read_whole(w, 1000, 4999, &r->value)) return true;
    return fail_at(ps, w.p, "%s takes a close code from 1000 to 4999", f->name);
  case V_END:
    r->value = 25;
    if (!given || (read_whole(w, 10, 25, &r->value) && (r->value == 10 || r->value == 25))) return true;
    return fail_at(ps, w.p, "%s takes the error code that ends a subscription: 10 or 25", f->name);
  case V_OFFSET:
    if (given && read_offset(w, &r->value)) return true;
    return fail_at(ps, w.p, "%s needs how far it is off, with its sign: %s=+90s or %s=-5s", f->name, f->name, f->name);
  }
  return false;
}

/* ---- conditions ---- */

static bool read_time(const parser *ps, piece name, piece w, int64_t least, int64_t *out) {
  if (*out) return fail_at(ps, name.p, "\"%.*s\" is there twice", SHOWN(name));
  if (kl_duration_parse(w.p, w.n, out) && *out >= least) return true;
  return fail_at(ps, w.p, "\"%.*s\" needs a time like 500ms, 30s or 5m, at most 24h", SHOWN(name));
}

static bool read_number(const parser *ps, piece name, piece w, uint64_t *out) {
  int64_t v;
  if (*out) return fail_at(ps, name.p, "\"%.*s\" is there twice", SHOWN(name));
  if (!read_whole(w, 1, INT64_C(1000000000000), &v))
    return fail_at(ps, w.p, "\"%.*s\" needs a whole number from 1", SHOWN(name));
  *out = (uint64_t)v;
  return true;
}

static bool read_user(const parser *ps, kl_fault_rule *r, piece name, piece w) {
  if (r->user[0]) return fail_at(ps, name.p, "\"user\" is there twice");
  if (w.n == 0 || w.n >= sizeof r->user)
    return fail_at(ps, w.p, "\"user\" needs a number (1 is the first) or a key id");
  snprintf(r->user, sizeof r->user, "%.*s", (int)w.n, w.p);
  return true;
}

/* A word of a trigger that is none of the conditions: an argument. */
static bool add_argument(const parser *ps, kl_fault_rule *r, piece w) {
  size_t n = 0;
  while (r->arguments[n])
    n++;
  if (n > KL_FAULT_TARGETS_MOST) return fail_at(ps, w.p, "too many arguments");
  r->arguments[n] = strndup(w.p, w.n);
  if (r->arguments[n]) return true;
  return fail_at(ps, w.p, "not enough memory");
}

static bool read_condition(const parser *ps, kl_fault_rule *r, piece w, piece *rest) {
  static const char *const words[] = {"next", "skip", "from", "every", "for", "user"};
  bool ok;
  if (read_percent(ps, r, w, &ok)) return ok;
  if (r->scope == KL_FAULT_ON_TRIGGER && memchr(w.p, '=', w.n)) return add_argument(ps, r, w);
  if (same(w, "next")) return read_number(ps, w, next_word(rest), &r->next);
  if (same(w, "skip")) return read_number(ps, w, next_word(rest), &r->skip);
  if (same(w, "every")) return read_time(ps, w, next_word(rest), 100000, &r->every);
  if (same(w, "for")) return read_time(ps, w, next_word(rest), 1, &r->on);
  if (same(w, "user")) return read_user(ps, r, w, next_word(rest));
  if (same(w, "from")) {
    if (r->has_from) return fail_at(ps, w.p, "\"from\" is there twice");
    r->has_from = true;
    return read_time(ps, w, next_word(rest), 0, &r->from);
  }
  return unknown(ps, w, "word", words, sizeof words / sizeof *words);
}

/* What goes together. */
static bool check_rule(const parser *ps, const kl_fault_rule *r, piece all) {
  const char *name = kl_fault_name(r->kind);
  bool chosen = r->has_probability || r->next || r->skip;
  if (r->every && r->on >= r->every)
    return fail_at(ps, all.p, "\"for\" must be shorter than \"every\", or there is no end to it");
  if (kl_fault_is_window(r) && (chosen || r->user[0]))
    return fail_at(ps, all.p, "exchange:%s is a state: it takes from, every and for only", name);
  if (kl_fault_is_window(r) && r->every && !r->on)
    return fail_at(ps, all.p, "exchange:%s every ... needs \"for\": how long each time", name);
  if (r->scope == KL_FAULT_ON_TRIGGER && (chosen || r->on || r->user[0]))
    return fail_at(ps, all.p, "a trigger by schedule takes from and every only");
  if (r->scope == KL_FAULT_ON_WS && (r->channels >> KL_CH_COUNT & 1) &&
      (r->kind == KL_FAULT_VANISH || r->kind == KL_FAULT_GAP || r->kind == KL_FAULT_END))
    return fail_at(ps, all.p, "%s needs a channel: answers to commands are not numbered", name);
  return true;
}

static bool read_fault(const parser *ps, kl_fault_rule *r, piece w) {
  const char *names[FAULTS];
  const char *equals = memchr(w.p, '=', w.n);
  piece name = {w.p, equals ? (size_t)(equals - w.p) : w.n};
  piece value = {name.p + name.n + (equals ? 1 : 0), w.n - name.n - (equals ? 1 : 0)};
  size_t n = 0;
  if (name.n == 0) return fail_at(ps, w.p, "a fault is missing behind \":\"");
  if (r->scope == KL_FAULT_ON_TRIGGER) {
    r->kind = KL_FAULT_TRIGGER;
    return equals ? fail_at(ps, w.p, "expected the kind of a trigger") : add_argument(ps, r, w);
  }
  for (size_t i = 0; i < FAULTS; i++) {
    if (!(faults[i].scopes & r->scope)) continue;
    names[n++] = faults[i].name;
    if (!same(name, faults[i].name)) continue;
    r->kind = faults[i].kind;
    return read_value(ps, r, &faults[i], value, equals != NULL);
  }
  for (size_t i = 0; i < FAULTS; i++)
    if (same(name, faults[i].name))
      return fail_at(ps, w.p, "%s does not go with this target; see \"Faults\" in docs/simulator.md", faults[i].name);
  return unknown(ps, name, "fault", names, n);
}

static bool read_rule(const parser *ps, kl_fault_rule *r, piece all) {
  const char *colon = memchr(all.p, ':', all.n);
  r->probability = 1;
  r->text = strndup(all.p, all.n);
  r->arguments = calloc(KL_FAULT_TARGETS_MOST + 3, sizeof *r->arguments);
  if (!r->text || !r->arguments) return fail_at(ps, all.p, "not enough memory");
  if (!colon) return fail_at(ps, all.p, "a rule is TARGET:FAULT, like create_order:lose-after=1%%");
  if (!read_targets(ps, r, (piece){all.p, (size_t)(colon - all.p)})) return false;
  piece rest = {colon + 1, all.n - (size_t)(colon + 1 - all.p)};
  if (!read_fault(ps, r, next_word(&rest))) return false;
  for (piece w = next_word(&rest); w.n > 0; w = next_word(&rest))
    if (!read_condition(ps, r, w, &rest)) return false;
  /* What a whole connection suffers, answers to commands suffer too. */
  uint32_t channels = (UINT32_C(1) << KL_CH_COUNT) - 1;
  if ((r->channels & channels) == channels && (r->kind == KL_FAULT_LATENCY || r->kind == KL_FAULT_SLOW))
    r->channels |= UINT32_C(1) << KL_CH_COUNT;
  return check_rule(ps, r, all);
}

/* ---- the whole ---- */

bool kl_fault_spec_parse(const char *text, kl_fault_rule **rules, size_t *n, kl_error *e) {
  parser ps = {.text = text, .e = e};
  *rules = NULL;
  *n = 0;
  if (strnlen(text, KL_FAULT_SPEC_MOST + 1) > KL_FAULT_SPEC_MOST) {
    kl_error_coded(e, KL_ERR_CONFIG, "faults_wrong", "faults: the text is longer than %d bytes", KL_FAULT_SPEC_MOST);
    return false;
  }
  for (const char *p = text; *p;) {
    size_t length = strcspn(p, ";\n");
    piece all = trimmed((piece){p, length});
    p += length + (p[length] ? 1 : 0);
    if (all.n == 0) continue;
    ps.rule++;
    bool room = *n < KL_FAULT_RULES_MOST;
    kl_fault_rule *grown = room ? realloc(*rules, (*n + 1) * sizeof *grown) : NULL;
    bool ok = grown != NULL;
    if (ok) {
      *rules = grown;
      grown[*n] = (kl_fault_rule){0};
      ok = read_rule(&ps, &grown[(*n)++], all);
    } else if (room) {
      fail_at(&ps, all.p, "not enough memory");
    } else {
      fail_at(&ps, all.p, "more than %d rules", KL_FAULT_RULES_MOST);
    }
    if (ok) continue;
    kl_fault_rules_free(*rules, *n);
    *rules = NULL;
    *n = 0;
    return false;
  }
  return true;
}

void kl_fault_rule_free(kl_fault_rule *r) {
  for (char **a = r->arguments; a && *a; a++)
    free(*a);
  free(r->arguments);
  free(r->text);
  r->arguments = NULL;
  r->text = NULL;
}

void kl_fault_rules_free(kl_fault_rule *rules, size_t n) {
  for (size_t i = 0; rules && i < n; i++)
    kl_fault_rule_free(&rules[i]);
  free(rules);
}
