#include "kalshi/response.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "kalshi/session.h"

/* Copies at most cap-1 bytes of text as one line: control characters and runs of blanks become one blank; a character
 * of UTF-8 is not cut in half. With `markup`, what stands between < and > is left out. */
static void one_line(char *out, size_t cap, const char *p, size_t n, bool markup) {
  size_t len = 0;
  bool blank = false, inside = false;
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)p[i];
    if (markup && (c == '<' || inside)) {
      inside = c != '>';
      blank = true;
      continue;
    }
    if (c <= ' ' || c == 0x7f) {
      blank = true;
      continue;
    }
    if (len + 2 >= cap) break;
    if (blank && len) out[len++] = ' ';
    blank = false;
    out[len++] = (char)c;
  }
  /* Cut: drop the bytes of an unfinished character. */
  size_t tail = len;
  while (tail > 0 && ((unsigned char)out[tail - 1] & 0xc0) == 0x80)
    tail--;
  if (tail > 0 && (unsigned char)out[tail - 1] >= 0xc0) {
    unsigned char lead = (unsigned char)out[tail - 1];
    size_t want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (len - (tail - 1) < want) len = tail - 1;
  }
  out[len] = '\0';
}

static const char *kind_of(int status) {
  if (status == 401 || status == 403) return KL_ERR_AUTH;
  if (status == 429) return KL_ERR_RATE_LIMIT;
  return KL_ERR_HTTP;
}

static void copy_member(const json_t *object, const char *name, char *out, size_t cap) {
  const json_t *v = json_object_get(object, name);
  if (json_is_string(v)) one_line(out, cap, json_string_value(v), json_string_length(v), false);
}

typedef struct {
  char code[sizeof((kl_error *)NULL)->code];
  char message[256];
  char details[256];
} said;

/* The four shapes: {"error":{code,message,details}}, {code,message,details}, {"msg":…}, {"error":"…"}. */
static bool read_shapes(const json_t *root, said *s) {
  const json_t *object = root;
  const json_t *error = json_object_get(root, "error");
  if (json_is_string(error)) copy_member(root, "error", s->message, sizeof s->message);
  if (json_is_object(error)) object = error;
  copy_member(object, "code", s->code, sizeof s->code);
  if (!s->message[0]) copy_member(object, "message", s->message, sizeof s->message);
  if (!s->message[0]) copy_member(object, "msg", s->message, sizeof s->message);
  copy_member(object, "details", s->details, sizeof s->details);
  return s->code[0] || s->message[0] || s->details[0];
}

/* "code: message (details)", of which any may be missing. The message often says the code again in words;
 * "not_found: not found" is not worth a line. */
static void put_together(const said *s, char *out, size_t cap) {
  char plain[sizeof s->code];
  memcpy(plain, s->code, sizeof plain);
  for (char *c = plain; *c; c++)
    if (*c == '_') *c = ' ';
  const char *message = s->code[0] && !strcasecmp(plain, s->message) ? "" : s->message;
  const char *colon = s->code[0] && message[0] ? ": " : "";
  if (!s->details[0])
    snprintf(out, cap, "%s%s%s", s->code, colon, message);
  else if (s->code[0] || message[0])
    snprintf(out, cap, "%s%s%s (%s)", s->code, colon, message, s->details);
  else
    snprintf(out, cap, "%s", s->details);
}

static const char *advice(int status) {
  switch (status) {
  case 401:
    return ": check the key id, that the key belongs to this environment, and the clock (kalua doctor --env ENV)";
  case 403:
    return ": this key or account tier may not do it";
  default:
    return "";
  }
}

void kl_error_from_answer(kl_error *e, int status, const char *content_type, const char *body, size_t n,
                          const char *operation) {
  if (!e) return;
  const char *what = operation && operation[0] ? operation : "the call";
  said s = {"", "", ""};
  json_t *root = n ? json_loadb(body, n, 0, NULL) : NULL;
  bool understood = json_is_object(root) && read_shapes(root, &s);
  if (understood) {
    char text[sizeof e->message];
    put_together(&s, text, sizeof text);
    kl_error_set(e, kind_of(status), "%s answered %d %s%s", what, status, text, advice(status));
    memcpy(e->code, s.code, sizeof e->code);
  } else if (n == 0) {
    kl_error_set(e, kind_of(status), "%s answered %d without a body%s", what, status, advice(status));
  } else {
    char words[120], type[64];
    const char *at = body;
    size_t left = n;
    while (left && *at && strchr(" \t\r\n", *at)) {
      at++;
      left--;
    }
    bool html = left && *at == '<';
    one_line(type, sizeof type, content_type ? content_type : "", content_type ? strcspn(content_type, ";") : 0, false);
    if (!type[0]) snprintf(type, sizeof type, "%s", html ? "text/html" : root ? "JSON" : "text");
    one_line(words, sizeof words, at, left, html);
    kl_error_set(e, kind_of(status),
                 root ? "%s answered %d with %s of an unknown shape: \"%s\"%s"
                      : "%s answered %d with %s, not JSON: \"%s\"%s",
                 what, status, type, words, advice(status));
  }
  json_decref(root);
  e->status = status;
  e->retryable = status == 429 || status >= 500;
  if (operation) snprintf(e->operation, sizeof e->operation, "%s", operation);
}

bool kl_error_is_refusal(const kl_error *e) {
  return (e->status >= 400 && e->status < 500) || !strcmp(e->code, "exchange_is_paused");
}

void kl_error_from_response(kl_error *e, int status, const char *body, size_t n, const char *operation) {
  kl_error_from_answer(e, status, NULL, body, n, operation);
}
