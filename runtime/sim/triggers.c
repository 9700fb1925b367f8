#include "sim/triggers.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "kalshi/operation.h"
#include "sim/journal.h"
#include "sim/trigger_impl.h"

#define USER                                                                                                           \
  { "user", KL_TRIGGER_TEXT, false, "whose: a number (1 is the first) or a key id; everybody's otherwise", NULL }
#define CHANNEL                                                                                                        \
  { "channel", KL_TRIGGER_CHANNEL, false, "of which channel; of all otherwise", NULL }
#define NEXT                                                                                                           \
  { "count", KL_TRIGGER_WHOLE, false, "how many, as they come [1]", NULL }
#define MARKET                                                                                                         \
  { "market", KL_TRIGGER_TEXT, true, "its ticker", NULL }
#define RESULT(required)                                                                                               \
  { "result", KL_TRIGGER_TEXT, required, "yes, no, or the value of YES in dollars", NULL }
#define AMOUNT                                                                                                         \
  { "amount", KL_TRIGGER_TEXT, true, "dollars", NULL }
#define SHARD                                                                                                          \
  { "shard", KL_TRIGGER_CHOICE, false, "the exchange_index [0]", "0|1|2|3" }
#define ORDER                                                                                                          \
  {"order", KL_TRIGGER_TEXT, false, "its id; may be left out where only one order rests", NULL},                       \
      {"client_order_id", KL_TRIGGER_TEXT, false, "its id as its owner gave it", NULL}, {                              \
    "user", KL_TRIGGER_TEXT, false, "whose: a number (1 is the first) or a key id", NULL                               \
  }

