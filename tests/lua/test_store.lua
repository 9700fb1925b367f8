-- store: what a script sees of it. In memory here; files, two processes and kills: tests/unit/test_store.c and
-- tests/integration/store.test.mjs.
local json = require "json"
local store = require "store"
local task = require "task"
local test = require "test"

local function refused(t, code, part, fn, ...)
  local args = table.pack(...)
  local e = t.raises(function() fn(table.unpack(args, 1, args.n)) end)
  t.eq({ e.code, e.message:find(part, 1, true) and part or e.message }, { code, part })
end

test("values come back exactly as they were", function(t)
  local values = {
    0, 1, -1, math.maxinteger, math.mininteger, 0.1, 1.0, -0.0, 1e300, 5e-324, 1 / 0, -1 / 0, "", "x\0y", true, false,
    ("long"):rep(1000), json.null,
  }
  for i, v in ipairs(values) do
    t.eq(store.set("v", v), true)
    local w = store.get "v"
    t.eq({ i, math.type(w), w == v, tostring(w) }, { i, math.type(v), true, tostring(v) })
  end
  store.set("v", 0 / 0)
  local nan = store.get "v"
  t.eq(nan ~= nan, true)
  local deep = { 1, 2.0, [3.5] = { "x" }, [true] = false }
  deep.self = deep
  store.set("v", deep)
  local copy = store.get "v"
  t.eq({ math.type(copy[2]), copy[3.5][1], copy[true] }, { "float", "x", false })
  t.eq({ copy.self == copy, copy ~= deep }, { true, true })
end)

