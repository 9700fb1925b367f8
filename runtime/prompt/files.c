/* Module `prompt.files`: the names of files, for completion. Of the front end only: scripts see what they are allowed.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "prompt/front_impl.h"

enum { MOST_FILES = 5000 };

/* One folder that is read; its memory is Lua's, so that an error leaves nothing open. */
typedef struct folder {
  DIR *dir;
} folder;

#define FOLDER_META "prompt.Folder"

static int l_gc(lua_State *L) {
  folder *f = luaL_checkudata(L, 1, FOLDER_META);
  if (f->dir) closedir(f->dir);
  f->dir = NULL;
  return 0;
}

static bool is_folder(const folder *f, const struct dirent *entry) {
  if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK) return entry->d_type == DT_DIR;
  struct stat st;
  return fstatat(dirfd(f->dir), entry->d_name, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

/* files.list(folder) -> { {name, folder}, … } in no order, at most MOST_FILES, without "." and ".."; a leading "~/" is
 * the home of the user. nil and why, where it cannot be read. */
static int l_list(lua_State *L) {
  const char *path = luaL_checkstring(L, 1), *home = getenv("HOME");
  if (!strncmp(path, "~/", 2) && home) path = lua_pushfstring(L, "%s%s", home, path + 1);
  folder *f = lua_newuserdatauv(L, sizeof *f, 0);
  f->dir = NULL;
  if (luaL_newmetatable(L, FOLDER_META)) {
    lua_pushcfunction(L, l_gc);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "__gc");
    lua_setfield(L, -2, "__close");
  }
  lua_setmetatable(L, -2);
  lua_toclose(L, -1);
  f->dir = opendir(path);
  if (!f->dir) {
    lua_pushnil(L);
    lua_pushfstring(L, "%s: %s", path, strerror(errno));
    return 2;
  }
  lua_newtable(L);
  const struct dirent *entry;
  for (lua_Integer n = 0; n < MOST_FILES && (entry = readdir(f->dir)) != NULL;) {
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    lua_createtable(L, 0, 2);
    lua_pushstring(L, entry->d_name);
    lua_setfield(L, -2, "name");
    lua_pushboolean(L, is_folder(f, entry));
    lua_setfield(L, -2, "folder");
    lua_rawseti(L, -2, ++n);
  }
  return 1;
}

int luaopen_kl_prompt_files(lua_State *L) {
  static const luaL_Reg functions[] = {{"list", l_list}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
