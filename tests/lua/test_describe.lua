-- kalshi.describe and kalshi.operations: the operation table as scripts see it.
local kalshi = require "kalshi"
local test = require "test"

local function by_name(fields)
  local out = {}
  for _, field in ipairs(fields) do out[field.name] = field end
  return out
end

test("an operation says its group, status, cost and pages", function(t)
  local op = kalshi.describe "get_markets"
  t.eq({ op.id, op.method, op.path, op.tag, op.status }, { "GetMarkets", "GET", "/markets", "market", "current" })
  t.eq({ op.bucket, op.cost, op.cost_per_item, op.auth, op.has_body }, { "read", 10, false, false, false })
  t.eq({ op.paged, op.rows, op.cursor }, { true, "markets", "cursor" })
  op = kalshi.describe "batch_create_orders"
  t.eq({ op.bucket, op.cost, op.cost_per_item, op.has_body }, { "write", 10, true, true })
  op = kalshi.describe "legacy.create_order"
  t.eq({ op.status, op.replaced_by, op.legacy }, { "removed", "create_order", true })
end)

test("parameters have types, defaults and limits as Lua values", function(t)
  local params = by_name(kalshi.describe("get_markets").params)
  t.eq({ params.limit.default, params.limit.min, params.limit.max }, { 100, 0, 1000 })
  t.eq(math.type(params.limit.default), "integer")
  t.eq(params.status.enum, { "unopened", "open", "paused", "closed", "settled" })
  t.eq({ params.tickers.type, params.tickers.item_type }, { "array", "string" })
  t.eq(by_name(kalshi.describe("get_event").params).with_nested_markets.default, false)
  t.eq(by_name(kalshi.describe("generate_api_key").params).key_type.default, "rsa")
  params = by_name(kalshi.describe("create_order").params)
  t.eq({ params.price.type, params.price.unit, params.price.required }, { "number", "dollars", true })
  t.eq({ params.count.unit, params.post_only.required }, { "contracts", false })
  local orders = by_name(kalshi.describe("batch_create_orders").params).orders
  t.eq(by_name(orders.fields).side.enum, { "bid", "ask" })
end)

test("answers have their fields, nested", function(t)
  local answer = kalshi.describe("get_market").answer
  t.eq({ answer.type, answer["in"] }, { "object", "answer" })
  local market = by_name(by_name(answer.fields).market.fields)
  t.eq({ market.yes_bid_dollars.unit, market.yes_bid_dollars.required }, { "dollars", true })
  t.eq({ market.expected_expiration_time.nullable, market.expected_expiration_time.format }, { true, "date-time" })
  t.eq(market.title.deprecated, true)
  local levels = by_name(by_name(kalshi.describe("get_market_orderbook").answer.fields).orderbook_fp.fields).yes_dollars
  t.eq({ levels.type, levels.item_type, levels.fields[1].type, levels.fields[1].name }, { "array", "array", "array" })
  local sports = by_name(kalshi.describe("get_filters_for_sports").answer.fields).filters_by_sports
  t.eq({ sports.map, sports.item_type }, { true, "object" })
  t.eq(kalshi.describe("cancel_all_orders").answer, nil)
end)

test("fields have what they mean, where one operation means something else, too", function(t)
  t.eq(by_name(kalshi.describe("get_markets").params).tickers.text, "of the markets")
  t.eq(by_name(kalshi.describe("get_events").params).tickers.text, "of the events")
  t.eq(by_name(kalshi.describe("get_markets").answer.fields).cursor.text, "for the next page; empty at the last")
end)

test("every operation can be described, and an unknown one gets the nearest name", function(t)
  for _, op in ipairs(kalshi.operations()) do
    local name = op.legacy and "legacy." .. op.name or op.name
    local described = kalshi.describe(name)
    t.eq({ described.tag, described.summary }, { op.tag, op.summary }, name)
    t.ok(op.summary:find "^%u[^\n]*[^.\n]$", name .. " has no summary, or one that is no sentence: " .. op.summary)
  end
  local ok, err = pcall(kalshi.describe, "get_makret")
  t.eq(ok, false)
  t.ok(tostring(err):find('did you mean "get_market"', 1, true), tostring(err))
end)
