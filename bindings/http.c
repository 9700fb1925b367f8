/* Module `http`, its core: one request with its redirects as something that a task waits for. What a script sees is
 * built on it in lua/stdlib/http.lua; what must hold whatever a script does (which hosts, which headers) is in
 * net/fetch.c. */
#include "bindings/http.h"

#include <stdlib.h>
#include <string.h>

#include "bindings/embedded.h"
#include "bindings/inspect.h"
#include "bindings/json.h"
#include "bindings/rest.h"
#include "script/limits.h"
#include "script/rehearsal.h"
#include "script/script.h"

enum { MAX_REDIRECTS = 50 };

/* ---- a request from a table ---- */

static const char *text_field(lua_State *L, const char *name, size_t *n) {
  int type = lua_getfield(L, 1, name);
  if (type == LUA_TNIL) return NULL;
  if (type != LUA_TSTRING)
    kl_raise_coded(L, KL_ERR_VALIDATION, "malformed_value", "http: %s must be a string, not %s", name,
                   luaL_typename(L, -1));
  size_t length;
  const char *text = lua_tolstring(L, -1, &length);
  if (n)
    *n = length;
  else if (strlen(text) != length)
    kl_raise_coded(L, KL_ERR_VALIDATION, "malformed_value", "http: %s holds a zero byte", name);
  return text;
}

static int64_t number_field(lua_State *L, const char *name) {
  int type = lua_getfield(L, 1, name), exact = 0;
  lua_Integer v = lua_tointegerx(L, -1, &exact);
  if (type != LUA_TNIL && (!exact || v < 0))
    kl_raise_coded(L, KL_ERR_VALIDATION, "malformed_value", "http: %s must be a whole number, not negative", name);
  return type == LUA_TNIL ? 0 : v;
}

static const char *const *list_field(lua_State *L, const char *name) {
  int type = lua_getfield(L, 1, name), table = lua_gettop(L);
  if (type == LUA_TNIL) return NULL;
  if (type != LUA_TTABLE)
    kl_raise_coded(L, KL_ERR_VALIDATION, "malformed_value", "http: %s must be a list of strings", name);
  size_t n = lua_rawlen(L, table);
  const char **list = lua_newuserdatauv(L, (n + 1) * sizeof *list, 0);
  for (size_t i = 0; i < n; i++) {
    size_t length = 0;
    bool text = lua_rawgeti(L, table, (lua_Integer)i + 1) == LUA_TSTRING;
    list[i] = text ? lua_tolstring(L, -1, &length) : "";
    if (!text || strlen(list[i]) != length)
      kl_raise_coded(L, KL_ERR_VALIDATION, "malformed_value", "http: %s must be a list of strings without zero bytes",
                     name);
    lua_pop(L, 1);
  }
  list[n] = NULL;
  return list;
}

void kl_http_read_request(lua_State *L, kl_fetch_request *r) {
  const kl_permissions allow = kl_script_permissions(kl_script_of(L));
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checkstack(L, 32, NULL);
  *r = (kl_fetch_request){.allow = allow.net, .allow_all = allow.all};
  r->http.method = text_field(L, "method", NULL);
  r->http.url = text_field(L, "url", NULL);
  r->http.body = text_field(L, "body", &r->http.body_len);
  r->http.headers = list_field(L, "headers");
  r->secrets = list_field(L, "secrets");
  r->http.timeout_ms = number_field(L, "timeout_ms");
  r->http.head_timeout_ms = number_field(L, "head_timeout_ms");
  r->http.idle_timeout_ms = number_field(L, "idle_timeout_ms");
  r->http.max_body = (size_t)number_field(L, "max_body");
  int64_t redirects = number_field(L, "redirects");
  r->redirects = redirects < MAX_REDIRECTS ? (int)redirects : MAX_REDIRECTS;
  if (!r->http.method || !r->http.url)
    kl_raise_coded(L, KL_ERR_VALIDATION, "malformed_value", "http: a request needs a method and a url");
}

kl_http *kl_http_client(lua_State *L) {
  if (!lua_isyieldable(L))
    kl_raise_coded(L, KL_ERR_VALIDATION, "cannot_yield_here",
                   "http waits for an answer, which is not possible here: use task.spawn");
  kl_http *h = kl_environment_of(L)->http;
  if (!h) kl_raisef(L, KL_ERR_INTERNAL, "http: this program has no HTTP client for scripts");
  return h;
}

