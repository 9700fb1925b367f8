-- Tickers of markets, events and series that this prompt has seen, with their titles: what completion offers where one
-- is expected. They are taken from values that pass by, and the oldest are forgotten when there are too many.
local task = require "task"

local names = {}

-- Names of each kind that are kept.
local MOST = { market = 50000, event = 10000, series = 5000 }
local CHUNK = 500          -- names that are searched as one text
local FRESH = 500          -- new names that are searched one by one, before they are sorted in
local MOST_NODES = 200000  -- of portraits, for one call of learn
local TITLE = 80           -- bytes of a title that are kept

-- ---- a store of one kind ----

local Store = {}
Store.__index = Store

local function new_store(most)
  return setmetatable({
    most = most,
    count = 0,
    clock = 0,   -- goes on with every name that is seen
    seen = {},   -- name to the clock of then
    titles = {}, -- name to title
    lower = {},  -- name to title without capitals
    quotes = {}, -- name to "0.41/0.43"
    sorted = {},
    fresh = {},  -- not sorted in yet
    chunks = nil -- of `sorted`: { from, to, names = text, titles = text }, made when something is searched inside
  }, Store)
end

-- Forgets the half that was seen longest ago.
function Store:forget()
  local seen, old = self.seen, {}
  for _, at in pairs(seen) do old[#old + 1] = at end
  table.sort(old)
  local from = old[#old // 2]
  local kept = {}
  for _, name in ipairs(self.sorted) do
    if seen[name] > from then
      kept[#kept + 1] = name
    else
      seen[name], self.titles[name], self.lower[name], self.quotes[name] = nil, nil, nil, nil
    end
  end
  self.sorted, self.count, self.chunks = kept, #kept, nil
end

function Store:sort_in()
  local fresh, sorted = self.fresh, self.sorted
  if #fresh == 0 then return end
  table.sort(fresh)
  local out, i, k, n, m = {}, 1, 1, #sorted, #fresh
  for at = 1, n + m do
    if k > m or i <= n and sorted[i] < fresh[k] then
      out[at] = sorted[i]
      i = i + 1
    else
      out[at] = fresh[k]
      k = k + 1
    end
  end
  self.sorted, self.fresh, self.chunks = out, {}, nil
end

-- The chunk that a name is in has another title.
function Store:retitle(name)
  local chunk = self.chunks and self.chunks[(self:lower_bound(name) - 1) // CHUNK + 1]
  if chunk then chunk.titles = nil end
end

function Store:add(name, title, bid, ask)
  self.clock = self.clock + 1
  if not self.seen[name] then
    self.count = self.count + 1
    self.fresh[#self.fresh + 1] = name
  end
  self.seen[name] = self.clock
  if title and title ~= self.titles[name] then
    self.titles[name], self.lower[name] = title, title:lower()
    self:retitle(name)
  end
  if bid or ask then self.quotes[name] = (bid or "-") .. "/" .. (ask or "-") end
  if self.count > self.most then
    self:sort_in()
    self:forget()
  end
end

function Store:settle()
  if #self.fresh > FRESH then self:sort_in() end
end

function Store:offer(name)
  local title, quote = self.titles[name], self.quotes[name]
  return { text = name, hint = quote and title and quote .. "  " .. title or quote or title }
end

-- The first place in the order that is not before `word`.
function Store:lower_bound(word)
  local from, to = 1, #self.sorted + 1
  while from < to do
    local middle = (from + to) // 2
    if self.sorted[middle] < word then from = middle + 1 else to = middle end
  end
  return from
end

-- Offers for names in their order, at most so many.
function Store:offers(found, limit)
  table.sort(found)
  local out = {}
  for i = 1, math.min(#found, limit) do out[i] = self:offer(found[i]) end
  return out
end

function Store:beginning_with(word, limit)
  local found, sorted = {}, self.sorted
  for i = self:lower_bound(word), #sorted do
    if sorted[i]:sub(1, #word) ~= word or #found >= limit then break end
    found[#found + 1] = sorted[i]
  end
  for _, name in ipairs(self.fresh) do
    if name:sub(1, #word) == word then found[#found + 1] = name end
  end
  return self:offers(found, limit)
end

function Store:make_chunks()
  local chunks = {}
  for from = 1, #self.sorted, CHUNK do
    chunks[#chunks + 1] = { from = from, to = math.min(from + CHUNK - 1, #self.sorted) }
  end
  self.chunks = chunks
end

function Store:names_of(chunk)
  chunk.names = chunk.names or table.concat(self.sorted, "\n", chunk.from, chunk.to)
  return chunk.names
end

function Store:titles_of(chunk)
  if not chunk.titles then
    local titles, lower = {}, self.lower
    for i = chunk.from, chunk.to do titles[#titles + 1] = lower[self.sorted[i]] end
    chunk.titles = table.concat(titles, "\n")
  end
  return chunk.titles
end

-- Names that have `name` inside, or a title that has `title` inside; one of the two is nil.
function Store:having(name, title, limit)
  if not self.chunks then self:make_chunks() end
  local found, sorted, lower, find, word = {}, self.sorted, self.lower, string.find, name or title
  local function look(one)
    local text = name and one or lower[one]
    if text and find(text, word, 1, true) then found[#found + 1] = one end
  end
  for _, one in ipairs(self.fresh) do look(one) end
  for _, chunk in ipairs(self.chunks) do
    if find(name and self:names_of(chunk) or self:titles_of(chunk), word, 1, true) then
      for i = chunk.from, chunk.to do look(sorted[i]) end
      if #found >= limit then break end
    end
  end
  return self:offers(found, limit)
end

-- ---- what is kept ----

local stores

---Forgets everything.
function names.clear()
  stores = {}
  for kind, most in pairs(MOST) do stores[kind] = new_store(most) end
end
names.clear()

---How many names of a kind are known.
---@param kind "market"|"event"|"series"
---@return integer
function names.count(kind) return stores[kind].count end

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
    if #found == 0 and #word >= 2 then found = store:having(upper, nil, limit) end
    if #found == 0 and #word >= 3 then found = store:having(nil, lower, limit) end
    if #found > 0 then return found end
  end
  return {}
end

-- ---- learning ----

local function text_of(value) return type(value) == "string" and value ~= "" and value or nil end

-- A price as people write it.
local function price_of(value)
  local n = type(value) == "table" and tonumber(value.n) or tonumber(value)
  if not n or n <= 0 then return nil end
  local text = ("%.4f"):format(n):gsub("0?0$", "")
  return text
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
  for _, store in pairs(stores) do store:settle() end
end

-- One page, which costs as much as any read; only what is shown of a market comes over.
local PAGE = [[
local rows = {}
for i, m in ipairs(require "kalshi".get_markets{ status = "open", limit = 1000 }.markets) do
  rows[i] = { ticker = m.ticker, event_ticker = m.event_ticker, title = m.title, yes_sub_title = m.yes_sub_title,
    yes_bid_dollars = m.yes_bid_dollars, yes_ask_dollars = m.yes_ask_dollars }
end
return rows]]

---Reads a page of open markets in the background, where the prompt has an exchange of its own: a prompt inside of a
---strategy that somebody else runs spends none of its requests. What goes wrong is not worth a word: the names then
---come from what is looked at.
---@param session table
---@return task.Task? reading
function names.fill(session)
  if not session.is_local then return nil end
  return task.spawn(function()
    local ok, _, values = pcall(session.ask_parts, session, "eval", { source = PAGE, mode = "whole", quiet = true })
    if ok and values then names.learn(values) end
  end)
end

return names
