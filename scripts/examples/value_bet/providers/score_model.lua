-- The chance of the home team from the score: the lead is a Brownian motion with a drift.
-- Source: Stern, "A Brownian motion model for the progress of sports scores" (1994); 15.8 is his deviation for the NBA.
local DEVIATION <const> = 15.8 -- points, of the final lead of teams that are equally good
local WHOLE_GAME <const> = 4 * 720 -- seconds

-- The normal distribution. Source: Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.2.17.
local function normal(x)
  local t = 1 / (1 + 0.2316419 * math.abs(x))
  local tail = math.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    * t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  return x > 0 and 1 - tail or tail
end

-- `lead`: points of the home team ahead; `left`: seconds to play; `advantage`: points that it gains over a whole game.
return function(lead, left, advantage)
  local share = left / WHOLE_GAME
  if share <= 0 then return lead > 0 and 1 or lead < 0 and 0 or 0.5 end
  return normal((lead + advantage * share) / (DEVIATION * math.sqrt(share)))
end
