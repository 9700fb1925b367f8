#include "cli/paper_mode.h"

#include <math.h>
#include <string.h>

enum { PRESIGN_MS = 1000 };

bool kl_paper_mode_of(const kl_connect_options *o, const char *env) {
  return o->trades && (o->paper || (!strcmp(env, "prod") && !o->live));
}

bool kl_paper_mode_choose(const kl_connect_options *o, const char *env, bool *paper, kl_error *e) {
  *paper = kl_paper_mode_of(o, env);
  if (o->paper && o->live)
    kl_error_set(e, "usage", "--paper and --live: paper trading sends no order, choose one of the two");
  else if (o->paper && !o->trades)
    kl_error_set(e, "usage", "--paper is for what trades: run, repl and -e");
  else if (!*paper && o->paper_latency_ms >= 0)
    kl_error_set(e, "usage", "--paper-latency goes with --paper");
  else if (!*paper && o->paper_balance >= 0)
    kl_error_set(e, "usage", "--paper-balance goes with --paper");
  else
    return true;
  return false;
}

/* `live` NULL: it is read now. */
static bool open_paper(const kl_connect_options *o, uv_loop_t *loop, kl_session *market, const kl_live_account *live,
                       const char *state, kl_paper_exchange **paper, kl_session **account, kl_error *e) {
  const kl_paper_exchange_options po = {
      .loop = loop,
      .market = market,
      .latency_ms = o->paper_latency_ms,
      .balance = o->paper_balance >= 0 ? llround(o->paper_balance * 100) * (KL_MONEY_ONE / 100) : -1,
      .state = state};
  if (!(live ? kl_paper_exchange_begin(&po, live, paper, e) : kl_paper_exchange_open(&po, paper, e))) return false;
  const kl_session_options so = {.env = kl_session_env(market),
                                 .rest_url = kl_paper_exchange_rest_url(*paper),
                                 .ws_url = kl_paper_exchange_ws_url(*paper),
                                 .key_id = kl_paper_exchange_key_id(*paper),
                                 .key = kl_paper_exchange_key(*paper),
                                 .live = true, /* that exchange is this process */
                                 .filters_here = true,
                                 .presign_ms = PRESIGN_MS,
                                 .clock = kl_clock_real(),
                                 .user_agent = "kalua/" KL_VERSION};
  *account = kl_session_new(loop, &so, e);
  if (*account) return true;
  kl_paper_exchange_close(*paper);
  *paper = NULL;
  return false;
}

bool kl_paper_mode_open(const kl_connect_options *o, uv_loop_t *loop, kl_session *market, const char *state,
                        kl_paper_exchange **paper, kl_session **account, kl_error *e) {
  return open_paper(o, loop, market, NULL, state, paper, account, e);
}

bool kl_paper_mode_begin(const kl_connect_options *o, uv_loop_t *loop, kl_session *market, const kl_live_account *live,
                         const char *state, kl_paper_exchange **paper, kl_session **account, kl_error *e) {
  return open_paper(o, loop, market, live, state, paper, account, e);
}
