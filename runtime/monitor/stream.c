/* Server-sent events: the newest of each kind, for a reader of any speed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "monitor/server.h"

enum {
  NAMES_MOST = 16,
  NAME_MOST = 31,
  EVENT_MOST = 1 << 20,
  PATIENCE_S = 30, /* with a reader that takes nothing */
  BEAT_S = 10      /* an empty comment, so that a reader that has gone is noticed */
};

typedef struct event {
  kl_list link; /* in those that wait */
  char name[NAME_MOST + 1];
  kl_buf text; /* "event: …\ndata: …\n\n" */
} event;

static void event_free(event *v) {
  kl_list_remove(&v->link);
  kl_buf_free(&v->text);
  free(v);
}

kl_monitor_stream *kl_monitor_stream_begin(kl_monitor_answer *a, void (*closed)(void *data, kl_monitor_stream *s),
                                           void *data) {
  kl_monitor_connection *k = a->priv;
  kl_monitor *m = k->monitor;
  if (k->stream || k->head) return NULL;
  kl_monitor_stream *s = m->n_streams < KL_MONITOR_STREAMS_MOST && !m->closing ? calloc(1, sizeof *s) : NULL;
  if (!s) {
    a->status = 503;
    kl_buf_printf(&a->body, "there are %zu streams open already: close a tab\n", m->n_streams);
    return NULL;
  }
  s->monitor = m;
  s->k = k;
  s->closed = closed;
  s->data = data;
  kl_list_init(&s->waiting);
  kl_list_append(&m->streams, &s->link);
  m->n_streams++;
  s->taken_ns = s->beat_ns = kl_mono_ns(kl_clock_real());
  k->stream = s;
  return s;
}

static event *find(kl_monitor_stream *s, const char *name) {
  for (kl_list *at = s->waiting.next; at != &s->waiting; at = at->next) {
    event *v = KL_CONTAINER(at, event, link);
    if (!strcmp(v->name, name)) return v;
  }
  return NULL;
}

static void fail(kl_monitor_stream *s) {
  s->failed = true;
  lws_callback_on_writable(s->k->wsi);
}

bool kl_monitor_stream_send(kl_monitor_stream *s, const char *name, const char *json, size_t n) {
  if (s->ending || s->failed || n > EVENT_MOST || strlen(name) > NAME_MOST || memchr(json, '\n', n)) return false;
  event *v = find(s, name);
  if (!v) {
    if (s->n_waiting == NAMES_MOST) return false;
    v = calloc(1, sizeof *v);
    if (!v) {
      fail(s);
      return false;
    }
    snprintf(v->name, sizeof v->name, "%s", name);
    s->n_waiting++;
  } else {
    kl_list_remove(&v->link);
  }
  kl_list_append(&s->waiting, &v->link);
  kl_buf_clear(&v->text);
  kl_buf_printf(&v->text, "event: %s\ndata: ", name);
  kl_buf_add(&v->text, json, n);
  kl_buf_str(&v->text, "\n\n");
  if (v->text.failed) {
    fail(s);
    return false;
  }
  lws_callback_on_writable(s->k->wsi);
  return true;
}

bool kl_monitor_stream_idle(const kl_monitor_stream *s) {
  return s->n_waiting == 0 && s->sent >= s->out.len && !s->k->answering;
}

void kl_monitor_stream_end(kl_monitor_stream *s) {
  s->ending = true;
  lws_callback_on_writable(s->k->wsi);
}

/* Writes what is left of a buffer; false: the connection is lost. */
static bool write_rest(kl_monitor_stream *s, kl_buf *b, size_t *sent) {
  enum { CHUNK = 65536 };
  while (*sent < b->len && !lws_send_pipe_choked(s->k->wsi)) {
    size_t n = b->len - *sent < CHUNK ? b->len - *sent : CHUNK;
    if (lws_write(s->k->wsi, (unsigned char *)b->data + *sent, n, LWS_WRITE_HTTP) < (int)n) return false;
    *sent += n;
    s->taken_ns = kl_mono_ns(kl_clock_real());
  }
  return true;
}

/* Takes the next event into the buffer that is written. */
static void take_next(kl_monitor_stream *s) {
  event *v = KL_CONTAINER(s->waiting.next, event, link);
  char before[LWS_PRE] = {0};
  kl_buf_clear(&s->out);
  kl_buf_add(&s->out, before, sizeof before);
  kl_buf_add(&s->out, v->text.data, v->text.len);
  s->sent = LWS_PRE;
  s->n_waiting--;
  event_free(v);
  s->beat_ns = kl_mono_ns(kl_clock_real());
}

int kl_monitor_stream_write(kl_monitor_stream *s) {
  kl_monitor_connection *k = s->k;
  if (s->failed || k->out.failed) return -1;
  if (k->answering) { /* the head */
    if (!write_rest(s, &k->out, &k->sent)) return -1;
    if (k->sent < k->out.len) {
      lws_callback_on_writable(k->wsi);
      return 0;
    }
    k->answering = false;
  }
  for (;;) {
    if (s->out.failed || !write_rest(s, &s->out, &s->sent)) return -1;
    if (s->sent < s->out.len) { /* it takes no more for now */
      lws_callback_on_writable(k->wsi);
      return 0;
    }
    if (s->n_waiting == 0) break;
    take_next(s);
  }
  return s->ending ? -1 : 0;
}

void kl_monitor_stream_second(kl_monitor_stream *s, int64_t now_ns) {
  static const char beat[] = ":\n\n";
  bool idle = kl_monitor_stream_idle(s);
  if (!idle && now_ns - s->taken_ns > INT64_C(1000000000) * PATIENCE_S) {
    fail(s);
    lws_set_timeout(s->k->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
    lws_cancel_service(s->monitor->lws);
  } else if (idle && now_ns - s->beat_ns > INT64_C(1000000000) * BEAT_S) {
    char before[LWS_PRE] = {0};
    kl_buf_clear(&s->out);
    kl_buf_add(&s->out, before, sizeof before);
    kl_buf_str(&s->out, beat);
    s->sent = LWS_PRE;
    s->beat_ns = now_ns;
    lws_callback_on_writable(s->k->wsi);
  }
}

void kl_monitor_stream_free(kl_monitor_stream *s) {
  if (!s) return;
  while (!kl_list_empty(&s->waiting))
    event_free(KL_CONTAINER(kl_list_take(&s->waiting), event, link));
  kl_list_remove(&s->link);
  s->monitor->n_streams--;
  if (s->closed) s->closed(s->data, s);
  kl_buf_free(&s->out);
  free(s);
}
