/* Module `ws`: WebSocket connections of scripts to any server. The options of ws.connect are checked in
 * lua/stdlib/ws.lua; the protocol is net/ws_client.c's. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_fields.h"
#include "bindings/check.h"
#include "bindings/embedded.h"
#include "bindings/inspect.h"
#include "bindings/queue.h"
#include "bindings/rest.h"
#include "bindings/task.h"
#include "net/fetch.h"
#include "net/utf8.h"
#include "net/ws_client.h"
#include "net/ws_frame.h"
#include "script/guard.h"
#include "script/limits.h"
#include "script/script.h"

#define WS_META "ws.Connection"

enum {
  QUEUE_MESSAGES = 10000,
  QUEUE_BYTES = 16 << 20,
  SEND_FULL = 1 << 20, /* from here on a send waits */
  SEND_MAX = 64 << 20, /* one message */
  SOCKET_MAX = 68 << 20 /* so that one message, its encryption and control frames always find room */,
  PING_MAX = 125,
  REASON_MAX = 123,
  PING_SECONDS = 10,
  SENDS_IN_A_ROW = 64,
};

/* RFC 6455, 7.4.1, and what browsers call a connection that ended without a close frame. */
enum { CODE_NORMAL = 1000, CODE_AWAY = 1001, CODE_NONE = 1005, CODE_LOST = 1006 };

typedef enum { WAIT_OPEN, WAIT_READ, WAIT_SEND, WAIT_PING, WAIT_CLOSE, WAIT_KINDS } wait_kind;

/* In the memory of the userdata. */
typedef struct connection {
  kl_member member;
  bool adopted;
  kl_ws_client *client; /* NULL once it is over */
  bool opened;          /* the handshake was done */
  bool closing;         /* by the script, or with it */
  bool clean;           /* over by a close frame that says nothing bad */
  kl_error error;       /* why it is over; no kind while it is not, or when that is clean */
  int close_code;       /* 0: not over */
  char reason[REASON_MAX];
  size_t reason_len;
  char *url;
  char *protocol;            /* room for the longest that was offered; empty: none was chosen */
  kl_list waits[WAIT_KINDS]; /* each in the order of its beginning */
  kl_queue queue;            /* messages; the tag is the opcode */
  kl_slot slot;              /* while client is there */
  kl_charge sending;         /* what did not go out yet */
  unsigned pings;            /* for payloads that differ */
  size_t sends, sent_bytes;  /* since others had their turn */
} connection;

typedef struct ws_wait {
  kl_wait wait; /* first */
  kl_list link;
  connection *c; /* NULL once it is gone */
  wait_kind kind;
  bool handed_over; /* the connection, by the call that opened it */
  bool binary;      /* what is to be sent */
  bool timed, expired;
  kl_slot slot; /* of the timer */
  kl_timer timer;
  char payload[PING_MAX]; /* of a ping */
  size_t payload_len;
  int64_t sent_ns;
  double seconds; /* until its pong; below 0: none yet */
} ws_wait;

/* ---- waking ---- */

static ws_wait *first(connection *c, wait_kind kind) {
  return kl_list_empty(&c->waits[kind]) ? NULL : KL_CONTAINER(c->waits[kind].next, ws_wait, link);
}

static void wake(connection *c, wait_kind kind) {
  for (kl_list *n = c->waits[kind].next; n != &c->waits[kind]; n = n->next)
    kl_complete(&KL_CONTAINER(n, ws_wait, link)->wait);
}

static void wake_all(connection *c) {
  for (int kind = 0; kind < WAIT_KINDS; kind++)
    wake(c, (wait_kind)kind);
}

static bool has_room(const connection *c) { return kl_ws_client_queued(c->client) < SEND_FULL; }

/* Lets the one who has waited longest send: each waits for the one before, so that they keep their order. */
static void wake_sender(connection *c) {
  ws_wait *w = first(c, WAIT_SEND);
  if (w && (!c->client || c->closing || has_room(c))) kl_complete(&w->wait);
}

/* ---- what comes ---- */

static void on_open(void *data, int64_t date_ms) {
  connection *c = data;
  const char *protocol = kl_ws_client_protocol(c->client);
  (void)date_ms;
  if (protocol) memcpy(c->protocol, protocol, strlen(protocol) + 1); /* one of those for which there is room */
  c->opened = true;
  wake(c, WAIT_OPEN);
}

