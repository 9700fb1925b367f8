/* How the matching engine's records are written: a table for each kind. */
#include "sim/persist_tables.h"

#define TABLE(name, record, list)                                                                                      \
  { (name), (list), sizeof(list) / sizeof *(list), sizeof(record) }

#define T(name, member) KL_SIM_FIELD(kl_saved_totals, name, member)
static const kl_sim_field totals[] = {T("number", number),
                                      T("random", random),
                                      T("seq", seq),
                                      T("numbers", numbers),
                                      T("now_us", now_us),
                                      T("hour", hour),
                                      T("pauses0", pauses[0]),
                                      T("pauses1", pauses[1]),
                                      T("pauses2", pauses[2]),
                                      T("pauses3", pauses[3]),
                                      T("resumes_us", resumes_us),
                                      T("deposits", deposits),
                                      T("fees", fees),
                                      T("transit", transit),
                                      T("retired", retired),
                                      T("market_serial", market_serial),
                                      T("event_serial", event_serial),
                                      T("precision", precision)};
#undef T

#define T(name, member) KL_SIM_FIELD(kl_saved_series, name, member)
static const kl_sim_field series[] = {T("number", number),
                                      T("ticker", s.ticker),
                                      T("title", s.title),
                                      T("category", s.category),
                                      T("frequency", s.frequency),
                                      T("fee_type", s.fee_type),
                                      T("fee_multiplier_ppm", s.fee_multiplier_ppm),
                                      T("volume", s.volume),
                                      T("exchange_index", s.exchange_index)};
#undef T

#define T(name, member) KL_SIM_FIELD(kl_saved_event, name, member)
static const kl_sim_field events[] = {T("number", number),
                                      T("series", series),
                                      T("ticker", e.ticker),
                                      T("title", e.title),
                                      T("sub_title", e.sub_title),
                                      T("serial", e.serial),
                                      T("exclusive", e.mutually_exclusive),
                                      T("has_fee_type", e.has_fee_type),
                                      T("has_fee_multiplier", e.has_fee_multiplier),
                                      T("fee_type", e.fee_type),
                                      T("fee_multiplier_ppm", e.fee_multiplier_ppm)};
#undef T

#define T(name, member) KL_SIM_FIELD(kl_saved_market, name, member)
#define BAND(i) T("start" #i, m.bands[i].start), T("end" #i, m.bands[i].end), T("step" #i, m.bands[i].step)
static const kl_sim_field markets[] = {T("number", number),
                                       T("event", event),
                                       T("ticker", m.ticker),
                                       T("id", m.id),
                                       T("title", m.title),
                                       T("yes_sub_title", m.yes_sub_title),
                                       T("no_sub_title", m.no_sub_title),
                                       T("rules", m.rules),
                                       T("strike_type", m.strike_type),
                                       T("has_floor", m.has_floor),
                                       T("has_cap", m.has_cap),
                                       T("floor_strike", m.floor_strike),
                                       T("cap_strike", m.cap_strike),
                                       T("status", m.status),
                                       T("price_structure", m.price_structure),
                                       T("n_bands", m.n_bands),
                                       BAND(0),
                                       BAND(1),
                                       BAND(2),
                                       BAND(3),
                                       T("created_us", m.created_us),
                                       T("open_us", m.open_us),
                                       T("close_us", m.close_us),
                                       T("expected_expiration_us", m.expected_expiration_us),
                                       T("latest_expiration_us", m.latest_expiration_us),
                                       T("settlement_timer_s", m.settlement_timer_s),
                                       T("last_price", m.last_price),
                                       T("previous_price", m.previous_price),
                                       T("previous_bid", m.previous_bid),
                                       T("previous_ask", m.previous_ask),
                                       T("last_size", m.last_size),
                                       T("volume", m.volume),
                                       T("volume_24h", m.volume_24h),
                                       T("open_interest", m.open_interest),
                                       T("dollar_volume", m.dollar_volume),
                                       T("dollar_open_interest", m.dollar_open_interest),
                                       T("last_trade_us", m.last_trade_us),
                                       T("updated_us", m.updated_us),
                                       T("settlement", m.settlement),
                                       T("determined_us", m.determined_us),
                                       T("settled_us", m.settled_us),
                                       T("settle_us", m.settle_us),
                                       T("volume_before", m.volume_before),
                                       T("open_interest_before", m.open_interest_before),
                                       T("serial", m.serial),
                                       T("hours", hours)};
#undef BAND
#undef T

#define T(name, member) KL_SIM_FIELD(kl_saved_user, name, member)
static const kl_sim_field users[] = {T("number", number), T("id", id), T("synthetic", synthetic),
                                     T("keep_orders", keep_orders), T("keep_fills", keep_fills)};
#undef T

#define T(name, member) KL_SIM_FIELD(kl_saved_account, name, member)
static const kl_sim_field accounts[] = {T("number", number),   T("user", user), T("subaccount", subaccount),
                                        T("shard", shard),     T("open", open), T("locked", locked),
                                        T("netting", netting), T("cash", cash)};
