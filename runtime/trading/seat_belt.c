#include "trading/seat_belt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "base/log.h"
#include "kalshi/json_member.h"

enum { CALL_TIMEOUT_MS = 8000, TIDY_TIMEOUT_MS = 3000 };

typedef enum {
  BELT_NONE,
  BELT_READING, /* the group of an earlier run */
  BELT_MAKING,
  BELT_LIMITING, /* it has another limit than is asked for now */
  BELT_RESETTING,
  BELT_READY,
  BELT_TRIGGERED,
  BELT_LEAVING, /* the process ends: whether anything is in it */
  BELT_DELETING
} belt_state;

typedef struct kl_belt {
  kl_list link; /* kl_desk.belts */
  kl_desk *d;
  kl_party *p;
  int32_t shard, subaccount;
  char id[64]; /* "": there is no group */
  belt_state state;
  bool noted; /* what the journal has of it was looked at */
  bool known; /* it was triggered, and a person has resumed the party since */
  kl_call *call;
  kl_call *trigger;
  bool failed; /* it could not be made ready; whoever waits is told, and the next order tries again */
  kl_error error;
} kl_belt;

static void answered(void *data, const kl_http_response *res, const kl_error *e);

/* ---- what outlives the process ---- */

static void note_key(const kl_belt *b, char out[360]) {
  snprintf(out, 360, "group:%.300s:%d:%d", b->p->name, (int)b->shard, (int)b->subaccount);
}

static const char triggered_word[] = " triggered";

static void keep(const kl_belt *b) {
  char key[360], value[96];
  if (!b->d->journal) return;
  note_key(b, key);
  snprintf(value, sizeof value, "%s%s", b->id, b->state == BELT_TRIGGERED ? triggered_word : "");
  kl_order_journal_note(b->d->journal, key, b->id[0] ? value : NULL);
}

static void recall(kl_belt *b) {
  char key[360], value[96];
  b->noted = true;
  note_key(b, key);
  if (!b->d->journal || !kl_order_journal_noted(b->d->journal, key, value, sizeof value)) return;
  char *space = strchr(value, ' ');
  b->known = space != NULL;
  if (space) *space = 0;
  if (strlen(value) < sizeof b->id) memcpy(b->id, value, strlen(value) + 1);
}

static void forget_group(kl_belt *b) {
  b->id[0] = 0;
  b->known = false;
  b->state = BELT_NONE;
  keep(b);
}

/* ---- asking ---- */

/* `tail` comes behind the group's id, and instead of it where it begins with "=". */
static kl_call *ask(kl_belt *b, const char *operation, const char *tail, const char *body, int64_t ms,
                    kl_call_cb answer, kl_error *e) {
  char path[128], query[64];
  const kl_operation *op = kl_operation_find(operation);
  snprintf(path, sizeof path, "/portfolio/order_groups/%s%s", tail[0] == '=' ? "" : b->id,
           tail[0] == '=' ? tail + 1 : tail);
  snprintf(query, sizeof query, "subaccount=%d&exchange_index=%d", (int)b->subaccount, (int)b->shard);
  bool reads = !strcmp(op->method, "GET");
  if (reads) snprintf(query, sizeof query, "subaccount=%d", (int)b->subaccount);
  kl_call_request r = {.op = op,
                       .path = path,
                       .query = !strcmp(op->method, "POST") ? NULL : query,
                       .body = body,
                       .body_len = body ? strlen(body) : 0,
                       .urgent = reads,
                       .timeout_ms = ms};
  return kl_session_call(b->d->session, &r, answer, b, e);
}

static void over(kl_belt *b) { kl_desk_writes_look(b->d); }

static void give_up(kl_belt *b, const kl_error *e, const char *what) {
  b->state = BELT_NONE;
  b->noted = false; /* what is kept is looked at once more */
  b->failed = true;
  kl_error_coded(&b->error, e->kind, e->code,
                 "the order group of %.100s could not be %s, and no order is sent outside of it: %.400s", b->p->name,
                 what, e->message);
  memcpy(b->error.code, e->code, sizeof e->code);
  b->error.status = e->status;
  b->error.retryable = e->retryable;
  over(b);
}

static void go(kl_belt *b, belt_state state, const char *operation, const char *tail, const char *body,
               const char *what) {
  kl_error e;
  b->state = state;
  b->call = ask(b, operation, tail, body, CALL_TIMEOUT_MS, answered, &e);
  if (!b->call) give_up(b, &e, what);
}

