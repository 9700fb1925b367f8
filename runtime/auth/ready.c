#include "auth/ready.h"

#include <stdlib.h>
#include <string.h>

#include "auth/signer.h"

enum { SLOTS = 16, PASSING = 8, IDLE_S = 120 };
#define MS INT64_C(1000000)

/* The first PASSING slots are for passing requests, the rest for the others. */
typedef struct slot {
  kl_ready *r;
  char *path; /* NULL: free */
  char method[8];
  kl_sign_job *job; /* on its way */
  int64_t job_timestamp_ms, job_begun_ns;
  bool ready;
  char signature[KL_SIGNATURE_MAX];
  int64_t timestamp_ms, made_ns; /* of the one that is ready: signed as of, and when that was */
  int64_t used_ns;
} slot;

struct kl_ready {
  uv_loop_t *loop;
  uv_timer_t timer; /* runs while a slot is taken; keeps no loop alive */
  kl_key *key;      /* retained */
  const kl_clock *clock;
  int64_t max_age_ns;
  int64_t (*timestamp_ms)(void *data);
  void *data;
  slot slots[SLOTS];
  void (*closed)(void *);
  void *closed_data;
};

static void slot_clear(slot *s) {
  if (s->job) kl_sign_cancel(s->job);
  free(s->path);
  *s = (slot){.r = s->r};
}

static void signed_ahead(void *data, const char *signature, const kl_error *e) {
  slot *s = data;
  s->job = NULL;
  if (e) return; /* out of memory: the next turn of the timer tries again, and an order signs for itself */
  memcpy(s->signature, signature, strlen(signature) + 1);
  s->timestamp_ms = s->job_timestamp_ms;
  s->made_ns = s->job_begun_ns;
  s->ready = true;
}

static void slot_begin(slot *s) {
  if (s->job) return;
  s->job_timestamp_ms = s->r->timestamp_ms(s->r->data);
  s->job_begun_ns = kl_mono_ns(s->r->clock);
  s->job = kl_sign_start(s->r->loop, s->r->key, s->job_timestamp_ms, s->method, s->path, signed_ahead, s);
}

static void renew(uv_timer_t *t) {
  kl_ready *r = t->data;
  int64_t now = kl_mono_ns(r->clock);
  bool any = false;
  for (int i = 0; i < SLOTS; i++) {
    slot *s = &r->slots[i];
    if (!s->path) continue;
    if (now - s->used_ns > IDLE_S * 1000 * MS) {
      slot_clear(s);
      continue;
    }
    any = true;
    if (!s->ready || now - s->made_ns >= r->max_age_ns / 2) slot_begin(s);
  }
  if (!any) uv_timer_stop(t);
}

static uint64_t look_every_ms(const kl_ready *r) {
  uint64_t every = (uint64_t)(r->max_age_ns / MS / 4);
  return every ? every : 1;
}

/* Looks first after so many milliseconds, and then regularly. */
static void watch(kl_ready *r, uint64_t first_ms) { uv_timer_start(&r->timer, renew, first_ms, look_every_ms(r)); }

kl_ready *kl_ready_new(uv_loop_t *loop, kl_key *key, const kl_clock *clock, int max_age_ms,
                       int64_t (*timestamp_ms)(void *data), void *data) {
  kl_ready *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  r->loop = loop;
  r->key = kl_key_retain(key);
  r->clock = clock;
  if (max_age_ms > KL_READY_AGE_MAX_MS) max_age_ms = KL_READY_AGE_MAX_MS;
  r->max_age_ns = max_age_ms * MS;
  r->timestamp_ms = timestamp_ms;
  r->data = data;
  for (int i = 0; i < SLOTS; i++)
    r->slots[i].r = r;
  uv_timer_init(loop, &r->timer);
  uv_unref((uv_handle_t *)&r->timer);
  r->timer.data = r;
  return r;
}

static void timer_closed(uv_handle_t *h) {
  kl_ready *r = h->data;
  void (*closed)(void *) = r->closed;
  void *data = r->closed_data;
  explicit_bzero(r->slots, sizeof r->slots);
  kl_key_release(r->key);
  free(r);
  if (closed) closed(data);
}

void kl_ready_close(kl_ready *r, void (*closed)(void *), void *data) {
  if (!r) return;
  r->closed = closed;
  r->closed_data = data;
  for (int i = 0; i < SLOTS; i++)
    slot_clear(&r->slots[i]);
  uv_close((uv_handle_t *)&r->timer, timer_closed);
}

static slot *find(kl_ready *r, const char *method, const char *path) {
  for (int i = 0; i < SLOTS; i++) {
    slot *s = &r->slots[i];
    if (s->path && !strcmp(s->method, method) && !strcmp(s->path, path)) return s;
  }
  return NULL;
}

/* A free one, or the one that was not used for longest. */
static slot *choose(kl_ready *r, bool passing) {
  slot *oldest = NULL;
  for (int i = passing ? 0 : PASSING; i < (passing ? PASSING : SLOTS); i++) {
    slot *s = &r->slots[i];
    if (!s->path) return s;
    if (!oldest || s->used_ns < oldest->used_ns) oldest = s;
  }
  slot_clear(oldest);
  return oldest;
}

void kl_ready_want(kl_ready *r, const char *method, const char *path, bool passing) {
  if (!r || strlen(method) >= sizeof r->slots[0].method) return;
  int64_t now = kl_mono_ns(r->clock);
  slot *s = find(r, method, path);
  if (s) {
    s->used_ns = now;
    return;
  }
  char *copy = strdup(path);
  if (!copy) return;
  s = choose(r, passing);
  s->path = copy;
  memcpy(s->method, method, strlen(method) + 1);
  s->used_ns = now;
  slot_begin(s);
  if (!uv_is_active((uv_handle_t *)&r->timer)) watch(r, look_every_ms(r));
}

void kl_ready_forget(kl_ready *r, const char *method, const char *path) {
  slot *s = r ? find(r, method, path) : NULL;
  if (s) slot_clear(s);
}

bool kl_ready_take(kl_ready *r, const char *method, const char *path, int64_t *timestamp_ms,
                   char signature[KL_SIGNATURE_MAX]) {
  slot *s = r ? find(r, method, path) : NULL;
  if (!s) return false;
  int64_t now = kl_mono_ns(r->clock);
  s->used_ns = now;
  bool good = s->ready && now - s->made_ns <= r->max_age_ns;
  if (good) {
    memcpy(signature, s->signature, strlen(s->signature) + 1);
    *timestamp_ms = s->timestamp_ms;
  }
  s->ready = false;
  return good;
}

void kl_ready_refill(kl_ready *r) {
  if (r && uv_is_active((uv_handle_t *)&r->timer)) watch(r, 0);
}
