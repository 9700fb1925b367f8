#include "net/ws_handshake.h"

#include <curl/curl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "net/http_head.h"

enum {
  BODY_KEPT = 4096, /* of a refusal */
  TEXT_SHOWN = 200,
};

/* ---- the request ---- */

bool kl_ws_handshake_header_ok(const char *line) {
  static const char *const own[] = {"Host", "Upgrade", "Connection", "Content-Length", "Transfer-Encoding"};
  size_t name = strcspn(line, ":");
  if (name == 0 || line[name] != ':') return false;
  for (size_t i = 0; line[i]; i++) {
    unsigned char c = (unsigned char)line[i];
    if (c < 0x20 && c != '\t') return false;
    if (c == 0x7F || (i < name && (c <= ' ' || c > '~'))) return false;
  }
  for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
    if (strlen(own[i]) == name && !strncasecmp(line, own[i], name)) return false;
  }
  return strncasecmp(line, "Sec-WebSocket-", 14) != 0;
}

/* The next name of the list at *at, which moves behind its comma; false at the end, or where there is no name. */
static bool next_name(const char **at, const char **name, size_t *n) {
  *name = *at + strspn(*at, " ");
  *n = strcspn(*name, ",");
  *at = *name + *n;
  if (**at) ++*at;
  while (*n && (*name)[*n - 1] == ' ')
    --*n;
  return *n > 0;
}

static bool in_list(const char *list, const char *wanted, size_t wanted_len) {
  const char *name;
  size_t n;
  while (next_name(&list, &name, &n)) {
    if (n == wanted_len && !memcmp(name, wanted, n)) return true;
  }
  return false;
}

bool kl_ws_handshake_protocols_ok(const char *list) {
  const char *at = list, *name;
  size_t n;
  do {
    if (!next_name(&at, &name, &n)) return false;
    for (size_t i = 0; i < n; i++) {
      if (name[i] <= ' ' || name[i] > '~' || strchr("()<>@;:\\\"/[]?={}", name[i])) return false;
    }
    if (in_list(at, name, n)) return false;
  } while (*at);
  return at[-1] != ',';
}

static void encode_key(const uint8_t key[16], char out[25]) { EVP_EncodeBlock((unsigned char *)out, key, 16); }

void kl_ws_write_handshake(kl_buf *out, const char *host, const char *path, const uint8_t key[16],
                           const char *const *headers, const char *protocols) {
  char text[25];
  encode_key(key, text);
  if (strpbrk(host, "\r\n ") || strpbrk(path, "\r\n ")) out->failed = true;
  kl_buf_printf(out,
                "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n",
                path, host, text);
  if (protocols) {
    if (!kl_ws_handshake_protocols_ok(protocols)) out->failed = true;
    kl_buf_printf(out, "Sec-WebSocket-Protocol: %s\r\n", protocols);
  }
  for (; headers && *headers; headers++) {
    if (!kl_ws_handshake_header_ok(*headers)) out->failed = true;
    kl_buf_str(out, *headers);
    kl_buf_str(out, "\r\n");
  }
  kl_buf_str(out, "\r\n");
}

/* ---- what a refusal says ---- */

typedef struct {
  const char *p, *end;
} json_scan;

/* The string at s->p (behind its quote) into `out`, unescaped, cut to cap. */
static void scan_string(json_scan *s, char *out, size_t cap) {
  size_t n = 0;
  while (s->p < s->end && *s->p != '"') {
    char c = *s->p++;
    if (c == '\\' && s->p < s->end) {
      c = *s->p++;
      if (c == 'u') {
        c = '?';
        for (int i = 0; i < 4 && s->p < s->end && *s->p != '"'; i++)
          s->p++;
      } else if (c == 'n' || c == 't' || c == 'r' || c == 'b' || c == 'f') {
        c = ' ';
      }
    }
    if (n + 1 < cap) out[n++] = c;
  }
  if (s->p < s->end) s->p++;
  out[n] = 0;
}

static void skip_blanks(json_scan *s) {
  while (s->p < s->end && strchr(" \t\r\n", *s->p) && *s->p)
    s->p++;
}