const kl_sim_trigger_kind kl_sim_trigger_kinds[] = {
    {"fill",
     "orders",
     "fill a resting order, at its price, with all that is ahead of it in the queue",
     {ORDER, {"count", KL_TRIGGER_COUNT, false, "contracts [all that is left]", NULL}},
     kl_sim_trigger_fill,
     false},
    {"trade",
     "orders",
     "a synthetic party takes from the book",
     {MARKET,
      {"side", KL_TRIGGER_SIDE, true, "bid buys YES, ask sells it", NULL},
      {"count", KL_TRIGGER_COUNT, true, "contracts", NULL},
      {"price", KL_TRIGGER_PRICE, false, "the worst price [any]", NULL}},
     kl_sim_trigger_trade,
     false},
    {"quote",
     "orders",
     "a synthetic party lets an order rest",
     {MARKET,
      {"side", KL_TRIGGER_SIDE, true, "bid or ask", NULL},
      {"price", KL_TRIGGER_PRICE, true, "of YES, in dollars", NULL},
      {"count", KL_TRIGGER_COUNT, true, "contracts", NULL}},
     kl_sim_trigger_quote,
     false},
    {"cancel", "orders", "a resting order ends without its owner's doing", {ORDER}, kl_sim_trigger_cancel, false},

    {"pause",
     "markets",
     "no order is placed or amended, or trading in one market stops",
     {{"market", KL_TRIGGER_TEXT, false, "only this one, until resume", NULL},
      {"shard", KL_TRIGGER_CHOICE, false, "only this one, until resume", "0|1|2|3"},
      {"for", KL_TRIGGER_TIME, false, "how long [until resume]", NULL}},
     kl_sim_trigger_pause,
     false},
    {"resume",
     "markets",
     "ends pauses and maintenance, or the pause of one market or shard",
     {{"market", KL_TRIGGER_TEXT, false, "only this one", NULL},
      {"shard", KL_TRIGGER_CHOICE, false, "only this one", "0|1|2|3"}},
     kl_sim_trigger_resume,
     false},
    {"maintenance",
     "markets",
     "the exchange pauses, nothing works, and all WebSockets are closed",
     {{"for", KL_TRIGGER_TIME, false, "how long [until resume]", NULL}},
     kl_sim_trigger_maintenance,
     false},
    {"news",
     "markets",
     "something happens that moves what a market is about; the traders react",
     {MARKET,
      {"size", KL_TRIGGER_NUMBER, false, "in its favour, in standard deviations; below 0 against it [2]", NULL}},
     kl_sim_trigger_news,
     false},
    {"close",
     "markets",
     "a market closes now, or at another time than before",
     {MARKET, {"in", KL_TRIGGER_TIME, false, "how long from now [now]; a closed market opens again", NULL}},
     kl_sim_trigger_close,
     false},
    {"determine",
     "markets",
     "a market gets its result, and closes if it has not",
     {MARKET, RESULT(true)},
     kl_sim_trigger_determine,
     false},
    {"dispute", "markets", "somebody doubts a result: its settlement waits", {MARKET}, kl_sim_trigger_dispute, false},
    {"amend",
     "markets",
     "a determined market gets another result; the same one rejects a dispute",
     {MARKET, RESULT(true)},
     kl_sim_trigger_amend,
     false},
    {"settle",
     "markets",
     "a market is paid out, with the result that it has or is given",
     {MARKET, RESULT(false)},
     kl_sim_trigger_settle,
     false},
    {"structure",
     "markets",
     "a market gets another price grid; orders that rest stay where they are",
     {MARKET, {"name", KL_TRIGGER_TEXT, true, "linear_cent, deci_cent, tapered_deci_cent, …", NULL}},
     kl_sim_trigger_structure,
     false},
    {"strike",
     "markets",
     "the description of a market changes: its strikes and title",
     {MARKET,
      {"type", KL_TRIGGER_CHOICE, false, "with new strikes, or none [as it is]",
       "greater|greater_or_equal|less|less_or_equal|between|functional|custom|structured"},
      {"floor", KL_TRIGGER_NUMBER, false, "what YES is above", NULL},
      {"cap", KL_TRIGGER_NUMBER, false, "what YES is below", NULL},
      {"title", KL_TRIGGER_SPEC, false, "yes_sub_title, at most 63 bytes", NULL}},
     kl_sim_trigger_strike,
     false},

    {"deposit",
     "money",
     "money from outside arrives",
     {AMOUNT, SHARD, {"user", KL_TRIGGER_TEXT, false, "whose: a number or a key id [1]", NULL}},
     kl_sim_trigger_deposit,
     false},
    {"withdraw",
     "money",
     "money leaves for the outside",
     {AMOUNT, SHARD, {"user", KL_TRIGGER_TEXT, false, "whose: a number or a key id [1]", NULL}},
     kl_sim_trigger_withdraw,
     false},
    {"fees",
     "money",
     "the fees of an event change, or those of a series",
     {{"event", KL_TRIGGER_TEXT, false, "its ticker: without type and multiplier its overrides end", NULL},
      {"series", KL_TRIGGER_TEXT, false, "its ticker, instead of an event's", NULL},
      {"type", KL_TRIGGER_CHOICE, false, "of the fees",
       "quadratic|quadratic_with_maker_fees|quadratic_with_combo_maker_fees|flat"},
      {"multiplier", KL_TRIGGER_NUMBER, false, "1 is the usual fee", NULL},
      {"in", KL_TRIGGER_TIME, false, "when [now]", NULL}},
     kl_sim_trigger_fees,
     false},

    {"gap",
     "connections",
     "sequence numbers skip, though nothing is lost",
     {NEXT, CHANNEL, USER},
     kl_sim_trigger_moment,
     false},
    {"drop",
     "connections",
     "messages are lost, and their numbers show it",
     {NEXT, CHANNEL, USER},
     kl_sim_trigger_message,
     false},
    {"vanish",
     "connections",
     "messages are lost, and no number shows it",
     {NEXT, CHANNEL, USER},
     kl_sim_trigger_message,
     false},
    {"duplicate", "connections", "messages come twice", {NEXT, CHANNEL, USER}, kl_sim_trigger_message, false},
    {"stall",
     "connections",
     "nothing is written to WebSockets for a while",
     {{"for", KL_TRIGGER_TIME, true, "how long", NULL}, USER},
     kl_sim_trigger_moment,
     false},
    {"disconnect",
     "connections",
     "WebSockets are closed",
     {{"code", KL_TRIGGER_WHOLE, false, "with a close frame of this code; without a word otherwise", NULL}, USER},
     kl_sim_trigger_moment,
     false},
    {"reset", "connections", "WebSockets are reset (TCP RST)", {USER}, kl_sim_trigger_moment, false},
    {"end",
     "connections",
     "the server ends subscriptions by an error",
     {{"code", KL_TRIGGER_CHOICE, false, "10 channel error, 25 buffer overflow [25]", "10|25"}, CHANNEL, USER},
     kl_sim_trigger_moment,
     false},

    {"delay",
     "requests",
     "answers, or messages, come later",
     {{"by", KL_TRIGGER_DIST, true, "a time, or a distribution like lognormal(5ms,p99=80ms)", NULL},
      {"target", KL_TRIGGER_TARGET, false, "as --faults names it: create_order, writes, ws, /markets/* [*]", NULL},
      {"count", KL_TRIGGER_WHOLE, false, "only so many", NULL},
      {"for", KL_TRIGGER_TIME, false, "how long [until clear]", NULL},
      {"user", KL_TRIGGER_TEXT, false, "whose", NULL}},
     kl_sim_trigger_delay,
     false},
    {"429",
     "requests",
     "requests are refused for their rate",
     {NEXT, {"target", KL_TRIGGER_TARGET, false, "as --faults names it [*]", NULL}, USER},
     kl_sim_trigger_429,
     false},
    {"lose",
     "requests",
     "answers are lost, by default after the request took effect",
     {NEXT,
      {"target", KL_TRIGGER_TARGET, false, "as --faults names it [writes]", NULL},
      {"when", KL_TRIGGER_CHOICE, false, "before or after the effect [after]", "before|after"},
      {"how", KL_TRIGGER_CHOICE, false, "lose closes, hang never answers, reset resets [lose]", "lose|hang|reset"},
      {"user", KL_TRIGGER_TEXT, false, "whose", NULL}},
     kl_sim_trigger_lose,
     false},
    {"fail",
     "requests",
     "requests are answered with an error of the server",
     {NEXT,
      {"target", KL_TRIGGER_TARGET, false, "as --faults names it [*]", NULL},
      {"status", KL_TRIGGER_WHOLE, false, "400 to 599 [503]", NULL},
      {"when", KL_TRIGGER_CHOICE, false, "before or after the effect [before]", "before|after"},
      {"user", KL_TRIGGER_TEXT, false, "whose", NULL}},
     kl_sim_trigger_fail,
     false},

    {"fault",
     "rules",
     "adds rules as --faults takes them",
     {{"spec", KL_TRIGGER_SPEC, true, "like create_order:lose-after=1% for 30s", NULL}},
     kl_sim_trigger_fault,
     true},
    {"clear",
     "rules",
     "takes rules out, those of --faults too",
     {{"id", KL_TRIGGER_WHOLE, false, "only this one", NULL}},
     kl_sim_trigger_clear,
     true},
    {NULL, NULL, NULL, {{0}}, NULL, false},
};

