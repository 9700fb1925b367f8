/* A write from its checks to its end: after its order's answer (a cancel of one that is pending), once what limits need
 * is known, once the journal has it where that is asked for, to the session, and what its answer says to the records.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "trading/seat_belt.h"

enum {
  PATIENCE_MS = 10000, /* for what limits need, and for how an order ended that a cancel or a change did not find */
  DEFAULT_TIMEOUT_MS = 30000
};

kl_desk_write *kl_desk_write_new(kl_desk *d, kl_party *p, kl_write_kind kind, size_t items, kl_error *e) {
  kl_desk_write *w = calloc(1, sizeof *w);
  if (w && items > 1) w->items = calloc(items, sizeof *w->items);
  if (!w || (items > 1 && !w->items)) {
    free(w);
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for a write");
    return NULL;
  }
  if (items <= 1) w->items = &w->one;
  kl_list_init(&w->link);
  kl_list_init(&w->after_link);
  w->d = d;
  w->p = p;
  w->kind = kind;
  w->n_items = items;
  w->began_ns = kl_desk_now_ns(d);
  w->deadline_ns = w->began_ns + DEFAULT_TIMEOUT_MS * KL_DESK_MS;
  /* Others use the numbers of scripts. */
  w->owner = (UINT64_C(1) << 63) | p->risk;
  return w;
}

void kl_desk_write_free(kl_desk_write *w) {
  kl_list_remove(&w->link);
  kl_list_remove(&w->after_link);
  for (size_t i = 0; i < w->n_items; i++)
    if (w->items[i].x) kl_desk_order_release(&w->items[i].x->o);
  if (w->items != &w->one) free(w->items);
  kl_desk_deal_release(w->deal);
  kl_desk_seek_free(w->seek);
  free(w->renamed);
  free(w->method);
  kl_buf_free(&w->path);
  kl_buf_free(&w->query);
  kl_buf_free(&w->body);
  kl_buf_free(&w->answer);
  free(w);
}

/* ---- its orders know of it ---- */

static bool changes(const kl_desk_write *w) { return w->kind == KL_WRITE_AMEND || w->kind == KL_WRITE_DECREASE; }

static void count_in(kl_desk_write *w) {
  for (size_t i = 0; i < w->n_items; i++) {
    kl_desk_item *it = &w->items[i];
    if (!it->x) continue;
    it->counted = true;
    it->x->o.writes++;
    it->x->creating += w->kind == KL_WRITE_CREATE;
    it->x->changing += changes(w);
    if (it->x->changing > 1) it->x->overlap = true;
  }
}

void kl_desk_write_know(kl_desk_write *w, kl_desk_entry *x) {
  kl_desk_order_retain(&x->o);
  w->one.x = x;
  count_in(w);
}

static void count_out(kl_desk_write *w, bool tell) {
  for (size_t i = 0; i < w->n_items; i++) {
    kl_desk_item *it = &w->items[i];
    if (!it->counted) continue;
    it->counted = false;
    it->x->o.writes--;
    it->x->creating -= w->kind == KL_WRITE_CREATE;
    it->x->changing -= changes(w);
    if (!it->x->changing) it->x->overlap = false;
    (void)kl_desk_entry_settle(it->x);
    if (tell) kl_desk_entry_changed(it->x);
  }
}

/* ---- its end ---- */

/* The order has the refusal for whoever placed it without waiting, and the log has it already (kl_desk_say_refused). */
static bool refusal_is_told(const kl_desk_write *w, const kl_error *e) {
  const kl_desk_entry *x = w->n_items == 1 ? w->items[0].x : NULL;
  bool said = !strcmp(e->kind, KL_ERR_RISK) || kl_error_is_refusal(e);
  return w->kind == KL_WRITE_CREATE && !w->raw && x && x->o.status == KL_DESK_REJECTED && said;
}

