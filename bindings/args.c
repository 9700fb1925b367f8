#include "bindings/args.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/decimal.h"
#include "base/error.h"
#include "base/units.h"
#include "bindings/check.h"
#include "bindings/json.h"
#include "bindings/order.h"
#include "bindings/rest.h"
#include "script/script.h"

enum { MAX_FIELDS = 64 };

/* Where a value stands, for messages: "orders[2].price". */
typedef struct place {
  const struct place *outer;
  const char *name; /* NULL: an item */
  size_t index;
} place;

typedef struct {
  lua_State *L;
  kl_place *whose; /* NULL: nobody's orders */
  const kl_operation *op;
} context;

static void write_place(kl_buf *out, const place *at) {
  if (at->outer) write_place(out, at->outer);
  if (!at->name) {
    kl_buf_printf(out, "[%zu]", at->index);
  } else {
    if (at->outer) kl_buf_char(out, '.');
    kl_buf_str(out, at->name);
  }
}

/* Writes of orders, in today's form: their prices and counts have rules that the description does not say. */
static bool is_order_write(const kl_operation *op) {
  return !op->legacy && !strcmp(op->method, "POST") && !strncmp(op->path, "/portfolio/events/orders", 24);
}

__attribute__((format(printf, 4, 5))) static int refuse(const context *c, const place *at, const char *code,
                                                        const char *fmt, ...) {
  char where[160] = "", what[320];
  if (at) {
    kl_buf text = {0};
    write_place(&text, at);
    snprintf(where, sizeof where, " %s", text.data ? text.data : "");
    kl_buf_free(&text);
  }
  va_list args;
  va_start(args, fmt);
  vsnprintf(what, sizeof what, fmt, args);
  va_end(args);
  kl_error e;
  kl_error_coded(&e, KL_ERR_VALIDATION, code, "%s:%s %s", c->op->name, where, what);
  snprintf(e.operation, sizeof e.operation, "%s", c->op->name);
  if (is_order_write(c->op)) kl_order_say_unsendable(c->L, c->whose, &e);
  return kl_raise(c->L, &e);
}

static int unknown(const context *c, const place *outer, const char *name, const kl_param *params, uint16_t n,
                   bool top) {
  const char *names[MAX_FIELDS + 2];
  size_t count = 0;
  for (uint16_t i = 0; i < n && count < MAX_FIELDS; i++)
    names[count++] = params[i].name;
  if (top) {
    names[count++] = "raw";
    names[count++] = "timeout";
  }
  const char *near = kl_nearest(name, names, count);
  if (near) return refuse(c, outer, "unknown_parameter", "unknown parameter \"%s\" (did you mean \"%s\"?)", name, near);
  if (count == 0) return refuse(c, outer, "unknown_parameter", "unknown parameter \"%s\": it takes none", name);
  char list[200];
  size_t len = 0;
  for (size_t i = 0; i < count && len < sizeof list; i++)
    len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", i ? ", " : "", names[i]);
  return refuse(c, outer, "unknown_parameter", "unknown parameter \"%s\"; it takes %s%s", name, list,
                len >= sizeof list ? "…" : "");
}

/* How a value is written: as JSON, or as text for a query or a path. */
typedef enum { AS_JSON, AS_QUERY, AS_PATH } form;

static void put_text(kl_buf *out, form how, const char *s, size_t n, bool slashes) {
  if (how == AS_JSON)
    kl_buf_json_string(out, s, n);
  else
    kl_buf_percent(out, s, n, slashes);
}

static void check_enum(const context *c, const place *at, const kl_param *p, const char *text) {
  if (!p->enums) return;
  size_t n = 0;
  for (; p->enums[n]; n++)
    if (!strcmp(p->enums[n], text)) return;
  const char *near = p->type == KL_T_STRING ? kl_nearest(text, p->enums, n) : NULL;
  char list[200];
  size_t len = 0;
  for (size_t i = 0; i < n && len < sizeof list; i++)
    len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", i ? ", " : "", p->enums[i]);
  if (near)
    refuse(c, at, "unknown_value", "must be one of %s; \"%s\" is not (did you mean \"%s\"?)", list, text, near);
  else
    refuse(c, at, "unknown_value", "must be one of %s; \"%s\" is not", list, text);
}

