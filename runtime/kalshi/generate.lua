-- Writes operations.c, the tables behind operation.h, from the exchange's own description:
--   lua generate.lua SPEC_DIR OUTPUT.c
-- endpoints.tsv says which operations exist, what they cost and how they page; summaries.tsv what they do, in a sentence;
-- fields.tsv what parameters and the fields of answers mean; openapi.json which there are; ws.json the channels and
-- messages. The output depends on nothing else, so the same input gives the same
-- bytes.
local spec = dofile((arg[0]:match "^(.*)/" or ".") .. "/spec.lua")

local spec_dir, output = arg[1], arg[2]
if not output then
  io.stderr:write("usage: generate.lua SPEC_DIR OUTPUT.c\n")
  os.exit(2)
end

local function fail(...)
  io.stderr:write("generate.lua: ", string.format(...), "\n")
  os.exit(1)
end

local function attempt(f, ...)
  local ok, result = pcall(f, ...)
  return ok and result or fail("%s", result)
end

local sorted_keys, first_of = spec.sorted_keys, spec.first_of
local api = attempt(spec.read, spec_dir .. "/openapi.json")
local ws = attempt(spec.read, spec_dir .. "/ws.json")
local operations = attempt(spec.operations, api)

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
  if not s then return "NULL" end
  local text = s:gsub('[%c"\\?]', function(c) return ("\\%03o"):format(c:byte()) end)
  return '"' .. text .. '"'
end

local function number(n)
  local whole = math.tointeger(n)
  return whole and ("%d.0"):format(whole) or ("%.17g"):format(n)
end

-- ---- answer shapes: trees of plain tables first, merged over branches, then C ----

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

-- Where the fixed-point strings are in what a schema describes; nil when there are none. `trail` holds the names of the
-- schemas around this one: one inside itself ends there, which is right as long as it holds no such string.
local function shape_of(schema, root, inside_fixed, trail)
  local list, refs = spec.parts(schema, root)
  local inside = setmetatable({}, { __index = trail })
  for ref in pairs(refs) do
    inside_fixed = inside_fixed or all_fixed[ref]
    if trail[ref] then
      trail[ref][1] = ref -- numbers are no names of schemas
      return nil
    end
    inside[ref] = inside
  end
  if is_fixed(list, refs) then return { kind = "FIXED" } end
  local result
  for _, part in ipairs(list) do
    local shape
    if part.type == "string" and inside_fixed then
      shape = { kind = "FIXED" }
    elseif part.properties then
      local fields = {}
      for _, key in ipairs(sorted_keys(part.properties)) do
        fields[key] = shape_of(part.properties[key], root, inside_fixed, inside)
      end
      if next(fields) then shape = { kind = "OBJECT", fields = fields } end
    elseif part.items or part.prefixItems then
      local item = part.items and shape_of(part.items, root, inside_fixed, inside)
      for _, one in ipairs(part.prefixItems or {}) do
        item = merge(item, shape_of(one, root, inside_fixed, inside))
      end
      if item then shape = { kind = "ARRAY", item = item } end
    elseif type(part.additionalProperties) == "table" then
      local item = shape_of(part.additionalProperties, root, inside_fixed, inside)
      if item then shape = { kind = "MAP", item = item } end
    end
    result = merge(result, shape)
  end
  if result and rawget(inside, 1) then
    fail("%s contains itself and holds fixed-point numbers, which a shape cannot say", inside[1])
  end
  return result
end

