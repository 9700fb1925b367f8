-- What is said after an input that went wrong in one of the ways in which inputs of newcomers do: words of another
-- language, a name that is nearly right.
local later = require "prompt.later"
local complete = later "prompt.complete"
local index = later "prompt.help_index"
local values = require "prompt.values"

local slips = {}

local NEAR = 2 -- letters that may be wrong in a name

-- Of inputs that are no Lua: {pattern, what is said}. The first that fits.
local foreign = {
  { "^%s*//", "a comment begins with --" },
  { "^%s*#%s", "a comment begins with --" },
  { "!=", '"not equal" is ~= in Lua' },
  { "&&", '"and" is a word in Lua: a and b' },
  { "||", '"or" is a word in Lua: a or b' },
  { "![%w_(]", '"not" is a word in Lua: not a' },
  { "[%w_]%s*[-+*/]=", "Lua has no +=: write x = x + 1" },
  { "[%w_]%+%+", "Lua has no ++: write x = x + 1" },
  { "^%s*import%s", 'modules are there at the prompt; a script says: local task = require "task"' },
  { "^%s*from%s", 'modules are there at the prompt; a script says: local task = require "task"' },
  { "^%s*for%s.-%sin%s.-:%s*$", "in Lua: for i = 1, 5 do … end, or for _, x in ipairs(list) do … end" },
  { "^%s*if%s.-:%s*$", "in Lua: if … then … end" },
  { "^%s*if%s[^=]*[^=~<>]=[^=]", "two values are compared with ==" },
  { "^%s*def%s", "in Lua: function name(a, b) … end" },
  { "^%s*print%s+[^%s(\"'%[{]", "a function is called with parentheses: print(x)" },
  { "^%s*const%s", "in Lua: local x = 1" },
  { "^%s*let%s", "in Lua: local x = 1" },
  { "^%s*var%s", "in Lua: local x = 1" },
}

-- Of errors: {pattern of the message, what is said}.
local refused = {
  { 'side must be one of bid, ask; "[nN][oO]" is not', 'to buy NO at q: side = "ask", price = 1 - q' },
  { 'side must be one of bid, ask; "%a+" is not', '"bid" buys YES; "ask" sells YES, or buys NO at 1 - price' },
}

-- What an error says, where it is a text.
local function message_of(result)
  local p = result.values and result.values[1]
  if type(p) == "string" then return p end
  for _, pair in ipairs(type(p) == "table" and p.err and p.h or {}) do
    if pair[1] == "message" and type(pair[2]) == "string" then return pair[2] end
  end
  return result.message
end

-- The name that is meant by one behind `path` and its dot or colon; nil where none is near.
local function near_member(session, path, name)
  local best, least
  for _, offer in ipairs((complete.at(session, path, #path))) do
    local one = offer.text:match("^[%w_]+")
    if one and one ~= name then
      local d = index.distance(name, one, NEAR)
      if d > NEAR and #name >= 3 and one:sub(1, #name + 1) == name .. "_" then d = NEAR + #one / 1000 end
      if #name > d and d < NEAR + 1 and (not least or d < least) then best, least = one, d end
    end
  end
  return best
end

-- The text before a name behind a dot or a colon, with that: what completion begins with.
local function path_before(text, name)
  local from
  for at in text:gmatch("()[.:]%s*" .. name .. "%f[^%w_]") do from = at end
  local before = from and text:sub(1, from)
  return before and before:match("[%a_][%w_.:%[%]\"']*$")
end

local function meant(session, text, name, kind)
  if kind == "global" then
    local near = index.near(name, 1)[1]
    return near and near ~= name and near or nil
  end
  local path = path_before(text, name)
  return path and near_member(session, path, name)
end

---Says, after an input, what may have been meant instead; nothing where that is not known.
function slips.after(session, text, result)
  if result.status == "value" then
    local name = text:match("^%s*[%a_][%w_.%[%]\"']*%.([%a_][%w_]*)%s*$")
    local first = result.values and #result.values == 1 and result.values[1]
    local kind = first ~= false and values.kind(first)
    if kind == "function" and first.fn:find("^kalshi_pages%.lua:") then
      return session:print("it gives one row after the other: for row in "
        .. text:match("^%s*(.-)%s*$") .. " do … end")
    end
    local only = kind == "nil"
    local near = only and name and meant(session, text, name)
    if near then session:print(("there is no field %s; did you mean %s?"):format(name, near)) end
    return
  end
  if result.status == "cancelled" then return end
  if text:find("%f[%w_]kalshi:[%a_]") and result.values then
    session:complain("the functions of kalshi are called with a dot: kalshi.balance()")
    return
  end
  local message = message_of(result)
  if not message then return end
  for _, one in ipairs(refused) do
    if message:find(one[1]) then return session:complain(one[2]) end
  end
  local unknown = message:match("^kalshi%.([%w_]+): no such operation %(kalua")
  if unknown then return session:complain((":help ?%s looks for it"):format(unknown)) end
  local kind, name = message:match("a nil value %((%l+) '([%a_][%w_]*)'%)")
  if kind then
    local near = meant(session, text, name, kind)
    if near then session:complain("did you mean " .. near .. "?") end
    return
  end
  if load(text, "=prompt", "t", {}) or load("return " .. text, "=prompt", "t", {}) then return end
  for _, slip in ipairs(foreign) do
    if text:find(slip[1]) then return session:complain(slip[2]) end
  end
end

return slips
