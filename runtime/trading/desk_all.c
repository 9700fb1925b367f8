/* Cancel all, of a party or of the account, and halts. What rests is canceled over and over until nothing is left. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "trading/seat_belt.h"

enum {
  PATIENCE_MS = 30000,
  TRIGGER_MS = 400, /* for what a trigger of the seat belt cancels, before it is canceled one by one */
  AGAIN_MS = 1000,  /* before a cancel that failed is tried again, and before the account's orders are listed again */
  BLIND_MS = 3000,  /* how old reads may be where the exchange does not say */
  CALL_TIMEOUT_MS = 10000
};

typedef enum {
  ALL_ORDERS, /* a party's, or those that the account-wide cancel may miss: each for itself */
  ALL_COUNT,  /* how many rest */
  ALL_CANCEL,
  ALL_PAUSE,
  ALL_FRESH, /* until reads show what the cancel did */
  ALL_LIST,
  ALL_OVER
} all_step;

typedef struct kl_desk_all {
  kl_list link; /* kl_desk.alls */
  kl_desk *d;
  kl_party *p; /* NULL: the account */
  void (*done)(void *data, size_t canceled, const kl_error *e);
  void *data;
  kl_desk_entry **orders; /* retained */
  size_t n_orders;
  all_step step;
  kl_call *call;
  size_t found;        /* that rested when it began */
  int64_t canceled_ms; /* the exchange's time of the last cancel's answer */
  int64_t until_ns, again_ns;
  bool failed;
  kl_error error; /* the last one */
} kl_desk_all;

static void all_free(kl_desk_all *a) {
  kl_list_remove(&a->link);
  if (a->call) kl_call_cancel(a->call);
  for (size_t i = 0; i < a->n_orders; i++)
    kl_desk_order_release(&a->orders[i]->o);
  free(a->orders);
  free(a);
}

static size_t count_canceled(const kl_desk_all *a) {
  size_t n = a->p ? 0 : a->found;
  for (size_t i = 0; i < a->n_orders; i++)
    n += a->orders[i]->o.status == KL_DESK_CANCELED;
  return n;
}

static size_t count_left(const kl_desk_all *a) {
  size_t n = 0;
  for (size_t i = 0; i < a->n_orders; i++)
    n += !kl_desk_status_final(a->orders[i]->o.status);
  return n;
}

static void all_over(kl_desk_all *a) {
  a->step = ALL_OVER;
  kl_desk_soon(a->d);
}

static void cancel_one(kl_desk_all *a, kl_desk_entry *x) {
  kl_desk_write *w;
  kl_error e;
  if (kl_desk_status_final(x->o.status)) return;
  if (kl_desk_cancel(a->d, &x->o, NULL, NULL, &w, &e)) {
    w->by_desk = true;
    return;
  }
  kl_log_write_with(KL_LOG_WARN, "desk", kl_desk_log_of(&x->o), "order %s cannot be canceled: %s", x->o.client_id,
                    e.message);
}

static bool has_cancel(const kl_desk *d, const kl_desk_entry *x) {
  for (const kl_list *n = d->writes.next; n != &d->writes; n = n->next) {
    const kl_desk_write *w = KL_CONTAINER(n, const kl_desk_write, link);
    if (w->state != KL_WRITE_OVER && w->kind == KL_WRITE_CANCEL && !w->batch && w->one.x == x) return true;
  }
  return false;
}

/* ---- the account's ---- */

static void answered(void *data, const kl_http_response *res, const kl_error *e);

static void ask(kl_desk_all *a, all_step step, const char *operation, const char *path, const char *query) {
  kl_call_request r = {
      .op = kl_operation_find(operation), .path = path, .query = query, .urgent = true, .timeout_ms = CALL_TIMEOUT_MS};
  a->step = step;
  a->call = kl_session_call(a->d->session, &r, answered, a, &a->error);
  if (a->call) return;
  a->failed = true;
  all_over(a);
}

static void pause_for(kl_desk_all *a, int64_t ms) {
  a->step = ALL_PAUSE;
  a->again_ns = kl_desk_now_ns(a->d) + ms * KL_DESK_MS;
  kl_desk_tick(a->d);
}

static void ask_fresh(kl_desk_all *a) {
  ask(a, ALL_FRESH, "GetUserDataTimestamp", "/exchange/user_data_timestamp", NULL);
}

static void ask_list(kl_desk_all *a, all_step step) {
  ask(a, step, "GetOrders", "/portfolio/orders", "status=resting&limit=1000");
}

static void ask_cancel(kl_desk_all *a) { ask(a, ALL_CANCEL, "CancelAllOrders", "/portfolio/events/orders", NULL); }

static bool reads_are_fresh(const kl_desk_all *a, const json_t *root) {
  const char *text = json_string_value(json_object_get(root, "as_of_time"));
  int64_t us;
  if (text && kl_time_parse_rfc3339(text, strlen(text), &us)) return us / 1000 >= a->canceled_ms;
  return kl_desk_now_ms(a->d) >= a->canceled_ms + BLIND_MS;
}

