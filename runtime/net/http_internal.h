/* The inside of the HTTP client. http.c: life, sending, warming; http_loop.c: curl's sockets and timers on the loop,
 * and the end of calls; http_call.c: a call and its curl handle; http_answer.c: what comes back; http_fault.c: what
 * went wrong, in words. */
#ifndef KL_HTTP_INTERNAL_H
#define KL_HTTP_INTERNAL_H

#include <curl/curl.h>

#include "base/list.h"
#include "net/http.h"
#include "net/url.h"

/* A call, with its curl handle. Both are used again for another call: all that differs between calls is set by
 * kl_http_call_prepare, and the flags in `set` say what the handle has at present. */
struct kl_http_call {
  kl_list link;  /* in kl_http.calls or .spare */
  kl_list fresh; /* in kl_http.fresh: it has something to hand out */
  kl_http *h;
  kl_http_cb cb;
  void *data;
  bool told;  /* the callback was called, or is being called, or will never be */
  bool busy;  /* one of its callbacks runs */
  bool ended; /* curl is done with it */
  CURLcode rc;

  CURL *easy;
  struct {
    bool tls, loopback, body, custom, no_body, compressed;
    int64_t timeout_ms, connect_ms;
    size_t max_body;
  } set;

  /* The request. */
  kl_buf url_text;
  kl_url url;        /* of the origin; its target may be an earlier one */
  size_t origin_len; /* of "https://host:port" in url_text */
  kl_buf lines;      /* of the headers, each with a NUL */
  struct curl_slist *nodes;
  size_t max_nodes;
  kl_buf body;
  bool repeatable;     /* GET and HEAD: sending it twice does no harm */
  bool warming;        /* kl_http_warm sent it */
  bool connected;      /* a connection was ready to take the request, at least once */
  bool has_connection; /* one is now, and no other was begun since */
  bool repeat_denied;  /* curl wanted to send it a second time */
  long sent_before;    /* bytes that curl had counted as sent at that moment */
  int64_t timeout_ms, started_ns;

  /* The answer. */
  kl_buf fields; /* lines "Name: value\r\n" */
  int status;
  bool head_whole;
  kl_buf answer; /* the body; of a streamed answer, what was not handed out yet */
  size_t received, max_body;
  bool too_long, head_too_long, out_of_memory, no_room;
  bool (*room)(void *data, size_t n);
  int64_t date_ms;
  char curl_text[CURL_ERROR_SIZE];

  /* A streamed answer. */
  void (*on_head)(void *data, const kl_http_response *res);
  void (*on_piece)(void *data, const char *p, size_t n);
  bool head_told, paused;
  bool held; /* curl does not read, either since we asked it to or since on_body did not take what came */
  int64_t head_timeout_ms, idle_timeout_ms;
  int64_t last_ns; /* when something came */
  bool limit_passed;
};

/* A socket that curl uses. */
typedef struct kl_http_socket {
  uv_poll_t poll;
  kl_http *h;
  curl_socket_t fd;
  bool opened;    /* for a connection; else it is one of curl's inner pipes */
  bool connected; /* a call got it as its connection */
  bool idle;      /* no call uses it */
  bool spoiled;   /* something came while it was idle: most likely its end */
  int events;     /* that are polled */
  int64_t idle_since_ns;
  char *origin; /* "https://host:port" of the call that it was opened for; owned */
} kl_http_socket;

struct kl_http {
  uv_loop_t *loop;
  CURLM *multi;  /* made for the first call */
  CURLSH *share; /* the TLS sessions of all calls */
  uv_timer_t timer, limits;
  char *ca_file;
  char *user_agent;
  long max_connections;
  kl_list calls; /* under way, or (closing) to be told */
  kl_list spare; /* ready for another call, the last used first */
  kl_list fresh;
  size_t active, n_spare;
  kl_http_socket **sockets; /* by descriptor; owned */
  size_t n_sockets;
  int refs; /* handles that the loop still has */
  bool acting;
  bool closing;
  bool timer_set;     /* curl asked for wait_ms since the last look */
  long wait_ms;       /* -1: no timer */
  bool outcome;       /* a call has ended, or has something to hand out, outside the loop: look from the timer */
  char date_text[40]; /* the last `Date`, and what it means */
  int64_t date_ms;
  void (*closed)(void *data);
  void *closed_data;
};

/* ---- http_call.c ---- */

/* Takes a call off the spare ones, or makes one, and sets it up, ready for curl_multi_add_handle. Everything is copied.
 * NULL with `e`. */
kl_http_call *kl_http_call_prepare(kl_http *h, const kl_http_request *r, kl_error *e);
void kl_http_call_free(kl_http_call *c);
/* Frees it, or keeps it for another call when `clean`: it came to a good end, and curl has let go of it. */
void kl_http_call_done(kl_http_call *c, bool clean);
bool kl_http_call_streams(const kl_http_call *c);
/* Length of "https://host:port" at the front; 0 when the text is no address. */
size_t kl_http_origin_length(const char *url);
/* Whether some of the request may have reached the server. */
bool kl_http_call_sent(kl_http_call *c);

/* ---- http_answer.c ---- */

/* Which certificates are trusted: those of `ca_file`, or NULL: the system's. False when out of memory. */
bool kl_http_set_trust(CURL *easy, const char *ca_file);
/* Callbacks of curl. */
size_t kl_http_on_body(char *p, size_t size, size_t count, void *data);
size_t kl_http_on_header(char *p, size_t size, size_t count, void *data);
/* The answer; borrows from the call. */
void kl_http_call_response(kl_http_call *c, kl_http_response *res);
/* Hands out what a streamed answer has, unless it is paused; false when the call is gone, or the client closes. */
bool kl_http_call_hand_out(kl_http_call *c);

/* ---- http_fault.c ---- */

/* Why it failed. */
void kl_http_call_error(kl_http_call *c, kl_error *e);

/* ---- http_loop.c ---- */

curl_socket_t kl_http_open_socket(void *call, curlsocktype purpose, struct curl_sockaddr *a); /* callbacks of curl */
int kl_http_close_socket(void *client, curl_socket_t fd);
int kl_http_on_socket(CURL *easy, curl_socket_t fd, int what, void *client, void *assigned);
int kl_http_on_timer(CURLM *multi, long ms, void *client);
/* A handle of the loop is closed: ends the client with the last. */
void kl_http_release(kl_http *h);
void kl_http_timer_closed(uv_handle_t *t);
/* Lets curl work; returns how many calls it still works on. */
size_t kl_http_act(kl_http *h, curl_socket_t fd, int events);
/* Curl's timer, or the look at outcomes. */
void kl_http_arm_timer(kl_http *h);
void kl_http_arm_limits(kl_http *h);
/* Takes a call off curl and off the list. */
void kl_http_detach(kl_http_call *c);
/* Whether a connection to this origin is at hand. */
bool kl_http_has_idle(const kl_http *h, const char *origin, size_t n);

#endif
