---The growth-optimal holding of outcomes of which at most one comes; `sizing.exclusive` checks, rounds and caps.
---
---With R in cash and y_i contracts of outcome i the account is worth R + y_i when i comes, and R when none of them
---does. Buying at c_i keeps R + sum(c_i y_i), and y_i cannot fall below what is held. At the optimum, with a number u,
---every outcome that is bought has R + y_i = u p_i / c_i, every other one at least that, and
---sum(p_i / (R + y_i)) + p_none / R = 1 / u. For each R the budget gives u; R is found by bisection, since the growth
---is concave in it. Without holdings this is the set, and are the fractions, of Smoczynski and Tomkins (2010).
local ipairs, math, setmetatable, table = ipairs, math, setmetatable, table

local TINY <const> = 1e-12
local HALVINGS <const> = 200

---u for a given R: thresholds at which outcomes begin to be bought, from the lowest on.
local function level(list, budget, r)
  local order, held = {}, 0
  for i, one in ipairs(list) do
    if one.p > 0 and one.c < 1 then order[#order + 1] = { i = i, at = (one.held + r) * one.c / one.p } end
    held = held + one.c * one.held
  end
  table.sort(order, function(a, b) return a.at < b.at or a.at == b.at and a.i < b.i end)
  if #order == 0 then return nil end
  local p, c = 0, 0
  for k, next_one in ipairs(order) do
    local one = list[next_one.i]
    p, c, held = p + one.p, c + one.c, held - one.c * one.held
    local u = (budget - r + r * c - held) / p -- sum over those bought of (u p - c r), and what the others hold
    local following = order[k + 1]
    if not following or u <= following.at then return math.max(u, order[1].at) end
  end
end

local function hold_at(list, u, r)
  local y = {}
  for i, one in ipairs(list) do
    y[i] = one.held
    if u and one.p > 0 and one.c < 1 then y[i] = math.max(one.held, u * one.p / one.c - r) end
  end
  return y
end

---What one more dollar in cash, taken from the bets, adds to the expected logarithm.
local function slope(list, none, u, r)
  local sum = 0
  for i, held in ipairs(hold_at(list, u, r)) do
    if list[i].p > 0 then
      local worth = r + held
      if worth <= 0 then return math.huge end
      sum = sum + list[i].p / worth
    end
  end
  if none > 0 then
    if r <= 0 then return math.huge end
    sum = sum + none / r
  end
  return sum - 1 / u
end

---`list` of { p, c, held }: the contracts to hold of each, and the cash that is left, when no more than `most` may be
---spent. A NO contract pays in all but one case: as held it is -1, and a dollar.
local function solve(list, cash, most)
  local none, base = 1, cash
  for _, one in ipairs(list) do
    none = none - one.p
    base = base + math.max(-one.held, 0)
  end
  if none < TINY then none = 0 end
  local budget, least = base, 0
  for _, one in ipairs(list) do
    budget = budget + one.c * one.held
    least = math.max(least, -one.held)
  end
  local top = level(list, budget, base)
  if not top or slope(list, none, top, base) >= 0 then return hold_at(list, nil, base), cash end
  local low, high = math.max(math.min(least, base), base - most), base
  local u = level(list, budget, low)
  if slope(list, none, u, low) > 0 then
    for _ = 1, HALVINGS do
      local middle = (low + high) / 2
      if slope(list, none, level(list, budget, middle), middle) > 0 then low = middle else high = middle end
      if high - low <= TINY * base then break end
    end
  end
  local r = low
  return hold_at(list, level(list, budget, r), r), r - (base - cash)
end

---The expected logarithm of the growth by what `sizing.exclusive` decided.
local function growth(list, cash, result)
  local none, base = 1, cash
  for _, one in ipairs(list) do
    none = none - one.p
    base = base + math.max(-one.held, 0)
  end
  local sum = none > TINY and none * math.log((base - result.cost) / base) or 0
  for i, one in ipairs(list) do
    local before = base + one.held
    if one.p > 0 then sum = sum + one.p * math.log((before - result.cost + result.outcomes[i].count) / before) end
  end
  return sum
end

return setmetatable({ growth = growth }, { __call = function(_, ...) return solve(...) end })
