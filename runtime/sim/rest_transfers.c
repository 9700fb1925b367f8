/* Money that moves outside of trades: deposits, withdrawals, transfers and the target allocation. */
#include <stdio.h>
#include <string.h>

#include "base/decimal.h"
#include "sim/body.h"
#include "sim/json_out.h"
#include "sim/routes.h"
#include "sim/transfers.h"

static void invalid(kl_sim_response *rs, const char *details) {
  kl_sim_fail(rs, 400, "invalid_parameters", "invalid parameters", details);
}

/* ---- lists ---- */

/* A page of the account's moves of a kind, newest first. */
static void list_moves(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs, kl_sim_money_kind kind,
                       const char *name, int64_t most, void (*row)(kl_buf *b, const kl_sim_money_move *m)) {
  static const char letters[] = {'d', 'w', 'c', 'x'};
  const kl_sim_money_move *m;
  kl_buf *b = &rs->body;
  int64_t limit, n = 0;
  char last[64] = "";
  size_t i = 0;
  if (!kl_sim_arg_int(rq, rs, "limit", 1, most, 100, &limit)) return;
  if (kl_sim_cursor_read(rq, letters[kind], last, sizeof last)) {
    while ((m = kl_sim_money_at(s, kind, i)) && strcmp(m->id, last) != 0)
      i++;
    i = m ? i + 1 : 0;
  }
  kl_buf_char(b, '{');
  kl_sim_key(b, name);
  kl_buf_char(b, '[');
  for (; (m = kl_sim_money_at(s, kind, i)); i++) {
    if (m->user != rq->account->user) continue;
    if (n == limit) break;
    kl_buf_str(b, n++ ? ",{" : "{");
    row(b, m);
    kl_buf_char(b, '}');
    memcpy(last, m->id, sizeof m->id);
  }
  kl_buf_char(b, ']');
  kl_sim_key(b, "cursor");
  if (m) {
    kl_sim_cursor_write(b, letters[kind], last);
  } else {
    kl_buf_str(b, "\"\"");
  }
  kl_buf_char(b, '}');
}

static int64_t cents(kl_money m) { return m / (KL_MONEY_ONE / 100); }

static void funding_row(kl_buf *b, const kl_sim_money_move *m) {
  kl_sim_field_str(b, "id", m->id);
  kl_sim_field_str(b, "status", "applied");
  kl_sim_field_str(b, "type", "wire");
  kl_sim_field_int(b, "amount_cents", cents(m->amount));
  kl_sim_field_int(b, "fee_cents", 0);
  kl_sim_field_int(b, "created_ts", m->created_us / 1000000);
  kl_sim_field_int(b, "finalized_ts", m->created_us / 1000000);
}

static void get_deposits(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  list_moves(s, rq, rs, KL_SIM_DEPOSIT, "deposits", 500, funding_row);
}

static void get_withdrawals(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  list_moves(s, rq, rs, KL_SIM_WITHDRAWAL, "withdrawals", 500, funding_row);
}

static void subaccount_row(kl_buf *b, const kl_sim_money_move *m) {
  kl_sim_field_str(b, "transfer_id", m->id);
  kl_sim_field_int(b, "from_subaccount", m->from);
  kl_sim_field_int(b, "to_subaccount", m->to);
  kl_sim_field_int(b, "amount_cents", cents(m->amount));
  kl_sim_field_int(b, "created_ts", m->created_us / 1000000);
  kl_sim_field_int(b, "exchange_index", m->from_shard);
}

static void get_subaccount_transfers(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  list_moves(s, rq, rs, KL_SIM_SUBACCOUNT_TRANSFER, "transfers", 1000, subaccount_row);
}

static void shard_row(kl_buf *b, const kl_sim_money_move *m) {
  kl_sim_field_str(b, "transfer_id", m->id);
  kl_sim_field_str(b, "source", "event_contract");
  kl_sim_field_str(b, "destination", "event_contract");
  kl_sim_field_int(b, "source_exchange_shard", m->from_shard);
  kl_sim_field_int(b, "destination_exchange_shard", m->to_shard);
  kl_sim_field_money4(b, "amount", m->amount);
  kl_sim_field_str(b, "status", m->pending ? "pending" : "complete");
  kl_sim_field_int(b, "created_ts", m->created_us / 1000000);
}

static void get_shard_transfers(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  list_moves(s, rq, rs, KL_SIM_SHARD_TRANSFER, "transfers", 500, shard_row);
}

