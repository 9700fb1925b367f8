-- What `kalua help --json` says, with what several generators ask of it.
local command_line = {}

---What completes each word that stands for a value. "nothing": there is no way to know.
local kinds = {
  FILE = "file", PATH = "file", FOLDER = "folder", DIR = "folder", SCRIPT = "script", ["SCRIPT|FOLDER"] = "script",
  ["FILE|FOLDER"] = "script", ["NEW=OLD"] = "script", PLACE = "script", NAME = "running", OPERATION = "operation",
  CHANNEL = "channel", KIND = "trigger", CODE = "code", COMMAND = "command", VAR = "variable",
  ["LIMIT=N[,...]"] = "words",
}
local unknown = "TICKER ARG EXPR N S X MS MB SECONDS DOLLARS CONTRACTS PORT HOST URL ID SPEC SEED PATTERN "
  .. "KEY/FACTOR ID=FILE"
for word in unknown:gmatch "%S+" do
  kinds[word] = "nothing"
end

---The kind of what stands behind an option, or of a word of a usage line; "values" where it names them.
function command_line.kind(of)
  if of.values then return "values" end
  if of.type == "flag" then return nil end
  local word = of.argument or of.word
  if word:find "^[%u|]+$" and word:find "^GET|" then return "nothing" end
  return kinds[word] or error("docs/generate/command_line.lua does not say how " .. word .. " is completed", 0)
end

---"--name", or "-e" for a name of one letter.
function command_line.spelling(option) return (#option.name > 1 and "--" or "-") .. option.name end

---The options of a command, those of every connecting command behind its own.
function command_line.options(data, command)
  local all, own = {}, {}
  for _, option in ipairs(command.options) do
    all[#all + 1] = option
    own[option.name] = true
  end
  for _, option in ipairs(command.connects and data.connecting or {}) do
    if not own[option.name] then all[#all + 1] = option end
  end
  return all
end

local texts = require "option_texts"
local said = {} -- those that were asked for

---What the man page says beyond an option's line of --help; "" where that is all. `command`: nil of what all commands
---that connect have.
function command_line.more(command, option)
  local key = (command and command.name .. " " or "") .. option.name
  said[key] = true
  return texts[key] or ""
end

---Raises for a text of an option that does not exist, once all were asked for.
function command_line.check_texts()
  for key in pairs(texts) do
    if not said[key] then error("docs/generate/option_texts.lua: there is no option " .. key, 0) end
  end
end

---The kind of the words that follow a command, of its first usage line; nil where none follow.
function command_line.words_of(command)
  local first = command.usage[1].positionals[1]
  return first and not first.after and command_line.kind(first) or nil
end

---Words that stand literally in usage lines: "options" of `kalua help options`.
function command_line.literals(command)
  local found = {}
  for _, usage in ipairs(command.usage) do
    found[#found + 1] = usage.text:match("^kalua " .. command.name .. " ([%l-]+)$")
  end
  return found
end

---The text with each @NAME@ replaced by what `parts` has under it.
function command_line.fill(template, parts)
  return (template:gsub("@([%u_]+)@", function(name)
    return parts[name] or error("a template wants " .. name, 0)
  end))
end

return command_line