static void put_limit(const kl_belt *b, char out[160], bool with_place) {
  int n = snprintf(out, 160, "{\"contracts_limit\":%" PRId64, b->p->belt / KL_COUNT_ONE);
  if (with_place)
    n += snprintf(out + n, 160 - (size_t)n, ",\"subaccount\":%d,\"exchange_index\":%d", (int)b->subaccount,
                  (int)b->shard);
  snprintf(out + n, 160 - (size_t)n, "}");
}

static void make(kl_belt *b) {
  char body[160];
  put_limit(b, body, true);
  go(b, BELT_MAKING, "CreateOrderGroup", "=create", body, "made");
}

static void set_limit(kl_belt *b) {
  char body[160];
  put_limit(b, body, false);
  go(b, BELT_LIMITING, "UpdateOrderGroupLimit", "/limit", body, "given its limit");
}

static void reset(kl_belt *b) { go(b, BELT_RESETTING, "ResetOrderGroup", "/reset", "{}", "reset"); }

/* A group that is ready is read once more: it may have been triggered unheard. */
static void look(kl_belt *b) {
  kl_error e;
  if (b->state != BELT_READY || b->call) return;
  b->call = ask(b, "GetOrderGroup", "", NULL, CALL_TIMEOUT_MS, answered, &e);
  if (!b->call) kl_log_debug("desk", "the order group of %s cannot be read: %s", b->p->name, e.message);
}

static void begin(kl_belt *b) {
  if (!b->noted) recall(b);
  if (b->id[0])
    go(b, BELT_READING, "GetOrderGroup", "", NULL, "read");
  else
    make(b);
}

/* ---- triggered ---- */

static kl_count traded_lately(const kl_belt *b) {
  kl_desk *d = b->d;
  const kl_account *a = kl_session_account(d->session);
  int64_t since = kl_desk_now_ms(d) - KL_BELT_WINDOW_S * 1000;
  kl_count n = 0;
  for (const kl_account_fill *f = NULL; (f = kl_account_fill_next(a, f)) && f->ts_ms >= since;) {
    const kl_desk_entry *x = kl_desk_entry_of(d, f->order_id, f->client_order_id);
    if (x && !strcmp(x->o.group_id, b->id)) n += f->count;
  }
  return n;
}

/* By the exchange, or by somebody else. */
static void tripped(kl_belt *b) {
  char why[300], traded[32];
  if (b->state == BELT_TRIGGERED || b->state >= BELT_LEAVING) return;
  b->state = BELT_TRIGGERED;
  keep(b);
  kl_decimal_format(traded, sizeof traded, traded_lately(b), KL_COUNT_PLACES);
  snprintf(why, sizeof why,
           "its order group was triggered at the exchange: more than %" PRId64 " contracts in %d s, the limit of "
           "order_group (%s are known here), or somebody triggered it",
           b->p->belt / KL_COUNT_ONE, KL_BELT_WINDOW_S, traded);
  if (!b->p->halted[0]) kl_party_halt(b->p, why);
  over(b);
}

static void was_triggered(void *data, const kl_http_response *res, const kl_error *e) {
  kl_belt *b = data;
  (void)res;
  b->trigger = NULL;
  if (!e || e->status == 404) return;
  kl_log_error("desk", "the order group of %s could not be triggered: %s; its orders are canceled one by one",
               b->p->name, e->message);
}

void kl_belts_trigger(kl_desk *d, const kl_party *p) {
  for (kl_list *n = d->belts.next; n != &d->belts; n = n->next) {
    kl_belt *b = KL_CONTAINER(n, kl_belt, link);
    kl_error e;
    if ((p && b->p != p) || !b->id[0] || b->trigger || b->state == BELT_TRIGGERED || b->state == BELT_DELETING)
      continue;
    b->state = BELT_TRIGGERED;
    keep(b); /* first: an earlier run's trigger is nothing that the exchange has done */
    b->trigger = ask(b, "TriggerOrderGroup", "/trigger", "{}", CALL_TIMEOUT_MS, was_triggered, &e);
    if (!b->trigger) kl_log_error("desk", "the order group of %s cannot be triggered: %s", b->p->name, e.message);
  }
}

