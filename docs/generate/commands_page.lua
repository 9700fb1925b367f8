-- The tables of docs/commands.md: the commands, their options, the exit codes.
local command_line = require "command_line"

-- Where more is said of an option.
local links = {
  paper = "paper.md", risk = "risk.md", ["order-groups"] = "risk.md#the-seat-belt", lease = "risk.md#leases",
  resume = "risk.md#the-breaker", audit = "feed.md#the-audit", state = "scripts.md#state-over-a-restart",
  ["orders-sync"] = "orders.md#what-a-kill-and-a-power-cut-can-take", ["on-failure"] = "running.md#when-a-script-fails",
  shadow = "reload.md#beside-the-old-one-first", ["break"] = "prompt.md#breakpoints", faults = "simulator.md",
  ["max-tasks"] = "scripts.md#ceilings", ["allow-run"] = "threat-model.md#programs",
}

local function cell(text) return (text:gsub("|", "\\|")) end
local function code(text) return "`" .. text .. "`" end

local function name_of(option)
  local name = command_line.spelling(option)
  if option.argument then name = name .. " " .. option.argument end
  return (option.letter and code("-" .. option.letter) .. ", " or "") .. code(name)
end

local function what(option)
  local text = option.help:gsub("docs/([%w-]+%.md)", "[%1](%1)")
  if option.repeatable then text = text .. "; may be repeated" end
  local link = links[option.name]
  if link and not text:find("](" .. link, 1, true) then
    text = text .. (" ([%s](%s))"):format(link:match "^[^#]+", link)
  end
  return text
end

local function table_of(list, with_environment)
  local lines = with_environment and { "| option | environment | | default |", "| --- | --- | --- | --- |" }
    or { "| option | | default |", "| --- | --- | --- |" }
  for _, option in ipairs(list) do
    local cells = { cell(name_of(option)) }
    if with_environment then cells[2] = option.environment and code(option.environment) or "" end
    cells[#cells + 1] = cell(what(option))
    cells[#cells + 1] = cell(option.default or "")
    lines[#lines + 1] = "| " .. table.concat(cells, " | ") .. " |"
  end
  return lines
end

return function(tree, data)
  local path = "docs/commands.md"
  local overview = { "```" }
  for _, command in ipairs(data.commands) do
    overview[#overview + 1] = ("kalua %-28s %s"):format(command.synopsis, command.summary)
  end
  overview[#overview + 1] = "kalua SCRIPT                       the same as kalua run SCRIPT"
  overview[#overview + 1] = "kalua -e EXPR                      evaluate at the exchange, and print"
  overview[#overview + 1] = "```"
  tree:between(path, "commands", overview)

  local lines = {}
  local group
  for _, option in ipairs(data.connecting) do
    if option.group ~= group then
      group = option.group
      lines[#lines + 1] = (#lines > 0 and "\n" or "") .. "### " .. group .. "\n"
      local of_group = {}
      for _, other in ipairs(data.connecting) do
        if other.group == group then of_group[#of_group + 1] = other end
      end
      table.move(table_of(of_group, true), 1, #of_group + 2, #lines + 1, lines)
    end
  end
  tree:between(path, "connecting", lines)
  for _, command in ipairs(data.commands) do
    if tree:has(path, command.name) then tree:between(path, command.name, table_of(command.options)) end
  end
  local exits = { "| code | meaning |", "| --- | --- |" }
  for _, exit in ipairs(data.exit_codes) do exits[#exits + 1] = ("| %d | %s |"):format(exit.code, cell(exit.text)) end
  tree:between(path, "exit-codes", exits)
end