static void finish(kl_desk_write *w, const kl_http_response *res, const kl_error *e) {
  kl_desk *d = w->d;
  w->state = KL_WRITE_OVER;
  kl_list_remove(&w->link);
  kl_list_remove(&w->after_link);
  count_out(w, true); /* whoever is told may leave */
  if (w->done) {
    w->done(w->data, e ? NULL : res, e);
  } else if (e && !d->closing && !w->by_desk && !refusal_is_told(w, e)) {
    kl_log_write_with(KL_LOG_WARN, "desk", kl_log_of_error(e), "%s, which nobody waits for any more: %s: %s",
                      w->op ? w->op->name : "a write", e->kind, e->message);
  } else if (!e && res && !w->by_desk) {
    /* The record of an order object has the answer, and whoever placed it had heard from a channel first. Of other
     * writes the answer may hold a new key. */
    bool orders = w->op && !strncmp(w->op->path, "/portfolio/events/orders", 24);
    kl_log_write(orders && !w->raw ? KL_LOG_DEBUG : KL_LOG_INFO, "desk",
                 "%s, which nobody waits for any more, answered %d: %.300s", w->op ? w->op->name : "a write",
                 res->status, orders && res->body_len ? res->body : "");
  }
  kl_desk_write_free(w);
}

static void be_over(kl_desk_write *w) {
  kl_desk *d = w->d;
  w->state = KL_WRITE_OVER;
  kl_list_remove(&w->link);
  kl_list_remove(&w->after_link);
  kl_list_append(&d->over, &w->link);
  kl_desk_soon(d);
}

void kl_desk_write_end(kl_desk_write *w, int status, const char *body, size_t n) {
  w->status = status;
  kl_buf_clear(&w->answer);
  kl_buf_add(&w->answer, body, n);
  if (w->answer.failed) {
    w->failed = true;
    kl_error_set(&w->error, KL_ERR_INTERNAL, "not enough memory for an answer");
  }
  be_over(w);
}

void kl_desk_write_fail(kl_desk_write *w, const kl_error *e) {
  w->failed = true;
  w->error = *e;
  be_over(w);
}

void kl_desk_writes_over(kl_desk *d) {
  kl_list due;
  kl_list_move(&due, &d->over);
  while (!kl_list_empty(&due)) {
    kl_desk_write *w = KL_CONTAINER(due.next, kl_desk_write, link);
    kl_http_response res = {.status = w->status,
                            .body = w->answer.data ? w->answer.data : "",
                            .body_len = w->answer.len,
                            .content_type = "application/json"};
    finish(w, &res, w->failed ? &w->error : NULL);
  }
}

/* It was not sent, and will not be: `e` says why. */
static void not_sent(kl_desk_write *w, const kl_error *e) {
  kl_desk_admit_undo(w);
  for (size_t i = 0; i < w->n_items; i++)
    if (w->kind == KL_WRITE_CREATE && w->items[i].x) (void)kl_desk_entry_reject(w->items[i].x, e);
  kl_desk_write_fail(w, e); /* the records are told of when it is over */
}

/* ---- sending ---- */

static void answered(void *data, const kl_http_response *res, const kl_error *e) {
  kl_desk_write *w = data;
  w->call = NULL;
  if (res && !w->by_desk && w->kind < KL_WRITE_CANCEL_ALL)
    kl_durations_add(&w->d->answers[w->kind], kl_desk_now_ns(w->d) - w->began_ns);
  kl_desk_answered(w, res, e);
  if (w->state == KL_WRITE_SENT) finish(w, res, e);
}

static bool make_path(kl_desk_write *w, kl_error *e) {
  if (w->path.len) return true;
  /* A cancel of an order whose id was not known when it was asked for. */
  const kl_desk_order *o = &w->items[0].x->o;
  kl_buf_printf(&w->path, "/portfolio/events/orders/%s", o->id);
  kl_buf_printf(&w->query, "market_ticker=%s", o->ticker);
  if (o->subaccount) kl_buf_printf(&w->query, "&subaccount=%d", (int)o->subaccount);
  if (!w->path.failed && !w->query.failed) return true;
  kl_error_set(e, KL_ERR_INTERNAL, "not enough memory to cancel an order");
  return false;
}

