#include "sim/scopes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "sim/session.h"

/* Operations that a child scope is enough for. All others need the parent: `read` for GET, `write` for the rest. */
static const struct {
  const char *id;
  uint32_t child;
} children[] = {
    {"GetBalance", KL_SCOPE_READ_PORTFOLIO_BALANCE},
    {"GetBlockTradeProposals", KL_SCOPE_READ_BLOCK_TRADE_ACCEPT},
    {"AcceptBlockTradeProposal", KL_SCOPE_WRITE_BLOCK_TRADE_ACCEPT},
    {"IntraExchangeInstanceTransfer", KL_SCOPE_WRITE_TRANSFER},
    {"ApplySubaccountTransfer", KL_SCOPE_WRITE_TRANSFER},
    {"ApplySubaccountPositionTransfer", KL_SCOPE_WRITE_TRANSFER},
    {"SetTargetBalanceAllocation", KL_SCOPE_WRITE_TRANSFER},
    {"CreateMarketInMultivariateEventCollection", KL_SCOPE_WRITE_TRADE},
    {"CreateRFQ", KL_SCOPE_WRITE_TRADE},
    {"DeleteRFQ", KL_SCOPE_WRITE_TRADE},
    {"CreateQuote", KL_SCOPE_WRITE_TRADE},
    {"DeleteQuote", KL_SCOPE_WRITE_TRADE},
    {"AcceptQuote", KL_SCOPE_WRITE_TRADE},
    {"ConfirmQuote", KL_SCOPE_WRITE_TRADE},
    {"DeleteRFQQuote", KL_SCOPE_WRITE_TRADE},
    {"AcceptRFQQuote", KL_SCOPE_WRITE_TRADE},
    {"ConfirmRFQQuote", KL_SCOPE_WRITE_TRADE},
    {"UpdateFCMSubtraderBlockedCategories", KL_SCOPE_WRITE_FCM_RISK},
    {"UpdateFCMEventContractDailyCap", KL_SCOPE_WRITE_FCM_RISK},
    {"DeleteFCMEventContractDailyCap", KL_SCOPE_WRITE_FCM_RISK},
};

static bool is_get(const kl_operation *op) { return !strcmp(op->method, "GET"); }
static bool tagged(const kl_operation *op, const char *tag) { return !strcmp(op->tag, tag); }

/* The scopes any of which is enough. */
static uint32_t scopes_for(const kl_operation *op) {
  uint32_t parent = is_get(op) ? KL_SCOPE_READ : KL_SCOPE_WRITE;
  if (!is_get(op) && (tagged(op, "orders") || tagged(op, "order-groups"))) return parent | KL_SCOPE_WRITE_TRADE;
  for (size_t i = 0; i < sizeof children / sizeof *children; i++)
    if (!strcmp(children[i].id, op->id)) return parent | children[i].child;
  return parent;
}

/* What a key locked to a subaccount may call: reading and trading there. */
static bool open_to_locked(const kl_operation *op) {
  static const char *const others[] = {"GetBalance",
                                       "GetPositions",
                                       "GetFills",
                                       "GetSettlements",
                                       "GetAccountApiLimits",
                                       "GetPerpsAccountApiLimits",
                                       "GetCommunicationsID",
                                       "GetAccountApiUsageLevelVolumeProgress"};
  if (tagged(op, "orders") || tagged(op, "order-groups") || tagged(op, "historical") || tagged(op, "multivariate") ||
      tagged(op, "events") || tagged(op, "market") || tagged(op, "cfbenchmarks"))
    return true;
  if (tagged(op, "communications") && !strstr(op->id, "BlockTrade")) return true;
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (!strcmp(others[i], op->id)) return true;
  return false;
}

void kl_sim_forbid(kl_sim_response *rs, const char *details) {
  kl_sim_fail(rs, 403, "forbidden", "forbidden", details);
}

static bool foreign(const kl_sim_request *rq, kl_sim_response *rs) {
  char details[96];
  snprintf(details, sizeof details, "this API key is restricted to subaccount %d", rq->key->subaccount);
  kl_sim_forbid(rs, details);
  return false;
}

static bool no_memory(kl_sim_response *rs) {
  kl_sim_fail(rs, 500, "internal_error", "the simulator is out of memory", NULL);
  return false;
}

static bool complete_query(kl_sim_request *rq, kl_sim_response *rs) {
  const char *given = kl_sim_arg_get(rq, "subaccount");
  char *end = NULL;
  if (given) {
    long named = strtol(given, &end, 10);
    /* What is no number is for the operation to refuse. */
    return *end || named == rq->key->subaccount || foreign(rq, rs);
  }
  kl_sim_arg *args = malloc((rq->n_args + 1) * sizeof *args);
  if (!args) return no_memory(rs);
  if (rq->n_args) memcpy(args, rq->args, rq->n_args * sizeof *args);
  snprintf(rq->locked, sizeof rq->locked, "%d", rq->key->subaccount);
  args[rq->n_args++] = (kl_sim_arg){"subaccount", rq->locked};
  rq->args = rq->completed_args = args;
  return true;
}

