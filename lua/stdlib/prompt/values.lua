-- What a portrait (see runtime/prompt/portrait.h) is of, as values of this side: tables, numbers and texts that can be
-- looked at like those they were made from.
local json = require "json"

local values = {}

-- What has no value here: functions, coroutines, tables that were not opened.
local Opaque = {}
Opaque.__index = Opaque

-- From a table that was made here to its portrait.
local portraits = setmetatable({}, { __mode = "k" })

local DIGITS = {}
for i = 1, 64 do
  DIGITS[("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"):byte(i)] = i - 1
end

local function decode_base64(text)
  local out = {}
  for at = 1, #text, 4 do
    local a, b, c, d = text:byte(at, at + 3)
    local bits = DIGITS[a] << 18 | DIGITS[b] << 12 | (DIGITS[c] or 0) << 6 | (DIGITS[d] or 0)
    local n = DIGITS[d] and 3 or DIGITS[c] and 2 or 1
    out[#out + 1] = string.pack(">I3", bits):sub(1, n)
  end
  return table.concat(out)
end

local SPECIAL = { inf = math.huge, ["-inf"] = -math.huge, nan = 0 / 0 }

---What kind of value a portrait is of: "nil", "boolean", "number", "string", "table", "ref", "function", "thread",
---"userdata", "pointer" or "null" (json.null).
function values.kind(p)
  if p == nil or p == json.null then return "nil" end
  if type(p) ~= "table" then return type(p) end
  if p.u then return "userdata" end
  if p.t then return "table" end
  if p.ref then return "ref" end
  if p.fn then return "function" end
  if p.co then return "thread" end
  if p.s or p.b then return "string" end
  if p.n then return "number" end
  return p.null and "null" or "pointer"
end

---The number of a portrait of one: exact, an integer or a float.
function values.number(p)
  return type(p) == "number" and p or SPECIAL[p.n] or tonumber(p.n)
end

---The text of a portrait of one, and how long it is: longer than the text where that was cut.
function values.text(p)
  if type(p) == "string" then return p, #p end
  local text = p.s or decode_base64(p.b)
  return text, math.tointeger(p.len) or #text
end

---The tables and userdata of a list of portraits, by their numbers.
function values.index(list)
  local known = {}
  local function walk(p)
    if type(p) ~= "table" then return end
    if p.t then known[p.t] = p end
    if p.v then walk(p.v) end
    for _, one in ipairs(p.a or {}) do walk(one) end
    for _, pair in ipairs(p.h or {}) do
      walk(pair[1])
      walk(pair[2])
    end
  end
  for _, p in ipairs(list) do walk(p) end
  return known
end

local function build(p, made)
  local kind = values.kind(p)
  if kind == "nil" then return nil end
  if kind == "null" then return json.null end
  if kind == "boolean" then return p end
  if kind == "number" then return values.number(p) end
  if kind == "string" then
    local text, length = values.text(p)
    return length > #text and text .. "…" or text
  end
  if kind == "ref" then return made[p.ref] end
  if kind == "table" and not p.deep then
    local out = {}
    made[p.t], portraits[out] = out, p
    for i, one in ipairs(p.a or {}) do out[i] = build(one, made) end
    for _, pair in ipairs(p.h or {}) do
      local key = build(pair[1], made)
      local value = build(pair[2], made)
      if key ~= nil and key == key then out[key] = value end
    end
    return out
  end
  if kind == "userdata" and p.v then
    local out = build(p.v, made)
    made[p.t] = out
    return out
  end
  local out = setmetatable({ portrait = p, kind = kind }, Opaque)
  if p.t then made[p.t] = out end
  return out
end

---The value of a portrait. A userdata is its picture; what has no value here is opaque; a text that was cut ends in
---"…". `made` (may be nil) has the values by number of the portraits that came before in the same list.
function values.of(p, made)
  return build(p, made or {})
end

---Whether a value stands for something that has none here.
function values.is_opaque(value)
  return getmetatable(value) == Opaque
end

---The portrait that a table of values.of was made from.
function values.portrait(value) return portraits[value] end

---How many entries of a table that values.of made were left out of its portrait: of the list, and of the pairs.
function values.left_out(value)
  local p = portraits[value]
  return p and p.na or 0, p and p.nh or 0
end

return values
