-- Tables for the terminal: `kalua api` draws the rows of a list with it.
local json = require "json"

local rows = {}

-- The columns that are most useful, by the field of the list. What a row has beyond them follows where there is room.
local favourites = {
  markets = { "ticker", "market_ticker", "yes_bid_dollars", "yes_ask_dollars", "last_price_dollars", "volume_24h_fp",
    "open_interest_fp", "status", "close_time", "yes_sub_title" },
  events = { "event_ticker", "title", "sub_title", "category", "strike_date", "mutually_exclusive" },
  series = { "ticker", "title", "category", "frequency", "fee_type", "fee_multiplier" },
  trades = { "created_time", "ticker", "yes_price_dollars", "count_fp", "taker_outcome_side", "taker_book_side",
    "trade_id" },
  orders = { "order_id", "ticker", "book_side", "outcome_side", "yes_price_dollars", "remaining_count_fp",
    "fill_count_fp", "status", "created_time", "client_order_id" },
  fills = { "created_time", "ticker", "outcome_side", "book_side", "yes_price_dollars", "count_fp", "fee_cost",
    "is_taker", "order_id" },
  market_positions = { "ticker", "position_fp", "market_exposure_dollars", "realized_pnl_dollars",
    "fees_paid_dollars", "total_traded_dollars", "last_updated_ts" },
  event_positions = { "event_ticker", "event_exposure_dollars", "realized_pnl_dollars", "fees_paid_dollars",
    "total_cost_dollars" },
  settlements = { "settled_time", "ticker", "market_result", "revenue", "yes_count_fp", "yes_total_cost_dollars",
    "no_count_fp", "no_total_cost_dollars", "fee_cost" },
  candlesticks = { "end_period_ts", "price.open_dollars", "price.high_dollars", "price.low_dollars",
    "price.close_dollars", "price.open", "price.high", "price.low", "price.close", "volume_fp", "volume",
    "yes_bid.close_dollars", "yes_ask.close_dollars", "yes_bid.close", "yes_ask.close", "open_interest_fp",
    "open_interest" },
  quotes = { "id", "market_ticker", "status", "yes_bid_dollars", "no_bid_dollars", "contracts_fp", "created_ts",
    "rfq_id" },
  rfqs = { "id", "market_ticker", "status", "contracts_fp", "target_cost_dollars", "created_ts" },
  block_trade_proposals = { "id", "market_ticker", "status", "maker_side", "price_centi_cents", "centicount",
    "created_ts" },
  milestones = { "id", "title", "type", "category", "start_date", "end_date" },
  multivariate_contracts = { "collection_ticker", "title", "open_date", "close_date", "size_min", "size_max" },
  incentive_programs = { "market_ticker", "incentive_type", "period_reward", "start_date", "end_date", "paid_out" },
  structured_targets = { "id", "name", "type", "last_updated_ts" },
  endpoint_costs = { "method", "path", "cost" },
}

local SAMPLE = 200 -- rows that the layout is made from
local GAP = "  "
local NARROWEST, WIDEST = 18, 60 -- of a column of text that may be cut

-- ---- cells ----

-- "" for null and absent; nested values have no cell.
local function value_at(row, path)
  local outer, inner = path:match "^([^.]+)%.(.+)$"
  local value = row[outer or path]
  if outer then value = type(value) == "table" and value[inner] or nil end
  if value == json.null or type(value) == "table" then return nil end
  return value
end

local function is_time(text)
  return text:find "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d[%.%d]*Z$" ~= nil
end

-- Control characters of the exchange's text are not for the terminal.
local function clean(text)
  text = text:gsub("[%c\127]", " "):gsub("\194[\128-\159]", " ")
  return text
end

local function cell(value)
  if value == nil then return "" end
  if math.type(value) == "float" then return string.format("%.14g", value) end
  local text = tostring(value)
  if is_time(text) then return text:sub(1, 10) .. " " .. text:sub(12, 19) end
  return clean(text)
end

local function width_of(text)
  return utf8.len(text) or #text
end

local function cut(text, width)
  if width_of(text) <= width then return text end
  local stop = utf8.len(text) and utf8.offset(text, width) or width
  return text:sub(1, stop - 1) .. "…"
end

local function padded(text, width, right)
  local blanks = string.rep(" ", width - width_of(text))
  return right and blanks .. text or text .. blanks
end

-- ---- columns ----

-- For what is no favourite: the lower, the sooner.
local function rank(name)
  if name:find "ticker$" then return 1 end
  if name:find "_dollars$" or name:find "_fp$" then return 2 end
  if name:find "status$" or name:find "side$" or name:find "type$" then return 3 end
  if name:find "name$" or name:find "title$" then return 4 end
  if name == "id" or name:find "_id$" then return 5 end
  if name:find "_ts$" or name:find "time$" or name:find "date$" then return 6 end
  return 7
end

local function label_of(path)
  local name = path:gsub("_dollars$", ""):gsub("_fp$", ""):gsub("^price%.", ""):gsub("%.", " ")
  return name
end

