-- The body of `kalua api`: kalua.args are a mode ("list", "line" or "auto") and the words of the command line.
local kalshi = require "kalshi"
local kalua = require "kalua"
local json = require "json"

local args = table.pack(table.unpack(kalua.args))
local mode = table.remove(args, 1)

if mode == "list" then
  for _, op in ipairs(kalshi.operations()) do
    print(string.format("%-52s %-6s %s%s", op.legacy and "legacy." .. op.name or op.name, op.method, op.path,
      op.legacy and "  (superseded)" or ""))
  end
  return
end

local function usage(message)
  error({ kind = "usage", message = message }, 0)
end

-- "k=v" and "k:=JSON"; anything else is a value in place.
local function read(word)
  local key, value = word:match "^([%w_%-]+):=(.*)$"
  if key then
    local ok, decoded = pcall(json.decode, value)
    if not ok then usage(key .. ":= takes JSON, not " .. value) end
    return key, decoded
  end
  key, value = word:match "^([%w_%-]+)=(.*)$"
  return key, value or word
end

local methods = { GET = true, POST = true, PUT = true, DELETE = true }

local function free_form(method)
  local path = table.remove(args, 1) or usage("which path? For example: kalua api GET /markets")
  if path:sub(1, 1) ~= "/" then usage("a path begins with /, like /markets") end
  local params = {}
  for _, word in ipairs(args) do
    local key, value = read(word)
    if not key then usage('"' .. word .. '" is not k=v') end
    params[key] = value
  end
  params.raw = "text"
  return kalshi.call(method, path, params)
end

-- Text from the command line becomes what the parameter wants; what it cannot become is left for the call to refuse.
local function convert(param, value)
  if type(value) ~= "string" then return value end
  if param.type == "integer" or param.type == "number" then return tonumber(value) or value end
  if param.type == "boolean" then
    if value == "true" then return true end
    if value == "false" then return false end
  elseif param.type == "array" then
    local items = {}
    for item in value:gmatch "[^,]+" do
      items[#items + 1] = convert({ type = param.item_type }, item)
    end
    return items
  end
  return value
end

local function operation(name)
  local legacy = name:match "^legacy%.(.+)$"
  local op = kalshi.describe(name)
  local by_name, path_names = {}, {}
  for _, p in ipairs(op.params) do
    by_name[p.name] = p
    if p["in"] == "path" then path_names[#path_names + 1] = p.name end
  end
  local given, params, place = {}, {}, 0
  for _, word in ipairs(args) do
    local key, value = read(word)
    if not key then
      place = place + 1
      key = path_names[place]
      if not key then
        usage(string.format('%s takes %d values in place; "%s" is one too many', op.name, #path_names, word))
      end
    end
    if by_name[key] and by_name[key]["in"] == "path" then
      given[key] = value
    else
      params[key] = by_name[key] and convert(by_name[key], value) or value
    end
  end
  local positional = {}
  for i, key in ipairs(path_names) do
    positional[i] = given[key] or usage(string.format("%s needs %s", op.name, key))
  end
  params.raw = "text"
  positional[#path_names + 1] = params
  local call = legacy and kalshi.legacy[op.name] or kalshi[op.name]
  return call(table.unpack(positional, 1, #path_names + 1))
end

-- Indents a JSON text without changing a byte of its values.
local function indented(text)
  local out, depth, i = {}, 0, 1
  local function newline() out[#out + 1] = "\n" .. string.rep("  ", depth) end
  while i <= #text do
    local c = text:sub(i, i)
    if c == '"' then
      local j = i + 1
      while j <= #text and text:sub(j, j) ~= '"' do j = j + (text:sub(j, j) == "\\" and 2 or 1) end
      out[#out + 1] = text:sub(i, j)
      i = j
    elseif c == "{" or c == "[" then
      out[#out + 1] = c
      if text:match("^%s*[%]}]", i + 1) then
        i = text:find("[%]}]", i + 1)
        out[#out + 1] = text:sub(i, i)
      else
        depth = depth + 1
        newline()
      end
    elseif c == "}" or c == "]" then
      depth = depth - 1
      newline()
      out[#out + 1] = c
    elseif c == "," then
      out[#out + 1] = c
      newline()
    elseif c == ":" then
      out[#out + 1] = ": "
    elseif not c:match "%s" then
      local j = text:find("[%s,%]}:]", i) or #text + 1
      out[#out + 1] = text:sub(i, j - 1)
      i = j - 1
    end
    i = i + 1
  end
  return table.concat(out)
end

local first = table.remove(args, 1)
local ok, text
if methods[first] then ok, text = pcall(free_form, first) else ok, text = pcall(operation, first) end
if not ok then
  -- What the call refuses before sending is a mistake on the command line.
  if type(text) == "table" and text.kind == "validation" then usage(text.message) end
  error(text, 0)
end
text = text:gsub("%s+$", "")
if text ~= "" then print(mode == "auto" and indented(text) or text) end