/* The first string member `key` at any depth of a JSON text that may be cut off. */
static bool find_member(const char *p, size_t n, const char *key, char *out, size_t cap) {
  json_scan s = {p, p + n};
  char name[32], skipped[4];
  while ((s.p = memchr(s.p, '"', (size_t)(s.end - s.p)))) {
    s.p++;
    scan_string(&s, name, sizeof name);
    skip_blanks(&s);
    if (s.p == s.end) return false;
    if (*s.p != ':') continue;
    s.p++;
    skip_blanks(&s);
    if (s.p == s.end) return false;
    if (*s.p != '"') continue;
    s.p++;
    if (!strcmp(name, key)) {
      scan_string(&s, out, cap);
      return out[0] != 0;
    }
    scan_string(&s, skipped, sizeof skipped);
  }
  return false;
}

/* The text of an HTML page or of anything else: tags cut, blanks folded. */
static void plain_text(const char *p, size_t n, char *out, size_t cap) {
  size_t first = 0, len = 0;
  while (first < n && strchr(" \t\r\n", p[first]) && p[first])
    first++;
  bool html = first < n && p[first] == '<', in_tag = false;
  for (size_t i = 0; i < n && len + 2 < cap; i++) {
    char c = p[i];
    if (html && c == '<') in_tag = true;
    bool blank = in_tag || (unsigned char)c <= ' ';
    if (html && c == '>') in_tag = false;
    if (!blank) {
      out[len++] = c;
    } else if (len && out[len - 1] != ' ') {
      out[len++] = ' ';
    }
  }
  while (len && out[len - 1] == ' ')
    len--;
  out[len] = 0;
}

/* The shapes of the exchange's error bodies: {"error":{"code","message","details"}}, the same without "error",
 * {"msg"} and {"error":"text"}. */
static void describe_body(const char *body, size_t n, char *text, size_t cap, char *code, size_t code_cap) {
  char message[TEXT_SHOWN + 1] = "", details[TEXT_SHOWN + 1] = "";
  size_t first = strspn(body, " \t\r\n");
  code[0] = 0;
  if (first < n && body[first] == '{') {
    find_member(body, n, "code", code, code_cap);
    if (!find_member(body, n, "message", message, sizeof message) &&
        !find_member(body, n, "msg", message, sizeof message))
      find_member(body, n, "error", message, sizeof message);
    find_member(body, n, "details", details, sizeof details);
  }
  if (!message[0] && !details[0]) plain_text(body, n, message, sizeof message);
  snprintf(text, cap, "%s%s%s", message, message[0] && details[0] ? ", " : "", details);
}

static const char *advice(int status) {
  switch (status) {
  case 401:
  case 403:
    return "; check what the request identifies itself with";
  case 404:
    return "; check the path of the address";
  case 426:
    return "; the server speaks another version of WebSocket than 13";
  case 429:
    return "; wait before connecting again";
  default:
    return status >= 300 && status < 400 ? "; redirects are not followed, check the address" : "";
  }
}

static void describe_refusal(const kl_http_head *h, const char *p, size_t n, kl_error *e) {
  char body[BODY_KEPT], text[2 * TEXT_SHOWN + 8], code[sizeof e->code];
  bool whole;
  size_t len = kl_http_body_read(h, p, n, body, sizeof body, &whole);
  describe_body(body, len, text, sizeof text, code, sizeof code);
  kl_error_coded(e, KL_ERR_HTTP, code, "the server refused the WebSocket handshake with HTTP %d %.*s%s%s%s", h->status,
                 h->reason_len > 40 ? 40 : (int)h->reason_len, h->reason, text[0] ? ": " : "", text, advice(h->status));
  e->status = h->status;
  e->retryable = h->status == 408 || h->status == 425 || h->status == 429 || h->status >= 500;
  memcpy(e->code, code, sizeof e->code);
}

bool kl_ws_handshake_body_pending(const char *p, size_t n) {
  kl_http_head h;
  char body[BODY_KEPT];
  bool whole;
  if (kl_http_head_read(p, n, &h) != 1) return false;
  return kl_http_body_read(&h, p, n, body, sizeof body, &whole) + 1 < sizeof body && !whole;
}

/* ---- the answer ---- */

/* base64(SHA-1(key text + GUID)), RFC 6455, 4.2.2. */
static bool expected_accept(const uint8_t key[16], char out[29]) {
  static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  char text[24 + sizeof guid];
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned n = 0;
  encode_key(key, text);
  memcpy(text + 24, guid, sizeof guid);
  if (!EVP_Digest(text, sizeof text - 1, digest, &n, EVP_sha1(), NULL) || n != 20) return false;
  EVP_EncodeBlock((unsigned char *)out, digest, 20);
  return true;
}

/* What the fields of an answer 101 say so far. */
typedef struct {
  bool upgrade, connection;
  int accepted;
  const char *protocol;
  size_t protocol_len;
} answer_fields;

