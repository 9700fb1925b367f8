#include "script/frames.h"

#include <string.h>

#include "script/debugger.h"

/* Lua goes from the innermost frame to the one that is asked for each time: so only few are asked for. */
int kl_frame_count(lua_State *co) {
  lua_Debug ar;
  int most = 1, least = 0; /* there is one at `least` - 1, and none at `most` */
  while (lua_getstack(co, most - 1, &ar)) {
    least = most;
    most *= 2;
  }
  while (most - least > 1) {
    int middle = least + (most - least) / 2;
    if (lua_getstack(co, middle - 1, &ar))
      least = middle;
    else
      most = middle;
  }
  return least;
}

/* The number of the local variable, or 0: of several of a name the last is the innermost. Its value is not pushed. */
static int local_of(lua_State *co, const lua_Debug *ar, const char *name) {
  int found = 0;
  const char *local;
  for (int i = 1; (local = kl_debug_local(co, ar, i)); i++) {
    if (strcmp(local, name) == 0) found = i;
    lua_pop(co, 1);
  }
  return found;
}

/* The number of the upvalue of the function at the top of L, or 0. */
static int upvalue_of(lua_State *L, const char *name) {
  const char *upvalue;
  for (int i = 1; (upvalue = lua_getupvalue(L, -1, i)); i++) {
    lua_pop(L, 1);
    if (*upvalue && strcmp(upvalue, name) == 0) return i;
  }
  return 0;
}

static void make_room(lua_State *L, lua_State *co) {
  luaL_checkstack(L, 4, NULL);
  if (!lua_checkstack(co, 4)) luaL_error(L, "the stack of the task is full: its variables cannot be read");
}

const void *kl_frame_function(lua_State *co, const lua_Debug *ar) {
  lua_Debug copy = *ar;
  if (!lua_checkstack(co, 1)) return NULL;
  lua_getinfo(co, "f", &copy);
  const void *function = lua_topointer(co, -1);
  lua_pop(co, 1);
  return function;
}

void kl_frame_push_function(lua_State *L, lua_State *co, const lua_Debug *ar) {
  lua_Debug copy = *ar;
  make_room(L, co);
  lua_getinfo(co, "f", &copy);
  lua_xmove(co, L, 1);
}

bool kl_frame_get(lua_State *L, lua_State *co, const lua_Debug *ar, const char *name) {
  make_room(L, co);
  int i = local_of(co, ar, name);
  if (i) {
    lua_getlocal(co, ar, i);
    lua_xmove(co, L, 1);
    return true;
  }
  kl_frame_push_function(L, co, ar);
  i = upvalue_of(L, name);
  if (i) lua_getupvalue(L, -1, i);
  lua_remove(L, i ? -2 : -1);
  return i != 0;
}

bool kl_frame_set(lua_State *L, lua_State *co, const lua_Debug *ar, const char *name) { /* value */
  make_room(L, co);
  int i = local_of(co, ar, name);
  if (i) {
    lua_xmove(L, co, 1);
    lua_setlocal(co, ar, i);
    return true;
  }
  kl_frame_push_function(L, co, ar); /* value fn */
  i = upvalue_of(L, name);
  lua_insert(L, -2); /* fn value */
  if (i) lua_setupvalue(L, -2, i);
  lua_pop(L, i ? 1 : 2);
  return i != 0;
}