static void answered(void *data, const kl_http_response *res, const kl_error *e) {
  kl_desk_all *a = data;
  a->call = NULL;
  bool blind = a->step == ALL_FRESH && e && (e->status == 404 || e->status == 501);
  if (e && !blind && a->step != ALL_COUNT) {
    a->failed = true;
    a->error = *e;
    if (!strcmp(e->kind, KL_ERR_AUTH) || !strcmp(e->kind, KL_ERR_PERMISSION) || !strcmp(e->kind, KL_ERR_CLOSED))
      all_over(a);
    else
      pause_for(a, AGAIN_MS);
    return;
  }
  json_t *root = e || !res->body_len ? NULL : json_loadb(res->body, res->body_len, 0, NULL);
  const json_t *rows = json_object_get(root, "orders");
  size_t rest = json_array_size(rows);
  switch (a->step) {
  case ALL_COUNT:
    a->found = rest;
    ask_cancel(a);
    break;
  case ALL_CANCEL:
    a->canceled_ms = kl_desk_now_ms(a->d);
    a->failed = false;
    ask_fresh(a);
    break;
  case ALL_FRESH:
    if (reads_are_fresh(a, root))
      ask_list(a, ALL_LIST);
    else
      pause_for(a, AGAIN_MS / 4);
    break;
  case ALL_LIST:
    if (!json_is_array(rows)) {
      kl_error_set(&a->error, KL_ERR_PROTOCOL, "the list of orders is no list");
      a->failed = true;
      pause_for(a, AGAIN_MS);
    } else if (rest) {
      ask_cancel(a);
    } else {
      a->step = ALL_ORDERS;
      a->failed = false;
      if (!count_left(a)) all_over(a);
    }
    break;
  case ALL_ORDERS:
  case ALL_PAUSE:
  case ALL_OVER:
    break;
  }
  json_decref(root);
}

/* ---- a party's ---- */

static bool take_orders(kl_desk_all *a) {
  kl_desk *d = a->d;
  size_t n = 0, taken = 0;
  for (kl_desk_order *o = NULL; (o = kl_desk_next(d, a->p, o));)
    n += !kl_desk_status_final(o->status) && (a->p || o->status != KL_DESK_RESTING);
  a->orders = calloc(n ? n : 1, sizeof(kl_desk_entry *));
  if (!a->orders) return false;
  for (kl_desk_order *o = NULL; (o = kl_desk_next(d, a->p, o));)
    if (!kl_desk_status_final(o->status) && (a->p || o->status != KL_DESK_RESTING))
      a->orders[taken++] = (kl_desk_entry *)kl_desk_order_retain(o);
  a->n_orders = taken;
  return true;
}

bool kl_desk_cancel_all(kl_desk *d, kl_party *p, void (*done)(void *data, size_t canceled, const kl_error *e),
                        void *data) {
  kl_desk_all *a = calloc(1, sizeof *a);
  if (!a) {
    kl_log_error("desk", "not enough memory to cancel all orders");
    return false;
  }
  *a = (kl_desk_all){.d = d, .p = p, .done = done, .data = data};
  a->until_ns = kl_desk_now_ns(d) + PATIENCE_MS * KL_DESK_MS;
  a->again_ns = kl_desk_now_ns(d) + AGAIN_MS * KL_DESK_MS;
  kl_list_append(&d->alls, &a->link);
  if (!take_orders(a)) {
    kl_error_set(&a->error, KL_ERR_INTERNAL, "not enough memory to cancel all orders");
    a->failed = true;
    all_over(a);
    return true;
  }
  for (size_t i = 0; i < a->n_orders; i++) {
    if (!kl_belt_takes(a->orders[i]))
      cancel_one(a, a->orders[i]);
    else
      a->again_ns = kl_desk_now_ns(d) + TRIGGER_MS * KL_DESK_MS;
  }
  kl_desk_tick(d);
  if (!p)
    ask_list(a, ALL_COUNT);
  else if (!count_left(a))
    all_over(a);
  return true;
}

void kl_desk_alls_look(kl_desk *d) {
  for (kl_list *n = d->alls.next; n != &d->alls; n = n->next) {
    kl_desk_all *a = KL_CONTAINER(n, kl_desk_all, link);
    if (a->step == ALL_ORDERS && !count_left(a)) all_over(a);
  }
}

static void look_again(kl_desk_all *a, int64_t now) {
  if (now < a->again_ns) return;
  a->again_ns = now + AGAIN_MS * KL_DESK_MS;
  if (a->step == ALL_PAUSE && a->failed)
    ask_cancel(a);
  else if (a->step == ALL_PAUSE)
    ask_fresh(a);
  for (size_t i = 0; i < a->n_orders && a->step == ALL_ORDERS; i++)
    if (!has_cancel(a->d, a->orders[i])) cancel_one(a, a->orders[i]);
}

