-- The ladder of `kalua book`: from what is known of a market to the lines of a screen, of any size. Knows no market and
-- no terminal.
local ladder = {}

local BOLD, DIM, RED, GREEN, YELLOW = "\27[1m", "\27[2m", "\27[31m", "\27[32m", "\27[33m"
local ALARM = "\27[1;37;41m"
local PANEL_FROM, PANEL = 96, 36 -- columns from which trades stand beside the ladder, and how many they take
local MOST_TRADES = 8            -- below the ladder
local EIGHTHS = { "▏", "▎", "▍", "▌", "▋", "▊", "▉" }

-- ---- lines ----

-- Characters of other widths than one, roughly: those of East Asia and pictures take two columns, marks none.
local function width_at(code)
  if code < 0x300 then return 1 end
  if code < 0x370 or code >= 0x200B and code < 0x2010 or code >= 0xFE00 and code < 0xFE10 then return 0 end
  local wide = code >= 0x1100 and code < 0x1160 or code >= 0x2E80 and code < 0xA4D0 or code >= 0xAC00 and code < 0xD7A4
    or code >= 0xF900 and code < 0xFB00 or code >= 0xFE30 and code < 0xFE70 or code >= 0xFF00 and code < 0xFF61
    or code >= 0x1F000
  return wide and 2 or 1
end

-- The columns that a text takes, and how much of it fits into so many.
local function measure(text, columns)
  if not text:find "[\128-\255]" or not utf8.len(text) then return #text, text:sub(1, math.min(columns, #text)) end
  local width, fits = 0, text
  for at, code in utf8.codes(text) do
    local next_width = width + width_at(code)
    if width <= columns and next_width > columns then fits = text:sub(1, at - 1) end
    width = next_width
  end
  return width, fits
end

local function width_of(text)
  return (measure(text, math.huge))
end

local function cut(text, columns)
  local _, fits = measure(text, math.max(columns, 0))
  return fits
end

-- What comes from elsewhere must not move the cursor.
local function clean(text)
  return (text:gsub("[%c\127]", " "):gsub("\194[\128-\159]", " "))
end

-- A line that is never wider than the screen. Styles are left out without colour.
local Line = {}
Line.__index = Line

local function new_line(columns, colour)
  return setmetatable({ columns = columns, colour = colour, width = 0, parts = {} }, Line)
end

