-- Metatables: of strings, of basic types, of what the program lends; finalizers.

--# metatable_of_strings
assert(getmetatable("") == false and getmetatable(home) == false)
denied("attempt to index", function() getmetatable("").__index = {} end)
--# metatable_of_strings_set
denied("table expected", setmetatable, "", {})
--# metatable_of_basic_types
for _, v in ipairs{ 1, 1.5, true, print, coroutine.create(print) } do assert(getmetatable(v) == nil) end
assert(getmetatable(nil) == nil)
for _, v in ipairs{ 1, true, print, coroutine.create(print) } do denied("table expected", setmetatable, v, {}) end
--# string_functions_replaced_through_a_method
-- ("").format is string.format of this script only.
local s = string s.format = function() return "mine" end
assert(("%d"):format(1) == "mine")
--# metatables_of_userdata_are_hidden
local task, kalshi, ws, http = require "task", require "kalshi", require "ws", require "http"
local ch = task.channel(1)
local t = task.spawn(function() end)
for _, v in ipairs{ ch, t } do
  local mt = getmetatable(v)
  assert(type(mt) ~= "table", tostring(v))
  denied("table expected", setmetatable, v, {})
end
--# metatables_of_modules_are_hidden
for _, name in ipairs{ "kalshi", "task", "kalua", "json", "log", "http", "ws", "bus", "store", "metrics" } do
  local m = require(name)
  assert(type(getmetatable(m)) ~= "table", name)
end
local kalshi = require "kalshi"
assert(getmetatable(kalshi) == "kalshi" and getmetatable(kalshi.each) == "kalshi" and getmetatable(kalshi.legacy) == "kalshi")
--# metatable_of_a_module_set
denied("protected", setmetatable, require "kalshi", {})
denied("protected", setmetatable, require "kalshi".each, nil)
--# metatable_of_error_objects_is_hidden
local ok, err = pcall(os.execute, "x")
assert(getmetatable(err) == "kalua.error")
denied("protected", setmetatable, err, { __tostring = print })
--# error_object_changed_changes_no_other
local _, a = pcall(os.execute, "x")
a.kind, a.message = "mine", nil
local _, b = pcall(os.execute, "x")
assert(b.kind == "permission" and tostring(a) == "mine: unknown")
--# error_object_of_rawset_type
local _, a = pcall(os.execute, "x")
rawset(a, "kind", {}) rawset(a, "message", 5)
assert(tostring(a) == "error: unknown")
--# error_object_emptied | fails: error: unknown
local _, a = pcall(os.execute, "x")
for k in pairs(a) do a[k] = nil end
error(a)
--# metatable_of_json_null
local json = require "json"
assert(type(getmetatable(json.null)) ~= "table")
--# metatable_of_json_empty_array
local json = require "json"
assert(type(getmetatable(json.empty_array)) ~= "table")
assert(json.encode(json.empty_array) == "[]")
pcall(function() json.empty_array[1] = 1 end)
pcall(rawset, json.empty_array, 1, 1)
--# metatable_of_decoded_json
local json = require "json"
for _, text in ipairs{ "[]", "{}", "[1]", '{"a":[]}' } do
  local mt = getmetatable(json.decode(text))
  assert(mt == nil or type(mt) ~= "table", text)
end
--# finalizer_in_the_metatable_of_decoded_arrays
-- One that the program gives to tables itself: with __gc in it, the next such table would have had a finalizer.
local json = require "json"
local mt = getmetatable(json.decode "[]")
pcall(function() mt.__gc = function() print "ESCAPED" end end)
for i = 1, 1000 do json.decode "[]" end
for i = 1, 2e4 do local _ = { {} } end
--# decoded_arrays_take_another_metatable
local json = require "json"
local t = setmetatable(json.decode "[]", { __index = { x = 1 } })
assert(t.x == 1 and json.encode(json.decode "[]") == "[]")
--# metatable_of_files | allow: fs
local f = io.open(home .. "/data/plain.txt")
assert(getmetatable(f) == false)
denied("table expected", setmetatable, f, {})
--# metatable_of_programs | allow: run
local f = io.popen "true"
assert(getmetatable(f) == false)
denied("table expected", setmetatable, f, {})
f:close()
--# metatable_of_io
assert(getmetatable(io) == false)
denied("protected", setmetatable, io, nil)
--# methods_with_the_wrong_self | allow: fs
local task = require "task"
local t, ch = task.spawn(function() end), task.channel(1)
local f = io.open(home .. "/data/plain.txt")
for _, wrong in ipairs{ 1, "x", {}, print, f, io.popen and {} or 1, coroutine.create(print) } do
  assert(not pcall(t.cancel, wrong) and not pcall(t.await, wrong) and not pcall(t.status, wrong))
  assert(not pcall(ch.send, wrong) and not pcall(ch.recv, wrong) and not pcall(ch.close, wrong))
