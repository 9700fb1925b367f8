-- Lists whose older rows live under /historical: when a walk has to go on there, and how both are read as one list.
-- Run once by the module itself; gives the other parts helpers.has_history and join_history. Not for
-- `require`.
--
-- The exchange moves rows out of the live lists once they are older than a cutoff, and the cutoff moves while we read.
-- What is relied on: the cutoff only moves forward; what is older than it is in the history; what is not is in the
-- live list; a row may be in both for a while. So the live list is read first and the history after it with the same
-- filters, and what both hold is handed out once. No order of the rows is relied on.
local kalshi, helpers = ...
assert(type(kalshi) == "table" and type(helpers) == "table", 'use require "kalshi"')

local error, ipairs, math, pairs, pcall, require, type = error, ipairs, math, pairs, pcall, require, type
local fail, seconds = helpers.fail, helpers.seconds

local KEEP = 60 -- seconds for which a cutoff that was read is good enough
-- Seconds by which the cutoff may move during one walk. It has been seen to move by a day at once. Ids of the live rows
-- up to so much younger than the cutoff are remembered, which bounds that memory; a greater step is an error.
local STEP = 2 * 86400

-- ---- the lists ----

---Filters that only the live list knows and that are applied to the rows of the history here: test(row, value) is true,
---false, or nil when the row does not say.
local function same(field)
  return function(row, value)
    local has = row[field]
    if type(has) ~= "string" and type(has) ~= "number" then return nil end
    return has == value
  end
end

---Is the field one of a list, or of a text with commas?
local function among(field)
  return function(row, value)
    local has = row[field]
    if type(has) ~= "string" then return nil end
    if type(value) == "string" then return ("," .. value .. ","):find("," .. has .. ",", 1, true) ~= nil end
    for _, v in ipairs(value) do
      if v == has then return true end
    end
    return false
  end
end

-- Whether the exchange means "at" too is not documented: a row at exactly the time is in.
local function since(field)
  return function(row, value)
    local t = seconds(row[field])
    return t and t >= value
  end
end
local function till(field)
  return function(row, value)
    local t = seconds(row[field])
    return t and t <= value
  end
end

local function number(v) return math.type(v) and v or nil end
local LIVE = math.huge -- as the time of a row, or the begin of a range: never in the history

---By live operation. `history`: the operation for the older rows; `cutoff`: which of the cutoffs divides the two;
---`time(row)`: what is compared with it, LIVE for a row that is not at its end, nil when unknown; `id(row)`;
---`range(query)`: the earliest and the latest such time that the query can match; `here`: see above; `one_of`: the
---history takes only one of these filters; `after`: the parameter that keeps a query out of the history.
local lists = {
  get_trades = {
    history = "get_trades_historical",
    cutoff = "trades_created_ts",
    time = function(row) return seconds(row.created_time) end,
    id = function(row) return row.trade_id end,
    range = function(q) return number(q.min_ts), number(q.max_ts) end,
    after = "min_ts",
    here = {},
  },
  get_fills = {
    history = "get_fills_historical",
    cutoff = "trades_created_ts",
    time = function(row) return seconds(row.created_time) or number(row.ts) end,
    id = function(row)
      local fill, order = row.fill_id or row.trade_id, row.order_id
      return type(fill) == "string" and type(order) == "string" and fill .. " " .. order or fill
    end,
    range = function(q) return number(q.min_ts), number(q.max_ts) end,
    after = "min_ts",
    here = { order_id = same "order_id", exchange_index = same "exchange_index" },
  },
  get_orders = {
    history = "get_historical_orders",
    cutoff = "orders_updated_ts", -- when it was canceled or fully executed
    time = function(row) return row.status == "resting" and LIVE or seconds(row.last_update_time) end,
    id = function(row) return row.order_id end,
    -- An order ends after it was created, so min_ts bounds both times; max_ts, which may mean the creation, does not.
    range = function(q) return q.status == "resting" and LIVE or number(q.min_ts) end,
    after = "min_ts",
    here = { status = same "status", exchange_index = same "exchange_index" }, -- no order names its event
  },
  get_markets = {
    history = "get_historical_markets",
    cutoff = "market_settled_ts",
    time = function(row) return seconds(row.settlement_ts) or row.status ~= "finalized" and LIVE or nil end,
    id = function(row) return row.ticker end,
    range = function(q)
      if q.status ~= nil and q.status ~= "settled" then return LIVE end -- "closed" is: not settled yet
      local from
      -- A market is created, closes, settles and changes no more, in this order.
      for _, name in ipairs{ "min_settled_ts", "min_created_ts", "min_close_ts", "min_updated_ts" } do
        local v = number(q[name])
        if v and (not from or v > from) then from = v end
      end
      return from, number(q.max_settled_ts)
    end,
    after = "min_settled_ts",
    one_of = { "series_ticker", "tickers", "event_ticker", "mve_filter" }, -- the series first: no row names it
    here = {
      status = function(_, value) return value == "settled" end, -- what is there has settled
      tickers = among "ticker",
      event_ticker = same "event_ticker",
      mve_filter = function(row, value)
        if type(row.ticker) ~= "string" then return nil end
        return (row.ticker:sub(1, 5) == "KXMVE") == (value == "only")
      end,
      min_created_ts = since "created_time", max_created_ts = till "created_time",
      min_updated_ts = since "updated_time", max_updated_ts = till "updated_time",
      min_close_ts = since "close_time", max_close_ts = till "close_time",
      min_settled_ts = since "settlement_ts", max_settled_ts = till "settlement_ts",
    },
  },
  get_positions = {
    history = "get_historical_positions",
    cutoff = "market_positions_last_updated_ts",
    cutoff_may_lack = true,
    time = function(row) return seconds(row.last_updated_ts) end,
    id = function(row) return row.ticker or row.event_ticker end,
    range = function(q)
      if q.settlement_status == "all" or q.settlement_status == "settled" then return nil end
      return LIVE
    end,
    here = { settlement_status = function() return true end }, -- what is there has settled
  },
}