static void check_range(const context *c, const place *at, const kl_param *p, double v) {
  if (p->has_min && p->has_max && (v < p->min || v > p->max))
    refuse(c, at, "out_of_range", "must be %.15g to %.15g, not %.15g", p->min, p->max, v);
  if (p->has_min && v < p->min) refuse(c, at, "out_of_range", "must be at least %.15g, not %.15g", p->min, v);
  if (p->has_max && v > p->max) refuse(c, at, "out_of_range", "must be at most %.15g, not %.15g", p->max, v);
}

static void put_fixed(const context *c, const place *at, const kl_param *p, int idx, kl_buf *out, form how) {
  lua_State *L = c->L;
  bool dollars = p->type == KL_T_DOLLARS;
  int places = dollars ? KL_PRICE_PLACES : KL_COUNT_PLACES;
  const char *grid = dollars ? "prices are multiples of 1/10,000 dollar" : "counts are multiples of 1/100 contract";
  int64_t v = 0;
  if (lua_type(L, idx) == LUA_TNUMBER) {
    double d = lua_tonumber(L, idx);
    if (!isfinite(d)) refuse(c, at, "out_of_range", "must be a finite number");
    if (!kl_decimal_from_double(d, places, &v))
      refuse(c, at, dollars ? "price_off_grid" : "count_off_grid", "%.15g is off the grid: %s", d, grid);
  } else if (lua_type(L, idx) == LUA_TSTRING) {
    size_t n;
    const char *s = lua_tolstring(L, idx, &n);
    if (!kl_decimal_parse(s, n, places, &v))
      refuse(c, at, dollars ? "price_off_grid" : "count_off_grid", "\"%.60s\" is off the grid or no number: %s", s,
             grid);
  } else {
    refuse(c, at, "wrong_type", "must be a number, not a %s", luaL_typename(L, idx));
  }
  if (is_order_write(c->op)) {
    char text[32];
    kl_decimal_format(text, sizeof text, v, places);
    if (dollars && !strcmp(p->name, "price") && (v <= 0 || v >= KL_PRICE_ONE))
      refuse(c, at, "price_out_of_range", "must be above 0 and below 1 dollar, not %s", text);
    if (!dollars && v <= 0 && strcmp(p->name, "reduce_to") != 0)
      refuse(c, at, "count_out_of_range", "must be above 0, not %s", text);
    if (v < 0) refuse(c, at, "out_of_range", "must not be negative: %s", text);
  }
  char text[32];
  put_text(out, how, text, kl_decimal_format(text, sizeof text, v, places), false);
}

static void put_number(const context *c, const place *at, const kl_param *p, int idx, kl_buf *out) {
  lua_State *L = c->L;
  int whole = 0;
  if (lua_type(L, idx) != LUA_TNUMBER) refuse(c, at, "wrong_type", "must be a number, not a %s", luaL_typename(L, idx));
  lua_Integer i = lua_tointegerx(L, idx, &whole);
  double d = lua_tonumber(L, idx);
  if (!isfinite(d)) refuse(c, at, "out_of_range", "must be a finite number");
  if (p->type == KL_T_INTEGER && !whole) refuse(c, at, "out_of_range", "must be a whole number, not %.15g", d);
  check_range(c, at, p, d);
  if (p->format == KL_FORMAT_INT32 && (d < INT32_MIN || d > INT32_MAX))
    refuse(c, at, "out_of_range", "must fit 32 bits, %.15g does not", d);
  char text[40];
  if (whole)
    snprintf(text, sizeof text, "%lld", (long long)i);
  else
    snprintf(text, sizeof text, "%.17g", d);
  check_enum(c, at, p, text);
  kl_buf_str(out, text);
}

/* 8-4-4-4-12 hexadecimal digits (RFC 9562). */
static bool is_uuid(const char *s, size_t n) {
  if (n != 36) return false;
  for (size_t i = 0; i < n; i++) {
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? s[i] != '-' : !isxdigit((unsigned char)s[i])) return false;
  }
  return true;
}

