-- The ladder of `kalua book`: from what is known of a market to the lines of a screen, of any size. Knows no market and
-- no terminal.
local rungs = require "prompt.rungs"
local style = require "prompt.style"
local width = require "prompt.width"

local ladder = {}

local BOLD, DIM, RED, GREEN, YELLOW, ALARM = style.BOLD, style.DIM, style.RED, style.GREEN, style.YELLOW, style.ALARM
local PANEL_FROM, PANEL = 96, 36 -- columns from which trades stand beside the ladder, and how many they take
local MOST_TRADES = 8            -- below the ladder

-- ---- lines ----

-- A line that is never wider than the screen. Styles are left out without colour.
local Line = {}
Line.__index = Line

local function new_line(columns, colour)
  return setmetatable({ columns = columns, colour = colour, width = 0, parts = {} }, Line)
end

function Line:add(text, code)
  text = width.part(text, self.columns - self.width)
  if text == "" then return self end
  self.width = self.width + width.of(text)
  self.parts[#self.parts + 1] = style.paint(self.colour, code, text)
  return self
end

-- Only as a whole: half a number is another number.
function Line:fit(text, code)
  if width.of(text) > self.columns - self.width then return self end
  return self:add(text, code)
end

-- Blanks up to a column.
function Line:to(column)
  return self:add(string.rep(" ", column - self.width))
end

function Line:text()
  return table.concat(self.parts)
end

-- ---- numbers ----

local function age(seconds)
  if not seconds then return "-" end
  if seconds < 100 then return string.format("%.1f s", seconds) end
  if seconds < 6000 then return string.format("%.0f min", seconds / 60) end
  return string.format("%.0f h", seconds / 3600)
end

local function number(value, format)
  return value and string.format(format, value) or "-"
end

-- ---- the parts of the screen ----

local function title_line(line, view)
  local name = view.side == "no" and view.ticker .. " NO" or view.ticker
  local state = view.stale and "STALE: " .. width.clean(view.reason) or width.clean(view.status)
  -- That a book is stale is not to be cut off by the name of its market; why, if need be.
  if view.stale then state = width.part(state, math.max(line.columns - width.of(name) - 1, 5)) end
  if width.of(state) < 12 and view.stale then state = "STALE" end
  local room = math.max(0, line.columns - width.of(state) - 1)
  line:add(width.part(name, room), BOLD)
  if view.title and room > line.width + 8 then line:add("  "):add(width.part(view.title, room - line.width)) end
  line:to(room + 1)
  return line:add(state, view.stale and ALARM or view.status == "live" and GREEN or YELLOW)
end

local function best_line(line, view, price)
  local function best(level) return level and string.format("%s x %.2f", price(level[1]), level[2]) or "-" end
  local bid, ask = view.bids[1], view.asks[1]
  local long = string.format("bid %s   ask %s", best(bid), best(ask))
  if width.of(long) > line.columns then
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
---mid?, micro?, imbalance, spread?, age, feed_age?, trades ({ time, buy, price, count } newest first). o: colour,
---blocks (characters beyond ASCII come out well), keys (there is a keyboard), limit (of levels).
function ladder.lines(view, rows, columns, o)
  local places = rungs.places(view.bids, view.asks, view.trades)
  local function price(value) return string.format("%." .. places .. "f", value) end
  local function line() return new_line(columns, o.colour) end
  local panel = columns >= PANEL_FROM
  local parts = plan(rows, panel)
  if parts.compact then
    local text = line()
    if view.stale then text:add("STALE", ALARM):add " " end
    local rest = best_line(new_line(columns - text.width, o.colour), view, price)
    return { text:text() .. rest:fit("  " .. view.ticker, BOLD):text() }
  end
  local out = { title_line(line(), view) }
  if parts.best then
    out[#out + 1] = best_line(line(), view, price)
  end
  if parts.middle then out[#out + 1] = middle_line(line(), view) end
  local top = #out + 1
  local main = panel and columns - PANEL or columns
  if parts.head then
    out[#out + 1] = line():fit("   price", DIM):fit("       count", DIM):fit("   cumulative", DIM)
  end

  -- Rungs: asks above with the best at the bottom, the spread, bids below.
  local shown = math.min(parts.rungs // 2, o.limit or math.huge)
  local largest = 0
  for _, side in ipairs{ view.asks, view.bids } do
    for i = 1, math.min(shown, #side) do largest = math.max(largest, side[i][2]) end
  end
  local function lines_of(side, mine, colour)
    local made, total = {}, 0
    for i = 1, math.min(shown, #side) do
      local at, count = side[i][1], side[i][2]
      total = total + count
      local own = mine[string.format("%.4f", at)]
      local rung = new_line(main, o.colour)
      rung:add(own and "* " or "  ", own and YELLOW):fit(string.format("%6s", price(at)), colour)
      rung:fit(string.format(" %11.2f", count)):fit(string.format(" %12.2f ", total), DIM)
      made[i] = rung:add(rungs.bar(count / largest, main - rung.width - 1, o.blocks), colour)
    end
    return made
  end
  if parts.rungs > 0 then
    local asks, bids = lines_of(view.asks, view.mine.asks, RED), lines_of(view.bids, view.mine.bids, GREEN)
    for i = shown, 1, -1 do out[#out + 1] = asks[i] or line() end
    out[#out + 1] = new_line(main, o.colour):add("  " .. string.rep("-", 33), DIM)
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
        out[i]:to(main):add("last trades", DIM)
      elseif trade then
        out[i]:to(main):add(trade_text(trade, price), trade.buy and GREEN or RED)
      end
    end
  end
  if parts.footer and o.keys then
    while #out < rows - 1 do out[#out + 1] = line() end
    local other = view.side == "yes" and "NO" or "YES"
    out[#out + 1] = line():add("q quit   + - levels   s show " .. other, DIM)
  end
  for i, made in ipairs(out) do out[i] = made:text() end
  return out
end

return ladder