static void on_text(void *data, const char *p, size_t n) {
  connection *c = data;
  kl_queue_put(&c->queue, KL_WS_TEXT, p, n);
}

static void on_binary(void *data, const char *p, size_t n) {
  connection *c = data;
  kl_queue_put(&c->queue, KL_WS_BINARY, p, n);
}

static void on_burst_end(void *data) { wake(data, WAIT_READ); }

/* A pong also answers the pings before: a server need answer the latest only. */
static void on_pong(void *data, const char *p, size_t n) {
  connection *c = data;
  kl_list *list = &c->waits[WAIT_PING], *at = list->next;
  const int64_t now = kl_mono_ns(kl_clock_real());
  for (; at != list; at = at->next) {
    const ws_wait *w = KL_CONTAINER(at, ws_wait, link);
    if (w->seconds < 0 && w->payload_len == n && !memcmp(w->payload, p, n)) break;
  }
  if (at == list) return; /* one that nobody asked for: RFC 6455, 5.5.3 */
  for (; at != list; at = at->prev) {
    ws_wait *w = KL_CONTAINER(at, ws_wait, link);
    if (w->seconds >= 0) continue;
    w->seconds = (double)(now - w->sent_ns) / 1e9;
    kl_complete(&w->wait);
  }
}

static void on_writable(void *data) {
  connection *c = data;
  (void)kl_charge_set(&c->sending, kl_ws_client_queued(c->client));
  wake_sender(c);
}

static void forget_client(connection *c) {
  c->client = NULL;
  kl_slot_release(&c->slot);
  (void)kl_charge_set(&c->sending, 0);
}

static void disown(connection *c) {
  if (c->adopted) kl_script_disown(&c->member);
  c->adopted = false;
}

static void on_closed(void *data, const kl_error *e) {
  connection *c = data;
  const char *reason = kl_ws_client_close_reason(c->client, &c->reason_len);
  memcpy(c->reason, reason, c->reason_len);
  forget_client(c);
  if (c->opened && !strcmp(e->kind, KL_ERR_WS)) {
    c->close_code = e->status ? e->status : CODE_NONE;
    c->clean = c->closing || c->close_code == CODE_NORMAL || c->close_code == CODE_AWAY || c->close_code == CODE_NONE;
  } else {
    c->close_code = CODE_LOST;
  }
  if (!c->clean) c->error = *e;
  disown(c);
  wake_all(c);
}

/* ---- the end ---- */

/* At once: what was sent goes out, and a close frame, but nobody waits for the server's. */
static void drop(connection *c) {
  disown(c);
  if (!c->client) return;
  kl_ws_client_leave(c->client);
  forget_client(c);
  c->closing = true;
  c->close_code = CODE_LOST;
  kl_error_coded(&c->error, KL_ERR_CLOSED, "handle_closed", "the connection was closed");
  wake_all(c);
}

static void member_close(kl_member *m) {
  connection *c = KL_CONTAINER(m, connection, member);
  c->adopted = false; /* the scope has unlinked it */
  drop(c);
}

static void member_describe(const kl_member *m, kl_buf *out) {
  const connection *c = KL_CONTAINER(m, connection, member);
  kl_buf url = {0};
  kl_wait_url(&url, c->url ? c->url : "");
  kl_json_field_str(out, "kind", "ws");
  kl_json_field_str(out, "url", url.data ? url.data : "");
  kl_json_field_bool(out, "open", c->opened && !c->closing);
  kl_json_field_int(out, "queued", (int64_t)c->queue.count);
  kl_json_field_int(out, "most", QUEUE_MESSAGES);
  kl_json_field_int(out, "lost", (int64_t)c->queue.lost);
  kl_json_field_int(out, "unsent", c->client ? (int64_t)kl_ws_client_queued(c->client) : 0);
  kl_buf_free(&url);
}

static int l_gc(lua_State *L) {
  connection *c = luaL_checkudata(L, 1, WS_META);
  drop(c);
  for (int kind = 0; kind < WAIT_KINDS; kind++) {
    for (ws_wait *w = first(c, (wait_kind)kind); w; w = first(c, (wait_kind)kind)) {
      w->c = NULL;
      kl_list_remove(&w->link);
    }
  }
  kl_queue_free(&c->queue);
  free(c->url);
  free(c->protocol);
  c->url = c->protocol = NULL;
  return 0;
}

