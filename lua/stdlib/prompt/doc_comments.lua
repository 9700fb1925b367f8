-- The doc comments of lua/types as data: what completion, hints and `:help` know of functions, methods and fields.
--
--     local docs = require("prompt.doc_comments").all()
--     docs.functions["kalshi.Book:best_bid"].text
--
-- Read is the LuaCATS that these files use: `@meta`, `@class`, `@field`, `@alias`, `@param`, `@return`, `@async`,
-- `@deprecated`, and fenced examples. What else begins with `@` is an error: a misspelt tag would be lost in silence.
-- What stands in a comment is read when it is first asked for: until then `pairs` of a record shows its name only.
local doc_comments = {}

---@class prompt.DocField A parameter, a field, or one result.
---@field name? string absent for a result without one
---@field type string as it is written
---@field optional boolean
---@field text string "" where nothing is said
---@field literals? (string|number|boolean)[] the values that the type names
---@field fields? prompt.DocField[] those of a table that is written out: `{ticker?: string}`

---@class prompt.DocFunction
---@field name string "kalshi.book" or "kalshi.Book:best_bid"
---@field short string "book"
---@field module string
---@field file string of lua/types, without its ending
---@field class? string of a method
---@field params prompt.DocField[]
---@field returns prompt.DocField[]
---@field text string paragraphs are parted by an empty line, and lines are joined
---@field examples string[]
---@field async boolean it may wait
---@field deprecated boolean
---@field signature? string of a function of Lua's own: how it is called

---@class prompt.DocClass
---@field name string
---@field module string
---@field file string of lua/types, without its ending
---@field parent? string
---@field text string
---@field examples string[]
---@field fields prompt.DocField[]
---@field methods string[] full names, as they stand in the file

---@class prompt.DocModule
---@field name string
---@field text string
---@field examples string[]
---@field fields prompt.DocField[]
---@field functions string[] full names, as they stand in its files
---@field classes string[] names, as they stand in its files
---@field files string[] of lua/types, without their ending; that of its name first

---@class prompt.Docs
---@field modules table<string, prompt.DocModule>
---@field classes table<string, prompt.DocClass>
---@field functions table<string, prompt.DocFunction>
---@field aliases table<string, prompt.DocField> `text` is what is said of it

---The modules that lua/types describes, in the order in which help lists them.
doc_comments.modules = {
  "kalshi", "task", "kalua", "json", "log", "http", "ws", "bus", "store", "metrics", "orders", "sizing", "odds",
  "stats", "calibration", "alerts", "test", "project",
}
-- A large module has further files beside that of its name, each with what a reader looks for together.
local further = { kalshi = { "kalshi_books", "kalshi_streams", "kalshi_markets", "kalshi_orders", "kalshi_account" } }
---The libraries of Lua itself, which lua_help.lua describes; "_G" has the functions without a prefix.
doc_comments.libraries = { "_G", "string", "table", "math", "utf8", "coroutine", "os", "io", "debug" }

-- ---- types ----

local read_type -- below

local function skip(text, at) return (text:find("[^ ]", at)) or #text + 1 end

