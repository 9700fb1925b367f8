-- lua/types against what the modules export, both ways. Runs in the folder tests/ with --allow-fs for the project.
local kalshi = require "kalshi"
local task = require "task"
local test = require "test"
local doc_comments = require "prompt.doc_comments"

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "a"
  file:close()
  return text
end

local function sorted(set)
  local names = {}
  for name in pairs(set) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- The text of all files that declare a module.
local function types_of(module)
  local texts = {}
  for i, file in ipairs(doc_comments.all().modules[module].files) do
    texts[i] = read("../lua/types/" .. file .. ".lua")
  end
  return table.concat(texts)
end

-- What the types of `module` say of class `class`: functions of its local table `variable`, and fields.
local function documented(module, class, variable)
  local text = types_of(module)
  local functions, fields = {}, {}
  for name in text:gmatch("\nfunction " .. variable .. "[.:]([%w_]+)%(") do functions[name] = true end
  local _, at = text:find("---@class " .. class .. "\n", 1, true)
  while at do -- the comment lines that follow
    local line
    line, at = text:match("^(%-%-%-[^\n]*)\n()", at + 1)
    if not line then break end
    at = at - 1
    local name = line:match "^%-%-%-@field ([%w_]+)"
    if name then fields[name] = not line:find "^%-%-%-@field [%w_]+%?" and "always" or "at times" end
  end
  return functions, fields
end

-- The methods of an object cannot be listed from Lua: they are read from the table that registers them.
local function registered(source)
  local methods = {}
  local block = read("../bindings/" .. source):match "luaL_Reg methods%[%] =%s*(%b{})"
  assert(block, "no methods in " .. source)
  for name in block:gmatch '{"([%w_]+)",' do methods[name] = true end
  return methods
end

local simple = {
  "task", "kalua", "json", "log", "http", "ws", "bus", "store", "metrics", "orders", "sizing", "odds", "stats",
  "calibration", "alerts", "test",
}
-- Its functions are fields, since it is a table of them.
test("the types of a shared store are what it has", function(t)
  local _, fields = documented("store", "store.Shared", "store.Shared")
  local names = {}
  for name in pairs(require("store").open "types") do names[name] = true end
  t.eq(sorted(fields), sorted(names))
end)

for _, module in ipairs(simple) do
  test("the types of " .. module .. " are what it exports", function(t)
    local functions, fields = documented(module, module, module)
    local real_functions, real_fields = {}, {}
    for name, value in pairs(require(module)) do
      if type(value) == "function" then real_functions[name] = true else real_fields[name] = true end
    end
    t.eq(sorted(functions), sorted(real_functions), "functions")
    t.eq(sorted(fields), sorted(real_fields), "fields")
  end)
end

test("the types of kalshi have every function that is no REST operation, and no operation that is none", function(t)
  local functions, fields = documented("kalshi", "kalshi", "kalshi")
  local operations = {}
  for _, op in ipairs(kalshi.operations()) do
    if not op.legacy then operations[op.name] = true end
  end
  for name, value in pairs(kalshi) do
    if not operations[name] then
      t.ok(functions[name] or fields[name], "the types of kalshi lack " .. name)
      t.eq(fields[name] ~= nil, type(value) ~= "function", name .. " is a field")
    end
  end
  for name in pairs(functions) do t.ok(rawget(kalshi, name), "there is no kalshi." .. name) end
  for name in pairs(fields) do t.ok(rawget(kalshi, name) ~= nil, "there is no kalshi." .. name) end
end)

-- Names of the functions that a file declares of a local table.
local function declared(text, variable)
  local names = {}
  for name in text:gmatch("\nfunction " .. variable .. "%.([%w_]+)%(") do names[name] = true end
  return sorted(names)
end

test("the types of kalshi.each and kalshi.legacy are what they have", function(t)
  local text = read "../lua/types/kalshi_operations.lua"
  t.eq(declared(text, "each"), sorted(kalshi.each))
  t.eq(declared(text, "legacy"), sorted(kalshi.legacy))
end)

