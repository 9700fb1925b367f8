-- lua/types/kalshi_operations.lua: the REST operations for editors, out of the operation table. Those that
-- the files of kalshi in lua/types declare by hand stay there.
local kalshi = require "kalshi"
local doc_comments = require "prompt.doc_comments"
local help_pages = require "prompt.help_pages"

local function camel(name) return (("_" .. name):gsub("_(%w)", string.upper):gsub("_", "")) end

-- What identifies the fields of an object: two with the same are one class.
local function shape(fields)
  local out = {}
  for i, field in ipairs(fields) do
    out[i] = table.concat({
      field.name or "", field.type, field.item_type or "", field.unit or "", tostring(field.required),
      field.enum and table.concat(field.enum, ",") or "", field.fields and "{" .. shape(field.fields) .. "}" or "",
    }, ":")
  end
  return table.concat(out, ";")
end

-- Units of numbers that fields.tsv says nothing of, by name: the exchange's own description has none. The first pattern
-- that fits holds.
local units = {
  { "_ms$", "milliseconds since 1970" }, { "_ts$", "seconds since 1970" }, { "^ts$", "seconds since 1970" },
  { "centi_cents$", "1/10,000 dollar" }, { "_cents$", "cents" }, { "^centicount$", "1/100 contract" },
  { "subaccount", "0 is the primary one, 1 to 63 are the numbered ones" }, { "shard$", "number of the shard" },
  { "^exchange_ind", "number of the shard" }, { "_bps$", "basis points" }, { "^percent", "percent" },
  { "^fee_multiplier", "what the usual fee is multiplied by" }, { "_f$", "degrees Fahrenheit" },
  { "_c$", "degrees Celsius" }, { "^cost$", "tokens" }, { "^refill_rate$", "tokens a second" },
  { "^bucket_capacity$", "tokens" }, { "^period_interval$", "minutes" }, { "^size_m", "how many markets" },
  { "^revenue$", "cents" }, { "^contributors$", "how many stations" }, { "^weight$", "share, 0 to 1" },
  { "numerical_forecast$", "in the unit of the question" }, { "^period_reward$", "1/10,000 dollar" },
  { "^max_reward", "1/10,000 dollar" }, { "^t$", "milliseconds since 1970" }, { "^v$", "in the `units` of the answer" },
  { "^value$", "cents that a contract of YES paid" },
}

local function unit_by_name(field)
  if field.type ~= "integer" and field.type ~= "number" and field.item_type ~= "integer" then return "" end
  for _, unit in ipairs(units) do
    if field.name:find(unit[1]) then return unit[2] end
  end
  return ""
end

local classes -- by shape
local written -- lines

local type_of -- below