bool kl_belt_takes(const kl_desk_entry *x) {
  for (const kl_list *n = x->d->belts.next; n != &x->d->belts; n = n->next) {
    const kl_belt *b = KL_CONTAINER(n, const kl_belt, link);
    if (b->trigger && b->id[0] && !strcmp(b->id, x->o.group_id)) return true;
  }
  return false;
}

void kl_belts_reset(const kl_party *p) {
  kl_desk *d = p->d;
  for (kl_list *n = d->belts.next; n != &d->belts; n = n->next) {
    kl_belt *b = KL_CONTAINER(n, kl_belt, link);
    if (b->p == p && b->state == BELT_TRIGGERED && !b->call) reset(b);
  }
}

/* ---- answers ---- */

static bool is_gone(const kl_error *e) { return e && e->status == 404; }

static void is_ready(kl_belt *b) {
  b->state = BELT_READY;
  b->known = false;
  keep(b);
  over(b);
}

static void was_read(kl_belt *b, const json_t *root) {
  const json_t *enabled = json_object_get(root, "is_auto_cancel_enabled");
  kl_count is = 0;
  if (json_is_false(enabled)) {
    if (b->known)
      reset(b); /* known, and resumed */
    else
      tripped(b);
    return;
  }
  if (b->state != BELT_READING) return;
  if (!kl_member_fixed(root, "contracts_limit_fp", KL_COUNT_PLACES, &is) || is != b->p->belt) {
    set_limit(b);
    return;
  }
  is_ready(b);
}

static void was_made(kl_belt *b, const json_t *root) {
  const char *id = json_string_value(json_object_get(root, "order_group_id"));
  kl_error e;
  if (!id || !id[0] || strlen(id) >= sizeof b->id) {
    kl_error_set(&e, KL_ERR_PROTOCOL, "the answer names no group");
    give_up(b, &e, "made");
    return;
  }
  memcpy(b->id, id, strlen(id) + 1);
  kl_log_info("desk", "orders of %s go into order group %s: %" PRId64 " contracts in %d s", b->p->name, b->id,
              b->p->belt / KL_COUNT_ONE, KL_BELT_WINDOW_S);
  is_ready(b);
}

/* The process ends, and this is what is in the group. */
static void was_left(kl_belt *b, const json_t *root) {
  const json_t *orders = json_object_get(root, "orders");
  kl_error e;
  bool empty = json_is_array(orders) && json_array_size(orders) == 0;
  b->state = empty ? BELT_DELETING : BELT_READY;
  if (!empty) return;
  b->call = ask(b, "DeleteOrderGroup", "", NULL, TIDY_TIMEOUT_MS, answered, &e);
  if (!b->call) b->state = BELT_READY;
}

static void step_failed(kl_belt *b, const kl_error *e) {
  switch (b->state) {
  case BELT_READING:
  case BELT_LIMITING:
  case BELT_RESETTING:
    if (is_gone(e)) {
      forget_group(b);
      make(b);
    } else {
      give_up(b, e, b->state == BELT_READING ? "read" : b->state == BELT_RESETTING ? "reset" : "given its limit");
    }
    break;
  case BELT_MAKING:
    give_up(b, e, "made");
    break;
  case BELT_READY:
    if (is_gone(e)) {
      kl_log_warn("desk", "the order group of %s is gone: the next order makes a new one", b->p->name);
      forget_group(b);
    }
    break;
  case BELT_LEAVING:
    b->state = BELT_READY; /* it stays */
    break;
  case BELT_DELETING:
    if (is_gone(e))
      forget_group(b);
    else
      b->state = BELT_READY;
    break;
  case BELT_NONE:
  case BELT_TRIGGERED:
    break;
  }
}

static void step_done(kl_belt *b, const json_t *root) {
  switch (b->state) {
  case BELT_READING:
  case BELT_READY:
    was_read(b, root);
    break;
  case BELT_MAKING:
    was_made(b, root);
    break;
  case BELT_LIMITING:
  case BELT_RESETTING:
    is_ready(b);
    break;
  case BELT_LEAVING:
    was_left(b, root);
    break;
  case BELT_DELETING:
    forget_group(b);
    break;
  case BELT_NONE:
  case BELT_TRIGGERED:
    break;
  }
}

static void answered(void *data, const kl_http_response *res, const kl_error *e) {
  kl_belt *b = data;
  b->call = NULL;
  if (e) {
    step_failed(b, e);
    return;
  }
  json_t *root = res->body_len ? json_loadb(res->body, res->body_len, 0, NULL) : NULL;
  step_done(b, root);
  json_decref(root);
}

