-- Tables for the terminal: `kalua api` draws the rows of a list with it.
local json = require "json"
local about = require "prompt.columns"
local style = require "prompt.style"
local width = require "prompt.width"

local rows = {}

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

local function cell(value)
  if value == nil then return "" end
  if math.type(value) == "float" then return string.format("%.14g", value) end
  local text = tostring(value)
  if is_time(text) then return text:sub(1, 10) .. " " .. text:sub(12, 19) end
  return width.clean(text)
end

-- ---- columns ----

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
  for _, path in ipairs(about.favourites[field] or {}) do
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
    if about.rank(a) ~= about.rank(b) then return about.rank(a) < about.rank(b) end
    return a < b
  end)
  return table.move(others, 1, #others, #out + 1, out), n_favourites
end

-- { path, label, width, right, text: may be cut }; nil for what says nothing: the same in every row.
local function measure(path, sample, needed)
  local column = { path = path, label = about.label(path), right = true, text = false }
  column.width = width.of(column.label)
  local first, varies = nil, #sample == 1
  for i, row in ipairs(sample) do
    local value = value_at(row, path)
    local text = cell(value)
    if i == 1 then first = text end
    varies = varies or text ~= first
    column.width = math.max(column.width, width.of(text))
    if text ~= "" then
      if not tonumber(text) then column.right = false end
      if type(value) == "string" and text:find " " and not is_time(value) then column.text = true end
    end
  end
  if not (needed or varies) then return nil end
  if column.text then
    column.natural = math.min(column.width, WIDEST)
    column.width = math.min(column.natural, math.max(NARROWEST, width.of(column.label)))
  end
  return column
end

-- The columns that fit, those of text as wide as there is room for.
local function choose(field, sample, described, room)
  local paths, n_favourites = candidates(field, sample, described)
  local columns, used = {}, 0
  for i, path in ipairs(paths) do
    local column = measure(path, sample, i <= n_favourites)
    local more = column and column.width + (#columns > 0 and #GAP or 0)
    if column and (#columns == 0 or used + more <= room) then
      columns[#columns + 1] = column
      used = used + more
    end
  end
  for _, column in ipairs(columns) do
    if column.text then
      local more = math.max(0, math.min(column.natural - column.width, room - used))
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
    if column.text then text = width.cut(text, column.width) end
    -- Nothing is padded at the end of a line.
    cells[i] = i == #self.columns and not column.right and text or width.pad(text, column.width, column.right)
  end
  print((table.concat(cells, GAP):gsub("%s+$", "")))
end

function Table:begin()
  self.columns = choose(self.field, self.waiting, self.described, self.width)
  local cells = {}
  for i, column in ipairs(self.columns) do cells[i] = width.pad(column.label, column.width, column.right) end
  local head = table.concat(cells, GAP):gsub("%s+$", "")
  print(style.paint(self.colour, style.BOLD, head))
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
  print(style.paint(self.colour, style.DIM, text))
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
