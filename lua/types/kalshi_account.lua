---@meta _
-- The account, its limits and what trading has come to. Part of kalshi.lua.

---@class kalshi
local kalshi = {}

---Risk limits in force, and what they are compared with. Limits that are not set are absent.
---@class kalshi.RiskState: kalua.RiskLimits
---@field exposure number dollars that may be lost at worst
---@field profit_today number dollars, since midnight in New York; negative: a loss
---@field trades_today integer orders of today that filled
---@field open_orders integer orders that rest or are on their way
---@field refused integer orders that a limit has refused, in this process
---@field refused_by? string the limit of the last one

---What `kalshi.limits` gives: the limits that hold, and how far they are used.
---@class kalshi.RiskReport: kalshi.RiskState
---@field account kalshi.RiskState of all scripts together
---@field halted? string why nothing but cancels is sent for this script

---The limits of this script's orders and how far it has come (docs/risk.md). With a table it makes limits tighter, for the
---version that asks; wider raises "validation", and nothing of the table is taken over.
---```lua
---l = kalshi.limits()
---print(l.max_position, l.exposure, l.profit_today, l.account.exposure)
---```
---@param tighter? kalua.RiskLimits limits to make tighter
---@return kalshi.RiskReport limits that hold, and how far they are used
function kalshi.limits(tighter) end

---An order of the account. What is not known, or does not apply, is absent.
---@class kalshi.OwnOrder
---@field order_id string of the exchange
---@field client_order_id? string of who placed it
---@field ticker string of the market
---@field side kalshi.Side on the YES leg
---@field outcome_side kalshi.Outcome what it buys: a bid YES, an ask NO
---@field price number of YES, dollars
---@field status "resting"|"filled"|"canceled"|"unknown" unknown: rests no longer, and how it ended is being looked up
---@field initial_count number contracts
---@field fill_count number contracts so far
---@field remaining_count number contracts that rest
---@field average_fill_price? number of YES, dollars
---@field fees? number dollars
---@field created_ts? number seconds since 1970
---@field updated_ts? number seconds since 1970
---@field expiration_ts? number seconds since 1970
---@field order_group_id? string of its group
---@field last_update_reason? string the exchange's word
---@field subaccount integer 0: the primary one
---@field exchange_index integer the shard that has it

---Which orders `kalshi.orders` gives.
---@class kalshi.OrderFilter
---@field ticker? string of one market
---@field status? "resting"|"filled"|"canceled"|"unknown"|"all" those ("resting")

---The account's orders from memory, newest first; resting ones unless `status` says otherwise. The first call of this or of
---fills, positions, balance waits until the account was read; from then on channels keep it and nothing waits. Raises
---"validation" for a wrong filter, "auth" without a key, and where the account could not be read "http", "network" or
---"timeout".
---```lua
---kalshi.orders()
---kalshi.orders{ ticker = ticker, status = "all" }
---```
---@async
---@param filter? kalshi.OrderFilter which ones
---@return kalshi.OwnOrder[] orders copies
function kalshi.orders(filter) end

---A fill of an order of the account.
---@class kalshi.OwnFill
---@field trade_id string of the exchange
---@field order_id string of the order
---@field client_order_id? string of the order
---@field ticker string of the market
---@field side kalshi.Side of the order, on the YES leg
---@field outcome_side kalshi.Outcome what was bought
---@field price number of YES, dollars
---@field count number contracts
---@field fee number dollars
---@field is_taker boolean the order did not rest
---@field post_position? number the position after it, contracts of YES
---@field ts number seconds since 1970
---@field subaccount integer 0: the primary one
---@field exchange_index integer the shard where it happened

---Which fills `kalshi.fills` gives.
---@class kalshi.FillFilter
---@field ticker? string of one market
---@field order_id? string of one order
---@field limit? integer how many
---@field min_ts? number not before, seconds since 1970

---The account's newest fills from memory, newest first. Raises "validation" for a wrong filter, "auth" without a key, and
---where the account could not be read "http", "network" or "timeout".
---```lua
---kalshi.fills{ limit = 10 }
---kalshi.fills{ ticker = ticker, min_ts = kalua.now() - 3600 }
---```
---@async
---@param filter? kalshi.FillFilter which ones
---@return kalshi.OwnFill[] fills copies
function kalshi.fills(filter) end

