#include "sim/block_trades.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sim/body.h"
#include "sim/json_out.h"
#include "sim/persist.h"
#include "sim/random.h"
#include "sim/routes.h"

#define KEPT_US (INT64_C(7) * 24 * 3600 * 1000000)

enum { KEPT_MOST = 20000, PENDING_MOST = 1000 }; /* ended ones of all, pending ones of an account */

typedef enum { PENDING, EXECUTED, EXPIRED } block_status;
static const char *const status_names[] = {"pending", "executed", "expired"};

typedef struct block {
  kl_list link;
  kl_uuid id;
  uint32_t proposer;
  struct {
    uint32_t user;
    int subaccount;
    int64_t accepted_us; /* 0: not yet */
    kl_uuid order;       /* once executed */
  } parties[2];          /* by kl_side: buyer and seller of YES */
  kl_market *market;
  kl_price price;
  kl_count count;
  kl_side maker;
  block_status status;
  int64_t expires_us, created_us, updated_us, executed_us;
} block;

struct kl_sim_blocks {
  kl_list pending, ended; /* oldest first; `ended` in the order of their end */
  size_t n_ended;
  kl_map *by_id;
  kl_sim_random random;
};

static void fail(kl_sim_response *rs, const char *details) {
  kl_sim_fail(rs, 400, "invalid_parameters", "invalid parameters", details);
}

/* ---- the state file ---- */

static void keep(kl_sim *s, const block *p) {
  if (!s->store) return;
  kl_buf b = {0};
  kl_buf_char(&b, '{');
  kl_sim_field_int(&b, "proposer", p->proposer);
  for (int side = KL_BID; side <= KL_ASK; side++) {
    kl_sim_key(&b, side == KL_BID ? "buyer" : "seller");
    kl_buf_char(&b, '{');
    kl_sim_field_int(&b, "user", p->parties[side].user);
    kl_sim_field_int(&b, "subaccount", p->parties[side].subaccount);
    kl_sim_field_int(&b, "accepted", p->parties[side].accepted_us);
    kl_sim_field_str(&b, "order", p->parties[side].order);
    kl_buf_char(&b, '}');
  }
  kl_sim_field_str(&b, "market", p->market->ticker);
  kl_sim_field_int(&b, "price", p->price);
  kl_sim_field_int(&b, "count", p->count);
  kl_sim_field_int(&b, "maker", p->maker);
  kl_sim_field_int(&b, "status", p->status);
  kl_sim_field_int(&b, "expires", p->expires_us);
  kl_sim_field_int(&b, "created", p->created_us);
  kl_sim_field_int(&b, "updated", p->updated_us);
  kl_sim_field_int(&b, "executed", p->executed_us);
  kl_buf_char(&b, '}');
  kl_sim_store_put(s->store, "block_trade", p->id, &b);
  kl_buf_free(&b);
}

static bool add(kl_sim_blocks *b, block *p) {
  if (!kl_map_set(b->by_id, p->id, strlen(p->id), p)) return false;
  kl_list_init(&p->link);
  kl_list_append(p->status == PENDING ? &b->pending : &b->ended, &p->link);
  if (p->status != PENDING) b->n_ended++;
  return true;
}

static int64_t number(const json_t *o, const char *key) { return json_integer_value(json_object_get(o, key)); }

static void load(void *data, const char *id, const json_t *o) {
  kl_sim *s = data;
  const char *market = json_string_value(json_object_get(o, "market"));
  block *p = calloc(1, sizeof *p);
  bool ok = p && market;
  if (ok) {
    snprintf(p->id, sizeof p->id, "%s", id);
    p->proposer = (uint32_t)number(o, "proposer");
    p->market = kl_exchange_market(s->x, market);
    p->price = number(o, "price");
    p->count = number(o, "count");
    p->maker = number(o, "maker") == KL_BID ? KL_BID : KL_ASK;
    p->status = (block_status)number(o, "status");
    p->expires_us = number(o, "expires");
    p->created_us = number(o, "created");
    p->updated_us = number(o, "updated");
    p->executed_us = number(o, "executed");
    ok = p->market && p->status <= EXPIRED && kl_exchange_user_id(s->x, p->proposer);
  }
  for (int side = KL_BID; ok && side <= KL_ASK; side++) {
    const json_t *q = json_object_get(o, side == KL_BID ? "buyer" : "seller");
    const char *order = json_string_value(json_object_get(q, "order"));
    p->parties[side].user = (uint32_t)number(q, "user");
    p->parties[side].subaccount = (int)number(q, "subaccount");
    p->parties[side].accepted_us = number(q, "accepted");
    snprintf(p->parties[side].order, sizeof p->parties[side].order, "%s", order ? order : "");
    ok = kl_exchange_user_id(s->x, p->parties[side].user) != NULL;
  }
  if (ok && add(s->blocks, p)) return;
  kl_log_write(KL_LOG_WARN, "sim", "the block trade proposal %s of the state file is of no market or user here", id);
  free(p);
}

