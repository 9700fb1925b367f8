/* What the C programs of the feed bench share: the blocking client's end of the connection, the measured span, the
 * report. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a client has counted; see feed_generate.c. */
typedef struct client_totals {
  uint64_t messages, snapshots, deltas, callbacks, bids, spreads;
  uint32_t checksum;
} client_totals;

typedef struct client client;

/* Connects to 127.0.0.1, with TLS (nothing verified) where asked for, and does the WebSocket handshake. Ends the
 * process when that fails, as all of these do. */
client *client_open(int port, bool tls);
/* Sends the one command that subscribes to the whole feed. The measured span begins. */
void client_subscribe(client *c);
/* Some more bytes; 0 when the server has ended the connection. */
size_t client_receive(client *c, char *p, size_t room);
/* The books are there, the first message behind the snapshots has come: a mark within the span. */
void client_opened(void);
/* Answers the server's close frame. The measured span ends. */
void client_close(client *c);

/* The span's CPU time of the whole process, and its largest size, with the totals as one line of JSON on stdout. */
void client_report(const client_totals *t);

#endif
