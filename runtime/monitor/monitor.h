/* A small HTTP server on the loop of the process, for looking at it: `/metrics`, `/health`, the page. It listens on
 * 127.0.0.1 only and answers GET and HEAD only. The loop serves strategies: a handler answers at once, from memory, and
 * what it writes waits for no reader. Loop thread only.
 *
 * Every request is checked before its handler is called: its Host names this machine and the port (or a page could
 * reach it by a name of its own that it points here), an Origin, where there is one, is this server, and a route of
 * TOKEN has the header `Authorization: Bearer TOKEN`. No cookie is read and no token in an address, so nothing is sent
 * along by itself and nothing is left in histories and logs. */
#ifndef KL_MONITOR_H
#define KL_MONITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/buf.h"
#include "base/error.h"

typedef struct kl_monitor kl_monitor;
typedef struct kl_monitor_stream kl_monitor_stream;

typedef struct kl_monitor_options {
  int port;          /* 0: any that is free */
  const char *token; /* of routes with KL_MONITOR_TOKEN; NULL: those answer 403. Copied */
  const char *what;  /* the option that asked for it, for messages: "--metrics". Borrowed for the call */
} kl_monitor_options;

/* Listens. False with `e` (kind "config") where the port is taken or the library does not start; *out is then NULL. */
bool kl_monitor_open(uv_loop_t *loop, const kl_monitor_options *o, kl_monitor **out, kl_error *e);
/* Ends all connections, streams too (whose `closed` is called), and frees. Runs the loop until its handles are gone:
 * never from within a callback of the loop. Takes NULL. */
void kl_monitor_close(kl_monitor *m);
int kl_monitor_port(const kl_monitor *m);

/* What a handler is told. All borrowed for the call. */
typedef struct kl_monitor_request {
  const char *method;      /* "GET"; a HEAD is answered by the same handler, without the body, and is not a stream */
  const char *path;        /* without the query; percent-encoding is undone */
  const char *const *args; /* "name=value" of the query, percent-encoding undone; NULL-terminated */
} kl_monitor_request;
/* The value of an argument of the query, the first of that name; NULL when there is none. Borrowed as `r` is. */
const char *kl_monitor_arg(const kl_monitor_request *r, const char *name);

/* What a handler fills; it comes zeroed. */
typedef struct kl_monitor_answer {
  int status;       /* 0: 200 */
  const char *type; /* Content-Type; NULL: "text/plain; charset=utf-8". Static */
  kl_buf body;      /* taken; one that failed becomes a 500 */
  /* Instead of `body`: bytes that stay where they are as long as the process, such as a file of the page. */
  const char *fixed;
  size_t fixed_len;
  const char *headers; /* further lines, each with its "\r\n"; NULL: none. Static */
  void *priv;          /* the server's */
} kl_monitor_answer;

typedef void kl_monitor_handler(void *data, const kl_monitor_request *r, kl_monitor_answer *a);

typedef enum kl_monitor_access {
  KL_MONITOR_OPEN, /* whoever is on this machine */
  KL_MONITOR_TOKEN /* who has the token */
} kl_monitor_access;

/* `path` is exact; one that ends in "/" and a star stands for all below it. Of several that fit the longest is taken.
 * Copied. False when memory is out. */
bool kl_monitor_route(kl_monitor *m, const char *path, kl_monitor_access access, kl_monitor_handler *h, void *data);

/* Server-sent events. The answer becomes a stream, which stays open until the reader goes, takes nothing for half a
 * minute, or the server ends. NULL where there are too many already (the answer is then 503, and says so) or the
 * request is a HEAD. `closed` is called once, when it is gone; it is then not used any more. */
kl_monitor_stream *kl_monitor_stream_begin(kl_monitor_answer *a, void (*closed)(void *data, kl_monitor_stream *s),
                                           void *data);
/* Sends `event` with one line of JSON (no newline in it). Memory is bounded: what waits for a slow reader is the newest
 * of each event name only, of 16 names at most (one more is an error of the caller: false), each up to a megabyte.
 * False also where memory is out; the stream then ends. Never calls `closed` from within. */
bool kl_monitor_stream_send(kl_monitor_stream *s, const char *event, const char *json, size_t n);
/* Nothing waits for the reader: what is sent now goes out next. Who has lines none of which may be left out (a log)
 * sends those since the last time, and only while this is true. */
bool kl_monitor_stream_idle(const kl_monitor_stream *s);
/* Ends it after what waits; `closed` comes later. */
void kl_monitor_stream_end(kl_monitor_stream *s);

#endif