void kl_desk_alls_tick(kl_desk *d) {
  int64_t now = kl_desk_now_ns(d);
  for (kl_list *n = d->alls.next; n != &d->alls;) {
    kl_desk_all *a = KL_CONTAINER(n, kl_desk_all, link);
    n = n->next;
    if (a->step == ALL_OVER) continue;
    if (now < a->until_ns) {
      look_again(a, now);
      continue;
    }
    if (!a->failed) kl_error_set(&a->error, KL_ERR_TIMEOUT, "the exchange has not said that all are gone");
    a->failed = true;
    all_over(a);
  }
}

static void tell(kl_desk_all *a) {
  kl_error e;
  size_t left = count_left(a);
  kl_error_coded(&e, a->error.kind ? a->error.kind : KL_ERR_TIMEOUT, "orders_left",
                 "orders may be left at the exchange (%s%zu of ours are not known to have ended): %.400s; look at "
                 "get_orders, and cancel them again",
                 a->p ? "" : "of any program; ", left, a->error.message);
  e.status = a->error.status;
  memcpy(e.code, a->error.code, sizeof e.code);
  void (*done)(void *, size_t, const kl_error *) = a->done;
  void *data = a->data;
  size_t canceled = count_canceled(a);
  bool failed = a->failed;
  all_free(a);
  if (failed) kl_log_error("desk", "%s", e.message);
  if (done) done(data, canceled, failed ? &e : NULL);
}

/* Moves those that are over to `over`. False where none is. */
static bool take_over(kl_desk *d, kl_list *over) {
  kl_list all;
  kl_list_init(over);
  kl_list_move(&all, &d->alls);
  for (kl_list *n = all.next, *after; n != &all; n = after) {
    after = n->next;
    kl_list_remove(n);
    kl_list_append(KL_CONTAINER(n, kl_desk_all, link)->step == ALL_OVER ? over : &d->alls, n);
  }
  return !kl_list_empty(over);
}

void kl_desk_alls_over(kl_desk *d) {
  kl_list over;
  while (take_over(d, &over)) { /* again: whoever was told may have begun or ended others */
    for (kl_list *n = over.next, *after; n != &over; n = after) {
      after = n->next;
      tell(KL_CONTAINER(n, kl_desk_all, link));
    }
  }
}

void kl_desk_alls_stop(kl_desk *d) {
  for (kl_list *n = d->alls.next; n != &d->alls; n = n->next) {
    kl_desk_all *a = KL_CONTAINER(n, kl_desk_all, link);
    if (a->call) kl_call_cancel(a->call);
    a->call = NULL;
    if (a->step == ALL_OVER) continue;
    kl_error_set(&a->error, KL_ERR_CLOSED, "the process ends");
    a->failed = true;
    all_over(a);
  }
}

/* ---- halts ---- */

static void halt_key(const kl_party *p, char out[320]) { snprintf(out, 320, "breaker:%.300s", p->name); }

void kl_party_halt(kl_party *p, const char *why) {
  kl_desk *d = p->d;
  char key[320];
  bool first = !p->halted[0];
  snprintf(p->halted, sizeof p->halted, "%s", why && why[0] ? why : "halted");
  halt_key(p, key);
  if (d->journal) kl_order_journal_note(d->journal, key, p->halted);
  if (!first || d->closing) return;
  kl_log_error("desk", "%s is halted: %s; its orders are canceled, and nothing more is sent until a person resumes it",
               p->name, p->halted);
  kl_belts_trigger(d, p);
  kl_desk_writes_look(d);                     /* orders that still wait are told why */
  (void)kl_desk_cancel_all(d, p, NULL, NULL); /* what goes wrong is in the log */
  if (d->o.stop) d->o.stop(d->o.stop_data, p, p->halted);
}

void kl_party_resume(kl_party *p) {
  kl_desk *d = p->d;
  char key[320];
  if (!p->halted[0]) return;
  p->halted[0] = 0;
  halt_key(p, key);
  if (d->journal) kl_order_journal_note(d->journal, key, NULL);
  kl_log_info("desk", "%s is resumed", p->name);
  kl_belts_reset(p);
}

void kl_desk_halt_unread(kl_party *p, const char *what, const kl_error *e) {
  kl_log_error("desk", "%s is halted: %s cannot be read: %s", p->name, what, e->message);
  if (!p->halted[0]) snprintf(p->halted, sizeof p->halted, "%s cannot be read: %.220s", what, e->message);
}

void kl_desk_halt_kept(kl_party *p) {
  char key[320];
  kl_error e;
  halt_key(p, key);
  if (p->d->journal && !kl_order_journal_read_note(p->d->journal, key, p->halted, sizeof p->halted, &e))
    kl_desk_halt_unread(p, "whether an earlier run has halted it", &e);
  else if (p->d->journal && p->halted[0])
    kl_log_warn("desk", "%s is halted since an earlier run: %s", p->name, p->halted);
}
