/* HTTP and WebSocket on 127.0.0.1, by libwebsockets on the sim's loop. */
#ifndef KL_SIM_SERVER_H
#define KL_SIM_SERVER_H

#include "sim/session.h"

/* Makes the context and listens. Loop thread. */
bool kl_sim_server_open(kl_sim *s, kl_error *e);
/* Starts closing everything; the loop must run until nothing is left on it, then kl_sim_server_free. */
void kl_sim_server_close(kl_sim *s);
void kl_sim_server_free(kl_sim *s);
/* Housekeeping, once a second. */
void kl_sim_server_second(kl_sim *s);

/* After the end of a turn: the answers that waited for it go out. */
void kl_sim_server_release(kl_sim *s);
/* The state file could not be written: WebSockets are closed, unread. Answers become refusals by themselves. */
void kl_sim_server_break(kl_sim *s);

/* Requests that wait for a market to be mirrored look again. */
void kl_sim_server_unpark(kl_sim *s);

/* What waits goes on when its time has come; when that is, on the simulator's clock (INT64_MAX: nothing waits). */
void kl_sim_server_due(kl_sim *s);
int64_t kl_sim_server_next_ns(const kl_sim *s);

/* The session has something to write, or is to be closed. */
void kl_sim_server_wake(kl_sim_session *c);

#endif