local function emit_shape(shape)
  if not shape then return "NULL" end
  if shape.kind == "FIXED" then return "&" .. emit("kl_shape", "fixed", "{.kind = KL_SHAPE_FIXED}") end
  if shape.kind ~= "OBJECT" then
    local body = ("{.kind = KL_SHAPE_%s, .item = %s}"):format(shape.kind, emit_shape(shape.item))
    return "&" .. emit("kl_shape", "shape", body)
  end
  local lines = {}
  for _, name in ipairs(sorted_keys(shape.fields)) do
    lines[#lines + 1] = ("  {%s, %s},"):format(quoted(name), emit_shape(shape.fields[name]))
  end
  local fields = emit("kl_shape_field", "shape_fields", "{\n" .. table.concat(lines, "\n") .. "\n}", true)
  return "&" .. emit("kl_shape", "shape",
    ("{.kind = KL_SHAPE_OBJECT, .n_fields = %d, .fields = %s}"):format(#lines, fields))
end

-- ---- fields: parameters, members of bodies and answers ----

local formats = {
  int32 = "INT32", int64 = "INT64", double = "DOUBLE", ["date-time"] = "DATE_TIME", uuid = "UUID",
}

local emit_fields -- below

local function field_text(field)
  local out = { (".name = %s, .in = KL_IN_%s, .type = KL_T_%s"):format(quoted(field.name), field.place, field.type) }
  local function add(fmt, ...) out[#out + 1] = fmt:format(...) end
  if field.item_type then add(".item_type = KL_T_%s", field.item_type) end
  if field.explode or field.slashes then add ".explode = true" end
  for _, flag in ipairs { "required", "nullable", "deprecated", "map" } do
    if field[flag] then add(".%s = true", flag) end
  end
  if field.enum then
    local values = {}
    for i, v in ipairs(field.enum) do values[i] = quoted(v) end
    values[#values + 1] = "NULL"
    add(".enums = %s", emit("char *const", "enums", "{" .. table.concat(values, ", ") .. "}", true))
  end
  if field.default then add(".preset = %s", quoted(field.default)) end
  if field.pattern then add(".pattern = %s", quoted(field.pattern)) end
  if field.about then add(".about = %s", quoted(field.about)) end
  if field.format then
    local known = formats[field.format] or fail("%s has the unknown format %s", field.name, field.format)
    add(".format = KL_FORMAT_%s", known)
  end
  if field.min then add(".has_min = true, .min = %s", number(field.min)) end
  if field.max then add(".has_max = true, .max = %s", number(field.max)) end
  if field.min_length then add(".min_length = %d", field.min_length) end
  if field.max_length then add(".max_length = %d", field.max_length) end
  if field.fields then add(".fields = %s, .n_fields = %d", emit_fields(field.fields), #field.fields) end
  return "{" .. table.concat(out, ", ") .. "}"
end

function emit_fields(fields)
  if #fields == 0 then return "NULL" end
  local lines = {}
  for i, field in ipairs(fields) do lines[i] = "  " .. field_text(field) .. "," end
  return emit("kl_param", "fields", "{\n" .. table.concat(lines, "\n") .. "\n}", true)
end

local function emit_params(id, params)
  for _, field in ipairs(params) do
    local place = field.place
    if place == "HEADER" or place == "COOKIE" then fail("%s: a parameter in a %s", id, place:lower()) end
  end
  return emit_fields(params)
end

-- ---- operations ----

local rows, known = {}, {}
for line in io.lines(spec_dir .. "/endpoints.tsv") do
  local columns = {}
  for column in (line .. "\t"):gmatch "(.-)\t" do columns[#columns + 1] = column end
  if columns[1] ~= "operationId" then
    if #columns ~= 12 then fail("endpoints.tsv: %s has %d columns", columns[1], #columns) end
    local paper = columns[12]
    if not (paper == "paper" or paper == (columns[2] == "GET" and "live" or "refused")) then
      fail("endpoints.tsv: %s in paper trading is paper, live (a GET) or refused, not %s", columns[1], paper)
    end
    local row = {
      id = columns[1], method = columns[2], path = columns[3], auth = columns[5] == "yes", bucket = columns[6],
      cost = columns[7], paginated = columns[8], legacy = columns[10] == "legacy", notes = columns[11],
      paper = paper,
    }
    row.name = spec.snake(row.id)
    rows[#rows + 1] = row
    known[row.id] = row
  end
end

local summaries = {}
for line in io.lines(spec_dir .. "/summaries.tsv") do
  local id, text = line:match "^(%w+)\t(%S.*%S)$"
  if not id then fail("summaries.tsv: no operationId and summary in: %s", line) end
  if id ~= "operationId" then
    if not known[id] then fail("summaries.tsv: there is no operation %s", id) end
    if summaries[id] then fail("summaries.tsv: %s is there twice", id) end
    summaries[id] = text
  end
end

-- What a field means: by its name, or as "operation.field" where a name means something else in one operation.
local about, used = { parameter = {}, answer = {} }, {}
for line in io.lines(spec_dir .. "/fields.tsv") do
  local place, name, text = line:match "^(%l+)\t([%w_.]+)\t(%S.*)$"
  if place ~= "place" then
    if not about[place or ""] then fail("fields.tsv: no place, name and text in: %s", line) end
    if about[place][name] then fail("fields.tsv: %s is there twice", name) end
    about[place][name] = text
  end
end

local function annotate(fields, place, slot)
  for _, field in ipairs(fields or {}) do
    local key = about[place][slot .. "." .. field.name] and slot .. "." .. field.name or field.name
    field.about = about[place][key]
    used[place .. key] = true
    if place == "parameter" then annotate(field.fields, place, slot) end
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
  local op = operations[row.id]
  if not op then fail("%s is not in openapi.json", row.id) end
  if op.method ~= row.method or op.path ~= row.path then
    fail("%s is %s %s in openapi.json and %s %s in endpoints.tsv", row.id, op.method, op.path, row.method, row.path)
  end
  annotate(op.params, "parameter", slot)
  annotate(op.answer and op.answer.fields, "answer", slot)
  local schema = spec.answer_schema(op.raw, api)
  local answer = emit_shape(schema and shape_of(schema, api, false, {}))
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
    "   .tag = " .. quoted(op.tag),
    "   .summary = " .. quoted(summaries[row.id] or fail("summaries.tsv says nothing of %s", row.id)),
    "   .status = " .. quoted(op.status),
    "   .legacy = " .. tostring(row.legacy),
    "   .auth = " .. tostring(row.auth),
    "   .bucket = KL_BUCKET_" .. row.bucket:upper(),
    "   .cost = " .. cost,
    "   .cost_per_item = " .. tostring(per_item == "/order"),
    "   .paper = KL_PAPER_" .. row.paper:upper(),
    "   .rows = " .. quoted(rows_field),
    "   .cursor_field = " .. quoted(cursor),
    "   .replaced_by = " .. quoted(successor(row)),
    "   .params = " .. emit_params(row.id, op.params),
    "   .n_params = " .. #op.params,
    "   .has_body = " .. tostring(op.has_body),
    "   .result = " .. (op.answer and "&" .. emit("kl_param", "result", field_text(op.answer)) or "NULL"),
    "   .answer = " .. answer,
  }, ",\n") .. "},"
end
for _, id in ipairs(sorted_keys(operations)) do
  if not known[id] then fail("%s %s is not in endpoints.tsv", operations[id].path, id) end
end

for place, names in pairs(about) do
  for _, name in ipairs(sorted_keys(names)) do
    if not used[place .. name] then fail("fields.tsv: no %s is called %s", place, name) end
  end
end

-- ---- messages ----

local messages = {}
for _, kind in ipairs(sorted_keys(ws.messages)) do
  local shape
  for _, variant in ipairs((spec.parts(ws.messages[kind], ws))) do
    local msg = (variant.properties or {}).msg
    if msg then shape = merge(shape, shape_of(msg, ws, false, {})) end
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
  ("const char *const kl_operations_version = %q;\n"):format(api.info.version),
  "\nconst kl_message_entry kl_message_shapes[] = {\n" .. table.concat(messages, "\n") .. "\n};\n",
  ("const size_t kl_message_shape_count = %d;\n"):format(#messages),
  "\nconst char *const kl_channels[] = {\n" .. table.concat(channels, "\n") .. "\n  NULL,\n};\n",
})
local f, err = io.open(output, "wb")
if not f then fail("%s", err) end
if not f:write(text) or not f:close() then fail("%s: cannot write", output) end
