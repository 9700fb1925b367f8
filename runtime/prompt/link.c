/* Module `prompt.link`: the front end's connection to the control socket, as lines; and what the command line said. */
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "bindings/check.h"
#include "control/protocol.h"
#include "prompt/front_impl.h"
#include "script/script.h"

#define LINK_META "prompt.Link"

enum { READ_SIZE = 64 << 10, LINE_MAX_BYTES = 64 << 20 };

typedef struct link_wait link_wait;

/* Outlives the userdata until its handle is closed. */
typedef struct link_state {
  kl_member member;
  uv_pipe_t pipe;
  bool adopted, closed, ended;
  kl_buf in;
  size_t at, scanned; /* of `in`: what was given; up to there is no line end */
  link_wait *reader;
  char input[READ_SIZE];
} link_state;

struct link_wait {
  kl_wait wait; /* first */
  link_state *l;
};

typedef struct write_request {
  uv_write_t req;
  link_state *l;
  char text[];
} write_request;

static void pipe_closed(uv_handle_t *h) {
  link_state *l = h->data;
  kl_buf_free(&l->in);
  free(l);
}

static void wake(link_state *l) {
  if (l->reader) kl_complete(&l->reader->wait);
}

static void link_close(link_state *l) {
  if (l->closed) return;
  l->closed = l->ended = true;
  if (l->adopted) kl_script_disown(&l->member);
  if (l->reader) {
    l->reader->l = NULL;
    kl_complete(&l->reader->wait);
    l->reader = NULL;
  }
  uv_close((uv_handle_t *)&l->pipe, pipe_closed);
}

static void member_close(kl_member *m) {
  link_state *l = KL_CONTAINER(m, link_state, member);
  l->adopted = false;
  link_close(l);
}

/* ---- reading ---- */

static void give_input(uv_handle_t *h, size_t suggested, uv_buf_t *out) {
  link_state *l = h->data;
  (void)suggested;
  *out = uv_buf_init(l->input, READ_SIZE);
}

static void got_input(uv_stream_t *stream, ssize_t n, const uv_buf_t *b) {
  link_state *l = stream->data;
  if (n == 0 || l->closed) return;
  if (n > 0) {
    if (l->at > 0) { /* what was given makes room */
      memmove(l->in.data, l->in.data + l->at, l->in.len - l->at);
      l->in.len -= l->at;
      l->scanned -= l->at;
      l->at = 0;
    }
    kl_buf_add(&l->in, b->base, (size_t)n);
  }
  if (n < 0 || l->in.failed || l->in.len > LINE_MAX_BYTES) {
    l->ended = true;
    uv_read_stop(stream);
  }
  wake(l);
}

/* The end of the next line, or NULL. */
static const char *line_end(link_state *l) {
  if (l->in.failed || l->scanned >= l->in.len) return NULL;
  const char *end = memchr(l->in.data + l->scanned, '\n', l->in.len - l->scanned);
  l->scanned = end ? (size_t)(end - l->in.data) : l->in.len;
  return end;
}

static int push_line(lua_State *L, link_state *l) {
  const char *end = line_end(l);
  if (!end) {
    lua_pushnil(L);
    return 1;
  }
  lua_pushlstring(L, l->in.data + l->at, (size_t)(end - l->in.data) - l->at);
  l->at = l->scanned = (size_t)(end - l->in.data) + 1;
  return 1;
}

static int wait_push(lua_State *L, kl_wait *wait) {
  link_wait *w = (link_wait *)wait;
  link_state *l = w->l;
  if (!l) {
    lua_pushnil(L);
    return 1;
  }
  l->reader = NULL;
  w->l = NULL;
  lua_pushboolean(L, true);
  return 1;
}

static void wait_drop(kl_wait *wait) {
  link_wait *w = (link_wait *)wait;
  if (w->l) w->l->reader = NULL;
  free(w);
}

static int await(lua_State *L) { return kl_await(L, lua_touserdata(L, 1)); }

/* The stack holds the link alone; waits as often as it takes. */
static int receive(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  (void)ctx;
  for (;;) {
    lua_settop(L, 1);
    link_state *l = *(link_state **)lua_touserdata(L, 1);
    if (!l || line_end(l) || l->ended) {
      if (l) return push_line(L, l);
      lua_pushnil(L);
      return 1;
    }
    link_wait *w = calloc(1, sizeof *w);
    if (!w) return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory");
    w->wait.push = wait_push;
    w->wait.drop = wait_drop;
    w->l = l;
    l->reader = w;
    lua_pushcfunction(L, await);
    lua_pushlightuserdata(L, w);
    lua_callk(L, 1, 1, 0, receive);
  }
}

