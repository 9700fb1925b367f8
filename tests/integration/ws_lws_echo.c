/* Echoes WebSocket messages with libwebsockets, as tests/integration/ws_echo.py does with another library: prints its
 * port, then "closed CODE REASON" for each connection that the client closed. A text that begins with "!" is a command:
 * !close CODE REASON, !ping TEXT, !fragments TEXT (one character a frame), !drop. Ends with its standard input. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libwebsockets.h>

#include "base/buf.h"
#include "base/list.h"

enum { CONTROL_MAX = 125 };

/* What is to be written, LWS_PRE bytes before it. */
typedef struct {
  kl_list link;
  kl_buf text;
  int flags; /* enum lws_write_protocol */
} output;

typedef struct {
  kl_buf in;
  bool binary;
  kl_list out;
  int close_code;
  char close_reason[CONTROL_MAX];
  char pinged[CONTROL_MAX + 1];
} session;

static void put(session *s, int flags, const char *p, size_t n) {
  static const char before[LWS_PRE];
  output *o = calloc(1, sizeof *o);
  if (!o) abort();
  o->flags = flags;
  kl_list_init(&o->link);
  kl_list_append(&s->out, &o->link);
  kl_buf_add(&o->text, before, sizeof before);
  kl_buf_add(&o->text, p, n);
}

static void command(session *s, struct lws *wsi) {
  const char *text = s->in.data;
  if (!strncmp(text, "!close ", 7)) {
    char *reason;
    s->close_code = (int)strtol(text + 7, &reason, 10);
    snprintf(s->close_reason, sizeof s->close_reason, "%s", *reason ? reason + 1 : "");
  } else if (!strncmp(text, "!ping ", 6)) {
    snprintf(s->pinged, sizeof s->pinged, "%s", text + 6);
    put(s, LWS_WRITE_PING, s->pinged, strlen(s->pinged));
  } else if (!strncmp(text, "!fragments ", 11)) {
    for (const char *p = text + 11; *p; p++)
      put(s, (p == text + 11 ? LWS_WRITE_TEXT : LWS_WRITE_CONTINUATION) | (p[1] ? LWS_WRITE_NO_FIN : 0), p, 1);
  } else {
    shutdown(lws_get_socket_fd(wsi), SHUT_RDWR);
  }
}

static void receive(session *s, struct lws *wsi, const void *p, size_t n) {
  if (lws_is_first_fragment(wsi)) kl_buf_clear(&s->in);
  s->binary = lws_frame_is_binary(wsi);
  kl_buf_add(&s->in, p, n);
  kl_buf_str(&s->in, "");
  if (!lws_is_final_fragment(wsi) || lws_remaining_packet_payload(wsi)) return;
  if (!s->binary && s->in.len && s->in.data[0] == '!')
    command(s, wsi);
  else
    put(s, s->binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT, s->in.data, s->in.len);
  lws_callback_on_writable(wsi);
}

static output *first_of(session *s) { return KL_CONTAINER(s->out.next, output, link); }

static void drop_first(session *s) {
  output *o = first_of(s);
  kl_list_remove(&o->link);
  kl_buf_free(&o->text);
  free(o);
}

static int write_next(session *s, struct lws *wsi) {
  if (!kl_list_empty(&s->out)) {
    const output *o = first_of(s);
    int rc = lws_write(wsi, (unsigned char *)o->text.data + LWS_PRE, o->text.len - LWS_PRE,
                       (enum lws_write_protocol)o->flags);
    drop_first(s);
    if (rc < 0) return -1;
    lws_callback_on_writable(wsi);
    return 0;
  }
  if (!s->close_code) return 0;
  lws_close_reason(wsi, (enum lws_close_status)s->close_code, (unsigned char *)s->close_reason,
                   strlen(s->close_reason));
  return -1;
}

static int serve(struct lws *wsi, enum lws_callback_reasons why, void *user, void *in, size_t len) {
  session *s = user;
  switch (why) {
  case LWS_CALLBACK_ESTABLISHED:
    kl_list_init(&s->out);
    return 0;
  case LWS_CALLBACK_RECEIVE:
    receive(s, wsi, in, len);
    return 0;
  case LWS_CALLBACK_RECEIVE_PONG: {
    char text[CONTROL_MAX + 8];
    int n = snprintf(text, sizeof text, "pong %.*s", (int)len, (const char *)in);
    put(s, LWS_WRITE_TEXT, text, (size_t)n);
    lws_callback_on_writable(wsi);
    return 0;
  }
  case LWS_CALLBACK_SERVER_WRITEABLE:
    return write_next(s, wsi);
  case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE: {
    const unsigned char *p = in;
    if (len >= 2) printf("closed %d %.*s\n", p[0] << 8 | p[1], (int)len - 2, (const char *)p + 2);
    fflush(stdout);
    return 0;
  }
  case LWS_CALLBACK_CLOSED:
    kl_buf_free(&s->in);
    while (!kl_list_empty(&s->out))
      drop_first(s);
    return 0;
  default:
    return 0;
  }
}

static atomic_bool ended;

/* The input ends with the test. */
static void *wait_for_end(void *context) {
  char c;
  while (read(STDIN_FILENO, &c, 1) > 0)
    ;
  ended = true;
  lws_cancel_service(context);
  return NULL;
}

int main(void) {
  static const struct lws_protocols protocols[] = {{"v1.feed", serve, sizeof(session), 65536, 0, NULL, 0},
                                                   {NULL, NULL, 0, 0, 0, NULL, 0}};
  static const struct lws_extension extensions[] = {
      {"permessage-deflate", lws_extension_callback_pm_deflate, "permessage-deflate"}, {NULL, NULL, NULL}};
  struct lws_context_creation_info info = {.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS, .gid = -1, .uid = -1};
  lws_set_log_level(LLL_ERR, NULL);
  struct lws_context *context = lws_create_context(&info);
  if (!context) return 1;
  info.iface = "127.0.0.1";
  info.protocols = protocols;
  info.extensions = extensions;
  struct lws_vhost *vhost = lws_create_vhost(context, &info);
  if (!vhost) return 1;
  printf("%d\n", lws_get_vhost_listen_port(vhost));
  fflush(stdout);
  pthread_t watcher;
  if (pthread_create(&watcher, NULL, wait_for_end, context) != 0) return 1;
  while (!ended && lws_service(context, 0) >= 0)
    ;
  pthread_join(watcher, NULL);
  lws_context_destroy(context);
  return 0;
}
