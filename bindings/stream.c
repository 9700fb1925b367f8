/* kalshi.subscribe: the messages of channels, each as a table of its own. */
#include <stdlib.h>
#include <string.h>

#include "base/json_fields.h"
#include "bindings/json.h"
#include "bindings/rest.h"
#include "bindings/sessions.h"
#include "bindings/stream_reader.h"
#include "script/guard.h"

#define STREAM_META "kalshi.Subscription"

typedef struct stream_wait stream_wait;

/* In the memory of the userdata. */
typedef struct stream {
  kl_member member;
  bool adopted, open;
  bool raw; /* messages are handed out as their texts */
  kl_feed *feed;
  kl_reader_handle handle;
  kl_list waits;       /* for acknowledgements */
  stream_wait *reader; /* the task that waits for a message */
  kl_slot slot;        /* while it is open */
} stream;

struct stream_wait {
  kl_wait wait; /* first */
  kl_list link; /* in the stream's waits; a reader is in none */
  stream *s;    /* NULL once its memory went */
  bool opening, opened;
  kl_error refused; /* of an addition */
};

/* ---- news ---- */

static void complete_all(stream *s) {
  for (kl_list *n = s->waits.next; n != &s->waits; n = n->next)
    kl_complete(&KL_CONTAINER(n, stream_wait, link)->wait);
}

/* A ticker of an addition does not exist: whoever waits for that hears of it, and the rest goes on. */
static void refuse_additions(stream *s, const kl_error *e) {
  for (kl_list *n = s->waits.next; n != &s->waits; n = n->next) {
    stream_wait *w = KL_CONTAINER(n, stream_wait, link);
    if (w->opening) continue;
    w->refused = *e;
    kl_complete(&w->wait);
  }
}

static void on_news(kl_reader_handle *h, kl_reader_news news, const kl_error *e) {
  stream *s = KL_CONTAINER(h, stream, handle);
  if (news == KL_READER_REFUSED)
    refuse_additions(s, e);
  else if (news != KL_READER_MESSAGE)
    complete_all(s);
  else if (s->reader)
    kl_complete(&s->reader->wait);
}

/* ---- life ---- */

/* With `keep` the loops over it get what is there, and then end. */
static void stream_close(stream *s, bool keep) {
  if (s->adopted) {
    s->adopted = false;
    kl_script_disown(&s->member);
  }
  if (!s->open) return;
  s->open = false;
  kl_slot_release(&s->slot);
  kl_reader_close(&s->handle, keep);
  complete_all(s);
  if (s->reader) kl_complete(&s->reader->wait);
}

static void member_close(kl_member *m) {
  stream *s = KL_CONTAINER(m, stream, member);
  s->adopted = false; /* the scope has unlinked it */
  stream_close(s, false);
}

static void member_live(kl_member *m) { kl_reader_live(&KL_CONTAINER(m, stream, member)->handle); }

static void member_describe(const kl_member *m, kl_buf *out) {
  kl_json_field_str(out, "kind", "subscription");
  kl_reader_fields(&KL_CONTAINER(m, stream, member)->handle, out);
}

static int l_close(lua_State *L) {
  stream_close(kl_check_self(L, STREAM_META, "subscription", "close"), true);
  return 0;
}

static int l_gc(lua_State *L) {
  stream *s = luaL_checkudata(L, 1, STREAM_META);
  stream_close(s, false);
  kl_reader_close(&s->handle, false);
  while (!kl_list_empty(&s->waits)) {
    stream_wait *w = KL_CONTAINER(s->waits.next, stream_wait, link);
    w->s = NULL;
    kl_list_remove(&w->link);
  }
  if (s->reader) s->reader->s = NULL;
  s->reader = NULL;
  return 0;
}

/* ---- waiting for acknowledgements ---- */

static void wait_drop(kl_wait *w) {
  stream_wait *sw = (stream_wait *)w;
  kl_list_remove(&sw->link);
  if (sw->s && sw->s->reader == sw) sw->s->reader = NULL;
  if (sw->opening && !sw->opened && sw->s) stream_close(sw->s, false); /* given up before it was acknowledged */
  free(sw);
}

