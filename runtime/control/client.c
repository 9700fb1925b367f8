#include "control/client.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json_fields.h"
#include "base/runtime_folder.h"

/* An answer may be longer than a request: the status of thousands of strategies. */
enum { READ_SIZE = 64 << 10, MESSAGE_MAX = 64 << 20 };

struct kl_control_peer {
  int fd;
  int64_t pid, last_id;
  kl_buf in;
  size_t at, scanned; /* of `in`: what is read; up to there is no line end */
};

static int64_t now_ms(void) { return kl_mono_ns(kl_clock_real()) / 1000000; }

/* For poll: ms until `deadline`, negative: for ever. */
static int left_ms(int64_t deadline) {
  if (deadline < 0) return -1;
  int64_t left = deadline - now_ms();
  return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

static int64_t deadline_of(int timeout_ms) { return timeout_ms < 0 ? -1 : now_ms() + timeout_ms; }

/* ---- a connection ---- */

/* -1 with errno. */
static int open_socket(const char *name, int64_t deadline) {
  struct sockaddr_un at;
  char path[4096];
  int folder = kl_runtime_folder_open(path, sizeof path, false);
  if (folder < 0) return -1;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  bool ok = fd >= 0 && kl_listing_address(&at, folder, path, name);
  if (fd >= 0 && !ok) errno = ENAMETOOLONG;
  while (ok && connect(fd, (const struct sockaddr *)&at, sizeof at) != 0) {
    ok = errno == EINTR || (errno == EAGAIN && left_ms(deadline) != 0); /* others wait to be accepted, too */
    if (ok && errno == EAGAIN) poll(NULL, 0, 10);
  }
  int why = errno;
  close(folder);
  if (ok) return fd;
  if (fd >= 0) close(fd);
  errno = why;
  return -1;
}

bool kl_control_open_peer(const kl_listed *to, int timeout_ms, kl_control_peer **out, kl_error *e) {
  kl_control_peer *p = calloc(1, sizeof *p);
  int fd = p ? open_socket(to->socket, deadline_of(timeout_ms)) : -1;
  if (fd < 0) {
    int why = p ? errno : ENOMEM;
    kl_error_coded(e, why == EAGAIN ? KL_ERR_TIMEOUT : KL_ERR_NETWORK, "process_silent",
                   "process %lld cannot be reached: %s", (long long)to->pid,
                   why == EAGAIN ? "too many others try" : strerror(why));
    free(p);
    return false;
  }
  p->fd = fd;
  p->pid = to->pid;
  *out = p;
  return true;
}

bool kl_control_greet(kl_control_peer *p, int timeout_ms, kl_error *e) {
  json_t *hello = kl_control_receive(p, timeout_ms, e);
  if (!hello) return false;
  json_t *protocol = json_object_get(hello, "protocol"), *error = json_object_get(hello, "error");
  const char *why = json_string_value(json_object_get(error, "message"));
  bool ok = json_integer_value(protocol) == KL_CONTROL_PROTOCOL;
  if (why) {
    kl_error_set(e, KL_ERR_RATE_LIMIT, "process %lld: %.400s", (long long)p->pid, why);
  } else if (!ok) {
    const char *version = json_string_value(json_object_get(hello, "kalua"));
    kl_error_coded(e, KL_ERR_VALIDATION, "other_version",
                   "process %lld is of kalua %.20s, this is " KL_VERSION "; use that one to reach it",
                   (long long)p->pid, version ? version : "of another version");
  }
  json_decref(hello);
  return ok;
}

bool kl_control_connect(const kl_listed *to, int timeout_ms, kl_control_peer **out, kl_error *e) {
  int64_t deadline = deadline_of(timeout_ms);
  if (!kl_control_open_peer(to, timeout_ms, out, e)) return false;
  if (kl_control_greet(*out, left_ms(deadline), e)) return true;
  kl_control_disconnect(*out);
  *out = NULL;
  return false;
}

void kl_control_disconnect(kl_control_peer *p) {
  if (!p) return;
  close(p->fd);
  kl_buf_free(&p->in);
  free(p);
}

int kl_control_peer_fd(const kl_control_peer *p) { return p->fd; }
int64_t kl_control_peer_pid(const kl_control_peer *p) { return p->pid; }

static bool send_all(kl_control_peer *p, const char *text, size_t n, kl_error *e) {
  while (n > 0) {
    ssize_t w = send(p->fd, text, n, MSG_NOSIGNAL);
    if (w > 0) {
      text += w;
      n -= (size_t)w;
    } else if (w < 0 && errno == EAGAIN) {
      struct pollfd f = {.fd = p->fd, .events = POLLOUT};
      poll(&f, 1, -1);
    } else if (w == 0 || errno != EINTR) {
      kl_error_coded(e, KL_ERR_CLOSED, "process_ended", "process %lld has ended meanwhile", (long long)p->pid);
      return false;
    }
  }
  return true;
}

bool kl_control_send(kl_control_peer *p, const char *op, kl_buf *fields, int64_t *id, kl_error *e) {
  kl_buf b = {0};
  kl_control_write_request(&b, ++p->last_id, op, fields);
  if (fields) kl_buf_free(fields);
  *id = p->last_id;
  bool ok = !b.failed;
  if (!ok) kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
  ok = ok && send_all(p, b.data, b.len, e);
  kl_buf_free(&b);
  return ok;
}

/* Takes the next line that is there whole: 1, 0 for none, -1 with `e`. */
static int next_message(kl_control_peer *p, json_t **out, kl_error *e) {
  if (p->in.len == 0) return 0;
  const char *end = memchr(p->in.data + p->scanned, '\n', p->in.len - p->scanned);
  p->scanned = p->in.len;
  if (!end) {
    if (p->in.len - p->at < MESSAGE_MAX) return 0;
    kl_error_set(e, KL_ERR_VALIDATION, "process %lld sent a message without an end", (long long)p->pid);
    return -1;
  }
  const char *line = p->in.data + p->at;
  *out = json_loadb(line, (size_t)(end - line), JSON_REJECT_DUPLICATES, NULL);
  p->at = p->scanned = (size_t)(end - p->in.data) + 1;
  if (json_is_object(*out)) return 1;
  json_decref(*out);
  kl_error_set(e, KL_ERR_VALIDATION, "process %lld sent a line that is no message", (long long)p->pid);
  return -1;
}

/* 1, or 0 with `e`. */
static bool read_more(kl_control_peer *p, int64_t deadline, kl_error *e) {
  struct pollfd f = {.fd = p->fd, .events = POLLIN};
  if (p->at > 0) {
    memmove(p->in.data, p->in.data + p->at, p->in.len - p->at);
    p->in.len -= p->at;
    p->scanned -= p->at;
    p->at = 0;
  }
  int ready = poll(&f, 1, left_ms(deadline));
  if (ready < 0 && errno == EINTR) return true;
  if (ready == 0) {
    kl_error_coded(e, KL_ERR_TIMEOUT, "process_silent", "process %lld does not answer", (long long)p->pid);
    return false;
  }
  if (!kl_buf_reserve(&p->in, READ_SIZE)) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory");
    return false;
  }
  ssize_t n = recv(p->fd, p->in.data + p->in.len, READ_SIZE, 0);
  if (n > 0) p->in.len += (size_t)n;
  if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR))) return true;
  kl_error_coded(e, KL_ERR_CLOSED, "process_ended", "process %lld has ended meanwhile", (long long)p->pid);
  return false;
}

