-- docs/kalua.1: the options and the exit codes are those of the binary, with what option_texts.lua adds; of a command
-- what templates/commands.1 says, else the text of its --help.
local command_line = require "command_line"

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "a"
  file:close()
  return text
end

local function escaped(text)
  text = text:gsub("\\", "\\e"):gsub("%-", "\\-"):gsub('"', "\\(dq")
  return (text:gsub("^([.'])", "\\&%1"):gsub("\n([.'])", "\n\\&%1"))
end

-- "kalua book [TICKER]": what stands for something is slanted, what is typed is bold.
local function synopsis_line(text)
  local out = {}
  for word in text:gmatch "%S+" do
    local slanted = escaped(word):gsub("%u[%u=/]*%f[^%u=/]", "\\fI%0\\fR")
    out[#out + 1] = slanted ~= escaped(word) and slanted or "\\fB" .. escaped(word) .. "\\fR"
  end
  return table.concat(out, " ")
end

local function synopsis(data)
  local lines = {}
  for _, command in ipairs(data.commands) do
    for _, usage in ipairs(command.usage) do lines[#lines + 1] = synopsis_line(usage.text) end
  end
  lines[#lines + 1] = synopsis_line "kalua [COMMAND] --help"
  lines[#lines + 1] = synopsis_line "kalua --version"
  return table.concat(lines, "\n")
end

-- Paragraphs filled, lines that begin with a space as they are.
local function prose(text)
  local out, verbatim = {}, false
  for line in (text .. "\n"):gmatch "(.-)\n" do
    local is_verbatim = line:sub(1, 1) == " "
    if is_verbatim ~= verbatim then out[#out + 1] = is_verbatim and ".nf" or ".fi" end
    verbatim = is_verbatim
    if line ~= "" then out[#out + 1] = escaped(line) end
  end
  if verbatim then out[#out + 1] = ".fi" end
  return table.concat(out, "\n")
end

local function commands(data)
  local said, out = {}, {}
  local blocks, at = read "docs/generate/templates/commands.1", 1
  while true do -- each block reaches up to the next .TP with a .B of one word behind it
    local from, first, name = blocks:find("%.TP\n%.B (%l+)\n", at)
    if not from then break end
    local stop = blocks:find("%.TP\n%.B %l+\n", first) or #blocks + 1
    said[name] = blocks:sub(first + 1, stop - 1):gsub("\n$", "")
    at = stop
  end
  for _, command in ipairs(data.commands) do
    out[#out + 1] = ".TP\n.B " .. command.name
    out[#out + 1] = said[command.name] or prose(command.text)
    said[command.name] = nil
  end
  local left = next(said)
  if left then error("templates/commands.1 describes a command that is none: " .. left, 0) end
  return table.concat(out, "\n")
end

-- A sentence with code between backticks, which is bold.
local function sentence(text) return (escaped(text):gsub("`([^`]*)`", "\\fB%1\\fR")) end

local function option_block(option, command)
  local name = "\\fB" .. escaped(command_line.spelling(option)) .. "\\fR"
  if option.letter then name = "\\fB\\-" .. option.letter .. "\\fR, " .. name end
  if option.argument then
    name = name .. " " .. (option.values and "\\fB" .. escaped(option.argument) .. "\\fR"
      or "\\fI" .. escaped(option.argument) .. "\\fR")
  end
  local text = option.help:sub(1, 1):upper() .. option.help:sub(2)
  if option.default then text = text .. " [" .. option.default .. "]" end
  text = text .. "."
  if option.repeatable then text = text .. " May be repeated." end
  local more = command_line.more(command, option)
  return ".TP\n" .. name .. "\n" .. escaped(text) .. (more ~= "" and "\n" .. sentence(more) or "")
end

local function options(data)
  local out = {}
  local group
  for _, option in ipairs(data.connecting) do
    if option.group ~= group then
      group = option.group
      out[#out + 1] = ".SS " .. escaped(group) .. " (every command that connects)"
    end
    out[#out + 1] = option_block(option)
  end
  for _, command in ipairs(data.commands) do
    if #command.options > 0 then out[#out + 1] = ".SS " .. command.name end
    for _, option in ipairs(command.options) do out[#out + 1] = option_block(option, command) end
  end
  command_line.check_texts()
  return table.concat(out, "\n")
end

local function environment(data)
  local out, seen = {}, {}
  for _, option in ipairs(data.connecting) do
    if option.environment and not seen[option.environment] then
      seen[option.environment] = true
      out[#out + 1] = (".TP\n.B %s\nAs \\fB%s\\fR."):format(option.environment, escaped(command_line.spelling(option)))
    end
  end
  return table.concat(out, "\n")
end

local function exit_codes(data)
  local out = {}
  for i, exit in ipairs(data.exit_codes) do
    out[i] = (".TP\n.B %d\n%s."):format(exit.code, escaped(exit.text:sub(1, 1):upper() .. exit.text:sub(2)))
  end
  return table.concat(out, "\n")
end

return function(tree, data)
  tree:file("docs/kalua.1").text = command_line.fill(read "docs/generate/templates/kalua.1", {
    VERSION = data.version, SYNOPSIS = synopsis(data), COMMANDS = commands(data), OPTIONS = options(data),
    ENVIRONMENT = environment(data), EXIT = exit_codes(data),
  })
end
