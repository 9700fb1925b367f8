-- The games that the exchange knows, what happens in them, and their markets.
local kalshi = require "kalshi"
local kalua = require "kalua"

local games = {}

local LOOK_BACK <const> = 12 * 3600 -- seconds since the start of the oldest game that may still be on
local QUARTERS <const>, QUARTER <const> = 4, 720 -- of a basketball game, seconds

-- "07:12" as seconds; nil where there is no clock.
local function clock_seconds(text)
  local minutes, seconds = string.match(tostring(text), "^(%d+):(%d+)")
  return minutes and tonumber(minutes) * 60 + tonumber(seconds) or nil
end

-- What the feed says, in the words of this bot. Details differ from sport to sport; what is missing stays nil.
local function take(game, details)
  game.status, game.details, game.as_of = details.status or game.status, details, kalua.now()
  game.home_points, game.away_points = tonumber(details.home_points), tonumber(details.away_points)
  game.period, game.clock = tonumber(details.period), details.clock
  local left = clock_seconds(details.clock)
  game.seconds_left = left and game.period and left + math.max(QUARTERS - game.period, 0) * QUARTER or nil
  game.home.id, game.away.id = details.home_team_id or game.home.id, details.away_team_id or game.away.id
  game.home.name, game.away.name = details.home_team_name or game.home.name, details.away_team_name or game.away.name
  return game
end

local function from_milestone(m)
  local away, home = m.title:match "^(.-) at (.+)$"
  local game = {
    id = m.id, type = m.type, title = m.title, start = m.start_date, events = m.primary_event_tickers,
    home = { name = home or "home" }, away = { name = away or "away" },
  }
  return take(game, m.details or {})
end

-- Games that are on or will begin, those that are on first.
function games.list(series)
  local since = os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(kalua.now() - LOOK_BACK))
  local list = {}
  for m in kalshi.each.get_milestones{ minimum_start_date = since } do
    local wanted = m.type:find "_game$" and not (m.details and m.details.status == "closed")
    if wanted and series ~= "" then
      wanted = false
      for _, event in ipairs(m.primary_event_tickers) do
        wanted = wanted or event:sub(1, #series + 1) == series .. "-"
      end
    end
    if wanted then list[#list + 1] = from_milestone(m) end
  end
  table.sort(list, function(a, b)
    local a_on, b_on = a.status == "inprogress", b.status == "inprogress"
    if a_on ~= b_on then return a_on end
    return a.start < b.start or a.start == b.start and a.id < b.id
  end)
  return list
end

-- The game that a word means: its id, an event or market ticker, a part of its title, or "any".
function games.find(word, series)
  local list, found = games.list(series), {}
  if word == "any" then found[1] = list[1] end
  for _, game in ipairs(word ~= "any" and list or {}) do
    local fits = game.id == word or game.title:lower():find(word:lower(), 1, true)
    for _, event in ipairs(game.events) do fits = fits or (word .. "-"):sub(1, #event + 1) == event .. "-" end
    if fits then found[#found + 1] = game end
  end
  if #found == 1 then return found[1] end
  local titles = {}
  for i, game in ipairs(#found > 1 and found or list) do titles[i] = game.title end
  local what = #found > 1 and #found .. " games fit " or "no game fits "
  error(what .. '"' .. word .. '": ' .. (titles[1] and table.concat(titles, "; ") or "there is none at all"), 0)
end

-- What happens now.
function games.refresh(game)
  return take(game, kalshi.get_live_data_by_milestone(game.id).live_data.details)
end

-- Whether the market is about one of the teams: "home", "away", or nil.
local function team_of(game, market)
  for _, id in pairs(market.custom_strike or {}) do
    if id == game.home.id then return "home" end
    if id == game.away.id then return "away" end
  end
  if market.yes_sub_title == game.home.name then return "home" end
  if market.yes_sub_title == game.away.name then return "away" end
end

-- The open markets of the game, event by event.
function games.events(game)
  local list = {}
  for _, ticker in ipairs(game.events) do
    local event = kalshi.get_event(ticker, { with_nested_markets = true }).event
    local one = { ticker = ticker, title = event.title, series = event.series_ticker, event = event, markets = {} }
    for _, m in ipairs(event.markets or {}) do
      if m.status == "active" then
        one.markets[#one.markets + 1] = {
          ticker = m.ticker, title = m.title, subject = m.yes_sub_title, rules = m.rules_primary,
          team = team_of(game, m),
        }
      end
    end
    -- Two outcomes of which one comes: each is the other's opposite.
    one.opposites = event.mutually_exclusive and #one.markets == 2 and #event.markets == 2
    if #one.markets > 0 then list[#list + 1] = one end
  end
  return list
end

return games