bool kl_sim_blocks_start(kl_sim *s, kl_error *e) {
  kl_sim_blocks *b = s->blocks = calloc(1, sizeof *b);
  if (b) b->by_id = kl_map_new();
  if (!b || !b->by_id) {
    kl_error_set(e, KL_ERR_INTERNAL, "not enough memory for the exchange simulator");
    return false;
  }
  kl_list_init(&b->pending);
  kl_list_init(&b->ended);
  b->random = kl_sim_random_new(kl_sim_persist_seed(s), 3302);
  if (kl_sim_store_each(s->store, "block_trade", load, s)) return true;
  *e = *kl_sim_store_error(s->store);
  return false;
}

static void free_all(kl_list *head) {
  for (kl_list *n = head->next, *next; n != head; n = next) {
    next = n->next;
    free(KL_CONTAINER(n, block, link));
  }
}

void kl_sim_blocks_free(kl_sim_blocks *b) {
  if (!b) return;
  if (b->pending.next) free_all(&b->pending);
  if (b->ended.next) free_all(&b->ended);
  kl_map_free(b->by_id);
  free(b);
}

/* ---- the end ---- */

static void finish(kl_sim *s, block *p, block_status status) {
  p->status = status;
  p->updated_us = s->now_us;
  kl_list_remove(&p->link);
  kl_list_append(&s->blocks->ended, &p->link);
  s->blocks->n_ended++;
  keep(s, p);
}

static void forget(kl_sim *s, block *p) {
  kl_sim_store_delete(s->store, "block_trade", p->id);
  kl_map_remove(s->blocks->by_id, p->id, strlen(p->id));
  kl_list_remove(&p->link);
  s->blocks->n_ended--;
  free(p);
}

void kl_sim_blocks_retire(kl_sim *s, const kl_market *m) {
  kl_sim_blocks_tick(s); /* a market that ends takes no trade any more: all proposals about it have ended */
  for (kl_list *n = s->blocks->ended.next, *next; n != &s->blocks->ended; n = next) {
    next = n->next;
    block *p = KL_CONTAINER(n, block, link);
    if (p->market == m) forget(s, p);
  }
}

void kl_sim_blocks_tick(kl_sim *s) {
  kl_sim_blocks *b = s->blocks;
  for (kl_list *n = b->pending.next, *next; n != &b->pending; n = next) {
    block *p = KL_CONTAINER(n, block, link);
    next = n->next;
    if (p->expires_us <= s->now_us || p->market->status >= KL_MARKET_CLOSED) finish(s, p, EXPIRED);
  }
  for (kl_list *n = b->ended.next, *next; n != &b->ended; n = next) {
    block *p = KL_CONTAINER(n, block, link);
    next = n->next;
    if (p->updated_us + KEPT_US > s->now_us && b->n_ended <= KEPT_MOST) return;
    forget(s, p);
  }
}

/* ---- propose ---- */

static bool find_user(const kl_sim *s, const char *id, uint32_t *out) {
  const char *known;
  for (uint32_t i = 0; id && (known = kl_exchange_user_id(s->x, i)); i++) {
    if (strcmp(known, id) != 0) continue;
    *out = i;
    return true;
  }
  return false;
}

