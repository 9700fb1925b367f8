#include "net/ws_frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/utf8.h"

enum {
  PAD = 16,               /* readable bytes behind every message */
  BASE_ROOM = 256 * 1024, /* the read buffer, unless a frame needs more: a burst comes in few reads */
  QUIET_ROUNDS = 256,     /* reads without need for a grown buffer before it shrinks */
  MAX_CONTROL = 125,      /* payload of a control frame, RFC 6455, 5.5 */
  DEFAULT_MAX = 64 << 20, /* payload of a message */
};

/* Close codes, RFC 6455, 7.4.1. */
enum { CLOSE_PROTOCOL = 1002, CLOSE_DATA = 1007, CLOSE_TOO_BIG = 1009, CLOSE_INTERNAL = 1011 };

struct kl_ws_parser {
  kl_ws_handler handler;
  size_t max_message;

  /* Unread bytes are buf[start..end); PAD bytes behind buf[cap] are allocated too. */
  char *buf;
  size_t cap, start, end;
  size_t need;    /* whole size of the frame at `start` when its length is known but not all is here */
  unsigned quiet; /* reads in a row that needed no more than BASE_ROOM */

  /* A message in fragments. */
  char *parts;
  size_t parts_len, parts_cap;
  int parts_opcode; /* 0: none under way */
  kl_utf8 utf8;

  bool stopped; /* by a handler: keep the rest until the next feed */
  bool over;    /* a close frame came: what follows is discarded, RFC 6455, 5.5.1 */
  bool failed;
  kl_error error;
};

kl_ws_parser *kl_ws_parser_new(const kl_ws_handler *h, size_t max_message) {
  kl_ws_parser *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  p->handler = *h;
  p->max_message = max_message ? max_message : DEFAULT_MAX;
  return p;
}

void kl_ws_parser_free(kl_ws_parser *p) {
  if (!p) return;
  free(p->buf);
  free(p->parts);
  free(p);
}

void kl_ws_parser_reset(kl_ws_parser *p) {
  p->start = p->end = p->need = 0;
  p->parts_len = 0;
  p->parts_opcode = 0;
  p->utf8 = (kl_utf8){0};
  p->stopped = p->over = p->failed = false;
}

void kl_ws_parser_stop(kl_ws_parser *p) { p->stopped = true; }

/* ---- the read buffer ---- */

static bool resize(kl_ws_parser *p, size_t cap) {
  size_t used = p->end - p->start;
  char *fresh = malloc(cap + PAD);
  if (!fresh) return false;
  if (p->buf && used) memcpy(fresh, p->buf + p->start, used);
  free(p->buf);
  p->buf = fresh;
  p->cap = cap;
  p->start = 0;
  p->end = used;
  return true;
}

char *kl_ws_parser_buffer(kl_ws_parser *p, size_t want, size_t *room) {
  *room = 0;
  size_t used = p->end - p->start;
  if (want == 0) want = 1;
  if (want > SIZE_MAX / 4 || used > SIZE_MAX / 4) return NULL;
  if (p->cap > BASE_ROOM && used + want <= BASE_ROOM && p->need <= BASE_ROOM && p->quiet >= QUIET_ROUNDS) {
    /* Failing to shrink is no loss. */
    if (resize(p, BASE_ROOM)) p->quiet = 0;
  }
  if (p->start) {
    if (used) memmove(p->buf, p->buf + p->start, used);
    p->start = 0;
    p->end = used;
  }
  if (p->cap < used + want || !p->buf) {
    /* Doubling, not the announced length at once: memory goes to bytes that came, not to a promise of them. */
    size_t target = used + want > p->need ? used + want : p->need;
    size_t cap = p->cap * 2 > BASE_ROOM ? p->cap * 2 : BASE_ROOM;
    if (cap > target) cap = target > BASE_ROOM ? target : BASE_ROOM;
    if (cap < used + want) cap = used + want;
    if (!resize(p, cap)) return NULL;
  }
  *room = p->cap - p->end;
  return p->buf + p->end;
}

/* ---- violations ---- */

static bool fail(kl_ws_parser *p, int code, const char *kind, const char *what) {
  kl_error_set(&p->error, kind, "%s", what);
  p->error.status = code;
  p->failed = true;
  p->start = p->end = 0;
  return false;
}

static bool violation(kl_ws_parser *p, int code, const char *what) { return fail(p, code, KL_ERR_PROTOCOL, what); }

/* ---- messages and control frames ---- */

static bool deliver(kl_ws_parser *p, int opcode, const char *data, size_t n) {
  if (opcode == KL_WS_TEXT && p->handler.unchecked && p->handler.unchecked(p->handler.data, data, n)) return true;
  if (opcode == KL_WS_TEXT && !kl_utf8_valid(data, n))
    return violation(p, CLOSE_DATA, "the server sent a text message that is not valid UTF-8");
  p->handler.message(p->handler.data, opcode, data, n);
  return true;
}

