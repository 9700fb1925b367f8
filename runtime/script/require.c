/* `require` of scripts: modules of the program, folders of KALUA_PATH, embedded Lua modules, the script's own folder.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "script/bounded.h"
#include "script/internal.h"
#include "script/paths.h"

enum { MAX_FILE = 64 << 20, NAMES_LOOKED_AT = 2000, NAMES_KEPT = 200 };

static const char loaded_key = 0, loading_key = 0;

char *kl_read_file(const char *path, size_t *n) {
  FILE *f = fopen(path, "rbe");
  if (!f) return NULL;
  struct stat st;
  char *text = NULL;
  size_t len = 0, cap = 0;
  bool ok = fstat(fileno(f), &st) == 0;
  if (ok && (S_ISDIR(st.st_mode) || st.st_size > MAX_FILE)) {
    errno = S_ISDIR(st.st_mode) ? EISDIR : EFBIG;
    ok = false;
  }
  while (ok) { /* by reading, since a pipe does not tell its size */
    if (len + 1 >= cap) {
      cap = cap ? cap * 2 : 8192;
      char *grown = cap <= MAX_FILE * 2 ? realloc(text, cap) : NULL;
      if (!grown) errno = ENOMEM;
      ok = grown != NULL;
      if (!ok) break;
      text = grown;
    }
    size_t got = fread(text + len, 1, cap - len - 1, f);
    len += got;
    if (got == 0) break;
  }
  ok = ok && !ferror(f);
  int why = errno;
  fclose(f);
  if (!ok) {
    free(text);
    errno = why;
    return NULL;
  }
  text[len] = 0;
  *n = len;
  return text;
}

/* a.b-c_d: no empty part, so no "..", and nothing that means something in a path. */
static bool valid_name(const char *name, size_t n) {
  if (n == 0 || n > 200 || name[0] == '.' || name[n - 1] == '.') return false;
  for (size_t i = 0; i < n; i++) {
    if (name[i] == '.' && name[i + 1] == '.') return false;
    if (!isalnum((unsigned char)name[i]) && !strchr("._-", name[i])) return false;
    if (name[i] == 0) return false;
  }
  return true;
}

/* ---- where a module may be ---- */

/* Pushes the compiled chunk of FOLDER/NAME.lua or FOLDER/NAME/init.lua and its path; false, and a line added to the
 * text at the top of L, when there is none. Links out of a folder that is not trusted are not followed. */
static bool load_from_folder(lua_State *L, const char *folder, size_t folder_len, const char *name, bool trusted) {
  static const char *const ends[] = {".lua", "/init.lua"};
  char file[256], path[PATH_MAX];
  for (int i = 0; i < 2; i++) {
    snprintf(file, sizeof file, "%s%s", name, ends[i]);
    for (size_t k = 0, n = strlen(name); k < n; k++)
      if (file[k] == '.') file[k] = '/';
    bool here = folder_len == 1 && folder[0] == '.';
    int len = here ? snprintf(path, sizeof path, "%s", file)
                   : snprintf(path, sizeof path, "%.*s/%s", (int)folder_len, folder, file);
    if (len < 0 || (size_t)len >= sizeof path) continue;
    kl_script *s = kl_script_of(L);
    kl_path_error e;
    if (!trusted && !kl_path_check_module(L, folder, path, &e))
      kl_raise_coded(L, KL_ERR_PERMISSION, "permission_fs", "%s", e.text);
    size_t n = 0;
    const char *text = kl_sources_read(&s->sources, s->snapshot, path, &n);
    if (!text) {
      int why = errno;
      if (why != ENOENT && why != ENOTDIR) luaL_error(L, "cannot read the module %s: %s", path, strerror(why));
      lua_pushfstring(L, "%s\n\tno file %s", lua_tostring(L, -1), path);
      lua_replace(L, -2);
      continue;
    }
    lua_pushfstring(L, "@%s", path); /* looked chunkname */
    if (kl_load_text(L, text, n, lua_tostring(L, -1)) != LUA_OK) lua_error(L);
    kl_debug_loaded(s);
    lua_pushstring(L, path); /* looked chunkname chunk path */
    return true;
  }
  return false;
}

static bool load_from_path(lua_State *L, const char *folders, const char *name) {
  while (folders && *folders) {
    size_t n = strcspn(folders, ":;");
    if (n > 0 && load_from_folder(L, folders, n, name, true)) return true;
    folders += n + (folders[n] != 0);
  }
  return false;
}

static bool load_embedded(lua_State *L, const char *name) {
  const kl_embedded *m = kl_embedded_find(name);
  if (!m) return false;
  if (strncmp(name, "cli.", 4) == 0 && kl_script_of(L)->folder) /* bodies of commands, which come from no file */
    luaL_error(L, "%s is a command of kalua, no module for scripts", name);
  lua_pushfstring(L, "=kalua/%s.lua", name);
  kl_embedded_load(L, m, lua_tostring(L, -1));
  lua_pushfstring(L, "embedded %s", name);
  return true;
}

static bool load_native(lua_State *L, const char *name) {
  kl_script *s = kl_script_of(L);
  int i = 0;
  for (const luaL_Reg *m = s->host->o.modules; m && m->name; m++, i++) {
    if (strcmp(m->name, name) != 0) continue;
    if (i < 64) s->modules |= UINT64_C(1) << i;
    lua_pushcfunction(L, m->func);
    lua_pushliteral(L, "built in");
    return true;
  }
  return false;
}

