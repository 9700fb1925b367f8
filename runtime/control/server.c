#include "control/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/json_fields.h"
#include "base/list.h"
#include "control/listing.h"

enum {
  MAX_CLIENTS = 64,
  MAX_CALLS = 16, /* of a client at a time */
  BACKLOG = 128,
  PATIENCE_MS = 10000,   /* for a request that has begun, and for the first one */
  CLOSE_MS = 1000,       /* for output at the close */
  LOOK_MS = 500,         /* how often those are looked at */
  OUTPUT_MAX = 4 << 20,  /* that waits for a client */
  OUTPUT_LOW = 64 << 10, /* below that there is room for events */
  READ_SIZE = 64 << 10
};

typedef struct op_table {
  const kl_control_op *ops;
  void *data;
} op_table;

typedef struct client client;

struct kl_control_server {
  uv_loop_t *loop;
  uv_pipe_t *listener; /* owned; NULL: none */
  uv_timer_t timer;    /* runs while there are clients */
  int handles;         /* of these that are open */
  bool closing;
  kl_list clients; /* of client.link */
  size_t n_clients;
  op_table *tables; /* owned */
  size_t n_tables;
  char input[READ_SIZE]; /* between the two callbacks of a read */
};

struct client {
  kl_list link, calls; /* of kl_control_call.link */
  kl_control_server *server;
  uv_pipe_t pipe;
  kl_control_reader reader;
  kl_buf pending, flying; /* to be written; being written */
  uv_write_t write;
  size_t n_calls;
  uint64_t since; /* ms of the loop: of its begin, or of the first byte of the request that is not complete */
  uint64_t until; /* its output has so long to go out; 0: no limit */
  bool asked;     /* has made a request */
  bool ended;     /* asks no more; goes when it has its answers */
  bool writing, broken, closing;
};

struct kl_control_call {
  kl_list link;
  client *from; /* NULL once it has gone */
  const kl_control_op *op;
  void *op_data, *data;
  int64_t id;
  bool cancelled;
};

/* ---- the end of a client ---- */

static void free_server(kl_control_server *s) {
  if (!s->closing || s->handles > 0 || s->n_clients > 0) return;
  free(s->tables);
  free(s);
}

static kl_control_call *next_to_cancel(const client *c) {
  for (kl_list *n = c->calls.next; n != &c->calls; n = n->next) {
    kl_control_call *call = KL_CONTAINER(n, kl_control_call, link);
    if (!call->cancelled && call->op->cancel) return call;
  }
  return NULL;
}

/* Has each call that can be cancelled end early. */
static void cancel_calls(client *c) {
  kl_control_call *call;
  while ((call = next_to_cancel(c)) != NULL) { /* it may be gone after its cancel, and others with it */
    call->cancelled = true;
    call->op->cancel(call->op_data, call);
  }
}

/* The calls go on without it. */
static void detach_calls(client *c) {
  while (!kl_list_empty(&c->calls)) {
    kl_control_call *call = KL_CONTAINER(c->calls.next, kl_control_call, link);
    kl_list_remove(&call->link);
    call->from = NULL;
  }
  c->n_calls = 0;
}

static void server_handle_closed(uv_handle_t *h) {
  kl_control_server *s = h->data;
  s->handles--;
  free_server(s);
}

/* Without clients there is nobody to look at. */
static void rest_timer(kl_control_server *s) {
  if (!kl_list_empty(&s->clients)) return;
  uv_timer_stop(&s->timer);
  if (s->closing && !uv_is_closing((uv_handle_t *)&s->timer)) uv_close((uv_handle_t *)&s->timer, server_handle_closed);
}

static void client_closed(uv_handle_t *h) {
  client *c = h->data;
  kl_control_server *s = c->server;
  kl_control_reader_free(&c->reader);
  kl_buf_free(&c->pending);
  kl_buf_free(&c->flying);
  free(c);
  s->n_clients--;
  rest_timer(s);
  free_server(s);
}