/* What the description says of a text beside its type. */
static void check_text(const context *c, const place *at, const kl_param *p, const char *s, size_t n) {
  size_t letters = 0;
  for (size_t i = 0; i < n; i++)
    letters += ((unsigned char)s[i] & 0xc0) != 0x80;
  if (letters < p->min_length) refuse(c, at, "malformed_value", "must have at least %u characters", p->min_length);
  if (p->max_length && letters > p->max_length)
    refuse(c, at, "malformed_value", "must have at most %u characters, not %zu", p->max_length, letters);
  int64_t us;
  if (p->format == KL_FORMAT_UUID && !is_uuid(s, n))
    refuse(c, at, "malformed_value", "must be a UUID like 5d2f1c3a-8f0e-4c61-9b7e-2a4d6e8f0a1b, not \"%.60s\"", s);
  if (p->format == KL_FORMAT_DATE_TIME && !kl_time_parse_rfc3339(s, n, &us))
    refuse(c, at, "malformed_value", "must be a time like 2026-09-15T14:30:00Z, not \"%.60s\"", s);
}

static void put_string(const context *c, const place *at, const kl_param *p, int idx, kl_buf *out, form how) {
  lua_State *L = c->L;
  if (lua_type(L, idx) != LUA_TSTRING) refuse(c, at, "wrong_type", "must be a string, not a %s", luaL_typename(L, idx));
  size_t n;
  const char *s = lua_tolstring(L, idx, &n);
  if (how == AS_PATH) {
    if (n == 0) refuse(c, at, "malformed_value", "must not be empty");
    if (!strcmp(s, ".") || !strcmp(s, "..")) refuse(c, at, "malformed_value", "\"%s\" is not a name", s);
  }
  /* An empty name is no key to look an order up by. */
  if (how == AS_JSON && n == 0 && (p->required || !strcmp(p->name, "client_order_id")))
    refuse(c, at, "malformed_value",
           p->required ? "must not be empty" : "must not be empty; leave it out to get a random one");
  check_enum(c, at, p, s);
  check_text(c, at, p, s, n);
  put_text(out, how, s, n, how == AS_PATH && p->explode);
}

static void put_object(const context *c, const place *at, const kl_param *params, uint16_t n, int idx, kl_buf *out);

/* Whatever the script gave, as JSON. */
static void put_any(const context *c, const place *at, int idx, kl_buf *out) {
  char why[KL_JSON_MESSAGE];
  if (!kl_json_write(c->L, idx, out, why)) {
    kl_check_time(c->L);
    refuse(c, at, "not_plain_data", "%s", why);
  }
}

static void put_value(const context *c, const place *at, const kl_param *p, int idx, kl_buf *out, form how);

/* The parameter that describes an item of an array. */
static kl_param item_of(const kl_param *p) {
  kl_param item = *p;
  item.type = p->item_type;
  item.item_type = KL_T_ANY;
  item.has_min = item.has_max = item.nullable = false;
  return item;
}

static size_t list_length(const context *c, const place *at, const kl_param *p, int idx) {
  lua_State *L = c->L;
  size_t n = lua_rawlen(L, idx), keys = 0;
  for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1))
    keys++;
  if (keys != n) refuse(c, at, "wrong_type", "must be a list: a table with the keys 1 to n");
  if (p->has_min && (double)n < p->min) refuse(c, at, "out_of_range", "needs at least %.0f, not %zu", p->min, n);
  if (p->has_max && (double)n > p->max) refuse(c, at, "out_of_range", "takes at most %.0f, not %zu", p->max, n);
  return n;
}

static void put_array(const context *c, const place *at, const kl_param *p, int idx, kl_buf *out) {
  lua_State *L = c->L;
  if (lua_touserdata(L, idx) && lua_islightuserdata(L, idx)) { /* json.empty_array */
    put_any(c, at, idx, out);
    return;
  }
  if (lua_type(L, idx) != LUA_TTABLE) refuse(c, at, "wrong_type", "must be a list, not a %s", luaL_typename(L, idx));
  size_t n = list_length(c, at, p, idx);
  kl_param item = item_of(p);
  kl_buf_char(out, '[');
  for (size_t i = 1; i <= n; i++) {
    if (i > 1) kl_buf_char(out, ',');
    lua_rawgeti(L, idx, (lua_Integer)i);
    put_value(c, &(place){.outer = at, .index = i}, &item, lua_gettop(L), out, AS_JSON);
    lua_pop(L, 1);
  }
  kl_buf_char(out, ']');
}

