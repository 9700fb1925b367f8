#include "bindings/sessions.h"

#include <stdio.h>
#include <string.h>

/* What to do instead, by the exchange's group of operations. */
static const char *advice(const kl_operation *op) {
  static const struct {
    const char *tag, *text;
  } texts[] = {
      {"communications", "nobody answers requests for quotes, quotes and block trades of paper money"},
      {"api-keys", "make and delete keys with `kalua api`, outside of paper trading"},
      {"fcm", "manage subtraders with `kalua api`, outside of paper trading"},
      {"account", "ask for it with `kalua api`, outside of paper trading"},
      {"multivariate", "make the market with `kalua api`, outside of paper trading; it can then be traded on paper"},
  };
  for (size_t i = 0; op && i < sizeof texts / sizeof texts[0]; i++)
    if (!strcmp(texts[i].tag, op->tag)) return texts[i].text;
  return "start without --paper, on prod with --live, to do it for real";
}

kl_session *kl_session_for(const kl_place *at, const kl_operation *op, const char *method, const char *name,
                           kl_error *e) {
  if (!kl_paper_trading(at)) return at->session;
  kl_paper_way way = op ? op->paper : strcmp(method, "GET") != 0 ? KL_PAPER_REFUSED : KL_PAPER_LIVE;
  switch (way) {
  case KL_PAPER_LIVE:
    return at->session;
  case KL_PAPER_PAPER:
    return kl_account_session(at);
  case KL_PAPER_REFUSED:
    break;
  }
  kl_error_coded(e, KL_ERR_PAPER, "paper_not_possible",
                 "%s would act on the live exchange, and this is paper trading: %s", name, advice(op));
  snprintf(e->operation, sizeof e->operation, "%s", name);
  return NULL;
}

void kl_sessions_budget(kl_session *markets, kl_session *own, kl_budget *out) {
  kl_budget reads;
  kl_session_budget(own, out);
  if (own == markets) return;
  kl_session_budget(markets, &reads);
  out->read = reads.read;
  out->read_capacity = reads.read_capacity;
  out->read_rate = reads.read_rate;
  out->waiting += reads.waiting;
}

void kl_sessions_stats(const kl_session *markets, const kl_session *own, kl_session_stats *out) {
  kl_session_stats o;
  kl_session_stats_get(markets, out);
  if (own == markets) return;
  kl_session_stats_get(own, &o);
  out->calls += o.calls;
  out->errors += o.errors;
  out->retries += o.retries;
  out->rate_limited += o.rate_limited;
  out->lost += o.lost;
  out->lost_done += o.lost_done;
  out->lost_not_done += o.lost_not_done;
  out->lost_unknown += o.lost_unknown;
  out->presigned += o.presigned;
}