static void drop(client *c) {
  if (c->closing) return;
  c->closing = true; /* nothing is written to it any more */
  cancel_calls(c);
  detach_calls(c);
  kl_list_remove(&c->link);
  uv_close((uv_handle_t *)&c->pipe, client_closed);
}

/* ---- output ---- */

static size_t waiting(const client *c) { return c->pending.len + (c->writing ? c->flying.len : 0); }

static void written(uv_write_t *w, int status);

/* Never drops the client, so that it may be called while an operation runs. */
static void flush(client *c) {
  if (c->closing || c->writing || c->broken || c->pending.failed || c->pending.len == 0) return;
  kl_buf swap = c->flying;
  c->flying = c->pending;
  c->pending = swap;
  kl_buf_clear(&c->pending);
  uv_buf_t b = uv_buf_init(c->flying.data, (unsigned)c->flying.len);
  c->writing = uv_write(&c->write, (uv_stream_t *)&c->pipe, &b, 1, written) == 0;
  c->broken = !c->writing;
}

static bool is_lost(const client *c) { return c->broken || c->pending.failed || waiting(c) > OUTPUT_MAX; }

/* Drops the client where it does not read, or has all that it waited for. */
static void settle(client *c) {
  if (c->closing) return;
  flush(c);
  if (is_lost(c) || (c->ended && c->n_calls == 0 && waiting(c) == 0)) drop(c);
}

static void written(uv_write_t *w, int status) {
  client *c = w->data;
  kl_list calls;
  c->writing = false;
  c->broken = c->broken || status != 0;
  if (c->closing) return;
  flush(c);
  kl_list_move(&calls, &c->calls);
  while (!kl_list_empty(&calls)) {
    kl_control_call *call = KL_CONTAINER(calls.next, kl_control_call, link);
    kl_list_remove(&call->link);
    kl_list_append(&c->calls, &call->link);
    if (call->op->room && !call->cancelled && kl_control_has_room(call)) call->op->room(call->op_data, call);
  }
  settle(c);
}

/* ---- calls ---- */

static void end_call(kl_control_call *call) {
  client *c = call->from;
  kl_list_remove(&call->link);
  free(call);
  if (!c) return;
  c->n_calls--;
  flush(c); /* the client is looked at when that has gone out */
}

void kl_control_answer(kl_control_call *call, kl_buf *fields) {
  client *c = call->from;
  if (c && !c->closing) kl_control_write_answer(&c->pending, call->id, fields);
  if (fields) kl_buf_free(fields);
  end_call(call);
}

void kl_control_refuse(kl_control_call *call, const kl_error *e, kl_buf *fields) {
  client *c = call->from;
  if (c && !c->closing) kl_control_write_refusal(&c->pending, call->id, e, fields);
  if (fields) kl_buf_free(fields);
  end_call(call);
}

void kl_control_event(kl_control_call *call, const char *event, kl_buf *fields) {
  client *c = call->from;
  if (c && !c->closing && !is_lost(c)) {
    kl_control_write_event(&c->pending, call->id, event, fields);
    flush(c);
    /* Even where nothing can wait for room: no more is kept for it, and it is dropped soon. */
    c->broken = is_lost(c);
  }
  if (fields) kl_buf_free(fields);
}

bool kl_control_has_room(const kl_control_call *call) {
  const client *c = call->from;
  return c && !c->closing && !c->broken && !c->pending.failed && waiting(c) < OUTPUT_LOW;
}

bool kl_control_is_gone(const kl_control_call *call) {
  return !call->from || call->from->closing || is_lost(call->from);
}

void kl_control_call_set(kl_control_call *call, void *p) { call->data = p; }
void *kl_control_call_get(const kl_control_call *call) { return call->data; }

static kl_control_call *find_call(client *c, const char *op, int64_t id) {
  for (kl_list *n = c->calls.next; n != &c->calls; n = n->next) {
    kl_control_call *call = KL_CONTAINER(n, kl_control_call, link);
    if (call->id == id && (!op || strcmp(call->op->name, op) == 0)) return call;
  }
  return NULL;
}

