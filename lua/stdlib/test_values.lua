---What the assertions of `test` need to know of values: how they read, whether they are the same, where they differ.
local ipairs, next, rawequal, rawget, string, table = ipairs, next, rawequal, rawget, string, table
local getmetatable, pcall, tostring, type = getmetatable, pcall, tostring, type

local values = {}

local DEPTH, WIDTH, DIFFERENCES = 4, 88, 12

local function is_object(v)
  local mt = type(v) == "table" and getmetatable(v)
  return mt == "kalua.error" or (type(mt) == "table" and mt.__tostring)
end

---The keys of a table in an order that does not change: numbers, then strings, then the rest by type.
local function sorted_keys(v)
  local keys = {}
  for k in next, v do keys[#keys + 1] = k end
  table.sort(keys, function(a, b)
    if type(a) == type(b) and (type(a) == "number" or type(a) == "string") then return a < b end
    return type(a) < type(b)
  end)
  return keys
end

local show

local function field(k) return type(k) == "string" and k:find "^[%a_][%w_]*$" and k or "[" .. show(k) .. "]" end

local function parts_of(v, shown)
  local parts = {}
  for i, k in ipairs(sorted_keys(v)) do
    parts[i] = (k == i and "" or field(k) .. " = ") .. shown(rawget(v, k))
  end
  return parts
end

---A value as a text of one line: strings in quotes, tables to depth 4 with sorted keys.
function show(v, depth)
  depth = depth or 0
  if type(v) == "string" then
    return (string.format("%q", v):gsub("\\\n", "\\n"):gsub("\r", "\\r"):gsub("\0", "\\0"))
  end
  if type(v) ~= "table" or is_object(v) then
    local ok, text = pcall(tostring, v)
    return ok and text or type(v)
  end
  if depth >= DEPTH then return "{…}" end
  local parts = parts_of(v, function(x) return show(x, depth + 1) end)
  return #parts > 0 and "{ " .. table.concat(parts, ", ") .. " }" or "{}"
end
values.show = show

---The same over several lines where one would be long.
function values.pretty(v, depth)
  depth = depth or 0
  local line = show(v, depth)
  if type(v) ~= "table" or is_object(v) or #line + 2 * depth <= WIDTH or depth >= DEPTH then return line end
  local inner = ("  "):rep(depth + 1)
  local parts = parts_of(v, function(x) return values.pretty(x, depth + 1) end)
  return "{\n" .. inner .. table.concat(parts, ",\n" .. inner) .. "\n" .. ("  "):rep(depth) .. "}"
end

---Tables are equal when all their fields are, in circles too.
function values.equal(a, b, seen)
  if rawequal(a, b) then return true end
  if type(a) ~= "table" or type(b) ~= "table" then return false end
  seen = seen or {}
  if seen[a] == b then return true end
  seen[a] = b
  for k, v in next, a do
    if not values.equal(v, rawget(b, k), seen) then return false end
  end
  for k in next, b do
    if rawget(a, k) == nil then return false end
  end
  return true
end

---The field of anything that has fields; nil where it has not.
local function get(v, k)
  local ok, value = pcall(function() return v[k] end)
  return ok and value or nil
end

local function indexable(v) return type(v) == "table" or type(v) == "userdata" end

---Whether `v` has all that `part` asks for: fields of tables and objects, theirs too.
function values.has(v, part, seen)
  if type(part) ~= "table" or is_object(part) then return v == part or values.equal(v, part) end
  if rawequal(v, part) then return true end
  if not indexable(v) then return false end
  seen = seen or {}
  if seen[part] == v then return true end
  seen[part] = v
  for k, wanted in next, part do
    if not values.has(get(v, k), wanted, seen) then return false end
  end
  return true
end

---Where `got` is not `expected`, or with `part` lacks something of it: lines, a dozen at most.
function values.differences(got, expected, part)
  local lines, more, seen = {}, 0, {}
  local function add(path, text)
    if #lines >= DIFFERENCES then more = more + 1 else lines[#lines + 1] = path .. " " .. text end
  end
  local function walk(path, a, b)
    local same = part and values.has(a, b) or not part and values.equal(a, b)
    if same then return end
    local into = type(b) == "table" and not is_object(b) and (part and indexable(a) or type(a) == "table")
    if not into then
      local text = a == nil and "is missing: " .. show(b) or b == nil and "is too much: " .. show(a)
      return add(path, text or "is " .. show(a) .. ", not " .. show(b))
    end
    if seen[a] == b then return end
    seen[a] = b
    local keys = {}
    for k in next, b do keys[k] = true end
    if not part then
      for k in next, a do keys[k] = true end
    end
    for _, k in ipairs(sorted_keys(keys)) do
      local name = field(k)
      local x = part and get(a, k)
      if not part then x = rawget(a, k) end
      walk(path .. (name:sub(1, 1) == "[" and "" or path ~= "" and "." or "") .. name, x, rawget(b, k))
    end
  end
  walk("", got, expected)
  if more > 0 then lines[#lines + 1] = "and " .. more .. " more" end
  return lines
end

return values
