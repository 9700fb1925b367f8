-- What all drawings are made of: styles, money and counts, times.
local json = require "json"
local style = require "prompt.style"
local width = require "prompt.width"

local text = {}

text.BOLD, text.DIM, text.RED, text.GREEN, text.YELLOW = style.BOLD, style.DIM, style.RED, style.GREEN, style.YELLOW

---A text in a style, where there is colour.
function text.styled(o, code, s) return style.paint(o.colour, code, s) end

---A text that says less than what is beside it.
function text.dim(o, s) return style.paint(o.colour, style.DIM, s) end

---The style of an amount that was won or lost.
function text.profit_style(amount) return amount > 0 and style.GREEN or amount < 0 and style.RED or nil end

---What stands for text that does not fit: "…", or "..." without characters beyond ASCII.
function text.dots(o) return o.ascii and "..." or "…" end

---A text that fits into so many columns and cannot do anything to the terminal.
function text.fit(o, s, columns)
  return width.cut(width.clean(s, o.ascii), math.max(columns, 0), text.dots(o))
end

---Whether a field has a value: not absent, null or empty.
function text.has(value)
  return value ~= nil and value ~= json.null and value ~= ""
end

-- ---- numbers ----

---The number that a value is; nil for what is none, and for one that is infinite or not a number.
function text.finite(value)
  return type(value) == "number" and math.abs(value) < math.huge and value or nil
end

-- Commas between the thousands of what is in front of a decimal point, from 10,000 on.
local function with_commas(digits)
  local sign, whole, rest = digits:match "^(-?)(%d+)(.*)$"
  if not whole or #whole < 5 then return digits end
  return sign .. whole:reverse():gsub("(%d%d%d)", "%1,"):reverse():gsub("^,", "") .. rest
end

---How many decimal places a number needs, at most `most`.
function text.places(value, most)
  if math.type(value) ~= "float" or value ~= value or math.abs(value) == math.huge then return 0 end
  for places = 0, most do
    local scaled = value * 10 ^ places
    if math.abs(scaled - math.floor(scaled + 0.5)) < 1e-6 * math.max(1, math.abs(scaled) * 1e-6) then return places end
  end
  return most
end

---A number with so many places, and commas from 10,000 on.
function text.number(value, places)
  if math.type(value) == "integer" and places == 0 then return with_commas(string.format("%d", value)) end
  if value ~= value or math.abs(value) == math.huge then return string.format("%g", value) end
  local digits = string.format("%." .. places .. "f", value)
  if tonumber(digits) == 0 then digits = digits:gsub("^%-", "") end
  return with_commas(digits)
end

---A count of contracts: whole, or with two places.
function text.count(value)
  return text.number(value, text.places(value, 2) > 0 and 2 or 0)
end

---So many of something: "1 fill", "12,345 fills". words: of several, where that is not the word with an s.
function text.several(n, word, words)
  return text.number(n, 0) .. " " .. (n == 1 and word or words or word .. "s")
end

---A price without a sign of dollars: in cents, or in the finest steps where it needs them.
function text.price(value)
  return text.number(value, math.max(2, text.places(value, 4)))
end

---An amount of dollars, for cards: "$0.42", "-$1,250.00".
function text.dollars(value)
  return (value < 0 and "-$" or "$") .. text.number(math.abs(value), math.max(2, text.places(value, 4)))
end

-- ---- times ----

-- Days since 1970 of a date of the Gregorian calendar.
local function days(year, month, day)
  if month <= 2 then year, month = year - 1, month + 12 end
  return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 719469
end

---The seconds since the epoch of a field with a time: "2026-11-22T15:00:00Z", or a number of seconds or milliseconds.
---nil for anything else.
function text.seconds(value)
  if type(value) == "number" then
    if value > 1e11 and value < 1e14 then return value / 1000 end -- milliseconds
    return value > 1e8 and value < 1e11 and value or nil
  end
  if type(value) ~= "string" then return nil end
  local year, month, day, hour, minute, second = value:match "^(%d%d%d%d)-(%d%d)-(%d%d)T(%d%d):(%d%d):(%d%d%.?%d*)Z$"
  if not year then return nil end
  return days(year // 1, month // 1, day // 1) * 86400 + hour * 3600 + minute * 60 + second
end

---Whether a field of this name is a time.
function text.is_time(name)
  for _, ending in ipairs{ "_ts$", "_ms$", "time$", "date$", "^ts$" } do
    if name:find(ending) then return true end
  end
  return false
end

---A span of time in two units at most: "45 s", "3 h 12 min", "4 d 6 h".
function text.span(seconds)
  seconds = math.abs(seconds)
  if seconds ~= seconds or seconds >= 1e12 then return "?" end
  if seconds < 10 then return string.format("%.1f s", seconds) end
  if seconds < 100 then return string.format("%.0f s", seconds) end
  local minutes = math.floor(seconds / 60)
  if minutes < 100 then return string.format("%d min", minutes) end
  local hours = minutes // 60
  local function two(a, unit, b, below)
    return b == 0 and string.format("%d %s", a, unit) or string.format("%d %s %d %s", a, unit, b, below)
  end
  if hours < 48 then return two(hours, "h", minutes % 60, "min") end
  if hours < 24 * 14 then return two(hours // 24, "d", hours % 24, "h") end
  return string.format("%d d", hours // 24)
end

---A span that may also be very short, as of measurements: "80 µs", "1.4 ms", else as text.span has it.
function text.fine_span(seconds)
  if seconds < 0.001 then return string.format("%.0f µs", seconds * 1e6) end
  if seconds < 1 then return string.format("%.1f ms", seconds * 1e3) end
  return text.span(seconds)
end

---The same in at most six columns, for tables: "45s", "3h12m", "4d6h".
function text.short_span(seconds)
  local long = text.span(math.floor(math.abs(seconds)))
  return (long:gsub("min", "m"):gsub("%.0", ""):gsub(" ", ""))
end

local function offset_at(o, seconds)
  if o.offset then return o.offset end
  local at = math.floor(seconds)
  local as_utc = os.date("!*t", at)
  as_utc.isdst = os.date("*t", at).isdst
  return at - os.time(as_utc)
end

---A time of the clock on the wall: "2026-11-22 10:00". With `fine` it has seconds.
function text.clock(o, seconds, fine)
  return (os.date(fine and "!%Y-%m-%d %H:%M:%S" or "!%Y-%m-%d %H:%M", math.floor(seconds + offset_at(o, seconds))))
end

---The zone of text.clock: "UTC", "UTC-5".
function text.zone(o, seconds)
  local offset = offset_at(o, seconds)
  if offset == 0 then return "UTC" end
  local minutes = math.abs(offset) // 60
  local fine = minutes % 60 > 0 and string.format(":%02d", minutes % 60) or ""
  return string.format("UTC%s%d%s", offset < 0 and "-" or "+", minutes // 60, fine)
end

---How far a time is from now: "in 3 h 12 min", "5 d ago".
function text.relative(o, seconds)
  local left = seconds - (o.now or os.time())
  if math.abs(left) < 1.5 then return "just now" end
  return left >= 0 and "in " .. text.span(left) or text.span(left) .. " ago"
end

---A time as on a card: "2026-11-22 10:00 UTC, in 3 h 12 min".
function text.when(o, seconds)
  return text.clock(o, seconds) .. " " .. text.zone(o, seconds) .. ", " .. text.relative(o, seconds)
end

return text
