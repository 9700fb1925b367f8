/* kalshi.subscribe: the messages of channels, each as a table of its own. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bindings/json.h"
#include "bindings/queue.h"
#include "bindings/rest.h"
#include "bindings/stream_options.h"
#include "script/script.h"

#define STREAM_META "kalshi.Subscription"

enum { QUEUE_MESSAGES = 10000, QUEUE_BYTES = 4 << 20, TYPE_MAX = 64 };

typedef struct stream_wait stream_wait;

/* In the memory of the userdata. */
typedef struct stream {
  kl_member member;
  bool adopted, open;
  bool raw; /* messages are handed out as their texts */
  kl_script *script;
  kl_feed *feed;
  kl_feed_sub *sub;          /* NULL once closed, and when only the feed's own events were asked for */
  kl_feed_listener listener; /* for those */
  kl_error error;            /* the exchange refused it */
  kl_list waits;             /* for acknowledgements */
  stream_wait *reader;       /* the task that waits for a message */
  kl_queue queue;
  char type[TYPE_MAX]; /* of the last message, and its shape */
  size_t type_len;
  const kl_shape *shape;
  kl_slot slot; /* while it is open */
} stream;

struct stream_wait {
  kl_wait wait; /* first */
  kl_list link; /* in the stream's waits; a reader is in none */
  stream *s;    /* NULL once its memory went */
  bool opening, opened;
  kl_error refused; /* of an addition */
};

/* ---- the queue ---- */

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

/* The tag of a message in the queue is the shape of its `msg`. */
static void enqueue(stream *s, const char *raw, size_t n, const kl_shape *shape) {
  kl_queue_put(&s->queue, (intptr_t)shape, raw, n);
}