/* idx is absolute. */
static void put_value(const context *c, const place *at, const kl_param *p, int idx, kl_buf *out, form how) {
  lua_State *L = c->L;
  luaL_checkstack(L, 8, "arguments nested too deeply");
  if (kl_json_is_null(L, idx)) {
    if (!p->nullable || how != AS_JSON) refuse(c, at, "wrong_type", "must not be json.null; leave it out");
    kl_buf_str(out, "null");
    return;
  }
  switch (p->type) {
  case KL_T_STRING:
    put_string(c, at, p, idx, out, how);
    break;
  case KL_T_INTEGER:
  case KL_T_NUMBER:
    put_number(c, at, p, idx, out);
    break;
  case KL_T_BOOLEAN:
    if (!lua_isboolean(L, idx)) refuse(c, at, "wrong_type", "must be true or false, not a %s", luaL_typename(L, idx));
    kl_buf_str(out, lua_toboolean(L, idx) ? "true" : "false");
    break;
  case KL_T_DOLLARS:
  case KL_T_COUNT:
    put_fixed(c, at, p, idx, out, how);
    break;
  case KL_T_ARRAY:
    put_array(c, at, p, idx, out);
    break;
  case KL_T_OBJECT:
    if (lua_type(L, idx) != LUA_TTABLE) refuse(c, at, "wrong_type", "must be a table, not a %s", luaL_typename(L, idx));
    if (p->fields)
      put_object(c, at, p->fields, p->n_fields, idx, out);
    else
      put_any(c, at, idx, out);
    break;
  case KL_T_ANY:
    put_any(c, at, idx, out);
    break;
  }
}

/* A random (version 4) UUID: names an order before it is sent, so that it can be looked up whatever happens. */
static bool write_uuid(char *out) {
  uint8_t b[16];
  if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b) return false;
  b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
  b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
  static const char digits[] = "0123456789abcdef";
  char *to = out;
  for (int i = 0; i < 16; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *to++ = '-';
    *to++ = digits[b[i] >> 4];
    *to++ = digits[b[i] & 15];
  }
  *to = 0;
  return true;
}

static bool creates_orders(const kl_operation *op) {
  return is_order_write(op) && (!strcmp(op->id, "CreateOrderV2") || !strcmp(op->id, "BatchCreateOrdersV2"));
}

/* A name for an order of the script that runs. */
static bool name_order(lua_State *L, kl_place *whose, char out[65]) {
  uint32_t generation = 0;
  kl_party *p = whose && kl_script_of(L) ? kl_party_here(L, whose, &generation) : NULL;
  if (!p) return write_uuid(out);
  kl_desk_name(whose->desk, p, generation, out);
  return true;
}

/* Writes the members of one body object: those of `params` that lie in the body. */
static void put_members(const context *c, const place *at, const kl_param *params, uint16_t n, int idx, kl_buf *out) {
  lua_State *L = c->L;
  bool first = true;
  kl_buf_char(out, '{');
  for (uint16_t i = 0; i < n; i++) {
    const kl_param *p = &params[i];
    if (p->in != KL_IN_BODY) continue;
    place here = {.outer = at, .name = p->name};
    if (idx)
      lua_getfield(L, idx, p->name);
    else
      lua_pushnil(L);
    bool absent = lua_isnil(L, -1);
    if (absent && p->required) refuse(c, &here, "missing_parameter", "is required");
    if (!absent || (creates_orders(c->op) && !strcmp(p->name, "client_order_id"))) {
      if (!first) kl_buf_char(out, ',');
      first = false;
      kl_buf_json_key(out, p->name);
      char id[65];
      if (!absent)
        put_value(c, &here, p, lua_gettop(L), out, AS_JSON);
      else if (name_order(L, c->whose, id))
        kl_buf_json_cstr(out, id);
      else
        refuse(c, &here, "missing_parameter", "is missing and no random one can be made: give one");
    }
    lua_pop(L, 1);
  }
  kl_buf_char(out, '}');
}

