#include "trading/lease.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/log.h"
#include "kalshi/json_member.h"

enum {
  LEAST_LEFT_MS = 2000, /* of the lease, when it is renewed; else a third */
  AGAIN_MS = 1000,      /* before a cancel that failed is tried again */
  KNOWN_MS = 30000      /* for how much was left to become known */
};

static int64_t due_after_ms(double lease_s) {
  int64_t ms = llround(lease_s * 1000);
  return ms - (ms / 3 > LEAST_LEFT_MS ? ms / 3 : LEAST_LEFT_MS);
}

bool kl_lease_complete(kl_desk_entry *x, json_t *body, kl_error *e) {
  kl_desk *d = x->d;
  if (x->lease_s <= 0) return true;
  int64_t end_s = (kl_desk_now_ms(d) + llround(x->lease_s * 1000)) / 1000;
  if (json_object_set_new(body, "expiration_time", json_integer(end_s)) != 0) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for an order");
    return false;
  }
  x->o.expiration_ms = end_s * 1000;
  x->lease_due_ns = kl_desk_now_ns(d) + due_after_ms(x->lease_s) * KL_DESK_MS;
  if (kl_list_empty(&x->lease_link)) kl_list_append(&d->leases, &x->lease_link);
  kl_desk_tick(d);
  return true;
}

/* ---- whether it is renewed ---- */

static bool feed_is_well(kl_session *s) {
  kl_feed_status status;
  kl_feed_status_get(kl_session_feed(s), &status);
  return status.connected && !status.late;
}

static bool may_go_on(const kl_desk_entry *x) {
  const kl_desk *d = x->d;
  const kl_party *p = x->o.party;
  return !d->closing && !d->halted[0] && !p->halted[0] && !x->cancel_wanted &&
         (!d->o.runs || d->o.runs(d->o.runs_data, p));
}

static bool is_well(const kl_desk *d) {
  return feed_is_well(d->session) && (d->market_session == d->session || feed_is_well(d->market_session));
}

/* Nothing is on its way that the renewal would come in between. */
static bool is_at_rest(const kl_desk_entry *x) {
  return x->o.status == KL_DESK_RESTING && x->o.id[0] && !x->o.writes && !x->creating && !x->changing && !x->unsure &&
         !x->vanished && kl_list_empty(&x->doubt_link);
}

/* ---- the steps ---- */

static void changed(kl_desk_entry *x) {
  (void)kl_desk_entry_settle(x);
  kl_desk_entry_changed(x);
}

/* It is no longer being renewed: it rests as it did, or what the exchange says of its end is its end. */
static void leave(kl_desk_entry *x) {
  x->renewing = false;
  x->lease_due_ns = kl_desk_now_ns(x->d) + AGAIN_MS * KL_DESK_MS;
  if (x->end == KL_OWN_CANCELED && !x->end_word[0]) memcpy(x->end_word, "lease", sizeof "lease");
  changed(x);
}

static void not_placed(kl_desk_entry *x, const char *why) {
  kl_log_write_with(KL_LOG_WARN, "desk", kl_desk_log_of(&x->o), "the lease of order %s is not renewed: %s",
                    x->o.client_id, why);
  leave(x);
}

static void place_anew(kl_desk_entry *x, kl_count left) {
  kl_error e;
  kl_desk_entry *old = kl_desk_entry_split(x, left, &e);
  if (!old) {
    not_placed(x, e.message);
    return;
  }
  kl_desk_entry_changed(old); /* what was reserved for it is free again */
  if (!kl_desk_place_again(x, &e)) {
    kl_log_write_with(KL_LOG_WARN, "desk", kl_desk_log_of(&old->o),
                      "order %s was canceled for its lease to be renewed, and not placed anew: %s", old->o.client_id,
                      e.message);
    (void)kl_desk_entry_reject(x, &e);
  }
  kl_desk_entry_changed(x);
}

/* The answer to the cancel was lost, and it is known only that the order is gone: it may have expired, or the exchange
 * has ended it. */
static bool others_have_ended(const kl_desk_entry *x) {
  return x->lease_left < 0 && (x->end_word[0] || x->o.updated_ms >= x->o.expiration_ms);
}

