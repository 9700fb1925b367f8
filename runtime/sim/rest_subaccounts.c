/* Subaccounts: created, counted, netted, locked. */
#include <stdio.h>
#include <string.h>

#include "sim/body.h"
#include "sim/json_out.h"
#include "sim/lag.h"
#include "sim/routes.h"
#include "sim/transfers.h"

enum { SUBACCOUNTS = 64 };

/* A shard of the body; -1 after answering. Shards that do not exist are told apart from what is no shard at all. */
static int read_shard(const json_t *body, kl_sim_response *rs) {
  kl_sim_details d;
  int64_t index;
  if (!kl_sim_body_int(body, "exchange_index", 0, &index, d)) {
    kl_sim_fail_body(rs, d);
  } else if (index < 0 || index >= KL_EXCHANGE_SHARDS) {
    kl_sim_fail(rs, 400, "invalid_parameters", "invalid parameters", "exchange_index must be 0 to 3");
  } else {
    return (int)index;
  }
  return -1;
}

static void create_subaccount(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  uint32_t user = rq->account->user;
  json_t *body = kl_sim_body_read_optional(rq, rs);
  if (!body) return;
  int shard = read_shard(body, rs), n = 1;
  json_decref(body);
  if (shard < 0) return;
  if (!strcmp(rq->account->limits.tier->name, "basic")) {
    kl_sim_fail(rs, 403, "forbidden", "forbidden", "subaccounts need the usage tier advanced or a higher one");
    return;
  }
  while (n < SUBACCOUNTS && kl_exchange_has_subaccount(s->x, user, n, shard))
    n++;
  if (n == SUBACCOUNTS) {
    kl_sim_fail(rs, 400, "too_many_subaccounts", "too many subaccounts", "there are 63 on this exchange_index");
    return;
  }
  kl_exchange_result result = kl_sim_subaccount_open(s, user, n, shard);
  if (result != KL_X_OK) {
    kl_sim_fail_result(rs, result);
    return;
  }
  rs->status = 201;
  kl_buf_char(&rs->body, '{');
  kl_sim_field_int(&rs->body, "subaccount_number", n);
  kl_buf_char(&rs->body, '}');
}

/* Calls `row` for each subaccount on each shard where it is open, as objects of an array. */
static void each_open(kl_sim *s, const kl_sim_request *rq, kl_buf *b,
                      void (*row)(kl_sim *s, kl_buf *b, uint32_t user, int subaccount, int shard)) {
  uint32_t user = rq->account->user;
  bool any = false;
  kl_buf_char(b, '[');
  for (int k = 0; k < SUBACCOUNTS; k++) {
    for (int i = 0; i < KL_EXCHANGE_SHARDS; i++) {
      if (!kl_exchange_has_subaccount(s->x, user, k, i)) continue;
      kl_buf_str(b, any ? ",{" : "{");
      any = true;
      kl_sim_field_int(b, "subaccount_number", k);
      kl_sim_field_int(b, "exchange_index", i);
      row(s, b, user, k, i);
      kl_buf_char(b, '}');
    }
  }
  kl_buf_char(b, ']');
}

static void balance_row(kl_sim *s, kl_buf *b, uint32_t user, int subaccount, int shard) {
  kl_sim_field_money4(b, "balance", kl_sim_shown_balance(s, user, subaccount, shard));
  kl_sim_field_int(b, "updated_ts", s->now_us / 1000000);
}

static void get_subaccount_balances(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_buf_str(&rs->body, "{\"subaccount_balances\":");
  each_open(s, rq, &rs->body, balance_row);
  kl_buf_char(&rs->body, '}');
}

static void netting_row(kl_sim *s, kl_buf *b, uint32_t user, int subaccount, int shard) {
  kl_sim_field_bool(b, "enabled", kl_exchange_netting(s->x, user, subaccount, shard));
}

static void get_netting(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_buf_str(&rs->body, "{\"netting_configs\":");
  each_open(s, rq, &rs->body, netting_row);
  kl_buf_char(&rs->body, '}');
}

/* The number of a body; -1 after answering. */
static int read_number(const json_t *body, kl_sim_response *rs) {
  kl_sim_details d;
  int64_t n;
  if (!kl_sim_body_int(body, "subaccount_number", -1, &n, d)) {
    kl_sim_fail_body(rs, d);
  } else if (n < 0 || n >= SUBACCOUNTS) {
    kl_sim_fail(rs, 400, "invalid_parameters", "invalid parameters",
                n == -1 ? "subaccount_number is required" : "subaccount_number must be 0 to 63");
  } else {
    return (int)n;
  }
  return -1;
}

static void update_netting(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  kl_sim_details d;
  const json_t *enabled;
  json_t *body = kl_sim_body_read(rq, rs);
  if (!body) return;
  int n = read_number(body, rs);
  if (n < 0) {
    json_decref(body);
    return;
  }
  if (!kl_sim_body_field(body, "enabled", KL_SIM_BOOLEAN, &enabled, d)) {
    kl_sim_fail_body(rs, d);
  } else if (!enabled) {
    kl_sim_fail(rs, 400, "invalid_parameters", "invalid parameters", "enabled is required");
  } else {
    kl_exchange_result result = kl_sim_subaccount_net(s, rq->account->user, n, json_is_true(enabled));
    if (result == KL_X_INSUFFICIENT_BALANCE)
      kl_sim_fail(rs, 400, "insufficient_balance", "insufficient balance",
                  "netting returned more to this subaccount than it has left");
    else if (result != KL_X_OK)
      kl_sim_fail_result(rs, result);
  }
  json_decref(body);
}

static void set_lock(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs, bool locked) {
  json_t *body = kl_sim_body_read(rq, rs);
  if (!body) return;
  int n = read_number(body, rs), shard = n < 0 ? -1 : read_shard(body, rs);
  json_decref(body);
  if (shard < 0) return;
  kl_exchange_result result = kl_sim_subaccount_lock(s, rq->account->user, n, shard, locked);
  if (result == KL_X_EXISTS) {
    kl_sim_fail(rs, 409, locked ? "subaccount_already_locked" : "subaccount_not_locked",
                locked ? "subaccount already locked" : "subaccount not locked", NULL);
  } else if (result != KL_X_OK) {
    kl_sim_fail_result(rs, result);
  } else {
    kl_buf_char(&rs->body, '{');
    if (locked) {
      kl_uuid state;
      kl_sim_transfers_id(s, state);
      kl_sim_field_str(&rs->body, "settlement_advance_state", state);
    }
    kl_buf_char(&rs->body, '}');
  }
}

static void lock(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) { set_lock(s, rq, rs, true); }
static void unlock(kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) { set_lock(s, rq, rs, false); }

const kl_sim_route kl_sim_routes_subaccounts[] = {
    {"CreateSubaccount", create_subaccount, false},
    {"GetSubaccountBalances", get_subaccount_balances, false},
    {"GetSubaccountNetting", get_netting, false},
    {"UpdateSubaccountNetting", update_netting, false},
    {"LockSubaccountForSettlementAdvance", lock, false},
    {"UnlockSubaccountForSettlementAdvance", unlock, false},
    {NULL, NULL, false},
};
