/* What the files of the monitor share: routes and answers (monitor.c), connections by libwebsockets (server.c),
 * server-sent events (stream.c). */
#ifndef KL_MONITOR_SERVER_H
#define KL_MONITOR_SERVER_H

#include <libwebsockets.h>

#include "base/list.h"
#include "monitor/monitor.h"

enum {
  KL_MONITOR_CONNECTIONS_MOST = 48,
  KL_MONITOR_STREAMS_MOST = 16,
  KL_MONITOR_ARGS_MOST = 16,
  KL_MONITOR_PATH_MOST = 512
};

typedef struct kl_monitor_route_entry {
  char *path;    /* owned */
  size_t prefix; /* bytes that must be the same where it stands for all below; 0: it is exact */
  kl_monitor_access access;
  kl_monitor_handler *handler;
  void *data;
} kl_monitor_route_entry;

struct kl_monitor {
  uv_loop_t *loop;
  struct lws_context *lws;
  struct lws_vhost *vhost;
  uv_timer_t
      second; /* runs while there are connections: the library's own timers do not wake a loop that is not its own */
  bool closing;
  int port;
  char *token;                    /* owned; NULL: none */
  kl_monitor_route_entry *routes; /* owned */
  size_t n_routes, connections, n_streams;
  kl_list streams;
};

/* What a connection holds for the request under way. */
typedef struct kl_monitor_connection {
  kl_monitor *monitor;
  struct lws *wsi;
  kl_monitor_stream *stream; /* the answer under way is one */
  kl_buf args;               /* texts of the query */
  const char *arg_list[KL_MONITOR_ARGS_MOST + 1];
  char path[KL_MONITOR_PATH_MOST];
  kl_buf out; /* LWS_PRE bytes, then head and body */
  size_t sent;
  bool head, answering, close_after;
} kl_monitor_connection;

/* monitor.c: the answer to a request whose head was read; `refusal` (0: none) is what is wrong with that. */
typedef struct kl_monitor_credentials {
  const char *host, *origin, *fetch_site, *authorization; /* NULL: not there */
} kl_monitor_credentials;
void kl_monitor_respond(kl_monitor_connection *k, const char *method, const kl_monitor_credentials *c, int refusal);

/* stream.c */
struct kl_monitor_stream {
  kl_list link; /* in the monitor's */
  kl_monitor *monitor;
  kl_monitor_connection *k; /* NULL between kl_monitor_stream_begin and the answer */
  void (*closed)(void *data, kl_monitor_stream *s);
  void *data;
  kl_list waiting; /* events, the oldest first */
  size_t n_waiting;
  kl_buf out; /* LWS_PRE bytes, then what is being written */
  size_t sent;
  int64_t taken_ns, beat_ns; /* when the reader last took something; when something was last sent */
  bool ending, failed;
};
/* The connection may write: -1 closes it. */
int kl_monitor_stream_write(kl_monitor_stream *s);
/* Once a second. */
void kl_monitor_stream_second(kl_monitor_stream *s, int64_t now_ns);
/* Gone: `closed` is called. */
void kl_monitor_stream_free(kl_monitor_stream *s);

#endif
