---Tests as they are written: blocks and what is around them, one test after the other, what came of each.
local asserts = require "test_asserts"
local kalua = require "kalua"
local runner = require "test_runner"
local task = require "task"
local values = require "test_values"
local error, getmetatable, ipairs, pcall, print, setmetatable = error, getmetatable, ipairs, pcall, print, setmetatable
local string, table, tonumber, tostring, type, xpcall = string, table, tonumber, tostring, type, xpcall

local options = runner.options
local LIMIT = 60 -- seconds a test may take where no `kalua test` watches it

local t = asserts.t

-- ---- what a failure was ----

local Pending = {} -- metatable of what pending() raises in a test

---The places of a stack as text, one below the other; those that are the same only once.
local function calls_of(places)
  local lines, last = {}, nil
  for i = 2, #places do
    local line = places[i].file .. ":" .. places[i].line
    if line ~= last then lines[#lines + 1] = line end
    last = line
  end
  return #lines > 0 and table.concat(lines, "\n") or nil
end

---Bytes that would end a text early in C are shown.
local function plain(text) return (text:gsub("\0", "\\0")) end

---For xpcall: what is to be told of an error, while its stack is there.
local function report(err)
  if getmetatable(err) == Pending then return { outcome = "pending", message = err.why } end
  local places = asserts.is_failure(err) and err.places or runner.places()
  local place = places[1]
  local out = { outcome = "failed", places = places, calls = calls_of(places), error = err }
  if asserts.is_failure(err) then
    out.message, out.detail = err.message, err.detail
  else
    out.message = type(err) == "table" and not getmetatable(err) and values.show(err) or tostring(err)
  end
  if place then
    out.file, out.line = place.file, place.line
    local prefix = place.file .. ":" .. place.line .. ": "
    if out.message:sub(1, #prefix) == prefix then out.message = out.message:sub(#prefix + 1) end
  end
  out.message = plain(out.message)
  local first, rest = out.message:match "^([^\n]*)\n(.*)$"
  if first then
    out.message, out.detail = first, rest .. (out.detail and "\n" .. out.detail or "")
  end
  return out
end

-- ---- one test ----

local unawaited = 0

---So many tasks of this test fail without being awaited.
function t.unawaited(n) unawaited = n end

---Calls the functions around the test and itself. Nil, or a report.
local function perform(fn, before, after)
  local ok, result = xpcall(function()
    for _, hook in ipairs(before) do hook(t) end
    fn(t)
  end, report)
  for _, hook in ipairs(after) do
    local fine, why = xpcall(hook, report, t)
    if not fine and ok then ok, result = false, why end
  end
  return not ok and result or nil
end

---The market and the scripts of the test go with it.
local function put_away(result)
  local market = asserts.market()
  if not market then return result end
  if result then
    for _, line in ipairs(market.said()) do print(line) end
  end
  local ok, why = xpcall(market.finish, report)
  if ok and why then why = { outcome = "failed", message = why } end
  return result or why
end

---Runs a test in a task of its own. Nil, or a report.
local function attempt(fn, before, after)
  unawaited = 0
  local stats = kalua.stats()
  local running = task.spawn(perform, fn, before, after)
  local fine, result
  if options then
    runner.limit(running)
    fine, result = pcall(running.await, running)
    if runner.over() then
      local where = fine and result or {}
      result = { outcome = "failed", message = string.format("took longer than %g s", options.limit), file = where.file,
        line = where.line, calls = where.calls }
      fine = true
    end
  else
    fine, result = pcall(task.timeout, LIMIT, running.await, running)
  end
  if not fine then -- it was broken, as for running too long without waiting, and no handler saw that
    result = { outcome = "failed", message = plain(tostring(result)) }
  end
  result = put_away(result)
  if result then return result end
  task.yield() -- what ended just now is gone after this
  local now = kalua.stats()
  local left, errors = now.tasks - stats.tasks, now.errors - stats.errors
  if left > 0 then return { outcome = "failed", message = "tasks left running: " .. left } end
  if errors ~= unawaited then
    return { outcome = "failed", message = "tasks that failed and nobody awaited: " .. errors .. ", not " .. unawaited }
  end
end

-- ---- reporting ----

local passed, failed = 0, 0
local enough, stopped, running = false, false, false

---Without `kalua test`: a line for each.
local function print_result(name, result)
  if not result then
    passed = passed + 1
    print("ok      " .. name)
  elseif result.outcome == "pending" then
    print("pending " .. name)
  else
    failed = failed + 1
    local text = (result.file and result.file .. ":" .. result.line .. ": " or "") .. result.message ..
      (result.detail and "\n" .. result.detail or "") .. (result.calls and "\ncalled from " .. result.calls or "")
    print("not ok  " .. name .. "\n        " .. text:gsub("\n", "\n        "))
  end
end

local function full_name(group, name) return group == "" and name or group .. " " .. name end

local function wanted(group, name)
  local filter = options and options.filter
  if enough or stopped then return false end
  if not filter then return true end
  local full = full_name(group, name)
  if full:find(filter, 1, true) then return true end
  local ok, at = pcall(string.find, full, filter)
  return ok and at ~= nil
end

---Where it failed: as the message begins, or where the test stands.
local function place_in(message, place)
  local file, line, rest = message:match "^([^\n:]+%.lua):(%d+): (.*)"
  if file then return file, tonumber(line), rest end
  return place.file, place.line, message
end

local function tell(result) if not runner.ended(result) then enough = true end end

local function run(item)
  local group, name, place = item.group, item.name, item.place or {}
  if not wanted(group, name) then return end
  if options and options.list then
    return tell{ outcome = "listed", group = group, name = name, file = place.file, line = place.line }
  end
  if options then runner.began(group, name) end
  local result
  running = true
  if item.pending then
    result = { outcome = "pending", file = place.file, line = place.line }
  else
    result = attempt(item.fn, item.before, item.after)
  end
  running = false
  if stopped then return end -- with the script, in the middle of it
  if not options then return print_result(full_name(group, name), result) end
  result = result or { outcome = "passed" }
  result.group, result.name = group, name
  if result.outcome == "failed" and not result.file then
    result.file, result.line, result.message = place_in(result.message, place)
  end
  tell(result)
end

-- ---- describe ----

local function new_block(group, parent)
  return { group = group, parent = parent, items = {}, before = {}, after = {} }
end
local root = new_block("", nil)
local block = root

local function check(name, text, fn, optional)
  if type(text) ~= "string" or not text:find "%S" then
    local what = type(text) == "string" and "an empty text" or type(text)
    error(name .. ": argument 1 must be the name, not " .. what, 3)
  end
  if type(fn) ~= "function" and not (optional and fn == nil) then
    error(name .. ": argument 2 must be a function, not " .. type(fn), 3)
  end
  if running then error(name .. ": not inside of a test", 3) end
end

---A test of a block, or of the file.
local function add(name, fn)
  local item = { name = plain(name), fn = fn, pending = fn == nil, group = block.group, place = runner.places()[1] }
  block.items[#block.items + 1] = item
  return item
end

---Tests that belong together under a name. `fn` is called at once, its tests run once the file is through.
local function describe(name, fn)
  check("describe", name, fn)
  if not options then error("describe: `kalua test` runs such files, `kalua run` does not", 2) end
  local outer = block
  block = new_block(full_name(outer.group, plain(name)), outer)
  outer.items[#outer.items + 1] = block
  local ok, result = xpcall(fn, report)
  if not ok then
    result.group, result.name = outer.group, plain(name)
    block.broken = result
  end
  block = outer
end

---A test of the block around it.
local function it(name, fn)
  check("it", name, fn)
  if not options then error("it: `kalua test` runs such files, `kalua run` does not", 2) end
  add(name, fn)
end

local function hook(name, list)
  return function(fn)
    if type(fn) ~= "function" then error(name .. ": argument 1 must be a function, not " .. type(fn), 2) end
    if running then error(name .. ": not inside of a test", 2) end
    table.insert(block[list], fn)
  end
end

---A test that is still to be written: it is named, not run. In a test: ends it as such a one.
local function pending(name)
  if running then error(setmetatable({ why = name and tostring(name) }, Pending), 0) end
  check("pending", name, nil, true)
  add(name, nil)
end

---Numbers from 0 on below n; the script's own are not touched.
local seed
local function random(n)
  seed = seed * 6364136223846793005 + 1442695040888963407
  return (seed >> 33) % n
end

local function shuffle(items)
  for i = #items, 2, -1 do
    local k = random(i) + 1
    items[i], items[k] = items[k], items[i]
  end
end

local function around(b)
  local before, after = {}, {}
  local chain = {}
  while b do
    table.insert(chain, 1, b)
    b = b.parent
  end
  for _, each in ipairs(chain) do
    for _, fn in ipairs(each.before) do before[#before + 1] = fn end
  end
  for i = #chain, 1, -1 do
    for _, fn in ipairs(chain[i].after) do after[#after + 1] = fn end
  end
  return before, after
end

local function run_block(b)
  local before, after = around(b)
  if seed then shuffle(b.items) end
  for _, item in ipairs(b.items) do
    if item.items then
      run_block(item)
    else
      item.before, item.after = before, after
      run(item)
    end
  end
  if b.broken and not enough and not stopped then tell(b.broken) end
end

-- ---- the module ----

local test = { describe = describe, it = it, pending = pending }
test.before_each = hook("before_each", "before")
test.after_each = hook("after_each", "after")

---A test, here and now; in a describe block the same as it().
function test.run(name, fn)
  check("test", name, fn)
  if block ~= root then return add(name, fn) end
  run{ name = plain(name), fn = fn, group = "", before = root.before, after = root.after, place = runner.places()[1] }
end

kalua.on_stop(function(reason)
  if options then
    stopped = true
    return
  end
  print(passed .. " passed, " .. failed .. " failed" .. (reason == "error" and ", and the script itself failed" or ""))
  if failed > 0 then error(failed == 1 and "a test failed" or failed .. " tests failed", 0) end
end)

setmetatable(test, { __call = function(_, name, fn)
  check("test", name, fn)
  return test.run(name, fn)
end })

---For `kalua test`: runs the file, then its blocks. What goes wrong outside of tests is told as of the file.
local function run_file(chunk)
  local ok, result = xpcall(chunk, report)
  if stopped then return end
  if not ok then tell(result) end
  seed = options.seed
  run_block(root)
  if not stopped then runner.finished() end
end

return { test = test, run_file = run_file }