-- `name: type, name?: type` up to the bracket that ends it; the position behind that bracket.
local function read_members(text, at, ending)
  local fields = {}
  at = skip(text, at)
  while text:sub(at, at) ~= ending do
    local name, optional, after = text:match("^([%w_.]+)(%??)()", at)
    if not name then
      name, after = text:match("^(%[[^%]]*%])()", at) -- [1]: string
      optional = ""
    end
    if not name then return nil end
    local field = { name = name, optional = optional == "?", type = "any", text = "" }
    at = skip(text, after)
    if text:sub(at, at) == ":" then
      local from = skip(text, at + 1)
      at = read_type(text, from, field)
      if not at then return nil end
      field.type = text:sub(from, at - 1)
    end
    fields[#fields + 1] = field
    at = skip(text, at)
    if text:sub(at, at) == "," then at = skip(text, at + 1) elseif text:sub(at, at) ~= ending then return nil end
  end
  return at + 1, fields
end

local function read_primary(text, at, into)
  local first = text:sub(at, at)
  if first == '"' or first == "'" then
    local value, after = text:match("^" .. first .. "([^" .. first .. "]*)" .. first .. "()", at)
    if value then into.literals[#into.literals + 1] = value end
    return after
  elseif first == "{" then
    local after, fields = read_members(text, at + 1, "}")
    into.fields = into.fields or fields
    return after
  elseif first == "(" then
    local after = read_type(text, at + 1, into)
    return after and text:sub(after, after) == ")" and after + 1 or nil
  elseif text:find("^fun%(", at) then
    local after = read_members(text, at + 4, ")")
    while after do -- the results, after ":" and then commas
      local from = text:match(after == at and "^, ?()" or "^[:,] ?()", after)
      if not from then return after end
      after = read_type(text, from, { literals = {} })
    end
    return nil
  end
  local word, after = text:match("^([%w_.-]+)()", at)
  if not word then return nil end
  if tonumber(word) or word == "true" or word == "false" then
    local value = word == "true" or word ~= "false" and (math.tointeger(tonumber(word)) or tonumber(word))
    into.literals[#into.literals + 1] = value
  elseif text:sub(after, after) == "<" then
    repeat after = read_type(text, skip(text, after + 1), { literals = {} }) until not after or
      text:sub(after, after) ~= ","
    return after and text:sub(after, after) == ">" and after + 1 or nil
  end
  return after
end

-- The position behind the type that begins at `at`, nil when there is none; its literals and members go into `into`.
function read_type(text, at, into)
  into.literals = into.literals or {}
  while true do
    at = read_primary(text, at, into)
    if not at then return nil end
    at = text:match("^[%[%]]+()", at) or at
    at = text:match("^%?()", at) or at
    if text:sub(at, at) ~= "|" then return at end
    at = at + 1
  end
end

-- A type, and what stands behind it.
local function type_and_rest(text, where)
  local field = { optional = false, literals = {} }
  local after = read_type(text, 1, field)
  if not after or not text:find("^%f[%z ]", after) then error(where .. ": cannot read the type in: " .. text, 0) end
  field.type = text:sub(1, after - 1)
  if #field.literals == 0 then field.literals = nil end
  return field, text:sub(after + 1)
end

local function named(text, where)
  local name, optional, rest = text:match "^(%S-)(%??) (.*)$"
  if not name then error(where .. ": a name and a type, please: " .. text, 0) end
  local field, said = type_and_rest(rest, where)
  field.name, field.optional, field.text = name, optional == "?", said
  if field.type:sub(-1) == "?" and field.type:sub(1, 4) ~= "fun(" then field.optional = true end
  return field
end

-- ---- blocks of comment lines ----

-- Joins the lines of each paragraph; items of a list ("- ") and indented lines stay lines.
local function joined(lines)
  local out = {}
  for _, line in ipairs(lines) do
    local last = out[#out]
    if line == "" or not last or last == "" or line:find "^[- ] " or line:find "^ " then
      out[#out + 1] = line
    else
      out[#out] = last .. " " .. line
    end
  end
  while out[#out] == "" do out[#out] = nil end
  return table.concat(out, "\n")
end

local tags = {}

function tags.param(block, rest) table.insert(block.params, named(rest, block.where)) end

function tags.field(block, rest) table.insert(block.fields, named(rest, block.where)) end

-- The word after the type is the name of the result.
tags["return"] = function(block, rest)
  local field, said = type_and_rest(rest, block.where)
  local name, text = said:match "^([%a_][%w_]*)%f[%z ] ?(.*)$"
  field.name, field.text = name, text or said
  field.optional = field.type:sub(-1) == "?"
  table.insert(block.returns, field)
end

function tags.class(block, rest)
  local name, parent, said = rest:match "^([%w_.]+):? ?([%w_.]*) ?(.*)$"
  if not rest:find("^[%w_.]+:") then parent, said = nil, rest:match "^[%w_.]+ ?(.*)$" end
  if block.class then error(block.where .. ": an empty line between two classes", 0) end
  block.class, block.parent = name, parent
  if said ~= "" then table.insert(block.lines, said) end
end

function tags.alias(block, rest)
  local name, what = rest:match "^(%S+) (.*)$"
  if block.alias then error(block.where .. ": an empty line between two aliases", 0) end
  if not name then error(block.where .. ": an alias needs a name and a type", 0) end
  local said
  block.alias, said = type_and_rest(what, block.where)
  block.alias.name = name
  if said ~= "" then table.insert(block.lines, said) end
end

function tags.async(block) block.async = true end
function tags.deprecated(block) block.deprecated = true end
function tags.meta() end

local function add_line(block, line)
  if block.example then
    if line == "```" then
      table.insert(block.examples, table.concat(block.example, "\n"))
      block.example = nil
    else
      table.insert(block.example, line)
    end
  elseif line == "```lua" then
    block.example = {}
  elseif line:sub(1, 1) == "@" then
    local tag, rest = line:match "^@(%a+) ?(.*)$"
    local read = tag and tags[tag]
    if not read then error(block.where .. ": unknown: " .. line, 0) end
    read(block, rest)
  else
    table.insert(block.lines, line)
  end
end

-- ---- a file ----

local function read_block(comment, where)
  local block = {
    where = where, lines = {}, examples = {}, params = {}, returns = {}, fields = {}, async = false, deprecated = false,
  }
  for line in comment:gmatch "[^\n]+" do
    if line:sub(1, 3) == "---" then add_line(block, line:sub(4)) end
  end
  if block.example then error(where .. ": an example without an end", 0) end
  block.text = joined(block.lines)
  return block
end

-- The record, whose other fields `keys` are read from the comment when the first of them is asked for: reading all
-- takes longer than a key press may.
local function later(record, keys, comment, where)
  return setmetatable(record, {
    __index = function(r, key)
      setmetatable(r, nil)
      local block = read_block(comment, where)
      for k in keys:gmatch "%a+" do r[k] = block[k] end
      return r[key]
    end,
  })
end

local function declare_class(docs, module, name, comment, where, variable, of_variable)
  local class = name == module.name and module
    or { name = name, module = module.name, file = module.files[#module.files], methods = {} }
  if variable then of_variable[variable] = class end
  if class == module and #module.files > 1 then return end -- its first file says what it is
  later(class, class == module and "text examples fields" or "text examples fields parent", comment, where)
  if class == module then return end
  docs.classes[name] = class
  table.insert(module.classes, name)
end

local function declare_function(docs, module, comment, where, line, of_variable)
  local variable, mark, short = line:match "^function ([%a_][%w_]*)([.:])([%a_][%w_]*)%("
  if not variable then error(where .. ": cannot read the function", 0) end
  local class = of_variable[variable] or error(where .. ": nothing is said of " .. variable, 0)
  local name = class.name .. mark .. short
  local method = class ~= module
  local record = {
    name = name, short = short, module = module.name, file = module.files[#module.files],
    class = method and class.name or nil,
  }
  docs.functions[name] = later(record, "text examples params returns async deprecated", comment, where)
  table.insert(method and class.methods or module.functions, name)
end

-- A paragraph of the file: comment lines, and what they are about.
local function declare(docs, module, paragraph, where, of_variable)
  local at = paragraph:find("\nfunction ", 1, true)
  if at then
    if paragraph:find("\nfunction ", at + 1, true) then error(where .. ": an empty line between two functions", 0) end
    return declare_function(docs, module, paragraph:sub(1, at), where, paragraph:sub(at + 1), of_variable)
  end
  local class = paragraph:find("---@class ", 1, true)
  if class then
    local variable = paragraph:match("^\nlocal ([%a_][%w_]*) = {}", paragraph:find("\nlocal ", class, true) or class)
    local name = paragraph:match("^[%w_.]+", class + #"---@class ")
    return declare_class(docs, module, name, paragraph, where, variable, of_variable)
  elseif paragraph:find("---@alias ", 1, true) then
    local block = read_block(paragraph, where)
    block.alias.text = block.text
    docs.aliases[block.alias.name] = block.alias
  end
end

-- fn(paragraph, line) for each run of lines without an empty one.
local function each_paragraph(text, fn)
  local at, line = 1, 1
  while at <= #text do
    local stop = text:find("\n\n", at, true) or #text
    local paragraph = text:sub(at, stop)
    fn(paragraph, line)
    local _, lines = paragraph:gsub("\n", "")
    at, line = stop + 2, line + lines + 1
  end
end

---Reads one file of declarations into `docs`: paragraphs of comment lines with a function or a class, parted by empty
---lines. Raises a text that names the line where it cannot be read; what is wrong inside of a comment is raised when
---that is first asked for.
---@param docs prompt.Docs
---@param name string of the module
---@param text string
---@param file? string of a module that has been read: a further one of its files
function doc_comments.parse(docs, name, text, file)
  local module = file and docs.modules[name] or { name = name, functions = {}, classes = {}, files = {} }
  docs.modules[name] = module
  table.insert(module.files, file or name)
  local of_variable, nothing = {}, {}
  each_paragraph(text, function(paragraph, line)
    declare(docs, module, paragraph, (file or name) .. ".lua:" .. line, of_variable)
  end)
  if file then return end
  if not getmetatable(module) then module.text, module.examples, module.fields = "", nothing, nothing end
end

-- ---- Lua's own library ----

-- The parameters and results of a signature: `find(s, pattern [, from]) -> first, last`.
local function read_signature(record, signature)
  local depth = 0
  for mark, name in (signature:match "%((.*)%)" or ""):gmatch "([][ ,]*)([%w_.]*)" do
    for bracket in mark:gmatch "[][]" do depth = depth + (bracket == "[" and 1 or -1) end
    if name ~= "" then
      table.insert(record.params, { name = name, type = "any", optional = depth > 0 or name == "...", text = "" })
    end
  end
  for name in (signature:match "%-> (.*)$" or ""):gmatch "[%w_.]+" do
    table.insert(record.returns, { name = name, type = "any", optional = false, text = "" })
  end
end

local function read_entry(lines)
  local record = { params = {}, returns = {}, async = false, deprecated = false, examples = {} }
  local text, example = {}, {}
  for line in lines:gmatch "  ([^\n]+)" do
    if line:sub(1, 2) == "> " then example[#example + 1] = line:sub(3) else text[#text + 1] = line end
  end
  record.text, record.examples = joined(text), #example > 0 and { table.concat(example, "\n") } or {}
  return record
end

local function declare_entry(docs, signature, lines)
  local full = signature:match "^[%w_.:]+"
  local owner, mark, short = full:match "^(.-)([.:]?)([%w_]+)$"
  local module = docs.modules[mark == ":" and "io" or owner ~= "" and owner or "_G"]
  if not signature:find("(", 1, true) then
    local field = read_entry(lines)
    field.name, field.type, field.optional = short, type(module.values[short]), false
    table.insert(module.fields, field)
    return
  end
  local record = { name = full, short = short, module = module.name, class = mark == ":" and owner or nil,
    signature = signature }
  docs.functions[full] = setmetatable(record, {
    __index = function(r, key)
      setmetatable(r, nil)
      for k, v in pairs(read_entry(lines)) do r[k] = v end
      read_signature(r, signature)
      return r[key]
    end,
  })
  table.insert(mark == ":" and docs.classes[owner].methods or module.functions, full)
end

---Reads the list of lua_help.lua into `docs`.
---@param docs prompt.Docs
---@param text string
function doc_comments.parse_library(docs, text)
  for _, name in ipairs(doc_comments.libraries) do
    docs.modules[name] = { name = name, text = "", examples = {}, fields = {}, functions = {}, classes = {}, files = {},
      values = name == "_G" and { _VERSION = _VERSION } or _ENV[name] or {} }
  end
  docs.classes.file = { name = "file", module = "io", text = "An open file, or a program that runs.", examples = {},
    fields = {}, methods = {} }
  table.insert(docs.modules.io.classes, "file")
  each_paragraph(text, function(paragraph)
    local stop = paragraph:find("\n", 1, true)
    declare_entry(docs, paragraph:sub(1, stop - 1), paragraph:sub(stop + 1))
  end)
end

---No documentation, to be filled by parse.
---@return prompt.Docs
function doc_comments.new() return { modules = {}, classes = {}, functions = {}, aliases = {} } end

---Reads all that lua/types declares by hand.
---@param text_of fun(file: string): string of a file without its ending
---@return prompt.Docs
function doc_comments.read(text_of)
  local docs = doc_comments.new()
  for _, name in ipairs(doc_comments.modules) do
    doc_comments.parse(docs, name, text_of(name))
    for _, file in ipairs(further[name] or {}) do doc_comments.parse(docs, name, text_of(file), file) end
  end
  return docs
end

local kept

---What lua/types and lua_help.lua say, read at the first call.
---@return prompt.Docs
function doc_comments.all()
  if kept then return kept end
  local docs = doc_comments.read(function(file) return (require("prompt.types." .. file)) end)
  doc_comments.parse_library(docs, require "prompt.lua_help")
  kept = docs
  return docs
end

-- ---- questions ----

---The values that a type names, by its aliases too: { "yes", "no" } of a `kalshi.Outcome`; nil where it names none.
---@param field prompt.DocField
---@return (string|number|boolean)[]?
function doc_comments.literals(field)
  if field.literals then return field.literals end
  local alias = doc_comments.all().aliases[(field.type:gsub("%?$", ""))]
  return alias and alias.literals
end

---The fields of what a type says: of a table that is written out, or of a class and those that it is built on.
---@param field prompt.DocField
---@return prompt.DocField[]? fields nil where it has none
function doc_comments.fields(field)
  if field.fields then return field.fields end
  local classes = doc_comments.all().classes
  local class = classes[field.type:match "^([%w_.]+)"]
  for name in field.type:gmatch "[%w_.]+" do class = class or classes[name] end -- "string|http.Options"
  if not class or not class.parent or not classes[class.parent] then return class and class.fields end
  local out = {}
  for _, one in ipairs(class.fields) do out[#out + 1] = one end
  for _, one in ipairs(doc_comments.fields{ type = class.parent } or {}) do out[#out + 1] = one end
  return out
end

---The class of a value that a type names: "kalshi.Book" of "kalshi.Book?"; nil where it is no class with fields or
---methods.
---@param type_text string
---@return prompt.DocClass?
function doc_comments.class(type_text) return doc_comments.all().classes[(type_text:gsub("%?$", ""))] end

-- The kinds of errors that a text may say are raised.
local kinds = {}
local all_kinds = "http network timeout auth rate_limit ws validation cancelled closed overflow limit permission risk "
  .. "paper shadow protocol config internal assertion"
for kind in all_kinds:gmatch "%S+" do kinds[kind] = true end

-- The kinds that a text says are raised, in its order; nil where it says nothing of raising.
local function kinds_in(text)
  if not text:find("aise", 1, true) then return nil end
  if text:find "[Rr]aises nothing" or text:find "[Rr]aises a text" then return {} end
  local list
  for sentence in text:gsub("%.%s", "\n"):gmatch "[^\n]+" do
    for kind in (sentence:find "[Rr]aise" and sentence or ""):gmatch '"([%l_]+)"' do
      if kinds[kind] then
        list = list or {}
        list[#list + 1] = kind
      end
    end
  end
  return list
end

---The kinds of errors that a function raises: what its own text says, that of its class and that of its module, where
---"validation" goes for functions with parameters; and "cancelled" where it may wait. Nil where nothing is said.
---@param fn prompt.DocFunction
---@param docs? prompt.Docs those that it is of (what lua/types says)
---@return string[]?
function doc_comments.raises(fn, docs)
  docs = docs or doc_comments.all()
  local out, seen = {}, {}
  local function add(kind)
    if not seen[kind] then out[#out + 1] = kind end
    seen[kind] = true
  end
  local own = kinds_in(fn.text)
  for _, kind in ipairs(own or {}) do add(kind) end
  local said = own ~= nil
  if not own or #own > 0 then
    for _, owner in ipairs{ docs.classes[fn.class or ""] or false, docs.modules[fn.module] } do
      local theirs = owner and kinds_in(owner.text)
      said = said or theirs ~= nil and theirs ~= false
      for _, kind in ipairs(theirs or {}) do
        if kind ~= "validation" or #fn.params > 0 then add(kind) end
      end
    end
  end
  if fn.async then add "cancelled" end
  return said and out or nil
end

---The first sentence of a text.
---@param text string
---@return string
function doc_comments.sentence(text)
  local line = text:match "^[^\n]*"
  return line:match "^(.-[.!?])%f[%s\0]%s+%u" or line:match "^(.-%.)$" or line
end

---How a function is called, on one line: `book:best_bid([side]) -> price, count`.
---@param fn prompt.DocFunction
---@return string
function doc_comments.signature(fn)
  if fn.signature then return fn.signature end
  local params, results = {}, {}
  local opened = 0
  for i, p in ipairs(fn.params) do
    local sep = i > 1 and ", " or ""
    if p.optional then
      params[i] = (i > 1 and " [, " or "[") .. p.name
      opened = opened + 1
    else
      params[i] = string.rep("]", opened) .. sep .. p.name
      opened = 0
    end
  end
  for i, r in ipairs(fn.returns) do results[i] = r.name or r.type end
  local called = fn.name
  if fn.class then called = fn.class:match "[%w_]+$":lower() .. ":" .. fn.short end
  local text = called .. "(" .. table.concat(params) .. string.rep("]", opened) .. ")"
  return #results == 0 and text or text .. " -> " .. table.concat(results, ", ")
end

return doc_comments
