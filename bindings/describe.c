#include "bindings/describe.h"

#include <string.h>

#include "kalshi/operation.h"
#include "script/script.h"

static const char *const type_names[] = {
    [KL_T_STRING] = "string",   [KL_T_INTEGER] = "integer", [KL_T_NUMBER] = "number",
    [KL_T_BOOLEAN] = "boolean", [KL_T_DOLLARS] = "number",  [KL_T_COUNT] = "number",
    [KL_T_ARRAY] = "array",     [KL_T_OBJECT] = "object",   [KL_T_ANY] = "any"};
static const char *const place_names[] = {
    [KL_IN_PATH] = "path", [KL_IN_QUERY] = "query", [KL_IN_BODY] = "body", [KL_IN_ANSWER] = "answer"};
static const char *const format_names[] = {[KL_FORMAT_INT32] = "int32",
                                           [KL_FORMAT_INT64] = "int64",
                                           [KL_FORMAT_DOUBLE] = "double",
                                           [KL_FORMAT_DATE_TIME] = "date-time",
                                           [KL_FORMAT_UUID] = "uuid"};

/* Nothing for NULL. */
static void set_text(lua_State *L, const char *key, const char *value) {
  if (!value) return;
  lua_pushstring(L, value);
  lua_setfield(L, -2, key);
}

static void set_flag(lua_State *L, const char *key, bool value) {
  lua_pushboolean(L, value);
  lua_setfield(L, -2, key);
}

/* A whole number as an integer. */
static void set_number(lua_State *L, const char *key, double value) {
  lua_Integer whole;
  if (lua_numbertointeger(value, &whole) && (double)whole == value)
    lua_pushinteger(L, whole);
  else
    lua_pushnumber(L, value);
  lua_setfield(L, -2, key);
}

static void push_summary(lua_State *L, const kl_operation *op) {
  lua_createtable(L, 0, 20);
  set_text(L, "name", op->name);
  set_text(L, "method", op->method);
  set_text(L, "path", op->path);
  set_text(L, "tag", op->tag);
  set_text(L, "summary", op->summary);
  set_text(L, "status", op->status);
  set_flag(L, "legacy", op->legacy);
}

/* The default as the Lua value that its type stands for. */
static void set_default(lua_State *L, const kl_param *p) {
  if (!p->preset) return;
  bool number = p->type == KL_T_INTEGER || p->type == KL_T_NUMBER || p->type == KL_T_DOLLARS || p->type == KL_T_COUNT;
  if (p->type == KL_T_BOOLEAN)
    lua_pushboolean(L, !strcmp(p->preset, "true"));
  else if (!number || lua_stringtonumber(L, p->preset) == 0)
    lua_pushstring(L, p->preset);
  lua_setfield(L, -2, "default");
}

static void set_limits(lua_State *L, const kl_param *p) {
  if (p->has_min) set_number(L, "min", p->min);
  if (p->has_max) set_number(L, "max", p->max);
  if (p->min_length) set_number(L, "min_length", p->min_length);
  if (p->max_length) set_number(L, "max_length", p->max_length);
  set_text(L, "pattern", p->pattern);
  set_text(L, "format", format_names[p->format]);
}

static void push_params(lua_State *L, const kl_param *params, uint16_t n);

static void push_param(lua_State *L, const kl_param *p) {
  kl_param_type inner = p->type == KL_T_ARRAY || p->map ? p->item_type : p->type;
  luaL_checkstack(L, 4, "fields nested too deeply");
  lua_createtable(L, 0, 8);
  if (*p->name) set_text(L, "name", p->name);
  set_text(L, "in", place_names[p->in]);
  set_text(L, "type", type_names[p->type]);
  if (p->type == KL_T_ARRAY || p->map) set_text(L, "item_type", type_names[inner]);
  set_text(L, "unit", inner == KL_T_DOLLARS ? "dollars" : inner == KL_T_COUNT ? "contracts" : NULL);
  set_text(L, "text", p->about);
  set_flag(L, "required", p->required);
  if (p->nullable) set_flag(L, "nullable", true);
  if (p->deprecated) set_flag(L, "deprecated", true);
  if (p->map) set_flag(L, "map", true);
  set_default(L, p);
  set_limits(L, p);
  if (p->enums) {
    lua_newtable(L);
    for (lua_Integer i = 0; p->enums[i]; i++) {
      lua_pushstring(L, p->enums[i]);
      lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "enum");
  }
  if (p->fields) {
    push_params(L, p->fields, p->n_fields);
    lua_setfield(L, -2, "fields");
  }
}

static void push_params(lua_State *L, const kl_param *params, uint16_t n) {
  lua_createtable(L, n, 0);
  for (uint16_t i = 0; i < n; i++) {
    push_param(L, &params[i]);
    lua_rawseti(L, -2, i + 1);
  }
}

int kl_operations_lua(lua_State *L) {
  lua_createtable(L, (int)kl_operation_count, 0);
  for (size_t i = 0; i < kl_operation_count; i++) {
    push_summary(L, &kl_operations[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

int kl_describe_lua(lua_State *L) {
  static const char prefix[] = "legacy.";
  if (lua_type(L, 1) != LUA_TSTRING)
    return kl_raise_coded(L, KL_ERR_VALIDATION, lua_isnoneornil(L, 1) ? "missing_parameter" : "wrong_type",
                          "kalshi.describe: argument 1 must be the name of an operation, not %s", luaL_typename(L, 1));
  const char *name = lua_tostring(L, 1);
  bool legacy = !strncmp(name, prefix, sizeof prefix - 1);
  if (legacy) name += sizeof prefix - 1;
  const kl_operation *op = legacy ? kl_operation_find_legacy(name) : kl_operation_find(name);
  if (!op) {
    const char *near = kl_operation_nearest(name);
    return kl_raise_coded(L, KL_ERR_VALIDATION, "unknown_operation", "there is no operation \"%.60s\"%s%s%s", name,
                          near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
  }
  push_summary(L, op);
  set_text(L, "id", op->id);
  set_flag(L, "auth", op->auth);
  set_text(L, "bucket", op->bucket == KL_BUCKET_WRITE ? "write" : "read");
  set_number(L, "cost", op->cost);
  set_flag(L, "cost_per_item", op->cost_per_item);
  set_flag(L, "paged", op->rows != NULL);
  set_text(L, "rows", op->rows);
  set_text(L, "cursor", op->cursor_field);
  set_text(L, "replaced_by", op->replaced_by);
  set_flag(L, "has_body", op->has_body);
  push_params(L, op->params, op->n_params);
  lua_setfield(L, -2, "params");
  if (op->result) {
    push_param(L, op->result);
    lua_setfield(L, -2, "answer");
  }
  return 1;
}
