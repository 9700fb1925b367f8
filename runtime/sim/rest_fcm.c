/* What FCM members see and set of their subtraders. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "sim/archive.h"
#include "sim/body.h"
#include "sim/fcm.h"
#include "sim/json_out.h"
#include "sim/routes.h"
#include "sim/scopes.h"

enum { SUFFIX_MOST = 16, CATEGORY_MOST = 100, IDS_MOST = 100 };

static bool is_member(const kl_sim_request *rq, kl_sim_response *rs) {
  if (rq->account->fcm) return true;
  kl_sim_forbid(rs, "FCM member access is required (kalua sim --fcm makes the first account one)");
  return false;
}

static void invalid(kl_sim_response *rs, const char *details) {
  kl_sim_fail(rs, 400, "invalid_parameters", "invalid parameters", details);
}

static void no_memory(kl_sim_response *rs) {
  kl_sim_fail(rs, 500, "internal_error", "the simulator is out of memory", NULL);
}

/* The subtrader that the request names; NULL after answering. */
static kl_sim_subtrader *named(kl_sim *s, const kl_sim_request *rq, const char *id, kl_sim_response *rs) {
  kl_sim_subtrader *t = id && *id ? kl_sim_fcm_find(s, rq->account, id) : NULL;
  if (!id || !*id) {
    invalid(rs, "subtrader_id is required");
  } else if (!t) {
    kl_sim_fail(rs, 404, "not_found", "not found", "subtrader_id: you have no such subtrader");
  }
  return t;
}

static kl_sim_subtrader *named_by_query(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  return is_member(rq, rs) ? named(s, rq, kl_sim_arg_get(rq, "subtrader_id"), rs) : NULL;
}

/* ---- subtraders ---- */

static void list_subtraders(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_buf *b = &rs->body;
  bool any = false;
  if (!is_member(rq, rs)) return;
  kl_buf_str(b, "{\"subtraders\":[");
  for (size_t i = 0; i < kl_sim_fcm_count(s); i++) {
    const kl_sim_subtrader *t = kl_sim_fcm_at(s, i);
    if (t->member != rq->account) continue;
    kl_buf_str(b, any ? ",{" : "{");
    any = true;
    kl_sim_field_str(b, "subtrader_id", t->id);
    kl_sim_key(b, "exchange_indices"); /* it is registered on every shard from the start */
    kl_buf_char(b, '[');
    for (int shard = 0; shard < KL_EXCHANGE_SHARDS; shard++)
      kl_buf_printf(b, shard ? ",%d" : "%d", shard);
    kl_buf_char(b, ']');
    kl_sim_field_bool(b, "trading_blocked", false); /* no operation of the interface sets such a block */
    kl_sim_field_bool(b, "fcm_trading_blocked", false);
    kl_sim_field_bool(b, "propagation_pending", false);
    kl_buf_char(b, '}');
  }
  kl_buf_str(b, "]}");
}

static bool is_suffix(const char *text) {
  size_t n = strlen(text);
  return n > 0 && n <= SUFFIX_MOST && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789") == n;
}

static void create_subtrader(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_sim_details d;
  const char *suffix;
  char id[KL_SIM_SUBTRADER_ID_MOST + 1];
  if (!is_member(rq, rs)) return;
  json_t *root = kl_sim_body_read(rq, rs);
  if (!root) return;
  if (!kl_sim_body_text(root, "subtrader_suffix", &suffix, d)) {
    kl_sim_fail_body(rs, d);
  } else if (!suffix || !is_suffix(suffix)) {
    invalid(rs, "subtrader_suffix must be 1 to 16 lower-case letters and digits");
  } else {
    snprintf(id, sizeof id, "%s_%s", kl_exchange_user_id(s->x, rq->account->user), suffix);
    if (kl_sim_fcm_find(s, rq->account, id)) {
      kl_sim_fail(rs, 409, "subtrader_already_exists", "subtrader already exists", NULL);
    } else if (!kl_sim_fcm_add(s, rq->account, id)) {
      no_memory(rs);
    } else {
      rs->status = 201;
      kl_buf_char(&rs->body, '{');
      kl_sim_field_str(&rs->body, "subtrader_id", id);
      kl_buf_char(&rs->body, '}');
    }
  }
  json_decref(root);
}

