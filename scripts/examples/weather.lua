-- Bets on the highest temperature of a day by a forecast: how likely each range of degrees is when the true value is
-- normal around what the weather service says, and what its contracts cost. All outcomes are sized at once.
--
--   kalua --allow-net api.weather.gov scripts/examples/weather.lua                    shows New York's next day
--   … weather.lua -- EVENT LATITUDE LONGITUDE DEVIATION [trade] [URL]                 another day or city; and trades
--
-- DEVIATION is that of the forecast's error in degrees: measure it for your city, hour and season before you bet.
local http = require "http"
local kalshi = require "kalshi"
local kalua = require "kalua"
local log = require "log"
local odds = require "odds"
local orders = require "orders"
local sizing = require "sizing"

local A = kalua.args
local LATITUDE, LONGITUDE = A[2] or "40.7790", A[3] or "-73.9692" -- Central Park, whose station counts for New York
local DEVIATION = tonumber(A[4] or 2.5)
if not DEVIATION or DEVIATION <= 0 then error("DEVIATION must be a number of degrees above 0, not " .. A[4], 0) end
local TRADE = A[5] == "trade"
local URL = A[6] or "https://api.weather.gov"
local BUDGET <const>, FRACTION <const>, LEAST_EDGE <const> = 50, 0.25, 0.05 -- dollars, of Kelly, dollars a contract

local MONTHS <const> = { JAN = 1, FEB = 2, MAR = 3, APR = 4, MAY = 5, JUN = 6, JUL = 7, AUG = 8, SEP = 9, OCT = 10,
  NOV = 11, DEC = 12 }

-- KXHIGHNY-26NOV27 is about 2026-11-27.
local function day_of(ticker)
  local year, month, day = ticker:match "%-(%d%d)(%u%u%u)(%d%d)$"
  if not MONTHS[month] then error(ticker .. " names no day", 0) end
  return ("20%s-%02d-%s"):format(year, MONTHS[month], day)
end

local function get(url)
  return http.get(url, { headers = { ["User-Agent"] = "kalua example", Accept = "application/geo+json" } }):json()
end

-- What the service forecasts for each hour from now on.
local function hourly_forecast()
  local hourly = get(("%s/points/%s,%s"):format(URL, LATITUDE, LONGITUDE)).properties.forecastHourly
  return get(hourly).properties.periods
end

-- The highest hourly temperature forecast for a day, in degrees Fahrenheit. Of a day that has begun, or that the
-- forecast reaches only in part, the warmest hour may be missing: that is no forecast of its highest.
local function forecast_high(periods, day)
  local high, hours = nil, {}
  for _, hour in ipairs(periods) do
    if hour.startTime:sub(1, 10) == day then
      local degrees = hour.temperatureUnit == "C" and hour.temperature * 9 / 5 + 32 or hour.temperature
      high, hours[hour.startTime:sub(12, 13)] = math.max(high or degrees, degrees), true
    end
  end
  if not high then error("the forecast does not reach " .. day, 0) end
  if not hours["00"] or not hours["23"] then error("the forecast has only a part of " .. day, 0) end
  return high
end

-- The normal distribution, by the error function of Abramowitz and Stegun, 7.1.26.
local function below(x, mean)
  local z = (x - mean) / (DEVIATION * math.sqrt(2))
  local t = 1 / (1 + 0.3275911 * math.abs(z))
  local e = 1 - t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    * math.exp(-z * z)
  return z >= 0 and (1 + e) / 2 or (1 - e) / 2
end

-- Readings are whole degrees: "39 to 40" is what is rounded to 39 or 40.
local function probability(m, mean)
  if m.strike_type == "less" then return below(m.cap_strike - 0.5, mean) end
  if m.strike_type == "greater" then return 1 - below(m.floor_strike + 0.5, mean) end
  if m.strike_type ~= "between" then error(m.ticker .. " has the strike type " .. tostring(m.strike_type), 0) end
  return math.max(below(m.cap_strike + 0.5, mean) - below(m.floor_strike - 0.5, mean), 0)
end

-- The open event of the first day after that of the forecast's first hour.
local function next_event(today)
  local best
  for e in kalshi.each.get_events{ series_ticker = "KXHIGHNY", status = "open" } do
    local day = day_of(e.event_ticker)
    if day > today and (not best or day < day_of(best)) then best = e.event_ticker end
  end
  return best or error("no market on New York's temperature of a day to come is open: name an event", 0)
end

local periods = hourly_forecast()
if not periods[1] then error("the forecast is empty", 0) end
local ticker = A[1] or next_event(periods[1].startTime:sub(1, 10))
local event = kalshi.get_event(ticker, { with_nested_markets = true }).event
local fees = sizing.fees(kalshi.get_series(event.series_ticker).series, event)
fees.precision = 0.01 -- balances of most accounts are kept in cents, so a purchase may cost one more
local mean = forecast_high(periods, day_of(event.event_ticker))
print(("%s on %s: the forecast says %.1f, give or take %.1f"):format(event.title, day_of(event.event_ticker), mean,
  DEVIATION))

local outcomes, markets = {}, {}
local held = {}
for _, p in ipairs(kalshi.positions()) do held[p.ticker] = p.position end
print(("%-28s %-16s %6s %6s %6s %7s"):format("MARKET", "DEGREES", "CHANCE", "BID", "ASK", "EDGE"))
for _, m in ipairs(event.markets) do
  local ask = m.yes_ask_dollars
  local offered = m.status == "active" and m.yes_ask_size_fp and m.yes_ask_size_fp > 0 and ask > 0 and ask < 1
  local p = probability(m, mean)
  local edge = offered and sizing.edge(p, ask, fees)
  print(("%-28s %-16s %6.3f %6.3g %6.3g %7s"):format(m.ticker, m.yes_sub_title, p, m.yes_bid_dollars, ask,
    edge and ("%+.3f"):format(edge) or "-"))
  local position = held[m.ticker] or 0
  local buys = edge and edge >= LEAST_EDGE
  if buys or position ~= 0 then -- what is held counts, also where nothing is offered
    markets[#markets + 1] = m
    outcomes[#outcomes + 1] = { probability = p, price = offered and ask or 0.99, position = position,
      max_count = buys and math.floor(m.yes_ask_size_fp) or 0 }
  end
end
local implied = #event.markets > 1 and odds.distribution(event.markets)
if implied and implied.arbitrage then log.info("the event itself can be had for less than it pays: arbitrage.lua") end

if #outcomes == 0 then
  print(("nothing has an edge of %.2f after fees"):format(LEAST_EDGE))
  return
end
local bets = sizing.exclusive{ outcomes = outcomes, bankroll = kalshi.balance(), fraction = FRACTION, fees = fees,
  max_cost = BUDGET }
print(("to buy for %.2f dollars, expected profit %.2f:"):format(bets.cost, bets.expected_value))
for i, bet in ipairs(bets.outcomes) do
  local m = markets[i]
  if bet.count > 0 then
    print(("  %d of %s at %.3g"):format(bet.count, m.ticker, m.yes_ask_dollars))
    if TRADE then
      local got = orders.take{ ticker = m.ticker, side = "yes", count = bet.count, limit = m.yes_ask_dollars }
      print(("  bought %g at %s"):format(got.filled, got.average_price or "-"))
    end
  end
end
