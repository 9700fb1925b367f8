/* os.execute and io.popen: as in Lua, but the task waits and not the process. */
#include "script/process.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "script/internal.h"
#include "script/program.h"

#define PROGRAM_META "kalua.Program"

enum { MAX_PROGRAMS = 16, PENDING_HIGH = 1 << 20, PENDING_LOW = 256 << 10, NUMERAL_MAX = 200 };

/* Registry key: the count of running programs of the script. */
static const char count_key = 0;

typedef struct {
  kl_program *p; /* NULL once closed */
  bool input;    /* we write to it */
} handle;

/* ---- starting ---- */

static const char *check_command(lua_State *L, const char *function) {
  size_t n;
  const char *command = luaL_checklstring(L, 1, &n);
  const kl_permissions allow = kl_script_permissions(kl_script_of(L));
  if (strlen(command) != n) luaL_argerror(L, 1, "the command holds a zero byte");
  if (!allow.all && !allow.run)
    kl_raise_coded(L, KL_ERR_PERMISSION, "permission_run",
                   "%s: the script may not start programs: run it with --allow-run", function);
  return command;
}

static int push_errno(lua_State *L, const char *what, int code) {
  luaL_pushfail(L);
  if (what)
    lua_pushfstring(L, "%s: %s", what, strerror(code));
  else
    lua_pushstring(L, strerror(code));
  lua_pushinteger(L, code);
  return 3;
}

static kl_program *start(lua_State *L, kl_program_pipe pipe, int *why) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &count_key);
  size_t *count = lua_touserdata(L, -1);
  lua_pop(L, 1);
  if (*count >= MAX_PROGRAMS) {
    *why = EAGAIN;
    return NULL;
  }
  return kl_program_start(kl_script_of(L), lua_tostring(L, 1), pipe, count, why);
}

static int push_outcome(lua_State *L, int exit_code, int signal) {
  if (!signal && exit_code == 0)
    lua_pushboolean(L, 1);
  else
    luaL_pushfail(L);
  lua_pushstring(L, signal ? "signal" : "exit");
  lua_pushinteger(L, signal ? signal : exit_code);
  return 3;
}

static int push_exit(lua_State *L, kl_wait *wait) {
  const kl_program_wait *w = (kl_program_wait *)wait;
  return push_outcome(L, w->exit_code, w->signal);
}

static int push_nothing(lua_State *L, kl_wait *wait) {
  (void)L;
  (void)wait;
  return 0;
}

/* ---- os.execute ---- */

static int execute_k(lua_State *L, int status, lua_KContext ctx) {
  int why = 0;
  (void)status;
  (void)ctx;
  kl_check_cancelled(L);
  kl_program *p = start(L, KL_PROGRAM_NO_PIPE, &why);
  if (!p) return push_errno(L, "cannot start a program", why);
  kl_program_wait *w = kl_program_wait_new(p, KL_PROGRAM_EXIT, push_exit);
  if (!w) {
    kl_program_stop(p);
    return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory");
  }
  w->owns = true;
  return kl_await(L, &w->wait);
}

/* What was printed before goes out first: the loop writes it in its turn. */
static int execute_held(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  return kl_yield_to(L, ctx, execute_k);
}

int kl_program_execute(lua_State *L) {
  if (lua_isnoneornil(L, 1)) { /* is there a shell? */
    const kl_permissions allow = kl_script_permissions(kl_script_of(L));
    lua_pushboolean(L, allow.all || allow.run);
    return 1;
  }
  check_command(L, "os.execute");
  lua_settop(L, 1);
  return kl_may_act(L) ? execute_held(L, LUA_OK, 0) : kl_hold(L, 0, execute_held);
}

/* ---- io.popen ---- */

static int popen_k(lua_State *L, int status, lua_KContext input) {
  int why = 0;
  (void)status;
  kl_check_cancelled(L);
  handle *h = lua_newuserdatauv(L, sizeof *h, 0);
  *h = (handle){.input = input != 0};
  luaL_setmetatable(L, PROGRAM_META);
  h->p = start(L, input ? KL_PROGRAM_INPUT : KL_PROGRAM_OUTPUT, &why);
  if (!h->p) return push_errno(L, lua_tostring(L, 1), why);
  h->p->held = true;
  return 1;
}

static int popen_held(lua_State *L, int status, lua_KContext input) {
  (void)status;
  return kl_yield_to(L, input, popen_k);
}

int kl_program_popen(lua_State *L) {
  check_command(L, "io.popen");
  const char *mode = luaL_optstring(L, 2, "r");
  luaL_argcheck(L, !strcmp(mode, "r") || !strcmp(mode, "w"), 2, "invalid mode");
  int input = mode[0] == 'w';
  lua_settop(L, 1);
  return kl_may_act(L) ? popen_held(L, LUA_OK, input) : kl_hold(L, input, popen_held);
}

/* ---- handles ---- */

static kl_program *check_open(lua_State *L) {
  const handle *h = luaL_checkudata(L, 1, PROGRAM_META);
  if (!h->p) luaL_error(L, "attempt to use a closed file");
  return h->p;
}