const kl_sim_trigger_kind *kl_sim_trigger_find(const char *name) {
  for (const kl_sim_trigger_kind *k = kl_sim_trigger_kinds; k->name; k++)
    if (!strcmp(k->name, name)) return k;
  return NULL;
}

/* ---- reading ---- */

static bool invalid(kl_error *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool invalid(kl_error *e, const char *fmt, ...) {
  char text[400];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  kl_error_coded(e, KL_ERR_VALIDATION, "trigger_wrong", "%s", text);
  e->status = 400;
  return false;
}

static const kl_sim_trigger_kind *find_kind(const char *name, kl_error *e) {
  const char *names[64];
  size_t n = 0;
  const kl_sim_trigger_kind *kind = kl_sim_trigger_find(name);
  if (kind) return kind;
  for (const kl_sim_trigger_kind *k = kl_sim_trigger_kinds; k->name && n < 64; k++)
    names[n++] = k->name;
  const char *near = kl_nearest(name, names, n);
  if (near)
    invalid(e, "there is no trigger \"%.40s\"; did you mean %s?", name, near);
  else
    invalid(e, "there is no trigger \"%.40s\"", name);
  return NULL;
}

/* A target or a channel is one that a rule can have. */
static bool check_by_rule(const char *before, const char *text, const char *after, kl_error *e) {
  char spec[1200];
  kl_fault_rule *rules;
  size_t n;
  snprintf(spec, sizeof spec, "%s%s%s", before, text, after);
  if (!kl_fault_spec_parse(spec, &rules, &n, e)) return false;
  kl_fault_rules_free(rules, n);
  return true;
}

static bool one_word(const char *text) { return *text && !text[strcspn(text, " \t\r\n;:")]; }

static bool check_decimal(const char *text, int places, int64_t min, int64_t max, int64_t *out) {
  return kl_decimal_parse(text, strlen(text), places, out) && *out >= min && *out <= max;
}

/* Whether the text is one of "a|b|c". */
static bool is_choice(const char *choices, const char *text) {
  size_t n = strlen(text);
  for (const char *p = choices; n > 0; p += strcspn(p, "|") + 1) {
    size_t length = strcspn(p, "|");
    if (length == n && !memcmp(p, text, n)) return true;
    if (!p[length]) return false;
  }
  return false;
}

static bool read_value(const kl_sim_trigger_arg *a, const char *text, kl_sim_trigger_value *v, kl_error *e) {
  kl_error why = {0};
  char *end = NULL;
  v->text = text;
  switch (a->type) {
  case KL_TRIGGER_SPEC:
    return *text || invalid(e, "%s is empty", a->name);
  case KL_TRIGGER_TEXT:
    return one_word(text) || invalid(e, "%s must be one word, not \"%.60s\"", a->name, text);
  case KL_TRIGGER_COUNT:
    return check_decimal(text, KL_COUNT_PLACES, 1, INT64_C(100000000000), &v->number) ||
           invalid(e, "%s is a number of contracts above 0 with at most two decimals, not \"%.60s\"", a->name, text);
  case KL_TRIGGER_PRICE:
    return check_decimal(text, KL_PRICE_PLACES, 0, KL_PRICE_ONE, &v->number) ||
           invalid(e, "%s is a price in dollars from 0 to 1 with at most four decimals, not \"%.60s\"", a->name, text);
  case KL_TRIGGER_WHOLE:
    return (check_decimal(text, 0, 1, INT64_C(1000000000), &v->number) && !strchr(text, '.')) ||
           invalid(e, "%s is a whole number from 1, not \"%.60s\"", a->name, text);
  case KL_TRIGGER_NUMBER:
    v->real = strtod(text, &end);
    return (*text && !*end && isfinite(v->real)) || invalid(e, "%s is a number, not \"%.60s\"", a->name, text);
  case KL_TRIGGER_TIME:
    return (kl_duration_parse(text, strlen(text), &v->number) && v->number > 0) ||
           invalid(e, "%s is a time like 500ms or 30s, at most 24h, not \"%.60s\"", a->name, text);
  case KL_TRIGGER_SIDE:
    v->number = strcmp(text, "bid") != 0;
    return !v->number || !strcmp(text, "ask") || invalid(e, "%s is bid or ask, not \"%.60s\"", a->name, text);
  case KL_TRIGGER_CHOICE:
    v->number = strtoll(text, NULL, 10);
    return is_choice(a->choices, text) || invalid(e, "%s is one of %s, not \"%.60s\"", a->name, a->choices, text);
  case KL_TRIGGER_DIST:
    if (!strpbrk(text, " \t\n;") && check_by_rule("*:latency=", text, "", &why)) return true;
    break;
  case KL_TRIGGER_CHANNEL:
    if (one_word(text) && check_by_rule("ws/", text, ":drop", &why)) return true;
    break;
  case KL_TRIGGER_TARGET:
    if (!strpbrk(text, "\n;:") && check_by_rule("", text, ":latency=1ms", &why)) return true;
    break;
  }
  const char *what = strstr(why.message, ": "); /* behind rule and column, which mean nothing here */
  return invalid(e, "%s=%.60s: %s", a->name, text, what ? what + 2 : "it must be one word");
}

static bool read_word(kl_sim_trigger_call *c, const char *word, kl_error *e) {
  const char *names[KL_SIM_TRIGGER_ARGS_MOST];
  const char *equals = strchr(word, '=');
  const kl_sim_trigger_arg *args = c->kind->args;
  size_t n = equals ? (size_t)(equals - word) : strlen(word), i = 0;
  if (!equals) return invalid(e, "\"%.60s\" is no argument: they are written k=v", word);
  for (; args[i].name; i++) {
    names[i] = args[i].name;
    if (strlen(args[i].name) != n || memcmp(args[i].name, word, n) != 0) continue;
    if (c->values[i].text) return invalid(e, "%s is there twice", args[i].name);
    if (strlen(equals + 1) >= sizeof c->texts[i]) return invalid(e, "%s is too long", args[i].name);
    snprintf(c->texts[i], sizeof c->texts[i], "%s", equals + 1);
    return read_value(&args[i], c->texts[i], &c->values[i], e);
  }
  char name[64];
  snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), word);
  const char *near = kl_nearest(name, names, i);
  if (near) return invalid(e, "%s has no argument \"%s\"; did you mean %s?", c->kind->name, name, near);
  if (i == 0) return invalid(e, "%s has no argument", c->kind->name);
  return invalid(e, "%s has no argument \"%s\"", c->kind->name, name);
}

