#include "sim/session.h"

#include <stdlib.h>
#include <string.h>

#include "sim/fault_doors.h"
#include "sim/json_out.h"
#include "sim/server.h"

enum { QUEUE_MOST = 8 << 20, ITEM_COST = 96 };

const kl_sim_channel_info kl_sim_channels[KL_CH_COUNT] = {
    [KL_CH_BOOK] = {"orderbook_delta", KL_FILTER_REQUIRED, true},
    [KL_CH_TICKER] = {"ticker", KL_FILTER_OPTIONAL, false},
    [KL_CH_TRADE] = {"trade", KL_FILTER_OPTIONAL, true},
    [KL_CH_FILL] = {"fill", KL_FILTER_OPTIONAL, false},
    [KL_CH_POSITIONS] = {"market_positions", KL_FILTER_OPTIONAL, false},
    [KL_CH_ORDERS] = {"user_orders", KL_FILTER_OPTIONAL, false},
    [KL_CH_LIFECYCLE] = {"market_lifecycle_v2", KL_FILTER_NONE, true},
    [KL_CH_COMBO_LIFECYCLE] = {"multivariate_market_lifecycle", KL_FILTER_NONE, true},
    [KL_CH_COMMUNICATIONS] = {"communications", KL_FILTER_NONE, true},
    [KL_CH_GROUPS] = {"order_group_updates", KL_FILTER_NONE, true},
    [KL_CH_CF] = {"cfbenchmarks_value", KL_FILTER_NONE, true},
    [KL_CH_CF_FAST] = {"cfbenchmarks_value_5hz", KL_FILTER_NONE, true},
    [KL_CH_PYTH] = {"pyth_value", KL_FILTER_NONE, true},
};

/* ---- payloads ---- */

kl_sim_payload *kl_sim_payload_new(const char *type, const kl_buf *text) {
  if (text->failed || text->len > UINT32_MAX) return NULL;
  kl_sim_payload *p = malloc(sizeof *p + text->len);
  if (!p) return NULL;
  p->refs = 1;
  p->len = (uint32_t)text->len;
  p->type = type;
  if (text->len) memcpy(p->data, text->data, text->len);
  return p;
}

void kl_sim_payload_release(kl_sim_payload *p) {
  if (p && --p->refs == 0) free(p);
}

/* ---- sessions ---- */

kl_sim_session *kl_sim_session_open(kl_sim *s, kl_sim_api_key *key, struct lws *wsi) {
  kl_sim_session *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  c->sim = s;
  c->account = key->account;
  c->key = kl_sim_key_retain(key);
  c->wsi = wsi;
  c->next_sid = 1;
  kl_list_append(&s->sessions, &c->link);
  s->n_sessions++;
  atomic_store_explicit(&s->counters.ws_clients, s->n_sessions, memory_order_relaxed);
  return c;
}

static void free_sub(kl_sim_sub *sub) {
  free(sub->bits);
  free(sub->order);
  free(sub);
}

void kl_sim_session_close(kl_sim_session *c) {
  kl_sim *s = c->sim;
  for (int i = 0; i < KL_CH_COUNT; i++)
    if (c->subs[i]) free_sub(c->subs[i]);
  for (size_t i = 0; i < c->n; i++)
    kl_sim_payload_release(c->ring[(c->first + i) & (c->cap - 1)].payload);
  free(c->ring);
  kl_buf_free(&c->received);
  kl_list_remove(&c->link);
  kl_sim_key_release(c->key);
  free(c);
  s->n_sessions--;
  atomic_store_explicit(&s->counters.ws_clients, s->n_sessions, memory_order_relaxed);
}

/* ---- subscriptions ---- */

kl_sim_sub *kl_sim_session_subscribe(kl_sim_session *c, kl_sim_channel channel) {
  if (c->subs[channel]) return c->subs[channel];
  kl_sim_sub *sub = calloc(1, sizeof *sub);
  if (!sub) return NULL;
  sub->sid = c->next_sid++;
  sub->channel = channel;
  c->subs[channel] = sub;
  return sub;
}

void kl_sim_session_unsubscribe(kl_sim_session *c, kl_sim_sub *sub) {
  c->subs[sub->channel] = NULL;
  free_sub(sub);
}

kl_sim_sub *kl_sim_session_find(const kl_sim_session *c, int64_t sid) {
  for (int i = 0; i < KL_CH_COUNT; i++)
    if (c->subs[i] && (int64_t)c->subs[i]->sid == sid) return c->subs[i];
  return NULL;
}