void kl_http_push_fields(lua_State *L, const kl_buf *lines) {
  const kl_http_head head = {.fields = lines->data ? lines->data : "", .fields_len = lines->len};
  kl_http_field f;
  lua_Integer i = 0;
  lua_newtable(L);
  for (size_t at = 0; kl_http_head_next(&head, &at, &f);) {
    lua_pushlstring(L, f.name, f.name_len);
    lua_rawseti(L, -2, ++i);
    lua_pushlstring(L, f.value, f.value_len);
    lua_rawseti(L, -2, ++i);
  }
}

/* ---- core.request ---- */

typedef struct {
  kl_wait wait; /* first */
  kl_fetch *fetch;
  kl_error error;
  int status;
  kl_buf url, fields, body;
  kl_buf key; /* of the answer, in the record of a version that starts */
  kl_slot slot;
  kl_charge charge; /* both bodies */
  size_t sent;      /* of the request's body, kept until the answer is there */
  size_t refused;   /* the size of the answer for which there was no room */
  const uv_loop_t *loop;
  uint64_t since_ms; /* of the loop */
} http_wait;

static bool http_room(void *data, size_t n) {
  http_wait *w = data;
  w->refused = n;
  return kl_charge_set(&w->charge, w->sent + n);
}

void kl_http_error_for_script(kl_error *e) {
  if (e->sent != KL_SENT_UNSAID && strcmp(e->kind, KL_ERR_CONFIG) != 0)
    kl_error_code(e, e->sent == KL_SENT_NO ? "unsent" : "sent");
}

static void http_done(void *data, const kl_http_response *res, const char *url, const kl_error *e) {
  http_wait *w = data;
  w->fetch = NULL;
  kl_slot_release(&w->slot);
  if (e) {
    w->error = *e;
    kl_http_error_for_script(&w->error);
    if (!strcmp(e->kind, KL_ERR_LIMIT)) kl_charge_refused(&w->charge, w->refused, "the answer", &w->error);
  } else {
    w->status = res->status;
    kl_buf_str(&w->url, url);
    kl_buf_add(&w->fields, res->head.fields, res->head.fields_len);
    kl_buf_add(&w->body, res->body, res->body_len);
    if (w->url.failed || w->fields.failed || w->body.failed)
      kl_error_set(&w->error, KL_ERR_INTERNAL, "not enough memory for an answer of %zu bytes", res->body_len);
  }
  kl_complete(&w->wait);
}

static void http_drop(kl_wait *wait) {
  http_wait *w = (http_wait *)wait;
  if (w->fetch) kl_fetch_cancel(w->fetch);
  kl_slot_release(&w->slot);
  (void)kl_charge_set(&w->charge, 0);
  kl_buf_free(&w->url);
  kl_buf_free(&w->fields);
  kl_buf_free(&w->body);
  kl_buf_free(&w->key);
  free(w);
}

static void http_describe(const kl_wait *wait, kl_buf *out) {
  const http_wait *w = (const http_wait *)wait;
  kl_buf_str(out, "http ");
  if (w->fetch) kl_wait_url(out, kl_fetch_url(w->fetch));
  kl_wait_since(out, w->loop, w->since_ms);
}

static int push_answer(lua_State *L, const http_wait *w) {
  luaL_checkstack(L, 8, NULL);
  lua_pushinteger(L, w->status);
  lua_pushlstring(L, w->url.data, w->url.len);
  kl_http_push_fields(L, &w->fields);
  lua_pushlstring(L, w->body.data ? w->body.data : "", w->body.len);
  return 4;
}

/* ---- the answers of a start ---- */

/* Behind it: the URL, the fields, the body. */
typedef struct told {
  int status;
  size_t url, fields, body;
} told;