/* An order, or the body of one that is: false when it names another subaccount. */
static bool complete_object(const kl_sim_request *rq, json_t *o, bool *failed) {
  const json_t *v = json_object_get(o, "subaccount");
  if (json_is_integer(v)) return json_integer_value(v) == rq->key->subaccount;
  if (v && !json_is_null(v)) return true; /* of a wrong type, which the handler refuses */
  if (json_object_set_new(o, "subaccount", json_integer(rq->key->subaccount)) != 0) *failed = true;
  return true;
}

/* Operations whose body, or each of the orders in it, names a subaccount. */
static bool body_names_one(const kl_operation *op) {
  for (uint16_t i = 0; i < op->n_params; i++) {
    const kl_param *p = &op->params[i];
    if (p->in != KL_IN_BODY) continue;
    if (!strcmp(p->name, "subaccount")) return true;
    for (uint16_t k = 0; !strcmp(p->name, "orders") && k < p->n_fields; k++)
      if (!strcmp(p->fields[k].name, "subaccount")) return true;
  }
  return false;
}

static bool complete_body(kl_sim_request *rq, kl_sim_response *rs) {
  if (!body_names_one(rq->op)) return true;
  json_t *root = rq->body_len ? json_loadb(rq->body, rq->body_len, JSON_REJECT_DUPLICATES, NULL) : NULL;
  json_t *orders = json_object_get(root, "orders"), *item;
  bool ok = true, failed = false;
  size_t i;
  if (!json_is_object(root)) { /* which the handler refuses */
    json_decref(root);
    return true;
  }
  if (json_is_array(orders)) {
    json_array_foreach(orders, i, item) {
      if (json_is_object(item)) ok = ok && complete_object(rq, item, &failed);
    }
  } else {
    ok = complete_object(rq, root, &failed);
  }
  rq->completed_body = ok && !failed ? json_dumps(root, JSON_COMPACT) : NULL;
  json_decref(root);
  if (!ok) return foreign(rq, rs);
  if (!rq->completed_body) return no_memory(rs);
  rq->body = rq->completed_body;
  rq->body_len = strlen(rq->completed_body);
  return true;
}

/* A key bound to a subtrader: what a locked one may, where the exchange would have it use FIX. */
static bool permit_bound(const kl_sim *s, const kl_sim_request *rq, kl_sim_response *rs) {
  if (!s->o.fcm_fix_only && open_to_locked(rq->op)) return true;
  kl_sim_forbid(rs, "an API key that is bound to an FCM subtrader may only trade, over FIX");
  return false;
}

bool kl_sim_permit(const kl_sim *s, kl_sim_request *rq, kl_sim_response *rs) {
  const kl_sim_api_key *k = rq->key;
  char details[160];
  if (!(scopes_for(rq->op) & k->scopes)) {
    uint32_t wanted = scopes_for(rq->op), parent = wanted & KL_SCOPE_FULL, child = wanted & ~(uint32_t)KL_SCOPE_FULL;
    snprintf(details, sizeof details, "this API key lacks the scope %s%s%s", kl_sim_scope_name(parent),
             child ? " or " : "", child ? kl_sim_scope_name(child) : "");
    kl_sim_forbid(rs, details);
    return false;
  }
  if (k->account->subtrader) return permit_bound(s, rq, rs);
  if (k->subaccount < 0) return true;
  if (open_to_locked(rq->op)) return complete_query(rq, rs) && complete_body(rq, rs);
  snprintf(details, sizeof details, "an API key that is restricted to a subaccount may not call %s", rq->op->id);
  kl_sim_forbid(rs, details);
  return false;
}

bool kl_sim_permit_session(const kl_sim *s, const kl_sim_api_key *k, kl_sim_response *rs) {
  int open = 0;
  if (!(k->scopes & KL_SCOPE_READ) || (k->account->subtrader && s->o.fcm_fix_only)) {
    kl_sim_forbid(rs, k->scopes & KL_SCOPE_READ ? "an API key that is bound to an FCM subtrader may only use FIX"
                                                : "this API key lacks the scope read");
    return false;
  }
  for (const kl_list *at = s->sessions.next; at != &s->sessions; at = at->next)
    open += KL_CONTAINER(at, const kl_sim_session, link)->account == k->account;
  if (open < s->o.ws_connections) return true;
  rs->status = 429;
  kl_buf_clear(&rs->body);
  kl_buf_str(&rs->body, "{\"error\":\"too many requests\"}");
  return false;
}

void kl_sim_permit_end(kl_sim_request *rq) {
  free(rq->completed_args);
  free(rq->completed_body);
  rq->completed_args = NULL;
  rq->completed_body = NULL;
}