bool kl_control_call_client(const kl_control_call *call, int64_t *pid, int64_t *uid) {
  uv_os_fd_t fd;
  struct ucred who;
  socklen_t n = sizeof who;
  if (!call->from || uv_fileno((uv_handle_t *)&call->from->pipe, &fd) != 0) return false;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) != 0) return false;
  *pid = who.pid;
  *uid = who.uid;
  return true;
}

kl_control_call *kl_control_sibling(kl_control_call *call, const char *op, int64_t id) {
  return call->from ? find_call(call->from, op, id) : NULL;
}

/* ---- requests ---- */

static void run_cancel(client *c, const kl_control_request *q) {
  kl_control_call *call = find_call(c, NULL, json_integer_value(json_object_get(q->fields, "call")));
  bool can = call && call->op->cancel && !call->cancelled;
  kl_buf fields = {0};
  kl_json_field_bool(&fields, "cancelled", can);
  kl_control_write_answer(&c->pending, q->id, &fields);
  kl_buf_free(&fields);
  if (!can) return;
  call->cancelled = true;
  call->op->cancel(call->op_data, call);
}

static void refuse(client *c, int64_t id, const kl_error *e) { kl_control_write_refusal(&c->pending, id, e, NULL); }

static const kl_control_op *find_op(const kl_control_server *s, const char *name, void **data) {
  for (size_t i = 0; i < s->n_tables; i++) {
    for (const kl_control_op *op = s->tables[i].ops; op->name; op++) {
      if (strcmp(op->name, name) != 0) continue;
      *data = s->tables[i].data;
      return op;
    }
  }
  return NULL;
}

static void run(client *c, const kl_control_request *q) {
  kl_error e;
  void *data = NULL;
  const kl_control_op *op = find_op(c->server, q->op, &data);
  if (!op) {
    kl_error_coded(&e, KL_ERR_VALIDATION, "other_version",
                   "this process knows no operation \"%s\"; its kalua may be older or newer", q->op);
    refuse(c, q->id, &e);
    return;
  }
  kl_control_call *call = c->n_calls < MAX_CALLS ? calloc(1, sizeof *call) : NULL;
  if (!call) {
    kl_error_coded(&e, KL_ERR_RATE_LIMIT, "process_busy", "%s: %d requests of this connection run already", q->op,
                   MAX_CALLS);
    refuse(c, q->id, &e);
    return;
  }
  *call = (kl_control_call){.from = c, .op = op, .op_data = data, .id = q->id};
  kl_list_append(&c->calls, &call->link);
  c->n_calls++;
  op->run(data, call, q->fields);
}

/* Says what is wrong and ends the connection once that has gone out. */
static void give_up(client *c, const kl_error *e) {
  refuse(c, 0, e);
  uv_read_stop((uv_stream_t *)&c->pipe);
  c->ended = true;
  c->until = uv_now(c->server->loop) + CLOSE_MS;
  cancel_calls(c);
}

static void take_lines(client *c) {
  const char *line;
  size_t n;
  int got = 0;
  kl_error e;
  while (!c->ended && !is_lost(c) && (got = kl_control_reader_next(&c->reader, &line, &n)) > 0) {
    kl_control_request q;
    if (!kl_control_request_parse(line, n, &q, &e)) {
      give_up(c, &e);
      break;
    }
    c->asked = true;
    if (strcmp(q.op, "cancel") == 0)
      run_cancel(c, &q);
    else
      run(c, &q);
    kl_control_request_free(&q);
  }
  if (got < 0) {
    kl_error_set(&e, KL_ERR_VALIDATION, "a request is at most %d bytes long", KL_CONTROL_LINE_MAX);
    give_up(c, &e);
  }
}

static void give_input(uv_handle_t *h, size_t suggested, uv_buf_t *out) {
  client *c = h->data;
  (void)suggested;
  *out = uv_buf_init(c->server->input, READ_SIZE);
}