#undef T

#define T(name, member) KL_SIM_FIELD(kl_saved_holding, name, member)
static const kl_sim_field holdings[] = {T("number", number),
                                        T("account", account),
                                        T("market", market),
                                        T("position", p.position),
                                        T("cost", p.cost),
                                        T("realized", p.realized),
                                        T("fees", p.fees),
                                        T("position_fees", p.position_fees),
                                        T("traded", p.traded),
                                        T("volume", p.volume),
                                        T("updated_us", p.updated_us)};
#undef T

#define T(name, member) KL_SIM_FIELD(kl_saved_client_id, name, member)
static const kl_sim_field client_ids[] = {T("number", number), T("user", user), T("text", text)};
#undef T

#define T(name, member) KL_SIM_FIELD(kl_saved_order, name, member)
static const kl_sim_field orders[] = {T("number", number),
                                      T("account", account),
                                      T("market", market),
                                      T("closing", closing),
                                      T("accumulator", accumulator),
                                      T("reserve_type", reserve.type),
                                      T("reserve_multiplier_ppm", reserve.multiplier_ppm),
                                      T("id", o.id),
                                      T("client_order_id", o.client_order_id),
                                      T("user", o.user),
                                      T("side", o.side),
                                      T("price", o.price),
                                      T("initial", o.initial),
                                      T("filled", o.filled),
                                      T("remaining", o.remaining),
                                      T("tif", o.tif),
                                      T("stp", o.stp),
                                      T("post_only", o.post_only),
                                      T("reduce_only", o.reduce_only),
                                      T("cancel_on_pause", o.cancel_on_pause),
                                      T("behind", o.behind),
                                      T("quoter", o.quoter),
                                      T("subaccount", o.subaccount),
                                      T("order_group_id", o.order_group_id),
                                      T("expiration_us", o.expiration_us),
                                      T("status", o.status),
                                      T("reason", o.reason),
                                      T("created_us", o.created_us),
                                      T("updated_us", o.updated_us),
                                      T("taker_cost", o.taker_cost),
                                      T("maker_cost", o.maker_cost),
                                      T("taker_fees", o.taker_fees),
                                      T("maker_fees", o.maker_fees),
                                      T("seq", o.seq)};
#undef T

#define T(name, member) KL_SIM_FIELD(kl_saved_fill, name, member)
static const kl_sim_field fills[] = {
    T("number", number),       T("market", market),       T("yes_price", f.yes_price),
    T("count", f.count),       T("fee", f.fee),           T("post_position", f.post_position),
    T("ts_us", f.ts_us),       T("user", f.user),         T("subaccount", f.subaccount),
    T("side", f.side),         T("is_taker", f.is_taker), T("taker_fee", f.taker_fee),
    T("trade_id", f.trade_id), T("order_id", f.order_id)};
#undef T

#define T(name, member) KL_SIM_FIELD(kl_saved_trade, name, member)
static const kl_sim_field trades[] = {T("number", number),         T("market", market), T("id", t.id),
                                      T("yes_price", t.yes_price), T("count", t.count), T("taker_side", t.taker_side),
                                      T("ts_us", t.ts_us),         T("block", t.block)};
#undef T

#define T(name, member) KL_SIM_FIELD(kl_saved_settlement, name, member)
static const kl_sim_field settlements[] = {T("number", number),
                                           T("market", market),
                                           T("user", user),
                                           T("subaccount", s.subaccount),
                                           T("yes_count", s.yes_count),
                                           T("no_count", s.no_count),
                                           T("yes_cost", s.yes_cost),
                                           T("no_cost", s.no_cost),
                                           T("revenue", s.revenue),
                                           T("fees", s.fees),
                                           T("settled_us", s.settled_us)};
#undef T

const kl_sim_table kl_sim_engine_tables[KL_SAVED_KINDS] = {
    [KL_SAVED_TOTALS] = TABLE("totals", kl_saved_totals, totals),
    [KL_SAVED_SERIES] = TABLE("series", kl_saved_series, series),
    [KL_SAVED_EVENT] = TABLE("events", kl_saved_event, events),
    [KL_SAVED_MARKET] = TABLE("markets", kl_saved_market, markets),
    [KL_SAVED_USER] = TABLE("users", kl_saved_user, users),
    [KL_SAVED_ACCOUNT] = TABLE("accounts", kl_saved_account, accounts),
    [KL_SAVED_HOLDING] = TABLE("positions", kl_saved_holding, holdings),
    [KL_SAVED_CLIENT_ID] = TABLE("client_order_ids", kl_saved_client_id, client_ids),
    [KL_SAVED_ORDER] = TABLE("orders", kl_saved_order, orders),
    [KL_SAVED_FILL] = TABLE("fills", kl_saved_fill, fills),
    [KL_SAVED_TRADE] = TABLE("trades", kl_saved_trade, trades),
    [KL_SAVED_SETTLEMENT] = TABLE("settlements", kl_saved_settlement, settlements),
};