/* The user of one side; false after answering. */
static bool read_party(const kl_sim *s, const json_t *o, kl_sim_response *rs, bool buyer, block *p) {
  const char *id = NULL, *subtrader = NULL;
  int64_t subaccount;
  kl_sim_details d;
  kl_side side = buyer ? KL_BID : KL_ASK;
  if (!kl_sim_body_text(o, buyer ? "buyer_user_id" : "seller_user_id", &id, d) ||
      !kl_sim_body_text(o, buyer ? "buyer_subtrader_id" : "seller_subtrader_id", &subtrader, d) ||
      !kl_sim_body_int(o, buyer ? "buyer_subaccount" : "seller_subaccount", 0, &subaccount, d)) {
    kl_sim_fail_body(rs, d);
    return false;
  }
  if (!id || !*id) {
    fail(rs, "buyer_user_id and seller_user_id are required");
  } else if (subtrader && *subtrader) {
    fail(rs, "the accounts of this exchange have no subtraders");
  } else if (subaccount < 0 || subaccount > 63) {
    fail(rs, "subaccounts must be 0 to 63");
  } else if (!find_user(s, id, &p->parties[side].user)) {
    char code[96];
    snprintf(code, sizeof code, "user_not_found:_%.40s", id);
    kl_sim_fail(rs, 400, code, "user not found", NULL);
  } else {
    p->parties[side].subaccount = (int)subaccount;
    return true;
  }
  return false;
}

/* Everything else of a proposal; false after answering. */
static bool read_terms(const kl_sim *s, const json_t *o, kl_sim_response *rs, block *p) {
  const char *ticker = NULL, *maker = NULL, *expires = NULL;
  kl_sim_details d;
  if (!kl_sim_body_text(o, "market_ticker", &ticker, d) || !kl_sim_body_text(o, "maker_side", &maker, d) ||
      !kl_sim_body_text(o, "expiration_ts", &expires, d) || !kl_sim_body_int(o, "price_centi_cents", 0, &p->price, d) ||
      !kl_sim_body_int(o, "centicount", 0, &p->count, d)) {
    kl_sim_fail_body(rs, d);
    return false;
  }
  p->market = ticker ? kl_exchange_market(s->x, ticker) : NULL;
  const char *wrong = NULL;
  if (!p->market)
    wrong = "no market has this market_ticker";
  else if (!maker || (strcmp(maker, "yes") != 0 && strcmp(maker, "no") != 0))
    wrong = "maker_side must be yes or no";
  else if (!kl_price_on_grid(p->market, p->price))
    wrong = "price_centi_cents is not on the market's grid";
  else if (p->count < 1 || p->count > INT64_C(100000000000))
    wrong = "centicount must be at least 1 and at most a billion contracts";
  else if (!expires || !kl_time_parse_rfc3339(expires, strlen(expires), &p->expires_us))
    wrong = "expiration_ts must be an RFC 3339 time";
  else if (p->expires_us <= s->now_us)
    wrong = "expiration_ts must be in the future";
  else if (p->parties[KL_BID].user == p->parties[KL_ASK].user)
    wrong = "buyer and seller are the same";
  if (wrong) {
    fail(rs, wrong);
    return false;
  }
  p->maker = maker[0] == 'y' ? KL_BID : KL_ASK;
  if (p->market->status == KL_MARKET_ACTIVE) return true;
  kl_sim_fail_result(rs, KL_X_MARKET_INACTIVE);
  return false;
}

static size_t pending_of(const kl_sim_blocks *b, uint32_t user) {
  size_t count = 0;
  for (const kl_list *n = b->pending.next; n != &b->pending; n = n->next)
    count += KL_CONTAINER(n, const block, link)->proposer == user;
  return count;
}

static void make_id(kl_sim_blocks *b, kl_uuid out) {
  do
    kl_sim_uuid(&b->random, out);
  while (kl_map_get(b->by_id, out, 36));
}

