/* The doors of the simulator without their sockets: any request and any command, in any order, with time between them,
 * leaves an exchange whose books, positions and money agree, and an answer that is JSON.
 *
 * An input is lines. "T 10" lets so many seconds pass, each of them an hour of the world; "W {...}" is a command of a
 * WebSocket client; "2 POST /markets?limit=1 {...}" is a request of that user ("1" to "3", "-" for nobody) with its
 * path below /trade-api/v2, its query and its body. `@name` stands for the last text that an answer had under that
 * name. */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "sim/http.h"
#include "sim/server.h"
#include "sim/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS_MOST = 48, USERS = 3, LINE_MOST = 4096, ANSWERS = 8, JUMPS_MOST = 6 };

/* ---- what the linker puts in the place of the real ones (tests/CMakeLists.txt) ---- */

static kl_clock_virtual now;
static kl_key *own_key;

const kl_clock *__wrap_kl_clock_real(void);
bool __wrap_kl_key_generate(int bits, kl_key **out, kl_error *e);
bool __wrap_kl_public_key_verify(const kl_public_key *k, const char *text, size_t n, const char *signature);
bool __real_kl_key_generate(int bits, kl_key **out, kl_error *e);
void __wrap_kl_sim_server_wake(kl_sim_session *c);
kl_sim_later *__wrap_kl_sim_later_new(const kl_sim_request *rq);

/* Time stands still while a request is handled. */
const kl_clock *__wrap_kl_clock_real(void) { return &now.clock; }

/* One key does for all: making them takes most of the time otherwise. */
bool __wrap_kl_key_generate(int bits, kl_key **out, kl_error *e) {
  (void)bits;
  (void)e;
  *out = kl_key_retain(own_key);
  return true;
}

bool __wrap_kl_public_key_verify(const kl_public_key *k, const char *text, size_t n, const char *signature) {
  (void)k;
  (void)text;
  (void)n;
  return !strcmp(signature, "good");
}

void __wrap_kl_sim_server_wake(kl_sim_session *c) { (void)c; }

/* There is no loop whose worker threads would make a key. */
kl_sim_later *__wrap_kl_sim_later_new(const kl_sim_request *rq) {
  (void)rq;
  return NULL;
}

/* ---- one run ---- */

typedef struct run {
  kl_sim *s;
  kl_sim_session *session;
  char *answers[ANSWERS]; /* the newest last */
  int jumps;
} run;

static void agree(const run *r, const char *what) {
  const kl_market *where = NULL;
  const char *wrong = kl_exchange_audit(r->s->x, &where);
  if (!wrong) return;
  fprintf(stderr, "after %s: %s%s%s\n", what, wrong, where ? " in " : "", where ? where->ticker : "");
  abort();
}

static void keep_answer(run *r, const kl_buf *b) {
  free(r->answers[0]);
  memmove(&r->answers[0], &r->answers[1], (ANSWERS - 1) * sizeof *r->answers);
  r->answers[ANSWERS - 1] = b->data ? strdup(b->data) : NULL;
}

/* The text that an answer had under the name; false when none had. */
static bool find_text(const run *r, const char *name, size_t n, kl_buf *out) {
  char key[40];
  if (n == 0 || n > 32) return false;
  snprintf(key, sizeof key, "\"%.*s\":\"", (int)n, name);
  for (int i = ANSWERS; i-- > 0;) {
    const char *at = r->answers[i] ? strstr(r->answers[i], key) : NULL;
    if (!at) continue;
    at += strlen(key);
    kl_buf_add(out, at, strcspn(at, "\""));
    return true;
  }
  return false;
}

static void expand(const run *r, const char *line, kl_buf *out) {
  for (const char *p = line; *p;) {
    size_t n = 0;
    if (*p == '@')
      while (isalpha((unsigned char)p[1 + n]) || p[1 + n] == '_')
        n++;
    if (*p == '@' && find_text(r, p + 1, n, out))
      p += 1 + n;
    else
      kl_buf_char(out, *p++);
  }
}

static void drain(run *r) {
  kl_buf frame = {0};
  while (r->session->n > 1) {
    kl_buf_clear(&frame);
    if (!kl_sim_session_next(r->session, &frame)) abort();
    json_t *root = frame.failed ? NULL : json_loadb(frame.data, frame.len, JSON_DECODE_ANY, NULL);
    if (!root) {
      fprintf(stderr, "not JSON: %s\n", frame.data ? frame.data : "");
      abort();
    }
    json_decref(root);
  }
  kl_buf_free(&frame);
}

static void pass_time(run *r, const char *text) {
  long seconds = strtol(text, NULL, 10);
  if (seconds < 0 || seconds > 600 || r->jumps++ >= JUMPS_MOST) return;
  kl_clock_virtual_advance(&now, seconds * 1000000);
  kl_sim_run_step(r->s);
  kl_sim_run_tick(r->s);
  kl_sim_run_second(r->s);
}

