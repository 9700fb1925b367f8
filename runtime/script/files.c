/* The table `io` of scripts, and what else has to do with files: below what --allow-fs names. The objects of files and
 * their methods are those of Lua; only how they are opened is ours. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <lualib.h>

#include "script/internal.h"
#include "script/paths.h"
#include "script/process.h"

enum { OPEN_MAX_FILES = 256 }; /* of a script at once: the process has a thousand or so for all */

/* Registry key: the count of open files of the script. */
static const char count_key = 0;

typedef struct {
  luaL_Stream stream; /* first: what the methods of Lua expect */
  size_t *open;       /* the count; the registry keeps it */
} file;

/* ---- what has no flag ---- */

static int l_never(lua_State *L) {
  return kl_raise_coded(L, KL_ERR_PERMISSION, "not_for_scripts", "%s is not for scripts, and no flag gives it: %s",
                        lua_tostring(L, lua_upvalueindex(1)), lua_tostring(L, lua_upvalueindex(2)));
}

void kl_push_never(lua_State *L, const char *name, const char *instead) {
  lua_pushstring(L, name);
  lua_pushstring(L, instead);
  lua_pushcclosure(L, l_never, 2);
}

/* ---- opening ---- */

static int raise_refused(lua_State *L, const kl_path_error *e) {
  return kl_raise_coded(L, KL_ERR_PERMISSION, "permission_fs", "%s", e->text);
}

/* Raises what was refused; otherwise pushes what the functions of Lua return for a failure. */
static int push_failure(lua_State *L, const kl_path_error *e) {
  if (e->refused) return raise_refused(L, e);
  luaL_pushfail(L);
  lua_pushstring(L, e->text);
  lua_pushinteger(L, e->code);
  return 3;
}

static const char *check_path(lua_State *L, int arg) {
  size_t n;
  const char *path = luaL_checklstring(L, arg, &n);
  if (strlen(path) != n) luaL_argerror(L, arg, "the path holds a zero byte");
  if (n == 0) luaL_argerror(L, arg, "the path is empty");
  return path;
}

/* The flags of open(2) for a mode of fopen; -1 for none. */
static int flags_of(const char *mode) {
  bool update = mode[0] && mode[1] == '+';
  if (!mode[0] || !strchr("rwa", mode[0]) || strspn(mode + 1 + update, "b") != strlen(mode + 1 + update)) return -1;
  int access = update ? O_RDWR : mode[0] == 'r' ? O_RDONLY : O_WRONLY;
  return access | (mode[0] == 'r' ? 0 : O_CREAT) | (mode[0] == 'w' ? O_TRUNC : mode[0] == 'a' ? O_APPEND : 0);
}

static int close_file(lua_State *L) {
  file *f = luaL_checkudata(L, 1, LUA_FILEHANDLE);
  --*f->open;
  return luaL_fileresult(L, fclose(f->stream.f) == 0, NULL);
}

/* Pushes a file object that is not open yet. */
static file *push_file(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &count_key);
  size_t *open = lua_touserdata(L, -1);
  lua_pop(L, 1);
  file *f = lua_newuserdatauv(L, sizeof *f, 0);
  *f = (file){.open = open};
  luaL_setmetatable(L, LUA_FILEHANDLE);
  return f;
}

/* Opens the file for the object. False with `e`. */
static bool open_file(lua_State *L, file *f, const char *path, const char *mode, int more_flags, kl_path_error *e) {
  if (*f->open >= OPEN_MAX_FILES) lua_gc(L, LUA_GCCOLLECT); /* those that were forgotten */
  if (*f->open >= OPEN_MAX_FILES) {
    *e = (kl_path_error){.code = EMFILE};
    snprintf(e->text, sizeof e->text, "%.300s: a script may have %d files open, close some", path, OPEN_MAX_FILES);
    return false;
  }
  int fd = kl_path_open(L, path, flags_of(mode) | more_flags, e);
  if (fd < 0) return false;
  f->stream.f = fdopen(fd, mode);
  if (!f->stream.f) {
    *e = (kl_path_error){.code = errno};
    snprintf(e->text, sizeof e->text, "%.300s: %s", path, strerror(errno));
    close(fd);
    return false;
  }
  f->stream.closef = close_file;
  ++*f->open;
  return true;
}