/* ---- the channel ---- */

static kl_belt *belt_named(const kl_desk *d, const char *id) {
  for (const kl_list *n = d->belts.next; id && n != &d->belts; n = n->next) {
    kl_belt *b = KL_CONTAINER(n, kl_belt, link);
    if (b->id[0] && !strcmp(b->id, id)) return b;
  }
  return NULL;
}

static void on_message(void *data, const kl_event *ev, const char *raw, size_t n) {
  kl_desk *d = data;
  (void)ev;
  json_t *root = json_loadb(raw, n, 0, NULL);
  const json_t *msg = json_object_get(root, "msg");
  const char *type = json_string_value(json_object_get(msg, "event_type"));
  kl_belt *b = belt_named(d, json_string_value(json_object_get(msg, "order_group_id")));
  if (b && type && !strcmp(type, "triggered") && b->state != BELT_RESETTING) {
    tripped(b);
  } else if (b && type && !strcmp(type, "deleted") && b->state == BELT_READY) {
    kl_log_warn("desk", "the order group of %s was deleted: the next order makes a new one", b->p->name);
    forget_group(b);
  }
  json_decref(root);
}

/* What was said while nobody heard. */
static void on_ready(void *data, bool again) {
  kl_desk *d = data;
  for (kl_list *n = d->belts.next; again && n != &d->belts; n = n->next)
    look(KL_CONTAINER(n, kl_belt, link));
}

static void on_failed(void *data, const kl_error *e) {
  kl_desk *d = data;
  kl_log_warn("desk",
              "the channel of order groups is not to be had, so a group that is triggered shows with the next "
              "order that it refuses: %s",
              e->message);
  kl_feed_sub_close(d->belt_sub);
  d->belt_sub = NULL;
}

static void listen_to(kl_desk *d) {
  static const char *const channels[] = {"order_group_updates", NULL};
  kl_error e;
  if (d->belt_sub) return;
  d->belt_sub = kl_feed_subscribe(
      kl_session_feed(d->session),
      &(kl_feed_sub_options){
          .channels = channels, .data = d, .message = on_message, .ready = on_ready, .failed = on_failed},
      &e);
  if (!d->belt_sub) kl_log_warn("desk", "the channel of order groups cannot be subscribed to: %s", e.message);
}

/* ---- orders ---- */

static kl_belt *belt_of(kl_party *p, int32_t shard, int32_t subaccount) {
  kl_desk *d = p->d;
  for (kl_list *n = d->belts.next; n != &d->belts; n = n->next) {
    kl_belt *b = KL_CONTAINER(n, kl_belt, link);
    if (b->p == p && b->shard == shard && b->subaccount == subaccount) return b;
  }
  kl_belt *b = calloc(1, sizeof *b);
  if (!b) return NULL;
  b->d = d;
  b->p = p;
  b->shard = shard;
  b->subaccount = subaccount;
  kl_list_append(&d->belts, &b->link);
  listen_to(d);
  return b;
}

static kl_check look_at(kl_belt *b, kl_error *e) {
  if (b->failed) {
    b->failed = false; /* the next order tries again */
    *e = b->error;
    return KL_CHECK_REFUSED;
  }
  switch (b->state) {
  case BELT_READY:
    return KL_CHECK_READY;
  case BELT_NONE:
    begin(b);
    if (!b->failed) return KL_CHECK_WAIT;
    b->failed = false;
    *e = b->error;
    return KL_CHECK_REFUSED;
  case BELT_TRIGGERED:
    if (!b->p->halted[0]) { /* resumed while something was on its way */
      if (!b->call) reset(b);
      return KL_CHECK_WAIT;
    }
    kl_error_coded(e, KL_ERR_RISK, "halted", "%s is halted: %s", b->p->name, b->p->halted);
    return KL_CHECK_REFUSED;
  case BELT_LEAVING:
  case BELT_DELETING:
    kl_error_coded(e, KL_ERR_CLOSED, "process_ending", "the process ends, and nothing is sent any more");
    return KL_CHECK_REFUSED;
  case BELT_READING:
  case BELT_MAKING:
  case BELT_LIMITING:
  case BELT_RESETTING:
    break;
  }
  return KL_CHECK_WAIT;
}

