/* A blocking client of the simulator for tests: signed REST calls and a WebSocket over a plain socket. */
#ifndef KL_TEST_SIM_CLIENT_H
#define KL_TEST_SIM_CLIENT_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/buf.h"
#include "base/clock.h"
#include "net/ws_frame.h"
#include "net/ws_handshake.h"
#include "sim/sim.h"

#define SIM_ROOT "/trade-api/v2"

static inline kl_sim *sim_open(kl_sim_options o) {
  kl_sim *s = NULL;
  kl_error e = {0};
  bool ok = kl_sim_start(&o, &s, &e);
  if (!ok) fail_msg("the simulator did not start: %s", e.message);
  return s;
}

static inline int sim_connect(const kl_sim *s) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)kl_sim_port(s))};
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof at), 0);
  return fd;
}

static inline void sim_write(int fd, const void *p, size_t n) {
  const char *at = p;
  while (n > 0) {
    ssize_t k = send(fd, at, n, MSG_NOSIGNAL);
    assert_true(k > 0);
    at += k;
    n -= (size_t)k;
  }
}

/* Reads what is there, waiting at most `timeout_ms`; false at the end of the stream or when nothing came. */
static inline bool sim_read(int fd, kl_buf *in, int timeout_ms) {
  char part[16384];
  struct pollfd p = {.fd = fd, .events = POLLIN};
  if (poll(&p, 1, timeout_ms) <= 0) return false;
  ssize_t k = recv(fd, part, sizeof part, 0);
  if (k <= 0) return false;
  kl_buf_add(in, part, (size_t)k);
  return true;
}

/* The three headers, each with its line end. `skew_ms` moves the timestamp. */
static inline void sim_sign(kl_buf *b, const kl_sim_user *u, const char *method, const char *path, int64_t skew_ms) {
  char text[1024], signature[KL_SIGNATURE_MAX];
  int64_t ts = kl_wall_ms(kl_clock_real()) + skew_ms;
  kl_error e;
  size_t n = kl_signed_text(text, sizeof text, ts, method, path);
  assert_true(n > 0);
  assert_true(kl_key_sign(u->key, text, n, signature, &e));
  kl_buf_printf(b, "KALSHI-ACCESS-KEY: %s\r\nKALSHI-ACCESS-TIMESTAMP: %lld\r\nKALSHI-ACCESS-SIGNATURE: %s\r\n",
                u->key_id, (long long)ts, signature);
}

typedef struct sim_answer {
  int status;
  char head[1024];
  json_t *body; /* NULL: none */
} sim_answer;

static inline void sim_answer_free(sim_answer *a) { json_decref(a->body); }

/* Reads one answer from the connection. */
static inline sim_answer sim_receive(int fd) {
  sim_answer a = {0};
  kl_buf in = {0};
  char *end = NULL;
  while (!end) {
    if (!sim_read(fd, &in, 5000)) fail_msg("no answer from the simulator");
    end = in.data ? strstr(in.data, "\r\n\r\n") : NULL;
  }
  size_t head = (size_t)(end - in.data) + 4;
  snprintf(a.head, sizeof a.head, "%.*s", (int)head, in.data);
  assert_int_equal(strlen(a.head), head);
  assert_int_equal(sscanf(a.head, "HTTP/1.1 %d", &a.status), 1);
  const char *length = strstr(a.head, "Content-Length: ");
  size_t n = length ? strtoul(length + 16, NULL, 10) : 0;
  while (in.len < head + n)
    if (!sim_read(fd, &in, 5000)) fail_msg("the answer of the simulator ends early");
  if (n) a.body = json_loadb(in.data + head, n, 0, NULL);
  if (n) assert_non_null(a.body);
  kl_buf_free(&in);
  return a;
}

