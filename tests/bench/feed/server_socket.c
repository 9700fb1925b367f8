#include "server_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WRITE_MAX = 256 * 1024, READ_WANT = 16 * 1024, SEND_WAIT_MS = 30000, HANDSHAKE_WAIT_MS = 10000 };

static void die_tls(const char *what) {
  fprintf(stderr, "%s: ", what);
  ERR_print_errors_fp(stderr);
  exit(1);
}

SSL_CTX *server_tls(const char *certificate, const char *key) {
  SSL_CTX *t = SSL_CTX_new(TLS_server_method());
  if (!t || SSL_CTX_set_min_proto_version(t, TLS1_3_VERSION) != 1 ||
      SSL_CTX_use_certificate_chain_file(t, certificate) != 1 ||
      SSL_CTX_use_PrivateKey_file(t, key, SSL_FILETYPE_PEM) != 1)
    die_tls("the certificate cannot be used");
  SSL_CTX_set_mode(t, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return t;
}

int server_listen(int *port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t n = sizeof a;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) != 0 || listen(fd, 16) != 0 ||
      getsockname(fd, (struct sockaddr *)&a, &n) != 0) {
    perror("cannot listen on 127.0.0.1");
    exit(1);
  }
  *port = ntohs(a.sin_port);
  return fd;
}

/* ---- bytes ---- */

static bool wait_for(const server_socket *s, short events, int ms) {
  struct pollfd p = {.fd = s->fd, .events = events};
  int rc;
  do
    rc = poll(&p, 1, ms);
  while (rc < 0 && errno == EINTR);
  return rc > 0;
}

/* What a call of OpenSSL or of the socket gave: >0 bytes, 0 would block (s->wanted says for what), -1 over. */
static long tls_result(server_socket *s, int rc) {
  if (rc > 0) return rc;
  int why = SSL_get_error(s->tls, rc);
  if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) return -1;
  s->wanted = why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
  return 0;
}

static long receive_some(server_socket *s, char *p, size_t room) {
  if (s->tls) {
    ERR_clear_error();
    return tls_result(s, SSL_read(s->tls, p, (int)room));
  }
  ssize_t n = recv(s->fd, p, room, 0);
  s->wanted = POLLIN;
  if (n > 0) return n;
  return n < 0 && errno == EAGAIN ? 0 : -1;
}

static long send_some(server_socket *s, const char *p, size_t n) {
  if (n > WRITE_MAX) n = WRITE_MAX;
  if (s->tls) {
    ERR_clear_error();
    return tls_result(s, SSL_write(s->tls, p, (int)n));
  }
  ssize_t sent = send(s->fd, p, n, MSG_NOSIGNAL);
  s->wanted = POLLOUT;
  if (sent >= 0) return sent;
  return errno == EAGAIN ? 0 : -1;
}

bool server_socket_send(server_socket *s, const char *p, size_t n) {
  while (n) {
    long sent = send_some(s, p, n);
    if (sent < 0) return false;
    if (sent == 0 && !wait_for(s, s->wanted, SEND_WAIT_MS)) return false;
    p += sent;
    n -= (size_t)sent;
  }
  return true;
}

/* More bytes into s->in: 1, 0 when none came within `wait_ms`, -1 when it is over. */
static int fill(server_socket *s, int wait_ms) {
  if (!kl_buf_reserve(&s->in, READ_WANT)) return -1;
  for (;;) {
    long n = receive_some(s, s->in.data + s->in.len, READ_WANT);
    if (n < 0) return -1;
    if (n > 0) {
      s->in.len += (size_t)n;
      s->in.data[s->in.len] = 0;
      return 1;
    }
    if (!wait_for(s, s->wanted, wait_ms)) return 0;
  }
}

/* ---- handshakes ---- */

static bool tls_handshake(server_socket *s, SSL_CTX *tls) {
  s->tls = SSL_new(tls);
  if (!s->tls || SSL_set_fd(s->tls, s->fd) != 1) return false;
  for (;;) {
    ERR_clear_error();
    long rc = tls_result(s, SSL_accept(s->tls));
    if (rc) return rc > 0;
    if (!wait_for(s, s->wanted, HANDSHAKE_WAIT_MS)) return false;
  }
}