function Line:add(text, style)
  text = cut(text, self.columns - self.width)
  if text == "" then return self end
  self.width = self.width + width_of(text)
  self.parts[#self.parts + 1] = self.colour and style and style .. text .. "\27[0m" or text
  return self
end

-- Only as a whole: half a number is another number.
function Line:fit(text, style)
  if width_of(text) > self.columns - self.width then return self end
  return self:add(text, style)
end

-- Blanks up to a column.
function Line:to(column)
  return self:add(string.rep(" ", column - self.width))
end

function Line:text()
  return table.concat(self.parts)
end

-- ---- numbers ----

-- So many places as the prices need: cents, or the exchange's finest.
local function places_of(view)
  local function finer(price) return math.abs(price * 100 - math.floor(price * 100 + 0.5)) > 1e-6 end
  for _, side in ipairs{ view.asks, view.bids } do
    for _, level in ipairs(side) do
      if finer(level[1]) then return 4 end
    end
  end
  for _, trade in ipairs(view.trades) do
    if finer(trade.price) then return 4 end
  end
  return 2
end

local function age(seconds)
  if not seconds then return "-" end
  if seconds < 100 then return string.format("%.1f s", seconds) end
  if seconds < 6000 then return string.format("%.0f min", seconds / 60) end
  return string.format("%.0f h", seconds / 3600)
end

local function number(value, format)
  return value and string.format(format, value) or "-"
end

local function bar(share, width, blocks)
  if width < 1 or share <= 0 then return "" end
  if not blocks then return string.rep("#", math.max(1, math.floor(share * width + 0.5))) end
  local eighths = math.max(1, math.floor(share * width * 8 + 0.5))
  return string.rep("█", eighths // 8) .. (EIGHTHS[eighths % 8] or "")
end

-- ---- the parts of the screen ----

local function title_line(line, view)
  local name = view.side == "no" and view.ticker .. " NO" or view.ticker
  local state = view.stale and "STALE: " .. clean(view.reason) or clean(view.status)
  -- That a book is stale is not to be cut off by the name of its market; why, if need be.
  if view.stale then state = cut(state, math.max(line.columns - width_of(name) - 1, 5)) end
  if width_of(state) < 12 and view.stale then state = "STALE" end
  local room = math.max(0, line.columns - width_of(state) - 1)
  line:add(cut(name, room), BOLD)
  if view.title and room > line.width + 8 then line:add("  "):add(cut(view.title, room - line.width)) end
  line:to(room + 1)
  return line:add(state, view.stale and ALARM or view.status == "live" and GREEN or YELLOW)
end

local function best_line(line, view, price)
  local function best(level) return level and string.format("%s x %.2f", price(level[1]), level[2]) or "-" end
  local bid, ask = view.bids[1], view.asks[1]
  local long = string.format("bid %s   ask %s", best(bid), best(ask))
  if width_of(long) > line.columns then
    return line:fit(string.format("%s/%s", bid and price(bid[1]) or "-", ask and price(ask[1]) or "-"))
  end
  line:add("bid "):add(best(bid), GREEN):add("   ask "):add(best(ask), RED)
  return line:fit("   spread " .. (view.spread and price(view.spread) or "-"))
end

local function middle_line(line, view)
  line:fit("mid " .. number(view.mid, "%.4f")):fit("   micro " .. number(view.micro, "%.4f"))
  line:fit(string.format("   imbalance %+.2f", view.imbalance))
  return line:fit("   changed " .. age(view.age) .. " ago", DIM):fit("   feed " .. age(view.feed_age), DIM)
end

local function trade_text(trade, price)
  return string.format("%s  %-4s %s x %.2f", trade.time, trade.buy and "buy" or "sell", price(trade.price),
    trade.count)
end

-- ---- the rows ----

-- Which parts there is room for, the most important first: { compact, best, middle, footer, head, rungs, trades }.
local function plan(rows, panel)
  local parts = { compact = rows == 1, rungs = 0, trades = 0 }
  local left = rows - 1
  local function take(name, n)
    if left >= n then parts[name], left = true, left - n end
  end
  take("best", 1)
  if left >= 3 then parts.rungs, left = 3, left - 3 end
  take("middle", 1)
  if parts.rungs > 0 then
    take("footer", 1)
    take("head", 1)
    if not panel and left >= 7 then
      parts.trades = math.min(MOST_TRADES, left // 3)
      left = left - parts.trades - 1
    end
    parts.rungs = parts.rungs + left // 2 * 2
  else
    parts.footer = nil
  end
  return parts
end

---How many levels of each side a screen of that size shows, at most.
function ladder.levels(rows, columns)
  return plan(rows, columns >= PANEL_FROM).rungs // 2
end

---The lines of a screen, top to bottom, at most `rows` of them. view: ticker, side, title?, status, stale, reason, bids
---and asks ({ {price, count}, … } best first), mine ({ bids, asks }: sets of prices as "%.4f", of own resting orders),
---mid?, micro?, imbalance, spread?, age, feed_age?, trades ({ time, buy, price, count } newest first). style: colour,
---blocks (characters beyond ASCII come out well), keys (there is a keyboard), limit (of levels).
function ladder.lines(view, rows, columns, style)
  local places = places_of(view)
  local function price(value) return string.format("%." .. places .. "f", value) end
  local function line() return new_line(columns, style.colour) end
  local panel = columns >= PANEL_FROM
  local parts = plan(rows, panel)
  if parts.compact then
    local text = line()
    if view.stale then text:add("STALE", ALARM):add " " end
    local rest = best_line(new_line(columns - text.width, style.colour), view, price)
    return { text:text() .. rest:fit("  " .. view.ticker, BOLD):text() }
  end
  local out = { title_line(line(), view) }
  if parts.best then
    out[#out + 1] = best_line(line(), view, price)
  end
  if parts.middle then out[#out + 1] = middle_line(line(), view) end
  local top = #out + 1
  local width = panel and columns - PANEL or columns
  if parts.head then
    out[#out + 1] = line():fit("   price", DIM):fit("       count", DIM):fit("   cumulative", DIM)
  end

  -- Rungs: asks above with the best at the bottom, the spread, bids below.
  local shown = math.min(parts.rungs // 2, style.limit or math.huge)
  local largest = 0
  for _, side in ipairs{ view.asks, view.bids } do
    for i = 1, math.min(shown, #side) do largest = math.max(largest, side[i][2]) end
  end
  local function rungs(side, mine, colour)
    local made, total = {}, 0
    for i = 1, math.min(shown, #side) do
      local at, count = side[i][1], side[i][2]
      total = total + count
      local own = mine[string.format("%.4f", at)]
      local rung = new_line(width, style.colour)
      rung:add(own and "* " or "  ", own and YELLOW):fit(string.format("%6s", price(at)), colour)
      rung:fit(string.format(" %11.2f", count)):fit(string.format(" %12.2f ", total), DIM)
      made[i] = rung:add(bar(count / largest, width - rung.width - 1, style.blocks), colour)
    end
    return made
  end
  if parts.rungs > 0 then
    local asks, bids = rungs(view.asks, view.mine.asks, RED), rungs(view.bids, view.mine.bids, GREEN)
    for i = shown, 1, -1 do out[#out + 1] = asks[i] or line() end
    out[#out + 1] = new_line(width, style.colour):add("  " .. string.rep("-", 33), DIM)
    for i = 1, shown do out[#out + 1] = bids[i] or line() end
  end

  if parts.trades > 0 then
    out[#out + 1] = line():add("last trades", DIM)
    for i = 1, math.min(parts.trades, #view.trades) do
      out[#out + 1] = line():add("  " .. trade_text(view.trades[i], price), view.trades[i].buy and GREEN or RED)
    end
  elseif panel then
    for i = top, #out do
      local trade = view.trades[i - top]
      if i == top then
        out[i]:to(width):add("last trades", DIM)
      elseif trade then
        out[i]:to(width):add(trade_text(trade, price), trade.buy and GREEN or RED)
      end
    end
  end
  if parts.footer and style.keys then
    while #out < rows - 1 do out[#out + 1] = line() end
    local other = view.side == "yes" and "NO" or "YES"
    out[#out + 1] = line():add("q quit   + - levels   s show " .. other, DIM)
  end
  for i, made in ipairs(out) do out[i] = made:text() end
  return out
end

return ladder
