/* kalua new: a folder with a strategy that runs, reloads, tests and completes in an editor at once. What is in it is
 * made by lua/stdlib/cli/new.lua out of lua/templates; here it comes to the disk, where nothing is overwritten. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include <lauxlib.h>
#include <lualib.h>

#include "cli/cli.h"
#include "kalshi/operation.h"
#include "script/script.h"

static const char usage[] =
    "usage: kalua new DIR\n\n"
    "Makes a folder with a strategy: the script, its tests, kalua.lua with limits of what it may lose,\n"
    "settings for editors, a page that says how to go on. Nothing is ever overwritten.\n\n"
    "  kalua new maker\n"
    "  kalua new --template taker momentum\n";

enum { NAME_MAX_LENGTH = 64 };

/* ---- the name ---- */

static bool ends_with(const char *text, const char *end) {
  size_t n = strlen(text), m = strlen(end);
  return n >= m && !strcmp(text + n - m, end);
}

/* Another module would be found in its place, or `kalua test` would take it for a test. */
static bool is_taken(const char *name) {
  static const char *const native[] = {"kalshi", "task", "kalua",   "json",    "log",  "http",
                                       "ws",     "bus",  "library", "metrics", "store"};
  for (size_t i = 0; i < sizeof native / sizeof *native; i++)
    if (!strcmp(native[i], name)) return true;
  return kl_embedded_find(name) != NULL;
}

/* The name of the folder as one that `require` takes and no module has. */
static void choose_name(const char *folder, char out[NAME_MAX_LENGTH]) {
  char base[NAME_MAX_LENGTH - 16];
  size_t n = 0;
  for (const char *p = folder; *p && n + 1 < sizeof base; p++) {
    bool plain = isalnum((unsigned char)*p) != 0;
    if (plain)
      base[n++] = *p;
    else if (n > 0 && base[n - 1] != '_')
      base[n++] = '_';
  }
  while (n > 0 && base[n - 1] == '_')
    n--;
  base[n] = '\0';
  const char *before = "", *behind = "";
  if (n > 0 && (isdigit((unsigned char)base[0]) || !strncmp(base, "test_", 5))) before = "my_";
  if (is_taken(base) || ends_with(base, "_test")) behind = "_strategy";
  snprintf(out, NAME_MAX_LENGTH, "%s%s%s", before, n > 0 ? base : "strategy", behind);
}

/* ---- the folder ---- */

static bool fail(kl_error *e, const char *what, const char *path) {
  kl_error_set(e, "usage", "cannot %s %.300s: %s", what, path, strerror(errno));
  return false;
}

/* With the folders that it is in. */
static bool make_folder(const char *path, kl_error *e) {
  char part[PATH_MAX];
  if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part) {
    errno = ENAMETOOLONG;
    return fail(e, "make the folder", path);
  }
  for (char *slash = part + 1; (slash = strchr(slash, '/')); slash++) {
    *slash = '\0';
    if (mkdir(part, 0777) != 0 && errno != EEXIST) return fail(e, "make the folder", part);
    *slash = '/';
  }
  struct stat st;
  if (mkdir(part, 0777) == 0) return true;
  if (errno == EEXIST && stat(part, &st) == 0 && S_ISDIR(st.st_mode)) return true;
  if (errno == EEXIST) errno = ENOTDIR;
  return fail(e, "make the folder", path);
}

/* What git keeps there does not count. */
static bool is_empty(const char *path) {
  DIR *d = opendir(path);
  bool empty = true;
  for (struct dirent *x; d && empty && (x = readdir(d));)
    empty = !strcmp(x->d_name, ".") || !strcmp(x->d_name, "..") || !strcmp(x->d_name, ".git");
  if (d) closedir(d);
  return empty;
}