/* ---- the daily cap ---- */

static void get_cap(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_sim_cap_use use;
  const kl_sim_subtrader *t = named_by_query(s, rq, rs);
  kl_buf *b = &rs->body;
  if (!t) return;
  if (!t->has_cap) {
    kl_sim_fail(rs, 404, "not_found", "not found", "the subtrader has no daily cap");
    return;
  }
  kl_sim_fcm_use(s, t, &use);
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "subtrader_id", t->id);
  kl_sim_field_money(b, "limit", t->cap);
  kl_sim_field_money(b, "executed_utilization", use.executed);
  kl_sim_field_money(b, "resting_order_utilization", use.resting);
  kl_sim_field_money(b, "pending_order_utilization", 0); /* an order is done with before its request is answered */
  kl_sim_field_str(b, "cap_date", use.date);
  kl_buf_char(b, '}');
}

static void update_cap(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_sim_details d;
  const char *id, *limit;
  kl_money cap;
  if (!is_member(rq, rs)) return;
  json_t *root = kl_sim_body_read(rq, rs);
  if (!root) return;
  if (!kl_sim_body_text(root, "subtrader_id", &id, d) || !kl_sim_body_text(root, "limit", &limit, d)) {
    kl_sim_fail_body(rs, d);
  } else {
    kl_sim_subtrader *t = named(s, rq, id, rs);
    bool readable = limit && kl_decimal_parse(limit, strlen(limit), KL_MONEY_PLACES, &cap) && cap >= 0;
    if (t && !readable) invalid(rs, limit ? "limit must be an amount of dollars" : "limit is required");
    if (t && readable) {
      kl_sim_fcm_set_cap(s, t, true, cap);
      kl_buf_str(&rs->body, "{}");
    }
  }
  json_decref(root);
}

static void delete_cap(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_sim_subtrader *t = named_by_query(s, rq, rs);
  if (!t) return;
  if (!t->has_cap) {
    kl_sim_fail(rs, 404, "not_found", "not found", "the subtrader has no daily cap");
    return;
  }
  kl_sim_fcm_set_cap(s, t, false, 0);
  kl_buf_str(&rs->body, "{}");
}

/* ---- categories ---- */

static void json_blocked(kl_buf *b, const kl_sim_subtrader *t) {
  kl_buf_str(b, "{\"categories\":[");
  for (size_t i = 0; i < t->n_blocked; i++) {
    if (i) kl_buf_char(b, ',');
    kl_buf_json_cstr(b, t->blocked[i]);
  }
  kl_buf_str(b, "]}");
}

static void get_blocked(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const kl_sim_subtrader *t = named_by_query(s, rq, rs);
  if (t) json_blocked(&rs->body, t);
}

static void update_blocked(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_sim_details d;
  const char *id, *category;
  const json_t *given;
  if (!is_member(rq, rs)) return;
  json_t *root = kl_sim_body_read(rq, rs);
  if (!root) return;
  if (!kl_sim_body_text(root, "subtrader_id", &id, d) || !kl_sim_body_text(root, "category", &category, d) ||
      !kl_sim_body_field(root, "blocked", KL_SIM_BOOLEAN, &given, d)) {
    kl_sim_fail_body(rs, d);
  } else if (!category || !*category || strlen(category) > CATEGORY_MOST || !given) {
    invalid(rs, given ? "category must have 1 to 100 characters" : "blocked is required");
  } else {
    kl_sim_subtrader *t = named(s, rq, id, rs);
    if (t && !kl_sim_fcm_block(s, t, category, json_is_true(given))) {
      no_memory(rs);
    } else if (t) {
      json_blocked(&rs->body, t);
    }
  }
  json_decref(root);
}

/* ---- orders, fills, positions ---- */

/* The rows of several subtraders as one list, newest first. */
typedef struct merge {
  const kl_sim *s;
  const kl_sim_subtrader **from;
  size_t *at; /* the next of each */
  size_t n;
} merge;

