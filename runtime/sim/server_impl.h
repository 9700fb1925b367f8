/* What the files of the server share: a connection, and what the library tells of it. */
#ifndef KL_SIM_SERVER_IMPL_H
#define KL_SIM_SERVER_IMPL_H

#include <libwebsockets.h>

#include "sim/fault_doors.h"
#include "sim/http.h"
#include "sim/server.h"

enum { KL_SIM_PATH_MOST = 1024 };

/* What comes next for a request that waits. */
typedef enum { KL_SIM_STEP_NONE, KL_SIM_STEP_HANDLE, KL_SIM_STEP_WRITE } kl_sim_step;

/* What a connection holds for the request under way, or as a WebSocket. */
typedef struct kl_sim_connection {
  kl_sim *sim;
  struct lws *wsi;
  kl_sim_session *session; /* of a WebSocket */
  kl_sim_api_key *key;     /* what signed the handshake; retained */
  kl_sim_request rq;
  char path[KL_SIM_PATH_MOST], key_id[80], timestamp[32], signature[KL_SIGNATURE_MAX];
  char host[128], origin[160], fetch_site[24], peer[64]; /* of a request to control.h */
  char content_type[64];
  char method[8];
  kl_buf query; /* key=value texts, each with its NUL */
  kl_sim_arg args[KL_SIM_ARGS_MOST];
  kl_buf body;
  kl_buf out; /* LWS_PRE bytes, then head and body of the answer; or frames */
  size_t sent;
  bool stuck; /* the socket took no more of the frames in `out` */
  bool waits_for_body, answered, close_after;
  kl_fault_verdict fault; /* of the request under way */
  kl_sim_step next;
  bool held;         /* the request under way waits for its time, or for good: counted in n_held */
  bool parked;       /* it waits for its market to be mirrored, */
  int64_t parked_ns; /* until then at the latest */
  kl_list turn;      /* in the simulator's list while its answer waits for the end of the turn */
  kl_list wait;      /* in the server's list while it waits, by time */
  int64_t due_ns;
  kl_sim_later *later; /* the answer under way; NULL: none */
} kl_sim_connection;

struct kl_sim_later {
  kl_sim_connection *k; /* NULL: closed */
};

/* The connection of the library's object, made when it is new; NULL: out of memory. */
kl_sim_connection *kl_sim_connection_of(struct lws *wsi);
void kl_sim_connection_free(struct lws *wsi);

/* It is asked to write at that time of the monotonic clock, and not before. */
void kl_sim_connection_wait(kl_sim_connection *k, int64_t due_ns);
void kl_sim_connection_hold(kl_sim_connection *k, bool held); /* sets `held` */
bool kl_sim_connection_waits(const kl_sim_connection *k);
/* The other side gets a reset and not an end of the stream; -1, which closes. */
int kl_sim_connection_reset(struct lws *wsi);
/* Empties a buffer but for the bytes that the library wants before what it writes. */
void kl_sim_connection_start(kl_buf *out);

/* What the library tells of it; -1 closes the connection. A request: server_head.c, server_http.c. */
int kl_sim_connection_read_head(kl_sim_connection *k, struct lws *wsi); /* 0, or the status of what is wrong */
int kl_sim_connection_serve(kl_sim_connection *k, struct lws *wsi);
int kl_sim_connection_answer(kl_sim_connection *k, struct lws *wsi, kl_sim_response *rs);  /* takes the body */
void kl_sim_connection_refuse(kl_sim_connection *k, struct lws *wsi, kl_sim_response *rs); /* at once; takes the body */
int kl_sim_on_request(struct lws *wsi);
int kl_sim_on_body(struct lws *wsi, const void *data, size_t n);
int kl_sim_on_body_end(struct lws *wsi);
int kl_sim_on_writable(struct lws *wsi);

/* A WebSocket: server_ws.c. A handshake: 0 goes on with it, 1 when it was answered otherwise. */
int kl_sim_on_upgrade(struct lws *wsi, const char *protocol);
int kl_sim_on_established(struct lws *wsi);
int kl_sim_on_message(struct lws *wsi, const void *data, size_t n);
int kl_sim_on_session_writable(struct lws *wsi);

#endif
