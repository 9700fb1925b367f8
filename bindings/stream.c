/* kalshi.subscribe: the messages of channels, each as a table of its own. */
#include <stdlib.h>
#include <string.h>

#include "bindings/rest.h"
#include "script/script.h"

#define STREAM_META "kalshi.Subscription"

enum { QUEUE_MESSAGES = 10000, QUEUE_BYTES = 4 << 20, QUEUE_FIRST = 4096, TYPE_MAX = 64 };

/* Before each message in the queue. */
typedef struct header {
  const kl_shape *shape; /* of `msg`; static */
  uint32_t n;
} header;

typedef struct stream_wait stream_wait;

/* In the memory of the userdata. */
typedef struct stream {
  kl_member member;
  bool adopted;
  kl_feed_sub *sub;    /* NULL once closed */
  kl_error error;      /* the exchange refused it */
  kl_list waits;       /* for acknowledgements */
  stream_wait *reader; /* the task that waits for a message */
  char *queue;         /* messages with headers, from `head` to `tail` */
  size_t cap, head, tail, count;
  uint64_t lost;
  char type[TYPE_MAX]; /* of the last message, and its shape */
  size_t type_len;
  const kl_shape *shape;
} stream;

struct stream_wait {
  kl_wait wait; /* first */
  kl_list link; /* in the stream's waits; a reader is in none */
  stream *s;    /* NULL once its memory went */
  bool opening, opened;
};

/* ---- the queue ---- */

/* Room for n more bytes at the tail, without moving past the limit. */
static bool reserve(stream *s, size_t n) {
  size_t held = s->tail - s->head;
  if (held + n > QUEUE_BYTES) return false;
  if (s->tail + n <= s->cap) return true;
  if (s->head && s->head >= held) { /* what was read makes room; each byte is moved at most once */
    memmove(s->queue, s->queue + s->head, held);
    s->head = 0;
    s->tail = held;
    if (held + n <= s->cap) return true;
  }
  size_t cap = s->cap ? s->cap : QUEUE_FIRST;
  while (cap < s->tail + n)
    cap *= 2;
  char *wide = realloc(s->queue, cap);
  if (!wide) return false;
  s->queue = wide;
  s->cap = cap;
  return true;
}

static const kl_shape *shape_of(stream *s, kl_str type) {
  if (type.n >= TYPE_MAX) return NULL;
  if (!kl_str_is(type, s->type, s->type_len)) {
    memcpy(s->type, type.p, type.n);
    s->type[type.n] = '\0';
    s->type_len = type.n;
    s->shape = kl_message_shape(s->type);
  }
  return s->shape;
}

/* Once one is lost, none is taken until the loop has been told: a hole is where the error is. */
static void on_message(void *data, const kl_event *ev, const char *raw, size_t n) {
  stream *s = data;
  size_t room =
      (sizeof(header) + n + sizeof(header) - 1) / sizeof(header) * sizeof(header); /* the next stays aligned */
  if (s->lost || s->count >= QUEUE_MESSAGES || n > UINT32_MAX || !reserve(s, room)) {
    s->lost++;
    return;
  }
  const header h = {.shape = shape_of(s, ev->type_name), .n = (uint32_t)n};
  memcpy(s->queue + s->tail, &h, sizeof h);
  memcpy(s->queue + s->tail + sizeof h, raw, n);
  s->tail += room;
  s->count++;
  if (s->reader) kl_complete(&s->reader->wait);
}

/* ---- life ---- */

static void complete_all(stream *s) {
  for (kl_list *n = s->waits.next; n != &s->waits; n = n->next)
    kl_complete(&KL_CONTAINER(n, stream_wait, link)->wait);
}

static void on_ready(void *data, bool again) {
  (void)again;
  complete_all(data);
}

static void on_failed(void *data, const kl_error *e) {
  stream *s = data;
  s->error = *e;
  complete_all(s);
  if (s->reader) kl_complete(&s->reader->wait);
}

static void stream_close(stream *s) {
  if (s->adopted) {
    s->adopted = false;
    kl_script_disown(&s->member);
  }
  if (!s->sub) return;
  kl_feed_sub *sub = s->sub;
  s->sub = NULL;
  kl_feed_sub_close(sub);
  complete_all(s);
  if (s->reader) kl_complete(&s->reader->wait);
}

static void member_close(kl_member *m) {
  stream *s = KL_CONTAINER(m, stream, member);
  s->adopted = false; /* the scope has unlinked it */
  stream_close(s);
}

