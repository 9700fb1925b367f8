/* Requests and answers, and what befalls them on the way. */
#include <stdlib.h>
#include <string.h>

#include "sim/control.h"
#include "sim/mirror_hold.h"
#include "sim/persist.h"
#include "sim/server_impl.h"

enum {
  CHUNK = 65536,         /* written at once */
  SLOW_MS = 50,          /* between two pieces of what is written slowly */
  PARKED_MOST_MS = 10000 /* for a market to be mirrored */
};

/* ---- answering ---- */

/* Writes on; -1 closes the connection. */
static int write_on(kl_sim_connection *k, struct lws *wsi) {
  size_t most = k->fault.rate ? (size_t)(k->fault.rate * SLOW_MS / 1000 + 1) : CHUNK;
  if (most > CHUNK) most = CHUNK;
  if (k->out.failed) return -1;
  do {
    size_t n = k->out.len - k->sent;
    bool last = n <= most;
    if (!last) n = most;
    /* The bytes before the place are the library's to use: what was there has been written. */
    if (lws_write(wsi, (unsigned char *)k->out.data + k->sent, n, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) <
        (int)n)
      return -1;
    k->sent += n;
    if (last) {
      k->answered = false;
      if (k->out.cap > 4 * (size_t)CHUNK) kl_buf_free(&k->out);
      if (k->close_after) return -1;
      return lws_http_transaction_completed(wsi) ? -1 : 0;
    }
    if (k->fault.rate) {
      k->next = KL_SIM_STEP_WRITE;
      kl_sim_connection_wait(k, kl_mono_ns(k->sim->clock) + INT64_C(1000000) * SLOW_MS);
      return 0;
    }
  } while (!lws_send_pipe_choked(wsi));
  lws_callback_on_writable(wsi);
  return 0;
}

static void render(kl_sim_connection *k, kl_sim_response *rs) {
  kl_sim_connection_start(&k->out);
  kl_sim_http_render(&k->out, rs, k->method, k->close_after, kl_wall_us(k->sim->clock) + k->sim->clock_off_us);
  kl_buf_free(&rs->body);
  k->sent = LWS_PRE;
  k->answered = true;
  k->waits_for_body = false;
}

/* The first write of an answer. What could not be kept is not acknowledged: the answer is then another one. */
static int begin(kl_sim_connection *k, struct lws *wsi) {
  if (k->sim->broken) {
    kl_sim_response rs = {0};
    kl_sim_fail_state(&rs);
    render(k, &rs);
  }
  return write_on(k, wsi);
}

/* Writes an answer once everything that it may tell of is in the state file. */
static int write_kept(kl_sim_connection *k, struct lws *wsi) {
  if (!kl_sim_persist_pending(k->sim)) return write_on(k, wsi);
  kl_list_append(&k->sim->waiting, &k->turn);
  return 0;
}

int kl_sim_connection_answer(kl_sim_connection *k, struct lws *wsi, kl_sim_response *rs) {
  render(k, rs);
  return write_kept(k, wsi);
}

void kl_sim_connection_refuse(kl_sim_connection *k, struct lws *wsi, kl_sim_response *rs) {
  render(k, rs);
  (void)write_on(k, wsi);
}

static int answer_failure(kl_sim_connection *k, struct lws *wsi, int status, const char *code, const char *message) {
  kl_sim_response rs = {0};
  kl_sim_touch(k->sim);
  kl_sim_count(&k->sim->counters.requests);
  kl_sim_fail(&rs, status, code, message, NULL);
  return kl_sim_connection_answer(k, wsi, &rs);
}

/* ---- a request, and what befalls it ---- */

/* Nobody answers: the connection stays as it is until the client gives up. */
static int hang(kl_sim_connection *k, struct lws *wsi) {
  k->waits_for_body = false;
  kl_sim_connection_hold(k, true);
  lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
  return 0;
}

/* The answer as it will leave. */
static void prepare(kl_sim_connection *k, kl_sim_response *rs) {
  const kl_fault_verdict *f = &k->fault;
  if (f->end == KL_FAULT_FAIL_AFTER) kl_sim_fault_answer(rs, f);
  if (f->end == KL_FAULT_CUT) k->close_after = true;
  size_t body = rs->body.len;
  render(k, rs);
  if (f->end == KL_FAULT_CUT) k->out.len -= body > 1 ? (body + 1) / 2 : (k->out.len - LWS_PRE) / 2;
}