static void get_shard_transfer(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const kl_sim_money_move *m;
  for (size_t i = 0; (m = kl_sim_money_at(s, KL_SIM_SHARD_TRANSFER, i)); i++)
    if (m->user == rq->account->user && !strcmp(m->id, rq->params[0])) break;
  if (!m) {
    kl_sim_fail(rs, 404, "not_found", "not found", NULL);
    return;
  }
  kl_buf_str(&rs->body, "{\"transfer\":{");
  shard_row(&rs->body, m);
  kl_buf_str(&rs->body, "}}");
}

/* ---- between subaccounts ---- */

static bool is_uuid(const char *text) {
  size_t i = 0;
  for (; i < 36; i++) {
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !strchr("0123456789abcdefABCDEF", text[i]) || !text[i]) return false;
  }
  return text[i] == '\0';
}

/* What both kinds of transfer between subaccounts have in common. */
typedef struct between {
  const char *client_transfer_id;
  int64_t from, to;
} between;

/* False after answering. */
static bool read_between(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs, const json_t *body, between *t) {
  kl_sim_details d;
  if (!kl_sim_body_text(body, "client_transfer_id", &t->client_transfer_id, d) ||
      !kl_sim_body_int(body, "from_subaccount", -1, &t->from, d) ||
      !kl_sim_body_int(body, "to_subaccount", -1, &t->to, d)) {
    kl_sim_fail_body(rs, d);
    return false;
  }
  if (!t->client_transfer_id || !is_uuid(t->client_transfer_id)) {
    invalid(rs, t->client_transfer_id ? "client_transfer_id is not a UUID" : "client_transfer_id is required");
  } else if (t->from < 0 || t->from > 63 || t->to < 0 || t->to > 63) {
    invalid(rs, "from_subaccount and to_subaccount are required and 0 to 63");
  } else if (t->from == t->to) {
    invalid(rs, "from_subaccount and to_subaccount are the same");
  } else if (!kl_sim_transfers_fresh(s, rq->account->user, t->client_transfer_id)) {
    kl_sim_fail(rs, 409, "transfer_already_exists", "transfer already exists",
                "a transfer with this client_transfer_id was applied");
  } else {
    return true;
  }
  return false;
}

static void apply_subaccount_transfer(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_sim_details d;
  between t = {0};
  int64_t amount, shard;
  json_t *body = kl_sim_body_read(rq, rs);
  if (!body) return;
  if (!kl_sim_body_int(body, "amount_cents", 0, &amount, d) || !kl_sim_body_int(body, "exchange_index", 0, &shard, d)) {
    kl_sim_fail_body(rs, d);
  } else if (!read_between(s, rq, rs, body, &t)) {
    /* answered */
  } else if (amount <= 0 || amount > INT64_C(1000000000000)) {
    invalid(rs, "amount_cents must be more than zero and at most ten billion dollars");
  } else if (shard < 0 || shard >= KL_EXCHANGE_SHARDS) {
    invalid(rs, "exchange_index must be 0 to 3");
  } else {
    uint32_t user = rq->account->user;
    kl_exchange_result result =
        kl_sim_transfer_subaccounts(s, user, (int)shard, (int)t.from, (int)t.to, amount * (KL_MONEY_ONE / 100), NULL);
    if (result == KL_X_OK) {
      kl_sim_transfers_use(s, user, t.client_transfer_id);
      kl_buf_str(&rs->body, "{}");
    } else {
      kl_sim_fail_result(rs, result);
    }
  }
  json_decref(body);
}

