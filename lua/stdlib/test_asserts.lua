---What `test` gives to tests as `t`: assertions that say in which line of the script they failed, what was expected and
---what came. Everything about a market of its own (`t.market`, `t.run`, …) is in the module test_market.
local runner = require "test_runner"
local values = require "test_values"
local error, math, pcall, setmetatable, string, table = error, math, pcall, setmetatable, string, table
local rawget, require, tostring, type = rawget, require, tostring, type
local show, pretty = values.show, values.pretty

local Failure = { __name = "test.Failure" }

---As error() makes a text of it: the place, the message.
function Failure:__tostring()
  local place = self.places[1]
  return (place and place.file .. ":" .. place.line .. ": " or "") .. self.message
end

local asserts = {}

---Ends the test: `message` is one line, `detail` what to read after it (may be nil).
function asserts.fail(message, detail)
  error(setmetatable({ message = message, detail = detail, places = runner.places() }, Failure), 0)
end
local fail = asserts.fail

---The error is that of an assertion.
function asserts.is_failure(err)
  return type(err) == "table" and rawget(err, "places") ~= nil and rawget(err, "message") ~= nil
end

local function with(message, text) return message and message .. ": " .. text or text end

local function both(got, expected)
  return "got       " .. pretty(got):gsub("\n", "\n          ") .. "\nexpected  " ..
    pretty(expected):gsub("\n", "\n          ")
end

local function split(text)
  local lines = {}
  for line in (text .. "\n"):gmatch "(.-)\n" do lines[#lines + 1] = line end
  return lines
end

---Of two texts of several lines: the number of the first that is not the same, and both.
local function text_difference(got, expected)
  local a, b = split(got), split(expected)
  local i = 1
  while a[i] == b[i] do i = i + 1 end
  local function line(lines) return lines[i] and show(lines[i]) or "nothing: it ends before" end
  return i, "got       " .. line(a) .. "\nexpected  " .. line(b)
end

local function compare(got, expected, message, part)
  local short = "got " .. show(got) .. ", not " .. show(expected)
  if type(got) == "string" and type(expected) == "string" and (got .. expected):find "\n" then
    local line, detail = text_difference(got, expected)
    return fail(with(message, "the texts differ in line " .. line), detail)
  end
  if type(expected) ~= "table" or type(got) ~= "table" and type(got) ~= "userdata" then
    if #short <= 100 then return fail(with(message, short)) end
    return fail(with(message, "not the same"), both(got, expected))
  end
  local where = table.concat(values.differences(got, expected, part), "\n")
  if #short <= 100 then return fail(with(message, short), where) end
  fail(with(message, part and "something is missing" or "the tables differ"), where .. "\n" .. both(got, expected))
end

local t = {}

---The same value, or tables with the same content.
function t.eq(got, expected, message)
  if not values.equal(got, expected) then compare(got, expected, message) end
end

---Not the same value, nor tables with the same content.
function t.neq(got, unexpected, message)
  if values.equal(got, unexpected) then fail(with(message, "got " .. show(got) .. ", which it must not be")) end
end

---Numbers no further apart than `within` (1e-9).
function t.near(got, expected, within, message)
  local distance = type(got) == "number" and math.abs(got - expected) or math.huge
  if distance ~= distance or distance > (within or 1e-9) then
    fail(with(message, "got " .. show(got) .. ", not about " .. show(expected)))
  end
end

---Neither nil nor false. Returns it.
function t.ok(value, message)
  if not value then fail(with(message, "got " .. show(value))) end
  return value
end

---`value` has the fields of `part`, and theirs, with the same values; it may have more.
function t.has(value, part, message)
  if not values.has(value, part) then compare(value, part, message, true) end
end

local function found(text, pattern)
  if text:find(pattern, 1, true) then return true end
  local ok, at = pcall(string.find, text, pattern)
  return ok and at ~= nil
end

---The text has this part, or a match of this pattern. Returns the captures of the pattern, or what it matched.
function t.matches(text, pattern, message)
  if type(text) ~= "string" or not found(text, pattern) then
    fail(with(message, "got " .. show(text) .. ", without " .. show(pattern)))
  end
  if text:find(pattern, 1, true) then return pattern end
  return text:match(pattern)
end

---`fn` raises. `expected` is the kind or the code of the error object, or a pattern or a part of its text. Returns the
---error.
function t.raises(fn, expected)
  local ok, err = pcall(fn)
  if ok then fail("nothing was raised" .. (expected and ", not " .. show(expected) or "")) end
  if expected then
    local kind = type(err) == "table" and (err.kind == expected or err.code == expected)
    if not kind and not found(tostring(err), expected) then
      fail("raised " .. show(err) .. ", not " .. show(expected))
    end
  end
  return err
end

local market -- the module about markets, once a test has used it

---That module, or nil.
function asserts.market() return market end

setmetatable(t, { __index = function(_, name)
  market = market or require "test_market"
  return market[name]
end })

asserts.t = t
return asserts
