-- What changed between two OpenAPI descriptions of the exchange: scripts/compare-spec. Exit code 0: nothing that
-- matters, 1: differences, 2: trouble.
local here = arg[0]:match "^(.*)/" or "."
local spec = dofile(here .. "/spec.lua")
local cjson = require "cjson"

local usage = [[
usage: scripts/compare-spec [--json] [--old OLD.json] NEW.json

Shows what changed between the OpenAPI description that the operation table is made from and a newer one: operations,
parameters, fields of answers. An operation that the table has as removed and the newer description has not is no
difference. Exit code 0: the same, 1: differences, 2: trouble.
]]

local function trouble(...)
  io.stderr:write("compare-spec: ", string.format(...), "\n")
  os.exit(2)
end

local as_json, old_path, new_path = false, here .. "/spec/openapi.json", nil
do
  local i = 1
  while arg[i] do
    local word = arg[i]
    if word == "--help" or word == "-h" then
      io.write(usage)
      os.exit(0)
    elseif word == "--json" then
      as_json = true
    elseif word == "--old" and arg[i + 1] then
      i = i + 1
      old_path = arg[i]
    elseif word:sub(1, 1) == "-" or new_path then
      trouble('"%s" is not understood; see --help', word)
    else
      new_path = word
    end
    i = i + 1
  end
  if not new_path then trouble "which newer openapi.json? See --help" end
end

local function load_description(path)
  local ok, document, operations = pcall(function()
    local document = spec.read(path)
    return document, spec.operations(document)
  end)
  if not ok then trouble("%s%s", tostring(document):find(path, 1, true) and "" or path .. ": ", document) end
  return operations, (document.info or {}).version or "?"
end
local old, old_version = load_description(old_path)
local new, new_version = load_description(new_path)

-- ---- collecting ----

-- One change is told once, however many operations have the schema it is in. kind: "operation", "parameter" or
-- "answer"; change: "added", "removed", "renamed", "changed"; what, old, new: of a change; text: of an addition.
local changes, by_key = {}, {}

