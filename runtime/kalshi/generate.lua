-- Writes operations.c, the tables behind operation.h, from the exchange's own description:
--   lua generate.lua SPEC_DIR OUTPUT.c
-- endpoints.tsv says which operations exist, what they cost and how they page; openapi.json their parameters and
-- answers; ws.json the channels and messages. The output depends on nothing else, so the same input gives the same
-- bytes.
local cjson = require "cjson"

local spec_dir, output = arg[1], arg[2]
if not output then
  io.stderr:write("usage: generate.lua SPEC_DIR OUTPUT.c\n")
  os.exit(2)
end

local function fail(...)
  io.stderr:write("generate.lua: ", string.format(...), "\n")
  os.exit(1)
end

local function read(name)
  local path = spec_dir .. "/" .. name
  local f, err = io.open(path, "rb")
  if not f then fail("%s", err) end
  local text = f:read("a")
  f:close()
  return text
end

local api = cjson.decode(read "openapi.json")
local ws = cjson.decode(read "ws.json")

local function sorted_keys(t)
  local keys = {}
  for k in pairs(t) do keys[#keys + 1] = k end
  table.sort(keys)
  return keys
end

local function present(v)
  if v == cjson.null then return nil end
  return v
end

-- ---- C text ----

local chunks, count_of, seen = {}, {}, {}

-- Emits `static const <ctype> <prefix>_N[] = {...};` once per distinct content; returns the name.
local function emit(ctype, prefix, body, is_array)
  local key = ctype .. "\0" .. body
  if seen[key] then return seen[key] end
  count_of[prefix] = (count_of[prefix] or 0) + 1
  local name = prefix .. "_" .. count_of[prefix]
  seen[key] = name
  chunks[#chunks + 1] = ("static const %s %s%s = %s;\n"):format(ctype, name, is_array and "[]" or "", body)
  return name
end

local function quoted(s)
  return s and '"' .. s:gsub('[\\"]', "\\%0") .. '"' or "NULL"
end

local function number(n)
  local whole = math.tointeger(n)
  return whole and ("%d.0"):format(whole) or ("%.17g"):format(n)
end

-- ---- schemas ----

local function resolve(schema, root)
  local hops = 0
  while schema["$ref"] do
    local at = root
    for part in schema["$ref"]:gsub("^#/", ""):gmatch "[^/]+" do
      at = at[part]
      if not at then fail("unresolved %s", schema["$ref"]) end
    end
    schema, hops = at, hops + 1
    if hops > 20 then fail("%s refers to itself", schema["$ref"]) end
  end
  return schema
end

-- The schemas a schema is made of: itself and, through references, every branch of allOf, oneOf and anyOf.
-- `refs` collects the names passed on the way.
local function parts(schema, root, out, refs)
  out, refs = out or {}, refs or {}
  if schema["$ref"] then
    refs[schema["$ref"]:match "[^/]+$"] = true
    schema = resolve({ ["$ref"] = schema["$ref"] }, root)
    return parts(schema, root, out, refs)
  end
  out[#out + 1] = schema
  for _, way in ipairs { "allOf", "oneOf", "anyOf" } do
    for _, branch in ipairs(schema[way] or {}) do parts(branch, root, out, refs) end
  end
  return out, refs
end

local function first_of(list, key)
  for _, schema in ipairs(list) do
    local v = present(schema[key])
    if v ~= nil then return v end
  end
end

-- Is this string a fixed-point number? In openapi.json the named schemas say so, in ws.json the pattern of digits.
local fixed_schemas = { FixedPointDollars = true, FixedPointCount = true }
local function is_fixed(list, refs)
  for name in pairs(refs) do
    if fixed_schemas[name] then return true end
  end
  local pattern = first_of(list, "pattern")
  return pattern ~= nil and pattern:find("^-?[0-9]+", 1, true) ~= nil and first_of(list, "type") == "string"
end

-- Schemas all of whose strings are fixed-point numbers though their parts are plain strings.
local all_fixed = { PriceLevelDollarsCountFp = true, PriceRange = true, priceRange = true, priceLevel = true }

-- ---- answer shapes: trees of plain tables first, merged over branches, then C ----

local function merge(a, b)
  if not a then return b end
  if not b then return a end
  if a.kind ~= b.kind then fail("branches of a schema disagree: %s and %s", a.kind, b.kind) end
  if a.kind == "FIXED" then return a end
  local out = { kind = a.kind, item = merge(a.item, b.item) }
  if a.kind == "OBJECT" then
    out.fields = {}
    for name, shape in pairs(a.fields) do out.fields[name] = merge(shape, b.fields[name]) end
    for name, shape in pairs(b.fields) do out.fields[name] = out.fields[name] or shape end
  end
  return out
end

local function shape_of(schema, root, inside_fixed, path)
  if path:len() > 400 then fail("a schema contains itself: %s", path) end
  local list, refs = parts(schema, root)
  for name in pairs(refs) do inside_fixed = inside_fixed or all_fixed[name] end
  if is_fixed(list, refs) then return { kind = "FIXED" } end
  local result
  for _, part in ipairs(list) do
    local shape
    if part.type == "string" and inside_fixed then
      shape = { kind = "FIXED" }
    elseif part.properties then
      local fields = {}
      for _, name in ipairs(sorted_keys(part.properties)) do
        fields[name] = shape_of(part.properties[name], root, inside_fixed, path .. "." .. name)
      end
      if next(fields) then shape = { kind = "OBJECT", fields = fields } end
    elseif part.items or part.prefixItems then
      local item = part.items and shape_of(part.items, root, inside_fixed, path .. "[]")
      for _, one in ipairs(part.prefixItems or {}) do
        item = merge(item, shape_of(one, root, inside_fixed, path .. "[]"))
      end
      if item then shape = { kind = "ARRAY", item = item } end
    elseif type(part.additionalProperties) == "table" then
      local item = shape_of(part.additionalProperties, root, inside_fixed, path .. "{}")
      if item then shape = { kind = "MAP", item = item } end
    end
    result = merge(result, shape)
  end
  return result
end

local function emit_shape(shape)
  if not shape then return "NULL" end
  if shape.kind == "FIXED" then return "&" .. emit("kl_shape", "fixed", "{.kind = KL_SHAPE_FIXED}") end
  if shape.kind ~= "OBJECT" then
    return "&" .. emit("kl_shape", "shape", ("{.kind = KL_SHAPE_%s, .item = %s}"):format(shape.kind, emit_shape(shape.item)))
  end
  local lines = {}
  for _, name in ipairs(sorted_keys(shape.fields)) do
    lines[#lines + 1] = ("  {%s, %s},"):format(quoted(name), emit_shape(shape.fields[name]))
  end
  local fields = emit("kl_shape_field", "shape_fields", "{\n" .. table.concat(lines, "\n") .. "\n}", true)
  return "&" .. emit("kl_shape", "shape",
    ("{.kind = KL_SHAPE_OBJECT, .n_fields = %d, .fields = %s}"):format(#lines, fields))
end

-- ---- parameters ----

local type_names = {
  string = "STRING", integer = "INTEGER", number = "NUMBER", boolean = "BOOLEAN", array = "ARRAY", object = "OBJECT",
}

local function type_of(schema)
  local list, refs = parts(schema, api)
  if refs.FixedPointDollars then return "DOLLARS", list end
  if refs.FixedPointCount then return "COUNT", list end
  local t = first_of(list, "type")
  if not t then
    return first_of(list, "properties") and "OBJECT" or "ANY", list
  end
  return type_names[t] or fail("unknown type %s", t), list
end

local emit_fields -- below

-- Lists that the exchange takes as one comma-separated string (protocol notes, section 5).
local comma_refs = { MultipleEventTickerQuery = true, CountFilterQuery = true }

local function param_line(name, where, schema, required, extra)
  local t, list = type_of(schema)
  local out = { (".name = %s, .in = KL_IN_%s, .type = KL_T_%s"):format(quoted(name), where, t) }
  local function add(fmt, ...) out[#out + 1] = fmt:format(...) end
  local item_list
  if t == "ARRAY" then
    local items = first_of(list, "items")
    local item_type = "ANY"
    if items then item_type, item_list = type_of(items) end
    add(".item_type = KL_T_%s", item_type)
    if where == "QUERY" and extra.explode ~= false then add ".explode = true" end
  elseif extra.comma then
    out[1] = out[1]:gsub("KL_T_STRING", "KL_T_ARRAY")
    add ".item_type = KL_T_STRING"
  end
  if extra.slashes then add ".explode = true" end
  if required then add ".required = true" end
  if first_of(list, "nullable") then add ".nullable = true" end
  local enum = first_of(item_list or list, "enum")
  if enum then
    local values = {}
    for _, v in ipairs(enum) do
      if present(v) ~= nil then
        values[#values + 1] = quoted(type(v) == "number" and ("%d"):format(math.tointeger(v)) or v)
      end
    end
    values[#values + 1] = "NULL"
    add(".enums = %s", emit("char *const", "enums", "{" .. table.concat(values, ", ") .. "}", true))
  end
  local low = first_of(list, t == "ARRAY" and "minItems" or "minimum")
  local high = first_of(list, t == "ARRAY" and "maxItems" or "maximum")
  if low then add(".has_min = true, .min = %s", number(low)) end
  if high then add(".has_max = true, .max = %s", number(high)) end
  local fields, n = emit_fields(item_list or list)
  if n > 0 then add(".fields = %s, .n_fields = %d", fields, n) end
  return "  {" .. table.concat(out, ", ") .. "},"
end

-- Required fields first, in the order of the description, then the others by name.
local function body_lines(list)
  local properties, required, order = {}, {}, {}
  for _, part in ipairs(list) do
    for _, name in ipairs(part.required or {}) do
      if not required[name] then
        required[name] = true
        order[#order + 1] = name
      end
    end
    for name, schema in pairs(part.properties or {}) do properties[name] = schema end
  end
  for _, name in ipairs(sorted_keys(properties)) do
    if not required[name] then order[#order + 1] = name end
  end
  local lines = {}
  for _, name in ipairs(order) do
    if not properties[name] then fail("required property %s is not described", name) end
    lines[#lines + 1] = param_line(name, "BODY", properties[name], required[name], {})
  end
  return lines
end

function emit_fields(list)
  local lines = body_lines(list)
  if #lines == 0 then return "NULL", 0 end
  return emit("kl_param", "fields", "{\n" .. table.concat(lines, "\n") .. "\n}", true), #lines
end

local function operation_params(id, path, op)
  local in_path, in_query = {}, {}
  for _, p in ipairs(op.parameters or {}) do
    local ref = p["$ref"] and p["$ref"]:match "[^/]+$"
    p = resolve(p, api)
    local comma = p["in"] == "query" and p.schema.type == "string"
      and (p.name:find "tickers$" ~= nil or comma_refs[ref] or false)
    local line = param_line(p.name, p["in"]:upper(), p.schema, p.required or p["in"] == "path",
      { explode = p.explode, comma = comma, slashes = p["in"] == "path" and op["x-wildcard-path"] })
    if p["in"] == "path" then
      in_path[p.name] = line
    elseif p["in"] == "query" then
      in_query[#in_query + 1] = line
    else
      fail("%s: a parameter in %s", id, p["in"])
    end
  end
  local lines = {}
  for name in path:gmatch "{([%w_]+)}" do
    lines[#lines + 1] = in_path[name] or param_line(name, "PATH", { type = "string" }, true, {})
    in_path[name] = nil
  end
  if next(in_path) then fail("%s: path parameter %s is not in the path", id, (next(in_path))) end
  table.move(in_query, 1, #in_query, #lines + 1, lines)
  if op.requestBody then
    local body = resolve(op.requestBody, api).content["application/json"].schema
    for _, line in ipairs(body_lines((parts(body, api)))) do lines[#lines + 1] = line end
  end
  if #lines == 0 then return "NULL", 0 end
  return emit("kl_param", "params", "{\n" .. table.concat(lines, "\n") .. "\n}", true), #lines
end

local function answer_schema(op)
  for _, status in ipairs { "200", "201", "202" } do
    local r = (op.responses or {})[status]
    r = r and resolve(r, api)
    local json = r and r.content and r.content["application/json"]
    if json then return json.schema end
  end
end

-- ---- names ----

-- Words that the exchange writes in capitals or without a border.
local words = { "CFBenchmarks", "Cfbenchmarks", "RFQ", "Rfq", "FCM", "Fcm", "ID", "Id" }

local function snake(id)
  local s = id:gsub("V2$", "")
  for i = 1, #words, 2 do s = s:gsub(words[i], words[i + 1]) end
  s = s:gsub("(%l)(%u)", "%1_%2"):gsub("(%u)(%u%l)", "%1_%2")
  return s:lower()
end

-- ---- operations ----

local rows, known = {}, {}
for line in read("endpoints.tsv"):gmatch "[^\n]+" do
  local columns = {}
  for column in (line .. "\t"):gmatch "(.-)\t" do columns[#columns + 1] = column end
  if columns[1] ~= "operationId" then
    if #columns < 11 then fail("endpoints.tsv: %s has %d columns", columns[1], #columns) end
    local row = {
      id = columns[1], method = columns[2], path = columns[3], auth = columns[5] == "yes", bucket = columns[6],
      cost = columns[7], paginated = columns[8], legacy = columns[10] == "legacy", notes = columns[11],
    }
    row.name = snake(row.id)
    rows[#rows + 1] = row
    known[row.id] = row
  end
end

-- What a legacy operation became: the one its note names, or the same with "V2", or the quote action by RFQ.
local function successor(row)
  if not row.legacy then return nil end
  local candidates = { row.notes:match "superseded by (%w+)", row.id .. "V2", (row.id:gsub("Quote$", "RFQQuote")) }
  for _, id in pairs(candidates) do
    if id ~= row.id and known[id] and not known[id].legacy then return known[id].name end
  end
end

local names, lines = {}, {}
for _, row in ipairs(rows) do
  local slot = (row.legacy and "legacy." or "") .. row.name
  if names[slot] then fail("%s and %s have the same name %s", names[slot], row.id, slot) end
  names[slot] = row.id
  local op = (api.paths[row.path] or {})[row.method:lower()] or {}
  local params, n_params = operation_params(row.id, row.path, op)
  local schema = answer_schema(op)
  local answer = emit_shape(schema and shape_of(schema, api, false, row.id))
  local cost, per_item = row.cost:match "^(%d+)(.*)$"
  if not cost then fail("%s: cost %s", row.id, row.cost) end
  local rows_field = row.paginated:match "^yes:([%w_]+)"
  local cursor = rows_field and (row.paginated:match "%(([%w_]+)%)" or "cursor")
  if rows_field and not schema then fail("%s is paged but its answer is not described", row.id) end
  lines[#lines + 1] = table.concat({
    "  {.id = " .. quoted(row.id),
    "   .name = " .. quoted(row.name),
    "   .method = " .. quoted(row.method),
    "   .path = " .. quoted(row.path),
    "   .legacy = " .. tostring(row.legacy),
    "   .auth = " .. tostring(row.auth),
    "   .bucket = KL_BUCKET_" .. row.bucket:upper(),
    "   .cost = " .. cost,
    "   .cost_per_item = " .. tostring(per_item == "/order"),
    "   .rows = " .. quoted(rows_field),
    "   .cursor_field = " .. quoted(cursor),
    "   .replaced_by = " .. quoted(successor(row)),
    "   .params = " .. params,
    "   .n_params = " .. n_params,
    "   .has_body = " .. tostring(op.requestBody ~= nil),
    "   .answer = " .. answer,
  }, ",\n") .. "},"
end
for path, methods in pairs(api.paths) do
  for _, op in pairs(methods) do
    if not known[op.operationId] then fail("%s %s is not in endpoints.tsv", path, op.operationId) end
  end
end

-- ---- messages ----

local messages = {}
for _, kind in ipairs(sorted_keys(ws.messages)) do
  local shape
  for _, variant in ipairs((parts(ws.messages[kind], ws))) do
    local msg = (variant.properties or {}).msg
    if msg then shape = merge(shape, shape_of(msg, ws, false, kind)) end
  end
  if shape then messages[#messages + 1] = ("  {%s, %s},"):format(quoted(kind), emit_shape(shape)) end
end

local channels = {}
for _, name in ipairs(sorted_keys(ws.channels)) do channels[#channels + 1] = "  " .. quoted(name) .. "," end

-- ---- the file ----

local text = table.concat({
  "/* Generated by runtime/kalshi/generate.lua from runtime/kalshi/spec/. Not edited by hand. */\n",
  '#include "kalshi/operation_tables.h"\n\n',
  table.concat(chunks, "\n"),
  "\nconst kl_operation kl_operations[] = {\n" .. table.concat(lines, "\n") .. "\n};\n",
  ("const size_t kl_operation_count = %d;\n"):format(#lines),
  "\nconst kl_message_entry kl_message_shapes[] = {\n" .. table.concat(messages, "\n") .. "\n};\n",
  ("const size_t kl_message_shape_count = %d;\n"):format(#messages),
  "\nconst char *const kl_channels[] = {\n" .. table.concat(channels, "\n") .. "\n  NULL,\n};\n",
})
local f, err = io.open(output, "wb")
if not f then fail("%s", err) end
if not f:write(text) or not f:close() then fail("%s: cannot write", output) end