static int l_close(lua_State *L) {
  stream_close(luaL_checkudata(L, 1, STREAM_META));
  return 0;
}

static int l_gc(lua_State *L) {
  stream *s = luaL_checkudata(L, 1, STREAM_META);
  stream_close(s);
  while (!kl_list_empty(&s->waits)) {
    stream_wait *w = KL_CONTAINER(s->waits.next, stream_wait, link);
    w->s = NULL;
    kl_list_remove(&w->link);
  }
  if (s->reader) s->reader->s = NULL;
  s->reader = NULL;
  free(s->queue);
  s->queue = NULL;
  s->cap = s->head = s->tail = s->count = 0;
  return 0;
}

/* ---- waiting for acknowledgements ---- */

static void wait_drop(kl_wait *w) {
  stream_wait *sw = (stream_wait *)w;
  kl_list_remove(&sw->link);
  if (sw->s && sw->s->reader == sw) sw->s->reader = NULL;
  if (sw->opening && !sw->opened && sw->s) stream_close(sw->s); /* given up before it was acknowledged */
  free(sw);
}

/* Raises when memory is out: NULL never reaches the caller. */
static stream_wait *wait_new(lua_State *L, stream *s, int (*push)(lua_State *, kl_wait *)) {
  stream_wait *w = calloc(1, sizeof *w);
  if (!w) {
    kl_raisef(L, KL_ERR_INTERNAL, "not enough memory to wait for a subscription");
    return NULL;
  }
  w->wait.push = push;
  w->wait.drop = wait_drop;
  w->s = s;
  kl_list_init(&w->link);
  return w;
}

static int raise_error(lua_State *L, const stream *s) {
  kl_error e = s->error;
  return kl_raise(L, &e);
}

static int push_acked(lua_State *L, kl_wait *w) { /* options-or-subscription stream … */
  stream_wait *sw = (stream_wait *)w;
  stream *s = sw->s;
  if (s && s->error.kind) return raise_error(L, s);
  if (!s || !s->sub) return kl_raisef(L, KL_ERR_CLOSED, "the subscription was closed while it waited for the exchange");
  if (!sw->opening) return 0;
  sw->opened = true;
  lua_settop(L, 2);
  return 1;
}

/* ---- arguments ---- */

/* The strings of the array at idx, borrowed from it, as a NULL-terminated list that Lua owns; on the stack. */
static const char *const *arg_strings(lua_State *L, int idx, const char *what) {
  if (lua_type(L, idx) != LUA_TTABLE) {
    kl_raisef(L, KL_ERR_VALIDATION, "%s must be a list of strings, not %s", what, luaL_typename(L, idx));
  }
  size_t n = lua_rawlen(L, idx), keys = 0;
  for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1))
    keys++;
  if (keys != n) kl_raisef(L, KL_ERR_VALIDATION, "%s must be a list: a table with the keys 1 to n", what);
  const char **list = lua_newuserdatauv(L, (n + 1) * sizeof *list, 0);
  for (size_t i = 0; i < n; i++) {
    if (lua_rawgeti(L, idx, (lua_Integer)i + 1) != LUA_TSTRING) {
      kl_raisef(L, KL_ERR_VALIDATION, "%s[%d] must be a string, not %s", what, (int)i + 1, luaL_typename(L, -1));
    }
    size_t length;
    list[i] = lua_tolstring(L, -1, &length);
    if (strlen(list[i]) != length) kl_raisef(L, KL_ERR_VALIDATION, "%s[%d] holds a zero byte", what, (int)i + 1);
    lua_pop(L, 1);
  }
  list[n] = NULL;
  return list;
}

