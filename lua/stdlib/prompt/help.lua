-- `:help`: every function, operation, type, field, command and topic, from the doc comments of lua/types, the table of
-- operations and the commands of the prompt.
local commands = require "prompt.commands"
local docs = require "prompt.doc_comments"
local index = require "prompt.help_index"
local layout = require "prompt.help_layout"
local pages = require "prompt.help_pages"
local topics = require "prompt.help_topics"
local width = require "prompt.width"

local help = {}
local lists = { "operations", "channels", "commands", "topics" }

-- ---- pages of the prompt itself ----

local function command_rows()
  local rows = {}
  for _, c in ipairs(commands.all()) do rows[#rows + 1] = { c.usage, "", c.help } end
  return rows
end

local function command_names()
  local names = {}
  for _, c in ipairs(commands.all()) do names[#names + 1] = ":" .. c.name end
  table.sort(names)
  return names
end

local function topic_names()
  local names = {}
  for _, topic in ipairs(topics) do names[#names + 1] = topic.name end
  table.sort(names)
  return names
end

local function home(page)
  page:title "Help"
  page:gap()
  page:text("What you type is Lua. An expression shows its value, a call that waits lets everything else go on. " ..
    "Try, one after the other:")
  page:gap()
  page:code [[
kalshi.get_markets{ status = "open", limit = 8 }
ticker = _.markets[1].ticker
book = kalshi.book(ticker)
book
book:sweep("buy", 100)
kalshi.balance()]]
  page:gap()
  page:text("Tab completes and shows what fits. Ctrl-C cancels a call, Ctrl-D leaves. :tour shows around in twelve " ..
    "steps.")
  page:heading "Help on something"
  page:rows{
    { ":help book", "", "a function, a type, a field, an operation of the exchange; so does book?" },
    { ":help ?spread", "", "everything that has to do with a word" },
    { ":help kalshi", "", "a module: kalshi, task, kalua, json, http, ws, bus, log; string, table, math …" },
    { ":help operations", "", "every REST operation of the exchange; :help channels: what it streams" },
    { ":help :load", "", "a command" },
  }
  page:heading "Topics"
  page:words(topic_names())
  page:heading "Commands (:help commands says what they do)"
  page:words(command_names())
end

local function topic_page(page, topic)
  page:title(topic.title)
  page:gap()
  local code, text = {}, {}
  local function flush()
    if #code > 0 then page:code(table.concat(code, "\n")) end
    if #text > 0 then page:text(table.concat(text, "\n")) end
    code, text = {}, {}
  end
  -- Lines of a paragraph are joined; those of a list are not.
  for line in (topic.text .. "\n"):gmatch "(.-)\n" do
    if line:sub(1, 2) == "> " then
      if #text > 0 then flush() end
      code[#code + 1] = line:sub(3)
    elseif line == "" then
      flush()
      page:gap()
    else
      if #code > 0 then flush() end
      local new = #text == 0 or line:find "^%- "
      if new then text[#text + 1] = line else text[#text] = text[#text] .. " " .. line end
    end
  end
  flush()
end

local function command_page(page, command)
  page:title(command.usage)
  page:gap()
  page:text(command.help:sub(1, 1):upper() .. command.help:sub(2) .. (command.help:find "%.$" and "" or "."))
  if command.detail then
    page:gap()
    page:text(command.detail)
  end
  local aliases = table.concat(command.aliases or {}, ", :")
  if aliases ~= "" then page:text("Also :" .. aliases .. ".") end
end

local function commands_page(page)
  page:title "Commands"
  page:gap()
  page:rows(command_rows())
  page:gap()
  page:text("The begin of a name is enough where it is the only one. `:help :NAME` says more of one.")
end

-- All operations by the exchange's groups; those of one group with what they do.
local function operations_page(page, only)
  local groups, tags = {}, {}
  for _, op in ipairs(index.operations()) do
    if not groups[op.tag] then
      groups[op.tag] = {}
      tags[#tags + 1] = op.tag
    end
    if not op.legacy then table.insert(groups[op.tag], op) end
  end
  table.sort(tags)
  if only and not groups[only] then return false end
  page:title(only and "Operations: " .. only or "REST operations")
  page:gap()
  if only then
    local rows = {}
    for i, op in ipairs(groups[only]) do rows[i] = { op.name, "", op.summary } end
    page:rows(rows)
    return true
  end
  page:text("Each is a function: kalshi.NAME(path parameters…, { others }). `:help NAME` shows one, " ..
    "`:help operations orders` what those of a group do.")
  for _, tag in ipairs(tags) do
    local names = {}
    for i, op in ipairs(groups[tag]) do names[i] = op.name end
    page:heading(tag)
    page:words(names)
  end
  return true
end

local function channels_page(page)
  page:title "Channels of the feed"
  page:gap()
  page:text("kalshi.subscribe asks for them; `:help NAME` shows one.")
  page:gap()
  local rows = {}
  for i, channel in ipairs(index.channels()) do rows[i] = { channel.name, "", channel.about } end
  page:rows(rows)
end

-- ---- one word ----

local function entry_page(page, entry)
  local record = entry.record
  if entry.kind == "topic" then return topic_page(page, record) end
  if entry.kind == "class" then return pages.class(page, record) end
  if entry.kind == "field" then return pages.field(page, entry.owner, record) end
  if entry.kind == "channel" then return pages.channel(page, record) end
  local operation = index.operation(entry)
  if operation then return pages.operation(page, operation, entry.kind == "function" and record or nil) end
  if entry.kind == "function" then return pages.fn(page, record) end
  pages.module(page, record)
  if entry.name == "kalshi" then
    page:gap()
    page:text(("And %d operations of the exchange: `:help operations`."):format(#index.operations()))
  end
end

local function entry_title(entry)
  if entry.kind == "function" then return (docs.signature(entry.record):gsub(" %->.*", "")) end
  if entry.kind == "topic" then return ":help " .. entry.name end
  return entry.name
end

-- What the list says of an entry; a method says of which type it is.
local function list_page(page, found)
  local rows = {}
  for i, entry in ipairs(found) do
    local text = docs.sentence(index.text(entry))
    if entry.kind == "topic" then text = entry.record.title end
    local title = entry_title(entry)
    if entry.kind == "function" and entry.record.class then title = entry.name end
    rows[i] = { title, "", width.cut(text, 2 * page.width) }
  end
  page:rows(rows)
end

-- The only function of Lua's own among them, where no method is called so, too.
local function only_library(found)
  local only
  for _, entry in ipairs(found) do
    if entry.kind == "function" then
      if only or entry.record.class or not entry.library then return nil end
      only = entry
    end
  end
  return only
end

-- Several things with one name: pages of what is no method, at most two, then a list; Lua's own is mostly in the list.
local function found_page(page, word, found)
  if #found == 1 then return entry_page(page, found[1]) end
  local shown, rest = { only_library(found) }, {}
  for _, entry in ipairs(found) do
    if entry.name == word then shown[1] = entry end
  end
  for _, entry in ipairs(found) do
    local method = entry.kind == "function" and entry.record.class
    local known = entry.kind ~= "field" and entry.kind ~= "channel"
    local full = known and not method and not entry.library and not entry.name:find "^kalshi%.legacy"
    if entry ~= shown[1] then
      if full and #shown < 2 then shown[#shown + 1] = entry else rest[#rest + 1] = entry end
    end
  end
  if #shown == 0 then
    page:title("Several things are called " .. word)
    page:gap()
    list_page(page, rest)
    page:gap()
    page:text("`:help` with the whole name shows one.")
    return
  end
  for i, entry in ipairs(shown) do
    if i > 1 then page:gap() end
    entry_page(page, entry)
  end
  if #rest > 0 then
    page:heading "Also called so"
    list_page(page, rest)
  end
end

local function search_page(page, words)
  local found = index.search(words, 20)
  if #found == 0 then return false end
  page:title("What has to do with " .. words)
  page:gap()
  list_page(page, found)
  return true
end

local function missing_page(page, word)
  local found = index.search(word, 12)
  local near = #word < 4 and #found > 0 and {} or index.near(word, 4)
  if #near > 0 then
    page:text(('Nothing is called "%s". Did you mean %s?'):format(word, table.concat(near, ", ")))
  end
  if #found == 0 then return #near > 0 end
  if #near == 0 then page:text(('Nothing is called "%s", but this has to do with it:'):format(word)) end
  if #near > 0 then page:heading "It occurs in" else page:gap() end
  list_page(page, found)
  return true
end

-- ---- what others call ----

---Help on a name, a topic, a command (":load"), or on what has to do with words ("?spread"); the first screen for "".
---@param name string
---@param o? {width?: integer, colour?: boolean}
---@return string? text nil where nothing is known of it
function help.text(name, o)
  local page = layout.page(o or {})
  local word = name:gsub("^%s+", ""):gsub("%s+$", "")
  local done = true
  if word == "" then
    home(page)
  elseif word == ":" or word == "commands" then
    commands_page(page)
  elseif word:sub(1, 1) == ":" then
    local command = commands.find(word:sub(2))
    if command then command_page(page, command) else done = false end
  elseif word:sub(1, 1) == "?" then
    done = search_page(page, (word:gsub("^%?%s*", "")))
  elseif word == "operations" or word:find "^operations%s" then
    done = operations_page(page, word:match "^operations%s+(%S+)")
  elseif word == "channels" then
    channels_page(page)
  elseif word == "topics" then
    page:words(topic_names(), 0)
  else
    local found = index.find(word)
    if #found > 0 then
      found_page(page, word, found)
      local related = index.related(word, found, 8)
      if #related > 0 then
        page:heading "See also"
        list_page(page, related)
      end
    elseif word:find "^[%w_]+$" and commands.find(word) then
      command_page(page, commands.find(word))
    else
      done = missing_page(page, word)
    end
  end
  return done and page:finish() or nil
end

---All names that `:help` has a page for, sorted: functions, methods, types, modules, operations, topics, commands.
---@return string[]
function help.names()
  local names, seen = {}, {}
  local function add(name)
    if not seen[name] then names[#names + 1] = name end
    seen[name] = true
  end
  for _, entry in ipairs(index.entries()) do
    if entry.kind ~= "field" then add(entry.name) end
  end
  for _, command in ipairs(commands.all()) do add(":" .. command.name) end
  for _, name in ipairs(lists) do add(name) end
  table.sort(names)
  return names
end

---How a function or an operation is called; nil where the name is neither.
---@param name string
---@return string?
function help.signature(name)
  for _, entry in ipairs(index.find(name)) do
    local operation = index.operation(entry)
    if entry.kind == "function" then return docs.signature(entry.record) end
    if operation then return pages.operation_signature(operation) end
  end
end

-- ---- the command ----

-- What stands behind a name in the list of completions.
local function hint_of(entry)
  if entry.kind == "function" then return docs.signature(entry.record) end
  if entry.kind == "topic" then return entry.record.title end
  return docs.sentence(index.text(entry))
end

local function complete(_, text)
  local out, seen = {}, {}
  local typed = text:match "^%s*(.-)$":lower()
  local function offer(name, short, hint)
    local fits = name:lower():sub(1, #typed) == typed or short:lower():sub(1, #typed) == typed
    if fits and not seen[name] then out[#out + 1] = { text = name, hint = hint() } end
    seen[name] = true
  end
  for _, entry in ipairs(index.entries()) do
    if entry.kind ~= "field" then offer(entry.name, entry.short, function() return hint_of(entry) end) end
  end
  for _, name in ipairs(lists) do offer(name, name, function() return "a list of all" end) end
  for _, c in ipairs(commands.all()) do offer(":" .. c.name, ":" .. c.name, function() return c.help end) end
  table.sort(out, function(a, b) return a.text < b.text end)
  return out, #text - #typed
end

commands.add{
  name = "help", aliases = { "h", "?" }, usage = ":help [NAME]",
  help = "what a name means, or how to begin; :help ?WORD searches",
  detail = "NAME is a function (kalshi.book), a method (best_bid), a type (kalshi.Market), a field " ..
    "(yes_bid_dollars), " ..
    "an operation of the exchange, a command (:load) or a topic. `NAME?` at the prompt does the same.",
  run = function(session, text)
    local drawing = session:drawing()
    local page = help.text(text, { width = math.min(drawing.width or 80, 110), colour = drawing.colour })
    if not page then
      local word = text:match("^%?%s*(.+)$")
      local why = word and 'nothing has to do with "%s"; :help alone shows the topics'
        or 'there is no help on "%s"; :help ?WORD searches, :help alone shows how to begin'
      commands.usage(why:format(word or text))
    end
    session:print(page)
  end,
  complete = complete,
}

return help
