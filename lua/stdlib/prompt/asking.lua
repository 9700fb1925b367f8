-- What is asked without a command: `NAME?`, also of a value of one's own; `exit` and `help` without a colon; a command
-- with a letter too many.
local commands = require "prompt.commands"
local later = require "prompt.later"
local draw = later "prompt.draw"
local index = later "prompt.help_index"
local slips = later "prompt.slips"
local values = require "prompt.values"

local asking = {}

local WORDS = { quit = "quit", exit = "quit", help = "help", tour = "tour" }
local LOOKED_AT = 10 -- tasks, for a variable
local NEAR = 2 -- letters that may be wrong in the name of a command

local function is_nil(p) return values.kind(p) == "nil" end

-- The value of a name, as a portrait; `_` stays what it is. nil where it has none, or must not be looked at.
local function value_of(session, name)
  local result = session:evaluate(name, { silent = true })
  if result.status ~= "value" or not result.values or is_nil(result.values[1]) then return nil end
  return result.values[1]
end

---What an input asks help for, as `kalshi.book?`, `?spread` or `?cancel order` do; nil where it is no such question.
---@param text string
---@return string?
function asking.question(text)
  local word = text:match "^%s*([%a_][%w_.:]*)%s*%?+%s*$"
  if word then return word end
  local words = text:match "^%s*%?+%s*(.-)%s*$"
  return words and (words:find "%s" and "?" .. words or words)
end

---The command that a word alone means, like `exit`; nil where it means none, or the name of a value.
function asking.command(session, text)
  local word = text:match("^%s*(%a+)%s*%(?%s*%)?%s*;?%s*$")
  return word and WORDS[word] and not value_of(session, word) and WORDS[word] or nil
end

local function what(p)
  local kind = values.kind(p)
  if kind == "userdata" then return "a " .. p.u end
  if kind == "function" then return "a function, " .. p.fn end
  if kind == "null" then return "json.null: the exchange says that there is none" end
  return "a " .. kind
end

---Shows what the value of a name is, where help has no page of just that name; false where there is no such value.
function asking.about(session, name)
  if not name:find("^[%a_][%w_.]*$") or name:find("%.%.") or name:find("%.$") then return false end
  for _, entry in ipairs(index.find(name)) do
    if entry.name == name then return false end
  end
  local p = value_of(session, name)
  if not p then return false end
  session:print(("%s is %s."):format(name, what(p)))
  local kind = values.kind(p)
  if kind ~= "function" and kind ~= "null" then session:print(draw.values({ p }, session:drawing())) end
  local short = kind == "userdata" and p.u or name:match("%.([^.]+)$")
  if short and #index.find(short) > 0 then session:print((":help %s says more."):format(short)) end
  return true
end

-- The first of the script's tasks that has a variable of this name in the frame that :task would select; nil where none
-- has.
local function task_with(session, name)
  for _, one in ipairs(session:ask("tasks", { n = LOOKED_AT, frames = 0 }).tasks) do
    if not one.selected then
      local ok, _, list = pcall(session.ask_parts, session, "locals", { task = one.id }) -- it may not have begun
      for _, variable in ipairs(ok and list or {}) do
        if variable.name == name then return one.id end
      end
    end
  end
end

---Says after an input what its outcome alone does not: that a lone name is one of nothing, what else may be meant.
function asking.afterwards(session, text, result)
  local name = text:match("^%s*([%a_][%w_]*)%s*$")
  if not name or name == "_" or name == "nil" or result.status ~= "value" then
    return slips.after(session, text, result)
  end
  if not is_nil(result.values[1]) then return end
  local task = type(session.ready.path) == "string" and task_with(session, name)
  if task then
    session:print(("task %d has a variable of that name: after :task %d, names are its own"):format(task, task))
    return
  end
  local near = index.near(name, 1)[1]
  session:print(("nothing is called %s here%s"):format(name, near and "; did you mean " .. near .. "?" or ""))
end

---The commands that are meant by a name that is none, as ":a, :b"; nil where nothing is near.
function asking.near(name)
  local found = {}
  for _, c in ipairs(commands.all()) do
    local d = index.distance(name, c.name, NEAR)
    if d <= NEAR and d < #name - 1 then found[#found + 1] = { ":" .. c.name, d } end
  end
  table.sort(found, function(a, b)
    if a[2] ~= b[2] then return a[2] < b[2] end
    return a[1] < b[1]
  end)
  for i, one in ipairs(found) do found[i] = one[1] end
  return found[1] and table.concat(found, ", ", 1, math.min(#found, 3)) or nil
end

return asking
