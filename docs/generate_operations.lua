-- Writes docs/operations.md from the operation table of the binary that runs it:
--   kalua --quiet docs/generate_operations.lua > docs/operations.md
local kalshi = require "kalshi"

-- The first word of the path names the group.
local function group_of(op)
  return op.path:match "^/([^/]+)"
end

local function type_of(param)
  local text = param.type == "array" and "array of " .. param.item_type or param.type
  if param.enum then
    local values = {}
    for i, value in ipairs(param.enum) do values[i] = value == "" and '`""`' or "`" .. value .. "`" end
    text = text .. " (" .. table.concat(values, ", ") .. ")"
  end
  return text
end

local function params_of(op, place)
  local out = {}
  for _, param in ipairs(op.params) do
    if param["in"] == place then
      local name = "`" .. param.name .. "`"
      if param.required then name = "**" .. name .. "**" end
      out[#out + 1] = name .. " " .. type_of(param)
    end
  end
  return table.concat(out, ", ")
end

local groups, names = {}, {}
for _, summary in ipairs(kalshi.operations()) do
  local name = summary.legacy and "legacy." .. summary.name or summary.name
  local op = kalshi.describe(name)
  op.name = name
  local group = group_of(op)
  if not groups[group] then
    groups[group] = {}
    names[#names + 1] = group
  end
  table.insert(groups[group], op)
end
table.sort(names)

print [[
# The REST operations

Made from the exchange's own description by `docs/generate_operations.lua`; a test keeps it so.

`kalshi.<name>(path parameters…, { other parameters })`, or `kalua api <name> k=v...`. Path parameters are given in the
order of the path, the others, of the query or the body, in one table. Parameters in **bold** are required. Prices are
in dollars and counts in contracts (type number). "key" marks what needs an API key, "pages" what
`kalshi.each.<name>` walks through. `kalshi.legacy` holds the superseded operations.]]

for _, group in ipairs(names) do
  table.sort(groups[group], function(a, b) return a.name < b.name end)
  print("\n## /" .. group)
  print "\n| name | call | path | query or body | |\n| --- | --- | --- | --- | --- |"
  for _, op in ipairs(groups[group]) do
    local query, body = params_of(op, "query"), params_of(op, "body")
    local both = query ~= "" and body ~= "" and "query: " .. query .. "; body: " .. body or query .. body
    local marks = {}
    if op.auth then marks[#marks + 1] = "key" end
    if op.paged then marks[#marks + 1] = "pages" end
    local cells = { "`" .. op.name .. "`", op.method .. " `" .. op.path .. "`", params_of(op, "path"), both,
      table.concat(marks, ", ") }
    print("| " .. table.concat(cells, " | ") .. " |")
  end
end
