-- What a provider must answer: { probability, confidence, reasons, as_of }. Whatever came from outside goes through
-- here. Without `as_of` it is as old as what the provider was told.
local kalua = require "kalua"

local AHEAD <const> = 5 -- seconds that another clock may be ahead of this one

local function share(name, what, value)
  if type(value) ~= "number" or not (value >= 0 and value <= 1) then
    local shown = type(value) == "number" and tostring(value) or "a " .. type(value)
    error(name .. " answered no " .. what .. " from 0 to 1 but " .. shown, 0)
  end
  return value
end

-- The answer, checked and cut to what is used; `told`: the time of the state of the game that it is about. Raises what
-- is wrong with it.
return function(name, answer, told)
  if type(answer) ~= "table" then error(name .. " answered a " .. type(answer) .. ", not an object", 0) end
  local reasons = {}
  if type(answer.reasons) == "table" then
    for i, reason in ipairs(answer.reasons) do
      if i > 10 then break end
      reasons[i] = tostring(reason):sub(1, 500)
    end
  end
  if #reasons == 0 then error(name .. " gave no reasons", 0) end
  local as_of = answer.as_of == nil and told or answer.as_of
  if type(as_of) ~= "number" then error(name .. " answered no time in as_of but a " .. type(as_of), 0) end
  local now = kalua.now()
  if as_of > now + AHEAD then
    local text = "%s answered a time in as_of that is still to come: %.15g; it is in seconds since 1970"
    error(text:format(name, as_of), 0)
  end
  as_of = math.min(as_of, now)
  return {
    probability = share(name, "probability", answer.probability),
    confidence = share(name, "confidence", answer.confidence), reasons = reasons, as_of = as_of,
  }
end