---What the account holds of a market.
---@class kalshi.OwnPosition
---@field ticker string of the market
---@field position number contracts of YES; negative: of NO
---@field exposure number what the open position cost, dollars
---@field realized_pnl number profit or loss of what was closed, dollars without fees
---@field fees_paid number dollars
---@field updated_ts? number seconds since 1970
---@field subaccount integer 0: the primary one
---@field outcome_side? kalshi.Outcome what is held; nil while nothing is
---@field average_price? number of YES, dollars: what the contracts cost on average (of NO one dollar minus it)
---@field mark? number of YES, dollars: the middle of the book where it has both sides, else the last trade
---@field unrealized_pnl? number what the position would bring at `mark`, less what it cost, dollars: (mark - average_price) * position

---Which positions `kalshi.positions` gives.
---@class kalshi.PositionFilter
---@field ticker? string of one market

---The account's positions in markets that are not settled, from memory; closed ones too, for what was realized. Raises
---"validation" for a wrong filter, "auth" without a key, and where the account could not be read "http", "network" or
---"timeout".
---```lua
---for _, p in ipairs(kalshi.positions()) do print(p.ticker, p.position, p.exposure) end
---```
---@async
---@param filter? kalshi.PositionFilter which ones
---@return kalshi.OwnPosition[] positions copies, one for each market and subaccount
function kalshi.positions(filter) end

---Cash of the account, from memory; read again within a second or so of each change. Of the primary subaccount, or of the
---one that the key belongs to. Raises "auth" without a key, and where the account could not be read "http", "network" or
---"timeout".
---```lua
---kalshi.balance()
---```
---@async
---@return number dollars of cash, without what positions are worth
function kalshi.balance() end

---What somebody holds of a market, by the fills of a script or of the account.
---@class kalshi.Holding
---@field ticker string of the market
---@field position number contracts of YES; negative: of NO
---@field outcome_side kalshi.Outcome what is held
---@field exposure number what it cost, dollars
---@field average_price number of YES, dollars: what the contracts cost on average (of NO one dollar minus it)
---@field mark? number of YES, dollars: the middle of the book where it has both sides, else the last trade
---@field unrealized_pnl? number what it would bring at `mark`, less what it cost, dollars
---@field realized_pnl number profit or loss of what was closed, dollars without fees
---@field fees_paid number dollars
---@field bought number contracts of YES, ever
---@field sold number contracts of YES, ever
---@field updated_ts? number seconds since 1970
---@field subaccount integer 0: the primary one

---What a market that has settled came to.
---@class kalshi.SettledHolding
---@field ticker string of the market
---@field settlement number dollars that a contract of YES was paid
---@field realized_pnl number profit or loss, dollars without fees
---@field fees_paid number dollars
---@field bought number contracts of YES, ever
---@field sold number contracts of YES, ever
---@field updated_ts? number seconds since 1970
---@field subaccount integer 0: the primary one

---What trading has come to; numbers in dollars and contracts.
---@class kalshi.Portfolio
---@field script? string whose it is; nil: the account's
---@field cash? number the account's, dollars
---@field realized number profit or loss of what was closed or settled, dollars without fees
---@field unrealized number what open positions would bring at their marks, less what they cost, dollars
---@field fees number dollars paid
---@field profit number realized + unrealized - fees, dollars
---@field profit_today number the same since midnight in New York, dollars
---@field drawdown number how far `profit` is below its peak, dollars
---@field max_drawdown number the farthest that it was, dollars, since this process began
---@field exposure number what open positions cost, dollars
---@field contracts number contracts held, YES and NO together
---@field traded number contracts bought and sold, ever
---@field fills integer how many of them it took to trade that
---@field positions kalshi.Holding[] what is held, changed last first
---@field settled kalshi.SettledHolding[] markets that have settled, the last first

---Whose portfolio `kalshi.portfolio` gives.
---@class kalshi.PortfolioFilter
---@field account? boolean the account's, with what other programs did
---@field script? string another script's of this process

---What the trading of the calling script has come to: from its own fills, also those of earlier runs where a journal has
---them, with what settled markets paid. Waits, as kalshi.positions does, until the account was read for the first time.
---Raises "validation" for a wrong filter, "auth" without a key, and where the account could not be read "http", "network" or
---"timeout".
---```lua
---kalshi.portfolio().profit
---kalshi.portfolio{ account = true }.cash
---kalshi.portfolio{ script = kalua.name }.max_drawdown
---```
---@async
---@param filter? kalshi.PortfolioFilter whose
---@return kalshi.Portfolio portfolio a copy
function kalshi.portfolio(filter) end
