-- Live scores from a sports-data service, in the manner of Shipp (https://docs.shipp.ai): a connection is made once by
-- saying in words what it shall deliver, then asked for what is new. The score goes through the model of `fixed`.
--
--   POST URL/connections/create    {"filter_instructions": "…"}       -> {"connection_id": "…"}
--   POST URL/connections/ID        {"since_event_id": "…", "limit": 100}  -> {"data": [row, …]}
--
-- Rows are loose: any field may be missing. Used are id, home_name, away_name, home_points, away_points, game_period,
-- game_clock, desc. Needs SPORTS_API_KEY, --allow-env SPORTS_API_KEY and --allow-net with the host of SPORTS_API_URL.
local kalua = require "kalua"
local answer = require "providers.answer"
local request = require "providers.request"
local score_model = require "providers.score_model"

local QUARTERS <const>, QUARTER <const> = 4, 720 -- seconds
local ROWS <const>, PAGES <const> = 100, 20 -- of one answer; and how many answers one look reads at most

-- Whether one of two names of a team is within the other: "Boston" and "Boston Celtics".
local function same_team(a, b)
  if type(a) ~= "string" or type(b) ~= "string" or a == "" or b == "" then return false end
  a, b = a:lower(), b:lower()
  return a:find(b, 1, true) ~= nil or b:find(a, 1, true) ~= nil
end

local function seconds_left(row)
  local minutes, seconds = tostring(row.game_clock):match "(%d+):(%d+)"
  local period = tonumber(row.game_period)
  if not minutes or not period then return nil end
  return tonumber(minutes) * 60 + tonumber(seconds) + math.max(QUARTERS - period, 0) * QUARTER
end

-- Whether the event id `a` is newer than `b` (nil: none). They grow, in length as well: "100" comes after "99".
local function newer(a, b)
  if not b or #a ~= #b then return not b or #a > #b end
  return a > b
end

return function(settings)
  local provider = {}
  local key = settings.key "SPORTS_API_KEY"
  -- By game: the connection, the last event seen, and the newest score. Connections are kept over reloads and restarts.
  kalua.state.sports_api = kalua.state.sports_api or {}
  local known = kalua.state.sports_api

  local function post(path, body)
    return request({
      url = settings.SPORTS_API_URL .. path, method = "POST", json = body, timeout = settings.HTTP_TIMEOUT_S,
      headers = { Authorization = "Bearer " .. key },
    }, settings.HTTP_RETRIES):json()
  end

  local function connection_for(game)
    local one = known[game.id]
    if one then return one end
    local made = post("/connections/create", {
      filter_instructions = ("Score, period and game clock of the game %s at %s on %s, every change."):format(
        game.away.name, game.home.name, tostring(game.start):sub(1, 10)),
    })
    if type(made) ~= "table" or type(made.connection_id) ~= "string" then
      error("the sports service made no connection: there is no connection_id in its answer", 0)
    end
    one = { id = made.connection_id }
    known[game.id] = one
    return one
  end

  -- One row. The newest one with a score counts, in whatever order rows come. Where it has no clock, what is left of
  -- the game is not known any more, unless the score is still the same.
  local function read(game, one, row)
    if type(row) ~= "table" then return end
    local id = type(row.id) == "string" and row.id or nil
    if id and newer(id, one.last) then one.last = id end
    local ours = same_team(row.home_name, game.home.name) and same_team(row.away_name, game.away.name)
    local home, away = tonumber(row.home_points), tonumber(row.away_points)
    if not ours or not home or not away or id and not newer(id, one.scored) then return end
    one.scored = id or one.scored
    local left = seconds_left(row)
    if left then
      local said = type(row.desc) == "string" and row.desc or nil
      one.score = { lead = home - away, left = left, home = home, away = away, said = said }
    elseif one.score and (one.score.home ~= home or one.score.away ~= away) then
      one.score = nil
    end
  end

  -- All that is new about the game since the last time: an old score, taken for the one of now, would be bet on.
  local function update(game, one)
    if one.asked_for == game.as_of then return end -- once a look, whatever the number of markets
    for _ = 1, PAGES do
      local before = one.last
      local got = post("/connections/" .. one.id, { since_event_id = before, limit = ROWS })
      if type(got) ~= "table" or type(got.data) ~= "table" then
        error("the sports service sent no data: there is no list `data` in its answer", 0)
      end
      for _, row in ipairs(got.data) do read(game, one, row) end
      if #got.data < ROWS then
        one.asked_for, one.as_of = game.as_of, kalua.now() -- nothing newer is there: the score is the one of now
        return
      end
      if one.last == before then break end
    end
    error("the sports service has more to tell than could be read: its score may be an old one", 0)
  end

  function provider.probability(game, market)
    if not market.team then error("the score model knows teams, and " .. market.ticker .. " is about none", 0) end
    local one = connection_for(game)
    update(game, one)
    local score = one.score
    if not score then error("the sports service has told no score of " .. game.title .. " yet", 0) end
    local home = score_model(score.lead, score.left, settings.HOME_ADVANTAGE_POINTS)
    local reasons = {
      ("%s %d, %s %d, %d minutes left, by the sports service"):format(game.home.name, score.home, game.away.name,
        score.away, math.ceil(score.left / 60)),
      ("a lead of %d points with that time left wins %.0f %% of games"):format(score.lead, home * 100),
    }
    if score.said then reasons[3] = score.said end
    return answer("the sports service", {
      probability = market.team == "home" and home or 1 - home,
      confidence = 0.95 - 0.25 * math.min(score.left / (QUARTERS * QUARTER), 1), reasons = reasons,
    }, one.as_of)
  end

  return provider
end