static size_t split_query(char *query, kl_sim_arg *args) {
  size_t n = 0;
  for (char *p = query; p && *p && n < KL_SIM_ARGS_MOST; n++) {
    char *next = strchr(p, '&'), *value;
    if (next) *next++ = '\0';
    value = strchr(p, '=');
    if (value) *value++ = '\0';
    args[n] = (kl_sim_arg){p, value ? value : ""};
    p = next;
  }
  return n;
}

static void check_answer(const kl_sim_response *rs, const char *method, const char *path) {
  bool json = !rs->type || strstr(rs->type, "json");
  if (rs->status < 200 || rs->status > 599) abort();
  if (rs->body.failed) abort();
  if (rs->body.len == 0 || !json) return;
  json_error_t e;
  json_t *root = json_loadb(rs->body.data, rs->body.len, JSON_REJECT_DUPLICATES, &e);
  if (!root) {
    fprintf(stderr, "%s %s: %s in %s\n", method, path, e.text, rs->body.data);
    abort();
  }
  json_decref(root);
}

/* "1 POST /path?query {...}" */
static void request(run *r, char *line) {
  static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "HEAD", "PATCH"};
  char timestamp[32], path[1024];
  kl_sim_arg args[KL_SIM_ARGS_MOST];
  char *method = line[0] && line[1] == ' ' ? line + 2 : line, *target = strchr(method, ' ');
  if (!target) return;
  *target++ = '\0';
  char *body = strchr(target, ' ');
  if (body) *body++ = '\0';
  char *query = strchr(target, '?');
  if (query) *query++ = '\0';
  size_t i = 0;
  while (i < sizeof methods / sizeof *methods && strcmp(methods[i], method) != 0)
    i++;
  if (i == sizeof methods / sizeof *methods) return;
  snprintf(path, sizeof path, "/trade-api/v2%s", target);
  snprintf(timestamp, sizeof timestamp, "%lld", (long long)kl_wall_ms(&now.clock));
  kl_sim_request rq = {.method = method,
                       .path = path,
                       .content_type = "application/json",
                       .args = args,
                       .n_args = split_query(query, args),
                       .body = body ? body : "",
                       .body_len = body ? strlen(body) : 0};
  if (line[0] >= '1' && line[0] < '1' + USERS) {
    rq.key_id = r->s->accounts[line[0] - '1'].pub.key_id;
    rq.timestamp = timestamp;
    rq.signature = "good";
  }
  kl_sim_response rs = {0};
  kl_sim_dispatch(r->s, &rq, &rs);
  check_answer(&rs, method, path);
  keep_answer(r, &rs.body);
  if (getenv("FUZZ_SHOW"))
    fprintf(stderr, "%s %s -> %d %.300s\n", method, path, rs.status, rs.body.data ? rs.body.data : "");
  kl_buf_free(&rs.body);
}

static void step(run *r, const char *text, size_t n) {
  char line[LINE_MOST];
  kl_buf b = {0};
  if (n == 0 || n >= sizeof line) return;
  memcpy(line, text, n);
  line[n] = '\0';
  expand(r, line, &b);
  if (!b.failed && b.data) {
    if (!strncmp(b.data, "T ", 2)) {
      pass_time(r, b.data + 2);
    } else if (!strncmp(b.data, "W ", 2)) {
      kl_sim_touch(r->s);
      kl_sim_session_command(r->session, b.data + 2, b.len - 2);
    } else {
      request(r, b.data);
    }
    drain(r);
    agree(r, line);
  }
  kl_buf_free(&b);
}

static bool begin(run *r) {
  kl_sim_options o = {
      .seed = 7, .speed = 3600, .markets = 36, .quiet = true, .users = USERS, .fcm = true, .region_s = 86400};
  kl_error e = {0};
  kl_clock_virtual_init(&now, INT64_C(1795600800000000)); /* 2026-11-25 */
  if (!own_key && !__real_kl_key_generate(0, &own_key, &e)) return false;
  r->s = kl_sim_make(&o, &e);
  if (!r->s) return false;
  r->session = kl_sim_session_open(r->s, kl_sim_keys_find(r->s->keys, r->s->accounts[0].pub.key_id), NULL);
  if (!r->session) abort();
  kl_buf hello = {0};
  kl_buf_str(&hello, "{}");
  kl_sim_session_send_text(r->session, &hello);
  kl_buf_free(&hello);
  return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  run r = {0};
  const char *p = (const char *)data, *end = p + size;
  if (!begin(&r)) abort();
  for (int i = 0; i < STEPS_MOST && p < end; i++) {
    const char *stop = memchr(p, '\n', (size_t)(end - p));
    size_t n = stop ? (size_t)(stop - p) : (size_t)(end - p);
    if (!memchr(p, '\0', n)) step(&r, p, n);
    p += n + 1;
  }
  kl_sim_session_close(r.session);
  kl_sim_stop(r.s);
  for (int i = 0; i < ANSWERS; i++)
    free(r.answers[i]);
  return 0;
}
