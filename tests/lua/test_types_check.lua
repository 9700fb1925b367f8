-- The annotations of lua/types by themselves: every type that is named exists, parameters are those of the function,
-- and what must be said is said: what is raised, an example, units of numbers, fields of tables. Runs in the folder
-- tests/ with --allow-fs for the project.
local test = require "test"
local task = require "task"
local doc_comments = require "prompt.doc_comments"

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "a"
  file:close()
  return text
end

local sources = {} -- by file
local function source_of(file)
  sources[file] = read("../lua/types/" .. file .. ".lua")
  task.yield()
  return sources[file]
end
local docs = doc_comments.read(source_of)
doc_comments.parse(docs, "kalshi_operations", source_of "kalshi_operations")

local turns = 0
local function breathe() -- a script may not keep the others for long
  turns = turns + 1
  if turns % 20 == 0 then task.yield() end
end

local basic = {}
local own = "any nil boolean string number integer function table thread userdata fun true false file self"
for name in own:gmatch "%l+" do
  basic[name] = true
end

-- The names in a type that are none of Lua's, no class and no alias.
local function unknown_in(type_text)
  local text = type_text:gsub('"[^"]*"', ""):gsub("'[^']*'", "")
  text = text:gsub("[%w_.]+%??: ?", "") -- names of fields and parameters
  for name in text:gmatch "[%a_][%w_.]*" do
    local known = basic[name] or docs.classes[name] or docs.aliases[name] or docs.modules[name]
    if not known and name ~= "..." then return name end
  end
end

test("every type that an annotation names exists", function(t)
  local count = 0
  local function check(where, fields)
    for _, field in ipairs(fields) do
      count = count + 1
      local name = unknown_in(field.type)
      if name then t.ok(false, ("%s: there is no type %s, of %s"):format(where, name, field.name or "a result")) end
    end
  end
  for name, fn in pairs(docs.functions) do
    breathe()
    check(name, fn.params)
    check(name, fn.returns)
  end
  for name, class in pairs(docs.classes) do
    breathe()
    check(name, class.fields)
    local parent = class.parent
    t.ok(not parent or parent == "" or basic[parent] or docs.classes[parent] or docs.modules[parent],
      name .. " is built on " .. tostring(parent))
  end
  t.ok(count > 1500, "read: " .. count)
end)

-- The comment lines right above the position.
local function comment_above(source, at)
  local from = at
  while true do
    local line_start = source:sub(1, from - 1):match ".*()\n" or 0
    if source:sub(line_start + 1, line_start + 3) ~= "---" then return source:sub(from, at) end
    from = line_start
  end
end

test("the parameters that are described are those of the function, in their order", function(t)
  for module, source in pairs(sources) do
    for name, list in source:gmatch "\nfunction ([%w_.:]+)%((.-)%)" do
      breathe()
      local at = source:find("\nfunction " .. name .. "(", 1, true)
      local described = {}
      for param in comment_above(source, at):gmatch "%-%-%-@param ([%w_.]+)" do described[#described + 1] = param end
      t.eq(table.concat(described, ", "), list, module .. ".lua, " .. name)
    end
  end
end)

test("every operation is declared once, by hand or in the generated file", function(t)
  local kalshi = require "kalshi"
  local count, declared = 0, {}
  for _, text in pairs(sources) do
    breathe()
    for name in text:gmatch "\nfunction kalshi%.([%w_]+)%(" do declared[name] = (declared[name] or 0) + 1 end
  end
  for _, op in ipairs(kalshi.operations()) do
    if not op.legacy then
      count = count + 1
      t.eq(declared[op.name], 1, "kalshi." .. op.name)
    end
  end
  t.ok(count > 80, "operations: " .. count)
end)

-- ---- what must be said ----

-- What is missing, all of it in one message.
local function none(t, missing)
  table.sort(missing)
  t.ok(#missing == 0, table.concat(missing, "\n"))
end

local function each_function(fn)
  for name, record in pairs(docs.functions) do
    breathe()
    fn(name, record)
  end
end

-- fn(where, field, made) of every parameter, result and field, of tables that are written out, too; `made`: it stands
-- in the file of the operations, which scripts/generate makes.
local function each_value(fn)
  local function walk(where, fields, made)
    for _, field in ipairs(fields) do
      local name = where .. "." .. (field.name or "a result")
      fn(name, field, made)
      for _, inner in ipairs(field.fields or {}) do
        if inner.text == "" then inner.text = field.text end -- it stands behind the table
      end
      walk(name, field.fields or {}, made)
    end
  end
  local function of(record) return record.module == "kalshi_operations" end
  for name, record in pairs(docs.functions) do
    breathe()
    walk(name, record.params, of(record))
    walk(name, record.returns, of(record))
  end
  for name, class in pairs(docs.classes) do
    breathe()
    walk(name, class.fields, of(class))
  end
  for name, module in pairs(docs.modules) do walk(name, module.fields, name == "kalshi_operations") end
end

test("every function has an example", function(t)
  local count, missing = 0, {}
  each_function(function(name, fn)
    count = count + 1
    if #fn.examples == 0 then missing[#missing + 1] = name end
  end)
  none(t, missing)
  t.ok(count > 390, "read: " .. count)
end)

test("every function says what it raises, or that it raises nothing", function(t)
  local missing = {}
  each_function(function(name, fn)
    local said = doc_comments.raises(fn, docs) or fn.text:find("Raises what that raises", 1, true) -- of a walk
    if not said then missing[#missing + 1] = name end
  end)
  none(t, missing)
end)

-- Words of which a number's text, or its name, has one.
local units = {
  "dollar", "contract", "second", "minute", "cents", "byte", "percent", "probabilit", "share", "0 to 1", "odds",
  "logarithm", "token", "degree", "basis point", "deviation", "multiplied", "unit", "how many", "how often", "so many",
  "squared", "times", "number of", "primary", "of time", "digit", "mean", "parameter", "margin",
}

local function says_unit(field)
  local text = ((field.name or "") .. " " .. field.text):lower()
  for _, word in ipairs(units) do
    if text:find(word, 1, true) then return true end
  end
  return false
end

local function is_number(field)
  local kind = field.type:gsub("[%?%[%]]", "")
  return kind == "number"
end

test("every number says its unit, and everything what it is", function(t)
  local count, missing = 0, {}
  each_value(function(where, field, made)
    local number = is_number(field) or made and field.type:find "^integer"
    if number then count = count + 1 end
    if number and not made and not says_unit(field) or number and made and field.text == "" then
      missing[#missing + 1] = ("%s: in which unit? %s"):format(where, field.text)
    elseif not made and field.text == "" and not field.literals then
      missing[#missing + 1] = where .. ": nothing is said of it"
    end
  end)
  none(t, missing)
  t.ok(count > 700, "numbers: " .. count)
end)

-- A table without a shape: what stands in it is not known from its type.
local function is_bare(field)
  local kind = field.type:gsub("%b{}", ""):gsub("table<", "")
  return kind:find "%f[%w]table%f[%W]" ~= nil
end

test("every table says which fields it has", function(t)
  local missing = {}
  each_value(function(where, field, made)
    local free = field.text:find "plain data" or field.type:find "^fun%(state: table"
    if is_bare(field) and not free and not made then missing[#missing + 1] = where end
  end)
  none(t, missing)
end)
