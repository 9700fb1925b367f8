-- Files, variables, programs: what a flag gives, and that it gives no more.

--# nothing_without_a_flag
for _, f in ipairs{ io.open, io.lines, loadfile, dofile, os.remove } do denied("--allow-fs", f, "/etc/passwd") end denied("--allow-fs", os.rename, "a", "b")
denied("--allow-run", os.execute, "id") denied("--allow-run", io.popen, "id") denied("--allow-env", os.getenv, "HOME")
--# what_no_flag_gives | allow: all
denied("no flag", os.exit) denied("no flag", os.setlocale, "C") denied("no flag", io.read) denied("no flag", io.write, "x") denied("no flag", io.input, "/etc/passwd") denied("no flag", io.output, home .. "/x")
for _, name in ipairs{ "stdin", "stdout", "stderr" } do denied("no flag", function() return io[name] end) end
--# io_table_filled_by_the_script
io.stdout = "mine" assert(io.stdout == "mine") rawset(io, "stdin", 1)
--# below_data_only | allow: fs
for _, p in ipairs{ "/etc/passwd", home .. "/outside.txt", home .. "/key.pem", home .. "/data/../outside.txt", home .. "/data/sub/../../outside.txt", home .. "/database", "outside.txt", "../outside.txt", "/", "//etc//passwd", home, home .. "/data/./../outside.txt", "/etc/nothing", "/proc/self/environ", "/dev/null", home .. "/data\0/../../outside.txt" == "" } do
  if p then denied("--allow-fs", io.open, p) denied("--allow-fs", io.open, p, "w") denied("--allow-fs", io.lines, p) denied("--allow-fs", os.remove, p) denied("--allow-fs", loadfile, p) end
end
--# links_out_of_data | allow: fs
denied("--allow-fs", io.open, home .. "/data/link_out") denied("--allow-fs", io.open, home .. "/data/link_out", "w") denied("--allow-fs", io.open, home .. "/data/root/etc/passwd") denied("--allow-fs", io.open, home .. "/data/root" .. home .. "/outside.txt", "a")
--# links_to_data_from_elsewhere | allow: fs
assert(io.open(home .. "/data/root" .. home .. "/data/plain.txt"):read "a" == "plain\n")
--# dangling_links_and_rings | allow: fs
local f, err = io.open(home .. "/data/dangling", "w") assert(not f and err:find "not there") assert(not io.open(home .. "/data/dangling")) assert(not io.open(home .. "/data/loop")) assert(not io.open(home .. "/data/loop", "w"))
--# a_link_is_removed_and_not_its_target | allow: fs
assert(os.remove(home .. "/data/link_out")) denied("--allow-fs", io.open, home .. "/outside.txt")
--# a_file_moved_out_of_data | allow: fs
denied("--allow-fs", os.rename, home .. "/data/plain.txt", home .. "/moved.txt") denied("--allow-fs", os.rename, home .. "/outside.txt", home .. "/data/in.txt") denied("--allow-fs", os.rename, home .. "/data/plain.txt", home .. "/data/root/tmp/x") denied("--allow-fs", os.rename, home .. "/data/plain.txt", home .. "/data/../x")
--# a_link_moved_to_where_it_leads_out | allow: fs
assert(os.rename(home .. "/data/link_out", home .. "/data/sub/link_out")) pcall(io.open, home .. "/data/sub/link_out") os.remove(home .. "/data/sub/link_out")
--# data_itself_moved | allow: fs
pcall(os.rename, home .. "/data", home .. "/data2") denied("--allow-fs", os.rename, home .. "/data", home .. "/elsewhere")
--# dot_names_removed_and_moved | allow: fs
for _, p in ipairs{ "/data/.", "/data/sub/..", "/data/sub/." } do assert(not os.remove(home .. p)) assert(not os.rename(home .. p, home .. "/data/x")) end assert(not os.remove(home .. "/data/.."))
--# folder_removed | allow: fs
local ok, err = os.remove(home .. "/data") assert(not ok) assert(not io.open(home .. "/data/sub")) assert(not io.open(home .. "/data/sub", "w"))
--# pipes_devices_and_folders_are_not_opened | allow: fs
for _, m in ipairs{ "r", "w", "a", "r+" } do local f, err = io.open(home .. "/data/pipe", m) assert(not f and err:find "not a regular file") assert(not io.open(home .. "/data", m)) end
--# devices_with_all | allow: all
for _, p in ipairs{ "/dev/zero", "/dev/null", "/dev/tty", "/dev/random", "/dev/ptmx", "/dev/full" } do assert(not io.open(p)) assert(not io.open(p, "w")) end
--# proc_with_all | allow: all
for _, p in ipairs{ "self/environ", "self/maps", "self/mem", "self/cmdline", "self/auxv", "thread-self/environ", "self/task/../environ", "1/environ", "self/smaps", "self/stack", "self/syscall", "self/pagemap", "self/oom_score_adj", "self/comm", "kcore", "kallsyms", "sysrq-trigger", "sys/kernel/core_pattern" } do
  for _, mode in ipairs{ "r", "w", "r+", "a" } do local ok, f = pcall(io.open, "/proc/" .. p, mode) assert(not ok or not f, p) end