/* Bits for the market; new ones are clear. */
static bool reserve_bit(kl_sim_sub *sub, uint32_t market) {
  size_t words = sub->words ? sub->words : 1;
  if (market / 64 < sub->words) return true;
  while (words <= market / 64)
    words *= 2;
  uint64_t *grown = realloc(sub->bits, words * sizeof *grown);
  if (!grown) return false;
  memset(grown + sub->words, 0, (words - sub->words) * sizeof *grown);
  sub->bits = grown;
  sub->words = words;
  return true;
}

bool kl_sim_sub_add(kl_sim_sub *sub, uint32_t market, bool *added) {
  uint64_t bit = UINT64_C(1) << (market % 64);
  *added = false;
  if (!reserve_bit(sub, market)) return false;
  if (sub->bits[market / 64] & bit) return true;
  if (sub->n == sub->cap) {
    size_t cap = sub->cap ? sub->cap * 2 : 8;
    uint32_t *grown = realloc(sub->order, cap * sizeof *grown);
    if (!grown) return false;
    sub->order = grown;
    sub->cap = cap;
  }
  sub->bits[market / 64] |= bit;
  sub->order[sub->n++] = market;
  *added = true;
  return true;
}

void kl_sim_sub_remove(kl_sim_sub *sub, uint32_t market) {
  uint64_t bit = UINT64_C(1) << (market % 64);
  if (market / 64 >= sub->words || !(sub->bits[market / 64] & bit)) return;
  sub->bits[market / 64] &= ~bit;
  size_t i = 0;
  while (sub->order[i] != market)
    i++;
  memmove(&sub->order[i], &sub->order[i + 1], (sub->n - i - 1) * sizeof *sub->order);
  sub->n--;
}

/* ---- the queue ---- */

static size_t cost_of(const kl_sim_item *it) { return it->payload->len + ITEM_COST; }

static bool grow(kl_sim_session *c) {
  size_t cap = c->cap ? c->cap * 2 : 64;
  kl_sim_item *ring = malloc(cap * sizeof *ring);
  if (!ring) return false;
  for (size_t i = 0; i < c->n; i++)
    ring[i] = c->ring[(c->first + i) & (c->cap - 1)];
  free(c->ring);
  c->ring = ring;
  c->cap = cap;
  c->first = 0;
  return true;
}

/* Out of memory: the client cannot be told everything any more, so it is told nothing. */
static void give_up(kl_sim_session *c) {
  c->closing = true;
  kl_sim_server_wake(c);
}

static void push(kl_sim_session *c, kl_sim_item it) {
  if (c->n == c->cap && !grow(c)) {
    give_up(c);
    return;
  }
  it.payload->refs++;
  it.turn = c->sim->turn;
  c->ring[(c->first + c->n) & (c->cap - 1)] = it;
  c->bytes += cost_of(&it);
  if (c->n++ == 0) kl_sim_server_wake(c);
}

/* Takes what waits of a subscription out of the queue. */
static void drop_queued(kl_sim_session *c, uint32_t sid) {
  size_t kept = 0;
  for (size_t i = 0; i < c->n; i++) {
    kl_sim_item it = c->ring[(c->first + i) & (c->cap - 1)];
    if (it.sid == sid) {
      c->bytes -= cost_of(&it);
      kl_sim_payload_release(it.payload);
    } else {
      c->ring[(c->first + kept++) & (c->cap - 1)] = it;
    }
  }
  c->n = kept;
}

void kl_sim_session_end(kl_sim_session *c, kl_sim_sub *sub, int code) {
  kl_buf b = {0};
  drop_queued(c, sub->sid);
  kl_buf_printf(&b, "{\"type\":\"error\",\"sid\":%u,\"seq\":%llu,\"msg\":{\"code\":%d,\"msg\":\"%s\"}}", sub->sid,
                (unsigned long long)sub->seq + 1, code, code == 25 ? "Subscription buffer overflow" : "Channel error");
  kl_sim_session_unsubscribe(c, sub);
  kl_sim_session_send_text(c, &b);
  kl_buf_free(&b);
}

/* The client does not read: its largest subscription ends (error 25), as on the exchange. */
static void overflow(kl_sim_session *c) {
  kl_sim_sub *largest = NULL;
  for (int i = 0; i < KL_CH_COUNT; i++)
    if (c->subs[i] && (!largest || c->subs[i]->queued > largest->queued)) largest = c->subs[i];
  if (!largest || largest->queued == 0) {
    give_up(c);
    return;
  }
  kl_sim_session_end(c, largest, 25);
}

/* ---- what befalls a message ---- */

