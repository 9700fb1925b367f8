-- The module test itself: what its assertions say, and that the examples of its types are tests that pass. What
-- `kalua test` makes of failures: tests/integration/test_runner.test.mjs.
local docs = require("prompt.doc_comments").all()
local kalua = require "kalua"
local task = require "task"
local test = require "test"

-- What an assertion says, without the place in front.
local function message_of(t, fn)
  return tostring(t.raises(fn)):gsub("^[^:]*:%d+: ", "")
end

test("eq compares contents, numbers by their value, and copes with circles", function(t)
  local a, b = { 1, { x = "y" } }, { 1, { x = "y" } }
  a.self, b.self = a, b
  t.eq(a, b)
  t.neq(a, { 1, { x = "y" } })
  t.eq({ 1, 2.0 }, { 1.0, 2 })
  t.eq(message_of(t, function() t.eq(1, 1.5) end), "got 1, not 1.5")
  t.eq(message_of(t, function() t.eq("a", nil, "the name") end), 'the name: got "a", not nil')
  t.matches(message_of(t, function() t.neq({ 1 }, { 1 }) end), "which it must not be")
end)

test("a failure names the line of who called, and where tables differ", function(t)
  local err = t.raises(function() t.eq({ { price = 0.43 }, "x" }, { { price = 0.42 }, "x", "y" }) end)
  t.matches(tostring(err), "test_testing.lua:%d+: got")
  t.eq(err.detail, '[1].price is 0.43, not 0.42\n[3] is missing: "y"')
  t.eq(t.raises(function() t.eq({ a = 1, b = 2 }, { a = 1 }) end).detail, "b is too much: 2")
  t.matches(t.raises(function() t.eq("a\nb", "a\nc") end).detail, 'got       "b"\nexpected  "c"')
end)

test("has looks only at what is asked for, of tables and of objects", function(t)
  t.has({ a = { b = 1, c = 2 }, d = 3 }, { a = { b = 1 } })
  t.has({ n = 1 }, { n = 1.0 })
  t.has(setmetatable({}, { __index = function(_, k) return k == "price" and 0.42 or nil end }), { price = 0.42 })
  t.eq(t.raises(function() t.has({ a = { b = 1 } }, { a = { b = 2 }, c = 3 }) end).detail,
    "a.b is 1, not 2\nc is missing: 3")
  t.raises(function() t.has(nil, { a = 1 }) end, "got nil")
end)

test("matches and raises take parts and patterns", function(t)
  t.eq({ t.matches("bid 10 at 0.42", "(%d+) at (%S+)") }, { "10", "0.42" })
  t.eq(t.matches("100%", "0%"), "0%")
  t.raises(function() t.matches("abc", "d") end, 'got "abc", without "d"')
  t.raises(function() t.raises(function() end) end, "nothing was raised")
  t.raises(function() error{ kind = "risk", code = "max_position" } end, "risk")
  t.raises(function() error{ kind = "risk", code = "max_position" } end, "max_position")
  t.raises(function() t.raises(function() error "one" end, "other") end, 'not "other"')
end)

test("describe, it and hooks are refused inside of a test", function(t)
  t.raises(function() it("x", function() end) end, "not inside of a test")
  t.raises(function() describe("x", function() end) end, "not inside of a test")
  t.raises(function() before_each(function() end) end, "not inside of a test")
  t.eq({ test.it == it, test.describe == describe, test.pending == pending }, { true, true, true })
end)

-- ---- blocks: each hook and test writes into this ----

local trace = {}
local function note(text) return function() trace[#trace + 1] = text end end

describe("outer", function()
  before_each(note "before outer")
  after_each(note "after outer")
  it("first", note "first")
  describe("inner", function()
    before_each(note "before inner")
    after_each(note "after inner")
    it("second", note "second")
  end)
  it("third", note "third")
end)
note "defined"()

describe("afterwards", function()
  it("hooks ran around each test, from the outside in and back, in order, after the file", function(t)
    t.eq(trace, { "defined", "before outer", "first", "after outer",
      "before outer", "before inner", "second", "after inner", "after outer",
      "before outer", "third", "after outer" })
  end)
end)

-- ---- the examples of lua/types/test.lua ----

local function example(text, env)
  env.kalua, env.task, env.test = kalua, task, test
  text = text:gsub('"(maker[%w_]*%.lua)"', '"lua/strategies/%1"'):gsub("local (%a+ =)", "%1") -- for the next one
  local fn = load("return " .. text, "=example", "t", env) or assert(load(text, "=example", "t", env))
  return fn()
end

local function environment(t) return setmetatable({ t = t }, { __index = _G }) end

local function examples_of(names, use)
  for _, name in ipairs(names) do
    for _, text in ipairs(docs.functions[name].examples) do use(name, text) end
  end
end

examples_of(docs.modules.test.functions, function(name, text)
  describe(name, function() example(text, environment()) end)
end)

it("the examples of what a test is given", function(t)
  local env = environment(t)
  examples_of(docs.classes["test.T"].methods, function(name, text)
    if name ~= "test.T:unawaited" and name ~= "test.T.unawaited" then example(text, env) end
  end)
end)

it("a task that fails", function(t) example(docs.functions["test.T.unawaited"].examples[1], environment(t)) end)

for class, object in pairs{ ["test.Market"] = "market", ["test.Strategy"] = "maker" } do
  it("the examples of " .. class, function(t)
    local env = environment(t)
    env.market = t.market{ ticker = "TEST-1", bids = { { 0.40, 100 } }, asks = { { 0.44, 100 } } }
    env.maker = t.run("lua/strategies/maker.lua", { args = { "TEST-1" } })
    examples_of(docs.classes[class].methods, function(_, text)
      t.ok(text:find(object, 1, true), text)
      example(text, env)
    end)
  end)
end

test("the types of a market and a strategy are what they have", function(t)
  local market = t.market()
  local strategy = t.run "lua/strategies/maker_v2.lua"
  for _, name in ipairs(docs.classes["test.Market"].methods) do t.ok(market[name:match "[%w_]+$"], name) end
  for _, name in ipairs(docs.classes["test.Strategy"].methods) do t.ok(strategy[name:match "[%w_]+$"], name) end
  local n = 0
  for _ in pairs(getmetatable(market).__index) do n = n + 1 end
  t.eq(n, #docs.classes["test.Market"].methods, "functions of a market")
end)
