---@meta _
-- Orders. Part of kalshi.lua.

---@class kalshi
local kalshi = {}

---Cancels every resting order of the account, everything that waits in any market, whoever placed it, and returns when
---nothing rests any more. Raises "timeout" when some rest after all, "auth" without a key, "http" or "network" where the
---exchange does not do it.
---```lua
---kalshi.cancel_all()
---```
---@async
---@return integer|true canceled how many; true where nobody counts, as in a shadow
function kalshi.cancel_all() end

---Cancels the open orders of this script, those of its earlier versions and runs, too, and returns when none rests any more.
---What other scripts and programs have placed goes on. Raises what `order:cancel` does: "network", "timeout" or "http".
---```lua
---kalshi.cancel_mine()
---```
---@async
---@return integer canceled how many
function kalshi.cancel_mine() end

---What `kalshi.order` is given: ticker, side, price and count at least.
---@class kalshi.OrderRequest
---@field ticker string of the market
---@field side kalshi.Outcome|kalshi.Side "yes" or "no" with an action; "bid" or "ask" on the YES leg without one
---@field action? "buy"|"sell" with side "yes" or "no" ("buy")
---@field price number dollars, of the outcome that `side` names: side "no" with price 0.58 is an ask of YES at 0.42
---@field count number contracts
---@field time_in_force? "good_till_canceled"|"immediate_or_cancel"|"fill_or_kill"|"gtc"|"ioc"|"fok" ("good_till_canceled")
---@field post_only? boolean refused rather than filled at once (false)
---@field reduce_only? boolean fills no more than takes the position to 0 (false)
---@field self_trade_prevention_type? "taker_at_cross"|"maker" which of two own orders goes when they meet ("taker_at_cross")
---@field expiration? number when it ends by itself, seconds since 1970; fractions are cut
---@field expires_in? number the same from now on, seconds from 1; it may live up to a second longer
---@field subaccount? integer 0 to 63 (the primary one)
---@field order_group_id? string of a group that it is to belong to
---@field client_order_id? string a name that was never used on this account; left out, it gets one that tells script, generation and run
---@field cancel_order_on_pause? boolean ends when trading pauses (false)
---@field lease? number seconds, 5 to 3600: it expires so soon unless this process goes on and renews it
---@field sync? boolean the journal has it on the disk before it is sent (false)
---@field wait? boolean false: returns at once, with the order "pending" (true)

---An order of this script, as the exchange knows it at this moment: what answers, channels and lists say of it is put
---together, in whatever order they come. Fields are read only. A wrong argument, or a field that it has not, raises
---"validation".
---```lua
---o = kalshi.order{ ticker = ticker, side = "yes", price = 0.01, count = 5 }
---o
---o.status, o.filled, o.remaining
---o:cancel()
---```
---@class kalshi.Order
---@field id? string of the exchange; nil until it has answered
---@field client_id string our own name of it
---@field ticker string of the market
---@field status "pending"|"resting"|"filled"|"canceled"|"rejected"|"unknown" pending: not answered yet; unknown: nobody could say yet, it is looked up. Filled, canceled and rejected are final; a canceled one may have filled in part
---@field filled number contracts
---@field remaining number contracts that may still fill; 0 once it has ended
---@field count number contracts in all: filled and remaining
---@field price number dollars, in the terms in which it was placed
---@field average_price? number dollars a contract of what has filled, in the same terms; nil while nothing has, or the price is not known yet
---@field fees number dollars
---@field cost? number dollars: average_price times filled, paid by a buy and received by a sell; nil while not known
---@field side kalshi.Side on the YES leg
---@field action "buy"|"sell" as it was placed; a bid buys, an ask sells
---@field outcome_side kalshi.Outcome what it gains from: "yes" for a bid, "no" for an ask
---@field yes_price number dollars, on the YES leg
---@field no_price number one dollar less that
---@field time_in_force "good_till_canceled"|"immediate_or_cancel"|"fill_or_kill" as it was placed
---@field post_only boolean as it was placed
---@field reason? string of its last change: the exchange's word, or why it ended
---@field error? kalshi.Error of a rejected one: why
---@field created number when it was placed, seconds since 1970
---@field updated? number the exchange's time of its last change, seconds since 1970; nil until there is one
---@field expiration? number when it ends by itself, seconds since 1970; nil where it does not
---@field group_id? string of its order group
---@field own_group_id? string the same where `order_group_id` named it; nil where it is that of the limit `order_group`, or may be, as with orders of an earlier run while that is on
---@field subaccount? integer 1 to 63; nil: the primary one, or that of the key
---@field generation integer of the script's version that placed it
local Order = {}