static void apply_position_transfer(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_sim_details d;
  between b = {0};
  const char *side = NULL, *price = NULL;
  int64_t count;
  kl_position_transfer t = {.user = rq->account->user};
  json_t *body = kl_sim_body_read(rq, rs);
  if (!body) return;
  if (!kl_sim_body_text(body, "market_ticker", &t.ticker, d) || !kl_sim_body_text(body, "side", &side, d) ||
      !kl_sim_body_text(body, "price", &price, d) || !kl_sim_body_int(body, "count", 0, &count, d)) {
    kl_sim_fail_body(rs, d);
  } else if (!read_between(s, rq, rs, body, &b)) {
    /* answered */
  } else if (!t.ticker) {
    invalid(rs, "market_ticker is required");
  } else if (!side || (strcmp(side, "yes") != 0 && strcmp(side, "no") != 0)) {
    invalid(rs, "side must be yes or no");
  } else if (!price || !kl_decimal_parse(price, strlen(price), KL_PRICE_PLACES, &t.price)) {
    invalid(rs, "price must be dollars with at most 4 decimals");
  } else if (count <= 0 || count > INT64_C(1000000000)) {
    invalid(rs, "count must be more than zero and at most a billion");
  } else {
    t.from = (int)b.from;
    t.to = (int)b.to;
    t.side = !strcmp(side, "yes") ? KL_YES : KL_NO;
    t.count = count * KL_COUNT_ONE;
    kl_exchange_result result = kl_exchange_transfer_position(s->x, s->now_us, &t);
    if (result == KL_X_OK) {
      kl_uuid id;
      kl_sim_transfers_id(s, id);
      kl_sim_transfers_use(s, t.user, b.client_transfer_id);
      kl_buf_char(&rs->body, '{');
      kl_sim_field_str(&rs->body, "position_transfer_id", id);
      kl_buf_char(&rs->body, '}');
    } else if (result == KL_X_INVALID_SIZE) {
      kl_sim_fail(rs, 400, "invalid_order_size", "invalid order size",
                  "the subaccount has fewer contracts of that side that no resting order would close");
    } else {
      kl_sim_fail_result(rs, result);
    }
  }
  json_decref(body);
}

/* ---- between shards ---- */

typedef struct over {
  const char *source, *destination;
  int64_t amount, from_shard, to_shard, from, to;
} over;

static bool read_over(const json_t *body, over *o, kl_sim_details d) {
  return kl_sim_body_text(body, "source", &o->source, d) && kl_sim_body_text(body, "destination", &o->destination, d) &&
         kl_sim_body_int(body, "amount", 0, &o->amount, d) &&
         kl_sim_body_int(body, "source_exchange_shard", 0, &o->from_shard, d) &&
         kl_sim_body_int(body, "destination_exchange_shard", 0, &o->to_shard, d) &&
         kl_sim_body_int(body, "source_subaccount", 0, &o->from, d) &&
         kl_sim_body_int(body, "destination_subaccount", 0, &o->to, d);
}

/* NULL: all is well. */
static const char *wrong_over(const over *o) {
  static const char *const instances[] = {"event_contract", "margined"};
  bool known[2] = {false, false}, margined = false;
  for (int i = 0; i < 2; i++) {
    known[0] = known[0] || (o->source && !strcmp(o->source, instances[i]));
    known[1] = known[1] || (o->destination && !strcmp(o->destination, instances[i]));
  }
  if (!known[0] || !known[1]) return "source and destination are required: event_contract or margined";
  margined = !strcmp(o->source, instances[1]) || !strcmp(o->destination, instances[1]);
  if (margined) return "this account has no margined exchange";
  if (o->amount <= 0 || o->amount > INT64_C(100000000000000))
    return "amount must be more than zero centi-cents and at most ten billion dollars";
  if (o->from_shard < 0 || o->from_shard >= KL_EXCHANGE_SHARDS || o->to_shard < 0 || o->to_shard >= KL_EXCHANGE_SHARDS)
    return "source_exchange_shard and destination_exchange_shard must be 0 to 3";
  if (o->from < 0 || o->from > 63 || o->to < 0 || o->to > 63)
    return "source_subaccount and destination_subaccount must be 0 to 63";
  if (o->from_shard == o->to_shard && o->from == o->to) return "source and destination are the same";
  return NULL;
}

static void transfer_shards(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_sim_details d;
  over o = {0};
  json_t *body = kl_sim_body_read(rq, rs);
  if (!body) return;
  const char *wrong = NULL;
  if (!read_over(body, &o, d)) {
    kl_sim_fail_body(rs, d);
  } else if ((wrong = wrong_over(&o))) {
    invalid(rs, wrong);
  } else {
    kl_uuid id;
    kl_exchange_result result =
        kl_sim_transfer_shards(s, rq->account->user, (int)o.from_shard, (int)o.from, (int)o.to_shard, (int)o.to,
                               o.amount * (KL_MONEY_ONE / 10000), &id);
    if (result == KL_X_OK) {
      kl_buf_char(&rs->body, '{');
      kl_sim_field_str(&rs->body, "transfer_id", id);
      kl_buf_char(&rs->body, '}');
    } else {
      kl_sim_fail_result(rs, result);
    }
  }
  json_decref(body);
}