static void check_any(lua_State *L, const char *name) {
  if (!kl_paths_any(L))
    kl_raise_coded(L, KL_ERR_PERMISSION, "permission_fs",
                   "%s: the script may not use files: run it with --allow-fs PATH", name);
}

static int open_k(lua_State *L, int status, lua_KContext ctx) {
  kl_path_error e;
  (void)status;
  (void)ctx;
  file *f = push_file(L);
  return open_file(L, f, lua_tostring(L, 1), lua_tostring(L, 2), 0, &e) ? 1 : push_failure(L, &e);
}

/* io.open(path, mode). To open for writing is an effect, which versions that are not live wait with. */
static int l_open(lua_State *L) {
  check_path(L, 1);
  lua_settop(L, 2);
  if (lua_isnil(L, 2)) {
    lua_pushliteral(L, "r");
    lua_replace(L, 2);
  }
  int flags = flags_of(luaL_checkstring(L, 2));
  luaL_argcheck(L, flags >= 0, 2, "invalid mode");
  check_any(L, "io.open");
  if ((flags & O_ACCMODE) != O_RDONLY && !kl_may_act(L)) return kl_hold(L, 0, open_k);
  return open_k(L, LUA_OK, 0);
}

/* ---- lines ---- */

/* Upvalues: the file, the iterator of Lua. The file is closed behind the last line. */
static int next_line(lua_State *L) {
  file *f = lua_touserdata(L, lua_upvalueindex(1));
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_call(L, 0, LUA_MULTRET);
  int n = lua_gettop(L);
  if (n > 0 && !lua_isnil(L, 1)) return n;
  if (f->stream.closef) {
    f->stream.closef = NULL;
    --*f->open;
    fclose(f->stream.f);
  }
  return n;
}

/* io.lines(path, formats…). */
static int l_lines(lua_State *L) {
  if (lua_isnoneornil(L, 1))
    return kl_raise_coded(L, KL_ERR_PERMISSION, "not_for_scripts",
                          "io.lines without a file is not for scripts, and no flag gives it: a script has no standard "
                          "input; give it kalua.args");
  const char *path = check_path(L, 1);
  int n = lua_gettop(L);
  check_any(L, "io.lines");
  kl_path_error e;
  file *f = push_file(L); /* path formats file */
  if (!open_file(L, f, path, "r", 0, &e)) {
    if (e.refused) return raise_refused(L, &e);
    return luaL_error(L, "%s", e.text);
  }
  lua_getfield(L, -1, "lines"); /* path formats file lines */
  lua_pushvalue(L, -2);
  for (int i = 2; i <= n; i++)
    lua_pushvalue(L, i);
  lua_call(L, n, 1);                 /* path formats file next */
  lua_pushvalue(L, -2);              /* path formats file next file */
  lua_insert(L, -2);                 /* path formats file file next */
  lua_pushcclosure(L, next_line, 2); /* path formats file iterator */
  lua_insert(L, -2);                 /* path formats iterator file */
  lua_pushnil(L);
  lua_insert(L, -2);
  lua_pushnil(L);
  lua_insert(L, -2); /* path formats iterator nil nil file: closed when the loop is left */
  return 4;
}

/* ---- temporary files ---- */

static bool random_name(char *out, size_t cap) {
  unsigned char bytes[8];
  if (uv_random(NULL, NULL, bytes, sizeof bytes, 0, NULL) != 0) return false;
  snprintf(out, cap, "/tmp/lua_%02x%02x%02x%02x%02x%02x%02x%02x", bytes[0], bytes[1], bytes[2], bytes[3], bytes[4],
           bytes[5], bytes[6], bytes[7]);
  return true;
}

static int temporary_k(lua_State *L, int status, lua_KContext named) {
  kl_path_error e = {0};
  char path[64];
  (void)status;
  file *f = push_file(L);
  for (int i = 0; i < 8; i++) {
    if (!random_name(path, sizeof path)) return luaL_error(L, "no random numbers to make a name of");
    if (open_file(L, f, path, "w+", O_EXCL, &e)) {
      if (!named) {
        kl_path_remove(L, path, &e);
        return 1;
      }
      f->stream.closef = NULL;
      --*f->open;
      fclose(f->stream.f);
      lua_pushstring(L, path);
      return 1;
    }
    if (e.code != EEXIST) break;
  }
  if (e.refused)
    return kl_raise_coded(L, KL_ERR_PERMISSION, "permission_fs",
                          "%s makes a file in /tmp: run the script with --allow-fs /tmp",
                          named ? "os.tmpname" : "io.tmpfile");
  return push_failure(L, &e);
}