end
--# proc_by_links_of_it | allow: all
for _, p in ipairs{ "/proc/self/root/proc/self/environ", "/proc/self/cwd/../../../../../proc/self/environ", home .. "/data/root/proc/self/environ", "/proc/self/task/self/environ", "/dev/fd/../environ" } do local ok, f = pcall(io.open, p) assert(not ok or not f, p) end
--# proc_that_is_harmless | allow: all
assert(io.open "/proc/self/status":read "l") assert(io.open "/proc/uptime") denied("no flag", io.open, "/proc/self/status", "w")
--# the_key_with_all | allow: all
for _, p in ipairs{ "/key.pem", "/data/../key.pem", "/data/link_to_key", "/data/hard_link_to_key", "/link_to_key.lua", "/data/root" .. home .. "/key.pem", "//key.pem", "/./key.pem" } do
  for _, mode in ipairs{ "r", "rb", "w", "a", "r+", "w+", "a+" } do denied("private key", io.open, home .. p, mode) end
  denied("private key", io.lines, home .. p) denied("private key", loadfile, home .. p) denied("private key", dofile, home .. p)
end
--# the_key_below_an_allowed_folder | allow: folder
denied("private key", io.open, home .. "/key.pem") denied("private key", io.open, home .. "/data/hard_link_to_key") denied("private key", os.remove, home .. "/key.pem") denied("private key", os.rename, home .. "/key.pem", home .. "/x") denied("private key", os.rename, home .. "/outside.txt", home .. "/key.pem") denied("private key", os.rename, home .. "/data/plain.txt", home .. "/data/hard_link_to_key")
--# the_key_in_a_moved_folder | allow: folder
assert(os.rename(home .. "/data", home .. "/moved")) denied("private key", io.open, home .. "/moved/hard_link_to_key") assert(os.rename(home .. "/moved", home .. "/data"))
--# the_key_by_descriptors | allow: all
for i = 0, 40 do local ok, f = pcall(io.open, "/proc/self/fd/" .. i) if ok and f then local text = f:read "a" f:close() end end
--# the_keys_variables | allow: all
denied("no flag", os.getenv, "KALSHI_PRIVATE_KEY") denied("no flag", os.getenv, "KALSHI_PRIVATE_KEY_PATH") assert(os.getenv "NOTHING_OF_THE_KIND" == nil)
--# the_keys_variables_allowed_by_name | allow: env
denied("no flag", os.getenv, "KALSHI_PRIVATE_KEY") denied("no flag", os.getenv, "KALSHI_PRIVATE_KEY_PATH") denied("--allow-env KALUA_TEST_OTHER", os.getenv, "KALUA_TEST_OTHER") assert(os.getenv "KALUA_TEST_ALLOWED" == "a variable")
--# variables_with_odd_names | allow: env
for _, n in ipairs{ "", "=", "KALUA_TEST_ALLOWED=", "KALUA_TEST_ALLOWED\0", "KALUA_TEST_ALLOWED\0OTHER", "kalua_test_allowed", ("x"):rep(100000) } do denied("", os.getenv, n) end
--# the_keys_variables_in_programs | allow: run
print(io.popen("echo $KALSHI_PRIVATE_KEY $KALSHI_PRIVATE_KEY_PATH; env | grep KALSHI; tr '\\0' '\\n' </proc/self/environ | grep KALSHI"):read "a")
assert(io.popen "echo $KALUA_TEST_ALLOWED":read "l" == "a variable")
--# the_environment_of_this_process_from_a_program | allow: run
-- Only root may look into a process that forbids it; kalua does so at its start.
local out = io.popen "echo $PPID":read "l" assert(tonumber(out))
--# descriptors_in_programs | allow: run
local n = 0 for line in io.popen "ls /proc/self/fd":lines() do n = n + 1 assert(tonumber(line) <= 3) end assert(n == 4)
--# standard_input_of_programs | allow: run
assert(io.popen "cat":read "a" == "" and os.execute "test ! -t 0")
--# terminal_of_programs | allow: run
assert(not os.execute "(exec </dev/tty) 2>/dev/null")
--# programs_that_never_end | allow: run
local task = require "task"
denied("timeout", task.timeout, 0.05, os.execute, "sleep 100") denied("timeout", task.timeout, 0.05, function() return io.popen "sleep 100":read "a" end) io.popen("sleep 100", "w")
--# programs_that_stay_after_the_script | allow: run | fails: over
io.popen "sleep 1000" io.popen("sleep 1000; sleep 1000", "w") require "task".spawn(os.execute, "sleep 1000") require "task".sleep(0.01) error("over", 0)
--# programs_without_number | allow: run
local t = {} for i = 1, 20 do local f, err, code = io.popen "sleep 1000" if not f then assert(i == 17 and err:find "unavailable", err) break end t[i] = f end assert(#t == 16)
--# programs_that_flood | allow: run | fails: not enough memory | mem: 8
io.popen "cat /dev/zero":read "a"
--# programs_that_flood_lines | allow: run | fails: not enough memory | mem: 8
io.popen "cat /dev/zero":read "l"
--# programs_with_odd_formats | allow: run
local f = io.popen "echo 12 0x10 1e5 - x" for _, v in ipairs{ "x", "*", "", -1, 1.5, {}, print } do denied("", f.read, f, v) end
assert(f:read "n" == 12 and f:read "n" == 16 and f:read "n" == 1e5 and f:read "n" == nil)
--# programs_by_two_readers | allow: run
local task = require "task" local f = io.popen "sleep 100"
local t = task.spawn(f.read, f) task.yield() denied("another task", f.read, f) t:cancel() pcall(t.await, t)
--# programs_closed_while_somebody_reads | allow: run
local task = require "task" local f = io.popen "sleep 0.2"
local t = task.spawn(f.read, f) task.yield() f:close() denied("closed file", t.await, t) denied("closed file", f.read, f) denied("closed file", f.close, f)
--# programs_that_do_not_read | allow: run
local f = io.popen("sleep 0.05; exit 3", "w") local ok, err = f:write(("x"):rep(1 << 17)) local r, what, code = f:close() assert(code == 3)
--# programs_that_are_gone | allow: run
local f = io.popen("exit 0", "w") require "task".sleep(0.05) f:write "x" require "task".sleep(0.02) local ok, err = f:write "y" f:close()
--# programs_started_where_nothing_can_wait | allow: run
denied("cannot wait", table.sort, { 2, 1 }, function() os.execute "true" end) denied("cannot wait", string.gsub, "x", ".", function() io.popen "true" end)
--# commands_with_zero_bytes | allow: run
denied("zero byte", os.execute, "true\0rm") denied("zero byte", io.popen, "\0") denied("invalid mode", io.popen, "true", "rw") denied("", os.execute, {})
--# paths_with_zero_bytes | allow: fs
for _, f in ipairs{ io.open, io.lines, loadfile, dofile, os.remove } do denied("zero byte", f, home .. "/data/plain.txt\0.lua") end denied("zero byte", os.rename, home .. "/data/plain.txt", home .. "/data/x\0y")
--# paths_that_are_odd | allow: fs
for _, p in ipairs{ "", {}, print } do denied("", io.open, p) end assert(not io.open(home .. "/data/" .. ("x"):rep(300), "w")) denied("", io.open, ("x/"):rep(5000)) denied("", io.open, home .. "/data/" .. ("./"):rep(3000) .. "x") assert(not io.open(home .. "/data/plain.txt/x"))
--# modes_that_are_odd | allow: fs
for _, m in ipairs{ "", "x", "rw", "r+w", "wx", "re", "r,ccs=utf-8", "rm", "rbb+" } do denied("invalid mode", io.open, home .. "/data/plain.txt", m) end
--# files_without_number | allow: fs
local t = {} for i = 1, 300 do local f, err = io.open(home .. "/data/plain.txt") if not f then assert(i == 257 and err:find "256 files", err) break end t[i] = f end assert(#t == 256) for _, f in ipairs(t) do f:close() end assert(io.open(home .. "/data/plain.txt"))
--# files_forgotten | allow: fs
for i = 1, 2000 do assert(io.open(home .. "/data/plain.txt")) end
--# lines_not_finished | allow: fs
for i = 1, 600 do for _ in io.lines(home .. "/data/plain.txt") do break end end
--# files_used_when_closed | allow: fs
local f = io.open(home .. "/data/plain.txt") f:close() for _, m in ipairs{ "read", "write", "close", "seek", "lines", "flush", "setvbuf" } do denied("closed file", f[m], f) end assert(io.type(f) == "closed file")
--# files_read_in_odd_ways | allow: fs
local f = io.open(home .. "/data/plain.txt") for _, v in ipairs{ "x", "", -1, 1 << 62, {}, print } do pcall(f.read, f, v) end pcall(f.seek, f, "set", -1) pcall(f.seek, f, "cur", math.mininteger) pcall(f.setvbuf, f, "full", math.maxinteger) pcall(f.lines, f, table.unpack({}, 1, 251))
--# files_only_to_read | allow: ro
assert(io.open(home .. "/data/plain.txt"):read "a" == "plain\n") for _, m in ipairs{ "w", "a", "r+", "w+", "a+" } do denied("may only read", io.open, home .. "/data/plain.txt", m) denied("may only read", io.open, home .. "/data/new.txt", m == "r+" and "w" or m) end denied("may only read", os.remove, home .. "/data/plain.txt") denied("may only read", os.rename, home .. "/data/plain.txt", home .. "/data/x")
--# temporary_files | allow: all
local n = os.tmpname() assert(n:find "^/tmp/lua_") assert(os.remove(n)) local f = io.tmpfile() f:write "x" f:close()
--# temporary_files_without_tmp | allow: fs
denied("--allow-fs /tmp", os.tmpname) denied("--allow-fs /tmp", io.tmpfile)
--# loadfile_in_an_environment | allow: fs
local f = io.open(home .. "/data/c.lua", "w") f:write "#!/usr/bin/lua\nx = 1 return _ENV" f:close() local env = {} assert(loadfile(home .. "/data/c.lua", "t", env)() == env and env.x == 1 and x == nil and dofile(home .. "/data/c.lua") == _G and x == 1)
--# huge_file_read_at_once | allow: fs | fails: not enough memory | mem: 8
local f = io.open(home .. "/data/huge", "w") f:seek("set", 1 << 33) f:write "x" f:close() f = io.open(home .. "/data/huge") os.remove(home .. "/data/huge") f:read "a"
--# huge_file_loaded | allow: fs | fails: not enough memory | mem: 8
local f = io.open(home .. "/data/huge", "w") f:seek("set", 1 << 33) f:write "x" f:close() loadfile(home .. "/data/huge")

--# the stores of scripts, by every way to them, are closed with all that is above them | allow: folder
local kept = home .. "/stores/kept"
for _, path in ipairs{ kept .. "/other.db", kept .. "/../kept/other.db", kept .. "/new.db-wal" } do
  denied("data of this program", io.open, path, "w")
end
denied("data of this program", io.open, kept .. "/other.db")
denied("data of this program", io.lines, kept .. "/other.db")
denied("data of this program", loadfile, kept .. "/other.db")
denied("data of this program", os.remove, kept .. "/other.db")
denied("data of this program", os.rename, kept .. "/other.db", home .. "/mine")
denied("data of this program", os.rename, kept, home .. "/mine")
denied("data of this program", os.rename, home .. "/stores", home .. "/mine")
denied("data of this program", os.rename, home .. "/data/plain.txt", kept .. "/other.db")

--# a store of a name that would lead elsewhere stays where stores are, and a script has that of its own name alone
local store = require "store"
for _, name in ipairs{ "../../key.pem", "/etc/passwd", ".", "..", "a/b", "main" } do
  local s = store.open(name)
  assert(s.get "secret" == nil and s.set("secret", name) and s.get "secret" == name)
end
assert(store.get "secret" == nil)
denied("zero", store.open, "a\0b")

--# values in a store are copies, and cannot bring metatables or functions
local store = require "store"
denied("metatable", store.set, "a", setmetatable({}, { __index = _G }))
denied("function", store.set, "a", { print })
denied("coroutine", store.set, "a", { coroutine.create(print) })
local t = { {} } store.set("a", t) t[1].x = 1 assert(store.get "a"[1].x == nil)

--# functions of a batch that are kept, called late, called across tasks
local store, task = require "store", require "task"
local kept
store.batch(function(b) kept = b b.set("a", 1) end)
denied("batch is over", kept.set, "a", 2)
pcall(store.batch, function(b) kept = b error "x" end)
pcall(kept.set, "a", 3)
task.spawn(function() pcall(kept.delete, "a") end):await()
assert(store.get "a" == 1)

--# more than a store may hold is refused, whoever writes it and however many at once | cpu: 30000
local store, task = require "store", require "task"
local text, refused, tasks = ("x"):rep(1000000), nil, {}
for i = 1, 75 do
  tasks[i] = task.spawn(function()
    local ok, e = pcall(store.set, "k" .. i, text)
    refused = refused or not ok and e.kind .. " " .. e.code
  end)
end
for _, t in ipairs(tasks) do t:await() end
assert(refused == "limit store_full", tostring(refused))
assert(store.info().bytes <= store.info().most)