/* Known once its market is. */
static kl_belt *belt_of_order(const kl_desk_entry *x) {
  const kl_market_info *i = kl_market_info_get(x->d->infos, x->o.ticker);
  return i ? belt_of(x->o.party, i->exchange_index, x->o.subaccount) : NULL;
}

kl_check kl_belt_check(kl_desk_write *w, kl_error *e) {
  kl_check all = KL_CHECK_READY;
  for (size_t i = 0; w->kind == KL_WRITE_CREATE && i < w->n_items; i++) {
    const kl_desk_entry *x = w->items[i].x;
    if (!x || !x->belted) continue;
    kl_desk_market *m = kl_desk_market_of(w->d, x->o.ticker, e);
    kl_check one = m ? kl_desk_market_known(m, "the order group has to be on its shard", e) : KL_CHECK_REFUSED;
    if (one == KL_CHECK_READY) {
      kl_belt *b = belt_of_order(x);
      if (!b) kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the order group of %s", w->p->name);
      one = b ? look_at(b, e) : KL_CHECK_REFUSED;
    }
    if (one == KL_CHECK_REFUSED) return one;
    if (one == KL_CHECK_WAIT) all = one;
  }
  return all;
}

const char *kl_belts_wait(const kl_desk_write *w) {
  for (size_t i = 0; w->kind == KL_WRITE_CREATE && i < w->n_items; i++) {
    const kl_desk_entry *x = w->items[i].x;
    const kl_belt *b = x && x->belted ? belt_of_order(x) : NULL;
    if (x && x->belted && !b) return "the market's shard, for the order group of its script";
    if (b && b->state != BELT_READY) return "the order group of its script";
  }
  return NULL;
}

bool kl_belt_complete(kl_desk_entry *x, json_t *body, kl_error *e) {
  const kl_belt *b = x->belted ? belt_of_order(x) : NULL;
  if (!x->belted) return true;
  if (!b || b->state != BELT_READY || json_object_set_new(body, "order_group_id", json_string(b->id)) != 0) {
    kl_error_set(e, KL_ERR_INTERNAL, "the order was not sent: it cannot be put into the order group of its script");
    return false;
  }
  memcpy(x->o.group_id, b->id, sizeof x->o.group_id);
  return true;
}

void kl_belt_refused(kl_desk_entry *x, const kl_error *e) {
  if (!x->belted || !strstr(e->code, "order_group")) return;
  kl_belt *b = belt_named(x->d, x->o.group_id);
  if (b) look(b);
}

/* ---- the end ---- */

static bool rests(const kl_belt *b) {
  for (const kl_desk_order *o = NULL; (o = kl_desk_next(b->d, b->p, o));)
    if (!kl_desk_status_final(o->status) && !strcmp(o->group_id, b->id)) return true;
  return false;
}

/* Deleting a group cancels what is in it, also what another process of the same script may have there: so it is asked
 * for first. */
void kl_belts_tidy(kl_desk *d) {
  for (kl_list *n = d->belts.next; n != &d->belts; n = n->next) {
    kl_belt *b = KL_CONTAINER(n, kl_belt, link);
    kl_error e;
    if (!b->id[0] || (b->state != BELT_READY && b->state != BELT_TRIGGERED) || rests(b)) continue;
    if (b->call) kl_call_cancel(b->call);
    b->call = ask(b, "GetOrderGroup", "", NULL, TIDY_TIMEOUT_MS, answered, &e);
    if (b->call) b->state = BELT_LEAVING;
  }
}

size_t kl_belts_pending(const kl_desk *d) {
  size_t n = 0;
  for (const kl_list *l = d->belts.next; l != &d->belts; l = l->next) {
    const kl_belt *b = KL_CONTAINER(l, const kl_belt, link);
    n += (b->state >= BELT_LEAVING && b->call) || b->trigger;
  }
  return n;
}

void kl_belts_close(kl_desk *d) {
  kl_feed_sub_close(d->belt_sub);
  d->belt_sub = NULL;
  for (kl_list *n = d->belts.next, *next; n != &d->belts; n = next) {
    kl_belt *b = KL_CONTAINER(n, kl_belt, link);
    next = n->next;
    kl_list_remove(n);
    if (b->call) kl_call_cancel(b->call);
    if (b->trigger) kl_call_cancel(b->trigger);
    free(b);
  }
}