static bool merge_start(merge *g, const kl_sim *s, const kl_sim_account *member, const kl_sim_subtrader *only) {
  size_t most = kl_sim_fcm_count(s) + 1;
  *g = (merge){.s = s, .from = malloc(most * sizeof(const kl_sim_subtrader *)), .at = calloc(most, sizeof *g->at)};
  if (!g->from || !g->at) return false;
  for (size_t i = 0; i + 1 < most; i++) {
    const kl_sim_subtrader *t = kl_sim_fcm_at(s, i);
    if (t->member == member && (!only || t == only)) g->from[g->n++] = t;
  }
  return true;
}

static void merge_end(merge *g) {
  free((void *)g->from);
  free(g->at);
}

static const kl_order *next_order(merge *g) {
  const kl_order *best = NULL;
  size_t of = 0;
  for (size_t i = 0; i < g->n; i++) {
    const kl_order *o = kl_exchange_order_at(g->s->x, g->from[i]->account.user, g->at[i]);
    if (!o || (best && o->created_us <= best->created_us)) continue;
    best = o;
    of = i;
  }
  if (best) g->at[of]++;
  return best;
}

static const kl_fill *next_fill(merge *g) {
  const kl_fill *best = NULL;
  size_t of = 0;
  for (size_t i = 0; i < g->n; i++) {
    const kl_fill *f = kl_exchange_fill_at(g->s->x, g->from[i]->account.user, g->at[i]);
    if (!f || (best && f->ts_us <= best->ts_us)) continue;
    best = f;
    of = i;
  }
  if (best) g->at[of]++;
  return best;
}

/* Two subtraders may be the sides of one trade. */
enum { FILL_NAME = 96 };
static void name_fill(const kl_fill *f, char out[FILL_NAME]) {
  snprintf(out, FILL_NAME, "%s/%s", f->trade_id, f->order_id);
}

/* To behind the row that a page ended with; back to the start when it is not there. */
static void skip_orders(merge *g, const char *after) {
  const kl_order *o;
  while ((o = next_order(g)) && strcmp(o->id, after) != 0)
    ;
  if (!o) memset(g->at, 0, g->n * sizeof *g->at);
}

static void skip_fills(merge *g, const char *after) {
  const kl_fill *f;
  char name[FILL_NAME];
  while ((f = next_fill(g))) {
    name_fill(f, name);
    if (!strcmp(name, after)) return;
  }
  memset(g->at, 0, g->n * sizeof *g->at);
}

typedef struct order_query {
  const char *ticker, *event, *ids;
  int64_t limit, min_s, max_s;
  int status; /* -1: any */
} order_query;

static bool read_order_query(const kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs, order_query *q) {
  static const char *const names[] = {
      [KL_ORDER_RESTING] = "resting", [KL_ORDER_CANCELED] = "canceled", [KL_ORDER_EXECUTED] = "executed"};
  const char *status = kl_sim_arg_get(rq, "status");
  *q = (order_query){.ticker = kl_sim_arg_get(rq, "ticker"),
                     .event = kl_sim_arg_get(rq, "event_ticker"),
                     .ids = kl_sim_arg_get(rq, "client_order_ids"),
                     .status = -1};
  if (!kl_sim_arg_int(rq, rs, "limit", 1, 1000, 100, &q->limit) ||
      !kl_sim_arg_int(rq, rs, "min_ts", INT64_MIN, INT64_MAX, INT64_MIN, &q->min_s) ||
      !kl_sim_arg_int(rq, rs, "max_ts", INT64_MIN, INT64_MAX, INT64_MAX, &q->max_s))
    return false;
  for (int k = 0; status && k < 3; k++)
    if (!strcmp(names[k], status)) q->status = k;
  if (status && q->status < 0) {
    kl_sim_fail_query(rq, rs, "status must be one of resting, canceled, executed");
    return false;
  }
  if (kl_sim_list_count(q->ids) > IDS_MOST) {
    kl_sim_fail_query(rq, rs, "client_order_ids: at most 100");
    return false;
  }
  /* By client id only the last day is searched. */
  int64_t day_ago = s->now_us / 1000000 - 86400;
  if (q->ids && q->min_s < day_ago) q->min_s = day_ago;
  return true;
}

