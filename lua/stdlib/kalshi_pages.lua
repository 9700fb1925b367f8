-- kalshi.each: the rows of a list operation, page by page. Run once by the module itself; gives the other parts
-- helpers.iterate. Not for `require`.
local kalshi, helpers = ...
assert(type(kalshi) == "table" and type(helpers) == "table", 'use require "kalshi"')

local math, pairs, require, select, setmetatable, table, type = math, pairs, require, select, setmetatable, table, type
local fail = helpers.fail

-- A page when nothing else is said: the most that the operation allows, since a page costs the same however large it
-- is, but no more than this, so that a page is never a matter of seconds or of much memory.
local PAGE = 1000

-- Operations with two lists under one cursor: the second, and the parameter that makes the exchange fill it.
local second = {
  get_events = { name = "milestones", needs = "with_milestones" },
  get_positions = { name = "event_positions" },
  get_historical_positions = { name = "event_positions" },
  get_fcm_positions = { name = "event_positions" },
}

local function refuse(name, text, ...) fail("validation", name, false, text:format(...), "wrong_arguments") end

---The rows that next_page() gives, one at a time, `max` at the most. A page is asked for when the one before is used
---up, not earlier: it costs tokens, and a loop that ends early never needs it. Tasks may share the iterator: one of
---them reads the page, the others wait for it. After an error the iterator goes on with the page that failed.
function helpers.iterate(next_page, max)
  local channel = require "task".channel
  local rows, at, given, last = {}, 0, 0, false
  local gate -- closed when the task that reads a page has ended doing so, however it ended

  local function turn()
    local mine <close> = channel()
    gate = mine
    rows, last = next_page()
    at, gate = 0, nil
  end

  return function()
    while true do
      if max and given >= max then return nil end
      local row = rows[at + 1]
      if row ~= nil then
        at, given = at + 1, given + 1
        return row
      end
      if gate then
        local theirs = gate
        theirs:recv()
        if gate == theirs then gate = nil end
      elseif last then
        return nil
      else
        turn()
      end
    end
  end
end

---next_page() of one operation. It moves the cursor in `query`, the last of the arguments.
local function pages_of(name, how, field, args, n)
  local call, query = kalshi[name], args[n]
  local seen = {}
  if type(query.cursor) == "string" then seen[query.cursor] = true end
  return function()
    local page = call(table.unpack(args, 1, n))
    if type(page) ~= "table" then fail("protocol", name, false, "the answer is no object") end
    local cursor, rows = page[how.cursor], page[field]
    local last = type(cursor) ~= "string" or cursor == ""
    if not last then
      if seen[cursor] then
        fail("protocol", name, true, "the exchange gave the same page cursor twice, the list would never end")
      end
      seen[cursor] = true
      query.cursor = cursor
    end
    if type(rows) ~= "table" then rows = {} end -- null or absent: an empty page
    return rows, last
  end
end

---Sets the size of the pages. It stays as it is during a walk, also for the last page: cursors are opaque, and what one
---of them stands for under another size is not documented.
local function set_size(name, how, query, max)
  local size = how.size
  if not size then return end
  if size ~= "limit" and query.limit ~= nil then
    if query[size] ~= nil then refuse(name, "limit and %s are the same, give one", size) end
    query[size], query.limit = query.limit, nil
  end
  if query[size] == nil then query[size] = math.min(how.most or PAGE, PAGE) end
  if max and max > 0 and math.type(query[size]) and query[size] > max then query[size] = max end
end

---Which list of the answer; from `rows` of the query, which it takes out.
local function choose_rows(name, how, query)
  local wanted, other = query.rows, second[name]
  query.rows = nil
  if wanted == nil or wanted == how.rows then return how.rows end
  if not other then refuse(name, 'rows can only be "%s" here', how.rows) end
  if wanted ~= other.name then refuse(name, 'rows must be "%s" or "%s"', how.rows, other.name) end
  if other.needs and query[other.needs] == nil then query[other.needs] = true end
  return wanted
end

local function each(name, how)
  return function(...)
    local n = select("#", ...)
    local args, query = { ... }, {}
    while n > 0 and args[n] == nil do n = n - 1 end
    -- `for m in kalshi.each.get_markets do` calls it with nothing and then with what it gave.
    if type(args[n]) == "function" then refuse(name, "call it: for row in kalshi.each.%s{ … } do", name) end
    if type(args[n]) == "table" then
      for k, v in pairs(args[n]) do query[k] = v end
    else
      n = n + 1
    end
    args[n] = query

    local max, history = query.max, query.history
    query.max = nil
    if max ~= nil then
      max = math.type(max) and math.tointeger(max)
      if not max or max < 0 then refuse(name, "max must be a whole number of rows") end
    end
    if query.raw and type(query.raw) ~= "boolean" then refuse(name, "raw must be true or false") end
    local field = choose_rows(name, how, query)
    set_size(name, how, query, max)

    -- The history is asked with the filters that were given, and as many rows a page.
    local function open_history(operation, sent)
      local there = helpers.paging[operation]
      set_size(operation, there, sent, max)
      return pages_of(operation, there, field, { sent }, 1)
    end
    local next_page = pages_of(name, how, field, args, n)
    if helpers.has_history(name) then
      query.history = nil
      if history ~= nil and type(history) ~= "boolean" then refuse(name, "history must be true or false") end
      if history ~= false then next_page = helpers.join_history(name, query, next_page, open_history) end
    end
    return helpers.iterate(next_page, max)
  end
end

local pages = {}
for name, how in pairs(helpers.paging) do pages[name] = each(name, how) end
kalshi.each = setmetatable(pages, {
  __metatable = "kalshi",
  __index = function(_, name)
    if type(name) ~= "string" then return nil end
    local _ = kalshi[name] -- raises for a name that is no operation
    refuse("kalshi.each." .. name, "this operation has no pages; call kalshi.%s", name)
  end,
})
