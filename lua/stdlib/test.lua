---Tests in Lua, for `kalua test FILE...`:
---
---    local test = require "test"
---    test("a cancelled sleep raises its reason", function(t)
---      local sleeper = task.spawn(task.sleep, 60)
---      sleeper:cancel "enough"
---      local err = t.raises(function() sleeper:await() end, "cancelled")
---      t.eq(tostring(err), "cancelled: enough")
---    end)
---
---A test runs where it stands, may wait, and prints one line. It fails when it raises, takes longer than a minute,
---leaves tasks running, or when a task failed that nobody awaited (`t.unawaited(n)` says that n of them shall). At the
---end of the script comes "N passed, N failed", and the script fails when a test did.
local kalua = require "kalua"
local task = require "task"

local LIMIT = 60 -- seconds a test may take

local passed, failed = 0, 0

---A value as text that reads well: strings in quotes, tables to depth 4 with sorted keys.
local function show(v, depth)
  depth = depth or 0
  if type(v) == "string" then return string.format("%q", v) end
  local mt = type(v) == "table" and getmetatable(v)
  if type(v) ~= "table" or mt == "kalua.error" or (type(mt) == "table" and mt.__tostring) then return tostring(v) end
  if depth >= 4 then return "{…}" end
  local keys, parts = {}, {}
  for k in next, v do keys[#keys + 1] = k end
  table.sort(keys, function(a, b)
    if type(a) == type(b) and (type(a) == "number" or type(a) == "string") then return a < b end
    return type(a) < type(b)
  end)
  for i, k in ipairs(keys) do
    local key = type(k) == "string" and k:find "^[%a_][%w_]*$" and k or "[" .. show(k, depth + 1) .. "]"
    parts[i] = (k == i and "" or key .. " = ") .. show(rawget(v, k), depth + 1)
  end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

---Tables are equal when all their fields are; cycles may not occur. Integers and floats are told apart.
local function equal(a, b)
  if rawequal(a, b) and math.type(a) == math.type(b) then return true end
  if type(a) ~= "table" or type(b) ~= "table" then return false end
  for k, v in next, a do
    if not equal(v, rawget(b, k)) then return false end
  end
  for k in next, b do
    if rawget(a, k) == nil then return false end
  end
  return true
end

local function with(message, text) return message and message .. ": " .. text or text end

local t = {}

---The same value, or tables with the same content.
function t.eq(got, expected, message)
  if not equal(got, expected) then error(with(message, "got " .. show(got) .. ", not " .. show(expected)), 2) end
end

---Numbers no further apart than `within` (1e-9).
function t.near(got, expected, within, message)
  local distance = type(got) == "number" and math.abs(got - expected) or math.huge
  if distance ~= distance or distance > (within or 1e-9) then
    error(with(message, "got " .. show(got) .. ", not about " .. show(expected)), 2)
  end
end

---Neither nil nor false. Returns it.
function t.ok(value, message)
  if not value then error(with(message, "got " .. show(value)), 2) end
  return value
end

---`fn` raises. `expected` is the kind of the error object, or a pattern or a part of its text. Returns the error.
function t.raises(fn, expected)
  local ok, err = pcall(fn)
  if ok then error("nothing was raised" .. (expected and ", not " .. show(expected) or ""), 2) end
  if expected then
    local kind = type(err) == "table" and err.kind
    local text = tostring(err)
    if kind ~= expected and not text:find(expected, 1, true) and not text:find(expected) then
      error("raised " .. show(err) .. ", not " .. show(expected), 2)
    end
  end
  return err
end

local function trace(err)
  local text = show(err)
  if type(err) == "string" then text = err end
  return text .. "\n" .. debug.traceback(nil, 2)
end

local unawaited = 0

---So many tasks of this test fail without being awaited.
function t.unawaited(n) unawaited = n end

local function run(name, fn)
  unawaited = 0
  local before = kalua.stats()
  local in_time, ok, err = pcall(task.timeout, LIMIT, xpcall, fn, trace, t)
  if not in_time then ok, err = false, ok end
  if ok then
    task.yield() -- what ended just now is gone after this
    local after = kalua.stats()
    local left, errors = after.tasks - before.tasks, after.errors - before.errors
    if left > 0 then
      ok, err = false, "tasks left running: " .. left
    elseif errors ~= unawaited then
      ok, err = false, "tasks that failed and nobody awaited: " .. errors .. ", not " .. unawaited
    end
  end
  if ok then
    passed = passed + 1
    print("ok      " .. name)
  else
    failed = failed + 1
    print("not ok  " .. name .. "\n        " .. tostring(err):gsub("\n", "\n        "))
  end
end

kalua.on_stop(function(reason)
  print(passed .. " passed, " .. failed .. " failed" .. (reason == "error" and ", and the script itself failed" or ""))
  if failed > 0 then error(failed == 1 and "a test failed" or failed .. " tests failed", 0) end
end)

return setmetatable({ run = run }, { __call = function(_, name, fn) return run(name, fn) end })
