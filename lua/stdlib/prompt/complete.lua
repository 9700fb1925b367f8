-- Completion and hints at the prompt: what can be written where the cursor is. Nothing that was typed is evaluated:
-- live values are asked for their names (operation `members`), all else is known here.
local task = require "task"
local catalog = require "prompt.catalog"
local commands = require "prompt.commands"
local context = require "prompt.complete_context"
local docs = require "prompt.doc_comments"
local expected = require "prompt.complete_expected"
local names = require "prompt.names"
local syntax = require "prompt.syntax"

local complete = {}

local PATIENCE = 0.25 -- seconds for the other end, which may be busy; then only what is known here is offered
local MOST = 500      -- offers

-- ---- offers ----

-- A list that is being made: each text once, the first one counts.
local function new_offers(word)
  return { word = word, seen = {}, list = {} }
end

-- `rank`: 1 is shown first. `find`: also where the word is inside of it.
local function add(offers, text, hint, rank, find)
  if offers.seen[text] then return end
  offers.seen[text] = true
  offers.list[#offers.list + 1] = { text = text, hint = hint ~= "" and hint or nil, rank = rank or 1, find = find }
end

local function begins(text, word) return text:sub(1, #word) == word end

-- Those that fit: that begin with the word; else that begin with it but for capitals; else that have it inside.
local function choose(offers)
  local word, lower = offers.word, offers.word:lower()
  local ways = {
    function(o) return begins(o.text, word) end,
    function(o) return begins(o.text:lower(), lower) end,
    function(o) return o.find and #word >= 2 and o.text:lower():find(lower, 1, true) ~= nil end,
  }
  for _, fits in ipairs(ways) do
    local keys, by_key = {}, {} -- sorted as texts: thousands of them, without a call for each comparison
    for _, o in ipairs(offers.list) do
      if fits(o) then
        local key = o.rank .. o.text
        keys[#keys + 1], by_key[key] = key, o
      end
    end
    if #keys > 0 then
      table.sort(keys)
      local out = {}
      for i = 1, math.min(#keys, MOST) do
        local o = by_key[keys[i]]
        out[i] = { text = o.text, hint = o.hint }
      end
      return out
    end
  end
  return {}
end

-- ---- live values ----

-- What the other end has at a path (nil: the names that an input can begin with), or nil.
local function members(session, path, method, prefix)
  local ok, answer = pcall(task.timeout, PATIENCE, function()
    return session:ask("members", { path = path, method = method, prefix = prefix })
  end)
  return ok and type(answer) == "table" and type(answer.items) == "table" and answer or nil
end

-- Those that begin with the word; where there are none, all: it may be that only the capitals differ.
local function members_for(session, path, method, word)
  local answer = members(session, path, method, word)
  if answer and #answer.items == 0 and word ~= "" then return members(session, path, method) end
  return answer
end

local function new_look(session, place)
  local known = {}
  return {
    names = place.names,
    class = function(path)
      local key = table.concat(path, "\0")
      if known[key] == nil then
        local answer = members(session, path, true, "\1") -- no names, only what it is
        known[key] = answer and answer.name or false
      end
      return known[key] or nil
    end,
  }
end

local function writable(name) return name:find "^[%a_\128-\255][%w_\128-\255]*$" and not syntax.keywords[name] end

local function params_of(fn)
  local out = {}
  for i, p in ipairs(fn.params) do out[i] = p.name .. (p.optional and p.name ~= "..." and "?" or "") end
  return "(" .. table.concat(out, ", ") .. ")"
end

-- What is said of the member `name` of the thing called `full`, or of the class.
local function member_hint(item, full, class)
  if item.type == "function" then
    local operation = full:match "^kalshi%.each$" or full:match "^kalshi$" or full:match "^kalshi%.legacy$"
    local op = operation and expected.operations()[(full == "kalshi.legacy" and "legacy." or "") .. item.name]
    if op then return op.summary or op.method .. " " .. op.path end
    local fn = docs.all().functions[class and class .. ":" .. item.name or full ~= "" and full .. "." .. item.name or
      item.name]
    return fn and params_of(fn) .. (fn.text ~= "" and "  " .. docs.sentence(fn.text) or "") or "function"
  end
  return item.text or item.type
end

-- The fields and methods of a class, those that it is built on included.
local function add_documented(offers, field, methods_only)
  if not methods_only then
    for _, one in ipairs(docs.fields(field) or {}) do
      if one.name and writable(one.name) then add(offers, one.name, one.type, 1) end
    end
  end
  local all = docs.all()
  local class = docs.class(field.type)
  for _ = 1, 8 do
    if not class then return end
    for _, name in ipairs(class.methods) do
      local fn = all.functions[name]
      add(offers, fn.short, params_of(fn) .. (fn.text ~= "" and "  " .. docs.sentence(fn.text) or ""), 2)
    end
    class = class.parent and all.classes[class.parent]
  end
end

local function add_live(offers, session, path, method, quoted)
  local full = table.concat(path, ".")
  local searched = full == "kalshi" or full == "kalshi.each" or full == "kalshi.legacy" -- also inside of names
  local answer = members_for(session, path, method, searched and "" or offers.word)
  for _, item in ipairs(answer and answer.items or {}) do
    if quoted or writable(item.name) then
      add(offers, item.name, member_hint(item, full, answer.name), method and 1 or item.type == "function" and 2 or 1,
        searched)
    end
  end
  if answer or method then return end
  for name, op in pairs(searched and full ~= "kalshi.each" and expected.operations() or {}) do
    if op.legacy == (full == "kalshi.legacy") then
      add(offers, name:match "[^.]+$", op.summary or op.method .. " " .. op.path, 1, true)
    end
  end
end

-- ---- names ----

local function add_globals(offers, session, place)
  for name in pairs(place.names) do add(offers, name, "here", 1) end
  local answer = members_for(session, nil, false, offers.word)
  for _, item in ipairs(answer and answer.items or {}) do
    if writable(item.name) then add(offers, item.name, member_hint(item, "", nil), 1) end
  end
  if offers.word == "" then return end
  for word in pairs(syntax.keywords) do add(offers, word, nil, 2) end
end

local function add_members(offers, session, place, look)
  local type = expected.type(place.path, look)
  if not type then return end
  local method = place.mark == ":"
  if type.doc then
    add_documented(offers, type.doc, method)
  else
    add_live(offers, session, type.path, method)
  end
end

-- ---- what is expected ----

local function key_hint(e)
  return e.type .. (e.required and ", required" or "") .. (e.text ~= "" and "  " .. e.text or "")
end

local function add_keys(offers, wanted)
  local given = {}
  for _, name in ipairs(wanted.frame.given) do given[name] = true end
  for _, e in ipairs(wanted.table and wanted.table.fields or {}) do
    if not given[e.name] and writable(e.name) then
      add(offers, e.name .. " = ", key_hint(e), e.required and 1 or 2, true)
    end
  end
end

-- Which tickers a parameter of this name means; nil where it means none. `true`: all.
local function tickers_of(name)
  local kind = name:match "^([%w_]-)_?tickers?$"
  if not kind then return nil end
  for _, one in ipairs{ "market", "event", "series" } do
    if kind == one or kind:sub(-#one - 1) == "_" .. one then return one end
  end
  return kind == "" and "market" or true
end

local function channels()
  local out = { { name = "kalshi.status", about = "the feed's own events" } }
  for _, c in ipairs(catalog.channels()) do out[#out + 1] = c end
  return out
end

local function module_names()
  local out = { "test" }
  for _, name in ipairs(docs.modules) do
    if name ~= "project" then out[#out + 1] = name end
  end
  return out
end

-- ---- files ----

---Completes the name of a file on this machine. `wanted`: the end of the names, for example ".lua"; folders are offered
---too.
---@param session table
---@param text string what is typed of it
---@param wanted? string
---@return {text: string, hint: string?}[] offers
---@return integer from bytes of `text` that stay
function complete.files(session, text, wanted)
  local list = session.list_files or require("prompt.files").list
  local folder = text:match "^(.*/)" or ""
  local offers = new_offers(text:sub(#folder + 1))
  for _, file in ipairs(list(folder == "" and "." or folder) or {}) do
    local hidden = file.name:sub(1, 1) == "." and offers.word:sub(1, 1) ~= "."
    if not hidden and file.folder then
      add(offers, file.name .. "/", nil, 1)
    elseif not hidden and (not wanted or file.name:sub(-#wanted) == wanted) then
      add(offers, file.name, nil, 1)
    end
  end
  return choose(offers), #folder
end

-- ---- strings ----

-- Behind the last comma, where a list of tickers is written as one text.
local function last_of_list(place)
  local before = place.word:match "^.*,%s*"
  if not before then return place.word, place.from end
  return place.word:sub(#before + 1), place.from + #before
end

local function complete_string(session, place, look)
  local offers = new_offers(place.word)
  local frame = place.frames[#place.frames]
  if frame and frame.open == "[" then
    local type = frame.of and expected.type(frame.of, look)
    if type and type.path then
      add_live(offers, session, type.path, false, true)
    elseif type then
      add_documented(offers, type.doc, false)
    end
    return choose(offers), place.from
  end
  local callee = frame and frame.callee
  if callee and #callee == 1 and callee[1].value == "require" then
    for _, name in ipairs(module_names()) do add(offers, name) end
    return choose(offers), place.from
  end
  local wanted = expected.at(place, look)
  local what = wanted and wanted.what
  if what and what.values then
    for _, v in ipairs(what.values) do
      if type(v) == "string" then add(offers, v, what.text) end
    end
    return choose(offers), place.from
  end
  if what and what.name == "channels" then
    for _, c in ipairs(channels()) do add(offers, c.name, c.about, 1, true) end
    return choose(offers), place.from
  end
  local kind = what and tickers_of(what.name)
  if kind then
    local word, from = place.word, place.from
    if what.name:sub(-1) == "s" then word, from = last_of_list(place) end
    return names.tickers(word, kind ~= true and kind or nil), from
  end
  if #place.word >= 2 and place.word:find "^%u[%u%d.-]+$" then -- where nothing is known, what looks like one
    local list = names.tickers(place.word)
    if list[1] and begins(list[1].text, place.word) then return list, place.from end
  end
  return {}, place.from
end

-- ---- places in Lua ----

local function complete_name(session, place, look)
  local offers = new_offers(place.word)
  if place.declares then return {}, place.from end
  if place.mark then
    add_members(offers, session, place, look)
    return choose(offers), place.from
  end
  local wanted = (place.key or place.value) and expected.at(place, look)
  if wanted and place.key and wanted.frame then
    add_keys(offers, wanted)
    local list = choose(offers)
    if #list > 0 then return list, place.from end
    offers = new_offers(place.word)
  end
  local what = wanted and wanted.what
  if what and what.values and place.value and place.word == "" then
    for _, v in ipairs(what.values) do add(offers, type(v) == "string" and '"' .. v .. '"' or tostring(v)) end
    return choose(offers), place.from
  end
  if what and place.value and place.word == "" and what.type:find "^boolean" then
    add(offers, "true")
    add(offers, "false")
    return choose(offers), place.from
  end
  add_globals(offers, session, place)
  return choose(offers), place.from
end

---What can be written at the cursor of an expression, or of a block of statements.
---@param session table
---@param text string
---@param cursor? integer bytes before it; the end when it is left out
---@return {text: string, hint: string?}[] offers
---@return integer from the bytes before what they replace
function complete.expression(session, text, cursor)
  local place = context.at(text, cursor or #text)
  local look = new_look(session, place)
  if place.kind == "name" then return complete_name(session, place, look) end
  if place.kind == "string" then return complete_string(session, place, look) end
  return {}, place.from
end

-- ---- commands ----

local function complete_command(session, before)
  local start, name, rest_at = before:match "^%s*:()([%w_!?]*)%s*()"
  if rest_at - start == #name then -- no blank behind it yet
    local offers = new_offers(name)
    for _, c in ipairs(commands.all()) do add(offers, c.name, c.help) end
    return choose(offers), start - 1
  end
  local command = commands.find(name)
  if not command then return {}, #before end
  local rest = before:sub(rest_at)
  local list, from
  if command.complete then
    list, from = command.complete(session, rest)
  elseif command.usage:find "%f[%u]FILE%f[%U]" then
    list, from = complete.files(session, rest, ".lua")
  elseif command.usage:find "%f[%u]EXPR%f[%U]" then
    list, from = complete.expression(session, rest)
  end
  return list or {}, rest_at - 1 + (from or #rest)
end

---What can be written at the cursor.
---@param session table asks the other end by session:ask(operation, fields)
---@param text string the whole input, which may have several lines
---@param cursor integer bytes before it
---@return {text: string, hint: string?}[] offers each replaces what is between `from` and the cursor
---@return integer from bytes before what they replace
function complete.at(session, text, cursor)
  local before = text:sub(1, cursor)
  if before:find "^%s*:" and not before:find "^%s*::" then return complete_command(session, before) end
  return complete.expression(session, text, cursor)
end

-- ---- hints ----

local function command_hint(before)
  local name = before:match "^%s*:([%w_!?]+)"
  local command = name and commands.find(name)
  return command and command.usage .. "  " .. command.help or nil
end

-- What is still to be given to a table: what must be there, else its own explanation.
local function missing(wanted)
  local given, out = {}, {}
  for _, name in ipairs(wanted.frame.given) do given[name] = true end
  for _, e in ipairs(wanted.table and wanted.table.fields or {}) do
    if e.required and not given[e.name] then out[#out + 1] = e.name end
  end
  return #out > 0 and "needs " .. table.concat(out, ", ") or nil
end

---One line about what is being typed: the type of the key, or the function with the argument at the cursor marked; nil
---where nothing is known.
---@param session table
---@param text string
---@param cursor integer
---@return string?
function complete.hint(session, text, cursor)
  local before = text:sub(1, cursor)
  if before:find "^%s*:" and not before:find "^%s*::" then return command_hint(before) end
  local place = context.at(text, cursor)
  if place.kind == "comment" then return nil end
  local wanted = expected.at(place, new_look(session, place))
  if not wanted then return nil end
  local call = wanted.call
  if wanted.frame then
    local key = wanted.frame.key or place.key and expected.field(wanted.table, place.word) and place.word
    local e = key and expected.field(wanted.table, key)
    if e then return ("%s  %s = %s"):format(call.name, key, key_hint(e)) end
    local needs = missing(wanted)
    return needs and call.name .. "  " .. needs or expected.signature(call, wanted.argument)
  end
  local param = wanted.argument > 1 and call.params[wanted.argument]
  local said = param and param.text ~= "" and param.text or docs.sentence(call.text)
  return expected.signature(call, wanted.argument) .. (said ~= "" and "  " .. said or "")
end

return complete