static void got_input(uv_stream_t *stream, ssize_t n, const uv_buf_t *b) {
  client *c = stream->data;
  if (n == 0 || c->closing) return;
  if (n == UV_EOF) { /* asks no more, but may wait for answers */
    uv_read_stop(stream);
    c->ended = true;
    cancel_calls(c);
    settle(c);
    return;
  }
  if (n < 0) {
    drop(c);
    return;
  }
  if (!kl_control_reader_partial(&c->reader)) c->since = uv_now(c->server->loop);
  if (!kl_control_reader_add(&c->reader, b->base, (size_t)n)) {
    drop(c);
    return;
  }
  size_t before = c->reader.at;
  take_lines(c);
  if (c->reader.at != before) c->since = uv_now(c->server->loop);
  settle(c);
}

/* ---- connections ---- */

/* Out of patience with a request that does not get complete, or with a reader at the close. */
static void look(uv_timer_t *t) {
  kl_control_server *s = t->data;
  uint64_t now = uv_now(s->loop);
  kl_list all;
  kl_list_move(&all, &s->clients);
  while (!kl_list_empty(&all)) {
    client *c = KL_CONTAINER(all.next, client, link);
    kl_list_remove(&c->link);
    kl_list_append(&s->clients, &c->link);
    bool waits = !c->ended && (kl_control_reader_partial(&c->reader) || !c->asked);
    if (is_lost(c) || (c->until > 0 && now >= c->until)) {
      drop(c);
    } else if (waits && now - c->since >= PATIENCE_MS) {
      kl_error e;
      kl_error_set(&e, KL_ERR_TIMEOUT, "no complete request came within %d s", PATIENCE_MS / 1000);
      give_up(c, &e);
      settle(c);
    }
  }
  rest_timer(s);
}

static void hello(client *c) {
  const kl_control_server *s = c->server;
  kl_buf *b = &c->pending;
  kl_buf_char(b, '{');
  kl_json_field_str(b, "kalua", KL_VERSION);
  kl_json_field_int(b, "protocol", KL_CONTROL_PROTOCOL);
  kl_json_field_int(b, "pid", getpid());
  kl_json_key(b, "operations");
  kl_buf_str(b, "[\"cancel\"");
  for (size_t i = 0; i < s->n_tables; i++) {
    for (const kl_control_op *op = s->tables[i].ops; op->name; op++) {
      kl_buf_char(b, ',');
      kl_buf_json_cstr(b, op->name);
    }
  }
  kl_buf_str(b, "]}\n");
}

/* The folder lets nobody else in; this holds where somebody opened it all the same. */
static bool is_allowed(const uv_pipe_t *pipe) {
  uv_os_fd_t fd;
  struct ucred peer;
  socklen_t n = sizeof peer;
  if (uv_fileno((const uv_handle_t *)pipe, &fd) != 0) return false;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) != 0) return false;
  return peer.uid == geteuid() || peer.uid == 0;
}

/* A client whose pipe is not open yet; NULL when memory is out. */
static client *new_client(kl_control_server *s) {
  client *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  c->server = s;
  kl_list_init(&c->calls);
  uv_pipe_init(s->loop, &c->pipe, 0);
  c->pipe.data = c->write.data = c;
  c->since = uv_now(s->loop);
  kl_list_append(&s->clients, &c->link);
  s->n_clients++;
  return c;
}

/* Its pipe is open. */
static void begin(client *c) {
  kl_control_server *s = c->server;
  uv_timer_start(&s->timer, look, LOOK_MS, LOOK_MS);
  if (s->n_clients > MAX_CLIENTS) {
    kl_error e;
    kl_error_coded(&e, KL_ERR_RATE_LIMIT, "process_busy",
                   "%d clients are connected to this process; try again when some have gone", MAX_CLIENTS);
    give_up(c, &e);
  } else {
    hello(c);
    if (uv_read_start((uv_stream_t *)&c->pipe, give_input, got_input) != 0) {
      drop(c);
      return;
    }
  }
  settle(c);
}

