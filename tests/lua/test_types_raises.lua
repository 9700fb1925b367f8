-- What lua/types says that functions raise is true: provoked, with kind and code.
local kalshi = require "kalshi"
local kalua = require "kalua"
local task = require "task"
local test = require "test"
local doc_comments = require "prompt.doc_comments"
local alerts, bus, calibration, http, json = require "alerts", require "bus", require "calibration", require "http",
  require "json"
local log, metrics, odds, orders, sizing, stats, ws = require "log", require "metrics", require "odds",
  require "orders", require "sizing", require "stats", require "ws"
local modules = {
  kalshi = kalshi, kalua = kalua, task = task, alerts = alerts, bus = bus, calibration = calibration, http = http,
  json = json, log = log, metrics = metrics, odds = odds, orders = orders, sizing = sizing, stats = stats, ws = ws,
}
local docs = doc_comments.all()

-- A market whose price is far from both ends, so that an order of a cent rests.
local function choose()
  for m in kalshi.each.get_markets{ status = "open", mve_filter = "exclude" } do
    local far = m.yes_bid_dollars > 0.1 and m.yes_ask_dollars < 0.9
    if far and m.price_level_structure == "linear_cent" then return m.ticker end
  end
end
local ticker = choose()
local book = kalshi.book(ticker)
local subscription = kalshi.subscribe{ channels = { "trade" }, market_tickers = { ticker } }
local function rest(price)
  return kalshi.order{ ticker = ticker, side = "yes", price = price or 0.01, count = 1, post_only = true }
end
local order = rest()
local ended = rest()
ended:cancel()

local objects = {
  ["kalshi.Book"] = book, ["kalshi.Subscription"] = subscription, ["kalshi.Order"] = order,
  ["task.Task"] = task.spawn(task.yield), ["task.Channel"] = task.channel(1),
  ["stats.Sma"] = stats.sma(5), ["stats.Ema"] = stats.ema{ half_life = 3 }, ["stats.Running"] = stats.running(),
  ["stats.Rolling"] = stats.rolling{ count = 4 }, ["stats.Volatility"] = stats.volatility{ half_life = 60 },
  ["stats.Quantile"] = stats.quantile(0.5), ["stats.OrderFlow"] = stats.order_flow(),
  ["calibration.Record"] = calibration.record(), ["metrics.Counter"] = metrics.counter "raised_total",
  ["metrics.Gauge"] = metrics.gauge "raised_now", ["metrics.Histogram"] = metrics.histogram "raised_seconds",
  ["bus.Subscription"] = bus.listen "raised",
  ["alerts.Watcher"] = alerts.new{ to = {}, rules = { alerts.script_failed() } },
}
objects["stats.Ema"]:add(1, 0)
objects["stats.Running"]:add(1):add(2)
objects["calibration.Record"]:add(0.5, true)

-- The function of a record with its object, nil where the test has none; and whether it is a method.
local function callable(fn)
  if not fn.class then return modules[fn.module] and modules[fn.module][fn.short] end
  local object = objects[fn.class]
  local method = object and object[fn.short]
  return method and function(...) return method(object, ...) end
end

local function declared(fn, kind)
  for _, one in ipairs(doc_comments.raises(fn)) do
    if one == kind then return true end
  end
  return false
end

-- fn(name, record, call) for each function that can be called here.
local function each_callable(fn)
  for name, record in pairs(docs.functions) do
    local call = not record.signature and callable(record)
    if call then fn(name, record, call) end
  end
end