-- ---- the cutoffs ----

local known, known_at -- the answer, false when this exchange has no history; kalua.now() before it was asked for

---The cutoff of a list in seconds; nil when the exchange does not tell this one; false when it has no history.
---`fresh`: asked for now.
local function cutoff_of(list, fresh)
  local asked = require("kalua").now() -- not ahead: that would open the state of a version before it has it
  if known == nil or fresh or asked - known_at > KEEP or asked < known_at then
    local ok, answer = pcall(kalshi.get_historical_cutoff)
    if ok then
      known, known_at = answer, asked
    elseif type(answer) == "table" and (answer.status == 404 or answer.status == 501) then
      known, known_at = false, asked -- like the embedded exchange
    else
      error(answer, 0)
    end
  end
  if not known then return false end
  local cutoff = type(known) == "table" and seconds(known[list.cutoff])
  if not cutoff and not list.cutoff_may_lack then
    fail("protocol", "get_historical_cutoff", false, "the answer has no time " .. list.cutoff)
  end
  return cutoff or nil
end

-- ---- the same filters on the other list ----

local described = {}

---The query parameters of an operation by name.
local function parameters(operation)
  local found = described[operation]
  if not found then
    found = {}
    for _, p in ipairs(kalshi.describe(operation).params) do found[p.name] = p end
    described[operation] = found
  end
  return found
end

local function takes(param, value)
  if not param then return false end
  if not param.enum then return true end
  for _, v in ipairs(param.enum) do
    if v == value then return true end
  end
  return false
end

local plain = { raw = true, timeout = true } -- of any call

local fits = {
  string = function(v) return type(v) == "string" end,
  integer = function(v) return math.type(v) and math.tointeger(v) ~= nil end,
  boolean = function(v) return type(v) == "boolean" end,
  array = function(v) return type(v) == "string" or type(v) == "table" end,
}

---Would the live operation take this query? It refuses wrong ones by itself; this is for when it is not asked.
local function is_valid(operation, query)
  local params = parameters(operation)
  for name, value in pairs(query) do
    local p = params[name]
    if not plain[name] then
      if not (takes(p, value) and fits[p.type] and fits[p.type](value)) then return false end
      if p.type == "integer" and (p.min and value < p.min or p.max and value > p.max) then return false end
    end
  end
  return true
end

