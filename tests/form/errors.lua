-- The catalogue of errors and the sources know the same codes; run by errors.sh in the project's folder.
-- arg[1]: the commands of kalua, a line each.
package.path = "lua/stdlib/?.lua"
local errors = require "cli.errors"

local failed = false
local function complain(...)
  io.stderr:write(string.format(...), "\n")
  failed = true
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

local function files(command)
  local out = {}
  for path in io.popen(command):lines() do out[#out + 1] = path end
  assert(#out > 0, command)
  return out
end

-- ---- the codes that sources give ----

-- The arguments of the call whose parenthesis opens at `at`, as text.
local function arguments(text, at)
  local out, from, depth, i = {}, at + 1, 1, at + 1
  while depth > 0 do
    local c = text:sub(i, i)
    if c == "" then return out end
    if c == '"' then
      i = i + 1
      while text:sub(i, i) ~= '"' do i = i + (text:sub(i, i) == "\\" and 2 or 1) end
    elseif c:find "[({]" then
      depth = depth + 1
    elseif c:find "[)}]" then
      depth = depth - 1
    end
    if depth == 0 or depth == 1 and c == "," then
      out[#out + 1] = text:sub(from, i - 1)
      from = i + 1
    end
    i = i + 1
  end
  return out
end

local CODED <const> = { kl_error_coded = 3, kl_raise_coded = 3, kl_error_code = 2 }
local OF_FILE <const> = { ["bindings/args.c"] = { refuse = 3 }, ["runtime/auth/pem.c"] = { refuse = 2 } }

local given, sources = {}, { read "runtime/base/error.h" }
local function give(code, path) given[code] = given[code] or path end

for _, path in ipairs(files "find runtime bindings -name '*.c' | sort") do
  local text = read(path)
  sources[#sources + 1] = text
  for _, calls in ipairs{ CODED, OF_FILE[path] or {} } do
    for name, place in pairs(calls) do
      for at in text:gmatch("%f[%w_]" .. name .. "()%(") do
        local code = arguments(text, at)[place]
        for word in (code or ""):gmatch '"([%w_]+)"' do give(word, path) end
      end
    end
  end
end
local LIBRARY <const> = "find lua/stdlib -name '*.lua' -not -path '*/cli/errors*' -not -path '*/prompt/*' | sort"
for _, path in ipairs(files(LIBRARY)) do
  local text = read(path)
  sources[#sources + 1] = text
  for at in text:gmatch "%f[%w_]refuse()%(" do
    local last = arguments(text, at)
    local word = #last > 1 and last[#last]:match '^%s*"([%l_]+)"$'
    if word then give(word, path) end
  end
  for at in text:gmatch "%f[%w_]core%.error()%(" do
    local word = (arguments(text, at)[5] or ""):match '"([%l_]+)"'
    if word then give(word, path) end
  end
end
for name in read("runtime/trading/risk_limits.c"):gmatch '%[KL_LIMIT_[%u_]+%] = {"([%l_]+)"' do
  give(name, "risk_limits.c")
end
for name in read("runtime/trading/order.c"):gmatch '%[KL_DESK_[%u_]+%] = "(%l+)"' do
  if name ~= "resting" then give(name, "order.c") end -- no error is of one that rests
end
for code in read("runtime/exchange/names.c"):gmatch '%(result_text%){"([%w_]+)"' do
  if code ~= "ok" then give(code, "exchange/names.c") end
end

local everything = table.concat(sources, "\n")
local found = 0
for code, path in pairs(given) do
  found = found + 1
  if #errors.find(code) == 0 then complain("%s: no entry explains %s", path, code) end
end
if found < 150 then complain("only %d codes were found in the sources: does this test still see them?", found) end

-- ---- the entries ----

local OF_LUA <const> = { "^attempt to ", "^stack overflow$", "^not enough memory$" }

local function is_of_lua(text)
  for _, pattern in ipairs(OF_LUA) do
    if text:find(pattern) then return true end
  end
  return false
end

local function is_quoted(word) return everything:find('"' .. word .. '"', 1, true) ~= nil end

local commands = { COMMAND = true, SCRIPT = true, FILE = true, FOLDER = true }
for name in arg[1]:gmatch "%S+" do commands[name] = true end

local source_of, seen = {}, {}
for _, group in ipairs(errors.groups) do source_of[group.name] = group.source or "code" end
for _, e in ipairs(errors.list) do
  if seen[e.code:lower()] then complain("%s: two entries", e.code) end
  seen[e.code:lower()] = true
  local source = source_of[e.group]
  if source == "kind" then
    if not is_quoted(e.code) then complain("%s: no such kind", e.code) end
  elseif source == "code" and not given[e.code] and #e.says == 0 and not is_quoted(e.code)
    and not everything:find("kalua explain " .. e.code .. ")", 1, true) then
    complain("%s: nothing raises it", e.code)
  end
  for _, text in ipairs(e.says) do
    if not is_of_lua(text) and not everything:gsub('"%s*\n%s*"', ""):find(text, 1, true) then
      complain("%s: nothing says \"%s\"", e.code, text)
    end
  end
  for _, page in ipairs(e.see) do
    if not io.open("docs/" .. page) then complain("%s: there is no docs/%s", e.code, page) end
  end
  local texts = table.concat({ e.what, e.why, table.unpack(e.todo) }, "\n")
  for _, text in ipairs{ e.what, e.why, table.unpack(e.todo) } do
    local _, ticks = text:gsub("`", "")
    if ticks % 2 == 1 then complain("%s: a backtick too many in: %s", e.code, text) end
  end
  for word in texts:gmatch "`kalua ([%w_./-]+)" do
    if not commands[word] and not word:find "^%-" and not word:find "%.lua$" then
      complain("%s: there is no command %s", e.code, word)
    end
  end
  for code in texts:gmatch "`kalua explain ([%w_]+)`" do
    if code ~= "CODE" and #errors.find(code) == 0 then complain("%s: there is no entry %s", e.code, code) end
  end
end

os.exit(not failed)