local ticker = kalshi.get_markets{ status = "open", limit = 1 }.markets[1].ticker
local objects = {
  { "kalshi", "kalshi.Book", "Book", "book.c", function() return kalshi.book(ticker) end },
  { "kalshi", "kalshi.Subscription", "Subscription", "stream.c",
    function() return kalshi.subscribe{ channels = { "trade" }, market_tickers = { ticker } } end },
  { "kalshi", "kalshi.Order", "Order", "order_object.c", function()
    return kalshi.order{ ticker = ticker, side = "yes", price = 0.01, count = 1, time_in_force = "ioc" }
  end },
  { "task", "task.Task", "Task", "task.c", function() return task.spawn(function() end) end },
  { "task", "task.Channel", "Channel", "channel.c", function() return task.channel(1) end },
}
for _, object in ipairs(objects) do
  local module, class, variable, source, make = table.unpack(object)
  test("the types of " .. class .. " are what it has", function(t)
    local methods, fields = documented(module, class, variable)
    t.eq(sorted(methods), sorted(registered(source)), "methods")
    local value = make()
    for name in pairs(methods) do t.eq(type(value[name]), "function", class .. ":" .. name) end
    for name, when in pairs(fields) do t.ok(when == "at times" or value[name] ~= nil, class .. "." .. name) end
    if methods.close then value:close() end
  end)
end

-- Made in Lua, out of answers.
for class, fields_in in pairs{ Response = "status ok url headers body", Stream = "status ok url headers" } do
  test("the types of http." .. class .. " are what it has", function(t)
    local methods, fields = documented("http", "http." .. class, class)
    local real_methods, real_fields = {}, {}
    for name in read("../lua/stdlib/http.lua"):gmatch("\nfunction " .. class .. ":([%w_]+)%(") do
      real_methods[name] = true
    end
    for name in fields_in:gmatch "%w+" do real_fields[name] = true end
    t.eq(sorted(methods), sorted(real_methods), "methods")
    t.eq(sorted(fields), sorted(real_fields), "fields")
  end)
end

-- Of modules written in Lua: the methods stand in a table of the class's variable.
for class, source in pairs{
  ["stats.Sma"] = "stats", ["stats.Ema"] = "stats", ["stats.Running"] = "stats",
  ["stats.Rolling: stats.Running"] = "stats", ["stats.Volatility"] = "stats", ["stats.Quantile"] = "stats",
  ["stats.OrderFlow"] = "stats_pressure", ["calibration.Record"] = "calibration",
} do
  local module, variable = class:match "^(%w+)%.(%w+)"
  if variable == "OrderFlow" then variable = "Flow" end
  test("the types of " .. module .. "." .. variable .. " are what it has", function(t)
    local methods, real = documented(module, class, variable), {}
    for name in read("../lua/stdlib/" .. source .. ".lua"):gmatch("\nfunction " .. variable .. ":([%w_]+)%(") do
      real[name] = true
    end
    t.eq(sorted(methods), sorted(real), "methods")
  end)
end

test("the types of bus.Subscription are what it has", function(t)
  local methods = documented("bus", "bus.Subscription: userdata", "Subscription")
  t.eq(sorted(methods), sorted(registered "bus.c"), "methods")
end)

test("the types of ws.Connection are what it has", function(t)
  local methods, fields = documented("ws", "ws.Connection: userdata", "Connection")
  local real_fields = {}
  local index = read("../bindings/ws.c"):match "static int l_index%b()%s*(%b{})"
  for name in index:gmatch 'strcmp%(name, "([%w_]+)"%)' do real_fields[name] = true end
  t.eq(sorted(methods), sorted(registered "ws.c"), "methods")
  t.eq(sorted(fields), sorted(real_fields), "fields")
end)

test("the types of a project file, and its page, have the keys that are read", function(t)
  local _, for_all = documented("project", "kalua.ProjectKeys", "project")
  local real = {}
  for name in read("../runtime/cli/project_file.c"):match "kl_key keys%[%] = (%b{})":gmatch '{"([%w_]+)",' do
    real[name] = true
  end
  local page = read "../docs/running.md"
  for name in pairs(real) do t.ok(page:find("`" .. name .. "`", 1, true), name .. " on the page") end
  for_all.name = "at times" -- of one script only
  for_all.account_risk = "once" -- of all of them together
  for_all.metrics, for_all.web = "once", "once" -- of the process
  t.eq(sorted(for_all), sorted(real))
end)
