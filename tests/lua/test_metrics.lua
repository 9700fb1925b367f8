local metrics = require "metrics"
local test = require "test"
local kalshi = require "kalshi"

local function sample(name, labels)
  local family = metrics.read()[name]
  for _, s in ipairs(family and family.samples or {}) do
    local same = true
    for key, value in pairs(labels or {}) do same = same and s.labels[key] == value end
    if same then return s, family end
  end
end

local function fails(t, kind, fn, ...)
  local ok, err = pcall(fn, ...)
  t.eq(ok, false)
  t.eq(err.kind, kind)
  return err.message
end

test("a counter counts by labels, and is the same one by its name", function(t)
  local c = metrics.counter("test_quotes_total", "Quotes sent")
  c:inc()
  c:inc(2.5, { side = "bid", n = 3, ok = true })
  metrics.counter("test_quotes_total"):inc(1, { n = 3, ok = true, side = "bid" })
  t.eq(c:value(), 1.0)
  t.eq(c:value{ side = "bid", n = "3", ok = "true" }, 3.5)
  t.eq(c:value{ side = "ask" }, 0.0)
  t.eq(metrics.value "test_quotes_total", 4.5)
  t.eq(metrics.value("test_quotes_total", { side = "bid" }), 3.5)
  local s, family = sample("test_quotes_total", { side = "bid" })
  t.eq(family.type, "counter")
  t.eq(family.help, "Quotes sent")
  t.eq(s.labels.n, "3")
  t.ok(s.labels.script)
  t.eq(#family.samples, 2, "looking at a value makes no series")
end)

test("a counter never goes back, a gauge does", function(t)
  local c, g = metrics.counter "test_back_total", metrics.gauge "test_level"
  t.ok(fails(t, "validation", c.inc, c, -1):find "never goes back")
  g:set(5)
  g:inc(-7)
  t.eq(g:value(), -2.0)
  t.eq(sample "test_level".value, -2.0)
  for _, wrong in ipairs{ 0 / 0, 1 / 0, "1", {} } do fails(t, "validation", g.set, g, wrong) end
end)

test("a histogram counts into buckets with growing bounds", function(t)
  local h = metrics.histogram("test_edge_dollars", { 0.01, 0.1, 1 }, "Edges")
  for _, v in ipairs{ 0.01, 0.05, 0.05, 2 } do h:observe(v) end
  local s = sample "test_edge_dollars"
  t.eq(s.count, 4)
  t.near(s.sum, 2.11, 1e-9)
  local counts = {}
  for i, b in ipairs(s.buckets) do counts[i] = b.count end
  t.eq(counts, { 1, 3, 3, 4 })
  t.eq(s.buckets[4].le, math.huge)
  t.eq(metrics.value "test_edge_dollars", 4.0)
  fails(t, "validation", metrics.histogram, "test_edge_dollars", { 1, 2 })
  fails(t, "validation", metrics.histogram, "test_other", { 2, 1 })
  fails(t, "validation", metrics.histogram, "test_other", {})
end)

test("names and labels that would break the text of /metrics are refused", function(t)
  for _, name in ipairs{
    "", "1a", "a b", "a\n", "a{b}", "é", "kalua_mine", "process_x", "__x", "x_bucket", "x_sum", "x_count",
    ("x"):rep(101), "a\0b",
  } do
    fails(t, "validation", metrics.counter, name)
  end
  fails(t, "validation", metrics.counter, 5)
  local c = metrics.counter "test_labels_total"
  for _, labels in ipairs{
    { ["a b"] = 1 }, { script = "other" }, { le = 1 }, { __x = 1 }, { a = {} }, { 5 }, { a = ("x"):rep(201) },
    { a = "\xFF" }, { a = "x\0y" }, { a = 1, b = 1, c = 1, d = 1, e = 1, f = 1, g = 1, h = 1, i = 1 },
  } do
    fails(t, "validation", c.inc, c, 1, labels)
  end
  c:inc(1, { a = 'quote " back \\ line\n' })
  t.eq(sample("test_labels_total").labels.a, 'quote " back \\ line\n')
  t.ok(fails(t, "validation", metrics.gauge, "test_labels_total"):find "counter already")
end)

test("series and metrics of a script are bounded", function(t)
  local c = metrics.counter "test_many_total"
  local n = 0
  local ok, err = pcall(function()
    for i = 1, 1100 do
      c:inc(1, { i = i })
      n = i
    end
  end)
  t.eq(ok, false)
  t.eq(err.kind, "limit")
  t.ok(n > 900 and n <= 1000, n)
  c:inc(1, { i = 1 })
  t.eq(c:value{ i = 1 }, 2.0, "those that are there go on")
  local made, limit = 0, nil
  for i = 1, 250 do
    local fine, why = pcall(metrics.gauge, "test_gauge_" .. i)
    if not fine then limit = why break end
    made = i
  end
  t.eq(limit.kind, "limit")
  t.ok(made <= 200, made)
end)

test("what the process has counted is there", function(t)
  local before = metrics.value("kalua_rest_requests_total", { operation = "get_markets", status = "2xx" }) or 0.0
  local ticker = kalshi.get_markets{ status = "open", limit = 1 }.markets[1].ticker
  local book = kalshi.book(ticker)
  t.eq(metrics.value("kalua_rest_requests_total", { operation = "get_markets", status = "2xx" }), before + 1.0)
  t.ok(metrics.value("kalua_feed_messages_total", { channel = "orderbook_delta" }) >= 1)
  t.eq(metrics.value "kalua_books", 1.0)
  t.ok(metrics.value "kalua_rest_request_duration_seconds" >= 1)
  t.eq(metrics.value "kalua_build_info", 1.0)
  book:close()
  t.eq(metrics.value "no_such_metric", nil)
  t.eq(metrics.value("kalua_books", { script = "x" }), nil)
  local all = metrics.read()
  for name, family in pairs(all) do
    t.ok(#family.help > 3, name)
    if family.type == "counter" and name:find "^kalua_" then t.ok(name:find "_total$", name) end
  end
end)

test("an order that a limit refused is counted by its reason", function(t)
  kalshi.limits{ max_order_count = 5 }
  local ticker = kalshi.get_markets{ status = "open", limit = 1 }.markets[1].ticker
  fails(t, "risk", kalshi.order, { ticker = ticker, side = "yes", price = 0.01, count = 6 })
  t.eq(metrics.value("kalua_orders_refused_total", { reason = "max_order_count" }), 1.0)
end)
