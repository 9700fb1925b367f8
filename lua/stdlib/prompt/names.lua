-- Tickers of markets, events and series that this prompt has seen, with their titles: what completion offers where one
-- is expected. They are taken from values that pass by, and the oldest are forgotten when there are too many.
local task = require "task"
local draw_text = require "prompt.draw_text"

local names = {}

-- Names of each kind that are kept.
local MOST = { market = 50000, event = 10000, series = 5000 }
local CHUNK = 250          -- names in one text, about
local FRESH = 500          -- new names that are kept beside the texts, before they are written into them
local MOST_NODES = 200000  -- of portraits, for one call of learn
local TITLE = 80           -- bytes of a title that are kept

-- ---- a store of one kind ----

-- Names lie in a few hundred texts rather than in tables: the collector of garbage goes through a table of 50,000
-- strings in one go, which takes longer than a key press may. A text has a line for each name, in order: the name, when
-- it was seen, its quote and its title, with tabs between. What is new is in a small table until a task writes it into
-- the texts, one of them in each turn.
local Store = {}
Store.__index = Store

local LINE = "([^\t\n]+)\t(%d+)\t([^\t\n]*)\t([^\n]*)\n"

local function new_store(most)
  return setmetatable({
    most = most,
    clock = 0,   -- goes on with every name that is seen
    stored = 0,  -- names in `chunks`
    chunks = {}, -- { first = name, n = lines, text; without capitals: lower = text, names }
    fresh = {},  -- name to { seen, quote, title }
    waiting = 0, -- names in `fresh`
  }, Store)
end

function Store:add(name, title, bid, ask)
  self.clock = self.clock + 1
  local one = self.fresh[name]
  if not one then
    one = { quote = "", title = "" }
    self.fresh[name], self.waiting = one, self.waiting + 1
  end
  one.seen = self.clock
  one.title = title or one.title
  if bid or ask then one.quote = (bid or "-") .. "/" .. (ask or "-") end
end