static void on_message(void *data, const kl_event *ev, const char *raw, size_t n) {
  stream *s = data;
  enqueue(s, raw, n, shape_of(s, ev->type_name));
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

/* A ticker of an addition does not exist: whoever waits for that hears of it, and the rest goes on. */
static void on_refused(void *data, const kl_error *e) {
  stream *s = data;
  for (kl_list *n = s->waits.next; n != &s->waits; n = n->next) {
    stream_wait *w = KL_CONTAINER(n, stream_wait, link);
    if (w->opening) continue;
    w->refused = *e;
    kl_complete(&w->wait);
  }
}

static void stream_close(stream *s) {
  if (s->adopted) {
    s->adopted = false;
    kl_script_disown(&s->member);
  }
  if (!s->open) return;
  s->open = false;
  kl_slot_release(&s->slot);
  kl_feed_sub *sub = s->sub;
  s->sub = NULL;
  kl_feed_sub_close(sub);
  kl_feed_unlisten(&s->listener);
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
  kl_queue_free(&s->queue);
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
  if (!s || !s->open)
    return kl_raisef(L, KL_ERR_CLOSED, "the subscription was closed while it waited for the exchange");
  if (sw->refused.kind) {
    kl_error e = sw->refused;
    return kl_raise(L, &e);
  }
  if (!sw->opening) return 0;
  sw->opened = true;
  lua_settop(L, 2);
  return 1;
}

/* {"type":"kalshi.status","msg":{…}} into the queue like any other message, so that it has its place among them. */
static void on_status(void *data, const char *what, const char *detail) {
  stream *s = data;
  kl_buf b = {0};
  kl_buf_printf(&b, "{\"type\":\"" KL_STREAM_STATUS "\",\"msg\":{\"event\":\"%s\",\"ts\":%.3f,\"detail\":", what,
                (double)kl_wall_us(kl_script_clock(s->script)) / 1e6);
  kl_buf_json_cstr(&b, detail ? detail : "");
  kl_buf_str(&b, "}}");
  if (b.failed) {
    s->queue.lost++;
  } else {
    enqueue(s, b.data, b.len, NULL);
  }
  kl_buf_free(&b);
  if (s->reader) kl_complete(&s->reader->wait);
}

int kl_stream_subscribe_lua(lua_State *L) {
  lua_settop(L, 1);
  kl_stream_options given;
  kl_stream_options_read(L, 1, &given);
  kl_script *script = kl_script_of(L);
  stream *s = lua_newuserdatauv(L, sizeof *s, 0); /* options … stream */
  memset(s, 0, sizeof *s);
  kl_list_init(&s->waits);
  kl_list_init(&s->listener.link);
  s->queue.max_count = QUEUE_MESSAGES;
  s->queue.max_bytes = QUEUE_BYTES;
  s->queue.charge.meter = kl_script_meter(script);
  s->script = script;
  s->raw = given.raw;
  s->feed = kl_session_feed(kl_environment_of(L)->session);
  s->member.close = member_close;
  luaL_setmetatable(L, STREAM_META);
  kl_slot_take(L, &s->slot, KL_SLOT_HANDLE, "kalshi.subscribe");
  if (given.o.channels[0]) {
    kl_error e;
    given.o.data = s;
    given.o.message = on_message;
    given.o.ready = on_ready;
    given.o.failed = on_failed;
    given.o.refused = on_refused;
    s->sub = kl_feed_subscribe(s->feed, &given.o, &e);
    if (!s->sub) {
      kl_slot_release(&s->slot);
      return kl_raise(L, &e);
    }
  }
  if (given.status) {
    s->listener.data = s;
    s->listener.status = on_status;
    kl_feed_listen(s->feed, &s->listener);
  }
  s->open = true;
  kl_script_adopt(script, &s->member);
  s->adopted = true;
  lua_replace(L, 2); /* options stream … */
  lua_settop(L, 2);
  if (!s->sub) {
    kl_check_cancelled(L);
    return 1;
  }
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
  intptr_t tag;
  const char *text;
  size_t n;
  if (kl_queue_take(&s->queue, &tag, &text, &n)) {
    if (s->raw) {
      while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--; /* the exchange ends its messages with one */
      lua_pushlstring(L, text, n);
      return 1;
    }
    const kl_shape *shape = (const kl_shape *)tag;
    const kl_shape_field field = {.name = "msg", .shape = shape};
    const kl_shape envelope = {.kind = KL_SHAPE_OBJECT, .n_fields = 1, .fields = &field};
    kl_json_decode(L, text, n, shape ? &envelope : NULL, true);
    flatten(L);
    return 1;
  }
  if (s->queue.lost) {
    unsigned long long lost = s->queue.lost;
    const char *why = s->queue.crowded ? KL_QUEUE_CROWDED : "";
    s->queue.lost = 0;
    s->queue.crowded = false;
    return kl_raisef(L, KL_ERR_OVERFLOW,
                     "%llu messages lost: the loop over this subscription was more than %d messages or %d MiB behind%s",
                     lost, QUEUE_MESSAGES, QUEUE_BYTES >> 20, why);
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

/* The subscription is upvalue 1, so that the iterator may also be called by hand. */
static int next_message(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  stream *s = luaL_checkudata(L, lua_upvalueindex(1), STREAM_META);
  lua_settop(L, 0);
  if (s->queue.count || s->queue.lost || s->error.kind || !s->open) {
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

/* A loop that works through what is queued gives the others their turn now and then. */
static int l_next(lua_State *L) {
  return kl_stretched(L) ? kl_yield_to(L, 0, next_message) : next_message(L, LUA_OK, 0);
}

static stream *check(lua_State *L, const char *method) {
  stream *s = luaL_testudata(L, 1, STREAM_META);
  if (!s) {
    kl_raisef(L, KL_ERR_VALIDATION, "subscription:%s: call it with a colon, on a subscription", method);
  } else if (!s->open) {
    kl_raisef(L, KL_ERR_CLOSED, "subscription:%s: this subscription is closed", method);
  }
  return s;
}

static int l_messages(lua_State *L) {
  check(L, "messages");
  lua_pushvalue(L, 1);
  lua_pushcclosure(L, l_next, 1);
  return 1;
}

/* ---- changes of the markets ---- */

/* One that has channels of the exchange. */
static stream *check_sub(lua_State *L, const char *method) {
  stream *s = check(L, method);
  if (!s->sub) kl_raisef(L, KL_ERR_VALIDATION, "subscription:%s: " KL_STREAM_STATUS " has no markets", method);
  return s;
}

/* Returns once the exchange has acknowledged them. */
static int l_add(lua_State *L) {
  stream *s = check_sub(L, "add");
  kl_error e;
  lua_settop(L, 2);
  const char *const *tickers = kl_stream_strings(L, 2, "subscription:add: the tickers");
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
  stream *s = check_sub(L, "remove");
  kl_error e;
  lua_settop(L, 2);
  if (!kl_feed_sub_remove(s->sub, kl_stream_strings(L, 2, "subscription:remove: the tickers"), &e))
    return kl_raise(L, &e);
  return 0;
}

/* subscription:available(): what the exchange has, of a channel that is chosen by index. */
static int l_available(lua_State *L) {
  stream *s = check_sub(L, "available");
  return kl_stream_available(L, s->feed, s->sub);
}

static int l_tostring(lua_State *L) {
  const stream *s = luaL_checkudata(L, 1, STREAM_META);
  lua_pushstring(L, s->open ? "subscription" : "subscription (closed)");
  return 1;
}

void kl_stream_register(lua_State *L) {
  static const luaL_Reg meta[] = {{"__gc", l_gc}, {"__close", l_close}, {"__tostring", l_tostring}, {NULL, NULL}};
  static const luaL_Reg methods[] = {{"messages", l_messages},   {"add", l_add},     {"remove", l_remove},
                                     {"available", l_available}, {"close", l_close}, {NULL, NULL}};
  luaL_newmetatable(L, STREAM_META); /* mt */
  luaL_setfuncs(L, meta, 0);
  luaL_newlib(L, methods); /* mt methods */
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, STREAM_META);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}
