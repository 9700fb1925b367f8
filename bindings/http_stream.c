/* Streamed answers for scripts: the body in pieces, as it comes, held back while the script does not read. */
#include <stdlib.h>
#include <string.h>

#include "base/json_fields.h"
#include "bindings/http.h"
#include "bindings/inspect.h"
#include "script/limits.h"
#include "script/script.h"

#define STREAM_META "http.Core"

enum {
  QUEUE_FULL = 256 << 10, /* from here on the server is held back */
  PIECE = 64 << 10,       /* the longest that one read returns */
};

typedef struct stream_wait stream_wait;

/* In the memory of the userdata. */
typedef struct stream {
  kl_member member;
  bool adopted;
  kl_fetch *fetch; /* NULL once it ended */
  bool closed;     /* by the script, or with it */
  bool head_here, paused;
  kl_error error;
  int status;
  kl_buf url, fields;
  kl_buf queue; /* what was not read yet, from `read` on */
  size_t read;
  stream_wait *waiter; /* the task that waits */
  kl_slot slot;        /* while fetch is there */
  kl_charge charge;    /* of the queue */
} stream;

struct stream_wait {
  kl_wait wait; /* first */
  stream *s;    /* NULL once it is gone */
  bool opening;
};

/* ---- what comes ---- */

static void wake(stream *s) {
  if (s->waiter) kl_complete(&s->waiter->wait);
}

static void end_fetch(stream *s) {
  if (s->fetch) kl_fetch_cancel(s->fetch);
  s->fetch = NULL;
  kl_slot_release(&s->slot);
}

static void no_memory(stream *s) {
  kl_error_set(&s->error, KL_ERR_INTERNAL, "not enough memory for a streamed answer");
  end_fetch(s);
  wake(s);
}

static void on_head(void *data, const kl_http_response *res) {
  stream *s = data;
  s->head_here = true;
  s->status = res->status;
  kl_buf_str(&s->url, kl_fetch_url(s->fetch));
  kl_buf_add(&s->fields, res->head.fields, res->head.fields_len);
  if (s->url.failed || s->fields.failed)
    no_memory(s);
  else
    wake(s);
}

static void on_piece(void *data, const char *p, size_t n) {
  stream *s = data;
  if (s->read && s->read >= s->queue.len / 2) { /* what was read makes room */
    memmove(s->queue.data, s->queue.data + s->read, s->queue.len - s->read);
    s->queue.len -= s->read;
    s->read = 0;
  }
  if (!kl_charge_set(&s->charge, s->queue.len + n)) {
    kl_charge_refused(&s->charge, s->queue.len + n, "what came of a streamed answer", &s->error);
    end_fetch(s);
    wake(s);
    return;
  }
  kl_buf_add(&s->queue, p, n);
  if (s->queue.failed) {
    no_memory(s);
    return;
  }
  if (!s->paused && s->queue.len - s->read >= QUEUE_FULL) {
    s->paused = true;
    kl_fetch_pause(s->fetch);
  }
  wake(s);
}

static void on_end(void *data, const kl_http_response *res, const char *url, const kl_error *e) {
  stream *s = data;
  (void)res, (void)url;
  s->fetch = NULL;
  kl_slot_release(&s->slot);
  if (e) {
    s->error = *e;
    kl_http_error_for_script(&s->error);
  }
  wake(s);
}

/* ---- life ---- */

static void stream_close(stream *s) {
  if (s->adopted) {
    s->adopted = false;
    kl_script_disown(&s->member);
  }
  if (s->closed) return;
  s->closed = true;
  end_fetch(s);
  (void)kl_charge_set(&s->charge, 0);
  kl_buf_free(&s->queue);
  kl_buf_free(&s->url);
  kl_buf_free(&s->fields);
  s->read = 0;
  wake(s);
}

static void member_close(kl_member *m) {
  stream *s = KL_CONTAINER(m, stream, member);
  s->adopted = false; /* the scope has unlinked it */
  stream_close(s);
}

/* The address without what may be secret in it. */
static void add_url(const stream *s, kl_buf *out) {
  if (s->fetch)
    kl_wait_url(out, kl_fetch_url(s->fetch));
  else if (s->url.data)
    kl_wait_url(out, s->url.data);
}

static void member_describe(const kl_member *m, kl_buf *out) {
  const stream *s = KL_CONTAINER(m, stream, member);
  kl_buf url = {0};
  add_url(s, &url);
  kl_json_field_str(out, "kind", "http");
  kl_json_field_str(out, "url", url.data ? url.data : "");
  kl_json_field_int(out, "bytes", (int64_t)(s->queue.len - s->read));
  kl_buf_free(&url);
}

static int l_close(lua_State *L) {
  stream_close(luaL_checkudata(L, 1, STREAM_META));
  return 0;
}

static int l_gc(lua_State *L) {
  stream *s = luaL_checkudata(L, 1, STREAM_META);
  stream_close(s);
  if (s->waiter) s->waiter->s = NULL;
  s->waiter = NULL;
  return 0;
}

/* ---- waiting ---- */

static void wait_drop(kl_wait *wait) {
  stream_wait *w = (stream_wait *)wait;
  stream *s = w->s;
  if (s) {
    s->waiter = NULL;
    if (w->opening) stream_close(s); /* nobody has it */
  }
  free(w);
}