/* ---- the target allocation ---- */

static const char *const reservations[] = {
    [KL_SIM_RESERVE_SUM] = "sum", [KL_SIM_RESERVE_MAX] = "max", [KL_SIM_RESERVE_NONE] = "none"};

static void get_allocation(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  const kl_sim_allocation *a = kl_sim_allocation_of(s, rq->account->user);
  kl_buf *b = &rs->body;
  bool any = false;
  kl_buf_str(b, "{\"allocations\":[");
  for (int i = 0; i < KL_EXCHANGE_SHARDS; i++) {
    if (!a->listed[i]) continue;
    kl_buf_str(b, any ? ",{" : "{");
    any = true;
    kl_sim_field_int(b, "exchange_index", i);
    kl_sim_field_int(b, "percent", a->percent[i]);
    kl_buf_char(b, '}');
  }
  kl_buf_char(b, ']');
  kl_sim_field_str(b, "resting_margin_reservation", reservations[a->reservation]);
  kl_buf_char(b, '}');
}

/* The list of a body; false after answering. */
static bool read_allocations(const json_t *list, kl_sim_response *rs, kl_sim_allocation *a) {
  const json_t *item;
  size_t i;
  int sum = 0;
  json_array_foreach(list, i, item) {
    kl_sim_details d;
    int64_t shard, percent;
    if (!json_is_object(item)) {
      kl_sim_fail_body(rs, "allocations: expected objects");
      return false;
    }
    if (!kl_sim_body_int(item, "exchange_index", -1, &shard, d) || !kl_sim_body_int(item, "percent", -1, &percent, d)) {
      kl_sim_fail_body(rs, d);
      return false;
    }
    if (shard < 0 || shard >= KL_EXCHANGE_SHARDS || percent < 0 || percent > 100 || a->listed[shard]) {
      invalid(rs, "allocations: each exchange_index (0 to 3) at most once, with a percent of 0 to 100");
      return false;
    }
    a->listed[shard] = true;
    a->percent[shard] = (int)percent;
    sum += (int)percent;
  }
  if (sum == 100 || json_array_size(list) == 0) return true;
  invalid(rs, "allocations: the percents must sum to 100");
  return false;
}

static void set_allocation(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_sim_details d;
  kl_sim_allocation a = {0};
  const json_t *list;
  const char *reservation = NULL;
  json_t *body = kl_sim_body_read(rq, rs);
  if (!body) return;
  int chosen = KL_SIM_RESERVE_SUM;
  if (!kl_sim_body_field(body, "allocations", KL_SIM_ARRAY, &list, d) ||
      !kl_sim_body_text(body, "resting_margin_reservation", &reservation, d)) {
    kl_sim_fail_body(rs, d);
    json_decref(body);
    return;
  }
  while (reservation && chosen <= KL_SIM_RESERVE_NONE && strcmp(reservations[chosen], reservation) != 0)
    chosen++;
  if (!list) {
    invalid(rs, "allocations is required; an empty list turns the allocation off");
  } else if (chosen > KL_SIM_RESERVE_NONE) {
    invalid(rs, "resting_margin_reservation must be max, sum or none");
  } else if (read_allocations(list, rs, &a)) {
    a.reservation = (kl_sim_reservation)chosen;
    kl_exchange_result result = kl_sim_allocation_set(s, rq->account->user, &a);
    if (result == KL_X_OK)
      kl_buf_str(&rs->body, "{}");
    else
      kl_sim_fail_result(rs, result);
  }
  json_decref(body);
}

const kl_sim_route kl_sim_routes_transfers[] = {
    {"GetDeposits", get_deposits, false},
    {"GetWithdrawals", get_withdrawals, false},
    {"ApplySubaccountTransfer", apply_subaccount_transfer, false},
    {"GetSubaccountTransfers", get_subaccount_transfers, false},
    {"ApplySubaccountPositionTransfer", apply_position_transfer, false},
    {"IntraExchangeInstanceTransfer", transfer_shards, false},
    {"GetIntraExchangeInstanceTransfers", get_shard_transfers, false},
    {"GetIntraExchangeInstanceTransfer", get_shard_transfer, false},
    {"GetTargetBalanceAllocation", get_allocation, false},
    {"SetTargetBalanceAllocation", set_allocation, false},
    {NULL, NULL, false},
};
