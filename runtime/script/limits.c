#include "script/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "script/internal.h"

enum {
  DEFAULT_HELD = 20000, /* a strategy over 10,000 markets has a task, a wait and a book for each */
  DEFAULT_SOCKETS = 64,
  DEFAULT_QUEUED_MB = 128,
  DEFAULT_LOG_RATE = 1000,
  DEFAULT_STORE_MB = 64,
  LOG_BURST = 5,   /* seconds' worth of lines */
  LOG_LINE = 4096, /* bytes; each more such piece counts as a line more */
  TELL_MS = 1000,  /* how often it is said what was dropped */
  NUMBER_MAX = 32
};

static int64_t or_default(int64_t given, int64_t preset) { return given > 0 ? given : preset; }

kl_limits kl_limits_filled(const kl_limits *l) {
  return (kl_limits){.tasks = or_default(l->tasks, DEFAULT_HELD),
                     .timers = or_default(l->timers, DEFAULT_HELD),
                     .sockets = or_default(l->sockets, DEFAULT_SOCKETS),
                     .handles = or_default(l->handles, DEFAULT_HELD),
                     .queued = or_default(l->queued, (int64_t)DEFAULT_QUEUED_MB << 20),
                     .log_rate = or_default(l->log_rate, DEFAULT_LOG_RATE),
                     .store = or_default(l->store, (int64_t)DEFAULT_STORE_MB << 20),
                     .order_rate = l->order_rate > 0 ? l->order_rate : 0};
}

/* 12345 as "12,345". */
static const char *number(char out[NUMBER_MAX], uint64_t v) {
  char digits[NUMBER_MAX];
  int n = snprintf(digits, sizeof digits, "%" PRIu64, v), k = 0;
  for (int i = 0; i < n; i++) {
    if (i > 0 && (n - i) % 3 == 0) out[k++] = ',';
    out[k++] = digits[i];
  }
  out[k] = 0;
  return out;
}

/* ---- slots ---- */

static int64_t ceiling(const kl_script *s, kl_slot_kind kind) {
  const kl_limits *l = &s->o.limits;
  return kind == KL_SLOT_TIMER ? l->timers : kind == KL_SLOT_SOCKET ? l->sockets : l->handles;
}

bool kl_slot_try(kl_script *s, kl_slot *p, kl_slot_kind kind) {
  if (s->slots[kind] >= ceiling(s, kind)) return false;
  s->slots[kind]++;
  *p = (kl_slot){.script = s, .kind = kind};
  return true;
}

int kl_slot_refuse(lua_State *L, kl_slot_kind kind, const char *call) {
  static const struct {
    const char *what, *flag;
  } kinds[KL_SLOT_KINDS] = {
      [KL_SLOT_TIMER] = {"sleeps and time limits under way", "--max-timers"},
      [KL_SLOT_SOCKET] = {"http requests and connections under way", "--max-sockets"},
      [KL_SLOT_HANDLE] = {"books and subscriptions open", "--max-handles"},
  };
  char n[NUMBER_MAX];
  return kl_raise_coded(L, KL_ERR_LIMIT, "resource_ceiling",
                        "%s: the script has %s %s already, which is its ceiling: end some, or raise it by %s", call,
                        number(n, (uint64_t)ceiling(kl_script_of(L), kind)), kinds[kind].what, kinds[kind].flag);
}

void kl_slot_take(lua_State *L, kl_slot *p, kl_slot_kind kind, const char *call) {
  if (!kl_slot_try(kl_script_of(L), p, kind)) kl_slot_refuse(L, kind, call);
}

void kl_slot_release(kl_slot *p) {
  if (p->script) p->script->slots[p->kind]--;
  p->script = NULL;
}

void kl_limit_tasks(lua_State *L) {
  const kl_script *s = kl_script_of(L);
  /* What is not started by a task is the script's own: its main chunk, its on_stop handlers. */
  if (!s->current || s->n_tasks < (size_t)s->o.limits.tasks) return;
  char n[NUMBER_MAX];
  kl_raise_coded(
      L, KL_ERR_LIMIT, "resource_ceiling",
      "the script has %s tasks that have not ended, which is its ceiling: wait for some of them, or raise it by "
      "--max-tasks",
      number(n, s->n_tasks));
}