---The query for the history, and the tests that its rows must pass: a list of { name, test, value }. Raises when a
---filter can be neither sent nor applied.
local function translate(name, list, query, cutoff)
  local params, sent, tests = parameters(list.history), {}, {}
  local chosen, kept_back = nil, {}
  for _, filter in ipairs(list.one_of or {}) do
    if not chosen and query[filter] ~= nil and takes(params[filter], query[filter]) then
      chosen = filter
    else
      kept_back[filter] = true
    end
  end
  for filter, value in pairs(query) do
    if plain[filter] or (takes(params[filter], value) and filter ~= "cursor" and not kept_back[filter]) then
      sent[filter] = value
    elseif list.here[filter] then
      tests[#tests + 1] = { name = filter, test = list.here[filter], value = value }
    elseif filter ~= "cursor" then -- of the live list
      local advice = "give history = false for the live rows alone"
      if cutoff and list.after then
        advice = ("%s, or %s = %d or later, which leaves the history out"):format(advice, list.after, -(-cutoff // 1))
      end
      fail("validation", name, false, ("the query reaches into the history, which %s cannot filter by %s: %s")
        :format(list.history, filter, advice), "history_filter")
    end
  end
  return sent, tests
end

-- ---- both as one ----

---Has this operation a list of older rows under /historical?
function helpers.has_history(name) return lists[name] ~= nil end

---Reads a list and, where the query reaches below the cutoff, its history. Takes the operation's name, the query,
---next_page() of the live list, which gives a page's rows and whether it is the last, and open(operation, query), which
---gives the same for the history. Gives such a function for the whole; after an error it can be called again and goes
---on where it was.
function helpers.join_history(name, query, live, open)
  local list = lists[name]
  local first_cursor = query.cursor -- live() moves on the one in the query
  local from, to = list.range(query)
  local stage, cutoff, older, tests
  local skipped_live = false
  local watched, seen = false, {} -- ids of live rows that may be in the history as well
  local held, held_last -- a page that was read and not handed out yet

  local function go_older()
    local sent
    sent, tests = translate(name, list, query, cutoff)
    older, stage = open(list.history, sent), "older"
  end

  -- Before anything is handed out.
  local function start()
    cutoff = cutoff_of(list)
    if cutoff == false then
      stage = "live only"
    elseif not from or not cutoff or from < cutoff then
      translate(name, list, query, cutoff) -- raises now rather than in the middle
      watched, stage = true, "live"
    else
      watched = from < cutoff + STEP -- the cutoff may move past it while the live rows are read
      stage = watched and "live" or "live only"
    end
  end

  local function remember(rows)
    for _, row in ipairs(rows) do
      local t, id = list.time(row), list.id(row)
      if id and (not t or not cutoff or t < cutoff + STEP) then seen[id] = true end
    end
  end

  -- So young that its id was not remembered: the live list had it, unless the cutoff has made a great step.
  local function is_young(row)
    local t = cutoff and not skipped_live and list.time(row)
    return t and t ~= LIVE and t >= cutoff + STEP
  end

  local function check_step()
    local moved = cutoff_of(list, true)
    if moved and moved > cutoff + STEP then
      fail("protocol", name, true, "the border between live rows and history moved by more than two days during this "
        .. "walk, so that they cannot be told apart; begin again")
    end
  end

  -- The rows of a page of the history that are new and match.
  local function pick(rows)
    local picked, checked = {}, false
    for _, row in ipairs(rows) do
      local id = list.id(row)
      local keep = not (id and seen[id])
      if keep and is_young(row) then
        if not checked then check_step() end
        keep, checked = false, true
      end
      for _, filter in ipairs(tests) do
        if not keep then break end
        keep = filter.test(row, filter.value)
        if keep == nil then
          fail("protocol", list.history, false, ("a row lacks what %s is compared with; give history = false")
            :format(filter.name))
        end
      end
      if keep then picked[#picked + 1] = row end
    end
    return picked
  end

  return function()
    if not stage then
      if from == LIVE then
        stage = "live only"
      elseif to and not first_cursor and is_valid(name, query) then
        cutoff = cutoff_of(list)
        if cutoff and to < cutoff then
          skipped_live = true
          go_older()
        end
      end
    end
    if stage == "live only" then return live() end
    if stage == "turn" then
      -- Whether the walk had to cross was judged by a cutoff that may have moved since.
      if from and cutoff and from >= cutoff then
        local moved = cutoff_of(list, true)
        if not moved or from >= moved then return {}, true end
      end
      go_older()
    end
    if not held then
      if stage == "older" then held, held_last = older() else held, held_last = live() end
    end
    if not stage then start() end
    local rows, last = held, held_last
    if stage == "older" then
      rows = pick(rows)
    elseif watched then
      remember(rows)
      if last then stage, last = "turn", false end
    end
    held = nil
    return rows, last
  end
end
