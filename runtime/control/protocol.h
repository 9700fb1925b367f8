/* What goes over the control socket of a running process: one JSON object per line, both ways, UTF-8, at most
 * KL_CONTROL_LINE_MAX bytes.
 *
 * The process speaks first:
 *   {"kalua":"0.1.0","protocol":1,"pid":4711,"operations":["ps","reload",…]}
 * A client asks; `id` is a number of its choice (0 where it is left out), the other fields belong to the operation:
 *   {"id":1,"op":"reload","name":"maker"}
 * Each request is answered once, in any order; requests of one client run side by side:
 *   {"id":1,"ok":true,"generation":4,"ms":0.812}
 *   {"id":1,"ok":false,"error":{"kind":"validation","message":"…"}}
 * Before its answer an operation may send events: {"id":1,"event":"line",…}. The operation "cancel", {"op":"cancel",
 * "call":1}, has the request of that id end early, if it is one that can; it is answered nonetheless. A client that
 * closes its side of the connection gets the answers that it waits for, and then the end.
 *
 * A line that is no such request is answered with id 0 and ends the connection. So do: a line longer than the limit, a
 * request that is not complete 10 seconds after its first byte, no request at all for that long, and answers that are
 * not read once they are more than 4 MiB. An unknown operation, or one too many at a time, is only refused.
 *
 * A client checks that it knows `protocol`: what is added keeps the number, what changes raises it. */
#ifndef KL_CONTROL_PROTOCOL_H
#define KL_CONTROL_PROTOCOL_H

#include <jansson.h>

#include "base/buf.h"
#include "base/error.h"

enum { KL_CONTROL_PROTOCOL = 1, KL_CONTROL_LINE_MAX = 256 * 1024, KL_CONTROL_OP_MAX = 40 };

/* Cuts what comes from a socket into lines. Zeroed is empty. */
typedef struct kl_control_reader {
  kl_buf buf;
  size_t at;      /* begin of the line that comes next */
  size_t scanned; /* up to there is no line end */
} kl_control_reader;
void kl_control_reader_free(kl_control_reader *r);
/* Takes a copy of the bytes; false when memory is out. */
bool kl_control_reader_add(kl_control_reader *r, const char *p, size_t n);
/* The next line without its end; borrowed until the next call. 1; 0 when none is complete; -1 when it is longer than
 * the limit, and from then on. Empty lines are passed over. */
int kl_control_reader_next(kl_control_reader *r, const char **line, size_t *n);
/* A line has begun and not ended. */
bool kl_control_reader_partial(const kl_control_reader *r);

typedef struct kl_control_request {
  int64_t id;
  char op[KL_CONTROL_OP_MAX];
  json_t *fields; /* the whole object; owned */
} kl_control_request;
/* False with `e`, and nothing to free, for a line that is no request. */
bool kl_control_request_parse(const char *line, size_t n, kl_control_request *out, kl_error *e);
void kl_control_request_free(kl_control_request *q);

/* Append one message with its line end. `fields` is the inside of an object, as kl_json_field_… write it; NULL: none.
 */
void kl_control_write_request(kl_buf *out, int64_t id, const char *op, const kl_buf *fields);
void kl_control_write_answer(kl_buf *out, int64_t id, const kl_buf *fields);
void kl_control_write_refusal(kl_buf *out, int64_t id, const kl_error *e, const kl_buf *fields);
void kl_control_write_event(kl_buf *out, int64_t id, const char *event, const kl_buf *fields);

#endif