static bool read_call(kl_sim_trigger_call *c, const char *kind, const char *const *words, kl_error *e) {
  c->kind = find_kind(kind, e);
  if (!c->kind) return false;
  for (; *words; words++)
    if (!read_word(c, *words, e)) return false;
  for (size_t i = 0; c->kind->args[i].name; i++) {
    const kl_sim_trigger_arg *a = &c->kind->args[i];
    if (a->required && !c->values[i].text) return invalid(e, "%s needs %s=: %s", c->kind->name, a->name, a->help);
  }
  return true;
}

bool kl_sim_trigger_check(const char *kind, const char *const *words, bool by_schedule, kl_error *e) {
  kl_sim_trigger_call c = {0};
  if (!read_call(&c, kind, words, e)) return false;
  return !by_schedule || !c.kind->not_by_schedule || invalid(e, "%s does not go by schedule", kind);
}

/* ---- running ---- */

bool kl_sim_trigger_run(kl_sim *s, const char *kind, const char *const *words, kl_buf *out, kl_error *e) {
  kl_sim_trigger_call c = {.s = s, .out = out, .e = e};
  if (!read_call(&c, kind, words, e)) return false;
  kl_sim_touch(s);
  kl_exchange_tick(s->x, s->now_us);
  size_t start = out->len;
  kl_buf_char(out, '{');
  kl_sim_field_str(out, "kind", kind);
  if (!c.kind->run(&c)) {
    out->len = start;
    return false;
  }
  kl_sim_field_str(out, "message", c.message);
  kl_buf_char(out, '}');
  kl_sim_journal_add(s->journal, s->now_us, "trigger", "%s: %s", kind, c.message);
  return true;
}