static void begin_close(connection *c, int code, const char *reason, size_t n) {
  if (!c->client || c->closing) return;
  c->closing = true;
  kl_ws_client_finish(c->client, code, reason, n);
  wake(c, WAIT_SEND);
}

/* The end of a block does not wait for the server: the closing handshake goes on by itself. */
static int l_block_end(lua_State *L) {
  begin_close(luaL_checkudata(L, 1, WS_META), CODE_NORMAL, NULL, 0);
  return 0;
}

/* ---- waiting; the frame that waits holds the connection ---- */

static void timer_closed(uv_handle_t *h) { free(h->data); }

static void wait_drop(kl_wait *wait) {
  ws_wait *w = (ws_wait *)wait;
  connection *c = w->c;
  kl_list_remove(&w->link);
  if (c && w->kind == WAIT_SEND) wake_sender(c);
  if (c && w->kind == WAIT_OPEN && !w->handed_over) drop(c); /* nobody has it */
  kl_slot_release(&w->slot);
  if (w->timed)
    kl_timer_close(&w->timer, timer_closed);
  else
    free(w);
}

static void expired(uv_timer_t *t) {
  ws_wait *w = t->data;
  w->expired = true;
  kl_complete(&w->wait);
}

static void wait_describe(const kl_wait *wait, kl_buf *out) {
  static const char *const words[] = {[WAIT_OPEN] = "the handshake with ",
                                      [WAIT_READ] = "a message from ",
                                      [WAIT_SEND] = "room to send to ",
                                      [WAIT_PING] = "the pong of ",
                                      [WAIT_CLOSE] = "the close of "};
  const ws_wait *w = (const ws_wait *)wait;
  kl_buf_str(out, words[w->kind]);
  kl_wait_url(out, w->c && w->c->url ? w->c->url : "a server");
  if (w->timed) kl_wait_left(out, &w->timer);
}

static ws_wait *wait_new(lua_State *L, connection *c, wait_kind kind, int (*push)(lua_State *, kl_wait *)) {
  ws_wait *w = calloc(1, sizeof *w);
  if (!w) {
    if (kind == WAIT_OPEN) drop(c);
    kl_raisef(L, KL_ERR_INTERNAL, "not enough memory");
    return NULL;
  }
  w->wait.push = push;
  w->wait.drop = wait_drop;
  w->wait.describe = wait_describe;
  w->c = c;
  w->kind = kind;
  w->seconds = -1;
  kl_list_init(&w->link);
  kl_list_append(&c->waits[kind], &w->link);
  return w;
}

/* `call` NULL: it is the runtime's own pause. */
static void wait_at_most(lua_State *L, ws_wait *w, uint64_t ms, const char *call) {
  if (call && !kl_slot_try(kl_script_of(L), &w->slot, KL_SLOT_TIMER)) {
    wait_drop(&w->wait);
    kl_slot_refuse(L, KL_SLOT_TIMER, call);
    return;
  }
  kl_timer_init(kl_script_loop(kl_script_of(L)), &w->timer, kl_script_clock(kl_script_of(L)));
  w->timer.uv.data = w;
  w->timed = true;
  kl_timer_start(&w->timer, expired, ms, 0); /* cannot fail: it is not closing */
}

/* Raises why nothing can be sent any more. */
static int raise_over(lua_State *L, const connection *c, const char *method) {
  if (!c->closing && c->error.kind) {
    kl_error e = c->error;
    return kl_raise(L, &e);
  }
  if (c->closing)
    return kl_raise_coded(L, KL_ERR_CLOSED, "handle_closed", "connection:%s: the connection was closed by close",
                          method);
  return kl_raise_coded(L, KL_ERR_CLOSED, "handle_closed",
                        "connection:%s: the server has closed the connection with code %d", method, c->close_code);
}

static connection *check_self(lua_State *L, const char *method) {
  return kl_check_self(L, WS_META, "connection", method);
}

/* ---- connecting ---- */

static int push_opened(lua_State *L, kl_wait *wait) { /* request connection */
  ws_wait *w = (ws_wait *)wait;
  connection *c = w->c;
  if (!c || !c->opened) {
    kl_error e;
    kl_error_coded(&e, KL_ERR_CLOSED, "handle_closed", "the connection was closed before it was open");
    if (c && c->error.kind) e = c->error;
    return kl_raise(L, &e);
  }
  w->handed_over = true;
  lua_settop(L, 2);
  return 1;
}