static void put_object(const context *c, const place *at, const kl_param *params, uint16_t n, int idx, kl_buf *out) {
  lua_State *L = c->L;
  for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING)
      refuse(c, at, "wrong_type", "must have names as keys, not a %s", luaL_typename(L, -2));
    const char *name = lua_tostring(L, -2);
    bool known = false;
    for (uint16_t i = 0; i < n && !known; i++)
      known = !strcmp(params[i].name, name);
    if (!known) unknown(c, at, name, params, n, false);
  }
  put_members(c, at, params, n, idx, out);
}

static void begin_query(kl_buf *q, const char *name) {
  if (q->len) kl_buf_char(q, '&');
  kl_buf_percent(q, name, strlen(name), false);
  kl_buf_char(q, '=');
}

/* One query parameter. A list is repeated or joined with commas, as the description says; a single value is a list of
 * one, or the joined text itself. */
static void put_query(const context *c, const kl_param *p, int idx, kl_buf *q) {
  lua_State *L = c->L;
  place at = {.name = p->name};
  if (p->type != KL_T_ARRAY) {
    begin_query(q, p->name);
    put_value(c, &at, p, idx, q, AS_QUERY);
    return;
  }
  kl_param item = item_of(p);
  if (lua_type(L, idx) != LUA_TTABLE) {
    begin_query(q, p->name);
    put_value(c, &at, &item, idx, q, AS_QUERY);
    return;
  }
  size_t n = list_length(c, &at, p, idx);
  for (size_t i = 1; i <= n; i++) {
    if (p->explode || i == 1)
      begin_query(q, p->name);
    else
      kl_buf_str(q, "%2C");
    lua_rawgeti(L, idx, (lua_Integer)i);
    put_value(c, &(place){.outer = &at, .index = i}, &item, lua_gettop(L), q, AS_QUERY);
    lua_pop(L, 1);
  }
}

static int args_gc(lua_State *L) {
  kl_args *a = lua_touserdata(L, 1);
  kl_buf_free(&a->path);
  kl_buf_free(&a->query);
  kl_buf_free(&a->body);
  return 0;
}

kl_args *kl_args_push(lua_State *L) {
  kl_args *a = lua_newuserdatauv(L, sizeof *a, 0);
  memset(a, 0, sizeof *a);
  const kl_script *s = kl_script_of(L);
  if (s) a->path.most = a->query.most = a->body.most = kl_script_get_options(s)->memory_cap;
  if (luaL_newmetatable(L, "kalua.args")) {
    lua_pushcfunction(L, args_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return a;
}

static uint16_t count_path_params(const kl_operation *op) {
  uint16_t n = 0;
  while (n < op->n_params && op->params[n].in == KL_IN_PATH)
    n++;
  return n;
}

/* Fills the template of the path. Parameter i is the plain argument at first + i, or in the table. */
static void put_path(const context *c, int first, int plain, int table, kl_buf *out) {
  lua_State *L = c->L;
  int i = 0;
  for (const char *t = c->op->path; *t;) {
    if (*t != '{') {
      kl_buf_char(out, *t++);
      continue;
    }
    const kl_param *p = &c->op->params[i];
    place at = {.name = p->name};
    if (i < plain)
      lua_pushvalue(L, first + i);
    else if (table)
      lua_getfield(L, table, p->name);
    else
      lua_pushnil(L);
    if (lua_isnil(L, -1)) refuse(c, &at, "missing_parameter", "is required, as argument %d", i + 1);
    put_value(c, &at, p, lua_gettop(L), out, AS_PATH);
    lua_pop(L, 1);
    i++;
    t = strchr(t, '}') + 1;
  }
}

static void check_keys(const context *c, int table, int plain) {
  lua_State *L = c->L;
  const kl_operation *op = c->op;
  for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING)
      refuse(c, NULL, "wrong_type", "the table must have names as keys, not a %s", luaL_typename(L, -2));
    const char *name = lua_tostring(L, -2);
    bool known = !strcmp(name, "raw") || !strcmp(name, "timeout");
    int taken = 0; /* the plain argument that says the same */
    for (int i = 0; i < op->n_params; i++) {
      if (strcmp(op->params[i].name, name) != 0) continue;
      if (op->params[i].in == KL_IN_PATH && i < plain)
        taken = i + 1;
      else
        known = true;
    }
    if (known) continue;
    if (taken)
      refuse(c, &(place){.name = name}, "contradicting_options", "is given twice, as argument %d and in the table",
             taken);
    unknown(c, NULL, name, op->params, op->n_params, true);
  }
}