static void wait_describe(const kl_wait *wait, kl_buf *out) {
  const stream_wait *w = (const stream_wait *)wait;
  kl_buf_str(out, w->opening ? "the head of http " : "a piece of http ");
  if (w->s) add_url(w->s, out);
}

static int await(lua_State *L, stream *s, bool opening, int (*push)(lua_State *L, kl_wait *)) {
  stream_wait *w = calloc(1, sizeof *w);
  if (!w) {
    if (opening) stream_close(s);
    return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory");
  }
  w->wait.push = push;
  w->wait.drop = wait_drop;
  w->wait.describe = wait_describe;
  w->s = s;
  w->opening = opening;
  s->waiter = w;
  return kl_await(L, &w->wait);
}

/* The frame that waits holds the object at index 2. */
static int push_opened(lua_State *L, kl_wait *wait) {
  stream_wait *w = (stream_wait *)wait;
  stream *s = w->s;
  if (s->error.kind && !s->head_here) {
    kl_error e = s->error;
    return kl_raise(L, &e);
  }
  if (!s->head_here)
    return kl_raise_coded(L, KL_ERR_CLOSED, "handle_closed", "the stream was closed before its head had come");
  luaL_checkstack(L, 8, NULL);
  lua_pushvalue(L, 2);
  lua_pushinteger(L, s->status);
  lua_pushlstring(L, s->url.data, s->url.len);
  kl_http_push_fields(L, &s->fields);
  w->opening = false;
  return 4;
}

/* It may bring news for as long as the server likes: that is not a part of a start. */
static int open_stream(lua_State *L, int again, lua_KContext ctx) {
  kl_fetch_request r;
  kl_error e = {0};
  (void)again;
  (void)ctx;
  kl_http *h = kl_http_client(L);
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  stream *s = lua_newuserdatauv(L, sizeof *s, 0); /* request stream */
  memset(s, 0, sizeof *s);
  s->member.close = member_close;
  s->member.describe = member_describe;
  luaL_setmetatable(L, STREAM_META);
  kl_http_read_request(L, &r); /* request stream … */
  bool reads = !strcmp(r.http.method, "GET") || !strcmp(r.http.method, "HEAD");
  if (reads ? !kl_may_pretend(L) : !kl_may_act(L)) {
    lua_settop(L, 1);
    return kl_hold(L, 0, open_stream);
  }
  r.http.on_head = on_head;
  r.http.on_piece = on_piece;
  kl_check_await(L);
  s->charge.meter = kl_script_meter(kl_script_of(L));
  kl_slot_take(L, &s->slot, KL_SLOT_SOCKET, "http.stream");
  s->fetch = kl_fetch_start(h, &r, on_end, s, &e);
  if (!s->fetch) {
    kl_slot_release(&s->slot);
    return kl_raise(L, &e);
  }
  kl_script_adopt(kl_script_of(L), &s->member);
  s->adopted = true;
  lua_settop(L, 2);
  return await(L, s, true, push_opened);
}

int kl_http_stream_lua(lua_State *L) { return open_stream(L, LUA_OK, 0); }

/* ---- reading ---- */

static int push_piece(lua_State *L, stream *s) {
  size_t n = s->queue.len - s->read;
  if (n) {
    if (n > PIECE) n = PIECE;
    lua_pushlstring(L, s->queue.data + s->read, n);
    s->read += n;
    if (s->read == s->queue.len) {
      kl_buf_free(&s->queue);
      (void)kl_charge_set(&s->charge, 0);
      s->read = 0;
    }
    if (s->paused && s->queue.len - s->read < QUEUE_FULL / 2) {
      s->paused = false;
      if (s->fetch) kl_fetch_resume(s->fetch);
    }
    return 1;
  }
  if (s->error.kind) {
    kl_error e = s->error;
    return kl_raise(L, &e);
  }
  if (s->closed) return kl_raise_coded(L, KL_ERR_CLOSED, "handle_closed", "the stream is closed");
  lua_pushnil(L);
  return 1;
}

static int push_read(lua_State *L, kl_wait *wait) {
  stream_wait *w = (stream_wait *)wait;
  stream *s = w->s;
  s->waiter = NULL; /* before anything raises: it may be read again */
  w->s = NULL;
  return push_piece(L, s);
}

/* core:read() -> the next piece, nil at the end */
static int l_read(lua_State *L) {
  stream *s = luaL_checkudata(L, 1, STREAM_META);
  lua_settop(L, 1);
  if (s->queue.len > s->read || s->error.kind || s->closed || !s->fetch) {
    kl_check_cancelled(L);
    return push_piece(L, s);
  }
  if (s->waiter)
    return kl_raise_coded(L, KL_ERR_VALIDATION, "reader_taken",
                          "another task reads this stream: one reads, or each has its own");
  return await(L, s, false, push_read);
}

void kl_http_stream_register(lua_State *L) {
  static const luaL_Reg meta[] = {{"__gc", l_gc}, {"__close", l_close}, {NULL, NULL}};
  static const luaL_Reg methods[] = {{"read", l_read}, {"close", l_close}, {NULL, NULL}};
  luaL_newmetatable(L, STREAM_META); /* mt */
  luaL_setfuncs(L, meta, 0);
  luaL_newlib(L, methods); /* mt methods */
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, STREAM_META);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1); /* */
}