static bool send_out(kl_desk_write *w, kl_error *e) {
  kl_desk *d = w->d;
  int64_t left_ms = (w->deadline_ns - kl_desk_now_ns(d)) / KL_DESK_MS;
  if (left_ms <= 0) {
    kl_error_set(e, KL_ERR_TIMEOUT, "%s ran out of time before it was sent", w->op ? w->op->name : "a write");
    e->retryable = true;
    kl_error_code(e, "not_sent");
    return false;
  }
  if (!make_path(w, e)) return false;
  kl_call_request r = {.op = w->method ? NULL : w->op, /* as it was asked for */
                       .method = w->method,
                       .path = w->path.data,
                       .query = w->query.data,
                       .body = w->has_body ? w->body.data : NULL,
                       .body_len = w->body.len,
                       .items = w->count,
                       .routed = w->routed,
                       .shard = w->shard,
                       .owner = w->owner,
                       .timeout_ms = left_ms};
  w->call = kl_session_call(d->session, &r, answered, w, e);
  if (!w->call) return false;
  w->state = KL_WRITE_SENT;
  for (size_t i = 0; i < w->n_items; i++)
    if (w->items[i].x) w->items[i].since = w->items[i].x->terms + 1;
  kl_buf_free(&w->path); /* copied */
  kl_buf_free(&w->query);
  if (w->kind == KL_WRITE_CREATE || changes(w) || w->deal) {
    kl_error ignored;
    if (!kl_desk_watch_account(d, &ignored))
      kl_log_debug("desk", "orders are not watched over the feed: %s", ignored.message);
  }
  return true;
}

static void on_disk(void *data, const kl_error *e) {
  kl_desk_write *w = data;
  kl_error why;
  w->journal_left--;
  if (e && !w->failed && (w->sync || w->d->o.journal_sync)) { /* else it is kept in memory, and written later */
    w->failed = true;
    w->error = *e;
  }
  if (w->journal_left) return;
  if (!w->failed && (!kl_desk_may_send(w->d, w->p, &why) || !send_out(w, &why))) {
    w->failed = true;
    w->error = why;
  }
  if (w->failed) {
    kl_error error = w->error;
    not_sent(w, &error);
  }
}

/* Whoever goes on after a kill could not find what follows from it: an order under another name without its id, or a
 * deal. Of an order's create the journal's log takes care. */
static bool needs_the_file(const kl_desk_write *w) { return w->kept_first || (w->renamed && w->one.x); }

/* The limits are passed in the turn in which it is sent, or in which the journal is asked to keep what has to be there
 * before. */
static bool pass(kl_desk_write *w, kl_error *e) {
  kl_desk *d = w->d;
  bool trades = w->kind == KL_WRITE_CREATE || changes(w) || (w->deal && w->deal_step != KL_DEAL_ENDED);
  if (trades && !kl_desk_may_send(d, w->p, e)) return false;
  if (!kl_desk_complete(w, e) || !kl_desk_admit(w, e)) return false;
  if (d->journal && needs_the_file(w)) {
    w->state = KL_WRITE_JOURNAL;
    w->journal_left = 1;
    kl_order_journal_flush(d->journal, d->o.journal_sync, on_disk, w);
    return true;
  }
  if (!d->journal || w->kind != KL_WRITE_CREATE) {
    if (send_out(w, e)) return true;
    kl_desk_admit_undo(w);
    return false;
  }
  w->state = KL_WRITE_JOURNAL;
  w->journal_left = w->sync ? w->n_items : 0;
  for (size_t i = 0; i < w->n_items; i++)
    kl_order_journal_intent(d->journal, &w->items[i].x->o, w->p->name, w->sync, w->sync ? on_disk : NULL, w);
  if (w->sync || send_out(w, e)) return true;
  for (size_t i = 0; i < w->n_items; i++) {
    (void)kl_desk_entry_reject(w->items[i].x, e);
    kl_order_journal_update(d->journal, &w->items[i].x->o);
  }
  kl_desk_admit_undo(w);
  return false;
}

/* ---- waiting ---- */

static void wait_in(kl_desk_write *w, kl_write_state state) {
  int64_t until = kl_desk_now_ns(w->d) + PATIENCE_MS * KL_DESK_MS;
  w->state = state;
  w->wait_until_ns = until < w->deadline_ns ? until : w->deadline_ns;
  kl_desk_tick(w->d);
}

