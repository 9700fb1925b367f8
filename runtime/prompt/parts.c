/* Long answers in parts: a line of the control socket has a limit, and a client that reads slowly is not sent more than
 * it takes. */
#include <stdlib.h>

#include "base/json_fields.h"
#include "prompt/internal.h"

/* Every byte may take six in a JSON string. */
enum { PART = 32 << 10 };

typedef struct parts {
  kl_prompt_state state; /* first */
  kl_buf json, answer;
  size_t at;
} parts;

static void finish(kl_control_call *call, parts *p) {
  kl_buf answer = p->answer;
  kl_control_call_set(call, NULL);
  kl_buf_free(&p->json);
  free(p);
  kl_control_answer(call, &answer);
}

size_t kl_prompt_part(const char *text, size_t left) {
  if (left <= PART) return left;
  size_t n = PART;
  while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80)
    n--;
  return n > 0 ? n : PART;
}

static void go_on(kl_control_call *call, parts *p) {
  while (p->at < p->json.len && kl_control_has_room(call)) {
    kl_buf fields = {0};
    size_t n = kl_prompt_part(p->json.data + p->at, p->json.len - p->at);
    kl_json_key(&fields, "text");
    kl_buf_json_string(&fields, p->json.data + p->at, n);
    kl_control_event(call, "part", &fields);
    p->at += n;
  }
  if (p->at == p->json.len || kl_control_is_gone(call)) finish(call, p);
}

void kl_prompt_answer_parts(kl_control_call *call, kl_buf *json, kl_buf *answer) {
  parts *p = json->failed ? NULL : malloc(sizeof *p);
  if (!p) {
    kl_error e;
    kl_error_set(&e, KL_ERR_INTERNAL, "not enough memory for the answer");
    kl_buf_free(json);
    kl_control_refuse(call, &e, answer);
    return;
  }
  *p = (parts){.state = KL_PROMPT_ANSWERS, .json = *json, .answer = *answer};
  *json = *answer = (kl_buf){0};
  kl_control_call_set(call, p);
  go_on(call, p);
}

void kl_prompt_parts_room(void *data, kl_control_call *call) {
  parts *p = kl_control_call_get(call);
  (void)data;
  if (p) go_on(call, p);
}

void kl_prompt_parts_cancel(void *data, kl_control_call *call) {
  parts *p = kl_control_call_get(call);
  (void)data;
  if (p) finish(call, p);
}