/* The answer is there: it leaves, now or later, whole, slowly, in part or not at all. */
static int deliver(kl_sim_connection *k, struct lws *wsi, kl_sim_response *rs) {
  const kl_fault_verdict *f = &k->fault;
  prepare(k, rs);
  if (f->latency_us <= 0 && f->end != KL_FAULT_LOSE_AFTER && f->end != KL_FAULT_HANG_AFTER &&
      f->end != KL_FAULT_RESET_AFTER)
    return write_kept(k, wsi);
  k->next = KL_SIM_STEP_WRITE;
  lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
  kl_sim_connection_wait(k, kl_mono_ns(k->sim->clock) + f->latency_us * 1000);
  return 0;
}

/* Its time to leave has come. */
static int leave(kl_sim_connection *k, struct lws *wsi) {
  switch (k->fault.end) {
  case KL_FAULT_LOSE_BEFORE:
  case KL_FAULT_LOSE_AFTER:
    return -1;
  case KL_FAULT_RESET_BEFORE:
  case KL_FAULT_RESET_AFTER:
    return kl_sim_connection_reset(wsi);
  case KL_FAULT_HANG_BEFORE:
  case KL_FAULT_HANG_AFTER:
    k->answered = false;
    return hang(k, wsi);
  default:
    return k->sent == LWS_PRE ? begin(k, wsi) : write_on(k, wsi);
  }
}

/* Its market is not mirrored yet. */
static int park(kl_sim_connection *k, struct lws *wsi) {
  if (!k->parked) k->parked_ns = kl_mono_ns(k->sim->clock) + INT64_C(1000000) * PARKED_MOST_MS;
  k->parked = true;
  k->next = KL_SIM_STEP_HANDLE;
  k->waits_for_body = false;
  lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
  kl_sim_connection_wait(k, k->parked_ns);
  return 0;
}

static int handle(kl_sim_connection *k, struct lws *wsi) {
  kl_sim_response rs = {0};
  switch (k->fault.end) {
  case KL_FAULT_LOSE_BEFORE:
  case KL_FAULT_RESET_BEFORE:
  case KL_FAULT_HANG_BEFORE:
    return leave(k, wsi);
  case KL_FAULT_FAIL_BEFORE:
  case KL_FAULT_LIMIT:
    kl_sim_touch(k->sim);
    kl_sim_count(&k->sim->counters.requests);
    kl_sim_fault_answer(&rs, &k->fault);
    return deliver(k, wsi, &rs);
  default:
    break;
  }
  switch (kl_sim_mirror_lets(k->sim, &k->rq, k->parked && kl_mono_ns(k->sim->clock) >= k->parked_ns, &rs)) {
  case KL_SIM_MIRROR_WAITS:
    return park(k, wsi);
  case KL_SIM_MIRROR_REFUSES:
    return deliver(k, wsi, &rs);
  case KL_SIM_MIRROR_GOES:
    break;
  }
  kl_sim_dispatch(k->sim, &k->rq, &rs);
  if (k->fault.repeat && !k->later) {
    kl_buf_free(&rs.body);
    rs = (kl_sim_response){0};
    kl_sim_dispatch(k->sim, &k->rq, &rs);
  }
  if (!k->later) return deliver(k, wsi, &rs);
  kl_buf_free(&rs.body);
  return hang(k, wsi);
}

kl_sim_later *kl_sim_later_new(const kl_sim_request *rq) {
  kl_sim_connection *k = rq->connection;
  kl_sim_later *l = malloc(sizeof *l);
  if (!l) return NULL;
  l->k = k;
  k->later = l;
  return l;
}

void kl_sim_later_answer(kl_sim_later *l, kl_sim_response *rs) {
  kl_sim_connection *k = l->k;
  if (k) {
    k->later = NULL;
    prepare(k, rs);
    k->next = KL_SIM_STEP_WRITE;
    kl_sim_connection_wait(k, kl_mono_ns(k->sim->clock) + k->fault.latency_us * 1000);
  }
  kl_buf_free(&rs->body);
  free(l);
}

