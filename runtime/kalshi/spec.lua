-- Reads the exchange's OpenAPI document and says it as plain tables: the operations with their parameters and answers.
-- Used by generate.lua, which makes C of them, and by compare.lua, which compares two documents. Raises a string when
-- the document is not what it should be.
--
-- A field (a parameter, a member of a body or of an answer) is a table
--   name; place = "PATH" | "QUERY" | "HEADER" | "COOKIE" | "BODY" | "ANSWER"; type and, of an array, item_type, as
--   operation.h names them; required, nullable, deprecated; enum = { texts }; default (a text); format, pattern;
--   min, max (of a number; of an array: how many items); min_length, max_length (of a string);
--   explode (a query array repeats its key), comma (an array that is sent as one string), slashes (a path value);
--   map (an object with any keys: item_type and fields are those of its values); schema: the named schema it is of;
--   fields: those of an object, or of the objects in an array. The one nameless field of an array of arrays, or of a
--   map of them, is the inner array. Nil for what is free-form, and for a schema inside itself, which `again` names.
local cjson = require "cjson"

local spec = {}

local function fail(...)
  error(string.format(...), 0)
end

---Keys of a table in order.
function spec.sorted_keys(t)
  local keys = {}
  for k in pairs(t) do keys[#keys + 1] = k end
  table.sort(keys)
  return keys
end
local sorted_keys = spec.sorted_keys

---JSON's null is as good as absent.
function spec.present(v)
  if v == cjson.null then return nil end
  return v
end
local present = spec.present

---The decoded JSON file.
function spec.read(path)
  local f, err = io.open(path, "rb")
  if not f then fail("%s", err) end
  local text = f:read "a"
  f:close()
  if not text then fail("%s: cannot be read", path) end
  local ok, document = pcall(cjson.decode, text)
  if not ok then fail("%s is not JSON: %s", path, document) end
  if type(document) ~= "table" then fail("%s is no JSON object", path) end
  return document
end

-- ---- schemas ----

---What a `$ref` stands for in the document `root`.
function spec.resolve(schema, root)
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
local resolve = spec.resolve

---The schemas a schema is made of: itself and, through references, every branch of allOf, oneOf and anyOf. The second
---result is the set of names passed on the way, the third the first of them.
function spec.parts(schema, root, out, refs)
  out, refs = out or {}, refs or {}
  if schema["$ref"] then
    local name = schema["$ref"]:match "[^/]+$"
    if refs[name] then return out, refs, name end
    refs[name] = true
    spec.parts(resolve({ ["$ref"] = schema["$ref"] }, root), root, out, refs)
    return out, refs, name
  end
  out[#out + 1] = schema
  local first
  for _, way in ipairs { "allOf", "oneOf", "anyOf" } do
    for _, branch in ipairs(schema[way] or {}) do
      local _, _, name = spec.parts(branch, root, out, refs)
      first = first or name
    end
  end
  return out, refs, first
end
local parts = spec.parts

---The first value that a list of schemas has for a key.
function spec.first_of(list, key)
  for _, schema in ipairs(list) do
    local v = present(schema[key])
    if v ~= nil then return v end
  end
end
local first_of = spec.first_of

-- ---- fields ----

local type_names = {
  string = "STRING", integer = "INTEGER", number = "NUMBER", boolean = "BOOLEAN", array = "ARRAY", object = "OBJECT",
}

-- The type as operation.h names it, and whether null is one of its values.
local function type_of(list, refs)
  local t = first_of(list, "type")
  local nullable = first_of(list, "nullable") == true
  if type(t) == "table" then -- OpenAPI 3.1: a list of types
    local other
    for _, one in ipairs(t) do
      if one == "null" then nullable = true else other = other or one end
    end
    t = other
  end
  if refs.FixedPointDollars then return "DOLLARS", nullable end
  if refs.FixedPointCount then return "COUNT", nullable end
  if not t then return first_of(list, "properties") and "OBJECT" or "ANY", nullable end
  return type_names[t] or fail("unknown type %s", t), nullable
end

local function text_of(v)
  if type(v) == "number" then return math.tointeger(v) and ("%d"):format(math.tointeger(v)) or ("%.17g"):format(v) end
  if type(v) == "table" then return cjson.encode(v) end
  return tostring(v)
end

local function texts_of(enum)
  local out = {}
  for _, v in ipairs(enum) do
    if present(v) ~= nil then out[#out + 1] = text_of(v) end
  end
  return out
end

local describe, members -- below

-- What an array holds or a map leads to: item_type, and fields where there are any.
local function describe_items(field, schema, root, trail)
  local list, refs, name = parts(schema, root)
  field.item_type = type_of(list, refs)
  if field.item_type == "ARRAY" then
    field.fields = { describe("", field.place, schema, root, false, trail) }
    return list
  end
  field.schema = name or field.schema
  field.fields, field.again = members(list, refs, field.place, root, trail)
  return list
end

-- `trail` holds the names of the schemas around this one.
function describe(name, place, schema, root, required, trail)
  local list, refs, named = parts(schema, root)
  local field = { name = name, place = place, required = required or false, schema = named }
  field.type, field.nullable = type_of(list, refs)
  field.deprecated = first_of(list, "deprecated") == true
  local item_list
  if field.type == "ARRAY" then
    field.item_type = "ANY"
    local items = first_of(list, "items") or (first_of(list, "prefixItems") or {})[1]
    if items then item_list = describe_items(field, items, root, trail) end
    field.min, field.max = first_of(list, "minItems"), first_of(list, "maxItems")
  else
    field.min, field.max = first_of(list, "minimum"), first_of(list, "maximum")
    field.fields, field.again = members(list, refs, place, root, trail)
    local values = first_of(list, "additionalProperties")
    local free = field.type == "OBJECT" and not field.fields and place == "ANSWER"
    if free and type(values) == "table" and next(values) then
      field.map = true
      describe_items(field, values, root, trail)
    end
  end
  local of_text = item_list or list
  field.min_length, field.max_length = first_of(of_text, "minLength"), first_of(of_text, "maxLength")
  field.pattern, field.format = first_of(of_text, "pattern"), first_of(of_text, "format")
  if field.type == "DOLLARS" or field.type == "COUNT" then field.pattern, field.format = nil, nil end
  local enum = first_of(of_text, "enum")
  field.enum = enum and texts_of(enum)
  local default = first_of(list, "default")
  field.default = default ~= nil and text_of(default) or nil
  return field
end

-- The members of an object: required ones first, in the order of the document, then the others by name. Nil for none.
function members(list, refs, place, root, trail)
  local inside = setmetatable({}, { __index = trail })
  for name in pairs(refs) do
    if trail[name] then return nil, name end
    inside[name] = true
  end
  local properties, required, order = {}, {}, {}
  for _, part in ipairs(list) do
    for _, name in ipairs(present(part.required) or {}) do
      if not required[name] then
        required[name] = true
        order[#order + 1] = name
      end
    end
    for name, schema in pairs(part.properties or {}) do properties[name] = schema end
  end
  if not next(properties) then return nil end
  for _, name in ipairs(sorted_keys(properties)) do
    if not required[name] then order[#order + 1] = name end
  end
  local out = {}
  for _, name in ipairs(order) do
    if not properties[name] then fail("required property %s is not described", name) end
    out[#out + 1] = describe(name, place, properties[name], root, required[name], inside)
  end
  return out
end

-- ---- operations ----

-- Lists that the exchange takes as one comma-separated string (protocol notes, section 5).
local comma_refs = { MultipleEventTickerQuery = true, CountFilterQuery = true }

local function read_parameter(given, op, root)
  local ref = given["$ref"] and given["$ref"]:match "[^/]+$"
  local p = resolve(given, root)
  local schema = p.schema or {}
  local field = describe(p.name, p["in"]:upper(), schema, root, p.required or p["in"] == "path", {})
  field.deprecated = field.deprecated or p.deprecated == true
  if p["in"] == "query" then
    if field.type == "ARRAY" then
      field.explode = p.explode ~= false
    elseif schema.type == "string" and (p.name:find "tickers$" or comma_refs[ref]) then
      field.type, field.item_type, field.comma = "ARRAY", "STRING", true
    end
  elseif p["in"] == "path" then
    field.slashes = op["x-wildcard-path"] == true
  end
  return field
end

-- Path parameters in the order of the path, then the query, then the body.
local function read_parameters(id, path, item, op, root)
  local in_path, others, params = {}, {}, {}
  for _, list in ipairs { item.parameters or {}, op.parameters or {} } do
    for _, given in ipairs(list) do
      local field = read_parameter(given, op, root)
      if field.place == "PATH" then in_path[field.name] = field else others[#others + 1] = field end
    end
  end
  for name in path:gmatch "{([%w_]+)}" do
    params[#params + 1] = in_path[name] or describe(name, "PATH", { type = "string" }, root, true, {})
    in_path[name] = nil
  end
  if next(in_path) then fail("%s: path parameter %s is not in the path", id, (next(in_path))) end
  table.move(others, 1, #others, #params + 1, params)
  local body = op.requestBody and resolve(op.requestBody, root)
  local json = body and (body.content or {})["application/json"]
  if json and json.schema then
    local list, refs, name = parts(json.schema, root)
    for _, field in ipairs(members(list, refs, "BODY", root, {}) or {}) do
      field.within = name
      params[#params + 1] = field
    end
  end
  return params, body ~= nil
end

---The schema of the answer of an operation; nil when it has no content.
function spec.answer_schema(op, root)
  for _, status in ipairs { "200", "201", "202" } do
    local r = (op.responses or {})[status]
    r = r and resolve(r, root)
    local json = r and r.content and r.content["application/json"]
    if json then return json.schema end
  end
end

local methods = { "get", "post", "put", "delete", "patch" }

---The operations of a document by operationId: { id, method, path, tag, status, deprecated, key, has_body, params =
---{ fields }, answer = field or nil, raw = the operation as the document has it }. `status` is "current",
---"deprecated" or what the document's x-status says; `key`: whether it needs an API key.
function spec.operations(root)
  if type(root.paths) ~= "table" then fail "this is no OpenAPI document: it has no paths" end
  local out = {}
  for _, path in ipairs(sorted_keys(root.paths)) do
    local item = root.paths[path]
    for _, method in ipairs(methods) do
      local op = present(item[method])
      if op then
        local id = op.operationId or fail("%s %s has no operationId", method:upper(), path)
        if out[id] then fail("two operations are called %s", id) end
        local params, has_body = read_parameters(id, path, item, op, root)
        local schema = spec.answer_schema(op, root)
        out[id] = {
          id = id, method = method:upper(), path = path, tag = (op.tags or {})[1] or "",
          status = op["x-status"] or (op.deprecated and "deprecated" or "current"), deprecated = op.deprecated == true,
          key = #(op.security or root.security or {}) > 0, has_body = has_body, params = params,
          answer = schema and describe("", "ANSWER", schema, root, false, {}), raw = op,
        }
      end
    end
  end
  return out
end

-- Words that the exchange writes in capitals or without a border.
local words = { "CFBenchmarks", "Cfbenchmarks", "RFQ", "Rfq", "FCM", "Fcm", "ID", "Id" }

---The name scripts call an operation by: snake case, V2 dropped.
function spec.snake(id)
  local s = id:gsub("V2$", "")
  for i = 1, #words, 2 do s = s:gsub(words[i], words[i + 1]) end
  s = s:gsub("(%l)(%u)", "%1_%2"):gsub("(%u)(%u%l)", "%1_%2")
  return s:lower()
end

return spec