static bool keep_part(kl_ws_parser *p, const char *data, size_t n) {
  if (p->parts_cap - p->parts_len < n || !p->parts) {
    size_t cap = p->parts_cap * 2 > p->parts_len + n ? p->parts_cap * 2 : p->parts_len + n;
    if (cap < 4096) cap = 4096;
    char *grown = realloc(p->parts, cap + PAD);
    if (!grown) return fail(p, CLOSE_INTERNAL, KL_ERR_INTERNAL, "not enough memory for a WebSocket message");
    p->parts = grown;
    p->parts_cap = cap;
  }
  if (n) memcpy(p->parts + p->parts_len, data, n);
  p->parts_len += n;
  return true;
}

static bool take_part(kl_ws_parser *p, bool last, const char *data, size_t n) {
  bool text = p->parts_opcode == KL_WS_TEXT;
  if (text && !kl_utf8_feed(&p->utf8, data, n))
    return violation(p, CLOSE_DATA, "the server sent a text message that is not valid UTF-8");
  if (!keep_part(p, data, n)) return false;
  if (!last) return true;
  if (text && p->utf8.need)
    return violation(p, CLOSE_DATA, "the server sent a text message that ends within a character");
  int opcode = p->parts_opcode;
  size_t len = p->parts_len;
  p->parts_opcode = 0;
  p->parts_len = 0;
  memset(p->parts + len, 0, PAD);
  p->handler.message(p->handler.data, opcode, p->parts, len);
  if (p->parts_cap > BASE_ROOM) {
    free(p->parts);
    p->parts = NULL;
    p->parts_cap = 0;
  }
  return true;
}

