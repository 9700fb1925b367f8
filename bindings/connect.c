/* kalshi.connect: the same functions on another account. The table of an account is made once in each script. */
#include <stdlib.h>
#include <string.h>

#include "bindings/options.h"
#include "bindings/rest.h"
#include "script/guard.h"
#include "script/limits.h"
#include "script/script.h"

static const char call[] = "kalshi.connect";

bool kl_profile_name_ok(const char *name) {
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  size_t n = strlen(name);
  return n > 0 && n <= KL_PROFILE_NAME && strspn(name, allowed) == n;
}

/* ---- the table ---- */

static void push_key(lua_State *L, const kl_place *at) { lua_pushfstring(L, "kalshi of %p", (const void *)at); }

/* Pushes the one that the script has; false, and nothing, where it has none yet. */
static bool push_known(lua_State *L, const kl_place *at) {
  luaL_checkstack(L, 4, NULL);
  push_key(L, at);
  bool known = lua_rawget(L, LUA_REGISTRYINDEX) == LUA_TTABLE;
  if (!known) lua_pop(L, 1);
  return known;
}

static int push_table(lua_State *L, kl_place *at) {
  if (push_known(L, at)) return 1;
  push_key(L, at);
  kl_kalshi_push(L, at); /* key table */
  lua_pushvalue(L, -1);
  lua_insert(L, -3); /* table key table */
  lua_rawset(L, LUA_REGISTRYINDEX);
  return 1;
}

/* ---- waiting ---- */

typedef struct connect_wait {
  kl_wait wait; /* first */
  kl_place_waiter waiter;
  kl_place *at; /* NULL: it failed */
  kl_error error;
  char profile[KL_PROFILE_NAME + 1];
} connect_wait;

static void opened(void *data, kl_place *at, const kl_error *e) {
  connect_wait *w = data;
  w->at = at;
  if (e) w->error = *e;
  kl_complete(&w->wait);
}

static int push_opened(lua_State *L, kl_wait *wait) {
  connect_wait *w = (connect_wait *)wait;
  return w->at ? push_table(L, w->at) : kl_raise(L, &w->error);
}

static void drop(kl_wait *wait) {
  connect_wait *w = (connect_wait *)wait;
  kl_list_remove(&w->waiter.link);
  free(w);
}

static void describe(const kl_wait *wait, kl_buf *out) {
  kl_buf_printf(out, "the account %s", ((const connect_wait *)wait)->profile);
}

/* ---- kalshi.connect ---- */

static const char *read_profile(lua_State *L) { /* raises */
  static const char *const keys[] = {"profile"};
  if (lua_gettop(L) != 1 || lua_type(L, 1) != LUA_TTABLE)
    kl_raise_coded(L, KL_ERR_VALIDATION, "wrong_arguments", "%s takes one table: { profile = \"second-account\" }",
                   call);
  kl_options_check(L, 1, call, keys, 1, NULL);
  const char *name = kl_option_text(L, 1, call, "profile", 1024);
  if (!name) {
    kl_raise_coded(L, KL_ERR_VALIDATION, "missing_parameter",
                   "%s: profile is missing: the NAME of a file .env.NAME, as { profile = \"second-account\" }", call);
    return "";
  }
  if (!kl_profile_name_ok(name))
    kl_raise_coded(L, KL_ERR_VALIDATION, "malformed_value",
                   "%s: profile \"%.40s\" must be 1 to %d letters, digits, - and _: it is the end of a file's name",
                   call, name, (int)KL_PROFILE_NAME);
  return name;
}

int kl_connect_lua(lua_State *L) {
  kl_environment *env = kl_environment_of(L);
  const char *profile = read_profile(L);
  kl_place *at = NULL;
  kl_error e = {0};
  if (!env->connect)
    return kl_raise_coded(L, KL_ERR_CONFIG, "no_accounts_here",
                          "%s: there is one account here: further ones are for scripts of `kalua run` and prompts",
                          call);
  if (!env->connect(env->connect_data, profile, NULL, &at, &e)) return kl_raise(L, &e);
  if (at) {
    kl_check_cancelled(L);
    return push_table(L, at);
  }
  kl_guard_refuse(L, "kalshi.connect to an account that nobody has connected to");
  kl_check_await(L);
  connect_wait *w = calloc(1, sizeof *w);
  if (!w) return kl_raisef(L, KL_ERR_INTERNAL, "%s: not enough memory", call);
  w->wait = (kl_wait){.push = push_opened, .drop = drop, .describe = describe, .kind = KL_WAIT_START};
  w->waiter.data = w;
  w->waiter.done = opened;
  kl_list_init(&w->waiter.link);
  memcpy(w->profile, profile, strlen(profile) + 1);
  if (!env->connect(env->connect_data, profile, &w->waiter, &at, &e)) {
    free(w);
    return kl_raise(L, &e);
  }
  if (!at) return kl_await(L, &w->wait);
  free(w);
  kl_check_cancelled(L);
  return push_table(L, at);
}
