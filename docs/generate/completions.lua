-- completions/*, from the options of every command; what is asked of the binary stands in the templates.
local command_line = require "command_line"
local kind, spelling = command_line.kind, command_line.spelling

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "a"
  file:close()
  return text
end

-- The ways to write an option: "--lines", "-n".
local function spellings(option)
  local names = { spelling(option) }
  if option.letter then names[2] = "-" .. option.letter end
  return names
end

-- fn(option, owner) for each option that commands have as their own, then, where wanted, for those that all connecting
-- ones have: their owner is "*", so that they come last.
local function each_option(data, which, fn)
  if which == "own" then
    for _, command in ipairs(data.commands) do
      for _, option in ipairs(command.options) do fn(option, command.name) end
    end
  else
    for _, option in ipairs(data.connecting) do fn(option, "*") end
  end
end

local function quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end
local function quoted_fish(text) return "'" .. text:gsub("[\\']", "\\%0") .. "'" end

-- The patterns of a case: 'run --break', or *' --env' of any command.
local function patterns(option, owner, quote)
  local out = {}
  for i, name in ipairs(spellings(option)) do
    out[i] = quote(owner .. " " .. name)
    if quote == quoted then out[i] = out[i]:gsub("^'%*", "*'") end
  end
  return out
end

local function valued(data, quote)
  local out = {}
  for _, which in ipairs{ "own", "connecting" } do
    each_option(data, which, function(option, owner)
      if kind(option) then table.move(patterns(option, owner, quote), 1, 2, #out + 1, out) end
    end)
  end
  return out
end

-- Lines of at most 120 columns.
local function wrapped(words, indent, separator, ending)
  local lines, line = {}, indent
  for i, word in ipairs(words) do
    local piece = (line == indent and "" or " ") .. word .. (i < #words and separator or "")
    if #line + #piece + #ending > 118 and line ~= indent then
      lines[#lines + 1] = line .. ending
      line, piece = indent, word .. (i < #words and separator or "")
    end
    line = line .. piece
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n")
end

local function names_of(list)
  local out = {}
  for i, one in ipairs(list) do out[i] = one.name end
  return out
end

-- A case for each action that completes a value, with the options that it is of; those of a command come first.
local function value_cases(data, how, line)
  local lines = {}
  for _, which in ipairs{ "own", "connecting" } do
    local by_action, order = {}, {}
    each_option(data, which, function(option, owner)
      local action = kind(option) and how(option, kind(option))
      if not action then return end
      if not by_action[action] then
        by_action[action] = {}
        order[#order + 1] = action
      end
      table.move(patterns(option, owner, quoted), 1, 2, #by_action[action] + 1, by_action[action])
    end)
    for _, action in ipairs(order) do lines[#lines + 1] = line(by_action[action], action) end
  end
  return table.concat(lines, "\n")
end

-- The words that follow commands, gathered by what completes them.
local function word_cases(data, how, line)
  local by_action, order = {}, {}
  for _, command in ipairs(data.commands) do
    local words = command_line.words_of(command)
    local action = words and how(words, command)
    if action then
      if not by_action[action] then
        by_action[action] = {}
        order[#order + 1] = action
      end
      table.insert(by_action[action], command.name)
    end
  end
  local lines = {}
  for _, action in ipairs(order) do lines[#lines + 1] = line(by_action[action], action) end
  return table.concat(lines, "\n")
end

local methods = "GET POST PUT DELETE"

-- ---- bash ----

local function bash(data)
  local commands = table.concat(names_of(data.commands), " ")
  local actions = {
    file = "_kalua_files", folder = "_kalua_folders", script = "_kalua_scripts", running = "_kalua_running",
    channel = "_kalua_channels", code = "_kalua_codes", variable = "_kalua_variables",
  }
  local function spellings_of(list)
    local out = {}
    for i, option in ipairs(list) do out[i] = spelling(option) end
    return out
  end
  local options = {}
  for _, command in ipairs(data.commands) do
    local own = table.concat(spellings_of(command.options), " ")
    local all = own .. (command.connects and (own ~= "" and " " or "") .. '"${connecting[@]}"' or "")
    if all ~= "" then
      options[#options + 1] = ("  %s) printf '%%s\\n' %s ;;"):format(command.name, all)
    end
  end
  local function how(option, what)
    if what == "values" then return "_kalua_words " .. quoted(table.concat(option.values, " ")) end
    if what == "words" then
      return "compopt -o nospace\n    _kalua_words " .. quoted(table.concat(option.words, " "))
    end
    return actions[what]
  end
  return {
    COMMANDS = commands,
    CONNECTING = wrapped(spellings_of(data.connecting), "    ", "", ""),
    OPTIONS = table.concat(options, "\n"),
    VALUED = wrapped(valued(data, quoted), "  ", " |", " \\") .. ")",
    VALUES = value_cases(data, how, function(list, action)
      return wrapped(list, "  ", " |", " \\") .. ")\n    " .. action .. "\n    ;;"
    end),
    WORDS = word_cases(data, function(what, command)
      if what == "operation" then return "_kalua_named_words api '" .. methods .. "'" end
      if what == "trigger" then return "_kalua_named_words trigger ''" end
      if what == "command" then
        return '_kalua_words "$_kalua_commands ' .. table.concat(command_line.literals(command), " ") .. '"'
      end
      return actions[what]
    end, function(list, action) return "  " .. table.concat(list, " | ") .. ") " .. action .. " ;;" end),
  }
end

-- ---- zsh ----

local function zsh(data)
  local actions = {
    file = "_files", folder = "_files -/", script = "_kalua_scripts", running = "_kalua_running",
    channel = "_kalua_channels", code = "_kalua_codes", variable = "_parameters -g '*export*'",
  }
  local function described(name, text)
    return "    " .. quoted(name:gsub(":", "\\:") .. ":" .. text:gsub(":", "\\:"))
  end
  local function describe_all(list)
    local out = {}
    for _, option in ipairs(list) do
      for _, name in ipairs(spellings(option)) do out[#out + 1] = described(name, option.help) end
    end
    return table.concat(out, "\n")
  end
  local options, commands = {}, {}
  for i, command in ipairs(data.commands) do
    commands[i] = described(command.name, command.summary)
    local own = describe_all(command.options)
    if own ~= "" or command.connects then
      options[#options + 1] = ("  %s)\n    options=(%s%s\n    ) ;;"):format(command.name,
        own ~= "" and "\n" .. own or "", command.connects and "\n    $connecting" or "")
    end
  end
  return {
    COMMANDS = table.concat(commands, "\n"),
    CONNECTING = describe_all(data.connecting),
    OPTIONS = table.concat(options, "\n"),
    VALUED = wrapped(valued(data, quoted), "    ", "|", "\\") .. ")",
    VALUES = value_cases(data, function(option, what)
      if what == "values" then return "compadd -- " .. table.concat(option.values, " ") end
      if what == "words" then return "compadd -S '' -- " .. table.concat(option.words, " ") end
      return actions[what]
    end, function(list, action)
      return wrapped(list, "    ", "|", "\\") .. ")\n      " .. action .. " ;;"
    end),
    WORDS = word_cases(data, function(what, command)
      if what == "operation" then return "_kalua_named_words api '" .. methods .. "'" end
      if what == "trigger" then return "_kalua_named_words trigger ''" end
      if what == "command" then
        return "_describe command commands; compadd -- " .. table.concat(command_line.literals(command), " ")
      end
      return actions[what]
    end, function(list, action) return "      " .. table.concat(list, "|") .. ") " .. action .. " ;;" end),
  }
end

-- ---- fish ----

local function fish(data)
  local actions = {
    folder = "-xa '(__fish_complete_directories)'", script = "-xka '(__fish_complete_suffix .lua)'",
    running = "-xa '(kalua ps --names 2>/dev/null)'", channel = "-xa '(__kalua_channels)'",
    code = "-xa '(__kalua_codes)'", variable = "-xa '(set --names --export)'", file = "-rF", nothing = "-x",
  }
  local function of(option, what)
    if what == "values" then return "-xa " .. quoted_fish(table.concat(option.values, " ")) end
    if what == "words" then return "-xa " .. quoted_fish(table.concat(option.words, " ")) end
    return actions[what]
  end
  local subcommands, options, connecting = {}, {}, {}
  local own_of = {}
  for i, command in ipairs(data.commands) do
    subcommands[i] = ("complete -c kalua -n __fish_use_subcommand -a %s -d %s"):format(command.name,
      quoted_fish(command.summary))
    if command.connects then connecting[#connecting + 1] = command.name end
    for _, option in ipairs(command.options) do
      own_of[option.name] = own_of[option.name] or {}
      table.insert(own_of[option.name], command.name)
    end
  end
  local function add(option, condition)
    local what = kind(option)
    local name = (#option.name > 1 and "-l " or "-s ") .. option.name
    if option.letter then name = name .. " -s " .. option.letter end
    options[#options + 1] = ("complete -c kalua -n %s %s%s -d %s"):format(quoted_fish(condition), name,
      what and " " .. of(option, what) or "", quoted_fish(option.help))
  end
  for _, command in ipairs(data.commands) do
    for _, option in ipairs(command.options) do add(option, "__kalua_is " .. command.name) end
  end
  for _, option in ipairs(data.connecting) do
    local owners = {}
    for _, name in ipairs(connecting) do
      local own = false
      for _, other in ipairs(own_of[option.name] or {}) do own = own or other == name end
      if not own then owners[#owners + 1] = name end
    end
    add(option, "__kalua_is " .. table.concat(owners, " "))
  end
  options[#options + 1] = "complete -c kalua -l help -d 'the page of the command'"
  return {
    COMMANDS = table.concat(names_of(data.commands), " "),
    SUBCOMMANDS = table.concat(subcommands, "\n"),
    OPTIONS = table.concat(options, "\n"),
    VALUED = wrapped((function()
      local list = valued(data, quoted_fish)
      table.insert(list, 1, "case")
      return list
    end)(), "        ", "", " \\"),
    WORDS = word_cases(data, function(what, command)
      if what == "operation" then return "-xa '(__kalua_named_words api " .. methods .. ")'" end
      if what == "trigger" then return "-xa '(__kalua_named_words trigger)'" end
      if what == "command" then
        return "-xa \"$__kalua_commands " .. table.concat(command_line.literals(command), " ") .. '"'
      end
      return what ~= "nothing" and actions[what] or nil
    end, function(list, action)
      local condition = list[1] == "tail" and "__kalua_tail_first" or "'__kalua_is " .. table.concat(list, " ") .. "'"
      return "complete -c kalua -n " .. condition .. " " .. action
    end),
  }
end

return function(tree, data)
  for _, shell in ipairs{ { "kalua.bash", bash }, { "_kalua", zsh }, { "kalua.fish", fish } } do
    local name, parts = shell[1], shell[2](data)
    tree:file("completions/" .. name).text = command_line.fill(read("docs/generate/templates/" .. name), parts)
  end
end