/* ---- memory ---- */

kl_meter *kl_script_meter(kl_script *s) { return &s->keeper->meter; }

bool kl_charge_set(kl_charge *c, size_t n) {
  kl_meter *m = c->meter;
  if (!m) return true;
  if (n > c->n && n - c->n > (m->most > m->used ? m->most - m->used : 0)) return false;
  m->used = m->used - c->n + n;
  c->n = n;
  return true;
}

void kl_charge_refused(const kl_charge *c, size_t n, const char *what, kl_error *e) {
  char more[NUMBER_MAX], used[NUMBER_MAX];
  kl_error_coded(e, KL_ERR_LIMIT, "queue_ceiling",
                 "%s: %s bytes do not fit beside the %s that wait for this script, whose ceiling for that is %zu MiB: "
                 "read what waits, or raise it by --max-queued",
                 what, number(more, n), number(used, c->meter->used - c->n), c->meter->most >> 20);
}

/* ---- rates ---- */

/* Takes `cost` out of a bucket that gains `rate` a second up to `most`; false when it is not in there. */
static bool take(kl_rate *r, double rate, double most, double cost, int64_t now_ns) {
  if (!r->at_ns) r->tokens = most;
  if (r->at_ns && now_ns > r->at_ns) r->tokens += (double)(now_ns - r->at_ns) / 1e9 * rate;
  if (r->tokens > most) r->tokens = most;
  r->at_ns = now_ns;
  if (r->tokens < cost) return false;
  r->tokens -= cost;
  return true;
}

static int64_t now_ns(const kl_script *s) { return kl_mono_ns(s->host->o.clock); }

static void tell(kl_script *s) {
  char n[NUMBER_MAX];
  uint64_t dropped = s->dropped;
  s->dropped = 0;
  kl_list_remove(&s->dropping);
  kl_log_warn(s->name, "%s %s of this script %s dropped: more than %" PRId64 " a second (--log-rate)",
              number(n, dropped), dropped == 1 ? "line" : "lines", dropped == 1 ? "was" : "were", s->o.limits.log_rate);
}

void kl_limits_tell(uv_timer_t *timer) {
  kl_host *h = timer->data;
  while (!kl_list_empty(&h->dropping))
    tell(KL_CONTAINER(h->dropping.next, kl_script, dropping));
}

void kl_limits_end(kl_script *s) {
  if (s->dropped) tell(s);
}

bool kl_script_may_log(kl_script *s, size_t n) {
  double rate = (double)s->o.limits.log_rate, most = rate * LOG_BURST;
  size_t more = n / LOG_LINE;
  double cost = 1 + (double)more;
  if (take(&s->keeper->meter.log, rate, most, cost < most ? cost : most, now_ns(s))) return true;
  kl_host *h = s->host;
  s->dropped++;
  if (s->dropped > 1 || h->closing) return false;
  if (kl_list_empty(&h->dropping)) uv_timer_start(&h->tell, kl_limits_tell, TELL_MS, 0);
  kl_list_append(&h->dropping, &s->dropping);
  return false;
}

void kl_script_count_orders(lua_State *L, size_t n, const char *call) {
  const kl_script *s = kl_script_of(L);
  double rate = s->o.limits.order_rate, most = rate > 1 ? rate : 1;
  kl_rate *r = &s->keeper->meter.orders;
  if (rate <= 0 || take(r, rate, most, (double)n, now_ns(s))) return;
  kl_error e;
  if ((double)n > most) {
    kl_error_coded(&e, KL_ERR_LIMIT, "order_rate_ceiling",
                   "%s: %zu orders at once are more than the script may send in a second, %.15g: send smaller batches, "
                   "or raise it by --order-rate",
                   call, n, rate);
  } else {
    kl_error_coded(&e, KL_ERR_LIMIT, "order_rate_ceiling",
                   "%s: the script sends more than %.15g orders a second; there is room for this call in %.3f s; raise "
                   "the ceiling by --order-rate",
                   call, rate, ((double)n - r->tokens) / rate);
    e.retryable = true;
  }
  kl_raise(L, &e);
}