int kl_sim_connection_serve(kl_sim_connection *k, struct lws *wsi) {
  k->rq.body = k->body.data ? k->body.data : "";
  k->rq.body_len = k->body.len;
  if (!k->sim->mirror && kl_sim_control_takes(k->path)) {
    kl_sim_response rs = {0};
    kl_sim_control(k->sim, &k->rq, &rs);
    return kl_sim_connection_answer(k, wsi, &rs);
  }
  kl_sim_fault_judge(k->sim, &k->rq, false, &k->fault);
  int64_t later_us = k->fault.arrival_us + kl_sim_mirror_way_us(k->sim, &k->rq);
  k->parked = false;
  if (later_us <= 0) return handle(k, wsi);
  k->waits_for_body = false;
  k->next = KL_SIM_STEP_HANDLE;
  lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
  kl_sim_connection_wait(k, kl_mono_ns(k->sim->clock) + later_us * 1000);
  return 0;
}

/* It may write: what waited for its time goes on, and so does a long answer. */
int kl_sim_on_writable(struct lws *wsi) {
  kl_sim_connection *k = lws_get_opaque_user_data(wsi);
  if (!k || kl_sim_connection_waits(k) || !kl_list_empty(&k->turn)) return 0;
  if (k->next != KL_SIM_STEP_NONE) kl_sim_connection_hold(k, false);
  kl_sim_step next = k->next;
  k->next = KL_SIM_STEP_NONE;
  if (next == KL_SIM_STEP_HANDLE) return handle(k, wsi);
  if (next == KL_SIM_STEP_WRITE) return leave(k, wsi);
  if (!k->answered || k->sent >= k->out.len) return 0;
  return k->sent == LWS_PRE ? begin(k, wsi) : write_on(k, wsi);
}

/* The length of the body; false when the header says none that can be understood. */
static bool read_length(struct lws *wsi, bool *given, uint64_t *length) {
  char text[24];
  *length = 0;
  *given = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0;
  if (!*given) return true;
  if (lws_hdr_copy(wsi, text, sizeof text, WSI_TOKEN_HTTP_CONTENT_LENGTH) < 0) return false;
  if (!*text || text[strspn(text, "0123456789")]) return false;
  *length = strtoull(text, NULL, 10); /* at most 2^64 - 1: too large for us in any case */
  return true;
}

int kl_sim_on_request(struct lws *wsi) {
  kl_sim_connection *k = kl_sim_connection_of(wsi);
  if (!k) return -1;
  kl_buf_clear(&k->body);
  k->answered = k->waits_for_body = k->close_after = false;
  k->fault = (kl_fault_verdict){0};
  k->next = KL_SIM_STEP_NONE;
  int wrong = kl_sim_connection_read_head(k, wsi);
  bool has_length;
  uint64_t n;
  bool understood = read_length(wsi, &has_length, &n);
  bool posts = !strcmp(k->method, "POST") || !strcmp(k->method, "PUT") || !strcmp(k->method, "PATCH");
  if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING)) {
    k->close_after = true; /* where the body ends is not known */
    return answer_failure(k, wsi, 411, "length_required", "send the body with Content-Length, not in chunks");
  }
  if (!understood) {
    k->close_after = true;
    return answer_failure(k, wsi, 400, "bad_request", "Content-Length is not one decimal number");
  }
  if (wrong || n > KL_SIM_BODY_MOST) {
    k->close_after = true;
    return wrong ? answer_failure(k, wsi, wrong, "bad_request", "the path or the query is too long")
                 : answer_failure(k, wsi, 413, "bad_request", "the body is too large");
  }
  /* Without a length these methods make the library wait for a body that does not come. */
  if (posts && !has_length) k->close_after = true;
  /* After `Content-Length: 0` it tells of the end of the body, but of POST only. */
  if (n > 0 || (has_length && !strcmp(k->method, "POST"))) {
    k->waits_for_body = true;
    return 0;
  }
  return kl_sim_connection_serve(k, wsi);
}

int kl_sim_on_body(struct lws *wsi, const void *data, size_t n) {
  kl_sim_connection *k = kl_sim_connection_of(wsi);
  if (!k || !k->waits_for_body) return 0;
  if (k->body.len + n > KL_SIM_BODY_MOST) return -1;
  kl_buf_add(&k->body, data, n);
  return k->body.failed ? -1 : 0;
}

int kl_sim_on_body_end(struct lws *wsi) {
  kl_sim_connection *k = kl_sim_connection_of(wsi);
  return k && k->waits_for_body ? kl_sim_connection_serve(k, wsi) : 0;
}