static int l_temporary(lua_State *L) {
  bool named = lua_toboolean(L, lua_upvalueindex(1));
  lua_settop(L, 0);
  return kl_may_act(L) ? temporary_k(L, LUA_OK, named) : kl_hold(L, named, temporary_k);
}

/* ---- removing and moving ---- */

static int remove_k(lua_State *L, int status, lua_KContext ctx) {
  kl_path_error e;
  (void)status;
  (void)ctx;
  if (!kl_path_remove(L, lua_tostring(L, 1), &e)) return push_failure(L, &e);
  lua_pushboolean(L, 1);
  return 1;
}

static int l_remove(lua_State *L) {
  check_path(L, 1);
  check_any(L, "os.remove");
  lua_settop(L, 1);
  return kl_may_act(L) ? remove_k(L, LUA_OK, 0) : kl_hold(L, 0, remove_k);
}

static int rename_k(lua_State *L, int status, lua_KContext ctx) {
  kl_path_error e;
  (void)status;
  (void)ctx;
  if (!kl_path_rename(L, lua_tostring(L, 1), lua_tostring(L, 2), &e)) return push_failure(L, &e);
  lua_pushboolean(L, 1);
  return 1;
}

static int l_rename(lua_State *L) {
  check_path(L, 1);
  check_path(L, 2);
  check_any(L, "os.rename");
  lua_settop(L, 2);
  return kl_may_act(L) ? rename_k(L, LUA_OK, 0) : kl_hold(L, 0, rename_k);
}

/* ---- chunks in files ---- */

/* Pushes the compiled file; false with a message pushed. */
static bool load_file(lua_State *L, const char *path) {
  kl_path_error e;
  file *f = push_file(L);
  int at = lua_gettop(L);
  if (!open_file(L, f, path, "r", 0, &e)) {
    if (e.refused) raise_refused(L, &e);
    lua_pushfstring(L, "cannot open %s", e.text);
    return false;
  }
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  for (size_t n = 1; n > 0;) {
    char *part = luaL_prepbuffsize(&b, BUFSIZ);
    n = fread(part, 1, BUFSIZ, f->stream.f);
    luaL_addsize(&b, n);
  }
  bool failed = ferror(f->stream.f);
  luaL_pushresult(&b); /* file text */
  f->stream.closef = NULL;
  --*f->open;
  fclose(f->stream.f);
  if (failed) {
    lua_pushfstring(L, "cannot read %s", path);
    return false;
  }
  size_t n;
  const char *text = lua_tolstring(L, -1, &n);
  kl_skip_shebang(&text, &n);
  lua_pushfstring(L, "@%s", path); /* file text name */
  bool ok = luaL_loadbufferx(L, text, n, lua_tostring(L, -1), "t") == LUA_OK;
  lua_replace(L, at);
  lua_settop(L, at);
  return ok;
}

/* loadfile(path, mode, env): text only, whatever the mode says. */
static int l_loadfile(lua_State *L) {
  if (lua_isnoneornil(L, 1))
    return kl_raise_coded(L, KL_ERR_PERMISSION, "not_for_scripts",
                          "loadfile without a file is not for scripts: a script has no standard input");
  const char *path = check_path(L, 1), *mode = luaL_optstring(L, 2, "t");
  bool has_env = !lua_isnone(L, 3);
  check_any(L, "loadfile");
  if (!strchr(mode, 't')) {
    luaL_pushfail(L);
    lua_pushliteral(L, "only text can be loaded (mode \"t\"), no binary chunks");
    return 2;
  }
  if (!load_file(L, path)) {
    luaL_pushfail(L);
    lua_insert(L, -2);
    return 2;
  }
  if (has_env) {
    lua_pushvalue(L, 3);
    if (!lua_setupvalue(L, -2, 1)) lua_pop(L, 1);
  }
  return 1;
}

static int dofile_k(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  return lua_gettop(L) - 1;
}

