-- Pages of help about functions, classes, modules and operations, from their doc comments and the operation table.
local docs = require "prompt.doc_comments"

local pages = {}

local function joined(a, b) return a .. (a ~= "" and b ~= "" and "; " or "") .. b end

-- The values that something may have, as the end of a sentence about it.
local function one_of(values)
  local words = {}
  for i, v in ipairs(values) do words[i] = type(v) == "string" and '"' .. v .. '"' or tostring(v) end
  return (#words > 1 and "one of " or "only ") .. table.concat(words, ", ")
end

-- ---- types ----

-- What a value of the type is, shortly, and the values that it may have where they are too many to stand there.
local function type_words(field)
  local values = field.literals or docs.literals(field)
  local kind = field.type
  local only_values = values and not kind:gsub('"[^"]*"', ""):find "%a" or docs.all().aliases[kind] ~= nil
  if values and only_values then
    local words = {}
    for i, v in ipairs(values) do words[i] = type(v) == "string" and '"' .. v .. '"' or tostring(v) end
    local text = table.concat(words, "|")
    if #text <= 14 then return text end
    return type(values[1]) == "string" and "string" or "number", one_of(values)
  end
  if field.fields then return kind:find "%[%]%??$" and "list of tables" or "table" end
  if kind:find "^fun%(" then return "function" end
  kind = kind:gsub("%?$", "")
  if kind == "table[]" then return "list of tables" end
  if kind:find "^%(.*%)%[%]$" or #kind > 26 then
    if values then return "string", one_of(values) end
    return kind:find "%[%]$" and "list" or kind:find "^table" and "table" or (kind:gsub("|.*$", " …"))
  end
  return kind
end

-- A name with its type and its text, and below it the fields of a table that is written out.
local function add_field(rows, field, indent)
  local kind, values = type_words(field)
  local text = field.text
  text = joined(text, values or "")
  rows[#rows + 1] = { indent .. (field.name or "") .. (field.optional and "?" or ""), kind, text }
  for _, inner in ipairs(field.fields or {}) do add_field(rows, inner, indent .. "  ") end
end

local function rows_of(list)
  local rows = {}
  for _, field in ipairs(list) do add_field(rows, field, "") end
  return rows
end

-- ---- functions ----

local function add_examples(page, examples)
  if #examples == 0 then return end
  page:heading(#examples == 1 and "Example" or "Examples")
  for i, example in ipairs(examples) do
    if i > 1 then page:gap() end
    page:code(example)
  end
end

-- The class of a parameter that is a table with options: what it may hold belongs to the function.
local function options_of(param)
  for name in param.type:gmatch "[%w_]+%.[%w_]+" do
    local class = docs.all().classes[name]
    if class and #class.fields > 0 and #class.methods == 0 and not param.type:find(name .. "[]", 1, true) then
      return class
    end
  end
end

local function add_options(page, fn)
  for _, param in ipairs(fn.params) do
    local class = options_of(param)
    if class then
      page:heading("Fields of " .. param.name)
      page:rows(rows_of(docs.fields{ type = class.name }))
    end
  end
end

-- The types that a function takes or gives have pages of their own.
local function add_types(page, fn)
  local names, seen = {}, { [fn.class or ""] = true }
  for _, param in ipairs(fn.params) do
    local class = options_of(param)
    if class then seen[class.name] = true end
  end
  for _, list in ipairs{ fn.params, fn.returns } do
    for _, field in ipairs(list) do
      for name in field.type:gmatch "[%a_]+%.[%w_]+" do
        if docs.all().classes[name] and not seen[name] then names[#names + 1] = name end
        seen[name] = true
      end
    end
  end
  if #names == 0 then return end
  page:gap()
  page:text("See also " .. table.concat(names, ", ") .. ".")
end

---A function or method.
---@param page table of help_layout
---@param fn prompt.DocFunction
function pages.fn(page, fn)
  page:title(docs.signature(fn), fn.async and "(waits)")
  page:gap()
  page:text(fn.text)
  if fn.deprecated then page:text "Deprecated." end
  local described = not fn.signature
  if described and #fn.params > 0 then
    page:heading "Arguments"
    page:rows(rows_of(fn.params))
  end
  if described and #fn.returns > 0 then
    page:heading "Returns"
    local rows = {}
    for _, r in ipairs(fn.returns) do add_field(rows, r, "") end
    for _, row in ipairs(rows) do row[1] = row[1]:gsub("%?$", "") end
    page:rows(rows)
  end
  if described then add_options(page, fn) end
  add_examples(page, fn.examples)
  if described then add_types(page, fn) end
end

-- A line about each: how it is called, and what it does.
local function add_list(page, names)
  local rows = {}
  for _, name in ipairs(names) do
    local fn = docs.all().functions[name]
    rows[#rows + 1] = { docs.signature(fn):gsub(" %->.*", ""), "", docs.sentence(fn.text) }
  end
  page:rows(rows)
end

---A class: what its objects are, have and can do.
---@param page table
---@param class prompt.DocClass
function pages.class(page, class)
  page:title(class.name)
  page:gap()
  page:text(class.text)
  local fields = docs.fields{ type = class.name } or {}
  if #fields > 0 then
    page:heading "Fields (a ? may be absent)"
    page:rows(rows_of(fields))
  end
  if #class.methods > 0 then
    page:heading "Methods"
    add_list(page, class.methods)
  end
  add_examples(page, class.examples)
end

---One field of a class or module, or a constant.
---@param page table
---@param owner string
---@param field prompt.DocField
function pages.field(page, owner, field)
  local kind, values = type_words(field)
  page:title((owner == "_G" and "" or owner .. ".") .. field.name, kind)
  page:gap()
  local text = joined(field.text, values or "")
  text = text:gsub("^%l", string.upper)
  page:text(text .. (text:find "[.!?]$" and "" or ".") .. (field.optional and " It may be absent." or ""))
  add_examples(page, field.examples or {})
  local class = docs.all().classes[field.text:match "see ([%w_]+%.[%w_]+)"]
  if class then
    page:gap()
    pages.class(page, class)
  end
end

---A module: its functions, its fields, its classes.
---@param page table
---@param module prompt.DocModule
function pages.module(page, module)
  page:title(module.name == "_G" and "Functions without a module" or module.name)
  page:gap()
  page:text(module.text)
  if #module.functions > 0 then
    page:heading "Functions"
    add_list(page, module.functions)
  end
  if #module.fields > 0 then
    page:heading "Fields"
    page:rows(rows_of(module.fields))
  end
  if #module.classes > 0 then
    page:heading "Types"
    local rows = {}
    for i, name in ipairs(module.classes) do
      rows[i] = { name, "", docs.sentence(docs.all().classes[name].text) }
    end
    page:rows(rows)
  end
  add_examples(page, module.examples)
end

-- ---- operations ----

-- What a value of the field is: a word for its type with its unit.
local function value_words(field)
  local inner = field.unit or field.item_type or field.type
  if field.format == "date-time" then inner = "time" end
  local many = inner:find "s$" and inner or inner .. "s"
  if field.type == "array" then return field.item_type == "array" and "list of lists" or "list of " .. many end
  if field.map then return "map of " .. many end
  return inner
end

local function limits_words(field)
  local out = {}
  local unit = field.type == "array" and " of them" or ""
  if field.enum then
    out[1] = one_of(field.enum)
  end
  if field.min and field.max then
    out[#out + 1] = ("%.15g to %.15g%s"):format(field.min, field.max, unit)
  elseif field.min or field.max then
    out[#out + 1] = (field.min and "at least %.15g%s" or "at most %.15g%s"):format(field.min or field.max, unit)
  end
  if field.max_length then out[#out + 1] = ("at most %d characters"):format(field.max_length) end
  if field["in"] ~= "answer" and field.format == "date-time" then out[#out + 1] = 'as "2026-01-31T12:00:00Z"' end
  if field.deprecated then out[#out + 1] = "going away" end
  return table.concat(out, "; ")
end

-- What a field means, the values that it may have, and the one that it has when it is left out.
local function with_limits(text, field)
  text = joined(text, limits_words(field))
  if field.default == nil then return text end
  return text .. (text ~= "" and " " or "") .. "(" .. tostring(field.default) .. ")"
end

-- What lua/types says of a parameter, where it has the operation.
local function typed_text(fn, name)
  for _, param in ipairs(fn and fn.params or {}) do
    if param.name == name and not param.fields then return param.text end
    for _, field in ipairs(docs.fields(param) or {}) do
      if field.name == name and field.text ~= "" then return field.text end
    end
  end
end

local function parameter_rows(op, fn)
  local rows = {}
  for _, p in ipairs(op.params) do
    local text = typed_text(fn, p.name) or p.text or ""
    rows[#rows + 1] = { p.name .. (p.required and "" or "?"), value_words(p), with_limits(text, p) }
    for _, inner in ipairs(p.fields or {}) do
      if inner.name then
        rows[#rows + 1] = { "  " .. inner.name .. (inner.required and "" or "?"), value_words(inner),
          with_limits(inner.text or "", inner) }
      end
    end
  end
  return rows
end

-- The fields of answers whose own fields have a page: that of a class.
local answer_types = {
  market = "kalshi.Market", markets = "kalshi.Market", event = "kalshi.Event", events = "kalshi.Event",
  series = "kalshi.Series", trades = "kalshi.Trade", candlesticks = "kalshi.Candle",
}

-- The fields of the answer; of an object or a list of objects their names, one level deep.
local function answer_rows(op)
  local rows = {}
  for _, field in ipairs(op.answer.fields or {}) do
    local text = field.text or ""
    local named = answer_types[field.name]
    if named then
      text = "see :help " .. named
    else
      local names = {}
      for _, inner in ipairs(field.fields or {}) do names[#names + 1] = inner.name end
      if #names > 0 then text = text .. (text ~= "" and ": " or "") .. table.concat(names, ", ") end
      text = with_limits(text, field)
    end
    rows[#rows + 1] = { field.name .. (field.required and "" or "?"), value_words(field), text }
  end
  return rows
end

-- Where an example gets an id from that nobody knows by heart.
local sources = {
  ticker = "ticker", market_ticker = "ticker", market_tickers = "{ ticker }", tickers = "{ ticker }",
  event_ticker = "kalshi.get_market(ticker).market.event_ticker", series_ticker = '"KXHIGHNY"',
  order_id = "kalshi.orders()[1].order_id", city = '"nyc"',
  start_ts = "os.time() - 86400", end_ts = "os.time()", min_ts = "os.time() - 3600", period_interval = "60",
}
-- Where it has to be another one than of `ticker`: not every event has a chart.
local sources_of = {
  get_event_live_data = {
    event_ticker = 'kalshi.get_events{ series_ticker = "KXHIGHNY", limit = 1 }.events[1].event_ticker',
  },
}
-- What an operation asks for although its description does not say so.
local also_given = { get_order_queue_positions = "market_tickers" }

local function example_value(p)
  if sources[p.name] then return sources[p.name] end
  local value
  if p.enum then
    value = '"' .. p.enum[1] .. '"'
    if p.item_type == "integer" or p.type == "integer" or p.type == "number" then value = p.enum[1] end
  elseif p.unit == "dollars" then
    value = "0.42"
  elseif p.unit == "contracts" then
    value = "10"
  elseif p.format == "uuid" then
    value = '"5d2f1c3a-8f0e-4c61-9b7e-2a4d6e8f0a1b"'
  elseif p.format == "date-time" then
    value = '"2027-01-31T12:00:00Z"'
  elseif p.type == "boolean" then
    value = "true"
  elseif p.type == "integer" or p.type == "number" then
    value = ("%.15g"):format(p.min and p.min > 1 and p.min or p.max and p.max < 5 and p.max or 5)
  elseif p.type == "object" or p.item_type == "object" then
    local inner = {}
    for _, f in ipairs(p.fields or {}) do
      if f.name and f.required then inner[#inner + 1] = f.name .. " = " .. example_value(f) end
    end
    value = #inner > 0 and "{ " .. table.concat(inner, ", ") .. " }" or "{}"
  elseif p.type == "array" and p.item_type == "integer" then
    return "{ 5000 }"
  else
    value = '"' .. p.name:upper() .. '"'
  end
  return p.type == "array" and "{ " .. value .. " }" or value
end

-- What an operation's path and its required parameters ask for, as Lua; but for the one that is called `without`.
local function example_arguments(op, without)
  local path, others, own = {}, {}, sources_of[op.name] or {}
  for _, p in ipairs(op.params) do
    if p["in"] == "path" then
      path[#path + 1] = own[p.name] or example_value(p)
    elseif p.name ~= without and (p.required or also_given[op.name] == p.name) then
      others[#others + 1] = p.name .. " = " .. example_value(p)
    end
  end
  if op.name == "get_markets" then table.insert(others, 1, 'status = "open"') end
  return path, others
end

local function example_call(called, path, others)
  local options = #others > 0 and "{ " .. table.concat(others, ", ") .. " }"
  if #path == 0 and options then return called .. options end
  if options then path[#path + 1] = options end
  return called .. "(" .. table.concat(path, ", ") .. ")"
end

---A call of an operation: what its path and its required parameters ask for; of a list a small page.
---@param op kalshi.Operation
---@return string
function pages.operation_example(op)
  local path, others = example_arguments(op)
  local small = #others == 0 or op.name == "get_markets"
  for _, p in ipairs(small and op.params or {}) do
    if p.name == "limit" and op.rows then others[#others + 1] = "limit = 5" end
  end
  return example_call("kalshi." .. (op.legacy and "legacy." or "") .. op.name, path, others)
end

-- What tells a row from the others: its id, else its first field.
local function naming_field(fields)
  for _, field in ipairs(fields) do
    if field.required and field.name:find "ticker$" or field.name == "id" then return field.name end
  end
  for _, field in ipairs(fields) do
    if field.required and field.name:find "_id$" then return field.name end
  end
  return fields[1].name
end

---A loop over the rows of an operation with pages.
---@param op kalshi.Operation
---@return string
function pages.walk_example(op)
  local path, others = example_arguments(op, "limit")
  others[#others + 1] = "max = 5"
  local name
  for _, field in ipairs(op.answer.fields) do
    if field.name == op.rows then name = naming_field(field.fields) end
  end
  return ("for row in %s do print(row.%s) end"):format(example_call("kalshi.each." .. op.name, path, others), name)
end

---How an operation is called: `kalshi.get_event(event_ticker [, {…}]) -> answer`.
---@param op kalshi.Operation
---@return string
function pages.operation_signature(op)
  local path, required, any = {}, {}, false
  for _, p in ipairs(op.params) do
    if p["in"] == "path" then path[#path + 1] = p.name else any = true end
    if p["in"] ~= "path" and p.required then required[#required + 1] = p.name end
  end
  local text = table.concat(path, ", ")
  if #required > 0 then
    text = text .. (#path > 0 and ", " or "") .. "{ " .. table.concat(required, ", ") .. ", … }"
  elseif any then
    text = text .. (#path > 0 and " [, {…}]" or "[{…}]")
  end
  local call = "kalshi." .. (op.legacy and "legacy." or "") .. op.name .. "(" .. text .. ")"
  return op.answer and call .. " -> answer" or call
end

local function status_words(op)
  if op.status == "current" then return nil end
  if op.status == "perps" then return "The exchange describes it with its perpetual futures now." end
  local text = op.status == "removed" and "The exchange has removed it" or "The exchange means to remove it"
  return text .. (op.replaced_by and "; today it is kalshi." .. op.replaced_by .. "." or ".")
end

---A REST operation.
---@param page table
---@param op kalshi.Operation
---@param fn? prompt.DocFunction what lua/types says of it
function pages.operation(page, op, fn)
  page:title(pages.operation_signature(op), "(waits)")
  page:gap()
  page:text(fn and fn.text or op.summary .. ".")
  page:gap()
  local facts = ("%s %s; %s; %d %s tokens%s"):format(op.method, op.path, op.auth and "needs a key" or "needs no key",
    op.cost, op.bucket, op.cost_per_item and " for each order" or "")
  page:text(facts .. ".")
  if op.paged then
    local text = "An answer is a page of %s; kalshi.each.%s walks through all rows (:help each)."
    page:text(text:format(op.rows, op.name))
  end
  page:text(status_words(op) or "")
  if #op.params > 0 then
    page:heading "Parameters (those of the path first, the others in one table)"
    page:rows(parameter_rows(op, fn))
  end
  if op.answer and op.answer.fields then
    page:heading "Answer"
    page:rows(answer_rows(op))
  elseif op.answer then
    page:heading "Answer"
    page:text("An object whose fields are not described.", 2)
  end
  add_examples(page, fn and fn.examples or { pages.operation_example(op) })
end

-- ---- channels ----

---A subscription to a channel, and a task that prints what comes.
---@param channel table of the catalog
---@return string
function pages.channel_example(channel)
  local chosen = ""
  if channel.filter ~= "none" then
    chosen = ", " .. channel.key .. " = " .. (channel.key == "market_tickers" and "{ ticker }" or '{ "all" }')
  end
  return ('sub = kalshi.subscribe{ channels = { "%s" }%s }\n'):format(channel.name, chosen)
    .. "reader = task.spawn(function() for m in sub:messages() do print(json.encode(m)) end end)\n"
    .. "task.sleep(0.1)\nsub:close()"
end

local chosen_by = {
  none = "It is not chosen by market.", optional = "Without %s it is about all markets.", required = "It needs %s.",
}

---A channel of the feed.
---@param page table
---@param channel table
function pages.channel(page, channel)
  page:title(channel.name, "(channel)")
  page:gap()
  local chosen = chosen_by[channel.filter]:format(channel.key)
  if channel.key ~= "market_tickers" then
    chosen = ('Without %s nothing comes; { "all" } is all.'):format(channel.key)
  end
  page:text(channel.about:sub(1, 1):upper() .. channel.about:sub(2) .. ". " .. chosen)
  page:text "See kalshi.subscribe for the options, docs/feed.md for its errors and how it heals."
  add_examples(page, { pages.channel_example(channel) })
end

return pages