static void connected(uv_stream_t *listener, int status) {
  client *c = status == 0 ? new_client(listener->data) : NULL;
  if (!c) return;
  if (uv_accept(listener, (uv_stream_t *)&c->pipe) != 0 || !is_allowed(&c->pipe))
    drop(c);
  else
    begin(c);
}

bool kl_control_server_adopt(kl_control_server *s, int fd) {
  client *c = s->closing ? NULL : new_client(s);
  if (!c) return false;
  c->asked = true; /* one that was asked for may take its time */
  if (uv_pipe_open(&c->pipe, fd) != 0) {
    drop(c);
    return false;
  }
  begin(c);
  return true;
}

static void listener_closed(uv_handle_t *h) {
  server_handle_closed(h);
  free(h);
}

static void close_listener(kl_control_server *s) {
  if (s->listener) uv_close((uv_handle_t *)s->listener, listener_closed);
  s->listener = NULL;
}

/* A socket that listens; -1 with errno. It has its name once it does: whoever finds it can connect. */
static int listening_socket(int folder, const char *path, const char *name) {
  struct sockaddr_un at;
  char before[32];
  snprintf(before, sizeof before, ".new-%ld", (long)getpid());
  if (!kl_listing_address(&at, folder, path, before)) {
    errno = ENAMETOOLONG;
    return -1;
  }
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  unlinkat(folder, before, 0);
  if (bind(fd, (const struct sockaddr *)&at, sizeof at) == 0 && fchmodat(folder, before, 0600, 0) == 0 &&
      listen(fd, BACKLOG) == 0 && renameat(folder, before, folder, name) == 0)
    return fd;
  int why = errno;
  close(fd);
  unlinkat(folder, before, 0);
  errno = why;
  return -1;
}

bool kl_control_server_listen(kl_control_server *s, int folder, const char *path, const char *name, kl_error *e) {
  uv_pipe_t *fresh = malloc(sizeof *fresh);
  if (!fresh) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the control socket");
    return false;
  }
  uv_pipe_init(s->loop, fresh, 0);
  fresh->data = s;
  s->handles++;
  close_listener(s);
  s->listener = fresh;
  int fd = listening_socket(folder, path, name);
  int code = fd < 0 ? -errno : uv_pipe_open(fresh, fd);
  if (fd >= 0 && code != 0) close(fd);
  if (code == 0) code = uv_listen((uv_stream_t *)fresh, BACKLOG, connected);
  if (code == 0) return true;
  kl_error_coded(e, KL_ERR_CONFIG, "runtime_folder_unusable", "cannot make the control socket %.300s/%s: %s", path,
                 name, strerror(-code));
  close_listener(s);
  return false;
}

kl_control_server *kl_control_server_new(uv_loop_t *loop) {
  kl_control_server *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->loop = loop;
  kl_list_init(&s->clients);
  uv_timer_init(loop, &s->timer);
  s->timer.data = s;
  s->handles = 1;
  return s;
}

bool kl_control_server_add(kl_control_server *s, const kl_control_op *ops, void *data) {
  op_table *grown = realloc(s->tables, (s->n_tables + 1) * sizeof *grown);
  if (!grown) return false;
  s->tables = grown;
  grown[s->n_tables++] = (op_table){.ops = ops, .data = data};
  return true;
}

void kl_control_server_close(kl_control_server *s) {
  if (!s || s->closing) return;
  s->closing = true;
  close_listener(s);
  kl_list all;
  kl_list_move(&all, &s->clients);
  while (!kl_list_empty(&all)) {
    client *c = KL_CONTAINER(all.next, client, link);
    kl_list_remove(&c->link);
    kl_list_append(&s->clients, &c->link);
    cancel_calls(c);
    detach_calls(c);
    uv_read_stop((uv_stream_t *)&c->pipe);
    c->ended = true;
    c->until = uv_now(s->loop) + CLOSE_MS;
    settle(c);
  }
  rest_timer(s);
}