test("a test begins with nothing in the store", function(t)
  t.eq({ store.get "v", #store.keys() }, { nil, 0 })
  t.eq(store.info().keys, 0)
end)

test("get, set, delete and what is there in their place", function(t)
  t.eq({ store.get("a", "none"), store.delete "a" }, { "none", false })
  store.set("a", false)
  t.eq(store.get("a", "none"), false)
  t.eq({ store.delete "a", store.get "a" }, { true, nil })
end)

test("add keeps integers integers, and is refused where it would not be right", function(t)
  t.eq({ store.add("n", 1), store.add("n", -3), store.add("n", 0) }, { 1, -2, -2 })
  t.eq(math.type(store.get "n"), "integer")
  t.eq({ store.add("n", 0.5), math.type(store.get "n") }, { -1.5, "float" })
  store.set("n", math.maxinteger)
  refused(t, "store_overflow", "more than an integer holds", store.add, "n", 1)
  t.eq(store.get "n", math.maxinteger)
  store.set("n", "text")
  refused(t, "store_no_number", "is no number", store.add, "n", 1)
  refused(t, "wrong_type", "argument 2", store.add, "n", "1")
end)

test("many tasks add and update, and none is lost", function(t)
  local tasks = {}
  for i = 1, 50 do
    tasks[i] = task.spawn(function()
      store.add("added", 2)
      store.update("list", function(list)
        list = list or {}
        list[#list + 1] = i
        return list
      end)
    end)
  end
  for _, x in ipairs(tasks) do x:await() end
  t.eq(store.get "added", 100)
  local list, sum = store.get "list", 0
  for _, i in ipairs(list) do sum = sum + i end
  t.eq({ #list, sum }, { 50, 1275 })
end)

test("a task that is cancelled while its turn has not come stops nobody", function(t)
  local tasks = {}
  for i = 1, 10 do
    tasks[i] = task.spawn(function() store.update("n", function(n) return (n or 0) + 1 end) end)
  end
  task.yield()
  for i = 1, 9, 2 do tasks[i]:cancel() end
  for i = 2, 10, 2 do tasks[i]:await() end
  local n = store.get "n"
  t.eq(n >= 5 and n <= 10, true)
  t.eq(store.update("n", function() return nil end), nil)
  t.eq(store.get "n", nil)
end)

test("the function of update may not wait, and its error is the call's", function(t)
  t.raises(function() store.update("n", function() task.sleep(0) end) end)
  local e = t.raises(function() store.update("n", function() error{ kind = "mine" } end) end)
  t.eq({ e.kind, store.update("n", function(v) return v == nil and 7 or v end) }, { "mine", 7 })
end)

test("keys and values in the order of bytes, page by page", function(t)
  store.batch(function(b)
    for i = 2500, 1, -1 do b.set(("k:%05d"):format(i), i) end
    b.set("k", "before")
    b.set("k;", "behind")
    b.set("\255\255", "last")
  end)
  local n, sorted, before = 0, true, ""
  for key, value in store.each "k:" do
    n = n + 1
    sorted = sorted and key > before and value == n
    before = key
  end
  t.eq({ n, sorted }, { 2500, true })
  t.eq(store.keys("k:", 2), { "k:00001", "k:00002" })
  t.eq({ #store.keys "k:", #store.keys() }, { 2500, 2503 })
  t.eq(store.keys "\255", { "\255\255" })
  t.eq({ store.each()() }, { "k", "before" })
  t.eq(store.keys "none", {})
  for _ in store.each "none" do t.eq(true, false) end
end)

test("a list has its newest items, and only as many as are kept", function(t)
  t.eq({ store.last "l", store.last("l", 3) }, { nil, [2] = {} })
  for i = 1, 5 do t.eq(store.append("l", { i }), i) end
  t.eq({ store.last("l")[1], #store.last("l", 100) }, { 5, 5 })
  t.eq(store.last("l", 2), { { 4 }, { 5 } })
  t.eq(store.append("l", { 6 }, 2), 6)
  t.eq(store.last("l", 100), { { 5 }, { 6 } })
  store.set("l", "a key of the same name")
  store.append("m", 1)
  t.eq({ store.lists(), store.lists "m", store.lists("", 1) }, { { "l", "m" }, { "m" }, { "l" } })
  t.eq({ store.clear "l", store.clear "l", store.get "l" }, { 2, 0, "a key of the same name" })
end)

test("a batch is done whole or not at all", function(t)
  t.eq(store.batch{ a = 1 }, { true })
  t.eq(store.batch(function(b)
    b.set("a", 2)
    b.add("a", 3)
    b.delete "none"
    b.append("l", "x")
    b.clear "l"
  end), { true, 5, false, 1, 1 })
  t.eq(store.batch{}, {})
  store.set("text", "x")
  refused(t, "store_no_number", "no number", store.batch, function(b)
    b.set("a", 100)
    b.add("text", 1)
  end)
  local late
  t.raises(function()
    store.batch(function(b)
      late = b
      b.set("a", 100)
      error "not so"
    end)
  end)
  t.eq(store.get "a", 5)
  refused(t, "malformed_value", "keys of the table", store.batch, { "x" })
  refused(t, "wrong_type", "a function or a table", store.batch, 1)
  store.batch(function(b) late = b end)
  refused(t, "handle_closed", "this batch is over", late.set, "a", 1)
end)

test("what is wrong in a call is said, and what is too much refused", function(t)
  refused(t, "malformed_value", "1 to 512 bytes", store.get, "")
  refused(t, "malformed_value", "1 to 512 bytes", store.set, ("k"):rep(513), 1)
  refused(t, "missing_parameter", "store.delete removes a key", store.set, "a")
  refused(t, "wrong_type", "with a dot", store.get, store, "a")
  refused(t, "not_plain_data", "store.set: the value.f: a function", store.set, "a", { f = print })
  refused(t, "store_too_big", "may have 1048576", store.set, "a", ("x"):rep(1 << 20))
  refused(t, "wrong_type", "1 to 1,000,000", store.last, "a", 0)
  refused(t, "wrong_type", "how many items", store.append, "a", 1, 1.5)
  t.eq(store.set("a", ("x"):rep((1 << 20) - 100)), true)
end)

test("a shared store is another one, whatever its name", function(t)
  local kalua = require "kalua"
  local one, again, other = store.open "one", store.open "one", store.open(kalua.name)
  one.set("a", 1)
  t.eq({ again.get "a", other.get "a", store.get "a" }, { 1, nil, nil })
  refused(t, "malformed_value", "1 to 100 bytes", store.open, "")
end)

test("the script's other tasks go on while one waits for the store", function(t)
  local turns = 0
  local other = task.spawn(function()
    while true do
      turns = turns + 1
      task.yield()
    end
  end)
  for i = 1, 20 do store.set("a", i) end
  other:cancel()
  t.eq(turns > 20, true)
end)
