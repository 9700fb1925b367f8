#include "bindings/describe.h"

#include <string.h>

#include "kalshi/operation.h"
#include "script/script.h"

static const char *const type_names[] = {
    [KL_T_STRING] = "string",   [KL_T_INTEGER] = "integer", [KL_T_NUMBER] = "number",
    [KL_T_BOOLEAN] = "boolean", [KL_T_DOLLARS] = "number",  [KL_T_COUNT] = "number",
    [KL_T_ARRAY] = "array",     [KL_T_OBJECT] = "object",   [KL_T_ANY] = "any"};
static const char *const place_names[] = {[KL_IN_PATH] = "path", [KL_IN_QUERY] = "query", [KL_IN_BODY] = "body"};

static void set_text(lua_State *L, const char *key, const char *value) {
  lua_pushstring(L, value);
  lua_setfield(L, -2, key);
}

static void set_flag(lua_State *L, const char *key, bool value) {
  lua_pushboolean(L, value);
  lua_setfield(L, -2, key);
}

static void push_summary(lua_State *L, const kl_operation *op) {
  lua_createtable(L, 0, 8);
  set_text(L, "name", op->name);
  set_text(L, "method", op->method);
  set_text(L, "path", op->path);
  set_flag(L, "legacy", op->legacy);
}

static void push_param(lua_State *L, const kl_param *p) {
  lua_createtable(L, 0, 6);
  set_text(L, "name", p->name);
  set_text(L, "in", place_names[p->in]);
  set_text(L, "type", type_names[p->type]);
  if (p->type == KL_T_ARRAY) set_text(L, "item_type", type_names[p->item_type]);
  set_flag(L, "required", p->required);
  if (!p->enums) return;
  lua_newtable(L);
  for (lua_Integer i = 0; p->enums[i]; i++) {
    lua_pushstring(L, p->enums[i]);
    lua_rawseti(L, -2, i + 1);
  }
  lua_setfield(L, -2, "enum");
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
  const char *name = luaL_checkstring(L, 1);
  bool legacy = !strncmp(name, prefix, sizeof prefix - 1);
  if (legacy) name += sizeof prefix - 1;
  const kl_operation *op = legacy ? kl_operation_find_legacy(name) : kl_operation_find(name);
  if (!op) {
    const char *near = kl_operation_nearest(name);
    return kl_raisef(L, KL_ERR_VALIDATION, "there is no operation \"%.60s\"%s%s%s", name,
                     near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
  }
  push_summary(L, op);
  set_text(L, "id", op->id);
  set_flag(L, "auth", op->auth);
  set_flag(L, "paged", op->rows != NULL);
  lua_createtable(L, op->n_params, 0);
  for (uint16_t i = 0; i < op->n_params; i++) {
    push_param(L, &op->params[i]);
    lua_rawseti(L, -2, i + 1);
  }
  lua_setfield(L, -2, "params");
  return 1;
}
