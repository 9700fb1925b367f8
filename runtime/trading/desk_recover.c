/* Orders of earlier runs, from the journal: adopted, and looked up by desk_resolve.c. Here is what that leaves: the
 * fills that came while no process was there to hear of them, or that the channel has lost, which are read until all
 * that the exchange says was filled has been told, each fill once. Fills of long ago are in the exchange's historical
 * list only. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "kalshi/account_rows.h"
#include "trading/desk_impl.h"

enum {
  FIRST_MS = 300,  /* the account is being loaded, and tells of most of them */
  AWAIT_MS = 3000, /* the channel has no numbers: a fill that has not come by then is lost */
  PAUSE_MOST_MS = 30000,
  TRIES = 40, /* then the exchange does not tell */
  PAGE = 1000,
  PAGES_MOST = 200,
  SLACK_S = 60, /* between our clock and the exchange's */
  LOOKUP_TIMEOUT_MS = 5000
};

/* An order whose fills are read, one order at a time. */
struct kl_desk_chase {
  kl_desk *d;
  kl_call *call;
  kl_desk_entry *x; /* retained */
  bool historical;
  char cursor[512];
  unsigned pages;
};

/* ---- adopting ---- */

typedef struct {
  kl_desk *d;
  kl_error *e;
  bool ok;
  size_t n, ended;
  kl_side side; /* of the order whose fills are counted */
  kl_count seen;
  kl_money cost, fees;
} recovery;

static void know_fill(void *data, const kl_account_fill *f) {
  recovery *r = data;
  r->seen += f->count;
  r->cost += f->count * (r->side == KL_BID ? f->yes_price : KL_PRICE_ONE - f->yes_price);
  r->fees += f->fee;
  if (r->ok && !kl_desk_know_fill(r->d, f)) {
    kl_error_set(r->e, KL_ERR_INTERNAL, "not enough memory for the fills of an earlier run");
    r->ok = false;
  }
}

static void chase(kl_desk_entry *x, int64_t first_ms) {
  kl_desk *d = x->d;
  if (!kl_list_empty(&x->missing_link)) return;
  kl_list_append(&d->missing, &x->missing_link);
  x->missing_pause_ms = first_ms;
  x->missing_next_ns = kl_desk_now_ns(d) + first_ms * KL_DESK_MS;
  x->missing_tries = 0;
  kl_desk_tick(d);
}

void kl_desk_chase_fills(kl_desk_entry *x) { chase(x, FIRST_MS); }

void kl_desk_await_fills(kl_desk_entry *x) {
  if (!x->earlier) chase(x, AWAIT_MS);
}

static void adopt(void *data, const kl_journal_order *o) {
  recovery *r = data;
  kl_desk *d = r->d;
  if (!r->ok) return;
  kl_desk_order kept = o->order;
  kl_party *p = kl_desk_party(d, o->party);
  if (!p) kl_error_set(r->e, KL_ERR_INTERNAL, "not enough memory for the orders of an earlier run");
  r->seen = r->cost = r->fees = 0;
  r->side = kept.side;
  r->ok = p && (!kept.id[0] || kl_order_journal_order_fills(d->journal, kept.id, know_fill, r, r->e)) && r->ok;
  if (!r->ok) return;
  /* A fill is in the journal before what it makes of the order, or after it: the fills count. */
  kept.seen = r->seen;
  if (kept.filled < kept.seen) kept.filled = kept.seen;
  kl_desk_entry *x = kl_desk_adopt(d, p, &kept, r->e);
  r->ok = x != NULL;
  if (!x) return;
  x->fill_cost = r->cost;
  x->fill_fees = r->fees;
  (void)kl_desk_entry_settle(x);
  kl_desk_chase_fills(x);
  r->n++;
  r->ended += kl_desk_status_final(x->o.status);
}

bool kl_desk_recover(kl_desk *d, kl_error *e) {
  recovery r = {.d = d, .e = e, .ok = true};
  kl_error why;
  if (!kl_order_journal_account(d->journal, d->o.journal_account, e)) return false;
  if (!kl_order_journal_open_orders(d->journal, adopt, &r, e) || !r.ok) return false;
  if (!r.n) return true;
  kl_log_info(
      "desk",
      "%zu of the orders of earlier runs are looked up: %zu had not ended, of the others not all fills were known", r.n,
      r.n - r.ended);
  if (!kl_desk_watch_account(d, &why))
    kl_log_warn("desk", "the account cannot be kept, so orders of earlier runs are only looked up: %s", why.message);
  kl_desk_tick(d);
  return true;
}

/* ---- fills that are missing ---- */

static void stop(kl_desk *d) {
  struct kl_desk_chase *c = d->chase;
  d->chase = NULL;
  if (!c) return;
  if (c->call) kl_call_cancel(c->call);
  kl_desk_order_release(&c->x->o);
  free(c);
}

static void later(kl_desk_entry *x) {
  x->missing_tries++;
  x->missing_next_ns = kl_desk_now_ns(x->d) + x->missing_pause_ms * KL_DESK_MS;
  x->missing_pause_ms = x->missing_pause_ms * 2 > PAUSE_MOST_MS ? PAUSE_MOST_MS : x->missing_pause_ms * 2;
}

static void answered(void *data, const kl_http_response *res, const kl_error *e);

