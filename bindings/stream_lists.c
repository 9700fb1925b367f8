/* What the exchange answers when it is asked over the feed: its indices, its subscriptions. */
#include <stdlib.h>

#include "base/buf.h"
#include "bindings/rest.h"
#include "bindings/sessions.h"
#include "bindings/stream_options.h"
#include "script/guard.h"
#include "script/script.h"

/* One question over the feed, or one to each connection in turn. Stack of those who wait: … result. */
typedef struct list_wait {
  kl_wait wait; /* first */
  kl_feed_request request;
  kl_feed *feed;
  uint32_t connection; /* of subscriptions */
  bool asked;          /* the feed has the request */
  kl_buf answer;
  kl_error error;
} list_wait;

static void list_answered(kl_feed_request *r, const char *raw, size_t n, const kl_error *e) {
  list_wait *w = r->data;
  w->asked = false;
  if (e) {
    w->error = *e;
  } else {
    kl_buf_add(&w->answer, raw, n);
    if (w->answer.failed) kl_error_set(&w->error, KL_ERR_INTERNAL, "not enough memory for the exchange's list");
  }
  kl_complete(&w->wait);
}

static void list_drop(kl_wait *wait) {
  list_wait *w = (list_wait *)wait;
  if (w->asked) kl_feed_request_cancel(w->feed, &w->request);
  kl_buf_free(&w->answer);
  free(w);
}

static void list_describe(const kl_wait *wait, kl_buf *out) {
  (void)wait;
  kl_buf_str(out, "the exchange's answer over the feed");
}

/* Raises when memory is out. */
static list_wait *list_new(lua_State *L, kl_feed *feed, int (*push)(lua_State *, kl_wait *)) {
  list_wait *w = calloc(1, sizeof *w);
  if (!w) {
    kl_raisef(L, KL_ERR_INTERNAL, "not enough memory to ask the exchange");
    return NULL;
  }
  w->wait.push = push;
  w->wait.drop = list_drop;
  w->wait.describe = list_describe;
  w->wait.kind = KL_WAIT_START;
  w->request.data = w;
  w->request.answer = list_answered;
  w->feed = feed;
  return w;
}

/* `msg` of the answer on top of the stack. */
static void push_answer(lua_State *L, const list_wait *w) {
  if (w->error.kind) {
    kl_error e = w->error;
    kl_raise(L, &e);
  }
  kl_json_decode(L, w->answer.data, w->answer.len, NULL, true);
  lua_getfield(L, -1, "msg");
  lua_remove(L, -2);
}

static int push_available(lua_State *L, kl_wait *wait) {
  push_answer(L, (list_wait *)wait); /* {index_ids = {…}} */
  if (lua_type(L, -1) == LUA_TTABLE) {
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
      if (lua_type(L, -1) == LUA_TTABLE) return 1;
    }
  }
  lua_newtable(L);
  return 1;
}

int kl_stream_available(lua_State *L, kl_feed *feed, kl_feed_sub *sub) {
  kl_error e;
  lua_settop(L, 1);
  list_wait *w = list_new(L, feed, push_available);
  if (!w) return 0;
  if (!kl_feed_sub_list(sub, &w->request, &e)) {
    list_drop(&w->wait);
    return kl_raise(L, &e);
  }
  w->asked = true;
  return kl_await(L, &w->wait);
}

static int ask_connections(lua_State *L, uint32_t from);

/* Stack: result. Adds the answer and goes on with the next connection. */
static int push_subscriptions(lua_State *L, kl_wait *wait) {
  list_wait *w = (list_wait *)wait;
  push_answer(L, w); /* result list */
  lua_Integer n = lua_type(L, -1) == LUA_TTABLE ? (lua_Integer)lua_rawlen(L, -1) : 0;
  for (lua_Integer i = 1; i <= n; i++) {
    if (lua_rawgeti(L, -1, i) == LUA_TTABLE) {
      lua_pushinteger(L, (lua_Integer)w->connection + 1);
      lua_setfield(L, -2, "connection");
      lua_rawseti(L, 1, (lua_Integer)lua_rawlen(L, 1) + 1);
    } else {
      lua_pop(L, 1);
    }
  }
  lua_settop(L, 1);
  return 1;
}

static int next_connection(lua_State *L, int status, lua_KContext from) {
  (void)status;
  return ask_connections(L, (uint32_t)from);
}

/* The feed of the connection `i`, counted over those of the markets and then, where it is another one, of the account;
 * and its number there. NULL past the last. */
static kl_feed *feed_of(const kl_place *at, uint32_t i, uint32_t *number) {
  kl_session *const sessions[] = {at->session, kl_account_session(at)};
  kl_feed_status status;
  for (int k = 0; k < 1 + kl_paper_trading(at); k++) {
    kl_feed *feed = kl_session_feed(sessions[k]);
    kl_feed_status_get(feed, &status);
    *number = i;
    if (i < status.connections_made) return feed;
    i -= status.connections_made;
  }
  return NULL;
}

static int ask_one(lua_State *L) { /* result connection place */
  uint32_t connection = (uint32_t)lua_tointeger(L, 2), number;
  kl_feed *feed = feed_of(lua_touserdata(L, 3), connection, &number);
  kl_error e;
  if (!feed) { /* fewer than there were */
    lua_settop(L, 1);
    return 1;
  }
  list_wait *w = list_new(L, feed, push_subscriptions);
  if (!w) return 0;
  w->connection = connection;
  lua_settop(L, 1);
  if (!kl_feed_subscriptions(feed, number, &w->request, &e)) { /* not open: it has none */
    list_drop(&w->wait);
    return 1;
  }
  w->asked = true;
  return kl_await(L, &w->wait);
}

/* Stack: result. */
static int ask_connections(lua_State *L, uint32_t from) {
  uint32_t number;
  for (;;) {
    lua_settop(L, 1);
    if (!feed_of(kl_place_of(L), from, &number)) return 1;
    lua_pushcfunction(L, ask_one);
    kl_guard_allow(L, -1); /* it is called where a prompt only looks, too */
    lua_pushvalue(L, 1);
    lua_pushinteger(L, (lua_Integer)from);
    lua_pushlightuserdata(L, kl_place_of(L));
    from++;
    lua_callk(L, 3, 1, (lua_KContext)from, next_connection);
  }
}

int kl_stream_subscriptions_lua(lua_State *L) {
  lua_settop(L, 0);
  lua_newtable(L);
  return ask_connections(L, 0);
}