bool kl_desk_write_begin(kl_desk_write *w, kl_error *e) {
  kl_desk *d = w->d;
  count_in(w);
  kl_list_append(&d->writes, &w->link);
  kl_desk_entry *x = w->n_items ? w->items[0].x : NULL;
  if (w->kind == KL_WRITE_CANCEL && !w->batch && x && !w->path.len && !x->o.id[0]) {
    kl_list_append(&x->after, &w->after_link);
    wait_in(w, KL_WRITE_AFTER);
    return true;
  }
  kl_check check = kl_desk_check(w, e);
  if (check == KL_CHECK_WAIT) {
    wait_in(w, KL_WRITE_CHECKED);
    return true;
  }
  if (check == KL_CHECK_READY && pass(w, e)) return true;
  count_out(w, false);
  for (size_t i = 0; w->kind == KL_WRITE_CREATE && !w->renewal && i < w->n_items; i++) {
    if (w->items[i].x) kl_desk_entry_drop(w->items[i].x);
    w->items[i].x = NULL;
  }
  kl_desk_write_free(w);
  return false;
}

static void describe_wait(const kl_desk_write *w, kl_error *e) {
  const char *name = w->op ? w->op->name : "a write", *belt = w->p->belt ? kl_belts_wait(w) : NULL;
  kl_account_status status;
  kl_account_status_get(kl_session_account(w->d->session), &status);
  if (belt)
    kl_error_set(e, KL_ERR_TIMEOUT, "%s was not sent: %s was not there in %d s, and no order is sent outside of it",
                 name, belt, PATIENCE_MS / 1000);
  else
    kl_error_set(e, KL_ERR_TIMEOUT,
                 "%s was not sent: what the limits compare with was not there in %d s (%s); is the feed connected?",
                 name, PATIENCE_MS / 1000,
                 !status.loaded ? "positions and balance of the account"
                 : w->deal      ? "the size of the request, the market's event or its book"
                                : "the market's event or its book");
  e->retryable = true;
  kl_error_code(e, "not_sent");
}

static void look_again(kl_desk_write *w) {
  kl_error e;
  kl_check check = kl_desk_check(w, &e);
  if (check == KL_CHECK_WAIT) return;
  if (check == KL_CHECK_READY && pass(w, &e)) return;
  not_sent(w, &e);
}

void kl_desk_writes_look(kl_desk *d) {
  if (d->closing) return;
  kl_desk_write cursor = {.state = KL_WRITE_OVER};
  for (kl_list *n = d->writes.next; n != &d->writes;) {
    kl_desk_write *w = KL_CONTAINER(n, kl_desk_write, link);
    kl_list_append(n->next, &cursor.link); /* limits that are passed may be asked for anew within */
    if (w->state == KL_WRITE_CHECKED) look_again(w);
    n = cursor.link.next;
    kl_list_remove(&cursor.link);
  }
}

/* Nobody is kept waiting any longer, and it goes on all the same: an order that turns out to rest is canceled. */
static void stop_waiting(kl_desk_write *w) {
  kl_desk_done *done = w->done;
  const kl_desk_order *o = &w->items[0].x->o;
  kl_error e;
  w->wait_until_ns = INT64_MAX;
  if (!done) return;
  kl_error_set(&e, KL_ERR_TIMEOUT,
               w->state == KL_WRITE_AFTER
                   ? "order %s is not known to be at the exchange yet: it is canceled as soon as it is"
                   : "order %s rests no longer, and how it ended is not known yet: it is looked up",
               o->client_id);
  kl_error_code(&e, "outcome_unknown");
  w->done = NULL;
  done(w->data, NULL, &e);
}

void kl_desk_writes_tick(kl_desk *d) {
  int64_t now = kl_desk_now_ns(d);
  kl_desk_write cursor = {.state = KL_WRITE_OVER};
  for (kl_list *n = d->writes.next; n != &d->writes;) {
    kl_desk_write *w = KL_CONTAINER(n, kl_desk_write, link);
    kl_error e;
    kl_list_append(n->next, &cursor.link);
    if (w->state == KL_WRITE_CHECKED && now >= w->wait_until_ns) {
      describe_wait(w, &e);
      not_sent(w, &e);
    } else if (w->state == KL_WRITE_LOOKED && changes(w) && now >= w->wait_until_ns) {
      be_over(w);
    } else if ((w->state == KL_WRITE_AFTER || w->state == KL_WRITE_LOOKED) && now >= w->wait_until_ns) {
      stop_waiting(w);
    }
    n = cursor.link.next;
    kl_list_remove(&cursor.link);
  }
}