const kl_sim_trigger_value *kl_sim_trigger_value_of(const kl_sim_trigger_call *c, const char *name) {
  static const kl_sim_trigger_value none;
  for (size_t i = 0; c->kind->args[i].name; i++)
    if (!strcmp(c->kind->args[i].name, name)) return &c->values[i];
  return &none;
}

bool kl_sim_trigger_refuse(kl_sim_trigger_call *c, int status, const char *fmt, ...) {
  char text[400];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  kl_error_coded(c->e, KL_ERR_VALIDATION,
                 status == 404   ? "trigger_not_found"
                 : status == 409 ? "trigger_not_now"
                                 : "trigger_wrong",
                 "%s", text);
  c->e->status = status;
  return false;
}

bool kl_sim_trigger_refuse_result(kl_sim_trigger_call *c, kl_exchange_result r) {
  const char *details = kl_exchange_error_details(r);
  return kl_sim_trigger_refuse(c, kl_sim_status_of(r) == 404 ? 404 : 409, "the exchange refuses: %s%s%s",
                               kl_exchange_error_message(r), details ? ", " : "", details ? details : "");
}

bool kl_sim_trigger_done(kl_sim_trigger_call *c, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(c->message, sizeof c->message, fmt, ap);
  va_end(ap);
  return true;
}

const kl_sim_account *kl_sim_trigger_user(kl_sim_trigger_call *c, bool *ok) {
  const char *text = kl_sim_trigger_value_of(c, "user")->text;
  *ok = true;
  if (!text) return NULL;
  for (int i = 0; i < c->s->n_accounts; i++) {
    const kl_sim_account *a = &c->s->accounts[i];
    kl_fault_who who = {.user = i + 1, .key_id = a->pub.key_id};
    if (kl_fault_who_matches(text, &who)) return a;
  }
  *ok = kl_sim_trigger_refuse(c, 404, "there is no user \"%.60s\": a number from 1 to %d, or a key id", text,
                              c->s->n_accounts);
  return NULL;
}

kl_market *kl_sim_trigger_market(kl_sim_trigger_call *c, const char *name) {
  const char *ticker = kl_sim_trigger_value_of(c, name)->text;
  kl_market *m = kl_exchange_market(c->s->x, ticker);
  if (!m) kl_sim_trigger_refuse(c, 404, "there is no market \"%.64s\"", ticker);
  return m;
}

/* ---- the table for others ---- */

static void arg_json(kl_buf *b, const kl_sim_trigger_arg *a) {
  static const char *const types[] = {"text", "spec", "count", "price",   "whole",  "number",
                                      "time", "time", "side",  "channel", "target", "choice"};
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "name", a->name);
  kl_sim_field_str(b, "type", types[a->type]);
  kl_sim_field_bool(b, "required", a->required);
  kl_sim_field_str(b, "help", a->help);
  if (a->choices) kl_sim_field_str(b, "choices", a->choices);
  kl_buf_char(b, '}');
}

void kl_sim_trigger_json(kl_buf *b) {
  kl_buf_char(b, '[');
  for (const kl_sim_trigger_kind *k = kl_sim_trigger_kinds; k->name; k++) {
    if (k != kl_sim_trigger_kinds) kl_buf_char(b, ',');
    kl_buf_char(b, '{');
    kl_sim_field_str(b, "kind", k->name);
    kl_sim_field_str(b, "group", k->group);
    kl_sim_field_str(b, "summary", k->summary);
    kl_sim_key(b, "args");
    kl_buf_char(b, '[');
    for (const kl_sim_trigger_arg *a = k->args; a->name; a++) {
      if (a != k->args) kl_buf_char(b, ',');
      arg_json(b, a);
    }
    kl_buf_str(b, "]}");
  }
  kl_buf_char(b, ']');
}