-- Writes `fresh`, from number `from` of its sorted names up to what is not before `limit`, into the lines of a text.
-- Those that were seen before `since` are left out. Returns lines, their names, and the number behind the last one.
local function merge(text, fresh, order, from, limit, since)
  local lines, firsts = {}, {}
  local function put(name, seen, quote, title)
    if seen < since then return end
    lines[#lines + 1], firsts[#firsts + 1] = ("%s\t%d\t%s\t%s\n"):format(name, seen, quote, title), name
  end
  local function put_fresh(name)
    local one = fresh[name]
    put(name, one.seen, one.quote, one.title)
  end
  for name, seen, quote, title in text:gmatch(LINE) do
    while order[from] and order[from] < name do
      put_fresh(order[from])
      from = from + 1
    end
    local one = order[from] == name and fresh[name]
    if one then
      put(name, one.seen, one.quote ~= "" and one.quote or quote, one.title ~= "" and one.title or title)
      from = from + 1
    else
      put(name, math.tointeger(seen), quote, title)
    end
  end
  while order[from] and (not limit or order[from] < limit) do
    put_fresh(order[from])
    from = from + 1
  end
  return lines, firsts, from
end

local function new_chunk(lines, names_of_lines, from, to)
  local text = table.concat(lines, "", from, to)
  return { first = names_of_lines[from], n = to - from + 1, text = text, lower = text:lower(),
    names = table.concat(names_of_lines, "\n", from, to):lower() }
end

-- Writes what is fresh into the texts; pause() is called between two of them. Where there are too many names, those
-- that were seen longest ago go, so that half as many stay.
function Store:write(pause)
  local fresh, order, now = self.fresh, {}, self.clock
  for name in pairs(fresh) do order[#order + 1] = name end
  table.sort(order)
  local since = self.stored + #order > self.most and self.clock - self.most // 2 or 0
  local old, chunks, at, stored = self.chunks, {}, 1, 0
  if #old == 0 then old = { { first = "", text = "" } } end
  for i, chunk in ipairs(old) do
    local limit = old[i + 1] and old[i + 1].first
    local changed = since > 0 or order[at] and (not limit or order[at] < limit)
    if changed or chunk.text == "" then
      local lines, firsts
      lines, firsts, at = merge(chunk.text, fresh, order, at, limit, since)
      for from = 1, #lines, CHUNK do
        local to = #lines - from < CHUNK * 2 and #lines or from + CHUNK - 1
        chunks[#chunks + 1] = new_chunk(lines, firsts, from, to)
        if to == #lines then break end
      end
      pause()
    else
      chunks[#chunks + 1] = chunk
    end
  end
  for _, chunk in ipairs(chunks) do stored = stored + chunk.n end
  self.chunks, self.stored = chunks, stored
  for _, name in ipairs(order) do -- what was seen again meanwhile stays
    if fresh[name].seen <= now then fresh[name], self.waiting = nil, self.waiting - 1 end
  end
end

-- ---- searching ----

local function hint_of(quote, title)
  if quote == "" then return title ~= "" and title or nil end
  return title == "" and quote or quote .. "  " .. title
end

-- Offers for those that were found, and those of `fresh` that fit, in order.
function Store:offers(found, fits, limit)
  local order = {}
  for name, one in pairs(self.fresh) do
    if fits(name, one.title) then
      local known = found[name]
      found[name] = hint_of(one.quote, one.title) or known or false
    end
  end
  for name in pairs(found) do order[#order + 1] = name end
  table.sort(order)
  local out = {}
  for i = 1, math.min(#order, limit) do out[i] = { text = order[i], hint = found[order[i]] or nil } end
  return out
end

-- The last text whose first name is not behind `word`.
function Store:chunk_of(word)
  local from, to = 1, #self.chunks
  while from < to do
    local middle = (from + to + 1) // 2
    if self.chunks[middle].first <= word then from = middle else to = middle - 1 end
  end
  return from
end

function Store:beginning_with(word, limit)
  local found, n = {}, 0
  for i = self:chunk_of(word), #self.chunks do
    local chunk = self.chunks[i]
    if n >= limit or chunk.first > word and chunk.first:sub(1, #word) ~= word then break end
    for name, _, quote, title in chunk.text:gmatch(LINE) do
      if name:sub(1, #word) == word then
        found[name], n = hint_of(quote, title) or false, n + 1
      end
    end
  end
  return self:offers(found, function(name) return name:sub(1, #word) == word end, limit)
end

-- Names that have `word` inside, or whose title has it; the word has no capitals.
function Store:having(word, in_title, limit)
  local found, n, find = {}, 0, string.find
  local function fits(name, title) return find((in_title and title or name):lower(), word, 1, true) ~= nil end
  for _, chunk in ipairs(self.chunks) do
    if find(in_title and chunk.lower or chunk.names, word, 1, true) then
      for name, _, quote, title in chunk.text:gmatch(LINE) do
        if fits(name, title) then
          found[name], n = hint_of(quote, title) or false, n + 1
        end
      end
      if n >= limit then break end
    end
  end
  return self:offers(found, fits, limit)
end

-- ---- what is kept ----

local stores
local writer -- the task that writes new names into the texts; nil when none runs

---Forgets everything.
function names.clear()
  if writer then writer:cancel() end
  stores, writer = {}, nil
  for kind, most in pairs(MOST) do stores[kind] = new_store(most) end
end
names.clear()

---How many names of a kind are known; those that were seen twice lately may count twice.
---@param kind "market"|"event"|"series"
---@return integer
function names.count(kind)
  return stores[kind].stored + stores[kind].waiting
end

---Names that begin with `word`; where there are none, those that have it inside, and then those whose title has it. In
---capitals or not.
---@param word string
---@param kind? "market"|"event"|"series" nil: of markets, else of events, else of series
---@param limit? integer 200
---@return {text: string, hint: string?}[] offers sorted by name
function names.tickers(word, kind, limit)
  limit = limit or 200
  local upper, lower = word:upper(), word:lower()
  for _, one in ipairs(kind and { kind } or { "market", "event", "series" }) do
    local store = stores[one]
    local found = store:beginning_with(word, limit)
    if #found == 0 and upper ~= word then found = store:beginning_with(upper, limit) end
    if #found == 0 and #word >= 2 then found = store:having(lower, false, limit) end
    if #found == 0 and #word >= 3 then found = store:having(lower, true, limit) end
    if #found > 0 then return found end
  end
  return {}
end

local function write_all()
  for _, store in pairs(stores) do
    if store.waiting > 0 then store:write(function() task.sleep(0) end) end
  end
  writer = nil
end

-- New names are many enough to be written into the texts.
local function settle()
  for _, store in pairs(stores) do
    if store.waiting > FRESH and not writer then writer = task.spawn(write_all) end
  end
end

---Waits until what was learned is stored.
function names.settle()
  if writer then writer:await() end
end

-- ---- learning ----

local function text_of(value) return type(value) == "string" and value ~= "" and value or nil end

-- A price as people write it.
local function price_of(value)
  local n = type(value) == "table" and tonumber(value.n) or tonumber(value)
  return n and n > 0 and draw_text.price(n) or nil
end

local function ticker_of(value)
  return type(value) == "string" and #value <= 100 and value:find "^[%w][%w._-]*$" and value or nil
end

local function cut(title)
  if not title or #title <= TITLE then return title end
  return title:sub(1, (utf8.offset(title, 0, TITLE) or TITLE) - 1) .. "…"
end

-- What one record says: a table of its fields by name, numbers as portraits have them.
local function learn_record(r)
  local title = text_of(r.title)
  local ticker, event = ticker_of(r.ticker), ticker_of(r.event_ticker)
  if ticker and (r.frequency or r.fee_type) then
    stores.series:add(ticker, cut(title))
  elseif ticker then
    local which = text_of(r.yes_sub_title) or text_of(r.subtitle)
    local whole = title and which and not title:find(which, 1, true) and title .. ": " .. which or title or which
    stores.market:add(ticker, cut(whole), price_of(r.yes_bid_dollars or r.bid), price_of(r.yes_ask_dollars or r.ask))
  end
  local market = ticker_of(r.market_ticker)
  if market then stores.market:add(market) end
  if event then
    local sub = text_of(r.sub_title)
    stores.event:add(event, not ticker and cut(title and sub and title .. ", " .. sub or title) or nil)
  end
  local series = ticker_of(r.series_ticker) or event and event:match "^([^-]+)%-"
  if series then stores.series:add(series) end
end

local fields = {}
for name in ([[ticker event_ticker series_ticker market_ticker title subtitle sub_title yes_sub_title yes_bid_dollars
  yes_ask_dollars bid ask frequency fee_type]]):gmatch "%S+" do fields[name] = true end

local function learn_value(p, left)
  if type(p) ~= "table" or left <= 0 then return left end
  if p.v then return learn_value(p.v, left - 1) end
  for _, value in ipairs(p.a or {}) do
    left = left - 1
    if type(value) == "table" then left = learn_value(value, left) end
    if left <= 0 then return left end
  end
  local record
  for _, pair in ipairs(p.h or {}) do
    local key, value = pair[1], pair[2]
    left = left - 1
    if fields[key] then
      record = record or {}
      record[key] = value
    elseif type(value) == "table" then
      left = learn_value(value, left)
    end
    if left <= 0 then return left end
  end
  if record then learn_record(record) end
  return left
end

---Takes the names out of values that pass by.
---@param portraits table[] as runtime/prompt/portrait.h describes them
function names.learn(portraits)
  local left = MOST_NODES
  for _, p in ipairs(portraits) do left = learn_value(p, left) end
  settle()
end

-- One page, which costs as much as any read; only what is shown of a market comes over.
local PAGE = [[
do
local rows = {}
for i, m in ipairs(require "kalshi".get_markets{ status = "open", limit = 1000 }.markets) do
  rows[i] = { ticker = m.ticker, event_ticker = m.event_ticker, title = m.title, yes_sub_title = m.yes_sub_title,
    yes_bid_dollars = m.yes_bid_dollars, yes_ask_dollars = m.yes_ask_dollars }
end
return rows
end]]
local AFTER = 0.3 -- seconds: the first keys come first

---Reads a page of open markets in the background, where the prompt has an exchange of its own: a prompt inside of a
---strategy that somebody else runs spends none of its requests. What goes wrong is not worth a word: the names then
---come from what is looked at.
---@param session table
---@return task.Task? reading
function names.fill(session)
  if not session.is_local then return nil end
  return task.spawn(function()
    task.sleep(AFTER)
    local ok, _, values = pcall(session.ask_parts, session, "eval", { source = PAGE, mode = "whole", silent = true })
    if ok and values then names.learn(values) end
  end)
end

return names