int kl_program_state(lua_State *L, int idx) {
  const handle *h = luaL_testudata(L, idx, PROGRAM_META);
  return h ? h->p != NULL : -1;
}

static int await_one(lua_State *L) { return kl_await(L, lua_touserdata(L, 1)); }

/* Goes on in `k` once the event has come. */
static int wait_for(lua_State *L, kl_program *p, kl_program_event what, lua_KContext ctx, lua_KFunction k) {
  if (p->waits[what])
    return kl_raise_coded(L, KL_ERR_VALIDATION, "reader_taken", "another task %s this program already",
                          what == KL_PROGRAM_DATA ? "reads from" : "writes to");
  kl_program_wait *w = kl_program_wait_new(p, what, push_nothing);
  if (!w) return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory");
  lua_pushcfunction(L, await_one);
  lua_pushlightuserdata(L, w);
  lua_callk(L, 1, 0, ctx, k);
  return k(L, LUA_OK, ctx);
}

/* ---- reading ---- */

/* The length of the longest start of `s` that can be the start of a numeral, as file:read "n" takes it. */
static size_t numeral(const char *s, size_t n) {
  size_t i = 0, digits = 0;
  bool hex = false;
  if (i < n && (s[i] == '+' || s[i] == '-')) i++;
  if (i + 1 < n && s[i] == '0' && (s[i + 1] == 'x' || s[i + 1] == 'X')) {
    hex = true;
    i += 2;
  }
  for (int part = 0; part < 2; part++) {
    for (; i < n && (hex ? isxdigit((unsigned char)s[i]) : isdigit((unsigned char)s[i])); i++)
      digits++;
    if (part == 0 && i < n && s[i] == '.')
      i++;
    else
      break;
  }
  if (digits > 0 && i < n && strchr(hex ? "pP" : "eE", s[i])) {
    i++;
    if (i < n && (s[i] == '+' || s[i] == '-')) i++;
    while (i < n && isdigit((unsigned char)s[i]))
      i++;
  }
  return i;
}

/* Takes one value of the format at `idx` and pushes it, nil at the end; false when more must come first. */
static bool take(lua_State *L, kl_program *p, int idx) {
  const char *s = p->in.data ? p->in.data + p->at : "";
  size_t have = p->in.len - p->at, cap = kl_script_get_options(kl_script_of(L))->memory_cap;
  size_t count = 0;
  char format;
  if (lua_type(L, idx) == LUA_TNUMBER) {
    lua_Integer asked = luaL_checkinteger(L, idx);
    luaL_argcheck(L, asked >= 0, idx, "a count is not negative");
    count = (size_t)asked;
    format = '#';
  } else {
    const char *text = luaL_checkstring(L, idx);
    format = *text == '*' ? text[1] : *text;
  }
  if (have > cap) luaL_error(L, "not enough memory");
  kl_program_read_on(p, format == 'a' || format == '#' ? cap + 1 : have + 1);
  switch (format) {
  case '#':
    if (have < count && !p->end) return false;
    if (have == 0 && (count > 0 || p->end)) {
      if (!p->end) return false;
      luaL_pushfail(L);
      return true;
    }
    if (count > have) count = have;
    lua_pushlstring(L, s, count);
    kl_program_consume(p, count);
    return true;
  case 'a':
    if (!p->end) return false;
    lua_pushlstring(L, s, have);
    kl_program_consume(p, have);
    return true;
  case 'l':
  case 'L': {
    const char *end = memchr(s + p->looked, '\n', have - p->looked);
    if (!end) {
      p->looked = have;
      if (!p->end) return false;
      if (have == 0)
        luaL_pushfail(L);
      else
        lua_pushlstring(L, s, have);
      kl_program_consume(p, have);
      return true;
    }
    lua_pushlstring(L, s, (size_t)(end - s) + (format == 'L'));
    kl_program_consume(p, (size_t)(end - s) + 1);
    return true;
  }
  case 'n': {
    size_t blank = 0;
    while (blank < have && isspace((unsigned char)s[blank]))
      blank++;
    size_t n = numeral(s + blank, have - blank);
    if (blank + n == have && !p->end && n <= NUMERAL_MAX) return false;
    char text[NUMERAL_MAX + 1];
    if (n > NUMERAL_MAX) n = NUMERAL_MAX;
    memcpy(text, s + blank, n);
    text[n] = 0;
    kl_program_consume(p, blank + n);
    if (!lua_stringtonumber(L, text)) luaL_pushfail(L);
    return true;
  }
  default:
    luaL_argerror(L, idx, "invalid format");
    return true;
  }
}

/* The context: how many formats (above the handle on the stack), and which is next. */
static lua_KContext reading(int formats, int next) { return (lua_KContext)formats << 16 | next; }

static int read_k(lua_State *L, int status, lua_KContext ctx) {
  kl_program *p = check_open(L);
  int formats = (int)(ctx >> 16), next = (int)(ctx & 0xFFFF);
  (void)status;
  for (; next < formats; next++) {
    luaL_checkstack(L, 3, "too many formats");
    if (!take(L, p, 2 + next)) return wait_for(L, p, KL_PROGRAM_DATA, reading(formats, next), read_k);
    if (lua_isnil(L, -1)) break; /* as in Lua: what follows is not read */
  }
  if (p->in_error && lua_isnil(L, -1)) return push_errno(L, NULL, p->in_error);
  return lua_gettop(L) - 1 - formats;
}