/* A call on a connection that stays open. `u` NULL: not signed; `body` NULL: none. */
static inline sim_answer sim_call_on(int fd, const kl_sim_user *u, const char *method, const char *path,
                                     const char *body) {
  char full[1024];
  kl_buf b = {0};
  snprintf(full, sizeof full, SIM_ROOT "%s", path);
  kl_buf_printf(&b, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n", method, full);
  if (u) sim_sign(&b, u, method, full, 0);
  if (body) kl_buf_printf(&b, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
  kl_buf_str(&b, "\r\n");
  if (body) kl_buf_str(&b, body);
  sim_write(fd, b.data, b.len);
  kl_buf_free(&b);
  return sim_receive(fd);
}

static inline sim_answer sim_call(const kl_sim *s, const kl_sim_user *u, const char *method, const char *path,
                                  const char *body) {
  int fd = sim_connect(s);
  sim_answer a = sim_call_on(fd, u, method, path, body);
  close(fd);
  return a;
}

/* "a.b.0.c" inside a JSON value; NULL where there is none. */
static inline const json_t *sim_at(const json_t *v, const char *path) {
  char part[64];
  while (*path && v) {
    size_t n = strcspn(path, ".");
    assert_true(n < sizeof part);
    memcpy(part, path, n);
    part[n] = '\0';
    v = json_is_array(v) ? json_array_get(v, strtoul(part, NULL, 10)) : json_object_get(v, part);
    path += n + (path[n] == '.');
  }
  return v;
}

static inline const char *sim_text(const json_t *v, const char *path) {
  const char *text = json_string_value(sim_at(v, path));
  return text ? text : "";
}

/* ---- WebSocket ---- */

typedef struct sim_socket {
  int fd;
  kl_buf in;
} sim_socket;

static inline void sim_ws_open(sim_socket *w, const kl_sim *s, const kl_sim_user *u) {
  static const uint8_t key[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  char host[32];
  kl_buf b = {0}, signed_headers = {0};
  const char *lines[4] = {NULL};
  *w = (sim_socket){.fd = sim_connect(s)};
  sim_sign(&signed_headers, u, "GET", "/trade-api/ws/v2", 0);
  size_t n = 0;
  for (char *line = strtok(signed_headers.data, "\r\n"); line && n < 3; line = strtok(NULL, "\r\n"))
    lines[n++] = line;
  snprintf(host, sizeof host, "127.0.0.1:%d", kl_sim_port(s));
  kl_ws_write_handshake(&b, host, "/trade-api/ws/v2", key, lines, NULL);
  sim_write(w->fd, b.data, b.len);
  kl_buf_free(&b);
  kl_buf_free(&signed_headers);
  kl_error e;
  long taken = 0;
  while (taken == 0) {
    assert_true(sim_read(w->fd, &w->in, 5000));
    taken = kl_ws_read_handshake(w->in.data, w->in.len, key, NULL, NULL, &e);
  }
  assert_true(taken > 0);
  memmove(w->in.data, w->in.data + taken, w->in.len - (size_t)taken);
  w->in.len -= (size_t)taken;
}

static inline void sim_ws_close(sim_socket *w) {
  close(w->fd);
  kl_buf_free(&w->in);
}

static inline void sim_ws_send(sim_socket *w, const char *text) {
  static const uint8_t mask[4] = {9, 8, 7, 6};
  kl_buf b = {0};
  kl_ws_write_frame(&b, KL_WS_TEXT, text, strlen(text), mask);
  sim_write(w->fd, b.data, b.len);
  kl_buf_free(&b);
}

/* The next text message (owned by the caller); NULL when none came in time. Control frames are passed over. */
static inline json_t *sim_ws_next(sim_socket *w, int timeout_ms) {
  for (;;) {
    const unsigned char *p = (const unsigned char *)w->in.data;
    size_t n = w->in.len, head = 2, length = 0;
    if (n >= 2) {
      length = p[1] & 127U;
      if (length == 126 && n >= 4) length = (size_t)p[2] << 8 | p[3];
      if (length == 127 && n >= 10) length = (size_t)p[6] << 24 | (size_t)p[7] << 16 | (size_t)p[8] << 8 | p[9];
      head = (p[1] & 127U) == 126 ? 4 : (p[1] & 127U) == 127 ? 10 : 2;
    }
    if (n < 2 || n < head || n < head + length) {
      if (!sim_read(w->fd, &w->in, timeout_ms)) return NULL;
      continue;
    }
    bool is_text = p[0] == (0x80 | KL_WS_TEXT);
    json_t *v = NULL;
    if (is_text) {
      assert_int_equal(p[head + length - 1], '\n');
      v = json_loadb(w->in.data + head, length, 0, NULL);
      assert_non_null(v);
    }
    memmove(w->in.data, w->in.data + head + length, n - head - length);
    w->in.len = n - head - length;
    if (is_text) return v;
  }
}

/* The next message of a type, those of other types passed over. */
static inline json_t *sim_ws_expect(sim_socket *w, const char *type) {
  const int64_t until_ns = kl_mono_ns(kl_clock_real()) + INT64_C(60000000000);
  for (;;) {
    json_t *v = kl_mono_ns(kl_clock_real()) < until_ns ? sim_ws_next(w, 20000) : NULL;
    if (!v) fail_msg("no %s came", type);
    if (!strcmp(sim_text(v, "type"), type)) return v;
    json_decref(v);
  }
}

#endif