json_t *kl_control_receive(kl_control_peer *p, int timeout_ms, kl_error *e) {
  int64_t deadline = deadline_of(timeout_ms);
  json_t *message = NULL;
  int got;
  while ((got = next_message(p, &message, e)) == 0)
    if (!read_more(p, deadline, e)) return NULL;
  return got > 0 ? message : NULL;
}

static const char *static_kind(const char *kind) {
  static const char *const kinds[] = {KL_ERR_HTTP,      KL_ERR_NETWORK,    KL_ERR_TIMEOUT,
                                      KL_ERR_AUTH,      KL_ERR_RATE_LIMIT, KL_ERR_VALIDATION,
                                      KL_ERR_CANCELLED, KL_ERR_CLOSED,     KL_ERR_CONFIG};
  for (size_t i = 0; kind && i < sizeof kinds / sizeof kinds[0]; i++)
    if (strcmp(kind, kinds[i]) == 0) return kinds[i];
  return KL_ERR_INTERNAL;
}

json_t *kl_control_await(kl_control_peer *p, int64_t id, int timeout_ms, json_t **refusal, kl_error *e) {
  int64_t deadline = deadline_of(timeout_ms);
  if (refusal) *refusal = NULL;
  for (;;) {
    json_t *m = kl_control_receive(p, left_ms(deadline), e);
    if (!m) return NULL;
    json_t *ok = json_object_get(m, "ok");
    int64_t of = json_integer_value(json_object_get(m, "id"));
    if (json_is_true(ok) && of == id) return m;
    if (json_is_false(ok) && (of == id || of == 0)) { /* 0: the end of the connection */
      json_t *error = json_object_get(m, "error");
      const char *text = json_string_value(json_object_get(error, "message"));
      kl_error_set(e, static_kind(json_string_value(json_object_get(error, "kind"))), "%s", text ? text : "refused");
      if (refusal) *refusal = json_incref(m);
      json_decref(m);
      return NULL;
    }
    json_decref(m);
  }
}

json_t *kl_control_ask(kl_control_peer *p, const char *op, kl_buf *fields, int timeout_ms, json_t **refusal,
                       kl_error *e) {
  int64_t id;
  if (refusal) *refusal = NULL;
  return kl_control_send(p, op, fields, &id, e) ? kl_control_await(p, id, timeout_ms, refusal, e) : NULL;
}

static void ask_one(const kl_listed *to, int timeout_ms, const char *op, kl_control_asked *a) {
  if (!kl_control_open_peer(to, timeout_ms, &a->peer, &a->error)) return;
  if (kl_control_send(a->peer, op, NULL, &a->id, &a->error)) return;
  kl_control_disconnect(a->peer);
  a->peer = NULL;
}

void kl_control_ask_all(const kl_listed *to, size_t n, const char *op, kl_control_asked *out) {
  for (size_t i = 0; i < n; i++) {
    out[i] = (kl_control_asked){0};
    ask_one(&to[i], 0, op, &out[i]);
  }
  int64_t deadline = deadline_of(KL_CONTROL_ANSWER_MS);
  for (size_t i = 0; i < n; i++)
    if (!out[i].peer && strcmp(out[i].error.kind, KL_ERR_TIMEOUT) == 0) ask_one(&to[i], left_ms(deadline), op, &out[i]);
  deadline = deadline_of(KL_CONTROL_ANSWER_MS);
  for (size_t i = 0; i < n; i++) {
    if (!out[i].peer || kl_control_greet(out[i].peer, left_ms(deadline), &out[i].error)) continue;
    kl_control_disconnect(out[i].peer);
    out[i].peer = NULL;
  }
}
