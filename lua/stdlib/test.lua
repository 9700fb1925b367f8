-- Tests of scripts: local test = require "test"; test("a name that reads as a sentence", function(t) … end). Each runs at
-- once, in the order given, and may wait. `kalua test FILE` exits with 1 when one failed.
local kalua = require "kalua"
local task = require "task"

local passed, failed = 0, 0
local LIMIT = 60 -- seconds a test may take

local function show(v)
  if type(v) == "string" then return string.format("%q", v) end
  return tostring(v)
end

local function equal(a, b)
  if a == b and math.type(a) == math.type(b) then return true end
  if type(a) ~= "table" or type(b) ~= "table" then return false end
  for k, v in pairs(a) do if not equal(v, b[k]) then return false end end
  for k in pairs(b) do if a[k] == nil then return false end end
  return true
end

local checks = {}

---Equal by value; tables entry by entry, integers and floats told apart.
function checks.eq(got, expected, what)
  if not equal(got, expected) then
    error(string.format("%s%s instead of %s", what and what .. ": " or "", show(got), show(expected)), 2)
  end
end

---True in the sense of Lua. Returns the value.
function checks.ok(value, what)
  if not value then error(what or (show(value) .. " is not true"), 2) end
  return value
end

---`fn` must raise: an error object of this kind, or any error whose text has this pattern. Returns the error.
function checks.raises(fn, expected)
  local done, err = pcall(fn)
  if done then error("nothing was raised", 2) end
  local kind = type(err) == "table" and err.kind
  if expected and kind ~= expected and not tostring(err):find(expected) then
    error(string.format("%s instead of an error %s", show(tostring(err)), show(expected)), 2)
  end
  return err
end

kalua.on_stop(function()
  print(string.format("%d passed, %d failed", passed, failed))
  if failed > 0 then error(failed .. " of the tests failed", 0) end
end)

return function(name, fn)
  local ok, err = pcall(task.timeout, LIMIT, function() fn(checks) end)
  if ok then
    passed = passed + 1
    print("ok      " .. name)
  else
    failed = failed + 1
    print("not ok  " .. name .. "\n  " .. tostring(err):gsub("\n", "\n  "))
  end
end