/* *made is cleared where there is such a file already. */
static bool write_new(const char *path, const char *text, size_t n, bool *made, kl_error *e) {
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  *made = fd >= 0;
  if (fd < 0) return errno == EEXIST || fail(e, "write", path);
  bool ok = true;
  for (size_t done = 0; ok && done < n;) {
    ssize_t wrote = write(fd, text + done, n - done);
    if (wrote > 0)
      done += (size_t)wrote;
    else
      ok = wrote < 0 && errno == EINTR;
  }
  if (close(fd) != 0) ok = false;
  return ok || fail(e, "write", path);
}

/* ---- the editor's declarations ---- */

/* Where they are installed: beside this program, or in the source tree that it was built in. False: nowhere. */
static bool find_types(char out[PATH_MAX]) {
  static const char *const places[] = {"../share/kalua/types", "../../lua/types"};
  char self[PATH_MAX], path[PATH_MAX + 64];
  size_t n = sizeof self;
  if (uv_exepath(self, &n) != 0) return false;
  char *slash = strrchr(self, '/');
  if (!slash) return false;
  *slash = '\0';
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    snprintf(path, sizeof path, "%s/%s/kalshi.lua", self, places[i]);
    if (!realpath(path, out)) continue;
    *strrchr(out, '/') = '\0';
    return true;
  }
  return false;
}

/* ---- the files ---- */

