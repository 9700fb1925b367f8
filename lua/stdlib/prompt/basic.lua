-- The commands that every prompt has: leaving, timing, loading, other ways to print a value.
local commands = require "prompt.commands"
local later = require "prompt.later"
local syntax = require "prompt.syntax"
local draw = later "prompt.draw"
local explain = later "prompt.explain"

local usage = commands.usage

-- Prints values without the limits that a person's eye asks for.
local function print_whole(session, text, as_text)
  if text == "" then usage("which expression?") end
  local result = session:evaluate(text, { mode = "whole" })
  if result.status ~= "value" then return session:show(result) end
  session:print(as_text(result.values))
end

commands.add{
  name = "quit", aliases = { "q", "exit" }, usage = ":quit",
  help = "leave the prompt; Ctrl-D does the same",
  run = function(session) session.leaving = true end,
}

commands.add{
  name = "time", usage = ":time EXPR", help = "evaluate, and say how long it took",
  run = function(session, text)
    if text == "" then usage("which expression?") end
    local result = session:evaluate(text)
    local ok = session:show(result)
    if result.ms then
      session:print(string.format("%.3f ms%s", result.ms, result.waited and ", waiting included" or ""))
    end
    return ok
  end,
}

commands.add{
  name = "load", usage = ":load FILE", help = "run a file of Lua; what it sets stays",
  run = function(session, text)
    if text == "" then usage("which file?") end
    local path = text:gsub("^~/", (os.getenv("HOME") or "~") .. "/")
    local file, why = io.open(path, "r")
    if not file then error({ kind = "validation", message = "cannot read " .. why }, 0) end
    local source, bad = file:read("a")
    file:close()
    if not source then error({ kind = "validation", message = "cannot read " .. path .. ": " .. bad }, 0) end
    return session:show(session:evaluate(source, { chunk = path }))
  end,
}

local modules = {
  "kalshi", "task", "kalua", "json", "http", "ws", "log", "bus", "store", "metrics", "orders", "sizing", "odds",
  "stats", "calibration", "alerts",
}

-- Inputs as a script that does the same: with the modules that a prompt has by itself, and `_` where it would be set.
local function as_script(inputs)
  local body = {}
  for _, one in ipairs(inputs) do
    local head, tail = syntax.split(one.text)
    if not head and syntax.is_expression(one.text) then head, tail = "", one.text end
    local last = tail and tail:match "^%s*(.-)%s*$"
    if one.named and last then
      body[#body + 1] = head .. "_ = " .. last
    elseif not last or load(last) then
      body[#body + 1] = one.text
    elseif head ~= "" then
      body[#body + 1] = head
    end
  end
  local all = table.concat(body, "\n") .. "\n"
  local lines = {}
  for _, name in ipairs(modules) do
    local used = all:find("%f[%w_]" .. name .. "%f[^%w_]")
    if used then lines[#lines + 1] = ('local %s = require "%s"'):format(name, name) end
  end
  return table.concat(lines, "\n") .. (#lines > 0 and "\n\n" or "") .. all
end

commands.add{
  name = "save", usage = ":save FILE", help = "write the inputs that went well as a script",
  detail = "Modules are required in it, values of inputs become _. A file that is there already is left alone.",
  run = function(session, text)
    if text == "" then usage("which file?") end
    if not session.kept then usage("no input went well yet") end
    local path = text:gsub("^~/", (os.getenv("HOME") or "~") .. "/")
    local there = io.open(path, "r")
    if there then
      there:close()
      usage(path .. " exists already")
    end
    local file, why = io.open(path, "w")
    if not file then usage("cannot write " .. why) end
    local ok, bad = file:write(as_script(session.kept))
    local closed, worse = file:close()
    if not ok or not closed then usage(("cannot write %s: %s"):format(path, bad or worse)) end
    local n = #session.kept
    session:print(("%d input%s in %s; kalua run %s"):format(n, n == 1 and "" or "s", path, path))
  end,
}

-- What an error that was shown is about: its code, or all that is known of its text.
local function words_of(result)
  local card = result.values and result.values[1]
  if type(card) == "string" then return card end
  local fields = {}
  for _, pair in ipairs(type(card) == "table" and card.err and card.h or {}) do fields[pair[1]] = pair[2] end
  local code, status = result.code or fields.code, fields.status
  if type(code) == "string" and #explain.find(code) > 0 then return code end
  if math.type(status) == "integer" and #explain.find(tostring(status)) > 0 then return tostring(status) end
  local message, kind = fields.message or result.message, fields.kind or result.kind
  return (kind and kind .. ": " or "") .. tostring(message or "")
end

commands.add{
  name = "explain", usage = ":explain [CODE]", help = "what an error means, and what to do; without CODE the last one",
  run = function(session, text)
    if text == "" then
      if not session.last_error then usage("which code? No error has come yet") end
      text = words_of(session.last_error)
    end
    local how = session:drawing()
    local answer, known, wrong = explain.answer({ text }, { width = how.width, bold = how.colour })
    if not known then usage(wrong) end
    session:print((answer:gsub("\n$", "")))
  end,
  complete = function(_, text) return commands.offer(text, explain.offers()) end,
}

commands.add{
  name = "full", usage = ":full EXPR", help = "print a value with nothing left out",
  run = function(session, text)
    return print_whole(session, text, function(values)
      return draw.values(values, session:drawing{ rows = math.huge, whole = true })
    end)
  end,
}

commands.add{
  name = "lua", usage = ":lua EXPR", help = "print a value as Lua that can be pasted back",
  run = function(session, text)
    return print_whole(session, text, function(values)
      local out = {}
      for i, v in ipairs(values) do out[i] = draw.lua(v, { list = values }) end
      return table.concat(out, "\n")
    end)
  end,
}

commands.add{
  name = "json", usage = ":json EXPR", help = "print a value as JSON",
  run = function(session, text)
    return print_whole(session, text, function(values) return draw.json(values) end)
  end,
}
