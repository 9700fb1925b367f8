-- The body of `kalua api`. kalua.args are settings, "--" and the words after the operation. Settings:
--   print=table|line|json  a list as a table and the rest indented; as it was sent; the same, a row a line with all=
--   width=, colour=        of the terminal
--   operation=             the one called; with method= and path= the one that they match, if any
--   all=1, max=N           every page
local kalshi = require "kalshi"
local json = require "json"
local arguments = require "cli.settings"

local function usage(...)
  error({ kind = "usage", message = string.format(...) }, 0)
end

local settings, words = arguments.settings, arguments.words
local op = settings.operation and kalshi.describe(settings.operation)

-- ---- words to parameters ----

local function decode(name, text)
  local ok, value = pcall(json.decode, text)
  if not ok then usage("%s:= takes JSON, not %.60s", name, text) end
  return value
end

-- Text from the command line as the parameter wants it.
local function convert(param, text)
  local kind = param.type
  if kind == "integer" then
    return math.tointeger(tonumber(text:match "^%s*(-?%d+)%s*$"))
      or usage('%s takes a whole number, not "%.60s"', param.name, text)
  elseif kind == "number" then
    if param.unit then return text end -- exact as it is
    return tonumber(text) or usage('%s takes a number, not "%.60s"', param.name, text)
  elseif kind == "boolean" then
    if text ~= "true" and text ~= "false" then usage('%s takes true or false, not "%.60s"', param.name, text) end
    return text == "true"
  elseif kind == "array" then
    local items = {}
    for item in text:gmatch "[^,]+" do
      items[#items + 1] = convert({ name = param.name, type = param.item_type, unit = param.unit }, item)
    end
    return #items > 0 and items or json.empty_array
  elseif kind == "object" then
    usage("%s takes JSON: %s:=JSON, or %s:=@FILE", param.name, param.name, param.name)
  end
  return text
end

-- { name = value } of the words; those without a name are values of `places`, in their order. `known`: by name.
local function read_words(places, known, title)
  local given, place = {}, 0
  local function set(name, value, list)
    local before = given[name]
    if before ~= nil and not list then usage("%s is given twice", name) end
    if before ~= nil then table.move(value, 1, #value, #before + 1, before) else given[name] = value end
  end
  for _, word in ipairs(words) do
    local name, colon, value = word:match "^([%w_%-]*)(:?)=(.*)$"
    if name and (name ~= "" or colon == ":") then
      if name == "" then -- a whole object
        local object = decode("", value)
        if type(object) ~= "table" or #object > 0 then usage "the parameters are not a JSON object" end
        for k, v in pairs(object) do set(k, v) end
      elseif colon == ":" then
        set(name, decode(name, value))
      else
        local param = known[name]
        if param then value = convert(param, value) end
        set(name, value, param and param.type == "array")
      end
    else
      place = place + 1
      if not places[place] then
        if #places == 0 then usage('"%.60s" is not k=v', word) end
        usage('%s takes %d value%s in place; "%.60s" is one too many', title, #places, #places == 1 and "" or "s", word)
      end
      set(places[place], word)
    end
  end
  return given
end

local known, places = {}, {}
for _, param in ipairs(op and op.params or {}) do
  known[param.name] = param
  if param["in"] == "path" then places[#places + 1] = param.name end
end

-- ---- calls ----

-- The function with its plain arguments and its table, `extra` added to it.
local function call(f, given, extra)
  local args, query = {}, {}
  for name, value in pairs(given) do query[name] = value end
  for i, name in ipairs(places) do
    args[i] = query[name]
    if args[i] == nil then usage("%s needs %s", op.name, name) end
    query[name] = nil
  end
  for name, value in pairs(extra) do query[name] = value end
  args[#places + 1] = query
  return f(table.unpack(args, 1, #places + 1))
end

-- The answer as text.
local function answer()
  if settings.method then
    local given = read_words({}, known)
    given.raw = "text"
    return kalshi.call(settings.method, settings.path, given)
  end
  local given = read_words(places, known, op.name)
  return call(op.legacy and kalshi.legacy[op.name] or kalshi[op.name], given, { raw = "text" })
end

-- An iterator over the rows of every page, in pages as large as the exchange gives, or as `max` needs.
local function every_row()
  local name = op and (op.legacy and "legacy." or "") .. op.name
  if settings.method then
    usage("--all takes an operation%s", op and ": kalua api " .. name .. " --all" or "")
  end
  if not op.paged or op.legacy then usage("%s has no pages: leave out --all and --max", name) end
  local given = read_words(places, known, op.name)
  local size = known.limit or known.page_size
  local max = settings.max and math.tointeger(tonumber(settings.max))
  if size and given[size.name] == nil and size.max then
    given[size.name] = math.tointeger(max and math.max(1, math.min(max, size.max)) or size.max)
  end
  return call(kalshi.each[op.name], given, { raw = true, max = max })
end

-- ---- showing ----

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

local function new_table(field)
  local rows = require "cli.rows"
  return rows.new(field, { width = tonumber(settings.width), colour = settings.colour == "1", operation = op })
end

-- A list is drawn; what is none, or no JSON, is indented.
local function show(text)
  local ok, value = pcall(json.decode, text)
  local lists, beside
  if ok then lists, beside = require("cli.rows").lists(value, op) end
  if not lists then
    print(indented(text))
    return
  end
  for _, line in ipairs(beside) do print(line) end
  for i, field in ipairs(lists) do
    if i > 1 then print "" end
    if #lists > 1 then print(field) end
    local drawn = new_table(field)
    for _, row in ipairs(value[field]) do drawn:add(row) end
    drawn:finish()
  end
  local cursor = op and op.cursor and value[op.cursor]
  if type(cursor) == "string" and cursor ~= "" then print "There are more pages: --all, or --max N." end
end

local function show_all()
  local next_row = every_row()
  if settings.print == "table" then
    local drawn = new_table(op.rows)
    for row in next_row do drawn:add(row) end
    drawn:finish()
  elseif settings.print == "json" then
    for row in next_row do print(json.encode(row)) end
  else
    local n = 0
    for row in next_row do
      n = n + 1
      print((n == 1 and "[" or ",") .. json.encode(row))
    end
    print(n == 0 and "[]" or "]")
  end
end

local ok, err = pcall(function()
  if settings.all or settings.max then return show_all() end
  local text = answer():gsub("%s+$", "")
  if text == "" then return end
  if settings.print == "table" then show(text) else print(text) end
end)
if not ok then
  -- What the call refuses before sending is a mistake on the command line.
  if type(err) == "table" and err.kind == "validation" then usage("%s", err.message) end
  error(err, 0)
end
