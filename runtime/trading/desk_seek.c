/* An order that is to be amended while limits are set and that is not known here, another program's: it is read first,
 * has a record from then on, and what the amend adds is compared with the limits like that of any other order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kalshi/account_rows.h"
#include "trading/desk_impl.h"

enum { LOOKUP_TIMEOUT_MS = 5000 };

struct kl_desk_seek {
  kl_desk_write *w;
  kl_call *call;
  char order_id[64];
  bool over, failed; /* over: it was read; or it cannot be */
  kl_error error;
};

bool kl_desk_seek_begin(kl_desk_write *w, const char *order_id, kl_error *e) {
  w->seek = calloc(1, sizeof *w->seek);
  if (!w->seek) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for an order");
    return false;
  }
  w->seek->w = w;
  snprintf(w->seek->order_id, sizeof w->seek->order_id, "%s", order_id);
  return true;
}

void kl_desk_seek_free(struct kl_desk_seek *s) {
  if (!s) return;
  if (s->call) kl_call_cancel(s->call);
  free(s);
}

/* It is an order of the party from now on. One that has ended needs no record: the exchange says so. */
static bool adopt(struct kl_desk_seek *s, const kl_own_order *row, kl_error *e) {
  kl_desk *d = s->w->d;
  kl_desk_order kept = {.side = row->side,
                        .status = KL_DESK_RESTING,
                        .yes_price = row->yes_price,
                        .count = row->filled + row->remaining,
                        .filled = row->filled,
                        .seen = row->filled, /* in the account's position, by whichever program */
                        .created_ms = row->created_ms,
                        .expiration_ms = row->expiration_ms,
                        .subaccount = row->subaccount,
                        .exchange_index = row->exchange_index};
  snprintf(kept.id, sizeof kept.id, "%s", row->order_id);
  snprintf(kept.client_id, sizeof kept.client_id, "%.64s", row->client_order_id);
  snprintf(kept.ticker, sizeof kept.ticker, "%s", row->ticker);
  snprintf(kept.group_id, sizeof kept.group_id, "%s", row->order_group_id);
  kl_desk_entry *x = kl_desk_adopt(d, s->w->p, &kept, e);
  if (!x) return false;
  kl_list_remove(&x->doubt_link);
  x->unsure = x->vanished = false;
  if (d->journal) kl_order_journal_intent(d->journal, &x->o, kl_party_name(s->w->p), false, NULL, NULL);
  kl_desk_write_know(s->w, x);
  kl_desk_entry_told_row(x, row, KL_BY_LIST);
  (void)kl_desk_entry_settle(x);
  return true;
}

static void answered(void *data, const kl_http_response *res, const kl_error *e) {
  struct kl_desk_seek *s = data;
  kl_desk *d = s->w->d;
  kl_own_order row;
  s->call = NULL;
  s->over = true;
  json_t *root = e ? NULL : json_loadb(res->body, res->body_len, 0, NULL);
  bool read = kl_row_order(json_object_get(root, "order"), &row) && !strcmp(row.order_id, s->order_id);
  if (e || !read) {
    s->failed = true;
    kl_error_set(&s->error, KL_ERR_RISK,
                 "amend_order was not sent: order %s is not known here, and could not be looked up to compare what it "
                 "may come to with the limits: %.300s",
                 s->order_id, e ? e->message : "the answer has no order that can be read");
    s->error.retryable = e && e->retryable;
    kl_error_code(&s->error, "unknown_order");
  } else if (row.status == KL_OWN_RESTING && !adopt(s, &row, &s->error)) {
    s->failed = true;
  }
  json_decref(root);
  kl_desk_writes_look(d);
}

kl_check kl_desk_seek_check(kl_desk_write *w, kl_error *e) {
  struct kl_desk_seek *s = w->seek;
  char path[128];
  if (s->failed) {
    *e = s->error;
    return KL_CHECK_REFUSED;
  }
  if (s->over) return KL_CHECK_READY;
  if (s->call) return KL_CHECK_WAIT;
  snprintf(path, sizeof path, "/portfolio/orders/%s", s->order_id);
  kl_call_request r = {
      .op = kl_operation_find("GetOrder"), .path = path, .urgent = true, .timeout_ms = LOOKUP_TIMEOUT_MS};
  s->call = kl_session_call(w->d->session, &r, answered, s, e);
  return s->call ? KL_CHECK_WAIT : KL_CHECK_REFUSED;
}