static const char *text_field(lua_State *L, const char *name) {
  size_t n;
  if (lua_getfield(L, 1, name) == LUA_TNIL) return NULL;
  const char *text = lua_tolstring(L, -1, &n);
  if (!text || strlen(text) != n)
    kl_raise_coded(L, KL_ERR_VALIDATION, "malformed_value", "ws.connect: %s holds a zero byte", name);
  return text;
}

static lua_Integer number_field(lua_State *L, const char *name) {
  lua_getfield(L, 1, name);
  return lua_tointeger(L, -1);
}

/* The list `headers`, borrowed from the table. */
static const char *const *headers_field(lua_State *L) {
  lua_getfield(L, 1, "headers");
  size_t n = lua_rawlen(L, -1);
  const char **list = lua_newuserdatauv(L, (n + 1) * sizeof *list, 0);
  for (size_t i = 0; i < n; i++) {
    lua_rawgeti(L, -2, (lua_Integer)i + 1);
    list[i] = lua_tostring(L, -1);
    lua_pop(L, 1);
  }
  list[n] = NULL;
  return list;
}

static void check_allowed(lua_State *L, const kl_ws_client_options *o) {
  const kl_permissions allow = kl_script_permissions(kl_script_of(L));
  kl_url u = {0};
  kl_error e = {0};
  bool ok = kl_url_parse(&u, KL_URL_WS, o->url, &e) && kl_fetch_check_host(&u, allow.net, allow.all, &e) &&
            kl_fetch_check_headers(o->headers, &e);
  kl_url_free(&u);
  if (!ok) kl_raise(L, &e);
}

/* core.connect{url, headers = {"Name: value", …}, protocols = "a, b", timeout_ms, idle_ms (below 0: no limit),
 * max_message} -> connection, once it is open */
static int open_connection(lua_State *L, int again, lua_KContext ctx) {
  (void)again;
  (void)ctx;
  luaL_checktype(L, 1, LUA_TTABLE);
  if (!lua_isyieldable(L))
    return kl_raise_coded(L, KL_ERR_VALIDATION, "cannot_yield_here",
                          "ws.connect waits for the server, which is not possible here: use task.spawn");
  lua_settop(L, 1);
  connection *c = lua_newuserdatauv(L, sizeof *c, 0); /* request connection */
  memset(c, 0, sizeof *c);
  for (int kind = 0; kind < WAIT_KINDS; kind++)
    kl_list_init(&c->waits[kind]);
  c->queue.max_count = QUEUE_MESSAGES;
  c->queue.max_bytes = QUEUE_BYTES;
  c->queue.charge.meter = c->sending.meter = kl_script_meter(kl_script_of(L));
  c->member.close = member_close;
  c->member.describe = member_describe;
  luaL_setmetatable(L, WS_META);
  kl_ws_client_options o = {
      .url = text_field(L, "url"),
      .headers = headers_field(L),
      .protocols = text_field(L, "protocols"),
      .ca_file = kl_environment_of(L)->ca_file,
      .connect_timeout_ms = number_field(L, "timeout_ms"),
      .silence_timeout_ms = number_field(L, "idle_ms"),
      .max_message = (size_t)number_field(L, "max_message"),
      .max_queued = SOCKET_MAX,
      .data = c,
      .open = on_open,
      .message = on_text,
      .binary = on_binary,
      .pong = on_pong,
      .burst_end = on_burst_end,
      .writable = on_writable,
      .closed = on_closed,
  };
  o.ping_after_ms = o.silence_timeout_ms > 0 ? o.silence_timeout_ms / 2 + 1 : 0;
  check_allowed(L, &o);
  kl_check_cancelled(L);
  if (!kl_may_act(L)) {
    lua_settop(L, 1);
    return kl_hold(L, 0, open_connection);
  }
  kl_error e = {0};
  c->url = strdup(o.url);
  c->protocol = calloc(1, o.protocols ? strlen(o.protocols) + 1 : 1);
  if (!c->url || !c->protocol) return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory");
  kl_check_await(L);
  kl_slot_take(L, &c->slot, KL_SLOT_SOCKET, "ws.connect");
  c->client = kl_ws_client_open(kl_script_loop(kl_script_of(L)), &o, &e);
  if (!c->client) {
    kl_slot_release(&c->slot);
    return kl_raise(L, &e);
  }
  kl_script_adopt(kl_script_of(L), &c->member);
  c->adopted = true;
  lua_settop(L, 2);
  ws_wait *w = wait_new(L, c, WAIT_OPEN, push_opened);
  return w ? kl_await(L, &w->wait) : 0;
}