---Waits for news: true once something is known that the last wait on this object had not seen, which the first time is
---the answer. True at once for one that has ended.
---```lua
---o = kalshi.order{ ticker = ticker, side = "yes", price = 0.01, count = 5 }
---o:wait(), o:wait(0.1)
---o:cancel()
---```
---@async
---@param timeout? number seconds, 0 to a million; without it as long as it takes
---@return boolean news false when the time ran out
function Order:wait(timeout) end

---Waits until it is filled completely.
---```lua
---o = kalshi.order{ ticker = ticker, side = "yes", price = 0.99, count = 1 }
---o:wait_fill(5)
---o:cancel()
---```
---@async
---@param timeout? number seconds, 0 to a million; without it as long as it takes
---@return boolean filled false when the time ran out, or it ended otherwise
function Order:wait_fill(timeout) end

---The order at each turn of the loop, as it is then: any number of changes between two turns are one. The first turn comes
---with the answer, the last with its end.
---```lua
---for o in kalshi.order{ ticker = ticker, side = "yes", price = 0.99, count = 1, time_in_force = "ioc" }:changes() do
---  print(o.status, o.filled, o.average_price)
---end
---```
---@async
---@return fun(): kalshi.Order? next for `for`
function Order:changes() end

---Cancels what is left of it. Raises "network", "timeout" or "http" with the `code` "outcome_unknown" when it cannot be
---known whether that came about; it is looked up then, and `o:wait()` tells.
---```lua
---o = kalshi.order{ ticker = ticker, side = "yes", price = 0.01, count = 5 }
---o:cancel(), o:cancel()
---```
---@async
---@return boolean canceled false when it had already ended, filled or otherwise
function Order:cancel() end

---Changes price, size or both, in one write. Another price, or a larger size, costs the place in the queue. Raises "closed",
---with the status as `code`, for an order that has ended, "risk" where a limit forbids it, "http" where the exchange refuses
---it, "network" or "timeout" where no answer came.
---```lua
---o = kalshi.order{ ticker = ticker, side = "yes", price = 0.01, count = 5 }
---o:amend{ price = 0.02, count = 8 }
---o:cancel()
---```
---@async
---@param change {price: number?, count: number?} dollars, in the terms in which it was placed; contracts of the whole size, what has filled already included
---@return kalshi.Order order itself
function Order:amend(change) end

---Takes so many contracts off what is left. It keeps its place in the queue. Raises "closed", with the status as `code`, for
---one that has ended, "http" where the exchange refuses it, "network" or "timeout" where no answer came.
---```lua
---o = kalshi.order{ ticker = ticker, side = "yes", price = 0.01, count = 5 }
---o:decrease(2).remaining
---o:cancel()
---```
---@async
---@param by number contracts; all that is left, or more, ends it
---@return kalshi.Order order itself
function Order:decrease(by) end

---Places an order and waits for the answer. Raises "validation" for what is wrong in itself, "risk" where a limit forbids
---it, "auth" without a key, "http" with the exchange's `code` where that refuses it, "network" or "timeout" where it surely
---never got there; where there is an order, `err.order` is it. When nobody can tell in time what became of it, it returns
---with the status "unknown", which resolves itself.
---```lua
---o = kalshi.order{ ticker = ticker, side = "no", price = 0.02, count = 10, post_only = true }
---o.side, o.yes_price, o.price
---o:cancel()
---```
---```lua
---ok, err = pcall(kalshi.order, { ticker = ticker, side = "yes", price = 0.001234, count = 10 })
---print(err.message)
---```
---@async
---@param order kalshi.OrderRequest what is wanted
---@return kalshi.Order order as the exchange has it
function kalshi.order(order) end

---The orders of this script, the newest first: those that are open unless `status` says otherwise. Orders of its earlier
---versions are among them, and where a journal is kept those of its earlier runs. The same order is the same object. Raises
---"validation" for a wrong filter.
---```lua
---for _, o in ipairs(kalshi.own_orders()) do print(o) end
---kalshi.own_orders{ ticker = ticker, status = "all" }
---```
---@param filter? {ticker: string?, status: "open"|"all"|"pending"|"unknown"|"resting"|"filled"|"canceled"|"rejected"|nil} which ones ("open": not ended)
---@return kalshi.Order[] orders list
function kalshi.own_orders(filter) end

---An order of any script of this process, by the exchange's id or by our own. Raises "validation" for what is no text.
---```lua
---kalshi.find_order("5d2f1c3a-8f0e-4c61-9b7e-2a4d6e8f0a1b")
---```
---@param id string `id` or `client_id`
---@return kalshi.Order? order nil where it is not known here
function kalshi.find_order(id) end

