-- The standard library of Lua as scripts have it, for `:help` and hints. Editors know it already, so these are no
-- declarations: a signature, then what it does, then the lines of an example behind ">", which the tests run.
return [==[
_VERSION
  The version of the language.
  > _VERSION

assert(value [, message]) -> value
  Raises message (any value) when value is nil or false; else returns all that it was given.
  > assert(tonumber "42", "not a number")

collectgarbage(what) -> kilobytes
  Only "count": the memory of this script in KiB. Everything else is not for scripts.
  > collectgarbage "count"

dofile(path) -> ...
  Runs a file. Needs --allow-fs for it. `require` is for modules.
  > -- needs --allow-fs /tmp
  > f = io.open("/tmp/half.lua", "w"); f:write "return 21"; f:close()
  > dofile "/tmp/half.lua"

error(err [, level])
  Raises err, any value. To a string the place is added: level 1 is here, 2 who called, 0 adds none.
  > pcall(error, { kind = "validation", message = "no such strike" })

getmetatable(value) -> table
  The metatable, or what its __metatable says; nil where there is none. Objects of Kalua name their type.
  > getmetatable(setmetatable({}, { __index = { x = 1 } })).__index.x

ipairs(list) -> next
  For `for`: index and value of a list, 1 to the first nil.
  > for i, name in ipairs{ "yes", "no" } do print(i, name) end

load(chunk [, name [, mode [, env]]]) -> function, message
  Compiles text into a function; nil and what is wrong when it is no Lua. Binary chunks are refused.
  > load "return 6 * 7" ()

loadfile(path [, mode [, env]]) -> function, message
  Compiles a file into a function. Needs --allow-fs for it.
  > -- needs --allow-fs /tmp
  > f = io.open("/tmp/half.lua", "w"); f:write "return 21"; f:close()
  > loadfile "/tmp/half.lua" ()

next(table [, key]) -> key, value
  The key behind this one, in no particular order; nil at the end. next(t) == nil: t is empty.
  > next{ only = 1 }

pairs(table) -> next
  For `for`: every key and value, in no particular order.
  > for key, value in pairs{ bid = 0.41, ask = 0.43 } do print(key, value) end

pcall(fn [, ...]) -> ok, ...
  Calls fn(...): true and its results, or false and what it raised. fn may wait.
  > ok, err = pcall(kalshi.get_market, "NO-SUCH-MARKET")
  > print(ok, err.kind, err.status)

print(...)
  Writes the values on a line of standard output, each as tostring gives it.
  > print("mid", 0.42)

rawequal(a, b) -> equal
  Whether they are the same, without asking metatables.
  > rawequal({}, {})

rawget(table, key) -> value
  A field without __index.
  > rawget({ x = 1 }, "x")

rawlen(value) -> length
  The length of a table or string without __len.
  > rawlen{ 1, 2, 3 }

rawset(table, key, value) -> table
  Sets a field without __newindex.
  > rawset({}, "x", 1).x

require(name) -> module
  A module: one of Kalua's, one in KALUA_PATH, or a file beside the script. It runs once.
  > task = require "task"

select(n, ...) -> ...
  All arguments from the n-th on, from the end for a negative n; "#" counts them.
  > select("#", "a", nil, "c")

setmetatable(table, metatable) -> table
  Gives the table a metatable. __gc is refused: use <close> or kalua.on_stop.
  > point = setmetatable({ 3, 4 }, { __tostring = function(p) return p[1] .. "," .. p[2] end })
  > tostring(point)

tonumber(value [, base]) -> number
  A number from a number or its text, in a base of 2 to 36; nil when it is none.
  > tonumber "0.42", tonumber("ff", 16)

tostring(value) -> text
  The value as text, by __tostring where it has one.
  > tostring(0.42)

type(value) -> name
  "nil", "boolean", "number", "string", "table", "function", "thread" or "userdata".
  > type(ticker)

xpcall(fn, handler [, ...]) -> ok, ...
  As pcall; handler gets what was raised while the stack is still there, and what it returns comes out.
  > xpcall(function() error "why" end, debug.traceback)

coroutine.create(fn) -> thread
  A coroutine that has not begun. Tasks (task.spawn) are what runs beside others.
  > co = coroutine.create(function(x) return x + 1 end)
  > coroutine.resume(co, 41)

coroutine.close(thread) -> ok, err
  Ends a suspended coroutine; its <close> variables are closed.
  > coroutine.close(coroutine.create(print))

coroutine.isyieldable() -> yes
  Whether this may wait or yield.
  > coroutine.isyieldable()

coroutine.resume(thread [, ...]) -> ok, ...
  Lets it run until it yields or ends. A call that waits inside of it lets the whole task wait.
  > coroutine.resume(coroutine.create(function() task.sleep(0.01) return "rested" end))

coroutine.running() -> thread, main
  The coroutine that runs.
  > coroutine.running()

coroutine.status(thread) -> status
  "suspended", "running", "normal" or "dead".
  > coroutine.status(coroutine.create(print))

coroutine.wrap(fn) -> function
  A coroutine as a function: each call resumes it. Good for iterators; it may wait inside.
  > count = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
  > count(), count(), count()

coroutine.yield(...) -> ...
  Suspends the coroutine; its resume returns these values. In a task outside of a coroutine: lets the others run.
  > coroutine.wrap(function() coroutine.yield "first" end) ()

debug.traceback([thread,] [message [, level]]) -> text
  Where the code is: one line for each call.
  > debug.traceback "here"

io.open(path [, mode]) -> file, message
  Opens a regular file: "r", "w", "a", with "b" or "+". Needs --allow-fs for its folder.
  > -- needs --allow-fs /tmp
  > f = io.open("/tmp/notes.txt", "w")
  > f:write("bid ", 0.41, "\n"); f:close()
  > io.open("/tmp/notes.txt"):read "a"

io.lines(path [, format, ...]) -> next
  For `for`: the lines of a file, which is closed at the end. Needs --allow-fs.
  > -- needs --allow-fs /tmp
  > f = io.open("/tmp/notes.txt", "w"); f:write "one\ntwo\n"; f:close()
  > for line in io.lines "/tmp/notes.txt" do print(line) end

io.close(file) -> ok
  The same as file:close(). Needs --allow-fs.
  > -- needs --allow-fs /tmp
  > io.close(io.open("/tmp/notes.txt", "w"))

io.popen(command [, mode]) -> file
  Runs a program: "r" reads what it prints, "w" writes to it. Reading waits. Needs --allow-run.
  > -- needs --allow-run
  > io.popen "echo hello":read "l"

io.tmpfile() -> file
  A file for reading and writing that is gone when it is closed. Needs --allow-fs /tmp.
  > -- needs --allow-fs /tmp
  > f = io.tmpfile()
  > f:write "text"; f:seek "set"; f:read "a"

io.type(value) -> kind
  "file", "closed file", or nil for what is no file.
  > io.type(42)

io.read(...)
  Not for scripts, which have no standard input: it raises "permission".
  > pcall(io.read)

io.write(...)
  Not for scripts: it raises "permission". Use print.
  > pcall(io.write, "text")

io.input([file])
  Not for scripts: it raises "permission". Use io.open.
  > pcall(io.input)

io.output([file])
  Not for scripts: it raises "permission". Use io.open.
  > pcall(io.output)

file:read([format, ...]) -> ...
  "l" a line (also without a format), "L" with its end, "n" a number, "a" all, a number so many bytes; nil at the end.
  > -- needs --allow-fs /tmp
  > f = io.open("/tmp/notes.txt", "w+"); f:write "42 is it\n"; f:seek "set"
  > f:read("n", "l")

file:write(...) -> file
  Writes strings and numbers.
  > -- needs --allow-fs /tmp
  > f = io.open("/tmp/notes.txt", "w")
  > f:write("price ", 0.42, "\n"):close()

file:lines([format, ...]) -> next
  For `for`: what read gives, until the end.
  > -- needs --allow-fs /tmp
  > f = io.open("/tmp/notes.txt", "w+"); f:write "one\ntwo\n"; f:seek "set"
  > for line in f:lines() do print(line) end

file:seek([whence [, offset]]) -> position
  Moves to offset bytes from "set" (the begin), "cur" or "end"; the position from the begin.
  > -- needs --allow-fs /tmp
  > f = io.open("/tmp/notes.txt", "w+"); f:write "text"
  > f:seek "end"

file:flush() -> file
  Hands what was written to the system.
  > -- needs --allow-fs /tmp
  > f = io.open("/tmp/notes.txt", "w"); f:write "text"; f:flush()

file:setvbuf(mode [, size]) -> ok
  "no", "full" or "line": when writing reaches the system.
  > -- needs --allow-fs /tmp
  > io.open("/tmp/notes.txt", "w"):setvbuf "line"

file:close() -> ok
  Closes it. Of a program: waits for its end, and gives true or nil, "exit" or "signal", and the code.
  > -- needs --allow-run
  > io.popen "true":close()

math.abs(x) -> number
  Without its sign.
  > math.abs(-0.03)

math.acos(x) -> radians
  The angle with this cosine.
  > math.acos(0)

math.asin(x) -> radians
  The angle with this sine.
  > math.asin(1)

math.atan(y [, x]) -> radians
  The angle of y / x (x is 1), in the right quadrant.
  > math.atan(1, -1)

math.ceil(x) -> integer
  The next whole number up.
  > math.ceil(2.1)

math.cos(radians) -> number
  Cosine.
  > math.cos(0)

math.deg(radians) -> degrees
  Radians into degrees.
  > math.deg(math.pi)

math.exp(x) -> number
  e to the power of x.
  > math.exp(1)

math.floor(x) -> integer
  The next whole number down.
  > math.floor(42.7)

math.fmod(x, y) -> number
  What is left of x / y rounded toward zero; % rounds down.
  > math.fmod(-7, 3), -7 % 3

math.huge
  Larger than any other number: infinity.
  > 1 / 0 == math.huge

math.log(x [, base]) -> number
  Logarithm, natural without a base.
  > math.log(0.42 / 0.58), math.log(8, 2)

math.max(x, ...) -> number
  The largest.
  > math.max(0.41, 0.43)

math.maxinteger
  The largest integer.
  > math.maxinteger

math.min(x, ...) -> number
  The smallest.
  > math.min(0.41, 0.43)

math.mininteger
  The smallest integer.
  > math.mininteger

math.modf(x) -> whole, rest
  The part before the point and the part behind it.
  > math.modf(2.75)

math.pi
  3.1415926535898
  > math.pi

math.rad(degrees) -> radians
  Degrees into radians.
  > math.rad(180)

math.random([m [, n]]) -> number
  From 0 to 1; an integer from 1 to m, or from m to n.
  > math.random(6)

math.randomseed([seed [, more]])
  Begins the row of random numbers that belongs to the seed; by chance without one.
  > math.randomseed(42)

math.sin(radians) -> number
  Sine.
  > math.sin(math.pi / 2)

math.sqrt(x) -> number
  Square root.
  > math.sqrt(2)

math.tan(radians) -> number
  Tangent.
  > math.tan(math.pi / 4)

math.tointeger(x) -> integer
  A whole number as an integer; nil where it is none.
  > math.tointeger(3.0), math.tointeger(3.5)

math.type(x) -> kind
  "integer", "float", or nil for what is no number.
  > math.type(1), math.type(1.0)

math.ult(m, n) -> less
  Whether m < n when both are read as unsigned.
  > math.ult(1, -1)

os.clock() -> seconds
  Processor time that the process has used.
  > os.clock()

os.date([format [, time]]) -> text
  A time as text, by the letters of strftime; "!" in front: UTC; "*t": a table.
  > os.date("!%Y-%m-%d %H:%M:%S", 1790000000)

os.difftime(a, b) -> seconds
  a less b.
  > os.difftime(os.time(), os.time() - 60)

os.time([table]) -> seconds
  Seconds since 1970, now or of a table with year, month, day, hour, min, sec in local time.
  > os.time{ year = 2026, month = 11, day = 26 }

os.getenv(name) -> text
  A variable of the environment; nil where it is not set. Needs --allow-env for it.
  > -- needs --allow-env HOME
  > os.getenv "HOME"

os.execute(command) -> ok, how, code
  Runs a program and waits for its end. Needs --allow-run.
  > -- needs --allow-run
  > os.execute "true"

os.remove(path) -> ok, message
  Deletes a file. Needs --allow-fs for it.
  > -- needs --allow-fs /tmp
  > io.open("/tmp/notes.txt", "w"):close()
  > os.remove "/tmp/notes.txt"

os.rename(from, to) -> ok, message
  Gives a file another name. Needs --allow-fs for both.
  > -- needs --allow-fs /tmp
  > io.open("/tmp/notes.txt", "w"):close()
  > os.rename("/tmp/notes.txt", "/tmp/old.txt")

os.tmpname() -> path
  The name of a new file in /tmp. Needs --allow-fs /tmp.
  > -- needs --allow-fs /tmp
  > name = os.tmpname()
  > os.remove(name)

os.exit([code])
  Not for scripts: it raises "permission". A script ends when its main part has returned and no task is left.
  > pcall(os.exit)

os.setlocale([locale])
  Not for scripts: it raises "permission".
  > pcall(os.setlocale)

string.byte(s [, i [, j]]) -> ...
  The bytes from i to j (1; i) as numbers.
  > ("A"):byte()

string.char(...) -> text
  A string of these bytes.
  > string.char(75, 65)

string.find(s, pattern [, from [, plain]]) -> first, last, ...
  Where the pattern first matches, then its captures; nil where it does not. plain: it is text.
  > ("KXHIGHNY-26NOV22"):find("-", 1, true)

string.format(format, ...) -> text
  As printf: %d, %.2f, %s, %q, %5.1f …
  > string.format("%-10s %8.4f", "mid", 0.42)

string.gmatch(s, pattern [, from]) -> next
  For `for`: every match, or its captures.
  > for word in ("yes no maybe"):gmatch "%a+" do print(word) end

string.gsub(s, pattern, by [, most]) -> text, count
  Every match replaced by a text (%1: a capture), a field of a table, or the result of a function.
  > ("2026-11-26"):gsub("%-", "/")

string.len(s) -> bytes
  The same as #s.
  > ("text"):len()

string.lower(s) -> text
  In lower case.
  > ("YES"):lower()

string.match(s, pattern [, from]) -> ...
  The captures of the first match, or all of it; nil where there is none.
  > ("KXHIGHNY-26NOV22-B51"):match "^(%w+)%-(%w+)"

string.pack(format, ...) -> bytes
  Values as bytes, as a C struct has them.
  > string.pack("<I4", 42):byte(1, 4)

string.packsize(format) -> bytes
  How long string.pack's result is.
  > string.packsize "<I4d"

string.rep(s, n [, sep]) -> text
  s so many times, with sep between.
  > ("="):rep(20)

string.reverse(s) -> text
  Back to front, by bytes.
  > ("abc"):reverse()

string.sub(s, i [, j]) -> text
  The bytes from i to j; negative ones count from the end.
  > ("KXHIGHNY"):sub(3), ("KXHIGHNY"):sub(-2)

string.unpack(format, s [, from]) -> ...
  The values that string.pack put there, then the position behind them.
  > string.unpack("<I4", "\42\0\0\0")

string.upper(s) -> text
  In upper case.
  > ("yes"):upper()

table.concat(list [, sep [, i [, j]]]) -> text
  Strings and numbers of a list in one, with sep between.
  > table.concat({ "a", "b", "c" }, ", ")

table.insert(list, [position,] value)
  Adds a value at the end, or before the position.
  > list = { "b" }
  > table.insert(list, 1, "a")
  > list[1]

table.move(from, i, j, at [, to]) -> table
  Copies from[i] … from[j] to at …
  > #table.move({ 1, 2, 3 }, 1, 3, 2)

table.pack(...) -> list
  The values in a table, their number in its field n.
  > table.pack("a", nil, "c").n

table.remove(list [, position]) -> value
  Takes out the last value, or the one at the position.
  > table.remove({ "a", "b" }, 1)

table.sort(list [, less])
  Sorts in place, by < or by less(a, b), which must not wait.
  > rows = kalshi.get_markets{ status = "open", limit = 20 }.markets
  > table.sort(rows, function(a, b) return a.volume_fp > b.volume_fp end)
  > rows[1].ticker

table.unpack(list [, i [, j]]) -> ...
  The values of a list.
  > table.unpack{ 0.41, 0.43 }

utf8.char(...) -> text
  The characters with these numbers.
  > utf8.char(8364)

utf8.charpattern
  A pattern that matches one character.
  > ("€5"):match(utf8.charpattern)

utf8.codepoint(s [, i [, j [, lax]]]) -> ...
  The numbers of the characters that begin at bytes i to j.
  > utf8.codepoint "€"

utf8.codes(s [, lax]) -> next
  For `for`: position and number of every character.
  > for at, code in utf8.codes "a€" do print(at, code) end

utf8.len(s [, i [, j [, lax]]]) -> characters
  How many characters; nil and the position of the first byte that is none.
  > utf8.len "€5"

utf8.offset(s, n [, i]) -> position
  The byte at which the n-th character begins.
  > utf8.offset("a€b", 3)
]==]
