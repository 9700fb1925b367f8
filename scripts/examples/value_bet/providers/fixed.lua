-- No service at all: the score of the exchange's own feed and a model that anybody can compute. The same game gives the
-- same answer. Good for a first try and for tests, not for money: everybody else sees the score, too.
local answer = require "providers.answer"
local score_model = require "providers.score_model"

return function(settings)
  local provider = {}

  function provider.probability(game, market)
    if not market.team then error("the score model knows teams, and " .. market.ticker .. " is about none", 0) end
    local lead, left, confidence, reasons = 0, 4 * 720, 0.5, {}
    if game.status == "inprogress" then
      if not (game.home_points and game.away_points and game.seconds_left) then
        error("the feed has no score or no clock of " .. game.title, 0)
      end
      lead, left = game.home_points - game.away_points, game.seconds_left
      confidence = 0.95 - 0.25 * left / (4 * 720) -- there is less left to be wrong about
      reasons[1] = ("%s %d, %s %d, %d minutes left"):format(game.home.name, game.home_points, game.away.name,
        game.away_points, math.ceil(left / 60))
    else
      reasons[1] = "the game has not begun"
    end
    local home = score_model(lead, left, settings.HOME_ADVANTAGE_POINTS)
    reasons[2] = ("a lead of %d points with that time left wins %.0f %% of games"):format(lead, home * 100)
    return answer("the score model", {
      probability = market.team == "home" and home or 1 - home, confidence = confidence, reasons = reasons,
    }, game.as_of)
  end

  return provider
end
