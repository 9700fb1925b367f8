-- Series of numbers and candlesticks as a small chart with labels at its axes.
local json = require "json"
local text = require "prompt.draw_text"
local width = require "prompt.width"

local charts = {}

local ROWS = 9         -- of the plot
local MOST_COLUMNS = 100
local LEAST_COLUMNS = 10
local TICKS = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" }
local LOW = { "_", ".", "-", "=", "o", "O", "0", "#" }
-- Bits of a character of Braille by column and row of its dots, the top row first.
local DOTS = { { 0x01, 0x02, 0x04, 0x40 }, { 0x08, 0x10, 0x20, 0x80 } }

local is_finite = text.finite

-- ---- the frame ----

-- Labels of so many rows, the top one first: at the top, in the middle and at the bottom.
local function labels_of(low, high, rows)
  local step, mid = (high - low) / (rows - 1), (rows + 1) // 2
  local places = math.ceil(-math.log(high - low, 10)) + 2 -- three figures of the range
  local needed = math.max(text.places(low, 6), text.places(high, 6), text.places((low + high) / 2, 6))
  places = math.max(0, math.min(places, needed, 6))
  local magnitude = math.max(math.abs(low), math.abs(high))
  local out, longest = {}, 0
  for _, row in ipairs{ 1, mid, rows } do
    local value = high - (row - 1) * step
    local label = magnitude >= 1e9 and string.format("%.4g", value) or text.number(value + 0.0, places)
    out[row] = label
    longest = math.max(longest, #label)
  end
  for row = 1, rows do out[row] = width.pad(out[row] or "", longest, true) end
  return out, longest
end

-- A line with what stands under the first and the last column.
local function below(o, indent, columns, first, last)
  local room = columns - width.of(first) - width.of(last)
  if room < 2 then return text.dim(o, text.fit(o, string.rep(" ", indent) .. first .. " - " .. last, o.width)) end
  return text.dim(o, string.rep(" ", indent) .. first .. string.rep(" ", room) .. last)
end

local function time_labels(o, from, to)
  local a, b = text.clock(o, from), text.clock(o, to)
  if a:sub(1, 10) == b:sub(1, 10) then return a, b:sub(12) end
  return a, b
end

-- The ends of an axis, as floats: differences of integers could overflow.
local function widened(low, high)
  low, high = low + 0.0, high + 0.0
  if low < high then return low, high end
  local around = low == 0 and 1 or math.abs(low) * 0.05
  return low - around, high + around
end

-- ---- lines ----

-- The mean of the points that fall into each of n places; false where none does.
local function sampled(values, n)
  if #values <= n then return values end
  local out = {}
  for i = 1, n do
    local from, to, sum, count = (i - 1) * #values // n + 1, i * #values // n, 0, 0
    for at = from, to do
      if is_finite(values[at]) then sum, count = sum + values[at], count + 1 end
    end
    out[i] = count > 0 and sum / count
  end
  return out
end

-- Each place of the plot's columns gets one value by interpolation, where there are fewer of them.
local function stretched(values, n)
  local out = {}
  for i = 1, n do
    local at = #values == 1 and 1 or (i - 1) * (#values - 1) / (n - 1) + 1
    local a, b = values[math.floor(at)], values[math.min(math.floor(at) + 1, #values)]
    out[i] = is_finite(a) and (is_finite(b) and a + (b - a) * (at - math.floor(at)) or a)
  end
  return out
end

-- Rows of characters of Braille for values of two places a column.
local function braille(values, columns, low, high)
  local cells, dots = {}, ROWS * 4
  local last
  local function set(x, y)
    local row, column = y // 4 + 1, x // 2 + 1
    local key = row * 1000 + column
    cells[key] = (cells[key] or 0) | DOTS[x % 2 + 1][y % 4 + 1]
  end
  for x = 0, columns * 2 - 1 do
    local v = values[x + 1]
    local y = is_finite(v) and math.floor((high - v) / (high - low) * (dots - 1) + 0.5) or nil
    if y then
      local from = last or y
      -- The line goes up or down to the next value half on each side.
      if math.abs(y - from) > 1 then
        local mid = (y + from) // 2
        for between = math.min(from, mid), math.max(from, mid) do set(x - 1, between) end
        for between = math.min(y, mid), math.max(y, mid) do set(x, between) end
      end
      set(x, y)
    end
    last = y
  end
  local rows = {}
  for row = 1, ROWS do
    local line = {}
    for column = 1, columns do
      local bits = cells[row * 1000 + column]
      line[column] = bits and utf8.char(0x2800 + bits) or " "
    end
    rows[row] = table.concat(line)
  end
  return rows
end

local function stars(values, columns, low, high)
  local rows = {}
  for row = 1, ROWS do rows[row] = {} for column = 1, columns do rows[row][column] = " " end end
  for column = 1, columns do
    local v = values[column]
    if is_finite(v) then rows[math.floor((high - v) / (high - low) * (ROWS - 1) + 0.5) + 1][column] = "*" end
  end
  for row = 1, ROWS do rows[row] = table.concat(rows[row]) end
  return rows
end

local function framed(o, rows, labels, longest)
  local lines = {}
  local bar = o.ascii and " |" or " ┤"
  for row, line in ipairs(rows) do
    lines[row] = text.dim(o, "  " .. labels[row] .. bar) .. line:gsub(" +$", "")
  end
  return lines, longest + 4
end

-- So many of what is shown, and of all where there are more.
local function number_of(n, more)
  if not more or more == 0 then return text.number(n, 0) end
  return string.format("first %s of %s", text.number(n, 0), text.number(n + more, 0))
end

-- What there is to say of numbers.
local function summary(values, what, more)
  local low, high, sum, n = math.huge, -math.huge, 0.0, 0
  local first, last
  for _, v in ipairs(values) do
    if is_finite(v) then
      first, last = first or v, v
      low, high, sum, n = math.min(low, v), math.max(high, v), sum + v, n + 1
    end
  end
  local function show(v) return text.number(v, text.places(v, 4)) end
  return string.format("%s %s: first %s, last %s, low %s, high %s, mean %s", number_of(#values, more), what,
    show(first), show(last), show(low), show(high), show(sum / n))
end

-- Words below a chart, in as many lines as they take.
local function add_words(o, lines, words)
  for _, line in ipairs(width.wrap(words, o.width - 2)) do lines[#lines + 1] = text.dim(o, "  " .. line) end
  return lines
end

---A line chart of numbers. times (may be nil): seconds of each; more (may be nil): so many that are not among them. nil
---when there is nothing to draw.
function charts.numbers(values, times, o, more)
  local low, high, n = math.huge, -math.huge, 0
  for _, v in ipairs(values) do
    if is_finite(v) then low, high, n = math.min(low, v), math.max(high, v), n + 1 end
  end
  if n == 0 then return nil end
  low, high = widened(low, high)
  local labels, longest = labels_of(low, high, ROWS)
  local columns = math.min(o.width - longest - 4, MOST_COLUMNS)
  if columns < LEAST_COLUMNS then return nil end
  local per_column = o.ascii and 1 or 2
  columns = math.min(columns, math.max(40, (#values + per_column - 1) // per_column))
  local places = columns * per_column
  local points = stretched(sampled(values, places), places)
  local rows = o.ascii and stars(points, columns, low, high) or braille(points, columns, low, high)
  local lines, indent = framed(o, rows, labels, longest)
  if times then
    lines[#lines + 1] = below(o, indent, columns, time_labels(o, times[1], times[#times]))
  else
    lines[#lines + 1] = below(o, indent, columns, "1", text.number(#values, 0))
  end
  return add_words(o, lines, summary(values, times and "points" or "numbers", more))
end

-- ---- candlesticks ----

local function of(part, name)
  if type(part) ~= "table" then return nil end
  local v = part[name .. "_dollars"]
  if v == nil then v = part[name] end
  return is_finite(v) and v or nil
end

-- Open, high, low, close of one; where nothing was traded, the middle of bid and ask at its end. nil for neither.
local function bar_of(candle)
  local open, close = of(candle.price, "open"), of(candle.price, "close")
  if open and close then
    return { open = open, close = close, high = of(candle.price, "high") or math.max(open, close),
      low = of(candle.price, "low") or math.min(open, close), volume = 0 }
  end
  local bid, ask = of(candle.yes_bid, "close"), of(candle.yes_ask, "close")
  if not (bid and ask) then return nil end
  local mid = (bid + ask) / 2
  return { open = mid, close = mid, high = mid, low = mid, quiet = true, volume = 0 }
end

local function volume_of(candle)
  local v = candle.volume_fp or candle.volume
  return is_finite(v) and v or 0
end

-- Several candles as one.
local function merged(list, from, to)
  local out
  for i = from, to do
    local bar = list[i]
    if bar then
      if not out or out.quiet and not bar.quiet then
        local volume = out and out.volume or 0
        out = { open = bar.open, high = bar.high, low = bar.low, close = bar.close, quiet = bar.quiet, volume = volume }
      elseif not bar.quiet then
        out.close, out.high, out.low = bar.close, math.max(out.high, bar.high), math.min(out.low, bar.low)
      end
      out.volume = out.volume + bar.volume
    end
  end
  return out or false
end

local function body(o, up)
  if o.ascii then return up and "#" or "=" end
  return (up or o.colour) and "█" or "▒"
end

---The candlesticks of a market, oldest first: prices above, volume below. nil when there is nothing to draw.
function charts.candles(list, o, more)
  local bars, low, high, volume, traded = {}, math.huge, -math.huge, 0, 0
  for i, candle in ipairs(list) do
    local bar = bar_of(candle) or false
    bars[i] = bar
    if bar then
      bar.volume = volume_of(candle)
      volume = volume + bar.volume
      low, high = math.min(low, bar.low), math.max(high, bar.high)
      if not bar.quiet then traded = traded + 1 end
    end
  end
  if low > high then return nil end
  local all = merged(bars, 1, #bars)
  low, high = widened(low, high)
  local labels, longest = labels_of(low, high, ROWS)
  local room = math.min(o.width - longest - 4, MOST_COLUMNS)
  if room < LEAST_COLUMNS then return nil end
  local step = #bars * 3 <= room and 3 or #bars * 2 <= room and 2 or 1
  local n = math.min(#bars, room // step)
  local shown = {}
  for i = 1, n do shown[i] = merged(bars, (i - 1) * #bars // n + 1, i * #bars // n) end
  local function row_of(price) return math.floor((high - price) / (high - low) * (ROWS - 1) + 0.5) + 1 end
  local rows = {}
  for row = 1, ROWS do
    local line, blanks = {}, 0
    for i = 1, n do
      local bar, mark = shown[i], nil
      if bar then
        local top, bottom = row_of(math.max(bar.open, bar.close)), row_of(math.min(bar.open, bar.close))
        local up = bar.close >= bar.open
        if bar.quiet then
          mark = row == top and text.dim(o, o.ascii and "-" or "─") or nil
        elseif row >= top and row <= bottom then
          mark = text.styled(o, up and text.GREEN or text.RED, body(o, up))
        elseif row >= row_of(bar.high) and row <= row_of(bar.low) then
          mark = text.styled(o, up and text.GREEN or text.RED, o.ascii and "|" or "│")
        end
      end
      if mark then
        line[#line + 1] = string.rep(" ", blanks) .. mark
        blanks = step - 1
      else
        blanks = blanks + step
      end
    end
    rows[row] = table.concat(line)
  end
  local lines, indent = framed(o, rows, labels, longest)
  local most = 0
  for i = 1, n do most = math.max(most, shown[i] and shown[i].volume or 0) end
  if most > 0 then
    local line = {}
    for i = 1, n do
      local v = shown[i] and shown[i].volume or 0
      line[i] = v > 0 and (o.ascii and LOW or TICKS)[math.max(1, math.ceil(v / most * 8))] or " "
      line[i] = line[i] .. string.rep(" ", step - 1)
    end
    lines[#lines + 1] = text.dim(o, width.pad("  vol", indent)) .. table.concat(line):gsub(" +$", "")
  end
  local from, to = text.seconds(list[1].end_period_ts), text.seconds(list[#list].end_period_ts)
  if from and to then
    lines[#lines + 1] = below(o, indent, math.max(n * step - step + 1, 24), time_labels(o, from, to))
  end
  for i = #bars, 1, -1 do -- the last one counts, also where nothing was traded in it
    if bars[i] then
      all.close = bars[i].close
      break
    end
  end
  local every = from and to and #list > 1 and text.span((to - from) / (#list - 1)):gsub("^60 min$", "1 h") or nil
  local words = string.format("%s candle%s%s, %d with trades: open %s, high %s, low %s, close %s, volume %s",
    number_of(#list, more), #list == 1 and "" or "s", every and " of " .. every or "", traded, text.price(all.open),
    text.price(all.high), text.price(all.low), text.price(all.close), text.count(volume))
  return add_words(o, lines, words)
end

---Points { {t, v}, … }: their values and times.
function charts.points(list)
  local numbers, times = {}, {}
  for i, point in ipairs(list) do
    times[i], numbers[i] = text.seconds(point[1]) or point[1], point[2] ~= json.null and point[2] or 0 / 0
  end
  return numbers, times
end

return charts
