/* The control socket of a process: a Unix stream socket of mode 0600, for this user (and root), with the operations
 * that the program adds. The protocol is in control/protocol.h. Everything runs on the loop thread. */
#ifndef KL_CONTROL_SERVER_H
#define KL_CONTROL_SERVER_H

#include <uv.h>

#include "control/protocol.h"

typedef struct kl_control_server kl_control_server;
/* One request that is being worked on. */
typedef struct kl_control_call kl_control_call;

typedef struct kl_control_op {
  const char *name;
  /* Must lead to one kl_control_answer or kl_control_refuse, now or later, whatever becomes of the client. `fields` is
   * the request, borrowed during the call. */
  void (*run)(void *data, kl_control_call *call, const json_t *fields);
  /* The client has gone, or does not want to wait: answer soon, maybe within the call. NULL: it takes its time. */
  void (*cancel)(void *data, kl_control_call *call);
  /* What was written has gone out: there is room for more events. May be NULL. */
  void (*room)(void *data, kl_control_call *call);
} kl_control_op;

kl_control_server *kl_control_server_new(uv_loop_t *loop); /* NULL when memory is out */
/* Makes the socket `name` in a folder (a descriptor of it; `path` is its name) and listens there, and no longer where
 * it listened before; its clients stay. False with `e`: then it listens nowhere. */
bool kl_control_server_listen(kl_control_server *s, int folder, const char *path, const char *name, kl_error *e);
/* Takes a connected socket as a client: one of this process's own, by a socketpair. False, and `fd` stays the caller's,
 * when that cannot be done. */
bool kl_control_server_adopt(kl_control_server *s, int fd);
/* `ops` ends with a NULL name; it and `data` are borrowed until the close. False when memory is out. */
bool kl_control_server_add(kl_control_server *s, const kl_control_op *ops, void *data);
/* Takes no more requests, cancels those that can be, and closes each connection once what was answered has gone out, at
 * most a second later. Calls that are still open may be answered afterwards, to nobody. The memory goes when the loop
 * has closed the handles: run it to its end. Takes NULL. */
void kl_control_server_close(kl_control_server *s);

/* Each may free the call, and does so at its first use: it is the end of it. `fields` (may be NULL) is the inside of
 * the answer's object, taken. */
void kl_control_answer(kl_control_call *call, kl_buf *fields);
void kl_control_refuse(kl_control_call *call, const kl_error *e, kl_buf *fields);
/* Sends an event; `fields` (may be NULL) is taken. */
void kl_control_event(kl_control_call *call, const char *event, kl_buf *fields);
/* Whether a client is there that reads: an operation that streams goes on when this is true, else in `room`. */
bool kl_control_has_room(const kl_control_call *call);
/* Nobody is there to read what is answered. */
bool kl_control_is_gone(const kl_control_call *call);
/* For the operation: something to remember with a call, NULL at first. */
void kl_control_call_set(kl_control_call *call, void *p);
void *kl_control_call_get(const kl_control_call *call);
/* Which process the client is, as the system says, and whose. False where it has gone. */
bool kl_control_call_client(const kl_control_call *call, int64_t *pid, int64_t *uid);
/* Another call of the same client, by the name of its operation and its id; NULL when there is none. So a later request
 * reaches what an earlier one of the same connection began. */
kl_control_call *kl_control_sibling(kl_control_call *call, const char *op, int64_t id);

#endif