static int l_connect(lua_State *L) { return open_connection(L, LUA_OK, 0); }

/* ---- receiving ---- */

/* What there is for a reader: a message and its kind; nil and "closed" at the end. Raises what was lost, and a bad
 * end. */
static int push_next(lua_State *L, connection *c) {
  intptr_t opcode;
  const char *p;
  size_t n;
  if (kl_queue_take(&c->queue, &opcode, &p, &n)) {
    lua_pushlstring(L, p, n);
    lua_pushstring(L, opcode == KL_WS_TEXT ? "text" : "binary");
    return 2;
  }
  if (c->queue.lost) {
    unsigned long long lost = c->queue.lost;
    const char *why = c->queue.crowded ? KL_QUEUE_CROWDED : "";
    c->queue.lost = 0;
    c->queue.crowded = false;
    return kl_raise_coded(
        L, KL_ERR_OVERFLOW, "overflow",
        "%llu messages lost: the reader of this connection was more than %d messages or %d MiB behind%s", lost,
        QUEUE_MESSAGES, QUEUE_BYTES >> 20, why);
  }
  if (c->error.kind && !c->closing) {
    kl_error e = c->error;
    return kl_raise(L, &e);
  }
  lua_pushnil(L);
  lua_pushliteral(L, "closed");
  return 2;
}

static bool has_news(const connection *c) { return c->queue.count || c->queue.lost || !c->client; }

static int push_received(lua_State *L, kl_wait *wait) {
  ws_wait *w = (ws_wait *)wait;
  connection *c = w->c;
  if (!c) return 0;
  kl_list_remove(&w->link); /* before anything raises: it may be read again */
  if (w->expired && !has_news(c)) {
    lua_pushnil(L);
    lua_pushliteral(L, "timeout");
    return 2;
  }
  return push_next(L, c);
}

/* `ms` below 0: without a limit. */
static int receive(lua_State *L, connection *c, int64_t ms) {
  lua_settop(L, 1);
  if (has_news(c)) {
    kl_check_cancelled(L);
    return push_next(L, c);
  }
  if (first(c, WAIT_READ))
    return kl_raise_coded(L, KL_ERR_VALIDATION, "reader_taken",
                          "another task waits for messages of this connection: one reads");
  kl_check_await(L);
  ws_wait *w = wait_new(L, c, WAIT_READ, push_received);
  if (!w) return 0;
  if (ms >= 0) wait_at_most(L, w, (uint64_t)ms, "connection:recv");
  return kl_await(L, &w->wait);
}

/* Whoever works through what is queued gives the others their turn now and then. */
static int recv_k(lua_State *L, int status, lua_KContext ms) {
  (void)status;
  return receive(L, luaL_checkudata(L, 1, WS_META), (int64_t)ms);
}

static int l_recv(lua_State *L) {
  check_self(L, "recv");
  lua_KContext ms = lua_isnoneornil(L, 2) ? -1 : (lua_KContext)kl_check_seconds(L, 2, "connection:recv");
  lua_settop(L, 1);
  return kl_stretched(L) ? kl_yield_to(L, ms, recv_k) : recv_k(L, LUA_OK, ms);
}

/* The connection is upvalue 1, so that the iterator may also be called by hand. */
static int l_next(lua_State *L) {
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(1));
  return kl_stretched(L) ? kl_yield_to(L, -1, recv_k) : recv_k(L, LUA_OK, -1);
}

static int l_messages(lua_State *L) {
  check_self(L, "messages");
  lua_pushvalue(L, 1);
  lua_pushcclosure(L, l_next, 1);
  return 1;
}

/* ---- sending ---- */

static int send_now(lua_State *L, connection *c, bool binary) {
  size_t n;
  const char *method = binary ? "send_binary" : "send", *p = lua_tolstring(L, 2, &n);
  if (!c->client || c->closing) return raise_over(L, c, method);
  size_t all = kl_ws_client_queued(c->client) + n;
  if (!kl_charge_set(&c->sending, all)) {
    kl_error e;
    kl_charge_refused(&c->sending, all, "what this connection has to send", &e);
    return kl_raise(L, &e);
  }
  if (!(binary ? kl_ws_client_send_binary(c->client, p, n) : kl_ws_client_send(c->client, p, n)))
    return kl_raise_coded(L, KL_ERR_NETWORK, "connection_lost",
                          "connection:%s: the connection is breaking off; the message was not sent", method);
  return 0;
}