test("a wrong argument raises what the declarations say, never a bare text", function(t)
  local count, wrong = 0, {}
  each_callable(function(name, record, call)
    local first = record.params[1]
    if not first or first.type == "any" then return end
    local ok, err = pcall(call, coroutine.create(print)) -- what nothing takes
    count = count + 1
    if ok then
      wrong[#wrong + 1] = name .. " takes a thread"
    elseif type(err) ~= "table" or not declared(record, err.kind) then
      wrong[#wrong + 1] = ("%s raises %s"):format(name, tostring(err))
    elseif not err.code then
      wrong[#wrong + 1] = ("%s: no code: %s"):format(name, tostring(err))
    end
  end)
  table.sort(wrong)
  t.ok(#wrong == 0, table.concat(wrong, "\n"))
  t.ok(count > 120, "tried: " .. count)
end)

test("what is said to raise nothing raises nothing", function(t)
  local count, wrong = 0, {}
  each_callable(function(name, record, call)
    if #record.params > 0 or record.async or #doc_comments.raises(record) > 0 or record.short == "close" then return end
    local ok, err = pcall(call)
    count = count + 1
    if not ok then wrong[#wrong + 1] = ("%s raises %s"):format(name, tostring(err)) end
  end)
  table.sort(wrong)
  t.ok(#wrong == 0, table.concat(wrong, "\n"))
  t.ok(count > 15, "tried: " .. count)
end)

test("a method that is called with a dot says so", function(t)
  for class, object in pairs(objects) do
    for _, name in ipairs(type(object) == "userdata" and docs.classes[class].methods or {}) do
      local method = object[docs.functions[name].short]
      local ok, err = pcall(method)
      t.ok(not ok and type(err) == "table" and err.kind == "validation", name .. ": " .. tostring(err))
    end
  end
end)

local NOBODY <const> = "5d2f1c3a-8f0e-4c61-9b7e-2a4d6e8f0a1b"
local closed_book, closed_channel = kalshi.book(ticker), task.channel(1)
closed_book:close()
local closed_subscription = kalshi.subscribe{ channels = { "trade" }, market_tickers = { ticker } }
closed_subscription:close()
closed_channel:close()

-- Name of a function, the kind and the code that must come, the call.
local provoked = {
  { "kalshi.book", "validation", "11", function() kalshi.book "NO-SUCH-MARKET" end },
  { "kalshi.books", "validation", "wrong_type", function() kalshi.books(ticker) end },
  { "kalshi.subscribe", "validation", "unknown_channel", function() kalshi.subscribe{ channels = { "tikcer" } } end },
  { "kalshi.get_market", "http", "not_found", function() kalshi.get_market "NO-SUCH-MARKET" end },
  { "kalshi.get_markets", "validation", "unknown_parameter", function() kalshi.get_markets{ stauts = "open" } end },
  { "kalshi.call", "http", "not_found", function() kalshi.call("GET", "/no/such/path") end },
  { "kalshi.call", "validation", "unknown_value", function() kalshi.call("FETCH", "/markets") end },
  { "kalshi.candlesticks", "validation", "wrong_arguments", function()
    kalshi.candlesticks(ticker, { start = 0 })
  end },
  { "kalshi.describe", "validation", "unknown_operation", function() kalshi.describe "get_markts" end },
  { "kalshi.describe", "validation", "missing_parameter", function() kalshi.describe() end },
  { "kalshi.limits", "validation", "limit_unknown", function() kalshi.limits{ max_positon = 1 } end },
  { "kalshi.own_orders", "validation", "unknown_option", function() kalshi.own_orders{ stauts = "all" } end },
  { "kalshi.portfolio", "validation", "no_such_script", function() kalshi.portfolio{ script = "nobody" } end },
  { "kalshi.cancel_order", "http", "not_found", function() kalshi.cancel_order(NOBODY) end },
  { "kalshi.decrease_order", "http", "invalid_parameters", function() kalshi.decrease_order(NOBODY) end },
  { "kalshi.order", "validation", "price_off_grid", function()
    kalshi.order{ ticker = ticker, side = "yes", price = 0.00123, count = 1 }
  end },
  { "kalshi.order", "validation", "unknown_option", function()
    kalshi.order{ ticker = ticker, side = "yes", price = 0.01, count = 1, post_olny = true }
  end },
  { "kalshi.order", "http", "not_found", function()
    kalshi.order{ ticker = "NO-SUCH-MARKET", side = "yes", price = 0.01, count = 1 }
  end },
  { "kalshi.order", "http", "insufficient_balance", function()
    kalshi.order{ ticker = ticker, side = "yes", price = 0.01, count = 99999999 }
  end },
  { "kalshi.Order:amend", "closed", "canceled", function() ended:amend{ price = 0.02 } end },
  { "kalshi.Order:decrease", "closed", "canceled", function() ended:decrease(1) end },
  { "kalshi.Order:decrease", "validation", "wrong_type", function() order:decrease(0) end },
  { "kalshi.Book:mid", "closed", "handle_closed", function() closed_book:mid() end },
  { "kalshi.Book:mid", "validation", "called_with_dot", function() book.mid "yes" end },
  { "kalshi.Book:best_bid", "validation", "unknown_value", function() book:best_bid "buy" end },
  { "kalshi.Book:count_at", "validation", "price_off_grid", function() book:count_at(0.12345) end },
  { "kalshi.Book:wait", "validation", "out_of_range", function() book:wait(-1) end },
  { "kalshi.Subscription:add", "validation", "called_with_dot", function() subscription.add{ ticker } end },
  { "kalshi.Subscription:add", "validation", "11", function() subscription:add{ "NO-SUCH-MARKET" } end },
  { "kalshi.Subscription:add", "closed", "handle_closed", function() closed_subscription:add{ ticker } end },
  { "kalshi.Subscription:available", "validation", "contradicting_options", function() subscription:available() end },
  { "kalshi.Subscription:messages", "closed", "handle_closed", function() closed_subscription:messages() end },
  { "task.timeout", "timeout", "task_timeout", function() task.timeout(0.01, task.sleep, 5) end },
  { "task.sleep", "validation", "wrong_type", function() task.sleep(-1) end },
  { "task.race", "validation", "wrong_arguments", function() task.race{} end },
  { "task.Channel:send", "closed", "handle_closed", function() closed_channel:send(1) end },
  { "task.Task:await", "cancelled", nil, function()
    local sleeper = task.spawn(task.sleep, 60)
    sleeper:cancel "enough"
    sleeper:await()
  end },
  { "kalua.expect", "validation", "unknown_metric", function() kalua.expect{ porfit = ">0" } end },
  { "bus.send", "validation", "not_plain_data", function() bus.send("raised", print) end },
  { "json.decode", "validation", "not_json", function() json.decode "{" end },
  { "json.encode", "validation", "not_plain_data", function() json.encode(0 / 0) end },
  { "http.get", "permission", "permission_net", function() http.get "https://api.example.com/" end },
  { "http.request", "validation", "wrong_arguments", function() http.request{ url = 1 } end },
  { "ws.connect", "permission", "permission_net", function() ws.connect "wss://stream.example.com" end },
  { "metrics.counter", "validation", "malformed_value", function() metrics.counter "kalua_mine_total" end },
  { "metrics.gauge", "validation", "metric_taken", function() metrics.gauge "raised_total" end },
  { "metrics.Counter:inc", "validation", "malformed_value", function()
    metrics.counter("raised_total"):inc(1, { le = "x" })
  end },
  { "orders.take", "validation", "missing_parameter", function() orders.take{ ticker = ticker, side = "yes" } end },
  { "orders.oco", "validation", "wrong_arguments", function() orders.oco(order, order) end },
  { "sizing.contracts", "validation", "missing_parameter", function()
    sizing.contracts{ probability = 0.5, bankroll = 10 }
  end },
  { "sizing.contracts", "validation", "contradicting_options", function()
    sizing.contracts{ probability = 0.5, bankroll = 10, price = 0.4, levels = {} }
  end },
  { "sizing.contracts", "validation", "not_in_order", function()
    sizing.contracts{ probability = 0.9, bankroll = 10, levels = { { 0.5, 1 }, { 0.4, 1 } } }
  end },
  { "sizing.fee", "validation", "out_of_range", function() sizing.fee(52, 1) end },
  { "sizing.kelly", "validation", "price_out_of_range", function() sizing.kelly(0.6, 50) end },
  { "sizing.exclusive", "validation", "probabilities_sum", function()
    sizing.exclusive{
      bankroll = 10, outcomes = { { probability = 0.8, price = 0.4 }, { probability = 0.3, price = 0.3 } },
    }
  end },
  { "odds.probability", "validation", "out_of_range", function() odds.probability(2.5) end },
  { "odds.probability", "validation", "malformed_value", function() odds.probability "evens" end },
  { "odds.fair", "validation", "margin_too_large", function() odds.fair({ 0.95, 0.9, 0.01 }, "additive") end },
  { "odds.fair", "validation", "unknown_value", function() odds.fair({ 0.5, 0.6 }, "shine") end },
  { "odds.distribution", "validation", "crossed_quotes", function()
    odds.distribution{ { bid = 0.5, ask = 0.4 }, { bid = 0.3, ask = 0.4 } }
  end },
  { "stats.ema", "validation", "contradicting_options", function() stats.ema{ periods = 3, half_life = 2 } end },
  { "stats.Ema:add", "validation", "not_in_order", function()
    local average = stats.ema{ half_life = 2 }
    average:add(1, 10)
    average:add(1, 9)
  end },
  { "calibration.brier", "validation", "list_length", function() calibration.brier({ 0.5 }, { true, false }) end },
  { "calibration.ranked", "validation", "probabilities_sum", function() calibration.ranked({ 0.5, 0.4 }, 1) end },
  { "alerts.new", "validation", "wrong_arguments", function() alerts.new{ to = {}, rules = {} } end },
  { "alerts.slack", "validation", "wrong_arguments", function() alerts.slack "hooks.example.com/services" end },
  { "kalshi.limits", "validation", "limit_not_wider", function()
    kalshi.limits{ max_position = 5 }
    kalshi.limits{ max_position = 6 }
  end },
  { "kalshi.order", "risk", "max_position", function()
    kalshi.order{ ticker = ticker, side = "yes", price = 0.01, count = 50 }
  end },
}

test("kinds and codes of errors are those that are declared", function(t)
  local wrong = {}
  for _, one in ipairs(provoked) do
    local name, kind, code, call = table.unpack(one, 1, 4)
    local ok, err = pcall(call)
    if ok then
      wrong[#wrong + 1] = ("%s raises nothing, not %s/%s"):format(name, kind, tostring(code))
    elseif type(err) ~= "table" or err.kind ~= kind or code and err.code ~= code then
      wrong[#wrong + 1] = ("%s: %s/%s wanted, came %s (code %s)"):format(name, kind, tostring(code), tostring(err),
        tostring(type(err) == "table" and err.code))
    elseif not declared(docs.functions[name], kind) then
      wrong[#wrong + 1] = ("%s does not say that it raises %s"):format(name, kind)
    end
  end
  t.ok(#wrong == 0, table.concat(wrong, "\n"))
end)