---An order to place. To buy YES at 0.42: side "bid", price 0.42. To buy NO at 0.42: side "ask", price 0.58, since an
---offer of YES at 0.58 is a bid for NO at 0.42.
---@class kalshi.NewOrder
---@field ticker string of the market
---@field side kalshi.Side on the YES leg: to buy NO at q, give "ask" at 1 - q
---@field price number of YES in dollars, on the market's grid
---@field count number contracts, in steps of 0.01
---@field time_in_force "good_till_canceled"|"immediate_or_cancel"|"fill_or_kill" good_till_canceled rests, immediate_or_cancel takes what is there, fill_or_kill takes all or nothing
---@field self_trade_prevention_type "taker_at_cross"|"maker" which of two own orders that would trade with each other is canceled: the new one, or the one that rests
---@field client_order_id? string made up when absent
---@field post_only? boolean refused where it would trade at once
---@field reduce_only? boolean only makes a position smaller
---@field cancel_order_on_pause? boolean canceled when trading is paused
---@field expiration_time? integer seconds since 1970 at which it is canceled
---@field order_group_id? string of a group of orders that are limited together
---@field subaccount? integer 0: the primary one
---@field exchange_index? integer the shard; the exchange finds it when absent
---@field timeout? number seconds the call may take (30)

---Places an order: buys or sells. On the production exchange only with `--live`. When the answer is lost, what became of the
---order is looked up; it is never sent twice (`:help money`).
---
---Raises "validation" for a wrong field before anything is sent, "risk" where a limit forbids it, "auth" without a key,
---"http" with the exchange's `code` when it refuses (insufficient_balance, invalid_price …), "timeout" or "network" with
---`code` "outcome_unknown" when nobody can tell.
---```lua
---order = kalshi.create_order{
---  ticker = ticker, side = "bid", price = 0.01, count = 1, post_only = true,
---  time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross",
---}
---kalshi.cancel_order(order.order_id)
---```
---@async
---@param order kalshi.NewOrder what to place
---@return {order_id: string, client_order_id?: string, fill_count: number, remaining_count: number, average_fill_price?: number, average_fee_paid?: number, ts_ms: integer, resolved?: boolean} answer contracts; dollars of YES and of fees for a contract; milliseconds since 1970. `resolved` is true when the answer was lost and this was looked up
function kalshi.create_order(order) end

---Gives an order another price or size. It keeps its place in the queue only when its size falls and its price stays. Raises
---"validation" for a wrong field, "auth" without a key, "permission" on production without `--live`, "risk" where a limit
---forbids it, "http" with the exchange's `code` when it refuses, "timeout" or "network" where no answer came.
---```lua
---order = kalshi.create_order{
---  ticker = ticker, side = "bid", price = 0.01, count = 2, post_only = true,
---  time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross",
---}
---kalshi.amend_order(order.order_id, { ticker = ticker, side = "bid", price = 0.02, count = 2 })
---kalshi.cancel_order(order.order_id)
---```
---@async
---@param order_id string of the exchange
---@param change {ticker: string, side: kalshi.Side, price: number, count: number} dollars of YES; `count` is the total: what is filled already plus what shall rest
---@return {order_id: string, client_order_id?: string, fill_count?: number, remaining_count?: number, average_fill_price?: number, average_fee_paid?: number, ts_ms: integer} answer contracts; dollars of YES and of fees for a contract; milliseconds since 1970. The optional ones where something changed or filled
function kalshi.amend_order(order_id, change) end

---Makes a resting order smaller; it keeps its place in the queue. Raises "validation" for a wrong field, "auth" without a
---key, "permission" on production without `--live`, "http" with the exchange's `code` when it refuses, "timeout" or
---"network" where no answer came.
---```lua
---order = kalshi.create_order{
---  ticker = ticker, side = "bid", price = 0.01, count = 5, post_only = true,
---  time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross",
---}
---kalshi.decrease_order(order.order_id, { reduce_to = 2 })
---kalshi.cancel_order(order.order_id)
---```
---@async
---@param order_id string of the exchange
---@param change {reduce_by?: number, reduce_to?: number} contracts: one of the two
---@return {order_id: string, client_order_id?: string, remaining_count: number, ts_ms: integer} answer contracts that rest; milliseconds since 1970
function kalshi.decrease_order(order_id, change) end

---Cancels an order. A cancel reaches only the shard that it names; orders that are known here get theirs by themselves, for
---others give `market_ticker`. Raises "validation" for a wrong field, "auth" without a key, "http" with status 404 when it
---does not rest any more, "timeout" or "network" where no answer came.
---```lua
---order = kalshi.create_order{
---  ticker = ticker, side = "bid", price = 0.01, count = 1, post_only = true,
---  time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross",
---}
---kalshi.cancel_order(order.order_id).reduced_by
---```
---@async
---@param order_id string of the exchange
---@param query? {market_ticker?: string, subaccount?: integer, exchange_index?: integer} where the order is, when it was not placed here
---@return {order_id: string, reduced_by: number, ts_ms: integer} answer contracts that were canceled; milliseconds since 1970
function kalshi.cancel_order(order_id, query) end