static int push_sent(lua_State *L, kl_wait *wait) { /* connection message */
  ws_wait *w = (ws_wait *)wait;
  return w->c ? send_now(L, w->c, w->binary) : 0;
}

static int queue_send(lua_State *L, connection *c, bool binary) {
  lua_settop(L, 2);
  if (!c->client || c->closing) return raise_over(L, c, binary ? "send_binary" : "send");
  kl_check_cancelled(L);
  /* One who sends without end, to a server that reads as fast, would keep everybody else waiting. */
  c->sent_bytes += lua_rawlen(L, 2);
  bool pause = ++c->sends >= SENDS_IN_A_ROW || c->sent_bytes >= SEND_FULL;
  if (pause) c->sends = c->sent_bytes = 0;
  if (!first(c, WAIT_SEND) && has_room(c) && !pause) return send_now(L, c, binary);
  ws_wait *w = wait_new(L, c, WAIT_SEND, push_sent);
  if (!w) return 0;
  if (pause && has_room(c)) wait_at_most(L, w, 0, NULL);
  w->binary = binary;
  return kl_await(L, &w->wait);
}

static const char *check_message(lua_State *L, const char *function, size_t *n) {
  const char *p = kl_check_text(L, 2, function, n);
  if (*n > SEND_MAX)
    kl_raise_coded(L, KL_ERR_VALIDATION, "malformed_value", "%s: a message has at most %d MiB, not %zu bytes", function,
                   SEND_MAX >> 20, *n);
  return p;
}

static int l_send(lua_State *L) {
  size_t n;
  connection *c = check_self(L, "send");
  const char *p = check_message(L, "connection:send", &n);
  if (!kl_utf8_valid(p, n))
    return kl_raise_coded(L, KL_ERR_VALIDATION, "malformed_value",
                          "connection:send: the text is not valid UTF-8: use send_binary for bytes");
  return queue_send(L, c, false);
}

static int l_send_binary(lua_State *L) {
  size_t n;
  connection *c = check_self(L, "send_binary");
  check_message(L, "connection:send_binary", &n);
  return queue_send(L, c, true);
}

/* ---- ping ---- */

static int push_pong(lua_State *L, kl_wait *wait) {
  ws_wait *w = (ws_wait *)wait;
  if (w->seconds >= 0) {
    lua_pushnumber(L, w->seconds);
    return 1;
  }
  if (!w->c || !w->c->client) {
    if (!w->c) return 0;
    return raise_over(L, w->c, "ping");
  }
  return kl_raise_coded(L, KL_ERR_TIMEOUT, "no_answer", "connection:ping: no pong came in time");
}

static int l_ping(lua_State *L) {
  connection *c = check_self(L, "ping");
  size_t n = 0;
  const char *payload = lua_isnoneornil(L, 2) ? NULL : kl_check_text(L, 2, "connection:ping", &n);
  if (n > PING_MAX)
    return kl_raise_coded(L, KL_ERR_VALIDATION, "malformed_value",
                          "connection:ping: a payload has at most %d bytes, not %d", PING_MAX, (int)n);
  uint64_t ms = lua_isnoneornil(L, 3) ? PING_SECONDS * 1000 : kl_check_seconds(L, 3, "connection:ping");
  if (!c->client || c->closing) return raise_over(L, c, "ping");
  kl_check_cancelled(L);
  kl_check_await(L);
  ws_wait *w = wait_new(L, c, WAIT_PING, push_pong);
  if (!w) return 0;
  if (payload) {
    memcpy(w->payload, payload, n);
    w->payload_len = n;
  } else {
    w->payload_len = (size_t)snprintf(w->payload, sizeof w->payload, "ping %u", ++c->pings);
  }
  w->sent_ns = kl_mono_ns(kl_clock_real());
  (void)kl_ws_client_ping(c->client, w->payload, w->payload_len); /* where it fails, the end of the connection tells */
  wait_at_most(L, w, ms, "connection:ping");
  return kl_await(L, &w->wait);
}