/* link:receive() waits for the next line and returns it; nil once the other end has gone. */
static int l_receive(lua_State *L) {
  link_state **slot = kl_check_self(L, LINK_META, "link", "receive");
  if (*slot && (*slot)->reader)
    return kl_raisef(L, KL_ERR_VALIDATION, "link:receive: another task waits for lines already");
  kl_check_cancelled(L);
  return receive(L, LUA_OK, 0);
}

/* ---- writing ---- */

static void written(uv_write_t *req, int status) {
  write_request *w = req->data;
  if (status != 0 && status != UV_ECANCELED) w->l->ended = true;
  wake(w->l);
  free(w);
}

/* link:send(text): true, or false where the other end has gone. Does not wait. */
static int l_send(lua_State *L) {
  link_state **slot = kl_check_self(L, LINK_META, "link", "send"), *l = *slot;
  size_t n;
  const char *text = kl_check_text(L, 2, "link:send", &n);
  write_request *w = l && !l->ended ? malloc(sizeof *w + n) : NULL;
  if (w) {
    w->l = l;
    w->req.data = w;
    memcpy(w->text, text, n);
    uv_buf_t b = uv_buf_init(w->text, (unsigned)n);
    if (uv_write(&w->req, (uv_stream_t *)&l->pipe, &b, 1, written) != 0) {
      free(w);
      w = NULL;
    }
  }
  lua_pushboolean(L, w != NULL);
  return 1;
}

static int l_close(lua_State *L) {
  link_state **slot = luaL_checkudata(L, 1, LINK_META);
  if (*slot) link_close(*slot);
  *slot = NULL;
  return 0;
}

/* ---- functions ---- */

/* open() takes the connection, once. */
static int l_open(lua_State *L) {
  kl_front *f = kl_front_of(L);
  kl_script *script = kl_script_of(L);
  link_state **slot = lua_newuserdatauv(L, sizeof(link_state *), 0);
  *slot = NULL;
  luaL_setmetatable(L, LINK_META);
  link_state *l = calloc(1, sizeof *l);
  if (!l) return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory");
  uv_pipe_init(kl_script_loop(script), &l->pipe, 0);
  l->pipe.data = l;
  l->member.close = member_close;
  kl_list_init(&l->member.link);
  *slot = l;
  int code = uv_pipe_open(&l->pipe, f->o->fd);
  if (code == 0) code = uv_read_start((uv_stream_t *)&l->pipe, give_input, got_input);
  if (code != 0) return kl_raisef(L, KL_ERR_INTERNAL, "the connection cannot be used: %s", uv_strerror(code));
  kl_script_adopt(script, &l->member);
  l->adopted = true;
  return 1;
}

/* options() -> what the command line said: name, is_local, foreseen, version, armed, json, keep_going, inputs. */
static int l_options(lua_State *L) {
  const kl_front_options *o = kl_front_of(L)->o;
  lua_newtable(L);
  lua_pushstring(L, o->name);
  lua_setfield(L, -2, "name");
  lua_pushboolean(L, o->local);
  lua_setfield(L, -2, "is_local");
  lua_pushboolean(L, o->foreseen);
  lua_setfield(L, -2, "foreseen");
  lua_pushliteral(L, KL_VERSION);
  lua_setfield(L, -2, "version");
  lua_pushboolean(L, o->armed);
  lua_setfield(L, -2, "armed");
  lua_pushboolean(L, o->json);
  lua_setfield(L, -2, "json");
  lua_pushboolean(L, o->keep_going);
  lua_setfield(L, -2, "keep_going");
  if (o->inputs) {
    lua_newtable(L);
    for (lua_Integer i = 0; o->inputs[i]; i++) {
      lua_pushstring(L, o->inputs[i]);
      lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "inputs");
  }
  return 1;
}

/* interrupt() breaks what runs at the other end, where that is possible: true. */
static int l_interrupt(lua_State *L) {
  const kl_front_options *o = kl_front_of(L)->o;
  if (o->interrupt) o->interrupt(o->data);
  lua_pushboolean(L, o->interrupt != NULL);
  return 1;
}

/* exit_code(code): what the command exits with. */
static int l_exit_code(lua_State *L) {
  kl_front_of(L)->code = (int)luaL_checkinteger(L, 1);
  return 0;
}

int luaopen_kl_prompt_link(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"open", l_open}, {"options", l_options}, {"interrupt", l_interrupt}, {"exit_code", l_exit_code}, {NULL, NULL}};
  static const luaL_Reg meta[] = {{"__gc", l_close}, {"__close", l_close}, {NULL, NULL}};
  static const luaL_Reg methods[] = {{"send", l_send}, {"receive", l_receive}, {"close", l_close}, {NULL, NULL}};
  luaL_newmetatable(L, LINK_META); /* mt */
  luaL_setfuncs(L, meta, 0);
  luaL_newlib(L, methods); /* mt methods */
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, LINK_META);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1); /* */
  luaL_newlib(L, functions);
  return 1;
}
