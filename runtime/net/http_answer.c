#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "net/http_internal.h"

enum {
  MAX_FIELDS = 256 << 10,
  MAX_HELD = 1 << 20, /* of a streamed answer, not yet handed out */
};

static const time_t YEAR_10000 = 253402300800;

/* ---- curl's callbacks ---- */

/* The one clock is read once per piece that came. */
static void note_arrival(kl_http_call *c) {
  if (kl_http_call_streams(c)) c->last_ns = kl_mono_ns(kl_clock_real());
}

static void is_fresh(kl_http_call *c) {
  if (kl_list_empty(&c->fresh)) kl_list_append(&c->h->fresh, &c->fresh);
}

size_t kl_http_on_body(char *p, size_t size, size_t count, void *data) {
  kl_http_call *c = data;
  size_t n = size * count;
  if (kl_http_call_streams(c)) {
    note_arrival(c);
    if (c->answer.len > MAX_HELD) {
      c->held = true;
      return CURL_WRITEFUNC_PAUSE;
    }
    is_fresh(c);
  }
  if (n > c->max_body - c->received) {
    c->too_long = true;
    return 0;
  }
  if (c->room && !c->room(c->data, c->received + n)) {
    c->no_room = true;
    return 0;
  }
  c->received += n;
  kl_buf_add(&c->answer, p, n);
  if (!c->answer.failed) return n;
  c->out_of_memory = true;
  return 0;
}

/* Servers send the same second many times. */
static void take_date(kl_http_call *c, const char *p, size_t n) {
  kl_http *h = c->h;
  while (n && (*p == ' ' || *p == '\t'))
    p++, n--;
  if (n == 0 || n >= sizeof h->date_text) return;
  if (strncmp(h->date_text, p, n) != 0 || h->date_text[n]) {
    memcpy(h->date_text, p, n);
    h->date_text[n] = 0;
    time_t t = curl_getdate(h->date_text, NULL);
    h->date_ms = t > 0 && t < YEAR_10000 ? (int64_t)t * 1000 : 0;
  }
  c->date_ms = h->date_ms;
}

/* "HTTP/1.1 200 OK": of an interim answer too, which the next one replaces. */
static void take_status(kl_http_call *c, const char *p, size_t n) {
  const char *blank = memchr(p, ' ', n);
  c->status = 0;
  for (size_t i = 1; blank && i <= 3 && blank + i < p + n && blank[i] >= '0' && blank[i] <= '9'; i++)
    c->status = c->status * 10 + (blank[i] - '0');
  c->head_whole = false;
  c->date_ms = 0;
  kl_buf_clear(&c->fields);
}

/* A line that starts with a blank goes on with the one before. */
static void take_field(kl_http_call *c, const char *p, size_t n) {
  bool more = *p == ' ' || *p == '\t';
  if (more ? c->fields.len == 0 : !memchr(p, ':', n)) return;
  if (more) {
    c->fields.len -= 2;
    while (n > 1 && (p[1] == ' ' || p[1] == '\t'))
      p++, n--;
  }
  for (size_t i = 0; i < n; i++) { /* kl_http_head_next takes a CR for the end of the line */
    char b = p[i] == '\r' || p[i] == '\n' || p[i] == 0 ? ' ' : p[i];
    kl_buf_char(&c->fields, b);
  }
  kl_buf_add(&c->fields, "\r\n", 2);
}

size_t kl_http_on_header(char *p, size_t size, size_t count, void *data) {
  kl_http_call *c = data;
  size_t all = size * count, n = all;
  note_arrival(c);
  while (n && (p[n - 1] == '\r' || p[n - 1] == '\n'))
    n--;
  if (n >= 5 && !memcmp(p, "HTTP/", 5)) {
    take_status(c, p, n);
  } else if (c->head_whole) {
    return all; /* a trailer */
  } else if (n > 0) {
    if (c->fields.len + n + 2 > MAX_FIELDS) {
      c->head_too_long = true;
      return 0;
    }
    take_field(c, p, n);
    if (n > 5 && !strncasecmp(p, "Date:", 5)) take_date(c, p + 5, n - 5);
  } else {
    c->head_whole = c->status >= 200 || c->status == 101;
    if (c->head_whole && kl_http_call_streams(c)) is_fresh(c);
  }
  if (!c->fields.failed) return all;
  c->out_of_memory = true;
  return 0;
}

/* ---- handing it out ---- */

void kl_http_call_response(kl_http_call *c, kl_http_response *res) {
  const char *type = NULL;
  curl_easy_getinfo(c->easy, CURLINFO_CONTENT_TYPE, &type);
  *res = (kl_http_response){
      .status = c->status,
      .body = c->answer.len ? c->answer.data : "",
      .body_len = c->answer.len,
      .content_type = type ? type : "",
      .date_ms = c->date_ms,
      .total_us = (kl_mono_ns(kl_clock_real()) - c->started_ns) / 1000,
      .head = {.status = c->status, .fields = c->fields.data ? c->fields.data : "", .fields_len = c->fields.len},
  };
}

/* One callback; false when the call, or the client, did not survive it. */
static bool hand_out_one(kl_http_call *c) {
  kl_http *h = c->h;
  c->busy = true;
  if (!c->head_told) {
    kl_http_response res;
    kl_buf body = c->answer; /* not the head's */
    c->answer = (kl_buf){0};
    kl_http_call_response(c, &res);
    c->answer = body;
    c->head_told = true;
    kl_http_arm_limits(h); /* another limit begins */
    c->on_head(c->data, &res);
  } else {
    kl_buf piece = c->answer;
    c->answer = (kl_buf){0};
    c->on_piece(c->data, piece.data, piece.len);
    kl_buf_clear(&piece);
    if (c->answer.data)
      kl_buf_free(&piece);
    else
      c->answer = piece;
  }
  c->busy = false;
  if (c->told) { /* cancelled meanwhile */
    kl_http_call_done(c, false);
    return false;
  }
  return !h->closing;
}

bool kl_http_call_hand_out(kl_http_call *c) {
  kl_list_remove(&c->fresh);
  while (!c->paused && ((c->head_whole && !c->head_told) || (c->head_told && c->answer.len))) {
    if (!hand_out_one(c)) return false;
  }
  return true;
}