end
for _, wrong in ipairs{ 1, "x", {}, print, t, ch } do
  assert(not pcall(f.read, wrong) and not pcall(f.close, wrong) and not pcall(f.lines, wrong) and not pcall(f.write, wrong))
end
--# methods_without_self
local task = require "task"
local t, ch = task.spawn(function() end), task.channel(1)
for _, f in ipairs{ t.cancel, t.await, t.status, ch.send, ch.recv, ch.close } do assert(not pcall(f)) end
--# gc_by_setmetatable
denied("finalizers", setmetatable, {}, { __gc = function() print "ESCAPED" end })
--# gc_of_false
denied("finalizers", setmetatable, {}, { __gc = false })
--# gc_of_true
denied("finalizers", setmetatable, {}, { __gc = true })
--# gc_by_later_assignment
local mt = {} for i = 1, 100 do setmetatable({}, mt) end
mt.__gc = function() print "ESCAPED" end
for i = 1, 2e4 do local _ = { {} } end
--# gc_by_rawset
local mt = {} setmetatable({}, mt) rawset(mt, "__gc", function() print "ESCAPED" end)
for i = 1, 2e4 do local _ = { {} } end
--# gc_by_index_of_the_metatable
-- Lua looks for it raw; so does the check.
local mt = setmetatable({}, { __index = function(_, k) if k == "__gc" then return function() print "ESCAPED" end end end })
for i = 1, 100 do setmetatable({}, mt) end
for i = 1, 2e4 do local _ = { {} } end
--# gc_put_in_between_look_and_use
-- No step of setmetatable runs code of the script between its look at __gc and its use.
local mt = {}
setmetatable(mt, { __index = function(_, k) rawset(mt, "__gc", function() print "ESCAPED" end) end })
setmetatable({}, mt)
for i = 1, 2e4 do local _ = { {} } end
--# gc_put_in_by_metatable_field
-- __metatable of the present metatable is looked at after __gc of the new one.
local mt = {}
local old = setmetatable({}, { __index = function() mt.__gc = function() print "ESCAPED" end end })
pcall(setmetatable, old, mt)
for i = 1, 2e4 do local _ = { {} } end
--# gc_set_again_with_the_same_metatable
local mt = {} local t = setmetatable({}, mt)
mt.__gc = function() print "ESCAPED" end
denied("finalizers", setmetatable, t, mt)
--# gc_as_a_field_of_a_userdata_metatable
local ch = require "task".channel(1)
denied("index", function() getmetatable(ch).__gc = print end)
--# close_in_a_metatable_that_is_not_the_scripts
denied("protected", setmetatable, require "kalshi", { __close = print })
--# protected_metatable_by_the_script
local t = setmetatable({}, { __metatable = false })
assert(getmetatable(t) == false)
denied("protected", setmetatable, t, {})
--# metatable_field_of_nil_type
local t = setmetatable({}, { __metatable = nil })
assert(type(getmetatable(t)) == "table")
--# name_of_a_metatable_as_a_type
-- A table that calls itself a file is none.
local fake = setmetatable({}, { __name = "FILE*" })
assert(io.type(fake) == nil)
denied("table expected", function() return tostring(setmetatable(1, {})) end)
local ok, err = pcall(require "task".spawn(function() end).cancel, setmetatable({}, { __name = "task.Task" }))
assert(not ok)
--# tostring_that_gives_no_text
denied("must return a string", tostring, setmetatable({}, { __tostring = function() return {} end }))
denied("must return a string", print, setmetatable({}, { __tostring = function() return {} end }))
--# name_that_is_no_text
assert(tostring(setmetatable({}, { __name = {} })):find "table")
--# weak_tables_with_the_programs_objects
local task = require "task"
local weak = setmetatable({}, { __mode = "kv" })
for i = 1, 100 do weak[i] = task.channel(1) weak[task.channel(1)] = i end
for i = 1, 2e4 do local _ = { {} } end
--# mode_that_is_no_text
local t = setmetatable({}, { __mode = 5 }) t[1] = {} for i = 1, 1e4 do local _ = {} end
--# ephemerons_in_a_ring
local t = setmetatable({}, { __mode = "k" })
local k = {} for i = 1, 1000 do local n = {} t[k] = n k = n end
for i = 1, 2e4 do local _ = { {} } end
--# pairs_of_a_lying_metatable | fails: ran for | cpu: 300
for _ in pairs(setmetatable({}, { __pairs = function() return function() return 1 end end })) do end
--# index_chain_in_a_ring | fails: loop
local a, b = {}, {} setmetatable(a, { __index = b }) setmetatable(b, { __index = a })
local _ = a.x
--# newindex_chain_in_a_ring | fails: loop
local a, b = {}, {} setmetatable(a, { __newindex = b }) setmetatable(b, { __newindex = a })
a.x = 1
--# index_function_in_a_ring | fails: stack overflow
local t = setmetatable({}, { __index = function(t, k) return t[k] end })
local _ = t.x
--# index_of_itself_by_c_functions | fails: stack overflow
local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return select(2, pcall(function() return t[k] end)) .. "" end
local ok, err = pcall(function() return t.x end) error(ok and "stack overflow" or err, 0)
--# call_chain
local f = setmetatable({}, { __call = function(_, n) return n end })
for i = 1, 50 do f = setmetatable({}, { __call = f }) end
pcall(f, 1)
--# call_of_itself | fails: ran for | cpu: 300
-- The interpreter puts the value before its own arguments until the stack is full, for minutes, with no hook.
local t = {} setmetatable(t, { __call = t }) t()
--# call_of_itself_caught | fails: ran for | cpu: 300
local t = {} setmetatable(t, { __call = t }) while true do pcall(t) end
--# len_that_lies
local t = setmetatable({}, { __len = function() return 1 << 62 end })
denied("too many results", table.unpack, t)
denied("", table.concat, t)
--# len_that_is_no_number
denied("object length is not an integer", table.insert, setmetatable({}, { __len = function() return {} end }), 1)
--# len_that_loops | fails: ran for | cpu: 300
local _ = #setmetatable({}, { __len = function() while true do end end })
--# comparisons_that_lie_to_sort
for seed = 1, 50 do
  local t = {} for i = 1, 100 do t[i] = i end
  pcall(table.sort, t, function() return math.random(2) == 1 end)
  pcall(table.sort, t, function(a, b) return true end)