-- Names of the fields of a row that can be a column, favourites first; deprecated ones only among those.
local function candidates(field, sample, described)
  local out, done, others, deprecated = {}, {}, {}, {}
  for _, one in ipairs(described or {}) do deprecated[one.name] = one.deprecated end
  local function has(path)
    for _, row in ipairs(sample) do
      if value_at(row, path) ~= nil then return true end
    end
    return false
  end
  for _, path in ipairs(favourites[field] or {}) do
    if has(path) then out[#out + 1] = path end
    done[path] = true
  end
  local n_favourites = #out
  for _, row in ipairs(sample) do
    for name in pairs(row) do
      if not done[name] then
        done[name] = true
        if has(name) and not deprecated[name] then others[#others + 1] = name end
      end
    end
  end
  table.sort(others, function(a, b)
    if rank(a) ~= rank(b) then return rank(a) < rank(b) end
    return a < b
  end)
  return table.move(others, 1, #others, #out + 1, out), n_favourites
end

-- { path, label, width, right, text: may be cut }; nil for what says nothing: the same in every row.
local function measure(path, sample, needed)
  local column = { path = path, label = label_of(path), right = true, text = false }
  column.width = width_of(column.label)
  local first, varies = nil, #sample == 1
  for i, row in ipairs(sample) do
    local value = value_at(row, path)
    local text = cell(value)
    if i == 1 then first = text end
    varies = varies or text ~= first
    column.width = math.max(column.width, width_of(text))
    if text ~= "" then
      if not tonumber(text) then column.right = false end
      if type(value) == "string" and text:find " " and not is_time(value) then column.text = true end
    end
  end
  if not (needed or varies) then return nil end
  if column.text then
    column.natural = math.min(column.width, WIDEST)
    column.width = math.min(column.natural, math.max(NARROWEST, width_of(column.label)))
  end
  return column
end

-- The columns that fit, those of text as wide as there is room for.
local function choose(field, sample, described, width)
  local paths, n_favourites = candidates(field, sample, described)
  local columns, used = {}, 0
  for i, path in ipairs(paths) do
    local column = measure(path, sample, i <= n_favourites)
    local more = column and column.width + (#columns > 0 and #GAP or 0)
    if column and (#columns == 0 or used + more <= width) then
      columns[#columns + 1] = column
      used = used + more
    end
  end
  for _, column in ipairs(columns) do
    if column.text then
      local more = math.max(0, math.min(column.natural - column.width, width - used))
      column.width, used = column.width + more, used + more
    end
  end
  return columns
end

-- ---- a table ----

local Table = {}
Table.__index = Table

---A table for the list in `field` of an answer. options: width, colour, operation (as kalshi.describe says it).
function rows.new(field, options)
  local described
  local answer = options.operation and options.operation.answer
  for _, one in ipairs(answer and answer.fields or {}) do
    if one.name == field then described = one.fields end
  end
  return setmetatable({
    field = field, width = options.width or 80, colour = options.colour, described = described, waiting = {}, n = 0,
    seen = {},
  }, Table)
end

function Table:line(row)
  local cells = {}
  for i, column in ipairs(self.columns) do
    local text = cell(value_at(row, column.path))
    if column.text then text = cut(text, column.width) end
    -- Nothing is padded at the end of a line.
    cells[i] = i == #self.columns and not column.right and text or padded(text, column.width, column.right)
  end
  print((table.concat(cells, GAP):gsub("%s+$", "")))
end

function Table:begin()
  self.columns = choose(self.field, self.waiting, self.described, self.width)
  local cells = {}
  for i, column in ipairs(self.columns) do cells[i] = padded(column.label, column.width, column.right) end
  local head = table.concat(cells, GAP):gsub("%s+$", "")
  print(self.colour and "\27[1m" .. head .. "\27[0m" or head)
  for _, row in ipairs(self.waiting) do
    for name in pairs(row) do self.seen[name] = true end
    self:line(row)
  end
  self.waiting = {}
end

---Draws a row; the first ones wait until the layout is known.
function Table:add(row)
  self.n = self.n + 1
  if self.columns then return self:line(row) end
  self.waiting[#self.waiting + 1] = row
  if #self.waiting >= SAMPLE then self:begin() end
end

---Draws what waits, and says how many rows there were and what was left out.
function Table:finish()
  local name = self.field:gsub("_", " ")
  if self.n == 0 then
    print("no " .. name)
    return
  end
  if not self.columns then self:begin() end
  local shown, left = {}, 0
  for _, column in ipairs(self.columns) do shown[column.path:match "^[^.]+"] = true end
  for field in pairs(self.seen) do
    if not shown[field] then left = left + 1 end
  end
  local text = self.n == 1 and "1 row" or string.format("%d %s", self.n, name)
  if left > 0 then
    text = string.format("%s; %d more field%s in --json, or picked by --jq", text, left, left == 1 and "" or "s")
  end
  print(self.colour and "\27[2m" .. text .. "\27[0m" or text)
end

-- ---- which answers are lists ----

local function is_list(value)
  return type(value) == "table" and (type(value[1]) == "table" and next(value[1]) ~= nil and value[1][1] == nil)
end

---The fields of an answer that are to be drawn, and lines for what is beside them: of a paged operation its rows and
---what else is a list; of others the only list, when it is more than twice what is beside it. Nil when the
---answer is no list.
function rows.lists(value, operation)
  if type(value) ~= "table" or value[1] ~= nil then return nil end
  local lists, beside, objects = {}, {}, false
  for name, member in pairs(value) do
    if is_list(member) then
      lists[#lists + 1] = name
    elseif type(member) == "table" then
      objects = objects or next(member) ~= nil
    elseif not (operation and name == operation.cursor) and member ~= json.null and member ~= "" then
      beside[#beside + 1] = name .. ": " .. cell(member)
    end
  end
  table.sort(lists)
  table.sort(beside)
  local main = operation and operation.rows
  if main and type(value[main]) == "table" then
    if #lists == 0 then return { main }, beside end
    for i, name in ipairs(lists) do -- the rows come first
      if name == main then table.insert(lists, 1, table.remove(lists, i)) end
    end
    return lists, beside
  end
  if #lists ~= 1 or objects or #value[lists[1]] <= 2 * #beside then return nil end
  return lists, beside
end

return rows