static int l_dofile(lua_State *L) {
  if (lua_isnoneornil(L, 1))
    return kl_raise_coded(L, KL_ERR_PERMISSION, "not_for_scripts",
                          "dofile without a file is not for scripts: a script has no standard input");
  const char *path = check_path(L, 1);
  if (!kl_paths_any(L))
    return kl_raise_coded(
        L, KL_ERR_PERMISSION, "permission_fs",
        "dofile: the script may not use files: run it with --allow-fs PATH, or have the file beside the "
        "script and use require");
  lua_settop(L, 1);
  if (!load_file(L, path)) return lua_error(L);
  lua_callk(L, 0, LUA_MULTRET, 0, dofile_k);
  return dofile_k(L, LUA_OK, 0);
}

/* ---- the table io ---- */

static int l_type(lua_State *L) {
  luaL_checkany(L, 1);
  const file *f = luaL_testudata(L, 1, LUA_FILEHANDLE);
  int program = kl_program_state(L, 1);
  if (!f && program < 0)
    luaL_pushfail(L);
  else
    lua_pushstring(L, (f ? f->stream.closef != NULL : program > 0) ? "file" : "closed file");
  return 1;
}

static int l_close(lua_State *L) {
  if (lua_isnoneornil(L, 1))
    return kl_raise_coded(L, KL_ERR_PERMISSION, "not_for_scripts",
                          "io.close without a file is not for scripts: standard output is print's");
  lua_settop(L, 1);
  lua_getfield(L, 1, "close");
  lua_insert(L, 1);
  lua_callk(L, 1, LUA_MULTRET, 0, kl_all_results);
  return lua_gettop(L);
}

int kl_all_results(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  return lua_gettop(L);
}

static const char no_output[] = "use print, or the module log", no_input[] = "a script has no standard input; give it "
                                                                             "kalua.args, or a file with --allow-fs";

/* io.stdout and its kin: a clear word in place of the index of nil. */
static int l_standard(lua_State *L) {
  const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  bool in = !strcmp(name, "stdin");
  if (!in && strcmp(name, "stdout") != 0 && strcmp(name, "stderr") != 0) return 0;
  return kl_raise_coded(L, KL_ERR_PERMISSION, "not_for_scripts", "io.%s is not for scripts, and no flag gives it: %s",
                        name, in ? no_input : no_output);
}

static void open_io(lua_State *L) {
  static const struct {
    const char *name, *instead;
  } never[] = {{"read", no_input}, {"input", no_input}, {"write", no_output}, {"output", no_output}};
  static const luaL_Reg own[] = {{"open", l_open},   {"lines", l_lines}, {"popen", kl_program_popen},
                                 {"close", l_close}, {"type", l_type},   {NULL, NULL}};
  lua_pushcfunction(L, luaopen_io);
  lua_call(L, 0, 1);
  lua_pop(L, 1); /* only the metatable of files is used */
  luaL_getmetatable(L, LUA_FILEHANDLE);
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable"); /* scripts cannot reach __gc */
  lua_pop(L, 1);
  luaL_newlib(L, own); /* io */
  for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
    char name[32];
    snprintf(name, sizeof name, "io.%s", never[i].name);
    kl_push_never(L, name, never[i].instead);
    lua_setfield(L, -2, never[i].name);
  }
  lua_pushboolean(L, 0);
  lua_pushcclosure(L, l_temporary, 1);
  lua_setfield(L, -2, "tmpfile");
  lua_createtable(L, 0, 2); /* io mt */
  lua_pushcfunction(L, l_standard);
  lua_setfield(L, -2, "__index");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
  lua_setglobal(L, "io");
}

void kl_files_open(lua_State *L) {
  *(size_t *)lua_newuserdatauv(L, sizeof(size_t), 0) = 0;
  lua_rawsetp(L, LUA_REGISTRYINDEX, &count_key);
  kl_paths_note(L);
  kl_programs_open(L);
  open_io(L);
  lua_pushcfunction(L, l_loadfile);
  lua_setglobal(L, "loadfile");
  lua_pushcfunction(L, l_dofile);
  lua_setglobal(L, "dofile");
  kl_system_open(L); /* os */
  lua_pushcfunction(L, l_remove);
  lua_setfield(L, -2, "remove");
  lua_pushcfunction(L, l_rename);
  lua_setfield(L, -2, "rename");
  lua_pushboolean(L, 1);
  lua_pushcclosure(L, l_temporary, 1);
  lua_setfield(L, -2, "tmpname");
  lua_setglobal(L, "os");
}