bool kl_desk_writes_wait(const kl_desk *d) {
  for (const kl_list *n = d->writes.next; n != &d->writes; n = n->next) {
    const kl_desk_write *w = KL_CONTAINER(n, const kl_desk_write, link);
    if (w->state <= KL_WRITE_CHECKED || w->state == KL_WRITE_LOOKED) return true;
  }
  return false;
}

void kl_desk_write_look_up(kl_desk_write *w, const kl_error *e) {
  kl_list_append(&w->items[0].x->after, &w->after_link);
  wait_in(w, KL_WRITE_LOOKED);
  if (w->d->closing) w->wait_until_ns = 0;
  if (!changes(w)) return;
  w->failed = true;
  w->error = *e;
  count_out(w, true); /* it has changed nothing, so it must not keep the order from being seen as filled */
}

void kl_desk_write_end_canceled(kl_desk_write *w) {
  const kl_desk_order *o = &w->items[0].x->o;
  kl_buf b = {0};
  kl_buf_str(&b, "{\"order_id\":");
  kl_buf_json_cstr(&b, o->id);
  kl_buf_str(&b, ",\"client_order_id\":");
  kl_buf_json_cstr(&b, o->client_id);
  kl_buf_str(&b, ",\"reduced_by\":\"0.00\",\"resolved\":true}");
  kl_desk_write_end(w, 200, b.data ? b.data : "", b.len);
  kl_buf_free(&b);
}

void kl_desk_write_order_changed(kl_desk_write *w) {
  const kl_desk_order *o = &w->items[0].x->o;
  kl_error e;
  if (w->state != KL_WRITE_AFTER && w->state != KL_WRITE_LOOKED) return;
  if (changes(w)) {
    if (kl_desk_status_final(o->status) || o->status == KL_DESK_RESTING) be_over(w);
  } else if (kl_desk_status_final(o->status)) {
    kl_desk_write_end_canceled(w);
  } else if (o->status == KL_DESK_RESTING && o->id[0]) {
    /* Also one that was thought to be gone, and is not. */
    kl_list_remove(&w->after_link);
    w->deadline_ns = kl_desk_now_ns(w->d) + DEFAULT_TIMEOUT_MS * KL_DESK_MS;
    if (!send_out(w, &e)) kl_desk_write_fail(w, &e);
  }
}

/* ---- giving it up ---- */

bool kl_desk_write_take_back(kl_desk_write *w, const char *why) {
  kl_error e;
  if (w->state == KL_WRITE_OVER || w->state == KL_WRITE_AFTER || w->state == KL_WRITE_LOOKED) return false;
  if (w->state == KL_WRITE_SENT) {
    if (!w->call || kl_call_give_up(w->call)) return false;
    w->call = NULL;
  }
  kl_error_set(&e, KL_ERR_CANCELLED, "%s was not sent: %s", w->op ? w->op->name : "a write", why);
  kl_error_code(&e, "not_sent");
  if (w->state == KL_WRITE_JOURNAL) {
    w->failed = true;
    w->error = e;
  } else {
    not_sent(w, &e);
  }
  return true;
}

void kl_desk_leave(kl_desk_write *w, bool go_on) {
  w->done = NULL;
  if (!go_on && w->kind != KL_WRITE_CANCEL && w->kind != KL_WRITE_CANCEL_ALL)
    (void)kl_desk_write_take_back(w, "whoever placed it waits no longer");
}

/* ---- the end of the desk ---- */

void kl_desk_writes_close(kl_desk *d) {
  for (kl_list *n = d->writes.next; n != &d->writes;) {
    kl_desk_write *w = KL_CONTAINER(n, kl_desk_write, link);
    bool sent = w->state == KL_WRITE_SENT;
    kl_error e;
    n = n->next;
    if (w->call) kl_call_cancel(w->call);
    w->call = NULL;
    kl_error_set(&e, KL_ERR_CLOSED,
                 sent ? "%s was under way when the process ended; it may or may not have happened"
                      : "%s was not sent: the process ends",
                 w->op ? w->op->name : "a write");
    kl_error_code(&e, sent ? "outcome_unknown" : "not_sent");
    if (w->state == KL_WRITE_JOURNAL) { /* the journal still calls back */
      w->failed = true;
      w->error = e;
    } else if (sent) {
      kl_desk_write_fail(w, &e);
    } else {
      not_sent(w, &e);
    }
  }
}
