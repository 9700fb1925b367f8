-- The catalogue of errors for `:explain`: read when it is first asked for.
local errors = require "cli.errors"

return {
  find = errors.find,
  answer = require "cli.explain",
  offers = function()
    local out = {}
    for _, e in ipairs(errors.list) do out[#out + 1] = { text = e.code } end
    return out
  end,
}
