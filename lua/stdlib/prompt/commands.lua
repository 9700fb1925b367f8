-- The commands of the prompt, those that begin with a colon. Modules add theirs when they are required.
local commands = {}
local by_name, order = {}, {}
local waiting = {} -- modules that were not required yet

---Has modules of commands required when a command is looked for first: the prompt comes before that.
function commands.later(modules) waiting = modules end

---Requires them now; pause(), where it is given, is called before each.
function commands.settle(pause)
  while waiting[1] do
    if pause then pause() end
    local name = table.remove(waiting, 1) -- nil where somebody did not wait
    if name then require(name) end
  end
end

---Adds a command: name; usage (":load FILE"); help (one line); detail (more lines, or nil); aliases (a list, or nil);
---run(session, text), which may wait and raise, and returns false when what it did failed; complete(session, text) ->
---list of {text=, hint=}, from (a byte of `text`), or nil.
function commands.add(c)
  assert(c.name and c.usage and c.help and c.run, "a command has name, usage, help and run")
  by_name[c.name] = c
  order[#order + 1] = c
  for _, alias in ipairs(c.aliases or {}) do by_name[alias] = c end
end

---The command of this name or alias, or the only one whose name begins so; else nil and the names that do.
function commands.find(name)
  commands.settle()
  if by_name[name] then return by_name[name] end
  local found, names = nil, {}
  for _, c in ipairs(order) do
    if c.name:sub(1, #name) == name then
      found = c
      names[#names + 1] = c.name
    end
  end
  if #names == 1 then return found end
  return nil, names
end

---All commands, in the order in which they were added.
function commands.all()
  commands.settle()
  return order
end

---The name and the rest of a line ":name rest"; nil where it is no command.
function commands.parse(line)
  local name, rest = line:match("^%s*:([%w_!?]+)%s*(.-)%s*$")
  if not name and line:match("^%s*:%s*$") then return "help", "" end
  return name, rest
end

---Raises that a command was not given what it needs.
function commands.usage(message)
  error({ kind = "usage", message = message }, 0)
end

---The whole number that a word is; `what` it is for, in the error: "the task". least: 1 where it is left out.
function commands.whole(word, what, least)
  local n = math.tointeger(tonumber(word))
  if not n or n < (least or 1) then commands.usage(("%s is a number, not %s"):format(what, word)) end
  return n
end

---Offers for the last word of a command's text: those of `words` ({text=, hint=}) that begin so; and where it begins.
function commands.offer(text, words)
  local before, word = text:match("^(.-)(%S*)$")
  local out = {}
  for _, w in ipairs(words) do
    if w.text:sub(1, #word) == word then out[#out + 1] = w end
  end
  return out, #before
end

return commands
