-- What every drawing of a book has: as many places as its prices need, and bars.
local rungs = {}

local EIGHTHS = { "▏", "▎", "▍", "▌", "▋", "▊", "▉" }

local function finer(price) return math.abs(price * 100 - math.floor(price * 100 + 0.5)) > 1e-6 end

---The places that the prices of levels ({price, count}), and of trades (may be nil), need: cents, or the exchange's
---finest.
function rungs.places(bids, asks, trades)
  for _, side in ipairs{ asks, bids } do
    for _, level in ipairs(side) do
      if finer(level[1]) then return 4 end
    end
  end
  for _, trade in ipairs(trades or {}) do
    if finer(trade.price) then return 4 end
  end
  return 2
end

---A bar of a share (0 to 1) of so many columns; never empty for a share above 0. `blocks`: characters beyond ASCII come
---out well.
function rungs.bar(share, columns, blocks)
  if columns < 1 or share <= 0 then return "" end
  if not blocks then return string.rep("#", math.max(1, math.floor(share * columns + 0.5))) end
  local eighths = math.max(1, math.floor(share * columns * 8 + 0.5))
  return string.rep("█", eighths // 8) .. (EIGHTHS[eighths % 8] or "")
end

return rungs
