-- docs/operations.md, from the operation table of the binary that runs it.
local kalshi = require "kalshi"
local help_pages = require "prompt.help_pages"

local function code(text)
  return text == "" and '`""`' or "`" .. text .. "`"
end

local function base_type(field)
  local inner = field.item_type or field.type
  if field.unit then inner = field.unit end
  if field.type == "array" then
    if inner == "array" then return "array of arrays" end
    return "array of " .. (inner:find "s$" and inner or inner .. "s")
  end
  if field.map then return "map of " .. (inner:find "s$" and inner or inner .. "s") end
  return inner
end

-- The type with what narrows it: values, limits, form.
local function type_of(field)
  local text = { base_type(field) }
  local function add(...) text[#text + 1] = string.format(...) end
  if field.enum then
    local values = {}
    for i, value in ipairs(field.enum) do values[i] = code(value) end
    add(field.type == "array" and "each one of %s" or "one of %s", table.concat(values, ", "))
  end
  local unit = field.type == "array" and " items" or ""
  if field.min and field.max then
    add("%.15g to %.15g%s", field.min, field.max, unit)
  elseif field.min then
    add("at least %.15g%s", field.min, unit)
  elseif field.max then
    add("at most %.15g%s", field.max, unit)
  end
  if field.max_length then add("at most %d characters", field.max_length) end
  if field.format == "date-time" or field.format == "uuid" then add("%s", field.format) end
  if field.nullable then add "or null" end
  if field.deprecated then add "deprecated" end
  return table.concat(text, ", ")
end

-- A row for each parameter, and for each field inside it.
local function add_rows(rows, fields, before)
  for _, field in ipairs(fields) do
    if field.name then
      local name = code(before .. field.name)
      local default = field.default == nil and "" or code(tostring(field.default))
      local cells = { field.required and "**" .. name .. "**" or name, field["in"], type_of(field), default,
        field.text or "" }
      rows[#rows + 1] = "| " .. table.concat(cells, " | ") .. " |"
      if field.fields then
        add_rows(rows, field.fields, before .. field.name .. (field.type == "array" and "[]." or "."))
      end
    end
  end
end

local function answer_of(op)
  if not op.answer then return "Answers nothing." end
  if not op.answer.fields then
    return "Answers an object whose fields are not described."
  end
  local out = {}
  for i, field in ipairs(op.answer.fields) do
    out[i] = code(field.name) .. " " .. base_type(field) .. (field.required and "" or "?")
  end
  return "Answers " .. table.concat(out, ", ") .. "."
end

local function facts_of(op)
  local out = { op.auth and "with a key" or "without a key" }
  out[2] = string.format("%d %s tokens%s", op.cost, op.bucket, op.cost_per_item and " for each order" or "")
  if op.paged then out[3] = "pages of " .. code(op.rows) end
  return table.concat(out, ", ")
end

local function status_of(op)
  if op.status == "current" then return nil end
  if op.status == "perps" then return "The exchange describes it with the API of its perpetual futures now." end
  local text = op.status == "removed" and "Removed by the exchange" or "Deprecated"
  return text .. (op.replaced_by and ("; today it is [%s](#%s)."):format(code(op.replaced_by), op.replaced_by) or ".")
end

local function write(out)
  local groups, tags = {}, {}
  for _, summary in ipairs(kalshi.operations()) do
    local name = summary.legacy and "legacy." .. summary.name or summary.name
    local op = kalshi.describe(name)
    op.full_name = name
    if not groups[op.tag] then
      groups[op.tag] = {}
      tags[#tags + 1] = op.tag
    end
    table.insert(groups[op.tag], op)
  end
  table.sort(tags)
  for _, tag in ipairs(tags) do
    table.sort(groups[tag], function(a, b) -- today's first
      if a.legacy ~= b.legacy then return b.legacy end
      return a.full_name < b.full_name
    end)
  end

  out:add [[
# The REST operations

Every call of the exchange, with its parameters, its cost and what it answers. Made from the exchange's own description
by `scripts/generate`; a test keeps it so.

`kalshi.<name>(path parameters…, { other parameters })`, or `kalua api <name> k=v...`; `kalua api <name> --help` shows
the same as this page. Path parameters are given in the order of the path, the others, of the query or the body, in one
table. Parameters in **bold** are required. Prices are numbers of dollars and counts numbers of contracts. A field of an
answer that may be absent has a `?`. `kalshi.each.<name>` walks through pages. `kalshi.legacy` holds the superseded
operations.

A call raises an error. Its `kind` is, before anything is sent: "validation" for a wrong parameter, "auth" without a
key, "permission" for a write on production without `--live`, "paper" for what paper trading cannot do, "risk" for an
order, a quote or a block trade that [a limit](risk.md) forbids. After that:
"http" with `status` and `code` for what the exchange refuses, "auth" for a key that it does not accept, "rate_limit"
when it had no tokens left after several tries, "network" or "timeout" where no answer came; a write then has the
`code` "not_done" or "outcome_unknown". [What each means](errors.md).

In the examples `ticker` is the ticker of a market, and a word in capitals (`"ORDER_GROUP_ID"`) an id that another
call has given.

## Contents
]]
  for _, tag in ipairs(tags) do
    local links = {}
    for i, op in ipairs(groups[tag]) do
      links[i] = ("[%s](#%s)"):format(op.full_name, (op.full_name:gsub("%.", "")))
    end
    out:add(("- **[%s](#%s)**: %s"):format(tag, tag, table.concat(links, ", ")))
  end

  for _, tag in ipairs(tags) do
    out:add("\n## " .. tag)
    for _, op in ipairs(groups[tag]) do
      out:add("\n### " .. code(op.full_name))
      out:add("\n" .. op.summary .. ".")
      out:add(("\n%s `%s`: %s."):format(op.method, op.path, facts_of(op)))
      local status = status_of(op)
      if status then out:add("\n" .. status) end
      out:add("\n```lua\n" .. help_pages.operation_example(op))
      if op.paged then out:add(help_pages.walk_example(op)) end
      out:add "```"
      local rows = {}
      add_rows(rows, op.params, "")
      if #rows > 0 then
        out:add "\n| parameter | in | type | default | |\n| --- | --- | --- | --- | --- |"
        out:add(table.concat(rows, "\n"))
      end
      out:add("\n" .. answer_of(op))
    end
  end
end

return function(tree) write(tree:file "docs/operations.md") end