/* Orders in a batch, for the price of the call. */
static uint32_t count_items(const context *c, int table) {
  if (!c->op->cost_per_item || !table) return 1;
  lua_getfield(c->L, table, "orders");
  size_t n = lua_istable(c->L, -1) ? lua_rawlen(c->L, -1) : 1;
  lua_pop(c->L, 1);
  return n ? (uint32_t)n : 1;
}

static bool is_text(lua_State *L, int idx) {
  return lua_type(L, idx) == LUA_TSTRING && !strcmp(lua_tostring(L, idx), "text");
}

/* The keys of the table that are ours and not the exchange's, and those that decide how the call is sent. */
static void read_options(const context *c, int table, kl_args *a) {
  lua_State *L = c->L;
  lua_getfield(L, table, "raw");
  a->text = is_text(L, -1);
  if (!lua_isnil(L, -1) && !lua_isboolean(L, -1) && !a->text)
    refuse(c, &(place){.name = "raw"}, "wrong_type", "must be true, false or \"text\"");
  a->raw = lua_toboolean(L, -1);
  lua_getfield(L, table, "timeout");
  if (!lua_isnil(L, -1)) {
    double seconds = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
    if (!(seconds >= 0.001 && seconds <= 3600))
      refuse(c, &(place){.name = "timeout"}, "out_of_range", "must be a number of seconds, 0.001 to 3600");
    a->timeout_ms = (int64_t)(seconds * 1000);
  }
  lua_getfield(L, table, "exchange_index");
  a->routed = lua_isinteger(L, -1);
  a->shard = a->routed ? lua_tointeger(L, -1) : -1;
  lua_pop(L, 3);
}

kl_args *kl_args_read(lua_State *L, kl_place *whose, const kl_operation *op, int first) {
  context c = {.L = L, .whose = whose, .op = op};
  int top = lua_gettop(L), wanted = count_path_params(op), plain = 0, table = 0;
  luaL_checkstack(L, 12, "too many arguments");
  while (plain < wanted && first + plain <= top && !lua_istable(L, first + plain) && !lua_isnil(L, first + plain))
    plain++;
  int rest = first + plain;
  while (top > rest && lua_isnil(L, top))
    top--;                                                            /* trailing nils */
  bool missing = plain < wanted && rest <= top && lua_isnil(L, rest); /* said below, by name */
  if (rest <= top && !missing && (top > rest || !lua_isnil(L, rest))) {
    if (!lua_istable(L, rest) || top > rest) {
      if (wanted == 0) refuse(&c, NULL, "wrong_arguments", "takes one table, for example kalshi.%s{ … }", op->name);
      refuse(&c, NULL, "wrong_arguments", "takes %d plain argument%s and then one table", wanted,
             wanted == 1 ? "" : "s");
    }
    table = rest;
  }
  kl_args *a = kl_args_push(L);
  if (table) {
    check_keys(&c, table, plain);
    read_options(&c, table, a);
  }
  put_path(&c, first, plain, table, &a->path);
  for (uint16_t i = 0; i < op->n_params; i++) {
    const kl_param *p = &op->params[i];
    if (p->in != KL_IN_QUERY) continue;
    if (table)
      lua_getfield(L, table, p->name);
    else
      lua_pushnil(L);
    if (!lua_isnil(L, -1))
      put_query(&c, p, lua_gettop(L), &a->query);
    else if (p->required)
      refuse(&c, &(place){.name = p->name}, "missing_parameter", "is required");
    lua_pop(L, 1);
  }
  if (op->has_body) {
    a->has_body = true;
    put_members(&c, NULL, op->params, op->n_params, table, &a->body);
  }
  a->items = count_items(&c, table);
  if (a->path.failed || a->query.failed || a->body.failed) refuse(&c, NULL, "", "not enough memory for the request");
  return a;
}