static void ask(struct kl_desk_chase *c) {
  kl_desk *d = c->d;
  kl_error e;
  kl_buf query = {0};
  kl_buf_printf(&query, "limit=%d", (int)PAGE);
  if (c->historical) {
    kl_buf_query(&query, "ticker", c->x->o.ticker);
    kl_buf_printf(&query, "&min_ts=%" PRId64, kl_desk_entry_since_ms(c->x) / 1000 - SLACK_S);
  } else {
    kl_buf_query(&query, "order_id", c->x->o.id);
  }
  if (c->cursor[0]) kl_buf_query(&query, "cursor", c->cursor);
  kl_call_request r = {.op = kl_operation_find(c->historical ? "GetFillsHistorical" : "GetFills"),
                       .path = c->historical ? "/historical/fills" : "/portfolio/fills",
                       .query = query.data,
                       .timeout_ms = LOOKUP_TIMEOUT_MS};
  if (query.failed)
    kl_error_set(&e, KL_ERR_INTERNAL, "not enough memory");
  else
    c->call = kl_session_call(d->session, &r, answered, d, &e);
  kl_buf_free(&query);
  if (c->call) return;
  kl_log_write_with(KL_LOG_DEBUG, "desk", kl_desk_log_of(&c->x->o), "fills of order %s could not be asked for: %s",
                    c->x->o.id, e.message);
  later(c->x);
  stop(d);
}

static bool another_page(struct kl_desk_chase *c, const json_t *root) {
  const char *cursor = json_string_value(json_object_get(root, "cursor"));
  bool more = cursor && cursor[0] && strcmp(cursor, c->cursor) != 0 && strlen(cursor) < sizeof c->cursor;
  more = more && ++c->pages < PAGES_MOST;
  (void)snprintf(c->cursor, sizeof c->cursor, "%s", more ? cursor : "");
  return more;
}

static bool is_missing(const kl_desk_entry *x) { return x->o.seen < x->o.filled; }

/* What the lists have was told. */
static void end(kl_desk *d) {
  kl_desk_entry *x = d->chase->x;
  if (!is_missing(x)) {
    kl_list_remove(&x->missing_link);
  } else if (x->missing_tries >= TRIES) {
    kl_log_write_with(KL_LOG_WARN, "desk", kl_desk_log_of(&x->o),
                      "order %s of %s: %" PRId64 ".%02d contracts were filled that the exchange shows no fills of",
                      x->o.id, x->o.ticker, (x->o.filled - x->o.seen) / KL_COUNT_ONE,
                      (int)((x->o.filled - x->o.seen) % KL_COUNT_ONE));
    kl_list_remove(&x->missing_link);
  } else {
    later(x);
  }
  stop(d);
}

static void answered(void *data, const kl_http_response *res, const kl_error *e) {
  kl_desk *d = data;
  struct kl_desk_chase *c = d->chase;
  c->call = NULL;
  json_t *root = e ? NULL : json_loadb(res->body, res->body_len, 0, NULL);
  const json_t *rows = json_object_get(root, "fills"), *one;
  size_t i;
  json_array_foreach(rows, i, one) {
    kl_account_fill f;
    if (!kl_row_fill(one, &f) || strcmp(f.order_id, c->x->o.id) != 0) continue;
    if (c->x->earlier)
      kl_desk_fill_told(d, &f);
    else
      kl_account_show_fill(kl_session_account(d->session), &f); /* which tells us, unless it was known */
    if (d->chase != c) break;                                   /* the desk was closed by whoever was told */
  }
  if (d->chase == c) {
    if (!json_is_array(rows)) {
      kl_log_write_with(KL_LOG_DEBUG, "desk", kl_desk_log_of(&c->x->o), "fills of order %s could not be read: %s",
                        c->x->o.id, e ? e->message : "the answer is not as it is described");
      later(c->x);
      stop(d);
    } else if (another_page(c, root)) {
      ask(c);
    } else if (is_missing(c->x) && !c->historical && c->x->earlier) {
      c->historical = true;
      c->pages = 0;
      ask(c);
    } else {
      end(d);
    }
  }
  json_decref(root);
}

void kl_desk_missing_tick(kl_desk *d) {
  int64_t now = kl_desk_now_ns(d);
  kl_account_status account;
  if (d->chase || d->closing) return;
  kl_account_status_get(kl_session_account(d->session), &account);
  for (kl_list *n = d->missing.next, *after; n != &d->missing; n = after) {
    after = n->next;
    kl_desk_entry *x = KL_CONTAINER(n, kl_desk_entry, missing_link);
    /* First it is looked up how much was filled. */
    if (!kl_list_empty(&x->doubt_link) || now < x->missing_next_ns) continue;
    if (!is_missing(x)) {
      kl_list_remove(n);
      continue;
    }
    if (!x->earlier && !account.started) continue; /* which would tell us of them */
    d->chase = calloc(1, sizeof *d->chase);
    if (!d->chase) return;
    d->chase->d = d;
    d->chase->x = x;
    kl_desk_order_retain(&x->o);
    ask(d->chase);
    return;
  }
}

void kl_desk_missing_stop(kl_desk *d) {
  stop(d);
  while (!kl_list_empty(&d->missing))
    kl_list_remove(d->missing.next);
}