static void wait_describe(const kl_wait *w, kl_buf *out) {
  const stream_wait *sw = (const stream_wait *)w;
  const stream *s = sw->s;
  if (!s) {
    kl_buf_str(out, "a subscription that has gone");
    return;
  }
  kl_buf_str(out, s->reader == sw ? "messages of " : "the exchange to acknowledge ");
  kl_reader_describe(&s->handle, out);
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
  w->wait.describe = wait_describe;
  w->wait.kind = KL_WAIT_START;
  w->s = s;
  kl_list_init(&w->link);
  return w;
}

static int raise_error(lua_State *L, const stream *s) {
  kl_error e = *kl_reader_error(&s->handle);
  return kl_raise(L, &e);
}

static int push_acked(lua_State *L, kl_wait *w) { /* options-or-subscription stream … */
  stream_wait *sw = (stream_wait *)w;
  stream *s = sw->s;
  if (s && kl_reader_error(&s->handle)->kind) return raise_error(L, s);
  if (!s || !s->open)
    return kl_raise_coded(L, KL_ERR_CLOSED, "handle_closed",
                          "the subscription was closed while it waited for the exchange");
  if (sw->refused.kind) {
    kl_error e = sw->refused;
    return kl_raise(L, &e);
  }
  if (!sw->opening) return 0;
  sw->opened = true;
  lua_settop(L, 2);
  return 1;
}