/* Pushes the module's chunk and where it is from; raises with the list of places when there is none. */
static void find(lua_State *L, const char *name) {
  const kl_script *s = kl_script_of(L);
  int base = lua_gettop(L);
  bool found = load_native(L, name);
  if (!found) {
    lua_pushliteral(L, ""); /* where it is not */
    found = load_from_path(L, s->host->module_path, name) || load_embedded(L, name) ||
            (s->folder && load_from_folder(L, s->folder, strlen(s->folder), name, false));
  }
  if (found) {
    lua_rotate(L, base + 1, 2);
    lua_settop(L, base + 2);
    return;
  }
  luaL_error(L, "module '%s' not found: it is no module of kalua, and there is%s", name,
             *lua_tostring(L, -1) ? lua_tostring(L, -1) : " no folder to look in");
}

/* ---- require ---- */

/* The name is no longer being loaded, whether that worked or not: upvalue 1 is the table of names. */
static int loading_over(lua_State *L) {
  lua_getiuservalue(L, 1, 1); /* guard err name */
  lua_pushnil(L);
  lua_rawset(L, lua_upvalueindex(1));
  return 0;
}

/* Lua looks into this table of its own for the names of functions, in tracebacks and messages; scripts cannot reach it.
 * It walks through all of it for each level of a traceback, so it gets a copy of some functions only: a table of the
 * script's could be of any size. The table of functions is at the top of L. */
static void name_functions(lua_State *L, const char *module) {
  int functions = lua_gettop(L), looked = 0, kept = 0;
  luaL_checkstack(L, 6, NULL);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_newtable(L); /* functions … loaded copy */
  lua_pushnil(L);
  while (looked++ < NAMES_LOOKED_AT && kept < NAMES_KEPT && lua_next(L, functions)) {
    if (lua_type(L, -2) == LUA_TSTRING && lua_isfunction(L, -1)) {
      lua_pushvalue(L, -2);
      lua_insert(L, -2); /* … copy key key function */
      lua_rawset(L, functions + 2);
      kept++;
    } else {
      lua_pop(L, 1);
    }
  }
  lua_settop(L, functions + 2);
  lua_setfield(L, -2, module);
  lua_pop(L, 1);
}

enum { NAME = 1, GUARD, CHUNK, PLACE };

static int require_k(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  if (lua_isnil(L, -1)) {
    lua_pushboolean(L, 1);
    lua_replace(L, -2);
  }
  lua_rawgetp(L, LUA_REGISTRYINDEX, &loaded_key); /* name guard chunk place module loaded */
  lua_pushvalue(L, NAME);
  lua_pushvalue(L, -3);
  lua_rawset(L, -3);
  lua_pop(L, 1); /* name guard chunk place module */
  if (lua_istable(L, -1)) name_functions(L, lua_tostring(L, NAME));
  lua_pushvalue(L, PLACE);
  return 2;
}

static int l_require(lua_State *L) {
  size_t n;
  const char *name = luaL_checklstring(L, 1, &n);
  lua_settop(L, NAME);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &loaded_key); /* name loaded */
  lua_pushvalue(L, NAME);
  if (lua_rawget(L, -2) != LUA_TNIL) return 1;
  if (!valid_name(name, n))
    return luaL_error(L, "'%s' is not the name of a module: letters, digits, '_', '-' and single dots, no paths", name);
  lua_settop(L, NAME);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &loading_key); /* name loading */
  lua_pushvalue(L, NAME);
  if (lua_rawget(L, -2) != LUA_TNIL)
    return luaL_error(L,
                      "module '%s' is being loaded already: modules require each other in a circle, or two tasks load "
                      "it at once",
                      name);
  lua_settop(L, 2);
  find(L, name);              /* name loading chunk place */
  lua_newuserdatauv(L, 0, 1); /* name loading chunk place guard */
  lua_pushvalue(L, NAME);
  lua_setiuservalue(L, -2, 1);
  lua_createtable(L, 0, 1);
  lua_pushvalue(L, 2);
  lua_pushcclosure(L, loading_over, 1);
  lua_setfield(L, -2, "__close");
  lua_setmetatable(L, -2);
  lua_pushvalue(L, NAME);
  lua_pushboolean(L, 1);
  lua_rawset(L, 2);
  lua_replace(L, GUARD); /* name guard chunk place */
  lua_toclose(L, GUARD);
  lua_pushvalue(L, CHUNK);
  lua_pushvalue(L, NAME);
  lua_pushvalue(L, PLACE);
  lua_callk(L, 2, 1, 0, require_k);
  return require_k(L, LUA_OK, 0);
}

void kl_require_module(lua_State *L, const char *name) {
  lua_pushcfunction(L, l_require);
  lua_pushstring(L, name);
  lua_call(L, 1, 1);
}

void kl_require_open(lua_State *L) {
  static const char *const standard[] = {"string", "table", "math", "utf8", "coroutine", "os", "io", "debug", NULL};
  lua_newtable(L); /* loaded */
  for (size_t i = 0; standard[i]; i++) {
    if (lua_getglobal(L, standard[i]) == LUA_TTABLE) name_functions(L, standard[i]);
    lua_setfield(L, -2, standard[i]);
  }
  lua_pushglobaltable(L);
  name_functions(L, LUA_GNAME);
  lua_pop(L, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &loaded_key); /* */
  lua_newtable(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &loading_key);
  lua_pushcfunction(L, l_require);
}
