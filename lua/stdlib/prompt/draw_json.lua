-- Portraits as JSON: exact numbers, and an error that says which field has no place in it.
local json = require "json"
local values = require "prompt.values"

local documents = {}

local MOST = 4000000 -- values

local function refuse(path, what)
  error({ kind = "validation", message = string.format("%s is %s: JSON has no place for that", path, what) }, 0)
end

local NAMES = { ["function"] = "a function", thread = "a coroutine", pointer = "a light userdata" }

local function key_of(p, path)
  local kind = values.kind(p)
  if kind == "string" then
    local s, length = values.text(p)
    if length > #s then refuse(path, "a table with a key that is too long to show") end
    return s
  end
  refuse(path, "a table with a key that is no text (a " .. kind .. ")")
end

local function inner(path, key)
  if type(key) == "number" then return path .. "[" .. key .. "]" end
  return key:find "^[%a_][%w_]*$" and path .. "." .. key or string.format("%s[%q]", path, key)
end

local convert

local function convert_table(p, path, c)
  if p.deep then refuse(path, "a table that is nested too deep") end
  if p.na or p.nh or p.cut then refuse(path, "a table that is too large to show") end
  for _, id in ipairs(c.open) do
    if id == p.t then refuse(path, "a table that holds itself") end
  end
  local a, h = p.a or {}, p.h or {}
  if #a > 0 and #h > 0 then
    refuse(path, "a table with both a list and names, or with a hole in its list")
  end
  if #a == 0 and #h == 0 then return p.a and json.empty_array or {} end
  local out = {}
  c.open[#c.open + 1] = p.t
  for i = 1, #a do out[i] = convert(a[i], inner(path, i), c) end
  for _, pair in ipairs(h) do
    local key = key_of(pair[1], path)
    out[key] = convert(pair[2], inner(path, key), c)
  end
  c.open[#c.open] = nil
  return out
end

function convert(p, path, c)
  local kind = values.kind(p)
  c.n = c.n + 1
  if c.n > MOST then refuse(path, "beyond " .. MOST .. " values (tables that are shared many times over?)") end
  if kind == "nil" or kind == "null" then return json.null end
  if kind == "boolean" then return p end
  if kind == "number" then
    local n = values.number(p)
    if n ~= n then refuse(path, "not a number") end
    if math.abs(n) == math.huge then refuse(path, "infinite") end
    return n
  end
  if kind == "string" then
    local s, length = values.text(p)
    if length > #s then refuse(path, "a text of " .. length .. " bytes") end
    if not utf8.len(s) then refuse(path, "a text that is no UTF-8") end
    return s
  end
  if kind == "ref" then
    local is = c.ids[p.ref]
    if not is then refuse(path, "a table that is not shown") end
    p, kind = is, values.kind(is)
  end
  if kind == "userdata" and p.v then return convert(p.v, path, c) end
  if kind == "table" then return convert_table(p, path, c) end
  refuse(path, NAMES[kind] or "a userdata (" .. tostring(p.u) .. ")")
end

---A list of portraits as one JSON document: the value itself where there is one, else the list of all. Raises an error
---of kind "validation" that says which field has no place in JSON. A userdata is its picture.
function documents.encode(list)
  local c = { ids = values.index(list), open = {}, n = 0 }
  local n = list.n or #list
  if n == 1 then return json.encode(convert(list[1], "the value", c)) end
  local out = {}
  for i = 1, n do out[i] = convert(list[i], "value " .. i, c) end
  return n == 0 and "[]" or json.encode(out)
end

return documents
