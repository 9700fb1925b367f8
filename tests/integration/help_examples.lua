-- Runs the examples of the doc comments, of Lua's own library and of the topics of help, each as somebody types it at
-- the prompt: line by line, what is an expression as one. Arguments: the addresses of a server for HTTP and of one for
-- WebSocket, which stand for api.example.com and stream.example.com, and a folder that stands for /tmp.
local kalshi, kalua, task = require "kalshi", require "kalua", require "task"
local docs = require("prompt.doc_comments").all()
local pages = require "prompt.help_pages"
local http_address, ws_address, folder = table.unpack(kalua.args)

local function compile(source, name, env)
  local fn, as_expression = load("return " .. source, name, "t", env)
  if fn then return fn end
  local err
  fn, err = load(source, name, "t", env)
  if fn then return fn end
  if err:find "<eof>$" or as_expression:find "<eof>$" then return nil, "more" end
  error(err, 0)
end

-- A market whose price is far from both ends, so that an order of a cent rests, and that is traded much.
local function choose()
  local best
  for m in kalshi.each.get_markets{ status = "open", mve_filter = "exclude" } do
    local far = m.yes_bid_dollars > 0.15 and m.yes_ask_dollars < 0.85
    if far and m.price_level_structure == "linear_cent" and (not best or m.volume_24h_fp > best.volume_24h_fp) then
      best = m
    end
  end
  return best.ticker
end

local function environment(ticker)
  local env = { ticker = ticker, print = function(...) select("#", ...) end }
  local modules = "kalshi task kalua json log http ws bus store metrics alerts orders sizing odds stats calibration"
  for name in modules:gmatch "%a+" do env[name] = require(name) end
  return setmetatable(env, { __index = _G })
end

local function run(name, example, ticker)
  local text = example:gsub("https://api%.example%.com", http_address):gsub("wss://stream%.example%.com", ws_address)
    :gsub("/tmp/", folder .. "/")
  local env, pending = environment(ticker), nil
  for line in text:gmatch "[^\n]+" do
    local source = pending and pending .. "\n" .. line or line
    local fn, more = compile(source, "=" .. name, env)
    pending = more and source
    if fn then env._ = fn() or env._ end
  end
  if pending then error("unfinished: " .. pending, 0) end
end

local ticker = choose()
local count, failed = 0, 0

local function try(name, examples)
  for i, example in ipairs(examples) do
    local before = kalua.stats().errors
    local ok, err = pcall(task.timeout, 20, function() run(name, example, ticker) end)
    task.yield()
    if ok and kalua.stats().errors ~= before then ok, err = false, "a task failed" end
    count = count + 1
    if not ok then
      failed = failed + 1
      print(("%s, example %d: %s"):format(name, i, tostring(err)))
    end
  end
end

-- Those of the module test are tests: tests/lua/test_testing.lua.
for name, fn in pairs(docs.functions) do
  if fn.module ~= "test" then try(name, fn.examples) end
end
for name, class in pairs(docs.classes) do try(name, class.examples) end
for name, module in pairs(docs.modules) do
  if name ~= "test" then try(name, module.examples) end
  for _, field in ipairs(module.fields) do try(name .. "." .. field.name, field.examples or {}) end
end
for _, topic in ipairs(require "prompt.help_topics") do
  local lines = {}
  for line in topic.text:gmatch "[^\n]+" do
    if line:sub(1, 2) == "> " then lines[#lines + 1] = line:sub(3) end
  end
  try(":help " .. topic.name, { table.concat(lines, "\n") })
end
-- Of operations those that read, where the example holds no id that would have to be known, must succeed; the embedded
-- exchange has no history, and this account is no clearing member. All others must be well formed: it is the exchange
-- that refuses them, if anybody.
local refused = { http = true, auth = true }
local function try_operation(name, example, must_succeed)
  if example:find("kalshi.orders()", 1, true) and #kalshi.orders() == 0 then
    kalshi.order{ ticker = ticker, side = "yes", price = 0.01, count = 1, post_only = true }
  end
  if must_succeed then return try(name, { example }) end
  local ok, err = pcall(run, name, example, ticker)
  count = count + 1
  if not ok and not refused[type(err) == "table" and err.kind] then
    failed = failed + 1
    print(("%s, example: %s"):format(name, tostring(err)))
  end
end
for _, summary in ipairs(kalshi.operations()) do
  local op = kalshi.describe((summary.legacy and "legacy." or "") .. summary.name)
  local example = pages.operation_example(op)
  local known = op.tag ~= "fcm" and not op.name:find "historical" and not example:find '"[%u_]+"'
  try_operation("kalshi." .. op.name, example, known and op.method == "GET" and op.status == "current")
  if op.paged then try_operation("kalshi.each." .. op.name, pages.walk_example(op), known) end
end
for _, channel in ipairs(require("prompt.catalog").channels()) do
  try("channel " .. channel.name, { pages.channel_example(channel) })
end
print(("%d examples, %d failed"):format(count, failed))
if failed > 0 then error("examples of the help fail", 0) end