static bool order_fits(const order_query *q, const kl_order *o) {
  int64_t at = o->created_us / 1000000;
  if (at < q->min_s || at > q->max_s || (q->status >= 0 && (int)o->status != q->status)) return false;
  if (q->ticker && strcmp(q->ticker, o->market->ticker) != 0) return false;
  if (q->event && strcmp(q->event, o->market->event->ticker) != 0) return false;
  return !q->ids || (o->client_order_id[0] && kl_sim_in_list(q->ids, o->client_order_id));
}

static void page_end(kl_buf *b, char kind, bool more, const char *last) {
  kl_buf_str(b, "],\"cursor\":");
  if (more) {
    kl_sim_cursor_write(b, kind, last);
  } else {
    kl_buf_str(b, "\"\"");
  }
  kl_buf_char(b, '}');
}

static void get_orders(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const char *id = kl_sim_arg_get(rq, "subtrader_id");
  const kl_sim_subtrader *only = NULL;
  order_query q;
  merge g;
  char after[64], last[64] = "";
  if (!is_member(rq, rs) || !read_order_query(s, rq, rs, &q)) return;
  if (!id && !q.ids) {
    kl_sim_fail_query(rq, rs, "subtrader_id or client_order_ids is required");
    return;
  }
  if (id && !(only = named(s, rq, id, rs))) return;
  if (!merge_start(&g, s, rq->account, only)) {
    merge_end(&g);
    no_memory(rs);
    return;
  }
  bool more = false;
  int64_t n = 0;
  const kl_order *o;
  kl_buf_str(&rs->body, "{\"orders\":[");
  if (kl_sim_cursor_read(rq, 'O', after, sizeof after)) skip_orders(&g, after);
  while ((o = next_order(&g))) {
    if (!order_fits(&q, o) || kl_sim_archived_order(s, o)) continue;
    more = n == q.limit;
    if (more) break;
    if (n++) kl_buf_char(&rs->body, ',');
    kl_sim_json_order(&rs->body, s, o);
    memcpy(last, o->id, sizeof o->id);
  }
  page_end(&rs->body, 'O', more, last);
  merge_end(&g);
}

static void get_fills(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const char *id = kl_sim_arg_get(rq, "subtrader_id");
  const kl_sim_subtrader *only = NULL;
  merge g;
  int64_t limit, n = 0;
  char after[FILL_NAME], last[FILL_NAME] = "";
  if (!is_member(rq, rs) || !kl_sim_arg_int(rq, rs, "limit", 1, 1000, 100, &limit)) return;
  if (id && !(only = named(s, rq, id, rs))) return;
  if (!merge_start(&g, s, rq->account, only)) {
    merge_end(&g);
    no_memory(rs);
    return;
  }
  bool more = false;
  const kl_fill *f;
  kl_buf_str(&rs->body, "{\"fills\":[");
  if (kl_sim_cursor_read(rq, 'F', after, sizeof after)) skip_fills(&g, after);
  while ((f = next_fill(&g)) && !kl_sim_archived_trade(s, f->ts_us)) {
    more = n == limit;
    if (more) break;
    if (n++) kl_buf_char(&rs->body, ',');
    kl_sim_json_fill(&rs->body, f);
    name_fill(f, last);
  }
  page_end(&rs->body, 'F', more, last);
  merge_end(&g);
}

static void get_positions(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_sim_subtrader *t = named_by_query(s, rq, rs);
  if (!t) return;
  kl_sim_request as = *rq;
  as.account = &t->account;
  kl_sim_list_positions(s, &as, rs, false);
}

const kl_sim_route kl_sim_routes_fcm[] = {
    {"ListFCMSubtraders", list_subtraders, false},
    {"CreateFCMSubtrader", create_subtrader, false},
    {"GetFCMEventContractDailyCap", get_cap, false},
    {"UpdateFCMEventContractDailyCap", update_cap, false},
    {"DeleteFCMEventContractDailyCap", delete_cap, false},
    {"GetFCMSubtraderBlockedCategories", get_blocked, false},
    {"UpdateFCMSubtraderBlockedCategories", update_blocked, false},
    {"GetFCMOrders", get_orders, false},
    {"GetFCMFills", get_fills, false},
    {"GetFCMPositions", get_positions, false},
    {NULL, NULL, false},
};