/* RFC 6455, 4.2.2: SHA-1 of the client's key and a fixed text, in base64. */
static bool put_accept(char out[29], const char *head) {
  static const char name[] = "\r\nsec-websocket-key:";
  const char *key = strcasestr(head, name);
  if (!key) return false;
  key += sizeof name - 1;
  key += strspn(key, " ");
  char text[128];
  int n = snprintf(text, sizeof text, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", (int)strcspn(key, "\r\n "), key);
  if (n < 0 || n >= (int)sizeof text) return false;
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1((const unsigned char *)text, (size_t)n, digest);
  EVP_EncodeBlock((unsigned char *)out, digest, sizeof digest);
  return true;
}

static bool ws_handshake(server_socket *s) {
  const char *end = NULL;
  while (!end) {
    if (s->in.len > 64 * 1024 || fill(s, HANDSHAKE_WAIT_MS) <= 0) return false;
    end = strstr(s->in.data, "\r\n\r\n");
  }
  char accept[29], answer[256];
  if (!put_accept(accept, s->in.data)) return false;
  s->taken = (size_t)(end + 4 - s->in.data);
  int n = snprintf(answer, sizeof answer,
                   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Accept: %s\r\n\r\n",
                   accept);
  return server_socket_send(s, answer, (size_t)n);
}

bool server_socket_accept(server_socket *s, int listener, SSL_CTX *tls) {
  *s = (server_socket){.fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)};
  if (s->fd < 0) return false;
  int on = 1;
  setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if ((!tls || tls_handshake(s, tls)) && ws_handshake(s)) return true;
  server_socket_close(s);
  return false;
}

void server_socket_close(server_socket *s) {
  SSL_free(s->tls);
  close(s->fd);
  kl_buf_free(&s->in);
  *s = (server_socket){.fd = -1};
}

/* ---- frames ---- */

void server_put_frame_head(kl_buf *out, size_t n) {
  unsigned char head[10] = {0x81};
  size_t len = 2;
  if (n < 126) {
    head[1] = (unsigned char)n;
  } else if (n <= UINT16_MAX) {
    head[1] = 126;
    len = 4;
  } else {
    head[1] = 127;
    len = 10;
  }
  for (size_t i = 2; i < len; i++)
    head[i] = (unsigned char)((uint64_t)n >> (8 * (len - 1 - i)));
  kl_buf_add(out, head, len);
}

/* The client's next frame, unmasked in place: its length with head, or 0 when it is not whole yet. */
static size_t next_frame(server_socket *s, int *opcode, char **payload, size_t *n) {
  unsigned char *p = (unsigned char *)s->in.data + s->taken;
  size_t have = s->in.len - s->taken, head = 2;
  if (have < 2) return 0;
  uint64_t len = p[1] & 0x7f;
  if (len >= 126) {
    size_t bytes = len == 126 ? 2 : 8;
    if (have < 2 + bytes) return 0;
    len = 0;
    for (size_t i = 0; i < bytes; i++)
      len = len << 8 | p[2 + i];
    head += bytes;
  }
  if (have < head + 4 || have - head - 4 < len) return 0;
  const unsigned char *mask = p + head;
  head += 4;
  for (size_t i = 0; i < len; i++)
    p[head + i] ^= mask[i & 3];
  *opcode = p[0] & 0x0f;
  *payload = (char *)p + head;
  *n = (size_t)len;
  return head + (size_t)len;
}

int server_socket_read(server_socket *s, const char **text, size_t *n, int wait_ms) {
  for (;;) {
    int opcode;
    char *payload;
    size_t len, frame = s->in.len > s->taken ? next_frame(s, &opcode, &payload, &len) : 0;
    if (frame) {
      s->taken += frame;
      if (opcode == 8) {
        s->closed = true;
        return -1;
      }
      if (opcode != 1) continue; /* pings are not answered: no client of the benches sends any */
      *text = payload;
      *n = len;
      return 1;
    }
    memmove(s->in.data, s->in.data + s->taken, s->in.len - s->taken);
    s->in.len -= s->taken;
    s->taken = 0;
    int rc = fill(s, wait_ms);
    if (rc <= 0) return rc;
  }
}