/* ---- closing ---- */

static int push_closed(lua_State *L, kl_wait *wait) {
  const ws_wait *w = (ws_wait *)wait;
  lua_pushboolean(L, w->c && w->c->clean);
  return 1;
}

static int l_close(lua_State *L) {
  connection *c = check_self(L, "close");
  lua_Integer code = CODE_NORMAL;
  size_t n = 0;
  int exact = 1;
  if (!lua_isnoneornil(L, 2)) code = lua_tointegerx(L, 2, &exact);
  if (!exact || lua_type(L, 2) == LUA_TSTRING || code < 0 || code > 0xFFFF || !kl_ws_is_close_code((unsigned)code))
    return kl_bad_argument(L, 2, "connection:close", "a close code: 1000 to 1003, 1007 to 1014 or 3000 to 4999");
  const char *reason = lua_isnoneornil(L, 3) ? "" : kl_check_text(L, 3, "connection:close", &n);
  if (n > REASON_MAX || !kl_utf8_valid(reason, n))
    return kl_raise_coded(L, KL_ERR_VALIDATION, "malformed_value",
                          "connection:close: a reason is UTF-8 of at most %d bytes", REASON_MAX);
  begin_close(c, (int)code, reason, n);
  if (!c->client) {
    lua_pushboolean(L, c->clean);
    return 1;
  }
  ws_wait *w = wait_new(L, c, WAIT_CLOSE, push_closed);
  return w ? kl_await(L, &w->wait) : 0;
}

/* ---- fields ---- */

/* Upvalue 1 has the methods. */
static int l_index(lua_State *L) {
  const connection *c = luaL_checkudata(L, 1, WS_META);
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL || lua_type(L, 2) != LUA_TSTRING) return 1;
  const char *name = lua_tostring(L, 2);
  if (!strcmp(name, "url"))
    lua_pushstring(L, c->url);
  else if (!strcmp(name, "protocol"))
    lua_pushstring(L, c->protocol && *c->protocol ? c->protocol : NULL);
  else if (!strcmp(name, "open"))
    lua_pushboolean(L, c->opened && c->client && !c->closing);
  else if (!strcmp(name, "close_code") && c->close_code)
    lua_pushinteger(L, c->close_code);
  else if (!strcmp(name, "close_reason") && c->close_code)
    lua_pushlstring(L, c->reason, c->reason_len);
  return 1;
}

static int l_tostring(lua_State *L) {
  const connection *c = luaL_checkudata(L, 1, WS_META);
  const char *url = c->url ? c->url : "";
  lua_pushliteral(L, "ws.Connection: ");
  lua_pushlstring(L, url, strcspn(url, "?"));
  lua_pushstring(L, c->client && !c->closing ? "" : " (closed)");
  lua_concat(L, 3);
  return 1;
}

static void connection_register(lua_State *L) {
  static const luaL_Reg meta[] = {{"__gc", l_gc}, {"__close", l_block_end}, {"__tostring", l_tostring}, {NULL, NULL}};
  static const luaL_Reg methods[] = {{"send", l_send},
                                     {"send_binary", l_send_binary},
                                     {"messages", l_messages},
                                     {"recv", l_recv},
                                     {"ping", l_ping},
                                     {"close", l_close},
                                     {NULL, NULL}};
  static const char *const fields[] = {"url",        "string", "protocol",     "string", "open", "boolean",
                                       "close_code", "number", "close_reason", "string", NULL};
  luaL_newmetatable(L, WS_META); /* mt */
  luaL_setfuncs(L, meta, 0);
  kl_set_fields(L, methods, fields);
  kl_guard_allow_fields(L, -1, "__tostring");
  luaL_newlib(L, methods); /* mt methods */
  lua_pushcclosure(L, l_index, 1);
  kl_guard_allow(L, -1);
  lua_setfield(L, -2, "__index"); /* mt */
  lua_pushliteral(L, WS_META);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1); /* */
}

/* The embedded ws.lua with the core; its result is the module. */
int luaopen_kl_ws(lua_State *L) {
  static const luaL_Reg core[] = {
      {"connect", l_connect}, {"error", kl_embedded_error_lua}, {"nearest", kl_embedded_nearest_lua}, {NULL, NULL}};
  connection_register(L);
  luaL_newlib(L, core);
  kl_embedded_call(L, "ws", 1);
  return 1;
}