bool kl_ws_is_close_code(unsigned code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static bool take_control(kl_ws_parser *p, int opcode, const char *data, size_t n) {
  if (opcode == KL_WS_CLOSE) {
    if (n == 1) return violation(p, CLOSE_PROTOCOL, "the server sent a close frame of one byte");
    if (n >= 2) {
      unsigned code = (unsigned)(uint8_t)data[0] << 8 | (uint8_t)data[1];
      if (!kl_ws_is_close_code(code))
        return violation(p, CLOSE_PROTOCOL, "the server sent a close frame with a code that is not allowed");
      if (!kl_utf8_valid(data + 2, n - 2))
        return violation(p, CLOSE_DATA, "the server sent a close frame whose reason is not valid UTF-8");
    }
    p->over = true;
  }
  p->handler.control(p->handler.data, opcode, data, n);
  return true;
}

/* ---- frames, RFC 6455, 5.2 ---- */

typedef struct {
  bool fin;
  int opcode;
  size_t header;
  uint64_t len;
} frame_head;

/* What the first two bytes forbid. */
static bool check_start(kl_ws_parser *p, uint8_t b0, uint8_t b1) {
  if (b0 & 0x70)
    return violation(p, CLOSE_PROTOCOL,
                     b0 & 0x40 ? "the server sent a frame with reserved bit 1 set, which means compression "
                                 "(permessage-deflate), but none was agreed on: turn it off at the server"
                               : "the server sent a frame with a reserved bit set");
  if (b1 & 0x80) return violation(p, CLOSE_PROTOCOL, "the server sent a masked frame");
  int opcode = b0 & 0x0F;
  if (opcode > KL_WS_PONG || (opcode > KL_WS_BINARY && opcode < KL_WS_CLOSE))
    return violation(p, CLOSE_PROTOCOL, "the server sent a frame with an unknown opcode");
  if (opcode >= KL_WS_CLOSE) {
    if (!(b0 & 0x80)) return violation(p, CLOSE_PROTOCOL, "the server sent a control frame in fragments");
    if ((b1 & 0x7F) > MAX_CONTROL)
      return violation(p, CLOSE_PROTOCOL, "the server sent a control frame of more than 125 bytes");
  } else if (opcode == KL_WS_CONTINUATION) {
    if (!p->parts_opcode) return violation(p, CLOSE_PROTOCOL, "the server continued a message that was not begun");
  } else if (p->parts_opcode) {
    return violation(p, CLOSE_PROTOCOL, "the server began a message within another one's fragments");
  }
  return true;
}

static uint64_t big_endian(const uint8_t *p, size_t n) {
  uint64_t v = 0;
  for (size_t i = 0; i < n; i++)
    v = v << 8 | p[i];
  return v;
}

/* The length fields that do not fit in seven bits. 1 read, 0 incomplete, -1 violation. */
static int read_long_length(kl_ws_parser *p, const uint8_t *at, size_t avail, frame_head *f) {
  size_t bytes = f->len == 126 ? 2 : 8;
  f->header = 2 + bytes;
  if (avail < f->header) return 0;
  f->len = big_endian(at + 2, bytes);
  if (f->len < (bytes == 2 ? 126 : 65536) || f->len >> 63) {
    violation(p, CLOSE_PROTOCOL, "the server sent a frame length that is not in its shortest form");
    return -1;
  }
  return 1;
}

/* 1 read, 0 incomplete, -1 violation. */
static int read_head(kl_ws_parser *p, const uint8_t *at, size_t avail, frame_head *f) {
  if (avail < 2) return 0;
  if (!check_start(p, at[0], at[1])) return -1;
  f->fin = (at[0] & 0x80) != 0;
  f->opcode = at[0] & 0x0F;
  f->header = 2;
  f->len = at[1];
  if (f->len >= 126) {
    int rc = read_long_length(p, at, avail, f);
    if (rc <= 0) return rc;
  }
  if (f->opcode < KL_WS_CLOSE && f->len > p->max_message - p->parts_len) {
    char what[96];
    snprintf(what, sizeof what, "the server sent a message longer than the limit of %zu bytes", p->max_message);
    violation(p, CLOSE_TOO_BIG, what);
    return -1;
  }
  return 1;
}

/* What nearly all frames are: a text message in one frame of 126 to 65,535 bytes, here in full, that the owner takes as
 * it is. False, and nothing done, where it is something else. */
static bool take_usual(kl_ws_parser *p, const char *at, size_t avail) {
  const uint8_t *b = (const uint8_t *)at;
  if (avail < 4 || b[0] != (0x80 | KL_WS_TEXT) || b[1] != 126 || p->parts_opcode || !p->handler.unchecked) return false;
  size_t len = (size_t)b[2] << 8 | b[3];
  if (len < 126 || len > avail - 4 || len > p->max_message) return false;
  if (!p->handler.unchecked(p->handler.data, at + 4, len)) return false;
  p->start += 4 + len;
  return true;
}

static bool take_frame(kl_ws_parser *p, const frame_head *f, const char *data) {
  size_t n = (size_t)f->len;
  if (f->opcode >= KL_WS_CLOSE) return take_control(p, f->opcode, data, n);
  if (f->opcode != KL_WS_CONTINUATION) {
    if (f->fin) return deliver(p, f->opcode, data, n);
    p->parts_opcode = f->opcode;
    p->utf8 = (kl_utf8){0};
  }
  return take_part(p, f->fin, data, n);
}

bool kl_ws_parser_feed(kl_ws_parser *p, size_t n, kl_error *e) {
  p->stopped = false;
  if (p->failed) goto failed;
  p->end += n;
  p->need = 0;
  if (p->end > BASE_ROOM) {
    p->quiet = 0;
  } else if (p->quiet < QUIET_ROUNDS) {
    p->quiet++;
  }
  if (!p->buf) return true;
  memset(p->buf + p->end, 0, PAD);
  while (!p->stopped && !p->over) {
    frame_head f;
    size_t avail = p->end - p->start;
    const char *at = p->buf + p->start;
    if (take_usual(p, at, avail)) continue;
    int rc = read_head(p, (const uint8_t *)at, avail, &f);
    if (rc < 0) goto failed;
    if (rc == 0) break;
    if (avail - f.header < f.len) {
      p->need = f.header + (size_t)f.len;
      break;
    }
    p->start += f.header + (size_t)f.len;
    if (!take_frame(p, &f, at + f.header)) goto failed;
  }
  if (p->over) p->start = p->end;
  if (p->start == p->end) p->start = p->end = 0;
  return true;

failed:
  if (e) *e = p->error;
  return false;
}

/* ---- writing ---- */

size_t kl_ws_write_head(uint8_t *to, int opcode, uint64_t n, const uint8_t mask[4]) {
  size_t h = 0;
  to[h++] = (uint8_t)(0x80 | opcode);
  if (n < 126) {
    to[h++] = (uint8_t)(0x80 | n);
  } else {
    size_t bytes = n < 65536 ? 2 : 8;
    to[h++] = bytes == 2 ? 0x80 | 126 : 0x80 | 127;
    for (size_t i = bytes; i-- > 0;)
      to[h++] = (uint8_t)(n >> (8 * i));
  }
  memcpy(to + h, mask, 4);
  return h + 4;
}

void kl_ws_mask(void *to, const void *from, size_t n, const uint8_t mask[4], size_t at) {
  const uint8_t *p = from;
  uint8_t *q = to;
  uint64_t mask8 = 0;
  for (size_t i = 0; i < 8; i++)
    memcpy((uint8_t *)&mask8 + i, &mask[(at + i) & 3], 1);
  size_t i = 0;
  for (; n - i >= 8; i += 8) {
    uint64_t v;
    memcpy(&v, p + i, 8);
    v ^= mask8;
    memcpy(q + i, &v, 8);
  }
  for (; i < n; i++)
    q[i] = p[i] ^ mask[(at + i) & 3];
}

void kl_ws_write_frame(kl_buf *out, int opcode, const void *payload, size_t n, const uint8_t mask[4]) {
  if (n > SIZE_MAX - KL_WS_HEAD_MAX || !kl_buf_reserve(out, KL_WS_HEAD_MAX + n)) {
    out->failed = true;
    return;
  }
  out->len += kl_ws_write_head((uint8_t *)out->data + out->len, opcode, n, mask);
  kl_ws_mask(out->data + out->len, payload, n, mask, 0);
  out->len += n;
  out->data[out->len] = 0;
}