static void check_channels(lua_State *L, const char *const *channels) {
  static const char *const by_index[] = {"cfbenchmarks_value", "cfbenchmarks_value_5hz", "pyth_value"};
  size_t known = 0;
  while (kl_channels[known])
    known++;
  if (!channels[0]) kl_raisef(L, KL_ERR_VALIDATION, "kalshi.subscribe: channels is empty");
  for (; *channels; channels++) {
    size_t i = 0;
    while (i < known && strcmp(kl_channels[i], *channels) != 0)
      i++;
    if (i == known) {
      const char *near = kl_nearest(*channels, kl_channels, known);
      kl_raisef(L, KL_ERR_VALIDATION, "kalshi.subscribe: there is no channel \"%s\"%s%s%s", *channels,
                near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    for (i = 0; i < sizeof by_index / sizeof *by_index; i++) {
      if (strcmp(by_index[i], *channels) != 0) continue;
      kl_raisef(L, KL_ERR_VALIDATION,
                "kalshi.subscribe: channel \"%s\" is chosen by index, not by market: not supported", *channels);
    }
  }
}

static void check_keys(lua_State *L, int idx) {
  static const char *const keys[] = {"channels", "market_tickers", "market_ticker", "send_initial_snapshot"};
  const size_t n = sizeof keys / sizeof *keys;
  for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
    const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
    size_t i = 0;
    while (key && i < n && strcmp(keys[i], key) != 0)
      i++;
    if (key && i < n) continue;
    const char *near = key ? kl_nearest(key, keys, n) : NULL;
    kl_raisef(L, KL_ERR_VALIDATION, "kalshi.subscribe: there is no option %s%s%s%s", key ? key : "without a name",
              near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
  }
}

int kl_stream_subscribe_lua(lua_State *L) {
  if (lua_type(L, 1) != LUA_TTABLE) {
    return kl_raisef(L, KL_ERR_VALIDATION,
                     "kalshi.subscribe takes one table: {channels = {\"trade\"}, market_tickers = "
                     "{…}}");
  }
  lua_settop(L, 1);
  check_keys(L, 1);
  kl_script *script = kl_script_of(L);
  stream *s = lua_newuserdatauv(L, sizeof *s, 0); /* options stream */
  memset(s, 0, sizeof *s);
  kl_list_init(&s->waits);
  s->member.close = member_close;
  luaL_setmetatable(L, STREAM_META);

  kl_feed_sub_options o = {.data = s, .message = on_message, .ready = on_ready, .failed = on_failed};
  lua_getfield(L, 1, "channels");
  o.channels = arg_strings(L, 3, "kalshi.subscribe: channels");
  check_channels(L, o.channels);
  const char *one[2] = {NULL, NULL};
  if (lua_getfield(L, 1, "market_tickers") != LUA_TNIL) {
    o.tickers = arg_strings(L, lua_gettop(L), "kalshi.subscribe: market_tickers");
    if (!o.tickers[0]) {
      return kl_raisef(L, KL_ERR_VALIDATION, "kalshi.subscribe: market_tickers is empty; leave it out for all markets");
    }
  }
  if (lua_getfield(L, 1, "market_ticker") != LUA_TNIL) {
    if (o.tickers || lua_type(L, -1) != LUA_TSTRING) {
      return kl_raisef(L, KL_ERR_VALIDATION,
                       o.tickers ? "kalshi.subscribe: market_ticker or market_tickers, not both"
                                 : "kalshi.subscribe: market_ticker must be a string");
    }
    one[0] = lua_tostring(L, -1);
    o.tickers = one;
  }
  int type = lua_getfield(L, 1, "send_initial_snapshot");
  if (type != LUA_TNIL && type != LUA_TBOOLEAN) {
    return kl_raisef(L, KL_ERR_VALIDATION, "kalshi.subscribe: send_initial_snapshot must be true or false");
  }
  o.send_initial_snapshot = lua_toboolean(L, -1);

  kl_error e;
  s->sub = kl_feed_subscribe(kl_session_feed(kl_environment_of(L)->session), &o, &e);
  if (!s->sub) return kl_raise(L, &e);
  kl_script_adopt(script, &s->member);
  s->adopted = true;
  lua_settop(L, 2);
  stream_wait *w = wait_new(L, s, push_acked);
  if (!w) return 0;
  w->opening = true;
  kl_list_append(&s->waits, &w->link);
  return kl_await(L, &w->wait);
}

/* ---- messages ---- */

/* {type, sid, seq, msg = {…}} on top of the stack becomes {…, type, sid, seq}. */
static void flatten(lua_State *L) {
  if (lua_getfield(L, -1, "msg") != LUA_TTABLE) { /* message msg */
    lua_pop(L, 1);
    return;
  }
  for (lua_pushnil(L); lua_next(L, -3); lua_pop(L, 1)) { /* message msg key value */
    if (lua_type(L, -2) == LUA_TSTRING && !strcmp(lua_tostring(L, -2), "msg")) continue;
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -2);
    lua_rawset(L, -5);
  }
  lua_remove(L, -2); /* the message; what is left is msg */
}

static int push_message(lua_State *L, stream *s) {
  if (s->count) {
    header h;
    memcpy(&h, s->queue + s->head, sizeof h);
    const char *text = s->queue + s->head + sizeof h;
    s->head += (sizeof h + h.n + sizeof h - 1) / sizeof h * sizeof h;
    if (!--s->count) s->head = s->tail = 0; /* the text stays until the next message comes */
    const kl_shape_field field = {.name = "msg", .shape = h.shape};
    const kl_shape envelope = {.kind = KL_SHAPE_OBJECT, .n_fields = 1, .fields = &field};
    kl_json_decode(L, text, h.n, h.shape ? &envelope : NULL, true);
    flatten(L);
    return 1;
  }
  if (s->lost) {
    unsigned long long lost = s->lost;
    s->lost = 0;
    return kl_raisef(L, KL_ERR_OVERFLOW,
                     "%llu messages lost: the loop over this subscription was more than %d messages or %d MiB behind",
                     lost, QUEUE_MESSAGES, QUEUE_BYTES >> 20);
  }
  if (s->error.kind) return raise_error(L, s);
  lua_pushnil(L);
  return 1;
}

static int push_waited(lua_State *L, kl_wait *w) {
  stream_wait *sw = (stream_wait *)w;
  stream *s = sw->s;
  if (!s) return 0;
  s->reader = NULL; /* before anything raises: the loop may be taken up again */
  sw->s = NULL;
  return push_message(L, s);
}

static int l_next(lua_State *L) {
  stream *s = luaL_checkudata(L, 1, STREAM_META);
  lua_settop(L, 1);
  if (s->count || s->lost || s->error.kind || !s->sub) {
    kl_check_cancelled(L);
    return push_message(L, s);
  }
  if (s->reader) {
    return kl_raisef(L, KL_ERR_VALIDATION, "another task waits for messages of this subscription: give it its own");
  }
  stream_wait *w = wait_new(L, s, push_waited);
  if (!w) return 0;
  s->reader = w;
  return kl_await(L, &w->wait);
}

static stream *check(lua_State *L, const char *method) {
  stream *s = luaL_testudata(L, 1, STREAM_META);
  if (!s) {
    kl_raisef(L, KL_ERR_VALIDATION, "subscription:%s: call it with a colon, on a subscription", method);
  } else if (!s->sub) {
    kl_raisef(L, KL_ERR_CLOSED, "subscription:%s: this subscription is closed", method);
  }
  return s;
}

static int l_messages(lua_State *L) {
  check(L, "messages");
  lua_pushcfunction(L, l_next);
  lua_pushvalue(L, 1);
  return 2;
}

/* ---- changes of the markets ---- */

/* Returns once the exchange has acknowledged them. */
static int l_add(lua_State *L) {
  stream *s = check(L, "add");
  kl_error e;
  lua_settop(L, 2);
  const char *const *tickers = arg_strings(L, 2, "subscription:add: the tickers");
  if (!kl_feed_sub_add(s->sub, tickers, &e)) return kl_raise(L, &e);
  if (kl_feed_sub_ready(s->sub)) {
    kl_check_cancelled(L);
    return 0;
  }
  stream_wait *w = wait_new(L, s, push_acked);
  if (!w) return 0;
  kl_list_append(&s->waits, &w->link);
  return kl_await(L, &w->wait);
}

static int l_remove(lua_State *L) {
  stream *s = check(L, "remove");
  kl_error e;
  lua_settop(L, 2);
  if (!kl_feed_sub_remove(s->sub, arg_strings(L, 2, "subscription:remove: the tickers"), &e)) return kl_raise(L, &e);
  return 0;
}

static int l_tostring(lua_State *L) {
  const stream *s = luaL_checkudata(L, 1, STREAM_META);
  lua_pushstring(L, s->sub ? "subscription" : "subscription (closed)");
  return 1;
}

void kl_stream_register(lua_State *L) {
  static const luaL_Reg meta[] = {{"__gc", l_gc}, {"__close", l_close}, {"__tostring", l_tostring}, {NULL, NULL}};
  static const luaL_Reg methods[] = {
      {"messages", l_messages}, {"add", l_add}, {"remove", l_remove}, {"close", l_close}, {NULL, NULL}};
  luaL_newmetatable(L, STREAM_META); /* mt */
  luaL_setfuncs(L, meta, 0);
  luaL_newlib(L, methods); /* mt methods */
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, STREAM_META);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}