static void put_free_query(lua_State *L, const char *name, int idx, kl_buf *q) {
  switch (lua_type(L, idx)) {
  case LUA_TBOOLEAN:
    begin_query(q, name);
    kl_buf_str(q, lua_toboolean(L, idx) ? "true" : "false");
    return;
  case LUA_TNUMBER:
  case LUA_TSTRING: {
    size_t n;
    lua_pushvalue(L, idx);
    const char *s = lua_tolstring(L, -1, &n);
    begin_query(q, name);
    kl_buf_percent(q, s, n, false);
    lua_pop(L, 1);
    return;
  }
  case LUA_TTABLE: /* repeated */
    for (size_t i = 1, n = lua_rawlen(L, idx); i <= n; i++) {
      lua_rawgeti(L, idx, (lua_Integer)i);
      if (lua_istable(L, -1))
        kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_type", "call: %s[%d] cannot be a table", name, (int)i);
      put_free_query(L, name, lua_gettop(L), q);
      lua_pop(L, 1);
    }
    return;
  default:
    kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_type", "call: %s cannot be a %s", name, luaL_typename(L, idx));
  }
}

static bool has_name(const kl_operation *op, kl_param_in in, const char *name) {
  for (size_t i = 0; i < op->n_params; i++)
    if (op->params[i].in == in && !strcmp(op->params[i].name, name)) return true;
  return false;
}

/* Of an operation with a body, what the exchange wants behind the path all the same; it leaves the table at idx. */
static void take_query(lua_State *L, const kl_operation *op, int idx, kl_buf *q) {
  for (size_t i = 0; op->has_body && i < op->n_params; i++) {
    const kl_param *p = &op->params[i];
    if (p->in != KL_IN_QUERY || has_name(op, KL_IN_BODY, p->name)) continue;
    if (lua_getfield(L, idx, p->name) != LUA_TNIL) put_free_query(L, p->name, lua_gettop(L), q);
    lua_pop(L, 1);
    lua_pushnil(L);
    lua_setfield(L, idx, p->name);
  }
}

kl_args *kl_args_read_free(lua_State *L, kl_place *whose, const char *method, const char *path, const kl_operation *op,
                           int idx) {
  lua_settop(L, idx);
  kl_args *a = kl_args_push(L);
  int self = lua_gettop(L);
  a->items = 1;
  const char *query = strchr(path, '?');
  kl_buf_add(&a->path, path, query ? (size_t)(query - path) : strlen(path));
  if (query) kl_buf_str(&a->query, query + 1);
  if (lua_isnoneornil(L, idx)) return a;
  kl_check_type(L, idx, LUA_TTABLE, "kalshi.call");

  static const kl_operation free_form = {.name = "call"};
  read_options(&(context){.L = L, .whose = whose, .op = op ? op : &free_form}, idx, a);

  /* A copy without what is ours. */
  lua_newtable(L);
  for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
    if (!strcmp(name, "raw") || !strcmp(name, "timeout")) continue;
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -2);
    lua_rawset(L, self + 1);
  }
  if (op) take_query(L, op, self + 1, &a->query);
  a->has_body = op ? op->has_body : strcmp(method, "GET") != 0 && strcmp(method, "DELETE") != 0;
  if (a->has_body) {
    char why[KL_JSON_MESSAGE];
    if (!kl_json_write(L, self + 1, &a->body, why)) {
      kl_check_time(L);
      kl_raise_coded(L, KL_ERR_VALIDATION, "malformed_value", "call %s: %s", path, why);
    }
    if (op && op->cost_per_item && lua_getfield(L, self + 1, "orders") == LUA_TTABLE)
      a->items = (uint32_t)lua_rawlen(L, -1);
  } else {
    for (lua_pushnil(L); lua_next(L, self + 1); lua_pop(L, 1)) {
      if (lua_type(L, -2) != LUA_TSTRING)
        kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_type", "call %s: query names are strings", path);
      put_free_query(L, lua_tostring(L, -2), lua_gettop(L), &a->query);
    }
  }
  lua_settop(L, self);
  if (a->path.failed || a->query.failed || a->body.failed)
    kl_raisef(L, KL_ERR_INTERNAL, "call %s: not enough memory", path);
  return a;
}