static void remember(lua_State *L, const http_wait *w) {
  kl_rehearsal *r = kl_script_rehearsal(kl_script_of(L));
  if (!r || !w->key.len) return;
  const told head = {.status = w->status, .url = w->url.len, .fields = w->fields.len, .body = w->body.len};
  kl_buf b = {0};
  kl_buf_add(&b, &head, sizeof head);
  kl_buf_add(&b, w->url.data, w->url.len);
  kl_buf_add(&b, w->fields.data, w->fields.len);
  kl_buf_add(&b, w->body.data, w->body.len);
  if (!b.failed) kl_rehearsal_put(r, w->key.data, w->key.len, b.data, b.len);
  kl_buf_free(&b);
}

/* What the version that starts was told when it asked this before: into `w`, which borrows it. False where it did not.
 * Leaves the key in `key`. */
static bool recall(kl_rehearsal *r, const kl_fetch_request *q, kl_buf *key, http_wait *w) {
  size_t n;
  told head;
  kl_buf_printf(key, "%s %s", q->http.method, q->http.url);
  for (const char *const *h = q->http.headers; h && *h; h++)
    kl_buf_printf(key, "\n%s", *h);
  char *p = key->failed ? NULL : (char *)(uintptr_t)kl_rehearsal_take(r, key->data, key->len, &n);
  if (!p) return false;
  memcpy(&head, p, sizeof head);
  p += sizeof head;
  w->status = head.status;
  w->url = (kl_buf){.data = p, .len = head.url};
  w->fields = (kl_buf){.data = p + head.url, .len = head.fields};
  w->body = (kl_buf){.data = p + head.url + head.fields, .len = head.body};
  return true;
}

static int http_push(lua_State *L, kl_wait *wait) {
  http_wait *w = (http_wait *)wait;
  if (w->error.kind) return kl_raise(L, &w->error);
  remember(L, w);
  return push_answer(L, w);
}

static int request(lua_State *L, int again, lua_KContext ctx) {
  kl_fetch_request r;
  kl_error e = {0};
  (void)again;
  (void)ctx;
  kl_http *h = kl_http_client(L);
  lua_settop(L, 1);
  kl_http_read_request(L, &r);
  bool reads = !strcmp(r.http.method, "GET") || !strcmp(r.http.method, "HEAD");
  if (!reads && !kl_may_act(L)) return kl_hold(L, 0, request);
  http_wait now = {.wait = {.push = http_push,
                            .drop = http_drop,
                            .describe = http_describe,
                            .kind = reads ? KL_WAIT_START : KL_WAIT_EVENT},
                   .loop = kl_script_loop(kl_script_of(L))};
  kl_rehearsal *record = reads ? kl_script_rehearsal(kl_script_of(L)) : NULL;
  kl_buf *key = record ? kl_push_buffer(L) : NULL;
  if (record && recall(record, &r, key, &now)) {
    kl_check_cancelled(L);
    return push_answer(L, &now);
  }
  kl_check_await(L);
  now.charge.meter = kl_script_meter(kl_script_of(L));
  now.sent = r.http.body_len;
  r.http.room = http_room;
  kl_slot_take(L, &now.slot, KL_SLOT_SOCKET, "http");
  http_wait *w = malloc(sizeof *w);
  if (!w) {
    kl_slot_release(&now.slot);
    return kl_raisef(L, KL_ERR_INTERNAL, "not enough memory");
  }
  *w = now;
  w->since_ms = uv_now(w->loop);
  if (kl_charge_set(&w->charge, w->sent))
    w->fetch = kl_fetch_start(h, &r, http_done, w, &e);
  else
    kl_charge_refused(&w->charge, w->sent, "the body of this request", &e);
  if (!w->fetch) {
    http_drop(&w->wait);
    return kl_raise(L, &e);
  }
  if (key) {
    w->key = *key; /* moved */
    *key = (kl_buf){0};
  }
  return kl_await(L, &w->wait);
}

/* core.request(request) -> status, url, fields, body */
static int l_request(lua_State *L) { return request(L, LUA_OK, 0); }

/* The embedded http.lua with the core; its result is the module. */
int luaopen_kl_http(lua_State *L) {
  static const luaL_Reg core[] = {{"request", l_request},
                                  {"stream", kl_http_stream_lua},
                                  {"error", kl_embedded_error_lua},
                                  {"nearest", kl_embedded_nearest_lua},
                                  {NULL, NULL}};
  kl_http_stream_register(L);
  luaL_newlib(L, core);
  kl_embedded_call(L, "http", 1);
  return 1;
}