static void propose(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  uint32_t user = rq->account->user;
  json_t *root = kl_sim_body_read(rq, rs);
  if (!root) return;
  block *p = calloc(1, sizeof *p);
  kl_sim_blocks_tick(s);
  bool ok = p != NULL;
  if (!ok) kl_sim_fail_result(rs, KL_X_NOMEM);
  ok = ok && read_party(s, root, rs, true, p) && read_party(s, root, rs, false, p) && read_terms(s, root, rs, p);
  json_decref(root);
  if (ok && p->parties[KL_BID].user != user && p->parties[KL_ASK].user != user) {
    kl_sim_fail(rs, 403, "forbidden", "forbidden", "only the buyer or the seller proposes a block trade");
    ok = false;
  }
  if (ok && pending_of(s->blocks, user) >= PENDING_MOST) {
    fail(rs, "at most 1000 pending proposals");
    ok = false;
  }
  if (ok) {
    make_id(s->blocks, p->id);
    p->proposer = user;
    p->created_us = p->updated_us = s->now_us;
    p->parties[p->parties[KL_BID].user == user ? KL_BID : KL_ASK].accepted_us = s->now_us; /* whoever proposes agrees */
    ok = add(s->blocks, p);
    if (!ok) kl_sim_fail_result(rs, KL_X_NOMEM);
  }
  if (!ok) {
    free(p);
    return;
  }
  keep(s, p);
  rs->status = 201;
  kl_buf_char(&rs->body, '{');
  kl_sim_field_str(&rs->body, "block_trade_proposal_id", p->id);
  kl_buf_char(&rs->body, '}');
}

/* ---- accept ---- */

/* Trades; false after answering: then the proposal stays as it was. */
static bool trade(kl_sim *s, kl_sim_response *rs, block *p) {
  kl_block_trade t = {.ticker = p->market->ticker, .price = p->price, .count = p->count, .maker = p->maker};
  t.buyer.user = p->parties[KL_BID].user;
  t.buyer.subaccount = p->parties[KL_BID].subaccount;
  t.seller.user = p->parties[KL_ASK].user;
  t.seller.subaccount = p->parties[KL_ASK].subaccount;
  kl_cross_outcome out;
  kl_exchange_result result = kl_exchange_block_trade(s->x, s->now_us, &t, &out);
  if (result != KL_X_OK) {
    kl_sim_fail_result(rs, result);
    return false;
  }
  for (int side = KL_BID; side <= KL_ASK; side++)
    memcpy(p->parties[side].order, out.orders[side], sizeof out.orders[side]);
  p->executed_us = s->now_us;
  return true;
}

static void accept_proposal(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const char *subtrader = NULL;
  int64_t subaccount;
  kl_sim_details d;
  uint32_t user = rq->account->user;
  json_t *root = kl_sim_body_read_optional(rq, rs);
  if (!root) return;
  bool read =
      kl_sim_body_text(root, "subtrader_id", &subtrader, d) && kl_sim_body_int(root, "subaccount", -1, &subaccount, d);
  if (!read) kl_sim_fail_body(rs, d);
  bool foreign = read && subtrader && *subtrader;
  json_decref(root);
  if (!read) return;
  kl_sim_blocks_tick(s);
  block *p = kl_map_get(s->blocks->by_id, rq->params[0], strlen(rq->params[0]));
  if (!p || (p->parties[KL_BID].user != user && p->parties[KL_ASK].user != user)) {
    kl_sim_fail(rs, 404, "not_found", "not found", NULL);
    return;
  }
  kl_side side = p->parties[KL_BID].user == user ? KL_BID : KL_ASK;
  int before = p->parties[side].subaccount;
  if (foreign) {
    fail(rs, "the accounts of this exchange have no subtraders");
  } else if (subaccount < -1 || subaccount > 63) {
    fail(rs, "subaccount must be 0 to 63");
  } else if (p->status != PENDING) {
    fail(rs, p->status == EXECUTED ? "the block trade was executed" : "the proposal has expired");
  } else if (p->parties[side].accepted_us) {
    fail(rs, "this account has accepted: the other one has not");
  } else {
    if (subaccount >= 0) p->parties[side].subaccount = (int)subaccount;
    if (!trade(s, rs, p)) {
      p->parties[side].subaccount = before;
      return;
    }
    p->parties[side].accepted_us = s->now_us;
    finish(s, p, EXECUTED);
    rs->status = 204;
  }
}

/* ---- read ---- */