/* embedded(name) -> the text of that module; embedded() -> the names of all. */
static int l_embedded(lua_State *L) {
  if (lua_isnoneornil(L, 1)) {
    lua_newtable(L);
    for (size_t i = 0; i < kl_stdlib_count; i++) {
      lua_pushstring(L, kl_stdlib[i].name);
      lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
  }
  const kl_embedded *m = kl_embedded_find(luaL_checkstring(L, 1));
  if (!m) return luaL_error(L, "there is no %s in this program", lua_tostring(L, 1));
  lua_pushlstring(L, m->text, m->len);
  return 1;
}

/* Leaves the list of files on the stack. */
static bool compose(lua_State *L, const char *name, const char *template, const char *types, kl_error *e) {
  const kl_embedded *m = kl_embedded_find("cli.new");
  luaL_openlibs(L);
  lua_register(L, "embedded", l_embedded);
  bool ok = m && luaL_loadbufferx(L, m->text, m->len, "=kalua/cli/new.lua", "t") == LUA_OK;
  if (ok) {
    lua_pushstring(L, name);
    lua_pushstring(L, template);
    lua_pushstring(L, types);
    ok = lua_pcall(L, 3, 1, 0) == LUA_OK && lua_istable(L, -1);
  }
  if (!ok) kl_error_set(e, KL_ERR_INTERNAL, "the files could not be made: %s", m ? lua_tostring(L, -1) : "no template");
  return ok;
}

/* That at the index, into the folder. Says what became of it; declarations are only counted. */
static bool put_file(lua_State *L, lua_Integer i, const char *folder, kl_error *e) {
  char path[PATH_MAX], in[PATH_MAX];
  size_t n = 0;
  lua_rawgeti(L, -1, i);
  lua_rawgeti(L, -1, 1);
  lua_rawgeti(L, -2, 2);
  const char *name = lua_tostring(L, -2), *text = lua_tolstring(L, -1, &n);
  bool made = false;
  bool ok = snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path;
  if (!ok) {
    errno = ENAMETOOLONG;
    fail(e, "write", folder);
  }
  bool nested = strchr(name, '/') != NULL;
  if (ok && nested) {
    snprintf(in, sizeof in, "%s", path);
    *strrchr(in, '/') = '\0';
    ok = make_folder(in, e);
  }
  ok = ok && write_new(path, text, n, &made, e);
  if (ok && !nested) printf("  %s  %s\n", made ? "made" : "kept", name);
  lua_pop(L, 3);
  return ok;
}

/* Whether `kalua` in a shell is a program at all; `self` is the folder of this one. */
static bool is_on_path(char self[PATH_MAX]) {
  const char *path = getenv("PATH");
  size_t n = PATH_MAX;
  char *slash = uv_exepath(self, &n) == 0 ? strrchr(self, '/') : NULL;
  if (!slash) return true; /* nothing can be said about it */
  *slash = '\0';
  for (const char *p = path ? path : ""; *p;) {
    size_t len = strcspn(p, ":");
    char program[PATH_MAX];
    if (snprintf(program, sizeof program, "%.*s/kalua", (int)len, p) < (int)sizeof program &&
        access(program, X_OK) == 0)
      return true;
    p += len + (p[len] == ':');
  }
  return false;
}

/* As a shell takes it. */
static void put_word(const char *word) {
  bool plain = *word != '-' && *word != '~';
  for (const char *p = word; *p; p++)
    plain = plain && (isalnum((unsigned char)*p) || (*p & 0x80) || strchr("/._-+=:@%,~", *p));
  if (plain) {
    fputs(word, stdout);
    return;
  }
  putchar('\'');
  for (const char *p = word; *p; p++) {
    if (*p == '\'')
      fputs("'\\''", stdout);
    else
      putchar(*p);
  }
  putchar('\'');
}

static void say_next(const char *folder) {
  char self[PATH_MAX];
  putchar('\n');
  if (!is_on_path(self)) printf("  export PATH=\"%s:$PATH\"     # the shell does not find kalua yet\n", self);
  if (strcmp(folder, ".") != 0) {
    fputs("  cd ", stdout);
    put_word(folder);
    putchar('\n');
  }
  puts("  kalua run     # on an exchange inside the process; save the file while it runs\n"
       "  kalua test    # its tests");
  if (!strcmp(folder, ".")) puts("  kalua doctor --env demo     # once .env has a key");
}

static int make(const char *folder, const char *template, bool force) {
  char absolute[PATH_MAX], types[PATH_MAX], name[NAME_MAX_LENGTH];
  kl_error e = {0};
  if (!make_folder(folder, &e)) return kl_cli_fail(&e);
  if (!force && !is_empty(folder))
    return kl_cli_usage("new", "%s is not empty; with --force what is missing is added, and nothing overwritten",
                        folder);
  if (!realpath(folder, absolute)) {
    fail(&e, "find", folder);
    return kl_cli_fail(&e);
  }
  const char *slash = strrchr(absolute, '/');
  choose_name(slash ? slash + 1 : absolute, name);
  lua_State *L = luaL_newstate();
  if (!L) {
    kl_error_set(&e, KL_ERR_INTERNAL, "not enough memory");
    return kl_cli_fail(&e);
  }
  bool installed = find_types(types);
  bool ok = compose(L, name, template, installed ? types : NULL, &e);
  lua_Integer n = ok ? (lua_Integer)lua_rawlen(L, -1) : 0;
  for (lua_Integer i = 1; ok && i <= n; i++)
    ok = put_file(L, i, folder, &e);
  lua_close(L);
  if (!ok) return kl_cli_fail(&e);
  say_next(folder);
  return KL_EXIT_OK;
}

int kl_command_new(int argc, char **argv) {
  bool force = false;
  const char *template = "market_maker";
  const kl_opt own[] = {
      {"template", KL_OPT_TEXT, &template, "market_maker|taker|blank", "what it does", .fallback = "market_maker"},
      {"force", KL_OPT_FLAG, &force, NULL, "also in a folder that is not empty: adds what is missing", 0, 0},
      {NULL, KL_OPT_FLAG, NULL, NULL, NULL, 0, 0}};
  kl_text_list names = {0};
  int code = kl_opts_parse("new", usage, (const kl_opt *const[]){own, NULL}, argc, argv, &names, NULL);
  if (code < 0 && names.n != 1) code = kl_cli_usage("new", names.n ? "one folder at a time" : "which folder?");
  if (code < 0 && !names.items[0][0]) code = kl_cli_usage("new", "which folder?");
  if (code < 0) code = make(names.items[0], template, force);
  kl_text_list_free(&names);
  return code;
}
