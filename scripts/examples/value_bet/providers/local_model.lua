-- A model of your own behind plain HTTP on this machine:
--
--   POST LOCAL_MODEL_URL   {"game": {…}, "market": {…}}
--   answer                 {"probability": 0.61, "confidence": 0.8, "reasons": ["…"], "as_of": 1764140000.5}
--
-- `probability` is that of YES of the market; `as_of`, seconds since 1970, is that of the game when it is left
-- out. Needs --allow-net 127.0.0.1.
local answer = require "providers.answer"
local request = require "providers.request"

return function(settings)
  local provider = {}

  function provider.probability(game, market)
    local response = request({
      url = settings.LOCAL_MODEL_URL, method = "POST", timeout = settings.HTTP_TIMEOUT_S,
      json = {
        game = {
          id = game.id, type = game.type, title = game.title, status = game.status, home = game.home, away = game.away,
          details = game.details, as_of = game.as_of,
        },
        market = {
          ticker = market.ticker, title = market.title, subject = market.subject, rules = market.rules,
          team = market.team,
        },
      },
    }, settings.HTTP_RETRIES)
    return answer("the local model", response:json(), game.as_of)
  end

  return provider
end