int kl_stream_subscribe_lua(lua_State *L) {
  kl_error e;
  lua_settop(L, 1);
  kl_stream_options given;
  kl_stream_options_read(L, 1, &given);
  kl_script *script = kl_script_of(L);
  stream *s = lua_newuserdatauv(L, sizeof *s, 0); /* options … stream */
  memset(s, 0, sizeof *s);
  kl_list_init(&s->waits);
  s->raw = given.raw;
  const kl_place *at = kl_place_of(L);
  s->feed = kl_session_feed(at->session);
  s->handle.told = on_news;
  s->member.close = member_close;
  s->member.live = member_live;
  s->member.describe = member_describe;
  luaL_setmetatable(L, STREAM_META);
  kl_slot_take(L, &s->slot, KL_SLOT_HANDLE, "kalshi.subscribe");
  if (!kl_reader_open(&s->handle, script, s->feed, kl_session_feed(kl_account_session(at)), &given, &e)) {
    kl_slot_release(&s->slot);
    return kl_raise(L, &e);
  }
  s->open = true;
  kl_script_adopt(script, &s->member);
  s->adopted = true;
  lua_replace(L, 2); /* options stream … */
  lua_settop(L, 2);
  if (kl_reader_ready(&s->handle)) {
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
  const kl_shape *shape;
  const char *text;
  size_t n;
  if (kl_reader_take(&s->handle, &shape, &text, &n)) {
    if (s->raw) {
      while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--; /* the exchange ends its messages with one */
      lua_pushlstring(L, text, n);
      return 1;
    }
    const kl_shape_field field = {.name = "msg", .shape = shape};
    const kl_shape envelope = {.kind = KL_SHAPE_OBJECT, .n_fields = 1, .fields = &field};
    kl_json_decode(L, text, n, shape ? &envelope : NULL, true);
    flatten(L);
    return 1;
  }
  bool crowded;
  unsigned long long lost = kl_reader_lost(&s->handle, &crowded);
  if (lost) {
    return kl_raise_coded(
        L, KL_ERR_OVERFLOW, "overflow",
        "%llu messages lost: the loop over this subscription was more than %d messages or %d MiB behind%s", lost,
        KL_READER_MESSAGES, KL_READER_BYTES >> 20, crowded ? KL_QUEUE_CROWDED : "");
  }
  if (kl_reader_error(&s->handle)->kind) return raise_error(L, s);
  lua_pushnil(L);
  return 1;
}

static int await_message(lua_State *L, stream *s);

static int push_waited(lua_State *L, kl_wait *w) {
  stream_wait *sw = (stream_wait *)w;
  stream *s = sw->s;
  if (!s) return 0;
  s->reader = NULL; /* before anything raises: the loop may be taken up again */
  sw->s = NULL;
  /* Woken, and then another version was live for a while and took it. */
  if (s->open && !kl_reader_has_news(&s->handle)) return await_message(L, s);
  return push_message(L, s);
}

static int await_message(lua_State *L, stream *s) {
  stream_wait *w = wait_new(L, s, push_waited);
  if (!w) return 0;
  w->wait.kind = KL_WAIT_EVENT;
  s->reader = w;
  return kl_await(L, &w->wait);
}

/* The subscription is upvalue 1, so that the iterator may also be called by hand. */
static int next_message(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  stream *s = luaL_checkudata(L, lua_upvalueindex(1), STREAM_META);
  lua_settop(L, 0);
  if (!s->open || kl_reader_has_news(&s->handle)) {
    kl_check_cancelled(L);
    return push_message(L, s);
  }
  if (s->reader) {
    return kl_raise_coded(L, KL_ERR_VALIDATION, "reader_taken",
                          "another task waits for messages of this subscription: give it its own");
  }
  return await_message(L, s);
}

/* A loop that works through what is queued gives the others their turn now and then. */
static int l_next(lua_State *L) {
  return kl_stretched(L) ? kl_yield_to(L, 0, next_message) : next_message(L, LUA_OK, 0);
}

static stream *check(lua_State *L, const char *method) {
  stream *s = luaL_testudata(L, 1, STREAM_META);
  if (!s) {
    kl_raise_coded(L, KL_ERR_VALIDATION, "called_with_dot", "subscription:%s: call it with a colon, on a subscription",
                   method);
  } else if (!s->open) {
    kl_raise_coded(L, KL_ERR_CLOSED, "handle_closed", "subscription:%s: this subscription is closed", method);
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
  if (!kl_reader_sub(&s->handle))
    kl_raise_coded(L, KL_ERR_VALIDATION, "contradicting_options",
                   "subscription:%s: " KL_STREAM_STATUS " has no markets", method);
  return s;
}

/* Returns once the exchange has acknowledged them. */
static int l_add(lua_State *L) {
  stream *s = check_sub(L, "add");
  kl_error e;
  lua_settop(L, 2);
  const char *const *tickers = kl_stream_strings(L, 2, "subscription:add: the tickers");
  if (!kl_reader_add(&s->handle, tickers, &e)) return kl_raise(L, &e);
  if (kl_reader_ready(&s->handle)) {
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
  if (!kl_reader_remove(&s->handle, kl_stream_strings(L, 2, "subscription:remove: the tickers"), &e))
    return kl_raise(L, &e);
  return 0;
}

/* subscription:available(): what the exchange has, of a channel that is chosen by index. */
static int l_available(lua_State *L) {
  stream *s = check_sub(L, "available");
  return kl_stream_available(L, s->feed, kl_reader_sub(&s->handle));
}

static int l_tostring(lua_State *L) {
  const stream *s = luaL_checkudata(L, 1, STREAM_META);
  lua_pushstring(L, s->open ? "subscription" : "subscription (closed)");
  return 1;
}

static int l_picture(lua_State *L) {
  const stream *s = lua_touserdata(L, 1);
  luaL_checkstack(L, 4, NULL);
  lua_newtable(L);
  lua_pushliteral(L, "subscription");
  lua_setfield(L, -2, "type");
  lua_pushboolean(L, !s->open);
  lua_setfield(L, -2, "closed");
  kl_reader_show(L, &s->handle);
  return 1;
}

void kl_stream_register(lua_State *L) {
  static const luaL_Reg meta[] = {
      {"__gc", l_gc}, {"__close", l_close}, {"__tostring", l_tostring}, {"__picture", l_picture}, {NULL, NULL}};
  static const luaL_Reg methods[] = {{"messages", l_messages},   {"add", l_add},     {"remove", l_remove},
                                     {"available", l_available}, {"close", l_close}, {NULL, NULL}};
  luaL_newmetatable(L, STREAM_META); /* mt */
  luaL_setfuncs(L, meta, 0);
  kl_guard_allow_fields(L, -1, "__tostring");
  luaL_newlib(L, methods); /* mt methods */
  kl_guard_allow_fields(L, -1, "available");
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, STREAM_META);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}
