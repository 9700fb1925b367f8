-- What is expected at a place: the arguments of a function and the keys of its table, from the operations of the
-- exchange and from the doc comments; and what type an expression has, as far as it shows without running it.
local catalog = require "prompt.catalog"
local docs = require "prompt.doc_comments"

local expected = {}

---@class prompt.Expected An argument, or a key of a table.
---@field name string
---@field type string for people: `number, dollars`
---@field text string what is said of it; "" for nothing
---@field required boolean
---@field values? (string|boolean|number)[] the only ones
---@field fields? prompt.Expected[] of a table with named keys
---@field item? prompt.Expected of a list

---@class prompt.Callable
---@field name string as it is called: "kalshi.get_market", "book:sweep"
---@field params prompt.Expected[]
---@field text string
---@field operation? table what catalog.describe says
---@field doc? prompt.DocFunction

---@class prompt.Type
---@field path? (string|integer)[] of a live value
---@field doc? prompt.DocField of what a comment says

-- ---- from the catalog ----

local function catalog_type(p)
  local text = p.type == "array" and (p.item_type or "any") .. "[]" or p.type
  if p.enum and p.type ~= "array" then return text .. ": " .. table.concat(p.enum, "|") end
  local parts = { text }
  if p.enum then parts[1] = text .. ": " .. table.concat(p.enum, "|") end
  if p.unit then parts[#parts + 1] = p.unit end
  if p.format == "date-time" then parts[#parts + 1] = "a time as 2026-01-31T12:00:00Z" end
  if p.type == "integer" or p.type == "number" then
    if p.min and p.max then
      parts[#parts + 1] = ("%s to %s"):format(p.min, p.max)
    elseif p.max then
      parts[#parts + 1] = ("at most %s"):format(p.max)
    elseif p.min and p.min ~= 0 then
      parts[#parts + 1] = ("at least %s"):format(p.min)
    end
  end
  if p.default ~= nil then parts[#parts + 1] = ("default %s"):format(tostring(p.default)) end
  if p.deprecated then parts[#parts + 1] = "deprecated" end
  return table.concat(parts, ", ")
end

local from_catalog

local function from_fields(fields)
  local out = {}
  for i, p in ipairs(fields) do out[i] = from_catalog(p) end
  return out
end

function from_catalog(p)
  local e = { name = p.name or "", type = catalog_type(p), text = "", required = p.required or false, values = p.enum }
  if p.type == "array" then
    e.values = nil
    e.item = { name = e.name, type = p.item_type or "any", text = "", required = false, values = p.enum,
      fields = p.fields and from_fields(p.fields) }
  elseif p.fields then
    e.fields = from_fields(p.fields)
  end
  return e
end

-- ---- from doc comments ----

local from_doc

-- The fields are looked up when they are asked for: classes may name each other.
local lazy = {
  __index = function(e, key)
    if key ~= "fields" then return nil end
    local doc = rawget(e, "doc")
    local list = doc and docs.fields(doc)
    if not list then
      e.doc = nil
      return nil
    end
    local out = {}
    for i, one in ipairs(list) do out[i] = from_doc(one) end
    rawset(e, "fields", out)
    return out
  end,
}

local function element_type(text)
  text = text:gsub("%?$", "")
  return text:match "^%(?(.-)%)?%[%]$" or text:match "|([%w_.]+)%[%]$" or text:match "^table<[^,]+, (.+)>$"
end

function from_doc(field)
  if field.literals and #field.literals == 0 then field.literals = nil end -- an alias may have some
  local literals = docs.literals(field)
  local text = field.type
  if literals then
    local shown = {}
    for i, v in ipairs(literals) do shown[i] = tostring(v) end
    text = type(literals[1]) .. ": " .. table.concat(shown, "|")
  end
  local e = setmetatable({ name = field.name or "", type = text, text = field.text or "",
    required = not field.optional, values = literals, doc = field }, lazy)
  local element = element_type(field.type)
  if element then
    e.values = nil
    e.item = from_doc{ name = e.name, type = element, text = "", optional = true, literals = field.literals }
  end
  return e
end

-- ---- functions ----

local operations -- by name, with "legacy." before those that are
local described = {}

---The operations by name, those of kalshi.legacy under "legacy.NAME".
---@return table<string, table>
function expected.operations()
  if operations then return operations end
  operations = {}
  for _, op in ipairs(catalog.operations()) do operations[(op.legacy and "legacy." or "") .. op.name] = op end
  return operations
end

local common = {
  { name = "raw", type = 'boolean or "text"', text = "the answer as the exchange sent it", required = false },
  { name = "timeout", type = "number, seconds", text = "that the call may take", required = false },
}

-- The arguments of an operation: those of the path, then a table for all others, which may hold those of the path too.
local function callable_operation(name, each)
  local key = name .. (each and "/each" or "")
  if described[key] then return described[key] end
  local op = catalog.describe(name)
  local params, rest, whole = {}, {}, {}
  for _, p in ipairs(op.params) do
    local e = from_catalog(p)
    if p["in"] == "path" then params[#params + 1] = e else rest[#rest + 1] = e end
    whole[#whole + 1] = e
  end
  local extra = common
  if each then
    extra = {}
    for _, field in ipairs(docs.fields{ type = "kalshi.Walk" } or {}) do
      if field.name ~= "limit" then extra[#extra + 1] = from_doc(field) end
    end
  end
  for _, e in ipairs(extra) do
    rest[#rest + 1] = e
    whole[#whole + 1] = e
  end
  local needed = false
  for _, e in ipairs(rest) do needed = needed or e.required end
  params[#params + 1] = { name = "{…}", type = "table", text = "", required = needed, fields = rest }
  local c = { name = "kalshi." .. (each and "each." or "") .. name, params = params, text = op.summary or "",
    operation = op, whole = { name = "{…}", type = "table", text = "", required = true, fields = whole } }
  described[key] = c
  return c
end

local function callable_doc(fn)
  local params = {}
  for i, p in ipairs(fn.params) do params[i] = from_doc(p) end
  local name = fn.class and fn.class:match "[%w_]+$":lower() .. ":" .. fn.short or fn.name
  return { name = name, params = params, text = fn.text, doc = fn }
end

-- The method of a class, or of one that it is built on.
local function method_of(class_name, short)
  local all = docs.all()
  for _ = 1, 8 do
    local class = class_name and all.classes[class_name]
    if not class then return nil end
    local fn = all.functions[class_name .. ":" .. short]
    if fn then return fn end
    class_name = class.parent
  end
end

-- `a.b.c` of parts that are all names behind points.
local function dotted(parts)
  local out = {}
  for i, part in ipairs(parts) do
    if part.kind ~= "name" or part.mark == ":" then return nil end
    out[i] = part.value
  end
  return table.concat(out, ".")
end

local function but_last(parts) return table.move(parts, 1, #parts - 1, 1, {}) end

---The function that an expression stands for, where that is known.
---@param parts prompt.Part[]
---@param look prompt.Look
---@return prompt.Callable?
function expected.callable(parts, look, depth)
  local last = parts[#parts]
  if not last or last.kind ~= "name" then return nil end
  local shadowed = parts[1].kind == "name" and look.names[parts[1].value] ~= nil
  local full = not shadowed and dotted(parts)
  if full then
    local each, name = full:match "^kalshi%.(each%.)(.+)$"
    name = name or full:match "^kalshi%.(.+)$"
    if name and expected.operations()[name] then return callable_operation(name, each ~= nil) end
    local fn = docs.all().functions[full]
    if fn then return callable_doc(fn) end
  end
  if #parts == 1 then return nil end
  local of = expected.type(but_last(parts), look, (depth or 0) + 1)
  local class = of and (of.doc and of.doc.type:gsub("%?$", "") or of.path and look.class(of.path))
  local fn = class and method_of(class, last.value)
  return fn and callable_doc(fn)
end

-- ---- types of expressions ----

local function field_named(fields, name)
  for _, field in ipairs(fields or {}) do
    if field.name == name then return field end
  end
end

---The key of a table that is expected.
---@param e? prompt.Expected
---@param name string
---@return prompt.Expected?
function expected.field(e, name) return e and field_named(e.fields, name) end

---@class prompt.Look How live values are looked at, and what the text itself makes.
---@field names table<string, prompt.Part[]|true>
---@field class fun(path: (string|integer)[]): string? the type of the userdata there

local function type_of_part(now, parts, i, look, depth)
  local part = parts[i]
  if part.kind == "call" then
    local c = expected.callable(table.move(parts, 1, i - 1, 1, {}), look, depth)
    local result = c and c.doc and c.doc.returns[1]
    return result and { doc = result }
  elseif part.kind == "unknown" or part.kind == "string" then
    return nil
  elseif not now then
    return nil
  elseif now.path then
    local path = table.move(now.path, 1, #now.path, 1, {})
    path[#path + 1] = part.value
    return { path = path }
  end
  local field = part.kind == "name" and field_named(docs.fields(now.doc), part.value)
  local element = not field and element_type(now.doc.type)
  if field then return { doc = field } end
  return element and { doc = { type = element, text = "", optional = false } }
end

---What an expression is: a live value by its path, or what the comments say of what a call returns; nil: unknown.
---@param parts prompt.Part[]
---@param look prompt.Look
---@return prompt.Type?
function expected.type(parts, look, depth)
  depth = depth or 0
  local first = parts[1]
  if not first or depth > 8 then return nil end
  local now
  if first.kind == "name" then
    local made = look.names[first.value]
    if made == true then return nil end
    if made then now = expected.type(made, look, depth + 1) else now = { path = { first.value } } end
  elseif first.kind == "string" then
    now = { path = { "string" } }
  else
    return nil
  end
  for i = 2, #parts do now = type_of_part(now, parts, i, look, depth + 1) end
  return now
end

-- ---- places ----

---@class prompt.Wanted
---@field call prompt.Callable
---@field argument integer
---@field what? prompt.Expected of the value at the cursor
---@field table? prompt.Expected of the innermost table that the cursor is in
---@field frame? prompt.Frame of that table

local function argument_of(call, n, in_table)
  if in_table and n == 1 and call.whole then return call.whole end
  local param = call.params[n]
  local last = call.params[#call.params]
  if not param and last and last.name == "..." then param = last end
  return param
end

---What the call around the cursor wants there; nil outside of a call of a known function.
---@param place prompt.Place
---@param look prompt.Look
---@return prompt.Wanted?
function expected.at(place, look)
  local frames = place.frames
  local i = #frames
  while i > 0 and not frames[i].callee do
    if frames[i].open ~= "{" then return nil end
    i = i - 1
  end
  if i == 0 then return nil end
  local call = expected.callable(frames[i].callee, look)
  if not call then return nil end
  local called_with_table = frames[i].open == "{"
  local wanted = { call = call, argument = frames[i].argument or 1 }
  local what = argument_of(call, wanted.argument, called_with_table or i < #frames)
  for k = called_with_table and i or i + 1, #frames do
    local frame = frames[k]
    wanted.table, wanted.frame = what, frame
    if frame.key then
      what = what and field_named(what.fields, frame.key)
    else
      what = what and what.item
    end
  end
  wanted.what = what
  return wanted
end

-- ---- for people ----

local function values_of(p)
  local out = {}
  for i, v in ipairs(p.values) do out[i] = type(v) == "string" and '"' .. v .. '"' or tostring(v) end
  return table.concat(out, "|")
end

---A function with the argument at the cursor marked: `book:sweep(action, ‹count: number›, side?)`.
---@param call prompt.Callable
---@param argument? integer
---@return string
function expected.signature(call, argument)
  local out = {}
  for i, p in ipairs(call.params) do
    local name = p.name .. ((p.required or p.name == "...") and "" or "?")
    if i == argument or p.name == "..." and argument and argument >= i then
      local kind = p.values and values_of(p) or p.type
      name = p.name == "{…}" and "‹{…}›" or ("‹%s: %s›"):format(name, kind)
    end
    out[i] = name
  end
  return call.name .. "(" .. table.concat(out, ", ") .. ")"
end

return expected