/* Times of the connection and of the message. */
static void apply_times(kl_sim_session *c, const kl_fault_fate *fate, kl_sim_item *it) {
  kl_sim_session_fault *f = &c->fault;
  f->rate = fate->rate;
  if (fate->latency_us <= 0 && fate->stall_us <= 0 && !f->timed) return;
  int64_t now_ns = kl_mono_ns(c->sim->clock);
  f->timed = true;
  if (fate->stall_us > 0) f->quiet_ns = now_ns + fate->stall_us * 1000;
  it->due_ns = now_ns + fate->latency_us * 1000;
  if (it->due_ns < f->last_ns) it->due_ns = f->last_ns;
  f->last_ns = it->due_ns;
}

/* Queues a message of a channel (KL_CH_COUNT: an answer) as the faults in force have it. */
static void push_faulty(kl_sim_session *c, kl_sim_sub *sub, int channel, kl_sim_item it) {
  kl_fault_fate fate;
  bool numbered = sub && kl_sim_channels[sub->channel].seq;
  kl_sim_fault_message(c, channel, &fate);
  apply_times(c, &fate, &it);
  if (fate.rate) c->fault.timed = true;
  it.cut = fate.cut;
  if (numbered) {
    sub->seq += (uint64_t)fate.gap;
    if (!fate.vanish) it.seq = ++sub->seq;
  }
  int copies = fate.drop || fate.vanish ? 0 : fate.duplicate ? 2 : 1;
  for (int i = 0; i < copies; i++) {
    if (sub) sub->queued += cost_of(&it);
    push(c, it);
  }
  if (fate.end == KL_FAULT_END) {
    if (!sub) return;
    c->fault.ending |= UINT32_C(1) << channel; /* not now: whoever sends may have more to send to it */
    c->fault.ending_code = fate.code;
    kl_sim_server_wake(c);
  } else if (fate.end) {
    c->fault.end = fate.end;
    c->fault.code = fate.code;
    kl_sim_server_wake(c);
  }
}

void kl_sim_session_send(kl_sim_session *c, kl_sim_sub *sub, kl_sim_payload *p, int64_t id) {
  if (c->closing || !p) {
    if (!p) give_up(c);
    return;
  }
  kl_sim_item it = {.payload = p, .id = id, .sid = sub->sid};
  if (kl_sim_faults_about_messages(c->sim->faults) || c->fault.timed) {
    push_faulty(c, sub, (int)sub->channel, it);
  } else {
    if (kl_sim_channels[sub->channel].seq) it.seq = ++sub->seq;
    sub->queued += cost_of(&it);
    push(c, it);
  }
  if (c->bytes > QUEUE_MOST) overflow(c);
}

void kl_sim_session_send_text(kl_sim_session *c, const kl_buf *text) {
  kl_sim_payload *p = kl_sim_payload_new(NULL, text);
  if (!p) {
    give_up(c);
    return;
  }
  if (kl_sim_faults_about_messages(c->sim->faults) || c->fault.timed) {
    push_faulty(c, NULL, KL_CH_COUNT, (kl_sim_item){.payload = p});
  } else {
    push(c, (kl_sim_item){.payload = p});
  }
  kl_sim_payload_release(p);
  /* Answers alone can fill the queue too, when a client sends commands and never reads. */
  if (c->bytes > 2 * (size_t)QUEUE_MOST) give_up(c);
}

int64_t kl_sim_session_due(const kl_sim_session *c) { return c->n > 0 ? c->ring[c->first].due_ns : 0; }

bool kl_sim_session_ready(const kl_sim_session *c) {
  return c->n > 0 && (!c->sim->store || c->ring[c->first].turn != c->sim->turn);
}

bool kl_sim_session_next(kl_sim_session *c, kl_buf *out) {
  if (c->n == 0) return false;
  kl_sim_item it = c->ring[c->first];
  size_t cost = cost_of(&it);
  size_t start = out->len;
  c->first = (c->first + 1) & (c->cap - 1);
  c->n--;
  c->bytes -= cost;
  kl_sim_sub *sub = it.sid ? kl_sim_session_find(c, it.sid) : NULL;
  if (sub) sub->queued -= cost;
  if (it.payload->type) {
    kl_buf_str(out, "{\"type\":\"");
    kl_buf_str(out, it.payload->type);
    kl_buf_char(out, '"');
    if (it.id) kl_sim_field_int(out, "id", it.id);
    kl_sim_field_int(out, "sid", it.sid);
    if (it.seq) kl_sim_field_int(out, "seq", (int64_t)it.seq);
    kl_buf_str(out, ",\"msg\":");
    kl_buf_add(out, it.payload->data, it.payload->len);
    kl_buf_str(out, "}\n");
  } else {
    kl_buf_add(out, it.payload->data, it.payload->len);
    kl_buf_char(out, '\n');
  }
  kl_sim_payload_release(it.payload);
  if (it.cut && !out->failed) out->len = start + (out->len - start) / 2;
  return true;
}