static void json_block(kl_buf *b, const kl_sim *s, const block *p) {
  kl_buf_char(b, '{');
  kl_sim_field_str(b, "id", p->id);
  kl_sim_field_str(b, "proposer_user_id", kl_exchange_user_id(s->x, p->proposer));
  kl_sim_field_str(b, "buyer_user_id", kl_exchange_user_id(s->x, p->parties[KL_BID].user));
  kl_sim_field_str(b, "seller_user_id", kl_exchange_user_id(s->x, p->parties[KL_ASK].user));
  kl_sim_field_str(b, "market_ticker", p->market->ticker);
  kl_sim_field_int(b, "price_centi_cents", p->price);
  kl_sim_field_int(b, "centicount", p->count);
  kl_sim_field_str(b, "maker_side", kl_sim_outcome_name(kl_sim_outcome(p->maker)));
  kl_sim_field_time(b, "expiration_ts", p->expires_us);
  kl_sim_field_str(b, "status", status_names[p->status]);
  kl_sim_field_time(b, "created_ts", p->created_us);
  kl_sim_field_time(b, "updated_ts", p->updated_us);
  kl_sim_field_bool(b, "buyer_accepted", p->parties[KL_BID].accepted_us != 0);
  kl_sim_field_bool(b, "seller_accepted", p->parties[KL_ASK].accepted_us != 0);
  if (p->parties[KL_BID].accepted_us) kl_sim_field_time(b, "buyer_accepted_ts", p->parties[KL_BID].accepted_us);
  if (p->parties[KL_ASK].accepted_us) kl_sim_field_time(b, "seller_accepted_ts", p->parties[KL_ASK].accepted_us);
  if (p->executed_us) {
    kl_sim_field_time(b, "executed_ts", p->executed_us);
    kl_sim_field_str(b, "buyer_order_id", p->parties[KL_BID].order);
    kl_sim_field_str(b, "seller_order_id", p->parties[KL_ASK].order);
  }
  kl_buf_char(b, '}');
}

typedef struct block_list {
  const kl_sim *s;
  kl_buf *b;
  uint32_t user;
  const char *market, *status, *after; /* after: the last row of the page before; NULL: from the newest on */
  int64_t limit, n;
  bool more;
  char last[64];
} block_list;

static void add_rows(block_list *l, const kl_list *head) {
  for (const kl_list *n = head->prev; n != head && !l->more; n = n->prev) {
    const block *p = KL_CONTAINER(n, const block, link);
    if (l->after) {
      if (!strcmp(p->id, l->after)) l->after = NULL;
      continue;
    }
    if ((p->parties[KL_BID].user != l->user && p->parties[KL_ASK].user != l->user) ||
        (l->market && strcmp(l->market, p->market->ticker) != 0) ||
        (l->status && strcmp(l->status, status_names[p->status]) != 0))
      continue;
    l->more = l->n == l->limit;
    if (l->more) return;
    if (l->n++) kl_buf_char(l->b, ',');
    json_block(l->b, l->s, p);
    memcpy(l->last, p->id, sizeof p->id);
  }
}

static void get_proposals(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  block_list l = {.s = s,
                  .b = &rs->body,
                  .user = rq->account->user,
                  .market = kl_sim_arg_get(rq, "market_ticker"),
                  .status = kl_sim_arg_get(rq, "status")};
  char after[64];
  if (!kl_sim_arg_int(rq, rs, "limit", 1, 100, 100, &l.limit)) return;
  bool known = !l.status;
  for (int i = PENDING; l.status && i <= EXPIRED; i++)
    known = known || !strcmp(status_names[i], l.status);
  if (!known) {
    kl_sim_fail_query(rq, rs, "status must be one of pending, executed, expired");
    return;
  }
  kl_sim_blocks_tick(s);
  if (kl_sim_cursor_read(rq, 'b', after, sizeof after) && kl_map_get(s->blocks->by_id, after, strlen(after)))
    l.after = after;
  kl_buf_str(l.b, "{\"block_trade_proposals\":[");
  add_rows(&l, &s->blocks->pending); /* pending ones first, then the ended ones, each from the newest on */
  add_rows(&l, &s->blocks->ended);
  kl_buf_str(l.b, "],\"cursor\":");
  if (l.more) {
    kl_sim_cursor_write(l.b, 'b', l.last);
  } else {
    kl_buf_str(l.b, "\"\"");
  }
  kl_buf_char(l.b, '}');
}

const kl_sim_route kl_sim_routes_block_trades[] = {
    {"GetBlockTradeProposals", get_proposals, false},
    {"ProposeBlockTrade", propose, false},
    {"AcceptBlockTradeProposal", accept_proposal, false},
    {NULL, NULL, false},
};
