---What modules of figures share: the checks of what a script gives them. What is wrong raises kind "validation".
local checks = require "request_options"(require "library")
local refuse, is = checks.refuse, checks.is
local ipairs, math, string, table, type = ipairs, math, string, table, type

local arguments = { refuse = refuse, is = is, check_options = checks.check_options }

---A finite number from `low` to `high`, ends included; `name` is the function, `what` the argument.
function arguments.number(name, what, value, low, high)
  if type(value) ~= "number" or value ~= value or value == math.huge or value == -math.huge then
    refuse(name .. ": " .. what .. " must be a number, not " .. is(value), "wrong_type")
  end
  if low and value < low or high and value > high then
    local range = not high and "at least " .. low or not low and "at most " .. high or "from " .. low .. " to " .. high
    refuse(name .. ": " .. what .. " must be " .. range .. ", not " .. value, "out_of_range")
  end
  return value
end

---The same where nil stands for `default`.
function arguments.optional(name, what, value, default, low, high)
  if value == nil then return default end
  return arguments.number(name, what, value, low, high)
end

---A number above 0.
function arguments.positive(name, what, value, high)
  arguments.number(name, what, value, nil, high)
  if value <= 0 then refuse(name .. ": " .. what .. " must be above 0, not " .. value, "out_of_range") end
  return value
end

function arguments.whole(name, what, value, low, high)
  local n = math.tointeger(arguments.number(name, what, value, low, high))
  if not n then refuse(name .. ": " .. what .. " must be a whole number, not " .. value, "out_of_range") end
  return n
end

function arguments.probability(name, what, value) return arguments.number(name, what, value, 0, 1) end

---A price of a contract that pays a dollar: above 0 and below 1.
function arguments.price(name, what, value)
  arguments.number(name, what, value)
  if value <= 0 or value >= 1 then
    refuse(name .. ": " .. what .. " must be above 0 and below 1 dollar, not " .. value, "price_out_of_range")
  end
  return value
end

function arguments.table(name, what, value)
  if type(value) ~= "table" then refuse(name .. ": " .. what .. " must be a table, not " .. is(value), "wrong_type") end
  return value
end

---A list with at least `least` elements; each is checked by `check(name, what, value)` where it is given.
function arguments.list(name, what, value, least, check)
  arguments.table(name, what, value)
  if #value < least then
    refuse(string.format("%s: %s must have at least %d element%s, not %d", name, what, least, least == 1 and "" or "s",
      #value), "list_length")
  end
  if check then
    for i, one in ipairs(value) do check(name, what .. "[" .. i .. "]", one) end
  end
  return value
end

---Either of two options, not none and not both.
function arguments.either(name, o, one, other)
  if o[one] == nil and o[other] == nil then
    refuse(name .. ": give either " .. one .. " or " .. other, "missing_parameter")
  elseif o[one] ~= nil and o[other] ~= nil then
    refuse(name .. ": give either " .. one .. " or " .. other .. ", not both", "contradicting_options")
  end
end

---One of the names of a list, or `default` for nil.
function arguments.choice(name, what, value, known, default)
  if value == nil then return default end
  for _, one in ipairs(known) do
    if one == value then return value end
  end
  local shown = type(value) == "string" and '"' .. value .. '"' or is(value)
  refuse(name .. ": " .. what .. ' must be "' .. table.concat(known, '", "') .. '", not ' .. shown, "unknown_value")
end

return arguments
