/* kalshi.portfolio: what trading has come to, of a script or of the account. */
#include <stdlib.h>
#include <string.h>

#include "bindings/account.h"
#include "bindings/options.h"
#include "bindings/rest.h"
#include "script/script.h"
#include "script/strategy.h"
#include "trading/desk_portfolio.h"

static const char name[] = "kalshi.portfolio";

/* ---- whose ---- */

/* Of a script that runs here, or has; NULL when there is none. A shadow has that of the one that it is of. */
static kl_party *party_of(lua_State *L, kl_desk *d, const char *wanted) {
  for (kl_party *p = NULL; (p = kl_desk_party_next(d, p));)
    if (!strcmp(kl_party_name(p), wanted)) return p;
  for (kl_strategy *g = NULL; (g = kl_strategy_next(kl_script_host(kl_script_of(L)), g));)
    if (!strcmp(kl_strategy_name(g), wanted)) {
      const kl_strategy *of = kl_strategy_shadow_of(g);
      return kl_desk_party(d, kl_strategy_name(of ? of : g));
    }
  return NULL;
}

static int no_such_script(lua_State *L, const kl_desk *d, const char *wanted) {
  luaL_Buffer b;
  const char *separator = "";
  luaL_buffinit(L, &b);
  for (kl_party *p = NULL; (p = kl_desk_party_next(d, p)); separator = ", ") {
    luaL_addstring(&b, separator);
    luaL_addstring(&b, kl_party_name(p));
  }
  luaL_pushresult(&b);
  const char *names = lua_tostring(L, -1);
  return kl_raise_coded(L, KL_ERR_VALIDATION, "no_such_script", "%s: no script \"%.64s\" runs here%s%.200s", name,
                        wanted, names[0] ? "; there is " : "", names);
}

/* ---- rows ---- */

static void push_holding(lua_State *L, const kl_holding *h) {
  lua_createtable(L, 0, 14);
  kl_row_text(L, "ticker", h->ticker);
  if (h->settled)
    kl_row_fixed(L, "settlement", h->settlement, KL_PRICE_PLACES);
  else
    kl_row_fixed(L, "position", h->position, KL_COUNT_PLACES);
  if (!h->settled) kl_row_fixed(L, "exposure", h->cost, KL_MONEY_PLACES);
  kl_row_value(L, h->position, h->cost, h->mark);
  kl_row_fixed(L, "realized_pnl", h->realized, KL_MONEY_PLACES);
  kl_row_fixed(L, "fees_paid", h->fees, KL_MONEY_PLACES);
  kl_row_fixed(L, "bought", h->bought, KL_COUNT_PLACES);
  kl_row_fixed(L, "sold", h->sold, KL_COUNT_PLACES);
  kl_row_time(L, "updated_ts", h->updated_ms);
  kl_row_integer(L, "subaccount", h->subaccount);
}

static int newer_first(const void *a, const void *b) {
  const kl_holding *x = *(const kl_holding *const *)a, *y = *(const kl_holding *const *)b;
  if (x->updated_ms != y->updated_ms) return x->updated_ms > y->updated_ms ? -1 : 1;
  return strcmp(x->ticker, y->ticker);
}

/* Those that are held, or those that settled, as a field of the table at the top; the newest first. */
static void set_rows(lua_State *L, const char *field, const kl_portfolio *p, bool settled) {
  size_t all = 0, n = 0;
  for (const kl_holding *h = NULL; (h = kl_portfolio_next(p, h));)
    all += settled ? h->settled : h->position != 0;
  const kl_holding **found = lua_newuserdatauv(L, (all ? all : 1) * sizeof(const kl_holding *), 0); /* Lua's */
  for (const kl_holding *h = NULL; (h = kl_portfolio_next(p, h));)
    if (settled ? h->settled : h->position != 0) found[n++] = h;
  if (n > 1) qsort((void *)found, n, sizeof(const kl_holding *), newer_first);
  lua_createtable(L, (int)n, 0); /* userdata rows */
  if (!n) kl_json_mark_empty_array(L);
  for (size_t i = 0; i < n; i++) {
    push_holding(L, found[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_remove(L, -2);
  lua_setfield(L, -2, field);
}

static int push_portfolio(lua_State *L, kl_account *a, kl_desk *d, kl_party *p) {
  const kl_portfolio *portfolio = p ? kl_party_portfolio(p) : kl_desk_portfolio(d);
  kl_portfolio_totals t;
  kl_ledger_value(kl_desk_ledger(d));
  kl_portfolio_totals_get(portfolio, &t);
  lua_createtable(L, 0, 16);
  if (p)
    kl_row_text(L, "script", kl_party_name(p));
  else
    kl_row_fixed(L, "cash", kl_account_balance_get(a).balance, KL_MONEY_PLACES);
  kl_row_fixed(L, "realized", t.realized, KL_MONEY_PLACES);
  kl_row_fixed(L, "unrealized", t.unrealized, KL_MONEY_PLACES);
  kl_row_fixed(L, "fees", t.fees, KL_MONEY_PLACES);
  kl_row_fixed(L, "profit", t.profit, KL_MONEY_PLACES);
  kl_row_fixed(L, "profit_today", kl_ledger_today_get(kl_desk_ledger(d), p).profit, KL_MONEY_PLACES);
  kl_row_fixed(L, "drawdown", t.drawdown, KL_MONEY_PLACES);
  kl_row_fixed(L, "max_drawdown", t.max_drawdown, KL_MONEY_PLACES);
  kl_row_fixed(L, "exposure", t.cost, KL_MONEY_PLACES);
  kl_row_fixed(L, "contracts", t.contracts, KL_COUNT_PLACES);
  kl_row_fixed(L, "traded", t.traded, KL_COUNT_PLACES);
  kl_row_integer(L, "fills", (int64_t)t.fills);
  set_rows(L, "positions", portfolio, false);
  set_rows(L, "settled", portfolio, true);
  return 1;
}

/* ---- kalshi.portfolio ---- */

/* Index 1: the options. */
static int portfolio_answer(lua_State *L, const kl_place *at, kl_account *a) {
  kl_desk *d = at->desk;
  if (kl_option_flag(L, 1, name, "account", false)) return push_portfolio(L, a, d, NULL);
  const char *wanted = kl_option_text(L, 1, name, "script", 256);
  kl_party *p = wanted ? party_of(L, d, wanted) : kl_desk_party(d, kl_name_here(L));
  if (!p && wanted) return no_such_script(L, d, wanted);
  if (!p) return kl_raisef(L, KL_ERR_INTERNAL, "%s: there is not enough memory, or the journal cannot be read", name);
  return push_portfolio(L, a, d, p);
}

int kl_portfolio_lua(lua_State *L) {
  static const char *const keys[] = {"account", "script"};
  kl_options_check(L, 1, name, keys, 2, NULL);
  bool account = kl_option_flag(L, 1, name, "account", false);
  if (kl_option_text(L, 1, name, "script", 256) && account)
    return kl_raise_coded(L, KL_ERR_VALIDATION, "contradicting_options", "%s: either account or script", name);
  if (!kl_place_of(L)->desk)
    return kl_raise_coded(L, KL_ERR_VALIDATION, "no_orders_here",
                          "%s is for scripts that run: this is the body of a command", name);
  lua_settop(L, 1);
  return kl_account_answer(L, portfolio_answer);
}
