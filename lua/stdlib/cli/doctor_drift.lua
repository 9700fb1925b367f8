-- Where answers of the exchange differ from the description that Kalua was built with: for `kalua doctor`.
local json = require "json"
local kalshi = require "kalshi"

local ROWS = 20 -- of a list that are looked at

local function is_table(v) return type(v) == "table" and v ~= json.null end

local function has(list, value)
  for _, one in ipairs(list) do
    if one == value then return true end
  end
  return false
end

local walk

local function check_enum(field, value, place, found)
  if type(value) == "string" and field.enum and not has(field.enum, value) then
    found(string.format("%s is %q, which is new", place, value:sub(1, 40)))
  end
end

-- One value by its description: `field` has type, fields, enum.
local function check(field, value, place, found)
  if value == json.null or value == nil then return end
  if field.type == "array" then
    if not is_table(value) then return found(place .. " is no list any more") end
    for i = 1, math.min(#value, ROWS) do
      if field.fields and is_table(value[i]) and field.item_type ~= "array" then
        walk(field.fields, value[i], place .. "[]", found)
      else
        check_enum(field, value[i], place .. "[]", found)
      end
    end
  elseif field.fields and not field.map then
    if not is_table(value) then return found(place .. " is no object any more") end
    walk(field.fields, value, place, found)
  elseif field.type == "boolean" and type(value) ~= "boolean" then
    found(place .. " is no boolean any more")
  else
    check_enum(field, value, place, found)
  end
end

function walk(fields, object, place, found)
  local known = {}
  for _, field in ipairs(fields) do
    if field.name then
      known[field.name] = true
      local at = place .. "." .. field.name
      if object[field.name] == nil and field.required and not field.deprecated then
        found(at .. " is missing")
      end
      check(field, object[field.name], at, found)
    end
  end
  for name in pairs(object) do
    if type(name) == "string" and not known[name] then found(string.format("%s.%s is new", place, name)) end
  end
end

-- The exchange writes ":order_id" where the description has "{order_id}", and its names may be others.
local function plain(path)
  return (path:gsub("^/trade%-api/v2", ""):gsub("{[^}]*}", "*"):gsub(":[^/]+", "*"))
end

local function check_costs(costs, found)
  local said = {}
  for _, one in ipairs(costs.endpoint_costs or {}) do said[one.method .. " " .. plain(one.path)] = one.cost end
  for _, op in ipairs(kalshi.operations()) do
    if not op.legacy and op.status == "current" then
      local about = kalshi.describe(op.name)
      local cost = said[op.method .. " " .. plain(op.path)] or costs.default_cost
      if cost and cost ~= about.cost then
        found(string.format("%s takes %g tokens, and Kalua counts %g", op.name, cost, about.cost))
      end
    end
  end
end

---What differs, as sentences in order; empty where nothing does. `answers`: raw answers by the name of the operation;
---`costs`: the answer of get_account_endpoint_costs.
return function(answers, costs)
  local out, told = {}, {}
  local function found(text)
    if not told[text] then out[#out + 1] = text end
    told[text] = true
  end
  local names = {}
  for name in pairs(answers) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local answer = kalshi.describe(name).answer
    if answer and answer.fields and is_table(answers[name]) then walk(answer.fields, answers[name], name, found) end
  end
  table.sort(out)
  check_costs(costs, found)
  return out
end