end
--# comparison_that_shrinks_what_is_sorted
local t = {} for i = 1, 200 do t[i] = i end
pcall(table.sort, t, function(a, b) for i = #t, 1, -1 do t[i] = nil end return a and b and a < b end)
--# comparison_that_grows_what_is_sorted
local t = {} for i = 1, 100 do t[i] = i end
pcall(table.sort, t, function(a, b) t[#t + 1] = 1 return a < b end)
--# equality_that_raises
local mt = { __eq = function() error "mine" end }
denied("mine", function() return setmetatable({}, mt) == setmetatable({}, mt) end)
--# concat_chain
local t = setmetatable({}, { __concat = function(a, b) return a end })
local s = t for i = 1, 1000 do s = s .. "x" end
--# index_during_next
local t = {} for i = 1, 100 do t[i] = i end
pcall(function() for k in pairs(t) do t[k + 1000] = 1 end end)
--# next_with_a_wrong_key
denied("invalid key to 'next'", next, {}, "x")
--# next_with_a_dead_key
local t = {} for i = 1, 100 do t[{}] = i end
local k = next(t)
for key in pairs(t) do t[key] = nil end
for i = 1, 1e4 do local _ = { {} } end
pcall(next, t, k)
--# rawset_of_nan
denied("NaN", rawset, {}, 0/0, 1)
--# rawset_of_nil
denied("nil", rawset, {}, nil, 1)
--# raw_functions_on_the_programs_objects
local ch = require "task".channel(1)
denied("table expected", rawget, ch, 1) denied("table expected", rawset, ch, 1, 1)
denied("table or string expected", rawlen, ch)
