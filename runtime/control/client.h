/* The other side of the control socket: for commands, which wait until they are answered. */
#ifndef KL_CONTROL_CLIENT_H
#define KL_CONTROL_CLIENT_H

#include "control/listing.h"
#include "control/protocol.h"

/* ---- a connection ---- */

/* A process that is silent for longer counts as one that hangs: a busy machine may let it wait for seconds. */
enum { KL_CONTROL_ANSWER_MS = 5000 };

typedef struct kl_control_peer kl_control_peer;
/* Connects to a process. False with `e` where nobody listens, or too many others wait. `timeout_ms` negative, here and
 * below: for ever. */
bool kl_control_open_peer(const kl_listed *to, int timeout_ms, kl_control_peer **out, kl_error *e);
/* Waits for the hello of a process, the first that comes from it. False with `e`: "timeout" where it does not answer,
 * "validation" where it speaks another protocol, "rate_limit" where it has too many clients. */
bool kl_control_greet(kl_control_peer *p, int timeout_ms, kl_error *e);
/* Both. */
bool kl_control_connect(const kl_listed *to, int timeout_ms, kl_control_peer **out, kl_error *e);
void kl_control_disconnect(kl_control_peer *p);   /* takes NULL */
int kl_control_peer_fd(const kl_control_peer *p); /* for poll: a message may be there when it can be read */
int64_t kl_control_peer_pid(const kl_control_peer *p);
/* Sends a request; `fields` (may be NULL) is the inside of its object, taken. The id is returned in *id. False with
 * `e`. */
bool kl_control_send(kl_control_peer *p, const char *op, kl_buf *fields, int64_t *id, kl_error *e);
/* The next message, owned; waits at most `timeout_ms`. NULL with `e`: "timeout" where none came,
 * "closed" where the process has ended. */
json_t *kl_control_receive(kl_control_peer *p, int timeout_ms, kl_error *e);
/* Waits for the answer to request `id`, passing over events and other answers. The answer is owned; NULL with `e`, also
 * where it is a refusal: kind and message are those of the process, and *refusal (may be NULL) gets the whole of it,
 * owned, NULL where there is none. */
json_t *kl_control_await(kl_control_peer *p, int64_t id, int timeout_ms, json_t **refusal, kl_error *e);
/* Sends and waits. */
json_t *kl_control_ask(kl_control_peer *p, const char *op, kl_buf *fields, int timeout_ms, json_t **refusal,
                       kl_error *e);

/* A process that was asked together with others. */
typedef struct kl_control_asked {
  kl_control_peer *peer; /* owned; NULL with `error` where it could not be asked, or did not greet */
  int64_t id;            /* of the request */
  kl_error error;
} kl_control_asked;
/* Sends the request `op` to each of n processes, one element of `out` for each, and then waits for what they greet
 * with. All that can be asked at once are asked before any is waited for, and one that hangs takes none of the time of
 * the others: KL_CONTROL_ANSWER_MS for those whom too many others want to reach, and again for the greeting. */
void kl_control_ask_all(const kl_listed *to, size_t n, const char *op, kl_control_asked *out);

/* ---- what runs ---- */

/* One strategy of a running process. */
typedef struct kl_running {
  const kl_listed *process; /* borrowed from the list */
  const char *name;         /* borrowed */
  json_t *status;           /* its object in the answer to "ps"; borrowed; NULL where the process did not answer */
} kl_running;

typedef struct kl_running_list {
  kl_listed *processes; /* owned */
  size_t n_processes;
  json_t **answers; /* to "ps", of each process; owned; NULL where it did not answer */
  kl_running *items;
  size_t n;
} kl_running_list;
/* Asks all processes of this user, as kl_control_ask_all. Those that do not answer within KL_CONTROL_ANSWER_MS are in
 * it by their names. False with `e`. */
bool kl_running_get(kl_running_list *out, kl_error *e);
void kl_running_free(kl_running_list *l);

/* Finds what NAME, PID:NAME or PID stands for: one strategy, or all of the process PID. *out is owned (free) and has at
 * least one. False with `e`, a text that names the candidates, for a name that several have, or nobody. */
bool kl_running_find(const kl_running_list *l, const char *what, const kl_running ***out, size_t *n, kl_error *e);

#endif
