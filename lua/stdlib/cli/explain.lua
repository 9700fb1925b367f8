-- The body of `kalua explain`, run without an exchange: a function of the words after the command and of how to print,
-- {width = columns (nil: no terminal), bold = escape sequences may be used, json = true or false}. It returns the text,
-- whether the words meant something, and what to say on stderr where they did not.
local errors = require "cli.errors"
local text = require "cli.errors_text"

local NEAREST <const> = 3
local MOST <const> = 120 -- characters of a line that is repeated

local function short(line)
  local stop = utf8.len(line, 1, -1, true) and utf8.offset(line, MOST + 1)
  return stop and line:sub(1, stop - 1) .. "…" or line
end

return function(words, how)
  if #words == 0 then
    if how.json then return text.json(errors.list, true), true end
    return text.list(errors, how), true
  end
  local line = table.concat(words, " ")
  local found = errors.of_line(line)
  if #found > 0 then
    if how.json then return text.json(found), true end
    local parts = {}
    for i, e in ipairs(found) do parts[i] = text.page(e, how) end
    return table.concat(parts, "\n"), true
  end
  local near = line:find "%s" and {} or errors.near(line, NEAREST)
  if #near > 0 then
    return "", false, ('there is no error "%.60s"; did you mean %s?'):format(line, table.concat(near, ", "))
  end
  return "", false, ('no error is known for "%s"; `kalua explain` lists them all'):format(short(line))
end
