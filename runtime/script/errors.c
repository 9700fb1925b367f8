#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/explain.h"
#include "script/guard.h"
#include "script/image.h"
#include "script/internal.h"

/* How far out of the running function its place is looked for: Lua counts to each level anew, and there can be 200,000.
 */
enum { MAX_LEVELS = 250 };

static const char metatable_key = 0;

/* A field as text; NULL when it is no string. The table keeps it alive. */
static const char *text_field(lua_State *L, int idx, const char *name) {
  idx = lua_absindex(L, idx);
  lua_pushstring(L, name);
  lua_rawget(L, idx);
  const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
  lua_pop(L, 1);
  return text;
}

static int l_tostring(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  const char *kind = text_field(L, 1, "kind"), *message = text_field(L, 1, "message");
  lua_pushfstring(L, "%s: %s", kind ? kind : "error", message ? message : "unknown");
  return 1;
}

void kl_errors_open(lua_State *L) {
  lua_createtable(L, 0, 3);
  lua_pushcfunction(L, l_tostring);
  kl_guard_allow(L, -1);
  lua_setfield(L, -2, "__tostring");
  lua_pushliteral(L, "kalua.error");
  lua_setfield(L, -2, "__name");
  lua_pushliteral(L, "kalua.error");
  lua_setfield(L, -2, "__metatable"); /* shared by all errors: scripts may not change it */
  lua_pushvalue(L, -1);
  kl_image_set_mark(L, KL_MARK_ERROR);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &metatable_key);
}

/* Files, and what was given as text: the script, inputs of a prompt. */
static bool is_own(const kl_script *s, const char *source) {
  return source[0] == '@' || (s && strcmp(source, s->chunk) == 0) || strcmp(source, "=prompt") == 0;
}

/* A state without a script is one of a test or a fuzz target. */
bool kl_find_place(lua_State *L, lua_Debug *ar) {
  const kl_script *s = kl_script_of(L);
  for (int level = 0; level < MAX_LEVELS && lua_getstack(L, level, ar); level++) {
    lua_getinfo(L, "Sl", ar);
    if (ar->currentline > 0 && is_own(s, ar->source)) return true;
  }
  return false;
}

/* Pushes the place, or nil where there is none. */
static void push_where(lua_State *L) {
  const kl_script *s = kl_script_of(L);
  lua_Debug ar;
  if (kl_find_place(L, &ar)) {
    lua_pushfstring(L, "%s:%d", ar.short_src, ar.currentline);
    return;
  }
  if (s && s->current && s->current->line > 0) {
    lua_pushfstring(L, "%s:%d", s->current->source, s->current->line);
    return;
  }
  lua_pushnil(L);
}

void kl_push_error(lua_State *L, const kl_error *e) {
  luaL_checkstack(L, 4, NULL);
  lua_createtable(L, 0, 7);
  lua_pushstring(L, e->kind ? e->kind : KL_ERR_INTERNAL);
  lua_setfield(L, -2, "kind");
  lua_pushstring(L, e->message);
  lua_setfield(L, -2, "message");
  if (e->status) {
    lua_pushinteger(L, e->status);
    lua_setfield(L, -2, "status");
  }
  if (e->code[0]) {
    lua_pushstring(L, e->code);
    lua_setfield(L, -2, "code");
  }
  if (e->operation[0]) {
    lua_pushstring(L, e->operation);
    lua_setfield(L, -2, "operation");
  }
  lua_pushboolean(L, e->retryable);
  lua_setfield(L, -2, "retryable");
  push_where(L);
  lua_setfield(L, -2, "where");
  lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable_key);
  lua_setmetatable(L, -2);
}

int kl_raise(lua_State *L, const kl_error *e) {
  kl_push_error(L, e);
  return lua_error(L);
}

int kl_raisef(lua_State *L, const char *kind, const char *fmt, ...) {
  kl_error e = {.kind = kind};
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(e.message, sizeof e.message, fmt, ap);
  va_end(ap);
  return kl_raise(L, &e);
}

int kl_raise_coded(lua_State *L, const char *kind, const char *code, const char *fmt, ...) {
  kl_error e = {.kind = kind};
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(e.message, sizeof e.message, fmt, ap);
  va_end(ap);
  kl_error_code(&e, code);
  return kl_raise(L, &e);
}

int kl_raise_cancelled(lua_State *L, const char *why) { return kl_raisef(L, KL_ERR_CANCELLED, "%s", why); }

bool kl_is_cancelled_error(lua_State *L, int idx) {
  if (lua_type(L, idx) != LUA_TTABLE) return false;
  const char *kind = text_field(L, idx, "kind");
  return kind && strcmp(kind, KL_ERR_CANCELLED) == 0;
}

static int call_tostring(lua_State *L) {
  luaL_tolstring(L, 1, NULL);
  return 1;
}

/* Pushes the value as text. A __tostring that fails must not hide that there was an error. */
static void push_text(lua_State *L, int idx) {
  lua_pushcfunction(L, call_tostring);
  lua_pushvalue(L, idx);
  int status = lua_pcall(L, 1, 1, 0);
  if (status == LUA_OK) return;
  if (status == LUA_ERRMEM) lua_error(L);
  const char *why = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "it raised no text";
  lua_pushfstring(L, "an error object (%s) whose __tostring failed: %s", luaL_typename(L, idx), why);
  lua_replace(L, -2);
}

const char *kl_error_value_code(lua_State *L, int idx) {
  if (lua_type(L, idx) == LUA_TSTRING) return kl_explained_text(lua_tostring(L, idx));
  if (lua_type(L, idx) != LUA_TTABLE) return NULL;
  idx = lua_absindex(L, idx);
  luaL_checkstack(L, 1, NULL);
  lua_pushliteral(L, "status");
  lua_rawget(L, idx);
  lua_Integer status = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
  lua_pop(L, 1);
  return kl_explained(text_field(L, idx, "code"), status >= 100 && status < 600 ? (int)status : 0);
}

void kl_describe(lua_State *L, int idx, bool where) {
  idx = lua_absindex(L, idx);
  luaL_checkstack(L, 6, NULL);
  const char *message = NULL, *kind = NULL, *place = NULL;
  if (lua_type(L, idx) == LUA_TTABLE) {
    message = text_field(L, idx, "message");
    kind = text_field(L, idx, "kind");
    place = text_field(L, idx, "where");
  }
  bool plain = false; /* a table as scripts throw it: error{ kind = ..., message = ... } */
  if (message || kind) {
    plain = luaL_getmetafield(L, idx, "__tostring") == LUA_TNIL;
    if (!plain) lua_pop(L, 1);
  }
  if (plain)
    lua_pushfstring(L, "%s%s%s", kind ? kind : "", kind && message ? ": " : "", message ? message : "");
  else if (lua_isnil(L, idx))
    lua_pushliteral(L, "an error without a message (nil was raised)");
  else
    push_text(L, idx);
  if (where && place) {
    lua_pushfstring(L, "%s: %s", place, lua_tostring(L, -1));
    lua_replace(L, -2);
  }
}