local function add_class(name, fields, text, alone)
  local key = shape(fields) .. (alone and "+" .. name or "")
  if classes[key] then return classes[key] end
  classes[key] = name
  local lines = {}
  for _, field in ipairs(fields) do
    local said = field.text or ""
    if field.unit then said = said .. (said ~= "" and ", " or "") .. field.unit end
    if field.deprecated then said = said .. (said ~= "" and "; " or "") .. "deprecated" end
    if said == "" and field.format == "date-time" then said = "a time in UTC" end
    if said == "" then said = unit_by_name(field) end
    local optional = field.required and not field.nullable and "" or "?"
    local line = ("---@field %s%s %s %s"):format(field.name, optional, type_of(field, name:match "^[%w_.]+"), said)
    lines[#lines + 1] = line:gsub(" $", "")
  end
  written[#written + 1] = "---" .. text .. "\n---@class " .. name .. "\n" .. table.concat(lines, "\n")
    .. "\n"
  return name
end

local simple = { string = "string", integer = "integer", number = "number", boolean = "boolean", any = "any" }

function type_of(field, owner)
  if field.enum and #field.enum > 0 and field.type ~= "array" then
    local values = {}
    for i, value in ipairs(field.enum) do values[i] = '"' .. value .. '"' end
    return table.concat(values, "|")
  end
  local inner
  if field.fields and field.fields[1] and field.fields[1].name then
    inner = add_class(owner .. camel(field.name or "Item"), field.fields, "A part of " .. owner .. ".")
  elseif field.fields and field.fields[1] then
    inner = type_of(field.fields[1], owner .. camel(field.name or "Item")) -- an array of arrays
  end
  if field.type == "array" then
    if not inner and field.enum and #field.enum > 0 then
      local values = {}
      for i, value in ipairs(field.enum) do values[i] = '"' .. value .. '"' end
      inner = "(" .. table.concat(values, "|") .. ")"
    end
    return (inner or simple[field.item_type] or "table") .. "[]"
  end
  if field.map then return ("table<string, %s>"):format(inner or simple[field.item_type] or "table") end
  return inner or simple[field.type] or "table"
end

-- Of every call.
local common = "---@field raw? boolean the answer as the exchange sent it, without numbers out of texts\n"
  .. "---@field timeout? number seconds that the call may take (30)"

-- The classes of an operation begin with this.
local function class_of(op) return (op.legacy and "kalshi.Legacy" or "kalshi.") .. camel(op.name) end

-- Parameters of the path, the others, and whether one of those is required.
local function parted(op)
  local path, rest, needs = {}, {}, false
  for _, param in ipairs(op.params) do
    if param["in"] == "path" then
      path[#path + 1] = param
    else
      rest[#rest + 1] = param
      needs = needs or param.required
    end
  end
  return path, rest, needs
end

-- The type of the table with what is given by name.
local function query_class(op, rest)
  if #rest == 0 then return "kalshi.CallOptions" end
  local name = class_of(op) .. "Query"
  local called = op.legacy and "kalshi.legacy." or "kalshi."
  add_class(name .. ": kalshi.CallOptions", rest, "What `" .. called .. op.name .. "` takes by name.", true)
  return name
end

local function add_example(lines, example)
  lines[#lines + 1] = "---```lua"
  for line in example:gmatch "[^\n]+" do lines[#lines + 1] = "---" .. line end
  lines[#lines + 1] = "---```"
end

-- The parameters of the path; their names.
local function add_path(lines, op, path)
  local names = {}
  for i, param in ipairs(path) do
    names[i] = param.name
    local type_text = type_of(param, class_of(op))
    lines[#lines + 1] = ("---@param %s %s %s"):format(param.name, type_text, param.text or "of the path")
  end
  return names
end

local function add_declaration(lines, variable, op, names)
  written[#written + 1] = table.concat(lines, "\n")
    .. ("\nfunction %s.%s(%s) end\n"):format(variable, op.name, table.concat(names, ", "))
end

-- What limits are compared with (runtime/trading/desk_raw.c, desk_rfq.c); also in kalshi.legacy.
local limited = {}
local names_of_limited = "create_order amend_order batch_create_orders create_quote accept_quote accept_rfq_quote "
  .. "propose_block_trade accept_block_trade_proposal"
for name in names_of_limited:gmatch "%S+" do limited[name] = true end

-- What a call of an operation raises (runtime/kalshi/call_new.c, call.c).
local function raises(op)
  local kinds = { '"validation" for a wrong parameter' }
  if op.auth then kinds[#kinds + 1] = '"auth" without a key that may do it' end
  if op.method ~= "GET" then kinds[#kinds + 1] = '"permission" on production without `--live`' end
  if limited[op.name] then kinds[#kinds + 1] = '"risk" where a limit forbids it' end
  kinds[#kinds + 1] = '"http" for what the exchange refuses'
  return "Raises " .. table.concat(kinds, ", ") .. ', "network" or "timeout" where no answer came.'
end

-- Lines of at most `most` letters.
local function add_text(lines, text, most)
  local line = "---"
  for word in text:gmatch "%S+" do
    if #line > 3 and #line + #word + 1 > most then
      lines[#lines + 1] = line
      line = "---" .. word
    else
      line = line .. (#line > 3 and " " or "") .. word
    end
  end
  lines[#lines + 1] = line
end

local function add_operation(op)
  local path, rest, needs = parted(op)
  local query = query_class(op, rest)
  local lines = {}
  local today = op.replaced_by and (" Today it is `kalshi.%s`."):format(op.replaced_by) or ""
  add_text(lines, op.summary .. "." .. today .. " " .. raises(op), 120)
  add_example(lines, help_pages.operation_example(op))
  if op.status == "deprecated" or op.status == "removed" or op.legacy then lines[#lines + 1] = "---@deprecated" end
  lines[#lines + 1] = "---@async"
  local names = add_path(lines, op, path)
  names[#names + 1] = "query"
  lines[#lines + 1] = ("---@param query%s %s %s"):format(needs and "" or "?", query,
    needs and "with what is required" or "what narrows it")
  if op.answer then
    local called = op.legacy and "kalshi.legacy." or "kalshi."
    local answer, text = "table", "What `" .. called .. op.name .. "` answers."
    if op.answer.fields and #op.answer.fields > 0 then
      answer = add_class(class_of(op) .. "Answer", op.answer.fields, text)
    end
    lines[#lines + 1] = "---@return " .. answer .. " answer of the exchange"
  end
  add_declaration(lines, op.legacy and "legacy" or "kalshi", op, names)
end

-- kalshi.each.NAME of an operation with pages.
local function add_walk(op)
  local path, rest, needs = parted(op)
  local query = query_class(op, rest)
  local row
  for _, field in ipairs(op.answer.fields) do
    if field.name == op.rows then row = type_of(field, class_of(op) .. "Answer"):gsub("%[%]$", "") end
  end
  local lines = { ("---The %s of kalshi.%s row by row, all pages, each when it is needed."):format(op.rows, op.name),
    "---Raises what that raises, at the row whose page failed." }
  add_example(lines, help_pages.walk_example(op))
  lines[#lines + 1] = "---@async"
  local names = add_path(lines, op, path)
  names[#names + 1] = "query"
  lines[#lines + 1] = ("---@param query%s %s|kalshi.Walk which ones, and how many"):format(needs and "" or "?", query)
  lines[#lines + 1] = ("---@return fun(): %s? next for `for`"):format(row)
  add_declaration(lines, "each", op, names)
end

local function fields_at(operation, field_name)
  for _, field in ipairs(kalshi.describe(operation).answer.fields) do
    if field.name == field_name then return field.fields end
  end
end

return function(tree)
  classes, written = {}, {}
  for class, where in pairs{
    ["kalshi.Market"] = { "get_market", "market" }, ["kalshi.Event"] = { "get_event", "event" },
    ["kalshi.Series"] = { "get_series", "series" }, ["kalshi.Trade"] = { "get_trades", "trades" },
    ["kalshi.Candle"] = { "get_market_candlesticks", "candlesticks" },
  } do
    classes[shape(fields_at(table.unpack(where)))] = class
  end
  local declared = doc_comments.all().functions
  local walks, legacy = {}, {}
  for _, summary in ipairs(kalshi.operations()) do
    local op = kalshi.describe((summary.legacy and "legacy." or "") .. summary.name)
    if op.legacy then
      legacy[#legacy + 1] = op
    else
      if not declared["kalshi." .. op.name] then add_operation(op) end
      if op.paged then walks[#walks + 1] = op end
    end
  end
  written[#written + 1] = "---What `kalshi.each` walks through.\n"
    .. "---@class kalshi.Each\nlocal each = {}\n"
  for _, op in ipairs(walks) do add_walk(op) end
  written[#written + 1] = "---Operations that the exchange has superseded, and still answers or has removed.\n"
    .. "---@class kalshi.Legacy\nlocal legacy = {}\n"
  for _, op in ipairs(legacy) do add_operation(op) end
  local out = tree:file "lua/types/kalshi_operations.lua"
  out:add "---@meta _"
  out:add "-- Made by scripts/generate from the operation table; what is declared by hand is in the other files.\n"
  out:add "---@class kalshi\nlocal kalshi = {}\n"
  out:add("---Options of every call.\n---@class kalshi.CallOptions\n" .. common .. "\n")
  out:add(table.concat(written, "\n"))
  out:add "return kalshi"
end
