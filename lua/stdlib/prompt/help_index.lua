-- What help knows by name (functions, classes, modules, fields, operations, channels, topics), and how a word leads to
-- it.
local catalog = require "prompt.catalog"
local docs = require "prompt.doc_comments"
local topics = require "prompt.help_topics"

local index = {}

---@class prompt.HelpEntry
---@field kind "function"|"class"|"module"|"field"|"operation"|"channel"|"topic"
---@field name string the full one
---@field short string its last word
---@field text string what the search looks at beside the name: the first lines of its help
---@field order integer where it stands among others that fit as well
---@field library? boolean it is Lua's own

local entries, by_name, by_short
local library = false -- while Lua's own is added

local function add(kind, name, short, record, more)
  local entry = { kind = kind, name = name, short = short, record = record, order = #entries, library = library }
  for k, v in pairs(more or {}) do entry[k] = v end
  entries[#entries + 1] = entry
  if not by_name[name] then by_name[name] = entry end
  local key = short:lower()
  by_short[key] = by_short[key] or {}
  table.insert(by_short[key], entry)
  return entry
end

local function add_fields(owner, fields)
  for _, field in ipairs(fields) do
    if field.name:find "^[%a_]" then
      local prefix = owner == "_G" and "" or owner .. "."
      add("field", prefix .. field.name, field.name, field, { owner = owner })
    end
  end
end

local function add_modules(names)
  local all = docs.all()
  for _, name in ipairs(names) do
    local module = all.modules[name]
    if name ~= "project" then add("module", name, name, module) end
    for _, full in ipairs(module.functions) do add("function", full, all.functions[full].short, all.functions[full]) end
    for _, full in ipairs(module.classes) do
      local class = all.classes[full]
      add("class", full, full:match "[%w_]+$", class)
      for _, method in ipairs(class.methods) do
        add("function", method, all.functions[method].short, all.functions[method])
      end
    end
  end
end

local function build()
  if entries then return end
  entries, by_name, by_short = {}, {}, {}
  for _, topic in ipairs(topics) do add("topic", topic.name, topic.name, topic) end
  add_modules(docs.modules)
  for _, op in ipairs(catalog.operations()) do
    local name = "kalshi." .. (op.legacy and "legacy." or "") .. op.name
    if by_name[name] then
      by_name[name].operation = op -- lua/types has it, too
    else
      add("operation", name, op.name, op)
    end
  end
  for _, channel in ipairs(catalog.channels()) do add("channel", channel.name, channel.name, channel) end
  library = true
  add_modules(docs.libraries)
  library = false
  local all = docs.all()
  for _, list in ipairs{ docs.modules, docs.libraries } do
    for _, name in ipairs(list) do
      add_fields(name, all.modules[name].fields)
      for _, class in ipairs(all.modules[name].classes) do add_fields(class, all.classes[class].fields) end
    end
  end
end

---All entries, topics first, then what is Kalua's, then operations, then what is Lua's.
---@return prompt.HelpEntry[]
function index.entries()
  build()
  return entries
end

---The operation behind an entry with all that is known of it; nil where it is none.
---@param entry prompt.HelpEntry
---@return kalshi.Operation?
function index.operation(entry)
  local op = entry.kind == "operation" and entry.record or entry.operation
  return op and catalog.describe((op.legacy and "legacy." or "") .. op.name)
end

---All operations of the exchange, and all channels of its feed, as the table of operations has them.
function index.operations() return catalog.operations() end
function index.channels() return catalog.channels() end

---What stands for an entry in a list: how it is called or what it is, and what it does.
---@param entry prompt.HelpEntry
---@return string
function index.text(entry)
  local record = entry.record
  if entry.kind == "operation" then return record.summary end
  if entry.kind == "topic" then return record.title .. ". " .. record.text end
  if entry.kind == "channel" then return "Channel: " .. record.about end
  return record.text
end

-- "kalshi.book(ticker)" is asked for as kalshi.book; `book:best_bid` and `book.seq` as those of a kalshi.Book.
local function cleaned(word)
  word = word:gsub("^%s+", ""):gsub("%s+$", "")
  word = word:gsub("%s*[%({\"'].*$", ""):gsub("%?+$", "")
  return word
end

-- `owner:name`, where owner is the name of a class in any case, or the word that objects of it are called.
local function of_class(word)
  local owner, short = word:match "([%w_]+)[.:]([%w_]+)$"
  if not owner then return nil end
  for _, entry in ipairs(by_short[short:lower()] or {}) do
    local class = entry.kind == "function" and entry.record.class or entry.kind == "field" and entry.owner
    if class and class:match "[%w_]+$":lower() == owner:lower() then return entry end
  end
end

---The entries that a word means: by its full name, or by its last word; none where nothing is called so.
---@param word string
---@return prompt.HelpEntry[]
function index.find(word)
  build()
  word = cleaned(word)
  local entry = by_name[word] or by_name["kalshi." .. word] or by_name["kalshi.legacy." .. word]
  if not entry and word:find "^kalshi%.each%." then entry = by_name["kalshi." .. word:sub(13)] end
  entry = word:find "[.:]" and (entry or of_class(word))
  if entry then return { entry } end
  local found = by_short[word:lower()] or {}
  local only_fields = true
  for _, one in ipairs(found) do only_fields = only_fields and one.kind == "field" end
  local many = only_fields and not word:find "[.:]" and by_short[word:lower() .. "s"] -- order: kalshi.orders
  if many then return table.move(found, 1, #found, #many + 1, table.move(many, 1, #many, 1, {})) end
  if #found > 0 then return found end
  if word:find "^%u%w+$" then -- as the exchange calls it
    local ok, op = pcall(catalog.describe, word)
    if ok then return { by_name["kalshi." .. (op.legacy and "legacy." or "") .. op.name] } end
  end
  return {}
end

---Functions and operations that have the word as a part of their name, as cancel_order has "cancel".
---@param word string
---@param found prompt.HelpEntry[] those that are shown already
---@param count integer at most
---@return prompt.HelpEntry[]
function index.related(word, found, count)
  build()
  local out, seen = {}, {}
  if word:find "%W" or #word < 4 then return out end
  for _, entry in ipairs(found) do seen[entry] = true end
  local part = "_" .. word:lower():gsub("s$", "") .. "s?_"
  for _, entry in ipairs(entries) do
    local callable = entry.kind == "operation" or entry.kind == "function" and not entry.library
    if callable and not seen[entry] and not entry.name:find "legacy" and ("_" .. entry.short .. "_"):find(part) then
      out[#out + 1] = entry
      if #out == count then break end
    end
  end
  return out
end

-- ---- when nothing is called so ----

---How many characters have to be changed, added, left out or swapped; more than `most` is most + 1.
function index.distance(a, b, most)
  if math.abs(#a - #b) > most then return most + 1 end
  local before, last = nil, {}
  for j = 0, #b do last[j] = j end
  for i = 1, #a do
    local now = { [0] = i }
    local least = i
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      local n = math.min(last[j] + 1, now[j - 1] + 1, last[j - 1] + (same and 0 or 1))
      if before and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        n = math.min(n, before[j - 2] + 1)
      end
      now[j] = n
      if n < least then least = n end
    end
    if least > most then return most + 1 end
    before, last = last, now
  end
  return last[#b]
end

---The names that are nearest to a word, best first.
---@param word string
---@param count integer at most
---@return string[]
function index.near(word, count)
  build()
  word = cleaned(word):lower()
  local most = math.min(3, #word // 3)
  local found, seen = {}, {}
  for _, entry in ipairs(entries) do
    local short = word:find "[.:]" and entry.name:lower() or entry.short:lower()
    local d = index.distance(word, short, most)
    if d > most and #word >= 3 and short:sub(1, #word) == word then d = most end
    if d <= most and not seen[entry.name] and entry.kind ~= "field" then
      seen[entry.name] = true
      found[#found + 1] = { name = entry.name, d = d, order = entry.order }
    end
  end
  table.sort(found, function(a, b)
    if a.d ~= b.d then return a.d < b.d end
    return a.order < b.order
  end)
  local out = {}
  for i = 1, math.min(count, #found) do out[i] = found[i].name end
  return out
end

-- Words of a question that say nothing about what is looked for.
local empty = "a an are at can do does for have how i in is it me my of on or the this to what when which would"
local empty_words = {}
for word in empty:gmatch "%a+" do empty_words[word] = true end

---Entries in whose names or texts the words occur, best first: those with most of the words, and in the name.
---@param text string
---@param count integer at most
---@return prompt.HelpEntry[]
function index.search(text, count)
  build()
  local words = {}
  for word in text:lower():gmatch "[%w_]+" do
    if not empty_words[word] then words[#words + 1] = word end
  end
  local found = {}
  for _, entry in ipairs(entries) do
    local name, about = entry.name:lower(), index.text(entry):lower()
    local hits, score = 0, 0
    for _, word in ipairs(words) do
      local stem = #word > 4 and word:gsub("s$", "") or word
      local in_name, in_text = name:find(stem, 1, true), about:find(stem, 1, true)
      if in_name or in_text then hits = hits + 1 end
      score = score + (entry.short:lower() == word and 4 or in_name and 3 or 0) + (in_text and 1 or 0)
    end
    if hits > 0 then
      if entry.kind == "field" or name:find "legacy" then score = score - 1 end
      if entry.kind == "topic" then score = score + 4 end -- where one begins to read
      found[#found + 1] = { entry = entry, hits = hits, score = score }
    end
  end
  table.sort(found, function(a, b)
    if a.hits ~= b.hits then return a.hits > b.hits end
    if a.score ~= b.score then return a.score > b.score end
    return a.entry.order < b.entry.order
  end)
  local out = {}
  for _, f in ipairs(found) do
    local good = f.hits == found[1].hits or (#out < 6 and f.hits == found[1].hits - 1)
    if #out < count and good then out[#out + 1] = f.entry end
  end
  return out
end

return index