static bool compresses(const kl_http_field *f) {
  static const char prefix[] = "permessage-"; /* RFC 7692, 5 */
  return f->value_len >= sizeof prefix - 1 && !strncasecmp(f->value, prefix, sizeof prefix - 1);
}

/* Takes one field; false with `why` where it breaks the standard. */
static bool take_field(const kl_http_field *f, const char *accept, const char *protocols, answer_fields *a, char *why,
                       size_t cap) {
  int shown = f->value_len > 60 ? 60 : (int)f->value_len;
  if (kl_http_field_is(f, "Upgrade")) {
    a->upgrade = a->upgrade || kl_http_field_has_token(f, "websocket");
  } else if (kl_http_field_is(f, "Connection")) {
    a->connection = a->connection || kl_http_field_has_token(f, "upgrade");
  } else if (kl_http_field_is(f, "Sec-WebSocket-Accept")) {
    a->accepted++;
    if (f->value_len == strlen(accept) && !memcmp(f->value, accept, f->value_len)) return true;
    snprintf(why, cap, "its Sec-WebSocket-Accept does not belong to our key");
    return false;
  } else if (kl_http_field_is(f, "Sec-WebSocket-Extensions") && f->value_len) {
    snprintf(why, cap, "it insists on the extension '%.*s', which was not offered: turn %s off at the server", shown,
             f->value, compresses(f) ? "compression" : "it");
    return false;
  } else if (kl_http_field_is(f, "Sec-WebSocket-Protocol") && f->value_len) {
    bool offered = protocols && in_list(protocols, f->value, f->value_len);
    if (offered && !a->protocol) {
      a->protocol = f->value;
      a->protocol_len = f->value_len;
      return true;
    }
    snprintf(why, cap,
             offered ? "it chose more than one subprotocol" : "it chose the subprotocol '%.*s', which was not offered",
             shown, f->value);
    return false;
  }
  return true;
}

/* Whether the fields of an answer 101 are right; `why` says what is wrong. */
static bool check_fields(const kl_http_head *h, const char *accept, const char *protocols, answer_fields *a, char *why,
                         size_t cap) {
  kl_http_field f;
  *a = (answer_fields){.upgrade = false};
  for (size_t cursor = 0; kl_http_head_next(h, &cursor, &f);) {
    if (!take_field(&f, accept, protocols, a, why, cap)) return false;
  }
  const char *lacks = !a->upgrade        ? "it has no 'Upgrade: websocket'"
                      : !a->connection   ? "it has no 'Connection: Upgrade'"
                      : a->accepted != 1 ? "it does not have exactly one Sec-WebSocket-Accept"
                                         : NULL;
  if (lacks) snprintf(why, cap, "%s; is this the address of a WebSocket server?", lacks);
  return !lacks;
}

static long refuse(kl_error *e, int status, const char *why) {
  kl_error_coded(e, KL_ERR_PROTOCOL, "answer_unreadable", "the server's answer to the WebSocket handshake is wrong: %s",
                 why);
  if (e) e->status = status;
  return -1;
}

long kl_ws_read_handshake(const char *p, size_t n, const uint8_t key[16], const char *protocols, kl_ws_answer *a,
                          kl_error *e) {
  kl_http_head h;
  kl_ws_answer own;
  kl_ws_answer *out = a ? a : &own;
  *out = (kl_ws_answer){.date_ms = 0};
  int rc = kl_http_head_read(p, n, &h);
  if (rc == 0) return 0;
  if (rc < 0)
    return refuse(e, 0,
                  "it is not HTTP, or its headers are longer than 16 KiB; is this the address of a WebSocket server?");
  char date[64];
  if (kl_http_head_get(&h, "Date", date, sizeof date)) {
    time_t t = curl_getdate(date, NULL);
    if (t > 0) out->date_ms = (int64_t)t * 1000;
  }
  if (h.status != 101) {
    kl_error unwanted;
    describe_refusal(&h, p, n, e ? e : &unwanted);
    return -1;
  }
  char accept[29], why[200];
  answer_fields fields;
  if (!expected_accept(key, accept)) {
    kl_error_set(e, KL_ERR_INTERNAL, "SHA-1, which the WebSocket handshake needs, is not available in OpenSSL");
    return -1;
  }
  if (!check_fields(&h, accept, protocols, &fields, why, sizeof why)) return refuse(e, 101, why);
  out->protocol = fields.protocol;
  out->protocol_len = fields.protocol_len;
  return (long)h.len;
}