/* The cancel was answered: what becomes of it. */
static void decide(kl_desk_entry *x) {
  const kl_desk *d = x->d;
  bool known = x->lease_left >= 0 || x->end_counted;
  bool waits = !d->closing && kl_desk_now_ns(d) < x->lease_since_ns + KNOWN_MS * KL_DESK_MS;
  if (x->end == KL_OWN_UNKNOWN && x->vanished && waits) return; /* it is being looked up */
  if (x->end != KL_OWN_CANCELED || x->o.status == KL_DESK_FILLED) {
    leave(x);
    return;
  }
  if (!known && waits) {
    if (!x->unsure) {
      x->unsure = true; /* its row says how much had filled */
      kl_desk_doubt(x);
    }
    return;
  }
  x->unsure = false;
  kl_count left = x->o.count - x->o.filled;
  if (x->lease_left >= 0 && x->lease_left < left) left = x->lease_left;
  if (!known)
    not_placed(x, "it is not known how much of it was left");
  else if (left <= 0 || x->o.writes || others_have_ended(x) || !may_go_on(x))
    leave(x);
  else
    place_anew(x, left);
}

static void read_answer(kl_desk_entry *x, const kl_http_response *res) {
  json_t *root = json_loadb(res->body, res->body_len, 0, NULL);
  kl_count left = 0;
  bool said =
      !json_is_true(json_object_get(root, "resolved")) && kl_member_fixed(root, "reduced_by", KL_COUNT_PLACES, &left);
  x->lease_left = said ? left : -1;
  json_decref(root);
}

static void was_canceled(void *data, const kl_http_response *res, const kl_error *e) {
  kl_desk_entry *x = data;
  x->lease_asked = false;
  if (e) {
    kl_log_write_with(KL_LOG_DEBUG, "desk", kl_desk_log_of(&x->o), "order %s was not canceled to renew its lease: %s",
                      x->o.client_id, e->message);
    leave(x);
    return;
  }
  read_answer(x, res);
  decide(x);
}

static void renew(kl_desk_entry *x) {
  kl_desk_write *w = NULL;
  kl_error e;
  if (!kl_desk_cancel(x->d, &x->o, was_canceled, x, &w, &e)) {
    kl_log_write_with(KL_LOG_WARN, "desk", kl_desk_log_of(&x->o), "order %s cannot be canceled to renew its lease: %s",
                      x->o.client_id, e.message);
    x->cancel_wanted = false;
    x->lease_due_ns = kl_desk_now_ns(x->d) + AGAIN_MS * KL_DESK_MS;
    return;
  }
  w->by_desk = w->lease = true;
  x->cancel_wanted = false; /* by nobody but us */
  x->renewing = x->lease_asked = true;
  x->lease_left = -1;
  x->lease_since_ns = kl_desk_now_ns(x->d);
  changed(x);
}

static void look(kl_desk_entry *x, bool well) {
  if (x->renewing) {
    if (!x->lease_asked) decide(x);
  } else if (kl_desk_status_final(x->o.status)) {
    kl_list_remove(&x->lease_link);
  } else if (well && kl_desk_now_ns(x->d) >= x->lease_due_ns && is_at_rest(x) && may_go_on(x)) {
    renew(x);
  }
}

void kl_leases_tick(kl_desk *d) {
  kl_desk_entry cursor = {.d = NULL};
  bool well = !kl_list_empty(&d->leases) && is_well(d);
  for (kl_list *n = d->leases.next; n != &d->leases;) {
    kl_desk_entry *x = KL_CONTAINER(n, kl_desk_entry, lease_link);
    kl_list_append(n->next, &cursor.lease_link);
    look(x, well);
    n = cursor.lease_link.next;
    kl_list_remove(&cursor.lease_link);
  }
}

void kl_leases_stop(kl_desk *d) {
  for (kl_list *n = d->leases.next; n != &d->leases; n = n->next) {
    kl_desk_entry *x = KL_CONTAINER(n, kl_desk_entry, lease_link);
    if (x->renewing) x->cancel_wanted = true;
  }
}