static int read_now(lua_State *L) {
  const handle *h = luaL_checkudata(L, 1, PROGRAM_META);
  check_open(L);
  if (h->input) return push_errno(L, NULL, EBADF);
  if (lua_gettop(L) == 1) lua_pushliteral(L, "l");
  int formats = lua_gettop(L) - 1;
  if (formats > 250) return luaL_error(L, "too many formats");
  return read_k(L, LUA_OK, reading(formats, 0));
}

/* Upvalues: the handle, the formats; their count is upvalue 2. */
static int next_line(lua_State *L) {
  int n = (int)lua_tointeger(L, lua_upvalueindex(2));
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(1));
  luaL_checkstack(L, n, "too many formats");
  for (int i = 0; i < n; i++)
    lua_pushvalue(L, lua_upvalueindex(3 + i));
  return read_now(L);
}

static int l_lines(lua_State *L) {
  check_open(L);
  int n = lua_gettop(L) - 1;
  luaL_argcheck(L, n <= 250, 252, "too many arguments");
  lua_pushinteger(L, n);
  lua_insert(L, 2);
  lua_pushcclosure(L, next_line, n + 2);
  return 1;
}

/* ---- writing ---- */

static int write_k(lua_State *L, int status, lua_KContext ctx) {
  kl_program *p = check_open(L);
  (void)status;
  (void)ctx;
  if (p->out_error) return push_errno(L, NULL, p->out_error);
  if (p->pending > PENDING_LOW) return wait_for(L, p, KL_PROGRAM_DRAINED, 0, write_k);
  lua_settop(L, 1);
  return 1;
}

static int l_write(lua_State *L) {
  const handle *h = luaL_checkudata(L, 1, PROGRAM_META);
  kl_program *p = check_open(L);
  if (!h->input) return push_errno(L, NULL, EBADF);
  int n = lua_gettop(L);
  for (int i = 2; i <= n; i++)
    luaL_checkstring(L, i);
  for (int i = 2; i <= n && !p->out_error; i++) {
    size_t len;
    const char *text = lua_tolstring(L, i, &len);
    if (len > 0) kl_program_write(p, text, len);
  }
  lua_settop(L, 1);
  if (p->out_error) return push_errno(L, NULL, p->out_error);
  return p->pending > PENDING_HIGH ? write_k(L, LUA_OK, 0) : 1;
}

/* ---- closing ---- */

static void let_go(handle *h) {
  kl_program *p = h->p;
  h->p = NULL;
  if (!p) return;
  if (h->input && !p->out_error)
    kl_program_finish_input(p);
  else
    kl_program_release(p);
}

/* Waits for the end of the program; gives what os.execute gives. */
static int l_close(lua_State *L) {
  handle *h = luaL_checkudata(L, 1, PROGRAM_META);
  kl_program *p = check_open(L);
  if (p->exited) {
    int code = p->exit_code, signal = p->signal;
    let_go(h);
    return push_outcome(L, code, signal);
  }
  kl_program_wait *w = kl_program_wait_new(p, KL_PROGRAM_EXIT, push_exit);
  if (!w) return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory");
  let_go(h);
  return kl_await(L, &w->wait);
}

/* A program that nobody reads from or writes to any more goes on to its own end, or to the script's. */
static int l_gc(lua_State *L) {
  let_go(luaL_checkudata(L, 1, PROGRAM_META));
  return 0;
}

static int l_flush(lua_State *L) {
  check_open(L);
  lua_settop(L, 1);
  return 1;
}

static int l_seek(lua_State *L) {
  check_open(L);
  return push_errno(L, NULL, ESPIPE);
}

static int l_setvbuf(lua_State *L) {
  check_open(L);
  lua_pushboolean(L, 1);
  return 1;
}

static int l_tostring(lua_State *L) {
  const handle *h = luaL_checkudata(L, 1, PROGRAM_META);
  if (h->p)
    lua_pushfstring(L, "file (%p)", (const void *)h);
  else
    lua_pushliteral(L, "file (closed)");
  return 1;
}

void kl_programs_open(lua_State *L) {
  static const luaL_Reg methods[] = {{"read", read_now}, {"lines", l_lines}, {"write", l_write},     {"close", l_close},
                                     {"flush", l_flush}, {"seek", l_seek},   {"setvbuf", l_setvbuf}, {NULL, NULL}};
  static const luaL_Reg meta[] = {{"__gc", l_gc}, {"__close", l_gc}, {"__tostring", l_tostring}, {NULL, NULL}};
  *(size_t *)lua_newuserdatauv(L, sizeof(size_t), 0) = 0;
  lua_rawsetp(L, LUA_REGISTRYINDEX, &count_key);
  luaL_newmetatable(L, PROGRAM_META);
  luaL_setfuncs(L, meta, 0);
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}