local function report(operation, c)
  local key = table.concat({ c.kind, c.name, c.change, c.what or "", c.old or "", c.new or "" }, "\0")
  local known = by_key[key]
  if not known then
    known = c
    known.operations = {}
    by_key[key] = known
    changes[#changes + 1] = known
  end
  known.operations[operation] = true
end

-- ---- fields ----

local type_words = { DOLLARS = "fixed-point dollars", COUNT = "fixed-point count" }
local function word(t)
  return t and (type_words[t] or t:lower())
end

local function type_text(field)
  if field.type == "ARRAY" then return "array of " .. word(field.item_type) end
  if field.map then return "map of " .. word(field.item_type) end
  return word(field.type)
end

local function yes_no(v)
  return v and "yes" or "no"
end

local function number_text(v)
  return v and string.format("%.15g", v)
end

-- What is compared of two fields, each as a text; nil is told as "none".
local attributes = {
  { "type", type_text },
  { "required", function(f) return yes_no(f.required) end },
  { "nullable", function(f) return yes_no(f.nullable) end },
  { "deprecated", function(f) return yes_no(f.deprecated) end },
  { "default", function(f) return f.default end },
  { "format", function(f) return f.format end },
  { "pattern", function(f) return f.pattern end },
  { "minimum", function(f) return number_text(f.min) end },
  { "maximum", function(f) return number_text(f.max) end },
  { "shortest", function(f) return number_text(f.min_length) end },
  { "longest", function(f) return number_text(f.max_length) end },
  { "repeated key", function(f) return f.place == "QUERY" and f.type == "ARRAY" and yes_no(f.explode) or nil end },
}

local function field_text(field)
  local out = { type_text(field) }
  local function add(...) out[#out + 1] = string.format(...) end
  if field.required then add "required" end
  if field.nullable then add "nullable" end
  if field.deprecated then add "deprecated" end
  if field.enum then add("one of %s", table.concat(field.enum, " ")) end
  if field.default then add("default %s", field.default) end
  if field.min then add("at least %.15g", field.min) end
  if field.max then add("at most %.15g", field.max) end
  return table.concat(out, ", ")
end

local function set_of(list)
  local set = {}
  for _, v in ipairs(list or {}) do set[v] = true end
  return set
end

local function missing(from, set)
  local out = {}
  for _, v in ipairs(from or {}) do
    if not set[v] then out[#out + 1] = v == "" and '""' or v end
  end
  table.sort(out)
  return #out > 0 and table.concat(out, " ") or nil
end

-- where: { kind, operation, owner: the schema that the fields belong to or nil, path: from there, with its dot }
local function name_of(where, field)
  return (where.owner or where.operation) .. where.path .. field.name
end

local compare_lists

local function compare_fields(a, b, where)
  local name = name_of(where, b)
  local function changed(what, was, is)
    report(where.operation, { kind = where.kind, name = name, change = "changed", what = what, old = was, new = is })
  end
  for _, attribute in ipairs(attributes) do
    local what, text = attribute[1], attribute[2]
    local was, is = text(a), text(b)
    if was ~= is then changed(what, was or "none", is or "none") end
  end
  if a.enum and b.enum then
    local gone, come = missing(a.enum, set_of(b.enum)), missing(b.enum, set_of(a.enum))
    if gone or come then changed("enum", gone and "- " .. gone or "", come and "+ " .. come or "") end
  elseif a.enum or b.enum then
    changed("enum", a.enum and table.concat(a.enum, " ") or "any", b.enum and table.concat(b.enum, " ") or "any")
  end
  if a.fields and b.fields then
    local step = b.type == "ARRAY" and "[]" or ""
    compare_lists(a.fields, b.fields, {
      kind = where.kind, operation = where.operation,
      owner = b.schema or where.owner, path = b.schema and "." or where.path .. b.name .. step .. ".",
    }, a.schema)
  elseif a.fields or b.fields then
    if a.again ~= b.again or type_text(a) == type_text(b) then
      changed("fields", a.fields and "described" or "free-form", b.fields and "described" or "free-form")
    end
  end
end

function compare_lists(a, b, where, old_owner)
  local was, is = {}, {}
  for _, field in ipairs(a) do was[field.name] = field end
  for _, field in ipairs(b) do is[field.name] = field end
  for name, field in pairs(is) do
    if was[name] then
      compare_fields(was[name], field, where)
    else
      report(where.operation,
        { kind = where.kind, name = name_of(where, field), change = "added", text = field_text(field) })
    end
  end
  local before = setmetatable({ owner = where.owner and old_owner or where.owner }, { __index = where })
  for name, field in pairs(was) do
    if not is[name] then
      report(where.operation,
        { kind = where.kind, name = name_of(before, field), change = "removed", text = field_text(field) })
    end
  end
end

-- ---- operations ----

local function summary(op)
  return string.format("%s %s", op.method, op.path)
end

local function of_place(params, place)
  local out = {}
  for _, field in ipairs(params) do
    if field.place == place then out[#out + 1] = field end
  end
  return out
end

local function compare_operations(a, b)
  local id = b.id
  local function changed(what, was, is)
    if was ~= is then
      report(id, { kind = "operation", name = id, change = "changed", what = what, old = was, new = is })
    end
  end
  changed("method", a.method, b.method)
  changed("path", a.path, b.path)
  changed("tag", a.tag, b.tag)
  changed("status", a.status, b.status)
  changed("needs a key", yes_no(a.key), yes_no(b.key))
  for _, place in ipairs { "PATH", "QUERY", "HEADER", "COOKIE", "BODY" } do
    compare_lists(of_place(a.params, place), of_place(b.params, place),
      { kind = "parameter", operation = id, path = " " .. place:lower() .. " " })
  end
  changed("body", yes_no(a.has_body), yes_no(b.has_body))
  changed("answer", a.answer and type_text(a.answer) or "no content", b.answer and type_text(b.answer) or "no content")
  if a.answer and b.answer and a.answer.fields and b.answer.fields then
    local owner = b.answer.schema
    compare_lists(a.answer.fields, b.answer.fields,
      { kind = "answer", operation = id, owner = owner, path = owner and "." or " answer " }, a.answer.schema)
  end
end

-- The same call whatever its parameters are called.
local function shape_of_call(op)
  return op.method .. " " .. op.path:gsub("{[^}]*}", "{}")
end

local gone_before = { removed = true, perps = true } -- the table has them, today's description does not
local by_call = {}
for id, op in pairs(new) do
  if not old[id] then by_call[shape_of_call(op)] = op end
end
local renamed = {}
for id, op in pairs(old) do
  local now = new[id]
  if not now then
    now = by_call[shape_of_call(op)]
    if now then
      renamed[now.id] = true
      report(now.id, { kind = "operation", name = now.id, change = "renamed", old = id, text = summary(now) })
    end
  end
  if now then
    compare_operations(op, now)
  elseif not gone_before[op.status] then
    report(id, { kind = "operation", name = id, change = "removed", text = summary(op) })
  end
end
for id, op in pairs(new) do
  if not old[id] and not renamed[id] then
    report(id, { kind = "operation", name = id, change = "added",
      text = summary(op) .. ", kalshi." .. spec.snake(id) .. (op.deprecated and ", deprecated" or "") })
  end
end

-- ---- telling ----

local order = { operation = 1, parameter = 2, answer = 3, added = 1, removed = 2, renamed = 3, changed = 4 }
local function sort_key(c)
  return table.concat({ order[c.kind], c.name, order[c.change], c.what or "", c.old or "", c.new or "" }, "\0")
end
table.sort(changes, function(a, b) return sort_key(a) < sort_key(b) end)

-- In a fixed order of keys, which cjson does not keep.
local function json_of(c)
  local out = {}
  for _, key in ipairs { "kind", "name", "change", "what", "old", "new", "text" } do
    if c[key] then out[#out + 1] = ("%q:%s"):format(key, cjson.encode(c[key])) end
  end
  local ids = {}
  for i, id in ipairs(spec.sorted_keys(c.operations)) do ids[i] = cjson.encode(id) end
  out[#out + 1] = '"operations":[' .. table.concat(ids, ",") .. "]"
  return "{" .. table.concat(out, ",") .. "}"
end

if as_json then
  local lines = {}
  for i, c in ipairs(changes) do lines[i] = "  " .. json_of(c) end
  print(string.format('{"old":%s,"new":%s,"changes":[%s]}', cjson.encode(old_version), cjson.encode(new_version),
    #lines > 0 and "\n" .. table.concat(lines, ",\n") .. "\n" or ""))
  os.exit(#changes > 0 and 1 or 0)
end

local titles = { operation = "operations", parameter = "parameters", answer = "fields of answers" }
local marks = { added = "+", removed = "-", renamed = "~", changed = "~" }

local function used_by(c)
  local ids = spec.sorted_keys(c.operations)
  if #ids == 1 and c.name:sub(1, #ids[1]) == ids[1] then return "" end
  local shown = table.concat(ids, ", ", 1, math.min(#ids, 3))
  return string.format("  (%s%s)", shown, #ids > 3 and (" and %d more"):format(#ids - 3) or "")
end

local function line_of(c)
  local text = c.text
  if c.change == "renamed" then
    text = "was " .. c.old .. ", " .. c.text
  elseif c.what == "enum" and (c.new == "" or c.new:sub(1, 2) == "+ " or c.old:sub(1, 2) == "- ") then
    text = "enum " .. c.new .. (c.new ~= "" and c.old ~= "" and ", " or "") .. c.old
  elseif c.change == "changed" then
    text = string.format("%s: %s -> %s", c.what, c.old, c.new)
  end
  return string.format("  %s %s: %s%s", marks[c.change], c.name, text, used_by(c))
end

print(string.format("%s -> %s", old_version, new_version))
local kind
for _, c in ipairs(changes) do
  if c.kind ~= kind then
    kind = c.kind
    print("\n" .. titles[kind])
  end
  print(line_of(c))
end
print(#changes == 0 and "no differences" or #changes == 1 and "\n1 difference" or ("\n%d differences"):format(#changes))
os.exit(#changes > 0 and 1 or 0)
